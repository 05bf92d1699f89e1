/* People who send by hand: who look, send and say so, or do not. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

static struct send *open_question(struct sim *s, const struct question *q)
{
    struct send *x = s->run ? map_get(&s->run->by_number, q->number) : NULL;

    return x && x->durable && x->asked_at == q->asked_at ? x : NULL;
}

static void person_again(struct sim *s, struct event *v, duration_t least, duration_t most)
{
    sim_after(s, sim_draw(s, least, most), false, v->fire, v->a, 0);
}

static void on_say(struct sim *s, struct event *v)
{
    static const enum reason reasons[DELIVERY_STATES] = {
        [DELIVERY_FAILED] = REASON_NOT_SENT, [DELIVERY_SKIPPED] = REASON_BY_PERSON};
    const struct question *q = &s->questions[v->a];
    struct send *x = open_question(s, q);

    if (!s->run)
        person_again(s, v, MS_PER_MINUTE, 5 * MS_PER_MINUTE);
    if (!x || x->shown_at == INSTANT_MIN)
        return;
    int64_t revision = x->revision;
    for (size_t i = 0; i < q->count; i++) {
        const struct item *said = &q->items[i];
        for (size_t k = 0; k < x->count; k++) {
            if (x->items[k].delivery != said->delivery || x->items[k].state != DELIVERY_PROMPTED)
                continue;
            x->items[k].state = said->state;
            x->items[k].by = sender_names[q->sender];
            engine_settle(s->run->engine, sim_now(s), said->delivery, said->state,
                          reasons[said->state]);
        }
    }
    person_again(s, v, MS_PER_MINUTE, 2 * MS_PER_MINUTE); /* should it not have been kept */
    fault_step(s, STEP_SAID, revision);
}

static void on_do(struct sim *s, struct event *v)
{
    struct question *q = &s->questions[v->a];
    struct send *x = open_question(s, q);

    if (q->did)
        return;
    if (s->run && !x)
        return; /* it is not on the screen any more */
    if (!s->run || engine_hidden(s->run->engine, sim_now(s), x->number) != REASON_NONE) {
        person_again(s, v, MS_PER_MINUTE, MS_PER_HOUR);
        return;
    }
    q->did = true;
    for (size_t i = 0; i < q->count; i++) {
        struct item *it = &q->items[i];
        enum hand h = i ? (enum hand)sim_draw(s, 0, HAND_SKIP) : q->plan;
        it->state = h == HAND_NOT_SENT ? DELIVERY_FAILED
                    : h == HAND_SKIP   ? DELIVERY_SKIPPED
                                       : DELIVERY_SENT;
        if (it->state == DELIVERY_SENT)
            world_arrive(s, &(struct arrival){.at = sim_now(s),
                                              .claimed_at = q->claimed_at,
                                              .spec = q->spec,
                                              .channel = BY_HAND,
                                              .sender = q->sender,
                                              .recipient = it->recipient,
                                              .delivery = it->delivery,
                                              .by_hand = true});
    }
    if (q->plan != HAND_SILENT)
        sim_after(s, sim_draw(s, 1000, 10 * MS_PER_MINUTE), false, on_say, v->a, 0);
    fault_step(s, STEP_BY_HAND, x->revision);
}

struct seen { /* the agent shows a question when the service has kept that it does */
    struct store_job job;
    struct sim *sim;
    int64_t question;
    struct store_prompt prompt;
    char nonce[33];
};

static void seen_run(struct store *store, struct store_job *job)
{
    struct seen *u = (struct seen *)job;
    struct err e;

    sim_ok(u->sim, store_prompt_update(store, &u->prompt, &e), &e);
}

static void seen_done(struct store_job *job)
{
    struct seen *u = (struct seen *)job;
    struct sim *s = u->sim;
    struct question *q = &s->questions[u->question];

    if (!q->seen)
        sim_after(s, sim_draw(s, 3000, 20 * MS_PER_MINUTE), false, on_do, u->question, 0);
    q->seen = true;
    fault_step(s, STEP_SHOWN, s->specs[q->spec].revision);
    free(u);
}

bool is_seen(const struct store_job *job)
{
    return job->run == seen_run;
}

static void on_look(struct sim *s, struct event *v)
{
    struct question *q = &s->questions[v->a];
    struct send *x = open_question(s, q);
    struct seen *u;

    if (!x || q->seen)
        return;
    if (engine_hidden(s->run->engine, sim_now(s), x->number) != REASON_NONE) {
        person_again(s, v, 10 * MS_PER_MINUTE, MS_PER_HOUR);
        return;
    }
    x->shown_at = sim_now(s);
    engine_shown(s->run->engine, x->number);
    u = xmalloc(sizeof *u);
    *u = (struct seen){.job = {seen_run, seen_done, NULL}, .sim = s, .question = v->a};
    memcpy(u->nonce, x->nonce, sizeof u->nonce);
    u->prompt = (struct store_prompt){.id = x->number,
                                      .revision = x->revision,
                                      .nonce = u->nonce,
                                      .asked_at = x->asked_at,
                                      .shown_at = x->shown_at,
                                      .snoozed_until = INSTANT_MIN};
    service_defer(s, &u->job);
}

void people_asked(struct sim *s, const struct send *x)
{
    struct question *q;

    for (size_t i = s->question_count; i-- > 0;) {
        q = &s->questions[i];
        if (q->number != x->number || q->asked_at != x->asked_at)
            continue;
        if (!q->seen && q->plan != HAND_AWAY) /* open again after a crash */
            sim_after(s, sim_draw(s, 1000, MS_PER_HOUR), true, on_look, (int64_t)i, 0);
        return;
    }
    s->questions =
        xgrow(s->questions, &s->question_capacity, s->question_count + 1, sizeof *s->questions);
    q = &s->questions[s->question_count++];
    *q = (struct question){.number = x->number,
                           .asked_at = x->asked_at,
                           .claimed_at = x->claimed_at,
                           .spec = x->spec,
                           .sender = x->sender,
                           .plan = sim_chance(s, 65) ? HAND_SENT
                                                     : (enum hand)sim_draw(s, 0, HANDS - 1)};
    for (; q->count < x->count && q->count < 8; q->count++)
        q->items[q->count] = x->items[q->count];
    s->tally->hands[q->plan]++;
    s->tally->faults += q->plan != HAND_SENT;
    if (q->plan != HAND_AWAY)
        sim_after(s, sim_draw(s, 1000, 3 * MS_PER_HOUR), true, on_look,
                  (int64_t)s->question_count - 1, 0);
}
