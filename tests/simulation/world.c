/* The channels: what they do with a call, and what they answer. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 60000 };

const char *const channel_names[CHANNELS] = {"room", "bulk", "hands"};
const char *const sender_names[SENDERS] = {"ann", "ben", "cho"};

/* --- channels --- */

static struct send *send_by_id(struct sim *s, int64_t number, int64_t id)
{
    struct send *x = map_get(&s->run->by_number, number);

    return x && x->id == (uint64_t)id ? x : NULL;
}

void world_arrive(struct sim *s, const struct arrival *a)
{
    s->arrivals =
        xgrow(s->arrivals, &s->arrival_capacity, s->arrival_count + 1, sizeof *s->arrivals);
    s->arrivals[s->arrival_count++] = *a;
    s->tally->arrivals++;
    sim_hash(s, a->delivery, a->at);
    judge_arrival(s);
}

static const struct engine_answer *answer_for(struct sim *s, enum wire w)
{
    static struct engine_answer a;
    static const enum reason never[] = {REASON_BAD_RECIPIENT, REASON_CHANNEL_REFUSED};

    a = (struct engine_answer){.kind = ANSWER_DONE};
    switch (w) {
    case WIRE_NOT_SENT:
        a.kind = ANSWER_NOT_SENT;
        break;
    case WIRE_NOT_NOW:
        a.kind = ANSWER_NOT_NOW;
        a.not_before = sim_now(s) + sim_draw(s, 1000, MS_PER_HOUR);
        break;
    case WIRE_RATE:
        a.kind = ANSWER_NOT_NOW;
        a.stop_channel = true;
        a.not_before =
            sim_chance(s, 10) ? INSTANT_NEVER : sim_now(s) + sim_draw(s, 1000, MS_PER_HOUR);
        break;
    case WIRE_NEVER:
        a.kind = ANSWER_NEVER;
        a.reason = never[sim_draw(s, 0, 1)];
        break;
    case WIRE_NEVER_STOP:
        a.kind = ANSWER_NEVER;
        a.reason = REASON_REJECTED_CONTENT;
        a.stop_campaign = true;
        break;
    case WIRE_BAD_ANSWER:
        a.kind = ANSWER_UNKNOWN;
        a.reason = REASON_BAD_ANSWER;
        break;
    case WIRE_LOST:
    case WIRE_STALLED:
    case WIRE_LATE:
        a.kind = ANSWER_UNKNOWN;
        a.reason = REASON_NO_ANSWER;
        break;
    case WIRE_DONE:
    case WIRES:
        break;
    }
    return &a;
}

static void on_too_late(struct sim *s, struct event *v)
{
    static const struct engine_answer done = {.kind = ANSWER_DONE};

    if (engine_answer(s->run->engine, sim_now(s), v->a, &done) && !send_by_id(s, v->a, v->b))
        sim_bad(s, "the engine took a late answer for send %lld", (long long)v->a);
}

static void on_answer(struct sim *s, struct event *v)
{
    struct send *x = send_by_id(s, v->a, v->b);
    enum wire w;
    int64_t revision;

    if (!x || !x->called) {
        sim_bad(s, "send %lld is gone before its answer", (long long)v->a);
        return;
    }
    w = x->wire;
    revision = x->revision;
    service_answer(s, x, answer_for(s, w));
    fault_step(s, STEP_ANSWERED, revision);
}

static void on_arrive(struct sim *s, struct event *v)
{
    struct arrival *a = (struct arrival *)(intptr_t)v->a;

    a->at = sim_now(s);
    world_arrive(s, a);
    free(a);
}

/* The guard before the first byte has said yes: what was written arrives, whatever becomes of us.
 */
static void write_out(struct sim *s, const struct send *x)
{
    duration_t delay = sim_draw(s, 1, 40);

    for (size_t i = 0; i < x->count; i++) {
        struct arrival *a = xmalloc(sizeof *a);
        *a = (struct arrival){.send = x->id,
                              .claimed_at = x->claimed_at,
                              .spec = x->spec,
                              .channel = s->specs[x->spec].channel,
                              .sender = x->sender,
                              .recipient = x->items[i].recipient,
                              .delivery = x->items[i].delivery};
        sim_after(s, delay, false, on_arrive, (int64_t)(intptr_t)a, 0);
    }
}

/* As sends_guard in loop/sends.c. */
static bool may_go(struct sim *s, const struct send *x)
{
    instant_t now = sim_now(s);

    return !s->run->broken && clock_trusted(s) && engine_may_send(s->run->engine, now, x->number);
}

static bool acts(struct sim *s, enum wire w)
{
    return w == WIRE_DONE || w == WIRE_LOST || w == WIRE_LATE ||
           (w == WIRE_BAD_ANSWER && sim_chance(s, 50));
}

static void on_waiting(struct sim *s, struct event *v)
{
    const struct send *x = send_by_id(s, v->a, v->b);

    if (x)
        fault_step(s, STEP_WAITING, x->revision);
}

/* The process died while it wrote: what came of it was not a whole request. */
static void cut_off(struct sim *s, const struct send *x)
{
    for (size_t i = 0; i < s->events.count;) {
        struct event *v = (struct event *)s->events.nodes[i];
        const struct arrival *a = v->fire == on_arrive ? (struct arrival *)(intptr_t)v->a : NULL;
        if (!a || a->send != x->id) {
            i++;
            continue;
        }
        heap_remove(&s->events, &v->node);
        free((struct arrival *)(intptr_t)v->a);
        free(v);
        i = 0;
    }
}

static void on_connected(struct sim *s, struct event *v)
{
    struct send *x = send_by_id(s, v->a, v->b);
    duration_t patience;
    bool silent;

    if (!x) {
        sim_bad(s, "send %lld is gone while it is called", (long long)v->a);
        return;
    }
    if (!may_go(s, x)) {
        service_answer(s, x, &(struct engine_answer){.kind = ANSWER_HELD});
        return;
    }
    if (x->wire == WIRE_NOT_SENT) {
        int64_t revision = x->revision;
        service_answer(s, x, answer_for(s, WIRE_NOT_SENT));
        fault_step(s, STEP_ANSWERED, revision);
        return;
    }
    judge_guard(s, x);
    if (acts(s, x->wire))
        write_out(s, x);
    silent = x->wire == WIRE_LOST || x->wire == WIRE_STALLED || x->wire == WIRE_LATE;
    patience = silent ? PATIENCE_MS : sim_draw(s, 50, 4000);
    sim_after(s, sim_draw(s, 1, 49), true, on_waiting, v->a, v->b);
    sim_after(s, patience, true, on_answer, v->a, v->b);
    if (x->wire == WIRE_LATE)
        sim_after(s, PATIENCE_MS + sim_draw(s, 1, 600000), true, on_too_late, v->a, v->b);
    fault_step(s, STEP_WIRE, x->revision);
    if (s->crash && sim_chance(s, 50))
        cut_off(s, x);
}

static void on_ask(struct sim *s, struct event *v)
{
    struct send *x = send_by_id(s, v->a, v->b);
    int64_t revision = x ? x->revision : 0;

    if (!x)
        return;
    service_answer(s, x, &(struct engine_answer){.kind = ANSWER_ASKED});
    fault_step(s, STEP_ANSWERED, revision);
}

void world_call(struct sim *s, struct send *x)
{
    int roll = (int)sim_draw(s, 0, 99);

    x->called = true;
    if (s->specs[x->spec].channel == BY_HAND) {
        sim_after(s, 1, true, on_ask, x->number, (int64_t)x->id);
    } else {
        x->wire = roll < 56 ? WIRE_DONE : (enum wire)sim_draw(s, WIRE_NOT_SENT, WIRES - 1);
        if (x->wire == WIRE_NEVER_STOP && sim_chance(s, 50))
            x->wire = WIRE_NOT_SENT;
        s->tally->wires[x->wire]++;
        s->tally->faults += x->wire != WIRE_DONE;
        sim_after(s, sim_draw(s, 2, 300), true, on_connected, x->number, (int64_t)x->id);
    }
    fault_step(s, STEP_CALLED, x->revision);
}

/* --- what is on the wire when the machine sleeps --- */

void world_deliver(struct sim *s)
{
    for (size_t i = 0; i < s->events.count;) {
        struct event *v = (struct event *)s->events.nodes[i];
        if (v->fire != on_arrive) {
            i++;
            continue;
        }
        heap_remove(&s->events, &v->node);
        on_arrive(s, v);
        free(v);
        i = 0;
    }
}

bool world_arrived(const struct sim *s, int64_t delivery)
{
    for (size_t i = 0; i < s->arrival_count; i++)
        if (s->arrivals[i].delivery == delivery)
            return true;
    return false;
}

void world_begin(struct sim *s)
{
    struct err e;
    int64_t lane, channel, sender;

    for (int c = 0; c < CHANNELS; c++)
        for (int i = 0; i < SENDERS; i++)
            sim_ok(s,
                   store_lane(s->run->store, channel_names[c], sender_names[i], &lane, &channel,
                              &sender, &e),
                   &e);
    campaigns_begin(s);
    faults_begin(s);
    operators_begin(s);
}
