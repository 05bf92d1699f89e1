#include "conf/json.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

static size_t escape_length(const char *s);
static bool json_literal(const struct yaml_node *node);
static bool json_number(const char *s);
static void json_map(struct strbuf *out, const struct yaml_node *node);
static int key_compare(const void *a, const void *b);

void canonical_string(struct strbuf *out, const char *s)
{
    strbuf_putc(out, '"');
    while (*s) {
        size_t n = escape_length(s);

        if (*s == '"' || *s == '\\')
            strbuf_printf(out, "\\%c", *s);
        else if (*s == '\n')
            strbuf_puts(out, "\\n");
        else if (*s == '\t')
            strbuf_puts(out, "\\t");
        else if (n == 1)
            strbuf_printf(out, "\\u%04x", (unsigned)(unsigned char)*s);
        else if (n == 2)
            strbuf_printf(out, "\\u%04x", (unsigned)(unsigned char)s[1]);
        else if (n == 3)
            strbuf_printf(out, "\\u%04x",
                          ((unsigned char)s[0] & 0xfU) << 12 | ((unsigned char)s[1] & 0x3fU) << 6 |
                              ((unsigned char)s[2] & 0x3fU));
        else
            strbuf_putc(out, *s);
        s += n ? n : 1;
    }
    strbuf_putc(out, '"');
}

void canonical_tree(struct strbuf *out, const struct yaml_node *node)
{
    switch (node->kind) {
    case YAML_SCALAR:
        if (json_literal(node))
            strbuf_puts(out, node->text);
        else
            canonical_string(out, node->text);
        break;
    case YAML_LIST:
        strbuf_putc(out, '[');
        for (size_t i = 0; i < node->count; i++) {
            if (i > 0)
                strbuf_putc(out, ',');
            canonical_tree(out, node->items[i]);
        }
        strbuf_putc(out, ']');
        break;
    case YAML_MAP:
        json_map(out, node);
        break;
    }
}

/* Bytes at `s` that are written as an escape; 0: as they are. Besides JSON's own: C1 controls, line
 * and paragraph separators (YAML folds them), the BOM. */
static size_t escape_length(const char *s)
{
    const unsigned char *u = (const unsigned char *)s;

    if (u[0] < 0x20 || u[0] == '"' || u[0] == '\\' || u[0] == 0x7f)
        return 1;
    if (u[0] == 0xc2 && u[1] < 0xa0)
        return 2;
    if ((u[0] == 0xe2 && u[1] == 0x80 && (u[2] == 0xa8 || u[2] == 0xa9)) ||
        (u[0] == 0xef && u[1] == 0xbb && u[2] == 0xbf))
        return 3;
    return 0;
}

static bool json_literal(const struct yaml_node *node)
{
    return !node->quoted && (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0 ||
                             strcmp(node->text, "null") == 0 || json_number(node->text));
}

static bool json_number(const char *s)
{
    static const char digits[] = "0123456789";

    s += *s == '-';
    size_t whole = strspn(s, digits);
    if (whole == 0 || (whole > 1 && *s == '0'))
        return false;
    s += whole;
    if (*s == '.') {
        size_t part = strspn(s + 1, digits);

        if (part == 0)
            return false;
        s += 1 + part;
    }
    if (*s == 'e' || *s == 'E') {
        s += s[1] == '+' || s[1] == '-' ? 2 : 1;
        size_t part = strspn(s, digits);

        if (part == 0)
            return false;
        s += part;
    }
    return *s == '\0';
}

static void json_map(struct strbuf *out, const struct yaml_node *node)
{
    struct yaml_node **items = xmalloc((node->count + 1) * sizeof(struct yaml_node *));

    if (node->count > 0)
        memcpy(items, node->items, node->count * sizeof(struct yaml_node *));
    qsort(items, node->count, sizeof(struct yaml_node *), key_compare);
    strbuf_putc(out, '{');
    for (size_t i = 0; i < node->count; i++) {
        if (i > 0)
            strbuf_putc(out, ',');
        canonical_string(out, items[i]->key->text);
        strbuf_putc(out, ':');
        canonical_tree(out, items[i]);
    }
    strbuf_putc(out, '}');
    free(items);
}

static int key_compare(const void *a, const void *b)
{
    const struct yaml_node *const *x = a, *const *y = b;

    return strcmp((*x)->key->text, (*y)->key->text);
}
