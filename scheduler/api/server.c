/* Two threads. The server thread (libmicrohttpd's own) reads a request, suspends its connection and
 * queues it; the loop thread runs its handler, stores the answer in the request and resumes the
 * connection, whose next callback on the server thread sends it.
 *
 *     reading -> [suspended, queued] -> handler -> (store jobs) -> answered -> resumed -> sent
 *
 * A request has one reference for its connection and one for its handler, and is freed with the
 * last. api_stop takes the connections away from requests whose handler is not done; their answer
 * is then dropped. libmicrohttpd aborts when it is stopped with suspended connections: all are
 * resumed first. */
#include "api/server_impl.h"

#include "base/lang.h"
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void on_log(void *ctx, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
static void *sweep_forever(void *ctx);
static int start_threads(struct api *a, struct err *e);
static void api_unref(struct api *a);

int api_start(struct api **out, const struct api_host *host, const char *socket_path,
              const char *spool_dir, void (*wake)(void *ctx), void *wake_ctx, struct err *e)
{
    int rc = spool_prepare(spool_dir, e);

    if (rc)
        return rc;
    struct api *a = xmalloc(sizeof(*a));
    *a = (struct api){.host = *host, .wake = wake, .wake_ctx = wake_ctx, .refs = 1};
    a->spool_dir = xstrdup(spool_dir);
    a->conf = service_share(host->conf(host->ctx));
    a->zones = zones_new();
    a->store_zones = zones_new();
    pthread_mutex_init(&a->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&a->closed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    rc = listener_open(&a->listener, socket_path, e);
    if (rc == 0)
        rc = start_threads(a, e);
    if (rc) {
        listener_close(&a->listener);
        api_unref(a);
        return rc;
    }
    *out = a;
    return 0;
}

static struct request *pop_queued(struct api *a)
{
    pthread_mutex_lock(&a->lock);
    struct request *rq = a->first_queued;
    if (rq) {
        a->first_queued = rq->next_queued;
        if (!a->first_queued)
            a->last_queued = NULL;
    }
    pthread_mutex_unlock(&a->lock);
    return rq;
}

/* A request whose headers were read before a reload: what its caller may now is what counts. */
static bool still_permitted(const struct api *a, struct request *rq)
{
    if (rq->conf == a->conf || rq->route->roles == ROUTE_ANYONE)
        return true;
    service_free(rq->conf);
    rq->conf = service_share(a->conf);
    rq->who = who_is(rq->conf, rq->os_name, rq->runs_service);
    return rq->who.roles & rq->route->roles;
}

void api_run(struct api *a)
{
    struct request *rq;

    while ((rq = pop_queued(a))) {
        rq->now = a->host.now(a->host.ctx);
        if (still_permitted(a, rq))
            rq->route->run(rq);
        else
            request_fail_with(rq, ERR_DENIED, tr("user '%s' has no role that permits this"),
                              rq->who.name);
    }
}

void api_conf_changed(struct api *a, const struct service *conf)
{
    pthread_mutex_lock(&a->lock);
    const struct service *old = a->conf;
    a->conf = service_share(conf);
    pthread_mutex_unlock(&a->lock);
    service_free(old);
}

/* Under the lock: the request no longer belongs to a suspended connection. */
static void resume(struct api *a, struct request *rq)
{
    assert(rq->suspended);
    if (rq->prev)
        rq->prev->next = rq->next;
    else
        a->suspended = rq->next;
    if (rq->next)
        rq->next->prev = rq->prev;
    rq->suspended = false;
    MHD_resume_connection(rq->connection);
}

void api_stop(struct api *a)
{
    struct request *rq;

    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    a->stopping = true;
    while (a->suspended)
        resume(a, a->suspended);
    pthread_cond_signal(&a->closed);
    pthread_mutex_unlock(&a->lock);
    if (a->sweeping)
        pthread_join(a->sweeper, NULL);
    MHD_stop_daemon(a->daemon); /* joins; every request has come to connection_done */
    while ((rq = pop_queued(a)))
        server_request_unref(rq);
    while ((rq = a->held)) {
        a->held = rq->next_queued;
        server_request_unref(rq);
    }
    listener_close(&a->listener);
    api_unref(a);
}

void request_hold(struct request *rq, bool (*look)(struct request *rq))
{
    rq->look = look;
    rq->next_queued = rq->api->held;
    rq->api->held = rq;
}

void api_tick(struct api *a)
{
    struct request *held = a->held;

    a->held = NULL;
    while (held) {
        struct request *rq = held;
        held = rq->next_queued;
        rq->next_queued = NULL;
        if (!rq->look(rq))
            request_hold(rq, rq->look);
    }
}

void request_each(const struct request *rq, void (*run)(struct request *rq),
                  void (*each)(void *ctx, const struct request *other), void *ctx)
{
    struct api *a = rq->api;

    pthread_mutex_lock(&a->lock);
    for (const struct request *other = a->suspended; other; other = other->next)
        if (other->route->run == run && other->state)
            each(ctx, other);
    pthread_mutex_unlock(&a->lock);
}

void request_samples_put(const struct request *rq, int64_t revision, const uint64_t rows[SAMPLES])
{
    struct samples *s = &rq->api->samples[rq->api->next_samples++ % SAMPLES_KEPT];

    s->revision = revision;
    memcpy(s->rows, rows, sizeof(s->rows));
}

bool request_samples_get(const struct request *rq, int64_t revision, uint64_t rows[SAMPLES])
{
    for (size_t i = 0; i < SAMPLES_KEPT; i++) {
        const struct samples *s = &rq->api->samples[i];
        if (s->revision != revision)
            continue;
        memcpy(rows, s->rows, sizeof(s->rows));
        return true;
    }
    return false;
}

void request_answered(struct request *rq)
{
    struct api *a = rq->api;

    pthread_mutex_lock(&a->lock);
    assert(!rq->answered);
    rq->answered = true;
    if (rq->suspended)
        resume(a, rq);
    pthread_mutex_unlock(&a->lock);
    server_request_unref(rq);
}

bool request_abandon(struct request *rq)
{
    struct api *a = rq->api;

    pthread_mutex_lock(&a->lock);
    bool stopping = a->stopping;
    pthread_mutex_unlock(&a->lock);
    if (stopping)
        server_request_unref(rq);
    return stopping;
}

bool server_hand_over(struct request *rq)
{
    struct api *a = rq->api;

    pthread_mutex_lock(&a->lock);
    bool open = !a->stopping;
    if (open) {
        MHD_suspend_connection(rq->connection);
        rq->suspended = true;
        rq->handed_over = true;
        rq->prev = NULL;
        rq->next = a->suspended;
        if (rq->next)
            rq->next->prev = rq;
        a->suspended = rq;
        rq->refs++; /* the handler's */
        if (a->last_queued)
            a->last_queued->next_queued = rq;
        else
            a->first_queued = rq;
        a->last_queued = rq;
    }
    pthread_mutex_unlock(&a->lock);
    if (open)
        a->wake(a->wake_ctx);
    return open;
}

struct request *server_request_new(struct api *a, struct MHD_Connection *c)
{
    struct request *rq = xmalloc(sizeof(*rq));

    *rq = (struct request){.api = a, .arena = arena_new(), .connection = c, .refs = 1};
    output_init(&rq->answer.body, a->spool_dir);
    pthread_mutex_lock(&a->lock);
    rq->conf = service_share(a->conf);
    a->refs++;
    pthread_mutex_unlock(&a->lock);
    return rq;
}

void server_request_unref(struct request *rq)
{
    struct api *a = rq->api;

    pthread_mutex_lock(&a->lock);
    bool last = --rq->refs == 0;
    pthread_mutex_unlock(&a->lock);
    if (!last)
        return;
    request_free(rq);
    api_unref(a);
}

const struct api_host *request_host(const struct request *rq)
{
    return &rq->api->host;
}

struct zones *request_zones(const struct request *rq)
{
    return rq->api->zones;
}

struct zones *request_store_zones(const struct request *rq)
{
    return rq->api->store_zones;
}

static int start_threads(struct api *a, struct err *e)
{
    /* libmicrohttpd's accept4 gives close-on-exec, non-blocking connections */
    a->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
            MHD_USE_ERROR_LOG,
        0, NULL, NULL, connection_request, a, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_LISTEN_SOCKET, a->listener.fd, MHD_OPTION_NOTIFY_COMPLETED, connection_done, a,
        MHD_OPTION_NOTIFY_CONNECTION, connection_notify, a, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
    if (!a->daemon)
        return err_set(e, ERR_INTERNAL, tr("cannot start the HTTP server: %s"), lang_errno(errno));
    a->listener.fd = -1; /* the daemon closes it */
    int rc = pthread_create(&a->sweeper, NULL, sweep_forever, a);
    if (rc) {
        MHD_stop_daemon(a->daemon);
        return err_set(e, ERR_INTERNAL, tr("cannot start the HTTP server: %s"), lang_errno(rc));
    }
    a->sweeping = true;
    return 0;
}

static void api_unref(struct api *a)
{
    pthread_mutex_lock(&a->lock);
    bool last = --a->refs == 0;
    pthread_mutex_unlock(&a->lock);
    if (!last)
        return;
    pthread_cond_destroy(&a->closed);
    pthread_mutex_destroy(&a->lock);
    service_free(a->conf);
    zones_free(a->zones);
    zones_free(a->store_zones);
    free(a->spool_dir);
    free(a);
}

static void on_log(void *ctx, const char *format, va_list args)
{
    char line[256];

    (void)ctx;
    vsnprintf(line, sizeof(line), format, args);
    line[strcspn(line, "\n")] = '\0';
    log_line(LOG_DEBUG, "api", "%s", line);
}

static void *sweep_forever(void *ctx)
{
    struct api *a = ctx;
    struct timespec until;

    pthread_mutex_lock(&a->lock);
    while (!a->stopping) {
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec++;
        pthread_cond_timedwait(&a->closed, &a->lock, &until);
        pthread_mutex_unlock(&a->lock);
        connection_sweep(a, connection_clock_ms());
        pthread_mutex_lock(&a->lock);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}
