/* `trace: true` of a link: in each task its address carries one parameter more, `pl=` and sixteen
 * hex digits, so that a task whose answer was lost is known again among others of the same words.
 *
 * The value is the same for everybody in a task, says nothing to anybody else, and is not stored:
 * it follows from the revision, the send and the instant of its claim, after a restart too. Pure.
 */
#ifndef PACELINE_CONF_TRACE_H
#define PACELINE_CONF_TRACE_H

#include "base/arena.h"
#include "base/digest.h"
#include "core/instant.h"

#include <stdbool.h>
#include <stddef.h>

#define TRACE_NAME "pl"

/* The address with the parameter, before a fragment; malloc'd. NULL: it cannot be read as one. */
char *trace_url(const char *url, const char *value);
/* In the task of this send. `url` is one that trace_url has taken. */
const char *trace_link(struct arena *arena, const char *url, const struct digest *revision,
                       int64_t send, instant_t claimed_at);
/* How long it then is; 0: it cannot be read. */
size_t trace_length(const char *url);
/* Whether it has a parameter of this name already. */
bool trace_taken(const char *url);

#endif
