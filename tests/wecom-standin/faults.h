/* What the stand-in does wrong on purpose: rules drawn for each request, from a seeded generator.
 *
 * A rule is KIND:WHEN[:CALL]. WHEN is a percentage, or #N for the Nth such request; CALL is the end
 * of a path (`add_msg_template`), every path when it is missing. */
#ifndef PACELINE_STANDIN_FAULTS_H
#define PACELINE_STANDIN_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAULT_RULES_MAX = 64 };

enum fault {
    FAULT_LOSE_ANSWER,  /* act, then close without an answer */
    FAULT_RESET_BEFORE, /* read the body, then close with a reset, before acting */
    FAULT_BUSY,         /* answer -1; act in half the cases */
    FAULT_SLOW,         /* act, answer after two seconds */
    FAULT_CUT,          /* act, announce the answer's length, close in its middle */
    FAULT_TRUNCATED,    /* act; half of the JSON, as a whole answer */
    FAULT_EMPTY,        /* act; an empty body */
    FAULT_HTML,         /* act; a page instead of JSON */
    FAULT_STRING_CODE,  /* act; errcode as a string */
    FAULT_EXTRA_KEYS,   /* act; keys that nobody knows */
    FAULT_ODD_STATUS,   /* act; statuses that the tables do not have */
    FAULT_BAD_GATEWAY,  /* HTTP 502; act in half the cases */
    FAULT_UNKNOWN_CODE, /* an unlisted errcode; act in half the cases */
    FAULT_LOSE_TOKEN,   /* all tokens become void, before this request is looked at */
    FAULT_QUOTA,        /* 45009, and this call is blocked for a while */
    FAULT_CONCURRENT,   /* 45033 */
    FAULT_UNTRUSTED,    /* 60020: a step of the set-up is missing */
    FAULT_FORBIDDEN,    /* 48002, likewise */
    FAULT_OTHER_AGENT,  /* 301002, likewise */
    FAULT_COUNT,
    FAULT_NONE = FAULT_COUNT
};

struct fault_rule {
    enum fault fault;
    unsigned percent; /* when `nth` is 0 */
    uint64_t nth, seen;
    char call[64]; /* the end of a path; empty: all */
};

struct faults {
    struct fault_rule rules[FAULT_RULES_MAX];
    size_t count;
};

/* False: not a rule, or one too many. */
bool faults_add(struct faults *f, const char *text);
/* Counts the request and says what it suffers; *acts: its effect takes place all the same. */
enum fault faults_draw(struct faults *f, const char *path, uint64_t *random, bool *acts);
const char *fault_name(enum fault fault); /* NULL for FAULT_NONE */
/* The errcode that it puts in the place of "ok"; 0: none. */
int fault_code(enum fault fault);

uint64_t random_next(uint64_t *state);
unsigned random_below(uint64_t *state, unsigned bound);
/* A draw that depends on its arguments alone. */
uint64_t random_of(uint64_t seed, uint64_t kind, uint64_t number);

#endif
