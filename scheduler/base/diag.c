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

/* Messages break ties, so that the order never depends on how errors were found. */
static int compare_places(const void *a, const void *b)
{
    const struct diag *x = a, *y = b;

    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    if (x->column != y->column)
        return x->column < y->column ? -1 : 1;
    return strcmp(x->message, y->message);
}

/* Moves what is in items[from]'s file up behind it; how many that are. */
static size_t gather_file(struct diags *d, size_t from)
{
    size_t count = 1;

    for (size_t i = from + 1; i < d->count; i++) {
        struct diag item = d->items[i];
        if (strcmp(item.file, d->items[from].file) != 0)
            continue;
        memmove(&d->items[from + count + 1], &d->items[from + count],
                (i - from - count) * sizeof(item));
        d->items[from + count++] = item;
    }
    return count;
}

void diags_order(struct diags *d, size_t first)
{
    for (size_t n; first < d->count; first += n) {
        n = gather_file(d, first);
        qsort(&d->items[first], n, sizeof(*d->items), compare_places);
    }
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
