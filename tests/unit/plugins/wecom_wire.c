/* The platform's wire format by its examples (api.md §14) and its codes (§12): every request that
 * we make is one of its, every answer is understood, failures of all kinds included. */
#include "check.h"

#include "wecom/wire.h"

#include <stdlib.h>
#include <string.h>

#define WM1 "wmPACER0000000000000000000000001"
#define WM2 "wmPACER0000000000000000000000002"
#define WR1 "wrPACER0000000000000000000000001"
#define TASK "msgPACER000000000000000000000017"

/* --- requests --- */

/* Takes `got`. What the example has is there, but for how much a page holds. */
static void is_example(char *got, const char *example)
{
    json_t *ours = json_loads(got, JSON_REJECT_DUPLICATES, NULL),
           *theirs = json_loads(example, 0, NULL);
    json_int_t limit = json_integer_value(json_object_get(ours, "limit"));

    assert_non_null(ours);
    assert_non_null(theirs);
    assert_true(limit <= 1000);
    for (int i = 0; i < 2; i++) {
        json_object_del(i ? ours : theirs, "limit");
        json_object_del(i ? ours : theirs, "cursor");
    }
    if (!json_equal(ours, theirs))
        fail_msg("%s\nis not\n%s", got, example);
    json_decref(ours);
    json_decref(theirs);
    free(got);
}

static const char *const two[] = {WM1, WM2}, *const one_group[] = {WR1};
static const struct channel_attachment a_link = {.kind = "link",
                                                 .name = "春季上新",
                                                 .title = "春季上新",
                                                 .url =
                                                     "https://shop.example.com/p/7?t=task-000017"};
static const struct wire_media no_media[3];

static struct channel_send to_two(void)
{
    return (struct channel_send){.sender = "lin.yue",
                                 .recipients = two,
                                 .recipient_count = 2,
                                 .text = "周三新品，详情见链接。回复T退订",
                                 .format = "text",
                                 .attachments = &a_link,
                                 .attachment_count = 1};
}

static void every_request_is_an_example(void **state)
{
    struct channel_send single = to_two();
    const struct channel_send group = {.sender = "lin.yue",
                                       .recipients = one_group,
                                       .recipient_count = 1,
                                       .text = "本周活动时间表",
                                       .format = "text"};
    static const char *const members[] = {"lin.yue", "no.one"};
    const struct channel_send message = {.sender = "members",
                                         .recipients = members,
                                         .recipient_count = 2,
                                         .text = "今天有1个群发任务待确认",
                                         .format = "text"};
    char *path;

    (void)state;
    path = wire_token_path("wwpacer000000test1", "S3CRET");
    assert_string_equal(path, "/cgi-bin/gettoken?corpid=wwpacer000000test1&corpsecret=S3CRET");
    free(path);
    path = wire_path("media/upload", "TOK/+", "type=image"); /* a token goes into the query alone */
    assert_string_equal(path, "/cgi-bin/media/upload?access_token=TOK%2F%2B&type=image");
    free(path);
    is_example(
        wire_task_body(&single, MODE_CUSTOMERS, no_media),
        "{\"chat_type\":\"single\",\"external_userid\":[\"" WM1 "\",\"" WM2 "\"],"
        "\"sender\":\"lin.yue\",\"allow_select\":false,\"text\":{\"content\":"
        "\"周三新品，详情见链接。回复T退订\"},\"attachments\":[{\"msgtype\":\"link\",\"link\":"
        "{\"title\":\"春季上新\",\"url\":\"https://shop.example.com/p/7?t=task-000017\"}}]}");
    is_example(wire_task_body(&group, MODE_GROUPS, no_media),
               "{\"chat_type\":\"group\",\"sender\":\"lin.yue\",\"chat_id_list\":[\"" WR1 "\"],"
               "\"text\":{\"content\":\"本周活动时间表\"}}");
    is_example(wire_msgid_body(TASK), "{\"msgid\":\"" TASK "\"}"); /* remind, cancel */
    is_example(wire_list_body(MODE_CUSTOMERS, 1788190000, 1788200600, NULL),
               "{\"chat_type\":\"single\",\"start_time\":1788190000,\"end_time\":1788200600,"
               "\"filter_type\":0,\"limit\":100,\"cursor\":\"\"}");
    is_example(wire_own_list_body(MODE_GROUPS, 1788190000, 1788200600, "C2"),
               "{\"chat_type\":\"group\",\"start_time\":1788190000,\"end_time\":1788200600,"
               "\"filter_type\":1,\"limit\":100,\"cursor\":\"C2\"}");
    is_example(wire_members_body(TASK, NULL), "{\"msgid\":\"" TASK "\",\"limit\":500}");
    is_example(wire_results_body(TASK, "lin.yue", NULL),
               "{\"msgid\":\"" TASK "\",\"userid\":\"lin.yue\",\"limit\":500}");
    is_example(wire_message_body(&message, 1000007),
               "{\"touser\":\"lin.yue|no.one\",\"msgtype\":\"text\",\"agentid\":1000007,\"text\":"
               "{\"content\":\"今天有1个群发任务待确认\"},\"enable_duplicate_check\":1,"
               "\"duplicate_check_interval\":1800}");
    is_example(
        wire_notice_body("lin.yue", 1000007, "x"),
        "{\"touser\":\"lin.yue\",\"msgtype\":\"text\",\"agentid\":1000007,\"text\":"
        "{\"content\":\"x\"},\"enable_duplicate_check\":1,\"duplicate_check_interval\":1800}");
}

static void a_cursor_goes_on(void **state)
{
    char *body = wire_results_body(TASK, "lin.yue", "CUR2");

    (void)state;
    assert_non_null(strstr(body, "\"cursor\":\"CUR2\""));
    free(body);
}

static void every_attachment_is_its_own_object(void **state)
{
    static const struct channel_attachment files[] = {
        {.kind = "image", .name = "a.png"},
        {.kind = "video", .name = "v.mp4"},
        {.kind = "file", .name = "f.pdf"},
        {.kind = "link", .title = "t", .url = "https://a", .description = "d", .length = 3},
        {.kind = "miniprogram", .title = "m", .appid = "wx1", .page = "p"}};
    const struct wire_media media[] = {
        {"M1", NULL}, {"M2", NULL}, {"M3", NULL}, {NULL, "https://pic/1"}, {"M5", NULL}};
    struct channel_send send = to_two();

    (void)state;
    send.text = NULL; /* attachments alone are a message */
    send.recipient_count = 1;
    send.attachments = files;
    send.attachment_count = 5;
    is_example(
        wire_task_body(&send, MODE_CUSTOMERS, media),
        "{\"chat_type\":\"single\",\"external_userid\":[\"" WM1 "\"],\"sender\":\"lin.yue\","
        "\"allow_select\":false,\"attachments\":["
        "{\"msgtype\":\"image\",\"image\":{\"media_id\":\"M1\"}},"
        "{\"msgtype\":\"video\",\"video\":{\"media_id\":\"M2\"}},"
        "{\"msgtype\":\"file\",\"file\":{\"media_id\":\"M3\"}},"
        "{\"msgtype\":\"link\",\"link\":{\"title\":\"t\",\"picurl\":\"https://pic/1\","
        "\"desc\":\"d\",\"url\":\"https://a\"}},"
        "{\"msgtype\":\"miniprogram\",\"miniprogram\":{\"title\":\"m\",\"pic_media_id\":\"M5\","
        "\"appid\":\"wx1\",\"page\":\"p\"}}]}");
}

/* To the platform a sender alone means all that member's customers. */
static void an_empty_list_is_never_everybody(void **state)
{
    static const char *const broken[] = {"wm\xff"};
    struct channel_send send = to_two();

    (void)state;
    send.recipient_count = 0;
    assert_null(wire_task_body(&send, MODE_CUSTOMERS, no_media));
    assert_null(wire_task_body(&send, MODE_GROUPS, no_media));
    assert_null(wire_message_body(&send, 1));
    send = to_two();
    send.sender = "";
    assert_null(wire_task_body(&send, MODE_CUSTOMERS, no_media));
    send = to_two();
    send.recipients = broken; /* one that cannot be written must not be dropped */
    send.recipient_count = 1;
    assert_null(wire_task_body(&send, MODE_CUSTOMERS, no_media));
}

static void an_upload_is_one_file(void **state)
{
    const struct channel_attachment file = {
        .kind = "file", .name = "价目\"\r\n表.pdf", .bytes = "%PDF-", .length = 5};
    char type[128];
    size_t length;
    char *body = wire_upload_body(&file, 0xabc, type, &length);

    (void)state;
    assert_string_equal(type, "multipart/form-data; boundary=paceline-0000000000000abc");
    assert_non_null(strstr(body, "name=\"media\"; filename=\"价目___表.pdf\"; filelength=5\r\n"));
    static const char end[] = "%PDF-\r\n--paceline-0000000000000abc--\r\n";
    assert_int_equal(memcmp(body + length - strlen(end), end, strlen(end)), 0);
    free(body);
}

/* --- answers --- */

static struct wire_answer read_body(const char *body)
{
    const struct channel_http_answer http = {
        .result = CHANNEL_HTTP_ANSWERED, .status = 200, .body = body, .length = strlen(body)};
    struct wire_answer a;

    wire_read(&a, &http, "S3CRET");
    return a;
}

/* Failures of the examples; the wording is the platform's to change. */
static void every_failure_is_understood(void **state)
{
    static const struct {
        const char *body;
        enum code_class class;
    } rows[] = {
        {"{\"errcode\":40001,\"errmsg\":\"invalid credential\"}", CODE_SETUP},
        {"{\"errcode\":42001,\"errmsg\":\"access_token expired\"}", CODE_TOKEN},
        {"{\"ip_list\":[],\"errcode\":40014,\"errmsg\":\"invalid access_token\"}", CODE_TOKEN},
        {"{\"errcode\":41048,\"errmsg\":\"no customer to send\",\"fail_list\":[\"" WM1 "\"]}",
         CODE_RECIPIENT},
        {"{\"errcode\":45009,\"errmsg\":\"api freq out of limit\"}", CODE_QUOTA},
        {"{\"errcode\":41094,\"errmsg\":\"remind too often\"}", CODE_REMINDED},
        {"{\"errcode\":41047,\"errmsg\":\"invalid msgid\"}", CODE_NO_TASK},
        {"{\"errcode\":41063,\"errmsg\":\"task is dispatching\"}", CODE_DISPATCHING},
        {"{\"errcode\":50100,\"errmsg\":\"invalid cursor\"}", CODE_CURSOR},
        {"{\"errcode\":48002,\"errmsg\":\"api forbidden\",\"follow_user\":[]}", CODE_SETUP},
        {"{\"errcode\":84061,\"errmsg\":\"not external contact\",\"external_userid\":[]}",
         CODE_RECIPIENT},
        {"{\"errcode\":40096,\"errmsg\":\"invalid external_userid\"}", CODE_RECIPIENT},
        {"{\"errcode\":45033,\"errmsg\":\"api concurrent out of limit\"}", CODE_CONCURRENCY},
        {"{\"errcode\":40068,\"errmsg\":\"invalid tag id\"}", CODE_REQUEST},
        {"{\"errcode\":81017,\"errmsg\":\"too many\"}", CODE_REQUEST},
        {"{\"errcode\":90501,\"errmsg\":\"not a customer group\"}", CODE_RECIPIENT},
        {"{\"errcode\":81013,\"errmsg\":\"all invalid\",\"invaliduser\":\"no.one\"}",
         CODE_RECIPIENT},
        {"{\"errcode\":45001,\"errmsg\":\"media too large\"}", CODE_REQUEST},
        {"{\"errcode\":40009,\"errmsg\":\"invalid image size\"}", CODE_REQUEST},
        {"{\"errcode\":44001,\"errmsg\":\"empty media data\"}", CODE_REQUEST},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wire_answer a = read_body(rows[i].body);
        if (a.kind != WIRE_ANSWER || a.class != rows[i].class || !a.detail[0])
            fail_msg("%s: kind %d, class %d, '%s'", rows[i].body, a.kind, a.class, a.detail);
        wire_dispose(&a);
    }
}

static void what_is_no_answer_leaves_doubt(void **state)
{
    static const char *const bodies[] = {"",
                                         "<html>",
                                         "{\"errcode\":0,\"errmsg\":\"o",
                                         "{\"errcode\":\"0\",\"errmsg\":\"ok\"}",
                                         "[]",
                                         "{\"errcode\":0,\"errcode\":1}"};
    struct channel_http_answer http = {.result = CHANNEL_HTTP_ANSWERED, .status = 404, .body = ""};
    struct wire_answer a;

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        a = read_body(bodies[i]);
        if (a.kind != WIRE_IN_DOUBT)
            fail_msg("'%s' is taken for an answer", bodies[i]);
        wire_dispose(&a);
    }
    wire_read(&a, &http, NULL);
    assert_int_equal(a.kind, WIRE_IN_DOUBT);
    http = (struct channel_http_answer){.result = CHANNEL_HTTP_UNKNOWN, .error = "reset"};
    wire_read(&a, &http, NULL); /* the connection was reset after the body */
    assert_int_equal(a.kind, WIRE_IN_DOUBT);
    http = (struct channel_http_answer){.result = CHANNEL_HTTP_NOT_SENT, .error = "refused"};
    wire_read(&a, &http, NULL);
    assert_int_equal(a.kind, WIRE_NOT_SENT);
    /* keys that nobody knows are no problem, nor is an answer without errcode */
    a = read_body("{\"errcode\":0,\"tomorrow\":{\"x\":[1]},\"msgid\":\"m\"}");
    assert_int_equal(a.class, CODE_OK);
    wire_dispose(&a);
    a = read_body("{\"ip_list\":[]}");
    assert_int_equal(a.class, CODE_OK);
    wire_dispose(&a);
}

static void no_secret_is_quoted(void **state)
{
    struct wire_answer a = read_body("{\"errcode\":40001,\"errmsg\":\"bad secret S3CRET of you\"}");

    (void)state;
    assert_null(strstr(a.detail, "S3CRET"));
    wire_dispose(&a);
    a = read_body("{\"errcode\":42001,\"errmsg\":\"in ?access_token=TOK\"}");
    assert_null(strstr(a.detail, "TOK"));
    wire_dispose(&a);
}

static void the_successes_are_read(void **state)
{
    struct channel_send send = to_two();
    struct wire_answer a = read_body(
        "{\"errcode\":0,\"errmsg\":\"ok\",\"access_token\":\"TOK_A1\",\"expires_in\":7200}");
    struct wire_token token;
    enum wire_task_state member;
    size_t count, odd, waiting;
    bool fails[2];

    (void)state;
    assert_true(wire_read_token(&a, &token));
    assert_string_equal(token.token, "TOK_A1");
    assert_int_equal(token.expires_s, 7200);
    wire_dispose(&a);

    a = read_body("{\"errcode\":0,\"errmsg\":\"ok\",\"fail_list\":[\"" WM2 "\"],\"msgid\":\"" TASK
                  "\"}");
    wire_fails(&a, &send, MODE_CUSTOMERS, fails);
    assert_false(fails[0]);
    assert_true(fails[1]);
    assert_string_equal(wire_text(a.root, "msgid"), TASK);
    wire_dispose(&a);

    a = read_body(
        "{\"errcode\":0,\"errmsg\":\"ok\",\"next_cursor\":\"\",\"task_list\":[{\"userid\":"
        "\"lin.yue\",\"status\":2,\"send_time\":1788203000},{\"userid\":\"he.qi\","
        "\"status\":0},{\"userid\":\"x\",\"status\":1}]}");
    assert_true(wire_read_member(&a, "lin.yue", &member));
    assert_int_equal(member, TASK_SENT);
    assert_true(wire_read_member(&a, "he.qi", &member));
    assert_int_equal(member, TASK_NOT_SENT);
    assert_true(wire_read_member(&a, "x", &member)); /* the sample's 1 is in no table */
    assert_int_equal(member, TASK_UNKNOWN);
    assert_false(wire_read_member(&a, "ann", &member));
    assert_null(wire_text(a.root, "next_cursor"));
    wire_dispose(&a);

    a = read_body("{\"errcode\":0,\"errmsg\":\"ok\",\"next_cursor\":\"\",\"send_list\":["
                  "{\"external_userid\":\"" WM1 "\",\"userid\":\"lin.yue\",\"status\":1,"
                  "\"send_time\":1788203000},"
                  "{\"external_userid\":\"wm3\",\"userid\":\"lin.yue\",\"status\":3},"
                  "{\"external_userid\":\"wm4\",\"userid\":\"lin.yue\",\"status\":2},"
                  "{\"external_userid\":\"wm5\",\"userid\":\"lin.yue\",\"status\":0},"
                  "{\"external_userid\":\"wm6\",\"userid\":\"lin.yue\",\"status\":9}]}");
    struct channel_result *r = wire_read_results(&a, MODE_CUSTOMERS, &count, &odd, &waiting);
    assert_int_equal(count, 3);
    assert_int_equal(odd, 1);
    assert_int_equal(waiting, 1);
    assert_string_equal(r[0].recipient, WM1);
    assert_int_equal(r[0].kind, CHANNEL_RESULT_SENT);
    assert_int_equal(r[0].at_ms, 1788203000000);
    assert_int_equal(r[1].kind, CHANNEL_RESULT_CAPPED);
    assert_int_equal(r[2].kind, CHANNEL_RESULT_NOT_A_FRIEND);
    free(r);
    wire_dispose(&a);

    a = read_body(
        "{\"errcode\":0,\"errmsg\":\"ok\",\"invaliduser\":\"no.one\",\"msgid\":\"MSG1\"}");
    static const char *const members[] = {"lin.yue", "No.One"};
    const struct channel_send message = {.recipients = members, .recipient_count = 2};
    wire_fails(&a, &message, MODE_MEMBERS, fails); /* they come back in lower case */
    assert_false(fails[0]);
    assert_true(fails[1]);
    wire_dispose(&a);
}

/* A task of the platform's list: create_time is a text there, and creator is missing. */
static void our_task_is_known_again(void **state)
{
    struct channel_send send = to_two();
    struct wire_answer a = read_body(
        "{\"errcode\":0,\"errmsg\":\"ok\",\"next_cursor\":\"\",\"group_msg_list\":[{\"msgid\":"
        "\"" TASK "\",\"create_time\":\"1788200100\",\"create_type\":0,\"text\":{\"content\":"
        "\"周三新品，详情见链接"
        "。回复T退订\"},\"attachments\":[{\"msgtype\":\"link\",\"link\":{\"title\":\"春季上新\","
        "\"picurl\":\"\",\"desc\":\"\",\"url\":\"https://shop.example.com/p/"
        "7?t=task-000017\"}}]}]}");
    json_t *item = json_array_get(json_object_get(a.root, "group_msg_list"), 0);

    (void)state;
    assert_int_equal(wire_number(item, "create_time", 0), 1788200100);
    assert_true(wire_same_task(item, &send));
    send.text = "another";
    assert_false(wire_same_task(item, &send));
    send = to_two();
    struct channel_attachment other = a_link; /* another trace */
    other.url = "https://shop.example.com/p/7?t=task-000018";
    send.attachments = &other;
    assert_false(wire_same_task(item, &send));
    send = to_two();
    send.attachment_count = 0;
    assert_false(wire_same_task(item, &send));
    send = to_two();
    json_object_set_new(item, "creator", json_string("lin.yue")); /* a member's own */
    assert_false(wire_same_task(item, &send));
    wire_dispose(&a);
}

/* --- the codes of §12 --- */

static void every_code_has_its_class(void **state)
{
    static const struct {
        enum code_class class;
        int codes[32]; /* ends with 1 */
    } rows[] = {
        {CODE_OK, {0, 1}},
        {CODE_BUSY, {-1, 6000, 1}},
        {CODE_SETUP,
         {40001, 40013, 40091, 41002, 41004, 40056, 301002, 40057, 48001, 48002,  48004,  48006,
          50001, 50002, 50003, 50006, 60011, 60020, 93000,  93004, 93008, 301007, 701008, 1}},
        {CODE_TOKEN, {40014, 42001, 1}},
        {CODE_REQUEST, {41001, 40004, 40005, 40006, 40009, 40011, 40123, 44001, 45001, 45007, 41080,
                        41081, 41082, 41090, 40033, 40035, 40058, 40063, 40008, 44004, 40066, 40068,
                        40070, 40206, 41064, 41065, 41072, 41088, 41089, 41091, 45002, 1}},
        {CODE_REQUEST, {81017, 82001, 82002, 82003, 82004, 40126, 640001, 830002, 1}},
        {CODE_MEMBER, {40003, 60111, 40031, 40098, 41054, 84074, 84083, 84084, 1}},
        {CODE_MEDIA, {40007, 1}},
        {CODE_RECIPIENT, {40050, 86001, 86003, 86008, 40096, 40128, 40129, 40130, 40131, 40143,
                          41048, 42052, 49008, 90501, 90509, 81013, 84061, 90500, 90508, 1}},
        {CODE_CONTENT, {40201, 40204, 85002, 1}},
        {CODE_NO_TASK, {41046, 41047, 1}},
        {CODE_DISPATCHING, {41063, 41079, 1}},
        {CODE_CANCELED, {41093, 1}},
        {CODE_REMINDED, {41094, 1}},
        {CODE_QUOTA, {45009, 41078, 1}},
        {CODE_CONCURRENCY, {45033, 45035, 1}},
        {CODE_CURSOR, {50100, 1}},
        {CODE_NEW, {60199, 99999, -2, 1}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (const int *code = rows[i].codes; *code != 1; code++) {
            if (code_class(*code) != rows[i].class)
                fail_msg("%d: class %d, expected %d", *code, code_class(*code), rows[i].class);
            assert_true(code_advice(*code)[0]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_is_an_example),
        cmocka_unit_test(a_cursor_goes_on),
        cmocka_unit_test(every_attachment_is_its_own_object),
        cmocka_unit_test(an_empty_list_is_never_everybody),
        cmocka_unit_test(an_upload_is_one_file),
        cmocka_unit_test(every_failure_is_understood),
        cmocka_unit_test(what_is_no_answer_leaves_doubt),
        cmocka_unit_test(no_secret_is_quoted),
        cmocka_unit_test(the_successes_are_read),
        cmocka_unit_test(our_task_is_known_again),
        cmocka_unit_test(every_code_has_its_class),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
