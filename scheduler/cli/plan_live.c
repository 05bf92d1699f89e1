#include "cli/plan_live.h"

#include "base/arena.h"
#include "cli/bundle.h"
#include "cli/plan_help.h"
#include "cli/plan_view.h"
#include "cli/planning.h"
#include "cli/view.h"
#include "conf/duration.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct live {
    struct client *client;
    const char *file;
    struct arena *arena;
    struct local_campaign campaign;
    struct diags diags;
    struct progress progress;
    const char *const *senders; /* as planning_senders */
    size_t sender_count;
    json_t *numbers; /* of senders in the picture, by name */
    const char **names;
    size_t name_count, name_capacity;
    struct plan_picture picture;
    json_t *summary;
    bool trying; /* what would help: only the summary is looked at */
};

int plan_from(const struct cli *cli, const struct campaign *c, instant_t *from)
{
    const char *text = cli->values[OPT_FROM];
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    *from = (instant_t)t.tv_sec * MS_PER_SECOND + t.tv_nsec / 1000000;
    if (text && strcmp(text, "now") != 0 && !instant_parse(text, c->schedule.zone, from))
        return args_wrong(cli, tr("--from is a time like '2027-03-01 09:30' or RFC 3339, not '%s'"),
                          text);
    return 0;
}

int plan_picture_write(const struct cli *cli, const struct plan_picture *p)
{
    const char *path = cli->values[OPT_SVG];
    struct strbuf svg = STRBUF_INIT;
    FILE *f = fopen(path, "w");

    if (!f) {
        say(cli, tr("%s cannot be written: %s"), path, lang_errno(errno));
        return EXIT_DATA;
    }
    plan_svg(&svg, p);
    fwrite(svg.text, 1, svg.length, f);
    strbuf_dispose(&svg);
    bool written = !ferror(f);
    if ((fclose(f) != 0) | !written) {
        say(cli, tr("%s cannot be written: %s"), path, lang_errno(errno));
        return EXIT_DATA;
    }
    return 0;
}

/* --- the service's answer --- */

static size_t number_of(struct live *l, const char *sender)
{
    json_t *number = json_object_get(l->numbers, sender);

    if (!number) {
        number = json_integer((json_int_t)l->name_count);
        json_object_set_new(l->numbers, sender, number);
        l->names = xgrow(l->names, &l->name_capacity, l->name_count + 1, sizeof *l->names);
        l->names[l->name_count++] = arena_strdup(l->arena, sender);
    }
    return (size_t)json_integer_value(number);
}

static void draw(struct live *l, const json_t *row)
{
    const char *due = view_text(row, "due_at", NULL);
    size_t sender = number_of(l, view_text(row, "sender", "?"));
    instant_t at;

    if (due && strcmp(view_text(row, "state", ""), "planned") == 0 &&
        instant_parse(due, l->campaign.campaign->schedule.zone, &at))
        picture_add(&l->picture, sender, at);
}

static int take_line(void *ctx, const char *text, const json_t *object)
{
    struct live *l = ctx;
    const struct cli *cli = l->client->cli;
    json_t *summary = json_object_get(object, "summary");

    if (summary) {
        json_decref(l->summary);
        l->summary = json_incref(summary);
        return 0;
    }
    if (cli->values[OPT_SVG])
        draw(l, object);
    if (cli->json)
        fprintf(cli->out, "%s\n", text);
    return 0;
}

/* The file, or another text of it, with so many more senders than its own. */
static int ask(struct live *l, const char *bytes, size_t more_senders)
{
    const struct cli *cli = l->client->cli;
    bool rows = !l->trying && (cli->json || cli->values[OPT_SVG]);
    char more[24];
    struct bundle b;

    snprintf(more, sizeof more, "%zu", more_senders);
    bundle_init(&b, l->campaign.campaign, l->file, 4);
    if (bytes) {
        b.parts[0].path = NULL;
        b.parts[0].text = bytes;
    }
    bundle_field(&b, "from", cli->values[OPT_FROM]);
    bundle_field(&b, "seed", cli->values[OPT_SEED]);
    bundle_field(&b, "more_senders", more_senders ? more : NULL);
    bundle_field(&b, "rows", rows ? "true" : "false");
    char *path = client_path(NULL, "plan", NULL);
    const struct upload u = {.path = path,
                             .parts = b.parts,
                             .count = b.count,
                             .progress = &l->progress,
                             .changes_nothing = true};
    int rc = client_upload(l->client, &u, take_line, l);
    free(path);
    bundle_dispose(&b);
    if (rc == 0 && !l->summary) {
        say(cli, tr("the service's answer cannot be read: an object was expected"));
        rc = EXIT_INTERNAL;
    }
    return rc;
}

/* --- what would help --- */

static bool feasible(void *ctx, const char *bytes, size_t senders, instant_t *last)
{
    struct live *l = ctx;
    size_t own = l->campaign.campaign->sender_count;
    bool all = ask(l, bytes, senders > own ? senders - own : 0) == 0 &&
               json_is_true(json_object_get(l->summary, "feasible"));

    return all && instant_parse(view_text(l->summary, "last", ""),
                                l->campaign.campaign->schedule.zone, last);
}

/* Puts `help` into the summary. */
static void find_help(struct live *l, instant_t from)
{
    const struct campaign *c = l->campaign.campaign;
    const struct plan_help h = {.campaign = c,
                                .from = from,
                                .senders = l->senders,
                                .sender_count = l->sender_count,
                                .own_count = c->sender_count ? c->sender_count : l->sender_count,
                                .feasible = feasible,
                                .ctx = l};
    json_t *summary = json_incref(l->summary); /* each try replaces it */
    struct strbuf b = STRBUF_INIT;

    l->trying = true;
    strbuf_putc(&b, '{');
    plan_help(&h, &b);
    strbuf_putc(&b, '}');
    json_t *help = json_loads(b.text, 0, NULL);
    json_object_set(summary, "help", json_object_get(help, "help"));
    json_decref(help);
    strbuf_dispose(&b);
    json_decref(l->summary);
    l->summary = summary;
}

/* --- showing --- */

static int write_svg(struct live *l, instant_t from)
{
    l->picture.campaign = l->campaign.campaign;
    l->picture.test = l->campaign.settings->standin;
    l->picture.from = from;
    l->picture.senders = l->names;
    l->picture.sender_count = l->name_count;
    l->picture.recipients = (uint64_t)view_number(l->summary, "recipients");
    l->picture.shortfall = (uint64_t)view_number(l->summary, "shortfall");
    return plan_picture_write(l->client->cli, &l->picture);
}

static int show(struct live *l)
{
    const struct cli *cli = l->client->cli;
    const struct campaign *c = l->campaign.campaign;
    bool feasible = json_is_true(json_object_get(l->summary, "feasible"));

    if (cli->json) {
        json_t *line = json_pack("{s:O}", "summary", l->summary);
        say_json(cli, line);
    } else {
        view_heading(c->id, c->title, l->campaign.settings->standin, cli->out);
        plan_view(l->summary, cli->out);
    }
    return feasible ? 0 : EXIT_REFUSED;
}

static int plan(struct live *l)
{
    const struct cli *cli = l->client->cli;
    struct cli lines = *cli;
    instant_t from;
    int rc = local_campaign(&l->campaign, &l->client->local, cli, l->file, &l->diags);

    lines.json &= l->diags.errors > 0;
    say_diags(&lines, &l->diags);
    if (rc == 0)
        rc = plan_from(cli, l->campaign.campaign, &from);
    if (rc)
        return rc;
    l->senders = planning_senders(&l->campaign, l->arena, &l->sender_count);
    for (size_t i = 0; i < l->sender_count && cli->values[OPT_SVG]; i++)
        if (!l->campaign.campaign->sender_count || i < l->campaign.campaign->sender_count)
            number_of(l, l->senders[i]);
    rc = ask(l, NULL, 0);
    if (rc)
        return rc;
    bundle_say_warnings(cli, &l->diags, json_object_get(l->summary, "warnings"));
    json_object_del(l->summary, "warnings");
    if (cli->values[OPT_SVG])
        rc = write_svg(l, from);
    if (rc == 0 && !json_is_true(json_object_get(l->summary, "feasible")))
        find_help(l, from);
    return rc ? rc : show(l);
}

int plan_live(struct cli *cli)
{
    struct client client;
    struct live l = {.client = &client, .file = cli->args[0]};
    int rc = client_open(&client, cli);

    if (rc)
        return rc;
    l.arena = arena_new();
    l.numbers = json_object();
    diags_init(&l.diags);
    progress_begin(&l.progress, cli);
    rc = plan(&l);
    json_decref(l.numbers);
    json_decref(l.summary);
    picture_dispose(&l.picture);
    free(l.names);
    diags_dispose(&l.diags);
    local_campaign_close(&l.campaign);
    arena_free(l.arena);
    client_close(&client);
    return rc;
}
