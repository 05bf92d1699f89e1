/* The service file, paceline.yaml (contract §3). */
#ifndef PACELINE_CONF_SERVICE_H
#define PACELINE_CONF_SERVICE_H

#include "base/diag.h"
#include "base/digest.h"
#include "base/lang.h"
#include "conf/campaign.h"
#include "conf/yaml.h"

#include <stdatomic.h>

enum role {
    ROLE_VIEWER = 1,
    ROLE_SUBMITTER = 2,
    ROLE_APPROVER = 4,
    ROLE_OPERATOR = 8,
    ROLE_RESOLVER = 16,
    ROLE_ADMIN = 32
};

struct service_user {
    const char *name, *os_user;
    unsigned roles;                    /* of ROLE_*; every role can read */
    const struct conf_sender *senders; /* whose prompts this person answers */
    size_t sender_count;
    struct place at;
};

/* how often a customer may be reached by the corp's mass messages, as its admin set it */
enum receive_cap { RECEIVE_DAILY, RECEIVE_WEEKLY, RECEIVE_MONTH_DAYS };

/* What `init --wecom` writes in the place of what it cannot know: refused wherever it is used. */
#define SERVICE_INIT_CORP_ID "ww0000000000000000"
#define SERVICE_INIT_AGENT_ID 1000000
#define SERVICE_INIT_SECRET "put-the-secret-of-your-app-here"

struct service_account { /* one corp and app of a platform */
    const char *name, *corp_id;
    int64_t agent_id;
    const struct yaml_node *secret; /* for secret_read */
    enum receive_cap receive_cap;
    const struct conf_sender *suppress_tags; /* customers with one of these are never written to */
    size_t suppress_tag_count;
    bool standin;
    const char *api; /* with standin only, a loopback URL; else NULL */
    duration_t poll; /* the shortest distance between two questions about a task */
    duration_t reconcile_after, reconcile_for; /* looking for what an answer was lost of */
    struct place at;
};

struct service_channel {
    const char *name, *plugin, *mode;  /* mode may be NULL */
    const struct conf_sender *senders; /* a channel without `senders` has one, named as it */
    size_t sender_count;
    bool all_senders; /* `senders: all`: those of the account's last reading. None are listed then;
                         where the service has looked them up they are. Else never empty */
    const struct conf_sender *policies;
    size_t policy_count;
    bool standin;
    const char *api;                       /* with standin only, a loopback URL; else NULL */
    const struct service_account *account; /* or NULL; then standin and api are the account's */
    struct place at, account_at;
    const struct yaml_node *node; /* the whole mapping: the plugin's own options are read from it */
};

struct service {
    struct arena *arena;
    atomic_int shares;                    /* of service_share, besides the owner's */
    const char *file;                     /* as named */
    struct digest digest;                 /* of its bytes */
    const char *dir;                      /* of the file, absolute */
    const char *store_path, *socket_path; /* absolute */
    struct place store_at, socket_at;     /* socket_at: line 0 when it is not in the file */
    const char *zone_name;
    bool has_language;
    enum lang language;
    const struct service_account *accounts;
    size_t account_count;
    const struct service_channel *channels;
    size_t channel_count;
    const struct service_user *users;
    size_t user_count;
    bool allow_self;
    const struct conf_sender *policies; /* for every campaign */
    size_t policy_count;
};

/* Secrets are not read here (a client reads the same file to find the socket). NULL after errors.
 */
struct service *service_read(const char *file, const char *bytes, size_t length,
                             struct zones *zones, struct diags *diags);
/* Reads the file first; a file that cannot be read is a diag too. */
struct service *service_load(const char *file, struct zones *zones, struct diags *diags);
/* One holder more, on any thread: a reload must not take the old file's names away from those who
 * still use them. Each holder ends with service_free, the last one frees. */
const struct service *service_share(const struct service *s);
void service_free(const struct service *s); /* NULL is fine */
const struct service_channel *service_channel(const struct service *s, const char *name);
const struct service_account *service_account(const struct service *s, const char *name);
bool service_channel_groups(const struct service_channel *c); /* its recipients: customer groups */
/* Whether a key of a channel is the service's own; every other one is its plugin's. */
bool service_channel_key(const char *key);
/* http:// or https:// and 127.0.0.1, localhost or [::1], with a port or without, nothing more. */
bool service_loopback_url(const char *url);

/* The default places of the contract §4: malloc'd, or NULL when there is none. */
char *service_find_file(void);

/* `{file: …}` (0600: nobody else may read it; relative to `dir`), `{env: NAME}`, `{credential:
 * NAME}`. One line: a trailing newline is cut. The caller overwrites and frees. Errors at the
 * node's place. */
char *secret_read(const struct yaml_node *node, const char *file, const char *dir,
                  struct diags *diags);
/* A private copy of the environment for `{env: …}` and `{credential: …}`, before the service
 * empties its own: a reload reads secrets again. Dropping overwrites it. */
void secret_environment_keep(void);
void secret_environment_drop(void);

#endif
