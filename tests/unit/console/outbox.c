/* What was said outlives the program that heard it. */
#include "check.h"

#include "console/outbox.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    char top[64], dir[128];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    snprintf(f->top, sizeof(f->top), "/tmp/paceline-outbox-XXXXXX");
    assert_non_null(mkdtemp(f->top));
    snprintf(f->dir, sizeof(f->dir), "%s/a/b", f->top);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[160];

    snprintf(command, sizeof(command), "rm -rf '%s'", f->top);
    int rc = system(command);
    free(f);
    return rc;
}

static size_t files(const char *dir)
{
    DIR *d = opendir(dir);
    size_t count = 0;

    for (struct dirent *e; (e = readdir(d));)
        count += e->d_name[0] != '.';
    closedir(d);
    return count;
}

static void it_is_there_for_the_next_program_in_order(void **state)
{
    const struct fixture *f = *state;
    struct stat info;
    struct outbox *o = outbox_new(f->dir, "/run/a.sock");

    assert_true(outbox_add(o, 17, "ab", "/api/v1/prompts/17/shown", "{}"));
    assert_true(outbox_add(o, 17, "ab", "/api/v1/prompts/17/answer", "{\"answer\":\"sent\"}"));
    outbox_free(o);
    assert_int_equal(stat(f->dir, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);

    o = outbox_new(f->dir, "/run/b.sock"); /* another service's */
    assert_int_equal(outbox_count(o), 0);
    outbox_free(o);

    o = outbox_new(f->dir, "/run/a.sock");
    assert_int_equal(outbox_count(o), 2);
    assert_string_equal(outbox_first(o)->path, "/api/v1/prompts/17/shown");
    outbox_remove_first(o);
    assert_int_equal(files(f->dir), 1);
    assert_string_equal(outbox_first(o)->body, "{\"answer\":\"sent\"}");
    assert_int_equal(outbox_first(o)->prompt, 17);
    outbox_remove_first(o);
    assert_null(outbox_first(o));
    assert_int_equal(files(f->dir), 0);
    outbox_free(o);
}

static void what_is_no_answer_is_left_alone(void **state)
{
    const struct fixture *f = *state;
    char path[256];

    outbox_free(outbox_new(f->dir, "/run/a.sock"));
    snprintf(path, sizeof(path), "%s/broken.json", f->dir);
    FILE *file = fopen(path, "w");
    fputs("{\"socket\":", file);
    fclose(file);
    struct outbox *o = outbox_new(f->dir, "/run/a.sock");
    assert_int_equal(outbox_count(o), 0);
    outbox_free(o);
    assert_int_equal(files(f->dir), 1);
}

static void without_a_folder_it_is_in_memory(void **state)
{
    struct outbox *o = outbox_new(NULL, "/run/a.sock");

    (void)state;
    assert_false(outbox_add(o, 17, "ab", "/x", "{}"));
    assert_int_equal(outbox_count(o), 1);
    outbox_remove_first(o);
    assert_int_equal(outbox_count(o), 0);
    outbox_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_there_for_the_next_program_in_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_answer_is_left_alone, set_up, tear_down),
        cmocka_unit_test(without_a_folder_it_is_in_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
