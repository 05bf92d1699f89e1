/* `submit`: what was taken in becomes a revision that waits for approval.
 *
 *     hold     loop thread    older revisions stop sending before the store pauses them
 *     end      store thread   the revision becomes visible
 *     tell     loop thread    the engine reads the truth, the submitter is answered */
#include "api/emit.h"
#include "api/handlers.h"
#include "api/objects.h"
#include "api/submission.h"

#include "base/lang.h"

#include <string.h>

static void taken(struct request *rq);
static void hold(struct request *rq);
static int end(struct store *s, struct request *rq);
static void tell(struct request *rq);

void submit_bundle(struct request *rq)
{
    static const char *const fields[] = {"only", "again", "allow_partial", NULL};

    if (!submission_new(rq, fields))
        return;
    struct submission *s = rq->state;
    s->only = spool_field(rq->spool, "only");
    if (!submission_flag(rq, "again", &s->again) ||
        !submission_flag(rq, "allow_partial", &s->allow_partial))
        return;
    if (s->only && *s->only == '\0')
        request_fail_with(rq, ERR_USAGE, tr("'%s' names no recipient"), "only");
    else
        submission_take(rq, taken);
}

static void refuse_infeasible(struct request *rq, const struct plan_sum *sum)
{
    struct submission *s = rq->state;
    const struct campaign *c = s->campaign;

    diag_add(
        &s->diags, c->file, 0, 0, DIAG_ERROR, ERR_REFUSED,
        tr("infeasible: %llu of %llu are not reached before the end; 'paceline plan --live' says "
           "what binds and what would help, --allow-partial accepts it"),
        (unsigned long long)sum->shortfall, (unsigned long long)sum->recipients);
    submission_give_up(rq);
}

static void taken(struct request *rq)
{
    struct submission *s = rq->state;
    const struct plan_sum *sum = s->foreseen ? plan_sum(s->foresight.rehearsal.plan) : NULL;

    if (sum && sum->shortfall > 0 && !s->allow_partial)
        refuse_infeasible(rq, sum);
    else
        hold(rq);
}

static void hold(struct request *rq)
{
    const struct submission *s = rq->state;
    const struct api_host *host = request_host(rq);

    for (size_t i = 0; i < s->held_count; i++)
        host->hold_revision(host->ctx, s->held[i], false);
    request_store(rq, end, tell);
}

/* --- end, tell --- */

static int end(struct store *store, struct request *rq)
{
    struct submission *s = rq->state;
    const struct store_freeze freeze = {
        .campaign = s->campaign->id,
        .by = rq->who.name,
        .at = rq->now,
        .manifest = s->manifest.text,
        .digest = s->digest,
        .channel = s->channel->name,
        .approvers = s->campaign->approvers,
        .test = s->channel->standin,
        .by_hand = s->kind->caps.person_confirms,
        .plan = s->plan.text,
        .shortfall = s->foreseen ? plan_sum(s->foresight.rehearsal.plan)->shortfall : 0,
    };
    int rc = store_submit_end(store, s->loading, &freeze, &s->revision, &s->unchanged, &rq->e);

    if (rc)
        return rc;
    s->begun = false;
    return lookup_id(store, rq, &s->lookup, s->revision);
}

/* The rows of a test send are numbered anew: one row is looked up in no time. */
static void keep_samples(struct request *rq)
{
    const struct submission *s = rq->state;
    const struct review_sum *sum = review_sum(s->review);
    const uint64_t rows[SAMPLES] = {[SAMPLE_SHORTEST] = sum->shortest,
                                    [SAMPLE_LONGEST] = sum->longest,
                                    [SAMPLE_MOST_DEFAULTS] = sum->most_defaults};

    if (!s->only && !s->unchanged)
        request_samples_put(rq, s->revision, rows);
}

static void tell(struct request *rq)
{
    const struct submission *s = rq->state;
    const struct api_host *host = request_host(rq);
    struct strbuf *b = &rq->answer.body.text;

    for (size_t i = 0; i < s->held_count; i++) /* also when the store said no */
        host->revision_changed(host->ctx, s->held[i]);
    if (rq->rc) {
        submission_give_up(rq);
        return;
    }
    if (!s->unchanged)
        host->revision_changed(host->ctx, s->revision);
    keep_samples(rq);
    const struct store_revision *r = s->lookup.revision;
    struct frame f = {.zone = s->campaign->schedule.zone,
                      .start = s->campaign->schedule.start,
                      .end = s->campaign->schedule.end};
    emit_open(b, '{');
    emit_put_text(b, "campaign", r->campaign);
    emit_put_digest(b, "revision", &r->digest);
    emit_put_text(b, "state", campaign_state(r, &f, rq->now));
    emit_put_bool(b, "unchanged", s->unchanged);
    submission_warnings(b, s);
    strbuf_putc(b, '}');
    request_reply(rq, 200);
}

/* --- those under way --- */

static void put_one(void *ctx, const struct request *other)
{
    const struct submission *s = other->state;
    struct strbuf *b = ctx;

    emit_open(b, '{');
    emit_put_text(b, "campaign", s->lookup.campaign);
    emit_put_text(b, "by", other->who.name);
    emit_put_number(b, "rows", (int64_t)s->told);
    strbuf_puts(b, "}\n");
}

void submit_list(struct request *rq)
{
    request_each(rq, submit_bundle, put_one, &rq->answer.body.text);
    request_stream(rq);
}
