#include "check.h"

#include "core/gates.h"
#include "support.h"

struct fixture {
    struct tz utc;
    struct hours window_hours, quiet_hours;
    struct window window;
    struct day_range closed;
    struct schedule schedule;
    struct gate_facts facts;
    instant_t now;
    struct ruling rows[GATE_COUNT];
};

/* Everything says go at noon of Monday 2027-03-01. */
static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    tz_utc(&f->utc);
    f->window_hours = (struct hours){10 * 60, 20 * 60};
    f->quiet_hours = (struct hours){21 * 60, 9 * 60};
    f->window = (struct window){
        .weekdays = 0x7F, .first_day = 1, .hours = &f->window_hours, .hours_count = 1};
    f->closed = (struct day_range){day_of_date(2027, 3, 3), day_of_date(2027, 3, 3)};
    f->schedule = (struct schedule){
        .zone = &f->utc,
        .start = at("2027-03-01T09:00Z"),
        .end = at("2027-03-07T20:00Z"),
        .windows = &f->window,
        .window_count = 1,
        .quiet = &f->quiet_hours,
        .quiet_count = 1,
        .closed = &f->closed,
        .closed_count = 1,
    };
    f->now = at("2027-03-01T12:00Z");
    f->facts = (struct gate_facts){
        .running = true,
        .schedule = &f->schedule,
        .rate_ready_at = f->now, /* what is ready now does not hold */
        .cap_ready_at = f->now,
        .gap_ready_at = INSTANT_MIN,
        .channel_ready_at = f->now,
    };
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static struct ruling sum(struct fixture *f)
{
    gates_rule(&f->facts, f->now, f->rows);
    for (int g = 0; g < GATE_COUNT; g++)
        assert_int_equal(f->rows[g].gate, g);
    return gates_sum(f->rows);
}

static void assert_holds(struct fixture *f, enum gate gate, enum reason reason, instant_t until)
{
    struct ruling r = sum(f);

    assert_int_equal(r.gate, gate);
    assert_int_equal(r.verdict, VERDICT_HOLD);
    assert_int_equal(r.reason, reason);
    assert_true(r.not_before == until);
}

static void assert_drops(struct fixture *f, enum gate gate, enum reason reason)
{
    struct ruling r = sum(f);

    assert_int_equal(r.gate, gate);
    assert_int_equal(r.verdict, VERDICT_DROP);
    assert_int_equal(r.reason, reason);
}

static void goes_when_nobody_objects(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(sum(f).verdict, VERDICT_GO);
    for (int g = 0; g < GATE_COUNT; g++)
        assert_int_equal(f->rows[g].verdict, VERDICT_GO);
}

static void events_alone_lift_halt_and_pause(void **state)
{
    struct fixture *f = *state;

    f->facts.running = false;
    assert_holds(f, GATE_CAMPAIGN, REASON_NOT_STARTED, INSTANT_NEVER);
    f->facts.paused = true;
    assert_holds(f, GATE_CAMPAIGN, REASON_PAUSED, INSTANT_NEVER);
    f->facts.running = true;
    assert_holds(f, GATE_CAMPAIGN, REASON_PAUSED, INSTANT_NEVER);
    f->facts.halted = true; /* a tie: the first in order */
    assert_holds(f, GATE_HALT, REASON_HALTED, INSTANT_NEVER);
}

static void start_and_end(void **state)
{
    struct fixture *f = *state;

    f->window.hours_count = 0;
    f->schedule.quiet_count = 0;
    f->facts.rate_ready_at = f->facts.cap_ready_at = f->facts.channel_ready_at = INSTANT_MIN;
    f->now = f->schedule.start - 1;
    assert_holds(f, GATE_START_END, REASON_NOT_STARTED, f->schedule.start);
    f->now = f->schedule.start;
    assert_int_equal(sum(f).verdict, VERDICT_GO);
    f->now = f->schedule.end - 1;
    assert_int_equal(sum(f).verdict, VERDICT_GO);
    f->now = f->schedule.end; /* half-open */
    assert_drops(f, GATE_START_END, REASON_ENDED);
    f->facts.halted = true; /* what has ended has ended, halted or not */
    assert_drops(f, GATE_START_END, REASON_ENDED);
}

static void recipients_that_are_not_written_to(void **state)
{
    struct fixture *f = *state;

    f->facts.missing_value = true;
    assert_drops(f, GATE_MISSING_VALUE, REASON_MISSING_VALUE);
    f->facts.suppressed = true;
    assert_drops(f, GATE_SUPPRESSION, REASON_SUPPRESSED);
}

static void each_part_of_the_schedule_holds_until_it_opens(void **state)
{
    struct fixture *f = *state;

    f->now = at("2027-03-01T20:30Z");
    f->facts.rate_ready_at = f->now;
    assert_holds(f, GATE_WINDOW, REASON_WINDOW_CLOSED, at("2027-03-02T10:00Z"));
    f->now = at("2027-03-01T22:00Z"); /* both, but the window opens later */
    assert_holds(f, GATE_WINDOW, REASON_WINDOW_CLOSED, at("2027-03-02T10:00Z"));
    assert_int_equal(f->rows[GATE_QUIET_HOURS].verdict, VERDICT_HOLD);
    assert_int_equal(f->rows[GATE_QUIET_HOURS].reason, REASON_QUIET_HOURS);
    assert_true(f->rows[GATE_QUIET_HOURS].not_before == at("2027-03-02T09:00Z"));
    f->window.hours_count = 0;
    assert_holds(f, GATE_QUIET_HOURS, REASON_QUIET_HOURS, at("2027-03-02T09:00Z"));
    f->now = at("2027-03-03T12:00Z");
    /* a closed day and its windows open at the same instant: the first in order */
    assert_holds(f, GATE_CLOSED_DAY, REASON_CLOSED_DAY, at("2027-03-04T00:00Z"));
}

static void limits_gap_and_channel(void **state)
{
    struct fixture *f = *state;

    f->facts.channel_ready_at = f->now + 10;
    assert_holds(f, GATE_CHANNEL, REASON_CHANNEL_QUOTA, f->now + 10);
    f->facts.gap_ready_at = f->now + 10; /* a held lane is due when the hold ends: say the hold */
    assert_holds(f, GATE_CHANNEL, REASON_CHANNEL_QUOTA, f->now + 10);
    f->facts.cap_ready_at = f->now + 10;
    assert_holds(f, GATE_FREQUENCY_CAP, REASON_FREQUENCY_CAP, f->now + 10);
    f->facts.rate_ready_at = f->now + 10;
    assert_holds(f, GATE_RATE_LIMIT, REASON_RATE_LIMIT, f->now + 10);
    f->facts.gap_ready_at = f->now + 11; /* the latest wins over the first */
    assert_holds(f, GATE_GAP, REASON_GAP, f->now + 11);
    f->facts.rate_ready_at = INSTANT_NEVER;
    assert_holds(f, GATE_RATE_LIMIT, REASON_RATE_LIMIT, INSTANT_NEVER);
    f->facts.cap_drops = true; /* a drop wins over every hold */
    assert_drops(f, GATE_FREQUENCY_CAP, REASON_FREQUENCY_CAP);
    f->facts.cap_ready_at = f->now;
    assert_holds(f, GATE_RATE_LIMIT, REASON_RATE_LIMIT, INSTANT_NEVER);
}

static void a_hold_past_the_end_still_holds(void **state)
{
    struct fixture *f = *state;

    f->facts.rate_ready_at = f->schedule.end + 5;
    assert_holds(f, GATE_RATE_LIMIT, REASON_RATE_LIMIT, f->schedule.end + 5);
    f->now = f->schedule.end; /* and is dropped then */
    assert_drops(f, GATE_START_END, REASON_ENDED);
}

static void names_are_words_of_their_own(void **state)
{
    (void)state;
    assert_string_equal(gate_name(GATE_RATE_LIMIT), "rate_limit"); /* contract §5 */
    for (int g = 0; g < GATE_COUNT; g++)
        for (int other = 0; other < g; other++)
            assert_string_not_equal(gate_name((enum gate)g), gate_name((enum gate)other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(goes_when_nobody_objects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(events_alone_lift_halt_and_pause, set_up, tear_down),
        cmocka_unit_test_setup_teardown(start_and_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(recipients_that_are_not_written_to, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_part_of_the_schedule_holds_until_it_opens, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(limits_gap_and_channel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hold_past_the_end_still_holds, set_up, tear_down),
        cmocka_unit_test(names_are_words_of_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
