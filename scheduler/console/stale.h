/* Which notification of ours is on the screen, for the next agent: one that was killed leaves it
 * there with buttons that nobody hears. One small file in the session's runtime folder. */
#ifndef PACELINE_CONSOLE_STALE_H
#define PACELINE_CONSOLE_STALE_H

#include <stdint.h>

/* `server`: its unique name on the bus; 0: none is on the screen. */
void stale_note(const char *server, uint32_t id);
/* What the last agent left on this server, or 0. */
uint32_t stale_left(const char *server);

#endif
