/* A TZif file holds two blocks, the first with 32-bit times for old readers, the second with 64-bit
 * times; then a footer such as "\nEST5EDT,M3.2.0,M11.1.0\n" for everything after the last
 * transition:
 *
 *     header  v1 data   header  transitions  indexes  types  abbreviations  leaps  flags  footer
 *     44      skipped   44      8 * n        n        6 * k  ...                          \n...\n
 */
#include "core/tz.h"

#include <string.h>

enum {
    HEADER = 44,
    TYPE = 6, /* bytes of a type record: offset (4), is DST, abbreviation */
    SECONDS_PER_DAY = 86400,
    SECONDS_PER_HALF_YEAR = 15778476,
    NEAR_TRIES = 4,
    OFFSET_MAX = 26 * 3600, /* RFC 8536, 3.2 */
    COUNT_MAX = 1 << 20     /* of anything; keeps sums far from overflow */
};

struct counts { /* in the order of the header */
    size_t ut, standard, leap, transitions, types, characters;
};

struct reader { /* of the footer */
    const uint8_t *at, *end;
};

static int64_t floor_div(int64_t a, int64_t b);
static bool header_read(const uint8_t *p, size_t length, struct counts *c);
static size_t block_size(const struct counts *c, size_t time_bytes);
static bool table_valid(const struct tz *z);
static int32_t offset_at(const struct tz *z, int64_t seconds);
static size_t last_transition(const struct tz *z, int64_t seconds);
static int64_t past_gap(const struct tz *z, int64_t wall, int64_t low, int64_t high);
static int32_t type_offset(const struct tz *z, size_t type);
static int64_t transition_at(const struct tz *z, size_t i);
static bool footer_parse(struct tz *z, struct reader *r);

int tz_parse(struct tz *out, const uint8_t *bytes, size_t length)
{
    struct counts c;
    struct tz z = {0};

    if (!header_read(bytes, length, &c))
        return -1;
    size_t skip = HEADER + block_size(&c, 4);
    if (skip > length || !header_read(bytes + skip, length - skip, &c))
        return -1;
    const uint8_t *p = bytes + skip + HEADER;
    size_t left = length - skip - HEADER, size = block_size(&c, 8);
    if (size > left || c.leap > 0) /* the "right/" zones count leap seconds: not our instants */
        return -1;
    z.count = c.transitions;
    z.type_count = c.types;
    z.transitions = p;
    z.indexes = z.transitions + 8 * z.count;
    z.types = z.indexes + z.count;
    struct reader r = {p + size, p + left};
    if (!table_valid(&z) || !footer_parse(&z, &r))
        return -1;
    *out = z;
    return 0;
}

void tz_utc(struct tz *out)
{
    *out = (struct tz){.footer = true};
}

int32_t tz_offset_s(const struct tz *z, instant_t t)
{
    return offset_at(z, floor_div(t, MS_PER_SECOND));
}

/* A day on either side of `wall` (as if UTC) lies beyond it in every zone, and no zone changes
 * twice in so short a time: the two offsets found there are all that can apply. */
enum tz_kind tz_instant(const struct tz *z, int64_t wall_ms, instant_t *out)
{
    int64_t wall = floor_div(wall_ms, MS_PER_SECOND), ms = wall_ms - wall * MS_PER_SECOND;
    int32_t before = offset_at(z, wall - SECONDS_PER_DAY);
    int32_t after = offset_at(z, wall + SECONDS_PER_DAY);

    if (before == after) {
        *out = wall_ms - (int64_t)before * MS_PER_SECOND;
        return TZ_NORMAL;
    }
    int64_t first = wall - before, second = wall - after;
    bool first_holds = offset_at(z, first) == before, second_holds = offset_at(z, second) == after;

    if (!first_holds && !second_holds) {
        int64_t jump =
            past_gap(z, wall, wall - SECONDS_PER_DAY - before, wall + SECONDS_PER_DAY - after);
        *out = jump * MS_PER_SECOND;
        return TZ_SKIPPED;
    }
    bool both = first_holds && second_holds && first != second;
    bool take_first = both ? first < second : first_holds;
    *out = (take_first ? first : second) * MS_PER_SECOND + ms;
    return both ? TZ_REPEATED : TZ_NORMAL;
}

int64_t tz_wall(const struct tz *z, instant_t t)
{
    return t + (int64_t)tz_offset_s(z, t) * MS_PER_SECOND;
}

day_t tz_day(const struct tz *z, instant_t t)
{
    return day_of_wall(tz_wall(z, t));
}

instant_t tz_day_begins(const struct tz *z, day_t d)
{
    instant_t t;

    tz_instant(z, day_to_wall(d), &t);
    return t;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static uint64_t big_endian(const uint8_t *p, int bytes)
{
    uint64_t v = 0;

    for (int i = 0; i < bytes; i++)
        v = v << 8 | p[i];
    return v;
}

static bool header_read(const uint8_t *p, size_t length, struct counts *c)
{
    size_t *fields[] = {&c->ut, &c->standard, &c->leap, &c->transitions, &c->types, &c->characters};

    if (length < HEADER || memcmp(p, "TZif", 4) != 0 || p[4] < '2')
        return false;
    for (size_t i = 0; i < 6; i++) {
        *fields[i] = (size_t)big_endian(p + 20 + 4 * i, 4);
        if (*fields[i] > COUNT_MAX)
            return false;
    }
    return true;
}

static size_t block_size(const struct counts *c, size_t time_bytes)
{
    return c->transitions * (time_bytes + 1) + c->types * TYPE + c->characters +
           c->leap * (time_bytes + 4) + c->standard + c->ut;
}

/* What the search relies on: ascending times, indexes that exist, offsets of a sane size. */
static bool table_valid(const struct tz *z)
{
    if (z->type_count == 0 || z->type_count > 256)
        return false;
    for (size_t i = 0; i < z->type_count; i++) {
        int32_t offset = type_offset(z, i);
        if (offset < -OFFSET_MAX || offset > OFFSET_MAX)
            return false;
    }
    for (size_t i = 0; i < z->count; i++) {
        if (z->indexes[i] >= z->type_count)
            return false;
        if (i > 0 && transition_at(z, i) <= transition_at(z, i - 1))
            return false;
    }
    return true;
}

/* Seconds "as if UTC" at which a rule strikes in `year`, on the clock in force before it. */
static int64_t rule_wall(const struct tz_rule *r, int year)
{
    bool leap = civil_date_valid(year, 2, 29);
    int64_t day;

    if (r->kind == 'M') { /* month a, week b (5: the last), weekday c from Sunday */
        day_t first = day_of_date(year, r->a, 1);
        int until = (r->c + 6 - day_weekday(first)) % 7;
        day = first + until + 7 * (r->b - 1);
        while (day >= day_first_of_month(first, 1))
            day -= 7;
    } else if (r->kind == 'J') { /* day 1..365, 29 February is never counted */
        day = day_of_date(year, 1, 1) + r->a - 1 + (leap && r->a >= 60);
    } else {
        day = day_of_date(year, 1, 1) + r->a;
    }
    return day * SECONDS_PER_DAY + r->time_s;
}

static int32_t footer_offset(const struct tz *z, int64_t seconds)
{
    int year, month, day;

    if (!z->footer_dst)
        return z->standard_s;
    int64_t days = floor_div(seconds + z->standard_s, SECONDS_PER_DAY);
    days = days < INT32_MIN / 2 ? INT32_MIN / 2 : days > INT32_MAX / 2 ? INT32_MAX / 2 : days;
    day_to_date((day_t)days, &year, &month, &day);
    int64_t start = rule_wall(&z->start, year) - z->standard_s;
    int64_t end = rule_wall(&z->end, year) - z->daylight_s;
    bool daylight = start < end ? seconds >= start && seconds < end
                                : seconds >= start || seconds < end; /* south of the equator */
    return daylight ? z->daylight_s : z->standard_s;
}

static int32_t offset_at(const struct tz *z, int64_t seconds)
{
    if (z->count == 0)
        return z->footer ? footer_offset(z, seconds) : type_offset(z, 0);
    if (seconds < transition_at(z, 0))
        return type_offset(z, 0);
    if (z->footer && seconds >= transition_at(z, z->count - 1))
        return footer_offset(z, seconds);
    return type_offset(z, z->indexes[last_transition(z, seconds)]);
}

/* The last transition that is not after `seconds`, which is not before the first. Most zones change
 * twice a year, or not at all: so it is looked for there first. */
static size_t last_transition(const struct tz *z, int64_t seconds)
{
    int64_t before_last = (transition_at(z, z->count - 1) - seconds) / SECONDS_PER_HALF_YEAR;
    size_t back = before_last > 0 ? (size_t)before_last : 0;
    size_t i = back < z->count ? z->count - 1 - back : 0, low = 0, high = z->count;

    for (int tries = 0; tries < NEAR_TRIES; tries++) {
        if (transition_at(z, i) > seconds)
            i--;
        else if (i + 1 < z->count && transition_at(z, i + 1) <= seconds)
            i++;
        else
            return i;
    }
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (transition_at(z, middle) <= seconds)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The first second whose wall time is past `wall`: inside a gap, the transition. */
static int64_t past_gap(const struct tz *z, int64_t wall, int64_t low, int64_t high)
{
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (middle + offset_at(z, middle) <= wall)
            low = middle;
        else
            high = middle;
    }
    return high;
}

static int32_t type_offset(const struct tz *z, size_t type)
{
    uint32_t bits = (uint32_t)big_endian(z->types + TYPE * type, 4);

    return (int32_t)bits;
}

/* What every question about a time comes down to: written out, so that it compiles to one load. */
static int64_t transition_at(const struct tz *z, size_t i)
{
    const uint8_t *p = z->transitions + 8 * i;

    return (int64_t)((uint64_t)p[0] << 56 | (uint64_t)p[1] << 48 | (uint64_t)p[2] << 40 |
                     (uint64_t)p[3] << 32 | (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 |
                     (uint64_t)p[6] << 8 | (uint64_t)p[7]);
}

/* The footer's grammar: STD offset [DST [offset] , rule , rule], offsets west of UTC. */

static bool next_is(struct reader *r, char c)
{
    if (r->at == r->end || *r->at != (uint8_t)c)
        return false;
    r->at++;
    return true;
}

static bool read_number(struct reader *r, int least, int most, int *out)
{
    int n = 0, digits = 0;

    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9' && digits < 4; r->at++, digits++)
        n = n * 10 + (*r->at - '0');
    *out = n;
    return digits > 0 && n >= least && n <= most;
}

static bool letter(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool read_name(struct reader *r)
{
    const uint8_t *start = r->at;

    if (next_is(r, '<')) {
        while (r->at < r->end && *r->at != '>' && *r->at != '\n')
            r->at++;
        return next_is(r, '>');
    }
    while (r->at < r->end && letter(*r->at))
        r->at++;
    return r->at > start;
}

static bool read_time(struct reader *r, int hours_most, int32_t *out)
{
    int sign = 1, hours = 0, minutes = 0, seconds = 0;

    if (next_is(r, '-'))
        sign = -1;
    else
        next_is(r, '+');
    if (!read_number(r, 0, hours_most, &hours))
        return false;
    if (next_is(r, ':') && !read_number(r, 0, 59, &minutes))
        return false;
    if (next_is(r, ':') && !read_number(r, 0, 59, &seconds))
        return false;
    *out = sign * (hours * 3600 + minutes * 60 + seconds);
    return true;
}

static bool read_rule(struct reader *r, struct tz_rule *out)
{
    bool ok;

    *out = (struct tz_rule){.kind = 'n', .time_s = 2 * 3600};
    if (!next_is(r, ','))
        return false;
    if (next_is(r, 'M')) {
        out->kind = 'M';
        ok = read_number(r, 1, 12, &out->a) && next_is(r, '.') && read_number(r, 1, 5, &out->b) &&
             next_is(r, '.') && read_number(r, 0, 6, &out->c);
    } else if (next_is(r, 'J')) {
        out->kind = 'J';
        ok = read_number(r, 1, 365, &out->a);
    } else {
        ok = read_number(r, 0, 365, &out->a);
    }
    return ok && (!next_is(r, '/') || read_time(r, 167, &out->time_s));
}

static bool footer_parse(struct tz *z, struct reader *r)
{
    int32_t west;

    if (!next_is(r, '\n'))
        return false;
    if (next_is(r, '\n')) /* empty: the last type goes on */
        return true;
    if (!read_name(r) || !read_time(r, 24, &west))
        return false;
    z->footer = true;
    z->standard_s = -west;
    if (next_is(r, '\n'))
        return true;
    if (!read_name(r))
        return false;
    z->footer_dst = true;
    z->daylight_s = z->standard_s + 3600;
    if (r->at < r->end && *r->at != ',') {
        if (!read_time(r, 24, &west))
            return false;
        z->daylight_s = -west;
    }
    return read_rule(r, &z->start) && read_rule(r, &z->end) && next_is(r, '\n');
}
