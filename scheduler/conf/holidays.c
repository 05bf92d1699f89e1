/* How far a file goes is seen from its dated entries: the last years in a row of which each has
 * one. Rows without an end ("every 1 January") go as far as those. */
#include "conf/holidays.h"

#include "base/arena.h"
#include "base/lang.h"
#include "base/text.h"
#include "conf/duration.h"
#include "conf/json.h"

#include <stdlib.h>
#include <string.h>

enum { DAYS_MAX = 4000, RANGES_MAX = 2000 }; /* as calendar.c takes them */

struct named_day {
    day_t day;
    bool worked, both;
    const struct holiday *of;
};

static size_t marked_only(const struct holidays *h, struct holiday *entries, size_t count,
                          struct diags *diags);
static struct day_range years_of(const struct holiday *entries, size_t count);
static size_t days_take(const struct holidays *h, const struct holiday *entries, size_t count,
                        struct named_day *days, struct diags *diags);
static size_t days_merge(const struct holidays *h, struct named_day *days, size_t count,
                         struct diags *diags);
static size_t list_write(struct strbuf *out, const char *key, const struct named_day *days,
                         size_t count, bool worked);
static void text_write(struct strbuf *out, const char *key, const char *text);

int holidays_write(struct strbuf *out, struct holidays *h, struct holiday *entries, size_t count,
                   struct diags *diags, struct err *e)
{
    struct named_day *days = xmalloc((DAYS_MAX + 1) * sizeof *days);
    char first[DATE_TEXT], last[DATE_TEXT];

    count = marked_only(h, entries, count, diags);
    if (h->covers.first > h->covers.last)
        h->covers = years_of(entries, count);
    count = days_take(h, entries, count, days, diags);
    bool many = count > DAYS_MAX;
    count = many ? 0 : days_merge(h, days, count, diags);
    if (count > 0) {
        date_format(h->covers.first, first);
        date_format(h->covers.last, last);
        text_write(out, "calendar", h->name);
        text_write(out, "title", h->title ? h->title : h->name);
        text_write(out, "source", h->source);
        strbuf_printf(out, "date: %s\ncovers: %s..%s\n", h->made, first, last);
        h->offs = list_write(out, "holidays", days, count, false);
        h->worked = list_write(out, "workdays", days, count, true);
    }
    free(days);
    if (many)
        return err_set(e, ERR_REFUSED, tr("more than %d days: a calendar holds no more"), DAYS_MAX);
    if (count == 0)
        return err_set(e, ERR_REFUSED, tr("there is no holiday in it that could be taken"));
    return 0;
}

static const char *date_of(day_t day, char out[DATE_TEXT])
{
    date_format(day, out);
    return out;
}

/* Where some entries say 休 or 班 of themselves, the others are festivals on which people work. */
static size_t marked_only(const struct holidays *h, struct holiday *entries, size_t count,
                          struct diags *diags)
{
    const struct holiday *left_out = NULL;
    bool marked = false;
    size_t kept = 0, left = 0;
    char date[DATE_TEXT];

    for (size_t i = 0; i < count; i++)
        marked = marked || entries[i].kind != HOLIDAY_UNMARKED;
    if (!marked)
        return count;
    for (size_t i = 0; i < count && !left_out; i++)
        if (entries[i].kind == HOLIDAY_UNMARKED)
            left_out = &entries[i];
    if (!left_out)
        return count;
    struct holiday example = *left_out;
    for (size_t i = 0; i < count; i++) {
        left += entries[i].kind == HOLIDAY_UNMARKED;
        if (entries[i].kind != HOLIDAY_UNMARKED)
            entries[kept++] = entries[i];
    }
    diag_add(
        diags, h->file, example.line, 1, DIAG_WARNING, 0,
        tr("left out: what says neither 休 (off) nor 班 (worked), as other entries do: %zu, the "
           "first is '%s' on %s"),
        left, example.title, date_of(example.first, date));
    return kept;
}

static int year_of(day_t day)
{
    int year, month, date;

    day_to_date(day, &year, &month, &date);
    return year;
}

static int by_year_down(const void *a, const void *b)
{
    return year_of(((const struct holiday *)b)->first) -
           year_of(((const struct holiday *)a)->first);
}

static struct day_range years_of(const struct holiday *entries, size_t count)
{
    struct holiday *dated = xmalloc((count + 1) * sizeof *dated);
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        if (!entries[i].endless)
            dated[n++] = entries[i];
    for (size_t i = 0; n == 0 && i < count; i++) /* nothing but rows without an end */
        dated[n++] = entries[i];
    if (n == 0) {
        free(dated);
        return (struct day_range){1, 0};
    }
    qsort(dated, n, sizeof *dated, by_year_down);
    int last = year_of(dated[0].last), first = year_of(dated[0].first);
    last = last > first ? first : last; /* New Year's Eve says nothing of the year after it */
    for (size_t i = 1; i < n && year_of(dated[i].first) >= first - 1; i++)
        first = year_of(dated[i].first);
    free(dated);
    return (struct day_range){day_of_date(first, 1, 1), day_of_date(last, 12, 31)};
}

/* At most DAYS_MAX + 1. */
static size_t days_take(const struct holidays *h, const struct holiday *entries, size_t count,
                        struct named_day *days, struct diags *diags)
{
    char at[DATE_TEXT], first[DATE_TEXT], last[DATE_TEXT];
    size_t taken = 0;

    for (size_t i = 0; i < count; i++) {
        const struct holiday *entry = &entries[i];
        bool inside = entry->first >= h->covers.first && entry->last <= h->covers.last;
        for (day_t d = entry->first; d <= entry->last && taken <= DAYS_MAX; d++)
            if (d >= h->covers.first && d <= h->covers.last)
                days[taken++] = (struct named_day){d, entry->kind == HOLIDAY_WORKED, false, entry};
        if (!inside && !entry->endless)
            diag_add(diags, h->file, entry->line, 1, DIAG_WARNING, 0,
                     tr("left out: '%s' on %s, as far as it lies outside %s..%s"), entry->title,
                     date_of(entry->first, at), date_of(h->covers.first, first),
                     date_of(h->covers.last, last));
    }
    return taken;
}

static int by_day(const void *a, const void *b)
{
    const struct named_day *x = a, *y = b;

    if (x->day != y->day)
        return x->day < y->day ? -1 : 1;
    return (x->of->line > y->of->line) - (x->of->line < y->of->line);
}

/* Each day once, by the first entry that names it. */
static size_t days_merge(const struct holidays *h, struct named_day *days, size_t count,
                         struct diags *diags)
{
    char date[DATE_TEXT];
    size_t kept = 0;

    if (count > 0)
        qsort(days, count, sizeof *days, by_day);
    for (size_t i = 0, next; i < count; i = next) {
        struct named_day day = days[i];
        for (next = i + 1; next < count && days[next].day == day.day; next++) {
            if (days[next].worked == day.worked || day.both)
                continue;
            day.both = true;
            diag_add(diags, h->file, days[next].of->line, 1, DIAG_WARNING, 0,
                     tr("left out: %s, which is off ('%s') and worked ('%s')"),
                     date_of(day.day, date), (day.worked ? &days[next] : &day)->of->title,
                     (day.worked ? &day : &days[next])->of->title);
        }
        if (!day.both)
            days[kept++] = day;
    }
    return kept;
}

/* Days in a row of one title are one range. How many days. */
static size_t list_write(struct strbuf *out, const char *key, const struct named_day *days,
                         size_t count, bool worked)
{
    char first[DATE_TEXT], last[DATE_TEXT];
    size_t total = 0;

    strbuf_printf(out, "%s:", key);
    for (size_t i = 0; i < count; i++) {
        const struct named_day *from = &days[i];
        if (from->worked != worked)
            continue;
        while (i + 1 < count && days[i + 1].worked == worked &&
               days[i + 1].day == days[i].day + 1 &&
               strcmp(days[i + 1].of->title, from->of->title) == 0)
            i++;
        total += (size_t)(days[i].day - from->day) + 1;
        strbuf_printf(out, "\n  - %s", date_of(from->day, first));
        if (days[i].day > from->day)
            strbuf_printf(out, "..%s", date_of(days[i].day, last));
        if (*from->of->title) {
            strbuf_puts(out, "  # ");
            text_safe(out, from->of->title, false);
        }
    }
    strbuf_puts(out, total ? "\n" : " []\n");
    return total;
}

static void text_write(struct strbuf *out, const char *key, const char *text)
{
    strbuf_printf(out, "%s: ", key);
    canonical_string(out, text);
    strbuf_putc(out, '\n');
}
