/* One uv_poll a socket and one uv_timer for all of libcurl's time-outs:
 *
 *     http_start -> curl_multi_add_handle -> (timer) -> connect, TLS -> PREREQ -> bytes -> done
 *                                                                       |
 *                       before: NOT_SENT is proven       after: UNKNOWN, unless a whole answer came
 *
 * Left to itself, libcurl sends a request again when a kept-alive connection dies before the first
 * byte of the answer, and reports one success. Two things together forbid it here: PREREQFUNCTION
 * says no to a second go of the same call, and the body comes from a read function that cannot be
 * rewound (no seek function), so that a repeat ends as an error before its first body byte.
 *
 * libcurl on libuv: a uv_poll is never used for a second socket, and is closed inside the REMOVE
 * callback, since libcurl closes the descriptor right after; a timer of 0 becomes 1 ms, so that
 * libcurl is never entered from its own callback; finished calls are collected first and reported
 * afterwards, since what is reported to may start and abort others. */
#include "loop/http.h"

#include "base/arena.h"
#include "base/strbuf.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    ANSWER_MAX = 1024 * 1024,
    HEADERS_MAX = 64 * 1024,
    TIMEOUT_MS = 30000,
    CONNECT_TIMEOUT_MS = 5000,
    HOST_CONNECTIONS = 4,
    IDLE_CONNECTIONS = 16,
    IDLE_MAX_S =
        20, /* the longer, the likelier that the server closes it just as we send: unknown */
    RETRY_AFTER_MAX_S = 24 * 3600
};

struct http_client {
    CURLM *multi;
    uv_loop_t *loop;
    uv_timer_t timer;          /* libcurl's */
    uv_timer_t later;          /* reports calls that could not be made */
    struct http_call *running; /* http_call.next */
    struct http_call *finished;
    size_t open_handles; /* of libuv */
    bool in_guard;
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

struct http_call {
    struct http_client *client;
    struct http_call *next;
    CURL *easy;
    struct curl_slist *headers;
    http_guard_fn *guard;
    channel_http_fn *done;
    void *ctx;
    uint64_t send_id;
    char *body; /* what goes out */
    size_t body_length, body_read;
    struct strbuf answer;
    size_t header_bytes;
    bool headers_whole; /* of the last answer; libcurl takes an end inside them for the end of them
                         */
    bool may_have_gone; /* PREREQ said yes */
    bool held;
    const char *problem; /* why it could not be made */
    struct channel_http_answer result;
};

struct watch { /* one socket of libcurl */
    uv_poll_t poll;
    curl_socket_t socket;
    struct http_client *client;
};

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *client, void *watch);
static int on_timer_wanted(CURLM *multi, long timeout_ms, void *client);
static void on_later(uv_timer_t *timer);
static void on_handle_closed(uv_handle_t *handle);
static void call_free(struct http_call *call);
static void list_drop(struct http_call **list, struct http_call *call);
static const char *call_prepare(struct http_call *call, const char *base_url,
                                const struct channel_http_request *request);
static void finish(struct http_call *call, CURLcode code);

struct http_client *http_new(uv_loop_t *loop)
{
    struct http_client *c = xmalloc(sizeof(*c));
    int rc;

    curl_global_init(CURL_GLOBAL_DEFAULT); /* counted: paired in on_handle_closed */
    c->loop = loop;
    c->multi = curl_multi_init();
    rc = uv_timer_init(loop, &c->timer);
    assert(c->multi && !rc);
    rc = uv_timer_init(loop, &c->later);
    assert(!rc);
    c->timer.data = c;
    c->later.data = c;
    c->open_handles = 2;
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(c->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)HOST_CONNECTIONS);
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS);
    return c;
}

void http_free(struct http_client *c, void (*closed)(void *ctx), void *ctx)
{
    if (!c) {
        if (closed)
            closed(ctx);
        return;
    }
    assert(!c->closing && !c->in_guard);
    c->closing = true;
    c->closed = closed;
    c->closed_ctx = ctx;
    /* NOLINTBEGIN(clang-analyzer-unix.Malloc): http_abort takes the head off its list */
    while (c->running)
        http_abort(c->running);
    while (c->finished)
        http_abort(c->finished);
    /* NOLINTEND(clang-analyzer-unix.Malloc) */
    curl_multi_cleanup(c->multi);
    uv_close((uv_handle_t *)&c->timer, on_handle_closed);
    uv_close((uv_handle_t *)&c->later, on_handle_closed);
}

struct http_call *http_start(struct http_client *c, const char *base_url,
                             const struct channel_http_request *request, http_guard_fn *guard,
                             channel_http_fn *done, void *ctx)
{
    struct http_call *call = xmalloc(sizeof(*call));

    assert(!c->closing && !c->in_guard);
    call->client = c;
    call->guard = guard;
    call->done = done;
    call->ctx = ctx;
    call->send_id = request->send_id;
    call->problem = call_prepare(call, base_url, request);
    if (!call->problem && curl_multi_add_handle(c->multi, call->easy) != CURLM_OK)
        call->problem = "the request could not be started";
    if (call->problem) {
        finish(call, CURLE_OK);
        uv_timer_start(&c->later, on_later, 0, 0);
    } else {
        call->next = c->running;
        c->running = call;
    }
    return call;
}

void http_abort(struct http_call *call)
{
    struct http_client *c = call->client;

    assert(!c->in_guard);
    list_drop(&c->running, call);
    list_drop(&c->finished, call);
    if (call->easy)
        curl_multi_remove_handle(c->multi, call->easy);
    call_free(call);
}

/* --- results --- */

static int64_t retry_after_ms(CURL *easy)
{
    struct curl_header *header;
    curl_off_t seconds = 0;

    if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return -1;
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds); /* a number or a date */
    if (seconds < 0)
        seconds = 0;
    return 1000 * (int64_t)(seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S);
}

static void judge(struct http_call *call, CURLcode code)
{
    struct channel_http_answer *a = &call->result;
    long status = 0;

    a->retry_after_ms = -1;
    a->body = "";
    if (call->problem) {
        a->result = CHANNEL_HTTP_NOT_SENT;
        a->error = call->problem;
        return;
    }
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK && status >= 200 && call->headers_whole) {
        a->result = CHANNEL_HTTP_ANSWERED;
        a->status = (int)status;
        a->retry_after_ms = retry_after_ms(call->easy);
        a->body = call->answer.text ? call->answer.text : "";
        a->length = call->answer.length;
        return;
    }
    a->result = call->may_have_gone ? CHANNEL_HTTP_UNKNOWN : CHANNEL_HTTP_NOT_SENT;
    a->held = call->held;
    if (call->held)
        a->error = "held back just before it went out";
    else if (code == CURLE_OK)
        a->error = "no whole answer came";
    else
        a->error = curl_easy_strerror(code); /* unlike the error buffer, never names the URL */
}

static void finish(struct http_call *call, CURLcode code)
{
    struct http_call **end = &call->client->finished;

    judge(call, code);
    while (*end)
        end = &(*end)->next;
    call->next = NULL;
    *end = call;
}

static void report(struct http_client *c)
{
    while (c->finished) { /* `done` may start and abort calls, and free the client */
        struct http_call *call = c->finished;
        c->finished = call->next;
        call->done(call->ctx, &call->result);
        call_free(call);
    }
}

static void drain(struct http_client *c)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(c->multi, &left))) {
        struct http_call *call = NULL;
        CURLcode code = message->data.result;
        CURL *easy = message->easy_handle;

        assert(message->msg == CURLMSG_DONE);
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&call);
        list_drop(&c->running, call);
        finish(call, code);
        curl_multi_remove_handle(c->multi, easy);
    }
    report(c);
}

static void on_later(uv_timer_t *timer)
{
    report(timer->data);
}

static void list_drop(struct http_call **list, struct http_call *call)
{
    for (; *list; list = &(*list)->next) {
        if (*list == call) {
            *list = call->next;
            return;
        }
    }
}

static void call_free(struct http_call *call)
{
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    strbuf_dispose(&call->answer);
    free(call->body);
    free(call);
}

/* --- the request --- */

static int on_prereq(void *ctx, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    struct http_call *call = ctx;

    (void)remote_ip, (void)local_ip, (void)remote_port, (void)local_port;
    if (call->may_have_gone) /* libcurl's own second send */
        return CURL_PREREQFUNC_ABORT;
    if (call->guard && call->send_id != 0) {
        call->client->in_guard = true;
        call->held = !call->guard(call->ctx, call->send_id);
        call->client->in_guard = false;
        if (call->held)
            return CURL_PREREQFUNC_ABORT;
    }
    call->may_have_gone = true;
    return CURL_PREREQFUNC_OK;
}

static size_t on_read(char *out, size_t size, size_t count, void *ctx)
{
    struct http_call *call = ctx;
    size_t n = call->body_length - call->body_read;

    if (n > size * count)
        n = size * count;
    if (n > 0)
        memcpy(out, call->body + call->body_read, n);
    call->body_read += n;
    return n;
}

static size_t on_write(char *bytes, size_t size, size_t count, void *ctx)
{
    struct http_call *call = ctx;
    size_t n = size * count;

    if (n > ANSWER_MAX - call->answer.length)
        return 0; /* ends the call as an error */
    strbuf_add(&call->answer, bytes, n);
    return n;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *ctx)
{
    struct http_call *call = ctx;
    size_t n = size * count;

    if (n >= 5 && !memcmp(bytes, "HTTP/", 5))
        call->headers_whole = false; /* another answer after an interim one */
    else if (n > 0 && (bytes[0] == '\r' || bytes[0] == '\n'))
        call->headers_whole = true;
    call->header_bytes += n;
    return call->header_bytes > HEADERS_MAX ? 0 : n;
}

static bool printable(const char *s, char first, char last)
{
    for (; *s; s++) {
        if (*s < first || *s > last)
            return false;
    }
    return true;
}

/* Whether `base_url` is a host we may talk to; `protocol` gets its scheme. */
static bool base_url_fits(const char *base_url, const char **protocol)
{
    CURLU *url = curl_url();
    char *scheme = NULL, *host = NULL, *other = NULL;
    bool fits = false;

    if (curl_url_set(url, CURLUPART_URL, base_url, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_USER, &other, 0) == CURLUE_NO_USER &&
        curl_url_get(url, CURLUPART_QUERY, &other, 0) == CURLUE_NO_QUERY &&
        curl_url_get(url, CURLUPART_FRAGMENT, &other, 0) == CURLUE_NO_FRAGMENT) {
        bool loopback =
            !strcmp(host, "127.0.0.1") || !strcmp(host, "[::1]") || !strcasecmp(host, "localhost");
        *protocol = !strcmp(scheme, "https") ? "https" : "http";
        fits = !strcmp(scheme, "https") || (!strcmp(scheme, "http") && loopback);
    }
    curl_free(other);
    curl_free(host);
    curl_free(scheme);
    curl_url_cleanup(url);
    return fits;
}

static const char *headers_prepare(struct http_call *call, const struct channel_http_header *header)
{
    struct strbuf line = STRBUF_INIT;
    const char *problem = NULL;

    for (; header && header->name && !problem; header++) {
        if (!printable(header->name, '!', '~') || strpbrk(header->name, ":;") ||
            !header->value[0] || !printable(header->value, ' ', '~')) {
            problem = "a header of the request is malformed";
            break;
        }
        strbuf_reset(&line);
        strbuf_printf(&line, "%s: %s", header->name, header->value);
        call->headers = curl_slist_append(call->headers, line.text);
    }
    strbuf_dispose(&line);
    call->headers = curl_slist_append(call->headers, "Expect:"); /* no extra turn before the body */
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
    return problem;
}

static void options_set(CURL *easy, struct http_call *call, const char *protocol, const char *proxy,
                        int64_t timeout)
{
    long connect = timeout < CONNECT_TIMEOUT_MS ? (long)timeout : CONNECT_TIMEOUT_MS;

    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocol);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, proxy ? proxy : "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, proxy ? "" : "*");
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS,
                     1L); /* a proxy's are not the answer's */
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_MAX_S);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "paceline");
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_prereq);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, call);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, call);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
}

static void body_set(struct http_call *call, const struct channel_http_request *request)
{
    if (!strcmp(request->method, "GET")) {
        curl_easy_setopt(call->easy, CURLOPT_HTTPGET, 1L);
        return;
    }
    call->body = xmalloc(request->body_length + 1);
    if (request->body_length > 0)
        memcpy(call->body, request->body, request->body_length);
    call->body_length = request->body_length;
    curl_easy_setopt(call->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
}

/* NULL, or why the request can not be made. */
static const char *call_prepare(struct http_call *call, const char *base_url,
                                const struct channel_http_request *request)
{
    const char *protocol = NULL;
    struct strbuf url = STRBUF_INIT;
    CURLcode code;

    if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "POST") != 0)
        return "the method of the request is neither GET nor POST";
    if (request->path[0] != '/' || !printable(request->path, '!', '~'))
        return "the path of the request does not start with '/' or has unprintable characters";
    if (!base_url || !base_url_fits(base_url, &protocol))
        return "the channel's base URL is neither https nor http on loopback";
    call->easy = curl_easy_init();
    if (!call->easy)
        return "the request could not be started";
    options_set(call->easy, call, protocol, request->proxy,
                request->timeout_ms > 0 ? request->timeout_ms : TIMEOUT_MS);
    body_set(call, request);
    strbuf_puts(&url, base_url);
    while (url.text[url.length - 1] == '/')
        url.text[--url.length] = '\0';
    strbuf_puts(&url, request->path);
    code = curl_easy_setopt(call->easy, CURLOPT_URL, url.text);
    strbuf_dispose(&url);
    if (code != CURLE_OK)
        return "the request could not be started";
    return headers_prepare(call, request->headers);
}

/* --- libcurl on libuv --- */

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *w = poll->data;
    struct http_client *c = w->client; /* `w` may be gone after the call */
    int running, flags = 0;

    if (status < 0)
        flags = CURL_CSELECT_ERR;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    curl_multi_socket_action(c->multi, w->socket, flags, &running);
    drain(c);
}

static void on_timeout(uv_timer_t *timer)
{
    struct http_client *c = timer->data;
    int running;

    curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    drain(c);
}

static int on_timer_wanted(CURLM *multi, long timeout_ms, void *client)
{
    struct http_client *c = client;

    (void)multi;
    if (c->closing)
        return 0;
    if (timeout_ms < 0) {
        uv_timer_stop(&c->timer);
    } else {
        uv_update_time(c->loop); /* the turn may have been long */
        uv_timer_start(&c->timer, on_timeout, timeout_ms == 0 ? 1 : (uint64_t)timeout_ms, 0);
    }
    return 0;
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct watch *w = handle->data;
    struct http_client *c = w->client;

    free(w);
    on_handle_closed((uv_handle_t *)&c->timer);
}

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *client, void *watch)
{
    struct http_client *c = client;
    struct watch *w = watch;
    int events = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w) {
            uv_poll_stop(&w->poll);
            uv_close((uv_handle_t *)&w->poll, on_watch_closed);
            curl_multi_assign(c->multi, socket, NULL);
        }
        return 0;
    }
    if (!w) {
        w = xmalloc(sizeof(*w));
        w->socket = socket;
        w->client = c;
        if (uv_poll_init_socket(c->loop, &w->poll, socket) != 0) {
            free(w);
            return -1;
        }
        w->poll.data = w;
        c->open_handles++;
        curl_multi_assign(c->multi, socket, w);
    }
    if (what != CURL_POLL_OUT)
        events |= UV_READABLE;
    if (what != CURL_POLL_IN)
        events |= UV_WRITABLE;
    return uv_poll_start(&w->poll, events, on_poll) == 0 ? 0 : -1;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct http_client *c = handle->data;

    if (--c->open_handles > 0)
        return;
    curl_global_cleanup();
    if (c->closed)
        c->closed(c->closed_ctx);
    free(c);
}
