/* Decisions of people on revisions, each one transaction with its audit record. What becomes of a
 * revision's deliveries is in change_close: those that wait now, and those that come back later. */
#include "store/store_internal.h"

#include "base/arena.h"
#include "base/lang.h"

#include <stdlib.h>
#include <string.h>

static int move_in_txn(struct store *s, int64_t revision, const struct store_decision *d,
                       enum revision_status to, struct err *e);
static int close_in_txn(struct store *s, int64_t revision, const struct store_decision *d,
                        bool rejected, uint64_t *canceled, struct err *e);
static int counter_get(struct store *s, int64_t revision, enum delivery_state state, uint64_t *n,
                       struct err *e);
static int revision_set_status(struct store *s, int64_t revision, enum revision_status status,
                               bool keep_tasks, struct err *e);

int store_reject(struct store *s, int64_t revision, const struct store_decision *d, struct err *e)
{
    uint64_t canceled;
    int rc = txn_begin(s, e);

    return rc ? rc : txn_end(s, close_in_txn(s, revision, d, true, &canceled, e), e);
}

int store_pause(struct store *s, int64_t revision, const struct store_decision *d, struct err *e)
{
    int rc = txn_begin(s, e);

    return rc ? rc : txn_end(s, move_in_txn(s, revision, d, REVISION_PAUSED, e), e);
}

int store_resume(struct store *s, int64_t revision, const struct store_decision *d, struct err *e)
{
    int rc = txn_begin(s, e);

    return rc ? rc : txn_end(s, move_in_txn(s, revision, d, REVISION_APPROVED, e), e);
}

/* Open questions of the revision that somebody has seen, or that nobody has. */
static int prompted_count(struct store *s, int64_t revision, bool seen, uint64_t *out,
                          struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT count(*) FROM prompt p JOIN prompt_delivery d ON d.prompt = p.id"
                     " WHERE p.revision = ? AND (p.shown_at IS NOT NULL) = ? AND (SELECT state"
                     "  FROM life WHERE delivery = d.delivery ORDER BY seq DESC LIMIT 1) = 2",
                     e);

    *out = 0;
    if (rc)
        return rc;
    bind_int(st, 1, revision);
    bind_int(st, 2, seen);
    if ((rc = sql_step(s, st, e)) <= 0)
        return rc;
    *out = (uint64_t)sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return 0;
}

/* What becomes of the open questions: the engine closes them right after. */
static int count_withdrawn(struct store *s, int64_t revision, uint64_t *canceled,
                           uint64_t *out_already, uint64_t *unknown, struct err *e)
{
    uint64_t unseen, seen;
    int rc = prompted_count(s, revision, false, &unseen, e);

    if (!rc)
        rc = prompted_count(s, revision, true, &seen, e);
    if (rc)
        return rc;
    *canceled += unseen;
    *unknown += seen;
    *out_already -= unseen + seen;
    return 0;
}

int store_cancel(struct store *s, int64_t revision, const struct store_decision *d,
                 uint64_t *canceled, uint64_t *out_already, uint64_t *unknown, struct err *e)
{
    static const enum delivery_state out[] = {DELIVERY_CLAIMED, DELIVERY_PROMPTED, DELIVERY_SENT};
    int rc = txn_begin(s, e);

    *canceled = *out_already = *unknown = 0;
    if (rc)
        return rc;
    rc = close_in_txn(s, revision, d, false, canceled, e);
    for (size_t i = 0; i < sizeof(out) / sizeof(out[0]) && !rc; i++) {
        uint64_t n;
        rc = counter_get(s, revision, out[i], &n, e);
        *out_already += rc ? 0 : n;
    }
    if (!rc)
        rc = counter_get(s, revision, DELIVERY_UNKNOWN, unknown, e);
    if (!rc && !d->keep_tasks)
        rc = count_withdrawn(s, revision, canceled, out_already, unknown, e);
    return txn_end(s, rc, e);
}

int revision_get(struct store *s, int64_t revision, struct revision_head *out, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT r.campaign, r.serial, r.status, r.approvers, r.approved_at,"
                     " r.closed_state, r.closed_reason, r.digest, r.submitted_by, c.name,"
                     " r.by_hand FROM revision r JOIN campaign c ON c.id = r.campaign"
                     " WHERE r.id = ? AND r.serial > 0",
                     e);
    *out = (struct revision_head){.id = revision};
    if (rc)
        return rc;
    bind_int(st, 1, revision);
    if ((rc = sql_step(s, st, e)) < 0)
        return rc;
    if (rc == 0)
        return err_set(e, ERR_NOTFOUND, tr("there is no revision %lld"), (long long)revision);
    out->campaign_id = sqlite3_column_int64(st, 0);
    out->serial = sqlite3_column_int64(st, 1);
    out->status = (enum revision_status)sqlite3_column_int(st, 2);
    out->approvers = sqlite3_column_int(st, 3);
    out->approved = sqlite3_column_type(st, 4) != SQLITE_NULL;
    out->closed_state = (enum delivery_state)sqlite3_column_int(st, 5);
    out->closed_reason = (enum reason)sqlite3_column_int(st, 6);
    bool whole = column_digest(st, 7, &out->digest) && out->status > REVISION_LOADING &&
                 out->status <= REVISION_CANCELED && out->closed_state < DELIVERY_STATES &&
                 out->closed_reason < REASONS &&
                 (out->approved || (out->status != REVISION_APPROVED &&
                                    out->status != REVISION_PAUSED)); /* no way to send without */
    out->by_hand = sqlite3_column_int(st, 10) != 0;
    out->submitted_by = xstrdup(column_text(st, 8));
    out->campaign = xstrdup(column_text(st, 9));
    sqlite3_reset(st);
    if (whole)
        return 0;
    revision_dispose(out);
    return sql_damaged(s, "revision", revision, e);
}

void revision_dispose(struct revision_head *r)
{
    free(r->campaign);
    free(r->submitted_by);
    r->campaign = r->submitted_by = NULL;
}

const char *revision_status_text(enum revision_status status)
{
    switch (status) {
    case REVISION_DRAFT:
        return tr("a draft");
    case REVISION_APPROVED:
        return tr("approved");
    case REVISION_PAUSED:
        return tr("paused");
    case REVISION_REJECTED:
        return tr("rejected");
    case REVISION_CANCELED:
        return tr("canceled");
    case REVISION_LOADING:
        break;
    }
    return tr("being loaded");
}

int revision_each_older(struct store *s, const struct revision_head *r,
                        int (*each)(struct store *s, int64_t older, const char *by, instant_t at,
                                    struct err *e),
                        const char *by, instant_t at, struct err *e)
{
    sqlite3_stmt *st;
    int64_t *older = NULL;
    size_t count = 0, capacity = 0;
    int rc = sql_get(s, &st,
                     "SELECT id FROM revision WHERE campaign = ? AND serial > 0 AND serial < ?"
                     " AND status IN (?, ?, ?) ORDER BY serial",
                     e);
    if (rc)
        return rc;
    bind_int(st, 1, r->campaign_id);
    bind_int(st, 2, r->serial);
    bind_int(st, 3, REVISION_DRAFT);
    bind_int(st, 4, REVISION_APPROVED);
    bind_int(st, 5, REVISION_PAUSED);
    while ((rc = sql_step(s, st, e)) > 0) {
        older = xgrow(older, &capacity, count + 1, sizeof(*older));
        older[count++] = sqlite3_column_int64(st, 0);
    }
    for (size_t i = 0; i < count && !rc; i++)
        rc = each(s, older[i], by, at, e);
    free(older);
    return rc;
}

int decision_record(struct store *s, const struct revision_head *r, const char *event,
                    const char *by, instant_t at, struct change *change, json_t *detail,
                    struct err *e)
{
    struct record record = {at, by, event, r->campaign, &r->digest, detail};
    int rc = change ? change_end(s, change, detail, e) : 0;

    if (!rc)
        rc = audit_append(s, &record, e);
    json_decref(detail);
    return rc;
}

static int revision_set_status(struct store *s, int64_t revision, enum revision_status status,
                               bool keep_tasks, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st, "UPDATE revision SET status = ?1, keep_tasks = ?3 WHERE id = ?2", e);

    if (rc)
        return rc;
    bind_int(st, 1, status);
    bind_int(st, 2, revision);
    bind_int(st, 3, keep_tasks);
    return sql_run(s, st, e);
}

static int supersede(struct store *s, const struct revision_head *r, const char *by, instant_t at,
                     struct err *e)
{
    struct change change = {0};
    uint64_t canceled;
    json_t *detail = json_object();
    int rc = revision_set_status(s, r->id, REVISION_CANCELED, false, e);

    if (!rc)
        rc = change_close(s, &change, r->id, DELIVERY_CANCELED, REASON_SUPERSEDED, at, by,
                          &canceled, e);
    if (rc) {
        change_dispose(&change);
        json_decref(detail);
        return rc;
    }
    detail_int(detail, "canceled", (int64_t)canceled);
    return decision_record(s, r, "supersede", by, at, &change, detail, e);
}

int revision_supersede(struct store *s, int64_t revision, const char *by, instant_t at,
                       struct err *e)
{
    struct revision_head r;
    int rc = revision_get(s, revision, &r, e);

    if (!rc)
        rc = supersede(s, &r, by, at, e);
    revision_dispose(&r);
    return rc;
}

int revision_give_way(struct store *s, int64_t revision, const char *by, instant_t at,
                      struct err *e)
{
    struct revision_head r;
    int rc = revision_get(s, revision, &r, e);

    if (!rc && r.status == REVISION_DRAFT) {
        rc = supersede(s, &r, by, at, e);
    } else if (!rc && r.status == REVISION_APPROVED) {
        rc = revision_set_status(s, revision, REVISION_PAUSED, false, e);
        if (!rc)
            rc = decision_record(
                s, &r, "pause", by, at, NULL,
                json_pack("{s:s}", "note", TR_TABLE("a newer revision was submitted")), e);
    }
    revision_dispose(&r);
    return rc;
}

/* --- pausing, resuming, ending --- */

static int detail_keep(json_t *detail, const struct store_decision *d, struct err *e)
{
    return d->keep_tasks ? detail_text(detail, "tasks", "keep", e) : 0;
}

static int move_in_txn(struct store *s, int64_t revision, const struct store_decision *d,
                       enum revision_status to, struct err *e)
{
    bool pause = to == REVISION_PAUSED;
    struct revision_head r;
    json_t *detail = json_object();
    int rc = revision_get(s, revision, &r, e);

    if (!rc && r.status != (pause ? REVISION_APPROVED : REVISION_PAUSED))
        rc = err_set(e, ERR_REFUSED,
                     pause ? tr("%s is %s: only an approved campaign can be paused")
                           : tr("%s is %s: only a paused campaign can be resumed"),
                     r.campaign, revision_status_text(r.status));
    if (!rc)
        rc = detail_text(detail, "note", d->note, e);
    if (!rc && pause)
        rc = detail_keep(detail, d, e);
    if (!rc)
        rc = revision_set_status(s, revision, to, pause && d->keep_tasks, e);
    if (!rc)
        rc = decision_record(s, &r, pause ? "pause" : "resume", d->by, d->at, NULL,
                             json_incref(detail), e);
    json_decref(detail);
    revision_dispose(&r);
    return rc;
}

static int may_close(const struct revision_head *r, bool rejected, struct err *e)
{
    bool open = r->status == REVISION_DRAFT || r->status == REVISION_APPROVED ||
                r->status == REVISION_PAUSED;

    if (rejected && r->status != REVISION_DRAFT)
        return err_set(e, ERR_REFUSED, tr("%s is %s: only a draft can be rejected"), r->campaign,
                       revision_status_text(r->status));
    if (!open)
        return err_set(e, ERR_REFUSED, tr("%s is %s: there is nothing to cancel"), r->campaign,
                       revision_status_text(r->status));
    return 0;
}

/* ERR_REFUSED when all deliveries of what was once approved have come to their end: unknown ones
 * are settled by `outcome`, canceling says nothing about them. */
static int refuse_done(struct store *s, const struct revision_head *r, struct err *e)
{
    static const enum delivery_state open[] = {DELIVERY_PENDING, DELIVERY_CLAIMED,
                                               DELIVERY_PROMPTED};

    if (r->status == REVISION_DRAFT)
        return 0;
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
        uint64_t n;
        int rc = counter_get(s, r->id, open[i], &n, e);
        if (rc || n > 0)
            return rc;
    }
    return err_set(e, ERR_REFUSED, tr("%s is %s: there is nothing to cancel"), r->campaign,
                   tr("done"));
}

static int close_in_txn(struct store *s, int64_t revision, const struct store_decision *d,
                        bool rejected, uint64_t *canceled, struct err *e)
{
    struct revision_head r;
    struct change change = {0};
    json_t *detail = json_object();
    int rc = revision_get(s, revision, &r, e);

    *canceled = 0;
    if (!rc)
        rc = may_close(&r, rejected, e);
    if (!rc && !rejected)
        rc = refuse_done(s, &r, e);
    if (!rc)
        rc = detail_text(detail, rejected ? "reason" : "note", d->note, e);
    if (!rc)
        rc = detail_keep(detail, d, e);
    if (!rc)
        rc = revision_set_status(s, revision, rejected ? REVISION_REJECTED : REVISION_CANCELED,
                                 d->keep_tasks, e);
    if (!rc)
        rc = change_close(s, &change, revision, DELIVERY_CANCELED, REASON_CANCELED, d->at, d->by,
                          canceled, e);
    if (!rc) {
        detail_int(detail, "canceled", (int64_t)*canceled);
        rc = decision_record(s, &r, rejected ? "reject" : "cancel", d->by, d->at, &change,
                             json_incref(detail), e);
    }
    change_dispose(&change);
    json_decref(detail);
    revision_dispose(&r);
    return rc;
}

static int counter_get(struct store *s, int64_t revision, enum delivery_state state, uint64_t *n,
                       struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st, "SELECT n FROM counter WHERE revision = ? AND state = ?", e);

    *n = 0;
    if (rc)
        return rc;
    bind_int(st, 1, revision);
    bind_int(st, 2, state);
    if ((rc = sql_step(s, st, e)) <= 0)
        return rc;
    *n = (uint64_t)sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return 0;
}
