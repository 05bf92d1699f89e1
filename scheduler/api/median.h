/* The median of many durations in bounded memory, by counting them: to the millisecond below ten
 * seconds, to the second below a day, to the minute up to a year; what is longer counts as a year.
 */
#ifndef PACELINE_API_MEDIAN_H
#define PACELINE_API_MEDIAN_H

#include "core/instant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct median_class {
    uint32_t key; /* from 1; 0: free */
    uint32_t count;
};

struct median { /* zeroed: empty */
    struct median_class *classes;
    size_t capacity, used; /* capacity 0 or a power of two */
    uint64_t count;
};

void median_add(struct median *m, duration_t d);
/* The lower one of the two in the middle; false when nothing was added. */
bool median_get(const struct median *m, duration_t *out);
void median_dispose(struct median *m);

#endif
