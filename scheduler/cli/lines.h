/* JSON Lines out of a stream that arrives in pieces: one whole line at a time, nothing kept but the
 * line that is not finished yet. Pure. */
#ifndef PACELINE_CLI_LINES_H
#define PACELINE_CLI_LINES_H

#include "base/err.h"
#include "base/strbuf.h"

#include <jansson.h>

enum { LINE_BYTES_MAX = 4 * 1024 * 1024 };

/* `text` is the line as it came, `object` what it says; both borrowed. Not 0 ends the reading. */
typedef int line_fn(void *ctx, const char *text, const json_t *object);

struct lines {
    struct strbuf part;
    line_fn *each;
    void *ctx;
    int stopped;  /* what `each` returned, or ERR_* */
    struct err e; /* when that is ERR_* of ours */
};

void lines_init(struct lines *l, line_fn *each, void *ctx);
/* 0, or what stopped it; then nothing more is read. */
int lines_feed(struct lines *l, const char *bytes, size_t length);
int lines_end(struct lines *l); /* a last line without newline counts too */
void lines_dispose(struct lines *l);

#endif
