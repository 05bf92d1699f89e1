/* `submit`: checked here first, so that errors come at once and at their places; then the files
 * travel as they are, and the service reads them again. */
#include "cli/bundle.h"
#include "cli/view.h"
#include "cli/wait.h"

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

static json_t *upload(struct submission *s, const char *file, int *rc)
{
    const struct cli *cli = s->client->cli;
    const struct campaign *c = s->campaign.campaign;
    struct bundle b;

    bundle_init(&b, c, file, 3);
    bundle_field(&b, "only", cli->values[OPT_ONLY]);
    bundle_field(&b, "again", cli->values[OPT_AGAIN] ? "true" : NULL);
    bundle_field(&b, "allow_partial", cli->values[OPT_ALLOW_PARTIAL] ? "true" : NULL);
    char *path = client_path(NULL, "submissions", NULL);
    const struct upload u = {.path = path,
                             .parts = b.parts,
                             .count = b.count,
                             .progress = &s->progress,
                             .campaign = c->id,
                             .rows = s->only ? 1 : s->rows};
    json_t *answer = client_upload_one(s->client, &u, rc);
    free(path);
    bundle_dispose(&b);
    return answer;
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
    /* what the service alone can know */
    bundle_say_warnings(cli, &s->diags, json_object_get(answer, "warnings"));
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
