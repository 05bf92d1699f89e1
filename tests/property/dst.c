/* Our reading of tzdata against what dst.py writes on standard input: Z names a zone; O an
 * instant's offset; C a change of the clock; W what a local time means. Counts the differences: 0.
 */
#include "conf/duration.h"
#include "conf/zones.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN = 20 };

static struct zones *zones;
static const struct tz *zone;
static char name[128];
static unsigned zone_count, changes, answers, gaps, folds, differences;

static void difference(const char *line)
{
    if (differences++ < SHOWN)
        printf("# %s: %s", name, line);
}

static void take_offset(const char *line)
{
    int64_t seconds;
    int32_t offset;

    if (sscanf(line, "O %" SCNd64 " %" SCNd32, &seconds, &offset) != 2 ||
        tz_offset_s(zone, seconds * 1000) != offset ||
        tz_offset_s(zone, seconds * 1000 + 999) != offset)
        difference(line);
    answers++;
}

/* As a campaign file says it. */
static void take_wall(const char *line)
{
    char text[32], kind[16];
    int64_t seconds;
    instant_t got;

    if (sscanf(line, "W %19c %" SCNd64 " %15s", text, &seconds, kind) != 3) {
        difference(line);
        return;
    }
    text[19] = '\0';
    bool ok = instant_parse(text, zone, &got) && got == seconds * 1000;
    bool gap = strcmp(kind, "gap") == 0;
    struct civil c = {0};
    sscanf(text, "%d-%d-%d %d:%d:%d", &c.year, &c.month, &c.day, &c.hour, &c.minute, &c.second);
    enum tz_kind ours = tz_instant(zone, civil_to_wall(&c), &got);
    if (!ok || got != seconds * 1000 || (ours == TZ_SKIPPED) != gap)
        difference(line);
    gaps += gap;
    folds += ours == TZ_REPEATED;
    answers++;
}

int main(void)
{
    char line[256];

    zones = zones_new();
    while (fgets(line, sizeof line, stdin)) {
        switch (line[0]) {
        case 'Z':
            sscanf(line, "Z %127s", name);
            zone = zones_get(zones, name);
            zone_count++;
            if (!zone) {
                difference(line);
                zone = zones_get(zones, "UTC");
            }
            break;
        case 'C':
            changes++;
            break;
        case 'O':
            take_offset(line);
            break;
        case 'W':
            take_wall(line);
            break;
        default:
            difference(line);
        }
    }
    bool enough = zone_count > 300 && changes > 1500 && gaps > 1000 && folds > 1000;
    printf(
        "%sok 1 - %u changes of the clock in %u zones, 2024 to 2037: %u answers (%u in a gap, %u "
        "the first of two), %u differences\n1..1\n",
        enough && !differences ? "" : "not ", changes, zone_count, answers, gaps, folds,
        differences);
    zones_free(zones);
    return !enough || differences > 0;
}
