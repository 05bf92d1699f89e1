/* A send becomes a task: files first, then one call, and what each answer to it means for each
 * recipient. */
#include "wecom_world.h"

#define TASKS "externalcontact/add_msg_template"
#define OK_MSG "{\"errcode\":0,\"msgid\":\"m1\",\"fail_list\":[]}"

static const char *const people[] = {"wma", "wmb", "wmc"};
static struct channel_send send;

static void submit_to(size_t count)
{
    send = (struct channel_send){.id = 9,
                                 .sender = "lin",
                                 .recipients = people,
                                 .recipient_count = count,
                                 .text = "hello",
                                 .format = "text",
                                 .attachments = send.attachments,
                                 .attachment_count = send.attachment_count,
                                 .deadline_ms = w.now + 600000};
    wecom_channel.submit(w.instance, &send);
    pass(0);
}

/* Until the call itself is asked. */
static void submit(void)
{
    submit_to(3);
    if (w.asked_count && strstr(w.asked[0].path, "gettoken"))
        answer_token("T");
}

static void assert_settled(size_t i, enum channel_outcome_kind kind, enum channel_reason reason)
{
    assert_true(i < w.settled_count);
    assert_int_equal(w.settled[i].send_id, 9);
    assert_int_equal(w.settled[i].kind, kind);
    assert_int_equal(w.settled[i].reason, reason);
}

static int setup(void **state)
{
    (void)state;
    memset(&send, 0, sizeof(send));
    open_channel("customers");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close_channel();
    return 0;
}

static void begin_again(const char *mode)
{
    close_channel();
    open_channel(mode);
}

static void a_task_is_made_and_its_refused_are_told_apart(void **state)
{
    (void)state;
    submit();
    assert_asked(TASKS, "\"external_userid\":[\"wma\",\"wmb\",\"wmc\"]");
    assert_asked(TASKS, "\"sender\":\"lin\"");
    assert_asked(TASKS, "\"allow_select\":false");
    assert_int_equal(w.asked[0].send_id, 9); /* the host is asked again before its first byte */
    answer("{\"errcode\":0,\"msgid\":\"m1\",\"fail_list\":[\"wmb\"]}");
    assert_int_equal(w.settlements, 1);
    assert_int_equal(w.settled_count, 3);
    assert_settled(0, CHANNEL_ASKED, CHANNEL_REASON_NONE);
    assert_settled(1, CHANNEL_NEVER, CHANNEL_REASON_BAD_RECIPIENT);
    assert_settled(2, CHANNEL_ASKED, CHANNEL_REASON_NONE);
    assert_string_equal(w.settled[0].ref, "m1");
}

static void a_task_for_nobody_is_no_task(void **state)
{
    (void)state;
    submit();
    answer("{\"errcode\":0,\"msgid\":\"m1\",\"fail_list\":[\"wmc\",\"wmb\",\"wma\"]}");
    for (size_t i = 0; i < 3; i++)
        assert_settled(i, CHANNEL_NEVER, CHANNEL_REASON_BAD_RECIPIENT);
    unsigned before = (unsigned)w.requests;
    pass(24 * 3600 * 1000);
    assert_int_equal(w.requests, before); /* nobody asks what became of it */
}

/* To the platform the sender alone means all customers of that member. */
static void an_empty_list_is_never_sent(void **state)
{
    static const char *const modes[] = {"customers", "groups", "members"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        begin_again(modes[i]);
        submit_to(0);
        assert_int_equal(w.requests, 0);
        assert_settled(0, CHANNEL_NEVER, CHANNEL_REASON_REJECTED_CONTENT);
        assert_int_equal(w.settled[0].stop, CHANNEL_STOP_CAMPAIGN);
    }
}

static const struct channel_attachment files[] = {
    {.kind = "image", .name = "a.png", .bytes = "PNG", .length = 3},
    {.kind = "link",
     .name = "t",
     .title = "t",
     .url = "https://a.example.com",
     .bytes = "PIC",
     .length = 3},
    {.kind = "link",
     .name = "u",
     .title = "u",
     .url = "https://b.example.com",
     .bytes = "",
     .length = 0},
    {.kind = "miniprogram",
     .name = "p",
     .title = "p",
     .appid = "wx",
     .page = "i",
     .bytes = "P",
     .length = 1},
};

static void attach(void)
{
    send.attachments = files;
    send.attachment_count = sizeof(files) / sizeof(files[0]);
}

static void upload_all(const char *first)
{
    char body[64];

    assert_asked("media/upload", "PNG");
    assert_non_null(strstr(w.asked[0].path, "&type=image"));
    assert_int_equal(w.asked[0].send_id, 0); /* it reaches nobody */
    snprintf(body, sizeof(body), "{\"errcode\":0,\"media_id\":\"%s\"}", first);
    answer(body);
    assert_asked("media/uploadimg", "PIC");
    answer("{\"errcode\":0,\"url\":\"https://pic\"}");
    assert_asked("media/upload", NULL);
    answer("{\"errcode\":0,\"media_id\":\"M3\"}");
}

static void files_go_up_first_and_anew_when_they_are_lost(void **state)
{
    (void)state;
    attach();
    submit();
    upload_all("M1");
    assert_asked(TASKS, "{\"msgtype\":\"image\",\"image\":{\"media_id\":\"M1\"}}");
    assert_asked(TASKS, "\"picurl\":\"https://pic\"");
    assert_asked(TASKS, "\"pic_media_id\":\"M3\"");
    answer("{\"errcode\":40007}"); /* an id is not known any more */
    assert_int_equal(w.settlements, 0);
    upload_all("M9");
    assert_asked(TASKS, "\"media_id\":\"M9\"");
    answer("{\"errcode\":40007}"); /* once is enough */
    assert_settled(0, CHANNEL_NEVER, CHANNEL_REASON_REJECTED_CONTENT);
    assert_int_equal(w.settled[0].stop, CHANNEL_STOP_CAMPAIGN);
}

static void what_goes_wrong_before_the_call_was_not_sent(void **state)
{
    static const char *const answers[] = {"{\"errcode\":-1}", "{\"errcode\":424242}", "<html>",
                                          "{\"errcode\":0}"};

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        begin_again("customers");
        attach();
        submit();
        for (int tries = 0; tries < 3 && w.asked_count; tries++) {
            assert_asked("media/upload", NULL);
            answer(answers[i]);
            pass(10000);
        }
        assert_int_equal(w.settlements, 1);
        assert_settled(0, CHANNEL_NOT_SENT, CHANNEL_REASON_NONE);
    }
    begin_again("customers");
    attach();
    submit();
    w.now = send.deadline_ms; /* the uploads took all the time there was */
    answer("{\"errcode\":0,\"media_id\":\"M1\"}");
    assert_settled(0, CHANNEL_NOT_SENT, CHANNEL_REASON_NONE);
    assert_int_equal(w.asked_count, 0);
}

/* One call, and nobody knows what it did: it is not made again. */
static void assert_in_doubt(const struct channel_http_answer *a, enum channel_reason reason)
{
    begin_again("customers");
    submit();
    unsigned before = (unsigned)w.requests;
    answer_with(a);
    pass(3600 * 1000);
    assert_int_equal(w.requests, before);
    assert_int_equal(w.settlements, 1);
    assert_settled(0, CHANNEL_UNKNOWN, reason);
}

static void what_is_in_doubt_is_never_made_again(void **state)
{
    static const char *const bodies[] = {"{\"errcode\":-1}", "{\"errcode\":424242}",
                                         "{\"errcode\":0}", /* no msgid */
                                         "{\"errcode\":0,\"msgid\":7}"};
    static const char *const broken[] = {"", "<html>", "{\"errcode\":0,\"msg",
                                         "{\"errcode\":\"0\"}",
                                         "{\"errcode\":0,\"errcode\":0,\"msgid\":\"m1\"}"};

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        assert_in_doubt(&(struct channel_http_answer){.result = CHANNEL_HTTP_ANSWERED,
                                                      .status = 200,
                                                      .body = bodies[i],
                                                      .length = strlen(bodies[i])},
                        CHANNEL_REASON_BAD_ANSWER);
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        assert_in_doubt(&(struct channel_http_answer){.result = CHANNEL_HTTP_ANSWERED,
                                                      .status = 200,
                                                      .body = broken[i],
                                                      .length = strlen(broken[i])},
                        CHANNEL_REASON_NO_ANSWER);
    assert_in_doubt(&(struct channel_http_answer){.result = CHANNEL_HTTP_ANSWERED,
                                                  .status = 502,
                                                  .body = OK_MSG,
                                                  .length = strlen(OK_MSG)},
                    CHANNEL_REASON_NO_ANSWER);
    /* a reset after the body, and a late one: nobody can tell them from one before the effect */
    assert_in_doubt(&(struct channel_http_answer){.result = CHANNEL_HTTP_UNKNOWN, .error = "reset"},
                    CHANNEL_REASON_NO_ANSWER);
}

static void what_never_went_out_was_not_sent(void **state)
{
    (void)state;
    for (int held = 0; held < 2; held++) {
        begin_again("customers");
        submit();
        answer_with(&(struct channel_http_answer){
            .result = CHANNEL_HTTP_NOT_SENT, .held = held, .error = "refused"});
        assert_settled(0, CHANNEL_NOT_SENT, CHANNEL_REASON_NONE);
        assert_int_equal(w.asked_count, 0);
    }
}

static void each_refusal_has_its_end(void **state)
{
    static const struct {
        int code;
        enum channel_outcome_kind kind;
        enum channel_reason reason;
        enum channel_stop stop;
    } cases[] = {
        {41048, CHANNEL_NEVER, CHANNEL_REASON_BAD_RECIPIENT, CHANNEL_STOP_NOBODY},
        {84061, CHANNEL_NEVER, CHANNEL_REASON_BAD_RECIPIENT, CHANNEL_STOP_NOBODY},
        {40003, CHANNEL_NEVER, CHANNEL_REASON_REFUSED, CHANNEL_STOP_NOBODY},
        {40201, CHANNEL_NEVER, CHANNEL_REASON_REJECTED_CONTENT, CHANNEL_STOP_CAMPAIGN},
        {40204, CHANNEL_NEVER, CHANNEL_REASON_REJECTED_CONTENT, CHANNEL_STOP_CAMPAIGN},
        {85002, CHANNEL_NEVER, CHANNEL_REASON_REJECTED_CONTENT, CHANNEL_STOP_CAMPAIGN},
        {45002, CHANNEL_NEVER, CHANNEL_REASON_REJECTED_CONTENT, CHANNEL_STOP_CAMPAIGN},
        {48002, CHANNEL_NOT_NOW, CHANNEL_REASON_REFUSED, CHANNEL_STOP_CHANNEL},
        {60020, CHANNEL_NOT_NOW, CHANNEL_REASON_REFUSED, CHANNEL_STOP_CHANNEL},
        {45009, CHANNEL_NOT_NOW, CHANNEL_REASON_NONE, CHANNEL_STOP_CHANNEL},
        {6000, CHANNEL_NOT_NOW, CHANNEL_REASON_NONE, CHANNEL_STOP_CHANNEL},
    };
    char body[64];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin_again("customers");
        submit();
        snprintf(body, sizeof(body), "{\"errcode\":%d,\"fail_list\":[]}", cases[i].code);
        answer(body);
        assert_int_equal(w.settlements, 1);
        assert_settled(0, cases[i].kind, cases[i].reason);
        assert_int_equal(w.settled[0].stop, cases[i].stop);
        if (cases[i].code == 45009)
            assert_int_equal(w.settled[0].not_before_ms, w.now + 60000);
        if (cases[i].reason == CHANNEL_REASON_REFUSED && cases[i].kind == CHANNEL_NOT_NOW)
            assert_true(w.settled[0].not_before_ms == CHANNEL_FOREVER);
    }
}

static void groups_are_named_and_members_asked_again(void **state)
{
    (void)state;
    begin_again("groups");
    submit();
    assert_asked(TASKS, "\"chat_id_list\":[\"wma\",\"wmb\",\"wmc\"]");
    assert_null(strstr(w.asked[0].body, "allow_select"));
    begin_again("members");
    submit();
    assert_asked("message/send", "\"touser\":\"wma|wmb|wmc\"");
    char *first = strdup(w.asked[0].body);
    answer("{\"errcode\":-1}"); /* the platform drops the same bytes again */
    pass(10000);
    assert_string_equal(w.asked[0].body, first);
    free(first);
    answer("{\"errcode\":0,\"msgid\":\"x\",\"invaliduser\":\"WMB\"}");
    assert_settled(0, CHANNEL_DONE, CHANNEL_REASON_NONE);
    assert_settled(1, CHANNEL_NEVER, CHANNEL_REASON_BAD_RECIPIENT);
    assert_settled(2, CHANNEL_DONE, CHANNEL_REASON_NONE);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_task_is_made_and_its_refused_are_told_apart),
        CASE(a_task_for_nobody_is_no_task),
        CASE(an_empty_list_is_never_sent),
        CASE(files_go_up_first_and_anew_when_they_are_lost),
        CASE(what_goes_wrong_before_the_call_was_not_sent),
        CASE(what_is_in_doubt_is_never_made_again),
        CASE(what_never_went_out_was_not_sent),
        CASE(each_refusal_has_its_end),
        CASE(groups_are_named_and_members_asked_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
