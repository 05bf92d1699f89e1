/* The running service's parts: service.c (life), driver.c (the engine's effects), sends.c (what is
 * on its way), revisions.c (campaigns in and out of the engine), channels.c (plugin instances),
 * guests.c and accounts.c (what plugins see), tasks.c (what a platform asks its members), reload.c
 * (the service file read again), gateway.c (what the API asks for), clock.c (what time it is),
 * doubts.c (what is unknown), reconcile.c (looking for it), readings.c (what a platform knows of
 * its customers), members.c (who sends there), own_sends.c (what members send by themselves). */
#ifndef PACELINE_LOOP_INTERNAL_H
#define PACELINE_LOOP_INTERNAL_H

#include "api/server.h"
#include "base/arena.h"
#include "base/heap.h"
#include "channel/loader.h"
#include "channel/options.h"
#include "conf/revision.h"
#include "core/clocks.h"
#include "engine/engine.h"
#include "engine/map.h"
#include "loop/http.h"
#include "loop/storer.h"

#include <jansson.h>
#include <uv.h>

struct run;

struct guest { /* an instance of a plugin and what it has under way */
    struct run *run;
    const char *base_url;
    struct guest_call *calls;
    struct guest_timer *timers;
};

struct account; /* accounts.c */

struct chan {                      /* one configured channel, open */
    struct guest guest;            /* first */
    const struct service *service; /* a share: what `conf` and the instance point into */
    const struct service_channel *conf;
    const struct paceline_channel *kind;
    struct channel_settings *settings;
    struct channel_host host;
    void *instance;
    struct account *account; /* or NULL */
    int64_t id;              /* the store's; 0 until a lane of it is known */
    char problem[256];       /* why it stands still, for people; "" when it does not */
    bool retired;            /* by a reload */
    struct chan *next;       /* run.retired */
};

struct running { /* a revision that the engine knows */
    int64_t id, campaign_id;
    struct campaign *campaign; /* owns the schedule and the template */
    struct arena *arena;
    const char *name, *title; /* of the campaign */
    struct digest digest;
    struct chan *channel;
    struct channel_attachment *attachments;
    size_t attachment_count;
};

struct send_item {
    int64_t delivery;
    const char *recipient, *values;
    enum delivery_state state;
    const char *by; /* the person who settled it; copied when its result is gathered */
};

struct prompt { /* what a person is asked: a send whose channel has asked */
    char nonce[33];
    instant_t asked_at, shown_at, snoozed_until; /* INSTANT_MIN: not */
    uint32_t reminded;                           /* by an operator */
    bool doubted;                                /* answered faster than a hand can be */
    bool durable;                                /* on disk: people may see it */
};

struct task { /* what the platform asks its member: a send whose channel has asked */
    instant_t asked_at;
    instant_t sent_from; /* nobody was written to before: when it was claimed, or asked for */
    uint32_t reminded;   /* by a digest or by a person */
    uint32_t digested;   /* of the campaign's reminders, those that are over */
    bool durable;        /* on disk */
    bool withdrawing;    /* on the way back */
    enum { REMIND_IDLE, REMIND_ASKED, REMIND_DONE, REMIND_FAILED } remind; /* by a person */
    char problem[200];                                                     /* of REMIND_FAILED */
    struct send_item **by_recipient;
};

struct send {       /* durable claims on their way: one delivery or a batch of equal messages */
    uint64_t id;    /* what the plugin knows it by */
    int64_t number; /* what the engine knows it by */
    int64_t revision;
    instant_t claimed_at;
    struct arena *arena;
    struct send_item *items; /* in order of deliveries; those settled too */
    size_t count, capacity, open;
    const char *sender;
    struct channel_send call;
    struct prompt *prompt; /* in the arena; NULL: nobody is asked */
    struct task *task;     /* in the arena; NULL: the platform asks nobody */
    struct chan *channel;
    char *ref;            /* of its outcome */
    uint64_t deadline_ms; /* uv_now */
    bool called;
};

struct commit; /* driver.c: claims and results gathered for the next transaction */

struct deferred { /* a store job that must come after the rows gathered so far */
    struct store_job *job;
    struct deferred *next;
};

struct run {
    uv_loop_t loop;
    struct service *conf;
    char *config_file; /* as named, for a reload */
    struct zones *zones;
    struct store *store;
    struct storer *storer;
    struct engine *engine;
    struct http_client *http;
    struct api *api;
    struct api_host api_host;
    struct channel_plugins *plugins;
    struct chan **channels;
    size_t channel_count;
    struct account *accounts;
    struct block *blocks;           /* accounts.c: of their calls */
    struct chan *retired;           /* replaced or removed by a reload, with answers outstanding */
    struct comparison *comparisons; /* compare.c: of channels, one each */
    struct reading *readings;       /* readings.c: of accounts, one each */
    char reading_problem[400];      /* readings_problem */
    struct own_sends *own_sends;    /* own_sends.c: of channels, one each */
    struct members *members;        /* members.c: of channels with `senders: all` */
    struct map running;             /* revision -> struct running */
    struct map sends;               /* send id -> struct send */
    struct map by_number;           /* the engine's number -> struct send */
    struct map lanes;               /* lane -> struct lane_name */
    struct reach *reach;            /* prompts.c: who can be asked, and where */
    uint64_t prompts_version, prompts_seen; /* moves with what people see of the prompts */
    uint64_t next_send;
    struct timekeeper clock;
    struct clocks_event clock_seen; /* since the last turn */
    char clock_problem[256];
    uint64_t zones_at_ms; /* uv_now: when the zones' files are read again */
    struct doubts *doubts;
    struct reconciler *reconciler;

    struct commit *gather; /* what the next transaction takes */
    bool committing;
    struct deferred *deferred_first, **deferred_last;
    struct commit *unsettled; /* its COMMIT failed: repeated when the store is back */
    struct deferred *again_first, **again_last; /* jobs that failed with it, likewise */
    bool closing;                               /* nothing is repeated any more */

    uv_prepare_t prepare;
    uv_timer_t wake, watch;
    uv_async_t api_wake;
    uv_signal_t signals[4];
    int open_handles;
    instant_t started_at;

    char *halt_file, *halt_reason;
    struct health *health; /* health.c: of the store */
    bool store_broken;
    char problem[512];
    bool stopping;
    uint64_t stop_by_ms; /* uv_now */
    int exit_code;
};

struct lane_name {
    int64_t lane, channel_id;
    char *channel, *sender;
    char held[96]; /* the gate and limit that it was last told to wait for */
};

/* service.c */
void run_stop(struct run *s, int exit_code);
void run_hold_claims(struct run *s); /* as long as something stands against new ones */

/* health.c */
void health_new(struct run *s);
void health_free(struct run *s);
/* Nothing is claimed from now on, until the store is well again; an inconsistency of ours (not the
 * disk's) stops the service. */
void run_store_failed(struct run *s, const struct err *e);
bool health_given_up(const struct run *s); /* it did not come back, and need not be waited for */
void health_settled(struct run *s);        /* a commit went through */
void health_tick(struct run *s);
const char *health_problem(const struct run *s); /* NULL: none */
/* At start, before anything else is written: is the store behind its mark? Then nothing is claimed
 * until a person says so. */
int health_look_back(struct run *s, struct err *e);
void health_release(struct run *s);          /* a person did */
const char *health_gap(const struct run *s); /* why it is held; NULL: it is not */
const char *health_mark_problem(const struct run *s);

/* clock.c */
instant_t run_now(struct run *s); /* never goes back */
/* Time does not go back behind what was recorded (0: nothing was). */
void clock_start(struct run *s, instant_t recorded, bool halted_by_clock);
bool clock_halted(const char *halt_reason); /* is that what a jump wrote? */
void clock_turn(struct run *s);             /* before the engine's: what was seen since the last */
bool clock_trusted(const struct run *s);    /* nothing was seen that no turn has looked at */
void clock_release(struct run *s);
void clock_tick(struct run *s);
void clock_zones(struct run *s); /* reads the zones' files again */
const char *clock_problem(struct run *s);

/* doubts.c */
void doubts_tick(struct run *s); /* once a minute: a line while anything is unknown */
const char *doubts_problem(const struct run *s);
void doubts_free(struct run *s);

/* driver.c */
void driver_turn(struct run *s); /* the engine's turn, its effects, and the timer */
void driver_defer(struct run *s, struct store_job *job); /* after what was decided so far */
/* A job that failed because of the store runs again, before others, when it is back. False: it will
 * not; the caller frees it. */
bool driver_again(struct run *s, struct store_job *job);
void driver_history(struct run *s, const struct effect *f); /* answers EFFECT_HISTORY */
void driver_close(struct run *s);                           /* gives all that waits to the storer */
bool driver_idle(const struct run *s);
void driver_free(struct run *s);

/* holds.c */
void hold_told(struct run *s, const struct effect *f);

/* sends.c */
void send_claimed(struct run *s, const struct store_claim *c);
struct send *send_restored(struct run *s, const struct store_prompt *p,
                           const struct store_prompt_row *row);
void send_call(struct run *s, int64_t number);
/* The engine has decided about one of its deliveries; the last one that is final frees the send. */
void send_result(struct run *s, struct send *x, int64_t delivery, enum delivery_state state);
void send_free(struct run *s, struct send *x);
bool send_prepare(struct run *s, struct send *x, const struct running *r); /* renders */
size_t sends_calling(const struct run *s);
void sends_expire(struct run *s, bool all);   /* past their deadline, or all of them: unknown */
void sends_slept(struct run *s, uint64_t ms); /* deadlines count suspends too */
/* One outcome for each of its recipients, or one for all. */
void sends_settle(struct run *s, uint64_t id, const struct channel_outcome *o, size_t count);
struct send_item *send_item(const struct send *x, int64_t delivery); /* NULL: none of it */
bool sends_guard(struct run *s, uint64_t send_id); /* just before the first byte */

/* prompts.c */
void prompt_new(struct run *s, struct send *x);
void prompt_restore(struct send *x, const struct store_prompt *p);
void prompts_changed(struct run *s);
/* What is not an answer, into the store; with `event` a record of it. */
void prompt_keep(struct run *s, const struct store_prompt *p, const char *campaign,
                 const char *event, const char *by);
void prompts_tick(struct run *s); /* reminders, hours that open and close: wakes who waits */
void prompts_host(struct api_host *h);
void prompts_free(struct run *s);

/* guests.c */

/* Fills what every host has. `base_url` lives as long as the guest. */
void guest_init(struct guest *g, struct run *s, const char *base_url, struct channel_host *host);
void guest_quiet(struct guest *g);   /* no timer of it runs any more: the loop is about to end */
void guest_slept(struct guest *g);   /* timers count suspends too */
void guest_dispose(struct guest *g); /* nobody answers it any more */

/* accounts.c */

/* The account of a channel that is being opened. ERR_DATA with `problem`. */
int account_take(struct account **out, struct run *s, const struct chan *c, char *problem,
                 size_t size);
void account_release(struct run *s, struct account *a); /* NULL is fine */
const struct channel_account *account_conf(const struct account *a);
void *account_instance(const struct account *a);
void accounts_guests(struct run *s, void (*each)(struct guest *g));
/* At start, before anything is called: which calls are blocked. */
int accounts_load(struct run *s, struct err *e);
void accounts_free(struct run *s); /* what is kept of their calls */

/* reconcile.c */
void reconcile_wanted(struct run *s); /* a send became unknown */
void reconcile_tick(struct run *s);
/* Whether it is about a send that was looked for. */
bool reconcile_settled(struct run *s, uint64_t id, const struct channel_outcome *o, size_t count);
/* Something of ours may be on the platform that nobody knows of yet. */
bool reconcile_busy(const struct run *s);
/* Whether this prompt of the store is one that was found again, and nobody has taken up yet. */
bool reconcile_adopts(struct run *s, int64_t number);
void reconcile_forget(struct run *s, const struct chan *c);
void reconcile_free(struct run *s);

/* tasks.c */
void task_new(struct run *s, struct send *x);
void task_restore(struct run *s, struct send *x, const struct store_prompt *p);
void task_withdraw(struct run *s, int64_t number);
void tasks_results(struct run *s, uint64_t send_id, const struct channel_result *results,
                   size_t count, enum channel_task_end end);
void tasks_move(struct run *s, const struct chan *from, struct chan *to); /* after a reload */
void tasks_host(struct api_host *h);
void tasks_tick(struct run *s); /* reminders that are due: one digest a member */

/* revisions.c */
int revisions_load(struct run *s,
                   struct err *e); /* at start, on the loop thread, before the storer */
void revisions_sync(struct run *s, int64_t revision, bool family);
void revisions_forget(struct run *s, struct running *r);
void revisions_look_again(struct run *s); /* channels came or went: what the store knows of them */
void revisions_sync_all(struct run *s);   /* the store may know more than we were told */

/* channels.c */

/* The channels of `conf`, in its order: those of the run that would do just the same, and new
 * instances beside them. Every error is in `diags`; nothing is left open then. */
int channels_open(struct chan ***out, struct run *s, const struct service *conf,
                  struct diags *diags, struct err *e);
void channels_drop(struct run *s, struct chan **channels, size_t count); /* the new ones of them */
/* They are the run's from now on; an old instance goes when what is on its way with it is settled.
 * Takes the array. */
void channels_replace(struct run *s, struct chan **channels, size_t count);
void channels_sweep(struct run *s);
void channels_guests(struct run *s, void (*each)(struct guest *g)); /* and their accounts */
void channels_close(struct run *s);
struct chan *channel_find(struct run *s, const char *name);
struct chan *channel_by_id(struct run *s, int64_t id);

/* readings.c */
void readings_host(struct api_host *h);
void readings_tick(struct run *s);           /* several times a second: those that wait */
const char *readings_problem(struct run *s); /* of one whose last reading broke off; NULL: none */
bool readings_use(const struct run *s, const struct chan *c);
void readings_free(struct run *s); /* the channels and the store are quiet */

/* members.c */
int members_load(struct run *s, struct err *e); /* at start, before the storer and any lane */
void members_look_again(struct run *s);         /* an account was read, or the service file */
/* Whether the lane's sender is none of its channel's (any more). */
bool members_away(const struct run *s, const struct lane_name *lane);
void members_free(struct run *s);

/* words.c */
/* What a plugin says, in the person's language, safe to show. */
void words_of(struct strbuf *out, const char *detail);

/* own_sends.c */
/* Whether a look at what members sent by themselves must come first: then it does, and
 * driver_history is called in the end. */
bool own_sends_first(struct run *s, const struct effect *history);
void own_sends_tick(struct run *s); /* several times a second: begins what is due */
bool own_sends_use(const struct run *s, const struct chan *c);
void own_sends_free(struct run *s); /* the channels and the store are quiet */

/* compare.c */
void compare_tick(struct run *s); /* several times a second: begins what is due */
bool compare_uses(const struct run *s, const struct chan *chan);
void compare_free(struct run *s); /* the channels and the store are quiet */

/* reload.c */

/* Reads the service file again. ERR_*: refused whole, with the reasons in `diags`. 0: it is in
 * force, and `done` comes when that is in the audit log. */
int run_reload(struct run *s, const char *by, struct diags *diags,
               void (*done)(void *arg, const struct err *e), void *arg, struct err *e);

/* gateway.c */
void gateway_init(struct run *s);
int run_halt(struct run *s, const char *by, const char *reason, struct err *e);
void run_watch_halt(struct run *s);
/* An audit record; `done` (may be NULL) comes on the loop thread when it is durable. Takes
 * `detail`. */
void run_note(struct run *s, const char *event, const char *by, json_t *detail,
              void (*done)(void *arg, const struct err *e), void *arg);

#endif
