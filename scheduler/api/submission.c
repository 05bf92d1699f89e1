/* A submission becomes a revision (submit.c) or only a plan (plan.c), in steps, so that claims get
 * their turns in between:
 *
 *     read     store thread   the campaign file is parsed
 *     resolve  loop thread    its channel, and what that can carry
 *     open     store thread   attachments, the audience's header; a loading revision is begun
 *     rows     store thread   again and again: a chunk of rows is rendered, judged and stored
 *     seal     store thread   attachments stored, the manifest written, its digest looked up
 *     foresee  store thread   again and again: what the service carries, a slice of the plan
 *
 * Once something is wrong nothing more is stored, but the rest is still read, so that all errors of
 * a file are found in one run; then what was begun is dropped. */
#include "api/submission.h"

#include "api/emit.h"
#include "api/objects.h"
#include "base/lang.h"
#include "channel/check.h"
#include "conf/duration.h"
#include "conf/policy.h"
#include "conf/revision.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_ROWS = 2000, CHUNK_BYTES = 1024 * 1024 };

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
static void foreseen(struct request *rq);

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
    free(s->recipients);
    free(s->bytes);
}

bool submission_flag(struct request *rq, const char *name, bool *out)
{
    const char *value = spool_field(rq->spool, name);

    *out = value && strcmp(value, "true") == 0;
    if (!value || *out || strcmp(value, "false") == 0)
        return true;
    request_fail_with(rq, ERR_USAGE, tr("'%s' must be true or false"), name);
    return false;
}

/* A part of an upload that belongs to another request; NULL: there is none. */
static const char *strange_part(const struct spool *spool, const char *const *fields)
{
    return spool_count(spool, "contacts") > 0 ? "contacts" : spool_other_field(spool, fields);
}

bool submission_new(struct request *rq, const char *const *fields)
{
    struct submission *s = arena_alloc(rq->arena, sizeof(*s));
    const char *strange = strange_part(rq->spool, fields);

    diags_init(&s->diags);
    rq->state = s;
    rq->dispose = submission_dispose;
    s->conf = rq->conf; /* lives as long as the request, whatever is reloaded */
    s->from = rq->now;
    if (!spool_file(rq->spool, "campaign", NULL))
        request_fail_with(rq, ERR_USAGE, tr("the submission has no part '%s'"), "campaign");
    else if (strange)
        request_fail_with(rq, ERR_USAGE, tr("unknown part '%.64s'"), strange);
    else
        return true;
    return false;
}

void submission_warnings(struct strbuf *b, const struct submission *s)
{
    emit_key(b, "warnings");
    emit_open(b, '[');
    for (size_t i = 0; i < s->diags.count; i++)
        object_diag(b, &s->diags.items[i]);
    strbuf_putc(b, ']');
}

void submission_take(struct request *rq, request_done_fn *then)
{
    struct submission *s = rq->state;

    s->then = then;
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

/* The campaign's own senders, and behind them the first so many others of its channel. */
static void add_senders(struct request *rq, uint64_t more)
{
    const struct submission *s = rq->state;
    struct campaign *c = s->campaign;
    const struct service_channel *channel = service_channel(s->conf, c->channel);
    size_t others = channel ? channel->sender_count : 0, own = c->sender_count, count = own;
    struct conf_sender *senders = arena_array(rq->arena, own + others + 1, sizeof(*senders));

    for (size_t i = 0; i < own; i++)
        senders[i] = c->senders[i];
    for (size_t i = 0; i < others && count - own < more; i++) {
        bool there = false;
        for (size_t k = 0; k < own && !there; k++)
            there = strcmp(senders[k].name, channel->senders[i].name) == 0;
        if (!there)
            senders[count++] = channel->senders[i];
    }
    c->senders = senders;
    c->sender_count = count;
}

/* What is only planned may be planned for later, and with more senders. */
static int plan_as_asked(struct request *rq)
{
    struct submission *s = rq->state;
    const struct campaign *c = s->campaign;

    if (s->from_text && strcmp(s->from_text, "now") != 0 &&
        !instant_parse(s->from_text, c->schedule.zone, &s->from))
        return err_set(&rq->e, ERR_USAGE,
                       tr("--from is a time like '2027-03-01 09:30' or RFC 3339, not '%s'"),
                       s->from_text);
    if (s->from < rq->now)
        return err_set(&rq->e, ERR_USAGE,
                       tr("--from lies in the past: what the service carries is what it carries "
                          "now"));
    if (s->more_senders && c->sender_count)
        add_senders(rq, s->more_senders);
    return 0;
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
    if (!s->only_planned)
        check_end(rq, length);
    else if (plan_as_asked(rq))
        return rq->e.code;
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
        submission_give_up(rq);
        return;
    }
    s->lookup.campaign = s->campaign->id;
    s->channel = service_channel(s->conf, s->campaign->channel);
    if (!s->channel)
        unknown_channel(s);
    if (!s->channel) {
        submission_give_up(rq);
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
    carried_init(&s->foresight.carried, s->conf, host, rq->arena);
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
    s->foresight.again = s->again;
    rc = foresee_begin(&s->foresight, store, c, s->channel, s->kind, senders, count, s->from,
                       request_store_zones(rq), rq->arena, &rq->e);
    if (rc || (s->only_planned && !c->where.not_contacted))
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
        submission_give_up(rq);
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

static void keep_recipient(struct request *rq, const char *recipient)
{
    struct submission *s = rq->state;

    if (!s->keeps_recipients || s->foresight.too_many)
        return;
    s->recipients = xgrow(s->recipients, &s->recipient_capacity, s->recipient_count + 1,
                          sizeof(*s->recipients));
    s->recipients[s->recipient_count++] = arena_strdup(rq->arena, recipient);
}

static int keep_row(struct store *store, struct request *rq, struct chunk *chunk,
                    const struct review_row *row)
{
    struct submission *s = rq->state;
    struct store_row *out = &chunk->rows[chunk->count];
    int rc = s->only_planned ? 0 : lane_of(store, rq, row, &out->lane);
    int left_out = rc || row->skipped ? 0 : ties_left_out(&s->ties, row->recipient, &rq->e);

    if (rc || left_out < 0)
        return rc ? rc : left_out;
    out->row = s->stored + chunk->count + 1;
    out->recipient = arena_strdup(chunk->arena, row->recipient);
    out->values = s->only_planned ? NULL : values_of(chunk->arena, row);
    out->skipped = left_out ? REASON_SUPPRESSED : row->skipped;
    out->message = row->message;
    chunk->bytes += strlen(out->recipient) + (out->values ? strlen(out->values) : 0);
    chunk->count++;
    keep_recipient(rq, row->recipient);
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
        if (!s->only_planned)
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
            &s->diags, c->file, c->audience_at.line, c->audience_at.column,
            s->only_planned ? DIAG_ERROR : DIAG_WARNING, ERR_REFUSED,
            tr("more than %d recipients: the service does not plan them; 'paceline plan' does"),
            FORESEE_ROWS_MAX);
    if (rq->rc || s->diags.errors > 0)
        submission_give_up(rq);
    else
        request_store(rq, seal, sealed);
}

/* --- seal, foresee --- */

static int keep_sending(void *ctx, const struct store_revision *r)
{
    struct submission *s = ctx;

    if (r->status == REVISION_APPROVED && strcmp(r->campaign, s->campaign->id) == 0 &&
        s->held_count < SUBMISSION_HELD_MAX)
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
    if (!s->has_seed)
        s->seed = revision_seed(&s->digest);
    if (s->only_planned)
        return 0;
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
    bool more = false;
    int rc = foresee_run(&s->foresight, store, s->seed, &more, &rq->e);

    s->foreseen = rc == 0 && !more;
    if (s->foreseen)
        foresee_sum(&s->foresight, &s->digest, s->seed, &s->plan);
    return rc;
}

static void foresee_next(struct request *rq)
{
    struct submission *s = rq->state;
    const struct api_host *host = request_host(rq);

    if (!s->foresight.begun) /* what is carried is as it is now, however long the rows took */
        s->foresight.carried.now = host->now(host->ctx);
    request_store(rq, foresee, foreseen);
}

static void foreseen(struct request *rq)
{
    struct submission *s = rq->state;

    if (rq->rc == 0 && !s->foreseen) {
        foresee_next(rq);
        return;
    }
    if (s->foresight.carried.too_many)
        diag_add(&s->diags, s->campaign->file, 0, 0, s->only_planned ? DIAG_ERROR : DIAG_WARNING,
                 ERR_REFUSED,
                 tr("the service carries more than %d recipients of other campaigns: they are not "
                    "in the plan"),
                 CARRIED_ROWS_MAX);
    if (rq->rc || s->diags.errors > 0)
        submission_give_up(rq);
    else
        s->then(rq);
}

static void sealed(struct request *rq)
{
    struct submission *s = rq->state;

    if (rq->rc)
        submission_give_up(rq);
    else if (s->known || s->foresight.too_many) /* the same again was foreseen then */
        s->then(rq);
    else
        foresee_next(rq);
}

/* --- what goes wrong --- */

static void refuse(struct request *rq)
{
    const struct submission *s = rq->state;

    if (s->diags.errors > 0)
        request_fail_diags(rq, &s->diags,
                           s->only_planned ? tr("the campaign cannot be planned")
                                           : tr("the campaign was not submitted"));
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

void submission_drop(struct request *rq, request_done_fn *done)
{
    request_store(rq, drop, done);
}

void submission_give_up(struct request *rq)
{
    struct submission *s = rq->state;

    if (!s->begun) {
        refuse(rq);
        return;
    }
    s->first_error = rq->e;
    submission_drop(rq, dropped);
}
