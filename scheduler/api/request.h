/* One request, from its headers to its answer.
 *
 * Made and filled by the server thread, handled on the loop thread, answered exactly once by one of
 * request_reply, request_stream and request_fail*; after that the handler may not touch it any
 * more. Work on the store: request_store(rq, run, done), `run` on the store thread, `done` on the
 * loop thread in a later turn; while a job is under way nobody else touches the request. */
#ifndef PACELINE_API_REQUEST_H
#define PACELINE_API_REQUEST_H

#include "api/host.h"
#include "api/output.h"
#include "api/route.h"
#include "api/spool.h"
#include "api/who.h"
#include "base/arena.h"
#include "base/diag.h"
#include "base/strbuf.h"
#include "conf/zones.h"

struct api;

struct answer {
    int status;
    const char *type;
    struct output body;
};

struct request {
    struct api *api;
    struct arena *arena; /* lives as long as the request */
    const struct route *route;
    const struct service *conf; /* a share: the file that `who` is of */
    struct who who;
    const char *os_name; /* of the caller; NULL when not known */
    bool runs_service;   /* the caller is the service's own OS user */
    const char *method, *path;
    const char *argument;               /* what `*` of the pattern stood for */
    const char *query[ROUTE_QUERY_MAX]; /* values, as the route's keys; NULL: not given */
    struct strbuf body;
    struct spool *spool; /* of a bundle */

    /* for handlers */
    instant_t now; /* of its dispatch */
    int rc;        /* of the last job's run: 0 or ERR_*, then `e` is set */
    struct err e;
    void *state;                      /* the handler's own; in the arena */
    void (*dispose)(void *state);     /* what of it is not; may be NULL */
    bool (*look)(struct request *rq); /* of request_hold */
    struct answer answer;             /* handlers write long answers into answer.body */

    /* the server's own */
    struct MHD_Connection *connection; /* NULL: gone */
    struct request *next_queued;
    struct request *prev, *next; /* api.suspended */
    bool suspended, handed_over, answered;
    int refs;
    const char *allowed; /* method, of a 405 */
    uint64_t body_length;
};

const struct api_host *request_host(const struct request *rq);
struct zones *request_zones(const struct request *rq);       /* the loop thread's */
struct zones *request_store_zones(const struct request *rq); /* the store thread's */

/* `done` on the loop thread once all that the engine has decided so far is on disk. */
void request_after(struct request *rq, void (*done)(struct request *rq));
/* The rows to show of a revision, by enum sample; kept while the service runs. Loop thread. */
enum sample { SAMPLE_SHORTEST, SAMPLE_LONGEST, SAMPLE_MOST_DEFAULTS, SAMPLES };
void request_samples_put(const struct request *rq, int64_t revision, const uint64_t rows[SAMPLES]);
bool request_samples_get(const struct request *rq, int64_t revision, uint64_t rows[SAMPLES]);

/* All requests that wait for their answer and run `run`. Loop thread, under the server's lock. */
void request_each(const struct request *rq, void (*run)(struct request *rq),
                  void (*each)(void *ctx, const struct request *other), void *ctx);

typedef int request_run_fn(struct store *s, struct request *rq);
typedef void request_done_fn(struct request *rq);
void request_store(struct request *rq, request_run_fn *run, request_done_fn *done);

/* Loop thread: `look` is called again and again until it returns true, having answered. */
void request_hold(struct request *rq, bool (*look)(struct request *rq));

/* Sends rq->answer.body as it is. */
void request_reply(struct request *rq, int status); /* application/json: a newline is added */
void request_stream(struct request *rq);            /* 200, application/x-ndjson */
void request_bytes(struct request *rq);             /* 200, application/octet-stream */
void request_fail(struct request *rq);              /* rq->e */
void request_fail_with(struct request *rq, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void request_fail_all(struct request *rq, int code, const char *message, const struct diags *d);
void request_fail_diags(struct request *rq, const struct diags *d, const char *message);

/* `{"exit":…,"message":…,"diagnostics":[…]}` */
void error_object(struct strbuf *b, int code, const char *message, const struct diags *d);
void put_diagnostics(struct strbuf *b, const struct diags *d); /* its two keys; NULL: none */
int error_status(int code);

enum { REQUEST_TEXT_MAX = 4096 };
struct request_field { /* of a JSON body: all are strings; the table ends with {0} */
    const char *name;
    bool required;
    const char **out; /* NULL when not given */
};
/* False after it has answered (400). An empty body is `{}`. */
bool request_fields(struct request *rq, const struct request_field *fields);

/* server.c: api_stop has been called, nobody waits for an answer. Drops the handler's reference. */
bool request_abandon(struct request *rq);

/* Server side. */
void request_free(struct request *rq);
void request_answered(struct request *rq); /* server.c: hands rq->answer to the server thread */

#endif
