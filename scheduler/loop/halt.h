/* The halt: a file `paceline.halt` beside the store is the one truth that survives restarts. The
 * service looks at it every 250 ms, writes it when somebody halts, and only `unhalt` removes it. */
#ifndef PACELINE_LOOP_HALT_H
#define PACELINE_LOOP_HALT_H

#include "base/err.h"

#include <stdbool.h>

char *halt_path(const char *store_path); /* malloc'd */
/* Durable when it returns 0. Leaves a file that is there already as it is. */
int halt_write(const char *path, const char *by, const char *reason, struct err *e);
/* Whether we are halted: also when that cannot be found out. `reason` (malloc'd) is for people. */
bool halt_read(const char *path, char **reason);
bool halt_exists(const char *path);
int halt_remove(const char *path, struct err *e);

#endif
