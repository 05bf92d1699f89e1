/* What a notification says on each kind of server, and when it is shown again. */
#include "support.h"

#include "console/popup.h"
#include "console/shelf.h"

#include <stdlib.h>

static const struct popup_powers all = {.body = true, .markup = true, .actions = true};

struct written {
    struct deck *deck;
    struct popup_text text;
};

static struct written write_popup(const char *lines, struct popup_how how)
{
    struct written w = {.deck = deck_new()};

    deal(w.deck, lines);
    popup_write(&w.text, w.deck, &deck_list(w.deck)->items[0], &how);
    return w;
}

static void done(struct written *w)
{
    popup_dispose(&w->text);
    deck_free(w->deck);
}

static void markup_is_escaped_where_the_server_has_it_only(void **state)
{
    const char *lines =
        HEAD PROMPT("\"<b>&\\\"'\"", RECIPIENTS, ",\"reminders_used\":0,\"shown_at\":null");

    (void)state;
    struct written w = write_popup(lines, (struct popup_how){.powers = all});
    assert_non_null(strstr(w.text.body.text, "&lt;b&gt;&amp;&quot;&#39;"));
    done(&w);
    w = write_popup(lines, (struct popup_how){.powers = {.body = true, .actions = true}});
    assert_non_null(strstr(w.text.body.text, "<b>&\"'"));
    done(&w);
}

static void what_deceives_is_marked(void **state)
{
    struct written w = write_popup(HEAD PROMPT("\"a\\u202eb\\u200b\\u001b[31m\"", RECIPIENTS,
                                               ",\"reminders_used\":0,\"shown_at\":null"),
                                   (struct popup_how){.powers = all});

    (void)state;
    assert_non_null(strstr(w.text.body.text, "a\xEF\xBF\xBD"
                                             "b\xEF\xBF\xBD\xEF\xBF\xBD[31m\n(the message has"));
    done(&w);
}

static void a_long_message_is_cut_between_characters(void **state)
{
    struct strbuf lines = STRBUF_INIT;

    (void)state;
    strbuf_puts(&lines, HEAD "{\"prompt\":17,\"nonce\":\"17\",\"campaign\":\"c\",\"title\":\"t\","
                             "\"sender\":\"s\",\"reminders_used\":0,\"reminders\":0,"
                             "\"recipients\":" RECIPIENTS ",\"attachments\":[],\"text\":\"a");
    for (int i = 0; i < 1000; i++)
        strbuf_puts(&lines, "春");
    strbuf_puts(&lines, "\"}\n");
    struct written w = write_popup(lines.text, (struct popup_how){.powers = all});
    assert_true(w.text.body.length < POPUP_BODY_MAX + 200);
    assert_non_null(strstr(w.text.body.text, "春…\n(the whole message"));
    done(&w);
    strbuf_dispose(&lines);
}

static void assert_actions(const struct popup_text *text, const enum popup_action *actions,
                           size_t count)
{
    assert_int_equal(text->action_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(text->actions[i], actions[i]);
}

static void the_most_important_action_is_first(void **state)
{
    static const enum popup_action plain[] = {POPUP_SENT, POPUP_NOT_SENT, POPUP_SNOOZE, POPUP_SKIP,
                                              POPUP_COPY};
    static const enum popup_action before[] = {POPUP_SENT, POPUP_NOT_YET, POPUP_SNOOZE};
    struct written w = write_popup(HEAD PLAIN, (struct popup_how){.powers = all, .can_copy = true});

    (void)state;
    assert_actions(&w.text, plain, 5);
    done(&w);
    w = write_popup(HEAD PLAIN, (struct popup_how){.powers = all});
    assert_actions(&w.text, plain, 4); /* no clipboard */
    done(&w);
    w = write_popup(HEAD PROMPT("\"x\"", RECIPIENTS,
                                ",\"reminders_used\":0,\"shown_at\":"
                                "\"2027-03-01T09:20:00.000+08:00\""),
                    (struct popup_how){.powers = all, .can_copy = true});
    assert_actions(&w.text, before, 3);
    assert_non_null(strstr(w.text.body.text, "shown before at 09:20: already sent?"));
    done(&w);
}

static void a_server_without_buttons_points_to_the_terminal(void **state)
{
    struct written w = write_popup(HEAD PLAIN, (struct popup_how){.powers = {.body = true}});

    (void)state;
    assert_int_equal(w.text.action_count, 0);
    assert_non_null(strstr(w.text.body.text, "您好"));
    assert_non_null(strstr(w.text.body.text, "paceline prompt"));
    done(&w);
}

static void a_locked_screen_shows_nothing_of_it(void **state)
{
    struct written w = write_popup(
        HEAD PLAIN, (struct popup_how){.powers = all, .hidden = true, .can_copy = true});

    (void)state;
    assert_int_equal(w.text.action_count, 0);
    assert_null(strstr(w.text.body.text, "您好"));
    assert_null(strstr(w.text.body.text, "老客"));
    assert_null(strstr(w.text.body.text, "春季"));
    assert_null(strstr(w.text.title.text, "lin.yue"));
    done(&w);
}

static void it_is_shown_again_when_it_says_something_else(void **state)
{
    struct deck *d = deck_new();
    struct popup_how how = {.powers = all};

    (void)state;
    deal(d, HEAD PLAIN);
    struct popup_shown last = popup_now(d, &deck_list(d)->items[0], &how);
    struct popup_shown now = last;
    assert_false(popup_due(&last, &now, 0));
    now.reminders_used = 1;
    assert_true(popup_due(&last, &now, 0));
    now = last;
    now.hidden = true;
    assert_true(popup_due(&last, &now, 0));
    now = last;
    strcpy(now.nonce, "18");
    assert_true(popup_due(&last, &now, 0));
    deck_free(d);
}

static void closing_it_gives_ten_minutes_or_a_reminder(void **state)
{
    struct popup_shown last = {.nonce = "17", .closed_at = 1000}, now = {.nonce = "17", .up = true};

    (void)state;
    assert_false(popup_due(&last, &now, 1000 + POPUP_AGAIN_MS - 1));
    assert_true(popup_due(&last, &now, 1000 + POPUP_AGAIN_MS));
    now.reminders_used = 1;
    assert_true(popup_due(&last, &now, 1000));
}

static void words_for_the_bus_go_both_ways(void **state)
{
    enum popup_action back;

    (void)state;
    for (int i = 0; i < POPUP_ACTIONS; i++) {
        assert_true(popup_action(&back, popup_word((enum popup_action)i)));
        assert_int_equal(back, i);
    }
    assert_false(popup_action(&back, "default"));
}

static void a_file_name_from_outside_stays_in_its_folder(void **state)
{
    static const char *const rows[][2] = {
        {"a.jpg", "0-a.jpg"},
        {"../../.bashrc", "0-.._.._.bashrc"},
        {"..", "0-.."},
        {"a\nb", "0-a\xEF\xBF\xBD"
                 "b"},
        {"", "0-"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *name = shelf_name(0, rows[i][0]);
        assert_string_equal(name, rows[i][1]);
        free(name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(markup_is_escaped_where_the_server_has_it_only),
        cmocka_unit_test(what_deceives_is_marked),
        cmocka_unit_test(a_long_message_is_cut_between_characters),
        cmocka_unit_test(the_most_important_action_is_first),
        cmocka_unit_test(a_server_without_buttons_points_to_the_terminal),
        cmocka_unit_test(a_locked_screen_shows_nothing_of_it),
        cmocka_unit_test(it_is_shown_again_when_it_says_something_else),
        cmocka_unit_test(closing_it_gives_ten_minutes_or_a_reminder),
        cmocka_unit_test(words_for_the_bus_go_both_ways),
        cmocka_unit_test(a_file_name_from_outside_stays_in_its_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
