/* What the two threads of the server share. Everything between `lock` and `closed` below is under
 * it. */
#ifndef PACELINE_API_SERVER_IMPL_H
#define PACELINE_API_SERVER_IMPL_H

#include "api/listen.h"
#include "api/request.h"
#include "api/server.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    CONNECTIONS_MAX = 256,
    CONNECTIONS_PER_USER_MAX = 128, /* one user cannot keep the others out */
    IDLE_TIMEOUT_S = 30,
    HEADER_DEADLINE_MS = 10000, /* in total, not since the last byte */
    CONNECTION_MEMORY = 32 * 1024,
    BODY_MAX = 1024 * 1024,
    SAMPLES_KEPT = 16,
    REFUSED_BODY_MAX = 16 * 1024 * 1024 /* swallowed before a refusal, so that it can be read */
};

struct peer { /* one connection */
    int fd;
    uid_t uid;
    bool known;       /* SO_PEERCRED answered */
    bool busy;        /* its request's headers are complete */
    int64_t since_ms; /* monotonic: opened, or its last request done */
    struct peer *prev, *next;
};

/* Rows worth looking at, of a revision that was submitted or previewed: looking through millions of
 * rows takes seconds. */
struct samples {
    int64_t revision;
    uint64_t rows[SAMPLES]; /* 0: none */
};

struct api {
    struct api_host host;
    void (*wake)(void *ctx);
    void *wake_ctx;
    char *spool_dir;
    struct zones *zones, *store_zones;
    struct samples samples[SAMPLES_KEPT]; /* the loop thread's; the oldest goes first */
    size_t next_samples;
    struct listener listener;
    struct MHD_Daemon *daemon;
    pthread_t sweeper;
    bool sweeping;
    atomic_uint_fast64_t next_id; /* of spool files */

    pthread_mutex_t lock;
    pthread_cond_t closed; /* tells the sweeper to end */
    bool stopping;
    const struct service *conf; /* a share; changed by the loop thread, which may read it freely */
    int refs;                   /* requests, and the one of api_start */
    struct peer *peers;
    struct request *first_queued, *last_queued; /* request.next_queued */
    struct request *suspended;                  /* request.next */

    struct request *held; /* loop thread: request.next_queued; they wait for a change */
};

/* connection.c: libmicrohttpd's callbacks, on the server thread. */
enum MHD_Result connection_request(void *ctx, struct MHD_Connection *c, const char *url,
                                   const char *method, const char *version, const char *data,
                                   size_t *size, void **slot);
void connection_done(void *ctx, struct MHD_Connection *c, void **slot,
                     enum MHD_RequestTerminationCode why);
void connection_notify(void *ctx, struct MHD_Connection *c, void **slot,
                       enum MHD_ConnectionNotificationCode what);
/* Ends connections whose headers are overdue at `now_ms` (monotonic). */
void connection_sweep(struct api *a, int64_t now_ms);
int64_t connection_clock_ms(void);

/* server.c: suspends `rq` and queues it for the loop; false when the server is stopping. */
bool server_hand_over(struct request *rq);
struct request *server_request_new(struct api *a, struct MHD_Connection *c);
void server_request_unref(struct request *rq);

#endif
