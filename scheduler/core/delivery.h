/* A delivery's life: its states, the reasons, and which step may follow which (contract §5).
 *
 * The numbers are stored: append, never renumber. */
#ifndef PACELINE_CORE_DELIVERY_H
#define PACELINE_CORE_DELIVERY_H

#include <stdbool.h>

enum delivery_state {
    DELIVERY_PENDING,
    DELIVERY_CLAIMED,  /* durable before the call goes out */
    DELIVERY_PROMPTED, /* a person has been asked */
    DELIVERY_SENT,
    DELIVERY_FAILED,
    DELIVERY_SKIPPED,
    DELIVERY_EXPIRED,
    DELIVERY_CANCELED,
    DELIVERY_UNKNOWN, /* the wire may have been touched and no answer was recorded */
    DELIVERY_STATES
};

/* The closed list of reasons. The first group holds a pending delivery: its gate. */
enum reason {
    REASON_NONE,
    REASON_NOT_STARTED,
    REASON_PAUSED,
    REASON_HALTED,
    REASON_WINDOW_CLOSED,
    REASON_QUIET_HOURS,
    REASON_CLOSED_DAY,
    REASON_RATE_LIMIT,
    REASON_FREQUENCY_CAP, /* also final: on_cap drop */
    REASON_GAP,
    REASON_CHANNEL_QUOTA,
    REASON_SENDER_AWAY,
    /* final, or of an unknown one */
    REASON_DUPLICATE,
    REASON_SUPPRESSED,
    REASON_MISSING_VALUE,
    REASON_ALREADY_HANDLED,
    REASON_NOT_A_FRIEND,
    REASON_NO_RELATION,
    REASON_BY_PERSON,
    REASON_NOT_SENT,
    REASON_ENDED,
    REASON_LATE,
    REASON_REJECTED_CONTENT,
    REASON_BAD_RECIPIENT,
    REASON_NO_ANSWER,           /* unknown: the request went out, no answer was recorded */
    REASON_BAD_ANSWER,          /* unknown: an answer that says neither yes nor no */
    REASON_INTERRUPTED,         /* unknown: the service stopped between claim and outcome */
    REASON_CANCELED,            /* canceled by a person */
    REASON_SUPERSEDED,          /* canceled: a newer revision was approved */
    REASON_CHANNEL_REFUSED,     /* failed: the platform refused the credential or the request */
    REASON_CHANNEL_UNREACHABLE, /* failed: not sent, every try failed before the first byte;
                                   pending: held by retry */
    REASON_NO_CONSENT,          /* skipped: a policy wants consent, and there is none */
    REASONS
};

const char *delivery_state_name(enum delivery_state s);
bool delivery_state_parse(const char *name, enum delivery_state *out);
const char *reason_name(enum reason r); /* NULL for REASON_NONE */

/* pending, claimed, prompted, unknown are open; the rest are final. */
bool delivery_state_final(enum delivery_state s);

/* Whether the engine or the channel may take this step by themselves. */
bool delivery_may_follow(enum delivery_state from, enum delivery_state to);
/* Steps that only a named person may take: unknown -> sent | failed, failed/not sent -> pending. */
bool delivery_person_may(enum delivery_state from, enum delivery_state to);

#endif
