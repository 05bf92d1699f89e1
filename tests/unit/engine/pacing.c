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

static const struct hours two_windows[] = {{600, 720}, {840, 1080}};
static const struct window workday = {
    .weekdays = 0x1f, .first_day = 1, .hours = two_windows, .hours_count = 2};

/* A campaign that is spread over the windows of four days (Friday noon to Tuesday noon). */
static struct engine_revision *spread(size_t rows)
{
    struct engine_revision *r = tiny_revision(&w, &utc);
    struct schedule *s = &w.schedules[r->id - 1];

    r->pace = (struct pace){1000, 2000, PACE_SPREAD};
    s->windows = &workday;
    s->window_count = 1;
    s->end = noon + 4 * MS_PER_DAY;
    tiny_rows(&w, r, 1, rows);
    return r;
}

static void a_spread_campaign_fills_its_windows_evenly(void **state)
{
    const struct schedule *s = &w.schedules[0];

    (void)state;
    for (size_t rows = 1; rows <= 300; rows = rows * 3 + 1) {
        tiny_start(&w, noon, 1, (struct engine_channel){0});
        tiny_add(&w, spread(rows));
        duration_t total = schedule_open_for(s, noon, s->end);
        tiny_run(&w, INSTANT_NEVER);
        assert_int_equal(w.sent_count, rows);
        assert_int_equal(w.expired, 0);
        assert_int_equal(total, 12 * MS_PER_HOUR); /* Friday 4, Monday 6, Tuesday 2 */
        for (size_t i = 0; i < rows; i++) {
            instant_t before = i ? w.sent[i - 1].at : noon;
            duration_t gap = schedule_open_for(s, before, w.sent[i].at);
            duration_t share = total / (duration_t)(rows + 1);
            assert_int_equal(schedule_opens(s, w.sent[i].at), w.sent[i].at);
            assert_true(w.sent[i].at < s->end);
            /* half of what is left at that moment, more or less */
            duration_t left = schedule_open_for(s, before, s->end) / (duration_t)(rows - i + 1);
            assert_in_range(gap, left / 2, left + left / 2 + 1);
            assert_in_range(left, share / 4, share * 4);
        }
        engine_free(w.engine);
    }
}

/* Another campaign of the sender uses the time between; and the spread one is still on time. */
static void a_spread_campaign_holds_nobody_up(void **state)
{
    instant_t alone[20];

    (void)state;
    for (int others = 0; others < 2; others++) {
        tiny_start(&w, noon, 1, (struct engine_channel){0});
        tiny_add(&w, spread(20));
        if (others) {
            struct engine_revision *r = tiny_revision(&w, &utc);
            r->pace = (struct pace){20000, 60000, PACE_UNIFORM};
            tiny_rows(&w, r, 1, 500);
            tiny_add(&w, r);
        }
        tiny_run(&w, INSTANT_NEVER);
        size_t mine = 0;
        instant_t last_other = 0;
        for (size_t i = 0; i < w.sent_count; i++) {
            const struct tiny_sent *x = &w.sent[i];
            if (x->revision == 2)
                last_other = x->at;
            else if (others)
                assert_in_range(x->at - alone[mine++], 0, 1000); /* its floor, at the most */
            else
                alone[mine++] = x->at;
            assert_true(i == 0 || x->at - w.sent[i - 1].at >= 1000);
        }
        assert_int_equal(mine, 20);
        assert_int_equal(w.sent_count, others ? 520 : 20);
        assert_true(!others || last_other < noon + 8 * MS_PER_HOUR); /* 500 x 40 s */
        engine_free(w.engine);
    }
}

/* After a restart it counts from the same last send. */
static void a_restart_moves_no_spread_send(void **state)
{
    instant_t whole[20];

    (void)state;
    for (size_t stop = 0; stop < 20; stop += 3) {
        tiny_start(&w, noon, 1, (struct engine_channel){0});
        tiny_add(&w, spread(20));
        tiny_run(&w, stop ? whole[stop - 1] + 2500 : INSTANT_NEVER);
        if (stop) {
            instant_t last = w.sent[w.sent_count - 1].at;
            engine_free(w.engine);
            w.engine = engine_new();
            engine_add_channel(w.engine, &(struct engine_channel){.id = 1, .in_flight_max = 1});
            engine_add_lane(
                w.engine,
                &(struct engine_lane){
                    .id = 1, .channel = 1, .sender = 1, .last_due = last, .last_answer = last});
            w.lanes[0][0] = (struct engine_revision_lane){
                .lane = 1, .waiting = 20 - w.sent_count, .last_due = last};
            engine_add_revision(w.engine, w.now, &w.revisions[0]);
            tiny_run(&w, INSTANT_NEVER);
        }
        assert_int_equal(w.sent_count, 20);
        for (size_t i = 0; i < 20; i++) {
            if (!stop)
                whole[i] = w.sent[i].at;
            assert_int_equal(w.sent[i].at, whole[i]);
        }
        engine_free(w.engine);
    }
}

/* 3, 5, 7, 8, 8 a day; and so it goes on after a restart on each of the days. */
static void a_sender_is_warmed_up(void **state)
{
    static const size_t upto[] = {3, 8, 15, 23, 31, 39};
    struct engine_limit limit = {.scope = SCOPE_SENDER,
                                 .max = 8,
                                 .period = PERIOD_DAY,
                                 .ramp = {3, 2, PERIOD_DAY},
                                 .text = "8 per day sender, ramp 3+2 per day"};

    (void)state;
    for (int restarts = 0; restarts < 2; restarts++) {
        tiny_start(&w, noon, 1, (struct engine_channel){0});
        struct engine_revision *r = tiny_revision(&w, &utc);
        r->pace = (struct pace){1000, 5000, PACE_UNIFORM};
        r->limits = &limit;
        r->limit_count = 1;
        tiny_rows(&w, r, 1, 39);
        tiny_add(&w, r);
        for (int day = 0; day < 6; day++) {
            tiny_run(&w, noon + day * (instant_t)MS_PER_DAY + 11 * MS_PER_HOUR);
            assert_int_equal(w.sent_count, upto[day]);
            if (!restarts)
                continue;
            instant_t last = w.sent[w.sent_count - 1].at;
            engine_free(w.engine);
            w.engine = engine_new();
            engine_add_channel(w.engine, &(struct engine_channel){.id = 1, .in_flight_max = 1});
            engine_add_lane(w.engine, &(struct engine_lane){.id = 1,
                                                            .channel = 1,
                                                            .sender = 1,
                                                            .last_due = last,
                                                            .last_answer = last,
                                                            .first = w.sent[0].at});
            tiny_add(&w, r);
        }
        engine_free(w.engine);
    }
}

/* A campaign whose own limit is full does not keep another one waiting. */
static void a_full_ramp_holds_its_own_campaign_only(void **state)
{
    struct engine_limit limits[] = {{.scope = SCOPE_SENDER,
                                     .max = 9,
                                     .period = PERIOD_DAY,
                                     .ramp = {4, 3, PERIOD_DAY},
                                     .text = "a"},
                                    {.scope = SCOPE_SENDER,
                                     .max = 9,
                                     .period = PERIOD_DAY,
                                     .ramp = {5, 3, PERIOD_DAY},
                                     .text = "b"}};

    (void)state;
    tiny_start(&w, noon, 1, (struct engine_channel){0});
    for (int i = 0; i < 2; i++) {
        struct engine_revision *r = tiny_revision(&w, &utc);
        r->pace = (struct pace){20, 40, PACE_UNIFORM};
        r->limits = &limits[i];
        r->limit_count = 1;
        tiny_rows(&w, r, 1, 20);
        tiny_add(&w, r);
        tiny_run(&w, noon + (i + 1) * 1000);
        assert_int_equal(w.sent_count, 4 + i);
        if (i)
            break;
        instant_t last = w.sent[w.sent_count - 1].at;
        engine_free(w.engine);
        w.engine = engine_new();
        engine_add_channel(w.engine, &(struct engine_channel){.id = 1, .in_flight_max = 1});
        engine_add_lane(w.engine, &(struct engine_lane){.id = 1,
                                                        .channel = 1,
                                                        .sender = 1,
                                                        .last_due = last,
                                                        .last_answer = last,
                                                        .first = w.sent[0].at});
        tiny_add(&w, r);
        tiny_run(&w, noon + 1500);
        struct engine_hold h; /* until tomorrow, and a random phase: it is the limit that holds */
        assert_true(engine_why(w.engine, w.now, 1, 1, 0, &h));
        assert_int_equal(h.reason, REASON_RATE_LIMIT);
        assert_int_equal(h.not_before, noon + 12 * MS_PER_HOUR);
    }
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

/* The next of the first campaign is due in its next window: meanwhile the other one goes on. */
static void who_is_due_in_the_next_window_holds_nobody(void **state)
{
    static const struct hours morning = {11 * 60, 12 * 60 + 1};
    static const struct window daily = {
        .weekdays = 0x7f, .first_day = 1, .hours = &morning, .hours_count = 1};

    (void)state;
    tiny_start(&w, noon, 1, (struct engine_channel){0});
    for (int i = 0; i < 2; i++) {
        struct engine_revision *r = tiny_revision(&w, &utc);
        r->pace = (struct pace){40000, 50000, PACE_UNIFORM};
        tiny_rows(&w, r, 1, 10);
        if (i == 0) {
            w.schedules[0].windows = &daily;
            w.schedules[0].window_count = 1;
        }
        tiny_add(&w, r);
    }
    tiny_run(&w, noon + MS_PER_HOUR);
    assert_in_range(w.sent_count, 10, 12);
    tiny_run(&w, noon + MS_PER_DAY + MS_PER_HOUR);
    assert_int_equal(w.sent_count, 20);
    engine_free(w.engine);
}

/* All lanes are full for the day, and the next one begins for all of them at the same instant: they
 * start at random phases, as when a window opens. */
static void a_new_day_of_a_limit_is_no_burst(void **state)
{
    const instant_t midnight = noon + 12 * MS_PER_HOUR;
    struct engine_limit daily = {
        .scope = SCOPE_SENDER, .max = 1, .period = PERIOD_DAY, .text = "1 per day sender"};

    (void)state;
    tiny_start(&w, noon, 4, (struct engine_channel){0});
    struct engine_revision *r = tiny_revision(&w, &utc);
    r->pace = (struct pace){600000, 3600000, PACE_UNIFORM};
    r->limits = &daily;
    r->limit_count = 1;
    for (int64_t lane = 1; lane <= 4; lane++)
        tiny_rows(&w, r, lane, 2);
    tiny_add(&w, r);
    tiny_run(&w, INSTANT_NEVER);
    assert_int_equal(w.sent_count, 8);
    for (size_t i = 4; i < 8; i++) {
        assert_in_range(w.sent[i].at, midnight + 1, midnight + 3600000);
        assert_true(i == 4 || w.sent[i].at > w.sent[i - 1].at + 1000);
    }
    engine_free(w.engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(priority_then_the_earlier_end_then_in_turn),
        cmocka_unit_test(who_is_not_held_goes_whatever_the_priority),
        cmocka_unit_test(a_spread_campaign_fills_its_windows_evenly),
        cmocka_unit_test(a_spread_campaign_holds_nobody_up),
        cmocka_unit_test(a_restart_moves_no_spread_send),
        cmocka_unit_test(a_sender_is_warmed_up),
        cmocka_unit_test(no_send_in_minute_00_or_30_where_the_platform_asks),
        cmocka_unit_test(a_window_that_opens_at_the_hour_starts_in_its_second_minute),
        cmocka_unit_test(who_is_due_in_the_next_window_holds_nobody),
        cmocka_unit_test(a_new_day_of_a_limit_is_no_burst),
        cmocka_unit_test(a_full_ramp_holds_its_own_campaign_only),
    };

    tz_utc(&utc);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
