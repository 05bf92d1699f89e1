/* A send whose answer was lost, and that the platform knew: followed like any other task. */
#include "fixture.h"

static uint64_t adopt(struct fixture *f, instant_t at)
{
    const int64_t deliveries[] = {1, 3};
    const struct store_adoption a = {.revision = 1,
                                     .lane = f->lane[0],
                                     .send = 1,
                                     .claimed_at = seen(f, 1).claimed_at,
                                     .at = at,
                                     .ref = "msg1",
                                     .deliveries = deliveries,
                                     .count = 2};
    uint64_t adopted;

    OK(store_adopt(f->s, &a, &adopted, &f->e));
    return adopted;
}

static void the_unknown_of_it_are_prompted(void **state)
{
    struct fixture *f = *state;

    approve(f, submit(f, "spring", 1));
    for (int64_t id = 1; id <= 3; id += 2) {
        assert_true(claim(f, 1, id, f->lane[0]));
        answer(f, id, DELIVERY_UNKNOWN, REASON_NO_ANSWER);
    }
    struct store_decision d = by(f, "bo");
    OK(store_outcome(f->s, 3, true, &d, &f->e)); /* a person was quicker */
    instant_t at = ++f->now;
    assert_int_equal(adopt(f, at), 1);
    assert_stands(f, 1, DELIVERY_PROMPTED, REASON_NONE);
    assert_stands(f, 3, DELIVERY_SENT, REASON_NONE);
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
