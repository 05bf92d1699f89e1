/* What a campaign and its channel mean to the engine: one place for the service and for the plan,
 * so that both run by the same rules. Pure; any thread. */
#ifndef PACELINE_PLAN_SPEC_H
#define PACELINE_PLAN_SPEC_H

#include "base/arena.h"
#include "channel/channel.h"
#include "conf/campaign.h"
#include "conf/service.h"
#include "conf/zones.h"
#include "engine/engine.h"

/* Fills what the campaign itself says; ids, lanes, seed, pause and owner are the caller's. Points
 * into the campaign and into `a`. */
void spec_revision(struct engine_revision *out, const struct campaign *c, struct arena *a);

#define PLATFORM_ZONE "Asia/Shanghai" /* where the platform's days, weeks and months begin */
/* What holds where the platform asks its members (caps.platform_confirms): how often it lets
 * anybody be reached by the corp, and how often a day a member is asked. `zone` is the platform's,
 * where its days begin. */
void spec_platform(struct engine_revision *r, const struct campaign *c, enum receive_cap cap,
                   const struct tz *zone, struct arena *a);
/* Both: all that a campaign on its channel means. `zones` of the thread. */
void spec_terms(struct engine_revision *out, const struct campaign *c,
                const struct service_channel *channel, const struct paceline_channel *kind,
                struct zones *zones, struct arena *a);

enum period spec_cap_period(enum receive_cap cap); /* in which the platform counts */

enum { SPEC_QUOTAS = 8 };
/* `quotas` is its memory. `account`: of the platform, or NULL. */
struct engine_channel spec_channel(int64_t id, const struct paceline_channel *kind,
                                   const struct service_account *account,
                                   struct engine_quota quotas[SPEC_QUOTAS]);

#endif
