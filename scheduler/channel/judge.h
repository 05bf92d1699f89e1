/* The content rules over one review: each text is judged, each finding told once, at its first
 * place, with the number of further rows. Private to channel. */
#ifndef PACELINE_CHANNEL_JUDGE_H
#define PACELINE_CHANNEL_JUDGE_H

#include "channel/review.h"

struct told {    /* a problem that many rows may have */
    size_t item; /* index + 1 in the diags; 0: not shown */
    uint64_t more;
    uint64_t row; /* the last one that has it */
    bool seen;
};

/* "... (and 3 more rows)" */
void told_end(const struct told *p, struct diags *diags);

struct judge;

/* `label`: the audience's file, as people see it, or NULL. The campaign has rules. What the
 * audience is chosen by is judged here. */
struct judge *judge_new(const struct campaign *c, const char *label, struct diags *diags);
/* What a recipient will read: the rendered text, and the words of links and mini programs. */
void judge_message(struct judge *j, const struct review_row *row, const struct audience_row *in);
void judge_end(struct judge *j);
const char *const (*judge_warnings(const struct judge *j, size_t *count))[2];
void judge_free(struct judge *j); /* NULL is fine */

#endif
