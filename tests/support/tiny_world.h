/* A small world for tests of pacing: a store that answers at once, channels that send at once, one
 * virtual clock. What was sent is in `sent`, in order. */
#ifndef PACELINE_TESTS_TINY_WORLD_H
#define PACELINE_TESTS_TINY_WORLD_H

#include "check.h"

#include "engine/engine.h"

#include <string.h>

enum { TINY_ROWS = 4000, TINY_REVISIONS = 8, TINY_LANES = 64 };

struct tiny_row { /* delivery = index + 1 */
    int64_t revision, lane, recipient, key;
    bool claimed, gone;
};

struct tiny_sent {
    instant_t at, due;
    int64_t delivery, send, revision, lane, recipient;
};

struct tiny_world {
    struct engine *engine;
    instant_t now;
    struct schedule schedules[TINY_REVISIONS];
    struct engine_revision revisions[TINY_REVISIONS]; /* id = index + 1 */
    struct engine_revision_lane lanes[TINY_REVISIONS][TINY_LANES];
    struct tiny_row rows[TINY_ROWS];
    struct tiny_sent sent[TINY_ROWS];
    size_t revision_count, row_count, sent_count;
    uint64_t expired;
    instant_t due[TINY_ROWS + 1];
    const struct schedule *zones; /* of lanes 11, 12, ..., which are parts of others; or NULL */
};

/* A revision that is open always, on channel 1, campaign = id; to be changed, then added. */
static inline struct engine_revision *tiny_revision(struct tiny_world *w, const struct tz *zone)
{
    size_t i = w->revision_count++;

    w->schedules[i] = (struct schedule){.zone = zone, .start = INSTANT_MIN, .end = INSTANT_NEVER};
    w->revisions[i] = (struct engine_revision){.id = (int64_t)i + 1,
                                               .campaign = (int64_t)i + 1,
                                               .channel = 1,
                                               .seed = 7 + i,
                                               .schedule = &w->schedules[i],
                                               .lanes = w->lanes[i]};
    return &w->revisions[i];
}

static inline void tiny_rows(struct tiny_world *w, const struct engine_revision *r, int64_t lane,
                             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        w->rows[w->row_count] =
            (struct tiny_row){r->id, lane, (int64_t)w->row_count + 1, 0, false, false};
        w->row_count++;
    }
}

static inline void tiny_add(struct tiny_world *w, struct engine_revision *r)
{
    size_t index = (size_t)(r - w->revisions);

    r->lane_count = 0;
    memset(w->lanes[index], 0, sizeof w->lanes[index]);
    for (size_t i = 0; i < w->row_count; i++) {
        if (w->rows[i].revision != r->id)
            continue;
        size_t l = 0;
        while (l < r->lane_count && w->lanes[index][l].lane != w->rows[i].lane)
            l++;
        if (l == r->lane_count)
            w->lanes[index][r->lane_count++] = (struct engine_revision_lane){
                .lane = w->rows[i].lane,
                .schedule =
                    w->zones && w->rows[i].lane > 10 ? &w->zones[w->rows[i].lane - 11] : NULL};
        w->lanes[index][l].waiting += !w->rows[i].gone;
    }
    engine_add_revision(w->engine, w->now, r);
}

static inline void tiny_fetch(struct tiny_world *w, const struct effect *f)
{
    static struct engine_waiting out[TINY_ROWS];
    size_t count = 0;

    for (size_t i = 0; i < w->row_count && count < f->cap; i++) {
        const struct tiny_row *r = &w->rows[i];
        if (r->revision == f->revision && r->lane == f->lane && !r->gone &&
            (int64_t)i + 1 > f->after && (!f->key || r->key == f->key))
            out[count++] = (struct engine_waiting){(int64_t)i + 1, i + 1, r->recipient, 0, r->key};
    }
    engine_fetched(w->engine, w->now, f->revision, f->lane, out, count, count == f->cap);
}

static inline void tiny_history(struct tiny_world *w, const struct effect *f)
{
    for (size_t i = 0; i < w->sent_count; i++) {
        const struct tiny_sent *s = &w->sent[i];
        struct engine_send past = {.delivery = s->delivery,
                                   .campaign = s->revision,
                                   .lane = s->lane,
                                   .recipient = s->recipient,
                                   .claimed_at = s->at,
                                   .answered_at = s->at,
                                   .send = s->send,
                                   .again =
                                       i + 1 < w->sent_count && w->sent[i + 1].send == s->send};
        if (s->at >= f->since)
            engine_history(w->engine, w->now, f->revision, &past);
    }
    engine_primed(w->engine, w->now, f->revision);
}

static inline void tiny_effect(struct tiny_world *w, const struct effect *f)
{
    switch (f->kind) {
    case EFFECT_FETCH:
        tiny_fetch(w, f);
        break;
    case EFFECT_HISTORY:
        tiny_history(w, f);
        break;
    case EFFECT_CLAIM:
        w->rows[f->delivery - 1].claimed = true;
        for (int64_t i = 0; i < f->progress; i++) { /* nothing of the lane is left behind */
            const struct tiny_row *r = &w->rows[i];
            assert_true(r->claimed || r->gone || r->revision != f->revision || r->lane != f->lane);
        }
        w->due[f->delivery] = f->due_at;
        engine_claimed(w->engine, w->now, f->delivery, true);
        break;
    case EFFECT_SEND:
        engine_answer(w->engine, w->now, f->send, &(struct engine_answer){.kind = ANSWER_DONE});
        break;
    case EFFECT_RESULT:
        w->rows[f->delivery - 1].gone = f->state != DELIVERY_PENDING;
        if (f->state == DELIVERY_SENT)
            w->sent[w->sent_count++] = (struct tiny_sent){w->now,
                                                          w->due[f->delivery],
                                                          f->delivery,
                                                          f->send,
                                                          f->revision,
                                                          f->lane,
                                                          w->rows[f->delivery - 1].recipient};
        break;
    case EFFECT_EXPIRE:
        for (size_t i = 0; i < w->row_count; i++) {
            if (w->rows[i].revision == f->revision && !w->rows[i].gone &&
                (!f->lane || w->rows[i].lane == f->lane)) {
                w->rows[i].gone = true;
                w->expired++;
            }
        }
        break;
    case EFFECT_PAUSE:
    case EFFECT_FORGET:
    case EFFECT_HOLD:
    case EFFECT_WITHDRAW:
        break;
    }
}

/* Runs until nothing is to be done before `until`. */
static inline void tiny_run(struct tiny_world *w, instant_t until)
{
    for (unsigned turns = 0;; turns++) {
        struct effect f;
        assert_true(turns < 2000000);
        engine_turn(w->engine, w->now);
        bool any = false;
        while (engine_effect(w->engine, &f)) {
            tiny_effect(w, &f);
            any = true;
        }
        if (any)
            continue;
        instant_t wake = engine_wake(w->engine);
        if (wake > until || wake == INSTANT_NEVER)
            break;
        w->now = wake > w->now ? wake : w->now;
    }
    w->now = until == INSTANT_NEVER ? w->now : until;
}

/* One channel (1) with `lanes` lanes, each a sender. */
static inline void tiny_start(struct tiny_world *w, instant_t now, int64_t lanes,
                              struct engine_channel channel)
{
    memset(w, 0, sizeof *w);
    w->now = now;
    w->engine = engine_new();
    channel.id = channel.account = 1;
    channel.in_flight_max = 1;
    engine_add_channel(w->engine, &channel);
    for (int64_t l = 1; l <= lanes; l++)
        engine_add_lane(w->engine, &(struct engine_lane){.id = l,
                                                         .channel = 1,
                                                         .sender = l,
                                                         .last_due = INSTANT_MIN,
                                                         .last_answer = INSTANT_MIN});
}

#endif
