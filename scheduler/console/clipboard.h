/* The person's clipboard, through the helper program of their desktop: wl-copy, xclip or xsel. */
#ifndef PACELINE_CONSOLE_CLIPBOARD_H
#define PACELINE_CONSOLE_CLIPBOARD_H

#include <stdbool.h>
#include <uv.h>

/* Whether there is a display and a helper for it. */
bool clipboard_there(void);
/* Starts the helper with `text` on its standard input. False when it cannot be started. */
bool clipboard_copy(uv_loop_t *loop, const char *text);

#endif
