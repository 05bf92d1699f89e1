/* Who goes next, on which lane, and why not yet: the part of Paceline that decides.
 *
 * Events come in as function calls with the time of the turn; effects come out of engine_effect().
 * No clock, no socket, no database: the same code runs the service, the plan and the simulation.
 * Memory grows with lanes, limits and what is in flight, not with what waits: waiting deliveries
 * stay in the store and are fetched a handful at a time.
 *
 * A lane (one channel x one sender) sends one delivery at a time while its campaign's interval is
 * not 0. A delivery's way: fetched -> judged by all gates -> EFFECT_CLAIM -> engine_claimed ->
 * judged again
 * -> EFFECT_SEND -> engine_answer -> EFFECT_RESULT. A claim takes its places in all limits at once.
 * A send is one delivery, or a batch of them with the same message: its number is its first one's.
 *
 * Where a channel asks a person (ANSWER_ASKED) the send stays open until engine_settle says what
 * became of each of its deliveries, or until it is too late; one question a sender at a time.
 *
 * Where the platform asks its own member (engine_channel.platform_asks) the same is a task: any
 * number may be open, and one that must not stay open (late, a pause, a halt, a closed time, the
 * end) is withdrawn first: EFFECT_WITHDRAW -> results meanwhile -> engine_withdrawn.
 *
 * Time never goes backwards here: a turn earlier than the last one is treated as the last one.
 * Threads: one. */
#ifndef PACELINE_ENGINE_ENGINE_H
#define PACELINE_ENGINE_ENGINE_H

#include "core/delivery.h"
#include "core/gates.h"
#include "core/instant.h"
#include "core/limit.h"
#include "core/pace.h"
#include "core/schedule.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;

struct engine *engine_new(void);
void engine_free(struct engine *e);

/* --- what there is --- */

struct engine_quota {
    uint32_t max;
    duration_t span;
};

struct engine_channel {
    int64_t id;
    int64_t account; /* scope `person` counts a sender on all channels of one account */
    uint32_t in_flight_max;
    const struct engine_quota *quotas; /* the platform's own */
    size_t quota_count;
    bool asks;              /* a person sends: see ANSWER_ASKED */
    bool platform_asks;     /* and is asked by the platform: `asks` too */
    bool avoids_half_hours; /* nothing is due in minute :00 or :30 */
};
void engine_add_channel(struct engine *e, const struct engine_channel *c);

struct engine_lane {
    int64_t id, channel, sender;
    instant_t last_due, last_answer; /* INSTANT_MIN: never sent */
    instant_t first;                 /* of its sends; 0: none yet */
    int64_t of; /* 0; else a part of that lane, which is known: it paces and counts them together */
};
void engine_add_lane(struct engine *e, const struct engine_lane *spec);

/* same order as conf's limit_scope */
enum engine_scope { SCOPE_SENDER, SCOPE_PERSON, SCOPE_RECIPIENT, SCOPE_CHANNEL, SCOPE_CAMPAIGN };

struct engine_limit {
    enum engine_scope scope;
    uint32_t max;
    bool rolling;
    duration_t span;       /* rolling */
    enum period period;    /* calendar, in the revision's zone */
    bool drop;             /* on_cap: drop */
    bool sends;            /* a send counts once, however many deliveries it carries; never of scope
                              recipient */
    bool others;           /* calendar, of scope recipient: what others have sent counts, too */
    struct ramp ramp;      /* calendar, of scope sender */
    const char *text;      /* "30 per 1h sender" */
    const struct tz *zone; /* calendar; NULL: the revision's */
};

struct engine_revision_lane {
    int64_t lane;
    uint64_t waiting;
    instant_t last_due;              /* of its last send on this lane; 0: none */
    const struct schedule *schedule; /* of a part of a lane, in its recipients' zone; NULL: the
                                        revision's */
};

enum engine_priority { PRIORITY_NORMAL, PRIORITY_HIGH, PRIORITY_LOW };

/* The pointers inside stay valid until EFFECT_FORGET for this revision. */
struct engine_revision {
    int64_t id, campaign, channel;
    uint64_t seed;
    const struct schedule *schedule;
    struct pace pace;
    const struct engine_limit *limits;
    size_t limit_count;
    const struct engine_revision_lane *lanes;
    size_t lane_count;
    uint32_t batch;                /* the most deliveries in one send; 0 is 1 */
    enum engine_priority priority; /* before other revisions on a lane that they share */
    duration_t within; /* an unanswered question expires after this; 0: never by itself */
    /* When a recipient whom the platform would not let through (REASON_FREQUENCY_CAP) may be tried
     * again: in the next of these periods. `cap_zone` NULL: such a one is not tried again. */
    enum period cap_period;
    const struct tz *cap_zone;
    bool paused;
    bool keep_asked; /* while it is paused or dropped its questions and tasks stay open */
    void *owner;     /* given back with EFFECT_FORGET */
};

/* --- events --- */

void engine_add_revision(struct engine *e, instant_t now, const struct engine_revision *spec);
/* Questions that nobody has seen yet wait again; the others are hidden. `keep`: they stay open.
 * Said again, the last word counts. */
void engine_pause(struct engine *e, instant_t now, int64_t revision, bool keep);
bool engine_paused(const struct engine *e, int64_t revision);
/* How often anything was paused so far, by a person or by itself: whoever read elsewhere that a
 * revision may send must read again when this has moved since. */
uint64_t engine_pauses(const struct engine *e);
void engine_resume(struct engine *e, instant_t now, int64_t revision);
/* No new claims; forgotten when nothing of it is in flight. Its open questions end: canceled, or
 * unknown when somebody saw them; `keep`, here or in the pause before: they stay open until they
 * are late or the revision's end has come. Unknown ids are fine. */
void engine_drop(struct engine *e, instant_t now, int64_t revision, bool keep);
bool engine_has_revision(const struct engine *e, int64_t revision);

/* Something of this lane became waiting again (resend). */
void engine_refetch(struct engine *e, instant_t now, int64_t revision, int64_t lane,
                    uint64_t waiting_more);

/* This delivery does not wait any more (its recipient is suppressed). What is claimed meanwhile is
 * left to the store, which refuses it. */
void engine_withdraw(struct engine *e, instant_t now, int64_t revision, int64_t lane,
                     int64_t delivery);

void engine_halt(struct engine *e);
void engine_unhalt(struct engine *e, instant_t now);
bool engine_halted(const struct engine *e);

/* While the store is unhealthy nothing is claimed. */
void engine_hold_claims(struct engine *e, instant_t now, bool hold);

/* The clock did not run evenly: it was set forward by so much (0: set back, or the machine slept,
 * or the data of a zone that a schedule points to is another). All lanes are decided anew: gaps,
 * rolling limits and rests count the time that really passed, and whoever is late starts at a
 * random phase as after a rest. */
void engine_clock_moved(struct engine *e, instant_t now, duration_t forward);

/* A channel that may not send until `until` (INSTANT_NEVER: until engine_channel_open). */
void engine_channel_stop(struct engine *e, int64_t channel, instant_t until);
void engine_channel_open(struct engine *e, instant_t now, int64_t channel);

/* The sender of this lane is not there (any more), or is again. Nothing new is asked of them; what
 * they are asked already stays. Unknown lanes are fine. */
void engine_lane_away(struct engine *e, instant_t now, int64_t lane, bool away);

struct engine_send { /* what was sent once to one recipient, for the limits */
    int64_t delivery, campaign, lane, recipient;
    instant_t claimed_at, answered_at;
    int64_t send; /* that it was part of; 0: of none but itself */
    bool again;   /* where sends are counted, a later one of the same send stands for it */
};
/* The answer to EFFECT_HISTORY: any number of calls in order of answers, then engine_primed. */
void engine_history(struct engine *e, instant_t now, int64_t revision, const struct engine_send *s);
/* Somebody else has written to this recipient then: counts in limits with `others`. Of history
 * (before engine_primed), or, with revision 0, just found out: then only where history has been
 * read already. */
void engine_other_send(struct engine *e, instant_t now, int64_t revision, int64_t recipient,
                       instant_t at);
void engine_primed(struct engine *e, instant_t now, int64_t revision);

struct engine_waiting {
    int64_t delivery;
    uint64_t row;
    int64_t recipient;
    uint32_t attempts;
    int64_t key; /* equal keys of one revision and sender: byte-equal messages, fit for one batch */
};
/* The answer to EFFECT_FETCH; `more`: the store may have more behind them. */
void engine_fetched(struct engine *e, instant_t now, int64_t revision, int64_t lane,
                    const struct engine_waiting *w, size_t count, bool more);

/* Right after engine_fetched or engine_restore: the platform would not let this delivery through at
 * `at`, so it is tried once more in a later period. */
void engine_capped(struct engine *e, int64_t revision, int64_t lane, int64_t delivery,
                   instant_t at);

/* The claim's commit: durable, or refused by the store (someone decided otherwise meanwhile); what
 * it says waits still is fetched again. */
void engine_claimed(struct engine *e, instant_t now, int64_t delivery, bool durable);

enum engine_answer_kind {
    ANSWER_DONE,
    ANSWER_ASKED,    /* a person has been asked */
    ANSWER_NOT_SENT, /* proven; the channel rests for a growing while, each delivery has a budget */
    ANSWER_HELD,     /* proven: the guard before the first byte said no */
    ANSWER_NOT_NOW,
    ANSWER_NEVER,
    ANSWER_UNKNOWN /* the channel rests, as after NOT_SENT */
};
struct engine_answer {
    enum engine_answer_kind kind;
    enum reason reason; /* of NEVER and UNKNOWN */
    bool stop_channel, stop_campaign;
    instant_t not_before; /* of NOT_NOW and of a stopped channel; INSTANT_NEVER: until a person */
};
/* Exactly once for each EFFECT_SEND; false when the send is not in flight (a second answer). */
bool engine_answer(struct engine *e, instant_t now, int64_t send, const struct engine_answer *a);

/* What the channel says of one delivery of a send before its answer for the others (FAILED). When
 * none is left the send is answered. */
bool engine_answer_one(struct engine *e, instant_t now, int64_t delivery, enum delivery_state state,
                       enum reason reason);

/* Just before the first byte: may this send still go at `now`? Changes nothing. */
bool engine_may_send(const struct engine *e, instant_t now, int64_t send);

/* --- questions to people --- */

void engine_shown(struct engine *e, int64_t send); /* somebody has it on a screen */
/* What became of one delivery of an open question: SENT, FAILED with NOT_SENT, SKIPPED. False when
 * it is not open. */
bool engine_settle(struct engine *e, instant_t now, int64_t delivery, enum delivery_state state,
                   enum reason reason);
/* The same of a task, SENT at `sent_at` by the platform's clock. PENDING with REASON_FREQUENCY_CAP:
 * the platform would not let it through; once more in a later period, then SKIPPED. */
bool engine_settle_at(struct engine *e, instant_t now, int64_t delivery, enum delivery_state state,
                      enum reason reason, instant_t sent_at);
/* The end of a task: what is open of it was not sent and will not be, or (`lost`) nobody knows. */
void engine_withdrawn(struct engine *e, instant_t now, int64_t send, bool lost);
/* REASON_NONE: the question may be on a screen now; else why not (paused, halted, a closed time).
 */
enum reason engine_hidden(const struct engine *e, instant_t now, int64_t send);

struct engine_asked { /* a question that was open when the service stopped */
    int64_t revision, lane;
    int64_t send;
    const struct engine_waiting *deliveries; /* those not settled yet */
    size_t count;
    instant_t claimed_at;
    bool shown;
};
/* Right after engine_add_revision. */
void engine_restore(struct engine *e, instant_t now, const struct engine_asked *a);

/* Decides all that is due at `now`. */
void engine_turn(struct engine *e, instant_t now);
/* When engine_turn should be called next if no event comes; INSTANT_NEVER: no need. */
instant_t engine_wake(const struct engine *e);

/* --- effects --- */

enum effect_kind {
    EFFECT_HISTORY, /* revision, since: read past sends, then engine_primed; nothing of it is sent
                       before. Always asked of a revision with a limit that counts `others` */
    EFFECT_FETCH,   /* revision, lane, after, cap, key */
    EFFECT_CLAIM,  /* revision, lane, delivery, due_at, at, progress: commit, then engine_claimed */
    EFFECT_SEND,   /* send, revision, lane: its claims are durable, call the channel */
    EFFECT_RESULT, /* delivery, state, reason, claimed_at (INSTANT_MIN: never claimed), at */
    EFFECT_EXPIRE, /* revision: its end has come; with a lane, only what is on that lane has ended
                    */
    EFFECT_PAUSE,  /* revision: the channel asked for a person to look (stop_campaign) */
    EFFECT_FORGET, /* revision, owner: nothing of it is left here */
    EFFECT_HOLD,   /* after engine_watch: what the lane waits for now; see below */
    EFFECT_WITHDRAW /* send: a task that must not stay open; engine_withdrawn ends it */
};

struct effect {
    enum effect_kind kind;
    int64_t revision, lane, delivery;
    int64_t send;     /* CLAIM, SEND, RESULT of a claim: what it belongs to */
    int64_t after;    /* FETCH */
    size_t cap;       /* FETCH */
    int64_t key;      /* FETCH: those with this message only; 0: all */
    instant_t since;  /* HISTORY */
    instant_t at;     /* CLAIM, RESULT: the turn's time */
    instant_t due_at; /* CLAIM */
    duration_t late;  /* CLAIM: more than the interval's floor, the lane is anchored anew; or 0 */
    instant_t claimed_at; /* RESULT, SEND */
    instant_t sent_at;    /* RESULT SENT of a task: by the platform's clock; else INSTANT_MIN */
    int64_t progress; /* CLAIM, RESULT of a drop: below or at this id nothing of the lane waits; 0:
                         not known */
    enum delivery_state state; /* RESULT */
    enum reason reason;        /* RESULT */
    bool unseen;    /* RESULT EXPIRED: of a question that nobody saw; it holds no place */
    enum gate gate; /* HOLD */
    const struct schedule *schedule; /* HOLD: by which it is judged */
    const char *limit;    /* HOLD: its text, until the revision is forgotten; NULL: not a limit */
    instant_t not_before; /* HOLD; INSTANT_NEVER: only an event ends it */
    instant_t base;       /* HOLD by the gap: it alone ends here, what is later is the schedule's */
    bool behind;          /* HOLD: on a lane that is shared, whoever goes next */
    void *owner;          /* FORGET */
};
/* From now on EFFECT_HOLD says, each time a lane with nothing in flight was looked at and may not
 * send, what holds it; and before that, of a lane that is shared, what holds each who waits there.
 */
void engine_watch(struct engine *e);
/* Takes the next effect in order; false when there is none. */
bool engine_effect(struct engine *e, struct effect *out);

/* --- for people --- */

struct engine_hold {
    enum reason reason; /* why a pending delivery has not gone; REASON_NONE: it is due */
    instant_t not_before;
    instant_t due_at; /* INSTANT_MIN until armed */
};
/* The gate that holds a pending delivery (`delivery` 0: the lane's next). False when the engine
 * does not know the revision (a draft, say). */
bool engine_why(const struct engine *e, instant_t now, int64_t revision, int64_t lane,
                int64_t delivery, struct engine_hold *out);

struct engine_limit_view {
    const char *text;
    uint32_t used, max;
    enum gate gate; /* whose it is: rate limit, frequency cap, the channel's quota */
    bool drops;
    bool others;        /* of engine_explain: what others sent counts, too */
    instant_t since;    /* of engine_explain: what is counted began then; INSTANT_MIN: nothing */
    instant_t ready_at; /* of engine_explain: when there is room */
};
enum { ENGINE_LIMIT_VIEWS = 16 };
/* Everything about one waiting delivery, gate by gate. */
struct engine_explained {
    struct ruling rows[GATE_COUNT];
    struct engine_limit_view limits[ENGINE_LIMIT_VIEWS];
    size_t limit_count;
    bool next;        /* its lane takes it next of this revision */
    size_t before;    /* else how many of those that the engine has here go first, at least */
    instant_t due_at; /* INSTANT_MIN until armed */
    instant_t last_due, last_answer; /* of the lane */
    instant_t not_before;            /* it is held alone until then; INSTANT_MIN: not */
    bool priming;                    /* the history of its limits is being read */
};
/* False when the engine does not know the revision. */
bool engine_explain(const struct engine *e, instant_t now, int64_t revision, int64_t lane,
                    const struct engine_waiting *w, struct engine_explained *out);

struct engine_lane_view {
    int64_t lane;
    uint64_t waiting;
    uint32_t in_flight;
    instant_t next_at; /* of the armed delivery; INSTANT_MIN: nothing armed */
    enum reason held_by;
    struct engine_limit_view limits[ENGINE_LIMIT_VIEWS];
    size_t limit_count;
};
/* Calls `each` for every lane with something waiting or in flight, by lane id. */
void engine_lanes(const struct engine *e, instant_t now,
                  void (*each)(void *ctx, const struct engine_lane_view *v), void *ctx);

#endif
