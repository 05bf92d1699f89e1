/* What the engine asks for: the next waiting deliveries, and the group commit of claims and
 * results.
 *
 * One commit is one transaction and one audit record. Results come first, then claims, then
 * progress: raised by both, and lowered last by what came back, so that a delivery that waits
 * is never below it. */
#include "store/store_internal.h"

#include "base/arena.h"
#include "base/strbuf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NO_TEXT SIZE_MAX
enum { CLAIM_TEXTS = 3 };

struct committing {
    struct store_commit *c;
    bool repeated;
    struct change change;
    struct strbuf text; /* what rendering needs, NUL after each */
    size_t *offsets;    /* CLAIM_TEXTS a claim, into text */
    size_t claims, results, suppressed;
    struct revision_head revision; /* the last one looked at */
};

static int commit_in_txn(struct store *s, struct committing *w, struct err *e);
static void texts_hand_over(struct committing *w);

#define WAITING_FROM                                                                               \
    "SELECT d.id, d.row, d.recipient,"                                                             \
    " (SELECT count(*) FROM life WHERE delivery = d.id AND state = 1), d.message,"                 \
    " coalesce((SELECT max(at) FROM life WHERE delivery = d.id AND state = 0 AND reason = 8), 0)"  \
    " FROM delivery d"
#define WAITING_WHERE                                                                              \
    " WHERE d.revision = ?1 AND d.lane = ?2 AND d.reason = 0"                                      \
    " AND d.id > max(?3, coalesce((SELECT upto FROM progress"                                      \
    "  WHERE revision = ?1 AND lane = ?2), 0))"                                                    \
    " AND coalesce((SELECT state FROM life WHERE delivery = d.id"                                  \
    "  ORDER BY seq DESC LIMIT 1), 0) = 0"
_Static_assert(DELIVERY_PENDING == 0 && DELIVERY_CLAIMED == 1 && REASON_FREQUENCY_CAP == 8,
               "the SQL names them");

int store_fetch(struct store *s, int64_t revision, int64_t lane, int64_t after, int64_t message,
                struct store_waiting *out, size_t cap, size_t *count, struct err *e)
{
    sqlite3_stmt *st;
    int rc = message ? sql_get(s, &st,
                               WAITING_FROM " INDEXED BY delivery_message" WAITING_WHERE
                                            " AND d.message = ?4 AND d.message != 0 ORDER BY d.id",
                               e)
                     : sql_get(s, &st,
                               WAITING_FROM " INDEXED BY delivery_waiting" WAITING_WHERE
                                            " ORDER BY d.id",
                               e);
    *count = 0;
    if (rc)
        return rc;
    bind_int(st, 1, revision);
    bind_int(st, 2, lane);
    bind_int(st, 3, after);
    if (message)
        bind_int(st, 4, message);
    while (*count < cap && (rc = sql_step(s, st, e)) > 0)
        out[(*count)++] = (struct store_waiting){
            sqlite3_column_int64(st, 0), (uint64_t)sqlite3_column_int64(st, 1),
            sqlite3_column_int64(st, 2), (uint32_t)sqlite3_column_int64(st, 3),
            sqlite3_column_int64(st, 4), sqlite3_column_int64(st, 5)};
    sqlite3_reset(st);
    return rc < 0 ? rc : 0;
}

static int commit(struct store *s, struct store_commit *c, bool repeated, struct err *e)
{
    struct committing w = {.c = c, .repeated = repeated};

    c->memory = NULL;
    for (size_t i = 0; i < c->claim_count; i++) {
        struct store_claim *x = &c->claims[i];
        x->recipient = x->sender = x->values = NULL;
        x->refused = true;
    }
    int rc = txn_begin(s, e);
    if (rc)
        return rc;
    w.offsets = xmalloc((c->claim_count + 1) * CLAIM_TEXTS * sizeof(*w.offsets));
    rc = txn_end(s, commit_in_txn(s, &w, e), e);
    if (!rc)
        texts_hand_over(&w);
    for (size_t i = 0; rc && i < c->claim_count; i++)
        c->claims[i].refused = true; /* nothing may go out for a claim that may not be there */
    change_dispose(&w.change);
    revision_dispose(&w.revision);
    strbuf_dispose(&w.text);
    free(w.offsets);
    return rc;
}

int store_commit(struct store *s, struct store_commit *c, struct err *e)
{
    return commit(s, c, false, e);
}

int store_commit_again(struct store *s, struct store_commit *c, struct err *e)
{
    return commit(s, c, true, e);
}

void store_commit_dispose(struct store_commit *c)
{
    free(c->memory);
    c->memory = NULL;
    for (size_t i = 0; i < c->claim_count; i++)
        c->claims[i].recipient = c->claims[i].sender = c->claims[i].values = NULL;
}

static int revision_of(struct store *s, struct committing *w, int64_t revision, struct err *e)
{
    if (w->revision.id == revision)
        return 0;
    revision_dispose(&w->revision);
    int rc = revision_get(s, revision, &w->revision, e);
    if (rc)
        w->revision.id = 0;
    return rc;
}

/* --- results --- */

/* What comes back to a revision that has ended meanwhile ends too. */
static int result_follow(struct store *s, struct committing *w, const struct store_result *x,
                         struct err *e)
{
    int rc = revision_of(s, w, x->revision, e);

    return rc ? rc : change_follow(s, &w->change, &w->revision, x->delivery, x->at, e);
}

/* Written by this commit when it was tried before (R4), and followed by another of its results. */
static int result_done(struct store *s, const struct store_result *x, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT 1 FROM life WHERE delivery = ? AND state = ? AND reason = ?"
                     " AND claimed_at = ? AND at = ?",
                     e);

    if (rc)
        return rc;
    bind_int(st, 1, x->delivery);
    bind_int(st, 2, x->state);
    bind_int(st, 3, x->reason);
    bind_int(st, 4, x->claimed_at);
    bind_int(st, 5, x->at);
    rc = sql_step(s, st, e);
    sqlite3_reset(st);
    return rc;
}

static int result_add(struct store *s, struct committing *w, const struct store_result *x,
                      struct err *e)
{
    struct standing now;
    int rc = standing_get(s, x->delivery, &now, e);

    if (rc)
        return rc;
    assert(now.revision == x->revision && now.lane == x->lane);
    /* a commit that is repeated after an error finds it done (R4) */
    if (now.last.state == x->state && now.last.reason == x->reason &&
        (now.last.claimed_at == x->claimed_at || now.last.claimed_at == INSTANT_MIN))
        return 0;
    /* the engine drops what somebody has ended meanwhile */
    if (x->claimed_at == INSTANT_MIN && delivery_state_final(now.last.state))
        return 0;
    bool open = now.last.state == DELIVERY_CLAIMED || now.last.state == DELIVERY_PROMPTED;
    if (!delivery_may_follow(now.last.state, x->state) || x->state == DELIVERY_CLAIMED ||
        (open && now.last.claimed_at != x->claimed_at)) { /* an answer to another attempt */
        rc = result_done(s, x, e);
        if (rc)
            return rc < 0 ? rc : 0;
        return err_set(e, ERR_INTERNAL, "delivery %lld is %s and cannot become %s",
                       (long long)x->delivery, delivery_state_name(now.last.state),
                       delivery_state_name(x->state));
    }
    /* what is learned later of an unknown one is no second send, and what nobody saw is none: no
     * claimed_at */
    bool answer = open && x->claimed_at != INSTANT_MIN;
    struct life row = {.delivery = x->delivery,
                       .at = x->at,
                       .state = x->state,
                       .reason = x->reason,
                       .due_at = answer ? now.last.due_at : INSTANT_MIN,
                       .claimed_at = answer && !x->unseen ? x->claimed_at : INSTANT_MIN,
                       .ref = x->ref,
                       .by = x->by,
                       .send = answer ? now.last.send : 0,
                       .sent_at = x->sent_at};
    rc = change_add(s, &w->change, now.revision, now.last.state, &row, e);
    if (!rc && x->state == DELIVERY_PROMPTED)
        rc = prompt_open(s, x, e);
    /* a task has answered its lane when it is made, a person when they say so */
    if (!rc && answer && x->task == (x->state == DELIVERY_PROMPTED))
        rc = lane_answered(s, now.lane, w->change.last, e);
    if (!rc && answer)
        rc = lane_sent(s, now.lane, &row, e);
    if (!rc && x->state == DELIVERY_PENDING)
        rc = result_follow(s, w, x, e);
    w->results++;
    return rc;
}

/* --- claims --- */

static size_t text_keep(struct committing *w, const char *text)
{
    size_t at = w->text.length;

    if (!text)
        return NO_TEXT;
    strbuf_add(&w->text, text, strlen(text) + 1);
    return at;
}

static int claim_texts(struct store *s, struct committing *w, size_t i, struct err *e)
{
    sqlite3_stmt *st;
    int64_t delivery = w->c->claims[i].delivery;
    int rc = sql_get(s, &st,
                     "SELECT r.name, s.name, d.fields FROM delivery d"
                     " JOIN recipient r ON r.id = d.recipient JOIN lane l ON l.id = d.lane"
                     " JOIN sender s ON s.id = l.sender WHERE d.id = ?",
                     e);
    if (rc)
        return rc;
    bind_int(st, 1, delivery);
    if ((rc = sql_step(s, st, e)) < 0)
        return rc;
    if (rc == 0)
        return sql_damaged(s, "delivery", delivery, e);
    for (int k = 0; k < CLAIM_TEXTS; k++)
        w->offsets[i * CLAIM_TEXTS + (size_t)k] = text_keep(w, column_text(st, k));
    sqlite3_reset(st);
    return 0;
}

/* Suppressed since it was decided: it is not sent, and waits no more. */
static int claim_skip(struct store *s, struct committing *w, const struct store_claim *x,
                      struct err *e)
{
    struct life row = {.delivery = x->delivery,
                       .at = x->at,
                       .state = DELIVERY_SKIPPED,
                       .reason = REASON_SUPPRESSED,
                       .due_at = INSTANT_MIN,
                       .claimed_at = INSTANT_MIN};

    w->suppressed++;
    return change_add(s, &w->change, x->revision, DELIVERY_PENDING, &row, e);
}

static int claim_add(struct store *s, struct committing *w, size_t i, struct err *e)
{
    struct store_claim *x = &w->c->claims[i];
    struct standing now;
    int rc = standing_get(s, x->delivery, &now, e);

    if (rc == ERR_NOTFOUND)
        return 0; /* refused, as it was set before */
    if (!rc)
        rc = revision_of(s, w, now.revision, e);
    if (rc)
        return rc;
    assert(now.revision == x->revision && now.lane == x->lane);
    if (w->repeated && now.last.state == DELIVERY_CLAIMED && now.last.claimed_at == x->at) {
        rc = claim_texts(s, w, i, e); /* it was durable, nobody was told yet (R4) */
        x->refused = rc != 0;
        return rc;
    }
    if (now.last.state != DELIVERY_PENDING || w->revision.status != REVISION_APPROVED ||
        w->revision.closed_state != DELIVERY_PENDING)
        return 0;
    bool suppressed;
    rc = suppress_judge(s, x->delivery, &suppressed, e);
    if (rc || suppressed)
        return rc ? rc : claim_skip(s, w, x, e);
    struct life row = {.delivery = x->delivery,
                       .at = x->at,
                       .state = DELIVERY_CLAIMED,
                       .reason = REASON_NONE,
                       .due_at = x->due_at,
                       .claimed_at = x->at,
                       .send = x->send};
    rc = change_add(s, &w->change, now.revision, DELIVERY_PENDING, &row, e);
    if (!rc)
        rc = claim_texts(s, w, i, e);
    x->refused = rc != 0;
    w->claims++;
    return rc;
}

/* The strings of the accepted claims point into one block. */
static void texts_hand_over(struct committing *w)
{
    char *text = w->text.length ? strbuf_take(&w->text) : NULL;

    w->c->memory = text;
    for (size_t i = 0; i < w->c->claim_count; i++) {
        struct store_claim *x = &w->c->claims[i];
        const size_t *at = &w->offsets[i * CLAIM_TEXTS];
        if (x->refused)
            continue;
        x->recipient = at[0] == NO_TEXT ? NULL : text + at[0];
        x->sender = at[1] == NO_TEXT ? NULL : text + at[1];
        x->values = at[2] == NO_TEXT ? NULL : text + at[2];
    }
}

/* --- progress --- */

static int progress_raise(struct store *s, int64_t revision, int64_t lane, int64_t upto,
                          struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "INSERT INTO progress (revision, lane, upto) VALUES (?, ?, ?)"
                     " ON CONFLICT DO UPDATE SET upto = max(upto, excluded.upto)",
                     e);
    if (rc)
        return rc;
    bind_int(st, 1, revision);
    bind_int(st, 2, lane);
    bind_int(st, 3, upto);
    return sql_run(s, st, e);
}

static int progress_write(struct store *s, const struct store_commit *c, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; i < c->claim_count && !rc; i++) {
        const struct store_claim *x = &c->claims[i];
        if (!x->refused && x->progress > 0)
            rc = progress_raise(s, x->revision, x->lane, x->progress, e);
    }
    for (size_t i = 0; i < c->result_count && !rc; i++) {
        const struct store_result *x = &c->results[i];
        if (x->progress > 0)
            rc = progress_raise(s, x->revision, x->lane, x->progress, e);
    }
    for (size_t i = 0; i < c->result_count && !rc; i++)
        if (c->results[i].state == DELIVERY_PENDING)
            rc = progress_lower(s, c->results[i].delivery, e);
    return rc;
}

static int commit_in_txn(struct store *s, struct committing *w, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; i < w->c->result_count && !rc; i++)
        rc = result_add(s, w, &w->c->results[i], e);
    for (size_t i = 0; i < w->c->claim_count && !rc; i++)
        rc = claim_add(s, w, i, e);
    if (!rc)
        rc = progress_write(s, w->c, e);
    if (rc || !w->change.first)
        return rc;
    json_t *detail = json_object();
    struct record record = {w->c->at, SERVICE_NAME, "commit", NULL, NULL, detail};
    detail_int(detail, "claims", (int64_t)w->claims);
    detail_int(detail, "results", (int64_t)w->results);
    if (w->suppressed)
        detail_int(detail, "suppressed", (int64_t)w->suppressed);
    rc = change_end(s, &w->change, detail, e);
    if (!rc)
        rc = audit_append(s, &record, e);
    json_decref(detail);
    return rc;
}
