/* A chain of blocks. A small request is cut from the newest block, a large one gets a block of its
 * own behind it, so that the rest of the newest one is not lost. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 16 * 1024, ALIGN = alignof(max_align_t) };

struct block {
    struct block *next;
    size_t used, size;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct block *blocks; /* newest first; only the first is cut from */
};

static _Noreturn void out_of_memory(size_t size);
static struct block *block_new(size_t size);

struct arena *arena_new(void)
{
    return xmalloc(sizeof(struct arena));
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    for (struct block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(a);
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > SIZE_MAX - ALIGN)
        out_of_memory(size);
    size = size ? (size + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
    struct block *first = a->blocks;
    if (first && first->size - first->used >= size) {
        void *p = first->bytes + first->used;
        first->used += size;
        return p;
    }
    struct block *b = block_new(size > BLOCK_SIZE / 4 ? size : BLOCK_SIZE);
    b->used = size;
    if (size > BLOCK_SIZE / 4 && first) {
        b->next = first->next;
        first->next = b;
    } else {
        b->next = first;
        a->blocks = b;
    }
    return b->bytes;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(count, size, &total))
        out_of_memory(SIZE_MAX);
    return arena_alloc(a, total);
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_strndup(struct arena *a, const char *s, size_t length)
{
    length = strnlen(s, length);
    if (length == SIZE_MAX)
        out_of_memory(length);
    char *copy = arena_alloc(a, length + 1);
    memcpy(copy, s, length);
    return copy;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        out_of_memory(0);
    char *text = arena_alloc(a, (size_t)length + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

void *xmalloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);
    if (!p)
        out_of_memory(size);
    return p;
}

void *xrealloc(void *p, size_t size)
{
    void *moved = realloc(p, size ? size : 1);
    if (!moved)
        out_of_memory(size);
    return moved;
}

void *xgrow(void *p, size_t *capacity, size_t needed, size_t size)
{
    size_t more = *capacity ? *capacity : 8;
    size_t total;

    if (needed <= *capacity)
        return p;
    while (more < needed)
        more = more > SIZE_MAX / 2 ? needed : more * 2;
    if (__builtin_mul_overflow(more, size, &total))
        out_of_memory(SIZE_MAX);
    p = xrealloc(p, total);
    *capacity = more;
    return p;
}

char *xstrdup(const char *s)
{
    size_t size = strlen(s) + 1;
    return memcpy(xmalloc(size), s, size);
}

static _Noreturn void out_of_memory(size_t size)
{
    fprintf(stderr, "paceline: out of memory (%zu bytes), stopping\n", size);
    abort();
}

static struct block *block_new(size_t size)
{
    if (size > SIZE_MAX - sizeof(struct block))
        out_of_memory(size);
    struct block *b = calloc(1, sizeof(*b) + size);
    if (!b)
        out_of_memory(size);
    b->size = size;
    return b;
}
