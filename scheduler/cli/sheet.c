#include "cli/sheet.h"

#include <string.h>

void sheet_begin(struct strbuf *out)
{
    strbuf_puts(out, "\xef\xbb\xbf");
}

void sheet_field(struct strbuf *out, const char *text, bool first)
{
    bool formula = *text && strchr("=+-@\t\r", *text);
    bool quoted = strpbrk(text, ",;\"\t\r\n") != NULL;

    if (!first)
        strbuf_putc(out, ',');
    if (quoted)
        strbuf_putc(out, '"');
    if (formula)
        strbuf_putc(out, '\'');
    for (; *text; text++) {
        if (*text == '"')
            strbuf_putc(out, '"');
        strbuf_putc(out, *text);
    }
    if (quoted)
        strbuf_putc(out, '"');
}

void sheet_row_end(struct strbuf *out)
{
    strbuf_puts(out, "\r\n");
}
