/* The contact book over the API. A file is read twice, both times in chunks so that claims get
 * their turns in between: first for its errors, then, when there are none, into the store. Each
 * chunk is a transaction with its record; an import that broke off can be repeated.
 *
 * With `match` a row is for the customer who has its unionid or remark; who that is is looked up as
 * its chunk is written. */
#include "api/emit.h"
#include "api/handlers.h"
#include "api/request.h"

#include "base/lang.h"
#include "conf/contacts.h"
#include "conf/where.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_ROWS = 2000, CHUNK_BYTES = 1024 * 1024, LIST_ROWS = 1000 };

struct import {
    struct diags diags; /* of the first reading */
    struct diags said; /* of the second: of an answer; rows that are not for exactly one customer */
    enum contacts_key key;
    struct contacts *file;
    uint64_t duplicates, matched, unmatched, ambiguous;
    bool checked, ended;
    struct store_import sum;
};

struct chunk {
    struct arena *arena;
    struct store_contact rows[CHUNK_ROWS];
    size_t count, bytes, read; /* read: of the file */
};

static void import_dispose(void *state)
{
    struct import *im = state;

    contacts_close(im->file);
    diags_dispose(&im->diags);
    diags_dispose(&im->said);
}

static int file_begin(struct request *rq)
{
    struct import *im = rq->state;
    const struct spool_part *part = spool_file(rq->spool, "contacts", NULL);
    int rc = contacts_open(&im->file, part->path, part->filename, im->key, request_store_zones(rq),
                           im->checked ? &im->said : &im->diags, &rq->e);

    return rc == ERR_DATA ? 0 : rc; /* the diags say it */
}

/* A chunk of the first reading; when it is over the file is begun anew. */
static int check_rows(struct store *store, struct request *rq)
{
    struct import *im = rq->state;
    struct contact_row row;
    int rc = im->file ? 1 : file_begin(rq);

    (void)store;
    if (!im->file)
        return rc;
    rc = 1;
    for (int n = 0; rc == 1 && n < CHUNK_ROWS; n++) {
        rc = contacts_next(im->file, &row, &rq->e);
        im->duplicates += rc == 1 && row.duplicate;
    }
    if (rc)
        return rc < 0 ? rc : 0;
    contacts_close(im->file);
    im->file = NULL;
    im->checked = true;
    return im->diags.errors ? 0 : file_begin(rq);
}

static const char *copy(struct chunk *chunk, const char *text)
{
    chunk->bytes += text ? strlen(text) : 0;
    return text ? arena_strdup(chunk->arena, text) : NULL;
}

/* `recipient`: whom the row was matched with, or NULL: it says so itself. */
static void add_row(struct chunk *chunk, const struct contact_row *row, const char *recipient)
{
    chunk->rows[chunk->count++] = (struct store_contact){
        .recipient = copy(chunk, recipient ? recipient : row->key),
        .name = copy(chunk, row->name),
        .sender = recipient ? NULL : copy(chunk, row->sender), /* whose they are is known */
        .timezone = copy(chunk, row->timezone),
        .tags = copy(chunk, row->tags),
        .attributes = copy(chunk, row->attributes),
        .matched = recipient != NULL};
}

struct customers { /* whom a row could be for */
    struct arena *arena;
    const char *recipient;
    size_t count;
};

static int add_customer(void *ctx, const char *recipient)
{
    struct customers *found = ctx;

    found->recipient = arena_strdup(found->arena, recipient);
    found->count++;
    return 0;
}

/* Its value is not said: who a customer is is no matter for a log. */
static void not_one(struct import *im, const char *file, const struct contact_row *row,
                    size_t count)
{
    im->unmatched += count == 0;
    im->ambiguous += count > 0;
    if (count > 0)
        diag_add(&im->said, file, row->line, contacts_key_column(im->file), DIAG_ERROR, ERR_REFUSED,
                 tr("%zu customers fit: name their member in a column 'sender', or import by "
                    "'recipient'"),
                 count);
    else
        diag_add(&im->said, file, row->line, contacts_key_column(im->file), DIAG_ERROR, ERR_REFUSED,
                 "%s", *row->key ? tr("no customer fits") : tr("an empty field fits nobody"));
}

static int match_row(struct store *store, struct request *rq, struct chunk *chunk,
                     const struct contact_row *row)
{
    struct import *im = rq->state;
    struct customers found = {.arena = chunk->arena};
    bool of_one = row->sender && *row->sender;
    int rc = store_customers_called(
        store, im->key == CONTACTS_UNIONID ? RELATION_UNIONID : RELATION_REMARK, row->key,
        of_one ? row->sender : NULL, add_customer, &found, &rq->e);

    if (rc)
        return rc;
    if (found.count != 1) {
        not_one(im, spool_file(rq->spool, "contacts", NULL)->filename, row, found.count);
        return 0;
    }
    rc = contacts_first(im->file, found.recipient, &rq->e);
    if (rc < 0)
        return rc;
    if (rc)
        add_row(chunk, row, found.recipient);
    im->matched += rc == 1;
    im->duplicates += rc == 0;
    return 0;
}

static int fill_chunk(struct store *store, struct request *rq, struct chunk *chunk)
{
    struct import *im = rq->state;
    struct contact_row row;
    int rc = 1;

    while (rc == 1 && chunk->read++ < CHUNK_ROWS && chunk->bytes < CHUNK_BYTES) {
        rc = contacts_next(im->file, &row, &rq->e);
        if (rc != 1 || row.duplicate)
            continue;
        int bad = 0;
        if (im->key == CONTACTS_RECIPIENT)
            add_row(chunk, &row, NULL);
        else
            bad = match_row(store, rq, chunk, &row);
        rc = bad ? bad : rc;
    }
    im->ended = rc == 0;
    return rc < 0 ? rc : 0;
}

static int take_rows(struct store *store, struct request *rq)
{
    struct import *im = rq->state;
    struct chunk *chunk = xmalloc(sizeof(*chunk));
    const struct store_decision d = {.by = rq->who.name,
                                     .at = rq->now,
                                     .note = spool_file(rq->spool, "contacts", NULL)->filename};

    chunk->arena = arena_new();
    int rc = fill_chunk(store, rq, chunk);
    if (rc == 0 && chunk->count > 0)
        rc = store_contacts_import(store, chunk->rows, chunk->count, &d, &im->sum, &rq->e);
    arena_free(chunk->arena);
    free(chunk);
    return rc;
}

static void put_sum(struct strbuf *b, const struct import *im)
{
    bool match = im->key != CONTACTS_RECIPIENT;

    /* what is kept of a customer for the first time changes them: nobody is added */
    emit_put_number(b, "added", match ? 0 : (int64_t)im->sum.added);
    emit_put_number(b, "changed", (int64_t)(im->sum.changed + (match ? im->sum.added : 0)));
    emit_put_number(b, "unchanged", (int64_t)im->sum.unchanged);
    emit_put_number(b, "duplicates", (int64_t)im->duplicates);
    if (match) {
        emit_put_number(b, "matched", (int64_t)im->matched);
        emit_put_number(b, "unmatched", (int64_t)im->unmatched);
        emit_put_number(b, "ambiguous", (int64_t)im->ambiguous);
    }
    if (match || im->said.count > 0)
        put_diagnostics(b, &im->said);
}

static void rows_taken(struct request *rq)
{
    const struct import *im = rq->state;
    const struct api_host *host = request_host(rq);
    struct strbuf *b = &rq->answer.body.text;

    if (rq->rc) {
        request_fail(rq);
        return;
    }
    if (!im->ended) {
        rq->now = host->now(host->ctx);
        request_store(rq, take_rows, rows_taken);
        return;
    }
    emit_open(b, '{');
    put_sum(b, im);
    strbuf_putc(b, '}');
    request_reply(rq, 200);
}

static void rows_checked(struct request *rq)
{
    const struct import *im = rq->state;
    bool over = im->checked || !im->file;

    if (over && im->diags.errors)
        request_fail_diags(rq, &im->diags, tr("nothing was imported"));
    else if (rq->rc)
        request_fail(rq);
    else if (over)
        request_store(rq, take_rows, rows_taken);
    else
        request_store(rq, check_rows, rows_checked);
}

/* A part of a submission of another kind, or NULL. */
static const char *other_part(const struct spool *spool)
{
    static const char *const others[] = {"campaign", "audience", "attachment",
                                         "only",     "again",    "allow_partial"};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (spool_count(spool, others[i]) > 0)
            return others[i];
    return NULL;
}

void contacts_import(struct request *rq)
{
    struct import *im = arena_alloc(rq->arena, sizeof(*im));
    const char *other = other_part(rq->spool), *match = spool_field(rq->spool, "match");

    diags_init(&im->diags);
    diags_init(&im->said);
    rq->state = im;
    rq->dispose = import_dispose;
    if (other)
        request_fail_with(rq, ERR_USAGE, tr("unknown part '%.64s'"), other);
    else if (!spool_file(rq->spool, "contacts", NULL))
        request_fail_with(rq, ERR_USAGE, tr("the submission has no part '%s'"), "contacts");
    else if (match && contacts_match(&im->key, match, &rq->e))
        request_fail(rq);
    else
        request_store(rq, check_rows, rows_checked);
}

/* --- the list --- */

struct list {
    struct request *rq;
    int64_t after;
    bool more;
    bool imported; /* all of those have been told: the platform's customers follow */
};

static const char *value(const char *text)
{
    return *text ? text : NULL;
}

/* Each once: members may have given the same. */
static void put_tags(struct strbuf *b, struct arena *arena, const char *all)
{
    struct strbuf once = STRBUF_INIT;
    const char *tags;

    tags_canonical(&once, all);
    tags = once.length ? once.text : "";
    emit_key(b, "tags");
    emit_open(b, '[');
    while (*tags) {
        size_t length = strcspn(tags, ";");
        emit_text(b, arena_strndup(arena, tags, length));
        tags += length + (tags[length] == ';');
    }
    strbuf_putc(b, ']');
    strbuf_dispose(&once);
}

static int list_add(void *ctx, const struct store_contact *x)
{
    struct list *list = ctx;
    struct strbuf *b = &list->rq->answer.body.text;
    struct arena *arena = arena_new();

    emit_open(b, '{');
    emit_put_text(b, "recipient", x->recipient);
    emit_put_text(b, "name", value(x->name));
    emit_put_text(b, "sender", value(x->sender));
    emit_put_text(b, "timezone", value(x->timezone));
    put_tags(b, arena, x->tags);
    emit_key(b, "attributes");
    emit_raw(b, x->attributes);
    strbuf_puts(b, "}\n");
    arena_free(arena);
    return 0;
}

static int list_read(struct store *s, struct request *rq)
{
    struct list *list = rq->state;
    int rc = list->imported ? store_customers(s, list->after, LIST_ROWS, list_add, list,
                                              &list->after, &list->more, &rq->e)
                            : store_contacts(s, list->after, LIST_ROWS, list_add, list,
                                             &list->after, &list->more, &rq->e);

    if (rc == 0 && !list->more && !list->imported) {
        list->imported = list->more = true;
        list->after = 0;
    }
    return rc ? rc : output_settle(&rq->answer.body, &rq->e);
}

static void list_show(struct request *rq)
{
    const struct list *list = rq->state;

    if (rq->rc)
        request_fail(rq);
    else if (list->more)
        request_store(rq, list_read, list_show);
    else
        request_stream(rq);
}

void contacts_list(struct request *rq)
{
    struct list *list = arena_alloc(rq->arena, sizeof(*list));

    list->rq = rq;
    rq->state = list;
    request_store(rq, list_read, list_show);
}
