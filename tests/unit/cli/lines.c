#include "check.h"

#include "cli/lines.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct seen {
    int count, sum;
    int stop_at;
};

static int each(void *ctx, const char *text, const json_t *object)
{
    struct seen *s = ctx;

    assert_int_equal(text[0], '{');
    s->count++;
    s->sum += (int)json_integer_value(json_object_get(object, "n"));
    return s->stop_at && s->count == s->stop_at ? 42 : 0;
}

static unsigned seed(void)
{
    const char *given = getenv("SEED");

    return given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
}

/* However the stream is cut, the lines are the same: Chinese, CRLF, empty lines, no newline at the
 * end. */
static void lines_do_not_depend_on_the_pieces(void **state)
{
    static const char stream[] = "{\"n\":1,\"t\":\"春季上新\"}\n\n{\"n\":20}\r\n \n{\"n\":300}";
    unsigned start = seed();

    (void)state;
    print_message("SEED=%u\n", start);
    srand(start);
    for (int round = 0; round < 300; round++) {
        struct seen seen = {0};
        struct lines l;
        size_t at = 0, length = sizeof(stream) - 1;
        lines_init(&l, each, &seen);
        while (at < length) {
            size_t piece = 1 + (size_t)rand() % 9;
            if (piece > length - at)
                piece = length - at;
            assert_int_equal(lines_feed(&l, stream + at, piece), 0);
            at += piece;
        }
        assert_int_equal(lines_end(&l), 0);
        lines_dispose(&l);
        assert_int_equal(seen.count, 3);
        assert_int_equal(seen.sum, 321);
    }
}

static void what_each_returns_ends_the_reading(void **state)
{
    struct seen seen = {.stop_at = 2};
    struct lines l;

    (void)state;
    lines_init(&l, each, &seen);
    assert_int_equal(lines_feed(&l, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n", 24), 42);
    assert_int_equal(lines_feed(&l, "{\"n\":4}\n", 8), 42);
    assert_int_equal(lines_end(&l), 42);
    assert_int_equal(seen.count, 2);
    lines_dispose(&l);
}

static void what_is_not_json_is_an_error(void **state)
{
    static const char *const bad[] = {"{\"n\":\n", "<html>\n", "{\"n\":1} {\"n\":2}\n", "{\"n\":1",
                                      "{\"t\":\"\xff\"}\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct seen seen = {0};
        struct lines l;
        lines_init(&l, each, &seen);
        lines_feed(&l, bad[i], strlen(bad[i]));
        assert_int_equal(lines_end(&l), ERR_INTERNAL);
        assert_int_equal(seen.count, 0);
        assert_non_null(strstr(l.e.text, "cannot be read"));
        lines_dispose(&l);
    }
}

static void a_line_has_a_stated_cap(void **state)
{
    struct lines l;
    char *block = malloc(LINE_BYTES_MAX);

    (void)state;
    memset(block, 'x', LINE_BYTES_MAX);
    lines_init(&l, NULL, NULL);
    assert_int_equal(lines_feed(&l, block, LINE_BYTES_MAX), 0);
    assert_int_equal(lines_feed(&l, "x", 1), ERR_INTERNAL);
    lines_dispose(&l);
    free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_do_not_depend_on_the_pieces),
        cmocka_unit_test(what_each_returns_ends_the_reading),
        cmocka_unit_test(what_is_not_json_is_an_error),
        cmocka_unit_test(a_line_has_a_stated_cap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
