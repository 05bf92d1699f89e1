/* Every zone of the machine's tzdata against glibc, and files that are not what they should be. */
#include "check.h"

#include "support.h"

static const int64_t FROM_S = 1704067200; /* 2024-01-01 */
static const int64_t TO_S = 2145916800;   /* 2038-01-01 */

static long glibc_offset(int64_t seconds)
{
    time_t t = (time_t)seconds;
    struct tm tm;

    localtime_r(&t, &tm);
    return tm.tm_gmtoff;
}

static void assert_offset(const char *name, const struct tz *z, int64_t seconds)
{
    long theirs = glibc_offset(seconds);
    int32_t ours = tz_offset_s(z, seconds * 1000 + 999);

    if (ours != theirs)
        fail_msg("%s at %lld: %d, glibc %ld", name, (long long)seconds, ours, theirs);
}

/* What a wall time near a change of `before` to `after` at `change` must give. */
static void assert_wall(const char *name, const struct tz *z, int64_t wall, int64_t change,
                        long before, long after)
{
    bool is_before = wall - before < change, is_after = wall - after >= change;
    enum tz_kind kind = is_before && is_after     ? TZ_REPEATED
                        : !is_before && !is_after ? TZ_SKIPPED
                                                  : TZ_NORMAL;
    instant_t expected = kind == TZ_SKIPPED ? change * 1000
                         : is_before        ? (wall - before) * 1000 + 7
                                            : (wall - after) * 1000 + 7;
    instant_t got;

    if (tz_instant(z, wall * 1000 + 7, &got) != kind || got != expected)
        fail_msg("%s wall %lld near %lld: %lld, not %lld", name, (long long)wall, (long long)change,
                 (long long)got, (long long)expected);
}

static void check_change(const char *name, const struct tz *z, int64_t change)
{
    static const int64_t around[] = {-86399, -7201, -3601, -1801, -1,   0,
                                     1,      1799,  3599,  7200,  86000};
    long before = glibc_offset(change - 1), after = glibc_offset(change);

    for (int64_t s = change - 2; s <= change + 2; s++)
        assert_offset(name, z, s);
    for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
        assert_wall(name, z, change + before + around[i], change, before, after);
        assert_wall(name, z, change + after + around[i], change, before, after);
    }
}

/* Finds glibc's changes by halving and checks ours at each. */
static size_t check_changes(const char *name, const struct tz *z)
{
    const int64_t step = 86400 * 2;
    size_t changes = 0;
    long last = glibc_offset(FROM_S);

    for (int64_t t = FROM_S; t < TO_S; t += step) {
        int64_t low = t, high = t + step;
        long next = glibc_offset(high);
        if (next == last)
            continue;
        while (high - low > 1) {
            int64_t middle = low + (high - low) / 2;
            if (glibc_offset(middle) == last)
                low = middle;
            else
                high = middle;
        }
        check_change(name, z, high);
        changes++;
        last = next;
    }
    return changes;
}

static void check_random(const char *name, const struct tz *z, struct prng *p)
{
    for (int i = 0; i < 300; i++) {
        int64_t t = between(p, 0, 4102444800); /* 1970..2100: table, and footer after it */
        instant_t back;
        assert_offset(name, z, t);
        int64_t wall = tz_wall(z, t * 1000);
        enum tz_kind kind = tz_instant(z, wall, &back);
        assert_true(kind == TZ_NORMAL ? back == t * 1000 : kind == TZ_REPEATED && back <= t * 1000);
        assert_true(tz_wall(z, back) == wall);
    }
}

static void every_zone_agrees_with_glibc(void **state)
{
    FILE *list = fopen("/usr/share/zoneinfo/tzdata.zi", "r");
    char line[512], name[128];
    size_t zones = 0, changes = 0;
    uint64_t seed = test_seed();
    struct prng p;

    (void)state;
    assert_non_null(list);
    prng_seed(&p, seed);
    print_message("SEED=%llu\n", (unsigned long long)seed);
    while (fgets(line, sizeof(line), list)) {
        struct zone z;
        if (sscanf(line, "Z %127s", name) != 1)
            continue;
        zone_load(&z, name);
        glibc_zone(name);
        changes += check_changes(name, &z.tz);
        check_random(name, &z.tz, &p);
        zone_dispose(&z);
        zones++;
    }
    fclose(list);
    assert_true(zones > 300);
    assert_true(changes > 1500);
}

static void gaps_and_folds(void **state)
{
    static const struct {
        const char *zone, *wall; /* wall as if UTC */
        enum tz_kind kind;
        const char *instant;
    } rows[] = {
        {"America/New_York", "2027-03-14T02:30Z", TZ_SKIPPED, "2027-03-14T03:00-04:00"},
        {"America/New_York", "2027-03-14T02:00Z", TZ_SKIPPED, "2027-03-14T03:00-04:00"},
        {"America/New_York", "2027-03-14T03:00Z", TZ_NORMAL, "2027-03-14T03:00-04:00"},
        {"America/New_York", "2027-11-07T01:30Z", TZ_REPEATED, "2027-11-07T01:30-04:00"},
        {"America/New_York", "2027-11-07T02:00Z", TZ_NORMAL, "2027-11-07T02:00-05:00"},
        {"America/New_York", "2050-11-06T01:30Z", TZ_REPEATED,
         "2050-11-06T01:30-04:00"}, /* footer */
        {"Australia/Lord_Howe", "2027-10-03T02:15Z", TZ_SKIPPED, "2027-10-03T02:30+11:00"},
        {"Australia/Lord_Howe", "2027-04-04T01:45Z", TZ_REPEATED, "2027-04-04T01:45+11:00"},
        {"America/Santiago", "2027-09-05T00:30Z", TZ_SKIPPED, "2027-09-05T01:00-03:00"},
        {"Pacific/Apia", "2011-12-30T12:00Z", TZ_SKIPPED,
         "2011-12-31T00:00+14:00"}, /* no such day */
        {"Asia/Shanghai", "2027-03-14T02:30Z", TZ_NORMAL, "2027-03-14T02:30+08:00"},
        {"Europe/Dublin", "2027-03-28T01:30Z", TZ_SKIPPED,
         "2027-03-28T02:00+01:00"}, /* winter is "DST" */
        {"Asia/Kathmandu", "2027-06-01T00:00Z", TZ_NORMAL, "2027-06-01T00:00+05:45"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct zone z;
        instant_t got;
        zone_load(&z, rows[i].zone);
        if (tz_instant(&z.tz, at(rows[i].wall), &got) != rows[i].kind || got != at(rows[i].instant))
            fail_msg("%s %s", rows[i].zone, rows[i].wall);
        zone_dispose(&z);
    }
}

static void local_days(void **state)
{
    struct zone z;

    (void)state;
    zone_load(&z, "America/Santiago"); /* its clock is set at midnight */
    assert_int_equal(tz_day_begins(&z.tz, day_of_date(2027, 9, 5)), at("2027-09-05T01:00-03:00"));
    assert_int_equal(tz_day(&z.tz, at("2027-09-05T03:59:59Z")), day_of_date(2027, 9, 4));
    assert_int_equal(tz_day(&z.tz, at("2027-09-05T04:00:00Z")), day_of_date(2027, 9, 5));
    zone_dispose(&z);
}

static void utc_without_a_file(void **state)
{
    struct tz z;
    instant_t t;

    (void)state;
    tz_utc(&z);
    assert_int_equal(tz_offset_s(&z, 1800000000000), 0);
    assert_int_equal(tz_instant(&z, 1800000000123, &t), TZ_NORMAL);
    assert_true(t == 1800000000123);
    assert_int_equal(tz_offset_s(&z, -1), 0);
}

/* A version 2 file with an empty first block, no transitions, one type, and this footer. */
static int parse_footer(const char *footer, struct tz *z, uint8_t bytes[512])
{
    size_t length = 0, footer_length = strlen(footer);

    memset(bytes, 0, 512);
    for (uint8_t block = 0; block < 2; block++, length += 44) {
        memcpy(bytes + length, "TZif2", 5);
        bytes[length + 39] = block; /* types */
        bytes[length + 43] = block; /* characters */
    }
    length += 6 + 1;
    memcpy(bytes + length, footer, footer_length);
    return tz_parse(z, bytes, length + footer_length);
}

static void footers(void **state)
{
    static const struct {
        const char *footer;
        int rc;
        const char *when;
        int32_t offset_s;
    } rows[] = {
        {"\n\n", 0, "2027-07-01T00:00Z", 0},
        {"\nCST-8\n", 0, "2027-07-01T00:00Z", 8 * 3600},
        {"\n<+0530>-5:30\n", 0, "2027-07-01T00:00Z", 19800},
        {"\nEST5EDT,M3.2.0,M11.1.0\n", 0, "2027-07-01T00:00Z", -4 * 3600},
        {"\nEST5EDT,M3.2.0,M11.1.0\n", 0, "2027-12-01T00:00Z", -5 * 3600},
        {"\nEST5EDT4:30,J60,J300/1:02:03\n", 0, "2028-03-01T07:00Z", -16200}, /* 60: 1 March */
        {"\nEST5EDT4:30,J60,J300\n", 0, "2028-03-01T06:59Z", -5 * 3600},
        {"\nEST5EDT,59,300\n", 0, "2028-02-29T07:00Z", -4 * 3600},      /* 59: 29 February */
        {"\nEST5EDT,0/0,J365/25\n", 0, "2027-12-31T23:30Z", -4 * 3600}, /* all year */
        {"\n<-02>2<-01>,M3.5.0/-1,M10.5.0/0\n", 0, "2027-03-28T01:00Z", -3600},
        {"\n<-02>2<-01>,M3.5.0/-1,M10.5.0/0\n", 0, "2027-03-28T00:59Z", -7200},
        {"", -1, NULL, 0},
        {"\n", -1, NULL, 0},
        {"CST-8\n", -1, NULL, 0},
        {"\nCST-8", -1, NULL, 0},
        {"\nCST\n", -1, NULL, 0},
        {"\n<CST-8\n", -1, NULL, 0},
        {"\nCST-25\n", -1, NULL, 0},
        {"\nEST5EDT\n", -1, NULL, 0},
        {"\nEST5EDT,M3.2.0\n", -1, NULL, 0},
        {"\nEST5EDT,M13.2.0,M11.1.0\n", -1, NULL, 0},
        {"\nEST5EDT,M3.6.0,M11.1.0\n", -1, NULL, 0},
        {"\nEST5EDT,M3.2.7,M11.1.0\n", -1, NULL, 0},
        {"\nEST5EDT,J0,J300\n", -1, NULL, 0},
        {"\nEST5EDT,M3.2.0/168,M11.1.0\n", -1, NULL, 0},
        {"\nEST5EDT,M3.2.0,M11.1.0x\n", -1, NULL, 0},
        {"\nEST99999999999999999999\n", -1, NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[512];
        struct tz z;
        if (parse_footer(rows[i].footer, &z, bytes) != rows[i].rc)
            fail_msg("footer %s", rows[i].footer);
        if (rows[i].rc == 0 && tz_offset_s(&z, at(rows[i].when)) != rows[i].offset_s)
            fail_msg("footer %s: %d", rows[i].footer, tz_offset_s(&z, at(rows[i].when)));
    }
}

/* Each prefix of a file, then bytes changed at random: refused or usable, never read past its end.
 */
static void broken_files_do_no_harm(void **state)
{
    struct zone whole;
    struct prng p;
    uint64_t seed = test_seed();

    (void)state;
    print_message("SEED=%llu\n", (unsigned long long)seed);
    prng_seed(&p, seed);
    zone_load(&whole, "America/New_York");
    for (size_t length = 0; length < whole.length; length++) {
        uint8_t *cut = malloc(length + 1); /* + 1: malloc(0) */
        struct tz z;
        memcpy(cut, whole.bytes, length);
        cut = realloc(cut, length ? length : 1);
        assert_int_equal(tz_parse(&z, cut, length), -1);
        free(cut);
    }
    for (int i = 0; i < 20000; i++) {
        uint8_t *bytes = malloc(whole.length);
        struct tz z;
        instant_t t;
        memcpy(bytes, whole.bytes, whole.length);
        for (int64_t n = between(&p, 1, 4); n > 0; n--)
            bytes[prng_below(&p, n % 2 ? 100 : whole.length)] = (uint8_t)prng_next(&p);
        if (tz_parse(&z, bytes, whole.length) == 0) {
            for (int k = 0; k < 8; k++)
                tz_instant(&z, between(&p, -1000000000000, 4102444800000), &t);
        }
        free(bytes);
    }
    zone_dispose(&whole);
}

static void version_one_and_leap_seconds_are_refused(void **state)
{
    struct zone z;
    struct tz out;

    (void)state;
    zone_load(&z, "Asia/Shanghai");
    z.bytes[4] = 0;
    assert_int_equal(tz_parse(&out, z.bytes, z.length), -1);
    zone_dispose(&z);
    assert_int_equal(tz_parse(&out, (const uint8_t *)"TZif", 4), -1);

    FILE *f = fopen("/usr/share/zoneinfo/right/UTC", "rb");
    if (f) { /* not every machine has them: their instants are not ours */
        uint8_t bytes[4096];
        size_t length = fread(bytes, 1, sizeof(bytes), f);
        fclose(f);
        assert_int_equal(tz_parse(&out, bytes, length), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_zone_agrees_with_glibc),
        cmocka_unit_test(gaps_and_folds),
        cmocka_unit_test(local_days),
        cmocka_unit_test(utc_without_a_file),
        cmocka_unit_test(footers),
        cmocka_unit_test(broken_files_do_no_harm),
        cmocka_unit_test(version_one_and_leap_seconds_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
