/* Prompts as the service writes them, for the tests of the console. */
#ifndef PACELINE_TESTS_CONSOLE_SUPPORT_H
#define PACELINE_TESTS_CONSOLE_SUPPORT_H

#include "check.h"

#include "base/strbuf.h"
#include "console/deck.h"

#include <string.h>

#define HEAD                                                                                       \
    "{\"version\":7,\"user\":\"bo\",\"senders\":[\"lin.yue\"],\"halted\":false,"                   \
    "\"now\":\"2027-03-01T09:31:07.123+08:00\",\"private_when_locked\":false}\n"
#define RECIPIENTS "[{\"delivery\":17,\"recipient\":\"老客一群\",\"state\":\"prompted\"}]"

/* A prompt with the number and nonce 17; `more` replaces nothing: keys are written once. */
#define PROMPT(text, recipients, more)                                                             \
    "{\"prompt\":17,\"nonce\":\"17\",\"campaign\":\"spring\",\"title\":\"春季上新\","          \
    "\"channel\":\"by-hand\",\"sender\":\"lin.yue\",\"text\":" text                                \
    ",\"attachments\":[],\"recipients\":" recipients                                               \
    ",\"asked_at\":\"2027-03-01T09:31:00.000+08:00\",\"reminders\":2" more "}\n"
#define PLAIN PROMPT("\"您好\"", RECIPIENTS, ",\"reminders_used\":0,\"shown_at\":null")

static inline void deal(struct deck *d, const char *lines)
{
    struct prompt_list list;
    struct err e;

    if (prompts_read(&list, lines, strlen(lines), &e) != 0)
        fail_msg("%s", e.text);
    deck_take(d, &list);
}

#endif
