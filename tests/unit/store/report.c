/* Every delivery of an approved revision is counted once, where it stands. */
#include "fixture.h"

struct tally {
    uint64_t rows, states[DELIVERY_STATES];
    int64_t group;
    char names[2][32]; /* by group */
    instant_t waited;  /* claimed -> settled, of the last sent one */
    instant_t asked_at;
    bool by_person;
};

static int count(void *ctx, const struct store_report_row *row)
{
    struct tally *t = ctx;

    t->rows++;
    t->states[row->state]++;
    assert_in_range(row->group, 1, 2);
    snprintf(t->names[row->group - 1], sizeof(t->names[0]), "%s", row->name);
    if (row->state == DELIVERY_SENT) {
        t->waited = row->at - row->claimed_at;
        t->asked_at = row->asked_at;
        t->by_person = row->by_person;
    }
    return 0;
}

static struct tally report(struct fixture *f, enum store_report_by by, instant_t from, instant_t to)
{
    struct store_report_query q = {by, from, to};
    struct tally t = {0};
    int64_t after = 0;
    bool more = true;

    while (more)
        OK(store_report(f->s, &q, &after, &more, count, &t, &f->e));
    return t;
}

static struct tally all(struct fixture *f, enum store_report_by by)
{
    return report(f, by, INSTANT_MIN, INSTANT_NEVER);
}

static void where_each_stands(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[] = {"w1", "w2", "w3", "w4", NULL};
    struct draft d = {.campaign = "spring", .recipients = rows, .count = 5};
    bool again;
    int64_t revision = submit_of(f, &d, &again);

    assert_int_equal(all(f, STORE_BY_CAMPAIGN).rows, 0); /* not approved */
    approve(f, revision);
    assert_true(claim(f, revision, 1, f->lane[0]));
    f->now += 400;
    answer(f, 1, DELIVERY_SENT, REASON_NONE);
    assert_true(claim(f, revision, 2, f->lane[1]));
    answer(f, 2, DELIVERY_FAILED, REASON_BAD_RECIPIENT);
    assert_true(claim(f, revision, 3, f->lane[0]));

    struct tally t = all(f, STORE_BY_CAMPAIGN);
    assert_int_equal(t.rows, 5);
    assert_int_equal(t.states[DELIVERY_SENT], 1);
    assert_int_equal(t.states[DELIVERY_FAILED], 1);
    assert_int_equal(t.states[DELIVERY_CLAIMED], 1);
    assert_int_equal(t.states[DELIVERY_PENDING], 1);
    assert_int_equal(t.states[DELIVERY_SKIPPED], 1);
    assert_string_equal(t.names[0], "spring");
    assert_int_equal(t.waited, 401);
    assert_true(t.asked_at == INSTANT_MIN);
    assert_false(t.by_person);

    t = all(f, STORE_BY_SENDER);
    assert_int_equal(t.rows, 5);
    assert_string_equal(t.names[0], "a");
    assert_string_equal(t.names[1], "b");
}

static void the_latest_step_says_when(void **state)
{
    struct fixture *f = *state;
    int64_t revision = submit(f, "spring", 1);

    approve(f, revision);
    assert_true(claim(f, revision, 1, f->lane[0]));
    answer(f, 1, DELIVERY_UNKNOWN, REASON_NO_ANSWER);
    instant_t then = f->now;
    f->now += 1000;
    struct store_decision bo = by(f, "bo");
    OK(store_outcome(f->s, 1, true, &bo, &f->e));
    assert_int_equal(report(f, STORE_BY_CAMPAIGN, bo.at, bo.at + 1).rows, 1);
    assert_int_equal(report(f, STORE_BY_CAMPAIGN, INSTANT_MIN, bo.at).rows, 3); /* never claimed */
    assert_int_equal(report(f, STORE_BY_CAMPAIGN, then, bo.at).rows, 0);
    assert_true(all(f, STORE_BY_CAMPAIGN).by_person);
}

static void a_person_is_asked_before_the_outcome(void **state)
{
    struct fixture *f = *state;
    int64_t revision = submit(f, "spring", 1);

    approve(f, revision);
    assert_true(claim(f, revision, 1, f->lane[0]));
    answer(f, 1, DELIVERY_PROMPTED, REASON_NONE);
    instant_t asked = f->now;
    assert_int_equal(all(f, STORE_BY_CAMPAIGN).states[DELIVERY_PROMPTED], 1);
    f->now += 60000;
    answer(f, 1, DELIVERY_SENT, REASON_NONE);
    assert_int_equal(all(f, STORE_BY_CAMPAIGN).asked_at, asked);
}

static void nobody_is_counted_for_two_revisions(void **state)
{
    struct fixture *f = *state;
    int64_t first = submit(f, "spring", 1);

    approve(f, first);
    assert_true(claim(f, first, 1, f->lane[0]));
    answer(f, 1, DELIVERY_SENT, REASON_NONE);
    approve(f, submit(f, "spring", 2));
    struct tally t = all(f, STORE_BY_CAMPAIGN);
    assert_int_equal(t.rows, 4);
    assert_int_equal(t.states[DELIVERY_SENT], 1);
    assert_int_equal(t.states[DELIVERY_PENDING], 3);
}

static void a_large_store_is_read_in_pieces(void **state)
{
    struct fixture *f = *state;
    struct store_report_query q = {STORE_BY_CAMPAIGN, INSTANT_MIN, INSTANT_NEVER};
    char names[64][16];
    const char *rows[64];
    int64_t after = 0;
    int pieces = 0;
    struct tally t = {0};
    bool again, more = true;

    for (int i = 0; i < 64; i++)
        rows[i] = names[i];
    for (int i = 0; i < 64; i++)
        snprintf(names[i], sizeof(names[i]), "w%d", i);
    for (int r = 0; r < 90; r++) {
        char campaign[16];
        snprintf(campaign, sizeof(campaign), "c%d", r % 2); /* later revisions replace earlier */
        struct draft d = {.campaign = campaign, .version = r, .recipients = rows, .count = 64};
        approve(f, submit_of(f, &d, &again));
    }
    for (; more; pieces++)
        OK(store_report(f->s, &q, &after, &more, count, &t, &f->e));
    assert_int_equal(t.rows, 128);
    assert_int_equal(pieces, 2); /* of 5,760 */
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(where_each_stands),
        T(the_latest_step_says_when),
        T(a_person_is_asked_before_the_outcome),
        T(nobody_is_counted_for_two_revisions),
        T(a_large_store_is_read_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
