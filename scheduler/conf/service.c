/* Like campaign.c: keys by the table, then each part; every error of the file in one run. */
#include "conf/service.h"

#include "base/lang.h"
#include "conf/file.h"
#include "conf/keys.h"
#include "conf/parts.h"
#include "conf/reader.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static struct service *service_parse(const struct reader *r, const struct yaml_node *root,
                                     struct zones *zones);
static void store_read(const struct reader *r, const struct yaml_node *root, struct service *s);
static void socket_read(const struct reader *r, const struct yaml_node *root, struct service *s);
static void listen_read(const struct reader *r, const struct yaml_node *node);
static void zone_read(const struct reader *r, const struct yaml_node *node, struct zones *zones,
                      struct service *s);
static const char *system_zone(struct arena *arena, struct zones *zones);
static void channels_read(const struct reader *r, const struct yaml_node *node, struct service *s);
static void channel_read(const struct reader *r, const struct yaml_node *node,
                         const struct service *s, struct service_channel *c);
static void senders_read(const struct reader *r, const struct yaml_node *node,
                         struct service_channel *c);
static void account_of_channel(const struct reader *r, const struct yaml_node *node,
                               const struct service *s, struct service_channel *c);
static void users_read(const struct reader *r, const struct yaml_node *node, struct service *s);
static bool user_read(const struct reader *r, const struct yaml_node *node, struct service_user *u);
static void user_unique(const struct reader *r, const struct yaml_node *node,
                        const struct service *s, const struct service_user *u);
static unsigned roles_read(const struct reader *r, const struct yaml_node *node);
static char *absolute_dir(const char *file);
static const char *absolute(struct arena *arena, const char *dir, const char *path);

struct service *service_read(const char *file, const char *bytes, size_t length,
                             struct zones *zones, struct diags *diags)
{
    struct arena *arena = arena_new();
    struct reader r = {.arena = arena, .file = arena_strdup(arena, file), .diags = diags};
    struct service *s = NULL;
    size_t first = diags->count, errors = diags->errors;
    const struct yaml_node *root = yaml_read(arena, file, bytes, length, diags);

    if (root)
        s = service_parse(&r, root, zones);
    if (s)
        s->digest = digest_of(bytes, length);
    diags_order(diags, first);
    if (diags->errors > errors || !s) {
        arena_free(arena);
        return NULL;
    }
    return s;
}

struct service *service_load(const char *file, struct zones *zones, struct diags *diags)
{
    struct err e;
    char *bytes;
    size_t length;

    if (file_read(&bytes, &length, file, YAML_BYTES_MAX, &e)) {
        diag_add(diags, file, 0, 0, DIAG_ERROR, ERR_DATA, "%s", file_reason(&e, file));
        return NULL;
    }
    struct service *s = service_read(file, bytes, length, zones, diags);
    free(bytes);
    return s;
}

const struct service *service_share(const struct service *s)
{
    atomic_fetch_add(&((struct service *)s)->shares, 1);
    return s;
}

void service_free(const struct service *s)
{
    if (s && atomic_fetch_sub(&((struct service *)s)->shares, 1) == 0)
        arena_free(s->arena);
}

const struct service_channel *service_channel(const struct service *s, const char *name)
{
    for (size_t i = 0; i < s->channel_count; i++) {
        if (strcmp(s->channels[i].name, name) == 0)
            return &s->channels[i];
    }
    return NULL;
}

bool service_channel_groups(const struct service_channel *c)
{
    return c->mode && strcmp(c->mode, "groups") == 0;
}

const struct service_account *service_account(const struct service *s, const char *name)
{
    for (size_t i = 0; i < s->account_count; i++) {
        if (strcmp(s->accounts[i].name, name) == 0)
            return &s->accounts[i];
    }
    return NULL;
}

bool service_channel_key(const char *key)
{
    return key_find(key_find(service_keys, "channels")->inside, key) != NULL;
}

char *service_find_file(void)
{
    static const char local[] = "paceline.yaml", shared[] = "/etc/paceline/paceline.yaml";
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    struct strbuf own = STRBUF_INIT;

    if (access(local, F_OK) == 0)
        return xstrdup(local);
    if (config && *config)
        strbuf_printf(&own, "%s/paceline/paceline.yaml", config);
    else if (home && *home)
        strbuf_printf(&own, "%s/.config/paceline/paceline.yaml", home);
    if (own.length > 0 && access(own.text, F_OK) == 0)
        return strbuf_take(&own);
    strbuf_dispose(&own);
    return access(shared, F_OK) == 0 ? xstrdup(shared) : NULL;
}

static struct service *service_parse(const struct reader *r, const struct yaml_node *root,
                                     struct zones *zones)
{
    static const char *const languages[] = {"en", "zh", NULL};
    struct service *s = arena_alloc(r->arena, sizeof *s);
    char *dir = absolute_dir(r->file);

    s->arena = r->arena;
    s->file = r->file;
    s->dir = arena_strdup(r->arena, dir);
    free(dir);
    if (!read_map(r, root, tr("the file")))
        return NULL;
    keys_check(r, root, service_keys);
    store_read(r, root, s);
    socket_read(r, root, s);
    listen_read(r, yaml_get(root, "listen"));
    zone_read(r, yaml_get(root, "timezone"), zones, s);
    int language = read_word(r, yaml_get(root, "language"), "language", languages);
    s->has_language = language != READ_NONE;
    s->language = language == 1 ? LANG_ZH : LANG_EN;
    s->accounts = accounts_read(r, yaml_get(root, "accounts"), &s->account_count);
    channels_read(r, read_required(r, root, "channels"), s);
    users_read(r, yaml_get(root, "users"), s);
    s->policies = read_policies(r, yaml_get(root, "policy"), &s->policy_count);
    const struct yaml_node *approval = yaml_get(root, "approval");
    if (read_map(r, approval, "approval"))
        read_bool(r, yaml_get(approval, "allow_self"), "allow_self", &s->allow_self);
    return s;
}

static void store_read(const struct reader *r, const struct yaml_node *root, struct service *s)
{
    static const char sqlite[] = "sqlite:";
    const struct yaml_node *node = read_required(r, root, "store");
    const char *store = read_line(r, node, "store", PATH_BYTES_MAX);

    if (!store)
        return;
    s->store_at = place_of(node);
    if (strncmp(store, "postgresql:", 11) == 0 || strncmp(store, "postgres:", 9) == 0)
        read_error(r, node, tr("'%s' is not supported yet"),
                   "postgresql"); /* may hold a password */
    else if (strncmp(store, sqlite, sizeof sqlite - 1) != 0 || !store[sizeof sqlite - 1])
        read_error(r, node, tr("'store' must be sqlite:PATH"));
    else
        s->store_path = absolute(r->arena, s->dir, store + sizeof sqlite - 1);
}

static void socket_read(const struct reader *r, const struct yaml_node *root, struct service *s)
{
    const struct yaml_node *node = yaml_get(root, "socket");
    const size_t max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
    const char *path = node ? read_line(r, node, "socket", PATH_BYTES_MAX) : "paceline.sock";

    if (!path)
        return;
    if (node)
        s->socket_at = place_of(node);
    s->socket_path = absolute(r->arena, s->dir, path);
    if (strlen(s->socket_path) > max)
        read_error(r, node ? node : root,
                   tr("the socket's path is longer than %zu bytes: set 'socket' to a shorter one"),
                   max);
}

static void listen_read(const struct reader *r, const struct yaml_node *node)
{
    const char *address = read_text(r, node, "listen");

    if (address && strcmp(address, "off") != 0)
        read_error(r, node, tr("'%s' is not supported yet"), address);
}

static void zone_read(const struct reader *r, const struct yaml_node *node, struct zones *zones,
                      struct service *s)
{
    const char *name = read_line(r, node, "timezone", NAME_BYTES_MAX);

    if (name && !zones_get(zones, name))
        read_error(r, node, tr("unknown time zone '%s'"), name);
    s->zone_name = name ? name : system_zone(r->arena, zones);
}

/* What /etc/localtime links to. */
static const char *system_zone(struct arena *arena, struct zones *zones)
{
    static const char mark[] = "/zoneinfo/";
    char target[512];
    ssize_t n = readlink("/etc/localtime", target, sizeof target - 1);

    target[n > 0 ? n : 0] = '\0';
    const char *name = strstr(target, mark);
    if (name && zones_get(zones, name + sizeof mark - 1))
        return arena_strdup(arena, name + sizeof mark - 1);
    return "UTC";
}

/* --- channels --- */

static void channels_read(const struct reader *r, const struct yaml_node *node, struct service *s)
{
    if (!read_map(r, node, "channels"))
        return;
    if (node->count == 0)
        read_error(r, node, tr("'%s' is empty"), "channels");
    struct service_channel *channels = arena_array(r->arena, node->count, sizeof *channels);
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_node *item = node->items[i];

        if (!read_line(r, item->key, "channels", NAME_BYTES_MAX) ||
            !read_map(r, item, item->key->text))
            continue;
        channel_read(r, item, s, &channels[s->channel_count++]);
    }
    s->channels = channels;
}

static void channel_read(const struct reader *r, const struct yaml_node *node,
                         const struct service *s, struct service_channel *c)
{
    c->name = node->key->text;
    c->node = node;
    c->at = place_of(node->key);
    c->plugin = read_line(r, read_required(r, node, "plugin"), "plugin", NAME_BYTES_MAX);
    c->mode = read_line(r, yaml_get(node, "mode"), "mode", NAME_BYTES_MAX);
    senders_read(r, yaml_get(node, "senders"), c);
    c->policies = read_policies(r, yaml_get(node, "policy"), &c->policy_count);
    if (yaml_get(node, "account"))
        account_of_channel(r, node, s, c);
    else
        standin_read(r, node, &c->standin, &c->api);
    if (c->all_senders && !yaml_get(node, "account"))
        read_error(r, yaml_get(node, "senders"),
                   tr("'senders: all' are the members of an account, and the channel has no "
                      "'account': name the senders"));
}

/* The account says where it is: one corp is not half on a stand-in. */
static void account_of_channel(const struct reader *r, const struct yaml_node *node,
                               const struct service *s, struct service_channel *c)
{
    static const char *const own[] = {"api", "standin"};
    const struct yaml_node *at = yaml_get(node, "account");
    const char *name = read_line(r, at, "account", NAME_BYTES_MAX);
    struct strbuf list = STRBUF_INIT;

    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (yaml_get(node, own[i]))
            read_error(r, yaml_get(node, own[i])->key, tr("'%s' belongs to the account"), own[i]);
    if (!name)
        return;
    c->account_at = place_of(at);
    c->account = service_account(s, name);
    if (c->account) {
        c->standin = c->account->standin;
        c->api = c->account->api;
        return;
    }
    for (size_t i = 0; i < s->account_count; i++)
        strbuf_printf(&list, "%s%s", i ? ", " : "", s->accounts[i].name);
    read_error(r, at, tr("unknown account '%s'; under 'accounts' there is: %s"), name,
               list.text ? list.text : tr("none"));
    strbuf_dispose(&list);
}

static void senders_read(const struct reader *r, const struct yaml_node *node,
                         struct service_channel *c)
{
    if (node && node->kind == YAML_SCALAR && strcmp(node->text, "all") == 0) {
        c->all_senders = true;
    } else if (node) {
        c->senders = read_names(r, node, "senders", &c->sender_count);
    } else {
        struct conf_sender *own = arena_alloc(r->arena, sizeof *own);

        *own = (struct conf_sender){c->name, c->at};
        c->senders = own;
        c->sender_count = 1;
    }
}

/* Everything talks to the platform's own host, or, marked as a stand-in, to this machine: no typing
 * error may send customers' names anywhere else. */
void standin_read(const struct reader *r, const struct yaml_node *node, bool *standin,
                  const char **out)
{
    const struct yaml_node *api = yaml_get(node, "api"), *flag = yaml_get(node, "standin");

    read_bool(r, flag, "standin", standin);
    const char *url = read_line(r, api, "api", 256);
    if (url && !service_loopback_url(url)) {
        read_error(r, api,
                   tr("'api' must be http:// or https:// and 127.0.0.1, localhost or [::1], with "
                      "a port or without, and no path"));
        return;
    }
    if (url && !*standin)
        read_error(r, api, tr("'api' is for tests only: it needs 'standin: true'"));
    else if (*standin && !api && !yaml_get(node, "url")) /* a plugin's own address: it judges it */
        read_error(r, flag, tr("'standin: true' needs 'api'"));
    if (!url)
        return;
    *out = url;
}

bool service_loopback_url(const char *url)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost", "[::1]"};
    const char *s = strncmp(url, "https://", 8) == 0 ? url + 8 : url + 7;

    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return false;
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        size_t length = strlen(hosts[i]);
        unsigned port = 0;

        if (strncmp(s, hosts[i], length) != 0)
            continue;
        if (s[length] == '\0')
            return true;
        if (s[length] != ':' || s[length + 1] < '1' || s[length + 1] > '9')
            return false;
        for (s += length + 1; *s >= '0' && *s <= '9' && port <= 65535; s++)
            port = port * 10 + (unsigned)(*s - '0');
        return *s == '\0' && port <= 65535;
    }
    return false;
}

/* --- users --- */

static void users_read(const struct reader *r, const struct yaml_node *node, struct service *s)
{
    if (!read_list(r, node, "users", 1000))
        return;
    struct service_user *users = arena_array(r->arena, node->count, sizeof *users);
    s->users = users;
    for (size_t i = 0; i < node->count; i++) {
        struct service_user u = {0};

        if (!user_read(r, node->items[i], &u))
            continue;
        user_unique(r, node->items[i], s, &u);
        users[s->user_count++] = u;
    }
}

static bool user_read(const struct reader *r, const struct yaml_node *node, struct service_user *u)
{
    if (!read_map(r, node, "users"))
        return false;
    u->at = place_of(node);
    u->name = read_line(r, read_required(r, node, "name"), "name", NAME_BYTES_MAX);
    u->roles = roles_read(r, read_required(r, node, "roles"));
    u->os_user = read_line(r, read_required(r, node, "os_user"), "os_user", NAME_BYTES_MAX);
    if (yaml_get(node, "senders"))
        u->senders = read_names(r, yaml_get(node, "senders"), "senders", &u->sender_count);
    return u->name && u->os_user;
}

/* Two names for one login, or one name for two, and nobody could say who approved. */
static void user_unique(const struct reader *r, const struct yaml_node *node,
                        const struct service *s, const struct service_user *u)
{
    for (size_t i = 0; i < s->user_count; i++) {
        if (strcmp(s->users[i].name, u->name) == 0)
            read_error(r, yaml_get(node, "name"), tr("'%s' is listed twice"), u->name);
        if (strcmp(s->users[i].os_user, u->os_user) == 0)
            read_error(r, yaml_get(node, "os_user"), tr("'%s' is listed twice"), u->os_user);
    }
}

static unsigned roles_read(const struct reader *r, const struct yaml_node *node)
{
    static const char *const words[] = {"viewer",   "submitter", "approver", "operator",
                                        "resolver", "admin",     NULL};
    unsigned roles = 0;

    if (!read_list(r, node, "roles", 16))
        return 0;
    for (size_t i = 0; i < node->count; i++) {
        int role = read_word(r, node->items[i], "roles", words);

        if (role != READ_NONE)
            roles |= 1U << role;
    }
    return roles;
}

/* --- paths --- */

static char *absolute_dir(const char *file)
{
    char *dir = file_dir(file);
    char *real = realpath(*dir ? dir : ".", NULL);

    if (!real) /* the folder is not there (yet): the name as it is */
        return dir;
    free(dir);
    return real;
}

static const char *absolute(struct arena *arena, const char *dir, const char *path)
{
    char *joined = file_join(dir, path);
    const char *copy = arena_strdup(arena, joined);

    free(joined);
    return copy;
}
