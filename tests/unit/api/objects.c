/* The contract's objects, key by key, and the decisions that change them. */
#include "fixture.h"

#include "api/objects.h"
#include "store/store.h"

static void keys_are(const json_t *json, const char *keys)
{
    struct strbuf b = STRBUF_INIT;
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)json, key, value)
        strbuf_printf(&b, "%s%s", b.length ? " " : "", key);
    assert_string_equal(b.text, keys);
    strbuf_dispose(&b);
}

/* The n-th line of a list, from 0. */
static json_t *line_of(struct fixture *f, const char *path, int n)
{
    struct reply r = call(f, "GET", path, NULL);
    char *rest = r.body;

    assert_int_equal(r.status, 200);
    assert_non_null(strcasestr(r.head, "Content-Type: application/x-ndjson"));
    char *line = strtok_r(rest, "\n", &rest);
    while (line && n-- > 0)
        line = strtok_r(rest, "\n", &rest);
    json_t *json = line ? json_loads(line, JSON_REJECT_DUPLICATES, NULL) : NULL;
    reply_free(&r);
    return json;
}

static json_t *post(struct fixture *f, const char *path, const char *body)
{
    return want(call(f, "POST", path, body), 200);
}

static void submit_and_approve(struct fixture *f)
{
    json_decref(want(submit(f, CAMPAIGN, AUDIENCE), 200));
    json_decref(post(f, "/api/v1/campaigns/spring/approve", "{}"));
    f->event_count = 0;
}

/* Delivery `id` of revision 1 is claimed; then it comes to `state`. */
static void settle(struct fixture *f, int64_t id, enum delivery_state state, enum reason reason)
{
    struct store_claim claim = {
        .delivery = id, .revision = 1, .lane = 1, .due_at = f->now + 5, .at = f->now + 10};
    struct store_commit claims = {.at = f->now + 10, .claims = &claim, .claim_count = 1};
    struct store_result result = {.delivery = id,
                                  .revision = 1,
                                  .lane = 1,
                                  .state = state,
                                  .reason = reason,
                                  .claimed_at = f->now + 10,
                                  .at = f->now + 20,
                                  .ref = state == DELIVERY_SENT ? "msg-1" : NULL};
    struct store_commit results = {.at = f->now + 20, .results = &result, .result_count = 1};
    struct err e;

    if (store_commit(f->store, &claims, &e))
        fail_msg("%s", e.text);
    assert_false(claim.refused);
    store_commit_dispose(&claims);
    if (store_commit(f->store, &results, &e))
        fail_msg("%s", e.text);
    store_commit_dispose(&results);
}

static void a_campaign_object(void **state)
{
    struct fixture *f = *state;

    json_decref(want(submit(f, CAMPAIGN, AUDIENCE), 200));
    json_t *json = want(call(f, "GET", "/api/v1/campaigns/spring", NULL), 200);
    keys_are(json, "campaign title revision state audience counts submitted_by approvals "
                   "self_approved test channel start end calendar policy warnings plan");
    assert_string_equal(text_at(json, "title"), "Spring");
    assert_string_equal(text_at(json, "channel"), "room");
    assert_true(json_is_null(json_object_get(json, "start")));
    assert_true(json_is_null(json_object_get(json, "end")));
    assert_true(json_is_null(json_object_get(json, "calendar")));
    assert_true(json_is_array(json_object_get(json, "policy")));
    assert_true(json_is_array(json_object_get(json, "warnings")));
    assert_string_equal(text_at(json, "state"), "draft");
    assert_true(json_is_false(json_object_get(json, "self_approved")));
    char path[160];
    snprintf(path, sizeof(path), "/api/v1/campaigns/spring?revision=%s", text_at(json, "revision"));
    json_decref(json);
    json_decref(want(call(f, "GET", path, NULL), 200));
    path[strlen(path) - 1] = path[strlen(path) - 1] == '0' ? '1' : '0';
    want_error(call(f, "GET", path, NULL), 404, 1, "no such revision");
    want_error(call(f, "GET", "/api/v1/campaigns/spring?revision=abc", NULL), 400, 64, "digest");
    want_error(call(f, "GET", "/api/v1/campaigns/autumn", NULL), 404, 1, "no campaign 'autumn'");

    json = post(f, "/api/v1/campaigns/spring/approve", "{\"note\":\"fine\"}");
    assert_string_equal(text_at(json, "state"), "running");
    assert_true(json_is_true(json_object_get(json, "self_approved")));
    const json_t *approval = json_array_get(json_object_get(json, "approvals"), 0);
    keys_are(approval, "by at digest");
    assert_string_equal(text_at(approval, "at"), "2027-03-01T09:00:00.000+08:00");
    json_decref(json);
    json = line_of(f, "/api/v1/campaigns", 0);
    assert_string_equal(text_at(json, "campaign"), "spring");
    json_decref(json);
    assert_null(line_of(f, "/api/v1/campaigns", 1));
}

static void an_approver_sees_start_and_end(void **state)
{
    struct fixture *f = *state;

    json_decref(want(submit(f,
                            CAMPAIGN "schedule:\n  start: 2027-04-01 09:30\n"
                                     "  end: 2027-04-07T20:00:00+02:00\n",
                            AUDIENCE),
                     200));
    json_t *json = line_of(f, "/api/v1/campaigns", 0);
    assert_string_equal(text_at(json, "start"), "2027-04-01T09:30:00.000+08:00");
    assert_string_equal(text_at(json, "end"), "2027-04-08T02:00:00.000+08:00");
    json_decref(json);
}

static void states_of_a_campaign(void **state)
{
    struct fixture *f = *state;
    static const struct frame frame = {.start = 1000};
    static const struct {
        enum revision_status status;
        instant_t now;
        uint64_t pending, claimed, unknown;
        const char *state;
    } rows[] = {
        {REVISION_DRAFT, 500, 5, 0, 0, "draft"},
        {REVISION_APPROVED, 999, 5, 0, 0, "approved"},
        {REVISION_APPROVED, 1000, 5, 0, 0, "running"},
        {REVISION_APPROVED, 1000, 0, 1, 0, "running"},
        {REVISION_APPROVED, 1000, 0, 0, 3, "done"},
        {REVISION_PAUSED, 1000, 5, 0, 0, "paused"},
        {REVISION_PAUSED, 1000, 0, 0, 0, "done"},
        {REVISION_REJECTED, 1000, 5, 0, 0, "rejected"},
        {REVISION_CANCELED, 1000, 0, 0, 0, "canceled"},
    };

    (void)f;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct store_revision r = {.status = rows[i].status};
        r.counts[DELIVERY_PENDING] = rows[i].pending;
        r.counts[DELIVERY_CLAIMED] = rows[i].claimed;
        r.counts[DELIVERY_UNKNOWN] = rows[i].unknown;
        assert_string_equal(campaign_state(&r, &frame, rows[i].now), rows[i].state);
    }
}

static void a_delivery_object(void **state)
{
    struct fixture *f = *state;

    json_decref(want(submit(f, CAMPAIGN, AUDIENCE), 200));
    json_t *json = want(call(f, "GET", "/api/v1/deliveries/1", NULL), 200);
    keys_are(json, "delivery campaign revision channel sender recipient state reason due_at "
                   "claimed_at settled_at attempts channel_ref");
    assert_string_equal(text_at(json, "state"), "pending");
    assert_string_equal(text_at(json, "reason"), "not_started"); /* a draft */
    assert_null(text_at(json, "due_at"));
    assert_string_equal(text_at(json, "channel"), "room");
    assert_string_equal(text_at(json, "sender"), "li");
    assert_string_equal(text_at(json, "recipient"), "r1");
    json_decref(json);
    json_decref(post(f, "/api/v1/campaigns/spring/approve", "{}"));
    settle(f, 1, DELIVERY_SENT, REASON_NONE);
    json = want(call(f, "GET", "/api/v1/deliveries/1", NULL), 200);
    assert_string_equal(text_at(json, "state"), "sent");
    assert_null(text_at(json, "reason"));
    assert_string_equal(text_at(json, "due_at"), "2027-03-01T09:00:00.005+08:00");
    assert_string_equal(text_at(json, "claimed_at"), "2027-03-01T09:00:00.010+08:00");
    assert_string_equal(text_at(json, "settled_at"), "2027-03-01T09:00:00.020+08:00");
    assert_int_equal(number_at(json, "attempts"), 1);
    assert_string_equal(text_at(json, "channel_ref"), "msg-1");
    json_decref(json);
    json = line_of(f, "/api/v1/campaigns/spring/deliveries?state=skipped", 0);
    assert_int_equal(number_at(json, "delivery"), 3);
    assert_string_equal(text_at(json, "reason"), "duplicate");
    json_decref(json);
    assert_null(line_of(f, "/api/v1/campaigns/spring/deliveries?state=skipped", 1));
    want_error(call(f, "GET", "/api/v1/campaigns/spring/deliveries?state=lost", NULL), 400, 64,
               "no state 'lost'");
    want_error(call(f, "GET", "/api/v1/deliveries/99", NULL), 404, 1, "no delivery '99'");
}

static void what_holds_a_pending_one(void **state)
{
    struct fixture *f = *state;

    submit_and_approve(f);
    json_decref(post(f, "/api/v1/campaigns/spring/pause", "{}"));
    json_t *json = want(call(f, "GET", "/api/v1/deliveries/1", NULL), 200);
    assert_string_equal(text_at(json, "reason"), "paused");
    json_decref(json);
    json_decref(post(f, "/api/v1/halt", "{}"));
    json = want(call(f, "GET", "/api/v1/deliveries/1", NULL), 200);
    assert_string_equal(text_at(json, "reason"), "halted");
    json_decref(json);
}

static void samples_as_they_will_be_read(void **state)
{
    struct fixture *f = *state;

    json_decref(want(submit(f, CAMPAIGN, AUDIENCE), 200));
    json_t *json = line_of(f, "/api/v1/campaigns/spring/preview", 0);
    keys_are(json, "sample row recipient sender format text attachments");
    assert_string_equal(text_at(json, "sample"), "shortest");
    assert_string_equal(text_at(json, "text"), "Hello Ann");
    json_decref(json);
    json = line_of(f, "/api/v1/campaigns/spring/preview", 1);
    assert_string_equal(text_at(json, "sample"), "longest");
    assert_string_equal(text_at(json, "text"), "Hello Bartholomew");
    assert_int_equal(number_at(json, "row"), 4);
    json_decref(json);
    json = line_of(f, "/api/v1/campaigns/spring/preview", 2);
    assert_string_equal(text_at(json, "sample"), "most_defaults");
    assert_string_equal(text_at(json, "text"), "Hello you");
    json_decref(json);
    want_error(call(f, "GET", "/api/v1/campaigns/autumn/preview", NULL), 404, 1, "no campaign");
}

static void approval_is_of_one_digest_by_another_person(void **state)
{
    struct fixture *f = *state;
    char body[160];

    be(f, "alice", ROLE_SUBMITTER | ROLE_APPROVER);
    allow_self(f, false);
    want_error(call(f, "POST", "/api/v1/campaigns/spring/approve", "{}"), 404, 1, "no campaign");
    json_t *json = want(submit(f, CAMPAIGN, AUDIENCE), 200);
    snprintf(body, sizeof(body), "{\"digest\":\"%s\"}", text_at(json, "revision"));
    json_decref(json);
    want_error(call(f, "POST", "/api/v1/campaigns/spring/approve", "{}"), 403, 77, "");
    be(f, "bo", ROLE_APPROVER);
    char other[160];
    strcpy(other, body);
    other[20] = other[20] == '0' ? '1' : '0';
    want_error(call(f, "POST", "/api/v1/campaigns/spring/approve", other), 409, 1, "not sha256:");
    want_error(call(f, "POST", "/api/v1/campaigns/spring/approve", "{\"digest\":\"x\"}"), 400, 64,
               "not a digest");
    json = post(f, "/api/v1/campaigns/spring/approve", body);
    assert_string_equal(text_at(json, "submitted_by"), "alice");
    assert_true(json_is_false(json_object_get(json, "self_approved")));
    json_decref(json);
    want_error(call(f, "POST", "/api/v1/campaigns/spring/approve", "{}"), 409, 1,
               "waits for approval");
    want_error(call(f, "POST", "/api/v1/campaigns/spring/reject", "{\"reason\":\"x\"}"), 409, 1,
               "waits for approval");
}

static void rejecting_needs_a_reason(void **state)
{
    struct fixture *f = *state;

    json_decref(want(submit(f, CAMPAIGN, AUDIENCE), 200));
    want_error(call(f, "POST", "/api/v1/campaigns/spring/reject", "{}"), 400, 64, "'reason'");
    json_t *json = post(f, "/api/v1/campaigns/spring/reject", "{\"reason\":\"typo\"}");
    assert_string_equal(text_at(json, "state"), "rejected");
    json_decref(json);
}

static void pausing_holds_first(void **state)
{
    struct fixture *f = *state;

    want_error(call(f, "POST", "/api/v1/campaigns/spring/pause", "{}"), 404, 1, "no campaign");
    submit_and_approve(f);
    json_t *json = post(f, "/api/v1/campaigns/spring/pause", NULL);
    assert_string_equal(text_at(json, "state"), "paused");
    json_decref(json);
    assert_string_equal(f->events[0], "hold 1");
    assert_string_equal(f->events[1], "changed 1");
    f->event_count = 0;
    want_error(call(f, "POST", "/api/v1/campaigns/spring/pause", "{}"), 409, 1, "");
    assert_string_equal(f->events[f->event_count - 1],
                        "changed 1"); /* the engine reads the truth */
    json = post(f, "/api/v1/campaigns/spring/resume", "{}");
    assert_string_equal(text_at(json, "state"), "running");
    json_decref(json);
}

static void canceling_counts(void **state)
{
    struct fixture *f = *state;

    be(f, "alice", ROLE_SUBMITTER | ROLE_APPROVER);
    submit_and_approve(f);
    settle(f, 1, DELIVERY_UNKNOWN, REASON_NO_ANSWER);
    be(f, "carol", ROLE_SUBMITTER);
    want_error(call(f, "POST", "/api/v1/campaigns/spring/cancel", "{}"), 403, 77, "by alice");
    assert_int_equal(f->event_count, 0); /* and nothing was held */
    be(f, "alice", ROLE_SUBMITTER);
    json_t *json = post(f, "/api/v1/campaigns/spring/cancel", "{}");
    assert_string_equal(text_at(json, "state"), "canceled");
    assert_int_equal(number_at(json, "canceled"), 2);
    assert_int_equal(number_at(json, "unknown"), 1);
    assert_int_equal(number_at(json, "already_out"), 0);
    json_decref(json);
    assert_string_equal(f->events[0], "hold 1");
    assert_string_equal(f->events[1], "changed 1");
    want_error(call(f, "POST", "/api/v1/campaigns/spring/cancel", "{}"), 409, 1, "");
}

/* A draft beside what it paused: both end. */
static void canceling_takes_the_draft_along(void **state)
{
    struct fixture *f = *state;

    submit_and_approve(f);
    json_decref(want(submit(f, CAMPAIGN, AUDIENCE "r9,Eve\n"), 200));
    json_t *json = post(f, "/api/v1/campaigns/spring/cancel", "{}");
    assert_int_equal(number_at(json, "canceled"), 3 + 4);
    json_decref(json);
    want_error(call(f, "POST", "/api/v1/campaigns/spring/approve", "{}"), 409, 1, "waits");
    want_error(call(f, "POST", "/api/v1/campaigns/spring/resume", "{}"), 409, 1, "");
}

static void people_settle_what_is_unknown(void **state)
{
    struct fixture *f = *state;

    submit_and_approve(f);
    settle(f, 1, DELIVERY_UNKNOWN, REASON_NO_ANSWER);
    want_error(call(f, "POST", "/api/v1/deliveries/1/outcome", "{\"outcome\":\"sent\"}"), 400, 64,
               "'note' is missing");
    want_error(
        call(f, "POST", "/api/v1/deliveries/1/outcome", "{\"outcome\":\"maybe\",\"note\":\"n\"}"),
        400, 64, "not 'maybe'");
    want_error(
        call(f, "POST", "/api/v1/deliveries/2/outcome", "{\"outcome\":\"sent\",\"note\":\"n\"}"),
        409, 1, "");
    want_error(
        call(f, "POST", "/api/v1/deliveries/99/outcome", "{\"outcome\":\"sent\",\"note\":\"n\"}"),
        404, 1, "no delivery");
    want_error(call(f, "POST", "/api/v1/deliveries/1/resend", "{\"note\":\"n\"}"), 409, 1, "");
    f->event_count = 0;
    json_t *json = post(f, "/api/v1/deliveries/1/outcome",
                        "{\"outcome\":\"not-sent\",\"note\":\"asked her\"}");
    assert_string_equal(text_at(json, "state"), "failed");
    assert_string_equal(text_at(json, "reason"), "not_sent");
    json_decref(json);
    assert_string_equal(f->events[0], "changed 1");
    f->event_count = 0;
    json = post(f, "/api/v1/deliveries/1/resend", "{\"note\":\"again please\"}");
    assert_string_equal(text_at(json, "state"), "pending");
    json_decref(json);
    assert_string_equal(f->events[0], "waits 1");
}

static void the_status(void **state)
{
    struct fixture *f = *state;

    submit_and_approve(f);
    settle(f, 1, DELIVERY_UNKNOWN, REASON_NO_ANSWER);
    json_t *json = line_of(f, "/api/v1/status", 0); /* the engine knows no lane here */
    const json_t *service = json_object_get(json, "service");
    keys_are(service,
             "state halted halt_reason test unknown unknown_deliveries asked unreachable store "
             "problem pid version started_at now");
    assert_string_equal(text_at(service, "state"), "running");
    assert_int_equal(number_at(service, "unknown"), 1);
    assert_int_equal(
        json_integer_value(json_array_get(json_object_get(service, "unknown_deliveries"), 0)), 1);
    assert_string_equal(text_at(service, "version"), "1.2.3");
    assert_string_equal(text_at(service, "now"), "2027-03-01T09:00:00.000+08:00");
    json_decref(json);
    json_decref(post(f, "/api/v1/halt", "{\"reason\":\"fire\"}"));
    json = line_of(f, "/api/v1/status", 0);
    service = json_object_get(json, "service");
    assert_string_equal(text_at(service, "state"), "halted");
    assert_string_equal(text_at(service, "halt_reason"), "fire");
    json_decref(json);
    f->unhealthy = true; /* the store is not asked then */
    f->stalled = true;
    json = line_of(f, "/api/v1/status", 0);
    service = json_object_get(json, "service");
    assert_string_equal(text_at(service, "state"), "store unhealthy");
    assert_true(json_is_null(json_object_get(service, "unknown")));
    json_decref(json);
}

static void a_lane_object(void **state)
{
    struct fixture *f = *state;
    static struct schedule always = {.start = INSTANT_MIN, .end = INSTANT_NEVER};
    static const struct engine_limit limit = {.scope = SCOPE_SENDER,
                                              .max = 30,
                                              .rolling = true,
                                              .span = MS_PER_HOUR,
                                              .text = "30 per 1h sender"};
    static const struct engine_revision_lane lane = {.lane = 1, .waiting = 900};
    const struct engine_channel channel = {.id = 1, .account = 1, .in_flight_max = 1};
    const struct engine_lane l = {
        .id = 1, .channel = 1, .sender = 1, .last_due = INSTANT_MIN, .last_answer = INSTANT_MIN};
    struct engine_revision r = {.id = 1,
                                .campaign = 1,
                                .channel = 1,
                                .schedule = &always,
                                .pace = {.floor = 1000, .ceiling = 2000},
                                .limits = &limit,
                                .limit_count = 1,
                                .lanes = &lane,
                                .lane_count = 1};

    always.zone = zones_get(f->zones, "UTC");
    engine_add_channel(f->engine, &channel);
    engine_add_lane(f->engine, &l);
    engine_add_revision(f->engine, f->now, &r);
    json_t *json = line_of(f, "/api/v1/status", 0);
    keys_are(json, "lane next_at waiting open limits held_by");
    assert_string_equal(text_at(json, "lane"), "room/li");
    assert_int_equal(number_at(json, "waiting"), 900);
    assert_int_equal(number_at(json, "open"), 0);
    const json_t *used = json_array_get(json_object_get(json, "limits"), 0);
    keys_are(used, "limit used");
    assert_string_equal(text_at(used, "limit"), "30 per 1h sender");
    json_decref(json);
}

static void the_audit_log(void **state)
{
    struct fixture *f = *state;

    submit_and_approve(f);
    json_t *json = line_of(f, "/api/v1/audit", 0);
    keys_are(json, "seq at by event campaign digest detail prev hash");
    assert_string_equal(text_at(json, "event"), "submit");
    assert_string_equal(text_at(json, "at"), "2027-03-01T09:00:00.000+08:00");
    assert_true(json_is_object(json_object_get(json, "detail")));
    json_decref(json);
    json = line_of(f, "/api/v1/audit?campaign=spring", 1);
    assert_string_equal(text_at(json, "event"), "approve");
    json_decref(json);
    want_error(call(f, "GET", "/api/v1/audit?campaign=autumn", NULL), 404, 1, "no campaign");
    json = want(call(f, "GET", "/api/v1/audit/verify", NULL), 200);
    assert_true(json_is_true(json_object_get(json, "ok")));
    assert_true(number_at(json, "records") >= 2);
    json_decref(json);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_USERS(name) cmocka_unit_test_setup_teardown(name, setup_users, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_campaign_object),
        TEST(an_approver_sees_start_and_end),
        TEST(states_of_a_campaign),
        TEST(a_delivery_object),
        TEST(what_holds_a_pending_one),
        TEST(samples_as_they_will_be_read),
        TEST_USERS(approval_is_of_one_digest_by_another_person),
        TEST(rejecting_needs_a_reason),
        TEST(pausing_holds_first),
        TEST_USERS(canceling_counts),
        TEST(canceling_takes_the_draft_along),
        TEST(people_settle_what_is_unknown),
        TEST(the_status),
        TEST(a_lane_object),
        TEST(the_audit_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
