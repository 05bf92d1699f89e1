#include "core/pace.h"

#include "core/prng.h"

#include <assert.h>
#include <stdbool.h>

enum {
    PURPOSE_GAP = 1,
    PURPOSE_PHASE = 2,
    PURPOSE_HALF_HOUR = 3
}; /* part of every draw: never renumber */

static duration_t uniform(struct prng *random, duration_t least, duration_t most);
static duration_t exponential(struct prng *random, duration_t least, duration_t most);

duration_t pace_gap(const struct pace *p, uint64_t seed, uint64_t row, uint32_t attempt)
{
    struct prng random;

    prng_for(&random, seed, row, attempt, PURPOSE_GAP);
    return p->distribution == PACE_EXPONENTIAL ? exponential(&random, p->floor, p->ceiling)
                                               : uniform(&random, p->floor, p->ceiling);
}

duration_t pace_spread(const struct pace *p, duration_t left, uint64_t waiting, uint32_t take,
                       uint64_t seed, uint64_t row, uint32_t attempt)
{
    struct prng random;

    assert(left >= 0 && take > 0 && take <= waiting);
    duration_t share = (duration_t)((uint64_t)left / (waiting + take)) * take +
                       (duration_t)((uint64_t)left % (waiting + take) * take / (waiting + take));
    prng_for(&random, seed, row, attempt, PURPOSE_GAP);
    duration_t gap = share / 2 + uniform(&random, 0, share);
    return gap > p->floor ? gap : p->floor;
}

duration_t pace_phase(const struct pace *p, uint64_t seed, uint64_t row, uint32_t attempt)
{
    struct prng random;

    prng_for(&random, seed, row, attempt, PURPOSE_PHASE);
    return uniform(&random, 0, p->ceiling);
}

instant_t pace_due(const struct pace *p, instant_t last_due, instant_t last_answer, instant_t now,
                   duration_t gap, duration_t phase)
{
    instant_t due = last_due == INSTANT_MIN ? instant_add(now, phase) : instant_add(last_due, gap);
    instant_t rested = instant_add(last_answer, p->floor);

    return due > rested ? due : rested;
}

instant_t pace_off_half_hour(instant_t t, uint64_t seed, uint64_t row, uint32_t attempt)
{
    const duration_t half = 30 * MS_PER_MINUTE;
    duration_t into = (t % half + half) % half;
    struct prng random;

    if (t == INSTANT_NEVER || into >= MS_PER_MINUTE)
        return t;
    prng_for(&random, seed, row, attempt, PURPOSE_HALF_HOUR);
    return t - into + MS_PER_MINUTE + uniform(&random, 0, MS_PER_MINUTE - 1);
}

static duration_t uniform(struct prng *random, duration_t least, duration_t most)
{
    assert(least >= 0 && least <= most && most < INT64_MAX);
    return least + (duration_t)prng_below(random, (uint64_t)(most - least) + 1);
}

/* Exp(1) below 2, in units of 2^-31, by von Neumann's comparisons (1951): of draws that keep
 * falling, the first is accepted when their number is odd; else one more whole unit has passed.
 * Integers only: the same gap on every machine. */
static uint64_t exponential_below_two(struct prng *random)
{
    for (uint64_t whole = 0;; whole = whole == 0) {
        uint64_t first = prng_next(random) >> 33, last = first, next;
        bool odd = true;

        while ((next = prng_next(random) >> 33) < last) {
            last = next;
            odd = !odd;
        }
        if (odd)
            return whole << 31 | first;
    } /* at two it begins anew: truncated, not cut */
}

static duration_t exponential(struct prng *random, duration_t least, duration_t most)
{
    assert(least >= 0 && least <= most &&
           most - least <= PACE_WIDTH_MAX_DAYS * (duration_t)MS_PER_DAY);
    uint64_t steps = (uint64_t)(most - least) + 1;

    return least + (duration_t)(exponential_below_two(random) * steps >> 32);
}
