/* The contract's objects of a plan (§5): one line a row, then the summary; the same from
 * `plan --json` and from the API. Pure; any thread. */
#ifndef PACELINE_API_PLANNED_H
#define PACELINE_API_PLANNED_H

#include "base/digest.h"
#include "base/strbuf.h"
#include "core/tz.h"
#include "plan/plan.h"

struct planned { /* whose plan it is */
    const char *campaign, *channel;
    const struct digest *revision; /* NULL: known to the service only */
    const char *const *senders;
    size_t sender_count;
    const struct tz *zone;
    uint64_t seed;
};

/* A delivery object: `delivery` is the row, `state` planned, skipped or expired. */
void planned_row(struct strbuf *b, const struct planned *p, uint64_t row, const struct plan_row *r,
                 const char *recipient);
/* The summary, beyond the contract with `days`: how many go in each hour of a day. Without its
 * closing brace, for keys behind it. */
void planned_sum_open(struct strbuf *b, const struct planned *p, const struct plan *plan);
const char *plan_state_name(enum plan_state state);

#endif
