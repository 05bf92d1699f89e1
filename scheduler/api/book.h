/* The contact book as the CSV of an audience, so that a campaign for it is read, narrowed, checked
 * and frozen exactly like one with a file. */
#ifndef PACELINE_API_BOOK_H
#define PACELINE_API_BOOK_H

#include "base/err.h"
#include "store/store.h"

/* What a campaign takes from the book. With an account: its customers or its groups, of the choice.
 */
struct book_choice {
    const char *account; /* NULL: the book as people imported it */
    bool groups;
    struct store_choice of;
    const char *name; /* of groups: a pattern, or NULL */
};

/* Store thread. `*path` is a new file in `dir`, malloc'd; the caller unlinks and frees it. */
int book_write(char **path, struct store *s, const struct book_choice *choice, const char *dir,
               struct err *e);

#endif
