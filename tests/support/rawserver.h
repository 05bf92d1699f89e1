/* A server of bare sockets for tests of the HTTP client: one thread, one connection after the
 * other, on loopback and a free port. What it does after the n-th request is the n-th of its steps
 * (the last one goes on). It keeps a copy of the start of each body, in order of arrival. */
#ifndef PACELINE_TESTS_RAWSERVER_H
#define PACELINE_TESTS_RAWSERVER_H

#include "check.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RAW_SEEN_MAX = 512, RAW_BODY_KEPT = 64 };

enum raw_step {
    RAW_ANSWER,       /* 200 {"errcode":0}, connection kept */
    RAW_ANSWER_CLOSE, /* the same, connection closed */
    RAW_TEXT,         /* server->text as it is, then closed */
    RAW_TEXT_STALL,   /* server->text, then nothing until the client goes */
    RAW_TRICKLE,      /* a byte of a header every 20 ms until the client goes */
    RAW_BIG,          /* a body of server->big bytes */
    RAW_BIG_HEADERS,  /* 100 KiB of headers, then as RAW_ANSWER */
    RAW_CLOSE,        /* read, then closed without an answer */
    RAW_RESET,        /* read, then reset */
    RAW_CLOSE_UNREAD  /* closed before the request is read */
};

struct raw_request {
    char head[2048];
    char body[RAW_BODY_KEPT];
    size_t body_length;
    uint64_t body_sum; /* of all its bytes */
};

struct raw_server {
    int listener, port;
    pthread_t thread;
    const enum raw_step *steps;
    size_t step_count;
    const char *text;
    size_t big;
    int (*upgrade)(int fd); /* of a new connection: 0 when it may be read (TLS tests) */
    /* read these after raw_server_stop */
    struct raw_request *seen;
    size_t seen_count, connections, turns;
};

static inline bool raw_write(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes += n;
        length -= (size_t)n;
    }
    return true;
}

/* One request, or false when the client went. */
static inline bool raw_read(struct raw_server *s, int fd, struct raw_request *r)
{
    size_t length = 0, body = 0;
    const char *field;
    char chunk[4096];

    memset(r, 0, sizeof(*r));
    while (!strstr(r->head, "\r\n\r\n")) {
        if (length + 1 >= sizeof(r->head) || recv(fd, r->head + length, 1, 0) != 1)
            return false;
        length++;
    }
    field = strstr(r->head, "Content-Length: ");
    if (field)
        r->body_length = strtoul(field + 16, NULL, 10);
    while (body < r->body_length) {
        size_t want = r->body_length - body;
        ssize_t n = recv(fd, chunk, want < sizeof(chunk) ? want : sizeof(chunk), 0);
        if (n <= 0)
            return false;
        for (ssize_t i = 0; i < n; i++, body++) {
            if (body + 1 < RAW_BODY_KEPT)
                r->body[body] = chunk[i];
            r->body_sum = r->body_sum * 31 + (unsigned char)chunk[i];
        }
    }
    (void)s;
    return true;
}

static inline void raw_wait_gone(int fd)
{
    char byte;

    while (recv(fd, &byte, 1, 0) > 0)
        continue;
}

static inline void raw_trickle(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};

    raw_write(fd, "HTTP/1.1 200 OK\r\nX-Slow: ", 25);
    while (poll(&p, 1, 20) == 0 && raw_write(fd, "x", 1))
        continue;
}

static inline void raw_big(struct raw_server *s, int fd)
{
    char *body = malloc(s->big + 1), head[96];

    memset(body, 'b', s->big);
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", s->big);
    if (raw_write(fd, head, strlen(head)))
        raw_write(fd, body, s->big);
    free(body);
}

/* Whether the connection stays open. */
static inline bool raw_act(struct raw_server *s, int fd, enum raw_step step)
{
    static const char yes[] = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"errcode\":0}";
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};

    switch (step) {
    case RAW_ANSWER:
        return raw_write(fd, yes, sizeof(yes) - 1);
    case RAW_ANSWER_CLOSE:
        raw_write(fd, yes, sizeof(yes) - 1);
        return false;
    case RAW_TEXT:
        raw_write(fd, s->text, strlen(s->text));
        return false;
    case RAW_TEXT_STALL:
        raw_write(fd, s->text, strlen(s->text));
        raw_wait_gone(fd);
        return false;
    case RAW_TRICKLE:
        raw_trickle(fd);
        return false;
    case RAW_BIG:
        raw_big(s, fd);
        return true;
    case RAW_BIG_HEADERS:
        raw_write(fd, "HTTP/1.1 200 OK\r\n", 17);
        for (int i = 0; i < 2000; i++)
            raw_write(fd, "X-Filler: 0123456789012345678901234567890123456789\r\n", 52);
        return raw_write(fd, yes + 17, sizeof(yes) - 1 - 17);
    case RAW_RESET:
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        return false;
    case RAW_CLOSE:
    case RAW_CLOSE_UNREAD:
        return false;
    }
    return false;
}

static inline void *raw_run(void *arg)
{
    struct raw_server *s = arg;
    int fd;

    while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
        bool open = !s->upgrade || s->upgrade(fd) == 0;
        s->connections++;
        while (open) {
            size_t turn = s->turns < s->step_count ? s->turns : s->step_count - 1;
            enum raw_step step = s->steps[turn];
            if (step == RAW_CLOSE_UNREAD) {
                s->turns++;
                break;
            }
            assert_true(s->seen_count < RAW_SEEN_MAX);
            if (!raw_read(s, fd, &s->seen[s->seen_count]))
                break;
            s->turns++;
            s->seen_count++;
            open = raw_act(s, fd, step);
        }
        close(fd);
    }
    return NULL;
}

static inline void raw_server_start(struct raw_server *s, const enum raw_step *steps, size_t count)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(a);

    s->steps = steps;
    s->step_count = count;
    s->seen = calloc(RAW_SEEN_MAX, sizeof(*s->seen));
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(s->listener, 64), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&a, &size), 0);
    s->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, raw_run, s), 0);
}

/* After the client has closed its connections. `seen` stays until raw_server_free. */
static inline void raw_server_stop(struct raw_server *s)
{
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->listener);
}

static inline void raw_server_free(struct raw_server *s)
{
    free(s->seen);
    s->seen = NULL;
}

#endif
