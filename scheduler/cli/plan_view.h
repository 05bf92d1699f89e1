/* How a plan looks to a person: from its summary object (docs/api.md), wherever that was made. */
#ifndef PACELINE_CLI_PLAN_VIEW_H
#define PACELINE_CLI_PLAN_VIEW_H

#include "cli/command.h"

/* All of it, with a histogram as wide as the terminal. `summary` is the object inside. */
void plan_view(const json_t *summary, FILE *to);

#endif
