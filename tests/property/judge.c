#include "world.h"

size_t lane_channel(size_t lane)
{
    return lane / SENDERS;
}

size_t lane_sender(size_t lane)
{
    return lane % SENDERS;
}

bool channel_asks(size_t channel)
{
    return channel == CHANNELS - 1;
}

int64_t channel_account(size_t channel)
{
    return channel == 0 ? 1 : 2;
}

struct engine_limit quota_of(size_t channel, duration_t scale)
{
    return (struct engine_limit){
        .scope = SCOPE_CHANNEL, .max = channel == 0 ? 5 : 9, .rolling = true, .span = 2000 * scale};
}

/* --- limits --- */

static bool same_thing(enum engine_scope scope, const struct row *a, const struct row *b)
{
    size_t x = lane_channel(a->lane), y = lane_channel(b->lane);

    switch (scope) {
    case SCOPE_SENDER:
        return a->lane == b->lane;
    case SCOPE_PERSON:
        return lane_sender(a->lane) == lane_sender(b->lane) &&
               channel_account(x) == channel_account(y);
    case SCOPE_RECIPIENT:
        return a->recipient == b->recipient;
    case SCOPE_CHANNEL:
        return x == y;
    default:
        return a->campaign == b->campaign;
    }
}

/* The number of the local day, Monday week or month. */
static int64_t period_number(const struct campaign *c, enum period period, instant_t t)
{
    int64_t wall = t + c->offset_ms, day = wall / 86400000;
    int year, month, dom;

    if (period == PERIOD_DAY)
        return day;
    if (period == PERIOD_WEEK)
        return (day + 3) / 7;
    date_of_day(day, &year, &month, &dom);
    return year * 12 + month;
}

static bool counts(const struct campaign *c, const struct engine_limit *l,
                   const struct held_place *p, instant_t t)
{
    bool asks = channel_asks(lane_channel(p->row->lane));
    bool open = p->answered == INSTANT_MIN;

    if (p->freed)
        return false;
    if (l->rolling)
        return open || t < p->answered + l->span;
    if (asks && open)
        return true; /* in each period until settled */
    return period_number(c, l->period, asks ? p->answered : p->claimed) ==
           period_number(c, l->period, t);
}

/* Where sends are counted, the first place of a send stands for all of them. A crash may leave it
 * with some of them: then the first that is left. */
static bool stands(const struct world *w, const struct engine_limit *l, size_t at)
{
    const struct held_place *p = &w->places[at];

    for (size_t i = at; l->sends && i-- > 0 && w->places[i].claimed == p->claimed;) {
        if (w->places[i].send == p->send && !w->places[i].freed)
            return false;
    }
    return true;
}

static uint32_t used_at(const struct world *w, const struct campaign *c,
                        const struct engine_limit *l, const struct row *row, instant_t t)
{
    uint32_t n = 0;

    for (size_t i = 0; i < w->place_count; i++)
        n += same_thing(l->scope, row, w->places[i].row) && counts(c, l, &w->places[i], t) &&
             stands(w, l, i);
    return n;
}

uint32_t judge_used(const struct world *w, const struct campaign *c, const struct engine_limit *l,
                    const struct row *row)
{
    return used_at(w, c, l, row, w->now);
}

/* The first instant of the next period, day by day. */
static instant_t next_period(const struct campaign *c, enum period period, instant_t now)
{
    instant_t midnight = (now + c->offset_ms) / 86400000 * 86400000 - c->offset_ms;

    while (midnight <= now || period_number(c, period, midnight) == period_number(c, period, now))
        midnight += 86400000;
    return midnight;
}

instant_t judge_ready(const struct world *w, const struct campaign *c, const struct engine_limit *l,
                      const struct row *row)
{
    instant_t best = INSTANT_NEVER;

    if (used_at(w, c, l, row, w->now) < l->max)
        return w->now;
    if (!l->rolling) {
        instant_t next = next_period(c, l->period, w->now);
        return used_at(w, c, l, row, next) < l->max ? next : INSTANT_NEVER;
    }
    for (size_t i = 0; i < w->place_count; i++) {
        const struct held_place *p = &w->places[i];
        instant_t release = p->answered + l->span;
        if (p->answered != INSTANT_MIN && release > w->now && release < best &&
            used_at(w, c, l, row, release) < l->max)
            best = release;
    }
    return best;
}

void judge_claim(const struct world *w, const struct row *row)
{
    const struct campaign *c = &w->campaigns[row->campaign];
    struct engine_limit quota = quota_of(c->channel, w->scale);
    uint32_t used = judge_used(w, c, &quota, row);

    property_check(used <= quota.max, "at %lld: %u of the channel's %u", (long long)w->now, used,
                   quota.max);
    for (size_t i = 0; i < c->limit_count; i++) {
        const struct engine_limit *l = &c->limits[i];
        used = judge_used(w, c, l, row);
        property_check(used <= l->max, "at %lld, delivery %lld: %u of %u (limit %zu)",
                       (long long)w->now, (long long)row->id, used, l->max, i);
    }
}

/* A limit restricts its own campaign's sends only, so each span ends with one of these; what was
 * claimed after it is not its concern. */
static void judge_arrival(const struct world *w, size_t at)
{
    const struct held_place *last = &w->places[at];
    const struct campaign *c = &w->campaigns[last->row->campaign];

    for (size_t i = 0; i < c->limit_count; i++) {
        const struct engine_limit *l = &c->limits[i];
        uint32_t arrivals = 0;
        for (size_t k = 0; l->rolling && k <= at; k++) {
            const struct held_place *p = &w->places[k];
            if (!stands(w, l, k))
                continue;
            arrivals += p->arrived != INSTANT_MIN && same_thing(l->scope, last->row, p->row) &&
                        p->arrived > last->arrived - l->span && p->arrived <= last->arrived;
        }
        property_check(arrivals <= l->max, "%u arrived in the span that ends at %lld, max %u",
                       arrivals, (long long)last->arrived, l->max);
    }
}

void judge_arrivals(const struct world *w)
{
    for (size_t i = 0; i < w->place_count; i++) {
        if (w->places[i].arrived != INSTANT_MIN)
            judge_arrival(w, i);
    }
}

/* --- hours --- */

static bool in_daily(const struct daily *h, const struct campaign *c, instant_t t)
{
    int64_t minute = (t + c->offset_ms) / 60000 % 1440;

    if (h->from < h->to)
        return minute >= h->from && minute < h->to;
    return h->from > h->to && (minute >= h->from || minute < h->to);
}

static instant_t until(const struct world *w, const struct campaign *c, const struct daily *h,
                       bool inside)
{
    instant_t t = w->now;

    while (in_daily(h, c, t) != inside)
        t = t / 60000 * 60000 + 60000;
    return t;
}

instant_t judge_quiet_ends(const struct world *w, const struct campaign *c)
{
    return c->quiet.from == c->quiet.to ? w->now : until(w, c, &c->quiet, false);
}

instant_t judge_window_opens(const struct world *w, const struct campaign *c)
{
    return c->open.from == c->open.to ? w->now : until(w, c, &c->open, true);
}

instant_t judge_open(const struct world *w, const struct campaign *c)
{
    instant_t t = w->now;

    while ((c->quiet.from != c->quiet.to && in_daily(&c->quiet, c, t)) ||
           (c->open.from != c->open.to && !in_daily(&c->open, c, t)))
        t = t / 60000 * 60000 + 60000;
    return t;
}
