#include "engine/meter.h"

#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool same(const struct meter *m, const struct engine_limit *spec, const struct tz *zone)
{
    return m->spec.scope == spec->scope && m->spec.max == spec->max &&
           m->spec.rolling == spec->rolling && m->spec.sends == spec->sends &&
           m->spec.others == spec->others &&
           (spec->rolling ? m->spec.span == spec->span
                          : m->spec.period == spec->period && m->zone == zone &&
                                m->spec.ramp.step == spec->ramp.step &&
                                m->spec.ramp.from == spec->ramp.from &&
                                m->spec.ramp.every == spec->ramp.every);
}

static void start(struct meter *m)
{
    const struct engine_limit *l = &m->spec;

    if (l->scope == SCOPE_RECIPIENT && l->rolling)
        caps_init_rolling(&m->caps, l->max, l->span);
    else if (l->scope == SCOPE_RECIPIENT)
        caps_init_calendar(&m->caps, l->max, l->period, m->zone);
    else if (l->rolling)
        rolling_init(&m->rolling, l->max, l->span, xmalloc(l->max * sizeof(instant_t)));
    else
        calendar_limit_init(&m->calendar, l->max, l->period, m->zone);
    if (l->ramp.step)
        calendar_limit_ramp(&m->calendar, &l->ramp);
}

void meter_begun(struct meter *m, instant_t first)
{
    if (m->spec.ramp.step && first != INSTANT_MIN)
        calendar_limit_first(&m->calendar, first);
}

uint32_t meter_max(const struct meter *m, instant_t now)
{
    return m->spec.ramp.step ? calendar_limit_max(&m->calendar, now)
                             : period_max(m->spec.max, m->zone, now);
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
        start(m);
        m->next = *list;
        *list = m;
    }
    m->users++;
    return m;
}

static void meter_free(struct meter *m)
{
    if (m->spec.scope == SCOPE_RECIPIENT)
        caps_dispose(&m->caps);
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

static bool of_recipients(const struct meter *m)
{
    return m->spec.scope == SCOPE_RECIPIENT;
}

instant_t meter_ready_at(const struct meter *m, int64_t recipient, instant_t now)
{
    if (of_recipients(m))
        return caps_ready_at(&m->caps, recipient, now);
    return m->spec.rolling ? rolling_ready_at(&m->rolling, now)
                           : calendar_limit_ready_at(&m->calendar, now);
}

void meter_take(struct meter *m, int64_t recipient, instant_t now, bool asks)
{
    if (of_recipients(m) || meter_ready_at(m, 0, now) > now) /* full: not this campaign's own */
        meter_restore_open(m, recipient, now, now, asks);
    else if (m->spec.rolling)
        rolling_take(&m->rolling, now);
    else if (asks)
        calendar_limit_ask(&m->calendar);
    else
        calendar_limit_take(&m->calendar, now);
}

void meter_answer(struct meter *m, int64_t recipient, instant_t answered_at, bool asks)
{
    bool open = m->spec.rolling || asks;

    if (of_recipients(m) && open) {
        caps_close(&m->caps, recipient);
        caps_count(&m->caps, recipient, answered_at, answered_at);
    } else if (of_recipients(m)) {
        return; /* counted when it was claimed */
    } else if (m->spec.rolling) {
        rolling_answer(&m->rolling, answered_at);
    } else if (asks) {
        calendar_limit_settle(&m->calendar, answered_at);
    }
}

void meter_untake(struct meter *m, int64_t recipient, instant_t claimed_at, bool asks)
{
    bool open = m->spec.rolling || asks;

    if (of_recipients(m) && open)
        caps_close(&m->caps, recipient);
    else if (of_recipients(m))
        caps_uncount(&m->caps, recipient, claimed_at);
    else if (m->spec.rolling)
        rolling_untake(&m->rolling);
    else if (asks)
        calendar_limit_settle(&m->calendar, INSTANT_MIN);
    else
        calendar_limit_untake(&m->calendar, claimed_at);
}

void meter_restore(struct meter *m, int64_t recipient, instant_t claimed_at, instant_t answered_at,
                   instant_t now)
{
    if (of_recipients(m))
        caps_count(&m->caps, recipient, m->spec.rolling ? answered_at : claimed_at, now);
    else if (m->spec.rolling)
        rolling_restore(&m->rolling, answered_at, now);
    else
        calendar_limit_restore(&m->calendar, claimed_at, now);
}

void meter_restore_open(struct meter *m, int64_t recipient, instant_t claimed_at, instant_t now,
                        bool asks)
{
    bool open = m->spec.rolling || asks;

    if (of_recipients(m) && open)
        caps_open(&m->caps, recipient);
    else if (of_recipients(m))
        caps_count(&m->caps, recipient, claimed_at, now);
    else if (m->spec.rolling)
        rolling_restore_open(&m->rolling);
    else if (asks)
        calendar_limit_ask(&m->calendar);
    else
        calendar_limit_restore(&m->calendar, claimed_at, now);
}

void meter_shift(struct meter *m, duration_t by)
{
    if (of_recipients(m))
        caps_shift(&m->caps, by);
    else if (m->spec.rolling)
        rolling_shift(&m->rolling, by);
}

uint32_t meter_used(const struct meter *m, instant_t now)
{
    if (m->spec.scope == SCOPE_RECIPIENT)
        return 0;
    return m->spec.rolling ? rolling_used(&m->rolling, now)
                           : calendar_limit_used(&m->calendar, now);
}

uint32_t meter_count(const struct meter *m, int64_t recipient, instant_t now, instant_t *since)
{
    if (of_recipients(m))
        return caps_used(&m->caps, recipient, now, since);
    if (m->spec.rolling)
        *since = rolling_since(&m->rolling, now);
    else
        *since = now < m->calendar.ends ? m->calendar.begins : INSTANT_MIN;
    return meter_used(m, now);
}

instant_t meter_since(const struct meter *m, instant_t now)
{
    instant_t begins, ends;

    if (m->spec.rolling)
        return now - m->spec.span;
    period_of(m->spec.period, m->zone, now, &begins, &ends);
    return begins;
}
