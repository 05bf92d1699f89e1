/* Who may do what (contract §3), and which path is which route. */
#include "check.h"

#include "api/request.h"
#include "api/who.h"

#include <string.h>

/* The contract's table, written once more: what each role may beside reading. */
static const struct {
    const char *method, *path;
    unsigned roles; /* 0: everybody, even without a name */
} allowed[] = {
    {"GET", "/healthz", 0},
    {"GET", "/readyz", 0},
    {"GET", "/api/v1/status", ROLES_READ},
    {"POST", "/api/v1/reload", ROLE_ADMIN},
    {"GET", "/api/v1/report", ROLES_READ},
    {"GET", "/api/v1/campaigns", ROLES_READ},
    {"GET", "/api/v1/campaigns/spring", ROLES_READ},
    {"GET", "/api/v1/campaigns/spring/preview", ROLES_READ},
    {"GET", "/api/v1/campaigns/spring/deliveries", ROLES_READ},
    {"GET", "/api/v1/deliveries/17", ROLES_READ},
    {"GET", "/api/v1/prompts", ROLES_READ},
    {"POST", "/api/v1/prompts/17/shown", ROLE_OPERATOR | ROLE_ADMIN},
    {"POST", "/api/v1/prompts/17/answer", ROLE_OPERATOR | ROLE_ADMIN},
    {"POST", "/api/v1/prompts/17/snooze", ROLE_OPERATOR | ROLE_ADMIN},
    {"GET", "/api/v1/prompts/17/attachments/0", ROLE_OPERATOR | ROLE_ADMIN},
    {"GET", "/api/v1/tasks", ROLES_READ},
    {"POST", "/api/v1/tasks/17/remind", ROLE_OPERATOR},
    {"GET", "/api/v1/audit", ROLES_READ},
    {"GET", "/api/v1/audit/verify", ROLES_READ},
    {"POST", "/api/v1/halt", ROLES_READ},
    {"POST", "/api/v1/unhalt", ROLE_ADMIN},
    {"POST", "/api/v1/backup", ROLE_ADMIN},
    {"POST", "/api/v1/submissions", ROLE_SUBMITTER},
    {"GET", "/api/v1/submissions", ROLES_READ},
    {"POST", "/api/v1/plan", ROLE_SUBMITTER},
    {"GET", "/api/v1/contacts", ROLE_ADMIN},
    {"POST", "/api/v1/contacts", ROLE_ADMIN},
    {"POST", "/api/v1/accounts/brand/sync", ROLE_ADMIN},
    {"GET", "/api/v1/accounts/brand/sync", ROLES_READ},
    {"GET", "/api/v1/suppressions", ROLES_READ},
    {"POST", "/api/v1/suppressions", ROLE_OPERATOR},
    {"POST", "/api/v1/suppressions/remove", ROLE_ADMIN},
    {"POST", "/api/v1/campaigns/spring/approve", ROLE_APPROVER},
    {"POST", "/api/v1/campaigns/spring/reject", ROLE_APPROVER},
    {"POST", "/api/v1/campaigns/spring/pause", ROLE_OPERATOR},
    {"POST", "/api/v1/campaigns/spring/resume", ROLE_OPERATOR},
    {"POST", "/api/v1/campaigns/spring/cancel", ROLE_OPERATOR | ROLE_SUBMITTER},
    {"GET", "/api/v1/deliveries/17/explain", ROLES_READ},
    {"POST", "/api/v1/deliveries/17/outcome", ROLE_RESOLVER},
    {"POST", "/api/v1/deliveries/17/resend", ROLE_RESOLVER},
};
enum { ALLOWED = sizeof(allowed) / sizeof(allowed[0]) };

static void every_route_has_its_roles(void **state)
{
    struct arena *arena = arena_new();
    const char *argument, *other;
    size_t routes = 0;

    (void)state;
    for (const struct route *r = api_routes; r->method; r++)
        routes++;
    assert_int_equal(routes, ALLOWED);
    for (size_t i = 0; i < ALLOWED; i++) {
        const struct route *r =
            route_find(allowed[i].method, allowed[i].path, arena, &argument, &other);
        assert_non_null(r);
        assert_int_equal(r->roles, allowed[i].roles);
    }
    arena_free(arena);
}

static void a_path_fits_whole_or_not_at_all(void **state)
{
    static const struct {
        const char *method, *path, *argument, *other;
        bool found;
    } rows[] = {
        {"GET", "/api/v1/campaigns/spring", "spring", NULL, true},
        {"GET", "/api/v1/deliveries/17", "17", NULL, true},
        {"GET", "/api/v1/prompts/17/attachments/2", "17/attachments/2", NULL, true},
        {"GET", "/api/v1/prompts/17/attachments/", NULL, NULL, false},
        {"GET", "/api/v1/campaigns", NULL, NULL, true},
        {"POST", "/api/v1/campaigns", NULL, "GET", false},
        {"GET", "/api/v1/halt", NULL, "POST", false},
        {"PUT", "/api/v1/campaigns/spring/pause", NULL, "POST", false},
        {"GET", "/api/v1/campaigns/", NULL, NULL, false},
        {"GET", "/api/v1/campaigns/spring/", NULL, NULL, false},
        {"GET", "/api/v1/campaigns//deliveries", NULL, NULL, false},
        {"GET", "/api/v1/campaigns/a/b/deliveries", NULL, NULL, false},
        {"GET", "/api/v1/statusx", NULL, NULL, false},
        {"GET", "/api/v1", NULL, NULL, false},
        {"GET", "/", NULL, NULL, false},
        {"GET", "", NULL, NULL, false},
    };
    struct arena *arena = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *argument = "?", *other = "?";
        const struct route *r = route_find(rows[i].method, rows[i].path, arena, &argument, &other);
        assert_int_equal(r != NULL, rows[i].found);
        if (rows[i].argument)
            assert_string_equal(argument, rows[i].argument);
        if (!r && rows[i].other)
            assert_string_equal(other, rows[i].other);
        else if (!r)
            assert_null(other);
    }
    arena_free(arena);
}

static void a_name_comes_from_the_users(void **state)
{
    static const struct service_user users[] = {
        {.name = "alice", .os_user = "al", .roles = ROLE_SUBMITTER},
        {.name = "bo", .os_user = "bo", .roles = ROLE_APPROVER | ROLE_OPERATOR},
        {.name = "second", .os_user = "al", .roles = ROLE_APPROVER},
    };
    const struct service listed = {.users = users, .user_count = 3};
    const struct service open = {0};
    static const struct {
        bool listed;
        const char *os_name;
        bool runs;
        const char *name;
        unsigned roles;
    } rows[] = {
        {true, "al", false, "alice", ROLE_SUBMITTER}, /* one name a person */
        {true, "bo", false, "bo", ROLE_APPROVER | ROLE_OPERATOR},
        {true, "bo", true, "bo", ROLE_APPROVER | ROLE_OPERATOR | ROLE_ADMIN},
        {true, "svc", true, "svc", ROLE_ADMIN},
        {true, "root", false, "root", 0},
        {true, "alice", false, "alice", 0}, /* the OS user counts, not the name */
        {false, "svc", true, "svc", ROLES_READ},
        {false, "root", false, "root", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct who who = who_is(rows[i].listed ? &listed : &open, rows[i].os_name, rows[i].runs);
        assert_string_equal(who.name, rows[i].name);
        assert_int_equal(who.roles, rows[i].roles);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_has_its_roles),
        cmocka_unit_test(a_path_fits_whole_or_not_at_all),
        cmocka_unit_test(a_name_comes_from_the_users),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
