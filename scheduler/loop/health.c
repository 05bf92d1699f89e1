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

enum { TRY_FIRST_MS = 250, TRY_MAX_MS = 30000, MARK_MS = 1000 };

struct trial {
    struct store_job job;
    struct run *run;
    struct err err;
    int rc;
};

struct health {
    char problem[1200];           /* of the store, for people; "" when it is well */
    bool hopeless;                /* it will not come back by itself */
    bool tried_last;              /* and did not when the service was about to stop */
    uint64_t pause_ms, try_at_ms; /* uv_now */
    bool trying;

    uint64_t mark_at_ms;
    bool marking;
    char mark_problem[1200];
    struct store_gap past; /* not KNOWN: the mark stays as it is until a person has released it */
    char gap[768];         /* the same, for people */
};

void health_new(struct run *s)
{
    s->health = xmalloc(sizeof *s->health);
    s->health->pause_ms = TRY_FIRST_MS;
    s->health->past.past = STORE_PAST_UNMARKED; /* until health_look_back has looked */
}

void health_free(struct run *s)
{
    struct err e;

    if (s->store && s->health->past.past == STORE_PAST_KNOWN && !s->store_broken &&
        store_mark_write(s->store, &e))
        log_line(LOG_WARNING, "store", "the mark is not written: %s", e.text);
    free(s->health);
}

static const char *text_or_null(const char *text)
{
    return text[0] ? text : NULL;
}

const char *health_problem(const struct run *s)
{
    return text_or_null(s->health->problem);
}

const char *health_gap(const struct run *s)
{
    return text_or_null(s->health->gap);
}

const char *health_mark_problem(const struct run *s)
{
    return text_or_null(s->health->mark_problem);
}

bool health_given_up(const struct run *s)
{
    return s->store_broken && (s->health->hopeless || s->health->tried_last);
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
    bool first = !s->store_broken;
    struct err latched;

    if (!ours && storer_failed(s->storer, &latched))
        e = &latched; /* the cause, not what it did to one job */
    if (h->hopeless || (!first && !ours && e->code != ERR_DATA))
        return;
    s->store_broken = true;
    h->hopeless = ours || e->code == ERR_DATA;
    h->try_at_ms = uv_now(&s->loop) + h->pause_ms;
    say_problem(h, e);
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
        revisions_sync_all(s); /* decisions of people may have been saved all the same */
    } else if (t->rc == ERR_DATA) {
        run_store_failed(s, &t->err);
    } else {
        say_problem(h, &t->err);
        h->try_at_ms = uv_now(&s->loop) + h->pause_ms;
        h->tried_last = s->stopping;
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
    bool said = h->mark_problem[0];

    h->marking = false;
    h->mark_problem[0] = 0;
    if (t->rc && t->rc != ERR_STORE)
        snprintf(h->mark_problem, sizeof h->mark_problem,
                 tr("the mark beside the store is not written, so an older copy of the store would "
                    "not be noticed: %s"),
                 t->err.text);
    if (h->mark_problem[0] && !said)
        log_line(LOG_WARNING, "store", "%s", h->mark_problem);
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
    bool due = now >= h->try_at_ms || (s->stopping && !h->tried_last);
    if (s->store_broken && !h->hopeless && !h->trying && due)
        try_again(s);
    if (!s->store_broken && h->past.past == STORE_PAST_KNOWN && !h->marking && now >= h->mark_at_ms)
        mark(s);
}

/* --- the past --- */

static void day_and_time(struct run *s, instant_t at, char out[INSTANT_TEXT])
{
    if (at == INSTANT_MIN)
        snprintf(out, INSTANT_TEXT, "?");
    else
        instant_format(at, tz_offset_s(zones_get(s->zones, s->conf->zone_name), at), out);
}

static void say_gap(struct run *s)
{
    struct health *h = s->health;
    const struct store_gap *g = &h->past;
    char from[INSTANT_TEXT], to[INSTANT_TEXT];

    day_and_time(s, g->from, from);
    day_and_time(s, g->to, to);
    if (g->past == STORE_PAST_BEHIND)
        snprintf(h->gap, sizeof h->gap,
                 tr("the store is an older copy: %lld audit records and %lld steps of deliveries "
                    "are missing, from %s to %s. Who was written to in that time is not known "
                    "here: cancel or correct what has gone on, then lift the halt"),
                 (long long)g->records, (long long)g->steps, from, to);
    else if (g->past == STORE_PAST_OTHER)
        snprintf(h->gap, sizeof h->gap,
                 tr("the store is not the one that was used here until %s, or went another way. "
                    "Who was written to is perhaps not known here: cancel or correct what has gone "
                    "on, then lift the halt"),
                 to);
    else if (g->past == STORE_PAST_UNMARKED)
        snprintf(h->gap, sizeof h->gap,
                 tr("there is no mark beside the store (%s.mark), so whether the store is an older "
                    "copy is not known. Its last record is of %s: cancel or correct what has gone "
                    "on since, then lift the halt"),
                 s->conf->store_path, from);
}

int health_look_back(struct run *s, struct err *e)
{
    struct health *h = s->health;
    int rc = store_mark_check(s->store, &h->past, e);

    if (rc)
        return rc;
    if (h->past.past == STORE_PAST_KNOWN)
        return store_mark_write(s->store, e); /* a new store has one from the beginning */
    say_gap(s);
    log_line(LOG_ERROR, "store", "held: %s", h->gap);
    return 0;
}

void health_release(struct run *s)
{
    struct health *h = s->health;

    h->past = (struct store_gap){.past = STORE_PAST_KNOWN};
    h->gap[0] = 0;
    h->mark_at_ms = 0; /* the next turn writes it */
}
