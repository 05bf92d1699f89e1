/* YAML events (libyaml) to a tree in which every node knows its place.
 *
 * One document, at most 256 KiB, depth 64, 20,000 nodes, scalars to 64 KiB, UTF-8 without NUL; no
 * aliases, anchors, tags or merge keys; no duplicate keys. A syntax error ends the file. JSON is
 * read by the same grammar (manifests are JSON). Nothing is typed: `no`, `12:30`, `0777` are text.
 */
#ifndef PACELINE_CONF_YAML_H
#define PACELINE_CONF_YAML_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/err.h"

#include <stdbool.h>

enum {
    YAML_BYTES_MAX = 256 * 1024,
    YAML_DEPTH_MAX = 64,
    YAML_NODES_MAX = 20000,
    YAML_SCALAR_MAX = 64 * 1024
};

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    size_t line, column;
    const char *text; /* scalars */
    size_t length;
    bool quoted; /* a quoted or block scalar: never a number or a bool */
    bool bad;    /* an error at this value is already reported: say no more about it */
    const struct yaml_node *key; /* of a value in a map: its key's node */
    struct yaml_node **items;    /* lists: elements; maps: values, each with its key */
    size_t count;
};

/* The root, or NULL when the file ends early: a syntax error, or a cap. Other errors (aliases,
 * tags, duplicate keys, control characters) leave a tree, so that a reader finds the rest of the
 * errors in the same run: whoever keeps the tree looks at diags->errors first. */
struct yaml_node *yaml_read(struct arena *arena, const char *file, const char *bytes, size_t length,
                            struct diags *diags);
/* The same with other caps: manifests also hold what was resolved from the service file. */
struct yaml_node *yaml_read_capped(struct arena *arena, const char *file, const char *bytes,
                                   size_t length, size_t bytes_max, size_t nodes_max,
                                   struct diags *diags);
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key); /* or NULL */

/* A whole file, at most `max` bytes; ERR_IO, or ERR_LIMIT. The caller frees. */
int file_read(char **bytes, size_t *length, const char *path, size_t max, struct err *e);

#endif
