#include "api/route.h"

#include "api/handlers.h"
#include "api/who.h"

#include <string.h>

enum { ROLES_ASKED = ROLE_OPERATOR | ROLE_ADMIN };

/* docs/api.md is this table in words. Handlers that need more than a role (cancel) ask themselves.
 */
const struct route api_routes[] = {
    {"GET", "/healthz", ROUTE_ANYONE, {0}, false, status_healthz},
    {"GET", "/readyz", ROUTE_ANYONE, {0}, false, status_readyz},
    {"GET", "/api/v1/status", ROLES_READ, {0}, false, status_show},
    {"POST", "/api/v1/halt", ROLES_READ, {0}, false, status_halt},
    {"POST", "/api/v1/unhalt", ROLE_ADMIN, {0}, false, status_unhalt},
    {"POST", "/api/v1/backup", ROLE_ADMIN, {0}, false, backup_make},
    {"POST", "/api/v1/reload", ROLE_ADMIN, {0}, false, status_reload},
    {"GET", "/api/v1/report", ROLES_READ, {"month", "by"}, false, report_show},
    {"GET", "/api/v1/campaigns", ROLES_READ, {0}, false, campaigns_list},
    {"GET", "/api/v1/campaigns/*", ROLES_READ, {"revision"}, false, campaigns_show},
    {"GET", "/api/v1/campaigns/*/preview", ROLES_READ, {0}, false, campaigns_preview},
    {"GET",
     "/api/v1/campaigns/*/deliveries",
     ROLES_READ,
     {"state", "revision"},
     false,
     deliveries_list},
    {"POST", "/api/v1/submissions", ROLE_SUBMITTER, {0}, true, submit_bundle},
    {"GET", "/api/v1/submissions", ROLES_READ, {0}, false, submit_list},
    {"POST", "/api/v1/plan", ROLE_SUBMITTER, {0}, true, plan_bundle},
    {"GET", "/api/v1/contacts", ROLE_ADMIN, {0}, false, contacts_list},
    {"POST", "/api/v1/contacts", ROLE_ADMIN, {0}, true, contacts_import},
    {"POST", "/api/v1/accounts/*/sync", ROLE_ADMIN, {0}, false, accounts_sync},
    {"GET", "/api/v1/accounts/*/sync", ROLES_READ, {0}, false, accounts_sync_show},
    {"GET", "/api/v1/suppressions", ROLES_READ, {0}, false, suppressions_list},
    {"POST", "/api/v1/suppressions", ROLE_OPERATOR, {0}, false, suppressions_add},
    {"POST", "/api/v1/suppressions/remove", ROLE_ADMIN, {0}, false, suppressions_remove},
    {"POST", "/api/v1/campaigns/*/approve", ROLE_APPROVER, {0}, false, decide_approve},
    {"POST", "/api/v1/campaigns/*/reject", ROLE_APPROVER, {0}, false, decide_reject},
    {"POST", "/api/v1/campaigns/*/pause", ROLE_OPERATOR, {0}, false, decide_pause},
    {"POST", "/api/v1/campaigns/*/resume", ROLE_OPERATOR, {0}, false, decide_resume},
    {"POST",
     "/api/v1/campaigns/*/cancel",
     ROLE_OPERATOR | ROLE_SUBMITTER,
     {0},
     false,
     decide_cancel},
    {"GET", "/api/v1/deliveries/*", ROLES_READ, {0}, false, deliveries_show},
    {"GET", "/api/v1/deliveries/*/explain", ROLES_READ, {0}, false, explain_show},
    {"POST", "/api/v1/deliveries/*/outcome", ROLE_RESOLVER, {0}, false, deliveries_outcome},
    {"POST", "/api/v1/deliveries/*/resend", ROLE_RESOLVER, {0}, false, deliveries_resend},
    {"GET", "/api/v1/prompts", ROLES_READ, {"agent", "since", "wait"}, false, prompts_list},
    {"POST", "/api/v1/prompts/*/shown", ROLES_ASKED, {0}, false, prompts_shown},
    {"POST", "/api/v1/prompts/*/answer", ROLES_ASKED, {0}, false, prompts_answer},
    {"POST", "/api/v1/prompts/*/snooze", ROLES_ASKED, {0}, false, prompts_snooze},
    {"GET", "/api/v1/prompts/*/attachments/*", ROLES_ASKED, {"nonce"}, false, prompts_attachment},
    {"GET", "/api/v1/tasks", ROLES_READ, {"sender"}, false, tasks_list},
    {"POST", "/api/v1/tasks/*/remind", ROLE_OPERATOR, {0}, false, tasks_remind},
    {"GET", "/api/v1/audit", ROLES_READ, {"campaign"}, false, audit_list},
    {"GET", "/api/v1/audit/verify", ROLES_READ, {0}, false, audit_verify},
    {0},
};

/* Whether `path` fits; what `*` stands for is (*argument, *length). */
static bool path_fits(const char *pattern, const char *path, const char **argument, size_t *length)
{
    while (*pattern && *pattern != '*') {
        if (*pattern++ != *path++)
            return false;
    }
    if (*pattern == '\0')
        return *path == '\0';
    size_t segment = strcspn(path, "/"), last_length = 0;
    const char *last = path;

    *argument = path;
    *length = segment;
    if (segment == 0 || !strchr(pattern + 1, '*'))
        return segment > 0 && strcmp(pattern + 1, path + segment) == 0;
    if (!path_fits(pattern + 1, path + segment, &last, &last_length))
        return false;
    *length = (size_t)(last - path) + last_length;
    return true;
}

const struct route *route_find(const char *method, const char *path, struct arena *arena,
                               const char **argument, const char **allowed)
{
    *argument = NULL;
    *allowed = NULL;
    for (const struct route *r = api_routes; r->method; r++) {
        const char *segment = NULL;
        size_t length = 0;
        if (!path_fits(r->pattern, path, &segment, &length))
            continue;
        *allowed = r->method;
        if (strcmp(r->method, method) != 0)
            continue;
        if (segment)
            *argument = arena_strndup(arena, segment, length);
        return r;
    }
    return NULL;
}
