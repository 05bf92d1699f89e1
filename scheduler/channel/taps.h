/* How many sends a campaign's deliveries make, sender by sender: one a batch of equal messages.
 * Where a person is asked, each is a tap. */
#ifndef PACELINE_CHANNEL_TAPS_H
#define PACELINE_CHANNEL_TAPS_H

#include "conf/campaign.h"

#include <stddef.h>
#include <stdint.h>

struct letter;

struct taps { /* zeroed: none */
    struct letter *letters;
    size_t count, capacity;
};

/* One delivery. `message`: equal for equal ones. */
void taps_keep(struct taps *t, size_t sender, int64_t message);

struct taps_sum {
    uint64_t calls; /* of all */
    uint64_t most;  /* of one sender ... */
    size_t whose;   /* ... who that is */
};
struct taps_sum taps_sum(struct taps *t, uint32_t batch);
/* How many of a sender's taps fall on one day: a limit a day on the person is one on their taps. */
uint64_t taps_a_day(const struct campaign *c, uint64_t taps);
void taps_dispose(struct taps *t);

#endif
