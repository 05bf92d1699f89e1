#include "core/prng.h"

#include <assert.h>

static uint64_t rotate_left(uint64_t x, int k);
static uint64_t mix_next(uint64_t *state);

void prng_seed(struct prng *p, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        p->s[i] = mix_next(&seed);
}

/* Each argument is mixed in after the ones before it are scrambled: neighbours share nothing. */
void prng_for(struct prng *p, uint64_t seed, uint64_t row, uint32_t attempt, uint32_t purpose)
{
    uint64_t state = seed;

    state = mix_next(&state) ^ row;
    state = mix_next(&state) ^ ((uint64_t)attempt << 32 | purpose);
    prng_seed(p, mix_next(&state));
}

uint64_t prng_next(struct prng *p)
{
    uint64_t *s = p->s;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9, shifted = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t prng_below(struct prng *p, uint64_t n)
{
    assert(n > 0);
    uint64_t biased = (0 - n) % n; /* 2^64 mod n: the draws below it would come once too often */
    uint64_t draw;

    do {
        draw = prng_next(p);
    } while (draw < biased);
    return draw % n;
}

static uint64_t rotate_left(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

/* splitmix64: one step of its stream. */
static uint64_t mix_next(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}
