/* A binary heap of things that wake at an instant; equal instants come out in the order of `seq`
 * (libuv's timers keep start order by a counter too). Intrusive: the element holds a struct
 * heap_node, the heap holds pointers into memory its owner provides. No allocation. */
#ifndef PACELINE_BASE_HEAP_H
#define PACELINE_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    int64_t at;
    uint64_t seq;
    size_t index; /* position + 1; 0 when not in a heap */
};

struct heap {
    struct heap_node **nodes;
    size_t count, capacity;
};

void heap_init(struct heap *h, struct heap_node **memory, size_t capacity);
void heap_put(struct heap *h, struct heap_node *n);    /* inserts, or moves after `at` changed */
void heap_remove(struct heap *h, struct heap_node *n); /* fine when not inside */
struct heap_node *heap_first(const struct heap *h);    /* NULL when empty */

#endif
