/* The do-not-send list. It holds at three moments, so that no path leads past it: what waits (in a
 * draft too) is skipped when the entry is made, what is submitted later when it becomes visible,
 * and what was decided already, or comes back unsent, when its claim is to be committed. */
#include "store/store_internal.h"

#include "base/arena.h"
#include "base/lang.h"

#include <stdlib.h>

static int suppress_in_txn(struct store *s, const char *recipient, const char *sender,
                           const struct store_decision *d, struct store_suppressed *out,
                           struct err *e);
static int unsuppress_in_txn(struct store *s, const char *recipient, const char *sender,
                             const struct store_decision *d, uint64_t *left, struct err *e);

int store_suppress(struct store *s, const char *recipient, const char *sender,
                   const struct store_decision *d, struct store_suppressed *out, struct err *e)
{
    int rc = txn_begin(s, e);

    *out = (struct store_suppressed){0};
    if (!rc)
        rc = txn_end(s, suppress_in_txn(s, recipient, sender, d, out, e), e);
    if (rc) {
        free(out->skipped);
        *out = (struct store_suppressed){0};
    }
    return rc;
}

int store_unsuppress(struct store *s, const char *recipient, const char *sender,
                     const struct store_decision *d, uint64_t *left, struct err *e)
{
    int rc = txn_begin(s, e);

    *left = 0;
    return rc ? rc : txn_end(s, unsuppress_in_txn(s, recipient, sender, d, left, e), e);
}

int store_suppressions(struct store *s, int64_t after, size_t limit,
                       int (*each)(void *ctx, const struct store_suppression *x), void *ctx,
                       int64_t *last, bool *more, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT p.id, r.name, s.name, p.by, p.reason, p.at, p.until_back"
                     " FROM suppression p"
                     " JOIN recipient r ON r.id = p.recipient LEFT JOIN sender s ON s.id = p.sender"
                     " WHERE p.id > ? ORDER BY p.id",
                     e);

    *last = after;
    *more = false;
    if (rc)
        return rc;
    bind_int(st, 1, after);
    for (size_t n = 0; (rc = sql_step(s, st, e)) > 0; n++) {
        struct store_suppression x = {.id = sqlite3_column_int64(st, 0),
                                      .recipient = column_text(st, 1),
                                      .sender = column_text(st, 2),
                                      .by = column_text(st, 3),
                                      .reason = column_text(st, 4),
                                      .at = column_instant(st, 5),
                                      .until_back = sqlite3_column_int(st, 6) != 0};
        *more = n == limit;
        if (*more || (rc = each(ctx, &x))) {
            sqlite3_reset(st);
            return *more ? 0 : rc;
        }
        *last = x.id;
    }
    return rc;
}

int suppress_judge(struct store *s, int64_t delivery, bool *suppressed, struct err *e)
{
    sqlite3_stmt *st;
    int rc =
        sql_get(s, &st,
                "SELECT EXISTS (SELECT 1 FROM delivery d JOIN lane l ON l.id = d.lane"
                " JOIN suppression p ON p.recipient = d.recipient AND p.sender IN (0, l.sender)"
                " WHERE d.id = ?)",
                e);

    *suppressed = true;
    if (rc)
        return rc;
    bind_int(st, 1, delivery);
    if ((rc = sql_step(s, st, e)) < 0)
        return rc;
    *suppressed = sqlite3_column_int(st, 0) != 0;
    sqlite3_reset(st);
    return 0;
}

int store_is_suppressed(struct store *s, const char *recipient, const char *sender,
                        bool *suppressed, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT EXISTS (SELECT 1 FROM recipient r JOIN suppression p"
                     " ON p.recipient = r.id WHERE r.name = ?1"
                     " AND p.sender IN (0, (SELECT id FROM sender WHERE name = ?2)))",
                     e);

    if (rc)
        return rc;
    bind_text(st, 1, recipient);
    bind_text(st, 2, sender);
    if ((rc = sql_step(s, st, e)) < 0)
        return rc;
    *suppressed = sqlite3_column_int(st, 0) != 0;
    sqlite3_reset(st);
    return 0;
}

static int skip(struct store *s, struct change *c, int64_t revision, int64_t delivery, instant_t at,
                const char *by, struct err *e)
{
    struct life row = {.delivery = delivery,
                       .at = at,
                       .state = DELIVERY_SKIPPED,
                       .reason = REASON_SUPPRESSED,
                       .due_at = INSTANT_MIN,
                       .claimed_at = INSTANT_MIN,
                       .by = by};

    return change_add(s, c, revision, DELIVERY_PENDING, &row, e);
}

/* The audience is only walked through when anybody is on the list. */
int suppress_skip(struct store *s, struct change *c, int64_t revision, instant_t at,
                  uint64_t *count, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT d.id FROM (SELECT 1 FROM suppression LIMIT 1) CROSS JOIN revision r"
                     " CROSS JOIN delivery d NOT INDEXED"
                     " WHERE r.id = ? AND d.id BETWEEN r.first_delivery AND r.last_delivery"
                     " AND d.revision = r.id AND d.reason = 0 AND EXISTS (SELECT 1"
                     "  FROM suppression p WHERE p.recipient = d.recipient"
                     "  AND p.sender IN (0, (SELECT sender FROM lane WHERE id = d.lane)))"
                     " AND coalesce((SELECT state FROM life"
                     "  WHERE delivery = d.id ORDER BY seq DESC LIMIT 1), 0) = 0 ORDER BY d.id",
                     e);

    *count = 0;
    if (rc)
        return rc;
    _Static_assert(DELIVERY_PENDING == 0, "the SQL names it");
    bind_int(st, 1, revision);
    while ((rc = sql_step(s, st, e)) > 0) {
        rc = skip(s, c, revision, sqlite3_column_int64(st, 0), at, NULL, e);
        if (rc) {
            sqlite3_reset(st);
            return rc;
        }
        (*count)++;
    }
    return rc;
}

/* --- the list itself --- */

struct entry {
    int64_t recipient, sender; /* sender 0: every sender */
};

static int entry_insert(struct store *s, const struct entry *x, const struct store_decision *d,
                        bool *added, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "INSERT INTO suppression (recipient, sender, by, at, reason, until_back)"
                     " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (recipient, sender) DO UPDATE"
                     " SET by = ?3, at = ?4, reason = ?5, until_back = ?6"
                     " WHERE until_back = 1 AND (?6 = 0 OR at < ?4)",
                     e);
    if (rc)
        return rc;
    bind_int(st, 1, x->recipient);
    bind_int(st, 2, x->sender);
    bind_text(st, 3, d->by);
    bind_int(st, 4, d->at);
    bind_text(st, 5, d->note);
    bind_int(st, 6, d->until_back);
    rc = sql_run(s, st, e);
    *added = sqlite3_changes(s->db) == 1;
    return rc;
}

/* Every delivery to the recipient in the revisions that may still send. */
static int entry_apply(struct store *s, const struct entry *x, const struct store_decision *d,
                       struct change *c, struct store_suppressed *out, struct err *e)
{
    sqlite3_stmt *st;
    size_t capacity = 0;
    int rc = sql_get(s, &st,
                     "SELECT d.revision, d.lane, d.id, coalesce((SELECT state FROM life"
                     "  WHERE delivery = d.id ORDER BY seq DESC LIMIT 1), 0)"
                     " FROM revision r CROSS JOIN delivery d NOT INDEXED"
                     " WHERE r.serial > 0 AND r.status IN (?3, ?4, ?5)"
                     " AND d.id BETWEEN r.first_delivery AND r.last_delivery"
                     " AND d.revision = r.id AND d.reason = 0 AND d.recipient = ?1"
                     " AND ?2 IN (0, (SELECT sender FROM lane WHERE id = d.lane))",
                     e);
    if (rc)
        return rc;
    bind_int(st, 1, x->recipient);
    bind_int(st, 2, x->sender);
    bind_int(st, 3, REVISION_DRAFT);
    bind_int(st, 4, REVISION_APPROVED);
    bind_int(st, 5, REVISION_PAUSED);
    while ((rc = sql_step(s, st, e)) > 0) {
        struct store_place place = {sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
                                    sqlite3_column_int64(st, 2)};
        int state = sqlite3_column_int(st, 3);
        out->out_already +=
            state == DELIVERY_CLAIMED || state == DELIVERY_PROMPTED || state == DELIVERY_UNKNOWN;
        if (state != DELIVERY_PENDING)
            continue;
        rc = skip(s, c, place.revision, place.delivery, d->at, d->by, e);
        if (rc) {
            sqlite3_reset(st);
            return rc;
        }
        out->skipped = xgrow(out->skipped, &capacity, out->skipped_count + 1, sizeof(place));
        out->skipped[out->skipped_count++] = place;
    }
    return rc;
}

/* Takes `change`, which may be NULL; `detail` stays the caller's. */
static int entry_record(struct store *s, const char *event, const char *recipient,
                        const char *sender, const struct store_decision *d, struct change *change,
                        json_t *detail, struct err *e)
{
    struct record record = {d->at, d->by, event, NULL, NULL, detail};
    int rc = detail_text(detail, "recipient", recipient, e);

    if (!rc)
        rc = detail_text(detail, "sender", sender, e);
    if (!rc)
        rc = detail_text(detail, "reason", d->note, e);
    if (!rc && change)
        rc = change_end(s, change, detail, e);
    return rc ? rc : audit_append(s, &record, e);
}

static int suppress_in_txn(struct store *s, const char *recipient, const char *sender,
                           const struct store_decision *d, struct store_suppressed *out,
                           struct err *e)
{
    struct entry x = {0};
    struct change change = {0};
    json_t *detail = json_object();
    int rc = name_make(s, NAME_RECIPIENT, recipient, &x.recipient, e);

    if (!rc && sender)
        rc = name_make(s, NAME_SENDER, sender, &x.sender, e);
    if (!rc)
        rc = entry_insert(s, &x, d, &out->added, e);
    if (!rc)
        rc = entry_apply(s, &x, d, &change, out, e);
    if (!rc && (out->added || out->skipped_count)) {
        detail_int(detail, "skipped", (int64_t)out->skipped_count);
        detail_int(detail, "already_out", (int64_t)out->out_already);
        rc = entry_record(s, "suppress", recipient, sender, d, &change, detail, e);
    }
    change_dispose(&change);
    json_decref(detail);
    return rc;
}

static int entries_left(struct store *s, int64_t recipient, uint64_t *left, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st, "SELECT count(*) FROM suppression WHERE recipient = ?", e);

    if (rc)
        return rc;
    bind_int(st, 1, recipient);
    if ((rc = sql_step(s, st, e)) < 0)
        return rc;
    *left = (uint64_t)sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return 0;
}

static int entry_delete(struct store *s, const struct entry *x, bool *found, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st, "DELETE FROM suppression WHERE recipient = ? AND sender = ?", e);

    if (rc)
        return rc;
    bind_int(st, 1, x->recipient);
    bind_int(st, 2, x->sender);
    rc = sql_run(s, st, e);
    *found = sqlite3_changes(s->db) == 1;
    return rc;
}

static int not_listed(const char *recipient, const char *sender, uint64_t left, struct err *e)
{
    if (sender)
        return err_set(e, ERR_NOTFOUND, tr("'%s' is not on the do-not-send list for sender '%s'"),
                       recipient, sender);
    if (left)
        return err_set(e, ERR_NOTFOUND,
                       tr("'%s' is on the do-not-send list for single senders only: name one with "
                          "--sender"),
                       recipient);
    return err_set(e, ERR_NOTFOUND, tr("'%s' is not on the do-not-send list"), recipient);
}

static int unsuppress_in_txn(struct store *s, const char *recipient, const char *sender,
                             const struct store_decision *d, uint64_t *left, struct err *e)
{
    struct entry x = {0};
    bool found = false;
    int rc = name_find(s, NAME_RECIPIENT, recipient, &x.recipient, e);

    if (!rc && sender)
        rc = name_find(s, NAME_SENDER, sender, &x.sender, e);
    if (!rc && x.recipient && (!sender || x.sender))
        rc = entry_delete(s, &x, &found, e);
    if (!rc)
        rc = entries_left(s, x.recipient, left, e);
    if (!rc && !found)
        rc = not_listed(recipient, sender, *left, e);
    if (rc)
        return rc;
    json_t *detail = json_object();
    rc = entry_record(s, "unsuppress", recipient, sender, d, NULL, detail, e);
    json_decref(detail);
    return rc;
}

/* --- who came back --- */

struct returned {
    struct entry entry;
    const char *recipient, *sender;
};

static int returned_find(struct store *s, const char *account, struct arena *arena,
                         struct returned **list, size_t *count, struct err *e)
{
    sqlite3_stmt *st;
    size_t capacity = 0;
    int rc = sql_get(s, &st,
                     "SELECT p.recipient, p.sender, r.name, n.name FROM suppression p"
                     " JOIN relation x ON x.recipient = p.recipient AND x.sender = p.sender"
                     " JOIN recipient r ON r.id = p.recipient JOIN sender n ON n.id = p.sender"
                     " WHERE p.until_back = 1 AND x.account = ? AND x.kind = 0"
                     " AND x.added_at > p.at ORDER BY p.id",
                     e);

    if (rc)
        return rc;
    bind_text(st, 1, account);
    while ((rc = sql_step(s, st, e)) > 0) {
        *list = xgrow(*list, &capacity, *count + 1, sizeof **list);
        (*list)[(*count)++] =
            (struct returned){{sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1)},
                              arena_strdup(arena, column_text(st, 2)),
                              arena_strdup(arena, column_text(st, 3))};
    }
    return rc;
}

int suppress_lift(struct store *s, const char *account, instant_t at, uint64_t *lifted,
                  struct err *e)
{
    const struct store_decision d = {
        .by = SERVICE_NAME, .at = at, .note = TR_TABLE("the member has added the customer anew")};
    struct arena *arena = arena_new();
    struct returned *list = NULL;
    size_t count = 0;
    int rc = returned_find(s, account, arena, &list, &count, e);

    for (size_t i = 0; !rc && i < count; i++) {
        json_t *detail = json_object();
        bool found;
        rc = entry_delete(s, &list[i].entry, &found, e);
        if (!rc)
            rc = entry_record(s, "unsuppress", list[i].recipient, list[i].sender, &d, NULL, detail,
                              e);
        json_decref(detail);
    }
    *lifted = rc ? 0 : count;
    free(list);
    arena_free(arena);
    return rc;
}
