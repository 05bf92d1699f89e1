/* A claim's way: claiming (the store is writing it) -> calling (the channel has it) -> answered;
 * where a person is asked, -> asked -> settled one by one.
 *
 * It holds its places in all limits from the claim on; they are given back only when nothing was
 * sent. */
#include "engine/internal.h"

#include "base/arena.h"
#include "core/prng.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    REST_FIRST_MS = 1000, /* after a call that nobody answered clearly; doubles */
    REST_DOUBLINGS = 9,
    REST_MAX_MS = 300000,
    NOT_NOW_MS = 60000, /* a channel that says "not now" without saying when; doubles */
    NOT_NOW_DOUBLINGS = 6,
    NOT_NOW_MAX_MS = 3600000,
    TRIES_MAX = 10,        /* a delivery is given up after so many tries and so long: both, */
    TRIES_FOR_MS = 3600000 /* since a short outage soon has many tries, and a long one few */
};

struct place { /* one delivery's, in each meter that counts it; or the whole send's */
    int64_t recipient;
    instant_t claimed_at;
    bool asks, send;
    instant_t sent_at; /* of hold_place */
};

static void take(struct engine *e, struct meter *m, void *ctx)
{
    const struct place *p = ctx;

    if (m->primed && m->spec.sends == p->send)
        meter_take(m, p->recipient, e->now, p->asks);
}

static void hold_place(struct engine *e, struct meter *m, void *ctx)
{
    const struct place *p = ctx;

    /* calendar periods count when it was sent; a rolling one never goes back in time */
    if (m->primed && m->spec.sends == p->send)
        meter_answer(m, p->recipient, m->spec.rolling ? e->now : p->sent_at, p->asks);
}

static void give_place_back(struct engine *e, struct meter *m, void *ctx)
{
    const struct place *p = ctx;

    (void)e;
    if (m->primed && m->spec.sends == p->send)
        meter_untake(m, p->recipient, p->claimed_at, p->asks);
}

static void each_meter(struct engine *e, const struct flight *f, const struct item *item,
                       meter_fn *fn)
{
    struct place p = {item->recipient, f->claimed_at, f->queue->lane->channel->asks, false, e->now};

    meters_each(e, f->queue->lane, f->queue->revision->campaign, fn, &p);
}

void flight_give_place_back(struct engine *e, const struct flight *f, const struct item *item)
{
    each_meter(e, f, item, give_place_back);
}

static void each_send_meter(struct engine *e, const struct flight *f, meter_fn *fn)
{
    if (!e->counts_sends)
        return;
    struct place p = {0, f->claimed_at, f->queue->lane->channel->asks, true, e->now};

    meters_each(e, f->queue->lane, f->queue->revision->campaign, fn, &p);
}

/* One question a person at a time. */
static bool by_hand(const struct flight *f)
{
    const struct channel *c = f->queue->lane->channel;

    return c->asks && !c->platform_asks;
}

bool flight_is_task(const struct flight *f)
{
    return f->queue->lane->channel->platform_asks;
}

struct flight *flight_new(struct engine *e, struct queue *q, int64_t send, enum flight_state state)
{
    struct flight *f = xmalloc(sizeof *f);

    f->send = send;
    f->queue = q;
    f->claimed_at = e->now;
    f->state = state;
    each_send_meter(e, f, take);
    map_put(&e->flights, send, f);
    q->revision->in_flight++;
    q->lane->in_flight++;
    q->lane->person->asked += by_hand(f);
    q->lane->exclusive = q->revision->spec.pace.ceiling > 0;
    return f;
}

void flight_board(struct engine *e, struct flight *f, const struct item *item)
{
    assert(f->items == f->memory); /* nobody has left yet */
    f->items = f->memory = xgrow(f->memory, &f->capacity, f->count + 1, sizeof *f->items);
    f->items[f->count++] = *item;
    map_put(&e->in_flight, item->delivery, f);
    each_meter(e, f, item, take);
}

static void claim(struct engine *e, struct flight *f, const struct item *item, instant_t due,
                  duration_t late, int64_t progress)
{
    struct queue *q = f->queue;

    q->waiting -= q->waiting > 0;
    flight_board(e, f, item);
    f->undecided++;
    engine_emit(e, &(struct effect){.kind = EFFECT_CLAIM,
                                    .revision = q->revision->spec.id,
                                    .lane = q->id,
                                    .send = f->send,
                                    .delivery = item->delivery,
                                    .at = e->now,
                                    .due_at = due,
                                    .late = late,
                                    .progress = progress});
}

/* Those with the same message that may go now too. Each took its places before the next is asked:
 * a batch is cut to the room that is left. The next send tells of the progress. */
static void claim_batch(struct engine *e, struct flight *f, int64_t key, instant_t due)
{
    struct queue *q = f->queue;
    size_t left = 0;

    e->joining = true;
    for (size_t i = 0; i < q->count; i++) {
        struct item item = q->items[i];
        if (f->count < q->revision->spec.batch && item.key == key && item.not_before <= e->now &&
            lane_rule(e, q, &item, e->now).verdict == VERDICT_GO)
            claim(e, f, &item, due, 0, 0);
        else
            q->items[left++] = item;
    }
    q->count = left;
    q->gathered = 0;
    e->joining = false;
}

void flight_claim(struct engine *e, struct queue *q, size_t index)
{
    struct lane *l = q->lane;
    const struct item first = q->items[index];
    const struct pace *p = &q->revision->spec.pace;
    duration_t late = e->now - first.due;
    struct flight *f = flight_new(e, q, first.delivery, FLIGHT_CLAIMING);

    /* small lateness does not add up; more than the floor anchors the lane anew. A lane without
     * gaps has no anchor: what waits for its turn in flight is due all the same */
    late = p->ceiling > 0 && late > p->floor ? late : 0;
    l->last_due = late ? e->now : first.due;
    q->last_due = l->last_due;
    l->epoch++;
    queue_take(q, index);
    claim(e, f, &first, l->last_due, late, queue_progress(q));
    if (q->revision->spec.batch > 1)
        claim_batch(e, f, first.key, l->last_due);
}

/* The person is free: their other lanes look again. */
static void touch_person(struct engine *e, const struct person *p)
{
    size_t at = 0;

    for (struct lane *l; (l = map_each(&e->lanes, &at));) {
        if (l->person == p)
            lane_touch(e, l);
    }
}

/* Of what was remembered of a send, the last stands for it where sends are counted. */
static void remember_landed(struct engine *e, const struct flight *f)
{
    for (size_t i = e->recent_count; i-- > 0;) {
        struct engine_send *s = &e->recent[i];
        if (s->send != f->send || s->claimed_at != f->claimed_at)
            continue;
        s->again = false;
        break;
    }
}

void flight_free_lane(struct engine *e, struct lane *l)
{
    l->in_flight--;
    l->exclusive &= l->in_flight > 0;
    l->epoch++;
    lane_touch(e, l);
}

/* The flight is over: the lane is free, and whoever waited for room looks again. */
void flight_land(struct engine *e, struct flight *f)
{
    struct lane *l = f->queue->lane;
    struct revision *r = f->queue->revision;

    bool question = by_hand(f), aside = f->aside;

    assert((aside || l->in_flight > 0) && r->in_flight > 0);
    each_send_meter(e, f, f->reached ? hold_place : give_place_back);
    remember_landed(e, f);
    map_remove(&e->flights, f->send);
    heap_remove(&e->late, &f->late);
    free(f->memory);
    free(f);
    r->in_flight--;
    if (aside)
        lane_touch(e, l);
    else
        flight_free_lane(e, l);
    if (question) {
        l->person->asked--;
        touch_person(e, l->person);
    }
    lane_touch_starved(e);
    revision_settle(e, r);
}

void flight_leave(struct engine *e, struct flight *f, size_t index)
{
    map_remove(&e->in_flight, f->items[index].delivery);
    f->count--;
    if (index == 0) {
        f->items++; /* most leave in their order */
        return;
    }
    memmove(f->items + index, f->items + index + 1, (f->count - index) * sizeof *f->items);
}

static void result_at(struct engine *e, const struct flight *f, const struct item *item,
                      enum delivery_state state, enum reason reason, instant_t sent_at)
{
    engine_emit(e, &(struct effect){.kind = EFFECT_RESULT,
                                    .revision = f->queue->revision->spec.id,
                                    .lane = f->queue->id,
                                    .send = f->send,
                                    .delivery = item->delivery,
                                    .at = e->now,
                                    .claimed_at = f->claimed_at,
                                    .sent_at = sent_at,
                                    .state = state,
                                    .reason = reason,
                                    .unseen = state == DELIVERY_EXPIRED && !f->shown});
}

void flight_result(struct engine *e, const struct flight *f, const struct item *item,
                   enum delivery_state state, enum reason reason)
{
    result_at(e, f, item, state, reason, INSTANT_MIN);
}

/* Nothing was sent: back in its lane, held alone until `not_before`. */
void flight_put_back(struct engine *e, struct flight *f, size_t index, enum reason reason,
                     instant_t not_before)
{
    struct queue *q = f->queue;
    struct item item = f->items[index];

    flight_leave(e, f, index);
    flight_give_place_back(e, f, &item);
    flight_result(e, f, &item, DELIVERY_PENDING, reason);
    item.capped |= reason == REASON_FREQUENCY_CAP;
    item.attempts++;
    item.epoch = 0;
    item.not_before = not_before;
    if (!q->ended && !q->revision->dropped) {
        queue_put(q, &item);
        q->waiting++;
    }
}

static void put_back(struct engine *e, struct flight *f, instant_t not_before)
{
    flight_put_back(e, f, 0, REASON_NONE, not_before);
}

static void land_back(struct engine *e, struct flight *f)
{
    const struct queue *q = f->queue;

    if (q->ended)
        engine_emit(e, &(struct effect){.kind = EFFECT_EXPIRE,
                                        .revision = q->revision->spec.id,
                                        .lane = q->revision->ended ? 0 : q->id,
                                        .at = e->now});
    flight_land(e, f);
}

void flight_give_back(struct engine *e, struct flight *f, instant_t not_before)
{
    while (f->count)
        put_back(e, f, not_before);
    land_back(e, f);
}

size_t flight_find(const struct flight *f, int64_t delivery)
{
    size_t i = 0;

    while (f->items[i].delivery != delivery)
        i++;
    return i;
}

void engine_claimed(struct engine *e, instant_t now, int64_t delivery, bool durable)
{
    struct flight *f = map_get(&e->in_flight, delivery);

    engine_time(e, now);
    assert(f && f->state == FLIGHT_CLAIMING && f->undecided > 0);
    if (!durable) { /* somebody decided otherwise meanwhile; when paused it waits still */
        size_t i = flight_find(f, delivery);
        each_meter(e, f, &f->items[i], give_place_back);
        flight_leave(e, f, i);
        queue_again(f->queue);
    }
    if (--f->undecided)
        return;
    if (!f->count) {
        flight_land(e, f);
    } else if (!lane_hard_go(e, f->queue, e->now)) {
        flight_give_back(e, f, INSTANT_MIN);
    } else {
        f->state = FLIGHT_CALLING;
        engine_emit(e, &(struct effect){.kind = EFFECT_SEND,
                                        .revision = f->queue->revision->spec.id,
                                        .lane = f->queue->id,
                                        .send = f->send,
                                        .at = e->now,
                                        .claimed_at = f->claimed_at});
    }
}

bool engine_may_send(const struct engine *e, instant_t now, int64_t send)
{
    const struct flight *f = map_get(&e->flights, send);

    return f && f->state == FLIGHT_CALLING &&
           lane_hard_go(e, f->queue, now > e->now ? now : e->now);
}

/* `first` doubled so often, at most `max`, and up to a quarter more: a little apart from others. */
static duration_t backoff(const struct engine *e, int64_t id, duration_t first, unsigned doublings,
                          duration_t max)
{
    duration_t rest = first << doublings;
    struct prng p;

    rest = rest < max ? rest : max;
    prng_for(&p, (uint64_t)id, (uint64_t)e->now, doublings, 0);
    return rest + (duration_t)prng_below(&p, (uint64_t)rest / 4 + 1);
}

/* The longer a channel cannot be reached, or gives no answer that says yes or no, the longer it
 * rests: a server that is ill, or somebody else's page, must not make a whole audience unknown.
 * What was on its way when the rest began fails of the same cause: it does not make it longer. */
static void rest(struct engine *e, struct channel *c, const struct flight *f)
{
    unsigned doublings = c->failures < REST_DOUBLINGS ? c->failures : REST_DOUBLINGS;

    if (f->claimed_at < c->rested_at)
        return;
    c->rested_at = e->now;
    c->failures++;
    engine_channel_stop(e, c->id,
                        e->now + backoff(e, c->id, REST_FIRST_MS, doublings, REST_MAX_MS));
}

static void remember(struct engine *e, const struct flight *f, const struct item *item,
                     instant_t answered_at)
{
    if (!e->priming_count)
        return;
    e->recent = xgrow(e->recent, &e->recent_capacity, e->recent_count + 1, sizeof *e->recent);
    e->recent[e->recent_count++] =
        (struct engine_send){.delivery = item->delivery,
                             .campaign = f->queue->revision->spec.campaign,
                             .lane = f->queue->id,
                             .recipient = item->recipient,
                             .claimed_at = f->claimed_at,
                             .answered_at = answered_at,
                             .send = f->send,
                             .again = true};
}

/* The channel or the person has it, or may have it: the place stays taken. */
void flight_settle_item_at(struct engine *e, struct flight *f, size_t index,
                           enum delivery_state state, enum reason reason, instant_t sent_at)
{
    struct item item = f->items[index];
    struct place p = {item.recipient, f->claimed_at, f->queue->lane->channel->asks, false,
                      sent_at == INSTANT_MIN ? e->now : sent_at};

    flight_leave(e, f, index);
    f->reached = true;
    if (f->queue->lane->first == INSTANT_MIN)
        lane_begun(f->queue->lane, f->claimed_at);
    meters_each(e, f->queue->lane, f->queue->revision->campaign, hold_place, &p);
    remember(e, f, &item, p.sent_at);
    result_at(e, f, &item, state, reason, sent_at);
}

void flight_settle_item(struct engine *e, struct flight *f, size_t index, enum delivery_state state,
                        enum reason reason)
{
    flight_settle_item_at(e, f, index, state, reason, INSTANT_MIN);
}

void flight_settle(struct engine *e, struct flight *f, enum delivery_state state,
                   enum reason reason)
{
    while (f->count)
        flight_settle_item(e, f, 0, state, reason);
    flight_land(e, f);
}

static bool spent(const struct engine *e, const struct item *item)
{
    return item->tries >= TRIES_MAX && e->now - item->tried_at >= TRIES_FOR_MS;
}

/* Proven not sent (`reached` false) or told to come later: again, within the budget. */
static void try_again(struct engine *e, struct flight *f, bool reached, instant_t not_before)
{
    while (f->count) {
        struct item *item = &f->items[0];
        if (item->tries++ == 0)
            item->tried_at = e->now;
        unsigned doublings =
            item->tries - 1 < NOT_NOW_DOUBLINGS ? item->tries - 1 : NOT_NOW_DOUBLINGS;
        if (spent(e, item) && reached) {
            flight_settle_item(e, f, 0, DELIVERY_FAILED, REASON_CHANNEL_REFUSED);
        } else if (spent(e, item)) {
            struct item gone = *item;
            flight_leave(e, f, 0);
            each_meter(e, f, &gone, give_place_back);
            flight_result(e, f, &gone, DELIVERY_FAILED, REASON_CHANNEL_UNREACHABLE);
        } else if (reached && not_before <= e->now) {
            put_back(e, f,
                     e->now + backoff(e, item->delivery, NOT_NOW_MS, doublings, NOT_NOW_MAX_MS));
        } else {
            put_back(e, f, not_before);
        }
    }
    land_back(e, f);
}

static void stop_whom(struct engine *e, struct flight *f, const struct engine_answer *a)
{
    struct revision *r = f->queue->revision;

    if (a->stop_channel)
        engine_channel_stop(e, r->channel->id, a->not_before);
    if (a->stop_campaign && !r->paused) {
        r->paused = true;
        e->pauses++;
        engine_emit(e,
                    &(struct effect){.kind = EFFECT_PAUSE, .revision = r->spec.id, .at = e->now});
    }
}

bool engine_answer(struct engine *e, instant_t now, int64_t send, const struct engine_answer *a)
{
    struct flight *f = map_get(&e->flights, send);
    struct channel *c;

    engine_time(e, now);
    if (!f || f->state != FLIGHT_CALLING)
        return false;
    c = f->queue->lane->channel;
    f->queue->lane->last_answer = e->now;
    stop_whom(e, f, a);
    if (a->kind == ANSWER_NOT_SENT || a->kind == ANSWER_UNKNOWN)
        rest(e, c, f);
    else if (a->kind != ANSWER_HELD)
        c->failures = 0;

    switch (a->kind) {
    case ANSWER_DONE:
        flight_settle(e, f, DELIVERY_SENT, REASON_NONE);
        break;
    case ANSWER_ASKED:
        flight_ask(e, f);
        break;
    case ANSWER_NEVER:
        flight_settle(e, f, DELIVERY_FAILED, a->reason);
        break;
    case ANSWER_UNKNOWN:
        flight_settle(e, f, DELIVERY_UNKNOWN, a->reason);
        break;
    case ANSWER_NOT_NOW:
        if (a->stop_channel) /* the channel waits, not this delivery */
            flight_give_back(e, f, INSTANT_MIN);
        else
            try_again(e, f, true, a->not_before);
        break;
    case ANSWER_NOT_SENT:
        try_again(e, f, false, INSTANT_MIN);
        break;
    case ANSWER_HELD:
        flight_give_back(e, f, INSTANT_MIN);
        break;
    }
    return true;
}

bool engine_answer_one(struct engine *e, instant_t now, int64_t delivery, enum delivery_state state,
                       enum reason reason)
{
    struct flight *f = map_get(&e->in_flight, delivery);

    engine_time(e, now);
    if (!f || f->state != FLIGHT_CALLING)
        return false;
    flight_settle_item(e, f, flight_find(f, delivery), state, reason);
    if (f->count)
        return true;
    f->queue->lane->last_answer = e->now;
    f->queue->lane->channel->failures = 0;
    flight_land(e, f);
    return true;
}
