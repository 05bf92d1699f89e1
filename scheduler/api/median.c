#include "api/median.h"

#include "base/arena.h"

#include <stdlib.h>

enum {
    FINE_MS = 10000,          /* classes of a millisecond up to here */
    SECONDS = 86400,          /* classes of a second from there up to a day */
    MINUTES_MAX = 366 * 1440, /* and of a minute */
    COARSE = FINE_MS + SECONDS - FINE_MS / 1000
};

static uint32_t key_of(duration_t d)
{
    if (d < 0)
        d = 0;
    if (d < FINE_MS)
        return (uint32_t)d + 1;
    if (d < MS_PER_DAY)
        return (uint32_t)(FINE_MS + (d - FINE_MS) / MS_PER_SECOND) + 1;
    d = d / MS_PER_MINUTE < MINUTES_MAX ? d / MS_PER_MINUTE : MINUTES_MAX;
    return (uint32_t)(COARSE + d - SECONDS / 60) + 1;
}

static duration_t duration_of(uint32_t key)
{
    duration_t k = (duration_t)key - 1;

    if (k < FINE_MS)
        return k;
    if (k < COARSE)
        return FINE_MS + (k - FINE_MS) * MS_PER_SECOND;
    return (k - COARSE + SECONDS / 60) * MS_PER_MINUTE;
}

static struct median_class *slot_of(const struct median *m, uint32_t key)
{
    size_t at = key * 2654435761U & (m->capacity - 1);

    while (m->classes[at].key && m->classes[at].key != key)
        at = (at + 1) & (m->capacity - 1);
    return &m->classes[at];
}

static void grow(struct median *m)
{
    struct median old = *m;

    m->capacity = old.capacity ? old.capacity * 2 : 16;
    m->classes = xmalloc(m->capacity * sizeof *m->classes);
    for (size_t i = 0; i < old.capacity; i++)
        if (old.classes[i].key)
            *slot_of(m, old.classes[i].key) = old.classes[i];
    free(old.classes);
}

void median_add(struct median *m, duration_t d)
{
    uint32_t key = key_of(d);

    if (m->used * 2 >= m->capacity)
        grow(m);
    struct median_class *c = slot_of(m, key);
    m->used += c->key == 0;
    c->key = key;
    c->count++;
    m->count++;
}

static int by_key(const void *a, const void *b)
{
    const struct median_class *left = a, *right = b;

    return (left->key > right->key) - (left->key < right->key);
}

bool median_get(const struct median *m, duration_t *out)
{
    struct median_class *sorted;
    uint64_t below = 0;
    size_t n = 0;

    if (m->count == 0)
        return false;
    sorted = xmalloc(m->used * sizeof *sorted);
    for (size_t i = 0; i < m->capacity; i++)
        if (m->classes[i].key)
            sorted[n++] = m->classes[i];
    qsort(sorted, n, sizeof *sorted, by_key);
    for (n = 0; below + sorted[n].count < (m->count + 1) / 2; n++)
        below += sorted[n].count;
    *out = duration_of(sorted[n].key);
    free(sorted);
    return true;
}

void median_dispose(struct median *m)
{
    free(m->classes);
    *m = (struct median){0};
}
