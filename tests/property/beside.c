/* A campaign planned beside another is what an engine that has both does: stopped at some instant
 * and told to a plan (where lanes stand, what waits, what was sent), which must foresee every due
 * instant of the campaign that comes now. The other one has sent on its lanes, and none of them
 * rests. */
#include "property.h"

#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

enum { CHANNEL = 1, LANE = 1, SENDER = 11, OTHER = 5, OWN = 6, SENDERS = 3, ROWS = 40, LIMITS = 2 };

struct row {
    int64_t delivery, lane, recipient, key;
    bool gone;
    enum delivery_state state;
    instant_t due;
};

struct world {
    struct engine *engine;
    instant_t now;
    size_t senders;
    struct engine_lane lanes[SENDERS];
    struct row rows[2 * ROWS]; /* of the other one, then of the own */
    size_t others, count;
    struct engine_send past[2 * ROWS];
    size_t past_count;
    struct schedule schedules[2];
    struct engine_limit limits[2][LIMITS];
    struct engine_revision revisions[2];
    struct engine_revision_lane revision_lanes[2][SENDERS];
    bool forgotten;
};

static struct tz utc;
static const struct engine_channel channel = {.id = CHANNEL, .account = 1, .in_flight_max = 1};
static const struct hours day_hours = {9 * 60, 18 * 60};
static const struct window days = {
    .weekdays = 0x7f, .first_day = 1, .last_day = 0, .hours = &day_hours, .hours_count = 1};
static const instant_t morning = 20000 * (instant_t)MS_PER_DAY + 9 * MS_PER_HOUR;

/* --- the world --- */

/* A limit that lanes share may free several at one instant: whose turn it is then is not told. */
static void limits_any(struct dice *d, struct engine_revision *r, struct engine_limit *limits,
                       size_t senders)
{
    static const enum engine_scope scopes[] = {SCOPE_SENDER, SCOPE_PERSON, SCOPE_RECIPIENT,
                                               SCOPE_CHANNEL, SCOPE_CAMPAIGN};

    r->limits = limits;
    r->limit_count = dice_below(d, LIMITS + 1);
    for (size_t i = 0; i < r->limit_count; i++) {
        enum engine_scope scope = scopes[dice_below(d, senders > 1 ? 3 : 5)];
        bool recipient = scope == SCOPE_RECIPIENT;
        limits[i] = (struct engine_limit){.scope = scope,
                                          .max = 1 + (uint32_t)dice_below(d, recipient ? 2 : 20),
                                          .rolling = !dice_one_in(d, 3),
                                          .span = dice_between(d, 600000, 20 * 3600000),
                                          .period = PERIOD_DAY,
                                          .drop = recipient && dice_one_in(d, 2),
                                          .text = i ? "second" : "first"};
    }
}

static void revision_any(struct dice *d, struct world *w, int own)
{
    struct engine_revision *r = &w->revisions[own];
    struct schedule *s = &w->schedules[own];

    *s = (struct schedule){.zone = &utc, .start = INSTANT_MIN, .end = INSTANT_NEVER};
    if (dice_one_in(d, 2)) {
        s->windows = &days;
        s->window_count = 1;
    }
    *r = (struct engine_revision){.id = own ? OWN : OTHER,
                                  .campaign = own ? OWN : OTHER,
                                  .channel = CHANNEL,
                                  .seed = dice_next(d),
                                  .schedule = s,
                                  .priority = (enum engine_priority)dice_below(d, 3),
                                  .batch = dice_one_in(d, 3) ? 1 + (uint32_t)dice_below(d, 4) : 0,
                                  .lanes = w->revision_lanes[own]};
    r->pace.floor = dice_between(d, 1000, 600000);
    r->pace.ceiling = r->pace.floor + dice_between(d, 1, 600000);
    r->pace.distribution = (enum pace_distribution)dice_below(d, 3);
    if (r->pace.distribution == PACE_SPREAD || dice_one_in(d, 4))
        s->end = morning + dice_between(d, 2 * 3600000, 60 * 3600000);
    limits_any(d, r, w->limits[own], w->senders);
}

static void rows_any(struct dice *d, struct world *w, int own)
{
    size_t n = 1 + dice_below(d, ROWS);

    for (size_t i = 0; i < n; i++)
        w->rows[w->count++] = (struct row){
            .delivery = (own ? 1000 : 100) + (int64_t)i,
            .lane = LANE + (int64_t)dice_below(d, w->senders),
            .recipient = 500 + (own ? (int64_t)dice_below(d, 2) * 100 : 0) + (int64_t)i,
            .key = 1 + (int64_t)dice_below(d, 3)};
    w->others = own ? w->others : w->count;
}

/* The lanes on which something of it waits now. */
static void wait_on_lanes(struct world *w, int own)
{
    struct engine_revision *r = &w->revisions[own];

    r->lane_count = 0;
    for (int64_t lane = LANE; lane < LANE + (int64_t)w->senders; lane++) {
        uint64_t waiting = 0;
        bool any = false;
        instant_t last = 0;
        for (size_t i = own ? w->others : 0; i < (own ? w->count : w->others); i++) {
            if (w->rows[i].lane != lane)
                continue;
            any = true;
            waiting += !w->rows[i].gone;
            last = w->rows[i].due > last ? w->rows[i].due : last;
        }
        if (any)
            w->revision_lanes[own][r->lane_count++] =
                (struct engine_revision_lane){.lane = lane, .waiting = waiting, .last_due = last};
    }
}

/* --- an engine that runs --- */

static size_t fetch_rows(const struct world *w, const struct effect *f, struct engine_waiting *out)
{
    bool own = f->revision == OWN;
    size_t n = 0;

    for (size_t i = own ? w->others : 0; i < (own ? w->count : w->others) && n < f->cap; i++) {
        const struct row *r = &w->rows[i];
        if (r->gone || r->lane != f->lane || r->delivery <= f->after ||
            (f->key && r->key != f->key))
            continue;
        out[n++] = (struct engine_waiting){.delivery = r->delivery,
                                           .row = i + 1 - (own ? w->others : 0),
                                           .recipient = r->recipient,
                                           .key = w->revisions[own].batch > 1 ? r->key : 0};
    }
    return n;
}

static struct row *row_of(struct world *w, int64_t delivery)
{
    size_t i = 0;

    while (w->rows[i].delivery != delivery)
        i++;
    return &w->rows[i];
}

static void claim(struct world *w, const struct effect *f)
{
    struct row *r = row_of(w, f->delivery);
    struct engine_lane *l = &w->lanes[f->lane - LANE];

    r->gone = true;
    r->due = f->due_at;
    l->last_due = f->due_at > l->last_due ? f->due_at : l->last_due;
    w->past[w->past_count++] = (struct engine_send){.delivery = f->delivery,
                                                    .campaign = f->revision,
                                                    .lane = f->lane,
                                                    .recipient = r->recipient,
                                                    .claimed_at = f->at,
                                                    .answered_at = f->at,
                                                    .send = f->send};
    engine_claimed(w->engine, w->now, f->delivery, true);
}

static void effect(struct world *w, const struct effect *f)
{
    struct engine_waiting found[512];

    switch (f->kind) {
    case EFFECT_HISTORY:
        for (size_t i = 0; i < w->past_count; i++)
            if (w->past[i].answered_at >= f->since)
                engine_history(w->engine, w->now, f->revision, &w->past[i]);
        engine_primed(w->engine, w->now, f->revision);
        break;
    case EFFECT_FETCH: {
        size_t n = fetch_rows(w, f, found);
        engine_fetched(w->engine, w->now, f->revision, f->lane, found, n, n == f->cap);
        break;
    }
    case EFFECT_CLAIM:
        claim(w, f);
        break;
    case EFFECT_SEND:
        w->lanes[f->lane - LANE].last_answer = w->now;
        w->lanes[f->lane - LANE].first =
            w->lanes[f->lane - LANE].first ? w->lanes[f->lane - LANE].first : w->now;
        engine_answer(w->engine, w->now, f->send, &(struct engine_answer){.kind = ANSWER_DONE});
        break;
    case EFFECT_RESULT: {
        struct row *r = row_of(w, f->delivery);
        r->gone = true;
        r->state = f->state;
        break;
    }
    case EFFECT_FORGET:
        w->forgotten |= f->revision == OWN;
        break;
    default:
        break;
    }
}

/* One turn; false when nothing is left to wait for. */
static bool turn(struct world *w)
{
    struct effect f;

    engine_turn(w->engine, w->now);
    while (engine_effect(w->engine, &f))
        effect(w, &f);
    return engine_wake(w->engine) < morning + 400 * (instant_t)MS_PER_DAY;
}

static void go_on(struct world *w)
{
    instant_t wake = engine_wake(w->engine);

    w->now = wake > w->now ? wake : w->now;
}

/* Every lane on which the other one still waits has sent, lately. */
static bool lanes_go(const struct world *w)
{
    const struct engine_revision *r = &w->revisions[0];

    for (size_t i = 0; i < w->others; i++) {
        const struct engine_lane *l = &w->lanes[w->rows[i].lane - LANE];
        bool sent = false;
        for (size_t k = 0; k < w->past_count; k++)
            sent |= w->past[k].lane == l->id;
        if (!w->rows[i].gone && (!sent || l->last_answer + r->pace.floor < w->now))
            return false;
    }
    return true;
}

/* --- told to a plan --- */

static int plan_fetch(void *ctx, const struct effect *f, struct plan_waiting *out, size_t *count)
{
    struct engine_waiting found[512];

    *count = fetch_rows(ctx, f, found);
    for (size_t i = 0; i < *count; i++)
        out[i] = (struct plan_waiting){.w = found[i]};
    return 0;
}

static int plan_history(void *ctx, instant_t since,
                        void (*each)(void *arg, const struct engine_send *s), void *arg)
{
    const struct world *w = ctx;

    for (size_t i = 0; i < w->past_count; i++)
        if (w->past[i].answered_at >= since)
            each(arg, &w->past[i]);
    return 0;
}

/* Of the world as it stands, which the plan must not change. */
static struct plan *foresee(const struct world *now)
{
    static struct world w;
    static size_t lanes[SENDERS] = {0, 1, 2};
    struct plan_others others;

    w = *now;
    wait_on_lanes(&w, 0);
    w.revisions[0].lanes = w.revision_lanes[0];
    others = (struct plan_others){.at = w.now,
                                  .channels = &channel,
                                  .channel_count = 1,
                                  .lanes = w.lanes,
                                  .lane_count = w.senders,
                                  .revisions = w.revisions,
                                  .revision_count = 1,
                                  .channel = CHANNEL,
                                  .sender_lanes = lanes,
                                  .sender_count = w.senders,
                                  .ctx = &w,
                                  .fetch = plan_fetch,
                                  .history = plan_history};
    const struct plan_setup setup = {
        .channel = channel, .terms = w.revisions[1], .from = w.now, .sender_count = w.senders};
    struct plan *p = plan_new(&setup);
    for (size_t i = w.others; i < w.count; i++) {
        plan_add(p, (size_t)(w.rows[i].lane - LANE), 0, REASON_NONE,
                 w.revisions[1].batch > 1 ? w.rows[i].key : 0);
        plan_recipient(p, w.rows[i].recipient);
    }
    plan_beside(p, &others, OWN);
    while (plan_run(p, 50))
        ;
    return p;
}

static void compare(const struct world *w, const struct plan *p)
{
    for (size_t i = w->others; i < w->count; i++) {
        struct plan_row row = plan_row(p, i - w->others + 1);
        const struct row *r = &w->rows[i];
        bool sent = r->state == DELIVERY_SENT;
        property_check(sent == (row.state == PLAN_PLANNED) && (!sent || row.due_at == r->due) &&
                           (r->state == DELIVERY_SKIPPED) == (row.state == PLAN_SKIPPED),
                       "row %zu: planned %d due %lld, it was %d due %lld", i - w->others + 1,
                       (int)row.state, (long long)(row.due_at - w->now), (int)r->state,
                       (long long)(r->due - w->now));
    }
}

static unsigned compared, shared;

static void the_plan_beside_another_is_what_happens(struct dice *d)
{
    static struct world w;

    memset(&w, 0, sizeof w);
    tz_utc(&utc);
    w.now = morning;
    w.senders = 1 + dice_below(d, SENDERS);
    for (size_t i = 0; i < w.senders; i++)
        w.lanes[i] = (struct engine_lane){.id = LANE + (int64_t)i,
                                          .channel = CHANNEL,
                                          .sender = SENDER + (int64_t)i,
                                          .last_due = INSTANT_MIN,
                                          .last_answer = INSTANT_MIN};
    revision_any(d, &w, 0);
    revision_any(d, &w, 1);
    rows_any(d, &w, 0);
    rows_any(d, &w, 1);
    wait_on_lanes(&w, 0);
    wait_on_lanes(&w, 1);
    w.engine = engine_new();
    engine_add_channel(w.engine, &channel);
    for (size_t i = 0; i < w.senders; i++)
        engine_add_lane(w.engine, &w.lanes[i]);
    engine_add_revision(w.engine, w.now, &w.revisions[0]);
    size_t sends = dice_below(d, w.others + 1);
    bool more = turn(&w);
    while (more && (w.past_count < sends || !lanes_go(&w))) {
        go_on(&w);
        more = turn(&w);
    }
    if (more) {
        struct plan *p = foresee(&w);
        size_t before = w.past_count;
        engine_add_revision(w.engine, w.now, &w.revisions[1]);
        while (turn(&w) && !w.forgotten)
            go_on(&w);
        compare(&w, p);
        compared++;
        for (size_t i = before; i < w.past_count; i++)
            if (w.past[i].campaign == OTHER) {
                shared++;
                break;
            }
        plan_free(p);
    }
    engine_free(w.engine);
}

/* A test of nothing proves nothing. */
static void they_were_compared(struct dice *d)
{
    (void)d;
    property_check(compared == 0 || (compared > 500 && shared > 300),
                   "%u compared, in %u the other one went on", compared, shared);
}

int main(int argc, char **argv)
{
    static const struct property list[] = {
        {"a plan beside another campaign is what an engine with both does",
         the_plan_beside_another_is_what_happens, 2000},
        {"and enough of them were looked at", they_were_compared, 0},
    };

    return property_main(argc, argv, list, sizeof list / sizeof list[0]);
}
