/* The engine on libuv: one turn an iteration of the loop.
 *
 *     engine_turn -> effects -> rows are gathered -> one transaction -> engine_claimed ->
 * EFFECT_SEND
 *
 * While a transaction is under way the next one gathers (group commit). Store jobs that an effect
 * asks for come after the rows that were decided before it, so the store sees everything in the
 * engine's order. */
#include "loop/internal.h"

#include "api/lanes.h"
#include "base/log.h"

#include <assert.h>
#include <stdlib.h>

enum { SLEEP_MAX_MS = 1000 }; /* never sleep long towards a wall-clock instant: it may move */

struct commit {
    struct store_job job;
    struct run *run;
    struct store_commit rows;
    size_t claim_capacity, result_capacity;
    struct store_result *results;
    struct arena *refs;
    bool repeated; /* its COMMIT failed before */
    struct err err;
    int rc;
};

static struct commit *gathering(struct run *s)
{
    if (!s->gather) {
        s->gather = xmalloc(sizeof *s->gather);
        s->gather->run = s;
        s->gather->refs = arena_new();
    }
    return s->gather;
}

static void commit_free(struct commit *c)
{
    if (!c)
        return;
    store_commit_dispose(&c->rows);
    arena_free(c->refs);
    free(c->rows.claims);
    free(c->results);
    free(c);
}

static void gather_claim(struct run *s, const struct effect *f)
{
    struct commit *c = gathering(s);

    if (f->late)
        log_line(LOG_WARNING, "lane", "late: anchored anew delivery=%lld lane=%lld late_ms=%lld",
                 (long long)f->delivery, (long long)f->lane, (long long)f->late);
    c->rows.claims =
        xgrow(c->rows.claims, &c->claim_capacity, c->rows.claim_count + 1, sizeof *c->rows.claims);
    c->rows.claims[c->rows.claim_count++] = (struct store_claim){.delivery = f->delivery,
                                                                 .at = f->at,
                                                                 .due_at = f->due_at,
                                                                 .revision = f->revision,
                                                                 .lane = f->lane,
                                                                 .send = f->send,
                                                                 .progress = f->progress};
    c->rows.at = f->at;
}

/* The channel's; of what people are asked, the number of the question. */
static const char *ref_of(const struct send *x, struct arena *a)
{
    if (x && x->prompt)
        return arena_printf(a, "%lld", (long long)x->number);
    return x && x->ref ? arena_strdup(a, x->ref) : NULL;
}

static const char *by_of(const struct send *x, int64_t delivery, struct arena *a)
{
    const struct send_item *item = x ? send_item(x, delivery) : NULL;

    return item && item->by ? arena_strdup(a, item->by) : NULL;
}

static void gather_result(struct run *s, const struct effect *f)
{
    struct commit *c = gathering(s);
    struct send *x = map_get(&s->by_number, f->send);

    c->results =
        xgrow(c->results, &c->result_capacity, c->rows.result_count + 1, sizeof *c->results);
    c->results[c->rows.result_count++] =
        (struct store_result){.delivery = f->delivery,
                              .at = f->at,
                              .revision = f->revision,
                              .lane = f->lane,
                              .progress = f->progress,
                              .state = f->state,
                              .reason = f->reason,
                              .claimed_at = f->claimed_at,
                              .unseen = f->unseen,
                              .ref = ref_of(x, c->refs),
                              .sent_at = f->sent_at > 0 ? f->sent_at : 0,
                              .task = x && x->task,
                              .by = by_of(x, f->delivery, c->refs)};
    if (f->state == DELIVERY_PROMPTED) {
        c->results[c->rows.result_count - 1].prompt = f->send;
        c->results[c->rows.result_count - 1].nonce =
            x->prompt ? arena_strdup(c->refs, x->prompt->nonce) : "";
    }
    c->rows.at = f->at;
    if (x)
        send_result(s, x, f->delivery, f->state);
}

static void commit_run(struct store *store, struct store_job *job)
{
    struct commit *c = (struct commit *)job;

    c->rc = c->repeated ? store_commit_again(store, &c->rows, &c->err)
                        : store_commit(store, &c->rows, &c->err);
}

static void flush(struct run *s);

/* Only what is on disk is asked. */
static void show_prompts(struct run *s, const struct commit *c)
{
    for (size_t i = 0; i < c->rows.result_count; i++) {
        struct send *x = map_get(&s->by_number, c->results[i].prompt);
        if (c->results[i].state != DELIVERY_PROMPTED || !x)
            continue;
        if (x->task)
            x->task->durable = true;
        if (!x->prompt)
            continue;
        x->prompt->durable = true;
        prompts_changed(s);
    }
}

static void commit_done(struct store_job *job)
{
    struct commit *c = (struct commit *)job;
    struct run *s = c->run;

    s->committing = false;
    if (c->rc) { /* it may be there all the same */
        run_store_failed(s, &c->err);
        s->unsettled = c;
        return;
    }
    health_settled(s);
    for (size_t i = 0; i < c->rows.claim_count; i++) {
        const struct store_claim *claim = &c->rows.claims[i];
        if (!claim->refused)
            send_claimed(s, claim);
        engine_claimed(s->engine, run_now(s), claim->delivery, !claim->refused);
    }
    show_prompts(s, c);
    for (size_t i = 0; i < c->rows.result_count; i++)
        if (c->results[i].state == DELIVERY_UNKNOWN) {
            reconcile_wanted(s);
            break;
        }
    flush(s);
    commit_free(c);
}

static void run_list(struct run *s, struct deferred **first, struct deferred ***last)
{
    while (*first) {
        struct deferred *d = *first;
        *first = d->next;
        storer_run(s->storer, d->job);
        free(d);
    }
    *last = first;
}

static void commit_start(struct run *s, struct commit *c)
{
    s->committing = true;
    c->rows.results = c->results;
    c->job = (struct store_job){commit_run, commit_done, NULL};
    storer_run(s->storer, &c->job);
}

static void flush(struct run *s)
{
    struct commit *c = s->unsettled;

    if (s->committing || s->store_broken)
        return;
    if (c) { /* what came after it waits for its end */
        s->unsettled = NULL;
        c->repeated = true;
        commit_start(s, c);
        return;
    }
    c = s->gather;
    if (c) {
        s->gather = NULL;
        commit_start(s, c);
    }
    run_list(s, &s->again_first, &s->again_last);
    run_list(s, &s->deferred_first, &s->deferred_last);
}

static void append(struct deferred **first, struct deferred ***last, struct store_job *job)
{
    struct deferred *d = xmalloc(sizeof *d);

    if (!*first)
        *last = first;
    *d = (struct deferred){job, NULL};
    **last = d;
    *last = &d->next;
}

void driver_defer(struct run *s, struct store_job *job)
{
    if (s->closing)
        storer_run(s->storer, job);
    else
        append(&s->deferred_first, &s->deferred_last, job); /* the turn flushes */
}

bool driver_again(struct run *s, struct store_job *job)
{
    if (s->closing)
        return false;
    append(&s->again_first, &s->again_last, job);
    return true;
}

void driver_close(struct run *s)
{
    s->closing = true;
    run_list(s, &s->again_first, &s->again_last);
    run_list(s, &s->deferred_first, &s->deferred_last);
}

/* --- fetch, history, expire --- */

struct ask {
    struct store_job job;
    struct run *run;
    struct effect effect;
    struct store_waiting *waiting;
    size_t count;
    struct engine_send *sends;
    size_t send_capacity;
    struct engine_send *others; /* what members sent by themselves: recipient, claimed_at */
    size_t other_count, other_capacity;
    uint64_t expired;
    struct err err;
    int rc;
};

static void ask_free(struct ask *a)
{
    free(a->waiting);
    free(a->sends);
    free(a->others);
    free(a);
}

/* True: it failed because of the store, and runs again. */
static bool ask_again(struct ask *a)
{
    if (!a->rc)
        return false;
    run_store_failed(a->run, &a->err);
    free(a->waiting);
    a->waiting = NULL;
    a->count = a->other_count = 0;
    return driver_again(a->run, &a->job);
}

static void ask_store(struct run *s, const struct effect *f,
                      void (*go)(struct store *, struct store_job *),
                      void (*done)(struct store_job *))
{
    struct ask *a = xmalloc(sizeof *a);

    a->job = (struct store_job){go, done, NULL};
    a->run = s;
    a->effect = *f;
    driver_defer(s, &a->job);
}

static void fetch_run(struct store *store, struct store_job *job)
{
    struct ask *a = (struct ask *)job;
    const struct effect *f = &a->effect;

    a->waiting = xmalloc(f->cap * sizeof *a->waiting);
    a->rc = store_fetch(store, f->revision, f->lane, f->after, f->key, a->waiting, f->cap,
                        &a->count, &a->err);
}

static void fetch_done(struct store_job *job)
{
    struct ask *a = (struct ask *)job;
    const struct effect *f = &a->effect;

    if (ask_again(a))
        return;
    struct engine_waiting *w = xmalloc((a->count + 1) * sizeof *w);
    if (!a->rc) {
        for (size_t i = 0; i < a->count; i++)
            w[i] = waiting_spec(&a->waiting[i]);
        engine_fetched(a->run->engine, run_now(a->run), f->revision, f->lane, w, a->count,
                       a->count == f->cap);
        for (size_t i = 0; i < a->count; i++)
            if (a->waiting[i].capped_at)
                engine_capped(a->run->engine, f->revision, f->lane, a->waiting[i].delivery,
                              a->waiting[i].capped_at);
    }
    free(w);
    ask_free(a);
}

static int history_row(void *ctx, const struct store_send *x)
{
    struct ask *a = ctx;

    a->sends = xgrow(a->sends, &a->send_capacity, a->count + 1, sizeof *a->sends);
    a->sends[a->count++] = send_spec(x);
    return 0;
}

static int other_row(void *ctx, int64_t recipient, instant_t sent_at)
{
    struct ask *a = ctx;

    a->others = xgrow(a->others, &a->other_capacity, a->other_count + 1, sizeof *a->others);
    a->others[a->other_count++] =
        (struct engine_send){.recipient = recipient, .claimed_at = sent_at};
    return 0;
}

static void history_run(struct store *store, struct store_job *job)
{
    struct ask *a = (struct ask *)job;

    a->rc = store_history(store, a->effect.since, history_row, a, &a->err);
    if (!a->rc)
        a->rc = store_other_sends(store, a->effect.since, 0, other_row, a, &a->err);
}

static void history_done(struct store_job *job)
{
    struct ask *a = (struct ask *)job;
    instant_t now = run_now(a->run);

    if (ask_again(a))
        return;
    if (!a->rc) {
        for (size_t i = 0; i < a->count; i++)
            engine_history(a->run->engine, now, a->effect.revision, &a->sends[i]);
        for (size_t i = 0; i < a->other_count; i++)
            engine_other_send(a->run->engine, now, a->effect.revision, a->others[i].recipient,
                              a->others[i].claimed_at);
        engine_primed(a->run->engine, now, a->effect.revision);
    }
    ask_free(a);
}

void driver_history(struct run *s, const struct effect *f)
{
    ask_store(s, f, history_run, history_done);
}

static void expire_run(struct store *store, struct store_job *job)
{
    struct ask *a = (struct ask *)job;

    const struct effect *f = &a->effect;

    a->rc = f->lane ? store_expire_lane(store, f->revision, f->lane, f->at, &a->expired, &a->err)
                    : store_expire(store, f->revision, f->at, &a->expired, &a->err);
}

static void expire_done(struct store_job *job)
{
    struct ask *a = (struct ask *)job;

    if (ask_again(a))
        return;
    if (!a->rc)
        log_line(LOG_INFO, "campaign", "ended revision=%lld expired=%llu",
                 (long long)a->effect.revision, (unsigned long long)a->expired);
    ask_free(a);
}

static void pause_run(struct store *store, struct store_job *job)
{
    struct ask *a = (struct ask *)job;
    struct store_decision d = {.by = "paceline",
                               .at = a->effect.at,
                               .note =
                                   TR_TABLE("the channel refused the content: a person must look")};

    a->rc = store_pause(store, a->effect.revision, &d, &a->err);
}

static void pause_done(struct store_job *job)
{
    struct ask *a = (struct ask *)job;

    if (a->rc == ERR_STORE && ask_again(a))
        return;
    log_line(LOG_WARNING, "campaign", "paused revision=%lld: the channel refused the content%s%s",
             (long long)a->effect.revision, a->rc ? ": " : "", a->rc ? a->err.text : "");
    ask_free(a);
}

/* --- the turn --- */

static void run_effect(struct run *s, const struct effect *f)
{
    switch (f->kind) {
    case EFFECT_HISTORY:
        if (!own_sends_first(s, f))
            driver_history(s, f);
        break;
    case EFFECT_FETCH:
        ask_store(s, f, fetch_run, fetch_done);
        break;
    case EFFECT_CLAIM:
        gather_claim(s, f);
        break;
    case EFFECT_RESULT:
        gather_result(s, f);
        break;
    case EFFECT_SEND:
        send_call(s, f->send);
        break;
    case EFFECT_EXPIRE:
        ask_store(s, f, expire_run, expire_done);
        break;
    case EFFECT_PAUSE:
        ask_store(s, f, pause_run, pause_done);
        break;
    case EFFECT_FORGET:
        revisions_forget(s, f->owner);
        break;
    case EFFECT_HOLD:
        hold_told(s, f);
        break;
    case EFFECT_WITHDRAW:
        task_withdraw(s, f->send);
        break;
    }
}

static void on_wake(uv_timer_t *t)
{
    (void)t; /* the prepare handle takes the turn */
}

static void arm(struct run *s)
{
    instant_t wake = engine_wake(s->engine), now = run_now(s);
    int64_t sleep = wake == INSTANT_NEVER ? SLEEP_MAX_MS : wake - now;

    sleep = sleep < 1 ? 1 : sleep > SLEEP_MAX_MS ? SLEEP_MAX_MS : sleep;
    uv_update_time(&s->loop);
    uv_timer_start(&s->wake, on_wake, (uint64_t)sleep, 0);
}

void driver_turn(struct run *s)
{
    struct effect f;

    health_tick(s);
    clock_turn(s);
    engine_turn(s->engine, s->clock.now);
    while (engine_effect(s->engine, &f))
        run_effect(s, &f);
    flush(s);
    arm(s);
}

bool driver_idle(const struct run *s)
{
    return !s->committing && !s->unsettled && !s->gather && !s->deferred_first && !s->again_first &&
           sends_calling(s) == 0;
}

void driver_free(struct run *s)
{
    size_t at = 0;

    commit_free(s->unsettled); /* only while the store is broken: at the next start it is unknown */
    commit_free(s->gather);
    for (struct send *x; (x = map_each(&s->sends, &at));) {
        free(x->items);
        free(x->ref);
        arena_free(x->arena);
    }
    map_dispose(&s->sends);
    map_dispose(&s->by_number);
}
