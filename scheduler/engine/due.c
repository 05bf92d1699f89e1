/* When a delivery is due on its lane.
 *
 * Last due + gap. Due instants follow from due instants alone, so that the run is due when the plan
 * said; the floor after the last answer is kept all the same (lane.c): a lane that is a little late
 * goes a little after its due instant, and is due as before. A lane that rested (never sent, or
 * came back after being down) starts at a random phase of its interval, and so does one that was
 * closed, so that nothing bursts when a window opens or a halt is lifted. Held until an instant, it
 * is due then. The draws depend on (seed, row, attempt) and on earlier due instants only; drawing
 * again gives the same. */
#include "engine/internal.h"

enum {
    REST_SLACK_MS = 1000, /* a turn that comes this late is no rest */
    HALF_HOUR_TRIES = 16
};

bool queue_spreads(const struct queue *q)
{
    return q->revision->spec.pace.distribution == PACE_SPREAD;
}

/* When the schedule is next open at or after `t`, plus a random phase that fits into that opening.
 */
static instant_t phase_into_schedule(const struct queue *q, const struct item *item, instant_t t)
{
    const struct schedule *s = q->schedule;
    duration_t phase =
        pace_phase(&q->revision->spec.pace, q->revision->spec.seed, item->row, item->attempts);
    instant_t opens = schedule_opens(s, later(t, s->start));

    if (opens == INSTANT_NEVER)
        return opens;
    instant_t closes = schedule_closes(s, opens);
    if (closes != INSTANT_NEVER && opens + phase >= closes)
        phase %= closes - opens;
    return opens + phase;
}

bool schedule_closed(const struct schedule *s, instant_t now)
{
    return now < s->start || schedule_opens(s, now) != now;
}

/* `t`, or a random instant of the next minute where the platform asks for that; in the schedule.
 * One that is open at such minutes only is left as it is. */
static instant_t off_half_hour(const struct queue *q, const struct item *item, instant_t t)
{
    const struct revision *r = q->revision;

    for (int tries = 0; r->channel->avoids_half_hours && tries < HALF_HOUR_TRIES; tries++) {
        instant_t off = pace_off_half_hour(t, r->spec.seed, item->row, item->attempts);
        if (off == t || !schedule_closed(q->schedule, off))
            return off;
        t = phase_into_schedule(q, item, off);
    }
    return t;
}

/* A random phase after the schedule is open at or after `t`. */
instant_t due_anew(const struct queue *q, const struct item *item, instant_t t)
{
    return off_half_hour(q, item, phase_into_schedule(q, item, t));
}

/* `t` itself when the schedule is open then. */
instant_t due_in_schedule(const struct queue *q, const struct item *item, instant_t t)
{
    return schedule_closed(q->schedule, t) ? due_anew(q, item, t) : off_half_hour(q, item, t);
}

/* Nobody was written to on the lane for a while, and this one is late: it starts anew. */
static bool rested(const struct engine *e, const struct queue *q, instant_t due)
{
    const struct lane *l = q->lane;
    duration_t floor = q->revision->spec.pace.floor;
    duration_t slack = floor > REST_SLACK_MS ? floor : REST_SLACK_MS;

    return due + slack < e->now &&
           (l->last_answer == INSTANT_MIN || l->last_answer + slack < e->now);
}

/* Open time from `t` to the end. Asked for ever later instants that are near each other: the way
 * from the last one is short. */
static duration_t time_left(struct queue *q, instant_t t)
{
    const struct schedule *s = q->schedule;

    if (!q->left_known) {
        instant_t horizon = instant_add(t, (duration_t)SCHEDULE_HORIZON_DAYS * MS_PER_DAY);
        q->left = schedule_open_for(s, t, s->end < horizon ? s->end : horizon);
    } else if (t < q->left_at) {
        q->left += schedule_open_for(s, t, q->left_at);
    } else {
        q->left -= schedule_open_for(s, q->left_at, t < s->end ? t : s->end);
    }
    q->left_known = true;
    q->left_at = t;
    return q->left > 0 ? q->left : 0;
}

/* A campaign that is spread has a clock of its own on each lane: it counts from its own last send,
 * and lets others go meanwhile. */
static void draw_spread(struct engine *e, struct queue *q, struct item *item)
{
    const struct revision *r = q->revision;
    const struct pace *p = &r->spec.pace;
    uint32_t take = queue_alike(e, q, item);

    if (q->last_due == INSTANT_MIN)
        q->last_due = later(e->now, q->schedule->start);
    duration_t gap =
        pace_spread(p, time_left(q, q->last_due), q->waiting > take ? q->waiting : take, take,
                    r->spec.seed, item->row, item->attempts);
    item->base = schedule_open_after(q->schedule, q->last_due, gap);
    item->due = item->base != INSTANT_NEVER && rested(e, q, item->base)
                    ? due_anew(q, item, e->now)
                    : due_in_schedule(q, item, item->base);
}

static void draw_gap(struct engine *e, struct queue *q, struct item *item)
{
    const struct lane *l = q->lane;
    const struct pace *p = &q->revision->spec.pace;
    duration_t gap = pace_gap(p, q->revision->spec.seed, item->row, item->attempts);

    if (l->last_due == INSTANT_MIN || rested(e, q, l->last_due + gap)) {
        item->base = later(e->now, q->schedule->start);
        if (l->last_answer != INSTANT_MIN)
            item->base = later(item->base, l->last_answer + p->floor);
        item->due = due_anew(q, item, item->base);
    } else {
        item->base = pace_due(p, l->last_due, INSTANT_MIN, e->now, gap, 0);
        item->due = due_in_schedule(q, item, item->base);
    }
}

void due_draw(struct engine *e, struct queue *q, struct item *item)
{
    if (queue_spreads(q))
        draw_spread(e, q, item);
    else
        draw_gap(e, q, item);
    item->epoch = q->lane->epoch;
}

/* Late, and so in a minute that the platform wants to be left alone. */
bool due_late_into_half_hour(const struct engine *e, const struct queue *q, struct item *item)
{
    const struct revision *r = q->revision;

    if (!r->channel->avoids_half_hours || e->now - item->due < REST_SLACK_MS ||
        pace_off_half_hour(e->now, r->spec.seed, item->row, item->attempts) == e->now)
        return false;
    item->due = due_in_schedule(q, item, e->now);
    return item->due > e->now;
}
