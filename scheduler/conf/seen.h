/* Which recipients have been seen: 128 bits of SHA-256 each. Two different recipients that fall
 * together would need about 2^64 of them. The first SEEN_IN_MEMORY are held in memory, more of them
 * in a temporary database on disk (nobody else sees it, and it goes with us): at most about 16 MiB
 * however many there are. Private to conf. */
#ifndef PACELINE_CONF_SEEN_H
#define PACELINE_CONF_SEEN_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { SEEN_SLOTS_MAX = 256 * 1024, SEEN_IN_MEMORY = SEEN_SLOTS_MAX / 4 * 3 };

struct seen {
    uint64_t (*slots)[2];   /* open addressing; {0, 0}: free */
    size_t capacity;        /* a power of two */
    size_t count;           /* in slots */
    struct seen_disk *disk; /* NULL: all are in slots */
};

/* 1: new; 0: it was there; ERR_IO. */
int seen_add(struct seen *s, const char *text, struct err *e);
void seen_dispose(struct seen *s);

#endif
