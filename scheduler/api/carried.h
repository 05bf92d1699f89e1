/* What the service carries beside a campaign that is to be planned: its other campaigns as the
 * store has them, what of them is under way, and whom they have written to. Read as at a restart,
 * one campaign a step, so that claims get their turns; what waits stays in the store until the plan
 * asks for it.
 *
 * carried_init on the loop thread, the rest on the store thread. */
#ifndef PACELINE_API_CARRIED_H
#define PACELINE_API_CARRIED_H

#include "api/host.h"
#include "api/lanes.h"
#include "plan/plan.h"
#include "plan/spec.h"

enum { CARRIED_ROWS_MAX = 1000000 }; /* recipients of all of them: how long their lanes are read */

struct carried_channel { /* as configured now */
    const struct service_channel *conf;
    const struct paceline_channel *kind; /* NULL: not open */
    const char *options;
    int64_t id; /* the store's; 0: none of its lanes is known */
    struct engine_quota quotas[SPEC_QUOTAS];
};

struct carried_want { /* the campaign that is planned */
    const char *campaign, *channel;
    const char *const *senders;
    size_t sender_count;
    bool again; /* whoever was written to before is written to again */
};

struct carried {
    struct arena *arena;
    instant_t now; /* of the next step */
    struct carried_channel *channels;
    size_t channel_count;
    struct store *store; /* during a step */
    struct zones *zones; /* the store thread's */
    struct err e;        /* of what the plan asked for */

    bool begun, too_many;               /* rows: none of it is known */
    struct carried_revision *revisions; /* to be read; then those that run */
    size_t revision_count, revision_capacity, revisions_read;
    struct engine_waiting *open; /* under way */
    size_t open_count, open_capacity;
    struct engine_asked *asked;
    size_t asked_count, asked_capacity;
    struct lane_list lanes;
    int64_t *away; /* lanes of members whom the last reading did not find */
    size_t away_count, away_capacity;
    int64_t *handled; /* recipients, ascending */
    size_t handled_count, handled_capacity;
    int64_t campaign; /* the store's number of the planned one; 0: it is new */
    struct plan_others others;

    /* for people */
    uint64_t campaigns, paused, waiting;
    bool halted;
};

/* What it is given must outlive it. */
void carried_init(struct carried *c, const struct service *conf, const struct api_host *host,
                  struct arena *arena);
/* One step; `*more` while there is more to read. Then `others` and `handled` are there, unless
 * there were too many. 0 or ERR_*. */
int carried_read(struct carried *c, struct store *s, const struct carried_want *want, bool *more,
                 struct err *e);
void carried_dispose(struct carried *c);

#endif
