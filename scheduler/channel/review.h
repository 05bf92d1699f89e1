/* One pass over a campaign's whole audience, as `check`, `preview` and `submit` need it: every row
 * gets its sender, is rendered, and the rendered message is judged against what the channel can
 * carry. Problems go to the diags at their places. Pure reading; no service, no secrets. */
#ifndef PACELINE_CHANNEL_REVIEW_H
#define PACELINE_CHANNEL_REVIEW_H

#include "channel/channel.h"
#include "conf/audience.h"
#include "conf/campaign.h"
#include "conf/revision.h"
#include "conf/service.h"
#include "core/delivery.h"

struct review;

struct review_row {
    uint64_t row;
    size_t line;
    const char *recipient, *sender; /* sender "?": known to the service only */
    size_t sender_index;
    const char *zone;    /* the recipient's; NULL: the campaign's */
    bool sender_named;   /* by the row itself */
    enum reason skipped; /* REASON_NONE, _DUPLICATE, _NO_RELATION, _NO_CONSENT or _MISSING_VALUE */
    const char *missing; /* the name that has no value */
    const char *const *values; /* of the template's names */
    size_t value_count;
    const char *text;  /* rendered; NULL when skipped or attachments only */
    unsigned defaults; /* how many values were defaults */
    int64_t message;   /* with a batch: equal for byte-equal messages, never 0; else 0 */
};

struct review_attachment {
    struct channel_attachment file; /* bytes read */
    struct digest digest;
};

struct review_sum {
    uint64_t rows, sends;    /* sends: deliveries that go */
    uint64_t calls;          /* sends of the channel, taps of a person: batches count once */
    uint64_t taps_max;       /* where a person sends: the most for one of them ... */
    const char *taps_sender; /* ... who that is */
    uint64_t skipped[REASONS];
    uint64_t zones, fallback; /* with zones of recipients: how many; who has none of their own */
    uint64_t shortest, longest, most_defaults; /* row numbers; 0: none */
    bool open; /* who is meant is known to the service only: `rows` at most, or none are known */
    bool senders_open; /* so are who sends what, and how many sends that makes */
};

/* `audience_path` and `attachment_paths`: where the bytes are (a submission's spool files, or
 * beside the campaign file when NULL). Attachments are read and judged here, as is the static part
 * (format, attachment kinds, `message` alone). The contact book needs a path (the service writes
 * one): without it there are no rows and a warning. ERR_IO, ERR_DATA, ERR_REFUSED with the reasons
 * in `diags`. */
int review_open(struct review **out, const struct campaign *c,
                const struct service_channel *channel, const struct paceline_channel *kind,
                const char *audience_path, const char *const *attachment_paths, struct diags *diags,
                struct err *e);
/* For `where` on sources without tags of their own; before the first row. */
void review_tags(struct review *r, audience_tags_fn *tags, void *ctx);
/* For `where: {not_contacted: ...}`; before the first row. */
void review_contacted(struct review *r, audience_contacted_fn *contacted, void *ctx);
/* For channels that know relations, whose service has read them; before the first row. */
void review_relations(struct review *r, audience_sender_fn *sender, void *ctx);
/* 1 and a row (borrowed until the next call), 0 at the end, ERR_* when reading broke off. At the
 * end the audience is compared with `expect`. */
int review_next(struct review *r, struct review_row *row, struct err *e);
const struct review_sum *review_sum(const struct review *r);
struct digest review_audience_digest(const struct review *r);
const struct review_attachment *review_attachments(const struct review *r, size_t *count);
/* What content rules warned of, by enum lang; lives as long as the review. */
const char *const (*review_warnings(const struct review *r, size_t *count))[2];
/* Resolved; none: who they are is known to the service only. */
const char *const *review_senders(const struct review *r, size_t *count);
/* What makes it a revision, at the end of the audience; `rows`, `again` and `only` as if all of it
 * were submitted. `options`: canonical JSON of the channel's. Lives as long as the review. */
void review_facts(struct review *r, const char *options, struct revision_facts *out);
void review_close(struct review *r);

/* Of a campaign file that has errors already: more of them, so that one run finds all. Looks at
 * what could be read of it: its senders, its attachments, the rows of its audience. `channel` and
 * `kind` are NULL where they are not known. */
void review_broken(const struct campaign *c, const struct service_channel *channel,
                   const struct paceline_channel *kind, struct diags *diags);

#endif
