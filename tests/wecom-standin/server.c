/* libmicrohttpd with a thread a connection, so that a slow answer holds up nobody else; a table of
 * calls; what every call of the interface goes through before its own checks, in the platform's
 * order: blocks and quotas, then the token, then the body. */
#include "server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { SLOW_S = 2, CONNECTION_TIMEOUT_S = 120, MINUTE_MS = 60 * 1000 };

enum { POSTED = 1, NEEDS_TOKEN = 2, TAKES_JSON = 4 };

#define EC "/cgi-bin/externalcontact/"
static const struct route {
    const char *path;
    handler_fn *handler;
    unsigned flags;
    const char *list; /* an empty list that an error's body holds too */
} routes[] = {
    {"/cgi-bin/gettoken", token_get, 0, NULL},
    {EC "get_follow_user_list", customers_members, NEEDS_TOKEN, "follow_user"},
    {EC "list", customers_list, NEEDS_TOKEN, "external_userid"},
    {EC "get", customers_get, NEEDS_TOKEN, NULL},
    {EC "batch/get_by_user", customers_batch, POSTED | NEEDS_TOKEN | TAKES_JSON,
     "external_contact_list"},
    {EC "get_corp_tag_list", tags_list, POSTED | NEEDS_TOKEN | TAKES_JSON, "tag_group"},
    {EC "groupchat/list", groups_list, POSTED | NEEDS_TOKEN | TAKES_JSON, "group_chat_list"},
    {EC "groupchat/get", groups_get, POSTED | NEEDS_TOKEN | TAKES_JSON, NULL},
    {EC "add_msg_template", tasks_add, POSTED | NEEDS_TOKEN | TAKES_JSON, "fail_list"},
    {EC "remind_groupmsg_send", tasks_remind, POSTED | NEEDS_TOKEN | TAKES_JSON, NULL},
    {EC "cancel_groupmsg_send", tasks_cancel, POSTED | NEEDS_TOKEN | TAKES_JSON, NULL},
    {EC "get_groupmsg_list_v2", results_list, POSTED | NEEDS_TOKEN | TAKES_JSON, "group_msg_list"},
    {EC "get_groupmsg_task", results_members, POSTED | NEEDS_TOKEN | TAKES_JSON, "task_list"},
    {EC "get_groupmsg_send_result", results_recipients, POSTED | NEEDS_TOKEN | TAKES_JSON,
     "send_list"},
    {"/cgi-bin/media/upload", media_upload, POSTED | NEEDS_TOKEN, NULL},
    {"/cgi-bin/media/uploadimg", media_upload_image, POSTED | NEEDS_TOKEN, NULL},
    {"/cgi-bin/message/send", message_send, POSTED | NEEDS_TOKEN | TAKES_JSON, NULL},
    {"/cgi-bin/message/recall", message_recall, POSTED | NEEDS_TOKEN | TAKES_JSON, NULL},
};
enum { ROUTE_COUNT = sizeof(routes) / sizeof(routes[0]) };
_Static_assert((int)ROUTE_COUNT <= (int)CALLS_MAX, "a meter for each call");

struct upload { /* a request while it arrives */
    char *body;
    size_t length, capacity;
    bool too_large;
    struct meter *meter; /* which counts it as in flight */
};

struct answer {
    unsigned status;
    char *body;    /* malloc'd */
    size_t length; /* of the body */
    size_t sent;   /* how much of it goes out before the connection is closed */
};

/* --- what handlers use --- */

const char *request_query(const struct request *r, const char *name)
{
    return MHD_lookup_connection_value(r->peer, MHD_GET_ARGUMENT_KIND, name);
}

const char *request_text(const struct request *r, const char *name)
{
    return json_string_value(json_object_get(r->json, name));
}

int64_t request_number(const struct request *r, const char *name, int64_t otherwise)
{
    const json_t *value = json_object_get(r->json, name);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

void request_reply(struct request *r, const char *name, json_t *value)
{
    json_object_set_new(r->reply, name, value);
}

void request_note(struct request *r, const char *name, json_t *value)
{
    json_object_set_new(r->note, name, value);
}

static unsigned check_of(const char *call, size_t place)
{
    unsigned sum = (unsigned)place * 31 + 7;

    for (; *call; call++)
        sum = sum * 33 + (unsigned char)*call;
    return sum & 0xffffff;
}

int request_cursor(const struct request *r, size_t *first)
{
    const char *cursor = request_text(r, "cursor");
    unsigned check;

    *first = 0;
    if (!cursor)
        cursor = request_query(r, "cursor");
    if (!cursor || !cursor[0])
        return OK;
    return sscanf(cursor, "CUR%zu-%x", first, &check) == 2 && check == check_of(r->call, *first)
               ? OK
               : BAD_CURSOR;
}

void request_next(struct request *r, size_t place)
{
    char next[64] = "";

    if (place != NONE)
        snprintf(next, sizeof(next), "CUR%zu-%x", place, check_of(r->call, place));
    request_reply(r, "next_cursor", json_string(next));
}

int request_page(struct request *r, size_t count, size_t limit, size_t *first, size_t *end)
{
    int code = request_cursor(r, first);

    *first = *first < count ? *first : count;
    *end = count - *first > limit ? *first + limit : count;
    if (code == OK)
        request_next(r, *end < count ? *end : NONE);
    return code;
}

/* --- dealing with a request --- */

static void wait_slowly(struct standin *s)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += SLOW_S;
    while (!s->stopping && pthread_cond_timedwait(&s->stopped, &s->lock, &until) == 0)
        continue;
}

/* The quotas of one call, and the fault that is one. */
static int judge_quota(const struct standin *s, struct meter *m, const struct request *r)
{
    if (r->now_ms < m->blocked_until_ms)
        return TOO_OFTEN; /* asking again does not make it longer */
    if (r->now_ms >= m->minute_ms + MINUTE_MS) {
        m->minute_ms = r->now_ms;
        m->in_minute = 0;
    }
    if (r->fault == FAULT_QUOTA || (s->rate > 0 && ++m->in_minute > s->rate)) {
        m->blocked_until_ms = r->now_ms + s->block_ms;
        return TOO_OFTEN;
    }
    if (r->fault == FAULT_CONCURRENT || (s->at_once > 0 && m->in_flight > s->at_once))
        return TOO_MANY_AT_ONCE;
    return OK;
}

static int judge_call(struct standin *s, const struct route *route, struct request *r)
{
    struct meter *m = &s->meters[route - routes];
    int code;

    request_note(r, "in_block", json_boolean(r->now_ms < m->blocked_until_ms));
    if (r->fault == FAULT_LOSE_TOKEN)
        tokens_lose(&s->tokens);
    code = judge_quota(s, m, r);
    if (code == OK && route->flags & NEEDS_TOKEN)
        code = tokens_check(&s->tokens, request_query(r, "access_token"), r->now_ms);
    if (code != OK)
        return code;
    if (route->flags & POSTED && strcmp(r->method, "POST") != 0)
        return EMPTY; /* GET used for POST */
    if (r->too_large)
        return BODY_TOO_LARGE;
    return route->flags & TAKES_JSON && !r->json ? MALFORMED : OK;
}

/* The errcode; the reply of a call that fails is no more than its empty list. */
static int call(struct standin *s, const struct route *route, struct request *r)
{
    int code = judge_call(s, route, r);

    if (code == OK && (r->acts || r->fault == FAULT_LOSE_TOKEN)) { /* gettoken has none to lose */
        r->acts = true;
        code = route->handler(s, r);
    }
    r->acts = r->acts && code == OK;
    if (code != OK && code != NOBODY && code != NOBODY_VALID) {
        json_object_clear(r->reply);
        if (route->list)
            request_reply(r, route->list, json_array());
    }
    if (code == OK && fault_code(r->fault) != OK) {
        json_object_clear(r->reply);
        code = fault_code(r->fault);
    }
    return code;
}

static void set_answer(struct answer *a, const struct request *r, int code)
{
    json_t *all = json_object();

    a->status = r->fault == FAULT_BAD_GATEWAY ? MHD_HTTP_BAD_GATEWAY : MHD_HTTP_OK;
    if (r->fault == FAULT_STRING_CODE) {
        char text[16];

        snprintf(text, sizeof(text), "%d", code);
        json_object_set_new(all, "errcode", json_string(text));
    } else {
        json_object_set_new(all, "errcode", json_integer(code));
    }
    json_object_set_new(all, "errmsg", json_string(errmsg_of(code)));
    json_object_update(all, r->reply);
    if (r->fault == FAULT_EXTRA_KEYS) {
        json_object_set_new(all, "a_key_of_tomorrow", json_pack("{s:[i]}", "list", 1));
        json_object_set_new(all, "request_id", json_string("7f3a"));
    }
    if (r->fault == FAULT_EMPTY)
        a->body = strdup("");
    else if (r->fault == FAULT_HTML || r->fault == FAULT_BAD_GATEWAY)
        a->body = strdup("<html><body>nginx</body></html>");
    else
        a->body = json_dumps(all, JSON_COMPACT);
    json_decref(all);
    if (!a->body)
        abort();
    a->length = strlen(a->body);
    if (r->fault == FAULT_TRUNCATED)
        a->length /= 2;
    a->sent = r->fault == FAULT_CUT ? a->length / 2 : a->length;
}

/* False: close the connection instead of answering. */
static bool serve(struct standin *s, struct request *r, const struct route *route, struct answer *a)
{
    int code;

    pthread_mutex_lock(&s->lock);
    r->now_ms = r->at_ms + s->clock_offset_ms;
    taps_run(s, r->now_ms);
    s->bodies += strcmp(r->method, "POST") == 0;
    r->fault = faults_draw(&s->faults, r->path, &s->random, &r->acts);
    r->no_answer = r->fault == FAULT_LOSE_ANSWER || r->fault == FAULT_RESET_BEFORE ||
                   (s->close_after_body > 0 && s->bodies == s->close_after_body);
    if (route) {
        code = call(s, route, r);
        record_call(s, r, code);
    } else {
        code = robot_send(s, r);
    }
    if (!r->no_answer)
        set_answer(a, r, code);
    if (r->fault == FAULT_SLOW)
        wait_slowly(s);
    pthread_mutex_unlock(&s->lock);
    return !r->no_answer;
}

static void serve_control(struct standin *s, struct request *r, struct answer *a)
{
    pthread_mutex_lock(&s->lock);
    r->now_ms = r->at_ms + s->clock_offset_ms;
    taps_run(s, r->now_ms);
    r->fault = FAULT_NONE;
    set_answer(a, r, control_handle(s, r));
    pthread_mutex_unlock(&s->lock);
}

/* --- HTTP --- */

static ssize_t read_answer(void *cls, uint64_t position, char *out, size_t max)
{
    struct answer *a = cls;
    size_t left = position < a->sent ? a->sent - (size_t)position : 0;

    if (left == 0)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    max = max < left ? max : left;
    memcpy(out, a->body + position, max);
    return (ssize_t)max;
}

static void free_answer(void *cls)
{
    struct answer *a = cls;

    free(a->body);
    free(a);
}

/* Takes the answer. */
static enum MHD_Result reply(struct MHD_Connection *connection, struct answer *a)
{
    unsigned status = a->status;
    bool cut = a->sent < a->length;
    struct MHD_Response *response;
    enum MHD_Result result;

    if (cut) {
        response = MHD_create_response_from_callback(a->length, 4096, read_answer, a, free_answer);
    } else {
        response = MHD_create_response_from_buffer(a->length, a->body, MHD_RESPMEM_MUST_COPY);
        free_answer(a);
    }
    MHD_add_response_header(response, "Content-Type", "application/json; charset=UTF-8");
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* The connection ends with a reset, not with a polite end: Linux sends one when a connected socket
 * is made unconnected. */
static void reset_now(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};

    if (info)
        (void)connect(info->connect_fd, &nobody, sizeof(nobody));
}

static void upload_add(struct upload *u, const char *bytes, size_t n)
{
    if (n > BODY_MAX - u->length) {
        u->too_large = true;
        return;
    }
    if (u->length + n > u->capacity) {
        u->capacity = (u->length + n) * 2;
        u->body = realloc(u->body, u->capacity);
        if (!u->body)
            abort();
    }
    memcpy(u->body + u->length, bytes, n);
    u->length += n;
}

static const struct route *route_of(const char *path)
{
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        if (!strcmp(path, routes[i].path))
            return &routes[i];
    }
    return NULL;
}

static struct upload *upload_begin(struct standin *s, const char *path)
{
    const struct route *route = route_of(path);
    struct upload *u = calloc(1, sizeof(*u));

    if (u && route) {
        pthread_mutex_lock(&s->lock);
        u->meter = &s->meters[route - routes];
        u->meter->in_flight++;
        pthread_mutex_unlock(&s->lock);
    }
    return u;
}

static enum MHD_Result handle(struct standin *s, struct request *r)
{
    struct answer *a = calloc(1, sizeof(*a));
    const struct route *route = route_of(r->path);
    bool answered = true;

    if (!a)
        abort();
    r->json = json_loadb(r->body, r->length, JSON_REJECT_DUPLICATES, NULL);
    r->reply = json_object();
    r->note = json_object();
    if (!strncmp(r->path, "/_standin/", 10))
        serve_control(s, r, a);
    else if (route || !strcmp(r->path, "/cgi-bin/webhook/send"))
        answered = serve(s, r, route, a);
    else
        *a = (struct answer){.status = MHD_HTTP_NOT_FOUND, .body = calloc(1, 1)};
    json_decref(r->json);
    json_decref(r->reply);
    json_decref(r->note);
    if (answered)
        return reply(r->peer, a);
    free_answer(a);
    if (r->fault == FAULT_RESET_BEFORE)
        reset_now(r->peer);
    return MHD_NO; /* closes the connection */
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *length, void **context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct upload *u = *context;
    struct timespec now;
    struct request r = {.peer = connection, .method = method, .path = path, .call = path};

    (void)version;
    if (!u) {
        *context = upload_begin(cls, path);
        return *context ? MHD_YES : MHD_NO;
    }
    if (*length > 0) {
        upload_add(u, bytes, *length);
        *length = 0;
        return MHD_YES;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    r.at_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    if (!strncmp(path, "/cgi-bin/", 9))
        r.call += 9;
    r.key = request_query(&r, "key");
    r.body = u->body ? u->body : "";
    r.length = u->length;
    r.too_large = u->too_large;
    r.connection = info ? *(uint64_t *)info->socket_context : 0;
    return handle(cls, &r);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode why)
{
    struct standin *s = cls;
    struct upload *u = *context;

    (void)connection, (void)why;
    if (u && u->meter) {
        pthread_mutex_lock(&s->lock);
        u->meter->in_flight--;
        pthread_mutex_unlock(&s->lock);
    }
    if (u)
        free(u->body);
    free(u);
    *context = NULL;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct standin *s = cls;
    uint64_t *number = *context;

    (void)connection;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        free(number);
        return;
    }
    number = malloc(sizeof(*number));
    if (!number)
        abort();
    pthread_mutex_lock(&s->lock);
    *number = ++s->connections;
    pthread_mutex_unlock(&s->lock);
    *context = number;
}

struct MHD_Daemon *server_start(struct standin *s, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    return MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL, 0, NULL,
        NULL, on_request, s, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_TIMEOUT_S, MHD_OPTION_END);
}

uint16_t server_port(struct MHD_Daemon *daemon)
{
    return MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

void server_stop(struct standin *s, struct MHD_Daemon *daemon)
{
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_broadcast(&s->stopped);
    pthread_mutex_unlock(&s->lock);
    MHD_stop_daemon(daemon);
}
