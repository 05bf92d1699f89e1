/* The contact book as the CSV of an audience, so that a campaign for it is read, narrowed, checked
 * and frozen exactly like one with a file. */
#ifndef PACELINE_API_BOOK_H
#define PACELINE_API_BOOK_H

#include "base/err.h"
#include "store/store.h"

/* Store thread. `*path` is a new file in `dir`, malloc'd; the caller unlinks and frees it. */
int book_write(char **path, struct store *s, const char *dir, struct err *e);

#endif
