/* Steps of deliveries: life rows appended, the counters they move, the digest their record carries.
 *
 * A delivery is where its last life row says, or pending or skipped from the start when it has
 * none. The counters are summed up here and written once at the end of the change. */
#include "store/store_internal.h"

#include "base/lang.h"

#include <assert.h>
#include <string.h>

static struct tally *tally_of(struct store *s, struct change *c, int64_t revision, int *rc,
                              struct err *e);
static int tallies_write(struct store *s, struct change *c, struct err *e);

void life_digest(struct digester *d, int64_t seq, const struct life *row)
{
    digester_int(d, seq);
    digester_int(d, row->delivery);
    digester_int(d, row->state);
    digester_int(d, row->at);
    digester_int(d, row->reason);
    digester_int(d, row->due_at);
    digester_int(d, row->claimed_at);
    digest_optional(d, row->ref, row->ref ? strlen(row->ref) : 0);
    digest_optional(d, row->by, row->by ? strlen(row->by) : 0);
    digester_int(d, row->send);
    digester_int(d, row->sent_at);
}

bool life_of_columns(sqlite3_stmt *st, int first, struct life *out)
{
    int64_t state = sqlite3_column_int64(st, first + 2);
    int64_t reason = sqlite3_column_int64(st, first + 3);

    if (state < 0 || state >= DELIVERY_STATES || reason < 0 || reason >= REASONS)
        return false;
    *out = (struct life){.delivery = sqlite3_column_int64(st, first),
                         .at = sqlite3_column_int64(st, first + 1),
                         .state = (enum delivery_state)state,
                         .reason = (enum reason)reason,
                         .due_at = column_instant(st, first + 4),
                         .claimed_at = column_instant(st, first + 5),
                         .ref = column_text(st, first + 6),
                         .by = column_text(st, first + 7),
                         .send = sqlite3_column_int64(st, first + 8),
                         .sent_at = sqlite3_column_int64(st, first + 9)};
    return (!out->ref || strlen(out->ref) == (size_t)sqlite3_column_bytes(st, first + 6)) &&
           (!out->by || strlen(out->by) == (size_t)sqlite3_column_bytes(st, first + 7));
}

/* ref and by are left out: they would not outlive the statement. */
int standing_get(struct store *s, int64_t delivery, struct standing *out, struct err *e)
{
    sqlite3_stmt *st;
    int rc =
        sql_get(s, &st,
                "SELECT d.revision, d.lane, d.reason, l.seq, l.delivery, l.at, l.state,"
                " l.reason, l.due_at, l.claimed_at, l.ref, l.by, l.send, l.sent_at FROM delivery d"
                " LEFT JOIN life l ON l.seq = (SELECT max(seq) FROM life WHERE delivery = d.id)"
                " WHERE d.id = ?",
                e);
    if (rc)
        return rc;
    bind_int(st, 1, delivery);
    if ((rc = sql_step(s, st, e)) < 0)
        return rc;
    if (rc == 0)
        return err_set(e, ERR_NOTFOUND, tr("there is no delivery %lld"), (long long)delivery);
    out->revision = sqlite3_column_int64(st, 0);
    out->lane = sqlite3_column_int64(st, 1);
    int64_t reason = sqlite3_column_int64(st, 2);
    bool whole = reason >= 0 && reason < REASONS;
    if (sqlite3_column_type(st, 3) != SQLITE_NULL)
        whole = life_of_columns(st, 4, &out->last) && whole;
    else
        out->last = (struct life){.delivery = delivery,
                                  .at = INSTANT_MIN,
                                  .state = reason ? DELIVERY_SKIPPED : DELIVERY_PENDING,
                                  .reason = whole ? (enum reason)reason : REASON_NONE,
                                  .due_at = INSTANT_MIN,
                                  .claimed_at = INSTANT_MIN};
    out->last.ref = out->last.by = NULL;
    sqlite3_reset(st);
    return whole ? 0 : sql_damaged(s, "delivery", delivery, e);
}

int change_add(struct store *s, struct change *c, int64_t revision, enum delivery_state from,
               const struct life *row, struct err *e)
{
    sqlite3_stmt *st;
    int rc = 0;

    assert(delivery_may_follow(from, row->state) || delivery_person_may(from, row->state));
    assert(row->reason >= 0 && row->reason < REASONS);
    struct tally *t = tally_of(s, c, revision, &rc, e);
    if (!rc)
        rc = sql_get(s, &st,
                     "INSERT INTO life (seq, delivery, at, state, reason, due_at, claimed_at, ref,"
                     " by, send, sent_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                     e);
    if (rc)
        return rc;
    bind_int(st, 1, ++s->tip.life);
    bind_int(st, 2, row->delivery);
    bind_int(st, 3, row->at);
    bind_int(st, 4, row->state);
    bind_int(st, 5, row->reason);
    bind_instant(st, 6, row->due_at);
    bind_instant(st, 7, row->claimed_at);
    bind_text(st, 8, row->ref);
    bind_text(st, 9, row->by);
    bind_int(st, 10, row->send);
    bind_instant(st, 11, row->sent_at ? row->sent_at : INSTANT_MIN);
    rc = sql_run(s, st, e);
    if (rc)
        return rc;
    if (!c->first) {
        c->first = s->tip.life;
        c->digester = digester_new();
    }
    c->last = s->tip.life;
    life_digest(c->digester, c->last, row);
    t->delta[from]--;
    t->delta[row->state]++;
    return from == DELIVERY_PROMPTED ? prompt_settled(s, row->delivery, e) : 0;
}

/* The same step for each of the pending ones that `ids` gives. */
static int steps_take(struct store *s, struct change *c, sqlite3_stmt *ids, int64_t revision,
                      const struct life *step, uint64_t *count, struct err *e)
{
    int rc;

    while ((rc = sql_step(s, ids, e)) > 0) {
        struct life row = *step;
        row.delivery = sqlite3_column_int64(ids, 0);
        rc = change_add(s, c, revision, DELIVERY_PENDING, &row, e);
        if (rc) {
            sqlite3_reset(ids);
            return rc;
        }
        (*count)++;
    }
    return rc;
}

int change_close(struct store *s, struct change *c, int64_t revision, enum delivery_state state,
                 enum reason reason, instant_t at, const char *by, uint64_t *count, struct err *e)
{
    sqlite3_stmt *st;
    int rc =
        sql_get(s, &st, "UPDATE revision SET closed_state = ?, closed_reason = ? WHERE id = ?", e);

    *count = 0;
    if (rc)
        return rc;
    bind_int(st, 1, state);
    bind_int(st, 2, reason);
    bind_int(st, 3, revision);
    rc = sql_run(s, st, e);
    if (!rc)
        rc = sql_get(s, &st,
                     "SELECT d.id FROM revision r CROSS JOIN delivery d NOT INDEXED"
                     " WHERE r.id = ? AND d.id BETWEEN r.first_delivery AND r.last_delivery"
                     " AND d.revision = r.id AND d.reason = 0 AND coalesce((SELECT state FROM life"
                     "  WHERE delivery = d.id ORDER BY seq DESC LIMIT 1), 0) = 0 ORDER BY d.id",
                     e);
    if (rc)
        return rc;
    bind_int(st, 1, revision);
    return steps_take(s, c, st, revision,
                      &(struct life){.at = at,
                                     .state = state,
                                     .reason = reason,
                                     .due_at = INSTANT_MIN,
                                     .claimed_at = INSTANT_MIN,
                                     .by = by},
                      count, e);
}

int change_end_lane(struct store *s, struct change *c, int64_t revision, int64_t lane, instant_t at,
                    uint64_t *count, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT d.id FROM delivery d INDEXED BY delivery_waiting"
                     " WHERE d.revision = ? AND d.lane = ? AND d.reason = 0"
                     " AND coalesce((SELECT state FROM life"
                     "  WHERE delivery = d.id ORDER BY seq DESC LIMIT 1), 0) = 0 ORDER BY d.id",
                     e);
    *count = 0;
    if (rc)
        return rc;
    bind_int(st, 1, revision);
    bind_int(st, 2, lane);
    return steps_take(s, c, st, revision,
                      &(struct life){.at = at,
                                     .state = DELIVERY_EXPIRED,
                                     .reason = REASON_ENDED,
                                     .due_at = INSTANT_MIN,
                                     .claimed_at = INSTANT_MIN},
                      count, e);
}

int change_follow(struct store *s, struct change *c, const struct revision_head *r,
                  int64_t delivery, instant_t at, struct err *e)
{
    struct life row = {.delivery = delivery,
                       .at = at,
                       .state = r->closed_state,
                       .reason = r->closed_reason,
                       .due_at = INSTANT_MIN,
                       .claimed_at = INSTANT_MIN};

    return r->closed_state == DELIVERY_PENDING ? 0
                                               : change_add(s, c, r->id, DELIVERY_PENDING, &row, e);
}

int change_end(struct store *s, struct change *c, json_t *detail, struct err *e)
{
    int rc = tallies_write(s, c, e);

    if (c->first) {
        char text[DIGEST_TEXT];
        struct digest digest = digester_end(c->digester);
        digest_text(&digest, text);
        json_object_set_new(detail, "life",
                            json_pack("[I,I]", (json_int_t)c->first, (json_int_t)c->last));
        json_object_set_new(detail, "sha256", json_string(text + DIGEST_PREFIX));
    }
    *c = (struct change){0};
    return rc;
}

void change_dispose(struct change *c)
{
    if (c->digester)
        digester_end(c->digester);
    *c = (struct change){0};
}

int progress_lower(struct store *s, int64_t delivery, struct err *e)
{
    sqlite3_stmt *st;
    int rc =
        sql_get(s, &st,
                "UPDATE progress SET upto = min(upto, ?1 - 1)"
                " WHERE (revision, lane) = (SELECT revision, lane FROM delivery WHERE id = ?1)",
                e);
    if (rc)
        return rc;
    bind_int(st, 1, delivery);
    return sql_run(s, st, e);
}

int lane_answered(struct store *s, int64_t lane, int64_t life, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st, "UPDATE lane SET last_life = ? WHERE id = ?", e);

    if (rc)
        return rc;
    bind_int(st, 1, life);
    bind_int(st, 2, lane);
    return sql_run(s, st, e);
}

int lane_sent(struct store *s, int64_t lane, const struct life *row, struct err *e)
{
    bool not_sent = row->state == DELIVERY_FAILED &&
                    (row->reason == REASON_NOT_SENT || row->reason == REASON_CHANNEL_UNREACHABLE);
    sqlite3_stmt *st;

    if (row->claimed_at == INSTANT_MIN || not_sent || row->state == DELIVERY_PENDING ||
        row->state == DELIVERY_CLAIMED || row->state == DELIVERY_PROMPTED ||
        row->state == DELIVERY_SKIPPED || row->state == DELIVERY_CANCELED)
        return 0; /* as in IS_SEND */
    int rc =
        sql_get(s, &st, "UPDATE lane SET first_sent = ? WHERE id = ? AND first_sent IS NULL", e);
    if (rc)
        return rc;
    bind_int(st, 1, row->claimed_at);
    bind_int(st, 2, lane);
    return sql_run(s, st, e);
}

static struct tally *tally_of(struct store *s, struct change *c, int64_t revision, int *rc,
                              struct err *e)
{
    for (size_t i = c->tally_count; i-- > 0;)
        if (c->tallies[i].revision == revision)
            return &c->tallies[i];
    if (c->tally_count == CHANGE_TALLIES)
        *rc = tallies_write(s, c, e);
    struct tally *t = &c->tallies[c->tally_count++];
    *t = (struct tally){.revision = revision};
    return t;
}

static int tallies_write(struct store *s, struct change *c, struct err *e)
{
    sqlite3_stmt *st;
    int rc = 0;

    for (size_t i = 0; i < c->tally_count; i++) {
        for (int state = 0; state < DELIVERY_STATES && !rc; state++) {
            if (!c->tallies[i].delta[state])
                continue;
            rc =
                sql_get(s, &st, "UPDATE counter SET n = n + ? WHERE revision = ? AND state = ?", e);
            if (rc)
                break;
            bind_int(st, 1, c->tallies[i].delta[state]);
            bind_int(st, 2, c->tallies[i].revision);
            bind_int(st, 3, state);
            rc = sql_run(s, st, e);
            if (!rc && sqlite3_changes(s->db) != 1)
                rc = sql_damaged(s, "counter", c->tallies[i].revision, e);
        }
    }
    c->tally_count = 0;
    return rc;
}
