#include "check.h"

#include "base/text.h"
#include "conf/yaml.h"
#include "support.h"

#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    struct arena *arena;
    struct diags diags;
    char *errors;
};

static struct yaml_node *read_bytes(struct fixture *f, const char *bytes, size_t length)
{
    diags_init(&f->diags);
    f->arena = arena_new();
    struct yaml_node *root = yaml_read(f->arena, "f", bytes, length, &f->diags);
    f->errors = errors_take(&f->diags);
    return root;
}

static struct yaml_node *read_string(struct fixture *f, const char *text)
{
    return read_bytes(f, text, strlen(text));
}

static void dispose(struct fixture *f)
{
    free(f->errors);
    arena_free(f->arena);
}

/* Tests promise: no file costs more than a moment. Measured in CPU time, with room for sanitizers.
 */
static void quickly(const char *bytes, size_t length, const char *error)
{
    struct fixture f;
    clock_t start = clock();
    struct yaml_node *root = read_bytes(&f, bytes, length);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;

    if (error) {
        assert_null(root);
        assert_string_equal(f.errors, error);
    } else {
        assert_non_null(root);
        assert_string_equal(f.errors, "");
    }
    if (seconds > 0.9)
        fail_msg("%zu bytes starting '%.10s' took %.3f s", length, bytes, seconds);
    dispose(&f);
}

static char *repeated(const char *unit, size_t count)
{
    struct strbuf b = STRBUF_INIT;

    for (size_t i = 0; i < count; i++)
        strbuf_puts(&b, unit);
    return strbuf_take(&b);
}

static void nodes_know_their_places(void **state)
{
    struct fixture f;
    struct yaml_node *root = read_string(&f, "# 注释\n标题: 春季, ok\n列表: [甲, {乙: \"丙\"}]\n"
                                             "  \n文: |\n  one\n  two\nleer:\n");

    (void)state;
    assert_string_equal(f.errors, "");
    assert_int_equal(root->kind, YAML_MAP);
    assert_int_equal(root->line, 2);
    assert_int_equal(root->column, 1);
    const struct yaml_node *title = yaml_get(root, "标题"), *list = yaml_get(root, "列表");
    assert_string_equal(title->text, "春季, ok");
    assert_false(title->quoted);
    assert_int_equal(title->line, 2);
    assert_int_equal(title->column, 5);
    assert_int_equal(title->key->column, 1);
    assert_int_equal(list->kind, YAML_LIST);
    assert_int_equal(list->count, 2);
    assert_int_equal(list->items[0]->column, 6);
    const struct yaml_node *inner = yaml_get(list->items[1], "乙");
    assert_int_equal(inner->line, 3);
    assert_int_equal(inner->column, 13);
    assert_true(inner->quoted);
    assert_int_equal(inner->key->column, 10);
    assert_string_equal(yaml_get(root, "文")->text, "one\ntwo\n");
    assert_true(yaml_get(root, "文")->quoted);
    assert_string_equal(yaml_get(root, "leer")->text, "");
    assert_null(yaml_get(root, "x"));
    assert_null(yaml_get(title, "x"));
    assert_null(yaml_get(NULL, "x"));
    dispose(&f);
}

static void a_bom_is_no_column(void **state)
{
    struct fixture f;
    struct yaml_node *root = read_string(&f, "\xef\xbb\xbf键: {a: 1, a: 2}");

    (void)state;
    assert_non_null(root);
    assert_int_equal(root->items[0]->key->column, 1);
    assert_string_equal(f.errors, "f:1:11: duplicate key 'a', first in line 1");
    assert_int_equal(root->items[0]->count, 1);
    dispose(&f);
}

static void nothing_is_typed(void **state)
{
    struct fixture f;
    struct yaml_node *root = read_string(&f, "[no, 12:30, 0777, ~, 1e3, 'x']");
    static const char *const texts[] = {"no", "12:30", "0777", "~", "1e3", "x"};

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(root->items[i]->text, texts[i]);
        assert_int_equal(root->items[i]->quoted, i == 5);
    }
    dispose(&f);
}

static void what_is_refused(void **state)
{
    static const struct {
        const char *text, *errors;
    } rows[] = {
        {"", "f:1:1: the file is empty"},
        {"# only\n", "f:1:1: the file is empty"},
        {"a: \"x\\0y\"", "f:1:4: control character U+0000"},
        {"a: \"\\e[31m\"", "f:1:4: control character U+001B"},
        {"a: \"\\x7f\"", "f:1:4: control character U+007F"},
        {"a: b\x7f", "f:1:5: control character U+007F"},
        {"字: \xc2\x9b", "f:1:4: control character U+009B"},
        {"a: \xed\xa0\x80", "f:1:4: not UTF-8 (byte 0xED): save the file as UTF-8"},
        {"\xff\xfe"
         "a",
         "f:1:1: not UTF-8 (byte 0xFF): save the file as UTF-8"},
        {"a: 1\n--- \nb: 2", "f:2:1: a second document: one file holds one"},
        {"%TAG ! x:\n---\na: 1", "f:1:1: tags are not allowed"},
        {"a: &x 1\nb: *x",
         "f:1:4: anchors are not allowed: put text that starts with '&' in quotes\n"
         "f:2:4: aliases are not allowed: put text that starts with '*' in quotes"},
        {"[a]: 1",
         "f:1:1: a list or a mapping cannot be a key: put text that starts with '{' or '[' "
         "in quotes"},
        {"a: [1",
         "f:2:1: bad YAML: did not find expected ',' or ']', while parsing a flow sequence "
         "that starts at 1:4"},
        {"a: 1\n\tb: 2", "f:2:1: a tab cannot indent: use spaces"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fixture f;

        read_string(&f, rows[i].text);
        if (strcmp(f.errors, rows[i].errors) != 0)
            fail_msg("'%s' gave\n%s", rows[i].text, f.errors);
        dispose(&f);
    }
}

static void caps_hold_and_nothing_is_slow(void **state)
{
    static const struct {
        const char *unit;
        size_t count;
        const char *error;
    } rows[] = {
        {"[", 20000, "f:1:65: nested deeper than 64"},
        {"[", 262144, "f:1:65: nested deeper than 64"},
        {"{a: ", 65536, "f:1:257: nested deeper than 64"},
        {"- ", 131072, "f:1:129: nested deeper than 64"},
        {"? ", 131072,
         "f:1:3: a list or a mapping cannot be a key: put text that starts with '{' or "
         "'[' in quotes"},
        {"- a\n", 65536, "f:20000:3: more than 20000 values"},
        {"a", 262145, "f: is larger than 256 KiB"},
        {"#\n", 131072, "f:1:1: the file is empty"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = repeated(rows[i].unit, rows[i].count);

        quickly(text, strlen(text), rows[i].error);
        free(text);
    }
    char *nested = repeated("[", 64), *closed = repeated("]", 64);
    struct strbuf b = STRBUF_INIT;
    strbuf_printf(&b, "%s%s", nested, closed); /* exactly at the cap */
    quickly(b.text, b.length, NULL);
    strbuf_reset(&b);
    for (int i = 0; i < 9999; i++) /* many keys: finding duplicates is not quadratic */
        strbuf_printf(&b, "key%d: 1\n", i);
    quickly(b.text, b.length, NULL);
    strbuf_dispose(&b);
    free(nested);
    free(closed);
}

static void scalars_are_bounded(void **state)
{
    struct fixture f;
    char *long_text = repeated("x", YAML_SCALAR_MAX + 1);

    (void)state;
    struct yaml_node *root = read_string(&f, long_text);
    assert_true(root->bad);
    assert_string_equal(f.errors, "f:1:1: text longer than 64 KiB");
    dispose(&f);
    long_text[YAML_SCALAR_MAX] = '\0';
    root = read_string(&f, long_text);
    assert_int_equal(root->length, YAML_SCALAR_MAX);
    dispose(&f);
    free(long_text);
}

static void errors_are_counted_beyond_what_is_kept(void **state)
{
    struct strbuf b = STRBUF_INIT;
    struct arena *arena = arena_new();
    struct diags d;

    (void)state;
    for (int i = 0; i < 500; i++)
        strbuf_puts(&b, "a: *x\n");
    diags_init(&d);
    yaml_read(arena, "f", b.text, b.length, &d);
    assert_int_equal(d.count, DIAG_SHOWN_MAX);
    assert_int_equal(d.errors, 500 + 499); /* aliases, duplicate keys */
    diags_dispose(&d);
    strbuf_dispose(&b);
    arena_free(arena);
}

static void only_regular_files_are_read(void **state)
{
    char dir[] = "/tmp/conf-yaml-XXXXXX", path[64], *bytes = NULL;
    size_t length = 0;
    struct err e;

    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(file_read(&bytes, &length, dir, 10, &e), ERR_IO);
    assert_non_null(strstr(e.text, ": is a directory"));
    snprintf(path, sizeof path, "%s/spring.yaml", dir);
    assert_int_equal(file_read(&bytes, &length, path, 10, &e), ERR_IO);
    assert_non_null(strstr(e.text, "spring.yaml: No such file or directory"));
    assert_int_equal(mkfifo(path, 0600), 0); /* nobody writes: must not wait */
    assert_int_equal(file_read(&bytes, &length, path, 10, &e), ERR_IO);
    assert_non_null(strstr(e.text, ": is not a regular file"));
    unlink(path);
    FILE *out = fopen(path, "w");
    fputs("0123456789", out);
    fclose(out);
    assert_int_equal(file_read(&bytes, &length, path, 9, &e), ERR_LIMIT);
    assert_int_equal(file_read(&bytes, &length, path, 10, &e), 0);
    assert_int_equal(length, 10);
    assert_string_equal(bytes, "0123456789");
    free(bytes);
    unlink(path);
    rmdir(dir);
    assert_int_equal(file_read(&bytes, &length, "/dev/zero", 10, &e), ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nodes_know_their_places),
                                       cmocka_unit_test(a_bom_is_no_column),
                                       cmocka_unit_test(nothing_is_typed),
                                       cmocka_unit_test(what_is_refused),
                                       cmocka_unit_test(caps_hold_and_nothing_is_slow),
                                       cmocka_unit_test(scalars_are_bounded),
                                       cmocka_unit_test(errors_are_counted_beyond_what_is_kept),
                                       cmocka_unit_test(only_regular_files_are_read)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
