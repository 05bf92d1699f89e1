/* A file with one value written anew. */
#include "check.h"

#include "conf/edit.h"

#include <string.h>

static void expect_edit(const char *file, const char *value, const char *expected)
{
    struct arena *arena = arena_new();
    struct strbuf out = STRBUF_INIT;
    struct diags diags;

    diags_init(&diags);
    const struct yaml_node *root = yaml_read(arena, "t.yaml", file, strlen(file), &diags);
    const struct yaml_node *node = yaml_get(root, "a");
    assert_non_null(node);
    bool done = edit_scalar(&out, file, node, value);
    assert_int_equal(done, expected != NULL);
    if (expected)
        assert_string_equal(out.text, expected);
    strbuf_dispose(&out);
    diags_dispose(&diags);
    arena_free(arena);
}

static void every_shape_of_a_scalar(void **state)
{
    (void)state;
    expect_edit("a: 2027-03-01 09:00\nb: 2\n", "x y", "a: \"x y\"\nb: 2\n");
    expect_edit("b: 1\na: 1 # why\n", "2", "b: 1\na: \"2\" # why\n");
    expect_edit("{b: \"q\", a: \"10:00-12:00\", c: 3}", "z", "{b: \"q\", a: \"z\", c: 3}");
    expect_edit("{a: 'it', c: 3}", "z", "{a: \"z\", c: 3}");
    expect_edit("\xef\xbb\xbf标题: 春\na: 季\n", "z", "\xef\xbb\xbf标题: 春\na: \"z\"\n");
}

static void what_cannot_be_told_is_left_alone(void **state)
{
    (void)state;
    expect_edit("a: |\n  two\n  lines\n", "z", NULL);
    expect_edit("a: \"an \\x41 escape\"\n", "z", NULL);
    expect_edit("a: 'it''s'\n", "z", NULL);
    expect_edit("a: [1]\n", "z", NULL);
    expect_edit("a: folded\n  over lines\n", "z", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_of_a_scalar),
        cmocka_unit_test(what_cannot_be_told_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
