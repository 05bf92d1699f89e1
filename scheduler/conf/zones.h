/* Time zones by name, read once from the system's tzdata (/usr/share/zoneinfo, or $TZDIR for
 * tests). Names are checked (letters, digits, _ + - /; no dot parts) so that no other file is ever
 * read. */
#ifndef PACELINE_CONF_ZONES_H
#define PACELINE_CONF_ZONES_H

#include "core/tz.h"

#include <stddef.h>

struct zones;

struct zones *zones_new(void);
void zones_free(struct zones *z);
/* Borrowed for the life of `z`; NULL when there is no such zone. `UTC` always works. Not
 * thread-safe: one `zones` a thread. */
const struct tz *zones_get(struct zones *z, const char *name);

/* Reads the files again: how many zones are not what they were. What `zones_get` gave is the new
 * one from then on. A file that is gone or broken changes nothing. */
size_t zones_refresh(struct zones *z);

#endif
