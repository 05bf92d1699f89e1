/* The do-not-send list over the API. What was waiting for somebody suppressed is taken out of the
 * engine after the store has skipped it; what the engine decides in between the store refuses.
 * Before that, questions that nobody has seen yet are taken back. */
#include "api/emit.h"
#include "api/handlers.h"
#include "api/request.h"
#include "api/ties.h"

#include "base/lang.h"
#include "conf/audience.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_ROWS = 1000 };

struct entry {
    const char *recipient, *sender, *reason;
    struct store_suppressed done;
    size_t spared; /* asked about, but nobody had seen it */
    uint64_t left;
    bool sender_known;
};

static void entry_dispose(void *state)
{
    struct entry *x = state;

    free(x->done.skipped);
}

/* False after it has answered. */
static bool entry_read(struct request *rq)
{
    struct entry *x = arena_alloc(rq->arena, sizeof(*x));
    const struct request_field fields[] = {{"recipient", true, &x->recipient},
                                           {"sender", false, &x->sender},
                                           {"reason", true, &x->reason},
                                           {0}};

    rq->state = x;
    rq->dispose = entry_dispose;
    if (!request_fields(rq, fields))
        return false;
    if (strlen(x->recipient) <= RECIPIENT_BYTES_MAX && !strpbrk(x->recipient, "\n\t"))
        return true;
    request_fail_with(rq, ERR_USAGE,
                      tr("a recipient has at most %d bytes, no line break and no tab"),
                      RECIPIENT_BYTES_MAX);
    return false;
}

static bool is_sender(const struct service_channel *c, const char *name)
{
    size_t i = 0;

    while (i < c->sender_count && strcmp(c->senders[i].name, name) != 0)
        i++;
    return i < c->sender_count;
}

/* Of `senders: all` only the store knows who they are. */
static int find_sender(struct store *s, struct request *rq)
{
    struct entry *x = rq->state;
    int rc = 0;

    for (size_t i = 0; i < rq->conf->channel_count && !rc && !x->sender_known; i++) {
        const struct service_channel *c = &rq->conf->channels[i];
        rc = ties_senders(&c, s, rq->arena, &rq->e);
        rc = rc == ERR_REFUSED ? 0 : rc; /* nobody has read them yet */
        x->sender_known = is_sender(c, x->sender);
    }
    return rc;
}

static void put_entry(struct strbuf *b, const struct entry *x)
{
    emit_open(b, '{');
    emit_put_text(b, "recipient", x->recipient);
    emit_put_text(b, "sender", x->sender);
}

/* --- on to the list --- */

static int add_run(struct store *s, struct request *rq)
{
    struct entry *x = rq->state;
    const struct store_decision d = {.by = rq->who.name, .at = rq->now, .note = x->reason};

    return store_suppress(s, x->recipient, x->sender, &d, &x->done, &rq->e);
}

static void added(struct request *rq)
{
    const struct entry *x = rq->state;
    const struct api_host *host = request_host(rq);
    struct strbuf *b = &rq->answer.body.text;

    if (rq->rc) {
        request_fail(rq);
        return;
    }
    for (size_t i = 0; i < x->done.skipped_count; i++) {
        const struct store_place *p = &x->done.skipped[i];
        host->delivery_gone(host->ctx, p->revision, p->lane, p->delivery);
    }
    put_entry(b, x);
    emit_put_bool(b, "added", x->done.added);
    emit_put_number(b, "skipped", (int64_t)(x->done.skipped_count + x->spared));
    emit_put_number(b, "already_out", (int64_t)x->done.out_already);
    strbuf_putc(b, '}');
    request_reply(rq, 200);
}

static void add(struct request *rq)
{
    request_store(rq, add_run, added);
}

static void sender_found(struct request *rq)
{
    const struct api_host *host = request_host(rq);
    struct entry *x = rq->state;

    if (rq->rc) {
        request_fail(rq);
        return;
    }
    /* a slip here would hold nobody back */
    if (x->sender && !x->sender_known) {
        request_fail_with(rq, ERR_NOTFOUND, tr("no channel has a sender '%.64s'"), x->sender);
        return;
    }
    x->spared = host->prompts_spare(host->ctx, x->recipient, x->sender, rq->who.name);
    request_after(rq, add); /* the store counts what is still open */
}

void suppressions_add(struct request *rq)
{
    if (!entry_read(rq))
        return;
    const struct entry *x = rq->state;
    if (x->sender)
        request_store(rq, find_sender, sender_found);
    else
        sender_found(rq);
}

/* --- off the list --- */

static int remove_run(struct store *s, struct request *rq)
{
    struct entry *x = rq->state;
    const struct store_decision d = {.by = rq->who.name, .at = rq->now, .note = x->reason};

    return store_unsuppress(s, x->recipient, x->sender, &d, &x->left, &rq->e);
}

static void removed(struct request *rq)
{
    const struct entry *x = rq->state;
    struct strbuf *b = &rq->answer.body.text;

    if (rq->rc) {
        request_fail(rq);
        return;
    }
    put_entry(b, x);
    emit_put_bool(b, "removed", true);
    emit_put_number(b, "remaining", (int64_t)x->left);
    strbuf_putc(b, '}');
    request_reply(rq, 200);
}

void suppressions_remove(struct request *rq)
{
    if (entry_read(rq))
        request_store(rq, remove_run, removed);
}

/* --- the list --- */

struct list {
    struct request *rq;
    const struct tz *zone;
    int64_t after;
    bool more;
};

static int list_add(void *ctx, const struct store_suppression *x)
{
    struct list *list = ctx;
    struct strbuf *b = &list->rq->answer.body.text;

    emit_open(b, '{');
    emit_put_text(b, "recipient", x->recipient);
    emit_put_text(b, "sender", x->sender);
    emit_put_text(b, "by", x->by);
    emit_put_instant(b, "at", x->at, list->zone);
    emit_put_text(b, "reason", x->reason);
    emit_put_bool(b, "until_back", x->until_back);
    strbuf_puts(b, "}\n");
    return 0;
}

static int list_read(struct store *s, struct request *rq)
{
    struct list *list = rq->state;
    int rc = store_suppressions(s, list->after, LIST_ROWS, list_add, list, &list->after,
                                &list->more, &rq->e);

    return rc ? rc : output_settle(&rq->answer.body, &rq->e);
}

static void list_show(struct request *rq)
{
    const struct list *list = rq->state;

    if (rq->rc)
        request_fail(rq);
    else if (list->more)
        request_store(rq, list_read, list_show);
    else
        request_stream(rq);
}

void suppressions_list(struct request *rq)
{
    struct list *list = arena_alloc(rq->arena, sizeof(*list));
    const struct api_host *host = request_host(rq);

    list->rq = rq;
    list->zone = zones_get(request_zones(rq), host->conf(host->ctx)->zone_name);
    rq->state = list;
    request_store(rq, list_read, list_show);
}
