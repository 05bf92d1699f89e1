/* `submit`: checked here first, so that errors come at once and at their places; then the files
 * travel as they are, and the service reads them again. */
#include "cli/client.h"
#include "cli/view.h"
#include "cli/wait.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_ROWS = 4096, MANY_ROWS = 10000 /* worth a word at the end */ };

struct submission {
    struct client *client;
    struct local_campaign campaign;
    struct diags diags; /* what the check here has said */
    struct progress progress;
    const char *only;
    bool found;
    uint64_t rows; /* looked at; then of the audience */
};

static int look_at(void *ctx, const struct review_row *row)
{
    struct submission *s = ctx;

    if (!s->found && s->only && strcmp(row->recipient, s->only) == 0)
        s->found = true;
    if (++s->rows % LOOK_ROWS == 0)
        progress_show(&s->progress, tr("checking"), s->rows, 0, tr("recipients"));
    return 0; /* the rest is checked too */
}

static int check_first(struct submission *s, const char *file)
{
    const struct cli *cli = s->client->cli;
    struct cli lines = *cli;
    struct review_sum sum;

    lines.json = false; /* standard output is for the answer */
    int rc = local_campaign(&s->campaign, &s->client->local, cli, file, &s->diags);
    if (rc == 0)
        rc = local_review(&s->campaign, look_at, s, &sum, &s->diags);
    progress_end(&s->progress);
    say_diags(&lines, &s->diags);
    if (rc == 0 && s->only && !s->found && !audience_of_service(s->campaign.campaign->source)) {
        say(cli, tr("'%s' is not in the audience"), s->only);
        rc = EXIT_REFUSED;
    }
    return rc;
}

/* One file may be the picture of several. */
static bool named_before(const struct campaign *c, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (c->attachments[i].path && !strcmp(c->attachments[i].path, c->attachments[index].path))
            return true;
    return false;
}

/* The campaign, its audience file, its attachments, and the two fields. */
static json_t *upload(struct submission *s, const char *file, int *rc)
{
    const struct cli *cli = s->client->cli;
    const struct campaign *c = s->campaign.campaign;
    struct upload_part *parts = xmalloc((c->attachment_count + 5) * sizeof(*parts));
    struct arena *arena = arena_new();
    char **owned = xmalloc((c->attachment_count + 1) * sizeof(*owned));
    size_t count = 0, paths = 0;

    parts[count++] = (struct upload_part){.name = "campaign", .path = file, .filename = file};
    if (cli->values[OPT_ONLY])
        parts[count++] = (struct upload_part){.name = "only", .text = cli->values[OPT_ONLY]};
    if (cli->values[OPT_AGAIN])
        parts[count++] = (struct upload_part){.name = "again", .text = "true"};
    if (cli->values[OPT_ALLOW_PARTIAL])
        parts[count++] = (struct upload_part){.name = "allow_partial", .text = "true"};
    if (c->source == AUDIENCE_FILE) {
        owned[paths] = campaign_path(c, c->audience_file);
        parts[count++] = (struct upload_part){
            .name = "audience", .path = owned[paths++], .filename = c->audience_file};
    }
    for (size_t i = 0; i < c->attachment_count; i++) {
        if (!c->attachments[i].path || named_before(c, i))
            continue;
        owned[paths] = campaign_path(c, c->attachments[i].path);
        parts[count++] = (struct upload_part){
            .name = "attachment", .path = owned[paths++], .filename = c->attachments[i].path};
    }
    char *path = client_path(NULL, "submissions", NULL);
    const struct upload u = {.path = path,
                             .parts = parts,
                             .count = count,
                             .progress = &s->progress,
                             .campaign = c->id,
                             .rows = s->only ? 1 : s->rows};
    json_t *answer = client_upload(s->client, &u, rc);
    while (paths > 0)
        free(owned[--paths]);
    free(owned);
    free(path);
    free(parts);
    arena_free(arena);
    return answer;
}

static bool said_already(const struct diags *diags, const char *message)
{
    for (size_t i = 0; i < diags->count; i++)
        if (strcmp(diags->items[i].message, message) == 0)
            return true;
    return false;
}

/* What the service alone can know. */
static void say_warnings(const struct cli *cli, const struct diags *diags, const json_t *answer)
{
    const json_t *warning;
    size_t i;

    json_array_foreach(json_object_get(answer, "warnings"), i, warning)
    {
        const char *text = json_is_string(warning) ? json_string_value(warning)
                                                   : view_text(warning, "message", "");
        if (!said_already(diags, text))
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

static int submit(struct submission *s, const char *file)
{
    const struct cli *cli = s->client->cli;
    int rc = check_first(s, file);
    json_t *answer = rc == 0 ? upload(s, file, &rc) : NULL;

    if (!answer)
        return rc;
    const char *revision = view_text(answer, "revision", "?");
    if (s->rows >= MANY_ROWS)
        say(cli, tr("%llu recipients taken in, %.0f s"), (unsigned long long)s->rows,
            progress_seconds(&s->progress));
    say_warnings(cli, &s->diags, answer);
    if (cli->json)
        say_json(cli, json_incref(answer));
    else
        fprintf(cli->out, "%s\n", revision);
    fflush(cli->out);
    say_next(cli, answer);
    if (cli->values[OPT_WAIT])
        rc = wait_for(s->client, view_text(answer, "campaign", ""), revision);
    json_decref(answer);
    return rc;
}

int cmd_submit(struct cli *cli)
{
    struct client client;
    struct submission s = {.client = &client, .only = cli->values[OPT_ONLY]};
    int rc = client_open(&client, cli);

    if (rc)
        return rc;
    diags_init(&s.diags);
    progress_begin(&s.progress, cli);
    rc = submit(&s, cli->args[0]);
    diags_dispose(&s.diags);
    local_campaign_close(&s.campaign);
    client_close(&client);
    return rc;
}
