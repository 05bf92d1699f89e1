/* What content rules find, and where: terms, exceptions, conditions, and block over warn. */
#include "check.h"

#include "conf/rules.h"
#include "support.h"

static struct rules *rules(struct arena *arena, const char *yaml)
{
    struct diags d;

    diags_init(&d);
    struct reader r = {.arena = arena, .file = "p.yaml", .diags = &d};
    const struct yaml_node *root = yaml_read(arena, r.file, yaml, strlen(yaml), &d);
    struct rules *all = rules_new(arena);
    rules_read(all, &r, yaml_get(root, "rules"), "p", "2026-11");
    rules_build(all);
    char *errors = errors_take(&d);
    assert_string_equal(errors, "");
    free(errors);
    return all;
}

static void tell(void *ctx, const struct rule_found *found)
{
    strbuf_printf(ctx, "%s%s@%zu ", found->rule->block ? "!" : "", found->term ? found->term : "-",
                  found->begin);
}

static void assert_told(const struct rules *all, const char *text, const char *told)
{
    struct terms_scratch s = {0};
    struct strbuf all_told = STRBUF_INIT;

    rules_judge(all, text, strlen(text), &s, tell, &all_told);
    if (strcmp(all_told.length ? all_told.text : "", told) != 0)
        fail_msg("'%s': found '%s', not '%s'", text, all_told.length ? all_told.text : "", told);
    strbuf_dispose(&all_told);
    terms_scratch_dispose(&s);
}

static void they_speak_where_they_should(void **state)
{
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"best thing, bye T", "!best@0 "},
        {"best time, bye T", ""},
        {"best time and BEST thing, bye T", "!best@14 "},
        {"fine, bye T", ""},
        {"fine gold, bye T", "fine@0 "},
        {"gold", "-@0 "},
        {"top, bye T", "top@0 "},
        {"top cure, bye T", "!top@0 "}, /* once: block over warn */
        {"cure top and top, bye T", "!top@5 !top@13 "},
    };
    struct arena *arena = arena_new();
    const struct rules *all = rules(
        arena,
        "rules:\n"
        "  - {terms: [best], except: [best time], level: block, says: {en: a, zh: b}, source: x}\n"
        "  - {terms: [fine], when: [gold], level: warn, says: {en: a, zh: b}, source: x}\n"
        "  - {wants: [bye T], level: warn, says: {en: a, zh: b}, source: x}\n"
        "  - {terms: [top], level: warn, says: a, source: x}\n"
        "  - {terms: [top], when: [cure], level: block, says: a, source: x}\n");

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_told(all, cases[i].text, cases[i].told);
    arena_free(arena);
}

static void the_audience_can_make_them_speak(void **state)
{
    struct arena *arena = arena_new();
    struct strbuf told = STRBUF_INIT;
    struct terms_scratch s = {0};
    struct rules *all =
        rules(arena, "rules:\n"
                     "  - {audience: [bought], wants: [bye T], level: warn, says: a, source: x}\n"
                     "  - {audience: [health], level: warn, says: a, source: x}\n");

    (void)state;
    assert_told(all, "hello", "");
    rules_judge_name(all, "city", &s, tell, &told);
    assert_int_equal(told.length, 0);
    rules_judge_name(all, "bought twice", &s, tell, &told);
    assert_int_equal(told.length, 0);
    rules_judge_name(all, "poor Health", &s, tell, &told);
    assert_string_equal(told.text, "poor Health@0 ");
    assert_told(all, "hello", "-@0 ");
    assert_told(all, "hello, bye T", "");
    strbuf_dispose(&told);
    terms_scratch_dispose(&s);
    arena_free(arena);
}

static void a_raised_rule_blocks(void **state)
{
    struct arena *arena = arena_new();
    struct rules *all =
        rules(arena, "rules:\n  - {id: bye, wants: [bye T], level: warn, says: a, source: x}\n");

    (void)state;
    assert_false(rules_raise(all, "p/by"));
    assert_false(rules_raise(all, "p"));
    assert_false(rules_raise(all, "q/bye"));
    assert_told(all, "hello", "-@0 ");
    assert_true(rules_raise(all, "p/bye"));
    assert_told(all, "hello", "!-@0 ");
    arena_free(arena);
}

static void it_is_told_in_both_languages(void **state)
{
    const struct rule rule = {.pack = "cn-advertising",
                              .version = "2026-11",
                              .says = {"is an absolute term", "是绝对化用语"},
                              .article = {"广告法 art. 9(3)", "广告法第九条（三）"}};
    const struct rule_found found = {.rule = &rule, .term = "最佳"};
    struct strbuf told = STRBUF_INIT;

    (void)state;
    rules_tell(&found, LANG_EN, &told);
    assert_string_equal(told.text,
                        "'最佳' is an absolute term (cn-advertising 2026-11, 广告法 art. 9(3))");
    strbuf_reset(&told);
    rules_tell(&found, LANG_ZH, &told);
    assert_string_equal(told.text,
                        "'最佳' 是绝对化用语 (cn-advertising 2026-11, 广告法第九条（三）)");
    strbuf_dispose(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_speak_where_they_should),
        cmocka_unit_test(the_audience_can_make_them_speak),
        cmocka_unit_test(a_raised_rule_blocks),
        cmocka_unit_test(it_is_told_in_both_languages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
