/* What both screens say about a prompt, made safe for any screen. Pure. */
#ifndef PACELINE_CONSOLE_WORDS_H
#define PACELINE_CONSOLE_WORDS_H

#include "base/strbuf.h"
#include "console/deck.h"

/* `09:31`, or `03-01 09:31` when that is not today. */
void words_clock(struct strbuf *out, const char *rfc3339, const char *now);
/* `老客一群`, or `3 recipients: 老客一群, 老客二群, 老客三群` (those still open; `most` are named).
 */
void words_recipients(struct strbuf *out, const struct deck *d, const struct prompt *p,
                      size_t most);
/* `asked 09:31, reminder 1 of 2, until 13:31 (then canceled)` */
void words_times(struct strbuf *out, const struct prompt *p, const char *now);
/* `shown before at 09:31: already sent?`; nothing for the plain question. */
void words_question(struct strbuf *out, enum question question, const struct prompt *p,
                    const char *now);
/* The message as it may be shown; true when something invisible was made visible. */
bool words_text(struct strbuf *out, const struct prompt *p);

#endif
