/* What people are shown; nothing here changes anything. */
#include "engine/internal.h"

#include "base/arena.h"

#include <stdlib.h>

static const struct queue *find_queue(const struct revision *r, int64_t lane)
{
    for (size_t i = 0; i < r->queue_count; i++) {
        if (r->queues[i].id == lane)
            return &r->queues[i];
    }
    return NULL;
}

/* The one that the lane would take next of this queue; NULL when none was fetched. */
static const struct item *head_of(const struct engine *e, const struct queue *q)
{
    for (size_t i = 0; i < q->count; i++) {
        if (q->items[i].not_before <= e->now)
            return &q->items[i];
    }
    return q->count ? &q->items[0] : NULL;
}

static void why(const struct engine *e, instant_t now, const struct queue *q,
                const struct item *item, bool next, struct engine_hold *out)
{
    struct item unknown = {.not_before = INSTANT_MIN};
    struct ruling sum = lane_rule(e, q, item ? item : &unknown, now);
    bool armed = next && item && item->epoch == q->lane->epoch && item->not_before <= now &&
                 item->due != INSTANT_NEVER;

    out->reason = sum.verdict == VERDICT_GO ? REASON_GAP : sum.reason;
    out->not_before = sum.verdict == VERDICT_GO ? now : sum.not_before;
    if (item && item->not_before > now && sum.verdict == VERDICT_GO) {
        out->not_before = item->not_before;
        out->reason = item->capped ? REASON_FREQUENCY_CAP : out->reason;
    }
    out->due_at = armed ? item->due : INSTANT_MIN;
}

bool engine_why(const struct engine *e, instant_t now, int64_t revision, int64_t lane,
                int64_t delivery, struct engine_hold *out)
{
    const struct revision *r = map_get(&e->revisions, revision);
    const struct queue *q = r ? find_queue(r, lane) : NULL;

    if (!q)
        return false;
    now = now > e->now ? now : e->now;
    const struct item *head = head_of(e, q), *item = delivery ? NULL : head;
    for (size_t i = 0; i < q->count && !item; i++) {
        if (q->items[i].delivery == delivery)
            item = &q->items[i];
    }
    why(e, now, q, item ? item : head, item && item == head, out);
    return true;
}

static void explain_limit(struct engine_explained *x, enum gate gate, const struct meter *m,
                          int64_t recipient, bool drops, instant_t now)
{
    struct engine_limit_view *v = &x->limits[x->limit_count];

    if (x->limit_count == ENGINE_LIMIT_VIEWS)
        return;
    *v = (struct engine_limit_view){.text = m->text, .max = meter_max(m, now), .gate = gate};
    v->used = meter_count(m, recipient, now, &v->since);
    v->ready_at = meter_ready_at(m, recipient, now);
    v->drops = drops;
    v->others = m->spec.others;
    x->limit_count++;
}

static void explain_limits(struct engine_explained *x, const struct queue *q, int64_t recipient,
                           instant_t now)
{
    const struct revision *r = q->revision;
    size_t first = (size_t)(q - r->queues) * r->spec.limit_count;

    for (size_t i = 0; i < r->spec.limit_count; i++) {
        const struct meter *m = r->meters[first + i];
        bool cap = m->spec.scope == SCOPE_RECIPIENT;
        explain_limit(x, cap ? GATE_FREQUENCY_CAP : GATE_RATE_LIMIT, m, recipient,
                      r->limits[i].drop, now);
    }
    for (const struct meter *m = r->channel->quotas; m; m = m->next)
        explain_limit(x, GATE_CHANNEL, m, 0, false, now);
}

/* Where it stands among those that are here. */
static const struct item *place_of(const struct engine *e, const struct queue *q, int64_t delivery,
                                   struct engine_explained *x)
{
    const struct item *found = NULL;

    for (size_t i = 0; i < q->count && !found; i++) {
        if (q->items[i].delivery == delivery)
            found = &q->items[i];
        else
            x->before += q->items[i].delivery < delivery;
    }
    x->next = found && found == head_of(e, q);
    return found;
}

bool engine_explain(const struct engine *e, instant_t now, int64_t revision, int64_t lane,
                    const struct engine_waiting *w, struct engine_explained *out)
{
    const struct revision *r = map_get(&e->revisions, revision);
    const struct queue *q = r ? find_queue(r, lane) : NULL;
    struct item item = {.delivery = w->delivery, .recipient = w->recipient, .row = w->row};
    struct sayers who;

    if (!q)
        return false;
    now = now > e->now ? now : e->now;
    *out = (struct engine_explained){.last_due = q->lane->last_due,
                                     .last_answer = q->lane->last_answer,
                                     .due_at = INSTANT_MIN,
                                     .not_before = INSTANT_MIN,
                                     .priming = r->priming};
    const struct item *here = place_of(e, q, w->delivery, out);
    bool armed = out->next && here->epoch == q->lane->epoch && here->due != INSTANT_NEVER;
    if (here && here->not_before > now)
        out->not_before = here->not_before;
    else if (armed)
        out->due_at = here->due;
    lane_rows(e, q, here ? here : &item, now, out->rows, &who);
    if (!out->next) /* its gap is drawn when it is its turn */
        out->rows[GATE_GAP] = (struct ruling){GATE_GAP, VERDICT_HOLD, REASON_GAP, INSTANT_NEVER};
    explain_limits(out, q, w->recipient, now);
    return true;
}

static void view_meters(const struct meter *m, instant_t now, struct engine_lane_view *v)
{
    for (; m && v->limit_count < ENGINE_LIMIT_VIEWS; m = m->next)
        v->limits[v->limit_count++] = (struct engine_limit_view){
            .text = m->text, .used = meter_used(m, now), .max = meter_max(m, now)};
}

static const struct queue *soonest(const struct engine *e, const struct lane *l, instant_t now,
                                   struct engine_hold *best)
{
    const struct queue *found = NULL;

    for (size_t i = 0; i < l->queue_count; i++) {
        struct engine_hold h;
        const struct queue *q = l->queues[i];
        if (!q->waiting && !q->count)
            continue;
        why(e, now, q, head_of(e, q), true, &h);
        if (!found || h.not_before < best->not_before) {
            *best = h;
            found = q;
        }
    }
    return found;
}

static void view_lane(const struct engine *e, const struct lane *l, instant_t now,
                      struct engine_lane_view *v)
{
    struct engine_hold hold = {.reason = REASON_NONE, .due_at = INSTANT_MIN};

    *v = (struct engine_lane_view){.lane = l->id, .in_flight = l->in_flight};
    for (size_t i = 0; i < l->queue_count; i++)
        v->waiting += l->queues[i]->waiting;
    soonest(e, l, now, &hold);
    v->next_at = hold.not_before == INSTANT_NEVER ? INSTANT_MIN : hold.due_at;
    v->held_by = hold.reason == REASON_GAP ? REASON_NONE : hold.reason;
    view_meters(l->meters, now, v);
    view_meters(l->person->meters, now, v);
    view_meters(l->channel->meters, now, v);
    view_meters(l->channel->quotas, now, v);
}

static int by_id(const void *a, const void *b)
{
    const struct lane *const *x = a, *const *y = b;

    return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

void engine_lanes(const struct engine *e, instant_t now,
                  void (*each)(void *ctx, const struct engine_lane_view *v), void *ctx)
{
    const struct lane **lanes = xmalloc((e->lane_count + 1) * sizeof *lanes);
    size_t count = 0, at = 0;

    now = now > e->now ? now : e->now;
    for (const struct lane *l; (l = map_each(&e->lanes, &at));) {
        if (l->queue_count || l->in_flight)
            lanes[count++] = l;
    }
    qsort(lanes, count, sizeof(const struct lane *), by_id);
    for (size_t i = 0; i < count; i++) {
        struct engine_lane_view v;
        view_lane(e, lanes[i], now, &v);
        each(ctx, &v);
    }
    free(lanes);
}
