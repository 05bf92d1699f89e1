/* A store in a directory of its own, and the few sentences that every store test says. */
#ifndef PACELINE_TESTS_STORE_FIXTURE_H
#define PACELINE_TESTS_STORE_FIXTURE_H

#include "check.h"

#include "base/log.h"
#include "store/store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    struct store *s;
    struct err e;
    char dir[32], path[64];
    instant_t now;
    int64_t lane[2];
};

#define OK(call)                                                                                   \
    do {                                                                                           \
        int ok_rc = (call);                                                                        \
        if (ok_rc)                                                                                 \
            fail_msg("%s: %d %s", #call, ok_rc, f->e.text);                                        \
    } while (0)

static inline void fixture_open(struct fixture *f)
{
    OK(store_open(&f->s, f->path, &f->e));
}

static inline void fixture_reopen(struct fixture *f)
{
    store_close(f->s);
    f->s = NULL;
    fixture_open(f);
}

static inline void fixture_lanes(struct fixture *f)
{
    int64_t channel, sender;
    OK(store_lane(f->s, "dry", "a", &f->lane[0], &channel, &sender, &f->e));
    OK(store_lane(f->s, "dry", "b", &f->lane[1], &channel, &sender, &f->e));
}

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    log_set_level(LOG_ERROR);
    strcpy(f->dir, "/dev/shm/paceline-store-XXXXXX"); /* a sync costs nothing there */
    if (!mkdtemp(f->dir) && !mkdtemp(strcpy(f->dir, "/tmp/paceline-store-XXXXXX")))
        return -1;
    snprintf(f->path, sizeof(f->path), "%s/st ore%%.db", f->dir); /* a name that needs escaping */
    f->now = 1900000000000;
    if (store_open(&f->s, f->path, &f->e))
        return -1;
    fixture_lanes(f);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    const char *const ends[] = {"",      "-wal",  "-journal", "-shm",
                                ".lock", ".copy", ".mark",    ".mark.new"};
    store_close(f->s);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char name[96];
        snprintf(name, sizeof(name), "%s%s", f->path, ends[i]);
        unlink(name);
    }
    rmdir(f->dir);
    free(f);
    return 0;
}

static inline struct store_decision by(struct fixture *f, const char *name)
{
    return (struct store_decision){.by = name, .at = ++f->now};
}

struct draft {
    const char *campaign, *by;
    int version; /* changes the digest */
    bool again;
    int approvers; /* 0: one */
    const char *const *recipients;
    size_t count;
    bool by_hand;
};

/* Rows go to the lanes in turn; a NULL recipient becomes "dup", skipped as a duplicate. */
static inline int64_t submit_of(struct fixture *f, const struct draft *d, bool *again)
{
    struct store_submission sub = {d->campaign, "a title", d->by ? d->by : "alice", ++f->now};
    struct store_row rows[64];
    char manifest[256];
    int64_t loading, revision;

    OK(store_submit_begin(f->s, &sub, &loading, &f->e));
    assert_true(d->count <= 64);
    for (size_t i = 0; i < d->count; i++)
        rows[i] = (struct store_row){i + 1,
                                     f->lane[i % 2],
                                     d->recipients[i] ? d->recipients[i] : "dup",
                                     "[\"v\"]",
                                     d->recipients[i] ? REASON_NONE : REASON_DUPLICATE,
                                     0};
    size_t half = d->count / 2;
    OK(store_submit_rows(f->s, loading, rows, half, &f->e));
    OK(store_submit_rows(f->s, loading, rows + half, d->count - half, &f->e));
    snprintf(manifest, sizeof(manifest),
             "{\"campaign\":\"%s\",\"revision\":{\"again\":%s},\"version\":%d}", d->campaign,
             d->again ? "true" : "false", d->version);
    struct store_freeze freeze = {.campaign = d->campaign,
                                  .by = sub.by,
                                  .at = ++f->now,
                                  .manifest = manifest,
                                  .digest = digest_of(manifest, strlen(manifest)),
                                  .channel = "dry",
                                  .approvers = d->approvers ? d->approvers : 1,
                                  .by_hand = d->by_hand};
    OK(store_submit_end(f->s, loading, &freeze, &revision, again, &f->e));
    return revision;
}

static const char *const four[] = {"w1", "w2", "w3", "w4"};

/* Four recipients, one approver. */
static inline int64_t submit(struct fixture *f, const char *campaign, int version)
{
    struct draft d = {.campaign = campaign, .version = version, .recipients = four, .count = 4};
    bool again;
    return submit_of(f, &d, &again);
}

static inline void approve(struct fixture *f, int64_t revision)
{
    struct store_decision d = by(f, "bo");
    bool approved;
    OK(store_approve(f->s, revision, &d, false, &approved, &f->e));
    assert_true(approved);
}

struct view { /* what a test keeps of a revision */
    int64_t id;
    enum revision_status status;
    uint64_t audience, counts[DELIVERY_STATES];
    size_t approvals;
    bool self_approved;
    instant_t approved_at;
    struct digest digest;
};

static inline int keep_view(void *ctx, const struct store_revision *r)
{
    struct view *v = ctx;
    *v = (struct view){.id = r->id,
                       .status = r->status,
                       .audience = r->audience,
                       .approvals = r->approval_count,
                       .self_approved = r->self_approved,
                       .approved_at = r->approved_at,
                       .digest = r->digest};
    memcpy(v->counts, r->counts, sizeof(v->counts));
    return 0;
}

static inline struct view view(struct fixture *f, int64_t revision)
{
    struct view v;
    OK(store_revision(f->s, revision, keep_view, &v, &f->e));
    return v;
}

struct seen { /* and of a delivery */
    enum delivery_state state;
    enum reason reason;
    uint32_t attempts;
    instant_t due_at, claimed_at, settled_at;
    char recipient[32], sender[32], ref[32];
    int64_t id, revision, lane;
    uint64_t row;
};

static inline int keep_seen(void *ctx, const struct store_delivery *d)
{
    struct seen *v = ctx;
    *v = (struct seen){.state = d->state,
                       .reason = d->reason,
                       .attempts = d->attempts,
                       .due_at = d->due_at,
                       .claimed_at = d->claimed_at,
                       .settled_at = d->settled_at,
                       .id = d->id,
                       .revision = d->revision,
                       .lane = d->lane,
                       .row = d->row};
    snprintf(v->recipient, sizeof(v->recipient), "%s", d->recipient);
    snprintf(v->sender, sizeof(v->sender), "%s", d->sender);
    snprintf(v->ref, sizeof(v->ref), "%s", d->ref ? d->ref : "");
    return 0;
}

static inline struct seen seen(struct fixture *f, int64_t delivery)
{
    struct seen v;
    OK(store_delivery(f->s, delivery, keep_seen, &v, &f->e));
    return v;
}

static inline void assert_stands(struct fixture *f, int64_t delivery, enum delivery_state state,
                                 enum reason reason)
{
    struct seen v = seen(f, delivery);
    if (v.state != state || v.reason != reason)
        fail_msg("delivery %lld is %s/%d, not %s/%d", (long long)delivery,
                 delivery_state_name(v.state), v.reason, delivery_state_name(state), reason);
}

/* Claims one delivery; false when the store refused it. */
static inline bool claim(struct fixture *f, int64_t revision, int64_t delivery, int64_t lane)
{
    instant_t at = ++f->now;
    struct store_claim c = {.delivery = delivery,
                            .at = at,
                            .due_at = at - 1,
                            .revision = revision,
                            .lane = lane,
                            .progress = delivery};
    struct store_commit commit = {.at = at, .claims = &c, .claim_count = 1};
    OK(store_commit(f->s, &commit, &f->e));
    store_commit_dispose(&commit);
    return !c.refused;
}

static inline int answer_rc(struct fixture *f, int64_t delivery, enum delivery_state state,
                            enum reason reason)
{
    struct seen v = seen(f, delivery);
    struct store_result r = {.delivery = delivery,
                             .at = ++f->now,
                             .revision = v.revision,
                             .lane = v.lane,
                             .state = state,
                             .reason = reason,
                             .claimed_at = v.claimed_at,
                             .ref = "ref",
                             .prompt = delivery,
                             .nonce = "n"};
    struct store_commit commit = {.at = f->now, .results = &r, .result_count = 1};
    int rc = store_commit(f->s, &commit, &f->e);
    store_commit_dispose(&commit);
    return rc;
}

static inline void answer(struct fixture *f, int64_t delivery, enum delivery_state state,
                          enum reason reason)
{
    OK(answer_rc(f, delivery, state, reason));
}

static inline uint64_t verify(struct fixture *f)
{
    uint64_t records;
    int64_t broken;
    OK(store_audit_verify(f->s, &records, &broken, &f->e));
    assert_int_equal(broken, 0);
    return records;
}

#endif
