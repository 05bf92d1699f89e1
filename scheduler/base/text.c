#include "base/text.h"

#include <stdint.h>
#include <string.h>
#include <utf8proc.h>

enum { NEAREST_MAX = 64 }; /* longer words are not compared: nobody mistypes those */

static size_t decode(const char *s, size_t length, int32_t *point);
static bool deceives(int32_t c, bool multiline);
static size_t max(size_t a, size_t b);
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length);

size_t text_utf8_valid(const char *s, size_t length)
{
    size_t at = 0;
    int32_t point;

    while (at < length) {
        size_t n = decode(s + at, length - at, &point);
        if (n == 0)
            break;
        at += n;
    }
    return at;
}

size_t text_chars(const char *s, size_t length)
{
    size_t count = 0;

    for (size_t i = 0; i < length; i++)
        count += ((unsigned char)s[i] & 0xC0) != 0x80;
    return count;
}

size_t text_columns(const char *s)
{
    size_t columns = 0, length = strlen(s);
    int32_t point;

    for (size_t at = 0, n; at < length; at += n) {
        n = decode(s + at, length - at, &point);
        if (n == 0) { /* shown as one replacement character */
            n = 1;
            columns++;
            continue;
        }
        int width = utf8proc_charwidth(point);
        columns += width > 0 ? (size_t)width : 0;
    }
    return columns;
}

bool text_safe(struct strbuf *out, const char *s, bool multiline)
{
    static const char replacement[] = "\xEF\xBF\xBD";
    size_t length = strlen(s);
    bool replaced = false;
    int32_t point;

    strbuf_add(out, "", 0);
    for (size_t at = 0, n; at < length; at += n) {
        n = decode(s + at, length - at, &point);
        if (n == 0 || deceives(point, multiline)) {
            strbuf_puts(out, replacement);
            replaced = true;
            n = n ? n : 1;
            continue;
        }
        strbuf_add(out, s + at, n);
    }
    return replaced;
}

const char *text_nearest(const char *s, const char *const *words)
{
    size_t length = strlen(s);
    size_t best = length / 4 + 2; /* accepted: at most 1 + length / 4 */
    const char *nearest = NULL;

    if (length == 0 || length > NEAREST_MAX)
        return NULL;
    for (; *words; words++) {
        size_t word_length = strlen(*words);
        if (word_length > NEAREST_MAX)
            continue;
        size_t d = distance(s, length, *words, word_length);
        if (d < best && d < max(length, word_length)) { /* nothing in common is no likeness */
            best = d;
            nearest = *words;
        }
    }
    return nearest;
}

/* The code point at `s` and its length in bytes; 0 when it is not valid UTF-8. */
static size_t decode(const char *s, size_t length, int32_t *point)
{
    utf8proc_int32_t c;
    utf8proc_ssize_t n =
        utf8proc_iterate((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)length, &c);

    if (n <= 0)
        return 0;
    *point = c;
    return (size_t)n;
}

/* Characters that change what a reader sees without being seen. The joiner U+200D is one of them:
 * between letters it is invisible, and an emoji family taken apart is the smaller harm. */
static bool deceives(int32_t c, bool multiline)
{
    if (c == '\n')
        return !multiline;
    if (c == 0x034F || c == 0x115F || c == 0x1160 || c == 0x3164 || c == 0xFFA0)
        return true; /* a joiner and Hangul fillers: blank, but letters and marks to Unicode */
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_CC: /* control */
    case UTF8PROC_CATEGORY_CF: /* bidi, zero width, tags */
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CS:
        return true;
    default:
        return false;
    }
}

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t max(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Optimal string alignment: insertion, deletion, change, and swap of neighbours count one each. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][NEAREST_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b_length; j++)
        last[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t change = last[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = min(change, min(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = min(row[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[b_length];
}
