/* The terminal's picture, and which prompt is in front. */
#include "support.h"

#include "console/screen.h"

#include <stdlib.h>

static const char batch[] =
    HEAD PROMPT("\"第一行\\n第二行\"",
                "[{\"delivery\":17,\"recipient\":\"群一\",\"state\":\"prompted\"},"
                "{\"delivery\":18,\"recipient\":\"群二\",\"state\":\"sent\"},"
                "{\"delivery\":19,\"recipient\":\"群三\",\"state\":\"prompted\"}]",
                ",\"reminders_used\":1,\"shown_at\":null,\"late\":\"cancel\","
                "\"late_at\":\"2027-03-02T13:31:00.000+08:00\"");

static char *draw(struct deck *d, const bool *ticks, size_t columns)
{
    struct strbuf out = STRBUF_INIT;
    struct screen s = {.deck = d, .current = 17, .ticks = ticks, .columns = columns};

    screen_draw(&out, &s);
    return strbuf_take(&out);
}

static void the_message_stands_plain(void **state)
{
    struct deck *d = deck_new();
    const bool ticks[3] = {true};

    (void)state;
    deal(d, batch);
    char *text = draw(d, ticks, 80);
    assert_non_null(strstr(text, "\n\n第一行\n第二行\n\n"));
    assert_non_null(strstr(text, "to: 2 recipients: 群一, 群三\n"));
    assert_non_null(
        strstr(text, "asked 09:31, reminder 1 of 2, until 03-02 13:31 (then canceled)\n"));
    assert_non_null(strstr(text, "\n[x] 1 群一\n -  2 群二\n[ ] 3 群三\n"));
    assert_non_null(strstr(text, "s sent (1 ticked)"));
    free(text);
    deck_free(d);
}

static void our_lines_fit_and_the_message_is_not_cut(void **state)
{
    struct deck *d = deck_new();
    const bool ticks[1] = {false};

    (void)state;
    deal(d, HEAD PROMPT("\"一二三四五六七八九十一二三四五六七八九十\"", RECIPIENTS,
                        ",\"reminders_used\":0,\"shown_at\":null"));
    char *text = draw(d, ticks, 11);
    assert_non_null(strstr(text, "\n春季上新 (s\n")); /* 8 + 3 columns */
    assert_non_null(strstr(text, "\nto: 老客一\n"));  /* half a character is none */
    assert_non_null(strstr(text, "一二三四五六七八九十一二三四五六七八九十\n"));
    free(text);
    deck_free(d);
}

static void no_key_is_cut_off(void **state)
{
    struct deck *d = deck_new();
    const bool ticks[3] = {true};

    (void)state;
    deal(d, batch);
    char *text = draw(d, ticks, 40);
    assert_non_null(
        strstr(text, "\ns sent (1 ticked)   n not sent\nz in 10 minutes   k skip   q quit\n"));
    free(text);
    deck_free(d);
}

static void what_waits_is_in_front(void **state)
{
    struct deck *d = deck_new();

    (void)state;
    assert_int_equal(screen_choose(d, 0), 0);
    deal(d, batch);
    assert_int_equal(screen_choose(d, 0), 17);
    assert_int_equal(screen_next(d, 17), 17);
    deck_snooze(d, "17");
    assert_int_equal(screen_choose(d, 17), 0);
    deck_free(d);
}

static void a_number_ends_when_no_longer_one_exists(void **state)
{
    size_t typed = 0;

    (void)state;
    assert_true(screen_type(&typed, 3, 12)); /* there is no 30th */
    assert_int_equal(typed, 3);
    typed = 0;
    assert_false(screen_type(&typed, 1, 12));
    assert_true(screen_type(&typed, 2, 12));
    assert_int_equal(typed, 12);
    typed = 0;
    assert_false(screen_type(&typed, 0, 12));
    assert_false(screen_type(&typed, 9, 5)); /* too large: forgotten */
    assert_int_equal(typed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_message_stands_plain),
        cmocka_unit_test(our_lines_fit_and_the_message_is_not_cut),
        cmocka_unit_test(no_key_is_cut_off),
        cmocka_unit_test(what_waits_is_in_front),
        cmocka_unit_test(a_number_ends_when_no_longer_one_exists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
