/* sd-bus says before each wait which events and which deadline it wants: they change with every
 * call, so that a prepare handle asks just before the loop blocks. */
#include "console/bus.h"

#include "base/lang.h"

#include <poll.h>
#include <stdint.h>
#include <string.h>

enum { CALL_TIMEOUT_US = 2000000 };

static void pump(struct bus *b)
{
    int rc = 1;

    while (b->running && rc > 0)
        rc = sd_bus_process(b->sd, NULL);
    if (rc >= 0 || !b->running)
        return;
    b->running = false;
    uv_poll_stop(&b->poll);
    uv_timer_stop(&b->timer);
    uv_prepare_stop(&b->prepare);
    b->lost(b->ctx);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    pump(poll->data);
}

static void on_timer(uv_timer_t *timer)
{
    pump(timer->data);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct bus *b = prepare->data;
    int wanted = sd_bus_get_events(b->sd), events = UV_DISCONNECT;
    uint64_t deadline_us;

    if (wanted < 0) {
        uv_timer_start(&b->timer, on_timer, 0, 0); /* the bus is gone: pump finds out */
        return;
    }
    events |= wanted & POLLIN ? UV_READABLE : 0;
    events |= wanted & POLLOUT ? UV_WRITABLE : 0;
    uv_poll_start(&b->poll, events, on_poll);
    if (sd_bus_get_timeout(b->sd, &deadline_us) < 0 || deadline_us == UINT64_MAX) {
        uv_timer_stop(&b->timer);
        return;
    }
    uint64_t now_us = uv_hrtime() / 1000; /* both are CLOCK_MONOTONIC; the loop's own is cached */
    uv_update_time(prepare->loop);
    uv_timer_start(&b->timer, on_timer,
                   deadline_us > now_us ? (deadline_us - now_us + 999) / 1000 : 0, 0);
}

int bus_open(struct bus *b, uv_loop_t *loop, void (*lost)(void *ctx), void *ctx, struct err *e)
{
    *b = (struct bus){.lost = lost, .ctx = ctx};
    int rc = sd_bus_open_user(&b->sd);

    if (rc < 0)
        return err_set(e, ERR_UNREACHABLE,
                       tr("there is no session bus to show notifications on (%s); answer in a "
                          "terminal instead: paceline prompt"),
                       strerror(-rc));
    sd_bus_set_method_call_timeout(b->sd, CALL_TIMEOUT_US);
    uv_poll_init(loop, &b->poll, sd_bus_get_fd(b->sd));
    uv_timer_init(loop, &b->timer);
    uv_prepare_init(loop, &b->prepare);
    b->poll.data = b->timer.data = b->prepare.data = b;
    uv_prepare_start(&b->prepare, on_prepare);
    b->running = true;
    return 0;
}

void bus_close(struct bus *b)
{
    b->running = false;
    uv_close((uv_handle_t *)&b->poll, NULL); /* before its file descriptor goes */
    uv_close((uv_handle_t *)&b->timer, NULL);
    uv_close((uv_handle_t *)&b->prepare, NULL);
    sd_bus_flush_close_unref(b->sd);
}
