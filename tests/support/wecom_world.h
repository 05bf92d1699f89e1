/* A host for tests of the plugin wecom: time that the test passes, requests that the test answers,
 * and what the plugin said. One a program; it knows one secret, and sees that no log holds it. */
#ifndef PACELINE_TESTS_WECOM_WORLD_H
#define PACELINE_TESTS_WECOM_WORLD_H

#include "check.h"

#include "channel/channel.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUESTS_MAX = 32, TIMERS_MAX = 32, SAID_MAX = 64 };

struct asked {
    char path[256], *body; /* with a NUL behind it */
    uint64_t send_id;
    channel_http_fn *fn;
    void *ctx;
};

struct timer {
    int64_t at;
    channel_timer_fn *fn;
    void *ctx;
};

extern const struct paceline_channel wecom_channel;

static struct world {
    struct channel_host host;
    void *instance; /* of open_channel */
    bool forgets;   /* a task as soon as anything is told of it */
    struct channel_account conf;
    int64_t now;
    struct asked asked[REQUESTS_MAX]; /* not answered yet, oldest first */
    size_t asked_count, requests, tokens;
    struct timer timers[TIMERS_MAX];
    size_t timer_count;
    struct kept {
        char api[32];
        int64_t until_ms;
        unsigned in_row;
    } kept[SAID_MAX]; /* what was said of blocks, in order */
    size_t kept_count;
    struct settled {
        uint64_t send_id;
        enum channel_outcome_kind kind;
        enum channel_reason reason;
        enum channel_stop stop;
        int64_t not_before_ms;
        char ref[64];
    } settled[SAID_MAX]; /* an outcome each */
    size_t settled_count, settlements;
    struct resulted {
        char recipient[64];
        enum channel_result_kind kind;
        int64_t at_ms;
    } results[SAID_MAX];
    size_t result_count;
    enum channel_task_end end; /* the last one that was told */
    unsigned ends, warnings;
} w;

static inline int64_t now_ms(const struct channel_host *h)
{
    (void)h;
    return w.now;
}

static inline void log_line(const struct channel_host *h, enum channel_log level, const char *line)
{
    (void)h;
    w.warnings += level == CHANNEL_LOG_WARNING || level == CHANNEL_LOG_ERROR;
    assert_null(strstr(line, "S3CRET"));
}

static inline void http(const struct channel_host *h, const struct channel_http_request *r,
                        channel_http_fn *fn, void *ctx)
{
    struct asked *a = &w.asked[w.asked_count++];

    (void)h;
    assert_true(w.asked_count <= REQUESTS_MAX);
    w.requests++;
    w.tokens += strstr(r->path, "gettoken") != NULL;
    snprintf(a->path, sizeof(a->path), "%s", r->path);
    a->body = calloc(1, r->body_length + 1);
    if (r->body)
        memcpy(a->body, r->body, r->body_length);
    a->send_id = r->send_id;
    a->fn = fn;
    a->ctx = ctx;
}

static inline void after(const struct channel_host *h, int64_t ms, channel_timer_fn *fn, void *ctx)
{
    (void)h;
    assert_true(w.timer_count < TIMERS_MAX);
    w.timers[w.timer_count++] = (struct timer){w.now + ms, fn, ctx};
}

static inline void block(const struct channel_host *h, const char *api, int64_t until_ms,
                         unsigned in_row)
{
    struct kept *k = &w.kept[w.kept_count++];

    (void)h;
    assert_true(w.kept_count <= SAID_MAX);
    snprintf(k->api, sizeof(k->api), "%s", api);
    k->until_ms = until_ms;
    k->in_row = in_row;
}

static inline int64_t blocked(const struct channel_host *h, const char *api, unsigned *in_row)
{
    (void)h;
    *in_row = 0;
    for (size_t i = w.kept_count; i-- > 0;)
        if (!strcmp(w.kept[i].api, api)) {
            *in_row = w.kept[i].in_row;
            return w.kept[i].until_ms;
        }
    return 0;
}

static inline void settle(const struct channel_host *h, uint64_t send_id,
                          const struct channel_outcome *outcomes, size_t count)
{
    (void)h;
    w.settlements++;
    for (size_t i = 0; i < count; i++) {
        const struct channel_outcome *o = &outcomes[i];
        struct settled *s = &w.settled[w.settled_count++];
        assert_true(w.settled_count <= SAID_MAX);
        *s = (struct settled){send_id, o->kind, o->reason, o->stop, o->not_before_ms, ""};
        snprintf(s->ref, sizeof(s->ref), "%s", o->ref ? o->ref : "");
        assert_true(!o->detail || !strstr(o->detail, "S3CRET"));
    }
}

static inline void results(const struct channel_host *h, uint64_t send_id,
                           const struct channel_result *rows, size_t count,
                           enum channel_task_end end)
{
    (void)h;
    for (size_t i = 0; i < count; i++) {
        struct resulted *r = &w.results[w.result_count++];
        assert_true(w.result_count <= SAID_MAX);
        snprintf(r->recipient, sizeof(r->recipient), "%s", rows[i].recipient);
        r->kind = rows[i].kind;
        r->at_ms = rows[i].at_ms;
    }
    w.end = end;
    w.ends += end != CHANNEL_TASK_OPEN;
    if (w.forgets || end != CHANNEL_TASK_OPEN)
        wecom_channel.forget(w.instance, send_id);
}

static inline void world_init(void)
{
    memset(&w, 0, sizeof(w));
    w.now = 1795341600000; /* 2026-11-22 18:00 in Beijing */
    w.conf = (struct channel_account){.name = "brand",
                                      .corp_id = "ww1",
                                      .agent_id = 7,
                                      .secret = "S3CRET!",
                                      .poll_ms = 60000,
                                      .reconcile_after_ms = 60000,
                                      .reconcile_for_ms = 1800000};
    w.host = (struct channel_host){.account = &w.conf,
                                   .now_ms = now_ms,
                                   .log = log_line,
                                   .http = http,
                                   .settle = settle,
                                   .after = after,
                                   .results = results,
                                   .block = block,
                                   .blocked = blocked};
}

static inline void world_dispose(void)
{
    for (size_t i = 0; i < w.asked_count; i++)
        free(w.asked[i].body);
    w.asked_count = w.timer_count = 0;
}

/* The plugin as the service opens it. */
static inline void open_channel(const char *mode)
{
    world_init();
    w.host.mode = mode;
    assert_int_equal(wecom_channel.open_account(&w.host, &w.host.shared, NULL, 0), 0);
    assert_int_equal(wecom_channel.open(&w.host, &w.instance, NULL, 0), 0);
}

static inline void close_channel(void)
{
    wecom_channel.close(w.instance);
    wecom_channel.close_account(w.host.shared);
    world_dispose();
}

/* The oldest request is one of this call, and its body says so. */
static inline void assert_asked(const char *api, const char *says)
{
    char path[128];

    assert_true(w.asked_count > 0);
    snprintf(path, sizeof(path), "/cgi-bin/%s?access_token=", api);
    if (strncmp(w.asked[0].path, path, strlen(path)) != 0)
        fail_msg("%s is asked instead of %s", w.asked[0].path, api);
    if (says && !strstr(w.asked[0].body, says))
        fail_msg("%s does not say %s", w.asked[0].body, says);
}

/* Everything that is due within `ms`. */
static inline void pass(int64_t ms)
{
    int64_t until = w.now + ms;

    for (;;) {
        size_t first = 0;
        for (size_t i = 1; i < w.timer_count; i++)
            if (w.timers[i].at < w.timers[first].at)
                first = i;
        if (!w.timer_count || w.timers[first].at > until)
            break;
        struct timer t = w.timers[first];
        memmove(&w.timers[first], &w.timers[first + 1],
                (--w.timer_count - first) * sizeof(w.timers[0]));
        w.now = t.at > w.now ? t.at : w.now;
        t.fn(t.ctx);
    }
    w.now = until;
}

/* The oldest request is answered. */
static inline void answer_with(const struct channel_http_answer *answered)
{
    assert_true(w.asked_count > 0);
    struct asked a = w.asked[0];
    memmove(&w.asked[0], &w.asked[1], --w.asked_count * sizeof(w.asked[0]));
    free(a.body);
    a.fn(a.ctx, answered);
    pass(0);
}

static inline void answer(const char *body)
{
    answer_with(&(struct channel_http_answer){
        .result = CHANNEL_HTTP_ANSWERED, .status = 200, .body = body, .length = strlen(body)});
}

static inline void answer_token(const char *token)
{
    char body[128];

    assert_non_null(strstr(w.asked[0].path, "gettoken?corpid=ww1&corpsecret=S3CRET%21"));
    snprintf(body, sizeof(body), "{\"errcode\":0,\"access_token\":\"%s\",\"expires_in\":7200}",
             token);
    answer(body);
}

#endif
