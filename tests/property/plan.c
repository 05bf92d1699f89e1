/* Whole campaigns planned by the real engine, looked at from outside: every due instant lies in the
 * hours that the model leaves open, no limit is over in any span, gaps keep their interval, and a
 * lane that waits longer has a reason in the model. `spread` ends inside its windows, evenly. */
#include "hours.h"

#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 90, SENDERS = 3, LIMITS = 3, ZONES = 3 };

struct local { /* the campaign's hours in one zone */
    struct campaign *campaign;
    struct schedule schedule;
    bool open[STRETCH_MINUTES];
    int32_t open_before[STRETCH_MINUTES + 1]; /* minutes */
};

struct planned {
    const struct stretch *stretch;
    struct written written;
    struct local zones[ZONES]; /* the campaign's own first */
    size_t zone_count;
    int64_t key[STRETCH_MINUTES]; /* the local day that has begun, in the campaign's zone */
    instant_t from, start, end;
    struct pace pace;
    struct engine_limit limits[LIMITS];
    size_t limit_count, senders, rows;
    uint32_t row_sender[ROWS];
    size_t row_zone[ROWS];
    instant_t due[ROWS]; /* INSTANT_MIN: did not go */
};

/* --- the world --- */

static void local_hours(struct planned *p, struct local *l, const struct stretch *s)
{
    static bool parts[SCHEDULE_PARTS][STRETCH_MINUTES];

    l->campaign = written_read(&p->written, s->zone, "");
    l->schedule = l->campaign->schedule;
    l->schedule.start = p->start;
    l->schedule.end = p->end;
    hours_model(&p->written, s, parts);
    for (int m = 0; m < STRETCH_MINUTES; m++) {
        l->open[m] = parts[0][m] && parts[1][m] && parts[2][m];
        l->open_before[m + 1] = l->open_before[m] + l->open[m];
    }
}

static void hours_of(struct dice *d, struct planned *p)
{
    const struct stretch *s = stretch_any(d);
    int64_t latest = INT64_MIN;

    p->stretch = s;
    written_any(d, &p->written, s->wall[0] / 1440);
    for (int m = 0; m < STRETCH_MINUTES; m++) {
        latest = s->wall[m] / 1440 > latest ? s->wall[m] / 1440 : latest;
        p->key[m] = latest;
    }
    p->from = s->from + dice_between(d, 2 * 86400000, 4 * INT64_C(86400000));
    p->start = dice_one_in(d, 3) ? p->from + dice_between(d, 0, 43200000) : INSTANT_MIN;
    p->end = p->from + dice_between(d, 43200000, 12 * INT64_C(86400000));
    p->zone_count = 1;
    local_hours(p, &p->zones[0], s);
}

/* Recipients in zones of their own. */
static void zones_any(struct dice *d, struct planned *p)
{
    static struct stretch s;

    while (p->zone_count < ZONES) {
        stretch_make(&s, zone_any(d), p->stretch->from);
        local_hours(p, &p->zones[p->zone_count++], &s);
    }
}

static bool open_at(const struct planned *p, size_t zone, instant_t t)
{
    return p->zones[zone].open[(t - p->stretch->from) / 60000];
}

/* Open milliseconds before `t`, from the beginning of the stretch on, in the campaign's zone. */
static duration_t open_until(const struct planned *p, instant_t t)
{
    const struct local *l = &p->zones[0];
    size_t m = (size_t)((t - p->stretch->from) / 60000);

    return l->open_before[m] * INT64_C(60000) + (l->open[m] ? (t - p->stretch->from) % 60000 : 0);
}

static duration_t open_for(const struct planned *p, instant_t from, instant_t to)
{
    return from < to ? open_until(p, to) - open_until(p, from) : 0;
}

static void limits_any(struct dice *d, struct planned *p)
{
    static const enum engine_scope scopes[] = {SCOPE_SENDER, SCOPE_CHANNEL, SCOPE_CAMPAIGN,
                                               SCOPE_PERSON};

    p->limit_count = dice_below(d, LIMITS + 1);
    for (size_t i = 0; i < p->limit_count; i++)
        p->limits[i] = (struct engine_limit){.scope = scopes[dice_below(d, 4)],
                                             .max = 1 + (uint32_t)dice_below(d, 12),
                                             .rolling = !dice_one_in(d, 3),
                                             .span = dice_between(d, 600000, 20 * 3600000),
                                             .period = PERIOD_DAY,
                                             .text = "a limit"};
}

static void rows_any(struct dice *d, struct planned *p)
{
    p->rows = 1 + dice_below(d, ROWS);
    for (size_t i = 0; i < p->rows; i++) {
        p->row_sender[i] = (uint32_t)dice_below(d, p->senders);
        p->row_zone[i] = dice_below(d, p->zone_count);
    }
}

static void run(struct dice *d, struct planned *p)
{
    struct plan_setup setup = {
        .channel = {.in_flight_max = 1},
        .terms = {.seed = dice_next(d),
                  .schedule = &p->zones[0].schedule,
                  .pace = p->pace,
                  .limits = p->limits,
                  .limit_count = p->limit_count},
        .from = p->from,
        .sender_count = p->senders,
    };
    struct plan *plan = plan_new(&setup);
    uint64_t planned = 0;

    for (size_t z = 1; z < p->zone_count; z++)
        plan_zone(plan, z, &p->zones[z].schedule);
    for (size_t i = 0; i < p->rows; i++)
        plan_add(plan, p->row_sender[i], p->row_zone[i], REASON_NONE, 0);
    while (plan_run(plan, 1000))
        ;
    for (size_t i = 0; i < p->rows; i++) {
        struct plan_row row = plan_row(plan, i + 1);
        p->due[i] = row.due_at;
        planned += row.due_at != INSTANT_MIN;
        property_check((row.due_at != INSTANT_MIN) == (row.state == PLAN_PLANNED), "row %zu", i);
    }
    property_check(plan_sum(plan)->planned == planned, "the summary counts another number");
    property_check(plan_sum(plan)->shortfall == p->rows - planned, "what is short is not counted");
    plan_free(plan);
}

/* --- what every plan keeps --- */

static void check_hours(const struct planned *p)
{
    for (size_t i = 0; i < p->rows; i++) {
        if (p->due[i] == INSTANT_MIN)
            continue;
        property_check(p->due[i] >= p->from && p->due[i] >= p->start && p->due[i] < p->end,
                       "row %zu is due before the start or after the end", i);
        property_check(open_at(p, p->row_zone[i], p->due[i]),
                       "row %zu is due at %lld, in a closed time", i, (long long)p->due[i]);
    }
}

static bool counted(const struct planned *p, const struct engine_limit *l, size_t sender, size_t i)
{
    bool of_sender = l->scope == SCOPE_SENDER || l->scope == SCOPE_PERSON;

    return p->due[i] != INSTANT_MIN && (!of_sender || p->row_sender[i] == sender);
}

/* How many the limit counts at `t`, of those due before it. */
static uint32_t used(const struct planned *p, const struct engine_limit *l, size_t sender,
                     instant_t t)
{
    uint32_t n = 0;

    for (size_t i = 0; i < p->rows; i++) {
        if (!counted(p, l, sender, i) || p->due[i] > t)
            continue;
        n += l->rolling ? p->due[i] + l->span > t
                        : p->key[(p->due[i] - p->stretch->from) / 60000] ==
                              p->key[(t - p->stretch->from) / 60000];
    }
    return n;
}

static void check_limits(const struct planned *p)
{
    for (size_t i = 0; i < p->rows; i++) {
        for (size_t k = 0; k < p->limit_count && p->due[i] != INSTANT_MIN; k++)
            property_check(used(p, &p->limits[k], p->row_sender[i], p->due[i]) <= p->limits[k].max,
                           "limit %zu is over at %lld", k, (long long)p->due[i]);
    }
}

static int ascending(const void *a, const void *b)
{
    const instant_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static size_t dues_of(const struct planned *p, size_t sender, instant_t out[ROWS])
{
    size_t n = 0;

    for (size_t i = 0; i < p->rows; i++) {
        if (p->row_sender[i] == sender && p->due[i] != INSTANT_MIN)
            out[n++] = p->due[i];
    }
    qsort(out, n, sizeof *out, ascending);
    return n;
}

/* The next instant after `t` at which the model may think otherwise: a minute begins, or a place is
 * released. */
static instant_t next_look(const struct planned *p, instant_t t)
{
    instant_t next = t / 60000 * 60000 + 60000;

    for (size_t k = 0; k < p->limit_count; k++) {
        for (size_t i = 0; i < p->rows && p->limits[k].rolling; i++) {
            instant_t release = p->due[i] + p->limits[k].span;
            if (p->due[i] != INSTANT_MIN && release > t && release < next)
                next = release;
        }
    }
    return next;
}

/* Something is against every send at `t`: of those due at `before` or later, whose hours are open?
 */
static bool held_at(const struct planned *p, instant_t t, instant_t before)
{
    bool held = true;

    for (size_t i = 0; i < p->rows && held; i++)
        held = (p->due[i] != INSTANT_MIN && p->due[i] < before) || !open_at(p, p->row_zone[i], t);
    for (size_t k = 0; k < p->limit_count && !held; k++)
        held = used(p, &p->limits[k], 0, t < before ? t : before - 1) >= p->limits[k].max;
    return held;
}

/* With one sender nobody takes the room away: once nothing is against it, the lane goes within one
 * ceiling. Recipients' zones take turns: whose hours open meanwhile may come first, and has a phase
 * of its own. */
static void check_waits(const struct planned *p, const instant_t *dues, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        instant_t free = i ? dues[i - 1] + p->pace.ceiling : p->from;
        free = free > p->start ? free : p->start;
        while (free < dues[i] && held_at(p, free, dues[i]))
            free = next_look(p, free);
        property_check(dues[i] <= free + (duration_t)p->zone_count * p->pace.ceiling,
                       "due at %lld, free since %lld, the interval ends at %lld",
                       (long long)dues[i], (long long)free, (long long)p->pace.ceiling);
    }
}

static void check_gaps(const struct planned *p)
{
    instant_t dues[ROWS];

    for (size_t s = 0; s < p->senders; s++) {
        size_t n = dues_of(p, s, dues);
        for (size_t i = 1; i < n; i++)
            property_check(dues[i] - dues[i - 1] >= p->pace.floor, "a gap of %lld, the floor %lld",
                           (long long)(dues[i] - dues[i - 1]), (long long)p->pace.floor);
        if (p->senders == 1)
            check_waits(p, dues, n);
    }
}

/* Lanes start at a random phase after a closed time and at the start: one may meet the very
 * millisecond by chance, not two. */
static void check_no_burst(const struct planned *p)
{
    instant_t begin = p->from > p->start ? p->from : p->start;
    unsigned sharp = 0;

    for (size_t i = 0; i < p->rows; i++) {
        instant_t t = p->due[i];
        sharp += t != INSTANT_MIN && (t == begin || !open_at(p, p->row_zone[i], t - 1));
    }
    property_check(sharp < 2 || p->pace.ceiling < 60000,
                   "%u are due at the very instant of an opening", sharp);
}

static void dispose(struct planned *p)
{
    for (size_t z = 0; z < p->zone_count; z++)
        campaign_free(p->zones[z].campaign);
}

static void plans_keep_hours_limits_and_gaps(struct dice *d)
{
    static struct planned p;

    memset(&p, 0, sizeof p);
    hours_of(d, &p);
    if (dice_one_in(d, 3))
        zones_any(d, &p);
    p.senders = 1 + dice_below(d, SENDERS);
    p.pace.floor = dice_one_in(d, 4) ? 0 : dice_between(d, 0, 1200000);
    p.pace.ceiling = p.pace.floor + dice_between(d, 1, 3600000);
    p.pace.distribution = dice_one_in(d, 3) ? PACE_EXPONENTIAL : PACE_UNIFORM;
    limits_any(d, &p);
    rows_any(d, &p);
    run(d, &p);
    check_hours(&p);
    check_limits(&p);
    check_gaps(&p);
    check_no_burst(&p);
    dispose(&p);
}

/* --- spread --- */

/* Each gap is one share of the open time that is left, half of it more or less. */
static void check_shares(const struct planned *p, const instant_t *dues, size_t n)
{
    instant_t last = p->from > p->start ? p->from : p->start;

    for (size_t i = 0; i < n; i++) {
        duration_t share = open_for(p, last, p->end) / (duration_t)(n - i + 1);
        duration_t gap = open_for(p, last, dues[i]);
        property_check(gap == p->pace.floor ||
                           (gap >= share / 2 - 2 && gap <= share / 2 + share + 2),
                       "%zu of %zu: a gap of %lld open ms, the share is %lld", i, n, (long long)gap,
                       (long long)share);
        last = dues[i];
    }
}

static void spread_ends_inside_its_windows(struct dice *d)
{
    static struct planned p;
    instant_t dues[ROWS];

    memset(&p, 0, sizeof p);
    hours_of(d, &p);
    p.senders = 1;
    p.pace = (struct pace){.floor = dice_between(d, 0, 2000), .distribution = PACE_SPREAD};
    p.pace.ceiling = p.pace.floor + dice_between(d, 1, 3600000);
    rows_any(d, &p);
    run(d, &p);
    check_hours(&p);
    size_t n = dues_of(&p, 0, dues);
    instant_t begin = p.from > p.start ? p.from : p.start;
    if (open_for(&p, begin, p.end) > 2 * (duration_t)(p.rows + 1) * (p.pace.floor + 1)) {
        property_check(n == p.rows, "%zu of %zu go before the end", n, p.rows);
        check_shares(&p, dues, n);
    }
    dispose(&p);
}

int main(int argc, char **argv)
{
    static const struct property list[] = {
        {"plans keep hours, limits and gaps, in recipients' zones too, and wait for a reason only",
         plans_keep_hours_limits_and_gaps, 300},
        {"spread ends inside its windows, in even shares", spread_ends_inside_its_windows, 300},
    };
    int status = property_main(argc, argv, list, sizeof list / sizeof list[0]);

    hours_dispose();
    return status;
}
