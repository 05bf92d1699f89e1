/* `tasks`: what waits for people, and `remind`. */
#include "cli/client.h"
#include "cli/table.h"
#include "cli/view.h"

#include <stdlib.h>
#include <string.h>

struct listing {
    const struct cli *cli;
    struct table table;
    size_t rows;
};

static void age_of(int64_t seconds, char out[32])
{
    if (seconds < 60)
        snprintf(out, 32, "%llds", (long long)seconds);
    else if (seconds < 3600)
        snprintf(out, 32, "%lldm", (long long)seconds / 60);
    else
        snprintf(out, 32, "%lldh%02lldm", (long long)seconds / 3600, (long long)seconds / 60 % 60);
}

/* Where it is: on a screen, put off, hidden for a reason, or nowhere to be shown. */
static void where_of(const json_t *task, char *out, size_t size)
{
    const char *reachable = view_text(task, "reachable", NULL);
    const char *hidden = view_text(task, "why_hidden", NULL);
    char when[VIEW_INSTANT];
    int64_t ms;

    if (view_text(task, "ref", NULL)) { /* a task of the platform's */
        bool back = json_is_true(json_object_get(task, "withdrawing"));
        snprintf(out, size, "%s",
                 back ? tr("is being withdrawn") : tr("waits for the member's tap"));
    } else if (hidden) {
        snprintf(out, size, "%s", view_reason(hidden));
    } else if (view_until(view_text(task, "snoozed_until", NULL), &ms) && ms > 0) {
        view_instant(view_text(task, "snoozed_until", NULL), when);
        snprintf(out, size, tr("snoozed until %s"), when);
    } else if (!reachable) {
        snprintf(out, size, "%s", tr("nobody is there: start 'paceline prompt'"));
    } else if (view_text(task, "shown_at", NULL)) {
        snprintf(out, size, tr("shown (%s)"), reachable);
    } else {
        snprintf(out, size, tr("not shown yet (%s)"), reachable);
    }
}

static int task_row(void *ctx, const char *text, const json_t *object)
{
    struct listing *l = ctx;
    char id[24], open[48], age[32], reminders[48], where[160];

    (void)text;
    snprintf(id, sizeof id, "%lld", (long long)view_number(object, "task"));
    snprintf(open, sizeof open, "%lld/%lld", (long long)view_number(object, "open"),
             (long long)view_number(object, "deliveries"));
    age_of(view_number(object, "age_s"), age);
    snprintf(reminders, sizeof reminders, "%lld/%lld",
             (long long)view_number(object, "reminders_used"),
             (long long)view_number(object, "reminders"));
    where_of(object, where, sizeof where);
    const char *cells[] = {id,
                           view_text(object, "sender", ""),
                           view_text(object, "campaign", ""),
                           open,
                           age,
                           reminders,
                           where};
    table_row(&l->table, cells, NULL);
    l->rows++;
    return 0;
}

static int task_line(void *ctx, const char *text, const json_t *object)
{
    struct listing *l = ctx;

    (void)object;
    fprintf(l->cli->out, "%s\n", text);
    return 0;
}

int cmd_tasks(struct cli *cli)
{
    struct client client;
    struct listing l = {.cli = cli};
    const char *sender = cli->values[OPT_SENDER];
    int rc = client_open(&client, cli);

    if (rc)
        return rc;
    const char *heads[] = {tr(">TASK"), tr("SENDER"),    tr("CAMPAIGN"), tr("OPEN"),
                           tr("AGE"),   tr("REMINDERS"), tr("WHERE")};
    char *word = client_encode(sender ? sender : ""), query[1024];
    snprintf(query, sizeof query, "sender=%s", word);
    char *path = client_path(sender ? query : NULL, "tasks", NULL);
    table_init(&l.table, cli->out, heads, 7);
    rc = client_get(&client, path, cli->json ? task_line : task_row, &l);
    table_end(&l.table);
    if (rc == 0 && !cli->json && l.rows == 0)
        say(cli, tr("nothing waits for anybody"));
    free(path);
    free(word);
    client_close(&client);
    return rc;
}

int cmd_remind(struct cli *cli)
{
    struct client client;
    const char *task = cli->args[0];
    int rc;

    if (strspn(task, "0123456789") != strlen(task) || strlen(task) > 18)
        return args_wrong(cli, tr("'%s' is no task: it is a number, see 'paceline tasks'"), task);
    rc = client_open(&client, cli);
    if (rc)
        return rc;
    char *path = client_path(NULL, "tasks", task, "remind", NULL);
    json_t *object = client_post_one(&client, path, json_object(), &rc);
    if (object && cli->json) {
        say_json(cli, object);
    } else if (object) {
        bool reached = view_text(object, "reachable", NULL) || view_text(object, "ref", NULL);
        fprintf(cli->out, reached ? tr("reminded: %s\n") : tr("noted for %s, who is not there\n"),
                view_text(object, "sender", "?"));
        json_decref(object);
    }
    free(path);
    client_close(&client);
    return rc;
}
