/* The median by counting: exact where the classes are fine, bounded whatever comes. */
#include "check.h"

#include "api/median.h"

static duration_t median_of(const duration_t *all, size_t count)
{
    struct median m = {0};
    duration_t d = -1;

    for (size_t i = 0; i < count; i++)
        median_add(&m, all[i]);
    assert_int_equal(m.count, count);
    assert_int_equal(median_get(&m, &d), count > 0);
    median_dispose(&m);
    return d;
}

static void the_lower_one_in_the_middle(void **state)
{
    static const struct {
        duration_t all[5];
        size_t count;
        duration_t median;
    } cases[] = {
        {{0}, 0, -1},
        {{7}, 1, 7},
        {{9, 7}, 2, 7},
        {{3, 1, 2}, 3, 2},
        {{5, 5, 5, 1, 9}, 5, 5},
        {{9999, 9998, 1}, 3, 9998},
        {{10000, 1, 90000000}, 3, 10000},
        {{15999, 1, 90000000}, 3, 15000},       /* to the second */
        {{86399999, 1, 90000000}, 3, 86399000}, /* the last of those */
        {{86400000, 1, 90000000}, 3, 86400000}, /* to the minute */
        {{86519999, 1, 90000000}, 3, 86460000},
        {{INSTANT_NEVER}, 1, (duration_t)366 * MS_PER_DAY},
        {{-5}, 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(median_of(cases[i].all, cases[i].count), cases[i].median);
}

/* Every duration keeps its order and comes back as the beginning of its class. */
static void classes_do_not_overlap(void **state)
{
    duration_t last = -1;

    (void)state;
    for (duration_t d = 0; d < (duration_t)400 * MS_PER_DAY; d += d < 20000 ? 1 : d / 1000) {
        duration_t found = median_of(&d, 1);
        assert_true(found >= last && found <= d);
        last = found;
    }
}

static void memory_is_bounded(void **state)
{
    struct median m = {0};
    duration_t d;

    (void)state;
    for (int64_t i = 0; i < 1000000; i++)
        median_add(&m, i * 7);
    assert_true(m.capacity <= 65536); /* 8,500 classes up to two hours */
    assert_true(median_get(&m, &d));
    assert_int_equal(d, 3499000); /* 3,499,993 ms, to the second */
    median_dispose(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lower_one_in_the_middle),
        cmocka_unit_test(classes_do_not_overlap),
        cmocka_unit_test(memory_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
