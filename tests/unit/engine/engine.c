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

/* --- single promises --- */

struct bench {
    struct engine *engine;
    struct schedule schedule;
    struct engine_revision_lane lane;
};

static struct engine *one_lane(struct bench *b, instant_t now, struct pace pace,
                               const struct engine_limit *limit)
{
    b->schedule.zone = &utc;
    if (!b->schedule.end)
        b->schedule = (struct schedule){.zone = &utc, .start = INSTANT_MIN, .end = INSTANT_NEVER};
    b->lane = (struct engine_revision_lane){.lane = 1, .waiting = 3};
    b->engine = engine_new();
    engine_add_channel(b->engine,
                       &(struct engine_channel){.id = 1, .account = 1, .in_flight_max = 1});
    engine_add_lane(b->engine, &(struct engine_lane){.id = 1,
                                                     .channel = 1,
                                                     .sender = 1,
                                                     .last_due = INSTANT_MIN,
                                                     .last_answer = INSTANT_MIN});
    engine_add_revision(b->engine, now,
                        &(struct engine_revision){.id = 1,
                                                  .campaign = 1,
                                                  .channel = 1,
                                                  .seed = 7,
                                                  .schedule = &b->schedule,
                                                  .pace = pace,
                                                  .limits = limit,
                                                  .limit_count = limit ? 1 : 0,
                                                  .lanes = &b->lane,
                                                  .lane_count = 1});
    return b->engine;
}

static bool next_effect(struct engine *e, enum effect_kind kind, struct effect *f)
{
    while (engine_effect(e, f)) {
        if (f->kind == kind)
            return true;
    }
    return false;
}

static void give(struct engine *e, instant_t now)
{
    struct engine_waiting w[] = {{1, 1, 1, 0, 0}, {2, 2, 2, 0, 0}, {3, 3, 3, 0, 0}};

    engine_turn(e, now);
    engine_fetched(e, now, 1, 1, w, 3, false);
    engine_turn(e, now);
}

static void halt_between_claim_and_send_gives_the_claim_back(void **state)
{
    struct bench b = {0};
    struct effect f;
    instant_t now = 1800000000000;
    struct engine *e = one_lane(&b, now, (struct pace){0}, NULL);

    (void)state;
    give(e, now);
    assert_true(next_effect(e, EFFECT_CLAIM, &f));
    engine_halt(e);
    engine_claimed(e, now + 1, f.delivery, true);
    engine_turn(e, now + 1);
    assert_true(engine_effect(e, &f));
    assert_int_equal(f.kind, EFFECT_RESULT);
    assert_int_equal(f.state, DELIVERY_PENDING);
    assert_false(next_effect(e, EFFECT_SEND, &f));
    engine_unhalt(e, now + 2);
    engine_turn(e, now + 2);
    assert_true(next_effect(e, EFFECT_CLAIM, &f));
    engine_free(e);
}

static void a_window_that_closes_under_way_is_seen_before_the_first_byte(void **state)
{
    static const struct hours hours = {0, 60};
    static const struct window window = {
        .weekdays = 0x7f, .first_day = 1, .hours = &hours, .hours_count = 1};
    struct bench b = {.schedule = {.zone = &utc,
                                   .start = INSTANT_MIN,
                                   .end = INSTANT_NEVER,
                                   .windows = &window,
                                   .window_count = 1}};
    instant_t midnight = 20000 * (instant_t)MS_PER_DAY, now = midnight + MS_PER_HOUR - 10;
    struct engine *e = one_lane(&b, now, (struct pace){0}, NULL);
    struct effect f;

    (void)state;
    give(e, now);
    assert_true(next_effect(e, EFFECT_CLAIM, &f));
    engine_claimed(e, now + 5, f.delivery, true);
    assert_true(next_effect(e, EFFECT_SEND, &f));
    assert_true(engine_may_send(e, now + 9, f.send));
    assert_false(engine_may_send(e, now + 10, f.send)); /* 01:00: half-open */
    engine_free(e);
}

static void the_gap_is_drawn_once(void **state)
{
    instant_t due[2][3];
    struct effect f;

    (void)state;
    for (int run = 0; run < 2; run++) {
        struct bench b = {0};
        instant_t now = 1800000000000;
        struct engine *e = one_lane(&b, now, (struct pace){.floor = 10000, .ceiling = 60000}, NULL);
        give(e, now);
        for (int i = 0, moved = 0; i < 3; moved = ++i) {
            struct engine_hold h;
            while (!next_effect(e, EFFECT_CLAIM, &f)) {
                /* reading, looking too early and deciding anew redraws nothing */
                assert_true(engine_why(e, now, 1, 1, 0, &h));
                engine_turn(e, now + run);
                if (run && i > 0 && moved++ == i) /* the first starts anew */
                    engine_clock_moved(e, now + 1000, 0);
                assert_true(engine_wake(e) != INSTANT_NEVER);
                now = engine_wake(e);
                engine_turn(e, now);
            }
            due[run][i] = f.due_at;
            engine_claimed(e, now, f.delivery, true);
            assert_true(next_effect(e, EFFECT_SEND, &f));
            assert_true(
                engine_answer(e, now + 3, f.send, &(struct engine_answer){.kind = ANSWER_DONE}));
        }
        engine_free(e);
    }
    assert_memory_equal(due[0], due[1], sizeof due[0]);
    assert_true(due[0][1] - due[0][0] >= 10000 && due[0][1] - due[0][0] <= 60000);
    assert_true(due[0][2] - due[0][1] >= 10000 && due[0][2] - due[0][1] <= 60000);
    assert_true(due[0][1] - due[0][0] != due[0][2] - due[0][1]);
}

/* Runs on to the next claim and sends it; when. */
static instant_t sent_next(struct engine *e, instant_t now, struct effect *f)
{
    while (!next_effect(e, EFFECT_CLAIM, f)) {
        assert_true(engine_wake(e) != INSTANT_NEVER);
        now = engine_wake(e) > now ? engine_wake(e) : now;
        engine_turn(e, now);
    }
    engine_claimed(e, now, f->delivery, true);
    assert_true(next_effect(e, EFFECT_SEND, f));
    return now;
}

/* The contract's §5: due instants follow from earlier ones only, the floor is strict all the same,
 * and more than the floor anchors the lane anew. */
static void lateness_moves_no_due_instant_and_eats_no_floor(void **state)
{
    struct bench b = {0};
    instant_t now = 1800000000000;
    struct engine *e = one_lane(&b, now, (struct pace){.floor = 10000, .ceiling = 10000}, NULL);
    struct effect f;

    (void)state;
    give(e, now);
    engine_turn(e, now);
    instant_t first = engine_wake(e), late = first + 4000;
    engine_turn(e, late);
    assert_true(next_effect(e, EFFECT_CLAIM, &f));
    assert_int_equal(f.due_at, first);
    assert_int_equal(f.late, 0);
    engine_claimed(e, late, f.delivery, true);
    engine_answer(e, late + 10, f.send, &(struct engine_answer){.kind = ANSWER_DONE});
    engine_turn(e, first + 10000);
    assert_false(next_effect(e, EFFECT_CLAIM, &f)); /* due, but the floor is not over */
    assert_int_equal(engine_wake(e), late + 10 + 10000);
    engine_turn(e, late + 10 + 10000);
    assert_true(next_effect(e, EFFECT_CLAIM, &f));
    assert_int_equal(f.due_at, first + 10000);
    assert_int_equal(f.late, 0);
    engine_claimed(e, late + 10 + 10000, f.delivery, true);
    engine_answer(e, late + 20000, f.send, &(struct engine_answer){.kind = ANSWER_DONE});
    engine_turn(e, late + 20000);
    instant_t third = first + 20000, later = third + 15000;
    engine_turn(e, later);
    assert_true(next_effect(e, EFFECT_CLAIM, &f));
    assert_int_equal(f.due_at, later);
    assert_int_equal(f.late, 15000);
    engine_free(e);
}

static void who_watches_hears_what_a_lane_waits_for(void **state)
{
    struct engine_limit limit = {
        .scope = SCOPE_SENDER, .max = 1, .rolling = true, .span = 60000, .text = "1 per 1m sender"};
    struct bench b = {0};
    instant_t now = 1800000000000;
    struct engine *e = one_lane(&b, now, (struct pace){.floor = 10000, .ceiling = 10000}, &limit);
    struct effect f;

    (void)state;
    engine_watch(e);
    engine_primed(e, now, 1);
    give(e, now);
    assert_true(next_effect(e, EFFECT_HOLD, &f));
    assert_int_equal(f.gate, GATE_GAP);
    assert_null(f.limit);
    assert_int_equal(f.not_before, engine_wake(e));
    now = engine_wake(e);
    engine_turn(e, now);
    assert_true(next_effect(e, EFFECT_CLAIM, &f));
    engine_claimed(e, now, f.delivery, true);
    engine_answer(e, now, f.send, &(struct engine_answer){.kind = ANSWER_DONE});
    engine_turn(e, now);
    assert_true(next_effect(e, EFFECT_HOLD, &f));
    assert_int_equal(f.gate, GATE_RATE_LIMIT);
    assert_string_equal(f.limit, "1 per 1m sender");
    assert_int_equal(f.at, now);
    assert_int_equal(f.not_before, now + 60000);
    engine_free(e);
}

/* How often delivery 1 is tried with this answer, and how far apart; ends with the first result
 * that is final. */
static unsigned tries_of_first(const struct engine_answer *answer, struct effect *last,
                               duration_t apart[100], instant_t *ended)
{
    struct engine_limit limit = {
        .scope = SCOPE_SENDER, .max = 1, .rolling = true, .span = 1, .text = "1 per 1ms sender"};
    struct bench b = {0};
    instant_t now = 1800000000000, before = now;
    struct engine *e = one_lane(&b, now, (struct pace){0}, &limit);
    unsigned tries = 0;

    give(e, now);
    engine_primed(e, now, 1);
    engine_turn(e, now);
    while (tries < 99) {
        now = sent_next(e, now, last);
        bool first = last->send == 1;
        if (first) {
            apart[tries++] = now - before;
            before = now;
        }
        now += answer->kind == ANSWER_HELD ? 60000 : 0; /* long enough to use up any budget */
        engine_answer(e, now, last->send,
                      first ? answer : &(struct engine_answer){.kind = ANSWER_DONE});
        assert_false(engine_answer(e, now, last->send, answer)); /* a second one changes nothing */
        assert_true(next_effect(e, EFFECT_RESULT, last));
        if (first && last->state != DELIVERY_PENDING)
            break;
        engine_turn(e, now);
    }
    *ended = now;
    if (answer->kind == ANSWER_NOT_SENT) { /* its place is free: the next one goes */
        struct effect next;
        engine_turn(e, now);
        sent_next(e, now, &next);
        assert_int_equal(next.send, 2);
    }
    engine_free(e);
    return tries;
}

static void what_was_on_its_way_lengthens_no_rest(void **state)
{
    struct schedule always = {.zone = &utc, .start = INSTANT_MIN, .end = INSTANT_NEVER};
    const struct engine_revision_lane lane = {.lane = 1, .waiting = 3};
    instant_t now = 1800000000000;
    struct engine *e = engine_new();
    int64_t sends[3];
    struct effect f;

    (void)state;
    engine_add_channel(e, &(struct engine_channel){.id = 1, .account = 1, .in_flight_max = 3});
    engine_add_lane(e, &(struct engine_lane){.id = 1,
                                             .channel = 1,
                                             .sender = 1,
                                             .last_due = INSTANT_MIN,
                                             .last_answer = INSTANT_MIN});
    engine_add_revision(e, now,
                        &(struct engine_revision){.id = 1,
                                                  .campaign = 1,
                                                  .channel = 1,
                                                  .schedule = &always,
                                                  .lanes = &lane,
                                                  .lane_count = 1});
    give(e, now);
    for (int i = 0; i < 3; i++) {
        assert_true(next_effect(e, EFFECT_CLAIM, &f));
        sends[i] = f.send;
    }
    for (int i = 0; i < 3; i++)
        engine_claimed(e, now, sends[i], true);
    for (int i = 0; i < 3; i++) /* one cause, three failures */
        engine_answer(e, now + 10 + i, sends[i], &(struct engine_answer){.kind = ANSWER_NOT_SENT});
    engine_turn(e, now + 13);
    assert_in_range(engine_wake(e), now + 1010, now + 1010 + 250);
    engine_free(e);
}

/* A page of somebody else's, a server that is ill: not the whole audience becomes unknown. */
static void without_a_clear_answer_the_channel_rests(void **state)
{
    static const enum engine_answer_kind second[] = {ANSWER_UNKNOWN, ANSWER_DONE};
    static const duration_t least[] = {2000, 0}, most[] = {2500, 0};
    struct effect f;

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct bench b = {0};
        instant_t now = 1800000000000;
        struct engine *e = one_lane(&b, now, (struct pace){0}, NULL);
        give(e, now);
        now = sent_next(e, now, &f);
        engine_answer(e, now, f.send, &(struct engine_answer){.kind = ANSWER_UNKNOWN});
        engine_turn(e, now);
        instant_t next = sent_next(e, now, &f);
        assert_in_range(next - now, 1000, 1250);
        now = next;
        engine_answer(e, now, f.send, &(struct engine_answer){.kind = second[i]});
        engine_turn(e, now);
        next = sent_next(e, now, &f);
        assert_in_range(next - now, least[i], most[i]);
        engine_free(e);
    }
}

static void what_cannot_be_sent_has_a_budget(void **state)
{
    duration_t apart[100];
    struct effect f;
    instant_t ended;
    unsigned tries =
        tries_of_first(&(struct engine_answer){.kind = ANSWER_NOT_SENT}, &f, apart, &ended);

    (void)state;
    assert_int_equal(f.state, DELIVERY_FAILED);
    assert_int_equal(f.reason, REASON_CHANNEL_UNREACHABLE);
    assert_in_range(tries, 15, 30);
    assert_in_range(ended - 1800000000000, 3600000, 3600000 + 375000);
    for (unsigned i = 1; i < tries; i++) { /* 1 s, 2 s, … 5 min, each up to a quarter more */
        duration_t rest = i < 10 ? (duration_t)1000 << (i - 1) : 300000;
        rest = rest < 300000 ? rest : 300000;
        assert_in_range(apart[i], rest, rest + rest / 4);
    }
}

static void not_now_without_an_instant_backs_off(void **state)
{
    duration_t apart[100];
    struct effect f;
    instant_t ended;
    unsigned tries =
        tries_of_first(&(struct engine_answer){.kind = ANSWER_NOT_NOW}, &f, apart, &ended);

    (void)state;
    assert_int_equal(f.state, DELIVERY_FAILED);
    assert_int_equal(f.reason, REASON_CHANNEL_REFUSED);
    assert_int_equal(tries, 10);
    for (unsigned i = 1; i < tries; i++) {
        duration_t rest = i < 7 ? (duration_t)60000 << (i - 1) : 3600000;
        assert_in_range(apart[i], rest, rest + rest / 4);
    }
}

static void a_halt_is_no_try(void **state)
{
    duration_t apart[100];
    struct effect f;
    instant_t ended;

    (void)state;
    assert_int_equal(
        tries_of_first(&(struct engine_answer){.kind = ANSWER_HELD}, &f, apart, &ended), 99);
    assert_int_equal(f.state, DELIVERY_PENDING);
}

static void a_clock_set_forward_frees_no_place(void **state)
{
    struct engine_limit limit = {
        .scope = SCOPE_SENDER, .max = 1, .rolling = true, .span = 60000, .text = "1 per 1m sender"};
    const duration_t step = 300000;
    struct bench b = {0};
    instant_t now = 1800000000000;
    struct engine *e = one_lane(&b, now, (struct pace){0}, &limit);
    struct effect f;

    (void)state;
    give(e, now);
    engine_primed(e, now, 1);
    engine_turn(e, now);
    now = sent_next(e, now, &f);
    engine_answer(e, now, f.send, &(struct engine_answer){.kind = ANSWER_DONE});
    engine_clock_moved(e, now + 10000 + step, step);
    assert_int_equal(sent_next(e, now + 10000 + step, &f), now + 60000 + step);
    engine_free(e);
}

static void a_clock_set_forward_shortens_no_gap_and_no_rest(void **state)
{
    const duration_t step = 300000;
    struct effect f;

    (void)state;
    for (int failed = 0; failed < 2; failed++) {
        struct bench b = {0};
        instant_t now = 1800000000000;
        struct engine *e = one_lane(&b, now, (struct pace){.floor = 20000, .ceiling = 30000}, NULL);
        give(e, now);
        now = sent_next(e, now, &f);
        engine_answer(e, now, f.send,
                      &(struct engine_answer){.kind = failed ? ANSWER_NOT_NOW : ANSWER_DONE,
                                              .stop_channel = failed,
                                              .not_before = now + 60000});
        engine_turn(e, now);
        engine_clock_moved(e, now + 5 + step, step);
        engine_turn(e, now + 5 + step);
        instant_t next = sent_next(e, now + 5 + step, &f);
        assert_in_range(next, now + step + (failed ? 60000 : 20000), now + step + 90000);
        engine_free(e);
    }
}

static void who_is_late_after_a_suspend_starts_at_a_random_phase(void **state)
{
    struct bench b = {0};
    instant_t now = 1800000000000;
    struct engine *e = one_lane(&b, now, (struct pace){.floor = 20000, .ceiling = 30000}, NULL);
    struct effect f;

    (void)state;
    give(e, now);
    now = sent_next(e, now, &f);
    engine_answer(e, now, f.send, &(struct engine_answer){.kind = ANSWER_DONE});
    engine_turn(e, now); /* armed: due in less than a minute */
    engine_clock_moved(e, now + 8 * MS_PER_HOUR, 0);
    engine_turn(e, now + 8 * MS_PER_HOUR);
    assert_false(next_effect(e, EFFECT_CLAIM, &f));
    assert_in_range(engine_wake(e), now + 8 * MS_PER_HOUR + 1, now + 8 * MS_PER_HOUR + 30000);
    engine_free(e);
}

static void every_pause_is_counted(void **state)
{
    struct bench b = {0};
    instant_t now = 1800000000000;
    struct engine *e = one_lane(&b, now, (struct pace){0}, NULL);
    uint64_t before = engine_pauses(e);
    struct effect f;

    (void)state;
    give(e, now);
    now = sent_next(e, now, &f);
    engine_answer(e, now, f.send,
                  &(struct engine_answer){.kind = ANSWER_NEVER, .stop_campaign = true});
    assert_true(engine_paused(e, 1));
    assert_int_equal(engine_pauses(e), before + 1);
    engine_resume(e, now, 1);
    assert_int_equal(engine_pauses(e), before + 1);
    engine_pause(e, now, 1, false);
    engine_pause(e, now, 99, false); /* not loaded yet: what is being read of it may say approved */
    assert_int_equal(engine_pauses(e), before + 3);
    engine_free(e);
}

/* The hours stand for the zone here: both are the caller's, and change in place. */
static void a_zone_with_other_data_is_asked_again(void **state)
{
    struct hours hours = {0, 60};
    struct window window = {.weekdays = 0x7f, .first_day = 1, .hours = &hours, .hours_count = 1};
    struct bench b = {.schedule = {.zone = &utc,
                                   .start = INSTANT_MIN,
                                   .end = INSTANT_NEVER,
                                   .windows = &window,
                                   .window_count = 1}};
    instant_t now = 20000 * (instant_t)MS_PER_DAY + 10;
    struct engine *e = one_lane(&b, now, (struct pace){.floor = 1000, .ceiling = 2000}, NULL);
    struct engine_hold h;

    (void)state;
    give(e, now);
    engine_turn(e, now);
    assert_true(engine_why(e, now, 1, 1, 0, &h));
    assert_int_equal(h.reason, REASON_GAP);
    hours = (struct hours){60, 120};
    engine_clock_moved(e, now, 0);
    engine_turn(e, now);
    assert_true(engine_why(e, now, 1, 1, 0, &h));
    assert_int_equal(h.reason, REASON_WINDOW_CLOSED);
    engine_free(e);
}

static void a_full_limit_names_itself_and_its_instant(void **state)
{
    struct engine_limit limit = {
        .scope = SCOPE_SENDER, .max = 1, .rolling = true, .span = 60000, .text = "1 per 1m sender"};
    struct bench b = {0};
    instant_t now = 1800000000000;
    struct engine *e = one_lane(&b, now, (struct pace){0}, &limit);
    struct engine_hold h;
    struct effect f;

    (void)state;
    give(e, now);
    assert_false(next_effect(e, EFFECT_CLAIM, &f)); /* history first */
    assert_true(engine_why(e, now, 1, 1, 0, &h));
    assert_int_equal(h.reason, REASON_NOT_STARTED);
    engine_primed(e, now, 1);
    engine_turn(e, now);
    assert_true(next_effect(e, EFFECT_CLAIM, &f));
    engine_claimed(e, now, f.delivery, true);
    assert_true(next_effect(e, EFFECT_SEND, &f));
    engine_answer(e, now + 40, f.send, &(struct engine_answer){.kind = ANSWER_DONE});
    engine_turn(e, now + 40);
    assert_true(engine_why(e, now + 41, 1, 1, 2, &h));
    assert_int_equal(h.reason, REASON_RATE_LIMIT);
    assert_int_equal(h.not_before, now + 40 + 60000);
    assert_int_equal(engine_wake(e), now + 40 + 60000);
    engine_free(e);
}

/* Two lanes, one place on their channel: the lane that found it taken hears of the answer. */
static void an_answer_wakes_who_waits_for_its_place(void **state)
{
    struct engine_limit limit = {.scope = SCOPE_CHANNEL,
                                 .max = 1,
                                 .rolling = true,
                                 .span = 60000,
                                 .text = "1 per 1m channel"};
    struct schedule always = {.zone = &utc, .start = INSTANT_MIN, .end = INSTANT_NEVER};
    struct engine_revision_lane lanes[] = {{.lane = 1, .waiting = 1}, {.lane = 2, .waiting = 1}};
    struct engine_waiting one = {1, 1, 1, 0, 0}, two = {2, 2, 2, 0, 0};
    struct engine *e = engine_new();
    instant_t now = 1800000000000;
    struct engine_hold h;
    struct effect f;

    (void)state;
    engine_add_channel(e, &(struct engine_channel){.id = 1, .account = 1, .in_flight_max = 1});
    engine_add_lane(e, &(struct engine_lane){.id = 1,
                                             .channel = 1,
                                             .sender = 1,
                                             .last_due = INSTANT_MIN,
                                             .last_answer = INSTANT_MIN});
    engine_add_lane(e, &(struct engine_lane){.id = 2,
                                             .channel = 1,
                                             .sender = 2,
                                             .last_due = INSTANT_MIN,
                                             .last_answer = INSTANT_MIN});
    engine_add_revision(e, now,
                        &(struct engine_revision){.id = 1,
                                                  .campaign = 1,
                                                  .channel = 1,
                                                  .schedule = &always,
                                                  .limits = &limit,
                                                  .limit_count = 1,
                                                  .lanes = lanes,
                                                  .lane_count = 2});
    engine_primed(e, now, 1);
    engine_turn(e, now);
    engine_fetched(e, now, 1, 1, &one, 1, false);
    engine_fetched(e, now, 1, 2, &two, 1, false);
    engine_turn(e, now);
    assert_true(next_effect(e, EFFECT_CLAIM, &f));
    assert_false(next_effect(e, EFFECT_CLAIM, &f));
    engine_claimed(e, now, 1, true);
    assert_true(engine_why(e, now, 1, 2, 2, &h));
    assert_int_equal(h.reason, REASON_RATE_LIMIT);
    assert_true(h.not_before == INSTANT_NEVER);
    assert_true(engine_answer(e, now + 7, 1, &(struct engine_answer){.kind = ANSWER_DONE}));
    engine_turn(e, now + 7);
    assert_true(engine_wake(e) == now + 7 + 60000);
    engine_turn(e, now + 7 + 60000);
    assert_true(next_effect(e, EFFECT_CLAIM, &f));
    assert_int_equal(f.delivery, 2);
    engine_free(e);
}

static uint64_t waiting_now;

static void see_waiting(void *ctx, const struct engine_lane_view *v)
{
    (void)ctx;
    waiting_now = v->waiting;
}

static uint64_t waiting(const struct engine *e, instant_t now)
{
    waiting_now = 0;
    engine_lanes(e, now, see_waiting, NULL);
    return waiting_now;
}

static void who_is_withdrawn_costs_no_gap_and_is_waited_for_no_more(void **state)
{
    struct bench b = {0};
    instant_t now = 1800000000000;
    struct engine *e = one_lane(&b, now, (struct pace){.floor = 10000, .ceiling = 10000}, NULL);
    struct effect f;

    (void)state;
    give(e, now);
    assert_int_equal(waiting(e, now), 3);
    engine_withdraw(e, now, 1, 1, 1);
    engine_withdraw(e, now, 1, 1, 1); /* twice is once */
    engine_withdraw(e, now, 9, 1, 2); /* a revision that is not here */
    assert_int_equal(waiting(e, now), 2);
    engine_turn(e, now);
    while (!next_effect(e, EFFECT_CLAIM, &f)) {
        now = engine_wake(e);
        engine_turn(e, now);
    }
    assert_int_equal(f.delivery, 2);
    engine_withdraw(e, now, 1, 1, 2); /* the store refuses this one */
    assert_int_equal(waiting(e, now), 1);
    engine_claimed(e, now, 2, false);
    assert_true(engine_has_revision(e, 1));
    engine_withdraw(e, now, 1, 1, 3);
    engine_turn(e, now);
    assert_true(next_effect(e, EFFECT_FETCH, &f)); /* what was refused may wait still */
    engine_fetched(e, now, 1, 1, NULL, 0, false);
    assert_false(engine_has_revision(e, 1)); /* nothing is left to do */
    engine_free(e);
}

static void who_is_withdrawn_before_the_fetch_is_not_counted(void **state)
{
    struct bench b = {0};
    instant_t now = 1800000000000;
    struct engine *e = one_lane(&b, now, (struct pace){.floor = 10000, .ceiling = 10000}, NULL);
    struct engine_waiting w = {1, 1, 1, 0, 0};

    (void)state;
    engine_turn(e, now);
    engine_withdraw(e, now, 1, 1, 2);
    engine_withdraw(e, now, 1, 1, 3);
    assert_int_equal(waiting(e, now), 1);
    engine_fetched(e, now, 1, 1, &w, 1, false);
    assert_int_equal(waiting(e, now), 1);
    engine_free(e);
}

/* Canceled with its questions left open, then held (a newer revision is submitted): the last
 * question that is taken back ends the revision, which nobody uses after that. */
static void pausing_what_was_dropped_ends_it(void **state)
{
    static const struct schedule always = {
        .zone = &utc, .start = INSTANT_MIN, .end = INSTANT_NEVER};
    const struct engine_revision_lane lanes[] = {{.lane = 1, .waiting = 1}};
    const struct engine_waiting asked[] = {{1, 1, 1, 1, 0}};
    struct engine *e = engine_new();
    struct effect f;

    (void)state;
    engine_add_channel(
        e, &(struct engine_channel){.id = 1, .account = 1, .in_flight_max = 1, .asks = true});
    engine_add_lane(e, &(struct engine_lane){.id = 1,
                                             .channel = 1,
                                             .sender = 1,
                                             .last_due = INSTANT_MIN,
                                             .last_answer = INSTANT_MIN});
    engine_add_revision(e, 1000,
                        &(struct engine_revision){.id = 1,
                                                  .campaign = 1,
                                                  .channel = 1,
                                                  .schedule = &always,
                                                  .lanes = lanes,
                                                  .lane_count = 1});
    engine_restore(e, 1000,
                   &(struct engine_asked){.revision = 1,
                                          .lane = 1,
                                          .send = 1,
                                          .deliveries = asked,
                                          .count = 1,
                                          .claimed_at = 900});
    while (engine_effect(e, &f))
        if (f.kind == EFFECT_HISTORY)
            engine_primed(e, 1000, 1);
    engine_drop(e, 1000, 1, true);
    assert_true(engine_has_revision(e, 1));
    engine_pause(e, 1000, 1, false);
    assert_false(engine_has_revision(e, 1));
    assert_true(next_effect(e, EFFECT_RESULT, &f));
    assert_int_equal(f.state, DELIVERY_PENDING);
    assert_true(next_effect(e, EFFECT_FORGET, &f));
    engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halt_between_claim_and_send_gives_the_claim_back),
        cmocka_unit_test(a_window_that_closes_under_way_is_seen_before_the_first_byte),
        cmocka_unit_test(the_gap_is_drawn_once),
        cmocka_unit_test(lateness_moves_no_due_instant_and_eats_no_floor),
        cmocka_unit_test(who_watches_hears_what_a_lane_waits_for),
        cmocka_unit_test(what_was_on_its_way_lengthens_no_rest),
        cmocka_unit_test(without_a_clear_answer_the_channel_rests),
        cmocka_unit_test(what_cannot_be_sent_has_a_budget),
        cmocka_unit_test(not_now_without_an_instant_backs_off),
        cmocka_unit_test(a_halt_is_no_try),
        cmocka_unit_test(a_clock_set_forward_frees_no_place),
        cmocka_unit_test(a_clock_set_forward_shortens_no_gap_and_no_rest),
        cmocka_unit_test(who_is_late_after_a_suspend_starts_at_a_random_phase),
        cmocka_unit_test(a_zone_with_other_data_is_asked_again),
        cmocka_unit_test(every_pause_is_counted),
        cmocka_unit_test(a_full_limit_names_itself_and_its_instant),
        cmocka_unit_test(an_answer_wakes_who_waits_for_its_place),
        cmocka_unit_test(who_is_withdrawn_costs_no_gap_and_is_waited_for_no_more),
        cmocka_unit_test(who_is_withdrawn_before_the_fetch_is_not_counted),
        cmocka_unit_test(pausing_what_was_dropped_ends_it),
        cmocka_unit_test(random_worlds_keep_every_promise),
    };

    tz_utc(&utc);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
