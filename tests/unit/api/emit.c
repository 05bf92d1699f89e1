/* What is written is JSON, whatever the text. */
#include "check.h"

#include "api/emit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void texts_come_back(void **state)
{
    static const char *const rows[][2] = {
        {"plain", "plain"},
        {"", ""},
        {"a\"b\\c\n\t\r/", "a\"b\\c\n\t\r/"},
        {"\x01\x1f\x7f", "\x01\x1f\x7f"},
        {"春季 \xf0\x9f\x98\x80", "春季 \xf0\x9f\x98\x80"},
        {"a\xff"
         "b",
         "a\xef\xbf\xbd"
         "b"},
        {"\xe6\x98", "\xef\xbf\xbd\xef\xbf\xbd"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct strbuf b = STRBUF_INIT;
        emit_open(&b, '[');
        emit_text(&b, rows[i][0]);
        strbuf_putc(&b, ']');
        json_t *json = json_loads(b.text, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(json);
        assert_string_equal(json_string_value(json_array_get(json, 0)), rows[i][1]);
        assert_null(strchr(b.text, '\n')); /* a line is a line */
        json_decref(json);
        strbuf_dispose(&b);
    }
}

/* SEED=n repeats a run. */
static void random_bytes_are_json(void **state)
{
    const char *given = getenv("SEED");
    unsigned seed = given ? (unsigned)atoi(given) : 20261122;

    (void)state;
    srand(seed);
    for (int round = 0; round < 2000; round++) {
        char bytes[40] = "";
        int length = rand() % 39;
        for (int i = 0; i < length; i++)
            bytes[i] = (char)(1 + rand() % 255);
        struct strbuf b = STRBUF_INIT;
        emit_open(&b, '{');
        emit_put_text(&b, "k", bytes);
        strbuf_putc(&b, '}');
        json_t *json = json_loads(b.text, JSON_REJECT_DUPLICATES, NULL);
        if (!json)
            fail_msg("SEED=%u round %d: %s", seed, round, b.text);
        json_decref(json);
        strbuf_dispose(&b);
    }
}

static void objects_nest(void **state)
{
    struct strbuf b = STRBUF_INIT;
    struct tz utc;

    (void)state;
    tz_utc(&utc);
    emit_open(&b, '{');
    emit_put_number(&b, "n", -5);
    emit_key(&b, "a");
    emit_open(&b, '[');
    emit_open(&b, '{');
    emit_put_bool(&b, "t", true);
    strbuf_putc(&b, '}');
    emit_number(&b, 2);
    strbuf_putc(&b, ']');
    emit_put_text(&b, "s", NULL);
    emit_put_instant(&b, "at", 1234, &utc);
    emit_put_instant(&b, "never", INSTANT_NEVER, &utc);
    emit_put_digest(&b, "d", NULL);
    strbuf_puts(&b, "}\n");
    emit_open(&b, '{');
    strbuf_putc(&b, '}');
    assert_string_equal(b.text, "{\"n\":-5,\"a\":[{\"t\":true},2],\"s\":null,"
                                "\"at\":\"1970-01-01T00:00:01.234+00:00\",\"never\":null,"
                                "\"d\":null}\n{}");
    strbuf_dispose(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_come_back),
        cmocka_unit_test(random_bytes_are_json),
        cmocka_unit_test(objects_nest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
