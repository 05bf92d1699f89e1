/* Calendars: where they are found, what they must look like, where they end, and the one we ship.
 */
#include "check.h"

#include "support.h"

#include <sys/stat.h>
#include <unistd.h>

#define HEAD                                                                                       \
    "campaign: s\nchannel: room\naudience: {recipients: [a]}\nmessage: {text: x}\nschedule:\n"

static struct zones *zones;
static char dir[] = "/tmp/paceline-calendar-XXXXXX";

static int setup(void **state)
{
    char path[64];

    (void)state;
    zones = zones_new();
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/calendars", dir);
    return mkdir(path, 0700);
}

static int teardown(void **state)
{
    char path[64];

    (void)state;
    zones_free(zones);
    snprintf(path, sizeof path, "%s/calendars/own.yaml", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/calendars", dir);
    rmdir(path);
    return rmdir(dir);
}

/* What reading a campaign with the calendar `own` says, for this text of it. */
static char *own_says(const char *calendar, struct campaign **c)
{
    static const char text[] = HEAD "  calendar: own\n  start: 2028-01-03\n  end: 2028-01-09\n"
                                    "  windows: [{days: workdays}]\n";
    char path[64];
    struct diags d;

    snprintf(path, sizeof path, "%s/calendars/own.yaml", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(calendar, f) >= 0 && fclose(f) == 0);
    diags_init(&d);
    *c = campaign_read("c.yaml", text, strlen(text), "UTC", dir, zones, &d);
    return errors_take(&d);
}

static void a_calendar_of_ones_own(void **state)
{
    struct campaign *c;
    char *said = own_says("calendar: own\nsource: me\ncovers: 2028-01-01..2028-12-31\n"
                          "holidays: [2028-01-04..2028-01-05]\nworkdays:\n  - 2028-01-08\n",
                          &c);

    (void)state;
    assert_string_equal(said, "");
    assert_non_null(c);
    assert_string_equal(c->calendar, "own");
    assert_true(schedule_workday(&c->schedule, day_of_date(2028, 1, 3)));
    assert_false(schedule_workday(&c->schedule, day_of_date(2028, 1, 4)));
    assert_true(schedule_workday(&c->schedule, day_of_date(2028, 1, 8))); /* a Saturday */
    assert_false(schedule_workday(&c->schedule, day_of_date(2028, 1, 9)));
    campaign_free(c);
    free(said);
}

static void a_broken_one_is_refused_at_its_name(void **state)
{
    static const char *const rows[][2] = {
        {"holidays: [2028-01-04]\n", "own.yaml:1:1: missing key 'covers'"},
        {"covers: 2028\n",
         "own.yaml:1:9: 'covers' must be dates such as 2027-03-05 or 2027-03-05..2027-03-06"},
        {"covers: 2028-01-01..2028-12-31\nholiday: []\n",
         "own.yaml:2:1: unknown key 'holiday', did you mean 'holidays'?"},
        {"covers: 2028-01-01..2028-12-31\nholidays: [2028-01-04]\nworkdays: [2028-01-04]\n",
         "own.yaml:1:1: 2028-01-04 is named twice"},
        {"covers: 2028-01-01..2028-12-31\nholidays: [2029-01-04]\n",
         "own.yaml:1:9: 'covers' leaves out days that are named below"},
        {"covers: 1900-01-01..2028-12-31\nholidays: [1900-01-01..2028-12-31]\n",
         "own.yaml:2:12: 'holidays' has more than 4000 entries"},
        {"- x\n", "own.yaml:1:1: 'the file' must be a mapping (keys and values)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct campaign *c;
        char *said = own_says(rows[i][0], &c), expected[512];

        snprintf(expected, sizeof expected,
                 "c.yaml:6:13: calendar 'own' cannot be used: %s/calendars/%s", dir, rows[i][1]);
        assert_null(c);
        assert_string_equal(said, expected);
        free(said);
    }
}

static void a_name_is_no_path(void **state)
{
    static const char *const names[] = {"nowhere", "../calendars/cn", "/etc/passwd", "CN"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[512], *said, *expected;

        snprintf(text, sizeof text, HEAD "  calendar: %s\n", names[i]);
        assert_null(campaign_text(text, zones, &said));
        assert_true(asprintf(&expected,
                             "c.yaml:6:13: unknown calendar '%s': there is no calendars/%s.yaml "
                             "beside the service file or the program",
                             names[i], names[i]) > 0);
        assert_string_equal(said, expected);
        free(said);
        free(expected);
    }
}

/* Nothing is guessed: what lies past it is said. */
static void the_end_is_said(void **state)
{
    static const struct {
        const char *times;
        bool passed;
    } rows[] = {
        {"start: 2026-12-01, end: 2027-01-01", false}, /* ends with the last day */
        {"start: 2026-12-01, end: 2027-01-01 00:01", true},
        {"start: 2026-12-01, end: 2026-12-31T16:00:00Z", false},
        {"start: 2026-12-01", true},
        {"end: 2026-12-20", false},
        {"start: 2003-12-31, end: 2004-02-01", true},
        {"start: 2027-03-01, end: 2027-03-07", true},
        {"timezone: Asia/Shanghai", true},
    };
    char text[512], *said;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(text, sizeof text,
                 HEAD
                 "  {windows: [{days: workdays}], calendar: cn, timezone: Asia/Shanghai, %s}\n",
                 strncmp(rows[i].times, "timezone", 8) == 0 ? "" : rows[i].times);
        struct campaign *c = campaign_text(text, zones, &said);
        const char *expected =
            "c.yaml:6:43: warning: calendar 'cn' covers 2004-01-01 to 2026-12-31: on other days "
            "Monday to Friday count as workdays, whatever the holidays";

        assert_non_null(c);
        assert_true(c->calendar_passed == rows[i].passed);
        if (strcmp(said, rows[i].passed ? expected : "") != 0)
            fail_msg("%s: %s", rows[i].times, said);
        free(said);
        campaign_free(c);
    }
}

/* A few days of the State Council's notices, by hand. */
static void the_one_we_ship(void **state)
{
    static const struct {
        int year, month, day;
        bool workday;
    } rows[] = {{2024, 2, 10, false}, {2024, 2, 18, true},  {2024, 10, 12, true},
                {2025, 1, 26, true},  {2025, 1, 28, false}, {2025, 10, 8, false},
                {2025, 10, 11, true}, {2026, 1, 2, false},  {2026, 1, 4, true},
                {2026, 2, 23, false}, {2026, 2, 28, true},  {2026, 5, 9, true},
                {2026, 9, 20, true},  {2026, 9, 25, false}, {2026, 10, 6, false},
                {2026, 10, 8, true},  {2026, 10, 10, true}, {2026, 10, 11, false}};
    struct campaign *c = campaign_good(
        HEAD "  end: 2026-12-31\n  calendar: cn\n  windows: [{days: restdays}]\n", zones);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (schedule_workday(&c->schedule, day_of_date(rows[i].year, rows[i].month, rows[i].day)) !=
            rows[i].workday)
            fail_msg("%04d-%02d-%02d", rows[i].year, rows[i].month, rows[i].day);
    campaign_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_calendar_of_ones_own),
        cmocka_unit_test(a_broken_one_is_refused_at_its_name),
        cmocka_unit_test(a_name_is_no_path),
        cmocka_unit_test(the_end_is_said),
        cmocka_unit_test(the_one_we_ship),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
