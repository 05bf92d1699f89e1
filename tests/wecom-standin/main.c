/* libmicrohttpd with a thread a connection, so that a slow answer holds up nobody else; a table of
 * routes; the faults that every route can suffer. Ends on SIGTERM. */
#include "standin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SLOW_S = 2, CONNECTION_TIMEOUT_S = 120 };

static const struct {
    const char *path;
    handler_fn *handler;
} routes[] = {
    {"/cgi-bin/webhook/send", robot_send},
};

static const char *const fault_names[FAULT_COUNT] = {"lose-answer", "reset-before", "busy", "slow"};

struct upload { /* a request while it arrives */
    char *body;
    size_t length, capacity;
    bool too_large;
};

/* --- what handlers use --- */

unsigned random_below(struct standin *s, unsigned bound)
{
    uint64_t z = s->random += 0x9e3779b97f4a7c15u; /* splitmix64 */

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (unsigned)((z ^ z >> 31) % bound);
}

void record_line(struct standin *s, json_t *line)
{
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    size_t n = text ? strlen(text) : 0;

    json_decref(line);
    if (!text) {
        fprintf(stderr, "wecom-standin: a line for the record could not be made\n");
        exit(1);
    }
    if (s->verbose)
        fprintf(stderr, "%s\n", text);
    text[n] = '\n'; /* one write a line, in place of the NUL */
    if (s->record >= 0 && write(s->record, text, n + 1) != (ssize_t)(n + 1)) {
        perror("wecom-standin: record");
        exit(1);
    }
    free(text);
}

/* --- a request --- */

static enum fault draw_fault(struct standin *s)
{
    for (enum fault f = 0; f < FAULT_COUNT; f++) {
        if (s->fault_percent[f] > 0 && random_below(s, 100) < s->fault_percent[f])
            return f;
    }
    return FAULT_NONE;
}

static void wait_slowly(struct standin *s)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += SLOW_S;
    while (!s->stopping && pthread_cond_timedwait(&s->stopped, &s->lock, &until) == 0)
        continue;
}

/* True and the code to answer with; false: close the connection instead. */
static bool serve(struct standin *s, struct request *r, handler_fn *handler, int *code)
{
    pthread_mutex_lock(&s->lock);
    s->bodies += strcmp(r->method, "POST") == 0;
    r->fault = draw_fault(s);
    r->no_answer = r->fault == FAULT_LOSE_ANSWER || r->fault == FAULT_RESET_BEFORE ||
                   (s->close_after_body > 0 && s->bodies == s->close_after_body);
    *code = handler(s, r);
    if (r->fault == FAULT_SLOW)
        wait_slowly(s);
    pthread_mutex_unlock(&s->lock);
    return !r->no_answer;
}

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status, const char *body)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(body), (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result;

    if (body[0])
        MHD_add_response_header(response, "Content-Type", "application/json; charset=UTF-8");
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result reply_code(struct MHD_Connection *connection, int code)
{
    char body[160];

    snprintf(body, sizeof(body), "{\"errcode\":%d,\"errmsg\":\"%s\"}", code, errmsg_of(code));
    return reply(connection, MHD_HTTP_OK, body);
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

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *length, void **context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct upload *u = *context;
    struct timespec now;
    struct request r = {.method = method, .path = path};
    int code;

    (void)version;
    if (!u) {
        *context = calloc(1, sizeof(*u));
        return *context ? MHD_YES : MHD_NO;
    }
    if (*length > 0) {
        upload_add(u, bytes, *length);
        *length = 0;
        return MHD_YES;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    r.at_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    r.key = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "key");
    r.body = u->body ? u->body : "";
    r.length = u->length;
    r.too_large = u->too_large;
    r.connection = info ? *(uint64_t *)info->socket_context : 0;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (strcmp(path, routes[i].path) != 0)
            continue;
        if (!serve(cls, &r, routes[i].handler, &code))
            return MHD_NO; /* closes the connection */
        return reply_code(connection, code);
    }
    return reply(connection, MHD_HTTP_NOT_FOUND, "");
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode why)
{
    struct upload *u = *context;

    (void)cls, (void)connection, (void)why;
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

/* --- the program --- */

static _Noreturn void usage(const char *problem, const char *value)
{
    if (problem)
        fprintf(stderr, "wecom-standin: %s: %s\n", problem, value);
    fprintf(stderr,
            "usage: wecom-standin [--port N] [--record FILE] [--robot KEY[:NAME]]... [--limit N]\n"
            "       [--fault lose-answer|reset-before|busy|slow:PERCENT]... [--seed N]\n"
            "       [--close-after-body N] [--verbose]\n"
            "A local stand-in for the WeCom platform, on 127.0.0.1 only.\n");
    exit(64);
}

static uint64_t number(const char *text, uint64_t max, const char *what)
{
    char *end;
    unsigned long long n;

    errno = 0;
    n = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || n > max)
        usage(what, text);
    return n;
}

static void add_robot(struct standin *s, char *text)
{
    struct robot *robot = &s->robots[s->robot_count];
    char *colon = strchr(text, ':');

    if (s->robot_count == ROBOTS_MAX || !text[0] || colon == text)
        usage("--robot", text);
    if (colon)
        *colon = '\0';
    robot->key = text;
    robot->name = colon ? colon + 1 : NULL;
    s->robot_count++;
}

static void add_fault(struct standin *s, char *text)
{
    char *colon = strchr(text, ':');

    for (enum fault f = 0; colon && f < FAULT_COUNT; f++) {
        size_t n = (size_t)(colon - text);
        if (strlen(fault_names[f]) == n && !strncmp(fault_names[f], text, n)) {
            s->fault_percent[f] = (unsigned)number(colon + 1, 100, "--fault: a percentage");
            return;
        }
    }
    usage("--fault", text);
}

static uint16_t read_arguments(struct standin *s, int argc, char **argv)
{
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'},
        {"record", required_argument, NULL, 'r'},
        {"robot", required_argument, NULL, 'k'},
        {"limit", required_argument, NULL, 'l'},
        {"fault", required_argument, NULL, 'f'},
        {"seed", required_argument, NULL, 's'},
        {"verbose", no_argument, NULL, 'v'},
        {"close-after-body", required_argument, NULL, 'c'},
        {NULL, 0, NULL, 0},
    };
    uint16_t port = 0;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'p':
            port = (uint16_t)number(optarg, 65535, "--port");
            break;
        case 'r':
            s->record = open(optarg, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
            if (s->record < 0)
                usage(optarg, strerror(errno));
            break;
        case 'k':
            add_robot(s, optarg);
            break;
        case 'l':
            s->limit = (size_t)number(optarg, 1000000, "--limit");
            break;
        case 'f':
            add_fault(s, optarg);
            break;
        case 's':
            s->random = number(optarg, UINT64_MAX, "--seed");
            break;
        case 'v':
            s->verbose = true;
            break;
        case 'c':
            s->close_after_body = number(optarg, UINT64_MAX, "--close-after-body");
            break;
        default:
            usage(NULL, NULL);
        }
    }
    if (optind < argc)
        usage("unexpected", argv[optind]);
    return port;
}

int main(int argc, char **argv)
{
    static struct standin s = {.lock = PTHREAD_MUTEX_INITIALIZER,
                               .stopped = PTHREAD_COND_INITIALIZER,
                               .record = -1,
                               .limit = 20};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Daemon *daemon;
    sigset_t ends;
    int signal_number;

    address.sin_port = htons(read_arguments(&s, argc, argv));
    for (size_t i = 0; s.limit > 0 && i < s.robot_count; i++) {
        s.robots[i].accepted_ms = calloc(s.limit, sizeof(int64_t));
        if (!s.robots[i].accepted_ms)
            abort();
    }
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL); /* before there are threads to inherit it */
    signal(SIGPIPE, SIG_IGN);
    daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL, 0, NULL,
        NULL, on_request, &s, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, &s,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_TIMEOUT_S, MHD_OPTION_END);
    if (!daemon) {
        perror("wecom-standin: listen");
        return 1;
    }
    printf("listening on http://127.0.0.1:%u\n",
           (unsigned)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    sigwait(&ends, &signal_number);
    pthread_mutex_lock(&s.lock);
    s.stopping = true;
    pthread_cond_broadcast(&s.stopped);
    pthread_mutex_unlock(&s.lock);
    MHD_stop_daemon(daemon);
    for (size_t i = 0; i < s.robot_count; i++)
        free(s.robots[i].accepted_ms);
    return 0;
}
