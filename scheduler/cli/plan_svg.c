/*     |      9-29 Tue       |      9-30 Wed       |
 *     | 0    6    12   18   | 0    6    12   18   |
 *  lin.yue  ░░░░░ ▂▂█▂ ▂▂▂ ▒▒░░░░░ ▂▂█▂ ▂▂▂ ▒▒
 *  he.qi    ░░░░░ ▂▂▂▂ ▂█▂ ▒▒░░░░░ ▂▂▂▂ ▂▂▂ ▒▒
 *
 * Times of day are the campaign's. The schedule is asked at each pixel, which is as fine as anybody
 * can see. */
#include "cli/plan_svg.h"

#include "base/arena.h"
#include "base/text.h"
#include "cli/view.h"

#include <stdlib.h>
#include <string.h>

enum {
    LEFT = 130, /* names of senders */
    RIGHT = 70, /* how many each */
    TOP = 118,
    ROW = 26,
    BOTTOM = 46,
    WIDTH_MIN = 640, /* of the time axis */
    WIDTH_MAX = 2400,
    DAY_WIDTH = 110,
    NAME_MAX = 16 /* columns */
};

enum shade { SHADE_OPEN, SHADE_WINDOW, SHADE_QUIET, SHADE_CLOSED_DAY, SHADE_OUTSIDE };
static const char *const shade_class[] = {"", "w", "q", "c", "o"};

struct axis {
    const struct plan_picture *p;
    const struct schedule *s;
    instant_t from, to;
    day_t first, last;
    int width, bottom;
};

static void put_xml(struct strbuf *out, const char *text)
{
    struct strbuf safe = STRBUF_INIT;

    text_safe(&safe, text ? text : "", false);
    for (const char *s = safe.text ? safe.text : ""; *s; s++) {
        if (*s == '&')
            strbuf_puts(out, "&amp;");
        else if (*s == '<')
            strbuf_puts(out, "&lt;");
        else if (*s == '>')
            strbuf_puts(out, "&gt;");
        else
            strbuf_putc(out, *s);
    }
    strbuf_dispose(&safe);
}

/* The days in which something goes, or may. */
static struct axis axis_of(const struct plan_picture *p)
{
    struct axis a = {.p = p, .s = &p->campaign->schedule};
    instant_t first = a.s->start != INSTANT_MIN ? a.s->start : p->from, last = first;

    for (size_t i = 0; i < p->send_count; i++) {
        instant_t due = p->sends[i].due_at;
        first = due < first ? due : first;
        last = i == 0 || due > last ? due : last;
    }
    if (p->shortfall && a.s->end != INSTANT_NEVER && a.s->end > last)
        last = a.s->end;
    a.first = tz_day(a.s->zone, first);
    a.last = tz_day(a.s->zone, last > first ? last : first);
    a.from = tz_day_begins(a.s->zone, a.first);
    a.to = tz_day_begins(a.s->zone, a.last + 1);
    int64_t wanted = (int64_t)(a.last - a.first + 1) * DAY_WIDTH;
    a.width = wanted < WIDTH_MIN ? WIDTH_MIN : wanted > WIDTH_MAX ? WIDTH_MAX : (int)wanted;
    a.bottom = TOP + ROW * (int)p->sender_count;
    return a;
}

static double x_of(const struct axis *a, instant_t t)
{
    return LEFT + (double)(t - a->from) * a->width / (double)(a->to - a->from);
}

static instant_t instant_at(const struct axis *a, int pixel)
{
    return a->from + (a->to - a->from) / a->width * pixel;
}

/* Plain rules first: a viewer without media queries or variables shows the light theme. */
static void put_style(struct strbuf *out)
{
    static const struct {
        const char *rule, *light, *dark;
    } colors[] = {
        {"text{fill", "#1c2430", "#e6ebf2"}, {".f{fill", "#5d6877", "#97a3b4"},
        {".b{fill", "#b3261e", "#ff8a80"},   {".bg{fill", "#ffffff", "#12161c"},
        {".w{fill", "#e9edf2", "#242b35"},   {".q{fill", "#cfd6e4", "#3a4560"},
        {".c{fill", "#f0d9cf", "#57392d"},   {".o{fill", "#f4f5f7", "#191e25"},
        {".l{stroke", "#c9d0da", "#414b59"}, {".e{stroke", "#b3261e", "#ff8a80"},
        {".s{stroke", "#0b6bcb", "#6cb6ff"},
    };

    strbuf_puts(out, "<style>\ntext{font:13px system-ui,'Noto Sans CJK SC','Microsoft YaHei',"
                     "sans-serif}\n.t{font-size:18px;font-weight:600}.f{font-size:12px}"
                     ".b{font-weight:600}\n.l,.e,.s{fill:none}.e{stroke-dasharray:4 3}"
                     ".s{stroke-width:1.4}\n");
    for (size_t i = 0; i < sizeof colors / sizeof colors[0]; i++)
        strbuf_printf(out, "%s:%s}", colors[i].rule, colors[i].light);
    strbuf_puts(out, "\n@media(prefers-color-scheme:dark){");
    for (size_t i = 0; i < sizeof colors / sizeof colors[0]; i++)
        strbuf_printf(out, "%s:%s}", colors[i].rule, colors[i].dark);
    strbuf_puts(out, "}\n</style>\n");
}

static enum shade shade_at(const struct axis *a, instant_t t)
{
    const struct schedule *s = a->s;

    if (t < s->start || t >= s->end)
        return SHADE_OUTSIDE;
    if (schedule_part_opens(s, SCHEDULE_CLOSED_DAY, t) != t)
        return SHADE_CLOSED_DAY;
    if (schedule_part_opens(s, SCHEDULE_QUIET, t) != t)
        return SHADE_QUIET;
    return schedule_part_opens(s, SCHEDULE_WINDOW, t) != t ? SHADE_WINDOW : SHADE_OPEN;
}

static void put_shade(struct strbuf *out, const struct axis *a, enum shade shade, int from, int to)
{
    if (shade != SHADE_OPEN)
        strbuf_printf(out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n",
                      shade_class[shade], LEFT + from, TOP, to - from, a->bottom - TOP);
}

static void put_shades(struct strbuf *out, const struct axis *a)
{
    enum shade now = shade_at(a, instant_at(a, 0));
    int from = 0;

    for (int pixel = 1; pixel <= a->width; pixel++) {
        enum shade next = pixel < a->width ? shade_at(a, instant_at(a, pixel)) : SHADE_OPEN;
        if (next == now && pixel < a->width)
            continue;
        put_shade(out, a, now, from, pixel);
        now = next;
        from = pixel;
    }
}

/* Dates above, hours below them where there is room. */
static void put_days(struct strbuf *out, const struct axis *a)
{
    int days = a->last - a->first + 1, day_width = a->width / days;
    int every = day_width > 78 ? 1 : 78 / (day_width > 0 ? day_width : 1) + 1;

    for (day_t d = a->first; d <= a->last; d++) {
        double x = x_of(a, tz_day_begins(a->s->zone, d));
        int year, month, day;
        day_to_date(d, &year, &month, &day);
        strbuf_printf(out, "<path class=\"l\" d=\"M%.1f %dV%d\"/>\n", x, TOP - 34, a->bottom);
        if ((d - a->first) % every == 0)
            strbuf_printf(out, "<text x=\"%.1f\" y=\"%d\">%02d-%02d %s</text>\n", x + 5, TOP - 20,
                          month, day, view_weekday(day_weekday(d)));
        for (int hour = 6; hour < 24 && day_width >= 100; hour += 6) {
            instant_t t = tz_day_begins(a->s->zone, d) + hour * (duration_t)MS_PER_HOUR;
            strbuf_printf(
                out, "<text class=\"f\" text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">%d</text>\n",
                x_of(a, t), TOP - 4, hour);
        }
    }
    strbuf_printf(out, "<path class=\"l\" d=\"M%d %dV%d\"/>\n", LEFT + a->width, TOP - 34,
                  a->bottom);
}

static void put_name(struct strbuf *out, const char *name, int y)
{
    size_t length;
    char cut[128];

    snprintf(cut, sizeof cut, "%s", name);
    while (text_columns(cut) > NAME_MAX) { /* whole characters */
        length = strlen(cut) - 1;
        while (length > 0 && ((unsigned char)cut[length] & 0xc0) == 0x80)
            length--;
        cut[length] = '\0';
    }
    strbuf_printf(out, "<text text-anchor=\"end\" x=\"%d\" y=\"%d\">", LEFT - 8, y);
    put_xml(out, cut);
    strbuf_puts(out, strlen(cut) < strlen(name) ? "…</text>\n" : "</text>\n");
}

/* One stroke a pixel, the higher the more go in it. */
static void put_sends(struct strbuf *out, const struct axis *a, const uint32_t *counts, int y,
                      uint32_t most)
{
    strbuf_puts(out, "<path class=\"s\" d=\"");
    for (int pixel = 0; pixel < a->width; pixel++) {
        if (!counts[pixel])
            continue;
        double height = 5 + (ROW - 10.0) * counts[pixel] / most;
        strbuf_printf(out, "M%d.5 %dv-%.1f", LEFT + pixel, y, height);
    }
    strbuf_puts(out, "\"/>\n");
}

static void put_senders(struct strbuf *out, const struct axis *a)
{
    const struct plan_picture *p = a->p;
    size_t width = (size_t)a->width;
    uint32_t *counts = xmalloc(p->sender_count * width * sizeof *counts), most = 1;
    uint64_t *totals = xmalloc(p->sender_count * sizeof *totals);

    for (size_t i = 0; i < p->send_count; i++) {
        const struct plan_send *x = &p->sends[i];
        size_t pixel = (size_t)(x_of(a, x->due_at) - LEFT);
        uint32_t *count = &counts[x->sender * width + (pixel < width ? pixel : width - 1)];
        most = ++*count > most ? *count : most;
        totals[x->sender]++;
    }
    for (size_t i = 0; i < p->sender_count; i++) {
        int y = TOP + ROW * (int)(i + 1);
        strbuf_printf(out, "<path class=\"l\" d=\"M%d %dH%d\"/>\n", LEFT, y, LEFT + a->width);
        put_name(out, p->senders[i], y - 8);
        put_sends(out, a, counts + i * width, y, most);
        strbuf_printf(out, "<text class=\"f\" x=\"%d\" y=\"%d\">%llu</text>\n", LEFT + a->width + 8,
                      y - 8, (unsigned long long)totals[i]);
    }
    free(counts);
    free(totals);
}

static void put_title(struct strbuf *out, const struct axis *a)
{
    const struct plan_picture *p = a->p;
    const struct campaign *c = p->campaign;

    strbuf_printf(out, "<text class=\"t\" x=\"16\" y=\"30\">");
    put_xml(out, c->id);
    strbuf_puts(out, "  ");
    put_xml(out, c->title);
    if (p->test)
        strbuf_printf(out, "  %s", tr("TEST: on a stand-in, reaches nobody"));
    strbuf_printf(out, "</text>\n<text class=\"%s\" x=\"16\" y=\"54\">", p->shortfall ? "b" : "f");
    if (p->shortfall)
        strbuf_printf(out, tr("infeasible: %lld of %lld are not reached before the end"),
                      (long long)p->shortfall, (long long)p->recipients);
    else
        strbuf_printf(out, tr("feasible: %lld of %lld go, nobody is left over at the end"),
                      (long long)p->send_count, (long long)p->recipients);
    strbuf_printf(out, "</text>\n<text class=\"f\" x=\"%d\" y=\"54\" text-anchor=\"end\">",
                  LEFT + a->width);
    put_xml(out, c->zone_name);
    strbuf_puts(out, "</text>\n");
}

static void put_legend(struct strbuf *out, const struct axis *a)
{
    const struct {
        const char *class, *words;
    } items[] = {{"w", tr("outside the send window")},
                 {"q", tr("quiet hours")},
                 {"c", tr("closed days")},
                 {"o", tr("before the start or after the end")}};
    int x = LEFT, y = a->bottom + 28;

    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        strbuf_printf(out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"16\" height=\"12\"/>\n",
                      items[i].class, x, y - 11);
        strbuf_printf(out, "<text class=\"f\" x=\"%d\" y=\"%d\">", x + 22, y);
        put_xml(out, items[i].words);
        strbuf_puts(out, "</text>\n");
        x += 46 + 7 * (int)text_columns(items[i].words);
    }
}

static void put_end(struct strbuf *out, const struct axis *a)
{
    if (a->s->end > a->from && a->s->end <= a->to)
        strbuf_printf(out, "<path class=\"e\" d=\"M%.1f %dV%d\"/>\n", x_of(a, a->s->end), TOP,
                      a->bottom);
}

void picture_add(struct plan_picture *p, size_t sender, instant_t due_at)
{
    p->sends = xgrow(p->sends, &p->send_capacity, p->send_count + 1, sizeof *p->sends);
    p->sends[p->send_count++] = (struct plan_send){(uint32_t)sender, due_at};
}

void picture_dispose(struct plan_picture *p)
{
    free(p->sends);
}

void plan_svg(struct strbuf *out, const struct plan_picture *p)
{
    const struct axis a = axis_of(p);
    int width = LEFT + a.width + RIGHT, height = a.bottom + BOTTOM;

    strbuf_printf(out,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
                  "viewBox=\"0 0 %d %d\">\n",
                  width, height, width, height);
    put_style(out);
    strbuf_printf(out, "<rect class=\"bg\" width=\"%d\" height=\"%d\"/>\n", width, height);
    put_title(out, &a);
    put_shades(out, &a);
    put_days(out, &a);
    put_senders(out, &a);
    put_end(out, &a);
    put_legend(out, &a);
    strbuf_puts(out, "</svg>\n");
}
