/* What the platform's own cap means to the engine: the service and the plan both take it from
 * spec_platform. */
#include "check.h"

#include "plan/spec.h"

#include "conf/zones.h"

#include <string.h>

static struct zones *zones;
static const struct tz *shanghai;

struct world { /* one recipient, one campaign to them that waits */
    struct arena *arena;
    struct engine *engine;
    struct schedule schedule;
    struct engine_revision spec;
    struct engine_revision_lane lane;
};

enum { CHANNEL = 1, LANE = 1, REVISION = 1, OTHER_CAMPAIGN = 9, RECIPIENT = 5 };

static const struct engine_waiting waiting = {.delivery = 1000, .row = 1, .recipient = RECIPIENT};

static void effects(struct world *w, instant_t now, const instant_t *sent, size_t count)
{
    for (struct effect f; engine_effect(w->engine, &f);) {
        if (f.kind == EFFECT_HISTORY) {
            for (size_t i = 0; i < count; i++)
                engine_history(w->engine, now, REVISION,
                               &(struct engine_send){.delivery = (int64_t)i + 1,
                                                     .campaign = OTHER_CAMPAIGN,
                                                     .lane = LANE,
                                                     .recipient = RECIPIENT,
                                                     .claimed_at = sent[i],
                                                     .answered_at = sent[i]});
            engine_primed(w->engine, now, REVISION);
        } else if (f.kind == EFFECT_FETCH) {
            engine_fetched(w->engine, now, REVISION, LANE, &waiting, 1, false);
        }
    }
}

/* The recipient was written to at these instants; it is `now`. */
static void world_init(struct world *w, enum receive_cap cap, instant_t now, const instant_t *sent,
                       size_t count)
{
    static const struct engine_channel channel = {
        .id = CHANNEL, .account = 1, .in_flight_max = 1, .asks = true, .platform_asks = true};
    struct campaign c = {.confirm = {.taps_per_day = 100}};

    *w = (struct world){.arena = arena_new(), .engine = engine_new()};
    w->schedule = (struct schedule){.zone = shanghai, .start = INSTANT_MIN, .end = INSTANT_NEVER};
    c.schedule = w->schedule;
    engine_add_channel(w->engine, &channel);
    engine_add_lane(w->engine, &(struct engine_lane){.id = LANE,
                                                     .channel = CHANNEL,
                                                     .sender = 1,
                                                     .last_due = INSTANT_MIN,
                                                     .last_answer = INSTANT_MIN});
    spec_revision(&w->spec, &c, w->arena);
    spec_platform(&w->spec, &c, cap, shanghai, w->arena);
    w->lane = (struct engine_revision_lane){.lane = LANE, .waiting = 1};
    w->spec.id = REVISION;
    w->spec.campaign = 1;
    w->spec.channel = CHANNEL;
    w->spec.schedule = &w->schedule;
    w->spec.lanes = &w->lane;
    w->spec.lane_count = 1;
    engine_add_revision(w->engine, now, &w->spec);
    effects(w, now, sent, count);
}

static void world_dispose(struct world *w)
{
    engine_free(w->engine);
    arena_free(w->arena);
}

static instant_t day_in(int year, int month, int day)
{
    return tz_day_begins(shanghai, day_of_date(year, month, day));
}

/* Whether it may go at `now`, or not before `until`. */
static void expect(enum receive_cap cap, instant_t now, const instant_t *sent, size_t count,
                   uint32_t max, instant_t until)
{
    struct engine_explained x;
    struct world w;

    world_init(&w, cap, now, sent, count);
    assert_true(engine_explain(w.engine, now, REVISION, LANE, &waiting, &x));
    assert_int_equal(x.rows[GATE_FREQUENCY_CAP].verdict, until > now ? VERDICT_HOLD : VERDICT_GO);
    assert_int_equal(x.rows[GATE_FREQUENCY_CAP].not_before, until);
    assert_int_equal(x.limits[0].used, count);
    assert_int_equal(x.limits[0].max, max);
    world_dispose(&w);
}

/* 28, 29, 30 or 31: for each month of five years, a leap year among them, by an independent table.
 * The month is the platform's: it begins at midnight in Shanghai, 16 hours into a day in UTC. */
static void a_month_has_as_many_as_it_has_days(void **state)
{
    static const uint32_t usual[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    instant_t sent[31];

    (void)state;
    for (int month = 0; month < 5 * 12; month++) {
        int year = 2026 + month / 12, m = month % 12 + 1;
        uint32_t days = m == 2 && year % 4 == 0 ? 29 : usual[m - 1];
        instant_t next = m == 12 ? day_in(year + 1, 1, 1) : day_in(year, m + 1, 1);
        for (uint32_t n = 0; n < days; n++) /* the first in the month's first millisecond */
            sent[n] = day_in(year, m, 1) + n;
        expect(RECEIVE_MONTH_DAYS, next - 1, sent, days - 1, days, next - 1);
        expect(RECEIVE_MONTH_DAYS, next - 1, sent, days, days, next);
        sent[0]--; /* of the month before */
        struct world w;
        struct engine_explained x;
        world_init(&w, RECEIVE_MONTH_DAYS, next - 1, sent, days);
        assert_true(engine_explain(w.engine, next - 1, REVISION, LANE, &waiting, &x));
        assert_int_equal(x.rows[GATE_FREQUENCY_CAP].verdict, VERDICT_GO);
        assert_int_equal(x.limits[0].used, days - 1);
        world_dispose(&w);
    }
}

static void a_day_has_one_and_a_week_seven(void **state)
{
    instant_t monday = day_in(2027, 3, 1), sent[7];

    (void)state;
    for (int n = 0; n < 7; n++)
        sent[n] = monday + n * (instant_t)MS_PER_HOUR;
    expect(RECEIVE_DAILY, monday + MS_PER_DAY - 1, sent, 1, 1, monday + MS_PER_DAY);
    expect(RECEIVE_WEEKLY, monday + 3 * MS_PER_DAY, sent, 6, 7, monday + 3 * MS_PER_DAY);
    expect(RECEIVE_WEEKLY, monday + 3 * MS_PER_DAY, sent, 7, 7, monday + 7 * MS_PER_DAY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_month_has_as_many_as_it_has_days),
        cmocka_unit_test(a_day_has_one_and_a_week_seven),
    };
    int rc;

    zones = zones_new();
    shanghai = zones_get(zones, PLATFORM_ZONE);
    rc = shanghai ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
    zones_free(zones);
    return rc;
}
