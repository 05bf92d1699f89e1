/* The mark beside the store: an older copy of it is noticed, whatever became of it since. */
#include "fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

static char *beside(const struct fixture *f, const char *end)
{
    static char name[96];

    snprintf(name, sizeof(name), "%s%s", f->path, end);
    return name;
}

static void copy(const char *from, const char *to)
{
    char a[96], b[96], bytes[1 << 16];
    ssize_t n;

    strcpy(a, from); /* both may be beside() */
    strcpy(b, to);
    int in = open(a, O_RDONLY), out = open(b, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(in >= 0 && out >= 0);
    while ((n = read(in, bytes, sizeof(bytes))) > 0)
        assert_int_equal(write(out, bytes, (size_t)n), n);
    close(in);
    close(out);
}

static struct store_gap gap(struct fixture *f)
{
    struct store_gap g;

    OK(store_mark_check(f->s, &g, &f->e));
    return g;
}

static void decide(struct fixture *f, int times)
{
    while (times--)
        OK(store_audit(f->s, ++f->now, "bo", "halt", NULL, NULL, NULL, &f->e));
}

/* A copy made when the store was closed; and back, as a person would do it. */
static void keep_copy(struct fixture *f)
{
    char to[96];

    OK(store_mark_write(f->s, &f->e));
    store_close(f->s);
    strcpy(to, beside(f, ".copy"));
    copy(f->path, to);
    fixture_open(f);
}

static void put_copy_back(struct fixture *f)
{
    store_close(f->s);
    copy(beside(f, ".copy"), f->path);
    fixture_open(f);
}

static void a_store_that_goes_on_is_known(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(gap(f).past, STORE_PAST_KNOWN); /* both are new */
    OK(store_mark_write(f->s, &f->e));
    decide(f, 3);
    fixture_reopen(f);
    assert_int_equal(gap(f).past, STORE_PAST_KNOWN); /* ahead of its mark: a kill */
    OK(store_mark_write(f->s, &f->e));
    fixture_reopen(f);
    assert_int_equal(gap(f).past, STORE_PAST_KNOWN);
}

static void an_older_copy_is_behind_by_so_much(void **state)
{
    struct fixture *f = *state;

    approve(f, submit(f, "spring", 1));
    keep_copy(f);
    instant_t then = f->now;
    assert_true(claim(f, 1, 1, f->lane[0]));
    answer(f, 1, DELIVERY_SENT, REASON_NONE);
    decide(f, 1);
    OK(store_mark_write(f->s, &f->e));
    instant_t last = f->now;
    put_copy_back(f);
    struct store_gap g = gap(f);
    assert_int_equal(g.past, STORE_PAST_BEHIND);
    assert_int_equal(g.records, 3); /* two commits, one decision */
    assert_int_equal(g.steps, 2);   /* claimed, sent */
    assert_int_equal(g.from, then);
    assert_int_equal(g.to, last);

    decide(f, 2); /* held, people do this and that */
    fixture_reopen(f);
    assert_int_equal(gap(f).past, STORE_PAST_BEHIND);
    decide(f, 5); /* more than was missing */
    fixture_reopen(f);
    g = gap(f);
    assert_int_equal(g.past, STORE_PAST_OTHER);
    assert_int_equal(g.to, last);

    OK(store_mark_write(f->s, &f->e)); /* released */
    fixture_reopen(f);
    assert_int_equal(gap(f).past, STORE_PAST_KNOWN);
}

static void another_store_is_not_it(void **state)
{
    struct fixture *f = *state;

    decide(f, 1);
    OK(store_mark_write(f->s, &f->e));
    store_close(f->s);
    unlink(f->path);
    fixture_open(f); /* a new one in its place */
    assert_int_equal(gap(f).past, STORE_PAST_OTHER);
    decide(f, 4);
    assert_int_equal(gap(f).past, STORE_PAST_OTHER);
}

static void put(struct fixture *f, const char *text)
{
    FILE *file = fopen(beside(f, ".mark"), "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void no_mark_or_no_sense_is_doubt(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "",
        "x\n",
        "paceline-mark 1 00\n",
        "paceline-mark 2 00000000000000000000000000000000 1 sha256:00 1 1\n",
        "paceline-mark 1 00000000000000000000000000000000 1 sha256:00 1 1", /* cut */
    };

    decide(f, 1);
    struct store_gap g = gap(f);
    assert_int_equal(g.past, STORE_PAST_UNMARKED);
    assert_int_equal(g.from, f->now);
    assert_int_equal(g.to, INSTANT_MIN);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        put(f, bad[i]);
        assert_int_equal(gap(f).past, STORE_PAST_OTHER);
    }
    unlink(beside(f, ".mark"));
    assert_int_equal(symlink("/etc/hostname", beside(f, ".mark")), 0);
    assert_int_equal(gap(f).past, STORE_PAST_OTHER);
    unlink(beside(f, ".mark"));
}

static ino_t inode(struct fixture *f)
{
    struct stat st;

    assert_int_equal(stat(beside(f, ".mark"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    return st.st_ino;
}

static void it_is_written_when_there_is_something_new(void **state)
{
    struct fixture *f = *state;

    OK(store_mark_write(f->s, &f->e));
    ino_t first = inode(f);
    OK(store_mark_write(f->s, &f->e));
    assert_int_equal(inode(f), first);
    decide(f, 1);
    OK(store_mark_write(f->s, &f->e));
    assert_int_not_equal(inode(f), first);
    assert_int_equal(access(beside(f, ".mark.new"), F_OK), -1);
}

/* It cannot be written: the old one stays, and that is said. */
static void it_cannot_be_written(void **state)
{
    struct fixture *f = *state;

    decide(f, 1);
    OK(store_mark_write(f->s, &f->e));
    ino_t first = inode(f);
    decide(f, 1);
    assert_int_equal(mkdir(beside(f, ".mark.new"), 0700), 0);
    assert_int_equal(store_mark_write(f->s, &f->e), ERR_IO);
    assert_non_null(strstr(f->e.text, ".mark"));
    assert_int_equal(inode(f), first);
    rmdir(beside(f, ".mark.new"));
    OK(store_mark_write(f->s, &f->e));
    assert_int_not_equal(inode(f), first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_store_that_goes_on_is_known, setup, teardown),
        cmocka_unit_test_setup_teardown(an_older_copy_is_behind_by_so_much, setup, teardown),
        cmocka_unit_test_setup_teardown(another_store_is_not_it, setup, teardown),
        cmocka_unit_test_setup_teardown(no_mark_or_no_sense_is_doubt, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_written_when_there_is_something_new, setup, teardown),
        cmocka_unit_test_setup_teardown(it_cannot_be_written, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
