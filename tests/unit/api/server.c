/* The front door: framing, sizes, who is let in, and what happens to those who leave or wait. */
#include "fixture.h"

#include <sys/wait.h>

static void health_needs_no_name(void **state)
{
    struct fixture *f = *state;

    be(f, "nobody", 0);
    json_decref(want(call(f, "GET", "/healthz", NULL), 200));
    json_decref(want(call(f, "GET", "/readyz", NULL), 200));
    f->unhealthy = true;
    json_decref(want(call(f, "GET", "/healthz", NULL), 200));
    json_decref(want(call(f, "GET", "/readyz", NULL), 503));
}

static void unknown_paths_and_methods(void **state)
{
    struct fixture *f = *state;
    struct reply r = call(f, "POST", "/api/v1/campaigns", "{}");

    assert_non_null(strcasestr(r.head, "Allow: GET"));
    want_error(r, 405, 64, "another method");
    r = call(f, "DELETE", "/api/v1/halt", NULL);
    assert_non_null(strcasestr(r.head, "Allow: POST"));
    want_error(r, 405, 64, "another method");
    want_error(call(f, "GET", "/api/v1/nothing", NULL), 404, 64, "no such path");
    want_error(call(f, "GET", "/api/v1/campaigns?x=1", NULL), 400, 64, "unknown parameter 'x'");
    want_error(call(f, "GET", "/api/v1/audit?campaign=a&campaign=b", NULL), 400, 64, "parameter");
    want_error(call(f, "GET", "/api/v1/campaigns/No.Id", NULL), 404, 1, "no campaign");
    want_error(call(f, "GET", "/api/v1/deliveries/x1", NULL), 404, 1, "no delivery");
}

/* Each of these could be read in two ways by two programs. */
static void ambiguous_framing_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[] = {
        "POST /api/v1/halt HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
        "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "POST /api/v1/halt HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        "POST /api/v1/halt HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "GET /api/v1/status HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /api/v1/status HTTP/1.1\r\n\r\n",
        "POST /api/v1/halt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
        "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "POST /api/v1/halt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
        "2\r\n{}\r\n0\r\n\r\n",
        "POST /api/v1/halt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n{}",
        "POST /api/v1/halt HTTP/1.1\r\nHost: a\r\nContent-Length : 2\r\n\r\n{}",
        "POST /api/v1/halt HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 2\r\n\r\n{}",
        "POST /api/v1/halt HTTP/1.1\r\nHost: a\r\nContent-Length: -2\r\n\r\n{}",
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct reply r = raw(f, rows[i], strlen(rows[i]));
        if (r.status != 400)
            fail_msg("row %zu: status %d", i, r.status);
        reply_free(&r);
        assert_false(f->halted);
    }
}

/* A request smuggled behind an ambiguous one must not be seen as one of its own. */
static void nothing_follows_an_ambiguous_request(void **state)
{
    struct fixture *f = *state;
    static const char bytes[] =
        "POST /api/v1/halt HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        "POST /api/v1/halt HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    int fd = client_connect(f);

    client_send(f, fd, bytes, strlen(bytes));
    struct reply r = client_read(f, fd);
    assert_int_equal(r.status, 400);
    reply_free(&r);
    r = client_read(f, fd); /* the connection ends */
    assert_int_equal(r.status, 0);
    close(fd);
    assert_false(f->halted);
}

static void large_bodies_are_refused(void **state)
{
    struct fixture *f = *state;
    struct strbuf b = STRBUF_INIT;
    char *filler = xmalloc(BODY_MAX + 2);

    memset(filler, ' ', BODY_MAX + 1);
    want_error(call(f, "POST", "/api/v1/halt", filler), 413, 64, "too large");
    strbuf_puts(&b, "POST /api/v1/halt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    strbuf_printf(&b, "%x\r\n%s\r\n0\r\n\r\n", BODY_MAX + 1, filler);
    want_error(raw(f, b.text, b.length), 413, 64, "too large");
    assert_false(f->halted);
    strbuf_reset(&b); /* refused before the body comes */
    strbuf_puts(&b, "POST /api/v1/halt HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n"
                    "Expect: 100-continue\r\n\r\n");
    want_error(raw(f, b.text, b.length), 413, 64, "too large");
    strbuf_dispose(&b);
    free(filler);
}

static void bodies_are_exact(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *body, *part;
    } rows[] = {
        {"{", "not JSON"},
        {"[]", "must be a JSON object"},
        {"{} {}", "not JSON"},
        {"{\"reason\":\"a\",\"reason\":\"b\"}", "not JSON"},
        {"{\"resaon\":\"a\"}", "unknown key 'resaon'"},
        {"{\"reason\":5}", "must be a string"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        want_error(call(f, "POST", "/api/v1/halt", rows[i].body), 400, 64, rows[i].part);
    assert_false(f->halted);
    json_decref(want(call(f, "POST", "/api/v1/halt", "{\"reason\":\"smoke\"}"), 200));
    assert_string_equal(f->halt_reason, "smoke");
    want_error(call(f, "POST", "/api/v1/unhalt", "{}"), 400, 64, "'reason' is missing");
    assert_true(f->halted);
    json_decref(want(call(f, "POST", "/api/v1/unhalt", "{\"reason\":\"ok\"}"), 200));
    assert_false(f->halted);
    json_decref(want(call(f, "POST", "/api/v1/halt", NULL), 200)); /* no body, no reason */
    assert_true(f->halted);
}

/* We run the service: admin, whatever else is listed, and nothing more than that. */
static void roles_are_asked(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *path;
        unsigned roles;
    } rows[] = {
        {"/api/v1/campaigns/c/approve", ROLE_APPROVER},
        {"/api/v1/campaigns/c/reject", ROLE_APPROVER},
        {"/api/v1/campaigns/c/pause", ROLE_OPERATOR},
        {"/api/v1/campaigns/c/resume", ROLE_OPERATOR},
        {"/api/v1/campaigns/c/cancel", ROLE_OPERATOR | ROLE_SUBMITTER},
        {"/api/v1/submissions", ROLE_SUBMITTER},
        {"/api/v1/deliveries/1/outcome", ROLE_RESOLVER},
        {"/api/v1/deliveries/1/resend", ROLE_RESOLVER},
    };

    for (unsigned role = ROLE_VIEWER; role <= ROLE_ADMIN; role <<= 1) {
        be(f, "me", role);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            struct reply r = call(f, "POST", rows[i].path, "[]");
            bool may = (rows[i].roles & role) != 0;
            if ((r.status == 403) == may)
                fail_msg("role %u, %s: status %d", role, rows[i].path, r.status);
            reply_free(&r);
        }
    }
    be(f, "me", ROLE_VIEWER);
    want_error(call(f, "POST", "/api/v1/campaigns/c/approve", "{}"), 403, 77, "'me' has no role");
}

/* A connection that another OS user has made: peer credentials are those of connect(). */
static int connect_as(struct fixture *f, uid_t uid)
{
    int pair[2];
    char byte;
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};

    byte = 'x';
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    pid_t child = fork();
    if (child == 0) {
        if (setgid(uid) != 0 || setuid(uid) != 0)
            _exit(1);
        int fd = client_connect(f);
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(fd));
        _exit(sendmsg(pair[0], &message, 0) == 1 ? 0 : 1);
    }
    int status, fd;
    assert_int_equal(recvmsg(pair[1], &message, 0), 1);
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
    assert_int_equal(waitpid(child, &status, 0), child);
    close(pair[0]);
    close(pair[1]);
    return fd;
}

/* Whatever a stranger asks for, it is 403, also what does not exist; only health is for all. */
static void strangers_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[] = {
        "GET /api/v1/campaigns HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /api/v1/nothing HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /api/v1/halt HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
        "POST /api/v1/submissions HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
        "POST /api/v1/submissions HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\nabc",
        "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    };

    if (geteuid() != 0) { /* only root can be somebody else: the user list does it instead */
        struct service_user *me = (struct service_user *)&f->conf->users[0];
        me->os_user = "somebody-else";
        want_error(call(f, "POST", "/api/v1/submissions", "{}"), 403, 77, "not permitted");
        return;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int fd = connect_as(f, 65534);
        client_send(f, fd, rows[i], strlen(rows[i]));
        struct reply r = client_read(f, fd);
        close(fd);
        if (i == 5) {
            assert_int_equal(r.status, 200);
            reply_free(&r);
        } else {
            want_error(r, 403, 77, "is not permitted here");
        }
    }
    assert_false(f->halted);
}

/* The headers were read by the old file, the handler would run by the new one. */
static void a_reload_counts_for_requests_that_wait(void **state)
{
    struct fixture *f = *state;
    static const char request[] = "POST /api/v1/campaigns/spring/pause HTTP/1.1\r\nHost: a\r\n"
                                  "Content-Length: 2\r\n\r\n{}";
    char *me = who_os_name(geteuid());
    struct strbuf text = STRBUF_INIT;

    be(f, "me", ROLE_OPERATOR);
    want_error(call(f, "POST", "/api/v1/campaigns/spring/pause", "{}"), 404, 1, "no campaign");
    int fd = client_connect(f);
    client_send(f, fd, request, strlen(request));
    struct pollfd queued = {.fd = f->wake, .events = POLLIN};
    assert_int_equal(poll(&queued, 1, WAIT_MS), 1);

    strbuf_printf(&text,
                  "store: sqlite:paceline.db\nchannels: {room: {plugin: testkind}}\n"
                  "users: [{name: me, roles: [viewer], os_user: \"%s\"}]\n",
                  me);
    struct service *old = f->conf;
    f->conf = read_conf(f, text.text);
    api_conf_changed(f->api, f->conf);
    service_free(old); /* who still needs it has a share */
    want_error(client_read(f, fd), 403, 77, "has no role that permits this");
    close(fd);
    want_error(call(f, "POST", "/api/v1/campaigns/spring/pause", "{}"), 403, 77, "has no role");
    strbuf_dispose(&text);
    free(me);
}

static void a_socket_open_to_all(void **state)
{
    struct fixture *f = *state;
    struct stat st;

    assert_int_equal(lstat(f->socket, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0666);
    assert_int_equal(lstat(f->spool, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void the_socket_is_taken_only_from_the_dead(void **state)
{
    struct fixture *f = *state;
    struct api *second = NULL;
    struct err e;
    struct stat st;

    assert_int_equal(api_start(&second, &f->host, f->socket, f->spool, host_wake, f, &e), ERR_BUSY);
    json_decref(want(call(f, "GET", "/healthz", NULL), 200)); /* the first is unharmed */
    api_stop(f->api);
    f->api = NULL;
    assert_int_equal(lstat(f->socket, &st), -1); /* cleaned up */

    int dead = socket(AF_UNIX, SOCK_STREAM, 0); /* bound, never listening: left by a crash */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, f->socket);
    assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof(address)), 0);
    close(dead);
    start_server(f);
    json_decref(want(call(f, "GET", "/healthz", NULL), 200));
    api_stop(f->api);
    f->api = NULL;

    write_file(f->socket, "precious", 8);
    assert_int_equal(api_start(&second, &f->host, f->socket, f->spool, host_wake, f, &e), ERR_IO);
    assert_int_equal(lstat(f->socket, &st), 0);
    assert_int_equal(st.st_size, 8);
}

static void slow_headers_end(void **state)
{
    struct fixture *f = *state;
    int slow = client_connect(f), idle = client_connect(f);

    json_decref(want(call(f, "GET", "/healthz", NULL), 200)); /* both are accepted by now */
    client_send(f, slow, "GET /healthz HTTP/1.1\r\n", 23);
    connection_sweep(f->api, connection_clock_ms() + HEADER_DEADLINE_MS - 1000);
    client_send(f, slow, "Host: a\r\n", 9); /* a byte now and then does not help */
    connection_sweep(f->api, connection_clock_ms() + HEADER_DEADLINE_MS + 1);
    assert_int_equal(client_read(f, slow).status, 0);
    assert_int_equal(client_read(f, idle).status, 0);
    close(slow);
    close(idle);
    json_decref(want(call(f, "GET", "/healthz", NULL), 200));
}

static void kept_connections_work(void **state)
{
    struct fixture *f = *state;
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    int fd = client_connect(f);

    for (int i = 0; i < 3; i++) {
        client_send(f, fd, request, strlen(request));
        struct reply r = client_read(f, fd);
        assert_int_equal(r.status, 200);
        reply_free(&r);
    }
    close(fd);
}

/* Clients that left while their store job runs, and a server that stops meanwhile. */
static void leaving_harms_nobody(void **state)
{
    struct fixture *f = *state;
    static const char request[] = "GET /api/v1/campaigns HTTP/1.1\r\nHost: a\r\n\r\n";

    f->stalled = true;
    for (int i = 0; i < 5; i++) {
        int fd = client_connect(f);
        client_send(f, fd, request, strlen(request));
        while (!f->first) /* until its job waits */
            assert_true(wait_for(f, f->wake, POLLIN));
        close(fd);
        f->stalled = false;
        pump(f);
        f->stalled = true;
    }
    f->stalled = false;
    json_decref(want(call(f, "GET", "/healthz", NULL), 200));

    f->stalled = true;
    int fd = client_connect(f);
    client_send(f, fd, request, strlen(request));
    while (!f->first)
        assert_true(wait_for(f, f->wake, POLLIN));
    api_stop(f->api); /* with a job under way */
    f->api = NULL;
    assert_int_equal(client_read(f, fd).status, 0);
    close(fd);
    f->stalled = false;
    pump(f); /* its answer has nowhere to go */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(health_needs_no_name, setup_users, teardown),
        cmocka_unit_test_setup_teardown(unknown_paths_and_methods, setup, teardown),
        cmocka_unit_test_setup_teardown(ambiguous_framing_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_follows_an_ambiguous_request, setup, teardown),
        cmocka_unit_test_setup_teardown(large_bodies_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(bodies_are_exact, setup, teardown),
        cmocka_unit_test_setup_teardown(roles_are_asked, setup_users, teardown),
        cmocka_unit_test_setup_teardown(strangers_are_refused, setup_users, teardown),
        cmocka_unit_test_setup_teardown(a_reload_counts_for_requests_that_wait, setup_users,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_socket_open_to_all, setup, teardown),
        cmocka_unit_test_setup_teardown(the_socket_is_taken_only_from_the_dead, setup, teardown),
        cmocka_unit_test_setup_teardown(slow_headers_end, setup, teardown),
        cmocka_unit_test_setup_teardown(kept_connections_work, setup, teardown),
        cmocka_unit_test_setup_teardown(leaving_harms_nobody, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
