#include "check.h"

#include "support.h"

static void civil_dates_agree_with_glibc(void **state)
{
    (void)state;
    for (int64_t d = -719162; d <= 2932896; d += 1 + (d < -25567 || d > 47482 ? 97 : 0)) {
        time_t seconds = (time_t)(d * 86400);
        struct tm tm;
        int year, month, day;
        gmtime_r(&seconds, &tm);
        day_to_date((day_t)d, &year, &month, &day);
        assert_int_equal(year, tm.tm_year + 1900);
        assert_int_equal(month, tm.tm_mon + 1);
        assert_int_equal(day, tm.tm_mday);
        assert_int_equal(day_of_date(year, month, day), d);
        assert_int_equal(day_weekday((day_t)d), (tm.tm_wday + 6) % 7);
        assert_true(civil_date_valid(year, month, day));
    }
}

static void dates_that_do_not_exist(void **state)
{
    static const struct {
        int year, month, day;
        bool valid;
    } rows[] = {
        {2024, 2, 29, true},  {2023, 2, 29, false}, {2100, 2, 29, false}, {2000, 2, 29, true},
        {2027, 4, 31, false}, {2027, 13, 1, false}, {2027, 0, 1, false},  {2027, 1, 0, false},
        {0, 1, 1, false},     {1, 1, 1, true},      {9999, 12, 31, true}, {10000, 1, 1, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(civil_date_valid(rows[i].year, rows[i].month, rows[i].day), rows[i].valid);
}

static void weeks_and_months(void **state)
{
    day_t d = day_of_date(2027, 3, 3); /* a Wednesday */

    (void)state;
    assert_int_equal(day_first_of_week(d), day_of_date(2027, 3, 1));
    assert_int_equal(day_first_of_week(day_of_date(2027, 3, 7)), day_of_date(2027, 3, 1));
    assert_int_equal(day_first_of_week(day_of_date(2027, 3, 8)), day_of_date(2027, 3, 8));
    assert_int_equal(day_first_of_week(-1), -3); /* 1969-12-31 to Monday the 29th */
    assert_int_equal(day_first_of_month(d, 0), day_of_date(2027, 3, 1));
    assert_int_equal(day_first_of_month(d, 10), day_of_date(2028, 1, 1));
    assert_int_equal(day_first_of_month(d, -3), day_of_date(2026, 12, 1));
}

static void wall_time_and_back(void **state)
{
    struct prng p;
    uint64_t seed = test_seed();

    (void)state;
    prng_seed(&p, seed);
    for (int i = 0; i < 100000; i++) {
        int64_t wall = between(&p, -62135596800000, 253402300799999); /* years 1..9999 */
        struct civil c;
        civil_from_wall(wall, &c);
        if (civil_to_wall(&c) != wall)
            fail_msg("SEED=%llu wall %lld", (unsigned long long)seed, (long long)wall);
        assert_int_equal(day_of_wall(wall), day_of_date(c.year, c.month, c.day));
    }
    assert_int_equal(day_of_wall(-1), -1);
    assert_int_equal(day_to_wall(-1), -MS_PER_DAY);
}

static void formats_as_rfc_3339(void **state)
{
    static const struct {
        const char *utc;
        int ms;
        int32_t offset_s;
        const char *text;
    } rows[] = {
        {"2027-03-01T01:31:07Z", 123, 8 * 3600, "2027-03-01T09:31:07.123+08:00"},
        {"2027-03-01T01:31:07Z", 0, 0, "2027-03-01T01:31:07.000+00:00"},
        {"2027-01-01T00:10:00Z", 0, -5 * 3600, "2026-12-31T19:10:00.000-05:00"},
        {"2027-06-01T00:00:00Z", 0, 20700, "2027-06-01T05:45:00.000+05:45"},
        {"1900-01-01T00:00:00Z", 0, 29143, "1900-01-01T08:06:00.000+08:06"}, /* +08:05:43 */
        {"1900-01-01T00:00:00Z", 0, -1172, "1899-12-31T23:40:00.000-00:20"}, /* -00:19:32 */
        {"1969-12-31T23:59:59Z", 999, 0, "1969-12-31T23:59:59.999+00:00"},
    };
    char text[INSTANT_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        instant_format(at(rows[i].utc) + rows[i].ms, rows[i].offset_s, text);
        assert_string_equal(text, rows[i].text);
    }
    instant_format(INSTANT_NEVER, 0, text); /* kept inside the years, whatever comes */
    assert_string_equal(text, "9999-12-31T23:59:59.999+00:00");
    instant_format(INSTANT_MIN, -3600, text);
    assert_string_equal(text, "0001-01-01T00:00:00.000-01:00");
}

static void adding_stays_inside(void **state)
{
    (void)state;
    assert_int_equal(instant_add(5, 7), 12);
    assert_int_equal(instant_add(5, -7), -2);
    assert_true(instant_add(INSTANT_NEVER, -1) == INSTANT_NEVER);
    assert_true(instant_add(INSTANT_NEVER - 1, 2) == INSTANT_NEVER);
    assert_true(instant_add(INSTANT_MIN + 1, -2) == INSTANT_MIN);
    assert_true(instant_add(INSTANT_MIN, INSTANT_MIN) == INSTANT_MIN);
    assert_int_equal(instant_add(INSTANT_MIN, INSTANT_NEVER), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(civil_dates_agree_with_glibc),
        cmocka_unit_test(dates_that_do_not_exist),
        cmocka_unit_test(weeks_and_months),
        cmocka_unit_test(wall_time_and_back),
        cmocka_unit_test(formats_as_rfc_3339),
        cmocka_unit_test(adding_stays_inside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
