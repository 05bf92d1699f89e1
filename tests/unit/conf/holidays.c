/* What a calendar covers, and what becomes of entries that disagree. */
#include "check.h"

#include "conf/duration.h"
#include "conf/holidays.h"
#include "support.h"

static struct holiday entry(const char *days, enum holiday_kind kind, const char *title,
                            size_t line)
{
    struct holiday h = {.kind = kind, .title = title, .line = line};
    struct day_range range;

    assert_true(date_range_parse(days, &range));
    h.first = range.first;
    h.last = range.last;
    return h;
}

/* The YAML and behind it the warnings; malloc'd. */
static char *written(struct holiday *entries, size_t count, const char *covers)
{
    struct holidays h = {
        .file = "x.ics", .name = "x", .source = "x", .made = "2026-11-27", .covers = {1, 0}};
    struct strbuf out = STRBUF_INIT;
    struct diags d;
    struct err e;

    if (covers)
        assert_true(date_range_parse(covers, &h.covers));
    diags_init(&d);
    if (holidays_write(&out, &h, entries, count, &d, &e))
        strbuf_printf(&out, "ERR %d", e.code == ERR_REFUSED);
    char *warnings = errors_take(&d);
    strbuf_puts(&out, warnings);
    free(warnings);
    return strbuf_take(&out);
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in '%s'", part, text);
}

static void it_covers_the_years_with_dates(void **state)
{
    struct holiday entries[] = {
        entry("2024-05-01", HOLIDAY_UNMARKED, "a", 1),
        entry("2026-05-01", HOLIDAY_UNMARKED, "b", 2),
        entry("2027-12-31..2028-01-02", HOLIDAY_UNMARKED, "c", 3),
        entry("2030-01-01", HOLIDAY_UNMARKED, "endless", 4),
    };

    (void)state;
    entries[3].endless = true;
    char *text = written(entries, 4, NULL);
    assert_has(text, "covers: 2026-01-01..2027-12-31\n"); /* 2025 has nothing */
    assert_has(text, "holidays:\n  - 2026-05-01  # b\n  - 2027-12-31  # c\nworkdays: []\n");
    assert_has(text, "x.ics:1:1: warning: left out: 'a' on 2024-05-01");
    assert_has(text, "x.ics:3:1: warning: left out: 'c' on 2027-12-31");
    assert_null(strstr(text, "endless"));
    free(text);
    text = written(&entries[3], 1, NULL);
    assert_has(text, "covers: 2030-01-01..2030-12-31\nholidays:\n  - 2030-01-01  # endless\n");
    free(text);
    text = written(entries, 4, "2024-05-01..2024-05-02");
    assert_has(text, "covers: 2024-05-01..2024-05-02\nholidays:\n  - 2024-05-01  # a\nworkdays");
    free(text);
}

static void days_in_a_row_are_one_range(void **state)
{
    struct holiday entries[] = {
        entry("2027-10-03", HOLIDAY_OFF, "week", 3),
        entry("2027-10-01..2027-10-02", HOLIDAY_OFF, "week", 1),
        entry("2027-10-02", HOLIDAY_OFF, "again", 2),
        entry("2027-10-04", HOLIDAY_OFF, "other\nline", 4),
        entry("2027-10-09..2027-10-10", HOLIDAY_WORKED, "", 5),
    };

    (void)state;
    char *text = written(entries, 5, NULL);
    assert_has(text, "holidays:\n  - 2027-10-01..2027-10-03  # week\n  - 2027-10-04  # other\xef"
                     "\xbf\xbdline\nworkdays:\n  - 2027-10-09..2027-10-10\n");
    assert_null(strstr(text, "warning"));
    free(text);
}

static void who_says_nothing_is_left_out_where_others_do(void **state)
{
    struct holiday entries[] = {
        entry("2027-01-01", HOLIDAY_UNMARKED, "a", 1), entry("2027-01-02", HOLIDAY_OFF, "b", 2),
        entry("2027-01-03", HOLIDAY_UNMARKED, "c", 3), entry("2027-01-02", HOLIDAY_WORKED, "d", 4),
        entry("2027-01-04", HOLIDAY_OFF, "e", 5),
    };

    (void)state;
    char *text = written(entries, 5, NULL);
    assert_has(text, "holidays:\n  - 2027-01-04  # e\nworkdays: []\n");
    assert_has(text, "x.ics:1:1: warning: left out: what says neither");
    assert_has(text, "2, the first is 'a' on 2027-01-01");
    assert_has(text,
               "x.ics:4:1: warning: left out: 2027-01-02, which is off ('b') and worked ('d')");
    free(text);
}

static void nothing_left_is_refused(void **state)
{
    struct holiday many[12];

    (void)state;
    char *text = written(many, 0, NULL);
    assert_string_equal(text, "ERR 1");
    free(text);
    for (size_t i = 0; i < 12; i++)
        many[i] = entry("2000-01-01..2001-01-31", HOLIDAY_OFF, "x", 1);
    text = written(many, 12, "2000-01-01..2001-12-31"); /* more days than a calendar holds */
    assert_has(text, "ERR 1");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_covers_the_years_with_dates),
        cmocka_unit_test(days_in_a_row_are_one_range),
        cmocka_unit_test(who_says_nothing_is_left_out_where_others_do),
        cmocka_unit_test(nothing_left_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
