/* Sentences first, then a line for each day with a bar for each of its hours.
 *
 *     2027-03-01 Mon            ▂█▇▅  ▇▇█▆▅▂▁        200
 */
#include "cli/plan_view.h"

#include "api/limit_text.h"
#include "base/text.h"
#include "cli/view.h"
#include "conf/duration.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum {
    HOURS = 24,
    LABEL = 18,    /* columns before the hours: two spaces, date and weekday */
    TOTAL = 8,     /* behind them */
    DAYS_MAX = 62, /* lines; the rest are counted */
    WIDTH_FALLBACK = 80
};

static size_t width_of(FILE *to)
{
    struct winsize w;
    const char *columns = getenv("COLUMNS");

    if (ioctl(fileno(to), TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
        return w.ws_col;
    long asked = columns ? strtol(columns, NULL, 10) : 0;
    return asked > 0 && asked < 1000 ? (size_t)asked : WIDTH_FALLBACK;
}

/* `name  text`, the names in one column. */
static void line(FILE *to, const char *name, const char *text)
{
    size_t columns = text_columns(name);

    fprintf(to, "  %s%*s  ", name, (int)(columns < 10 ? 10 - columns : 0), "");
    put_safe(to, text);
    fputc('\n', to);
}

static void put_span(struct strbuf *out, int64_t seconds)
{
    long long s = seconds;

    if (s < 120)
        strbuf_printf(out, tr("%llds"), s);
    else if (s < 7200)
        strbuf_printf(out, tr("%lldm %02llds"), s / 60, s % 60);
    else if (s < 172800)
        strbuf_printf(out, tr("%lldh %02lldm"), s / 3600, s / 60 % 60);
    else
        strbuf_printf(out, tr("%lldd %lldh"), s / 86400, s / 3600 % 24);
}

/* --- sentences --- */

static void show_verdict(const json_t *s, FILE *to)
{
    struct strbuf text = STRBUF_INIT;
    long long planned = view_number(s, "planned"), recipients = view_number(s, "recipients");
    long long shortfall = view_number(s, "shortfall");

    if (json_is_true(json_object_get(s, "feasible")))
        strbuf_printf(&text, tr("feasible: %lld of %lld go, nobody is left over at the end"),
                      planned, recipients);
    else
        strbuf_printf(&text, tr("infeasible: %lld of %lld are not reached before the end"),
                      shortfall, recipients);
    line(to, tr("plan"), text.text);
    strbuf_dispose(&text);
}

/* What was taken into account: only the service knows. */
static void show_live(const json_t *s, FILE *to)
{
    const json_t *live = json_object_get(s, "live");
    long long campaigns = view_number(live, "campaigns"), paused = view_number(live, "paused");
    struct strbuf text = STRBUF_INIT;

    if (!live)
        return;
    if (campaigns)
        strbuf_printf(&text, tr("other campaigns: %lld, waiting: %lld"), campaigns,
                      (long long)view_number(live, "waiting"));
    else
        strbuf_puts(&text, tr("nothing: the service carries no other campaign"));
    if (paused)
        strbuf_printf(&text, tr(" (paused: %lld)"), paused);
    line(to, tr("beside"), text.text);
    if (json_is_true(json_object_get(live, "halted")))
        line(to, "", tr("halted: nothing goes before 'paceline unhalt', whatever this plan says"));
    strbuf_dispose(&text);
}

static void show_instant(const json_t *s, const char *key, const char *name, FILE *to)
{
    const char *at = view_text(s, key, NULL);
    char text[VIEW_INSTANT];

    if (!at)
        return;
    view_instant(at, text);
    line(to, name, text);
}

static void show_skipped(const json_t *s, FILE *to)
{
    struct strbuf text = STRBUF_INIT;
    json_t *skipped = json_object_get(s, "skipped");
    const char *reason;
    json_t *count;

    json_object_foreach(skipped, reason, count)
        strbuf_printf(&text, "%s%s %lld", text.length ? tr(", ") : "", view_reason(reason),
                      (long long)json_integer_value(count));
    if (text.length)
        line(to, tr("left out"), text.text);
    strbuf_dispose(&text);
}

static void show_taps(const json_t *s, FILE *to)
{
    enum { SHOWN = 8 };
    struct strbuf text = STRBUF_INIT;
    json_t *taps = json_object_get(s, "taps");
    size_t senders = json_object_size(taps), n = 0;
    const char *sender;
    json_t *count;

    json_object_foreach(taps, sender, count)
    {
        if (n++ < SHOWN)
            strbuf_printf(&text, "%s%s %lld", text.length ? tr(", ") : "", sender,
                          (long long)json_integer_value(count));
    }
    if (senders > SHOWN)
        strbuf_printf(&text, tr(" and %zu more"), senders - SHOWN);
    if (text.length)
        line(to, tr("taps"), text.text);
    strbuf_dispose(&text);
}

static const char *gate_words(const char *gate)
{
    static const struct {
        const char *gate, *words;
    } table[] = {
        {"start_end", TR_TABLE("before the start")},
        {"closed_day", TR_TABLE("closed days")},
        {"quiet_hours", TR_TABLE("quiet hours")},
        {"window", TR_TABLE("outside the send window")},
        {"gap", TR_TABLE("the gaps between sends")},
        {"channel", TR_TABLE("the platform's own quota")},
        {"others", TR_TABLE("other campaigns on the same senders")},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].gate, gate) == 0)
            return tr(table[i].words);
    return NULL;
}

static void show_binding(const json_t *s, FILE *to)
{
    const json_t *b;
    size_t i;

    json_array_foreach(json_object_get(s, "binding"), i, b)
    {
        struct strbuf text = STRBUF_INIT;
        const char *words = gate_words(view_text(b, "gate", ""));
        put_span(&text, view_number(b, "holds_s"));
        strbuf_puts(&text, "  ");
        if (words)
            strbuf_puts(&text, words);
        else
            limit_text(&text, view_text(b, "limit", "?"));
        line(to, i ? "" : tr("held"), text.text);
        strbuf_dispose(&text);
    }
    if (i > 0)
        line(to, "", tr("(the longest of one sender, all of it together)"));
}

static void say_help(const json_t *help, struct strbuf *text)
{
    const char *change = view_text(help, "change", "");
    const json_t *item;
    char at[VIEW_INSTANT];
    size_t i;

    if (strcmp(change, "end") == 0) {
        view_instant(view_text(help, "to", NULL), at);
        strbuf_printf(text, tr("a later end: %.16s"), at);
    } else if (strcmp(change, "hours") == 0) {
        strbuf_puts(text, tr("longer hours: "));
        json_array_foreach(json_object_get(help, "windows"), i, item)
            strbuf_printf(text, "%s%s", i ? "; " : "", json_string_value(item));
    } else {
        strbuf_puts(text, tr("more senders: "));
        json_array_foreach(json_object_get(help, "add"), i, item)
            strbuf_printf(text, "%s%s", i ? ", " : "", json_string_value(item));
    }
    view_instant(view_text(help, "last", NULL), at);
    strbuf_printf(text, tr(" (then the last one goes %s)"), at);
}

static void show_help(const json_t *s, FILE *to)
{
    const json_t *help = json_object_get(s, "help"), *each;
    size_t i;

    json_array_foreach(help, i, each)
    {
        struct strbuf text = STRBUF_INIT;
        say_help(each, &text);
        line(to, i ? "" : tr("would help"), text.text);
        strbuf_dispose(&text);
    }
    if (help && json_array_size(help) == 0)
        line(to, tr("would help"),
             tr("neither a later end, nor longer hours, nor more senders: fewer recipients, or "
                "other "
                "limits"));
}

/* --- the histogram --- */

static int64_t hour_of(const json_t *day, int h)
{
    return json_integer_value(json_array_get(json_object_get(day, "hours"), (size_t)h));
}

static int64_t busiest(const json_t *days)
{
    const json_t *day;
    int64_t most = 1;
    size_t i;

    json_array_foreach(days, i, day) for (int h = 0; h < HOURS; h++) most =
        hour_of(day, h) > most ? hour_of(day, h) : most;
    return most;
}

static void show_scale(int cell, FILE *to)
{
    fprintf(to, "%*s", LABEL, "");
    for (int h = 0; h < HOURS; h += 3)
        fprintf(to, "%-*d", 3 * cell, h);
    fputc('\n', to);
}

static void show_day(const json_t *day, int cell, int64_t most, FILE *to)
{
    static const char *const bars[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const char *date = view_text(day, "date", "");
    int64_t total = 0;
    day_t d = 0;

    date_parse(date, &d);
    const char *weekday = view_weekday(day_weekday(d));
    fprintf(to, "  %s %s%*s", date, weekday,
            (int)(LABEL - 3 - strlen(date) - text_columns(weekday)), "");
    for (int h = 0; h < HOURS; h++) {
        int64_t n = hour_of(day, h);
        const char *bar = n ? bars[1 + n * 7 / most] : "·";
        total += n;
        for (int i = 0; i < cell; i++)
            fputs(n || i == 0 ? bar : " ", to);
    }
    fprintf(to, "%*lld\n", TOTAL - 1, (long long)total);
}

static void show_days(const json_t *s, FILE *to)
{
    const json_t *days = json_object_get(s, "days"), *day;
    size_t room = width_of(to), count = json_array_size(days), i;
    int64_t most = busiest(days);
    int cell = room >= LABEL + TOTAL + 3 * HOURS ? 3 : room >= LABEL + TOTAL + 2 * HOURS ? 2 : 1;

    if (count == 0)
        return;
    fputc('\n', to);
    show_scale(cell, to);
    json_array_foreach(days, i, day)
    {
        if (i < DAYS_MAX)
            show_day(day, cell, most, to);
    }
    if (count > DAYS_MAX)
        fprintf(to, tr("  ... and %zu more days\n"), count - DAYS_MAX);
}

void plan_view(const json_t *summary, FILE *to)
{
    show_verdict(summary, to);
    show_live(summary, to);
    show_skipped(summary, to);
    show_instant(summary, "first", tr("first"), to);
    show_instant(summary, "last", tr("last"), to);
    show_taps(summary, to);
    show_binding(summary, to);
    show_help(summary, to);
    show_days(summary, to);
}
