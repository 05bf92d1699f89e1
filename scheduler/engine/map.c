#include "engine/map.h"

#include "base/arena.h"

#include <stdlib.h>

static size_t slot_of(const struct map *m, int64_t key)
{
    uint64_t x = (uint64_t)key * 0x9e3779b97f4a7c15U;

    return (size_t)(x ^ (x >> 32)) & (m->capacity - 1);
}

static struct map_slot *find(const struct map *m, int64_t key)
{
    size_t i = slot_of(m, key);

    while (m->slots[i].value && m->slots[i].key != key)
        i = (i + 1) & (m->capacity - 1);
    return &m->slots[i];
}

static void grow(struct map *m)
{
    struct map old = *m;

    m->capacity = old.capacity ? old.capacity * 2 : 16;
    m->slots = xmalloc(m->capacity * sizeof *m->slots);
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.slots[i].value)
            *find(m, old.slots[i].key) = old.slots[i];
    }
    free(old.slots);
}

void *map_get(const struct map *m, int64_t key)
{
    return m->capacity ? find(m, key)->value : NULL;
}

void map_put(struct map *m, int64_t key, void *value)
{
    if ((m->count + 1) * 4 > m->capacity * 3)
        grow(m);
    struct map_slot *s = find(m, key);
    if (!s->value)
        m->count++;
    *s = (struct map_slot){key, value};
}

void *map_remove(struct map *m, int64_t key)
{
    if (!m->capacity)
        return NULL;
    struct map_slot *s = find(m, key);
    void *value = s->value;
    if (!value)
        return NULL;

    /* Close the gap: whatever the probe of a later slot would have passed here moves up. */
    size_t hole = (size_t)(s - m->slots), mask = m->capacity - 1;
    for (size_t i = (hole + 1) & mask; m->slots[i].value; i = (i + 1) & mask) {
        size_t home = slot_of(m, m->slots[i].key);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole].value = NULL;
    m->count--;
    return value;
}

void *map_each(const struct map *m, size_t *at)
{
    while (*at < m->capacity) {
        void *value = m->slots[(*at)++].value;
        if (value)
            return value;
    }
    return NULL;
}

void map_dispose(struct map *m)
{
    free(m->slots);
    *m = (struct map){NULL, 0, 0};
}
