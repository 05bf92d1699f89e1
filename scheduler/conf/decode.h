/* A text file as UTF-8, whatever of the two it is written in: UTF-8 itself, or GB18030 (what
 * spreadsheets save in China), converted by iconv. Which one it is, is seen by reading it through
 * once; then it streams. Knows nothing of rows. Private to conf. */
#ifndef PACELINE_CONF_DECODE_H
#define PACELINE_CONF_DECODE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { DECODE_ROOM = 8 }; /* the least that decode_read is given: more than any character */

struct decoder;

/* `fd` is the caller's, and a regular file; it is read from its start. ERR_IO; ERR_DATA when it is
 * GB18030 and this system cannot convert that. */
int decoder_new(struct decoder **out, int fd, struct err *e);
void decoder_free(struct decoder *d);
bool decoder_is_gb18030(const struct decoder *d);
/* Up to `size` bytes; 0 at the end; ERR_IO. What is no UTF-8 comes as it is, a byte that is no
 * GB18030 as 0xFF, so that either way nobody takes it for UTF-8. */
ssize_t decoder_read(struct decoder *d, char *out, size_t size, struct err *e);

#endif
