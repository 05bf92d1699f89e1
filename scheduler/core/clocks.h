/* Wall, monotonic and boot clock compared: the wall clock says what time it is, the boot clock how
 * much of it has passed. Where they part, somebody set the clock.
 *
 *     wall moved by           what
 *     less than 1 s           nothing: the wall clock is followed (small slews add up to a step)
 *     <= 10 min forward,      a step: an event, everything is decided anew
 *     <= 1 min back
 *     more                    a jump: not believed. Time runs on by the boot clock until released
 *
 * A forward jump that was believed would expire whatever waits, for good; a clock that goes back
 * shows instants again that are already used up; put right again it is no jump. Ten minutes are
 * more than any correction of a machine that keeps time, and less than a window or a frequency cap.
 * A suspend is no step: the boot clock counts it too, and the monotonic one does not.
 *
 * Pure: the clocks are read by the caller. */
#ifndef PACELINE_CORE_CLOCKS_H
#define PACELINE_CORE_CLOCKS_H

#include "core/instant.h"

#include <stdbool.h>

enum {
    CLOCKS_STEP_MS = 1000,
    CLOCKS_FORWARD_MAX_MS = 600000,
    CLOCKS_BACK_MAX_MS = 60000,
    CLOCKS_STALL_MS = 5000 /* nobody looked for so long: the process or the machine stood still */
};

struct clocks { /* in milliseconds; boot counts suspends, monotonic does not */
    instant_t wall;
    int64_t monotonic, boot;
};

struct clocks_event {
    duration_t step;    /* 0: none; how far the wall clock was set */
    duration_t forward; /* how far time went ahead with it, more than has passed */
    bool jumped;        /* too far: held from now on */
    duration_t slept;   /* in suspend */
    duration_t stalled; /* since the last look, suspends included; 0: not worth a word */
};

struct timekeeper {
    instant_t now;              /* never goes back */
    struct clocks anchor, last; /* anchor: wall and boot agreed */
    bool started, held;
};

/* Time does not begin before `earliest` (INSTANT_MIN: no matter). `held`: it begins right there,
 * whatever the wall clock says, and waits to be released. */
void timekeeper_start(struct timekeeper *k, const struct clocks *c, instant_t earliest, bool held);
/* The time it is. True: `out` says what happened since the last look. */
bool timekeeper_look(struct timekeeper *k, const struct clocks *c, struct clocks_event *out);
/* The wall clock is right: how far forward time goes with it. */
duration_t timekeeper_release(struct timekeeper *k, const struct clocks *c);
/* How far the wall clock is behind the time that does not go back, or off while held. */
duration_t timekeeper_offset(const struct timekeeper *k);

#endif
