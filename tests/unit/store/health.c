/* A disk that fails, at every call that SQLite makes of it: nothing more is written, the store says
 * so until it was opened anew and tested, and then every commit is there exactly once. */
#include "fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* --- a disk whose n-th call fails: SQLite's own, with a door before it --- */

enum mode {
    ONCE,
    LOST, /* once; a sync that fails also loses what it was to make durable */
    FOR_EVER
};

static struct {
    int calls, fail_at; /* 0: never */
    enum mode mode;
    int faults; /* that were met so far */
} disk;

struct file {
    sqlite3_file base;
    sqlite3_file *real;   /* follows in memory */
    sqlite3_int64 synced; /* its size at the last sync */
};

static sqlite3_vfs *real_vfs;

static void disk_fails(int n, enum mode mode)
{
    disk.calls = 0;
    disk.fail_at = n;
    disk.mode = mode;
}

static bool fails(void)
{
    disk.calls++;
    if (!disk.fail_at || disk.calls < disk.fail_at)
        return false;
    if (disk.mode != FOR_EVER && disk.calls > disk.fail_at)
        return false;
    disk.faults++;
    return true;
}

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((struct file *)f)->real;
}

static int file_close(sqlite3_file *f)
{
    return real_of(f)->pMethods->xClose(real_of(f));
}

static int file_read(sqlite3_file *f, void *out, int n, sqlite3_int64 at)
{
    return fails() ? SQLITE_IOERR_READ : real_of(f)->pMethods->xRead(real_of(f), out, n, at);
}

static int file_write(sqlite3_file *f, const void *bytes, int n, sqlite3_int64 at)
{
    return fails() ? SQLITE_IOERR_WRITE : real_of(f)->pMethods->xWrite(real_of(f), bytes, n, at);
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return fails() ? SQLITE_IOERR_TRUNCATE : real_of(f)->pMethods->xTruncate(real_of(f), size);
}

/* What was written before may be there all the same, or not. */
static int file_sync(sqlite3_file *f, int flags)
{
    struct file *file = (struct file *)f;
    const sqlite3_io_methods *m = file->real->pMethods;

    if (!fails())
        return m->xSync(file->real, flags) || m->xFileSize(file->real, &file->synced);
    if (disk.mode == LOST)
        m->xTruncate(file->real, file->synced);
    return SQLITE_IOERR_FSYNC;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return fails() ? SQLITE_IOERR_FSTAT : real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int file_lock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int file_unlock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int file_reserved(sqlite3_file *f, int *out)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}

static int file_control(sqlite3_file *f, int op, void *arg)
{
    return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int file_sector(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int file_traits(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static const sqlite3_io_methods methods = {.iVersion = 1,
                                           .xClose = file_close,
                                           .xRead = file_read,
                                           .xWrite = file_write,
                                           .xTruncate = file_truncate,
                                           .xSync = file_sync,
                                           .xFileSize = file_size,
                                           .xLock = file_lock,
                                           .xUnlock = file_unlock,
                                           .xCheckReservedLock = file_reserved,
                                           .xFileControl = file_control,
                                           .xSectorSize = file_sector,
                                           .xDeviceCharacteristics = file_traits};

static int disk_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
    struct file *file = (struct file *)f;

    (void)v;
    file->base.pMethods = NULL;
    file->real = (sqlite3_file *)(file + 1);
    if (fails())
        return SQLITE_CANTOPEN;
    int rc = real_vfs->xOpen(real_vfs, name, file->real, flags, out);
    if (rc == SQLITE_OK) {
        file->base.pMethods = &methods;
        rc = file->real->pMethods->xFileSize(file->real, &file->synced);
    }
    return rc;
}

static int disk_delete(sqlite3_vfs *v, const char *name, int sync)
{
    (void)v;
    return fails() ? SQLITE_IOERR_DELETE : real_vfs->xDelete(real_vfs, name, sync);
}

static int disk_access(sqlite3_vfs *v, const char *name, int flags, int *out)
{
    (void)v;
    return fails() ? SQLITE_IOERR_ACCESS : real_vfs->xAccess(real_vfs, name, flags, out);
}

static int disk_put_in(void **state)
{
    static sqlite3_vfs vfs;

    (void)state;
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs; /* exclusive locking: no shared memory is asked for (iVersion 1) */
    vfs.zName = "faulty";
    vfs.szOsFile = (int)sizeof(struct file) + real_vfs->szOsFile;
    vfs.xOpen = disk_open;
    vfs.xDelete = disk_delete;
    vfs.xAccess = disk_access;
    return sqlite3_vfs_register(&vfs, 1);
}

static int disk_take_out(void **state)
{
    (void)state;
    return sqlite3_vfs_register(real_vfs, 1);
}

/* --- a few sends on it --- */

/* As the service does: latched, opened anew until that works, the same commit again. */
static void commit_at_last(struct fixture *f, struct store_commit *c, int fail_again_at)
{
    int rc = store_commit(f->s, c, &f->e);

    if (!rc)
        return;
    if (rc != ERR_STORE)
        fail_msg("%d: %s", rc, f->e.text);
    if (store_failure(f->s)->code) { /* not a byte more is written into it */
        int calls = disk.calls;
        struct store_decision d = by(f, "bo");
        assert_int_equal(store_pause(f->s, 1, &d, &f->e), ERR_STORE);
        assert_int_equal(store_commit(f->s, c, &f->e), ERR_STORE);
        assert_int_equal(disk.calls, calls);
    }
    if (disk.mode == FOR_EVER && disk.fail_at)
        assert_int_equal(store_reopen(f->s, &f->e), ERR_STORE);
    disk_fails(fail_again_at, ONCE);
    rc = store_reopen(f->s, &f->e);
    if (rc) { /* the fault of the recovery itself */
        if (rc != ERR_STORE)
            fail_msg("at call %d: %d: %s", fail_again_at, rc, f->e.text);
        assert_int_not_equal(store_failure(f->s)->code, 0);
        disk_fails(0, ONCE);
        OK(store_reopen(f->s, &f->e));
    }
    assert_int_equal(store_failure(f->s)->code, 0);
    disk_fails(0, ONCE);
    OK(store_commit_again(f->s, c, &f->e));
}

/* Claims all four, each with a commit of its own that also brings the answer of the one before. */
static void send_four(struct fixture *f, int fail_again_at)
{
    instant_t claimed = INSTANT_MIN;

    for (int64_t id = 1; id <= 5; id++) {
        struct store_result r = {.delivery = id - 1,
                                 .at = ++f->now,
                                 .revision = 1,
                                 .lane = f->lane[(id - 2) & 1],
                                 .state = DELIVERY_SENT,
                                 .claimed_at = claimed,
                                 .ref = "ref"};
        struct store_claim x = {.delivery = id,
                                .at = f->now,
                                .due_at = f->now - 1,
                                .revision = 1,
                                .lane = f->lane[(id - 1) & 1],
                                .progress = id};
        struct store_commit c = {f->now, &x, id <= 4, &r, id > 1, NULL};
        commit_at_last(f, &c, fail_again_at);
        if (id <= 4) {
            assert_false(x.refused); /* it is ours, whenever it was that it became durable */
            assert_string_equal(x.recipient, four[id - 1]);
        }
        claimed = x.at;
        store_commit_dispose(&c);
    }
}

static void all_are_sent_once(struct fixture *f)
{
    struct view v = view(f, 1);

    assert_int_equal(v.counts[DELIVERY_SENT], 4);
    for (int64_t id = 1; id <= 4; id++) {
        assert_stands(f, id, DELIVERY_SENT, REASON_NONE);
        assert_int_equal(seen(f, id).attempts, 1);
    }
    verify(f);
}

static void run(int fail_at, enum mode mode, int fail_again_at)
{
    void *state;

    disk_fails(0, ONCE);
    assert_int_equal(setup(&state), 0);
    struct fixture *f = state;
    approve(f, submit(f, "spring", 1));
    int faults = disk.faults;
    disk_fails(fail_at, mode);
    send_four(f, fail_again_at);
    assert_true(fail_at == 0 || disk.faults > faults);
    int calls = disk.calls;
    disk_fails(0, ONCE);
    all_are_sent_once(f);
    fixture_reopen(f);
    all_are_sent_once(f);
    teardown(&state);
    disk.calls = calls;
}

static void each_call_fails(enum mode mode)
{
    run(0, ONCE, 0);
    int calls = disk.calls;
    assert_true(calls > 20); /* writes and syncs of five commits, at least */
    for (int n = 1; n <= calls; n++)
        run(n, mode, 0);
}

static void each_call_fails_once(void **state)
{
    (void)state;
    each_call_fails(ONCE);
}

static void each_call_fails_and_its_writes_are_lost(void **state)
{
    (void)state;
    each_call_fails(LOST);
}

static void each_call_fails_for_ever(void **state)
{
    (void)state;
    each_call_fails(FOR_EVER);
}

/* The first commit's fails, and then the n-th call of taking the store up again. */
static void each_call_of_the_recovery_fails(void **state)
{
    void *fixture;

    (void)state;
    assert_int_equal(setup(&fixture), 0);
    struct fixture *f = fixture;
    disk_fails(0, ONCE);
    OK(store_reopen(f->s, &f->e));
    int calls = disk.calls;
    teardown(&fixture);
    assert_true(calls > 20);
    for (int n = 1; n <= calls + 5; n++)
        run(3, ONCE, n);
}

/* --- files that are not there any more --- */

static void sends_one(struct fixture *f, int code)
{
    struct store_claim x = {.delivery = 1, .at = f->now, .revision = 1, .lane = f->lane[0]};
    struct store_commit c = {.at = f->now, .claims = &x, .claim_count = 1};
    int rc = store_commit(f->s, &c, &f->e);

    store_commit_dispose(&c);
    if (rc != code)
        fail_msg("%d instead of %d: %s", rc, code, f->e.text);
}

static void move(struct fixture *f, const char *from, const char *to)
{
    char a[96], b[96];

    snprintf(a, sizeof(a), "%s%s", f->path, from);
    snprintf(b, sizeof(b), "%s%s", f->path, to);
    assert_int_equal(rename(a, b), 0);
}

/* Written into a file without a name it would be lost, and SQLite would not say so. */
static void a_file_that_was_moved_is_missed(void **state)
{
    struct fixture *f = *state;
    static const char *const ends[] = {"", "-wal"};

    approve(f, submit(f, "spring", 1));
    for (size_t i = 0; i < 2; i++) {
        move(f, ends[i], ".copy");
        sends_one(f, ERR_STORE);
        assert_non_null(strstr(f->e.text, "put it back"));
        if (i == 0) /* without its WAL the store would be an older one: not tried here */
            assert_int_equal(store_reopen(f->s, &f->e), ERR_STORE);
        move(f, ".copy", ends[i]);
        sends_one(f, ERR_STORE); /* not before it was tested */
        OK(store_reopen(f->s, &f->e));
    }
    sends_one(f, 0);
    assert_stands(f, 1, DELIVERY_CLAIMED, REASON_NONE);
    verify(f);
}

static void copy_file(const char *from, const char *to)
{
    char bytes[1 << 16];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ssize_t n;

    assert_true(in >= 0 && out >= 0);
    while ((n = read(in, bytes, sizeof(bytes))) > 0)
        assert_int_equal(write(out, bytes, (size_t)n), n);
    close(in);
    close(out);
}

/* An older copy in its place, or another store: a person must look. */
static void an_exchanged_file_is_not_taken(void **state)
{
    struct fixture *f = *state;
    char copy[96];

    snprintf(copy, sizeof(copy), "%s.copy", f->path);
    store_close(f->s);
    copy_file(f->path, copy);
    fixture_open(f);
    approve(f, submit(f, "spring", 1));
    move(f, ".copy", "");
    sends_one(f, ERR_STORE);
    move(f, "-wal", ".copy");
    assert_int_equal(store_reopen(f->s, &f->e), ERR_DATA);
    assert_non_null(strstr(f->e.text, "lost what was saved"));
    assert_int_equal(store_failure(f->s)->code, ERR_DATA);
    sends_one(f, ERR_DATA);
}

static void the_lock_is_taken_again(void **state)
{
    struct fixture *f = *state;
    char lock[96];
    int status;

    snprintf(lock, sizeof(lock), "%s.lock", f->path);
    submit(f, "spring", 1);
    unlink(lock);
    OK(store_reopen(f->s, &f->e));
    pid_t child = fork();
    if (child == 0) {
        struct store *other = NULL;
        _exit(store_open(&other, f->path, &f->e) == ERR_BUSY && strstr(f->e.text, "process") ? 0
                                                                                             : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_fails_once),
        cmocka_unit_test(each_call_fails_and_its_writes_are_lost),
        cmocka_unit_test(each_call_fails_for_ever),
        cmocka_unit_test(each_call_of_the_recovery_fails),
        cmocka_unit_test_setup_teardown(a_file_that_was_moved_is_missed, setup, teardown),
        cmocka_unit_test_setup_teardown(an_exchanged_file_is_not_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(the_lock_is_taken_again, setup, teardown),
    };

    return cmocka_run_group_tests(tests, disk_put_in, disk_take_out);
}
