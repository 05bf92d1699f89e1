#include "api/limit_text.h"

#include "base/lang.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct parts {
    char max[16], per[64], scope[16];
};

static bool parts_of(const char *limit, struct parts *p)
{
    return sscanf(limit, "%15s per %63s %15s", p->max, p->per, p->scope) == 3;
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

    if (parts_of(limit, &p))
        strbuf_printf(out, tr("%s per %s %s"), p.max, limit_word(p.per), limit_word(p.scope));
    else
        strbuf_puts(out, limit);
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
