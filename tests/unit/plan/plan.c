/* The plan: what becomes of each row, what binds, and that it runs in pieces alike. */
#include "check.h"

#include "plan/plan.h"

#include <stdlib.h>

static struct tz utc;
static const struct hours morning = {9 * 60, 12 * 60};
static const struct window mornings = {
    .weekdays = 0x7f, .first_day = 1, .last_day = 0, .hours = &morning, .hours_count = 1};
static const instant_t monday = 20000 * (instant_t)MS_PER_DAY; /* midnight */

static struct schedule schedule_of(instant_t end)
{
    tz_utc(&utc);
    return (struct schedule){.zone = &utc,
                             .start = monday + 9 * MS_PER_HOUR,
                             .end = end,
                             .windows = &mornings,
                             .window_count = 1};
}

static struct plan_setup setup_of(const struct schedule *s, struct pace pace)
{
    return (struct plan_setup){.channel = {.in_flight_max = 4},
                               .terms = {.seed = 7, .schedule = s, .pace = pace},
                               .from = monday,
                               .sender_count = 2};
}

static struct plan *rows_of(const struct plan_setup *setup, size_t rows)
{
    struct plan *p = plan_new(setup);

    for (size_t i = 0; i < rows; i++)
        plan_add(p, i % 2, 0, i == 3 ? REASON_DUPLICATE : REASON_NONE, 0);
    return p;
}

static void run(struct plan *p)
{
    while (plan_run(p, SIZE_MAX))
        ;
}

static void every_row_has_its_place(void **state)
{
    struct schedule s = schedule_of(INSTANT_NEVER);
    struct plan_setup setup = setup_of(&s, (struct pace){.floor = 60000, .ceiling = 120000});
    struct plan *p = rows_of(&setup, 21);

    (void)state;
    run(p);
    const struct plan_sum *sum = plan_sum(p);
    assert_int_equal(sum->recipients, 21);
    assert_int_equal(sum->planned, 20);
    assert_int_equal(sum->skipped[REASON_DUPLICATE], 1);
    assert_int_equal(sum->shortfall, 0);
    assert_false(sum->endless);
    assert_null(sum->taps);
    assert_int_equal(plan_row(p, 4).state, PLAN_SKIPPED);
    assert_int_equal(plan_row(p, 4).due_at, INSTANT_MIN);
    for (uint64_t row = 3; row <= 21; row += 2) { /* of one sender: a gap apart */
        instant_t gap = plan_row(p, row).due_at - plan_row(p, row - 2).due_at;
        assert_in_range(gap, 60000, 120000);
    }
    const uint32_t *order = plan_order(p);
    for (size_t i = 1; i < 20; i++) {
        instant_t a = plan_row(p, order[i - 1]).due_at, b = plan_row(p, order[i]).due_at;
        assert_true(a < b || (a == b && order[i - 1] < order[i]));
    }
    assert_int_equal(order[20], 4); /* who never goes comes last */
    assert_int_equal(sum->first, plan_row(p, order[0]).due_at);
    assert_int_equal(sum->last, plan_row(p, order[19]).due_at);
    assert_int_equal(sum->binding[0].gate, GATE_GAP);
    /* that it begins at nine binds nothing */
    assert_true(sum->binding[0].holds > 0 && sum->binding[0].holds <= sum->last - s.start);
    plan_free(p);
}

static void running_it_in_pieces_changes_nothing(void **state)
{
    struct schedule s = schedule_of(INSTANT_NEVER);
    struct plan_setup setup = setup_of(&s, (struct pace){.floor = 600000, .ceiling = 1200000});
    struct plan *whole = rows_of(&setup, 99), *pieces = rows_of(&setup, 99);
    unsigned count = 0;

    (void)state;
    run(whole);
    while (plan_run(pieces, 5))
        count++;
    assert_true(count > 20);
    for (uint64_t row = 1; row <= 99; row++)
        assert_int_equal(plan_row(whole, row).due_at, plan_row(pieces, row).due_at);
    plan_free(whole);
    plan_free(pieces);
}

static void another_seed_is_another_plan(void **state)
{
    struct schedule s = schedule_of(INSTANT_NEVER);
    struct plan_setup setup = setup_of(&s, (struct pace){.floor = 60000, .ceiling = 120000});
    struct plan *a = rows_of(&setup, 9), *b = rows_of(&setup, 9);
    unsigned same = 0;

    (void)state;
    plan_seed(b, 8);
    run(a);
    run(b);
    for (uint64_t row = 1; row <= 9; row++)
        same += plan_row(a, row).due_at == plan_row(b, row).due_at;
    assert_true(same <= 2); /* the skipped one, and hardly another */
    plan_free(a);
    plan_free(b);
}

/* 2 senders x 3 an hour x 3 hours a day: 18 a day; two days are 36. */
static void who_is_not_reached_is_counted_and_the_limit_named(void **state)
{
    static const struct engine_limit limit = {.scope = SCOPE_SENDER,
                                              .max = 3,
                                              .rolling = true,
                                              .span = MS_PER_HOUR,
                                              .text = "3 per 1h sender"};
    struct schedule s = schedule_of(monday + 2 * MS_PER_DAY);
    struct plan_setup setup = setup_of(&s, (struct pace){0});

    (void)state;
    setup.terms.limits = &limit;
    setup.terms.limit_count = 1;
    struct plan *p = rows_of(&setup, 51);
    run(p);
    const struct plan_sum *sum = plan_sum(p);
    assert_int_equal(sum->planned, 36);
    assert_int_equal(sum->shortfall, 14);
    assert_false(sum->endless);
    assert_int_equal(plan_row(p, 51).state, PLAN_EXPIRED);
    assert_int_equal(plan_row(p, 51).reason, REASON_ENDED);
    assert_int_equal(sum->binding_count, 2);
    for (size_t i = 0; i < 2; i++) { /* the night, and the last hour of each day beyond it */
        const struct plan_binding *b = &sum->binding[i];
        if (b->gate == GATE_RATE_LIMIT)
            assert_string_equal(b->limit, "3 per 1h sender");
        else
            assert_int_equal(b->gate, GATE_WINDOW);
        assert_true(b->holds > 0);
    }
    plan_free(p);
}

static void what_holds_for_less_than_a_second_binds_nothing(void **state)
{
    struct schedule s = schedule_of(INSTANT_NEVER);
    struct plan_setup setup = setup_of(&s, (struct pace){.floor = 50, .ceiling = 60});

    (void)state;
    struct plan *p = rows_of(&setup, 9);
    run(p);
    assert_int_equal(plan_sum(p)->planned, 8);
    assert_int_equal(plan_sum(p)->binding_count, 0);
    plan_free(p);
}

static void what_never_opens_ends_the_plan(void **state)
{
    static const struct window none = {.weekdays = 0, .first_day = 1, .last_day = 0};
    struct schedule s = schedule_of(INSTANT_NEVER);
    struct plan_setup setup = setup_of(&s, (struct pace){.floor = 60000, .ceiling = 120000});

    (void)state;
    s.windows = &none;
    struct plan *p = rows_of(&setup, 5);
    run(p);
    assert_int_equal(plan_sum(p)->shortfall, 4);
    assert_true(plan_sum(p)->endless);
    assert_int_equal(plan_sum(p)->first, INSTANT_MIN);
    plan_free(p);
}

static void people_are_asked_once_for_each_batch(void **state)
{
    struct schedule s = schedule_of(INSTANT_NEVER);
    struct plan_setup setup = setup_of(&s, (struct pace){.floor = 60000, .ceiling = 120000});

    (void)state;
    setup.channel.asks = true;
    setup.terms.batch = 10;
    struct plan *p = plan_new(&setup);
    for (size_t i = 0; i < 50; i++)
        plan_add(p, 0, 0, REASON_NONE, i < 25 ? 1 : 2); /* two messages */
    plan_add(p, 1, 0, REASON_NONE, 1);
    run(p);
    assert_int_equal(plan_sum(p)->taps[0], 6);
    assert_int_equal(plan_sum(p)->taps[1], 1);
    assert_int_equal(plan_sum(p)->planned, 51);
    assert_int_equal(plan_row(p, 1).due_at, plan_row(p, 10).due_at);
    plan_free(p);
}

static void nobody_to_write_to_is_a_plan_too(void **state)
{
    struct schedule s = schedule_of(INSTANT_NEVER);
    struct plan_setup setup = setup_of(&s, (struct pace){.floor = 60000, .ceiling = 120000});
    struct plan *p = plan_new(&setup);

    (void)state;
    plan_add(p, 0, 0, REASON_MISSING_VALUE, 0);
    run(p);
    assert_int_equal(plan_sum(p)->recipients, 1);
    assert_int_equal(plan_sum(p)->shortfall, 0);
    plan_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_has_its_place),
        cmocka_unit_test(running_it_in_pieces_changes_nothing),
        cmocka_unit_test(another_seed_is_another_plan),
        cmocka_unit_test(who_is_not_reached_is_counted_and_the_limit_named),
        cmocka_unit_test(what_holds_for_less_than_a_second_binds_nothing),
        cmocka_unit_test(what_never_opens_ends_the_plan),
        cmocka_unit_test(people_are_asked_once_for_each_batch),
        cmocka_unit_test(nobody_to_write_to_is_a_plan_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
