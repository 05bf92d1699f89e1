/* What the host gives a plugin's instance, a channel's or an account's: time, log, requests,
 * timers. What is under way when an instance goes is answered to nobody. */
#include "loop/internal.h"

#include "base/log.h"

#include <stdlib.h>

struct guest_call { /* one request, until it is answered or the client goes */
    struct guest *guest;
    struct http_call *http;
    channel_http_fn *fn;
    void *ctx;
    struct guest_call *next, **link;
};

struct guest_timer {
    uv_timer_t timer; /* first */
    struct guest *guest;
    int64_t at_ms; /* of the clock that counts suspends */
    channel_timer_fn *fn;
    void *ctx;
    struct guest_timer *next, **link;
};

static int64_t host_now(const struct channel_host *h)
{
    struct guest *g = h->impl;

    return run_now(g->run);
}

static void host_log(const struct channel_host *h, enum channel_log level, const char *line)
{
    static const enum log_level levels[] = {LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

    log_line(levels[level], "channel", "%s: %s", h->channel, line);
}

/* --- requests --- */

static void unlink_call(struct guest_call *call)
{
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
}

static void on_answer(void *ctx, const struct channel_http_answer *a)
{
    struct guest_call *call = ctx, copy = *call;

    unlink_call(call);
    free(call);
    copy.fn(copy.ctx, a);
}

static bool guard(void *ctx, uint64_t send_id)
{
    struct guest_call *call = ctx;

    return sends_guard(call->guest->run, send_id);
}

static void host_http(const struct channel_host *h, const struct channel_http_request *request,
                      channel_http_fn *fn, void *ctx)
{
    struct guest *g = h->impl;
    struct guest_call *call = xmalloc(sizeof *call);

    *call = (struct guest_call){g, NULL, fn, ctx, g->calls, &g->calls};
    if (call->next)
        call->next->link = &call->next;
    g->calls = call;
    call->http = http_start(g->run->http, g->base_url, request, guard, on_answer, call);
}

/* --- timers --- */

static void on_closed(uv_handle_t *h)
{
    free(h); /* its first member */
}

static void timer_end(struct guest_timer *t)
{
    *t->link = t->next;
    if (t->next)
        t->next->link = t->link;
    uv_close((uv_handle_t *)&t->timer, on_closed);
}

static void on_timer(uv_timer_t *handle)
{
    struct guest_timer *t = (struct guest_timer *)handle, copy = *t;

    timer_end(t);
    copy.fn(copy.ctx);
}

static int64_t boot_ms(const struct guest *g)
{
    run_now(g->run);
    return g->run->clock.last.boot;
}

/* The loop's timers stand still while the machine sleeps. */
static void timer_arm(struct guest_timer *t)
{
    int64_t left = t->at_ms - boot_ms(t->guest);

    uv_update_time(&t->guest->run->loop);
    uv_timer_start(&t->timer, on_timer, left > 0 ? (uint64_t)left : 0, 0);
}

void guest_slept(struct guest *g)
{
    for (struct guest_timer *t = g->timers; t; t = t->next)
        timer_arm(t);
}

static void host_after(const struct channel_host *h, int64_t ms, channel_timer_fn *fn, void *ctx)
{
    struct guest *g = h->impl;
    struct guest_timer *t = xmalloc(sizeof *t);

    t->guest = g;
    t->at_ms = boot_ms(g) + (ms > 0 ? ms : 0);
    t->fn = fn;
    t->ctx = ctx;
    t->next = g->timers;
    t->link = &g->timers;
    if (t->next)
        t->next->link = &t->next;
    g->timers = t;
    uv_timer_init(&g->run->loop, &t->timer);
    timer_arm(t);
}

/* --- life --- */

void guest_init(struct guest *g, struct run *s, const char *base_url, struct channel_host *host)
{
    *g = (struct guest){.run = s, .base_url = base_url};
    host->abi = PACELINE_CHANNEL_ABI;
    host->now_ms = host_now;
    host->log = host_log;
    host->http = host_http;
    host->after = host_after;
    host->impl = g;
}

void guest_quiet(struct guest *g)
{
    while (g->timers)
        timer_end(g->timers);
}

void guest_dispose(struct guest *g)
{
    guest_quiet(g);
    for (struct guest_call *call = g->calls, *next; call; call = next) {
        next = call->next;
        unlink_call(call);
        if (g->run->http)
            http_abort(call->http);
        free(call);
    }
}
