/* One delivery, gate by gate. What waits is judged by the engine at this moment. What has gone, or
 * never goes, is judged by its revision's own schedule at the instant at which it was decided, with
 * what the store knows of that time: due, claimed, settled, and the sends that counted then. */
#include "api/explained.h"
#include "api/handlers.h"
#include "api/lookup.h"
#include "api/objects.h"
#include "api/request.h"

#include "base/lang.h"
#include "conf/duration.h"
#include "conf/json.h"
#include "conf/revision.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { HISTORY_MAX = 200000 }; /* sends; claims wait while they are read */

struct past { /* the limits at `at` */
    instant_t at;
    struct engine_limit_view limits[ENGINE_LIMIT_VIEWS];
    size_t limit_count;
    instant_t last_due; /* of the lane's send before; INSTANT_MIN: not found */
    bool cut;           /* too much to count */
};

struct explain {
    struct lookup lookup; /* first */
    int64_t id;
    struct store_delivery *delivery;
    struct arena *arena;        /* the request's */
    struct store_lane_row lane; /* or the part of one that it lies on */
    struct past past;
    struct campaign *campaign; /* while the history is read; then the loop thread's own */
    size_t sends;
    instant_t *own; /* of a pending one: when members wrote to its recipient by themselves */
    size_t own_count, own_capacity;
};

static void explain_dispose(void *state)
{
    struct explain *x = state;

    campaign_free(x->campaign);
    free(x->own);
}

/* --- store thread: what counted then --- */

static int keep_lane(void *ctx, const struct store_lane_row *row)
{
    struct explain *x = ctx;

    if (row->lane != x->delivery->lane)
        return 0;
    x->lane = *row;
    x->lane.zone = arena_strdup(x->arena, row->zone);
    return 0;
}

/* Of one lane, whichever zones its recipients are in. */
static bool same_lane(const struct explain *x, const struct store_send *s)
{
    return s->channel == x->lane.channel && s->sender == x->lane.sender;
}

static instant_t span_begins(const struct campaign *c, const struct conf_limit *l, instant_t at)
{
    instant_t begins, ends;

    if (l->rolling)
        return at - l->span;
    period_of((enum period)l->period, c->schedule.zone, at, &begins, &ends);
    return begins;
}

static bool in_scope(const struct explain *x, const struct conf_limit *l,
                     const struct store_send *s)
{
    switch (l->scope) {
    case LIMIT_SENDER:
    case LIMIT_PERSON:
        return same_lane(x, s);
    case LIMIT_RECIPIENT:
        return s->recipient == x->delivery->recipient_id;
    case LIMIT_CHANNEL:
        return s->channel == x->lane.channel;
    default:
        return s->campaign == x->lookup.revision->campaign_id;
    }
}

static int count_send(void *ctx, const struct store_send *s)
{
    struct explain *x = ctx;
    struct past *p = &x->past;

    if (s->claimed_at > p->at || (s->claimed_at == p->at && s->delivery >= x->delivery->id))
        return 0;
    if (++x->sends > HISTORY_MAX) {
        p->cut = true;
        return 1;
    }
    if (same_lane(x, s) && s->due_at > p->last_due)
        p->last_due = s->due_at;
    for (size_t i = 0; i < p->limit_count; i++) {
        const struct conf_limit *l = &x->campaign->limits[i];
        instant_t counts = l->rolling ? s->answered_at : s->claimed_at;
        if (!in_scope(x, l, s) || (l->sends && s->again) ||
            counts < span_begins(x->campaign, l, p->at) + (l->rolling ? 1 : 0))
            continue;
        p->limits[i].used++;
        if (l->rolling && (p->limits[i].since == INSTANT_MIN || counts < p->limits[i].since))
            p->limits[i].since = counts;
    }
    return 0;
}

static uint32_t max_then(const struct explain *x, const struct conf_limit *l)
{
    const struct store_lane_row *lane = &x->lane;
    instant_t first = lane->first_sent ? lane->first_sent : INSTANT_MIN;

    return l->ramp.step ? ramp_max(&l->ramp, l->max, (enum period)l->period,
                                   x->campaign->schedule.zone, first, x->past.at)
                        : period_max(l->max, x->campaign->schedule.zone, x->past.at);
}

static instant_t begin_counting(struct explain *x)
{
    const struct campaign *c = x->campaign;
    struct past *p = &x->past;
    instant_t since = p->at - 2 * c->pace.ceiling - MS_PER_HOUR; /* for the send before */

    for (size_t i = 0; i < c->limit_count && i < ENGINE_LIMIT_VIEWS; i++) {
        const struct conf_limit *l = &c->limits[i];
        instant_t begins = span_begins(c, l, p->at);
        since = begins < since ? begins : since;
        p->limits[p->limit_count++] = (struct engine_limit_view){
            .text = arena_strdup(c->arena, l->text),
            .max = max_then(x, l),
            .gate = l->scope == LIMIT_RECIPIENT ? GATE_FREQUENCY_CAP : GATE_RATE_LIMIT,
            .drops = l->drop,
            .since = l->rolling ? INSTANT_MIN : begins,
            .ready_at = INSTANT_MIN};
    }
    return since;
}

static int read_past(struct store *s, struct request *rq)
{
    struct explain *x = rq->state;

    x->campaign =
        manifest_read(x->lookup.revision->manifest, request_store_zones(rq), NULL, &rq->e);
    if (!x->campaign)
        return rq->e.code;
    int rc = store_history(s, begin_counting(x), count_send, x, &rq->e);
    return rc > 0 ? 0 : rc;
}

static bool by_cap(const struct store_delivery *d)
{
    return d->state == DELIVERY_SKIPPED && d->reason == REASON_FREQUENCY_CAP;
}

static int keep_own(void *ctx, int64_t recipient, instant_t sent_at)
{
    struct explain *x = ctx;

    (void)recipient;
    x->own = xgrow(x->own, &x->own_capacity, x->own_count + 1, sizeof *x->own);
    x->own[x->own_count++] = sent_at;
    return 0;
}

static int explain_read(struct store *s, struct request *rq)
{
    struct explain *x = rq->state;
    int rc = lookup_delivery(s, rq, &x->lookup, x->id, &x->delivery);

    x->arena = rq->arena;
    if (!rc)
        rc = store_lanes(s, keep_lane, x, &rq->e);
    if (!rc && x->delivery->state == DELIVERY_PENDING)
        return store_other_sends(s, INSTANT_MIN, x->delivery->recipient_id, keep_own, x, &rq->e);
    if (rc)
        return rc;
    const struct store_delivery *d = x->delivery;
    instant_t settled =
        d->settled_at != INSTANT_MIN ? d->settled_at : x->lookup.revision->submitted_at;
    x->past = (struct past){.at = d->claimed_at != INSTANT_MIN ? d->claimed_at : settled,
                            .last_due = INSTANT_MIN};
    return d->claimed_at != INSTANT_MIN || by_cap(d) ? read_past(s, rq) : 0;
}

/* --- loop thread: the rows --- */

static const char *time_of(struct request *rq, const struct explained *e, instant_t t)
{
    struct strbuf text = STRBUF_INIT;

    if (t != INSTANT_MIN)
        explained_time(&text, t, e->at, e->campaign->schedule.zone);
    const char *copy = arena_strdup(rq->arena, text.text ? text.text : "?");
    strbuf_dispose(&text);
    return copy;
}

static void judge(struct explained *e, const struct gate_facts *facts)
{
    struct gate_facts f = *facts;

    f.schedule = e->schedule;
    f.rate_ready_at = f.gap_ready_at = f.channel_ready_at = INSTANT_MIN;
    if (!f.cap_drops)
        f.cap_ready_at = INSTANT_MIN;
    gates_rule(&f, e->at, e->x.rows);
}

static void set_row(struct explained *e, enum gate gate, enum verdict verdict, const char *says)
{
    e->x.rows[gate].verdict = verdict;
    e->x.rows[gate].not_before = INSTANT_NEVER;
    e->says[gate] = says;
}

/* Of a draft, or of what the engine was not told of. */
static void explain_unknown(struct request *rq, struct explained *e)
{
    const struct explain *x = rq->state;
    const struct store_revision *r = x->lookup.revision;
    const struct api_host *host = request_host(rq);

    judge(e, &(struct gate_facts){.halted = engine_halted(host->engine(host->ctx)),
                                  .running = r->status == REVISION_APPROVED,
                                  .paused = r->status == REVISION_PAUSED});
    e->x.next = true;
}

static void explain_waiting(struct request *rq, struct explained *e)
{
    const struct explain *x = rq->state;
    const struct store_delivery *d = x->delivery;
    const struct api_host *host = request_host(rq);
    const struct engine_waiting w = {
        .delivery = d->id, .row = d->row, .recipient = d->recipient_id, .attempts = d->attempts};

    e->at = rq->now;
    if (x->lookup.revision->status == REVISION_DRAFT ||
        !engine_explain(host->engine(host->ctx), rq->now, d->revision, d->lane, &w, &e->x))
        explain_unknown(rq, e);
}

static const char *past_channel(struct request *rq, const struct explained *e)
{
    const struct explain *x = rq->state;
    const struct store_delivery *d = x->delivery;
    const char *reason = reason_name(d->reason) ? reason_name(d->reason) : "";

    switch (d->state) {
    case DELIVERY_SENT:
        return d->ref ? arena_printf(rq->arena, tr("sent %s (%s)"), time_of(rq, e, d->settled_at),
                                     d->ref)
                      : arena_printf(rq->arena, tr("sent %s"), time_of(rq, e, d->settled_at));
    case DELIVERY_CLAIMED:
        return arena_printf(rq->arena, tr("on its way since %s"), time_of(rq, e, d->claimed_at));
    case DELIVERY_PROMPTED:
        return arena_printf(rq->arena, tr("%s was asked %s and has not answered"), d->sender,
                            time_of(rq, e, d->claimed_at));
    case DELIVERY_UNKNOWN:
        return arena_printf(
            rq->arena, tr("%s: settle it with 'paceline outcome %lld sent|not-sent --note TEXT'"),
            reason, (long long)d->id);
    default:
        return arena_printf(rq->arena, "%s: %s", time_of(rq, e, d->settled_at), reason);
    }
}

static void explain_claimed(struct request *rq, struct explained *e)
{
    const struct explain *x = rq->state;
    const struct store_delivery *d = x->delivery;
    bool open = d->state == DELIVERY_CLAIMED || d->state == DELIVERY_PROMPTED ||
                d->state == DELIVERY_UNKNOWN;

    judge(e, &(struct gate_facts){.running = true});
    e->x.next = true;
    e->x.due_at = d->due_at;
    e->x.last_due = x->past.last_due;
    e->claimed_at = d->claimed_at;
    set_row(e, GATE_CHANNEL,
            d->state == DELIVERY_SENT ? VERDICT_GO
            : open                    ? VERDICT_HOLD
                                      : VERDICT_DROP,
            past_channel(rq, e));
}

/* Which value it is that is missing. */
static const char *missing_value(struct request *rq, const struct explained *e)
{
    const struct explain *x = rq->state;
    const struct store_delivery *d = x->delivery;
    const struct template *t = e->campaign->template;
    const char *const *names, *missing = NULL;
    struct strbuf text = STRBUF_INIT;
    unsigned defaults = 0;

    if (!t)
        return NULL;
    size_t count = template_names(t, &names);
    json_t *array = d->values ? json_loads(d->values, 0, NULL) : NULL;
    const char **values = arena_array(rq->arena, count + 1, sizeof(*values));
    for (size_t i = 0; i < count; i++)
        values[i] = json_string_value(json_array_get(array, i));
    template_render(t, d->recipient, d->sender, values, &text, &missing, &defaults);
    const char *says =
        missing ? arena_printf(rq->arena, tr("'%s' has no value and no default"), missing) : NULL;
    strbuf_dispose(&text);
    json_decref(array);
    return says;
}

/* Decided without ever being claimed. */
static void explain_dropped(struct request *rq, struct explained *e)
{
    const struct explain *x = rq->state;
    const struct store_delivery *d = x->delivery;

    judge(e, &(struct gate_facts){.running = true,
                                  .suppressed = d->reason == REASON_SUPPRESSED,
                                  .missing_value = d->reason == REASON_MISSING_VALUE,
                                  .cap_drops = by_cap(d),
                                  .cap_ready_at = by_cap(d) ? INSTANT_NEVER : INSTANT_MIN});
    for (enum gate gate = GATE_RATE_LIMIT; gate <= GATE_CHANNEL; gate++)
        if (!by_cap(d) || gate > GATE_FREQUENCY_CAP)
            e->says[gate] = tr("not looked at: it was decided before its turn");
    if (d->reason == REASON_MISSING_VALUE)
        e->says[GATE_MISSING_VALUE] = missing_value(rq, e);
    if (d->reason == REASON_DUPLICATE)
        set_row(e, GATE_CAMPAIGN, VERDICT_DROP, tr("an earlier row has the same recipient"));
    if (d->reason == REASON_ALREADY_HANDLED)
        set_row(e, GATE_CAMPAIGN, VERDICT_DROP,
                tr("an earlier revision has written to this recipient, or may have"));
    if (d->reason == REASON_SUPERSEDED)
        set_row(
            e, GATE_CAMPAIGN, VERDICT_DROP,
            arena_printf(rq->arena, tr("a newer revision was approved %s"), time_of(rq, e, e->at)));
    if (d->reason == REASON_CANCELED)
        set_row(e, GATE_CAMPAIGN, VERDICT_DROP,
                arena_printf(rq->arena, tr("canceled %s"), time_of(rq, e, e->at)));
}

static void put_past_limits(struct explained *e, const struct past *p)
{
    static const char *const cut = TR_TABLE("too much was sent since to count it again");

    for (size_t i = 0; i < p->limit_count; i++)
        e->x.limits[i] = p->limits[i];
    e->x.limit_count = p->limit_count;
    if (p->cut)
        e->says[GATE_RATE_LIMIT] = e->says[GATE_FREQUENCY_CAP] = tr(cut);
}

/* Of the attempt that is, or the next; the draws depend on nothing else. */
static duration_t drawn_gap(const struct campaign *c, const struct store_delivery *d)
{
    bool claimed = d->state != DELIVERY_PENDING && d->attempts > 0;

    return c->pace.distribution == PACE_SPREAD
               ? -1
               : pace_gap(&c->pace, revision_seed(&d->digest), d->row,
                          claimed ? d->attempts - 1 : d->attempts);
}

static void explain_rows(struct request *rq)
{
    struct explain *x = rq->state;
    const struct store_delivery *d = x->delivery;
    struct explained e = {
        .channel = d->channel,
        .sender = d->sender,
        .recipient = d->recipient,
        .at = x->past.at,
        .claimed_at = INSTANT_MIN,
        .own = x->own,
        .own_count = x->own_count,
        .x = {.due_at = INSTANT_MIN, .last_due = INSTANT_MIN, .not_before = INSTANT_MIN}};

    struct campaign *c =
        rq->rc ? NULL
               : manifest_read(x->lookup.revision->manifest, request_zones(rq), NULL, &rq->e);
    e.campaign = c;
    if (!c) {
        request_fail(rq);
        return;
    }
    e.schedule =
        x->lane.of ? campaign_schedule_in(c, x->lane.zone, request_zones(rq)) : &c->schedule;
    e.drawn = drawn_gap(c, d);
    put_past_limits(&e, &x->past);
    if (d->state == DELIVERY_PENDING)
        explain_waiting(rq, &e);
    else if (d->claimed_at != INSTANT_MIN)
        explain_claimed(rq, &e);
    else
        explain_dropped(rq, &e);
    explained_put(&rq->answer.body.text, &e);
    campaign_free(c);
    request_stream(rq);
}

void explain_show(struct request *rq)
{
    struct explain *x = arena_alloc(rq->arena, sizeof(*x));

    rq->state = x;
    rq->dispose = explain_dispose;
    if (lookup_delivery_id(rq, &x->id))
        request_store(rq, explain_read, explain_rows);
}
