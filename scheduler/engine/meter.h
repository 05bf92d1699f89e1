/* One limit on one thing that is counted: a lane, a person, a channel, a campaign, or each
 * recipient.
 *
 * Campaigns that set the same limit on the same thing share its meter. A meter counts all sends of
 * its thing, whatever their campaign; only the campaigns that set it are held by it. A new meter is
 * fed from history before anything is asked of it (`primed`). */
#ifndef PACELINE_ENGINE_METER_H
#define PACELINE_ENGINE_METER_H

#include "engine/caps.h"
#include "engine/engine.h"

struct meter {
    struct meter *next; /* of the same thing */
    struct engine_limit spec;
    const struct tz *zone; /* calendar limits */
    char text[64];
    bool primed;
    int64_t primer; /* the revision whose history feeds it */
    unsigned users; /* revisions that set it; a channel's quota has one for ever */
    struct rolling rolling;
    struct calendar_limit calendar;
    struct caps caps; /* scope recipient, instead of the two */
};

/* Finds the meter of this limit in the thing's list, or puts a new one there; takes a use of it. */
struct meter *meter_use(struct meter **list, const struct engine_limit *spec,
                        const struct tz *zone);
void meter_release(struct meter **list, struct meter *m); /* frees it with its last use */
void meters_free(struct meter **list);

instant_t meter_ready_at(const struct meter *m, int64_t recipient, instant_t now);
/* `asks`: the channel asks a person first, who says later that it was sent. */
void meter_take(struct meter *m, int64_t recipient, instant_t now, bool asks);
void meter_answer(struct meter *m, int64_t recipient, instant_t answered_at, bool asks);
void meter_untake(struct meter *m, int64_t recipient, instant_t claimed_at, bool asks);
void meter_restore(struct meter *m, int64_t recipient, instant_t claimed_at, instant_t answered_at,
                   instant_t now);
void meter_restore_open(struct meter *m, int64_t recipient, instant_t claimed_at, instant_t now,
                        bool asks);
void meter_shift(struct meter *m, duration_t by); /* the clock was set forward: rolling ones */
uint32_t meter_used(const struct meter *m, instant_t now); /* 0 for scope recipient */
/* The same for people, of a recipient too; `since`: what is counted began then, or INSTANT_MIN. */
uint32_t meter_count(const struct meter *m, int64_t recipient, instant_t now, instant_t *since);
void meter_begun(struct meter *m, instant_t first); /* the sender's first send, for a ramp */
uint32_t meter_max(const struct meter *m, instant_t now);
/* How far back history can still matter at `now`. */
instant_t meter_since(const struct meter *m, instant_t now);

#endif
