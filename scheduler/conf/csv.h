/* CSV rows (RFC 4180) as a stream: `,` `;` or tab by the first row, LF or CRLF, UTF-8 with or
 * without BOM, or GB18030 (decode.h). A row with a broken quote ends at its first line, so that one
 * slip does not swallow the rest of the file. Knows nothing of audiences. Private to conf. */
#ifndef PACELINE_CONF_CSV_H
#define PACELINE_CONF_CSV_H

#include "base/err.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

enum csv_problem {
    CSV_FINE,
    CSV_LONG,        /* over CSV_ROW_MAX */
    CSV_OPEN_QUOTE,  /* never closed */
    CSV_AFTER_QUOTE, /* text after a closing quote */
    CSV_STRAY_QUOTE, /* a quote inside a field without quotes */
    CSV_NOT_UTF8,
    CSV_NOT_GB18030, /* in a file that is read as that */
    CSV_CONTROL      /* a control character other than tab and newline */
};

struct csv_row {
    enum csv_problem problem;
    size_t line;               /* on which it starts, from 1 */
    size_t field;              /* of the problem, from 1 */
    const char *const *fields; /* borrowed until the next row; without quotes: trimmed */
    size_t count;
};

struct csv;

/* `fd` is the caller's, a regular file. Blank lines are passed over. */
/* `s` itself when there is nothing to cut. Only quoted fields can need it. */
const char *trimmed(struct strbuf *scratch, const char *s);
/* In the person's language; NULL for CSV_FINE. */
const char *csv_problem_text(enum csv_problem problem);

/* `fd` is the caller's. Blank lines are passed over. */
struct csv *csv_new(int fd);
void csv_free(struct csv *c);
/* 1 and a row (perhaps with a problem), 0 at the end, ERR_IO, ERR_DATA (decoder_new). */
int csv_next(struct csv *c, struct csv_row *row, struct err *e);
bool csv_is_gb18030(const struct csv *c); /* known after the first row */

#endif
