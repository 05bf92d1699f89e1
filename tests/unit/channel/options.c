/* A channel's mapping becomes the plugin's options; each error stands at its place, all in one run.
 */
#include "check.h"

#include "base/arena.h"
#include "base/err.h"
#include "channel/options.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct values {
    const char *name;
    const char *key, *token;
    bool loud;
    int64_t tries, wait_ms;
};

static const struct channel_option table[] = {
    {"name", CHANNEL_STRING, offsetof(struct values, name), "nobody", "who"},
    {"key", CHANNEL_SECRET, offsetof(struct values, key), NULL, "the key"},
    {"token", CHANNEL_SECRET, offsetof(struct values, token), "", "a token, if there is one"},
    {"loud", CHANNEL_BOOL, offsetof(struct values, loud), "true", "how"},
    {"tries", CHANNEL_INT, offsetof(struct values, tries), "3", "how often"},
    {"wait", CHANNEL_DURATION, offsetof(struct values, wait_ms), "10s", "how long"},
    {0},
};
static const char *const modes[] = {"customers", "groups", NULL};

static const struct paceline_channel kind = {
    .name = "demo",
    .platform_url = "https://platform.example.com",
    .options = table,
    .options_size = sizeof(struct values),
};
static const struct paceline_channel moded = {
    .name = "moded", .platform_url = "https://platform.example.com", .modes = modes};
static const struct paceline_channel offline = {.name = "offline"};
static const struct channel_option own_table[] = {
    {"url", CHANNEL_STRING, offsetof(struct values, name), NULL, "where"},
    {0},
};
static const struct paceline_channel own = {.name = "own",
                                            .options = own_table,
                                            .options_size = sizeof(struct values),
                                            .url_option = "url"};

struct fixture {
    struct arena *arena;
    struct diags diags;
    struct service service;
    struct service_channel channel;
    char dir[32], *all;
};

static struct channel_settings *read_yaml(struct fixture *f, const struct paceline_channel *k,
                                          const char *yaml, bool secrets)
{
    const struct yaml_node *mode, *standin, *api;
    struct channel_settings *s;
    struct yaml_node *node;

    f->arena = arena_new();
    diags_init(&f->diags);
    node = yaml_read(f->arena, "paceline.yaml", yaml, strlen(yaml), &f->diags);
    assert_non_null(node);
    mode = yaml_get(node, "mode");
    standin = yaml_get(node, "standin");
    api = yaml_get(node, "api");
    f->service = (struct service){.file = "paceline.yaml", .dir = f->dir};
    f->channel = (struct service_channel){.name = "c",
                                          .plugin = k->name,
                                          .mode = mode ? mode->text : NULL,
                                          .standin = standin && !strcmp(standin->text, "true"),
                                          .api = api ? api->text : NULL,
                                          .node = node};
    s = channel_settings_read(k, &f->service, &f->channel, secrets, &f->diags);
    assert_true((s != NULL) == (f->diags.errors == 0));
    f->all = calloc(1, 4096);
    for (size_t i = 0; i < f->diags.count; i++) {
        char *line = diag_line(&f->diags.items[i]);
        strcat(f->all, line);
        strcat(f->all, "\n");
        free(line);
    }
    return s;
}

static void done(struct fixture *f, struct channel_settings *s)
{
    channel_settings_free(s);
    diags_dispose(&f->diags);
    arena_free(f->arena);
    free(f->all);
}

static void secret_file(struct fixture *f)
{
    char path[64];
    int fd;

    snprintf(f->dir, sizeof(f->dir), "/tmp/paceline-opt-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(path, sizeof(path), "%s/k", f->dir);
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "s3cr3t-key\n", 11), 11);
    close(fd);
}

static void secret_file_remove(struct fixture *f)
{
    char path[64];

    snprintf(path, sizeof(path), "%s/k", f->dir);
    unlink(path);
    rmdir(f->dir);
}

static void values_and_fallbacks(void **state)
{
    struct fixture f = {0};
    struct channel_settings *s;
    const struct values *v;

    (void)state;
    secret_file(&f);
    s = read_yaml(&f, &kind, "plugin: demo\nsenders: [a]\nkey: {file: k}\n", true);
    assert_string_equal(f.all, "");
    v = s->values;
    assert_string_equal(v->name, "nobody");
    assert_string_equal(v->key, "s3cr3t-key");
    assert_null(v->token);
    assert_true(v->loud);
    assert_int_equal(v->tries, 3);
    assert_int_equal(v->wait_ms, 10000);
    assert_string_equal(s->base_url, "https://platform.example.com");
    assert_false(s->standin);
    assert_string_equal(s->manifest,
                        "{\"loud\":true,\"name\":\"nobody\",\"tries\":3,\"wait\":10000}");
    done(&f, s);

    s = read_yaml(
        &f, &kind,
        "plugin: demo\nkey: {file: k}\nname: \"7\"\nloud: false\ntries: -12\nwait: 1m30s\n"
        "api: http://127.0.0.1:9/\nstandin: true\n",
        false);
    assert_string_equal(f.all, "");
    v = s->values;
    assert_string_equal(v->name, "7");
    assert_null(v->key); /* not read */
    assert_false(v->loud);
    assert_int_equal(v->tries, -12);
    assert_int_equal(v->wait_ms, 90000);
    assert_string_equal(s->base_url, "http://127.0.0.1:9");
    assert_true(s->standin);
    done(&f, s);
    secret_file_remove(&f);
}

static void kinds_without_options(void **state)
{
    struct fixture f = {0};
    struct channel_settings *s = read_yaml(&f, &offline, "plugin: offline\n", true);

    (void)state;
    assert_null(s->base_url);
    assert_string_equal(s->manifest, "{}");
    assert_non_null(s->values);
    done(&f, s);
    s = read_yaml(&f, &moded, "{plugin: moded, mode: groups}", true);
    assert_non_null(s);
    done(&f, s);
}

static void errors_at_their_places(void **state)
{
    static const struct {
        const struct paceline_channel *kind;
        const char *yaml, *expected;
    } cases[] = {
        {&kind, "plugin: demo\n", "paceline.yaml:1:1: missing key 'key' (the key)\n"},
        {&kind, "plugin: demo\nkey: {env: K}\ntrys: 4\n",
         "paceline.yaml:3:1: unknown key 'trys', did you mean 'tries'?\n"},
        {&kind, "plugin: demo\nkey: {env: K}\nzzzzzzzz: 4\n",
         "paceline.yaml:3:1: unknown key 'zzzzzzzz'\n"},
        {&kind, "plugin: demo\nkey: s3cr3t\n",
         "paceline.yaml:2:6: 'key' is a secret and is never written here: use {file: …}, {env: "
         "NAME} or {credential: NAME}\n"},
        {&kind, "plugin: demo\nkey: {env: K}\nloud: yes\ntries: 1.5\nwait: soon\nname: [a]\n",
         "paceline.yaml:6:7: 'name' must be a text\n"
         "paceline.yaml:3:7: 'loud' must be true or false\n"
         "paceline.yaml:4:8: 'tries' must be a whole number\n"
         "paceline.yaml:5:7: 'wait' must be a duration such as 90s or 1h30m\n"},
        {&kind, "plugin: demo\nkey: {env: K}\ntries: \"3\"\n",
         "paceline.yaml:3:8: 'tries' must be a whole number\n"},
        {&kind, "plugin: demo\nkey: {env: K}\ntries: 99999999999999999999\n",
         "paceline.yaml:3:8: 'tries' must be a whole number\n"},
        {&kind, "plugin: demo\nkey: {env: K}\nmode: x\n",
         "paceline.yaml:3:1: plugin 'demo' has no modes\n"},
        {&moded, "plugin: moded\n", "paceline.yaml:1:1: missing key 'mode'\n"},
        {&moded, "plugin: moded\nmode: group\n",
         "paceline.yaml:2:7: plugin 'moded' has no mode 'group', did you mean 'groups'?\n"},
        {&own, "plugin: own\n", "paceline.yaml:1:1: missing key 'url' (where)\n"},
        {&own, "plugin: own\nurl: http://127.0.0.1:1/hook\n",
         "paceline.yaml:2:6: 'url' must be https://; plain http is for tests on this machine, with "
         "'standin: true'\n"},
        {&own, "plugin: own\nurl: https://crm.example.com/hook\nstandin: true\n",
         "paceline.yaml:2:6: with 'standin: true' the host of 'url' must be 127.0.0.1, localhost "
         "or "
         "[::1]\n"},
        {&own, "plugin: own\nurl: http://127.0.0.1:1\nstandin: true\napi: http://127.0.0.1:1\n",
         "paceline.yaml:4:1: plugin 'own' has no 'api': 'url' is where it sends to\n"},
        {&offline, "plugin: offline\nstandin: true\napi: http://127.0.0.1:1\n",
         "paceline.yaml:2:1: plugin 'offline' reaches no platform, so it has no stand-in\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f = {0};
        struct channel_settings *s = read_yaml(&f, cases[i].kind, cases[i].yaml, false);

        if (strcmp(f.all, cases[i].expected) != 0)
            fail_msg("case %zu:\n%s", i, f.all);
        if (f.diags.errors)
            assert_int_equal(f.diags.worst, ERR_DATA);
        done(&f, s);
    }
}

static void an_address_of_ones_own(void **state)
{
    static const struct {
        const char *url, *base; /* NULL: refused */
        bool standin;
    } cases[] = {
        {"https://crm.example.com/hook?v=1", "https://crm.example.com", false},
        {"https://crm.example.com:8443", "https://crm.example.com:8443", false},
        {"https://127.0.0.1/hook", "https://127.0.0.1", false},
        {"http://127.0.0.1:8080/hook", "http://127.0.0.1:8080", true},
        {"https://localhost?x", "https://localhost", true},
        {"http://[::1]:80/", "http://[::1]:80", true},
        {"http://127.0.0.1.evil.example.com/", NULL, true},
        {"http://127.0.0.1@evil.example.com/", NULL, true},
        {"http://127.0.0.1:80\\@evil.example.com/", NULL, true},
        {"http://127.0.0.1:99999/", NULL, true},
        {"https://user:pw@crm.example.com/", NULL, false},
        {"https://crm.example.com/#part", NULL, false},
        {"https://crm.example.com/a b", NULL, false},
        {"https://商店.example.com/", NULL, false},
        {"https:///hook", NULL, false},
        {"ftp://crm.example.com/", NULL, false},
        {"HTTP://127.0.0.1/", NULL, true},
        {"crm.example.com/hook", NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f = {0};
        struct channel_settings *s;
        char yaml[256];

        snprintf(yaml, sizeof(yaml), "plugin: own\nurl: '%s'\nstandin: %s\n", cases[i].url,
                 cases[i].standin ? "true" : "false");
        s = read_yaml(&f, &own, yaml, false);
        if ((s != NULL) != (cases[i].base != NULL))
            fail_msg("%s: %s", cases[i].url, f.all);
        if (s) {
            assert_string_equal(s->base_url, cases[i].base);
            assert_int_equal(s->standin, cases[i].standin);
            assert_non_null(strstr(s->manifest, cases[i].url)); /* it is what gets approved */
        }
        done(&f, s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_fallbacks),
        cmocka_unit_test(kinds_without_options),
        cmocka_unit_test(errors_at_their_places),
        cmocka_unit_test(an_address_of_ones_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
