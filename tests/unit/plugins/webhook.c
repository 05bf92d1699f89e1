/* The webhook as the host sees it: requests of a send, and exactly one outcome. */
#include "check.h"
#include "fake_host.h"

extern const struct paceline_channel webhook_channel;

struct options {
    const char *url, *secret, *proxy;
    int64_t timeout_ms;
    bool idempotent;
};

static const struct options plain = {"https://crm.example.com/hook", "a secret", "", 10000, false};
static const struct options idempotent = {"https://crm.example.com/hook", "a secret",
                                          "http://10.0.0.1:3128", 10000, true};
static const char *const customer[] = {"customer-17"};

static void *open_webhook(struct fake_host *f, const struct options *o)
{
    char problem[256] = "";
    void *webhook = NULL;

    fake_host_init(f, o);
    assert_int_equal(webhook_channel.open(&f->host, &webhook, problem, sizeof(problem)), 0);
    assert_non_null(webhook);
    return webhook;
}

static void close_webhook(struct fake_host *f, void *webhook)
{
    webhook_channel.close(webhook);
    fake_host_dispose(f);
}

static struct channel_send send_of(const struct fake_host *f, uint64_t id)
{
    return (struct channel_send){.id = id,
                                 .sender = "crm",
                                 .recipients = customer,
                                 .recipient_count = 1,
                                 .text = "上新",
                                 .format = "text",
                                 .deadline_ms = f->now_ms + 60000,
                                 .key = "0123abcd"};
}

static void answer_status(struct fake_host *f, int status)
{
    fake_answer(f, &(struct channel_http_answer){.result = CHANNEL_HTTP_ANSWERED,
                                                 .status = status,
                                                 .body = "",
                                                 .retry_after_ms = -1});
}

static void answer_result(struct fake_host *f, enum channel_http_result result)
{
    fake_answer(f, &(struct channel_http_answer){.result = result, .error = "x"});
}

static void open_refuses_what_cannot_work(void **state)
{
    static const struct options bad[] = {
        {"https://a", NULL, "", 10000, false},
        {"https://a", "", "", 10000, false},
        {"https://a", "s", "", 99, false},
        {"https://a", "s", "", 50001, false},
        {"https://a", "s", "proxy.example.com:3128", 10000, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct fake_host f;
        char problem[256] = "";
        void *webhook = NULL;

        fake_host_init(&f, &bad[i]);
        assert_int_equal(webhook_channel.open(&f.host, &webhook, problem, sizeof(problem)), -1);
        assert_null(webhook);
        assert_true(problem[0] == '\'');
    }
}

static void one_request_and_one_outcome(void **state)
{
    struct fake_host f;
    void *webhook = open_webhook(&f, &plain);
    struct channel_send send = send_of(&f, 17);

    (void)state;
    webhook_channel.submit(webhook, &send);
    memset(&send, 0xee, sizeof(send)); /* it was copied: the host may give up on a send */
    assert_string_equal(f.method, "POST");
    assert_string_equal(f.path, "/hook");
    assert_string_equal(f.proxy, "");
    assert_string_equal(f.body,
                        "{\"key\":\"0123abcd\",\"channel\":\"staff-room\",\"sender\":\"crm\","
                        "\"recipient\":\"customer-17\",\"format\":\"text\",\"text\":\"上新\"}");
    assert_non_null(strstr(f.headers, "Content-Type: application/json\n"));
    assert_non_null(strstr(f.headers, "Idempotency-Key: 0123abcd\n"));
    assert_non_null(strstr(f.headers, "X-Paceline-Timestamp: 1795341600\n"));
    assert_non_null(strstr(f.headers, "X-Paceline-Signature: sha256="));
    assert_int_equal(f.send_id, 17);
    assert_int_equal(f.timeout_ms, 10000);
    fake_answer_ok(&f, "{\"id\":\"m-1\"}");
    assert_int_equal(f.requests, 1);
    assert_int_equal(f.settled_count, 1);
    assert_int_equal(f.settled[0].send_id, 17);
    assert_int_equal(f.settled[0].outcome.kind, CHANNEL_DONE);
    assert_string_equal(f.settled[0].ref, "m-1");
    close_webhook(&f, webhook);
}

static void nothing_goes_out_late_unfit_or_to_strangers(void **state)
{
    static const char *const stranger[] = {"wxid_4f2a9c1b7d8e22"};
    struct fake_host f;
    void *webhook = open_webhook(&f, &plain);
    struct channel_send late = send_of(&f, 1), unfit = send_of(&f, 2), wechat = send_of(&f, 3),
                        hurry = send_of(&f, 4);

    (void)state;
    late.deadline_ms = f.now_ms;
    webhook_channel.submit(webhook, &late);
    unfit.text = NULL;
    webhook_channel.submit(webhook, &unfit);
    wechat.recipients = stranger;
    webhook_channel.submit(webhook, &wechat);
    assert_int_equal(f.requests, 0);
    assert_int_equal(f.settled_count, 3);
    assert_int_equal(f.settled[0].outcome.kind, CHANNEL_NOT_SENT);
    assert_int_equal(f.settled[1].outcome.kind, CHANNEL_NEVER);
    assert_int_equal(f.settled[1].outcome.stop, CHANNEL_STOP_CAMPAIGN);
    assert_int_equal(f.settled[2].outcome.kind, CHANNEL_NEVER);
    assert_int_equal(f.settled[2].outcome.reason, CHANNEL_REASON_BAD_RECIPIENT);
    hurry.deadline_ms = f.now_ms + 1500;
    webhook_channel.submit(webhook, &hurry);
    assert_int_equal(f.timeout_ms, 1500);
    close_webhook(&f, webhook); /* with a request in flight: nothing leaks */
}

static void a_doubt_is_not_repeated(void **state)
{
    struct fake_host f;
    void *webhook = open_webhook(&f, &plain);
    struct channel_send send = send_of(&f, 1);

    (void)state;
    webhook_channel.submit(webhook, &send);
    answer_status(&f, 500);
    assert_int_equal(f.requests, 1);
    assert_int_equal(f.settled[0].outcome.kind, CHANNEL_UNKNOWN);
    webhook_channel.submit(webhook, &send);
    answer_result(&f, CHANNEL_HTTP_UNKNOWN);
    assert_int_equal(f.requests, 2);
    assert_int_equal(f.settled[1].outcome.kind, CHANNEL_UNKNOWN);
    close_webhook(&f, webhook);
}

static void a_harmless_repeat_settles_a_doubt(void **state)
{
    static const int answers[][4] = {/* the last one settles; 0: no answer, -1: not sent */
                                     {500, 200},
                                     {0, 409},
                                     {500, 0, 200}};
    struct fake_host f;
    void *webhook = open_webhook(&f, &idempotent);
    unsigned requests = 0;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct channel_send send = send_of(&f, i + 1);
        char *first = NULL;

        webhook_channel.submit(webhook, &send);
        assert_string_equal(f.proxy, "http://10.0.0.1:3128");
        first = strdup(f.body);
        for (size_t k = 0; k < 4 && f.waiting; k++) {
            requests++;
            assert_string_equal(f.body, first);
            assert_non_null(strstr(f.headers, "Idempotency-Key: 0123abcd\n"));
            if (answers[i][k])
                answer_status(&f, answers[i][k]);
            else
                answer_result(&f, CHANNEL_HTTP_UNKNOWN);
        }
        free(first);
        assert_int_equal(f.settled_count, i + 1);
        assert_int_equal(f.settled[i].outcome.kind, CHANNEL_DONE);
    }
    assert_int_equal(f.requests, requests);
    assert_int_equal(requests, 7);
    close_webhook(&f, webhook);
}

static void a_doubt_stays_one(void **state)
{
    static const int second[] = {429, 401, 422, -1, 302};
    struct fake_host f;
    void *webhook = open_webhook(&f, &idempotent);
    struct channel_send send = send_of(&f, 1);

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        webhook_channel.submit(webhook, &send);
        answer_status(&f, 500);
        if (second[i] > 0)
            answer_status(&f, second[i]);
        else
            answer_result(&f, CHANNEL_HTTP_NOT_SENT);
        assert_int_equal(f.settled_count, i + 1);
        assert_int_equal(f.settled[i].outcome.kind, CHANNEL_UNKNOWN);
    }
    webhook_channel.submit(webhook, &send);
    for (int k = 0; k < 3; k++)
        answer_status(&f, 503);
    assert_int_equal(f.settled_count, 6); /* twice again, and then a person looks */
    assert_int_equal(f.settled[5].outcome.kind, CHANNEL_UNKNOWN);
    f.now_ms += 1;
    send.deadline_ms = f.now_ms + 5;
    webhook_channel.submit(webhook, &send);
    f.now_ms += 5;
    answer_status(&f, 503); /* no time for a repeat */
    assert_int_equal(f.settled_count, 7);
    assert_int_equal(f.settled[6].outcome.kind, CHANNEL_UNKNOWN);
    close_webhook(&f, webhook);
}

static void a_refusal_is_not_repeated(void **state)
{
    struct fake_host f;
    void *webhook = open_webhook(&f, &idempotent);
    struct channel_send send = send_of(&f, 1);

    (void)state;
    webhook_channel.submit(webhook, &send);
    answer_status(&f, 400);
    assert_int_equal(f.settled[0].outcome.kind, CHANNEL_NEVER);
    webhook_channel.submit(webhook, &send);
    answer_status(&f, 302);
    assert_int_equal(f.settled[1].outcome.kind, CHANNEL_UNKNOWN);
    assert_int_equal(f.settled[1].outcome.stop, CHANNEL_STOP_CHANNEL);
    webhook_channel.submit(webhook, &send);
    answer_result(&f, CHANNEL_HTTP_NOT_SENT);
    assert_int_equal(f.settled[2].outcome.kind, CHANNEL_NOT_SENT);
    assert_int_equal(f.requests, 3);
    close_webhook(&f, webhook);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_refuses_what_cannot_work),
        cmocka_unit_test(one_request_and_one_outcome),
        cmocka_unit_test(nothing_goes_out_late_unfit_or_to_strangers),
        cmocka_unit_test(a_doubt_is_not_repeated),
        cmocka_unit_test(a_harmless_repeat_settles_a_doubt),
        cmocka_unit_test(a_doubt_stays_one),
        cmocka_unit_test(a_refusal_is_not_repeated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
