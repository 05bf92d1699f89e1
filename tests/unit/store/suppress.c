/* The do-not-send list: whoever is on it is not written to, whenever the entry was made, and the
 * counts and the audit log say so. */
#include "fixture.h"

static struct store_suppressed suppress(struct fixture *f, const char *recipient,
                                        const char *sender)
{
    struct store_decision d = {.by = "olga", .at = ++f->now, .note = "asked for it"};
    struct store_suppressed out;

    OK(store_suppress(f->s, recipient, sender, &d, &out, &f->e));
    free(out.skipped);
    return out;
}

static void assert_sums(struct fixture *f, int64_t revision)
{
    struct view v = view(f, revision);
    uint64_t sum = 0;

    for (int i = 0; i < DELIVERY_STATES; i++)
        sum += v.counts[i];
    assert_int_equal(sum, v.audience);
    verify(f);
}

static size_t waiting(struct fixture *f, int64_t revision, int64_t lane)
{
    struct store_waiting w[16];
    size_t count;

    OK(store_fetch(f->s, revision, lane, 0, 0, w, 16, &count, &f->e));
    return count;
}

static void before_it_is_submitted(void **state)
{
    struct fixture *f = *state;

    assert_true(suppress(f, "w2", NULL).added);
    int64_t revision = submit(f, "spring", 1);
    assert_stands(f, 2, DELIVERY_SKIPPED, REASON_SUPPRESSED);
    assert_int_equal(view(f, revision).counts[DELIVERY_PENDING], 3);
    assert_sums(f, revision);
    approve(f, revision);
    assert_stands(f, 2, DELIVERY_SKIPPED, REASON_SUPPRESSED);
    assert_int_equal(waiting(f, revision, f->lane[1]), 1);
    assert_sums(f, revision);
}

static void between_submit_and_approve(void **state)
{
    struct fixture *f = *state;
    int64_t revision = submit(f, "spring", 1);

    struct store_suppressed out = suppress(f, "w2", NULL);
    assert_int_equal(out.skipped_count, 1);
    assert_stands(f, 2, DELIVERY_SKIPPED, REASON_SUPPRESSED);
    approve(f, revision);
    assert_int_equal(view(f, revision).counts[DELIVERY_SKIPPED], 1);
    assert_false(claim(f, revision, 2, f->lane[1]));
    assert_sums(f, revision);
}

/* Loading when the entry was made: the revision was not visible yet. */
static void while_it_is_loaded(void **state)
{
    struct fixture *f = *state;
    struct store_submission sub = {"spring", "t", "alice", ++f->now};
    struct store_row rows[] = {{1, f->lane[0], "w1", NULL, REASON_NONE, 0},
                               {2, f->lane[0], "w2", NULL, REASON_NONE, 0}};
    const char *manifest = "{}";
    int64_t loading, revision;
    bool again;

    OK(store_submit_begin(f->s, &sub, &loading, &f->e));
    OK(store_submit_rows(f->s, loading, rows, 2, &f->e));
    assert_int_equal(suppress(f, "w1", NULL).skipped_count, 0);
    struct store_freeze freeze = {.campaign = "spring",
                                  .by = "alice",
                                  .at = ++f->now,
                                  .manifest = manifest,
                                  .digest = digest_of(manifest, strlen(manifest)),
                                  .channel = "dry",
                                  .approvers = 1};
    OK(store_submit_end(f->s, loading, &freeze, &revision, &again, &f->e));
    assert_stands(f, 1, DELIVERY_SKIPPED, REASON_SUPPRESSED);
    assert_stands(f, 2, DELIVERY_PENDING, REASON_NONE);
    assert_sums(f, revision);
}

/* What the engine has decided but the store does not have yet. */
static void between_decision_and_commit(void **state)
{
    struct fixture *f = *state;
    int64_t revision = submit(f, "spring", 1);
    instant_t at = ++f->now;

    approve(f, revision);
    struct store_claim claims[] = {
        {.delivery = 1, .at = at, .due_at = at, .revision = revision, .lane = f->lane[0]},
        {.delivery = 2, .at = at, .due_at = at, .revision = revision, .lane = f->lane[1]}};
    struct store_commit commit = {.at = at, .claims = claims, .claim_count = 2};
    suppress(f, "w1", NULL);
    OK(store_commit(f->s, &commit, &f->e));
    assert_true(claims[0].refused);
    assert_null(claims[0].recipient);
    assert_false(claims[1].refused);
    assert_string_equal(claims[1].recipient, "w2");
    store_commit_dispose(&commit);
    assert_stands(f, 1, DELIVERY_SKIPPED, REASON_SUPPRESSED);
    assert_stands(f, 2, DELIVERY_CLAIMED, REASON_NONE);
    assert_sums(f, revision);
}

/* A drop at a cap that the engine had decided is not a second end. */
static void dropped_and_suppressed(void **state)
{
    struct fixture *f = *state;
    int64_t revision = submit(f, "spring", 1);

    approve(f, revision);
    suppress(f, "w1", NULL);
    answer(f, 1, DELIVERY_SKIPPED, REASON_FREQUENCY_CAP);
    assert_stands(f, 1, DELIVERY_SKIPPED, REASON_SUPPRESSED);
    assert_sums(f, revision);
}

/* The last line: even a pending delivery of somebody on the list, however it came to be, cannot be
 * claimed. Here it was out when the entry was made, and came back unsent. */
static void what_comes_back_is_not_sent_again(void **state)
{
    struct fixture *f = *state;
    int64_t revision = submit(f, "spring", 1);

    approve(f, revision);
    assert_true(claim(f, revision, 1, f->lane[0]));
    assert_true(claim(f, revision, 2, f->lane[1]));
    answer(f, 2, DELIVERY_UNKNOWN, REASON_NO_ANSWER);
    struct store_suppressed out = suppress(f, "w1", NULL);
    assert_int_equal(out.skipped_count, 0);
    assert_int_equal(out.out_already, 1);
    assert_int_equal(suppress(f, "w2", NULL).out_already, 1);
    assert_stands(f, 1, DELIVERY_CLAIMED, REASON_NONE);
    answer(f, 1, DELIVERY_PENDING, REASON_NONE);
    assert_false(claim(f, revision, 1, f->lane[0]));
    assert_stands(f, 1, DELIVERY_SKIPPED, REASON_SUPPRESSED);
    assert_sums(f, revision);
}

/* An older revision has written to them as well: left out once, for one reason. */
static void suppressed_and_already_handled(void **state)
{
    struct fixture *f = *state;
    int64_t first = submit(f, "spring", 1);

    approve(f, first);
    assert_true(claim(f, first, 1, f->lane[0]));
    answer(f, 1, DELIVERY_SENT, REASON_NONE);
    int64_t second = submit(f, "spring", 2);
    suppress(f, "w1", NULL);
    approve(f, second);
    assert_stands(f, 5, DELIVERY_SKIPPED, REASON_SUPPRESSED);
    assert_int_equal(view(f, second).counts[DELIVERY_SKIPPED], 1);
    assert_sums(f, first);
    assert_sums(f, second);
}

static void failed_one_cannot_be_sent_again(void **state)
{
    struct fixture *f = *state;
    int64_t revision = submit(f, "spring", 1);
    struct store_decision d;

    approve(f, revision);
    assert_true(claim(f, revision, 1, f->lane[0]));
    answer(f, 1, DELIVERY_FAILED, REASON_NOT_SENT);
    suppress(f, "w1", NULL);
    d = by(f, "rita");
    assert_int_equal(store_resend(f->s, 1, &d, &f->e), ERR_REFUSED);
    assert_non_null(strstr(f->e.text, "do-not-send"));
    uint64_t left;
    d = by(f, "ada");
    OK(store_unsuppress(f->s, "w1", NULL, &d, &left, &f->e));
    d = by(f, "rita");
    OK(store_resend(f->s, 1, &d, &f->e));
    assert_sums(f, revision);
}

static void for_one_sender_only_that_one_is_held(void **state)
{
    struct fixture *f = *state;
    static const char *const both[] = {"w1", "w2", "w3", "w1x"};
    struct draft d = {.campaign = "spring", .recipients = both, .count = 4};
    bool again;
    int64_t revision = submit_of(f, &d, &again); /* w1, w3: a; w2, w1x: b */

    approve(f, revision);
    assert_int_equal(suppress(f, "w2", "a").skipped_count, 0);
    assert_int_equal(suppress(f, "w2", "nobody").skipped_count, 0);
    assert_int_equal(suppress(f, "w3", "a").skipped_count, 1);
    assert_stands(f, 2, DELIVERY_PENDING, REASON_NONE);
    assert_stands(f, 3, DELIVERY_SKIPPED, REASON_SUPPRESSED);
    assert_true(claim(f, revision, 2, f->lane[1]));
    assert_false(claim(f, revision, 3, f->lane[0]));
    assert_true(claim(f, revision, 1, f->lane[0]));
    assert_int_equal(suppress(f, "w1", "a").out_already, 1);
    answer(f, 1, DELIVERY_PENDING, REASON_NONE);
    assert_false(claim(f, revision, 1, f->lane[0]));
    assert_sums(f, revision);
}

static int count_entry(void *ctx, const struct store_suppression *x)
{
    struct strbuf *b = ctx;

    strbuf_printf(b, "%s/%s by %s: %s\n", x->recipient, x->sender ? x->sender : "*", x->by,
                  x->reason);
    return 0;
}

static void list_and_its_end(void **state)
{
    struct fixture *f = *state;
    struct strbuf list = STRBUF_INIT;
    int64_t last, revision = submit(f, "spring", 1);
    struct store_decision d;
    uint64_t left;
    bool more;

    approve(f, revision);
    suppress(f, "w1", NULL);
    suppress(f, "w9", "a");
    uint64_t records = verify(f);
    assert_false(suppress(f, "w1", NULL).added); /* again: nothing to write down */
    assert_int_equal(verify(f), records);
    OK(store_suppressions(f->s, 0, 1, count_entry, &list, &last, &more, &f->e));
    assert_true(more);
    OK(store_suppressions(f->s, last, 1, count_entry, &list, &last, &more, &f->e));
    assert_false(more);
    assert_string_equal(list.text, "w1/* by olga: asked for it\nw9/a by olga: asked for it\n");
    strbuf_dispose(&list);

    d = by(f, "ada");
    assert_int_equal(store_unsuppress(f->s, "w9", NULL, &d, &left, &f->e), ERR_NOTFOUND);
    assert_non_null(strstr(f->e.text, "--sender"));
    assert_int_equal(store_unsuppress(f->s, "w1", "a", &d, &left, &f->e), ERR_NOTFOUND);
    assert_int_equal(store_unsuppress(f->s, "who", NULL, &d, &left, &f->e), ERR_NOTFOUND);
    suppress(f, "w1", "a");
    OK(store_unsuppress(f->s, "w1", NULL, &d, &left, &f->e));
    assert_int_equal(left, 1);
    OK(store_unsuppress(f->s, "w1", "a", &d, &left, &f->e));
    assert_int_equal(left, 0);
    assert_stands(f, 1, DELIVERY_SKIPPED, REASON_SUPPRESSED); /* for later revisions only */
    int64_t next = submit(f, "spring", 2);
    assert_stands(f, 5, DELIVERY_PENDING, REASON_NONE);
    assert_sums(f, revision);
    assert_sums(f, next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(before_it_is_submitted, setup, teardown),
        cmocka_unit_test_setup_teardown(between_submit_and_approve, setup, teardown),
        cmocka_unit_test_setup_teardown(while_it_is_loaded, setup, teardown),
        cmocka_unit_test_setup_teardown(between_decision_and_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(dropped_and_suppressed, setup, teardown),
        cmocka_unit_test_setup_teardown(what_comes_back_is_not_sent_again, setup, teardown),
        cmocka_unit_test_setup_teardown(suppressed_and_already_handled, setup, teardown),
        cmocka_unit_test_setup_teardown(failed_one_cannot_be_sent_again, setup, teardown),
        cmocka_unit_test_setup_teardown(for_one_sender_only_that_one_is_held, setup, teardown),
        cmocka_unit_test_setup_teardown(list_and_its_end, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
