/* The service's front door: HTTP/1.1 on a Unix socket (libmicrohttpd in its own thread), whoever
 * calls is known from the socket's peer credentials. Requests are handed to the loop thread and
 * answered from there; the loop never waits for a client.
 *
 * Life: api_start (binds, listens, starts the thread) ... api_stop (resumes what hangs, joins). The
 * wake function is called from the server thread when requests wait: the loop then calls
 * api_run on its own thread. */
#ifndef PACELINE_API_SERVER_H
#define PACELINE_API_SERVER_H

#include "api/host.h"

struct api;

/* The socket is made with mode 0666; an old one that nobody listens on is replaced. `spool_dir`:
 * where submissions are kept while they are read (mode 0700, emptied at start). */
int api_start(struct api **out, const struct api_host *host, const char *socket_path,
              const char *spool_dir, void (*wake)(void *ctx), void *wake_ctx, struct err *e);
void api_run(struct api *a); /* loop thread: handles the requests that wait */
/* A few times a second, on the loop thread: answers those that wait for something to change. */
void api_tick(struct api *a);
/* Loop thread, after a reload: from here on requests are judged by this file, those that wait too.
 */
void api_conf_changed(struct api *a, const struct service *conf);
/* NULL is fine. Store jobs that are still under way may come back afterwards, as long as the host
 * lives; their requests then end without another job. */
void api_stop(struct api *a);

#endif
