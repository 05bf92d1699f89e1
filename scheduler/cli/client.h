/* One HTTP request to the service at a time, over its Unix socket (docs/api.md).
 *
 * Answers are JSON Lines, handed on as they come; nothing is kept whole. A refusal of the service
 * is said on `err` with its diagnostics, and its exit code is returned. */
#ifndef PACELINE_CLI_CLIENT_H
#define PACELINE_CLI_CLIENT_H

#include "cli/command.h"
#include "cli/lines.h"
#include "cli/local.h"
#include "cli/progress.h"

struct client {
    const struct cli *cli;
    struct local local; /* the service file, which names the socket */
    void *easy;         /* CURL */
    bool quiet;         /* an unreachable service is not said, only returned */
    long timeout_ms;    /* of a whole request; 0: none */
};

/* Finds the socket; the service itself is not asked yet. 0, or the exit code after saying why. */
int client_open(struct client *c, const struct cli *cli);
void client_close(struct client *c);

/* The exit code: 0, the service's own, EXIT_UNREACHABLE, or what `each` returned (an exit code). */
int client_get(struct client *c, const char *path, line_fn *each, void *ctx);
int client_post(struct client *c, const char *path, json_t *body /* taken */, line_fn *each,
                void *ctx);
/* The single object of an answer; the caller decrefs. NULL and the exit code. */
json_t *client_get_one(struct client *c, const char *path, int *rc);
json_t *client_post_one(struct client *c, const char *path, json_t *body, int *rc);

/* `diagnostics` and `more` of an answer, as say_diags says them. */
void say_diagnostics(const struct cli *cli, const json_t *body);

struct upload_part {
    const char *name;
    const char *path;     /* a file, streamed ... */
    const char *filename; /* ... under this name, as the person wrote it; NULL: a field */
    const char *text;     /* its bytes, when there is no path */
};
struct upload {
    const char *path; /* of the request */
    const struct upload_part *parts;
    size_t count;
    struct progress *progress;
    const char *campaign; /* its rows are asked for while the service stores them ... */
    uint64_t rows;        /* ... so many in the end */
    bool changes_nothing; /* may be asked again */
};
int client_upload(struct client *c, const struct upload *u, line_fn *each, void *ctx);
json_t *client_upload_one(struct client *c, const struct upload *u, int *rc);

/* `/api/v1/` with the words joined by slashes, each percent-encoded, and `query` (as it is) behind
 * a question mark; NULL for none. The caller frees. */
char *client_path(const char *query, ...) __attribute__((sentinel)); /* words, then NULL */
char *client_encode(const char *word); /* percent-encoded; the caller frees */

#endif
