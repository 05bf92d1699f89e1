/* `report`: what became of it all, for people, for programs and for a spreadsheet. */
#include "cli/client.h"
#include "cli/sheet.h"
#include "cli/table.h"
#include "cli/view.h"

#include <stdlib.h>
#include <string.h>

enum { REASONS_SHOWN = 2, NUMBERS = 8 };

static const char *const numbers[NUMBERS] = {"audience", "sent",     "failed",  "skipped",
                                             "expired",  "canceled", "unknown", "open"};

struct report {
    const struct cli *cli;
    const char *by;
    struct table table;
    size_t rows;
};

static int print_line(void *ctx, const char *text, const json_t *object)
{
    const struct report *r = ctx;

    (void)object;
    fprintf(r->cli->out, "%s\n", text);
    return 0;
}

/* --- the table --- */

/* `4ms`, `1.4s`, `12s`, `4m 05s`, `3h 20m` */
static void put_delay(struct strbuf *out, int64_t ms)
{
    long long s = ms / 1000;

    if (ms < 1000)
        strbuf_printf(out, "%lldms", (long long)ms);
    else if (ms < 10000)
        strbuf_printf(out, "%lld.%llds", s, (long long)(ms % 1000 / 100));
    else if (s < 60)
        strbuf_printf(out, "%llds", s);
    else if (s < 3600)
        strbuf_printf(out, "%lldm %02llds", s / 60, s % 60);
    else
        strbuf_printf(out, "%lldh %02lldm", s / 3600, s / 60 % 60);
}

/* A person's delay where persons confirmed, else how long the channel took. */
static void delay_text(const json_t *row, struct strbuf *out)
{
    const json_t *confirm = json_object_get(row, "median_confirm_ms");
    const json_t *answer = json_object_get(row, "median_answer_ms");

    if (json_is_integer(confirm))
        put_delay(out, json_integer_value(confirm));
    else if (json_is_integer(answer))
        put_delay(out, json_integer_value(answer));
    else
        strbuf_putc(out, '-');
}

/* The most frequent ones first: `3 no relation, 1 duplicate, …` */
static void reasons_text(json_t *reasons, struct strbuf *out)
{
    json_t *left = json_copy(reasons), *count;
    const char *reason, *most = NULL;

    for (size_t n = 0; json_object_size(left) > 0; n++) {
        json_int_t top = -1;
        if (n == REASONS_SHOWN) {
            strbuf_puts(out, ", …");
            break;
        }
        json_object_foreach(left, reason, count)
        {
            if (json_integer_value(count) > top) {
                top = json_integer_value(count);
                most = reason;
            }
        }
        strbuf_printf(out, "%s%lld %s", n ? ", " : "", (long long)top, view_reason(most));
        json_object_del(left, most);
    }
    json_decref(left);
}

static int table_line(void *ctx, const char *text, const json_t *row)
{
    struct report *r = ctx;
    const char *cells[TABLE_COLUMNS_MAX] = {view_text(row, r->by, "")};
    struct strbuf name = STRBUF_INIT, delay = STRBUF_INIT, reasons = STRBUF_INIT;
    char counts[NUMBERS][24], reach[24];

    (void)text;
    strbuf_printf(&name, "%s%s", cells[0],
                  json_is_true(json_object_get(row, "test")) ? " (TEST)" : "");
    cells[0] = name.text;
    for (size_t i = 0; i < NUMBERS; i++) {
        snprintf(counts[i], sizeof(counts[i]), "%lld", (long long)view_number(row, numbers[i]));
        cells[1 + i] = counts[i];
    }
    snprintf(reach, sizeof(reach), "%.1f%%",
             json_number_value(json_object_get(row, "reach_percent")));
    delay_text(row, &delay);
    reasons_text(json_object_get(row, "reasons"), &reasons);
    cells[1 + NUMBERS] = reach;
    cells[2 + NUMBERS] = delay.text;
    cells[3 + NUMBERS] = reasons.text ? reasons.text : "";
    table_row(&r->table, cells, NULL);
    r->rows++;
    strbuf_dispose(&name);
    strbuf_dispose(&delay);
    strbuf_dispose(&reasons);
    return 0;
}

/* --- CSV: the names and values of --json, one column each --- */

static void csv_value(struct strbuf *out, const json_t *value)
{
    struct strbuf text = STRBUF_INIT;
    const char *reason;
    json_t *count;

    if (json_is_string(value))
        strbuf_puts(&text, json_string_value(value));
    else if (json_is_integer(value))
        strbuf_printf(&text, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        strbuf_printf(&text, "%.1f", json_real_value(value));
    else if (json_is_boolean(value))
        strbuf_puts(&text, json_is_true(value) ? "true" : "false");
    json_object_foreach((json_t *)value, reason, count) strbuf_printf(
        &text, "%s%s=%lld", text.length ? "; " : "", reason, (long long)json_integer_value(count));
    sheet_field(out, text.text ? text.text : "", false);
    strbuf_dispose(&text);
}

static const char *const csv_last[] = {"reach_percent",    "confirmed", "median_confirm_ms",
                                       "median_answer_ms", "reasons",   "test"};
enum { CSV_LAST = sizeof(csv_last) / sizeof(csv_last[0]) };

static void csv_head(const struct report *r)
{
    struct strbuf out = STRBUF_INIT;

    sheet_begin(&out);
    sheet_field(&out, r->by, true);
    for (size_t i = 0; i < NUMBERS; i++)
        sheet_field(&out, numbers[i], false);
    for (size_t i = 0; i < CSV_LAST; i++)
        sheet_field(&out, csv_last[i], false);
    sheet_row_end(&out);
    fputs(out.text, r->cli->out);
    strbuf_dispose(&out);
}

static int csv_line(void *ctx, const char *text, const json_t *row)
{
    const struct report *r = ctx;
    struct strbuf out = STRBUF_INIT;

    (void)text;
    sheet_field(&out, view_text(row, r->by, ""), true);
    for (size_t i = 0; i < NUMBERS; i++)
        csv_value(&out, json_object_get(row, numbers[i]));
    for (size_t i = 0; i < CSV_LAST; i++)
        csv_value(&out, json_object_get(row, csv_last[i]));
    sheet_row_end(&out);
    fputs(out.text, r->cli->out);
    strbuf_dispose(&out);
    return 0;
}

/* --- the command --- */

/* The service judges the month; the group's name is a key here. */
static int report_query(const struct cli *cli, const char *by, struct strbuf *query)
{
    const char *month = cli->values[OPT_MONTH];

    if (cli->json && cli->values[OPT_CSV])
        return args_wrong(cli, tr("--json and --csv exclude each other"));
    if (strcmp(by, "tag") == 0)
        return args_wrong(cli, tr("'--by %s' is not supported yet"), by);
    if (strcmp(by, "campaign") != 0 && strcmp(by, "sender") != 0)
        return args_wrong(cli, tr("'%.32s': a report is by campaign, sender or tag"), by);
    strbuf_printf(query, "by=%s", by);
    if (month) {
        char *encoded = client_encode(month);
        strbuf_printf(query, "&month=%s", encoded);
        free(encoded);
    }
    return 0;
}

static int report_run(struct client *client, struct report *r, const char *query)
{
    const char *heads[TABLE_COLUMNS_MAX] = {strcmp(r->by, "sender") == 0 ? tr("SENDER")
                                                                         : tr("CAMPAIGN"),
                                            tr(">AUDIENCE"),
                                            tr(">SENT"),
                                            tr(">FAILED"),
                                            tr(">SKIPPED"),
                                            tr(">EXPIRED"),
                                            tr(">CANCELED"),
                                            tr(">UNKNOWN"),
                                            tr(">OPEN"),
                                            tr(">REACH"),
                                            tr(">DELAY"),
                                            tr("REASONS")};
    const struct cli *cli = r->cli;
    char *path = client_path(query, "report", NULL);
    int rc;

    table_init(&r->table, cli->out, heads, TABLE_COLUMNS_MAX);
    if (cli->values[OPT_CSV])
        csv_head(r);
    rc = client_get(client, path,
                    cli->json              ? print_line
                    : cli->values[OPT_CSV] ? csv_line
                                           : table_line,
                    r);
    table_end(&r->table);
    if (rc == 0 && !cli->json && !cli->values[OPT_CSV] && r->rows == 0)
        say(cli, tr("nothing to report: no approved campaign has deliveries there"));
    free(path);
    return rc;
}

int cmd_report(struct cli *cli)
{
    struct client client;
    struct report r = {.cli = cli, .by = cli->values[OPT_BY] ? cli->values[OPT_BY] : "campaign"};
    struct strbuf query = STRBUF_INIT;
    int rc = report_query(cli, r.by, &query);

    if (rc == 0)
        rc = client_open(&client, cli);
    if (rc == 0) {
        rc = report_run(&client, &r, query.text);
        client_close(&client);
    }
    strbuf_dispose(&query);
    return rc;
}
