/* The matcher against the slow way to do it, and what counts as the same writing. */
#include "check.h"

#include "conf/terms.h"
#include "support.h"

#include <string.h>

static size_t slow_count(const char *text, const char *const *terms, size_t count)
{
    struct terms_scratch all = {0}, one = {0};
    size_t hits = 0;

    terms_fold(text, strlen(text), &all);
    for (size_t i = 0; i < count; i++) {
        terms_fold(terms[i], strlen(terms[i]), &one);
        for (size_t at = 0; at + one.length <= all.length; at++)
            hits += memcmp(all.bytes + at, one.bytes, one.length) == 0;
    }
    terms_scratch_dispose(&all);
    terms_scratch_dispose(&one);
    return hits;
}

static void random_text(uint64_t *seed, char *out, unsigned most)
{
    static const char *const parts[] = {"最", "佳", "a", "B", "ａ", " ", "-", "é", "e\u0301", "。"};
    unsigned n;

    *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
    n = 1 + (unsigned)(*seed >> 33) % most;
    for (*out = '\0'; n > 0; n--) {
        *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
        strcat(out, parts[(*seed >> 33) % (sizeof parts / sizeof *parts)]);
    }
}

static void agrees_with_the_slow_way(void **state)
{
    uint64_t given = seed_of_test(), seed = given;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct arena *arena = arena_new();
        struct terms *t = terms_new(arena);
        struct terms_scratch s = {0};
        char term[8][64], text[256];
        const char *kept[8];
        size_t count = 0;

        for (size_t i = 0; i < 8; i++) {
            random_text(&seed, term[i], 4);
            if (terms_add(t, term[i]))
                kept[count++] = term[i];
        }
        terms_build(t);
        random_text(&seed, text, 30);
        terms_scan(t, text, strlen(text), &s);
        size_t slow = slow_count(text, kept, count);
        if (s.hit_count != slow)
            fail_msg("SEED=%llu round %d: %zu, the slow way %zu in '%s'", (unsigned long long)given,
                     round, s.hit_count, slow, text);
        for (size_t i = 0; i < s.hit_count; i++)
            assert_true(s.hits[i].begin < s.hits[i].end && s.hits[i].end <= strlen(text));
        terms_scratch_dispose(&s);
        arena_free(arena);
    }
}

static void one_word_in_many_writings(void **state)
{
    static const struct {
        const char *text;
        size_t begin, end; /* of the hit; end 0: none */
    } cases[] = {
        {"买free吧", 3, 7},
        {"买ＦＲＥＥ吧", 3, 15},
        {"F r-e★e", 0, 9},
        {"fr\u200bee", 0, 7},
        {"fr,ee", 0, 0},
        {"fr\nee", 0, 0},
        {"fr\xff"
         "ee",
         0, 0},
    };
    struct arena *arena = arena_new();
    struct terms *t = terms_new(arena);
    struct terms_scratch s = {0};

    (void)state;
    assert_false(terms_add(t, " - "));
    assert_true(terms_add(t, "Free"));
    terms_build(t);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        terms_scan(t, cases[i].text, strlen(cases[i].text), &s);
        assert_int_equal(s.hit_count, cases[i].end > 0);
        if (s.hit_count) {
            assert_int_equal(s.hits[0].begin, cases[i].begin);
            assert_int_equal(s.hits[0].end, cases[i].end);
        }
    }
    terms_scratch_dispose(&s);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_slow_way),
        cmocka_unit_test(one_word_in_many_writings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
