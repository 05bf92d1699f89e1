#include "core/pace.h"

#include "core/prng.h"

#include <assert.h>

enum { PURPOSE_GAP = 1, PURPOSE_PHASE = 2 }; /* part of every draw: never renumber */

static duration_t draw(duration_t least, duration_t most, uint64_t seed, uint64_t row,
                       uint32_t attempt, uint32_t purpose);

duration_t pace_gap(const struct pace *p, uint64_t seed, uint64_t row, uint32_t attempt)
{
    return draw(p->floor, p->ceiling, seed, row, attempt, PURPOSE_GAP);
}

duration_t pace_phase(const struct pace *p, uint64_t seed, uint64_t row, uint32_t attempt)
{
    return draw(0, p->ceiling, seed, row, attempt, PURPOSE_PHASE);
}

instant_t pace_due(const struct pace *p, instant_t last_due, instant_t last_answer, instant_t now,
                   duration_t gap, duration_t phase)
{
    instant_t due = last_due == INSTANT_MIN ? instant_add(now, phase) : instant_add(last_due, gap);
    instant_t rested = instant_add(last_answer, p->floor);

    return due > rested ? due : rested;
}

static duration_t draw(duration_t least, duration_t most, uint64_t seed, uint64_t row,
                       uint32_t attempt, uint32_t purpose)
{
    struct prng p;

    assert(least >= 0 && least <= most && most < INT64_MAX);
    prng_for(&p, seed, row, attempt, purpose);
    return least + (duration_t)prng_below(&p, (uint64_t)(most - least) + 1);
}
