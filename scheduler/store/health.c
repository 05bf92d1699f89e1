/* When the disk or the file is not right: the store latches, and is opened anew.
 *
 * A failed COMMIT may have happened all the same (reliability.md §0.3), and the connection's memory
 * may differ from the file, so nothing but a new connection tells what is there. It must be the
 * file that was open: its id, and the audit record that was last known to be durable. A file that
 * was removed or replaced takes writes without an error, so it is looked for before each
 * transaction. */
#include "store/store_internal.h"

#include "base/lang.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define CHECKPOINT "PRAGMA wal_checkpoint(TRUNCATE);" /* all of the WAL into the file, synced */

enum { ROOM_BYTES = 64 << 20, ROOM_SHARE = 20, PROBE_BYTES = 8192 };
enum { WAL_PAGES_MIN = 64, WAL_PAGES_MAX = 20000, WAL_SHARE = 4, PAGE_BYTES = 4096 };

static int room_check(const struct store *s, struct err *e);
static int same_check(struct store *s, const uint8_t id[STORE_ID_BYTES], const struct tip *before,
                      struct err *e);
static int probe(struct store *s, struct err *e);
static int kept_put(struct store *s, const char *name, const void *bytes, size_t length,
                    struct err *e);
static int kept_get(struct store *s, const char *name, void *bytes, size_t length, bool *found,
                    struct err *e);

const struct err *store_failure(const struct store *s)
{
    return &s->failure;
}

int failure_again(const struct store *s, struct err *e)
{
    *e = s->failure;
    return e->code;
}

void failure_latch(struct store *s, const struct err *e)
{
    if (!s->failure.code)
        s->failure = *e;
}

int store_reopen(struct store *s, struct err *e)
{
    const struct tip before = s->tip;
    uint8_t id[STORE_ID_BYTES];
    int rc = s->lock_fd < 0 ? 0 : lock_take(s, e);

    memcpy(id, s->id, sizeof(id));
    if (!rc) {
        connection_close(s);
        rc = connection_open(s, true, e);
    }
    if (!rc)
        rc = same_check(s, id, &before, e);
    if (!rc) /* the WAL may be what fills the disk */
        rc = sql_exec(s, CHECKPOINT, e);
    if (!rc)
        rc = room_check(s, e);
    if (!rc)
        rc = probe(s, e);
    if (!rc)
        return 0;
    s->tip = before; /* what the next try compares with */
    memcpy(s->id, id, sizeof(id));
    if (e->code != ERR_DATA)
        e->code = ERR_STORE; /* whatever it is, it may pass */
    s->failure = *e;
    return e->code;
}

/* --- are they still the files that were opened? --- */

static const char *const file_ends[] = {"", "-wal"};

static struct file_id file_id(const struct store *s, size_t i)
{
    struct strbuf path = STRBUF_INIT;
    struct stat st;

    strbuf_printf(&path, "%s%s", s->path, file_ends[i]);
    bool there = s->lock_fd >= 0 && stat(path.text, &st) == 0;
    strbuf_dispose(&path);
    return there ? (struct file_id){st.st_dev, st.st_ino} : (struct file_id){0, 0};
}

void files_opened(struct store *s)
{
    for (size_t i = 0; i < 2; i++)
        s->files[i] = file_id(s, i);
}

int files_check(struct store *s, struct err *e)
{
    for (size_t i = 0; i < 2; i++) {
        const struct file_id now = file_id(s, i);
        if (!s->files[i].ino || (now.ino == s->files[i].ino && now.dev == s->files[i].dev))
            continue;
        err_set(e, ERR_STORE,
                tr("the store's file %s%s was removed, moved or replaced while the service runs: "
                   "put it back"),
                s->path, file_ends[i]);
        failure_latch(s, e);
        return e->code;
    }
    return 0;
}

/* --- the test --- */

/* A twentieth of the disk or 64 MiB: else the next commits would fail again. */
static int room_check(const struct store *s, struct err *e)
{
    struct statvfs v;

    if (s->lock_fd < 0)
        return 0;
    if (fstatvfs(s->lock_fd, &v))
        return err_set(e, ERR_STORE, "%s: %s", s->path, lang_errno(errno));
    unsigned long long left = (unsigned long long)v.f_bavail * v.f_frsize;
    if (left < ROOM_BYTES && v.f_bavail < v.f_blocks / ROOM_SHARE)
        return err_set(e, ERR_STORE,
                       tr("the disk of the store %s is full: %llu KiB are free; make room"),
                       s->path, left / 1024);
    return 0;
}

int wal_pages(const struct store *s)
{
    struct statvfs v;

    if (s->lock_fd < 0 || fstatvfs(s->lock_fd, &v))
        return WAL_PAGES_MAX;
    unsigned long long pages = (unsigned long long)v.f_bavail * v.f_frsize / WAL_SHARE / PAGE_BYTES;
    return pages < WAL_PAGES_MIN   ? WAL_PAGES_MIN
           : pages < WAL_PAGES_MAX ? (int)pages
                                   : WAL_PAGES_MAX;
}

static int same_check(struct store *s, const uint8_t id[STORE_ID_BYTES], const struct tip *before,
                      struct err *e)
{
    sqlite3_stmt *st;
    struct digest hash;
    bool same = memcmp(s->id, id, STORE_ID_BYTES) == 0 && s->tip.audit >= before->audit &&
                s->tip.life >= before->life;

    if (same && before->audit > 0) {
        int rc = sql_get(s, &st, "SELECT hash FROM audit WHERE seq = ?", e);
        if (rc)
            return rc;
        bind_int(st, 1, before->audit);
        rc = sql_step(s, st, e);
        if (rc < 0)
            return rc;
        same = rc > 0 && column_digest(st, 0, &hash) && digest_equal(&hash, &before->audit_hash);
        sqlite3_reset(st);
    }
    if (!same)
        return err_set(e, ERR_DATA,
                       tr("the store %s is another one, or has lost what was saved: stop the "
                          "service, put the right file there, start it again"),
                       s->path);
    return 0;
}

static int fill(uint8_t *bytes, size_t length, struct err *e)
{
    for (size_t at = 0; at < length;) {
        ssize_t n = getrandom(bytes + at, length - at, 0);
        if (n <= 0 && errno != EINTR)
            return err_set(e, ERR_IO, "getrandom: %s", lang_errno(errno));
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* Through the WAL into the file and back from there, not from our memory. */
static int probe(struct store *s, struct err *e)
{
    uint8_t wrote[PROBE_BYTES], back[PROBE_BYTES];
    bool found = false;
    int rc = fill(wrote, sizeof(wrote), e);

    if (!rc)
        rc = kept_put(s, "probe", wrote, sizeof(wrote), e);
    if (!rc)
        rc = sql_exec(s, CHECKPOINT " PRAGMA shrink_memory", e);
    if (!rc)
        rc = kept_get(s, "probe", back, sizeof(back), &found, e);
    if (!rc && (!found || memcmp(wrote, back, sizeof(wrote)) != 0))
        rc = err_set(e, ERR_STORE,
                     tr("the store %s does not read back what was written: look at the "
                        "disk"),
                     s->path);
    return rc;
}

int identity_read(struct store *s, struct err *e)
{
    bool found = false;
    int rc = kept_get(s, "id", s->id, sizeof(s->id), &found, e);

    if (rc || found)
        return rc;
    rc = fill(s->id, sizeof(s->id), e);
    return rc ? rc : kept_put(s, "id", s->id, sizeof(s->id), e);
}

static int kept_put(struct store *s, const char *name, const void *bytes, size_t length,
                    struct err *e)
{
    sqlite3_stmt *st;
    int rc = txn_begin(s, e);

    if (rc)
        return rc;
    rc = sql_get(s, &st,
                 "INSERT INTO kept (name, value) VALUES (?, ?)"
                 " ON CONFLICT DO UPDATE SET value = excluded.value",
                 e);
    if (!rc) {
        bind_text(st, 1, name);
        bind_blob(st, 2, bytes, length);
        rc = sql_run(s, st, e);
    }
    return txn_end(s, rc, e);
}

/* A value of another length counts as none. */
static int kept_get(struct store *s, const char *name, void *bytes, size_t length, bool *found,
                    struct err *e)
{
    sqlite3_stmt *st;
    int rc = sql_get(s, &st, "SELECT value FROM kept WHERE name = ?", e);

    *found = false;
    if (rc)
        return rc;
    bind_text(st, 1, name);
    if ((rc = sql_step(s, st, e)) <= 0)
        return rc;
    if ((size_t)sqlite3_column_bytes(st, 0) == length) {
        memcpy(bytes, sqlite3_column_blob(st, 0), length);
        *found = true;
    }
    sqlite3_reset(st);
    return 0;
}
