/* Who goes next on a lane, and when.
 *
 * For each campaign that waits on the lane, in order (the higher priority first, then the earlier
 * end, then in turn), the first delivery that is not held alone is judged by all gates. The lane
 * takes the first campaign that nothing but its own gap holds; when all are held otherwise, the one
 * that is free soonest. So a campaign with long gaps is not overtaken for ever by one with short
 * gaps. */
#include "engine/internal.h"

#include <assert.h>

void lane_touch(struct engine *e, struct lane *l)
{
    l->node.at = e->now;
    l->node.seq = ++e->seq;
    heap_put(&e->heap, &l->node);
}

void lane_begun(struct lane *l, instant_t first)
{
    l->first = first;
    for (struct meter *m = l->meters; m; m = m->next)
        meter_begun(m, first);
}

void lane_touch_all(struct engine *e)
{
    size_t at = 0;

    for (struct lane *l; (l = map_each(&e->lanes, &at));)
        lane_touch(e, l);
}

void lane_touch_starved(struct engine *e)
{
    size_t at = 0;

    if (!e->starved_count)
        return;
    for (struct lane *l; (l = map_each(&e->lanes, &at));) {
        if (l->starved)
            lane_touch(e, l);
    }
}

static void set_starved(struct engine *e, struct lane *l, bool starved)
{
    if (l->starved != starved)
        e->starved_count = starved ? e->starved_count + 1 : e->starved_count - 1;
    l->starved = starved;
}

/* Keeps the latest instant, and the limit that says it. */
static void latest(instant_t *ready, const struct meter **says, const struct meter *m,
                   int64_t recipient, instant_t now)
{
    instant_t at = meter_ready_at(m, recipient, now);

    if (at <= *ready)
        return;
    *ready = at;
    *says = m;
}

static void ask_limits(const struct engine *e, const struct queue *q, const struct item *item,
                       instant_t now, struct gate_facts *f, struct sayers *who)
{
    const struct revision *r = q->revision;
    size_t index = (size_t)(q - r->queues);

    f->rate_ready_at = f->cap_ready_at = f->channel_ready_at = INSTANT_MIN;
    *who = (struct sayers){NULL, NULL, NULL, false};
    for (size_t i = 0; i < r->spec.limit_count; i++) {
        const struct meter *m = r->meters[index * r->spec.limit_count + i];
        if (e->joining && m->spec.sends)
            continue;
        if (m->spec.scope != SCOPE_RECIPIENT) {
            latest(&f->rate_ready_at, &who->rate, m, 0, now);
        } else if (meter_ready_at(m, item->recipient, now) > now) {
            f->cap_drops |= r->limits[i].drop;
            latest(&f->cap_ready_at, &who->cap, m, item->recipient, now);
        }
    }
    for (const struct meter *m = r->channel->quotas; m; m = m->next)
        latest(&f->channel_ready_at, &who->channel, m, 0, now);
    if (r->channel->stopped_until > f->channel_ready_at) {
        f->channel_ready_at = r->channel->stopped_until;
        who->channel = NULL;
    }
}

/* The drawn instant, and never before the last answer + the floor. While something else holds it is
 * the gap alone that counts: where the hold moves it to is the hold's doing. */
static instant_t gap_ready_at(const struct queue *q, const struct item *item, bool held)
{
    const struct lane *l = q->lane;
    instant_t ready = item->epoch != l->epoch ? INSTANT_MIN : held ? item->base : item->due;

    return l->last_answer == INSTANT_MIN
               ? ready
               : later(ready, l->last_answer + q->revision->spec.pace.floor);
}

void lane_rows(const struct engine *e, const struct queue *q, const struct item *item,
               instant_t now, struct ruling rows[GATE_COUNT], struct sayers *who)
{
    const struct revision *r = q->revision;
    struct gate_facts f = {.halted = e->halted || e->claims_held,
                           .running = !r->priming && !r->dropped,
                           .paused = r->paused,
                           .schedule = q->schedule,
                           .sender_away = q->lane->away};

    ask_limits(e, q, item, now, &f, who);
    f.gap_ready_at = INSTANT_MIN; /* comes below */
    gates_rule(&f, now, rows);
    for (int gate = 0; gate < GATE_COUNT; gate++)
        who->held |= rows[gate].verdict == VERDICT_HOLD;
    instant_t gap = gap_ready_at(q, item, who->held);
    if (gap > now)
        rows[GATE_GAP] = (struct ruling){GATE_GAP, VERDICT_HOLD, REASON_GAP, gap};
}

static struct ruling rule(const struct engine *e, const struct queue *q, const struct item *item,
                          instant_t now, struct sayers *who)
{
    struct ruling rows[GATE_COUNT];

    lane_rows(e, q, item, now, rows, who);
    struct ruling sum = gates_sum(rows);
    if (sum.verdict != VERDICT_DROP || sum.gate != GATE_FREQUENCY_CAP)
        return sum;
    /* a cap may have room again by the time that all others let it go: only then it drops */
    struct ruling cap = sum;
    rows[GATE_FREQUENCY_CAP].verdict = VERDICT_GO;
    sum = gates_sum(rows);
    return sum.verdict == VERDICT_HOLD ? sum : cap;
}

struct ruling lane_rule(const struct engine *e, const struct queue *q, const struct item *item,
                        instant_t now)
{
    struct sayers who;

    return rule(e, q, item, now, &who);
}

const struct meter *sayer_of(const struct sayers *who, enum gate gate)
{
    return gate == GATE_RATE_LIMIT      ? who->rate
           : gate == GATE_FREQUENCY_CAP ? who->cap
           : gate == GATE_CHANNEL       ? who->channel
                                        : NULL;
}

bool lane_hard_go(const struct engine *e, const struct queue *q, instant_t now)
{
    const struct revision *r = q->revision;

    return !e->halted && !r->paused && !r->dropped && !q->ended && now < q->schedule->end &&
           r->channel->stopped_until <= now && !q->lane->away && !schedule_closed(q->schedule, now);
}

/* A limit whose places are all in flight: an answer makes room, soon. */
static bool waits_for_room(const struct queue *q, enum reason reason)
{
    return reason == REASON_RATE_LIMIT ||
           (reason == REASON_CHANNEL_QUOTA && q->revision->channel->stopped_until != INSTANT_NEVER);
}

/* What ends for all lanes at one instant: a period of a calendar limit, a closed time. */
static bool ends_for_all(const struct queue *q, instant_t t, const struct meter *limit)
{
    return (limit && !limit->spec.rolling) || schedule_closed(q->schedule, t - 1);
}

/* What a hold does to the item: it is due when the hold ends; a random phase later when others are
 * freed with it. One that only a person ends leaves a mark, and a fresh random start when it is
 * over. */
static void apply_hold(const struct queue *q, struct item *item, const struct ruling *sum,
                       const struct meter *limit)
{
    if (sum->reason == REASON_GAP)
        return;
    if (sum->not_before == INSTANT_NEVER)
        item->event_held |= !waits_for_room(q, sum->reason) && sum->reason != REASON_NOT_STARTED;
    else if (sum->not_before > item->due)
        item->due = ends_for_all(q, sum->not_before, limit)
                        ? due_anew(q, item, sum->not_before)
                        : due_in_schedule(q, item, sum->not_before);
}

static bool restart_after_hold(struct engine *e, const struct queue *q, struct item *item)
{
    if (!item->event_held || item->due > e->now)
        return false;
    item->event_held = false;
    item->due = due_anew(q, item, e->now);
    return item->due > e->now;
}

static void drop_item(struct engine *e, struct queue *q, size_t index, const struct ruling *sum)
{
    int64_t delivery = q->items[index].delivery;

    queue_take(q, index);
    q->waiting -= q->waiting > 0;
    e->dropped_some = true;
    engine_emit(e, &(struct effect){.kind = EFFECT_RESULT,
                                    .revision = q->revision->spec.id,
                                    .lane = q->id,
                                    .delivery = delivery,
                                    .at = e->now,
                                    .claimed_at = INSTANT_MIN,
                                    .progress = queue_progress(q),
                                    .state = DELIVERY_SKIPPED,
                                    .reason = sum->reason});
}

struct choice {
    struct queue *queue;
    size_t index, place; /* item; position in the lane's queues */
    instant_t ready_at;
    bool go, only_gap, starved;
    enum gate gate;            /* of a hold */
    const struct meter *limit; /* that it is, or NULL */
};

/* The queue's first delivery that is not held alone, judged. False when it has none; `*wake` then
 * says when one of those held alone is free. */
static bool judge_queue(struct engine *e, struct queue *q, struct choice *c, instant_t *wake)
{
    for (size_t i = 0; i < q->count;) {
        struct item *item = &q->items[i];
        if (map_get(&e->flights, item->delivery)) {
            i++; /* the question that it was part of is open still, under its number */
            continue;
        }
        if (item->not_before > e->now && item->not_before != INSTANT_NEVER) {
            *wake = item->not_before < *wake ? item->not_before : *wake;
            i++;
            continue;
        }
        if (item->epoch != q->lane->epoch && !queue_gathered(e, q, item))
            return false; /* the answer touches the lane */
        if (item->epoch != q->lane->epoch)
            due_draw(e, q, item);
        struct sayers who;
        struct ruling sum = rule(e, q, item, e->now, &who);
        if (sum.verdict == VERDICT_DROP && sum.reason != REASON_ENDED) {
            drop_item(e, q, i, &sum);
            continue;
        }
        if (sum.verdict == VERDICT_GO &&
            (restart_after_hold(e, q, item) || due_late_into_half_hour(e, q, item)))
            sum = rule(e, q, item, e->now, &who);
        if (sum.verdict == VERDICT_HOLD && sum.reason == REASON_FREQUENCY_CAP) {
            /* held alone: others need not wait for it */
            item->not_before = sum.not_before;
            q->alone = true;
            *wake = sum.not_before < *wake ? sum.not_before : *wake;
            c->starved |= sum.not_before == INSTANT_NEVER;
            i++;
            continue;
        }
        if (sum.verdict == VERDICT_DROP) /* ended: revision_end_due sees to it */
            return false;
        if (sum.verdict == VERDICT_HOLD)
            apply_hold(q, item, &sum, sayer_of(&who, sum.gate));
        c->queue = q;
        c->index = i;
        c->go = sum.verdict == VERDICT_GO;
        c->only_gap =
            c->go || (!who.held && !queue_spreads(q) && !schedule_closed(q->schedule, item->base));
        c->ready_at = c->go ? e->now : sum.not_before;
        c->starved |= sum.not_before == INSTANT_NEVER && waits_for_room(q, sum.reason);
        c->gate = sum.gate;
        c->limit = sayer_of(&who, sum.gate);
        return true;
    }
    return false;
}

/* high, normal, low */
static int rank(const struct choice *c)
{
    static const int ranks[] = {[PRIORITY_HIGH] = 0, [PRIORITY_NORMAL] = 1, [PRIORITY_LOW] = 2};

    return ranks[c->queue->revision->spec.priority];
}

/* The higher priority first, then the earlier end, then in turn. */
static bool comes_before(const struct lane *l, const struct choice *a, const struct choice *b)
{
    instant_t end_a = a->queue->schedule->end;
    instant_t end_b = b->queue->schedule->end;

    if (a->only_gap != b->only_gap)
        return a->only_gap;
    if (!a->only_gap && a->ready_at != b->ready_at)
        return a->ready_at < b->ready_at;
    if (rank(a) != rank(b))
        return rank(a) < rank(b);
    if (end_a != end_b)
        return end_a < end_b;
    if (a->queue->revision == b->queue->revision) /* parts of a lane: in order of the file */
        return a->queue->items[a->index].row < b->queue->items[b->index].row;
    return (a->place + l->queue_count - l->turn) % l->queue_count <
           (b->place + l->queue_count - l->turn) % l->queue_count;
}

static void tell_hold(struct engine *e, const struct choice *c, bool behind)
{
    const struct item *item = &c->queue->items[c->index];

    if (e->watched)
        engine_emit(e, &(struct effect){.kind = EFFECT_HOLD,
                                        .revision = c->queue->revision->spec.id,
                                        .lane = c->queue->id,
                                        .delivery = item->delivery,
                                        .at = e->now,
                                        .gate = c->gate,
                                        .schedule = c->queue->schedule,
                                        .limit = c->limit ? c->limit->text : NULL,
                                        .not_before = c->ready_at,
                                        .base = item->base,
                                        .behind = behind});
}

static bool choose(struct engine *e, struct lane *l, struct choice *best, instant_t *wake)
{
    bool any = false, starved = false;

    for (size_t i = 0; i < l->queue_count; i++) {
        struct choice c = {.place = i};
        queue_want(e, l->queues[i]);
        bool found = judge_queue(e, l->queues[i], &c, wake);
        if (!found)
            queue_want(e, l->queues[i]); /* all that was here may have been dropped */
        starved |= c.starved;
        if (found && !c.only_gap) /* when it is free it may come before who is the best now */
            *wake = c.ready_at < *wake ? c.ready_at : *wake;
        if (found && !c.go && l->queue_count > 1)
            tell_hold(e, &c, true);
        if (found && (!any || comes_before(l, &c, best))) {
            *best = c;
            any = true;
        }
    }
    set_starved(e, l, starved);
    return any;
}

/* Of the next campaign, whose queues are side by side. */
static size_t next_turn(const struct lane *l, size_t place)
{
    size_t next = place;

    while (next < l->queue_count && l->queues[next]->revision == l->queues[place]->revision)
        next++;
    return next % l->queue_count;
}

static bool has_room(const struct lane *l, const struct queue *q)
{
    if (l->channel->asks && !l->channel->platform_asks)
        return l->in_flight == 0 && l->person->asked == 0;
    if (q->revision->spec.pace.ceiling > 0)
        return l->in_flight == 0;
    return !l->exclusive && l->in_flight < l->channel->in_flight_max;
}

/* What is in flight has the lane to itself: the answer touches it, and who goes next is judged
 * then. An open question may take hours: what waits behind it is judged, to be seen. */
static bool taken(const struct lane *l)
{
    return l->exclusive && !l->channel->asks;
}

void lane_run(struct engine *e, struct lane *l)
{
    instant_t wake = INSTANT_NEVER;
    struct choice c = {0};

    while (!taken(l) && choose(e, l, &c, &wake)) {
        if (!c.go) {
            wake = c.ready_at < wake ? c.ready_at : wake;
            tell_hold(e, &c, false);
            break;
        }
        if (!has_room(l, c.queue))
            break; /* the answer touches the lane */
        l->turn = next_turn(l, c.place);
        flight_claim(e, c.queue, c.index);
        wake = INSTANT_NEVER;
    }
    for (size_t i = 0; taken(l) && i < l->queue_count; i++)
        queue_want(e, l->queues[i]); /* ready when the answer comes */
    if (wake != INSTANT_NEVER) {
        assert(wake > e->now);
        l->node.at = wake;
        l->node.seq = ++e->seq;
        heap_put(&e->heap, &l->node);
    }
}
