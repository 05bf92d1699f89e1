/* Days from civil dates and back by eras of 400 years (Howard Hinnant's algorithms). */
#include "core/instant.h"

#include <assert.h>
#include <stdio.h>

enum { DAYS_PER_ERA = 146097, EPOCH_DAY = 719468 /* 0000-03-01 to 1970-01-01 */ };

static const day_t FIRST_DAY = -719162; /* 0001-01-01 */
static const day_t LAST_DAY = 2932896;  /* 9999-12-31 */

static int64_t floor_div(int64_t a, int64_t b);

bool civil_date_valid(int year, int month, int day)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= lengths[month - 1] + (month == 2 && leap);
}

day_t day_of_date(int year, int month, int day)
{
    assert(month >= 1 && month <= 12);
    int y = year - (month <= 2); /* years begin in March: the leap day comes last */
    int era = (int)floor_div(y, 400);
    int year_of_era = y - era * 400;
    int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * DAYS_PER_ERA + day_of_era - EPOCH_DAY;
}

void day_to_date(day_t d, int *year, int *month, int *day)
{
    int64_t shifted = (int64_t)d + EPOCH_DAY;
    int era = (int)floor_div(shifted, DAYS_PER_ERA);
    int day_of_era = (int)(shifted - (int64_t)era * DAYS_PER_ERA);
    int year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int shifted_month = (5 * day_of_year + 2) / 153; /* 0 = March */

    *day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    *month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    *year = year_of_era + era * 400 + (*month <= 2);
}

int day_weekday(day_t d)
{
    int64_t since_monday = (int64_t)d + 3; /* day 0 is a Thursday */

    return (int)(since_monday - floor_div(since_monday, 7) * 7);
}

day_t day_first_of_week(day_t d)
{
    return d - day_weekday(d);
}

day_t day_first_of_month(day_t d, int months_later)
{
    int year, month, day;

    day_to_date(d, &year, &month, &day);
    int64_t months = (int64_t)year * 12 + month - 1 + months_later;
    year = (int)floor_div(months, 12);
    return day_of_date(year, (int)(months - (int64_t)year * 12) + 1, 1);
}

int64_t civil_to_wall(const struct civil *c)
{
    int64_t seconds = c->hour * 3600 + c->minute * 60 + c->second;

    return day_to_wall(day_of_date(c->year, c->month, c->day)) + seconds * MS_PER_SECOND +
           c->millisecond;
}

void civil_from_wall(int64_t wall_ms, struct civil *out)
{
    int64_t first = day_to_wall(FIRST_DAY), last = day_to_wall(LAST_DAY + 1) - 1;
    int64_t wall = wall_ms < first ? first : wall_ms > last ? last : wall_ms;
    day_t day = day_of_wall(wall);
    int ms = (int)(wall - day_to_wall(day));

    day_to_date(day, &out->year, &out->month, &out->day);
    out->hour = ms / MS_PER_HOUR;
    out->minute = ms / MS_PER_MINUTE % 60;
    out->second = ms / MS_PER_SECOND % 60;
    out->millisecond = ms % MS_PER_SECOND;
}

int64_t day_to_wall(day_t d)
{
    return (int64_t)d * MS_PER_DAY;
}

day_t day_of_wall(int64_t wall_ms)
{
    int64_t day = floor_div(wall_ms, MS_PER_DAY);

    assert(day >= INT32_MIN && day <= INT32_MAX);
    return (day_t)day;
}

void instant_format(instant_t t, int32_t offset_s, char out[INSTANT_TEXT])
{
    int minutes = (int)floor_div((int64_t)offset_s + 30, 60);
    int ahead = minutes < 0 ? -minutes : minutes;
    struct civil c;

    civil_from_wall(instant_add(t, (duration_t)minutes * MS_PER_MINUTE), &c);
    snprintf(out, INSTANT_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d.%03d%c%02d:%02d", c.year, c.month,
             c.day, c.hour, c.minute, c.second, c.millisecond, minutes < 0 ? '-' : '+',
             ahead / 60 % 100, ahead % 60);
}

instant_t instant_add(instant_t a, duration_t b)
{
    if (a == INSTANT_NEVER)
        return a;
    if (b > 0 && a > INSTANT_NEVER - b)
        return INSTANT_NEVER;
    if (b < 0 && a < INSTANT_MIN - b)
        return INSTANT_MIN;
    return a + b;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}
