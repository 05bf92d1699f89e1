#include "conf/fold.h"

#include <stdbool.h>
#include <string.h>
#include <utf8proc.h>

enum { NO_CHARACTER = 0xfffd };

static int32_t simplified(int32_t c);
static bool kept(int32_t c);
static size_t cluster_end(const char *text, size_t length, size_t at);
static size_t letters_keep(int32_t *points, utf8proc_ssize_t count);
static utf8proc_ssize_t compat_casefold(const char *text, size_t length, int32_t *out);

static bool ideograph(int32_t c)
{
    return c >= 0x4e00 && c <= 0x9fff;
}

/* In these most texts lie; the others may take longer. */
static bool common(int32_t c)
{
    return c < 0x3400 || (c >= 0xff00 && c <= 0xffef);
}

int32_t fold_alone(int32_t c)
{
    utf8proc_uint8_t bytes[4];
    int32_t out[FOLD_POINTS_MAX];

    if (ideograph(c))
        return simplified(c);
    if (c == '\n')
        return c;
    if (!common(c) || c == '\r' ||
        (c >= 0x80 && utf8proc_get_property(c)->boundclass != UTF8PROC_BOUNDCLASS_OTHER))
        return FOLD_ASK;
    size_t length = (size_t)utf8proc_encode_char(c, bytes);
    utf8proc_ssize_t n = compat_casefold((const char *)bytes, length, out);
    if (n < 0)
        return FOLD_ASK;
    switch (letters_keep(out, n)) {
    case 0:
        return FOLD_NOTHING;
    case 1:
        return out[0];
    default:
        return FOLD_ASK;
    }
}

size_t fold_cluster(const char *text, size_t length, size_t at, size_t *end,
                    int32_t out[FOLD_POINTS_MAX])
{
    *end = cluster_end(text, length, at);
    utf8proc_ssize_t n = compat_casefold(text + at, *end - at, out);
    if (n >= 0)
        return letters_keep(out, n);
    out[0] = NO_CHARACTER;
    return 1;
}

static size_t cluster_end(const char *text, size_t length, size_t at)
{
    utf8proc_int32_t before = -1, c, state = 0;

    for (int points = 0; at < length && points < FOLD_CLUSTER_MAX; points++) {
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text + at,
                                              (utf8proc_ssize_t)(length - at), &c);
        if (n < 1)
            return before == -1 ? at + 1 : at; /* no character: alone */
        if (before != -1 && utf8proc_grapheme_break_stateful(before, c, &state))
            break;
        before = c;
        at += (size_t)n;
    }
    return at;
}

/* Negative: no text. */
static utf8proc_ssize_t compat_casefold(const char *text, size_t length, int32_t *out)
{
    const utf8proc_option_t options =
        UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
    utf8proc_ssize_t n = utf8proc_decompose(
        (const utf8proc_uint8_t *)text, (utf8proc_ssize_t)length, out, FOLD_POINTS_MAX, options);

    return n < 0 || n > FOLD_POINTS_MAX ? -1 : utf8proc_normalize_utf32(out, n, options);
}

/* Of what is in `points`. */
static size_t letters_keep(int32_t *points, utf8proc_ssize_t count)
{
    size_t letters = 0;

    for (utf8proc_ssize_t i = 0; i < count; i++)
        if (kept(points[i]))
            points[letters++] = ideograph(points[i]) ? simplified(points[i]) : points[i];
    return letters;
}

static bool kept(int32_t c)
{
    if (c == '\n')
        return true;
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_PO:
        return (c < 0x80 && strchr(",!?;:%", c)) || c == 0x3001 || c == 0x3002;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_SO:
    case UTF8PROC_CATEGORY_SK:
        return false;
    default:
        return true;
    }
}

static int32_t three_bytes(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;

    return (s[0] & 0x0f) << 12 | (s[1] & 0x3f) << 6 | (s[2] & 0x3f);
}

static int32_t simplified(int32_t c)
{
    size_t low = 0, high = fold_hans_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int32_t here = three_bytes(fold_hans[middle]);
        if (here == c)
            return three_bytes(fold_hans[middle] + 3);
        if (here < c)
            low = middle + 1;
        else
            high = middle;
    }
    return c;
}
