/* The robot's protocol: exact requests, and no answer that is taken for more than it says. */
#include "check.h"

#include "wecom-robot/robot_wire.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char key[] = "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa";
static const int64_t now = 1795341600000; /* 2026-11-22T10:00:00Z, 18:00 in Beijing */

static void keys(void **state)
{
    static const struct {
        const char *key;
        bool valid;
    } cases[] = {
        {key, true},
        {"demo-robot-1", true},
        {"12345678", true},
        {"1234567", false},
        {"", false},
        {"a b c d e f", false},
        {"abcdefgh&x=1", false},
        {"abcdefgh/..", false},
        {"钥匙钥匙钥匙", false},
        {"abcdefgh\r\n", false},
        {"0123456789012345678901234567890123456789012345678901234567890123", true},
        {"01234567890123456789012345678901234567890123456789012345678901234", false},
    };
    char path[ROBOT_PATH_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(robot_key_valid(cases[i].key), cases[i].valid);
    robot_path(path, key);
    assert_string_equal(path, "/cgi-bin/webhook/send?key=693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa");
}

static void bodies(void **state)
{
    static const struct channel_attachment image = {
        .kind = "image", .name = "a.png", .bytes = "hello", .length = 5};
    static const struct channel_attachment video = {
        .kind = "video", .name = "a.mp4", .bytes = "hello", .length = 5};
    static const struct {
        const char *format, *text;
        const struct channel_attachment *attachments;
        size_t count;
        const char *body; /* NULL: nothing a robot can carry */
    } cases[] = {
        {"text", "上新 \"了\"\n", NULL, 0,
         "{\"msgtype\":\"text\",\"text\":{\"content\":\"上新 \\\"了\\\"\\n\"}}"},
        {"markdown", "**12**", NULL, 0,
         "{\"msgtype\":\"markdown\",\"markdown\":{\"content\":\"**12**\"}}"},
        {"text", NULL, &image, 1,
         "{\"msgtype\":\"image\",\"image\":{\"base64\":\"aGVsbG8=\","
         "\"md5\":\"5d41402abc4b2a76b9719d911017c592\"}}"},
        {"html", "x", NULL, 0, NULL},
        {"text", "x", &image, 1, NULL},
        {"text", NULL, &video, 1, NULL},
        {"text", NULL, NULL, 0, NULL},
        {"text", "\xff\xfe", NULL, 0, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct channel_send send = {.format = cases[i].format,
                                          .text = cases[i].text,
                                          .attachments = cases[i].attachments,
                                          .attachment_count = cases[i].count};
        size_t length = 0;
        char *body = robot_body(&send, &length);
        if (!body || !cases[i].body)
            assert_ptr_equal(body, cases[i].body);
        else
            assert_string_equal(body, cases[i].body);
        if (body)
            assert_int_equal(length, strlen(body));
        free(body);
    }
}

static struct channel_outcome read_answer(char *detail, int status, const char *body, size_t length,
                                          unsigned blocks)
{
    const struct channel_http_answer a = {.result = CHANNEL_HTTP_ANSWERED,
                                          .status = status,
                                          .body = body,
                                          .length = length,
                                          .retry_after_ms = -1};
    struct channel_outcome out;

    robot_read(&out, detail, &a, key, now, blocks);
    return out;
}

enum class { DONE, WAIT, SETUP, BUSY, NEVER, DOUBT };

static void codes(void **state)
{
    static const struct {
        int code;
        enum class class;
    } cases[] = {
        {0, DONE},      {45009, WAIT},   {45033, BUSY},  {93000, SETUP}, {93004, SETUP},
        {93008, SETUP}, {40001, SETUP},  {40014, SETUP}, {41001, SETUP}, {42001, SETUP},
        {60020, SETUP}, {301007, SETUP}, {45002, NEVER}, {40058, NEVER}, {40063, NEVER},
        {40033, NEVER}, {40035, NEVER},  {44004, NEVER}, {40009, NEVER}, {40008, NEVER},
        {40206, NEVER}, {40201, NEVER},  {40204, NEVER}, {85002, NEVER}, {-1, DOUBT},
        {1, DOUBT},     {-2, DOUBT},     {45011, DOUBT}, {6000, DOUBT},  {2147483647, DOUBT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char body[96], detail[ROBOT_DETAIL_MAX], number[16];
        struct channel_outcome o;

        snprintf(body, sizeof(body), "{\"errmsg\":\"why\",\"errcode\":%d,\"more\":[]}",
                 cases[i].code);
        o = read_answer(detail, 200, body, strlen(body), 0);
        switch (cases[i].class) {
        case DONE:
            assert_int_equal(o.kind, CHANNEL_DONE);
            assert_int_equal(o.reason, CHANNEL_REASON_NONE);
            assert_int_equal(o.stop, CHANNEL_STOP_NOBODY);
            continue;
        case WAIT:
        case SETUP:
        case BUSY:
            assert_int_equal(o.kind, CHANNEL_NOT_NOW);
            assert_int_equal(o.stop, CHANNEL_STOP_CHANNEL);
            assert_int_equal(robot_blocked(&o), cases[i].class == WAIT);
            assert_int_equal(o.not_before_ms, cases[i].class == WAIT    ? now + 60000
                                              : cases[i].class == SETUP ? CHANNEL_FOREVER
                                                                        : now + 5000);
            break;
        case NEVER:
            assert_int_equal(o.kind, CHANNEL_NEVER);
            assert_int_equal(o.reason, CHANNEL_REASON_REJECTED_CONTENT);
            assert_int_equal(o.stop, CHANNEL_STOP_CAMPAIGN);
            break;
        case DOUBT:
            assert_int_equal(o.kind, CHANNEL_UNKNOWN);
            assert_int_equal(o.reason, CHANNEL_REASON_BAD_ANSWER);
            assert_int_equal(o.stop, CHANNEL_STOP_NOBODY);
            break;
        }
        snprintf(number, sizeof(number), "errcode %d: ", cases[i].code);
        assert_ptr_equal(strstr(o.detail, number), o.detail);
        assert_non_null(strstr(o.detail, " (\"why\")"));
    }
}

static void blocked_longer_each_time(void **state)
{
    static const char body[] = "{\"errcode\":45009,\"errmsg\":\"api freq out of limit\"}";
    char detail[ROBOT_DETAIL_MAX];

    (void)state;
    assert_int_equal(read_answer(detail, 200, body, strlen(body), 0).not_before_ms, now + 60000);
    assert_int_equal(read_answer(detail, 200, body, strlen(body), 1).not_before_ms, now + 3600000);
    for (unsigned n = 2; n < 5; n++) /* 00:01 of the next day in Beijing: 6 h and a minute */
        assert_int_equal(read_answer(detail, 200, body, strlen(body), n).not_before_ms,
                         now + 6 * 3600000 + 60000);
}

static void what_is_not_understood_is_in_doubt(void **state)
{
    static const struct {
        int status;
        const char *body;
    } cases[] = {
        {200, ""},
        {200, "<html>"},
        {200, "{\"errcode\":0,\"errm"},
        {200, "{\"errcode\":\"0\",\"errmsg\":\"ok\"}"},
        {200, "{\"errcode\":0.0}"},
        {200, "{\"errcode\":null}"},
        {200, "{\"errcode\":false}"},
        {200, "{\"errmsg\":\"ok\"}"},
        {200, "{}"},
        {200, "[0]"},
        {200, "0"},
        {200, "{\"errcode\":0,\"errcode\":0}"},
        {200, "{\"errcode\":0} {\"errcode\":0}"},
        {200, "{\"errcode\":99999999999999999999}"},
        {200, "{\"errcode\":4294967296}"}, /* 0 in 32 bits */
        {404, ""},
        {404, "{\"errcode\":0}"},
        {301, "{\"errcode\":0}"},
        {429, "{\"errcode\":45009}"},
        {500, "{\"errcode\":0}"},
        {201, "{\"errcode\":0}"},
        {204, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char detail[ROBOT_DETAIL_MAX];
        struct channel_outcome o =
            read_answer(detail, cases[i].status, cases[i].body, strlen(cases[i].body), 0);
        if (o.kind != CHANNEL_UNKNOWN || o.reason != CHANNEL_REASON_BAD_ANSWER || o.stop ||
            !o.detail[0])
            fail_msg("%d %s: %d", cases[i].status, cases[i].body, (int)o.kind);
    }
}

static void transport_results(void **state)
{
    static const struct {
        enum channel_http_result result;
        enum channel_outcome_kind kind;
        enum channel_reason reason;
    } cases[] = {
        {CHANNEL_HTTP_NOT_SENT, CHANNEL_NOT_SENT, CHANNEL_REASON_NONE},
        {CHANNEL_HTTP_UNKNOWN, CHANNEL_UNKNOWN, CHANNEL_REASON_NO_ANSWER},
    };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct channel_http_answer a = {.result = cases[i].result, .error = "why"};
        char detail[ROBOT_DETAIL_MAX];
        struct channel_outcome o;

        robot_read(&o, detail, &a, key, now, 0);
        assert_int_equal(o.kind, cases[i].kind);
        assert_int_equal(o.reason, cases[i].reason);
        assert_int_equal(o.stop, CHANNEL_STOP_NOBODY);
        assert_string_equal(o.detail, "why");
    }
}

static void errmsg_is_quoted_safely(void **state)
{
    char body[1024], detail[ROBOT_DETAIL_MAX], filler[400];

    (void)state;
    snprintf(body, sizeof(body), "{\"errcode\":93000,\"errmsg\":\"no key %s\"}", key);
    read_answer(detail, 200, body, strlen(body), 0);
    assert_null(strstr(detail, key));
    assert_null(strstr(detail, "(\""));

    snprintf(body, sizeof(body),
             "{\"errcode\":1,\"errmsg\":\"a\\u001b[2J\\u202e\\u200b\\u0085b\"}");
    read_answer(detail, 200, body, strlen(body), 0);
    assert_non_null(strstr(detail, "(\"a?[2J???b\")"));

    memset(filler, 'x', sizeof(filler));
    snprintf(body, sizeof(body), "{\"errcode\":1,\"errmsg\":\"%.119s企企\"}", filler);
    read_answer(detail, 200, body, strlen(body), 0);
    snprintf(filler + 119, 4, "\")");
    assert_non_null(strstr(detail, filler)); /* cut before the character that does not fit */
}

/* Whatever comes, DONE means: HTTP 200, one JSON object, errcode the integer 0. */
static void mutated_answers(void **state)
{
    static const char *const seeds[] = {
        "{\"errcode\":0,\"errmsg\":\"ok\"}",
        "{\"errcode\":45009,\"errmsg\":\"api freq out of limit\"}",
        "{\"errcode\":93000,\"errmsg\":\"invalid webhook url, hint: [企业]\"}",
    };

    (void)state;
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        uint64_t x = seed * 0x9e3779b97f4a7c15u;
        char body[128], detail[ROBOT_DETAIL_MAX];
        struct channel_outcome o;
        json_t *root;
        bool fine;
        size_t n;

        snprintf(body, sizeof(body), "%s", seeds[seed % 3]);
        n = strlen(body);
        for (unsigned k = 0; k < 1 + seed % 4; k++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            if (x % 4 == 0)
                n = x / 8 % (n + 1);
            else if (n > 0)
                body[x / 8 % n] = (char)(x >> 40);
        }
        body[n] = '\0';
        o = read_answer(detail, 200, body, n, 0);
        root = json_loadb(body, n, JSON_REJECT_DUPLICATES, NULL);
        fine = json_is_integer(json_object_get(root, "errcode")) &&
               json_integer_value(json_object_get(root, "errcode")) == 0;
        json_decref(root);
        if ((o.kind == CHANNEL_DONE) != fine || strlen(detail) >= ROBOT_DETAIL_MAX - 1)
            fail_msg("SEED %llu: %s: %d", (unsigned long long)seed, body, (int)o.kind);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys),
        cmocka_unit_test(bodies),
        cmocka_unit_test(codes),
        cmocka_unit_test(blocked_longer_each_time),
        cmocka_unit_test(what_is_not_understood_is_in_doubt),
        cmocka_unit_test(transport_results),
        cmocka_unit_test(errmsg_is_quoted_safely),
        cmocka_unit_test(mutated_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
