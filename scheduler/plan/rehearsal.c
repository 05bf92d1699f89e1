#include "plan/rehearsal.h"

#include <stdlib.h>
#include <string.h>

void rehearsal_begin(struct rehearsal *r, const struct campaign *c,
                     const struct service_channel *channel, const struct paceline_channel *kind,
                     size_t senders, instant_t from, struct zones *zones, struct arena *arena)
{
    struct plan_setup setup = {.from = from, .sender_count = senders};

    *r = (struct rehearsal){.arena = arena, .zones = zones};
    setup.channel = spec_channel(1, kind, NULL, r->quotas);
    spec_terms(&setup.terms, c, channel, kind, zones, arena);
    r->plan = plan_new(&setup);
}

/* Its number in the plan; zones are few. */
static size_t zone_of(struct rehearsal *r, const char *name)
{
    size_t i = 0;

    while (i < r->count && strcmp(r->names[i], name) != 0)
        i++;
    if (i == r->count) {
        r->names = xgrow(r->names, &r->capacity, r->count + 1, sizeof *r->names);
        r->names[r->count++] = arena_strdup(r->arena, name);
    }
    return i + 1;
}

void rehearsal_row(struct rehearsal *r, size_t sender, const char *zone, enum reason skipped,
                   int64_t message)
{
    plan_add(r->plan, sender, zone ? zone_of(r, zone) : 0, skipped, message);
}

void rehearsal_zones(struct rehearsal *r, const struct campaign *c)
{
    for (size_t i = 0; i < r->count; i++)
        plan_zone(r->plan, i + 1, campaign_schedule_in(c, r->names[i], r->zones));
}

void rehearsal_dispose(struct rehearsal *r)
{
    plan_free(r->plan);
    free(r->names);
}
