/* The prompts that wait for this person, and what this program knows about them beyond what the
 * service says: which it has shown itself, which answers are on their way. Keyed by nonce, so that
 * a prompt that was asked anew is a new one. Pure; the clock is the service's. */
#ifndef PACELINE_CONSOLE_DECK_H
#define PACELINE_CONSOLE_DECK_H

#include "console/prompt.h"

enum question {
    QUESTION_SEND,   /* the message is to be sent now */
    QUESTION_BEFORE, /* somebody was shown it before: was it sent then? */
    QUESTION_DOUBT   /* the answer came faster than a hand can be */
};

struct deck;

struct deck *deck_new(void);
void deck_free(struct deck *d);

/* Replaces the list; `list` is emptied. Prompts read before are gone. */
void deck_take(struct deck *d, struct prompt_list *list);
const struct prompt_list *deck_list(const struct deck *d); /* never NULL; empty at first */
const struct prompt *deck_find(const struct deck *d, int64_t number);

enum question deck_question(const struct deck *d, const struct prompt *p);
/* Whether it is to be on the screen now: not snoozed, and something is left to answer. */
bool deck_wants(const struct deck *d, const struct prompt *p);
/* Open, and no answer to it is on its way. */
bool deck_open(const struct deck *d, const struct prompt *p, const struct prompt_recipient *r);
size_t deck_open_count(const struct deck *d, const struct prompt *p);

/* True the first time: the service is told then. */
bool deck_shown(struct deck *d, const struct prompt *p);
/* "Not sent yet", said to one of the other questions: from now on the plain one. */
void deck_not_yet(struct deck *d, const char *nonce);
void deck_snooze(struct deck *d, const char *nonce); /* until the service has said the same */
void deck_answer(struct deck *d, const char *nonce, int64_t delivery);
void deck_take_back(struct deck *d, const char *nonce); /* the answers were refused */

#endif
