#include "conf/seen.h"

#include "base/arena.h"
#include "base/digest.h"

#include <stdlib.h>
#include <string.h>

static void grow(struct seen *s);
static bool put(struct seen *s, const uint64_t key[2]);

bool seen_add(struct seen *s, const char *text)
{
    struct digest d = digest_of(text, strlen(text));
    uint64_t key[2];

    memcpy(key, d.bytes, sizeof key);
    if (key[0] == 0 && key[1] == 0)
        key[0] = 1;
    if (s->count + 1 > s->capacity / 4 * 3)
        grow(s);
    if (!put(s, key))
        return false;
    s->count++;
    return true;
}

void seen_dispose(struct seen *s)
{
    free(s->slots);
    *s = (struct seen){0};
}

static void grow(struct seen *s)
{
    struct seen larger = {.capacity = s->capacity ? s->capacity * 2 : 64};

    larger.slots = xmalloc(larger.capacity * sizeof *larger.slots);
    for (size_t i = 0; i < s->capacity; i++) {
        if (s->slots[i][0] || s->slots[i][1])
            put(&larger, s->slots[i]);
    }
    larger.count = s->count;
    free(s->slots);
    *s = larger;
}

/* The key is a hash already: its low bits choose the slot. */
static bool put(struct seen *s, const uint64_t key[2])
{
    size_t i = key[0] & (s->capacity - 1);

    for (; s->slots[i][0] || s->slots[i][1]; i = (i + 1) & (s->capacity - 1)) {
        if (s->slots[i][0] == key[0] && s->slots[i][1] == key[1])
            return false;
    }
    s->slots[i][0] = key[0];
    s->slots[i][1] = key[1];
    return true;
}
