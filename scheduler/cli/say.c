/* How the commands speak: one place that makes text from outside safe for a screen. */
#include "base/strbuf.h"
#include "base/text.h"
#include "cli/command.h"

#include <stdarg.h>
#include <stdlib.h>

void put_safe(FILE *to, const char *text)
{
    struct strbuf out = STRBUF_INIT;

    text_safe(&out, text, false);
    fputs(out.text ? out.text : "", to);
    strbuf_dispose(&out);
}

void say(const struct cli *cli, const char *format, ...)
{
    struct strbuf out = STRBUF_INIT;
    char text[2048];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    text_safe(&out, text, false);
    fprintf(cli->err, "paceline: %s\n", out.text ? out.text : "");
    fflush(cli->err);
    strbuf_dispose(&out);
}

int say_error(const struct cli *cli, const struct err *e)
{
    say(cli, "%s", e->text);
    return err_exit_code(e->code);
}

void say_json(const struct cli *cli, json_t *object)
{
    char *line = json_dumps(object, JSON_COMPACT);

    fprintf(cli->out, "%s\n", line ? line : "{}");
    free(line);
    json_decref(object);
}

static void say_diag(const struct cli *cli, const struct diag *d)
{
    if (cli->json) {
        say_json(cli,
                 json_pack("{s:s, s:I, s:I, s:s, s:s}", "file", d->file, "line",
                           (json_int_t)d->line, "column", (json_int_t)d->column, "level",
                           d->level == DIAG_ERROR ? "error" : "warning", "message", d->message));
        return;
    }
    char *line = diag_line(d);
    fprintf(cli->err, "%s\n", line);
    free(line);
}

int say_diags(const struct cli *cli, const struct diags *diags)
{
    for (size_t i = 0; i < diags->count; i++)
        say_diag(cli, &diags->items[i]);
    if (diags->dropped > 0)
        say(cli, tr("and %zu more"), diags->dropped);
    return err_exit_code(diags->worst);
}
