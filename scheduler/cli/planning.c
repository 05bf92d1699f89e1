/* One pass over the audience gives the rows and the digest; then the engine runs. */
#include "cli/planning.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void name_senders(struct planning *p)
{
    const struct campaign *c = p->campaign->campaign;
    const struct service_channel *channel = p->campaign->channel;
    const struct conf_sender *from = c->sender_count ? c->senders : channel->senders;

    p->sender_count = c->sender_count ? c->sender_count : channel->sender_count;
    p->senders = arena_array(p->arena, p->sender_count, sizeof *p->senders);
    for (size_t i = 0; i < p->sender_count; i++)
        p->senders[i] = from[i].name;
}

/* Who sends, or to whom, is in the service. */
static int known_to_the_service(const struct planning *p)
{
    if (p->sum.senders_open)
        say(p->cli,
            tr("the members of account '%s' are in the service: nothing can be planned without "
               "them, unless the campaign names its 'senders'"),
            p->campaign->channel->account->name);
    else if (audience_of_service(p->campaign->campaign->source))
        say(p->cli, tr("the contact book is in the service: nothing can be planned without it"));
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
    name_senders(p);
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
