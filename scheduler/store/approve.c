/* Approving: one person's word for exactly one revision; with the last one needed it may send, the
 * older revisions end, and whom they have written to is left out. All of it is one transaction. */
#include "store/store_internal.h"

#include "base/lang.h"

#include <string.h>

static int approve_in_txn(struct store *s, int64_t revision, const struct store_decision *d,
                          bool allow_self, bool *approved, struct err *e);

int store_approve(struct store *s, int64_t revision, const struct store_decision *d,
                  bool allow_self, bool *approved, struct err *e)
{
    int rc = txn_begin(s, e);

    *approved = false;
    return rc ? rc : txn_end(s, approve_in_txn(s, revision, d, allow_self, approved, e), e);
}

static int may_approve(const struct revision_head *r, const struct store_decision *d,
                       bool allow_self, struct err *e)
{
    if (r->status != REVISION_DRAFT)
        return err_set(e, ERR_REFUSED, tr("%s is %s: only a draft can be approved"), r->campaign,
                       revision_status_text(r->status));
    if (!allow_self && strcmp(r->submitted_by, d->by) == 0)
        return err_set(e, ERR_DENIED, tr("%s submitted %s: another person has to approve it"),
                       d->by, r->campaign);
    return 0;
}

static int approval_add(struct store *s, const struct revision_head *r,
                        const struct store_decision *d, int *count, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "INSERT OR IGNORE INTO approval (revision, person, at) VALUES (?, ?, ?)", e);

    if (rc)
        return rc;
    bind_int(st, 1, r->id);
    bind_text(st, 2, d->by);
    bind_int(st, 3, d->at);
    rc = sql_run(s, st, e);
    if (rc)
        return rc;
    if (sqlite3_changes(s->db) == 0)
        return err_set(e, ERR_DENIED, tr("%s has approved %s already: it takes another person"),
                       d->by, r->campaign);
    rc = sql_get(s, &st, "SELECT count(*) FROM approval WHERE revision = ?", e);
    if (rc)
        return rc;
    bind_int(st, 1, r->id);
    if ((rc = sql_step(s, st, e)) < 0)
        return rc;
    *count = sqlite3_column_int(st, 0);
    sqlite3_reset(st);
    return 0;
}

static int approval_mark(struct store *s, const struct revision_head *r, bool self, bool approved,
                         instant_t at, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "UPDATE revision SET self_approved = self_approved OR ?,"
                     " status = ?, approved_at = ? WHERE id = ?",
                     e);
    if (rc)
        return rc;
    bind_int(st, 1, self);
    bind_int(st, 2, approved ? REVISION_APPROVED : REVISION_DRAFT);
    bind_instant(st, 3, approved ? at : INSTANT_MIN);
    bind_int(st, 4, r->id);
    return sql_run(s, st, e);
}

/* `submit --again`, as the approver was shown it: in the manifest, so under the digest. */
static int manifest_again(struct store *s, const struct revision_head *r, bool *again,
                          struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st, "SELECT manifest FROM revision WHERE id = ?", e);

    *again = false;
    if (rc)
        return rc;
    bind_int(st, 1, r->id);
    if ((rc = sql_step(s, st, e)) <= 0)
        return rc;
    const char *text = column_text(st, 0);
    json_t *manifest = json_loads(text ? text : "", JSON_REJECT_DUPLICATES, NULL);
    *again = json_is_true(json_object_get(json_object_get(manifest, "revision"), "again"));
    json_decref(manifest);
    sqlite3_reset(st);
    return 0;
}

/* Whoever an older revision has written to, or may have: into the temporary table. */
static int handled_collect(struct store *s, int64_t campaign, int64_t before, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st, "DELETE FROM temp.handled", e);

    if (!rc)
        rc = sql_run(s, st, e);
    if (!rc)
        rc = sql_get(s, &st,
                     "INSERT OR IGNORE INTO temp.handled SELECT d.recipient FROM revision r"
                     " CROSS JOIN delivery d NOT INDEXED WHERE r.campaign = ? AND r.serial > 0"
                     " AND r.serial < ? AND d.id BETWEEN r.first_delivery AND r.last_delivery"
                     " AND d.revision = r.id AND EXISTS (SELECT 1 FROM life l WHERE l.seq ="
                     "  (SELECT max(seq) FROM life WHERE delivery = d.id)"
                     "  AND (l.state IN (?, ?, ?, ?)"
                     /* expired, and somebody had seen the question: it may have gone */
                     "   OR (l.state = ? AND l.claimed_at IS NOT NULL)))",
                     e);
    if (rc)
        return rc;
    bind_int(st, 1, campaign);
    bind_int(st, 2, before);
    bind_int(st, 3, DELIVERY_CLAIMED);
    bind_int(st, 4, DELIVERY_PROMPTED);
    bind_int(st, 5, DELIVERY_SENT);
    bind_int(st, 6, DELIVERY_UNKNOWN);
    bind_int(st, 7, DELIVERY_EXPIRED);
    return sql_run(s, st, e);
}

int store_handled(struct store *s, const char *campaign, int64_t *id,
                  void (*each)(void *ctx, int64_t recipient), void *ctx, struct err *e)
{
    sqlite3_stmt *st;
    int rc = name_find(s, NAME_CAMPAIGN, campaign, id, e);

    if (rc || !*id)
        return rc;
    rc = handled_collect(s, *id, INT64_MAX, e);
    if (!rc)
        rc = sql_get(s, &st, "SELECT recipient FROM temp.handled ORDER BY recipient", e);
    while (!rc && (rc = sql_step(s, st, e)) > 0) {
        each(ctx, sqlite3_column_int64(st, 0));
        rc = 0;
    }
    return rc;
}

static int handled_skip(struct store *s, const struct revision_head *r,
                        const struct store_decision *d, struct change *change, struct err *e)
{
    sqlite3_stmt *st;
    int rc = handled_collect(s, r->campaign_id, r->serial, e);

    if (!rc)
        rc = sql_get(s, &st,
                     "SELECT d.id FROM revision r CROSS JOIN delivery d NOT INDEXED"
                     " WHERE r.id = ? AND d.id BETWEEN r.first_delivery AND r.last_delivery"
                     " AND d.revision = r.id AND d.reason = 0"
                     " AND d.recipient IN (SELECT recipient FROM temp.handled)"
                     " AND coalesce((SELECT state FROM life WHERE delivery = d.id"
                     "  ORDER BY seq DESC LIMIT 1), 0) = 0 ORDER BY d.id",
                     e);
    if (rc)
        return rc;
    bind_int(st, 1, r->id);
    while ((rc = sql_step(s, st, e)) > 0) {
        struct life row = {.delivery = sqlite3_column_int64(st, 0),
                           .at = d->at,
                           .state = DELIVERY_SKIPPED,
                           .reason = REASON_ALREADY_HANDLED,
                           .due_at = INSTANT_MIN,
                           .claimed_at = INSTANT_MIN};
        rc = change_add(s, change, r->id, DELIVERY_PENDING, &row, e);
        if (rc) {
            sqlite3_reset(st);
            return rc;
        }
    }
    return rc;
}

static int approve_record(struct store *s, const struct revision_head *r,
                          const struct store_decision *d, int approvals, struct change *change,
                          struct err *e)
{
    json_t *detail = json_object();
    int rc = detail_text(detail, "note", d->note, e);

    if (rc) {
        json_decref(detail);
        return rc;
    }
    detail_int(detail, "approvals", approvals);
    detail_int(detail, "approvers", r->approvers);
    if (strcmp(r->submitted_by, d->by) == 0)
        json_object_set_new(detail, "self", json_true());
    if (change->first)
        detail_int(detail, "already_handled", change->last - change->first + 1);
    return decision_record(s, r, "approve", d->by, d->at, change, detail, e);
}

static int approve_in_txn(struct store *s, int64_t revision, const struct store_decision *d,
                          bool allow_self, bool *approved, struct err *e)
{
    struct revision_head r;
    struct change change = {0};
    int approvals = 0;
    bool again = false;
    int rc = revision_get(s, revision, &r, e);

    if (rc)
        return rc;
    rc = may_approve(&r, d, allow_self, e);
    if (!rc)
        rc = approval_add(s, &r, d, &approvals, e);
    bool reached = approvals >= r.approvers;
    if (!rc)
        rc = approval_mark(s, &r, strcmp(r.submitted_by, d->by) == 0, reached, d->at, e);
    if (!rc && reached)
        rc = manifest_again(s, &r, &again, e);
    if (!rc && reached && !again)
        rc = handled_skip(s, &r, d, &change, e);
    if (!rc)
        rc = approve_record(s, &r, d, approvals, &change, e);
    if (!rc && reached)
        rc = revision_each_older(s, &r, revision_supersede, d->by, d->at, e);
    *approved = !rc && reached;
    change_dispose(&change);
    revision_dispose(&r);
    return rc;
}
