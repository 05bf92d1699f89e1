/* What loop/driver.c, loop/sends.c and loop/health.c do, without libuv and plugins, in the same
 * order: one transaction at a time, what is decided meanwhile gathers for the next one, store jobs
 * come after the rows decided before them. A store job takes some time of the virtual clock. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

struct commit {
    struct store_job job;
    struct sim *sim;
    struct store_commit rows;
    size_t claim_capacity, result_capacity;
    struct store_result *results;
    struct arena *arena;
    bool failed, repeated;
};

int recipient_of(const char *name)
{
    return atoi(name + 1);
}

int spec_of(const struct sim *s, int64_t revision)
{
    for (size_t i = revision ? s->spec_count : 0; i-- > 0;) /* 0: none, or not saved */
        if (s->specs[i].revision == revision)
            return (int)i;
    return -1;
}

/* --- the store's queue --- */

static void store_next(struct sim *s);

static void job_append(struct store_job ***last, struct store_job *job)
{
    job->next = NULL;
    **last = job;
    *last = &job->next;
}

static struct commit *as_commit(struct store_job *job);
static void store_fails(struct sim *s);

/* Runs it, or lets the store fail. False: it is tried again when the store is back. */
static bool run_job(struct sim *s, struct store_job *job, struct commit *c)
{
    struct decision *d = as_decision(job);
    bool halts = d && d->kind == NOTE; /* recorded in the end, whatever happens */
    enum fault f = FAULTS;

    if (c)
        f = fault_store(s, c->rows.claim_count ? STEP_CLAIMED : STEP_SETTLED);
    else if (d && !halts)
        f = fault_store(s, STEP_IDLE);
    else if (is_seen(job))
        f = fault_store(s, STEP_SHOWN);
    if (f != FAULT_LOST)
        job->run(s->run->store, job);
    if (f == FAULTS)
        return true;
    store_fails(s);
    if (c)
        c->failed = true;
    else if (d)
        d->rc = ERR_STORE; /* the person is told so */
    return c || d;
}

static void on_stored(struct sim *s, struct event *v)
{
    struct service_run *r = s->run;
    struct store_job *job = r->first;
    struct commit *c = as_commit(job);

    (void)v;
    r->storing = false;
    if (!run_job(s, job, c))
        return;
    if (c && c->rows.claim_count)
        fault_step(s, STEP_CLAIMED, c->rows.claims[0].revision);
    else if (c)
        fault_step(s, STEP_SETTLED, c->results[0].revision);
    if (s->crash)
        return;
    r->first = job->next;
    if (!r->first)
        r->last = &r->first;
    job->done(job);
    store_next(s);
}

static void store_next(struct sim *s)
{
    struct service_run *r = s->run;

    if (r->storing || r->broken || !r->first)
        return;
    r->storing = true;
    sim_after(s, sim_chance(s, 2) ? sim_draw(s, 100, 5000) : sim_draw(s, 0, 12), true, on_stored, 0,
              0);
}

void service_store(struct sim *s, struct store_job *job)
{
    job_append(&s->run->last, job);
    store_next(s);
}

void service_defer(struct sim *s, struct store_job *job)
{
    job_append(&s->run->deferred_last, job);
}

/* --- claims and results --- */

static void commit_free(struct commit *c)
{
    if (!c)
        return;
    store_commit_dispose(&c->rows);
    free(c->rows.claims);
    free(c->results);
    arena_free(c->arena);
    free(c);
}

static struct commit *gathering(struct sim *s)
{
    if (!s->run->gather) {
        s->run->gather = xmalloc(sizeof *s->run->gather);
        s->run->gather->sim = s;
        s->run->gather->arena = arena_new();
    }
    return s->run->gather;
}

static void gather_claim(struct sim *s, const struct effect *f)
{
    struct commit *c = gathering(s);

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

static void send_free(struct sim *s, struct send *x)
{
    map_remove(&s->run->by_number, x->number);
    free(x->items);
    free(x);
}

static void send_result(struct sim *s, struct send *x, int64_t delivery, enum delivery_state state)
{
    for (size_t i = 0; i < x->count; i++)
        if (x->items[i].delivery == delivery)
            x->items[i].state = state;
    if (state != DELIVERY_PROMPTED && --x->open == 0)
        send_free(s, x);
}

static const char *by_of(const struct send *x, int64_t delivery)
{
    for (size_t i = 0; x && i < x->count; i++)
        if (x->items[i].delivery == delivery)
            return x->items[i].by;
    return NULL;
}

static void gather_result(struct sim *s, const struct effect *f)
{
    struct commit *c = gathering(s);
    struct send *x = map_get(&s->run->by_number, f->send);
    struct store_result *r;

    c->results =
        xgrow(c->results, &c->result_capacity, c->rows.result_count + 1, sizeof *c->results);
    r = &c->results[c->rows.result_count++];
    *r = (struct store_result){.delivery = f->delivery,
                               .at = f->at,
                               .revision = f->revision,
                               .lane = f->lane,
                               .progress = f->progress,
                               .state = f->state,
                               .reason = f->reason,
                               .claimed_at = f->claimed_at,
                               .unseen = f->unseen,
                               .by = by_of(x, f->delivery)};
    if (f->state == DELIVERY_PROMPTED) {
        r->prompt = f->send;
        r->nonce = arena_strdup(c->arena, x->nonce);
    }
    c->rows.at = f->at;
    if (x)
        send_result(s, x, f->delivery, f->state);
}

static void commit_run(struct store *store, struct store_job *job)
{
    struct commit *c = (struct commit *)job;
    struct err e;

    sim_ok(c->sim,
           c->repeated ? store_commit_again(store, &c->rows, &e)
                       : store_commit(store, &c->rows, &e),
           &e);
}

void send_add(struct send *x, int64_t delivery, int recipient, enum delivery_state state)
{
    x->items = xgrow(x->items, &x->capacity, x->count + 1, sizeof *x->items);
    x->items[x->count++] =
        (struct item){.delivery = delivery, .recipient = recipient, .state = state};
    x->open += !delivery_state_final(state);
}

static int sender_of(const char *name)
{
    int i = 0;

    while (strcmp(sender_names[i], name) != 0)
        i++;
    return i;
}

struct send *send_of(struct sim *s, int64_t number, int64_t revision, const char *sender)
{
    struct send *x = map_get(&s->run->by_number, number);

    if (x)
        return x;
    x = xmalloc(sizeof *x);
    *x = (struct send){.id = s->next_send++,
                       .number = number,
                       .revision = revision,
                       .spec = spec_of(s, revision),
                       .sender = sender_of(sender),
                       .shown_at = INSTANT_MIN};
    map_put(&s->run->by_number, number, x);
    return x;
}

static void flush(struct sim *s);

static void commit_done(struct store_job *job)
{
    struct commit *c = (struct commit *)job;
    struct sim *s = c->sim;

    s->run->committing = false;
    if (c->failed) {
        c->failed = false;
        s->run->unsettled = c;
        return;
    }
    for (size_t i = 0; i < c->rows.claim_count; i++) {
        const struct store_claim *claim = &c->rows.claims[i];
        sim_hash(s, claim->delivery, claim->refused);
        if (!claim->refused) {
            struct send *x = send_of(s, claim->send, claim->revision, claim->sender);
            x->claimed_at = claim->at;
            send_add(x, claim->delivery, recipient_of(claim->recipient), DELIVERY_CLAIMED);
        }
        engine_claimed(s->run->engine, sim_now(s), claim->delivery, !claim->refused);
    }
    for (size_t i = 0; i < c->rows.result_count; i++) {
        struct send *x = map_get(&s->run->by_number, c->results[i].prompt);
        if (c->results[i].state != DELIVERY_PROMPTED || !x || x->durable)
            continue;
        x->durable = true;
        people_asked(s, x);
        fault_step(s, STEP_ASKED, x->revision);
    }
    flush(s);
    commit_free(c);
}

static struct commit *as_commit(struct store_job *job)
{
    return job->run == commit_run ? (struct commit *)job : NULL;
}

/* --- a store that fails: as loop/health.c ---
 * Where the loop lets a job fail and runs it again, here the queue stands still. */

static int sync_unknown(void *ctx, const struct store_revision *r)
{
    struct sim *s = ctx;

    if (!engine_has_revision(s->run->engine, r->id))
        service_sync(s, r->id, false);
    return 0;
}

static void on_back(struct sim *s, struct event *v)
{
    struct service_run *r = s->run;
    struct commit *c = r->unsettled;
    size_t at = 0;
    struct err e;

    (void)v;
    sim_ok(s, store_reopen(r->store, &e), &e);
    r->broken = false;
    engine_hold_claims(r->engine, sim_now(s), false);
    if (c) { /* first of all */
        r->unsettled = NULL;
        store_commit_dispose(&c->rows); /* what was kept was never told */
        c->repeated = r->committing = true;
        c->job.next = r->first;
        r->last = r->first ? r->last : &c->job.next;
        r->first = &c->job;
    }
    for (const struct running *x; (x = map_each(&r->running, &at));)
        service_sync(s, x->id, false);
    sim_ok(s, store_active(r->store, sync_unknown, s, &e), &e);
    store_next(s);
}

static void store_fails(struct sim *s)
{
    s->run->broken = true;
    engine_hold_claims(s->run->engine, sim_now(s), true);
    sim_after(s, sim_chance(s, 80) ? sim_draw(s, 250, 5000) : sim_draw(s, 5000, MS_PER_HOUR), true,
              on_back, 0, 0);
}

static void flush(struct sim *s)
{
    struct service_run *r = s->run;
    struct commit *c = r->gather;

    if (r->committing || r->broken || s->crash)
        return;
    if (c) {
        if (c->rows.claim_count)
            fault_step(s, STEP_GATHERED, c->rows.claims[0].revision);
        if (s->crash)
            return;
        r->gather = NULL;
        r->committing = true;
        c->rows.results = c->results;
        c->job = (struct store_job){commit_run, commit_done, NULL};
        service_store(s, &c->job);
    }
    while (r->deferred) {
        struct store_job *job = r->deferred;
        r->deferred = job->next;
        service_store(s, job);
    }
    r->deferred_last = &r->deferred;
}

/* --- what the engine asks of the store --- */

struct ask {
    struct store_job job;
    struct sim *sim;
    struct effect effect;
    struct engine_waiting *waiting;
    struct engine_send *sends;
    size_t count, capacity;
};

static void ask_free(struct ask *a)
{
    free(a->waiting);
    free(a->sends);
    free(a);
}

static void fetch_run(struct store *store, struct store_job *job)
{
    struct ask *a = (struct ask *)job;
    const struct effect *f = &a->effect;
    struct store_waiting *w = xmalloc(f->cap * sizeof *w);
    struct err e;

    sim_ok(a->sim,
           store_fetch(store, f->revision, f->lane, f->after, f->key, w, f->cap, &a->count, &e),
           &e);
    a->waiting = xmalloc((a->count + 1) * sizeof *a->waiting);
    for (size_t i = 0; i < a->count; i++)
        a->waiting[i] = (struct engine_waiting){w[i].delivery, w[i].row, w[i].recipient,
                                                w[i].attempts, w[i].message};
    free(w);
}

static void fetch_done(struct store_job *job)
{
    struct ask *a = (struct ask *)job;
    const struct effect *f = &a->effect;

    engine_fetched(a->sim->run->engine, sim_now(a->sim), f->revision, f->lane, a->waiting, a->count,
                   a->count == f->cap);
    ask_free(a);
}

static int history_row(void *ctx, const struct store_send *x)
{
    struct ask *a = ctx;

    a->sends = xgrow(a->sends, &a->capacity, a->count + 1, sizeof *a->sends);
    a->sends[a->count++] = (struct engine_send){.delivery = x->delivery,
                                                .campaign = x->campaign,
                                                .lane = x->lane,
                                                .recipient = x->recipient,
                                                .claimed_at = x->claimed_at,
                                                .answered_at = x->answered_at,
                                                .send = x->send,
                                                .again = x->again};
    return 0;
}

static void history_run(struct store *store, struct store_job *job)
{
    struct ask *a = (struct ask *)job;
    struct err e;

    sim_ok(a->sim, store_history(store, a->effect.since, history_row, a, &e), &e);
}

static void history_done(struct store_job *job)
{
    struct ask *a = (struct ask *)job;
    struct engine *engine = a->sim->run->engine;

    for (size_t i = 0; i < a->count; i++)
        engine_history(engine, sim_now(a->sim), a->effect.revision, &a->sends[i]);
    engine_primed(engine, sim_now(a->sim), a->effect.revision);
    ask_free(a);
}

static void expire_run(struct store *store, struct store_job *job)
{
    struct ask *a = (struct ask *)job;
    struct err e;
    uint64_t n;

    sim_ok(a->sim, store_expire(store, a->effect.revision, a->effect.at, &n, &e), &e);
}

static void pause_run(struct store *store, struct store_job *job)
{
    struct ask *a = (struct ask *)job;
    struct store_decision d = {
        .by = "paceline", .at = a->effect.at, .note = "the channel refused the content"};
    struct err e;

    /* somebody may have decided meanwhile */
    if (!store_pause(store, a->effect.revision, &d, &e))
        a->sim->specs[spec_of(a->sim, a->effect.revision)].held = true;
}

static void ask_done(struct store_job *job)
{
    ask_free((struct ask *)job);
}

static void ask_store(struct sim *s, const struct effect *f,
                      void (*go)(struct store *, struct store_job *),
                      void (*done)(struct store_job *))
{
    struct ask *a = xmalloc(sizeof *a);

    a->job = (struct store_job){go, done, NULL};
    a->sim = s;
    a->effect = *f;
    service_defer(s, &a->job);
}

/* --- turns --- */

void service_answer(struct sim *s, struct send *x, const struct engine_answer *a)
{
    if (a->kind == ANSWER_ASKED) {
        x->asked = true;
        x->asked_at = sim_now(s);
        snprintf(x->nonce, sizeof x->nonce, "%032llx", (unsigned long long)x->id);
    }
    x->called = false;
    if (!engine_answer(s->run->engine, sim_now(s), x->number, a))
        sim_bad(s, "the engine does not know send %lld any more", (long long)x->number);
}

static void effect(struct sim *s, const struct effect *f)
{
    sim_hash(s, (int64_t)f->kind * 1000003 + f->delivery, f->at);
    sim_hash(s, (int64_t)f->state, (int64_t)f->reason);
    switch (f->kind) {
    case EFFECT_HISTORY:
        ask_store(s, f, history_run, history_done);
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
        world_call(s, map_get(&s->run->by_number, f->send));
        break;
    case EFFECT_EXPIRE:
        ask_store(s, f, expire_run, ask_done);
        break;
    case EFFECT_PAUSE:
        s->specs[spec_of(s, f->revision)].held_life = s->life;
        ask_store(s, f, pause_run, ask_done);
        break;
    case EFFECT_WITHDRAW: /* nothing here is asked by a platform */
        break;
    case EFFECT_FORGET:
        load_forget(s, f->owner);
        break;
    case EFFECT_HOLD: /* not watched here */
        break;
    }
}

void service_turn(struct sim *s)
{
    struct effect f;

    clock_turn(s);
    engine_turn(s->run->engine, s->keeper.now);
    while (!s->crash && engine_effect(s->run->engine, &f))
        effect(s, &f);
    flush(s);
}

/* --- life --- */

struct ids {
    int64_t ids[64];
    size_t count;
};

static int collect(void *ctx, const struct store_revision *r)
{
    struct ids *x = ctx;

    if (x->count < sizeof x->ids / sizeof *x->ids)
        x->ids[x->count++] = r->id;
    return 0;
}

void service_start(struct sim *s)
{
    struct service_run *r = s->run = xmalloc(sizeof *r);
    struct ids x = {.count = 0};
    instant_t high = 0;
    uint64_t unknown;
    struct err e;

    r->last = &r->first;
    r->deferred_last = &r->deferred;
    r->engine = engine_new();
    s->life++;
    sim_ok(s, store_open(&r->store, s->path, &e), &e);
    sim_ok(s, store_high_water(r->store, &high, &e), &e);
    clock_start(s, high);
    fault_step(s, STEP_STARTING, 0);
    if (s->crash)
        return;
    sim_ok(s, store_recover(r->store, sim_now(s), &unknown, &e), &e);
    fault_step(s, STEP_RECOVERED, 0);
    if (s->crash)
        return;
    if (s->halted)
        engine_halt(r->engine);
    load_lanes(s);
    sim_ok(s, store_active(r->store, collect, &x, &e), &e);
    for (size_t i = 0; i < x.count; i++)
        load_at_start(s, x.ids[i]);
}

/* Everything in memory is lost. What the store's jobs own is freed without having happened. */
void service_crash(struct sim *s)
{
    struct service_run *r = s->run;
    struct store_job *lists[] = {r->first, r->deferred};
    size_t at = 0;

    for (size_t i = 0; i < 2; i++)
        for (struct store_job *j = lists[i], *next; j; j = next) {
            next = j->next;
            if (j->run == commit_run)
                commit_free((struct commit *)j);
            else if (is_load(j))
                load_drop(j);
            else if (j->done == fetch_done || j->done == history_done || j->done == ask_done)
                ask_free((struct ask *)j);
            else
                free(j);
        }
    commit_free(r->gather);
    commit_free(r->unsettled);
    for (struct send *x; (x = map_each(&r->by_number, &at));) {
        free(x->items);
        free(x);
    }
    at = 0;
    for (struct running *x; (x = map_each(&r->running, &at));) {
        campaign_free(x->c);
        arena_free(x->arena);
    }
    map_dispose(&r->by_number);
    map_dispose(&r->running);
    map_dispose(&r->lanes);
    engine_free(r->engine);
    store_close(r->store);
    free(r);
    s->run = NULL;
    s->crash = false;
    s->life++;
}
