#include "base/diag.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/lang.h"
#include "base/strbuf.h"
#include "base/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_MAX = 1024 };

static void count_error(struct diags *d, int code);

void diags_init(struct diags *d)
{
    *d = (struct diags){.arena = arena_new()};
}

void diags_dispose(struct diags *d)
{
    arena_free(d->arena);
    free(d->items);
    *d = (struct diags){0};
}

void diag_add(struct diags *d, const char *file, size_t line, size_t column, enum diag_level level,
              int code, const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list args;

    assert(file);
    if (level == DIAG_ERROR)
        count_error(d, code);
    if (d->count == DIAG_SHOWN_MAX) {
        d->dropped++;
        return;
    }
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    /* a cut message must not end inside a character */
    message[text_utf8_valid(message, strlen(message))] = '\0';
    d->items = xgrow(d->items, &d->capacity, d->count + 1, sizeof(*d->items));
    /* files come in runs: one copy a run */
    bool same = d->count > 0 && strcmp(d->items[d->count - 1].file, file) == 0;
    const char *name = same ? d->items[d->count - 1].file : arena_strdup(d->arena, file);
    d->items[d->count++] = (struct diag){
        .file = name,
        .line = line,
        .column = column,
        .level = level,
        .code = code,
        .message = arena_strdup(d->arena, message),
    };
}

char *diag_line(const struct diag *item)
{
    struct strbuf raw = STRBUF_INIT, out = STRBUF_INIT;

    strbuf_puts(&raw, item->file);
    if (item->line > 0)
        strbuf_printf(&raw, ":%zu:%zu", item->line, item->column);
    strbuf_puts(&raw, ": ");
    if (item->level == DIAG_WARNING)
        strbuf_printf(&raw, "%s: ", tr("warning"));
    strbuf_puts(&raw, item->message);
    text_safe(&out, raw.text, false); /* names and values come from outside */
    strbuf_dispose(&raw);
    return strbuf_take(&out);
}

/* ERR_DATA outweighs ERR_REFUSED: the exit code is the highest. */
static void count_error(struct diags *d, int code)
{
    d->errors++;
    if (d->worst == 0 || err_exit_code(code) > err_exit_code(d->worst))
        d->worst = code;
}
