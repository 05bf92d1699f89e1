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
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static int lock_owner(const struct store *s, int fd, struct err *e);
static int database_open(struct store *s, bool again, struct err *e);
static int database_prepare(struct store *s, bool again, struct err *e);
static int open_error(struct store *s, int rc, struct err *e);
static int tip_read(struct store *s, struct err *e);

int store_open(struct store **out, const char *path, struct err *e)
{
    struct store *s = xmalloc(sizeof(*s));
    int rc = 0;

    s->path = xstrdup(path);
    s->lock_fd = -1;
    s->marked = -1;
    if (strcmp(path, ":memory:") != 0)
        rc = lock_take(s, e);
    if (!rc)
        rc = connection_open(s, false, e);
    if (!rc) {
        log_line(LOG_INFO, "store", "open path=%s audit=%lld life=%lld", path,
                 (long long)s->tip.audit, (long long)s->tip.life);
        *out = s;
        s = NULL;
    }
    store_close(s);
    return rc;
}

int connection_open(struct store *s, bool again, struct err *e)
{
    s->failure.code = 0;
    s->opening = true;
    int rc = database_open(s, again, e);

    if (!rc)
        rc = database_prepare(s, again, e);
    s->opening = false;
    if (rc)
        return open_error(s, rc, e);
    files_opened(s);
    return 0;
}

void connection_close(struct store *s)
{
    struct err e;
    int on;

    /* one that failed, or whose files are gone, writes nothing any more: the WAL stays as it is */
    if (s->db && (s->failure.code || files_check(s, &e)))
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, &on);
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

static char *lock_path(const struct store *s)
{
    struct strbuf b = STRBUF_INIT;

    strbuf_printf(&b, "%s.lock", s->path);
    return strbuf_take(&b);
}

static bool lock_held(const struct store *s, const char *path)
{
    struct stat ours, there;

    return s->lock_fd >= 0 && !fstat(s->lock_fd, &ours) && !lstat(path, &there) &&
           ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

/* There the locks of two machines need not see each other, and a sync need not be one. The numbers
 * are those of linux/magic.h and of the kernel's SMB client. */
static int refuse_network(const struct store *s, int fd, struct err *e)
{
    struct statfs f;
    uint32_t type = fstatfs(fd, &f) ? 0 : (uint32_t)f.f_type;
    bool smb = type == 0x517b || type == 0xff534d42 || type == 0xfe534d42;

    if (type != 0x6969 && !smb)
        return 0;
    return err_set(e, ERR_DATA,
                   tr("%s is on a network file system (%s), where locks and syncs cannot be relied "
                      "on: keep the store on a disk of this machine"),
                   s->path, smb ? "SMB" : "NFS");
}

static int lock_new(struct store *s, const char *path, struct err *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    char pid[32];
    int length = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());

    if (fd < 0)
        return err_set(e, ERR_IO, "%s: %s", path, lang_errno(errno));
    int rc = refuse_network(s, fd, e);
    if (!rc && flock(fd, LOCK_EX | LOCK_NB))
        rc = errno == EWOULDBLOCK ? lock_owner(s, fd, e)
                                  : err_set(e, ERR_IO, "%s: %s", path, lang_errno(errno));
    if (rc) {
        close(fd);
        return rc;
    }
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    s->lock_fd = fd;
    if (ftruncate(fd, 0) || pwrite(fd, pid, (size_t)length, 0) != length)
        return err_set(e, ERR_IO, "%s: %s", path, lang_errno(errno));
    return 0;
}

int lock_take(struct store *s, struct err *e)
{
    char *path = lock_path(s);
    int rc = lock_held(s, path) ? 0 : lock_new(s, path, e);

    free(path);
    return rc;
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
static void uri_of(struct strbuf *out, const char *path, const char *mode_of)
{
    const char *const parts[] = {path, mode_of};

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

static int database_open(struct store *s, bool again, struct err *e)
{
    struct strbuf uri = STRBUF_INIT;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (again ? 0 : SQLITE_OPEN_CREATE);

    if (s->lock_fd >= 0) {
        char *lock = lock_path(s);
        uri_of(&uri, s->path, lock);
        free(lock);
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
                      "PRAGMA cache_size = -16384;"
                      "PRAGMA temp_store = MEMORY;"
                      "CREATE TEMP TABLE handled (recipient INTEGER PRIMARY KEY) STRICT;"
                      "BEGIN IMMEDIATE; COMMIT", /* takes the file's lock for good */
                      e);
    if (!rc && sqlite3_wal_autocheckpoint(s->db, wal_pages(s)))
        rc = sql_error(s, e);
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
