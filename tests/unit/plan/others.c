/* The plan beside others: one lane, one clock, the same limits; nobody is written to twice. */
#include "check.h"

#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

enum { CHANNEL = 3, LANE = 5, SENDER = 9, OTHER = 40, OTHER_CAMPAIGN = 41, WAITING_MAX = 300 };

static struct tz utc;
static const instant_t monday = 20000 * (instant_t)MS_PER_DAY; /* midnight */
static const struct engine_channel channel = {.id = CHANNEL, .account = 1, .in_flight_max = 4};
static const size_t sender_lanes[] = {0};
static const struct engine_revision_lane other_lane = {.lane = LANE};
static const struct engine_limit weekly = {.scope = SCOPE_RECIPIENT,
                                           .max = 1,
                                           .rolling = true,
                                           .span = 7 * MS_PER_DAY,
                                           .drop = true,
                                           .text = "1 per 7d recipient"};

struct world { /* one other campaign on the only lane */
    struct schedule schedule, other_schedule;
    struct engine_lane lane;
    struct engine_revision other;
    struct plan_waiting waiting[WAITING_MAX];
    size_t count;
    struct engine_send past[8];
    size_t past_count;
    int fails;
    instant_t asked_since;
    unsigned fetched;
    struct plan_others others;
    struct plan_setup setup;
};

static int fetch(void *ctx, const struct effect *f, struct plan_waiting *out, size_t *count)
{
    struct world *w = ctx;

    assert_int_equal(f->revision, OTHER);
    assert_int_equal(f->lane, LANE);
    w->fetched++;
    for (size_t i = 0; i < w->count && *count < f->cap; i++)
        if (w->waiting[i].w.delivery > f->after && (!f->key || w->waiting[i].w.key == f->key))
            out[(*count)++] = w->waiting[i];
    return w->fails;
}

static int history(void *ctx, instant_t since, void (*each)(void *, const struct engine_send *),
                   void *arg)
{
    struct world *w = ctx;

    w->asked_since = since;
    for (size_t i = 0; i < w->past_count; i++)
        if (w->past[i].answered_at >= since)
            each(arg, &w->past[i]);
    return 0;
}

/* The other one has `count` waiting, recipients 100, 101, ...; both have gaps of a minute. */
static void world_of(struct world *w, size_t count)
{
    static const struct pace minute = {.floor = 60000, .ceiling = 60000};

    tz_utc(&utc);
    memset(w, 0, sizeof *w);
    w->schedule = (struct schedule){.zone = &utc, .start = INSTANT_MIN, .end = INSTANT_NEVER};
    w->other_schedule = w->schedule;
    w->lane = (struct engine_lane){.id = LANE,
                                   .channel = CHANNEL,
                                   .sender = SENDER,
                                   .last_due = monday - 30000,
                                   .last_answer = monday - 30000};
    w->other = (struct engine_revision){.id = OTHER,
                                        .campaign = OTHER_CAMPAIGN,
                                        .channel = CHANNEL,
                                        .seed = 3,
                                        .schedule = &w->other_schedule,
                                        .pace = minute,
                                        .lanes = &other_lane,
                                        .lane_count = 1};
    for (size_t i = 0; i < count; i++)
        w->waiting[i].w = (struct engine_waiting){
            .delivery = 1000 + (int64_t)i, .row = i + 1, .recipient = 100 + (int64_t)i};
    w->count = count;
    w->others = (struct plan_others){.at = monday,
                                     .channels = &channel,
                                     .channel_count = 1,
                                     .lanes = &w->lane,
                                     .lane_count = 1,
                                     .revisions = &w->other,
                                     .revision_count = 1,
                                     .channel = CHANNEL,
                                     .sender_lanes = sender_lanes,
                                     .sender_count = 1,
                                     .ctx = w,
                                     .fetch = fetch,
                                     .history = history};
    w->setup = (struct plan_setup){.channel = {.in_flight_max = 4},
                                   .terms = {.seed = 7, .schedule = &w->schedule, .pace = minute},
                                   .from = monday,
                                   .sender_count = 1};
}

/* `rows` own recipients, whom the others know as 100, 101, ... */
static struct plan *planned(struct world *w, size_t rows)
{
    struct plan *p = plan_new(&w->setup);

    for (size_t i = 0; i < rows; i++) {
        plan_add(p, 0, 0, REASON_NONE, 0);
        plan_recipient(p, 100 + (int64_t)i);
    }
    plan_beside(p, &w->others, 0);
    return p;
}

static const struct plan_sum *run(struct plan *p)
{
    while (plan_run(p, 7)) /* in pieces, as the service does */
        ;
    return plan_sum(p);
}

static instant_t due(const struct plan *p, uint64_t row)
{
    return plan_row(p, row).due_at;
}

static void they_take_turns_on_the_lane(void **state)
{
    struct world w;

    (void)state;
    world_of(&w, 3);
    struct plan *p = planned(&w, 5);
    const struct plan_sum *sum = run(p);
    assert_int_equal(sum->planned, 5);
    /* the lane's last was due 30 s ago: other, own, other, own, other, own, own, own */
    static const int minutes[] = {1, 3, 5, 6, 7};
    for (uint64_t row = 1; row <= 5; row++)
        assert_int_equal(due(p, row), monday + 30000 + minutes[row - 1] * 60000);
    plan_free(p);
}

static void the_higher_priority_goes_first(void **state)
{
    struct world w;

    (void)state;
    world_of(&w, 3);
    w.other.priority = PRIORITY_HIGH;
    struct plan *p = planned(&w, 2);
    run(p);
    assert_int_equal(due(p, 1), monday + 30000 + 3 * 60000);
    plan_free(p);
    world_of(&w, 3);
    w.other.paused = true;
    p = planned(&w, 2);
    run(p);
    assert_int_equal(due(p, 1), monday + 30000); /* a paused one is in nobody's way */
    plan_free(p);
}

static void feasible_alone_is_not_feasible_beside(void **state)
{
    struct world w;

    (void)state;
    for (int beside = 0; beside <= 1; beside++) {
        world_of(&w, beside ? 10 : 0);
        w.schedule.end = monday + 10 * 60000;
        w.other.priority = PRIORITY_HIGH;
        struct plan *p = planned(&w, 8);
        const struct plan_sum *sum = run(p);
        assert_int_equal(sum->shortfall, beside ? 8 : 0);
        if (beside) {
            assert_true(sum->binding[0].others);
            assert_true(sum->binding[0].holds >= 9 * 60000);
        }
        plan_free(p);
    }
}

static void a_cap_that_others_use_up_drops(void **state)
{
    struct world w;

    (void)state;
    world_of(&w, 2); /* they write to 100 and 101 first */
    w.other.priority = PRIORITY_HIGH;
    w.setup.terms.limits = &weekly;
    w.setup.terms.limit_count = 1;
    struct plan *p = planned(&w, 4);
    const struct plan_sum *sum = run(p);
    assert_int_equal(sum->planned, 2);
    assert_int_equal(sum->skipped[REASON_FREQUENCY_CAP], 2);
    assert_int_equal(plan_row(p, 1).state, PLAN_SKIPPED);
    assert_int_equal(plan_row(p, 3).state, PLAN_PLANNED);
    plan_free(p);
}

static void what_was_sent_before_counts(void **state)
{
    static const struct engine_limit hourly = {.scope = SCOPE_SENDER,
                                               .max = 2,
                                               .rolling = true,
                                               .span = MS_PER_HOUR,
                                               .text = "2 per 1h sender"};
    struct world w;

    (void)state;
    world_of(&w, 0);
    w.setup.terms.limits = &hourly;
    w.setup.terms.limit_count = 1;
    for (size_t i = 0; i < 2; i++)
        w.past[w.past_count++] = (struct engine_send){.delivery = 10 + (int64_t)i,
                                                      .campaign = OTHER_CAMPAIGN,
                                                      .lane = LANE,
                                                      .recipient = 7,
                                                      .claimed_at = monday - 50 * 60000,
                                                      .answered_at = monday - 50 * 60000};
    struct plan *p = planned(&w, 1);
    const struct plan_sum *sum = run(p);
    assert_int_equal(w.asked_since, monday - MS_PER_HOUR);
    assert_int_equal(due(p, 1), monday + 10 * 60000); /* when the first of them is an hour old */
    assert_string_equal(sum->binding[0].limit, "2 per 1h sender");
    plan_free(p);
}

static void what_somebody_else_sent_counts_where_it_does(void **state)
{
    struct engine_limit daily = {.scope = SCOPE_RECIPIENT,
                                 .max = 1,
                                 .period = PERIOD_DAY,
                                 .drop = true,
                                 .text = "1 per day recipient"};
    struct world w;

    (void)state;
    for (int counts = 0; counts <= 1; counts++) {
        world_of(&w, 0);
        daily.others = counts;
        w.setup.terms.limits = &daily;
        w.setup.terms.limit_count = 1;
        w.past[w.past_count++] =
            (struct engine_send){.recipient = 101, .claimed_at = monday, .answered_at = monday};
        struct plan *p = planned(&w, 3);
        assert_int_equal(run(p)->skipped[REASON_FREQUENCY_CAP], counts);
        plan_free(p);
    }
}

static void what_is_asked_now_counts_as_sent_now(void **state)
{
    static const struct engine_waiting open = {.delivery = 900, .row = 1, .recipient = 100};
    static const struct engine_asked asked = {.revision = OTHER,
                                              .lane = LANE,
                                              .send = 900,
                                              .deliveries = &open,
                                              .count = 1,
                                              .claimed_at = monday - 5000};
    struct world w;

    (void)state;
    world_of(&w, 0);
    w.others.asked = &asked;
    w.others.asked_count = 1;
    w.setup.terms.limits = &weekly;
    w.setup.terms.limit_count = 1;
    struct plan *p = planned(&w, 2);
    const struct plan_sum *sum = run(p);
    assert_int_equal(sum->skipped[REASON_FREQUENCY_CAP], 1);
    assert_int_equal(plan_row(p, 1).reason, REASON_FREQUENCY_CAP);
    assert_int_equal(sum->planned, 1);
    plan_free(p);
}

/* Read as asked, and as sent a moment later. */
static void what_was_answered_meanwhile_counts_once(void **state)
{
    static const struct engine_limit two = {.scope = SCOPE_SENDER,
                                            .max = 2,
                                            .rolling = true,
                                            .span = MS_PER_HOUR,
                                            .text = "2 per 1h sender"};
    static const struct engine_waiting open = {.delivery = 900, .row = 1, .recipient = 7};
    static const struct engine_asked asked = {.revision = OTHER,
                                              .lane = LANE,
                                              .send = 900,
                                              .deliveries = &open,
                                              .count = 1,
                                              .claimed_at = monday - 5000};
    struct world w;

    (void)state;
    world_of(&w, 0);
    w.others.asked = &asked;
    w.others.asked_count = 1;
    w.setup.terms.limits = &two;
    w.setup.terms.limit_count = 1;
    w.past[w.past_count++] = (struct engine_send){.delivery = 900,
                                                  .campaign = OTHER_CAMPAIGN,
                                                  .lane = LANE,
                                                  .recipient = 7,
                                                  .claimed_at = monday - 5000,
                                                  .answered_at = monday - 1000,
                                                  .send = 900};
    struct plan *p = planned(&w, 2);
    run(p);
    assert_true(due(p, 1) < monday + MS_PER_HOUR / 2);
    assert_true(due(p, 2) >= monday + MS_PER_HOUR);
    plan_free(p);
}

static void who_was_handled_is_left_out(void **state)
{
    static const int64_t handled[] = {99, 101, 103};
    struct world w;

    (void)state;
    world_of(&w, 0);
    struct plan *p = planned(&w, 3);
    plan_handled(p, handled, 3);
    const struct plan_sum *sum = run(p);
    assert_int_equal(sum->planned, 2);
    assert_int_equal(sum->skipped[REASON_ALREADY_HANDLED], 1);
    assert_int_equal(plan_row(p, 2).reason, REASON_ALREADY_HANDLED);
    plan_free(p);
}

/* More than one fetch, and messages far apart: what was gathered is met again later. */
static void a_batch_of_theirs_goes_once(void **state)
{
    static const struct engine_limit daily = {.scope = SCOPE_SENDER,
                                              .max = WAITING_MAX + 4,
                                              .period = PERIOD_DAY,
                                              .text = "304 per day sender"};
    struct world w;

    (void)state;
    world_of(&w, WAITING_MAX);
    for (size_t i = 0; i < WAITING_MAX; i++)
        w.waiting[i].w.key = 1 + (int64_t)i % 5;
    w.other.batch = 50;
    w.other.priority = PRIORITY_HIGH;
    w.setup.terms.limits = &daily;
    w.setup.terms.limit_count = 1;
    struct plan *p = planned(&w, 6);
    run(p);
    assert_true(due(p, 1) >= monday + 30000 + 6 * 60000); /* six of theirs before it */
    assert_true(due(p, 4) < monday + MS_PER_DAY);
    assert_true(due(p, 5) >= monday + MS_PER_DAY);
    plan_free(p);
}

static void approved_later_it_begins_later(void **state)
{
    struct world w;

    (void)state;
    world_of(&w, 3);
    w.setup.from = monday + MS_PER_HOUR;
    w.setup.terms.limits = &weekly; /* and counts what went meanwhile */
    w.setup.terms.limit_count = 1;
    struct plan *p = planned(&w, 5);
    const struct plan_sum *sum = run(p);
    assert_int_equal(sum->skipped[REASON_FREQUENCY_CAP], 3);
    assert_true(due(p, 4) >= monday + MS_PER_HOUR);
    plan_free(p);
}

static void what_cannot_be_asked_is_no_plan(void **state)
{
    struct world w;

    (void)state;
    world_of(&w, 3);
    w.fails = -1;
    struct plan *p = planned(&w, 5);
    run(p);
    assert_true(plan_failed(p));
    plan_free(p);
}

static void nobody_to_write_to_asks_nobody(void **state)
{
    struct world w;

    (void)state;
    world_of(&w, 3);
    struct plan *p = planned(&w, 0);
    assert_int_equal(run(p)->recipients, 0);
    assert_int_equal(w.fetched, 0);
    plan_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_take_turns_on_the_lane),
        cmocka_unit_test(the_higher_priority_goes_first),
        cmocka_unit_test(feasible_alone_is_not_feasible_beside),
        cmocka_unit_test(a_cap_that_others_use_up_drops),
        cmocka_unit_test(what_was_sent_before_counts),
        cmocka_unit_test(what_somebody_else_sent_counts_where_it_does),
        cmocka_unit_test(what_is_asked_now_counts_as_sent_now),
        cmocka_unit_test(what_was_answered_meanwhile_counts_once),
        cmocka_unit_test(who_was_handled_is_left_out),
        cmocka_unit_test(a_batch_of_theirs_goes_once),
        cmocka_unit_test(approved_later_it_begins_later),
        cmocka_unit_test(what_cannot_be_asked_is_no_plan),
        cmocka_unit_test(nobody_to_write_to_asks_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
