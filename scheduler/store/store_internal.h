/* What the files of the store share: one connection, its statements and transaction, and the two
 * things every writing transaction does: append life rows (struct change) and an audit record. */
#ifndef PACELINE_STORE_STORE_INTERNAL_H
#define PACELINE_STORE_STORE_INTERNAL_H

#include "store/store.h"

#include <jansson.h>
#include <sqlite3.h>
#include <sys/types.h>

#define SERVICE_NAME "paceline" /* who acts when no person does */

enum { DIGEST_PREFIX = 7 }; /* "sha256:" of digest_text */
enum { STORE_ID_BYTES = 16 };
enum { PREPARED_MAX = 256 }; /* a power of two, well above the number of statements */

struct prepared {
    const char *sql; /* the key is the address of the text */
    sqlite3_stmt *st;
};

/* The last numbers given out; a rollback takes them back. */
struct tip {
    int64_t delivery, life, audit;
    struct digest audit_hash;
};

struct file_id { /* which file a name stood for; ino 0: none */
    dev_t dev;
    ino_t ino;
};

struct store {
    sqlite3 *db;
    char *path;
    int lock_fd;             /* -1: none */
    struct file_id files[2]; /* the database and its WAL, as they were opened */
    bool opening;            /* the connection has not shown yet that it can be used */
    bool suspect; /* a connection called the file damaged: a new one looks all of it through */
    struct err failure; /* code 0: none. The disk or file is not right, or a COMMIT failed: what is
                           on disk is not known until store_reopen */
    int64_t doubtful;   /* the audit record whose COMMIT failed last: perhaps there; 0: none */
    uint8_t id[STORE_ID_BYTES]; /* drawn when the file was made */
    int64_t marked;             /* the audit record that the mark names; -1: not known */
    struct backup *backup;      /* under way, or NULL */
    struct tip tip, tip_before;
    struct prepared prepared[PREPARED_MAX];
};

/* --- sql.c --- */

/* The statement for `sql` (a text that lives as long as the program), reset and without bindings.
 */
int sql_get(struct store *s, sqlite3_stmt **st, const char *sql, struct err *e);
int sql_step(struct store *s, sqlite3_stmt *st, struct err *e); /* 1 row, 0 done, or ERR_STORE */
int sql_run(struct store *s, sqlite3_stmt *st, struct err *e);  /* for what returns no row */
/* ERR_STORE with SQLite's text, ERR_DATA for a damaged or foreign file; latches what says that the
 * disk or file is not right. */
int sql_error(struct store *s, struct err *e);
int sql_exec(struct store *s, const char *sql, struct err *e);
int sql_damaged(const struct store *s, const char *what, int64_t id, struct err *e); /* ERR_DATA */
void sql_finalize_all(struct store *s);

void bind_int(sqlite3_stmt *st, int i, int64_t n);
void bind_instant(sqlite3_stmt *st, int i, instant_t t);   /* INSTANT_MIN is NULL */
void bind_text(sqlite3_stmt *st, int i, const char *text); /* or NULL; must outlive the step */
void bind_blob(sqlite3_stmt *st, int i, const void *bytes, size_t length);
void bind_digest(sqlite3_stmt *st, int i, const struct digest *d); /* or NULL */
instant_t column_instant(sqlite3_stmt *st, int i);
const char *column_text(sqlite3_stmt *st, int i);
bool column_digest(sqlite3_stmt *st, int i, struct digest *out); /* false: not 32 bytes */

int txn_begin(struct store *s, struct err *e);
/* Commits when `rc` is 0, else rolls back; returns what came of it. */
int txn_end(struct store *s, int rc, struct err *e);

/* --- schema.c --- */

/* Makes the tables in an empty file; refuses what is not ours or newer, without touching it. */
int schema_check(struct store *s, bool *fresh, struct err *e);
int schema_create(struct store *s, struct err *e);

/* --- health.c --- */

int failure_again(const struct store *s, struct err *e); /* what the store latched on, or 0 */
void failure_latch(struct store *s, const struct err *e);
int identity_read(struct store *s, struct err *e); /* drawn when there is none yet */
int wal_pages(const struct store *s); /* how far the WAL may grow: not to fill a small disk */
void files_opened(struct store *s);
/* What is written into a file that is no more at its place would be lost without an error: latches.
 */
int files_check(struct store *s, struct err *e);

/* --- store.c --- */

/* Takes the lock file, anew when it was removed or replaced. */
int lock_take(struct store *s, struct err *e);
/* `again`: of a store that was open before, so it must be there. */
int connection_open(struct store *s, bool again, struct err *e);
void connection_close(struct store *s);

/* --- mark.c --- */

int folder_sync(const char *path); /* of the file `path`; errno */

/* --- names.c --- */

enum name_kind { NAME_CHANNEL, NAME_SENDER, NAME_RECIPIENT, NAME_CAMPAIGN };
int name_find(struct store *s, enum name_kind kind, const char *name, int64_t *id,
              struct err *e); /* 0: there is none */
int name_make(struct store *s, enum name_kind kind, const char *name, int64_t *id, struct err *e);

/* --- submit.c --- */

int submit_drop_unfinished(struct store *s, struct err *e);

/* --- change.c: life rows --- */

struct life {
    int64_t delivery;
    instant_t at;
    enum delivery_state state;
    enum reason reason;
    instant_t due_at, claimed_at; /* INSTANT_MIN: none */
    const char *ref, *by;         /* or NULL */
    int64_t send;                 /* of a claim and its answer, the send it was part of; 0: none */
    instant_t sent_at;            /* by the platform's clock; 0: not told */
};
void life_digest(struct digester *d, int64_t seq, const struct life *row);
/* In the order above; false when a value cannot be one of ours. The strings live until the next
 * step. */
bool life_of_columns(sqlite3_stmt *st, int first, struct life *out);

/* Where a delivery stands: its place, and its last life row or its first state. */
struct standing {
    int64_t revision, lane;
    struct life last;
};
int standing_get(struct store *s, int64_t delivery, struct standing *out, struct err *e);

enum { CHANGE_TALLIES = 8 };

struct tally {
    int64_t revision;
    int64_t delta[DELIVERY_STATES];
};

/* The life rows of one audit record: their range, their digest, and what they do to the counters.
 */
struct change {
    int64_t first, last; /* first 0: no row yet */
    struct digester *digester;
    struct tally tallies[CHANGE_TALLIES];
    size_t tally_count;
};
int change_add(struct store *s, struct change *c, int64_t revision, enum delivery_state from,
               const struct life *row, struct err *e);
/* Every pending delivery of the revision, and every one that comes back to pending later, takes
 * this state. `*count` is how many did now. */
int change_close(struct store *s, struct change *c, int64_t revision, enum delivery_state state,
                 enum reason reason, instant_t at, const char *by, uint64_t *count, struct err *e);
/* Every pending delivery of the revision on this lane is expired/ended. */
int change_end_lane(struct store *s, struct change *c, int64_t revision, int64_t lane, instant_t at,
                    uint64_t *count, struct err *e);
/* A delivery came back to pending in a revision that may have ended meanwhile: it ends too. */
struct revision_head;
int change_follow(struct store *s, struct change *c, const struct revision_head *r,
                  int64_t delivery, instant_t at, struct err *e);
/* Writes the counters and adds `life` and `sha256` to the record's detail. */
int change_end(struct store *s, struct change *c, json_t *detail, struct err *e);
void change_dispose(struct change *c); /* after an error; fine after change_end */

int progress_lower(struct store *s, int64_t delivery, struct err *e); /* it waits again */
int lane_answered(struct store *s, int64_t lane, int64_t life, struct err *e);
/* Keeps the lane's first send, when this row is one. */
int lane_sent(struct store *s, int64_t lane, const struct life *row, struct err *e);

/* --- prompt.c --- */

int prompt_open(struct store *s, const struct store_result *x, struct err *e);
/* One of its deliveries is not PROMPTED any more; the last one closes it. */
int prompt_settled(struct store *s, int64_t delivery, struct err *e);
/* --- suppress.c --- */

/* Whether the delivery's recipient may not be written to by its sender. */
int suppress_judge(struct store *s, int64_t delivery, bool *suppressed, struct err *e);
/* What waits in the revision for somebody suppressed becomes skipped/suppressed. */
int suppress_skip(struct store *s, struct change *c, int64_t revision, instant_t at,
                  uint64_t *count, struct err *e);
/* Ends the entries of those whom their member, of this account, has added anew since. */
int suppress_lift(struct store *s, const char *account, instant_t at, uint64_t *lifted,
                  struct err *e);

/* --- audit.c --- */

struct record {
    instant_t at;
    const char *by, *event;
    const char *campaign;        /* or NULL */
    const struct digest *digest; /* or NULL */
    json_t *detail;              /* the caller's */
};
int audit_append(struct store *s, const struct record *r, struct err *e);
/* A field that may be absent: 0, or 1 and the field. */
void digest_optional(struct digester *d, const void *bytes, size_t length);
/* Adds a person's text when there is one; ERR_REFUSED when it is not UTF-8. */
int detail_text(json_t *detail, const char *key, const char *text, struct err *e);
void detail_int(json_t *detail, const char *key, int64_t n);

/* --- decide.c --- */

/* What decisions look at. */
struct revision_head {
    int64_t id, campaign_id, serial, first, last;
    enum revision_status status;
    char *campaign;
    struct digest digest;
    char *submitted_by;
    int approvers;
    bool approved; /* once */
    bool by_hand;
    enum delivery_state closed_state; /* PENDING: not closed */
    enum reason closed_reason;
};
int revision_get(struct store *s, int64_t revision, struct revision_head *out, struct err *e);
void revision_dispose(struct revision_head *r);
const char *revision_status_text(enum revision_status status); /* in the person's language */
/* Cancels what waits in an older revision because a newer one takes its place, with its record. */
int revision_supersede(struct store *s, int64_t revision, const char *by, instant_t at,
                       struct err *e);
/* A newer draft came: what may send is paused, a draft is superseded. */
int revision_give_way(struct store *s, int64_t revision, const char *by, instant_t at,
                      struct err *e);
/* For each older revision of the campaign that may still send or be approved, oldest first. */
int revision_each_older(struct store *s, const struct revision_head *r,
                        int (*each)(struct store *s, int64_t older, const char *by, instant_t at,
                                    struct err *e),
                        const char *by, instant_t at, struct err *e);
/* Writes the record with the revision's campaign and digest; `change` may be NULL. Frees `detail`.
 */
int decision_record(struct store *s, const struct revision_head *r, const char *event,
                    const char *by, instant_t at, struct change *change, json_t *detail,
                    struct err *e);

/* A send is a life row that answers a claim: claimed_at is set and it did not come back. What a
 * person said later of an unknown one carries no claimed_at, so each send is reported once. */
#define IS_SEND                                                                                    \
    " l.claimed_at IS NOT NULL AND l.state NOT IN (0, 1, 2, 5, 7)"                                 \
    " AND NOT (l.state = 4 AND l.reason IN (19, 30)) "
_Static_assert(DELIVERY_PENDING == 0 && DELIVERY_CLAIMED == 1 && DELIVERY_PROMPTED == 2 &&
                   DELIVERY_FAILED == 4 && DELIVERY_SKIPPED == 5 && DELIVERY_CANCELED == 7 &&
                   REASON_NOT_SENT == 19 && REASON_CHANNEL_UNREACHABLE == 30,
               "the SQL names what is proven not sent, and what is not yet");
/* The first life row that can be of a send answered at or after `since`. */
int history_first(struct store *s, instant_t since, int64_t *first, struct err *e);

#endif
