#include "base/heap.h"

#include <assert.h>

static void place(struct heap *h, size_t i, struct heap_node *n);
static void settle(struct heap *h, size_t i);

void heap_init(struct heap *h, struct heap_node **memory, size_t capacity)
{
    *h = (struct heap){.nodes = memory, .capacity = capacity};
}

void heap_put(struct heap *h, struct heap_node *n)
{
    if (n->index == 0) {
        assert(h->count < h->capacity);
        place(h, h->count++, n);
    }
    assert(n->index <= h->count && h->nodes[n->index - 1] == n);
    settle(h, n->index - 1);
}

void heap_remove(struct heap *h, struct heap_node *n)
{
    if (n->index == 0)
        return;
    assert(n->index <= h->count && h->nodes[n->index - 1] == n);
    size_t hole = n->index - 1;
    struct heap_node *last = h->nodes[--h->count];

    n->index = 0;
    if (last == n)
        return;
    place(h, hole, last);
    settle(h, hole);
}

struct heap_node *heap_first(const struct heap *h)
{
    return h->count ? h->nodes[0] : NULL;
}

static bool before(const struct heap_node *a, const struct heap_node *b)
{
    return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void place(struct heap *h, size_t i, struct heap_node *n)
{
    h->nodes[i] = n;
    n->index = i + 1;
}

static void sift_up(struct heap *h, size_t i)
{
    struct heap_node *n = h->nodes[i];

    for (; i > 0 && before(n, h->nodes[(i - 1) / 2]); i = (i - 1) / 2)
        place(h, i, h->nodes[(i - 1) / 2]);
    place(h, i, n);
}

static void sift_down(struct heap *h, size_t i)
{
    struct heap_node *n = h->nodes[i];

    for (size_t child; (child = 2 * i + 1) < h->count; i = child) {
        if (child + 1 < h->count && before(h->nodes[child + 1], h->nodes[child]))
            child++;
        if (!before(h->nodes[child], n))
            break;
        place(h, i, h->nodes[child]);
    }
    place(h, i, n);
}

/* One of the two finds nothing to do. */
static void settle(struct heap *h, size_t i)
{
    struct heap_node *n = h->nodes[i];

    sift_up(h, i);
    sift_down(h, n->index - 1);
}
