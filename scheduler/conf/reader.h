/* Reading values out of a tree: each takes what it wants or adds the one error that says what it
 * wanted, at the value. Nothing is said about a value that is already reported. Private to conf. */
#ifndef PACELINE_CONF_READER_H
#define PACELINE_CONF_READER_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/err.h"
#include "conf/campaign.h"
#include "conf/yaml.h"

struct reader {
    struct arena *arena;
    const char *file;
    struct diags *diags;
    bool stored;             /* a manifest */
    bool pack;               /* a policy pack */
    const char *service_dir; /* or NULL: where its calendars are */
};

enum { READ_NONE = -1, NAME_BYTES_MAX = 64, PATH_BYTES_MAX = 4096 };

/* At a value or a key. */
void read_error(const struct reader *r, const struct yaml_node *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The value of a key that must be there; its absence is an error at the mapping. */
const struct yaml_node *read_required(const struct reader *r, const struct yaml_node *map,
                                      const char *key);

/* `what` is how errors call it: the key. NULL `node`: not there, no error. */
bool read_map(const struct reader *r, const struct yaml_node *node, const char *what);
bool read_list(const struct reader *r, const struct yaml_node *node, const char *what, size_t max);
/* Where an empty list says the same as no key at all. */
bool read_list_or_none(const struct reader *r, const struct yaml_node *node, const char *what,
                       size_t max);
/* A list's items, or the one scalar itself; 0 after an error. */
size_t read_one_or_list(const struct reader *r, const struct yaml_node *node, const char *what,
                        size_t max, const struct yaml_node *const **items);
const char *read_text(const struct reader *r, const struct yaml_node *node, const char *what);
/* One line of at most `max` bytes. */
const char *read_line(const struct reader *r, const struct yaml_node *node, const char *what,
                      size_t max);
bool read_number(const struct reader *r, const struct yaml_node *node, const char *what,
                 uint64_t min, uint64_t max, uint64_t *out);
bool read_bool(const struct reader *r, const struct yaml_node *node, const char *what, bool *out);
/* The index of one of `words` (NULL-terminated), or READ_NONE. */
int read_word(const struct reader *r, const struct yaml_node *node, const char *what,
              const char *const *words);
/* A list of names, each once. */
const struct conf_sender *read_names(const struct reader *r, const struct yaml_node *node,
                                     const char *what, size_t *count);

/* `policy:`, one name or several. */
const struct conf_sender *read_policies(const struct reader *r, const struct yaml_node *node,
                                        size_t *count);

struct place place_of(const struct yaml_node *node);

#endif
