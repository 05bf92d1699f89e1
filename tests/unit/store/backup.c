/* A copy in steps while the store goes on: whole, and with what was written between the steps. */
#include "fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { BLOBS = 6, BLOB_BYTES = 1 << 20 };

static char *copy_path(const struct fixture *f)
{
    static char name[96];

    snprintf(name, sizeof(name), "%s.copy", f->path);
    return name;
}

/* Some megabytes, so that a copy takes several steps. */
static void grow(struct fixture *f)
{
    char *bytes = malloc(BLOB_BYTES);

    for (int i = 0; i < BLOBS; i++) {
        memset(bytes, 'a' + i, BLOB_BYTES);
        struct store_blob b = {digest_of(bytes, BLOB_BYTES), bytes, BLOB_BYTES};
        OK(store_submit_blob(f->s, &b, &f->e));
    }
    free(bytes);
}

static int steps(struct fixture *f, struct store_backup *b)
{
    int n = 0;

    do {
        OK(store_backup_step(f->s, b, &f->e));
        n++;
    } while (b->more);
    return n;
}

static void what_is_written_meanwhile_is_in_it(void **state)
{
    struct fixture *f = *state;
    struct store_backup b;
    struct stat st;

    grow(f);
    approve(f, submit(f, "spring", 1));
    OK(store_backup_begin(f->s, copy_path(f), &f->e));
    OK(store_backup_step(f->s, &b, &f->e));
    assert_true(b.more);
    assert_true(claim(f, 1, 1, f->lane[0]));
    OK(store_backup_step(f->s, &b, &f->e));
    assert_true(b.more);
    answer(f, 1, DELIVERY_SENT, REASON_NONE);
    int64_t autumn = submit(f, "autumn", 2);
    assert_true(steps(f, &b) > 1);
    assert_int_equal(stat(copy_path(f), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(b.bytes, st.st_size);
    uint64_t records = verify(f);
    assert_int_equal(b.audit_seq, records);
    assert_true(claim(f, 1, 2, f->lane[1])); /* after it: not in it */

    store_close(f->s);
    assert_int_equal(rename(copy_path(f), f->path), 0);
    fixture_open(f);
    assert_int_equal(verify(f), records);
    assert_stands(f, 1, DELIVERY_SENT, REASON_NONE);
    assert_stands(f, 2, DELIVERY_PENDING, REASON_NONE);
    assert_int_equal(view(f, autumn).audience, 4);
}

static void nothing_is_overwritten(void **state)
{
    struct fixture *f = *state;

    int fd = open(copy_path(f), O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "mine", 4), 4);
    close(fd);
    assert_int_equal(store_backup_begin(f->s, copy_path(f), &f->e), ERR_REFUSED);
    assert_int_equal(store_backup_begin(f->s, f->path, &f->e), ERR_REFUSED); /* the store itself */
    submit(f, "spring", 1);
    fixture_reopen(f);
    verify(f);
    struct stat st;
    assert_int_equal(stat(copy_path(f), &st), 0);
    assert_int_equal(st.st_size, 4);
}

static void one_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct store_backup b;
    char other[100];

    grow(f);
    snprintf(other, sizeof(other), "%s.2", copy_path(f));
    OK(store_backup_begin(f->s, copy_path(f), &f->e));
    assert_int_equal(store_backup_begin(f->s, other, &f->e), ERR_BUSY);
    assert_int_equal(access(other, F_OK), -1);
    steps(f, &b);
    OK(store_backup_begin(f->s, other, &f->e));
    store_backup_drop(f->s); /* half of one is nothing */
    assert_int_equal(access(other, F_OK), -1);
}

static void a_place_that_cannot_be_written(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(store_backup_begin(f->s, "/nowhere/x.db", &f->e), ERR_IO);
    assert_non_null(strstr(f->e.text, "/nowhere/x.db"));
    assert_int_equal(store_failure(f->s)->code, 0);
}

/* The disk of the copy is full: the copy ends, the store does not. */
static void a_full_disk_ends_the_copy_alone(void **state)
{
    struct fixture *f = *state;
    struct rlimit unlimited, small;
    struct store_backup b;
    int rc;

    grow(f);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &unlimited), 0);
    signal(SIGXFSZ, SIG_IGN);
    OK(store_backup_begin(f->s, copy_path(f), &f->e));
    small = unlimited;
    small.rlim_cur = 100000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    do {
        rc = store_backup_step(f->s, &b, &f->e);
    } while (!rc && b.more);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
    assert_int_equal(rc, ERR_IO);
    assert_non_null(strstr(f->e.text, copy_path(f)));
    assert_int_equal(access(copy_path(f), F_OK), -1);
    assert_int_equal(store_failure(f->s)->code, 0);
    submit(f, "spring", 1);
    verify(f);
}

/* The store fails while it is copied: the copy is gone, and whoever made it hears of it. */
static void a_store_that_fails_drops_it(void **state)
{
    struct fixture *f = *state;
    struct store_backup b;

    grow(f);
    OK(store_backup_begin(f->s, copy_path(f), &f->e));
    OK(store_backup_step(f->s, &b, &f->e));
    OK(store_reopen(f->s, &f->e));
    assert_int_equal(store_backup_step(f->s, &b, &f->e), ERR_STORE);
    assert_int_equal(access(copy_path(f), F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_meanwhile_is_in_it, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_overwritten, setup, teardown),
        cmocka_unit_test_setup_teardown(one_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_place_that_cannot_be_written, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_ends_the_copy_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_store_that_fails_drops_it, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
