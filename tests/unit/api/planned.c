/* The contract's objects of a plan, byte by byte. */
#include "check.h"

#include "api/planned.h"

#include <string.h>

static struct tz utc;

static struct plan *three_rows(const struct schedule *s)
{
    struct plan_setup setup = {
        .channel = {.in_flight_max = 1},
        .terms = {.seed = 5, .schedule = s, .pace = {.floor = 60000, .ceiling = 60000}},
        .from = 20000 * (instant_t)MS_PER_DAY,
        .sender_count = 1};
    struct plan *p = plan_new(&setup);

    plan_add(p, 0, 0, REASON_NONE, 0);
    plan_add(p, 0, 0, REASON_SUPPRESSED, 0);
    plan_add(p, 0, 0, REASON_NONE, 0);
    while (plan_run(p, SIZE_MAX))
        ;
    return p;
}

static void rows_and_summary(void **state)
{
    static const char *const senders[] = {"lin.yue"};
    const struct digest digest = digest_of("x", 1);
    struct planned whose = {.campaign = "spring",
                            .channel = "dry",
                            .revision = &digest,
                            .senders = senders,
                            .sender_count = 1,
                            .zone = &utc,
                            .seed = 18446744073709551615u};
    struct strbuf b = STRBUF_INIT;

    (void)state;
    tz_utc(&utc);
    instant_t start = 20000 * (instant_t)MS_PER_DAY;
    struct schedule s = {.zone = &utc, .start = start, .end = start + 90000};
    struct plan *p = three_rows(&s);
    struct plan_row row = plan_row(p, 2);
    planned_row(&b, &whose, 2, &row, "w\"2");
    assert_non_null(
        strstr(b.text, "{\"delivery\":2,\"campaign\":\"spring\",\"revision\":\"sha256:"));
    assert_non_null(strstr(b.text,
                           "\"channel\":\"dry\",\"sender\":\"lin.yue\",\"recipient\":\"w\\\"2\","
                           "\"state\":\"skipped\",\"reason\":\"suppressed\",\"due_at\":null,"
                           "\"claimed_at\":null,\"settled_at\":null,\"attempts\":0,"
                           "\"channel_ref\":null}"));
    strbuf_reset(&b);
    row = plan_row(p, 1);
    planned_row(&b, &whose, 1, &row, "w1");
    assert_non_null(
        strstr(b.text, "\"state\":\"planned\",\"reason\":null,\"due_at\":\"2024-10-04T0"));
    strbuf_reset(&b);
    planned_sum_open(&b, &whose, p);
    const struct plan_sum *sum = plan_sum(p);
    assert_int_equal(sum->planned + sum->shortfall, 2);
    assert_non_null(strstr(b.text, "\"recipients\":3,\"planned\":"));
    assert_non_null(strstr(b.text, "\"skipped\":{\"suppressed\":1},\"shortfall\":"));
    assert_non_null(strstr(b.text, "\"taps\":{},\"binding\":[{\"limit\":\"gap\",\"holds_s\":"));
    assert_non_null(strstr(b.text, "\"seed\":\"18446744073709551615\",\"days\":[{\"date\":"
                                   "\"2024-10-04\",\"hours\":["));
    plan_free(p);
    strbuf_dispose(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_summary),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
