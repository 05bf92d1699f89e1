/* SHA-256 (OpenSSL) and its spelling `sha256:<64 hex>`. */
#ifndef PACELINE_BASE_DIGEST_H
#define PACELINE_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIGEST_BYTES = 32, DIGEST_TEXT = 7 + 64 + 1 };

struct digest {
    uint8_t bytes[DIGEST_BYTES];
};

struct digester; /* one running hash */

struct digester *digester_new(void);
void digester_add(struct digester *d, const void *bytes, size_t length);
/* Adds the length as 8 bytes, big-endian, before the bytes: fields cannot run into each other. */
void digester_field(struct digester *d, const void *bytes, size_t length);
void digester_string(struct digester *d, const char *s); /* digester_field of a string */
void digester_int(struct digester *d, int64_t n);        /* 8 bytes, big-endian */
struct digest digester_end(struct digester *d);          /* frees it */

struct digest digest_of(const void *bytes, size_t length);
void digest_text(const struct digest *d, char out[DIGEST_TEXT]);
bool digest_parse(const char *text,
                  struct digest *out); /* accepts exactly `sha256:<64 lower hex>` */
bool digest_equal(const struct digest *a, const struct digest *b);

#endif
