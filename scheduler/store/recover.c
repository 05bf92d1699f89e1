/* What a start needs to know of the past, and the ends that no answer brings: claims without an
 * outcome, and what is left when a campaign's time is over. */
#include "store/store_internal.h"

#include "base/arena.h"
#include "base/lang.h"

#include <stdlib.h>

static int expire_in_txn(struct store *s, int64_t revision, int64_t lane, instant_t at,
                         uint64_t *expired, struct err *e);
static int recover_in_txn(struct store *s, instant_t at, uint64_t *unknown, struct err *e);
static int open_claims(struct store *s, uint64_t *count, struct err *e);

int store_expire(struct store *s, int64_t revision, instant_t at, uint64_t *expired, struct err *e)
{
    int rc = txn_begin(s, e);

    *expired = 0;
    return rc ? rc : txn_end(s, expire_in_txn(s, revision, 0, at, expired, e), e);
}

int store_expire_lane(struct store *s, int64_t revision, int64_t lane, instant_t at,
                      uint64_t *expired, struct err *e)
{
    int rc = txn_begin(s, e);

    *expired = 0;
    return rc ? rc : txn_end(s, expire_in_txn(s, revision, lane, at, expired, e), e);
}

int store_recover(struct store *s, instant_t at, uint64_t *unknown, struct err *e)
{
    int rc = txn_begin(s, e);

    *unknown = 0;
    return rc ? rc : txn_end(s, recover_in_txn(s, at, unknown, e), e);
}

/* A row of the two listings below, which select the same columns. */
static struct store_send send_of(sqlite3_stmt *st)
{
    return (struct store_send){.delivery = sqlite3_column_int64(st, 0),
                               .revision = sqlite3_column_int64(st, 1),
                               .campaign = sqlite3_column_int64(st, 2),
                               .channel = sqlite3_column_int64(st, 3),
                               .sender = sqlite3_column_int64(st, 4),
                               .lane = sqlite3_column_int64(st, 5),
                               .recipient = sqlite3_column_int64(st, 6),
                               .claimed_at = sqlite3_column_int64(st, 7),
                               .answered_at = column_instant(st, 8),
                               .due_at = column_instant(st, 9),
                               .send = sqlite3_column_int64(st, 10),
                               .again = sqlite3_column_int(st, 11) != 0};
}

int store_history(struct store *s, instant_t since,
                  int (*each)(void *ctx, const struct store_send *x), void *ctx, struct err *e)
{
    sqlite3_stmt *st;
    int64_t first;
    int rc = history_first(s, since, &first, e);

    if (!rc)
        rc = sql_get(s, &st,
                     "SELECT d.id, d.revision, r.campaign, n.channel, n.sender, d.lane,"
                     " d.recipient, l.claimed_at, coalesce(l.sent_at, l.at), l.due_at, l.send,"
                     " row_number() OVER (PARTITION BY CASE l.send WHEN 0 THEN d.id ELSE l.send"
                     "  END, l.claimed_at ORDER BY coalesce(l.sent_at, l.at) DESC, l.seq DESC) > 1 "
                     "FROM life l"
                     " CROSS JOIN delivery d ON d.id = l.delivery"
                     " JOIN revision r ON r.id = d.revision JOIN lane n ON n.id = d.lane"
                     " WHERE l.seq >= ? AND l.at >= ? AND" IS_SEND
                     "ORDER BY coalesce(l.sent_at, l.at), l.seq",
                     e);
    if (rc)
        return rc;
    bind_int(st, 1, first);
    bind_int(st, 2, since);
    while ((rc = sql_step(s, st, e)) > 0) {
        const struct store_send x = send_of(st);
        if ((rc = each(ctx, &x))) {
            sqlite3_reset(st);
            return rc;
        }
    }
    return rc;
}

int store_claimed(struct store *s, int (*each)(void *ctx, const struct store_send *x), void *ctx,
                  struct err *e)
{
    sqlite3_stmt *st;
    uint64_t count;
    int rc = open_claims(s, &count, e);

    if (rc || !count)
        return rc;
    rc = sql_get(s, &st,
                 "SELECT d.id, d.revision, r.campaign, n.channel, n.sender, d.lane, d.recipient,"
                 " l.at, NULL, l.due_at, l.send, 0 FROM (SELECT * FROM life x"
                 "  WHERE x.state = ?1 AND x.seq ="
                 "  (SELECT max(seq) FROM life WHERE delivery = x.delivery)"
                 "  ORDER BY x.seq DESC LIMIT ?2) l JOIN delivery d ON d.id = l.delivery"
                 " JOIN revision r ON r.id = d.revision JOIN lane n ON n.id = d.lane"
                 " ORDER BY d.revision, l.send, d.id",
                 e);
    if (rc)
        return rc;
    bind_int(st, 1, DELIVERY_CLAIMED);
    bind_int(st, 2, (int64_t)count);
    while ((rc = sql_step(s, st, e)) > 0) {
        const struct store_send x = send_of(st);
        if ((rc = each(ctx, &x))) {
            sqlite3_reset(st);
            return rc;
        }
    }
    return rc;
}

int store_lane_last(struct store *s, int64_t lane, instant_t *due_at, instant_t *answered_at,
                    struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT l.due_at, l.at FROM lane n JOIN life l ON l.seq = n.last_life"
                     " WHERE n.id = ?",
                     e);
    *due_at = *answered_at = INSTANT_MIN;
    if (rc)
        return rc;
    bind_int(st, 1, lane);
    if ((rc = sql_step(s, st, e)) <= 0)
        return rc;
    *due_at = column_instant(st, 0);
    *answered_at = column_instant(st, 1);
    sqlite3_reset(st);
    return 0;
}

int store_high_water(struct store *s, instant_t *at, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st, "SELECT max(at) FROM audit", e); /* each change has its record */

    *at = INSTANT_MIN;
    if (rc || (rc = sql_step(s, st, e)) <= 0)
        return rc;
    *at = column_instant(st, 0);
    sqlite3_reset(st);
    return 0;
}

static int expire_in_txn(struct store *s, int64_t revision, int64_t lane, instant_t at,
                         uint64_t *expired, struct err *e)
{
    struct revision_head r;
    struct change change = {0};
    int rc = revision_get(s, revision, &r, e);

    if (rc)
        return rc;
    if (!r.approved)
        rc = err_set(e, ERR_REFUSED, tr("%s is %s: only an approved campaign can end"), r.campaign,
                     revision_status_text(r.status));
    else if (r.closed_state == DELIVERY_PENDING && lane)
        rc = change_end_lane(s, &change, revision, lane, at, expired, e);
    else if (r.closed_state == DELIVERY_PENDING)
        rc = change_close(s, &change, revision, DELIVERY_EXPIRED, REASON_ENDED, at, NULL, expired,
                          e);
    if (!rc && change.first) {
        json_t *detail = json_object();
        detail_int(detail, "expired", (int64_t)*expired);
        rc = decision_record(s, &r, "expire", SERVICE_NAME, at, &change, detail, e);
    }
    change_dispose(&change);
    revision_dispose(&r);
    return rc;
}

/* How many claims are open says how far back to look. */
static int open_claims(struct store *s, uint64_t *count, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st, "SELECT coalesce(sum(n), 0) FROM counter WHERE state = ?", e);

    *count = 0;
    if (rc)
        return rc;
    bind_int(st, 1, DELIVERY_CLAIMED);
    if ((rc = sql_step(s, st, e)) <= 0)
        return rc;
    *count = (uint64_t)sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return 0;
}

/* The last `count` claims that no later row answers, newest first. */
static int claims_find(struct store *s, int64_t *deliveries, uint64_t count, struct err *e)
{
    sqlite3_stmt *st;
    uint64_t found = 0;
    int rc = sql_get(s, &st,
                     "SELECT l.delivery FROM life l WHERE l.state = ? AND l.seq ="
                     " (SELECT max(seq) FROM life WHERE delivery = l.delivery)"
                     " ORDER BY l.seq DESC",
                     e);
    if (rc)
        return rc;
    bind_int(st, 1, DELIVERY_CLAIMED);
    while (found < count && (rc = sql_step(s, st, e)) > 0)
        deliveries[found++] = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    if (rc >= 0 && found < count)
        return err_set(
            e, ERR_DATA,
            tr("the store %s is damaged: its counters tell of %llu open claims, and %llu "
               "are there; restore a backup of it"),
            s->path, (unsigned long long)count, (unsigned long long)found);
    return rc < 0 ? rc : 0;
}

/* By hand nobody is asked before the question is durable: a bare claim was not sent. */
static int claim_return(struct store *s, struct change *change, const struct revision_head *r,
                        const struct standing *now, instant_t at, struct err *e)
{
    struct life row = {.delivery = now->last.delivery,
                       .at = at,
                       .state = DELIVERY_PENDING,
                       .due_at = INSTANT_MIN,
                       .claimed_at = now->last.claimed_at};
    int rc = change_add(s, change, r->id, DELIVERY_CLAIMED, &row, e);

    if (!rc)
        rc = progress_lower(s, now->last.delivery, e);
    return rc ? rc : change_follow(s, change, r, now->last.delivery, at, e);
}

static int claim_interrupt(struct store *s, struct change *change, int64_t delivery, instant_t at,
                           uint64_t *unknown, struct err *e)
{
    struct standing now;
    struct revision_head r = {0};
    int rc = standing_get(s, delivery, &now, e);

    if (!rc)
        rc = revision_get(s, now.revision, &r, e);
    if (!rc && r.by_hand) {
        rc = claim_return(s, change, &r, &now, at, e);
    } else if (!rc) {
        struct life row = {.delivery = delivery,
                           .at = at,
                           .state = DELIVERY_UNKNOWN,
                           .reason = REASON_INTERRUPTED,
                           .due_at = now.last.due_at,
                           .claimed_at = now.last.claimed_at,
                           .send = now.last.send};
        rc = change_add(s, change, now.revision, DELIVERY_CLAIMED, &row, e);
        if (!rc)
            rc = lane_answered(s, now.lane, change->last, e);
        if (!rc)
            rc = lane_sent(s, now.lane, &row, e);
        ++*unknown;
    }
    revision_dispose(&r);
    return rc;
}

static int recover_in_txn(struct store *s, instant_t at, uint64_t *unknown, struct err *e)
{
    struct change change = {0};
    uint64_t count;
    int rc = open_claims(s, &count, e);

    if (rc || count == 0)
        return rc;
    int64_t *deliveries = xmalloc((size_t)count * sizeof(*deliveries));
    rc = claims_find(s, deliveries, count, e);
    for (uint64_t i = count; i-- > 0 && !rc;) /* in the order of their claims */
        rc = claim_interrupt(s, &change, deliveries[i], at, unknown, e);
    free(deliveries);
    if (!rc) {
        json_t *detail = json_object();
        struct record record = {at, SERVICE_NAME, "recover", NULL, NULL, detail};
        detail_int(detail, "unknown", (int64_t)*unknown);
        rc = change_end(s, &change, detail, e);
        if (!rc)
            rc = audit_append(s, &record, e);
        json_decref(detail);
    }
    change_dispose(&change);
    if (rc)
        *unknown = 0;
    return rc;
}

/* Back from the end to the first answer that lies well before `since`: the answers of commits are a
 * little out of order at most. What people did in between does not end the search. */
int history_first(struct store *s, instant_t since, int64_t *first, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT l.seq FROM life l WHERE l.claimed_at IS NOT NULL AND l.at < ?"
                     " ORDER BY l.seq DESC LIMIT 1",
                     e);
    *first = 0;
    if (rc)
        return rc;
    bind_int(st, 1, instant_add(since, -MS_PER_MINUTE));
    if ((rc = sql_step(s, st, e)) <= 0)
        return rc;
    *first = sqlite3_column_int64(st, 0) + 1;
    sqlite3_reset(st);
    return 0;
}
