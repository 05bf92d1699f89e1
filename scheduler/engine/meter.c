#include "engine/meter.h"

#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cap { /* one recipient's share of a meter of scope recipient */
    struct rolling rolling;
    struct calendar_limit calendar;
    instant_t release_at[]; /* the rolling ring */
};

static bool same(const struct meter *m, const struct engine_limit *spec, const struct tz *zone)
{
    return m->spec.scope == spec->scope && m->spec.max == spec->max &&
           m->spec.rolling == spec->rolling &&
           (spec->rolling ? m->spec.span == spec->span
                          : m->spec.period == spec->period && m->zone == zone);
}

struct meter *meter_use(struct meter **list, const struct engine_limit *spec, const struct tz *zone)
{
    struct meter *m = *list;

    while (m && !same(m, spec, zone))
        m = m->next;
    if (!m) {
        m = xmalloc(sizeof *m);
        m->spec = *spec;
        m->zone = zone;
        snprintf(m->text, sizeof m->text, "%s", spec->text ? spec->text : "");
        m->spec.text = m->text;
        if (spec->scope != SCOPE_RECIPIENT && spec->rolling)
            rolling_init(&m->rolling, spec->max, spec->span,
                         xmalloc(spec->max * sizeof(instant_t)));
        if (spec->scope != SCOPE_RECIPIENT && !spec->rolling)
            calendar_limit_init(&m->calendar, spec->max, spec->period, zone);
        m->next = *list;
        *list = m;
    }
    m->users++;
    return m;
}

static void meter_free(struct meter *m)
{
    size_t at = 0;

    for (struct cap *c; (c = map_each(&m->recipients, &at));)
        free(c);
    map_dispose(&m->recipients);
    free(m->rolling.release_at);
    free(m);
}

void meter_release(struct meter **list, struct meter *m)
{
    if (--m->users)
        return;
    while (*list != m)
        list = &(*list)->next;
    *list = m->next;
    meter_free(m);
}

void meters_free(struct meter **list)
{
    while (*list) {
        struct meter *m = *list;
        *list = m->next;
        meter_free(m);
    }
}

static struct cap *cap_of(struct meter *m, int64_t recipient)
{
    struct cap *c = map_get(&m->recipients, recipient);

    if (!c) {
        c = xmalloc(sizeof *c + (m->spec.rolling ? m->spec.max : 0) * sizeof(instant_t));
        if (m->spec.rolling)
            rolling_init(&c->rolling, m->spec.max, m->spec.span, c->release_at);
        else
            calendar_limit_init(&c->calendar, m->spec.max, m->spec.period, m->zone);
        map_put(&m->recipients, recipient, c);
    }
    return c;
}

static struct rolling *rolling_of(struct meter *m, int64_t recipient)
{
    return m->spec.scope == SCOPE_RECIPIENT ? &cap_of(m, recipient)->rolling : &m->rolling;
}

static struct calendar_limit *calendar_of(struct meter *m, int64_t recipient)
{
    return m->spec.scope == SCOPE_RECIPIENT ? &cap_of(m, recipient)->calendar : &m->calendar;
}

instant_t meter_ready_at(const struct meter *m, int64_t recipient, instant_t now)
{
    const struct rolling *rolling = &m->rolling;
    const struct calendar_limit *calendar = &m->calendar;

    if (m->spec.scope == SCOPE_RECIPIENT) {
        const struct cap *c = map_get(&m->recipients, recipient);
        if (!c)
            return now; /* never written to */
        rolling = &c->rolling;
        calendar = &c->calendar;
    }
    return m->spec.rolling ? rolling_ready_at(rolling, now)
                           : calendar_limit_ready_at(calendar, now);
}

void meter_take(struct meter *m, int64_t recipient, instant_t now, bool asks)
{
    if (meter_ready_at(m, recipient, now) > now) /* full, but not this campaign's own limit */
        meter_restore_open(m, recipient, now, now, asks);
    else if (m->spec.rolling)
        rolling_take(rolling_of(m, recipient), now);
    else if (asks)
        calendar_limit_ask(calendar_of(m, recipient));
    else
        calendar_limit_take(calendar_of(m, recipient), now);
}

void meter_answer(struct meter *m, int64_t recipient, instant_t answered_at, bool asks)
{
    if (m->spec.rolling)
        rolling_answer(rolling_of(m, recipient), answered_at);
    else if (asks)
        calendar_limit_settle(calendar_of(m, recipient), answered_at);
}

void meter_untake(struct meter *m, int64_t recipient, instant_t claimed_at, bool asks)
{
    if (m->spec.rolling)
        rolling_untake(rolling_of(m, recipient));
    else if (asks)
        calendar_limit_settle(calendar_of(m, recipient), INSTANT_MIN);
    else
        calendar_limit_untake(calendar_of(m, recipient), claimed_at);
}

void meter_restore(struct meter *m, int64_t recipient, instant_t claimed_at, instant_t answered_at,
                   instant_t now)
{
    if (m->spec.rolling && answered_at + m->spec.span > now)
        rolling_restore(rolling_of(m, recipient), answered_at, now);
    if (!m->spec.rolling && claimed_at >= meter_since(m, now))
        calendar_limit_restore(calendar_of(m, recipient), claimed_at, now);
}

void meter_restore_open(struct meter *m, int64_t recipient, instant_t claimed_at, instant_t now,
                        bool asks)
{
    if (m->spec.rolling)
        rolling_restore_open(rolling_of(m, recipient));
    else if (asks)
        calendar_limit_ask(calendar_of(m, recipient));
    else
        calendar_limit_restore(calendar_of(m, recipient), claimed_at, now);
}

void meter_shift(struct meter *m, duration_t by)
{
    size_t at = 0;

    if (!m->spec.rolling)
        return;
    if (m->spec.scope != SCOPE_RECIPIENT)
        rolling_shift(&m->rolling, by);
    for (struct cap *c; (c = map_each(&m->recipients, &at));)
        rolling_shift(&c->rolling, by);
}

uint32_t meter_used(const struct meter *m, instant_t now)
{
    if (m->spec.scope == SCOPE_RECIPIENT)
        return 0;
    return m->spec.rolling ? rolling_used(&m->rolling, now)
                           : calendar_limit_used(&m->calendar, now);
}

instant_t meter_since(const struct meter *m, instant_t now)
{
    instant_t begins, ends;

    if (m->spec.rolling)
        return now - m->spec.span;
    period_of(m->spec.period, m->zone, now, &begins, &ends);
    return begins;
}
