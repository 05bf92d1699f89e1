/* A submission becomes a revision, in steps, so that claims get their turns in between:
 *
 *     read     store thread   the campaign file is parsed
 *     resolve  loop thread    its channel, and what that can carry
 *     open     store thread   attachments, the audience's header; a loading revision is begun
 *     rows     store thread   again and again: a chunk of rows is rendered, judged and stored
 *     seal     store thread   attachments stored, the manifest written, its digest looked up
 *     foresee  store thread   again and again: a slice of the plan; refused when infeasible
 *     hold     loop thread    older revisions stop sending before the store pauses them
 *     end      store thread   the revision becomes visible
 *     tell     loop thread    the engine reads the truth, the submitter is answered
 *
 * Once something is wrong nothing more is stored, but the rest is still read, so that all errors of
 * a file are found in one run; then what was begun is dropped. */
#include "api/emit.h"
#include "api/foresee.h"
#include "api/handlers.h"
#include "api/lookup.h"
#include "api/objects.h"
#include "api/request.h"
#include "api/ties.h"

#include "base/lang.h"
#include "channel/check.h"
#include "channel/review.h"
#include "conf/policy.h"
#include "conf/revision.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_ROWS = 2000, CHUNK_BYTES = 1024 * 1024, HELD_MAX = 16 };

struct submission {
    struct lookup lookup; /* first; .revision: what it became */
    struct diags diags;
    const struct service *conf;
    bool again, allow_partial;
    const char *only; /* or NULL */

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
    uint64_t stored;
    uint64_t told; /* of stored, on the loop thread */

    struct strbuf manifest, plan;
    struct digest digest;
    struct foresight foresight;
    bool foreseen;
    int64_t held[HELD_MAX]; /* revisions that send now */
    size_t held_count;
    int64_t revision;
    bool unchanged;
    struct err first_error;
};

struct chunk { /* rows on their way into the store */
    struct arena *arena;
    struct store_row rows[CHUNK_ROWS];
    size_t count, bytes;
};

static int read_campaign(struct store *s, struct request *rq);
static void resolve(struct request *rq);
static int open_review(struct store *s, struct request *rq);
static void opened(struct request *rq);
static int take_rows(struct store *s, struct request *rq);
static void rows_taken(struct request *rq);
static int seal(struct store *s, struct request *rq);
static void sealed(struct request *rq);
static void hold(struct request *rq);
static int end(struct store *s, struct request *rq);
static void tell(struct request *rq);
static void give_up(struct request *rq);

static void submission_dispose(void *state)
{
    struct submission *s = state;

    review_close(s->review);
    campaign_free(s->campaign);
    foresee_dispose(&s->foresight);
    strbuf_dispose(&s->manifest);
    strbuf_dispose(&s->plan);
    strbuf_dispose(&s->tags);
    ties_dispose(&s->ties);
    diags_dispose(&s->diags);
    free(s->bytes);
}

void submit_bundle(struct request *rq)
{
    struct submission *s = arena_alloc(rq->arena, sizeof(*s));
    const char *again = spool_field(rq->spool, "again"),
               *partial = spool_field(rq->spool, "allow_partial");

    diags_init(&s->diags);
    rq->state = s;
    rq->dispose = submission_dispose;
    s->conf = rq->conf; /* lives as long as the request, whatever is reloaded */
    s->only = spool_field(rq->spool, "only");
    s->again = again && strcmp(again, "true") == 0;
    s->allow_partial = partial && strcmp(partial, "true") == 0;
    if (!spool_file(rq->spool, "campaign", NULL))
        request_fail_with(rq, ERR_USAGE, tr("the submission has no part '%s'"), "campaign");
    else if (spool_count(rq->spool, "contacts") > 0 || spool_count(rq->spool, "match") > 0)
        request_fail_with(rq, ERR_USAGE, tr("unknown part '%.64s'"),
                          spool_count(rq->spool, "match") > 0 ? "match" : "contacts");
    else if (again && !s->again && strcmp(again, "false") != 0)
        request_fail_with(rq, ERR_USAGE, tr("'%s' must be true or false"), "again");
    else if (partial && !s->allow_partial && strcmp(partial, "false") != 0)
        request_fail_with(rq, ERR_USAGE, tr("'%s' must be true or false"), "allow_partial");
    else if (s->only && *s->only == '\0')
        request_fail_with(rq, ERR_USAGE, tr("'%s' names no recipient"), "only");
    else
        request_store(rq, read_campaign, resolve);
}

/* --- read, resolve --- */

/* The tree is read once more for the one place that the campaign does not keep. */
static void check_end(struct request *rq, size_t length)
{
    struct submission *s = rq->state;
    const struct campaign *c = s->campaign;
    struct diags seen;

    if (c->schedule.end > rq->now)
        return;
    diags_init(&seen);
    const struct yaml_node *root = yaml_read(rq->arena, c->file, s->bytes, length, &seen);
    const struct yaml_node *schedule = root ? yaml_get(root, "schedule") : NULL;
    const struct yaml_node *at = schedule ? yaml_get(schedule, "end") : NULL;
    diag_add(&s->diags, c->file, at ? at->line : 0, at ? at->column : 0, DIAG_ERROR, ERR_REFUSED,
             tr("the end of the campaign lies in the past"));
    diags_dispose(&seen);
}

static int read_campaign(struct store *store, struct request *rq)
{
    struct submission *s = rq->state;
    const struct spool_part *part = spool_file(rq->spool, "campaign", NULL);
    size_t length = 0;

    (void)store;
    int rc = file_read(&s->bytes, &length, part->path, YAML_BYTES_MAX, &rq->e);
    if (rc == ERR_LIMIT) { /* said by the file's name, not by ours */
        diag_add(&s->diags, part->filename, 0, 0, DIAG_ERROR, ERR_DATA,
                 tr("the file is larger than %d bytes"), YAML_BYTES_MAX);
        return 0;
    }
    if (rc)
        return err_set(&rq->e, ERR_STORE, tr("the submission cannot be read again"));
    s->campaign = campaign_read(part->filename, s->bytes, length, s->conf->zone_name, s->conf->dir,
                                request_store_zones(rq), &s->diags);
    if (!s->campaign)
        return 0;
    check_end(rq, length);
    policy_apply(s->campaign, s->conf, service_channel(s->conf, s->campaign->channel), &s->diags);
    return 0;
}

static void unknown_channel(struct submission *s)
{
    const struct campaign *c = s->campaign;
    const char *slash = strrchr(s->conf->file, '/');
    struct strbuf list = STRBUF_INIT;

    for (size_t i = 0; i < s->conf->channel_count; i++)
        strbuf_printf(&list, "%s%s", i ? ", " : "", s->conf->channels[i].name);
    diag_add(&s->diags, c->file, c->channel_at.line, c->channel_at.column, DIAG_ERROR, ERR_DATA,
             tr("unknown channel '%s', %s has %s"), c->channel, slash ? slash + 1 : s->conf->file,
             list.text ? list.text : tr("none"));
    strbuf_dispose(&list);
}

/* False after it has answered: a file that the campaign names is not part of the submission. */
static bool parts_complete(struct request *rq)
{
    const struct submission *s = rq->state;
    const struct campaign *c = s->campaign;

    if (c->source == AUDIENCE_FILE && !spool_file(rq->spool, "audience", NULL)) {
        request_fail_with(rq, ERR_USAGE, tr("the submission has no part '%s'"), "audience");
        return false;
    }
    for (size_t i = 0; i < c->attachment_count; i++) {
        if (!c->attachments[i].path || spool_file(rq->spool, "attachment", c->attachments[i].path))
            continue;
        request_fail_with(rq, ERR_USAGE, tr("the submission has no part '%s'"),
                          c->attachments[i].path);
        return false;
    }
    return true;
}

static void resolve(struct request *rq)
{
    struct submission *s = rq->state;
    const struct api_host *host = request_host(rq);

    if (rq->rc || !s->campaign) {
        give_up(rq);
        return;
    }
    s->lookup.campaign = s->campaign->id;
    s->channel = service_channel(s->conf, s->campaign->channel);
    if (!s->channel)
        unknown_channel(s);
    if (!s->channel) {
        give_up(rq);
        return;
    }
    s->kind = host->kind(host->ctx, s->channel->name);
    if (!s->kind) {
        request_fail_with(rq, ERR_REFUSED, tr("channel '%s' is not open; see the service's log"),
                          s->channel->name);
        return;
    }
    channel_defaults(s->kind, s->campaign);
    s->options = arena_strdup(rq->arena, host->options(host->ctx, s->channel->name));
    if (parts_complete(rq))
        request_store(rq, open_review, opened);
}

/* --- rows --- */

static const char *tags_of(void *ctx, const char *recipient, struct err *e)
{
    struct submission *s = ctx;

    return store_contact_tags(s->store, recipient, &s->tags, e) ? NULL : s->tags.text;
}

static int contacted_of(void *ctx, const char *recipient, struct err *e)
{
    struct submission *s = ctx;
    bool contacted;
    int rc = store_contacted(s->store, s->loading, recipient, &contacted, e);

    return rc ? rc : contacted;
}

static int open_review(struct store *store, struct request *rq)
{
    struct submission *s = rq->state;
    const struct campaign *c = s->campaign;
    const struct spool_part *audience = spool_file(rq->spool, "audience", NULL);
    const char **attachments =
        arena_array(rq->arena, c->attachment_count + 1, sizeof(*attachments));
    size_t count = 0;
    char *book = NULL; /* a copy of the contact book */

    if (ties_senders(&s->channel, store, rq->arena, &rq->e))
        return rq->e.code;
    ties_init(&s->ties, s->channel, s->kind, c, rq->now, rq->arena);
    if (ties_book(&s->ties, &book, store, c, rq->answer.body.dir, &rq->e))
        return rq->e.code;
    for (size_t i = 0; i < c->attachment_count; i++)
        attachments[i] = c->attachments[i].path
                             ? spool_file(rq->spool, "attachment", c->attachments[i].path)->path
                             : NULL;
    int rc = review_open(&s->review, c, s->channel, s->kind,
                         book       ? book
                         : audience ? audience->path
                                    : NULL,
                         attachments, &s->diags, &rq->e);
    if (book)
        unlink(book); /* it is open */
    free(book);
    if (rc)
        return rc;
    review_tags(s->review, tags_of, s);
    if (ties_follow(&s->ties, store, s->review, c, &s->diags, &rq->e))
        return rq->e.code;
    const char *const *senders = review_senders(s->review, &count);
    s->lanes = arena_array(rq->arena, count, sizeof(*s->lanes));
    s->parts = arena_array(rq->arena, count, sizeof(*s->parts));
    rc = foresee_begin(&s->foresight, store, c, s->channel, s->kind, senders, count, rq->now,
                       request_store_zones(rq), rq->arena, &rq->e);
    if (rc)
        return rc;
    const struct store_submission sub = {
        .campaign = c->id, .title = c->title, .by = rq->who.name, .at = rq->now};
    rc = store_submit_begin(store, &sub, &s->loading, &rq->e);
    s->begun = rc == 0;
    if (rc || !c->where.not_contacted)
        return rc;
    review_contacted(s->review, contacted_of, s);
    return store_contacted_note(store, s->loading, rq->now - c->where.not_contacted, &rq->e);
}

static void opened(struct request *rq)
{
    if (rq->rc)
        give_up(rq);
    else
        request_store(rq, take_rows, rows_taken);
}

struct part {         /* of a sender's lane, for one zone; parts are few */
    const char *zone; /* the audience's */
    int64_t lane;
    struct part *next;
};

static int part_of(struct store *store, struct request *rq, const struct review_row *row,
                   int64_t *lane)
{
    struct submission *s = rq->state;
    struct part **list = &s->parts[row->sender_index], *p = *list;
    int rc = 0;

    while (p && p->zone != row->zone)
        p = p->next;
    if (!p) {
        p = arena_alloc(rq->arena, sizeof *p);
        rc = store_lane_part(store, *lane, row->zone, &p->lane, &rq->e);
        p->zone = row->zone;
        p->next = *list;
        *list = p;
    }
    *lane = p->lane;
    return rc;
}

static int lane_of(struct store *store, struct request *rq, const struct review_row *row,
                   int64_t *lane)
{
    struct submission *s = rq->state;
    int64_t channel_id, sender_id;
    int rc = 0;

    if (s->lanes[row->sender_index] == 0)
        rc = store_lane(store, s->channel->name, row->sender, &s->lanes[row->sender_index],
                        &channel_id, &sender_id, &rq->e);
    *lane = s->lanes[row->sender_index];
    return rc || !row->zone ? rc : part_of(store, rq, row, lane);
}

/* The values as a JSON array, or NULL when there are none. */
static const char *values_of(struct arena *arena, const struct review_row *row)
{
    struct strbuf b = STRBUF_INIT;

    if (row->value_count == 0)
        return NULL;
    emit_open(&b, '[');
    for (size_t i = 0; i < row->value_count; i++)
        emit_text(&b, row->values[i]);
    strbuf_putc(&b, ']');
    const char *values = arena_strdup(arena, b.text);
    strbuf_dispose(&b);
    return values;
}

static int keep_row(struct store *store, struct request *rq, struct chunk *chunk,
                    const struct review_row *row)
{
    struct submission *s = rq->state;
    struct store_row *out = &chunk->rows[chunk->count];
    int rc = lane_of(store, rq, row, &out->lane);
    int left_out = rc || row->skipped ? 0 : ties_left_out(&s->ties, row->recipient, &rq->e);

    if (rc || left_out < 0)
        return rc ? rc : left_out;
    out->row = s->stored + chunk->count + 1;
    out->recipient = arena_strdup(chunk->arena, row->recipient);
    out->values = values_of(chunk->arena, row);
    out->skipped = left_out ? REASON_SUPPRESSED : row->skipped;
    out->message = row->message;
    chunk->bytes += strlen(out->recipient) + (out->values ? strlen(out->values) : 0);
    chunk->count++;
    return foresee_row(&s->foresight, store, out, row->sender_index, row->zone, &rq->e);
}

/* A test send keeps one row: the first of that recipient. */
static bool is_wanted(const struct submission *s, const struct review_row *row)
{
    return !s->only || (strcmp(s->only, row->recipient) == 0 && row->skipped != REASON_DUPLICATE);
}

static int fill_chunk(struct store *store, struct request *rq, struct chunk *chunk)
{
    struct submission *s = rq->state;
    struct review_row row;
    int rc = 1;

    for (int n = 0; rc == 1 && n < CHUNK_ROWS && chunk->bytes < CHUNK_BYTES; n++) {
        rc = review_next(s->review, &row, &rq->e);
        if (rc == 1)
            ties_judge(&s->ties, &row, s->campaign, &s->diags);
        if (rc == 1 && s->diags.errors == 0 && is_wanted(s, &row)) {
            int kept = keep_row(store, rq, chunk, &row);
            rc = kept ? kept : 1;
        }
    }
    s->read_all = rc == 0;
    return rc < 0 ? rc : 0;
}

static int take_rows(struct store *store, struct request *rq)
{
    struct submission *s = rq->state;
    struct chunk *chunk = xmalloc(sizeof(*chunk));

    chunk->arena = arena_new();
    s->store = store;
    int rc = fill_chunk(store, rq, chunk);
    if (rc == 0 && s->diags.errors == 0 && chunk->count > 0) {
        rc = store_submit_rows(store, s->loading, chunk->rows, chunk->count, &rq->e);
        s->stored += chunk->count;
    }
    arena_free(chunk->arena);
    free(chunk);
    return rc;
}

static void rows_taken(struct request *rq)
{
    struct submission *s = rq->state;
    const struct campaign *c = s->campaign;

    s->told = s->stored;
    if (rq->rc == 0 && !s->read_all) {
        request_store(rq, take_rows, rows_taken);
        return;
    }
    if (rq->rc == 0 && s->only && s->stored == 0 && s->diags.errors == 0)
        diag_add(&s->diags, c->file, c->audience_at.line, c->audience_at.column, DIAG_ERROR,
                 ERR_REFUSED, tr("'%s' is not in the audience"), s->only);
    if (s->foresight.too_many)
        diag_add(
            &s->diags, c->file, c->audience_at.line, c->audience_at.column, DIAG_WARNING,
            ERR_REFUSED,
            tr("more than %d recipients: the service does not plan them; 'paceline plan' does"),
            FORESEE_ROWS_MAX);
    if (rq->rc || s->diags.errors > 0)
        give_up(rq);
    else
        request_store(rq, seal, sealed);
}

/* --- seal, foresee, hold --- */

static int keep_sending(void *ctx, const struct store_revision *r)
{
    struct submission *s = ctx;

    if (r->status == REVISION_APPROVED && strcmp(r->campaign, s->campaign->id) == 0 &&
        s->held_count < HELD_MAX)
        s->held[s->held_count++] = r->id;
    return 0;
}

static int keep_known(void *ctx, const struct store_revision *r)
{
    struct submission *s = ctx;

    s->known = r->status != REVISION_REJECTED && r->status != REVISION_CANCELED;
    return 0;
}

static int store_attachments(struct store *store, struct request *rq)
{
    const struct submission *s = rq->state;
    size_t count;
    const struct review_attachment *files = review_attachments(s->review, &count);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct store_blob blob = {.digest = files[i].digest,
                                        .bytes = files[i].file.bytes,
                                        .length = files[i].file.length};
        if (!s->campaign->attachments[i].path)
            continue;
        rc = store_submit_blob(store, &blob, &rq->e);
    }
    return rc;
}

static int seal(struct store *store, struct request *rq)
{
    struct submission *s = rq->state;
    struct revision_facts facts;

    review_facts(s->review, s->options, &facts);
    facts.rows = s->stored;
    facts.again = s->again;
    facts.only = s->only;
    manifest_write(&s->manifest, s->campaign, &facts);
    s->digest = digest_of(s->manifest.text, s->manifest.length);
    int rc = store_attachments(store, rq);
    if (rc == 0) {
        rc = store_revision_by_digest(store, s->campaign->id, &s->digest, keep_known, s, &rq->e);
        rc = rc == ERR_NOTFOUND ? 0 : rc;
    }
    if (rc == 0 && !s->known) /* the same again disturbs nobody */
        rc = store_active(store, keep_sending, s, &rq->e);
    return rc;
}

static int foresee(struct store *store, struct request *rq)
{
    struct submission *s = rq->state;
    uint64_t seed = revision_seed(&s->digest);

    (void)store; /* only its thread is used: a plan takes a while */
    s->foreseen = !foresee_run(&s->foresight, seed);
    if (s->foreseen)
        foresee_sum(&s->foresight, &s->digest, seed, &s->plan);
    return 0;
}

static void refuse_infeasible(struct request *rq, const struct plan_sum *sum)
{
    struct submission *s = rq->state;
    const struct campaign *c = s->campaign;

    diag_add(
        &s->diags, c->file, 0, 0, DIAG_ERROR, ERR_REFUSED,
        tr("infeasible: %llu of %llu are not reached before the end; 'paceline plan' says what "
           "binds and what would help, --allow-partial accepts it"),
        (unsigned long long)sum->shortfall, (unsigned long long)sum->recipients);
    give_up(rq);
}

static void foreseen(struct request *rq)
{
    struct submission *s = rq->state;
    const struct plan_sum *sum = s->foreseen ? plan_sum(s->foresight.rehearsal.plan) : NULL;

    if (rq->rc)
        give_up(rq);
    else if (!sum)
        request_store(rq, foresee, foreseen);
    else if (sum->shortfall > 0 && !s->allow_partial)
        refuse_infeasible(rq, sum);
    else
        hold(rq);
}

static void sealed(struct request *rq)
{
    const struct submission *s = rq->state;

    if (rq->rc)
        give_up(rq);
    else if (s->known || s->foresight.too_many) /* the same again was foreseen then */
        hold(rq);
    else
        request_store(rq, foresee, foreseen);
}

static void hold(struct request *rq)
{
    const struct submission *s = rq->state;
    const struct api_host *host = request_host(rq);

    if (rq->rc) {
        give_up(rq);
        return;
    }
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

static void put_warnings(struct strbuf *b, const struct diags *d)
{
    emit_key(b, "warnings");
    emit_open(b, '[');
    for (size_t i = 0; i < d->count; i++)
        object_diag(b, &d->items[i]);
    strbuf_putc(b, ']');
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
        give_up(rq);
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
    put_warnings(b, &s->diags);
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

/* --- what goes wrong --- */

static void refuse(struct request *rq)
{
    const struct submission *s = rq->state;

    if (s->diags.errors > 0)
        request_fail_diags(rq, &s->diags, tr("the campaign was not submitted"));
    else
        request_fail(rq);
}

/* Opening the store drops it too, should this fail. The first error is the one that is told. */
static int drop(struct store *store, struct request *rq)
{
    const struct submission *s = rq->state;
    struct err ignored;

    store_submit_drop(store, s->loading, &ignored);
    return 0;
}

static void dropped(struct request *rq)
{
    const struct submission *s = rq->state;

    rq->e = s->first_error;
    refuse(rq);
}

static void give_up(struct request *rq)
{
    struct submission *s = rq->state;

    if (!s->begun) {
        refuse(rq);
        return;
    }
    s->first_error = rq->e;
    request_store(rq, drop, dropped);
}
