/* Who was written to of late, for `where: {not_contacted: ...}` of a submission that is being
 * loaded: noted once in a temporary table, then looked up row by row. */
#include "store/store_internal.h"

_Static_assert(DELIVERY_CLAIMED == 1 && DELIVERY_PROMPTED == 2, "the SQL names them");

static int note_in_txn(struct store *s, int64_t loading, instant_t since, struct err *e)
{
    static const char *const steps[] = {
        "CREATE TEMP TABLE IF NOT EXISTS contacted (loading INTEGER NOT NULL,"
        " recipient INTEGER NOT NULL, PRIMARY KEY (loading, recipient)) WITHOUT ROWID",
        "DELETE FROM temp.contacted WHERE loading NOT IN"
        " (SELECT id FROM revision WHERE serial = 0 AND id <> ?1)",
        /* what was sent, or may have been */
        "INSERT OR IGNORE INTO temp.contacted SELECT ?1, d.recipient FROM life l"
        " CROSS JOIN delivery d ON d.id = l.delivery JOIN revision r ON r.id = d.revision"
        " WHERE l.seq >= ?2 AND l.at >= ?3 AND" IS_SEND
        "AND r.campaign <> (SELECT campaign FROM revision WHERE id = ?1)",
        /* what is under way */
        "INSERT OR IGNORE INTO temp.contacted SELECT ?1, d.recipient FROM life l"
        " CROSS JOIN delivery d ON d.id = l.delivery JOIN revision r ON r.id = d.revision"
        " WHERE l.seq >= ?2 AND l.state = 1"
        " AND l.seq = (SELECT max(seq) FROM life WHERE delivery = d.id)"
        " AND r.campaign <> (SELECT campaign FROM revision WHERE id = ?1)",
        /* what people are asked */
        "INSERT OR IGNORE INTO temp.contacted SELECT ?1, d.recipient FROM prompt_delivery p"
        " JOIN delivery d ON d.id = p.delivery JOIN revision r ON r.id = d.revision"
        " WHERE 2 = (SELECT state FROM life WHERE delivery = d.id ORDER BY seq DESC LIMIT 1)"
        " AND r.campaign <> (SELECT campaign FROM revision WHERE id = ?1)",
    };
    int64_t first = 0;
    int rc = sql_exec(s, steps[0], e);

    if (!rc)
        rc = history_first(s, since, &first, e);
    for (size_t i = 1; i < sizeof steps / sizeof *steps && !rc; i++) {
        sqlite3_stmt *st;
        rc = sql_get(s, &st, steps[i], e);
        if (rc)
            break;
        bind_int(st, 1, loading);
        if (i == 2 || i == 3)
            bind_int(st, 2, first);
        if (i == 2)
            bind_int(st, 3, since);
        rc = sql_run(s, st, e);
    }
    return rc;
}

int store_contacted_note(struct store *s, int64_t loading, instant_t since, struct err *e)
{
    int rc = txn_begin(s, e);

    return rc ? rc : txn_end(s, note_in_txn(s, loading, since, e), e);
}

int store_contacted(struct store *s, int64_t loading, const char *recipient, bool *contacted,
                    struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT 1 FROM temp.contacted WHERE loading = ? AND recipient ="
                     " (SELECT id FROM recipient WHERE name = ?)",
                     e);
    *contacted = false;
    if (rc)
        return rc;
    bind_int(st, 1, loading);
    bind_text(st, 2, recipient);
    rc = sql_step(s, st, e);
    *contacted = rc > 0;
    sqlite3_reset(st);
    return rc < 0 ? rc : 0;
}
