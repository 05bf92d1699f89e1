/* A send whose answer was lost, and that the platform knew: followed like any other task. */
#include "fixture.h"

static uint64_t adopt(struct fixture *f, instant_t at)
{
    const int64_t deliveries[] = {1, 3}, refused[] = {5, 7};
    const struct store_adoption a = {.revision = 1,
                                     .lane = f->lane[0],
                                     .send = 1,
                                     .claimed_at = seen(f, 1).claimed_at,
                                     .at = at,
                                     .ref = "msg1",
                                     .deliveries = deliveries,
                                     .count = 2,
                                     .refused = refused,
                                     .refused_count = 2};
    uint64_t adopted;

    OK(store_adopt(f->s, &a, &adopted, &f->e));
    return adopted;
}

static void the_unknown_of_it_are_prompted(void **state)
{
    struct fixture *f = *state;
    const int64_t sent[] = {1, 3, 5, 7};
    const char *const eight[] = {"w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8"};
    const struct draft d8 = {.campaign = "spring", .version = 1, .recipients = eight, .count = 8};
    bool again;

    approve(f, submit_of(f, &d8, &again));
    for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
        assert_true(claim(f, 1, sent[i], f->lane[0]));
        answer(f, sent[i], DELIVERY_UNKNOWN, REASON_NO_ANSWER);
    }
    struct store_decision d = by(f, "bo");
    OK(store_outcome(f->s, 3, true, &d, &f->e)); /* a person was quicker */
    OK(store_outcome(f->s, 7, true, &d, &f->e));
    instant_t at = ++f->now;
    assert_int_equal(adopt(f, at), 1);
    assert_stands(f, 1, DELIVERY_PROMPTED, REASON_NONE);
    assert_stands(f, 3, DELIVERY_SENT, REASON_NONE);
    assert_stands(f, 5, DELIVERY_FAILED, REASON_BAD_RECIPIENT); /* it is not in the task */
    assert_stands(f, 7, DELIVERY_SENT, REASON_NONE);
    uint64_t records = verify(f);

    /* its COMMIT failed, and had happened */
    assert_int_equal(adopt(f, at), 1);
    assert_int_equal(verify(f), records);
    /* another one comes too late */
    assert_int_equal(adopt(f, at + 1), 0);
    assert_int_equal(verify(f), records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_unknown_of_it_are_prompted, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
