/* Rate limits that are exact.
 *
 * Rolling: in any half-open span of `span` there are at most `max` sends. A send holds its place
 * from its claim until `span` after its answer; what is proven not sent frees its place at once. So
 * a place is either in flight or in a ring of release instants. A token bucket or a fixed window
 * would let nearly twice `max` through in one span. Calendar: at most `max` claims a local day,
 * Monday week or month, counted by the claim's instant. Ask all limits first, then take from all:
 * `ready_at` never changes anything. Instants passed in never go backwards. Pure; the ring's memory
 * is the caller's. */
#ifndef PACELINE_CORE_LIMIT_H
#define PACELINE_CORE_LIMIT_H

#include "core/instant.h"
#include "core/tz.h"

enum {
    LIMIT_MAX = 100000,              /* the largest `max` of a rolling limit */
    LIMIT_MONTH_DAYS = LIMIT_MAX + 1 /* a `max` per month: as many as that month has days */
};

struct rolling {
    uint32_t max;
    duration_t span;
    uint32_t in_flight;
    uint32_t head, held;   /* ring of `held` release instants, oldest at `head` */
    instant_t *release_at; /* `max` entries, ascending from head */
};

void rolling_init(struct rolling *r, uint32_t max, duration_t span, instant_t *memory);
/* `now` when there is room, the earliest instant there will be, or INSTANT_NEVER while only an
 * answer can make room. */
instant_t rolling_ready_at(const struct rolling *r, instant_t now);
uint32_t rolling_room(const struct rolling *r, instant_t now);
void rolling_take(struct rolling *r, instant_t now);           /* the caller has asked: asserted */
void rolling_answer(struct rolling *r, instant_t answered_at); /* the place is held `span` longer */
void rolling_untake(struct rolling *r);                        /* proven not sent */
/* From history, oldest answer first: a send that was answered then. More than `max` live ones: the
 * latest `max` count. `open`: claimed, no answer yet. */
void rolling_restore(struct rolling *r, instant_t answered_at, instant_t now);
void rolling_restore_open(struct rolling *r);
void rolling_shift(struct rolling *r, duration_t by); /* the clock was set forward by so much */
uint32_t rolling_used(const struct rolling *r, instant_t now);
/* When the oldest answered send that still counts was answered; INSTANT_MIN: none. */
instant_t rolling_since(const struct rolling *r, instant_t now);

enum period { PERIOD_DAY, PERIOD_WEEK, PERIOD_MONTH };

/* A sender is warmed up: its limit is `from` at first and `step` more with each period `every` that
 * has begun since its first send, until it is `max`. It never falls back. */
struct ramp {
    uint32_t from, step; /* step 0: no ramp */
    enum period every;
};
/* What a limit per `period` is in the period of `t`, by the ramp at that period's beginning.
 * `first` INSTANT_MIN: nothing was sent yet. */
uint32_t ramp_max(const struct ramp *r, uint32_t max, enum period period, const struct tz *zone,
                  instant_t first, instant_t t);

struct calendar_limit {
    uint32_t max;
    enum period period;
    const struct tz *zone;
    instant_t begins, ends; /* of the period that `used` counts */
    uint32_t used;
    uint32_t asked; /* a person has been asked and has not answered: counts in every period */
    struct ramp ramp;
    instant_t first; /* of the ramp; INSTANT_MIN: nothing was sent yet */
};

void calendar_limit_init(struct calendar_limit *c, uint32_t max, enum period period,
                         const struct tz *zone);
void period_of(enum period period, const struct tz *zone, instant_t t, instant_t *begins,
               instant_t *ends);
/* With a ramp: the sender's first send, which is told once. */
void calendar_limit_ramp(struct calendar_limit *c, const struct ramp *r);
void calendar_limit_first(struct calendar_limit *c, instant_t first);
uint32_t calendar_limit_max(const struct calendar_limit *c, instant_t now); /* as it is then */
/* `max`, or what LIMIT_MONTH_DAYS comes to then. */
uint32_t period_max(uint32_t max, const struct tz *zone, instant_t t);
instant_t calendar_limit_ready_at(const struct calendar_limit *c, instant_t now);
uint32_t calendar_limit_room(const struct calendar_limit *c, instant_t now);
void calendar_limit_take(struct calendar_limit *c, instant_t now);
void calendar_limit_untake(struct calendar_limit *c, instant_t claimed_at);
/* Where a person is asked first: a place in each period until settled, then in the period of
 * `sent_at`, or nowhere when it was not sent (INSTANT_MIN). */
void calendar_limit_ask(struct calendar_limit *c);
void calendar_limit_settle(struct calendar_limit *c, instant_t sent_at);
/* History: a send claimed then. Counts when it lies in the period of `now`. */
void calendar_limit_restore(struct calendar_limit *c, instant_t claimed_at, instant_t now);
uint32_t calendar_limit_used(const struct calendar_limit *c, instant_t now);

#endif
