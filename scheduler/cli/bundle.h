/* A campaign as it travels to the service: the file, what it names, and fields (docs/api.md). */
#ifndef PACELINE_CLI_BUNDLE_H
#define PACELINE_CLI_BUNDLE_H

#include "cli/client.h"

struct bundle {
    struct upload_part *parts; /* the campaign file first */
    size_t count, room;
    char **paths; /* its own */
    size_t path_count;
};

/* `file` and the campaign must outlive it. Room for so many fields. */
void bundle_init(struct bundle *b, const struct campaign *c, const char *file, size_t fields);
void bundle_field(struct bundle *b, const char *name, const char *text); /* text NULL: none */
void bundle_dispose(struct bundle *b);
/* Of the warnings in an answer, those that `diags` (what was said here) has not. */
void bundle_say_warnings(const struct cli *cli, const struct diags *diags, const json_t *warnings);

#endif
