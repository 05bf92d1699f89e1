/* Opening and closing: the lock file, the connection, and what a crash left behind.
 *
 * The lock file comes first and is held for life; the database is then opened by SQLite alone, in
 * exclusive mode before anything is read, so that its WAL index lives in our memory (no -shm) and
 * the kernel refuses a second process even without the lock file. Nobody else here opens the
 * database file: the close() would drop SQLite's locks. */
#include "store/store_internal.h"

#include "base/arena.h"
#include "base/lang.h"
#include "base/log.h"
#include "base/strbuf.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static int lock_take(struct store *s, const char *lock_path, struct err *e);
static int lock_owner(const struct store *s, int fd, struct err *e);
static int database_open(struct store *s, const char *lock_path, bool again, struct err *e);
static int database_prepare(struct store *s, bool again, struct err *e);
static int open_error(struct store *s, int rc, struct err *e);
static int tip_read(struct store *s, struct err *e);

int store_open(struct store **out, const char *path, struct err *e)
{
    struct store *s = xmalloc(sizeof(*s));
    struct strbuf lock_path = STRBUF_INIT;
    int rc = 0;

    s->path = xstrdup(path);
    s->lock_fd = -1;
    s->marked = -1;
    strbuf_printf(&lock_path, "%s.lock", path);
    if (strcmp(path, ":memory:") != 0)
        rc = lock_take(s, lock_path.text, e);
    if (!rc)
        rc = connection_open(s, false, e);
    if (!rc) {
        log_line(LOG_INFO, "store", "open path=%s audit=%lld life=%lld", path,
                 (long long)s->tip.audit, (long long)s->tip.life);
        *out = s;
        s = NULL;
    }
    store_close(s);
    strbuf_dispose(&lock_path);
    return rc;
}

int connection_open(struct store *s, bool again, struct err *e)
{
    struct strbuf lock_path = STRBUF_INIT;
    int rc;

    strbuf_printf(&lock_path, "%s.lock", s->path);
    s->failure.code = 0;
    rc = database_open(s, lock_path.text, again, e);
    if (!rc)
        rc = database_prepare(s, again, e);
    if (rc)
        rc = open_error(s, rc, e);
    strbuf_dispose(&lock_path);
    return rc;
}

void connection_close(struct store *s)
{
    store_backup_drop(s);
    sql_finalize_all(s);
    if (sqlite3_close(s->db) != SQLITE_OK)
        log_line(LOG_ERROR, "store", "close path=%s failed", s->path);
    s->db = NULL;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    connection_close(s);
    if (s->lock_fd >= 0)
        close(s->lock_fd); /* the file stays: removing it would race with the next owner */
    free(s->path);
    free(s);
}

static int lock_take(struct store *s, const char *lock_path, struct err *e)
{
    int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    char pid[32];
    int length = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());

    if (fd < 0)
        return err_set(e, ERR_IO, "%s: %s", lock_path, lang_errno(errno));
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        int rc = errno == EWOULDBLOCK ? lock_owner(s, fd, e)
                                      : err_set(e, ERR_IO, "%s: %s", lock_path, lang_errno(errno));
        close(fd);
        return rc;
    }
    s->lock_fd = fd;
    if (ftruncate(fd, 0) || pwrite(fd, pid, (size_t)length, 0) != length)
        return err_set(e, ERR_IO, "%s: %s", lock_path, lang_errno(errno));
    return 0;
}

static int lock_owner(const struct store *s, int fd, struct err *e)
{
    char text[32] = "";
    ssize_t length = pread(fd, text, sizeof(text) - 1, 0);

    text[length > 0 ? strspn(text, "0123456789") : 0] = '\0';
    return err_set(e, ERR_BUSY, tr("the store %s is in use by process %s: stop that service first"),
                   s->path, text[0] ? text : "?");
}

/* A URI, because that is how SQLite is told the mode of a new file: that of the lock file, 0600. */
static void uri_of(struct strbuf *out, const char *path, const char *lock_path)
{
    const char *const parts[] = {path, lock_path};

    strbuf_puts(out, path[0] == '/' ? "file://" : "file:");
    for (size_t i = 0; i < 2; i++) {
        for (const char *p = parts[i]; *p; p++) {
            if (isalnum((unsigned char)*p) || strchr("/._-", *p))
                strbuf_putc(out, *p);
            else
                strbuf_printf(out, "%%%02X", (unsigned)(unsigned char)*p);
        }
        if (i == 0)
            strbuf_puts(out, "?modeof=");
    }
}

static int database_open(struct store *s, const char *lock_path, bool again, struct err *e)
{
    struct strbuf uri = STRBUF_INIT;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (again ? 0 : SQLITE_OPEN_CREATE);

    if (s->lock_fd >= 0) {
        uri_of(&uri, s->path, lock_path);
        flags |= SQLITE_OPEN_URI;
    } else {
        strbuf_puts(&uri, s->path);
    }
    int rc = sqlite3_open_v2(uri.text, &s->db, flags, NULL) ? sql_error(s, e) : 0;
    strbuf_dispose(&uri);
    if (!rc && sqlite3_db_readonly(s->db, "main"))
        rc = err_set(e, ERR_IO, tr("%s cannot be written: put its owner or mode right"), s->path);
    return rc;
}

static int database_prepare(struct store *s, bool again, struct err *e)
{
    bool fresh = false;
    int on = 0;

    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, &on);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, &on);
    int rc = sql_exec(s, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cell_size_check = ON", e);
    if (!rc)
        rc = schema_check(s, &fresh, e); /* before anything is written */
    if (!rc && fresh && again)
        rc = err_set(e, ERR_DATA, tr("the store %s is empty: restore a backup of it"), s->path);
    if (!rc)
        rc = sql_exec(s,
                      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                      "PRAGMA wal_autocheckpoint = 20000; PRAGMA cache_size = -16384;"
                      "PRAGMA temp_store = MEMORY;"
                      "CREATE TEMP TABLE handled (recipient INTEGER PRIMARY KEY) STRICT;"
                      "BEGIN IMMEDIATE; COMMIT", /* takes the file's lock for good */
                      e);
    if (!rc && fresh)
        rc = schema_create(s, e);
    if (!rc)
        rc = tip_read(s, e);
    if (!rc)
        rc = identity_read(s, e);
    if (!rc && !again) /* after a failure their clients may still be there */
        rc = submit_drop_unfinished(s, e);
    if (!rc)
        rc = tip_read(s, e);
    return rc;
}

/* At opening, SQLite's codes say more than "it failed". */
static int open_error(struct store *s, int rc, struct err *e)
{
    if (rc != ERR_STORE || !s->db)
        return rc;
    switch (sqlite3_errcode(s->db) & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(e, ERR_BUSY, tr("the store %s is in use by another process"), s->path);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
        return err_set(e, ERR_IO, tr("%s cannot be opened: %s; look at its folder and modes"),
                       s->path, sqlite3_errmsg(s->db));
    default:
        return rc;
    }
}

static int tip_read(struct store *s, struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st,
                     "SELECT (SELECT coalesce(max(id), 0) FROM delivery),"
                     " (SELECT coalesce(max(seq), 0) FROM life)",
                     e);

    s->tip = (struct tip){0};
    if (rc || (rc = sql_step(s, st, e)) < 0)
        return rc;
    s->tip.delivery = sqlite3_column_int64(st, 0);
    s->tip.life = sqlite3_column_int64(st, 1);
    sqlite3_reset(st);
    rc = sql_get(s, &st, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", e);
    if (rc || (rc = sql_step(s, st, e)) <= 0)
        return rc;
    s->tip.audit = sqlite3_column_int64(st, 0);
    bool whole = column_digest(st, 1, &s->tip.audit_hash);
    sqlite3_reset(st);
    return whole ? 0 : sql_damaged(s, "audit", s->tip.audit, e);
}
