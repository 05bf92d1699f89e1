/* `approve` and `reject`. On a terminal an approver sees first what will go out, and what is
 * approved is exactly the revision that was shown. */
#include "cli/client.h"
#include "cli/view.h"
#include "cli/wait.h"

#include "base/digest.h"

#include <stdlib.h>
#include <string.h>

static bool said_yes(const struct cli *cli)
{
    char answer[16];

    fputs(tr("\nApprove this revision? [y/N] "), cli->err);
    fflush(cli->err);
    if (!fgets(answer, sizeof(answer), cli->in))
        return false;
    return answer[0] == 'y' || answer[0] == 'Y' || strncmp(answer, "是", strlen("是")) == 0;
}

static json_t *revision_of(struct client *client, const char *campaign, const char *digest, int *rc)
{
    struct strbuf query = STRBUF_INIT;

    if (digest) {
        char *encoded = client_encode(digest);
        strbuf_printf(&query, "revision=%s", encoded);
        free(encoded);
    }
    char *path = client_path(query.text, "campaigns", campaign, NULL);
    json_t *object = client_get_one(client, path, rc);
    free(path);
    strbuf_dispose(&query);
    return object;
}

/* The messages of the newest draft, which must still be `digest` afterwards: nobody is to approve
 * another revision than the one whose messages were shown. */
static int show_messages(struct client *client, const char *campaign, const char *digest)
{
    struct view_samples samples = {.to = client->cli->err};
    int rc;
    char *path = client_path(NULL, "campaigns", campaign, "preview", NULL);

    rc = client_get(client, path, view_each_sample, &samples);
    free(path);
    if (rc == 0 && samples.count == 0)
        say(client->cli,
            tr("the service shows no message of it: nobody gets one, or look at the file "
               "with 'paceline preview'"));
    json_t *now = rc == 0 ? revision_of(client, campaign, NULL, &rc) : NULL;
    if (now && strcmp(view_text(now, "revision", ""), digest) != 0) {
        say(client->cli, tr("there is a newer revision of '%s'; look again before you approve"),
            campaign);
        rc = EXIT_REFUSED;
    }
    json_decref(now);
    return rc;
}

/* Shows the revision and asks. 0 with its digest when the answer was yes. */
static int ask(struct client *client, const char *campaign, const char *digest,
               char shown[DIGEST_TEXT])
{
    const struct cli *cli = client->cli;
    int rc;
    json_t *object = revision_of(client, campaign, digest, &rc);

    if (object && strcmp(view_text(object, "state", ""), "draft") != 0) {
        say(cli, tr("nothing of '%s' waits for approval: it is %s"), campaign,
            view_state(view_text(object, "state", "?")));
        rc = EXIT_REFUSED;
    }
    if (object && rc == 0) {
        snprintf(shown, DIGEST_TEXT, "%s", view_text(object, "revision", ""));
        view_campaign(cli, object, cli->err);
        rc = show_messages(client, campaign, shown);
    }
    if (rc == 0 && !said_yes(cli)) {
        say(cli, tr("not approved; nothing was changed"));
        rc = EXIT_REFUSED;
    }
    json_decref(object);
    return rc;
}

static void print_approval(const struct cli *cli, const json_t *object)
{
    char digest[VIEW_DIGEST];
    const char *state = view_text(object, "state", "?");

    if (cli->json) {
        say_json(cli, json_incref((json_t *)object));
        return;
    }
    view_digest(view_text(object, "revision", "?"), digest);
    const char *campaign = view_text(object, "campaign", "?");
    if (strcmp(state, "draft") == 0)
        fprintf(cli->out, tr("approval recorded: %s %s (more approvals are needed)\n"), campaign,
                digest);
    else
        fprintf(cli->out, tr("approved: %s %s (%s)\n"), campaign, digest, view_state(state));
    fflush(cli->out);
}

int cmd_approve(struct cli *cli)
{
    struct client client;
    struct digest parsed;
    char shown[DIGEST_TEXT];
    const char *campaign = cli->args[0];
    const char *digest = cli->values[OPT_DIGEST];

    if (digest && !digest_parse(digest, &parsed))
        return args_wrong(cli, tr("--digest is 'sha256:' and 64 hexadecimal digits, as 'submit' "
                                  "prints it"));
    int rc = client_open(&client, cli);
    if (rc)
        return rc;
    bool asked = cli->in_tty && cli->err_tty && !cli->json;
    if (asked) {
        rc = ask(&client, campaign, digest, shown);
        digest = shown;
    }
    json_t *object = NULL;
    if (rc == 0) {
        char *path = client_path(NULL, "campaigns", campaign, "approve", NULL);
        object = client_post_one(
            &client, path,
            json_pack("{s:s*, s:s*}", "digest", digest, "note", cli->values[OPT_NOTE]), &rc);
        free(path);
    }
    if (object) {
        print_approval(cli, object);
        if (!asked) /* who was asked has seen them */
            view_warnings(cli, object);
        if (cli->values[OPT_WAIT])
            rc = wait_for(&client, campaign, view_text(object, "revision", ""));
    }
    json_decref(object);
    client_close(&client);
    return rc;
}

int cmd_reject(struct cli *cli)
{
    struct client client;
    char digest[VIEW_DIGEST];

    if (!cli->values[OPT_REASON] || !cli->values[OPT_REASON][0])
        return args_wrong(cli, tr("--reason is missing: the submitter wants to know why"));
    int rc = client_open(&client, cli);
    if (rc)
        return rc;
    char *path = client_path(NULL, "campaigns", cli->args[0], "reject", NULL);
    json_t *object =
        client_post_one(&client, path, json_pack("{s:s}", "reason", cli->values[OPT_REASON]), &rc);
    free(path);
    if (object && cli->json) {
        say_json(cli, json_incref(object));
    } else if (object) {
        view_digest(view_text(object, "revision", "?"), digest);
        fprintf(cli->out, tr("rejected: %s %s\n"), view_text(object, "campaign", "?"), digest);
    }
    json_decref(object);
    client_close(&client);
    return rc;
}
