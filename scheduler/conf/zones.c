/* A list is enough: a service knows a handful of zones. The bytes stay, because struct tz points
 * into them. */
#include "conf/zones.h"

#include "base/arena.h"
#include "conf/file.h"
#include "conf/yaml.h"

#include <stdlib.h>
#include <string.h>

enum { ZONE_BYTES_MAX = 256 * 1024 };

struct zone {
    struct zone *next; /* zones.first */
    char *name, *bytes;
    size_t length;
    struct tz tz;
};

struct zones {
    struct zone *first;
};

static bool name_valid(const char *name);
static char *zone_path(const char *name);

struct zones *zones_new(void)
{
    return xmalloc(sizeof(struct zones));
}

void zones_free(struct zones *z)
{
    if (!z)
        return;
    while (z->first) {
        struct zone *zone = z->first;

        z->first = zone->next;
        free(zone->name);
        free(zone->bytes);
        free(zone);
    }
    free(z);
}

/* The zone's file; NULL when there is none, or when it is no time zone. */
static char *zone_read(const char *name, size_t *length, struct tz *tz)
{
    struct err ignored;
    char *bytes = NULL, *path = zone_path(name);
    int rc = file_read(&bytes, length, path, ZONE_BYTES_MAX, &ignored);

    free(path);
    if (!rc && tz_parse(tz, (const uint8_t *)bytes, *length) == 0)
        return bytes;
    free(bytes);
    return NULL;
}

const struct tz *zones_get(struct zones *z, const char *name)
{
    struct tz tz;
    char *bytes = NULL;
    size_t length = 0;

    for (const struct zone *zone = z->first; zone; zone = zone->next) {
        if (strcmp(zone->name, name) == 0)
            return &zone->tz;
    }
    if (strcmp(name, "UTC") == 0)
        tz_utc(&tz);
    else if (!name_valid(name) || !(bytes = zone_read(name, &length, &tz)))
        return NULL;
    struct zone *zone = xmalloc(sizeof *zone);
    *zone = (struct zone){z->first, xstrdup(name), bytes, length, tz};
    z->first = zone;
    return &zone->tz;
}

size_t zones_refresh(struct zones *z)
{
    size_t changed = 0;

    for (struct zone *zone = z->first; zone; zone = zone->next) {
        struct tz tz;
        size_t length = 0;
        char *bytes = zone->bytes ? zone_read(zone->name, &length, &tz) : NULL;

        if (!bytes || (length == zone->length && memcmp(bytes, zone->bytes, length) == 0)) {
            free(bytes);
            continue;
        }
        free(zone->bytes);
        zone->bytes = bytes;
        zone->length = length;
        zone->tz = tz;
        changed++;
    }
    return changed;
}

/* `right/` counts leap seconds; `localtime` means something else on every machine. */
static bool name_valid(const char *name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
    size_t length = strlen(name);

    return length > 0 && length <= 64 && strspn(name, allowed) == length && name[0] != '/' &&
           name[length - 1] != '/' && !strstr(name, "//") && strncmp(name, "right/", 6) != 0 &&
           strcmp(name, "localtime") != 0 && strcmp(name, "posixrules") != 0;
}

static char *zone_path(const char *name)
{
    const char *dir = getenv("TZDIR");

    return file_join(dir && *dir ? dir : "/usr/share/zoneinfo", name);
}
