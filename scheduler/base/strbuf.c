#include "base/strbuf.h"

#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reserve(struct strbuf *b, size_t more);

void strbuf_add(struct strbuf *b, const void *bytes, size_t length)
{
    reserve(b, length);
    if (length)
        memcpy(b->text + b->length, bytes, length);
    b->length += length;
    b->text[b->length] = '\0';
}

void strbuf_puts(struct strbuf *b, const char *s)
{
    strbuf_add(b, s, strlen(s));
}

void strbuf_putc(struct strbuf *b, char c)
{
    strbuf_add(b, &c, 1);
}

void strbuf_printf(struct strbuf *b, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(length >= 0);
    reserve(b, (size_t)length);
    va_start(args, format);
    vsnprintf(b->text + b->length, (size_t)length + 1, format, args);
    va_end(args);
    b->length += (size_t)length;
}

void strbuf_reset(struct strbuf *b)
{
    b->length = 0;
    if (b->text)
        b->text[0] = '\0';
}

char *strbuf_take(struct strbuf *b)
{
    char *text = b->text ? b->text : xstrdup("");

    *b = (struct strbuf)STRBUF_INIT;
    return text;
}

void strbuf_dispose(struct strbuf *b)
{
    free(b->text);
    *b = (struct strbuf)STRBUF_INIT;
}

/* Room for `more` bytes and the NUL. */
static void reserve(struct strbuf *b, size_t more)
{
    assert(more < SIZE_MAX - b->length);
    b->text = xgrow(b->text, &b->capacity, b->length + more + 1, 1);
}
