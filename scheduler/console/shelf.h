/* Attachments of the prompts on the screen, as files the person can pick in another program: below
 * $XDG_RUNTIME_DIR/paceline, readable by this person only, removed with the prompt. Threads: the
 * loop's. */
#ifndef PACELINE_CONSOLE_SHELF_H
#define PACELINE_CONSOLE_SHELF_H

#include "console/link.h"
#include "console/prompt.h"

struct shelf;

/* `ready` is called when a prompt's files have come (or could not). */
struct shelf *shelf_new(struct link *link, void (*ready)(void *ctx), void *ctx);
void shelf_free(struct shelf *s); /* removes all files */

/* Fetches what is missing; true when nothing more will come. */
bool shelf_ready(struct shelf *s, const struct prompt *p);
/* Where the i-th attachment is; NULL: it could not be fetched. */
const char *shelf_path(const struct shelf *s, const struct prompt *p, size_t i);
void shelf_keep_only(struct shelf *s, const struct prompt_list *list); /* removes the rest */

/* A name from outside as one file name: no slash, no leading dot, nothing invisible, no more than
 * 100 bytes. The caller frees. */
char *shelf_name(int64_t index, const char *name);

#endif
