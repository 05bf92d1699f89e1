/* Policy packs combine to the strictest (contract §2): limits all apply, windows intersect, quiet
 * hours unite, floor and ceiling of intervals each the larger, drop over hold. Random packs and a
 * random campaign, as files; what comes out is compared with each of them on its own. */
#include "hours.h"

#include "conf/policy.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PACKS = 3, LIMITS = 3, PROBES = 20 };

struct bound { /* what one file says beside its hours */
    bool has_interval;
    int floor_s, ceiling_s;
    struct conf_limit limits[LIMITS];
    size_t limit_count;
};

static const char *const scopes[] = {"sender", "person", "recipient", "channel", "campaign"};
static const char *const periods[] = {"day", "week", "month"};

static void bound_any(struct dice *d, struct bound *b)
{
    *b = (struct bound){.has_interval = dice_one_in(d, 2)};
    b->floor_s = (int)dice_below(d, 60);
    b->ceiling_s = b->floor_s + (int)dice_below(d, 60);
    b->limit_count = dice_below(d, LIMITS + 1);
    for (size_t i = 0; i < b->limit_count; i++) {
        struct conf_limit *l = &b->limits[i];
        *l = (struct conf_limit){.max = 1 + (uint32_t)dice_below(d, 2), /* often alike */
                                 .rolling = dice_one_in(d, 2),
                                 .span = 3600000 * dice_between(d, 1, 2),
                                 .period = (int)dice_below(d, 2),
                                 .scope = dice_one_in(d, 2) ? LIMIT_RECIPIENT
                                                            : (enum limit_scope)dice_below(d, 5)};
        l->drop = l->scope == LIMIT_RECIPIENT && dice_one_in(d, 2);
    }
}

static void bound_put(FILE *f, const struct bound *b, const char *indent)
{
    if (b->has_interval)
        fprintf(f, "%sinterval: %ds..%ds\n", indent, b->floor_s, b->ceiling_s);
    if (b->limit_count)
        fprintf(f, "%slimits:\n", indent);
    for (size_t i = 0; i < b->limit_count; i++) {
        const struct conf_limit *l = &b->limits[i];
        fprintf(f, "%s  - {max: %u, per: ", indent, l->max);
        if (l->rolling)
            fprintf(f, "%dh", (int)(l->span / 3600000));
        else
            fprintf(f, "%s", periods[l->period]);
        fprintf(f, ", scope: %s%s}\n", scopes[l->scope], l->drop ? ", on_cap: drop" : "");
    }
}

static void pack_path(char path[128], size_t pack)
{
    snprintf(path, 128, "%s/policies/p%zu.yaml", written_folder(), pack);
}

static void pack_write(size_t pack, const struct bound *b, const struct written *hours)
{
    char path[128];

    pack_path(path, pack);
    FILE *f = fopen(path, "w");
    property_check(f, "%s: cannot be written", path);
    fprintf(f, "policy: p%zu\nversion: 2026-11\nsource: dice\nread: 2026-11-24\n", pack);
    bound_put(f, b, "");
    written_put(f, hours, "");
    fclose(f);
}

/* The first pack is named by the service, the others by the campaign. */
static struct campaign *apply(const struct written *w, const struct zone *zone,
                              const struct bound *b, size_t packs)
{
    struct conf_sender named = {.name = "p0", .at = {1, 1}};
    struct service service = {.file = "paceline.yaml",
                              .dir = (char *)(uintptr_t)written_folder(),
                              .policies = &named,
                              .policy_count = packs > 0};
    struct diags diags;
    char *more = NULL;
    size_t length = 0;
    FILE *f = open_memstream(&more, &length);

    for (size_t i = 1; i < packs; i++)
        fprintf(f, i == 1 ? "policy: [p%zu" : ", p%zu", i);
    fprintf(f, packs > 1 ? "]\n" : "");
    if (b->has_interval || b->limit_count)
        fprintf(f, "pace:\n");
    bound_put(f, b, "  ");
    fclose(f);
    struct campaign *c = written_read(w, zone, more);
    diags_init(&diags);
    policy_apply(c, &service, NULL, &diags);
    property_check(diags.errors == 0, "the packs are refused: %s",
                   diags.count ? diags.items[0].message : "?");
    diags_dispose(&diags);
    free(more);
    return c;
}

static bool alike(const struct conf_limit *a, const struct conf_limit *b)
{
    return a->max == b->max && a->scope == b->scope && a->rolling == b->rolling &&
           (a->rolling ? a->span == b->span : a->period == b->period);
}

/* Every limit of every file is there, once, and drops when one of those alike does. */
static void check_limits(const struct campaign *c, const struct bound *bounds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < bounds[i].limit_count; k++) {
            const struct conf_limit *l = &bounds[i].limits[k];
            bool found = false, drops = false, should = false;
            for (size_t n = 0; n < c->limit_count; n++) {
                found |= alike(l, &c->limits[n]);
                drops |= alike(l, &c->limits[n]) && c->limits[n].drop;
            }
            for (size_t n = 0; n < count * LIMITS; n++) {
                const struct bound *other = &bounds[n / LIMITS];
                should |= n % LIMITS < other->limit_count && alike(l, &other->limits[n % LIMITS]) &&
                          other->limits[n % LIMITS].drop;
            }
            property_check(found, "a limit of file %zu is lost", i);
            property_check(drops == should, "a limit of file %zu %s", i,
                           should ? "does not drop" : "drops");
        }
    }
    for (size_t n = 0; n < c->limit_count; n++) {
        bool known = false;
        for (size_t i = 0; i < count * LIMITS; i++)
            known |= i % LIMITS < bounds[i / LIMITS].limit_count &&
                     alike(&c->limits[n], &bounds[i / LIMITS].limits[i % LIMITS]);
        property_check(known, "limit %zu is of no file", n);
    }
}

static void check_interval(const struct campaign *c, const struct bound *bounds, size_t count)
{
    duration_t floor = bounds[0].has_interval ? bounds[0].floor_s * 1000 : 30000;
    duration_t ceiling = bounds[0].has_interval ? bounds[0].ceiling_s * 1000 : 90000;

    for (size_t i = 1; i < count; i++) {
        if (!bounds[i].has_interval)
            continue;
        floor = bounds[i].floor_s * 1000 > floor ? bounds[i].floor_s * 1000 : floor;
        ceiling = bounds[i].ceiling_s * 1000 > ceiling ? bounds[i].ceiling_s * 1000 : ceiling;
    }
    property_check(c->pace.floor == floor && c->pace.ceiling == ceiling,
                   "the interval is %lld..%lld, not %lld..%lld", (long long)c->pace.floor,
                   (long long)c->pace.ceiling, (long long)floor, (long long)ceiling);
}

static void check_hours(struct dice *d, const struct campaign *c, const struct stretch *s,
                        const bool open[STRETCH_MINUTES])
{
    for (int i = 0; i < PROBES; i++) {
        int m = (int)dice_between(d, 2 * 1440, 14 * 1440), next = m;
        instant_t t = s->from + (instant_t)m * 60000;
        while (next < STRETCH_MINUTES && !open[next])
            next++;
        instant_t expected = s->from + (instant_t)next * 60000,
                  got = schedule_opens(&c->schedule, t);
        property_check(next == STRETCH_MINUTES ? got >= expected : got == expected,
                       "%s, from %lld: opens %lld, the model %lld", s->zone->name, (long long)t,
                       (long long)got, (long long)expected);
    }
}

static void packs_combine_to_the_strictest(struct dice *d)
{
    static bool parts[SCHEDULE_PARTS][STRETCH_MINUTES], open[STRETCH_MINUTES];
    const struct stretch *s = stretch_any(d);
    struct bound bounds[PACKS + 1]; /* the campaign's first */
    size_t packs = dice_below(d, PACKS + 1);
    struct written own = {0};

    for (size_t m = 0; m < STRETCH_MINUTES; m++)
        open[m] = true;
    for (size_t i = 0; i <= packs; i++) {
        struct written w;
        written_any(d, &w, s->wall[0] / 1440);
        if (i > 0 || w.calendar) { /* one calendar file; packs skip no dates */
            w.calendar = false;
            w.mark_count = 0;
        }
        if (i > 0)
            w.skip_count = 0;
        bound_any(d, &bounds[i]);
        hours_model(&w, s, parts);
        for (size_t m = 0; m < STRETCH_MINUTES; m++)
            open[m] &= parts[0][m] && parts[1][m] && parts[2][m];
        if (i == 0)
            own = w;
        else
            pack_write(i - 1, &bounds[i], &w);
    }
    struct campaign *c = apply(&own, s->zone, &bounds[0], packs);
    check_limits(c, bounds, packs + 1);
    check_interval(c, bounds, packs + 1);
    check_hours(d, c, s, open);
    campaign_free(c);
}

int main(int argc, char **argv)
{
    static const struct property list[] = {
        {"policy packs combine to the strictest", packs_combine_to_the_strictest, 120},
    };
    int status = property_main(argc, argv, list, sizeof list / sizeof list[0]);
    char path[128];

    for (size_t i = 0; i < PACKS; i++) {
        pack_path(path, i);
        unlink(path);
    }
    hours_dispose();
    return status;
}
