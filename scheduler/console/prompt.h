/* What the service says about the prompts of one person (docs/api.md, `GET /api/v1/prompts`).
 *
 * Texts are as they came: whoever shows them makes them safe first. Pure. */
#ifndef PACELINE_CONSOLE_PROMPT_H
#define PACELINE_CONSOLE_PROMPT_H

#include "base/arena.h"
#include "base/err.h"
#include "core/instant.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { PROMPT_NONCE_MAX = 64 };

struct prompt_recipient {
    int64_t delivery;
    const char *name;
    const char *state;
    bool open; /* still to be answered */
};

struct prompt_file {
    int64_t index;
    const char *kind; /* `image`, ... */
    const char *name;
};

struct prompt {
    int64_t number;
    const char *nonce; /* lower-case hex */
    const char *campaign, *title, *sender;
    const char *text;                          /* NULL: attachments only */
    const char *asked_at, *shown_at, *late_at; /* RFC 3339, or NULL */
    const char *snoozed_text;                  /* the same instant twice: for people ... */
    instant_t snoozed_until;                   /* ... and to compare; INSTANT_MIN: not snoozed */
    bool late_cancels, too_fast, test;
    int64_t reminders_used, reminders;
    struct prompt_recipient *recipients;
    size_t recipient_count;
    struct prompt_file *files;
    size_t file_count;
};

struct prompt_list {
    json_t *lines; /* keeps the words alive */
    struct arena *arena;
    int64_t version;
    const char *now_text;
    instant_t now;
    bool halted, private_when_locked;
    struct prompt *items; /* by number */
    size_t count;
};

/* The whole answer. ERR_INTERNAL when it is not what it should be; `out` is then empty. */
int prompts_read(struct prompt_list *out, const char *bytes, size_t length, struct err *e);
void prompts_dispose(struct prompt_list *list);

#endif
