/* A host for plugin tests: keeps the last request until the test answers it, and what was settled.
 */
#ifndef PACELINE_TESTS_FAKE_HOST_H
#define PACELINE_TESTS_FAKE_HOST_H

#include "check.h"

#include "channel/channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAKE_SETTLED_MAX = 64 };

struct fake_settled {
    uint64_t send_id;
    struct channel_outcome outcome; /* its strings point into the two below */
    char ref[64], detail[600];
};

struct fake_host {
    struct channel_host host;
    int64_t now_ms;
    unsigned requests; /* started so far */
    bool waiting;      /* one has no answer yet */
    char method[8], path[256], *body;
    char content_type[64];
    char headers[512]; /* all of them, a line each */
    char proxy[64];    /* "" for none */
    size_t body_length;
    int64_t timeout_ms;
    uint64_t send_id;
    channel_http_fn *fn;
    void *ctx;
    struct fake_settled settled[FAKE_SETTLED_MAX];
    size_t settled_count;
};

static inline int64_t fake_now(const struct channel_host *h)
{
    return ((struct fake_host *)h->impl)->now_ms;
}

static inline void fake_log(const struct channel_host *h, enum channel_log level, const char *line)
{
    (void)h, (void)level, (void)line;
}

static inline void fake_http(const struct channel_host *h, const struct channel_http_request *r,
                             channel_http_fn *fn, void *ctx)
{
    struct fake_host *f = h->impl;

    assert_false(f->waiting);
    f->requests++;
    f->waiting = true;
    snprintf(f->method, sizeof(f->method), "%s", r->method);
    snprintf(f->path, sizeof(f->path), "%s", r->path);
    f->content_type[0] = f->headers[0] = '\0';
    for (const struct channel_http_header *p = r->headers; p && p->name; p++) {
        if (!strcmp(p->name, "Content-Type"))
            snprintf(f->content_type, sizeof(f->content_type), "%s", p->value);
        size_t n = strlen(f->headers);
        snprintf(f->headers + n, sizeof(f->headers) - n, "%s: %s\n", p->name, p->value);
    }
    snprintf(f->proxy, sizeof(f->proxy), "%s", r->proxy ? r->proxy : "");
    free(f->body);
    f->body = malloc(r->body_length + 1);
    memcpy(f->body, r->body, r->body_length);
    f->body[r->body_length] = '\0';
    f->body_length = r->body_length;
    f->timeout_ms = r->timeout_ms;
    f->send_id = r->send_id;
    f->fn = fn;
    f->ctx = ctx;
}

static inline void fake_settle(const struct channel_host *h, uint64_t send_id,
                               const struct channel_outcome *outcomes, size_t count)
{
    struct fake_host *f = h->impl;
    struct fake_settled *s = &f->settled[f->settled_count++];

    assert_int_equal(count, 1);
    assert_true(f->settled_count <= FAKE_SETTLED_MAX);
    s->send_id = send_id;
    s->outcome = outcomes[0];
    snprintf(s->ref, sizeof(s->ref), "%s", outcomes[0].ref ? outcomes[0].ref : "");
    snprintf(s->detail, sizeof(s->detail), "%s", outcomes[0].detail ? outcomes[0].detail : "");
}

static inline void fake_host_init(struct fake_host *f, const void *options)
{
    memset(f, 0, sizeof(*f));
    f->now_ms = 1795341600000; /* 2026-11-22T10:00:00Z */
    f->host = (struct channel_host){
        .abi = PACELINE_CHANNEL_ABI,
        .channel = "staff-room",
        .options = options,
        .now_ms = fake_now,
        .log = fake_log,
        .http = fake_http,
        .settle = fake_settle,
        .impl = f,
    };
}

static inline void fake_answer(struct fake_host *f, const struct channel_http_answer *answer)
{
    assert_true(f->waiting);
    f->waiting = false;
    f->fn(f->ctx, answer);
}

static inline void fake_answer_ok(struct fake_host *f, const char *body)
{
    const struct channel_http_answer a = {.result = CHANNEL_HTTP_ANSWERED,
                                          .status = 200,
                                          .body = body,
                                          .length = strlen(body),
                                          .retry_after_ms = -1};
    fake_answer(f, &a);
}

static inline void fake_host_dispose(struct fake_host *f)
{
    free(f->body);
}

#endif
