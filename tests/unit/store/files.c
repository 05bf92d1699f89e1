/* The file itself: one owner, ours, not newer, and whole after a process that is killed or a disk
 * that says no. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

/* In place of the C library's: what file system there is, as a test wants it. */
static long file_system;

int fstatfs(int fd, struct statfs *f)
{
    int rc = (int)syscall(SYS_fstatfs, fd, f);

    if (file_system)
        f->f_type = file_system;
    return rc;
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static int child_status(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void second_service_is_told_the_first(void **state)
{
    struct fixture *f = *state;
    struct store *other = NULL;
    char pid[32];
    pid_t child = fork();

    if (child == 0) { /* in another process */
        int rc = store_open(&other, f->path, &f->e);
        snprintf(pid, sizeof(pid), " %ld:", (long)getppid());
        _exit(rc == ERR_BUSY && strstr(f->e.text, pid) ? 0 : 1);
    }
    assert_int_equal(child_status(child), 0);
    assert_int_equal(store_open(&other, f->path, &f->e), ERR_BUSY); /* and in the same one */
    submit(f, "spring", 1); /* the lock is still held after that close() */
    child = fork();
    if (child == 0)
        _exit(store_open(&other, f->path, &f->e) == ERR_BUSY ? 0 : 1);
    assert_int_equal(child_status(child), 0);
    fixture_reopen(f);
}

static void a_network_file_system_is_refused(void **state)
{
    static const struct {
        long type;
        const char *name;
    } rows[] = {{0x6969, "(NFS)"}, {0x517b, "(SMB)"}, {0xff534d42, "(SMB)"}, {0xfe534d42, "(SMB)"}};
    struct fixture *f = *state;
    struct store *other = NULL;

    store_close(f->s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        file_system = rows[i].type;
        assert_int_equal(store_open(&other, f->path, &f->e), ERR_DATA);
        assert_non_null(strstr(f->e.text, rows[i].name));
    }
    file_system = 0;
    assert_int_equal(store_open(&f->s, f->path, &f->e), 0);
}

/* Without the lock file (removed by hand, or another name of the file) SQLite's own lock holds. */
static void database_lock_holds_alone(void **state)
{
    struct fixture *f = *state;
    struct store *other = NULL;
    char lock[96];
    snprintf(lock, sizeof(lock), "%s.lock", f->path);
    assert_int_equal(unlink(lock), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(store_open(&other, f->path, &f->e) == ERR_BUSY ? 0 : 1);
    assert_int_equal(child_status(child), 0);
    submit(f, "spring", 1);
}

static void nobody_else_reads_it(void **state)
{
    struct fixture *f = *state;
    const char *const ends[] = {"", "-wal", ".lock"};
    for (size_t i = 0; i < 3; i++) {
        char name[96];
        struct stat st;
        snprintf(name, sizeof(name), "%s%s", f->path, ends[i]);
        assert_int_equal(stat(name, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
    char shm[96];
    snprintf(shm, sizeof(shm), "%s-shm", f->path);
    assert_int_equal(access(shm, F_OK), -1); /* exclusive before WAL: none is made */
}

static void reads_back_how_it_was_opened(void **state)
{
    struct fixture *f = *state;
    sqlite3 *db;
    sqlite3_stmt *st;
    store_close(f->s);
    f->s = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA journal_mode", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(st, 0), "wal");
    sqlite3_finalize(st);
    sqlite3_close(db);
}

static void put_file(const char *path, const char *text, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, length), length);
    close(fd);
}

static void refuse(struct fixture *f, int code, const char *says)
{
    f->s = NULL;
    int rc = store_open(&f->s, f->path, &f->e);
    if (rc != code || !strstr(f->e.text, says) || f->s)
        fail_msg("%d: %s", rc, f->e.text);
}

static void foreign_newer_or_damaged_is_refused(void **state)
{
    struct fixture *f = *state;
    store_close(f->s);
    run_sql(f->path, "PRAGMA user_version = 2");
    refuse(f, ERR_DATA, "newer");
    run_sql(f->path, "PRAGMA user_version = 1; PRAGMA application_id = 7");
    refuse(f, ERR_DATA, "another program");
    unlink(f->path);
    run_sql(f->path, "CREATE TABLE theirs (x)"); /* with no application_id at all */
    refuse(f, ERR_DATA, "another program");
    char garbage[8192];
    memset(garbage, 'x', sizeof(garbage));
    put_file(f->path, garbage, sizeof(garbage));
    refuse(f, ERR_DATA, "not a paceline store");
    unlink(f->path);
    fixture_open(f); /* an empty place is a new store */
    submit(f, "spring", 1);
}

static void damaged_page_is_seen_at_opening(void **state)
{
    struct fixture *f = *state;
    char noise[4096];
    for (int i = 0; i < 20; i++)
        submit(f, "spring", i);
    store_close(f->s);
    f->s = NULL;
    memset(noise, 0x5a, sizeof(noise));
    int fd = open(f->path, O_WRONLY);
    assert_int_equal(pwrite(fd, noise, sizeof(noise), 5 * 4096), sizeof(noise));
    close(fd);
    refuse(f, ERR_DATA, "damaged");
}

static void places_that_cannot_be_opened(void **state)
{
    struct fixture *f = *state;
    struct store *s = NULL;
    char name[96];
    snprintf(name, sizeof(name), "%s/missing/x.db", f->dir);
    assert_int_equal(store_open(&s, name, &f->e), ERR_IO);
    assert_non_null(strstr(f->e.text, "missing"));
    store_close(f->s);
    f->s = NULL;
    unlink(f->path);
    assert_int_equal(mkdir(f->path, 0700), 0);
    refuse(f, ERR_IO, f->path);
    rmdir(f->path);
    fixture_open(f);
}

static void memory_store_needs_no_file(void **state)
{
    struct fixture *f = *state;
    store_close(f->s);
    OK(store_open(&f->s, ":memory:", &f->e));
    fixture_lanes(f);
    approve(f, submit(f, "spring", 1));
    assert_true(claim(f, 1, 1, f->lane[0]));
    verify(f);
    assert_int_equal(access(":memory:.lock", F_OK), -1);
}

/* The disk is full in the middle of a commit: it counts as not known, and nothing is written after.
 */
static void failed_commit_poisons(void **state)
{
    struct fixture *f = *state;
    struct rlimit unlimited, small;
    int64_t revision = submit(f, "spring", 1);
    approve(f, revision);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &unlimited), 0);
    signal(SIGXFSZ, SIG_IGN);
    small = unlimited;
    small.rlim_cur = 4096; /* of any file, the WAL above all */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct store_claim c = {.delivery = 1, .at = f->now, .revision = revision, .lane = f->lane[0]};
    struct store_commit commit = {.at = f->now, .claims = &c, .claim_count = 1};
    int rc = store_commit(f->s, &commit, &f->e);
    bool refused = c.refused;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
    assert_int_equal(rc, ERR_STORE);
    assert_true(refused);
    assert_null(commit.memory);
    assert_int_equal(store_commit(f->s, &commit, &f->e),
                     ERR_STORE); /* though there is room again */
    struct store_decision bo = by(f, "bo");
    assert_int_equal(store_pause(f->s, revision, &bo, &f->e), ERR_STORE);
    fixture_reopen(f);
    verify(f);
    uint64_t unknown;
    OK(store_recover(f->s, ++f->now, &unknown, &f->e));
    OK(store_pause(f->s, revision, &bo, &f->e));
}

/* --- killed while it commits --- */

enum { ROWS = 2000, KILLS = 12 };

static int64_t many(struct fixture *f, const char *campaign)
{
    struct store_submission sub = {campaign, "t", "alice", ++f->now};
    char manifest[64];
    int64_t revision;
    bool again;
    OK(store_submit_begin(f->s, &sub, &revision, &f->e));
    for (uint64_t i = 0; i < ROWS; i++) {
        char name[32];
        snprintf(name, sizeof(name), "%s-%llu", campaign, (unsigned long long)i);
        struct store_row row = {i + 1, f->lane[0], name, NULL, REASON_NONE, 0};
        OK(store_submit_rows(f->s, revision, &row, 1, &f->e));
    }
    snprintf(manifest, sizeof(manifest), "{\"campaign\":\"%s\"}", campaign);
    struct store_freeze freeze = {.campaign = campaign,
                                  .by = "alice",
                                  .at = ++f->now,
                                  .manifest = manifest,
                                  .digest = digest_of(manifest, strlen(manifest)),
                                  .channel = "dry",
                                  .approvers = 1};
    OK(store_submit_end(f->s, revision, &freeze, &revision, &again, &f->e));
    return revision;
}

/* Claims and answers one after the other, and says each claim aloud once its commit has returned.
 */
static void work_until_killed(struct fixture *f, int64_t revision, int out)
{
    struct err *e = &f->e;
    if (store_open(&f->s, f->path, e))
        _exit(2);
    for (;;) {
        struct store_waiting w;
        size_t count;
        if (store_fetch(f->s, revision, f->lane[0], 0, 0, &w, 1, &count, e) || count == 0)
            _exit(3);
        instant_t at = ++f->now;
        struct store_claim c = {.delivery = w.delivery,
                                .at = at,
                                .revision = revision,
                                .lane = f->lane[0],
                                .progress = w.delivery};
        struct store_commit commit = {.at = at, .claims = &c, .claim_count = 1};
        if (store_commit(f->s, &commit, e) || c.refused)
            _exit(4);
        store_commit_dispose(&commit);
        if (write(out, &w.delivery, sizeof(w.delivery)) != sizeof(w.delivery))
            _exit(5);
        struct store_result r = {.delivery = w.delivery,
                                 .at = ++f->now,
                                 .revision = revision,
                                 .lane = f->lane[0],
                                 .state = DELIVERY_SENT,
                                 .claimed_at = at};
        commit = (struct store_commit){.at = f->now, .results = &r, .result_count = 1};
        if (store_commit(f->s, &commit, e))
            _exit(6);
    }
}

static void check_after_kill(struct fixture *f, int64_t revision, const uint8_t said[ROWS + 1])
{
    uint64_t unknown, sum = 0;
    fixture_open(f);
    verify(f);
    OK(store_recover(f->s, f->now += MS_PER_HOUR, &unknown, &f->e));
    assert_true(unknown <= 1);
    verify(f);
    struct view v = view(f, revision);
    for (int i = 0; i < DELIVERY_STATES; i++)
        sum += v.counts[i];
    assert_int_equal(sum, ROWS);
    assert_int_equal(v.counts[DELIVERY_CLAIMED], 0);
    for (int64_t id = 1; id <= ROWS; id++) {
        struct seen d = seen(f, id);
        if (said[id] && d.state == DELIVERY_PENDING) /* its request may have gone out */
            fail_msg("delivery %lld was claimed and is pending again", (long long)id);
        assert_true(d.attempts <= 1);
    }
}

static void killed_at_any_moment(void **state)
{
    struct fixture *f = *state;
    static uint8_t said[ROWS + 1];
    int64_t revision = many(f, "spring");
    approve(f, revision);
    for (int round = 0; round < KILLS; round++) {
        int ends[2];
        int64_t id;
        assert_int_equal(pipe(ends), 0);
        store_close(f->s);
        f->s = NULL;
        pid_t child = fork();
        if (child == 0) {
            close(ends[0]);
            work_until_killed(f, revision, ends[1]);
        }
        close(ends[1]);
        for (int n = 0; n <= round * 3 && read(ends[0], &id, sizeof(id)) == sizeof(id); n++)
            said[id]++;
        kill(child, SIGKILL); /* right after a claim, or wherever it is by now */
        int status = child_status(child);
        assert_true(WIFSIGNALED(status));
        while (read(ends[0], &id, sizeof(id)) == sizeof(id))
            said[id]++;
        close(ends[0]);
        check_after_kill(f, revision, said);
    }
    for (int id = 1; id <= ROWS; id++)
        assert_true(said[id] <= 1); /* nobody twice */
    assert_true(said[1]);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(second_service_is_told_the_first),
        T(a_network_file_system_is_refused),
        T(database_lock_holds_alone),
        T(nobody_else_reads_it),
        T(reads_back_how_it_was_opened),
        T(foreign_newer_or_damaged_is_refused),
        T(damaged_page_is_seen_at_opening),
        T(places_that_cannot_be_opened),
        T(memory_store_needs_no_file),
        T(failed_commit_poisons),
        T(killed_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
