#include "channel/options.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/lang.h"
#include "base/text.h"
#include "conf/duration.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For "did you mean": keys that conf/service reads; the rest belongs to the plugin. */
static const char *const base_keys[] = {"plugin", "account", "mode", "senders", "api", "standin"};
enum { BASE_KEYS = sizeof(base_keys) / sizeof(base_keys[0]), OPTIONS_MAX = 32 };

struct settings { /* what channel_settings points into */
    struct channel_settings public;
    struct channel_account account;
    char *account_secret;
    const struct paceline_channel *kind;
    struct arena *arena;
};

struct reading {
    struct settings *s;
    const struct service *service;
    const struct service_channel *channel;
    bool read_secrets;
    struct diags *diags;
};

static void complain(const struct reading *r, const struct yaml_node *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void check_keys(const struct reading *r);
static void check_mode(const struct reading *r);
static void check_senders(const struct reading *r);
static void read_account(const struct reading *r, json_t *manifest);
static void read_base_url(const struct reading *r);
static void read_own_url(const struct reading *r);
static void read_option(const struct reading *r, const struct channel_option *o, json_t *manifest);

struct channel_settings *channel_settings_read(const struct paceline_channel *kind,
                                               const struct service *service,
                                               const struct service_channel *channel,
                                               bool read_secrets, struct diags *diags)
{
    struct settings *s = xmalloc(sizeof(*s));
    const struct reading r = {s, service, channel, read_secrets, diags};
    size_t before = diags->errors;
    json_t *manifest = json_object();
    char *text;

    s->kind = kind;
    s->arena = arena_new();
    s->public.values = arena_alloc(s->arena, kind->options_size ? kind->options_size : 1);
    check_keys(&r);
    check_mode(&r);
    check_senders(&r);
    read_account(&r, manifest);
    read_base_url(&r);
    for (const struct channel_option *o = kind->options; o && o->name; o++)
        read_option(&r, o, manifest);
    text = json_dumps(manifest, JSON_COMPACT | JSON_SORT_KEYS);
    s->public.manifest = arena_strdup(s->arena, text);
    free(text);
    json_decref(manifest);
    if (diags->errors == before && !(read_secrets && s->public.account && !s->account_secret))
        return &s->public;
    channel_settings_free(&s->public);
    return NULL;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_account(const struct channel_account *a, const struct channel_account *b)
{
    if (!a || !b)
        return a == b;
    return same_text(a->name, b->name) && same_text(a->corp_id, b->corp_id) &&
           a->agent_id == b->agent_id && same_text(a->secret, b->secret) &&
           a->poll_ms == b->poll_ms && a->reconcile_after_ms == b->reconcile_after_ms &&
           a->reconcile_for_ms == b->reconcile_for_ms;
}

/* The other options stand in the manifest. */
static bool same_secret(const struct channel_option *o, const void *a, const void *b)
{
    const char *left, *right;

    memcpy(&left, (const char *)a + o->offset, sizeof(left));
    memcpy(&right, (const char *)b + o->offset, sizeof(right));
    return same_text(left, right);
}

bool channel_settings_equal(const struct channel_settings *a, const struct channel_settings *b)
{
    const struct paceline_channel *kind = ((const struct settings *)a)->kind;

    if (((const struct settings *)b)->kind != kind || a->standin != b->standin ||
        !same_text(a->base_url, b->base_url) || !same_text(a->manifest, b->manifest) ||
        !same_account(a->account, b->account))
        return false;
    for (const struct channel_option *o = kind->options; o && o->name; o++)
        if (o->type == CHANNEL_SECRET && !same_secret(o, a->values, b->values))
            return false;
    return true;
}

void channel_settings_free(struct channel_settings *settings)
{
    struct settings *s = (struct settings *)settings; /* its first member */

    if (!s)
        return;
    for (const struct channel_option *o = s->kind->options; o && o->name; o++) {
        char *secret = NULL;
        if (o->type != CHANNEL_SECRET)
            continue;
        memcpy(&secret, (char *)s->public.values + o->offset, sizeof(secret));
        if (secret) {
            explicit_bzero(secret, strlen(secret));
            free(secret);
        }
    }
    if (s->account_secret) {
        explicit_bzero(s->account_secret, strlen(s->account_secret));
        free(s->account_secret);
    }
    arena_free(s->arena);
    free(s);
}

static void complain(const struct reading *r, const struct yaml_node *at, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    diag_add(r->diags, r->service->file, at->line, at->column, DIAG_ERROR, ERR_DATA, "%s", text);
}

/* --- keys --- */

static void check_keys(const struct reading *r)
{
    const struct yaml_node *map = r->channel->node;
    const char *known[BASE_KEYS + OPTIONS_MAX + 1] = {0};
    size_t count = 0;

    for (; count < BASE_KEYS; count++)
        known[count] = base_keys[count];
    for (const struct channel_option *o = r->s->kind->options; o && o->name; o++) {
        assert(count < BASE_KEYS + OPTIONS_MAX);
        known[count++] = o->name;
    }
    for (size_t i = 0; i < map->count; i++) {
        const struct yaml_node *key = map->items[i]->key;
        struct strbuf shown = STRBUF_INIT;
        const char *meant;
        size_t k = 0;
        while (k < count && strcmp(known[k], key->text) != 0)
            k++;
        if (k < count || service_channel_key(key->text))
            continue;
        text_safe(&shown, key->text, false);
        meant = text_nearest(key->text, known);
        if (meant)
            complain(r, key, tr("unknown key '%s', did you mean '%s'?"), shown.text, meant);
        else
            complain(r, key, tr("unknown key '%s'"), shown.text ? shown.text : "");
        strbuf_dispose(&shown);
    }
}

static void check_senders(const struct reading *r)
{
    if (r->channel->all_senders && !r->s->kind->caps.knows_relations)
        complain(r, yaml_get(r->channel->node, "senders"),
                 tr("'senders: all' is for channels that members send on, to their own customers "
                    "or groups: name the senders, or leave 'senders' out"));
}

static void check_mode(const struct reading *r)
{
    const struct paceline_channel *kind = r->s->kind;
    const struct yaml_node *node = yaml_get(r->channel->node, "mode");
    const char *meant;

    if (!kind->modes) {
        if (node)
            complain(r, node->key, tr("plugin '%s' has no modes"), kind->name);
        return;
    }
    if (!r->channel->mode) {
        complain(r, r->channel->node, tr("missing key '%s'"), "mode");
        return;
    }
    for (const char *const *m = kind->modes; *m; m++) {
        if (!strcmp(*m, r->channel->mode))
            return;
    }
    meant = text_nearest(r->channel->mode, kind->modes);
    if (meant)
        complain(r, node, tr("plugin '%s' has no mode '%s', did you mean '%s'?"), kind->name,
                 r->channel->mode, meant);
    else
        complain(r, node, tr("plugin '%s' has no mode '%s'"), kind->name, r->channel->mode);
}

/* Channels of one account share its secret, and what is wrong with it is said once. */
static char *account_secret(const struct reading *r, const struct yaml_node *node)
{
    struct diags found;
    char *secret;

    diags_init(&found);
    secret = secret_read(node, r->service->file, r->service->dir, &found);
    bool placeholder = secret && !strcmp(secret, SERVICE_INIT_SECRET);
    if (placeholder) {
        diag_add(
            &found, r->service->file, node->line, node->column, DIAG_ERROR, ERR_DATA, "%s",
            tr("still the secret of 'paceline init': the app's page in the admin console sends "
               "yours to the admin's phone; put it into the file, alone (step 6 of "
               "docs/wecom.md)"));
        free(secret);
        secret = NULL;
    }
    for (size_t i = 0; i < found.count; i++) {
        const struct diag *d = &found.items[i];
        char message[512];
        size_t k = 0;
        snprintf(message, sizeof(message), "%s%s", d->message,
                 placeholder ? "" : tr(" (the app's secret: step 6 of docs/wecom.md)"));
        while (k < r->diags->count &&
               (r->diags->items[k].line != d->line || r->diags->items[k].column != d->column ||
                strcmp(r->diags->items[k].message, message) != 0))
            k++;
        if (k == r->diags->count)
            diag_add(r->diags, d->file, d->line, d->column, d->level, d->code, "%s", message);
    }
    diags_dispose(&found);
    return secret;
}

/* Which corp and app is part of what is approved; the name of the account is not. */
static void read_account(const struct reading *r, json_t *manifest)
{
    const struct service_account *a = r->channel->account;
    struct settings *s = r->s;

    if (!s->kind->open_account) {
        if (yaml_get(r->channel->node, "account"))
            complain(r, yaml_get(r->channel->node, "account")->key,
                     tr("plugin '%s' has no accounts"), s->kind->name);
        return;
    }
    if (!a) {
        if (!yaml_get(r->channel->node, "account"))
            complain(r, r->channel->node, tr("missing key '%s'"), "account");
        return;
    }
    if (r->read_secrets)
        s->account_secret = account_secret(r, a->secret);
    s->account = (struct channel_account){.name = a->name,
                                          .corp_id = a->corp_id,
                                          .agent_id = a->agent_id,
                                          .secret = s->account_secret,
                                          .poll_ms = a->poll,
                                          .reconcile_after_ms = a->reconcile_after,
                                          .reconcile_for_ms = a->reconcile_for};
    s->public.account = &s->account;
    json_object_set_new(manifest, "agent_id", json_integer(a->agent_id));
    json_object_set_new(manifest, "corp_id", json_string(a->corp_id));
}

static void read_base_url(const struct reading *r)
{
    const char *url = r->channel->standin ? r->channel->api : r->s->kind->platform_url;
    const struct yaml_node *node = yaml_get(r->channel->node, "standin");
    size_t length;

    if (r->s->kind->url_option) {
        read_own_url(r);
        return;
    }
    if (r->channel->standin && !r->s->kind->platform_url) {
        complain(r, node ? node->key : r->channel->node,
                 tr("plugin '%s' reaches no platform, so it has no stand-in"), r->s->kind->name);
        return;
    }
    if (!url)
        return;
    length = strlen(url);
    while (length > 0 && url[length - 1] == '/')
        length--;
    r->s->public.base_url = arena_strndup(r->s->arena, url, length);
    r->s->public.standin = r->channel->standin;
}

/* Scheme, host and port of a URL in plain characters, or NULL. */
static const char *url_origin(struct arena *arena, const char *url)
{
    size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;
    size_t host = scheme ? strcspn(url + scheme, "/?") : 0;

    if (host == 0 || memchr(url + scheme, '@', host) || strpbrk(url, "#\\"))
        return NULL;
    for (const char *s = url; *s; s++) {
        if (*s <= ' ' || *s > '~')
            return NULL;
    }
    return arena_strndup(arena, url, scheme + host);
}

/* The address is the user's own: over TLS, or, marked as a stand-in, on this machine. */
static void read_own_url(const struct reading *r)
{
    const char *name = r->s->kind->url_option, *origin;
    const struct yaml_node *node = yaml_get(r->channel->node, name);
    const struct yaml_node *api = yaml_get(r->channel->node, "api");
    bool standin = r->channel->standin;

    if (api)
        complain(r, api->key, tr("plugin '%s' has no 'api': '%s' is where it sends to"),
                 r->s->kind->name, name);
    if (!node || node->kind != YAML_SCALAR) /* read_option says so */
        return;
    origin = url_origin(r->s->arena, node->text);
    if (!origin)
        complain(r, node,
                 tr("'%s' must be https://HOST[:PORT][/PATH] in plain characters, without "
                    "a user name and without '#'"),
                 name);
    else if (standin && !service_loopback_url(origin))
        complain(r, node,
                 tr("with 'standin: true' the host of '%s' must be 127.0.0.1, localhost "
                    "or [::1]"),
                 name);
    else if (!standin && strncmp(origin, "https://", 8) != 0)
        complain(r, node,
                 tr("'%s' must be https://; plain http is for tests on this machine, with "
                    "'standin: true'"),
                 name);
    else
        r->s->public.base_url = origin;
    r->s->public.standin = standin;
}

/* --- values --- */

static void store(const struct reading *r, const struct channel_option *o, const void *value,
                  size_t size)
{
    assert(o->offset + size <= r->s->kind->options_size);
    memcpy((char *)r->s->public.values + o->offset, value, size);
}

static bool int_parse(const char *text, int64_t *out)
{
    const char *digits = text + (text[0] == '-');

    if (!digits[0] || digits[strspn(digits, "0123456789")])
        return false;
    errno = 0;
    *out = strtoll(text, NULL, 10);
    return errno == 0;
}

/* A value as its text, from the file or the table's fallback; false when it is not of its type. */
static bool read_text(const struct reading *r, const struct channel_option *o, const char *text,
                      json_t *manifest)
{
    int64_t number = 0;
    bool flag = !strcmp(text, "true");
    const char *copy;

    switch (o->type) {
    case CHANNEL_STRING:
        copy = arena_strdup(r->s->arena, text);
        store(r, o, &copy, sizeof(copy));
        return json_object_set_new(manifest, o->name, json_string(text)) == 0;
    case CHANNEL_BOOL:
        if (!flag && strcmp(text, "false") != 0)
            return false;
        store(r, o, &flag, sizeof(flag));
        return json_object_set_new(manifest, o->name, json_boolean(flag)) == 0;
    case CHANNEL_INT:
    case CHANNEL_DURATION:
        if (!(o->type == CHANNEL_INT ? int_parse(text, &number) : duration_parse(text, &number)))
            return false;
        store(r, o, &number, sizeof(number));
        return json_object_set_new(manifest, o->name, json_integer(number)) == 0;
    case CHANNEL_SECRET:
        break;
    }
    abort(); /* a secret has no text */
}

static void read_secret(const struct reading *r, const struct channel_option *o,
                        const struct yaml_node *node)
{
    char *secret;

    if (node->kind != YAML_MAP) {
        complain(r, node,
                 tr("'%s' is a secret and is never written here: use {file: …}, {env: NAME} or "
                    "{credential: NAME}"),
                 o->name);
        return;
    }
    if (!r->read_secrets)
        return;
    secret = secret_read(node, r->service->file, r->service->dir, r->diags);
    if (secret)
        store(r, o, &secret, sizeof(secret));
}

static const char *wanted(enum channel_option_type type)
{
    switch (type) {
    case CHANNEL_BOOL:
        return tr("true or false");
    case CHANNEL_INT:
        return tr("a whole number");
    case CHANNEL_DURATION:
        return tr("a duration such as 90s or 1h30m");
    case CHANNEL_STRING:
    case CHANNEL_SECRET:
        break;
    }
    return tr("a text");
}

static void read_option(const struct reading *r, const struct channel_option *o, json_t *manifest)
{
    const struct yaml_node *node = yaml_get(r->channel->node, o->name);
    bool text_type = o->type == CHANNEL_STRING;

    if (!node) {
        if (!o->fallback)
            complain(r, r->channel->node, tr("missing key '%s' (%s)"), o->name, tr(o->help));
        else if (o->type != CHANNEL_SECRET && !read_text(r, o, o->fallback, manifest))
            abort(); /* a plugin's table: the fallback is of the option's own type */
        return;
    }
    if (o->type == CHANNEL_SECRET)
        read_secret(r, o, node);
    else if (node->kind != YAML_SCALAR || (node->quoted && !text_type) ||
             (!node->quoted && node->length == 0) || !read_text(r, o, node->text, manifest))
        complain(r, node, tr("'%s' must be %s"), o->name, wanted(o->type));
}
