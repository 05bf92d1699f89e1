/* `submit`: checked here first, so that errors come at once and at their places; then the files
 * travel as they are, and the service reads them again. */
#include "cli/client.h"
#include "cli/view.h"
#include "cli/wait.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

struct only {
    const char *recipient;
    bool found;
};

static int look_for(void *ctx, const struct review_row *row)
{
    struct only *only = ctx;

    if (!only->found && only->recipient && strcmp(row->recipient, only->recipient) == 0)
        only->found = true;
    return 0; /* the rest is checked too */
}

static int check_first(struct client *client, const char *file, struct local_campaign *c)
{
    const struct cli *cli = client->cli;
    struct only only = {.recipient = cli->values[OPT_ONLY]};
    struct cli lines = *cli;
    struct review_sum sum;
    struct diags diags;

    lines.json = false; /* standard output is for the answer */
    diags_init(&diags);
    int rc = local_campaign(c, &client->local, cli, file, &diags);
    if (rc == 0)
        rc = local_review(c, look_for, &only, &sum, &diags);
    say_diags(&lines, &diags);
    diags_dispose(&diags);
    if (rc == 0 && only.recipient && !only.found && c->campaign->source != AUDIENCE_CONTACTS) {
        say(cli, tr("'%s' is not in the audience"), only.recipient);
        rc = EXIT_REFUSED;
    }
    return rc;
}

/* The campaign, its audience file, its attachments, and the two fields. */
static json_t *upload(struct client *client, const char *file, const struct campaign *c, int *rc)
{
    const struct cli *cli = client->cli;
    struct upload_part *parts = xmalloc((c->attachment_count + 4) * sizeof(*parts));
    struct arena *arena = arena_new();
    char **owned = xmalloc((c->attachment_count + 1) * sizeof(*owned));
    size_t count = 0, paths = 0;

    parts[count++] = (struct upload_part){.name = "campaign", .path = file, .filename = file};
    if (cli->values[OPT_ONLY])
        parts[count++] = (struct upload_part){.name = "only", .text = cli->values[OPT_ONLY]};
    if (cli->values[OPT_AGAIN])
        parts[count++] = (struct upload_part){.name = "again", .text = "true"};
    if (c->source == AUDIENCE_FILE) {
        owned[paths] = campaign_path(c, c->audience_file);
        parts[count++] = (struct upload_part){
            .name = "audience", .path = owned[paths++], .filename = c->audience_file};
    }
    for (size_t i = 0; i < c->attachment_count; i++) {
        owned[paths] = campaign_path(c, c->attachments[i].path);
        parts[count++] = (struct upload_part){
            .name = "attachment", .path = owned[paths++], .filename = c->attachments[i].path};
    }
    char *path = client_path(NULL, "submissions", NULL);
    json_t *answer = client_upload(client, path, parts, count, rc);
    while (paths > 0)
        free(owned[--paths]);
    free(owned);
    free(path);
    free(parts);
    arena_free(arena);
    return answer;
}

static void say_warnings(const struct cli *cli, const json_t *answer)
{
    const json_t *warning;
    size_t i;

    json_array_foreach(json_object_get(answer, "warnings"), i, warning)
    {
        const char *text = json_is_string(warning) ? json_string_value(warning)
                                                   : view_text(warning, "message", "");
        say(cli, tr("warning: %s"), text);
    }
}

static void say_next(const struct cli *cli, const json_t *answer)
{
    const char *campaign = view_text(answer, "campaign", "?");
    const char *state = view_text(answer, "state", "?");

    if (json_is_true(json_object_get(answer, "unchanged")))
        say(cli, tr("unchanged: this revision is already here (%s)"), view_state(state));
    if (strcmp(state, "draft") == 0)
        say(cli, tr("waiting for approval: paceline approve %s"), campaign);
}

int cmd_submit(struct cli *cli)
{
    struct client client;
    struct local_campaign c = {0};
    int rc = client_open(&client, cli);

    if (rc)
        return rc;
    rc = check_first(&client, cli->args[0], &c);
    json_t *answer = rc == 0 ? upload(&client, cli->args[0], c.campaign, &rc) : NULL;
    if (answer) {
        const char *revision = view_text(answer, "revision", "?");
        say_warnings(cli, answer);
        if (cli->json)
            say_json(cli, json_incref(answer));
        else
            fprintf(cli->out, "%s\n", revision);
        fflush(cli->out);
        say_next(cli, answer);
        if (cli->values[OPT_WAIT])
            rc = wait_for(&client, view_text(answer, "campaign", ""), revision);
    }
    json_decref(answer);
    local_campaign_close(&c);
    client_close(&client);
    return rc;
}
