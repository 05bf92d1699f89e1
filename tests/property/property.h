/* Random cases against slow models that are written from the contract's text and never ask the code
 * under test what to expect. A program here is a table of properties and a call of property_main().
 *
 *     PROGRAM                       each property with its usual number of cases: seeds 1, 2, ...
 *     PROGRAM --seeds N             with N cases each
 *     PROGRAM --seed S [PROPERTY]   one case again
 *
 * The dice are not core/prng: a fault there must not hide itself. Prints TAP. */
#ifndef PACELINE_TESTS_PROPERTY_H
#define PACELINE_TESTS_PROPERTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

uint64_t dice_next(struct dice *d);
uint64_t dice_below(struct dice *d, uint64_t n);                   /* in [0, n) */
int64_t dice_between(struct dice *d, int64_t least, int64_t most); /* both included */
bool dice_one_in(struct dice *d, uint64_t n);
double dice_unit(struct dice *d); /* in [0, 1) */

struct property {
    const char *name;
    void (*run)(struct dice *d);
    uint64_t cases; /* in `./dev test`; 0: it rolls no dice and runs once */
};

int property_main(int argc, char **argv, const struct property *list, size_t count);

/* Says what was wrong, with the seed, and ends the property. */
_Noreturn void property_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define property_check(ok, ...)                                                                    \
    do {                                                                                           \
        if (!(ok))                                                                                 \
            property_fail(__VA_ARGS__);                                                            \
    } while (0)

#endif
