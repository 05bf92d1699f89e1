#include "check.h"

#include "base/digest.h"

#include <string.h>

/* FIPS 180-2 examples. */
static const char abc[] = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char nothing[] =
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

static void published_digests(void **state)
{
    char text[DIGEST_TEXT];
    struct digest d = digest_of("abc", 3);

    (void)state;
    digest_text(&d, text);
    assert_string_equal(text, abc);
    d = digest_of(NULL, 0);
    digest_text(&d, text);
    assert_string_equal(text, nothing);
}

static void pieces_make_the_whole(void **state)
{
    struct digester *r = digester_new();

    (void)state;
    digester_add(r, "a", 1);
    digester_add(r, "bc", 2);
    struct digest pieces = digester_end(r), whole = digest_of("abc", 3);
    assert_true(digest_equal(&pieces, &whole));
}

static struct digest of_fields(const char *a, const char *b)
{
    struct digester *r = digester_new();

    digester_string(r, a);
    digester_field(r, b, strlen(b));
    return digester_end(r);
}

static void fields_cannot_run_into_each_other(void **state)
{
    struct digest a = of_fields("ab", "c"), b = of_fields("a", "bc"), c = of_fields("ab", "c");
    static const uint8_t spelled[] = {0, 0, 0, 0, 0, 0, 0, 2, 'a', 'b',
                                      0, 0, 0, 0, 0, 0, 0, 1, 'c'};
    struct digest bytes = digest_of(spelled, sizeof(spelled));

    (void)state;
    assert_false(digest_equal(&a, &b));
    assert_true(digest_equal(&a, &c));
    assert_true(digest_equal(&a, &bytes));
}

static void integers_are_big_endian(void **state)
{
    static const uint8_t spelled[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE,
                                      0,    0,    0,    0,    0,    1,    2,    3};
    struct digester *r = digester_new();

    (void)state;
    digester_int(r, -2);
    digester_int(r, 0x010203);
    struct digest d = digester_end(r), bytes = digest_of(spelled, sizeof(spelled));
    assert_true(digest_equal(&d, &bytes));
}

static void parses_only_its_own_spelling(void **state)
{
    struct digest d, whole = digest_of("abc", 3);
    char text[sizeof(abc) + 1];

    (void)state;
    assert_true(digest_parse(abc, &d));
    assert_true(digest_equal(&d, &whole));
    assert_false(digest_parse("", &d));
    assert_false(digest_parse(abc + 7, &d));
    memcpy(text, abc, sizeof(abc));
    text[10] = 'F'; /* upper case */
    assert_false(digest_parse(text, &d));
    text[10] = 'g';
    assert_false(digest_parse(text, &d));
    memcpy(text, abc, sizeof(abc));
    text[sizeof(abc) - 2] = '\0';
    assert_false(digest_parse(text, &d));
    memcpy(text, abc, sizeof(abc));
    memcpy(text + sizeof(abc) - 1, "0", 2);
    assert_false(digest_parse(text, &d));
    memcpy(text, "sha512:", 7);
    assert_false(digest_parse(text, &d));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_digests),
        cmocka_unit_test(pieces_make_the_whole),
        cmocka_unit_test(fields_cannot_run_into_each_other),
        cmocka_unit_test(integers_are_big_endian),
        cmocka_unit_test(parses_only_its_own_spelling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
