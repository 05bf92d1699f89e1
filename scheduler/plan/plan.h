/* A campaign seen before it runs: the engine itself on a virtual clock, with a channel that answers
 * at once and never fails. Same seed, same rows: the same plan; and the service's run of the same
 * revision equals it as the contract says (§5).
 *
 * Beside others (plan/others.h) it is what the service is about to do: exact as far as a restart of
 * the service at that instant would go on the same.
 *
 * Memory: 24 to 32 bytes a row, and what the engine has in its lanes. No clock, no file, no thread:
 * time comes in as `from`. One plan belongs to one thread at a time. */
#ifndef PACELINE_PLAN_PLAN_H
#define PACELINE_PLAN_PLAN_H

#include "plan/others.h"

struct plan;

/* From its start on; longer than that nobody plans, and what has not gone by then counts as not
 * reached. */
enum { PLAN_YEARS_MAX = 10 };

struct plan_setup {
    struct engine_channel channel; /* id 1 */
    struct engine_revision terms;  /* of spec_terms; ids and lanes are the plan's own */
    instant_t from;                /* when it is approved */
    size_t sender_count;
};

/* What the setup points to must outlive the plan. */
struct plan *plan_new(const struct plan_setup *setup);
void plan_free(struct plan *p); /* NULL is fine */

/* The schedule in a zone of recipients (a number from 1), before the first plan_run, and again
 * after plan_reset. */
void plan_zone(struct plan *p, size_t zone, const struct schedule *schedule);
/* One audience row, in file order, before the first plan_run. `zone` 0: the campaign's. `skipped`
 * REASON_NONE: it is to go; `message` as in struct engine_waiting. */
void plan_add(struct plan *p, size_t sender, size_t zone, enum reason skipped, int64_t message);
/* Who the last row is to others; else somebody they do not know. */
void plan_recipient(struct plan *p, int64_t recipient);

/* Beside others, of whom `campaign` (0: none) is another revision; after all rows and before the
 * first plan_run. It is approved at others->at at the earliest. */
void plan_beside(struct plan *p, const struct plan_others *others, int64_t campaign);
/* These (ascending) an earlier revision has written to. Likewise. */
void plan_handled(struct plan *p, const int64_t *recipients, size_t count);

/* The seed of its draws; before the first plan_run. Else that of the setup. */
void plan_seed(struct plan *p, uint64_t seed);
/* Runs on for about so many steps; true while there is more to do. */
bool plan_run(struct plan *p, size_t steps);
bool plan_failed(const struct plan *p); /* the others could not be asked: there is no plan */

/* Back to the start, by another schedule (which must outlive it) and seed, with the same rows. */
void plan_reset(struct plan *p, const struct schedule *schedule, uint64_t seed);
const struct plan_setup *plan_setup(const struct plan *p);

enum plan_state { PLAN_PLANNED, PLAN_SKIPPED, PLAN_EXPIRED };

struct plan_row {
    instant_t due_at; /* INSTANT_MIN: never goes */
    uint32_t sender;
    enum plan_state state;
    enum reason reason;
};
uint64_t plan_rows(const struct plan *p);
struct plan_row plan_row(const struct plan *p, uint64_t row); /* from 1 */
/* Rows by due instant, then row; who never goes comes last. plan_rows() of them. */
const uint32_t *plan_order(struct plan *p);

struct plan_binding { /* what held the lanes, longest first */
    enum gate gate;
    bool others;      /* not by a gate: other campaigns take turns on the lane */
    char limit[64];   /* its text; "": the gate itself */
    duration_t holds; /* the longest total of one lane, a second at least */
};
enum { PLAN_BINDINGS = 24 };

struct plan_sum {
    uint64_t recipients, planned, shortfall;
    uint64_t skipped[REASONS];
    instant_t first, last; /* INSTANT_MIN: nobody goes */
    bool endless;          /* what is short would not go within PLAN_YEARS_MAX either */
    const uint64_t *taps;  /* of each sender, where a person sends; else NULL */
    struct plan_binding binding[PLAN_BINDINGS];
    size_t binding_count;
};
/* After plan_run has returned false. */
const struct plan_sum *plan_sum(const struct plan *p);

#endif
