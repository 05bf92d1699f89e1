#include "api/explained.h"

#include "api/emit.h"
#include "api/limit_text.h"
#include "base/lang.h"
#include "conf/duration.h"

#include <stdio.h>
#include <string.h>

const char *verdict_name(enum verdict v)
{
    static const char *const names[] = {
        [VERDICT_GO] = "go", [VERDICT_HOLD] = "hold", [VERDICT_DROP] = "drop"};

    return names[v];
}

void explained_time(struct strbuf *b, instant_t t, instant_t near, const struct tz *zone)
{
    char text[INSTANT_TEXT];

    instant_format(t, tz_offset_s(zone, t), text);
    if (tz_day(zone, t) != tz_day(zone, near))
        strbuf_printf(b, "%.10s ", text);
    strbuf_add(b, text + 11, 8);
}

static void put_time(struct strbuf *b, const struct explained *e, instant_t t)
{
    explained_time(b, t, e->at, e->campaign->schedule.zone);
}

void explained_limit(struct strbuf *b, const struct explained *e,
                     const struct engine_limit_view *limit)
{
    struct strbuf name = STRBUF_INIT;

    if (limit->gate == GATE_CHANNEL)
        strbuf_printf(b, tr("%u of %u of the platform's own quota"), (unsigned)limit->used,
                      (unsigned)limit->max);
    else if (strncmp(limit->text, MONTH_DAYS_WORD, strlen(MONTH_DAYS_WORD)) == 0)
        strbuf_printf(b, tr("%u of %u, the days of the month,"), (unsigned)limit->used,
                      (unsigned)limit->max);
    else
        limit_text(&name, limit->text);
    if (name.length)
        strbuf_printf(b, tr("%u of %s"), (unsigned)limit->used, name.text);
    const char *who =
        limit->gate == GATE_CHANNEL
            ? NULL
            : limit_whose(limit->text, e->campaign->id, e->channel, e->sender, e->recipient);
    if (who)
        strbuf_printf(b, " %s", who);
    if (limit->since != INSTANT_MIN) {
        strbuf_puts(b, tr(" since "));
        put_time(b, e, limit->since);
    }
    size_t own = 0;
    for (size_t i = 0; i < e->own_count && limit->others && limit->since != INSTANT_MIN; i++)
        own += e->own[i] >= limit->since;
    if (own)
        strbuf_printf(b, tr(", %zu of it sent by members themselves"), own);
    strbuf_dispose(&name);
}

/* --- what each gate says by itself --- */

static void say_campaign(struct strbuf *b, const struct explained *e)
{
    const struct ruling *r = &e->x.rows[GATE_CAMPAIGN];

    if (r->verdict == VERDICT_GO)
        strbuf_puts(b, tr("approved"));
    else if (r->reason == REASON_PAUSED)
        strbuf_puts(b, tr("paused"));
    else if (e->x.priming)
        strbuf_puts(b, tr("what was sent before is being counted"));
    else
        strbuf_puts(b, tr("waits for approval"));
}

static void say_start_end(struct strbuf *b, const struct explained *e)
{
    const struct schedule *s = e->schedule;

    strbuf_puts(b, s->start == INSTANT_MIN ? tr("starts when approved") : tr("starts "));
    if (s->start != INSTANT_MIN)
        put_time(b, e, s->start);
    strbuf_puts(b, s->end == INSTANT_NEVER ? tr(", no end") : tr(", ends "));
    if (s->end != INSTANT_NEVER)
        put_time(b, e, s->end);
}

static void say_hours(struct strbuf *b, const struct hours *hours, size_t count)
{
    for (size_t i = 0; i < count; i++)
        strbuf_printf(b, "%s%02d:%02d-%02d:%02d", i ? ", " : "", hours[i].from_min / 60,
                      hours[i].from_min % 60, hours[i].to_min / 60, hours[i].to_min % 60);
}

static void say_opens(struct strbuf *b, const struct explained *e, const struct ruling *r,
                      const char *closed, const char *open)
{
    strbuf_puts(b, r->verdict == VERDICT_GO ? open : closed);
    if (r->verdict != VERDICT_HOLD || r->not_before == INSTANT_NEVER)
        return;
    strbuf_puts(b, tr(", opens "));
    put_time(b, e, r->not_before);
}

static void say_quiet(struct strbuf *b, const struct explained *e)
{
    const struct schedule *s = e->schedule;

    say_opens(b, e, &e->x.rows[GATE_QUIET_HOURS], tr("quiet hours"), tr("not in quiet hours"));
    if (!s->quiet_count)
        return;
    strbuf_puts(b, " (");
    say_hours(b, s->quiet, s->quiet_count);
    strbuf_puts(b, ")");
}

static void say_window(struct strbuf *b, const struct explained *e)
{
    const struct schedule *s = e->schedule;
    const struct ruling *r = &e->x.rows[GATE_WINDOW];

    if (!s->window_count && r->verdict == VERDICT_GO) {
        strbuf_puts(b, tr("always open"));
        return;
    }
    say_opens(b, e, r, tr("outside the send window"), tr("open"));
    instant_t closes = r->verdict == VERDICT_GO && schedule_opens(s, e->at) == e->at
                           ? schedule_closes(s, e->at)
                           : INSTANT_NEVER;
    if (closes == INSTANT_NEVER)
        return;
    strbuf_puts(b, tr(" until "));
    put_time(b, e, closes);
}

/* Those that hold first. */
static void say_limits(struct strbuf *b, const struct explained *e, enum gate gate,
                       const char *none)
{
    size_t before = b->length;

    for (int holds = 1; holds >= 0; holds--)
        for (size_t i = 0; i < e->x.limit_count; i++) {
            const struct engine_limit_view *v = &e->x.limits[i];
            if (v->gate != gate || (v->ready_at > e->at) != holds)
                continue;
            strbuf_puts(b, b->length > before ? "; " : "");
            explained_limit(b, e, v);
        }
    if (b->length == before)
        strbuf_puts(b, none);
}

static void say_due(struct strbuf *b, const struct explained *e)
{
    const struct engine_explained *x = &e->x;
    char low[32], high[32], gap[32];
    duration_t since = x->last_due == INSTANT_MIN ? -1 : x->due_at - x->last_due;

    strbuf_puts(b, tr("due "));
    put_time(b, e, x->due_at);
    if (since >= 0) {
        duration_format(since, gap, sizeof gap);
        strbuf_printf(b, tr(", %s after the last one"), gap);
    }
    duration_format(e->campaign->pace.floor, low, sizeof low);
    duration_format(e->campaign->pace.ceiling, high, sizeof high);
    strbuf_printf(b, " (%s..%s)", low, high);
    if (since < 0)
        strbuf_puts(b, tr(", a random start"));
    else if (e->drawn >= 0 && since != e->drawn)
        strbuf_puts(b, tr(", moved by a hold or a rest"));
    if (e->claimed_at == INSTANT_MIN)
        return;
    duration_format(e->claimed_at > x->due_at ? e->claimed_at - x->due_at : 0, gap, sizeof gap);
    strbuf_printf(b, tr(", claimed %s later"), gap);
}

static void say_gap(struct strbuf *b, const struct explained *e)
{
    const struct engine_explained *x = &e->x;

    if (!x->next) {
        strbuf_printf(b, tr("waits for its turn: %s has others to write to first"), e->sender);
        if (x->before)
            strbuf_printf(b, tr(", %zu at least"), x->before);
    } else if (x->due_at == INSTANT_MIN) {
        strbuf_puts(b, tr("drawn when everything else lets it go"));
    } else {
        say_due(b, e);
    }
}

static void say_channel(struct strbuf *b, const struct explained *e)
{
    if (e->x.not_before != INSTANT_MIN) {
        strbuf_puts(b, tr("it was not sent: again at "));
        put_time(b, e, e->x.not_before);
        return;
    }
    if (e->x.rows[GATE_CHANNEL].reason == REASON_SENDER_AWAY) {
        strbuf_printf(b,
                      tr("%s is none of the channel's senders any more, as the members were read "
                         "last (paceline contacts sync)"),
                      e->sender);
        return;
    }
    say_limits(b, e, GATE_CHANNEL,
               e->x.rows[GATE_CHANNEL].verdict == VERDICT_GO ? tr("open")
                                                             : tr("the channel rests"));
}

static void say(struct strbuf *b, const struct explained *e, enum gate gate)
{
    const struct ruling *r = &e->x.rows[gate];

    switch (gate) {
    case GATE_HALT:
        strbuf_puts(b, r->verdict == VERDICT_GO ? tr("not halted") : tr("halted"));
        break;
    case GATE_CAMPAIGN:
        say_campaign(b, e);
        break;
    case GATE_START_END:
        say_start_end(b, e);
        break;
    case GATE_SUPPRESSION:
        strbuf_puts(b, r->verdict == VERDICT_GO ? tr("not on the do-not-send list")
                                                : tr("on the do-not-send list"));
        break;
    case GATE_MISSING_VALUE:
        strbuf_puts(b, r->verdict == VERDICT_GO ? tr("the message has its values")
                                                : tr("a value is missing, without a default"));
        break;
    case GATE_CLOSED_DAY:
        say_opens(b, e, r, tr("a closed day"), tr("not a closed day"));
        break;
    case GATE_QUIET_HOURS:
        say_quiet(b, e);
        break;
    case GATE_WINDOW:
        say_window(b, e);
        break;
    case GATE_RATE_LIMIT:
    case GATE_FREQUENCY_CAP:
        say_limits(b, e, gate, tr("no limit"));
        break;
    case GATE_GAP:
        say_gap(b, e);
        break;
    default:
        say_channel(b, e);
    }
}

void explained_detail(struct strbuf *b, const struct explained *e, enum gate gate)
{
    if (e->says[gate])
        strbuf_puts(b, e->says[gate]);
    else
        say(b, e, gate);
}

void explained_put(struct strbuf *b, const struct explained *e)
{
    struct strbuf detail = STRBUF_INIT;

    for (int gate = 0; gate < GATE_COUNT; gate++) {
        const struct ruling *r = &e->x.rows[gate];
        strbuf_reset(&detail);
        explained_detail(&detail, e, (enum gate)gate);
        emit_open(b, '{');
        emit_put_text(b, "gate", gate_name((enum gate)gate));
        emit_put_text(b, "verdict", verdict_name(r->verdict));
        emit_put_instant(b, "not_before",
                         r->verdict == VERDICT_HOLD ? r->not_before : INSTANT_NEVER,
                         e->campaign->schedule.zone);
        emit_put_text(b, "detail", detail.text);
        strbuf_puts(b, "}\n");
    }
    strbuf_dispose(&detail);
}
