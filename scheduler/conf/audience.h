/* The audience, row by row, as a stream: CSV of any size (UTF-8 with or without BOM, or GB18030,
 * which a warning tells; `,` `;` or tab; rows to 16 KiB), the `recipients:` list, or one row for
 * each sender (`senders: all`). Finds duplicates (seen.h: about 16 MiB at most, whatever the size),
 * gives each row its sender, and hashes all of it for the digest.
 *
 * Errors go to `diags` at FILE:LINE:FIELD. Reading goes on after a bad row, so that all errors of a
 * file are found in one run: look at diags->errors after the end. When audience_open or
 * audience_next fail because of the file, `diags` has it too. Fields without quotes are trimmed,
 * recipients and senders always. */
#ifndef PACELINE_CONF_AUDIENCE_H
#define PACELINE_CONF_AUDIENCE_H

#include "base/diag.h"
#include "base/digest.h"
#include "conf/campaign.h"

enum { CSV_ROW_MAX = 16 * 1024, RECIPIENT_BYTES_MAX = 256 };

struct audience;

struct audience_row {
    uint64_t row; /* from 1 */
    size_t line;  /* in its file */
    size_t field; /* of the recipient, from 1 */
    const char *recipient;
    size_t sender;    /* index into the senders given to audience_open */
    const char *zone; /* with `timezone: recipient`, of the column; NULL: not known. Lives with the
                         audience */
    bool duplicate;
    const char *named;           /* the sender that the row itself names; "" when it names none */
    bool stranger;               /* nobody's: see audience_relations */
    bool consents;               /* its column `consent` says so */
    const char *const *values;   /* of the template's names, in their order; NULL: missing */
    const size_t *value_columns; /* of each, from 0 */
};

/* `path` NULL: the campaign's `recipients:` or `senders: all`. `label` names the file in errors
 * (the path as the person wrote it). `senders`: the campaign's or else the channel's; none: who
 * they are is not known here, whoever a row names may be one, and `sender` says nothing. ERR_IO,
 * ERR_DATA. */
int audience_open(struct audience **out, const struct campaign *c, const char *path,
                  const char *label, const char *const *senders, size_t sender_count,
                  struct diags *diags, struct err *e);
/* Who knows the tags of a recipient, for `where`: for sources without a column `tags`. NULL from
 * `tags`: not known, an error that audience_next passes on. Before the first row. */
typedef const char *audience_tags_fn(void *ctx, const char *recipient, struct err *e);
void audience_tags(struct audience *a, audience_tags_fn *tags, void *ctx);
/* Whose a recipient is: the index of one of the senders given to audience_open, or their number for
 * nobody's. `wanted` (or NULL): the sender that the row names, it alone counts then. Negative:
 * ERR_*. Before the first row. */
typedef int audience_sender_fn(void *ctx, const char *recipient, const char *wanted, size_t *index,
                               struct err *e);
void audience_relations(struct audience *a, audience_sender_fn *sender, void *ctx);
/* Who knows whether a recipient was written to within where.not_contacted: 1, 0, or ERR_*. Before
 * the first row. */
typedef int audience_contacted_fn(void *ctx, const char *recipient, struct err *e);
void audience_contacted(struct audience *a, audience_contacted_fn *contacted, void *ctx);
/* `where` needs what nobody here can tell (tags without a column, last contacts): fewer may be
 * meant. */
bool audience_where_open(const struct audience *a);
/* Nobody consents: there is no column for it. */
bool audience_without_consent(const struct audience *a);
/* 1 and a row (borrowed until the next call), 0 at the end, ERR_* when reading broke off. */
int audience_next(struct audience *a, struct audience_row *row, struct err *e);
/* After the end: the digest over all rows (all columns), and how many there were. */
struct digest audience_digest(const struct audience *a);
uint64_t audience_rows(const struct audience *a);
size_t audience_zones(const struct audience *a); /* different ones that were met */
void audience_close(struct audience *a);

/* Whether `rows` agrees with expect and tolerance; else adds the error at `expect:` (ERR_REFUSED).
 */
bool audience_expected(const struct campaign *c, uint64_t rows, struct diags *diags);

#endif
