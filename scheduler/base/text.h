/* UTF-8 for people: validity, counting, safe showing, nearest word. */
#ifndef PACELINE_BASE_TEXT_H
#define PACELINE_BASE_TEXT_H

#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

/* Length of the valid UTF-8 prefix of `s`; equals `length` when all of it is valid (no surrogates,
 * no overlong forms). */
size_t text_utf8_valid(const char *s, size_t length);

/* Characters (code points) in valid UTF-8. */
size_t text_chars(const char *s, size_t length);

/* Columns on a terminal: wide East Asian characters and emoji count two, combining ones none. */
size_t text_columns(const char *s);

/* Appends `s` as it may be shown on any screen: control characters (but newline when `multiline`),
 * ESC, bidi controls, zero-width characters and line separators are replaced by U+FFFD, so that
 * nobody is shown something else than what is sent. Returns whether anything was replaced. */
bool text_safe(struct strbuf *out, const char *s, bool multiline);

/* The word of `words` (NULL-terminated) that `s` was probably meant to be, or NULL. */
const char *text_nearest(const char *s, const char *const *words);

#endif
