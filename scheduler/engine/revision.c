/* Campaigns coming and going.
 *
 * A new revision may bring limits that nobody counted so far. Their meters are fed from history
 * first (priming): what was answered before the revision came is read from the store; what is
 * answered while that is being read is remembered here; what is in flight at the end is counted as
 * open. Only then may the revision send. */
#include "engine/internal.h"

#include "base/arena.h"

#include <assert.h>
#include <stdlib.h>

static struct campaign_meters *campaign_use(struct engine *e, int64_t id)
{
    struct campaign_meters *c = map_get(&e->campaigns, id);

    if (!c) {
        c = xmalloc(sizeof *c);
        c->id = id;
        map_put(&e->campaigns, id, c);
    }
    c->users++;
    return c;
}

static struct meter **list_of(struct engine *e, const struct revision *r, struct lane *l,
                              enum engine_scope scope)
{
    switch (scope) {
    case SCOPE_SENDER:
        return &l->meters;
    case SCOPE_PERSON:
        return &l->person->meters;
    case SCOPE_CHANNEL:
        return &r->channel->meters;
    case SCOPE_CAMPAIGN:
        return &r->campaign->meters;
    case SCOPE_RECIPIENT:
        return &e->recipient_meters;
    }
    abort(); /* no such scope */
}

static void lane_add_queue(struct lane *l, struct queue *q)
{
    l->queues = xrealloc(l->queues, (l->queue_count + 1) * sizeof(struct queue *));
    l->queues[l->queue_count++] = q;
}

static void lane_remove_queue(struct lane *l, const struct queue *q)
{
    for (size_t i = 0; i < l->queue_count; i++) {
        if (l->queues[i] != q)
            continue;
        for (l->queue_count--; i < l->queue_count; i++)
            l->queues[i] = l->queues[i + 1];
    }
    l->turn = l->queue_count ? l->turn % l->queue_count : 0;
}

static const struct schedule *timetable_of(struct revision *r, const struct schedule *spec)
{
    struct timetable *t = r->timetables;

    while (t < r->timetables + r->timetable_count && t->spec != (spec ? spec : t->spec))
        t++;
    if (t == r->timetables + r->timetable_count) {
        assert(spec); /* the first has been put there */
        r->timetable_count++;
        t->spec = spec;
        t->schedule = *spec;
        t->schedule.memo = &t->memo;
    }
    return &t->schedule;
}

static void add_queues(struct engine *e, struct revision *r)
{
    const struct engine_revision *spec = &r->spec;

    r->queues = xmalloc((spec->lane_count + 1) * sizeof *r->queues);
    r->meters = xmalloc((spec->lane_count * spec->limit_count + 1) * sizeof(struct meter *));
    for (size_t i = 0; i < spec->lane_count; i++) {
        struct queue *q = &r->queues[i];
        q->revision = r;
        q->id = spec->lanes[i].lane;
        q->lane = engine_lane_of(e, q->id);
        assert(q->lane);
        q->schedule = timetable_of(r, spec->lanes[i].schedule);
        q->waiting = spec->lanes[i].waiting;
        q->last_due = spec->lanes[i].last_due ? spec->lanes[i].last_due : INSTANT_MIN;
        q->more = true;
        for (size_t k = 0; k < spec->limit_count; k++) {
            const struct engine_limit *limit = &r->limits[k];
            struct meter *m = meter_use(list_of(e, r, q->lane, limit->scope), limit,
                                        limit->zone ? limit->zone : spec->schedule->zone);
            meter_begun(m, q->lane->first);
            r->meters[i * spec->limit_count + k] = m;
        }
        lane_add_queue(q->lane, q);
        lane_touch(e, q->lane);
    }
    r->queue_count = spec->lane_count;
}

/* Marks the meters that this revision's history is to feed; how far back it must reach. */
static instant_t claim_meters(struct engine *e, struct revision *r)
{
    instant_t since = INSTANT_NEVER;

    for (size_t i = 0; i < r->queue_count * r->spec.limit_count; i++) {
        struct meter *m = r->meters[i];
        if (m->primed || m->primer)
            continue;
        m->primer = r->spec.id;
        since = meter_since(m, e->now) < since ? meter_since(m, e->now) : since;
    }
    for (struct meter *m = r->channel->quotas; m; m = m->next) {
        if (m->primed || m->primer)
            continue;
        m->primer = r->spec.id;
        since = meter_since(m, e->now) < since ? meter_since(m, e->now) : since;
    }
    return since;
}

static bool all_primed(const struct revision *r)
{
    for (size_t i = 0; i < r->queue_count * r->spec.limit_count; i++) {
        if (!r->meters[i]->primed)
            return false;
    }
    for (const struct meter *m = r->channel->quotas; m; m = m->next) {
        if (!m->primed)
            return false;
    }
    return true;
}

static bool counts_others(const struct revision *r)
{
    for (size_t i = 0; i < r->spec.limit_count; i++) {
        if (r->limits[i].others)
            return true;
    }
    return false;
}

static void find_next_end(struct engine *e)
{
    size_t at = 0;

    e->next_end = INSTANT_NEVER;
    for (const struct revision *r; (r = map_each(&e->revisions, &at));) {
        if (!r->queue_count && !r->ended && r->spec.schedule->end < e->next_end)
            e->next_end = r->spec.schedule->end;
        for (size_t i = 0; i < r->queue_count; i++) {
            const struct queue *q = &r->queues[i];
            if (!q->ended && q->schedule->end < e->next_end)
                e->next_end = q->schedule->end;
        }
    }
}

void engine_add_revision(struct engine *e, instant_t now, const struct engine_revision *spec)
{
    struct revision *r = xmalloc(sizeof *r);

    engine_time(e, now);
    assert(!map_get(&e->revisions, spec->id));
    r->spec = *spec;
    r->timetables = xmalloc((spec->lane_count + 1) * sizeof *r->timetables);
    r->spec.schedule = timetable_of(r, spec->schedule);
    r->limits = xmalloc((spec->limit_count + 1) * sizeof *r->limits);
    for (size_t i = 0; i < spec->limit_count; i++) {
        r->limits[i] = spec->limits[i];
        e->counts_sends |= spec->limits[i].sends;
    }
    r->channel = map_get(&e->channels, spec->channel);
    assert(r->channel);
    r->campaign = campaign_use(e, spec->campaign);
    r->paused = spec->paused;
    r->keep_asked = spec->keep_asked;
    map_put(&e->revisions, spec->id, r);
    add_queues(e, r);
    r->priming = true;
    r->recent_start = e->recent_count;
    e->priming_count++;
    instant_t since = claim_meters(e, r);
    find_next_end(e);
    if (since == INSTANT_NEVER && counts_others(r))
        since = e->now; /* all that was known is counted: only for what others have just sent */
    r->awaits_history = since != INSTANT_NEVER;
    if (since == INSTANT_NEVER)
        engine_primed(e, now, spec->id);
    else
        engine_emit(e,
                    &(struct effect){.kind = EFFECT_HISTORY, .revision = spec->id, .since = since});
}

/* --- priming --- */

void meters_each(struct engine *e, struct lane *l, struct campaign_meters *c, meter_fn *fn,
                 void *ctx)
{
    for (struct meter *m = c ? c->meters : NULL; m; m = m->next)
        fn(e, m, ctx);
    for (struct meter *m = e->recipient_meters; m; m = m->next)
        fn(e, m, ctx);
    if (!l)
        return; /* a lane of the past */
    for (struct meter *m = l->meters; m; m = m->next)
        fn(e, m, ctx);
    for (struct meter *m = l->person->meters; m; m = m->next)
        fn(e, m, ctx);
    for (struct meter *m = l->channel->meters; m; m = m->next)
        fn(e, m, ctx);
    for (struct meter *m = l->channel->quotas; m; m = m->next)
        fn(e, m, ctx);
}

struct feeding {
    int64_t primer;
    const struct engine_send *send;
    bool open, asks;
    bool whole; /* it stands for its send */
};

static void feed(struct engine *e, struct meter *m, void *ctx)
{
    const struct feeding *f = ctx;

    if (m->primed || m->primer != f->primer || (m->spec.sends && !f->whole))
        return;
    if (f->open)
        meter_restore_open(m, f->send->recipient, f->send->claimed_at, e->now, f->asks);
    else /* what a person sent counts when it was sent */
        meter_restore(m, f->send->recipient, f->asks ? f->send->answered_at : f->send->claimed_at,
                      f->send->answered_at, e->now);
}

static void feed_send(struct engine *e, int64_t primer, const struct engine_send *s, bool open)
{
    struct lane *l = engine_lane_of(e, s->lane);
    struct feeding f = {primer, s, open, l && l->channel->asks, !s->again};

    meters_each(e, l, map_get(&e->campaigns, s->campaign), feed, &f);
}

void engine_history(struct engine *e, instant_t now, int64_t revision, const struct engine_send *s)
{
    const struct revision *r = map_get(&e->revisions, revision);
    struct flight *open = map_get(&e->flights, s->send);
    struct engine_send past = *s;

    engine_time(e, now);
    if (!r)
        return;
    if (open && open->claimed_at == s->claimed_at) {
        past.again = true; /* fed as open, at the end */
        open->reached = true;
    }
    for (size_t i = r->recent_start; i < e->recent_count; i++) {
        if (e->recent[i].claimed_at != s->claimed_at)
            continue;
        if (e->recent[i].delivery == s->delivery)
            return; /* remembered here: fed at the end */
        past.again |= s->send && e->recent[i].send == s->send;
    }
    feed_send(e, revision, &past, false);
}

static void mark_primed(struct revision *r)
{
    for (size_t i = 0; i < r->queue_count * r->spec.limit_count; i++)
        r->meters[i]->primed |= r->meters[i]->primer == r->spec.id;
    for (struct meter *m = r->channel->quotas; m; m = m->next)
        m->primed |= m->primer == r->spec.id;
}

/* Revisions that share a meter with the one that fed it become ready with it. */
static void start_ready(struct engine *e)
{
    size_t at = 0;

    for (struct revision *r; (r = map_each(&e->revisions, &at));) {
        if (!r->priming || r->awaits_history || !all_primed(r))
            continue;
        r->priming = false;
        if (--e->priming_count == 0)
            e->recent_count = 0;
        for (size_t i = 0; i < r->queue_count; i++)
            lane_touch(e, r->queues[i].lane);
    }
}

void engine_primed(struct engine *e, instant_t now, int64_t revision)
{
    struct revision *r = map_get(&e->revisions, revision);
    size_t at = 0;

    engine_time(e, now);
    if (!r)
        return;
    for (size_t i = r->recent_start; i < e->recent_count; i++)
        feed_send(e, revision, &e->recent[i], false);
    for (const struct flight *f; (f = map_each(&e->flights, &at));) {
        for (size_t i = 0; i < f->count; i++) {
            struct engine_send s = {.delivery = f->items[i].delivery,
                                    .campaign = f->queue->revision->spec.campaign,
                                    .lane = f->queue->id,
                                    .recipient = f->items[i].recipient,
                                    .claimed_at = f->claimed_at,
                                    .again = i > 0};
            feed_send(e, revision, &s, true);
        }
    }
    mark_primed(r);
    r->awaits_history = false;
    start_ready(e);
}

void engine_other_send(struct engine *e, instant_t now, int64_t revision, int64_t recipient,
                       instant_t at)
{
    engine_time(e, now);
    for (struct meter *m = e->recipient_meters; m; m = m->next) {
        if (m->spec.others && (revision ? !m->primed && m->primer == revision : m->primed))
            meter_restore(m, recipient, at, at, e->now);
    }
}

/* --- going --- */

static void forget(struct engine *e, struct revision *r)
{
    for (size_t i = 0; i < r->queue_count; i++) {
        struct queue *q = &r->queues[i];
        lane_remove_queue(q->lane, q);
        lane_touch(e, q->lane);
        for (size_t k = 0; k < r->spec.limit_count; k++)
            meter_release(list_of(e, r, q->lane, r->limits[k].scope),
                          r->meters[i * r->spec.limit_count + k]);
        free(q->memory);
    }
    if (--r->campaign->users == 0) {
        map_remove(&e->campaigns, r->campaign->id);
        meters_free(&r->campaign->meters);
        free(r->campaign);
    }
    map_remove(&e->revisions, r->spec.id);
    engine_emit(
        e, &(struct effect){.kind = EFFECT_FORGET, .revision = r->spec.id, .owner = r->spec.owner});
    free(r->queues);
    free(r->timetables);
    free(r->meters);
    free(r->limits);
    free(r);
    find_next_end(e);
}

static bool exhausted(const struct revision *r)
{
    for (size_t i = 0; i < r->queue_count; i++) {
        const struct queue *q = &r->queues[i];
        if (q->count || q->more || q->fetching)
            return false;
    }
    return true;
}

void revision_settle(struct engine *e, struct revision *r)
{
    if (!r->in_flight && !r->priming && (r->dropped || r->ended || exhausted(r)))
        forget(e, r);
}

void revision_settle_all(struct engine *e)
{
    struct revision *left;

    do { /* forgetting one changes the map */
        size_t at = 0;
        while ((left = map_each(&e->revisions, &at)) &&
               (left->in_flight || left->priming || !exhausted(left)))
            ;
        if (left)
            forget(e, left);
    } while (left);
    e->dropped_some = false;
}

static void clear(struct queue *q)
{
    q->count = 0;
    q->waiting = 0;
    q->more = false;
}

static void clear_queues(struct revision *r)
{
    for (size_t i = 0; i < r->queue_count; i++)
        clear(&r->queues[i]);
}

static bool all_ended_by(const struct revision *r, instant_t now)
{
    for (size_t i = 0; i < r->queue_count; i++) {
        if (r->queues[i].schedule->end > now)
            return false;
    }
    return r->queue_count || r->spec.schedule->end <= now;
}

static void end(struct engine *e, struct revision *r, const struct queue *q)
{
    if (!r->dropped) /* else only its questions were left */
        engine_emit(e, &(struct effect){.kind = EFFECT_EXPIRE,
                                        .revision = r->spec.id,
                                        .lane = q ? q->id : 0,
                                        .at = e->now});
    flights_close(e, r, q, DELIVERY_EXPIRED, REASON_ENDED);
}

/* All of it, or what waits in zones in which the end has come. */
static void end_due(struct engine *e, struct revision *r)
{
    r->ended = all_ended_by(r, e->now);
    r->in_flight++; /* stays until its questions are closed */
    for (size_t i = 0; i < r->queue_count; i++) {
        struct queue *q = &r->queues[i];
        if (q->ended || q->schedule->end > e->now)
            continue;
        q->ended = true;
        clear(q);
        if (!r->ended)
            end(e, r, q);
    }
    if (r->ended)
        end(e, r, NULL);
    r->in_flight--;
}

static struct revision *next_to_end(const struct engine *e)
{
    size_t at = 0;
    struct revision *r;

    while ((r = map_each(&e->revisions, &at))) {
        if (!r->queue_count && !r->ended && r->spec.schedule->end <= e->now)
            return r;
        for (size_t i = 0; i < r->queue_count; i++) {
            if (!r->queues[i].ended && r->queues[i].schedule->end <= e->now)
                return r;
        }
    }
    return NULL;
}

void revision_end_due(struct engine *e)
{
    while (e->next_end <= e->now) {
        struct revision *due = next_to_end(e);
        assert(due);
        end_due(e, due);
        find_next_end(e);
        revision_settle(e, due);
    }
}

void engine_pause(struct engine *e, instant_t now, int64_t revision, bool keep)
{
    struct revision *r = map_get(&e->revisions, revision);

    engine_time(e, now);
    e->pauses++;
    if (!r)
        return;
    r->keep_asked = keep;
    r->paused = true;
    r->in_flight++; /* stays until its questions are taken back: it may be dropped already */
    if (!keep)
        flights_recall(e, r);
    r->in_flight--;
    for (size_t i = 0; i < r->queue_count; i++)
        lane_touch(e, r->queues[i].lane);
    if (r->dropped)
        revision_settle(e, r);
}

bool engine_paused(const struct engine *e, int64_t revision)
{
    const struct revision *r = map_get(&e->revisions, revision);

    return r && r->paused;
}

uint64_t engine_pauses(const struct engine *e)
{
    return e->pauses;
}

void engine_resume(struct engine *e, instant_t now, int64_t revision)
{
    struct revision *r = map_get(&e->revisions, revision);

    engine_time(e, now);
    if (!r)
        return;
    r->paused = r->keep_asked = false;
    for (size_t i = 0; i < r->queue_count; i++)
        lane_touch(e, r->queues[i].lane);
}

void engine_drop(struct engine *e, instant_t now, int64_t revision, bool keep)
{
    struct revision *r = map_get(&e->revisions, revision);

    engine_time(e, now);
    if (!r)
        return;
    r->dropped = true;
    clear_queues(r);
    r->keep_asked |= keep;
    r->in_flight++; /* stays until its questions are closed */
    if (!r->keep_asked)
        flights_close(e, r, NULL, DELIVERY_CANCELED, REASON_CANCELED);
    r->in_flight--;
    revision_settle(e, r);
}

bool engine_has_revision(const struct engine *e, int64_t revision)
{
    return map_get(&e->revisions, revision) != NULL;
}

/* --- what waits --- */

static struct queue *queue_of(struct engine *e, int64_t revision, int64_t lane)
{
    struct revision *r = map_get(&e->revisions, revision);

    for (size_t i = 0; r && i < r->queue_count; i++) {
        if (r->queues[i].id == lane)
            return &r->queues[i];
    }
    return NULL;
}

void engine_fetched(struct engine *e, instant_t now, int64_t revision, int64_t lane,
                    const struct engine_waiting *w, size_t count, bool more)
{
    struct queue *q = queue_of(e, revision, lane);

    engine_time(e, now);
    if (!q)
        return;
    q->fetching = false;
    if (q->ended || q->revision->dropped)
        return;
    for (size_t i = 0; i < count; i++) {
        struct item item = {.delivery = w[i].delivery,
                            .recipient = w[i].recipient,
                            .row = w[i].row,
                            .attempts = w[i].attempts,
                            .key = w[i].key,
                            .not_before = INSTANT_MIN};
        if (!map_get(&e->in_flight, w[i].delivery))
            queue_put(q, &item);
        if (!q->fetch_key)
            q->after = w[i].delivery > q->after ? w[i].delivery : q->after;
    }
    if (q->fetch_key)
        q->gathered = q->fetch_key;
    else
        q->more = more;
    if (q->again) {
        queue_again(q); /* clears the mark: nothing is being fetched */
    }
    lane_touch(e, q->lane);
    revision_settle(e, q->revision);
}

void engine_capped(struct engine *e, int64_t revision, int64_t lane, int64_t delivery, instant_t at)
{
    struct queue *q = queue_of(e, revision, lane);

    flight_capped(e, delivery);
    for (size_t i = 0; q && i < q->count; i++) {
        if (q->items[i].delivery != delivery)
            continue;
        q->items[i].capped = true;
        q->items[i].not_before = flight_capped_until(&q->revision->spec, at);
    }
}

void engine_refetch(struct engine *e, instant_t now, int64_t revision, int64_t lane,
                    uint64_t waiting_more)
{
    struct queue *q = queue_of(e, revision, lane);

    engine_time(e, now);
    if (!q)
        return;
    if (q->ended) { /* too late for those in that zone */
        end(e, q->revision, q->revision->ended ? NULL : q);
        return;
    }
    q->waiting += waiting_more;
    queue_again(q);
    lane_touch(e, q->lane);
}

void engine_withdraw(struct engine *e, instant_t now, int64_t revision, int64_t lane,
                     int64_t delivery)
{
    struct queue *q = queue_of(e, revision, lane);
    bool counted = q && delivery > q->after; /* else only what is still here waits */

    engine_time(e, now);
    if (!q || map_get(&e->in_flight, delivery))
        return;
    for (size_t i = 0; i < q->count; i++) {
        if (q->items[i].delivery == delivery) {
            queue_take(q, i);
            counted = true;
            break;
        }
    }
    q->waiting -= counted && q->waiting > 0;
    lane_touch(e, q->lane);
    revision_settle(e, q->revision);
}
