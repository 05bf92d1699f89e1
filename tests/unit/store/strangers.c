/* What stop_when counts: the results of a revision, and of them those who are no friends any more.
 */
#include "fixture.h"

static void assert_counts(struct fixture *f, int64_t revision, uint64_t known, uint64_t strangers)
{
    uint64_t k, n;

    OK(store_strangers(f->s, revision, &k, &n, &f->e));
    assert_int_equal(k, known);
    assert_int_equal(n, strangers);
}

static void results_alone_are_counted(void **state)
{
    struct fixture *f = *state;

    approve(f, submit(f, "spring", 1)); /* 1 to 4 */
    approve(f, submit(f, "summer", 1)); /* 5 to 8 */
    assert_counts(f, 1, 0, 0);
    static const struct {
        int64_t id;
        enum delivery_state state;
        enum reason reason;
    } ends[] = {{1, DELIVERY_SENT, REASON_NONE},
                {2, DELIVERY_FAILED, REASON_NOT_A_FRIEND},
                {3, DELIVERY_FAILED, REASON_BAD_RECIPIENT},
                {4, DELIVERY_UNKNOWN, REASON_NO_ANSWER},
                {5, DELIVERY_FAILED, REASON_NOT_A_FRIEND}};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        assert_true(claim(f, ends[i].id < 5 ? 1 : 2, ends[i].id, f->lane[(ends[i].id + 1) % 2]));
        answer(f, ends[i].id, ends[i].state, ends[i].reason);
    }
    fixture_reopen(f);
    assert_counts(f, 1, 2, 1);
    assert_counts(f, 2, 1, 1);
    assert_counts(f, 99, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(results_alone_are_counted, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
