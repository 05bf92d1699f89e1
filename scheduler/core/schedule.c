/* One judge, and candidates for it.
 *
 * part_open() judges one instant. It can only change its answer at an edge: where a range of hours
 * begins or ends, at midnight, or where the zone's clock is set. So the next change is found by
 * listing the edges day by day and asking the judge about each; nothing is stepped minute by
 * minute.
 *
 * When a clock set back repeats an hour, a range begins and ends at the first occurrence of its
 * times: what counts is the latest time shown so far, not the repeated one. But a reader with a
 * wall clock in hand must find no send outside a window or in quiet hours either. So a window is
 * open when both times lie in one, and quiet hours hold when one of the two does. */
#include "core/schedule.h"

enum {
    /* Past the last date that is named, a schedule repeats each week; a clock set forward can
     * swallow one week's window, not two in a row. */
    REPEATS_WITHIN_DAYS = 16
};

/* The ranges of hours that begin on one day. */
struct ranges {
    const struct schedule *s;
    enum schedule_part part;
    day_t day;
    bool dated; /* date windows replace the others today */
    size_t window, hour;
};

struct search { /* for the first edge after `after` at which the part is `open` (or not) */
    const struct schedule *s;
    enum schedule_part part;
    instant_t after;
    bool open;
    instant_t found;
};

static bool known(const struct schedule_span *span, instant_t t);
static void memorize(struct schedule_span *span, instant_t from, instant_t opens, instant_t until);
static instant_t parts_open(const struct schedule *s, instant_t t);
static instant_t part_opens(const struct schedule *s, enum schedule_part part, instant_t t);
static instant_t part_closes(const struct schedule *s, enum schedule_part part, instant_t t);
static instant_t own_opens(const struct schedule *s, enum schedule_part part, instant_t t);
static bool part_open(const struct schedule *s, enum schedule_part part, instant_t t);
static day_t last_day(const struct schedule *s, enum schedule_part part, day_t today);
static instant_t next_change(const struct schedule *s, enum schedule_part part, instant_t t,
                             bool open);

static instant_t later(instant_t a, instant_t b)
{
    return a > b ? a : b;
}

instant_t schedule_part_opens(const struct schedule *s, enum schedule_part part, instant_t t)
{
    struct schedule_memo *memo = s->memo;

    if (memo && t >= memo->all.opens && t < memo->all.until)
        return t;
    if (memo && known(&memo->part[part], t))
        return later(t, memo->part[part].opens);
    instant_t opens = part_opens(s, part, t);
    if (memo && opens != INSTANT_NEVER)
        memorize(&memo->part[part], t, opens, part_closes(s, part, opens));
    return opens;
}

instant_t schedule_opens(const struct schedule *s, instant_t t)
{
    struct schedule_memo *memo = s->memo;

    if (memo && known(&memo->all, t))
        return later(t, memo->all.opens);
    instant_t opens = parts_open(s, t);
    if (memo && opens != INSTANT_NEVER)
        memorize(&memo->all, t, opens, schedule_closes(s, opens));
    return opens;
}

instant_t schedule_closes(const struct schedule *s, instant_t t)
{
    const struct schedule_memo *memo = s->memo;
    instant_t first = INSTANT_NEVER;

    if (memo && memo->all.closes && t >= memo->all.opens && t < memo->all.until)
        return memo->all.until;
    for (int part = 0; part < SCHEDULE_PARTS; part++) {
        instant_t closes = part_closes(s, (enum schedule_part)part, t);
        first = closes < first ? closes : first;
    }
    return first;
}

static bool known(const struct schedule_span *span, instant_t t)
{
    return t >= span->from && t < span->until;
}

/* One that never closes was looked through for so long, not for ever. */
static void memorize(struct schedule_span *span, instant_t from, instant_t opens, instant_t until)
{
    instant_t looked = instant_add(opens, (duration_t)SCHEDULE_HORIZON_DAYS / 2 * MS_PER_DAY);

    *span = (struct schedule_span){from, opens, until < looked ? until : looked, until < looked};
}

static instant_t part_opens(const struct schedule *s, enum schedule_part part, instant_t t)
{
    const struct schedule *other = s;
    instant_t horizon = instant_add(t, (duration_t)SCHEDULE_HORIZON_DAYS * MS_PER_DAY);

    if (!s->also)
        return own_opens(s, part, t);
    while (other && t <= horizon) { /* until all agree on one instant */
        instant_t opens = own_opens(other, part, t);
        other = opens == t ? other->also : s;
        t = opens;
    }
    return t <= horizon ? t : INSTANT_NEVER;
}

static instant_t part_closes(const struct schedule *s, enum schedule_part part, instant_t t)
{
    instant_t first = INSTANT_NEVER;

    for (; s; s = s->also) {
        const bool never[SCHEDULE_PARTS] = {
            [SCHEDULE_CLOSED_DAY] = s->closed_count == 0,
            [SCHEDULE_QUIET] = s->quiet_count == 0,
            [SCHEDULE_WINDOW] = s->window_count == 0,
        };
        instant_t closes = never[part] ? INSTANT_NEVER : next_change(s, part, t, false);
        first = closes < first ? closes : first;
    }
    return first;
}

/* Without what it is bound to. */
static instant_t own_opens(const struct schedule *s, enum schedule_part part, instant_t t)
{
    if (t == INSTANT_NEVER || part_open(s, part, t))
        return t;
    return next_change(s, part, t, true);
}

static instant_t parts_open(const struct schedule *s, instant_t t)
{
    instant_t horizon = instant_add(t, (duration_t)SCHEDULE_HORIZON_DAYS * MS_PER_DAY);
    int agree = 0; /* parts in a row that are open at `t` */

    for (int part = 0; agree < SCHEDULE_PARTS; part = (part + 1) % SCHEDULE_PARTS) {
        instant_t opens = schedule_part_opens(s, (enum schedule_part)part, t);
        if (opens == INSTANT_NEVER || opens > horizon)
            return INSTANT_NEVER;
        agree = opens == t ? agree + 1 : 1;
        t = opens;
    }
    return t;
}

duration_t schedule_open_for(const struct schedule *s, instant_t from, instant_t to)
{
    duration_t open = 0;

    while (from < to && (from = schedule_opens(s, from)) < to) {
        instant_t closes = schedule_closes(s, from);
        closes = closes < to ? closes : to;
        open += closes - from;
        from = closes;
    }
    return open;
}

instant_t schedule_open_after(const struct schedule *s, instant_t from, duration_t open)
{
    while ((from = schedule_opens(s, from)) != INSTANT_NEVER) {
        instant_t closes = schedule_closes(s, from);
        if (closes == INSTANT_NEVER || open < closes - from)
            return instant_add(from, open);
        open -= closes - from;
        from = closes;
    }
    return INSTANT_NEVER;
}

static bool day_closed(const struct schedule *s, day_t d)
{
    for (size_t i = 0; i < s->closed_count; i++)
        if (d >= s->closed[i].first && d <= s->closed[i].last)
            return true;
    return false;
}

bool schedule_workday(const struct schedule *s, day_t d)
{
    size_t low = 0, high = s->mark_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->marks[middle].day == d)
            return s->marks[middle].workday;
        if (s->marks[middle].day < d)
            low = middle + 1;
        else
            high = middle;
    }
    return day_weekday(d) < 5;
}

static bool window_dated(const struct window *w)
{
    return w->first_day <= w->last_day;
}

static bool window_names_date(const struct window *w, day_t d)
{
    return window_dated(w) && d >= w->first_day && d <= w->last_day;
}

static bool window_applies(const struct ranges *r, const struct window *w)
{
    if (r->dated)
        return window_names_date(w, r->day);
    if (window_dated(w))
        return false;
    if ((w->weekdays >> day_weekday(r->day) & 1) != 0)
        return true;
    return (w->workdays || w->restdays) &&
           (schedule_workday(r->s, r->day) ? w->workdays : w->restdays);
}

static struct ranges ranges_of(const struct schedule *s, enum schedule_part part, day_t day)
{
    struct ranges r = {.s = s, .part = part, .day = day};

    if (part != SCHEDULE_WINDOW)
        return r;
    for (size_t i = 0; i < s->window_count && !r.dated; i++)
        r.dated = window_names_date(&s->windows[i], day);
    if (day_closed(s, day))
        r.window = s->window_count; /* a closed day begins no window */
    return r;
}

static bool next_window_hours(struct ranges *r, struct hours *out)
{
    for (; r->window < r->s->window_count; r->window++, r->hour = 0) {
        const struct window *w = &r->s->windows[r->window];
        if (!window_applies(r, w))
            continue;
        if (w->hours_count == 0 && r->hour++ == 0) {
            *out = (struct hours){0, 1440};
            return true;
        }
        if (w->hours_count > 0 && r->hour < w->hours_count) {
            *out = w->hours[r->hour++];
            return true;
        }
    }
    return false;
}

/* The next range, as wall time. */
static bool ranges_next(struct ranges *r, int64_t *from, int64_t *to)
{
    struct hours h;

    if (r->part == SCHEDULE_QUIET) {
        if (r->hour == r->s->quiet_count)
            return false;
        h = r->s->quiet[r->hour++];
    } else if (r->part != SCHEDULE_WINDOW || !next_window_hours(r, &h)) {
        return false;
    }
    int64_t to_min = h.to_min > h.from_min ? h.to_min : h.to_min + 1440;
    *from = day_to_wall(r->day) + (int64_t)h.from_min * MS_PER_MINUTE;
    *to = day_to_wall(r->day) + to_min * MS_PER_MINUTE;
    return true;
}

/* Whether a range of `part` holds this wall time. */
static bool in_hours(const struct schedule *s, enum schedule_part part, int64_t wall)
{
    day_t today = day_of_wall(wall);
    int64_t from, to;

    for (day_t day = today - 1; day <= today; day++) {
        struct ranges r = ranges_of(s, part, day);
        while (ranges_next(&r, &from, &to))
            if (wall >= from && wall < to)
                return true;
    }
    return false;
}

/* The instant in (low, high] at which the clock was set, given that it was. */
static instant_t clock_set(const struct tz *zone, instant_t low, instant_t high)
{
    int32_t before = tz_offset_s(zone, low);

    while (high - low > 1) {
        instant_t middle = low + (high - low) / 2;
        if (tz_offset_s(zone, middle) == before)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* The latest time that the clock on the wall has shown by `t`. */
static int64_t latest_reading(const struct tz *zone, instant_t t)
{
    int64_t wall = tz_wall(zone, t);
    instant_t first;

    if (tz_offset_s(zone, t - MS_PER_DAY) <= tz_offset_s(zone, t))
        return wall; /* not set back of late */
    tz_instant(zone, wall, &first);
    return first < t ? tz_wall(zone, clock_set(zone, first, t) - 1) : wall;
}

static bool part_open(const struct schedule *s, enum schedule_part part, instant_t t)
{
    int64_t now = tz_wall(s->zone, t), latest;

    switch (part) {
    case SCHEDULE_CLOSED_DAY:
        return !day_closed(s, day_of_wall(now));
    case SCHEDULE_QUIET:
        latest = latest_reading(s->zone, t);
        return !in_hours(s, part, now) && (latest == now || !in_hours(s, part, latest));
    default:
        if (s->window_count == 0)
            return true;
        latest = latest_reading(s->zone, t);
        return in_hours(s, part, now) && (latest == now || in_hours(s, part, latest));
    }
}

static void consider(struct search *q, instant_t t)
{
    if (t > q->after && t < q->found && part_open(q->s, q->part, t) == q->open)
        q->found = t;
}

/* Both occurrences of a wall time that is repeated. */
static void consider_wall(struct search *q, int64_t wall)
{
    const struct tz *zone = q->s->zone;
    instant_t t;

    if (tz_instant(zone, wall, &t) == TZ_REPEATED)
        consider(q, wall - (int64_t)tz_offset_s(zone, t + MS_PER_DAY) * MS_PER_SECOND);
    consider(q, t);
}

/* The last day that has to be looked at. */
static day_t last_day(const struct schedule *s, enum schedule_part part, day_t today)
{
    day_t repeats = part == SCHEDULE_CLOSED_DAY ? 1 : REPEATS_WITHIN_DAYS;
    day_t last = today;

    for (size_t i = 0; i < s->closed_count; i++)
        last = s->closed[i].last > last ? s->closed[i].last : last;
    for (size_t i = 0; i < s->window_count; i++)
        if (window_dated(&s->windows[i]) && s->windows[i].last_day > last)
            last = s->windows[i].last_day;
    if (s->mark_count > 0 && s->marks[s->mark_count - 1].day > last)
        last = s->marks[s->mark_count - 1].day;
    return last < today + SCHEDULE_HORIZON_DAYS - repeats ? last + repeats
                                                          : today + SCHEDULE_HORIZON_DAYS;
}

static instant_t next_change(const struct schedule *s, enum schedule_part part, instant_t t,
                             bool open)
{
    struct search q = {s, part, t, open, INSTANT_NEVER};
    day_t today = tz_day(s->zone, t), last = last_day(s, part, today);
    instant_t midnight = tz_day_begins(s->zone, today - 1);

    for (day_t day = today - 1; day <= last; day++) {
        struct ranges r = ranges_of(s, part, day);
        instant_t next_midnight = tz_day_begins(s->zone, day + 1);
        int64_t from, to;

        while (ranges_next(&r, &from, &to)) {
            consider_wall(&q, from);
            consider_wall(&q, to);
        }
        consider(&q, midnight);
        if (tz_offset_s(s->zone, midnight) != tz_offset_s(s->zone, next_midnight))
            consider(&q, clock_set(s->zone, midnight, next_midnight));
        if (q.found <= next_midnight) /* later days have no earlier edges */
            break;
        midnight = next_midnight;
    }
    return q.found;
}
