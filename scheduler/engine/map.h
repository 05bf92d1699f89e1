/* A small hash map from 64-bit ids to pointers: open addressing, linear probing, no tombstones. */
#ifndef PACELINE_ENGINE_MAP_H
#define PACELINE_ENGINE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_slot {
    int64_t key;
    void *value; /* NULL: free */
};

struct map {
    struct map_slot *slots;
    size_t capacity, count; /* capacity is 0 or a power of two */
};

void *map_get(const struct map *m, int64_t key);
void map_put(struct map *m, int64_t key, void *value); /* value not NULL; replaces */
void *map_remove(struct map *m, int64_t key);          /* what was there, or NULL */
/* Walks all values: start with *at 0, ends with NULL. The map must not change meanwhile. */
void *map_each(const struct map *m, size_t *at);
void map_dispose(struct map *m);

#endif
