/* Reading campaigns: the list, one, and its samples as they will be read. */
#include "api/emit.h"
#include "api/handlers.h"
#include "api/lookup.h"
#include "api/objects.h"
#include "api/request.h"

#include "base/lang.h"
#include "conf/revision.h"

#include <assert.h>
#include <jansson.h>
#include <string.h>

enum { LIST_TURN = 32 }; /* campaigns shown in one turn of the loop: each has a manifest to read */

struct list {
    struct arena *arena;
    const struct store_revision **rows;
    size_t count, capacity, shown;
};

static void list_dispose(void *state)
{
    struct list *list = state;

    free(list->rows);
}

static int list_add(void *ctx, const struct store_revision *r)
{
    struct list *list = ctx;

    list->rows = xgrow(list->rows, &list->capacity, list->count + 1, sizeof(*list->rows));
    list->rows[list->count++] = revision_copy(list->arena, r);
    return 0;
}

static int list_read(struct store *s, struct request *rq)
{
    return store_campaigns(s, list_add, rq->state, &rq->e);
}

static int do_nothing(struct store *s, struct request *rq)
{
    (void)s, (void)rq;
    return 0;
}

static void list_show(struct request *rq)
{
    struct list *list = rq->state;
    size_t end = list->count - list->shown > LIST_TURN ? list->shown + LIST_TURN : list->count;

    if (rq->rc) {
        request_fail(rq);
        return;
    }
    for (; list->shown < end; list->shown++) {
        const struct store_revision *r = list->rows[list->shown];
        struct frame f = frame_of(r->manifest, request_zones(rq));
        object_campaign(&rq->answer.body.text, r, &f, rq->now);
        strbuf_putc(&rq->answer.body.text, '\n');
    }
    if (output_settle(&rq->answer.body, &rq->e))
        request_fail(rq);
    else if (list->shown < list->count)
        request_store(rq, do_nothing, list_show); /* lets the loop breathe */
    else
        request_stream(rq);
}

void campaigns_list(struct request *rq)
{
    struct list *list = arena_alloc(rq->arena, sizeof(*list));

    list->arena = rq->arena;
    rq->state = list;
    rq->dispose = list_dispose;
    request_store(rq, list_read, list_show);
}

/* --- one --- */

static int one_read(struct store *s, struct request *rq)
{
    struct lookup *l = rq->state;

    return l->has_digest ? lookup_digest(s, rq, l) : lookup_current(s, rq, l);
}

static void one_show(struct request *rq)
{
    struct lookup *l = rq->state;

    if (rq->rc)
        request_fail(rq);
    else
        reply_campaign(rq, l->revision);
}

void campaigns_show(struct request *rq)
{
    if (lookup_new(rq, rq->query[0]))
        request_store(rq, one_read, one_show);
}

/* --- preview --- */

enum { SCAN_ROWS = 1000 };

static const char *const sample_names[SAMPLES] = {"shortest", "longest", "most_defaults"};

struct preview {
    struct lookup lookup; /* first: rq->state is a lookup too */
    struct request *rq;
    struct campaign *campaign;
    size_t value_count;
    const char **values;
    struct strbuf text; /* of the row that is looked at */
    unsigned defaults;
    int64_t after;
    bool more;
    bool scanned, stale;    /* stale: what was known is left out by now */
    uint64_t rows[SAMPLES]; /* 0: none */
    size_t best[SAMPLES];
    enum sample shown;
};

static void preview_dispose(void *state)
{
    struct preview *p = state;

    strbuf_dispose(&p->text);
    campaign_free(p->campaign);
}

static int draft_or_current(struct store *s, struct request *rq)
{
    struct lookup *l = rq->state;
    int rc = lookup_draft(s, rq, l);

    return rc == ERR_REFUSED ? lookup_current(s, rq, l) : rc;
}

/* Into p->text, as the send will do it. `values` is a JSON array of strings and nulls in the order
 * of the template's names. False for a row that is left out, a missing value. */
static bool render(struct preview *p, const struct store_delivery *d)
{
    const char *missing = NULL;

    strbuf_reset(&p->text);
    p->defaults = 0;
    if (!p->campaign->template)
        return true;
    json_t *array = d->values ? json_loads(d->values, JSON_REJECT_DUPLICATES, NULL) : NULL;
    for (size_t i = 0; i < p->value_count; i++)
        p->values[i] = json_string_value(json_array_get(array, i));
    bool whole = template_render(p->campaign->template, d->recipient, d->sender, p->values,
                                 &p->text, &missing, &p->defaults);
    json_decref(array);
    return whole;
}

/* The first row with the most of it. */
static void offer(struct preview *p, enum sample sample, uint64_t row, size_t value, bool better)
{
    if (p->rows[sample] > 0 && !better)
        return;
    p->rows[sample] = row;
    p->best[sample] = value;
}

static int scan_row(void *ctx, const struct store_delivery *d)
{
    struct preview *p = ctx;

    if (d->state == DELIVERY_SKIPPED || !render(p, d))
        return 0;
    size_t length = p->text.length;
    offer(p, SAMPLE_SHORTEST, d->row, length, length < p->best[SAMPLE_SHORTEST]);
    offer(p, SAMPLE_LONGEST, d->row, length, length > p->best[SAMPLE_LONGEST]);
    if (p->defaults > 0)
        offer(p, SAMPLE_MOST_DEFAULTS, d->row, p->defaults,
              p->defaults > p->best[SAMPLE_MOST_DEFAULTS]);
    return 0;
}

static int scan_read(struct store *s, struct request *rq)
{
    struct preview *p = rq->state;

    return store_deliveries(s, p->lookup.revision->id, DELIVERY_STATES, p->after, SCAN_ROWS,
                            scan_row, p, &p->after, &p->more, &rq->e);
}

static int put_sample(void *ctx, const struct store_delivery *d)
{
    struct preview *p = ctx;
    struct strbuf *b = &p->rq->answer.body.text;
    const struct campaign *c = p->campaign;

    if (d->state == DELIVERY_SKIPPED || !render(p, d)) {
        p->stale = true;
        return 0;
    }
    emit_open(b, '{');
    emit_put_text(b, "sample", sample_names[p->shown]);
    emit_put_number(b, "row", (int64_t)d->row);
    emit_put_text(b, "recipient", d->recipient);
    emit_put_text(b, "sender", d->sender);
    emit_put_text(b, "format", c->format ? c->format : "text");
    emit_put_text(b, "text", c->template ? (p->text.text ? p->text.text : "") : NULL);
    emit_key(b, "attachments");
    emit_open(b, '[');
    for (size_t i = 0; i < c->attachment_count; i++) {
        struct strbuf words = STRBUF_INIT;
        attachment_words(&words, &c->attachments[i]);
        emit_text(b, words.text);
        strbuf_dispose(&words);
    }
    strbuf_puts(b, "]}\n");
    return 0;
}

static void scanned(struct request *rq);

static int samples_read(struct store *s, struct request *rq)
{
    struct preview *p = rq->state;
    int rc = 0;

    for (p->shown = 0; rc == 0 && p->shown < SAMPLES; p->shown++)
        if (p->rows[p->shown] > 0)
            rc = store_delivery_row(s, p->lookup.revision->id, p->rows[p->shown], put_sample, p,
                                    &rq->e);
    return rc;
}

static void samples_show(struct request *rq)
{
    struct preview *p = rq->state;

    if (rq->rc) {
        request_fail(rq);
    } else if (p->stale && !p->scanned) {
        strbuf_reset(&rq->answer.body.text);
        memset(p->rows, 0, sizeof(p->rows));
        request_store(rq, scan_read, scanned);
    } else {
        request_stream(rq);
    }
}

static void scanned(struct request *rq)
{
    struct preview *p = rq->state;

    if (rq->rc) {
        request_fail(rq);
    } else if (p->more) {
        request_store(rq, scan_read, scanned);
    } else {
        p->scanned = true;
        request_samples_put(rq, p->lookup.revision->id, p->rows);
        request_store(rq, samples_read, samples_show);
    }
}

static void preview_found(struct request *rq)
{
    struct preview *p = rq->state;
    const char *const *names;

    if (rq->rc == 0) {
        p->campaign = manifest_read(p->lookup.revision->manifest, request_zones(rq), NULL, &rq->e);
        rq->rc = p->campaign ? 0 : rq->e.code;
    }
    if (rq->rc || !p->campaign) {
        request_fail(rq);
        return;
    }
    if (p->campaign->template)
        p->value_count = template_names(p->campaign->template, &names);
    p->values = arena_array(rq->arena, p->value_count, sizeof(*p->values));
    if (request_samples_get(rq, p->lookup.revision->id, p->rows))
        request_store(rq, samples_read, samples_show);
    else
        request_store(rq, scan_read, scanned);
}

void campaigns_preview(struct request *rq)
{
    struct preview *p = arena_alloc(rq->arena, sizeof(*p));

    if (!lookup_init(&p->lookup, rq, NULL))
        return;
    p->rq = rq;
    rq->state = p;
    rq->dispose = preview_dispose;
    request_store(rq, draft_or_current, preview_found);
}
