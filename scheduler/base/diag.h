/* What is wrong with a person's files, each at its place, all of it in one run.
 *
 * Lines and columns count from 1, columns count characters; 0 means the whole file. Kept in the
 * order they were added; DIAG_SHOWN_MAX are kept, the rest are only counted. */
#ifndef PACELINE_BASE_DIAG_H
#define PACELINE_BASE_DIAG_H

#include <stdbool.h>
#include <stddef.h>

enum { DIAG_SHOWN_MAX = 100 };

enum diag_level { DIAG_WARNING, DIAG_ERROR };

struct diag {
    const char *file; /* as the person named it; owned by the list */
    size_t line, column;
    enum diag_level level;
    int code; /* ERR_DATA: cannot be read as what it should be; ERR_REFUSED: content or limits */
    const char *message;
};

struct diags {
    struct arena *arena;
    struct diag *items;
    size_t count;   /* kept in items */
    size_t dropped; /* beyond DIAG_SHOWN_MAX */
    size_t errors;  /* all errors, kept or not */
    int worst;      /* ERR_DATA if any error is that, else ERR_REFUSED if any, else 0 */
    size_t capacity;
};

void diags_init(struct diags *d);
void diags_dispose(struct diags *d);
void diag_add(struct diags *d, const char *file, size_t line, size_t column, enum diag_level level,
              int code, const char *format, ...) __attribute__((format(printf, 7, 8)));
/* Puts what was added since `first` into order: files as they came up, in each its places. */
void diags_order(struct diags *d, size_t first);
/* `FILE:LINE:COLUMN: message` (no position when line is 0; warnings say so), a line without '\n'.
 */
char *diag_line(const struct diag *item); /* malloc'd */

#endif
