/* CSV that Excel and LibreOffice open as it is: UTF-8 with a BOM, CRLF, fields quoted where needed,
 * and none of them taken for a formula. */
#ifndef PACELINE_CLI_SHEET_H
#define PACELINE_CLI_SHEET_H

#include "base/strbuf.h"

#include <stdbool.h>

void sheet_begin(struct strbuf *out); /* the BOM */
void sheet_field(struct strbuf *out, const char *text, bool first /* of its row */);
void sheet_row_end(struct strbuf *out);

#endif
