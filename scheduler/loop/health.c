/* How the store is: latched, looked after, taken up again; and how far it was (its mark).
 *
 *     an error -> no claims, outcomes are kept in memory -> after a pause, and a longer one each
 *     time: store_reopen (a write and a read on a new connection) -> the unknown commit is repeated
 *     -> what failed with it -> what was decided meanwhile -> claims again
 *
 * A damaged or foreign file is not tried again: a person must put it right. */
#include "loop/internal.h"

#include "base/lang.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TRY_FIRST_MS = 1000, TRY_MAX_MS = 60000, MARK_MS = 1000 };

struct trial {
    struct store_job job;
    struct run *run;
    struct err err;
    int rc;
};

struct health {
    char problem[1200]; /* of the store, for people; "" when it is well */
    bool hopeless;
    uint64_t pause_ms, try_at_ms; /* uv_now */
    bool trying;
    uint64_t mark_at_ms;
    bool marking, mark_failed;
    char gap[512]; /* what the store does not know any more; "" when nothing */
    bool behind;   /* the mark stays as it is until a person has released the store */
};

void health_new(struct run *s)
{
    s->health = xmalloc(sizeof *s->health);
    s->health->pause_ms = TRY_FIRST_MS;
    s->health->behind = true; /* until health_look_back has looked */
}

void health_free(struct run *s)
{
    struct err e;

    if (s->store && !s->health->behind && !s->store_broken && store_mark_write(s->store, &e))
        log_line(LOG_WARNING, "store", "the mark is not written: %s", e.text);
    free(s->health);
}

bool health_hopeless(const struct run *s)
{
    return s->health->hopeless;
}

const char *health_problem(const struct run *s)
{
    const struct health *h = s->health;

    return h->problem[0] ? h->problem : h->gap[0] ? h->gap : NULL;
}

const char *health_gap(const struct run *s)
{
    return s->health->gap[0] ? s->health->gap : NULL;
}

/* --- latched --- */

static void say_problem(struct health *h, const struct err *e)
{
    snprintf(h->problem, sizeof h->problem, tr("nothing is sent: %s"), e->text);
}

void run_store_failed(struct run *s, const struct err *e)
{
    struct health *h = s->health;
    bool ours = e->code == ERR_INTERNAL;

    if (h->hopeless || (s->store_broken && !ours && e->code != ERR_DATA))
        return;
    bool first = !s->store_broken;
    s->store_broken = true;
    h->hopeless = ours || e->code == ERR_DATA;
    h->try_at_ms = uv_now(&s->loop) + h->pause_ms;
    say_problem(h, e);
    if (first || h->hopeless)
        log_line(LOG_ERROR, "store", "%s in_flight=%zu%s", h->problem, sends_calling(s),
                 ours          ? "; stopping"
                 : h->hopeless ? "; waiting for a person"
                               : "");
    run_hold_claims(s);
    if (ours) {
        engine_halt(s->engine);
        run_stop(s, 70);
    }
}

void health_settled(struct run *s)
{
    s->health->pause_ms = TRY_FIRST_MS;
}

/* --- and back --- */

static void trial_run(struct store *store, struct store_job *job)
{
    struct trial *t = (struct trial *)job;

    t->rc = store_reopen(store, &t->err);
}

static void trial_done(struct store_job *job)
{
    struct trial *t = (struct trial *)job;
    struct run *s = t->run;
    struct health *h = s->health;

    h->trying = false;
    if (!t->rc) {
        s->store_broken = false;
        h->problem[0] = 0;
        log_line(LOG_WARNING, "store", "back: written and read again");
        run_hold_claims(s);
        revisions_sync_all(s); /* decisions of people may have been written all the same */
    } else if (t->rc == ERR_DATA) {
        run_store_failed(s, &t->err);
    } else {
        say_problem(h, &t->err);
        h->try_at_ms = uv_now(&s->loop) + h->pause_ms;
    }
    free(t);
}

static void try_again(struct run *s)
{
    struct health *h = s->health;
    struct trial *t = xmalloc(sizeof *t);

    t->job = (struct store_job){trial_run, trial_done, NULL};
    t->run = s;
    h->trying = true;
    h->pause_ms = h->pause_ms < TRY_MAX_MS / 2 ? h->pause_ms * 2 : TRY_MAX_MS;
    storer_run(s->storer, &t->job);
}

/* --- the mark --- */

static void mark_run(struct store *store, struct store_job *job)
{
    struct trial *t = (struct trial *)job;

    store_backup_sweep(store);
    t->rc = store_mark_write(store, &t->err);
}

static void mark_done(struct store_job *job)
{
    struct trial *t = (struct trial *)job;
    struct health *h = t->run->health;

    h->marking = false;
    if (t->rc && !h->mark_failed)
        log_line(LOG_WARNING, "store", "the mark is not written: %s", t->err.text);
    h->mark_failed = t->rc != 0;
    free(t);
}

static void mark(struct run *s)
{
    struct health *h = s->health;
    struct trial *t = xmalloc(sizeof *t);

    t->job = (struct store_job){mark_run, mark_done, NULL};
    t->run = s;
    h->marking = true;
    h->mark_at_ms = uv_now(&s->loop) + MARK_MS;
    storer_run(s->storer, &t->job);
}

void health_tick(struct run *s)
{
    struct health *h = s->health;
    uint64_t now = uv_now(&s->loop);
    struct err e;

    if (!s->storer)
        return;
    if (!h->trying && !s->store_broken && storer_failed(s->storer, &e))
        run_store_failed(s, &e); /* a request met it first */
    if (s->store_broken && !h->hopeless && !h->trying && now >= h->try_at_ms)
        try_again(s);
    if (!s->store_broken && !h->behind && !h->marking && now >= h->mark_at_ms)
        mark(s);
}

static void day_and_time(instant_t at, char out[32])
{
    time_t seconds = (time_t)(at / 1000);
    struct tm tm;

    if (at == INSTANT_MIN || at == 0 || !gmtime_r(&seconds, &tm) ||
        !strftime(out, 32, "%Y-%m-%d %H:%M:%S UTC", &tm))
        snprintf(out, 32, "?");
}

int health_look_back(struct run *s, struct err *e)
{
    struct health *h = s->health;
    struct store_gap gap;
    char from[32], to[32];
    int rc = store_mark_check(s->store, &gap, e);

    if (rc)
        return rc;
    day_and_time(gap.from, from);
    day_and_time(gap.to, to);
    h->behind = gap.past == STORE_PAST_BEHIND || gap.past == STORE_PAST_OTHER;
    if (gap.past == STORE_PAST_BEHIND)
        snprintf(h->gap, sizeof h->gap,
                 tr("the store is %lld records behind what this machine has seen: sends between %s "
                    "and %s may be missing; cancel or correct what has gone on, then: paceline "
                    "unhalt --reason TEXT"),
                 (long long)gap.missing, from, to);
    else if (gap.past == STORE_PAST_OTHER)
        snprintf(h->gap, sizeof h->gap,
                 tr("the store is not the one that this machine has seen (until %s), or went "
                    "another way: sends may be missing in it; cancel or correct what has gone on, "
                    "then: paceline unhalt --reason TEXT"),
                 to);
    if (h->behind)
        log_line(LOG_ERROR, "store", "held: %s", h->gap);
    else if (gap.past == STORE_PAST_UNMARKED)
        log_line(LOG_WARNING, "store",
                 "the mark is missing, it is made anew: whether the store is "
                 "an older copy cannot be told this time");
    return 0;
}

void health_release(struct run *s)
{
    struct health *h = s->health;

    h->behind = false;
    h->gap[0] = 0;
    h->mark_at_ms = 0; /* the next turn writes it */
}
