/* Aho and Corasick's automaton over classes of bytes: bytes that no term has share one column, so
 * that thousands of Chinese terms take megabytes, not hundreds of them. What most texts consist of
 * (ASCII, common ideographs) is folded without asking the library. */
#include "conf/terms.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { CLUSTER_POINTS_MAX = 32, DECOMPOSED_MAX = CLUSTER_POINTS_MAX * 24, NO_TERM = -1 };

struct term {
    const char *bytes; /* folded */
    size_t length;
    int32_t same; /* another term that folds to the same bytes, or NO_TERM */
};

struct terms {
    struct arena *arena;
    struct term *items;
    size_t count, bytes;
    uint8_t classes[256]; /* 0: in no term */
    size_t class_count;
    int32_t *next, *fail, *term, *shorter; /* by state; shorter: the next one that ends a term */
    int32_t state_count;
};

static size_t cluster_end(const char *text, size_t length, size_t at);
static void cluster_fold(struct terms_scratch *s, const char *text, size_t from, size_t to);
static void put(struct terms_scratch *s, const void *bytes, size_t count, size_t from, size_t to);
static void tree_build(struct terms *t);
static void links_build(struct terms *t);
static void hits_add(const struct terms *t, int32_t state, size_t at, struct terms_scratch *s);

struct terms *terms_new(struct arena *arena)
{
    struct terms *t = arena_alloc(arena, sizeof *t);

    t->arena = arena;
    t->items = arena_array(arena, TERMS_MAX, sizeof *t->items);
    return t;
}

bool terms_add(struct terms *t, const char *term)
{
    struct terms_scratch s = {0};
    bool ok = t->count < TERMS_MAX && strlen(term) <= TERM_BYTES_MAX;

    if (ok)
        terms_fold(term, strlen(term), &s);
    ok = ok && s.length > 0;
    if (ok) {
        t->items[t->count++] =
            (struct term){arena_strndup(t->arena, s.bytes, s.length), s.length, NO_TERM};
        t->bytes += s.length;
    }
    terms_scratch_dispose(&s);
    return ok;
}

void terms_build(struct terms *t)
{
    size_t states = t->bytes + 1;

    t->class_count = 1;
    for (size_t i = 0; i < t->count; i++) {
        for (size_t b = 0; b < t->items[i].length; b++) {
            uint8_t *class = &t->classes[(unsigned char)t->items[i].bytes[b]];
            if (*class == 0)
                *class = (uint8_t)t->class_count++;
        }
    }
    t->next = arena_array(t->arena, states * t->class_count, sizeof *t->next);
    t->fail = arena_array(t->arena, states, sizeof *t->fail);
    t->term = arena_array(t->arena, states, sizeof *t->term);
    t->shorter = arena_array(t->arena, states, sizeof *t->shorter);
    for (size_t i = 0; i < states; i++)
        t->term[i] = NO_TERM;
    tree_build(t);
    links_build(t);
}

void terms_scan(const struct terms *t, const char *text, size_t length, struct terms_scratch *s)
{
    int32_t state = 0;

    terms_fold(text, length, s);
    s->hit_count = 0;
    for (size_t i = 0; i < s->length && s->hit_count < TERMS_HITS_MAX; i++) {
        size_t class = t->classes[(unsigned char)s->bytes[i]];
        state = t->next[(size_t)state * t->class_count + class];
        int32_t ends = t->term[state] != NO_TERM ? state : t->shorter[state];
        for (; ends; ends = t->shorter[ends])
            hits_add(t, ends, i, s);
    }
}

void terms_scratch_dispose(struct terms_scratch *s)
{
    free(s->bytes);
    free(s->begin);
    free(s->end);
    free(s->hits);
    *s = (struct terms_scratch){0};
}

/* --- folding --- */

static bool common_ideograph(const char *text, size_t length, size_t at)
{
    const unsigned char *s = (const unsigned char *)text + at;

    return length - at >= 3 && s[0] >= 0xe4 && s[0] <= 0xe9 && (s[0] > 0xe4 || s[1] >= 0xb8);
}

static bool plain_ascii(const char *text, size_t length, size_t at)
{
    return at < length && (unsigned char)text[at] < 0x80 && text[at] != '\r';
}

/* What cannot join the cluster before it. */
static bool begins_plainly(const char *text, size_t length, size_t at)
{
    return at == length || plain_ascii(text, length, at) || common_ideograph(text, length, at);
}

static bool kept(utf8proc_int32_t c)
{
    if (c == '\n')
        return true;
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_PO:
        return (c < 0x80 && strchr(",!?;:%", (int)c)) || c == 0x3001 || c == 0x3002;
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

void terms_fold(const char *text, size_t length, struct terms_scratch *s)
{
    s->length = 0;
    for (size_t at = 0, end; at < length; at = end) {
        if (plain_ascii(text, length, at) && begins_plainly(text, length, at + 1)) {
            char c = text[at];
            end = at + 1;
            c = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
            if (kept(c))
                put(s, &c, 1, at, end);
        } else if (common_ideograph(text, length, at) && begins_plainly(text, length, at + 3)) {
            end = at + 3;
            put(s, text + at, 3, at, end);
        } else {
            end = cluster_end(text, length, at);
            cluster_fold(s, text, at, end);
        }
    }
}

static size_t cluster_end(const char *text, size_t length, size_t at)
{
    utf8proc_int32_t before = -1, c, state = 0;

    for (int points = 0; at < length && points < CLUSTER_POINTS_MAX; points++) {
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

static void cluster_fold(struct terms_scratch *s, const char *text, size_t from, size_t to)
{
    const utf8proc_option_t options =
        UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
    utf8proc_int32_t points[DECOMPOSED_MAX];
    utf8proc_ssize_t n =
        utf8proc_decompose((const utf8proc_uint8_t *)text + from, (utf8proc_ssize_t)(to - from),
                           points, DECOMPOSED_MAX, options);

    if (n < 0 || n > DECOMPOSED_MAX) {
        put(s, text + from, to - from, from, to);
        return;
    }
    n = utf8proc_normalize_utf32(points, n, options);
    for (utf8proc_ssize_t i = 0; i < n; i++) {
        utf8proc_uint8_t bytes[4];
        if (kept(points[i]))
            put(s, bytes, (size_t)utf8proc_encode_char(points[i], bytes), from, to);
    }
}

static void put(struct terms_scratch *s, const void *bytes, size_t count, size_t from, size_t to)
{
    s->bytes = xgrow(s->bytes, &s->capacity[0], s->length + count, sizeof *s->bytes);
    s->begin = xgrow(s->begin, &s->capacity[1], s->length + count, sizeof *s->begin);
    s->end = xgrow(s->end, &s->capacity[2], s->length + count, sizeof *s->end);
    memcpy(s->bytes + s->length, bytes, count);
    for (size_t i = 0; i < count; i++) {
        s->begin[s->length] = from;
        s->end[s->length++] = to;
    }
}

/* --- the automaton --- */

static int32_t *next_of(const struct terms *t, int32_t state, size_t class)
{
    return &t->next[(size_t)state * t->class_count + class];
}

static void tree_build(struct terms *t)
{
    t->state_count = 1;
    for (size_t i = 0; i < t->count; i++) {
        struct term *term = &t->items[i];
        int32_t state = 0;
        for (size_t b = 0; b < term->length; b++) {
            int32_t *to = next_of(t, state, t->classes[(unsigned char)term->bytes[b]]);
            if (*to == 0)
                *to = t->state_count++;
            state = *to;
        }
        term->same = t->term[state];
        t->term[state] = (int32_t)i;
    }
}

/* State by state in the order of their depth: whatever `fail` leads to is complete. A missing
 * transition (0) is that of the longest ending which is still the beginning of a term. */
static void links_build(struct terms *t)
{
    int32_t *queue = xmalloc((size_t)t->state_count * sizeof *queue);
    size_t head = 0, tail = 0;

    for (size_t c = 0; c < t->class_count; c++)
        if (*next_of(t, 0, c))
            queue[tail++] = *next_of(t, 0, c);
    while (head < tail) {
        int32_t state = queue[head++], fail = t->fail[state];
        t->shorter[state] = t->term[fail] != NO_TERM ? fail : t->shorter[fail];
        for (size_t c = 0; c < t->class_count; c++) {
            int32_t *to = next_of(t, state, c);
            if (*to) {
                t->fail[*to] = *next_of(t, fail, c);
                queue[tail++] = *to;
            } else {
                *to = *next_of(t, fail, c);
            }
        }
    }
    free(queue);
}

static void hits_add(const struct terms *t, int32_t state, size_t at, struct terms_scratch *s)
{
    for (int32_t i = t->term[state]; i != NO_TERM; i = t->items[i].same) {
        size_t from = at + 1 - t->items[i].length;
        s->hits = xgrow(s->hits, &s->hit_capacity, s->hit_count + 1, sizeof *s->hits);
        s->hits[s->hit_count++] =
            (struct terms_hit){(uint32_t)i, s->begin[from], s->end[at], from, at + 1};
    }
}
