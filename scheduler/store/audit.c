/* The audit chain: each record's hash covers the one before, and the digest of the life rows that
 * were written with it, so that a changed, missing or added row of either table shows.
 *
 * hash = SHA-256(prev, seq, at, by, event, campaign, digest, detail), each field with its length; a
 * field that is absent is preceded by 0, one that is there by 1. */
#include "store/store_internal.h"

#include "base/lang.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct chain { /* what verify carries from record to record */
    int64_t seq, life;
    struct digest hash;
};

static struct digest record_hash(const struct store_audit_row *r);
static int audit_row_read(struct store *s, sqlite3_stmt *st, struct store_audit_row *r,
                          struct digest *digest, struct err *e);
static int verify_record(struct store *s, struct chain *c, const struct store_audit_row *r,
                         struct err *e);
static int verify_life(struct store *s, struct chain *c, const struct store_audit_row *r,
                       struct err *e);

#define AUDIT_COLUMNS "SELECT seq, at, by, event, campaign, digest, detail, prev, hash FROM audit "

int audit_append(struct store *s, const struct record *r, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "INSERT INTO audit (seq, at, by, event, campaign, digest, detail, prev, hash)"
                     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                     e);
    if (rc)
        return rc;
    char *detail = json_dumps(r->detail, JSON_SORT_KEYS | JSON_COMPACT);
    assert(detail);
    struct store_audit_row row = {.seq = s->tip.audit + 1,
                                  .at = r->at,
                                  .by = r->by,
                                  .event = r->event,
                                  .campaign = r->campaign,
                                  .digest = r->digest,
                                  .detail = detail,
                                  .prev = s->tip.audit_hash};
    row.hash = record_hash(&row);
    bind_int(st, 1, row.seq);
    bind_int(st, 2, row.at);
    bind_text(st, 3, row.by);
    bind_text(st, 4, row.event);
    bind_text(st, 5, row.campaign);
    bind_digest(st, 6, row.digest);
    bind_text(st, 7, row.detail);
    bind_digest(st, 8, &row.prev);
    bind_digest(st, 9, &row.hash);
    rc = sql_run(s, st, e);
    free(detail);
    if (!rc) {
        s->tip.audit = row.seq;
        s->tip.audit_hash = row.hash;
    }
    return rc;
}

int detail_text(json_t *detail, const char *key, const char *text, struct err *e)
{
    if (!text)
        return 0;
    json_t *value = json_string(text);
    if (!value)
        return err_set(e, ERR_REFUSED, tr("the %s is not valid UTF-8"), key);
    json_object_set_new(detail, key, value);
    return 0;
}

void detail_int(json_t *detail, const char *key, int64_t n)
{
    json_object_set_new(detail, key, json_integer(n));
}

/* 1: this very record is there: it was said before, and its COMMIT failed and happened (R4). Not
 * any that looks like it: while the clock stands still, the same is decided twice at one instant.
 */
static int audit_has(struct store *s, const struct record *r, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT 1 FROM audit WHERE at = ? AND by = ? AND event = ? AND campaign IS ?"
                     " AND detail = ? AND seq = ?",
                     e);

    if (rc || !s->doubtful)
        return rc;
    char *detail = json_dumps(r->detail, JSON_SORT_KEYS | JSON_COMPACT);
    bind_int(st, 1, r->at);
    bind_text(st, 2, r->by);
    bind_text(st, 3, r->event);
    bind_text(st, 4, r->campaign);
    bind_text(st, 5, detail);
    bind_int(st, 6, s->doubtful);
    rc = sql_step(s, st, e);
    sqlite3_reset(st);
    free(detail);
    return rc;
}

int store_audit(struct store *s, instant_t at, const char *by, const char *event,
                const char *campaign, const struct digest *d, const char *detail, struct err *e)
{
    json_t *object = detail ? json_loads(detail, JSON_REJECT_DUPLICATES, NULL) : json_object();
    struct record record = {at, by, event, campaign, d, object};

    if (!json_is_object(object)) {
        json_decref(object);
        return err_set(e, ERR_INTERNAL, "audit %s: the detail is not a JSON object", event);
    }
    int rc = txn_begin(s, e);
    if (!rc) {
        rc = audit_has(s, &record, e);
        rc = txn_end(s, rc > 0 ? 0 : rc < 0 ? rc : audit_append(s, &record, e), e);
    }
    json_decref(object);
    return rc;
}

int store_audit_rows(struct store *s, const char *campaign, int64_t after, size_t limit,
                     int (*each)(void *ctx, const struct store_audit_row *r), void *ctx,
                     int64_t *last, bool *more, struct err *e)
{
    sqlite3_stmt *st;
    int rc = campaign
                 ? sql_get(s, &st, AUDIT_COLUMNS "WHERE seq > ? AND campaign = ? ORDER BY seq", e)
                 : sql_get(s, &st, AUDIT_COLUMNS "WHERE seq > ? ORDER BY seq", e);

    *last = after;
    *more = false;
    if (rc)
        return rc;
    bind_int(st, 1, after);
    if (campaign)
        bind_text(st, 2, campaign);
    for (size_t n = 0; (rc = sql_step(s, st, e)) > 0; n++) {
        struct store_audit_row row;
        struct digest digest;
        if (n == limit) {
            *more = true;
            sqlite3_reset(st);
            return 0;
        }
        rc = audit_row_read(s, st, &row, &digest, e);
        if (!rc)
            rc = each(ctx, &row);
        if (rc) {
            sqlite3_reset(st);
            return rc;
        }
        *last = row.seq;
    }
    return rc;
}

int store_audit_verify(struct store *s, uint64_t *records, int64_t *broken, struct err *e)
{
    struct chain c = {0};
    sqlite3_stmt *st;
    int rc = sql_get(s, &st, AUDIT_COLUMNS "ORDER BY seq", e);

    *records = 0;
    *broken = 0;
    if (rc)
        return rc;
    while ((rc = sql_step(s, st, e)) > 0) {
        struct store_audit_row row;
        struct digest digest;
        *broken = c.seq + 1;
        rc = audit_row_read(s, st, &row, &digest, e);
        if (rc == ERR_DATA)
            rc = err_set(e, ERR_REFUSED, tr("audit record %lld is damaged"), (long long)*broken);
        if (!rc)
            rc = verify_record(s, &c, &row, e);
        if (rc) {
            sqlite3_reset(st);
            return rc;
        }
        (*records)++;
    }
    if (!rc && c.life != s->tip.life) {
        *broken = c.seq;
        return err_set(e, ERR_REFUSED,
                       tr("audit record %lld is the last, but delivery steps %lld to %lld are "
                          "covered by none"),
                       (long long)c.seq, (long long)c.life + 1, (long long)s->tip.life);
    }
    if (!rc)
        *broken = 0;
    return rc;
}

void digest_optional(struct digester *d, const void *bytes, size_t length)
{
    digester_int(d, bytes != NULL);
    if (bytes)
        digester_field(d, bytes, length);
}

static struct digest record_hash(const struct store_audit_row *r)
{
    struct digester *d = digester_new();

    digester_field(d, r->prev.bytes, DIGEST_BYTES);
    digester_int(d, r->seq);
    digester_int(d, r->at);
    digester_string(d, r->by);
    digester_string(d, r->event);
    digest_optional(d, r->campaign, r->campaign ? strlen(r->campaign) : 0);
    digest_optional(d, r->digest ? r->digest->bytes : NULL, DIGEST_BYTES);
    digester_string(d, r->detail);
    return digester_end(d);
}

/* `digest` is where row->digest points to. */
static int audit_row_read(struct store *s, sqlite3_stmt *st, struct store_audit_row *r,
                          struct digest *digest, struct err *e)
{
    *r = (struct store_audit_row){.seq = sqlite3_column_int64(st, 0),
                                  .at = sqlite3_column_int64(st, 1),
                                  .by = column_text(st, 2),
                                  .event = column_text(st, 3),
                                  .campaign = column_text(st, 4),
                                  .detail = column_text(st, 6)};
    bool has_digest = sqlite3_column_type(st, 5) != SQLITE_NULL;
    bool whole = !has_digest || column_digest(st, 5, digest);

    whole = column_digest(st, 7, &r->prev) && column_digest(st, 8, &r->hash) && whole;
    /* a text with a NUL inside would be hashed only up to it */
    for (int i = 2; i <= 6; i++)
        if (i != 5 && sqlite3_column_type(st, i) == SQLITE_TEXT &&
            strlen(column_text(st, i)) != (size_t)sqlite3_column_bytes(st, i))
            whole = false;
    r->digest = has_digest ? digest : NULL;
    return whole ? 0 : sql_damaged(s, "audit", r->seq, e);
}

static int verify_record(struct store *s, struct chain *c, const struct store_audit_row *r,
                         struct err *e)
{
    if (r->seq != c->seq + 1)
        return err_set(e, ERR_REFUSED, tr("audit record %lld is missing"), (long long)c->seq + 1);
    if (!digest_equal(&r->prev, &c->hash))
        return err_set(e, ERR_REFUSED,
                       tr("audit record %lld does not follow the one before it: one of them was "
                          "changed"),
                       (long long)r->seq);
    struct digest hash = record_hash(r);
    if (!digest_equal(&hash, &r->hash))
        return err_set(e, ERR_REFUSED, tr("audit record %lld was changed"), (long long)r->seq);
    c->seq = r->seq;
    c->hash = r->hash;
    return verify_life(s, c, r, e);
}

static int verify_life(struct store *s, struct chain *c, const struct store_audit_row *r,
                       struct err *e)
{
    json_t *detail = json_loads(r->detail, JSON_REJECT_DUPLICATES, NULL);
    json_int_t first = 0, last = 0;
    const char *sha256 = "";
    sqlite3_stmt *st;

    if (json_unpack(detail, "{s:[I,I], s:s}", "life", &first, &last, "sha256", &sha256)) {
        bool covers = json_object_get(detail, "life") != NULL;
        json_decref(detail);
        return covers ? sql_damaged(s, "audit", r->seq, e) : 0;
    }
    struct digester *d = digester_new();
    int64_t next = c->life + 1;
    int rc = sql_get(s, &st,
                     "SELECT seq, delivery, at, state, reason, due_at, claimed_at, ref, by, send,"
                     " sent_at"
                     " FROM life WHERE seq BETWEEN ? AND ? ORDER BY seq",
                     e);
    if (!rc) {
        bind_int(st, 1, next); /* not `first`: each row is covered by exactly one record */
        bind_int(st, 2, last);
        while ((rc = sql_step(s, st, e)) > 0) {
            struct life row;
            if (life_of_columns(st, 1, &row))
                life_digest(d, sqlite3_column_int64(st, 0), &row);
            next++;
        }
    }
    char text[DIGEST_TEXT];
    struct digest digest = digester_end(d);
    digest_text(&digest, text);
    if (!rc &&
        (first != c->life + 1 || next != last + 1 || strcmp(text + DIGEST_PREFIX, sha256) != 0))
        rc = err_set(e, ERR_REFUSED,
                     tr("audit record %lld does not fit the delivery steps %lld to %lld that it "
                        "covers: they were changed"),
                     (long long)r->seq, (long long)first, (long long)last);
    c->life = last;
    json_decref(detail);
    return rc;
}
