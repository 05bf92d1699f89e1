/* Sends whose answer was lost, and what the platform said of them later.
 *
 * A send is found again by its claims: those of one revision that carry the same number and the
 * same instant. What it turns out to be is a task (its deliveries become prompted), or stays
 * unknown until a person says. */
#include "store/store_internal.h"

#include "base/arena.h"

#include <stdlib.h>

int store_lost(struct store *s, instant_t since,
               int (*each)(void *ctx, const struct store_lost_row *row), void *ctx, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT d.revision, d.lane, k.send, k.claimed_at, d.id, r.name, n.name,"
                     " d.fields, v.channel FROM life u INDEXED BY life_unknown"
                     " JOIN delivery d ON d.id = u.delivery"
                     " JOIN life k ON k.seq = (SELECT max(seq) FROM life WHERE delivery = d.id"
                     "  AND state = 1)"
                     " JOIN recipient r ON r.id = d.recipient JOIN lane l ON l.id = d.lane"
                     " JOIN sender n ON n.id = l.sender JOIN revision v ON v.id = d.revision"
                     " WHERE u.state = 8 AND k.claimed_at >= ? AND v.by_hand = 0"
                     " AND u.seq = (SELECT max(seq) FROM life WHERE delivery = d.id)"
                     " ORDER BY d.revision, d.lane, k.claimed_at, k.send, d.id",
                     e);

    _Static_assert(DELIVERY_CLAIMED == 1 && DELIVERY_UNKNOWN == 8, "the SQL names them");
    if (rc)
        return rc;
    bind_int(st, 1, since);
    while ((rc = sql_step(s, st, e)) > 0) {
        struct store_lost_row row = {.revision = sqlite3_column_int64(st, 0),
                                     .lane = sqlite3_column_int64(st, 1),
                                     .send = sqlite3_column_int64(st, 2),
                                     .claimed_at = sqlite3_column_int64(st, 3),
                                     .delivery = sqlite3_column_int64(st, 4),
                                     .recipient = column_text(st, 5),
                                     .sender = column_text(st, 6),
                                     .values = column_text(st, 7),
                                     .channel = column_text(st, 8)};
        if (!row.recipient || !row.sender || !row.channel)
            rc = sql_damaged(s, "delivery", row.delivery, e);
        else
            rc = each(ctx, &row);
        if (rc) {
            sqlite3_reset(st);
            return rc;
        }
    }
    return rc;
}

int store_refs(struct store *s, instant_t since, int (*each)(void *ctx, const char *ref), void *ctx,
               struct err *e)
{
    sqlite3_stmt *st;
    int64_t first = 0;
    int rc = history_first(s, since, &first, e);

    if (!rc)
        rc = sql_get(s, &st, "SELECT DISTINCT ref FROM life WHERE seq >= ? AND ref IS NOT NULL", e);
    if (rc)
        return rc;
    bind_int(st, 1, first);
    while ((rc = sql_step(s, st, e)) > 0) {
        if ((rc = each(ctx, column_text(st, 0)))) {
            sqlite3_reset(st);
            return rc;
        }
    }
    return rc;
}

static int adopt_one(struct store *s, struct change *change, const struct store_adoption *a,
                     int64_t delivery, uint64_t *adopted, struct err *e)
{
    struct standing now;
    int rc = standing_get(s, delivery, &now, e);

    if (rc || now.revision != a->revision)
        return rc;
    if (now.last.state == DELIVERY_PROMPTED && now.last.at == a->at) {
        ++*adopted; /* by this very adoption: its COMMIT failed and happened (R4) */
        return 0;
    }
    if (now.last.state != DELIVERY_UNKNOWN)
        return 0; /* a person was quicker */
    struct life row = {.delivery = delivery,
                       .at = a->at,
                       .state = DELIVERY_PROMPTED,
                       .due_at = now.last.due_at,
                       .claimed_at = a->claimed_at,
                       .ref = a->ref,
                       .send = a->send};
    const struct store_result prompt = {.delivery = delivery,
                                        .at = a->at,
                                        .revision = a->revision,
                                        .lane = a->lane,
                                        .claimed_at = a->claimed_at,
                                        .ref = a->ref,
                                        .task = true,
                                        .prompt = a->send,
                                        .nonce = ""};
    rc = change_add(s, change, a->revision, DELIVERY_UNKNOWN, &row, e);
    if (!rc)
        rc = prompt_open(s, &prompt, e);
    ++*adopted;
    return rc;
}

static int refuse_one(struct store *s, struct change *change, const struct store_adoption *a,
                      int64_t delivery, int64_t *refused, struct err *e)
{
    struct standing now;
    int rc = standing_get(s, delivery, &now, e);

    if (rc || now.revision != a->revision || now.last.state != DELIVERY_UNKNOWN)
        return rc;
    struct life row = {.delivery = delivery,
                       .at = a->at,
                       .state = DELIVERY_FAILED,
                       .reason = REASON_BAD_RECIPIENT,
                       .due_at = now.last.due_at,
                       .claimed_at = a->claimed_at,
                       .send = a->send};
    ++*refused;
    return change_add(s, change, a->revision, DELIVERY_UNKNOWN, &row, e);
}

static int adopt_in_txn(struct store *s, const struct store_adoption *a, uint64_t *adopted,
                        struct err *e)
{
    struct revision_head r = {0};
    struct change change = {0};
    json_t *detail = json_object();
    int64_t refused = 0;
    int rc = revision_get(s, a->revision, &r, e);

    for (size_t i = 0; !rc && i < a->count; i++)
        rc = adopt_one(s, &change, a, a->deliveries[i], adopted, e);
    for (size_t i = 0; !rc && i < a->refused_count; i++)
        rc = refuse_one(s, &change, a, a->refused[i], &refused, e);
    if (!rc)
        rc = detail_text(detail, "ref", a->ref, e);
    if (!rc && change.first) {
        detail_int(detail, "adopted", (int64_t)*adopted);
        if (refused)
            detail_int(detail, "refused", refused);
        rc = decision_record(s, &r, "reconcile", SERVICE_NAME, a->at, &change, json_incref(detail),
                             e);
    }
    change_dispose(&change);
    json_decref(detail);
    revision_dispose(&r);
    return rc;
}

int store_adopt(struct store *s, const struct store_adoption *a, uint64_t *adopted, struct err *e)
{
    int rc = txn_begin(s, e);

    *adopted = 0;
    return rc ? rc : txn_end(s, adopt_in_txn(s, a, adopted, e), e);
}
