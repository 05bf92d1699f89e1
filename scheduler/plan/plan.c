/* The loop of the service in small: turn, effects, and the answer to each of them at once.
 *
 *     wake -> engine_turn -> FETCH:  the lane's next rows, from an index by sender
 *                            CLAIM:  durable
 *                            SEND:   done (or asked, and sent by a person in the same instant)
 *                            RESULT: kept
 *                            HOLD:   the time until the lane's next claim or hold is its gate's
 *
 * A delivery's id is its row; so is its recipient, since nobody is in an audience twice. Beside
 * others (others.c) all own ids are above theirs, and its lanes are parts of theirs: those are
 * paced and counted together. */
#include "plan/plan.h"

#include "base/arena.h"
#include "plan/holds.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNEL = 1, REVISION = 1, CAMPAIGN = 1, LANE_FIRST = 1 };

struct row {
    instant_t due_at;
    uint32_t lane;         /* of plan.lanes */
    uint8_t state, reason; /* enum plan_state, enum reason */
};

struct lane {              /* of one sender; or its part for recipients in one zone */
    uint32_t sender, zone; /* zone 0: not a part */
    uint32_t first, count; /* of plan.by_lane */
};

struct plan {
    struct plan_setup setup;
    struct engine *engine; /* NULL until the first run */
    struct row *rows;
    int64_t *messages;   /* with a batch only */
    int64_t *recipients; /* when others know any; 0: nobody they know */
    size_t count, capacity, message_capacity, recipient_capacity;
    uint32_t *by_lane;    /* row numbers of those that go, lane by lane */
    uint32_t *by_message; /* with a batch: the same, in each lane by message */
    uint32_t *order;
    struct lane *lanes; /* one a sender, then the parts */
    size_t lane_count, lane_capacity;
    const struct schedule **zones; /* by number, from 1 */
    size_t zone_count, zone_capacity;
    struct engine_revision_lane *revision_lanes;
    struct holds *holds;
    uint64_t *taps;
    instant_t now, horizon;
    const struct plan_others *beside; /* NULL: alone */
    struct others *others;            /* while it runs */
    struct arena *moved;              /* schedules that begin when it is approved */
    int64_t base;                     /* of own ids */
    bool forgotten, failed, done;
    struct plan_sum sum;
};

static size_t add_lane(struct plan *p, size_t sender, size_t zone)
{
    p->lanes = xgrow(p->lanes, &p->lane_capacity, p->lane_count + 1, sizeof *p->lanes);
    p->lanes[p->lane_count] = (struct lane){.sender = (uint32_t)sender, .zone = (uint32_t)zone};
    return p->lane_count++;
}

struct plan *plan_new(const struct plan_setup *setup)
{
    struct plan *p = xmalloc(sizeof *p);

    assert(setup->sender_count > 0);
    p->setup = *setup;
    for (size_t i = 0; i < setup->sender_count; i++)
        add_lane(p, i, 0);
    p->holds = holds_new(setup->sender_count);
    if (setup->channel.asks)
        p->taps = xmalloc(setup->sender_count * sizeof *p->taps);
    p->sum.first = p->sum.last = INSTANT_MIN;
    return p;
}

void plan_free(struct plan *p)
{
    if (!p)
        return;
    engine_free(p->engine);
    others_free(p->others);
    arena_free(p->moved);
    free(p->rows);
    free(p->messages);
    free(p->recipients);
    free(p->by_lane);
    free(p->by_message);
    free(p->order);
    free(p->lanes);
    free(p->zones);
    free(p->revision_lanes);
    holds_free(p->holds);
    free(p->taps);
    free(p);
}

/* Parts are few. */
static size_t lane_for(struct plan *p, size_t sender, size_t zone)
{
    size_t i = p->setup.sender_count;

    if (!zone)
        return sender;
    while (i < p->lane_count && (p->lanes[i].sender != sender || p->lanes[i].zone != zone))
        i++;
    return i < p->lane_count ? i : add_lane(p, sender, zone);
}

void plan_zone(struct plan *p, size_t zone, const struct schedule *schedule)
{
    assert(zone > 0 && !p->engine);
    while (p->zone_count <= zone) {
        p->zones = xgrow(p->zones, &p->zone_capacity, p->zone_count + 1, sizeof *p->zones);
        p->zones[p->zone_count++] = NULL;
    }
    p->zones[zone] = schedule;
}

void plan_add(struct plan *p, size_t sender, size_t zone, enum reason skipped, int64_t message)
{
    size_t lane = lane_for(p, sender, zone);

    assert(!p->engine && sender < p->setup.sender_count && p->count < UINT32_MAX);
    p->rows = xgrow(p->rows, &p->capacity, p->count + 1, sizeof *p->rows);
    if (p->setup.terms.batch > 1) {
        p->messages = xgrow(p->messages, &p->message_capacity, p->count + 1, sizeof *p->messages);
        p->messages[p->count] = message;
    }
    p->rows[p->count++] = (struct row){.due_at = INSTANT_MIN,
                                       .lane = (uint32_t)lane,
                                       .state = skipped ? PLAN_SKIPPED : PLAN_EXPIRED,
                                       .reason = (uint8_t)skipped};
    p->sum.recipients++;
    if (skipped)
        p->sum.skipped[skipped]++;
    else
        p->lanes[lane].count++;
}

void plan_recipient(struct plan *p, int64_t recipient)
{
    size_t known = p->recipient_capacity;

    assert(p->count > 0 && !p->engine);
    p->recipients = xgrow(p->recipients, &p->recipient_capacity, p->count, sizeof *p->recipients);
    if (p->recipient_capacity > known)
        memset(p->recipients + known, 0, (p->recipient_capacity - known) * sizeof *p->recipients);
    p->recipients[p->count - 1] = recipient;
}

void plan_beside(struct plan *p, const struct plan_others *others, int64_t campaign)
{
    assert(!p->engine && others->sender_count == p->setup.sender_count);
    p->beside = others;
    p->base = PLAN_OWN;
    p->setup.terms.campaign = campaign;
    if (p->setup.from < others->at)
        p->setup.from = others->at;
}

static int ascending(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static int64_t known_recipient(const struct plan *p, size_t index)
{
    return index < p->recipient_capacity ? p->recipients[index] : 0;
}

void plan_handled(struct plan *p, const int64_t *recipients, size_t count)
{
    assert(!p->engine);
    for (size_t i = 0; count && i < p->count; i++) {
        struct row *r = &p->rows[i];
        int64_t who = known_recipient(p, i);
        if (r->state == PLAN_SKIPPED || !bsearch(&who, recipients, count, sizeof who, ascending))
            continue;
        r->state = PLAN_SKIPPED;
        r->reason = REASON_ALREADY_HANDLED;
        p->lanes[r->lane].count--;
        p->sum.skipped[REASON_ALREADY_HANDLED]++;
    }
}

void plan_seed(struct plan *p, uint64_t seed)
{
    p->setup.terms.seed = seed;
}

void plan_reset(struct plan *p, const struct schedule *schedule, uint64_t seed)
{
    struct plan_sum *s = &p->sum;

    engine_free(p->engine);
    p->engine = NULL;
    free(p->by_lane);
    free(p->by_message);
    free(p->order);
    free(p->revision_lanes);
    p->by_lane = p->by_message = p->order = NULL;
    p->revision_lanes = NULL;
    for (size_t i = 0; i < p->count; i++) {
        struct row *r = &p->rows[i];
        if (r->state == PLAN_SKIPPED && r->reason != REASON_FREQUENCY_CAP)
            continue; /* left out from the beginning */
        *r = (struct row){.due_at = INSTANT_MIN, .lane = r->lane, .state = PLAN_EXPIRED};
    }
    holds_free(p->holds);
    p->holds = holds_new(p->setup.sender_count);
    if (p->taps)
        memset(p->taps, 0, p->setup.sender_count * sizeof *p->taps);
    s->planned = s->shortfall = s->skipped[REASON_FREQUENCY_CAP] = 0;
    s->first = s->last = INSTANT_MIN;
    p->forgotten = p->done = false;
    p->setup.terms.schedule = schedule;
    p->setup.terms.seed = seed;
}

const struct plan_setup *plan_setup(const struct plan *p)
{
    return &p->setup;
}

/* --- running --- */

static void index_rows(struct plan *p)
{
    uint32_t first = 0;

    p->by_lane = xmalloc((p->count + 1) * sizeof *p->by_lane);
    for (size_t i = 0; i < p->lane_count; i++) {
        p->lanes[i].first = first;
        first += p->lanes[i].count;
        p->lanes[i].count = 0;
    }
    for (size_t i = 0; i < p->count; i++) {
        struct lane *l = &p->lanes[p->rows[i].lane];
        if (p->rows[i].state != PLAN_SKIPPED)
            p->by_lane[l->first + l->count++] = (uint32_t)i + 1;
    }
}

/* qsort has no context: the message goes with the row. */
struct addressed {
    int64_t message;
    uint32_t row;
};

static int by_message_then_row(const void *a, const void *b)
{
    const struct addressed *x = a, *y = b;

    if (x->message != y->message)
        return x->message < y->message ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static void index_messages(struct plan *p)
{
    struct addressed *sorted = xmalloc((p->count + 1) * sizeof *sorted);

    p->by_message = xmalloc((p->count + 1) * sizeof *p->by_message);
    for (size_t i = 0; i < p->lane_count; i++) {
        const struct lane *l = &p->lanes[i];
        for (size_t k = 0; k < l->count; k++) {
            uint32_t row = p->by_lane[l->first + k];
            sorted[k] = (struct addressed){p->messages[row - 1], row};
        }
        qsort(sorted, l->count, sizeof *sorted, by_message_then_row);
        for (size_t k = 0; k < l->count; k++)
            p->by_message[l->first + k] = sorted[k].row;
    }
    free(sorted);
}

static void add_lane_specs(struct plan *p)
{
    for (size_t i = 0; i < p->lane_count; i++) {
        size_t sender = p->lanes[i].sender;
        struct engine_lane whole = {.id = LANE_FIRST + (int64_t)sender,
                                    .channel = CHANNEL,
                                    .sender = LANE_FIRST + (int64_t)sender,
                                    .last_due = INSTANT_MIN,
                                    .last_answer = INSTANT_MIN};
        if (p->beside)
            whole = p->beside->lanes[p->beside->sender_lanes[sender]];
        struct engine_lane lane = whole;
        lane.id = p->base + LANE_FIRST + (int64_t)i;
        lane.of = lane.id == whole.id ? 0 : whole.id;
        engine_add_lane(p->engine, &lane);
    }
}

/* Beside others it is there from the beginning, so that its limits count what they send. */
static const struct schedule *not_before_approval(struct plan *p, const struct schedule *s)
{
    if (!p->beside || !s || s->start >= p->setup.from || p->setup.from == p->beside->at)
        return s;
    if (!p->moved)
        p->moved = arena_new();
    struct schedule *moved = arena_alloc(p->moved, sizeof *moved);
    *moved = *s;
    moved->start = p->setup.from;
    return moved;
}

static size_t wait_on_lanes(struct plan *p)
{
    size_t lanes = 0;

    p->revision_lanes = xmalloc(p->lane_count * sizeof *p->revision_lanes);
    for (size_t i = 0; i < p->lane_count; i++) {
        const struct lane *l = &p->lanes[i];
        if (l->count)
            p->revision_lanes[lanes++] = (struct engine_revision_lane){
                .lane = p->base + LANE_FIRST + (int64_t)i,
                .waiting = l->count,
                .schedule = l->zone ? not_before_approval(p, p->zones[l->zone]) : NULL};
    }
    return lanes;
}

static void start(struct plan *p)
{
    struct engine_channel channel = p->setup.channel;
    struct engine_revision terms = p->setup.terms;

    index_rows(p);
    if (p->messages)
        index_messages(p);
    p->engine = engine_new();
    engine_watch(p->engine);
    terms.lane_count = wait_on_lanes(p);
    p->forgotten = terms.lane_count == 0;
    if (p->forgotten)
        return;
    channel.id = channel.account = CHANNEL;
    if (p->beside)
        p->others = others_start(p->beside, p->engine);
    else
        engine_add_channel(p->engine, &channel);
    add_lane_specs(p);
    p->now = p->beside ? p->beside->at : p->setup.from;
    terms.schedule = not_before_approval(p, terms.schedule);
    instant_t begins = terms.schedule->start > p->now ? terms.schedule->start : p->now;
    p->horizon = instant_add(begins, (duration_t)PLAN_YEARS_MAX * 366 * MS_PER_DAY);
    terms.id = p->base + REVISION;
    terms.campaign = p->beside && terms.campaign ? terms.campaign : p->base + CAMPAIGN;
    terms.channel = p->beside ? p->beside->channel : CHANNEL;
    terms.lanes = p->revision_lanes;
    engine_add_revision(p->engine, p->now, &terms);
    if (p->others)
        others_settle(p->others, p->engine);
}

static struct lane *lane_of(struct plan *p, int64_t id)
{
    return &p->lanes[id - p->base - LANE_FIRST];
}

/* The row of a delivery. */
static struct row *row_of(struct plan *p, int64_t delivery)
{
    return &p->rows[delivery - p->base - 1];
}

/* The lane that paces it. */
static size_t whole_of(struct plan *p, int64_t id)
{
    return lane_of(p, id)->sender;
}

/* The first of the lane's rows that comes after (message, row). */
static size_t place_after(const struct plan *p, const struct lane *l, const uint32_t *rows,
                          int64_t message, int64_t row)
{
    size_t low = 0, high = l->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int64_t other = message ? p->messages[rows[middle] - 1] : 0;
        if (other < message || (other == message && rows[middle] <= row))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The rows of the lane above `after`; they ascend. */
static void fetch(struct plan *p, const struct effect *f)
{
    const struct lane *l = lane_of(p, f->lane);
    const uint32_t *rows = (f->key ? p->by_message : p->by_lane) + l->first;
    struct engine_waiting *w = xmalloc(f->cap * sizeof *w);
    int64_t after = f->after > p->base ? f->after - p->base : 0;
    size_t at = place_after(p, l, rows, f->key, after), n = 0;

    for (; at < l->count && n < f->cap; at++) {
        uint32_t row = rows[at];
        int64_t key = p->messages ? p->messages[row - 1] : 0;
        if (f->key && key != f->key)
            break;
        if (p->rows[row - 1].state != PLAN_EXPIRED)
            continue; /* gone, with others of its message */
        int64_t known = known_recipient(p, row - 1);
        w[n++] = (struct engine_waiting){.delivery = p->base + row,
                                         .row = row,
                                         .recipient = known ? known : p->base + row,
                                         .key = key};
    }
    engine_fetched(p->engine, p->now, f->revision, f->lane, w, n, at < l->count);
    free(w);
}

static void claim(struct plan *p, const struct effect *f)
{
    holds_end(p->holds, whole_of(p, f->lane), f->at);
    row_of(p, f->delivery)->due_at = f->due_at;
    engine_claimed(p->engine, p->now, f->delivery, true);
}

static void send(struct plan *p, const struct effect *f)
{
    if (p->taps)
        p->taps[whole_of(p, f->lane)]++;
    engine_answer(p->engine, p->now, f->send,
                  &(struct engine_answer){.kind = p->taps ? ANSWER_ASKED : ANSWER_DONE});
}

static void result(struct plan *p, const struct effect *f)
{
    struct row *r = row_of(p, f->delivery);

    switch (f->state) {
    case DELIVERY_PROMPTED:
        engine_settle(p->engine, p->now, f->delivery, DELIVERY_SENT, REASON_NONE);
        break;
    case DELIVERY_SENT:
        r->state = PLAN_PLANNED;
        break;
    default:
        assert(f->state == DELIVERY_SKIPPED); /* a cap that drops */
        r->state = PLAN_SKIPPED;
        r->reason = (uint8_t)f->reason;
        p->sum.skipped[f->reason]++;
    }
}

static void run_effect(struct plan *p, const struct effect *f)
{
    if (p->others && (f->revision != p->base + REVISION || f->kind == EFFECT_HISTORY)) {
        others_effect(p->others, p->engine, p->now, f);
        return;
    }
    switch (f->kind) {
    case EFFECT_HISTORY: /* there is none */
        engine_primed(p->engine, p->now, f->revision);
        break;
    case EFFECT_FETCH:
        fetch(p, f);
        break;
    case EFFECT_CLAIM:
        claim(p, f);
        break;
    case EFFECT_SEND:
        send(p, f);
        break;
    case EFFECT_RESULT:
        result(p, f);
        break;
    case EFFECT_HOLD:
        if (!f->behind || p->others) /* else its own parts take turns */
            holds_begin(p->holds, whole_of(p, f->lane), f);
        break;
    case EFFECT_EXPIRE:
    case EFFECT_PAUSE:    /* no channel here asks for it */
    case EFFECT_WITHDRAW: /* whoever is asked says so at once */
        break;
    case EFFECT_FORGET:
        p->forgotten = true;
        break;
    }
}

static void finish(struct plan *p)
{
    struct plan_sum *s = &p->sum;

    p->done = true;
    s->binding_count = holds_sum(p->holds, p->now, s->binding);
    for (size_t i = 0; i < p->count; i++) {
        struct row *r = &p->rows[i];
        if (r->state == PLAN_PLANNED) {
            s->planned++;
            s->first = s->first == INSTANT_MIN || r->due_at < s->first ? r->due_at : s->first;
            s->last = r->due_at > s->last ? r->due_at : s->last;
        } else if (r->state == PLAN_EXPIRED) {
            s->shortfall++;
            r->due_at = INSTANT_MIN;
            r->reason = REASON_ENDED;
        } else {
            r->due_at = INSTANT_MIN;
        }
    }
    s->endless = s->shortfall > 0 && !p->forgotten;
    s->taps = p->taps;
    engine_free(p->engine);
    others_free(p->others);
    p->engine = NULL;
    p->others = NULL;
}

static void run_effects(struct plan *p, size_t *steps)
{
    struct effect f;

    while (engine_effect(p->engine, &f)) {
        run_effect(p, &f);
        *steps -= *steps > 0;
    }
    if (p->others)
        others_prime(p->others, p->engine, p->now);
    p->failed |= others_failed(p->others);
}

bool plan_run(struct plan *p, size_t steps)
{
    if (p->done)
        return false;
    if (!p->engine)
        start(p);
    while (steps > 0) {
        engine_turn(p->engine, p->now);
        run_effects(p, &steps);
        instant_t wake = engine_wake(p->engine);
        if (p->forgotten || p->failed || wake > p->horizon) {
            finish(p);
            return false;
        }
        p->now = wake > p->now ? wake : p->now;
    }
    return true;
}

bool plan_failed(const struct plan *p)
{
    return p->failed;
}

/* --- reading --- */

struct place {
    instant_t due_at;
    uint32_t row;
};

static int by_due(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    bool none_x = x->due_at == INSTANT_MIN, none_y = y->due_at == INSTANT_MIN;

    if (none_x != none_y)
        return none_x ? 1 : -1;
    if (x->due_at != y->due_at)
        return x->due_at < y->due_at ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

const uint32_t *plan_order(struct plan *p)
{
    assert(p->done);
    if (p->order)
        return p->order;
    struct place *places = xmalloc((p->count + 1) * sizeof *places);
    for (size_t i = 0; i < p->count; i++)
        places[i] = (struct place){p->rows[i].due_at, (uint32_t)i + 1};
    qsort(places, p->count, sizeof *places, by_due);
    p->order = xmalloc((p->count + 1) * sizeof *p->order);
    for (size_t i = 0; i < p->count; i++)
        p->order[i] = places[i].row;
    free(places);
    return p->order;
}

uint64_t plan_rows(const struct plan *p)
{
    return p->count;
}

struct plan_row plan_row(const struct plan *p, uint64_t row)
{
    const struct row *r = &p->rows[row - 1];

    assert(p->done && row >= 1 && row <= p->count);
    return (struct plan_row){r->due_at, p->lanes[r->lane].sender, (enum plan_state)r->state,
                             (enum reason)r->reason};
}

const struct plan_sum *plan_sum(const struct plan *p)
{
    assert(p->done);
    return &p->sum;
}
