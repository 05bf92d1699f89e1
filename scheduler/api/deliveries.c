/* Deliveries: the list in chunks, one, and what a person settles. */
#include "api/handlers.h"
#include "api/lookup.h"
#include "api/objects.h"
#include "api/request.h"

#include "base/lang.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_ROWS = 1000 };

struct list {
    struct lookup lookup; /* first */
    enum delivery_state state;
    struct frame frame;
    struct arena *arena; /* of one chunk */
    struct store_delivery *rows[CHUNK_ROWS];
    size_t count;
    int64_t after;
    bool more;
};

static void list_dispose(void *state)
{
    struct list *list = state;

    arena_free(list->arena);
}

static int list_add(void *ctx, const struct store_delivery *d)
{
    struct list *list = ctx;

    list->rows[list->count++] = delivery_copy(list->arena, d);
    return 0;
}

static int chunk_read(struct store *s, struct request *rq)
{
    struct list *list = rq->state;

    list->count = 0;
    return store_deliveries(s, list->lookup.revision->id, list->state, list->after, CHUNK_ROWS,
                            list_add, list, &list->after, &list->more, &rq->e);
}

static int first_read(struct store *s, struct request *rq)
{
    struct list *list = rq->state;
    struct lookup *l = &list->lookup;
    int rc = l->has_digest ? lookup_digest(s, rq, l) : lookup_current(s, rq, l);

    return rc ? rc : chunk_read(s, rq);
}

static void chunk_show(struct request *rq)
{
    struct list *list = rq->state;
    const struct api_host *host = request_host(rq);
    const struct engine *engine = host->engine(host->ctx);
    struct strbuf *b = &rq->answer.body.text;

    if (rq->rc) {
        request_fail(rq);
        return;
    }
    if (!list->frame.zone)
        list->frame = frame_of(list->lookup.revision->manifest, request_zones(rq));
    rq->now = host->now(host->ctx);
    for (size_t i = 0; i < list->count; i++) {
        object_delivery(b, list->rows[i], list->lookup.revision, &list->frame, engine, rq->now);
        strbuf_putc(b, '\n');
    }
    arena_free(list->arena);
    list->arena = arena_new();
    if (output_settle(&rq->answer.body, &rq->e))
        request_fail(rq);
    else if (list->more)
        request_store(rq, chunk_read, chunk_show);
    else
        request_stream(rq);
}

void deliveries_list(struct request *rq)
{
    struct list *list = arena_alloc(rq->arena, sizeof(*list));

    list->state = DELIVERY_STATES;
    if (rq->query[0] && !delivery_state_parse(rq->query[0], &list->state)) {
        request_fail_with(rq, ERR_USAGE, tr("there is no state '%.32s'"), rq->query[0]);
        return;
    }
    if (!lookup_init(&list->lookup, rq, rq->query[1]))
        return;
    list->arena = arena_new();
    rq->state = list;
    rq->dispose = list_dispose;
    request_store(rq, first_read, chunk_show);
}

/* --- one --- */

struct one {
    struct lookup lookup; /* first */
    int64_t id;
    struct store_delivery *delivery;
    const char *outcome, *note;
    bool sent;
};

static struct one *one_new(struct request *rq)
{
    struct one *one = arena_alloc(rq->arena, sizeof(*one));

    rq->state = one;
    return lookup_delivery_id(rq, &one->id) ? one : NULL;
}

static int one_read(struct store *s, struct request *rq)
{
    struct one *one = rq->state;

    return lookup_delivery(s, rq, &one->lookup, one->id, &one->delivery);
}

static void one_show(struct request *rq)
{
    const struct one *one = rq->state;
    const struct api_host *host = request_host(rq);

    if (rq->rc) {
        request_fail(rq);
        return;
    }
    struct frame f = frame_of(one->lookup.revision->manifest, request_zones(rq));
    object_delivery(&rq->answer.body.text, one->delivery, one->lookup.revision, &f,
                    host->engine(host->ctx), rq->now);
    request_reply(rq, 200);
}

void deliveries_show(struct request *rq)
{
    if (one_new(rq))
        request_store(rq, one_read, one_show);
}

/* --- outcome, resend --- */

static struct store_decision decision_of(const struct request *rq, const struct one *one)
{
    return (struct store_decision){.by = rq->who.name, .at = rq->now, .note = one->note};
}

static int outcome_run(struct store *s, struct request *rq)
{
    struct one *one = rq->state;
    struct store_decision d = decision_of(rq, one);
    int rc = one_read(s, rq);

    if (rc == 0)
        rc = store_outcome(s, one->id, one->sent, &d, &rq->e);
    return rc ? rc : one_read(s, rq);
}

static void outcome_done(struct request *rq)
{
    const struct one *one = rq->state;
    const struct api_host *host = request_host(rq);

    if (rq->rc == 0)
        host->revision_changed(host->ctx, one->delivery->revision);
    one_show(rq);
}

void deliveries_outcome(struct request *rq)
{
    struct one *one = one_new(rq);

    if (!one)
        return;
    const struct request_field fields[] = {
        {"outcome", true, &one->outcome}, {"note", true, &one->note}, {0}};
    if (!request_fields(rq, fields))
        return;
    one->sent = strcmp(one->outcome, "sent") == 0;
    if (one->sent || strcmp(one->outcome, "not-sent") == 0)
        request_store(rq, outcome_run, outcome_done);
    else
        request_fail_with(rq, ERR_USAGE, tr("an outcome is 'sent' or 'not-sent', not '%.32s'"),
                          one->outcome);
}

static int resend_run(struct store *s, struct request *rq)
{
    struct one *one = rq->state;
    struct store_decision d = decision_of(rq, one);
    int rc = one_read(s, rq);

    if (rc == 0)
        rc = store_resend(s, one->id, &d, &rq->e);
    return rc ? rc : one_read(s, rq);
}

static void resend_done(struct request *rq)
{
    const struct one *one = rq->state;
    const struct api_host *host = request_host(rq);

    if (rq->rc == 0)
        host->delivery_waits(host->ctx, one->delivery->revision, one->delivery->lane);
    one_show(rq);
}

void deliveries_resend(struct request *rq)
{
    struct one *one = one_new(rq);

    if (!one)
        return;
    const struct request_field fields[] = {{"note", true, &one->note}, {0}};
    if (request_fields(rq, fields))
        request_store(rq, resend_run, resend_done);
}
