/* A bundle becomes a revision, whole or not at all; what is wrong is said at its place. */
#include "fixture.h"

#include "store/store.h"

static const unsigned char png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 1, 2, 3};

static void a_bundle_becomes_a_draft(void **state)
{
    struct fixture *f = *state;
    json_t *json = want(submit(f, CAMPAIGN, AUDIENCE), 200);
    char revision[DIGEST_TEXT];

    assert_string_equal(text_at(json, "campaign"), "spring");
    assert_string_equal(text_at(json, "state"), "draft");
    assert_true(json_is_false(json_object_get(json, "unchanged")));
    assert_int_equal(json_array_size(json_object_get(json, "warnings")), 0);
    struct digest d;
    assert_true(digest_parse(text_at(json, "revision"), &d));
    strcpy(revision, text_at(json, "revision"));
    json_decref(json);

    json = want(call(f, "GET", "/api/v1/campaigns/spring", NULL), 200);
    assert_string_equal(text_at(json, "revision"), revision);
    assert_int_equal(number_at(json, "audience"), 4);
    const json_t *counts = json_object_get(json, "counts");
    assert_int_equal(number_at(counts, "pending"), 3);
    assert_int_equal(number_at(counts, "skipped"), 1); /* the duplicate */
    json_decref(json);

    json = want(submit(f, CAMPAIGN, AUDIENCE), 200); /* the same again */
    assert_true(json_is_true(json_object_get(json, "unchanged")));
    assert_string_equal(text_at(json, "revision"), revision);
    json_decref(json);

    json = want(submit(f, CAMPAIGN "# a comment\n", AUDIENCE), 200);
    assert_true(json_is_true(json_object_get(json, "unchanged")));
    json_decref(json);
    json = want(submit(f, CAMPAIGN, AUDIENCE "r4,Zoe\n"), 200); /* one row more */
    assert_true(json_is_false(json_object_get(json, "unchanged")));
    assert_string_not_equal(text_at(json, "revision"), revision);
    json_decref(json);
    assert_int_equal(spooled(f), 0);
}

struct wrong {
    const char *campaign, *audience;
    int status, exit_code;
    const char *file;
    int line, column;
    const char *part;
};

#define HEAD "campaign: spring\ntitle: Spring\nchannel: room\n"
#define TAIL "audience:\n  file: vip.csv\nmessage:\n  text: \"Hi {{name|you}}\"\n"

static void every_error_has_its_place(void **state)
{
    struct fixture *f = *state;
    static const struct wrong rows[] = {
        {HEAD TAIL "windwo: 5\n", AUDIENCE, 422, 65, "spring.yaml", 8, 1, "unknown key 'windwo'"},
        {"campaign: spring\ntitle: S\nchannel: rom\n" TAIL, AUDIENCE, 422, 65, "spring.yaml", 3, 10,
         "unknown channel 'rom', paceline.yaml has room, closed"},
        {HEAD "senders: [li, xu]\n" TAIL, AUDIENCE, 422, 65, "spring.yaml", 4, 15,
         "has no sender 'xu'"},
        {HEAD TAIL, "recipient,name\nr1,A\n,B\n", 422, 65, "vip.csv", 3, 1, "empty recipient"},
        {HEAD TAIL, "recipient,name\nr1,A,x\n", 422, 65, "vip.csv", 2, 3, "fields"},
        {HEAD TAIL, "name\nA\n", 422, 65, "vip.csv", 1, 1, "recipient"},
        {HEAD TAIL, "recipient,name\n", 409, 1, "spring.yaml", 5, 9, "audience is empty"},
        {HEAD TAIL "schedule:\n  start: 2027-01-01\n  end: 2027-02-01\n", AUDIENCE, 409, 1,
         "spring.yaml", 10, 8, "lies in the past"},
        {HEAD "audience:\n  file: vip.csv\n  expect: 9\nmessage:\n  text: hi\n", AUDIENCE, 409, 1,
         "spring.yaml", 6, 11, "9 recipients expected"},
        {HEAD TAIL, "recipient,name\nr1,A\nr2,01234567890123456789012345678901234567890\n", 409, 1,
         "spring.yaml", 7, 9, "(row 2)"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct wrong *w = &rows[i];
        struct reply r = submit(f, w->campaign, w->audience);
        if (r.status != w->status)
            fail_msg("row %zu: status %d: %s", i, r.status, r.body);
        json_t *json = want(r, w->status);
        assert_int_equal(number_at(json, "exit"), w->exit_code);
        const json_t *diag = json_array_get(json_object_get(json, "diagnostics"), 0);
        assert_string_equal(text_at(diag, "file"), w->file);
        if (!strstr(text_at(diag, "message"), w->part) || number_at(diag, "line") != w->line ||
            number_at(diag, "column") != w->column)
            fail_msg("row %zu: %s:%d:%d: %s", i, text_at(diag, "file"),
                     (int)number_at(diag, "line"), (int)number_at(diag, "column"),
                     text_at(diag, "message"));
        assert_string_equal(text_at(diag, "level"), "error");
        json_decref(json);
        want_error(call(f, "GET", "/api/v1/campaigns/spring", NULL), 404, 1, "no campaign");
    }
    assert_int_equal(spooled(f), 0);
}

static void bundles_of_another_shape(void **state)
{
    struct fixture *f = *state;
    struct strbuf b = STRBUF_INIT;

    part_file(&b, "audience", "vip.csv", AUDIENCE, strlen(AUDIENCE));
    want_error(post_parts(f, &b), 400, 64, "no part 'campaign'");
    want_error(submit(f, CAMPAIGN, NULL), 400, 64, "no part 'audience'");
    part_file(&b, "campaign", "a.yaml", CAMPAIGN, strlen(CAMPAIGN));
    part_file(&b, "campaign", "b.yaml", CAMPAIGN, strlen(CAMPAIGN));
    want_error(post_parts(f, &b), 400, 64, "'campaign' comes twice");
    part_file(&b, "virus", "a.exe", "x", 1);
    want_error(post_parts(f, &b), 400, 64, "unknown part 'virus'");
    part_field(&b, "campaign", "not a file");
    want_error(post_parts(f, &b), 400, 64, "unknown part 'campaign'");
    part_file(&b, "campaign", "a.yaml", CAMPAIGN, strlen(CAMPAIGN));
    part_field(&b, "again", "perhaps");
    want_error(post_parts(f, &b), 400, 64, "true or false");
    want_error(call(f, "POST", "/api/v1/submissions", "{}"), 400, 64, "multipart");
    /* an audience that the campaign would find on the service's own disk is never looked for there
     */
    want_error(submit(f, HEAD "audience:\n  file: /etc/passwd\nmessage:\n  text: x\n", NULL), 400,
               64, "no part 'audience'");
    want_error(submit(f, "channel: closed\ncampaign: spring\ntitle: t\n" TAIL, AUDIENCE), 409, 1,
               "is not open");
    assert_int_equal(spooled(f), 0);
}

static void broken_bundles(void **state)
{
    struct fixture *f = *state;
    static const char head[] = "POST /api/v1/submissions HTTP/1.1\r\nHost: a\r\n"
                               "Content-Type: multipart/form-data; boundary=" BOUNDARY "\r\n";
    struct strbuf b = STRBUF_INIT, parts = STRBUF_INIT;

    part_file(&parts, "campaign", "a.yaml", CAMPAIGN, strlen(CAMPAIGN)); /* without an end */
    strbuf_printf(&b, "%sContent-Length: %zu\r\n\r\n%s", head, parts.length, parts.text);
    want_error(raw(f, b.text, b.length), 400, 64, "malformed");
    strbuf_reset(&b); /* the client leaves in the middle */
    strbuf_printf(&b, "%sContent-Length: %zu\r\n\r\n%s", head, parts.length + 1000, parts.text);
    int fd = client_connect(f);
    client_send(f, fd, b.text, b.length);
    close(fd);
    json_decref(want(call(f, "GET", "/healthz", NULL), 200));
    strbuf_dispose(&b);
    strbuf_dispose(&parts);
    json_t *json = want(call(f, "GET", "/api/v1/audit/verify", NULL), 200);
    assert_int_equal(number_at(json, "records"), 0);
    json_decref(json);
}

static void attachments_travel_along(void **state)
{
    struct fixture *f = *state;
    static const char campaign[] = HEAD
        "audience:\n  recipients: [r1, r2]\nmessage:\n  attachments:\n    - image: img/a.png\n";
    struct strbuf b = STRBUF_INIT;
    struct digest d = digest_of(png, sizeof(png));
    struct err e;
    void *bytes;
    size_t length;

    want_error(submit(f, campaign, NULL), 400, 64, "no part 'img/a.png'");
    part_file(&b, "campaign", "spring.yaml", campaign, strlen(campaign));
    part_file(&b, "attachment", "img/a.png", (const char *)png, sizeof(png));
    json_decref(want(post_parts(f, &b), 200));
    assert_int_equal(store_blob(f->store, &d, &bytes, &length, &e), 0);
    assert_int_equal(length, sizeof(png));
    free(bytes);

    part_file(&b, "campaign", "spring.yaml", campaign, strlen(campaign));
    part_file(&b, "attachment", "img/a.png", "no picture", 10);
    json_t *json = want(post_parts(f, &b), 409);
    const json_t *diag = json_array_get(json_object_get(json, "diagnostics"), 0);
    assert_int_equal(number_at(diag, "line"), 8);
    assert_string_equal(text_at(diag, "file"), "spring.yaml");
    json_decref(json);
    assert_int_equal(spooled(f), 0);
}

static void a_test_send_keeps_one_row(void **state)
{
    struct fixture *f = *state;
    struct strbuf b = STRBUF_INIT;

    part_file(&b, "campaign", "spring.yaml", CAMPAIGN, strlen(CAMPAIGN));
    part_file(&b, "audience", "vip.csv", AUDIENCE, strlen(AUDIENCE));
    part_field(&b, "only", "r9");
    want_error(post_parts(f, &b), 409, 1, "was not submitted");
    part_file(&b, "campaign", "spring.yaml", CAMPAIGN, strlen(CAMPAIGN));
    part_file(&b, "audience", "vip.csv", AUDIENCE, strlen(AUDIENCE));
    part_field(&b, "only", "r3");
    json_decref(want(post_parts(f, &b), 200));
    json_t *json = want(call(f, "GET", "/api/v1/campaigns/spring", NULL), 200);
    assert_int_equal(number_at(json, "audience"), 1);
    json_decref(json);
    struct reply r = call(f, "GET", "/api/v1/campaigns/spring/preview", NULL);
    assert_non_null(strstr(r.body, "\"row\":1,\"recipient\":\"r3\",\"sender\":\"li\","
                                   "\"format\":\"text\",\"text\":\"Hello Bartholomew\""));
    reply_free(&r);
}

/* More rows than one chunk: claims of others get their turn in between, and nothing is lost. */
static void large_audiences_come_in_chunks(void **state)
{
    struct fixture *f = *state;
    struct strbuf b = STRBUF_INIT;
    enum { ROWS = 5003 };

    strbuf_puts(&b, "recipient,name\n");
    for (int i = 0; i < ROWS; i++)
        strbuf_printf(&b, "r%d,n%d\n", i, i);
    json_decref(want(submit(f, CAMPAIGN, b.text), 200));
    json_t *json = want(call(f, "GET", "/api/v1/campaigns/spring", NULL), 200);
    assert_int_equal(number_at(json, "audience"), ROWS);
    json_decref(json);
    struct reply r = call(f, "GET", "/api/v1/campaigns/spring/deliveries", NULL);
    assert_int_equal(r.status, 200);
    assert_true(r.length > OUTPUT_MEMORY_MAX); /* it went through a file */
    int lines = 0;
    for (char *line = strtok(r.body, "\n"); line; line = strtok(NULL, "\n"), lines++) {
        json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(json);
        assert_int_equal(number_at(json, "delivery"), lines + 1);
        json_decref(json);
    }
    assert_int_equal(lines, ROWS);
    reply_free(&r);
    strbuf_puts(&b, "r1,too long: 01234567890123456789012345678901234567890\n");
    strbuf_puts(&b, "z1,too long: 01234567890123456789012345678901234567890\n");
    strbuf_puts(&b, "z2,too long: 01234567890123456789012345678901234567890\n");
    strbuf_puts(&b, "z3,too long: 01234567890123456789012345678901234567890\n");
    json = want(submit(f, CAMPAIGN, b.text), 409);
    assert_int_equal(json_array_size(json_object_get(json, "diagnostics")), 1);
    const json_t *diag = json_array_get(json_object_get(json, "diagnostics"), 0);
    assert_non_null(strstr(text_at(diag, "message"), "(and 2 more rows)"));
    json_decref(json);
    strbuf_dispose(&b);
}

static void expect_events(struct fixture *f, const char *const *events, int count)
{
    for (int i = 0; i < f->event_count && i < count; i++)
        if (strcmp(f->events[i], events[i]) != 0)
            fail_msg("event %d is '%s', expected '%s'", i, f->events[i], events[i]);
    assert_int_equal(f->event_count, count);
    f->event_count = 0;
}

/* The old revision stops in memory before the store pauses it; the same again disturbs nobody. */
static void the_running_revision_is_held_first(void **state)
{
    struct fixture *f = *state;
    static const char *const first[] = {"changed 1"}, *const approved[] = {"changed 1"},
                             *const second[] = {"hold 1", "changed 1", "changed 3"};

    json_decref(want(submit(f, CAMPAIGN, AUDIENCE), 200));
    expect_events(f, first, 1);
    json_decref(want(call(f, "POST", "/api/v1/campaigns/spring/approve", "{}"), 200));
    expect_events(f, approved, 1);
    json_decref(want(submit(f, CAMPAIGN, AUDIENCE), 200));
    expect_events(f, NULL, 0);
    want_error(submit(f, CAMPAIGN, "recipient,name\n"), 409, 1, "not submitted");
    expect_events(f, NULL, 0);
    json_t *json = want(submit(f, CAMPAIGN, AUDIENCE "r9,Eve\n"), 200);
    json_decref(json);
    assert_int_equal(f->event_count, 3);
    assert_string_equal(f->events[0], second[0]);
    assert_string_equal(f->events[1], second[1]);
    assert_memory_equal(f->events[2], "changed ", 8);
}

/* Stopping does not wait for a long submission: it ends with the job that is under way. */
static void a_stop_ends_the_chain(void **state)
{
    struct fixture *f = *state;
    struct strbuf b = STRBUF_INIT, parts = STRBUF_INIT, request = STRBUF_INIT;

    strbuf_puts(&b, "recipient,name\n");
    for (int i = 0; i < 9000; i++)
        strbuf_printf(&b, "r%d,n%d\n", i, i);
    part_file(&parts, "campaign", "spring.yaml", CAMPAIGN, strlen(CAMPAIGN));
    part_file(&parts, "audience", "vip.csv", b.text, b.length);
    strbuf_puts(&parts, "--" BOUNDARY "--\r\n");
    strbuf_printf(&request,
                  "POST /api/v1/submissions HTTP/1.1\r\nHost: a\r\n"
                  "Content-Type: multipart/form-data; boundary=" BOUNDARY
                  "\r\nContent-Length: %zu\r\n\r\n",
                  parts.length);
    strbuf_add(&request, parts.text, parts.length);
    f->stalled = true;
    int fd = client_connect(f);
    client_send(f, fd, request.text, request.length);
    while (!f->first)
        assert_true(wait_for(f, f->wake, POLLIN));
    api_stop(f->api);
    f->api = NULL;
    close(fd);
    f->jobs_run = 0;
    f->stalled = false;
    pump(f);
    assert_int_equal(f->jobs_run, 1);
    assert_int_equal(spooled(f), 0);
    strbuf_dispose(&b);
    strbuf_dispose(&parts);
    strbuf_dispose(&request);
}

/* One store job, and what follows on the loop. */
static void step(struct fixture *f)
{
    struct store_job *job = f->first;

    f->first = job->next;
    if (!f->first)
        f->last = NULL;
    job->run(f->store, job);
    job->done(job);
}

static void those_under_way_are_told(void **state)
{
    struct fixture *f = *state;
    struct strbuf parts = STRBUF_INIT, request = STRBUF_INIT;

    part_file(&parts, "campaign", "spring.yaml", CAMPAIGN, strlen(CAMPAIGN));
    part_file(&parts, "audience", "vip.csv", AUDIENCE, strlen(AUDIENCE));
    strbuf_puts(&parts, "--" BOUNDARY "--\r\n");
    strbuf_printf(&request,
                  "POST /api/v1/submissions HTTP/1.1\r\nHost: a\r\n"
                  "Content-Type: multipart/form-data; boundary=" BOUNDARY
                  "\r\nContent-Length: %zu\r\n\r\n",
                  parts.length);
    strbuf_add(&request, parts.text, parts.length);
    struct reply none = call(f, "GET", "/api/v1/submissions", NULL);
    assert_int_equal(none.status, 200);
    assert_string_equal(none.body, "");
    reply_free(&none);

    f->stalled = true;
    int fd = client_connect(f);
    client_send(f, fd, request.text, request.length);
    while (!f->first)
        assert_true(wait_for(f, f->wake, POLLIN));
    for (int steps = 0; steps < 4; steps++) { /* read, open, rows */
        json_t *json = want(call(f, "GET", "/api/v1/submissions", NULL), 200);
        if (steps == 0)
            assert_true(json_is_null(json_object_get(json, "campaign")));
        else
            assert_string_equal(text_at(json, "campaign"), "spring");
        assert_int_equal(number_at(json, "rows"), steps < 3 ? 0 : 4);
        json_decref(json);
        step(f);
    }
    f->stalled = false;
    pump(f);
    json_decref(want(client_read(f, fd), 200));
    close(fd);
    none = call(f, "GET", "/api/v1/submissions", NULL);
    assert_string_equal(none.body, "");
    reply_free(&none);
    strbuf_dispose(&parts);
    strbuf_dispose(&request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_bundle_becomes_a_draft, setup, teardown),
        cmocka_unit_test_setup_teardown(those_under_way_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(every_error_has_its_place, setup, teardown),
        cmocka_unit_test_setup_teardown(bundles_of_another_shape, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_bundles, setup, teardown),
        cmocka_unit_test_setup_teardown(attachments_travel_along, setup, teardown),
        cmocka_unit_test_setup_teardown(a_test_send_keeps_one_row, setup, teardown),
        cmocka_unit_test_setup_teardown(large_audiences_come_in_chunks, setup, teardown),
        cmocka_unit_test_setup_teardown(the_running_revision_is_held_first, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stop_ends_the_chain, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
