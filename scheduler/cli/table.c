#include "cli/table.h"

#include "base/strbuf.h"
#include "base/text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void flush(struct table *t);

void table_init(struct table *t, FILE *to, const char *const *heads, size_t columns)
{
    assert(columns > 0 && columns <= TABLE_COLUMNS_MAX);
    memset(t, 0, sizeof(*t));
    t->to = to;
    t->heads = heads;
    t->columns = columns;
    t->painted = columns; /* none */
    for (size_t i = 0; i < columns; i++) {
        t->right[i] = heads[i][0] == '>';
        t->width[i] = text_columns(heads[i] + (t->right[i] ? 1 : 0));
    }
}

/* Cuts between characters, with an ellipsis for what is gone. */
static void cut(struct strbuf *cell, size_t columns)
{
    size_t length = cell->length;

    if (!cell->text || text_columns(cell->text) <= columns)
        return;
    while (length > 0) {
        length--;
        if (((unsigned char)cell->text[length] & 0xC0) == 0x80)
            continue; /* inside a character */
        cell->text[length] = '\0';
        if (text_columns(cell->text) < columns)
            break;
    }
    cell->length = length;
    strbuf_puts(cell, "…");
}

void table_row(struct table *t, const char *const *cells, const char *color)
{
    if (t->count == TABLE_ROWS)
        flush(t);
    for (size_t i = 0; i < t->columns; i++) {
        struct strbuf cell = STRBUF_INIT;
        text_safe(&cell, cells[i] ? cells[i] : "", false);
        if (i + 1 < t->columns)
            cut(&cell, TABLE_CELL_MAX);
        t->cells[t->count][i] = strbuf_take(&cell);
        size_t width = text_columns(t->cells[t->count][i]);
        if (width > t->width[i])
            t->width[i] = width;
    }
    t->paint[t->count++] = color;
}

static void add_cell(struct strbuf *line, const struct table *t, size_t column, const char *text,
                     const char *color)
{
    size_t columns = text_columns(text);
    int gap = (int)(columns < t->width[column] ? t->width[column] - columns : 0);

    if (column > 0)
        strbuf_puts(line, "  ");
    if (t->right[column])
        strbuf_printf(line, "%*s", gap, "");
    strbuf_printf(line, "%s%s%s", color ? color : "", text, color ? "\033[0m" : "");
    if (!t->right[column])
        strbuf_printf(line, "%*s", gap, "");
}

static void put_line(const struct table *t, struct strbuf *line)
{
    while (line->length > 0 && line->text[line->length - 1] == ' ')
        line->length--;
    fprintf(t->to, "%.*s\n", (int)line->length, line->text ? line->text : "");
    strbuf_reset(line);
}

static void flush(struct table *t)
{
    struct strbuf line = STRBUF_INIT;

    if (!t->headed && t->count > 0) {
        for (size_t i = 0; i < t->columns; i++)
            add_cell(&line, t, i, t->heads[i] + (t->right[i] ? 1 : 0), NULL);
        put_line(t, &line);
        t->headed = true;
    }
    for (size_t r = 0; r < t->count; r++) {
        for (size_t i = 0; i < t->columns; i++) {
            add_cell(&line, t, i, t->cells[r][i], i == t->painted ? t->paint[r] : NULL);
            free(t->cells[r][i]);
        }
        put_line(t, &line);
    }
    t->count = 0;
    strbuf_dispose(&line);
}

void table_end(struct table *t)
{
    flush(t);
}
