/* Every delivery with where it stands, for counting: read in pieces of the id space, so that claims
 * get their turn on the store thread in between. */
#include "store/store_internal.h"

enum { REPORT_IDS = 5000 };

static int row_read(struct store *s, sqlite3_stmt *st, struct store_report_row *row, struct err *e)
{
    int64_t state = sqlite3_column_int64(st, 3), reason = sqlite3_column_int64(st, 4);

    *row = (struct store_report_row){.group = sqlite3_column_int64(st, 0),
                                     .name = column_text(st, 1),
                                     .test = sqlite3_column_int64(st, 2) != 0,
                                     .state = (enum delivery_state)state,
                                     .reason = (enum reason)reason,
                                     .at = column_instant(st, 5),
                                     .claimed_at = column_instant(st, 6),
                                     .asked_at = column_instant(st, 7),
                                     .by_person = sqlite3_column_int64(st, 8) != 0};
    if (state < 0 || state >= DELIVERY_STATES || reason < 0 || reason >= REASONS)
        return sql_damaged(s, "delivery", sqlite3_column_int64(st, 9), e);
    return 0;
}

/* A row that another revision of its campaign answers for. */
static bool counted_elsewhere(const struct store_report_row *row)
{
    return row->reason == REASON_SUPERSEDED || row->reason == REASON_ALREADY_HANDLED;
}

int store_report(struct store *s, const struct store_report_query *q, int64_t *after, bool *more,
                 store_report_fn *each, void *ctx, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(
        s, &st,
        "SELECT CASE ?1 WHEN 0 THEN c.id ELSE n.id END, CASE ?1 WHEN 0 THEN c.name ELSE n.name END,"
        " r.test, coalesce(l.state, CASE d.reason WHEN 0 THEN 0 ELSE 5 END),"
        " coalesce(l.reason, d.reason), coalesce(l.at, r.submitted_at), k.claimed_at,"
        " (SELECT min(at) FROM life WHERE delivery = d.id AND state = 2"
        "  AND claimed_at = k.claimed_at), l.by IS NOT NULL, d.id"
        " FROM delivery d NOT INDEXED JOIN revision r ON r.id = d.revision"
        " JOIN campaign c ON c.id = r.campaign JOIN lane a ON a.id = d.lane"
        " JOIN sender n ON n.id = a.sender"
        " LEFT JOIN life l ON l.seq = (SELECT max(seq) FROM life WHERE delivery = d.id)"
        " LEFT JOIN life k ON k.seq = (SELECT max(seq) FROM life WHERE delivery = d.id"
        "  AND claimed_at IS NOT NULL)"
        " WHERE d.id BETWEEN ?2 AND ?3 AND r.serial > 0 AND r.approved_at IS NOT NULL"
        " AND coalesce(l.at, r.submitted_at) >= ?4 AND coalesce(l.at, r.submitted_at) < ?5"
        " ORDER BY d.id",
        e);
    _Static_assert(DELIVERY_PROMPTED == 2 && DELIVERY_SKIPPED == 5, "the SQL names them");
    if (rc)
        return rc;
    bind_int(st, 1, q->by);
    bind_int(st, 2, *after + 1);
    bind_int(st, 3, *after + REPORT_IDS);
    bind_int(st, 4, q->from);
    bind_int(st, 5, q->to);
    while ((rc = sql_step(s, st, e)) > 0) {
        struct store_report_row row;
        rc = row_read(s, st, &row, e);
        if (!rc && !counted_elsewhere(&row))
            rc = each(ctx, &row);
        if (rc) {
            sqlite3_reset(st);
            return rc;
        }
    }
    *after += REPORT_IDS;
    *more = *after < s->tip.delivery;
    return rc;
}
