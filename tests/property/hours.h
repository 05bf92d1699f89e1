/* Hours as a person writes them, and a model of when they are open that paints minutes.
 *
 * Each day's hours are painted on two strips: what the wall clock reads, and the real minutes from
 * the first occurrence of a range's begin to the first of its end (in a gap: the next valid
 * instant). A window is open where both strips are painted, quiet hours hold where one is. Nothing
 * is searched and no edge is computed. */
#ifndef PACELINE_TESTS_PROPERTY_HOURS_H
#define PACELINE_TESTS_PROPERTY_HOURS_H

#include "clocks.h"

#include "conf/campaign.h"

#include <stdio.h>

enum { RANGES = 3, WINDOWS = 4, MARKS = 12 };

struct span { /* minutes of a day; to <= from: past midnight */
    int from, to;
};

struct opening { /* one window as it is written */
    bool dated;
    int64_t first, last; /* dated */
    unsigned weekdays;
    bool workdays, restdays;
    struct span spans[RANGES];
    size_t span_count;
};

struct written { /* a schedule as a person wrote it */
    struct opening rules[WINDOWS];
    size_t rule_count;
    struct span quiet[RANGES];
    size_t quiet_count;
    int64_t skip_first[2], skip_last[2];
    size_t skip_count;
    bool calendar;
    int64_t mark_day[MARKS];
    bool mark_work[MARKS];
    size_t mark_count;
};

/* `today`: the first local day of the stretch, as days since 1970. */
void written_any(struct dice *d, struct written *w, int64_t today);
/* As YAML, each line behind `indent`. */
void written_put(FILE *f, const struct written *w, const char *indent);
/* Through a campaign file, to which `more` is added. The caller frees. */
struct campaign *written_read(const struct written *w, const struct zone *zone, const char *more);
/* Where its calendar lies, as beside a service file: for packs, `policies/` is there too. */
const char *written_folder(void);
/* Which minutes of the stretch each part leaves open. */
void hours_model(const struct written *w, const struct stretch *s,
                 bool open[SCHEDULE_PARTS][STRETCH_MINUTES]);
void hours_dispose(void); /* of all that written_read made */

#endif
