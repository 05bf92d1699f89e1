/* The engine's single promises on one lane: claims and halts, gaps and due instants, retries, rests
 * of a channel, clocks that jump, what a lane says of itself. */
#include "check.h"
#include "next_effect.h"

#include "engine/engine.h"

#include <string.h>

static struct tz utc;

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
    };

    tz_utc(&utc);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
