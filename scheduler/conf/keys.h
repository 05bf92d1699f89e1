/* Every key of the two files (contract §2, §3), once: what is read, what is known but not built
 * yet, and what stands only in a manifest. Unknown keys, suggestions and the JSON Schema's test
 * come from these tables. Private to conf and its tests. */
#ifndef PACELINE_CONF_KEYS_H
#define PACELINE_CONF_KEYS_H

#include "conf/reader.h"

enum key_state {
    KEY_READ,
    KEY_LATER, /* not supported yet */
    KEY_STORED /* in a manifest only */
};

enum key_shape {
    KEYS_CLOSED, /* the keys of `inside` and no others */
    KEYS_OPEN,   /* other keys belong to somebody else (a plugin) */
    KEYS_NAMES,  /* keys are names; `inside` (open) holds for each value */
    KEYS_RECORDS /* the same, and `inside` is all there is */
};

struct key { /* ends with {NULL} */
    const char *name;
    enum key_state state;
    const struct key *inside; /* of its mapping, or of the mappings in its list */
    enum key_shape shape;
};

extern const struct key campaign_keys[];
extern const struct key service_keys[];
extern const struct key policy_keys[];
extern const struct key secret_keys[];

/* Adds the errors of all keys under `node`. */
void keys_check(const struct reader *r, const struct yaml_node *node, const struct key *keys);
/* The entry of `name`, or NULL. */
const struct key *key_find(const struct key *keys, const char *name);

#endif
