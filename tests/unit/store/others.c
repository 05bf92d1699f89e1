/* What members sent by themselves: each once, whoever the recipient is, as long as a cap may ask.
 */
#include "fixture.h"

static int add(void *ctx, int64_t recipient, instant_t sent_at)
{
    strbuf_printf(ctx, "%lld:%lld ", (long long)recipient, (long long)sent_at);
    return 0;
}

static void there_are(struct fixture *f, instant_t since, int64_t recipient, const char *expected)
{
    struct strbuf out = STRBUF_INIT;

    OK(store_other_sends(f->s, since, recipient, add, &out, &f->e));
    assert_string_equal(out.text ? out.text : "", expected);
    strbuf_dispose(&out);
}

static void each_is_kept_once(void **state)
{
    struct fixture *f = *state;
    struct store_other_send rows[] = {{"wm1", "msg1", 200, 0}, {"wm2", "msg1", 100, 0}};
    struct store_other_send again[] = {
        {"wm1", "msg1", 200, 9}, {"wm1", "msg2", 300, 0}, {"wm3", "msg2", 49, 9}};

    there_are(f, INSTANT_MIN, 0, "");
    OK(store_other_sends_add(f->s, rows, 2, 50, &f->e));
    assert_int_equal(rows[0].id, 1); /* nobody knew them */
    assert_int_equal(rows[1].id, 2);
    OK(store_other_sends_add(f->s, again, 2, 50, &f->e));
    assert_int_equal(again[0].id, 0); /* no news */
    assert_int_equal(again[1].id, 1);
    there_are(f, INSTANT_MIN, 0, "2:100 1:200 1:300 ");
    there_are(f, 200, 0, "1:200 1:300 ");
    there_are(f, 0, 2, "2:100 ");
    OK(store_other_sends_add(f->s, again + 2, 1, 101, &f->e)); /* too old, and so is one there */
    assert_int_equal(again[2].id, 0);
    there_are(f, INSTANT_MIN, 0, "1:200 1:300 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_is_kept_once, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
