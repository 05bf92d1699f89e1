/* What people are asked, and tasks: what the platform asks its own members.
 *
 * A question by hand is open until it is answered or late. A task that must not stay open any more
 * is withdrawn first; results go on counting until the platform has said how that ended. */
#include "engine/internal.h"

#include "base/arena.h"

#include <assert.h>
#include <stdlib.h>

enum { CLOSING_MS = 60000 }; /* so long before a closed time a task is withdrawn */

/* No task is left open into a closed time: it is withdrawn a little before. */
static instant_t closes_at(const struct engine *e, const struct flight *f)
{
    const struct schedule *s = f->queue->schedule;
    instant_t closes = schedule_opens(s, e->now) == e->now ? schedule_closes(s, e->now) : e->now;
    duration_t left = closes == INSTANT_NEVER ? 0 : closes - e->now;

    return left < 10 * CLOSING_MS ? closes - left / 10 : closes - CLOSING_MS;
}

static void watch_late(struct engine *e, struct flight *f)
{
    if (!f->queue->revision->spec.within)
        return;
    f->late.at = instant_add(f->claimed_at, f->queue->revision->spec.within);
    if (flight_is_task(f) && closes_at(e, f) < f->late.at)
        f->late.at = closes_at(e, f);
    f->late.seq = ++e->seq;
    e->late_memory =
        xgrow(e->late_memory, &e->late_capacity, e->late.count + 1, sizeof *e->late_memory);
    e->late.nodes = e->late_memory;
    e->late.capacity = e->late_capacity;
    heap_put(&e->late, &f->late);
}

/* --- tasks --- */

/* Said again, the last word counts, but what was to wait no more does not wait again. */
static void withdraw(struct engine *e, struct flight *f, enum delivery_state then,
                     enum reason reason)
{
    if (f->state == FLIGHT_WITHDRAWING && then == DELIVERY_PENDING)
        return;
    f->then = then;
    f->then_reason = reason;
    if (f->state == FLIGHT_WITHDRAWING)
        return;
    f->state = FLIGHT_WITHDRAWING;
    heap_remove(&e->late, &f->late);
    engine_emit(e, &(struct effect){.kind = EFFECT_WITHDRAW,
                                    .revision = f->queue->revision->spec.id,
                                    .lane = f->queue->lane->id,
                                    .send = f->send,
                                    .at = e->now});
}

/* One of the tasks that are open, and not being withdrawn for good. */
static struct flight *task_of(const struct engine *e, const struct revision *r, size_t *at)
{
    struct flight *f;

    while ((f = map_each(&e->flights, at)) &&
           ((f->state != FLIGHT_ASKED && f->state != FLIGHT_WITHDRAWING) || !flight_is_task(f) ||
            (r && f->queue->revision != r)))
        ;
    return f;
}

void flights_halted(struct engine *e)
{
    size_t at = 0;

    for (struct flight *f; (f = task_of(e, NULL, &at));)
        withdraw(e, f, DELIVERY_PENDING, REASON_NONE);
}

/* The lane goes on with its next task. */
static void step_aside(struct engine *e, struct flight *f)
{
    f->aside = true;
    flight_free_lane(e, f->queue->lane);
}

instant_t flight_capped_until(const struct engine_revision *r, instant_t at)
{
    instant_t begins, ends;

    if (at == INSTANT_MIN || !r->cap_zone)
        return INSTANT_MIN;
    period_of(r->cap_period, r->cap_zone, at, &begins, &ends);
    return instant_add(ends, CLOSING_MS); /* their clock is not ours */
}

void flight_capped(struct engine *e, int64_t delivery)
{
    struct flight *f = map_get(&e->in_flight, delivery);

    if (f)
        f->items[flight_find(f, delivery)].capped = true;
}

/* The platform's own cap was full: with messages that we do not know of. */
static void settle_capped(struct engine *e, struct flight *f, size_t index)
{
    const struct engine_revision *r = &f->queue->revision->spec;
    struct item item = f->items[index];

    if (!item.capped && r->cap_zone && f->then != DELIVERY_CANCELED &&
        f->then != DELIVERY_EXPIRED && !f->queue->revision->dropped) {
        flight_put_back(e, f, index, REASON_FREQUENCY_CAP, flight_capped_until(r, e->now));
        lane_touch(e, f->queue->lane);
        return;
    }
    flight_leave(e, f, index);
    flight_give_place_back(e, f, &item);
    flight_result(e, f, &item, DELIVERY_SKIPPED, REASON_FREQUENCY_CAP);
}

/* What was certainly not sent gives its place back. */
static void settle_asked(struct engine *e, struct flight *f, size_t index,
                         enum delivery_state state, enum reason reason)
{
    struct item item = f->items[index];
    bool not_sent = state == DELIVERY_SKIPPED || state == DELIVERY_CANCELED ||
                    reason == REASON_NOT_SENT || (state == DELIVERY_EXPIRED && !f->shown);

    if (not_sent) {
        flight_leave(e, f, index);
        flight_give_place_back(e, f, &item);
        flight_result(e, f, &item, state, reason);
    } else {
        flight_settle_item(e, f, index, state, reason);
    }
    if (!flight_is_task(f))
        f->queue->lane->last_answer = e->now;
    if (!f->count)
        flight_land(e, f);
}

static void close_question(struct engine *e, struct flight *f, enum delivery_state state,
                           enum reason reason)
{
    for (size_t left = f->count; left > 0; left--) /* the last one lands it */
        settle_asked(e, f, 0, state, reason);
}

/* What was paused, canceled or over while the channel was asking is nobody's question. */
void flight_ask(struct engine *e, struct flight *f)
{
    const struct revision *r = f->queue->revision;

    f->state = FLIGHT_ASKED;
    for (size_t i = 0; i < f->count; i++)
        flight_result(e, f, &f->items[i], DELIVERY_PROMPTED, REASON_NONE);
    watch_late(e, f);
    if (flight_is_task(f)) {
        step_aside(e, f);
        if (f->queue->ended)
            withdraw(e, f, DELIVERY_EXPIRED, REASON_ENDED);
        else if (r->dropped && !r->keep_asked)
            withdraw(e, f, DELIVERY_CANCELED, REASON_CANCELED);
        else if ((r->paused && !r->keep_asked) || e->halted)
            withdraw(e, f, DELIVERY_PENDING, REASON_NONE);
        return;
    }
    if (f->queue->ended)
        close_question(e, f, DELIVERY_EXPIRED, REASON_ENDED);
    else if (r->dropped && !r->keep_asked)
        close_question(e, f, DELIVERY_CANCELED, REASON_CANCELED);
    else if (r->paused && !r->keep_asked)
        flight_give_back(e, f, INSTANT_MIN);
}

/* --- questions to people --- */

static struct flight *asked(const struct engine *e, int64_t send)
{
    struct flight *f = map_get(&e->flights, send);

    return f && f->state == FLIGHT_ASKED ? f : NULL;
}

void engine_shown(struct engine *e, int64_t send)
{
    struct flight *f = asked(e, send);

    if (f)
        f->shown = true;
}

bool engine_settle(struct engine *e, instant_t now, int64_t delivery, enum delivery_state state,
                   enum reason reason)
{
    struct flight *f = map_get(&e->in_flight, delivery);

    engine_time(e, now);
    if (!f || f->state != FLIGHT_ASKED)
        return false;
    settle_asked(e, f, flight_find(f, delivery), state, reason);
    return true;
}

bool engine_settle_at(struct engine *e, instant_t now, int64_t delivery, enum delivery_state state,
                      enum reason reason, instant_t sent_at)
{
    struct flight *f = map_get(&e->in_flight, delivery);

    engine_time(e, now);
    if (!f || !flight_is_task(f) || (f->state != FLIGHT_ASKED && f->state != FLIGHT_WITHDRAWING))
        return false;
    size_t i = flight_find(f, delivery);
    if (state == DELIVERY_PENDING)
        settle_capped(e, f, i);
    else if (state == DELIVERY_SENT)
        flight_settle_item_at(e, f, i, state, reason, sent_at);
    else
        flight_settle_item(e, f, i, state, reason);
    if (!f->count)
        flight_land(e, f);
    return true;
}

void engine_withdrawn(struct engine *e, instant_t now, int64_t send, bool lost)
{
    struct flight *f = map_get(&e->flights, send);

    engine_time(e, now);
    if (!f || !flight_is_task(f) || (f->state != FLIGHT_ASKED && f->state != FLIGHT_WITHDRAWING))
        return;
    if (lost || f->state == FLIGHT_ASKED) /* nobody asked for an end: the platform lost it */
        flight_settle(e, f, DELIVERY_UNKNOWN, REASON_NO_ANSWER);
    else if (f->then == DELIVERY_PENDING)
        flight_give_back(e, f, INSTANT_MIN);
    else
        close_question(e, f, f->then, f->then_reason);
}

void flights_late(struct engine *e)
{
    for (struct heap_node *n; (n = heap_first(&e->late)) && n->at <= e->now;) {
        struct flight *f = (struct flight *)n;
        bool late = instant_add(f->claimed_at, f->queue->revision->spec.within) <= e->now;
        if (!flight_is_task(f))
            close_question(e, f, DELIVERY_EXPIRED, REASON_LATE);
        else
            withdraw(e, f, late ? DELIVERY_EXPIRED : DELIVERY_PENDING,
                     late ? REASON_LATE : REASON_NONE);
    }
}

/* One of the revision's open questions; `q` NULL: on any lane; `unseen`: that nobody has seen. */
static struct flight *question_of(const struct engine *e, const struct revision *r,
                                  const struct queue *q, bool unseen)
{
    size_t at = 0;
    struct flight *f;

    while ((f = map_each(&e->flights, &at)) &&
           (f->state != FLIGHT_ASKED || flight_is_task(f) || f->queue->revision != r ||
            (q && f->queue != q) || (unseen && f->shown)))
        ;
    return f;
}

void flights_recall(struct engine *e, struct revision *r)
{
    size_t at = 0;

    for (struct flight *f; (f = question_of(e, r, NULL, true));)
        flight_give_back(e, f, INSTANT_MIN);
    for (struct flight *f; (f = task_of(e, r, &at));)
        withdraw(e, f, DELIVERY_PENDING, REASON_NONE);
}

void flights_close(struct engine *e, struct revision *r, const struct queue *q,
                   enum delivery_state unseen, enum reason reason)
{
    size_t at = 0;

    for (struct flight *f; (f = question_of(e, r, q, false));)
        close_question(e, f, f->shown ? DELIVERY_UNKNOWN : unseen, reason);
    for (struct flight *f; (f = task_of(e, r, &at));)
        if (!q || f->queue == q)
            withdraw(e, f, unseen, reason);
}

enum reason engine_hidden(const struct engine *e, instant_t now, int64_t send)
{
    const struct flight *f = asked(e, send);
    const struct revision *r = f ? f->queue->revision : NULL;
    struct ruling rows[GATE_COUNT];

    if (!r)
        return REASON_NONE;
    struct gate_facts facts = {.halted = e->halted,
                               .running = true,
                               .paused = r->paused && !r->keep_asked,
                               .schedule = f->queue->schedule,
                               .rate_ready_at = INSTANT_MIN,
                               .cap_ready_at = INSTANT_MIN,
                               .gap_ready_at = INSTANT_MIN,
                               .channel_ready_at = INSTANT_MIN};
    gates_rule(&facts, now > e->now ? now : e->now, rows);
    return gates_sum(rows).reason;
}

void engine_restore(struct engine *e, instant_t now, const struct engine_asked *a)
{
    struct revision *r = map_get(&e->revisions, a->revision);
    struct queue *q = NULL;

    engine_time(e, now);
    for (size_t i = 0; r && i < r->queue_count; i++) {
        if (r->queues[i].id == a->lane)
            q = &r->queues[i];
    }
    if (!q || !a->count)
        return;
    struct flight *f = flight_new(e, q, a->send, FLIGHT_ASKED);
    f->claimed_at = a->claimed_at;
    f->shown = a->shown;
    for (size_t i = 0; i < a->count; i++) {
        const struct engine_waiting *w = &a->deliveries[i];
        struct item item = {.delivery = w->delivery,
                            .recipient = w->recipient,
                            .key = w->key,
                            .row = w->row,
                            .attempts = w->attempts,
                            .not_before = INSTANT_MIN};
        flight_board(e, f, &item);
    }
    q->waiting -= q->waiting < a->count ? q->waiting : a->count;
    watch_late(e, f);
    if (!flight_is_task(f))
        return;
    step_aside(e, f);
    if (q->ended)
        withdraw(e, f, DELIVERY_EXPIRED, REASON_ENDED);
    else if (e->halted || (r->paused && !r->keep_asked))
        withdraw(e, f, DELIVERY_PENDING, REASON_NONE);
}
