/* Loading a revision in chunks, and making it visible.
 *
 * While it loads, its serial is 0 and its status LOADING; nothing else reads it, and opening the
 * store drops what a crash left. Its deliveries get the next ids as they come, so they ascend by
 * row; two that load at the same time interleave by chunk. */
#include "store/store_internal.h"

#include "base/arena.h"
#include "base/lang.h"

#include <assert.h>
#include <string.h>

struct loading {
    int64_t campaign, audience, first, last;
};

static int begin_in_txn(struct store *s, const struct store_submission *sub, int64_t *revision,
                        struct err *e);
static int loading_get(struct store *s, int64_t revision, struct loading *out, struct err *e);
static int rows_in_txn(struct store *s, int64_t revision, const struct store_row *rows,
                       size_t count, struct err *e);
static int blob_in_txn(struct store *s, const struct store_blob *b, struct err *e);
static int end_in_txn(struct store *s, int64_t loading, const struct store_freeze *f,
                      int64_t *revision, bool *again, struct err *e);
static int drop_in_txn(struct store *s, int64_t loading, struct err *e);

int store_submit_begin(struct store *s, const struct store_submission *sub, int64_t *revision,
                       struct err *e)
{
    int rc = txn_begin(s, e);

    return rc ? rc : txn_end(s, begin_in_txn(s, sub, revision, e), e);
}

int store_submit_rows(struct store *s, int64_t revision, const struct store_row *rows, size_t count,
                      struct err *e)
{
    int rc = txn_begin(s, e);

    return rc ? rc : txn_end(s, rows_in_txn(s, revision, rows, count, e), e);
}

int store_submit_blob(struct store *s, const struct store_blob *b, struct err *e)
{
    int rc = txn_begin(s, e);

    return rc ? rc : txn_end(s, blob_in_txn(s, b, e), e);
}

int store_submit_end(struct store *s, int64_t loading, const struct store_freeze *f,
                     int64_t *revision, bool *again, struct err *e)
{
    int rc = txn_begin(s, e);

    return rc ? rc : txn_end(s, end_in_txn(s, loading, f, revision, again, e), e);
}

int store_submit_drop(struct store *s, int64_t loading, struct err *e)
{
    int rc = txn_begin(s, e);

    return rc ? rc : txn_end(s, drop_in_txn(s, loading, e), e);
}

int submit_drop_unfinished(struct store *s, struct err *e)
{
    for (;;) {
        sqlite3_stmt *st;
        int rc = sql_get(s, &st, "SELECT id FROM revision WHERE serial = 0 LIMIT 1", e);
        if (rc || (rc = sql_step(s, st, e)) <= 0)
            return rc;
        int64_t revision = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
        rc = store_submit_drop(s, revision, e);
        if (rc)
            return rc;
    }
}

int store_blob(struct store *s, const struct digest *d, void **bytes, size_t *length, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st, "SELECT bytes FROM blob WHERE digest = ?", e);

    if (rc)
        return rc;
    bind_digest(st, 1, d);
    if ((rc = sql_step(s, st, e)) < 0)
        return rc;
    if (rc == 0)
        return err_set(e, ERR_NOTFOUND, tr("the store has no such attachment"));
    const void *found = sqlite3_column_blob(st, 0);
    size_t size = (size_t)sqlite3_column_bytes(st, 0);
    struct digest is = digest_of(size ? found : "", size);
    rc = 0;
    if (!digest_equal(&is, d)) {
        rc = err_set(e, ERR_DATA, tr("an attachment in the store %s is damaged: restore a backup"),
                     s->path);
    } else {
        *bytes = xmalloc(size + 1);
        if (size)
            memcpy(*bytes, found, size);
        *length = size;
    }
    sqlite3_reset(st);
    return rc;
}

static int begin_in_txn(struct store *s, const struct store_submission *sub, int64_t *revision,
                        struct err *e)
{
    int64_t campaign;
    sqlite3_stmt *st;
    int rc = name_make(s, NAME_CAMPAIGN, sub->campaign, &campaign, e);

    if (!rc)
        rc = sql_get(s, &st,
                     "INSERT INTO revision (campaign, status, title, submitted_by, submitted_at)"
                     " VALUES (?, ?, ?, ?, ?)",
                     e);
    if (rc)
        return rc;
    bind_int(st, 1, campaign);
    bind_int(st, 2, REVISION_LOADING);
    bind_text(st, 3, sub->title ? sub->title : "");
    bind_text(st, 4, sub->by);
    bind_int(st, 5, sub->at);
    rc = sql_run(s, st, e);
    *revision = sqlite3_last_insert_rowid(s->db);
    for (int state = 0; state < DELIVERY_STATES && !rc; state++) {
        rc = sql_get(s, &st, "INSERT INTO counter (revision, state, n) VALUES (?, ?, 0)", e);
        if (rc)
            return rc;
        bind_int(st, 1, *revision);
        bind_int(st, 2, state);
        rc = sql_run(s, st, e);
    }
    return rc;
}

static int loading_get(struct store *s, int64_t revision, struct loading *out, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT campaign, audience, first_delivery, last_delivery FROM revision"
                     " WHERE id = ? AND serial = 0",
                     e);
    if (rc)
        return rc;
    bind_int(st, 1, revision);
    if ((rc = sql_step(s, st, e)) < 0)
        return rc;
    if (rc == 0)
        return err_set(e, ERR_NOTFOUND, tr("no submission %lld is being loaded"),
                       (long long)revision);
    *out = (struct loading){sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
                            sqlite3_column_int64(st, 2), sqlite3_column_int64(st, 3)};
    sqlite3_reset(st);
    return 0;
}

static int row_insert(struct store *s, int64_t revision, const struct store_row *row, struct err *e)
{
    sqlite3_stmt *st;
    int64_t recipient;
    int rc = name_make(s, NAME_RECIPIENT, row->recipient, &recipient, e);

    if (!rc)
        rc = sql_get(s, &st,
                     "INSERT INTO delivery (id, revision, row, lane, recipient, reason, fields,"
                     " message) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                     e);
    if (rc)
        return rc;
    bind_int(st, 1, ++s->tip.delivery);
    bind_int(st, 2, revision);
    bind_int(st, 3, (int64_t)row->row);
    bind_int(st, 4, row->lane);
    bind_int(st, 5, recipient);
    bind_int(st, 6, row->skipped);
    bind_text(st, 7, row->values);
    bind_int(st, 8, row->message);
    return sql_run(s, st, e);
}

static int counter_add(struct store *s, int64_t revision, enum delivery_state state, int64_t n,
                       struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st, "UPDATE counter SET n = n + ? WHERE revision = ? AND state = ?", e);

    if (rc)
        return rc;
    bind_int(st, 1, n);
    bind_int(st, 2, revision);
    bind_int(st, 3, state);
    return sql_run(s, st, e);
}

static int rows_in_txn(struct store *s, int64_t revision, const struct store_row *rows,
                       size_t count, struct err *e)
{
    struct loading l = {0};
    int64_t skipped = 0, first = s->tip.delivery + 1;
    sqlite3_stmt *st;
    int rc = loading_get(s, revision, &l, e);

    for (size_t i = 0; i < count && !rc; i++) {
        assert(rows[i].row == (uint64_t)l.audience + i + 1); /* file order, none left out */
        assert(rows[i].skipped >= 0 && rows[i].skipped < REASONS);
        rc = row_insert(s, revision, &rows[i], e);
        skipped += rows[i].skipped != REASON_NONE;
    }
    if (!rc)
        rc = counter_add(s, revision, DELIVERY_PENDING, (int64_t)count - skipped, e);
    if (!rc)
        rc = counter_add(s, revision, DELIVERY_SKIPPED, skipped, e);
    if (!rc)
        rc = sql_get(s, &st,
                     "UPDATE revision SET audience = ?, first_delivery = ?, last_delivery = ?"
                     " WHERE id = ?",
                     e);
    if (rc || count == 0)
        return rc;
    bind_int(st, 1, l.audience + (int64_t)count);
    bind_int(st, 2, l.audience ? l.first : first);
    bind_int(st, 3, s->tip.delivery);
    bind_int(st, 4, revision);
    return sql_run(s, st, e);
}

static int blob_in_txn(struct store *s, const struct store_blob *b, struct err *e)
{
    sqlite3_stmt *st;
    struct digest is = digest_of(b->bytes, b->length);
    int rc = sql_get(s, &st, "INSERT OR IGNORE INTO blob (digest, bytes) VALUES (?, ?)", e);

    assert(digest_equal(&is, &b->digest));
    if (rc)
        return rc;
    bind_digest(st, 1, &b->digest);
    bind_blob(st, 2, b->bytes, b->length);
    return sql_run(s, st, e);
}

/* A revision of the campaign with this digest that is still of use. */
static int same_digest(struct store *s, int64_t campaign, const struct digest *d, int64_t *revision,
                       struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT id FROM revision WHERE campaign = ? AND serial > 0 AND digest = ?"
                     " AND status NOT IN (?, ?) ORDER BY serial DESC LIMIT 1",
                     e);
    *revision = 0;
    if (rc)
        return rc;
    bind_int(st, 1, campaign);
    bind_digest(st, 2, d);
    bind_int(st, 3, REVISION_REJECTED);
    bind_int(st, 4, REVISION_CANCELED);
    if ((rc = sql_step(s, st, e)) <= 0)
        return rc;
    *revision = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return 0;
}

static int freeze(struct store *s, int64_t revision, const struct store_freeze *f, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "UPDATE revision SET serial = ?, status = ?, submitted_by = ?,"
                     " submitted_at = ?, manifest = ?, digest = ?, channel = ?, approvers = ?,"
                     " test = ?, by_hand = ?, plan = ? WHERE id = ?",
                     e);
    if (rc)
        return rc;
    bind_int(st, 1, s->tip.audit + 1); /* its `submit` record comes next */
    bind_int(st, 2, REVISION_DRAFT);
    bind_text(st, 3, f->by);
    bind_int(st, 4, f->at);
    bind_text(st, 5, f->manifest);
    bind_digest(st, 6, &f->digest);
    bind_text(st, 7, f->channel);
    bind_int(st, 8, f->approvers);
    bind_int(st, 9, f->test);
    bind_int(st, 10, f->by_hand);
    bind_text(st, 11, f->plan);
    bind_int(st, 12, revision);
    return sql_run(s, st, e);
}

static int submit_record(struct store *s, const struct revision_head *r,
                         const struct store_freeze *f, const struct loading *l, struct err *e)
{
    struct change change = {0};
    uint64_t suppressed = 0;
    json_t *detail = json_object();
    int rc = detail_text(detail, "channel", f->channel, e);

    if (!rc)
        rc = suppress_skip(s, &change, r->id, f->at, &suppressed, e);

    if (rc) {
        change_dispose(&change);
        json_decref(detail);
        return rc;
    }
    detail_int(detail, "audience", l->audience);
    detail_int(detail, "approvers", f->approvers);
    if (suppressed)
        detail_int(detail, "suppressed", (int64_t)suppressed);
    if (f->shortfall) {
        json_object_set_new(detail, "allow_partial", json_true());
        detail_int(detail, "shortfall", (int64_t)f->shortfall);
    }
    if (f->test)
        json_object_set_new(detail, "test", json_true());
    return decision_record(s, r, "submit", f->by, f->at, &change, detail, e);
}

static int end_in_txn(struct store *s, int64_t loading, const struct store_freeze *f,
                      int64_t *revision, bool *again, struct err *e)
{
    struct loading l = {0};
    struct digest is = digest_of(f->manifest, strlen(f->manifest));
    int rc = loading_get(s, loading, &l, e);

    assert(digest_equal(&is, &f->digest) && f->approvers >= 1);
    if (!rc)
        rc = same_digest(s, l.campaign, &f->digest, revision, e);
    if (rc)
        return rc;
    *again = *revision != 0;
    if (*again)
        return drop_in_txn(s, loading, e);
    *revision = loading;
    struct revision_head r = {0};
    rc = freeze(s, loading, f, e);
    if (!rc)
        rc = revision_get(s, loading, &r, e);
    if (!rc)
        rc = submit_record(s, &r, f, &l, e);
    if (!rc) /* what sends waits until people have decided; an undecided draft gives way */
        rc = revision_each_older(s, &r, revision_give_way, f->by, f->at, e);
    revision_dispose(&r);
    return rc;
}

static int drop_in_txn(struct store *s, int64_t loading, struct err *e)
{
    static const char *const steps[] = {
        "DELETE FROM delivery WHERE id BETWEEN ?2 AND ?3 AND revision = ?1",
        "DELETE FROM counter WHERE revision = ?1",
        "DELETE FROM revision WHERE id = ?1",
    };
    struct loading l = {0};
    int rc = loading_get(s, loading, &l, e);

    for (size_t i = 0; i < 3 && !rc; i++) {
        sqlite3_stmt *st;
        rc = sql_get(s, &st, steps[i], e);
        if (rc)
            break;
        bind_int(st, 1, loading);
        if (i == 0) {
            bind_int(st, 2, l.first);
            bind_int(st, 3, l.last);
        }
        rc = sql_run(s, st, e);
    }
    return rc;
}
