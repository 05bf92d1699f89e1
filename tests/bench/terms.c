/* Banned terms over text: 10,000 of them, as policies have them, in messages as people write them.
 * Also what the same work costs at best: the bytes looked at once, with one table look-up each. */
#include "bench.h"

#include "base/arena.h"
#include "conf/terms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TERMS = 10000, TEXT_BYTES = 8 << 20, MESSAGE_BYTES = 600 };

static uint64_t state = 42;

static uint64_t draw(uint64_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % n;
}

/* One of the 3,000 ideographs from U+4E00 on: about as many as texts use. */
static size_t put_ideograph(char *out, unsigned most)
{
    unsigned c = 0x4e00 + (unsigned)draw(most);

    out[0] = (char)(0xe0 | c >> 12);
    out[1] = (char)(0x80 | (c >> 6 & 0x3f));
    out[2] = (char)(0x80 | (c & 0x3f));
    return 3;
}

static struct terms *make_terms(struct arena *arena)
{
    struct terms *t = terms_new(arena);
    char term[64];

    for (int i = 0; i < TERMS; i++) {
        size_t length = 0;
        if (draw(10) == 0) { /* a Latin one */
            for (uint64_t n = 4 + draw(8); n > 0; n--)
                term[length++] = (char)('a' + draw(26));
        } else {
            for (uint64_t n = 2 + draw(4); n > 0; n--)
                length += put_ideograph(term + length, 3000);
        }
        term[length] = '\0';
        if (!terms_add(t, term))
            exit(70);
    }
    terms_build(t);
    return t;
}

/* Chinese sentences with full-width punctuation, some Latin words, figures and spaces. */
static size_t make_text(char *text)
{
    static const char *const between[] = {"，", "。", "！",    " ",    "\n",
                                          "、", "：", " VIP ", "2027", "8.5"};
    size_t length = 0;

    while (length < TEXT_BYTES - 64) {
        for (uint64_t n = 4 + draw(14); n > 0; n--)
            length += put_ideograph(text + length, 3000);
        const char *s = between[draw(sizeof between / sizeof between[0])];
        memcpy(text + length, s, strlen(s));
        length += strlen(s);
    }
    return length;
}

static void scan(const char *name, const struct terms *t, const char *text, size_t length,
                 size_t piece)
{
    struct terms_scratch s = {0};
    uint64_t hits = 0;
    double from = bench_cpu();

    for (int round = 0; round < 4; round++) {
        for (size_t at = 0; at < length; at += piece) {
            terms_scan(t, text + at, piece < length - at ? piece : length - at, &s);
            hits += s.hit_count;
        }
    }
    double cpu = bench_cpu() - from;
    bench_line(name, "\"terms\":%d,\"mb_per_s\":%.1f,\"hits\":%llu", TERMS,
               4 * (double)length / 1e6 / cpu, (unsigned long long)hits);
    terms_scratch_dispose(&s);
}

/* The limit: a chain of dependent look-ups in a table that the caches hold. */
static void chain(const char *text, size_t length)
{
    static uint8_t table[256][256];
    uint8_t at = 0;
    double from = bench_cpu();

    for (int i = 0; i < 256; i++) {
        for (int k = 0; k < 256; k++)
            table[i][k] = (uint8_t)draw(256);
    }
    for (int round = 0; round < 4; round++) {
        for (size_t i = 0; i < length; i++)
            at = table[at][(unsigned char)text[i]];
    }
    double cpu = bench_cpu() - from;
    bench_line("limit: one dependent look-up a byte", "\"mb_per_s\":%.1f,\"ignore\":%d",
               4 * (double)length / 1e6 / cpu, at);
}

int main(void)
{
    struct arena *arena = arena_new();
    char *text = malloc(TEXT_BYTES);
    const struct terms *t = make_terms(arena);
    size_t length = make_text(text);

    scan("terms, one long text", t, text, length, length);
    scan("terms, messages of 600 bytes", t, text, length, MESSAGE_BYTES);
    chain(text, length);
    free(text);
    arena_free(arena);
    return 0;
}
