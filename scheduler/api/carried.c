#include "api/carried.h"

#include "conf/revision.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct carried_revision {
    int64_t id;
    struct campaign *campaign; /* NULL: not of the kind that runs */
    struct engine_revision spec;
};

/* For what the store does not know yet: above all its numbers, below the plan's own. */
#define NEW_ID (PLAN_OWN / 2)

void carried_init(struct carried *c, const struct service *conf, const struct api_host *host,
                  struct arena *arena)
{
    struct api_health health;

    host->health(host->ctx, &health);
    c->arena = c->lanes.arena = arena;
    c->halted = health.halted;
    c->channels = arena_array(arena, conf->channel_count + 1, sizeof *c->channels);
    c->channel_count = conf->channel_count;
    for (size_t i = 0; i < conf->channel_count; i++) {
        struct carried_channel *x = &c->channels[i];
        const char *name = conf->channels[i].name, *options;
        x->conf = &conf->channels[i];
        x->kind = host->kind(host->ctx, name);
        options = x->kind ? host->options(host->ctx, name) : NULL;
        x->options = options ? arena_strdup(arena, options) : NULL;
    }
}

static struct carried_channel *channel_of(const struct carried *c, const char *name)
{
    for (size_t i = 0; i < c->channel_count; i++)
        if (c->channels[i].kind && strcmp(c->channels[i].conf->name, name) == 0)
            return &c->channels[i];
    return NULL;
}

/* --- which ones --- */

struct listing {
    struct carried *c;
    const char *campaign; /* the planned one: what is left of it makes room */
    uint64_t rows;
};

static int list(void *ctx, const struct store_revision *r)
{
    struct listing *x = ctx;
    struct carried *c = x->c;

    if (strcmp(r->campaign, x->campaign) == 0)
        return 0;
    x->rows += r->audience;
    c->revisions =
        xgrow(c->revisions, &c->revision_capacity, c->revision_count + 1, sizeof *c->revisions);
    c->revisions[c->revision_count++] = (struct carried_revision){.id = r->id};
    return 0;
}

static int begin(struct carried *c, struct store *s, const struct carried_want *want, struct err *e)
{
    struct listing x = {.c = c, .campaign = want->campaign};
    int rc = store_active(s, list, &x, e);

    c->begun = true;
    c->too_many = x.rows > CARRIED_ROWS_MAX;
    return rc;
}

/* --- what is under way --- */

/* One more of a send; those of one send come together. */
static void add_open(struct carried *c, int64_t revision, int64_t lane, int64_t send,
                     instant_t claimed_at, const struct engine_waiting *w)
{
    struct engine_asked *last = c->asked_count ? &c->asked[c->asked_count - 1] : NULL;

    if (!last || last->revision != revision || last->send != send) {
        c->asked = xgrow(c->asked, &c->asked_capacity, c->asked_count + 1, sizeof *c->asked);
        last = &c->asked[c->asked_count++];
        *last = (struct engine_asked){
            .revision = revision, .lane = lane, .send = send, .claimed_at = claimed_at};
    }
    last->count++;
    c->open = xgrow(c->open, &c->open_capacity, c->open_count + 1, sizeof *c->open);
    c->open[c->open_count++] = *w;
}

static int add_claimed(void *ctx, const struct store_send *x)
{
    struct carried *c = ctx;

    add_open(c, x->revision, x->lane, x->send ? x->send : x->delivery, x->claimed_at,
             &(struct engine_waiting){.delivery = x->delivery, .recipient = x->recipient});
    for (size_t i = 0; i < c->lanes.count; i++) /* it was due after what was answered last */
        if (c->lanes.rows[i].lane == x->lane && x->due_at > c->lanes.rows[i].last_due)
            c->lanes.rows[i].last_due = x->due_at;
    return 0;
}

static int add_prompted(void *ctx, const struct store_prompt *p, const struct store_prompt_row *row)
{
    if (row->state == DELIVERY_PROMPTED)
        add_open(ctx, p->revision, p->lane, p->id, p->claimed_at,
                 &(struct engine_waiting){.delivery = row->delivery,
                                          .row = row->row,
                                          .recipient = row->recipient_id,
                                          .attempts = row->attempts,
                                          .key = row->message});
    return 0;
}

/* --- one of them --- */

struct reading {
    struct carried *c;
    struct carried_revision *r;
    struct store *store;
    struct err *e;
};

static int read_one(void *ctx, const struct store_revision *r)
{
    struct reading *x = ctx;
    struct carried *c = x->c;
    struct carried_channel *channel = channel_of(c, r->channel ? r->channel : "");
    struct lane_list lanes = {.arena = c->arena};
    struct engine_revision *spec = &x->r->spec;
    struct revision_facts facts;
    struct err unreadable;

    if (!channel || r->approved_at == INSTANT_MIN)
        return 0;
    /* as long as all of it: its schedule is asked until the plan is over */
    struct campaign *campaign = manifest_read(r->manifest, c->zones, &facts, &unreadable);
    x->r->campaign = campaign;
    if (!campaign || !revision_fits(&facts, channel->conf, channel->options)) {
        campaign_free(campaign);
        x->r->campaign = NULL;
        return 0; /* nor does the service run it */
    }
    int rc = lanes_of(&lanes, x->store, r->id, campaign->pace.distribution == PACE_SPREAD, x->e);
    spec_terms(spec, campaign, channel->conf, channel->kind, c->zones, c->arena);
    spec->id = r->id;
    spec->campaign = r->campaign_id;
    spec->seed = revision_seed(&r->digest);
    spec->paused = r->status != REVISION_APPROVED;
    spec->lanes = lanes_specs(&lanes, campaign, c->zones, c->arena, &spec->lane_count);
    spec->channel = lanes.count ? lanes.rows[0].channel : 0;
    lanes_dispose(&lanes);
    if (!rc && r->counts[DELIVERY_PROMPTED])
        rc = store_prompts(x->store, r->id, add_prompted, c, x->e);
    bool waits = r->counts[DELIVERY_PENDING] > 0;
    c->campaigns += waits;
    c->paused += waits && spec->paused;
    c->waiting += r->counts[DELIVERY_PENDING];
    return rc;
}

/* --- the rest --- */

static void add_handled(void *ctx, int64_t recipient)
{
    struct carried *c = ctx;

    c->handled = xgrow(c->handled, &c->handled_capacity, c->handled_count + 1, sizeof *c->handled);
    c->handled[c->handled_count++] = recipient;
}

struct names {
    struct arena *arena;
    const char **list; /* sorted */
    size_t count, capacity;
};

static int add_name(void *ctx, const char *name)
{
    struct names *n = ctx;

    n->list = xgrow(n->list, &n->capacity, n->count + 1, sizeof *n->list);
    n->list[n->count++] = arena_strdup(n->arena, name);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, *(const char *const *)b);
}

/* As in loop/members.c: with `senders: all`, who is not among the account's members any more. */
static int find_away(struct carried *c, struct store *s, const struct service_channel *channel,
                     struct err *e)
{
    struct names members = {.arena = c->arena};
    bool read;
    int rc = store_account_read(s, channel->account->name, &read, e);

    if (rc || !read)
        return rc;
    rc = store_members(s, channel->account->name,
                       service_channel_groups(channel) ? RELATION_GROUP : RELATION_CUSTOMER,
                       add_name, &members, e);
    for (size_t i = 0; !rc && i < c->lanes.count; i++) {
        const struct lane_row *row = &c->lanes.rows[i];
        if (strcmp(row->channel_name, channel->name) != 0 ||
            (members.count &&
             bsearch(row->sender_name, members.list, members.count, sizeof *members.list, by_name)))
            continue;
        c->away = xgrow(c->away, &c->away_capacity, c->away_count + 1, sizeof *c->away);
        c->away[c->away_count++] = row->lane;
    }
    free(members.list);
    return rc;
}

/* In one step, so that it is all of one instant. What was answered since its campaign was read is
 * met again as sent: the engine counts it once. */
static int read_rest(struct carried *c, struct store *s, const struct carried_want *want,
                     struct err *e)
{
    int rc = lanes_all(&c->lanes, s, e);

    if (!rc)
        rc = store_claimed(s, add_claimed, c, e);
    if (!rc)
        rc = store_handled(s, want->campaign, &c->campaign, add_handled, c, e);
    if (want->again)
        c->handled_count = 0;
    for (size_t i = 0; !rc && i < c->channel_count; i++)
        if (c->channels[i].kind && c->channels[i].conf->all_senders)
            rc = find_away(c, s, c->channels[i].conf, e);
    for (size_t i = 0, k = 0; i < c->asked_count; k += c->asked[i++].count)
        c->asked[i].deliveries = c->open + k;
    return rc;
}

/* --- for the plan --- */

static int fetch(void *ctx, const struct effect *f, struct plan_waiting *out, size_t *count)
{
    struct carried *c = ctx;
    struct store_waiting *w = xmalloc(f->cap * sizeof *w);
    int rc = store_fetch(c->store, f->revision, f->lane, f->after, f->key, w, f->cap, count, &c->e);

    for (size_t i = 0; !rc && i < *count; i++)
        out[i] = (struct plan_waiting){waiting_spec(&w[i]), w[i].capped_at};
    free(w);
    return rc;
}

struct past {
    void (*each)(void *arg, const struct engine_send *s);
    void *arg;
};

static int tell_past(void *ctx, const struct store_send *x)
{
    const struct past *p = ctx;
    const struct engine_send send = send_spec(x);

    p->each(p->arg, &send);
    return 0;
}

static int tell_other(void *ctx, int64_t recipient, instant_t sent_at)
{
    const struct past *p = ctx;
    const struct engine_send send = {
        .recipient = recipient, .claimed_at = sent_at, .answered_at = sent_at};

    p->each(p->arg, &send);
    return 0;
}

static int history(void *ctx, instant_t since, void (*each)(void *arg, const struct engine_send *s),
                   void *arg)
{
    struct carried *c = ctx;
    struct past p = {each, arg};

    int rc = store_history(c->store, since, tell_past, &p, &c->e);

    return rc ? rc : store_other_sends(c->store, since, 0, tell_other, &p, &c->e);
}

/* Of the channels that are open; in their order a part comes after its lane. */
static struct engine_lane *lane_specs(struct carried *c, size_t room, size_t *count)
{
    struct engine_lane *specs = arena_array(c->arena, c->lanes.count + room, sizeof *specs);

    *count = 0;
    for (size_t i = 0; i < c->lanes.count; i++) {
        const struct lane_row *row = &c->lanes.rows[i];
        struct carried_channel *channel = channel_of(c, row->channel_name);
        if (!channel)
            continue;
        channel->id = row->channel;
        specs[(*count)++] = lane_spec(row);
    }
    return specs;
}

static int by_sender(const void *a, const void *b)
{
    const struct lane_row *x = *(const struct lane_row *const *)a,
                          *y = *(const struct lane_row *const *)b;

    return strcmp(x->sender_name, y->sender_name);
}

/* Where the senders of the planned campaign are among the lanes; new ones are put behind them. */
static void place_senders(struct carried *c, const struct carried_want *want, int64_t channel,
                          struct engine_lane *lanes, size_t *count)
{
    const struct lane_row **rows = arena_array(c->arena, c->lanes.count + 1, sizeof(void *));
    size_t *places = arena_array(c->arena, want->sender_count, sizeof *places);
    size_t known = *count;

    for (size_t i = 0; i < c->lanes.count; i++)
        rows[i] = &c->lanes.rows[i];
    qsort(rows, c->lanes.count, sizeof(void *), by_sender);
    for (size_t i = 0; i < want->sender_count; i++) {
        struct lane_row key = {.sender_name = (char *)want->senders[i]}, *wanted = &key;
        const struct lane_row **at =
            bsearch(&wanted, rows, c->lanes.count, sizeof(void *), by_sender);
        struct engine_lane lane = {.id = NEW_ID + (int64_t)i,
                                   .channel = channel,
                                   .sender = at ? (*at)->sender : NEW_ID + (int64_t)i,
                                   .last_due = INSTANT_MIN,
                                   .last_answer = INSTANT_MIN};
        places[i] = known;
        for (size_t k = 0; at && k < known && places[i] == known; k++)
            if (lanes[k].channel == channel && lanes[k].sender == lane.sender && !lanes[k].of)
                places[i] = k;
        if (places[i] == known) {
            places[i] = *count;
            lanes[(*count)++] = lane;
        }
    }
    c->others.sender_lanes = places;
    c->others.sender_count = want->sender_count;
}

static void make_others(struct carried *c, const struct carried_want *want)
{
    struct plan_others *o = &c->others;
    struct carried_channel *own = channel_of(c, want->channel);
    struct engine_channel *channels = arena_array(c->arena, c->channel_count + 1, sizeof *channels);
    struct engine_revision *revisions =
        arena_array(c->arena, c->revision_count + 1, sizeof *revisions);
    struct engine_lane *lanes = lane_specs(c, want->sender_count, &o->lane_count);

    assert(own);
    if (!own->id)
        own->id = NEW_ID;
    for (size_t i = 0; i < c->channel_count; i++) {
        struct carried_channel *x = &c->channels[i];
        if (x->id)
            channels[o->channel_count++] =
                spec_channel(x->id, x->kind, x->conf->account, x->quotas);
    }
    for (size_t i = 0; i < c->revision_count; i++)
        if (c->revisions[i].campaign && c->revisions[i].spec.lane_count)
            revisions[o->revision_count++] = c->revisions[i].spec;
    place_senders(c, want, own->id, lanes, &o->lane_count);
    o->at = c->now;
    o->channels = channels;
    o->lanes = lanes;
    o->revisions = revisions;
    o->away = c->away;
    o->away_count = c->away_count;
    o->asked = c->asked;
    o->asked_count = c->asked_count;
    o->channel = own->id;
    o->ctx = c;
    o->fetch = fetch;
    o->history = history;
}

int carried_read(struct carried *c, struct store *s, const struct carried_want *want, bool *more,
                 struct err *e)
{
    int rc;

    *more = true;
    if (!c->begun) {
        rc = begin(c, s, want, e);
    } else if (c->too_many) {
        *more = false;
        return 0;
    } else if (c->revisions_read < c->revision_count) {
        struct reading x = {c, &c->revisions[c->revisions_read++], s, e};
        rc = store_revision(s, x.r->id, read_one, &x, e);
    } else {
        rc = read_rest(c, s, want, e);
        if (!rc)
            make_others(c, want);
        *more = false;
    }
    return rc;
}

void carried_dispose(struct carried *c)
{
    for (size_t i = 0; i < c->revision_count; i++)
        campaign_free(c->revisions[i].campaign);
    free(c->revisions);
    free(c->open);
    free(c->asked);
    free(c->handled);
    free(c->away);
    lanes_dispose(&c->lanes);
}
