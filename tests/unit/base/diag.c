#include "check.h"

#include "base/diag.h"
#include "base/err.h"
#include "base/lang.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void assert_line(const struct diag *item, const char *expected)
{
    char *line = diag_line(item);

    assert_string_equal(line, expected);
    free(line);
}

static void lines_say_where(void **state)
{
    struct diags d;
    char file[] = "spring.yaml";

    (void)state;
    diags_init(&d);
    diag_add(&d, file, 12, 5, DIAG_ERROR, ERR_DATA, "unknown key '%s'", "windwo");
    file[0] = 'x'; /* the list has its own copy */
    diag_add(&d, "vip.csv", 0, 0, DIAG_ERROR, ERR_REFUSED, "is empty");
    diag_add(&d, "vip.csv", 3, 1, DIAG_WARNING, 0, "read as GB18030");
    diag_add(&d, "a\nb", 1, 1, DIAG_ERROR, ERR_DATA, "bad \x1B[2J");
    assert_line(&d.items[0], "spring.yaml:12:5: unknown key 'windwo'");
    assert_line(&d.items[1], "vip.csv: is empty");
    assert_line(&d.items[2], "vip.csv:3:1: warning: read as GB18030");
    assert_line(&d.items[3], "a\xEF\xBF\xBD"
                             "b:1:1: bad \xEF\xBF\xBD[2J");
    lang_set(LANG_ZH);
    assert_line(&d.items[2], "vip.csv:3:1: 警告: read as GB18030");
    lang_set(LANG_EN);
    diags_dispose(&d);
}

static void the_worst_counts(void **state)
{
    struct diags d;

    (void)state;
    diags_init(&d);
    assert_int_equal(d.worst, 0);
    diag_add(&d, "f", 1, 1, DIAG_WARNING, 0, "w");
    assert_int_equal(d.worst, 0);
    assert_int_equal(d.errors, 0);
    diag_add(&d, "f", 1, 1, DIAG_ERROR, ERR_REFUSED, "r");
    assert_int_equal(d.worst, ERR_REFUSED);
    diag_add(&d, "f", 1, 1, DIAG_ERROR, ERR_DATA, "d");
    diag_add(&d, "f", 1, 1, DIAG_ERROR, ERR_REFUSED, "r");
    assert_int_equal(d.worst, ERR_DATA);
    assert_int_equal(d.errors, 3);
    diags_dispose(&d);
}

static void a_hundred_are_kept_the_rest_counted(void **state)
{
    struct diags d;

    (void)state;
    diags_init(&d);
    for (size_t i = 1; i <= 250; i++)
        diag_add(&d, "f", i, 1, DIAG_ERROR, i == 250 ? ERR_DATA : ERR_REFUSED, "e%zu", i);
    assert_int_equal(d.count, 100);
    assert_int_equal(d.dropped, 150);
    assert_int_equal(d.errors, 250);
    assert_int_equal(d.worst, ERR_DATA); /* also of one that is not kept */
    assert_int_equal(d.items[99].line, 100);
    diags_dispose(&d);
}

static void order_is_by_file_then_place(void **state)
{
    (void)state;
    static const char *const expected[] = {"z:1:9: kept in front", "b:1:1: one", "b:2:1: two",
                                           "b:2:1: two, too", "a:1:1: one"};
    struct diags d;

    diags_init(&d);
    diag_add(&d, "z", 1, 9, DIAG_ERROR, ERR_DATA, "kept in front");
    diag_add(&d, "b", 2, 1, DIAG_ERROR, ERR_DATA, "two, too");
    diag_add(&d, "a", 1, 1, DIAG_ERROR, ERR_DATA, "one");
    diag_add(&d, "b", 2, 1, DIAG_ERROR, ERR_DATA, "two");
    diag_add(&d, "b", 1, 1, DIAG_ERROR, ERR_DATA, "one");
    diags_order(&d, 1);
    for (size_t i = 0; i < d.count; i++) {
        char *line = diag_line(&d.items[i]);
        assert_string_equal(line, expected[i]);
        free(line);
    }
    diags_dispose(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_say_where),
        cmocka_unit_test(the_worst_counts),
        cmocka_unit_test(order_is_by_file_then_place),
        cmocka_unit_test(a_hundred_are_kept_the_rest_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
