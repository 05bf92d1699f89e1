#include "check.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

static void memory_is_zeroed_aligned_and_apart(void **state)
{
    struct arena *a = arena_new();
    unsigned char *seen[600];
    size_t sizes[600];

    (void)state;
    for (size_t i = 0; i < 600; i++) {
        sizes[i] = i % 50 == 49 ? 9000 : i; /* small ones and blocks of their own */
        seen[i] = arena_alloc(a, sizes[i]);
        assert_int_equal((uintptr_t)seen[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(seen[i][k], 0);
        memset(seen[i], (int)(i % 255) + 1, sizes[i]);
    }
    for (size_t i = 0; i < 600; i++) /* nobody wrote over it */
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(seen[i][k], i % 255 + 1);
    arena_free(a);
    arena_free(NULL);
}

static void strings(void **state)
{
    struct arena *a = arena_new();

    (void)state;
    assert_string_equal(arena_strdup(a, "春"), "春");
    assert_string_equal(arena_strndup(a, "spring", 3), "spr");
    assert_string_equal(arena_strndup(a, "spring", 99), "spring");
    assert_string_equal(arena_printf(a, "%s-%d", "spring", 2027), "spring-2027");
    int *numbers = arena_array(a, 1000, sizeof(*numbers));
    numbers[999] = 1;
    assert_int_equal(numbers[0], 0);
    arena_free(a);
}

static void growing_keeps_what_was_there(void **state)
{
    size_t capacity = 0, grown = 0;
    int *items = NULL;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        size_t before = capacity;
        items = xgrow(items, &capacity, (size_t)i + 1, sizeof(*items));
        grown += before != capacity;
        items[i] = i;
    }
    for (int i = 0; i < 10000; i++)
        assert_int_equal(items[i], i);
    assert_true(grown < 16); /* doubles */
    free(items);
    char *copy = xstrdup("x");
    assert_string_equal(copy, "x");
    free(copy);
    char *empty = xmalloc(0);
    assert_non_null(empty);
    free(empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(strings),
        cmocka_unit_test(growing_keeps_what_was_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
