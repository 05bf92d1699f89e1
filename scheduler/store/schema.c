/* The tables. Integer ids in file order; life and audit rows are appended and never changed; what
 * is derived from them (counter, progress, lane.last_life) is written in the same transaction. No
 * foreign keys: a look-up a row at 100,000 rows a second, for what only this folder writes. */
#include "store/store_internal.h"

#include "base/lang.h"

#include <string.h>

enum { APPLICATION_ID = 0x50636c6e /* "Pcln" */, SCHEMA_VERSION = 1 };

/* A small file is looked through at each start; of a large one the pages are checked as read. */
enum { QUICK_CHECK_PAGES = 8192 };

static const char schema[] =
    "CREATE TABLE channel (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE sender (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE recipient (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE campaign (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
    /* last_life: the life row of its latest answer; part_of, zone: what waits for recipients there
     */
    "CREATE TABLE lane (id INTEGER PRIMARY KEY, channel INTEGER NOT NULL, sender INTEGER NOT NULL,"
    " part_of INTEGER NOT NULL DEFAULT 0, zone TEXT NOT NULL DEFAULT '',"
    " last_life INTEGER, first_sent INTEGER, UNIQUE (channel, sender, zone)) STRICT;"
    /* serial: seq of its `submit` record, which orders revisions; 0 while loading.
     * closed_*: what became of its pending deliveries, and becomes of those that come back. */
    "CREATE TABLE revision (id INTEGER PRIMARY KEY, campaign INTEGER NOT NULL,"
    " serial INTEGER NOT NULL DEFAULT 0, status INTEGER NOT NULL, title TEXT NOT NULL,"
    " submitted_by TEXT NOT NULL, submitted_at INTEGER NOT NULL, approved_at INTEGER,"
    " approvers INTEGER NOT NULL DEFAULT 0, self_approved INTEGER NOT NULL DEFAULT 0,"
    " test INTEGER NOT NULL DEFAULT 0, by_hand INTEGER NOT NULL DEFAULT 0,"
    " audience INTEGER NOT NULL DEFAULT 0,"
    " first_delivery INTEGER NOT NULL DEFAULT 0, last_delivery INTEGER NOT NULL DEFAULT -1,"
    " closed_state INTEGER NOT NULL DEFAULT 0, closed_reason INTEGER NOT NULL DEFAULT 0,"
    " keep_tasks INTEGER NOT NULL DEFAULT 0,"
    " channel TEXT, digest BLOB, manifest TEXT, plan TEXT) STRICT;"
    "CREATE INDEX revision_campaign ON revision (campaign, serial);"
    "CREATE TABLE approval (id INTEGER PRIMARY KEY, revision INTEGER NOT NULL,"
    " person TEXT NOT NULL, at INTEGER NOT NULL, UNIQUE (revision, person)) STRICT;"
    "CREATE TABLE counter (revision INTEGER NOT NULL, state INTEGER NOT NULL,"
    " n INTEGER NOT NULL CHECK (n >= 0), PRIMARY KEY (revision, state)) STRICT, WITHOUT ROWID;"
    /* reason 0: pending at first; else skipped. fields: JSON array of the template's values.
     * message: equal numbers of one revision and lane are byte-equal messages; 0: not looked at */
    "CREATE TABLE delivery (id INTEGER PRIMARY KEY, revision INTEGER NOT NULL,"
    " row INTEGER NOT NULL, lane INTEGER NOT NULL, recipient INTEGER NOT NULL,"
    " reason INTEGER NOT NULL, message INTEGER NOT NULL, fields TEXT) STRICT;"
    "CREATE INDEX delivery_waiting ON delivery (revision, lane) WHERE reason = 0;"
    "CREATE INDEX delivery_message ON delivery (revision, lane, message)"
    " WHERE reason = 0 AND message != 0;"
    "CREATE TABLE life (seq INTEGER PRIMARY KEY, delivery INTEGER NOT NULL, at INTEGER NOT NULL,"
    " state INTEGER NOT NULL, reason INTEGER NOT NULL, due_at INTEGER, claimed_at INTEGER,"
    " ref TEXT, by TEXT, send INTEGER NOT NULL DEFAULT 0, sent_at INTEGER) STRICT;"
    "CREATE INDEX life_delivery ON life (delivery);"
    "CREATE INDEX life_unknown ON life (delivery) WHERE state = 8;"
    "CREATE TABLE progress (revision INTEGER NOT NULL, lane INTEGER NOT NULL,"
    " upto INTEGER NOT NULL, PRIMARY KEY (revision, lane)) STRICT, WITHOUT ROWID;"
    /* open questions to people, and tasks of the platform (ref); its number is its first
     * delivery's. open: deliveries not settled; gone when there are none */
    "CREATE TABLE prompt (id INTEGER PRIMARY KEY, revision INTEGER NOT NULL,"
    " lane INTEGER NOT NULL, nonce TEXT NOT NULL, claimed_at INTEGER NOT NULL,"
    " asked_at INTEGER NOT NULL, shown_at INTEGER,"
    " snoozed_until INTEGER, reminded INTEGER NOT NULL DEFAULT 0,"
    " doubted INTEGER NOT NULL DEFAULT 0, ref TEXT,"
    " open INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE TABLE prompt_delivery (prompt INTEGER NOT NULL, delivery INTEGER NOT NULL,"
    " open INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (prompt, delivery)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX prompt_of ON prompt_delivery (delivery);"
    /* the contact book: "" is no value; tags with ';' between them, attributes a JSON object.
     * matched: no contact of its own, only what somebody wrote down of a platform's customer */
    "CREATE TABLE contact (id INTEGER PRIMARY KEY, recipient INTEGER NOT NULL UNIQUE,"
    " name TEXT NOT NULL, sender TEXT NOT NULL, timezone TEXT NOT NULL, tags TEXT NOT NULL,"
    " attributes TEXT NOT NULL, matched INTEGER NOT NULL DEFAULT 0) STRICT;"
    /* the do-not-send list; sender 0: every sender; until_back: it ends when the customer is the
     * sender's again */
    "CREATE TABLE suppression (id INTEGER PRIMARY KEY, recipient INTEGER NOT NULL,"
    " sender INTEGER NOT NULL, by TEXT NOT NULL, at INTEGER NOT NULL, reason TEXT NOT NULL,"
    " until_back INTEGER NOT NULL DEFAULT 0, UNIQUE (recipient, sender)) STRICT;"
    "CREATE TABLE blob (digest BLOB PRIMARY KEY, bytes BLOB NOT NULL) STRICT;"
    /* id: drawn when the file was made; probe: what store_reopen writes and reads back */
    "CREATE TABLE kept (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE audit (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, by TEXT NOT NULL,"
    " event TEXT NOT NULL, campaign TEXT, digest BLOB, detail TEXT NOT NULL,"
    " prev BLOB NOT NULL, hash BLOB NOT NULL) STRICT;"
    "CREATE INDEX audit_at ON audit (at);"
    "CREATE INDEX audit_campaign ON audit (campaign) WHERE campaign IS NOT NULL;";

/* what a platform's account knows: members, and whose the customers (kind 0) and groups (1)
 * are; read_at 0: not read in the reading that is under way. Times in milliseconds */
static const char account_schema[] =
    "CREATE TABLE account_reading (account TEXT PRIMARY KEY, began_at INTEGER NOT NULL,"
    " ended_at INTEGER) STRICT, WITHOUT ROWID;"
    "CREATE TABLE member (account TEXT NOT NULL, sender INTEGER NOT NULL,"
    " read_at INTEGER NOT NULL, PRIMARY KEY (account, sender)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE relation (id INTEGER PRIMARY KEY, account TEXT NOT NULL, kind INTEGER NOT NULL,"
    " sender INTEGER NOT NULL, recipient INTEGER NOT NULL, name TEXT NOT NULL,"
    " union_id TEXT NOT NULL, remark TEXT NOT NULL, added_at INTEGER NOT NULL,"
    " way INTEGER NOT NULL, state TEXT NOT NULL, tags TEXT NOT NULL,"
    " UNIQUE (recipient, sender, account)) STRICT;"
    "CREATE INDEX life_stranger ON life (delivery) WHERE state = 4 AND reason = 16;"
    "CREATE INDEX relation_member ON relation (account, kind, sender);"
    "CREATE INDEX relation_union ON relation (union_id) WHERE union_id != '';"
    "CREATE INDEX relation_remark ON relation (trim(remark)) WHERE remark != '';"
    "CREATE TABLE other_send (recipient INTEGER NOT NULL, ref TEXT NOT NULL,"
    " sent_at INTEGER NOT NULL, PRIMARY KEY (recipient, ref)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX other_send_at ON other_send (sent_at);"
    /* in_row: how often it was blocked since a call went through */
    "CREATE TABLE block (account TEXT NOT NULL, api TEXT NOT NULL, until INTEGER NOT NULL,"
    " in_row INTEGER NOT NULL, PRIMARY KEY (account, api)) STRICT, WITHOUT ROWID;";

_Static_assert(DELIVERY_UNKNOWN == 8 && DELIVERY_FAILED == 4 && REASON_NOT_A_FRIEND == 16,
               "the schema names them");

static int pragma_get(struct store *s, const char *sql, int64_t *out, struct err *e);
static int quick_check(struct store *s, struct err *e);

int schema_check(struct store *s, bool *fresh, struct err *e)
{
    int64_t application = 0, version = 0, objects = 0;
    int rc = pragma_get(s, "PRAGMA application_id", &application, e);

    if (!rc)
        rc = pragma_get(s, "PRAGMA user_version", &version, e);
    if (!rc)
        rc = pragma_get(s, "SELECT count(*) FROM sqlite_master", &objects, e);
    if (rc)
        return rc;
    *fresh = application == 0 && version == 0 && objects == 0;
    if (*fresh)
        return 0;
    if (application != APPLICATION_ID)
        return err_set(e, ERR_DATA,
                       tr("%s is a database of another program: name another file in `store:`"),
                       s->path);
    if (version > SCHEMA_VERSION)
        return err_set(e, ERR_DATA,
                       tr("%s was written by a newer paceline (schema %lld, this one knows %d): "
                          "use that version"),
                       s->path, (long long)version, SCHEMA_VERSION);
    if (version != SCHEMA_VERSION)
        return sql_damaged(s, "schema", version, e);
    return quick_check(s, e);
}

int schema_create(struct store *s, struct err *e)
{
    char *numbers = sqlite3_mprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;",
                                    APPLICATION_ID, SCHEMA_VERSION);
    int rc = txn_begin(s, e);

    if (!rc) {
        rc = sql_exec(s, schema, e);
        if (!rc)
            rc = sql_exec(s, account_schema, e);
        if (!rc)
            rc = sql_exec(s, numbers, e);
        rc = txn_end(s, rc, e);
    }
    sqlite3_free(numbers);
    return rc;
}

static int pragma_get(struct store *s, const char *sql, int64_t *out, struct err *e)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);

    if (!rc)
        rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        *out = sqlite3_column_int64(st, 0);
        rc = 0;
    } else {
        rc = sql_error(s, e);
    }
    sqlite3_finalize(st);
    return rc;
}

/* A page that the disk does not give is no damage: it may come back. */
static bool was_read(const char *says)
{
    return !strstr(says, "unable to get the page") && !strstr(says, "failed to get page");
}

static int quick_check(struct store *s, struct err *e)
{
    int64_t pages = 0;
    sqlite3_stmt *st = NULL;
    int rc = pragma_get(s, "PRAGMA page_count", &pages, e);

    if (rc || (pages > QUICK_CHECK_PAGES && !s->suspect))
        return rc;
    if (sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &st, NULL) ||
        sqlite3_step(st) != SQLITE_ROW) {
        rc = sql_error(s, e);
    } else {
        const char *says = (const char *)sqlite3_column_text(st, 0);
        if (strcmp(says, "ok") != 0 && was_read(says))
            rc = err_set(e, ERR_DATA, tr("the store %s is damaged (%s): restore a backup of it"),
                         s->path, says);
        else if (strcmp(says, "ok") != 0)
            rc = err_set(e, ERR_STORE, tr("the store %s cannot be read: put the disk right"),
                         s->path);
    }
    sqlite3_finalize(st);
    return rc;
}
