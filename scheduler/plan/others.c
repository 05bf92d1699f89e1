#include "plan/others.h"

#include "base/arena.h"
#include "engine/map.h"

#include <stdlib.h>

enum { PAGE = 4096 }; /* deliveries */

struct page { /* which of them have gone: where they wait nobody knows of that */
    uint8_t gone[PAGE / 8];
};

struct primer { /* waits for the history of its limits */
    int64_t revision;
    instant_t since;
};

struct others {
    const struct plan_others *spec;
    struct map channels; /* of revisions: id -> struct engine_channel */
    struct map pages;    /* delivery / PAGE -> struct page */
    struct primer *primers;
    size_t primer_count, primer_capacity;
    bool failed;
};

/* --- who has gone --- */

static void mark_gone(struct others *o, int64_t delivery)
{
    struct page *p = map_get(&o->pages, delivery / PAGE);

    if (!p) {
        p = xmalloc(sizeof *p);
        map_put(&o->pages, delivery / PAGE, p);
    }
    p->gone[delivery % PAGE / 8] |= (uint8_t)(1u << (delivery % 8));
}

static bool has_gone(const struct others *o, int64_t delivery)
{
    const struct page *p = map_get(&o->pages, delivery / PAGE);

    return p && p->gone[delivery % PAGE / 8] & (1u << (delivery % 8));
}

/* --- life --- */

/* A person or the platform says so in the same instant. */
static void done(struct engine *e, instant_t now, int64_t delivery)
{
    if (!engine_settle(e, now, delivery, DELIVERY_SENT, REASON_NONE))
        engine_settle_at(e, now, delivery, DELIVERY_SENT, REASON_NONE, INSTANT_MIN);
}

static void add_revisions(struct others *o, struct engine *e)
{
    const struct plan_others *x = o->spec;

    for (size_t i = 0; i < x->revision_count; i++) {
        const struct engine_revision *r = &x->revisions[i];
        for (size_t k = 0; k < x->channel_count; k++)
            if (x->channels[k].id == r->channel)
                map_put(&o->channels, r->id, (void *)&x->channels[k]);
        engine_add_revision(e, x->at, r);
    }
}

struct others *others_start(const struct plan_others *spec, struct engine *e)
{
    struct others *o = xmalloc(sizeof *o);

    o->spec = spec;
    for (size_t i = 0; i < spec->channel_count; i++)
        engine_add_channel(e, &spec->channels[i]);
    for (size_t i = 0; i < spec->lane_count; i++)
        engine_add_lane(e, &spec->lanes[i]);
    for (size_t i = 0; i < spec->away_count; i++)
        engine_lane_away(e, spec->at, spec->away[i], true);
    add_revisions(o, e);
    return o;
}

void others_settle(struct others *o, struct engine *e)
{
    const struct plan_others *x = o->spec;

    for (size_t i = 0; i < x->asked_count; i++) {
        const struct engine_asked *a = &x->asked[i];
        engine_restore(e, x->at, a);
        for (size_t k = 0; k < a->count; k++)
            done(e, x->at, a->deliveries[k].delivery);
    }
}

void others_free(struct others *o)
{
    size_t at = 0;

    if (!o)
        return;
    for (struct page *p; (p = map_each(&o->pages, &at));)
        free(p);
    map_dispose(&o->pages);
    map_dispose(&o->channels);
    free(o->primers);
    free(o);
}

bool others_failed(const struct others *o)
{
    return o && o->failed;
}

/* --- effects --- */

static void fetch(struct others *o, struct engine *e, instant_t now, const struct effect *f)
{
    struct plan_waiting *found = xmalloc(f->cap * sizeof *found);
    struct engine_waiting *w = xmalloc(f->cap * sizeof *w);
    size_t count = 0, n = 0;

    o->failed |= o->spec->fetch(o->spec->ctx, f, found, &count) != 0;
    for (size_t i = 0; i < count; i++)
        if (!has_gone(o, found[i].w.delivery))
            w[n++] = found[i].w;
    engine_fetched(e, now, f->revision, f->lane, w, n, count == f->cap);
    for (size_t i = 0; i < count; i++)
        if (found[i].capped_at)
            engine_capped(e, f->revision, f->lane, found[i].w.delivery, found[i].capped_at);
    free(w);
    free(found);
}

void others_effect(struct others *o, struct engine *e, instant_t now, const struct effect *f)
{
    const struct engine_channel *channel = map_get(&o->channels, f->revision);

    switch (f->kind) {
    case EFFECT_HISTORY:
        o->primers =
            xgrow(o->primers, &o->primer_capacity, o->primer_count + 1, sizeof *o->primers);
        o->primers[o->primer_count++] = (struct primer){f->revision, f->since};
        break;
    case EFFECT_FETCH:
        fetch(o, e, now, f);
        break;
    case EFFECT_CLAIM:
        mark_gone(o, f->delivery);
        engine_claimed(e, now, f->delivery, true);
        break;
    case EFFECT_SEND:
        engine_answer(e, now, f->send,
                      &(struct engine_answer){.kind = channel->asks ? ANSWER_ASKED : ANSWER_DONE});
        break;
    case EFFECT_RESULT:
        if (f->state == DELIVERY_PROMPTED)
            done(e, now, f->delivery);
        break;
    default: /* nobody's concern here */
        break;
    }
}

struct feeding {
    struct others *o;
    struct engine *e;
    instant_t now;
};

static void feed(void *arg, const struct engine_send *s)
{
    const struct feeding *f = arg;

    for (size_t i = 0; i < f->o->primer_count; i++) {
        const struct primer *p = &f->o->primers[i];
        if (s->answered_at < p->since)
            continue;
        if (s->delivery)
            engine_history(f->e, f->now, p->revision, s);
        else
            engine_other_send(f->e, f->now, p->revision, s->recipient, s->answered_at);
    }
}

void others_prime(struct others *o, struct engine *e, instant_t now)
{
    struct feeding f = {o, e, now};
    instant_t since = INSTANT_NEVER;

    if (!o->primer_count)
        return;
    for (size_t i = 0; i < o->primer_count; i++)
        since = o->primers[i].since < since ? o->primers[i].since : since;
    o->failed |= o->spec->history(o->spec->ctx, since, feed, &f) != 0;
    for (size_t i = 0; i < o->primer_count; i++)
        engine_primed(e, now, o->primers[i].revision);
    o->primer_count = 0;
}
