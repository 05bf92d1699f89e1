#include "core/delivery.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const char *const state_names[DELIVERY_STATES] = {
    [DELIVERY_PENDING] = "pending",   [DELIVERY_CLAIMED] = "claimed",
    [DELIVERY_PROMPTED] = "prompted", [DELIVERY_SENT] = "sent",
    [DELIVERY_FAILED] = "failed",     [DELIVERY_SKIPPED] = "skipped",
    [DELIVERY_EXPIRED] = "expired",   [DELIVERY_CANCELED] = "canceled",
    [DELIVERY_UNKNOWN] = "unknown",
};

static const char *const reason_names[REASONS] = {
    [REASON_NONE] = NULL,
    [REASON_NOT_STARTED] = "not_started",
    [REASON_PAUSED] = "paused",
    [REASON_HALTED] = "halted",
    [REASON_WINDOW_CLOSED] = "window_closed",
    [REASON_QUIET_HOURS] = "quiet_hours",
    [REASON_CLOSED_DAY] = "closed_day",
    [REASON_RATE_LIMIT] = "rate_limit",
    [REASON_FREQUENCY_CAP] = "frequency_cap",
    [REASON_GAP] = "gap",
    [REASON_CHANNEL_QUOTA] = "channel_quota",
    [REASON_SENDER_AWAY] = "sender_away",
    [REASON_DUPLICATE] = "duplicate",
    [REASON_SUPPRESSED] = "suppressed",
    [REASON_MISSING_VALUE] = "missing_value",
    [REASON_ALREADY_HANDLED] = "already_handled",
    [REASON_NOT_A_FRIEND] = "not_a_friend",
    [REASON_NO_RELATION] = "no_relation",
    [REASON_BY_PERSON] = "by_person",
    [REASON_NOT_SENT] = "not_sent",
    [REASON_ENDED] = "ended",
    [REASON_LATE] = "late",
    [REASON_REJECTED_CONTENT] = "rejected_content",
    [REASON_BAD_RECIPIENT] = "bad_recipient",
    [REASON_NO_ANSWER] = "no_answer",
    [REASON_BAD_ANSWER] = "bad_answer",
    [REASON_INTERRUPTED] = "interrupted",
    [REASON_CANCELED] = "canceled",
    [REASON_SUPERSEDED] = "superseded",
    [REASON_CHANNEL_REFUSED] = "channel_refused",
    [REASON_CHANNEL_UNREACHABLE] = "channel_unreachable",
    [REASON_NO_CONSENT] = "no_consent",
};

#define TO(state) (1u << DELIVERY_##state)

/* For each state, the set of those that may follow. */
static const unsigned by_itself[DELIVERY_STATES] = {
    [DELIVERY_PENDING] = TO(CLAIMED) | TO(SKIPPED) | TO(EXPIRED) | TO(CANCELED),
    /* back to pending: proven not sent; skipped: its cap filled up meanwhile */
    [DELIVERY_CLAIMED] =
        TO(SENT) | TO(FAILED) | TO(UNKNOWN) | TO(PROMPTED) | TO(PENDING) | TO(SKIPPED),
    /* back to pending: withdrawn before anybody saw it */
    [DELIVERY_PROMPTED] = TO(SENT) | TO(FAILED) | TO(SKIPPED) | TO(EXPIRED) | TO(CANCELED) |
                          TO(UNKNOWN) | TO(PENDING),
    /* the channel was asked and knew */
    [DELIVERY_UNKNOWN] = TO(SENT) | TO(FAILED) | TO(PROMPTED),
};

static const unsigned by_person[DELIVERY_STATES] = {
    [DELIVERY_UNKNOWN] = TO(SENT) | TO(FAILED),
    [DELIVERY_FAILED] = TO(PENDING),
};

static bool allowed(const unsigned steps[DELIVERY_STATES], enum delivery_state from,
                    enum delivery_state to);

const char *delivery_state_name(enum delivery_state s)
{
    assert((unsigned)s < DELIVERY_STATES);
    return state_names[s];
}

bool delivery_state_parse(const char *name, enum delivery_state *out)
{
    for (int s = 0; s < DELIVERY_STATES; s++) {
        if (strcmp(name, state_names[s]) == 0) {
            *out = (enum delivery_state)s;
            return true;
        }
    }
    return false;
}

const char *reason_name(enum reason r)
{
    assert((unsigned)r < REASONS);
    return reason_names[r];
}

bool delivery_state_final(enum delivery_state s)
{
    assert((unsigned)s < DELIVERY_STATES);
    return by_itself[s] == 0;
}

bool delivery_may_follow(enum delivery_state from, enum delivery_state to)
{
    return allowed(by_itself, from, to);
}

bool delivery_person_may(enum delivery_state from, enum delivery_state to)
{
    return allowed(by_person, from, to);
}

static bool allowed(const unsigned steps[DELIVERY_STATES], enum delivery_state from,
                    enum delivery_state to)
{
    assert((unsigned)from < DELIVERY_STATES && (unsigned)to < DELIVERY_STATES);
    return (steps[from] >> to & 1) != 0;
}
