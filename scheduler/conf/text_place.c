/* The tree knows where a scalar begins, not where each of its characters stands: that is found by
 * walking the file along with the text. Folded lines, escapes and doubled quotes are the
 * difference; should the two part all the same, the text's own place is the answer. */
#include "conf/text_place.h"

#include "base/text.h"

#include <string.h>

static struct place place_at(const char *source, const char *s);
static const char *walk(const char *s, char style, const char *text, const char *until);
static struct place in_literal(const char *text, struct place at, const char *header,
                               size_t offset);

struct place campaign_text_place(const struct campaign *c, const char *text, struct place at,
                                 size_t offset)
{
    const char *s = c->bytes ? text_source_at(c->bytes, at) : NULL;

    if (!s || !text)
        return at;
    if (*s == '|')
        return in_literal(text, at, s, offset);
    char style = strchr("\"'>", *s) && *s ? *s : '\0';
    s += style == '"' || style == '\'';
    if (style == '>')
        s += strcspn(s, "\n");
    s = walk(s, style, text, text + offset);
    return s ? place_at(c->bytes, s) : at;
}

static size_t point_length(const char *s)
{
    size_t n = 1;

    while (((unsigned char)s[n] & 0xc0) == 0x80)
        n++;
    return n;
}

const char *text_source_at(const char *source, struct place at)
{
    for (size_t line = 1; line < at.line; line++) {
        source = strchr(source, '\n');
        if (!source++)
            return NULL;
    }
    if (at.line == 1 && strncmp(source, "\xef\xbb\xbf", 3) == 0)
        source += 3;
    for (size_t column = 1; column < at.column && *source; column++)
        source += point_length(source);
    return source;
}

static struct place place_at(const char *source, const char *s)
{
    struct place at = {.line = 1};
    const char *line = source;

    for (const char *p = source; p < s; p++) {
        if (*p == '\n') {
            at.line++;
            line = p + 1;
        }
    }
    at.column = text_chars(line, (size_t)(s - line)) + 1;
    return at;
}

/* Lines stay lines; each is indented alike. */
static struct place in_literal(const char *text, struct place at, const char *header, size_t offset)
{
    size_t lines = 0, begins = 0, own = strspn(text, "\n"), indent;

    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            lines++;
            begins = i + 1;
        }
    }
    const char *first = header + strcspn(header, "\n");
    while (strspn(first, " \r\n") > 0 && strchr(first, '\n') &&
           strspn(first + 1, " ") == strcspn(first + 1, "\r\n"))
        first += 1 + strcspn(first + 1, "\n");
    indent = strspn(first + (*first == '\n'), " ") - strspn(text + own, " ");
    return (struct place){at.line + 1 + lines,
                          indent + text_chars(text + begins, offset - begins) + 1};
}

/* Past an escape; a line that is continued adds nothing to the text. */
static const char *past_escape(const char *s, bool *adds)
{
    static const char kinds[] = "xuU";
    const char *kind = s[1] ? strchr(kinds, s[1]) : NULL;
    static const size_t digits[] = {2, 4, 8};

    *adds = s[1] != '\n' && s[1] != '\r';
    if (!*adds)
        return s + 1 + strspn(s + 1, " \t\r\n");
    if (!kind)
        return s + 2;
    size_t n = 2 + digits[kind - kinds];
    return strnlen(s, n) == n ? s + n : NULL;
}

/* NULL when the two part. */
static const char *walk(const char *s, char style, const char *text, const char *until)
{
    while (s && *s) {
        size_t blanks = strspn(s, " \t\r\n");
        bool adds = true;

        if (memchr(s, '\n', blanks)) { /* folded: what is blank here is blank there */
            text += strspn(text, " \n");
            s += blanks;
            continue;
        }
        bool escape = style == '"' && *s == '\\';
        if (text >= until && !(escape && (s[1] == '\n' || s[1] == '\r')))
            return text == until ? s : NULL;
        if (escape)
            s = past_escape(s, &adds);
        else if (strncmp(s, text, point_length(text)) != 0)
            return NULL;
        else
            s += style == '\'' && *s == '\'' ? 2 : point_length(s);
        text += adds ? point_length(text) : 0;
    }
    return NULL;
}
