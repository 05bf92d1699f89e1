/* A campaign file with one of its values written anew and everything else as it was: what a person
 * would make of it. Only scalars that are there. */
#ifndef PACELINE_CONF_EDIT_H
#define PACELINE_CONF_EDIT_H

#include "base/strbuf.h"
#include "conf/yaml.h"

/* `node` is a scalar of the tree of `bytes` (NUL-terminated). False when its end cannot be told (a
 * block scalar, say). `value` is written in double quotes; it may hold neither them nor
 * backslashes. */
bool edit_scalar(struct strbuf *out, const char *bytes, const struct yaml_node *node,
                 const char *value);

#endif
