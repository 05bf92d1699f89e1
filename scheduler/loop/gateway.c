/* What the API asks of the running service (api/host.h), and the halt. */
#include "loop/internal.h"

#include "base/lang.h"
#include "base/log.h"
#include "loop/halt.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static instant_t gate_now(void *ctx)
{
    return run_now(ctx);
}

static const struct service *gate_conf(void *ctx)
{
    return ((struct run *)ctx)->conf;
}

static const struct engine *gate_engine(void *ctx)
{
    return ((struct run *)ctx)->engine;
}

static const struct paceline_channel *gate_kind(void *ctx, const char *channel)
{
    struct chan *c = channel_find(ctx, channel);

    return c ? c->kind : NULL;
}

static const char *gate_options(void *ctx, const char *channel)
{
    struct chan *c = channel_find(ctx, channel);

    return c ? c->settings->manifest : NULL;
}

static void gate_store_run(void *ctx, struct store_job *job)
{
    struct run *s = ctx;

    storer_run(s->storer, job);
}

static void gate_lane_name(void *ctx, int64_t lane, const char **channel, const char **sender)
{
    struct run *s = ctx;
    const struct lane_name *n = map_get(&s->lanes, lane);

    *channel = n ? n->channel : "?";
    *sender = n ? n->sender : "?";
}

static void gate_hold_revision(void *ctx, int64_t revision, bool keep)
{
    struct run *s = ctx;

    engine_pause(s->engine, run_now(s), revision, keep);
}

static void gate_revision_changed(void *ctx, int64_t revision)
{
    revisions_sync(ctx, revision, true);
}

static void gate_delivery_waits(void *ctx, int64_t revision, int64_t lane)
{
    struct run *s = ctx;

    if (engine_has_revision(s->engine, revision))
        engine_refetch(s->engine, run_now(s), revision, lane, 1);
    else
        revisions_sync(s, revision, false);
}

static void gate_delivery_gone(void *ctx, int64_t revision, int64_t lane, int64_t delivery)
{
    struct run *s = ctx;

    engine_withdraw(s->engine, run_now(s), revision, lane, delivery);
}

static void gate_health(void *ctx, struct api_health *out)
{
    struct run *s = ctx;
    const char *problem = health_problem(s);

    if (!problem && s->halt_reason) /* else the gap is the reason */
        problem = health_gap(s);
    if (!problem)
        problem = s->problem[0] ? s->problem : clock_problem(s);
    if (!problem)
        problem = health_mark_problem(s);
    if (!problem)
        problem = storer_problem(s->storer);
    for (size_t i = 0; i < s->channel_count && !problem; i++) {
        if (s->channels[i]->problem[0])
            problem = s->channels[i]->problem;
    }
    if (!problem)
        problem = readings_problem(s);
    if (!problem)
        problem = doubts_problem(s);
    *out = (struct api_health){.halted = engine_halted(s->engine),
                               .halt_reason = s->halt_reason ? s->halt_reason : health_gap(s),
                               .store_healthy = !s->store_broken,
                               .problem = problem,
                               .started_at = s->started_at};
}

/* --- halt and unhalt --- */

struct note { /* an audit record on its way, and what follows when it is durable */
    struct store_job job;
    struct run *run;
    instant_t at;
    char *by, *event, *detail;
    void (*done)(void *arg, const struct err *e);
    void *arg;
    struct err err;
    int rc;
};

static void note_free(struct note *n)
{
    free(n->by);
    free(n->event);
    free(n->detail);
    free(n);
}

static void note_run(struct store *store, struct store_job *job)
{
    struct note *n = (struct note *)job;

    n->rc = store_audit(store, n->at, n->by, n->event, NULL, NULL, n->detail, &n->err);
}

static struct note *note_new(struct run *s, const char *event, const char *by, json_t *detail,
                             void (*done)(struct store_job *))
{
    struct note *n = xmalloc(sizeof *n);

    n->job = (struct store_job){note_run, done, NULL};
    n->run = s;
    n->at = run_now(s);
    n->by = xstrdup(by);
    n->event = xstrdup(event);
    n->detail = detail ? json_dumps(detail, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(detail);
    return n;
}

static json_t *reason_detail(const char *reason)
{
    return json_pack("{ss}", "reason", reason ? reason : "");
}

/* What nobody waits for is recorded when the store answers again. */
static void noted(struct store_job *job)
{
    struct note *n = (struct note *)job;

    if (n->rc == ERR_STORE)
        run_store_failed(n->run, &n->err);
    if (n->rc == ERR_STORE && !n->done && driver_again(n->run, job))
        return;
    if (n->rc)
        log_line(LOG_ERROR, n->event, "not in the audit log: %s", n->err.text);
    if (n->done)
        n->done(n->arg, n->rc ? &n->err : NULL);
    note_free(n);
}

void run_note(struct run *s, const char *event, const char *by, json_t *detail,
              void (*done)(void *arg, const struct err *e), void *arg)
{
    struct note *n = note_new(s, event, by, detail, noted);

    n->done = done;
    n->arg = arg;
    if (done)
        storer_run(s->storer, &n->job);
    else
        driver_defer(s, &n->job);
}

static void latch(struct run *s, const char *by, const char *reason)
{
    if (engine_halted(s->engine))
        return;
    engine_halt(s->engine);
    free(s->halt_reason);
    s->halt_reason = xstrdup(reason && *reason ? reason : tr("no reason given"));
    log_line(LOG_WARNING, "halt", "halted by=%s", by);
    run_note(s, "halt", by, reason_detail(reason), NULL, NULL);
}

int run_halt(struct run *s, const char *by, const char *reason, struct err *e)
{
    latch(s, by, reason); /* first in memory: that cannot fail */
    return halt_write(s->halt_file, by, reason, e);
}

void run_watch_halt(struct run *s)
{
    char *reason = NULL;

    if (!engine_halted(s->engine) && halt_read(s->halt_file, &reason))
        latch(s, "paceline.halt", reason);
    free(reason);
}

static int gate_halt(void *ctx, const char *by, const char *reason, struct err *e)
{
    return run_halt(ctx, by, reason, e);
}

static void unhalt_noted(struct store_job *job)
{
    struct note *n = (struct note *)job;
    struct run *s = n->run;

    if (!n->rc)
        n->rc = halt_remove(s->halt_file, &n->err);
    if (!n->rc) {
        health_release(s);
        clock_release(s);
        engine_unhalt(s->engine, run_now(s));
        free(s->halt_reason);
        s->halt_reason = NULL;
        log_line(LOG_WARNING, "halt", "lifted by=%s", n->by);
    }
    n->done(n->arg, n->rc ? &n->err : NULL);
    note_free(n);
}

static void gate_unhalt(void *ctx, const char *by, const char *reason,
                        void (*done)(void *arg, const struct err *e), void *arg)
{
    struct run *s = ctx;
    json_t *detail = reason_detail(reason);

    if (health_gap(s))
        json_object_set_new(detail, "released", json_string(health_gap(s)));
    struct note *n = note_new(s, "unhalt", by, detail, unhalt_noted);
    n->done = done;
    n->arg = arg;
    storer_run(s->storer, &n->job);
}

static int gate_reload(void *ctx, const char *by, struct diags *diags,
                       void (*done)(void *arg, const struct err *e), void *arg, struct err *e)
{
    return run_reload(ctx, by, diags, done, arg, e);
}

void gateway_init(struct run *s)
{
    s->api_host = (struct api_host){.ctx = s,
                                    .version = PACELINE_VERSION,
                                    .now = gate_now,
                                    .conf = gate_conf,
                                    .engine = gate_engine,
                                    .kind = gate_kind,
                                    .options = gate_options,
                                    .store_run = gate_store_run,
                                    .lane_name = gate_lane_name,
                                    .halt = gate_halt,
                                    .unhalt = gate_unhalt,
                                    .reload = gate_reload,
                                    .hold_revision = gate_hold_revision,
                                    .revision_changed = gate_revision_changed,
                                    .delivery_waits = gate_delivery_waits,
                                    .delivery_gone = gate_delivery_gone,
                                    .health = gate_health};
    prompts_host(&s->api_host);
    readings_host(&s->api_host);
    tasks_host(&s->api_host);
}
