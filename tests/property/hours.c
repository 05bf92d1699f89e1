#include "hours.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct strips {
    bool reading[STRETCH_MINUTES + 3 * 1440], lasting[STRETCH_MINUTES];
};

static char folder[] = "/tmp/paceline-property-XXXXXX";
static struct zones *zones;

/* --- what a person writes --- */

static int minute_any(struct dice *d, int most)
{
    static const int round[] = {0, 30, 60, 90, 120, 150, 180, 540, 720, 1260, 1380, 1439};
    int m = dice_one_in(d, 3) ? (int)dice_below(d, 1441)
                              : round[dice_below(d, sizeof round / sizeof round[0])];

    if (most == 1440 && dice_one_in(d, 8))
        m = 1440;
    return m < most ? m : most;
}

static size_t spans_any(struct dice *d, struct span *spans, size_t least)
{
    size_t count = least + dice_below(d, RANGES + 1 - least);

    for (size_t i = 0; i < count; i++)
        spans[i] = (struct span){minute_any(d, 1439), minute_any(d, 1440)};
    return count;
}

static void rule_any(struct dice *d, struct written *w, struct opening *r, int64_t today)
{
    *r = (struct opening){.dated = dice_one_in(d, 3)};
    r->first = today + dice_between(d, 0, STRETCH_DAYS);
    r->last = r->first + dice_between(d, 0, 3);
    if (dice_one_in(d, 4)) {
        r->workdays = !dice_one_in(d, 3);
        r->restdays = !r->workdays || dice_one_in(d, 4);
        w->calendar |= !r->dated && dice_one_in(d, 2);
    } else {
        r->weekdays = 1 + (unsigned)dice_below(d, 127);
        if (dice_one_in(d, 3))
            r->weekdays = 127;
    }
    r->span_count =
        spans_any(d, r->spans, dice_one_in(d, 5) && (r->dated || !dice_one_in(d, 2)) ? 0 : 1);
}

void written_any(struct dice *d, struct written *w, int64_t today)
{
    *w = (struct written){0};
    w->rule_count = dice_below(d, WINDOWS + 1);
    for (size_t i = 0; i < w->rule_count; i++)
        rule_any(d, w, &w->rules[i], today);
    w->quiet_count = dice_one_in(d, 2) ? 0 : spans_any(d, w->quiet, 1);
    w->skip_count = dice_below(d, 3);
    for (size_t i = 0; i < w->skip_count; i++) {
        w->skip_first[i] = today + dice_between(d, 0, STRETCH_DAYS);
        w->skip_last[i] = w->skip_first[i] + dice_between(d, 0, 2);
    }
    for (int64_t day = today; day < today + STRETCH_DAYS && w->mark_count < MARKS; day++) {
        if (!w->calendar || !dice_one_in(d, 3))
            continue;
        w->mark_day[w->mark_count] = day; /* a calendar names only what differs from the week */
        w->mark_work[w->mark_count++] = weekday_of_day(day) >= 5;
    }
}

static void put_date(FILE *f, int64_t day)
{
    int y, m, dom;

    date_of_day(day, &y, &m, &dom);
    fprintf(f, "%04d-%02d-%02d", y, m, dom);
}

static void put_dates(FILE *f, int64_t first, int64_t last)
{
    put_date(f, first);
    if (last > first) {
        fprintf(f, "..");
        put_date(f, last);
    }
}

static void put_spans(FILE *f, const struct span *s, size_t count)
{
    fprintf(f, "\"");
    for (size_t i = 0; i < count; i++)
        fprintf(f, "%s%02d:%02d-%02d:%02d", i ? ", " : "", s[i].from / 60, s[i].from % 60,
                s[i].to / 60, s[i].to % 60);
    fprintf(f, "\"");
}

static void put_days(FILE *f, const struct opening *r)
{
    static const char *const words[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    const char *comma = "";

    if (r->weekdays == 127) {
        fprintf(f, "daily");
        return;
    }
    fprintf(f, "[");
    for (int i = 0; i < 7; i++) {
        if (r->weekdays >> i & 1) {
            fprintf(f, "%s%s", comma, words[i]);
            comma = ", ";
        }
    }
    if (r->workdays) {
        fprintf(f, "%sworkdays", comma);
        comma = ", ";
    }
    fprintf(f, r->restdays ? "%srestdays]" : "%s]", r->restdays ? comma : "");
}

static void put_rule(FILE *f, const struct opening *r)
{
    fprintf(f, "    - {");
    if (r->dated) {
        fprintf(f, "dates: ");
        put_dates(f, r->first, r->last);
    } else {
        fprintf(f, "days: ");
        put_days(f, r);
    }
    if (r->span_count) {
        fprintf(f, ", hours: ");
        put_spans(f, r->spans, r->span_count);
    }
    fprintf(f, "}\n");
}

void written_put(FILE *f, const struct written *w, const char *indent)
{
    if (w->calendar)
        fprintf(f, "%scalendar: made\n", indent);
    if (w->rule_count)
        fprintf(f, "%swindows:\n", indent);
    for (size_t i = 0; i < w->rule_count; i++)
        put_rule(f, &w->rules[i]);
    if (w->quiet_count) {
        fprintf(f, "%squiet_hours: ", indent);
        put_spans(f, w->quiet, w->quiet_count);
        fprintf(f, "\n");
    }
    for (size_t i = 0; i < w->skip_count; i++) {
        fprintf(f, i ? ", " : "%sskip_dates: [", indent);
        put_dates(f, w->skip_first[i], w->skip_last[i]);
    }
    fprintf(f, w->skip_count ? "]\n" : "");
}

static char *campaign_text(const struct written *w, const char *zone, const char *more)
{
    char *text = NULL;
    size_t length = 0;
    FILE *f = open_memstream(&text, &length);

    fprintf(f,
            "campaign: c\nchannel: room\naudience: {recipients: [a]}\nmessage: {text: hi}\n"
            "%sschedule:\n  timezone: %s\n",
            more, zone);
    written_put(f, w, "  ");
    fclose(f);
    return text;
}

const char *written_folder(void)
{
    char path[128];

    if (zones)
        return folder;
    zones = zones_new();
    property_check(mkdtemp(folder), "%s: cannot be made", folder);
    snprintf(path, sizeof path, "%s/calendars", folder);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/policies", folder);
    mkdir(path, 0755);
    return folder;
}

static void calendar_write(const struct written *w)
{
    char path[128];

    snprintf(path, sizeof path, "%s/calendars/made.yaml", written_folder());
    FILE *f = fopen(path, "w");
    fprintf(f, "calendar: made\ncovers: 2020-01-01..2040-12-31\nsource: dice\ndate: 2026-11-27\n");
    for (int work = 0; work < 2; work++) {
        size_t put = 0;
        for (size_t i = 0; i < w->mark_count; i++) {
            if (w->mark_work[i] != work)
                continue;
            fprintf(f, put++ ? ", " : work ? "workdays: [" : "holidays: [");
            put_date(f, w->mark_day[i]);
        }
        fprintf(f, put ? "]\n" : "");
    }
    fclose(f);
}

struct campaign *written_read(const struct written *w, const struct zone *zone, const char *more)
{
    struct diags diags;
    char *text = campaign_text(w, zone->name, more);

    calendar_write(w);
    diags_init(&diags);
    struct campaign *c = campaign_read("c.yaml", text, strlen(text), "UTC", folder, zones, &diags);
    property_check(c, "%s\nis refused: %s", text, diags.count ? diags.items[0].message : "?");
    diags_dispose(&diags);
    free(text);
    return c;
}

/* --- the model --- */

static bool skipped(const struct written *w, int64_t day)
{
    for (size_t i = 0; i < w->skip_count; i++) {
        if (day >= w->skip_first[i] && day <= w->skip_last[i])
            return true;
    }
    return false;
}

static bool workday(const struct written *w, int64_t day)
{
    for (size_t i = 0; i < w->mark_count; i++) {
        if (w->mark_day[i] == day)
            return w->mark_work[i];
    }
    return weekday_of_day(day) < 5;
}

static bool begins_on(const struct written *w, const struct opening *r, int64_t day)
{
    bool some_date = false;

    for (size_t i = 0; i < w->rule_count; i++)
        some_date |= w->rules[i].dated && day >= w->rules[i].first && day <= w->rules[i].last;
    if (skipped(w, day))
        return false;
    if (some_date)
        return r->dated && day >= r->first && day <= r->last;
    return !r->dated && ((r->weekdays >> weekday_of_day(day) & 1) ||
                         (workday(w, day) ? r->workdays : r->restdays));
}

/* The first minute at which the clock shows `wall` or, where that is skipped, something later. */
static int first_at(const struct stretch *s, int64_t wall)
{
    int m = 0;

    while (m < STRETCH_MINUTES && s->wall[m] < wall)
        m++;
    return m;
}

static void paint(struct strips *out, const struct stretch *s, const int *starts, int64_t day,
                  struct span span)
{
    int64_t origin = s->wall[0] / 1440 * 1440 - 1440;
    int64_t from = day * 1440 + span.from, to = day * 1440 + span.to;

    if (to <= from)
        to += 1440;
    for (int64_t wall = from; wall < to; wall++) {
        if (wall >= origin && wall - origin < STRETCH_MINUTES + 3 * 1440)
            out->reading[wall - origin] = true;
    }
    int hint = starts[day - s->wall[0] / 1440 + 2]; /* nothing before it shows that day */
    int begin = hint, end;
    while (begin < STRETCH_MINUTES && s->wall[begin] < from)
        begin++;
    for (end = begin; end < STRETCH_MINUTES && s->wall[end] < to; end++)
        out->lasting[end] = true;
}

/* Where each local day may begin: two days before the stretch to its end. */
static void day_starts(const struct stretch *s, int starts[STRETCH_DAYS + 4])
{
    for (int i = 0; i < STRETCH_DAYS + 4; i++)
        starts[i] = i <= 2 ? 0 : first_at(s, (s->wall[0] / 1440 - 2 + i) * 1440);
}

void hours_model(const struct written *w, const struct stretch *s,
                 bool open[SCHEDULE_PARTS][STRETCH_MINUTES])
{
    static struct strips windows, quiet;
    int starts[STRETCH_DAYS + 4];
    int64_t first = s->wall[0] / 1440, origin = first * 1440 - 1440;

    memset(&windows, 0, sizeof windows);
    memset(&quiet, 0, sizeof quiet);
    day_starts(s, starts);
    for (int64_t day = first - 2; day < first + STRETCH_DAYS + 2; day++) {
        for (size_t i = 0; i < w->rule_count; i++) {
            const struct opening *r = &w->rules[i];
            if (!begins_on(w, r, day))
                continue;
            for (size_t k = 0; k < r->span_count; k++)
                paint(&windows, s, starts, day, r->spans[k]);
            if (!r->span_count)
                paint(&windows, s, starts, day, (struct span){0, 1440});
        }
        for (size_t k = 0; k < w->quiet_count; k++)
            paint(&quiet, s, starts, day, w->quiet[k]);
    }
    for (int m = 0; m < STRETCH_MINUTES; m++) {
        int64_t wall = s->wall[m];
        open[SCHEDULE_CLOSED_DAY][m] = !skipped(w, wall / 1440);
        open[SCHEDULE_QUIET][m] = !quiet.lasting[m] && !quiet.reading[wall - origin];
        open[SCHEDULE_WINDOW][m] =
            w->rule_count == 0 || (windows.lasting[m] && windows.reading[wall - origin]);
    }
}

void hours_dispose(void)
{
    char path[128];

    zones_free(zones);
    zones = NULL;
    snprintf(path, sizeof path, "%s/calendars/made.yaml", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/calendars", folder);
    rmdir(path);
    snprintf(path, sizeof path, "%s/policies", folder);
    rmdir(path);
    rmdir(folder);
}
