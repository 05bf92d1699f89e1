/* Recipients' caps against one core limit a recipient. */
#include "check.h"

#include "core/prng.h"
#include "engine/caps.h"

#include <stdlib.h>

enum { RECIPIENTS = 12, STEPS = 4000, OPEN_MAX = 6 };

/* Some are neighbours, some far apart. */
static const int64_t ids[RECIPIENTS] = {1,  2,    3,       4,          63,         64,
                                        65, 1000, 1000000, 1000000000, 5000000000, 0};

struct pair {
    struct caps caps;
    struct rolling rolling[RECIPIENTS];
    struct calendar_limit calendar[RECIPIENTS];
    instant_t claimed[RECIPIENTS][OPEN_MAX];
    uint32_t open[RECIPIENTS];
    instant_t now;
};

static void same_everywhere(const struct pair *p, bool rolling)
{
    for (size_t i = 0; i < RECIPIENTS; i++) {
        instant_t expected = rolling ? rolling_ready_at(&p->rolling[i], p->now)
                                     : calendar_limit_ready_at(&p->calendar[i], p->now);
        assert_int_equal(caps_ready_at(&p->caps, ids[i], p->now), expected);
    }
}

static void rolling_caps(uint64_t seed)
{
    static instant_t rings[RECIPIENTS][9];
    struct pair p = {.now = -1000};
    struct prng random;

    prng_seed(&random, seed);
    uint32_t max = 1 + (uint32_t)prng_below(&random, 9);
    duration_t span = 1 + (duration_t)prng_below(&random, 2000);
    caps_init_rolling(&p.caps, max, span);
    for (size_t i = 0; i < RECIPIENTS; i++)
        rolling_init(&p.rolling[i], max, span, rings[i]);
    for (int step = 0; step < STEPS; step++) {
        size_t i = prng_below(&random, RECIPIENTS);
        struct rolling *r = &p.rolling[i];
        p.now += (instant_t)prng_below(&random, (uint64_t)span / 8 + 2);
        switch (prng_below(&random, 8)) {
        case 0:
        case 1:
        case 2: /* also beyond `max`: by a campaign that the cap does not bind */
            if (r->in_flight == OPEN_MAX)
                break;
            caps_open(&p.caps, ids[i]);
            rolling_restore_open(r);
            break;
        case 3:
        case 4:
            if (!r->in_flight)
                break;
            caps_close(&p.caps, ids[i]);
            caps_count(&p.caps, ids[i], p.now, p.now);
            rolling_answer(r, p.now);
            break;
        case 5:
            if (!r->in_flight)
                break;
            caps_close(&p.caps, ids[i]);
            rolling_untake(r);
            break;
        case 6:
            if (prng_below(&random, 8) == 0) { /* history, older than what is known */
                instant_t answered = p.now - (instant_t)prng_below(&random, 3000);
                caps_count(&p.caps, ids[i], answered, p.now);
                rolling_restore(r, answered, p.now);
            }
            break;
        default:
            if (prng_below(&random, 40) == 0) {
                caps_shift(&p.caps, 700);
                for (size_t k = 0; k < RECIPIENTS; k++)
                    rolling_shift(&p.rolling[k], 700);
            }
        }
        same_everywhere(&p, true);
    }
    caps_dispose(&p.caps);
}

static void rolling_caps_are_rolling_limits(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++)
        rolling_caps(seed);
}

/* `max` 0: a small one. */
static void calendar_caps(uint64_t seed, enum period period, uint32_t max, duration_t step_most)
{
    struct pair p = {.now = 1800000000000};
    struct prng random;
    struct tz utc;

    tz_utc(&utc);
    prng_seed(&random, seed);
    bool full = false;
    max = max ? max : 1 + (uint32_t)prng_below(&random, 4);
    caps_init_calendar(&p.caps, max, period, &utc);
    for (size_t i = 0; i < RECIPIENTS; i++)
        calendar_limit_init(&p.calendar[i], max, period, &utc);
    for (int step = 0; step < STEPS; step++) {
        size_t i = prng_below(&random, RECIPIENTS);
        struct calendar_limit *c = &p.calendar[i];
        p.now += (instant_t)prng_below(&random, (uint64_t)step_most);
        uint64_t dice = prng_below(&random, 5);
        if (dice < 2) {
            caps_count(&p.caps, ids[i], p.now, p.now);
            calendar_limit_restore(c, p.now, p.now);
            if (p.open[i] < OPEN_MAX)
                p.claimed[i][p.open[i]++] = p.now;
        } else if (dice == 2 && p.open[i] > 0) {
            instant_t claimed = p.claimed[i][--p.open[i]];
            caps_uncount(&p.caps, ids[i], claimed);
            calendar_limit_untake(c, claimed);
        } else if (dice == 3 && c->asked < OPEN_MAX) {
            caps_open(&p.caps, ids[i]);
            calendar_limit_ask(c);
        } else if (dice == 4 && c->asked > 0) {
            bool sent = prng_below(&random, 2);
            caps_close(&p.caps, ids[i]);
            if (sent)
                caps_count(&p.caps, ids[i], p.now, p.now);
            calendar_limit_settle(c, sent ? p.now : INSTANT_MIN);
        }
        same_everywhere(&p, false);
        full = full || calendar_limit_room(c, p.now) == 0;
    }
    assert_true(full); /* or nothing was tried */
    caps_dispose(&p.caps);
}

static void calendar_caps_are_calendar_limits(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        calendar_caps(seed, PERIOD_DAY, 0, 4 * MS_PER_HOUR);
        calendar_caps(seed, PERIOD_WEEK, 0, 4 * MS_PER_HOUR);
        calendar_caps(seed, PERIOD_MONTH, 0, 4 * MS_PER_HOUR);
        calendar_caps(seed, PERIOD_MONTH, LIMIT_MONTH_DAYS, MS_PER_HOUR);
    }
}

/* What a recipient costs (performance.md, W4): 8 bytes and a little for the pages. */
static void a_cap_takes_eight_bytes(void **state)
{
    enum { MANY = 100000 };
    struct caps c;
    size_t bytes = 0;

    (void)state;
    caps_init_rolling(&c, 1, 1000);
    for (int64_t id = 1; id <= MANY; id++)
        caps_count(&c, id, 0, 0);
    bytes = c.pages.count * c.page_cells * c.cell_size + c.pages.capacity * sizeof(struct map_slot);
    assert_true(bytes < MANY * 9);
    caps_dispose(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rolling_caps_are_rolling_limits),
        cmocka_unit_test(calendar_caps_are_calendar_limits),
        cmocka_unit_test(a_cap_takes_eight_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
