/* What people are being asked: opened and closed by the commits that move its deliveries, so that
 * both are on disk or neither is. */
#include "store/store_internal.h"

#include <assert.h>

int prompt_open(struct store *s, const struct store_result *x, struct err *e)
{
    sqlite3_stmt *st;
    int rc =
        sql_get(s, &st,
                "INSERT INTO prompt (id, revision, lane, nonce, asked_at, claimed_at, ref, open)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT (id) DO UPDATE SET open = open + 1",
                e);

    assert(x->prompt && x->nonce);
    if (rc)
        return rc;
    bind_int(st, 1, x->prompt);
    bind_int(st, 2, x->revision);
    bind_int(st, 3, x->lane);
    bind_text(st, 4, x->nonce);
    bind_int(st, 5, x->at);
    bind_int(st, 6, x->claimed_at);
    bind_text(st, 7, x->task ? x->ref : NULL);
    rc = sql_run(s, st, e);
    if (!rc)
        rc = sql_get(s, &st,
                     "INSERT INTO prompt_delivery (prompt, delivery) VALUES (?, ?)"
                     " ON CONFLICT DO UPDATE SET open = 1",
                     e);
    if (rc)
        return rc;
    bind_int(st, 1, x->prompt);
    bind_int(st, 2, x->delivery);
    return sql_run(s, st, e);
}

static int prompt_delete(struct store *s, int64_t prompt, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st, "DELETE FROM prompt_delivery WHERE prompt = ?", e);

    if (rc)
        return rc;
    bind_int(st, 1, prompt);
    rc = sql_run(s, st, e);
    if (!rc)
        rc = sql_get(s, &st, "DELETE FROM prompt WHERE id = ?", e);
    if (rc)
        return rc;
    bind_int(st, 1, prompt);
    return sql_run(s, st, e);
}

int prompt_settled(struct store *s, int64_t delivery, struct err *e)
{
    sqlite3_stmt *st;
    int64_t prompt, open;
    int rc = sql_get(s, &st,
                     "UPDATE prompt_delivery SET open = 0 WHERE delivery = ? AND open"
                     " RETURNING prompt",
                     e);

    if (rc)
        return rc;
    bind_int(st, 1, delivery);
    if ((rc = sql_step(s, st, e)) <= 0)
        return rc;
    prompt = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    rc = sql_get(s, &st, "UPDATE prompt SET open = open - 1 WHERE id = ? RETURNING open", e);
    if (rc)
        return rc;
    bind_int(st, 1, prompt);
    if ((rc = sql_step(s, st, e)) <= 0)
        return rc;
    open = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return open ? 0 : prompt_delete(s, prompt, e);
}

int store_prompts(struct store *s, int64_t revision,
                  int (*each)(void *ctx, const struct store_prompt *p,
                              const struct store_prompt_row *row),
                  void *ctx, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT p.id, p.revision, p.lane, p.nonce, p.asked_at, p.shown_at,"
                     " p.snoozed_until, p.reminded, p.doubted, d.id, d.recipient, d.message,"
                     " d.row, (SELECT count(*) FROM life WHERE delivery = d.id AND state = 1),"
                     " r.name, n.name, d.fields, (SELECT state FROM life WHERE delivery = d.id"
                     "  ORDER BY seq DESC LIMIT 1), p.claimed_at, p.ref,"
                     " coalesce((SELECT max(at) FROM life WHERE delivery = d.id AND state = 0"
                     "  AND reason = 8), 0)"
                     " FROM prompt p JOIN prompt_delivery x ON x.prompt = p.id"
                     " JOIN delivery d ON d.id = x.delivery JOIN recipient r ON r.id = d.recipient"
                     " JOIN lane l ON l.id = p.lane JOIN sender n ON n.id = l.sender"
                     " WHERE ?1 IN (0, p.revision) ORDER BY p.id, d.id",
                     e);

    if (rc)
        return rc;
    bind_int(st, 1, revision);
    while ((rc = sql_step(s, st, e)) > 0) {
        struct store_prompt p = {.id = sqlite3_column_int64(st, 0),
                                 .revision = sqlite3_column_int64(st, 1),
                                 .lane = sqlite3_column_int64(st, 2),
                                 .nonce = column_text(st, 3),
                                 .claimed_at = sqlite3_column_int64(st, 18),
                                 .asked_at = sqlite3_column_int64(st, 4),
                                 .shown_at = column_instant(st, 5),
                                 .snoozed_until = column_instant(st, 6),
                                 .reminded = (uint32_t)sqlite3_column_int64(st, 7),
                                 .doubted = sqlite3_column_int64(st, 8) != 0,
                                 .ref = column_text(st, 19)};
        int64_t state = sqlite3_column_int64(st, 17);
        struct store_prompt_row row = {.delivery = sqlite3_column_int64(st, 9),
                                       .recipient_id = sqlite3_column_int64(st, 10),
                                       .message = sqlite3_column_int64(st, 11),
                                       .row = (uint64_t)sqlite3_column_int64(st, 12),
                                       .attempts = (uint32_t)sqlite3_column_int64(st, 13),
                                       .recipient = column_text(st, 14),
                                       .sender = column_text(st, 15),
                                       .values = column_text(st, 16),
                                       .capped_at = sqlite3_column_int64(st, 20)};
        if (state < 0 || state >= DELIVERY_STATES || !p.nonce || !row.recipient || !row.sender) {
            sqlite3_reset(st);
            return sql_damaged(s, "prompt", p.id, e);
        }
        row.state = (enum delivery_state)state;
        if ((rc = each(ctx, &p, &row))) {
            sqlite3_reset(st);
            return rc;
        }
    }
    return rc;
}

static int update_in_txn(struct store *s, const struct store_prompt *p, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "UPDATE prompt SET nonce = ?, shown_at = ?, snoozed_until = ?, reminded = ?,"
                     " doubted = ? WHERE id = ?",
                     e);

    if (rc)
        return rc;
    bind_text(st, 1, p->nonce);
    bind_instant(st, 2, p->shown_at);
    bind_instant(st, 3, p->snoozed_until);
    bind_int(st, 4, p->reminded);
    bind_int(st, 5, p->doubted);
    bind_int(st, 6, p->id);
    return sql_run(s, st, e);
}

int store_prompt_update(struct store *s, const struct store_prompt *p, struct err *e)
{
    int rc = txn_begin(s, e);

    return rc ? rc : txn_end(s, update_in_txn(s, p, e), e);
}
