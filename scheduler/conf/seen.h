/* Which recipients have been seen: 128 bits of SHA-256 each, 21 to 43 bytes a recipient. Two
 * different recipients that fall together would need about 2^64 of them. Private to conf. */
#ifndef PACELINE_CONF_SEEN_H
#define PACELINE_CONF_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen {
    uint64_t (*slots)[2]; /* open addressing; {0, 0}: free */
    size_t capacity;      /* a power of two */
    size_t count;
};

bool seen_add(struct seen *s, const char *text); /* false: it was there */
void seen_dispose(struct seen *s);

#endif
