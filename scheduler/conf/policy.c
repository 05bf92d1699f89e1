/* A pack's pace and schedule are read by the campaign's own readers into an empty campaign, so that
 * both files mean the same by the same words. */
#include "conf/policy.h"

#include "base/lang.h"
#include "conf/file.h"
#include "conf/json.h"
#include "conf/keys.h"
#include "conf/parts.h"
#include "core/limit.h"

#include <stdlib.h>
#include <string.h>

struct raises { /* a pack's `block:` */
    struct reader reader;
    const struct yaml_node *node;
    struct raises *next;
};

struct reading { /* one campaign's packs */
    struct campaign *c;
    const struct service *conf;
    const struct service_channel *channel; /* or NULL */
    struct diags *diags;
    struct raises *raises;
};

static void names_check(const struct service *conf, const struct conf_sender *names, size_t count,
                        struct diags *diags);
static void together_check(const struct service *conf, const struct service_channel *channel,
                           struct diags *diags);
static void pack_add(struct reading *g, const struct conf_sender *named, const char *file);
static const struct yaml_node *pack_open(struct reading *g, struct reader *r,
                                         const struct conf_sender *named, const char *named_in);
static void pack_read(struct reading *g, const struct reader *r, const struct yaml_node *root,
                      const char *name);
static void combine(const struct reading *g, const struct campaign *pack, bool paced);
static void limits_combine(const struct reading *g, const struct campaign *pack);
static void raise(struct reading *g, const struct raises *of);

void policy_apply(struct campaign *c, const struct service *conf,
                  const struct service_channel *channel, struct diags *diags)
{
    struct reading g = {.c = c, .conf = conf, .channel = channel, .diags = diags};
    const size_t most =
        conf->policy_count + c->policy_count + (channel ? channel->policy_count : 0);

    c->packs = arena_array(c->arena, most + 1, sizeof *c->packs);
    for (size_t i = 0; i < conf->policy_count; i++)
        pack_add(&g, &conf->policies[i], conf->file);
    for (size_t i = 0; channel && i < channel->policy_count; i++)
        pack_add(&g, &channel->policies[i], conf->file);
    for (size_t i = 0; i < c->policy_count; i++)
        pack_add(&g, &c->policies[i], c->file);
    for (const struct raises *of = g.raises; of; of = of->next)
        raise(&g, of);
    if (c->rules)
        rules_build(c->rules);
}

void policy_check(const struct service *conf, struct diags *diags)
{
    size_t errors = diags->errors;

    names_check(conf, conf->policies, conf->policy_count, diags);
    for (size_t i = 0; i < conf->channel_count; i++)
        names_check(conf, conf->channels[i].policies, conf->channels[i].policy_count, diags);
    for (size_t i = 0; i < conf->channel_count && diags->errors == errors; i++)
        together_check(conf, &conf->channels[i], diags);
}

/* --- reading --- */

static struct campaign nobodys(struct arena *arena)
{
    return (struct campaign){.arena = arena,
                             .schedule = {.start = INSTANT_MIN, .end = INSTANT_NEVER},
                             .packs = arena_array(arena, 1, sizeof(struct conf_pack))};
}

/* What is only wrong of all that a channel's campaigns have in force. */
static void together_check(const struct service *conf, const struct service_channel *channel,
                           struct diags *diags)
{
    struct arena *arena = arena_new();
    struct campaign nobody = nobodys(arena);
    struct diags own;

    diags_init(&own);
    policy_apply(&nobody, conf, channel, &own);
    for (size_t i = 0; i < own.count; i++) {
        const struct diag *d = &own.items[i];
        if (d->level == DIAG_ERROR)
            diag_add(diags, d->file, d->line, d->column, d->level, d->code, "%s", d->message);
    }
    diags_dispose(&own);
    arena_free(arena);
}

/* Each for a campaign that asks for nothing. */
static void names_check(const struct service *conf, const struct conf_sender *names, size_t count,
                        struct diags *diags)
{
    for (size_t i = 0; i < count; i++) {
        struct arena *arena = arena_new();
        struct campaign nobody = nobodys(arena);

        pack_add(&(struct reading){.c = &nobody, .conf = conf, .diags = diags}, &names[i],
                 conf->file);
        arena_free(arena);
    }
}

/* Each once, in the order it is met. */
static void pack_add(struct reading *g, const struct conf_sender *named, const char *file)
{
    struct campaign *c = g->c;
    struct reader r = {
        .arena = c->arena, .diags = g->diags, .service_dir = g->conf->dir, .pack = true};
    size_t at = 0;

    while (at < c->pack_count && strcmp(c->packs[at].name, named->name) != 0)
        at++;
    if (at < c->pack_count)
        return;
    const struct yaml_node *root = pack_open(g, &r, named, file);
    if (!root)
        return;
    struct strbuf canonical = STRBUF_INIT;
    size_t errors = g->diags->errors;
    keys_check(&r, root, policy_keys);
    if (read_map(&r, root, tr("the file")))
        pack_read(g, &r, root, named->name);
    if (g->diags->errors > errors)
        return;
    canonical_tree(&canonical, root);
    c->packs[c->pack_count++] = (struct conf_pack){named->name, yaml_get(root, "version")->text,
                                                   digest_of(canonical.text, canonical.length)};
    strbuf_dispose(&canonical);
}

static const struct yaml_node *pack_open(struct reading *g, struct reader *r,
                                         const struct conf_sender *named, const char *named_in)
{
    char *path = file_shipped(g->conf->dir, "policies", named->name), *bytes = NULL;
    const struct yaml_node *root = NULL;
    size_t length;
    struct err e;

    if (!path) {
        diag_add(g->diags, named_in, named->at.line, named->at.column, DIAG_ERROR, ERR_DATA,
                 tr("unknown policy '%s': there is no policies/%s.yaml beside the service file or "
                    "the program"),
                 named->name, named->name);
        return NULL;
    }
    if (file_read(&bytes, &length, path, YAML_BYTES_MAX, &e)) {
        diag_add(g->diags, named_in, named->at.line, named->at.column, DIAG_ERROR, ERR_DATA, "%s",
                 e.text);
    } else {
        r->file = arena_strdup(g->c->arena, path);
        root = yaml_read(g->c->arena, r->file, bytes, length, g->diags);
    }
    free(bytes);
    free(path);
    return root;
}

static bool digits_at(const char *s, const char *shape)
{
    for (; *shape; s++, shape++)
        if (*shape == 'd' ? *s < '0' || *s > '9' : *s != *shape)
            return false;
    return *s == '\0';
}

static const char *dated(const struct reader *r, const struct yaml_node *root, const char *key,
                         const char *shape, const char *example)
{
    const struct yaml_node *node = read_required(r, root, key);
    const char *text = read_text(r, node, key);

    if (text && !digits_at(text, shape))
        read_error(r, node, tr("'%s' must be a date such as %s"), key, example);
    return text;
}

static void pack_read(struct reading *g, const struct reader *r, const struct yaml_node *root,
                      const char *name)
{
    const struct yaml_node *own = read_required(r, root, "policy");
    static const char *const required[] = {"required", NULL};
    struct campaign *pack = arena_alloc(r->arena, sizeof *pack);
    const char *said = read_text(r, own, "policy");
    const struct yaml_node *consent = yaml_get(root, "consent"), *block = yaml_get(root, "block");
    const struct yaml_node *rules = yaml_get(root, "rules");
    const char *version = dated(r, root, "version", "dddd-dd", "2026-11");

    if (said && strcmp(said, name) != 0)
        read_error(r, own, tr("the file's name says '%s'"), name);
    dated(r, root, "read", "dddd-dd-dd", "2026-11-24");
    read_text(r, read_required(r, root, "source"), "source");
    read_text(r, yaml_get(root, "title"), "title");
    pace_read(r, root, pack);
    schedule_read_also(r, root, g->c, pack);
    if (consent && read_word(r, consent, "consent", required) == 0)
        g->c->consent = name;
    if (rules && !g->c->rules)
        g->c->rules = rules_new(g->c->arena);
    if (rules)
        rules_read(g->c->rules, r, rules, name, version);
    if (block) {
        struct raises *of = arena_alloc(r->arena, sizeof *of);
        *of = (struct raises){*r, block, g->raises};
        g->raises = of;
    }
    combine(g, pack, yaml_get(root, "interval") != NULL);
}

/* `block: [PACK/ID]`: rules of packs in force that warn elsewhere and block here. */
static void raise(struct reading *g, const struct raises *of)
{
    const struct yaml_node *const *items;
    size_t count = read_one_or_list(&of->reader, of->node, "block", RULES_MAX, &items);

    for (size_t i = 0; i < count; i++) {
        const char *name = read_text(&of->reader, items[i], "block");
        if (name && (!g->c->rules || !rules_raise(g->c->rules, name)))
            read_error(&of->reader, items[i],
                       tr("no pack in force has a rule '%s' (PACK/ID): name the pack under "
                          "'policy' too"),
                       name);
    }
}

/* --- limits and the interval --- */

static void combine(const struct reading *g, const struct campaign *pack, bool paced)
{
    struct campaign *c = g->c;

    limits_combine(g, pack);
    if (paced) {
        if (pack->pace.floor > c->pace.floor)
            c->pace.floor = pack->pace.floor;
        if (pack->pace.ceiling > c->pace.ceiling)
            c->pace.ceiling = pack->pace.ceiling;
    }
}

static bool same_limit(const struct conf_limit *a, const struct conf_limit *b)
{
    return a->max == b->max && a->scope == b->scope && a->rolling == b->rolling &&
           a->span == b->span && a->period == b->period && a->sends == b->sends &&
           a->ramp.from == b->ramp.from && a->ramp.step == b->ramp.step &&
           a->ramp.every == b->ramp.every;
}

/* As the admin set it; nobody could be asked: the strictest. */
static struct conf_limit receive_cap(const struct reading *g, struct conf_limit l)
{
    static const struct {
        uint32_t max;
        enum period period;
        const char *text;
    } caps[] = {
        [RECEIVE_DAILY] = {1, PERIOD_DAY, "1 per day recipient"},
        [RECEIVE_WEEKLY] = {7, PERIOD_WEEK, "7 per week recipient"},
        [RECEIVE_MONTH_DAYS] = {LIMIT_MONTH_DAYS, PERIOD_MONTH, "month-days per month recipient"},
    };
    const struct service_account *account = g->channel ? g->channel->account : NULL;
    enum receive_cap cap = account ? account->receive_cap : RECEIVE_DAILY;

    l.max = caps[cap].max;
    l.period = (int)caps[cap].period;
    l.text = caps[cap].text;
    return l;
}

static void limits_combine(const struct reading *g, const struct campaign *pack)
{
    struct campaign *c = g->c;
    size_t most = c->limit_count + pack->limit_count, count = c->limit_count;
    struct conf_limit *limits = arena_array(c->arena, most, sizeof *limits);

    for (size_t i = 0; i < count; i++)
        limits[i] = c->limits[i];
    for (size_t i = 0; i < pack->limit_count; i++) {
        struct conf_limit l = pack->limits[i];
        size_t same = 0;
        if (l.max == LIMIT_RECEIVE_CAP)
            l = receive_cap(g, l);
        while (same < count && !same_limit(&limits[same], &l))
            same++;
        if (same == count)
            limits[count++] = l;
        else
            limits[same].drop |= l.drop;
    }
    c->limits = limits;
    c->limit_count = count;
}
