/* Events in, effects out; the deciding is in lane.c.
 *
 *     event -> engine_*()  marks lanes to be judged, appends effects
 *     turn  -> engine_turn() judges every lane whose instant has come
 *
 * The heap holds one entry a lane: when to look at it again. */
#include "engine/internal.h"

#include "base/arena.h"

#include <assert.h>
#include <stdlib.h>

struct engine *engine_new(void)
{
    struct engine *e = xmalloc(sizeof *e);

    e->now = INSTANT_MIN;
    e->next_end = INSTANT_NEVER;
    heap_init(&e->heap, NULL, 0);
    heap_init(&e->late, NULL, 0);
    return e;
}

static void free_lanes(struct engine *e)
{
    size_t at = 0;

    for (struct lane *l; (l = map_each(&e->lanes, &at));) {
        meters_free(&l->meters);
        free(l->queues);
        free(l);
    }
    map_dispose(&e->lanes);
}

static void free_channels(struct engine *e)
{
    size_t at = 0;

    for (struct channel *c; (c = map_each(&e->channels, &at));) {
        meters_free(&c->meters);
        meters_free(&c->quotas);
        free(c);
    }
    map_dispose(&e->channels);
    while (e->persons) {
        struct person *p = e->persons;
        e->persons = p->next;
        meters_free(&p->meters);
        free(p);
    }
}

void engine_free(struct engine *e)
{
    size_t at = 0;

    if (!e)
        return;
    for (struct flight *f; (f = map_each(&e->flights, &at));) {
        free(f->memory);
        free(f);
    }
    map_dispose(&e->flights);
    map_dispose(&e->in_flight);
    at = 0;
    for (struct revision *r; (r = map_each(&e->revisions, &at));) {
        for (size_t i = 0; i < r->queue_count; i++)
            free(r->queues[i].memory);
        free(r->queues);
        free(r->timetables);
        free(r->meters);
        free(r->limits);
        free(r);
    }
    map_dispose(&e->revisions);
    at = 0;
    for (struct campaign_meters *c; (c = map_each(&e->campaigns, &at));) {
        meters_free(&c->meters);
        free(c);
    }
    map_dispose(&e->campaigns);
    map_dispose(&e->parts);
    free_lanes(e);
    free_channels(e);
    meters_free(&e->recipient_meters);
    free(e->heap_memory);
    free(e->late_memory);
    free(e->recent);
    free(e->effects);
    free(e);
}

void engine_add_channel(struct engine *e, const struct engine_channel *spec)
{
    struct channel *c = xmalloc(sizeof *c);

    assert(!map_get(&e->channels, spec->id));
    c->id = spec->id;
    c->account = spec->account;
    c->in_flight_max = spec->in_flight_max ? spec->in_flight_max : 1;
    c->asks = spec->asks;
    c->platform_asks = spec->platform_asks;
    c->avoids_half_hours = spec->avoids_half_hours;
    c->stopped_until = c->rested_at = INSTANT_MIN;
    for (size_t i = 0; i < spec->quota_count; i++) {
        struct engine_limit quota = {.scope = SCOPE_CHANNEL,
                                     .max = spec->quotas[i].max,
                                     .rolling = true,
                                     .span = spec->quotas[i].span,
                                     .text = "quota"};
        meter_use(&c->quotas, &quota, NULL);
    }
    map_put(&e->channels, c->id, c);
}

static struct person *person_of(struct engine *e, int64_t account, int64_t sender)
{
    struct person *p = e->persons;

    while (p && (p->account != account || p->sender != sender))
        p = p->next;
    if (!p) {
        p = xmalloc(sizeof *p);
        *p = (struct person){.account = account, .sender = sender, .next = e->persons};
        e->persons = p;
    }
    return p;
}

struct lane *engine_lane_of(const struct engine *e, int64_t id)
{
    struct lane *l = map_get(&e->lanes, id);

    return l ? l : map_get(&e->parts, id);
}

static void add_part(struct engine *e, const struct engine_lane *spec)
{
    struct lane *l = map_get(&e->lanes, spec->of);

    assert(l && l->sender == spec->sender);
    if (spec->first && (l->first == INSTANT_MIN || spec->first < l->first))
        lane_begun(l, spec->first);
    l->last_due = later(l->last_due, spec->last_due);
    l->last_answer = later(l->last_answer, spec->last_answer);
    l->epoch++;
    map_put(&e->parts, spec->id, l);
}

void engine_add_lane(struct engine *e, const struct engine_lane *spec)
{
    assert(!engine_lane_of(e, spec->id));
    if (spec->of) {
        add_part(e, spec);
        return;
    }
    struct lane *l = xmalloc(sizeof *l);
    l->id = spec->id;
    l->sender = spec->sender;
    l->channel = map_get(&e->channels, spec->channel);
    assert(l->channel);
    l->person = person_of(e, l->channel->account, spec->sender);
    l->first = spec->first ? spec->first : INSTANT_MIN;
    l->last_due = spec->last_due;
    l->last_answer = spec->last_answer;
    l->epoch = 1;
    map_put(&e->lanes, l->id, l);
    e->lane_count++;
    e->heap_memory =
        xgrow(e->heap_memory, &e->heap_capacity, e->lane_count, sizeof *e->heap_memory);
    e->heap.nodes = e->heap_memory;
    e->heap.capacity = e->heap_capacity;
}

instant_t engine_time(struct engine *e, instant_t now)
{
    if (now > e->now)
        e->now = now;
    return e->now;
}

void engine_halt(struct engine *e)
{
    e->halted = true;
    flights_halted(e);
    lane_touch_all(e);
}

void engine_unhalt(struct engine *e, instant_t now)
{
    engine_time(e, now);
    e->halted = false;
    lane_touch_all(e);
}

bool engine_halted(const struct engine *e)
{
    return e->halted;
}

void engine_hold_claims(struct engine *e, instant_t now, bool hold)
{
    engine_time(e, now);
    e->claims_held = hold;
    lane_touch_all(e);
}

static void shift(instant_t *t, duration_t by)
{
    if (*t != INSTANT_MIN && *t != INSTANT_NEVER)
        *t = instant_add(*t, by);
}

static void meters_shift(struct meter *list, duration_t by)
{
    for (struct meter *m = list; m; m = m->next)
        meter_shift(m, by);
}

/* What is measured in time passed: gaps, rolling limits, rests. */
static void shift_spans(struct engine *e, duration_t by)
{
    size_t at = 0;

    for (struct lane *l; (l = map_each(&e->lanes, &at));) {
        shift(&l->last_due, by);
        shift(&l->last_answer, by);
        for (size_t i = 0; i < l->queue_count; i++)
            shift(&l->queues[i]->last_due, by);
        meters_shift(l->meters, by);
    }
    at = 0;
    for (struct channel *c; (c = map_each(&e->channels, &at));) {
        shift(&c->stopped_until, by);
        meters_shift(c->meters, by);
        meters_shift(c->quotas, by);
    }
    at = 0;
    for (struct campaign_meters *c; (c = map_each(&e->campaigns, &at));)
        meters_shift(c->meters, by);
    for (struct person *p = e->persons; p; p = p->next)
        meters_shift(p->meters, by);
    meters_shift(e->recipient_meters, by);
}

void engine_clock_moved(struct engine *e, instant_t now, duration_t forward)
{
    size_t at = 0;

    engine_time(e, now);
    if (forward > 0)
        shift_spans(e, forward);
    for (struct lane *l; (l = map_each(&e->lanes, &at));) {
        l->epoch++;
        lane_touch(e, l);
    }
    at = 0; /* a zone may have changed: what was found out about hours is found out again */
    for (struct revision *r; (r = map_each(&e->revisions, &at));) {
        for (size_t i = 0; i < r->timetable_count; i++)
            r->timetables[i].memo = (struct schedule_memo){0};
        for (size_t i = 0; i < r->queue_count; i++)
            r->queues[i].left_known = false;
    }
}

static void touch_channel(struct engine *e, const struct channel *c)
{
    size_t at = 0;

    for (struct lane *l; (l = map_each(&e->lanes, &at));) {
        if (l->channel == c)
            lane_touch(e, l);
    }
}

void engine_channel_stop(struct engine *e, int64_t channel, instant_t until)
{
    struct channel *c = map_get(&e->channels, channel);

    if (c && until > c->stopped_until) {
        c->stopped_until = until;
        touch_channel(e, c);
    }
}

void engine_channel_open(struct engine *e, instant_t now, int64_t channel)
{
    struct channel *c = map_get(&e->channels, channel);

    engine_time(e, now);
    if (c) {
        c->stopped_until = INSTANT_MIN;
        c->failures = 0;
        touch_channel(e, c);
    }
}

void engine_lane_away(struct engine *e, instant_t now, int64_t lane, bool away)
{
    struct lane *l = engine_lane_of(e, lane);

    engine_time(e, now);
    if (!l || l->away == away)
        return;
    l->away = away;
    lane_touch(e, l);
}

void engine_turn(struct engine *e, instant_t now)
{
    engine_time(e, now);
    revision_end_due(e);
    flights_late(e);
    for (struct heap_node *n; (n = heap_first(&e->heap)) && n->at <= e->now;) {
        uint64_t seq = n->seq;
        lane_run(e, (struct lane *)n); /* node is its first member */
        if (n->seq == seq)             /* no time to look again */
            heap_remove(&e->heap, n);
    }
    if (e->dropped_some)
        revision_settle_all(e);
}

instant_t engine_wake(const struct engine *e)
{
    const struct heap_node *n = heap_first(&e->heap);
    instant_t wake = n ? n->at : INSTANT_NEVER;

    wake = wake < e->next_end ? wake : e->next_end;
    n = heap_first(&e->late);
    return n && n->at < wake ? n->at : wake;
}

void engine_watch(struct engine *e)
{
    e->watched = true;
}

void engine_emit(struct engine *e, const struct effect *f)
{
    if (e->effect_first == e->effect_count)
        e->effect_first = e->effect_count = 0;
    e->effects = xgrow(e->effects, &e->effect_capacity, e->effect_count + 1, sizeof *e->effects);
    e->effects[e->effect_count++] = *f;
}

bool engine_effect(struct engine *e, struct effect *out)
{
    if (e->effect_first == e->effect_count)
        return false;
    *out = e->effects[e->effect_first++];
    return true;
}
