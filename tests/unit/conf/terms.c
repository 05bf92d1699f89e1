/* The matcher against the slow way to do it, and what counts as the same writing. */
#include "check.h"

#include "conf/fold.h"
#include "conf/terms.h"
#include "support.h"

#include <ctype.h>
#include <string.h>

enum { LETTERS_MAX = 4096 };

struct folded {
    int32_t letters[LETTERS_MAX];
    size_t begin[LETTERS_MAX], end[LETTERS_MAX], count; /* of the cluster, in the text */
};

static void fold(struct folded *f, const char *text)
{
    f->count = 0;
    for (size_t at = 0, end, length = strlen(text); at < length; at = end) {
        int32_t letters[FOLD_POINTS_MAX];
        size_t n = fold_cluster(text, length, at, &end, letters);
        for (size_t i = 0; i < n; i++, f->count++) {
            f->letters[f->count] = letters[i];
            f->begin[f->count] = at;
            f->end[f->count] = end;
        }
    }
}

static bool word(int32_t c)
{
    return c > 0 && c < 0x80 && isalnum((int)c);
}

static bool stands_at(const struct folded *f, const char *text, const struct folded *term, size_t i)
{
    size_t last = i + term->count - 1, begin = f->begin[i];

    return memcmp(f->letters + i, term->letters, term->count * sizeof *f->letters) == 0 &&
           !(word(term->letters[0]) && begin > 0 && word(text[begin - 1])) &&
           !(word(term->letters[term->count - 1]) && word(text[f->end[last]]));
}

static size_t slow_count(const char *text, const char *const *terms, size_t count)
{
    static struct folded all, one;
    size_t hits = 0;

    fold(&all, text);
    for (size_t i = 0; i < count; i++) {
        fold(&one, terms[i]);
        for (size_t at = 0; at + one.count <= all.count; at++)
            hits += stands_at(&all, text, &one, at);
    }
    return hits;
}

static void random_text(uint64_t *seed, char *out, unsigned most)
{
    static const char *const parts[] = {"最", "佳",         "a",          "B",  "ａ", " ",
                                        "-",  "é",          "e\u0301",    "。", "絕", "绝",
                                        "한", "\U00020000", "\U0001f600", "7"};
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
    for (int round = 0; round < 200; round++) {
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
        for (int i = 0; i < 20; i++) {
            random_text(&seed, text, 30);
            terms_scan(t, text, strlen(text), &s);
            size_t slow = slow_count(text, kept, count);
            if (s.hit_count != slow)
                fail_msg("SEED=%llu round %d: %zu, the slow way %zu in '%s'",
                         (unsigned long long)given, round, s.hit_count, slow, text);
            for (size_t h = 0; h < s.hit_count; h++)
                assert_true(s.hits[h].begin < s.hits[h].end && s.hits[h].end <= strlen(text));
        }
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
        {"freedom", 0, 0}, /* a word of its own */
        {"7free", 0, 0},
        {"the Free", 4, 8},
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

static void a_pack_may_hold_thousands(void **state)
{
    struct arena *arena = arena_new();
    struct terms *t = terms_new(arena);
    struct terms_scratch s = {0};
    char term[16];

    (void)state;
    for (int i = 0; i < TERMS_MAX; i++) {
        snprintf(term, sizeof term, "词%d", i);
        assert_true(terms_add(t, term));
    }
    assert_false(terms_add(t, "one more"));
    terms_build(t);
    terms_scan(t, "词19999 词 12345,词7", strlen("词19999 词 12345,词7"), &s);
    assert_int_equal(s.hit_count, 3);
    assert_int_equal(s.hits[0].term, 19999);
    assert_int_equal(s.hits[1].term, 12345);
    assert_int_equal(s.hits[2].term, 7);
    terms_scratch_dispose(&s);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_slow_way),
        cmocka_unit_test(one_word_in_many_writings),
        cmocka_unit_test(a_pack_may_hold_thousands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
