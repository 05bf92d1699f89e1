/* CSV for spreadsheets. */
#include "check.h"

#include "cli/sheet.h"

#include <string.h>

static void fields_are_quoted_and_never_formulas(void **state)
{
    static const struct {
        const char *text, *field;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"春季", "春季"},
        {"a,b", "\"a,b\""},
        {"a;b", "\"a;b\""},
        {"say \"hi\"", "\"say \"\"hi\"\"\""},
        {"two\r\nlines", "\"two\r\nlines\""},
        {"=1+1", "'=1+1"},
        {"+86", "'+86"},
        {"-1", "'-1"},
        {"@SUM(A1)", "'@SUM(A1)"},
        {"\t=1", "\"'\t=1\""},
        {"=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""},
        {"a=b", "a=b"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct strbuf out = STRBUF_INIT;
        sheet_field(&out, "x", true);
        sheet_field(&out, cases[i].text, false);
        strbuf_puts(&out, "|");
        assert_memory_equal(out.text, "x,", 2);
        assert_int_equal(out.length, 3 + strlen(cases[i].field));
        assert_memory_equal(out.text + 2, cases[i].field, strlen(cases[i].field));
        strbuf_dispose(&out);
    }
}

static void a_sheet_has_a_bom_and_crlf(void **state)
{
    struct strbuf out = STRBUF_INIT;

    (void)state;
    sheet_begin(&out);
    sheet_field(&out, "", true); /* an empty first field keeps its place */
    sheet_field(&out, "b", false);
    sheet_row_end(&out);
    sheet_field(&out, "c", true);
    sheet_row_end(&out);
    assert_string_equal(out.text, "\xef\xbb\xbf,b\r\nc\r\n");
    strbuf_dispose(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_quoted_and_never_formulas),
        cmocka_unit_test(a_sheet_has_a_bom_and_crlf),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
