/* Canonical JSON: no spaces, keys in the order given (callers sort), strings as raw UTF-8 but for
 * what a YAML reader would change: these are \u escapes. Private to conf. */
#ifndef PACELINE_CONF_JSON_H
#define PACELINE_CONF_JSON_H

#include "base/strbuf.h"
#include "conf/yaml.h"

void canonical_string(struct strbuf *out, const char *s);
/* A tree with its keys sorted by bytes; plain scalars that are no JSON literal become strings. */
void canonical_tree(struct strbuf *out, const struct yaml_node *node);

#endif
