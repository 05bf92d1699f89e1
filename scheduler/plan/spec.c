#include "plan/spec.h"

enum { BY_HAND = -1 }; /* one account: a person is asked one thing at a time on all channels */

static struct engine_limit *limits_of(const struct campaign *c, struct arena *a)
{
    static const enum engine_scope scopes[] = {
        [LIMIT_SENDER] = SCOPE_SENDER,       [LIMIT_PERSON] = SCOPE_PERSON,
        [LIMIT_RECIPIENT] = SCOPE_RECIPIENT, [LIMIT_CHANNEL] = SCOPE_CHANNEL,
        [LIMIT_CAMPAIGN] = SCOPE_CAMPAIGN,
    };
    struct engine_limit *limits = arena_array(a, c->limit_count + 1, sizeof *limits);

    for (size_t i = 0; i < c->limit_count; i++) {
        const struct conf_limit *l = &c->limits[i];
        limits[i] = (struct engine_limit){.scope = scopes[l->scope],
                                          .max = l->max,
                                          .rolling = l->rolling,
                                          .span = l->span,
                                          .period = (enum period)l->period,
                                          .drop = l->drop,
                                          .sends = l->sends,
                                          .text = l->text};
    }
    return limits;
}

void spec_revision(struct engine_revision *out, const struct campaign *c, struct arena *a)
{
    *out = (struct engine_revision){.schedule = &c->schedule,
                                    .pace = c->pace,
                                    .limits = limits_of(c, a),
                                    .limit_count = c->limit_count,
                                    .batch = c->batch,
                                    .priority = (enum engine_priority)c->priority,
                                    .within = c->confirm.late_leaves ? 0 : c->confirm.within};
}

struct engine_channel spec_channel(int64_t id, const struct paceline_channel *kind,
                                   struct engine_quota quotas[SPEC_QUOTAS])
{
    const struct channel_quota *q = kind->caps.quotas;
    bool by_hand = kind->caps.person_confirms;
    size_t n = 0;

    for (; q && q[n].max && n < SPEC_QUOTAS; n++)
        quotas[n] = (struct engine_quota){q[n].max, q[n].per_ms};
    return (struct engine_channel){.id = id,
                                   .account = by_hand ? BY_HAND : id,
                                   .asks = by_hand,
                                   .avoids_half_hours = kind->caps.avoids_half_hours,
                                   .in_flight_max = kind->caps.in_flight_max,
                                   .quotas = quotas,
                                   .quota_count = n};
}
