/* Finding the revision that a request is about, on the store thread, and showing it. */
#ifndef PACELINE_API_LOOKUP_H
#define PACELINE_API_LOOKUP_H

#include "api/request.h"

struct lookup {
    const char *campaign;
    bool has_digest;
    struct digest digest;
    struct store_revision *revision; /* what was found, in the request's arena */
};

/* The campaign is the route's argument; `digest` may be NULL. False after it has answered. */
bool lookup_init(struct lookup *l, struct request *rq, const char *digest);
bool lookup_new(struct request *rq, const char *digest); /* rq->state */

/* Store thread. 0 and l->revision, or ERR_* in rq->e. */
int lookup_current(struct store *s, struct request *rq, struct lookup *l);
int lookup_digest(struct store *s, struct request *rq, struct lookup *l);
int lookup_id(struct store *s, struct request *rq, struct lookup *l, int64_t id);
/* ERR_NOTFOUND: no such campaign. ERR_REFUSED: none of its revisions waits for approval. */
int lookup_draft(struct store *s, struct request *rq, struct lookup *l);
/* The newest approved (or, as asked, paused) one; the current one when there is none. */
int lookup_active(struct store *s, struct request *rq, struct lookup *l, bool paused);

/* A store_revision_fn: copies into the lookup's request. */
struct lookup_copy {
    struct request *rq;
    struct store_revision *revision;
};
int lookup_keep(void *ctx, const struct store_revision *r);

/* The delivery that the route's argument names. False after it has answered. */
bool lookup_delivery_id(struct request *rq, int64_t *id);
/* Store thread: the delivery, in the request's arena, and l->revision. */
int lookup_delivery(struct store *s, struct request *rq, struct lookup *l, int64_t id,
                    struct store_delivery **out);

/* Answers with the campaign object. Loop thread. */
void reply_campaign(struct request *rq, const struct store_revision *r);

#endif
