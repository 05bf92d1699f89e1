/* What a platform's account knows: a reading adds, changes, leaves and removes, and goes on where
 * it broke off; each customer has one sender. */
#include "fixture.h"

enum { HOUR_MS = 3600 * 1000 };

static const char *const both[] = {"lin", "he"};

static struct store_relation customer(const char *recipient, int64_t added_ms, const char *tags)
{
    return (struct store_relation){.recipient = recipient,
                                   .name = "n",
                                   .union_id = "",
                                   .remark = "",
                                   .state = "",
                                   .tags = tags,
                                   .added_ms = added_ms,
                                   .way = 1};
}

/* The members that are left to be read, as one text. */
static const char *begin(struct fixture *f, const char *const *members, size_t count,
                         uint64_t *removed)
{
    static char text[64];
    const char **left;
    size_t n;

    text[0] = '\0';
    *removed = 0;
    OK(store_reading_begin(f->s, "brand", members, count, ++f->now, HOUR_MS, &left, &n, removed,
                           &f->e));
    for (size_t i = 0; i < n; i++) {
        strcat(text, left[i]);
        strcat(text, " ");
    }
    free(left);
    return text;
}

static struct store_relations_sum read_member(struct fixture *f, const char *member,
                                              const struct store_relation *rows, size_t count)
{
    struct store_relations_sum sum = {0};
    int64_t ids[8];

    OK(store_reading_rows(f->s, "brand", RELATION_CUSTOMER, member, rows, count, ids, &sum, &f->e));
    OK(store_reading_rest(f->s, "brand", RELATION_CUSTOMER, member, ids, count, &sum, &f->e));
    OK(store_reading_member(f->s, "brand", member, ++f->now, &f->e));
    return sum;
}

static void end(struct fixture *f)
{
    struct store_relations_sum sum = {.seen = 3};
    const struct store_decision d = {.by = "ada", .at = ++f->now};

    OK(store_reading_end(f->s, "brand", &sum, &d, &f->e));
}

static int add(void *ctx, const struct store_contact *x)
{
    strbuf_printf(ctx, "%s of %s %s|", x->recipient, x->sender, x->tags);
    return 0;
}

static void chosen(struct fixture *f, const struct store_choice *choice, const char *expected)
{
    struct strbuf out = STRBUF_INIT;

    OK(store_relations(f->s, "brand", RELATION_CUSTOMER, choice, add, &out, &f->e));
    assert_string_equal(out.text ? out.text : "", expected);
    strbuf_dispose(&out);
}

static void holds(struct fixture *f, const char *const *senders, size_t count, const char *expected)
{
    chosen(f, &(struct store_choice){.senders = senders, .sender_count = count}, expected);
}

static void a_reading_writes_what_is_new(void **state)
{
    struct fixture *f = *state;
    const struct store_relation lins[] = {customer("wm1", 10, "vip"), customer("wm2", 10, "")};
    const struct store_relation hes[] = {customer("wm2", 20, "new")};
    const struct store_relation later[] = {customer("wm1", 10, "vip;old"), customer("wm3", 30, "")};
    uint64_t removed;
    bool known;

    OK(store_account_read(f->s, "brand", &known, &f->e));
    assert_false(known);
    assert_string_equal(begin(f, both, 2, &removed), "lin he ");
    struct store_relations_sum sum = read_member(f, "lin", lins, 2);
    assert_int_equal(sum.added, 2);
    sum = read_member(f, "he", hes, 1);
    end(f);
    OK(store_account_read(f->s, "brand", &known, &f->e));
    assert_true(known);
    holds(f, both, 2, "wm1 of lin vip|wm2 of he new|"); /* he has added wm2 last */
    holds(f, both, 1, "wm1 of lin vip|wm2 of lin new|");

    assert_string_equal(begin(f, both, 2, &removed), "lin he ");
    sum = read_member(f, "lin", later, 2);
    assert_int_equal(sum.changed, 1);
    assert_int_equal(sum.added, 1);
    assert_int_equal(sum.removed, 1); /* wm2 is not lin's any more */
    sum = read_member(f, "he", hes, 1);
    assert_int_equal(sum.unchanged, 1);
    end(f);
    holds(f, both, 2, "wm1 of lin vip;old|wm2 of he new|wm3 of lin |");
    assert_int_equal(verify(f), 2);
}

static void one_that_broke_off_goes_on(void **state)
{
    struct fixture *f = *state;
    const struct store_relation rows[] = {customer("wm1", 10, "")};
    uint64_t removed;

    begin(f, both, 2, &removed);
    read_member(f, "lin", rows, 1);
    fixture_reopen(f);
    assert_string_equal(begin(f, both, 2, &removed), "he ");
    f->now += HOUR_MS; /* too long ago */
    assert_string_equal(begin(f, both, 2, &removed), "lin he ");
}

static void who_has_left_goes_with_all_they_had(void **state)
{
    struct fixture *f = *state;
    const struct store_relation rows[] = {customer("wm1", 10, "")};
    uint64_t removed;

    begin(f, both, 2, &removed);
    read_member(f, "lin", rows, 1);
    read_member(f, "he", rows, 1);
    end(f);
    begin(f, &both[1], 1, &removed);
    assert_int_equal(removed, 1);
    holds(f, both, 2, "wm1 of he |");
}

static size_t sender_of(struct fixture *f, const char *recipient, size_t count, const char *wanted)
{
    size_t index = 99;

    const struct store_choice choice = {.senders = both, .sender_count = count};
    OK(store_relation_sender(f->s, "brand", recipient, &choice, wanted, &index, &f->e));
    return index;
}

static void a_recipient_belongs_to_who_added_them_last(void **state)
{
    struct fixture *f = *state;
    const struct store_relation lins[] = {customer("wm1", 10, "vip"), customer("wm2", 30, "")};
    const struct store_relation hes[] = {customer("wm1", 20, "old"), customer("wm2", 20, "")};
    struct strbuf tags = STRBUF_INIT;
    uint64_t removed;

    begin(f, both, 2, &removed);
    read_member(f, "lin", lins, 2);
    read_member(f, "he", hes, 2);
    assert_int_equal(sender_of(f, "wm1", 2, NULL), 1);
    assert_int_equal(sender_of(f, "wm2", 2, NULL), 0);
    assert_int_equal(sender_of(f, "wm1", 1, NULL), 0); /* he is not one of the senders */
    assert_int_equal(sender_of(f, "wm1", 2, "lin"), 0);
    assert_int_equal(sender_of(f, "wm1", 2, "zoe"), 2); /* whose customer it is not */
    assert_int_equal(sender_of(f, "stranger", 2, NULL), 2);
    OK(store_contact_tags(f->s, "wm1", &tags, &f->e));
    assert_string_equal(tags.text, "vip;old");
    strbuf_dispose(&tags);
}

/* Which of several members, and whose relation is meant at all. */
static void a_choice_is_kept(void **state)
{
    struct fixture *f = *state;
    static const char *const turned[] = {"he", "lin"};
    static const char *const fair[] = {"fair"};
    static const int64_t scanned[] = {1, 16};
    struct store_relation lins[] = {customer("wm1", 10, ""), customer("wm2", 30, "")};
    struct store_relation hes[] = {customer("wm1", 20, ""), customer("wm2", 20, "")};
    struct store_choice c = {.senders = both, .sender_count = 2};
    uint64_t removed;

    lins[0].state = "fair";
    lins[1].way = 3;
    begin(f, both, 2, &removed);
    read_member(f, "lin", lins, 2);
    read_member(f, "he", hes, 2);
    chosen(f, &c, "wm1 of he |wm2 of lin |");
    c.order = RELATION_FIRST_ADDED;
    chosen(f, &c, "wm1 of lin |wm2 of he |");
    c.order = RELATION_LISTED;
    chosen(f, &c, "wm1 of lin |wm2 of lin |");
    c.senders = turned;
    chosen(f, &c, "wm1 of he |wm2 of he |");
    c = (struct store_choice){.senders = both, .sender_count = 2, .added_from_ms = 20};
    chosen(f, &c, "wm1 of he |wm2 of lin |");
    c = (struct store_choice){.senders = both, .sender_count = 2, .added_to_ms = 20};
    chosen(f, &c, "wm1 of lin |");
    c = (struct store_choice){.senders = both, .sender_count = 2, .ways = scanned, .way_count = 2};
    chosen(f, &c, "wm1 of he |wm2 of he |");
    c = (struct store_choice){.senders = both, .sender_count = 2, .states = fair, .state_count = 1};
    chosen(f, &c, "wm1 of lin |");
}

static int add_name(void *ctx, const char *name)
{
    strbuf_printf(ctx, "%s ", name);
    return 0;
}

static void members_are(struct fixture *f, enum relation_kind kind, const char *expected)
{
    struct strbuf out = STRBUF_INIT;

    OK(store_members(f->s, "brand", kind, add_name, &out, &f->e));
    assert_string_equal(out.text ? out.text : "", expected);
    strbuf_reset(&out);
    OK(store_members(f->s, "other", kind, add_name, &out, &f->e));
    assert_int_equal(out.length, 0);
    strbuf_dispose(&out);
}

static void members_are_those_of_the_last_reading(void **state)
{
    const struct store_relation group = customer("wr1", 10, "");
    struct store_relations_sum sum = {0};
    struct fixture *f = *state;
    uint64_t removed;
    int64_t id;

    members_are(f, RELATION_CUSTOMER, "");
    begin(f, both, 2, &removed);
    members_are(f, RELATION_CUSTOMER, "he lin "); /* by name */
    members_are(f, RELATION_GROUP, "");
    OK(store_reading_rows(f->s, "brand", RELATION_GROUP, "lin", &group, 1, &id, &sum, &f->e));
    members_are(f, RELATION_GROUP, "lin ");
    end(f);
    begin(f, both + 1, 1, &removed);
    members_are(f, RELATION_CUSTOMER, "he ");
    members_are(f, RELATION_GROUP, "");
}

static int add_entry(void *ctx, const struct store_suppression *x)
{
    strbuf_printf(ctx, "%s of %s by %s%s|", x->recipient, x->sender ? x->sender : "-", x->by,
                  x->until_back ? " until back" : "");
    return 0;
}

static void suppressed(struct fixture *f, const char *expected)
{
    struct strbuf out = STRBUF_INIT;
    int64_t last;
    bool more;

    OK(store_suppressions(f->s, 0, 100, add_entry, &out, &last, &more, &f->e));
    assert_string_equal(out.text ? out.text : "", expected);
    strbuf_dispose(&out);
}

static bool part(struct fixture *f, const char *recipient, const char *sender, instant_t at,
                 const char *person)
{
    const struct store_decision d = {
        .by = person ? person : "paceline", .at = at, .note = "gone", .until_back = !person};
    struct store_suppressed out;

    OK(store_suppress(f->s, recipient, sender, &d, &out, &f->e));
    free(out.skipped);
    return out.added;
}

static uint64_t read_all(struct fixture *f, const char *account, const struct store_relation *rows,
                         size_t count)
{
    const struct store_decision d = {.by = "ada", .at = ++f->now};
    struct store_relations_sum sum = {0};
    int64_t ids[8];

    OK(store_reading_rows(f->s, account, RELATION_CUSTOMER, "lin", rows, count, ids, &sum, &f->e));
    OK(store_reading_rest(f->s, account, RELATION_CUSTOMER, "lin", ids, count, &sum, &f->e));
    OK(store_reading_end(f->s, account, &sum, &d, &f->e));
    return sum.lifted;
}

/* What the platform's result has ended, a relation that is younger begins anew; what a person has
 * said, only a person takes back. */
static void who_comes_back_may_be_written_to_again(void **state)
{
    struct fixture *f = *state;
    const instant_t then = ++f->now;
    const struct store_relation old[] = {customer("wm1", then - 1000, ""),
                                         customer("wm2", then, ""), customer("wm3", then, "")};
    const struct store_relation anew[] = {customer("wm1", then + 1000, ""),
                                          customer("wm2", then + 1000, ""),
                                          customer("wm3", then + 1000, "")};

    assert_true(part(f, "wm1", "lin", then, NULL));
    assert_true(part(f, "wm1", "he", then, NULL));
    assert_true(part(f, "wm2", "lin", then, NULL));
    assert_true(part(f, "wm2", "lin", then, "olga")); /* a person's takes its place */
    assert_true(part(f, "wm3", NULL, then, "olga"));
    assert_false(part(f, "wm2", "lin", then + 1, NULL)); /* and stays */
    suppressed(f, "wm1 of lin by paceline until back|wm1 of he by paceline until back|"
                  "wm2 of lin by olga|wm3 of - by olga|");
    uint64_t records = verify(f);
    assert_int_equal(read_all(f, "brand", old, 3), 0);
    assert_int_equal(verify(f), records + 1);
    assert_int_equal(read_all(f, "brand", anew, 3), 1);
    suppressed(f, "wm1 of he by paceline until back|wm2 of lin by olga|wm3 of - by olga|");
    assert_int_equal(verify(f), records + 3); /* the reading's and the entry's end */

    bool still;
    OK(store_is_suppressed(f->s, "wm1", "lin", &still, &f->e));
    assert_false(still);
    /* gone a second time, later than that: the relation says nothing new */
    assert_true(part(f, "wm1", "lin", then + 1500, NULL));
    assert_false(part(f, "wm1", "lin", then + 1500, NULL)); /* the same said again */
    assert_true(part(f, "wm1", "lin", then + 2000, NULL));
    assert_int_equal(read_all(f, "brand", anew, 3), 0);
    const struct store_relation between[] = {customer("wm1", then + 1800, "")};
    assert_int_equal(read_all(f, "brand", between, 1), 0);
    OK(store_is_suppressed(f->s, "wm1", "lin", &still, &f->e));
    assert_true(still);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_reading_writes_what_is_new, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_broke_off_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(who_has_left_goes_with_all_they_had, setup, teardown),
        cmocka_unit_test_setup_teardown(a_choice_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(members_are_those_of_the_last_reading, setup, teardown),
        cmocka_unit_test_setup_teardown(a_recipient_belongs_to_who_added_them_last, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(who_comes_back_may_be_written_to_again, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
