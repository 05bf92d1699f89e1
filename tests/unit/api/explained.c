/* The rows of `explain`: one place writes them, here they are read. */
#include "check.h"

#include "api/explained.h"
#include "api/limit_text.h"
#include "base/lang.h"

#include <string.h>

static struct tz utc;
static const instant_t noon = 20000 * (instant_t)MS_PER_DAY + 12 * MS_PER_HOUR;

static struct explained waiting(const struct campaign *c)
{
    struct explained e = {
        .campaign = c,
        .schedule = &c->schedule,
        .channel = "dry",
        .sender = "lin.yue",
        .recipient = "wm1",
        .at = noon,
        .drawn = 60000,
        .claimed_at = INSTANT_MIN,
        .x = {.next = true, .due_at = noon + 60000, .last_due = noon, .not_before = INSTANT_MIN}};

    for (int g = 0; g < GATE_COUNT; g++)
        e.x.rows[g] =
            (struct ruling){.gate = (enum gate)g, .verdict = VERDICT_GO, .not_before = noon};
    return e;
}

static void expect(const struct explained *e, enum gate gate, const char *said)
{
    struct strbuf b = STRBUF_INIT;

    explained_detail(&b, e, gate);
    assert_string_equal(b.text, said);
    strbuf_dispose(&b);
}

static struct campaign *campaign_at_noon(struct campaign *c)
{
    tz_utc(&utc);
    *c = (struct campaign){.id = "spring",
                           .schedule = {.zone = &utc, .start = INSTANT_MIN, .end = INSTANT_NEVER},
                           .pace = {.floor = 40000, .ceiling = 180000}};
    return c;
}

/* The contract's own example. */
static void a_full_limit(void **state)
{
    struct campaign c;
    struct explained e = waiting(campaign_at_noon(&c));

    (void)state;
    e.x.limits[0] = (struct engine_limit_view){.text = "200 per day sender",
                                               .gate = GATE_RATE_LIMIT,
                                               .used = 31,
                                               .max = 200,
                                               .since = INSTANT_MIN,
                                               .ready_at = noon};
    e.x.limits[1] = (struct engine_limit_view){.text = "30 per 1h sender",
                                               .gate = GATE_RATE_LIMIT,
                                               .used = 30,
                                               .max = 30,
                                               .since = noon - 1000,
                                               .ready_at = noon + 5000};
    e.x.limit_count = 2;
    expect(&e, GATE_RATE_LIMIT,
           "30 of 30 per 1h sender lin.yue since 11:59:59; 31 of 200 per day sender lin.yue");
    expect(&e, GATE_FREQUENCY_CAP, "no limit");
    e.x.rows[GATE_RATE_LIMIT] =
        (struct ruling){GATE_RATE_LIMIT, VERDICT_HOLD, REASON_RATE_LIMIT, noon + 5000};
    struct strbuf b = STRBUF_INIT;
    explained_put(&b, &e);
    assert_non_null(strstr(b.text, "{\"gate\":\"rate_limit\",\"verdict\":\"hold\",\"not_before\":"
                                   "\"2024-10-04T12:00:05.000+00:00\",\"detail\":\"30 of 30 per"));
    assert_ptr_equal(strstr(b.text, "{\"gate\":\"halt\""), b.text);
    strbuf_dispose(&b);
}

static void a_gap(void **state)
{
    struct campaign c;
    struct explained e = waiting(campaign_at_noon(&c));

    (void)state;
    expect(&e, GATE_GAP, "due 12:01:00, 1m after the last one (40s..3m)");
    e.drawn = 50000;
    expect(&e, GATE_GAP,
           "due 12:01:00, 1m after the last one (40s..3m), moved by a hold or a rest");
    e.x.last_due = INSTANT_MIN;
    e.claimed_at = e.x.due_at + 7;
    expect(&e, GATE_GAP, "due 12:01:00 (40s..3m), a random start, claimed 7ms later");
    e.x.next = false;
    e.x.before = 3;
    expect(&e, GATE_GAP, "waits for its turn: lin.yue has others to write to first, 3 at least");
}

static void another_day_is_named(void **state)
{
    struct campaign c;
    struct explained e = waiting(campaign_at_noon(&c));

    (void)state;
    e.x.due_at += MS_PER_DAY;
    expect(&e, GATE_GAP,
           "due 2024-10-05 12:01:00, 1d1m after the last one (40s..3m), moved by a hold "
           "or a rest");
}

static void limits_in_words(void **state)
{
    struct strbuf b = STRBUF_INIT;

    (void)state;
    limit_text(&b, "30 per 1h sender");
    assert_string_equal(b.text, "30 per 1h sender");
    strbuf_reset(&b);
    limit_text(&b, "9 sends per 7d person");
    assert_string_equal(b.text, "9 sends per 7d person");
    strbuf_reset(&b);
    limit_text(&b, "9 per day sender, ramp 4+3 per week");
    assert_string_equal(b.text, "9 per day sender, from 4 up by 3 each week");
    strbuf_reset(&b);
    limit_text(&b, "quota");
    assert_string_equal(b.text, "quota");
    assert_string_equal(limit_whose("1 per week recipient", "c", "ch", "s", "r"), "r");
    assert_string_equal(limit_whose("1 per week campaign", "c", "ch", "s", "r"), "c");
    assert_null(limit_whose("quota", "c", "ch", "s", "r"));
    lang_set(LANG_ZH);
    strbuf_reset(&b);
    limit_text(&b, "5 per day sender");
    assert_string_equal(b.text, "5 次（每自然日，按发送人）");
    lang_set(LANG_EN);
    strbuf_dispose(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_limit),
        cmocka_unit_test(a_gap),
        cmocka_unit_test(another_day_is_named),
        cmocka_unit_test(limits_in_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
