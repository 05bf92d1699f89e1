/* Writing the contract's JSON objects in the contract's order of keys. Commas are placed by looking
 * at what was written last, so objects nest without a state to carry. Invalid UTF-8 becomes U+FFFD.
 */
#ifndef PACELINE_API_EMIT_H
#define PACELINE_API_EMIT_H

#include "base/digest.h"
#include "base/strbuf.h"
#include "core/instant.h"
#include "core/tz.h"

#include <stdbool.h>

void emit_open(struct strbuf *b, char bracket); /* '{' or '[', as an element or after a key */
void emit_key(struct strbuf *b, const char *key);
void emit_text(struct strbuf *b, const char *s);   /* a value; NULL: null */
void emit_number(struct strbuf *b, int64_t n);     /* a value */
void emit_raw(struct strbuf *b, const char *json); /* a value that is JSON already */

void emit_put_text(struct strbuf *b, const char *key, const char *s);
void emit_put_number(struct strbuf *b, const char *key, int64_t n);
void emit_put_bool(struct strbuf *b, const char *key, bool v);
void emit_put_digest(struct strbuf *b, const char *key, const struct digest *d);
/* RFC 3339 with milliseconds in the zone's offset; INSTANT_MIN and INSTANT_NEVER: null. */
void emit_put_instant(struct strbuf *b, const char *key, instant_t t, const struct tz *zone);

#endif
