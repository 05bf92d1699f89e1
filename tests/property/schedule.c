/* Windows, quiet hours, skip dates and calendars, from a campaign file's text to the minute,
 * against the model of hours.h. */
#include "hours.h"

enum { PROBES = 24 };

struct question {
    const struct stretch *stretch;
    struct schedule schedule;
    struct schedule_memo memo;
    bool open[SCHEDULE_PARTS][STRETCH_MINUTES];
    bool all[STRETCH_MINUTES];
};

static void wants(const struct question *q, const char *what, instant_t t, const bool *open,
                  bool wanted, instant_t got)
{
    int at = (int)((t - q->stretch->from) / 60000), m = at;

    while (m < STRETCH_MINUTES && open[m] != wanted)
        m++;
    instant_t expected = m == at ? t : q->stretch->from + (instant_t)m * 60000;
    property_check(m == STRETCH_MINUTES ? got >= expected : got == expected,
                   "%s, %s from %lld: %lld, the model %lld", q->stretch->zone->name, what,
                   (long long)t, (long long)got, (long long)expected);
}

static void ask(const struct question *q, instant_t t)
{
    static const char *const words[] = {"the day opens", "quiet hours end", "a window opens"};
    const struct schedule *s = &q->schedule;

    for (int part = 0; part < SCHEDULE_PARTS; part++)
        wants(q, words[part], t, q->open[part], true,
              schedule_part_opens(s, (enum schedule_part)part, t));
    wants(q, "all open", t, q->all, true, schedule_opens(s, t));
    if (q->all[(t - q->stretch->from) / 60000])
        wants(q, "something closes", t, q->all, false, schedule_closes(s, t));
}

/* What else must be open: windows intersect, quiet hours and closed days unite. */
static struct campaign *bind(struct dice *d, struct question *q)
{
    static bool open[SCHEDULE_PARTS][STRETCH_MINUTES];
    struct written w;

    written_any(d, &w, q->stretch->wall[0] / 1440);
    struct campaign *c = written_read(&w, q->stretch->zone, "");
    hours_model(&w, q->stretch, open);
    for (int part = 0; part < SCHEDULE_PARTS; part++) {
        for (int m = 0; m < STRETCH_MINUTES; m++)
            q->open[part][m] &= open[part][m];
    }
    q->schedule.also = &c->schedule;
    return c;
}

static void hours_hold_to_the_minute(struct dice *d)
{
    static struct question q;
    const struct stretch *s = stretch_any(d);
    struct campaign *c, *bound = NULL;
    struct written w;

    written_any(d, &w, s->wall[0] / 1440);
    c = written_read(&w, s->zone, "");
    q.stretch = s;
    q.schedule = c->schedule;
    q.memo = (struct schedule_memo){0};
    if (dice_one_in(d, 2))
        q.schedule.memo = &q.memo; /* as the engine asks */
    hours_model(&w, s, q.open);
    if (dice_one_in(d, 3))
        bound = bind(d, &q);
    for (int m = 0; m < STRETCH_MINUTES; m++)
        q.all[m] = q.open[0][m] && q.open[1][m] && q.open[2][m];
    for (int i = 0; i < PROBES; i++) {
        int m = (int)dice_between(d, 2 * 1440, 14 * 1440);
        if (i % 2) /* right at an edge, where there is one */
            while (m < 14 * 1440 && q.all[m] == q.all[m - 1])
                m++;
        instant_t t = s->from + (instant_t)m * 60000;
        ask(&q, i % 4 == 3 ? t - 1 : i % 4 == 1 ? t : t + (instant_t)dice_below(d, 60000));
    }
    campaign_free(c);
    campaign_free(bound);
}

int main(int argc, char **argv)
{
    static const struct property list[] = {
        {"windows, quiet hours, skip dates and calendars hold to the minute, also combined",
         hours_hold_to_the_minute, 500},
    };
    int status = property_main(argc, argv, list, sizeof list / sizeof list[0]);

    hours_dispose();
    return status;
}
