#include "check.h"

#include "base/text.h"

#include <string.h>

static void valid_prefix_of_utf8(void **state)
{
    static const struct {
        const char *bytes;
        size_t length, valid;
    } rows[] = {
        {"", 0, 0},
        {"abc", 3, 3},
        {"春😀", 7, 7},
        {"a\0b", 3, 3},
        {"a\xE6\x98", 3, 1},        /* cut */
        {"a\x80", 2, 1},            /* a lone continuation */
        {"\xC0\x80", 2, 0},         /* overlong */
        {"\xE0\x80\x80", 3, 0},     /* overlong */
        {"ok\xED\xA0\x80", 5, 2},   /* surrogate */
        {"\xF4\x8F\xBF\xBF", 4, 4}, /* U+10FFFF */
        {"\xF4\x90\x80\x80", 4, 0}, /* past it */
        {"\xFF", 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(text_utf8_valid(rows[i].bytes, rows[i].length), rows[i].valid);
}

static void characters_and_columns(void **state)
{
    static const struct {
        const char *text;
        size_t chars, columns;
    } rows[] = {
        {"", 0, 0},          {"spring", 6, 6}, {"春季上新", 4, 8},
        {"e\xCC\x81", 2, 1},                                 /* a combining accent */
        {"😀", 1, 2},         {"a\tb", 3, 2},   {"ﾊﾟ", 2, 2}, /* half width */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(text_chars(rows[i].text, strlen(rows[i].text)), rows[i].chars);
        assert_int_equal(text_columns(rows[i].text), rows[i].columns);
    }
}

#define BAD "\xEF\xBF\xBD"

static void nothing_invisible_is_shown(void **state)
{
    static const struct {
        const char *text;
        bool multiline;
        const char *shown;
        bool replaced;
    } rows[] = {
        {"", false, "", false},
        {"春季 new!", false, "春季 new!", false},
        {"a\nb", true, "a\nb", false},
        {"a\nb", false, "a" BAD "b", true},
        {"a\r\nb", true, "a" BAD "\nb", true},
        {"\x1B[2J", true, BAD "[2J", true},
        {"tab\t", true, "tab" BAD, true},
        {"\x7F", false, BAD, true},
        {"\xC2\x9B", false, BAD, true},                  /* C1: the 8-bit CSI */
        {"ev\xE2\x80\xAEil", true, "ev" BAD "il", true}, /* right-to-left override */
        {"a\xE2\x81\xA6z", true, "a" BAD "z", true},     /* isolate */
        {"a\xE2\x80\x8Bz", true, "a" BAD "z", true},     /* zero-width space */
        {"a\xE2\x80\x8Dz", true, "a" BAD "z", true},     /* joiner */
        {"a\xEF\xBB\xBFz", true, "a" BAD "z", true},     /* BOM */
        {"a\xC2\xADz", true, "a" BAD "z", true},         /* soft hyphen */
        {"a\xE2\x80\xA8z", true, "a" BAD "z", true},     /* line separator */
        {"a\xE2\x80\xA9z", true, "a" BAD "z", true},     /* paragraph separator */
        {"a\xE3\x85\xA4z", true, "a" BAD "z", true},     /* Hangul filler */
        {"a\xF3\xA0\x81\x81z", true, "a" BAD "z", true}, /* tag letter */
        {"a\xFFz", true, "a" BAD "z", true},             /* not UTF-8 */
        {"❤\xEF\xB8\x8F", true, "❤\xEF\xB8\x8F", false}, /* emoji presentation is fine */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct strbuf out = STRBUF_INIT;
        assert_int_equal(text_safe(&out, rows[i].text, rows[i].multiline), rows[i].replaced);
        assert_string_equal(out.text, rows[i].shown);
        strbuf_dispose(&out);
    }
}

static void nearest_word(void **state)
{
    static const char *const words[] = {"windows", "quiet_hours", "skip_dates", "start",
                                        "end",     "max",         "per",        NULL};
    static const struct {
        const char *typed, *meant;
    } rows[] = {
        {"windwos", "windows"}, /* one swap */
        {"windwo", "windows"},  /* a swap and a missing letter, 1 + 6/4 = 2 */
        {"quite_hours", "quiet_hours"},
        {"quiethuors", "quiet_hours"}, /* 2 of 1 + 10/4 = 3 */
        {"skipdate", "skip_dates"},
        {"starts", "start"},
        {"mx", "max"},
        {"x", NULL}, /* nothing in common is no likeness */
        {"", NULL},
        {"frequency", NULL},
        {"ende", "end"},
        {"eedd", "end"}, /* 2 = 1 + 4/4 */
        {"exx", NULL},   /* 2 of 1 */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *got = text_nearest(rows[i].typed, words);
        if (rows[i].meant)
            assert_string_equal(got ? got : "(none)", rows[i].meant);
        else
            assert_null(got);
    }
    char longest[5000];
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_null(text_nearest(longest, words));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_prefix_of_utf8),
        cmocka_unit_test(characters_and_columns),
        cmocka_unit_test(nothing_invisible_is_shown),
        cmocka_unit_test(nearest_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
