/* How long a platform lets no more calls of one kind through: known after a restart too, so that
 * nobody calls inside a block because the service was started anew. */
#include "store/store_internal.h"

static int put_in_txn(struct store *s, const struct store_block *b, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "INSERT INTO block (account, api, until, in_row) VALUES (?1, ?2, ?3, ?4)"
                     " ON CONFLICT DO UPDATE SET until = ?3, in_row = ?4",
                     e);

    if (rc)
        return rc;
    bind_text(st, 1, b->account);
    bind_text(st, 2, b->api);
    bind_int(st, 3, b->until);
    bind_int(st, 4, b->in_row);
    return sql_run(s, st, e);
}

int store_block_put(struct store *s, const struct store_block *b, struct err *e)
{
    int rc = txn_begin(s, e);

    return rc ? rc : txn_end(s, put_in_txn(s, b, e), e);
}

int store_blocks(struct store *s, int (*each)(void *ctx, const struct store_block *b), void *ctx,
                 struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st, "SELECT account, api, until, in_row FROM block", e);

    if (rc)
        return rc;
    while ((rc = sql_step(s, st, e)) > 0) {
        const struct store_block b = {.account = column_text(st, 0),
                                      .api = column_text(st, 1),
                                      .until = sqlite3_column_int64(st, 2),
                                      .in_row = (unsigned)sqlite3_column_int64(st, 3)};
        if ((rc = each(ctx, &b))) {
            sqlite3_reset(st);
            return rc;
        }
    }
    return rc;
}
