/* Instants and civil time. An instant is milliseconds since 1970-01-01T00:00:00Z, no leap seconds.
 * Proleptic Gregorian calendar, years 1..9999. Pure. */
#ifndef PACELINE_CORE_INSTANT_H
#define PACELINE_CORE_INSTANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int64_t instant_t;  /* milliseconds since the epoch */
typedef int64_t duration_t; /* milliseconds */

#define INSTANT_MIN INT64_MIN
#define INSTANT_NEVER INT64_MAX /* only an event can change it */

enum { MS_PER_SECOND = 1000, MS_PER_MINUTE = 60000, MS_PER_HOUR = 3600000, MS_PER_DAY = 86400000 };

/* A day as its number since 1970-01-01 (which is day 0, a Thursday). */
typedef int32_t day_t;

struct civil {
    int year, month, day;     /* month 1..12, day 1..31 */
    int hour, minute, second; /* hour 0..23 */
    int millisecond;
};

bool civil_date_valid(int year, int month, int day);
day_t day_of_date(int year, int month, int day);
void day_to_date(day_t d, int *year, int *month, int *day);
int day_weekday(day_t d);                            /* 0 = Monday ... 6 = Sunday */
day_t day_first_of_week(day_t d);                    /* its Monday */
day_t day_first_of_month(day_t d, int months_later); /* the first of d's month, moved by months */

/* Wall-clock milliseconds "as if the wall clock were UTC" <-> fields. */
int64_t civil_to_wall(const struct civil *c);
void civil_from_wall(int64_t wall_ms, struct civil *out); /* kept inside the years 1..9999 */
int64_t day_to_wall(day_t d);                             /* its midnight */
day_t day_of_wall(int64_t wall_ms);

/* `2027-03-01T09:31:07.123+08:00`. `offset_s` is seconds east of UTC (whole minutes are written;
 * an odd one is rounded to the minute and the local time with it). */
enum { INSTANT_TEXT = 40 };
void instant_format(instant_t t, int32_t offset_s, char out[INSTANT_TEXT]);

/* a + b, kept inside [INSTANT_MIN, INSTANT_NEVER]; INSTANT_NEVER stays what it is. */
instant_t instant_add(instant_t a, duration_t b);

#endif
