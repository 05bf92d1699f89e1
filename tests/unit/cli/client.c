/* The commands against a service that says what the test wants: exit codes, what is asked, what is
 * printed, and what happens when nobody answers. */
#include "check.h"

#include "cli/command.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { REQUEST_MAX = 64 * 1024 };

struct stub { /* one connection, one canned answer */
    int listener;
    pthread_t thread;
    const char *answer; /* NULL: read, then close; "": never answer until the client leaves */
    char request[REQUEST_MAX];
    size_t length;
};

struct fixture {
    char dir[64], config[128], socket[128], halt[128];
    struct stub stub;
    char *out, *err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    snprintf(f->dir, sizeof(f->dir), "/tmp/paceline-cli-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->config, sizeof(f->config), "%s/paceline.yaml", f->dir);
    snprintf(f->socket, sizeof(f->socket), "%s/paceline.sock", f->dir);
    snprintf(f->halt, sizeof(f->halt), "%s/paceline.halt", f->dir);
    FILE *to = fopen(f->config, "w");
    assert_non_null(to);
    fputs("store: sqlite:paceline.db\nsocket: paceline.sock\ntimezone: UTC\n"
          "channels:\n  dry: {plugin: \"null\"}\napproval: {allow_self: true}\n",
          to);
    fclose(to);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    unlink(f->halt);
    unlink(f->socket);
    unlink(f->config);
    rmdir(f->dir);
    free(f->out);
    free(f->err);
    free(f);
    return 0;
}

static bool request_whole(const struct stub *s)
{
    const char *end = strstr(s->request, "\r\n\r\n");
    const char *size = strstr(s->request, "Content-Length: ");

    if (!end)
        return false;
    return !size || s->length >= (size_t)(end + 4 - s->request) + strtoul(size + 16, NULL, 10);
}

static void *serve_one(void *arg)
{
    struct stub *s = arg;
    int fd = accept(s->listener, NULL, NULL);
    ssize_t n;

    while (!request_whole(s) &&
           (n = read(fd, s->request + s->length, REQUEST_MAX - 1 - s->length)) > 0)
        s->length += (size_t)n;
    if (s->answer && s->answer[0])
        assert_int_equal(write(fd, s->answer, strlen(s->answer)), strlen(s->answer));
    else if (s->answer)
        while (read(fd, &(char){0}, 1) > 0) {
        }
    close(fd);
    return NULL;
}

static void stub_start(struct fixture *f, const char *answer)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    f->stub = (struct stub){.answer = answer};
    unlink(f->socket);
    f->stub.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strcpy(address.sun_path, f->socket);
    assert_int_equal(bind(f->stub.listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(f->stub.listener, 1), 0);
    pthread_create(&f->stub.thread, NULL, serve_one, &f->stub);
}

static void stub_end(struct fixture *f)
{
    pthread_join(f->stub.thread, NULL);
    close(f->stub.listener);
    unlink(f->socket);
}

/* One command line; its last word is `--config` and the fixture's file. */
static int run(struct fixture *f, const char *line)
{
    const struct cli_hooks hooks = {.version = "0", .plugin_dir = BINARY_DIR "/plugins"};
    char copy[512];
    char *argv[32] = {(char *)"paceline"};
    int argc = 1;
    size_t out_length, err_length;

    snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc++] = (char *)"--config";
    argv[argc++] = f->config;
    free(f->out);
    free(f->err);
    struct cli cli = {.hooks = &hooks,
                      .in = stdin,
                      .out = open_memstream(&f->out, &out_length),
                      .err = open_memstream(&f->err, &err_length)};
    int rc = cli_run(&cli, argc, argv);
    fclose(cli.out);
    fclose(cli.err);
    return rc;
}

static int run_against(struct fixture *f, const char *line, const char *answer)
{
    stub_start(f, answer);
    int rc = run(f, line);
    stub_end(f);
    return rc;
}

#define OK(body)                                                                                   \
    "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n" body

#define CAMPAIGN                                                                                   \
    "{\"campaign\":\"spring\",\"title\":\"春季上新\",\"revision\":\"sha256:"                   \
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\",\"state\":\"running\","    \
    "\"audience\":4,\"counts\":{\"pending\":1,\"sent\":2,\"unknown\":1},\"submitted_by\":"         \
    "\"alice\","                                                                                   \
    "\"approvals\":[{\"by\":\"bo\",\"at\":\"2027-03-01T09:00:00.000+08:00\"}],"                    \
    "\"self_approved\":true,\"test\":true}\n"

static void commands_ask_and_print(void **state)
{
    static const struct {
        const char *line, *answer, *request, *printed;
        int rc;
    } cases[] = {
        {"list", OK(CAMPAIGN), "GET /api/v1/campaigns HTTP/1.1\r\n",
         "春季上新  TEST  self-approved\n", 0},
        {"list --json", OK(CAMPAIGN), "GET /api/v1/campaigns HTTP", CAMPAIGN, 0},
        {"show spring", OK(CAMPAIGN), "GET /api/v1/campaigns/spring HTTP",
         "sent 2, pending 1, unknown 1", 0},
        {"show ../a%2f?x", OK(CAMPAIGN), "GET /api/v1/campaigns/%2E%2E%2Fa%252f%3Fx HTTP", "spring",
         0},
        {"approve spring --note well", OK(CAMPAIGN), "POST /api/v1/campaigns/spring/approve HTTP",
         "approved: spring sha256:001122334455 (running)\n", 0},
        {"approve spring --note well", OK(CAMPAIGN), "{\"note\":\"well\"}", "approved: ", 0},
        {"reject spring --reason no", OK(CAMPAIGN), "{\"reason\":\"no\"}", "rejected: spring ", 0},
        {"cancel spring", OK("{\"canceled\":3,\"already_out\":2,\"unknown\":1}\n"),
         "POST /api/v1/campaigns/spring/cancel HTTP", "3 canceled, 2 already out, 1 unknown\n", 0},
        {"outcome 17 not-sent --note looked",
         OK("{\"delivery\":17,\"state\":\"failed\",\"reason\":"
            "\"not_sent\"}"),
         "{\"outcome\":\"not-sent\",\"note\":\"looked\"}", "delivery 17: failed (not sent)\n", 0},
        {"deliveries spring --state sent",
         OK("{\"delivery\":17,\"state\":\"sent\",\"recipient\":\"wm1\",\"sender\":\"lin\","
            "\"settled_at\":\"2027-03-01T09:31:07.123+08:00\"}\n"),
         "GET /api/v1/campaigns/spring/deliveries?state=sent HTTP",
         "      17  sent   2027-03-01 09:31:07  lin     wm1", 0},
        {"status",
         OK("{\"lane\":\"dry/"
            "a\",\"next_at\":null,\"waiting\":9,\"open\":1,\"limits\":[{\"limit\":\"5 per "
            "10s sender\",\"used\":2}],\"held_by\":\"rate_limit\"}\n{\"service\":{\"halted\":true,"
            "\"halt_reason\":\"fire\"}}\n"),
         "GET /api/v1/status HTTP", "HALTED: fire", 0},
        {"audit verify", OK("{\"ok\":true,\"records\":12}\n"), "GET /api/v1/audit/verify HTTP",
         "ok: 12 records\n", 0},
        {"audit verify", OK("{\"ok\":false,\"broken\":5,\"message\":\"changed\"}\n"), "GET ", "",
         1},
        {"audit spring",
         OK("{\"seq\":4,\"at\":\"2027-03-01T09:00:00.000+08:00\",\"by\":\"bo\",\"event\":"
            "\"approve\",\"campaign\":\"spring\",\"detail\":{\"note\":\"well\"}}\n"),
         "GET /api/v1/audit?campaign=spring HTTP", "approve  spring    note=well\n", 0},
        {"halt --reason fire", OK("{\"halted\":true}\n"), "{\"reason\":\"fire\"}", "halted: ", 0},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int rc = run_against(f, cases[i].line, cases[i].answer);
        if (rc != cases[i].rc || !strstr(f->out, cases[i].printed) ||
            !strstr(f->stub.request, cases[i].request))
            fail_msg("'%s': exit %d\nasked: %s\nout: %s\nerr: %s", cases[i].line, rc,
                     f->stub.request, f->out, f->err);
        assert_int_not_equal(access(f->halt, F_OK), 0);
    }
}

#define ERROR(status, body) "HTTP/1.1 " status "\r\nConnection: close\r\n\r\n" body

static void a_refusal_keeps_its_exit_code(void **state)
{
    static const struct {
        const char *answer, *said;
        int rc;
    } cases[] = {
        {ERROR("403 Forbidden", "{\"exit\":77,\"message\":\"bo may not\"}"), "bo may not", 77},
        {ERROR("404 Not Found", "{\"exit\":1,\"message\":\"no campaign 'x'\"}"), "no campaign 'x'",
         1},
        {ERROR("422 Unprocessable",
               "{\"exit\":65,\"message\":\"2 errors\",\"diagnostics\":[{\"file\":\"spring.yaml\","
               "\"line\":12,\"column\":5,\"level\":\"error\",\"message\":\"unknown key "
               "'windwo'\"}]}"),
         "spring.yaml:12:5: unknown key 'windwo'\n", 65},
        {ERROR("503 Busy", "{\"exit\":75,\"message\":\"later\"}"), "later", 75},
        {ERROR("500 Oops", "<html>"), "status 500", 70},
        {ERROR("200 OK", "<html>"), "cannot be read", 70},
        {NULL, "may or may not have happened", 75},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int rc = run_against(f, "pause spring", cases[i].answer);
        if (rc != cases[i].rc || !strstr(f->err, cases[i].said) || f->out[0])
            fail_msg("%s: exit %d\nout: %s\nerr: %s", cases[i].said, rc, f->out, f->err);
    }
}

static void nobody_there_names_the_socket(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(run(f, "list"), EXIT_UNREACHABLE);
    assert_non_null(strstr(f->err, f->socket));
    assert_non_null(strstr(f->err, "paceline serve"));
    assert_string_equal(f->out, "");
    assert_int_equal(run(f, "unhalt --reason done"), EXIT_UNREACHABLE);
}

static void file_is(const char *path, const char *part)
{
    char text[256] = "";
    FILE *from = fopen(path, "r");

    assert_non_null(from);
    assert_non_null(fgets(text, sizeof(text), from));
    fclose(from);
    if (!strstr(text, part))
        fail_msg("%s: %s", path, text);
}

static void halt_works_without_the_service(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(run(f, "halt --reason smoke"), 0);
    assert_non_null(strstr(f->out, f->halt));
    file_is(f->halt, ": smoke\n");
    assert_int_equal(run(f, "halt --reason more"), 0); /* stays as it was */
    file_is(f->halt, ": smoke\n");
}

/* A service that hangs is halted by the file as well; one that says no is obeyed. */
static void halt_works_with_a_service_that_hangs(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(run_against(f, "halt --reason smoke", ""), 0);
    file_is(f->halt, ": smoke\n");
    unlink(f->halt);
    assert_int_equal(
        run_against(f, "halt", ERROR("403 Forbidden", "{\"exit\":77,\"message\":\"no\"}")), 77);
    assert_int_not_equal(access(f->halt, F_OK), 0);
}

static void a_halt_that_cannot_be_is_said(void **state)
{
    struct fixture *f = *state;

    FILE *to = fopen(f->config, "w");
    fputs("store: sqlite:gone/paceline.db\nsocket: paceline.sock\n"
          "channels:\n  dry: {plugin: \"null\"}\napproval: {allow_self: true}\n",
          to);
    fclose(to);
    assert_int_equal(run(f, "halt"), EXIT_UNREACHABLE);
    assert_non_null(strstr(f->err, "NOT halted"));
}

static void write_in(const struct fixture *f, const char *name, const char *text)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", f->dir, name);
    FILE *to = fopen(path, "w");
    assert_non_null(to);
    fputs(text, to);
    fclose(to);
}

#define DIGEST "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* The files travel as they are, under the names a person wrote; standard output is the digest
 * alone. */
static void submit_streams_the_files(void **state)
{
    static const char *const expected[] = {
        "POST /api/v1/submissions HTTP",
        "name=\"campaign\"; filename=\"",
        "spring.yaml\"",
        "campaign: spring\nchannel: dry\n",
        "name=\"audience\"; filename=\"people.csv\"",
        "recipient,name\nwm1,王芳\n",
        "name=\"only\"\r\n\r\nwm1\r\n",
        "name=\"again\"\r\n\r\n",
    };
    struct fixture *f = *state;
    char line[256], path[128];

    write_in(f, "spring.yaml",
             "campaign: spring\nchannel: dry\naudience: {file: people.csv}\n"
             "message: {text: \"{{name}}\"}\n");
    write_in(f, "people.csv", "recipient,name\nwm1,王芳\n");
    snprintf(line, sizeof(line), "submit %s/spring.yaml --only wm1 --again", f->dir);
    int rc =
        run_against(f, line,
                    OK("{\"campaign\":\"spring\",\"revision\":\"" DIGEST "\",\"state\":\"draft\","
                       "\"unchanged\":false,\"warnings\":[]}\n"));
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        if (rc != 0 || !strstr(f->stub.request, expected[i]))
            fail_msg("exit %d\n%s\nasked: %s\nerr: %s", rc, expected[i], f->stub.request, f->err);
    assert_string_equal(f->out, DIGEST "\n");
    assert_string_equal(f->err, "paceline: waiting for approval: paceline approve spring\n");
    snprintf(path, sizeof(path), "%s/spring.yaml", f->dir);
    unlink(path);
    snprintf(path, sizeof(path), "%s/people.csv", f->dir);
    unlink(path);
}

static void a_broken_service_file_is_65(void **state)
{
    struct fixture *f = *state;

    FILE *to = fopen(f->config, "w");
    fputs("channals: 3\n", to);
    fclose(to);
    assert_int_equal(run(f, "list"), EXIT_DATA);
    assert_non_null(strstr(f->err, "paceline.yaml:1:1: "));
    unlink(f->config);
    assert_int_equal(run(f, "list"), EXIT_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commands_ask_and_print, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_keeps_its_exit_code, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_there_names_the_socket, set_up, tear_down),
        cmocka_unit_test_setup_teardown(halt_works_without_the_service, set_up, tear_down),
        cmocka_unit_test_setup_teardown(halt_works_with_a_service_that_hangs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_halt_that_cannot_be_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(submit_streams_the_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broken_service_file_is_65, set_up, tear_down),
    };

    unsetenv("LC_ALL");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
