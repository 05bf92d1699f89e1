#include "check.h"

#include "base/log.h"
#include "base/text.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the calls between capture_begin and capture_end wrote to standard error. */
static FILE *captured;
static int real_stderr;

static void capture_begin(void)
{
    captured = tmpfile();
    assert_non_null(captured);
    real_stderr = dup(STDERR_FILENO);
    assert_true(dup2(fileno(captured), STDERR_FILENO) >= 0);
}

static size_t capture_end(char *out, size_t size)
{
    assert_true(dup2(real_stderr, STDERR_FILENO) >= 0);
    close(real_stderr);
    rewind(captured);
    size_t length = fread(out, 1, size - 1, captured);
    out[length] = '\0';
    fclose(captured);
    return length;
}

static bool matches(const char *pattern, const char *text)
{
    regex_t re;

    assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
    int rc = regexec(&re, text, 0, NULL, 0);
    regfree(&re);
    return rc == 0;
}

static void one_line_with_time_level_and_module(void **state)
{
    char out[8192];

    (void)state;
    capture_begin();
    log_line(LOG_INFO, "store", "open path=%s schema=%d", "a.db", 1);
    capture_end(out, sizeof(out));
    assert_true(matches("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z "
                        "info store: open path=a\\.db schema=1\n$",
                        out));
}

static void below_the_level_nothing_is_written(void **state)
{
    char out[8192];

    (void)state;
    capture_begin();
    log_line(LOG_DEBUG, "store", "quiet");
    log_set_level(LOG_ERROR);
    log_line(LOG_WARNING, "store", "quiet");
    log_line(LOG_ERROR, "store", "loud");
    log_set_level(LOG_INFO);
    capture_end(out, sizeof(out));
    assert_null(strstr(out, "quiet"));
    assert_non_null(strstr(out, " error store: loud\n"));
}

static void values_cannot_forge_a_line(void **state)
{
    char out[8192];

    (void)state;
    capture_begin();
    log_line(LOG_INFO, "api", "name=%s", "x\n2026-01-01T00:00:00.000Z info api: forged\x1B[2J");
    size_t length = capture_end(out, sizeof(out));
    assert_ptr_equal(strchr(out, '\n'), out + length - 1);
    assert_null(strchr(out, '\x1B'));
}

static void a_long_line_is_cut_at_a_character(void **state)
{
    char out[16384], *wide = calloc(1, 30001);

    (void)state;
    for (size_t i = 0; i < 30000; i += 3)
        memcpy(wide + i, "春", 3);
    for (int shift = 0; shift < 3; shift++) {
        capture_begin();
        log_line(LOG_INFO, "api", "%.*s%s", shift, "abc", wide);
        size_t length = capture_end(out, sizeof(out));
        assert_in_range(length, 4090, 4096);
        assert_int_equal(out[length - 1], '\n');
        assert_int_equal(text_utf8_valid(out, length), length);
        assert_null(strstr(out, "\xEF\xBF\xBD"));
    }
    free(wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_with_time_level_and_module),
        cmocka_unit_test(below_the_level_nothing_is_written),
        cmocka_unit_test(values_cannot_forge_a_line),
        cmocka_unit_test(a_long_line_is_cut_at_a_character),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
