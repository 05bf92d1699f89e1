/* Promise 3. Windows, quiet hours and closed days against a model that judges each minute by
 * itself, from the local time that glibc shows; and the hard cases by hand. */
#include "check.h"

#include "core/schedule.h"
#include "support.h"

enum { DAYS = 21, MINUTES = DAYS * 1440 };

struct fixture {
    struct zone zone;
    struct hours hours[8][3], quiet[3];
    struct window windows[8];
    struct day_range closed[3];
    struct day_mark marks[DAYS];
    struct schedule s;
};

struct model {
    instant_t from;
    int64_t wall[MINUTES];   /* what the clock shows, in minutes */
    int64_t latest[MINUTES]; /* the latest it has shown so far */
    bool open[SCHEDULE_PARTS][MINUTES];
};

static void model_clock(struct model *m, instant_t from)
{
    int64_t latest = INT64_MIN;

    m->from = from;
    for (int i = -1440; i < MINUTES; i++) { /* a day earlier: a fold just before counts */
        struct tm tm = glibc_local(from + (int64_t)i * MS_PER_MINUTE);
        day_t d = day_of_date(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
        int64_t wall = (int64_t)d * 1440 + tm.tm_hour * 60 + tm.tm_min;
        latest = wall > latest ? wall : latest;
        if (i >= 0) {
            m->wall[i] = wall;
            m->latest[i] = latest;
        }
    }
}

static bool model_closed(const struct schedule *s, day_t d)
{
    for (size_t i = 0; i < s->closed_count; i++)
        if (s->closed[i].first <= d && d <= s->closed[i].last)
            return true;
    return false;
}

/* Whether hours that begin on day `d` hold the wall minute. */
static bool model_hours(const struct hours *h, size_t count, day_t d, int64_t wall)
{
    int64_t minute = wall - (int64_t)d * 1440;

    for (size_t i = 0; i < count; i++) {
        int to = h[i].to_min > h[i].from_min ? h[i].to_min : h[i].to_min + 1440;
        if (minute >= h[i].from_min && minute < to)
            return true;
    }
    return false;
}

static bool model_quiet(const struct schedule *s, int64_t wall)
{
    day_t today = (day_t)(wall / 1440);

    return model_hours(s->quiet, s->quiet_count, today, wall) ||
           model_hours(s->quiet, s->quiet_count, today - 1, wall);
}

static bool model_workday(const struct schedule *s, day_t d)
{
    for (size_t i = 0; i < s->mark_count; i++)
        if (s->marks[i].day == d)
            return s->marks[i].workday;
    return (1 << day_weekday(d) & 0x1F) != 0;
}

static bool model_day(const struct schedule *s, const struct window *w, day_t d)
{
    return (w->weekdays & 1 << day_weekday(d)) || (w->workdays && model_workday(s, d)) ||
           (w->restdays && !model_workday(s, d));
}

static bool model_windows_of(const struct schedule *s, day_t d, int64_t wall)
{
    static const struct hours whole_day = {0, 1440};
    bool dated = false;

    if (model_closed(s, d))
        return false;
    for (size_t i = 0; i < s->window_count; i++)
        dated |= s->windows[i].first_day <= d && d <= s->windows[i].last_day;
    for (size_t i = 0; i < s->window_count; i++) {
        const struct window *w = &s->windows[i];
        bool named = w->first_day <= d && d <= w->last_day;
        bool weekly = w->first_day > w->last_day && model_day(s, w, d);
        if (dated ? !named : !weekly)
            continue;
        if (w->hours_count ? model_hours(w->hours, w->hours_count, d, wall)
                           : model_hours(&whole_day, 1, d, wall))
            return true;
    }
    return false;
}

static bool model_window(const struct schedule *s, int64_t wall)
{
    day_t today = (day_t)(wall / 1440);

    return s->window_count == 0 || model_windows_of(s, today, wall) ||
           model_windows_of(s, today - 1, wall);
}

static void model_judge(struct model *m, const struct schedule *s)
{
    for (int i = 0; i < MINUTES; i++) {
        int64_t wall = m->wall[i], latest = m->latest[i];
        m->open[SCHEDULE_CLOSED_DAY][i] = !model_closed(s, (day_t)(wall / 1440));
        m->open[SCHEDULE_QUIET][i] = !model_quiet(s, wall) && !model_quiet(s, latest);
        m->open[SCHEDULE_WINDOW][i] = model_window(s, wall) && model_window(s, latest);
    }
}

static bool model_all_open(const struct model *m, int i)
{
    return m->open[0][i] && m->open[1][i] && m->open[2][i];
}

/* Mostly round times, so that edges meet each other, midnight and the changes of the clock. */
static int16_t random_minute(struct prng *p)
{
    static const int16_t favourites[] = {0, 30, 60, 90, 120, 150, 180, 540, 1260, 1380, 1439, 1440};

    if (prng_below(p, 3))
        return favourites[prng_below(p, sizeof(favourites) / sizeof(favourites[0]))];
    return (int16_t)prng_below(p, 1441);
}

static struct day_range random_days(struct prng *p, day_t first, int64_t length_most)
{
    day_t day = first + (day_t)prng_below(p, DAYS);

    return (struct day_range){day, day + (day_t)between(p, 0, length_most)};
}

static void random_schedule(struct fixture *f, struct prng *p, day_t first)
{
    struct schedule *s = &f->s;

    *s = (struct schedule){.zone = &f->zone.tz,
                           .start = INSTANT_MIN,
                           .end = INSTANT_NEVER,
                           .windows = f->windows,
                           .quiet = f->quiet,
                           .closed = f->closed,
                           .marks = f->marks};
    s->window_count = prng_below(p, 5);
    for (size_t i = 0; i < s->window_count; i++) {
        struct window *w = &f->windows[i];
        *w = (struct window){.weekdays = (uint8_t)(prng_next(p) | prng_next(p)), .first_day = 1};
        if (prng_below(p, 2) == 0)
            *w = (struct window){.weekdays = (uint8_t)(prng_next(p) & prng_next(p) & prng_next(p)),
                                 .workdays = prng_below(p, 3) > 0,
                                 .restdays = prng_below(p, 3) == 0,
                                 .first_day = 1};
        if (prng_below(p, 3) == 0) {
            struct day_range r = random_days(p, first, 4);
            w->first_day = r.first;
            w->last_day = r.last;
        }
        w->hours = f->hours[i];
        w->hours_count = prng_below(p, 4);
        for (size_t k = 0; k < w->hours_count; k++)
            f->hours[i][k] = (struct hours){random_minute(p), random_minute(p)};
    }
    s->quiet_count = prng_below(p, 3);
    for (size_t i = 0; i < s->quiet_count; i++)
        f->quiet[i] = (struct hours){random_minute(p), random_minute(p)};
    s->closed_count = prng_below(p, 3);
    for (size_t i = 0; i < s->closed_count; i++)
        f->closed[i] = random_days(p, first, 3);
    s->mark_count = 0;
    for (int i = 0; i < DAYS && s->window_count > 0; i++)
        if (prng_below(p, 3) == 0)
            f->marks[s->mark_count++] = (struct day_mark){first + i, prng_below(p, 2) == 0};
}

/* The first minute at or after `i` for which all (or one part) is as wanted; MINUTES when none is.
 */
static int model_next(const struct model *m, int part, int i, bool open)
{
    while (i < MINUTES && (part < 0 ? model_all_open(m, i) : m->open[part][i]) != open)
        i++;
    return i;
}

/* Past the end of the model anything later is right. */
static bool agrees(const struct model *m, instant_t t, int i, int next, instant_t got)
{
    if (next == MINUTES)
        return got >= m->from + (instant_t)MINUTES * MS_PER_MINUTE;
    return got == (next == i ? t : m->from + (instant_t)next * MS_PER_MINUTE);
}

static void check_at(const struct model *m, const struct schedule *s, instant_t t)
{
    int i = (int)((t - m->from) / MS_PER_MINUTE);

    for (int part = 0; part < SCHEDULE_PARTS; part++) {
        instant_t opens = schedule_part_opens(s, (enum schedule_part)part, t);
        if (!agrees(m, t, i, model_next(m, part, i, true), opens))
            fail_msg("part %d at %lld opens %lld", part, (long long)t, (long long)opens);
    }
    instant_t opens = schedule_opens(s, t);
    if (!agrees(m, t, i, model_next(m, -1, i, true), opens))
        fail_msg("at %lld opens %lld", (long long)t, (long long)opens);
    if (opens != t)
        return;
    instant_t closes = schedule_closes(s, t);
    if (!agrees(m, t, i, model_next(m, -1, i, false), closes))
        fail_msg("at %lld closes %lld", (long long)t, (long long)closes);
}

/* Open time between two full minutes, and the way back from it. */
static void check_open_time(const struct model *m, const struct schedule *s, int from, int to)
{
    instant_t begin = m->from + (instant_t)from * MS_PER_MINUTE;
    duration_t open = 0;

    for (int i = from; i < to; i++)
        open += model_all_open(m, i) ? MS_PER_MINUTE : 0;
    assert_int_equal(schedule_open_for(s, begin, m->from + (instant_t)to * MS_PER_MINUTE), open);
    assert_int_equal(schedule_open_for(s, begin, begin - 1), 0);
    for (duration_t part = 0; part < open; part += open / 7 + 1) {
        instant_t after = schedule_open_after(s, begin, part);
        assert_int_equal(schedule_opens(s, after), after);
        assert_int_equal(schedule_open_for(s, begin, after), part);
    }
}

static void run_case(const char *zone, const char *from, uint64_t seed)
{
    static struct model m;
    struct fixture f;
    struct prng p;

    prng_seed(&p, seed);
    zone_load(&f.zone, zone);
    glibc_zone(zone);
    model_clock(&m, at(from));
    for (int round = 0; round < 12; round++) {
        random_schedule(&f, &p, glibc_day(m.from));
        model_judge(&m, &f.s);
        for (int i = 0; i < 60; i++) {
            instant_t t = m.from + between(&p, 0, (int64_t)16 * MS_PER_DAY);
            check_at(&m, &f.s, i % 2 ? t : t - t % MS_PER_MINUTE); /* also right on an edge */
        }
        for (int i = 0; i < 6; i++) {
            int begin = (int)between(&p, 0, 8 * 1440);
            check_open_time(&m, &f.s, begin, begin + (int)between(&p, 0, 8 * 1440));
        }
        for (int i = 0; i + 1 < MINUTES - 4 * 1440; i++) /* each edge, and just before it */
            if (model_all_open(&m, i) != model_all_open(&m, i + 1) && prng_below(&p, 4) == 0) {
                check_at(&m, &f.s, m.from + (instant_t)(i + 1) * MS_PER_MINUTE - 1);
                check_at(&m, &f.s, m.from + (instant_t)(i + 1) * MS_PER_MINUTE);
            }
    }
    zone_dispose(&f.zone);
}

/* Three weeks with a change of the clock in the second one, where there is one. */
static void agrees_with_the_model_minute_by_minute(void **state)
{
    static const struct {
        const char *zone, *from;
    } rows[] = {
        {"America/New_York", "2027-03-06T05:00Z"},    {"America/New_York", "2027-10-31T04:00Z"},
        {"Australia/Lord_Howe", "2027-03-27T13:00Z"}, {"Australia/Lord_Howe", "2027-09-25T13:30Z"},
        {"America/Santiago", "2027-03-27T03:00Z"},    {"America/Santiago", "2027-08-28T04:00Z"},
        {"America/Havana", "2027-10-31T04:00Z"},      {"America/Havana", "2027-03-07T05:00Z"},
        {"Antarctica/Troll", "2027-10-24T00:00Z"},    {"Asia/Shanghai", "2026-12-20T16:00Z"},
        {"Europe/London", "2027-03-20T00:00Z"},       {"UTC", "2028-02-20T00:00Z"},
    };
    uint64_t seed = test_seed();

    (void)state;
    print_message("SEED=%llu\n", (unsigned long long)seed);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (uint64_t k = 0; k < 2; k++)
            run_case(rows[i].zone, rows[i].from, seed + k);
}

static struct window weekly(struct fixture *f, size_t i, uint8_t weekdays)
{
    return (struct window){
        .weekdays = weekdays, .first_day = 1, .hours = f->hours[i], .hours_count = 1};
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->windows[0] = weekly(f, 0, 0x7F);
    f->s = (struct schedule){.zone = &f->zone.tz,
                             .start = INSTANT_MIN,
                             .end = INSTANT_NEVER,
                             .windows = f->windows,
                             .quiet = f->quiet,
                             .closed = f->closed,
                             .marks = f->marks};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    zone_dispose(&f->zone);
    free(f);
    return 0;
}

static void assert_opens(const struct fixture *f, const char *from, const char *opens)
{
    if (schedule_opens(&f->s, at(from)) != at(opens))
        fail_msg("from %s: %lld, not %s", from, (long long)schedule_opens(&f->s, at(from)), opens);
}

static void assert_closes(const struct fixture *f, const char *from, const char *closes)
{
    assert_opens(f, from, from);
    if (schedule_closes(&f->s, at(from)) != at(closes))
        fail_msg("from %s: closes %lld, not %s", from, (long long)schedule_closes(&f->s, at(from)),
                 closes);
}

static void a_clock_set_forward(void **state)
{
    struct fixture *f = *state;

    zone_load(&f->zone, "America/New_York"); /* Sunday 2027-03-14: 02:00 becomes 03:00 */
    f->s.window_count = 1;
    f->hours[0][0] = (struct hours){150, 300}; /* 02:30-05:00 opens at the next valid instant */
    assert_opens(f, "2027-03-14T00:00-05:00", "2027-03-14T03:00-04:00");
    assert_closes(f, "2027-03-14T03:00-04:00", "2027-03-14T05:00-04:00");
    f->hours[0][0] = (struct hours){60, 150}; /* 01:00-02:30 closes there */
    assert_closes(f, "2027-03-14T01:59-05:00", "2027-03-14T03:00-04:00");
    f->hours[0][0] = (struct hours){120, 180}; /* 02:00-03:00: none that day */
    assert_opens(f, "2027-03-14T00:00-05:00", "2027-03-15T02:00-04:00");
    f->windows[0].weekdays = 1 << 6; /* sundays only: a week later */
    assert_opens(f, "2027-03-07T03:00-05:00", "2027-03-21T02:00-04:00");
}

static void a_clock_set_back(void **state)
{
    struct fixture *f = *state;

    zone_load(&f->zone, "America/New_York"); /* Sunday 2027-11-07: 02:00 becomes 01:00 */
    f->s.window_count = 1;
    f->hours[0][0] = (struct hours){75, 105}; /* 01:15-01:45: the first, and only the first */
    assert_opens(f, "2027-11-07T00:00-04:00", "2027-11-07T01:15-04:00");
    assert_closes(f, "2027-11-07T01:15-04:00", "2027-11-07T01:45-04:00");
    assert_opens(f, "2027-11-07T01:45-04:00", "2027-11-08T01:15-05:00");
    f->hours[0][0] =
        (struct hours){90, 300}; /* from 01:30: shut while the clock shows 01:00 again */
    assert_closes(f, "2027-11-07T01:30-04:00", "2027-11-07T01:00-05:00");
    assert_opens(f, "2027-11-07T01:00-05:00", "2027-11-07T01:30-05:00");
    f->hours[0][0] = (struct hours){0, 120}; /* to 02:00: three hours long that night */
    assert_closes(f, "2027-11-07T00:00-04:00", "2027-11-07T02:00-05:00");

    f->s.window_count = 0;
    f->s.quiet_count = 1;
    f->quiet[0] = (struct hours){22 * 60, 90}; /* until 01:30, both times that it comes */
    assert_closes(f, "2027-11-07T01:30-04:00", "2027-11-07T01:00-05:00");
    assert_opens(f, "2027-11-07T01:00-05:00", "2027-11-07T01:30-05:00");
}

static void windows_past_midnight_and_closed_days(void **state)
{
    struct fixture *f = *state;

    zone_load(&f->zone, "Asia/Shanghai");
    f->s.window_count = 1;
    f->hours[0][0] = (struct hours){22 * 60, 2 * 60};
    f->windows[0].weekdays = 1 << 0; /* of Monday 2027-03-01 */
    assert_opens(f, "2027-03-01T00:30+08:00", "2027-03-01T22:00+08:00");
    assert_closes(f, "2027-03-02T01:00+08:00", "2027-03-02T02:00+08:00");
    f->s.closed_count = 1; /* Tuesday closed: its date shuts Monday's window at midnight */
    f->closed[0] = (struct day_range){day_of_date(2027, 3, 2), day_of_date(2027, 3, 2)};
    assert_closes(f, "2027-03-01T22:00+08:00", "2027-03-02T00:00+08:00");
    f->closed[0] = (struct day_range){day_of_date(2027, 3, 1), day_of_date(2027, 3, 1)};
    /* Monday closed: its window does not begin, nor go on after midnight */
    assert_opens(f, "2027-03-01T00:00+08:00", "2027-03-08T22:00+08:00");
    assert_true(schedule_part_opens(&f->s, SCHEDULE_CLOSED_DAY, at("2027-03-01T12:00+08:00")) ==
                at("2027-03-02T00:00+08:00"));
}

static void date_windows_replace_the_others(void **state)
{
    struct fixture *f = *state;
    day_t friday = day_of_date(2027, 3, 5);

    zone_load(&f->zone, "Asia/Shanghai");
    f->s.window_count = 2;
    f->hours[0][0] = (struct hours){8 * 60, 20 * 60};
    f->hours[1][0] = (struct hours){10 * 60, 16 * 60};
    f->windows[1] = weekly(f, 1, 0);
    f->windows[1].first_day = f->windows[1].last_day = friday;
    assert_opens(f, "2027-03-04T21:00+08:00", "2027-03-05T10:00+08:00");
    assert_closes(f, "2027-03-05T10:00+08:00", "2027-03-05T16:00+08:00");
    assert_opens(f, "2027-03-05T16:00+08:00", "2027-03-06T08:00+08:00");
    f->windows[1].hours_count = 0; /* the whole day */
    assert_closes(f, "2027-03-05T00:00+08:00", "2027-03-06T00:00+08:00");
}

/* National Day 2026: closed 1 to 7 October, made up for on Saturday the 10th. */
static void workdays_and_restdays_follow_the_calendar(void **state)
{
    struct fixture *f = *state;
    day_t first = day_of_date(2026, 10, 1);

    zone_load(&f->zone, "Asia/Shanghai");
    for (day_t d = first; d < first + 7; d++)
        f->marks[f->s.mark_count++] = (struct day_mark){d, false};
    f->marks[f->s.mark_count++] = (struct day_mark){first + 9, true};
    f->s.window_count = 1;
    f->hours[0][0] = (struct hours){10 * 60, 12 * 60};
    f->windows[0] = weekly(f, 0, 0);
    f->windows[0].workdays = true;
    assert_opens(f, "2026-09-30T12:00+08:00", "2026-10-08T10:00+08:00"); /* over a whole week */
    assert_opens(f, "2026-10-09T12:00+08:00", "2026-10-10T10:00+08:00"); /* Saturday */
    assert_closes(f, "2026-10-10T10:00+08:00", "2026-10-10T12:00+08:00");
    assert_opens(f, "2026-10-10T12:00+08:00", "2026-10-12T10:00+08:00"); /* not Sunday */
    f->windows[0].workdays = false;
    f->windows[0].restdays = true;
    assert_opens(f, "2026-09-28T12:00+08:00", "2026-10-01T10:00+08:00"); /* Thursday */
    assert_opens(f, "2026-10-06T00:00+08:00", "2026-10-06T10:00+08:00"); /* Tuesday */
    assert_opens(f, "2026-10-07T12:00+08:00", "2026-10-11T10:00+08:00"); /* past the 10th */
    f->windows[0].weekdays = 1 << 4;                                     /* and Fridays */
    assert_opens(f, "2026-10-07T12:00+08:00", "2026-10-09T10:00+08:00");
    assert_true(schedule_workday(&f->s, first + 9) && !schedule_workday(&f->s, first + 10));

    f->windows[0] = weekly(f, 0, 0);
    f->windows[0].workdays = true;
    for (f->s.mark_count = 0; f->s.mark_count < DAYS; f->s.mark_count++) /* three weeks off */
        f->marks[f->s.mark_count] = (struct day_mark){first + (day_t)f->s.mark_count, false};
    assert_opens(f, "2026-10-01T00:00+08:00", "2026-10-22T10:00+08:00");
}

static void quiet_hours_win(void **state)
{
    struct fixture *f = *state;

    zone_load(&f->zone, "Asia/Shanghai");
    f->s.window_count = 1;
    f->hours[0][0] = (struct hours){8 * 60, 22 * 60};
    f->s.quiet_count = 2;
    f->quiet[0] = (struct hours){21 * 60, 9 * 60};
    f->quiet[1] = (struct hours){12 * 60, 14 * 60};
    assert_opens(f, "2027-03-01T08:00+08:00", "2027-03-01T09:00+08:00");
    assert_closes(f, "2027-03-01T09:00+08:00", "2027-03-01T12:00+08:00");
    assert_opens(f, "2027-03-01T12:00+08:00", "2027-03-01T14:00+08:00");
    assert_closes(f, "2027-03-01T14:00+08:00", "2027-03-01T21:00+08:00");
}

static void far_ahead_and_never(void **state)
{
    struct fixture *f = *state;
    day_t first = day_of_date(2027, 1, 1);

    zone_load(&f->zone, "Europe/London");
    assert_true(schedule_closes(&f->s, at("2027-01-01T00:00Z")) ==
                INSTANT_NEVER); /* no rule at all */
    assert_true(schedule_opens(&f->s, INSTANT_NEVER) == INSTANT_NEVER);
    f->s.closed_count = 1;
    f->closed[0] = (struct day_range){first, first + 790};
    assert_true(schedule_opens(&f->s, at("2027-01-01T12:00Z")) ==
                tz_day_begins(&f->zone.tz, first + 791));
    f->closed[0].last = first + 900;
    assert_true(schedule_opens(&f->s, at("2027-01-01T12:00Z")) == INSTANT_NEVER);

    f->s.closed_count = 0;
    f->s.window_count = 1;
    f->hours[0][0] = (struct hours){600, 660};
    f->windows[0].first_day = f->windows[0].last_day = first + 700; /* one date, two years on */
    assert_true(schedule_opens(&f->s, at("2027-01-01T12:00Z")) ==
                tz_day_begins(&f->zone.tz, first + 700) + 10 * MS_PER_HOUR);
    assert_true(schedule_opens(&f->s, tz_day_begins(&f->zone.tz, first + 701)) == INSTANT_NEVER);

    f->windows[0] = weekly(f, 0, 0x7F);
    f->s.quiet_count = 1;
    f->quiet[0] = (struct hours){600, 660}; /* whenever a window is open */
    assert_true(schedule_opens(&f->s, at("2027-01-01T12:00Z")) == INSTANT_NEVER);
    f->quiet[0] = (struct hours){0, 1440}; /* always */
    assert_true(schedule_part_opens(&f->s, SCHEDULE_QUIET, at("2027-01-01T12:00Z")) ==
                INSTANT_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_model_minute_by_minute),
        cmocka_unit_test_setup_teardown(a_clock_set_forward, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_clock_set_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(windows_past_midnight_and_closed_days, set_up, tear_down),
        cmocka_unit_test_setup_teardown(date_windows_replace_the_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(workdays_and_restdays_follow_the_calendar, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(quiet_hours_win, set_up, tear_down),
        cmocka_unit_test_setup_teardown(far_ahead_and_never, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
