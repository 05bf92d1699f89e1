/* What would make an infeasible campaign feasible. Each change is written into the text of the file
 * as a person would write it, and that file is planned: with its own digest, and so with its own
 * random gaps, policies and calendar. Only what was feasible then is told. Nothing here makes
 * anybody go faster. */
#include "cli/plan_help.h"

#include "api/emit.h"
#include "conf/duration.h"
#include "conf/edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HALF_HOUR_MIN = 30,
    DAY_MIN = 1440,
    YEARS = 9,
    END_TRIES = 16,   /* an hour later, then two, four, ...: seven years */
    END_ROUNDINGS = 8 /* other random gaps may need an hour more */
};

struct trial {
    const struct plan_help *h;
    struct arena *arena; /* of the tree */
    const char *bytes;
    const struct yaml_node *schedule;
    instant_t last; /* of the last one that was feasible */
};

/* --- a file that says something else --- */

static bool feasible(struct trial *t, const char *bytes)
{
    return t->h->feasible(t->h->ctx, bytes, 0, &t->last);
}

/* --- a later end --- */

/* The first full hour after `t`, by the clock on the wall. */
static instant_t full_hour_after(const struct tz *zone, instant_t t)
{
    int64_t wall = tz_wall(zone, t);
    instant_t hour;

    tz_instant(zone, wall - wall % MS_PER_HOUR + MS_PER_HOUR, &hour);
    return hour > t ? hour : t + MS_PER_HOUR;
}

static bool feasible_until(struct trial *t, instant_t end)
{
    const struct yaml_node *node = yaml_get(t->schedule, "end");
    const struct tz *zone = t->h->campaign->schedule.zone;
    struct strbuf bytes = STRBUF_INIT;
    struct civil c;
    char text[64];

    civil_from_wall(tz_wall(zone, end), &c);
    snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d", c.year, c.month, c.day, c.hour,
             c.minute);
    bool all = node && edit_scalar(&bytes, t->bytes, node, text) && feasible(t, bytes.text);
    strbuf_dispose(&bytes);
    return all;
}

static void put_end(struct strbuf *b, const struct trial *t, instant_t end)
{
    const struct tz *zone = t->h->campaign->schedule.zone;

    emit_open(b, '{');
    emit_put_text(b, "change", "end");
    emit_put_instant(b, "to", end, zone);
    emit_put_instant(b, "last", t->last, zone);
    strbuf_putc(b, '}');
}

/* Far away, the last one says what is enough; what is spread over the time left would take all
 * there is: longer and longer times are tried. */
static void later_end(struct trial *t, struct strbuf *b)
{
    const struct campaign *c = t->h->campaign;
    const struct tz *zone = c->schedule.zone;
    bool spread = c->pace.distribution == PACE_SPREAD;
    instant_t end = c->schedule.end, from = t->h->from;

    if (end == INSTANT_NEVER)
        return;
    if (!spread) {
        instant_t far = full_hour_after(
            zone, instant_add(end > from ? end : from, (duration_t)YEARS * 365 * MS_PER_DAY));
        if (!feasible_until(t, far))
            return;
        end = t->last;
    }
    for (int tries = 0; tries < (spread ? END_TRIES : END_ROUNDINGS); tries++) {
        duration_t more =
            spread ? ((duration_t)MS_PER_HOUR << tries) - 1 : (duration_t)tries * MS_PER_HOUR;
        instant_t later = full_hour_after(zone, instant_add(end, more));
        if (feasible_until(t, later)) {
            put_end(b, t, later);
            return;
        }
    }
}

/* --- longer hours --- */

/* The last hours end later, the first ones begin earlier. False when there are none that can. */
static bool widen(struct strbuf *out, const char *hours, int later, int earlier)
{
    struct hours ranges[24];
    size_t count = 0;

    for (const char *s = hours; *s && count < 24; count++) {
        size_t length = strcspn(s, ",");
        if (!hours_parse(s, length, &ranges[count].from_min, &ranges[count].to_min))
            return false;
        s += length + (s[length] == ',');
        s += strspn(s, " ");
    }
    if (!count || ranges[count - 1].to_min <= ranges[count - 1].from_min)
        return false; /* past midnight already */
    int from = ranges[0].from_min - earlier, to = ranges[count - 1].to_min + later;
    ranges[0].from_min = (int16_t)(from > 0 ? from : 0);
    ranges[count - 1].to_min = (int16_t)(to < DAY_MIN ? to : DAY_MIN);
    for (size_t i = 0; i < count; i++)
        strbuf_printf(out, "%s%02d:%02d-%02d:%02d", i ? ", " : "", ranges[i].from_min / 60,
                      ranges[i].from_min % 60, ranges[i].to_min / 60, ranges[i].to_min % 60);
    return true;
}

/* All windows, the last one in the file first, so that the places before it stay right. */
static bool widen_all(const struct trial *t, struct strbuf *bytes, int later, int earlier)
{
    const struct yaml_node *windows = yaml_get(t->schedule, "windows");
    bool any = false;

    strbuf_puts(bytes, t->bytes);
    for (size_t i = windows && windows->kind == YAML_LIST ? windows->count : 0; i-- > 0;) {
        const struct yaml_node *node = yaml_get(windows->items[i], "hours");
        struct strbuf hours = STRBUF_INIT, edited = STRBUF_INIT;
        if (node && node->kind == YAML_SCALAR && widen(&hours, node->text, later, earlier) &&
            edit_scalar(&edited, bytes->text, node, hours.text)) {
            strbuf_reset(bytes);
            strbuf_puts(bytes, edited.text);
            any = true;
        }
        strbuf_dispose(&hours);
        strbuf_dispose(&edited);
    }
    return any;
}

static bool feasible_wider(struct trial *t, int later, int earlier)
{
    struct strbuf bytes = STRBUF_INIT;
    bool all = widen_all(t, &bytes, later, earlier) && feasible(t, bytes.text);

    strbuf_dispose(&bytes);
    return all;
}

static void put_hours(struct strbuf *b, const struct trial *t, int later, int earlier)
{
    const struct yaml_node *windows = yaml_get(t->schedule, "windows");

    emit_open(b, '{');
    emit_put_text(b, "change", "hours");
    emit_key(b, "windows");
    emit_open(b, '[');
    for (size_t i = 0; i < windows->count; i++) {
        const struct yaml_node *node = yaml_get(windows->items[i], "hours");
        struct strbuf hours = STRBUF_INIT;
        bool wider = node && node->kind == YAML_SCALAR && widen(&hours, node->text, later, earlier);
        emit_text(b, wider ? hours.text : node ? node->text : NULL);
        strbuf_dispose(&hours);
    }
    strbuf_putc(b, ']');
    emit_put_instant(b, "last", t->last, t->h->campaign->schedule.zone);
    strbuf_putc(b, '}');
}

/* The fewest half hours that do; 0: none do. */
static int fewest(struct trial *t, bool both)
{
    int low = 1, high = DAY_MIN / HALF_HOUR_MIN;

    if (!feasible_wider(t, high * HALF_HOUR_MIN, both ? high * HALF_HOUR_MIN : 0))
        return 0;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (feasible_wider(t, middle * HALF_HOUR_MIN, both ? middle * HALF_HOUR_MIN : 0))
            high = middle;
        else
            low = middle + 1;
    }
    return high;
}

/* Later evenings first; only when they are not enough, earlier mornings too. */
static void longer_hours(struct trial *t, struct strbuf *b)
{
    for (int both = 0; both <= 1; both++) {
        int later = fewest(t, both) * HALF_HOUR_MIN, earlier = both ? later : 0;
        if (later && feasible_wider(t, later, earlier)) {
            put_hours(b, t, later, earlier);
            return;
        }
    }
}

/* --- more senders --- */

static bool feasible_with(struct trial *t, size_t more)
{
    return t->h->feasible(t->h->ctx, t->bytes, t->h->own_count + more, &t->last);
}

/* The fewest that do. */
static void more_senders(struct trial *t, struct strbuf *b)
{
    const struct plan_help *h = t->h;
    size_t low = 1, high = h->sender_count - h->own_count;

    if (!high || !feasible_with(t, high))
        return;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (feasible_with(t, middle))
            high = middle;
        else
            low = middle + 1;
    }
    if (!feasible_with(t, high))
        return; /* fewer do not suffice, nor do more: told is only what was seen */
    emit_open(b, '{');
    emit_put_text(b, "change", "senders");
    emit_key(b, "add");
    emit_open(b, '[');
    for (size_t i = 0; i < high; i++)
        emit_text(b, h->senders[h->own_count + i]);
    strbuf_putc(b, ']');
    emit_put_instant(b, "last", t->last, h->campaign->schedule.zone);
    strbuf_putc(b, '}');
}

void plan_help(const struct plan_help *h, struct strbuf *b)
{
    const struct campaign *c = h->campaign;
    struct trial t = {.h = h, .arena = arena_new(), .bytes = c->bytes};
    struct diags unused;

    diags_init(&unused);
    t.schedule =
        yaml_get(yaml_read(t.arena, c->file, c->bytes, strlen(c->bytes), &unused), "schedule");
    emit_key(b, "help");
    emit_open(b, '[');
    if (t.schedule && t.schedule->kind == YAML_MAP) {
        later_end(&t, b);
        longer_hours(&t, b);
    }
    more_senders(&t, b);
    strbuf_putc(b, ']');
    diags_dispose(&unused);
    arena_free(t.arena);
}
