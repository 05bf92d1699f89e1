#include "api/limit_text.h"

#include "base/lang.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct parts {
    char max[16], per[64], scope[16];
    bool sends;                         /* counted, instead of recipients */
    char from[16], step[16], every[16]; /* of a ramp; "": none */
};

static bool parts_of(const char *limit, struct parts *p)
{
    int end = 0;

    *p = (struct parts){.max = ""};
    if (sscanf(limit, "%15s per %63s %15[a-z]%n", p->max, p->per, p->scope, &end) != 3) {
        p->sends = true;
        if (sscanf(limit, "%15s sends per %63s %15[a-z]%n", p->max, p->per, p->scope, &end) != 3)
            return false;
    }
    return limit[end] == '\0' || sscanf(limit + end, ", ramp %15[0-9]+%15[0-9] per %15s", p->from,
                                        p->step, p->every) == 3;
}

const char *limit_word(const char *word)
{
    static const char *const words[] = {
        TR_TABLE("day"),    TR_TABLE("week"),      TR_TABLE("month"),   TR_TABLE("sender"),
        TR_TABLE("person"), TR_TABLE("recipient"), TR_TABLE("channel"), TR_TABLE("campaign")};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i], word) == 0)
            return tr(words[i]);
    return word;
}

void limit_text(struct strbuf *out, const char *limit)
{
    struct parts p;

    if (!parts_of(limit, &p)) {
        strbuf_puts(out, tr(limit));
        return;
    }
    strbuf_printf(out, p.sends ? tr("%s sends per %s %s") : tr("%s per %s %s"), p.max,
                  limit_word(p.per), limit_word(p.scope));
    if (*p.from)
        strbuf_printf(out, tr(", from %s up by %s each %s"), p.from, p.step, limit_word(p.every));
}

const char *limit_whose(const char *limit, const char *campaign, const char *channel,
                        const char *sender, const char *recipient)
{
    const struct {
        const char *scope, *who;
    } table[] = {{"sender", sender},
                 {"person", sender},
                 {"recipient", recipient},
                 {"channel", channel},
                 {"campaign", campaign}};
    struct parts p;

    if (!parts_of(limit, &p))
        return NULL;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(table[i].scope, p.scope) == 0)
            return table[i].who;
    return NULL;
}
