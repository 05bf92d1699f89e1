/* The text is cut once into pieces: literal bytes, a built-in name, or a column with its default.
 * Rendering only concatenates, so that nothing in a value is ever looked at again. */
#include "conf/template.h"

#include "base/lang.h"
#include "base/text.h"

#include <string.h>

enum { TEMPLATE_NAMES_MAX = 100 };

enum piece_kind { PIECE_LITERAL, PIECE_RECIPIENT, PIECE_SENDER, PIECE_VALUE };

struct piece {
    enum piece_kind kind;
    const char *text; /* literal */
    size_t length;
    size_t name;          /* index into names */
    const char *fallback; /* NULL: none */
    size_t offset;        /* in the template's text */
};

struct template
{
    struct arena *arena;
    const char *text;
    struct piece *pieces;
    size_t piece_count;
    const char **names;
    size_t name_count;
};

static size_t pieces_bound(const char *text);
static void literal_add(struct template *t, const char *text, size_t length);
static int placeholder_add(struct template *t, const char *s, size_t length, struct err *e);
static int name_index(struct template *t, const char *name, size_t *out, struct err *e);
static void trim(const char **s, size_t *length);

int template_compile(struct template **out, struct arena *arena, const char *text, struct err *e)
{
    struct template *t = arena_alloc(arena, sizeof *t);
    const char *s = text;

    t->arena = arena;
    t->text = text;
    t->pieces = arena_array(arena, pieces_bound(text), sizeof *t->pieces);
    t->names = arena_array(arena, TEMPLATE_NAMES_MAX, sizeof *t->names);
    for (;;) {
        const char *open = strstr(s, "{{");

        if (!open)
            break;
        if (strncmp(open, "{{{{", 4) == 0) { /* writes {{ */
            literal_add(t, s, (size_t)(open - s) + 2);
            s = open + 4;
            continue;
        }
        literal_add(t, s, (size_t)(open - s));
        const char *name = open + 2, *close = strstr(name, "}}");
        if (!close || memchr(name, '\n', (size_t)(close - name)))
            return err_set(e, ERR_DATA,
                           tr("'{{' without '}}' on its line (write '{{{{' for '{{')"));
        int rc = placeholder_add(t, name, (size_t)(close - name), e);
        if (rc)
            return rc;
        s = close + 2;
    }
    literal_add(t, s, strlen(s));
    *out = t;
    return 0;
}

size_t template_names(const struct template *t, const char *const **names)
{
    *names = t->names;
    return t->name_count;
}

bool template_render(const struct template *t, const char *recipient, const char *sender,
                     const char *const *values, struct strbuf *out, const char **missing,
                     unsigned *defaults)
{
    *defaults = 0;
    *missing = NULL;
    for (size_t i = 0; i < t->piece_count; i++) {
        const struct piece *p = &t->pieces[i];
        const char *value = NULL;

        switch (p->kind) {
        case PIECE_LITERAL:
            strbuf_add(out, p->text, p->length);
            continue;
        case PIECE_RECIPIENT:
            value = recipient;
            break;
        case PIECE_SENDER:
            value = sender;
            break;
        case PIECE_VALUE:
            value = values[p->name];
            break;
        }
        if (!value || !*value) {
            if (!p->fallback) {
                *missing = p->kind == PIECE_VALUE       ? t->names[p->name]
                           : p->kind == PIECE_RECIPIENT ? "recipient"
                                                        : "sender";
                return false;
            }
            value = p->fallback;
            ++*defaults;
        }
        strbuf_puts(out, value);
    }
    return true;
}

/* NULL: missing, the default is used. */
static const char *piece_value(const struct piece *p, const char *recipient, const char *sender,
                               const char *const *values)
{
    const char *value = p->kind == PIECE_RECIPIENT ? recipient
                        : p->kind == PIECE_SENDER  ? sender
                                                   : values[p->name];

    return value && *value ? value : NULL;
}

struct template_origin template_origin(const struct template *t, const char *recipient,
                                       const char *sender, const char *const *values, size_t at)
{
    for (size_t i = 0; i < t->piece_count; i++) {
        const struct piece *p = &t->pieces[i];
        const char *value = NULL;
        size_t length = p->length;

        if (p->kind != PIECE_LITERAL) {
            value = piece_value(p, recipient, sender, values);
            length = strlen(value ? value : p->fallback);
        }
        if (at >= length) {
            at -= length;
            continue;
        }
        if (p->kind == PIECE_LITERAL)
            return (struct template_origin){.kind = ORIGIN_TEXT, .offset = p->offset + at};
        if (value && p->kind == PIECE_VALUE)
            return (struct template_origin){.kind = ORIGIN_VALUE, .value = p->name};
        if (value && p->kind == PIECE_RECIPIENT)
            return (struct template_origin){.kind = ORIGIN_RECIPIENT};
        return (struct template_origin){.kind = ORIGIN_TEXT, .offset = p->offset};
    }
    return (struct template_origin){.kind = ORIGIN_TEXT};
}

size_t template_value_chars(const struct template *t, const char *recipient,
                            const char *const *values)
{
    size_t chars = 0;

    for (size_t i = 0; i < t->piece_count; i++) {
        const struct piece *p = &t->pieces[i];
        const char *value = p->kind == PIECE_RECIPIENT || p->kind == PIECE_VALUE
                                ? piece_value(p, recipient, NULL, values)
                                : NULL;
        chars += value ? text_chars(value, strlen(value)) : 0;
    }
    return chars;
}

/* Each "{{" makes at most a literal and a placeholder. */
static size_t pieces_bound(const char *text)
{
    size_t count = 1;

    for (const char *s = text; (s = strstr(s, "{{")); s += 2)
        count += 2;
    return count;
}

static void literal_add(struct template *t, const char *text, size_t length)
{
    if (length == 0)
        return;
    t->pieces[t->piece_count++] = (struct piece){.kind = PIECE_LITERAL,
                                                 .text = arena_strndup(t->arena, text, length),
                                                 .length = length,
                                                 .offset = (size_t)(text - t->text)};
}

static int placeholder_add(struct template *t, const char *s, size_t length, struct err *e)
{
    const char *bar = memchr(s, '|', length);
    size_t name_length = bar ? (size_t)(bar - s) : length;
    struct piece p = {.kind = PIECE_VALUE, .offset = (size_t)(s - t->text) - 2};

    if (bar) {
        const char *fallback = bar + 1;
        size_t n = length - name_length - 1;

        trim(&fallback, &n);
        p.fallback = arena_strndup(t->arena, fallback, n);
    }
    trim(&s, &name_length);
    const char *name = arena_strndup(t->arena, s, name_length);
    if (!*name)
        return err_set(e, ERR_DATA, tr("'{{' and '}}' without a name between them"));
    if (strpbrk(name, "{}"))
        return err_set(e, ERR_DATA, tr("'{{%s}}': a name cannot contain '{' or '}'"), name);
    if (strncmp(name, "sender.", 7) == 0)
        return err_set(e, ERR_DATA, tr("'{{%s}}' is not supported yet"), name);
    if (strcmp(name, "recipient") == 0) {
        p.kind = PIECE_RECIPIENT;
    } else if (strcmp(name, "sender") == 0) {
        p.kind = PIECE_SENDER;
    } else {
        int rc = name_index(t, name, &p.name, e);

        if (rc)
            return rc;
    }
    t->pieces[t->piece_count++] = p;
    return 0;
}

static int name_index(struct template *t, const char *name, size_t *out, struct err *e)
{
    for (*out = 0; *out < t->name_count; ++*out) {
        if (strcmp(t->names[*out], name) == 0)
            return 0;
    }
    if (t->name_count == TEMPLATE_NAMES_MAX)
        return err_set(e, ERR_DATA, tr("more than %d different names"), TEMPLATE_NAMES_MAX);
    t->names[t->name_count++] = name;
    return 0;
}

static void trim(const char **s, size_t *length)
{
    while (*length > 0 && (**s == ' ' || **s == '\t'))
        ++*s, --*length;
    while (*length > 0 && ((*s)[*length - 1] == ' ' || (*s)[*length - 1] == '\t'))
        --*length;
}
