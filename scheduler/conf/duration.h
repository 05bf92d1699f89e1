/* `250ms`, `90s`, `3m`, `1h30m`, `2d`, and times of day and date as people write them. */
#ifndef PACELINE_CONF_DURATION_H
#define PACELINE_CONF_DURATION_H

#include "core/instant.h"
#include "core/schedule.h"
#include "core/tz.h"

bool duration_parse(const char *text, duration_t *out);
void duration_format(duration_t d, char *out, size_t size); /* `1h30m`, `250ms`, `0s` */
/* `40s..3m`; a single duration is both ends. False also when the ends are in the wrong order. */
bool duration_range_parse(const char *text, duration_t *low, duration_t *high);
/* `YYYY-MM-DD[ HH:MM[:SS]]` in `zone` (a `T` is fine too), or RFC 3339 with offset. Not `now`. */
bool instant_parse(const char *text, const struct tz *zone, instant_t *out);
bool date_parse(const char *text, day_t *out);
enum { DATE_TEXT = 24 };
void date_format(day_t d, char out[static DATE_TEXT]); /* `2027-03-05` */
/* `2027-03-05` or `2027-03-05..2027-03-06`. */
bool date_range_parse(const char *text, struct day_range *out);
/* `10:00-12:00`; 24:00 allowed as an end (and as a start of nothing). Minutes of the day. */
bool hours_parse(const char *text, size_t length, int16_t *from_min, int16_t *to_min);

#endif
