/* A create whose answer was lost: which tasks of the platform could be it, whom they are for, and
 * what is concluded when. */
#include "wecom_world.h"

#define FIND "externalcontact/get_groupmsg_list_v2"
#define MEMBERS "externalcontact/get_groupmsg_task"
#define RESULTS "externalcontact/get_groupmsg_send_result"
#define TASK(id) "{\"msgid\":\"" id "\",\"create_type\":0,\"text\":{\"content\":\"hello\"}}"
#define FOUND(tasks) "{\"errcode\":0,\"group_msg_list\":[" tasks "],\"next_cursor\":\"\"}"
#define LIN "{\"errcode\":0,\"task_list\":[{\"userid\":\"lin\",\"status\":0}]}"
#define ROW(id) "{\"external_userid\":\"" id "\",\"userid\":\"lin\",\"status\":0}"
#define FOR(rows) "{\"errcode\":0,\"send_list\":[" rows "],\"next_cursor\":\"\"}"
#define ALL FOR(ROW("wma") "," ROW("wmc") "," ROW("wmb"))
#define SOME FOR(ROW("wma") "," ROW("wmc"))

static const int64_t minute = 60000;
static const char *const people[] = {"wmb", "wmc", "wma"}; /* in no order */
static const char *const known[] = {"k1"};
static struct channel_send send;
static struct channel_doubt doubt;

static void look_for(const char *mode)
{
    open_channel(mode);
    send = (struct channel_send){.id = 9,
                                 .sender = "lin",
                                 .recipients = people,
                                 .recipient_count = 3,
                                 .text = "hello",
                                 .format = "text"};
    doubt = (struct channel_doubt){&send, w.now, known, 1};
    wecom_channel.reconcile(w.instance, &doubt);
    assert_int_equal(w.asked_count, 0); /* it may be being made */
    pass(minute);
    answer_token("T");
}

static int setup(void **state)
{
    (void)state;
    look_for("customers");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close_channel();
    return 0;
}

static void wait_for(const char *api)
{
    int64_t until = w.now + 40 * minute;

    while (!w.asked_count && w.now < until)
        pass(1000);
    if (w.asked_count && strstr(w.asked[0].path, "gettoken"))
        answer_token("T");
    assert_asked(api, NULL);
}

static void assert_settled(size_t i, enum channel_outcome_kind kind, const char *ref)
{
    assert_true(i < w.settled_count);
    assert_int_equal(w.settled[i].kind, kind);
    assert_string_equal(w.settled[i].ref, ref);
}

static void the_one_that_is_ours_is_adopted(void **state)
{
    (void)state;
    assert_asked(FIND, "\"filter_type\":0");
    answer(FOUND("{\"msgid\":\"x1\",\"create_type\":0,\"text\":{\"content\":\"other\"}}," TASK(
        "k1") ",{\"msgid\":\"x2\",\"create_type\":1,\"creator\":\"lin\","
              "\"text\":{\"content\":\"hello\"}}," TASK("m1")));
    assert_asked(MEMBERS, "\"msgid\":\"m1\""); /* of no other */
    answer(LIN);
    assert_asked(RESULTS, "\"userid\":\"lin\"");
    answer(ALL);
    assert_int_equal(w.settlements, 1);
    assert_int_equal(w.settled_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_settled(i, CHANNEL_ASKED, "m1");
}

static void of_two_the_second_is_withdrawn(void **state)
{
    (void)state;
    answer(FOUND(TASK("m1") "," TASK("m2")));
    for (int i = 0; i < 2; i++) {
        answer(LIN);
        answer(ALL);
    }
    assert_settled(0, CHANNEL_ASKED, "m1");
    assert_asked("externalcontact/cancel_groupmsg_send", "{\"msgid\":\"m2\"}");
    answer("{\"errcode\":0}");
    assert_int_equal(w.settlements, 1);
}

static void of_two_the_one_for_all_of_ours_stays(void **state)
{
    (void)state;
    answer(FOUND(TASK("m1") "," TASK("m2") "," TASK("m3")));
    answer(LIN);
    answer(SOME);
    answer(LIN);
    answer(ALL);
    answer(LIN);
    answer(FOR(ROW("wmc")));
    for (size_t i = 0; i < 3; i++)
        assert_settled(i, CHANNEL_ASKED, "m2");
    assert_asked("externalcontact/cancel_groupmsg_send", "{\"msgid\":\"m1\"}");
    answer("{\"errcode\":0}");
    assert_asked("externalcontact/cancel_groupmsg_send", "{\"msgid\":\"m3\"}");
    answer("{\"errcode\":0}");
}

/* While one of them cannot be read nobody knows whether there are two. */
static void none_is_taken_while_another_is_being_made(void **state)
{
    (void)state;
    answer(FOUND(TASK("m1") "," TASK("m2")));
    answer("{\"errcode\":41063}");
    answer(LIN);
    answer(ALL);
    assert_int_equal(w.settlements, 0);
    wait_for(FIND);
    answer(FOUND(TASK("m1") "," TASK("m2")));
    for (int i = 0; i < 2; i++) {
        answer(LIN);
        answer(ALL);
    }
    assert_settled(0, CHANNEL_ASKED, "m1");
    assert_asked("externalcontact/cancel_groupmsg_send", "{\"msgid\":\"m2\"}");
    answer("{\"errcode\":0}");
}

static void one_for_others_is_not_ours(void **state)
{
    (void)state;
    answer(FOUND(TASK("m1") "," TASK("m2")));
    answer("{\"errcode\":0,\"task_list\":[{\"userid\":\"he\",\"status\":0}]}");
    answer(LIN);
    answer(FOR(ROW("wma") "," ROW("stranger")));
    assert_int_equal(w.settlements, 0);
    assert_int_equal(w.asked_count, 0);
}

static void who_is_missing_twice_is_not_in_the_task(void **state)
{
    (void)state;
    answer(FOUND(TASK("m1")));
    answer(LIN);
    answer(FOR(ROW("wmc"))); /* the platform may not be done with it */
    assert_int_equal(w.settlements, 0);
    wait_for(FIND);
    answer(FOUND(TASK("m1")));
    answer(LIN);
    answer(SOME); /* more than before: it was not */
    assert_int_equal(w.settlements, 0);
    wait_for(FIND);
    answer(FOUND(TASK("m1")));
    answer(LIN);
    answer(SOME);
    assert_int_equal(w.settled_count, 3);
    assert_settled(0, CHANNEL_NEVER, "");
    assert_int_equal(w.settled[0].reason, CHANNEL_REASON_BAD_RECIPIENT);
    assert_settled(1, CHANNEL_ASKED, "m1");
    assert_settled(2, CHANNEL_ASKED, "m1");
}

/* Also when the time for looking is over meanwhile: then at the next look. */
static void a_second_look_is_taken_whatever_the_time(void **state)
{
    (void)state;
    w.now += 60 * minute;
    answer(FOUND(TASK("m1")));
    answer(LIN);
    answer(SOME);
    assert_int_equal(w.settlements, 0);
    wait_for(FIND);
    answer(FOUND(TASK("m1")));
    answer(LIN);
    answer(SOME);
    assert_settled(1, CHANNEL_ASKED, "m1");
}

static void of_a_group_nothing_follows(void **state)
{
    (void)state;
    close_channel();
    look_for("groups");
    assert_asked(FIND, "\"chat_type\":\"group\"");
    answer(FOUND(TASK("m1")));
    answer(LIN);
    assert_int_equal(w.settled_count, 3); /* only those that were sent to are named */
    for (size_t i = 0; i < 3; i++)
        assert_settled(i, CHANNEL_ASKED, "m1");
}

static void what_is_in_no_list_is_left_to_a_person(void **state)
{
    int64_t began = w.now - minute, last = w.now, distance = 0;
    unsigned looks = 0;

    (void)state;
    while (!w.settlements) {
        answer(FOUND(""));
        looks++;
        if (w.settlements)
            break;
        wait_for(FIND);
        assert_true(w.now - last + 1000 >= distance || w.now - began >= 30 * minute);
        distance = w.now - last;
        last = w.now;
    }
    assert_settled(0, CHANNEL_UNKNOWN, "");
    assert_true(looks >= 4 && looks <= 6);
    assert_true(w.now - began >= 30 * minute && w.now - began < 30 * minute + 2000);
}

static void a_look_that_was_not_answered_ends_nothing(void **state)
{
    (void)state;
    for (int hours = 0; w.now < doubt.claimed_ms + 180 * minute; hours++) {
        wait_for(FIND);
        answer_with(&(struct channel_http_answer){.result = CHANNEL_HTTP_UNKNOWN, .error = "gone"});
        assert_int_equal(w.settlements, 0);
    }
    wait_for(FIND);
    answer(FOUND(TASK("m1")));
    answer("{\"errcode\":41063}"); /* it is being made */
    assert_int_equal(w.settlements, 0);
    wait_for(FIND);
    answer(FOUND(TASK("m1")));
    answer(LIN);
    answer(ALL);
    assert_settled(0, CHANNEL_ASKED, "m1");
}

static void a_block_is_waited_for(void **state)
{
    (void)state;
    answer("{\"errcode\":45009}");
    int64_t at = w.now;
    wait_for(FIND);
    assert_true(w.now >= at + minute);
    answer("{\"errcode\":45009}");
    at = w.now;
    while (!w.asked_count)
        pass(1000);
    assert_true(w.now >= at + 60 * minute); /* an hour: the time for looking is over */
    assert_int_equal(w.settlements, 0);
    answer(FOUND(TASK("m1")));
    answer(LIN);
    answer(ALL);
    assert_settled(0, CHANNEL_ASKED, "m1");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(the_one_that_is_ours_is_adopted),
        CASE(of_two_the_second_is_withdrawn),
        CASE(of_two_the_one_for_all_of_ours_stays),
        CASE(none_is_taken_while_another_is_being_made),
        CASE(one_for_others_is_not_ours),
        CASE(who_is_missing_twice_is_not_in_the_task),
        CASE(a_second_look_is_taken_whatever_the_time),
        CASE(of_a_group_nothing_follows),
        CASE(what_is_in_no_list_is_left_to_a_person),
        CASE(a_look_that_was_not_answered_ends_nothing),
        CASE(a_block_is_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
