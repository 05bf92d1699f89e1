/* The one table of what can be asked, and by whom. */
#ifndef PACELINE_API_ROUTE_H
#define PACELINE_API_ROUTE_H

#include "base/arena.h"

#include <stdbool.h>

struct request;

enum { ROUTE_QUERY_MAX = 3, ROUTE_PATTERN_MAX = 64 };

enum { ROUTE_ANYONE = 0 }; /* `roles`: no name is asked for */

struct route {
    const char *method;
    const char *pattern; /* `*` stands for one segment of the path. The route's argument is that
                          * segment; with two of them, all from the first to the last */
    unsigned roles;      /* any of these may */
    const char *query[ROUTE_QUERY_MAX]; /* keys that may follow the `?` */
    bool bundle;                        /* the body is a submission, of any size */
    void (*run)(struct request *rq);
};

extern const struct route api_routes[]; /* ends with {0} */

/* The route, or NULL; `*allowed` is then the method that would have found one, or NULL. The
 * argument of the path is copied into the arena, NULL when it has none. */
const struct route *route_find(const char *method, const char *path, struct arena *arena,
                               const char **argument, const char **allowed);

#endif
