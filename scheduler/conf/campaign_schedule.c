/* `schedule:`: start and end, windows, quiet hours, closed days. */
#include "base/lang.h"
#include "conf/calendar.h"
#include "conf/duration.h"
#include "conf/parts.h"

#include <string.h>

/* The core looks through all of them for each of up to 800 days: bounded here. */
enum { WINDOWS_MAX = 500, HOURS_MAX = 24, DATES_MAX = 500 };
enum { STORED_HOURS_MAX = 1000 /* with those of policies */ };

const char *const day_words[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};

static void zone_read(const struct reader *r, const struct yaml_node *node,
                      const char *zone_default, struct zones *zones, struct campaign *c);
static void start_end_read(const struct reader *r, const struct yaml_node *node,
                           struct campaign *c);
static void calendar_read(const struct reader *r, const struct yaml_node *node, struct campaign *c);
static void calendar_apply(const struct reader *r, const struct yaml_node *node,
                           const struct calendar *from, struct campaign *c);
static void windows_read(const struct reader *r, const struct yaml_node *node, struct campaign *c);
static void also_read(const struct reader *r, const struct yaml_node *node, struct campaign *c);
static size_t window_read(const struct reader *r, const struct yaml_node *node, struct window *out,
                          size_t room);
static size_t window_dates(const struct reader *r, const struct yaml_node *node, struct window base,
                           struct window *out, size_t room);
static bool days_read(const struct reader *r, const struct yaml_node *node, struct window *out);
static bool days_parse(const char *text, uint8_t *out);
static int day_index(const char *s, size_t length);
static size_t hours_read(const struct reader *r, const struct yaml_node *node, const char *what,
                         const struct hours **out);
static bool hours_split(const struct reader *r, const struct yaml_node *node, struct hours *hours,
                        size_t *count);
static size_t dates_read(const struct reader *r, const struct yaml_node *node, const char *what,
                         const struct day_range **out);

void schedule_read(const struct reader *r, const struct yaml_node *node, const char *zone_default,
                   struct zones *zones, struct campaign *c)
{
    struct schedule *s = &c->schedule;

    s->start = INSTANT_MIN;
    s->end = INSTANT_NEVER;
    if (node && !read_map(r, node, "schedule"))
        node = NULL;
    zone_read(r, node, zone_default, zones, c);
    if (!node)
        return;
    start_end_read(r, node, c);
    windows_read(r, yaml_get(node, "windows"), c);
    calendar_read(r, yaml_get(node, "calendar"), c);
    also_read(r, r->stored ? yaml_get(node, "also") : NULL, c);
    s->quiet_count = hours_read(r, yaml_get(node, "quiet_hours"), "quiet_hours", &s->quiet);
    s->closed_count = dates_read(r, yaml_get(node, "skip_dates"), "skip_dates", &s->closed);
}

void schedule_read_also(const struct reader *r, const struct yaml_node *node, struct campaign *c,
                        struct campaign *pack)
{
    struct schedule *s = &pack->schedule;

    *s = (struct schedule){
        .zone = c->schedule.zone, .start = c->schedule.start, .end = c->schedule.end};
    windows_read(r, yaml_get(node, "windows"), pack);
    calendar_read(r, yaml_get(node, "calendar"), pack);
    s->quiet_count = hours_read(r, yaml_get(node, "quiet_hours"), "quiet_hours", &s->quiet);
    if (s->window_count == 0 && s->quiet_count == 0)
        return;
    while (c->also)
        c = c->also;
    c->also = pack;
    c->schedule.also = s;
}

/* The zone of `node`. An unknown one is replaced by UTC, so that the times are still looked at. */
static const char *zone_named(const struct reader *r, const struct yaml_node *node,
                              const char *what, const char *otherwise, struct zones *zones)
{
    const char *name = node ? read_line(r, node, what, NAME_BYTES_MAX) : otherwise;

    if (name && zones_get(zones, name))
        return arena_strdup(r->arena, name);
    if (node && name)
        read_error(r, node, tr("unknown time zone '%s'"), name);
    return "UTC";
}

/* `timezone: recipient` is each recipient's own; what has one zone only (what people are shown,
 * periods of limits) is in the fallback's. */
static void zone_read(const struct reader *r, const struct yaml_node *node,
                      const char *zone_default, struct zones *zones, struct campaign *c)
{
    const struct yaml_node *zone = yaml_get(node, "timezone");
    const struct yaml_node *fallback = yaml_get(node, "fallback_timezone");

    c->recipient_zones = zone && zone->kind == YAML_SCALAR && strcmp(zone->text, "recipient") == 0;
    if (c->recipient_zones && !fallback)
        read_error(r, zone,
                   tr("'timezone: recipient' needs 'fallback_timezone', for recipients whose zone "
                      "is not known"));
    if (!c->recipient_zones && fallback)
        read_error(r, fallback->key, tr("'fallback_timezone' is for 'timezone: recipient'"));
    c->zone_name = c->recipient_zones
                       ? zone_named(r, fallback, "fallback_timezone", zone_default, zones)
                       : zone_named(r, zone, "timezone", zone_default, zones);
    c->schedule.zone = zones_get(zones, c->zone_name);
}

static const struct schedule *also_in(const struct campaign *c, const struct schedule *also,
                                      const struct schedule *in)
{
    if (!also)
        return c->schedule.also; /* a pack's hours hold in the campaign's zone as well */
    struct schedule *s = arena_alloc(c->arena, sizeof *s);
    *s = *also;
    s->zone = in->zone;
    s->start = in->start;
    s->end = in->end;
    s->also = also_in(c, also->also, in);
    return s;
}

const struct schedule *campaign_schedule_in(const struct campaign *c, const char *zone,
                                            struct zones *zones)
{
    const struct tz *tz = zones_get(zones, zone);

    if (!tz || tz == c->schedule.zone)
        return &c->schedule;
    struct schedule *s = arena_alloc(c->arena, sizeof *s);
    *s = c->schedule;
    s->zone = tz;
    if (c->start_text)
        instant_parse(c->start_text, tz, &s->start);
    if (c->end_text)
        instant_parse(c->end_text, tz, &s->end);
    s->also = also_in(c, c->schedule.also, s);
    return s;
}

static void start_end_read(const struct reader *r, const struct yaml_node *node, struct campaign *c)
{
    const struct yaml_node *start = yaml_get(node, "start"), *end = yaml_get(node, "end");
    struct schedule *s = &c->schedule;

    c->start_text = read_text(r, start, "start");
    if (c->start_text && strcmp(c->start_text, "now") == 0)
        c->start_text = NULL; /* when approved: the default */
    if (c->start_text && !instant_parse(c->start_text, s->zone, &s->start))
        read_error(r, start,
                   tr("'start' must be a time such as 2027-03-01 09:30 or "
                      "2027-03-01T09:30:00+08:00, or 'now'"));
    c->end_text = read_text(r, end, "end");
    if (!c->end_text)
        return;
    if (!instant_parse(c->end_text, s->zone, &s->end))
        read_error(
            r, end,
            tr("'end' must be a time such as 2027-03-01 09:30 or 2027-03-01T09:30:00+08:00"));
    else if (s->end <= s->start)
        read_error(r, end, tr("'end' is not after 'start'"));
}

/* With the windows read: a calendar that no window asks is not part of the revision. */
static void calendar_read(const struct reader *r, const struct yaml_node *node, struct campaign *c)
{
    struct calendar calendar = {0};
    struct err e;

    if (r->stored) {
        if (node && calendar_stored(r, node, &calendar))
            calendar_apply(r, node, &calendar, c);
        return;
    }
    const char *name = node ? read_text(r, node, "calendar") : NULL;
    if (!name || calendar_is_plain(name))
        calendar_apply(r, node, NULL, c);
    else if (calendar_load(&calendar, r->arena, r->service_dir, name, &e))
        read_error(r, node, "%s", e.text);
    else
        calendar_apply(r, node, &calendar, c);
}

/* In `plain`, workdays are Monday to Friday and nothing else. */
static void plain_apply(struct window *w)
{
    w->weekdays = (uint8_t)(w->weekdays | (w->workdays ? 0x1f : 0) | (w->restdays ? 0x60 : 0));
    w->workdays = w->restdays = false;
}

static void calendar_apply(const struct reader *r, const struct yaml_node *node,
                           const struct calendar *from, struct campaign *c)
{
    struct schedule *s = &c->schedule;
    char first[DATE_TEXT], last[DATE_TEXT];
    bool asked = false;

    for (size_t i = 0; i < s->window_count; i++) {
        if (!from)
            plain_apply(&c->windows[i]);
        asked = asked || s->windows[i].workdays || s->windows[i].restdays;
    }
    if (!asked || !from)
        return;
    struct calendar calendar = *from;
    calendar_clip(&calendar, s);
    s->marks = calendar.marks;
    s->mark_count = calendar.count;
    c->calendar = calendar.name;
    c->calendar_covers = calendar.covers;
    c->calendar_passed = !calendar_covers(&calendar, s);
    if (!c->calendar_passed || r->stored)
        return;
    date_format(calendar.covers.first, first);
    date_format(calendar.covers.last, last);
    diag_add(r->diags, r->file, node->line, node->column, DIAG_WARNING, ERR_REFUSED,
             tr("calendar '%s' covers %s to %s: on other days Monday to Friday count as workdays, "
                "whatever the holidays"),
             calendar.name, first, last);
}

/* Of a manifest: what policies bind it to. */
static void also_read(const struct reader *r, const struct yaml_node *node, struct campaign *c)
{
    if (!node || !read_list(r, node, "also", YAML_NODES_MAX))
        return;
    for (size_t i = 0; i < node->count; i++)
        schedule_read_also(r, node->items[i], c, arena_alloc(r->arena, sizeof *c));
}

static void windows_read(const struct reader *r, const struct yaml_node *node, struct campaign *c)
{
    size_t count = 0;

    if (!read_list(r, node, "windows", WINDOWS_MAX))
        return;
    struct window *windows = arena_array(r->arena, WINDOWS_MAX, sizeof *windows);
    for (size_t i = 0; i < node->count; i++)
        count += window_read(r, node->items[i], windows + count, WINDOWS_MAX - count);
    c->windows = windows;
    c->schedule.windows = windows;
    c->schedule.window_count = count;
}

/* One window, or one for each range of `dates`. */
static size_t window_read(const struct reader *r, const struct yaml_node *node, struct window *out,
                          size_t room)
{
    struct window w = {.weekdays = 0x7f, .first_day = 1, .last_day = 0};

    if (!read_map(r, node, "windows"))
        return 0;
    const struct yaml_node *days = yaml_get(node, "days"), *dates = yaml_get(node, "dates");
    const struct yaml_node *hours = yaml_get(node, "hours");
    if (node->count == 0)
        read_error(r, node, tr("missing key 'days', 'dates' or 'hours'"));
    if (days && dates)
        read_error(r, dates->key, tr("a window has 'days' or 'dates', not both"));
    w.hours_count = hours_read(r, hours, "hours", &w.hours);
    if (dates)
        return window_dates(r, dates, w, out, room);
    if ((days && !days_read(r, days, &w)) || room == 0)
        return 0;
    *out = w;
    return 1;
}

static size_t window_dates(const struct reader *r, const struct yaml_node *node, struct window base,
                           struct window *out, size_t room)
{
    const struct day_range *ranges;
    size_t count = dates_read(r, node, "dates", &ranges);

    if (count > room) {
        read_error(r, node, tr("'%s' has more than %zu entries"), "windows", (size_t)WINDOWS_MAX);
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = base;
        out[i].weekdays = 0;
        out[i].first_day = ranges[i].first;
        out[i].last_day = ranges[i].last;
    }
    return count;
}

static bool days_read(const struct reader *r, const struct yaml_node *node, struct window *out)
{
    const struct yaml_node *const *items;
    size_t count = read_one_or_list(r, node, "days", 9, &items);
    bool ok = count > 0;

    out->weekdays = 0;
    for (size_t i = 0; i < count; i++) {
        const char *text = read_text(r, items[i], "days");

        if (!text) {
            ok = false;
        } else if (strcmp(text, "workdays") == 0) {
            out->workdays = true;
        } else if (strcmp(text, "restdays") == 0) {
            out->restdays = true;
        } else if (!days_parse(text, &out->weekdays)) {
            read_error(
                r, items[i],
                tr("'days' must be a day (mon, tue, ...), a range such as mon-fri, a list of "
                   "these, workdays, restdays or daily"));
            ok = false;
        }
    }
    return ok;
}

static bool days_parse(const char *text, uint8_t *out)
{
    const char *dash = strchr(text, '-');

    if (strcmp(text, "daily") == 0) {
        *out = 0x7f;
        return true;
    }
    int from = day_index(text, dash ? (size_t)(dash - text) : strlen(text));
    int to = dash ? day_index(dash + 1, strlen(dash + 1)) : from;
    if (from < 0 || to < 0)
        return false;
    for (int d = from;; d = (d + 1) % 7) { /* fri-mon goes over the weekend */
        *out = (uint8_t)(*out | 1U << d);
        if (d == to)
            return true;
    }
}

static int day_index(const char *s, size_t length)
{
    for (int i = 0; day_words[i]; i++) {
        if (length == 3 && memcmp(day_words[i], s, 3) == 0)
            return i;
    }
    return -1;
}

/* "10:00-12:00, 14:00-20:30", or a list of such. */
static size_t hours_read(const struct reader *r, const struct yaml_node *node, const char *what,
                         const struct hours **out)
{
    const struct yaml_node *const *items;
    size_t most = r->stored ? STORED_HOURS_MAX : HOURS_MAX, count = 0;
    size_t given = read_one_or_list(r, node, what, most, &items);

    if (given == 0)
        return 0;
    struct hours *hours = arena_array(r->arena, most, sizeof *hours);
    for (size_t i = 0; i < given; i++) {
        if (read_text(r, items[i], what) && !hours_split(r, items[i], hours, &count))
            return 0;
    }
    *out = hours;
    return count;
}

static bool hours_split(const struct reader *r, const struct yaml_node *node, struct hours *hours,
                        size_t *count)
{
    for (const char *s = node->text;; s++) {
        size_t length = strcspn(s, ",");
        struct hours h;

        if (!hours_parse(s, length, &h.from_min, &h.to_min)) {
            read_error(r, node,
                       tr("hours must be ranges such as \"10:00-12:00, 14:00-20:30\", each end "
                          "00:00 to 24:00"));
            return false;
        }
        if (*count == (r->stored ? STORED_HOURS_MAX : HOURS_MAX)) {
            read_error(r, node, tr("more than %d ranges of hours"), HOURS_MAX);
            return false;
        }
        hours[(*count)++] = h;
        s += length;
        if (*s == '\0')
            return true;
    }
}

static size_t dates_read(const struct reader *r, const struct yaml_node *node, const char *what,
                         const struct day_range **out)
{
    const struct yaml_node *const *items;
    size_t count = read_one_or_list(r, node, what, DATES_MAX, &items);
    struct day_range *ranges = arena_array(r->arena, count, sizeof *ranges);

    for (size_t i = 0; i < count; i++) {
        const char *text = read_text(r, items[i], what);

        if (text && !date_range_parse(text, &ranges[i]))
            read_error(r, items[i],
                       tr("'%s' must be dates such as 2027-03-05 or 2027-03-05..2027-03-06"), what);
    }
    *out = ranges;
    return count;
}
