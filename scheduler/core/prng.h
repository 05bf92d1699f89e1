/* Randomness that is handed in: xoshiro256** seeded by splitmix64 (Blackman, Vigna; public domain
 * algorithms). The draws of a delivery depend only on (seed, row, attempt, purpose), so they are
 * the same in the plan, in the run, and after a restart: nothing is ever redrawn. Not for secrets.
 */
#ifndef PACELINE_CORE_PRNG_H
#define PACELINE_CORE_PRNG_H

#include <stdint.h>

struct prng {
    uint64_t s[4];
};

void prng_seed(struct prng *p, uint64_t seed);
/* A generator of its own for one purpose of one attempt of one row. */
void prng_for(struct prng *p, uint64_t seed, uint64_t row, uint32_t attempt, uint32_t purpose);
uint64_t prng_next(struct prng *p);
uint64_t prng_below(struct prng *p, uint64_t n); /* uniform in [0, n), n > 0, without bias */

#endif
