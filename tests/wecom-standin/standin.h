/* A local server that speaks the documented WeCom protocol, for the demo and the tests. It keeps
 * state, enforces the platform's limits, can misbehave on purpose, and writes down what it
 * received. It only ever listens on 127.0.0.1.
 *
 * One thread a connection; what is shared is under `lock`, which handlers are called with. */
#ifndef PACELINE_STANDIN_STANDIN_H
#define PACELINE_STANDIN_STANDIN_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BODY_MAX = 8 * 1024 * 1024, ROBOTS_MAX = 64 };

enum fault {
    FAULT_LOSE_ANSWER,  /* act, then close without an answer */
    FAULT_RESET_BEFORE, /* close before acting */
    FAULT_BUSY,         /* answer -1; act in half the cases */
    FAULT_SLOW,         /* act, answer after two seconds */
    FAULT_COUNT,
    FAULT_NONE = FAULT_COUNT
};

struct robot {
    const char *key, *name;
    int64_t *accepted_ms; /* ring of the last `limit` messages */
    size_t accepted, oldest;
    int64_t blocked_until_ms;
};

struct standin {
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    bool stopping;
    int record; /* -1: none */
    bool verbose;
    unsigned fault_percent[FAULT_COUNT];
    uint64_t random;
    uint64_t bodies, close_after_body; /* 0: never */
    uint64_t connections;
    struct robot robots[ROBOTS_MAX];
    size_t robot_count;
    size_t limit; /* messages a minute and robot; 0: none */
};

struct request {
    const char *method, *path;
    const char *key; /* of the query, or NULL */
    const char *body;
    size_t length;
    bool too_large;
    int64_t at_ms; /* wall clock: when the body was complete */
    uint64_t connection;
    enum fault fault;
    bool no_answer; /* the connection will be closed instead */
};

/* The errcode that is answered, for a request whose fault has been drawn. */
typedef int handler_fn(struct standin *s, const struct request *r);

handler_fn robot_send;
const char *errmsg_of(int errcode);

/* Appends one line to the record (and takes it); before the answer goes out. */
void record_line(struct standin *s, json_t *line);
unsigned random_below(struct standin *s, unsigned bound);

#endif
