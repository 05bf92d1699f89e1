/* What members send to their customers by themselves takes places of the platform's cap too. It is
 * looked at channel by channel: before anything of a campaign is asked of them, and then now and
 * again while the channel has something to send.
 *
 *     list, page by page -> whom each of them reached, page by page -> store -> the engine counts
 *
 * One call at a time. Whoever waits for it waits no longer than `patience`: what is known then is a
 * lower bound, as it always is (a member may send a moment later, what an admin sends is not seen),
 * and the platform's own word on each recipient is what counts in the end. */
#include "loop/internal.h"

#include "base/log.h"
#include "plan/spec.h"

#include <stdlib.h>
#include <string.h>

static const duration_t patience = 30 * MS_PER_SECOND, span_max = 30 * (duration_t)MS_PER_DAY,
                        overlap = 2 * MS_PER_HOUR, ahead = 5 * MS_PER_MINUTE;
enum {
    EVERY = 15
}; /* times the account's `poll`, which is the shortest distance of all questions */

struct own_task {
    char *ref, *member;
};

struct own_sends {        /* of one channel */
    struct store_job job; /* first */
    struct own_sends *next;
    struct run *run;
    char *channel;
    instant_t looked_at; /* when the last look began that is over; INSTANT_MIN: none */
    instant_t known_to;  /* what was sent before has been read; INSTANT_MIN: nothing */
    instant_t next_at, begun_at, from, to;
    struct chan *chan; /* whose instance is asked; NULL: nothing is under way */
    struct own_task *tasks;
    size_t count, capacity, at;
    struct effect *waiting; /* EFFECT_HISTORY: revisions that nothing is sent of before */
    size_t waiting_count, waiting_capacity;
    instant_t wait_until;
    /* of the job */
    struct arena *arena;
    struct store_other_send *rows;
    size_t row_count;
    char *cursor; /* of the next page; NULL: none */
    instant_t keep_from;
    int rc;
    struct err e;
};

static void on_tasks(void *ctx, const struct channel_book_page *page);
static void on_reached(void *ctx, const struct channel_book_page *page);
static void go_on(struct own_sends *o);

static duration_t at_most(duration_t d, duration_t most)
{
    return d < most ? d : most;
}

/* A look that began so little time ago is as good as a new one. */
static duration_t fresh(const struct chan *c)
{
    return at_most(c->settings->account->poll_ms, MS_PER_MINUTE);
}

static duration_t distance(const struct chan *c)
{
    return at_most(EVERY * c->settings->account->poll_ms, MS_PER_HOUR);
}

static bool is_looked_at(const struct chan *c)
{
    return c->conf->account && c->kind->read_book && c->kind->caps.platform_confirms;
}

/* --- who waits --- */

static void release(struct own_sends *o)
{
    for (size_t i = 0; i < o->waiting_count; i++)
        driver_history(o->run, &o->waiting[i]);
    o->waiting_count = 0;
}

static void finish(struct own_sends *o, const char *problem, instant_t not_before)
{
    instant_t every = o->begun_at + distance(o->chan);

    if (problem)
        log_line(LOG_WARNING, "own_sends",
                 "channel=%s: what members sent by themselves is not known: %s", o->channel,
                 problem);
    else
        o->known_to = o->to - ahead;
    for (size_t i = 0; i < o->count; i++) {
        free(o->tasks[i].ref);
        free(o->tasks[i].member);
    }
    o->count = 0;
    o->looked_at = o->begun_at;
    o->next_at = not_before > every ? not_before : every;
    o->chan = NULL;
    release(o);
}

/* --- asking --- */

static void ask(struct own_sends *o, const char *cursor)
{
    const struct own_task *t = o->at < o->count ? &o->tasks[o->at] : NULL;
    const struct channel_book_ask what = {
        .kind = t ? CHANNEL_BOOK_REACHED : CHANNEL_BOOK_OWN_TASKS,
        .member = t ? t->member : NULL,
        .ref = t ? t->ref : NULL,
        .cursor = cursor ? cursor : "",
        .from_ms = o->from,
        .to_ms = o->to,
    };

    o->chan->kind->read_book(o->chan->instance, &what, t ? on_reached : on_tasks, o);
}

/* From the beginning of the cap's period, or a little before what is known. */
static void begin(struct own_sends *o, struct chan *c)
{
    const struct tz *zone = zones_get(o->run->zones, PLATFORM_ZONE);
    instant_t now = run_now(o->run), begins, ends;

    period_of(spec_cap_period(c->conf->account->receive_cap), zone, now, &begins, &ends);
    o->keep_from = begins - MS_PER_DAY;
    o->from = begins - overlap;
    if (o->known_to != INSTANT_MIN && o->known_to - overlap > o->from)
        o->from = o->known_to - overlap;
    o->to = now + ahead;
    if (o->from < o->to - span_max)
        o->from = o->to - span_max;
    o->begun_at = now;
    o->chan = c;
    o->at = 0;
    ask(o, NULL);
}

static void on_tasks(void *ctx, const struct channel_book_page *page)
{
    struct own_sends *o = ctx;

    if (page->problem) {
        finish(o, page->problem, page->not_before_ms);
        return;
    }
    for (size_t i = 0; i < page->count; i++) {
        o->tasks = xgrow(o->tasks, &o->capacity, o->count + 1, sizeof *o->tasks);
        o->tasks[o->count++] =
            (struct own_task){xstrdup(page->rows[i].id), xstrdup(page->rows[i].name)};
    }
    o->at = o->count; /* all pages first */
    if (page->cursor) {
        ask(o, page->cursor);
        return;
    }
    o->at = 0;
    go_on(o);
}

static void go_on(struct own_sends *o)
{
    if (o->at < o->count)
        ask(o, NULL);
    else
        finish(o, NULL, INSTANT_MIN);
}

/* --- whom it reached --- */

static void keep_run(struct store *store, struct store_job *job)
{
    struct own_sends *o = (struct own_sends *)job;

    o->rc = store_other_sends_add(store, o->rows, o->row_count, o->keep_from, &o->e);
}

static void kept(struct store_job *job)
{
    struct own_sends *o = (struct own_sends *)job;
    char *cursor = o->cursor;
    size_t news = 0;

    o->cursor = NULL;
    for (size_t i = 0; i < o->row_count && !o->rc; i++) {
        if (!o->rows[i].id)
            continue;
        engine_other_send(o->run->engine, run_now(o->run), 0, o->rows[i].id, o->rows[i].sent_at);
        news++;
    }
    arena_free(o->arena);
    o->arena = NULL;
    if (news)
        log_line(LOG_INFO, "own_sends", "channel=%s: a member has sent to %zu by themselves",
                 o->channel, news);
    if (o->rc) { /* the next look reads it again */
        if (o->rc == ERR_STORE)
            run_store_failed(o->run, &o->e);
        finish(o, o->e.text, INSTANT_MIN);
    } else if (cursor) {
        ask(o, cursor);
    } else {
        o->at++;
        go_on(o);
    }
    free(cursor);
}

/* One that cannot be read (its member has left the app's range, it is being dispatched) is skipped:
 * the next looks try it again for a while. */
static void on_reached(void *ctx, const struct channel_book_page *page)
{
    struct own_sends *o = ctx;

    if (page->problem && page->not_before_ms) {
        finish(o, page->problem, page->not_before_ms);
        return;
    }
    if (page->problem) {
        log_line(LOG_WARNING, "own_sends", "channel=%s: what a member sent by themselves: %s",
                 o->channel, page->problem);
        o->at++;
        go_on(o);
        return;
    }
    o->arena = arena_new();
    o->rows = arena_array(o->arena, page->count + 1, sizeof *o->rows);
    o->row_count = page->count;
    for (size_t i = 0; i < page->count; i++)
        o->rows[i] =
            (struct store_other_send){.recipient = arena_strdup(o->arena, page->rows[i].id),
                                      .ref = o->tasks[o->at].ref,
                                      .sent_at = page->rows[i].added_ms};
    o->cursor = page->cursor ? xstrdup(page->cursor) : NULL;
    o->job = (struct store_job){keep_run, kept, NULL};
    storer_run(o->run->storer, &o->job);
}

/* --- when --- */

static struct own_sends *of(struct run *s, const struct chan *c)
{
    struct own_sends *o = s->own_sends;

    while (o && strcmp(o->channel, c->conf->name) != 0)
        o = o->next;
    if (o)
        return o;
    o = xmalloc(sizeof *o);
    *o = (struct own_sends){.next = s->own_sends,
                            .run = s,
                            .channel = xstrdup(c->conf->name),
                            .looked_at = INSTANT_MIN,
                            .known_to = INSTANT_MIN,
                            .next_at = INSTANT_MIN};
    s->own_sends = o;
    return o;
}

bool own_sends_first(struct run *s, const struct effect *f)
{
    const struct running *r = map_get(&s->running, f->revision);
    instant_t now = run_now(s);
    struct own_sends *o;

    if (!r || s->stopping || !is_looked_at(r->channel))
        return false;
    o = of(s, r->channel);
    if (o->looked_at != INSTANT_MIN && o->looked_at + fresh(r->channel) > now)
        return false;
    o->waiting = xgrow(o->waiting, &o->waiting_capacity, o->waiting_count + 1, sizeof *o->waiting);
    if (o->waiting_count == 0)
        o->wait_until = now + patience;
    o->waiting[o->waiting_count++] = *f;
    if (!o->chan)
        begin(o, r->channel);
    return true;
}

static bool runs_on(const struct run *s, const struct chan *c)
{
    size_t at = 0;

    for (const struct running *r; (r = map_each(&s->running, &at));)
        if (r->channel == c)
            return true;
    return false;
}

void own_sends_tick(struct run *s)
{
    instant_t now = run_now(s);

    for (size_t i = 0; i < s->channel_count && !s->stopping; i++) {
        struct chan *c = s->channels[i];
        struct own_sends *o = is_looked_at(c) ? of(s, c) : NULL;
        if (!o)
            continue;
        if (o->waiting_count && now >= o->wait_until) {
            log_line(LOG_WARNING, "own_sends",
                     "channel=%s: what members sent by themselves was not known in time",
                     o->channel);
            release(o);
        }
        if (!o->chan && (o->waiting_count || (now >= o->next_at && runs_on(s, c))))
            begin(o, c);
    }
}

bool own_sends_use(const struct run *s, const struct chan *c)
{
    for (const struct own_sends *o = s->own_sends; o; o = o->next)
        if (o->chan == c)
            return true;
    return false;
}

void own_sends_free(struct run *s)
{
    while (s->own_sends) {
        struct own_sends *o = s->own_sends;
        s->own_sends = o->next;
        for (size_t i = 0; i < o->count; i++) {
            free(o->tasks[i].ref);
            free(o->tasks[i].member);
        }
        free(o->tasks);
        free(o->waiting);
        free(o->cursor);
        arena_free(o->arena);
        free(o->channel);
        free(o);
    }
}
