/* The webhook's protocol: the documented body and signature, and one table of what a status means.
 */
#include "check.h"

#include "webhook/webhook_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t now = 1795341600000; /* 2026-11-22T10:00:00Z */

static void recipients(void **state)
{
    static const struct {
        const char *recipient;
        bool ok;
    } cases[] = {
        {"wmPACER0000000000000000000000001", false},
        {"wmqfasd1e1927831123109rBAAAA", false},
        {"woAJ2GCAAAXtWyujaWJHDDGi0mACH71w", false},
        {"wrPACER0000000000000000000000001", false},
        {"wkPACER0000000000000000000000001", false},
        {"wm1", false},
        {"wxid_4f2a9c1b7d8e22", false},
        {"WXID_4f2a9c1b7d8e22", false},
        {"gh_0123456789ab", false},
        {"12345678901@chatroom", false},
        {"25984981231231231@openim", false},
        {"oPACER0000000000000000000001", false}, /* 28 characters from 'o': an openid */
        {"oPACER000000000000000000001", true},
        {"oPACER0000000000000000000.01", true},
        {"wolfgang", true},
        {"wright.anna", true},
        {"wmorris@example.com", true},
        {"w", true},
        {"wm", true},
        {"", true},
        {"+86 138 0000 0000", true},
        {"customer-17", true},
        {"李雷", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *problem = webhook_recipient_problem(cases[i].recipient);
        if ((problem == NULL) != cases[i].ok)
            fail_msg("%s: %s", cases[i].recipient, problem ? problem : "taken");
    }
}

static void paths(void **state)
{
    (void)state;
    assert_string_equal(webhook_path("https://crm.example.com/hook?v=1"), "/hook?v=1");
    assert_string_equal(webhook_path("https://crm.example.com:8443/"), "/");
    assert_string_equal(webhook_path("https://crm.example.com"), "/");
    assert_string_equal(webhook_path("http://127.0.0.1:1/a//b"), "/a//b");
}

static void proxies(void **state)
{
    static const struct {
        const char *proxy;
        bool ok, on_loopback;
    } cases[] = {
        {"http://proxy.example.com:3128", true, false},
        {"http://127.0.0.1:3128", true, true},
        {"http://[::1]:1", true, true},
        {"http://127.0.0.1.example.com:1", true, false},
        {"http://proxy.example.com", false, false},
        {"http://proxy.example.com:", false, false},
        {"http://proxy.example.com:0", false, false},
        {"http://proxy.example.com:65536", false, false},
        {"http://proxy.example.com:80/", false, false},
        {"http://user:pw@proxy.example.com:80", false, false},
        {"http://:80", false, false},
        {"socks5://127.0.0.1:80", false, false},
        {"127.0.0.1:80", false, false},
        {"none", false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (webhook_proxy_valid(cases[i].proxy, false) != cases[i].ok ||
            webhook_proxy_valid(cases[i].proxy, true) != cases[i].on_loopback)
            fail_msg("%s", cases[i].proxy);
    }
}

static void bodies(void **state)
{
    static const struct channel_attachment image = {
        .kind = "image", .name = "a.png", .bytes = "hello", .length = 5};
    const char *recipients[] = {"customer-17", "customer-18"};
    struct channel_send send = {.key = "k1",
                                .sender = "lin.yue",
                                .recipients = recipients,
                                .recipient_count = 1,
                                .format = "text",
                                .text = "上新 \"了\"\n"};
    size_t length = 0;
    char *body = webhook_body(&send, "crm", false, &length);

    (void)state;
    assert_string_equal(body,
                        "{\"key\":\"k1\",\"channel\":\"crm\",\"sender\":\"lin.yue\",\"recipient\":"
                        "\"customer-17\",\"format\":\"text\",\"text\":\"上新 \\\"了\\\"\\n\"}");
    assert_int_equal(length, strlen(body));
    free(body);
    body = webhook_body(&send, "crm", true, &length);
    assert_non_null(strstr(body, ",\"test\":true}"));
    free(body);

    struct channel_send bad = send;
    bad.text = NULL;
    assert_null(webhook_body(&bad, "crm", false, &length));
    bad = send;
    bad.text = "\xff\xfe";
    assert_null(webhook_body(&bad, "crm", false, &length));
    bad = send;
    bad.recipient_count = 2;
    assert_null(webhook_body(&bad, "crm", false, &length));
    bad = send;
    bad.attachments = &image;
    bad.attachment_count = 1;
    assert_null(webhook_body(&bad, "crm", false, &length));
}

/* Computed with `printf '1795341600.{"a":1}' | openssl dgst -sha256 -hmac 'a secret'`. */
static void signatures(void **state)
{
    char out[WEBHOOK_SIGNATURE_MAX];

    (void)state;
    webhook_sign(out, "a secret", "1795341600", "{\"a\":1}", 7);
    assert_string_equal(out,
                        "sha256=54e775ec54f08698eddf0b159dd21fc6175bb02a63ebe3aa016c5d765d6dfdcd");
    webhook_sign(out, "A secret", "1795341600", "{\"a\":1}", 7);
    assert_string_not_equal(
        out, "sha256=54e775ec54f08698eddf0b159dd21fc6175bb02a63ebe3aa016c5d765d6dfdcd");
}

static void statuses(void **state)
{
    static const struct {
        int status;
        enum channel_outcome_kind kind;
        enum channel_reason reason;
        enum channel_stop stop;
        int64_t wait_ms;
    } cases[] = {
        {200, CHANNEL_DONE, CHANNEL_REASON_NONE, CHANNEL_STOP_NOBODY, 0},
        {204, CHANNEL_DONE, CHANNEL_REASON_NONE, CHANNEL_STOP_NOBODY, 0},
        {299, CHANNEL_DONE, CHANNEL_REASON_NONE, CHANNEL_STOP_NOBODY, 0},
        {409, CHANNEL_DONE, CHANNEL_REASON_NONE, CHANNEL_STOP_NOBODY, 0},
        {301, CHANNEL_UNKNOWN, CHANNEL_REASON_BAD_ANSWER, CHANNEL_STOP_CHANNEL, -1},
        {303, CHANNEL_UNKNOWN, CHANNEL_REASON_BAD_ANSWER, CHANNEL_STOP_CHANNEL, -1},
        {400, CHANNEL_NEVER, CHANNEL_REASON_REJECTED_CONTENT, CHANNEL_STOP_NOBODY, 0},
        {413, CHANNEL_NEVER, CHANNEL_REASON_REJECTED_CONTENT, CHANNEL_STOP_NOBODY, 0},
        {415, CHANNEL_NEVER, CHANNEL_REASON_REJECTED_CONTENT, CHANNEL_STOP_NOBODY, 0},
        {422, CHANNEL_NEVER, CHANNEL_REASON_BAD_RECIPIENT, CHANNEL_STOP_NOBODY, 0},
        {401, CHANNEL_NOT_NOW, CHANNEL_REASON_REFUSED, CHANNEL_STOP_CHANNEL, -1},
        {403, CHANNEL_NOT_NOW, CHANNEL_REASON_REFUSED, CHANNEL_STOP_CHANNEL, -1},
        {404, CHANNEL_NOT_NOW, CHANNEL_REASON_REFUSED, CHANNEL_STOP_CHANNEL, -1},
        {405, CHANNEL_NOT_NOW, CHANNEL_REASON_REFUSED, CHANNEL_STOP_CHANNEL, -1},
        {410, CHANNEL_NOT_NOW, CHANNEL_REASON_REFUSED, CHANNEL_STOP_CHANNEL, -1},
        {425, CHANNEL_NOT_NOW, CHANNEL_REASON_NONE, CHANNEL_STOP_CHANNEL, 60000},
        {429, CHANNEL_NOT_NOW, CHANNEL_REASON_NONE, CHANNEL_STOP_CHANNEL, 60000},
        {402, CHANNEL_UNKNOWN, CHANNEL_REASON_BAD_ANSWER, CHANNEL_STOP_NOBODY, 0},
        {408, CHANNEL_UNKNOWN, CHANNEL_REASON_BAD_ANSWER, CHANNEL_STOP_NOBODY, 0},
        {500, CHANNEL_UNKNOWN, CHANNEL_REASON_BAD_ANSWER, CHANNEL_STOP_NOBODY, 0},
        {503, CHANNEL_UNKNOWN, CHANNEL_REASON_BAD_ANSWER, CHANNEL_STOP_NOBODY, 0},
        {600, CHANNEL_UNKNOWN, CHANNEL_REASON_BAD_ANSWER, CHANNEL_STOP_NOBODY, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct channel_http_answer a = {.result = CHANNEL_HTTP_ANSWERED,
                                              .status = cases[i].status,
                                              .body = "",
                                              .retry_after_ms = -1};
        int64_t until = cases[i].wait_ms < 0   ? CHANNEL_FOREVER
                        : cases[i].wait_ms > 0 ? now + cases[i].wait_ms
                                               : 0;
        struct webhook_verdict v;
        char said[32];

        webhook_read(&v, &a, now);
        snprintf(said, sizeof(said), "HTTP status %d", cases[i].status);
        assert_int_equal(strncmp(v.outcome.detail, said, strlen(said)), 0);
        if (v.outcome.kind != cases[i].kind || v.outcome.reason != cases[i].reason ||
            v.outcome.stop != cases[i].stop || v.outcome.not_before_ms != until)
            fail_msg("%d: kind %d, reason %d, stop %d, until %lld", cases[i].status, v.outcome.kind,
                     v.outcome.reason, v.outcome.stop, (long long)v.outcome.not_before_ms);
    }
}

static void retry_after_is_obeyed(void **state)
{
    const struct channel_http_answer a = {
        .result = CHANNEL_HTTP_ANSWERED, .status = 429, .body = "", .retry_after_ms = 7000};
    struct webhook_verdict v;

    (void)state;
    webhook_read(&v, &a, now);
    assert_int_equal(v.outcome.not_before_ms, now + 7000);
}

static void no_answer(void **state)
{
    const struct channel_http_answer lost = {.result = CHANNEL_HTTP_UNKNOWN, .error = "cut"};
    const struct channel_http_answer never = {.result = CHANNEL_HTTP_NOT_SENT};
    struct webhook_verdict v;

    (void)state;
    webhook_read(&v, &lost, now);
    assert_int_equal(v.outcome.kind, CHANNEL_UNKNOWN);
    assert_int_equal(v.outcome.reason, CHANNEL_REASON_NO_ANSWER);
    assert_string_equal(v.outcome.detail, "cut");
    webhook_read(&v, &never, now);
    assert_int_equal(v.outcome.kind, CHANNEL_NOT_SENT);
    assert_string_equal(v.outcome.detail, "no answer");
}

static void the_receivers_own_id(void **state)
{
    static const struct {
        const char *body, *ref;
    } cases[] = {
        {"{\"id\":\"m-17\"}", "m-17"},
        {"{\"id\":17}", NULL},
        {"{\"id\":\"\"}", NULL},
        {"{\"id\":\"a b\"}", NULL},
        {"{\"id\":\"a\\u0000\"}", NULL},
        {"not JSON", NULL},
        {"[]", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct channel_http_answer a = {.result = CHANNEL_HTTP_ANSWERED,
                                              .status = 200,
                                              .body = cases[i].body,
                                              .length = strlen(cases[i].body),
                                              .retry_after_ms = -1};
        struct webhook_verdict v;

        webhook_read(&v, &a, now);
        assert_int_equal(v.outcome.kind, CHANNEL_DONE);
        if (!cases[i].ref)
            assert_null(v.outcome.ref);
        else
            assert_string_equal(v.outcome.ref, cases[i].ref);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recipients),
        cmocka_unit_test(paths),
        cmocka_unit_test(proxies),
        cmocka_unit_test(bodies),
        cmocka_unit_test(signatures),
        cmocka_unit_test(statuses),
        cmocka_unit_test(no_answer),
        cmocka_unit_test(retry_after_is_obeyed),
        cmocka_unit_test(the_receivers_own_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
