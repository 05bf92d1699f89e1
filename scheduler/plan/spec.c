#include "plan/spec.h"

#include "base/lang.h"

enum { BY_HAND = -1 }; /* one account: a person is asked one thing at a time on all channels */

static struct engine_limit *limits_of(const struct campaign *c, struct arena *a, size_t *count)
{
    static const enum engine_scope scopes[] = {
        [LIMIT_SENDER] = SCOPE_SENDER,       [LIMIT_PERSON] = SCOPE_PERSON,
        [LIMIT_RECIPIENT] = SCOPE_RECIPIENT, [LIMIT_CHANNEL] = SCOPE_CHANNEL,
        [LIMIT_CAMPAIGN] = SCOPE_CAMPAIGN,
    };
    struct engine_limit *limits = arena_array(a, c->limit_count + 2, sizeof *limits);

    for (size_t i = 0; i < c->limit_count; i++) {
        const struct conf_limit *l = &c->limits[i];
        limits[i] = (struct engine_limit){.scope = scopes[l->scope],
                                          .max = l->max,
                                          .rolling = l->rolling,
                                          .span = l->span,
                                          .period = (enum period)l->period,
                                          .drop = l->drop,
                                          .sends = l->sends,
                                          .ramp = l->ramp,
                                          .text = l->text};
    }
    *count = c->limit_count;
    if (c->where.not_contacted) /* whom others have written to since it was submitted */
        limits[(*count)++] = (struct engine_limit){.scope = SCOPE_RECIPIENT,
                                                   .max = 1,
                                                   .rolling = true,
                                                   .span = c->where.not_contacted,
                                                   .drop = true,
                                                   .text = "not_contacted"};
    return limits;
}

void spec_revision(struct engine_revision *out, const struct campaign *c, struct arena *a)
{
    size_t count;
    const struct engine_limit *limits = limits_of(c, a, &count);

    *out = (struct engine_revision){.schedule = &c->schedule,
                                    .pace = c->pace,
                                    .limits = limits,
                                    .limit_count = count,
                                    .batch = c->batch,
                                    .priority = (enum engine_priority)c->priority,
                                    .within = c->confirm.late_leaves ? 0 : c->confirm.within};
}

enum period spec_cap_period(enum receive_cap cap)
{
    static const enum period periods[] = {[RECEIVE_DAILY] = PERIOD_DAY,
                                          [RECEIVE_WEEKLY] = PERIOD_WEEK,
                                          [RECEIVE_MONTH_DAYS] = PERIOD_MONTH};

    return periods[cap];
}

void spec_platform(struct engine_revision *r, const struct campaign *c, enum receive_cap cap,
                   const struct tz *zone, struct arena *a)
{
    static const struct engine_limit caps[] = {
        [RECEIVE_DAILY] = {.max = 1,
                           .period = PERIOD_DAY,
                           .text = TR_TABLE("1 per day receive cap")},
        [RECEIVE_WEEKLY] = {.max = 7,
                            .period = PERIOD_WEEK,
                            .text = TR_TABLE("7 per week receive cap")},
        [RECEIVE_MONTH_DAYS] = {.max = LIMIT_MONTH_DAYS,
                                .period = PERIOD_MONTH,
                                .text = TR_TABLE("month-days per month receive cap")},
    };
    struct engine_limit *limits = arena_array(a, r->limit_count + 2, sizeof *limits);

    for (size_t i = 0; i < r->limit_count; i++)
        limits[i] = r->limits[i];
    limits[r->limit_count] = caps[cap];
    limits[r->limit_count].period = spec_cap_period(cap);
    limits[r->limit_count].scope = SCOPE_RECIPIENT;
    limits[r->limit_count].others = true;
    limits[r->limit_count].zone = zone;
    limits[r->limit_count + 1] =
        (struct engine_limit){.scope = SCOPE_PERSON,
                              .max = c->confirm.taps_per_day,
                              .period = PERIOD_DAY,
                              .sends = true,
                              .text = arena_printf(a, "%u taps_per_day", c->confirm.taps_per_day)};
    r->limits = limits;
    r->limit_count += 2;
    r->cap_period = spec_cap_period(cap);
    r->cap_zone = zone;
}

void spec_terms(struct engine_revision *out, const struct campaign *c,
                const struct service_channel *channel, const struct paceline_channel *kind,
                struct zones *zones, struct arena *a)
{
    spec_revision(out, c, a);
    if (kind->caps.platform_confirms && channel->account)
        spec_platform(out, c, channel->account->receive_cap, zones_get(zones, PLATFORM_ZONE), a);
}

/* The same for all channels of an account, and no channel's own. */
static int64_t account_number(const char *name)
{
    uint64_t n = 14695981039346656037u;

    for (; *name; name++)
        n = (n ^ (unsigned char)*name) * 1099511628211u;
    return -2 - (int64_t)(n >> 2);
}

struct engine_channel spec_channel(int64_t id, const struct paceline_channel *kind,
                                   const struct service_account *account,
                                   struct engine_quota quotas[SPEC_QUOTAS])
{
    const struct channel_quota *q = kind->caps.quotas;
    bool by_hand = kind->caps.person_confirms;
    size_t n = 0;

    for (; q && q[n].max && n < SPEC_QUOTAS; n++)
        quotas[n] = (struct engine_quota){q[n].max, q[n].per_ms};
    return (struct engine_channel){.id = id,
                                   .account = account   ? account_number(account->name)
                                              : by_hand ? BY_HAND
                                                        : id,
                                   .asks = by_hand || kind->caps.platform_confirms,
                                   .platform_asks = kind->caps.platform_confirms,
                                   .avoids_half_hours = kind->caps.avoids_half_hours,
                                   .in_flight_max = kind->caps.in_flight_max,
                                   .quotas = quotas,
                                   .quota_count = n};
}
