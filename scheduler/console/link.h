/* Requests to the service over its Unix socket, without blocking the loop: each runs libcurl on a
 * thread of libuv's pool. Threads: the loop's only. */
#ifndef PACELINE_CONSOLE_LINK_H
#define PACELINE_CONSOLE_LINK_H

#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct link;
struct link_call;

struct link_reply {
    bool reached; /* the service answered; else `message` says why not */
    int exit;     /* the contract's code, 0: done */
    const char *message;
    const char *bytes; /* of an answer that is no refusal */
    size_t length;
};
typedef void link_fn(void *ctx, const struct link_reply *reply);

struct link *link_new(uv_loop_t *loop, const char *socket_path);
/* Calls that still run are given up: their `done` is not called. Memory goes when they have ended,
 * so that the loop must run until then. */
void link_close(struct link *l);

/* `done` is called once, never from inside. `body` (a copy is made): POST; NULL: GET. */
struct link_call *link_ask(struct link *l, const char *path, const char *body, long timeout_ms,
                           link_fn *done, void *ctx);
void link_give_up(struct link_call *call); /* `done` is not called */

#endif
