/* Local time as glibc's localtime_r tells it: the second opinion about zones. The zone's bytes for
 * the code under test come from the same tzdata. */
#ifndef PACELINE_TESTS_PROPERTY_CLOCKS_H
#define PACELINE_TESTS_PROPERTY_CLOCKS_H

#include "core/tz.h"
#include "property.h"

struct zone {
    const char *name;
    struct tz tz;
    uint8_t *bytes;
};

/* Kept until the program ends; NULL when there is no such zone. */
const struct zone *zone_get(const char *name);
/* A zone that any case may use: with and without DST, odd offsets, clocks set at midnight. */
const struct zone *zone_any(struct dice *d);

/* Minutes of local time since 1970-01-01 00:00 "as if UTC", for a whole minute `t`. */
int64_t zone_wall_minute(const struct zone *p, instant_t t);

/* What the clock on the wall shows in each minute of a stretch: wall[i] at from + i minutes.
 * Cached: the stretch begins on a whole UTC day. */
enum { STRETCH_DAYS = 20, STRETCH_MINUTES = STRETCH_DAYS * 1440 };
struct stretch {
    const struct zone *zone;
    instant_t from;
    int64_t wall[STRETCH_MINUTES];
};
/* One around a change of the clock where the zone has one, else any. */
const struct stretch *stretch_any(struct dice *d);

/* One of this zone. */
void stretch_make(struct stretch *s, const struct zone *zone, instant_t from);

/* Days since 1970-01-01 (Gregorian) to a date, counted one by one. */
void date_of_day(int64_t day, int *year, int *month, int *dom);
int weekday_of_day(int64_t day); /* 0 = Monday */

#endif
