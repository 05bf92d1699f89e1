/* The contact book: what an import adds, changes and leaves. */
#include "fixture.h"

static struct store_import import(struct fixture *f, const struct store_contact *rows, size_t count)
{
    struct store_decision d = {.by = "ada", .at = ++f->now, .note = "book.csv"};
    struct store_import sum = {0};

    OK(store_contacts_import(f->s, rows, count, &d, &sum, &f->e));
    return sum;
}

static int add_contact(void *ctx, const struct store_contact *x)
{
    strbuf_printf(ctx, "%s|%s|%s|%s|%s|%s\n", x->recipient, x->name, x->sender, x->timezone,
                  x->tags, x->attributes);
    return 0;
}

static void holds(struct fixture *f, const char *expected)
{
    struct strbuf out = STRBUF_INIT;
    int64_t last = 0;
    bool more = true;

    while (more) /* one at a time */
        OK(store_contacts(f->s, last, 1, add_contact, &out, &last, &more, &f->e));
    assert_string_equal(out.text ? out.text : "", expected);
    strbuf_dispose(&out);
}

static int add_name(void *ctx, const char *name)
{
    strbuf_printf(ctx, "%s ", name);
    return 0;
}

static void import_adds_changes_and_leaves(void **state)
{
    struct fixture *f = *state;
    const struct store_contact first[] = {
        {0, "w2", "Bo", "a", "", "vip;老客", "{\"city\":\"上海\"}"},
        {0, "w1", NULL, NULL, NULL, NULL, "{}"},
    };
    const struct store_contact second[] = {
        {0, "w2", "Bo", "a", "", "vip;老客", "{\"city\":\"上海\"}"},
        {0, "w1", "Ann", "", "Asia/Tokyo", "new", "{\"age\":\"3\"}"},
        {0, "w3", "", "", "", "", "{}"},
    };
    /* no such columns in the file: as they were; attributes are replaced */
    const struct store_contact third[] = {{0, "w2", NULL, NULL, NULL, NULL, "{}"}};

    holds(f, "");
    struct store_import sum = import(f, first, 2);
    assert_int_equal(sum.added, 2);
    holds(f, "w2|Bo|a||vip;老客|{\"city\":\"上海\"}\nw1|||||{}\n");
    sum = import(f, second, 3);
    assert_int_equal(sum.added, 1);
    assert_int_equal(sum.changed, 1);
    assert_int_equal(sum.unchanged, 1);
    struct strbuf text = STRBUF_INIT;
    OK(store_contact_names(f->s, add_name, &text, &f->e));
    assert_string_equal(text.text, "age city ");
    sum = import(f, third, 1);
    assert_int_equal(sum.changed, 1);
    holds(f, "w2|Bo|a||vip;老客|{}\nw1|Ann||Asia/Tokyo|new|{\"age\":\"3\"}\nw3|||||{}\n");
    OK(store_contact_tags(f->s, "w2", &text, &f->e));
    assert_string_equal(text.text, "vip;老客;"); /* as where_fits reads them */
    OK(store_contact_tags(f->s, "stranger", &text, &f->e));
    assert_int_equal(text.length, 0);
    strbuf_dispose(&text);
    assert_int_equal(verify(f), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(import_adds_changes_and_leaves, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
