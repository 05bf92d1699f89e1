#include "check.h"

#include "base/lang.h"

#include <stdlib.h>
#include <string.h>

static void the_table_is_sorted(void **state)
{
    (void)state;
    assert_null(lang_zh[lang_zh_count].en);
    assert_null(lang_zh[lang_zh_count].zh);
    for (unsigned i = 0; i < lang_zh_count; i++) {
        assert_non_null(lang_zh[i].zh);
        if (i > 0 && strcmp(lang_zh[i - 1].en, lang_zh[i].en) >= 0)
            fail_msg("lang_zh.c: \"%s\" is not before \"%s\"", lang_zh[i - 1].en, lang_zh[i].en);
    }
}

/* The next conversion of a format, without its flags; "" at the end. */
static const char *conversion(const char *at, char *out, size_t size)
{
    size_t n = 0;

    while ((at = strchr(at, '%')) && at[1] == '%')
        at += 2;
    out[0] = '\0';
    if (!at)
        return "";
    do {
        if (n < size - 1)
            out[n++] = *at;
        at++;
    } while (*at && !strchr("diouxXcsfgpe", at[-1]) && n < 12);
    out[n] = '\0';
    return at;
}

static void both_languages_take_the_same_values(void **state)
{
    (void)state;
    for (unsigned i = 0; i < lang_zh_count; i++) {
        const char *en = lang_zh[i].en, *zh = lang_zh[i].zh;
        char a[16], b[16];
        do {
            en = conversion(en, a, sizeof(a));
            zh = conversion(zh, b, sizeof(b));
            if (strcmp(a, b) != 0)
                fail_msg("lang_zh.c: \"%s\": %s became %s", lang_zh[i].en, a, b);
        } while (a[0]);
    }
}

static void a_missing_translation_is_english(void **state)
{
    (void)state;
    assert_string_equal(tr("warning"), "warning");
    lang_set(LANG_ZH);
    assert_int_equal(lang_get(), LANG_ZH);
    assert_string_equal(tr("warning"), "警告");
    assert_string_equal(tr("not in any table"), "not in any table");
    for (unsigned i = 0; i < lang_zh_count; i++)
        assert_string_equal(tr(lang_zh[i].en), lang_zh[i].zh);
    lang_set(LANG_EN);
}

static void the_environment_chooses(void **state)
{
    static const struct {
        const char *all, *messages, *lang;
        enum lang chosen;
    } rows[] = {
        {NULL, NULL, NULL, LANG_EN},
        {NULL, NULL, "zh_CN.UTF-8", LANG_ZH},
        {"", "", "zh_CN.UTF-8", LANG_ZH}, /* empty is not set */
        {NULL, "en_US.UTF-8", "zh_CN.UTF-8", LANG_EN},
        {"zh_TW", "en_US", "en_US", LANG_ZH},
        {"C", "zh_CN", "zh_CN", LANG_EN},
    };
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *values[] = {rows[i].all, rows[i].messages, rows[i].lang};
        for (size_t k = 0; k < 3; k++) {
            if (values[k])
                setenv(names[k], values[k], 1);
            else
                unsetenv(names[k]);
        }
        assert_int_equal(lang_of_environment(), rows[i].chosen);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sorted),
        cmocka_unit_test(both_languages_take_the_same_values),
        cmocka_unit_test(a_missing_translation_is_english),
        cmocka_unit_test(the_environment_chooses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
