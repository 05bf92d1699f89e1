#include "conf/edit.h"

#include "conf/text_place.h"

#include <assert.h>
#include <string.h>

/* Behind a scalar that begins at `s`; NULL: not told. */
static const char *end_of(const char *s, const struct yaml_node *node)
{
    if (*s == '"' || *s == '\'') {
        const char *end = strchr(s + 1, *s);
        /* what is between must be the text itself: no escape, no folded line */
        return end && (size_t)(end - s - 1) == node->length &&
                       memcmp(s + 1, node->text, node->length) == 0
                   ? end + 1
                   : NULL;
    }
    return strncmp(s, node->text, node->length) == 0 ? s + node->length : NULL;
}

bool edit_scalar(struct strbuf *out, const char *bytes, const struct yaml_node *node,
                 const char *value)
{
    assert(!strpbrk(value, "\"\\"));
    const char *s = node->kind == YAML_SCALAR
                        ? text_source_at(bytes, (struct place){node->line, node->column})
                        : NULL;
    const char *end = s ? end_of(s, node) : NULL;

    if (!end)
        return false;
    strbuf_add(out, bytes, (size_t)(s - bytes));
    strbuf_printf(out, "\"%s\"", value);
    strbuf_puts(out, end);
    return true;
}
