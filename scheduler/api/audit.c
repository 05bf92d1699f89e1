/* The log of decisions: listed in chunks, and its chain recomputed. */
#include "api/emit.h"
#include "api/handlers.h"
#include "api/lookup.h"
#include "api/objects.h"
#include "api/request.h"

#include "base/lang.h"

enum { CHUNK_ROWS = 1000 };

struct list {
    struct request *rq;
    const char *campaign; /* or NULL */
    const struct tz *zone;
    int64_t after;
    bool more;
};

static int list_add(void *ctx, const struct store_audit_row *row)
{
    struct list *list = ctx;

    object_audit(&list->rq->answer.body.text, row, list->zone);
    strbuf_putc(&list->rq->answer.body.text, '\n');
    return 0;
}

static int chunk_read(struct store *s, struct request *rq)
{
    struct list *list = rq->state;
    int rc = store_audit_rows(s, list->campaign, list->after, CHUNK_ROWS, list_add, list,
                              &list->after, &list->more, &rq->e);

    return rc ? rc : output_settle(&rq->answer.body, &rq->e);
}

static int first_read(struct store *s, struct request *rq)
{
    struct list *list = rq->state;
    struct lookup l = {.campaign = list->campaign};
    int rc = list->campaign ? lookup_current(s, rq, &l) : 0;

    return rc ? rc : chunk_read(s, rq);
}

static void chunk_show(struct request *rq)
{
    const struct list *list = rq->state;

    if (rq->rc)
        request_fail(rq);
    else if (list->more)
        request_store(rq, chunk_read, chunk_show);
    else
        request_stream(rq);
}

void audit_list(struct request *rq)
{
    struct list *list = arena_alloc(rq->arena, sizeof(*list));
    const struct api_host *host = request_host(rq);

    list->rq = rq;
    list->campaign = rq->query[0];
    list->zone = zones_get(request_zones(rq), host->conf(host->ctx)->zone_name);
    rq->state = list;
    request_store(rq, first_read, chunk_show);
}

struct verify {
    uint64_t records;
    int64_t broken;
};

static int verify_run(struct store *s, struct request *rq)
{
    struct verify *v = rq->state;

    return store_audit_verify(s, &v->records, &v->broken, &rq->e);
}

static void verify_show(struct request *rq)
{
    const struct verify *v = rq->state;
    struct strbuf *b = &rq->answer.body.text;

    if (rq->rc != 0 && rq->rc != ERR_REFUSED) {
        request_fail(rq);
        return;
    }
    emit_open(b, '{');
    emit_put_bool(b, "ok", rq->rc == 0);
    if (rq->rc == 0) {
        emit_put_number(b, "records", (int64_t)v->records);
    } else {
        emit_put_number(b, "broken", v->broken);
        emit_put_text(b, "message", rq->e.text);
    }
    strbuf_putc(b, '}');
    request_reply(rq, 200);
}

void audit_verify(struct request *rq)
{
    rq->state = arena_alloc(rq->arena, sizeof(struct verify));
    request_store(rq, verify_run, verify_show);
}
