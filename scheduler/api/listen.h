/* The Unix socket: made, replaced when it is stale, removed when it is still ours. */
#ifndef PACELINE_API_LISTEN_H
#define PACELINE_API_LISTEN_H

#include "base/err.h"

#include <sys/types.h>

struct listener {
    int fd; /* -1 after somebody else took it over to close it */
    char *path;
    dev_t device;
    ino_t inode;
};

/* ERR_BUSY: a service answers there already. */
int listener_open(struct listener *l, const char *path, struct err *e);
void listener_close(struct listener *l); /* closes `fd` unless -1, removes the path if it is ours */

#endif
