/* What a notification says, and when it is to be shown (again). Pure: the bus is notify.h. */
#ifndef PACELINE_CONSOLE_POPUP_H
#define PACELINE_CONSOLE_POPUP_H

#include "base/strbuf.h"
#include "console/deck.h"

enum {
    POPUP_BODY_MAX = 900,           /* bytes of the message; more is no popup any more */
    POPUP_AGAIN_MS = 10 * 60 * 1000 /* after a person closed it */
};

/* What a notification server can do. */
struct popup_powers {
    bool body, markup, actions, images;
};

enum popup_action {
    POPUP_SENT,
    POPUP_NOT_SENT,
    POPUP_NOT_YET,
    POPUP_SNOOZE,
    POPUP_SKIP,
    POPUP_COPY,
    POPUP_LIST,
    POPUP_ACTIONS
};

struct popup_text {
    struct strbuf title, body;
    enum popup_action actions[POPUP_ACTIONS]; /* most important first */
    size_t action_count;
    bool urgent;
};

struct popup_how {
    struct popup_powers powers;
    bool hidden;              /* the screen is locked: nothing of the content */
    bool can_copy;            /* there is a clipboard */
    bool list;                /* all recipients of a batch are to be named */
    size_t more;              /* other prompts that wait */
    const char *const *files; /* where its attachments are; NULL entries could not be fetched */
};

void popup_write(struct popup_text *out, const struct deck *d, const struct prompt *p,
                 const struct popup_how *how);
void popup_dispose(struct popup_text *text);

const char *popup_word(enum popup_action action);            /* `sent`, for the bus */
bool popup_action(enum popup_action *out, const char *word); /* back */
void popup_label(struct strbuf *out, enum popup_action action, const struct deck *d,
                 const struct prompt *p);

/* What was shown of a prompt last. */
struct popup_shown {
    char nonce[PROMPT_NONCE_MAX + 1];
    enum question question;
    int64_t reminders_used;
    size_t open, more;
    bool hidden, list;
    bool up;             /* it is on the screen, as far as we know */
    instant_t closed_at; /* else: since when */
};

/* What would be shown now, to be compared with and to be kept. */
struct popup_shown popup_now(const struct deck *d, const struct prompt *p,
                             const struct popup_how *how);
/* Whether it must be shown (again): it says something else, a reminder is due, or it was closed
 * without an answer a while ago. */
bool popup_due(const struct popup_shown *last, const struct popup_shown *now, instant_t clock);

/* `&`, `<`, `>` and quotes as entities: for servers that have `body-markup` only. */
void popup_escape(struct strbuf *out, const char *text);

#endif
