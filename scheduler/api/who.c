#include "api/who.h"

#include "base/arena.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct who who_is(const struct service *conf, const char *os_name, bool runs_service)
{
    struct who who = {.name = os_name};

    if (conf->user_count == 0) {
        who.roles = runs_service ? ROLES_READ : 0;
        return who;
    }
    if (runs_service)
        who.roles = ROLE_ADMIN;
    /* the first entry alone: one person must not have two names to approve with */
    for (size_t i = 0; i < conf->user_count; i++) {
        if (strcmp(conf->users[i].os_user, os_name) == 0) {
            who.name = conf->users[i].name;
            who.roles |= conf->users[i].roles;
            break;
        }
    }
    return who;
}

char *who_os_name(uid_t uid)
{
    size_t size = 16 * 1024;
    char *buffer = xmalloc(size);
    struct passwd entry, *found = NULL;
    char number[24];

    if (getpwuid_r(uid, &entry, buffer, size, &found) != 0 || !found)
        snprintf(number, sizeof(number), "%lu", (unsigned long)uid);
    char *name = xstrdup(found ? entry.pw_name : number);
    free(buffer);
    return name;
}
