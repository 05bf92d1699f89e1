#include "check.h"

#include "conf/zones.h"
#include "support.h"

#include <sys/stat.h>
#include <unistd.h>

static void zones_are_found_by_name(void **state)
{
    struct zones *z = zones_new();

    (void)state;
    const struct tz *shanghai = zones_get(z, "Asia/Shanghai");
    assert_non_null(shanghai);
    assert_int_equal(tz_offset_s(shanghai, 1800000000000), 8 * 3600);
    assert_ptr_equal(zones_get(z, "Asia/Shanghai"), shanghai);
    assert_non_null(zones_get(z, "Etc/GMT+5"));
    assert_int_equal(tz_offset_s(zones_get(z, "UTC"), 0), 0);
    zones_free(z);
    zones_free(NULL);
}

static void other_files_are_never_read(void **state)
{
    static const char *const names[] = {
        "",          "Asia/Shangai",   "../../../etc/passwd", "/etc/passwd", "Asia/../UTC",
        "Asia",      "Asia/",          "right/UTC",           "tzdata.zi",   "zone.tab",
        "localtime", "Asia//Shanghai", "asia shanghai"};
    struct zones *z = zones_new();

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (zones_get(z, names[i]))
            fail_msg("'%s' is a zone", names[i]);
    }
    zones_free(z);
}

static void utc_needs_no_file(void **state)
{
    struct zones *z = zones_new();

    (void)state;
    setenv("TZDIR", "/nonexistent", 1);
    assert_non_null(zones_get(z, "UTC"));
    assert_null(zones_get(z, "Asia/Shanghai"));
    unsetenv("TZDIR");
    assert_non_null(zones_get(z, "Asia/Shanghai"));
    zones_free(z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(zones_are_found_by_name),
                                       cmocka_unit_test(other_files_are_never_read),
                                       cmocka_unit_test(utc_needs_no_file)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
