/* org.freedesktop.Notifications: one server at a time, known by its unique name on the bus. What
 * any other program says in its name is not believed. Threads: the loop's only. */
#ifndef PACELINE_CONSOLE_NOTIFY_H
#define PACELINE_CONSOLE_NOTIFY_H

#include "console/bus.h"
#include "console/popup.h"

struct notify_hooks {
    void (*server)(void *ctx, bool there); /* false: every id is void */
    void (*action)(void *ctx, uint32_t id, const char *key);
    void (*closed)(void *ctx, uint32_t id);
};

struct notify {
    struct bus *bus;
    const struct notify_hooks *hooks;
    void *ctx;
    char *owner;         /* unique name; NULL: no server */
    const char *picture; /* the hint that names one in this server's version, or NULL */
    struct popup_powers powers;
    bool there; /* what it can do is known */
};

/* Looks for the server, and has the bus start one. */
int notify_init(struct notify *n, struct bus *bus, const struct notify_hooks *hooks, void *ctx,
                struct err *e);
void notify_dispose(struct notify *n);

struct notify_text {
    uint32_t replaces; /* 0: a new one */
    const char *title, *body;
    const char *const *keys, *const *labels;
    size_t action_count;
    bool urgent, transient;
    int expires_ms;      /* 0: never, -1: as the server likes */
    const char *picture; /* a file, or NULL */
};

struct notify_call { /* lives where the caller wants, until its answer or notify_forget */
    struct notify *notify;
    sd_bus_slot *slot;
    void (*shown)(void *ctx, uint32_t id); /* 0: it was not */
    void *ctx;
};
/* False: it could not even be asked; `shown` is not called. */
bool notify_show(struct notify *n, struct notify_call *call, const struct notify_text *text);
void notify_forget(struct notify_call *call);
void notify_close(struct notify *n, uint32_t id); /* one that was clicked */
/* One that nobody has touched. notification-daemon leaves a dead window behind when told to close
 * it, and shows nothing else then: it expires instead. 0 is fine. */
void notify_withdraw(struct notify *n, uint32_t id);

#endif
