/* The real robot plugin, loaded, over the real HTTP client, against the real stand-in: what the
 * record says must agree with the outcomes. */
#include "check.h"

#include "base/arena.h"
#include "channel/loader.h"
#include "loop/http.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SENDS_MAX = 256 };

struct options {
    const char *key;
};

struct rig {
    pid_t standin;
    char base[64], record[64];
    uv_loop_t loop;
    struct http_client *client;
    struct channel_plugins *plugins;
    const struct paceline_channel *kind;
    struct channel_host host;
    struct options options;
    void *robot;
    struct channel_outcome outcomes[SENDS_MAX];
    unsigned settled[SENDS_MAX];
};

/* --- the host --- */

static int64_t host_now(const struct channel_host *h)
{
    struct timespec t;

    (void)h;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void host_log(const struct channel_host *h, enum channel_log level, const char *line)
{
    (void)h, (void)level, (void)line;
}

static void host_http(const struct channel_host *h, const struct channel_http_request *request,
                      channel_http_fn *fn, void *ctx)
{
    struct rig *g = h->impl;

    http_start(g->client, g->base, request, NULL, fn, ctx);
}

static void host_settle(const struct channel_host *h, uint64_t id,
                        const struct channel_outcome *outcomes, size_t count)
{
    struct rig *g = h->impl;

    assert_true(count == 1 && id < SENDS_MAX);
    g->settled[id]++;
    g->outcomes[id] = outcomes[0];
}

/* --- the stand-in --- */

static void standin_start(struct rig *g, const char *const *more)
{
    static const char greeting[] = "listening on ";
    char line[128] = "";
    const char *argv[24] = {
        BINARY_DIR "/wecom-standin", "--port", "0", "--record", g->record, "--robot",
        "demo-robot-1:staff"};
    size_t n = 7;
    int out[2], fd;
    FILE *f;

    while (*more)
        argv[n++] = *more++;
    snprintf(g->record, sizeof(g->record), "/tmp/paceline-record-XXXXXX");
    fd = mkstemp(g->record);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    g->standin = fork();
    if (g->standin == 0) {
        dup2(out[1], 1);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(out[1]);
    f = fdopen(out[0], "r");
    assert_non_null(fgets(line, sizeof(line), f));
    fclose(f);
    line[strcspn(line, "\n")] = '\0';
    assert_int_equal(strncmp(line, "listening on http://127.0.0.1:", 30), 0);
    int length = snprintf(g->base, sizeof(g->base), "%s", line + sizeof(greeting) - 1);
    assert_in_range(length, 1, sizeof(g->base) - 1);
}

static json_t *record_read(struct rig *g) /* an array of its lines */
{
    json_t *lines = json_array();
    char *line = NULL;
    size_t capacity = 0;
    FILE *f = fopen(g->record, "r");

    while (getline(&line, &capacity, f) > 0) {
        json_t *item = json_loads(line, 0, NULL);
        assert_non_null(item);
        json_array_append_new(lines, item);
    }
    free(line);
    fclose(f);
    return lines;
}

static unsigned acted(const json_t *record, const char *content)
{
    unsigned n = 0;
    size_t i;
    json_t *line;

    json_array_foreach((json_t *)(uintptr_t)record, i, line)
    {
        const char *c = json_string_value(json_object_get(line, "content"));
        n += c && !strcmp(c, content) && json_is_true(json_object_get(line, "acted"));
    }
    return n;
}

/* --- the rig --- */

static struct rig *rig_new(const char *key, ...) /* more arguments of the stand-in, then NULL */
{
    struct rig *g = xmalloc(sizeof(*g));
    const char *more[16] = {0};
    char problem[256] = "";
    struct err e = {0};
    va_list args;

    va_start(args, key);
    for (size_t i = 0; i < 15 && (more[i] = va_arg(args, const char *)); i++)
        continue;
    va_end(args);
    standin_start(g, more);
    assert_int_equal(uv_loop_init(&g->loop), 0);
    g->client = http_new(&g->loop);
    g->plugins = channel_plugins_new(BINARY_DIR "/plugins");
    if (channel_load(&g->kind, g->plugins, "wecom-robot", &e) != 0)
        fail_msg("%s", e.text);
    g->options.key = key;
    g->host = (struct channel_host){.abi = PACELINE_CHANNEL_ABI,
                                    .channel = "staff-room",
                                    .standin = true,
                                    .options = &g->options,
                                    .now_ms = host_now,
                                    .log = host_log,
                                    .http = host_http,
                                    .settle = host_settle,
                                    .impl = g};
    assert_int_equal(g->kind->open(&g->host, &g->robot, problem, sizeof(problem)), 0);
    return g;
}

static enum channel_outcome_kind send_message(struct rig *g, uint64_t id, struct channel_send *send)
{
    send->id = id;
    send->deadline_ms = host_now(&g->host) + 20000;
    g->kind->submit(g->robot, send);
    while (!g->settled[id])
        uv_run(&g->loop, UV_RUN_ONCE);
    assert_int_equal(g->settled[id], 1);
    return g->outcomes[id].kind;
}

static enum channel_outcome_kind send_text(struct rig *g, uint64_t id, const char *text)
{
    struct channel_send send = {.text = text, .format = "text"};

    return send_message(g, id, &send);
}

/* Ends everything and gives the record. */
static json_t *rig_end(struct rig *g)
{
    json_t *record;
    int status = 0;

    g->kind->close(g->robot);
    http_free(g->client, NULL, NULL);
    uv_run(&g->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&g->loop), 0);
    assert_int_equal(kill(g->standin, SIGTERM), 0);
    assert_int_equal(waitpid(g->standin, &status, 0), g->standin);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    record = record_read(g);
    unlink(g->record);
    channel_plugins_free(g->plugins);
    free(g);
    return record;
}

static int64_t int_of(const json_t *record, size_t i, const char *name)
{
    return json_integer_value(json_object_get(json_array_get(record, i), name));
}

/* --- tests --- */

static void messages_arrive_as_written(void **state)
{
    static const unsigned char png[] = "\x89PNG\r\n\x1a\n and so on";
    const struct channel_attachment image = {
        .kind = "image", .name = "a.png", .bytes = png, .length = sizeof(png) - 1};
    struct rig *g = rig_new("demo-robot-1", NULL);
    struct channel_send markdown = {.text = "**上新**", .format = "markdown"};
    struct channel_send picture = {.format = "text", .attachments = &image, .attachment_count = 1};
    int64_t before = host_now(NULL);
    json_t *record;

    (void)state;
    assert_int_equal(send_text(g, 1, "第一条 \"引号\"\n\xf0\x9f\x8e\x89"), CHANNEL_DONE);
    assert_int_equal(send_message(g, 2, &markdown), CHANNEL_DONE);
    assert_int_equal(send_message(g, 3, &picture), CHANNEL_DONE);
    record = rig_end(g);
    assert_int_equal(json_array_size(record), 3);
    assert_int_equal(acted(record, "第一条 \"引号\"\n\xf0\x9f\x8e\x89"), 1);
    assert_int_equal(acted(record, "**上新**"), 1);
    for (size_t i = 0; i < 3; i++) {
        json_t *line = json_array_get(record, i);
        assert_string_equal(json_string_value(json_object_get(line, "key")), "demo-robot-1");
        assert_string_equal(json_string_value(json_object_get(line, "robot")), "staff");
        assert_true(json_is_true(json_object_get(line, "answered")));
        assert_int_equal(int_of(record, i, "errcode"), 0);
        assert_int_equal(int_of(record, i, "connection"), 1); /* kept alive */
        assert_true(int_of(record, i, "at_ms") >= before);
    }
    json_decref(record);
}

static void limits_are_the_platforms(void **state)
{
    struct rig *g = rig_new("demo-robot-1", NULL);
    char *text = xmalloc(2050);
    json_t *record;

    (void)state;
    memset(text, 'x', 2049);
    assert_int_equal(send_text(g, 100, text), CHANNEL_NEVER);
    text[2048] = '\0';
    for (uint64_t id = 1; id <= 20; id++)
        assert_int_equal(send_text(g, id, text), CHANNEL_DONE);
    int64_t now = host_now(NULL);
    assert_int_equal(send_text(g, 21, "one too many"), CHANNEL_NOT_NOW);
    assert_int_equal(g->outcomes[21].stop, CHANNEL_STOP_CHANNEL);
    assert_in_range(g->outcomes[21].not_before_ms, now + 60000, now + 75000);
    free(text);
    record = rig_end(g);
    assert_int_equal(json_array_size(record), 22);
    assert_int_equal(int_of(record, 0, "errcode"), 45002);
    assert_int_equal(int_of(record, 21, "errcode"), 45009);
    assert_int_equal(acted(record, "one too many"), 0);
    json_decref(record);
}

static void wrong_key_stops_the_channel(void **state)
{
    struct rig *g = rig_new("another-key", NULL);

    (void)state;
    assert_int_equal(send_text(g, 1, "x"), CHANNEL_NOT_NOW);
    assert_int_equal(g->outcomes[1].not_before_ms, CHANNEL_FOREVER);
    json_decref(rig_end(g));
}

/* Issue 2, shown by 4. */
static void closed_after_the_body_arrives_once(void **state)
{
    struct rig *g = rig_new("demo-robot-1", "--close-after-body", "2", NULL);
    json_t *record;

    (void)state;
    assert_int_equal(send_text(g, 1, "one"), CHANNEL_DONE);
    assert_int_equal(send_text(g, 2, "two"), CHANNEL_UNKNOWN);
    assert_int_equal(send_text(g, 3, "three"), CHANNEL_DONE);
    record = rig_end(g);
    assert_int_equal(json_array_size(record), 3);
    assert_int_equal(acted(record, "one"), 1);
    assert_int_equal(acted(record, "two"), 1);
    assert_int_equal(acted(record, "three"), 1);
    assert_true(json_is_false(json_object_get(json_array_get(record, 1), "answered")));
    json_decref(record);
}

/* Whatever the stand-in does: done is there once, not sent is not there, unknown at most once. */
static void outcomes_agree_with_the_record(void **state)
{
    (void)state;
    for (int seed = 1; seed <= 3; seed++) {
        char number[8], text[32];
        unsigned kinds[CHANNEL_UNKNOWN + 1] = {0};
        struct rig *g;
        json_t *record;
        enum channel_outcome_kind outcome[120];

        snprintf(number, sizeof(number), "%d", seed);
        g = rig_new("demo-robot-1", "--seed", number, "--limit", "0", "--fault", "lose-answer:15",
                    "--fault", "reset-before:15", "--fault", "busy:15", NULL);
        for (uint64_t id = 0; id < 120; id++) {
            snprintf(text, sizeof(text), "message %d", (int)id);
            outcome[id] = send_text(g, id, text);
            kinds[outcome[id]]++;
        }
        record = rig_end(g);
        for (int id = 0; id < 120; id++) {
            snprintf(text, sizeof(text), "message %d", id);
            unsigned n = acted(record, text);
            if (outcome[id] == CHANNEL_DONE      ? n != 1
                : outcome[id] == CHANNEL_UNKNOWN ? n > 1
                                                 : n != 0)
                fail_msg("SEED %d: %s: outcome %d, %u times in the record", seed, text,
                         (int)outcome[id], n);
        }
        assert_true(kinds[CHANNEL_DONE] > 30 && kinds[CHANNEL_UNKNOWN] > 20);
        assert_int_equal(json_array_size(record), 120);
        json_decref(record);
    }
}

/* What the platform answers to those who use it wrongly. */
struct raw {
    bool done;
    struct channel_http_answer answer;
    char body[128];
};

static void on_raw(void *ctx, const struct channel_http_answer *a)
{
    struct raw *r = ctx;

    r->done = true;
    r->answer = *a;
    snprintf(r->body, sizeof(r->body), "%s", a->body);
}

static void the_standin_judges_requests(void **state)
{
    static const struct {
        const char *method, *path, *body;
        int status;
        const char *expected; /* start of the answer */
    } cases[] = {
        {"POST", "/cgi-bin/webhook/sendx?key=demo-robot-1", "{}", 404, ""},
        {"POST", "/", "{}", 404, ""},
        {"GET", "/cgi-bin/webhook/send?key=demo-robot-1", "", 200, "{\"errcode\":44004,"},
        {"POST", "/cgi-bin/webhook/send", "{}", 200, "{\"errcode\":93000,"},
        {"POST", "/cgi-bin/webhook/send?key=nobody", "{", 200, "{\"errcode\":93000,"},
        {"POST", "/cgi-bin/webhook/send?key=demo-robot-1", "{", 200, "{\"errcode\":40035,"},
        {"POST", "/cgi-bin/webhook/send?key=demo-robot-1", "[]", 200, "{\"errcode\":40035,"},
        {"POST", "/cgi-bin/webhook/send?key=demo-robot-1", "{}", 200, "{\"errcode\":40008,"},
        {"POST", "/cgi-bin/webhook/send?key=demo-robot-1", "{\"msgtype\":\"news\"}", 200,
         "{\"errcode\":40008,"},
        {"POST", "/cgi-bin/webhook/send?key=demo-robot-1", "{\"msgtype\":\"text\"}", 200,
         "{\"errcode\":40058,"},
        {"POST", "/cgi-bin/webhook/send?key=demo-robot-1",
         "{\"msgtype\":\"text\",\"text\":{\"content\":\"\"}}", 200, "{\"errcode\":44004,"},
        {"POST", "/cgi-bin/webhook/send?key=demo-robot-1",
         "{\"msgtype\":\"markdown_v2\",\"markdown_v2\":{\"content\":\"x\"}}", 200,
         "{\"errcode\":0,"},
        {"POST", "/cgi-bin/webhook/send?key=demo-robot-1",
         "{\"msgtype\":\"image\",\"image\":{\"base64\":\"iVBORw0KGgo=\",\"md5\":\"x\"}}", 200,
         "{\"errcode\":40004,"}, /* the signature and nothing after it */
        {"POST", "/cgi-bin/webhook/send?key=demo-robot-1",
         "{\"msgtype\":\"image\",\"image\":{\"base64\":\"iVBORw0KGgox\",\"md5\":\"x\"}}", 200,
         "{\"errcode\":40058,"},
        {"POST", "/cgi-bin/webhook/send?key=demo-robot-1",
         "{\"msgtype\":\"image\",\"image\":{\"base64\":\"R0lGODlhAAAA\",\"md5\":\"x\"}}", 200,
         "{\"errcode\":40004,"},
        {"POST", "/cgi-bin/webhook/send?key=demo-robot-1",
         "{\"msgtype\":\"image\",\"image\":{\"base64\":\"?\",\"md5\":\"x\"}}", 200,
         "{\"errcode\":40058,"},
        {"POST", "/cgi-bin/webhook/send?key=demo-robot-1",
         "{\"msgtype\":\"image\",\"image\":{\"base64\":\"\",\"md5\":\"x\"}}", 200,
         "{\"errcode\":40009,"},
    };
    struct rig *g = rig_new("demo-robot-1", NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct channel_http_request r = {.method = cases[i].method,
                                               .path = cases[i].path,
                                               .body = cases[i].body,
                                               .body_length = strlen(cases[i].body)};
        struct raw got = {0};

        http_start(g->client, g->base, &r, NULL, on_raw, &got);
        while (!got.done)
            uv_run(&g->loop, UV_RUN_ONCE);
        if (got.answer.result != CHANNEL_HTTP_ANSWERED || got.answer.status != cases[i].status ||
            strncmp(got.body, cases[i].expected, strlen(cases[i].expected)) != 0)
            fail_msg("case %zu: %d %s", i, got.answer.status, got.body);
        if (cases[i].status == 404)
            assert_int_equal(got.answer.length, 0);
    }
    json_decref(rig_end(g));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_arrive_as_written),
        cmocka_unit_test(limits_are_the_platforms),
        cmocka_unit_test(wrong_key_stops_the_channel),
        cmocka_unit_test(closed_after_the_body_arrives_once),
        cmocka_unit_test(outcomes_agree_with_the_record),
        cmocka_unit_test(the_standin_judges_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
