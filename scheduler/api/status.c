/* How the service is, its brake, and its file read again. */
#include "api/emit.h"
#include "api/handlers.h"
#include "api/request.h"
#include "api/server_impl.h"

#include "base/lang.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { UNKNOWNS_SHOWN = 20, UNKNOWNS_COUNTED = 10000, STORE_MS = 500 };

struct status {
    int64_t unknowns[UNKNOWNS_SHOWN];
    int64_t unknown_count; /* -1: the store does not say */
    struct asked *asked;   /* of the store, not answered yet */
    int64_t until_ms;
};

struct asked { /* may outlive the request: a store that hangs is no reason not to answer */
    struct store_job job;
    struct request *rq; /* NULL: it has been answered */
    struct status found;
    struct err e;
    int rc;
};

struct lanes {
    const struct api_host *host;
    const struct tz *zone;
    struct strbuf *out;
};

static struct api_health health_of(const struct request *rq)
{
    const struct api_host *host = request_host(rq);
    struct api_health h = {0};

    host->health(host->ctx, &h);
    return h;
}

static void put_lane(void *ctx, const struct engine_lane_view *v)
{
    const struct lanes *l = ctx;
    struct strbuf *b = l->out, name = STRBUF_INIT;
    const char *channel = "?", *sender = "?";

    l->host->lane_name(l->host->ctx, v->lane, &channel, &sender);
    strbuf_printf(&name, "%s/%s", channel, sender);
    emit_open(b, '{');
    emit_put_text(b, "lane", name.text);
    emit_put_instant(b, "next_at", v->next_at, l->zone);
    emit_put_number(b, "waiting", (int64_t)v->waiting);
    emit_put_number(b, "open", v->in_flight);
    emit_key(b, "limits");
    emit_open(b, '[');
    for (size_t i = 0; i < v->limit_count; i++) {
        emit_open(b, '{');
        emit_put_text(b, "limit", v->limits[i].text);
        emit_put_number(b, "used", v->limits[i].used);
        strbuf_putc(b, '}');
    }
    strbuf_putc(b, ']');
    emit_put_text(b, "held_by", reason_name(v->held_by));
    strbuf_puts(b, "}\n");
    strbuf_dispose(&name);
}

static bool on_standin(const struct service *conf)
{
    for (size_t i = 0; i < conf->channel_count; i++)
        if (conf->channels[i].standin)
            return true;
    return false;
}

static void put_unknowns(struct strbuf *b, const struct status *s)
{
    emit_key(b, "unknown");
    if (s->unknown_count < 0)
        emit_raw(b, "null");
    else
        emit_number(b, s->unknown_count);
    emit_key(b, "unknown_deliveries");
    emit_open(b, '[');
    for (int64_t i = 0; i < s->unknown_count && i < UNKNOWNS_SHOWN; i++)
        emit_number(b, s->unknowns[i]);
    strbuf_putc(b, ']');
}

/* Open questions that may be on a screen now, and whose agent has not asked lately. */
struct questions {
    const struct api_host *host;
    int64_t count;
    const char **away; /* senders, each once */
    size_t away_count;
    struct arena *arena;
};

static void count_question(void *arg, const struct api_prompt *p)
{
    struct questions *q = arg;

    q->count++;
    if (p->hidden != REASON_NONE || q->host->reachable(q->host->ctx, p->sender))
        return;
    for (size_t i = 0; i < q->away_count; i++)
        if (strcmp(q->away[i], p->sender) == 0)
            return;
    const char **away = arena_array(q->arena, q->away_count + 1, sizeof(*away));
    for (size_t i = 0; i < q->away_count; i++)
        away[i] = q->away[i];
    away[q->away_count++] = arena_strdup(q->arena, p->sender);
    q->away = away;
}

static void put_questions(struct strbuf *b, const struct request *rq)
{
    const struct api_host *host = request_host(rq);
    struct questions q = {.host = host, .arena = rq->arena};

    host->prompts(host->ctx, count_question, &q);
    emit_put_number(b, "asked", q.count);
    emit_key(b, "unreachable");
    emit_open(b, '[');
    for (size_t i = 0; i < q.away_count; i++)
        emit_text(b, q.away[i]);
    strbuf_putc(b, ']');
}

static void put_service(struct request *rq, const struct status *s, const struct tz *zone)
{
    const struct api_host *host = request_host(rq);
    struct strbuf *b = &rq->answer.body.text;
    struct api_health h = health_of(rq);
    const char *state = h.halted ? "halted" : "running";

    emit_open(b, '{');
    emit_key(b, "service");
    emit_open(b, '{');
    emit_put_text(b, "state", h.store_healthy ? state : "store unhealthy");
    emit_put_bool(b, "halted", h.halted);
    emit_put_text(b, "halt_reason", h.halt_reason);
    emit_put_bool(b, "test", on_standin(host->conf(host->ctx)));
    put_unknowns(b, s);
    put_questions(b, rq);
    emit_put_text(b, "store", h.store_healthy ? "ok" : "unhealthy");
    emit_put_text(b, "problem", h.problem);
    emit_put_number(b, "pid", getpid());
    emit_put_text(b, "version", host->version);
    emit_put_instant(b, "started_at", h.started_at, zone);
    emit_put_instant(b, "now", host->now(host->ctx), zone);
    strbuf_puts(b, "}}\n");
}

static void status_put(struct request *rq)
{
    struct status *s = rq->state;
    const struct api_host *host = request_host(rq);
    const struct tz *zone = zones_get(request_zones(rq), host->conf(host->ctx)->zone_name);
    struct lanes lanes = {.host = host, .zone = zone, .out = &rq->answer.body.text};

    if (rq->rc) /* the lanes are known all the same */
        s->unknown_count = -1;
    engine_lanes(host->engine(host->ctx), host->now(host->ctx), put_lane, &lanes);
    put_service(rq, s, zone);
    request_stream(rq);
}

static int keep_unknown(void *ctx, const struct store_delivery *d)
{
    struct status *s = ctx;

    if (s->unknown_count < UNKNOWNS_SHOWN)
        s->unknowns[s->unknown_count] = d->id;
    s->unknown_count++;
    return 0;
}

static void unknowns_read(struct store *store, struct store_job *job)
{
    struct asked *a = (struct asked *)job;

    a->rc = store_unknowns(store, UNKNOWNS_COUNTED, keep_unknown, &a->found, &a->e);
}

static void unknowns_done(struct store_job *job)
{
    struct asked *a = (struct asked *)job;
    struct request *rq = a->rq;

    if (rq) {
        rq->rc = a->rc;
        *(struct status *)rq->state = a->found;
    }
    free(a);
    if (rq)
        api_tick(rq->api);
}

/* Also when the service stops meanwhile. */
static void status_forget(void *state)
{
    struct status *s = state;

    if (s->asked)
        s->asked->rq = NULL;
    s->asked = NULL;
}

static bool status_look(struct request *rq)
{
    struct status *s = rq->state;

    if (s->asked && connection_clock_ms() < s->until_ms)
        return false;
    if (s->asked) {
        status_forget(s);
        rq->rc = ERR_STORE;
    }
    if (!request_abandon(rq))
        status_put(rq);
    return true;
}

void status_show(struct request *rq)
{
    const struct api_host *host = request_host(rq);
    struct status *s = rq->state = arena_alloc(rq->arena, sizeof *s);

    if (!health_of(rq).store_healthy) {
        rq->rc = ERR_STORE;
        status_put(rq);
        return;
    }
    s->asked = xmalloc(sizeof *s->asked);
    *s->asked = (struct asked){.job = {unknowns_read, unknowns_done, NULL}, .rq = rq};
    rq->dispose = status_forget;
    s->until_ms = connection_clock_ms() + STORE_MS;
    host->store_run(host->ctx, &s->asked->job);
    request_hold(rq, status_look);
}

/* --- health: for machines, without a name --- */

static void reply_health(struct request *rq, int status, const char *state, const char *problem)
{
    struct strbuf *b = &rq->answer.body.text;

    emit_open(b, '{');
    emit_put_text(b, "status", state);
    if (problem)
        emit_put_text(b, "problem", problem);
    strbuf_putc(b, '}');
    request_reply(rq, status);
}

void status_healthz(struct request *rq)
{
    reply_health(rq, 200, "ok", NULL); /* the loop has answered */
}

void status_readyz(struct request *rq)
{
    const struct api_health h = health_of(rq);

    if (h.store_healthy)
        reply_health(rq, 200, "ok", NULL);
    else
        reply_health(rq, 503, "store unhealthy", h.problem);
}

/* --- the brake --- */

static void reply_halted(struct request *rq, bool halted)
{
    struct strbuf *b = &rq->answer.body.text;

    emit_open(b, '{');
    emit_put_bool(b, "halted", halted);
    strbuf_putc(b, '}');
    request_reply(rq, 200);
}

void status_halt(struct request *rq)
{
    const struct api_host *host = request_host(rq);
    const char *reason;
    const struct request_field fields[] = {{"reason", false, &reason}, {0}};

    if (!request_fields(rq, fields))
        return;
    if (host->halt(host->ctx, rq->who.name, reason, &rq->e))
        request_fail(rq);
    else
        reply_halted(rq, true);
}

static void unhalted(void *arg, const struct err *e)
{
    struct request *rq = arg;

    if (e) {
        rq->e = *e;
        request_fail(rq);
    } else {
        reply_halted(rq, false);
    }
}

void status_unhalt(struct request *rq)
{
    const struct api_host *host = request_host(rq);
    const char *reason;
    const struct request_field fields[] = {{"reason", true, &reason}, {0}};

    if (request_fields(rq, fields))
        host->unhalt(host->ctx, rq->who.name, reason, unhalted, rq);
}

/* --- reload --- */

static void reloaded(void *arg, const struct err *e)
{
    struct request *rq = arg;
    const struct api_host *host = request_host(rq);
    const struct service *conf = host->conf(host->ctx);
    struct strbuf *b = &rq->answer.body.text;

    if (e) {
        rq->e = *e;
        request_fail(rq);
        return;
    }
    emit_open(b, '{');
    emit_put_bool(b, "reloaded", true);
    emit_put_text(b, "file", conf->file);
    emit_put_digest(b, "sha256", &conf->digest);
    emit_put_number(b, "channels", (int64_t)conf->channel_count);
    emit_put_number(b, "users", (int64_t)conf->user_count);
    strbuf_putc(b, '}');
    request_reply(rq, 200);
}

void status_reload(struct request *rq)
{
    const struct api_host *host = request_host(rq);
    const struct request_field fields[] = {{0}};
    struct diags diags;

    if (!request_fields(rq, fields))
        return;
    diags_init(&diags);
    if (host->reload(host->ctx, rq->who.name, &diags, reloaded, rq, &rq->e)) {
        char *message = arena_strdup(rq->arena, rq->e.text);
        request_fail_all(rq, rq->e.code, message, &diags);
    }
    diags_dispose(&diags);
}
