/* Memory that dies together: one parsed file, one request, one revision.
 *
 * Nothing is freed on its own. An allocation that fails aborts the process with a message: at the
 * sizes that arenas are used for (all capped by their readers) that only happens when the machine
 * is out of memory, and a clean stop is then the safe answer (nothing is sent by mistake). */
#ifndef PACELINE_BASE_ARENA_H
#define PACELINE_BASE_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a); /* NULL is fine */

void *arena_alloc(struct arena *a, size_t size);               /* zeroed, aligned for any type */
void *arena_array(struct arena *a, size_t count, size_t size); /* zeroed; overflow aborts */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t length);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* malloc, realloc and strdup that never return NULL, for what lives on its own. */
void *xmalloc(size_t size); /* zeroed */
void *xrealloc(void *p, size_t size);
void *xgrow(void *p, size_t *capacity, size_t needed, size_t size); /* doubles until `needed` fit */
char *xstrdup(const char *s);

#endif
