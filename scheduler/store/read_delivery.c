/* Deliveries as people see them: the immutable row joined with its last step and its last claim. */
#include "store/store_internal.h"

#include "base/lang.h"

#define DELIVERY_COLUMNS                                                                           \
    "SELECT d.id, d.revision, d.row, d.lane, c.name, h.name, n.name, x.name, d.fields, r.digest,"  \
    " coalesce(l.state, CASE d.reason WHEN 0 THEN 0 ELSE 5 END), coalesce(l.reason, d.reason),"    \
    " k.due_at, k.claimed_at, coalesce(l.sent_at, l.at, r.submitted_at),"                          \
    " (SELECT count(*) FROM life WHERE delivery = d.id AND state = 1),"                            \
    " (SELECT ref FROM life WHERE delivery = d.id AND ref IS NOT NULL ORDER BY seq DESC LIMIT 1)"  \
    ", d.recipient"
#define DELIVERY_JOINS                                                                             \
    " JOIN revision r ON r.id = d.revision JOIN campaign c ON c.id = r.campaign"                   \
    " JOIN lane a ON a.id = d.lane JOIN channel h ON h.id = a.channel"                             \
    " JOIN sender n ON n.id = a.sender JOIN recipient x ON x.id = d.recipient"                     \
    " LEFT JOIN life l ON l.seq = (SELECT max(seq) FROM life WHERE delivery = d.id)"               \
    " LEFT JOIN life k ON k.seq = (SELECT max(seq) FROM life WHERE delivery = d.id"                \
    "  AND claimed_at IS NOT NULL)"
_Static_assert(DELIVERY_CLAIMED == 1 && DELIVERY_SKIPPED == 5 && DELIVERY_UNKNOWN == 8,
               "the SQL names them");

static int delivery_read(struct store *s, sqlite3_stmt *st, struct store_delivery *d,
                         struct err *e);

int store_deliveries(struct store *s, int64_t revision, enum delivery_state state, int64_t after,
                     size_t limit, store_delivery_fn *each, void *ctx, int64_t *last, bool *more,
                     struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     DELIVERY_COLUMNS
                     " FROM revision v CROSS JOIN delivery d NOT INDEXED" DELIVERY_JOINS
                     " WHERE v.id = ?1 AND v.serial > 0 AND d.revision = ?1"
                     " AND d.id BETWEEN max(v.first_delivery, ?2 + 1) AND v.last_delivery"
                     " AND (?3 = 9 OR coalesce(l.state, CASE d.reason WHEN 0 THEN 0 ELSE 5 END)"
                     "  = ?3) ORDER BY d.id",
                     e);
    _Static_assert(DELIVERY_STATES == 9, "the SQL names it");
    *last = after;
    *more = false;
    if (rc)
        return rc;
    bind_int(st, 1, revision);
    bind_int(st, 2, after);
    bind_int(st, 3, state);
    for (size_t n = 0; (rc = sql_step(s, st, e)) > 0; n++) {
        struct store_delivery d;
        *more = n == limit;
        rc = *more ? 0 : delivery_read(s, st, &d, e);
        if (!rc && !*more)
            rc = each(ctx, &d);
        if (rc || *more) {
            sqlite3_reset(st);
            return rc;
        }
        *last = d.id;
    }
    return rc;
}

int store_delivery(struct store *s, int64_t delivery, store_delivery_fn *each, void *ctx,
                   struct err *e)
{
    struct store_delivery d;
    sqlite3_stmt *st;
    int rc = sql_get(
        s, &st,
        DELIVERY_COLUMNS " FROM delivery d" DELIVERY_JOINS " WHERE d.id = ? AND r.serial > 0", e);
    if (rc)
        return rc;
    bind_int(st, 1, delivery);
    if ((rc = sql_step(s, st, e)) < 0)
        return rc;
    if (rc == 0)
        return err_set(e, ERR_NOTFOUND, tr("there is no delivery %lld"), (long long)delivery);
    rc = delivery_read(s, st, &d, e);
    if (!rc)
        rc = each(ctx, &d);
    sqlite3_reset(st);
    return rc;
}

int store_delivery_row(struct store *s, int64_t revision, uint64_t row, store_delivery_fn *each,
                       void *ctx, struct err *e)
{
    struct store_delivery d;
    sqlite3_stmt *st;
    /* ids ascend by row without gaps, but for what another revision loaded in between */
    int rc = sql_get(s, &st,
                     DELIVERY_COLUMNS
                     " FROM revision v CROSS JOIN delivery d NOT INDEXED" DELIVERY_JOINS
                     " WHERE v.id = ?1 AND v.serial > 0 AND d.revision = ?1 AND d.row = ?2"
                     " AND d.id BETWEEN v.first_delivery + ?2 - 1 AND v.last_delivery"
                     " ORDER BY d.id LIMIT 1",
                     e);
    if (rc)
        return rc;
    bind_int(st, 1, revision);
    bind_int(st, 2, (int64_t)(row < INT32_MAX ? row : INT32_MAX));
    if ((rc = sql_step(s, st, e)) < 0)
        return rc;
    if (rc == 0)
        return err_set(e, ERR_NOTFOUND, tr("this revision has no row %llu"),
                       (unsigned long long)row);
    rc = delivery_read(s, st, &d, e);
    if (!rc)
        rc = each(ctx, &d);
    sqlite3_reset(st);
    return rc;
}

int store_unknowns(struct store *s, size_t limit, store_delivery_fn *each, void *ctx, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     DELIVERY_COLUMNS " FROM life u INDEXED BY life_unknown"
                                      " JOIN delivery d ON d.id = u.delivery" DELIVERY_JOINS
                                      " WHERE u.state = 8 AND u.seq = l.seq ORDER BY u.seq DESC",
                     e);
    if (rc)
        return rc;
    for (size_t n = 0; n < limit && (rc = sql_step(s, st, e)) > 0; n++) {
        struct store_delivery d;
        rc = delivery_read(s, st, &d, e);
        if (!rc)
            rc = each(ctx, &d);
        if (rc)
            break;
    }
    sqlite3_reset(st);
    return rc;
}

static int delivery_read(struct store *s, sqlite3_stmt *st, struct store_delivery *d, struct err *e)
{
    int64_t state = sqlite3_column_int64(st, 10), reason = sqlite3_column_int64(st, 11);

    *d = (struct store_delivery){.id = sqlite3_column_int64(st, 0),
                                 .revision = sqlite3_column_int64(st, 1),
                                 .row = (uint64_t)sqlite3_column_int64(st, 2),
                                 .lane = sqlite3_column_int64(st, 3),
                                 .campaign = column_text(st, 4),
                                 .channel = column_text(st, 5),
                                 .sender = column_text(st, 6),
                                 .recipient = column_text(st, 7),
                                 .values = column_text(st, 8),
                                 .state = (enum delivery_state)state,
                                 .reason = (enum reason)reason,
                                 .due_at = column_instant(st, 12),
                                 .claimed_at = column_instant(st, 13),
                                 .settled_at = INSTANT_MIN,
                                 .attempts = (uint32_t)sqlite3_column_int64(st, 15),
                                 .ref = column_text(st, 16),
                                 .recipient_id = sqlite3_column_int64(st, 17)};
    if (!column_digest(st, 9, &d->digest) || state < 0 || state >= DELIVERY_STATES || reason < 0 ||
        reason >= REASONS)
        return sql_damaged(s, "delivery", d->id, e);
    if (delivery_state_final(d->state) || d->state == DELIVERY_UNKNOWN)
        d->settled_at = column_instant(st, 14);
    return 0;
}
