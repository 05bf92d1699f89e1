/* What held the lanes of a plan, and for how long: each lane's time until its next claim or hold is
 * its gate's. */
#ifndef PACELINE_PLAN_HOLDS_H
#define PACELINE_PLAN_HOLDS_H

#include "plan/plan.h"

struct holds;

struct holds *holds_new(size_t senders);
void holds_free(struct holds *h); /* NULL is fine */
/* EFFECT_HOLD of this sender's lane: takes the place of the hold before. */
void holds_begin(struct holds *h, size_t sender, const struct effect *f);
void holds_end(struct holds *h, size_t sender, instant_t at);
/* Ends them all, and fills the binding ones, the longest total of one lane first. */
size_t holds_sum(struct holds *h, instant_t at, struct plan_binding out[PLAN_BINDINGS]);

#endif
