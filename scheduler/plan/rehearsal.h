/* A campaign's plan from its file's side: the plan of plan.h set up by the campaign and its
 * channel, rows by the names of their zones. For `plan` and for `submit`. */
#ifndef PACELINE_PLAN_REHEARSAL_H
#define PACELINE_PLAN_REHEARSAL_H

#include "conf/zones.h"
#include "plan/plan.h"
#include "plan/spec.h"

struct rehearsal {
    struct plan *plan;
    struct arena *arena;
    struct zones *zones; /* of the thread */
    struct engine_quota quotas[SPEC_QUOTAS];
    const char **names; /* zones of recipients, as met */
    size_t count, capacity;
};

/* `from`: when it would be approved. All that is given must outlive it. */
void rehearsal_begin(struct rehearsal *r, const struct campaign *c,
                     const struct service_channel *channel, const struct paceline_channel *kind,
                     size_t senders, instant_t from, struct zones *zones, struct arena *arena);
/* `zone` NULL: the campaign's. */
void rehearsal_row(struct rehearsal *r, size_t sender, const char *zone, enum reason skipped,
                   int64_t message);
/* After the last row, before plan_run; and again after plan_reset, with the schedules of `c`, which
 * must outlive the run. */
void rehearsal_zones(struct rehearsal *r, const struct campaign *c);
void rehearsal_dispose(struct rehearsal *r);

#endif
