/* Several deliveries in one send: who goes together, and what limits count. */
#include "tiny_world.h"

static struct tz utc;
static struct tiny_world w;

static const instant_t noon = 20000 * (instant_t)MS_PER_DAY + 12 * MS_PER_HOUR;

static struct engine_revision *batched(uint32_t batch, size_t rows, size_t messages,
                                       const struct engine_limit *limit)
{
    struct engine_revision *r = tiny_revision(&w, &utc);
    size_t first = w.row_count;

    r->pace = (struct pace){1000, 2000, PACE_UNIFORM};
    r->batch = batch;
    r->limits = limit;
    r->limit_count = limit ? 1 : 0;
    tiny_rows(&w, r, 1, rows);
    for (size_t i = first; i < w.row_count; i++)
        w.rows[i].key = (int64_t)(i % messages) + 1;
    return r;
}

/* How many deliveries each send carried, from the first on. */
static size_t sizes(size_t out[], size_t most)
{
    size_t count = 0;

    for (size_t i = 0; i < w.sent_count; i++) {
        if (i && w.sent[i].send == w.sent[i - 1].send) {
            out[count - 1]++;
            continue;
        }
        assert_true(count < most);
        out[count++] = 1;
    }
    return count;
}

static void a_batch_is_cut_to_the_room_left(void **state)
{
    struct engine_limit limit = {.scope = SCOPE_SENDER,
                                 .max = 12,
                                 .rolling = true,
                                 .span = MS_PER_HOUR,
                                 .text = "12 per 1h sender"};
    static const size_t expected[] = {10, 2, 10, 2, 1};
    size_t found[TINY_ROWS];

    (void)state;
    tiny_start(&w, noon, 1, (struct engine_channel){0});
    tiny_add(&w, batched(10, 25, 1, &limit));
    tiny_run(&w, INSTANT_NEVER);
    assert_int_equal(sizes(found, TINY_ROWS), 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(found[i], expected[i]);
    engine_free(w.engine);
}

/* However the messages are mixed: as many sends as `check` has counted, and none lost. */
static void equal_messages_go_together_wherever_they_are(void **state)
{
    static const size_t rows[] = {1, 49, 350, 1000, 3000}, messages[] = {1, 3, 7, 100, 1000};
    size_t found[TINY_ROWS];

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        for (size_t k = 0; k < 5; k++) {
            size_t expected = 0;
            tiny_start(&w, noon, 1, (struct engine_channel){0});
            tiny_add(&w, batched(50, rows[i], messages[k], NULL));
            tiny_run(&w, INSTANT_NEVER);
            assert_int_equal(w.sent_count, rows[i]);
            for (size_t m = 0; m < messages[k]; m++)
                expected += (rows[i] / messages[k] + (m < rows[i] % messages[k]) + 49) / 50;
            assert_int_equal(sizes(found, TINY_ROWS), expected);
            for (size_t n = 1; n < w.sent_count; n++) {
                if (w.sent[n].send == w.sent[n - 1].send)
                    assert_int_equal(w.rows[w.sent[n].delivery - 1].key,
                                     w.rows[w.sent[n - 1].delivery - 1].key);
            }
            engine_free(w.engine);
        }
    }
}

/* Each recipient has its even share of the time. */
static void batches_are_spread_too(void **state)
{
    size_t found[TINY_ROWS];

    (void)state;
    tiny_start(&w, noon, 1, (struct engine_channel){0});
    struct engine_revision *r = batched(50, 950, 1, NULL);
    r->pace.distribution = PACE_SPREAD;
    w.schedules[0].end = noon + 20 * MS_PER_HOUR;
    tiny_add(&w, r);
    tiny_run(&w, INSTANT_NEVER);
    assert_int_equal(sizes(found, TINY_ROWS), 19);
    for (size_t i = 50; i < 950; i += 50)
        assert_in_range(w.sent[i].at - w.sent[i - 50].at, MS_PER_HOUR / 4, 3 * MS_PER_HOUR);
    assert_in_range(w.sent[949].at, noon + 16 * MS_PER_HOUR, noon + 20 * MS_PER_HOUR - 1);
    engine_free(w.engine);
}

/* Two calls an hour, ten recipients each; across a restart after each of them. */
static void sends_are_counted_once_whatever_they_carry(void **state)
{
    struct engine_limit limit = {.scope = SCOPE_SENDER,
                                 .max = 2,
                                 .rolling = true,
                                 .span = MS_PER_HOUR,
                                 .sends = true,
                                 .text = "2 sends per 1h sender"};
    size_t found[TINY_ROWS];

    (void)state;
    for (int restarts = 0; restarts < 2; restarts++) {
        tiny_start(&w, noon, 1, (struct engine_channel){0});
        struct engine_revision *r = batched(10, 60, 1, &limit);
        tiny_add(&w, r);
        for (size_t sent = 0; restarts && sent < 60; sent = w.sent_count) {
            while (w.sent_count == sent)
                tiny_run(&w, w.now + 500);
            instant_t last = w.sent[w.sent_count - 1].at;
            engine_free(w.engine);
            w.engine = engine_new();
            engine_add_channel(w.engine, &(struct engine_channel){.id = 1, .in_flight_max = 1});
            engine_add_lane(
                w.engine,
                &(struct engine_lane){
                    .id = 1, .channel = 1, .sender = 1, .last_due = last, .last_answer = last});
            tiny_add(&w, r);
        }
        tiny_run(&w, INSTANT_NEVER);
        assert_int_equal(sizes(found, TINY_ROWS), 6);
        for (size_t i = 0; i < 6; i++)
            assert_int_equal(found[i], 10);
        for (size_t i = 20; i < 60; i++)
            assert_true(w.sent[i].at - w.sent[i - 20].at >= MS_PER_HOUR);
        assert_true(w.sent[59].at - w.sent[0].at < 2 * MS_PER_HOUR + 10000);
        engine_free(w.engine);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_cut_to_the_room_left),
        cmocka_unit_test(equal_messages_go_together_wherever_they_are),
        cmocka_unit_test(batches_are_spread_too),
        cmocka_unit_test(sends_are_counted_once_whatever_they_carry),
    };

    tz_utc(&utc);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
