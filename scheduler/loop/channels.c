/* The configured channels: each a plugin's instance and the host that it sees. */
#include "loop/internal.h"

#include "base/lang.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

static int64_t host_now(const struct channel_host *h)
{
    struct chan *c = h->impl;

    return run_now(c->run);
}

static void host_log(const struct channel_host *h, enum channel_log level, const char *line)
{
    static const enum log_level levels[] = {LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

    log_line(levels[level], "channel", "%s: %s", h->channel, line);
}

struct chan_call { /* one request of a plugin, until it is answered or the client goes */
    struct chan *channel;
    channel_http_fn *fn;
    void *ctx;
    struct chan_call *next, **link;
};

static void unlink_call(struct chan_call *call)
{
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
}

static void on_answer(void *ctx, const struct channel_http_answer *a)
{
    struct chan_call *call = ctx, copy = *call;

    unlink_call(call);
    free(call);
    copy.fn(copy.ctx, a);
}

static bool guard(void *ctx, uint64_t send_id)
{
    struct chan_call *call = ctx;

    return sends_guard(call->channel->run, send_id);
}

static void host_http(const struct channel_host *h, const struct channel_http_request *request,
                      channel_http_fn *fn, void *ctx)
{
    struct chan *c = h->impl;
    struct chan_call *call = xmalloc(sizeof *call);

    *call = (struct chan_call){c, fn, ctx, c->calls, &c->calls};
    if (call->next)
        call->next->link = &call->next;
    c->calls = call;
    http_start(c->run->http, c->settings->base_url, request, guard, on_answer, call);
}

static void host_settle(const struct channel_host *h, uint64_t send_id,
                        const struct channel_outcome *outcomes, size_t count)
{
    struct chan *c = h->impl;

    /* one recipient a send so far, so one outcome says all */
    if (count)
        sends_settle(c->run, send_id, &outcomes[0]);
}

static int channel_open(struct run *s, struct chan *c, const struct service_channel *conf,
                        struct diags *diags, struct err *e)
{
    char problem[200] = "";
    int rc;

    c->run = s;
    c->conf = conf;
    rc = channel_load(&c->kind, s->plugins, conf->plugin, e);
    if (rc) {
        diag_add(diags, s->conf->file, conf->at.line, conf->at.column, DIAG_ERROR, rc, "%s",
                 e->text);
        return rc;
    }
    c->settings = channel_settings_read(c->kind, s->conf, conf, true, diags);
    if (!c->settings)
        return err_set(e, ERR_DATA, tr("channel '%s' cannot be opened"), conf->name);
    c->host = (struct channel_host){.abi = PACELINE_CHANNEL_ABI,
                                    .channel = conf->name,
                                    .mode = conf->mode,
                                    .standin = c->settings->standin,
                                    .options = c->settings->values,
                                    .now_ms = host_now,
                                    .log = host_log,
                                    .http = host_http,
                                    .settle = host_settle,
                                    .impl = c};
    if (c->kind->open(&c->host, &c->instance, problem, sizeof problem)) {
        rc = err_set(e, ERR_DATA, tr("channel '%s': %s"), conf->name, tr(problem));
        diag_add(diags, s->conf->file, conf->at.line, conf->at.column, DIAG_ERROR, rc, "%s",
                 tr(problem));
    }
    return rc;
}

int channels_open(struct run *s, struct diags *diags, struct err *e)
{
    int worst = 0;

    s->channels = xmalloc((s->conf->channel_count + 1) * sizeof *s->channels);
    for (size_t i = 0; i < s->conf->channel_count; i++) {
        int rc = channel_open(s, &s->channels[i], &s->conf->channels[i], diags, e);
        s->channel_count++;
        if (rc && worst != ERR_DENIED)
            worst = rc;
    }
    return worst;
}

void channels_close(struct run *s)
{
    for (size_t i = 0; i < s->channel_count; i++) {
        struct chan *c = &s->channels[i];
        if (c->instance)
            c->kind->close(c->instance);
        /* the HTTP client is gone: nobody answers these any more */
        for (struct chan_call *call = c->calls, *next; call; call = next) {
            next = call->next;
            free(call);
        }
        channel_settings_free(c->settings);
    }
    free(s->channels);
    s->channels = NULL;
    s->channel_count = 0;
}

struct chan *channel_find(struct run *s, const char *name)
{
    for (size_t i = 0; i < s->channel_count; i++) {
        if (!strcmp(s->channels[i].conf->name, name))
            return &s->channels[i];
    }
    return NULL;
}

struct chan *channel_by_id(struct run *s, int64_t id)
{
    for (size_t i = 0; i < s->channel_count; i++) {
        if (s->channels[i].id == id)
            return &s->channels[i];
    }
    return NULL;
}
