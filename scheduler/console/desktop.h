/* `paceline prompt --desktop`: the prompts of this person as notifications of their desktop. */
#ifndef PACELINE_CONSOLE_DESKTOP_H
#define PACELINE_CONSOLE_DESKTOP_H

#include <stdio.h>

/* Until SIGTERM or the end of the session bus. The exit code. */
int desktop_run(const char *socket_path, FILE *err);

#endif
