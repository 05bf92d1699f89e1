/* A growing string. Always NUL-terminated once something was added; `text` may be NULL before. */
#ifndef PACELINE_BASE_STRBUF_H
#define PACELINE_BASE_STRBUF_H

#include <stddef.h>

struct strbuf {
    char *text;
    size_t length;
    size_t capacity;
};

#define STRBUF_INIT                                                                                \
    {                                                                                              \
        NULL, 0, 0                                                                                 \
    }

void strbuf_add(struct strbuf *b, const void *bytes, size_t length);
void strbuf_puts(struct strbuf *b, const char *s);
void strbuf_putc(struct strbuf *b, char c);
void strbuf_printf(struct strbuf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strbuf_reset(struct strbuf *b); /* empty, memory kept */
char *strbuf_take(struct strbuf *b); /* the caller frees; never NULL */
void strbuf_dispose(struct strbuf *b);

#endif
