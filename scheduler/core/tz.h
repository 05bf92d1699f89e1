/* Time zones from TZif bytes (RFC 8536, version 2+), with the POSIX footer for the years after the
 * table. No file, no TZ variable, no global: `conf` reads the bytes. The bytes must outlive the
 * zone. Checked against glibc for every zone of tzdata. */
#ifndef PACELINE_CORE_TZ_H
#define PACELINE_CORE_TZ_H

#include "core/instant.h"

struct tz_rule { /* one half of a footer such as ,M3.2.0/2 */
    int kind;    /* 'M', 'J' or 'n' */
    int a, b, c;
    int32_t time_s;
};

struct tz {
    const uint8_t *transitions; /* `count` big-endian 64-bit seconds */
    const uint8_t *indexes;     /* `count` bytes into types */
    const uint8_t *types;       /* `type_count` records of 6 bytes */
    size_t count, type_count;
    bool footer, footer_dst;
    int32_t standard_s, daylight_s; /* seconds east of UTC */
    struct tz_rule start, end;
};

/* 0, or -1 when the bytes are not a TZif file of version 2 or later. */
int tz_parse(struct tz *out, const uint8_t *bytes, size_t length);
void tz_utc(struct tz *out);

int32_t tz_offset_s(const struct tz *z, instant_t t); /* seconds east of UTC at `t` */

enum tz_kind { TZ_NORMAL, TZ_SKIPPED, TZ_REPEATED };
/* The instant of a wall time (civil_to_wall). In a DST gap: the next valid instant, which is the
 * transition itself (TZ_SKIPPED). In a fold: the first (TZ_REPEATED). */
enum tz_kind tz_instant(const struct tz *z, int64_t wall_ms, instant_t *out);
int64_t tz_wall(const struct tz *z, instant_t t); /* wall milliseconds at `t` */
day_t tz_day(const struct tz *z, instant_t t);    /* the local date at `t` */
instant_t tz_day_begins(const struct tz *z, day_t d);

#endif
