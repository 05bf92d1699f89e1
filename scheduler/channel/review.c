/* Every row is rendered and judged. What the channel cannot carry is told once for each kind
 * of problem, at the first row that has it, with the number of further rows: 100,000 rows of one
 * template mostly break the same limit. */
#include "channel/review.h"

#include "base/arena.h"
#include "base/lang.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "channel/check.h"
#include "channel/judge.h"
#include "channel/taps.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ATTACHMENT_BYTES_MAX = 64 * 1024 * 1024 };

enum problem { PROBLEM_BLANK, PROBLEM_OTHER, PROBLEM_RECIPIENT, PROBLEMS };

struct review {
    struct arena *arena;
    const struct campaign *campaign;
    const struct service_channel *channel;
    const struct paceline_channel *kind;
    struct audience *audience;
    const char *label; /* of the audience's file, as people see it */
    struct diags *diags;
    size_t first_diag;    /* its own begin there */
    struct diags scratch; /* of one text */
    const char **senders;
    size_t sender_count;
    struct review_attachment *attachments;
    size_t value_count;
    bool judge_texts; /* the format is one of the channel's */
    struct strbuf text;
    struct told problems[PROBLEMS];
    struct judge *judge; /* of the content rules; NULL: there are none */
    size_t shortest_bytes, longest_bytes;
    unsigned most_defaults;
    struct taps taps;
    struct review_sum sum;
    bool ended;
};

static void senders_resolve(struct review *r, const struct service_channel *channel);
static void source_check(struct review *r, const struct service_channel *channel);
static bool attachments_read(struct review *r, const char *const *paths, struct err *e);
static void message_check(struct review *r);
static void recipient_judge(struct review *r, const struct audience_row *row);
static void text_judge(struct review *r, const struct review_row *row);
static int64_t message_of(const char *text);
static void row_count(struct review *r, const struct review_row *row);
static void finish(struct review *r);

int review_open(struct review **out, const struct campaign *c,
                const struct service_channel *channel, const struct paceline_channel *kind,
                const char *audience_path, const char *const *attachment_paths, struct diags *diags,
                struct err *e)
{
    struct review *r = xmalloc(sizeof(*r));
    const char *const *names;
    char *beside = NULL;

    *r = (struct review){.arena = arena_new(),
                         .campaign = c,
                         .channel = channel,
                         .kind = kind,
                         .diags = diags,
                         .first_diag = diags->count};
    diags_init(&r->scratch);
    r->value_count = c->template ? template_names(c->template, &names) : 0;
    senders_resolve(r, channel);
    source_check(r, channel);
    if (attachments_read(r, attachment_paths, e))
        message_check(r);
    if (c->source == AUDIENCE_FILE)
        beside = campaign_path(c, c->audience_file);
    else if (audience_of_service(c->source) && audience_path)
        beside = xstrdup(c->source == AUDIENCE_GROUPS ? tr("the customer groups")
                                                      : tr("the contact book"));
    int rc = audience_of_service(c->source) && !beside
                 ? 0
                 : audience_open(&r->audience, c, audience_path && beside ? audience_path : beside,
                                 beside, r->senders, r->sender_count, diags, e);
    r->label = beside ? arena_strdup(r->arena, beside) : NULL;
    free(beside);
    if (rc) {
        review_close(r);
        return rc;
    }
    if (c->rules)
        r->judge = judge_new(c, r->label, diags);
    *out = r;
    return 0;
}

void review_tags(struct review *r, audience_tags_fn *tags, void *ctx)
{
    if (r->audience)
        audience_tags(r->audience, tags, ctx);
}

void review_contacted(struct review *r, audience_contacted_fn *contacted, void *ctx)
{
    if (r->audience)
        audience_contacted(r->audience, contacted, ctx);
}

void review_relations(struct review *r, audience_sender_fn *sender, void *ctx)
{
    if (r->audience)
        audience_relations(r->audience, sender, ctx);
}

/* Who posts a moment is no customer, and who is in a group is not written to one by one. */
static bool wants_consent(const struct campaign *c)
{
    return c->consent && c->source != AUDIENCE_SENDERS && c->source != AUDIENCE_GROUPS;
}

static enum reason skipped(const struct review *r, const struct audience_row *in)
{
    const struct campaign *c = r->campaign;

    if (in->duplicate)
        return REASON_DUPLICATE;
    if (in->stranger)
        return REASON_NO_RELATION;
    return wants_consent(c) && !in->consents ? REASON_NO_CONSENT : REASON_NONE;
}

int review_next(struct review *r, struct review_row *row, struct err *e)
{
    struct audience_row in;
    int rc = r->ended || !r->audience ? 0 : audience_next(r->audience, &in, e);

    if (rc <= 0) {
        if (rc == 0 && !r->ended) {
            finish(r);
            diags_order(r->diags, r->first_diag);
        }
        return rc;
    }
    *row = (struct review_row){.row = in.row,
                               .line = in.line,
                               .recipient = in.recipient,
                               .sender = r->sender_count ? r->senders[in.sender]
                                         : *in.named     ? in.named
                                                         : "?",
                               .sender_index = in.sender,
                               .zone = in.zone,
                               .sender_named = *in.named != '\0',
                               .skipped = skipped(r, &in),
                               .values = in.values,
                               .value_count = r->value_count};
    if (r->campaign->template && row->skipped == REASON_NONE) {
        strbuf_reset(&r->text);
        if (!template_render(r->campaign->template, row->recipient, row->sender, row->values,
                             &r->text, &row->missing, &row->defaults))
            row->skipped = REASON_MISSING_VALUE;
        else
            row->text = r->text.text ? r->text.text : "";
    }
    if (r->kind->recipient_problem && row->skipped == REASON_NONE)
        recipient_judge(r, &in);
    if (row->text && r->judge_texts)
        text_judge(r, row);
    if (r->judge && row->skipped == REASON_NONE)
        judge_message(r->judge, row, &in);
    if (row->skipped == REASON_NONE && r->campaign->batch > 1)
        row->message = message_of(row->text);
    row_count(r, row);
    return 1;
}

const struct review_sum *review_sum(const struct review *r)
{
    return &r->sum;
}

struct digest review_audience_digest(const struct review *r)
{
    return audience_digest(r->audience);
}

const struct review_attachment *review_attachments(const struct review *r, size_t *count)
{
    *count = r->campaign->attachment_count;
    return r->attachments;
}

const char *const (*review_warnings(const struct review *r, size_t *count))[2]
{
    *count = 0;
    return r->judge ? judge_warnings(r->judge, count) : NULL;
}

const char *const *review_senders(const struct review *r, size_t *count)
{
    *count = r->sender_count;
    return r->senders;
}

void review_facts(struct review *r, const char *options, struct revision_facts *out)
{
    struct digest *files = arena_array(r->arena, r->campaign->attachment_count, sizeof(*files));

    for (size_t i = 0; i < r->campaign->attachment_count; i++)
        files[i] = r->attachments[i].digest;
    *out = (struct revision_facts){
        .plugin = r->channel->plugin,
        .mode = r->channel->mode,
        .options = options ? options : "{}",
        .test = r->channel->standin,
        .senders = r->senders,
        .sender_count = r->sender_count,
        .audience = review_audience_digest(r),
        .rows = r->sum.rows,
        .attachments = files,
    };
    out->warnings = review_warnings(r, &out->warning_count);
}

void review_close(struct review *r)
{
    if (!r)
        return;
    for (size_t i = 0; r->attachments && i < r->campaign->attachment_count; i++)
        free((void *)r->attachments[i].file.bytes);
    audience_close(r->audience);
    taps_dispose(&r->taps);
    strbuf_dispose(&r->text);
    diags_dispose(&r->scratch);
    judge_free(r->judge);
    arena_free(r->arena);
    free(r);
}

/* Without senders to compare with, every sender of a row would look wrong: then only the header. */
static void broken_audience(struct review *r)
{
    static const char *const nobody[] = {"?"};
    const struct campaign *c = r->campaign;
    bool known = r->sender_count > 0;
    char *path = c->source == AUDIENCE_FILE ? campaign_path(c, c->audience_file) : NULL;
    struct audience_row row;
    struct err e;

    if (audience_open(&r->audience, c, path, path, known ? r->senders : nobody,
                      known ? r->sender_count : 1, r->diags, &e) == 0)
        while (known && audience_next(r->audience, &row, &e) == 1)
            ;
    free(path);
}

void review_broken(const struct campaign *c, const struct service_channel *channel,
                   const struct paceline_channel *kind, struct diags *diags)
{
    static const struct paceline_channel any = {.name = "Paceline"};
    struct review *r = xmalloc(sizeof(*r));
    struct err e;

    *r = (struct review){
        .arena = arena_new(), .campaign = c, .kind = kind ? kind : &any, .diags = diags};
    diags_init(&r->scratch);
    if (channel)
        senders_resolve(r, channel);
    attachments_read(r, NULL, &e);
    if (c->source == AUDIENCE_FILE ? c->audience_file != NULL : c->source == AUDIENCE_RECIPIENTS)
        broken_audience(r);
    review_close(r);
}

static bool sender_listed(const struct service_channel *channel, const char *name)
{
    for (size_t i = 0; i < channel->sender_count; i++)
        if (strcmp(channel->senders[i].name, name) == 0)
            return true;
    return false;
}

/* Who the members of an account are is in the service. */
static bool senders_unknown(const struct service_channel *channel)
{
    return channel->all_senders && channel->sender_count == 0;
}

static void no_sender(struct review *r, const struct service_channel *channel,
                      const struct conf_sender *named)
{
    enum { LISTED = 20 };
    struct strbuf list = STRBUF_INIT;

    for (size_t i = 0; i < channel->sender_count && i < LISTED; i++)
        strbuf_printf(&list, "%s%s", i ? ", " : "", channel->senders[i].name);
    if (channel->sender_count > LISTED)
        strbuf_printf(&list, tr(" and %zu more"), channel->sender_count - LISTED);
    diag_add(r->diags, r->campaign->file, named->at.line, named->at.column, DIAG_ERROR, ERR_DATA,
             tr("channel '%s' has no sender '%s'; it has: %s"), channel->name, named->name,
             list.text);
    strbuf_dispose(&list);
}

/* The campaign's senders, each of them the channel's too; or else the channel's. */
static void senders_resolve(struct review *r, const struct service_channel *channel)
{
    const struct campaign *c = r->campaign;
    const struct conf_sender *from = c->sender_count ? c->senders : channel->senders;

    r->sender_count = c->sender_count ? c->sender_count : channel->sender_count;
    r->senders = arena_array(r->arena, r->sender_count, sizeof(*r->senders));
    for (size_t i = 0; i < r->sender_count; i++) {
        r->senders[i] = from[i].name;
        if (!senders_unknown(channel) && !sender_listed(channel, from[i].name))
            no_sender(r, channel, &from[i]);
    }
}

static void senders_say(struct review *r)
{
    const struct campaign *c = r->campaign;
    struct place at = c->sender_count ? c->senders[0].at : c->channel_at;

    r->sum.senders_open = r->sender_count == 0;
    if (senders_unknown(r->channel))
        diag_add(r->diags, c->file, at.line, at.column, DIAG_WARNING, ERR_REFUSED,
                 c->sender_count
                     ? tr("the members of account '%s' are in the service: whether these are among "
                          "them is known at submit")
                     : tr("the members of account '%s' are in the service: who writes to whom, and "
                          "how often each is asked, is known at submit"),
                 r->channel->account->name);
}

/* What asks whose somebody is, where nobody knows that. */
static void relation_check(struct review *r)
{
    const struct campaign *c = r->campaign;
    bool known = r->kind->caps.knows_relations;

    if (where_asks_relation(&c->where) && !(known && c->source == AUDIENCE_CONTACTS))
        diag_add(r->diags, c->file, c->where_at.line, c->where_at.column, DIAG_ERROR, ERR_REFUSED,
                 tr("'added_…' is about the customers of a channel that knows whose they are: it "
                    "needs 'contacts: true' and such a channel"));
    if (c->of_several_at.line && !known)
        diag_add(r->diags, c->file, c->of_several_at.line, c->of_several_at.column, DIAG_ERROR,
                 ERR_REFUSED,
                 tr("'of_several' needs a channel that knows whose customers are whose"));
}

/* Customers and groups are written to by channels of their own. */
static void source_check(struct review *r, const struct service_channel *channel)
{
    const struct campaign *c = r->campaign;
    bool to_groups = service_channel_groups(channel);

    if (c->source == AUDIENCE_GROUPS && !to_groups)
        diag_add(r->diags, c->file, c->audience_at.line, c->audience_at.column, DIAG_ERROR,
                 ERR_REFUSED, tr("channel '%s' does not write to customer groups"), channel->name);
    else if (c->source == AUDIENCE_CONTACTS && to_groups)
        diag_add(r->diags, c->file, c->audience_at.line, c->audience_at.column, DIAG_ERROR,
                 ERR_REFUSED,
                 tr("channel '%s' writes to customer groups: its audience is 'groups', a file or a "
                    "list"),
                 channel->name);
    if (c->source == AUDIENCE_SENDERS && r->kind->caps.knows_relations)
        diag_add(r->diags, c->file, c->audience_at.line, c->audience_at.column, DIAG_ERROR,
                 ERR_REFUSED,
                 tr("'senders: all' writes one post for each sender, and channel '%s' writes to "
                    "their customers or groups: name an audience of those"),
                 channel->name);
    relation_check(r);
}

/* What the channel takes, and one byte more to see that a file is larger. */
static size_t bytes_max(const struct paceline_channel *kind, const char *attachment_kind)
{
    const struct channel_attachment_kind *k = kind->caps.attachments;

    for (; k && k->name; k++)
        if (strcmp(k->name, attachment_kind) == 0)
            return k->bytes_max;
    return ATTACHMENT_BYTES_MAX;
}

static bool attachment_read(struct review *r, size_t index, const char *path, struct err *e)
{
    const struct conf_attachment *a = &r->campaign->attachments[index];
    struct review_attachment *out = &r->attachments[index];
    const char *slash = a->path ? strrchr(a->path, '/') : NULL;
    char *bytes = NULL;
    size_t length = 0, max = bytes_max(r->kind, a->kind);

    int rc = !a->path ? 0 : file_read(&bytes, &length, path, max, e);
    if (rc == ERR_LIMIT) {
        diag_add(r->diags, r->campaign->file, a->at.line, a->at.column, DIAG_ERROR, ERR_REFUSED,
                 tr("'%s' is larger than %zu bytes; %s takes no more"), a->path, max,
                 r->kind->name);
        return false;
    }
    if (rc) {
        diag_add(r->diags, r->campaign->file, a->at.line, a->at.column, DIAG_ERROR, ERR_DATA, "%s",
                 e->text);
        return false;
    }
    out->file = (struct channel_attachment){.kind = a->kind,
                                            .name = slash     ? slash + 1
                                                    : a->path ? a->path
                                                              : a->title,
                                            .bytes = bytes,
                                            .length = length,
                                            .title = a->title,
                                            .url = a->url,
                                            .description = a->description,
                                            .appid = a->appid,
                                            .page = a->page};
    out->digest = digest_of(bytes ? bytes : "", length);
    return true;
}

static bool attachments_read(struct review *r, const char *const *paths, struct err *e)
{
    const struct campaign *c = r->campaign;
    bool all = true;

    r->attachments = arena_array(r->arena, c->attachment_count, sizeof(*r->attachments));
    for (size_t i = 0; i < c->attachment_count; i++) {
        const char *path = c->attachments[i].path;
        char *beside = paths || !path ? NULL : campaign_path(c, path);
        all &= attachment_read(r, i, paths ? paths[i] : beside, e);
        free(beside);
    }
    return all;
}

/* What is the same for every recipient. */
static void message_check(struct review *r)
{
    const struct campaign *c = r->campaign;
    struct channel_attachment *files = arena_array(r->arena, c->attachment_count, sizeof(*files));

    for (size_t i = 0; i < c->attachment_count; i++)
        files[i] = r->attachments[i].file;
    r->judge_texts = channel_check_message(r->kind, c, files, r->diags);
}

/* What is in the scratch, at its first row; of the others only how many there are. */
static void problem_tell(struct review *r, enum problem problem)
{
    struct told *p = &r->problems[problem];

    if (p->seen) {
        p->more++;
    } else {
        size_t before = r->diags->count;
        for (size_t i = 0; i < r->scratch.count; i++) {
            const struct diag *d = &r->scratch.items[i];
            diag_add(r->diags, d->file, d->line, d->column, d->level, d->code, "%s", d->message);
        }
        p->seen = true;
        p->item = r->diags->count > before ? r->diags->count : 0;
    }
    diags_dispose(&r->scratch);
    diags_init(&r->scratch);
}

static void recipient_judge(struct review *r, const struct audience_row *row)
{
    const struct campaign *c = r->campaign;
    bool listed = c->source == AUDIENCE_RECIPIENTS;
    const struct place at =
        listed ? c->recipients[row->row - 1].at : (struct place){row->line, row->field};
    const char *problem = r->kind->recipient_problem(row->recipient);
    struct strbuf who = STRBUF_INIT;

    if (!problem)
        return;
    text_safe(&who, row->recipient, false);
    diag_add(&r->scratch, listed ? c->file : r->label, at.line, at.column, DIAG_ERROR, ERR_REFUSED,
             tr("%s does not write to '%s' (row %llu): %s"), r->kind->name, who.text,
             (unsigned long long)row->row, tr(problem));
    strbuf_dispose(&who);
    problem_tell(r, PROBLEM_RECIPIENT);
}

static void text_judge(struct review *r, const struct review_row *row)
{
    size_t length = strlen(row->text);

    if (channel_check_text(r->kind, r->campaign, row->text, length, row->recipient, row->row,
                           &r->scratch))
        return;
    bool blank = strspn(row->text, " \t\r\n") == length;
    problem_tell(r, blank ? PROBLEM_BLANK : PROBLEM_OTHER);
}

/* --- batches and taps --- */

static int64_t message_of(const char *text)
{
    struct digest d = digest_of(text ? text : "", text ? strlen(text) : 0);
    int64_t number;

    memcpy(&number, d.bytes, sizeof number);
    return number ? number : 1;
}

/* Each send is a tap of a person's. */
static bool is_tapped(const struct paceline_channel *kind)
{
    return kind->caps.person_confirms || kind->caps.platform_confirms;
}

static void taps_check(struct review *r)
{
    const struct campaign *c = r->campaign;
    struct place at = c->confirm.at.line ? c->confirm.at : c->channel_at;
    const struct taps_sum sum = taps_sum(&r->taps, c->batch);

    r->sum.calls = is_tapped(r->kind) || c->batch > 1 ? sum.calls : r->sum.sends;
    if (!is_tapped(r->kind))
        return;
    r->sum.taps_max = sum.most;
    r->sum.taps_sender = sum.most ? r->senders[sum.whose] : NULL;
    if (taps_a_day(c, sum.most) > c->confirm.taps_per_day)
        diag_add(r->diags, c->file, at.line, at.column, DIAG_ERROR, ERR_REFUSED,
                 tr("%s would be asked %llu times, taps_per_day is %u: a larger 'batch', a limit "
                    "a day on the sender, more senders, or a higher taps_per_day"),
                 r->sum.taps_sender, (unsigned long long)r->sum.taps_max,
                 (unsigned)c->confirm.taps_per_day);
}

static void row_count(struct review *r, const struct review_row *row)
{
    struct review_sum *sum = &r->sum;

    sum->rows++;
    if (row->skipped != REASON_NONE) {
        sum->skipped[row->skipped]++;
        return;
    }
    sum->fallback += r->campaign->recipient_zones && !row->zone;
    size_t bytes = row->text ? strlen(row->text) : 0;
    if (sum->sends == 0 || bytes < r->shortest_bytes) {
        sum->shortest = row->row;
        r->shortest_bytes = bytes;
    }
    if (sum->sends == 0 || bytes > r->longest_bytes) {
        sum->longest = row->row;
        r->longest_bytes = bytes;
    }
    if (row->defaults > r->most_defaults) {
        sum->most_defaults = row->row;
        r->most_defaults = row->defaults;
    }
    sum->sends++;
    if (is_tapped(r->kind) || r->campaign->batch > 1) /* else nobody asks */
        taps_keep(&r->taps, row->sender_index, row->message);
}

static void consent_say(struct review *r)
{
    const struct campaign *c = r->campaign;

    if (c->consent && c->source == AUDIENCE_GROUPS)
        diag_add(r->diags, c->file, c->audience_at.line, c->audience_at.column, DIAG_WARNING,
                 ERR_REFUSED,
                 tr("%s writes only to who agreed to it, and of the members of a group that is not "
                    "known: a person has to judge"),
                 c->consent);
    else if (r->audience && wants_consent(c) && audience_without_consent(r->audience))
        diag_add(r->diags, c->file, c->audience_at.line, c->audience_at.column, DIAG_WARNING,
                 ERR_REFUSED,
                 tr("%s writes only to who agreed to it, and there is no column 'consent': nobody "
                    "is written to"),
                 c->consent);
}

static void finish(struct review *r)
{
    r->ended = true;
    r->sum.zones = r->audience ? audience_zones(r->audience) : 0;
    if (r->sender_count) /* else it depends on who they are */
        taps_check(r);
    senders_say(r);
    for (size_t i = 0; i < PROBLEMS; i++)
        told_end(&r->problems[i], r->diags);
    if (r->judge)
        judge_end(r->judge);
    const struct campaign *c = r->campaign;
    r->sum.open = !r->audience || audience_where_open(r->audience);
    consent_say(r);
    if (!r->audience)
        diag_add(r->diags, c->file, c->audience_at.line, c->audience_at.column, DIAG_WARNING,
                 ERR_REFUSED,
                 tr("the contact book is in the service: who is meant, and whether 'expect' holds, "
                    "is known at submit"));
    else if (r->sum.open && c->where.not_contacted)
        diag_add(r->diags, c->file, c->where_at.line, c->where_at.column, DIAG_WARNING, ERR_REFUSED,
                 tr("the service knows who was written to: how many of these %llu are meant, and "
                    "whether 'expect' holds, is known at submit"),
                 (unsigned long long)r->sum.rows);
    else if (r->sum.open)
        diag_add(r->diags, c->file, c->where_at.line, c->where_at.column, DIAG_WARNING, ERR_REFUSED,
                 tr("tags are in the service's contact book: how many of these %llu are meant, and "
                    "whether 'expect' holds, is known at submit"),
                 (unsigned long long)r->sum.rows);
    else if (r->sum.rows == 0 && r->diags->errors == 0)
        diag_add(r->diags, c->file, c->audience_at.line, c->audience_at.column, DIAG_ERROR,
                 ERR_REFUSED,
                 where_narrows(&c->where) ? tr("nobody fits 'where': the audience is empty")
                                          : tr("the audience is empty"));
    else
        audience_expected(c, r->sum.rows, r->diags);
}
