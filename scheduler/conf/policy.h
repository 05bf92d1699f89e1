/* Policy packs: dated YAML with limits, windows, quiet hours, an interval's bounds and content
 * rules. What is in force for a campaign is the service's, the channel's and its own together, to
 * the strictest (contract §2): a campaign cannot weaken one. */
#ifndef PACELINE_CONF_POLICY_H
#define PACELINE_CONF_POLICY_H

#include "conf/service.h"
#include "conf/terms.h"

enum { POLICY_RULES_MAX = 256, POLICY_NAMES_MAX = 64 };

struct policy_rule {
    const char *pack, *version; /* whose */
    const char *says[2];        /* by enum lang */
    const char *article;        /* or NULL */
    bool block;                 /* else a warning */
    bool wants;                 /* found when none of its terms is there */
    bool conditional;           /* only beside one of `when` */
};

struct policy_found {
    size_t key; /* below policy_keys: the same for each text that has this */
    const struct policy_rule *rule;
    const char *term;  /* as the pack writes it; NULL: something is missing */
    size_t begin, end; /* bytes of the text */
};

/* Finds the packs (`policies/` beside the service file, then beside the program), reads them and
 * tightens `c`. `channel` may be NULL. Errors are in `diags`. */
void policy_apply(struct campaign *c, const struct service *conf,
                  const struct service_channel *channel, struct diags *diags);
/* Whether every pack that the service file names can be read. */
void policy_check(const struct service *conf, struct diags *diags);

size_t policy_keys_count(const struct policy_rules *rules);
typedef void policy_found_fn(void *ctx, const struct policy_found *found);
/* What the rules find in one rendered text. Read-only but for the scratch. */
void policy_judge(const struct policy_rules *rules, const char *text, size_t length,
                  struct terms_scratch *s, policy_found_fn *found, void *ctx);
/* `'最佳' is an absolute term (cn-advertising 2026-11, 广告法 art. 9(3))` */
void policy_tell(const struct policy_found *found, enum lang lang, struct strbuf *out);

#endif
