/* An answer that may be long: kept in memory up to OUTPUT_MEMORY_MAX, then in an unnamed file, so
 * that a list of a million rows costs no memory. One thread at a time. */
#ifndef PACELINE_API_OUTPUT_H
#define PACELINE_API_OUTPUT_H

#include "base/err.h"
#include "base/strbuf.h"

#include <stdint.h>

enum { OUTPUT_MEMORY_MAX = 256 * 1024 };

struct output {
    const char *dir;    /* where the file goes */
    struct strbuf text; /* write here, then call output_settle */
    int fd;             /* -1: all of it is in `text` */
    uint64_t written;   /* bytes in the file */
};

void output_init(struct output *o, const char *dir);
/* Moves the text to the file when it has grown too large. ERR_STORE: the disk says no. */
int output_settle(struct output *o, struct err *e);
/* After the last line: what is still in memory goes to the file too, if there is one. */
int output_finish(struct output *o, struct err *e);
void output_dispose(struct output *o);

#endif
