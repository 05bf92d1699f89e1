#include "conf/contacts.h"

#include "base/arena.h"
#include "base/lang.h"
#include "base/text.h"
#include "conf/audience.h"
#include "conf/csv.h"
#include "conf/file.h"
#include "conf/json.h"
#include "conf/reader.h"
#include "conf/seen.h"
#include "conf/where.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum column { RECIPIENT, NAME, SENDER, TIMEZONE, TAGS, KNOWN_COLUMNS };
enum { NO_COLUMN = -1 };

static const char *const known[KNOWN_COLUMNS + 1] = {"recipient", "name", "sender",
                                                     "timezone",  "tags", NULL};

struct attribute { /* sorted by name */
    const char *name;
    size_t column;
};

struct contacts {
    struct arena *arena;
    struct diags *diags;
    struct zones *zones;
    const char *label;
    int fd;
    struct csv *csv;
    const char **headers;
    size_t header_count;
    long columns[KNOWN_COLUMNS];
    struct attribute *attributes;
    size_t attribute_count;
    struct seen seen;
    struct strbuf recipient, sender, tags, json; /* of the row */
};

static int header_read(struct contacts *c, struct err *e);
static void header_take(struct contacts *c, const struct csv_row *row);
static int row_take(struct contacts *c, const struct csv_row *in, struct contact_row *out,
                    struct err *e);
static void error_at(struct contacts *c, size_t line, size_t number, const char *message);

int contacts_open(struct contacts **out, const char *path, const char *label, struct zones *zones,
                  struct diags *diags, struct err *e)
{
    struct arena *arena = arena_new();
    struct contacts *c = arena_alloc(arena, sizeof *c);
    struct stat st;

    *c = (struct contacts){.arena = arena, .diags = diags, .zones = zones, .fd = -1};
    c->label = arena_strdup(arena, label);
    int rc = file_open(&c->fd, &st, path, e);
    if (rc) {
        error_at(c, 0, 0, file_reason(e, path));
    } else {
        c->csv = csv_new(c->fd);
        rc = header_read(c, e);
    }
    if (rc) {
        contacts_close(c);
        return rc;
    }
    *out = c;
    return 0;
}

int contacts_next(struct contacts *c, struct contact_row *row, struct err *e)
{
    struct csv_row in;
    int rc;

    while ((rc = csv_next(c->csv, &in, e)) == 1) {
        if (in.problem != CSV_FINE)
            error_at(c, in.line, in.field, csv_problem_text(in.problem));
        else if ((rc = row_take(c, &in, row, e)))
            break;
    }
    if (rc == 1)
        return 1;
    if (rc)
        error_at(c, 0, 0, e->text);
    return rc;
}

void contacts_close(struct contacts *c)
{
    if (!c)
        return;
    csv_free(c->csv);
    if (c->fd >= 0)
        close(c->fd);
    seen_dispose(&c->seen);
    strbuf_dispose(&c->recipient);
    strbuf_dispose(&c->sender);
    strbuf_dispose(&c->tags);
    strbuf_dispose(&c->json);
    arena_free(c->arena);
}

/* --- the header --- */

static int header_read(struct contacts *c, struct err *e)
{
    size_t errors = c->diags->errors;
    struct csv_row row;
    int rc = csv_next(c->csv, &row, e);

    if (rc < 0)
        error_at(c, 0, 0, e->text);
    else if (rc == 0)
        error_at(c, 1, 1,
                 tr("the file is empty: a header row with a column 'recipient' is needed"));
    else if (row.problem != CSV_FINE)
        error_at(c, row.line, row.field, csv_problem_text(row.problem));
    else
        header_take(c, &row);
    if (rc >= 0 && c->diags->errors > errors)
        rc = err_set(e, ERR_DATA, tr("%s: the contacts cannot be read"), c->label);
    return rc < 0 ? rc : 0;
}

static int by_name(const void *x, const void *y)
{
    return strcmp(((const struct attribute *)x)->name, ((const struct attribute *)y)->name);
}

static int known_column(const char *name)
{
    int i = 0;

    while (i < KNOWN_COLUMNS && strcmp(known[i], name) != 0)
        i++;
    return i;
}

static bool name_fine(struct contacts *c, const struct csv_row *row, size_t i)
{
    if (!*c->headers[i]) {
        error_at(c, row->line, i + 1, tr("a column without a name"));
        return false;
    }
    for (size_t j = 0; j < i; j++) {
        if (strcmp(c->headers[j], c->headers[i]) != 0)
            continue;
        diag_add(c->diags, c->label, row->line, i + 1, DIAG_ERROR, ERR_DATA,
                 tr("duplicate column '%s', first in field %zu"), c->headers[i], j + 1);
        return false;
    }
    return true;
}

static void header_take(struct contacts *c, const struct csv_row *row)
{
    c->headers = arena_array(c->arena, row->count + 1, sizeof *c->headers);
    c->attributes = arena_array(c->arena, row->count, sizeof *c->attributes);
    c->header_count = row->count;
    for (int k = 0; k < KNOWN_COLUMNS; k++)
        c->columns[k] = NO_COLUMN;
    for (size_t i = 0; i < row->count; i++) {
        c->headers[i] = arena_strdup(c->arena, trimmed(&c->recipient, row->fields[i]));
        int k = known_column(c->headers[i]);
        if (!name_fine(c, row, i))
            continue;
        if (k < KNOWN_COLUMNS)
            c->columns[k] = (long)i;
        else
            c->attributes[c->attribute_count++] = (struct attribute){c->headers[i], i};
    }
    qsort(c->attributes, c->attribute_count, sizeof *c->attributes, by_name);
    if (c->columns[RECIPIENT] != NO_COLUMN)
        return;
    const char *nearest = text_nearest("recipient", c->headers);
    if (nearest)
        diag_add(c->diags, c->label, row->line, 1, DIAG_ERROR, ERR_DATA,
                 tr("missing column 'recipient' (is it '%s'?)"), nearest);
    else
        error_at(c, row->line, 1, tr("missing column 'recipient'"));
}

/* --- rows --- */

static const char *field(const struct contacts *c, const struct csv_row *in, enum column k)
{
    return c->columns[k] == NO_COLUMN ? NULL : in->fields[c->columns[k]];
}

static bool row_check(struct contacts *c, const struct csv_row *in, const struct contact_row *row)
{
    size_t errors = c->diags->errors, r = strlen(row->recipient);
    const char *problem = NULL;

    if (r == 0)
        problem = tr("an empty recipient");
    else if (r > RECIPIENT_BYTES_MAX)
        problem = tr("a recipient longer than 256 bytes");
    else if (strpbrk(row->recipient, "\n\t"))
        problem = tr("a recipient with a line break or a tab in it");
    if (problem)
        error_at(c, in->line, (size_t)c->columns[RECIPIENT] + 1, problem);
    if (row->sender && strlen(row->sender) > NAME_BYTES_MAX)
        error_at(c, in->line, (size_t)c->columns[SENDER] + 1, tr("a sender longer than 64 bytes"));
    if (row->timezone && *row->timezone && !zones_get(c->zones, row->timezone))
        diag_add(c->diags, c->label, in->line, (size_t)c->columns[TIMEZONE] + 1, DIAG_ERROR,
                 ERR_DATA, tr("unknown time zone '%s'"), row->timezone);
    return c->diags->errors == errors;
}

static const char *attributes_write(struct contacts *c, const struct csv_row *in)
{
    const char *comma = "";

    strbuf_reset(&c->json);
    strbuf_putc(&c->json, '{');
    for (size_t i = 0; i < c->attribute_count; i++) {
        const char *value = in->fields[c->attributes[i].column];

        if (!*value)
            continue;
        strbuf_puts(&c->json, comma);
        canonical_string(&c->json, c->attributes[i].name);
        strbuf_putc(&c->json, ':');
        canonical_string(&c->json, value);
        comma = ",";
    }
    strbuf_putc(&c->json, '}');
    return c->json.text;
}

/* 1: taken; 0: something is wrong with it; ERR_*. */
static int row_take(struct contacts *c, const struct csv_row *in, struct contact_row *out,
                    struct err *e)
{
    if (in->count != c->header_count) {
        size_t first = (in->count < c->header_count ? in->count : c->header_count) + 1;

        diag_add(c->diags, c->label, in->line, first, DIAG_ERROR, ERR_DATA,
                 tr("the row has %zu fields, the header %zu"), in->count, c->header_count);
        return 0;
    }
    *out = (struct contact_row){.line = in->line,
                                .recipient = field(c, in, RECIPIENT),
                                .name = field(c, in, NAME),
                                .sender = field(c, in, SENDER),
                                .timezone = field(c, in, TIMEZONE),
                                .tags = field(c, in, TAGS)};
    out->recipient = trimmed(&c->recipient, out->recipient);
    if (out->sender)
        out->sender = trimmed(&c->sender, out->sender);
    if (!row_check(c, in, out))
        return 0;
    int fresh = seen_add(&c->seen, out->recipient, e);
    if (fresh < 0)
        return fresh;
    out->duplicate = !fresh;
    if (out->tags) {
        strbuf_reset(&c->tags);
        tags_canonical(&c->tags, out->tags);
        out->tags = c->tags.text;
    }
    out->attributes = attributes_write(c, in);
    return 1;
}

static void error_at(struct contacts *c, size_t line, size_t number, const char *message)
{
    diag_add(c->diags, c->label, line, number, DIAG_ERROR, ERR_DATA, "%s", message);
}
