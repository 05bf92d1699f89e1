/* Wall, monotonic and boot clock, moved by hand. */
#include "check.h"

#include "core/clocks.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

static const instant_t T0 = 1800000000000;
static struct clocks c;
static struct timekeeper k;
static struct clocks_event seen;

static int setup(void **state)
{
    (void)state;
    c = (struct clocks){T0, 5000, 9000};
    timekeeper_start(&k, &c, INSTANT_MIN, false);
    return 0;
}

static void pass(duration_t ms)
{
    c.wall += ms;
    c.monotonic += ms;
    c.boot += ms;
}

static bool look(void)
{
    return timekeeper_look(&k, &c, &seen);
}

static void test_even_time_is_no_event(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        pass(250);
        assert_false(look());
        assert_int_equal(k.now, c.wall);
    }
}

static void test_a_small_slew_is_followed_and_adds_up(void **state)
{
    int events = 0;

    (void)state;
    for (int i = 0; i < 5000; i++) { /* one part in a thousand */
        pass(1000);
        c.wall += 1;
        events += look();
        assert_int_equal(k.now, c.wall);
    }
    assert_int_equal(events, 5);
    assert_false(k.held);
}

static void test_a_step_forward(void **state)
{
    (void)state;
    pass(250);
    c.wall += 999;
    assert_false(look());
    c.wall += 1;
    assert_true(look());
    assert_int_equal(seen.step, SECOND);
    assert_int_equal(k.now, c.wall);
    pass(250);
    assert_false(look()); /* said once */
    c.wall += CLOCKS_FORWARD_MAX_MS;
    assert_true(look());
    assert_false(seen.jumped);
    assert_int_equal(k.now, c.wall);
}

static void test_a_jump_forward_is_not_believed(void **state)
{
    (void)state;
    c.wall += CLOCKS_FORWARD_MAX_MS + 1;
    assert_true(look());
    assert_true(seen.jumped && k.held);
    assert_int_equal(k.now, T0); /* nothing expires by it */
    pass(HOUR);
    assert_true(look()); /* that nobody looked for so long */
    assert_int_equal(seen.step, 0);
    assert_int_equal(k.now, T0 + HOUR);
    assert_int_equal(timekeeper_offset(&k), CLOCKS_FORWARD_MAX_MS + 1);
    assert_int_equal(timekeeper_release(&k, &c), CLOCKS_FORWARD_MAX_MS + 1);
    assert_int_equal(k.now, c.wall);
    assert_false(k.held);
    pass(250);
    assert_false(look());
}

static void test_years_forward_and_back_again(void **state)
{
    (void)state;
    c.wall += (instant_t)10 * 365 * 24 * HOUR;
    look();
    c.wall -= (instant_t)10 * 365 * 24 * HOUR;
    pass(SECOND);
    look();
    assert_true(k.held); /* a person must have looked */
    assert_int_equal(timekeeper_release(&k, &c), 0);
    assert_int_equal(k.now, T0 + SECOND);
}

static void test_a_step_back_stands_still(void **state)
{
    (void)state;
    c.wall -= CLOCKS_BACK_MAX_MS;
    assert_true(look());
    assert_false(seen.jumped);
    assert_int_equal(k.now, T0);
    assert_int_equal(timekeeper_offset(&k), -CLOCKS_BACK_MAX_MS);
    for (int i = 0; i < 60; i++) {
        pass(SECOND);
        assert_false(look());
        assert_int_equal(k.now, T0);
    }
    pass(SECOND);
    assert_false(look());
    assert_int_equal(k.now, T0 + SECOND);
}

static void test_a_jump_back_holds(void **state)
{
    (void)state;
    c.wall -= CLOCKS_BACK_MAX_MS + 1;
    assert_true(look());
    assert_true(seen.jumped);
    pass(SECOND);
    look();
    assert_int_equal(k.now, T0 + SECOND); /* by the boot clock */
    assert_int_equal(timekeeper_release(&k, &c), 0);
    assert_int_equal(k.now, T0 + SECOND); /* and waits there */
    c.wall += 2 * HOUR;
    assert_true(look());
    assert_true(seen.jumped); /* as far from what was released as ever */
}

static void test_a_clock_put_right_again_is_no_jump(void **state)
{
    (void)state;
    c.wall -= 2 * HOUR;
    look();
    timekeeper_release(&k, &c);
    pass(MINUTE);
    look();
    assert_int_equal(timekeeper_offset(&k), -2 * HOUR + MINUTE);
    c.wall += 2 * HOUR;
    assert_true(look());
    assert_int_equal(seen.step, 2 * HOUR);
    assert_false(seen.jumped);
    assert_int_equal(seen.forward, MINUTE); /* it stood still for so long */
    assert_int_equal(k.now, c.wall);
}

static void test_a_suspend_is_no_step(void **state)
{
    (void)state;
    c.wall += 8 * HOUR;
    c.boot += 8 * HOUR;
    assert_true(look());
    assert_int_equal(seen.step, 0);
    assert_int_equal(seen.slept, 8 * HOUR);
    assert_false(k.held);
    assert_int_equal(k.now, c.wall);
}

static void test_a_machine_that_stood_still(void **state)
{
    (void)state;
    pass(CLOCKS_STALL_MS - 1);
    assert_false(look());
    pass(CLOCKS_STALL_MS);
    assert_true(look());
    assert_int_equal(seen.stalled, CLOCKS_STALL_MS);
    assert_int_equal(seen.slept, 0);
}

static void test_time_begins_where_it_was_recorded(void **state)
{
    (void)state;
    timekeeper_start(&k, &c, T0 + HOUR, false);
    assert_int_equal(k.now, T0 + HOUR);
    pass(250);
    assert_false(look());
    assert_int_equal(k.now, T0 + HOUR);
    timekeeper_start(&k, &c, T0 - HOUR, true); /* after a jump that nobody released */
    assert_int_equal(k.now, T0 - HOUR);
    pass(SECOND);
    assert_false(look());
    assert_int_equal(k.now, T0 - HOUR + SECOND);
    assert_int_equal(timekeeper_release(&k, &c), HOUR + 250);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_even_time_is_no_event, setup),
        cmocka_unit_test_setup(test_a_small_slew_is_followed_and_adds_up, setup),
        cmocka_unit_test_setup(test_a_step_forward, setup),
        cmocka_unit_test_setup(test_a_jump_forward_is_not_believed, setup),
        cmocka_unit_test_setup(test_years_forward_and_back_again, setup),
        cmocka_unit_test_setup(test_a_step_back_stands_still, setup),
        cmocka_unit_test_setup(test_a_jump_back_holds, setup),
        cmocka_unit_test_setup(test_a_clock_put_right_again_is_no_jump, setup),
        cmocka_unit_test_setup(test_a_suspend_is_no_step, setup),
        cmocka_unit_test_setup(test_a_machine_that_stood_still, setup),
        cmocka_unit_test_setup(test_time_begins_where_it_was_recorded, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
