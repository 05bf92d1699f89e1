/* What must not be forgotten: campaigns, their revisions and approvals, every delivery's life, the
 * audit chain. One SQLite connection (WAL, synchronous=FULL, locking_mode=EXCLUSIVE, 20,000 pages
 * autocheckpoint, fewer on a small disk), beside it a lock file held for life: a stray close() of
 * the database cannot drop that one (reliability.md §0.5).
 *
 * Threads: a store is used by one thread at a time (the store thread); it has no lock of its own.
 * Every writing function is one transaction. One that returns ERR_STORE may or may not have
 * happened: the caller latches and opens the store again (R4: what it repeats is found already
 * done).
 *
 * Ids are small integers given out in file order; life rows are appended, never changed; counters
 * and the audit record belong to the same transaction. Strings handed to callbacks live until they
 * return.
 *
 * Shape (schema.c is the truth):
 *   channel, sender, lane(channel, sender), recipient, campaign
 *   revision   one frozen state of a campaign: manifest, digest, status, counters
 *   approval   revision, person, instant
 *   delivery   immutable: revision, row, lane, recipient, values, first state (pending or skipped)
 *   life       appended: delivery, at, state, reason, due_at, claimed_at, ref, by
 *   progress   (revision, lane) -> below this id nothing is pending
 *   prompt     what people are being asked, until all of it is settled
 *   blob       attachments by digest
 *   contact    the contact book, as people imported it
 *   member, relation, account_reading: what a platform's account knows (relations.c)
 *   suppression recipient (and sender): the do-not-send list
 *   kept       the store's id, and what store_reopen tests with
 *   audit      the chain
 */
#ifndef PACELINE_STORE_STORE_H
#define PACELINE_STORE_STORE_H

#include "base/digest.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "core/delivery.h"
#include "core/instant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/* `path` is a file, or ":memory:" for tests (no lock file then). ERR_BUSY: another service holds it
 * (its pid is in the text). ERR_DATA: damaged, foreign, or of a newer version. */
int store_open(struct store **out, const char *path, struct err *e);
void store_close(struct store *s); /* NULL is fine */

/* --- health: a full disk, an I/O error, a failed COMMIT, a damaged file latch the store: every
 * call returns the same error, without touching the file, until store_reopen --- */

/* What it latched on; code 0: nothing. */
const struct err *store_failure(const struct store *s);
/* Opens the file anew (the lock is held all the time) and tests it: room on the disk, a write, a
 * sync, a read; it must be the store that was open and hold all that was committed. ERR_DATA:
 * damaged, foreign or another one, trying again does not help. */
int store_reopen(struct store *s, struct err *e);

/* --- the mark: a file beside the store that says how far it was, so that an older copy of the
 * store is noticed. Never ahead of the store. --- */

enum store_past {
    STORE_PAST_KNOWN,    /* the mark is of this store, at or before where it is; or both are new */
    STORE_PAST_UNMARKED, /* there is none, though the store is not new */
    STORE_PAST_BEHIND,   /* the mark is ahead: records are missing */
    STORE_PAST_OTHER     /* the mark is of another store or history, or cannot be read */
};
struct store_gap {
    enum store_past past;
    int64_t records;    /* of the audit log that are missing, of BEHIND */
    int64_t steps;      /* and of the lives of deliveries: claims, answers */
    instant_t from, to; /* the store's last record, the mark's; INSTANT_MIN: not known */
};
int store_mark_check(struct store *s, struct store_gap *gap, struct err *e);
/* Does nothing when the mark says so already. Durable on return. */
int store_mark_write(struct store *s, struct err *e);

/* --- backup: a copy in steps while the store is used; what is written meanwhile is in it --- */

struct store_backup {
    bool more; /* step again */
    uint64_t bytes;
    int64_t audit_seq; /* the last record in the copy */
};
/* `path` must not exist. ERR_BUSY: another backup is under way (one that nobody has continued for
 * some seconds is dropped). */
int store_backup_begin(struct store *s, const char *path, struct err *e);
int store_backup_step(struct store *s, struct store_backup *out, struct err *e);
void store_backup_drop(struct store *s);  /* with its file; fine when there is none */
void store_backup_sweep(struct store *s); /* drops one that nobody continues */

/* --- names: found, or made in file order --- */

int store_lane(struct store *s, const char *channel, const char *sender, int64_t *lane,
               int64_t *channel_id, int64_t *sender_id, struct err *e);

/* The part of a lane for recipients in a time zone: it waits by itself and is paced with the lane.
 */
int store_lane_part(struct store *s, int64_t lane, const char *zone, int64_t *part, struct err *e);

struct store_lane_row {
    int64_t lane, channel, sender;
    const char *channel_name, *sender_name;
    int64_t of; /* 0; of a part its lane, which has the lower id */
    const char *zone;
    instant_t first_sent; /* the claim of its first send; 0: none yet */
};
int store_lanes(struct store *s, int (*each)(void *ctx, const struct store_lane_row *row),
                void *ctx, struct err *e);

/* --- submitting: begin, rows in chunks, end ------------------------------------------------------
 * A revision being loaded is invisible until store_submit_end; store_open drops the ones that a
 * crash left behind. Each call is one transaction, so others get their turn between chunks. */

struct store_submission {
    const char *campaign, *title;
    const char *by;
    instant_t at;
};

struct store_row { /* one audience row, in file order */
    uint64_t row;  /* from 1 */
    int64_t lane;
    const char *recipient;
    const char *values;  /* JSON array of the template's values, or NULL */
    enum reason skipped; /* REASON_NONE: pending */
    int64_t message;     /* equal: byte-equal messages, fit for one batch; 0: not looked at */
};

struct store_blob {
    struct digest digest;
    const void *bytes;
    size_t length;
};

int store_submit_begin(struct store *s, const struct store_submission *sub, int64_t *revision,
                       struct err *e);
int store_submit_rows(struct store *s, int64_t revision, const struct store_row *rows, size_t count,
                      struct err *e);
int store_submit_blob(struct store *s, const struct store_blob *b, struct err *e);

struct store_freeze {
    const char *campaign;
    const char *by;
    instant_t at;
    const char *manifest; /* canonical JSON; its SHA-256 is the digest */
    struct digest digest;
    const char *channel;
    int approvers;
    bool test;          /* on a stand-in */
    bool by_hand;       /* a person sends: a claim that nobody was asked about was not sent */
    const char *plan;   /* JSON object: the plan's summary, or NULL */
    uint64_t shortfall; /* so many are not reached, and that was allowed */
};

/* Makes the revision visible as a draft, pauses an older one of the campaign, writes `submit` (and
 * `pause`) to the audit log. When the campaign already has this digest in a revision that
 * is neither rejected nor canceled, the rows are dropped, `*revision` is that one's id and `*again`
 * is true: nothing else changes. A digest that was rejected or canceled before becomes a new draft.
 */
int store_submit_end(struct store *s, int64_t loading, const struct store_freeze *f,
                     int64_t *revision, bool *again, struct err *e);
int store_submit_drop(struct store *s, int64_t loading, struct err *e);

/* Whom other campaigns have written to since `since`, or may have, as it is now: for this
 * submission, until it ends. */
int store_contacted_note(struct store *s, int64_t loading, instant_t since, struct err *e);
int store_contacted(struct store *s, int64_t loading, const char *recipient, bool *contacted,
                    struct err *e);

/* Whom revisions of the campaign have written to, or may have: already_handled for a new one. By
 * recipient. `*id` is the campaign's; 0: it is new. */
int store_handled(struct store *s, const char *campaign, int64_t *id,
                  void (*each)(void *ctx, int64_t recipient), void *ctx, struct err *e);
int store_recipient(struct store *s, const char *name, int64_t *id, struct err *e); /* 0: new */

/* --- revisions --- */

/* stored: append only */
enum revision_status {
    REVISION_LOADING,
    REVISION_DRAFT,
    REVISION_APPROVED, /* may send: shown as approved, running or done by start
                          and counters */
    REVISION_PAUSED,
    REVISION_REJECTED,
    REVISION_CANCELED /* by a person, or a newer revision was approved */
};

struct store_approval {
    const char *by;
    instant_t at;
};

struct store_revision {
    int64_t id, campaign_id;
    const char *campaign, *title, *channel;
    struct digest digest;
    enum revision_status status;
    const char *manifest;
    const char *plan; /* its summary when it was submitted, or NULL */
    const char *submitted_by;
    instant_t submitted_at, approved_at; /* approved_at: INSTANT_MIN when not */
    int approvers;
    const struct store_approval *approvals;
    size_t approval_count;
    bool self_approved, test;
    bool keep_tasks; /* paused or canceled, and what people are being asked stays open */
    uint64_t audience;
    uint64_t counts[DELIVERY_STATES];
};

typedef int store_revision_fn(void *ctx, const struct store_revision *r);

/* The campaign's current revision: the newest that waits or may send (draft, approved, paused), so
 * that what a rejected or canceled draft had paused can be resumed; else the newest that is not
 * rejected, else the newest. */
int store_campaign(struct store *s, const char *campaign, store_revision_fn *each, void *ctx,
                   struct err *e);
/* The newest draft of the campaign: what an approval would be for. ERR_NOTFOUND when none waits. */
int store_draft(struct store *s, const char *campaign, store_revision_fn *each, void *ctx,
                struct err *e);
int store_revision(struct store *s, int64_t revision, store_revision_fn *each, void *ctx,
                   struct err *e);
int store_revision_by_digest(struct store *s, const char *campaign, const struct digest *d,
                             store_revision_fn *each, void *ctx, struct err *e);
/* Current revisions of all campaigns, by campaign id. */
int store_campaigns(struct store *s, store_revision_fn *each, void *ctx, struct err *e);
/* All approved or paused (once approved) revisions, and those that ended with questions open: what
 * the engine loads at start. */
int store_active(struct store *s, store_revision_fn *each, void *ctx, struct err *e);
struct store_revision_lane {
    int64_t lane;
    uint64_t waiting;
};
/* The lanes of the revision's deliveries, by id. */
int store_revision_lanes(struct store *s, int64_t revision,
                         int (*each)(void *ctx, const struct store_revision_lane *lane), void *ctx,
                         struct err *e);
/* When the revision's last claim on this lane was due; 0: none. Looks back through the history
 * until it is found. */
int store_revision_due(struct store *s, int64_t revision, int64_t lane, instant_t *due,
                       struct err *e);

/* --- decisions of people, each with its audit record --- */

struct store_decision {
    const char *by;
    instant_t at;
    const char *note; /* or NULL */
    bool keep_tasks;  /* of a pause or a cancel: what people are being asked stays open */
    bool until_back;  /* of a suppression: until a reading finds the customer added anew */
};

/* Adds an approval. `*approved` when the number is reached: then older revisions' waiting
 * deliveries are canceled (superseded) and whoever an older revision has claimed, prompted, sent or
 * unknown is skipped (already_handled) unless `again`. ERR_DENIED: submitter without allow_self, or
 * the same person twice. ERR_REFUSED: not a draft. */
int store_approve(struct store *s, int64_t revision, const struct store_decision *d,
                  bool allow_self, bool *approved, struct err *e);
int store_reject(struct store *s, int64_t revision, const struct store_decision *d, struct err *e);
int store_pause(struct store *s, int64_t revision, const struct store_decision *d, struct err *e);
int store_resume(struct store *s, int64_t revision, const struct store_decision *d, struct err *e);
/* Pending ones become canceled; claimed and unknown stay as they are (counted in out parameters;
 * `out_already`: claimed, prompted and sent). Open questions count as what the engine makes of them
 * next: canceled, or unknown when somebody saw them; `keep_tasks`: they stay open. ERR_REFUSED when
 * it is rejected, canceled, or done: of what was approved nothing is pending, claimed or prompted
 * any more. */
int store_cancel(struct store *s, int64_t revision, const struct store_decision *d,
                 uint64_t *canceled, uint64_t *out_already, uint64_t *unknown, struct err *e);
/* unknown -> sent, or failed/not_sent. ERR_REFUSED with the state when it is not unknown. */
int store_outcome(struct store *s, int64_t delivery, bool sent, const struct store_decision *d,
                  struct err *e);
/* failed (proven or stated not sent) -> pending, in a campaign that may still send, to a recipient
 * who is not suppressed. */
int store_resend(struct store *s, int64_t delivery, const struct store_decision *d, struct err *e);
/* halt, unhalt, and whatever else belongs in the log. `detail` is a JSON object or NULL. Said again
 * after ERR_STORE it is not written twice. */
int store_audit(struct store *s, instant_t at, const char *by, const char *event,
                const char *campaign, const struct digest *d, const char *detail, struct err *e);

/* --- the do-not-send list ------------------------------------------------------------------------
 * Nobody on it is written to: what waits (in a draft too) becomes skipped/suppressed when the entry
 * is made, what is submitted later at that moment, and store_commit refuses a claim all the same.
 */

struct store_place {
    int64_t revision, lane, delivery;
};

struct store_suppressed {
    bool added;                  /* false: the entry was there */
    struct store_place *skipped; /* pending until now; the caller frees */
    size_t skipped_count;
    uint64_t out_already; /* claimed, prompted or unknown in revisions that may still send */
};

/* `sender` NULL: from nobody. `d->note` is the reason. An entry with `until_back` gives way to a
 * later one; one without it stays. */
int store_suppress(struct store *s, const char *recipient, const char *sender,
                   const struct store_decision *d, struct store_suppressed *out, struct err *e);
/* Removes exactly this entry; for later revisions, what was skipped stays skipped. `*left` is how
 * many other entries the recipient has. ERR_NOTFOUND: no such entry. */
int store_unsuppress(struct store *s, const char *recipient, const char *sender,
                     const struct store_decision *d, uint64_t *left, struct err *e);

struct store_suppression {
    int64_t id;
    const char *recipient, *sender; /* NULL: every sender */
    const char *by, *reason;
    instant_t at;
    bool until_back;
};
int store_suppressions(struct store *s, int64_t after, size_t limit,
                       int (*each)(void *ctx, const struct store_suppression *x), void *ctx,
                       int64_t *last, bool *more, struct err *e);

/* As submit will skip it, at this moment. */
int store_is_suppressed(struct store *s, const char *recipient, const char *sender,
                        bool *suppressed, struct err *e);

/* --- the contact book --- */

struct store_contact { /* "" is no value */
    int64_t id;        /* in order of import */
    const char *recipient;
    const char *name, *sender, *timezone, *tags; /* of an import NULL: as it was */
    const char *attributes;                      /* JSON object, canonical */
    bool matched; /* of an import: a platform's customer, who becomes no contact by it */
};

struct store_import {
    uint64_t added, changed, unchanged;
};

/* One transaction and one record; `d->note` names the file. Adds to `sum`. */
int store_contacts_import(struct store *s, const struct store_contact *rows, size_t count,
                          const struct store_decision *d, struct store_import *sum, struct err *e);
int store_contacts(struct store *s, int64_t after, size_t limit,
                   int (*each)(void *ctx, const struct store_contact *x), void *ctx, int64_t *last,
                   bool *more, struct err *e);
/* The names of all attributes that any contact has, sorted. */
int store_contact_names(struct store *s, int (*each)(void *ctx, const char *name), void *ctx,
                        struct err *e);
/* Replaces `tags`: those of the book and those that any member has given; "" for a stranger. */
int store_contact_tags(struct store *s, const char *recipient, struct strbuf *tags, struct err *e);

/* Every platform's id of the history since then, and of tasks that were told as unknown: each once.
 */
int store_known_refs(struct store *s, instant_t since, int (*each)(void *ctx, const char *ref),
                     void *ctx, struct err *e);

/* --- calls that a platform lets nobody make for a while --- */

struct store_block {
    const char *account, *api;
    instant_t until;
    unsigned in_row; /* blocks of it since a call went through */
};

/* In the place of what was known of this account and call. */
int store_block_put(struct store *s, const struct store_block *b, struct err *e);
int store_blocks(struct store *s, int (*each)(void *ctx, const struct store_block *b), void *ctx,
                 struct err *e);

/* --- what a platform's account knows: whose the customers and groups are --- */

enum relation_kind { RELATION_CUSTOMER, RELATION_GROUP };

struct store_relation { /* of one member; "" is no value */
    const char *recipient, *name, *union_id, *remark, *state, *tags;
    int64_t added_ms; /* of a group: when it was made */
    int64_t way;
};

struct store_relations_sum {
    uint64_t seen, added, changed, unchanged, removed;
    uint64_t lifted; /* suppressions of customers who came back */
};

/* A reading of an account goes member by member; one that broke off less than `fresh_ms` ago is
 * taken up again. The members are those there are now: others go, with all they had. `*left`: who
 * is not read yet, malloc'd with its texts in one block. */
int store_reading_begin(struct store *s, const char *account, const char *const *members,
                        size_t count, int64_t now_ms, int64_t fresh_ms, const char ***left,
                        size_t *left_count, uint64_t *removed, struct err *e);
/* Some of the relations of one member: written when they are new or have changed. `ids` gets one
 * for each row. */
int store_reading_rows(struct store *s, const char *account, enum relation_kind kind,
                       const char *member, const struct store_relation *rows, size_t count,
                       int64_t *ids, struct store_relations_sum *sum, struct err *e);
/* These are all of that kind and member: others go. Sorts `ids`. */
int store_reading_rest(struct store *s, const char *account, enum relation_kind kind,
                       const char *member, int64_t *ids, size_t count,
                       struct store_relations_sum *sum, struct err *e);
int store_reading_member(struct store *s, const char *account, const char *member, int64_t now_ms,
                         struct err *e);
/* All of it has been read: whoever a member has added anew since their suppression until then may
 * be written to again. Writes the records. */
int store_reading_end(struct store *s, const char *account, struct store_relations_sum *sum,
                      const struct store_decision *d, struct err *e);

/* Whether the account has ever been read. */
int store_account_read(struct store *s, const char *account, bool *known, struct err *e);
/* By name: the members of an account's last reading; of RELATION_GROUP those who own a group. */
int store_members(struct store *s, const char *account, enum relation_kind kind,
                  int (*each)(void *ctx, const char *name), void *ctx, struct err *e);
/* Who of several senders writes to a customer of theirs. */
enum relation_order { RELATION_LAST_ADDED, RELATION_FIRST_ADDED, RELATION_LISTED };

struct store_choice { /* of relations */
    const char *const *senders;
    size_t sender_count;
    enum relation_order order;
    int64_t added_from_ms, added_to_ms; /* [from, to); to 0: no end */
    const int64_t *ways;                /* way_count 0: any */
    size_t way_count;
    const char *const *states; /* state_count 0: any */
    size_t state_count;
};

/* The sender of the choice whom a recipient belongs to, by its order: `*index`, or their number
 * when to none. With `wanted`, to that one or to nobody. What else it asks of relations is not
 * looked at. */
int store_relation_sender(struct store *s, const char *account, const char *recipient,
                          const struct store_choice *choice, const char *wanted, size_t *index,
                          struct err *e);
/* Each customer or group of the choice once, with its sender, in the order in which they were first
 * read. What the book has of them comes first: name, timezone, attributes; tags are the book's and
 * all members', with ';' between them. */
int store_relations(struct store *s, const char *account, enum relation_kind kind,
                    const struct store_choice *choice,
                    int (*each)(void *ctx, const struct store_contact *x), void *ctx,
                    struct err *e);
/* Each customer, once, whose unionid this is, or whom a member calls so; of this member's only,
 * unless `sender` is NULL. */
enum relation_name { RELATION_UNIONID, RELATION_REMARK };
int store_customers_called(struct store *s, enum relation_name by, const char *name,
                           const char *sender, int (*each)(void *ctx, const char *recipient),
                           void *ctx, struct err *e);
/* Customers whom nobody has imported, each once, by `id` above `after`, at most `limit`; with who
 * added them last, the tags of all their members, and what was matched with them. */
int store_customers(struct store *s, int64_t after, size_t limit,
                    int (*each)(void *ctx, const struct store_contact *x), void *ctx, int64_t *last,
                    bool *more, struct err *e);

/* --- what others sent: members by themselves, on the platform --- */

struct store_other_send {
    const char *recipient, *ref; /* ref: the platform's id of what was sent */
    instant_t sent_at;
    int64_t id; /* set: the recipient's when this is news, else 0 */
};
/* Keeps what is new; forgets what was sent before `keep_from`. */
int store_other_sends_add(struct store *s, struct store_other_send *rows, size_t count,
                          instant_t keep_from, struct err *e);
/* Those at or after `since`; `recipient` 0: to anybody. */
int store_other_sends(struct store *s, instant_t since, int64_t recipient,
                      int (*each)(void *ctx, int64_t recipient, instant_t sent_at), void *ctx,
                      struct err *e);

/* --- what the engine asks for --- */

struct store_waiting {
    int64_t delivery;
    uint64_t row;
    int64_t recipient;
    uint32_t attempts; /* claims so far */
    int64_t message;
    instant_t capped_at; /* when the platform's cap held it last; 0: never */
};

/* The next pending deliveries of a lane in a revision, by id, above `after` and not below the
 * lane's progress; `message` 0: all of them, else those with this message. Fewer than `cap`: there
 * are no more. */
int store_fetch(struct store *s, int64_t revision, int64_t lane, int64_t after, int64_t message,
                struct store_waiting *out, size_t cap, size_t *count, struct err *e);

struct store_claim { /* pending -> claimed */
    int64_t delivery;
    instant_t at; /* when it was decided: its claimed_at */
    instant_t due_at;
    int64_t revision, lane;
    int64_t progress; /* no delivery of this lane up to this id waits any more; see store_fetch */
    int64_t send;     /* the caller's */
    /* filled by the store, malloc'd in one block a commit, for rendering: */
    const char *recipient, *sender, *values;
    bool refused; /* the delivery was not pending, its revision not approved, or the recipient is
                     suppressed (then it is skipped now): do not send */
};

struct store_result { /* claimed -> something; or pending -> skipped by on_cap drop */
    int64_t delivery;
    instant_t at; /* when the answer came */
    int64_t revision, lane;
    int64_t progress; /* as in a claim, or 0: unchanged. PENDING lowers it below the delivery */
    enum delivery_state state; /* PENDING: proven not sent, back in its lane */
    enum reason reason;
    instant_t claimed_at; /* of the claim it answers, INSTANT_MIN when there was none */
    bool unseen;          /* EXPIRED: nobody saw the question, so nothing was sent */
    const char *ref;      /* the channel's, or NULL */
    instant_t sent_at;    /* SENT of a task: by the platform's clock; 0: not told */
    const char *by;       /* the person who answered, or NULL */
    bool task;            /* it was asked by the platform */
    int64_t prompt;       /* of PROMPTED: the question's number */
    const char *nonce;    /* of PROMPTED: what an answer must name */
};

struct store_commit {
    instant_t at; /* of the audit record; each row has its own, at most a second earlier or so */
    struct store_claim *claims;
    size_t claim_count;
    const struct store_result *results;
    size_t result_count;
    void *memory; /* set by the store; free with store_commit_dispose */
};

/* One transaction: results first, then claims, counters, progress, one audit record `commit` with a
 * digest over the rows. Rows of one life may so be a little out of order in time: store_history
 * scans a minute further back than it is asked, and sorts. */
int store_commit(struct store *s, struct store_commit *c, struct err *e);
/* The same again after ERR_STORE and store_reopen: what it wrote all the same is found done, its
 * claims too (nobody was told of them). */
int store_commit_again(struct store *s, struct store_commit *c, struct err *e);
void store_commit_dispose(struct store_commit *c);

/* The end has come: every pending delivery of the revision becomes expired/ended. */
int store_expire(struct store *s, int64_t revision, instant_t at, uint64_t *expired, struct err *e);
/* For those on one lane only (recipients in one zone); the others go on. */
int store_expire_lane(struct store *s, int64_t revision, int64_t lane, instant_t at,
                      uint64_t *expired, struct err *e);

struct store_send { /* a send in the past, for limits */
    int64_t delivery, revision, campaign, channel, sender, lane, recipient;
    instant_t claimed_at, answered_at; /* answered_at: when it was sent, where that is known */
    instant_t due_at;
    int64_t send; /* the claim's; 0: of none but itself */
    bool again;   /* a later one of the same send follows */
};
/* Sends answered at or after `since`, in order of their answers. What was proven not sent is left
 * out. */
int store_history(struct store *s, instant_t since,
                  int (*each)(void *ctx, const struct store_send *x), void *ctx, struct err *e);

/* Claims without an answer, as sends: answered_at is INSTANT_MIN. Those of one send together. */
int store_claimed(struct store *s, int (*each)(void *ctx, const struct store_send *x), void *ctx,
                  struct err *e);

/* The last send of each lane, for gaps after a restart. */
/* Of the revision, since it began: results that say something of the relation, and those of them
 * that say that it is over (not_a_friend). */
int store_strangers(struct store *s, int64_t revision, uint64_t *known, uint64_t *strangers,
                    struct err *e);
int store_lane_last(struct store *s, int64_t lane, instant_t *due_at, instant_t *answered_at,
                    struct err *e); /* INSTANT_MIN when it never sent */

/* --- questions to people ---
 * A commit that makes deliveries PROMPTED opens their prompt; the one that settles the last of them
 * closes it. */

struct store_prompt {
    int64_t id, revision, lane;
    const char *nonce; /* "" of a task */
    const char *ref;   /* of a task: the platform's id; else NULL */
    instant_t claimed_at, asked_at;
    instant_t shown_at, snoozed_until; /* INSTANT_MIN: not */
    uint32_t reminded;
    bool doubted;
};
struct store_prompt_row { /* one of its deliveries */
    int64_t delivery, recipient_id, message;
    uint64_t row;
    uint32_t attempts;
    const char *recipient, *sender, *values;
    enum delivery_state state;
    instant_t capped_at; /* as in store_waiting */
};
/* Open prompts by id, each once for each of its deliveries by id. `revision` 0: all. */
int store_prompts(struct store *s, int64_t revision,
                  int (*each)(void *ctx, const struct store_prompt *p,
                              const struct store_prompt_row *row),
                  void *ctx, struct err *e);
/* nonce, shown_at, snoozed_until, reminded, doubted. One that is closed meanwhile: nothing. */
int store_prompt_update(struct store *s, const struct store_prompt *p, struct err *e);

/* --- sends whose answer was lost: unknown deliveries, send by send --- */

struct store_lost_row {
    int64_t revision, lane, send, delivery;
    instant_t claimed_at;
    const char *recipient, *sender, *values, *channel;
};
/* Those claimed at or after `since`, in order of revision, lane, claim, send and delivery. */
int store_lost(struct store *s, instant_t since,
               int (*each)(void *ctx, const struct store_lost_row *row), void *ctx, struct err *e);
/* Every id that the platform gave to a send, in the history since then. */
int store_refs(struct store *s, instant_t since, int (*each)(void *ctx, const char *ref), void *ctx,
               struct err *e);

struct store_adoption { /* the platform has it after all */
    int64_t revision, lane, send;
    instant_t claimed_at, at;
    const char *ref;
    const int64_t *deliveries;
    size_t count;
    const int64_t *refused; /* sent with them, and not in the task */
    size_t refused_count;
};
/* Those that are unknown still become prompted, in a task; of those that are refused
 * failed/bad_recipient. One record. `*adopted`: who is in the task. */
int store_adopt(struct store *s, const struct store_adoption *a, uint64_t *adopted, struct err *e);

/* At start: every claim without an outcome becomes unknown/interrupted; one of which nobody was
 * asked (by hand) waits again. */
int store_recover(struct store *s, instant_t at, uint64_t *unknown, struct err *e);
/* The latest instant anywhere in the store: time does not go back behind it. */
int store_high_water(struct store *s, instant_t *at, struct err *e);

int store_blob(struct store *s, const struct digest *d, void **bytes, size_t *length,
               struct err *e);

/* --- reading for people --- */

struct store_delivery {
    int64_t id, revision;
    uint64_t row;
    int64_t lane, recipient_id;
    const char *campaign, *channel, *sender, *recipient;
    const char *values;
    struct digest digest;
    enum delivery_state state;
    enum reason reason;
    instant_t due_at, claimed_at, settled_at; /* INSTANT_MIN: null. due_at of the last claim */
    uint32_t attempts;
    const char *ref; /* or NULL */
};
typedef int store_delivery_fn(void *ctx, const struct store_delivery *d);

/* Up to `limit` deliveries of the revision by id above `after`; `*last` is where to go on, `*more`
 * whether there is more. `state` DELIVERY_STATES: all. */
int store_deliveries(struct store *s, int64_t revision, enum delivery_state state, int64_t after,
                     size_t limit, store_delivery_fn *each, void *ctx, int64_t *last, bool *more,
                     struct err *e);
int store_delivery(struct store *s, int64_t delivery, store_delivery_fn *each, void *ctx,
                   struct err *e);
/* The delivery of one audience row (from 1) of a revision. */
int store_delivery_row(struct store *s, int64_t revision, uint64_t row, store_delivery_fn *each,
                       void *ctx, struct err *e);
/* All deliveries in state unknown, newest first, at most `limit`. */
int store_unknowns(struct store *s, size_t limit, store_delivery_fn *each, void *ctx,
                   struct err *e);

/* --- counting: each delivery of an approved revision once, where it stands ---
 * Left out: rows that another revision of the campaign answers for (superseded, already_handled).
 */

enum store_report_by { STORE_BY_CAMPAIGN, STORE_BY_SENDER };

struct store_report_query {
    enum store_report_by by;
    instant_t from,
        to; /* of the latest step, or of the submission when there was none; half-open */
};

struct store_report_row {
    int64_t group; /* the campaign's or the sender's id */
    const char *name;
    bool test;
    enum delivery_state state;
    enum reason reason;
    instant_t at;                   /* of the latest step */
    instant_t claimed_at, asked_at; /* of its last claim, INSTANT_MIN: none; a person was asked */
    bool by_person;                 /* the latest step was taken by a named person */
};
typedef int store_report_fn(void *ctx, const struct store_report_row *row);

/* A piece of the deliveries above id `*after`, which moves on (start with 0). `*more`: call again.
 */
int store_report(struct store *s, const struct store_report_query *q, int64_t *after, bool *more,
                 store_report_fn *each, void *ctx, struct err *e);

struct store_audit_row {
    int64_t seq;
    instant_t at;
    const char *by, *event;
    const char *campaign;        /* or NULL */
    const struct digest *digest; /* or NULL */
    const char *detail;          /* JSON object */
    struct digest prev, hash;
};
int store_audit_rows(struct store *s, const char *campaign /* NULL: all */, int64_t after,
                     size_t limit, int (*each)(void *ctx, const struct store_audit_row *r),
                     void *ctx, int64_t *last, bool *more, struct err *e);

/* Recomputes the chain and the digests over life rows. 0 and `*records`, or ERR_REFUSED with the
 * first record that is wrong in the text and in `*broken`. */
int store_audit_verify(struct store *s, uint64_t *records, int64_t *broken, struct err *e);

#endif
