/* The store's own thread: jobs in, one after the other, and their ends back on the loop.
 *
 * Jobs run in the order in which they were given; `done` comes in that order too. */
#ifndef PACELINE_LOOP_STORER_H
#define PACELINE_LOOP_STORER_H

#include "api/host.h"

#include <uv.h>

struct storer;

struct storer *storer_start(uv_loop_t *loop, struct store *store);
void storer_run(struct storer *s, struct store_job *job);
/* Whether the store has latched (store.h), and on what. Loop thread. */
bool storer_failed(struct storer *s, struct err *e);
/* What is wrong with the store's thread, for people; NULL when it keeps up. Loop thread; valid
 * until the next call. `s` may be NULL. */
const char *storer_problem(struct storer *s);
/* Runs what is queued, joins the thread, calls the last `done`s from here. `closed` comes once the
 * loop has let go of it. The store stays the caller's. */
void storer_stop(struct storer *s, void (*closed)(void *ctx), void *ctx);

#endif
