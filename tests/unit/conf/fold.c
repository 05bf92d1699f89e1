/* Which writings are one to the content rules. */
#include "check.h"

#include "conf/fold.h"

#include <string.h>
#include <utf8proc.h>

enum { LETTERS_MAX = 2 * FOLD_POINTS_MAX };

static size_t fold(int32_t out[LETTERS_MAX], const char *text)
{
    size_t count = 0;

    for (size_t at = 0; at < strlen(text);)
        count += fold_cluster(text, strlen(text), at, &at, out + count);
    return count;
}

static void alone_and_beside_others(void **state)
{
    static const struct {
        const char *text, *folded; /* the letters, as text again */
    } cases[] = {
        {"Ａ１", "a1"},     {"ß", "ss"},        {"①㊙", "1秘"},     {"絕對最佳", "绝对最佳"},
        {"e\u0301É", "éé"}, {"a-b_(c)", "abc"}, {"，。！", ",。!"}, {"a\r\nb", "a\nb"},
        {"★", ""},          {"ﾄﾞ", "ド"},       {"臺灣", "台湾"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int32_t folded[LETTERS_MAX], want[LETTERS_MAX];
        size_t count = fold(folded, cases[i].text), wanted = 0;
        for (const char *s = cases[i].folded; *s;)
            s += utf8proc_iterate((const utf8proc_uint8_t *)s, -1, &want[wanted++]);
        if (count != wanted || memcmp(folded, want, count * sizeof *folded) != 0)
            fail_msg("'%s' is not folded to '%s'", cases[i].text, cases[i].folded);
    }
    assert_int_equal(fold_alone('A'), 'a');
    assert_int_equal(fold_alone('-'), FOLD_NOTHING);
    assert_int_equal(fold_alone(0xdf), FOLD_ASK);  /* two letters */
    assert_int_equal(fold_alone(0x301), FOLD_ASK); /* joins what is before it */
    assert_int_equal(fold_alone(0x7d55), 0x7edd);  /* a traditional one */
    assert_int_equal(fold_alone(0xff21), 'a');     /* full-width */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alone_and_beside_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
