/* A copy of the store while it is used: SQLite's backup, some pages a step, so that others get
 * their turn between. Source and writer are one connection, so what is written meanwhile goes into
 * the copy too, and no step ever starts again from the beginning.
 *
 * The copy has no journal: until it is whole it is of no use anyway, and is removed. It is synced a
 * step at a time, because one sync of it all would keep the store's thread for seconds. */
#include "store/store_internal.h"

#include "base/arena.h"
#include "base/lang.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STEP_PAGES = 256, IDLE_S = 10 };

struct backup {
    char *path;
    int fd; /* of the copy, for syncing */
    sqlite3 *db;
    sqlite3_backup *copy;
    time_t stepped_at; /* monotonic */
};

static time_t seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static void backup_free(struct backup *b, bool whole)
{
    if (!b)
        return;
    if (b->copy)
        sqlite3_backup_finish(b->copy);
    sqlite3_close(b->db);
    if (b->fd >= 0)
        close(b->fd); /* after SQLite: a close drops its locks */
    if (b->fd >= 0 && !whole)
        unlink(b->path);
    free(b->path);
    free(b);
}

static int copy_error(const struct backup *b, struct err *e)
{
    return err_set(e, ERR_IO, tr("the backup %s failed: %s"), b->path, sqlite3_errmsg(b->db));
}

static int copy_open(struct store *s, struct backup *b, struct err *e)
{
    b->fd = open(b->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (b->fd < 0 && errno == EEXIST)
        return err_set(e, ERR_REFUSED, tr("%s is there already: name a new file"), b->path);
    if (b->fd < 0)
        return err_set(e, ERR_IO, "%s: %s", b->path, lang_errno(errno));
    if (sqlite3_open_v2(b->path, &b->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL) ||
        sqlite3_exec(b->db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL,
                     NULL))
        return copy_error(b, e);
    b->copy = sqlite3_backup_init(b->db, "main", s->db, "main");
    return b->copy ? 0 : copy_error(b, e);
}

int store_backup_begin(struct store *s, const char *path, struct err *e)
{
    struct backup *b;
    int rc;

    if (s->failure.code)
        return failure_again(s, e);
    store_backup_sweep(s);
    if (s->backup)
        return err_set(e, ERR_BUSY, tr("another backup is being written, to %s: try again later"),
                       s->backup->path);
    b = xmalloc(sizeof(*b));
    b->path = xstrdup(path);
    b->fd = -1;
    b->stepped_at = seconds();
    rc = copy_open(s, b, e);
    if (rc)
        backup_free(b, false);
    else
        s->backup = b;
    return rc;
}

static int copy_end(struct store *s, struct store_backup *out, struct err *e)
{
    struct backup *b = s->backup;
    struct stat st;
    int rc = sqlite3_backup_finish(b->copy) ? copy_error(b, e) : 0;

    b->copy = NULL;
    if (!rc && (fsync(b->fd) || fstat(b->fd, &st) || folder_sync(b->path)))
        rc = err_set(e, ERR_IO, "%s: %s", b->path, lang_errno(errno));
    if (!rc)
        *out = (struct store_backup){false, (uint64_t)st.st_size, s->tip.audit};
    backup_free(b, !rc);
    s->backup = NULL;
    return rc;
}

int store_backup_step(struct store *s, struct store_backup *out, struct err *e)
{
    struct backup *b = s->backup;

    *out = (struct store_backup){.more = true};
    if (s->failure.code)
        return failure_again(s, e);
    if (!b)
        return err_set(e, ERR_STORE,
                       tr("the store failed while the backup was written: try again"));
    b->stepped_at = seconds();
    int rc = sqlite3_backup_step(b->copy, STEP_PAGES);
    if (rc == SQLITE_DONE)
        return copy_end(s, out, e);
    if (rc == SQLITE_OK && fdatasync(b->fd) == 0)
        return 0;
    if (rc == SQLITE_OK)
        err_set(e, ERR_IO, "%s: %s", b->path, lang_errno(errno));
    else
        err_set(e, ERR_IO, tr("the backup %s failed: %s"), b->path, sqlite3_errstr(rc));
    store_backup_drop(s);
    return e->code;
}

void store_backup_drop(struct store *s)
{
    backup_free(s->backup, false);
    s->backup = NULL;
}

void store_backup_sweep(struct store *s)
{
    if (s->backup && seconds() - s->backup->stepped_at > IDLE_S)
        store_backup_drop(s);
}
