/* paceline-ics: reads an iCalendar file on standard input for `paceline calendar import`, and
 * writes what it says of whole days as JSON lines. A program of its own, so that libical, and ICU
 * with it, is in no process that runs longer than one import and sees anything else.
 *
 *   usage: paceline-ics YEAR <FILE       rules without an end are followed until the end of YEAR
 *
 *   {"name":"…","product":"…"}                                   the calendar, first
 *   {"event":0,"first":"2027-01-01","last":"2027-01-03","kind":"holiday","endless":false,"summary":"…"}
 *   {"event":4,"problem":"time","first":"2027-03-01","summary":"…"}
 *
 * `event` counts the VEVENTs of the file; `kind` is holiday, workday, or unmarked. Problems: date,
 * time, canceled, rule, changed. Times are floating: a date is a date, in no zone. Exit 65: not an
 * iCalendar file. */
#include <jansson.h>
#include <libical/ical.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_DATA = 65, BYTES_MAX = 8 * 1024 * 1024, DAYS_MAX = 400, OCCURRENCES_MAX = 2000 };
enum { YEAR_FIRST = 1900, YEAR_LAST = 2200 };

struct event {
    icalcomponent *of;
    int index, days;
    const char *summary, *kind;
    struct icaltimetype first;
};

/* JSON is UTF-8. */
static const char *utf8(const char *text)
{
    json_t *string = text ? json_string(text) : NULL;
    bool valid = string != NULL;

    json_decref(string);
    return valid ? text : "?";
}

static void print(json_t *line)
{
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(line);
}

static const char *date_text(char out[16], struct icaltimetype t)
{
    if (t.year < YEAR_FIRST || t.year > YEAR_LAST)
        strcpy(out, "");
    else
        snprintf(out, 16, "%04d-%02d-%02d", t.year, t.month, t.day);
    return out;
}

static void problem(const struct event *e, const char *what)
{
    char date[16];

    print(json_pack("{s:i,s:s,s:s,s:s}", "event", e->index, "problem", what, "first",
                    date_text(date, e->first), "summary", e->summary));
}

/* A repeated one is told once for each time. */
static void day_print(const struct event *e, struct icaltimetype first, bool endless)
{
    char from[16], to[16];
    struct icaltimetype last = first;

    icaltime_adjust(&last, e->days - 1, 0, 0, 0);
    print(json_pack("{s:i,s:s,s:s,s:s,s:b,s:s}", "event", e->index, "first", date_text(from, first),
                    "last", date_text(to, last), "kind", e->kind, "endless", endless, "summary",
                    e->summary));
}

static icalproperty *property(icalcomponent *c, icalproperty_kind kind)
{
    return icalcomponent_get_first_property(c, kind);
}

/* What Apple's calendars say in a property, and others at an end of the title. */
static const char *kind_of(icalcomponent *c, const char *summary)
{
    static const struct {
        const char *mark, *kind;
    } marks[] = {
        {"（休）", "holiday"}, {"(休)", "holiday"}, {"休｜", "holiday"}, {"休|", "holiday"},
        {"（班）", "workday"}, {"(班)", "workday"}, {"班｜", "workday"}, {"班|", "workday"},
        {"补班", "workday"},   {"補班", "workday"},
    };

    for (icalproperty *p = property(c, ICAL_X_PROPERTY); p;
         p = icalcomponent_get_next_property(c, ICAL_X_PROPERTY)) {
        const char *name = icalproperty_get_x_name(p), *value = icalproperty_get_x(p);
        if (!name || !value || strcmp(name, "X-APPLE-SPECIAL-DAY") != 0)
            continue;
        if (strcmp(value, "WORK-HOLIDAY") == 0)
            return "holiday";
        if (strcmp(value, "ALTERNATE-WORKDAY") == 0)
            return "workday";
    }
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t length = strlen(summary), mark = strlen(marks[i].mark);
        if (length >= mark && (strncmp(summary, marks[i].mark, mark) == 0 ||
                               strcmp(summary + length - mark, marks[i].mark) == 0))
            return marks[i].kind;
    }
    return "unmarked";
}

static bool midnight(struct icaltimetype t)
{
    return t.is_date || (!icaltime_is_utc(t) && t.hour == 0 && t.minute == 0 && t.second == 0);
}

static struct icaltimetype floating_date(struct icaltimetype t)
{
    t.is_date = 1;
    t.zone = NULL;
    t.hour = t.minute = t.second = 0;
    return t;
}

static long day_number(struct icaltimetype t)
{
    return (long)(icaltime_as_timet(floating_date(t)) / 86400);
}

/* Its first day and how many there are; false after saying what is wrong. */
static bool days_read(struct event *e)
{
    struct icaltimetype start = icalcomponent_get_dtstart(e->of);
    struct icaltimetype end = icalcomponent_get_dtend(e->of);
    icalproperty *status = property(e->of, ICAL_STATUS_PROPERTY);

    e->first = start;
    if (icaltime_is_null_time(start) || !icaltime_is_valid_time(start) || start.year < YEAR_FIRST ||
        start.year > YEAR_LAST) {
        problem(e, "date");
        return false;
    }
    if (status && icalproperty_get_status(status) == ICAL_STATUS_CANCELLED) {
        problem(e, "canceled");
        return false;
    }
    if (property(e->of, ICAL_RECURRENCEID_PROPERTY)) {
        problem(e, "changed");
        return false;
    }
    if (!midnight(start) || (!icaltime_is_null_time(end) && !midnight(end))) {
        problem(e, "time");
        return false;
    }
    long days = icaltime_is_null_time(end) ? 1 : day_number(end) - day_number(start);
    if (days == 0 && start.is_date) /* some write the day itself as its end */
        days = 1;
    if (days < 1 || days > DAYS_MAX) {
        problem(e, "date");
        return false;
    }
    e->first = floating_date(start);
    e->days = (int)days;
    return true;
}

static bool excluded(icalcomponent *c, struct icaltimetype day)
{
    for (icalproperty *p = property(c, ICAL_EXDATE_PROPERTY); p;
         p = icalcomponent_get_next_property(c, ICAL_EXDATE_PROPERTY)) {
        struct icaltimetype out = icalproperty_get_exdate(p);
        if (out.year == day.year && out.month == day.month && out.day == day.day)
            return true;
    }
    return false;
}

static void repeat(const struct event *e, icalproperty *rule, int last_year)
{
    struct icalrecurrencetype r = icalproperty_get_rrule(rule);
    icalrecur_iterator *it = icalrecur_iterator_new(r, e->first);
    bool endless = r.count == 0 && icaltime_is_null_time(r.until);
    struct icaltimetype day;

    if (!it) {
        problem(e, "rule");
        return;
    }
    for (int n = 0; !icaltime_is_null_time(day = icalrecur_iterator_next(it)); n++) {
        if (day.year > YEAR_LAST || (endless && day.year > last_year))
            break;
        if (n == OCCURRENCES_MAX) {
            problem(e, "rule");
            break;
        }
        if (!excluded(e->of, day))
            day_print(e, floating_date(day), endless);
    }
    icalrecur_iterator_free(it);
}

static void event_print(icalcomponent *c, int index, int last_year)
{
    icalproperty *rule = property(c, ICAL_RRULE_PROPERTY);
    const char *summary = icalcomponent_get_summary(c);
    struct event e = {.of = c, .index = index, .summary = summary ? utf8(summary) : ""};

    e.kind = kind_of(c, e.summary);
    if (!days_read(&e))
        return;
    if (rule)
        repeat(&e, rule, last_year);
    else
        day_print(&e, e.first, false);
    for (icalproperty *p = property(c, ICAL_RDATE_PROPERTY); p;
         p = icalcomponent_get_next_property(c, ICAL_RDATE_PROPERTY)) {
        struct icaltimetype day = icalproperty_get_rdate(p).time;
        if (icaltime_is_valid_time(day) && !icaltime_is_null_time(day))
            day_print(&e, floating_date(day), false);
    }
}

/* A file of several calendars is one. */
static void calendars_print(icalcomponent *root, int last_year)
{
    const char *name = NULL;
    int index = 0;

    for (icalproperty *p = property(root, ICAL_X_PROPERTY); p && !name;
         p = icalcomponent_get_next_property(root, ICAL_X_PROPERTY))
        if (icalproperty_get_x_name(p) && strcmp(icalproperty_get_x_name(p), "X-WR-CALNAME") == 0)
            name = icalproperty_get_x(p);
    icalproperty *product = property(root, ICAL_PRODID_PROPERTY);
    print(json_pack("{s:s?,s:s?}", "name", name ? utf8(name) : NULL, "product",
                    product ? utf8(icalproperty_get_prodid(product)) : NULL));
    for (icalcomponent *c = icalcomponent_get_first_component(root, ICAL_VEVENT_COMPONENT); c;
         c = icalcomponent_get_next_component(root, ICAL_VEVENT_COMPONENT))
        event_print(c, index++, last_year);
}

static char *all_of(FILE *in)
{
    char *bytes = malloc(BYTES_MAX + 1);
    size_t length = bytes ? fread(bytes, 1, BYTES_MAX + 1, in) : 0;

    if (!bytes || length > BYTES_MAX || ferror(in)) {
        free(bytes);
        return NULL;
    }
    bytes[length] = '\0';
    return bytes;
}

int main(int argc, char **argv)
{
    int last_year = argc == 2 ? atoi(argv[1]) : 0;
    char *bytes = all_of(stdin);

    icalerror_set_errors_are_fatal(false);
    icalcomponent *root = bytes && last_year ? icalparser_parse_string(bytes) : NULL;
    free(bytes);
    if (!root || icalcomponent_isa(root) != ICAL_VCALENDAR_COMPONENT) {
        if (root)
            icalcomponent_free(root);
        return EXIT_DATA;
    }
    calendars_print(root, last_year);
    icalcomponent_free(root);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : EXIT_FAILURE;
}
