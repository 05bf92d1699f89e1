/* What the person has said and the service has not acknowledged yet. One file each, in the person's
 * state folder, so that an answer outlives a killed program; an answer given twice is harmless.
 * Threads: one. */
#ifndef PACELINE_CONSOLE_OUTBOX_H
#define PACELINE_CONSOLE_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outbox_item {
    char *path; /* of the request */
    char *body;
    char *nonce;
    int64_t prompt;
    char *file; /* NULL: could not be written, it is in memory only */
};

struct outbox;

/* `dir` is made when it is missing (0700); NULL: nothing outlives the program. What an earlier
 * program left there for this socket comes first. */
struct outbox *outbox_new(const char *dir, const char *socket_path);
void outbox_free(struct outbox *o); /* the files stay */

/* False when it could not be written to the disk (it is kept in memory then). */
bool outbox_add(struct outbox *o, int64_t prompt, const char *nonce, const char *path,
                const char *body);
size_t outbox_count(const struct outbox *o);
const struct outbox_item *outbox_first(const struct outbox *o); /* NULL: empty */
void outbox_remove_first(struct outbox *o);                     /* with its file */

/* `$XDG_STATE_HOME/paceline/answers`, or the default below HOME; NULL when there is neither. The
 * caller frees. */
char *outbox_dir(void);

#endif
