/* How the service's objects look to a person: states, instants, counts, bars. */
#ifndef PACELINE_CLI_VIEW_H
#define PACELINE_CLI_VIEW_H

#include "base/strbuf.h"
#include "cli/command.h"

/* The word in the person's language. Unknown words come back as they are. */
const char *view_state(const char *state);
const char *view_reason(const char *reason); /* NULL: "" */
/* The escape that colours it, or NULL (no colours, or none for it). */
const char *view_color(const struct cli *cli, const char *state);

/* `2027-03-01 09:31:07` of an RFC 3339 instant, in its own offset; "-" for null. */
enum { VIEW_INSTANT = 24 };
void view_instant(const char *rfc3339, char out[VIEW_INSTANT]);
/* Milliseconds from now to an RFC 3339 instant; false when it is none. */
bool view_until(const char *rfc3339, int64_t *ms);
/* `in 42s`, `in 3m`; `now` when it is over. */
void view_in(int64_t ms, struct strbuf *out);

const char *view_weekday(int weekday); /* 0 = Mon */

/* A member as text or number, with a fallback. */
const char *view_text(const json_t *object, const char *key, const char *fallback);
int64_t view_number(const json_t *object, const char *key);

/* `sent 287, pending 900` in the order of a delivery's life, zeros left out. */
void view_counts(const json_t *counts, struct strbuf *out);
/* `12 used of 30 per 1h sender`; `limit` as the service writes it. */
void view_limit(const char *limit, int64_t used, struct strbuf *out);
/* How many are final, of all. */
int64_t view_final(const json_t *counts);
/* `[#####.....] 287/1200` */
void view_bar(int64_t done, int64_t all, struct strbuf *out);

/* The line above what is told of a campaign. */
void view_heading(const char *campaign, const char *title, bool test, FILE *to);
/* A campaign object as `show` and `approve` print it. */
void view_campaign(const struct cli *cli, const json_t *campaign, FILE *to);
/* What there is to think of before approving it, on `err`: where its calendar ends, what content
 * rules warned of. */
void view_warnings(const struct cli *cli, const json_t *campaign);
/* "The shortest message" for `shortest`, and so on. */
const char *view_sample_title(const char *sample);
/* One message of a preview: who, to whom, what. `object` as docs/api.md has it. */
void view_sample(const json_t *object, const char *title, FILE *to);
/* A line_fn for the samples of a preview: the same row is shown once. */
struct view_samples {
    FILE *to;
    int64_t rows[8];
    size_t count;
};
int view_each_sample(void *samples, const char *text, const json_t *object);
/* `sha256:0123456789ab`: enough to recognise. */
enum { VIEW_DIGEST = 24 };
void view_digest(const char *digest, char out[VIEW_DIGEST]);

#endif
