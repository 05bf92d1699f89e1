/* Every parser here takes its whole text or refuses it: no trailing rubbish, no guessing. */
#include "conf/duration.h"

#include <stdio.h>
#include <string.h>

static const struct unit {
    const char *name;
    duration_t ms;
} units[] = {
    {"d", MS_PER_DAY}, {"h", MS_PER_HOUR}, {"m", MS_PER_MINUTE}, {"s", MS_PER_SECOND}, {"ms", 1}};
enum { UNITS = sizeof units / sizeof *units };

static bool duration_scan(const char *s, size_t length, duration_t *out);
static const struct unit *unit_of(const char *s, size_t length);
static bool digits(const char **s, int count, int *out);
static bool time_scan(const char **s, struct civil *c);
static bool offset_scan(const char **s, int32_t *offset_s);
static bool minutes_scan(const char **s, const char *end, int16_t *out);
static void skip_spaces(const char **s, const char *end);

bool duration_parse(const char *text, duration_t *out)
{
    return duration_scan(text, strlen(text), out);
}

void duration_format(duration_t d, char *out, size_t size)
{
    size_t used = 0;

    if (d <= 0) {
        snprintf(out, size, "0s");
        return;
    }
    for (size_t i = 0; i < UNITS && used < size; i++) {
        duration_t n = d / units[i].ms;

        if (n == 0)
            continue;
        d -= n * units[i].ms;
        used += (size_t)snprintf(out + used, size - used, "%lld%s", (long long)n, units[i].name);
    }
}

bool duration_range_parse(const char *text, duration_t *low, duration_t *high)
{
    const char *dots = strstr(text, "..");

    if (!dots) {
        if (!duration_parse(text, low))
            return false;
        *high = *low;
        return true;
    }
    return duration_scan(text, (size_t)(dots - text), low) && duration_parse(dots + 2, high) &&
           *low <= *high;
}

bool instant_parse(const char *text, const struct tz *zone, instant_t *out)
{
    struct civil c = {0};
    day_t day;
    char date[11] = "";

    if (strnlen(text, sizeof date) < 10)
        return false;
    memcpy(date, text, 10);
    if (!date_parse(date, &day))
        return false;
    day_to_date(day, &c.year, &c.month, &c.day);
    const char *s = text + 10;
    if (*s == '\0') {
        tz_instant(zone, civil_to_wall(&c), out);
        return true;
    }
    if (*s != ' ' && *s != 'T')
        return false;
    s++;
    if (!time_scan(&s, &c))
        return false;
    if (*s == '\0' && c.millisecond == 0) {
        tz_instant(zone, civil_to_wall(&c), out);
        return true;
    }
    int32_t offset_s = 0;
    if (!offset_scan(&s, &offset_s))
        return false;
    *out = civil_to_wall(&c) - (int64_t)offset_s * MS_PER_SECOND;
    return true;
}

void date_format(day_t d, char out[static DATE_TEXT])
{
    int year, month, day;

    day_to_date(d, &year, &month, &day);
    snprintf(out, DATE_TEXT, "%04d-%02u-%02u", year, (unsigned)month % 100, (unsigned)day % 100);
}

bool date_parse(const char *text, day_t *out)
{
    const char *s = text;
    int year, month, day;

    if (!digits(&s, 4, &year) || *s++ != '-' || !digits(&s, 2, &month) || *s++ != '-' ||
        !digits(&s, 2, &day) || *s || !civil_date_valid(year, month, day))
        return false;
    *out = day_of_date(year, month, day);
    return true;
}

bool hours_parse(const char *text, size_t length, int16_t *from_min, int16_t *to_min)
{
    const char *s = text, *end = text + length;

    skip_spaces(&s, end);
    if (!minutes_scan(&s, end, from_min) || *from_min == 24 * 60)
        return false;
    skip_spaces(&s, end);
    if (s == end || *s++ != '-')
        return false;
    skip_spaces(&s, end);
    if (!minutes_scan(&s, end, to_min))
        return false;
    skip_spaces(&s, end);
    return s == end;
}

/* Units at most once and from large to small, so that `30m1h` is seen as the slip it is. */
static bool duration_scan(const char *s, size_t length, duration_t *out)
{
    const char *end = s + length;
    const struct unit *last = NULL;
    duration_t sum = 0;

    while (s < end) {
        const char *start = s;
        duration_t n = 0;

        for (; s < end && *s >= '0' && *s <= '9'; s++) {
            if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *s - '0', &n))
                return false;
        }
        const char *name = s;
        while (s < end && *s >= 'a' && *s <= 'z')
            s++;
        const struct unit *u = unit_of(name, (size_t)(s - name));
        if (name == start || !u || (last && u <= last))
            return false;
        last = u;
        if (__builtin_mul_overflow(n, u->ms, &n) || __builtin_add_overflow(sum, n, &sum))
            return false;
    }
    *out = sum;
    return last != NULL;
}

static const struct unit *unit_of(const char *s, size_t length)
{
    for (size_t i = 0; i < UNITS; i++) {
        if (strlen(units[i].name) == length && memcmp(units[i].name, s, length) == 0)
            return &units[i];
    }
    return NULL;
}

static bool digits(const char **s, int count, int *out)
{
    *out = 0;
    for (int i = 0; i < count; i++, (*s)++) {
        if (**s < '0' || **s > '9')
            return false;
        *out = *out * 10 + (**s - '0');
    }
    return true;
}

/* HH:MM[:SS[.fraction]], to the millisecond. */
static bool time_scan(const char **s, struct civil *c)
{
    if (!digits(s, 2, &c->hour) || *(*s)++ != ':' || !digits(s, 2, &c->minute) || c->hour > 23 ||
        c->minute > 59)
        return false;
    if (**s != ':')
        return true;
    (*s)++;
    if (!digits(s, 2, &c->second) || c->second > 59)
        return false;
    if (**s != '.')
        return true;
    (*s)++;
    int scale = 100, count = 0;
    for (; **s >= '0' && **s <= '9'; (*s)++, count++, scale /= 10)
        c->millisecond += (**s - '0') * scale;
    return count > 0 && count <= 9;
}

static bool offset_scan(const char **s, int32_t *offset_s)
{
    int hours, minutes;
    char sign = *(*s)++;

    if (sign == 'Z') {
        *offset_s = 0;
        return **s == '\0';
    }
    if ((sign != '+' && sign != '-') || !digits(s, 2, &hours) || *(*s)++ != ':' ||
        !digits(s, 2, &minutes) || **s || hours > 23 || minutes > 59)
        return false;
    *offset_s = (hours * 60 + minutes) * 60 * (sign == '-' ? -1 : 1);
    return true;
}

static bool minutes_scan(const char **s, const char *end, int16_t *out)
{
    int hour = 0, minute = 0, count = 0;

    for (; *s < end && **s >= '0' && **s <= '9' && count < 2; (*s)++, count++)
        hour = hour * 10 + (**s - '0');
    if (count == 0 || end - *s < 3 || *(*s)++ != ':' || !digits(s, 2, &minute))
        return false;
    if (minute > 59 || hour > 24 || (hour == 24 && minute > 0))
        return false;
    *out = (int16_t)(hour * 60 + minute);
    return true;
}

static void skip_spaces(const char **s, const char *end)
{
    while (*s < end && **s == ' ')
        (*s)++;
}

bool date_range_parse(const char *text, struct day_range *out)
{
    char first[16] = "";
    const char *dots = strstr(text, "..");

    if (!dots) {
        if (!date_parse(text, &out->first))
            return false;
        out->last = out->first;
        return true;
    }
    if (dots - text != 10)
        return false;
    memcpy(first, text, 10);
    return date_parse(first, &out->first) && date_parse(dots + 2, &out->last) &&
           out->first <= out->last;
}
