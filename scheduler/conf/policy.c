/* A pack's pace and schedule are read by the campaign's own readers into an empty campaign, so that
 * both files mean the same by the same words. All terms of all rules are one automaton. */
#include "conf/policy.h"

#include "base/lang.h"
#include "conf/file.h"
#include "conf/json.h"
#include "conf/keys.h"
#include "conf/parts.h"

#include <stdlib.h>
#include <string.h>

enum { RULE_TERMS_MAX = 5000, EXCEPTION_ROOM = 2 * TERM_BYTES_MAX };

enum purpose { FIND, EXCEPT, WHEN };

struct entry { /* one term of the automaton */
    enum purpose purpose;
    size_t rule;
    const char *term;
};

struct policy_rules {
    struct terms *terms;
    struct entry *entries;
    size_t entry_count;
    struct policy_rule rules[POLICY_RULES_MAX];
    size_t rule_count;
};

struct reading { /* one campaign's packs */
    struct campaign *c;
    const struct service *conf;
    struct diags *diags;
};

static void names_check(const struct service *conf, const struct conf_sender *names, size_t count,
                        struct diags *diags);
static void pack_add(struct reading *g, const struct conf_sender *named, const char *file);
static const struct yaml_node *pack_open(struct reading *g, struct reader *r,
                                         const struct conf_sender *named, const char *named_in);
static void pack_read(struct reading *g, const struct reader *r, const struct yaml_node *root,
                      const char *name);
static void combine(struct campaign *c, const struct campaign *pack, bool paced);
static void limits_combine(struct campaign *c, const struct campaign *pack);
static void rules_read(struct reading *g, const struct reader *r, const struct yaml_node *node,
                       const char *name, const char *version);

void policy_apply(struct campaign *c, const struct service *conf,
                  const struct service_channel *channel, struct diags *diags)
{
    struct reading g = {c, conf, diags};
    const size_t most =
        conf->policy_count + c->policy_count + (channel ? channel->policy_count : 0);

    c->packs = arena_array(c->arena, most + 1, sizeof *c->packs);
    for (size_t i = 0; i < conf->policy_count; i++)
        pack_add(&g, &conf->policies[i], conf->file);
    for (size_t i = 0; channel && i < channel->policy_count; i++)
        pack_add(&g, &channel->policies[i], conf->file);
    for (size_t i = 0; i < c->policy_count; i++)
        pack_add(&g, &c->policies[i], c->file);
    if (c->rules)
        terms_build(c->rules->terms);
}

void policy_check(const struct service *conf, struct diags *diags)
{
    names_check(conf, conf->policies, conf->policy_count, diags);
    for (size_t i = 0; i < conf->channel_count; i++)
        names_check(conf, conf->channels[i].policies, conf->channels[i].policy_count, diags);
}

/* --- reading --- */

/* Each for a campaign that asks for nothing. */
static void names_check(const struct service *conf, const struct conf_sender *names, size_t count,
                        struct diags *diags)
{
    for (size_t i = 0; i < count; i++) {
        struct arena *arena = arena_new();
        struct campaign nobody = {.arena = arena,
                                  .schedule = {.start = INSTANT_MIN, .end = INSTANT_NEVER},
                                  .packs = arena_array(arena, 1, sizeof *nobody.packs)};

        pack_add(&(struct reading){&nobody, conf, diags}, &names[i], conf->file);
        arena_free(arena);
    }
}

/* Each once, in the order it is met. */
static void pack_add(struct reading *g, const struct conf_sender *named, const char *file)
{
    struct campaign *c = g->c;
    struct reader r = {.arena = c->arena, .diags = g->diags, .service_dir = g->conf->dir};
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
    struct campaign *pack = arena_alloc(r->arena, sizeof *pack);
    const char *said = read_text(r, own, "policy");
    const char *version = dated(r, root, "version", "dddd-dd", "2026-11");

    if (said && strcmp(said, name) != 0)
        read_error(r, own, tr("the file's name says '%s'"), name);
    dated(r, root, "read", "dddd-dd-dd", "2026-11-24");
    read_text(r, read_required(r, root, "source"), "source");
    read_text(r, yaml_get(root, "title"), "title");
    pace_read(r, root, pack);
    schedule_read_also(r, root, g->c, pack);
    rules_read(g, r, yaml_get(root, "rules"), name, version);
    combine(g->c, pack, yaml_get(root, "interval") != NULL);
}

/* --- limits and the interval --- */

static void combine(struct campaign *c, const struct campaign *pack, bool paced)
{
    limits_combine(c, pack);
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
           a->span == b->span && a->period == b->period && a->sends == b->sends;
}

static void limits_combine(struct campaign *c, const struct campaign *pack)
{
    size_t most = c->limit_count + pack->limit_count, count = c->limit_count;
    struct conf_limit *limits = arena_array(c->arena, most, sizeof *limits);

    for (size_t i = 0; i < count; i++)
        limits[i] = c->limits[i];
    for (size_t i = 0; i < pack->limit_count; i++) {
        const struct conf_limit *l = &pack->limits[i];
        size_t same = 0;
        while (same < count && !same_limit(&limits[same], l))
            same++;
        if (same == count)
            limits[count++] = *l;
        else
            limits[same].drop |= l->drop;
    }
    c->limits = limits;
    c->limit_count = count;
}

/* --- content rules --- */

static size_t terms_read(struct policy_rules *all, const struct reader *r,
                         const struct yaml_node *node, const char *what, enum purpose purpose)
{
    const struct yaml_node *const *items;
    size_t count = read_one_or_list(r, node, what, RULE_TERMS_MAX, &items);

    for (size_t i = 0; i < count; i++) {
        const char *term = read_line(r, items[i], what, TERM_BYTES_MAX);
        if (term && (all->entry_count == TERMS_MAX || !terms_add(all->terms, term)))
            read_error(r, items[i],
                       tr("'%s' cannot be a term: nothing is left of it, or there are "
                          "more than %d"),
                       term, TERMS_MAX);
        else if (term)
            all->entries[all->entry_count++] = (struct entry){purpose, all->rule_count, term};
    }
    return count;
}

static void rule_read(struct policy_rules *all, const struct reader *r,
                      const struct yaml_node *node, const char *name, const char *version)
{
    static const char *const levels[] = {"block", "warn", NULL};
    struct policy_rule *rule = &all->rules[all->rule_count];

    if (!read_map(r, node, "rules"))
        return;
    const struct yaml_node *terms = yaml_get(node, "terms"), *wants = yaml_get(node, "wants");
    const struct yaml_node *says = read_required(r, node, "says");
    *rule = (struct policy_rule){.pack = name, .version = version};
    rule->block = read_word(r, read_required(r, node, "level"), "level", levels) == 0;
    rule->article = read_line(r, yaml_get(node, "article"), "article", TERM_BYTES_MAX);
    read_text(r, yaml_get(node, "source"), "source");
    if (read_map(r, says, "says")) {
        rule->says[LANG_EN] = read_line(r, read_required(r, says, "en"), "en", TERM_BYTES_MAX);
        rule->says[LANG_ZH] = read_line(r, read_required(r, says, "zh"), "zh", TERM_BYTES_MAX);
    }
    if ((terms != NULL) == (wants != NULL))
        read_error(r, node, tr("a rule has either 'terms' or 'wants'"));
    rule->wants = wants != NULL;
    terms_read(all, r, terms ? terms : wants, terms ? "terms" : "wants", FIND);
    terms_read(all, r, yaml_get(node, "except"), "except", EXCEPT);
    rule->conditional = terms_read(all, r, yaml_get(node, "when"), "when", WHEN) > 0;
    all->rule_count++;
}

static void rules_read(struct reading *g, const struct reader *r, const struct yaml_node *node,
                       const char *name, const char *version)
{
    struct campaign *c = g->c;

    if (!node || !read_list(r, node, "rules", POLICY_RULES_MAX))
        return;
    if (!c->rules) {
        c->rules = arena_alloc(c->arena, sizeof *c->rules);
        c->rules->terms = terms_new(c->arena);
        c->rules->entries = arena_array(c->arena, TERMS_MAX, sizeof *c->rules->entries);
    }
    for (size_t i = 0; i < node->count; i++) {
        if (c->rules->rule_count == POLICY_RULES_MAX) {
            read_error(r, node->items[i], tr("'%s' has more than %zu entries"), "rules",
                       (size_t)POLICY_RULES_MAX);
            return;
        }
        rule_read(c->rules, r, node->items[i], name, version);
    }
}

/* --- judging --- */

size_t policy_keys_count(const struct policy_rules *rules)
{
    return rules ? rules->entry_count + rules->rule_count : 0;
}

/* Whether the hit lies in an exception of its rule. Hits come by their end, and no exception is
 * longer than EXCEPTION_ROOM: only so far is looked. */
static bool excepted(const struct policy_rules *all, const struct terms_scratch *s, size_t index)
{
    const struct terms_hit *hit = &s->hits[index];
    size_t first = index;

    while (first > 0 && s->hits[first - 1].to == hit->to)
        first--;
    for (size_t i = first; i < s->hit_count && s->hits[i].to <= hit->from + EXCEPTION_ROOM; i++) {
        const struct entry *other = &all->entries[s->hits[i].term];
        if (other->purpose == EXCEPT && other->rule == all->entries[hit->term].rule &&
            s->hits[i].from <= hit->from)
            return true;
    }
    return false;
}

void policy_judge(const struct policy_rules *all, const char *text, size_t length,
                  struct terms_scratch *s, policy_found_fn *found, void *ctx)
{
    bool beside[POLICY_RULES_MAX] = {false}, there[POLICY_RULES_MAX] = {false};

    terms_scan(all->terms, text, length, s);
    for (size_t i = 0; i < s->hit_count; i++) {
        const struct entry *entry = &all->entries[s->hits[i].term];
        beside[entry->rule] |= entry->purpose == WHEN;
        there[entry->rule] |= entry->purpose == FIND;
    }
    for (size_t i = 0; i < s->hit_count; i++) {
        const struct terms_hit *hit = &s->hits[i];
        const struct entry *entry = &all->entries[hit->term];
        const struct policy_rule *rule = &all->rules[entry->rule];
        if (entry->purpose == FIND && !rule->wants && (!rule->conditional || beside[entry->rule]) &&
            !excepted(all, s, i))
            found(ctx, &(struct policy_found){hit->term, rule, entry->term, hit->begin, hit->end});
    }
    for (size_t i = 0; i < all->rule_count; i++) {
        const struct policy_rule *rule = &all->rules[i];
        if (rule->wants && !there[i] && (!rule->conditional || beside[i]))
            found(ctx, &(struct policy_found){all->entry_count + i, rule, NULL, 0, 0});
    }
}

void policy_tell(const struct policy_found *found, enum lang lang, struct strbuf *out)
{
    const struct policy_rule *rule = found->rule;

    if (found->term)
        strbuf_printf(out, "'%s' ", found->term);
    strbuf_printf(out, "%s (%s %s%s%s)", rule->says[lang], rule->pack, rule->version,
                  rule->article ? ", " : "", rule->article ? rule->article : "");
}
