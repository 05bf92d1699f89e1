/* Recipients in zones of their own: parts of a lane, each with the campaign's schedule as it is
 * there. The lane paces and counts them together, and waits for nobody whose zone is closed. */
#include "tiny_world.h"

static struct tz utc;
static struct tiny_world w;

/* Three zones, by shifting the hours: what matters here is that the schedules differ. */
static const struct hours hours[] = {{540, 600}, {600, 660}, {660, 720}}; /* 09, 10, 11 */
static const struct window windows[] = {
    {.weekdays = 0x7f, .first_day = 1, .hours = &hours[0], .hours_count = 1},
    {.weekdays = 0x7f, .first_day = 1, .hours = &hours[1], .hours_count = 1},
    {.weekdays = 0x7f, .first_day = 1, .hours = &hours[2], .hours_count = 1}};

static const instant_t eight = 20000 * (instant_t)MS_PER_DAY + 8 * MS_PER_HOUR;

static struct schedule zones[2];
static const struct engine_limit *limits;

/* Parts 11 and 12 of lane 1; `rows` each on it and on them, those of the last zone first. */
static struct engine_revision *in_three_zones(size_t rows, duration_t end)
{
    struct engine_revision *r = tiny_revision(&w, &utc);
    struct schedule *s = &w.schedules[r->id - 1];

    s->windows = &windows[0];
    s->window_count = 1;
    s->end = eight + end;
    for (int i = 0; i < 2; i++) {
        zones[i] = *s;
        zones[i].windows = &windows[i + 1];
        zones[i].end = s->end + (i + 1) * MS_PER_HOUR;
        engine_add_lane(w.engine, &(struct engine_lane){.id = 11 + i,
                                                        .channel = 1,
                                                        .sender = 1,
                                                        .last_due = INSTANT_MIN,
                                                        .last_answer = INSTANT_MIN,
                                                        .of = 1});
    }
    r->pace = (struct pace){1000, 2000, PACE_UNIFORM};
    w.zones = zones;
    r->limits = limits;
    r->limit_count = limits ? 1 : 0;
    tiny_rows(&w, r, 12, rows);
    tiny_rows(&w, r, 11, rows);
    tiny_rows(&w, r, 1, rows);
    tiny_add(&w, r);
    return r;
}

/* 500 rows of a zone that is closed stand before those whose zone is open. */
static void a_closed_zone_blocks_nobody(void **state)
{
    const instant_t opens[] = {eight + MS_PER_HOUR, eight + 2 * MS_PER_HOUR,
                               eight + 3 * MS_PER_HOUR};

    (void)state;
    tiny_start(&w, eight, 1, (struct engine_channel){0});
    in_three_zones(500, 20 * MS_PER_DAY);
    tiny_run(&w, eight + 5 * MS_PER_HOUR);
    assert_int_equal(w.sent_count, 1500);
    for (size_t i = 0; i < 1500; i++) {
        size_t zone = w.sent[i].lane == 1 ? 0 : (size_t)w.sent[i].lane - 10;
        assert_in_range(w.sent[i].at, opens[zone], opens[zone] + MS_PER_HOUR - 1);
        assert_true(i == 0 || w.sent[i].at - w.sent[i - 1].at >= 1000); /* one lane */
        assert_int_equal(zone, i / 500);
    }
    engine_free(w.engine);
}

/* A limit on the sender counts all of them. */
static void a_limit_of_the_lane_counts_its_parts(void **state)
{
    struct engine_limit limit = {.scope = SCOPE_SENDER,
                                 .max = 7,
                                 .rolling = true,
                                 .span = MS_PER_DAY,
                                 .text = "7 per 1d sender"};

    (void)state;
    tiny_start(&w, eight, 1, (struct engine_channel){0});
    limits = &limit;
    in_three_zones(5, 20 * MS_PER_DAY);
    limits = NULL;
    tiny_run(&w, eight + 5 * MS_PER_HOUR);
    assert_int_equal(w.sent_count, 7);
    tiny_run(&w, INSTANT_NEVER);
    assert_int_equal(w.sent_count, 15);
    for (size_t i = 7; i < 15; i++)
        assert_true(w.sent[i].at - w.sent[i - 7].at >= MS_PER_DAY);
    engine_free(w.engine);
}

/* The end is local too: what waits in a zone expires there, the others go on. */
static void each_zone_ends_at_its_own_time(void **state)
{
    (void)state;
    tiny_start(&w, eight, 1, (struct engine_channel){0});
    in_three_zones(2000 / 3, MS_PER_HOUR + 5 * MS_PER_MINUTE);
    tiny_run(&w, eight + MS_PER_HOUR + 6 * MS_PER_MINUTE);
    uint64_t gone = w.sent_count + w.expired;
    assert_int_equal(gone, 2000 / 3); /* one zone is through: sent or expired */
    assert_in_range(w.sent_count, 100, 300);
    assert_true(engine_has_revision(w.engine, 1));
    tiny_run(&w, INSTANT_NEVER);
    assert_int_equal(w.sent_count + w.expired, 3 * (2000 / 3));
    assert_false(engine_has_revision(w.engine, 1));
    for (size_t i = 0; i < w.sent_count; i++) {
        int64_t lane = w.sent[i].lane;
        const struct schedule *s = lane == 1 ? &w.schedules[0] : &zones[lane - 11];
        assert_true(w.sent[i].at < s->end && schedule_opens(s, w.sent[i].at) == w.sent[i].at);
    }
    engine_free(w.engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_closed_zone_blocks_nobody),
        cmocka_unit_test(a_limit_of_the_lane_counts_its_parts),
        cmocka_unit_test(each_zone_ends_at_its_own_time),
    };

    tz_utc(&utc);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
