/* A rolling limit's places: those in flight are only counted, those answered wait in a ring for
 * their release. Answers come in order, so the ring is ascending and what has been released is a
 * prefix.
 *
 *     head                      head + held
 *       | released | live ........ |            in_flight + live <= max
 *
 * History may hold more than `max` allows today (the limit was lowered): only the latest `max`
 * answers are kept, since the older ones are released before any of those could matter. */
#include "core/limit.h"

#include <assert.h>

static uint32_t position(const struct rolling *r, uint32_t i);
static uint32_t released(const struct rolling *r, instant_t now);
static void discard(struct rolling *r, uint32_t count);
static void push(struct rolling *r, instant_t answered_at);
static day_t period_first(enum period period, day_t d, int later);
static void turn_to(struct calendar_limit *c, instant_t now);
static uint32_t max_at(const struct calendar_limit *c, instant_t t);

void rolling_init(struct rolling *r, uint32_t max, duration_t span, instant_t *memory)
{
    assert(max > 0 && max <= LIMIT_MAX && span > 0);
    *r = (struct rolling){.max = max, .span = span, .release_at = memory};
}

instant_t rolling_ready_at(const struct rolling *r, instant_t now)
{
    if (r->in_flight + r->held < r->max)
        return now;
    uint32_t gone = released(r, now), used = r->in_flight + r->held - gone;
    if (used < r->max)
        return now;
    uint32_t too_many = used - r->max + 1; /* must be released first */
    if (too_many > r->held - gone)
        return INSTANT_NEVER;
    return r->release_at[position(r, gone + too_many - 1)];
}

uint32_t rolling_room(const struct rolling *r, instant_t now)
{
    uint32_t used = rolling_used(r, now);

    return used < r->max ? r->max - used : 0;
}

void rolling_take(struct rolling *r, instant_t now)
{
    discard(r, released(r, now));
    assert(r->in_flight + r->held < r->max);
    r->in_flight++;
}

void rolling_answer(struct rolling *r, instant_t answered_at)
{
    assert(r->in_flight > 0);
    r->in_flight--;
    push(r, answered_at);
}

void rolling_untake(struct rolling *r)
{
    assert(r->in_flight > 0);
    r->in_flight--;
}

void rolling_restore(struct rolling *r, instant_t answered_at, instant_t now)
{
    if (instant_add(answered_at, r->span) > now)
        push(r, answered_at);
}

void rolling_restore_open(struct rolling *r)
{
    r->in_flight++;
}

void rolling_shift(struct rolling *r, duration_t by)
{
    for (uint32_t i = 0; i < r->held; i++) {
        instant_t *at = &r->release_at[position(r, i)];
        *at = instant_add(*at, by);
    }
}

uint32_t rolling_used(const struct rolling *r, instant_t now)
{
    return r->in_flight + r->held - released(r, now);
}

instant_t rolling_since(const struct rolling *r, instant_t now)
{
    uint32_t gone = released(r, now);

    return gone < r->held ? r->release_at[position(r, gone)] - r->span : INSTANT_MIN;
}

void calendar_limit_init(struct calendar_limit *c, uint32_t max, enum period period,
                         const struct tz *zone)
{
    assert(max > 0 && zone);
    *c = (struct calendar_limit){.max = max,
                                 .period = period,
                                 .zone = zone,
                                 .begins = INSTANT_MIN,
                                 .ends = INSTANT_MIN,
                                 .first = INSTANT_MIN};
}

void calendar_limit_ramp(struct calendar_limit *c, const struct ramp *r)
{
    assert(r->from > 0 && r->from < c->max);
    c->ramp = *r;
}

void calendar_limit_first(struct calendar_limit *c, instant_t first)
{
    if (c->first == INSTANT_MIN)
        c->first = first;
}

/* How many periods have begun between the two days, the first one's not counted. */
static int64_t periods_between(enum period period, day_t from, day_t to)
{
    int y1, m1, d1, y2, m2, d2;

    if (period != PERIOD_MONTH)
        return (period_first(period, to, 0) - period_first(period, from, 0)) /
               (period == PERIOD_WEEK ? 7 : 1);
    day_to_date(from, &y1, &m1, &d1);
    day_to_date(to, &y2, &m2, &d2);
    return (int64_t)(y2 - y1) * 12 + m2 - m1;
}

uint32_t ramp_max(const struct ramp *r, uint32_t max, enum period period, const struct tz *zone,
                  instant_t first, instant_t t)
{
    instant_t begins, ends;
    int64_t steps = 0;

    period_of(period, zone, t, &begins, &ends);
    if (first != INSTANT_MIN && first < begins)
        steps = periods_between(r->every, tz_day(zone, first), tz_day(zone, begins));
    if (steps > (max - r->from) / r->step)
        return max;
    return r->from + (uint32_t)steps * r->step;
}

uint32_t calendar_limit_max(const struct calendar_limit *c, instant_t now)
{
    return max_at(c, now);
}

/* Periods lie end to end. Where a clock set back shows yesterday's date again, the time goes to the
 * day that had already begun; a day that a zone skips is empty. */
void period_of(enum period period, const struct tz *zone, instant_t t, instant_t *begins,
               instant_t *ends)
{
    day_t first = period_first(period, tz_day(zone, t), 0);

    *begins = tz_day_begins(zone, first);
    for (;;) {
        first = period_first(period, first, 1);
        *ends = tz_day_begins(zone, first);
        if (t < *ends)
            return;
        *begins = *ends;
    }
}

uint32_t period_max(uint32_t max, const struct tz *zone, instant_t t)
{
    if (max != LIMIT_MONTH_DAYS)
        return max;
    day_t today = tz_day(zone, t);
    return (uint32_t)(day_first_of_month(today, 1) - day_first_of_month(today, 0));
}

static uint32_t max_at(const struct calendar_limit *c, instant_t t)
{
    return c->ramp.step ? ramp_max(&c->ramp, c->max, c->period, c->zone, c->first, t)
                        : period_max(c->max, c->zone, t);
}

instant_t calendar_limit_ready_at(const struct calendar_limit *c, instant_t now)
{
    if (calendar_limit_used(c, now) < max_at(c, now))
        return now;
    instant_t begins, ends = c->ends;
    if (now >= ends)
        period_of(c->period, c->zone, now, &begins, &ends);
    return c->asked < max_at(c, ends) ? ends : INSTANT_NEVER;
}

uint32_t calendar_limit_room(const struct calendar_limit *c, instant_t now)
{
    uint32_t used = calendar_limit_used(c, now), max = max_at(c, now);

    return used < max ? max - used : 0;
}

void calendar_limit_take(struct calendar_limit *c, instant_t now)
{
    turn_to(c, now);
    assert(c->used + c->asked < max_at(c, now));
    c->used++;
}

void calendar_limit_ask(struct calendar_limit *c)
{
    c->asked++;
}

void calendar_limit_settle(struct calendar_limit *c, instant_t sent_at)
{
    assert(c->asked > 0);
    c->asked--;
    if (sent_at != INSTANT_MIN)
        calendar_limit_restore(c, sent_at, sent_at);
}

void calendar_limit_untake(struct calendar_limit *c, instant_t claimed_at)
{
    if (claimed_at < c->begins || claimed_at >= c->ends)
        return; /* its period is over */
    assert(c->used > 0);
    c->used--;
}

void calendar_limit_restore(struct calendar_limit *c, instant_t claimed_at, instant_t now)
{
    turn_to(c, now);
    if (claimed_at >= c->begins && claimed_at < c->ends)
        c->used++;
}

uint32_t calendar_limit_used(const struct calendar_limit *c, instant_t now)
{
    return c->asked + (now < c->ends ? c->used : 0);
}

static uint32_t position(const struct rolling *r, uint32_t i)
{
    uint32_t at = r->head + i; /* max is far below half of the range */

    return at < r->max ? at : at - r->max;
}

/* How many of the ring are released at `now`: mostly few, since a take discards them. */
static uint32_t released(const struct rolling *r, instant_t now)
{
    uint32_t low = 0, high = 1;

    while (high <= r->held && r->release_at[position(r, high - 1)] <= now) {
        low = high;
        high *= 2;
    }
    high = high <= r->held ? high - 1 : r->held;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (r->release_at[position(r, middle)] <= now)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void discard(struct rolling *r, uint32_t count)
{
    r->head = position(r, count);
    r->held -= count;
}

static void push(struct rolling *r, instant_t answered_at)
{
    instant_t at = instant_add(answered_at, r->span);

    if (r->held == r->max)
        discard(r, 1);
    if (r->held > 0) { /* a clock that went back must not free a place early */
        instant_t last = r->release_at[position(r, r->held - 1)];
        at = at > last ? at : last;
    }
    r->release_at[position(r, r->held)] = at;
    r->held++;
}

static day_t period_first(enum period period, day_t d, int later)
{
    switch (period) {
    case PERIOD_WEEK:
        return day_first_of_week(d) + 7 * later;
    case PERIOD_MONTH:
        return day_first_of_month(d, later);
    default:
        return d + later;
    }
}

static void turn_to(struct calendar_limit *c, instant_t now)
{
    if (now < c->ends)
        return;
    period_of(c->period, c->zone, now, &c->begins, &c->ends);
    c->used = 0;
}
