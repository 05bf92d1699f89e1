/* A claim's way: claiming (the store is writing it) -> calling (the channel has it) -> answered.
 *
 * It holds its places in all limits from the claim on; they are given back only when nothing was
 * sent. */
#include "engine/internal.h"

#include "base/arena.h"
#include "core/prng.h"

#include <assert.h>
#include <stdlib.h>

enum {
    REST_FIRST_MS = 1000, /* after a failure before the first byte; doubles */
    REST_DOUBLINGS = 8,
    REST_MAX_MS = 300000,
    NOT_NOW_MS = 60000 /* a channel that says "not now" without saying when */
};

static void take(struct engine *e, struct meter *m, void *ctx)
{
    const struct flight *f = ctx;

    if (m->primed)
        meter_take(m, f->item.recipient, e->now);
}

static void hold_place(struct engine *e, struct meter *m, void *ctx)
{
    const struct flight *f = ctx;

    if (m->primed)
        meter_answer(m, f->item.recipient, e->now);
}

static void give_place_back(struct engine *e, struct meter *m, void *ctx)
{
    const struct flight *f = ctx;

    (void)e;
    if (m->primed)
        meter_untake(m, f->item.recipient, f->claimed_at);
}

static void each_meter(struct engine *e, struct flight *f, meter_fn *fn)
{
    meters_each(e, f->queue->lane, f->queue->revision->spec.campaign, fn, f);
}

void flight_claim(struct engine *e, struct queue *q, size_t index)
{
    struct flight *f = xmalloc(sizeof *f);
    struct lane *l = q->lane;
    const struct pace *p = &q->revision->spec.pace;

    f->item = q->items[index];
    f->queue = q;
    f->claimed_at = e->now;
    f->state = FLIGHT_CLAIMING;
    queue_take(q, index);
    q->waiting -= q->waiting > 0;
    each_meter(e, f, take);
    map_put(&e->flights, f->item.delivery, f);
    q->revision->in_flight++;
    l->in_flight++;
    l->exclusive = p->ceiling > 0;
    /* small lateness does not add up; more than the floor anchors the lane anew */
    l->last_due = e->now - f->item.due > p->floor ? e->now : f->item.due;
    l->epoch++;
    engine_emit(e, &(struct effect){.kind = EFFECT_CLAIM,
                                    .revision = q->revision->spec.id,
                                    .lane = l->id,
                                    .delivery = f->item.delivery,
                                    .at = e->now,
                                    .due_at = l->last_due,
                                    .progress = queue_progress(q)});
}

/* The flight is over: the lane is free, and whoever waited for room looks again. */
static void land(struct engine *e, struct flight *f)
{
    struct lane *l = f->queue->lane;
    struct revision *r = f->queue->revision;

    map_remove(&e->flights, f->item.delivery);
    free(f);
    assert(l->in_flight > 0 && r->in_flight > 0);
    l->in_flight--;
    r->in_flight--;
    l->exclusive &= l->in_flight > 0;
    l->epoch++;
    lane_touch(e, l);
    lane_touch_starved(e);
    revision_settle(e, r);
}

static void result(struct engine *e, const struct flight *f, enum delivery_state state,
                   enum reason reason)
{
    engine_emit(e, &(struct effect){.kind = EFFECT_RESULT,
                                    .revision = f->queue->revision->spec.id,
                                    .lane = f->queue->lane->id,
                                    .delivery = f->item.delivery,
                                    .at = e->now,
                                    .claimed_at = f->claimed_at,
                                    .state = state,
                                    .reason = reason});
}

/* Nothing was sent: back in its lane, held alone until `not_before`. */
static void give_back(struct engine *e, struct flight *f, instant_t not_before)
{
    struct queue *q = f->queue;
    struct revision *r = q->revision;
    struct item item = f->item;

    each_meter(e, f, give_place_back);
    result(e, f, DELIVERY_PENDING, REASON_NONE);
    if (r->ended) {
        engine_emit(e,
                    &(struct effect){.kind = EFFECT_EXPIRE, .revision = r->spec.id, .at = e->now});
    } else {
        item.attempts++;
        item.epoch = 0;
        item.not_before = not_before;
        queue_put(q, &item);
        q->waiting++;
    }
    land(e, f);
}

void engine_claimed(struct engine *e, instant_t now, int64_t delivery, bool durable)
{
    struct flight *f = map_get(&e->flights, delivery);

    engine_time(e, now);
    assert(f && f->state == FLIGHT_CLAIMING);
    if (!durable) { /* somebody decided otherwise meanwhile: it does not wait any more */
        each_meter(e, f, give_place_back);
        land(e, f);
    } else if (!lane_hard_go(e, f->queue->revision, e->now)) {
        give_back(e, f, INSTANT_MIN);
    } else {
        f->state = FLIGHT_CALLING;
        engine_emit(e, &(struct effect){.kind = EFFECT_SEND,
                                        .revision = f->queue->revision->spec.id,
                                        .lane = f->queue->lane->id,
                                        .delivery = delivery,
                                        .at = e->now,
                                        .claimed_at = f->claimed_at});
    }
}

bool engine_may_send(const struct engine *e, instant_t now, int64_t delivery)
{
    const struct flight *f = map_get(&e->flights, delivery);

    return f && f->state == FLIGHT_CALLING &&
           lane_hard_go(e, f->queue->revision, now > e->now ? now : e->now);
}

/* The longer a channel cannot be reached, the longer it rests; a little apart from others. */
static instant_t rest_until(const struct engine *e, struct channel *c)
{
    unsigned doublings = c->failures < REST_DOUBLINGS ? c->failures : REST_DOUBLINGS;
    duration_t rest = (duration_t)REST_FIRST_MS << doublings;
    struct prng p;

    rest = rest < REST_MAX_MS ? rest : REST_MAX_MS;
    prng_for(&p, (uint64_t)c->id, (uint64_t)e->now, c->failures, 0);
    c->failures++;
    return e->now + rest + (duration_t)prng_below(&p, (uint64_t)rest / 4 + 1);
}

static void remember(struct engine *e, const struct flight *f)
{
    if (!e->priming_count)
        return;
    e->recent = xgrow(e->recent, &e->recent_capacity, e->recent_count + 1, sizeof *e->recent);
    e->recent[e->recent_count++] =
        (struct engine_send){.delivery = f->item.delivery,
                             .campaign = f->queue->revision->spec.campaign,
                             .lane = f->queue->lane->id,
                             .recipient = f->item.recipient,
                             .claimed_at = f->claimed_at,
                             .answered_at = e->now};
}

/* The channel has it, or may have it: the place stays taken. */
static void settle(struct engine *e, struct flight *f, enum delivery_state state,
                   enum reason reason)
{
    each_meter(e, f, hold_place);
    remember(e, f);
    result(e, f, state, reason);
    land(e, f);
}

static void stop_whom(struct engine *e, struct flight *f, const struct engine_answer *a)
{
    struct revision *r = f->queue->revision;

    if (a->stop_channel)
        engine_channel_stop(e, r->channel->id, a->not_before);
    if (a->stop_campaign && !r->paused) {
        r->paused = true;
        engine_emit(e,
                    &(struct effect){.kind = EFFECT_PAUSE, .revision = r->spec.id, .at = e->now});
    }
}

bool engine_answer(struct engine *e, instant_t now, int64_t delivery, const struct engine_answer *a)
{
    struct flight *f = map_get(&e->flights, delivery);
    struct channel *c;

    engine_time(e, now);
    if (!f || f->state != FLIGHT_CALLING)
        return false;
    c = f->queue->lane->channel;
    f->queue->lane->last_answer = e->now;
    stop_whom(e, f, a);
    if (a->kind == ANSWER_NOT_SENT)
        engine_channel_stop(e, c->id, rest_until(e, c));
    else if (a->kind != ANSWER_HELD)
        c->failures = 0;

    switch (a->kind) {
    case ANSWER_DONE:
        settle(e, f, DELIVERY_SENT, REASON_NONE);
        break;
    case ANSWER_NEVER:
        settle(e, f, DELIVERY_FAILED, a->reason);
        break;
    case ANSWER_UNKNOWN:
        settle(e, f, DELIVERY_UNKNOWN, a->reason);
        break;
    case ANSWER_NOT_NOW:
        if (a->stop_channel)
            give_back(e, f, INSTANT_MIN);
        else
            give_back(e, f, a->not_before > e->now ? a->not_before : e->now + NOT_NOW_MS);
        break;
    case ANSWER_NOT_SENT:
    case ANSWER_HELD:
        give_back(e, f, INSTANT_MIN);
        break;
    }
    return true;
}
