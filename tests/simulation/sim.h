/* The simulation: the real engine, conf and store, a virtual clock, and a world that fails.
 *
 * Everything that happens is drawn from one seed and happens in one thread, at an instant of the
 * virtual clock: what is printed for a seed is the same each time. Only the loop (libuv, sockets,
 * plugins) is not here; service.c does in small what loop/ does, in the same order.
 *
 *     service.c    the service: turns, group commit, a store that fails, start after a crash
 *     loads.c      campaigns in and out of the engine
 *     clock.c      what time it is: wall, boot and monotonic clock, as loop/clock.c compares them
 *     faults.c     crashes, clocks that jump, sleep, halts, pauses, edits: each at each step
 *     world.c      channels that fail
 *     people.c     people who send by hand
 *     campaigns.c  what is submitted and decided
 *     operators.c  who looks after it
 *     judge.c      what must hold, by brute force
 *     record.c     the records for tests/check/checker.py
 *     run.c        one seed
 *     main.c       many seeds, in as many processes as there are processors
 */
#ifndef PACELINE_TESTS_SIMULATION_SIM_H
#define PACELINE_TESTS_SIMULATION_SIM_H

#include "api/host.h"
#include "base/arena.h"
#include "base/heap.h"
#include "base/strbuf.h"
#include "conf/revision.h"
#include "core/clocks.h"
#include "core/prng.h"
#include "engine/engine.h"
#include "engine/map.h"
#include "store/store.h"

#include <stdio.h>

enum { CHANNELS = 3, SENDERS = 3, CAMPAIGNS = 4, ROWS_MAX = 24, POOL = 400 };

enum step { /* of the way of a delivery, at which something happens (reliability.md 2.1) */
            STEP_IDLE,
            STEP_GATHERED, /* claimed, not committed */
            STEP_CLAIMED,  /* the claim is durable */
            STEP_CALLED,   /* connecting */
            STEP_WIRE,     /* the first byte has gone out */
            STEP_WAITING,  /* all has gone out, the answer is not there */
            STEP_ANSWERED, /* the outcome is not committed */
            STEP_SETTLED,  /* it is */
            STEP_ASKED,    /* a person's question is durable */
            STEP_SHOWN,
            STEP_BY_HAND, /* the person has sent, and not said so */
            STEP_SAID,
            STEP_STARTING,  /* the store is open, open claims are not unknown yet */
            STEP_RECOVERED, /* they are; nothing is loaded */
            STEPS
};

enum fault { /* what happens there */
             FAULT_CRASH,
             FAULT_FORWARD, /* the clock is set, as far as is believed */
             FAULT_BACK,
             FAULT_LEAP, /* further than that */
             FAULT_FALL,
             FAULT_SLEEP, /* the machine, or the process only */
             FAULT_HALT,
             FAULT_PAUSE,
             FAULT_CANCEL,
             FAULT_EDIT,
             FAULT_SUPPRESS,
             FAULT_LOST, /* the store says that it failed, and has kept nothing */
             FAULT_KEPT, /* and has kept it all the same */
             FAULTS
};

enum wire { /* what a channel does with a call */
            WIRE_DONE,
            WIRE_NOT_SENT, /* before the first byte */
            WIRE_LOST,     /* acted on, no answer */
            WIRE_STALLED,  /* not acted on, no answer */
            WIRE_LATE,     /* acted on, answered after our patience */
            WIRE_NOT_NOW,
            WIRE_RATE, /* the platform blocks the channel */
            WIRE_NEVER,
            WIRE_NEVER_STOP, /* the content: a person must look */
            WIRE_BAD_ANSWER,
            WIRES
};

enum hand { /* what a person does with a question */
            HAND_SENT,
            HAND_NOT_SENT,
            HAND_SKIP,
            HAND_SILENT, /* sends and never says so */
            HAND_AWAY,   /* never looks */
            HANDS
};

struct tally { /* of a seed, and over all */
    uint64_t met[FAULTS][STEPS], wires[WIRES], hands[HANDS];
    uint64_t campaign_days, arrivals, deliveries, faults, violations, hash;
};

struct sim;

struct event {
    struct heap_node node;
    void (*fire)(struct sim *s, struct event *v);
    int64_t a, b;
    uint64_t life; /* 0: of the world; else only while this life of the service lasts */
};

struct spec { /* what one submitted revision was: for the judge and the checker */
    int64_t revision;
    int campaign, channel;
    struct digest digest;
    char *manifest;
    struct campaign *c;
    int rows;
    int row_recipient[ROWS_MAX]; /* number in the pool */
    bool approved;               /* durable */
    bool held;                   /* a pause or a cancel is durable, no resume since */
    uint64_t held_life;          /* said in this life of the service */
};

struct arrival {
    uint64_t send;
    instant_t at, claimed_at;
    int spec, channel, sender, recipient;
    int64_t delivery;
    bool by_hand;
};

struct running {
    int64_t id, campaign_id;
    struct campaign *c;
    struct arena *arena;
    int spec, channel;
};

struct item {
    int64_t delivery;
    int recipient;
    enum delivery_state state;
    const char *by;
};

struct send {
    uint64_t id;
    int64_t number, revision;
    int spec, sender;
    struct item *items;
    size_t count, capacity, open;
    bool called, asked, durable;
    instant_t asked_at, shown_at, claimed_at;
    char nonce[33];
    enum wire wire;
};

struct commit;

struct service_run { /* one life of the service */
    struct engine *engine;
    struct store *store;
    struct map running, by_number, lanes;
    struct commit *gather;
    bool committing;
    struct store_job *first, **last; /* the store's queue */
    struct store_job *deferred, **deferred_last;
    bool storing;
    bool broken;              /* the store: latched until it is opened anew */
    struct commit *unsettled; /* that failed: it may be there */
    bool channel_known[CHANNELS];
};

struct question { /* what the person has of it, whatever becomes of the service */
    int64_t number;
    instant_t asked_at;
    int spec, sender;
    enum hand plan;
    bool seen, did;
    instant_t claimed_at;
    size_t count;
    struct item items[8];
};

struct sim {
    uint64_t seed;
    int days;
    struct prng random;
    struct tally *tally;
    const char *record; /* a folder, or NULL */
    char path[96];
    struct zones *zones;
    instant_t mono;   /* true time; the boot clock */
    instant_t offset; /* wall clock = mono + offset */
    duration_t slept; /* monotonic clock = mono - slept */
    struct timekeeper keeper;
    struct clocks_event seen; /* since the last turn */
    instant_t look_at;        /* the loop looks at the clock though nothing else happens */
    struct heap events;
    uint64_t seq, life, next_send;
    struct service_run *run; /* NULL: down */
    bool crash, halted, halted_by_clock;
    bool armed;
    enum fault armed_fault;
    enum step armed_step;
    instant_t armed_until;
    uint64_t turns_here; /* at one instant */
    struct spec *specs;
    size_t spec_count, spec_capacity;
    struct arrival *arrivals;
    size_t arrival_count, arrival_capacity;
    struct question *questions;
    size_t question_count, question_capacity;
    int versions[CAMPAIGNS], cursors[CAMPAIGNS];
    struct strbuf said; /* violations */
    uint64_t hash, violations;
};

extern const char *const channel_names[CHANNELS], *const sender_names[SENDERS];
enum { BY_HAND = 2 }; /* the channel that asks */

/* main.c */
extern const char *commit_id;

/* run.c */
struct outcome { /* of a seed */
    struct tally tally;
    struct strbuf said;
};
void run_seed(struct outcome *out, uint64_t seed, int days, struct zones *zones, const char *record,
              const char *path);
void sim_files_remove(const char *path); /* of a store */
void sim_after(struct sim *s, duration_t ms, bool of_life,
               void (*fire)(struct sim *, struct event *), int64_t a, int64_t b);
int64_t sim_draw(struct sim *s, int64_t from, int64_t to); /* both included */
bool sim_chance(struct sim *s, int percent);
void sim_hash(struct sim *s, int64_t a, int64_t b);
void sim_bad(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_ok(struct sim *s, int rc, const struct err *e); /* a store that fails is a bug here */

/* clock.c */
instant_t sim_now(struct sim *s); /* as the service sees it */
void clock_pass(struct sim *s, instant_t mono);
instant_t clock_reaches(const struct sim *s, instant_t at); /* true time at which it is `at` */
void clock_set(struct sim *s, duration_t by);
void clock_sleep(struct sim *s, duration_t ms, bool suspended);
void clock_start(struct sim *s, instant_t recorded);
void clock_turn(struct sim *s);
bool clock_trusted(const struct sim *s);
void clock_release(struct sim *s);

/* service.c */
void service_start(struct sim *s);
void service_crash(struct sim *s);
void service_turn(struct sim *s);
void service_store(struct sim *s, struct store_job *job); /* as the API: right behind the others */
void service_defer(struct sim *s, struct store_job *job); /* after what was decided */
void service_sync(struct sim *s, int64_t revision, bool family);
void service_answer(struct sim *s, struct send *x, const struct engine_answer *a);
int spec_of(const struct sim *s, int64_t revision);
int recipient_of(const char *name);
struct send *send_of(struct sim *s, int64_t number, int64_t revision, const char *sender);
void send_add(struct send *x, int64_t delivery, int recipient, enum delivery_state state);

/* loads.c */
void load_lanes(struct sim *s);
void load_at_start(struct sim *s, int64_t revision);
void load_forget(struct sim *s, struct running *r);
bool is_load(const struct store_job *job);
void load_drop(struct store_job *job);

/* world.c */
void world_begin(struct sim *s);
void world_call(struct sim *s, struct send *x);
void world_arrive(struct sim *s, const struct arrival *a);
bool world_arrived(const struct sim *s, int64_t delivery);
void world_deliver(struct sim *s); /* what is on the wire arrives */

/* people.c */
bool is_seen(const struct store_job *job);
void people_asked(struct sim *s, const struct send *x); /* durable, or open again */

/* campaigns.c */
enum decision_kind { PAUSE, RESUME, CANCEL, SUBMIT, APPROVE, OUTCOME, RESEND, SUPPRESS, NOTE };

struct decision {
    struct store_job job;
    struct sim *sim;
    enum decision_kind kind;
    int campaign, spec;
    int64_t revision, delivery, lane;
    bool keep, sent, approved, lift;
    const char *event; /* of a note */
    char recipient[16];
    instant_t at;
    struct store_suppressed gone;
    int rc;
};
void decide(struct sim *s, struct decision d);
struct decision *as_decision(struct store_job *job); /* NULL: it is none */
void campaign_submit(struct sim *s, int campaign);
void campaign_pause(struct sim *s, int64_t revision, bool cancel);
void campaign_suppress(struct sim *s, int recipient);
void campaigns_begin(struct sim *s);
void sim_halt(struct sim *s, bool by_clock);
int64_t some_revision(struct sim *s);

/* faults.c */
void faults_begin(struct sim *s);
void fault_step(struct sim *s, enum step step, int64_t revision);
/* Whether the store fails at this transaction, and how; FAULTS: it does not. */
enum fault fault_store(struct sim *s, enum step step);
const char *fault_impossible(enum fault fault, enum step step); /* why, or NULL */
extern const char *const fault_names[FAULTS], *const step_names[STEPS];

/* operators.c */
void operators_begin(struct sim *s);

/* judge.c */
void judge_guard(struct sim *s, const struct send *x);
void judge_arrival(struct sim *s);
void judge_end(struct sim *s);
void judge_free(struct sim *s);

/* record.c */
void record_all(struct sim *s);

#endif
