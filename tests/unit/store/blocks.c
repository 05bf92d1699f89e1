/* What a platform blocks is known after a restart, and what it does not block any more, too. */
#include "fixture.h"

static int add_block(void *ctx, const struct store_block *b)
{
    strbuf_printf(ctx, "%s %s %lld %u\n", b->account, b->api, (long long)b->until, b->in_row);
    return 0;
}

static void what_was_said_last_is_kept(void **state)
{
    struct fixture *f = *state;
    const struct store_block said[] = {{"brand", "list", 60000, 1},
                                       {"brand", "create", 70000, 1},
                                       {"other", "list", 80000, 1},
                                       {"brand", "list", 3600000, 2},
                                       {"brand", "create", 0, 0}};
    struct strbuf out = STRBUF_INIT;

    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
        OK(store_block_put(f->s, &said[i], &f->e));
    fixture_reopen(f);
    OK(store_blocks(f->s, add_block, &out, &f->e));
    assert_string_equal(out.text, "brand create 0 0\nbrand list 3600000 2\nother list 80000 1\n");
    strbuf_dispose(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_said_last_is_kept, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
