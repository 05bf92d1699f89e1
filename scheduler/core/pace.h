/* The gap before a send. Drawn once for (seed, row, attempt); reading never redraws. */
#ifndef PACELINE_CORE_PACE_H
#define PACELINE_CORE_PACE_H

#include "core/instant.h"

#include <stdint.h>

enum pace_distribution {
    PACE_UNIFORM,     /* in [floor, ceiling] */
    PACE_EXPONENTIAL, /* floor + Exp(mean: half of the interval's width), drawn again until it is
                         not above the ceiling: most gaps are short; their mean lies 34.3% of the
                         width above the floor, their deviation is 26.3% of it */
    PACE_SPREAD       /* evenly over the time left: pace_spread */
};

struct pace {
    duration_t floor, ceiling; /* of `interval`; 0..0: no gap, several in flight */
    enum pace_distribution distribution;
};

enum { PACE_WIDTH_MAX_DAYS = 40 }; /* ceiling - floor at most */

/* In [floor, ceiling], in milliseconds. */
duration_t pace_gap(const struct pace *p, uint64_t seed, uint64_t row, uint32_t attempt);

/* Of PACE_SPREAD, in time that the schedule is open: `left` is what is left of it until the end,
 * `waiting` how many deliveries wait, `take` how many of them go together now (1 without a batch).
 * Each delivery has its even share, and one share stays free before the end:
 * left * take / (waiting + take), half of it more or less at random; never under the floor. Asked
 * anew after each send, it takes back what earlier ones were late or early, and the last send still
 * lies inside. The ceiling does not bind it. */
duration_t pace_spread(const struct pace *p, duration_t left, uint64_t waiting, uint32_t take,
                       uint64_t seed, uint64_t row, uint32_t attempt);

/* Where in its first interval a lane starts after it was closed: uniform in [0, ceiling]. */
duration_t pace_phase(const struct pace *p, uint64_t seed, uint64_t row, uint32_t attempt);

/* When the next send of a lane is due: last due + gap, and never before last answer + floor. A lane
 * that never sent (`last_due` INSTANT_MIN) starts at `now` + phase. */
instant_t pace_due(const struct pace *p, instant_t last_due, instant_t last_answer, instant_t now,
                   duration_t gap, duration_t phase);

/* `t`, or a random instant of the next minute when `t` lies in minute :00 or :30 (of UTC, and so of
 * Beijing): every platform's rush hour. Never earlier than `t`. */
instant_t pace_off_half_hour(instant_t t, uint64_t seed, uint64_t row, uint32_t attempt);

#endif
