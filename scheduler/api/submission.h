/* What is being submitted, or only planned: from its upload until it is foreseen. Both are read,
 * judged and planned by the same steps; what is only planned is not stored. */
#ifndef PACELINE_API_SUBMISSION_H
#define PACELINE_API_SUBMISSION_H

#include "api/foresee.h"
#include "api/lookup.h"
#include "api/request.h"
#include "api/ties.h"
#include "channel/review.h"

enum { SUBMISSION_HELD_MAX = 16 };

struct submission {
    struct lookup lookup; /* first; .revision: what it became */
    struct diags diags;
    const struct service *conf;
    bool again, allow_partial;
    const char *only; /* or NULL */
    request_done_fn *then;

    bool only_planned;
    const char *from_text; /* of what is only planned; or NULL */
    uint64_t more_senders; /* likewise: of its channel, behind its own */
    bool has_seed;
    uint64_t seed; /* else the digest's */
    instant_t from;
    bool keeps_recipients;
    const char **recipients; /* by row, in the request's arena, when kept */
    size_t recipient_count, recipient_capacity;
    uint64_t at; /* of the rows that are being written */

    char *bytes; /* of the campaign file */
    struct campaign *campaign;
    const struct service_channel *channel;
    const struct paceline_channel *kind;
    const char *options;

    struct review *review;
    struct store *store; /* for the tags of a recipient, while a chunk is read */
    struct strbuf tags;
    struct ties ties;
    bool begun, read_all, known; /* known: this digest is there already */
    int64_t loading;
    int64_t *lanes;      /* of the senders; 0: not looked up yet */
    struct part **parts; /* of their lanes */
    uint64_t stored;     /* rows; or read, of what is only planned */
    uint64_t told;       /* of stored, on the loop thread */

    struct strbuf manifest, plan; /* plan: its summary, once foreseen */
    struct digest digest;
    struct foresight foresight;
    bool foreseen;
    int64_t held[SUBMISSION_HELD_MAX]; /* revisions that send now */
    size_t held_count;
    int64_t revision;
    bool unchanged;
    struct err first_error;
};

/* rq->state. `fields`: the parts it may have beside files; NULL ends them. False after it has
 * answered. */
bool submission_new(struct request *rq, const char *const *fields);
/* A part that is `true` or `false`. False after it has answered. */
bool submission_flag(struct request *rq, const char *name, bool *out);
/* Once all of it is read, found right and foreseen, `then` comes on the loop thread; whatever is
 * wrong is answered. */
void submission_take(struct request *rq, request_done_fn *then);
/* Drops what was begun, then `done`. */
void submission_drop(struct request *rq, request_done_fn *done);
/* The same, and answers with rq->e or the diagnostics. */
void submission_give_up(struct request *rq); /* `"warnings":[…]` */
void submission_warnings(struct strbuf *b, const struct submission *s);

#endif
