/* The gap before a send. Drawn once for (seed, row, attempt); reading never redraws. */
#ifndef PACELINE_CORE_PACE_H
#define PACELINE_CORE_PACE_H

#include "core/instant.h"

#include <stdint.h>

struct pace {
    duration_t floor, ceiling; /* of `interval`; 0..0: no gap, several in flight */
};

/* Uniform in [floor, ceiling], in milliseconds. */
duration_t pace_gap(const struct pace *p, uint64_t seed, uint64_t row, uint32_t attempt);

/* Where in its first interval a lane starts after it was closed: uniform in [0, ceiling]. */
duration_t pace_phase(const struct pace *p, uint64_t seed, uint64_t row, uint32_t attempt);

/* When the next send of a lane is due: last due + gap, and never before last answer + floor. A lane
 * that never sent (`last_due` INSTANT_MIN) starts at `now` + phase. */
instant_t pace_due(const struct pace *p, instant_t last_due, instant_t last_answer, instant_t now,
                   duration_t gap, duration_t phase);

#endif
