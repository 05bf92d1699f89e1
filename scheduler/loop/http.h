/* The HTTP client that plugins are given: libcurl's multi interface on a libuv loop.
 *
 * Its promise is that a request goes out at most once, and that its result says how much is known:
 * NOT_SENT is proven (no byte of the request was written), ANSWERED is a whole answer, everything
 * else is UNKNOWN. HTTPS is verified; http only to loopback; no redirects, no proxy but the one of
 * the request, no cookies, no netrc. URLs may hold secrets and are never logged. Threads: all of it
 * on the loop's thread. */
#ifndef PACELINE_LOOP_HTTP_H
#define PACELINE_LOOP_HTTP_H

#include "channel/channel.h"

#include <uv.h>

struct http_client;
struct http_call;

/* Asked once, after the connection stands and before the first byte of a request that carries out a
 * send. A no is proven not sent (answer.held). May not call http_* itself. */
typedef bool http_guard_fn(void *ctx, uint64_t send_id);

struct http_client *http_new(uv_loop_t *loop);
/* Drops all calls without an answer; `closed` (may be NULL) is called when the loop has let go of
 * everything. NULL is fine; `closed` is then called at once. */
void http_free(struct http_client *c, void (*closed)(void *ctx), void *ctx);

/* Starts `request` (copied) to `base_url`: `https://host[:port][/path]`, or http on loopback.
 * `done` is called exactly once, in a later turn, also for a request that cannot be made; the call
 * is gone then. */
struct http_call *http_start(struct http_client *c, const char *base_url,
                             const struct channel_http_request *request, http_guard_fn *guard,
                             channel_http_fn *done, void *ctx);
/* Ends it without an answer: whether it went out is not known. Not from inside its own `done`. */
void http_abort(struct http_call *call);

#endif
