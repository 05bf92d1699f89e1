/* `where:` of an audience: who of its source is meant, by tags and by when they were written to
 * last. Pure.
 *
 * Tags of a recipient are one text, as in a CSV: `vip; 老客`; spaces around a tag do not count. */
#ifndef PACELINE_CONF_WHERE_H
#define PACELINE_CONF_WHERE_H

#include "base/strbuf.h"
#include "core/instant.h"

#include <stdbool.h>

struct where_tags {
    const char *const *names;
    size_t count; /* 0: no such condition */
};

struct where {
    struct where_tags any, all, none;
    duration_t not_contacted; /* 0: no such condition */
    /* of the relation to the member who writes; 0 and empty: no such condition */
    duration_t added_within, not_added_within;
    const int64_t *ways;
    size_t way_count;
    struct where_tags states;
};

bool where_narrows(const struct where *w);   /* there is a condition */
bool where_asks_tags(const struct where *w); /* there is one on tags */
bool where_asks_relation(const struct where *w);
bool where_fits(const struct where *w, const char *tags);

/* Appends the tags in the form in which they are kept: each once, no spaces around, `;` between. */
void tags_canonical(struct strbuf *out, const char *tags);

#endif
