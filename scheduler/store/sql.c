/* Statements, bindings and the transaction.
 *
 * A statement is prepared once and found again by the address of its text, so that each function
 * keeps its SQL beside it. A statement that is being stepped must not be asked for again: asserted.
 */
#include "store/store_internal.h"

#include "base/lang.h"

#include <assert.h>
#include <string.h>

int sql_get(struct store *s, sqlite3_stmt **st, const char *sql, struct err *e)
{
    size_t slot = ((uintptr_t)sql >> 3) % PREPARED_MAX;
    size_t tried = 0;

    if (s->failure.code)
        return failure_again(s, e);
    while (s->prepared[slot].sql && s->prepared[slot].sql != sql) {
        slot = (slot + 1) % PREPARED_MAX;
        tried++;
        assert(tried < PREPARED_MAX);
    }
    struct prepared *p = &s->prepared[slot];
    if (!p->st) {
        if (sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &p->st, NULL))
            return sql_error(s, e);
        p->sql = sql;
    }
    assert(!sqlite3_stmt_busy(p->st));
    sqlite3_reset(p->st);
    sqlite3_clear_bindings(p->st);
    *st = p->st;
    return 0;
}

int sql_step(struct store *s, sqlite3_stmt *st, struct err *e)
{
    int rc = sqlite3_step(st);

    if (rc == SQLITE_ROW)
        return 1;
    if (rc != SQLITE_DONE)
        rc = sql_error(s, e);
    else
        rc = 0;
    sqlite3_reset(st);
    return rc;
}

int sql_run(struct store *s, sqlite3_stmt *st, struct err *e)
{
    int rc = sql_step(s, st, e);

    assert(rc <= 0);
    return rc;
}

int sql_error(struct store *s, struct err *e)
{
    const char *said = sqlite3_errmsg(s->db);
    int code = sqlite3_errcode(s->db) & 0xff;

    s->suspect |= code == SQLITE_CORRUPT;
    /* a connection whose writes failed may find in its own memory what is not in the file: whether
     * the file is damaged is for a new one to say */
    if (code == SQLITE_CORRUPT && s->opening)
        err_set(e, ERR_DATA, tr("the store %s is damaged (%s): restore a backup of it"), s->path,
                said);
    else if (code == SQLITE_NOTADB)
        err_set(e, ERR_DATA, tr("%s is not a paceline store: name another file in `store:`"),
                s->path);
    else if (code == SQLITE_FULL)
        err_set(e, ERR_STORE, tr("the disk of the store %s is full: make room"), s->path);
    else
        err_set(e, ERR_STORE, tr("the store %s failed: %s; put the disk or file right"), s->path,
                said);
    switch (code) {
    case SQLITE_IOERR:
    case SQLITE_FULL:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_PROTOCOL:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        failure_latch(s, e);
    }
    return e->code;
}

int sql_exec(struct store *s, const char *sql, struct err *e)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) ? sql_error(s, e) : 0;
}

int sql_damaged(const struct store *s, const char *what, int64_t id, struct err *e)
{
    return err_set(e, ERR_DATA, tr("the store %s is damaged at %s %lld: restore a backup of it"),
                   s->path, what, (long long)id);
}

void sql_finalize_all(struct store *s)
{
    for (size_t i = 0; i < PREPARED_MAX; i++) {
        sqlite3_finalize(s->prepared[i].st);
        s->prepared[i] = (struct prepared){NULL, NULL};
    }
}

/* A binding fails only for a wrong index (ours) or without memory: both stop us. */
static void bound(int rc)
{
    assert(rc == SQLITE_OK);
    (void)rc;
}

void bind_int(sqlite3_stmt *st, int i, int64_t n)
{
    bound(sqlite3_bind_int64(st, i, n));
}

void bind_instant(sqlite3_stmt *st, int i, instant_t t)
{
    if (t == INSTANT_MIN)
        bound(sqlite3_bind_null(st, i));
    else
        bind_int(st, i, t);
}

void bind_text(sqlite3_stmt *st, int i, const char *text)
{
    bound(sqlite3_bind_text(st, i, text, -1, SQLITE_STATIC));
}

void bind_blob(sqlite3_stmt *st, int i, const void *bytes, size_t length)
{
    bound(sqlite3_bind_blob64(st, i, length ? bytes : "", length, SQLITE_STATIC));
}

void bind_digest(sqlite3_stmt *st, int i, const struct digest *d)
{
    if (d)
        bind_blob(st, i, d->bytes, DIGEST_BYTES);
    else
        bound(sqlite3_bind_null(st, i));
}

instant_t column_instant(sqlite3_stmt *st, int i)
{
    return sqlite3_column_type(st, i) == SQLITE_NULL ? INSTANT_MIN : sqlite3_column_int64(st, i);
}

const char *column_text(sqlite3_stmt *st, int i)
{
    return (const char *)sqlite3_column_text(st, i);
}

bool column_digest(sqlite3_stmt *st, int i, struct digest *out)
{
    const void *bytes = sqlite3_column_blob(st, i);

    memset(out, 0, sizeof(*out));
    if (!bytes || sqlite3_column_bytes(st, i) != DIGEST_BYTES)
        return false;
    memcpy(out->bytes, bytes, DIGEST_BYTES);
    return true;
}

int txn_begin(struct store *s, struct err *e)
{
    if (s->failure.code)
        return failure_again(s, e);
    int rc = files_check(s, e);
    if (rc)
        return rc;
    assert(sqlite3_get_autocommit(s->db));
    rc = sql_exec(s, "BEGIN IMMEDIATE", e);
    if (!rc)
        s->tip_before = s->tip;
    return rc;
}

int txn_end(struct store *s, int rc, struct err *e)
{
    if (!rc) {
        rc = sql_exec(s, "COMMIT", e);
        if (!rc)
            return 0;
        failure_latch(s, e); /* it may be there all the same (reliability.md §0.3) */
        s->doubtful = s->tip_before.audit + 1;
        rc = err_set(e, e->code, tr("%s. Look again when it is back: this may be saved or not"),
                     e->text);
    }
    if (!sqlite3_get_autocommit(s->db) && sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL)) {
        struct err why;
        sql_error(s, &why);
        failure_latch(s, &why);
    }
    s->tip = s->tip_before;
    return rc;
}
