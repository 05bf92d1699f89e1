/* A limit of scope recipient: one limit, and what each recipient has used of it.
 *
 * There may be ten million recipients, so each has only what no other shares: of a rolling limit
 * the instants at which its places are released (8 bytes times `max`), of a calendar limit one
 * counter (8 bytes). Places that wait for an answer are few; they are counted apart. Recipients are
 * numbers given out one after the other, so neighbours lie together on a page.
 *
 * The rules are those of core/limit.h. Threads: one. */
#ifndef PACELINE_ENGINE_CAPS_H
#define PACELINE_ENGINE_CAPS_H

#include "core/limit.h"
#include "engine/map.h"

struct caps {
    uint32_t max;
    duration_t span; /* of a rolling limit; 0: calendar */
    enum period period;
    const struct tz *zone;
    instant_t begins, ends; /* the period that is counted */
    uint32_t turn;          /* its number */
    size_t page_cells, cell_size;
    struct map pages; /* recipient / page_cells -> cells */
    struct map open;  /* recipient -> places without an answer */
};

void caps_init_rolling(struct caps *c, uint32_t max, duration_t span);
void caps_init_calendar(struct caps *c, uint32_t max, enum period period, const struct tz *zone);
void caps_dispose(struct caps *c);

instant_t caps_ready_at(const struct caps *c, int64_t recipient, instant_t now);
/* How many places the recipient has taken at `now`, and since when (INSTANT_MIN: not known). */
uint32_t caps_used(const struct caps *c, int64_t recipient, instant_t now, instant_t *since);
/* A place until it is answered or given back; rolling, or where a person is asked. */
void caps_open(struct caps *c, int64_t recipient);
void caps_close(struct caps *c, int64_t recipient);
/* A send that was answered then (rolling), or that counts in the period of then (calendar). */
void caps_count(struct caps *c, int64_t recipient, instant_t at, instant_t now);
void caps_uncount(struct caps *c, int64_t recipient, instant_t claimed_at); /* calendar */
void caps_shift(struct caps *c, duration_t by); /* the clock was set forward by so much */

#endif
