/* Which terms stand in a text, however they are written: full-width, upper case, with spaces,
 * dashes or symbols between (NFKC_Casefold of each grapheme cluster; spaces, format characters,
 * symbols and all punctuation but , ! ? ; : % and the full stops are left out). A line's end parts.
 *
 * Time is linear in the text, memory in the terms. Hits come with their place in the text as given.
 * The terms are read-only once built; each thread has its own scratch. Private to conf. */
#ifndef PACELINE_CONF_TERMS_H
#define PACELINE_CONF_TERMS_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TERM_BYTES_MAX = 256, TERMS_MAX = 20000, TERMS_HITS_MAX = 100000 };

struct terms;

struct terms_hit {
    uint32_t term;     /* in the order they were added, from 0 */
    size_t begin, end; /* bytes of the text as given */
    size_t from, to;   /* bytes of the folded text */
};

struct terms_scratch { /* zeroed to begin with */
    char *bytes;
    size_t *begin, *end; /* of the cluster that each folded byte comes from */
    size_t length, capacity[3];
    struct terms_hit *hits;
    size_t hit_count, hit_capacity;
};

struct terms *terms_new(struct arena *arena);
/* False when nothing is left of it, or it is too long, or there are too many. */
bool terms_add(struct terms *t, const char *term);
void terms_build(struct terms *t);
/* All hits (up to TERMS_HITS_MAX) into the scratch, by their end, of those that end together the
 * longest first. */
void terms_scan(const struct terms *t, const char *text, size_t length, struct terms_scratch *s);
void terms_scratch_dispose(struct terms_scratch *s);
/* The folding alone, as terms_scan does it. */
void terms_fold(const char *text, size_t length, struct terms_scratch *s);

#endif
