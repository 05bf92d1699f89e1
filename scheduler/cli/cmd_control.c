/* `pause`, `resume`, `cancel` of a campaign; `outcome` and `resend` of a delivery. */
#include "cli/client.h"
#include "cli/view.h"

#include <stdlib.h>
#include <string.h>

/* One POST; the answer as a line of JSON, or NULL out for the caller's own words. */
static json_t *post(struct cli *cli, const char *kind, const char *which, const char *verb,
                    json_t *body, int *rc)
{
    struct client client;

    *rc = client_open(&client, cli);
    if (*rc) {
        json_decref(body);
        return NULL;
    }
    char *path = client_path(NULL, kind, which, verb, NULL);
    json_t *object = client_post_one(&client, path, body, rc);
    free(path);
    client_close(&client);
    if (object && cli->json) {
        say_json(cli, object);
        return NULL;
    }
    return object;
}

/* What people are being asked is withdrawn, or stays open. */
static json_t *tasks_body(const struct cli *cli)
{
    return cli->values[OPT_KEEP_TASKS] ? json_pack("{s:s}", "tasks", "keep") : json_object();
}

int cmd_pause(struct cli *cli)
{
    int rc;
    json_t *object = post(cli, "campaigns", cli->args[0], "pause", tasks_body(cli), &rc);

    if (object)
        fprintf(cli->out, tr("paused: %s; go on with: paceline resume %s\n"), cli->args[0],
                cli->args[0]);
    json_decref(object);
    return rc;
}

int cmd_resume(struct cli *cli)
{
    int rc;
    json_t *object = post(cli, "campaigns", cli->args[0], "resume", json_object(), &rc);

    if (object)
        fprintf(cli->out, tr("resumed: %s (%s)\n"), cli->args[0],
                view_state(view_text(object, "state", "?")));
    json_decref(object);
    return rc;
}

int cmd_cancel(struct cli *cli)
{
    int rc;
    json_t *object = post(cli, "campaigns", cli->args[0], "cancel", tasks_body(cli), &rc);

    if (object)
        fprintf(cli->out, tr("%lld canceled, %lld already out, %lld unknown\n"),
                (long long)view_number(object, "canceled"),
                (long long)view_number(object, "already_out"),
                (long long)view_number(object, "unknown"));
    json_decref(object);
    return rc;
}

static int check_delivery(const struct cli *cli)
{
    int rc = args_delivery(cli);

    if (rc == 0 && (!cli->values[OPT_NOTE] || !cli->values[OPT_NOTE][0]))
        rc = args_wrong(cli, tr("--note is missing: write down how you know"));
    return rc;
}

static void print_delivery(const struct cli *cli, json_t *object)
{
    const char *reason = view_text(object, "reason", NULL);

    const char *state = view_state(view_text(object, "state", "?"));

    if (reason)
        fprintf(cli->out, tr("delivery %s: %s (%s)\n"), cli->args[0], state, view_reason(reason));
    else
        fprintf(cli->out, tr("delivery %s: %s\n"), cli->args[0], state);
}

int cmd_outcome(struct cli *cli)
{
    const char *outcome = cli->args[1];
    int rc = check_delivery(cli);

    if (rc == 0 && strcmp(outcome, "sent") != 0 && strcmp(outcome, "not-sent") != 0)
        rc = args_wrong(cli, tr("'%s' is no outcome: write sent or not-sent"), outcome);
    if (rc)
        return rc;
    json_t *body = json_pack("{s:s, s:s}", "outcome", outcome, "note", cli->values[OPT_NOTE]);
    json_t *object = post(cli, "deliveries", cli->args[0], "outcome", body, &rc);
    if (object)
        print_delivery(cli, object);
    json_decref(object);
    return rc;
}

int cmd_resend(struct cli *cli)
{
    int rc = check_delivery(cli);

    if (rc)
        return rc;
    json_t *body = json_pack("{s:s}", "note", cli->values[OPT_NOTE]);
    json_t *object = post(cli, "deliveries", cli->args[0], "resend", body, &rc);
    if (object)
        print_delivery(cli, object);
    json_decref(object);
    return rc;
}
