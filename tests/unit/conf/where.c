/* `where:`: by tags, of the file's own column or of whoever knows them; before anything is counted.
 */
#include "check.h"

#include "conf/audience.h"
#include "support.h"

#include <unistd.h>

static struct zones *zones;
static char path[] = "/tmp/conf-where-XXXXXX";

static int setup(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    zones = zones_new();
    return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
    (void)state;
    zones_free(zones);
    return unlink(path);
}

static struct where_tags list(const char *const *names)
{
    struct where_tags t = {names, 0};

    while (names[t.count])
        t.count++;
    return t;
}

static void tags_decide(void **state)
{
    static const struct {
        const char *any[3], *all[3], *none[3], *tags;
        bool fits;
    } rows[] = {
        {{0}, {0}, {0}, "", true},
        {{"vip"}, {0}, {0}, "", false},
        {{"vip", "老客"}, {0}, {0}, " 老客 ;x", true},
        {{"vip"}, {0}, {0}, "vip2;avip", false}, /* whole tags */
        {{"vi p"}, {0}, {0}, "a;;\tvi p\n;", true},
        {{0}, {"a", "b"}, {0}, "b;a", true},
        {{0}, {"a", "b"}, {0}, "b", false},
        {{0}, {0}, {"out"}, "in", true},
        {{0}, {0}, {"out"}, "in; out", false},
        {{"a"}, {"b"}, {"c"}, "a;b", true},
        {{"a"}, {"b"}, {"c"}, "a;b;c", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct where w = {
            .any = list(rows[i].any), .all = list(rows[i].all), .none = list(rows[i].none)};
        assert_int_equal(where_narrows(&w), i > 0);
        if (where_fits(&w, rows[i].tags) != rows[i].fits)
            fail_msg("row %zu: '%s'", i, rows[i].tags);
    }
}

static void tags_have_one_form(void **state)
{
    static const struct {
        const char *tags, *form;
    } rows[] = {{"", ""}, {" ; ;", ""}, {"b; a ;b;老客", "b;a;老客"}, {"a b", "a b"}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct strbuf out = STRBUF_INIT;
        tags_canonical(&out, rows[i].tags);
        assert_string_equal(out.text, rows[i].form);
        strbuf_dispose(&out);
    }
}

static const char *book(void *ctx, const char *recipient, struct err *e)
{
    const char *fails = ctx;

    if (fails && strcmp(recipient, fails) == 0) {
        err_set(e, ERR_STORE, "the book is gone");
        return NULL;
    }
    return strcmp(recipient, "b") == 0 ? "vip" : "";
}

/* The rows as `row recipient sender`, and what reading ended with. */
static char *narrowed(const char *source, const char *csv, audience_tags_fn *tags, void *ctx)
{
    static const char *const senders[] = {"x", "y"};
    struct strbuf out = STRBUF_INIT;
    struct audience *a;
    struct audience_row row;
    struct diags d;
    struct err e;
    char text[256];
    int rc;

    FILE *f = fopen(path, "w");
    fputs(csv, f);
    fclose(f);
    snprintf(text, sizeof text,
             "campaign: a\nchannel: b\nmessage: {text: hi}\naudience:\n  %s\n"
             "  where: {tags_any: [vip], tags_none: [out]}\n",
             source);
    struct campaign *c = campaign_good(text, zones);
    diags_init(&d);
    assert_int_equal(audience_open(&a, c, c->source == AUDIENCE_FILE ? path : NULL, "vip.csv",
                                   senders, 2, &d, &e),
                     0);
    audience_tags(a, tags, ctx);
    if (audience_where_open(a))
        strbuf_puts(&out, "open ");
    while ((rc = audience_next(a, &row, &e)) == 1)
        strbuf_printf(&out, "%llu %s %s%s, ", (unsigned long long)row.row, row.recipient,
                      senders[row.sender], row.duplicate ? " dup" : "");
    strbuf_printf(&out, "%d of %llu", rc, (unsigned long long)audience_rows(a));
    assert_int_equal(d.errors, 0);
    diags_dispose(&d);
    audience_close(a);
    campaign_free(c);
    return strbuf_take(&out);
}

static void an_audience_is_narrowed_before_it_is_counted(void **state)
{
    static const struct {
        const char *source, *csv;
        bool asks;
        const char *rows;
    } rows[] = {
        {"file: vip.csv", "recipient,tags\na,\nb,vip\nc,out;vip\nd, vip ;x\nb,vip\na,vip\n", false,
         "1 b x, 2 d y, 3 b x dup, 4 a x, 0 of 4"},
        /* its own column counts, not the book */
        {"file: vip.csv", "recipient,tags\na,vip\nb,\n", true, "1 a x, 0 of 1"},
        {"file: vip.csv", "recipient\na\nb\nc\n", true, "1 b x, 0 of 1"},
        {"recipients: [a, b]", "", true, "1 b x, 0 of 1"},
        {"file: vip.csv", "recipient\na\nb\n", false, "open 1 a x, 2 b y, 0 of 2"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *got = narrowed(rows[i].source, rows[i].csv, rows[i].asks ? book : NULL, NULL);
        assert_string_equal(got, rows[i].rows);
        free(got);
    }
}

/* ctx: who was written to of late, a letter each; '!' and the store fails. */
static int lately(void *ctx, const char *recipient, struct err *e)
{
    const char *whom = ctx;

    if (*recipient == '!')
        return err_set(e, ERR_STORE, "no");
    return strchr(whom, *recipient) != NULL;
}

static void who_was_written_to_of_late_is_left_out(void **state)
{
    static const struct {
        const char *where, *whom, *rows;
    } rows[] = {
        {"{not_contacted: 7d}", "bd", "a c a!"},
        {"{not_contacted: 7d}", "", "a b c d a!"},
        {"{not_contacted: 7d, tags_any: [vip]}", "c", "b"},
        {"{tags_any: [vip]}", NULL, "b"},
    };
    static const char *const senders[] = {"x"};
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct strbuf out = STRBUF_INIT;
        struct audience_row row;
        struct audience *a;
        struct diags d;
        char text[256];
        snprintf(text, sizeof text,
                 "campaign: a\nchannel: b\nmessage: {text: hi}\n"
                 "audience: {recipients: [a, b, c, d, a], where: %s}\n",
                 rows[i].where);
        struct campaign *c = campaign_good(text, zones);
        diags_init(&d);
        assert_int_equal(audience_open(&a, c, NULL, NULL, senders, 1, &d, &e), 0);
        assert_true(audience_where_open(a));
        audience_tags(a, book, NULL);
        if (rows[i].whom)
            audience_contacted(a, lately, (char *)rows[i].whom);
        assert_false(audience_where_open(a));
        while (audience_next(a, &row, &e) == 1)
            strbuf_printf(&out, "%s%s%s", out.length ? " " : "", row.recipient,
                          row.duplicate ? "!" : "");
        assert_string_equal(out.text, rows[i].rows);
        strbuf_dispose(&out);
        audience_close(a);
        diags_dispose(&d);
        campaign_free(c);
    }
}

static void a_book_that_cannot_be_read_ends_it(void **state)
{
    char fails[] = "c", expected[64];
    char *got = narrowed("recipients: [a, b, c, b]", "", book, fails);

    (void)state;
    snprintf(expected, sizeof expected, "1 b x, %d of 1", ERR_STORE);
    assert_string_equal(got, expected);
    free(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_decide),
        cmocka_unit_test(tags_have_one_form),
        cmocka_unit_test(an_audience_is_narrowed_before_it_is_counted),
        cmocka_unit_test(who_was_written_to_of_late_is_left_out),
        cmocka_unit_test(a_book_that_cannot_be_read_ends_it),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
