/* `plan`: the campaign on a virtual clock, here, without the service. */
#include "cli/plan_live.h"
#include "cli/plan_view.h"
#include "cli/planning.h"
#include "cli/view.h"

static void print(struct strbuf *line, FILE *to)
{
    strbuf_putc(line, '\n');
    fwrite(line->text, 1, line->length, to);
    strbuf_reset(line);
}

static void print_rows(const struct planning *p)
{
    const struct planned whose = planning_whose(p);
    const uint32_t *order = plan_order(p->plan);
    struct strbuf line = STRBUF_INIT;

    for (uint64_t i = 0; i < plan_rows(p->plan); i++) {
        struct plan_row row = plan_row(p->plan, order[i]);
        planned_row(&line, &whose, order[i], &row, p->recipients[order[i] - 1]);
        print(&line, p->cli->out);
    }
    strbuf_dispose(&line);
}

static int write_svg(const struct planning *p)
{
    const struct plan_sum *sum = plan_sum(p->plan);
    struct plan_picture picture = {.campaign = p->campaign->campaign,
                                   .test = p->campaign->settings->standin,
                                   .from = p->from,
                                   .senders = p->senders,
                                   .sender_count = p->sender_count,
                                   .recipients = sum->recipients,
                                   .shortfall = sum->shortfall};

    for (uint64_t row = 1; row <= plan_rows(p->plan); row++) {
        struct plan_row r = plan_row(p->plan, row);
        if (r.state == PLAN_PLANNED)
            picture_add(&picture, r.sender, r.due_at);
    }
    int rc = plan_picture_write(p->cli, &picture);
    picture_dispose(&picture);
    return rc;
}

static int print_plan(struct planning *p)
{
    const struct campaign *c = p->campaign->campaign;
    const struct planned whose = planning_whose(p);
    bool feasible = plan_sum(p->plan)->shortfall == 0;
    struct strbuf line = STRBUF_INIT;

    if (p->cli->json)
        print_rows(p);
    strbuf_puts(&line, "{\"summary\":");
    planned_sum_open(&line, &whose, p->plan);
    if (!feasible)
        planning_help(p, &line);
    strbuf_puts(&line, "}}");
    if (p->cli->json) {
        print(&line, p->cli->out);
    } else {
        json_t *object = json_loads(line.text, 0, NULL);
        view_heading(c->id, c->title, p->campaign->settings->standin, p->cli->out);
        plan_view(json_object_get(object, "summary"), p->cli->out);
        json_decref(object);
    }
    strbuf_dispose(&line);
    return feasible ? 0 : EXIT_REFUSED;
}

static int plan_file(struct cli *cli, struct local *local, struct diags *diags)
{
    struct local_campaign campaign;
    struct planning p = {.cli = cli,
                         .local = local,
                         .campaign = &campaign,
                         .diags = diags,
                         .keep_recipients = cli->json,
                         .seed_text = cli->values[OPT_SEED]};
    struct cli lines = *cli;
    int rc = local_campaign(&campaign, local, cli, cli->args[0], diags);

    if (rc == 0)
        rc = plan_from(cli, campaign.campaign, &p.from);
    if (rc == 0)
        rc = planning_run(&p);
    lines.json &= diags->errors > 0; /* warnings beside a plan are no lines of it */
    say_diags(&lines, diags);
    if (rc == 0 && cli->values[OPT_SVG])
        rc = write_svg(&p);
    if (rc == 0)
        rc = print_plan(&p);
    planning_dispose(&p);
    local_campaign_close(&campaign);
    return rc;
}

int cmd_plan(struct cli *cli)
{
    struct local local;
    struct diags diags;

    if (cli->values[OPT_LIVE])
        return plan_live(cli);
    int rc = local_open(&local, cli);

    if (rc)
        return rc;
    diags_init(&diags);
    rc = plan_file(cli, &local, &diags);
    diags_dispose(&diags);
    local_close(&local);
    return rc;
}
