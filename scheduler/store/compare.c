/* The platform's ids that we know: of what we sent, and of what was told as unknown before. */
#include "store/store_internal.h"

int store_known_refs(struct store *s, instant_t since, int (*each)(void *ctx, const char *ref),
                     void *ctx, struct err *e)
{
    sqlite3_stmt *st;
    int64_t first = 0;
    int rc = history_first(s, since, &first, e);

    if (!rc)
        rc = sql_get(s, &st,
                     "SELECT ref FROM life WHERE seq >= ?1 AND ref IS NOT NULL"
                     " UNION SELECT json_extract(detail, '$.ref') FROM audit"
                     " WHERE at >= ?2 AND event = 'unknown_task'",
                     e);
    if (rc)
        return rc;
    bind_int(st, 1, first);
    bind_int(st, 2, since);
    while ((rc = sql_step(s, st, e)) > 0) {
        const char *ref = column_text(st, 0);
        if (ref && (rc = each(ctx, ref))) {
            sqlite3_reset(st);
            return rc;
        }
    }
    return rc;
}
