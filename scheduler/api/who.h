/* Who calls, and what they may: OS users of the socket's peer credentials, mapped to `users:`
 * (contract §3). Root is nobody special. */
#ifndef PACELINE_API_WHO_H
#define PACELINE_API_WHO_H

#include "conf/service.h"

#include <sys/types.h>

enum {
    ROLES_READ = ROLE_VIEWER | ROLE_SUBMITTER | ROLE_APPROVER | ROLE_OPERATOR | ROLE_RESOLVER |
                 ROLE_ADMIN /* every role can read */
};

struct who {
    const char *name; /* in audit records and listings */
    unsigned roles;   /* 0: nobody */
};

/* `os_name` is the caller's OS user; `runs_service`: it is the one this service runs as. The name
 * points into `conf` or is `os_name`. */
struct who who_is(const struct service *conf, const char *os_name, bool runs_service);

/* The OS user's name, the number when it has none. malloc'd. */
char *who_os_name(uid_t uid);

#endif
