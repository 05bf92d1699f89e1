/* A server under test: the real one on a real socket, with a host whose loop is this thread. Store
 * jobs wait in a queue and run here, one at a time, as the store thread would do it. Nothing
 * sleeps: the client's socket and the server's wake-up are waited for together. */
#ifndef PACELINE_TESTS_API_FIXTURE_H
#define PACELINE_TESTS_API_FIXTURE_H

#include "check.h"

#include "api/server.h"
#include "api/server_impl.h"
#include "base/arena.h"
#include "base/log.h"
#include "conf/zones.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { WAIT_MS = 20000, EVENTS_MAX = 64 };

/* 2027-03-01 09:00 in Shanghai */
#define TEST_NOW INT64_C(1803862800000)

struct fixture {
    char dir[64], socket[96], spool[96];
    struct zones *zones;
    struct service *conf;
    struct store *store;
    struct engine *engine;
    struct api *api;
    struct api_host host;
    int wake; /* eventfd */
    struct store_job *first, *last;
    bool stalled; /* store jobs wait */
    int jobs_run;
    bool halted, unhealthy;
    char halt_reason[64];
    instant_t now;
    char events[EVENTS_MAX][64]; /* what the host was told, in order */
    int event_count;
};

struct reply {
    int status; /* 0: the connection ended without an answer */
    char *head, *body;
    size_t length;
};

static const struct channel_format test_formats[] = {{"text", 40}, {"markdown", 400}, {NULL, 0}};
static const struct channel_attachment_kind test_attachments[] = {
    {.name = "image", .count_max = 1, .bytes_max = 1000, .types = "jpg png"}, {.name = NULL}};
static const struct paceline_channel test_kind = {
    .abi = PACELINE_CHANNEL_ABI,
    .name = "testkind",
    .caps = {.recipients_max = 1,
             .in_flight_max = 1,
             .formats = test_formats,
             .attachments = test_attachments},
};

static inline void event(struct fixture *f, const char *what, int64_t id)
{
    assert_true(f->event_count < EVENTS_MAX);
    snprintf(f->events[f->event_count++], sizeof(f->events[0]), "%s %" PRId64, what, id);
}

static inline instant_t host_now(void *ctx)
{
    return ((struct fixture *)ctx)->now;
}

static const struct service *host_conf(void *ctx)
{
    return ((struct fixture *)ctx)->conf;
}

static const struct engine *host_engine(void *ctx)
{
    return ((struct fixture *)ctx)->engine;
}

static const struct paceline_channel *host_kind(void *ctx, const char *channel)
{
    (void)ctx;
    return strcmp(channel, "closed") == 0 ? NULL : &test_kind;
}

static const char *host_options(void *ctx, const char *channel)
{
    (void)ctx, (void)channel;
    return "{}";
}

static inline void host_store_run(void *ctx, struct store_job *job)
{
    struct fixture *f = ctx;

    job->next = NULL;
    if (f->last)
        f->last->next = job;
    else
        f->first = job;
    f->last = job;
}

static inline void host_lane_name(void *ctx, int64_t lane, const char **channel,
                                  const char **sender)
{
    (void)ctx, (void)lane;
    *channel = "room";
    *sender = "li";
}

static inline int host_halt(void *ctx, const char *by, const char *reason, struct err *e)
{
    struct fixture *f = ctx;

    (void)by, (void)e;
    f->halted = true;
    snprintf(f->halt_reason, sizeof(f->halt_reason), "%s", reason ? reason : "");
    engine_halt(f->engine);
    event(f, "halt", 0);
    return 0;
}

static inline void host_unhalt(void *ctx, const char *by, const char *reason,
                               void (*done)(void *arg, const struct err *e), void *arg)
{
    struct fixture *f = ctx;

    (void)by, (void)reason;
    f->halted = false;
    engine_unhalt(f->engine, f->now);
    event(f, "unhalt", 0);
    done(arg, NULL);
}

static inline void host_hold(void *ctx, int64_t revision, bool keep)
{
    (void)keep;
    event(ctx, "hold", revision);
}

static inline void host_changed(void *ctx, int64_t revision)
{
    event(ctx, "changed", revision);
}

static inline void host_waits(void *ctx, int64_t revision, int64_t lane)
{
    (void)lane;
    event(ctx, "waits", revision);
}

static inline void host_gone(void *ctx, int64_t revision, int64_t lane, int64_t delivery)
{
    (void)revision, (void)lane;
    event(ctx, "gone", delivery);
}

static inline void host_health(void *ctx, struct api_health *out)
{
    struct fixture *f = ctx;

    *out = (struct api_health){.halted = f->halted,
                               .halt_reason = f->halted ? f->halt_reason : NULL,
                               .store_healthy = !f->unhealthy,
                               .started_at = TEST_NOW - 1000};
}

/* Nobody is asked anything here: tests/integration/by_hand*.py does that. */
static void host_prompts(void *ctx, void (*each)(void *arg, const struct api_prompt *p), void *arg)
{
    (void)ctx, (void)each, (void)arg;
}

static size_t host_spare(void *ctx, const char *recipient, const char *sender, const char *by)
{
    (void)ctx, (void)recipient, (void)sender, (void)by;
    return 0;
}

static inline void host_wake(void *ctx)
{
    struct fixture *f = ctx;
    uint64_t one = 1;

    if (write(f->wake, &one, sizeof(one)) != sizeof(one))
        abort();
}

/* One turn of the loop. */
static inline void pump(struct fixture *f)
{
    uint64_t n;

    if (read(f->wake, &n, sizeof(n)) < 0 && errno != EAGAIN)
        abort();
    if (f->api)
        api_run(f->api);
    while (!f->stalled && f->first) {
        struct store_job *job = f->first;
        f->first = job->next;
        if (!f->first)
            f->last = NULL;
        f->jobs_run++;
        job->run(f->store, job);
        job->done(job);
    }
}

static inline void start_server(struct fixture *f)
{
    struct err e;

    if (api_start(&f->api, &f->host, f->socket, f->spool, host_wake, f, &e))
        fail_msg("%s", e.text);
}

static inline void write_file(const char *path, const char *bytes, size_t length)
{
    FILE *out = fopen(path, "w");

    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, length, out), length);
    fclose(out);
}

static inline struct service *read_conf(struct fixture *f, const char *text)
{
    struct diags diags;
    char path[96];

    diags_init(&diags);
    snprintf(path, sizeof(path), "%s/paceline.yaml", f->dir);
    struct service *conf = service_read(path, text, strlen(text), f->zones, &diags);
    if (!conf) {
        char *line = diag_line(&diags.items[0]);
        fail_msg("%s", line);
    }
    diags_dispose(&diags);
    return conf;
}

/* `users` is YAML: the entries of `users:`, or NULL. */
static inline void setup_with(struct fixture *f, const char *users)
{
    char text[2048];
    struct err e;

    *f = (struct fixture){.now = TEST_NOW};
    log_set_level(LOG_ERROR);
    signal(SIGPIPE, SIG_IGN);
    strcpy(f->dir, "/tmp/paceline-api-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    assert_int_equal(chmod(f->dir, 0755), 0);
    snprintf(f->socket, sizeof(f->socket), "%s/p.sock", f->dir);
    snprintf(f->spool, sizeof(f->spool), "%s/spool", f->dir);
    f->zones = zones_new();
    snprintf(text, sizeof(text),
             "store: sqlite:paceline.db\nsocket: p.sock\ntimezone: Asia/Shanghai\n"
             "channels:\n"
             "  room: {plugin: testkind, senders: [li, wu]}\n"
             "  closed: {plugin: testkind, senders: [li]}\n"
             "approval: {allow_self: true}\n%s%s",
             users ? "users:\n" : "", users ? users : "");
    f->conf = read_conf(f, text);
    assert_int_equal(store_open(&f->store, ":memory:", &e), 0);
    f->engine = engine_new();
    f->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    f->host = (struct api_host){.ctx = f,
                                .version = "1.2.3",
                                .now = host_now,
                                .conf = host_conf,
                                .engine = host_engine,
                                .kind = host_kind,
                                .options = host_options,
                                .store_run = host_store_run,
                                .lane_name = host_lane_name,
                                .halt = host_halt,
                                .unhalt = host_unhalt,
                                .hold_revision = host_hold,
                                .revision_changed = host_changed,
                                .delivery_waits = host_waits,
                                .delivery_gone = host_gone,
                                .health = host_health,
                                .prompts = host_prompts,
                                .prompts_spare = host_spare,
                                .after = host_store_run};
    start_server(f);
}

static inline int setup(void **state)
{
    struct fixture *f = xmalloc(sizeof(*f));

    setup_with(f, NULL);
    *state = f;
    return 0;
}

/* This process, as the one user that the service file lists. */
static inline int setup_users(void **state)
{
    struct fixture *f = xmalloc(sizeof(*f));
    char users[256];
    char *me = who_os_name(geteuid());

    snprintf(users, sizeof(users), "  - {name: me, roles: [viewer], os_user: \"%s\"}\n", me);
    free(me);
    setup_with(f, users);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];

    f->stalled = false;
    if (f->api)
        api_stop(f->api);
    f->api = NULL;
    pump(f); /* jobs that outlived the server */
    store_close(f->store);
    engine_free(f->engine);
    service_free(f->conf);
    zones_free(f->zones);
    close(f->wake);
    snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

/* From now on this process is `name` with `roles` (and admin: it runs the service). */
static inline void be(struct fixture *f, const char *name, unsigned roles)
{
    struct service_user *me = (struct service_user *)&f->conf->users[0];

    assert_int_equal(f->conf->user_count, 1);
    me->name = name;
    me->roles = roles;
}

static inline void allow_self(struct fixture *f, bool allow)
{
    f->conf->allow_self = allow;
}

/* --- the client --- */

static inline int client_connect(const struct fixture *f)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, f->socket);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* Runs the loop until `fd` can be used; false when it cannot within WAIT_MS. */
static inline bool wait_for(struct fixture *f, int fd, short what)
{
    struct pollfd fds[2] = {{.fd = fd, .events = what}, {.fd = f->wake, .events = POLLIN}};

    for (;;) {
        if (poll(fds, 2, WAIT_MS) <= 0)
            return false;
        if (fds[1].revents)
            pump(f);
        if (fds[0].revents)
            return true;
    }
}

static inline void client_send(struct fixture *f, int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        assert_true(wait_for(f, fd, POLLOUT));
        ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return; /* the server has said enough */
        if (n > 0) {
            bytes += n;
            length -= (size_t)n;
        }
    }
}

static inline bool reply_whole(const struct strbuf *in, size_t *head)
{
    const char *end = in->length ? strstr(in->text, "\r\n\r\n") : NULL;
    const char *length = end ? strcasestr(in->text, "\r\nContent-Length:") : NULL;

    if (!length || length > end)
        return false;
    *head = (size_t)(end - in->text) + 4;
    return in->length >= *head + strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
}

static inline struct reply client_read(struct fixture *f, int fd)
{
    struct strbuf in = STRBUF_INIT;
    struct reply reply = {0};
    size_t head = 0;
    char piece[16384];

    while (!reply_whole(&in, &head)) {
        if (!wait_for(f, fd, POLLIN))
            fail_msg("no answer");
        ssize_t n = recv(fd, piece, sizeof(piece), 0);
        if (n <= 0 && errno == EAGAIN && n < 0)
            continue;
        if (n <= 0)
            break;
        strbuf_add(&in, piece, (size_t)n);
        if (strncmp(in.text, "HTTP/1.1 100", 12) == 0 && strstr(in.text, "\r\n\r\n")) {
            size_t skip = (size_t)(strstr(in.text, "\r\n\r\n") - in.text) + 4;
            memmove(in.text, in.text + skip, in.length - skip + 1);
            in.length -= skip;
        }
    }
    if (head > 0) {
        sscanf(in.text, "HTTP/1.1 %d", &reply.status);
        reply.length = in.length - head;
        reply.body = xstrdup(in.text + head);
        in.text[head] = '\0';
        reply.head = xstrdup(in.text);
    }
    strbuf_dispose(&in);
    return reply;
}

static inline void reply_free(struct reply *r)
{
    free(r->head);
    free(r->body);
    *r = (struct reply){0};
}

static inline struct reply raw(struct fixture *f, const char *bytes, size_t length)
{
    int fd = client_connect(f);

    client_send(f, fd, bytes, length);
    struct reply r = client_read(f, fd);
    close(fd);
    return r;
}

static inline struct reply call(struct fixture *f, const char *method, const char *path,
                                const char *body)
{
    struct strbuf b = STRBUF_INIT;

    strbuf_printf(&b, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path);
    if (body)
        strbuf_printf(&b, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                      strlen(body));
    strbuf_printf(&b, "\r\n%s", body ? body : "");
    struct reply r = raw(f, b.text, b.length);
    strbuf_dispose(&b);
    return r;
}

/* The body as JSON, after checking the status; the caller decrefs. */
static inline json_t *want(struct reply r, int status)
{
    json_error_t at;

    if (r.status != status)
        fail_msg("status %d, expected %d: %s", r.status, status, r.body ? r.body : "");
    json_t *json = json_loads(r.body, JSON_REJECT_DUPLICATES, &at);
    if (!json)
        fail_msg("not JSON: %s: %s", at.text, r.body);
    reply_free(&r);
    return json;
}

static const char *text_at(const json_t *json, const char *key)
{
    const json_t *value = json_object_get(json, key);

    if (!value)
        fail_msg("no key %s", key);
    return json_string_value(value);
}

static inline json_int_t number_at(const json_t *json, const char *key)
{
    const json_t *value = json_object_get(json, key);

    if (!json_is_integer(value))
        fail_msg("no number %s", key);
    return json_integer_value(value);
}

static inline void want_error(struct reply r, int status, int exit_code, const char *part)
{
    json_t *json = want(r, status);

    assert_int_equal(number_at(json, "exit"), exit_code);
    if (!strstr(text_at(json, "message"), part))
        fail_msg("'%s' is not in: %s", part, text_at(json, "message"));
    assert_true(json_is_array(json_object_get(json, "diagnostics")));
    json_decref(json);
}

/* --- submissions --- */

#define BOUNDARY "b0undary"

static inline void part_file(struct strbuf *b, const char *key, const char *filename,
                             const char *bytes, size_t length)
{
    strbuf_printf(b,
                  "--" BOUNDARY
                  "\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"%s\"\r\n"
                  "Content-Type: application/octet-stream\r\n\r\n",
                  key, filename);
    strbuf_add(b, bytes, length);
    strbuf_puts(b, "\r\n");
}

static inline void part_field(struct strbuf *b, const char *key, const char *value)
{
    strbuf_printf(b, "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n",
                  key, value);
}

static inline struct reply post_parts_to(struct fixture *f, const char *path, struct strbuf *parts)
{
    struct strbuf b = STRBUF_INIT;

    strbuf_puts(parts, "--" BOUNDARY "--\r\n");
    strbuf_printf(&b,
                  "POST %s HTTP/1.1\r\nHost: localhost\r\n"
                  "Content-Type: multipart/form-data; boundary=" BOUNDARY
                  "\r\nContent-Length: %zu\r\n\r\n",
                  path, parts->length);
    strbuf_add(&b, parts->text, parts->length);
    strbuf_dispose(parts);
    struct reply r = raw(f, b.text, b.length);
    strbuf_dispose(&b);
    return r;
}

static inline struct reply post_parts(struct fixture *f, struct strbuf *parts)
{
    return post_parts_to(f, "/api/v1/submissions", parts);
}

static inline struct reply submit(struct fixture *f, const char *campaign, const char *audience)
{
    struct strbuf parts = STRBUF_INIT;

    part_file(&parts, "campaign", "spring.yaml", campaign, strlen(campaign));
    if (audience)
        part_file(&parts, "audience", "vip.csv", audience, strlen(audience));
    return post_parts(f, &parts);
}

#define CAMPAIGN                                                                                   \
    "campaign: spring\ntitle: Spring\nchannel: room\naudience:\n  file: vip.csv\n"                 \
    "message:\n  text: \"Hello {{name|you}}\"\n"
#define AUDIENCE "recipient,name\nr1,Ann\nr2,\nr1,Again\nr3,Bartholomew\n"

/* 0 when the spool is empty. It is emptied once the answer is on its way: asked until it is,
 * bounded.
 */
static inline int spooled(const struct fixture *f)
{
    char command[160];
    int left = 1;

    snprintf(command, sizeof(command), "test -z \"$(ls -A '%s')\"", f->spool);
    for (int tries = 0; left && tries < 500; tries++)
        left = system(command);
    return left;
}

#endif
