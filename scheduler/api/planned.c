#include "api/planned.h"

#include "api/emit.h"
#include "base/arena.h"
#include "conf/duration.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *plan_state_name(enum plan_state state)
{
    static const char *const names[] = {
        [PLAN_PLANNED] = "planned", [PLAN_SKIPPED] = "skipped", [PLAN_EXPIRED] = "expired"};

    return names[state];
}

void planned_row(struct strbuf *b, const struct planned *p, uint64_t row, const struct plan_row *r,
                 const char *recipient)
{
    emit_open(b, '{');
    emit_put_number(b, "delivery", (int64_t)row);
    emit_put_text(b, "campaign", p->campaign);
    emit_put_digest(b, "revision", p->revision);
    emit_put_text(b, "channel", p->channel);
    emit_put_text(b, "sender", p->senders[r->sender]);
    emit_put_text(b, "recipient", recipient);
    emit_put_text(b, "state", plan_state_name(r->state));
    emit_put_text(b, "reason", reason_name(r->reason));
    emit_put_instant(b, "due_at", r->due_at, p->zone);
    emit_put_text(b, "claimed_at", NULL);
    emit_put_text(b, "settled_at", NULL);
    emit_put_number(b, "attempts", 0);
    emit_put_text(b, "channel_ref", NULL);
    strbuf_putc(b, '}');
}

static void put_skipped(struct strbuf *b, const struct plan_sum *s)
{
    emit_key(b, "skipped");
    emit_open(b, '{');
    for (int r = 0; r < REASONS; r++)
        if (s->skipped[r] > 0)
            emit_put_number(b, reason_name((enum reason)r), (int64_t)s->skipped[r]);
    strbuf_putc(b, '}');
}

static void put_taps(struct strbuf *b, const struct planned *p, const struct plan_sum *s)
{
    emit_key(b, "taps");
    emit_open(b, '{');
    for (size_t i = 0; s->taps && i < p->sender_count; i++)
        if (s->taps[i] > 0)
            emit_put_number(b, p->senders[i], (int64_t)s->taps[i]);
    strbuf_putc(b, '}');
}

static void put_binding(struct strbuf *b, const struct plan_sum *s)
{
    emit_key(b, "binding");
    emit_open(b, '[');
    for (size_t i = 0; i < s->binding_count; i++) {
        const struct plan_binding *x = &s->binding[i];
        emit_open(b, '{');
        emit_put_text(b, "limit",
                      x->others     ? "other campaigns"
                      : x->limit[0] ? x->limit
                                    : gate_name(x->gate));
        emit_put_number(b, "holds_s", x->holds / MS_PER_SECOND);
        emit_put_text(b, "gate", x->others ? "others" : gate_name(x->gate));
        strbuf_putc(b, '}');
    }
    strbuf_putc(b, ']');
}

struct day {
    day_t day;
    uint64_t hours[24];
};

struct days {
    struct day *days;
    size_t count, capacity;
};

static struct day *day_of(struct days *d, day_t day)
{
    size_t i = d->count;

    while (i > 0 && d->days[i - 1].day > day)
        i--;
    if (i > 0 && d->days[i - 1].day == day)
        return &d->days[i - 1];
    d->days = xgrow(d->days, &d->capacity, d->count + 1, sizeof *d->days);
    memmove(d->days + i + 1, d->days + i, (d->count - i) * sizeof *d->days);
    d->days[i] = (struct day){.day = day};
    d->count++;
    return &d->days[i];
}

static struct days count_days(const struct planned *p, const struct plan *plan)
{
    struct days d = {NULL, 0, 0};

    for (uint64_t row = 1; row <= plan_rows(plan); row++) {
        struct plan_row r = plan_row(plan, row);
        if (r.state != PLAN_PLANNED)
            continue;
        int64_t wall = tz_wall(p->zone, r.due_at);
        day_t day = day_of_wall(wall);
        day_of(&d, day)->hours[(wall - day_to_wall(day)) / MS_PER_HOUR]++;
    }
    return d;
}

static void put_days(struct strbuf *b, const struct planned *p, const struct plan *plan)
{
    struct days d = count_days(p, plan);
    char date[DATE_TEXT];

    emit_key(b, "days");
    emit_open(b, '[');
    for (size_t i = 0; i < d.count; i++) {
        date_format(d.days[i].day, date);
        emit_open(b, '{');
        emit_put_text(b, "date", date);
        emit_key(b, "hours");
        emit_open(b, '[');
        for (int h = 0; h < 24; h++)
            emit_number(b, (int64_t)d.days[i].hours[h]);
        strbuf_puts(b, "]}");
    }
    strbuf_putc(b, ']');
    free(d.days);
}

void planned_sum_open(struct strbuf *b, const struct planned *p, const struct plan *plan)
{
    const struct plan_sum *s = plan_sum(plan);
    char seed[24];

    snprintf(seed, sizeof seed, "%" PRIu64, p->seed);
    emit_open(b, '{');
    emit_put_bool(b, "feasible", s->shortfall == 0);
    emit_put_number(b, "recipients", (int64_t)s->recipients);
    emit_put_number(b, "planned", (int64_t)s->planned);
    put_skipped(b, s);
    emit_put_number(b, "shortfall", (int64_t)s->shortfall);
    emit_put_instant(b, "first", s->first, p->zone);
    emit_put_instant(b, "last", s->last, p->zone);
    put_taps(b, p, s);
    put_binding(b, s);
    emit_put_text(b, "seed", seed);
    put_days(b, p, plan);
}
