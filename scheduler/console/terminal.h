/* `paceline prompt`: what waits for this person, on a terminal, answered by one key each. */
#ifndef PACELINE_CONSOLE_TERMINAL_H
#define PACELINE_CONSOLE_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

struct terminal_options {
    const char *socket_path;
    FILE *out, *err;
    bool color;
};

/* Until the person quits. The exit code. */
int terminal_run(const struct terminal_options *options);
/* For a program or a pipe: the list once, as text or as JSON Lines. The exit code. */
int terminal_list(const struct terminal_options *options, bool json);

#endif
