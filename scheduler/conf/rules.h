/* The content rules of all packs in force: which words a text may not have, or should have, and
 * which tags and columns an audience is better not chosen by (docs/policies.md).
 *
 * All terms of all rules are one automaton (terms.h). Read-only once built, but for
 * rules_judge_name. */
#ifndef PACELINE_CONF_RULES_H
#define PACELINE_CONF_RULES_H

#include "base/lang.h"
#include "base/strbuf.h"
#include "conf/reader.h"
#include "conf/terms.h"

enum { RULES_MAX = 256 };

struct rules;

struct rule {
    const char *pack, *version;       /* whose */
    const char *id;                   /* or NULL */
    const char *says[2], *article[2]; /* by enum lang; article may be NULL */
    bool block;                       /* else a warning */
    bool wants;                       /* speaks when none of its terms is there */
    bool conditional;                 /* only beside one of `when` */
    bool narrowed; /* only when the audience is chosen by one of `audience` ... */
    bool chosen;   /* ... and it is */
    bool of_text;  /* else the audience alone makes it speak */
};

struct rule_found {
    size_t key; /* below rules_keys: the same wherever the same is found */
    const struct rule *rule;
    const char *term;  /* as the pack writes it; NULL: something is missing */
    size_t begin, end; /* bytes of the text */
};

struct rules *rules_new(struct arena *arena);
/* `rules:` of a pack. */
void rules_read(struct rules *all, const struct reader *r, const struct yaml_node *node,
                const char *pack, const char *version);
/* Makes the rule PACK/ID block. False: there is none. */
bool rules_raise(struct rules *all, const char *name);
/* Everything is read. */
void rules_build(struct rules *all);
size_t rules_keys(const struct rules *all); /* of NULL: 0 */

typedef void rule_found_fn(void *ctx, const struct rule_found *found);
/* A tag or a column that the audience is chosen by: before the texts. */
void rules_judge_name(struct rules *all, const char *name, struct terms_scratch *s,
                      rule_found_fn *found, void *ctx);
void rules_judge(const struct rules *all, const char *text, size_t length, struct terms_scratch *s,
                 rule_found_fn *found, void *ctx);
/* `'最佳' is an absolute term (cn-advertising 2026-11, 广告法 art. 9(3))` */
void rules_tell(const struct rule_found *found, enum lang lang, struct strbuf *out);

#endif
