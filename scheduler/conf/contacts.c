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

enum column { NAME, SENDER, TIMEZONE, TAGS, KEY, KNOWN_COLUMNS };
enum { NO_COLUMN = -1 };

static const char *const known[] = {"name", "sender", "timezone", "tags"};
static const char *const keys[] = {"recipient", "unionid", "remark"};

struct attribute { /* sorted by name */
    const char *name;
    size_t column;
};

struct contacts {
    struct arena *arena;
    struct diags *diags;
    struct zones *zones;
    const char *label;
    enum contacts_key key;
    int fd;
    struct csv *csv;
    const char **headers;
    size_t header_count;
    long columns[KNOWN_COLUMNS];
    struct attribute *attributes;
    size_t attribute_count;
    struct seen seen;
    struct strbuf name, sender, tags, json; /* of the row */
};

static int header_read(struct contacts *c, struct err *e);
static void header_take(struct contacts *c, const struct csv_row *row);
static int row_take(struct contacts *c, const struct csv_row *in, struct contact_row *out,
                    struct err *e);
static void error_at(struct contacts *c, size_t line, size_t number, const char *message);

int contacts_match(enum contacts_key *out, const char *name, struct err *e)
{
    for (int k = CONTACTS_UNIONID; k <= CONTACTS_REMARK; k++)
        if (strcmp(keys[k], name) == 0) {
            *out = (enum contacts_key)k;
            return 0;
        }
    return err_set(e, ERR_USAGE, tr("'match' must be 'unionid' or 'remark', not '%.64s'"), name);
}

int contacts_open(struct contacts **out, const char *path, const char *label, enum contacts_key key,
                  struct zones *zones, struct diags *diags, struct err *e)
{
    struct arena *arena = arena_new();
    struct contacts *c = arena_alloc(arena, sizeof *c);
    struct stat st;

    *c = (struct contacts){.arena = arena, .diags = diags, .zones = zones, .key = key, .fd = -1};
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

int contacts_first(struct contacts *c, const char *recipient, struct err *e)
{
    return seen_add(&c->seen, recipient, e);
}

size_t contacts_key_column(const struct contacts *c)
{
    return (size_t)c->columns[KEY] + 1;
}

void contacts_close(struct contacts *c)
{
    if (!c)
        return;
    csv_free(c->csv);
    if (c->fd >= 0)
        close(c->fd);
    seen_dispose(&c->seen);
    strbuf_dispose(&c->name);
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
        diag_add(c->diags, c->label, 1, 1, DIAG_ERROR, ERR_DATA,
                 tr("the file is empty: a header row with a column '%s' is needed"), keys[c->key]);
    else if (row.problem != CSV_FINE)
        error_at(c, row.line, row.field, csv_problem_text(row.problem));
    else
        header_take(c, &row);
    if (rc > 0 && csv_is_gb18030(c->csv))
        diag_add(c->diags, c->label, 1, 1, DIAG_WARNING, 0, tr("read as GB18030"));
    if (rc >= 0 && c->diags->errors > errors)
        rc = err_set(e, ERR_DATA, tr("%s: the contacts cannot be read"), c->label);
    return rc < 0 ? rc : 0;
}

static int by_name(const void *x, const void *y)
{
    return strcmp(((const struct attribute *)x)->name, ((const struct attribute *)y)->name);
}

static int known_column(const struct contacts *c, const char *name)
{
    int i = 0;

    while (i < KEY && strcmp(known[i], name) != 0)
        i++;
    return i == KEY && strcmp(keys[c->key], name) != 0 ? KNOWN_COLUMNS : i;
}

static bool name_fine(struct contacts *c, const struct csv_row *row, size_t i)
{
    if (!*c->headers[i]) {
        error_at(c, row->line, i + 1, tr("a column without a name"));
        return false;
    }
    if (c->key != CONTACTS_RECIPIENT && strcmp(c->headers[i], keys[CONTACTS_RECIPIENT]) == 0) {
        diag_add(c->diags, c->label, row->line, i + 1, DIAG_ERROR, ERR_DATA,
                 tr("'recipient' and '%s' cannot both say who is meant: take one of the two "
                    "columns out"),
                 keys[c->key]);
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
        c->headers[i] = arena_strdup(c->arena, trimmed(&c->name, row->fields[i]));
        int k = known_column(c, c->headers[i]);
        if (!name_fine(c, row, i))
            continue;
        if (k < KNOWN_COLUMNS)
            c->columns[k] = (long)i;
        else
            c->attributes[c->attribute_count++] = (struct attribute){c->headers[i], i};
    }
    qsort(c->attributes, c->attribute_count, sizeof *c->attributes, by_name);
    if (c->columns[KEY] != NO_COLUMN)
        return;
    const char *nearest = text_nearest(keys[c->key], c->headers);
    if (nearest)
        diag_add(c->diags, c->label, row->line, 1, DIAG_ERROR, ERR_DATA,
                 tr("missing column '%s' (is it '%s'?)"), keys[c->key], nearest);
    else
        diag_add(c->diags, c->label, row->line, 1, DIAG_ERROR, ERR_DATA, tr("missing column '%s'"),
                 keys[c->key]);
}

/* --- rows --- */

static const char *field(const struct contacts *c, const struct csv_row *in, enum column k)
{
    return c->columns[k] == NO_COLUMN ? NULL : in->fields[c->columns[k]];
}

static const char *recipient_problem(const char *recipient)
{
    size_t length = strlen(recipient);

    if (length == 0)
        return tr("an empty recipient");
    if (length > RECIPIENT_BYTES_MAX)
        return tr("a recipient longer than 256 bytes");
    return strpbrk(recipient, "\n\t") ? tr("a recipient with a line break or a tab in it") : NULL;
}

/* Whatever key is to be matched will do: what nobody has matches nobody. */
static bool row_check(struct contacts *c, const struct csv_row *in, const struct contact_row *row)
{
    size_t errors = c->diags->errors;
    const char *problem = c->key == CONTACTS_RECIPIENT ? recipient_problem(row->key) : NULL;

    if (problem)
        error_at(c, in->line, contacts_key_column(c), problem);
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
                                .key = field(c, in, KEY),
                                .name = field(c, in, NAME),
                                .sender = field(c, in, SENDER),
                                .timezone = field(c, in, TIMEZONE),
                                .tags = field(c, in, TAGS)};
    out->key = trimmed(&c->name, out->key);
    if (out->sender)
        out->sender = trimmed(&c->sender, out->sender);
    if (!row_check(c, in, out))
        return 0;
    if (c->key == CONTACTS_RECIPIENT) {
        int fresh = seen_add(&c->seen, out->key, e);
        if (fresh < 0)
            return fresh;
        out->duplicate = !fresh;
    }
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
