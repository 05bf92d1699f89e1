/* What the world does, and how one is made; it is judged in judge.c. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

/* --- the store --- */

static struct row *row_of(struct world *w, int64_t id)
{
    return &w->rows[id - 1];
}

static void happen(struct world *w, duration_t delay, enum kind kind, const struct effect *f,
                   enum engine_answer_kind answer)
{
    struct happening h = {
        .at = w->now + delay, .order = ++w->order, .kind = kind, .answer = answer, .life = w->life};

    property_check(w->event_count < EVENTS, "too many events");
    if (f)
        h.effect = *f;
    w->events[w->event_count++] = h;
}

static struct engine_waiting waiting_of(const struct row *r)
{
    return (struct engine_waiting){.delivery = r->id,
                                   .row = (uint64_t)r->id,
                                   .recipient = r->recipient,
                                   .attempts = r->attempts,
                                   .key = r->key};
}

static void fetch(struct world *w, const struct effect *f)
{
    struct engine_waiting out[4];
    size_t n = 0;

    for (size_t i = 0; i < w->row_count && n < 4 && n < f->cap; i++) {
        struct row *r = &w->rows[i];
        if ((int64_t)r->campaign + 1 != f->revision || (int64_t)r->lane + 1 != f->lane ||
            r->id <= f->after || r->state != DELIVERY_PENDING || (f->key && r->key != f->key))
            continue;
        r->life = w->life;
        out[n++] = waiting_of(r);
    }
    engine_fetched(w->engine, w->now, f->revision, f->lane, out, n, n == 4);
}

static int by_answer(const void *a, const void *b)
{
    const struct held_place *const *x = a, *const *y = b;

    return ((*x)->answered > (*y)->answered) - ((*x)->answered < (*y)->answered);
}

static void history(struct world *w, const struct effect *f)
{
    const struct held_place *sent[PLACES];
    size_t n = 0;

    for (size_t i = 0; i < w->place_count; i++) {
        const struct held_place *p = &w->places[i];
        if (!p->freed && p->answered != INSTANT_MIN && p->answered >= f->since)
            sent[n++] = p;
    }
    qsort(sent, n, sizeof sent[0], by_answer);
    for (size_t i = 0; i < n; i++) {
        struct engine_send s = {.delivery = sent[i]->row->id,
                                .campaign = (int64_t)sent[i]->row->campaign + 1,
                                .lane = (int64_t)sent[i]->row->lane + 1,
                                .recipient = sent[i]->row->recipient,
                                .claimed_at = sent[i]->claimed,
                                .answered_at = sent[i]->answered,
                                .send = sent[i]->send};
        for (size_t k = i + 1; k < n; k++)
            s.again |= sent[k]->send == s.send && sent[k]->claimed == s.claimed_at;
        engine_history(w->engine, w->now, f->revision, &s);
    }
    engine_primed(w->engine, w->now, f->revision);
}

static void claim(struct world *w, const struct effect *f)
{
    struct row *r = row_of(w, f->delivery);
    const struct pace *pace = &w->campaigns[r->campaign].pace;

    property_check(r->state == DELIVERY_PENDING, "delivery %lld claimed twice", (long long)r->id);
    property_check(w->place_count < PLACES, "too many claims");
    property_check(pace->ceiling == 0 || w->lane_answer[r->lane] == INSTANT_MIN ||
                       f->at >= w->lane_answer[r->lane] + pace->floor,
                   "at %lld: claimed %lld after the lane's last answer", (long long)f->at,
                   (long long)(f->at - w->lane_answer[r->lane]));
    r->place = w->place_count;
    w->places[w->place_count++] = (struct held_place){.row = r,
                                                      .send = f->send,
                                                      .claimed = f->at,
                                                      .answered = INSTANT_MIN,
                                                      .arrived = INSTANT_MIN};
    judge_claim(w, r);
    happen(w, dice_between(w->dice, 1, 25), ON_COMMIT, f, 0);
}

static void commit(struct world *w, const struct effect *f)
{
    struct row *r = row_of(w, f->delivery);

    r->state = DELIVERY_CLAIMED;
    r->attempts++;
    w->lane_due[r->lane] = f->due_at;
    engine_claimed(w->engine, w->now, f->delivery, true);
}

/* --- the channel and the people --- */

static bool in_send(const struct world *w, const struct row *r, int64_t send)
{
    const struct held_place *p = &w->places[r->place];

    return r->state == DELIVERY_CLAIMED && p->row == r && p->send == send &&
           p->answered == INSTANT_MIN && !p->freed;
}

static enum engine_answer_kind answer_any(struct world *w, bool asks)
{
    uint64_t n = w->trouble ? dice_below(w->dice, 40) : 39;

    switch (n) {
    case 0:
        return ANSWER_NOT_SENT;
    case 1:
        return ANSWER_NOT_NOW;
    case 2:
        return ANSWER_HELD;
    case 3:
        return ANSWER_NEVER;
    case 4:
        return ANSWER_UNKNOWN;
    default:
        return asks ? ANSWER_ASKED : ANSWER_DONE;
    }
}

static void send(struct world *w, const struct effect *f)
{
    const struct row *first = row_of(w, f->send);
    const struct campaign *c = &w->campaigns[first->campaign];

    property_check(!w->halted && !c->paused, "a send while halted or paused");
    property_check(!w->away[first->lane], "a send of somebody who is away");
    property_check(judge_open(w, c) == w->now, "a send at %lld in a closed time",
                   (long long)w->now);
    property_check(w->now >= c->schedule.start && w->now < c->schedule.end,
                   "a send before the start or after the end");
    property_check(engine_may_send(w->engine, w->now, f->send), "a send that may not go");
    happen(w, dice_between(w->dice, 2, dice_one_in(w->dice, 8) ? 2500 : 40), ON_ANSWER, f,
           answer_any(w, channel_asks(c->channel)));
}

static void answer(struct world *w, const struct happening *h)
{
    struct engine_answer a = {.kind = h->answer, .not_before = w->now + 300 * w->scale};
    bool freed = a.kind == ANSWER_NOT_SENT || a.kind == ANSWER_NOT_NOW || a.kind == ANSWER_HELD;

    a.reason = a.kind == ANSWER_UNKNOWN ? REASON_NO_ANSWER : REASON_BAD_RECIPIENT;
    for (size_t i = 0; i < w->row_count; i++) {
        struct row *r = &w->rows[i];
        struct held_place *p = &w->places[r->place];
        if (!in_send(w, r, h->effect.send))
            continue;
        p->freed = freed;
        if (a.kind == ANSWER_ASKED) {
            happen(w, dice_between(w->dice, 1, 4000) * w->scale, ON_SETTLE,
                   &(struct effect){.delivery = r->id}, 0);
            continue;
        }
        p->answered = w->now;
        if (!freed)
            p->arrived = dice_between(w->dice, p->claimed, w->now);
    }
    w->lane_answer[row_of(w, h->effect.send)->lane] = w->now;
    property_check(engine_answer(w->engine, w->now, h->effect.send, &a), "an answer is not known");
    property_check(!engine_answer(w->engine, w->now, h->effect.send, &a), "a second answer");
}

static void settle(struct world *w, int64_t delivery)
{
    struct row *r = row_of(w, delivery);
    struct held_place *p = &w->places[r->place];
    bool sent = !dice_one_in(w->dice, 4);

    if (r->state != DELIVERY_PROMPTED)
        return; /* taken back meanwhile */
    p->answered = w->now;
    p->freed = !sent;
    p->arrived = sent ? w->now : INSTANT_MIN;
    w->lane_answer[r->lane] = w->now;
    property_check(engine_settle(w->engine, w->now, delivery,
                                 sent ? DELIVERY_SENT : DELIVERY_FAILED,
                                 sent ? REASON_NONE : REASON_NOT_SENT),
                   "an open question is not known");
}

static void result(struct world *w, const struct effect *f)
{
    struct row *r = row_of(w, f->delivery);
    struct held_place *p = &w->places[r->place];

    property_check(delivery_may_follow(r->state, f->state), "delivery %lld: %d after %d",
                   (long long)r->id, f->state, r->state);
    r->state = f->state;
    r->reason = f->reason;
    if (f->state == DELIVERY_PENDING || (f->state == DELIVERY_EXPIRED && f->unseen))
        p->freed = true; /* nobody was written to */
    if (f->claimed_at != INSTANT_MIN && delivery_state_final(f->state) &&
        p->answered == INSTANT_MIN)
        p->answered = w->now;
    if (f->reason == REASON_FREQUENCY_CAP) {
        const struct campaign *c = &w->campaigns[r->campaign];
        bool full = false;
        for (size_t i = 0; i < c->limit_count; i++)
            full |= c->limits[i].drop && judge_ready(w, c, &c->limits[i], r) > w->now;
        property_check(full, "delivery %lld was dropped by a cap with room", (long long)r->id);
    }
}

void world_effects(struct world *w)
{
    struct effect f;

    while (engine_effect(w->engine, &f)) {
        switch (f.kind) {
        case EFFECT_CLAIM:
            claim(w, &f);
            break;
        case EFFECT_FETCH: /* later than any commit before it */
            happen(w, 30, ON_FETCH, &f, 0);
            break;
        case EFFECT_HISTORY:
            happen(w, dice_between(w->dice, 30, 400), ON_HISTORY, &f, 0);
            break;
        case EFFECT_SEND:
            send(w, &f);
            break;
        case EFFECT_RESULT:
            result(w, &f);
            break;
        case EFFECT_EXPIRE:
            for (size_t i = 0; i < w->row_count; i++) {
                if ((int64_t)w->rows[i].campaign + 1 == f.revision &&
                    w->rows[i].state == DELIVERY_PENDING)
                    w->rows[i].state = DELIVERY_EXPIRED;
            }
            break;
        default:
            break;
        }
    }
}

/* --- trouble --- */

static void restore_questions(struct world *w)
{
    for (size_t i = 0; i < w->row_count; i++) {
        struct engine_waiting open[ROWS];
        size_t n = 0;
        if (w->rows[i].state != DELIVERY_PROMPTED)
            continue;
        for (size_t k = 0; k < i; k++) /* of the same question: restored with its first one */
            n += w->rows[k].state == DELIVERY_PROMPTED && w->rows[k].lane == w->rows[i].lane;
        if (n)
            continue;
        for (size_t k = i; k < w->row_count; k++) {
            if (w->rows[k].state == DELIVERY_PROMPTED && w->rows[k].lane == w->rows[i].lane)
                open[n++] = waiting_of(&w->rows[k]);
        }
        engine_restore(w->engine, w->now,
                       &(struct engine_asked){.revision = (int64_t)w->rows[i].campaign + 1,
                                              .lane = (int64_t)w->rows[i].lane + 1,
                                              .send = w->rows[i].id,
                                              .deliveries = open,
                                              .count = n,
                                              .claimed_at = w->places[w->rows[i].place].claimed});
    }
}

/* The service dies and starts again: what was on its way is unknown, and held from now on. */
static void crash(struct world *w)
{
    for (size_t i = 0; i < w->row_count; i++) {
        struct row *r = &w->rows[i];
        struct held_place *p = &w->places[r->place];
        if (r->state == DELIVERY_CLAIMED) {
            r->state = DELIVERY_UNKNOWN;
            if (p->answered == INSTANT_MIN) {
                p->answered = w->now;
                p->arrived = dice_between(w->dice, p->claimed, w->now);
            }
            w->lane_answer[r->lane] = w->now;
        } else if (r->state == DELIVERY_PENDING && w->place_count && p->row == r) {
            p->freed = true; /* its claim was never durable */
        }
    }
    engine_free(w->engine);
    world_start(w);
}

void world_away(struct world *w, size_t lane, bool away)
{
    w->away[lane] = away;
    engine_lane_away(w->engine, w->now, (int64_t)lane + 1, away);
}

static void person(struct world *w)
{
    size_t i = dice_below(w->dice, CAMPAIGNS);
    struct campaign *c = &w->campaigns[i];

    switch (dice_below(w->dice, 11)) {
    case 0:
        w->halted = true;
        engine_halt(w->engine);
        break;
    case 1:
    case 2:
        w->halted = false;
        engine_unhalt(w->engine, w->now);
        break;
    case 3:
        c->paused = true;
        engine_pause(w->engine, w->now, (int64_t)i + 1, false);
        break;
    case 4:
    case 5:
        c->paused = false;
        engine_resume(w->engine, w->now, (int64_t)i + 1);
        break;
    case 6:
        world_away(w, dice_below(w->dice, LANES), true);
        break;
    case 7:
    case 8:
        for (size_t lane = 0; lane < LANES; lane++)
            world_away(w, lane, false);
        break;
    default:
        crash(w);
    }
}
/* --- making a world --- */

static void limits_any(struct world *w, struct campaign *c)
{
    c->limit_count = dice_below(w->dice, LIMITS + 1);
    for (size_t i = 0; i < c->limit_count; i++) {
        struct engine_limit *l = &c->limits[i];
        *l = (struct engine_limit){.scope = (enum engine_scope)dice_below(w->dice, 5),
                                   .max = 1 + (uint32_t)dice_below(w->dice, 6),
                                   .rolling = !dice_one_in(w->dice, 3),
                                   .span = dice_between(w->dice, 300, 6000) * w->scale,
                                   .period = (enum period)dice_below(w->dice, 3),
                                   .text = "a limit"};
        if (!l->rolling && l->period != PERIOD_DAY)
            l->max = 4 + (uint32_t)dice_below(w->dice, 40);
        if (!l->rolling && w->scale == 1)
            l->max += 8;
        l->drop = l->scope == SCOPE_RECIPIENT && dice_one_in(w->dice, 2);
        /* of a question each delivery may have its own fate: the simulation looks at these */
        l->sends = l->scope != SCOPE_RECIPIENT && l->scope != SCOPE_PERSON &&
                   !channel_asks(c->channel) && dice_one_in(w->dice, 3);
    }
}

static void hours_any(struct world *w, struct campaign *c)
{
    struct schedule *s = &c->schedule;

    *s = (struct schedule){.zone = &c->zone->tz, .start = INSTANT_MIN, .end = INSTANT_NEVER};
    if (dice_one_in(w->dice, 3))
        s->start = w->now + dice_between(w->dice, 0, 3000) * w->scale;
    if (dice_one_in(w->dice, 3))
        s->end = w->now + dice_between(w->dice, 3000, 90000) * w->scale;
    if (w->scale > 1 && !dice_one_in(w->dice, 3)) {
        c->open.from = (int)dice_below(w->dice, 1440);
        c->open.to = (c->open.from + (int)dice_between(w->dice, 60, 1200)) % 1440;
        c->open_hours = (struct hours){(int16_t)c->open.from, (int16_t)c->open.to};
        c->window = (struct window){
            .weekdays = 0x7f, .first_day = 1, .hours = &c->open_hours, .hours_count = 1};
        s->windows = &c->window;
        s->window_count = 1;
    }
    if (w->scale > 1 && dice_one_in(w->dice, 2)) {
        c->quiet.from = (int)dice_below(w->dice, 1440);
        c->quiet.to = (c->quiet.from + (int)dice_between(w->dice, 1, 50)) % 1440;
        c->quiet_hours = (struct hours){(int16_t)c->quiet.from, (int16_t)c->quiet.to};
        s->quiet = &c->quiet_hours;
        s->quiet_count = 1;
    }
}

static void campaign_any(struct world *w, struct campaign *c)
{
    static const char *const zones[] = {"Asia/Shanghai", "UTC", "Asia/Kathmandu",
                                        "Pacific/Kiritimati", "Pacific/Pago_Pago"};

    c->zone = zone_get(zones[dice_below(w->dice, 5)]);
    c->offset_ms = (zone_wall_minute(c->zone, w->now - w->now % 60000) - w->now / 60000) * 60000;
    c->channel = dice_below(w->dice, CHANNELS);
    hours_any(w, c);
    limits_any(w, c);
    c->pace.floor = dice_one_in(w->dice, 3) ? 0 : dice_between(w->dice, 0, 300) * w->scale;
    c->pace.ceiling =
        c->pace.floor + (dice_one_in(w->dice, 3) ? 0 : dice_between(w->dice, 0, 600) * w->scale);
    c->pace.distribution = dice_one_in(w->dice, 2) ? PACE_UNIFORM : PACE_EXPONENTIAL;
    if (c->schedule.end != INSTANT_NEVER && dice_one_in(w->dice, 3))
        c->pace.distribution = PACE_SPREAD;
    c->batch = dice_one_in(w->dice, 3) ? 1 + (uint32_t)dice_below(w->dice, 5) : 1;
}

static void rows_any(struct world *w, size_t campaign)
{
    for (uint64_t n = 1 + dice_below(w->dice, ROWS); n > 0; n--) {
        struct row *r = &w->rows[w->row_count++];
        *r = (struct row){
            .id = (int64_t)w->row_count,
            .recipient = dice_between(w->dice, 1, RECIPIENTS),
            .key = dice_between(w->dice, 1, 2),
            .campaign = campaign,
            .lane = w->campaigns[campaign].channel * SENDERS + dice_below(w->dice, SENDERS),
        };
    }
}

static void add_channels(struct world *w)
{
    for (size_t c = 0; c < CHANNELS; c++) {
        struct engine_limit l = quota_of(c, w->scale);
        struct engine_quota quota = {l.max, l.span};
        engine_add_channel(w->engine, &(struct engine_channel){.id = (int64_t)c + 1,
                                                               .account = channel_account(c),
                                                               .in_flight_max = 3,
                                                               .quotas = &quota,
                                                               .quota_count = 1,
                                                               .asks = channel_asks(c)});
    }
    for (size_t l = 0; l < LANES; l++)
        engine_add_lane(w->engine, &(struct engine_lane){.id = (int64_t)l + 1,
                                                         .channel = (int64_t)lane_channel(l) + 1,
                                                         .sender = (int64_t)lane_sender(l) + 1,
                                                         .last_due = w->lane_due[l],
                                                         .last_answer = w->lane_answer[l]});
    for (size_t l = 0; l < LANES; l++)
        engine_lane_away(w->engine, w->now, (int64_t)l + 1, w->away[l]);
}

void world_start(struct world *w)
{
    w->life++;
    w->engine = engine_new();
    add_channels(w);
    if (w->halted)
        engine_halt(w->engine);
    for (size_t i = 0; i < CAMPAIGNS; i++) {
        struct campaign *c = &w->campaigns[i];
        for (size_t s = 0; s < SENDERS; s++)
            w->lanes[i][s] = (struct engine_revision_lane){
                .lane = (int64_t)(c->channel * SENDERS + s) + 1, .waiting = ROWS};
        engine_add_revision(w->engine, w->now,
                            &(struct engine_revision){.id = (int64_t)i + 1,
                                                      .campaign = (int64_t)i + 1,
                                                      .channel = (int64_t)c->channel + 1,
                                                      .seed = w->order + i,
                                                      .schedule = &c->schedule,
                                                      .pace = c->pace,
                                                      .limits = c->limits,
                                                      .limit_count = c->limit_count,
                                                      .lanes = w->lanes[i],
                                                      .lane_count = SENDERS,
                                                      .batch = c->batch,
                                                      .paused = c->paused});
    }
    restore_questions(w);
}
void world_take(struct world *w, const struct happening *h)
{
    if (h->kind != ON_PERSON && h->kind != ON_SETTLE && h->life != w->life)
        return; /* the process it was meant for is gone */
    switch (h->kind) {
    case ON_COMMIT:
        commit(w, &h->effect);
        break;
    case ON_FETCH:
        fetch(w, &h->effect);
        break;
    case ON_HISTORY:
        history(w, &h->effect);
        break;
    case ON_ANSWER:
        answer(w, h);
        break;
    case ON_SETTLE:
        settle(w, h->effect.delivery);
        break;
    case ON_PERSON:
        person(w);
        break;
    }
}
void world_any(struct dice *d, struct world *w)
{
    memset(w, 0, sizeof *w);
    w->dice = d;
    w->scale = dice_one_in(d, 2) ? 1 : dice_between(d, 200, 2000);
    w->trouble = dice_one_in(d, 2);
    w->now = 1803800000000 + dice_between(d, 0, INT64_C(40) * 86400000);
    for (size_t l = 0; l < LANES; l++)
        w->lane_due[l] = w->lane_answer[l] = INSTANT_MIN;
    for (size_t i = 0; i < CAMPAIGNS; i++) {
        campaign_any(w, &w->campaigns[i]);
        rows_any(w, i);
    }
    for (uint64_t n = w->trouble ? dice_below(d, 12) : 0; n > 0; n--)
        happen(w, dice_between(d, 0, 60000) * w->scale, ON_PERSON, NULL, 0);
}
