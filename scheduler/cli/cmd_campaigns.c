/* `list`, `show`, `deliveries`: what there is. */
#include "cli/client.h"
#include "cli/table.h"
#include "cli/view.h"

#include "core/delivery.h"

#include <stdlib.h>
#include <string.h>

struct listing {
    const struct cli *cli;
    struct table table;
    size_t rows;
};

static int print_line(void *ctx, const char *text, const json_t *object)
{
    const struct cli *cli = ctx;

    (void)object;
    fprintf(cli->out, "%s\n", text);
    return 0;
}

static void number(char out[24], int64_t n)
{
    snprintf(out, 24, "%lld", (long long)n);
}

/* --- list --- */

static int list_row(void *ctx, const char *text, const json_t *object)
{
    struct listing *l = ctx;
    const json_t *counts = json_object_get(object, "counts");
    const char *state = view_text(object, "state", "?");
    struct strbuf marks = STRBUF_INIT;
    char audience[24], sent[24], open[24], unknown[24];

    (void)text;
    number(audience, view_number(object, "audience"));
    number(sent, view_number(counts, "sent"));
    number(open, view_number(counts, "pending") + view_number(counts, "claimed") +
                     view_number(counts, "prompted"));
    number(unknown, view_number(counts, "unknown"));
    strbuf_puts(&marks, view_text(object, "title", ""));
    if (json_is_true(json_object_get(object, "test")))
        strbuf_puts(&marks, tr("  TEST"));
    if (json_is_true(json_object_get(object, "self_approved")))
        strbuf_puts(&marks, tr("  self-approved"));
    const char *cells[] = {view_text(object, "campaign", "?"),
                           view_state(state),
                           audience,
                           sent,
                           open,
                           unknown,
                           marks.text};
    table_row(&l->table, cells, view_color(l->cli, state));
    l->rows++;
    strbuf_dispose(&marks);
    return 0;
}

int cmd_list(struct cli *cli)
{
    struct client client;
    struct listing l = {.cli = cli};
    int rc = client_open(&client, cli);

    if (rc)
        return rc;
    const char *heads[] = {tr("CAMPAIGN"), tr("STATE"),    tr(">AUDIENCE"), tr(">SENT"),
                           tr(">WAITING"), tr(">UNKNOWN"), tr("TITLE")};
    table_init(&l.table, cli->out, heads, 7);
    l.table.painted = 1;
    char *path = client_path(NULL, "campaigns", NULL);
    rc = cli->json ? client_get(&client, path, print_line, cli)
                   : client_get(&client, path, list_row, &l);
    table_end(&l.table);
    if (rc == 0 && !cli->json && l.rows == 0)
        say(cli, tr("no campaigns yet: paceline submit FILE"));
    free(path);
    client_close(&client);
    return rc;
}

/* --- show --- */

int cmd_show(struct cli *cli)
{
    struct client client;
    int rc = client_open(&client, cli);

    if (rc)
        return rc;
    char *path = client_path(NULL, "campaigns", cli->args[0], NULL);
    json_t *object = client_get_one(&client, path, &rc);
    free(path);
    if (object && cli->json) {
        say_json(cli, json_incref(object));
    } else if (object) {
        view_campaign(cli, object, cli->out);
        if (strcmp(view_text(object, "state", ""), "draft") == 0) {
            path = client_path(NULL, "campaigns", cli->args[0], "preview", NULL);
            struct view_samples samples = {.to = cli->out};
            rc = client_get(&client, path, view_each_sample, &samples);
            free(path);
        }
    }
    json_decref(object);
    client_close(&client);
    return rc;
}

/* --- deliveries --- */

static int delivery_row(void *ctx, const char *text, const json_t *object)
{
    struct listing *l = ctx;
    const char *state = view_text(object, "state", "?");
    const char *at = view_text(object, "settled_at", NULL);
    char id[24], when[VIEW_INSTANT];

    (void)text;
    number(id, view_number(object, "delivery"));
    if (!at)
        at = view_text(object, "claimed_at", NULL);
    if (!at)
        at = view_text(object, "due_at", NULL);
    view_instant(at, when);
    const char *cells[] = {id,
                           view_state(state),
                           when,
                           view_text(object, "sender", ""),
                           view_text(object, "recipient", ""),
                           view_reason(view_text(object, "reason", NULL))};
    table_row(&l->table, cells, view_color(l->cli, state));
    l->rows++;
    return 0;
}

/* `state=S`, or the states there are. */
static int state_query(const struct cli *cli, char query[32])
{
    struct strbuf names = STRBUF_INIT;
    enum delivery_state state;
    const char *wanted = cli->values[OPT_STATE];

    query[0] = '\0';
    if (!wanted)
        return 0;
    if (delivery_state_parse(wanted, &state)) {
        snprintf(query, 32, "state=%s", wanted);
        return 0;
    }
    for (int s = 0; s < DELIVERY_STATES; s++)
        strbuf_printf(&names, "%s%s", s ? ", " : "", delivery_state_name((enum delivery_state)s));
    int rc =
        args_wrong(cli, tr("'%s' is no state of a delivery; there are: %s"), wanted, names.text);
    strbuf_dispose(&names);
    return rc;
}

int cmd_deliveries(struct cli *cli)
{
    struct client client;
    struct listing l = {.cli = cli};
    char query[32];
    int rc = state_query(cli, query);

    if (rc == 0)
        rc = client_open(&client, cli);
    if (rc)
        return rc;
    const char *heads[] = {tr(">DELIVERY"), tr("STATE"),     tr("AT"),
                           tr("SENDER"),    tr("RECIPIENT"), tr("REASON")};
    table_init(&l.table, cli->out, heads, 6);
    l.table.painted = 1;
    char *path =
        client_path(query[0] ? query : NULL, "campaigns", cli->args[0], "deliveries", NULL);
    rc = cli->json ? client_get(&client, path, print_line, cli)
                   : client_get(&client, path, delivery_row, &l);
    table_end(&l.table);
    if (rc == 0 && !cli->json && l.rows == 0)
        say(cli, tr("no deliveries"));
    free(path);
    client_close(&client);
    return rc;
}
