#include "conf/reader.h"

#include "base/lang.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct name_order {
    const struct yaml_node *node;
    size_t index;
};

static void word_error(const struct reader *r, const struct yaml_node *node, const char *what,
                       const char *const *words);
static int name_compare(const void *a, const void *b);
static void names_check(const struct reader *r, const struct yaml_node *list);

void read_error(const struct reader *r, const struct yaml_node *at, const char *format, ...)
{
    char text[1024];
    va_list args;

    if (at->bad)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    text[text_utf8_valid(text, strlen(text))] = '\0'; /* not cut inside a character */
    diag_add(r->diags, r->file, at->line, at->column, DIAG_ERROR, ERR_DATA, "%s", text);
}

const struct yaml_node *read_required(const struct reader *r, const struct yaml_node *map,
                                      const char *key)
{
    const struct yaml_node *node = yaml_get(map, key);

    if (!node)
        read_error(r, map, tr("missing key '%s'"), key);
    return node;
}

bool read_map(const struct reader *r, const struct yaml_node *node, const char *what)
{
    if (!node || node->kind == YAML_MAP)
        return node != NULL;
    read_error(r, node, tr("'%s' must be a mapping (keys and values)"), what);
    return false;
}

bool read_list(const struct reader *r, const struct yaml_node *node, const char *what, size_t max)
{
    if (!node)
        return false;
    if (node->kind != YAML_LIST)
        read_error(r, node, tr("'%s' must be a list"), what);
    else if (node->count == 0)
        read_error(r, node, tr("'%s' is empty"), what);
    else if (node->count > max)
        read_error(r, node, tr("'%s' has more than %zu entries"), what, max);
    else
        return true;
    return false;
}

bool read_list_or_none(const struct reader *r, const struct yaml_node *node, const char *what,
                       size_t max)
{
    bool none = node && node->kind == YAML_LIST && node->count == 0;

    return !none && read_list(r, node, what, max);
}

size_t read_one_or_list(const struct reader *r, const struct yaml_node *node, const char *what,
                        size_t max, const struct yaml_node *const **items)
{
    if (!node)
        return 0;
    if (node->kind == YAML_LIST && read_list(r, node, what, max)) {
        *items = (const struct yaml_node *const *)node->items;
        return node->count;
    }
    if (node->kind == YAML_LIST || !read_text(r, node, what))
        return 0;
    const struct yaml_node **one = arena_alloc(r->arena, sizeof(struct yaml_node *));
    one[0] = node;
    *items = one;
    return 1;
}

const char *read_text(const struct reader *r, const struct yaml_node *node, const char *what)
{
    if (!node || node->bad)
        return NULL;
    if (node->kind != YAML_SCALAR) {
        read_error(r, node, tr("'%s' must be text"), what);
        return NULL;
    }
    if (node->text[strspn(node->text, " \t\n")] == '\0') {
        read_error(r, node, tr("'%s' is empty"), what);
        return NULL;
    }
    return node->text;
}

const char *read_line(const struct reader *r, const struct yaml_node *node, const char *what,
                      size_t max)
{
    const char *text = read_text(r, node, what);

    if (!text)
        return NULL;
    if (node->length > max)
        read_error(r, node, tr("'%s' is longer than %zu bytes"), what, max);
    else if (strpbrk(text, "\n\t"))
        read_error(r, node, tr("'%s' must be one line without tabs"), what);
    else
        return text;
    return NULL;
}

bool read_number(const struct reader *r, const struct yaml_node *node, const char *what,
                 uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t n = 0;
    bool ok = node && node->kind == YAML_SCALAR && node->length > 0;

    if (!node || node->bad)
        return false;
    for (const char *s = node->text; ok && *s; s++)
        ok = *s >= '0' && *s <= '9' && !__builtin_mul_overflow(n, 10U, &n) &&
             !__builtin_add_overflow(n, (uint64_t)(*s - '0'), &n);
    if (ok && node->quoted) {
        read_error(r, node, tr("'%s' must be a number without quotes"), what);
        return false;
    }
    if (!ok || n < min || n > max) {
        read_error(r, node, tr("'%s' must be a whole number from %llu to %llu"), what,
                   (unsigned long long)min, (unsigned long long)max);
        return false;
    }
    *out = n;
    return true;
}

bool read_bool(const struct reader *r, const struct yaml_node *node, const char *what, bool *out)
{
    if (!node)
        return false;
    if (node->kind == YAML_SCALAR && !node->quoted) {
        *out = strcmp(node->text, "true") == 0;
        if (*out || strcmp(node->text, "false") == 0)
            return true;
    }
    read_error(r, node, tr("'%s' must be true or false, without quotes"), what);
    return false;
}

int read_word(const struct reader *r, const struct yaml_node *node, const char *what,
              const char *const *words)
{
    const char *text = read_text(r, node, what);

    if (!text)
        return READ_NONE;
    for (int i = 0; words[i]; i++) {
        if (strcmp(words[i], text) == 0)
            return i;
    }
    word_error(r, node, what, words);
    return READ_NONE;
}

const struct conf_sender *read_names(const struct reader *r, const struct yaml_node *node,
                                     const char *what, size_t *count)
{
    *count = 0;
    if (!read_list(r, node, what, YAML_NODES_MAX))
        return NULL;
    struct conf_sender *names = arena_array(r->arena, node->count, sizeof *names);
    for (size_t i = 0; i < node->count; i++) {
        const char *name = read_line(r, node->items[i], what, NAME_BYTES_MAX);

        if (name)
            names[(*count)++] = (struct conf_sender){name, place_of(node->items[i])};
    }
    names_check(r, node);
    return names;
}

const struct conf_sender *read_policies(const struct reader *r, const struct yaml_node *node,
                                        size_t *count)
{
    struct conf_sender *one;

    if (!node || node->kind != YAML_SCALAR)
        return read_names(r, node, "policy", count);
    one = arena_alloc(r->arena, sizeof *one);
    *one = (struct conf_sender){read_line(r, node, "policy", NAME_BYTES_MAX), place_of(node)};
    *count = one->name ? 1 : 0;
    return one;
}

struct place place_of(const struct yaml_node *node)
{
    return (struct place){node->line, node->column};
}

static void word_error(const struct reader *r, const struct yaml_node *node, const char *what,
                       const char *const *words)
{
    const char *nearest = text_nearest(node->text, words);
    struct strbuf all = STRBUF_INIT;

    if (nearest) {
        read_error(r, node, tr("unknown value '%s', did you mean '%s'?"), node->text, nearest);
        return;
    }
    for (size_t i = 0; words[i]; i++)
        strbuf_printf(&all, "%s%s", i ? ", " : "", words[i]);
    read_error(r, node, tr("'%s' must be one of: %s"), what, all.text);
    strbuf_dispose(&all);
}

static int name_compare(const void *a, const void *b)
{
    const struct name_order *x = a, *y = b;
    int order = strcmp(x->node->text, y->node->text);

    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static void names_check(const struct reader *r, const struct yaml_node *list)
{
    struct name_order *order = xmalloc(list->count * sizeof *order);

    for (size_t i = 0; i < list->count; i++)
        order[i] = (struct name_order){list->items[i], i};
    qsort(order, list->count, sizeof *order, name_compare);
    for (size_t i = 1; i < list->count; i++) {
        const struct yaml_node *node = order[i].node;

        if (node->kind == YAML_SCALAR && *node->text &&
            strcmp(node->text, order[i - 1].node->text) == 0)
            read_error(r, node, tr("'%s' is listed twice"), node->text);
    }
    free(order);
}
