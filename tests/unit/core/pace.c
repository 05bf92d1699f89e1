#include "check.h"

#include "core/pace.h"

#include <math.h>

static void gaps_are_uniform_in_the_interval(void **state)
{
    static const struct pace paces[] = {{30000, 90000, PACE_UNIFORM},
                                        {200, 900, PACE_UNIFORM},
                                        {0, 5, PACE_UNIFORM},
                                        {0, 1, PACE_UNIFORM}};
    enum { DRAWS = 40000 };

    (void)state;
    for (size_t i = 0; i < sizeof(paces) / sizeof(paces[0]); i++) {
        const struct pace *p = &paces[i];
        double sum = 0, squares = 0, n = (double)(p->ceiling - p->floor + 1);
        duration_t least = INT64_MAX, most = -1;
        for (uint64_t row = 0; row < DRAWS; row++) {
            duration_t gap = pace_gap(p, 5, row, 1);
            assert_true(gap >= p->floor && gap <= p->ceiling);
            least = gap < least ? gap : least;
            most = gap > most ? gap : most;
            sum += (double)gap;
            squares += (double)gap * (double)gap;
        }
        double mean = sum / DRAWS, deviation = sqrt(squares / DRAWS - mean * mean);
        double expected = (double)(p->floor + p->ceiling) / 2, spread = sqrt((n * n - 1) / 12);
        assert_true(fabs(mean - expected) < 4 * spread / sqrt(DRAWS));
        assert_true(fabs(deviation - spread) < 0.02 * spread);
        assert_true((double)(least - p->floor) < n / 500); /* both ends are reached */
        assert_true((double)(p->ceiling - most) < n / 500);
    }
}

/* Exp(mean m) below 2m, m half the width: mean m (1 - 2 r), deviation m sqrt(1 - 4 q) with r, q of
 * e^-2; and the whole curve, against its distribution function. */
static void exponential_gaps_are_truncated_to_the_interval(void **state)
{
    static const struct pace paces[] = {{30000, 90000, PACE_EXPONENTIAL},
                                        {0, 20000, PACE_EXPONENTIAL},
                                        {1000, 30 * (duration_t)MS_PER_DAY, PACE_EXPONENTIAL}};
    enum { DRAWS = 40000, PARTS = 20 };

    (void)state;
    for (size_t i = 0; i < sizeof(paces) / sizeof(paces[0]); i++) {
        const struct pace *p = &paces[i];
        double width = (double)(p->ceiling - p->floor), m = width / 2, e2 = exp(-2);
        double sum = 0, squares = 0, parts[PARTS] = {0};
        for (uint64_t row = 0; row < DRAWS; row++) {
            duration_t gap = pace_gap(p, 5, row, 1);
            assert_true(gap >= p->floor && gap <= p->ceiling);
            double x = (double)(gap - p->floor);
            sum += x;
            squares += x * x;
            parts[(size_t)(x / (width + 1) * PARTS)]++;
        }
        double mean = sum / DRAWS, deviation = sqrt(squares / DRAWS - mean * mean);
        double expected = m * (1 - 2 * e2 / (1 - e2));
        double spread = m * sqrt(1 - 4 * e2 / ((1 - e2) * (1 - e2)));
        assert_true(fabs(mean - expected) < 4 * spread / sqrt(DRAWS));
        assert_true(fabs(deviation - spread) < 0.02 * spread);
        double chi = 0;
        for (int k = 0; k < PARTS; k++) {
            double share = (exp(-2.0 * k / PARTS) - exp(-2.0 * (k + 1) / PARTS)) / (1 - e2);
            double off = parts[k] - DRAWS * share;
            chi += off * off / (DRAWS * share);
        }
        assert_true(chi < 50); /* 19 degrees of freedom: 1 in 10,000 is above 50 */
    }
    struct pace fixed = {5000, 5000, PACE_EXPONENTIAL};
    assert_int_equal(pace_gap(&fixed, 1, 2, 3), 5000);
}

/* n sends over a time, each asking anew: even shares, none outside, whatever the dice say. */
static void what_is_spread_ends_inside_and_is_even(void **state)
{
    const struct pace p = {.floor = 5, .ceiling = 9, .distribution = PACE_SPREAD};
    enum { SENDS = 100, RUNS = 400, TOTAL = 1000000 };
    double sum = 0, squares = 0, places[SENDS] = {0};

    (void)state;
    for (uint64_t run = 0; run < RUNS; run++) {
        duration_t gone = 0;
        for (uint64_t waiting = SENDS; waiting > 0; waiting--) {
            duration_t share = (TOTAL - gone) / (duration_t)(waiting + 1);
            duration_t gap = pace_spread(&p, TOTAL - gone, waiting, 1, run, waiting, 0);
            assert_in_range(gap, share / 2, share + share / 2 + 1);
            gone += gap;
            places[SENDS - waiting] += (double)gone / RUNS;
            double part = (double)gap / (double)share;
            sum += part;
            squares += part * part;
        }
        assert_true(gone < TOTAL);
    }
    double n = SENDS * RUNS, mean = sum / n;
    assert_true(fabs(mean - 1) < 0.01);
    assert_true(fabs(sqrt(squares / n - mean * mean) - 1 / sqrt(12)) < 0.01);
    for (int i = 0; i < SENDS; i++) /* on average at its even place */
        assert_true(fabs(places[i] - TOTAL * (i + 1.0) / (SENDS + 1)) < TOTAL / 100.0);
    /* the floor is kept though there is no time for it; a batch has the share of all it takes */
    assert_int_equal(pace_spread(&p, 20, 100, 1, 1, 1, 0), 5);
    assert_int_equal(pace_spread(&p, 0, 1, 1, 1, 1, 0), 5);
    assert_in_range(pace_spread(&p, 100000, 150, 50, 1, 1, 0), 12500, 37500);
    assert_in_range(pace_spread(&p, 800 * (duration_t)MS_PER_DAY, 10000, 10000, 1, 1, 0),
                    200 * (duration_t)MS_PER_DAY, 600 * (duration_t)MS_PER_DAY);
}

static void half_hours_are_left_to_others(void **state)
{
    const instant_t hour = 500000 * (instant_t)MS_PER_HOUR, half = hour + 30 * MS_PER_MINUTE;
    static const duration_t kept[] = {-1, 60000, 60001, 29 * 60000 + 59999};
    double sum = 0;

    (void)state;
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        assert_int_equal(pace_off_half_hour(hour + kept[i], 1, 2, 3), hour + kept[i]);
        assert_int_equal(pace_off_half_hour(half + kept[i], 1, 2, 3), half + kept[i]);
    }
    for (uint64_t row = 0; row < 10000; row++) {
        instant_t t = (row % 2 ? hour : half) + (instant_t)(row * 6);
        instant_t moved = pace_off_half_hour(t, 9, row, 1);
        assert_in_range(moved % (30 * MS_PER_MINUTE), 60000, 119999);
        assert_true(moved > t && moved - t < 2 * MS_PER_MINUTE);
        assert_int_equal(moved, pace_off_half_hour(t, 9, row, 1));
        sum += (double)(moved % (30 * MS_PER_MINUTE));
    }
    assert_true(fabs(sum / 10000 - 90000) < 4 * 17320.0 / 100);
    assert_true(pace_off_half_hour(INSTANT_NEVER, 1, 2, 3) == INSTANT_NEVER);
    assert_int_equal(pace_off_half_hour(-1, 1, 2, 3), -1);
    assert_in_range(pace_off_half_hour(-30 * MS_PER_MINUTE, 1, 2, 3) + 30 * MS_PER_MINUTE, 60000,
                    119999);
}

static void a_gap_is_drawn_once(void **state)
{
    struct pace p = {.floor = 30000, .ceiling = 90000};

    (void)state;
    assert_int_equal(pace_gap(&p, 1, 2, 3), pace_gap(&p, 1, 2, 3));
    assert_int_not_equal(pace_gap(&p, 1, 2, 3), pace_gap(&p, 1, 2, 4));
    assert_int_not_equal(pace_gap(&p, 1, 2, 3), pace_gap(&p, 1, 3, 3));
    assert_int_not_equal(pace_gap(&p, 1, 2, 3), pace_gap(&p, 2, 2, 3));
    struct pace fixed = {.floor = 5000, .ceiling = 5000}, none = {0};
    assert_int_equal(pace_gap(&fixed, 1, 2, 3), 5000);
    assert_int_equal(pace_gap(&none, 1, 2, 3), 0);
    assert_int_equal(pace_phase(&none, 1, 2, 3), 0);
}

static void phases_fill_the_first_interval(void **state)
{
    struct pace p = {.floor = 30000, .ceiling = 90000};
    double sum = 0, together = 0;

    (void)state;
    for (uint64_t row = 0; row < 20000; row++) {
        duration_t phase = pace_phase(&p, 5, row, 1), gap = pace_gap(&p, 5, row, 1);
        assert_true(phase >= 0 && phase <= p.ceiling);
        sum += (double)phase;
        together += ((double)phase - 45000) * ((double)gap - 60000);
    }
    assert_true(fabs(sum / 20000 - 45000) < 800);
    /* and is not the gap in another guise: no correlation (4 sigma of 1/sqrt(n)) */
    assert_true(fabs(together / 20000) < 4 * 25981.0 * 17320.0 / sqrt(20000));
}

static void due_instants(void **state)
{
    static const struct {
        instant_t last_due, last_answer, now;
        duration_t gap, phase;
        instant_t due;
    } rows[] = {
        {INSTANT_MIN, INSTANT_MIN, 1000, 50, 7, 1007}, /* never sent: a random phase */
        {INSTANT_MIN, 995, 1000, 50, 7, 1025},         /* still the floor after an answer */
        {1000, 1002, 1003, 50, 7, 1050},        /* from due to due: lateness does not add up */
        {1000, 1045, 1046, 50, 7, 1075},        /* the floor is kept from the answer */
        {1000, 1020, 1021, 50, 7, 1050},        /* just */
        {1000, INSTANT_MIN, 9000, 50, 7, 1050}, /* in the past: due at once */
        {INSTANT_NEVER, 1000, 1000, 50, 7, INSTANT_NEVER},
    };
    struct pace p = {.floor = 30, .ceiling = 90};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_true(pace_due(&p, rows[i].last_due, rows[i].last_answer, rows[i].now, rows[i].gap,
                             rows[i].phase) == rows[i].due);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaps_are_uniform_in_the_interval),
        cmocka_unit_test(exponential_gaps_are_truncated_to_the_interval),
        cmocka_unit_test(what_is_spread_ends_inside_and_is_even),
        cmocka_unit_test(half_hours_are_left_to_others),
        cmocka_unit_test(a_gap_is_drawn_once),
        cmocka_unit_test(phases_fill_the_first_interval),
        cmocka_unit_test(due_instants),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
