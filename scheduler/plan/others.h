/* What runs beside a planned campaign: the others of a service, as they stand at one instant. What
 * waits of them stays where it is and is asked for a handful at a time, so that it may be any
 * number. Their channels answer as that of the planned one: at once, and done. */
#ifndef PACELINE_PLAN_OTHERS_H
#define PACELINE_PLAN_OTHERS_H

#include "engine/engine.h"

struct plan_waiting {
    struct engine_waiting w;
    instant_t capped_at; /* as for engine_capped; 0: never */
};

struct plan_others {
    instant_t at; /* all of this is so then */
    const struct engine_channel *channels;
    size_t channel_count;
    const struct engine_lane *lanes; /* a part comes after its lane */
    size_t lane_count;
    const int64_t *away; /* lanes whose senders are not there: as for engine_lane_away */
    size_t away_count;
    const struct engine_revision *revisions;
    size_t revision_count;
    const struct engine_asked *asked; /* under way: done at `at` */
    size_t asked_count;
    int64_t channel;            /* of the planned campaign, among these */
    const size_t *sender_lanes; /* of each of its senders, which of `lanes` */
    size_t sender_count;

    /* During plan_run, on its thread. 0, or what is wrong: the plan ends, and fails. */
    void *ctx;
    int (*fetch)(void *ctx, const struct effect *f, struct plan_waiting *out, size_t *count);
    /* Sends since then; without a delivery: somebody else's, as for engine_other_send. */
    int (*history)(void *ctx, instant_t since, void (*each)(void *arg, const struct engine_send *s),
                   void *arg);
};

/* Ids of the planned campaign itself begin above all of theirs. */
#define PLAN_OWN (INT64_C(1) << 52)

/* --- for plan.c --- */

struct others;

/* Tells the engine of all of them. */
struct others *others_start(const struct plan_others *spec, struct engine *e);
void others_free(struct others *o); /* NULL is fine */
/* When the planned campaign is known too, so that its limits count that: what is under way is done.
 */
void others_settle(struct others *o, struct engine *e);
/* An effect of theirs; EFFECT_HISTORY of the planned campaign too. */
void others_effect(struct others *o, struct engine *e, instant_t now, const struct effect *f);
/* After the effects of a turn: what waits for its history gets it. One reading for all. */
void others_prime(struct others *o, struct engine *e, instant_t now);
bool others_failed(const struct others *o);

#endif
