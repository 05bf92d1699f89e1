/* `audit` and `audit verify`: who decided what, and whether the log is whole. */
#include "cli/client.h"
#include "cli/table.h"
#include "cli/view.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

static int print_line(void *ctx, const char *text, const json_t *object)
{
    const struct cli *cli = ctx;

    (void)object;
    fprintf(cli->out, "%s\n", text);
    return 0;
}

/* The service's own records of claims and outcomes, one a commit, come in long runs: a person is
 * shown each run as one row, between the decisions. */
struct audit_table {
    struct table table;
    int64_t first, last, records, claims, results; /* of the run */
    char at[VIEW_INSTANT];
};

static void end_run(struct audit_table *a)
{
    struct strbuf seq = STRBUF_INIT, detail = STRBUF_INIT;

    if (a->records == 0)
        return;
    strbuf_printf(&seq, "%lld", (long long)a->first);
    if (a->last != a->first)
        strbuf_printf(&seq, "-%lld", (long long)a->last);
    strbuf_printf(&detail, tr("claims=%lld, results=%lld"), (long long)a->claims,
                  (long long)a->results);
    const char *cells[] = {seq.text, a->at, "paceline", "commit", "", detail.text};
    table_row(&a->table, cells, NULL);
    a->records = a->claims = a->results = 0;
    strbuf_dispose(&seq);
    strbuf_dispose(&detail);
}

static void add_to_run(struct audit_table *a, const json_t *record)
{
    const json_t *detail = json_object_get(record, "detail");

    if (a->records++ == 0) {
        a->first = view_number(record, "seq");
        view_instant(view_text(record, "at", NULL), a->at);
    }
    a->last = view_number(record, "seq");
    a->claims += view_number(detail, "claims");
    a->results += view_number(detail, "results");
}

/* `note=well, approvals=1`: what is said, without what only `audit verify` reads. The notes of a
 * pause are the service's own. */
static void detail_text(const json_t *detail, bool pause, struct strbuf *out)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)detail, key, value)
    {
        char *text = json_is_string(value) ? xstrdup(json_string_value(value))
                                           : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        bool shown = !json_is_null(value) && strcmp(key, "sha256") != 0 && strcmp(key, "life") != 0;
        if (text && shown)
            strbuf_printf(out, "%s%s=%s", out->length ? tr(", ") : "", key,
                          pause ? tr(text) : text);
        free(text);
    }
}

static int audit_row(void *ctx, const char *text, const json_t *record)
{
    struct audit_table *a = ctx;
    struct strbuf detail = STRBUF_INIT;
    char seq[24], at[VIEW_INSTANT];

    (void)text;
    if (strcmp(view_text(record, "event", ""), "commit") == 0) {
        add_to_run(a, record);
        return 0;
    }
    end_run(a);
    snprintf(seq, sizeof(seq), "%lld", (long long)view_number(record, "seq"));
    view_instant(view_text(record, "at", NULL), at);
    detail_text(json_object_get(record, "detail"),
                strcmp(view_text(record, "event", ""), "pause") == 0, &detail);
    const char *cells[] = {seq,
                           at,
                           view_text(record, "by", ""),
                           view_text(record, "event", ""),
                           view_text(record, "campaign", ""),
                           detail.text};
    table_row(&a->table, cells, NULL);
    strbuf_dispose(&detail);
    return 0;
}

int cmd_audit(struct cli *cli)
{
    struct client client;
    struct audit_table audit = {0};
    struct strbuf query = STRBUF_INIT;
    int rc = client_open(&client, cli);

    if (rc)
        return rc;
    if (cli->arg_count > 0) {
        char *campaign = client_encode(cli->args[0]);
        strbuf_printf(&query, "campaign=%s", campaign);
        free(campaign);
    }
    const char *heads[] = {tr(">NUMBER"), tr("AT"),       tr("BY"),
                           tr("EVENT"),   tr("CAMPAIGN"), tr("DETAIL")};
    table_init(&audit.table, cli->out, heads, 6);
    char *path = client_path(query.text, "audit", NULL);
    rc = cli->json ? client_get(&client, path, print_line, cli)
                   : client_get(&client, path, audit_row, &audit);
    end_run(&audit);
    table_end(&audit.table);
    free(path);
    strbuf_dispose(&query);
    client_close(&client);
    return rc;
}

int cmd_audit_verify(struct cli *cli)
{
    struct client client;
    int rc = client_open(&client, cli);

    if (rc)
        return rc;
    char *path = client_path(NULL, "audit", "verify", NULL);
    json_t *object = client_get_one(&client, path, &rc);
    bool ok = json_is_true(json_object_get(object, "ok"));
    if (object && cli->json)
        say_json(cli, json_incref(object));
    else if (ok)
        fprintf(cli->out,
                view_number(object, "records") == 1 ? tr("ok: %lld record\n")
                                                    : tr("ok: %lld records\n"),
                (long long)view_number(object, "records"));
    if (object && !ok) {
        say(cli, tr("the audit log is broken at record %lld: %s"),
            (long long)view_number(object, "broken"), view_text(object, "message", "?"));
        rc = EXIT_REFUSED;
    }
    free(path);
    json_decref(object);
    client_close(&client);
    return rc;
}
