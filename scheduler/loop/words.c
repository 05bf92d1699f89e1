/* What a plugin says of an answer, for people: `errcode 60020: ADVICE ("what the platform said")`.
 * Its own words are in the service's table of translations, the platform's are quoted. */
#include "loop/internal.h"

#include "base/lang.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static const char mark[] = "errcode ";

void words_of(struct strbuf *out, const char *detail)
{
    const char *advice = strstr(detail, ": "), *quoted;
    struct strbuf text = STRBUF_INIT;
    char *own;

    if (strncmp(detail, mark, sizeof mark - 1) != 0 || !advice) {
        text_safe(out, tr(detail), false);
        return;
    }
    advice += 2;
    quoted = strstr(advice, " (\"");
    own = xstrdup(advice);
    if (quoted)
        own[quoted - advice] = '\0';
    strbuf_add(&text, detail, (size_t)(advice - detail));
    strbuf_puts(&text, tr(own));
    strbuf_puts(&text, quoted ? quoted : "");
    text_safe(out, text.text, false);
    strbuf_dispose(&text);
    free(own);
}
