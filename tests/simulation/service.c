/* What loop/driver.c, loop/sends.c and loop/revisions.c do, without libuv and plugins, in the same
 * order: one transaction at a time, what is decided meanwhile gathers for the next one, store jobs
 * come after the rows decided before them. A store job takes some time of the virtual clock. */
#include "sim.h"

#include "plan/spec.h"

#include <stdlib.h>
#include <string.h>

enum { ACCOUNT_BY_HAND = -1 };

struct commit {
    struct store_job job;
    struct sim *sim;
    struct store_commit rows;
    size_t claim_capacity, result_capacity;
    struct store_result *results;
    struct arena *arena;
};

int recipient_of(const char *name)
{
    return atoi(name + 1);
}

int spec_of(const struct sim *s, int64_t revision)
{
    for (size_t i = s->spec_count; i-- > 0;)
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

static const struct commit *as_commit(const struct store_job *job);

static void on_stored(struct sim *s, struct event *v)
{
    struct service_run *r = s->run;
    struct store_job *job = r->first;
    const struct commit *c = as_commit(job);

    (void)v;
    r->storing = false;
    job->run(r->store, job);
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

    if (r->storing || !r->first)
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

    sim_ok(c->sim, store_commit(store, &c->rows, &e), &e);
}

static void send_add(struct send *x, int64_t delivery, int recipient, enum delivery_state state)
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

static struct send *send_of(struct sim *s, int64_t number, int64_t revision, const char *sender)
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

static const struct commit *as_commit(const struct store_job *job)
{
    return job->run == commit_run ? (const struct commit *)job : NULL;
}

static void flush(struct sim *s)
{
    struct service_run *r = s->run;
    struct commit *c = r->gather;

    if (r->committing || s->crash)
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

/* --- campaigns --- */

struct load {
    struct store_job job;
    struct sim *sim;
    struct arena *arena;
    int64_t id, campaign_id;
    bool known; /* to the engine, when it was asked for */
    bool family, approved;
    enum revision_status status;
    char *manifest;
    struct digest digest;
    struct engine_revision_lane lanes[SENDERS];
    size_t lane_count;
    struct store_prompt prompts[32];
    struct store_prompt_row *rows[32];
    size_t row_counts[32], prompt_count;
};

static int read_revision(void *ctx, const struct store_revision *r)
{
    struct load *l = ctx;

    l->campaign_id = r->campaign_id;
    l->status = r->status;
    l->approved = r->approved_at != INSTANT_MIN;
    l->manifest = arena_strdup(l->arena, r->manifest ? r->manifest : "");
    l->digest = r->digest;
    return 0;
}

static int read_lane(void *ctx, const struct store_revision_lane *lane)
{
    struct load *l = ctx;

    l->lanes[l->lane_count++] = (struct engine_revision_lane){
        .lane = lane->lane, .waiting = lane->waiting, .last_due = lane->last_due};
    return 0;
}

static int read_prompt(void *ctx, const struct store_prompt *p, const struct store_prompt_row *row)
{
    struct load *l = ctx;
    size_t n = l->prompt_count;

    if (!n || l->prompts[n - 1].id != p->id) {
        n = ++l->prompt_count;
        l->prompts[n - 1] = *p;
        l->prompts[n - 1].nonce = arena_strdup(l->arena, p->nonce);
        l->rows[n - 1] = arena_array(l->arena, 64, sizeof *row);
    }
    struct store_prompt_row *to = &l->rows[n - 1][l->row_counts[n - 1]++];
    *to = *row;
    to->recipient = arena_strdup(l->arena, row->recipient);
    to->sender = arena_strdup(l->arena, row->sender);
    return 0;
}

static void load_run(struct store *store, struct store_job *job)
{
    struct load *l = (struct load *)job;
    struct err e;

    sim_ok(l->sim, store_revision(store, l->id, read_revision, l, &e), &e);
    if (!l->approved)
        return;
    sim_ok(l->sim, store_revision_lanes(store, l->id, read_lane, l, &e), &e);
    sim_ok(l->sim, store_prompts(store, l->id, read_prompt, l, &e), &e);
}

static int learn_lane(void *ctx, const struct store_lane_row *row)
{
    static const struct engine_quota quotas[] = {{20, MS_PER_MINUTE}};
    struct sim *s = ctx;
    struct service_run *r = s->run;
    struct engine_lane lane = {.id = row->lane,
                               .channel = row->channel,
                               .sender = row->sender,
                               .last_due = INSTANT_MIN,
                               .last_answer = INSTANT_MIN,
                               .first = row->first_sent};
    struct err e;
    int c = 0;

    if (map_get(&r->lanes, row->lane))
        return 0;
    while (strcmp(channel_names[c], row->channel_name) != 0)
        c++;
    if (!r->channel_known[c])
        engine_add_channel(r->engine, &(struct engine_channel){
                                          .id = row->channel,
                                          .account = c == BY_HAND ? ACCOUNT_BY_HAND : row->channel,
                                          .asks = c == BY_HAND,
                                          .in_flight_max = c == 1   ? 8
                                                           : c == 0 ? 2
                                                                    : 16,
                                          .quotas = quotas,
                                          .quota_count = c == 1});
    r->channel_known[c] = true;
    sim_ok(s, store_lane_last(r->store, row->lane, &lane.last_due, &lane.last_answer, &e), &e);
    map_put(&r->lanes, row->lane, r);
    engine_add_lane(r->engine, &lane);
    return 0;
}

static void learn_lanes(struct sim *s)
{
    struct err e;

    sim_ok(s, store_lanes(s->run->store, learn_lane, s, &e), &e);
}

static void restore_prompt(struct sim *s, const struct running *r, const struct store_prompt *p,
                           const struct store_prompt_row *rows, size_t count)
{
    struct engine_waiting *open = arena_array(r->arena, count, sizeof *open);
    struct engine_asked asked = {.revision = r->id,
                                 .lane = p->lane,
                                 .send = p->id,
                                 .deliveries = open,
                                 .claimed_at = p->claimed_at,
                                 .shown = p->shown_at != INSTANT_MIN || p->doubted};
    struct send *x = NULL;

    for (size_t i = 0; i < count; i++) {
        x = send_of(s, p->id, r->id, rows[i].sender);
        send_add(x, rows[i].delivery, recipient_of(rows[i].recipient), rows[i].state);
        if (rows[i].state == DELIVERY_PROMPTED)
            open[asked.count++] =
                (struct engine_waiting){rows[i].delivery, rows[i].row, rows[i].recipient_id,
                                        rows[i].attempts, rows[i].message};
    }
    x->asked = x->durable = true;
    x->asked_at = p->asked_at;
    x->shown_at = p->shown_at;
    x->claimed_at = p->claimed_at;
    snprintf(x->nonce, sizeof x->nonce, "%s", p->nonce);
    engine_restore(s->run->engine, sim_now(s), &asked);
    people_asked(s, x);
}

static void follow_start(struct sim *s, struct load *l)
{
    struct err e;
    struct revision_facts facts;
    struct arena *a = arena_new();
    struct running *r = arena_alloc(a, sizeof *r);
    struct engine_revision terms;
    int spec = spec_of(s, l->id);

    learn_lanes(s);
    *r = (struct running){.id = l->id,
                          .campaign_id = l->campaign_id,
                          .c = manifest_read(l->manifest, s->zones, &facts, &e),
                          .arena = a,
                          .spec = spec,
                          .channel = s->specs[spec].channel};
    if (!r->c) {
        sim_bad(s, "manifest: %s", e.text);
        return;
    }
    map_put(&s->run->running, r->id, r);
    spec_revision(&terms, r->c, a);
    terms.id = r->id;
    terms.campaign = r->campaign_id;
    terms.channel = r->channel + 1;
    terms.seed = revision_seed(&l->digest);
    terms.lanes = l->lanes;
    terms.lane_count = l->lane_count;
    terms.paused = l->status == REVISION_PAUSED;
    terms.owner = r;
    engine_add_revision(s->run->engine, sim_now(s), &terms);
    for (size_t i = 0; i < l->prompt_count; i++)
        restore_prompt(s, r, &l->prompts[i], l->rows[i], l->row_counts[i]);
}

static void follow(struct sim *s, struct load *l)
{
    struct engine *engine = s->run->engine;
    bool known = engine_has_revision(engine, l->id);
    bool active = l->status == REVISION_APPROVED || (l->status == REVISION_PAUSED && l->approved);

    if (!active && !known && l->prompt_count) {
        follow_start(s, l);
        engine_drop(engine, sim_now(s), l->id, true);
    } else if (!active) {
        engine_drop(engine, sim_now(s), l->id, false);
    } else if (!known && l->lane_count) {
        follow_start(s, l);
    } else if (l->status == REVISION_PAUSED) {
        if (!engine_paused(engine, l->id))
            engine_pause(engine, sim_now(s), l->id, false);
    } else {
        const struct running *r = map_get(&s->run->running, l->id);
        engine_resume(engine, sim_now(s), l->id);
        if (r)
            engine_channel_open(engine, sim_now(s), r->channel + 1);
    }
}

static void load_free(struct load *l)
{
    arena_free(l->arena);
    free(l);
}

static void load_done(struct store_job *job)
{
    struct load *l = (struct load *)job;
    struct sim *s = l->sim;
    size_t at = 0;

    if (l->known && !engine_has_revision(s->run->engine, l->id)) {
        service_sync(s, l->id, l->family);
        load_free(l);
        return;
    }
    follow(s, l);
    for (const struct running *r; l->family && (r = map_each(&s->run->running, &at));)
        if (r->campaign_id == l->campaign_id && r->id != l->id)
            service_sync(s, r->id, false);
    load_free(l);
}

static struct load *load_new(struct sim *s, int64_t revision, bool family)
{
    struct load *l = xmalloc(sizeof *l);

    l->job = (struct store_job){load_run, load_done, NULL};
    l->sim = s;
    l->arena = arena_new();
    l->id = revision;
    l->family = family;
    return l;
}

void service_sync(struct sim *s, int64_t revision, bool family)
{
    struct load *l = load_new(s, revision, family);

    l->known = engine_has_revision(s->run->engine, revision);
    service_defer(s, &l->job);
}

static void forget(struct sim *s, struct running *r)
{
    map_remove(&s->run->running, r->id);
    campaign_free(r->c);
    arena_free(r->arena);
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
        forget(s, f->owner);
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
    learn_lanes(s);
    sim_ok(s, store_active(r->store, collect, &x, &e), &e);
    for (size_t i = 0; i < x.count; i++) {
        struct load *l = load_new(s, x.ids[i], false);
        load_run(r->store, &l->job);
        follow(s, l);
        load_free(l);
    }
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
            else if (j->run == load_run)
                load_free((struct load *)j);
            else if (j->done == fetch_done || j->done == history_done || j->done == ask_done)
                ask_free((struct ask *)j);
            else
                free(j);
        }
    commit_free(r->gather);
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
