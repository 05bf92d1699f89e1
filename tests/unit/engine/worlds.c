/* The engine against a small world on a virtual clock: a store that commits late, channels that
 * answer late, wrongly or never before the first byte, people who pause and halt, crashes. The
 * world keeps its own record of what was claimed and what arrived, and judges it by brute force. */
#include "check.h"

#include "base/arena.h"
#include "core/prng.h"
#include "engine/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 4, DELIVERIES = 60, EVENTS = 4096, REVISIONS = 3, RECIPIENTS = 25 };

struct row {
    int64_t delivery, revision, lane, recipient;
    enum delivery_state state;
    enum reason reason;
    uint32_t attempts;
    instant_t due_at, claimed_at, arrived_at, answered_at; /* of the last try that may have gone */
    uint64_t claim;                                        /* in order of claiming */
    unsigned arrivals;
};

enum kind { ON_COMMIT, ON_FETCH, ON_HISTORY, ON_ANSWER, ON_PERSON };

struct happening {
    instant_t at;
    uint64_t seq;
    enum kind kind;
    struct effect effect;
    enum engine_answer_kind answer;
    unsigned life; /* of the engine it belongs to */
};

struct plan {
    struct engine_limit limits[3];
    size_t limit_count;
    struct schedule schedule;
    struct pace pace;
    struct engine_revision_lane lanes[LANES];
    bool paused, dropped;
};

struct world {
    uint64_t seed, seq, claims;
    struct prng random;
    struct engine *engine;
    instant_t now;
    struct row rows[REVISIONS * DELIVERIES];
    size_t row_count;
    struct plan plans[REVISIONS];
    struct happening events[EVENTS];
    size_t event_count;
    bool halted, crashes;
    unsigned life;
    instant_t lane_due[LANES + 1], lane_answer[LANES + 1];
    unsigned stuck;
};

static struct tz utc;

#define check(w, ok)                                                                               \
    do {                                                                                           \
        if (!(ok))                                                                                 \
            fail_msg("SEED=%" PRIu64 " at %" PRId64 ": %s", (w)->seed, (w)->now, #ok);             \
    } while (0)

static uint64_t draw(struct world *w, uint64_t n)
{
    return prng_below(&w->random, n);
}

static void happen(struct world *w, duration_t later, enum kind kind, const struct effect *f,
                   enum engine_answer_kind answer)
{
    check(w, w->event_count < EVENTS);
    w->events[w->event_count++] = (struct happening){
        w->now + later, ++w->seq, kind, f ? *f : (struct effect){0}, answer, w->life};
}

static struct row *row_of(struct world *w, int64_t delivery)
{
    return &w->rows[delivery - 1];
}

static struct plan *plan_of(struct world *w, int64_t revision)
{
    return &w->plans[revision - 1];
}

/* --- the store --- */

static void fetch(struct world *w, const struct effect *f)
{
    struct engine_waiting out[64];
    size_t count = 0;

    for (size_t i = 0; i < w->row_count && count < f->cap && count < 5; i++) {
        const struct row *r = &w->rows[i];
        if (r->revision == f->revision && r->lane == f->lane && r->delivery > f->after &&
            r->state == DELIVERY_PENDING)
            out[count++] = (struct engine_waiting){r->delivery, (uint64_t)r->delivery, r->recipient,
                                                   r->attempts, 0};
    }
    engine_fetched(w->engine, w->now, f->revision, f->lane, out, count, count == 5);
}

static int by_answer(const void *a, const void *b)
{
    const struct row *const *x = a, *const *y = b;

    return ((*x)->answered_at > (*y)->answered_at) - ((*x)->answered_at < (*y)->answered_at);
}

static void history(struct world *w, const struct effect *f)
{
    const struct row *sent[REVISIONS * DELIVERIES];
    size_t count = 0;

    for (size_t i = 0; i < w->row_count; i++) {
        if (w->rows[i].answered_at != INSTANT_MIN && w->rows[i].answered_at >= f->since)
            sent[count++] = &w->rows[i];
    }
    qsort(sent, count, sizeof sent[0], by_answer);
    for (size_t i = 0; i < count; i++) {
        struct engine_send s = {sent[i]->delivery,
                                sent[i]->revision,
                                sent[i]->lane,
                                sent[i]->recipient,
                                sent[i]->claimed_at,
                                sent[i]->answered_at,
                                0,
                                false};
        engine_history(w->engine, w->now, f->revision, &s);
    }
    engine_primed(w->engine, w->now, f->revision);
}

static void commit_claim(struct world *w, const struct effect *f)
{
    struct row *r = row_of(w, f->delivery);
    bool ok = r->state == DELIVERY_PENDING && !plan_of(w, f->revision)->dropped;

    if (ok) {
        r->state = DELIVERY_CLAIMED;
        r->attempts++;
        r->claimed_at = f->at;
        r->due_at = f->due_at;
        w->lane_due[r->lane] = f->due_at;
    }
    engine_claimed(w->engine, w->now, f->delivery, ok);
}

static void settle(struct world *w, const struct effect *f)
{
    struct row *r = row_of(w, f->delivery);

    check(w, delivery_may_follow(r->state, f->state));
    r->state = f->state;
    r->reason = f->reason;
    if (f->claimed_at == INSTANT_MIN)
        return;
    check(w, f->claimed_at == r->claimed_at);
    w->lane_answer[r->lane] = f->at;
    r->answered_at = f->state == DELIVERY_PENDING ? INSTANT_MIN : f->at;
}

/* --- the channel --- */

static void send(struct world *w, const struct effect *f)
{
    struct row *r = row_of(w, f->delivery);
    struct plan *p = plan_of(w, f->revision);
    enum engine_answer_kind answer = ANSWER_DONE;
    uint64_t dice = draw(w, 100);

    check(w, r->state == DELIVERY_CLAIMED);
    check(w, !w->halted && !p->paused && !p->dropped);
    check(w, schedule_opens(&p->schedule, w->now) == w->now);
    check(w, w->now >= p->schedule.start && w->now < p->schedule.end);
    check(w, engine_may_send(w->engine, w->now, f->delivery));
    if (dice < 4)
        answer = ANSWER_NOT_SENT;
    else if (dice < 8)
        answer = ANSWER_NOT_NOW;
    else if (dice < 10)
        answer = ANSWER_NEVER;
    else if (dice < 14)
        answer = ANSWER_UNKNOWN;
    if (answer == ANSWER_DONE || answer == ANSWER_UNKNOWN || answer == ANSWER_NEVER) {
        r->arrivals++;
        r->arrived_at = w->now + (instant_t)draw(w, 5);
    }
    happen(w, 5 + (duration_t)draw(w, draw(w, 8) ? 50 : 3000), ON_ANSWER, f, answer);
}

/* --- invariants --- */

static bool in_scope(enum engine_scope scope, const struct row *a, const struct row *b)
{
    switch (scope) {
    case SCOPE_RECIPIENT:
        return a->recipient == b->recipient;
    case SCOPE_CAMPAIGN:
        return a->revision == b->revision;
    case SCOPE_CHANNEL:
        return true;
    default: /* one channel: the sender and the person are the lane */
        return a->lane == b->lane;
    }
}

static bool counts(const struct row *r)
{
    return r->claimed_at != INSTANT_MIN && r->arrived_at != INSTANT_MIN;
}

/* When `r` was claimed under limit `l`: how many did its span hold then? A limit restricts its own
 * campaign only, so what others claimed later is not its concern. */
static void check_limit(struct world *w, const struct row *r, const struct engine_limit *l)
{
    uint32_t claims = 0, arrivals = 0;

    for (size_t i = 0; i < w->row_count; i++) {
        const struct row *x = &w->rows[i];
        instant_t begins, ends;
        if (!in_scope(l->scope, r, x) || !counts(x) || x->claim > r->claim)
            continue;
        if (l->rolling) {
            claims += x->claimed_at > r->claimed_at - l->span && x->claimed_at <= r->claimed_at;
            arrivals += x->arrived_at > r->arrived_at - l->span && x->arrived_at <= r->arrived_at;
        } else {
            period_of(l->period, &utc, r->claimed_at, &begins, &ends);
            claims += x->claimed_at >= begins && x->claimed_at < ends;
        }
    }
    check(w, claims <= l->max);
    check(w, arrivals <= l->max);
}

static void check_row(struct world *w, const struct row *r)
{
    const struct plan *p = plan_of(w, r->revision);

    if (!counts(r))
        return;
    check(w, r->arrivals <= 1);
    for (size_t i = 0; i < p->limit_count; i++)
        check_limit(w, r, &p->limits[i]);
    for (size_t i = 0; i < w->row_count; i++) {
        const struct row *x = &w->rows[i];
        if (x->lane == r->lane && x != r && counts(x) && x->claimed_at <= r->claimed_at &&
            x->answered_at != INSTANT_MIN)
            check(w, r->claimed_at >= x->answered_at + p->pace.floor ||
                         x->answered_at > r->claimed_at);
    }
}

/* --- running --- */

static void run_effects(struct world *w)
{
    struct effect f;

    while (engine_effect(w->engine, &f)) {
        switch (f.kind) {
        case EFFECT_CLAIM:
            row_of(w, f.delivery)->claim = ++w->claims;
            happen(w, 1 + (duration_t)draw(w, 20), ON_COMMIT, &f, 0);
            break;
        case EFFECT_FETCH:
            happen(w, 30, ON_FETCH, &f, 0); /* later than any commit before it */
            break;
        case EFFECT_HISTORY:
            happen(w, 30 + (duration_t)draw(w, 400), ON_HISTORY, &f, 0);
            break;
        case EFFECT_SEND:
            f.delivery = f.send; /* no batches here */
            send(w, &f);
            break;
        case EFFECT_RESULT:
            settle(w, &f);
            break;
        case EFFECT_EXPIRE:
            for (size_t i = 0; i < w->row_count; i++) {
                if (w->rows[i].revision == f.revision && w->rows[i].state == DELIVERY_PENDING)
                    w->rows[i].state = DELIVERY_EXPIRED;
            }
            break;
        case EFFECT_PAUSE:
        case EFFECT_FORGET:
        case EFFECT_HOLD:
        case EFFECT_WITHDRAW:
            break;
        }
    }
}

static void start_engine(struct world *w);

static void crash(struct world *w)
{
    for (size_t i = 0; i < w->row_count; i++) {
        struct row *r = &w->rows[i];
        if (r->state != DELIVERY_CLAIMED)
            continue;
        r->state = DELIVERY_UNKNOWN;
        r->reason = REASON_INTERRUPTED;
        r->answered_at = w->now;
        w->lane_answer[r->lane] = w->now;
        if (r->arrived_at == INSTANT_MIN || r->arrived_at < r->claimed_at)
            r->arrived_at = w->now; /* it may have arrived */
    }
    engine_free(w->engine);
    w->life++;
    start_engine(w);
}

static void person(struct world *w)
{
    struct plan *p = &w->plans[draw(w, REVISIONS)];
    int64_t id = (int64_t)(p - w->plans) + 1;

    switch (draw(w, 6)) {
    case 0:
        w->halted = true;
        engine_halt(w->engine);
        break;
    case 1:
    case 2:
        w->halted = false;
        engine_unhalt(w->engine, w->now);
        break;
    case 3:
        p->paused = true;
        engine_pause(w->engine, w->now, id, false);
        break;
    case 4:
        p->paused = false;
        engine_resume(w->engine, w->now, id);
        break;
    case 5:
        if (w->crashes)
            crash(w);
        break;
    }
}

static void take(struct world *w, const struct happening *h)
{
    const struct row *r = h->effect.delivery ? row_of(w, h->effect.delivery) : NULL;
    struct engine_answer a = {.kind = h->answer, .not_before = w->now + 200};

    if (h->kind != ON_PERSON && h->life != w->life)
        return; /* the process it was meant for is gone */
    switch (h->kind) {
    case ON_COMMIT:
        commit_claim(w, &h->effect);
        break;
    case ON_FETCH:
        fetch(w, &h->effect);
        break;
    case ON_HISTORY:
        history(w, &h->effect);
        break;
    case ON_ANSWER:
        a.reason = a.kind == ANSWER_UNKNOWN ? REASON_NO_ANSWER : REASON_BAD_RECIPIENT;
        check(w, engine_answer(w->engine, w->now, h->effect.delivery, &a));
        check(w, !engine_answer(w->engine, w->now, h->effect.delivery, &a));
        run_effects(w);
        check_row(w, r);
        break;
    case ON_PERSON:
        person(w);
        break;
    }
}

static size_t next_event(const struct world *w)
{
    size_t best = 0;

    for (size_t i = 1; i < w->event_count; i++) {
        if (w->events[i].at < w->events[best].at ||
            (w->events[i].at == w->events[best].at && w->events[i].seq < w->events[best].seq))
            best = i;
    }
    return best;
}

static bool finished(const struct world *w)
{
    for (size_t i = 0; i < w->row_count; i++) {
        if (!delivery_state_final(w->rows[i].state) && w->rows[i].state != DELIVERY_UNKNOWN)
            return false;
    }
    return true;
}

static void step(struct world *w)
{
    engine_turn(w->engine, w->now);
    run_effects(w);
    if (finished(w))
        return;
    instant_t wake = engine_wake(w->engine);
    size_t i = w->event_count ? next_event(w) : 0;
    if (w->event_count && w->events[i].at <= wake) {
        struct happening h = w->events[i];
        w->events[i] = w->events[--w->event_count];
        w->now = h.at > w->now ? h.at : w->now;
        take(w, &h);
    } else {
        check(w, wake != INSTANT_NEVER); /* something waits, and nothing will ever wake it */
        check(w, wake > w->now || w->stuck++ < 100);
        w->now = wake > w->now ? wake : w->now;
    }
}

static void start_engine(struct world *w)
{
    static const struct engine_quota quota = {6, 1500};

    w->engine = engine_new();
    engine_add_channel(
        w->engine,
        &(struct engine_channel){
            .id = 1, .account = 1, .in_flight_max = 3, .quotas = &quota, .quota_count = 1});
    for (int64_t l = 1; l <= LANES; l++)
        engine_add_lane(w->engine, &(struct engine_lane){.id = l,
                                                         .channel = 1,
                                                         .sender = l,
                                                         .last_due = w->lane_due[l],
                                                         .last_answer = w->lane_answer[l]});
    if (w->halted)
        engine_halt(w->engine);
    for (int64_t id = 1; id <= REVISIONS; id++) {
        struct plan *p = plan_of(w, id);
        for (size_t l = 0; l < LANES; l++)
            p->lanes[l] = (struct engine_revision_lane){.lane = (int64_t)l + 1, .waiting = 1};
        engine_add_revision(w->engine, w->now,
                            &(struct engine_revision){.id = id,
                                                      .campaign = id,
                                                      .channel = 1,
                                                      .seed = w->seed + (uint64_t)id,
                                                      .schedule = &p->schedule,
                                                      .pace = p->pace,
                                                      .limits = p->limits,
                                                      .limit_count = p->limit_count,
                                                      .lanes = p->lanes,
                                                      .lane_count = LANES,
                                                      .paused = p->paused});
    }
}

static void make_limits(struct world *w, struct plan *p)
{
    p->limit_count = draw(w, 4);
    for (size_t i = 0; i < p->limit_count; i++) {
        struct engine_limit *l = &p->limits[i];
        *l = (struct engine_limit){.scope = (enum engine_scope)draw(w, 5),
                                   .max = 1 + (uint32_t)draw(w, 5),
                                   .rolling = draw(w, 4) > 0,
                                   .span = 500 + (duration_t)draw(w, 6000),
                                   .period = PERIOD_DAY,
                                   .text = "a limit"};
        if (!l->rolling) /* else the days needed make the test long, not better */
            l->max = 40;
        l->drop = l->scope == SCOPE_RECIPIENT && draw(w, 2);
    }
}

static struct world *world_new(uint64_t seed)
{
    static const struct hours open_hours = {8 * 60, 20 * 60};
    static const struct window day = {
        .weekdays = 0x7f, .first_day = 1, .hours = &open_hours, .hours_count = 1};
    struct world *w = xmalloc(sizeof *w);

    w->seed = seed;
    prng_seed(&w->random, seed);
    w->now = 1800000000000 + (instant_t)draw(w, MS_PER_DAY);
    w->crashes = draw(w, 2);
    for (size_t l = 0; l <= LANES; l++)
        w->lane_due[l] = w->lane_answer[l] = INSTANT_MIN;
    for (int64_t id = 1; id <= REVISIONS; id++) {
        struct plan *p = plan_of(w, id);
        p->schedule = (struct schedule){.zone = &utc,
                                        .start = draw(w, 2) ? INSTANT_MIN : w->now + 5000,
                                        .end = w->now + (draw(w, 3) ? 3 * MS_PER_DAY : 60000)};
        if (draw(w, 3) == 0) {
            p->schedule.windows = &day;
            p->schedule.window_count = 1;
        }
        p->pace.floor = draw(w, 4) ? (duration_t)draw(w, 400) : 0;
        p->pace.ceiling = p->pace.floor + (draw(w, 3) ? (duration_t)draw(w, 900) : 0);
        make_limits(w, p);
        size_t count = 1 + draw(w, DELIVERIES - 1);
        for (size_t i = 0; i < count; i++) {
            int64_t delivery = (int64_t)++w->row_count;
            w->rows[w->row_count - 1] = (struct row){.delivery = delivery,
                                                     .revision = id,
                                                     .lane = 1 + (int64_t)draw(w, LANES),
                                                     .recipient = 1 + (int64_t)draw(w, RECIPIENTS),
                                                     .due_at = INSTANT_MIN,
                                                     .claimed_at = INSTANT_MIN,
                                                     .arrived_at = INSTANT_MIN,
                                                     .answered_at = INSTANT_MIN};
        }
    }
    for (size_t i = draw(w, 12); i > 0; i--)
        happen(w, (duration_t)draw(w, 60000), ON_PERSON, NULL, 0);
    return w;
}

/* Nobody stays held by a person for ever. */
static void release(struct world *w)
{
    w->crashes = false;
    w->halted = false;
    engine_unhalt(w->engine, w->now);
    for (int64_t id = 1; id <= REVISIONS; id++) {
        plan_of(w, id)->paused = false;
        engine_resume(w->engine, w->now, id);
    }
}

static void run_world(uint64_t seed)
{
    struct world *w = world_new(seed);
    bool released = false;

    start_engine(w);
    for (unsigned n = 0; !finished(w); n++) {
        check(w, n < 200000);
        bool people_left = false;
        for (size_t i = 0; i < w->event_count; i++)
            people_left |= w->events[i].kind == ON_PERSON;
        if (!people_left && !released) {
            release(w);
            released = true;
        }
        step(w);
    }
    for (size_t i = 0; i < w->row_count; i++)
        check_row(w, &w->rows[i]);
    engine_free(w->engine);
    free(w);
}

static void random_worlds_keep_every_promise(void **state)
{
    const char *given = getenv("SEED");
    uint64_t first = given ? strtoull(given, NULL, 0) : 1, last = given ? first : 1500;

    (void)state;
    for (uint64_t seed = first; seed <= last; seed++)
        run_world(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_worlds_keep_every_promise),
    };

    tz_utc(&utc);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
