/* `explain`: one delivery, every gate in order. */
#include "cli/client.h"
#include "cli/table.h"
#include "cli/view.h"

#include <stdlib.h>
#include <string.h>

struct explaining {
    const struct cli *cli;
    struct table table;
};

static const char *gate_title(const char *gate)
{
    static const struct {
        const char *gate, *title;
    } titles[] = {
        {"halt", TR_TABLE("halt")},
        {"campaign", TR_TABLE("approval")},
        {"start_end", TR_TABLE("start and end")},
        {"suppression", TR_TABLE("do-not-send list")},
        {"missing_value", TR_TABLE("values")},
        {"closed_day", TR_TABLE("closed day")},
        {"quiet_hours", TR_TABLE("quiet hours")},
        {"window", TR_TABLE("send window")},
        {"rate_limit", TR_TABLE("rate limit")},
        {"frequency_cap", TR_TABLE("frequency cap")},
        {"gap", TR_TABLE("gap")},
        {"channel", TR_TABLE("channel")},
    };

    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        if (strcmp(titles[i].gate, gate) == 0)
            return tr(titles[i].title);
    return gate;
}

static const char *verdict_title(const char *verdict)
{
    return strcmp(verdict, "go") == 0     ? tr("goes")
           : strcmp(verdict, "hold") == 0 ? tr("HOLDS")
           : strcmp(verdict, "drop") == 0 ? tr("DROPS")
                                          : verdict;
}

static const char *verdict_color(const struct cli *cli, const char *verdict)
{
    if (strcmp(verdict, "go") == 0)
        return NULL;
    return view_color(cli, strcmp(verdict, "hold") == 0 ? "paused" : "failed");
}

static int gate_row(void *ctx, const char *text, const json_t *object)
{
    struct explaining *x = ctx;
    char until[VIEW_INSTANT];
    const char *verdict = view_text(object, "verdict", ""),
               *not_before = view_text(object, "not_before", NULL);

    (void)text;
    view_instant(not_before, until);
    const char *cells[] = {gate_title(view_text(object, "gate", "")), verdict_title(verdict),
                           not_before ? until : "", view_text(object, "detail", "")};
    table_row(&x->table, cells, verdict_color(x->cli, verdict));
    return 0;
}

static int gate_line(void *ctx, const char *text, const json_t *object)
{
    struct explaining *x = ctx;

    (void)object;
    fprintf(x->cli->out, "%s\n", text);
    return 0;
}

/* Whose delivery it is, and where it stands. */
static int show_delivery(struct client *client, const char *delivery, FILE *to)
{
    int rc;
    char *path = client_path(NULL, "deliveries", delivery, NULL);
    json_t *d = client_get_one(client, path, &rc);

    free(path);
    if (!d)
        return rc;
    const char *reason = view_text(d, "reason", NULL);
    fprintf(to, "%lld  ", (long long)view_number(d, "delivery"));
    put_safe(to, view_text(d, "campaign", ""));
    fputs("  ", to);
    put_safe(to, view_text(d, "sender", ""));
    fputs(" → ", to);
    put_safe(to, view_text(d, "recipient", ""));
    fprintf(to, "  %s%s%s\n\n", view_state(view_text(d, "state", "")), reason ? ": " : "",
            view_reason(reason));
    json_decref(d);
    return 0;
}

int cmd_explain(struct cli *cli)
{
    struct client client;
    struct explaining x = {.cli = cli};
    const char *heads[] = {tr("GATE"), tr("VERDICT"), tr("NOT BEFORE"), tr("WHY")};
    int rc = args_delivery(cli);

    if (rc == 0)
        rc = client_open(&client, cli);
    if (rc)
        return rc;
    if (!cli->json)
        rc = show_delivery(&client, cli->args[0], cli->out);
    if (rc == 0) {
        char *path = client_path(NULL, "deliveries", cli->args[0], "explain", NULL);
        table_init(&x.table, cli->out, heads, 4);
        x.table.painted = 1;
        rc = client_get(&client, path, cli->json ? gate_line : gate_row, &x);
        table_end(&x.table);
        free(path);
    }
    client_close(&client);
    return rc;
}
