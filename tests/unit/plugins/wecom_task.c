/* What became of a task: questions at growing distances, results page by page, and withdrawing. */
#include "wecom_world.h"

#define MEMBERS "externalcontact/get_groupmsg_task"
#define RESULTS "externalcontact/get_groupmsg_send_result"
#define CANCEL "externalcontact/cancel_groupmsg_send"
#define NOT_SENT "{\"errcode\":0,\"task_list\":[{\"userid\":\"lin\",\"status\":0}]}"
#define SENT                                                                                       \
    "{\"errcode\":0,\"task_list\":[{\"userid\":\"he\",\"status\":0},"                              \
    "{\"userid\":\"lin\",\"status\":2,\"send_time\":1795341500}]}"
#define ROW(id, status) "{\"external_userid\":\"" id "\",\"userid\":\"lin\",\"status\":" status "}"
#define LIST(rows, cursor) "{\"errcode\":0,\"send_list\":[" rows "],\"next_cursor\":\"" cursor "\"}"

static const int64_t minute = 60000, hour = 60 * minute, day = 24 * hour;
static const char *const people[] = {"wma", "wmb", "wmc"};
static struct channel_send sends[8];

/* A task of this number, made by an earlier run. */
static void open_task(size_t number)
{
    char ref[16];

    snprintf(ref, sizeof(ref), "m%zu", number);
    sends[number] = (struct channel_send){
        .id = number, .sender = "lin", .recipients = people, .recipient_count = 3};
    wecom_channel.resume(w.instance, &(struct channel_task){&sends[number], ref, w.now});
}

static int setup(void **state)
{
    (void)state;
    open_channel("customers");
    open_task(1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close_channel();
    return 0;
}

/* The next question, however long it takes. */
static void wait_for(const char *api)
{
    int64_t until = w.now + 2 * day;

    while (!w.asked_count && w.now < until)
        pass(1000);
    if (w.asked_count && strstr(w.asked[0].path, "gettoken"))
        answer_token("T");
    assert_asked(api, NULL);
}

static void asked_at_growing_distances_for_fifteen_days(void **state)
{
    int64_t began = w.now, last = w.now, distance = 0;
    unsigned questions = 0;

    (void)state;
    while (!w.ends) {
        wait_for(MEMBERS);
        int64_t took = w.now - last;
        assert_true(took >= minute && took <= hour + 2000);
        assert_true(took + 2000 >= distance); /* never sooner than before */
        assert_true(!questions || took <= (w.now - began) / 5 + 2000 || took <= minute + 2000);
        distance = took;
        last = w.now;
        questions++;
        answer(NOT_SENT);
    }
    assert_int_equal(w.end, CHANNEL_TASK_LOST);
    assert_true(w.now - began > 15 * day && w.now - began < 15 * day + 2 * hour);
    assert_true(questions > 15 * 24 && questions < 15 * 24 + 40);
    assert_int_equal(w.result_count, 0);
}

static void results_come_page_by_page(void **state)
{
    (void)state;
    wait_for(MEMBERS);
    assert_asked(MEMBERS, "{\"msgid\":\"m1\",\"limit\":1000}");
    answer(SENT);
    assert_asked(RESULTS, "{\"msgid\":\"m1\",\"userid\":\"lin\",\"limit\":1000}");
    answer(LIST("{\"external_userid\":\"wma\",\"userid\":\"lin\",\"status\":1,"
                "\"send_time\":1795341500}," ROW("wmb", "2"),
                "CUR2"));
    assert_asked(RESULTS, "\"cursor\":\"CUR2\"");
    answer("{\"errcode\":50100}"); /* it is not good any more: all anew at its time */
    wait_for(MEMBERS);
    answer(SENT);
    answer(LIST(ROW("stranger", "3") "," ROW("wmc", "0"), ""));
    assert_int_equal(w.result_count, 3);
    assert_string_equal(w.results[0].recipient, "wma");
    assert_int_equal(w.results[0].kind, CHANNEL_RESULT_SENT);
    assert_int_equal(w.results[0].at_ms, 1795341500000);
    assert_int_equal(w.results[1].kind, CHANNEL_RESULT_NOT_A_FRIEND);
    assert_string_equal(w.results[2].recipient, "stranger"); /* the host knows who is its */
    assert_int_equal(w.results[2].kind, CHANNEL_RESULT_CAPPED);
    assert_int_equal(w.ends, 0);
}

static void what_nobody_understands_is_asked_again(void **state)
{
    (void)state;
    wait_for(MEMBERS);
    answer("{\"errcode\":0,\"task_list\":[{\"userid\":\"lin\",\"status\":1}]}"); /* of no table */
    unsigned before = w.warnings;
    answer(LIST(ROW("wma", "9") "," ROW("wmb", "\"1\""), ""));
    assert_int_equal(w.warnings, before + 1);
    assert_true(w.result_count <= 1); /* a number may come as a text */
    for (size_t i = 0; i < w.result_count; i++)
        assert_string_equal(w.results[i].recipient, "wmb");
    wait_for(MEMBERS);
    assert_int_equal(w.ends, 0);
}

static void a_task_that_is_being_made_is_asked_about_later(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        wait_for(MEMBERS);
        answer("{\"errcode\":41063}");
    }
    assert_int_equal(w.ends, 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(w.ends, 0);
        wait_for(MEMBERS);
        answer("{\"errcode\":41047}"); /* the platform does not know it */
    }
    assert_int_equal(w.ends, 1);
    assert_int_equal(w.end, CHANNEL_TASK_LOST);
}

static void who_is_in_no_result_long_after_is_not_known(void **state)
{
    int64_t began = w.now;

    (void)state;
    while (!w.ends && w.now < began + day) {
        wait_for(MEMBERS);
        answer(SENT);
        answer(LIST(ROW("wma", "2") "," ROW("wmb", "2"), ""));
    }
    assert_int_equal(w.end, CHANNEL_TASK_LOST);
    assert_true(w.now - began > hour);
}

static void two_questions_at_once_and_fewer_when_that_is_too_many(void **state)
{
    (void)state;
    for (size_t number = 2; number < 8; number++)
        open_task(number);
    pass(minute);
    answer_token("T");
    assert_int_equal(w.asked_count, 2);
    answer("{\"errcode\":45033}");
    assert_int_equal(w.asked_count, 1);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(w.asked_count, 1);
        answer(NOT_SENT);
    }
    pass(10000); /* the one that was one too many */
    answer(NOT_SENT);
    assert_int_equal(w.asked_count, 0);
}

static void no_question_inside_a_block(void **state)
{
    (void)state;
    wait_for(MEMBERS);
    answer("{\"errcode\":45009}");
    int64_t at = w.now;
    wait_for(MEMBERS);
    assert_true(w.now >= at + minute);
    answer("{\"errcode\":45009}"); /* again: an hour */
    at = w.now;
    wait_for(MEMBERS);
    assert_true(w.now >= at + hour);
    assert_int_equal(w.ends, 0);
}

static void withdrawn_then_asked_once_more(void **state)
{
    (void)state;
    wecom_channel.withdraw(w.instance, 1);
    wecom_channel.withdraw(w.instance, 1); /* said twice is once */
    pass(0);
    answer_token("T");
    assert_asked(CANCEL, "{\"msgid\":\"m1\"}");
    answer("{\"errcode\":0}");
    assert_int_equal(w.asked_count, 1);
    assert_asked(MEMBERS, NULL);
    assert_int_equal(w.ends, 0);
    answer(SENT); /* just before */
    answer(LIST("{\"external_userid\":\"wma\",\"userid\":\"lin\",\"status\":1,"
                "\"send_time\":1795341500}," ROW("wmb", "0"),
                ""));
    assert_int_equal(w.result_count, 1);
    assert_int_equal(w.ends, 0); /* the platform is still sending */
    wait_for(MEMBERS);
    answer(SENT);
    answer(LIST(ROW("wmb", "3"), ""));
    assert_int_equal(w.result_count, 2);
    assert_int_equal(w.ends, 1);
    assert_int_equal(w.end, CHANNEL_TASK_WITHDRAWN);
}

static void withdrawn_before_the_member_sent(void **state)
{
    (void)state;
    wecom_channel.withdraw(w.instance, 1);
    pass(0);
    answer_token("T");
    answer("{\"errcode\":0}");
    answer(NOT_SENT);
    assert_asked(RESULTS, NULL); /* all the same: what it says counts */
    answer(LIST(ROW("wma", "0") "," ROW("wmb", "2"), ""));
    assert_int_equal(w.result_count, 1);
    assert_int_equal(w.ends, 1);
    assert_int_equal(w.end, CHANNEL_TASK_WITHDRAWN);
}

static void a_platform_that_never_ends_sending_leaves_it_unknown(void **state)
{
    (void)state;
    wecom_channel.withdraw(w.instance, 1);
    pass(0);
    answer_token("T");
    answer("{\"errcode\":41093}"); /* somebody has withdrawn it: as good */
    for (int i = 0; i < 20 && !w.ends; i++) {
        wait_for(MEMBERS);
        answer(SENT);
        answer(LIST(ROW("wmb", "0"), ""));
    }
    assert_int_equal(w.end, CHANNEL_TASK_LOST);
}

static void a_withdrawal_does_not_wait_for_the_end_of_a_question(void **state)
{
    static const char *const answers[] = {NOT_SENT, SENT, "{\"errcode\":45009}"};

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        close_channel();
        open_channel("customers");
        open_task(1);
        wait_for(MEMBERS);
        wecom_channel.withdraw(w.instance, 1);
        pass(0);
        assert_int_equal(w.asked_count, 1);
        answer(answers[i]);
        assert_asked(CANCEL, NULL);
    }
}

static void a_withdrawal_that_fails_is_tried_again_soon(void **state)
{
    int64_t last, distance = 0;

    (void)state;
    wecom_channel.withdraw(w.instance, 1);
    pass(0);
    answer_token("T");
    for (int i = 0; i < 8; i++) {
        last = w.now;
        answer("{\"errcode\":60011}");
        wait_for(CANCEL);
        assert_true(w.now - last >= distance);
        distance = w.now - last;
        assert_true(i || distance <= 10000);
        assert_true(distance <= 5 * minute);
    }
    assert_int_equal(w.ends, 0);
}

static void a_host_may_forget_a_task_while_it_hears_of_it(void **state)
{
    (void)state;
    w.forgets = true;
    wait_for(MEMBERS);
    answer(SENT);
    answer(LIST(ROW("wma", "2"), "CUR2"));
    assert_int_equal(w.asked_count, 0);
    pass(2 * hour);
    assert_int_equal(w.asked_count, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(asked_at_growing_distances_for_fifteen_days),
        CASE(results_come_page_by_page),
        CASE(what_nobody_understands_is_asked_again),
        CASE(a_task_that_is_being_made_is_asked_about_later),
        CASE(who_is_in_no_result_long_after_is_not_known),
        CASE(two_questions_at_once_and_fewer_when_that_is_too_many),
        CASE(no_question_inside_a_block),
        CASE(withdrawn_then_asked_once_more),
        CASE(withdrawn_before_the_member_sent),
        CASE(a_platform_that_never_ends_sending_leaves_it_unknown),
        CASE(a_withdrawal_does_not_wait_for_the_end_of_a_question),
        CASE(a_withdrawal_that_fails_is_tried_again_soon),
        CASE(a_host_may_forget_a_task_while_it_hears_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
