/* The campaign file (contract §2) as structs, with every place for errors.
 *
 * One table of keys drives parsing, did-you-mean and "not supported yet". The same reader takes the
 * manifest of a stored revision (canonical JSON, see revision.h). */
#ifndef PACELINE_CONF_CAMPAIGN_H
#define PACELINE_CONF_CAMPAIGN_H

#include "base/diag.h"
#include "base/digest.h"
#include "conf/template.h"
#include "conf/where.h"
#include "conf/yaml.h"
#include "conf/zones.h"
#include "core/limit.h"
#include "core/pace.h"
#include "core/schedule.h"

struct place {
    size_t line, column;
};

struct conf_sender {
    const char *name;
    struct place at;
};

enum audience_source {
    AUDIENCE_FILE,
    AUDIENCE_RECIPIENTS,
    AUDIENCE_SENDERS,  /* one row for each sender, who is the recipient too */
    AUDIENCE_CONTACTS, /* the service writes the contact book into a CSV */
    AUDIENCE_GROUPS,   /* and the customer groups, whose senders are their owners */
    AUDIENCE_STORED    /* of a manifest: the rows are in the store */
};

/* Who is meant is known to the service only. */
static inline bool audience_of_service(enum audience_source source)
{
    return source == AUDIENCE_CONTACTS || source == AUDIENCE_GROUPS;
}

struct conf_attachment {
    const char *kind; /* image, video, file, link, miniprogram */
    /* as written, relative to the campaign file; of a link or a mini program its picture, NULL:
     * none */
    const char *path;
    const char *title, *url, *description; /* of a link; description NULL: none */
    const char *appid, *page;              /* of a mini program, with a title */
    bool trace;                            /* of a link: see conf/trace.h */
    struct place at, title_at, url_at, description_at;
};
/* For people: a file's path, a link's title and address. */
void attachment_words(struct strbuf *out, const struct conf_attachment *a);

enum limit_scope { LIMIT_SENDER, LIMIT_PERSON, LIMIT_RECIPIENT, LIMIT_CHANNEL, LIMIT_CAMPAIGN };

#define MONTH_DAYS_WORD "month-days" /* of LIMIT_MONTH_DAYS, in a manifest and in `text` */

struct conf_limit {
    uint32_t max;
    bool rolling;
    duration_t span; /* rolling */
    int period;      /* enum period, calendar */
    enum limit_scope scope;
    bool drop;        /* on_cap: drop */
    bool sends;       /* count: sends */
    struct ramp ramp; /* step 0: none */
    const char *text; /* "30 per 1h sender": how people see it */
    struct place at;
};

struct conf_confirm { /* where a person sends or confirms */
    duration_t within;
    duration_t remind[8]; /* after it was asked; ascending */
    size_t remind_count;
    bool late_leaves;
    uint32_t taps_per_day;
    struct place at;
};

struct conf_pack { /* a policy in force */
    const char *name, *version;
    struct digest digest; /* of its contents */
};

struct rules; /* rules.h */

struct campaign {
    struct arena *arena; /* owns everything here */
    const char *file;    /* as the person named it */
    const char *id, *title, *channel;
    struct place id_at, channel_at, text_at, audience_at, expect_at;
    const struct conf_sender *senders; /* sender_count 0: the channel's */
    size_t sender_count;

    enum audience_source source;
    const char *audience_file; /* as written; relative to the campaign file */
    const struct conf_sender *recipients;
    size_t recipient_count;
    int of_several; /* who writes to a customer of several: as enum relation_order */
    struct place of_several_at;
    const char *groups_name;                 /* a pattern, as in a shell; NULL: every group */
    const struct conf_sender *groups_owners; /* groups_owner_count 0: the senders */
    size_t groups_owner_count;
    struct where where;
    struct place where_at;
    bool has_expect;
    uint64_t expect, tolerance_count;
    double tolerance_part; /* 0.10 for 10%; one of the two is used */
    bool tolerance_is_part;

    const char *text; /* NULL: attachments only */
    const char *format;
    struct template *template; /* of text, or NULL */
    const struct conf_attachment *attachments;
    size_t attachment_count;

    const char *zone_name; /* resolved */
    bool recipient_zones;  /* timezone: recipient; zone_name is the fallback */
    struct schedule schedule;
    struct window *windows;            /* the schedule's */
    const char *start_text, *end_text; /* as written, for people; NULL: default */
    const char *calendar;              /* NULL: plain, or no window asks for workdays */
    struct day_range calendar_covers;
    bool calendar_passed;  /* the schedule can reach days that it does not cover */
    struct campaign *also; /* packs with windows or quiet hours; schedule.also is theirs */
    struct pace pace;
    int priority; /* enum engine_priority, its words in this order: priority_words */
    const struct conf_limit *limits;
    size_t limit_count;
    uint32_t batch; /* recipients in one send */
    struct place batch_at;
    uint32_t stop_not_a_friend_ppm; /* stop_when; parts of a million, 0: not set */
    const char *stop_not_a_friend;  /* as written */
    struct conf_confirm confirm;
    int approvers;

    const struct conf_sender *policies; /* named by the campaign itself */
    size_t policy_count;
    struct conf_pack *packs; /* in force; what they ask for is in pace and schedule */
    size_t pack_count;
    struct rules *rules; /* of content; NULL: none */
    const char *consent; /* the pack that requires it, or NULL */
    const char *bytes;   /* the file's, to find a place in the text again */
};

/* `zone_default`: the service's zone; `service_dir`: its file's folder, for calendars (or NULL).
 * `dir`-relative paths are not opened here. NULL after errors
 * (in `diags`); a campaign with errors is never returned. */
struct campaign *campaign_read(const char *file, const char *bytes, size_t length,
                               const char *zone_default, const char *service_dir,
                               struct zones *zones, struct diags *diags);
/* As campaign_read; but of a file with errors, what could be read of it comes back too, and
 * `*broken` (or NULL): good for finding more errors in what it refers to (review_broken), for
 * nothing else. NULL when it is no YAML or no mapping. */
struct campaign *campaign_read_broken(bool *broken, const char *file, const char *bytes,
                                      size_t length, const char *zone_default,
                                      const char *service_dir, struct zones *zones,
                                      struct diags *diags);
void campaign_free(struct campaign *c);
/* The schedule as it is in a recipient's zone, with local start and end; hours of policies hold in
 * both zones. In the campaign's arena; the campaign's own when there is no such zone (any more). */
const struct schedule *campaign_schedule_in(const struct campaign *c, const char *zone,
                                            struct zones *zones);
/* Where byte `offset` of a text (the message's, or of an attachment) stands in the file; the text's
 * own place `at` if in doubt. */
struct place campaign_text_place(const struct campaign *c, const char *text, struct place at,
                                 size_t offset);

/* The path of a file that the campaign names, beside the campaign file. malloc'd. */
char *campaign_path(const struct campaign *c, const char *relative);

#endif
