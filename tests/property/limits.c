/* Limits against a list of all sends ever made. The model keeps no ring and no counter: it looks at
 * every send each time.
 *
 * Rolling (contract §2): in any half-open span of `per` never more than `max`; a send holds its
 * place from its claim until `per` after its answer; proven not sent frees it. Calendar: at most
 * `max` claims in a local day, Monday week or month; where a person confirms, a place in each
 * period until settled, then in the period of the time it was sent. A restart reads the state back
 * from the claims. */
#include "clocks.h"

#include "core/limit.h"

#include <stdlib.h>

enum { SENDS = 400, STEPS = 260 };

enum fate { OPEN, ANSWERED, NOT_SENT };

struct sent {
    instant_t claimed, answered, arrived;
    enum fate fate;
    uint32_t max; /* in force when it was claimed */
};

struct history {
    struct sent sends[SENDS];
    size_t count;
};

/* --- rolling --- */

static uint32_t held(const struct history *h, duration_t per, instant_t t)
{
    uint32_t n = 0;

    for (size_t i = 0; i < h->count; i++) {
        const struct sent *s = &h->sends[i];
        n += s->claimed <= t && (s->fate == OPEN || (s->fate == ANSWERED && t < s->answered + per));
    }
    return n;
}

/* The first instant from `now` on at which there is room, if nothing else happens. */
static instant_t room_from(const struct history *h, uint32_t max, duration_t per, instant_t now)
{
    instant_t best = INSTANT_NEVER;

    if (held(h, per, now) < max)
        return now;
    for (size_t i = 0; i < h->count; i++) { /* room comes only where a place is released */
        instant_t t = h->sends[i].answered + per;
        if (h->sends[i].fate == ANSWERED && t > now && t < best && held(h, per, t) < max)
            best = t;
    }
    return best;
}

static struct sent *open_any(struct dice *d, struct history *h)
{
    size_t open = 0, chosen;

    for (size_t i = 0; i < h->count; i++)
        open += h->sends[i].fate == OPEN;
    if (!open)
        return NULL;
    chosen = dice_below(d, open);
    for (size_t i = 0;; i++) {
        if (h->sends[i].fate == OPEN && chosen-- == 0)
            return &h->sends[i];
    }
}

static int by_answer(const void *a, const void *b)
{
    const struct sent *x = a, *y = b;

    return (x->answered > y->answered) - (x->answered < y->answered);
}

static void restore(struct rolling *r, const struct history *h, instant_t now)
{
    static struct history sorted;

    sorted = *h;
    qsort(sorted.sends, sorted.count, sizeof sorted.sends[0], by_answer);
    for (size_t i = 0; i < sorted.count; i++) {
        if (sorted.sends[i].fate == ANSWERED)
            rolling_restore(r, sorted.sends[i].answered, now);
    }
    for (size_t i = 0; i < sorted.count; i++) {
        if (sorted.sends[i].fate == OPEN)
            rolling_restore_open(r);
    }
}

static void never_more_than_max(const struct history *h, duration_t per)
{
    for (size_t i = 0; i < h->count; i++) {
        const struct sent *last = &h->sends[i];
        uint32_t claims = 0, arrivals = 0;
        if (last->fate == NOT_SENT)
            continue;
        for (size_t k = 0; k <= i; k++) { /* what was claimed before it */
            const struct sent *s = &h->sends[k];
            if (s->fate == NOT_SENT)
                continue;
            claims += s->claimed > last->claimed - per && s->claimed <= last->claimed;
            /* the receiver's view */
            arrivals += s->arrived > last->arrived - per && s->arrived <= last->arrived;
        }
        property_check(claims <= last->max, "%u claims in the span that ends at %lld, max %u",
                       claims, (long long)last->claimed, last->max);
        property_check(arrivals <= last->max, "%u arrivals in the span that ends at %lld, max %u",
                       arrivals, (long long)last->arrived, last->max);
    }
}

static void compare_rolling(const struct rolling *r, const struct history *h, instant_t now)
{
    uint32_t used = held(h, r->span, now), room = used < r->max ? r->max - used : 0;

    property_check(rolling_ready_at(r, now) == room_from(h, r->max, r->span, now),
                   "at %lld of %u per %lld: ready at %lld, the model %lld", (long long)now, r->max,
                   (long long)r->span, (long long)rolling_ready_at(r, now),
                   (long long)room_from(h, r->max, r->span, now));
    property_check(rolling_room(r, now) == room, "at %lld: room for %u, the model %u",
                   (long long)now, rolling_room(r, now), room);
}

static void rolling_in_any_span(struct dice *d)
{
    static struct history h;
    static instant_t ring[64];
    struct rolling r;
    uint32_t max = 1 + (uint32_t)dice_below(d, dice_one_in(d, 4) ? 40 : 6);
    duration_t per = dice_between(d, 1, dice_one_in(d, 2) ? 50 : 5000);
    instant_t now = dice_between(d, -5000, 1800000000000);

    h.count = 0;
    rolling_init(&r, max, per, ring);
    for (int step = 0; step < STEPS; step++) {
        struct sent *s;
        now +=
            dice_one_in(d, 3) ? dice_between(d, 0, per) : dice_between(d, 0, per / (max + 1) + 1);
        if (dice_one_in(d, 4) && rolling_ready_at(&r, now) != INSTANT_NEVER)
            now = rolling_ready_at(&r, now); /* right when there is room again */
        compare_rolling(&r, &h, now);
        switch (dice_below(d, 8)) {
        case 0:
        case 1:
        case 2:
        case 3:
            if (rolling_ready_at(&r, now) > now)
                break;
            rolling_take(&r, now);
            h.sends[h.count++] =
                (struct sent){.claimed = now, .answered = now, .arrived = now, .max = r.max};
            break;
        case 4:
        case 5:
            if (!(s = open_any(d, &h)))
                break;
            s->answered = now;
            s->arrived = dice_between(d, s->claimed, now); /* somewhere on the way */
            s->fate = ANSWERED;
            rolling_answer(&r, now);
            break;
        case 6:
            if (!(s = open_any(d, &h)))
                break;
            s->fate = NOT_SENT;
            rolling_untake(&r);
            break;
        default: /* the service starts again, perhaps with another `max` */
            if (!dice_one_in(d, 4))
                break;
            if (dice_one_in(d, 3))
                max = 1 + (uint32_t)dice_below(d, 12);
            for (size_t i = 0; i < h.count && dice_one_in(d, 2); i++) {
                if (h.sends[i].fate != OPEN)
                    continue;
                h.sends[i].fate = ANSWERED; /* nobody knows: held until `per` from now */
                h.sends[i].answered = now;
                h.sends[i].arrived = dice_between(d, h.sends[i].claimed, now);
            }
            rolling_init(&r, max, per, ring);
            restore(&r, &h, now);
        }
        compare_rolling(&r, &h, now);
    }
    never_more_than_max(&h, per);
}

/* --- calendar --- */

/* Which period a minute belongs to, by the date that the wall clock has reached: a clock set back
 * shows yesterday again, but the new day has begun. */
static int64_t period_key(enum period period, int64_t day)
{
    int year, month, dom;

    if (period == PERIOD_DAY)
        return day;
    if (period == PERIOD_WEEK)
        return day - weekday_of_day(day);
    date_of_day(day, &year, &month, &dom);
    return year * 12 + month;
}

struct calendar_case {
    const struct stretch *stretch;
    int64_t key[STRETCH_MINUTES];
    struct history h;
    uint32_t max, asked;
    instant_t now;
};

static int64_t key_at(const struct calendar_case *c, instant_t t)
{
    return c->key[(t - c->stretch->from) / 60000];
}

static uint32_t counted(const struct calendar_case *c, int64_t key)
{
    uint32_t n = c->asked;

    for (size_t i = 0; i < c->h.count; i++)
        n += c->h.sends[i].fate != NOT_SENT && key_at(c, c->h.sends[i].claimed) == key;
    return n;
}

static void compare_calendar(const struct calendar_case *c, const struct calendar_limit *l)
{
    int64_t key = key_at(c, c->now);
    uint32_t used = counted(c, key);
    int m = (int)((c->now - c->stretch->from) / 60000);
    instant_t got = calendar_limit_ready_at(l, c->now), expected = c->now;

    property_check(calendar_limit_room(l, c->now) == (used < c->max ? c->max - used : 0),
                   "%s at %lld: room for %u, the model counts %u of %u", c->stretch->zone->name,
                   (long long)c->now, calendar_limit_room(l, c->now), used, c->max);
    if (used >= c->max && c->asked >= c->max)
        expected = INSTANT_NEVER; /* only an answer makes room */
    if (used >= c->max && c->asked < c->max) {
        while (m < STRETCH_MINUTES && c->key[m] == key)
            m++;
        if (m == STRETCH_MINUTES)
            return; /* further than the model looks */
        expected = c->stretch->from + (instant_t)m * 60000;
    }
    property_check(got == expected, "%s at %lld: ready at %lld, the model %lld",
                   c->stretch->zone->name, (long long)c->now, (long long)got, (long long)expected);
}

static void calendar_step(struct dice *d, struct calendar_case *c, struct calendar_limit *l)
{
    struct history *h = &c->h;
    struct sent *s;

    switch (dice_below(d, 8)) {
    case 0:
    case 1:
    case 2:
        if (calendar_limit_ready_at(l, c->now) > c->now)
            break;
        calendar_limit_take(l, c->now);
        h->sends[h->count++] = (struct sent){.claimed = c->now, .answered = c->now};
        break;
    case 3:
        if ((s = open_any(d, h))) /* proven not sent */ {
            s->fate = NOT_SENT;
            calendar_limit_untake(l, s->claimed);
        }
        break;
    case 4:
        if (calendar_limit_ready_at(l, c->now) > c->now)
            break;
        calendar_limit_ask(l); /* a person has been asked */
        c->asked++;
        break;
    case 5:
        if (!c->asked)
            break;
        c->asked--;
        if (dice_one_in(d, 3)) {
            calendar_limit_settle(l, INSTANT_MIN);
        } else {
            calendar_limit_settle(l, c->now);
            h->sends[h->count++] =
                (struct sent){.claimed = c->now, .answered = c->now, .fate = ANSWERED};
        }
        break;
    case 6:
        if ((s = open_any(d, h)))
            s->fate = ANSWERED;
        break;
    default: /* the service starts again */
        if (!dice_one_in(d, 3))
            break;
        if (dice_one_in(d, 3))
            c->max = 1 + (uint32_t)dice_below(d, 8);
        calendar_limit_init(l, c->max, l->period, l->zone);
        for (size_t i = 0; i < h->count; i++) {
            if (h->sends[i].fate != NOT_SENT)
                calendar_limit_restore(l, h->sends[i].claimed, c->now);
        }
        for (uint32_t i = 0; i < c->asked; i++)
            calendar_limit_ask(l);
    }
}

static void calendar_periods(struct dice *d)
{
    static struct calendar_case c;
    const struct stretch *s = stretch_any(d);
    enum period period = (enum period)dice_below(d, 3);
    struct calendar_limit l;
    int64_t latest = INT64_MIN;

    c.stretch = s;
    c.h.count = 0;
    c.asked = 0;
    c.max = 1 + (uint32_t)dice_below(d, 8);
    for (int m = 0; m < STRETCH_MINUTES; m++) {
        int64_t day = s->wall[m] / 1440;
        if (m && day == latest) {
            c.key[m] = c.key[m - 1];
            continue;
        }
        latest = day > latest ? day : latest;
        c.key[m] = period_key(period, latest);
    }
    c.now = s->from + dice_between(d, 1, 3) * 86400000 + dice_between(d, 0, 86399999);
    calendar_limit_init(&l, c.max, period, &s->zone->tz);
    for (int step = 0; step < STEPS; step++) {
        instant_t ready = calendar_limit_ready_at(&l, c.now);
        c.now += dice_between(d, 0, dice_one_in(d, 8) ? 40000000 : 3600000);
        if (dice_one_in(d, 6) && ready != INSTANT_NEVER && ready > c.now)
            c.now = ready - (instant_t)dice_below(d, 2); /* the edge of a period */
        if (c.now >= s->from + (instant_t)(STRETCH_DAYS - 1) * 86400000)
            break;
        compare_calendar(&c, &l);
        calendar_step(d, &c, &l);
        compare_calendar(&c, &l);
    }
}

int main(int argc, char **argv)
{
    static const struct property list[] = {
        {"a rolling limit in any half-open span, across restarts", rolling_in_any_span, 4000},
        {"a calendar limit per local day, week and month", calendar_periods, 2000},
    };

    return property_main(argc, argv, list, sizeof list / sizeof list[0]);
}
