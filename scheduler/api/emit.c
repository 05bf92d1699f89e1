#include "api/emit.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>

static void separate(struct strbuf *b)
{
    if (b->length == 0)
        return;
    char last = b->text[b->length - 1];
    if (last != '{' && last != '[' && last != ':' && last != '\n')
        strbuf_putc(b, ',');
}

static void put_quoted(struct strbuf *b, const char *s);

void emit_open(struct strbuf *b, char bracket)
{
    separate(b);
    strbuf_putc(b, bracket);
}

void emit_key(struct strbuf *b, const char *key)
{
    separate(b);
    put_quoted(b, key);
    strbuf_putc(b, ':');
}

void emit_text(struct strbuf *b, const char *s)
{
    separate(b);
    if (s)
        put_quoted(b, s);
    else
        strbuf_puts(b, "null");
}

void emit_number(struct strbuf *b, int64_t n)
{
    separate(b);
    strbuf_printf(b, "%" PRId64, n);
}

void emit_raw(struct strbuf *b, const char *json)
{
    separate(b);
    strbuf_puts(b, json);
}

void emit_put_text(struct strbuf *b, const char *key, const char *s)
{
    emit_key(b, key);
    emit_text(b, s);
}

void emit_put_number(struct strbuf *b, const char *key, int64_t n)
{
    emit_key(b, key);
    emit_number(b, n);
}

void emit_put_bool(struct strbuf *b, const char *key, bool v)
{
    emit_key(b, key);
    emit_raw(b, v ? "true" : "false");
}

void emit_put_digest(struct strbuf *b, const char *key, const struct digest *d)
{
    char text[DIGEST_TEXT];

    if (d)
        digest_text(d, text);
    emit_put_text(b, key, d ? text : NULL);
}

void emit_put_instant(struct strbuf *b, const char *key, instant_t t, const struct tz *zone)
{
    char text[INSTANT_TEXT];
    bool none = t == INSTANT_MIN || t == INSTANT_NEVER;

    if (!none)
        instant_format(t, tz_offset_s(zone, t), text);
    emit_put_text(b, key, none ? NULL : text);
}

/* U+2028 and U+2029 are legal in JSON and stay; control characters (DEL too) are escaped, so that a
 * line is a line. */
static void put_escaped(struct strbuf *b, unsigned char c)
{
    switch (c) {
    case '"':
        strbuf_puts(b, "\\\"");
        break;
    case '\\':
        strbuf_puts(b, "\\\\");
        break;
    case '\n':
        strbuf_puts(b, "\\n");
        break;
    case '\t':
        strbuf_puts(b, "\\t");
        break;
    case '\r':
        strbuf_puts(b, "\\r");
        break;
    default:
        strbuf_printf(b, "\\u%04x", c);
    }
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

static void put_valid(struct strbuf *b, const char *s, size_t length)
{
    for (size_t i = 0, run; i < length; i += run) {
        for (run = 0; i + run < length && is_plain((unsigned char)s[i + run]); run++)
            ;
        strbuf_add(b, s + i, run);
        if (i + run < length)
            put_escaped(b, (unsigned char)s[i + run++]);
    }
}

static void put_quoted(struct strbuf *b, const char *s)
{
    size_t length = strlen(s);

    strbuf_putc(b, '"');
    while (length > 0) {
        size_t valid = text_utf8_valid(s, length);
        put_valid(b, s, valid);
        if (valid < length) {
            strbuf_puts(b, "\xef\xbf\xbd");
            valid++;
        }
        s += valid;
        length -= valid;
    }
    strbuf_putc(b, '"');
}
