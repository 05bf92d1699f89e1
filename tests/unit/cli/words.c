/* Command lines: what is taken, what is refused and with which exit code, and what a person is
 * told. */
#include "check.h"

#include "cli/command.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct run {
    char *out, *err;
    size_t out_length, err_length;
    int rc;
};

static struct run run(const char *line)
{
    struct run r = {0};
    const struct cli_hooks hooks = {.version = "9.8.7"};
    char copy[512];
    char *argv[32] = {(char *)"paceline"};
    int argc = 1;

    snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    struct cli cli = {
        .hooks = &hooks,
        .in = stdin,
        .out = open_memstream(&r.out, &r.out_length),
        .err = open_memstream(&r.err, &r.err_length),
    };
    r.rc = cli_run(&cli, argc, argv);
    fclose(cli.out);
    fclose(cli.err);
    return r;
}

static void run_free(struct run *r)
{
    free(r->out);
    free(r->err);
}

static void wrong_use_is_64_and_says_what_to_do(void **state)
{
    static const struct {
        const char *line, *said;
    } cases[] = {
        {"", "Usage: paceline COMMAND"},
        {"frobnicate", "unknown command 'frobnicate'"},
        {"aprove x", "did you mean 'approve'?"},
        {"config", "did you mean 'config check'?"},
        {"explain x3", "'x3' is no delivery"},
        {"contacts", "did you mean 'contacts import'?"},
        {"contacts import", "use it like this: paceline contacts import FILE"},
        {"suppress", "use it like this: paceline suppress RECIPIENT [--sender S] --reason TEXT"},
        {"suppress w1", "--reason is missing"},
        {"unsuppress w1 --reason=", "--reason is missing"},
        {"completion bash", "'completion' is not supported yet"},
        {"submit", "use it like this: paceline submit FILE"},
        {"submit a b", "'b' is one word too many"},
        {"submit a --onyl x", "unknown option '--onyl', did you mean '--only'?"},
        {"submit a --only", "--only needs a value: --only R"},
        {"submit a --wait=1", "--wait takes no value"},
        {"submit a -x", "unknown option '-x'"},
        {"list --wait", "--wait does not belong to this command"},
        {"list --keep-tasks", "--keep-tasks does not belong to this command"},
        {"remind x", "'x' is no task: it is a number"},
        {"reject x", "--reason is missing"},
        {"reject x --reason=", "--reason is missing"},
        {"unhalt", "--reason is missing"},
        {"approve x --digest sha256:12", "64 hexadecimal digits"},
        {"outcome 12 sent", "--note is missing"},
        {"outcome 12 maybe --note x", "'maybe' is no outcome: write sent or not-sent"},
        {"outcome x12 sent --note x", "'x12' is no delivery"},
        {"resend 1", "--note is missing"},
        {"deliveries x --state gone", "'gone' is no state of a delivery; there are: pending, "},
        {"help frobnicate", "unknown command 'frobnicate'"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct run r = run(cases[i].line);
        if (r.rc != EXIT_USAGE || !strstr(r.err, cases[i].said) || r.out_length != 0)
            fail_msg("'%s': exit %d\nout: %s\nerr: %s", cases[i].line, r.rc, r.out, r.err);
        run_free(&r);
    }
}

static void version_and_help_go_to_standard_output(void **state)
{
    static const struct {
        const char *line, *printed;
    } cases[] = {
        {"version", "paceline 9.8.7\n"},
        {"version --json", "{\"version\":\"9.8.7\"}\n"},
        {"--json version", "{\"version\":\"9.8.7\"}\n"},
        {"help", "Usage: paceline COMMAND"},
        {"--help", "Usage: paceline COMMAND"},
        {"submit --help", "Usage: paceline submit FILE [--only R]"},
        {"-h submit", "Usage: paceline submit FILE [--only R]"},
        {"help submit", "--again"},
        {"help audit verify", "Usage: paceline audit verify\n"},
        {"help audit", "Usage: paceline audit [CAMPAIGN]\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct run r = run(cases[i].line);
        if (r.rc != 0 || !strstr(r.out, cases[i].printed) || r.err_length != 0)
            fail_msg("'%s': exit %d\nout: %s\nerr: %s", cases[i].line, r.rc, r.out, r.err);
        run_free(&r);
    }
}

static void every_command_explains_itself(void **state)
{
    (void)state;
    for (const struct command *c = cli_commands; c->name; c++) {
        char line[128];
        snprintf(line, sizeof(line), "%s --help", c->name);
        struct run r = run(line);
        assert_int_equal(r.rc, 0);
        assert_non_null(strstr(r.out, c->summary));
        assert_non_null(strstr(r.out, "--config FILE"));
        run_free(&r);
    }
}

/* A word from outside must not paint the terminal. */
static void what_was_typed_is_shown_safely(void **state)
{
    (void)state;
    struct run r = run("frob\033[31mnicate");
    assert_int_equal(r.rc, EXIT_USAGE);
    assert_null(strchr(r.err, '\033'));
    run_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_use_is_64_and_says_what_to_do),
        cmocka_unit_test(version_and_help_go_to_standard_output),
        cmocka_unit_test(every_command_explains_itself),
        cmocka_unit_test(what_was_typed_is_shown_safely),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
