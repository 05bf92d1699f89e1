/* The terminal's picture of what waits: lines that fit, and the message as it is to be copied, with
 * nothing before its lines. Pure. */
#ifndef PACELINE_CONSOLE_SCREEN_H
#define PACELINE_CONSOLE_SCREEN_H

#include "base/strbuf.h"
#include "console/deck.h"

enum { SCREEN_TICKS_MAX = 4096 };

struct screen {
    const struct deck *deck;
    int64_t current;   /* number of the prompt in front; 0: none */
    const bool *ticks; /* of its recipients */
    size_t typed;      /* digits typed so far, 0: none */
    size_t columns;
    bool color;
    bool can_copy;            /* there is a clipboard */
    const char *const *files; /* where its attachments are; NULL entries could not be fetched */
    bool files_come;          /* they are on their way */
    const char *status;       /* the last thing to be told, or NULL */
};

/* Every line ends with `\n`. */
void screen_draw(struct strbuf *out, const struct screen *s);
/* All prompts as plain text, for a program or a pipe. */
void screen_list(struct strbuf *out, const struct deck *deck);

/* The prompt to put in front: `current` while it waits, else the first that does, else 0. */
int64_t screen_choose(const struct deck *deck, int64_t current);
int64_t screen_next(const struct deck *deck, int64_t current); /* the one after it, round */

/* What a recipient's number becomes when a digit is typed: true when `*typed` is now the whole
 * number, since no longer one exists. Of 12 recipients, 3 is whole at once, 1 is not. */
bool screen_type(size_t *typed, int digit, size_t count);

#endif
