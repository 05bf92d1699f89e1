#include "check.h"

#include "conf/duration.h"
#include "core/prng.h"
#include "support.h"

static void durations_are_read(void **state)
{
    static const struct {
        const char *text;
        duration_t ms; /* -1: refused */
    } rows[] = {
        {"250ms", 250},
        {"90s", 90000},
        {"3m", 180000},
        {"1h30m", 5400000},
        {"2d", 172800000},
        {"1d2h3m4s5ms", 93784005},
        {"0s", 0},
        {"0ms", 0},
        {"106751991167d", 9223372036828800000},
        {"106751991168d", -1}, /* over 2^63 */
        {"9223372036854775807ms", INT64_MAX},
        {"9223372036854775808ms", -1},
        {"99999999999999999999s", -1},
        {"106751991167d99h", -1},
        {"", -1},
        {"5", -1},
        {"s", -1},
        {"-5s", -1},
        {"+5s", -1},
        {"1.5h", -1},
        {"5 s", -1},
        {" 5s", -1},
        {"5s ", -1},
        {"5S", -1},
        {"5sec", -1},
        {"30m1h", -1},
        {"1h1h", -1},
        {"1w", -1},
        {"٣s", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        duration_t d = -2;
        bool ok = duration_parse(rows[i].text, &d);

        if (ok != (rows[i].ms >= 0) || (ok && d != rows[i].ms))
            fail_msg("'%s': %d %lld", rows[i].text, ok, (long long)d);
    }
}

static void ranges_are_in_order(void **state)
{
    duration_t low = 0, high = 0;

    (void)state;
    assert_true(duration_range_parse("40s..3m", &low, &high));
    assert_int_equal(low, 40000);
    assert_int_equal(high, 180000);
    assert_true(duration_range_parse("0s..0s", &low, &high));
    assert_true(duration_range_parse("5s", &low, &high));
    assert_int_equal(low, 5000);
    assert_int_equal(high, 5000);
    assert_false(duration_range_parse("3m..40s", &low, &high));
    assert_false(duration_range_parse("..40s", &low, &high));
    assert_false(duration_range_parse("40s..", &low, &high));
    assert_false(duration_range_parse("1s..2s..3s", &low, &high));
    assert_false(duration_range_parse("1s...2s", &low, &high));
    assert_false(duration_range_parse("40..50s", &low, &high));
}

/* What is written is read back as it was, whatever the size. */
static void what_is_written_is_read_back(void **state)
{
    uint64_t seed = seed_of_test();
    struct prng p;

    (void)state;
    prng_seed(&p, seed);
    for (int i = 0; i < 20000; i++) {
        duration_t d = (duration_t)(prng_next(&p) >> (1 + prng_below(&p, 63))), back = -1;
        char text[64];

        duration_format(d, text, sizeof text);
        if (!duration_parse(text, &back) || back != d)
            fail_msg("SEED=%llu: %lld written as '%s'", (unsigned long long)seed, (long long)d,
                     text);
    }
}

static void instants_are_read(void **state)
{
    struct zones *zones = zones_new();
    const struct tz *shanghai = zones_get(zones, "Asia/Shanghai");
    const struct tz *berlin = zones_get(zones, "Europe/Berlin");
    static const struct {
        const char *text;
        bool berlin;
        const char *utc; /* NULL: refused */
    } rows[] = {
        {"2027-03-01 09:30", false, "2027-03-01T01:30:00.000+00:00"},
        {"2027-03-01T09:30:15", false, "2027-03-01T01:30:15.000+00:00"},
        {"2027-03-01", false, "2027-02-28T16:00:00.000+00:00"},
        {"2027-03-01T09:30:00Z", false, "2027-03-01T09:30:00.000+00:00"},
        {"2027-03-01T09:30:00.125+08:00", true, "2027-03-01T01:30:00.125+00:00"},
        {"2027-03-01T09:30:00-05:30", false, "2027-03-01T15:00:00.000+00:00"},
        {"2027-03-28 02:30", true, "2027-03-28T01:00:00.000+00:00"}, /* skipped: the next valid */
        {"2027-10-31 02:30", true, "2027-10-31T00:30:00.000+00:00"}, /* twice: the first */
        {"2027-02-29", false, NULL},
        {"2027-03-01 24:00", false, NULL},
        {"2027-03-01 9:30", false, NULL},
        {"2027-03-01 09:60", false, NULL},
        {"2027-03-01  09:30", false, NULL},
        {"2027-03-01 09:30 ", false, NULL},
        {"2027-03-01 09:30:60", false, NULL},
        {"2027-03-01 09:30:00.", false, NULL},
        {"2027-03-01Z", false, NULL},
        {"2027-03-01T09:30:00+24:00", false, NULL},
        {"2027-03-01T09:30:00+0800", false, NULL},
        {"2027-3-1", false, NULL},
        {"now", false, NULL},
        {"", false, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        instant_t t = 0;
        char text[INSTANT_TEXT] = "refused";

        if (instant_parse(rows[i].text, rows[i].berlin ? berlin : shanghai, &t))
            instant_format(t, 0, text);
        if (strcmp(text, rows[i].utc ? rows[i].utc : "refused") != 0)
            fail_msg("'%s': %s", rows[i].text, text);
    }
    zones_free(zones);
}

static void hours_are_read(void **state)
{
    static const struct {
        const char *text;
        int from, to; /* -1: refused */
    } rows[] = {
        {"10:00-12:00", 600, 720},  {" 9:05 - 20:30 ", 545, 1230},
        {"21:00-09:00", 1260, 540}, {"00:00-24:00", 0, 1440},
        {"10:00-10:00", 600, 600},  {"24:00-01:00", -1, 0},
        {"10:00-24:01", -1, 0},     {"10-12", -1, 0},
        {"10:00", -1, 0},           {"10:00-12:60", -1, 0},
        {"10:0-12:00", -1, 0},      {"", -1, 0},
        {"10:00-12:00x", -1, 0},    {"010:00-12:00", -1, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int16_t from = -1, to = -1;
        bool ok = hours_parse(rows[i].text, strlen(rows[i].text), &from, &to);

        if (ok != (rows[i].from >= 0) || (ok && (from != rows[i].from || to != rows[i].to)))
            fail_msg("'%s': %d %d %d", rows[i].text, ok, from, to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read), cmocka_unit_test(ranges_are_in_order),
        cmocka_unit_test(what_is_written_is_read_back), cmocka_unit_test(instants_are_read),
        cmocka_unit_test(hours_are_read)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
