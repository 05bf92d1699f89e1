#include "conf/rules.h"

#include <stdio.h>
#include <string.h>

enum { RULE_TERMS_MAX = 5000, EXCEPTION_ROOM = 2 * TERM_BYTES_MAX };

enum purpose { FIND, EXCEPT, WHEN, AUDIENCE };

struct entry { /* one term of the automaton */
    enum purpose purpose;
    size_t rule;
    const char *term;
};

struct rules {
    struct terms *terms;
    struct entry *entries;
    size_t entry_count;
    struct rule rules[RULES_MAX];
    size_t count;
};

/* What a text has of each rule. */
struct present {
    bool found[RULES_MAX], beside[RULES_MAX];
};

static void rule_read(struct rules *all, const struct reader *r, const struct yaml_node *node,
                      const char *pack, const char *version);
static size_t terms_read(struct rules *all, const struct reader *r, const struct yaml_node *rule,
                         const char *key, enum purpose purpose);
static void both_read(const struct reader *r, const struct yaml_node *node, const char *what,
                      const char *out[2]);
static bool speaks(const struct rules *all, const struct present *p, const struct terms_scratch *s,
                   size_t index);
static bool outspoken(const struct rules *all, const struct present *p,
                      const struct terms_scratch *s, size_t index);
static bool excepted(const struct rules *all, const struct terms_scratch *s, size_t index);

struct rules *rules_new(struct arena *arena)
{
    struct rules *all = arena_alloc(arena, sizeof *all);

    all->terms = terms_new(arena);
    all->entries = arena_array(arena, TERMS_MAX, sizeof *all->entries);
    return all;
}

void rules_read(struct rules *all, const struct reader *r, const struct yaml_node *node,
                const char *pack, const char *version)
{
    if (!read_list(r, node, "rules", RULES_MAX))
        return;
    for (size_t i = 0; i < node->count; i++) {
        if (all->count == RULES_MAX) {
            read_error(r, node->items[i], tr("the packs in force have more than %d rules"),
                       RULES_MAX);
            return;
        }
        rule_read(all, r, node->items[i], pack, version);
    }
}

bool rules_raise(struct rules *all, const char *name)
{
    for (size_t i = 0; i < all->count; i++) {
        struct rule *rule = &all->rules[i];
        size_t length = strlen(rule->pack);
        if (!rule->id || strncmp(name, rule->pack, length) != 0 || name[length] != '/' ||
            strcmp(name + length + 1, rule->id) != 0)
            continue;
        rule->block = true;
        return true;
    }
    return false;
}

void rules_build(struct rules *all)
{
    terms_build(all->terms);
}

size_t rules_keys(const struct rules *all)
{
    return all ? all->entry_count + all->count : 0;
}

void rules_judge_name(struct rules *all, const char *name, struct terms_scratch *s,
                      rule_found_fn *found, void *ctx)
{
    terms_scan(all->terms, name, strlen(name), s);
    for (size_t i = 0; i < s->hit_count; i++) {
        const struct entry *entry = &all->entries[s->hits[i].term];
        struct rule *rule = &all->rules[entry->rule];
        if (entry->purpose != AUDIENCE)
            continue;
        rule->chosen = true;
        if (!rule->of_text)
            found(ctx,
                  &(struct rule_found){
                      .key = s->hits[i].term, .rule = rule, .term = name, .end = strlen(name)});
    }
}

void rules_judge(const struct rules *all, const char *text, size_t length, struct terms_scratch *s,
                 rule_found_fn *found, void *ctx)
{
    struct present p = {0};

    terms_scan(all->terms, text, length, s);
    for (size_t i = 0; i < s->hit_count; i++) {
        const struct entry *entry = &all->entries[s->hits[i].term];
        p.found[entry->rule] |= entry->purpose == FIND;
        p.beside[entry->rule] |= entry->purpose == WHEN;
    }
    for (size_t i = 0; i < s->hit_count; i++) {
        const struct terms_hit *hit = &s->hits[i];
        const struct entry *entry = &all->entries[hit->term];
        if (speaks(all, &p, s, i) && !outspoken(all, &p, s, i))
            found(ctx, &(struct rule_found){hit->term, &all->rules[entry->rule], entry->term,
                                            hit->begin, hit->end});
    }
    for (size_t i = 0; i < all->count; i++) {
        const struct rule *rule = &all->rules[i];
        if (rule->wants && !p.found[i] && (!rule->conditional || p.beside[i]) &&
            (!rule->narrowed || rule->chosen))
            found(ctx, &(struct rule_found){.key = all->entry_count + i, .rule = rule});
    }
}

void rules_tell(const struct rule_found *found, enum lang lang, struct strbuf *out)
{
    const struct rule *rule = found->rule;

    if (found->term)
        strbuf_printf(out, "'%s' ", found->term);
    strbuf_printf(out, "%s (%s %s%s%s)", rule->says[lang], rule->pack, rule->version,
                  rule->article[lang] ? ", " : "", rule->article[lang] ? rule->article[lang] : "");
}

/* --- judging --- */

static bool speaks(const struct rules *all, const struct present *p, const struct terms_scratch *s,
                   size_t index)
{
    const struct entry *entry = &all->entries[s->hits[index].term];
    const struct rule *rule = &all->rules[entry->rule];

    return entry->purpose == FIND && !rule->wants &&
           (!rule->conditional || p->beside[entry->rule]) && (!rule->narrowed || rule->chosen) &&
           !excepted(all, s, index);
}

/* Block over warn: whether a warning is about what another rule blocks, in the same place. */
static bool outspoken(const struct rules *all, const struct present *p,
                      const struct terms_scratch *s, size_t index)
{
    const struct terms_hit *hit = &s->hits[index];
    size_t first = index;

    if (all->rules[all->entries[hit->term].rule].block)
        return false;
    while (first > 0 && s->hits[first - 1].to == hit->to)
        first--;
    for (size_t i = first; i < s->hit_count && s->hits[i].to == hit->to; i++)
        if (s->hits[i].from == hit->from && all->rules[all->entries[s->hits[i].term].rule].block &&
            speaks(all, p, s, i))
            return true;
    return false;
}

/* Whether the hit lies in an exception of its rule. Hits come by their end, and no exception is
 * longer than EXCEPTION_ROOM: only so far is looked. */
static bool excepted(const struct rules *all, const struct terms_scratch *s, size_t index)
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

/* --- reading --- */

static void rule_read(struct rules *all, const struct reader *r, const struct yaml_node *node,
                      const char *pack, const char *version)
{
    static const char *const levels[] = {"block", "warn", NULL};
    struct rule *rule = &all->rules[all->count];

    if (!read_map(r, node, "rules"))
        return;
    const struct yaml_node *terms = yaml_get(node, "terms"), *wants = yaml_get(node, "wants");
    const struct yaml_node *audience = yaml_get(node, "audience");
    *rule = (struct rule){.pack = pack, .version = version};
    rule->id = read_line(r, yaml_get(node, "id"), "id", NAME_BYTES_MAX);
    rule->block = read_word(r, read_required(r, node, "level"), "level", levels) == 0;
    both_read(r, read_required(r, node, "says"), "says", rule->says);
    both_read(r, yaml_get(node, "article"), "article", rule->article);
    read_text(r, read_required(r, node, "source"), "source");
    if (terms ? wants != NULL : !wants && !audience)
        read_error(r, node, tr("a rule has one of 'terms' and 'wants', or 'audience' alone"));
    rule->wants = wants != NULL;
    rule->of_text = wants || terms;
    terms_read(all, r, node, terms ? "terms" : "wants", FIND);
    terms_read(all, r, node, "except", EXCEPT);
    rule->conditional = terms_read(all, r, node, "when", WHEN) > 0;
    rule->narrowed = terms_read(all, r, node, "audience", AUDIENCE) > 0;
    all->count++;
}

static size_t terms_read(struct rules *all, const struct reader *r, const struct yaml_node *rule,
                         const char *key, enum purpose purpose)
{
    const struct yaml_node *const *items;
    size_t count = read_one_or_list(r, yaml_get(rule, key), key, RULE_TERMS_MAX, &items);

    for (size_t i = 0; i < count; i++) {
        const char *term = read_line(r, items[i], key, TERM_BYTES_MAX);
        if (!term)
            continue;
        if (terms_add(all->terms, term))
            all->entries[all->entry_count++] = (struct entry){purpose, all->count, term};
        else
            read_error(r, items[i],
                       tr("'%s' cannot be a term: nothing is left of it, or there are more than "
                          "%d"),
                       term, TERMS_MAX);
    }
    return count;
}

/* One text, or one for each language. */
static void both_read(const struct reader *r, const struct yaml_node *node, const char *what,
                      const char *out[2])
{
    if (!node)
        return;
    if (node->kind == YAML_SCALAR) {
        out[LANG_EN] = out[LANG_ZH] = read_line(r, node, what, TERM_BYTES_MAX);
    } else if (read_map(r, node, what)) {
        out[LANG_EN] = read_line(r, read_required(r, node, "en"), "en", TERM_BYTES_MAX);
        out[LANG_ZH] = read_line(r, read_required(r, node, "zh"), "zh", TERM_BYTES_MAX);
    }
}
