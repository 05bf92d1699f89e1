/* Campaigns in and out of the engine: what the store says of a revision, the engine follows.
 *
 * A revision runs only on the very channel it was approved for: plugin, mode and options are
 * compared with the manifest each time it is loaded. */
#include "loop/internal.h"

#include "api/lanes.h"
#include "base/lang.h"
#include "base/log.h"
#include "plan/spec.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct load_prompt {
    struct store_prompt prompt;
    struct store_prompt_row *rows;
    size_t count, capacity;
};

struct load {
    struct store_job job;
    struct run *run;
    struct arena *arena; /* what was read */
    int64_t id, campaign_id;
    bool family;     /* look at the campaign's other revisions too */
    bool known;      /* to the engine, when it was asked for */
    uint64_t pauses; /* of the engine, then */
    enum revision_status status;
    bool approved; /* ever */
    bool keep;     /* paused or canceled, and what people are being asked stays open */
    const char *name, *title, *channel, *manifest;
    struct load_prompt *prompts; /* open questions */
    size_t prompt_count, prompt_capacity;
    struct digest digest;
    struct lane_list lanes;
    bool spreads; /* each lane counts from the revision's own last send */
    struct channel_attachment *attachments;
    size_t attachment_count;
    struct arena *kept; /* the attachments' bytes: live as long as the revision runs */
    struct err err;
    int rc;
};

static void load_free(struct load *l)
{
    arena_free(l->arena);
    arena_free(l->kept);
    lanes_dispose(&l->lanes);
    for (size_t i = 0; i < l->prompt_count; i++)
        free(l->prompts[i].rows);
    free(l->prompts);
    free(l);
}

/* --- store thread --- */

static int read_revision(void *ctx, const struct store_revision *r)
{
    struct load *l = ctx;

    l->campaign_id = r->campaign_id;
    l->status = r->status;
    l->approved = r->approved_at != INSTANT_MIN;
    l->keep = r->keep_tasks;
    l->name = arena_strdup(l->arena, r->campaign);
    l->title = arena_strdup(l->arena, r->title ? r->title : "");
    l->channel = arena_strdup(l->arena, r->channel ? r->channel : "");
    l->manifest = arena_strdup(l->arena, r->manifest ? r->manifest : "");
    l->digest = r->digest;
    return 0;
}

static const char *words_keep(struct arena *arena, const char *text)
{
    return text ? arena_strdup(arena, text) : NULL;
}

static int read_blobs(struct store *store, struct load *l)
{
    struct revision_facts f;
    struct zones *zones = zones_new(); /* one a thread */
    struct campaign *c = manifest_read(l->manifest, zones, &f, &l->err);
    int rc = c ? 0 : l->err.code;

    l->spreads = c && c->pace.distribution == PACE_SPREAD;
    l->attachment_count = c ? c->attachment_count : 0;
    l->attachments = arena_array(l->kept, l->attachment_count + 1, sizeof *l->attachments);
    for (size_t i = 0; !rc && i < l->attachment_count; i++) {
        void *bytes = NULL;
        size_t length = 0;
        const struct conf_attachment *a = &c->attachments[i];
        const char *path = a->path ? a->path : a->title, *slash = strrchr(path, '/');
        if (a->path)
            rc = store_blob(store, &f.attachments[i], &bytes, &length, &l->err);
        if (rc)
            break;
        l->attachments[i] =
            (struct channel_attachment){.kind = arena_strdup(l->kept, a->kind),
                                        .name = arena_strdup(l->kept, slash ? slash + 1 : path),
                                        .bytes = bytes ? arena_strndup(l->kept, bytes, length) : "",
                                        .length = length,
                                        .title = words_keep(l->kept, a->title),
                                        .url = words_keep(l->kept, a->url),
                                        .description = words_keep(l->kept, a->description),
                                        .appid = words_keep(l->kept, a->appid),
                                        .page = words_keep(l->kept, a->page)};
        free(bytes);
    }
    campaign_free(c);
    zones_free(zones);
    return rc;
}

static int keep_prompt(void *ctx, const struct store_prompt *p, const struct store_prompt_row *row)
{
    struct load *l = ctx;
    struct load_prompt *last = l->prompt_count ? &l->prompts[l->prompt_count - 1] : NULL;

    if (!last || last->prompt.id != p->id) {
        l->prompts =
            xgrow(l->prompts, &l->prompt_capacity, l->prompt_count + 1, sizeof *l->prompts);
        last = &l->prompts[l->prompt_count++];
        *last = (struct load_prompt){.prompt = *p};
        last->prompt.nonce = arena_strdup(l->arena, p->nonce);
        last->prompt.ref = p->ref ? arena_strdup(l->arena, p->ref) : NULL;
    }
    last->rows = xgrow(last->rows, &last->capacity, last->count + 1, sizeof *last->rows);
    last->rows[last->count] = *row;
    last->rows[last->count].recipient = arena_strdup(l->arena, row->recipient);
    last->rows[last->count].sender = arena_strdup(l->arena, row->sender);
    last->rows[last->count++].values = row->values ? arena_strdup(l->arena, row->values) : NULL;
    return 0;
}

static void load_run(struct store *store, struct store_job *job)
{
    struct load *l = (struct load *)job;

    l->rc = store_revision(store, l->id, read_revision, l, &l->err);
    if (!l->rc && l->approved)
        l->rc = read_blobs(store, l);
    if (!l->rc && l->approved)
        l->rc = lanes_of(&l->lanes, store, l->id, l->spreads, &l->err);
    if (!l->rc && l->approved)
        l->rc = store_prompts(store, l->id, keep_prompt, l, &l->err);
}

/* --- loop thread --- */

static void row_known(struct run *s, const struct lane_row *row)
{
    struct chan *c = channel_find(s, row->channel_name);

    if (!c || map_get(&s->lanes, row->lane))
        return; /* not configured (any more) */
    if (!c->id) {
        struct engine_quota quotas[SPEC_QUOTAS];
        struct engine_channel spec = spec_channel(row->channel, c->kind, c->conf->account, quotas);
        c->id = row->channel;
        engine_add_channel(s->engine, &spec);
    }
    struct lane_name *name = xmalloc(sizeof *name);
    *name = (struct lane_name){.lane = row->lane,
                               .channel_id = row->channel,
                               .channel = xstrdup(row->channel_name),
                               .sender = xstrdup(row->sender_name)};
    map_put(&s->lanes, row->lane, name);
    const struct engine_lane spec = lane_spec(row);
    engine_add_lane(s->engine, &spec);
    engine_lane_away(s->engine, run_now(s), row->lane, members_away(s, name));
}

/* The channel as it is configured now must be the one that was approved. */
static struct chan *approved_channel(struct run *s, const struct load *l,
                                     const struct revision_facts *f)
{
    struct chan *c = channel_find(s, l->channel);

    if (!c)
        snprintf(s->problem, sizeof s->problem, tr("%s: channel '%s' is not in %s any more"),
                 l->name, l->channel, s->conf->file);
    else if (!revision_fits(f, c->conf, c->settings->manifest))
        snprintf(s->problem, sizeof s->problem,
                 tr("%s was approved for other settings of channel '%s': submit it again"), l->name,
                 l->channel);
    else
        return c;
    log_line(LOG_ERROR, "campaign", "not loaded: %s", s->problem);
    return NULL;
}

/* A question that was open when the service stopped is open again, with its nonce: an agent that
 * still shows it may answer it. */
static void restore_prompt(struct run *s, const struct running *r, const struct load_prompt *p)
{
    struct engine_waiting *open = arena_array(r->arena, p->count, sizeof *open);
    struct engine_asked asked = {.revision = r->id,
                                 .lane = p->prompt.lane,
                                 .send = p->prompt.id,
                                 .deliveries = open,
                                 .claimed_at = p->prompt.claimed_at,
                                 .shown = p->prompt.shown_at != INSTANT_MIN || p->prompt.doubted};
    struct send *x = NULL;

    for (size_t i = 0; i < p->count; i++) {
        const struct store_prompt_row *row = &p->rows[i];
        x = send_restored(s, &p->prompt, row);
        if (row->state == DELIVERY_PROMPTED)
            open[asked.count++] = (struct engine_waiting){
                row->delivery, row->row, row->recipient_id, row->attempts, row->message};
    }
    assert(x); /* a question is about somebody */
    if (!p->prompt.ref)
        prompt_restore(x, &p->prompt);
    if (!send_prepare(s, x, r)) /* as in a call: was tampered with */
        log_line(LOG_ERROR, "prompt", "does not render delivery=%lld", (long long)x->number);
    if (p->prompt.ref)
        task_restore(s, x, &p->prompt);
    engine_restore(s->engine, run_now(s), &asked);
    for (size_t i = 0; i < p->count; i++)
        if (p->rows[i].capped_at)
            engine_capped(s->engine, r->id, p->prompt.lane, p->rows[i].delivery,
                          p->rows[i].capped_at);
    prompts_changed(s);
}

static void start(struct run *s, struct load *l)
{
    struct revision_facts facts;
    struct campaign *c = manifest_read(l->manifest, s->zones, &facts, &l->err);
    struct chan *channel = c ? approved_channel(s, l, &facts) : NULL;
    struct engine_revision_lane *lanes;
    size_t lane_count = 0;
    struct engine_revision spec;
    struct running *r;

    if (!channel) {
        if (!c)
            log_line(LOG_ERROR, "campaign", "%s: not loaded: %s", l->name, l->err.text);
        campaign_free(c);
        return;
    }
    for (size_t i = 0; i < l->lanes.count; i++)
        row_known(s, &l->lanes.rows[i]);
    lanes = lanes_specs(&l->lanes, c, s->zones, l->kept, &lane_count);
    r = arena_alloc(l->kept, sizeof *r);
    *r = (struct running){.id = l->id,
                          .campaign_id = l->campaign_id,
                          .campaign = c,
                          .arena = l->kept,
                          .name = arena_strdup(l->kept, l->name),
                          .title = arena_strdup(l->kept, l->title),
                          .digest = l->digest,
                          .channel = channel,
                          .attachments = l->attachments,
                          .attachment_count = l->attachment_count};
    l->kept = NULL;
    map_put(&s->running, r->id, r);
    spec_terms(&spec, c, channel->conf, channel->kind, s->zones, r->arena);
    spec.id = r->id;
    spec.campaign = r->campaign_id;
    spec.channel = channel->id;
    spec.seed = revision_seed(&l->digest);
    spec.lanes = lanes;
    spec.lane_count = lane_count;
    spec.paused = l->status == REVISION_PAUSED;
    spec.keep_asked = l->keep;
    spec.owner = r;
    engine_add_revision(s->engine, run_now(s), &spec);
    for (size_t i = 0; i < l->prompt_count; i++) {
        reconcile_adopts(s, l->prompts[i].prompt.id);
        restore_prompt(s, r, &l->prompts[i]);
    }
    log_line(LOG_INFO, "campaign", "loaded campaign=%s revision=%lld lanes=%zu", r->name,
             (long long)r->id, l->lanes.count);
}

/* A task that was found again, of a revision that runs. */
static bool take_up_found(struct run *s, struct load *l)
{
    struct running *r = map_get(&s->running, l->id);
    bool any = false;

    for (size_t i = 0; r && i < l->prompt_count; i++) {
        if (!reconcile_adopts(s, l->prompts[i].prompt.id))
            continue;
        restore_prompt(s, r, &l->prompts[i]);
        any = true;
    }
    return any;
}

static void follow(struct run *s, struct load *l)
{
    bool known = engine_has_revision(s->engine, l->id);
    bool active = l->status == REVISION_APPROVED || (l->status == REVISION_PAUSED && l->approved);

    if (known && take_up_found(s, l) && active)
        return; /* nobody has decided anything */
    if (!active) {
        if (!known && l->prompt_count)
            start(s, l); /* canceled with its questions open */
        engine_drop(s->engine, run_now(s), l->id, false);
    } else if (!known && l->lanes.count) {
        start(s, l);
    } else if (l->status == REVISION_PAUSED) {
        if (!engine_paused(s->engine, l->id)) /* else whoever paused it said what to keep */
            engine_pause(s->engine, run_now(s), l->id, false);
    } else {
        struct running *r = map_get(&s->running, l->id);
        engine_resume(s->engine, run_now(s), l->id);
        if (r) { /* a person has looked: a channel that stood still may go on */
            engine_channel_open(s->engine, run_now(s), r->channel->id);
            r->channel->problem[0] = 0;
        }
    }
}

static struct load *load_new(struct run *s, int64_t revision, bool family)
{
    struct load *l = xmalloc(sizeof *l);

    l->run = s;
    l->arena = l->lanes.arena = arena_new();
    l->kept = arena_new();
    l->id = revision;
    l->family = family;
    return l;
}

static void sync_family(struct run *s, const struct load *l)
{
    size_t at = 0;

    for (const struct running *r; (r = map_each(&s->running, &at));) {
        if (r->campaign_id == l->campaign_id && r->id != l->id)
            revisions_sync(s, r->id, false);
    }
}

/* The engine has forgotten it since: what it decided then was not committed when this was read, and
 * a question that is over would be open again. Or something was paused since: that may not have
 * been committed either, and this would resume it. */
static bool outdated(const struct run *s, const struct load *l)
{
    return (l->known && !engine_has_revision(s->engine, l->id)) ||
           l->pauses != engine_pauses(s->engine);
}

static void load_done(struct store_job *job)
{
    struct load *l = (struct load *)job;
    struct run *s = l->run;

    if (l->rc == ERR_STORE) {
        run_store_failed(s, &l->err);
        if (!s->closing)
            revisions_sync(s, l->id, l->family); /* when it is back */
    } else if (l->rc) {
        log_line(LOG_ERROR, "campaign", "revision=%lld: %s", (long long)l->id, l->err.text);
    } else if (outdated(s, l)) {
        revisions_sync(s, l->id, l->family);
    } else {
        follow(s, l);
        if (l->family)
            sync_family(s, l);
    }
    load_free(l);
}

void revisions_sync(struct run *s, int64_t revision, bool family)
{
    struct load *l = load_new(s, revision, family);

    l->known = engine_has_revision(s->engine, revision);
    l->pauses = engine_pauses(s->engine);
    l->job = (struct store_job){load_run, load_done, NULL};
    driver_defer(s, &l->job);
}

void revisions_forget(struct run *s, struct running *r)
{
    log_line(LOG_INFO, "campaign", "nothing left to do campaign=%s revision=%lld", r->name,
             (long long)r->id);
    map_remove(&s->running, r->id);
    campaign_free(r->campaign);
    arena_free(r->arena);
}

/* --- at start --- */

struct ids {
    int64_t *ids;
    size_t count, capacity;
};

static int collect(void *ctx, const struct store_revision *r)
{
    struct ids *x = ctx;

    x->ids = xgrow(x->ids, &x->capacity, x->count + 1, sizeof *x->ids);
    x->ids[x->count++] = r->id;
    return 0;
}

static void know_all_lanes(struct run *s, const struct load *l)
{
    for (size_t i = 0; i < l->lanes.count; i++)
        row_known(s, &l->lanes.rows[i]);
}

static int load_lanes(struct run *s, struct err *e)
{
    struct load *l = load_new(s, 0, false);
    int rc = lanes_all(&l->lanes, s->store, e);

    if (!rc)
        know_all_lanes(s, l);
    load_free(l);
    return rc;
}

int revisions_load(struct run *s, struct err *e)
{
    struct ids x = {NULL, 0, 0};
    int rc = load_lanes(s, e);

    if (!rc)
        rc = store_active(s->store, collect, &x, e);
    for (size_t i = 0; !rc && i < x.count; i++) {
        struct load *l = load_new(s, x.ids[i], false);
        load_run(s->store, &l->job);
        rc = l->rc;
        if (rc)
            *e = l->err;
        else
            follow(s, l);
        load_free(l);
    }
    free(x.ids);
    return rc;
}

/* --- after a reload --- */

struct look {
    struct store_job job;
    struct load *lanes;
    struct ids active;
    struct err err;
    int rc;
};

static void look_run(struct store *store, struct store_job *job)
{
    struct look *k = (struct look *)job;

    k->rc = lanes_all(&k->lanes->lanes, store, &k->err);
    if (!k->rc)
        k->rc = store_active(store, collect, &k->active, &k->err);
}

static void look_done(struct store_job *job)
{
    struct look *k = (struct look *)job;
    struct run *s = k->lanes->run;

    if (k->rc) {
        run_store_failed(s, &k->err);
        if (!s->closing)
            revisions_look_again(s); /* when it is back */
    } else {
        know_all_lanes(s, k->lanes);
    }
    for (size_t i = 0; !k->rc && i < k->active.count; i++)
        if (!engine_has_revision(s->engine, k->active.ids[i]))
            revisions_sync(s, k->active.ids[i], false); /* its channel may be right again */
    load_free(k->lanes);
    free(k->active.ids);
    free(k);
}

void revisions_sync_all(struct run *s)
{
    size_t at = 0;

    for (const struct running *r; (r = map_each(&s->running, &at));) {
        size_t lane_at = 0;
        revisions_sync(s, r->id, false);
        for (const struct lane_name *n; (n = map_each(&s->lanes, &lane_at));)
            engine_refetch(s->engine, run_now(s), r->id, n->lane, 0);
    }
    revisions_look_again(s);
}

void revisions_look_again(struct run *s)
{
    struct look *k = xmalloc(sizeof *k);

    k->job = (struct store_job){look_run, look_done, NULL};
    k->lanes = load_new(s, 0, false);
    driver_defer(s, &k->job);
}
