#include "cli/lines.h"

#include "base/lang.h"

#include <string.h>

void lines_init(struct lines *l, line_fn *each, void *ctx)
{
    *l = (struct lines){.part = STRBUF_INIT, .each = each, .ctx = ctx};
}

static int take_line(struct lines *l)
{
    json_error_t where;
    size_t length = l->part.length;

    while (length > 0 && strchr("\r\n \t", l->part.text[length - 1]))
        length--;
    if (length == 0) {
        strbuf_reset(&l->part);
        return 0;
    }
    l->part.text[length] = '\0';
    json_t *object = json_loadb(l->part.text, length, JSON_REJECT_DUPLICATES, &where);
    if (!object)
        l->stopped =
            err_set(&l->e, ERR_INTERNAL,
                    tr("the service's answer cannot be read: %s; are paceline and the service "
                       "of the same version?"),
                    where.text);
    else if (l->each)
        l->stopped = l->each(l->ctx, l->part.text, object);
    json_decref(object);
    strbuf_reset(&l->part);
    return l->stopped;
}

int lines_feed(struct lines *l, const char *bytes, size_t length)
{
    while (length > 0 && l->stopped == 0) {
        const char *newline = memchr(bytes, '\n', length);
        size_t piece = newline ? (size_t)(newline - bytes) : length;
        if (l->part.length + piece > LINE_BYTES_MAX) {
            l->stopped = err_set(&l->e, ERR_INTERNAL,
                                 tr("the service's answer cannot be read: a line is too long"));
            break;
        }
        strbuf_add(&l->part, bytes, piece);
        if (!newline)
            break;
        take_line(l);
        bytes += piece + 1;
        length -= piece + 1;
    }
    return l->stopped;
}

int lines_end(struct lines *l)
{
    if (l->stopped == 0 && l->part.length > 0)
        take_line(l);
    return l->stopped;
}

void lines_dispose(struct lines *l)
{
    strbuf_dispose(&l->part);
}
