/* `{{ name | default }}`: compiled once, values are data and never expanded again.
 *
 * Names are CSV headers as written; `recipient` and `sender` are built in. An empty value is a
 * missing one. `{{{{` writes `{{`. `{{sender.NAME}}` is not supported yet. */
#ifndef PACELINE_CONF_TEMPLATE_H
#define PACELINE_CONF_TEMPLATE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strbuf.h"

#include <stdbool.h>

struct template;

/* ERR_DATA with what is wrong ("'{{' without '}}'", an empty name, ...). */
int template_compile(struct template **out, struct arena *arena, const char *text, struct err *e);

/* The distinct names used, built-in ones left out, in order of first use. */
size_t template_names(const struct template *t, const char *const **names);

/* `values[i]` belongs to names[i]; NULL or "" is missing. False when a value without default is
 * missing (`*missing` its name); `out` is then unspecified. `*defaults` counts defaults used. */
bool template_render(const struct template *t, const char *recipient, const char *sender,
                     const char *const *values, struct strbuf *out, const char **missing,
                     unsigned *defaults);

/* Where byte `at` of what was rendered with these values comes from. */
struct template_origin {
    enum { ORIGIN_TEXT, ORIGIN_RECIPIENT, ORIGIN_VALUE } kind;
    size_t
        offset;   /* ORIGIN_TEXT: in the template's text (a default, and `sender`: of its braces) */
    size_t value; /* ORIGIN_VALUE: which */
};
struct template_origin template_origin(const struct template *t, const char *recipient,
                                       const char *sender, const char *const *values, size_t at);
/* How many characters of it are values, neither the text's own nor a default. */
size_t template_value_chars(const struct template *t, const char *recipient,
                            const char *const *values);

#endif
