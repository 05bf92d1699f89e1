/* Whether the person's screen is locked, as the session bus has it: org.freedesktop.ScreenSaver or
 * GNOME's own. Nobody there to tell: taken as locked, for those who asked for privacy. Threads: the
 * loop's only. */
#ifndef PACELINE_CONSOLE_LOCK_H
#define PACELINE_CONSOLE_LOCK_H

#include "console/bus.h"

enum { LOCK_SAVERS = 2 };

struct lock_saver {
    struct lock *lock;
    const char *name, *path;
    char *owner; /* unique name; NULL: not there */
    bool active;
};

struct lock {
    struct bus *bus;
    struct lock_saver savers[LOCK_SAVERS];
    void (*changed)(void *ctx);
    void *ctx;
};

void lock_init(struct lock *l, struct bus *bus, void (*changed)(void *ctx), void *ctx);
void lock_dispose(struct lock *l);
bool lock_is_locked(const struct lock *l);

#endif
