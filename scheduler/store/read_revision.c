/* Revisions as people and the engine see them. Each is read whole into memory of its own before it
 * is handed out, so that the callback may use the store. */
#include "store/store_internal.h"

#include "base/arena.h"
#include "base/lang.h"

#include <stdlib.h>

/* The first row of `sql` for the campaign, 0 when there is none. */
static int campaign_find(struct store *s, const char *sql, const char *campaign,
                         const struct digest *d, int64_t *id, struct err *e);
static int each_of(struct store *s, sqlite3_stmt *ids, store_revision_fn *each, void *ctx,
                   struct err *e);
static int revision_read(struct store *s, int64_t id, struct arena *a, struct store_revision *r,
                         struct err *e);

/* The current revision: the newest that waits or may send (an older one that a rejected or canceled
 * draft had paused can be resumed); else the newest that was not rejected; else the newest. */
#define CURRENT_FIRST                                                                              \
    " ORDER BY r.status IN (1, 2, 3) DESC, r.status <> 4 DESC, r.serial DESC LIMIT 1"
_Static_assert(REVISION_DRAFT == 1 && REVISION_APPROVED == 2 && REVISION_PAUSED == 3 &&
                   REVISION_REJECTED == 4,
               "the SQL names them");

#define OF_CAMPAIGN                                                                                \
    "SELECT r.id FROM revision r JOIN campaign c ON c.id = r.campaign"                             \
    " WHERE c.name = ?1 AND r.serial > 0"

int store_campaign(struct store *s, const char *campaign, store_revision_fn *each, void *ctx,
                   struct err *e)
{
    int64_t id;
    int rc = campaign_find(s, OF_CAMPAIGN CURRENT_FIRST, campaign, NULL, &id, e);

    if (!rc && !id)
        rc = err_set(e, ERR_NOTFOUND, tr("there is no campaign %s"), campaign);
    return rc ? rc : store_revision(s, id, each, ctx, e);
}

int store_draft(struct store *s, const char *campaign, store_revision_fn *each, void *ctx,
                struct err *e)
{
    int64_t id;
    int rc = campaign_find(s, OF_CAMPAIGN " AND r.status = 1 ORDER BY r.serial DESC LIMIT 1",
                           campaign, NULL, &id, e);

    if (!rc && !id)
        rc = err_set(e, ERR_NOTFOUND, tr("no revision of %s waits for approval"), campaign);
    return rc ? rc : store_revision(s, id, each, ctx, e);
}

int store_revision_by_digest(struct store *s, const char *campaign, const struct digest *d,
                             store_revision_fn *each, void *ctx, struct err *e)
{
    int64_t id;
    int rc = campaign_find(s, OF_CAMPAIGN " AND r.digest = ?2" CURRENT_FIRST, campaign, d, &id, e);

    if (!rc && !id)
        rc = err_set(e, ERR_NOTFOUND, tr("%s has no revision with this digest"), campaign);
    return rc ? rc : store_revision(s, id, each, ctx, e);
}

int store_revision(struct store *s, int64_t revision, store_revision_fn *each, void *ctx,
                   struct err *e)
{
    struct arena *a = arena_new();
    struct store_revision r;
    int rc = revision_read(s, revision, a, &r, e);

    if (!rc)
        rc = each(ctx, &r);
    arena_free(a);
    return rc;
}

int store_campaigns(struct store *s, store_revision_fn *each, void *ctx, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(
        s, &st,
        "SELECT (SELECT r.id FROM revision r WHERE r.campaign = c.id AND r.serial > 0" CURRENT_FIRST
        ") AS shown FROM campaign c WHERE shown IS NOT NULL ORDER BY c.id",
        e);
    return rc ? rc : each_of(s, st, each, ctx, e);
}

int store_active(struct store *s, store_revision_fn *each, void *ctx, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT id FROM revision r WHERE serial > 0 AND (status IN (2, 3) OR EXISTS"
                     " (SELECT 1 FROM counter WHERE revision = r.id AND state = 2 AND n > 0))"
                     " ORDER BY serial",
                     e);
    return rc ? rc : each_of(s, st, each, ctx, e);
}

int store_revision_lanes(struct store *s, int64_t revision,
                         int (*each)(void *ctx, const struct store_revision_lane *lane), void *ctx,
                         struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT d.lane, sum(coalesce((SELECT state FROM life WHERE delivery = d.id"
                     "  ORDER BY seq DESC LIMIT 1), 0) = 0)"
                     " FROM delivery d INDEXED BY delivery_waiting"
                     " WHERE d.revision = ? AND d.reason = 0 GROUP BY d.lane ORDER BY d.lane",
                     e);
    if (rc)
        return rc;
    bind_int(st, 1, revision);
    while ((rc = sql_step(s, st, e)) > 0) {
        const struct store_revision_lane lane = {
            .lane = sqlite3_column_int64(st, 0),
            .waiting = (uint64_t)sqlite3_column_int64(st, 1),
        };
        rc = each(ctx, &lane);
        if (rc) {
            sqlite3_reset(st);
            return rc;
        }
    }
    return rc;
}

int store_revision_due(struct store *s, int64_t revision, int64_t lane, instant_t *due,
                       struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT l.due_at FROM life l CROSS JOIN delivery d ON d.id = l.delivery"
                     " WHERE l.state = 1 AND d.revision = ? AND d.lane = ?"
                     " ORDER BY l.seq DESC LIMIT 1",
                     e);
    *due = 0;
    if (rc)
        return rc;
    _Static_assert(DELIVERY_CLAIMED == 1, "the SQL names it");
    bind_int(st, 1, revision);
    bind_int(st, 2, lane);
    if ((rc = sql_step(s, st, e)) > 0)
        *due = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return rc < 0 ? rc : 0;
}

static int campaign_find(struct store *s, const char *sql, const char *campaign,
                         const struct digest *d, int64_t *id, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st, sql, e);

    *id = 0;
    if (rc)
        return rc;
    bind_text(st, 1, campaign);
    if (d)
        bind_digest(st, 2, d);
    if ((rc = sql_step(s, st, e)) <= 0)
        return rc;
    *id = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return 0;
}

static int each_of(struct store *s, sqlite3_stmt *ids, store_revision_fn *each, void *ctx,
                   struct err *e)
{
    int64_t *list = NULL;
    size_t count = 0, capacity = 0;
    int rc;

    while ((rc = sql_step(s, ids, e)) > 0) {
        list = xgrow(list, &capacity, count + 1, sizeof(*list));
        list[count++] = sqlite3_column_int64(ids, 0);
    }
    for (size_t i = 0; i < count && !rc; i++)
        rc = store_revision(s, list[i], each, ctx, e);
    free(list);
    return rc;
}

static int approvals_read(struct store *s, struct arena *a, struct store_revision *r, struct err *e)
{
    sqlite3_stmt *st;
    struct store_approval *list = NULL;
    size_t count = 0, capacity = 0;
    int rc = sql_get(s, &st, "SELECT person, at FROM approval WHERE revision = ? ORDER BY id", e);

    if (rc)
        return rc;
    bind_int(st, 1, r->id);
    while ((rc = sql_step(s, st, e)) > 0) {
        list = xgrow(list, &capacity, count + 1, sizeof(*list));
        list[count].by = arena_strdup(a, column_text(st, 0));
        list[count++].at = sqlite3_column_int64(st, 1);
    }
    struct store_approval *kept = arena_array(a, count ? count : 1, sizeof(*kept));
    for (size_t i = 0; i < count; i++)
        kept[i] = list[i];
    free(list);
    r->approvals = kept;
    r->approval_count = count;
    return rc;
}

static int counts_read(struct store *s, struct store_revision *r, struct err *e)
{
    sqlite3_stmt *st;
    uint64_t sum = 0;
    int rc = sql_get(s, &st, "SELECT state, n FROM counter WHERE revision = ?", e);

    if (rc)
        return rc;
    bind_int(st, 1, r->id);
    while ((rc = sql_step(s, st, e)) > 0) {
        int64_t state = sqlite3_column_int64(st, 0);
        if (state >= 0 && state < DELIVERY_STATES)
            sum += r->counts[state] = (uint64_t)sqlite3_column_int64(st, 1);
    }
    return rc || sum == r->audience ? rc : sql_damaged(s, "counter", r->id, e);
}

int store_strangers(struct store *s, int64_t revision, uint64_t *known, uint64_t *strangers,
                    struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT coalesce((SELECT n FROM counter WHERE revision = v.id AND state = 3),"
                     " 0), (SELECT count(*) FROM life INDEXED BY life_stranger WHERE state = 4"
                     "  AND reason = 16 AND delivery BETWEEN v.first_delivery AND v.last_delivery)"
                     " FROM revision v WHERE v.id = ?",
                     e);

    _Static_assert(DELIVERY_SENT == 3 && DELIVERY_FAILED == 4 && REASON_NOT_A_FRIEND == 16,
                   "the SQL names them");
    *known = *strangers = 0;
    if (rc)
        return rc;
    bind_int(st, 1, revision);
    if ((rc = sql_step(s, st, e)) <= 0)
        return rc;
    *strangers = (uint64_t)sqlite3_column_int64(st, 1);
    *known = (uint64_t)sqlite3_column_int64(st, 0) + *strangers;
    sqlite3_reset(st);
    return 0;
}

static char *column_copy(struct arena *a, sqlite3_stmt *st, int i)
{
    const char *text = column_text(st, i);

    return arena_strdup(a, text ? text : "");
}

static int revision_read(struct store *s, int64_t id, struct arena *a, struct store_revision *r,
                         struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT r.campaign, c.name, r.title, r.channel, r.digest, r.status,"
                     " r.manifest, r.submitted_by, r.submitted_at, r.approved_at, r.approvers,"
                     " r.self_approved, r.test, r.audience, r.keep_tasks, r.plan FROM revision r"
                     " JOIN campaign c ON c.id = r.campaign WHERE r.id = ? AND r.serial > 0",
                     e);
    *r = (struct store_revision){.id = id};
    if (rc)
        return rc;
    bind_int(st, 1, id);
    if ((rc = sql_step(s, st, e)) < 0)
        return rc;
    if (rc == 0)
        return err_set(e, ERR_NOTFOUND, tr("there is no revision %lld"), (long long)id);
    int64_t status = sqlite3_column_int64(st, 5);
    bool whole = column_digest(st, 4, &r->digest) && status > REVISION_LOADING &&
                 status <= REVISION_CANCELED;
    r->campaign_id = sqlite3_column_int64(st, 0);
    r->campaign = column_copy(a, st, 1);
    r->title = column_copy(a, st, 2);
    r->channel = column_copy(a, st, 3);
    r->status = (enum revision_status)status;
    r->manifest = column_copy(a, st, 6);
    r->submitted_by = column_copy(a, st, 7);
    r->submitted_at = sqlite3_column_int64(st, 8);
    r->approved_at = column_instant(st, 9);
    r->approvers = sqlite3_column_int(st, 10);
    r->self_approved = sqlite3_column_int(st, 11) != 0;
    r->test = sqlite3_column_int(st, 12) != 0;
    r->audience = (uint64_t)sqlite3_column_int64(st, 13);
    r->keep_tasks = sqlite3_column_int(st, 14) != 0;
    r->plan = column_text(st, 15) ? column_copy(a, st, 15) : NULL;
    sqlite3_reset(st);
    if (!whole)
        return sql_damaged(s, "revision", id, e);
    rc = approvals_read(s, a, r, e);
    return rc ? rc : counts_read(s, r, e);
}
