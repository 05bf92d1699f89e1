/* What members sent to customers and groups by themselves: it takes places of the platform's cap,
 * and comes from the platform's list. Only what a cap can still ask about is kept. */
#include "store/store_internal.h"

static int forget(struct store *s, instant_t before, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st, "DELETE FROM other_send WHERE sent_at < ?", e);

    if (rc)
        return rc;
    bind_int(st, 1, before);
    return sql_run(s, st, e);
}

/* Whoever it is: a later reading may make a customer of ours of them. */
static int add(struct store *s, struct store_other_send *x, struct err *e)
{
    sqlite3_stmt *st;
    int64_t id;
    int rc = name_make(s, NAME_RECIPIENT, x->recipient, &id, e);

    if (!rc)
        rc = sql_get(s, &st,
                     "INSERT INTO other_send (recipient, ref, sent_at) VALUES (?, ?, ?)"
                     " ON CONFLICT (recipient, ref) DO NOTHING",
                     e);
    if (rc)
        return rc;
    bind_int(st, 1, id);
    bind_text(st, 2, x->ref);
    bind_int(st, 3, x->sent_at);
    rc = sql_run(s, st, e);
    if (!rc && sqlite3_changes(s->db) > 0)
        x->id = id;
    return rc;
}

int store_other_sends_add(struct store *s, struct store_other_send *rows, size_t count,
                          instant_t keep_from, struct err *e)
{
    int rc = txn_begin(s, e);

    if (rc)
        return rc;
    rc = forget(s, keep_from, e);
    for (size_t i = 0; i < count && !rc; i++) {
        rows[i].id = 0;
        if (rows[i].sent_at >= keep_from)
            rc = add(s, &rows[i], e);
    }
    return txn_end(s, rc, e);
}

int store_other_sends(struct store *s, instant_t since, int64_t recipient,
                      int (*each)(void *ctx, int64_t recipient, instant_t sent_at), void *ctx,
                      struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT recipient, sent_at FROM other_send WHERE sent_at >= ?1"
                     " AND (?2 = 0 OR recipient = ?2) ORDER BY sent_at",
                     e);

    if (rc)
        return rc;
    bind_int(st, 1, since);
    bind_int(st, 2, recipient);
    while ((rc = sql_step(s, st, e)) > 0)
        if ((rc = each(ctx, sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1))))
            break;
    sqlite3_reset(st);
    return rc;
}
