/* Every gate speaks for itself, in one order, at the moment of sending too; nobody else may say no.
 * `explain`, `status`, log and tests print the same rows.
 *
 * The facts are gathered by the engine; ruling is pure and allocates nothing. */
#ifndef PACELINE_CORE_GATES_H
#define PACELINE_CORE_GATES_H

#include "core/delivery.h"
#include "core/instant.h"
#include "core/schedule.h"

#include <stddef.h>

/* in order of speaking (design §5) */
enum gate {
    GATE_HALT,
    GATE_CAMPAIGN, /* state and approval */
    GATE_START_END,
    GATE_SUPPRESSION,
    GATE_MISSING_VALUE,
    GATE_CLOSED_DAY,
    GATE_QUIET_HOURS,
    GATE_WINDOW,
    GATE_RATE_LIMIT,
    GATE_FREQUENCY_CAP,
    GATE_GAP,
    GATE_CHANNEL, /* breaker, quota, who is away */
    GATE_COUNT
};

enum verdict { VERDICT_GO, VERDICT_HOLD, VERDICT_DROP };

struct ruling {
    enum gate gate;
    enum verdict verdict;
    enum reason reason;   /* of a hold or drop */
    instant_t not_before; /* of a hold; INSTANT_NEVER: only an event can change it */
};

struct gate_facts {
    bool halted;
    bool running; /* approved and neither paused nor canceled */
    bool paused;
    const struct schedule *schedule;
    bool suppressed;
    bool missing_value;
    instant_t rate_ready_at;    /* the latest over all rate limits; <= now: room */
    instant_t cap_ready_at;     /* the latest over the recipient's caps */
    bool cap_drops;             /* on_cap: drop of the cap that holds */
    instant_t gap_ready_at;     /* the armed due instant, never before last answer + floor */
    instant_t channel_ready_at; /* breaker or quota of the channel */
    bool sender_away;           /* nobody is there to send */
};

/* Fills out[0..GATE_COUNT) in order. Past the end, GATE_START_END drops with REASON_ENDED. */
void gates_rule(const struct gate_facts *f, instant_t now, struct ruling out[GATE_COUNT]);

/* What the rows come to: any drop drops (the first); else the latest not-before of those that hold,
 * ties to the first in order, the gap last; else go. */
struct ruling gates_sum(const struct ruling rows[GATE_COUNT]);

const char *gate_name(enum gate g);

#endif
