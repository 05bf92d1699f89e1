/* Finds and loads channel plugins: NAME.so of one folder, by uv_dlopen.
 *
 * A plugin runs as the service, so its file and its folder must belong to root, to us or to the
 * owner of the running binary, and nobody else may be able to write them (ERR_DENIED, with the
 * cure). A symlink may not lead out of the folder. Threads: one thread uses a set of plugins at a
 * time. */
#ifndef PACELINE_CHANNEL_LOADER_H
#define PACELINE_CHANNEL_LOADER_H

#include "base/err.h"
#include "channel/channel.h"

struct channel_plugins; /* a folder, and what has been loaded from it */

/* `plugins/` beside the running binary. The caller frees. */
int channel_plugin_dir(char **out, struct err *e);

struct channel_plugins *channel_plugins_new(const char *dir); /* touches no file yet */
/* Unloads them all: no kind and no instance may be in use any more. NULL is fine. */
void channel_plugins_free(struct channel_plugins *p);

/* The kind `name`, loaded at the first call and kept. ERR_DATA: no such plugin (the text lists
 * those there are), or one that does not fit. ERR_DENIED: somebody else could have written it. */
int channel_load(const struct paceline_channel **out, struct channel_plugins *p, const char *name,
                 struct err *e);
/* The same kind as it is in one of its modes: `caps` are the mode's. A mode that it does not have
 * is as none. */
const struct paceline_channel *
channel_in_mode(struct channel_plugins *p, const struct paceline_channel *kind, const char *mode);

#endif
