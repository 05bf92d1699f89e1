/* A new connection a request, as in cli/client.c: libcurl repeats what it sent on a kept connection
 * that died. The multi handle is there to be woken up: a long poll must end at once when asked to.
 *
 *     loop:   link_ask ── uv_queue_work ──────────────────────► after_work ── done()
 *     thread:                └─ curl_multi_perform/poll ─┘
 */
#include "console/link.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/lang.h"

#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MAX = 64 * 1024 * 1024, CONNECT_TIMEOUT_S = 5, POLL_MS = 60000 };

struct link_call {
    uv_work_t work;
    struct link *link;
    struct link_call *next; /* link.calls */
    CURLM *multi;
    atomic_bool stop;
    bool dropped; /* nobody wants to hear of it */
    char *path, *body;
    long timeout_ms;
    link_fn *done;
    void *ctx;
    /* written by the thread, read after it */
    struct strbuf answer;
    CURLcode code;
    long status, os_error;
};

struct link {
    uv_loop_t *loop;
    char *socket_path;
    struct link_call *calls;
    bool closing;
};

static void run(uv_work_t *work);
static void after_run(uv_work_t *work, int status);

struct link *link_new(uv_loop_t *loop, const char *socket_path)
{
    struct link *l = xmalloc(sizeof(*l));

    curl_global_init(CURL_GLOBAL_DEFAULT);
    l->loop = loop;
    l->socket_path = xstrdup(socket_path);
    return l;
}

static void link_free(struct link *l)
{
    free(l->socket_path);
    free(l);
    curl_global_cleanup();
}

void link_close(struct link *l)
{
    l->closing = true;
    for (struct link_call *c = l->calls; c; c = c->next)
        link_give_up(c);
    if (!l->calls)
        link_free(l);
}

struct link_call *link_ask(struct link *l, const char *path, const char *body, long timeout_ms,
                           link_fn *done, void *ctx)
{
    struct link_call *c = xmalloc(sizeof(*c));

    c->work.data = c;
    c->link = l;
    c->path = xstrdup(path);
    c->body = body ? xstrdup(body) : NULL;
    c->timeout_ms = timeout_ms;
    c->done = done;
    c->ctx = ctx;
    c->multi = curl_multi_init();
    c->next = l->calls;
    l->calls = c;
    uv_queue_work(l->loop, &c->work, run, after_run);
    return c;
}

void link_give_up(struct link_call *call)
{
    call->dropped = true;
    atomic_store(&call->stop, true);
    curl_multi_wakeup(call->multi);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct link_call *c = arg;

    if (c->answer.length + size * count > ANSWER_MAX)
        return 0;
    strbuf_add(&c->answer, bytes, size * count);
    return size * count;
}

static void set_up(struct link_call *c, CURL *easy, struct curl_slist *headers)
{
    struct strbuf url = STRBUF_INIT;

    strbuf_printf(&url, "http://localhost%s", c->path);
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, c->link->socket_path);
    curl_easy_setopt(easy, CURLOPT_URL, url.text);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* whatever http_proxy says */
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, c->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
    if (c->body) {
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, c->body);
    }
    strbuf_dispose(&url);
}

static CURLcode transfer(struct link_call *c)
{
    CURLMsg *message;
    int running = 1, left;

    while (running && !atomic_load(&c->stop)) {
        if (curl_multi_perform(c->multi, &running) != CURLM_OK)
            return CURLE_FAILED_INIT;
        if (running)
            curl_multi_poll(c->multi, NULL, 0, POLL_MS, NULL);
    }
    message = curl_multi_info_read(c->multi, &left);
    return message && message->msg == CURLMSG_DONE ? message->data.result
                                                   : CURLE_ABORTED_BY_CALLBACK;
}

static void run(uv_work_t *work)
{
    struct link_call *c = work->data;
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    CURL *easy = curl_easy_init();

    headers = curl_slist_append(headers, "Expect:");
    set_up(c, easy, headers);
    curl_multi_add_handle(c->multi, easy);
    c->code = transfer(c);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &c->status);
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &c->os_error);
    curl_multi_remove_handle(c->multi, easy);
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
}

static char *transport_message(const struct link_call *c)
{
    struct strbuf out = STRBUF_INIT;

    if (c->code == CURLE_COULDNT_CONNECT && (c->os_error == EACCES || c->os_error == EPERM))
        strbuf_printf(&out,
                      tr("no permission to open the service's socket %s: ask for the right to "
                         "enter its folder"),
                      c->link->socket_path);
    else
        strbuf_printf(&out, tr("the service does not answer at %s; start it with 'paceline serve'"),
                      c->link->socket_path);
    return strbuf_take(&out);
}

/* The error object of docs/api.md. */
static char *refusal(const struct link_call *c, int *code)
{
    json_t *body = json_loadb(c->answer.text ? c->answer.text : "", c->answer.length, 0, NULL);
    const char *message = json_string_value(json_object_get(body, "message"));
    json_int_t exit_code = json_integer_value(json_object_get(body, "exit"));
    struct strbuf out = STRBUF_INIT;

    *code = exit_code > 0 && exit_code < 126 ? (int)exit_code : err_exit_code(ERR_INTERNAL);
    if (message)
        strbuf_puts(&out, message);
    else
        strbuf_printf(&out, tr("the service answered with status %ld"), c->status);
    json_decref(body);
    return strbuf_take(&out);
}

static void tell(const struct link_call *c)
{
    struct link_reply reply = {.reached = c->code == CURLE_OK,
                               .exit = err_exit_code(ERR_UNREACHABLE)};
    char *message = NULL;

    if (!reply.reached) {
        message = transport_message(c);
    } else if (c->status / 100 == 2) {
        reply.exit = 0;
        reply.bytes = c->answer.text ? c->answer.text : "";
        reply.length = c->answer.length;
    } else {
        message = refusal(c, &reply.exit);
    }
    reply.message = message;
    c->done(c->ctx, &reply);
    free(message);
}

static void after_run(uv_work_t *work, int status)
{
    struct link_call *c = work->data;
    struct link *l = c->link;
    (void)status;
    if (!c->dropped)
        tell(c); /* in which the link may be closed: this call still keeps it */
    struct link_call **at = &l->calls;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    curl_multi_cleanup(c->multi);
    strbuf_dispose(&c->answer);
    free(c->path);
    free(c->body);
    free(c);
    if (l->closing && !l->calls)
        link_free(l);
}
