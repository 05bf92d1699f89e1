/* The contact book and the do-not-send list over the API. */
#include "fixture.h"

static struct reply import(struct fixture *f, const char *csv)
{
    struct strbuf parts = STRBUF_INIT;

    part_file(&parts, "contacts", "book.csv", csv, strlen(csv));
    return post_parts_to(f, "/api/v1/contacts", &parts);
}

static void sum_is(json_t *json, int added, int changed, int unchanged, int duplicates)
{
    assert_int_equal(number_at(json, "added"), added);
    assert_int_equal(number_at(json, "changed"), changed);
    assert_int_equal(number_at(json, "unchanged"), unchanged);
    assert_int_equal(number_at(json, "duplicates"), duplicates);
    json_decref(json);
}

static void answer_is(struct reply r, const char *body)
{
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body, body);
    reply_free(&r);
}

static void a_book_is_imported_and_listed(void **state)
{
    struct fixture *f = *state;

    answer_is(call(f, "GET", "/api/v1/contacts", NULL), "");
    sum_is(want(import(f, "recipient,name,tags,city\nr1,Ann,b; a,Bonn\nr2,,,\nr1,x,,\n"), 200), 2,
           0, 0, 1);
    sum_is(want(import(f, "recipient,name\nr1,Ann\nr2,Bo\n"), 200), 0, 2, 0, 0);
    sum_is(want(import(f, "recipient,name\nr1,Ann\nr2,Bo\n"), 200), 0, 0, 2, 0);
    answer_is(call(f, "GET", "/api/v1/contacts", NULL),
              "{\"recipient\":\"r1\",\"name\":\"Ann\",\"sender\":null,\"timezone\":null,"
              "\"tags\":[\"b\",\"a\"],\"attributes\":{}}\n"
              "{\"recipient\":\"r2\",\"name\":\"Bo\",\"sender\":null,\"timezone\":null,"
              "\"tags\":[],\"attributes\":{}}\n");
}

/* More than one chunk of rows, and more than one of the list. */
static void a_long_book(void **state)
{
    struct fixture *f = *state;
    struct strbuf csv = STRBUF_INIT;
    size_t lines = 0;

    strbuf_puts(&csv, "recipient,x\n");
    for (int i = 0; i < 5000; i++)
        strbuf_printf(&csv, "r%d,%d\n", i, i);
    sum_is(want(import(f, csv.text), 200), 5000, 0, 0, 0);
    strbuf_dispose(&csv);
    struct reply r = call(f, "GET", "/api/v1/contacts", NULL);
    for (const char *c = r.body; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 5000);
    assert_non_null(strstr(r.body, "{\"recipient\":\"r4999\""));
    reply_free(&r);
}

static void one_wrong_row_keeps_all_out(void **state)
{
    struct fixture *f = *state;
    struct strbuf parts = STRBUF_INIT;
    json_t *json = want(import(f, "recipient,timezone\nr1,\nr2,Nowhere\n"), 422);
    const json_t *diag = json_array_get(json_object_get(json, "diagnostics"), 0);

    assert_string_equal(text_at(diag, "file"), "book.csv");
    assert_int_equal(number_at(diag, "line"), 3);
    assert_int_equal(number_at(diag, "column"), 2);
    json_decref(json);
    want_error(import(f, ""), 422, 65, "nothing was imported");
    answer_is(call(f, "GET", "/api/v1/contacts", NULL), "");
    part_file(&parts, "audience", "a.csv", "recipient\n", 10);
    want_error(post_parts_to(f, "/api/v1/contacts", &parts), 400, 64, "unknown part 'audience'");
    part_file(&parts, "contacts", "a.csv", "recipient\n", 10);
    want_error(post_parts(f, &parts), 400, 64, "no part 'campaign'");
    part_file(&parts, "contacts", "a.csv", "phone\n1\n", 8);
    part_field(&parts, "match", "phone");
    want_error(post_parts_to(f, "/api/v1/contacts", &parts), 400, 64, "'match' must be");
    part_file(&parts, "contacts", "a.csv", "recipient\n", 10);
    part_file(&parts, "campaign", "spring.yaml", CAMPAIGN, strlen(CAMPAIGN));
    want_error(post_parts(f, &parts), 400, 64, "unknown part 'contacts'");
}

#define BOOK_CAMPAIGN                                                                              \
    "campaign: spring\ntitle: Spring\nchannel: room\naudience: {contacts: true, expect: 2,\n"      \
    "  where: {tags_any: [vip]}}\nmessage:\n  text: \"Hello {{name|you}} {{city|}}\"\n"

static void a_campaign_for_the_book(void **state)
{
    struct fixture *f = *state;

    json_decref(want(submit(f, BOOK_CAMPAIGN, NULL), 422)); /* nobody, so nobody has a city */
    json_decref(want(import(f, "recipient,name,tags,city,sender\n"
                               "r1,\"A \"\"n\"\" n\",vip,\"Bo\nnn\",wu\nr2,Bo,,,\nr3,,vip;x,,\n"),
                     200));
    json_decref(want(submit(f, BOOK_CAMPAIGN, NULL), 200));
    struct reply r = call(f, "GET", "/api/v1/campaigns/spring/deliveries", NULL);
    assert_non_null(strstr(r.body, "\"recipient\":\"r1\""));
    assert_non_null(strstr(r.body, "\"sender\":\"wu\""));
    assert_null(strstr(r.body, "\"recipient\":\"r2\""));
    assert_non_null(strstr(r.body, "\"recipient\":\"r3\""));
    reply_free(&r);
    r = call(f, "GET", "/api/v1/campaigns/spring/preview", NULL);
    assert_non_null(strstr(r.body, "Hello A \\\"n\\\" n Bo\\nnn"));
    reply_free(&r);
    json_decref(want(import(f, "recipient,tags\nr2,vip\n"), 200));
    want_error(submit(f, BOOK_CAMPAIGN, NULL), 409, 1, "was not submitted"); /* expect: 2 */
    assert_int_equal(spooled(f), 0);
}

static void suppressing(void **state)
{
    struct fixture *f = *state;

    json_decref(want(submit(f, CAMPAIGN, AUDIENCE), 200));
    f->event_count = 0;
    answer_is(call(f, "POST", "/api/v1/suppressions",
                   "{\"recipient\":\"r2\",\"sender\":null,\"reason\":\"asked\"}"),
              "{\"recipient\":\"r2\",\"sender\":null,\"added\":true,\"skipped\":1,"
              "\"already_out\":0}\n");
    assert_int_equal(f->event_count, 1);
    assert_string_equal(f->events[0], "gone 2");
    answer_is(call(f, "POST", "/api/v1/suppressions",
                   "{\"recipient\":\"r2\",\"sender\":\"wu\",\"reason\":\"asked\"}"),
              "{\"recipient\":\"r2\",\"sender\":\"wu\",\"added\":true,\"skipped\":0,"
              "\"already_out\":0}\n");
    want_error(call(f, "POST", "/api/v1/suppressions",
                    "{\"recipient\":\"r2\",\"sender\":\"mu\",\"reason\":\"asked\"}"),
               404, 1, "no channel has a sender 'mu'");
    want_error(call(f, "POST", "/api/v1/suppressions", "{\"recipient\":\"r2\"}"), 400, 64,
               "'reason' is missing");
    want_error(
        call(f, "POST", "/api/v1/suppressions", "{\"recipient\":\"r\\n2\",\"reason\":\"x\"}"), 400,
        64, "line break");
    json_t *json = want(call(f, "GET", "/api/v1/deliveries/2", NULL), 200);
    assert_string_equal(text_at(json, "state"), "skipped");
    assert_string_equal(text_at(json, "reason"), "suppressed");
    json_decref(json);

    struct reply r = call(f, "GET", "/api/v1/suppressions", NULL);
    assert_non_null(strstr(r.body, "{\"recipient\":\"r2\",\"sender\":null,\"by\":\""));
    assert_non_null(strstr(r.body, "\"at\":\"2027-03-01T09:00:00.000+08:00\",\"reason\":\"asked\","
                                   "\"until_back\":false}\n"
                                   "{\"recipient\":\"r2\",\"sender\":\"wu\""));
    reply_free(&r);
    answer_is(call(f, "POST", "/api/v1/suppressions/remove",
                   "{\"recipient\":\"r2\",\"reason\":\"asked again\"}"),
              "{\"recipient\":\"r2\",\"sender\":null,\"removed\":true,\"remaining\":1}\n");
    want_error(
        call(f, "POST", "/api/v1/suppressions/remove", "{\"recipient\":\"r2\",\"reason\":\"x\"}"),
        404, 1, "for single senders only");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_book_is_imported_and_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_book, setup, teardown),
        cmocka_unit_test_setup_teardown(one_wrong_row_keeps_all_out, setup, teardown),
        cmocka_unit_test_setup_teardown(a_campaign_for_the_book, setup, teardown),
        cmocka_unit_test_setup_teardown(suppressing, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
