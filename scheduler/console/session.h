/* One person's conversation with the service about their prompts: the list by long poll, and what
 * the person said, repeated until the service has accepted or refused it. The terminal and the
 * desktop agent are two screens of it. Threads: the loop's only; hooks are called from the loop,
 * never from inside a call of this header. */
#ifndef PACELINE_CONSOLE_SESSION_H
#define PACELINE_CONSOLE_SESSION_H

#include "console/deck.h"
#include "console/link.h"

struct session_hooks {
    void (*changed)(void *ctx);                      /* the list may be another one */
    void (*trouble)(void *ctx, const char *message); /* the service is away; NULL: it is back */
    void (*refused)(void *ctx, const char *message); /* an answer was, for good */
    void (*settled)(void *ctx);                      /* an answer left the outbox */
    void (*denied)(void *ctx, int exit, const char *message); /* this person may not ask at all */
};

struct session;

/* `agent`: desktop | terminal. Nothing is asked before session_listen. `outbox_dir`: outbox.h. */
struct session *session_new(uv_loop_t *loop, const char *socket_path, const char *agent,
                            const char *outbox_dir, const struct session_hooks *hooks, void *ctx);
/* No hook is called any more; the loop must run until it has no work left. */
void session_close(struct session *s);

/* Whether this screen can show anything: the service takes the person as reachable only then. */
void session_listen(struct session *s, bool listen);

struct deck *session_deck(const struct session *s); /* to look at, and for deck_not_yet */
struct link *session_link(const struct session *s);
size_t session_pending(const struct session *s); /* answers that are not acknowledged */

/* `p` is on a screen now. */
void session_shown(struct session *s, const struct prompt *p);
/* `answer`: sent | not-sent | skip. `ticks`: which recipients (as in `p`); NULL: all that are open.
 * Those that are no longer open are left out. */
void session_answer(struct session *s, const struct prompt *p, const char *answer,
                    const bool *ticks);
void session_snooze(struct session *s, const struct prompt *p);

#endif
