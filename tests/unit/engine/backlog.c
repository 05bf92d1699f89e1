/* What has piled up: behind a window, a halt, a service that was down; and what a recipient may get
 * from all campaigns together. */
#include "tiny_world.h"

static struct tz utc;
static struct tiny_world w;

static const struct hours morning_hours = {600, 720};
static const struct window morning = {
    .weekdays = 0x7f, .first_day = 1, .hours = &morning_hours, .hours_count = 1};
static const instant_t nine = 20000 * (instant_t)MS_PER_DAY + 9 * MS_PER_HOUR;
static const instant_t ten = 20000 * (instant_t)MS_PER_DAY + 10 * MS_PER_HOUR;

/* 60 senders wait for the same window: each starts somewhere in its first interval. */
static void nothing_bursts_when_a_window_opens(void **state)
{
    enum { LANES = 60, PARTS = 6 };
    unsigned in_part[PARTS] = {0};

    (void)state;
    tiny_start(&w, nine, LANES, (struct engine_channel){0});
    struct engine_revision *r = tiny_revision(&w, &utc);
    r->pace = (struct pace){30000, 60000, PACE_UNIFORM};
    w.schedules[0].windows = &morning;
    w.schedules[0].window_count = 1;
    for (int64_t l = 1; l <= LANES; l++)
        tiny_rows(&w, r, l, 2);
    tiny_add(&w, r);
    tiny_run(&w, ten + 60000);
    assert_in_range(w.sent_count, LANES, LANES * 2);
    bool first[LANES + 1] = {false};
    for (size_t i = 0; i < w.sent_count; i++) {
        assert_true(i == 0 || w.sent[i].at > w.sent[i - 1].at); /* no two at once */
        if (first[w.sent[i].lane])
            continue;
        first[w.sent[i].lane] = true;
        assert_in_range(w.sent[i].at, ten, ten + 60000);
        in_part[(w.sent[i].at - ten) * PARTS / 60001]++;
    }
    for (int i = 0; i < PARTS; i++) /* 10 each on average, deviation 2.9 */
        assert_in_range(in_part[i], 2, 20);
    engine_free(w.engine);
}

enum held { BY_WINDOW, BY_HALT, BY_PAUSE, BY_DOWN, HELD };

/* Two campaigns on a lane, the later end first in the list; then nothing for three hours. */
static void pile_up(enum held held)
{
    tiny_start(&w, held == BY_WINDOW ? ten - 3 * MS_PER_HOUR : nine, 1, (struct engine_channel){0});
    for (int i = 0; i < 2; i++) {
        struct engine_revision *r = tiny_revision(&w, &utc);
        r->pace = (struct pace){10000, 20000, PACE_UNIFORM};
        w.schedules[i].end = ten + (i ? MS_PER_DAY : 5 * MS_PER_DAY);
        if (held == BY_WINDOW) {
            w.schedules[i].windows = &morning;
            w.schedules[i].window_count = 1;
        }
        tiny_rows(&w, r, 1, 30);
        if (held == BY_HALT)
            engine_halt(w.engine);
        r->paused = held == BY_PAUSE;
        tiny_add(&w, r);
    }
}

static void let_go(enum held held, instant_t now)
{
    if (held == BY_HALT)
        engine_unhalt(w.engine, now);
    for (int64_t id = 1; id <= 2 && held == BY_PAUSE; id++)
        engine_resume(w.engine, now, id);
}

static void a_backlog_comes_back_at_the_paced_rate_in_order_of_deadline(void **state)
{
    (void)state;
    for (enum held held = BY_WINDOW; held < HELD; held++) {
        instant_t from = held == BY_WINDOW ? ten : nine + 3 * MS_PER_HOUR;
        pile_up(held);
        if (held != BY_DOWN)
            tiny_run(&w, from);
        w.now = from; /* nobody looked meanwhile */
        assert_int_equal(w.sent_count, 0);
        let_go(held, from);
        tiny_run(&w, from + MS_PER_HOUR);
        assert_int_equal(w.sent_count, 60);
        assert_in_range(w.sent[0].at, from, from + 20000);
        for (size_t i = 0; i < 60; i++) {
            assert_int_equal(w.sent[i].revision, i < 30 ? 2 : 1); /* the earlier end first */
            if (i)
                assert_in_range(w.sent[i].at - w.sent[i - 1].at, 10000, 20000);
        }
        engine_free(w.engine);
    }
}

/* One a week to each recipient, whichever campaign and channel it comes from. */
static const struct engine_limit weekly[] = {{.scope = SCOPE_RECIPIENT,
                                              .max = 1,
                                              .rolling = true,
                                              .span = 7 * (duration_t)MS_PER_DAY,
                                              .text = "1 per 7d recipient"},
                                             {.scope = SCOPE_RECIPIENT,
                                              .max = 1,
                                              .rolling = true,
                                              .span = 7 * (duration_t)MS_PER_DAY,
                                              .drop = true,
                                              .text = "1 per 7d recipient"}};

static void engine_anew(void)
{
    engine_free(w.engine);
    w.engine = engine_new();
    for (int64_t c = 1; c <= 2; c++) {
        engine_add_channel(w.engine,
                           &(struct engine_channel){.id = c, .account = c, .in_flight_max = 1});
        engine_add_lane(w.engine, &(struct engine_lane){.id = c,
                                                        .channel = c,
                                                        .sender = c,
                                                        .last_due = INSTANT_MIN,
                                                        .last_answer = INSTANT_MIN});
    }
}

/* Campaign 1, without any limit, writes to recipients 1 to 5 on channel 1; campaign 2 to 3 to 9 on
 * channel 2, a day later. */
static void two_campaigns(const struct engine_limit *limit, bool restart)
{
    tiny_start(&w, nine, 0, (struct engine_channel){0});
    engine_anew();
    struct engine_revision *r = tiny_revision(&w, &utc);
    r->pace = (struct pace){1000, 2000, PACE_UNIFORM};
    tiny_rows(&w, r, 1, 5);
    tiny_add(&w, r);
    tiny_run(&w, nine + MS_PER_DAY);
    assert_int_equal(w.sent_count, 5);
    if (restart)
        engine_anew();
    r = tiny_revision(&w, &utc);
    r->channel = 2;
    r->pace = (struct pace){1000, 2000, PACE_UNIFORM};
    r->limits = limit;
    r->limit_count = 1;
    tiny_rows(&w, r, 2, 7);
    for (size_t i = 5; i < 12; i++)
        w.rows[i].recipient = (int64_t)i - 2;
    tiny_add(&w, r);
}

static void a_frequency_cap_counts_other_campaigns_and_channels(void **state)
{
    (void)state;
    for (int restart = 0; restart < 2; restart++) {
        two_campaigns(&weekly[1], restart);
        tiny_run(&w, INSTANT_NEVER);
        assert_int_equal(w.sent_count, 5 + 4); /* 3, 4, 5 are dropped */
        for (size_t i = 5; i < 9; i++)
            assert_in_range(w.sent[i].recipient, 6, 9);
        assert_false(engine_has_revision(w.engine, 2));
        engine_free(w.engine);

        two_campaigns(&weekly[0], restart);
        tiny_run(&w, nine + 2 * MS_PER_DAY);
        assert_int_equal(w.sent_count, 5 + 4); /* 3, 4, 5 wait, and hold nobody up */
        tiny_run(&w, INSTANT_NEVER);
        assert_int_equal(w.sent_count, 5 + 7);
        for (size_t i = 9; i < 12; i++) {
            size_t first = 0;
            while (w.sent[first].recipient != w.sent[i].recipient)
                first++;
            assert_true(w.sent[i].at - w.sent[first].at >= weekly[0].span);
            assert_true(w.sent[i].at - w.sent[first].at < weekly[0].span + 10000);
        }
        engine_free(w.engine);
    }
}

/* More than are ever fetched at once are dropped: who comes behind them has their turn. */
static void whoever_is_behind_many_who_are_dropped_goes(void **state)
{
    enum { MANY = 500, MORE = 10 };

    (void)state;
    tiny_start(&w, nine, 0, (struct engine_channel){0});
    engine_anew();
    struct engine_revision *r = tiny_revision(&w, &utc);
    tiny_rows(&w, r, 1, MANY);
    tiny_add(&w, r);
    tiny_run(&w, nine + MS_PER_HOUR);
    assert_int_equal(w.sent_count, MANY);
    r = tiny_revision(&w, &utc);
    r->channel = 2;
    r->limits = &weekly[1];
    r->limit_count = 1;
    tiny_rows(&w, r, 2, MANY + MORE);
    for (size_t i = 0; i < MANY; i++)
        w.rows[MANY + i].recipient = (int64_t)i + 1;
    tiny_add(&w, r);
    tiny_run(&w, INSTANT_NEVER);
    assert_int_equal(w.sent_count, MANY + MORE);
    assert_false(engine_has_revision(w.engine, 2));
    engine_free(w.engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_bursts_when_a_window_opens),
        cmocka_unit_test(a_backlog_comes_back_at_the_paced_rate_in_order_of_deadline),
        cmocka_unit_test(a_frequency_cap_counts_other_campaigns_and_channels),
        cmocka_unit_test(whoever_is_behind_many_who_are_dropped_goes),
    };

    tz_utc(&utc);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
