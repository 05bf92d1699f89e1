/* One pass over the audience gives the rows and the digest; then the engine runs. */
#include "cli/planning.h"

#include "cli/plan_help.h"
#include "conf/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const *planning_senders(const struct local_campaign *campaign, struct arena *arena,
                                    size_t *count)
{
    const struct campaign *c = campaign->campaign;
    const struct service_channel *channel = campaign->channel;
    bool related = campaign->kind->caps.knows_relations;
    const char **names =
        arena_array(arena, c->sender_count + channel->sender_count + 1, sizeof *names);
    size_t n = 0;

    for (size_t i = 0; i < c->sender_count; i++)
        names[n++] = c->senders[i].name;
    for (size_t i = 0; i < channel->sender_count && !(related && c->sender_count); i++) {
        bool there = false;
        for (size_t k = 0; k < c->sender_count && !there; k++)
            there = strcmp(channel->senders[i].name, names[k]) == 0;
        if (!there)
            names[n++] = channel->senders[i].name;
    }
    *count = n;
    return names;
}

/* Who sends, or to whom, is in the service. */
static int known_to_the_service(const struct planning *p)
{
    if (p->sum.senders_open)
        say(p->cli,
            tr("the members of account '%s' are in the service: 'paceline plan --live' plans with "
               "them"),
            p->campaign->channel->account->name);
    else if (audience_of_service(p->campaign->campaign->source))
        say(p->cli, tr("the contact book is in the service: 'paceline plan --live' plans with it"));
    else
        return 0;
    return EXIT_REFUSED;
}

static int add_row(void *ctx, const struct review_row *row)
{
    struct planning *p = ctx;

    rehearsal_row(&p->rehearsal, row->sender_index, row->zone, row->skipped, row->message);
    if (p->keep_recipients) {
        p->recipients = xgrow(p->recipients, &p->recipient_capacity, p->recipient_count + 1,
                              sizeof *p->recipients);
        p->recipients[p->recipient_count++] = arena_strdup(p->arena, row->recipient);
    }
    return 0;
}

struct digest planning_digest(const struct campaign *c, const struct revision_facts *facts)
{
    struct strbuf manifest = STRBUF_INIT;

    manifest_write(&manifest, c, facts);
    struct digest d = digest_of(manifest.text, manifest.length);
    strbuf_dispose(&manifest);
    return d;
}

/* The facts outlive the review. */
static void keep_facts(struct planning *p, struct review *review)
{
    struct revision_facts *f = &p->facts;
    size_t files = p->campaign->campaign->attachment_count;
    struct digest *digests = arena_array(p->arena, files, sizeof *digests);
    const char *(*warnings)[2];

    review_facts(review, p->campaign->settings->manifest, f);
    for (size_t i = 0; i < files; i++)
        digests[i] = f->attachments[i];
    warnings = arena_array(p->arena, f->warning_count, sizeof *warnings);
    for (size_t i = 0; i < f->warning_count; i++)
        for (int lang = 0; lang < 2; lang++)
            warnings[i][lang] = arena_strdup(p->arena, f->warnings[i][lang]);
    f->attachments = digests;
    f->warnings = (const char *const(*)[2])warnings;
    f->senders = p->senders;
}

static void take_digest(void *ctx, struct review *review)
{
    struct planning *p = ctx;

    if (p->diags->errors || p->sender_count == 0 ||
        audience_of_service(p->campaign->campaign->source))
        return;
    keep_facts(p, review);
    p->digest = planning_digest(p->campaign->campaign, &p->facts);
}

static int read_rows(struct planning *p)
{
    const struct campaign *c = p->campaign->campaign;

    rehearsal_begin(&p->rehearsal, c, p->campaign->channel, p->campaign->kind,
                    p->sender_count ? p->sender_count : 1, p->from, p->local->zones, p->arena);
    p->plan = p->rehearsal.plan;
    int rc = local_review_all(p->campaign, add_row, take_digest, p, &p->sum, p->diags);
    rehearsal_zones(&p->rehearsal, c);
    return rc ? rc : known_to_the_service(p);
}

static int read_seed(struct planning *p)
{
    const char *text = p->seed_text;
    char *end;

    p->seed = revision_seed(&p->digest);
    if (!text)
        return 0;
    errno = 0;
    p->seed = strtoull(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-' || text[0] == '+')
        return args_wrong(p->cli, tr("--seed is a number from 0 to %llu, not '%s'"),
                          (unsigned long long)UINT64_MAX, text);
    return 0;
}

int planning_run(struct planning *p)
{
    p->arena = arena_new();
    p->senders = planning_senders(p->campaign, p->arena, &p->sender_count);
    if (p->campaign->campaign->sender_count) /* the others come behind them */
        p->sender_count = p->campaign->campaign->sender_count;
    int rc = read_rows(p);
    if (rc == 0)
        rc = read_seed(p);
    if (rc)
        return rc;
    plan_seed(p->plan, p->seed);
    while (plan_run(p->plan, SIZE_MAX))
        ;
    return 0;
}

void planning_dispose(struct planning *p)
{
    rehearsal_dispose(&p->rehearsal);
    free(p->recipients);
    arena_free(p->arena);
}

struct planned planning_whose(const struct planning *p)
{
    const struct campaign *c = p->campaign->campaign;

    return (struct planned){.campaign = c->id,
                            .channel = c->channel,
                            .revision = p->sum.open ? NULL : &p->digest,
                            .senders = p->senders,
                            .sender_count = p->sender_count,
                            .zone = c->schedule.zone,
                            .seed = p->seed};
}

/* --- what would help --- */

/* The same rows by another text of the file. */
static bool text_feasible(struct planning *p, const char *bytes, instant_t *last)
{
    const struct campaign *was = p->campaign->campaign;
    struct diags diags;
    bool all = false;

    diags_init(&diags);
    struct campaign *c =
        campaign_read(was->file, bytes, strlen(bytes), p->local->service->zone_name,
                      p->local->service->dir, p->local->zones, &diags);
    if (c)
        policy_apply(c, p->local->service, p->campaign->channel, &diags);
    if (c && diags.errors == 0) {
        const struct digest d = planning_digest(c, &p->facts);
        plan_reset(p->plan, &c->schedule, p->seed_text ? p->seed : revision_seed(&d));
        rehearsal_zones(&p->rehearsal, c);
        while (plan_run(p->plan, SIZE_MAX))
            ;
        all = plan_sum(p->plan)->shortfall == 0;
    }
    if (all)
        *last = plan_sum(p->plan)->last;
    campaign_free(c);
    diags_dispose(&diags);
    return all;
}

/* Rows go to other senders: all of it is read again. */
static bool senders_feasible(struct planning *p, size_t senders, instant_t *last)
{
    struct local_campaign campaign = *p->campaign;
    struct campaign c = *p->campaign->campaign;
    struct conf_sender *list = arena_array(p->arena, senders, sizeof *list);
    struct diags again;

    for (size_t i = 0; i < senders; i++)
        list[i].name = p->help->senders[i];
    c.senders = list;
    c.sender_count = senders;
    campaign.campaign = &c;
    diags_init(&again);
    struct planning other = {.cli = p->cli,
                             .local = p->local,
                             .campaign = &campaign,
                             .diags = &again,
                             .from = p->from,
                             .seed_text = p->seed_text};
    bool all = planning_run(&other) == 0 && plan_sum(other.plan)->shortfall == 0;
    if (all)
        *last = plan_sum(other.plan)->last;
    planning_dispose(&other);
    diags_dispose(&again);
    return all;
}

static bool feasible(void *ctx, const char *bytes, size_t senders, instant_t *last)
{
    return senders ? senders_feasible(ctx, senders, last) : text_feasible(ctx, bytes, last);
}

void planning_help(struct planning *p, struct strbuf *b)
{
    struct plan_help h = {
        .campaign = p->campaign->campaign, .from = p->from, .feasible = feasible, .ctx = p};

    h.own_count = p->sender_count;
    h.senders = planning_senders(p->campaign, p->arena, &h.sender_count);
    p->help = &h;
    plan_help(&h, b);
}
