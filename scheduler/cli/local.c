#include "cli/local.h"

#include "channel/check.h"
#include "conf/policy.h"

#include <stdlib.h>
#include <string.h>

static int no_service_file(const struct cli *cli)
{
    const char *xdg = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");

    say(cli,
        tr("there is no service file: looked for ./paceline.yaml, %s%s/paceline/paceline.yaml and "
           "/etc/paceline/paceline.yaml; name one with --config FILE, or make one with 'paceline "
           "init'"),
        xdg && xdg[0]     ? xdg
        : home && home[0] ? home
                          : "~",
        xdg && xdg[0] ? "" : "/.config");
    return EXIT_DATA;
}

int local_open(struct local *l, const struct cli *cli)
{
    struct diags diags;
    const char *named = cli->values[OPT_CONFIG];
    char *found = named ? NULL : service_find_file();

    *l = (struct local){0};
    if (!named && !found)
        return no_service_file(cli);
    diags_init(&diags);
    l->zones = zones_new();
    l->service = service_load(named ? named : found, l->zones, &diags);
    free(found);
    if (l->service && l->service->has_language)
        lang_set(l->service->language);
    int rc = say_diags(cli, &diags);
    diags_dispose(&diags);
    if (!l->service && rc == 0)
        rc = EXIT_DATA;
    if (rc)
        local_close(l);
    return rc;
}

void local_close(struct local *l)
{
    channel_plugins_free(l->plugins);
    service_free(l->service);
    zones_free(l->zones);
    *l = (struct local){0};
}

static int open_plugins(struct local *l, const struct cli *cli, struct err *e)
{
    char *dir = NULL;

    if (l->plugins)
        return 0;
    if (!cli->hooks->plugin_dir) {
        int rc = channel_plugin_dir(&dir, e);
        if (rc)
            return rc;
    }
    l->plugins = channel_plugins_new(dir ? dir : cli->hooks->plugin_dir);
    free(dir);
    return 0;
}

int local_kind(const struct paceline_channel **out, struct local *l, const struct cli *cli,
               const struct service_channel *channel, struct diags *diags)
{
    struct err e;
    int rc = open_plugins(l, cli, &e);

    if (rc == 0)
        rc = channel_load(out, l->plugins, channel->plugin, &e);
    if (rc == 0)
        *out = channel_in_mode(l->plugins, *out, channel->mode);
    if (rc)
        diag_add(diags, l->service->file, channel->at.line, channel->at.column, DIAG_ERROR, rc,
                 "%s", e.text);
    return rc;
}

static void unknown_channel(const struct local *l, const struct campaign *c, struct diags *diags)
{
    struct strbuf names = STRBUF_INIT;

    for (size_t i = 0; i < l->service->channel_count; i++)
        strbuf_printf(&names, "%s%s", i ? ", " : "", l->service->channels[i].name);
    diag_add(diags, c->file, c->channel_at.line, c->channel_at.column, DIAG_ERROR, ERR_DATA,
             tr("'%s' is not a channel of %s, which has: %s"), c->channel, l->service->file,
             names.length ? names.text : "-");
    strbuf_dispose(&names);
}

/* Its channel, what that can do, and its settings: as far as they are right. */
static void find_channel(struct local_campaign *out, struct local *l, const struct cli *cli,
                         struct diags *diags)
{
    if (!out->campaign->channel)
        return;
    out->channel = service_channel(l->service, out->campaign->channel);
    if (!out->channel)
        unknown_channel(l, out->campaign, diags);
    else if (local_kind(&out->kind, l, cli, out->channel, diags) == 0)
        out->settings = channel_settings_read(out->kind, l->service, out->channel, false, diags);
    if (out->settings)
        channel_defaults(out->kind, out->campaign);
}

int local_campaign(struct local_campaign *out, struct local *l, const struct cli *cli,
                   const char *file, struct diags *diags)
{
    struct err e;
    char *bytes;
    size_t length, first = diags->count;

    *out = (struct local_campaign){0};
    int rc = file_read(&bytes, &length, file, YAML_BYTES_MAX, &e);
    if (rc) {
        const char *text = e.text;
        if (strncmp(text, file, strlen(file)) == 0 && text[strlen(file)] == ':')
            text += strlen(file) + 2; /* the diag names the file itself */
        diag_add(diags, file, 0, 0, DIAG_ERROR, ERR_DATA, "%s", text);
        return EXIT_DATA;
    }
    out->campaign = campaign_read_broken(NULL, file, bytes, length, l->service->zone_name,
                                         l->service->dir, l->zones, diags);
    free(bytes);
    if (!out->campaign)
        return err_exit_code(diags->worst ? diags->worst : ERR_DATA);
    find_channel(out, l, cli, diags);
    policy_apply(out->campaign, l->service, out->channel, diags);
    if (out->settings && !diags->worst)
        return 0;
    review_broken(out->campaign, out->channel, out->kind, diags);
    diags_order(diags, first);
    return err_exit_code(diags->worst ? diags->worst : ERR_DATA);
}

void local_campaign_close(struct local_campaign *c)
{
    channel_settings_free(c->settings);
    campaign_free(c->campaign);
    *c = (struct local_campaign){0};
}

int local_review(const struct local_campaign *c, local_row_fn *each, void *ctx,
                 struct review_sum *sum, struct diags *diags)
{
    return local_review_all(c, each, NULL, ctx, sum, diags);
}

int local_review_all(const struct local_campaign *c, local_row_fn *each, local_end_fn *end,
                     void *ctx, struct review_sum *sum, struct diags *diags)
{
    struct review *review = NULL;
    struct review_row row;
    struct err e = {0};
    size_t errors = diags->errors;

    int rc = review_open(&review, c->campaign, c->channel, c->kind, NULL, NULL, diags, &e);
    if (rc == 0) {
        while ((rc = review_next(review, &row, &e)) == 1)
            if (each && each(ctx, &row)) {
                rc = 0;
                break;
            }
        *sum = *review_sum(review);
        if (rc == 0 && end)
            end(ctx, review);
    }
    review_close(review);
    if (rc < 0 && diags->errors == errors) /* not said at a place yet */
        diag_add(diags, c->campaign->file, 0, 0, DIAG_ERROR, rc, "%s", e.text);
    if (diags->worst)
        return err_exit_code(diags->worst);
    return rc < 0 ? err_exit_code(rc) : 0;
}
