/* Zones from the machine's tzdata for the code under test, and glibc's localtime_r, set to the same
 * zone, as the independent opinion. Seeds: SEED=n in the environment repeats a failure. */
#ifndef PACELINE_TESTS_CORE_SUPPORT_H
#define PACELINE_TESTS_CORE_SUPPORT_H

#include "core/instant.h"
#include "core/prng.h"
#include "core/tz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct zone {
    struct tz tz;
    uint8_t *bytes;
    size_t length;
};

static inline void zone_load(struct zone *z, const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s: cannot be opened; tzdata is needed", path);
    z->bytes = malloc(1 << 16);
    z->length = fread(z->bytes, 1, 1 << 16, f);
    fclose(f);
    /* exactly as long as the file: the address sanitizer sees one byte too many */
    z->bytes = realloc(z->bytes, z->length);
    if (tz_parse(&z->tz, z->bytes, z->length))
        fail_msg("%s: refused by tz_parse", path);
}

static inline void zone_dispose(struct zone *z)
{
    free(z->bytes);
}

static inline void glibc_zone(const char *name)
{
    setenv("TZ", name, 1);
    tzset();
}

static inline struct tm glibc_local(instant_t t)
{
    int64_t ms = (t % MS_PER_SECOND + MS_PER_SECOND) % MS_PER_SECOND;
    time_t seconds = (time_t)((t - ms) / MS_PER_SECOND);
    struct tm tm;

    localtime_r(&seconds, &tm);
    return tm;
}

static inline day_t glibc_day(instant_t t)
{
    struct tm tm = glibc_local(t);

    return day_of_date(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

/* `2027-03-14T02:30` or with `:SS`, and an offset such as `-05:00` or `Z`. */
static inline instant_t at(const char *text)
{
    struct civil c = {0};
    int n = 0, hours = 0, minutes = 0;
    char sign = '+';

    if (sscanf(text, "%d-%d-%dT%d:%d%n", &c.year, &c.month, &c.day, &c.hour, &c.minute, &n) != 5)
        fail_msg("at(\"%s\")", text);
    if (text[n] == ':') {
        sscanf(text + n, ":%2d", &c.second);
        n += 3;
    }
    if (text[n] != 'Z' && sscanf(text + n, "%c%2d:%2d", &sign, &hours, &minutes) != 3)
        fail_msg("at(\"%s\")", text);
    int64_t offset = (int64_t)(hours * 60 + minutes) * MS_PER_MINUTE;
    return civil_to_wall(&c) - (sign == '-' ? -offset : offset);
}

static inline uint64_t test_seed(void)
{
    const char *given = getenv("SEED");

    return given ? strtoull(given, NULL, 0) : 20270301;
}

static inline int64_t between(struct prng *p, int64_t least, int64_t most)
{
    return least + (int64_t)prng_below(p, (uint64_t)(most - least) + 1);
}

#endif
