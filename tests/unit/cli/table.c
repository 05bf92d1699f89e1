#include "check.h"

#include "base/text.h"
#include "cli/table.h"
#include "cli/view.h"

#include <stdlib.h>
#include <string.h>

static void chinese_lines_up(void **state)
{
    static const char *const heads[] = {"CAMPAIGN", ">AUDIENCE", "TITLE"};
    static const char *const first[] = {"春季上新", "7", "一"};
    static const char *const second[] = {"a", "1200", "b"};
    char *text;
    size_t length;
    FILE *to = open_memstream(&text, &length);
    struct table t;

    (void)state;
    table_init(&t, to, heads, 3);
    table_row(&t, first, NULL);
    table_row(&t, second, NULL);
    table_end(&t);
    fclose(to);
    assert_string_equal(text, "CAMPAIGN  AUDIENCE  TITLE\n"
                              "春季上新         7  一\n"
                              "a             1200  b\n");
    free(text);
}

static void no_rows_no_head(void **state)
{
    static const char *const heads[] = {"A"};
    char *text;
    size_t length;
    FILE *to = open_memstream(&text, &length);
    struct table t;

    (void)state;
    table_init(&t, to, heads, 1);
    table_end(&t);
    fclose(to);
    assert_int_equal(length, 0);
    free(text);
}

/* More rows than are kept; long cells are cut between characters; nothing paints the terminal. */
static void any_length_any_content(void **state)
{
    static const char *const heads[] = {"A", "B"};
    char *text, wide[400] = "", *save = NULL;
    size_t length, lines = 0;
    FILE *to = open_memstream(&text, &length);
    struct table t;

    (void)state;
    for (int i = 0; i < 100; i++)
        strcat(wide, "长");
    table_init(&t, to, heads, 2);
    for (int i = 0; i < 3 * TABLE_ROWS; i++) {
        const char *const cells[] = {i % 7 == 0 ? wide : "x", i % 5 == 0 ? "\033[2J" : NULL};
        table_row(&t, cells, NULL);
    }
    table_end(&t);
    fclose(to);
    assert_null(strchr(text, '\033'));
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        assert_int_equal(text_utf8_valid(line, strlen(line)), strlen(line));
        assert_true(text_columns(line) <= TABLE_CELL_MAX + 2 + 4);
        lines++;
    }
    assert_int_equal(lines, 3 * TABLE_ROWS + 1);
    free(text);
}

static void instants_and_distances(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {-5, "now"},         {0, "now"},        {1, "in 1s"},       {42000, "in 42s"},
        {119000, "in 119s"}, {120000, "in 2m"}, {7200000, "in 2h"}, {172800000, "in 2 days"},
    };
    char out[VIEW_INSTANT];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct strbuf b = STRBUF_INIT;
        view_in(cases[i].ms, &b);
        assert_string_equal(b.text, cases[i].text);
        strbuf_dispose(&b);
    }
    view_instant("2027-03-01T09:31:07.123+08:00", out);
    assert_string_equal(out, "2027-03-01 09:31:07");
    view_instant(NULL, out);
    assert_string_equal(out, "-");
    view_instant("soon", out);
    assert_string_equal(out, "-");
}

static void bars_and_counts(void **state)
{
    static const struct {
        int64_t done, all;
        const char *text;
    } cases[] = {
        {0, 10, "[..............................] 0/10"},
        {5, 10, "[###############...............] 5/10"},
        {10, 10, "[##############################] 10/10"},
        {0, 0, "[##############################] 0/0"},
    };
    struct strbuf b = STRBUF_INIT;
    json_t *counts = json_pack("{s:i, s:i, s:i}", "pending", 9, "skipped", 0, "sent", 3);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        view_bar(cases[i].done, cases[i].all, &b);
        assert_string_equal(b.text, cases[i].text);
        strbuf_reset(&b);
    }
    view_counts(counts, &b);
    assert_string_equal(b.text, "sent 3, pending 9");
    assert_int_equal(view_final(counts), 3);
    strbuf_dispose(&b);
    json_decref(counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chinese_lines_up),       cmocka_unit_test(no_rows_no_head),
        cmocka_unit_test(any_length_any_content), cmocka_unit_test(instants_and_distances),
        cmocka_unit_test(bars_and_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
