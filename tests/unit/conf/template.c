#include "check.h"

#include "conf/template.h"
#include "support.h"

#define COLUMNS "name", "town", "名 字"

static char *render(const char *text, const char *const values[3], unsigned *defaults)
{
    static const char *const columns[] = {COLUMNS};
    const char *given[8] = {0}, *missing = NULL, *const * names;
    struct arena *arena = arena_new();
    struct strbuf out = STRBUF_INIT;
    struct template *t;
    struct err e;

    if (template_compile(&t, arena, text, &e)) {
        arena_free(arena);
        strbuf_printf(&out, "error: %s", e.text);
        return strbuf_take(&out);
    }
    size_t count = template_names(t, &names);
    for (size_t i = 0; i < count; i++) {
        for (size_t c = 0; c < 3; c++) {
            if (strcmp(names[i], columns[c]) == 0)
                given[i] = values[c];
        }
    }
    if (!template_render(t, "wm1", "lin.yue", given, &out, &missing, defaults)) {
        strbuf_reset(&out);
        strbuf_printf(&out, "missing: %s", missing);
    }
    arena_free(arena);
    return strbuf_take(&out);
}

static void texts_are_rendered(void **state)
{
    static const struct {
        const char *text, *values[3], *out;
        unsigned defaults;
    } rows[] = {
        {"hi", {0}, "hi", 0},
        {"", {0}, "", 0},
        {"{{name}}", {"李雷"}, "李雷", 0},
        {"{{ name }},{{name|您}}", {"李雷"}, "李雷,李雷", 0},
        {"{{name | 您 }}，你好", {0}, "您，你好", 1},
        {"{{name|您}}{{town|}}!", {"", ""}, "您!", 2},
        {"{{名 字}}", {0, 0, "梅"}, "梅", 0},
        {"{{recipient}}/{{sender}}", {0}, "wm1/lin.yue", 0},
        {"{{name|a|b}}", {0}, "a|b", 1},
        {"{{name}}", {"{{town}} {{{{"}, "{{town}} {{{{", 0}, /* data, never expanded again */
        {"{{{{name}}", {"x"}, "{{name}}", 0},
        {"{{{{{{{{", {0}, "{{{{", 0},
        {"{{{{{{name}}", {"x"}, "{{x", 0},
        {"a { b } c }} d", {0}, "a { b } c }} d", 0},
        {"{{name}} {{town}}", {"a"}, "missing: town", 0},
        {"{{name}}", {""}, "missing: name", 0},
        {"{{name", {0}, "error: '{{' without '}}' on its line (write '{{{{' for '{{')", 0},
        {"{{name\n}}", {0}, "error: '{{' without '}}' on its line (write '{{{{' for '{{')", 0},
        {"{{ }}", {0}, "error: '{{' and '}}' without a name between them", 0},
        {"{{|x}}", {0}, "error: '{{' and '}}' without a name between them", 0},
        {"{{{name}}", {0}, "error: '{{{name}}': a name cannot contain '{' or '}'", 0},
        {"{{sender.phone}}", {0}, "error: '{{sender.phone}}' is not supported yet", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned defaults = 0;
        char *out = render(rows[i].text, rows[i].values, &defaults);

        if (strcmp(out, rows[i].out) != 0)
            fail_msg("'%s' gave '%s'", rows[i].text, out);
        if (strncmp(out, "error", 5) != 0 && strncmp(out, "missing", 7) != 0)
            assert_int_equal(defaults, rows[i].defaults);
        free(out);
    }
}

static void names_come_once_in_order_of_use(void **state)
{
    struct arena *arena = arena_new();
    const char *const *names;
    struct template *t;
    struct err e;

    (void)state;
    assert_int_equal(
        template_compile(&t, arena, "{{b}}{{a|1}}{{recipient}}{{b|2}}{{sender}}{{c}}", &e), 0);
    assert_int_equal(template_names(t, &names), 3);
    assert_string_equal(names[0], "b");
    assert_string_equal(names[1], "a");
    assert_string_equal(names[2], "c");
    arena_free(arena);
}

static void names_are_bounded(void **state)
{
    struct arena *arena = arena_new();
    struct strbuf text = STRBUF_INIT;
    struct template *t;
    struct err e;

    (void)state;
    for (int i = 0; i < 100; i++)
        strbuf_printf(&text, "{{n%d}}", i);
    assert_int_equal(template_compile(&t, arena, text.text, &e), 0);
    strbuf_puts(&text, "{{n0}}{{n100}}");
    assert_int_equal(template_compile(&t, arena, text.text, &e), ERR_DATA);
    strbuf_dispose(&text);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts_are_rendered),
                                       cmocka_unit_test(names_come_once_in_order_of_use),
                                       cmocka_unit_test(names_are_bounded)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
