/* Keys first (one walk over the table, keys.c), then values, each part on its own, so that one run
 * finds every error. */
#include "conf/campaign.h"

#include "base/lang.h"
#include "conf/audience.h"
#include "conf/duration.h"
#include "conf/file.h"
#include "conf/keys.h"
#include "conf/parts.h"

#include <stdlib.h>
#include <string.h>

enum { TAGS_MAX = 1000, APPROVERS_MAX = 100, ID_BYTES_MAX = 63 };
static const duration_t where_span_max = 366 * (duration_t)MS_PER_DAY;
enum { STORED_BYTES_MAX = 4 * 1024 * 1024, STORED_NODES_MAX = 100000 };

static struct campaign *campaign_parse(const struct reader *r, const struct yaml_node *root,
                                       const char *zone_default, struct zones *zones);
static void head_read(const struct reader *r, const struct yaml_node *root, struct campaign *c);
static const char *id_read(const struct reader *r, const struct yaml_node *node);
static void audience_read(const struct reader *r, const struct yaml_node *node, struct campaign *c);
static void source_read(const struct reader *r, const struct yaml_node *node, struct campaign *c);
static void recipients_read(const struct reader *r, const struct yaml_node *node,
                            struct campaign *c);
static void contacts_read(const struct reader *r, const struct yaml_node *node);
static void groups_read(const struct reader *r, const struct yaml_node *node, struct campaign *c);
static duration_t span_read(const struct reader *r, const struct yaml_node *map, const char *key);
static void of_several_read(const struct reader *r, const struct yaml_node *node,
                            struct campaign *c);
static void where_read(const struct reader *r, const struct yaml_node *node, struct campaign *c);
static void expect_read(const struct reader *r, const struct yaml_node *node, struct campaign *c);
static void tolerance_read(const struct reader *r, const struct yaml_node *node,
                           struct campaign *c);
static void message_read(const struct reader *r, const struct yaml_node *node, struct campaign *c);
static void packs_read(const struct reader *r, const struct yaml_node *node, struct campaign *c);
static void approval_read(const struct reader *r, const struct yaml_node *node, struct campaign *c);

struct campaign *campaign_read(const char *file, const char *bytes, size_t length,
                               const char *zone_default, const char *service_dir,
                               struct zones *zones, struct diags *diags)
{
    bool broken;
    struct campaign *c =
        campaign_read_broken(&broken, file, bytes, length, zone_default, service_dir, zones, diags);

    if (!broken)
        return c;
    campaign_free(c);
    return NULL;
}

struct campaign *campaign_read_broken(bool *broken, const char *file, const char *bytes,
                                      size_t length, const char *zone_default,
                                      const char *service_dir, struct zones *zones,
                                      struct diags *diags)
{
    struct arena *arena = arena_new();
    struct reader r = {.arena = arena,
                       .file = arena_strdup(arena, file),
                       .diags = diags,
                       .service_dir = service_dir};
    struct campaign *c = NULL;
    size_t first = diags->count, errors = diags->errors;
    const struct yaml_node *root = yaml_read(arena, file, bytes, length, diags);

    if (root)
        c = campaign_parse(&r, root, zone_default, zones);
    if (c)
        c->bytes = arena_strndup(arena, bytes, length);
    diags_order(diags, first);
    if (broken)
        *broken = diags->errors > errors || !c;
    if (!c)
        arena_free(arena);
    return c;
}

struct campaign *campaign_read_stored(const struct yaml_node **root, const char *bytes,
                                      size_t length, struct zones *zones, struct diags *diags)
{
    struct arena *arena = arena_new();
    struct reader r = {.arena = arena, .file = "manifest", .diags = diags, .stored = true};
    struct campaign *c = NULL;

    *root =
        yaml_read_capped(arena, r.file, bytes, length, STORED_BYTES_MAX, STORED_NODES_MAX, diags);
    if (*root)
        c = campaign_parse(&r, *root, "UTC", zones);
    if (diags->errors > 0 || !c) {
        arena_free(arena);
        return NULL;
    }
    return c;
}

void campaign_free(struct campaign *c)
{
    if (c)
        arena_free(c->arena);
}

char *campaign_path(const struct campaign *c, const char *relative)
{
    char *dir = file_dir(c->file), *path = file_join(dir, relative);

    free(dir);
    return path;
}

static struct campaign *campaign_parse(const struct reader *r, const struct yaml_node *root,
                                       const char *zone_default, struct zones *zones)
{
    struct campaign *c = arena_alloc(r->arena, sizeof *c);

    c->arena = r->arena;
    c->file = r->file;
    if (!read_map(r, root, tr("the file")))
        return NULL;
    keys_check(r, root, campaign_keys);
    head_read(r, root, c);
    audience_read(r, read_required(r, root, "audience"), c);
    message_read(r, read_required(r, root, "message"), c);
    schedule_read(r, yaml_get(root, "schedule"), zone_default, zones, c);
    pace_read(r, yaml_get(root, "pace"), c);
    confirm_read(r, yaml_get(root, "confirm"), c);
    stop_read(r, yaml_get(root, "stop_when"), c);
    approval_read(r, yaml_get(root, "approval"), c);
    if (r->stored)
        packs_read(r, yaml_get(root, "policy"), c);
    else
        c->policies = read_policies(r, yaml_get(root, "policy"), &c->policy_count);
    return c;
}

static void head_read(const struct reader *r, const struct yaml_node *root, struct campaign *c)
{
    const struct yaml_node *id = read_required(r, root, "campaign");
    const struct yaml_node *title = yaml_get(root, "title");
    const struct yaml_node *channel = read_required(r, root, "channel");

    if (id) {
        c->id = id_read(r, id);
        c->id_at = place_of(id);
    }
    c->title = title ? read_line(r, title, "title", 4 * NAME_BYTES_MAX) : c->id;
    if (channel) {
        c->channel = read_line(r, channel, "channel", NAME_BYTES_MAX);
        c->channel_at = place_of(channel);
    }
    c->senders = read_names(r, yaml_get(root, "senders"), "senders", &c->sender_count);
}

static const char *id_read(const struct reader *r, const struct yaml_node *node)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static const char others[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    const char *id = read_text(r, node, "campaign");

    if (!id)
        return NULL;
    if (node->length > ID_BYTES_MAX || !strchr(first, id[0]) ||
        strspn(id, others) != node->length) {
        read_error(r, node,
                   tr("'campaign' must be 1 to %d of a-z, 0-9 and '-', and not start with '-'"),
                   ID_BYTES_MAX);
        return NULL;
    }
    return id;
}

/* --- audience --- */

static void audience_read(const struct reader *r, const struct yaml_node *node, struct campaign *c)
{
    if (!read_map(r, node, "audience"))
        return;
    c->audience_at = place_of(node);
    if (r->stored) {
        c->source = AUDIENCE_STORED;
        c->where.not_contacted = span_read(r, node, "not_contacted");
        return;
    }
    source_read(r, node, c);
    of_several_read(r, yaml_get(node, "of_several"), c);
    where_read(r, yaml_get(node, "where"), c);
    expect_read(r, node, c);
}

/* Exactly one. A source that is not built yet has its error already and counts as one. */
static void source_read(const struct reader *r, const struct yaml_node *node, struct campaign *c)
{
    static const char *const sources[] = {"file", "recipients", "contacts", "groups", "senders"};
    static const char *const all[] = {"all", NULL};
    const struct yaml_node *source = NULL;

    for (size_t i = 0; i < node->count; i++) {
        for (size_t s = 0; s < sizeof sources / sizeof *sources; s++) {
            if (strcmp(node->items[i]->key->text, sources[s]) != 0)
                continue;
            if (source)
                read_error(r, node->items[i]->key,
                           tr("an audience has exactly one source: '%s' or '%s'"),
                           source->key->text, sources[s]);
            else
                source = node->items[i];
        }
    }
    if (!source) {
        read_error(r, node,
                   tr("missing key 'file', 'recipients', 'contacts', 'groups' or 'senders'"));
        return;
    }
    c->audience_at = place_of(source);
    if (strcmp(source->key->text, "file") == 0) {
        c->source = AUDIENCE_FILE;
        c->audience_file = read_line(r, source, "file", PATH_BYTES_MAX);
    } else if (strcmp(source->key->text, "recipients") == 0) {
        c->source = AUDIENCE_RECIPIENTS;
        recipients_read(r, source, c);
    } else if (strcmp(source->key->text, "senders") == 0) {
        c->source = AUDIENCE_SENDERS;
        read_word(r, source, "senders", all);
    } else if (strcmp(source->key->text, "contacts") == 0) {
        c->source = AUDIENCE_CONTACTS;
        contacts_read(r, source);
    } else {
        c->source = AUDIENCE_GROUPS;
        groups_read(r, source, c);
    }
}

static void groups_read(const struct reader *r, const struct yaml_node *node, struct campaign *c)
{
    const struct yaml_node *owners = yaml_get(node, "owners");

    if (!read_map(r, node, "groups"))
        return;
    if (yaml_get(node, "name"))
        c->groups_name = read_line(r, yaml_get(node, "name"), "name", NAME_BYTES_MAX);
    if (owners)
        c->groups_owners = read_names(r, owners, "owners", &c->groups_owner_count);
}

static void contacts_read(const struct reader *r, const struct yaml_node *node)
{
    bool all = false;

    if (read_bool(r, node, "contacts", &all) && !all)
        read_error(r, node, tr("'contacts' is true or left out"));
}

/* Everybody has all of no tags and none of no tags, so those two may be empty; nobody has one of
 * no tags. */
static struct where_tags tags_read(const struct reader *r, const struct yaml_node *where,
                                   const char *key, bool may_be_empty)
{
    const struct yaml_node *node = yaml_get(where, key);
    struct where_tags tags = {0};

    if (may_be_empty ? !read_list_or_none(r, node, key, TAGS_MAX)
                     : !read_list(r, node, key, TAGS_MAX))
        return tags;
    const char **names = arena_array(r->arena, node->count, sizeof *names);
    for (size_t i = 0; i < node->count; i++) {
        const char *name = read_line(r, node->items[i], key, NAME_BYTES_MAX);

        if (name && strpbrk(name, ";"))
            read_error(r, node->items[i], tr("a tag has no ';' in it: write one tag an item"));
        else if (name)
            names[tags.count++] = name;
    }
    tags.names = names;
    return tags;
}

/* 0: not asked. */
static duration_t span_read(const struct reader *r, const struct yaml_node *map, const char *key)
{
    const struct yaml_node *node = yaml_get(map, key);
    const char *text = read_text(r, node, key);
    duration_t span = 0;

    if (text && (!duration_parse(text, &span) || span <= 0 || span > where_span_max)) {
        read_error(r, node, tr("'%s' must be a duration from 1ms to 366d"), key);
        return 0;
    }
    return span;
}

/* The platform's numbers for how somebody was added. */
static void ways_read(const struct reader *r, const struct yaml_node *node, struct where *w)
{
    if (!node || !read_list(r, node, "added_ways", TAGS_MAX))
        return;
    int64_t *ways = arena_array(r->arena, node->count, sizeof *ways);
    for (size_t i = 0; i < node->count; i++) {
        uint64_t way;
        if (read_number(r, node->items[i], "added_ways", 0, 100000, &way))
            ways[w->way_count++] = (int64_t)way;
    }
    w->ways = ways;
}

static void of_several_read(const struct reader *r, const struct yaml_node *node,
                            struct campaign *c)
{
    static const char *const words[] = {"last_added", "first_added", "listed", NULL};
    int i = node ? read_word(r, node, "of_several", words) : READ_NONE;

    if (i == READ_NONE)
        return;
    c->of_several = i;
    c->of_several_at = place_of(node);
}

static void where_read(const struct reader *r, const struct yaml_node *node, struct campaign *c)
{
    if (!read_map(r, node, "where"))
        return;
    c->where_at = place_of(node);
    c->where = (struct where){.any = tags_read(r, node, "tags_any", false),
                              .all = tags_read(r, node, "tags_all", true),
                              .none = tags_read(r, node, "tags_none", true),
                              .not_contacted = span_read(r, node, "not_contacted"),
                              .added_within = span_read(r, node, "added_within"),
                              .not_added_within = span_read(r, node, "not_added_within"),
                              .states = tags_read(r, node, "added_states", false)};
    ways_read(r, yaml_get(node, "added_ways"), &c->where);
}

static void recipients_read(const struct reader *r, const struct yaml_node *node,
                            struct campaign *c)
{
    if (!read_list(r, node, "recipients", YAML_NODES_MAX))
        return;
    struct conf_sender *list = arena_array(r->arena, node->count, sizeof *list);
    for (size_t i = 0; i < node->count; i++) {
        const char *name = read_line(r, node->items[i], "recipients", RECIPIENT_BYTES_MAX);

        if (name)
            list[c->recipient_count++] = (struct conf_sender){name, place_of(node->items[i])};
    }
    c->recipients = list;
}

static void expect_read(const struct reader *r, const struct yaml_node *node, struct campaign *c)
{
    const struct yaml_node *expect = yaml_get(node, "expect");
    const struct yaml_node *tolerance = yaml_get(node, "tolerance");

    if (expect && read_number(r, expect, "expect", 0, 1000000000000, &c->expect)) {
        c->has_expect = true;
        c->expect_at = place_of(expect);
    }
    if (tolerance && !expect)
        read_error(r, tolerance->key, tr("'tolerance' needs 'expect'"));
    else if (tolerance)
        tolerance_read(r, tolerance, c);
}

/* `10%`, `2.5%`, or a count. */
static void tolerance_read(const struct reader *r, const struct yaml_node *node, struct campaign *c)
{
    if (node->kind != YAML_SCALAR || node->length == 0 || node->text[node->length - 1] != '%') {
        read_number(r, node, "tolerance", 0, 1000000000000, &c->tolerance_count);
        return;
    }
    double value = 0, scale = 1;
    size_t i = 0, digits = node->length - 1;
    bool fraction = false, ok = digits > 0 && digits <= 8 && node->text[0] != '.';
    for (; ok && i < digits; i++) {
        char d = node->text[i];

        if (d == '.' && !fraction && i + 1 < digits) {
            fraction = true;
        } else if (d >= '0' && d <= '9') {
            value = value * 10 + (d - '0');
            scale *= fraction ? 10 : 1;
        } else {
            ok = false;
        }
    }
    if (!ok || value / scale > 100) {
        read_error(r, node, tr("'tolerance' must be a count or 0%% to 100%%"));
        return;
    }
    c->tolerance_is_part = true;
    c->tolerance_part = value / scale / 100;
}

/* --- message, approval --- */

static void message_read(const struct reader *r, const struct yaml_node *node, struct campaign *c)
{
    static const char *const formats[] = {"text", "markdown", NULL};

    if (!read_map(r, node, "message"))
        return;
    const struct yaml_node *text = yaml_get(node, "text"), *format = yaml_get(node, "format");
    const struct yaml_node *attachments = yaml_get(node, "attachments");
    if (!text && (!attachments || (attachments->kind == YAML_LIST && attachments->count == 0)))
        read_error(r, node, tr("missing key 'text' or 'attachments'"));
    c->text_at = place_of(text ? text : node);
    c->text = text ? read_text(r, text, "text") : NULL;
    if (c->text) {
        struct err e;

        if (template_compile(&c->template, r->arena, c->text, &e))
            read_error(r, text, "%s", e.text);
    }
    int f = format ? read_word(r, format, "format", formats) : 0;
    c->format = formats[f == READ_NONE ? 0 : f];
    message_attachments_read(r, attachments, c);
}

/* Of a manifest: which packs were in force. */
static void packs_read(const struct reader *r, const struct yaml_node *node, struct campaign *c)
{
    if (!node || !read_list(r, node, "policy", YAML_NODES_MAX))
        return;
    c->packs = arena_array(r->arena, node->count, sizeof *c->packs);
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_node *item = node->items[i];
        struct conf_pack *p = &c->packs[c->pack_count++];
        const char *digest = read_text(r, read_required(r, item, "digest"), "digest");

        p->name = read_text(r, read_required(r, item, "name"), "name");
        p->version = read_text(r, read_required(r, item, "version"), "version");
        if (digest && !digest_parse(digest, &p->digest))
            read_error(r, item, tr("the stored revision is damaged"));
    }
}

static void approval_read(const struct reader *r, const struct yaml_node *node, struct campaign *c)
{
    uint64_t n;

    c->approvers = 1;
    if (read_map(r, node, "approval") &&
        read_number(r, yaml_get(node, "approvers"), "approvers", 1, APPROVERS_MAX, &n))
        c->approvers = (int)n;
}
