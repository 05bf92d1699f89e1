/* Contract §5: names, and the whole table of steps. */
#include "check.h"

#include "core/delivery.h"

#include <ctype.h>
#include <string.h>

static const char *const states = "pcosfkexu"; /* one letter a state, in their order */

static void names_of_states(void **state)
{
    static const char *const names[] = {"pending", "claimed", "prompted", "sent",   "failed",
                                        "skipped", "expired", "canceled", "unknown"};
    enum delivery_state s;

    (void)state;
    for (int i = 0; i < DELIVERY_STATES; i++) {
        assert_string_equal(delivery_state_name((enum delivery_state)i), names[i]);
        assert_true(delivery_state_parse(names[i], &s));
        assert_int_equal(s, i);
    }
    assert_false(delivery_state_parse("Sent", &s));
    assert_false(delivery_state_parse("", &s));
}

static void names_of_reasons(void **state)
{
    (void)state;
    assert_null(reason_name(REASON_NONE));
    for (int r = 1; r < REASONS; r++) {
        const char *name = reason_name((enum reason)r);
        assert_non_null(name);
        for (const char *c = name; *c; c++)
            assert_true(islower((unsigned char)*c) || *c == '_');
        for (int other = 1; other < r; other++)
            assert_string_not_equal(name, reason_name((enum reason)other));
    }
    /* the contract's words, and that nothing was renumbered: the numbers are stored */
    assert_string_equal(reason_name((enum reason)1), "not_started");
    assert_string_equal(reason_name((enum reason)4), "window_closed");
    assert_string_equal(reason_name((enum reason)8), "frequency_cap");
    assert_string_equal(reason_name((enum reason)15), "already_handled");
    assert_string_equal(reason_name((enum reason)19), "not_sent");
    assert_string_equal(reason_name((enum reason)24), "no_answer");
    assert_string_equal(reason_name((enum reason)28), "superseded");
    assert_string_equal(reason_name((enum reason)30), "channel_unreachable");
    assert_string_equal(reason_name((enum reason)31), "no_consent");
}

static void steps(void **state)
{
    static const struct {
        char from;
        const char *itself, *person;
        bool final;
    } rows[] = {
        {'p', "ckex", "", false}, {'c', "sfuopk", "", false}, {'o', "sfkexup", "", false},
        {'s', "", "", true},      {'f', "", "p", true},       {'k', "", "", true},
        {'e', "", "", true},      {'x', "", "", true},        {'u', "sfo", "sf", false},
    };

    (void)state;
    for (int from = 0; from < DELIVERY_STATES; from++) {
        enum delivery_state a = (enum delivery_state)from;
        assert_int_equal(rows[from].from, states[from]);
        assert_int_equal(delivery_state_final(a), rows[from].final);
        for (int to = 0; to < DELIVERY_STATES; to++) {
            enum delivery_state b = (enum delivery_state)to;
            assert_int_equal(delivery_may_follow(a, b),
                             strchr(rows[from].itself, states[to]) != NULL);
            assert_int_equal(delivery_person_may(a, b),
                             strchr(rows[from].person, states[to]) != NULL);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_states),
        cmocka_unit_test(names_of_reasons),
        cmocka_unit_test(steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
