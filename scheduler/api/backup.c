/* A copy of the store, a piece at a time on the store's thread: others get their turn between. */
#include "api/emit.h"
#include "api/handlers.h"
#include "api/request.h"

#include "base/lang.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

struct backup_request {
    const char *file;
    struct store_backup copy;
};

static int copy_begin(struct store *s, struct request *rq)
{
    const struct backup_request *b = rq->state;

    return store_backup_begin(s, b->file, &rq->e);
}

static int copy_step(struct store *s, struct request *rq)
{
    struct backup_request *b = rq->state;

    return store_backup_step(s, &b->copy, &rq->e);
}

/* Who has taken the whole store out: without a record there is no copy. */
static int copy_note(struct store *s, struct request *rq)
{
    const struct backup_request *b = rq->state;
    json_t *detail = json_pack("{s:s, s:I, s:I}", "file", b->file, "bytes",
                               (json_int_t)b->copy.bytes, "seq", (json_int_t)b->copy.audit_seq);
    char *text = json_dumps(detail, JSON_COMPACT | JSON_SORT_KEYS);
    int rc = store_audit(s, rq->now, rq->who.name, "backup", NULL, NULL, text, &rq->e);

    if (rc)
        unlink(b->file);
    free(text);
    json_decref(detail);
    return rc;
}

static void copy_noted(struct request *rq)
{
    const struct backup_request *b = rq->state;
    struct strbuf *out = &rq->answer.body.text;

    if (rq->rc) {
        request_fail(rq);
        return;
    }
    emit_open(out, '{');
    emit_put_text(out, "file", b->file);
    emit_put_number(out, "bytes", (int64_t)b->copy.bytes);
    emit_put_number(out, "audit_seq", b->copy.audit_seq);
    strbuf_putc(out, '}');
    request_reply(rq, 200);
}

static void copy_stepped(struct request *rq)
{
    const struct backup_request *b = rq->state;

    if (rq->rc)
        request_fail(rq);
    else if (b->copy.more)
        request_store(rq, copy_step, copy_stepped);
    else
        request_store(rq, copy_note, copy_noted);
}

static void copy_begun(struct request *rq)
{
    if (rq->rc)
        request_fail(rq);
    else
        request_store(rq, copy_step, copy_stepped);
}

void backup_make(struct request *rq)
{
    struct backup_request *b = arena_alloc(rq->arena, sizeof(*b));
    const struct request_field fields[] = {{"file", true, &b->file}, {0}};

    if (!request_fields(rq, fields))
        return;
    if (b->file[0] != '/') {
        request_fail_with(rq, ERR_USAGE, tr("'%s' must begin with '/': the service is elsewhere"),
                          b->file);
        return;
    }
    rq->state = b;
    request_store(rq, copy_begin, copy_begun);
}
