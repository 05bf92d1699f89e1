/* Nobody but the trusted gets code into the service, and every refusal says what to do. */
#include "check.h"

#include "base/arena.h"
#include "channel/loader.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder {
    char path[PATH_MAX / 4]; /* plugins/ of a directory of its own */
    char parent[PATH_MAX / 8];
};

static void copy(const char *from, const char *to)
{
    char bytes[4096];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    ssize_t n;

    if (in < 0)
        fail_msg("%s is missing", from);
    while ((n = read(in, bytes, sizeof(bytes))) > 0)
        assert_int_equal(write(out, bytes, (size_t)n), n);
    close(in);
    close(out);
    assert_int_equal(chmod(to, 0755), 0);
}

static void add(const struct folder *f, const char *from, const char *name)
{
    char source[PATH_MAX], target[PATH_MAX];

    snprintf(source, sizeof(source), "%s/%s", BINARY_DIR, from);
    snprintf(target, sizeof(target), "%s/%s", f->path, name);
    copy(source, target);
}

static int setup(void **state)
{
    struct folder *f = xmalloc(sizeof(*f));

    snprintf(f->parent, sizeof(f->parent), "/tmp/paceline-loader-XXXXXX");
    assert_non_null(mkdtemp(f->parent));
    snprintf(f->path, sizeof(f->path), "%s/plugins", f->parent);
    assert_int_equal(mkdir(f->path, 0755), 0);
    assert_int_equal(chmod(f->path, 0755), 0);
    add(f, "plugins/null.so", "null.so");
    add(f, "plugins/wecom-robot.so", "wecom-robot.so");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct folder *f = *state;
    char command[PATH_MAX];

    snprintf(command, sizeof(command), "rm -rf '%s'", f->parent);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static void expect(const struct folder *f, const char *name, int rc, const char *text)
{
    struct channel_plugins *p = channel_plugins_new(f->path);
    const struct paceline_channel *kind = NULL;
    struct err e = {0};

    if (channel_load(&kind, p, name, &e) != rc || (rc && !strstr(e.text, text)))
        fail_msg("'%s': %d, expected %d with \"%s\": %s", name, e.code, rc, text, e.text);
    if (rc == 0)
        assert_string_equal(kind->name, name);
    channel_plugins_free(p);
}

static void loads_once_and_keeps(void **state)
{
    struct folder *f = *state;
    struct channel_plugins *p = channel_plugins_new(f->path);
    const struct paceline_channel *a, *b, *c;
    struct err e;

    assert_int_equal(channel_load(&a, p, "null", &e), 0);
    assert_int_equal(channel_load(&b, p, "wecom-robot", &e), 0);
    assert_int_equal(channel_load(&c, p, "null", &e), 0);
    assert_ptr_equal(a, c);
    assert_string_equal(a->name, "null");
    assert_null(a->platform_url);
    assert_string_equal(b->platform_url, "https://qyapi.weixin.qq.com");
    assert_int_equal(b->caps.quotas[0].max, 20);
    channel_plugins_free(p);
}

static void unknown_names_list_what_there_is(void **state)
{
    struct folder *f = *state;

    expect(f, "nul", ERR_DATA,
           "no plugin 'nul', did you mean 'null'? There are: null, wecom-robot");
    expect(f, "carrier-pigeon", ERR_DATA,
           "no plugin 'carrier-pigeon'; there are: null, wecom-robot");
    expect(f, "", ERR_DATA, "no plugin ''");
    expect(f, "../plugins/null", ERR_DATA, "no plugin '../plugins/null'");
    expect(f, "NULL", ERR_DATA, "no plugin 'NULL'");
    expect(f, "\x1b[2J", ERR_DATA, "no plugin '\xef\xbf\xbd[2J'");
}

static void empty_and_missing_folders(void **state)
{
    struct folder *f = *state, other = *f;

    snprintf(other.path, sizeof(other.path), "%s/none", f->parent);
    expect(&other, "null", ERR_DATA, "/none cannot be read: No such file");
    assert_int_equal(mkdir(other.path, 0755), 0);
    expect(&other, "null", ERR_DATA, "no plugin 'null': there are none in ");
}

static void writable_by_others_is_denied(void **state)
{
    static const mode_t modes[] = {0775, 0757, 0777, 01777};
    struct folder *f = *state;
    char file[PATH_MAX], cure[PATH_MAX + 32];

    snprintf(file, sizeof(file), "%s/null.so", f->path);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(chmod(f->path, modes[i]), 0);
        snprintf(cure, sizeof(cure), "chmod go-w %s", f->path);
        expect(f, "null", ERR_DENIED, cure);
        assert_int_equal(chmod(f->path, 0755), 0);
        assert_int_equal(chmod(file, modes[i]), 0);
        snprintf(cure, sizeof(cure), "chmod go-w %s", file);
        expect(f, "null", ERR_DENIED, cure);
        assert_int_equal(chmod(file, 0755), 0);
        expect(f, "null", 0, "");
    }
}

static void strange_owner_is_denied(void **state)
{
    struct folder *f = *state;
    char file[PATH_MAX];

    expect(f, "null", 0, "");
    if (geteuid() != 0) /* only root can give files away */
        return;
    snprintf(file, sizeof(file), "%s/null.so", f->path);
    assert_int_equal(chown(file, 54321, 0), 0);
    expect(f, "null", ERR_DENIED, "belongs to user 54321");
    assert_int_equal(chown(file, 0, 0), 0);
    assert_int_equal(chown(f->path, 54321, 0), 0);
    expect(f, "null", ERR_DENIED, "belongs to user 54321");
}

static void links_stay_inside(void **state)
{
    struct folder *f = *state;
    char link_path[PATH_MAX], beside[PATH_MAX];
    struct folder linked = *f;

    snprintf(beside, sizeof(beside), "%s/plugins-evil", f->parent);
    assert_int_equal(mkdir(beside, 0755), 0);
    snprintf(beside, sizeof(beside), "%s/plugins-evil/null.so", f->parent);
    snprintf(link_path, sizeof(link_path), "%s/null.so", f->path);
    copy(link_path, beside);
    assert_int_equal(unlink(link_path), 0);
    assert_int_equal(symlink(beside, link_path), 0);
    expect(f, "null", ERR_DENIED, "leads out of the plugin folder");
    assert_int_equal(unlink(link_path), 0);
    add(f, "plugins/null.so", "null.so.1");
    assert_int_equal(symlink("null.so.1", link_path), 0);
    expect(f, "null", 0, "");

    snprintf(linked.path, sizeof(linked.path), "%s/link", f->parent);
    assert_int_equal(symlink(f->path, linked.path), 0);
    expect(&linked, "null", 0, "");
}

static void what_is_no_plugin(void **state)
{
    struct folder *f = *state;
    char path[PATH_MAX];
    FILE *text;

    add(f, "plugins/null.so", "other.so");
    expect(f, "other", ERR_DATA, "says that it is the plugin 'null', not 'other'");
    add(f, "test-plugins/bad-abi.so", "bad.so");
    expect(f, "bad", ERR_DATA, "was built for plugin interface 4, this program has 3");
    add(f, "test-plugins/bad-symbol.so", "bad.so");
    expect(f, "bad", ERR_DATA, "exports no paceline_channel");
    add(f, "test-plugins/bad-hollow.so", "bad.so");
    expect(f, "bad", ERR_DATA, "leaves out what every channel plugin must have");
    snprintf(path, sizeof(path), "%s/text.so", f->path);
    text = fopen(path, "w");
    fputs("not a shared object\n", text);
    fclose(text);
    chmod(path, 0644);
    expect(f, "text", ERR_DATA, "cannot be loaded");
    snprintf(path, sizeof(path), "%s/folder.so", f->path);
    assert_int_equal(mkdir(path, 0755), 0);
    expect(f, "folder", ERR_DATA, "is not a file");
}

static void default_folder_is_beside_the_program(void **state)
{
    char *dir, exe[PATH_MAX] = "";
    struct err e;

    (void)state;
    assert_int_equal(channel_plugin_dir(&dir, &e), 0);
    assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
    *strrchr(exe, '/') = '\0';
    strcat(exe, "/plugins");
    assert_string_equal(dir, exe);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(loads_once_and_keeps, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_names_list_what_there_is, setup, teardown),
        cmocka_unit_test_setup_teardown(empty_and_missing_folders, setup, teardown),
        cmocka_unit_test_setup_teardown(writable_by_others_is_denied, setup, teardown),
        cmocka_unit_test_setup_teardown(strange_owner_is_denied, setup, teardown),
        cmocka_unit_test_setup_teardown(links_stay_inside, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_plugin, setup, teardown),
        cmocka_unit_test(default_folder_is_beside_the_program),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
