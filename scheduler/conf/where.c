#include "conf/where.h"

#include <string.h>

/* The next tag of `*at` as (*tag, length); 0 at the end. Empty ones are passed over. */
static size_t tag_next(const char **at, const char **tag)
{
    static const char around[] = " \t\n";

    while (**at) {
        size_t length = strcspn(*at, ";");
        const char *start = *at;

        *at += length + ((*at)[length] == ';');
        while (length > 0 && strchr(around, *start)) {
            start++;
            length--;
        }
        while (length > 0 && strchr(around, start[length - 1]))
            length--;
        if (length > 0) {
            *tag = start;
            return length;
        }
    }
    return 0;
}

static bool tags_have(const char *tags, const char *name, size_t name_length)
{
    const char *tag;
    size_t length;

    while ((length = tag_next(&tags, &tag)) > 0) {
        if (length == name_length && memcmp(tag, name, length) == 0)
            return true;
    }
    return false;
}

static size_t how_many(const struct where_tags *t, const char *tags)
{
    size_t n = 0;

    for (size_t i = 0; i < t->count; i++)
        n += tags_have(tags, t->names[i], strlen(t->names[i]));
    return n;
}

bool where_asks_tags(const struct where *w)
{
    return w->any.count + w->all.count + w->none.count > 0;
}

bool where_narrows(const struct where *w)
{
    return where_asks_tags(w) || w->not_contacted > 0 || where_asks_relation(w);
}

bool where_asks_relation(const struct where *w)
{
    return w->added_within > 0 || w->not_added_within > 0 || w->way_count > 0 ||
           w->states.count > 0;
}

bool where_fits(const struct where *w, const char *tags)
{
    return (w->any.count == 0 || how_many(&w->any, tags) > 0) &&
           how_many(&w->all, tags) == w->all.count && how_many(&w->none, tags) == 0;
}

void tags_canonical(struct strbuf *out, const char *tags)
{
    size_t first = out->length, length;
    const char *tag;

    strbuf_puts(out, "");
    while ((length = tag_next(&tags, &tag)) > 0) {
        if (tags_have(out->text + first, tag, length))
            continue;
        if (out->length > first)
            strbuf_putc(out, ';');
        strbuf_add(out, tag, length);
    }
}
