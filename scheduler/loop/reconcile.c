/* Sends whose answer was lost, on channels that can be asked about them later.
 *
 *     unknown in the store -> the plugin looks -> found: prompted in the store, and followed like
 *     any other task; not found: it stays unknown, and the log says what was seen
 *
 * Looked for at start and whenever a send became unknown. What is asked about is built from the
 * store alone, since its campaign may be over here. */
#include "loop/internal.h"

#include "base/lang.h"
#include "base/log.h"
#include "base/text.h"
#include "conf/trace.h"

#include <stdlib.h>
#include <string.h>

struct lost { /* one send */
    struct lost *next;
    struct arena *arena;
    struct run *run;
    uint64_t id; /* what the plugin knows it by */
    int64_t revision, lane, number;
    struct digest digest; /* of the revision */
    instant_t claimed_at;
    int64_t *deliveries;
    const char **recipients, *values, *sender, *channel, *manifest;
    size_t count, capacity;
    const char **known;
    size_t known_count, known_capacity;
    struct channel_send send;
    struct channel_doubt doubt;
    struct chan *chan;
    /* of its adoption */
    struct store_job job;
    const char *ref;
    instant_t at;
    size_t in_task; /* the first of its deliveries; the others are not in the task */
    uint64_t adopted;
    struct err err;
    int rc;
};

struct reconciler {
    struct store_job job;
    struct run *run;
    bool looking, wanted;
    unsigned adoptions; /* under way */
    struct lost *read;  /* of this look, newest first */
    struct lost *asked;
    struct map seen;     /* a send's first delivery: asked about since the start */
    struct map adopting; /* prompts to be taken up when their revision is read */
    instant_t since;
    struct err err;
    int rc;
};

static void lost_free(struct lost *l)
{
    free(l->deliveries);
    free(l->recipients);
    free(l->known);
    arena_free(l->arena);
}

/* --- store thread --- */

static int keep_row(void *ctx, const struct store_lost_row *row)
{
    struct reconciler *r = ctx;
    struct lost *l = r->read;
    size_t more;

    if (!l || l->revision != row->revision || l->lane != row->lane ||
        l->claimed_at != row->claimed_at || (row->send && row->send != l->number) || !row->send) {
        struct arena *a = arena_new();
        l = arena_alloc(a, sizeof *l);
        *l = (struct lost){.next = r->read,
                           .arena = a,
                           .revision = row->revision,
                           .lane = row->lane,
                           .number = row->send ? row->send : row->delivery,
                           .claimed_at = row->claimed_at,
                           .sender = arena_strdup(a, row->sender),
                           .channel = arena_strdup(a, row->channel),
                           .values = row->values ? arena_strdup(a, row->values) : NULL};
        r->read = l;
    }
    more = l->capacity;
    l->deliveries = xgrow(l->deliveries, &more, l->count + 1, sizeof *l->deliveries);
    l->recipients = xgrow(l->recipients, &l->capacity, l->count + 1, sizeof *l->recipients);
    l->recipients[l->count] = arena_strdup(l->arena, row->recipient);
    l->deliveries[l->count++] = row->delivery;
    return 0;
}

static int keep_ref(void *ctx, const char *ref)
{
    struct lost *l = ctx;

    l->known = xgrow(l->known, &l->known_capacity, l->known_count + 1, sizeof *l->known);
    l->known[l->known_count++] = arena_strdup(l->arena, ref);
    return 0;
}

static int keep_manifest(void *ctx, const struct store_revision *v)
{
    struct lost *l = ctx;

    l->manifest = arena_strdup(l->arena, v->manifest ? v->manifest : "");
    l->digest = v->digest;
    return 0;
}

static void look_run(struct store *store, struct store_job *job)
{
    struct reconciler *r = (struct reconciler *)job;

    r->rc = store_lost(store, r->since, keep_row, r, &r->err);
    for (struct lost *l = r->read; l && !r->rc; l = l->next) {
        r->rc = store_refs(store, instant_add(l->claimed_at, -MS_PER_HOUR), keep_ref, l, &r->err);
        if (!r->rc)
            r->rc = store_revision(store, l->revision, keep_manifest, l, &r->err);
    }
}

/* --- asking --- */

static const char *text_of(struct lost *l, const struct template *t)
{
    const char *const *names;
    size_t count = template_names(t, &names);
    const char **values = arena_array(l->arena, count + 1, sizeof(const char *));
    json_t *array = l->values ? json_loads(l->values, 0, NULL) : NULL;
    struct strbuf text = STRBUF_INIT;
    const char *missing, *out = NULL;
    unsigned defaults;

    for (size_t i = 0; i < count; i++) {
        const char *value = json_string_value(json_array_get(array, i));
        values[i] = value ? arena_strdup(l->arena, value) : NULL;
    }
    json_decref(array);
    if (template_render(t, l->recipients[0], l->sender, values, &text, &missing, &defaults))
        out = arena_strndup(l->arena, text.text ? text.text : "", text.length);
    strbuf_dispose(&text);
    return out;
}

/* As it was in this very send. */
static const char *url_of(const struct lost *l, const struct conf_attachment *a)
{
    if (a->trace)
        return trace_link(l->arena, a->url, &l->digest, l->number, l->claimed_at);
    return a->url ? arena_strdup(l->arena, a->url) : NULL;
}

/* As it was, from what was frozen. False when that cannot be read. */
static bool rebuild(struct run *s, struct lost *l)
{
    struct revision_facts facts;
    struct err e;
    struct campaign *c = manifest_read(l->manifest, s->zones, &facts, &e);
    struct channel_attachment *files;

    if (!c) {
        log_line(LOG_ERROR, "reconcile", "revision=%lld: %s", (long long)l->revision, e.text);
        return false;
    }
    files = arena_array(l->arena, c->attachment_count + 1, sizeof *files);
    for (size_t i = 0; i < c->attachment_count; i++)
        files[i] =
            (struct channel_attachment){.kind = arena_strdup(l->arena, c->attachments[i].kind),
                                        .url = url_of(l, &c->attachments[i])};
    l->send = (struct channel_send){.id = l->id,
                                    .sender = l->sender,
                                    .recipients = l->recipients,
                                    .recipient_count = l->count,
                                    .text = c->template ? text_of(l, c->template) : NULL,
                                    .format = arena_strdup(l->arena, c->format),
                                    .attachments = files,
                                    .attachment_count = c->attachment_count};
    l->doubt = (struct channel_doubt){&l->send, l->claimed_at, l->known, l->known_count};
    bool whole = !c->template || l->send.text;
    campaign_free(c);
    return whole;
}

static void ask(struct reconciler *r, struct lost *l)
{
    struct run *s = r->run;

    l->run = s;
    l->chan = channel_find(s, l->channel);
    l->id = s->next_send++;
    if (!l->chan || !l->chan->kind->caps.can_reconcile || map_get(&r->seen, l->deliveries[0]) ||
        !rebuild(s, l)) {
        lost_free(l);
        return;
    }
    map_put(&r->seen, l->deliveries[0], r);
    l->next = r->asked;
    r->asked = l;
    log_line(LOG_INFO, "reconcile", "looking for send=%lld deliveries=%zu channel=%s",
             (long long)l->number, l->count, l->channel);
    l->chan->kind->reconcile(l->chan->instance, &l->doubt);
}

static void look_done(struct store_job *job)
{
    struct reconciler *r = (struct reconciler *)job;

    r->looking = false;
    if (r->rc) {
        run_store_failed(r->run, &r->err);
        r->wanted = true; /* when it is back */
    }
    while (r->read) {
        struct lost *l = r->read;
        r->read = l->next;
        if (r->rc)
            lost_free(l);
        else
            ask(r, l);
    }
}

/* --- answers --- */

static void adopt_run(struct store *store, struct store_job *job)
{
    struct lost *l = (struct lost *)((char *)job - offsetof(struct lost, job));
    const struct store_adoption a = {.revision = l->revision,
                                     .lane = l->lane,
                                     .send = l->number,
                                     .claimed_at = l->claimed_at,
                                     .at = l->at,
                                     .ref = l->ref,
                                     .deliveries = l->deliveries,
                                     .count = l->in_task,
                                     .refused = l->deliveries + l->in_task,
                                     .refused_count = l->count - l->in_task};

    l->rc = store_adopt(store, &a, &l->adopted, &l->err);
}

static void adopt_done(struct store_job *job)
{
    struct lost *l = (struct lost *)((char *)job - offsetof(struct lost, job));
    struct run *s = l->run;

    if (l->rc == ERR_STORE) {
        run_store_failed(s, &l->err);
        if (driver_again(s, job))
            return;
    }
    s->reconciler->adoptions--;
    if (l->rc)
        log_line(LOG_ERROR, "reconcile", "send=%lld: %s", (long long)l->number, l->err.text);
    else
        log_line(LOG_WARNING, "reconcile", "found send=%lld ref=%s deliveries=%llu refused=%zu",
                 (long long)l->number, l->ref, (unsigned long long)l->adopted,
                 l->count - l->in_task);
    if (!l->rc && l->adopted) {
        map_put(&s->reconciler->adopting, l->number, s);
        revisions_sync(s, l->revision, false);
    }
    lost_free(l);
}

/* Those that are in the task first. False: it was not found. */
static bool sort_out(struct lost *l, const struct channel_outcome *o, size_t count)
{
    int64_t *sorted = arena_array(l->arena, l->count, sizeof *sorted);
    size_t refused = l->count;

    for (size_t i = 0; i < l->count; i++) {
        const struct channel_outcome *its = &o[count == l->count ? i : 0];
        bool in_task = its->kind == CHANNEL_ASKED && its->ref;
        sorted[in_task ? l->in_task++ : --refused] = l->deliveries[i];
        if (in_task && !l->ref)
            l->ref = arena_strdup(l->arena, its->ref);
    }
    if (l->ref)
        memcpy(l->deliveries, sorted, l->count * sizeof *sorted);
    return l->ref != NULL;
}

bool reconcile_settled(struct run *s, uint64_t id, const struct channel_outcome *o, size_t count)
{
    struct lost **at = s->reconciler ? &s->reconciler->asked : NULL, *l;

    while (at && *at && (*at)->id != id)
        at = &(*at)->next;
    if (!at || !*at)
        return false;
    l = *at;
    *at = l->next;
    if (sort_out(l, o, count)) {
        l->at = run_now(s);
        l->job = (struct store_job){adopt_run, adopt_done, NULL};
        s->reconciler->adoptions++;
        driver_defer(s, &l->job);
        return true;
    }
    struct strbuf safe = STRBUF_INIT;
    text_safe(&safe, o->detail ? o->detail : "", false);
    log_line(LOG_WARNING, "reconcile", "not found send=%lld deliveries=%zu: %s",
             (long long)l->number, l->count, safe.text ? safe.text : "");
    run_note(s, "reconcile", "paceline",
             json_pack("{sI,sI,ss}", "delivery", (json_int_t)l->deliveries[0], "deliveries",
                       (json_int_t)l->count, "not_found", safe.text ? safe.text : ""),
             NULL, NULL);
    strbuf_dispose(&safe);
    lost_free(l);
    return true;
}

bool reconcile_busy(const struct run *s)
{
    const struct reconciler *r = s->reconciler;

    return r && (r->wanted || r->looking || r->asked || r->adoptions);
}

bool reconcile_adopts(struct run *s, int64_t number)
{
    return s->reconciler && map_remove(&s->reconciler->adopting, number);
}

/* --- when --- */

void reconcile_wanted(struct run *s)
{
    if (!s->reconciler) {
        s->reconciler = xmalloc(sizeof *s->reconciler);
        s->reconciler->run = s;
    }
    s->reconciler->wanted = true;
}

void reconcile_tick(struct run *s)
{
    struct reconciler *r = s->reconciler;

    if (!r || !r->wanted || r->looking || s->store_broken || s->stopping)
        return;
    r->wanted = false;
    r->looking = true;
    r->since = instant_add(run_now(s), -15 * (duration_t)MS_PER_DAY);
    r->job = (struct store_job){look_run, look_done, NULL};
    driver_defer(s, &r->job);
}

/* A reload: the old instance looks no more. */
void reconcile_forget(struct run *s, const struct chan *c)
{
    struct reconciler *r = s->reconciler;

    for (struct lost **at = r ? &r->asked : NULL; at && *at;) {
        struct lost *l = *at;
        if (l->chan != c) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        map_remove(&r->seen, l->deliveries[0]);
        lost_free(l);
        r->wanted = true;
    }
}

void reconcile_free(struct run *s)
{
    struct reconciler *r = s->reconciler;

    while (r && r->asked) {
        struct lost *l = r->asked;
        r->asked = l->next;
        lost_free(l);
    }
    if (r) {
        map_dispose(&r->seen);
        map_dispose(&r->adopting);
    }
    free(r);
    s->reconciler = NULL;
}
