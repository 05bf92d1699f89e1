#include "check.h"

#include "base/err.h"
#include "base/text.h"

#include <string.h>

static void fills_and_returns_the_code(void **state)
{
    struct err e = {0};

    (void)state;
    assert_int_equal(err_set(&e, ERR_BUSY, "%s: held by process %d", "a.db", 7), ERR_BUSY);
    assert_int_equal(e.code, ERR_BUSY);
    assert_string_equal(e.text, "a.db: held by process 7");
}

static void takes_its_own_text_as_argument(void **state)
{
    struct err e = {0};

    (void)state;
    err_set(&e, ERR_IO, "no such file");
    err_set(&e, ERR_DATA, "vip.csv: %s", e.text);
    assert_string_equal(e.text, "vip.csv: no such file");
}

static void a_long_text_is_cut_at_a_character(void **state)
{
    char wide[3000] = "";
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i + 3 < sizeof(wide); i += 3)
        memcpy(wide + i, "春", 4);
    for (int shift = 0; shift < 3; shift++) {
        err_set(&e, ERR_DATA, "%.*s%s", shift, "abc", wide);
        size_t length = strlen(e.text);
        assert_true(length > 1015);
        assert_int_equal(text_utf8_valid(e.text, length), length);
    }
}

static void exit_codes_are_the_contract_s(void **state)
{
    static const struct {
        int code, exit;
    } rows[] = {
        {0, 0},           {ERR_REFUSED, 1},   {ERR_NOTFOUND, 1}, {ERR_USAGE, 64},
        {ERR_DATA, 65},   {ERR_LIMIT, 65},    {ERR_IO, 65},      {ERR_UNREACHABLE, 69},
        {ERR_NOMEM, 70},  {ERR_INTERNAL, 70}, {ERR_BUSY, 75},    {ERR_STORE, 75},
        {ERR_DENIED, 77},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(err_exit_code(rows[i].code), rows[i].exit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_and_returns_the_code),
        cmocka_unit_test(takes_its_own_text_as_argument),
        cmocka_unit_test(a_long_text_is_cut_at_a_character),
        cmocka_unit_test(exit_codes_are_the_contract_s),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
