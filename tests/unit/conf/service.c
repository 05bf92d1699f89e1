#include "check.h"

#include "conf/service.h"
#include "support.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD "store: sqlite:p.db\n"
#define CHANNELS "channels: {room: {plugin: wecom-robot}}\n"

static struct zones *zones;
static char dir[] = "/tmp/conf-service-XXXXXX";

static int setup(void **state)
{
    (void)state;
    zones = zones_new();
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    zones_free(zones);
    return rmdir(dir);
}

static struct service *service_text(const char *text, char **errors)
{
    char file[64];
    struct diags d;

    snprintf(file, sizeof file, "%s/p.yaml", dir);
    diags_init(&d);
    struct service *s = service_read(file, text, strlen(text), zones, &d);
    *errors = errors_take(&d);
    return s;
}

static struct service *service_good(const char *text)
{
    char *errors;
    struct service *s = service_text(text, &errors);

    if (!s)
        fail_msg("%s", errors);
    free(errors);
    return s;
}

static void file_put(const char *name, const char *text, mode_t mode, char path[128])
{
    snprintf(path, 128, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
    chmod(path, mode);
}

static void defaults(void **state)
{
    struct service *s = service_good(HEAD CHANNELS);
    char path[128];

    (void)state;
    assert_string_equal(s->dir, dir);
    snprintf(path, sizeof path, "%s/p.db", dir);
    assert_string_equal(s->store_path, path);
    snprintf(path, sizeof path, "%s/paceline.sock", dir);
    assert_string_equal(s->socket_path, path);
    assert_non_null(zones_get(zones, s->zone_name));
    assert_false(s->has_language);
    assert_false(s->allow_self);
    assert_int_equal(s->user_count, 0);
    assert_int_equal(s->channel_count, 1);
    assert_int_equal(s->channels[0].sender_count, 1); /* named as the channel */
    assert_string_equal(s->channels[0].senders[0].name, "room");
    assert_null(s->channels[0].mode);
    assert_null(s->channels[0].api);
    service_free(s);
}

static void every_key_is_read(void **state)
{
    struct service *s = service_good(
        "store: sqlite:/var/lib/p.db\nsocket: /run/p.sock\nlisten: off\ntimezone: Asia/Shanghai\n"
        "language: zh\nchannels:\n"
        "  员工群: {plugin: wecom-robot, key: {file: robot.key}, frobs: 3}\n"
        "  room: {plugin: wecom-robot, api: \"http://127.0.0.1:8080\", standin: true, mode: x}\n"
        "  dry: {plugin: \"null\", senders: [a, b]}\n"
        "users:\n  - {name: alice, roles: [submitter], os_user: al}\n"
        "  - {name: bo, roles: [approver, operator], os_user: bo}\n"
        "  - {name: root, roles: [admin, viewer, resolver], os_user: root}\n"
        "approval: {allow_self: true}\n");
    const struct service_channel *room = service_channel(s, "room");

    (void)state;
    assert_string_equal(s->store_path, "/var/lib/p.db");
    assert_string_equal(s->socket_path, "/run/p.sock");
    assert_string_equal(s->zone_name, "Asia/Shanghai");
    assert_true(s->has_language && s->language == LANG_ZH);
    assert_int_equal(s->channel_count, 3);
    assert_string_equal(s->channels[0].name, "员工群");
    assert_non_null(yaml_get(s->channels[0].node, "frobs")); /* the plugin's own */
    assert_true(room->standin);
    assert_string_equal(room->api, "http://127.0.0.1:8080");
    assert_string_equal(room->mode, "x");
    assert_int_equal(service_channel(s, "dry")->sender_count, 2);
    assert_null(service_channel(s, "none"));
    assert_int_equal(s->user_count, 3);
    assert_string_equal(s->users[0].os_user, "al");
    assert_int_equal(s->users[1].roles, ROLE_APPROVER | ROLE_OPERATOR);
    assert_int_equal(s->users[2].roles, ROLE_ADMIN | ROLE_VIEWER | ROLE_RESOLVER);
    assert_int_equal(s->users[2].at.line, 13);
    assert_true(s->allow_self);
    assert_true(service_channel_key("standin"));
    assert_false(service_channel_key("key"));
    service_free(s);
}

static void accounts_are_read(void **state)
{
    struct service *s = service_good(
        HEAD "channels:\n"
             "  customers: {plugin: wecom, account: brand, mode: customers, senders: [lin]}\n"
             "  groups: {plugin: wecom, account: test, mode: groups, senders: [lin]}\n"
             "accounts:\n"
             "  brand: {corp_id: ww01, agent_id: 1000002, secret: {file: s}}\n"
             "  test: {corp_id: ww02, agent_id: 7, secret: {env: S}, receive_cap: 7 per week,\n"
             "    suppress_tags: [已退订, 黑名单], api: \"http://127.0.0.1:9\", standin: true,\n"
             "    poll: 200ms, reconcile: {after: 1s, for: 2m}}\n");
    const struct service_account *brand = service_account(s, "brand"),
                                 *test = service_account(s, "test");

    (void)state;
    assert_ptr_equal(service_channel(s, "customers")->account, brand);
    assert_false(service_channel(s, "customers")->standin);
    assert_null(service_channel(s, "customers")->api);
    assert_string_equal(brand->corp_id, "ww01");
    assert_int_equal(brand->agent_id, 1000002);
    assert_int_equal(brand->receive_cap, RECEIVE_DAILY); /* the strictest */
    assert_int_equal(brand->poll, 60000);
    assert_int_equal(brand->reconcile_after, 60000);
    assert_int_equal(brand->reconcile_for, 1800000);
    assert_ptr_equal(service_channel(s, "groups")->account, test);
    assert_true(service_channel(s, "groups")->standin);
    assert_string_equal(service_channel(s, "groups")->api, "http://127.0.0.1:9");
    assert_int_equal(test->receive_cap, RECEIVE_WEEKLY);
    assert_int_equal(test->suppress_tag_count, 2);
    assert_string_equal(test->suppress_tags[1].name, "黑名单");
    assert_int_equal(test->poll, 200);
    assert_int_equal(test->reconcile_after, 1000);
    assert_int_equal(test->reconcile_for, 120000);
    assert_null(service_account(s, "none"));
    service_free(s);
}

/* Nothing but this machine: a look-alike must not get through. */
static void a_standin_is_on_loopback(void **state)
{
    static const struct {
        const char *url;
        bool ok;
    } rows[] = {{"http://127.0.0.1", true},
                {"https://localhost:8443", true},
                {"http://[::1]:1", true},
                {"http://127.0.0.1:65535", true},
                {"http://127.0.0.1:65536", false},
                {"http://127.0.0.1:0", false},
                {"http://127.0.0.1:", false},
                {"http://127.0.0.1/", false},
                {"http://127.0.0.1:80/x", false},
                {"http://127.0.0.1:80@evil.example.com", false},
                {"http://127.0.0.1@evil.example.com", false},
                {"http://localhost.evil.example.com", false},
                {"http://127.0.0.10", false},
                {"http://127.0.0.1.8", false},
                {"http://localhost/80", false},
                {"http://127.1", false},
                {"http://0.0.0.0", false},
                {"http://user@127.0.0.1", false},
                {"HTTP://127.0.0.1", false},
                {"ftp://127.0.0.1", false},
                {"http://127.0.0.1:80?x", false},
                {"http://127.0.0.1#", false},
                {"http://[::1]x", false},
                {"127.0.0.1", false},
                {"https://qyapi.weixin.qq.com", false}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[256], *errors;

        snprintf(text, sizeof text, HEAD "channels: {r: {plugin: p, standin: true, api: \"%s\"}}",
                 rows[i].url);
        struct service *s = service_text(text, &errors);
        if ((s != NULL) != rows[i].ok)
            fail_msg("%s: %s", rows[i].url, errors);
        free(errors);
        service_free(s);
    }
}

static void a_file_that_cannot_be_read_says_why(void **state)
{
    struct diags d;

    (void)state;
    diags_init(&d);
    assert_null(service_load("/nonexistent/p.yaml", zones, &d));
    char *errors = errors_take(&d);
    assert_string_equal(errors, "/nonexistent/p.yaml: No such file or directory");
    free(errors);
}

static void the_file_is_found_in_order(void **state)
{
    char config[128], path[128], *found, *here = getcwd(NULL, 0);

    (void)state;
    assert_int_equal(chdir(dir), 0);
    snprintf(config, sizeof config, "%s/paceline", dir);
    mkdir(config, 0700);
    file_put("paceline/paceline.yaml", "x", 0600, config);
    setenv("XDG_CONFIG_HOME", dir, 1);
    found = service_find_file();
    assert_string_equal(found, config);
    free(found);
    file_put("paceline.yaml", "x", 0600, path);
    found = service_find_file();
    assert_string_equal(found, "paceline.yaml");
    free(found);
    unlink(path);
    unlink(config);
    snprintf(config, sizeof config, "%s/paceline", dir);
    rmdir(config);
    unsetenv("XDG_CONFIG_HOME");
    assert_int_equal(chdir(here), 0);
    free(here);
}

static char *secret_of(const char *yaml, char **errors)
{
    struct arena *arena = arena_new();
    struct diags d;

    diags_init(&d);
    struct yaml_node *root = yaml_read(arena, "p.yaml", yaml, strlen(yaml), &d);
    char *secret = secret_read(root->items[0], "p.yaml", dir, &d);
    *errors = errors_take(&d);
    arena_free(arena);
    return secret;
}

static void secret_is(const char *yaml, const char *secret, const char *error)
{
    char *errors;
    char *got = secret_of(yaml, &errors);

    if ((got == NULL) != (secret == NULL) || (got && strcmp(got, secret) != 0) ||
        !strstr(errors, error) || (secret && *errors))
        fail_msg("%s: %s, %s", yaml, got ? got : "nothing", errors);
    if (strstr(errors, "hunter2"))
        fail_msg("a secret in an error: %s", errors);
    free(got);
    free(errors);
}

static void secrets_come_from_elsewhere(void **state)
{
    char path[128], link[128];

    (void)state;
    file_put("good.key", "hunter2\r\n", 0600, path);
    secret_is("key: {file: good.key}", "hunter2", "");
    snprintf(link, sizeof link, "%s/link.key", dir);
    assert_int_equal(symlink(path, link), 0);
    secret_is("key: {file: link.key}", "hunter2", "");
    setenv("CREDENTIALS_DIRECTORY", dir, 1);
    secret_is("key: {credential: good.key}", "hunter2", "");
    chmod(path, 0440);
    secret_is("key: {credential: good.key}", "hunter2", "");
    secret_is("key: {file: good.key}", NULL, "p.yaml:1:13: ");
    secret_is("key: {file: good.key}", NULL, ": chmod 600 ");
    secret_is("key: {credential: ../good.key}", NULL, "p.yaml:1:19: 'credential' is a name");
    unsetenv("CREDENTIALS_DIRECTORY");
    secret_is("key: {credential: good.key}", NULL, "p.yaml:1:19: no CREDENTIALS_DIRECTORY");
    setenv("P_SECRET", "hunter2", 1);
    secret_is("key: {env: P_SECRET}", "hunter2", "");
    unsetenv("P_SECRET");
    secret_is("key: {env: P_SECRET}", NULL, "p.yaml:1:12: the environment has no 'P_SECRET'");
    secret_is("key: hunter2", NULL, "p.yaml:1:6: a secret is written as {file: PATH}");
    secret_is("key: {fil: hunter2x}", NULL, "p.yaml:1:7: unknown key 'fil', did you mean 'file'?");
    secret_is("key: {file: a, env: b}", NULL, "p.yaml:1:6: a secret is written as");
    secret_is("key: {file: none.key}", NULL, "none.key: No such file or directory");
    secret_is("key: {file: .}", NULL, "is a directory");
    unlink(link);
    chmod(path, 0600);
    if (geteuid() == 0) { /* only root can give a file away */
        assert_int_equal(chown(path, 12345, 12345), 0);
        setenv("CREDENTIALS_DIRECTORY", dir, 1);
        secret_is("key: {file: good.key}", NULL, "belongs to another user");
        secret_is("key: {credential: good.key}", NULL, "belongs to another user");
        unsetenv("CREDENTIALS_DIRECTORY");
    }
    file_put("good.key", "hunter2\nhunter2\n", 0600, path);
    assert_int_equal(chown(path, geteuid(), getegid()), 0);
    secret_is("key: {file: good.key}", NULL, "one line");
    file_put("good.key", "\n", 0600, path);
    secret_is("key: {file: good.key}", NULL, "the secret is empty");
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(defaults),
                                       cmocka_unit_test(every_key_is_read),
                                       cmocka_unit_test(accounts_are_read),
                                       cmocka_unit_test(a_standin_is_on_loopback),
                                       cmocka_unit_test(a_file_that_cannot_be_read_says_why),
                                       cmocka_unit_test(the_file_is_found_in_order),
                                       cmocka_unit_test(secrets_come_from_elsewhere)};

    return cmocka_run_group_tests(tests, setup, teardown);
}
