/* Who goes next on a lane and at what distance: distributions, priority, deadlines, half hours. */
#include "tiny_world.h"

static struct tz utc;
static struct tiny_world w;

static const instant_t noon = 20000 * (instant_t)MS_PER_DAY + 12 * MS_PER_HOUR;

/* Two campaigns on one lane, five rows each: the order in which they go. */
static const char *order_of(enum engine_priority a, duration_t end_a, enum engine_priority b,
                            duration_t end_b)
{
    static char order[11];

    tiny_start(&w, noon, 1, (struct engine_channel){0});
    for (int i = 0; i < 2; i++) {
        struct engine_revision *r = tiny_revision(&w, &utc);
        r->priority = i ? b : a;
        r->pace = (struct pace){1000, i ? 5000 : 90000, PACE_UNIFORM};
        if (i ? end_b : end_a)
            w.schedules[i].end = noon + (i ? end_b : end_a);
        tiny_rows(&w, r, 1, 5);
        tiny_add(&w, r);
    }
    tiny_run(&w, noon + MS_PER_HOUR);
    assert_int_equal(w.sent_count, 10);
    for (size_t i = 0; i < 10; i++)
        order[i] = (char)('a' + w.sent[i].revision - 1);
    order[10] = 0;
    engine_free(w.engine);
    return order;
}

static void priority_then_the_earlier_end_then_in_turn(void **state)
{
    const duration_t day = MS_PER_DAY;

    (void)state;
    assert_string_equal(order_of(PRIORITY_NORMAL, 0, PRIORITY_NORMAL, 0), "ababababab");
    assert_string_equal(order_of(PRIORITY_HIGH, 0, PRIORITY_HIGH, 0), "ababababab");
    assert_string_equal(order_of(PRIORITY_NORMAL, 0, PRIORITY_HIGH, 0), "bbbbbaaaaa");
    assert_string_equal(order_of(PRIORITY_LOW, 0, PRIORITY_NORMAL, 0), "bbbbbaaaaa");
    assert_string_equal(order_of(PRIORITY_HIGH, 0, PRIORITY_LOW, 0), "aaaaabbbbb");
    assert_string_equal(order_of(PRIORITY_NORMAL, 2 * day, PRIORITY_NORMAL, day), "bbbbbaaaaa");
    assert_string_equal(order_of(PRIORITY_HIGH, 2 * day, PRIORITY_LOW, day), "aaaaabbbbb");
}

/* What holds the one does not hold the other. */
static void who_is_not_held_goes_whatever_the_priority(void **state)
{
    struct engine_limit one = {.scope = SCOPE_CAMPAIGN,
                               .max = 1,
                               .rolling = true,
                               .span = MS_PER_HOUR,
                               .text = "1 per 1h campaign"};

    (void)state;
    tiny_start(&w, noon, 1, (struct engine_channel){0});
    for (int i = 0; i < 2; i++) {
        struct engine_revision *r = tiny_revision(&w, &utc);
        r->pace = (struct pace){1000, 5000, PACE_UNIFORM};
        r->priority = i ? PRIORITY_LOW : PRIORITY_HIGH;
        r->limits = &one;
        r->limit_count = i == 0;
        tiny_rows(&w, r, 1, 3);
        tiny_add(&w, r);
    }
    tiny_run(&w, noon + MS_PER_HOUR / 2);
    assert_int_equal(w.sent_count, 4);
    assert_int_equal(w.sent[0].revision, 1);
    for (size_t i = 1; i < 4; i++)
        assert_int_equal(w.sent[i].revision, 2);
    engine_free(w.engine);
}

static bool half_hour(instant_t t)
{
    return t / MS_PER_MINUTE % 30 == 0;
}

/* Gaps of a minute or less through every half hour of four hours. */
static void no_send_in_minute_00_or_30_where_the_platform_asks(void **state)
{
    unsigned seen[2] = {0, 0};

    (void)state;
    for (int avoids = 0; avoids < 2; avoids++) {
        tiny_start(&w, noon - 90, 1, (struct engine_channel){.avoids_half_hours = avoids});
        struct engine_revision *r = tiny_revision(&w, &utc);
        r->pace = (struct pace){5000, 25000, PACE_UNIFORM};
        tiny_rows(&w, r, 1, 900);
        tiny_add(&w, r);
        tiny_run(&w, INSTANT_NEVER);
        assert_int_equal(w.sent_count, 900);
        for (size_t i = 0; i < w.sent_count; i++) {
            seen[avoids] += half_hour(w.sent[i].at);
            assert_true(i == 0 || w.sent[i].at - w.sent[i - 1].at >= 5000);
        }
        engine_free(w.engine);
    }
    assert_true(seen[0] > 20);
    assert_int_equal(seen[1], 0);
}

/* A window that opens at 10:00 opens for that platform a minute later, at a random second. */
static void a_window_that_opens_at_the_hour_starts_in_its_second_minute(void **state)
{
    static const struct hours hours = {600, 720};
    static const struct window morning = {
        .weekdays = 0x7f, .first_day = 1, .hours = &hours, .hours_count = 1};
    instant_t seen[20];

    (void)state;
    for (size_t i = 0; i < 20; i++) {
        tiny_start(&w, noon - 4 * MS_PER_HOUR, 1,
                   (struct engine_channel){.avoids_half_hours = true});
        struct engine_revision *r = tiny_revision(&w, &utc);
        r->seed = i;
        r->pace = (struct pace){1000, 10000, PACE_UNIFORM};
        w.schedules[0].windows = &morning;
        w.schedules[0].window_count = 1;
        tiny_rows(&w, r, 1, 1);
        tiny_add(&w, r);
        tiny_run(&w, INSTANT_NEVER);
        assert_int_equal(w.sent_count, 1);
        seen[i] = w.sent[0].at - (noon - 2 * MS_PER_HOUR);
        assert_in_range(seen[i], 60000, 119999);
        assert_true(i == 0 || seen[i] != seen[i - 1]);
        engine_free(w.engine);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(priority_then_the_earlier_end_then_in_turn),
        cmocka_unit_test(who_is_not_held_goes_whatever_the_priority),
        cmocka_unit_test(no_send_in_minute_00_or_30_where_the_platform_asks),
        cmocka_unit_test(a_window_that_opens_at_the_hour_starts_in_its_second_minute),
    };

    tz_utc(&utc);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
