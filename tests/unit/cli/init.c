/* What `init` writes works at once, and nothing of a person's is ever overwritten. */
#include "check.h"

#include "cli/command.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    char dir[64], old[4096];
    char *out, *err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(getcwd(f->old, sizeof(f->old)));
    snprintf(f->dir, sizeof(f->dir), "/tmp/paceline-init-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    assert_int_equal(chdir(f->dir), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const made[] = {"campaigns/first.yaml", "campaigns/first.csv", "campaigns",
                                       "paceline.yaml",        "robot.key",           "bad.yaml",
                                       "wecom.secret"};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
        remove(made[i]);
    assert_int_equal(chdir(f->old), 0);
    rmdir(f->dir);
    lang_set(LANG_EN);
    free(f->out);
    free(f->err);
    free(f);
    return 0;
}

static int run(struct fixture *f, const char *line)
{
    const struct cli_hooks hooks = {.version = "0", .plugin_dir = BINARY_DIR "/plugins"};
    char copy[256];
    char *argv[16] = {(char *)"paceline"};
    int argc = 1;
    size_t out_length, err_length;

    snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    free(f->out);
    free(f->err);
    struct cli cli = {.hooks = &hooks,
                      .in = stdin,
                      .out = open_memstream(&f->out, &out_length),
                      .err = open_memstream(&f->err, &err_length)};
    int rc = cli_run(&cli, argc, argv);
    fclose(cli.out);
    fclose(cli.err);
    return rc;
}

static void expect(struct fixture *f, const char *line, int rc, const char *out, const char *err)
{
    int got = run(f, line);

    if (got != rc || !strstr(f->out, out) || !strstr(f->err, err))
        fail_msg("'%s': exit %d\nout: %s\nerr: %s", line, got, f->out, f->err);
}

static void append(const char *path, const char *text)
{
    FILE *to = fopen(path, "a");

    assert_non_null(to);
    fputs(text, to);
    fclose(to);
}

static void what_init_writes_works(void **state)
{
    struct fixture *f = *state;
    struct stat st;

    umask(0);
    expect(f, "init", 0, "paceline check campaigns/first.yaml", "");
    umask(022);
    assert_int_equal(stat("robot.key", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    expect(f, "check campaigns/first.yaml", 0,
           "campaigns/first.yaml: ok: 12 recipients, 12 sends, 2 senders\n", "");
    expect(f, "check --json campaigns/first.yaml", 0, "", "");
    assert_string_equal(f->out, "");
    expect(f, "config check", 0, "paceline.yaml: ok: 2 channels, 0 users, one-person mode", "");
    expect(f, "preview campaigns/first.yaml", 0, "Hello there, our spring", "");
    expect(f, "preview campaigns/first.yaml --recipient c05", 0, "│ Hello 王芳, our spring", "");
    expect(f, "preview campaigns/first.yaml --recipient c05 --json", 0, "\"recipient\":\"c05\"",
           "");
    expect(f, "preview campaigns/first.yaml --recipient nobody", 1, "",
           "'nobody' is not in the audience");
    expect(f, "submit campaigns/first.yaml", EXIT_UNREACHABLE, "", "paceline serve");
    expect(f, "submit campaigns/first.yaml --only nobody", 1, "",
           "'nobody' is not in the audience");
}

static void what_init_writes_works_in_chinese(void **state)
{
    struct fixture *f = *state;

    lang_set(LANG_ZH);
    expect(f, "init", 0, "paceline check campaigns/first.yaml", "");
    lang_set(LANG_EN); /* the service file says `language: zh` itself */
    expect(f, "check campaigns/first.yaml", 0,
           "campaigns/first.yaml：正常：12 位接收人，12 次发送，2 位发送人\n", "");
    expect(f, "preview campaigns/first.yaml", 0, "│ 您好，春季新品上架了。", "");
    expect(f, "config check", 0, "paceline.yaml：正常：2 个渠道，0 个用户，一人模式\n", "");
}

static void replace(const char *path, const char *from, const char *to)
{
    char text[8192] = "", *at;
    FILE *file = fopen(path, "r+");

    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    at = strstr(text, from);
    assert_non_null(at);
    rewind(file);
    fprintf(file, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    assert_int_equal(ftruncate(fileno(file), ftell(file)), 0);
    fclose(file);
}

/* Each step that only the admin can take is asked for by name, until it is done. */
static void for_wecom_config_check_names_what_is_missing(void **state)
{
    struct fixture *f = *state;
    struct stat st;

    expect(f, "init --wecom", 0, "names what is missing", "");
    assert_int_equal(stat("wecom.secret", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    expect(f, "config check", EXIT_DATA, "", ":14: still the corp id of 'paceline init'");
    expect(f, "config check", EXIT_DATA, "", ":15: still the agent id of 'paceline init'");
    replace("paceline.yaml", "ww0000000000000000", "ww0123456789abcdef");
    expect(f, "config check", EXIT_DATA, "", "still the agent id");
    assert_null(strstr(f->err, "corp id of"));
    replace("paceline.yaml", "agent_id: 1000000", "agent_id: 1000002");
    expect(f, "config check", EXIT_DATA, "", "still the secret of 'paceline init'");
    assert_null(strstr(f->err, "put-the-secret"));
    replace("wecom.secret", "put-the-secret-of-your-app-here", "a-secret");
    expect(f, "config check", 0, "paceline.yaml: ok: 3 channels", "");
    expect(f, "check campaigns/first.yaml", 0, "recipients of the contact book", "");
}

static void nothing_is_overwritten(void **state)
{
    struct fixture *f = *state;

    append("robot.key", "mine\n");
    expect(f, "init", 1, "", "robot.key is already there");
    assert_int_not_equal(access("paceline.yaml", F_OK), 0); /* all or nothing */
    expect(f, "init missing/folder", 1, "", "missing/folder cannot be made");
}

/* Several files: the highest exit code; errors at their places, as text and as objects. */
static void errors_stand_at_their_places(void **state)
{
    struct fixture *f = *state;

    expect(f, "check x.yaml", EXIT_DATA, "", "paceline init"); /* no service file yet */
    expect(f, "init", 0, "", "");
    append("bad.yaml",
           "campaign: bad\nchannel: dyr\naudience: {recipients: [a]}\nmessage: {text: x}\n");
    expect(f, "check campaigns/first.yaml bad.yaml", EXIT_DATA, "first.yaml: ok",
           "bad.yaml:2:10: 'dyr' is not a channel");
    expect(f, "check bad.yaml --json", EXIT_DATA,
           "{\"file\":\"bad.yaml\",\"line\":2,\"column\":10,\"level\":\"error\",\"message\":", "");
    expect(f, "check gone.yaml", EXIT_DATA, "", "gone.yaml: ");
    append("campaigns/first.csv", "c01,again\n");
    expect(f, "check campaigns/first.yaml", EXIT_REFUSED, "", "first.yaml:8:");
    expect(f, "submit campaigns/first.yaml", EXIT_REFUSED, "", "first.yaml:8:");
    assert_int_equal(chmod("robot.key", 0644), 0);
    expect(f, "config check", EXIT_DATA, "", "robot.key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_init_writes_works, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_init_writes_works_in_chinese, set_up, tear_down),
        cmocka_unit_test_setup_teardown(for_wecom_config_check_names_what_is_missing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_overwritten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_stand_at_their_places, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
