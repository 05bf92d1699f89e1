#include "check.h"

#include "conf/seen.h"

#include <stdio.h>

enum { MANY = 2 * SEEN_IN_MEMORY + SEEN_IN_MEMORY / 2 };

static int add(struct seen *s, int number)
{
    char text[32];
    struct err e;

    snprintf(text, sizeof text, "r%d", number);
    int rc = seen_add(s, text, &e);
    if (rc < 0)
        fail_msg("%s", e.text);
    return rc;
}

/* In memory, in the first sweep to disk, in the second: each is known, and nothing else is. */
static void what_was_seen_is_known_wherever_it_is(void **state)
{
    struct seen s = {0};

    (void)state;
    for (int i = 0; i < MANY; i++)
        if (add(&s, i) != 1 || (i % 9 == 0 && add(&s, i / 3) != 0))
            fail_msg("%d", i);
    assert_non_null(s.disk);
    assert_true(s.capacity <= SEEN_SLOTS_MAX);
    for (int i = 0; i < MANY; i += 3)
        if (add(&s, i) != 0)
            fail_msg("%d", i);
    seen_dispose(&s);
}

static void a_few_need_no_disk(void **state)
{
    struct seen s = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(add(&s, i % 500), i < 500);
    assert_null(s.disk);
    seen_dispose(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_seen_is_known_wherever_it_is),
                                       cmocka_unit_test(a_few_need_no_disk)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
