/* Which terms stand in a text, however they are written (fold.h). The end of a line parts, and a
 * term that begins or ends with a Latin letter or a digit is a word of its own there: `best` is not
 * in `asbestos`.
 *
 * Time is linear in the text, memory in the terms. Hits come with their place in the text as given.
 * The terms are read-only once built; each thread has its own scratch. Private to conf and to its
 * tests. */
#ifndef PACELINE_CONF_TERMS_H
#define PACELINE_CONF_TERMS_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TERM_BYTES_MAX = 256, TERMS_MAX = 20000 };

struct terms;

struct terms_hit {
    uint32_t term;     /* in the order they were added, from 0 */
    size_t begin, end; /* bytes of the text as given */
    size_t from, to;   /* letters of the folded text */
};

struct terms_scratch { /* zeroed to begin with */
    uint32_t *begin;   /* in the text, of each letter of the folded text */
    size_t letters, begin_capacity;
    struct terms_hit *hits;
    size_t hit_count, hit_capacity;
};

struct terms *terms_new(struct arena *arena);
/* False when nothing is left of it, or it is too long, or there are too many. */
bool terms_add(struct terms *t, const char *term);
void terms_build(struct terms *t);
/* All hits into the scratch, by their end, of those that end together the longest first. `length`
 * below 4 GiB. */
void terms_scan(const struct terms *t, const char *text, size_t length, struct terms_scratch *s);
void terms_scratch_dispose(struct terms_scratch *s);

#endif
