/* Campaigns in and out of the engine, as loop/revisions.c: read in the store's turn, followed when
 * that is done. */
#include "sim.h"

#include "plan/spec.h"

#include <stdlib.h>
#include <string.h>

enum { ACCOUNT_BY_HAND = -1 };

struct load {
    struct store_job job;
    struct sim *sim;
    struct arena *arena;
    int64_t id, campaign_id;
    bool known; /* to the engine, when it was asked for */
    uint64_t pauses;
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

    l->lanes[l->lane_count++] =
        (struct engine_revision_lane){.lane = lane->lane, .waiting = lane->waiting};
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
    for (size_t i = 0; i < l->lane_count; i++)
        sim_ok(l->sim,
               store_revision_due(store, l->id, l->lanes[i].lane, &l->lanes[i].last_due, &e), &e);
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

void load_lanes(struct sim *s)
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

    load_lanes(s);
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

    if ((l->known && !engine_has_revision(s->run->engine, l->id)) ||
        l->pauses != engine_pauses(s->run->engine)) {
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
    l->pauses = engine_pauses(s->run->engine);
    service_defer(s, &l->job);
}

void load_forget(struct sim *s, struct running *r)
{
    map_remove(&s->run->running, r->id);
    campaign_free(r->c);
    arena_free(r->arena);
}

bool is_load(const struct store_job *job)
{
    return job->run == load_run;
}

void load_drop(struct store_job *job)
{
    load_free((struct load *)job);
}

void load_at_start(struct sim *s, int64_t revision)
{
    struct load *l = load_new(s, revision, false);

    load_run(s->run->store, &l->job);
    follow(s, l);
    load_free(l);
}
