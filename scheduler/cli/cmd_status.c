/* `status`: the service's line first, then its lanes. With --watch on a terminal the screen is
 * drawn again every second; elsewhere what has changed is printed. */
#include "cli/client.h"
#include "cli/table.h"
#include "cli/view.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct status {
    const struct cli *cli;
    json_t *lanes;
    json_t *service;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static int keep(void *ctx, const char *text, const json_t *object)
{
    struct status *s = ctx;

    (void)text;
    if (json_object_get(object, "service")) {
        json_decref(s->service);
        s->service = json_incref(json_object_get(object, "service"));
    } else {
        json_array_append(s->lanes, (json_t *)object);
    }
    return 0;
}

static int print_line(void *ctx, const char *text, const json_t *object)
{
    const struct cli *cli = ctx;

    (void)object;
    fprintf(cli->out, "%s\n", text);
    return 0;
}

/* What only a person can settle. */
static void print_unknowns(const json_t *service, FILE *to)
{
    const json_t *delivery;
    size_t i;
    int64_t count = view_number(service, "unknown");

    if (count <= 0)
        return;
    fprintf(to, tr("deliveries with unknown outcome: %lld"), (long long)count);
    json_array_foreach(json_object_get(service, "unknown_deliveries"), i, delivery)
        fprintf(to, "%s%lld", i ? tr(", ") : tr(" ("), (long long)json_integer_value(delivery));
    fputs(i > 0 ? tr(")") : "", to);
    fputc('\n', to);
    fprintf(to, "  %s\n", tr("settle each: paceline outcome DELIVERY sent|not-sent --note TEXT"));
}

/* Who is asked, and for whom nobody looks. */
static void print_questions(const json_t *service, FILE *to)
{
    const json_t *sender;
    size_t i;
    int64_t count = view_number(service, "asked");

    if (count <= 0)
        return;
    fprintf(to,
            count == 1 ? tr("%lld question waits for people")
                       : tr("%lld questions wait for people"),
            (long long)count);
    json_array_foreach(json_object_get(service, "unreachable"), i, sender)
    {
        fputs(i ? tr(", ") : tr("; nobody is there for "), to);
        put_safe(to, json_string_value(sender));
    }
    fputs(i > 0 ? tr(": start 'paceline prompt'") : "", to);
    fputc('\n', to);
}

static void print_service(const struct status *s, FILE *to)
{
    bool halted = json_is_true(json_object_get(s->service, "halted"));
    const char *reason = view_text(s->service, "halt_reason", NULL);
    const char *problem = view_text(s->service, "problem", NULL);

    if (halted) {
        fprintf(to, "%s%s%s", s->cli->color ? "\033[1;31m" : "", tr("HALTED"),
                s->cli->color ? "\033[0m" : "");
        if (reason && reason[0]) {
            fputs(tr(": "), to);
            put_safe(to, reason);
        }
        fputs(tr(" (lift it with: paceline unhalt --reason TEXT)\n"), to);
    }
    if (problem) {
        fputs(tr("the service has a problem: "), to);
        put_safe(to, problem);
        fputc('\n', to);
    } else if (!halted) {
        fprintf(to, "%s\n", tr("the service is running"));
    }
    if (json_is_true(json_object_get(s->service, "test")))
        fprintf(to, "%s\n", tr("TEST: a channel is on a stand-in and reaches nobody"));
    print_questions(s->service, to);
    print_unknowns(s->service, to);
}

static void limits_text(const json_t *lane, struct strbuf *out)
{
    const json_t *limit;
    size_t i;

    json_array_foreach(json_object_get(lane, "limits"), i, limit)
    {
        strbuf_puts(out, out->length ? tr("; ") : "");
        view_limit(view_text(limit, "limit", "?"), view_number(limit, "used"), out);
    }
}

/* The clock of the next send, and how far away it is where that does not make every line new. */
static void next_text(const json_t *lane, bool relative, struct strbuf *out)
{
    const char *next = view_text(lane, "next_at", NULL);
    char at[VIEW_INSTANT];
    int64_t ms;

    view_instant(next, at);
    strbuf_puts(out, at);
    if (relative && view_until(next, &ms)) {
        strbuf_putc(out, ' ');
        view_in(ms, out);
    }
}

static void print_lane(struct table *t, const json_t *lane, bool relative)
{
    struct strbuf limits = STRBUF_INIT, next = STRBUF_INIT;
    char waiting[24], open[24];

    limits_text(lane, &limits);
    next_text(lane, relative, &next);
    snprintf(waiting, sizeof(waiting), "%lld", (long long)view_number(lane, "waiting"));
    snprintf(open, sizeof(open), "%lld", (long long)view_number(lane, "open"));
    const char *cells[] = {view_text(lane, "lane", "?"),
                           next.text,
                           waiting,
                           open,
                           view_reason(view_text(lane, "held_by", NULL)),
                           limits.text};
    table_row(t, cells, NULL);
    strbuf_dispose(&limits);
    strbuf_dispose(&next);
}

static void print_status(const struct status *s, FILE *to, bool relative)
{
    const char *heads[] = {tr("LANE"),  tr("NEXT SEND"), tr(">WAITING"),
                           tr(">OPEN"), tr("HELD BY"),   tr("LIMITS")};
    struct table t;
    json_t *lane;
    size_t i;

    print_service(s, to);
    table_init(&t, to, heads, 6);
    json_array_foreach(s->lanes, i, lane) print_lane(&t, lane, relative);
    table_end(&t);
    if (json_array_size(s->lanes) == 0)
        fprintf(to, "%s\n", tr("nothing waits"));
}

/* One answer as text; NULL and the exit code when there was none. */
static char *read_status(struct client *client, bool relative, int *rc)
{
    struct status s = {.cli = client->cli, .lanes = json_array()};
    char *text = NULL;
    size_t length;
    char *path = client_path(NULL, "status", NULL);

    *rc = client_get(client, path, keep, &s);
    if (*rc == 0) {
        FILE *to = open_memstream(&text, &length);
        if (!to)
            abort();
        print_status(&s, to, relative);
        fclose(to);
    }
    json_decref(s.lanes);
    json_decref(s.service);
    free(path);
    return text;
}

static void second(void)
{
    struct timespec one = {.tv_sec = 1};

    nanosleep(&one, NULL); /* a signal ends it early */
}

static void draw(const struct cli *cli, const char *text, char **last)
{
    if (cli->out_tty) {
        fprintf(cli->out, "\033[H\033[2J%s", text);
    } else if (!*last || strcmp(*last, text) != 0) {
        fputs(text, cli->out);
        free(*last);
        *last = strdup(text);
    }
    fflush(cli->out);
}

/* The service may come and go while somebody watches; only a first silence ends it. */
static int watch(struct client *client)
{
    const struct cli *cli = client->cli;
    struct sigaction action = {.sa_handler = on_interrupt};
    char *path = client_path(NULL, "status", NULL);
    char *last = NULL;
    bool seen = false;
    int rc = 0;

    sigaction(SIGINT, &action, NULL);
    while (!interrupted) {
        char *text = NULL;
        if (cli->json)
            rc = client_get(client, path, print_line, (void *)(uintptr_t)cli);
        else
            text = read_status(client, cli->out_tty, &rc);
        if (text)
            draw(cli, text, &last);
        free(text);
        fflush(cli->out);
        if (ferror(cli->out) || (rc != 0 && !(seen && rc == EXIT_UNREACHABLE)))
            break;
        seen = true;
        if (!interrupted)
            second();
    }
    free(last);
    free(path);
    return interrupted ? 0 : rc;
}

int cmd_status(struct cli *cli)
{
    struct client client;
    int rc = client_open(&client, cli);

    if (rc)
        return rc;
    if (cli->values[OPT_WATCH]) {
        rc = watch(&client);
    } else if (cli->json) {
        char *path = client_path(NULL, "status", NULL);
        rc = client_get(&client, path, print_line, cli);
        free(path);
    } else {
        char *text = read_status(&client, true, &rc);
        if (text)
            fputs(text, cli->out);
        free(text);
    }
    client_close(&client);
    return rc;
}
