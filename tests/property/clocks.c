#include "clocks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const names[] = {
    "Asia/Shanghai",      "UTC",
    "America/New_York",   "Europe/London",
    "Europe/Berlin",      "Australia/Lord_Howe",
    "America/Santiago",   "America/Havana",
    "Africa/Cairo",       "Asia/Beirut",
    "Africa/Casablanca",  "America/St_Johns",
    "Asia/Kathmandu",     "Pacific/Chatham",
    "Antarctica/Troll",   "America/Nuuk",
    "Pacific/Kiritimati", "Pacific/Pago_Pago",
    "Asia/Jerusalem",     "Europe/Dublin",
    "Asia/Gaza",          "America/Asuncion",
};
enum { NAMES = sizeof(names) / sizeof(names[0]), STRETCHES = 4 };

static struct zone loaded[NAMES];
static struct stretch *stretches[NAMES][STRETCHES];

const struct zone *zone_get(const char *name)
{
    char path[256];
    size_t i = 0;

    while (i < NAMES && strcmp(names[i], name) != 0)
        i++;
    if (i == NAMES)
        return NULL;
    struct zone *p = &loaded[i];
    if (p->name)
        return p;
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    FILE *f = fopen(path, "rb");
    property_check(f, "%s: cannot be opened; tzdata is needed", path);
    uint8_t *bytes = malloc(1 << 16);
    size_t length = fread(bytes, 1, 1 << 16, f);
    fclose(f);
    p->bytes = realloc(bytes, length); /* no byte too many: the sanitizer sees one beyond */
    property_check(!tz_parse(&p->tz, p->bytes, length), "%s: refused", path);
    p->name = name;
    return p;
}

const struct zone *zone_any(struct dice *d)
{
    return zone_get(names[dice_below(d, NAMES)]);
}

static void set_zone(const char *name)
{
    static const char *set;

    if (set == name)
        return;
    setenv("TZ", name, 1);
    tzset();
    set = name;
}

static bool leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Counted year by year, once. */
static int64_t days_before(int year)
{
    static int64_t table[2200 - 1970];

    if (!table[1]) {
        for (int y = 1970; y + 1 < 2200; y++)
            table[y + 1 - 1970] = table[y - 1970] + (leap(y) ? 366 : 365);
    }
    property_check(year >= 1970 && year < 2200, "year %d", year);
    return table[year - 1970];
}

static int64_t days_of(int year, int month, int dom)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};

    return days_before(year) + before[month - 1] + (leap(year) && month > 2) + dom - 1;
}

int64_t zone_wall_minute(const struct zone *p, instant_t t)
{
    time_t seconds = (time_t)(t / 1000);
    struct tm tm;

    set_zone(p->name);
    localtime_r(&seconds, &tm);
    return days_of(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday) * 1440 + tm.tm_hour * 60 +
           tm.tm_min;
}

/* The k-th change of the zone's clock from 2027 on, as a day since 1970; any day without one. */
static int64_t change_day(const struct zone *p, size_t k)
{
    const int64_t first = 20819; /* 2027-01-01 */
    size_t seen = 0;

    for (int64_t day = first; day < first + 800; day++) {
        instant_t t = day * INT64_C(86400000);
        if (zone_wall_minute(p, t + 86400000) - zone_wall_minute(p, t) != 1440 && seen++ == k)
            return day;
    }
    return first + 97 * (int64_t)k;
}

void stretch_make(struct stretch *s, const struct zone *zone, instant_t from)
{
    s->zone = zone;
    s->from = from;
    for (int m = 0; m < STRETCH_MINUTES; m++)
        s->wall[m] = zone_wall_minute(zone, from + m * INT64_C(60000));
}

const struct stretch *stretch_any(struct dice *d)
{
    size_t i = dice_below(d, NAMES), k = dice_below(d, STRETCHES);

    if (!stretches[i][k]) {
        struct stretch *s = malloc(sizeof *s);
        const struct zone *zone = zone_get(names[i]);
        stretch_make(s, zone, (change_day(zone, k) - 7) * INT64_C(86400000));
        stretches[i][k] = s;
    }
    return stretches[i][k];
}

void date_of_day(int64_t day, int *year, int *month, int *dom)
{
    *year = 1970 + (int)(day / 366);
    *month = 1;
    while (days_before(*year + 1) <= day)
        ++*year;
    while (*month < 12 && days_of(*year, *month + 1, 1) <= day)
        ++*month;
    *dom = (int)(day - days_of(*year, *month, 1)) + 1;
}

int weekday_of_day(int64_t day)
{
    return (int)((day + 3) % 7); /* 1970-01-01 was a Thursday */
}
