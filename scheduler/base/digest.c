/* OpenSSL can only fail here when it is out of memory or has no SHA-256: both stop us. */
#include "base/digest.h"

#include "base/arena.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char prefix[] = "sha256:";

struct digester {
    EVP_MD_CTX *context;
};

static void must(int ok);
static int nibble(char c);

struct digester *digester_new(void)
{
    struct digester *d = xmalloc(sizeof(*d));

    d->context = EVP_MD_CTX_new();
    must(d->context != NULL);
    must(EVP_DigestInit_ex(d->context, EVP_sha256(), NULL));
    return d;
}

void digester_add(struct digester *d, const void *bytes, size_t length)
{
    if (length)
        must(EVP_DigestUpdate(d->context, bytes, length));
}

void digester_field(struct digester *d, const void *bytes, size_t length)
{
    digester_int(d, (int64_t)length);
    digester_add(d, bytes, length);
}

void digester_string(struct digester *d, const char *s)
{
    digester_field(d, s, strlen(s));
}

void digester_int(struct digester *d, int64_t n)
{
    uint8_t bytes[8];

    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((uint64_t)n >> (56 - 8 * i));
    digester_add(d, bytes, sizeof(bytes));
}

struct digest digester_end(struct digester *d)
{
    struct digest out;

    must(EVP_DigestFinal_ex(d->context, out.bytes, NULL));
    EVP_MD_CTX_free(d->context);
    free(d);
    return out;
}

struct digest digest_of(const void *bytes, size_t length)
{
    struct digester *d = digester_new();

    digester_add(d, bytes, length);
    return digester_end(d);
}

void digest_text(const struct digest *d, char out[DIGEST_TEXT])
{
    static const char hex[] = "0123456789abcdef";
    char *to = out + sizeof(prefix) - 1;

    memcpy(out, prefix, sizeof(prefix) - 1);
    for (int i = 0; i < DIGEST_BYTES; i++) {
        *to++ = hex[d->bytes[i] >> 4];
        *to++ = hex[d->bytes[i] & 15];
    }
    *to = '\0';
}

bool digest_parse(const char *text, struct digest *out)
{
    const char *from = text + sizeof(prefix) - 1;
    struct digest d;

    if (strlen(text) != DIGEST_TEXT - 1 || strncmp(text, prefix, sizeof(prefix) - 1) != 0)
        return false;
    for (int i = 0; i < DIGEST_BYTES; i++, from += 2) {
        int high = nibble(from[0]), low = nibble(from[1]);
        if (high < 0 || low < 0)
            return false;
        d.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *out = d;
    return true;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return memcmp(a->bytes, b->bytes, DIGEST_BYTES) == 0;
}

static void must(int ok)
{
    if (ok == 1)
        return;
    fprintf(stderr, "paceline: SHA-256 is not available from OpenSSL, stopping\n");
    abort();
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
