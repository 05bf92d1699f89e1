#include "base/err.h"

#include "base/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *e, int code, const char *format, ...)
{
    char text[sizeof(e->text)]; /* the arguments may point into e->text */
    va_list args;

    assert(e && code < 0);
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (strlen(text) == sizeof(text) - 1) /* perhaps cut inside a character */
        text[text_utf8_valid(text, sizeof(text) - 1)] = '\0';
    e->code = code;
    memcpy(e->text, text, sizeof(text));
    return code;
}

int err_exit_code(int code)
{
    switch (code) {
    case 0:
        return 0;
    case ERR_REFUSED:
    case ERR_NOTFOUND:
        return 1;
    case ERR_USAGE:
        return 64;
    case ERR_DATA:
    case ERR_LIMIT:
    case ERR_IO: /* a file that a person named and that cannot be read */
        return 65;
    case ERR_UNREACHABLE:
        return 69;
    case ERR_BUSY:
    case ERR_STORE:
        return 75;
    case ERR_DENIED:
        return 77;
    default:
        return 70;
    }
}
