/* What is asked of a person, and what this program knows beyond the service's list. */
#include "support.h"

#include <stdio.h>

static const struct prompt *first(const struct deck *d)
{
    assert_true(deck_list(d)->count > 0);
    return &deck_list(d)->items[0];
}

static void a_list_is_read(void **state)
{
    struct deck *d = deck_new();

    (void)state;
    deal(d, HEAD PLAIN);
    assert_int_equal(deck_list(d)->version, 7);
    assert_int_equal(deck_list(d)->count, 1);
    assert_int_equal(first(d)->number, 17);
    assert_string_equal(first(d)->recipients[0].name, "老客一群");
    assert_null(first(d)->shown_at);
    assert_true(deck_wants(d, first(d)));
    assert_ptr_equal(deck_find(d, 17), first(d));
    assert_null(deck_find(d, 18));
    deck_free(d);
}

static void what_is_no_list_is_refused(void **state)
{
    static const char *const lines[] = {
        "",
        "{}",
        "[]",
        HEAD "{}",
        HEAD "{\"prompt\":1}",
        "<html>",
        HEAD PROMPT("null", "[]", ",\"reminders_used\":0"),
        HEAD "{\"prompt\":17,\"nonce\":\"../17\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct prompt_list list;
        struct err e;
        if (prompts_read(&list, lines[i], strlen(lines[i]), &e) != ERR_INTERNAL)
            fail_msg("taken: %s", lines[i]);
    }
}

static void shown_by_another_is_asked_about_until_not_yet(void **state)
{
    struct deck *d = deck_new();
    const char *shown = HEAD PROMPT(
        "null", RECIPIENTS, ",\"reminders_used\":0,\"shown_at\":\"2027-03-01T09:20:00.000+08:00\"");

    (void)state;
    deal(d, shown);
    assert_int_equal(deck_question(d, first(d)), QUESTION_BEFORE);
    assert_true(deck_shown(d, first(d)));
    assert_false(deck_shown(d, first(d))); /* told once */
    deal(d, shown);
    assert_int_equal(deck_question(d, first(d)), QUESTION_BEFORE); /* showing it is no answer */
    deck_not_yet(d, "17");
    assert_int_equal(deck_question(d, first(d)), QUESTION_SEND);
    deck_free(d);
}

static void shown_by_this_program_is_not_asked_about(void **state)
{
    struct deck *d = deck_new();

    (void)state;
    deal(d, HEAD PLAIN);
    assert_true(deck_shown(d, first(d)));
    deal(d, HEAD); /* paused ... */
    deal(d, HEAD PROMPT("null", RECIPIENTS,
                        ",\"reminders_used\":0,\"shown_at\":\"2027-03-01T09:31:00.000+08:00\""));
    assert_int_equal(deck_question(d, first(d)), QUESTION_SEND); /* ... and back */
    deck_free(d);
}

static void too_fast_is_asked_about(void **state)
{
    struct deck *d = deck_new();

    (void)state;
    deal(d, HEAD PROMPT("null", RECIPIENTS,
                        ",\"reminders_used\":0,\"doubt\":\"too_fast\",\"shown_at\":"
                        "\"2027-03-01T09:31:00.000+08:00\""));
    assert_int_equal(deck_question(d, first(d)), QUESTION_DOUBT);
    deck_not_yet(d, "17");
    assert_int_equal(deck_question(d, first(d)), QUESTION_SEND);
    deck_free(d);
}

static void what_is_answered_is_not_wanted_until_refused(void **state)
{
    struct deck *d = deck_new();

    (void)state;
    deal(d, HEAD PLAIN);
    deck_answer(d, "17", 17);
    assert_int_equal(deck_open_count(d, first(d)), 0);
    deal(d, HEAD PLAIN); /* a list from before the answer arrived */
    assert_false(deck_wants(d, first(d)));
    deck_take_back(d, "17");
    assert_true(deck_wants(d, first(d)));
    deck_free(d);
}

static void snoozed_is_not_wanted_until_then(void **state)
{
    struct deck *d = deck_new();

    (void)state;
    deal(d, HEAD PLAIN);
    deck_snooze(d, "17"); /* on its way to the service */
    assert_false(deck_wants(d, first(d)));
    deal(d, HEAD PROMPT("null", RECIPIENTS,
                        ",\"reminders_used\":0,\"snoozed_until\":"
                        "\"2027-03-01T09:31:07.124+08:00\""));
    assert_false(deck_wants(d, first(d)));
    deal(d, HEAD PROMPT("null", RECIPIENTS,
                        ",\"reminders_used\":0,\"snoozed_until\":"
                        "\"2027-03-01T01:31:07.123Z\"")); /* now */
    assert_true(deck_wants(d, first(d)));
    deck_free(d);
}

static void the_memory_is_bounded_but_keeps_what_is_listed(void **state)
{
    struct deck *d = deck_new();

    (void)state;
    deal(d, HEAD PLAIN);
    deck_answer(d, "17", 17);
    for (int i = 0; i < 1000; i++) {
        char nonce[16];
        snprintf(nonce, sizeof(nonce), "a%x", (unsigned)i);
        deck_not_yet(d, nonce);
    }
    deal(d, HEAD PLAIN);
    assert_false(deck_wants(d, first(d)));
    deck_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_read),
        cmocka_unit_test(what_is_no_list_is_refused),
        cmocka_unit_test(shown_by_another_is_asked_about_until_not_yet),
        cmocka_unit_test(shown_by_this_program_is_not_asked_about),
        cmocka_unit_test(too_fast_is_asked_about),
        cmocka_unit_test(what_is_answered_is_not_wanted_until_refused),
        cmocka_unit_test(snoozed_is_not_wanted_until_then),
        cmocka_unit_test(the_memory_is_bounded_but_keeps_what_is_listed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
