/* The engine's parts, for engine.c (events), lane.c (deciding), due.c (when), revision.c (campaigns
 * coming and going), flight.c (claims and answers), question.c (what people are asked), view.c (for
 * people). */
#ifndef PACELINE_ENGINE_INTERNAL_H
#define PACELINE_ENGINE_INTERNAL_H

#include "base/heap.h"
#include "engine/engine.h"
#include "engine/map.h"
#include "engine/meter.h"

enum {
    FETCH_LOW = 16,   /* fewer waiting here: ask the store for more */
    FETCH_COUNT = 64, /* how many to ask for */
    ITEMS_MAX =
        4096 /* of one queue in memory: more recipients held by a cap than that hold the lane */
};

struct person { /* one sender on all channels of one account */
    int64_t account, sender;
    uint32_t asked; /* open questions: never more than one */
    struct meter *meters;
    struct person *next;
};

struct channel {
    int64_t id, account;
    uint32_t in_flight_max;
    bool asks, platform_asks, avoids_half_hours;
    struct meter *quotas;    /* the platform's own: GATE_CHANNEL */
    struct meter *meters;    /* scope channel */
    instant_t stopped_until; /* INSTANT_MIN: open */
    unsigned failures;       /* in a row: not reached, or no clear answer */
    instant_t rested_at;     /* when the last rest began */
};

struct item { /* a waiting delivery that was fetched */
    int64_t delivery, recipient, key;
    uint64_t row;
    uint32_t attempts;    /* claims so far */
    uint32_t tries;       /* those that the channel refused or could not make, of this run */
    instant_t tried_at;   /* the first of them */
    bool capped;          /* the platform would not let it through before */
    uint64_t epoch;       /* of the lane when base and due were drawn; 0: not yet */
    instant_t base, due;  /* pure gap; with the schedule's openings and what held it */
    instant_t not_before; /* held alone (a cap, a retry), or INSTANT_MIN */
    bool event_held;      /* was held by something that only a person or an answer ends */
};

struct queue { /* what waits of one revision on one lane, or a part of it, by delivery */
    struct revision *revision;
    struct lane *lane;
    int64_t id; /* of the lane or of its part, as everybody else knows it */
    const struct schedule *schedule;
    bool ended;
    struct item *items; /* in `memory`; moves on when the first one is taken */
    struct item *memory;
    size_t count, capacity;
    int64_t after;              /* the last one fetched */
    bool alone;                 /* some of them may be held alone */
    bool more, fetching, again; /* again: fetch from the start once the running fetch is back */
    int64_t fetch_key;          /* of the running fetch; 0: all */
    int64_t gathered;           /* of this message all that fit into a send are here; 0: of none */
    uint64_t waiting;
    instant_t last_due; /* of its own last send; of a spread one its start; INSTANT_MIN: none */
    bool left_known;    /* of a spread one: open time from left_at to its end */
    instant_t left_at;
    duration_t left;
};

struct lane {
    struct heap_node node;
    int64_t id, sender;
    struct channel *channel;
    struct person *person;
    struct meter *meters;                   /* scope sender */
    instant_t first, last_due, last_answer; /* first INSTANT_MIN: never sent */
    uint64_t epoch; /* moves with each claim and answer: dues are drawn anew from the same gaps */
    uint32_t in_flight;
    bool exclusive; /* what is in flight has an interval: nothing beside it */
    bool starved;   /* waits for room in a limit that only an answer can make */
    bool away;      /* its sender is not there */
    struct queue **queues;
    size_t queue_count, turn;
};

struct timetable {               /* a schedule in one zone */
    const struct schedule *spec; /* the caller's */
    struct schedule schedule;    /* the same with a memo */
    struct schedule_memo memo;
};

struct campaign_meters { /* outlives revisions while any of them is known */
    int64_t id;
    struct meter *meters; /* scope campaign */
    unsigned users;
};

struct revision {
    struct engine_revision spec;
    struct timetable *timetables; /* the revision's own first; spec.schedule points there */
    size_t timetable_count;
    struct engine_limit *limits;
    struct campaign_meters *campaign;
    struct channel *channel;
    struct queue *queues;
    size_t queue_count;
    struct meter **meters; /* queue_count x limit_count: what holds a queue, in order of limits */
    bool priming, paused, ended, dropped;
    bool awaits_history; /* it has asked for history: nothing starts before that is there */
    bool keep_asked;     /* pausing or dropping it leaves its questions open */
    size_t recent_start; /* in engine.recent, while priming */
    uint32_t in_flight;
};

enum flight_state { FLIGHT_CLAIMING, FLIGHT_CALLING, FLIGHT_ASKED, FLIGHT_WITHDRAWING };

struct flight {
    struct heap_node late; /* first; an open question that expires by itself */
    int64_t send;
    struct queue *queue;
    struct item *items; /* those not settled; in `memory` */
    struct item *memory;
    size_t count, capacity;
    size_t undecided; /* claims that the store is writing */
    instant_t claimed_at;
    enum flight_state state;
    bool shown;
    bool reached; /* one of its deliveries was sent, or may have been */
    bool aside;   /* a task: its lane goes on */
    /* of WITHDRAWING: what becomes of those that were not sent; PENDING: they wait again */
    enum delivery_state then;
    enum reason then_reason;
};

struct engine {
    instant_t now;
    bool joining;      /* who is asked for now joins a send, which has its places already */
    bool counts_sends; /* some limit did: see engine_limit.sends */
    bool halted, claims_held, watched;
    struct map channels, lanes, revisions, campaigns;
    struct map parts;              /* of lanes: id -> the lane */
    struct map flights, in_flight; /* by send; by delivery */
    struct person *persons;
    struct meter *recipient_meters;
    struct heap heap;
    struct heap_node **heap_memory;
    struct heap late; /* open questions that do not stay open */
    struct heap_node **late_memory;
    size_t lane_count, heap_capacity, late_capacity;
    size_t starved_count;
    instant_t next_end;         /* the earliest end of a revision that has not ended */
    struct engine_send *recent; /* answered while some revision was priming */
    size_t recent_count, recent_capacity, priming_count;
    struct effect *effects;
    size_t effect_first, effect_count, effect_capacity;
    bool dropped_some; /* in this turn: a revision may have nothing left */
    uint64_t seq;      /* heap order of equal instants */
    uint64_t pauses;
};

static inline instant_t later(instant_t a, instant_t b)
{
    return a > b ? a : b;
}

/* engine.c */
void engine_emit(struct engine *e, const struct effect *f);
instant_t engine_time(struct engine *e, instant_t now);
struct lane *engine_lane_of(const struct engine *e, int64_t id); /* of a part too; or NULL */

/* lane.c */
void lane_touch(struct engine *e, struct lane *l); /* judge it in this turn */
void lane_touch_all(struct engine *e);
void lane_begun(struct lane *l, instant_t first); /* its first send: ramps begin */
void lane_touch_starved(struct engine *e);
void lane_run(struct engine *e, struct lane *l);
struct ruling lane_rule(const struct engine *e, const struct queue *q, const struct item *item,
                        instant_t now);
struct sayers { /* the limits that say the latest instant of their gate; NULL: none holds */
    const struct meter *rate, *cap, *channel;
    bool held; /* a gate beside the gap holds, even if the gap holds longer */
};
/* Every gate, as lane_rule sums them up. */
void lane_rows(const struct engine *e, const struct queue *q, const struct item *item,
               instant_t now, struct ruling rows[GATE_COUNT], struct sayers *who);
const struct meter *sayer_of(const struct sayers *who, enum gate gate);
bool lane_hard_go(const struct engine *e, const struct queue *q, instant_t now);

/* due.c */
bool schedule_closed(const struct schedule *s, instant_t now);
bool queue_spreads(const struct queue *q);
void due_draw(struct engine *e, struct queue *q, struct item *item); /* base, due */
/* `t` itself when the schedule is open then; else as due_anew. */
instant_t due_in_schedule(const struct queue *q, const struct item *item, instant_t t);
/* A random phase after the schedule is open at or after `t`. */
instant_t due_anew(const struct queue *q, const struct item *item, instant_t t);
/* Whether it comes late, and so in a minute that the platform wants to be left alone: due anew. */
bool due_late_into_half_hour(const struct engine *e, const struct queue *q, struct item *item);

/* queue.c */
void queue_put(struct queue *q, const struct item *item); /* by delivery; a second one is dropped */
void queue_take(struct queue *q, size_t index);
void queue_again(struct queue *q); /* fetch from the start: something came back */
int64_t queue_progress(const struct queue *q);
void queue_want(struct engine *e, struct queue *q);
/* Whether all that may go with this one is here; else it is being asked for. */
bool queue_gathered(struct engine *e, struct queue *q, const struct item *item);
/* How many of its message are here, at most a batch of them. */
uint32_t queue_alike(const struct engine *e, const struct queue *q, const struct item *item);

/* revision.c */
void revision_end_due(struct engine *e);
void revision_settle(struct engine *e,
                     struct revision *r); /* forget it when nothing of it is left */
void revision_settle_all(struct engine *e);
typedef void meter_fn(struct engine *e, struct meter *m, void *ctx);
/* Every meter that counts a send of this recipient on this lane in this campaign. */
void meters_each(struct engine *e, struct lane *l, struct campaign_meters *c, meter_fn *fn,
                 void *ctx);

/* flight.c */
void flight_claim(struct engine *e, struct queue *q, size_t index);
bool flight_is_task(const struct flight *f); /* the platform asks */
struct flight *flight_new(struct engine *e, struct queue *q, int64_t send, enum flight_state state);
void flight_board(struct engine *e, struct flight *f, const struct item *item); /* takes places */
size_t flight_find(const struct flight *f, int64_t delivery);
void flight_leave(struct engine *e, struct flight *f, size_t index);
void flight_give_place_back(struct engine *e, const struct flight *f, const struct item *item);
void flight_result(struct engine *e, const struct flight *f, const struct item *item,
                   enum delivery_state state, enum reason reason);
/* The place stays taken; `sent_at` INSTANT_MIN: now. */
void flight_settle_item_at(struct engine *e, struct flight *f, size_t index,
                           enum delivery_state state, enum reason reason, instant_t sent_at);
void flight_settle_item(struct engine *e, struct flight *f, size_t index, enum delivery_state state,
                        enum reason reason);
void flight_settle(struct engine *e, struct flight *f, enum delivery_state state,
                   enum reason reason); /* all of it, and lands */
/* Nothing was sent: one of it, or all of it, waits again. */
void flight_put_back(struct engine *e, struct flight *f, size_t index, enum reason reason,
                     instant_t not_before);
void flight_give_back(struct engine *e, struct flight *f, instant_t not_before);
void flight_free_lane(struct engine *e, struct lane *l); /* it goes on with its next one */
void flight_land(struct engine *e, struct flight *f);    /* it is over */

/* question.c */
void flight_ask(struct engine *e, struct flight *f);       /* the channel has asked */
void flights_halted(struct engine *e);                     /* tasks are withdrawn */
void flights_late(struct engine *e);                       /* this turn's expired questions */
void flights_recall(struct engine *e, struct revision *r); /* unseen questions wait again */
void flight_capped(struct engine *e, int64_t delivery);
/* When one whom the platform's cap held at `at` may be tried again; INSTANT_MIN: now. */
instant_t flight_capped_until(const struct engine_revision *r, instant_t at);
/* Ends the revision's open questions: in this state, or unknown when somebody saw them. `q` NULL:
 * of all its lanes. */
void flights_close(struct engine *e, struct revision *r, const struct queue *q,
                   enum delivery_state unseen, enum reason reason);

#endif
