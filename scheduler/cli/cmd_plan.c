/* `plan`: the campaign on a virtual clock, here, without the service. One pass over the audience
 * gives the rows and the digest (its seed); then the engine runs, and each row can be told. */
#include "cli/local.h"
#include "cli/plan_view.h"
#include "cli/view.h"

#include "api/planned.h"
#include "conf/duration.h"
#include "conf/revision.h"
#include "plan/plan.h"
#include "plan/spec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct planning {
    const struct cli *cli;
    struct local local;
    struct local_campaign campaign;
    struct diags diags;
    struct review_sum sum;
    struct arena *arena;
    const char **senders;
    size_t sender_count;
    const char **recipients; /* by row; kept for the listing only */
    size_t recipient_count, recipient_capacity;
    struct engine_quota quotas[SPEC_QUOTAS];
    instant_t from;
    struct digest digest;
    struct plan *plan;
};

static instant_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (instant_t)t.tv_sec * MS_PER_SECOND + t.tv_nsec / 1000000;
}

static int read_from(struct planning *p)
{
    const char *text = p->cli->values[OPT_FROM];

    if (!text || strcmp(text, "now") == 0)
        p->from = now();
    else if (!instant_parse(text, p->campaign.campaign->schedule.zone, &p->from))
        return args_wrong(
            p->cli, tr("--from is a time like '2027-03-01 09:30' or RFC 3339, not '%s'"), text);
    return 0;
}

static int read_seed(const struct planning *p, uint64_t *seed)
{
    const char *text = p->cli->values[OPT_SEED];
    char *end;

    *seed = revision_seed(&p->digest);
    if (!text)
        return 0;
    errno = 0;
    *seed = strtoull(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-' || text[0] == '+')
        return args_wrong(p->cli, tr("--seed is a number from 0 to %llu, not '%s'"),
                          (unsigned long long)UINT64_MAX, text);
    return 0;
}

static void name_senders(struct planning *p)
{
    const struct campaign *c = p->campaign.campaign;
    const struct service_channel *channel = p->campaign.channel;
    const struct conf_sender *from = c->sender_count ? c->senders : channel->senders;

    p->sender_count = c->sender_count ? c->sender_count : channel->sender_count;
    p->senders = arena_array(p->arena, p->sender_count, sizeof *p->senders);
    for (size_t i = 0; i < p->sender_count; i++)
        p->senders[i] = from[i].name;
}

static int add_row(void *ctx, const struct review_row *row)
{
    struct planning *p = ctx;

    plan_add(p->plan, row->sender_index, row->skipped, row->message);
    if (p->cli->json) {
        p->recipients = xgrow(p->recipients, &p->recipient_capacity, p->recipient_count + 1,
                              sizeof *p->recipients);
        p->recipients[p->recipient_count++] = arena_strdup(p->arena, row->recipient);
    }
    return 0;
}

static void take_digest(void *ctx, struct review *review)
{
    struct planning *p = ctx;
    struct revision_facts facts;
    struct strbuf manifest = STRBUF_INIT;

    if (p->diags.errors || p->campaign.campaign->source == AUDIENCE_CONTACTS)
        return;
    review_facts(review, p->campaign.settings->manifest, &facts);
    manifest_write(&manifest, p->campaign.campaign, &facts);
    p->digest = digest_of(manifest.text, manifest.length);
    strbuf_dispose(&manifest);
}

static int read_rows(struct planning *p)
{
    const struct campaign *c = p->campaign.campaign;
    struct plan_setup setup = {.from = p->from, .sender_count = p->sender_count};

    setup.channel = spec_channel(1, p->campaign.kind, p->quotas);
    spec_revision(&setup.terms, c, p->arena);
    p->plan = plan_new(&setup);
    int rc = local_review_all(&p->campaign, add_row, take_digest, p, &p->sum, &p->diags);
    if (rc == 0 && c->source == AUDIENCE_CONTACTS) {
        say(p->cli, tr("the contact book is in the service: nothing can be planned without it"));
        rc = EXIT_REFUSED;
    }
    return rc;
}

static void print(struct strbuf *line, FILE *to)
{
    strbuf_putc(line, '\n');
    fwrite(line->text, 1, line->length, to);
    strbuf_reset(line);
}

static void print_rows(struct planning *p, const struct planned *whose)
{
    const uint32_t *order = plan_order(p->plan);
    struct strbuf line = STRBUF_INIT;

    for (uint64_t i = 0; i < plan_rows(p->plan); i++) {
        struct plan_row row = plan_row(p->plan, order[i]);
        planned_row(&line, whose, order[i], &row, p->recipients[order[i] - 1]);
        print(&line, p->cli->out);
    }
    strbuf_dispose(&line);
}

static void print_plan(struct planning *p, uint64_t seed)
{
    const struct campaign *c = p->campaign.campaign;
    const struct planned whose = {.campaign = c->id,
                                  .channel = c->channel,
                                  .revision = p->sum.open ? NULL : &p->digest,
                                  .senders = p->senders,
                                  .sender_count = p->sender_count,
                                  .zone = c->schedule.zone,
                                  .seed = seed};
    struct strbuf line = STRBUF_INIT;

    if (p->cli->json)
        print_rows(p, &whose);
    planned_sum(&line, &whose, p->plan);
    if (p->cli->json) {
        print(&line, p->cli->out);
    } else {
        json_t *object = json_loads(line.text, 0, NULL);
        view_heading(c->id, c->title, p->campaign.settings->standin, p->cli->out);
        plan_view(p->cli, json_object_get(object, "summary"), p->cli->out);
        json_decref(object);
    }
    strbuf_dispose(&line);
}

static int run(struct planning *p)
{
    struct cli lines = *p->cli;
    uint64_t seed;
    int rc = local_campaign(&p->campaign, &p->local, p->cli, p->cli->args[0], &p->diags);

    if (rc == 0)
        rc = read_from(p);
    if (rc == 0) {
        name_senders(p);
        rc = read_rows(p);
    }
    lines.json &= p->diags.errors > 0; /* warnings beside a plan are no lines of it */
    say_diags(&lines, &p->diags);
    if (rc == 0)
        rc = read_seed(p, &seed);
    if (rc)
        return rc;
    plan_seed(p->plan, seed);
    while (plan_run(p->plan, SIZE_MAX))
        ;
    print_plan(p, seed);
    return plan_sum(p->plan)->shortfall ? EXIT_REFUSED : 0;
}

int cmd_plan(struct cli *cli)
{
    struct planning p = {.cli = cli};
    int rc = local_open(&p.local, cli);

    if (rc)
        return rc;
    diags_init(&p.diags);
    p.arena = arena_new();
    rc = run(&p);
    plan_free(p.plan);
    free(p.recipients);
    arena_free(p.arena);
    diags_dispose(&p.diags);
    local_campaign_close(&p.campaign);
    local_close(&p.local);
    return rc;
}
