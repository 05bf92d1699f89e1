/* What the service carries counts in a plan, what is under way too; and nothing of it is kept. */
#include "fixture.h"

#include "store/store.h"

#define OTHER                                                                                      \
    "campaign: autumn\ntitle: Autumn\nchannel: room\nsenders: [li]\naudience:\n"                   \
    "  recipients: [r1, r2, x]\nmessage:\n  text: hello\npace:\n  interval: 60s..60s\n"            \
    "  limits:\n    - {max: 1, per: week, scope: recipient, on_cap: drop}\n"

static struct strbuf parts_of(const char *campaign)
{
    struct strbuf parts = STRBUF_INIT;

    part_file(&parts, "campaign", "autumn.yaml", campaign, strlen(campaign));
    return parts;
}

/* The summary. */
static json_t *planned(struct fixture *f, const char *campaign)
{
    struct strbuf parts = parts_of(campaign);

    part_field(&parts, "rows", "false");
    json_t *answer = want(post_parts_to(f, "/api/v1/plan", &parts), 200);
    json_t *summary = json_incref(json_object_get(answer, "summary"));
    json_decref(answer);
    assert_non_null(summary);
    return summary;
}

static json_int_t skipped(const json_t *summary, const char *reason)
{
    return json_integer_value(json_object_get(json_object_get(summary, "skipped"), reason));
}

static json_int_t carried(const json_t *summary, const char *key)
{
    return number_at(json_object_get(summary, "live"), key);
}

/* Waits for a month. */
#define FIRST                                                                                      \
    "campaign: spring\ntitle: Spring\nchannel: room\nsenders: [li]\naudience:\n"                   \
    "  recipients: [r1, r2, r3]\nmessage:\n  text: hello\nschedule:\n  start: 2027-04-01\n"

static void approved(struct fixture *f)
{
    json_decref(want(submit(f, FIRST, NULL), 200));
    json_decref(want(call(f, "POST", "/api/v1/campaigns/spring/approve", "{}"), 200));
}

/* Delivery 1, to r1: claimed, and more when there are results. */
static void commit(struct fixture *f, enum delivery_state state)
{
    int64_t lane, channel, sender;
    struct err e;

    assert_int_equal(store_lane(f->store, "room", "li", &lane, &channel, &sender, &e), 0);
    struct store_claim claim = {
        .delivery = 1, .at = f->now, .due_at = f->now, .revision = 1, .lane = lane, .send = 1};
    struct store_commit claims = {.at = f->now, .claims = &claim, .claim_count = 1};
    assert_int_equal(store_commit(f->store, &claims, &e), 0);
    assert_false(claim.refused);
    store_commit_dispose(&claims);
    if (state == DELIVERY_CLAIMED)
        return;
    const struct store_result result = {.delivery = 1,
                                        .at = f->now,
                                        .revision = 1,
                                        .lane = lane,
                                        .state = state,
                                        .claimed_at = f->now,
                                        .prompt = 1,
                                        .nonce = "n"};
    struct store_commit results = {.at = f->now, .results = &result, .result_count = 1};
    assert_int_equal(store_commit(f->store, &results, &e), 0);
    store_commit_dispose(&results);
}

static void what_waits_is_told(void **state)
{
    struct fixture *f = *state;
    json_t *sum = planned(f, OTHER);

    assert_int_equal(carried(sum, "campaigns"), 0);
    assert_int_equal(number_at(sum, "planned"), 3);
    json_decref(sum);
    approved(f);
    sum = planned(f, OTHER);
    assert_int_equal(carried(sum, "campaigns"), 1);
    assert_int_equal(carried(sum, "waiting"), 3);
    assert_int_equal(carried(sum, "paused"), 0);
    json_decref(sum);
    json_decref(want(call(f, "POST", "/api/v1/campaigns/spring/pause", "{}"), 200));
    f->halted = true;
    sum = planned(f, OTHER);
    assert_int_equal(carried(sum, "paused"), 1);
    assert_true(json_is_true(json_object_get(json_object_get(sum, "live"), "halted")));
    json_decref(sum);
    json_decref(want(call(f, "POST", "/api/v1/campaigns/spring/cancel", "{}"), 200));
    sum = planned(f, OTHER);
    assert_int_equal(carried(sum, "campaigns"), 0);
    json_decref(sum);
}

static void what_is_under_way_counts(void **state)
{
    static const enum delivery_state states[] = {DELIVERY_CLAIMED, DELIVERY_PROMPTED, DELIVERY_SENT,
                                                 DELIVERY_UNKNOWN};

    (void)state;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        void *fresh = NULL;
        setup(&fresh);
        struct fixture *f = fresh;
        approved(f);
        json_t *sum = planned(f, OTHER);
        assert_int_equal(skipped(sum, "frequency_cap"), 0); /* the other one has not begun */
        json_decref(sum);
        commit(f, states[i]);
        sum = planned(f, OTHER);
        if (skipped(sum, "frequency_cap") != 1)
            fail_msg("%s does not count", delivery_state_name(states[i]));
        assert_int_equal(carried(sum, "waiting"), 2);
        json_decref(sum);
        teardown(&fresh);
    }
}

static void a_claim_under_way_paces_its_lane(void **state)
{
    struct fixture *f = *state;

    approved(f);
    commit(f, DELIVERY_CLAIMED); /* due now: the next one on that lane is due in a minute */
    json_t *sum = planned(f, OTHER);
    struct strbuf due = STRBUF_INIT;
    strbuf_puts(&due, text_at(sum, "first"));
    assert_string_equal(due.text, "2027-03-01T09:01:00.000+08:00");
    strbuf_dispose(&due);
    json_decref(sum);
}

static void who_was_written_to_is_left_out_of_the_next_revision(void **state)
{
    struct fixture *f = *state;

    approved(f);
    commit(f, DELIVERY_SENT);
    json_t *sum = planned(f, FIRST "  end: 2027-05-01\n");
    assert_int_equal(skipped(sum, "already_handled"), 1);
    assert_int_equal(number_at(sum, "planned"), 2);
    assert_int_equal(carried(sum, "campaigns"), 0); /* the earlier revision makes room */
    json_decref(sum);
}

static void nothing_is_kept(void **state)
{
    struct fixture *f = *state;
    uint64_t records, again;
    int64_t broken, id;
    struct err e;

    assert_int_equal(store_audit_verify(f->store, &records, &broken, &e), 0);
    json_t *sum = planned(f, OTHER);
    json_decref(sum);
    struct strbuf contacted = parts_of("campaign: autumn\nchannel: room\naudience:\n"
                                       "  recipients: [r1]\n  where: {not_contacted: 7d}\n"
                                       "message:\n  text: hello\n");
    struct reply r = post_parts_to(f, "/api/v1/plan", &contacted);
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.body, "\"state\":\"planned\""));
    reply_free(&r);
    assert_int_equal(store_audit_verify(f->store, &again, &broken, &e), 0);
    assert_int_equal(records, again);
    assert_int_equal(store_recipient(f->store, "r1", &id, &e), 0);
    assert_int_equal(id, 0);
    want_error(call(f, "GET", "/api/v1/campaigns/autumn", NULL), 404, 1, "no campaign");
    assert_int_equal(spooled(f), 0);
}

static void more_senders_share_the_rows(void **state)
{
    struct fixture *f = *state;
    static const char *const more[] = {"0", "1", "5"};

    for (size_t i = 0; i < 3; i++) {
        struct strbuf parts = parts_of(OTHER);
        part_field(&parts, "more_senders", more[i]);
        struct reply r = post_parts_to(f, "/api/v1/plan", &parts);
        assert_int_equal(r.status, 200);
        assert_non_null(strstr(r.body, "\"sender\":\"li\""));
        assert_int_equal(strstr(r.body, "\"sender\":\"wu\"") != NULL, i > 0);
        reply_free(&r);
    }
}

static void parts_of_the_other_request_are_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *path, *field, *value, *said;
    } cases[] = {
        {"/api/v1/plan", "again", "true", "unknown part 'again'"},
        {"/api/v1/plan", "only", "r1", "unknown part 'only'"},
        {"/api/v1/plan", "rows", "some", "true or false"},
        {"/api/v1/plan", "seed", "x", "'seed' is a number"},
        {"/api/v1/plan", "more_senders", "-1", "'more_senders' is a number"},
        {"/api/v1/plan", "from", "soon", "--from is a time"},
        {"/api/v1/plan", "from", "2001-01-01", "in the past"},
        {"/api/v1/submissions", "from", "now", "unknown part 'from'"},
        {"/api/v1/submissions", "rows", "true", "unknown part 'rows'"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct strbuf parts = parts_of(OTHER);
        part_field(&parts, cases[i].field, cases[i].value);
        want_error(post_parts_to(f, cases[i].path, &parts), 400, 64, cases[i].said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_waits_is_told, setup, teardown),
        cmocka_unit_test(what_is_under_way_counts),
        cmocka_unit_test_setup_teardown(a_claim_under_way_paces_its_lane, setup, teardown),
        cmocka_unit_test_setup_teardown(who_was_written_to_is_left_out_of_the_next_revision, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(nothing_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(more_senders_share_the_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(parts_of_the_other_request_are_refused, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
