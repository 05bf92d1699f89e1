/* Events, not yaml_parser_load(): that one is quadratic in open brackets, and it expands aliases.
 * The tree is built with a stack of at most YAML_DEPTH_MAX frames, one per open list or mapping, so
 * depth and size are bounded before libyaml has read far.
 *
 * Bytes are checked before libyaml sees them (UTF-8, control characters), because its reader counts
 * such places in bytes. A BOM is cut, because its scanner would count it as a column. */
#include "conf/yaml.h"

#include "base/lang.h"
#include "base/text.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct frame { /* an open list or mapping */
    struct yaml_node *node;
    const struct yaml_node *key; /* read, its value not yet */
    struct yaml_node **items;
    size_t count, capacity;
};

struct builder {
    struct arena *arena;
    const char *file;
    struct diags *diags;
    struct frame frames[YAML_DEPTH_MAX];
    size_t depth, nodes, nodes_max, documents;
    struct yaml_node *root;
    bool done;
};

struct key_order { /* for finding duplicates */
    const struct yaml_node *key;
    size_t index;
};

static bool bytes_check(struct builder *b, const char *bytes, size_t length);
static void parser_error(struct builder *b, const yaml_parser_t *p, const char *bytes,
                         size_t length);
static bool event_take(struct builder *b, const yaml_event_t *e);
static bool document_take(struct builder *b, const yaml_event_t *e);
static bool node_take(struct builder *b, const yaml_event_t *e, enum yaml_kind kind);
static bool node_place(struct builder *b, struct yaml_node *n);
static void scalar_fill(struct builder *b, struct yaml_node *n, const yaml_event_t *e);
static void properties_check(struct builder *b, struct yaml_node *n, const yaml_event_t *e);
static void frame_close(struct builder *b);
static void duplicates_drop(struct builder *b, struct frame *f);
static int key_compare(const void *a, const void *b);
static unsigned control_character(const char *s, size_t length);
static unsigned code_point(const unsigned char *s, size_t *length);
static bool is_control(unsigned c);

struct yaml_node *yaml_read(struct arena *arena, const char *file, const char *bytes, size_t length,
                            struct diags *diags)
{
    return yaml_read_capped(arena, file, bytes, length, YAML_BYTES_MAX, YAML_NODES_MAX, diags);
}

struct yaml_node *yaml_read_capped(struct arena *arena, const char *file, const char *bytes,
                                   size_t length, size_t bytes_max, size_t nodes_max,
                                   struct diags *diags)
{
    struct builder b = {.arena = arena, .file = file, .diags = diags, .nodes_max = nodes_max};
    yaml_parser_t parser;
    yaml_event_t event;
    bool ok = true;

    if (length > bytes_max) {
        diag_add(diags, file, 0, 0, DIAG_ERROR, ERR_DATA, tr("is larger than %zu KiB"),
                 bytes_max / 1024);
        return NULL;
    }
    if (length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        bytes += 3, length -= 3;
    if (!bytes_check(&b, bytes, length))
        return NULL;
    if (!yaml_parser_initialize(&parser))
        abort();
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, length);
    while (ok && !b.done) {
        if (!yaml_parser_parse(&parser, &event)) {
            parser_error(&b, &parser, bytes, length);
            ok = false;
            break;
        }
        ok = event_take(&b, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    for (size_t i = 0; i < b.depth; i++) /* left open by an error */
        free(b.frames[i].items);
    if (ok && !b.root) {
        diag_add(diags, file, 1, 1, DIAG_ERROR, ERR_DATA, tr("the file is empty"));
        return NULL;
    }
    return ok ? b.root : NULL;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    if (!map || map->kind != YAML_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->items[i]->key->text, key) == 0)
            return map->items[i];
    }
    return NULL;
}

/* Only the first bad place: what follows it may be anything. */
static bool bytes_check(struct builder *b, const char *bytes, size_t length)
{
    const unsigned char *s = (const unsigned char *)bytes;
    size_t valid = text_utf8_valid(bytes, length), line = 1, column = 1, width;

    for (size_t i = 0; i < valid; i += width, column++) {
        unsigned c = code_point(s + i, &width);

        if (c == '\n') {
            line++;
            column = 0;
        } else if (c != '\r' && is_control(c)) {
            diag_add(b->diags, b->file, line, column, DIAG_ERROR, ERR_DATA,
                     tr("control character U+%04X"), c);
            return false;
        }
    }
    if (valid < length) {
        diag_add(b->diags, b->file, line, column, DIAG_ERROR, ERR_DATA,
                 tr("not UTF-8 (byte 0x%02X): save the file as UTF-8"), s[valid]);
        return false;
    }
    return true;
}

static void parser_error(struct builder *b, const yaml_parser_t *p, const char *bytes,
                         size_t length)
{
    const char *problem = p->problem ? p->problem : "";
    size_t at = 0;

    if (p->error == YAML_MEMORY_ERROR)
        abort();
    for (size_t i = 0; i < p->problem_mark.index && at < length; i++) {
        size_t width;

        code_point((const unsigned char *)bytes + at, &width);
        at += width;
    }
    size_t line = p->problem_mark.line + 1, column = p->problem_mark.column + 1;
    if (at < length && bytes[at] == '\t' &&
        (strstr(problem, "cannot start any token") || strstr(problem, "tab character")))
        diag_add(b->diags, b->file, line, column, DIAG_ERROR, ERR_DATA,
                 tr("a tab cannot indent: use spaces"));
    else if (p->context)
        diag_add(b->diags, b->file, line, column, DIAG_ERROR, ERR_DATA,
                 tr("bad YAML: %s, %s that starts at %zu:%zu"), tr(problem), tr(p->context),
                 p->context_mark.line + 1, p->context_mark.column + 1);
    else
        diag_add(b->diags, b->file, line, column, DIAG_ERROR, ERR_DATA, tr("bad YAML: %s"),
                 tr(problem));
}

/* False: the file ends here. */
static bool event_take(struct builder *b, const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        return document_take(b, e);
    case YAML_STREAM_END_EVENT:
        b->done = true;
        return true;
    case YAML_ALIAS_EVENT:
    case YAML_SCALAR_EVENT:
        return node_take(b, e, YAML_SCALAR);
    case YAML_SEQUENCE_START_EVENT:
        return node_take(b, e, YAML_LIST);
    case YAML_MAPPING_START_EVENT:
        return node_take(b, e, YAML_MAP);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        frame_close(b);
        return true;
    default:
        return true;
    }
}

static bool document_take(struct builder *b, const yaml_event_t *e)
{
    const yaml_mark_t *m = &e->start_mark;

    if (b->documents++ > 0) {
        diag_add(b->diags, b->file, m->line + 1, m->column + 1, DIAG_ERROR, ERR_DATA,
                 tr("a second document: one file holds one"));
        return false;
    }
    if (e->data.document_start.tag_directives.start != e->data.document_start.tag_directives.end)
        diag_add(b->diags, b->file, m->line + 1, m->column + 1, DIAG_ERROR, ERR_DATA,
                 tr("tags are not allowed"));
    return true;
}

static bool node_take(struct builder *b, const yaml_event_t *e, enum yaml_kind kind)
{
    struct yaml_node *n = arena_alloc(b->arena, sizeof *n);

    n->kind = kind;
    n->line = e->start_mark.line + 1;
    n->column = e->start_mark.column + 1;
    n->text = "";
    if (++b->nodes > b->nodes_max) {
        diag_add(b->diags, b->file, n->line, n->column, DIAG_ERROR, ERR_DATA,
                 tr("more than %zu values"), b->nodes_max);
        return false;
    }
    if (kind != YAML_SCALAR && b->depth == YAML_DEPTH_MAX) {
        diag_add(b->diags, b->file, n->line, n->column, DIAG_ERROR, ERR_DATA,
                 tr("nested deeper than %d"), YAML_DEPTH_MAX);
        return false;
    }
    properties_check(b, n, e);
    if (e->type == YAML_SCALAR_EVENT)
        scalar_fill(b, n, e);
    if (!node_place(b, n))
        return false;
    if (kind != YAML_SCALAR)
        b->frames[b->depth++] = (struct frame){.node = n};
    return true;
}

/* Into the open list or mapping, as the next key, or as the root. */
static bool node_place(struct builder *b, struct yaml_node *n)
{
    if (b->depth == 0) {
        b->root = n;
        return true;
    }
    struct frame *f = &b->frames[b->depth - 1];
    if (f->node->kind == YAML_MAP && !f->key) {
        if (n->kind != YAML_SCALAR) {
            diag_add(b->diags, b->file, n->line, n->column, DIAG_ERROR, ERR_DATA,
                     tr("a list or a mapping cannot be a key: put text that starts with '{' or '[' "
                        "in quotes"));
            return false;
        }
        if (!n->quoted && strcmp(n->text, "<<") == 0) {
            n->bad = true;
            diag_add(b->diags, b->file, n->line, n->column, DIAG_ERROR, ERR_DATA,
                     tr("merge keys are not allowed"));
        }
        f->key = n;
        return true;
    }
    n->key = f->key;
    f->key = NULL;
    f->items = xgrow(f->items, &f->capacity, f->count + 1, sizeof(struct yaml_node *));
    f->items[f->count++] = n;
    return true;
}

static void scalar_fill(struct builder *b, struct yaml_node *n, const yaml_event_t *e)
{
    const char *value = (const char *)e->data.scalar.value;
    size_t length = e->data.scalar.length;
    unsigned control = control_character(value, length);

    n->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (length > YAML_SCALAR_MAX)
        diag_add(b->diags, b->file, n->line, n->column, DIAG_ERROR, ERR_DATA,
                 tr("text longer than %d KiB"), YAML_SCALAR_MAX / 1024);
    else if (control != UINT32_MAX) /* written as an escape */
        diag_add(b->diags, b->file, n->line, n->column, DIAG_ERROR, ERR_DATA,
                 tr("control character U+%04X"), control);
    else {
        n->text = arena_strndup(b->arena, value, length);
        n->length = length;
        return;
    }
    n->bad = true;
}

static void properties_check(struct builder *b, struct yaml_node *n, const yaml_event_t *e)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    const char *message = NULL;

    if (e->type == YAML_SCALAR_EVENT)
        anchor = e->data.scalar.anchor, tag = e->data.scalar.tag;
    else if (e->type == YAML_SEQUENCE_START_EVENT)
        anchor = e->data.sequence_start.anchor, tag = e->data.sequence_start.tag;
    else if (e->type == YAML_MAPPING_START_EVENT)
        anchor = e->data.mapping_start.anchor, tag = e->data.mapping_start.tag;
    if (e->type == YAML_ALIAS_EVENT)
        message = tr("aliases are not allowed: put text that starts with '*' in quotes");
    else if (anchor)
        message = tr("anchors are not allowed: put text that starts with '&' in quotes");
    else if (tag)
        message = tr("tags are not allowed: put text that starts with '!' in quotes");
    if (!message)
        return;
    n->bad = true;
    diag_add(b->diags, b->file, n->line, n->column, DIAG_ERROR, ERR_DATA, "%s", message);
}

static void frame_close(struct builder *b)
{
    struct frame *f = &b->frames[--b->depth];

    assert(f->node); /* it was opened by one */
    if (f->node->kind == YAML_MAP)
        duplicates_drop(b, f);
    f->node->items = arena_array(b->arena, f->count, sizeof(struct yaml_node *));
    if (f->count > 0)
        memcpy(f->node->items, f->items, f->count * sizeof(struct yaml_node *));
    f->node->count = f->count;
    free(f->items);
}

/* Sorted, so that a mapping with thousands of keys costs no more than reading it. */
static void duplicates_drop(struct builder *b, struct frame *f)
{
    if (f->count < 2)
        return;
    struct key_order *order = xmalloc(f->count * sizeof *order);
    for (size_t i = 0; i < f->count; i++)
        order[i] = (struct key_order){f->items[i]->key, i};
    qsort(order, f->count, sizeof *order, key_compare);
    const struct yaml_node *first = order[0].key;
    for (size_t i = 1; i < f->count; i++) {
        const struct yaml_node *key = order[i].key;

        if (key->bad || strcmp(first->text, key->text) != 0) {
            first = key;
            continue;
        }
        diag_add(b->diags, b->file, key->line, key->column, DIAG_ERROR, ERR_DATA,
                 tr("duplicate key '%s', first in line %zu"), key->text, first->line);
        f->items[order[i].index] = NULL;
    }
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++) {
        if (f->items[i])
            f->items[kept++] = f->items[i];
    }
    f->count = kept;
    free(order);
}

static int key_compare(const void *a, const void *b)
{
    const struct key_order *x = a, *y = b;
    int order = strcmp(x->key->text, y->key->text);

    return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* The first one in `s`, or UINT32_MAX. */
static unsigned control_character(const char *s, size_t length)
{
    size_t width;

    for (size_t i = 0; i < length; i += width) {
        unsigned c = code_point((const unsigned char *)s + i, &width);

        if (is_control(c) && c != '\n')
            return c;
    }
    return UINT32_MAX;
}

static unsigned code_point(const unsigned char *s, size_t *length)
{
    if (s[0] < 0x80)
        return *length = 1, s[0];
    if (s[0] < 0xe0)
        return *length = 2, (s[0] & 0x1fU) << 6 | (s[1] & 0x3fU);
    if (s[0] < 0xf0)
        return *length = 3, (s[0] & 0x0fU) << 12 | (s[1] & 0x3fU) << 6 | (s[2] & 0x3fU);
    return *length = 4,
           (s[0] & 0x07U) << 18 | (s[1] & 0x3fU) << 12 | (s[2] & 0x3fU) << 6 | (s[3] & 0x3fU);
}

/* Tab is text; line ends are looked at by the callers. U+0085 is refused although YAML allows it.
 */
static bool is_control(unsigned c)
{
    return (c < 0x20 && c != '\t') || (c >= 0x7f && c < 0xa0) || c == 0xfffe || c == 0xffff;
}
