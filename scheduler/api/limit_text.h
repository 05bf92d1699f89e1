/* A limit as conf writes it (`30 per 1h sender`), for people. Pure; any thread. */
#ifndef PACELINE_API_LIMIT_TEXT_H
#define PACELINE_API_LIMIT_TEXT_H

#include "base/strbuf.h"

/* In the person's language; a text that is no limit as it is. */
void limit_text(struct strbuf *out, const char *limit);
const char *limit_word(const char *word); /* day, sender, ...; others as they are */
/* Whom its scope means: the sender, the recipient, ...; NULL when it is no limit. */
const char *limit_whose(const char *limit, const char *campaign, const char *channel,
                        const char *sender, const char *recipient);

#endif
