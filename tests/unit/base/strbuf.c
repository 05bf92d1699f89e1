#include "check.h"

#include "base/strbuf.h"

#include <stdlib.h>
#include <string.h>

static void grows_and_stays_terminated(void **state)
{
    struct strbuf b = STRBUF_INIT;

    (void)state;
    strbuf_puts(&b, "");
    assert_string_equal(b.text, "");
    for (int i = 0; i < 1000; i++) {
        strbuf_puts(&b, "ab");
        strbuf_putc(&b, 'c');
        strbuf_printf(&b, "%03d", i);
        assert_int_equal(b.length, 6 * (i + 1));
        assert_int_equal(strlen(b.text), b.length);
    }
    assert_memory_equal(b.text + 6 * 999, "abc999", 7);
    strbuf_reset(&b);
    assert_string_equal(b.text, "");
    strbuf_add(&b, "x\0y", 3);
    assert_int_equal(b.length, 3);
    assert_memory_equal(b.text, "x\0y", 4);
    strbuf_dispose(&b);
    assert_null(b.text);
}

static void take_hands_over(void **state)
{
    struct strbuf b = STRBUF_INIT;

    (void)state;
    char *empty = strbuf_take(&b);
    assert_string_equal(empty, "");
    strbuf_puts(&b, "kept");
    char *text = strbuf_take(&b);
    assert_string_equal(text, "kept");
    assert_null(b.text);
    assert_int_equal(b.length, 0);
    free(empty);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_stays_terminated),
        cmocka_unit_test(take_hands_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
