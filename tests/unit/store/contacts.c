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
        {0, "w2", "Bo", "a", "", "vip;老客", "{\"city\":\"上海\"}", false},
        {0, "w1", NULL, NULL, NULL, NULL, "{}", false},
    };
    const struct store_contact second[] = {
        {0, "w2", "Bo", "a", "", "vip;老客", "{\"city\":\"上海\"}", false},
        {0, "w1", "Ann", "", "Asia/Tokyo", "new", "{\"age\":\"3\"}", false},
        {0, "w3", "", "", "", "", "{}", false},
    };
    /* no such columns in the file: as they were; attributes are replaced */
    const struct store_contact third[] = {{0, "w2", NULL, NULL, NULL, NULL, "{}", false}};

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

static int add_recipient(void *ctx, const char *recipient)
{
    strbuf_printf(ctx, "%s ", recipient);
    return 0;
}

static void called(struct fixture *f, enum relation_name by, const char *name, const char *sender,
                   const char *expected)
{
    struct strbuf out = STRBUF_INIT;

    OK(store_customers_called(f->s, by, name, sender, add_recipient, &out, &f->e));
    assert_string_equal(out.text ? out.text : "", expected);
    strbuf_dispose(&out);
}

static void customers_hold(struct fixture *f, const char *expected)
{
    struct strbuf out = STRBUF_INIT;
    int64_t last = 0;
    bool more = true;

    while (more)
        OK(store_customers(f->s, last, 1, add_contact, &out, &last, &more, &f->e));
    assert_string_equal(out.text ? out.text : "", expected);
    strbuf_dispose(&out);
}

static void read_of(struct fixture *f, enum relation_kind kind, const char *member,
                    const struct store_relation *rows, size_t count)
{
    struct store_relations_sum sum = {0};
    int64_t ids[8];

    OK(store_reading_rows(f->s, "brand", kind, member, rows, count, ids, &sum, &f->e));
    OK(store_reading_rest(f->s, "brand", kind, member, ids, count, &sum, &f->e));
}

/* What is matched is known of the customer, is no contact, and outlives what the platform says. */
static void what_is_matched_belongs_to_customers(void **state)
{
    struct fixture *f = *state;
    const struct store_relation lins[] = {{.recipient = "wm1",
                                           .name = "Bo",
                                           .union_id = "o1",
                                           .remark = " 王总 ",
                                           .state = "",
                                           .tags = "vip"},
                                          {.recipient = "wm2",
                                           .name = "Li",
                                           .union_id = "",
                                           .remark = "李",
                                           .state = "",
                                           .tags = ""}};
    const struct store_relation hes[] = {{.recipient = "wm1",
                                          .name = "Bo",
                                          .union_id = "o1",
                                          .remark = "王总",
                                          .state = "",
                                          .tags = "",
                                          .added_ms = 20},
                                         {.recipient = "wm3",
                                          .name = "An",
                                          .union_id = "o3",
                                          .remark = "李",
                                          .state = "",
                                          .tags = "",
                                          .added_ms = 20}};
    const struct store_relation group[] = {{.recipient = "wr1",
                                            .name = "李",
                                            .union_id = "",
                                            .remark = "李",
                                            .state = "",
                                            .tags = ""}};
    const struct store_contact row[] = {
        {0, "wm1", NULL, NULL, NULL, "old", "{\"city\":\"x\"}", true}};
    const struct store_contact own[] = {{0, "wm1", NULL, NULL, NULL, NULL, "{}", false}};

    read_of(f, RELATION_CUSTOMER, "lin", lins, 2);
    read_of(f, RELATION_CUSTOMER, "he", hes, 2);
    read_of(f, RELATION_GROUP, "lin", group, 1);
    called(f, RELATION_UNIONID, "o1", NULL, "wm1 ");
    called(f, RELATION_UNIONID, "o1", "he", "wm1 ");
    called(f, RELATION_UNIONID, "o3", "lin", "");
    called(f, RELATION_UNIONID, "", NULL, "");
    called(f, RELATION_UNIONID, "O1", NULL, "");
    called(f, RELATION_REMARK, "王总", NULL, "wm1 ");  /* by two members, one customer */
    called(f, RELATION_REMARK, "王总", "lin", "wm1 "); /* spaces around it do not count */
    called(f, RELATION_REMARK, "李", NULL, "wm2 wm3 ");
    called(f, RELATION_REMARK, "李", "he", "wm3 ");
    called(f, RELATION_REMARK, "李", "nobody", "");
    called(f, RELATION_REMARK, "", NULL, "");

    struct store_import sum = import(f, row, 1);
    assert_int_equal(sum.added, 1);
    holds(f, "");
    customers_hold(f, "wm1|Bo|he||old;vip|{\"city\":\"x\"}\nwm2|Li|lin|||{}\nwm3|An|he|||{}\n");
    sum = import(f, row, 1);
    assert_int_equal(sum.unchanged, 1);
    read_of(f, RELATION_CUSTOMER, "lin", lins, 2); /* a later reading */
    read_of(f, RELATION_CUSTOMER, "he", NULL, 0);
    customers_hold(f, "wm1|Bo|lin||old;vip|{\"city\":\"x\"}\nwm2|Li|lin|||{}\n");

    sum = import(f, own, 1); /* now they are a contact, and stay one */
    assert_int_equal(sum.changed, 1);
    sum = import(f, row, 1);
    assert_int_equal(sum.changed, 1);
    holds(f, "wm1||||old|{\"city\":\"x\"}\n");
    customers_hold(f, "wm2|Li|lin|||{}\n");
    assert_true(verify(f) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(import_adds_changes_and_leaves, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_matched_belongs_to_customers, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
