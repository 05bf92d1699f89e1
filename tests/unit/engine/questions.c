/* Where people send by hand, single promises: what a pause, an end, a drop and a restart do to a
 * question that somebody may have seen. */
#include "check.h"
#include "next_effect.h"

#include "engine/engine.h"

#include <string.h>

static struct tz utc;

static const instant_t t0 = 1800000000000;

struct bench {
    struct engine *engine;
    struct schedule schedule;
    struct engine_revision_lane lane[2];
    struct engine_revision spec;
};

/* Deliveries 1, 2, 3 with the same message on lane 1; the sender's other lane is 3. */
static struct engine *bench_open(struct bench *b, duration_t within, uint32_t batch,
                                 const struct engine_limit *limit)
{
    struct engine_waiting w[] = {{1, 1, 1, 0, 5}, {2, 2, 2, 0, 5}, {3, 3, 3, 0, 5}};

    if (!b->schedule.zone)
        b->schedule = (struct schedule){&utc, .start = INSTANT_MIN, .end = t0 + MS_PER_DAY};
    b->engine = engine_new();
    for (int64_t c = 1; c <= 2; c++) {
        engine_add_channel(b->engine, &(struct engine_channel){
                                          .id = c, .account = 1, .in_flight_max = 1, .asks = true});
        engine_add_lane(b->engine, &(struct engine_lane){.id = 2 * c - 1,
                                                         .channel = c,
                                                         .sender = 1,
                                                         .last_due = INSTANT_MIN,
                                                         .last_answer = INSTANT_MIN});
    }
    for (int64_t id = 1; id <= 2; id++) { /* revision 1 on lane 1, 2 on lane 3 */
        b->lane[id - 1] = (struct engine_revision_lane){.lane = 2 * id - 1, .waiting = 3};
        b->spec = (struct engine_revision){.id = id,
                                           .campaign = id,
                                           .channel = id,
                                           .schedule = &b->schedule,
                                           .limits = limit,
                                           .limit_count = limit ? 1 : 0,
                                           .lanes = &b->lane[id - 1],
                                           .lane_count = 1,
                                           .batch = batch,
                                           .within = within};
        engine_add_revision(b->engine, t0, &b->spec);
        if (limit)
            engine_primed(b->engine, t0, id);
    }
    engine_turn(b->engine, t0);
    engine_fetched(b->engine, t0, 1, 1, w, 3, false);
    engine_turn(b->engine, t0);
    return b->engine;
}

static void expect_result(struct engine *e, int64_t delivery, enum delivery_state state,
                          enum reason reason, instant_t at)
{
    struct effect f;

    assert_true(next_effect(e, EFFECT_RESULT, &f));
    assert_int_equal(f.delivery, delivery);
    assert_int_equal(f.state, state);
    assert_int_equal(f.reason, reason);
    assert_int_equal(f.at, at);
}

/* The next send's claims become durable and the channel asks; how many deliveries it has. */
static size_t asked(struct engine *e, instant_t now, int64_t *send)
{
    int64_t claimed[8];
    struct effect f;
    size_t count = 0;

    while (next_effect(e, EFFECT_CLAIM, &f))
        claimed[count++] = f.delivery;
    for (size_t i = 0; i < count; i++)
        engine_claimed(e, now, claimed[i], true);
    if (!count)
        return 0;
    assert_true(next_effect(e, EFFECT_SEND, &f));
    *send = f.send;
    assert_true(engine_answer(e, now, f.send, &(struct engine_answer){.kind = ANSWER_ASKED}));
    for (size_t i = 0; i < count; i++)
        expect_result(e, claimed[i], DELIVERY_PROMPTED, REASON_NONE, now);
    return count;
}

static void an_unanswered_question_expires_in_time(void **state)
{
    struct bench b = {0};
    struct engine *e = bench_open(&b, 4000, 1, NULL);
    int64_t send;

    (void)state;
    assert_int_equal(asked(e, t0 + 10, &send), 1);
    assert_int_equal(engine_wake(e), t0 + 4000); /* from the claim on */
    engine_turn(e, t0 + 3999);
    assert_int_equal(asked(e, t0 + 3999, &send), 0); /* one at a time */
    engine_turn(e, t0 + 4000);
    expect_result(e, 1, DELIVERY_EXPIRED, REASON_LATE, t0 + 4000);
    assert_false(engine_settle(e, t0 + 4001, 1, DELIVERY_SENT, REASON_NONE)); /* too late */
    engine_free(b.engine);

    e = bench_open(&b, 0, 1, NULL); /* late: leave */
    assert_int_equal(asked(e, t0, &send), 1);
    engine_turn(e, t0 + MS_PER_DAY - 1);
    assert_true(engine_settle(e, t0 + MS_PER_DAY - 1, 1, DELIVERY_SENT, REASON_NONE));
    engine_free(b.engine);
}

static void a_batch_holds_one_message_and_is_settled_one_by_one(void **state)
{
    struct engine_limit two = {
        .scope = SCOPE_SENDER, .max = 2, .rolling = true, .span = 60000, .text = "2 per 1m"};
    struct bench b = {0};
    struct engine *e = bench_open(&b, 0, 3, &two);
    struct effect f;
    int64_t send;

    (void)state;
    assert_int_equal(asked(e, t0, &send), 2); /* cut to the room that is left */
    assert_true(engine_settle(e, t0 + 5000, 2, DELIVERY_SENT, REASON_NONE));
    assert_false(engine_settle(e, t0 + 5000, 2, DELIVERY_SENT, REASON_NONE));
    expect_result(e, 2, DELIVERY_SENT, REASON_NONE, t0 + 5000);
    engine_turn(e, t0 + 5000);
    assert_false(next_effect(e, EFFECT_CLAIM, &f)); /* half of it is open */
    assert_true(engine_settle(e, t0 + 6000, 1, DELIVERY_FAILED, REASON_NOT_SENT));
    engine_turn(e, t0 + 6000); /* what was not sent gave its place back */
    assert_true(next_effect(e, EFFECT_CLAIM, &f));
    assert_int_equal(f.delivery, 3);
    engine_free(b.engine);
}

static void a_pause_recalls_what_nobody_saw(void **state)
{
    struct bench b = {0};
    struct engine *e = bench_open(&b, 0, 1, NULL);
    struct effect f;
    int64_t send;

    (void)state;
    assert_int_equal(asked(e, t0, &send), 1);
    engine_pause(e, t0 + 500, 1, false);
    expect_result(e, 1, DELIVERY_PENDING, REASON_NONE, t0 + 500);
    assert_false(engine_settle(e, t0 + 600, 1, DELIVERY_SENT, REASON_NONE));
    engine_turn(e, t0 + 600);
    assert_false(next_effect(e, EFFECT_CLAIM, &f));
    engine_resume(e, t0 + 700, 1);
    engine_turn(e, t0 + 700);
    assert_int_equal(asked(e, t0 + 700, &send), 1); /* again, the same one first */
    assert_int_equal(send, 1);
    engine_free(b.engine);
}

static void what_was_seen_stays_and_is_hidden(void **state)
{
    struct bench b = {0};
    struct engine *e = bench_open(&b, 0, 1, NULL);
    struct effect f;
    int64_t send;

    (void)state;
    assert_int_equal(asked(e, t0, &send), 1);
    assert_int_equal(engine_hidden(e, t0, send), REASON_NONE);
    engine_shown(e, send);
    engine_pause(e, t0 + 500, 1, false);
    assert_false(next_effect(e, EFFECT_RESULT, &f));
    assert_int_equal(engine_hidden(e, t0 + 500, send), REASON_PAUSED);
    engine_resume(e, t0 + 600, 1);
    assert_int_equal(engine_hidden(e, t0 + 600, send), REASON_NONE);
    engine_halt(e);
    assert_int_equal(engine_hidden(e, t0 + 600, send), REASON_HALTED);
    engine_unhalt(e, t0 + 700);
    assert_true(engine_settle(e, t0 + 800, 1, DELIVERY_SENT, REASON_NONE));
    engine_free(b.engine);
}

/* ... and the last word on it counts: a cancel after `pause --keep-tasks` ends them. */
static void keep_leaves_them_open(void **state)
{
    struct bench b = {0};
    struct engine *e = bench_open(&b, 0, 1, NULL);
    struct effect f;
    int64_t send;

    (void)state;
    assert_int_equal(asked(e, t0, &send), 1);
    engine_pause(e, t0 + 500, 1, true);
    assert_true(engine_paused(e, 1));
    assert_int_equal(engine_hidden(e, t0 + 500, send), REASON_NONE);
    engine_drop(e, t0 + 600, 1, false); /* canceled, as it was held */
    assert_false(next_effect(e, EFFECT_RESULT, &f));
    assert_int_equal(engine_hidden(e, t0 + 600, send), REASON_NONE);
    engine_turn(e, t0 + 600);
    assert_int_equal(engine_wake(e), t0 + MS_PER_DAY); /* not beyond the campaign's end */
    engine_turn(e, t0 + MS_PER_DAY);
    expect_result(e, 1, DELIVERY_EXPIRED, REASON_ENDED, t0 + MS_PER_DAY);
    assert_false(engine_has_revision(e, 1));
    engine_free(b.engine);

    e = bench_open(&b, 0, 1, NULL);
    assert_int_equal(asked(e, t0, &send), 1);
    engine_shown(e, send);
    engine_pause(e, t0 + 500, 1, true);
    engine_pause(e, t0 + 600, 1, false);
    engine_drop(e, t0 + 700, 1, false);
    expect_result(e, 1, DELIVERY_UNKNOWN, REASON_CANCELED, t0 + 700);
    engine_free(b.engine);
}

static void the_end_makes_what_was_seen_unknown(void **state)
{
    (void)state;
    for (int shown = 0; shown < 2; shown++) {
        struct bench b = {0};
        struct engine *e = bench_open(&b, 0, 2, NULL);
        enum delivery_state end = shown ? DELIVERY_UNKNOWN : DELIVERY_EXPIRED;
        int64_t send;

        assert_int_equal(asked(e, t0, &send), 2);
        if (shown)
            engine_shown(e, send);
        assert_int_equal(engine_wake(e), t0 + MS_PER_DAY);
        engine_turn(e, t0 + MS_PER_DAY);
        expect_result(e, 1, end, REASON_ENDED, t0 + MS_PER_DAY);
        expect_result(e, 2, end, REASON_ENDED, t0 + MS_PER_DAY);
        engine_free(b.engine);
    }
}

static void a_drop_cancels_what_nobody_saw(void **state)
{
    struct bench b = {0};
    struct engine *e = bench_open(&b, 0, 2, NULL);
    int64_t send;

    (void)state;
    assert_int_equal(asked(e, t0, &send), 2);
    engine_drop(e, t0 + MS_PER_HOUR, 1, false); /* no turn since: the instant is the drop's */
    expect_result(e, 1, DELIVERY_CANCELED, REASON_CANCELED, t0 + MS_PER_HOUR);
    expect_result(e, 2, DELIVERY_CANCELED, REASON_CANCELED, t0 + MS_PER_HOUR);
    assert_false(engine_has_revision(e, 1));
    engine_free(b.engine);
}

/* Paused, canceled or ended between the call and its answer. */
static void what_is_over_when_the_channel_has_asked_is_no_question(void **state)
{
    static const struct {
        enum delivery_state state;
        enum reason reason;
    } rows[] = {{DELIVERY_PENDING, REASON_NONE},
                {DELIVERY_CANCELED, REASON_CANCELED},
                {DELIVERY_EXPIRED, REASON_ENDED}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct bench b = {0};
        struct engine *e = bench_open(&b, 0, 1, NULL);
        instant_t now = t0 + (i == 2 ? MS_PER_DAY : 9);
        struct effect f;

        assert_true(next_effect(e, EFFECT_CLAIM, &f));
        engine_claimed(e, t0, f.delivery, true);
        if (i == 0)
            engine_pause(e, now, 1, false);
        if (i == 1)
            engine_drop(e, now, 1, false);
        engine_turn(e, now);
        assert_true(engine_answer(e, now, 1, &(struct engine_answer){.kind = ANSWER_ASKED}));
        expect_result(e, 1, DELIVERY_PROMPTED, REASON_NONE, now);
        expect_result(e, 1, rows[i].state, rows[i].reason, now);
        engine_free(b.engine);
    }
}

static void a_person_with_two_lanes_has_one_question(void **state)
{
    struct engine_waiting other = {9, 9, 9, 0, 9};
    struct bench b = {0};
    struct engine *e = bench_open(&b, 0, 1, NULL);
    struct effect f;
    int64_t send;

    (void)state;
    assert_int_equal(asked(e, t0, &send), 1);
    engine_withdraw(e, t0, 1, 1, 2); /* nothing more on this lane */
    engine_withdraw(e, t0, 1, 1, 3);
    engine_fetched(e, t0, 2, 3, &other, 1, false);
    engine_turn(e, t0 + 1);
    assert_false(next_effect(e, EFFECT_CLAIM, &f));
    assert_true(engine_settle(e, t0 + 900, 1, DELIVERY_SKIPPED, REASON_BY_PERSON));
    engine_turn(e, t0 + 900);
    assert_true(next_effect(e, EFFECT_CLAIM, &f)); /* the other lane hears of it */
    assert_int_equal(f.delivery, 9);
    assert_false(next_effect(e, EFFECT_CLAIM, &f));
    engine_free(b.engine);
}

/* Open before the service stopped: as open as before, with its place and its time. */
static void a_restored_question_keeps_its_place(void **state)
{
    struct engine_limit one = {.scope = SCOPE_PERSON, .max = 2, .period = PERIOD_DAY, .text = "2"};
    struct engine_waiting was = {1, 1, 1, 1, 5}, next = {2, 2, 2, 0, 5};
    struct engine *e = engine_new();
    struct bench b = {.schedule = {&utc, .start = INSTANT_MIN, .end = INSTANT_NEVER}};
    instant_t asked_at = t0 - 2 * (instant_t)MS_PER_DAY;
    struct engine_asked a = {1, 1, 1, &was, 1, asked_at, true};
    struct engine_revision_lane lane = {.lane = 1, .waiting = 2};
    struct engine_hold h;
    struct effect f;

    (void)state;
    engine_add_channel(
        e, &(struct engine_channel){.id = 1, .account = 1, .in_flight_max = 1, .asks = true});
    engine_add_lane(e, &(struct engine_lane){.id = 1,
                                             .channel = 1,
                                             .sender = 1,
                                             .last_due = INSTANT_MIN,
                                             .last_answer = INSTANT_MIN});
    engine_add_revision(e, t0,
                        &(struct engine_revision){.id = 1,
                                                  .campaign = 1,
                                                  .channel = 1,
                                                  .schedule = &b.schedule,
                                                  .limits = &one,
                                                  .limit_count = 1,
                                                  .lanes = &lane,
                                                  .lane_count = 1,
                                                  .within = 3 * (duration_t)MS_PER_DAY});
    engine_restore(e, t0, &a);
    engine_primed(e, t0, 1);
    engine_turn(e, t0);
    engine_fetched(e, t0, 1, 1, &next, 1, false);
    engine_turn(e, t0);
    assert_false(next_effect(e, EFFECT_CLAIM, &f));
    assert_true(engine_why(e, t0, 1, 1, 2, &h));
    assert_int_equal(engine_wake(e), asked_at + 3 * (instant_t)MS_PER_DAY);
    assert_true(engine_settle(e, t0 + 1, 1, DELIVERY_SENT, REASON_NONE)); /* counted today */
    expect_result(e, 1, DELIVERY_SENT, REASON_NONE, t0 + 1);
    engine_turn(e, t0 + 1);
    assert_true(next_effect(e, EFFECT_CLAIM, &f));
    engine_claimed(e, t0 + 1, 2, true);
    assert_true(engine_answer(e, t0 + 1, 2, &(struct engine_answer){.kind = ANSWER_ASKED}));
    next = (struct engine_waiting){3, 3, 3, 0, 5};
    engine_refetch(e, t0 + 1, 1, 1, 1);
    engine_turn(e, t0 + 1);
    engine_fetched(e, t0 + 1, 1, 1, &next, 1, false);
    engine_turn(e, t0 + 1);
    assert_true(engine_why(e, t0 + 1, 1, 1, 3, &h));
    assert_int_equal(h.reason, REASON_RATE_LIMIT); /* one sent today, one open */
    engine_free(e);
}

/* Its limit is another campaign's too, and counts already. */
static void a_restored_question_takes_its_place_where_others_count(void **state)
{
    struct engine_limit one = {.scope = SCOPE_PERSON, .max = 1, .period = PERIOD_DAY, .text = "1"};
    struct engine_waiting was = {9, 9, 9, 1, 9}, waits = {1, 1, 1, 0, 5};
    struct schedule always = {&utc, .start = INSTANT_MIN, .end = INSTANT_NEVER};
    struct engine_revision_lane lanes[] = {{.lane = 1, .waiting = 1}, {.lane = 3, .waiting = 1}};
    struct engine *e = engine_new();
    struct engine_hold h;
    struct effect f;

    (void)state;
    for (int64_t id = 1; id <= 2; id++) {
        struct engine_revision r = {.id = id,
                                    .campaign = id,
                                    .channel = id,
                                    .schedule = &always,
                                    .limits = &one,
                                    .limit_count = 1,
                                    .lanes = &lanes[id - 1],
                                    .lane_count = 1};
        engine_add_channel(
            e, &(struct engine_channel){.id = id, .account = 1, .in_flight_max = 1, .asks = true});
        engine_add_lane(e, &(struct engine_lane){.id = 2 * id - 1,
                                                 .channel = id,
                                                 .sender = 1,
                                                 .last_due = INSTANT_MIN,
                                                 .last_answer = INSTANT_MIN});
        engine_add_revision(e, t0, &r);
        engine_primed(e, t0, id);
    }
    engine_restore(e, t0, &(struct engine_asked){2, 3, 9, &was, 1, t0 - 5, false});
    engine_turn(e, t0);
    engine_fetched(e, t0, 1, 1, &waits, 1, false);
    assert_true(engine_why(e, t0, 1, 1, 1, &h));
    assert_int_equal(h.reason, REASON_RATE_LIMIT);
    assert_true(h.not_before == INSTANT_NEVER);
    assert_true(engine_settle(e, t0, 9, DELIVERY_FAILED, REASON_NOT_SENT));
    engine_turn(e, t0);
    assert_true(next_effect(e, EFFECT_CLAIM, &f));
    assert_int_equal(f.delivery, 1);
    engine_free(e);
}

/* The store says no because of a pause: the delivery waits still, and progress does not pass it. */
static void a_refused_claim_is_looked_for_again(void **state)
{
    struct engine_waiting w = {1, 1, 1, 0, 5};
    struct bench b = {0};
    struct engine *e = bench_open(&b, 0, 1, NULL);
    struct effect f;

    (void)state;
    assert_true(next_effect(e, EFFECT_CLAIM, &f));
    assert_int_equal(f.progress, 1);
    engine_pause(e, t0, 1, false);
    engine_claimed(e, t0, 1, false);
    engine_resume(e, t0 + 1, 1);
    engine_turn(e, t0 + 1);
    bool fetches = false;
    while (engine_effect(e, &f)) {
        fetches |= f.kind == EFFECT_FETCH && f.revision == 1 && f.after == 0;
        if (f.kind == EFFECT_CLAIM) {
            assert_int_equal(f.delivery, 2);
            assert_int_equal(f.progress, 0); /* 1 may be below it */
            engine_claimed(e, t0 + 1, 2, false);
        }
    }
    assert_true(fetches);
    engine_fetched(e, t0 + 2, 1, 1, &w, 1, false);
    engine_turn(e, t0 + 2);
    assert_true(next_effect(e, EFFECT_CLAIM, &f));
    engine_free(b.engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unanswered_question_expires_in_time),
        cmocka_unit_test(a_batch_holds_one_message_and_is_settled_one_by_one),
        cmocka_unit_test(a_pause_recalls_what_nobody_saw),
        cmocka_unit_test(what_was_seen_stays_and_is_hidden),
        cmocka_unit_test(keep_leaves_them_open),
        cmocka_unit_test(the_end_makes_what_was_seen_unknown),
        cmocka_unit_test(a_drop_cancels_what_nobody_saw),
        cmocka_unit_test(what_is_over_when_the_channel_has_asked_is_no_question),
        cmocka_unit_test(a_person_with_two_lanes_has_one_question),
        cmocka_unit_test(a_restored_question_keeps_its_place),
        cmocka_unit_test(a_restored_question_takes_its_place_where_others_count),
        cmocka_unit_test(a_refused_claim_is_looked_for_again),
    };

    tz_utc(&utc);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
