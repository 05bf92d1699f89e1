/* The session bus (sd-bus) on a libuv loop. Threads: the loop's only. */
#ifndef PACELINE_CONSOLE_BUS_H
#define PACELINE_CONSOLE_BUS_H

#include "base/err.h"

#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <uv.h>

struct bus {
    sd_bus *sd;
    uv_poll_t poll;
    uv_timer_t timer;
    uv_prepare_t prepare;
    void (*lost)(void *ctx); /* once; bus_close is still to be called */
    void *ctx;
    bool running;
};

/* ERR_UNREACHABLE when there is no session bus. Calls end after 2 s instead of 25. */
int bus_open(struct bus *b, uv_loop_t *loop, void (*lost)(void *ctx), void *ctx, struct err *e);
/* What was written goes out first. `b` must live until the loop has no work left. */
void bus_close(struct bus *b);

#endif
