/* libmicrohttpd's side of a request: who connects, what it may send, and when it is whole. What
 * libmicrohttpd 0.9.75 lets through (dependencies.md P4, P5) is refused here: Content-Length beside
 * Transfer-Encoding, two of one of them or of Host, header names with odd characters.
 *
 * Who may is decided when the headers are there; a refused body is swallowed unread, so that the
 * client can read the refusal. A response cannot be queued while a body arrives. */
#include "api/server_impl.h"

#include "base/lang.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

struct framing {
    unsigned lengths, encodings, hosts;
    bool odd;     /* a header that others may read differently */
    bool chunked; /* the only encoding there is */
};

static void begin(struct request *rq, const char *url, const char *method, const char *version);
static enum MHD_Result take_body(struct request *rq, const char *data, size_t size);
static enum MHD_Result send_answer(struct request *rq);
static void refuse(struct request *rq, int code, int status, const char *message);
static struct peer *peer_of(struct MHD_Connection *c);

enum MHD_Result connection_request(void *ctx, struct MHD_Connection *c, const char *url,
                                   const char *method, const char *version, const char *data,
                                   size_t *size, void **slot)
{
    struct request *rq = *slot;

    if (!rq) {
        rq = *slot = server_request_new(ctx, c);
        begin(rq, url, method, version);
        return MHD_YES;
    }
    if (*size > 0) {
        enum MHD_Result more = take_body(rq, data, *size);
        *size = 0;
        return more;
    }
    pthread_mutex_lock(&rq->api->lock);
    bool answered = rq->answered;
    pthread_mutex_unlock(&rq->api->lock);
    if (answered)
        return send_answer(rq);
    if (rq->handed_over) /* resumed by api_stop */
        return MHD_NO;
    if (rq->spool && spool_end(rq->spool, &rq->e)) {
        refuse(rq, rq->e.code, 0, rq->e.text);
        return send_answer(rq);
    }
    return server_hand_over(rq) ? MHD_YES : MHD_NO;
}

void connection_done(void *ctx, struct MHD_Connection *c, void **slot,
                     enum MHD_RequestTerminationCode why)
{
    struct api *a = ctx;
    struct request *rq = *slot;
    struct peer *p = peer_of(c);

    (void)why;
    *slot = NULL;
    pthread_mutex_lock(&a->lock);
    if (p) {
        p->busy = false;
        p->since_ms = connection_clock_ms();
    }
    if (rq)
        rq->connection = NULL;
    pthread_mutex_unlock(&a->lock);
    if (rq)
        server_request_unref(rq);
}

static void peer_add(struct api *a, struct peer *p)
{
    unsigned same = 0;

    pthread_mutex_lock(&a->lock);
    for (const struct peer *other = a->peers; other; other = other->next)
        same += other->uid == p->uid;
    p->next = a->peers;
    if (p->next)
        p->next->prev = p;
    a->peers = p;
    pthread_mutex_unlock(&a->lock);
    if (same >= CONNECTIONS_PER_USER_MAX)
        shutdown(p->fd, SHUT_RDWR);
}

static void peer_remove(struct api *a, struct peer *p)
{
    pthread_mutex_lock(&a->lock);
    if (p->prev)
        p->prev->next = p->next;
    else
        a->peers = p->next;
    if (p->next)
        p->next->prev = p->prev;
    pthread_mutex_unlock(&a->lock);
    free(p);
}

void connection_notify(void *ctx, struct MHD_Connection *c, void **slot,
                       enum MHD_ConnectionNotificationCode what)
{
    struct api *a = ctx;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        struct ucred credentials;
        socklen_t size = sizeof(credentials);
        struct peer *p = xmalloc(sizeof(*p));
        p->fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        p->known = getsockopt(p->fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0;
        p->uid = p->known ? credentials.uid : (uid_t)-1;
        p->since_ms = connection_clock_ms();
        *slot = p;
        peer_add(a, p);
    } else if (*slot) { /* before the descriptor is closed */
        peer_remove(a, *slot);
        *slot = NULL;
    }
}

void connection_sweep(struct api *a, int64_t now_ms)
{
    pthread_mutex_lock(&a->lock);
    for (const struct peer *p = a->peers; p; p = p->next)
        if (!p->busy && now_ms - p->since_ms > HEADER_DEADLINE_MS)
            shutdown(p->fd, SHUT_RDWR);
    pthread_mutex_unlock(&a->lock);
}

int64_t connection_clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool is_token(const char *name)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (; *name; name++) {
        bool letter = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z');
        if (!letter && !(*name >= '0' && *name <= '9') && !strchr(others, *name))
            return false;
    }
    return true;
}

static enum MHD_Result look_at_header(void *ctx, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    struct framing *f = ctx;

    (void)kind;
    if (!is_token(name))
        f->odd = true;
    if (strcasecmp(name, "Content-Length") == 0)
        f->lengths++;
    if (strcasecmp(name, "Host") == 0)
        f->hosts++;
    if (strcasecmp(name, "Transfer-Encoding") == 0) {
        f->encodings++;
        f->chunked = value && strcasecmp(value, "chunked") == 0;
    }
    return MHD_YES;
}

/* True when nobody could read the request's end differently than we do. */
static bool framing_clear(struct MHD_Connection *c, const char *version)
{
    struct framing f = {0};

    MHD_get_connection_values(c, MHD_HEADER_KIND, look_at_header, &f);
    if (f.odd || f.lengths + f.encodings > 1 || (f.encodings == 1 && !f.chunked))
        return false;
    return f.hosts == 1 || (f.hosts == 0 && strcmp(version, MHD_HTTP_VERSION_1_0) == 0);
}

static enum MHD_Result take_query(void *ctx, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    struct request *rq = ctx;

    (void)kind;
    for (int i = 0; i < ROUTE_QUERY_MAX; i++) {
        if (rq->route->query[i] && strcmp(rq->route->query[i], name) == 0 && value &&
            !rq->query[i]) {
            rq->query[i] = arena_strdup(rq->arena, value);
            return MHD_YES;
        }
    }
    refuse(rq, ERR_USAGE, 0, arena_printf(rq->arena, tr("unknown parameter '%.64s'"), name));
    return MHD_NO;
}

static struct who who_calls(struct request *rq, const struct peer *p)
{
    struct who nobody = {.name = "?"};

    if (!p || !p->known)
        return nobody;
    char *os_name = who_os_name(p->uid);
    rq->os_name = arena_strdup(rq->arena, os_name);
    rq->runs_service = p->uid == geteuid();
    free(os_name);
    return who_is(rq->conf, rq->os_name, rq->runs_service);
}

static void refuse_denied(struct request *rq)
{
    const char *message =
        rq->who.roles == 0
            ? arena_printf(rq->arena, tr("user '%s' is not permitted here; see users: in %s"),
                           rq->who.name, rq->conf->file)
            : arena_printf(rq->arena, tr("user '%s' has no role that permits this"), rq->who.name);

    log_line(LOG_WARNING, "api", "refused user=%s action=\"%s %s\"", rq->who.name, rq->method,
             rq->path);
    refuse(rq, ERR_DENIED, 0, message);
}

/* Finds the route and decides whether the caller may; strangers do not learn what there is. */
static bool admit(struct request *rq, const struct peer *p)
{
    const struct route *route =
        route_find(rq->method, rq->path, rq->arena, &rq->argument, &rq->allowed);

    if (route && route->roles == ROUTE_ANYONE) {
        rq->route = route;
        return true;
    }
    rq->who = who_calls(rq, p);
    if (rq->who.roles == 0 || (route && (route->roles & rq->who.roles) == 0)) {
        refuse_denied(rq);
        return false;
    }
    rq->route = route;
    if (route)
        return true;
    if (rq->allowed)
        refuse(rq, ERR_USAGE, 405, tr("this path knows another method only"));
    else
        refuse(rq, ERR_USAGE, 404, tr("no such path"));
    return false;
}

/* The length of a body that is too large already; a submission may be of any size. */
static bool announces_more_than(const struct request *rq, unsigned long long max)
{
    const char *length =
        MHD_lookup_connection_value(rq->connection, MHD_HEADER_KIND, "Content-Length");

    return length && strtoull(length, NULL, 10) > max;
}

/* Whether a refused request is answered without its body: it is too long to swallow, or the client
 * waits for our word. libmicrohttpd then closes the connection. */
static bool answer_at_once(const struct request *rq)
{
    return announces_more_than(rq, REFUSED_BODY_MAX) ||
           MHD_lookup_connection_value(rq->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_EXPECT);
}

static void begin(struct request *rq, const char *url, const char *method, const char *version)
{
    struct api *a = rq->api;
    struct peer *p = peer_of(rq->connection);

    pthread_mutex_lock(&a->lock);
    if (p)
        p->busy = true;
    pthread_mutex_unlock(&a->lock);
    rq->method = arena_strdup(rq->arena, method);
    rq->path = arena_strdup(rq->arena, url);
    if (!framing_clear(rq->connection, version)) {
        refuse(rq, ERR_USAGE, 0, tr("the headers are ambiguous"));
        send_answer(rq); /* and closes: what follows may not be a request */
        return;
    }
    if (admit(rq, p))
        MHD_get_connection_values(rq->connection, MHD_GET_ARGUMENT_KIND, take_query, rq);
    if (!rq->answered && rq->route->bundle) {
        rq->spool = spool_new(rq->connection, a->spool_dir, ++a->next_id);
        if (!rq->spool)
            refuse(rq, ERR_USAGE, 0, tr("a submission is multipart/form-data"));
    } else if (!rq->answered && announces_more_than(rq, BODY_MAX)) {
        refuse(rq, ERR_USAGE, 413, tr("the body is too large"));
    }
    if (rq->answered && answer_at_once(rq))
        send_answer(rq);
}

static enum MHD_Result take_body(struct request *rq, const char *data, size_t size)
{
    rq->body_length += size;
    if (rq->answered)
        return rq->body_length > REFUSED_BODY_MAX ? MHD_NO : MHD_YES;
    if (rq->spool) {
        spool_add(rq->spool, data, size);
    } else if (rq->body_length > BODY_MAX) {
        refuse(rq, ERR_USAGE, 413, tr("the body is too large"));
        strbuf_dispose(&rq->body);
    } else {
        strbuf_add(&rq->body, data, size);
    }
    return MHD_YES;
}

/* An answer of the server thread; `status` 0: as the code says. Not handed over yet: no lock. */
static void refuse(struct request *rq, int code, int status, const char *message)
{
    error_object(&rq->answer.body.text, code, message, NULL);
    strbuf_putc(&rq->answer.body.text, '\n');
    rq->answer.type = "application/json";
    rq->answer.status = status ? status : error_status(code);
    rq->answered = true;
}

static struct MHD_Response *response_of(struct answer *answer)
{
    struct output *body = &answer->body;

    if (body->fd >= 0) {
        int fd = body->fd;
        body->fd = -1; /* the response closes it */
        return MHD_create_response_from_fd64(body->written, fd);
    }
    size_t length = body->text.length;
    return MHD_create_response_from_buffer(length, strbuf_take(&body->text), MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result send_answer(struct request *rq)
{
    struct MHD_Response *response = response_of(&rq->answer);

    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, rq->answer.type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (rq->answer.status == 405)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, rq->allowed);
    if (rq->answer.status >= 400)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    enum MHD_Result rc = MHD_queue_response(rq->connection, (unsigned)rq->answer.status, response);
    MHD_destroy_response(response);
    return rc;
}

static struct peer *peer_of(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}
