/* Gaps: inside the interval, and really random. What a distribution promises is computed here from
 * its textbook form; the statistics are of fixed seeds, so that a run is right or wrong, not
 * lucky. */
#include "property.h"

#include "core/pace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DRAWS = 60000, BINS = 64 };

static const struct pace paces[] = {
    {.floor = 40000, .ceiling = 180000}, {.floor = 30000, .ceiling = 90000},
    {.floor = 200, .ceiling = 900},      {.floor = 0, .ceiling = 3600000},
    {.floor = 0, .ceiling = 127},        {.floor = 86400000, .ceiling = 864000000},
};
enum { PACES = sizeof paces / sizeof paces[0] };

static struct pace pace_any(struct dice *d)
{
    struct pace p = {.floor = dice_one_in(d, 4) ? 0 : dice_between(d, 0, 1 << dice_below(d, 30))};

    p.ceiling = p.floor + (dice_one_in(d, 5) ? 0 : dice_between(d, 0, 1 << dice_below(d, 30)));
    p.distribution = dice_one_in(d, 2) ? PACE_UNIFORM : PACE_EXPONENTIAL;
    return p;
}

static void gaps_lie_inside_and_are_drawn_once(struct dice *d)
{
    struct pace p = pace_any(d);
    uint64_t seed = dice_next(d), row = dice_one_in(d, 2) ? dice_next(d) : dice_below(d, 100);
    uint32_t attempt = (uint32_t)dice_below(d, 5);
    duration_t gap = pace_gap(&p, seed, row, attempt), phase = pace_phase(&p, seed, row, attempt);

    property_check(gap >= p.floor && gap <= p.ceiling, "gap %lld of %lld..%lld", (long long)gap,
                   (long long)p.floor, (long long)p.ceiling);
    property_check(phase >= 0 && phase <= p.ceiling, "phase %lld of 0..%lld", (long long)phase,
                   (long long)p.ceiling);
    for (int i = 0; i < 3; i++) {
        pace_gap(&p, dice_next(d), row + 1, attempt); /* whatever is drawn between */
        property_check(pace_gap(&p, seed, row, attempt) == gap, "a gap was redrawn");
        property_check(pace_phase(&p, seed, row, attempt) == phase, "a phase was redrawn");
    }
}

/* Due: last due + gap, and never before last answer + floor. */
static void due_keeps_the_floor(struct dice *d)
{
    struct pace p = pace_any(d);
    instant_t last_due = dice_between(d, 0, 1 << 30);
    instant_t answer = last_due + dice_between(d, 0, 2 * p.ceiling + 1000);
    instant_t now = answer + dice_between(d, 0, 1000);
    duration_t gap = dice_between(d, p.floor, p.ceiling);
    instant_t due = pace_due(&p, last_due, answer, now, gap, 0);
    instant_t slow = last_due;

    while (slow < last_due + gap || slow < answer + p.floor) /* by leaps, then one by one */
        slow += slow + 4096 < last_due + gap || slow + 4096 < answer + p.floor ? 4096 : 1;
    property_check(due == slow, "due %lld, the model %lld", (long long)due, (long long)slow);
}

/* --- statistics --- */

static int ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* The largest distance between the sample and the distribution, times sqrt(n): above 2.2 about once
 * in 8,000 samples. */
static double kolmogorov(double *u, size_t n)
{
    double worst = 0;

    qsort(u, n, sizeof *u, ascending);
    for (size_t i = 0; i < n; i++) {
        double above = (double)(i + 1) / (double)n - u[i], below = u[i] - (double)i / (double)n;
        worst = fmax(worst, fmax(above, below));
    }
    return worst * sqrt((double)n);
}

static double chi_square(const unsigned *bins, size_t count, double expected)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += (bins[i] - expected) * (bins[i] - expected) / expected;
    return sum;
}

typedef duration_t draw_fn(const struct pace *p, uint64_t seed, uint64_t row, uint32_t attempt);

/* What each way of counting through (seed, row, attempt) gives is as random as the others. */
static duration_t drawn(draw_fn *draw, const struct pace *p, int way, uint64_t i)
{
    switch (way) {
    case 0:
        return draw(p, 7, i, 1); /* the rows of one campaign */
    case 1:
        return draw(p, i, 1, 1); /* one row of many campaigns */
    default:
        return draw(p, 99, i / 5, (uint32_t)(i % 5)); /* attempts */
    }
}

/* Where in its interval a draw of whole milliseconds lies: the middle of its millisecond. */
static double place_in(duration_t x, duration_t least, duration_t most)
{
    return ((double)(x - least) + 0.5) / ((double)(most - least) + 1);
}

/* How much of Exp(mean: half of the width), truncated to the width, lies below `x` of it. */
static double exponential_below(double x)
{
    return (1 - exp(-2 * x)) / (1 - exp(-2));
}

/* Draws, each turned into how much of the distribution lies below it, are uniform. */
static void sample(draw_fn *draw, const struct pace *p, duration_t least, int way)
{
    static double u[DRAWS];
    unsigned bins[BINS] = {0}, pairs[BINS] = {0};
    double sum = 0, squares = 0, together = 0, n = DRAWS;

    for (uint64_t i = 0; i < DRAWS; i++) {
        u[i] = place_in(drawn(draw, p, way, i), least, p->ceiling);
        if (p->distribution == PACE_EXPONENTIAL)
            u[i] = exponential_below(u[i]);
        property_check(u[i] > 0 && u[i] < 1, "a draw outside %lld..%lld", (long long)least,
                       (long long)p->ceiling);
        bins[(int)(u[i] * BINS)]++;
        if (i)
            pairs[(int)(u[i - 1] * 8) * 8 + (int)(u[i] * 8)]++;
        sum += u[i];
        squares += (u[i] - 0.5) * (u[i] - 0.5);
        together += i ? (u[i] - 0.5) * (u[i - 1] - 0.5) : 0;
    }
    double mean = sum / n, spread = sqrt(squares / n), follows = together / n * 12;
    property_check(fabs(mean - 0.5) < 4 * sqrt(1.0 / 12 / n), "mean %f, way %d", mean, way);
    property_check(fabs(spread - sqrt(1.0 / 12)) < 4 * sqrt(1.0 / 60 / n), "spread %f, way %d",
                   spread, way); /* the spread's own spread is sqrt(1/60n) */
    property_check(fabs(follows) < 4 / sqrt(n), "a draw follows the one before: %f, way %d",
                   follows, way);
    /* 63 degrees of freedom: above 118 about once in 30,000 */
    if (p->ceiling - least > 1000 || (p->ceiling - least + 1) % BINS == 0) /* bins of one width */
        property_check(chi_square(bins, BINS, n / BINS) < 118, "bins %f, way %d",
                       chi_square(bins, BINS, n / BINS), way);
    property_check(chi_square(pairs, BINS, (n - 1) / BINS) < 118, "pairs %f, way %d",
                   chi_square(pairs, BINS, (n - 1) / BINS), way);
    if (p->ceiling - least > 1000)
        property_check(kolmogorov(u, DRAWS) < 2.2, "Kolmogorov-Smirnov %f, way %d",
                       kolmogorov(u, DRAWS), way);
}

static void gaps_are_uniform(struct dice *d)
{
    (void)d;
    for (size_t i = 0; i < PACES; i++) {
        for (int way = 0; way < 3; way++)
            sample(pace_gap, &paces[i], paces[i].floor, way);
    }
}

/* Also by the figures that core/pace.h tells people: the mean 34.3 % of the width above the floor,
 * the deviation 26.3 % of it. */
static void gaps_are_exponential(struct dice *d)
{
    (void)d;
    for (size_t i = 0; i < PACES; i++) {
        struct pace p = paces[i];
        double sum = 0, squares = 0, width = (double)(p.ceiling - p.floor);
        p.distribution = PACE_EXPONENTIAL;
        for (int way = 0; way < 3 && p.ceiling - p.floor > 1000; way++)
            sample(pace_gap, &p, p.floor, way);
        for (uint64_t row = 0; row < DRAWS; row++) {
            double x = ((double)(pace_gap(&p, 11, row, 1) - p.floor) + 0.5) / (width + 1);
            sum += x;
            squares += x * x;
        }
        double mean = sum / DRAWS, deviation = sqrt(squares / DRAWS - mean * mean);
        property_check(fabs(mean - 0.3435) < 0.0045, "mean %f", mean); /* 4 sigma */
        property_check(fabs(deviation - 0.2627) < 0.003, "deviation %f", deviation);
    }
}

static void phases_are_uniform(struct dice *d)
{
    (void)d;
    for (size_t i = 0; i < PACES; i++) {
        for (int way = 0; way < 3; way++)
            sample(pace_phase, &paces[i], 0, way);
    }
}

/* A lane's phase says nothing about its next gap. */
static void phase_and_gap_are_strangers(struct dice *d)
{
    unsigned pairs[BINS] = {0};
    const struct pace *p = &paces[1];

    (void)d;
    for (uint64_t row = 0; row < DRAWS; row++) {
        double gap = place_in(pace_gap(p, 3, row, 1), p->floor, p->ceiling);
        double phase = place_in(pace_phase(p, 3, row, 1), 0, p->ceiling);
        pairs[(int)(gap * 8) * 8 + (int)(phase * 8)]++;
    }
    property_check(chi_square(pairs, BINS, (double)DRAWS / BINS) < 118, "pairs %f",
                   chi_square(pairs, BINS, (double)DRAWS / BINS));
}

int main(int argc, char **argv)
{
    static const struct property list[] = {
        {"gaps and phases lie inside their interval and are drawn once",
         gaps_lie_inside_and_are_drawn_once, 3000},
        {"a due instant is last due plus gap, never before last answer plus floor",
         due_keeps_the_floor, 2000},
        {"uniform gaps: mean, spread, bins, order", gaps_are_uniform, 0},
        {"exponential gaps: mean, spread, bins, order", gaps_are_exponential, 0},
        {"phases are uniform in the interval", phases_are_uniform, 0},
        {"a phase says nothing about the gap", phase_and_gap_are_strangers, 0},
    };

    return property_main(argc, argv, list, sizeof list / sizeof list[0]);
}
