/* `trace: true`: where the parameter goes, and that its value is this task's and no other's. */
#include "check.h"

#include "conf/trace.h"

#include <stdlib.h>
#include <string.h>

static void the_parameter_stands_in_the_query(void **state)
{
    static const struct {
        const char *url, *traced;
    } rows[] = {
        {"https://shop.example.com/p/7", "https://shop.example.com/p/7?pl=x"},
        {"https://shop.example.com", "https://shop.example.com/?pl=x"},
        {"https://a/p?", "https://a/p?pl=x"},
        {"https://a/p?b=1", "https://a/p?b=1&pl=x"},
        {"https://a/p?b=1&", "https://a/p?b=1&pl=x"},
        {"https://a/p#top", "https://a/p?pl=x#top"},
        {"https://a/#/p/7?b=1", "https://a/?pl=x#/p/7?b=1"},
        {"https://a/p?b=1#top", "https://a/p?b=1&pl=x#top"},
        {"http://a:8080/../p/./q;v=1?b=%2F+c&d", "http://a:8080/../p/./q;v=1?b=%2F+c&d&pl=x"},
        {"https://a/%E4%B8%8A新?词=春", "https://a/%E4%B8%8A新?词=春&pl=x"},
        {"http://", NULL},
        {"https://[::1/p", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *traced = trace_url(rows[i].url, "x");
        if (!traced != !rows[i].traced || (traced && strcmp(traced, rows[i].traced) != 0))
            fail_msg("%s: %s instead of %s", rows[i].url, traced, rows[i].traced);
        assert_int_equal(trace_length(rows[i].url),
                         rows[i].traced ? strlen(rows[i].traced) + 15 : 0);
        free(traced);
    }
}

static void a_value_is_of_one_attempt(void **state)
{
    static const char head[] = "https://a/p?pl=";
    struct arena *a = arena_new();
    const struct digest one = digest_of("one", 3), two = digest_of("two", 3);
    const char *links[] = {
        trace_link(a, "https://a/p", &one, 7, 1000), trace_link(a, "https://a/p", &two, 7, 1000),
        trace_link(a, "https://a/p", &one, 8, 1000), trace_link(a, "https://a/p", &one, 7, 1001)};

    (void)state;
    assert_string_equal(trace_link(a, "https://a/p", &one, 7, 1000),
                        links[0]); /* after a restart */
    for (size_t i = 0; i < 4; i++) {
        assert_memory_equal(links[i], head, strlen(head));
        assert_int_equal(strspn(links[i] + strlen(head), "0123456789abcdef"), 16);
        assert_int_equal(strlen(links[i]), trace_length("https://a/p"));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(links[i], links[k]);
    }
    /* all links of a message carry the same */
    assert_string_equal(strchr(trace_link(a, "https://b/", &one, 7, 1000), '='),
                        strchr(links[0], '='));
    arena_free(a);
}

static void a_name_that_is_taken(void **state)
{
    (void)state;
    assert_true(trace_taken("https://a/p?pl=1"));
    assert_true(trace_taken("https://a/p?b=1&pl="));
    assert_false(trace_taken("https://a/p?b=1&xpl=2"));
    assert_false(trace_taken("https://a/p?plan=1"));
    assert_false(trace_taken("https://a/pl=1"));
    assert_false(trace_taken("https://a/p#?pl=1"));
    assert_false(trace_taken("https://a/p"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_parameter_stands_in_the_query),
                                       cmocka_unit_test(a_value_is_of_one_attempt),
                                       cmocka_unit_test(a_name_that_is_taken)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
