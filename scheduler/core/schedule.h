/* When a campaign may send at all: start and end, windows, quiet hours, closed days, in one zone.
 *
 * The arrays belong to the caller and outlive the schedule. Minutes of a day are local wall time:
 * 0..1440, half-open [from, to). A range whose `to` is not after its `from` passes midnight and
 * belongs to the day it starts. from == to is the whole 24 hours from there.
 * Pure: used alike by the plan, at the instant of sending, and just before the first byte. */
#ifndef PACELINE_CORE_SCHEDULE_H
#define PACELINE_CORE_SCHEDULE_H

#include "core/instant.h"
#include "core/tz.h"

struct hours {
    int16_t from_min, to_min; /* 0..1440 */
};

struct window {
    uint8_t weekdays;        /* bit 0 = Monday; used when first_day > last_day, with the next two */
    bool workdays, restdays; /* of the calendar: see struct day_mark */
    day_t first_day,
        last_day; /* inclusive dates; a date window replaces the others for its dates */
    const struct hours *hours;
    size_t hours_count; /* 0: the whole day */
};

struct day_range {
    day_t first, last; /* inclusive */
};

/* A day that its calendar makes a workday or a restday, whatever the weekday: a make-up Saturday, a
 * public holiday. Other days: Monday to Friday are workdays. */
struct day_mark {
    day_t day;
    bool workday;
};

enum schedule_part { SCHEDULE_CLOSED_DAY, SCHEDULE_QUIET, SCHEDULE_WINDOW, SCHEDULE_PARTS };

struct schedule_span { /* closed in [from, opens), open in [opens, until) */
    instant_t from, opens, until;
    bool closes; /* at `until`; else nobody looked further */
};

/* What was last found out, for who asks often. */
struct schedule_memo {
    struct schedule_span all, part[SCHEDULE_PARTS];
};

struct schedule {
    const struct tz *zone;
    instant_t start; /* INSTANT_MIN: when approved */
    instant_t end;   /* INSTANT_NEVER: none */
    const struct window *windows;
    size_t window_count; /* 0: always */
    const struct hours *quiet;
    size_t quiet_count;
    const struct day_range *closed; /* skip_dates */
    size_t closed_count;
    const struct day_mark *marks; /* the calendar; ascending, each day once */
    size_t mark_count;
    const struct schedule *also; /* its windows and quiet hours hold as well, and so on; or NULL */
    struct schedule_memo *memo;  /* all zero at first; changes no answer; or NULL. One thread */
};

bool schedule_workday(const struct schedule *s, day_t d);

/* For one part alone: `t` itself when it is open at `t`, else the next instant at which it opens,
 * INSTANT_NEVER when it does not open within SCHEDULE_HORIZON_DAYS. A closed day closes its whole
 * local date for every window, and the windows that start on it. */
enum { SCHEDULE_HORIZON_DAYS = 800 };
instant_t schedule_part_opens(const struct schedule *s, enum schedule_part part, instant_t t);

/* The next instant >= t at which all parts are open together (start and end not looked at). */
instant_t schedule_opens(const struct schedule *s, instant_t t);

/* The first instant > t at which any part closes, when all are open at `t`. May be NEVER. */
instant_t schedule_closes(const struct schedule *s, instant_t t);

/* For how long the schedule is open in [from, to); 0 when `to` is not after `from`. */
duration_t schedule_open_for(const struct schedule *s, instant_t from, instant_t to);
/* The first instant, open itself, by which it has been open for `open` since `from`; INSTANT_NEVER
 * when it does not open that long. */
instant_t schedule_open_after(const struct schedule *s, instant_t from, duration_t open);

#endif
