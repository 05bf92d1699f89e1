/* A local server that speaks the documented WeCom protocol, for the demo and the tests. It keeps
 * state, enforces the platform's limits, can misbehave on purpose, and writes down what it
 * received. It only ever listens on 127.0.0.1.
 *
 * One thread a connection; what is shared is under `lock`, which handlers are called with. Pages in
 * comments are those of developer.work.weixin.qq.com. */
#ifndef PACELINE_STANDIN_STANDIN_H
#define PACELINE_STANDIN_STANDIN_H

#include "codes.h"
#include "faults.h"
#include "tokens.h"
#include "world.h"

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BODY_MAX = 24 * 1024 * 1024, ROBOTS_MAX = 64, CALLS_MAX = 32 };

struct robot {
    const char *key, *name;
    int64_t *accepted_ms; /* ring of the last `limit` messages */
    size_t accepted, oldest;
    int64_t blocked_until_ms;
};

/* What is counted of one call of the interface, whatever its parameters. */
struct meter {
    int64_t minute_ms;        /* when the counted minute began */
    size_t in_minute;         /* calls in it */
    int64_t blocked_until_ms; /* 45009 until then */
    size_t in_flight;         /* arrived and not answered yet */
};

/* Of one app of the corp. */
struct app {
    const char *corp_id, *secret;
    int64_t agent;
};

struct standin {
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    bool stopping;
    int record; /* -1: none */
    bool verbose;
    uint64_t random; /* for faults alone: the world has seeds of its own */
    struct faults faults;
    uint64_t bodies, close_after_body; /* 0: never */
    uint64_t connections;
    struct robot robots[ROBOTS_MAX];
    size_t robot_count;
    size_t limit; /* messages a minute and robot; 0: none */

    int64_t clock_offset_ms; /* of our clock from the machine's */
    struct app app;
    struct tokens tokens;
    struct meter meters[CALLS_MAX];
    size_t rate, at_once; /* a minute and call; calls in flight */
    int64_t block_ms;     /* how long 45009 lasts */
    int64_t dispatch_ms;  /* how long a new task answers 41063 */
    struct world world;
};

struct MHD_Connection;

struct request {
    struct MHD_Connection *peer;
    const char *method, *path;
    const char *call; /* the path without /cgi-bin/ */
    const char *key;  /* of the query, or NULL */
    const char *body;
    size_t length;
    bool too_large;
    json_t *json;   /* the body as an object; NULL: it is none */
    json_t *reply;  /* what is answered beside errcode and errmsg */
    json_t *note;   /* what is written down beside the call and its outcome */
    int64_t at_ms;  /* the machine's clock: when the body was complete */
    int64_t now_ms; /* ours */
    uint64_t connection;
    enum fault fault;
    bool acts;      /* the effect takes place, whatever is answered */
    bool no_answer; /* the connection will be closed instead */
};

/* The errcode that is answered. Called for a request that has its effect; the robot's for all. */
typedef int handler_fn(struct standin *s, struct request *r);

handler_fn robot_send;
handler_fn token_get;
handler_fn customers_members, customers_list, customers_get, customers_batch;
handler_fn tags_list;
handler_fn groups_list, groups_get;
handler_fn media_upload, media_upload_image;
handler_fn message_send, message_recall;
handler_fn tasks_add, tasks_remind, tasks_cancel;
handler_fn results_list, results_members, results_recipients;
handler_fn control_handle; /* everything below /_standin/ */

/* The query's argument, or NULL. */
const char *request_query(const struct request *r, const char *name);
/* Members of the body: what is missing or of another type is NULL or `otherwise`. */
const char *request_text(const struct request *r, const char *name);
int64_t request_number(const struct request *r, const char *name, int64_t otherwise);
void request_reply(struct request *r, const char *name, json_t *value); /* takes value */
void request_note(struct request *r, const char *name, json_t *value);

/* Paging: where the cursor of the request says to go on; 50100 for one that this call did not give
 * out. The next one; NONE: this was the last page. */
int request_cursor(const struct request *r, size_t *first);
void request_next(struct request *r, size_t place);
/* Both, for a list of `count` of which `limit` are a page. */
int request_page(struct request *r, size_t count, size_t limit, size_t *first, size_t *end);

/* --- record.c --- */

/* Appends one line to the record (and takes it); before the answer goes out. */
void record_line(struct standin *s, json_t *line);
void record_call(struct standin *s, const struct request *r, int code);

#endif
