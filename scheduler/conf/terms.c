/* Aho and Corasick's automaton over folded letters. Each letter of the terms has a number, its
 * class; a table says in one look what a character that stands alone comes to: a class, nothing
 * (left out), no term's letter, or that its neighbours have to be asked.
 *
 * A state keeps a set of 64 bits over the classes that lead on: most texts leave most terms after
 * one character, and then neither the edges (one hash table for all states) are looked at nor any
 * memory that is not in the cache already. An alphabet is not like that, every two letters begin
 * some term: its states of one and two letters come first, and have a whole row. */
#include "conf/terms.h"

#include "conf/fold.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { PLANE = 0x10000, NO_TERM = -1, ROW = 64, ROW_DEPTH = 2 };
static const uint32_t ends_term = 0x80000000; /* beside the number of a state */
/* in the table of classes; those of letters come behind, ascending: they fit where PLANE ends */
enum { CLASS_NONE, CLASS_OUT, CLASS_ASK, CLASS_FIRST };

struct term {
    const int32_t *points; /* folded */
    size_t length;
    int32_t same;           /* another term that folds alike, or NO_TERM */
    bool word_at, word_end; /* begins, ends with a Latin letter or a digit */
};

struct state {
    uint64_t leads; /* classes % 64 with an edge */
    uint32_t fail;  /* the longest ending that begins a term */
    uint32_t ends;  /* this state, or the next shorter one, that ends a term; 0: none */
};

struct node {              /* what scanning seldom needs of a state */
    uint32_t shorter;      /* than `ends`, ends a term too; 0: none */
    int32_t term;          /* that it ends, or NO_TERM */
    uint32_t first, other; /* a child; the next child of the same parent */
    uint32_t class;        /* of the edge to it */
};

struct edge {
    uint32_t from, class, to; /* to 0: free */
};

struct terms {
    struct arena *arena;
    struct term *items;
    size_t count, points;
    int32_t *letters; /* of all terms, ascending, each once */
    size_t letter_count;
    uint16_t *classes; /* of the characters below PLANE, as they stand in a text */
    struct state *states;
    struct node *nodes;
    uint32_t state_count;
    uint32_t *root; /* the root's edges, by class */
    struct edge *edges;
    unsigned edge_bits;
    uint32_t *rows; /* ROW classes for each of the first states */
    uint32_t row_count;
};

struct seen { /* one character of a text */
    uint32_t class, bytes;
};

static void classes_build(struct terms *t);
static uint32_t class_of(const struct terms *t, int32_t letter);
static void tree_build(struct terms *t);
static void links_build(struct terms *t);
static void rows_build(struct terms *t);
static void ends_mark(struct terms *t);
static struct seen look(const struct terms *t, const char *text, size_t length, size_t at);
static uint32_t step(const struct terms *t, uint32_t state, uint32_t class);
static uint32_t cluster_scan(const struct terms *t, uint32_t state, const char *text, size_t length,
                             size_t at, size_t *end, struct terms_scratch *s);
static void hits_add(const struct terms *t, uint32_t state, const char *text, size_t length,
                     size_t end, struct terms_scratch *s);
static void room_make(struct terms_scratch *s, size_t more);

struct terms *terms_new(struct arena *arena)
{
    struct terms *t = arena_alloc(arena, sizeof *t);

    t->arena = arena;
    t->items = arena_array(arena, TERMS_MAX, sizeof *t->items);
    return t;
}

static bool word_letter(int32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

bool terms_add(struct terms *t, const char *term)
{
    size_t length = strlen(term), count = 0;
    struct term *added = &t->items[t->count];

    if (t->count == TERMS_MAX || length > TERM_BYTES_MAX)
        return false;
    int32_t *points = xmalloc((length / FOLD_CLUSTER_MAX + 2) * FOLD_POINTS_MAX * sizeof *points);
    for (size_t at = 0; at < length;)
        count += fold_cluster(term, length, at, &at, points + count);
    if (count > 0) {
        int32_t *kept = arena_array(t->arena, count, sizeof *kept);
        memcpy(kept, points, count * sizeof *kept);
        *added =
            (struct term){kept, count, NO_TERM, word_letter(kept[0]), word_letter(kept[count - 1])};
        t->count++;
        t->points += count;
    }
    free(points);
    return count > 0;
}

void terms_build(struct terms *t)
{
    classes_build(t);
    t->states = arena_array(t->arena, t->points + 1, sizeof *t->states);
    t->nodes = arena_array(t->arena, t->points + 1, sizeof *t->nodes);
    t->root = arena_array(t->arena, CLASS_FIRST + t->letter_count, sizeof *t->root);
    for (t->edge_bits = 4; (size_t)1 << t->edge_bits < 2 * (t->points + 1); t->edge_bits++)
        ;
    t->edges = arena_array(t->arena, (size_t)1 << t->edge_bits, sizeof *t->edges);
    tree_build(t);
    links_build(t);
    rows_build(t);
    ends_mark(t);
}

void terms_scan(const struct terms *t, const char *text, size_t length, struct terms_scratch *s)
{
    struct seen here = look(t, text, length, 0), next = here;
    uint32_t state = 0;

    assert(length <= UINT32_MAX);
    s->letters = s->hit_count = 0;
    room_make(s, length);
    for (size_t at = 0, end; at < length; at = end, here = next) {
        end = at + here.bytes;
        if (here.class != CLASS_ASK)
            next = look(t, text, length, end);
        if (here.class == CLASS_ASK || next.class == CLASS_ASK) {
            state = cluster_scan(t, state, text, length, at, &end, s);
            next = look(t, text, length, end);
        } else if (here.class != CLASS_OUT) {
            s->begin[s->letters++] = (uint32_t)at;
            state = step(t, state, here.class);
            if (state & ends_term)
                hits_add(t, state ^= ends_term, text, length, end, s);
        }
    }
}

void terms_scratch_dispose(struct terms_scratch *s)
{
    free(s->begin);
    free(s->hits);
    *s = (struct terms_scratch){0};
}

/* --- the tree and its links --- */

static size_t slot_of(const struct terms *t, uint32_t from, uint32_t class)
{
    return (from * 0x9e3779b1U ^ class * 0x85ebca77U) >> (32 - t->edge_bits);
}

/* The edge, or the free place for it. */
static struct edge *edge_find(const struct terms *t, uint32_t from, uint32_t class)
{
    size_t mask = ((size_t)1 << t->edge_bits) - 1, i = slot_of(t, from, class);

    while (t->edges[i].to && (t->edges[i].from != from || t->edges[i].class != class))
        i = (i + 1) & mask;
    return &t->edges[i];
}

/* With `ends_term` beside it once everything is built. */
static uint32_t step(const struct terms *t, uint32_t state, uint32_t class)
{
    if (class == CLASS_NONE)
        return 0;
    for (;;) {
        const struct state *s = &t->states[state];
        if (state < t->row_count && class < ROW)
            return t->rows[(size_t)state * ROW + class];
        if (state == 0)
            return t->root[class];
        if (s->leads >> (class & 63) & 1) {
            uint32_t to = edge_find(t, state, class)->to;
            if (to)
                return to;
        }
        state = s->fail;
    }
}

static uint32_t child_make(struct terms *t, uint32_t from, uint32_t class)
{
    uint32_t *to = &t->root[class];

    if (from) {
        struct edge *e = edge_find(t, from, class);
        e->from = from;
        e->class = class;
        to = &e->to;
    }
    if (*to)
        return *to;
    *to = t->state_count++;
    t->states[from].leads |= (uint64_t)1 << (class & 63);
    t->nodes[*to] = (struct node){.term = NO_TERM, .other = t->nodes[from].first, .class = class};
    t->nodes[from].first = *to;
    return *to;
}

static void tree_build(struct terms *t)
{
    t->state_count = 1;
    t->nodes[0].term = NO_TERM;
    for (size_t i = 0; i < t->count; i++) { /* those with a row first */
        uint32_t state = 0, class;
        for (size_t p = 0; p < t->items[i].length && p < ROW_DEPTH; p++) {
            class = class_of(t, t->items[i].points[p]);
            if (class >= ROW)
                break;
            state = child_make(t, state, class);
        }
    }
    t->row_count = t->state_count;
    for (size_t i = 0; i < t->count; i++) {
        struct term *term = &t->items[i];
        uint32_t state = 0;
        for (size_t p = 0; p < term->length; p++)
            state = child_make(t, state, class_of(t, term->points[p]));
        term->same = t->nodes[state].term;
        t->nodes[state].term = (int32_t)i;
    }
}

/* In the order of their depth: whatever `fail` leads to is complete. Without rows. */
static void links_build(struct terms *t)
{
    uint32_t *queue = xmalloc((size_t)t->state_count * sizeof *queue), head = 0, tail = 0;
    uint32_t rows = t->row_count;

    t->row_count = 0;
    queue[tail++] = 0;
    while (head < tail) {
        uint32_t parent = queue[head++];
        for (uint32_t i = t->nodes[parent].first; i; i = t->nodes[i].other) {
            struct state *s = &t->states[i];
            struct node *n = &t->nodes[i];
            s->fail = parent ? step(t, t->states[parent].fail, n->class) : 0;
            n->shorter = t->states[s->fail].ends;
            s->ends = n->term != NO_TERM ? i : n->shorter;
            queue[tail++] = i;
        }
    }
    free(queue);
    t->row_count = rows;
}

static void rows_build(struct terms *t)
{
    uint32_t count = t->row_count, last = CLASS_FIRST + (uint32_t)t->letter_count;

    t->rows = arena_array(t->arena, (size_t)count * ROW, sizeof *t->rows);
    t->row_count = 0;
    for (uint32_t state = 0; state < count; state++)
        for (uint32_t class = CLASS_FIRST; class < ROW && class < last; class ++)
            t->rows[(size_t)state * ROW + class] = step(t, state, class);
    t->row_count = count;
}

static uint32_t marked(const struct terms *t, uint32_t to)
{
    return t->states[to].ends ? to | ends_term : to;
}

/* Scanning need not look at a state to see that it ends nothing. */
static void ends_mark(struct terms *t)
{
    for (size_t i = 0; i < CLASS_FIRST + t->letter_count; i++)
        t->root[i] = marked(t, t->root[i]);
    for (size_t i = 0; i < (size_t)1 << t->edge_bits; i++)
        t->edges[i].to = marked(t, t->edges[i].to);
    for (size_t i = 0; i < (size_t)t->row_count * ROW; i++)
        t->rows[i] = marked(t, t->rows[i]);
}

/* --- classes --- */

static int letter_compare(const void *a, const void *b)
{
    const int32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void classes_build(struct terms *t)
{
    size_t count = 0, kept = 0;

    t->letters = arena_array(t->arena, t->points + 1, sizeof *t->letters);
    for (size_t i = 0; i < t->count; count += t->items[i++].length)
        memcpy(t->letters + count, t->items[i].points, t->items[i].length * sizeof *t->letters);
    qsort(t->letters, count, sizeof *t->letters, letter_compare);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || t->letters[i] != t->letters[i - 1])
            t->letters[kept++] = t->letters[i];
    t->letter_count = kept;
    t->classes = arena_array(t->arena, PLANE, sizeof *t->classes);
    for (int32_t c = 0; c < PLANE; c++) {
        int32_t letter = fold_alone(c);
        t->classes[c] = letter == FOLD_ASK       ? CLASS_ASK
                        : letter == FOLD_NOTHING ? CLASS_OUT
                                                 : (uint16_t)class_of(t, letter);
    }
}

static uint32_t class_of(const struct terms *t, int32_t letter)
{
    const int32_t *found = t->letter_count ? bsearch(&letter, t->letters, t->letter_count,
                                                     sizeof letter, letter_compare)
                                           : NULL;

    return found ? CLASS_FIRST + (uint32_t)(found - t->letters) : CLASS_NONE;
}

/* --- scanning --- */

static struct seen look(const struct terms *t, const char *text, size_t length, size_t at)
{
    const unsigned char *s = (const unsigned char *)text + at;
    size_t left = length - at;

    if (left == 0)
        return (struct seen){CLASS_NONE, 0};
    if (s[0] < 0x80)
        return (struct seen){t->classes[s[0]], 1};
    if (s[0] > 0xe0 && s[0] < 0xf0 && left >= 3 && (s[1] & 0xc0) == 0x80 && (s[2] & 0xc0) == 0x80)
        return (struct seen){t->classes[(s[0] & 0x0f) << 12 | (s[1] & 0x3f) << 6 | (s[2] & 0x3f)],
                             3};
    if (s[0] > 0xc1 && s[0] < 0xe0 && left >= 2 && (s[1] & 0xc0) == 0x80)
        return (struct seen){t->classes[(s[0] & 0x1f) << 6 | (s[1] & 0x3f)], 2};
    return (struct seen){CLASS_ASK, 0};
}

static void hit_add(const struct term *term, uint32_t index, const char *text, size_t length,
                    size_t end, struct terms_scratch *s)
{
    size_t from = s->letters - term->length, begin = s->begin[from];

    if ((term->word_at && begin > 0 && word_letter(text[begin - 1])) ||
        (term->word_end && end < length && word_letter(text[end])))
        return;
    s->hits = xgrow(s->hits, &s->hit_capacity, s->hit_count + 1, sizeof *s->hits);
    s->hits[s->hit_count++] = (struct terms_hit){index, begin, end, from, s->letters};
}

static void hits_add(const struct terms *t, uint32_t state, const char *text, size_t length,
                     size_t end, struct terms_scratch *s)
{
    for (state = t->states[state].ends; state; state = t->nodes[state].shorter)
        for (int32_t i = t->nodes[state].term; i != NO_TERM; i = t->items[i].same)
            hit_add(&t->items[i], (uint32_t)i, text, length, end, s);
}

static void room_make(struct terms_scratch *s, size_t more)
{
    s->begin = xgrow(s->begin, &s->begin_capacity, s->letters + more, sizeof *s->begin);
}

static uint32_t cluster_scan(const struct terms *t, uint32_t state, const char *text, size_t length,
                             size_t at, size_t *end, struct terms_scratch *s)
{
    int32_t letters[FOLD_POINTS_MAX];
    size_t count = fold_cluster(text, length, at, end, letters);

    room_make(s, count + length - at);
    for (size_t i = 0; i < count; i++) {
        s->begin[s->letters++] = (uint32_t)at;
        state = step(t, state, class_of(t, letters[i])) & ~ends_term;
        hits_add(t, state, text, length, *end, s);
    }
    return state;
}
