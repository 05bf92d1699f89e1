/* How far something long is, on `err`: on a terminal a line that is redrawn, elsewhere a plain line
 * every few seconds. What is over at once shows nothing. */
#ifndef PACELINE_CLI_PROGRESS_H
#define PACELINE_CLI_PROGRESS_H

#include "cli/command.h"

struct progress {
    const struct cli *cli;
    int64_t began_ms, next_ms;
    bool drawn; /* the terminal's line */
};

void progress_begin(struct progress *p, const struct cli *cli);
/* `what` is being done: `done` of `all` (0: nobody knows) `unit`s. May be called very often. */
void progress_show(struct progress *p, const char *what, uint64_t done, uint64_t all,
                   const char *unit);
bool progress_due(const struct progress *p); /* whether the next one is shown */
void progress_end(struct progress *p);       /* wipes the line */
double progress_seconds(const struct progress *p);

#endif
