/* `contacts import`, `contacts list`, `suppress` and `unsuppress`: whom we know, and to whom nobody
 * writes. */
#include "cli/client.h"
#include "cli/table.h"
#include "cli/view.h"
#include "conf/contacts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Said here, before anything is sent. */
static int readable(const struct cli *cli, const char *file)
{
    struct stat st;
    int failed = access(file, R_OK) != 0 || stat(file, &st) != 0;

    if (failed)
        say(cli, "%s: %s", file, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        say(cli, tr("%s: not a file"), file);
    else
        return 0;
    return EXIT_DATA;
}

static long long number(const json_t *object, const char *key)
{
    return (long long)view_number(object, key);
}

/* The rows that fit are in; the others have been named one by one. */
static int show_matched(const struct cli *cli, const json_t *object)
{
    long long unmatched = number(object, "unmatched"), ambiguous = number(object, "ambiguous");

    if (!cli->json)
        fprintf(cli->out,
                tr("%lld matched (%lld changed, %lld unchanged), %lld without a match, %lld "
                   "ambiguous\n"),
                number(object, "matched"), number(object, "changed"), number(object, "unchanged"),
                unmatched, ambiguous);
    if (number(object, "matched") == 0 && unmatched > 0)
        say(cli, tr("customers are known by what 'paceline contacts sync ACCOUNT' has read"));
    return unmatched + ambiguous > 0 ? EXIT_REFUSED : 0;
}

static int show_imported(const struct cli *cli, const json_t *object)
{
    if (!cli->json)
        fprintf(cli->out, tr("%lld added, %lld changed, %lld unchanged\n"), number(object, "added"),
                number(object, "changed"), number(object, "unchanged"));
    return 0;
}

int cmd_contacts_import(struct cli *cli)
{
    struct client client;
    const char *file = cli->args[0], *match = cli->values[OPT_MATCH];
    const struct upload_part parts[] = {{.name = "contacts", .path = file, .filename = file},
                                        {.name = "match", .text = match}};
    struct progress progress;
    enum contacts_key key;
    struct err e;

    if (match && contacts_match(&key, match, &e))
        return args_wrong(cli, "%s", e.text);
    int rc = client_open(&client, cli);
    if (rc)
        return rc;
    char *path = client_path(NULL, "contacts", NULL);
    const struct upload u = {
        .path = path, .parts = parts, .count = match ? 2 : 1, .progress = &progress};
    rc = readable(cli, file);
    progress_begin(&progress, cli);
    json_t *object = rc ? NULL : client_upload_one(&client, &u, &rc);
    free(path);
    if (object && cli->json)
        say_json(cli, json_incref(object));
    else
        say_diagnostics(cli, object);
    if (object)
        rc = match ? show_matched(cli, object) : show_imported(cli, object);
    if (number(object, "duplicates") > 0)
        say(cli, tr("%lld rows are of recipients that came before in the file: left out"),
            number(object, "duplicates"));
    json_decref(object);
    client_close(&client);
    return rc;
}

/* --- list --- */

struct listing {
    const struct cli *cli;
    struct table table;
    size_t rows;
};

static int print_line(void *ctx, const char *text, const json_t *object)
{
    struct listing *l = ctx;

    (void)object;
    l->rows++;
    fprintf(l->cli->out, "%s\n", text);
    return 0;
}

static int list_row(void *ctx, const char *text, const json_t *object)
{
    struct listing *l = ctx;
    struct strbuf tags = STRBUF_INIT, attributes = STRBUF_INIT;
    const char *key;
    json_t *value;
    size_t i;

    (void)text;
    json_array_foreach(json_object_get(object, "tags"), i, value)
        strbuf_printf(&tags, "%s%s", i ? "; " : "", json_string_value(value));
    json_object_foreach(json_object_get(object, "attributes"), key, value) strbuf_printf(
        &attributes, "%s%s=%s", attributes.length ? ", " : "", key, json_string_value(value));
    const char *cells[] = {view_text(object, "recipient", "?"), view_text(object, "name", ""),
                           view_text(object, "sender", ""),     view_text(object, "timezone", ""),
                           tags.length ? tags.text : "",        attributes.text};
    table_row(&l->table, cells, NULL);
    l->rows++;
    strbuf_dispose(&tags);
    strbuf_dispose(&attributes);
    return 0;
}

int cmd_contacts_list(struct cli *cli)
{
    struct client client;
    struct listing l = {.cli = cli};
    int rc = client_open(&client, cli);

    if (rc)
        return rc;
    const char *heads[] = {tr("RECIPIENT"), tr("NAME"), tr("SENDER"),
                           tr("TIMEZONE"),  tr("TAGS"), tr("ATTRIBUTES")};
    table_init(&l.table, cli->out, heads, 6);
    char *path = client_path(NULL, "contacts", NULL);
    rc = client_get(&client, path, cli->json ? print_line : list_row, &l);
    table_end(&l.table);
    if (rc == 0 && !cli->json && l.rows == 0)
        say(cli, tr("nobody is in the contact book yet: paceline contacts import FILE"));
    free(path);
    client_close(&client);
    return rc;
}

/* --- the do-not-send list --- */

static int entry(struct cli *cli, char *path, void (*show)(const struct cli *, const json_t *))
{
    struct client client;
    const char *reason = cli->values[OPT_REASON];
    int rc = reason && reason[0] ? client_open(&client, cli)
                                 : args_wrong(cli, tr("--reason is missing: the audit log keeps "
                                                      "it"));

    if (rc) {
        free(path);
        return rc;
    }
    json_t *object = client_post_one(&client, path,
                                     json_pack("{s:s, s:s*, s:s}", "recipient", cli->args[0],
                                               "sender", cli->values[OPT_SENDER], "reason", reason),
                                     &rc);
    free(path);
    if (object && cli->json)
        say_json(cli, json_incref(object));
    else if (object)
        show(cli, object);
    json_decref(object);
    client_close(&client);
    return rc;
}

static void show_suppressed(const struct cli *cli, const json_t *object)
{
    put_safe(cli->out, cli->args[0]);
    fprintf(cli->out,
            json_is_true(json_object_get(object, "added"))
                ? tr(": on the do-not-send list; %lld skipped, %lld already out\n")
                : tr(": was on the do-not-send list; %lld skipped, %lld already out\n"),
            (long long)view_number(object, "skipped"),
            (long long)view_number(object, "already_out"));
}

int cmd_suppress(struct cli *cli)
{
    return entry(cli, client_path(NULL, "suppressions", NULL), show_suppressed);
}

static void show_unsuppressed(const struct cli *cli, const json_t *object)
{
    long long left = (long long)view_number(object, "remaining");

    put_safe(cli->out, cli->args[0]);
    fputs(tr(": off the do-not-send list, for what is submitted from now on; what was skipped "
             "stays skipped\n"),
          cli->out);
    if (left > 0)
        fprintf(cli->out, tr("still on it for others: %lld entries\n"), left);
}

int cmd_unsuppress(struct cli *cli)
{
    return entry(cli, client_path(NULL, "suppressions", "remove", NULL), show_unsuppressed);
}
