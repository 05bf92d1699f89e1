/* The contact book: one row a recipient, in the order in which they were first imported. Tags are
 * one text with ';' between them, as people write them; attributes a JSON object.
 *
 * Rows that were only matched with a platform's customers are what is known of those, and no
 * contacts: whoever asks for customers (relations.c) gets them along. */
#include "store/store_internal.h"

static int import_in_txn(struct store *s, const struct store_contact *rows, size_t count,
                         const struct store_decision *d, struct store_import *sum, struct err *e);

int store_contacts_import(struct store *s, const struct store_contact *rows, size_t count,
                          const struct store_decision *d, struct store_import *sum, struct err *e)
{
    struct store_import now = {0};
    int rc = txn_begin(s, e);

    if (!rc)
        rc = txn_end(s, import_in_txn(s, rows, count, d, &now, e), e);
    if (!rc) {
        sum->added += now.added;
        sum->changed += now.changed;
        sum->unchanged += now.unchanged;
    }
    return rc;
}

int store_contacts(struct store *s, int64_t after, size_t limit,
                   int (*each)(void *ctx, const struct store_contact *x), void *ctx, int64_t *last,
                   bool *more, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT c.id, r.name, c.name, c.sender, c.timezone, c.tags, c.attributes"
                     " FROM contact c JOIN recipient r ON r.id = c.recipient"
                     " WHERE c.id > ? AND c.matched = 0 ORDER BY c.id",
                     e);

    *last = after;
    *more = false;
    if (rc)
        return rc;
    bind_int(st, 1, after);
    for (size_t n = 0; (rc = sql_step(s, st, e)) > 0; n++) {
        struct store_contact x = {.id = sqlite3_column_int64(st, 0),
                                  .recipient = column_text(st, 1),
                                  .name = column_text(st, 2),
                                  .sender = column_text(st, 3),
                                  .timezone = column_text(st, 4),
                                  .tags = column_text(st, 5),
                                  .attributes = column_text(st, 6)};
        *more = n == limit;
        if (*more || (rc = each(ctx, &x))) {
            sqlite3_reset(st);
            return *more ? 0 : rc;
        }
        *last = x.id;
    }
    return rc;
}

int store_contact_names(struct store *s, int (*each)(void *ctx, const char *name), void *ctx,
                        struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT DISTINCT a.key FROM contact c, json_each(c.attributes) a"
                     " ORDER BY a.key",
                     e);
    if (rc)
        return rc;
    while ((rc = sql_step(s, st, e)) > 0) {
        rc = each(ctx, column_text(st, 0));
        if (rc) {
            sqlite3_reset(st);
            return rc;
        }
    }
    return rc;
}

int store_contact_tags(struct store *s, const char *recipient, struct strbuf *tags, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT coalesce((SELECT nullif(tags, '') || ';' FROM contact"
                     " WHERE recipient = r.id), '') || coalesce((SELECT group_concat(tags, ';')"
                     " FROM relation WHERE recipient = r.id AND tags != ''), '')"
                     " FROM recipient r WHERE r.name = ?",
                     e);

    strbuf_reset(tags);
    strbuf_puts(tags, ""); /* never NULL */
    if (rc)
        return rc;
    bind_text(st, 1, recipient);
    if ((rc = sql_step(s, st, e)) <= 0)
        return rc;
    strbuf_puts(tags, column_text(st, 0));
    sqlite3_reset(st);
    return 0;
}

/* --- import --- */

static void bind_contact(sqlite3_stmt *st, int64_t key, const struct store_contact *x)
{
    bind_int(st, 1, key);
    bind_text(st, 2, x->name);
    bind_text(st, 3, x->sender);
    bind_text(st, 4, x->timezone);
    bind_text(st, 5, x->tags);
    bind_text(st, 6, x->attributes);
    bind_int(st, 7, x->matched);
}

/* `*id` 0: not in the book. */
static int contact_compare(struct store *s, int64_t recipient, const struct store_contact *x,
                           int64_t *id, bool *same, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT id, name = coalesce(?2, name) AND sender = coalesce(?3, sender)"
                     " AND timezone = coalesce(?4, timezone) AND tags = coalesce(?5, tags)"
                     " AND attributes = ?6 AND matched <= ?7 FROM contact WHERE recipient = ?1",
                     e);

    *id = 0;
    if (rc)
        return rc;
    bind_contact(st, recipient, x);
    if ((rc = sql_step(s, st, e)) <= 0)
        return rc;
    *id = sqlite3_column_int64(st, 0);
    *same = sqlite3_column_int(st, 1) != 0;
    sqlite3_reset(st);
    return 0;
}

static int contact_insert(struct store *s, int64_t recipient, const struct store_contact *x,
                          struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "INSERT INTO contact (recipient, name, sender, timezone, tags, attributes,"
                     " matched) VALUES (?1, coalesce(?2, ''), coalesce(?3, ''), coalesce(?4, ''),"
                     " coalesce(?5, ''), ?6, ?7)",
                     e);
    if (rc)
        return rc;
    bind_contact(st, recipient, x);
    return sql_run(s, st, e);
}

static int contact_update(struct store *s, int64_t id, const struct store_contact *x, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "UPDATE contact SET name = coalesce(?2, name), sender = coalesce(?3, sender),"
                     " timezone = coalesce(?4, timezone), tags = coalesce(?5, tags),"
                     " attributes = ?6, matched = min(matched, ?7) WHERE id = ?1",
                     e);
    if (rc)
        return rc;
    bind_contact(st, id, x);
    return sql_run(s, st, e);
}

static int contact_take(struct store *s, const struct store_contact *x, struct store_import *sum,
                        struct err *e)
{
    int64_t recipient, id = 0;
    bool same = false;
    int rc = name_make(s, NAME_RECIPIENT, x->recipient, &recipient, e);

    if (!rc)
        rc = contact_compare(s, recipient, x, &id, &same, e);
    if (rc)
        return rc;
    if (!id) {
        sum->added++;
        return contact_insert(s, recipient, x, e);
    }
    if (same) {
        sum->unchanged++;
        return 0;
    }
    sum->changed++;
    return contact_update(s, id, x, e);
}

static int import_in_txn(struct store *s, const struct store_contact *rows, size_t count,
                         const struct store_decision *d, struct store_import *sum, struct err *e)
{
    json_t *detail = json_object();
    struct record record = {d->at, d->by, "contacts_import", NULL, NULL, detail};
    int rc = detail_text(detail, "file", d->note, e);
    int64_t matched = 0;

    for (size_t i = 0; i < count && !rc; i++) {
        rc = contact_take(s, &rows[i], sum, e);
        matched += rows[i].matched;
    }
    if (!rc && matched)
        detail_int(detail, "matched", matched);
    if (!rc) {
        detail_int(detail, "added", (int64_t)sum->added);
        detail_int(detail, "changed", (int64_t)sum->changed);
        detail_int(detail, "unchanged", (int64_t)sum->unchanged);
        rc = audit_append(s, &record, e);
    }
    json_decref(detail);
    return rc;
}
