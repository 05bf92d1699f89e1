/* The engine where people send by hand: random worlds with questions that are shown, answered,
 * recalled, kept, forgotten, and open when the service dies. The world keeps every claim's place
 * for ever and counts them anew by brute force. Its store commits claims late, results at once. */
#include "check.h"

#include "base/arena.h"
#include "core/prng.h"
#include "engine/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    REVISIONS = 5,
    LANES = 5, /* 1, 2: channel 1; 3, 4: channel 2; 5: channel 3, which asks nobody */
    ROWS = 160,
    PLACES = 4096,
    EVENTS = 2048,
    POOL = 5,
    LIMITS = 3
};
static const int64_t lane_channel[LANES + 1] = {0, 1, 1, 2, 2, 3};
static const int64_t lane_sender[LANES + 1] = {0, 1, 2, 1, 2, 1};

struct row {
    int64_t delivery, revision, lane, recipient, key;
    enum delivery_state state;
    enum reason reason;
    uint32_t attempts;
    instant_t claimed_at;
    size_t place; /* of its last claim */
    int64_t send; /* while claimed or prompted */
};

struct place { /* one claim, for ever */
    int64_t delivery;
    instant_t claimed_at;
    instant_t counted_at; /* answered, or INSTANT_NEVER */
    size_t question;
    bool freed, history; /* history: the store's past sends tell of it */
};

struct question { /* one send */
    int64_t send, revision, lane;
    size_t deliveries; /* claimed in it, not refused */
    instant_t claimed_at;
    bool over, asked, shown;
};

enum kind { ON_COMMIT, ON_FETCH, ON_HISTORY, ON_ANSWER, ON_SHOWN, ON_SETTLE, ON_PERSON };

struct happening {
    instant_t at;
    uint64_t seq;
    enum kind kind;
    struct effect effect;
    size_t question; /* SHOWN, SETTLE */
    enum delivery_state state;
    unsigned life;
};

struct plan {
    struct engine_limit limits[LIMITS];
    size_t limit_count;
    struct schedule schedule;
    struct pace pace;
    struct engine_revision_lane lanes[2];
    size_t lane_count;
    int64_t channel;
    uint32_t batch;
    duration_t within;
    bool paused, kept, dropped, ended, strict; /* strict: paused in this life */
};

struct world {
    uint64_t seed, seq;
    struct prng random;
    struct engine *engine;
    instant_t now;
    struct row rows[ROWS];
    size_t row_count;
    struct place places[PLACES];
    size_t place_count;
    struct question questions[PLACES];
    size_t question_count;
    struct plan plans[REVISIONS];
    struct happening events[EVENTS];
    size_t event_count;
    instant_t lane_due[LANES + 1], lane_answer[LANES + 1];
    bool halted, crashes;
    unsigned life, priming, stuck;
};

static const struct engine_quota quota = {4, 1500}; /* of channel 1 */
static const struct engine_limit quota_limit = {
    .scope = SCOPE_CHANNEL, .max = 4, .rolling = true, .span = 1500};
static struct tz utc;
static unsigned seen_batches, seen_late, seen_recalled, seen_restored, seen_full, seen_told,
    seen_sends; /* in all worlds */

#define check(w, ok)                                                                               \
    do {                                                                                           \
        if (!(ok))                                                                                 \
            fail_msg("SEED=%" PRIu64 " at %" PRId64 ": %s", (w)->seed, (w)->now, #ok);             \
    } while (0)

static uint64_t draw(struct world *w, uint64_t n)
{
    return prng_below(&w->random, n);
}

static struct happening *happen(struct world *w, duration_t later, enum kind kind,
                                const struct effect *f)
{
    check(w, w->event_count < EVENTS);
    w->events[w->event_count] = (struct happening){.at = w->now + later,
                                                   .seq = ++w->seq,
                                                   .kind = kind,
                                                   .effect = f ? *f : (struct effect){0},
                                                   .life = w->life};
    return &w->events[w->event_count++];
}

static struct row *row_of(struct world *w, int64_t delivery)
{
    return &w->rows[delivery - 1];
}

static struct plan *plan_of(struct world *w, int64_t revision)
{
    return &w->plans[revision - 1];
}

static bool asks(int64_t lane)
{
    return lane_channel[lane] != 3;
}

static struct question *question_of(struct world *w, int64_t send)
{
    for (size_t i = w->question_count; i-- > 0;) {
        if (w->questions[i].send == send && !w->questions[i].over)
            return &w->questions[i];
    }
    return NULL;
}

/* --- places, by brute force --- */

static bool in_scope(const struct engine_limit *l, const struct row *a, const struct row *b)
{
    switch (l->scope) {
    case SCOPE_RECIPIENT:
        return a->recipient == b->recipient;
    case SCOPE_CAMPAIGN:
        return a->revision == b->revision;
    case SCOPE_CHANNEL:
        return lane_channel[a->lane] == lane_channel[b->lane];
    case SCOPE_PERSON:
        return lane_sender[a->lane] == lane_sender[b->lane]; /* one account */
    case SCOPE_SENDER:
        return a->lane == b->lane;
    }
    return false;
}

static bool holds(struct world *w, const struct engine_limit *l, const struct place *p, instant_t t)
{
    instant_t begins, ends, counted = p->counted_at;
    int64_t lane = row_of(w, p->delivery)->lane;

    if (p->freed)
        return false;
    if (l->rolling)
        return counted == INSTANT_NEVER || counted + l->span > t;
    if (asks(lane) && counted == INSTANT_NEVER)
        return true; /* in every period until a person has said */
    period_of(l->period, &utc, t, &begins, &ends);
    instant_t at = asks(lane) ? counted : p->claimed_at;
    return at >= begins && at < ends;
}

/* Where sends are counted, only the last place that its send holds. */
static bool stands_for_send(struct world *w, const struct engine_limit *l, size_t place)
{
    for (size_t i = place + 1; i < w->place_count; i++) {
        if (w->places[i].question == w->places[place].question &&
            holds(w, l, &w->places[i], w->now))
            return false;
    }
    return true;
}

static uint32_t held(struct world *w, const struct engine_limit *l, const struct row *r)
{
    uint32_t n = 0;

    for (size_t i = 0; i < w->place_count; i++)
        n += in_scope(l, r, row_of(w, w->places[i].delivery)) &&
             holds(w, l, &w->places[i], w->now) && (!l->sends || stands_for_send(w, l, i));
    return n;
}

/* --- the store --- */

static void fetch(struct world *w, const struct effect *f)
{
    struct engine_waiting out[7];
    size_t count = 0;

    for (size_t i = 0; i < w->row_count && count < 7; i++) {
        const struct row *r = &w->rows[i];
        if (r->revision == f->revision && r->lane == f->lane && r->delivery > f->after &&
            r->state == DELIVERY_PENDING)
            out[count++] = (struct engine_waiting){r->delivery, (uint64_t)r->delivery, r->recipient,
                                                   r->attempts, r->key};
    }
    engine_fetched(w->engine, w->now, f->revision, f->lane, out, count, count == 7);
}

static int by_answer(const void *a, const void *b)
{
    const struct place *const *x = a, *const *y = b;

    return ((*x)->counted_at > (*y)->counted_at) - ((*x)->counted_at < (*y)->counted_at);
}

static void history(struct world *w, const struct effect *f)
{
    static const struct place *sent[PLACES];
    size_t count = 0;

    for (size_t i = 0; i < w->place_count; i++) {
        if (w->places[i].history && w->places[i].counted_at >= f->since)
            sent[count++] = &w->places[i];
    }
    qsort(sent, count, sizeof sent[0], by_answer);
    for (size_t i = 0; i < count; i++) {
        const struct row *r = row_of(w, sent[i]->delivery);
        struct engine_send s = {r->delivery,
                                r->revision,
                                r->lane,
                                r->recipient,
                                sent[i]->claimed_at,
                                sent[i]->counted_at,
                                w->questions[sent[i]->question].send,
                                false};
        for (size_t k = i + 1; k < count; k++)
            s.again |= sent[k]->question == sent[i]->question;
        engine_history(w->engine, w->now, f->revision, &s);
    }
    w->priming--;
    engine_primed(w->engine, w->now, f->revision);
}

static bool store_closed(const struct plan *p)
{
    return p->dropped || p->ended;
}

static void close_pending(struct world *w, int64_t revision, enum delivery_state state)
{
    for (size_t i = 0; i < w->row_count; i++) {
        if (w->rows[i].revision == revision && w->rows[i].state == DELIVERY_PENDING)
            w->rows[i].state = state;
    }
}

static void refused(struct world *w, struct row *r)
{
    struct question *q = question_of(w, r->send);

    w->places[r->place].freed = true;
    if (--q->deliveries == 0)
        q->over = true;
    r->send = 0;
}

static void commit_claim(struct world *w, const struct effect *f)
{
    struct row *r = row_of(w, f->delivery);
    const struct plan *p = plan_of(w, f->revision);
    bool ok = r->state == DELIVERY_PENDING && !store_closed(p) && !p->paused;

    if (ok) {
        r->state = DELIVERY_CLAIMED;
        r->attempts++;
        r->claimed_at = f->at;
        w->lane_due[r->lane] = f->due_at;
    } else {
        refused(w, r);
    }
    engine_claimed(w->engine, w->now, f->delivery, ok);
}

/* What was certainly not sent holds no place. */
static bool proven(const struct question *q, const struct effect *f)
{
    return f->state == DELIVERY_PENDING || f->state == DELIVERY_SKIPPED ||
           f->state == DELIVERY_CANCELED || f->reason == REASON_NOT_SENT ||
           (f->state == DELIVERY_EXPIRED && !q->shown);
}

static void check_why(struct world *w, const struct question *q, const struct effect *f)
{
    const struct plan *p = plan_of(w, f->revision);

    if (f->reason == REASON_LATE) {
        seen_late++;
        check(w, p->within && w->now >= q->claimed_at + p->within);
        check(w, f->state == DELIVERY_EXPIRED);
    }
    if (f->reason == REASON_ENDED) {
        check(w, w->now >= p->schedule.end);
        check(w, f->state == (q->shown ? DELIVERY_UNKNOWN : DELIVERY_EXPIRED));
    }
    if (f->reason == REASON_CANCELED) {
        check(w, p->dropped && !p->kept);
        check(w, f->state == (q->shown ? DELIVERY_UNKNOWN : DELIVERY_CANCELED));
    }
}

static void result(struct world *w, const struct effect *f)
{
    struct row *r = row_of(w, f->delivery);
    struct question *q = question_of(w, f->send);
    struct plan *p = plan_of(w, f->revision);

    check(w, delivery_may_follow(r->state, f->state));
    if (f->claimed_at == INSTANT_MIN) { /* dropped by a cap */
        r->state = f->state;
        return;
    }
    check(w, q && f->at == w->now && f->claimed_at == r->claimed_at && r->send == f->send);
    check_why(w, q, f);
    check(w, f->unseen == (f->state == DELIVERY_EXPIRED && !q->shown));
    if (f->state == DELIVERY_PROMPTED) {
        check(w, r->state == DELIVERY_CLAIMED && asks(r->lane));
        r->state = f->state;
        q->asked = true;
        return;
    }
    if (f->state == DELIVERY_PENDING && r->state == DELIVERY_PROMPTED) {
        seen_recalled++;
        check(w, !q->shown && p->paused && !p->kept);
    }
    struct place *place = &w->places[r->place];
    place->freed = proven(q, f);
    place->counted_at = w->now;
    place->history = !place->freed;
    if (f->state != DELIVERY_PENDING) /* given back unasked, or recalled: no answer */
        w->lane_answer[r->lane] = w->now;
    r->state = f->state;
    r->reason = f->reason;
    r->send = 0;
    if (--q->deliveries == 0)
        q->over = true;
    if (r->state == DELIVERY_PENDING && store_closed(p))
        r->state = p->dropped ? DELIVERY_CANCELED : DELIVERY_EXPIRED;
}

/* --- what the engine may do --- */

static enum reason hidden_by(struct world *w, const struct plan *p)
{
    if (w->halted)
        return REASON_HALTED;
    if (p->paused && !p->kept)
        return REASON_PAUSED;
    if (schedule_opens(&p->schedule, w->now) != w->now)
        return REASON_WINDOW_CLOSED;
    return REASON_NONE;
}

static void check_may_go(struct world *w, const struct plan *p)
{
    check(w, !w->halted && !p->paused && !p->dropped && !p->ended);
    check(w, w->now >= p->schedule.start && w->now < p->schedule.end);
    check(w, schedule_opens(&p->schedule, w->now) == w->now);
}

static void check_one_question(struct world *w, const struct row *r)
{
    for (size_t i = 0; i < w->question_count; i++) {
        const struct question *q = &w->questions[i];
        if (q->over || !asks(r->lane) || !asks(q->lane))
            continue;
        check(w, lane_sender[q->lane] != lane_sender[r->lane]); /* already asked */
    }
}

static void on_claim(struct world *w, const struct effect *f)
{
    struct row *r = row_of(w, f->delivery);
    const struct plan *p = plan_of(w, f->revision);
    struct question *q = question_of(w, f->send);

    check(w, r->send == 0 && f->at == w->now);
    check(w, r->revision == f->revision && r->lane == f->lane);
    check_may_go(w, p);
    if (p->pace.ceiling && w->lane_answer[r->lane] != INSTANT_MIN)
        check(w, w->now >= w->lane_answer[r->lane] + p->pace.floor);
    if (!q) {
        check(w, f->send == f->delivery);
        check_one_question(w, r);
        check(w, w->question_count < PLACES);
        q = &w->questions[w->question_count++];
        *q = (struct question){
            .send = f->send, .revision = f->revision, .lane = f->lane, .claimed_at = w->now};
    } else { /* one message to several */
        seen_batches++;
        check(w, q->revision == f->revision && q->lane == f->lane && q->claimed_at == w->now);
        check(w, r->key == row_of(w, f->send)->key && q->deliveries < p->batch);
    }
    q->deliveries++;
    for (size_t i = 0; i < p->limit_count; i++) {
        uint32_t used = held(w, &p->limits[i], r);
        if (p->limits[i].sends && f->send != f->delivery)
            continue; /* its send has a place */
        check(w, used < p->limits[i].max);
        seen_full += used + 1 == p->limits[i].max;
        seen_sends += p->limits[i].sends && used + 1 == p->limits[i].max;
    }
    check(w, lane_channel[r->lane] != 1 || held(w, &quota_limit, r) < quota.max);
    check(w, w->place_count < PLACES);
    w->places[w->place_count] = (struct place){.delivery = r->delivery,
                                               .claimed_at = w->now,
                                               .counted_at = INSTANT_NEVER,
                                               .question = (size_t)(q - w->questions)};
    r->place = w->place_count++;
    r->send = f->send;
    happen(w, 1 + (duration_t)draw(w, 20), ON_COMMIT, f);
}

static void on_send(struct world *w, const struct effect *f)
{
    check_may_go(w, plan_of(w, f->revision));
    for (size_t i = 0; i < w->row_count; i++)
        check(w, w->rows[i].send != f->send || w->rows[i].state == DELIVERY_CLAIMED);
    happen(w, draw(w, 3) ? 0 : (duration_t)draw(w, 4000), ON_ANSWER, f);
}

static void run_effects(struct world *w)
{
    struct effect f;

    while (engine_effect(w->engine, &f)) {
        switch (f.kind) {
        case EFFECT_CLAIM:
            on_claim(w, &f);
            break;
        case EFFECT_FETCH:
            happen(w, 30, ON_FETCH, &f); /* later than any commit before it */
            break;
        case EFFECT_HISTORY:
            w->priming++;
            happen(w, 30 + (duration_t)draw(w, 400), ON_HISTORY, &f);
            break;
        case EFFECT_SEND:
            on_send(w, &f);
            break;
        case EFFECT_RESULT:
            result(w, &f);
            break;
        case EFFECT_EXPIRE:
            check(w, w->now >= plan_of(w, f.revision)->schedule.end);
            plan_of(w, f.revision)->ended = true;
            close_pending(w, f.revision, DELIVERY_EXPIRED);
            break;
        case EFFECT_PAUSE:
        case EFFECT_FORGET:
        case EFFECT_HOLD:
        case EFFECT_WITHDRAW:
            break;
        }
    }
}

/* --- invariants of every step --- */

static void check_question(struct world *w, const struct question *q)
{
    const struct plan *p = plan_of(w, q->revision);

    if (q->over || !q->asked)
        return;
    check(w, !p->within || w->now < q->claimed_at + p->within); /* late */
    check(w, !p->within || engine_wake(w->engine) <= q->claimed_at + p->within);
    check(w, w->now < p->schedule.end && engine_wake(w->engine) <= p->schedule.end);
    check(w, !p->dropped || p->kept);
    check(w, !p->paused || p->kept || q->shown || !p->strict);
    check(w, engine_hidden(w->engine, w->now, q->send) == hidden_by(w, p));
}

static uint32_t at_most(uint32_t n, uint32_t max)
{
    return n < max ? n : max;
}

/* What people are told of a limit is what the places say. */
static bool told_right(struct world *w, int64_t lane, const struct engine_limit_view *v)
{
    struct row first = {.lane = lane};

    if (strcmp(v->text, "quota") == 0)
        return held(w, &quota_limit, &first) == v->used;
    for (int64_t id = 1; id <= REVISIONS; id++) {
        const struct plan *p = plan_of(w, id);
        struct row probe = {.lane = lane, .revision = id};
        for (size_t k = 0; k < p->limit_count; k++) {
            const struct engine_limit *l = &p->limits[k];
            uint32_t used = at_most(held(w, l, &probe), l->max), told = at_most(v->used, v->max);
            if (strcmp(l->text, v->text) != 0)
                continue;
            /* a send of which a part came back is counted from when all of it was known */
            if (told == used || (l->sends && told > used))
                return true;
        }
    }
    return false;
}

static void see_limits(void *ctx, const struct engine_lane_view *v)
{
    struct world *w = ctx;

    for (size_t i = 0; i < v->limit_count; i++) {
        if (!told_right(w, v->lane, &v->limits[i]))
            fail_msg("SEED=%" PRIu64 " at %" PRId64 ": lane %" PRId64 " '%s': %u used", w->seed,
                     w->now, v->lane, v->limits[i].text, v->limits[i].used);
        seen_told++;
    }
}

static void check_all(struct world *w)
{
    for (size_t i = 0; i < w->question_count; i++)
        check_question(w, &w->questions[i]);
    if (!w->priming && draw(w, 4) == 0)
        engine_lanes(w->engine, w->now, see_limits, w);
}

/* --- people --- */

static void answers_of(struct world *w, struct question *q)
{
    static const enum delivery_state said[] = {DELIVERY_SENT, DELIVERY_SENT, DELIVERY_FAILED,
                                               DELIVERY_SKIPPED};
    size_t number = (size_t)(q - w->questions);

    if (!draw(w, 4))
        return; /* nobody looks */
    struct happening *h = happen(w, (duration_t)draw(w, 3000), ON_SHOWN, NULL);
    instant_t shown_at = h->at;
    h->question = number;
    for (size_t i = 0; i < w->row_count; i++) {
        if (w->rows[i].send != q->send || !draw(w, 6))
            continue;
        struct effect f = {.delivery = w->rows[i].delivery};
        h = happen(w, shown_at - w->now + (duration_t)draw(w, 9000), ON_SETTLE, &f);
        h->question = number;
        h->state = said[draw(w, 4)];
    }
}

static void on_answer(struct world *w, const struct happening *h)
{
    static const enum engine_answer_kind mostly[] = {ANSWER_NOT_SENT, ANSWER_NOT_NOW,
                                                     ANSWER_UNKNOWN};
    int64_t send = h->effect.send;
    struct question *q = question_of(w, send);
    struct engine_answer a = {.kind = asks(q->lane) ? ANSWER_ASKED : ANSWER_DONE,
                              .not_before = w->now + 200};

    if (draw(w, 12) == 0)
        a.kind = mostly[draw(w, 3)];
    a.reason = a.kind == ANSWER_UNKNOWN ? REASON_NO_ANSWER : REASON_NONE;
    w->lane_answer[q->lane] = w->now;
    check(w, engine_answer(w->engine, w->now, send, &a));
    check(w, !engine_answer(w->engine, w->now, send, &a));
    run_effects(w);
    if (!q->over && q->asked)
        answers_of(w, q);
}

static void on_settle(struct world *w, const struct happening *h)
{
    static const enum reason reasons[DELIVERY_STATES] = {
        [DELIVERY_FAILED] = REASON_NOT_SENT, [DELIVERY_SKIPPED] = REASON_BY_PERSON};
    const struct question *q = &w->questions[h->question];
    const struct row *r = row_of(w, h->effect.delivery);
    bool open = !q->over && r->send == q->send && r->state == DELIVERY_PROMPTED;

    if (!open && r->state == DELIVERY_PROMPTED)
        return; /* asked anew meanwhile: the nonce of this answer is not that one's */
    check(w, engine_settle(w->engine, w->now, h->effect.delivery, h->state, reasons[h->state]) ==
                 open);
    run_effects(w);
    check(w, !open || r->state == h->state);
}

static void start_engine(struct world *w);

static void crash(struct world *w)
{
    for (size_t i = 0; i < w->row_count; i++) {
        struct row *r = &w->rows[i];
        struct place *p = &w->places[r->place];
        if (r->state == DELIVERY_CLAIMED && !asks(r->lane)) { /* may have arrived */
            r->state = DELIVERY_UNKNOWN;
            p->counted_at = w->lane_answer[r->lane] = w->now;
            p->history = true;
        } else if (r->send && r->state != DELIVERY_PROMPTED) { /* nobody was asked */
            r->state = r->state == DELIVERY_CLAIMED ? DELIVERY_PENDING : r->state;
            p->freed = true;
            if (r->state == DELIVERY_PENDING && store_closed(plan_of(w, r->revision)))
                r->state = DELIVERY_CANCELED;
        }
        if (r->state != DELIVERY_PROMPTED)
            r->send = 0;
    }
    for (size_t i = 0; i < w->question_count; i++)
        w->questions[i].over |= !w->questions[i].asked;
    engine_free(w->engine);
    w->life++;
    w->priming = 0;
    start_engine(w);
}

static void drop(struct world *w, int64_t id, bool keep)
{
    struct plan *p = plan_of(w, id);

    if (p->dropped)
        return;
    p->dropped = true;
    p->kept |= keep;
    close_pending(w, id, DELIVERY_CANCELED);
    engine_drop(w->engine, w->now, id, keep);
}

static void person(struct world *w)
{
    int64_t id = 1 + (int64_t)draw(w, REVISIONS);
    struct plan *p = plan_of(w, id);
    bool keep = draw(w, 2);

    switch (draw(w, 10)) {
    case 0:
        w->halted = true;
        engine_halt(w->engine);
        break;
    case 1:
        w->halted = false;
        engine_unhalt(w->engine, w->now);
        break;
    case 2:
    case 3:
    case 4:
        if (p->dropped)
            break;
        p->paused = p->strict = true;
        p->kept = keep;
        engine_pause(w->engine, w->now, id, keep);
        break;
    case 5:
    case 6:
        if (p->dropped)
            break;
        p->paused = p->kept = false;
        engine_resume(w->engine, w->now, id);
        break;
    case 7:
        drop(w, id, keep);
        break;
    default:
        if (w->crashes)
            crash(w);
        break;
    }
}

static void take(struct world *w, const struct happening *h)
{
    if (h->kind != ON_PERSON && h->kind != ON_SHOWN && h->kind != ON_SETTLE && h->life != w->life)
        return; /* the process it was meant for is gone */
    switch (h->kind) {
    case ON_COMMIT:
        commit_claim(w, &h->effect);
        break;
    case ON_FETCH:
        fetch(w, &h->effect);
        break;
    case ON_HISTORY:
        history(w, &h->effect);
        break;
    case ON_ANSWER:
        on_answer(w, h);
        break;
    case ON_SHOWN:
        if (w->questions[h->question].over)
            break;
        if (engine_hidden(w->engine, w->now, w->questions[h->question].send) != REASON_NONE)
            break;
        w->questions[h->question].shown = true;
        engine_shown(w->engine, w->questions[h->question].send);
        break;
    case ON_SETTLE:
        on_settle(w, h);
        break;
    case ON_PERSON:
        person(w);
        break;
    }
}

/* --- running --- */

static size_t next_event(const struct world *w)
{
    size_t best = 0;

    for (size_t i = 1; i < w->event_count; i++) {
        if (w->events[i].at < w->events[best].at ||
            (w->events[i].at == w->events[best].at && w->events[i].seq < w->events[best].seq))
            best = i;
    }
    return best;
}

static bool finished(const struct world *w)
{
    for (size_t i = 0; i < w->row_count; i++) {
        if (!delivery_state_final(w->rows[i].state) && w->rows[i].state != DELIVERY_UNKNOWN)
            return false;
    }
    return true;
}

/* Nobody stays held by a person for ever: all is resumed, and what nobody answered is. */
static void release(struct world *w)
{
    w->crashes = w->halted = false;
    engine_unhalt(w->engine, w->now);
    for (int64_t id = 1; id <= REVISIONS; id++) {
        if (plan_of(w, id)->dropped)
            continue;
        plan_of(w, id)->paused = plan_of(w, id)->kept = false;
        engine_resume(w->engine, w->now, id);
    }
}

static void answer_all(struct world *w)
{
    for (size_t i = 0; i < w->row_count; i++) {
        if (w->rows[i].state == DELIVERY_PROMPTED)
            check(w, engine_settle(w->engine, w->now, w->rows[i].delivery, DELIVERY_SENT,
                                   REASON_NONE));
    }
    run_effects(w);
}

static void step(struct world *w)
{
    engine_turn(w->engine, w->now);
    run_effects(w);
    check_all(w);
    if (finished(w))
        return;
    instant_t wake = engine_wake(w->engine);
    size_t i = w->event_count ? next_event(w) : 0;
    if (w->event_count && w->events[i].at <= wake) {
        struct happening h = w->events[i];
        w->events[i] = w->events[--w->event_count];
        w->now = h.at > w->now ? h.at : w->now;
        take(w, &h);
        run_effects(w);
    } else if (wake == INSTANT_NEVER) {
        check(w, w->stuck++ < 1000); /* only a person can go on */
        answer_all(w);
    } else {
        check(w, wake > w->now || w->stuck++ < 100);
        w->now = wake > w->now ? wake : w->now;
    }
}

static void restore(struct world *w, int64_t revision)
{
    for (size_t i = 0; i < w->question_count; i++) {
        const struct question *q = &w->questions[i];
        struct engine_waiting open[ROWS];
        size_t count = 0;
        if (q->over || q->revision != revision)
            continue;
        for (size_t k = 0; k < w->row_count; k++) {
            const struct row *r = &w->rows[k];
            if (r->send == q->send)
                open[count++] = (struct engine_waiting){r->delivery, (uint64_t)r->delivery,
                                                        r->recipient, r->attempts, r->key};
        }
        seen_restored++;
        check(w, count == q->deliveries);
        engine_restore(w->engine, w->now,
                       &(struct engine_asked){revision, q->lane, q->send, open, count,
                                              q->claimed_at, q->shown});
    }
}

static bool has_questions(const struct world *w, int64_t revision)
{
    for (size_t i = 0; i < w->question_count; i++) {
        if (!w->questions[i].over && w->questions[i].revision == revision)
            return true;
    }
    return false;
}

static void start_revision(struct world *w, int64_t id)
{
    struct plan *p = plan_of(w, id);

    if (p->dropped && !has_questions(w, id))
        return;
    p->strict = false;
    p->kept &= p->dropped; /* a pause's word on that is not stored */
    engine_add_revision(w->engine, w->now,
                        &(struct engine_revision){.id = id,
                                                  .campaign = id,
                                                  .channel = p->channel,
                                                  .seed = w->seed + (uint64_t)id,
                                                  .schedule = &p->schedule,
                                                  .pace = p->pace,
                                                  .limits = p->limits,
                                                  .limit_count = p->limit_count,
                                                  .lanes = p->lanes,
                                                  .lane_count = p->lane_count,
                                                  .batch = p->batch,
                                                  .within = p->within,
                                                  .paused = p->paused && !p->dropped});
    restore(w, id);
    if (p->dropped)
        engine_drop(w->engine, w->now, id, true);
}

static void start_engine(struct world *w)
{
    w->engine = engine_new();
    for (int64_t c = 1; c <= 3; c++)
        engine_add_channel(w->engine, &(struct engine_channel){.id = c,
                                                               .account = 1,
                                                               .in_flight_max = 2,
                                                               .quotas = &quota,
                                                               .quota_count = c == 1,
                                                               .asks = c != 3});
    for (int64_t l = 1; l <= LANES; l++)
        engine_add_lane(w->engine, &(struct engine_lane){.id = l,
                                                         .channel = lane_channel[l],
                                                         .sender = lane_sender[l],
                                                         .last_due = w->lane_due[l],
                                                         .last_answer = w->lane_answer[l]});
    if (w->halted)
        engine_halt(w->engine);
    for (int64_t id = 1; id <= REVISIONS; id++)
        start_revision(w, id);
}

static void make_limits(struct world *w, struct engine_limit pool[POOL])
{
    static const char *const names[POOL] = {"one", "two", "three", "four", "five"};

    for (size_t i = 0; i < POOL; i++) {
        pool[i] = (struct engine_limit){.scope = (enum engine_scope)draw(w, 5),
                                        .max = 1 + (uint32_t)draw(w, 6),
                                        .rolling = draw(w, 2),
                                        .span = 500 + (duration_t)draw(w, 9000),
                                        .period = draw(w, 4) ? PERIOD_DAY : PERIOD_WEEK,
                                        .text = names[i]};
        if (!pool[i].rolling)
            pool[i].max += 3; /* else it takes weeks */
        pool[i].drop = pool[i].scope == SCOPE_RECIPIENT && draw(w, 2);
        pool[i].sends = pool[i].scope != SCOPE_RECIPIENT && draw(w, 3) == 0;
    }
}

static void make_plan(struct world *w, int64_t id, const struct engine_limit pool[POOL])
{
    static const struct hours open_hours = {1 * 60, 23 * 60};
    static const struct window day = {0x7f, false, false, 1, 0, &open_hours, 1};
    struct plan *p = plan_of(w, id);

    p->channel = id <= 2 ? 1 : id <= 4 ? 2 : 3;
    for (int64_t l = 1; l <= LANES; l++) {
        if (lane_channel[l] == p->channel)
            p->lanes[p->lane_count++] = (struct engine_revision_lane){.lane = l, .waiting = 1};
    }
    p->schedule =
        (struct schedule){.zone = &utc,
                          .start = draw(w, 2) ? INSTANT_MIN : w->now + 3000,
                          .end = w->now + (draw(w, 3) ? 6 * (instant_t)MS_PER_DAY
                                                      : 5000 + (instant_t)draw(w, 90000))};
    if (draw(w, 3) == 0) {
        p->schedule.windows = &day;
        p->schedule.window_count = 1;
    }
    p->pace.floor = draw(w, 4) ? (duration_t)draw(w, 400) : 0;
    p->pace.ceiling = p->pace.floor + (draw(w, 3) ? (duration_t)draw(w, 900) : 0);
    p->batch = (uint32_t)draw(w, 6);
    p->within = draw(w, 3) ? 500 + (duration_t)draw(w, 9000) : 0;
    for (size_t i = draw(w, LIMITS + 1); i > 0; i--)
        p->limits[p->limit_count++] = pool[draw(w, POOL)];
    for (size_t i = 1 + draw(w, ROWS / REVISIONS - 1); i > 0; i--) {
        struct row *r = &w->rows[w->row_count++];
        *r = (struct row){.delivery = (int64_t)w->row_count,
                          .revision = id,
                          .lane = p->lanes[draw(w, p->lane_count)].lane,
                          .recipient = 1 + (int64_t)draw(w, 12),
                          .key = 1 + (int64_t)draw(w, 2),
                          .claimed_at = INSTANT_MIN};
    }
}

static struct world *world_new(uint64_t seed)
{
    struct world *w = xmalloc(sizeof *w);
    struct engine_limit pool[POOL];

    w->seed = seed;
    prng_seed(&w->random, seed);
    /* often a little before midnight: questions stay open across it */
    w->now = 20833 * (instant_t)MS_PER_DAY - (instant_t)draw(w, draw(w, 2) ? 20000 : MS_PER_DAY);
    w->crashes = draw(w, 2);
    for (size_t l = 0; l <= LANES; l++)
        w->lane_due[l] = w->lane_answer[l] = INSTANT_MIN;
    make_limits(w, pool);
    for (int64_t id = 1; id <= REVISIONS; id++)
        make_plan(w, id, pool);
    for (size_t i = draw(w, 16); i > 0; i--)
        happen(w, (duration_t)draw(w, 40000), ON_PERSON, NULL);
    return w;
}

static void run_world(uint64_t seed)
{
    struct world *w = world_new(seed);
    bool released = false;

    start_engine(w);
    for (unsigned n = 0; !finished(w); n++) {
        check(w, n < 100000);
        bool people_left = false;
        for (size_t i = 0; i < w->event_count; i++)
            people_left |= w->events[i].kind == ON_PERSON;
        if (!people_left && !released) {
            release(w);
            released = true;
        }
        step(w);
    }
    for (size_t i = 0; i < w->question_count; i++)
        check(w, w->questions[i].over);
    engine_free(w->engine);
    free(w);
}

static void random_worlds_keep_every_promise(void **state)
{
    const char *given = getenv("SEED");
    uint64_t first = given ? strtoull(given, NULL, 0) : 1, last = given ? first : 1200;

    (void)state;
    for (uint64_t seed = first; seed <= last; seed++)
        run_world(seed);
    print_message("batched %u, late %u, recalled %u, restored %u, limits full %u, told %u\n",
                  seen_batches, seen_late, seen_recalled, seen_restored, seen_full, seen_told);
    if (!given) /* all of it happened */
        assert_true(seen_batches && seen_sends && seen_late && seen_recalled && seen_restored &&
                    seen_full && seen_told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_worlds_keep_every_promise),
    };

    tz_utc(&utc);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
