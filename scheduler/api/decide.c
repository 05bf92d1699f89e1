/* Decisions of people about a campaign. What stops sending is told to the engine first and to the
 * store then; whatever the store says, the engine afterwards reads the truth again. */
#include "api/emit.h"
#include "api/handlers.h"
#include "api/lookup.h"
#include "api/objects.h"
#include "api/request.h"

#include "base/lang.h"

#include <string.h>

enum { TARGETS_MAX = 16 }; /* revisions of one campaign that may still send or wait */

struct decide {
    struct lookup lookup; /* first */
    const char *digest_text, *note, *tasks;
    bool allow_self, approved;
    bool may_all; /* cancel: not only one's own */
    bool paused;  /* of the revision that is looked for */
    int (*change)(struct store *s, int64_t revision, const struct store_decision *d, struct err *e);
    struct store_revision *targets[TARGETS_MAX];
    size_t target_count;
    uint64_t canceled, out_already, unknown;
};

static struct decide *decide_new(struct request *rq)
{
    struct decide *d = arena_alloc(rq->arena, sizeof(*d));

    rq->state = d;
    return d;
}

static struct store_decision decision_of(const struct request *rq, const struct decide *d)
{
    return (struct store_decision){
        .by = rq->who.name, .at = rq->now, .note = d->note, .keep_tasks = d->tasks != NULL};
}

static void changed(struct request *rq, int64_t revision)
{
    const struct api_host *host = request_host(rq);

    host->revision_changed(host->ctx, revision);
}

static void hold(struct request *rq, int64_t revision)
{
    const struct decide *d = rq->state;
    const struct api_host *host = request_host(rq);

    host->hold_revision(host->ctx, revision, d->tasks != NULL);
}

/* After a change that concerned one revision. */
static void decided(struct request *rq)
{
    struct decide *d = rq->state;

    if (d->lookup.revision)
        changed(rq, d->lookup.revision->id);
    if (rq->rc)
        request_fail(rq);
    else
        reply_campaign(rq, d->lookup.revision);
}

/* --- approve, reject --- */

static int find_draft(struct store *s, struct request *rq, struct decide *d)
{
    char waits[DIGEST_TEXT];
    int rc = lookup_draft(s, rq, &d->lookup);

    if (rc)
        return rc;
    digest_text(&d->lookup.revision->digest, waits);
    if (d->lookup.has_digest && !digest_equal(&d->lookup.digest, &d->lookup.revision->digest))
        return err_set(&rq->e, ERR_REFUSED, tr("what waits for approval is %s, not %s"), waits,
                       d->digest_text);
    return 0;
}

static int approve_run(struct store *s, struct request *rq)
{
    struct decide *d = rq->state;
    struct store_decision decision = decision_of(rq, d);
    int rc = find_draft(s, rq, d);

    if (rc == 0)
        rc = store_approve(s, d->lookup.revision->id, &decision, d->allow_self, &d->approved,
                           &rq->e);
    return rc ? rc : lookup_id(s, rq, &d->lookup, d->lookup.revision->id);
}

void decide_approve(struct request *rq)
{
    struct decide *d = decide_new(rq);
    const struct request_field fields[] = {
        {"digest", false, &d->digest_text}, {"note", false, &d->note}, {0}};
    const struct api_host *host = request_host(rq);

    d->allow_self = host->conf(host->ctx)->allow_self;
    if (request_fields(rq, fields) && lookup_init(&d->lookup, rq, d->digest_text))
        request_store(rq, approve_run, decided);
}

static int reject_run(struct store *s, struct request *rq)
{
    struct decide *d = rq->state;
    struct store_decision decision = decision_of(rq, d);
    int rc = find_draft(s, rq, d);

    if (rc == 0)
        rc = store_reject(s, d->lookup.revision->id, &decision, &rq->e);
    return rc ? rc : lookup_id(s, rq, &d->lookup, d->lookup.revision->id);
}

void decide_reject(struct request *rq)
{
    struct decide *d = decide_new(rq);
    const struct request_field fields[] = {
        {"digest", false, &d->digest_text}, {"reason", true, &d->note}, {0}};

    if (request_fields(rq, fields) && lookup_init(&d->lookup, rq, d->digest_text))
        request_store(rq, reject_run, decided);
}

/* --- pause, resume --- */

static int active_find(struct store *s, struct request *rq)
{
    struct decide *d = rq->state;

    return lookup_active(s, rq, &d->lookup, d->paused);
}

static int change_run(struct store *s, struct request *rq)
{
    struct decide *d = rq->state;
    struct store_decision decision = decision_of(rq, d);

    int rc = d->change(s, d->lookup.revision->id, &decision, &rq->e);

    return rc ? rc : lookup_id(s, rq, &d->lookup, d->lookup.revision->id);
}

static void pause_found(struct request *rq)
{
    struct decide *d = rq->state;

    if (rq->rc) {
        request_fail(rq);
        return;
    }
    hold(rq, d->lookup.revision->id);
    request_store(rq, change_run, decided);
}

/* `"tasks":"keep"`: what people are being asked stays open. False after it has answered. */
static bool tasks_clear(struct request *rq, const struct decide *d)
{
    if (!d->tasks || strcmp(d->tasks, "keep") == 0)
        return true;
    request_fail_with(rq, ERR_USAGE, tr("'tasks' can only be 'keep'"));
    return false;
}

void decide_pause(struct request *rq)
{
    struct decide *d = decide_new(rq);
    const struct request_field fields[] = {
        {"note", false, &d->note}, {"tasks", false, &d->tasks}, {0}};

    d->change = store_pause;
    if (request_fields(rq, fields) && tasks_clear(rq, d) && lookup_init(&d->lookup, rq, NULL))
        request_store(rq, active_find, pause_found);
}

static int resume_run(struct store *s, struct request *rq)
{
    int rc = active_find(s, rq);

    return rc ? rc : change_run(s, rq);
}

void decide_resume(struct request *rq)
{
    struct decide *d = decide_new(rq);
    const struct request_field fields[] = {{"note", false, &d->note}, {0}};

    d->paused = true;
    d->change = store_resume;
    if (request_fields(rq, fields) && lookup_init(&d->lookup, rq, NULL))
        request_store(rq, resume_run, decided);
}

/* --- cancel --- */

struct gather {
    struct request *rq;
    struct decide *d;
};

/* All that may still send or wait for approval, each once. */
static int gather_target(void *ctx, const struct store_revision *r)
{
    struct gather *g = ctx;
    struct decide *d = g->d;
    bool open = r->status == REVISION_DRAFT || r->status == REVISION_APPROVED ||
                r->status == REVISION_PAUSED;

    if (!open || campaign_is_done(r) || strcmp(r->campaign, d->lookup.campaign) != 0 ||
        d->target_count == TARGETS_MAX)
        return 0;
    for (size_t i = 0; i < d->target_count; i++)
        if (d->targets[i]->id == r->id)
            return 0;
    d->targets[d->target_count++] = revision_copy(g->rq->arena, r);
    return 0;
}

static int cancel_find(struct store *s, struct request *rq)
{
    struct decide *d = rq->state;
    struct gather g = {.rq = rq, .d = d};
    int rc = lookup_current(s, rq, &d->lookup);

    if (rc == 0)
        rc = store_active(s, gather_target, &g, &rq->e);
    if (rc == 0) {
        rc = store_draft(s, d->lookup.campaign, gather_target, &g, &rq->e);
        rc = rc == ERR_NOTFOUND ? 0 : rc;
    }
    if (rc == 0)
        rc = gather_target(&g, d->lookup.revision);
    if (rc)
        return rc;
    for (size_t i = 0; i < d->target_count; i++)
        if (!d->may_all && strcmp(d->targets[i]->submitted_by, rq->who.name) != 0)
            return err_set(&rq->e, ERR_DENIED,
                           tr("'%s' was submitted by %s; only an operator may cancel it"),
                           d->lookup.campaign, d->targets[i]->submitted_by);
    return 0;
}

static int cancel_run(struct store *s, struct request *rq)
{
    struct decide *d = rq->state;
    struct store_decision decision = decision_of(rq, d);
    /* with nothing open the store says why for the current one */
    size_t count = d->target_count ? d->target_count : 1;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct store_revision *r = d->target_count ? d->targets[i] : d->lookup.revision;
        uint64_t canceled = 0, out_already = 0, unknown = 0;
        rc = store_cancel(s, r->id, &decision, &canceled, &out_already, &unknown, &rq->e);
        d->canceled += canceled;
        d->out_already += out_already;
        d->unknown += unknown;
    }
    return rc ? rc : lookup_current(s, rq, &d->lookup);
}

static void canceled(struct request *rq)
{
    struct decide *d = rq->state;
    struct strbuf *b = &rq->answer.body.text;

    for (size_t i = 0; i < d->target_count; i++)
        changed(rq, d->targets[i]->id);
    if (rq->rc) {
        request_fail(rq);
        return;
    }
    struct frame f = frame_of(d->lookup.revision->manifest, request_zones(rq));
    object_campaign_open(b, d->lookup.revision, &f, rq->now);
    emit_put_number(b, "canceled", (int64_t)d->canceled);
    emit_put_number(b, "already_out", (int64_t)d->out_already);
    emit_put_number(b, "unknown", (int64_t)d->unknown);
    strbuf_putc(b, '}');
    request_reply(rq, 200);
}

static void cancel_found(struct request *rq)
{
    struct decide *d = rq->state;

    if (rq->rc) {
        request_fail(rq);
        return;
    }
    for (size_t i = 0; i < d->target_count; i++)
        hold(rq, d->targets[i]->id);
    request_store(rq, cancel_run, canceled);
}

void decide_cancel(struct request *rq)
{
    struct decide *d = decide_new(rq);
    const struct request_field fields[] = {
        {"note", false, &d->note}, {"tasks", false, &d->tasks}, {0}};

    d->may_all = rq->who.roles & ROLE_OPERATOR;
    if (request_fields(rq, fields) && tasks_clear(rq, d) && lookup_init(&d->lookup, rq, NULL))
        request_store(rq, cancel_find, cancel_found);
}
