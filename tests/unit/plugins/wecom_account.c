/* The calls of one account: one token for all who wait, blocks that are kept, secrets that are not
 * tried again. */
#include "wecom_world.h"

#include "wecom/account.h"

static struct account *account;
static struct told {
    enum reply_kind kind;
    enum code_class class;
    int64_t not_before_ms;
} told[SAID_MAX];
static size_t told_count;

static void on_reply(void *ctx, const struct reply *r)
{
    (void)ctx;
    told[told_count++] = (struct told){r->kind, r->answer->class, r->not_before_ms};
}

static void call(const char *api, bool harmless, const void *owner)
{
    account_call(account, &(struct account_call){.api = api,
                                                 .body = strdup("{}"),
                                                 .harmless = harmless,
                                                 .send_id = 7,
                                                 .owner = owner,
                                                 .fn = on_reply});
    pass(0);
}

static void begin(void)
{
    void *opened;

    assert_int_equal(account_open(&w.host, &opened, NULL, 0), 0);
    account = opened;
}

static int setup(void **state)
{
    (void)state;
    world_init();
    told_count = 0;
    begin();
    return 0;
}

/* The service is started anew: what the account knew is gone, what the host kept is not. */
static void restart(void)
{
    account_close(account);
    world_dispose();
    begin();
}

static int teardown(void **state)
{
    (void)state;
    account_close(account);
    world_dispose();
    return 0;
}

static void one_token_for_all_who_wait(void **state)
{
    (void)state;
    call("a", false, NULL);
    call("b", false, NULL);
    assert_int_equal(w.requests, 1);
    answer_token("TOK1");
    assert_int_equal(w.requests, 3);
    assert_int_equal(w.tokens, 1);
    assert_string_equal(w.asked[0].path, "/cgi-bin/a?access_token=TOK1");
    assert_int_equal(w.asked[0].send_id, 7);
    answer("{\"errcode\":0}");
    answer("{}"); /* no code is no error */
    assert_int_equal(told[0].kind, REPLY_OK);
    assert_int_equal(told[1].kind, REPLY_OK);
    pass(7200 * 1000); /* it has run out */
    call("a", false, NULL);
    assert_int_equal(w.tokens, 2);
}

static void a_lost_token_is_renewed_once(void **state)
{
    (void)state;
    call("a", false, NULL);
    answer_token("TOK1");
    answer("{\"errcode\":0}");
    call("a", false, NULL);
    call("b", false, NULL);
    answer("{\"errcode\":42001}");
    answer("{\"errcode\":40014}"); /* the other one finds out too */
    assert_int_equal(w.tokens, 2);
    answer_token("TOK2");
    assert_non_null(strstr(w.asked[0].path, "TOK2"));
    answer("{\"errcode\":42001}"); /* again: it is not asked for a third time by this call */
    answer("{\"errcode\":0}");
    assert_int_equal(told[1].kind, REPLY_BLOCKED);
    assert_int_equal(told[1].class, CODE_TOKEN);
    assert_int_equal(told[2].kind, REPLY_OK);
}

static void a_wrong_secret_is_tried_once(void **state)
{
    (void)state;
    call("a", true, NULL);
    call("b", false, NULL);
    answer("{\"errcode\":40001,\"errmsg\":\"invalid credential S3CRET!\"}");
    assert_int_equal(told_count, 2);
    assert_int_equal(told[0].kind, REPLY_STOPPED);
    assert_int_equal(told[1].kind, REPLY_STOPPED);
    for (int i = 0; i < 5; i++) {
        pass(3600 * 1000);
        call("a", true, NULL);
    }
    assert_int_equal(w.requests, 1); /* the platform would block this address */
    account_try_again(account);      /* a person has looked */
    call("a", true, NULL);
    assert_int_equal(w.requests, 2);
}

static void no_call_inside_a_block(void **state)
{
    const int64_t minute = 60000, hour = 60 * minute;

    (void)state;
    call("a", false, NULL);
    answer_token("TOK1");
    answer("{\"errcode\":45009}");
    assert_int_equal(told[0].kind, REPLY_BLOCKED);
    assert_int_equal(told[0].not_before_ms, w.now + minute);
    pass(minute - 1);
    call("a", false, NULL);
    assert_int_equal(told[1].kind, REPLY_BLOCKED);
    assert_int_equal(w.requests, 2);
    call("b", false, NULL); /* another call is not blocked */
    answer("{\"errcode\":0}");
    pass(1);
    call("a", false, NULL);
    answer("{\"errcode\":45009}");
    assert_int_equal(told[3].not_before_ms, w.now + hour);
    pass(hour);
    call("a", false, NULL);
    answer("{\"errcode\":45009}"); /* the rest of the day in Beijing */
    assert_int_equal(told[4].not_before_ms, 1795341600000 + 6 * hour + minute);
    pass(6 * hour);
    call("a", false, NULL);
    answer_token("TOK2"); /* the old one has run out meanwhile */
    answer("{\"errcode\":0}");
    call("a", false, NULL);
    answer("{\"errcode\":45009}"); /* and from the start after one that went */
    assert_int_equal(told[6].not_before_ms, w.now + minute);
}

static void no_call_inside_a_block_after_a_restart(void **state)
{
    const int64_t minute = 60000, hour = 60 * minute;

    (void)state;
    call("a", false, NULL);
    answer_token("TOK1");
    answer("{\"errcode\":45009}");
    pass(minute / 2);
    restart();
    call("a", false, NULL);
    assert_int_equal(told[1].kind, REPLY_BLOCKED);
    assert_int_equal(told[1].not_before_ms, w.now + minute / 2);
    assert_int_equal(w.requests, 2);
    pass(minute / 2);
    call("a", false, NULL);
    answer_token("TOK2");
    answer("{\"errcode\":45009}"); /* the second in a row, whoever was asked first */
    assert_int_equal(told[2].not_before_ms, w.now + hour);
    pass(hour);
    call("a", false, NULL);
    answer("{\"errcode\":0}");
    restart();
    call("a", false, NULL); /* one went through: nothing is blocked, nothing in a row */
    answer_token("TOK3");
    answer("{\"errcode\":45009}");
    assert_int_equal(told[4].not_before_ms, w.now + minute);
    call("b", false, NULL);
    answer("{\"errcode\":0}");
    call("b", false, NULL);
    answer("{\"errcode\":0}");
    assert_int_equal(w.kept_count, 4); /* what was never blocked is nothing to keep */
}

static void a_blocked_address_asks_for_no_token_after_a_restart(void **state)
{
    const int64_t hour = 3600 * 1000;

    (void)state;
    call("a", false, NULL);
    answer("{\"errcode\":45009}");
    assert_int_equal(told[0].not_before_ms, w.now + hour);
    restart();
    call("a", false, NULL);
    assert_int_equal(told[1].kind, REPLY_BLOCKED);
    assert_int_equal(w.requests, 1);
    pass(hour);
    call("a", false, NULL);
    answer_token("TOK1");
    answer("{\"errcode\":0}");
    assert_int_equal(told[2].kind, REPLY_OK);
}

static void what_was_on_its_way_makes_a_block_no_longer(void **state)
{
    (void)state;
    call("a", false, NULL);
    call("a", false, NULL);
    answer_token("TOK1");
    answer("{\"errcode\":45009}");
    pass(100);
    answer("{\"errcode\":45009}"); /* it had gone out before that was known */
    assert_int_equal(told[1].kind, REPLY_BLOCKED);
    assert_int_equal(told[1].not_before_ms, told[0].not_before_ms);
    assert_int_equal(w.kept_count, 1);
}

static void only_what_is_harmless_is_repeated(void **state)
{
    (void)state;
    call("a", false, NULL);
    answer_token("TOK1");
    answer("{\"errcode\":-1}");
    assert_int_equal(told[0].kind, REPLY_IN_DOUBT);
    call("a", false, NULL);
    answer("{\"errcode\":123456}"); /* nobody knows this one */
    assert_int_equal(told[1].kind, REPLY_IN_DOUBT);
    pass(60000);
    assert_int_equal(w.asked_count, 0);
    call("b", true, NULL);
    for (int i = 0; i < 3; i++) {
        answer("{\"errcode\":-1}");
        pass(10000);
    }
    assert_int_equal(told[2].kind, REPLY_IN_DOUBT);
    assert_int_equal(w.requests, 1 + 2 + 3);
}

static void two_at_once_and_fewer_when_that_is_too_many(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        call("a", false, NULL);
    answer_token("TOK1");
    assert_int_equal(w.asked_count, 2);
    answer("{\"errcode\":45033}"); /* refused before it did anything: again, a little later */
    assert_int_equal(w.asked_count, 1);
    answer("{\"errcode\":0}");
    assert_int_equal(w.asked_count, 1);
    pass(10000);
    answer("{\"errcode\":0}");
    answer("{\"errcode\":0}");
    answer("{\"errcode\":0}");
    assert_int_equal(told_count, 4);
}

static void who_was_forgotten_hears_nothing(void **state)
{
    int mine = 0, theirs = 0;

    (void)state;
    call("a", true, &mine);
    call("b", true, &theirs);
    account_forget(account, &mine);
    answer_token("TOK1");
    assert_string_equal(w.asked[0].path, "/cgi-bin/b?access_token=TOK1");
    account_forget(account, &theirs); /* on its way */
    answer("{\"errcode\":0}");
    assert_int_equal(told_count, 0);
}

static void a_busy_platform_gives_its_token_later(void **state)
{
    (void)state;
    call("a", true, NULL);
    answer("{\"errcode\":-1}");
    assert_int_equal(told[0].kind, REPLY_BLOCKED);
    call("a", true, NULL);
    assert_int_equal(w.tokens, 1);
    pass(2000);
    call("a", true, NULL);
    assert_int_equal(w.tokens, 2);
}

static void a_new_token_that_is_refused_is_not_asked_for_in_a_loop(void **state)
{
    (void)state;
    for (int calls = 0; calls < 10; calls++) {
        call("a", true, NULL);
        for (int i = 0; i < 10 && w.asked_count; i++) {
            if (strstr(w.asked[0].path, "gettoken"))
                answer_token("TOK");
            else
                answer("{\"errcode\":42001}");
        }
    }
    assert_true(w.tokens <= 2);
    pass(30000);
    assert_true(w.asked_count <= 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(one_token_for_all_who_wait),
        CASE(a_lost_token_is_renewed_once),
        CASE(a_wrong_secret_is_tried_once),
        CASE(no_call_inside_a_block),
        CASE(no_call_inside_a_block_after_a_restart),
        CASE(a_blocked_address_asks_for_no_token_after_a_restart),
        CASE(what_was_on_its_way_makes_a_block_no_longer),
        CASE(only_what_is_harmless_is_repeated),
        CASE(two_at_once_and_fewer_when_that_is_too_many),
        CASE(who_was_forgotten_hears_nothing),
        CASE(a_busy_platform_gives_its_token_later),
        CASE(a_new_token_that_is_refused_is_not_asked_for_in_a_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
