/* The robot as the host sees it: one request a send, one outcome an answer, nothing left behind. */
#include "check.h"
#include "fake_host.h"

extern const struct paceline_channel paceline_channel;

struct options {
    const char *key;
};

static const struct options good = {"demo-robot-1"};

static void *open_robot(struct fake_host *f)
{
    char problem[256] = "";
    void *robot = NULL;

    fake_host_init(f, &good);
    assert_int_equal(paceline_channel.open(&f->host, &robot, problem, sizeof(problem)), 0);
    assert_non_null(robot);
    return robot;
}

static struct channel_send send_of(const struct fake_host *f, uint64_t id, const char *text)
{
    return (struct channel_send){.id = id,
                                 .sender = "staff-room",
                                 .text = text,
                                 .format = "text",
                                 .deadline_ms = f->now_ms + 60000};
}

static void close_robot(struct fake_host *f, void *robot)
{
    paceline_channel.close(robot);
    fake_host_dispose(f);
}

static void open_refuses_what_is_no_key(void **state)
{
    static const char *const bad[] = {"https://qyapi.weixin.qq.com/x?key=12345678", "short", "",
                                      NULL};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        const struct options o = {bad[i]};
        struct fake_host f;
        char problem[256] = "";
        void *robot = NULL;

        fake_host_init(&f, &o);
        assert_int_equal(paceline_channel.open(&f.host, &robot, problem, sizeof(problem)), -1);
        assert_null(robot);
        assert_non_null(strstr(problem, "not a robot's key"));
        if (bad[i] && bad[i][0])
            assert_null(strstr(problem, bad[i])); /* it may be nearly right */
    }
}

static void one_request_and_one_outcome(void **state)
{
    struct fake_host f;
    void *robot = open_robot(&f);
    struct channel_send send = send_of(&f, 17, "上新");

    (void)state;
    paceline_channel.submit(robot, &send);
    assert_int_equal(f.requests, 1);
    assert_string_equal(f.method, "POST");
    assert_string_equal(f.path, "/cgi-bin/webhook/send?key=demo-robot-1");
    assert_string_equal(f.content_type, "application/json");
    assert_string_equal(f.body, "{\"msgtype\":\"text\",\"text\":{\"content\":\"上新\"}}");
    assert_int_equal(f.body_length, strlen(f.body));
    assert_int_equal(f.send_id, 17);
    assert_int_equal(f.timeout_ms, 30000);
    assert_int_equal(f.settled_count, 0);
    fake_answer_ok(&f, "{\"errcode\":0,\"errmsg\":\"ok\"}");
    assert_int_equal(f.settled_count, 1);
    assert_int_equal(f.settled[0].send_id, 17);
    assert_int_equal(f.settled[0].outcome.kind, CHANNEL_DONE);
    assert_int_equal(f.requests, 1);
    close_robot(&f, robot);
}

static void nothing_goes_out_late_or_unfit(void **state)
{
    struct fake_host f;
    void *robot = open_robot(&f);
    struct channel_send late = send_of(&f, 1, "x"), unfit = send_of(&f, 2, "x"),
                        hurry = send_of(&f, 3, "x");

    (void)state;
    late.deadline_ms = f.now_ms;
    paceline_channel.submit(robot, &late);
    unfit.format = "html";
    paceline_channel.submit(robot, &unfit);
    assert_int_equal(f.requests, 0);
    assert_int_equal(f.settled_count, 2);
    assert_int_equal(f.settled[0].outcome.kind, CHANNEL_NOT_SENT);
    assert_int_equal(f.settled[1].outcome.kind, CHANNEL_NEVER);
    assert_int_equal(f.settled[1].outcome.stop, CHANNEL_STOP_CAMPAIGN);
    hurry.deadline_ms = f.now_ms + 1500;
    paceline_channel.submit(robot, &hurry);
    assert_int_equal(f.timeout_ms, 1500); /* the answer is there by the deadline */
    close_robot(&f, robot);               /* with a request in flight: nothing leaks */
}

static void blocks_grow_until_something_arrives(void **state)
{
    static const struct {
        const char *answer;
        int64_t wait_ms; /* 0: done */
    } turns[] = {
        {"{\"errcode\":45009}", 60000}, {"{\"errcode\":45009}", 3600000},
        {"{\"errcode\":-1}", -1},       {"{\"errcode\":45009}", 6 * 3600000 + 60000},
        {"{\"errcode\":0}", 0},         {"{\"errcode\":45009}", 60000},
    };
    struct fake_host f;
    void *robot = open_robot(&f);

    (void)state;
    for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
        struct channel_send send = send_of(&f, i + 1, "x");
        const struct channel_outcome *o;

        paceline_channel.submit(robot, &send);
        fake_answer_ok(&f, turns[i].answer);
        o = &f.settled[i].outcome;
        if (turns[i].wait_ms > 0)
            assert_int_equal(o->not_before_ms, f.now_ms + turns[i].wait_ms);
        else
            assert_int_equal(o->kind, turns[i].wait_ms == 0 ? CHANNEL_DONE : CHANNEL_UNKNOWN);
    }
    close_robot(&f, robot);
}

static void declares_what_the_platform_allows(void **state)
{
    const struct channel_caps *c = &paceline_channel.caps;

    (void)state;
    assert_int_equal(c->formats[0].text_max_bytes, 2048);
    assert_int_equal(c->formats[1].text_max_bytes, 4096);
    assert_int_equal(c->attachments[0].bytes_max, 2 * 1024 * 1024);
    assert_int_equal(c->quotas[0].max, 20);
    assert_int_equal(c->quotas[0].per_ms, 60000);
    assert_true(c->text_or_attachment);
    assert_false(c->repeat_is_harmless);
    assert_false(c->can_reconcile);
    assert_false(c->avoids_half_hours);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_refuses_what_is_no_key),
        cmocka_unit_test(one_request_and_one_outcome),
        cmocka_unit_test(nothing_goes_out_late_or_unfit),
        cmocka_unit_test(blocks_grow_until_something_arrives),
        cmocka_unit_test(declares_what_the_platform_allows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
