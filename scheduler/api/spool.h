/* A submission while it arrives: the parts of a multipart/form-data body, files on disk, fields in
 * memory. Written by the server thread, read afterwards by the store thread. */
#ifndef PACELINE_API_SPOOL_H
#define PACELINE_API_SPOOL_H

#include "base/err.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

enum { SPOOL_PARTS_MAX = 64, SPOOL_FIELD_MAX = 4096 };

struct spool_part {
    char *key;      /* campaign | audience | attachment | contacts | only | match | … */
    char *filename; /* as the submitter wrote it; NULL: a field */
    char *path;     /* of a file, in the spool folder */
    char *value;    /* of a field */
    uint64_t length;
};

struct spool;

/* Makes the folder (mode 0700) and removes what an earlier run left in it. */
int spool_prepare(const char *dir, struct err *e);

/* NULL when the request is no multipart/form-data. `id` makes the file names unique. */
struct spool *spool_new(struct MHD_Connection *connection, const char *dir, uint64_t id);
void spool_free(struct spool *s); /* removes the files */

/* More of the body. After the first error it only counts on being called. */
void spool_add(struct spool *s, const char *bytes, size_t length);
/* The body has ended: 0, ERR_USAGE (malformed, unknown or double parts), ERR_STORE (disk). */
int spool_end(struct spool *s, struct err *e);

const struct spool_part *spool_file(const struct spool *s, const char *key, const char *filename);
const char *spool_field(const struct spool *s, const char *key); /* or NULL */
/* The key of a field that is none of these (NULL ends them), or NULL. */
const char *spool_other_field(const struct spool *s, const char *const *keys);
size_t spool_count(const struct spool *s, const char *key);

#endif
