/* A calendar file (calendar.h) from entries of whole days, as another program's calendar has them:
 * what it covers, which days are no workdays and which are, and what was not taken. Pure. */
#ifndef PACELINE_CONF_HOLIDAYS_H
#define PACELINE_CONF_HOLIDAYS_H

#include "base/diag.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "core/schedule.h"

enum holiday_kind {
    HOLIDAY_OFF,     /* says that it is a day off */
    HOLIDAY_WORKED,  /* a day made up for */
    HOLIDAY_UNMARKED /* a day off, unless other entries say so of themselves */
};

struct holiday {
    day_t first, last;
    enum holiday_kind kind;
    bool endless; /* one of a row without an end: it tells nothing of how far the file goes */
    const char *title;
    size_t line; /* in the file */
};

struct holidays {
    const char *file;          /* as the person named it: for what is said */
    const char *name, *title;  /* of the calendar; title may be NULL */
    const char *source, *made; /* where it is from; the date of today */
    struct day_range covers;   /* wanted; first > last: the years in which the file has something */
    size_t offs, worked;       /* out: days */
};

/* Appends the YAML. ERR_REFUSED when nothing is left. Entries are put into order; what is not taken
 * is a warning at its line. */
int holidays_write(struct strbuf *out, struct holidays *h, struct holiday *entries, size_t count,
                   struct diags *diags, struct err *e);

#endif
