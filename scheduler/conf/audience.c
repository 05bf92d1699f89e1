/* One row at a time: from the CSV or from the list, checked, given a sender, looked up among the
 * recipients seen, hashed. Senders with equally many rows come out of the heap in listed order. */
#include "conf/audience.h"

#include "base/arena.h"
#include "base/heap.h"
#include "base/lang.h"
#include "base/text.h"
#include "conf/csv.h"
#include "conf/file.h"
#include "conf/seen.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { NO_COLUMN = -1 };

struct named { /* a sender's name and its place in the list, sorted by name */
    const char *name;
    size_t index;
};

struct audience {
    struct arena *arena;
    const struct campaign *campaign;
    struct diags *diags;
    const char *label;
    int fd;
    struct csv *csv; /* NULL: the list */
    const char **headers;
    size_t header_count, recipient_column;
    long sender_column, tags_column, consent_column, zone_column;
    struct zones *zones;     /* with zones of recipients */
    const char **zone_names; /* those met so far */
    size_t zone_count, zone_capacity;
    audience_tags_fn *tags; /* or NULL */
    void *tags_ctx;
    audience_contacted_fn *contacted; /* or NULL */
    void *contacted_ctx;
    audience_sender_fn *relation; /* or NULL */
    void *relation_ctx;
    size_t *value_columns; /* of the template's names */
    const char **values;
    size_t value_count;
    const char *const *senders;
    size_t sender_count;
    struct named *by_name;
    struct heap fewest; /* sender_load.node, at = rows so far */
    struct heap_node *loads;
    struct seen seen;
    struct digester *digester;
    struct digest digest;
    struct strbuf recipient, sender, zone; /* of the row, when trimmed */
    size_t listed;                         /* of the list: taken so far */
    uint64_t rows;
    bool ended;
};

static int source_open(struct audience *a, const char *path, struct err *e);
static int header_read(struct audience *a, struct err *e);
static bool header_check(struct audience *a, const struct csv_row *row);
static void template_check(struct audience *a);
static void senders_index(struct audience *a);
static int named_compare(const void *x, const void *y);
static bool source_next(struct audience *a, struct csv_row *in, int *rc, struct err *e);
static int row_take(struct audience *a, const struct csv_row *in, struct audience_row *out,
                    struct err *e);
static int row_wanted(struct audience *a, const struct csv_row *in, const char *recipient,
                      struct err *e);
static bool recipient_check(struct audience *a, const struct csv_row *in, const char *recipient);
static bool consent_given(const char *value);
static const char *sender_named(struct audience *a, const struct csv_row *in);
static bool sender_find(struct audience *a, const struct csv_row *in, const char *name,
                        size_t *out);
static bool zone_find(struct audience *a, const struct csv_row *in, const char **out);
static void row_hash(struct audience *a, const struct csv_row *in, size_t sender);
static void row_problem(struct audience *a, const struct csv_row *row);
static void error_at(struct audience *a, size_t line, size_t field, const char *message);
static int broken(struct audience *a, int code, struct err *e);

int audience_open(struct audience **out, const struct campaign *c, const char *path,
                  const char *label, const char *const *senders, size_t sender_count,
                  struct diags *diags, struct err *e)
{
    struct arena *arena = arena_new();
    struct audience *a = arena_alloc(arena, sizeof *a);

    *a = (struct audience){.arena = arena,
                           .campaign = c,
                           .diags = diags,
                           .fd = -1,
                           .sender_column = NO_COLUMN,
                           .tags_column = NO_COLUMN,
                           .consent_column = NO_COLUMN,
                           .zone_column = NO_COLUMN,
                           .zones = c->recipient_zones ? zones_new() : NULL,
                           .senders = senders,
                           .sender_count = sender_count};
    a->label = arena_strdup(arena, path ? label : c->file);
    senders_index(a);
    a->digester = digester_new();
    int rc = source_open(a, path, e);
    if (rc) {
        audience_close(a);
        return rc;
    }
    digester_int(a->digester, (int64_t)a->header_count);
    for (size_t i = 0; i < a->header_count; i++)
        digester_string(a->digester, a->headers[i]);
    *out = a;
    return 0;
}

int audience_next(struct audience *a, struct audience_row *row, struct err *e)
{
    struct csv_row in;
    int rc = 0;

    while (rc == 0 && source_next(a, &in, &rc, e)) {
        if (in.problem != CSV_FINE)
            row_problem(a, &in);
        else if ((rc = row_take(a, &in, row, e))) /* 1; or the disk or the book says no */
            return rc;
    }
    if (rc) { /* the read failed */
        error_at(a, 0, 0, e->text);
        return broken(a, rc, e);
    }
    if (!a->ended) {
        a->ended = true;
        a->digest = digester_end(a->digester);
        a->digester = NULL;
    }
    return 0;
}

void audience_contacted(struct audience *a, audience_contacted_fn *contacted, void *ctx)
{
    a->contacted = contacted;
    a->contacted_ctx = ctx;
}

void audience_tags(struct audience *a, audience_tags_fn *tags, void *ctx)
{
    a->tags = tags;
    a->tags_ctx = ctx;
}

void audience_relations(struct audience *a, audience_sender_fn *sender, void *ctx)
{
    a->relation = sender;
    a->relation_ctx = ctx;
}

static bool tags_known(const struct audience *a)
{
    return a->tags_column != NO_COLUMN || a->tags;
}

bool audience_where_open(const struct audience *a)
{
    const struct where *w = &a->campaign->where;

    return (where_asks_tags(w) && !tags_known(a)) || (w->not_contacted && !a->contacted);
}

bool audience_without_consent(const struct audience *a)
{
    return a->consent_column == NO_COLUMN;
}

struct digest audience_digest(const struct audience *a)
{
    assert(a->ended);
    return a->digest;
}

uint64_t audience_rows(const struct audience *a)
{
    return a->rows;
}

size_t audience_zones(const struct audience *a)
{
    return a->zone_count;
}

void audience_close(struct audience *a)
{
    if (!a)
        return;
    if (a->digester)
        digester_end(a->digester);
    csv_free(a->csv);
    if (a->fd >= 0)
        close(a->fd);
    zones_free(a->zones);
    free(a->zone_names);
    seen_dispose(&a->seen);
    strbuf_dispose(&a->recipient);
    strbuf_dispose(&a->sender);
    strbuf_dispose(&a->zone);
    arena_free(a->arena);
}

bool audience_expected(const struct campaign *c, uint64_t rows, struct diags *diags)
{
    uint64_t off = rows > c->expect ? rows - c->expect : c->expect - rows;
    bool ok = !c->has_expect ||
              (c->tolerance_is_part ? (double)off <= (double)c->expect * c->tolerance_part
                                    : off <= c->tolerance_count);

    if (!ok)
        diag_add(diags, c->file, c->expect_at.line, c->expect_at.column, DIAG_ERROR, ERR_REFUSED,
                 c->expect == 1 ? tr("%llu recipient expected, the audience has %llu")
                                : tr("%llu recipients expected, the audience has %llu"),
                 (unsigned long long)c->expect, (unsigned long long)rows);
    return ok;
}

/* --- opening --- */

static int source_open(struct audience *a, const char *path, struct err *e)
{
    static const char *const list_headers[] = {"recipient"};
    const struct campaign *c = a->campaign;
    struct stat st;

    if (path) {
        if (file_open(&a->fd, &st, path, e)) { /* a reference of the campaign file: at its place */
            diag_add(a->diags, c->file, c->audience_at.line, c->audience_at.column, DIAG_ERROR,
                     ERR_DATA, "%s: %s", a->label, file_reason(e, path));
            return broken(a, ERR_DATA, e);
        }
        a->csv = csv_new(a->fd);
        return header_read(a, e);
    }
    assert(c->source == AUDIENCE_RECIPIENTS || c->source == AUDIENCE_SENDERS);
    a->headers = arena_array(a->arena, 1, sizeof *a->headers);
    a->headers[0] = list_headers[0];
    a->header_count = 1;
    template_check(a);
    return 0;
}

static int header_read(struct audience *a, struct err *e)
{
    struct csv_row row;
    int rc = csv_next(a->csv, &row, e);

    if (rc < 0) {
        error_at(a, 0, 0, e->text);
        return broken(a, rc, e);
    }
    if (csv_is_gb18030(a->csv))
        diag_add(a->diags, a->label, 1, 1, DIAG_WARNING, 0, tr("read as GB18030"));
    if (rc == 0) {
        error_at(a, 1, 1,
                 tr("the file is empty: a header row with a column 'recipient' is needed"));
        return broken(a, ERR_DATA, e);
    }
    if (row.problem != CSV_FINE) {
        row_problem(a, &row);
        return broken(a, ERR_DATA, e);
    }
    if (!header_check(a, &row)) /* it would make every name and row look wrong */
        return broken(a, ERR_DATA, e);
    template_check(a);
    return 0;
}

static bool header_check(struct audience *a, const struct csv_row *row)
{
    size_t errors = a->diags->errors;
    bool found = false;

    a->headers = arena_array(a->arena, row->count + 1, sizeof *a->headers);
    a->header_count = row->count;
    for (size_t i = 0; i < row->count; i++) {
        a->headers[i] = arena_strdup(a->arena, trimmed(&a->recipient, row->fields[i]));
        if (!*a->headers[i])
            error_at(a, row->line, i + 1, tr("a column without a name"));
        for (size_t j = 0; j < i && *a->headers[i]; j++) {
            if (strcmp(a->headers[j], a->headers[i]) != 0)
                continue;
            diag_add(a->diags, a->label, row->line, i + 1, DIAG_ERROR, ERR_DATA,
                     tr("duplicate column '%s', first in field %zu"), a->headers[i], j + 1);
            break;
        }
        if (strcmp(a->headers[i], "recipient") == 0) {
            a->recipient_column = i;
            found = true;
        } else if (strcmp(a->headers[i], "sender") == 0) {
            a->sender_column = (long)i;
        } else if (strcmp(a->headers[i], "tags") == 0) {
            a->tags_column = (long)i;
        } else if (strcmp(a->headers[i], "consent") == 0) {
            a->consent_column = (long)i;
        } else if (strcmp(a->headers[i], "timezone") == 0) {
            a->zone_column = (long)i;
        }
    }
    const char *nearest = found ? NULL : text_nearest("recipient", a->headers);
    if (nearest)
        diag_add(a->diags, a->label, row->line, 1, DIAG_ERROR, ERR_DATA,
                 tr("missing column 'recipient' (is it '%s'?)"), nearest);
    else if (!found)
        error_at(a, row->line, 1, tr("missing column 'recipient'"));
    return a->diags->errors == errors;
}

/* A name that is no column is a slip even when it has a default. */
static void template_check(struct audience *a)
{
    const struct campaign *c = a->campaign;
    const char *const *names = NULL;

    a->value_count = c->template ? template_names(c->template, &names) : 0;
    a->value_columns = arena_array(a->arena, a->value_count, sizeof *a->value_columns);
    a->values = arena_array(a->arena, a->value_count, sizeof *a->values);
    for (size_t n = 0; n < a->value_count; n++) {
        size_t i = 0;

        while (i < a->header_count && strcmp(a->headers[i], names[n]) != 0)
            i++;
        a->value_columns[n] = i;
        if (a->csv && i < a->header_count)
            continue;
        const char *nearest = a->csv ? text_nearest(names[n], a->headers) : NULL;
        if (!a->csv)
            diag_add(a->diags, c->file, c->text_at.line, c->text_at.column, DIAG_ERROR, ERR_DATA,
                     c->source == AUDIENCE_SENDERS
                         ? tr("{{%s}}: a list of senders has no columns")
                         : tr("{{%s}}: a list of recipients has no columns"),
                     names[n]);
        else if (nearest)
            diag_add(a->diags, c->file, c->text_at.line, c->text_at.column, DIAG_ERROR, ERR_DATA,
                     tr("{{%s}}: %s has no column '%s', did you mean '%s'?"), names[n], a->label,
                     names[n], nearest);
        else
            diag_add(a->diags, c->file, c->text_at.line, c->text_at.column, DIAG_ERROR, ERR_DATA,
                     tr("{{%s}}: %s has no column '%s'"), names[n], a->label, names[n]);
    }
}

static void senders_index(struct audience *a)
{
    struct heap_node **memory = arena_array(a->arena, a->sender_count, sizeof(struct heap_node *));

    a->by_name = arena_array(a->arena, a->sender_count, sizeof *a->by_name);
    a->loads = arena_array(a->arena, a->sender_count, sizeof *a->loads);
    heap_init(&a->fewest, memory, a->sender_count);
    for (size_t i = 0; i < a->sender_count; i++) {
        a->by_name[i] = (struct named){a->senders[i], i};
        a->loads[i].seq = i;
        heap_put(&a->fewest, &a->loads[i]);
    }
    qsort(a->by_name, a->sender_count, sizeof *a->by_name, named_compare);
}

static int named_compare(const void *x, const void *y)
{
    return strcmp(((const struct named *)x)->name, ((const struct named *)y)->name);
}

/* --- rows --- */

static bool source_next(struct audience *a, struct csv_row *in, int *rc, struct err *e)
{
    const struct campaign *c = a->campaign;

    *rc = 0;
    if (a->ended)
        return false;
    if (a->csv) {
        int n = csv_next(a->csv, in, e);

        *rc = n < 0 ? n : 0;
        return n == 1;
    }
    if (c->source == AUDIENCE_SENDERS) {
        *in = (struct csv_row){
            .line = c->audience_at.line, .fields = &a->senders[a->listed], .count = 1};
        return a->listed++ < a->sender_count;
    }
    if (a->listed == c->recipient_count)
        return false;
    const struct conf_sender *r = &c->recipients[a->listed++];
    *in = (struct csv_row){.line = r->at.line, .fields = &r->name, .count = 1};
    return true;
}

/* 1: taken; 0: something is wrong with it, or it is not meant; ERR_*. */
static int row_take(struct audience *a, const struct csv_row *in, struct audience_row *out,
                    struct err *e)
{
    size_t sender, own;
    bool stranger = false;

    if (in->count != a->header_count) {
        size_t first = (in->count < a->header_count ? in->count : a->header_count) + 1;

        diag_add(a->diags, a->label, in->line, first, DIAG_ERROR, ERR_DATA,
                 in->count == 1 ? tr("the row has %zu field, the header %zu")
                                : tr("the row has %zu fields, the header %zu"),
                 in->count, a->header_count);
        return 0;
    }
    const char *recipient = trimmed(&a->recipient, in->fields[a->recipient_column]);
    const char *name = sender_named(a, in);
    const char *zone;
    bool ok = recipient_check(a, in, recipient);
    ok = zone_find(a, in, &zone) && ok;
    if (!sender_find(a, in, name, &sender) || !ok)
        return 0;
    int wanted = row_wanted(a, in, recipient, e);
    if (wanted != 1)
        return wanted;
    if (a->relation) {
        int rc = a->relation(a->relation_ctx, recipient, *name ? name : NULL, &own, e);
        if (rc)
            return rc;
        stranger = own == a->sender_count;
        sender = stranger ? sender : own;
    }
    int fresh = seen_add(&a->seen, recipient, e);
    if (fresh < 0)
        return fresh;
    *out = (struct audience_row){.row = ++a->rows,
                                 .line = in->line,
                                 .field = a->recipient_column + 1,
                                 .recipient = recipient,
                                 .sender = sender,
                                 .zone = zone,
                                 .duplicate = !fresh,
                                 .named = name,
                                 .stranger = stranger,
                                 .consents = a->consent_column != NO_COLUMN &&
                                             consent_given(in->fields[a->consent_column]),
                                 .values = a->values,
                                 .value_columns = a->value_columns};
    for (size_t i = 0; i < a->value_count; i++) {
        size_t column = a->value_columns[i]; /* header_count: a name that is no column */
        const char *value = column < a->header_count ? in->fields[column] : "";

        a->values[i] = *value ? value : NULL;
    }
    row_hash(a, in, sender);
    if (!out->duplicate && !stranger && a->sender_count) {
        a->loads[sender].at++;
        heap_put(&a->fewest, &a->loads[sender]);
    }
    return 1;
}

/* A date, a place, a yes: whatever is written there, but for a no. */
static bool consent_given(const char *value)
{
    static const char *const noes[] = {"", "no", "n", "false", "0", "否", "无", "未同意", "不同意"};
    size_t lead = strspn(value, " \t\n"), length = strlen(value);

    while (length > lead && strchr(" \t\n", value[length - 1]))
        length--;
    for (size_t i = 0; i < sizeof noes / sizeof *noes; i++)
        if (strlen(noes[i]) == length - lead &&
            strncasecmp(value + lead, noes[i], length - lead) == 0)
            return false;
    return true;
}

/* "" when nobody is named. A sender writes for itself. */
static const char *sender_named(struct audience *a, const struct csv_row *in)
{
    if (a->campaign->source == AUDIENCE_SENDERS)
        return in->fields[0];
    return a->sender_column < 0 ? "" : trimmed(&a->sender, in->fields[a->sender_column]);
}

/* 1, 0, or ERR_* when the tags, or the last contacts, cannot be had. What nobody here can tell
 * narrows nothing. */
static int row_wanted(struct audience *a, const struct csv_row *in, const char *recipient,
                      struct err *e)
{
    const struct where *w = &a->campaign->where;

    if (where_asks_tags(w) && tags_known(a)) {
        const char *tags = a->tags_column != NO_COLUMN ? in->fields[a->tags_column]
                                                       : a->tags(a->tags_ctx, recipient, e);
        if (!tags || !where_fits(w, tags))
            return tags ? 0 : e->code;
    }
    int contacted =
        w->not_contacted && a->contacted ? a->contacted(a->contacted_ctx, recipient, e) : 0;
    return contacted < 0 ? contacted : !contacted;
}

static bool recipient_check(struct audience *a, const struct csv_row *in, const char *recipient)
{
    const char *problem = NULL;

    if (!*recipient)
        problem = tr("an empty recipient");
    else if (strlen(recipient) > RECIPIENT_BYTES_MAX)
        problem = tr("a recipient longer than 256 bytes");
    else if (strpbrk(recipient, "\n\t"))
        problem = tr("a recipient with a line break or a tab in it");
    if (problem)
        error_at(a, in->line, a->recipient_column + 1, problem);
    return problem == NULL;
}

/* No name: the sender with the fewest rows so far, ties in listed order. */
static bool sender_find(struct audience *a, const struct csv_row *in, const char *name, size_t *out)
{
    struct named wanted = {.name = name};

    *out = 0;
    if (a->sender_count == 0)
        return true;
    if (!*name) {
        *out = (size_t)heap_first(&a->fewest)->seq;
        return true;
    }
    const struct named *found =
        bsearch(&wanted, a->by_name, a->sender_count, sizeof *a->by_name, named_compare);
    if (!found) {
        diag_add(a->diags, a->label, in->line, (size_t)a->sender_column + 1, DIAG_ERROR, ERR_DATA,
                 tr("'%s' is not one of the senders"), name);
        return false;
    }
    *out = found->index;
    return true;
}

/* NULL: the campaign's own (the fallback). Zones are few: each name is kept once. */
static bool zone_find(struct audience *a, const struct csv_row *in, const char **out)
{
    const char *name = !a->zones || a->zone_column == NO_COLUMN
                           ? ""
                           : trimmed(&a->zone, in->fields[a->zone_column]);

    *out = NULL;
    if (!*name)
        return true;
    for (size_t i = 0; i < a->zone_count; i++) {
        if (strcmp(a->zone_names[i], name) == 0) {
            *out = a->zone_names[i];
            return true;
        }
    }
    if (!zones_get(a->zones, name)) {
        diag_add(a->diags, a->label, in->line, (size_t)a->zone_column + 1, DIAG_ERROR, ERR_DATA,
                 tr("unknown time zone '%s'"), name);
        return false;
    }
    a->zone_names = xgrow(a->zone_names, &a->zone_capacity, a->zone_count + 1, sizeof(char *));
    *out = a->zone_names[a->zone_count++] = arena_strdup(a->arena, name);
    return true;
}

static void row_hash(struct audience *a, const struct csv_row *in, size_t sender)
{
    for (size_t i = 0; i < in->count; i++)
        digester_string(a->digester, in->fields[i]);
    if (a->sender_count)
        digester_string(a->digester, a->senders[sender]);
}

const char *csv_problem_text(enum csv_problem problem)
{
    const char *message = NULL;

    switch (problem) {
    case CSV_LONG:
        message = tr("the row is longer than 16 KiB");
        break;
    case CSV_OPEN_QUOTE:
        message = tr("a quote is opened and not closed");
        break;
    case CSV_AFTER_QUOTE:
        message = tr("text after a closing quote (a quote inside quotes is written twice)");
        break;
    case CSV_STRAY_QUOTE:
        message = tr("a quote inside a field that does not start with one");
        break;
    case CSV_NOT_UTF8:
        message = tr("not UTF-8");
        break;
    case CSV_NOT_GB18030:
        message = tr("neither UTF-8 nor GB18030");
        break;
    case CSV_CONTROL:
        message = tr("a control character");
        break;
    case CSV_FINE:
        break;
    }
    return message;
}

static void row_problem(struct audience *a, const struct csv_row *row)
{
    error_at(a, row->line, row->field, csv_problem_text(row->problem));
}

static void error_at(struct audience *a, size_t line, size_t field, const char *message)
{
    diag_add(a->diags, a->label, line, field, DIAG_ERROR, ERR_DATA, "%s", message);
}

static int broken(struct audience *a, int code, struct err *e)
{
    return err_set(e, code, tr("%s: the audience cannot be read"), a->label);
}

const char *trimmed(struct strbuf *scratch, const char *s)
{
    size_t length = strlen(s);
    size_t lead = strspn(s, " \t\n"), end = length;

    while (end > lead && strchr(" \t\n", s[end - 1]))
        end--;
    if (lead == 0 && end == length)
        return s;
    strbuf_reset(scratch);
    strbuf_add(scratch, s + lead, end - lead);
    return scratch->length > 0 ? scratch->text : "";
}
