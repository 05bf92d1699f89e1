#include "core/gates.h"

#include <assert.h>

static const char *const names[GATE_COUNT] = {
    [GATE_HALT] = "halt",
    [GATE_CAMPAIGN] = "campaign",
    [GATE_START_END] = "start_end",
    [GATE_SUPPRESSION] = "suppression",
    [GATE_MISSING_VALUE] = "missing_value",
    [GATE_CLOSED_DAY] = "closed_day",
    [GATE_QUIET_HOURS] = "quiet_hours",
    [GATE_WINDOW] = "window",
    [GATE_RATE_LIMIT] = "rate_limit",
    [GATE_FREQUENCY_CAP] = "frequency_cap",
    [GATE_GAP] = "gap",
    [GATE_CHANNEL] = "channel",
};

static void hold(struct ruling *r, enum reason reason, instant_t not_before);
static void hold_until(struct ruling *r, enum reason reason, instant_t ready_at, instant_t now);
static void drop_if(struct ruling *r, enum reason reason, bool drops);
static void rule_part(struct ruling *r, const struct schedule *s, enum schedule_part part,
                      enum reason reason, instant_t now);
static void rule_cap(struct ruling *r, const struct gate_facts *f, instant_t now);

void gates_rule(const struct gate_facts *f, instant_t now, struct ruling out[GATE_COUNT])
{
    const struct schedule *s = f->schedule;

    for (int g = 0; g < GATE_COUNT; g++)
        out[g] = (struct ruling){.gate = (enum gate)g, .verdict = VERDICT_GO, .not_before = now};
    if (f->halted)
        hold(&out[GATE_HALT], REASON_HALTED, INSTANT_NEVER);
    if (f->paused)
        hold(&out[GATE_CAMPAIGN], REASON_PAUSED, INSTANT_NEVER);
    else if (!f->running)
        hold(&out[GATE_CAMPAIGN], REASON_NOT_STARTED, INSTANT_NEVER);
    hold_until(&out[GATE_START_END], REASON_NOT_STARTED, s->start, now);
    drop_if(&out[GATE_START_END], REASON_ENDED, now >= s->end);
    drop_if(&out[GATE_SUPPRESSION], REASON_SUPPRESSED, f->suppressed);
    drop_if(&out[GATE_MISSING_VALUE], REASON_MISSING_VALUE, f->missing_value);
    rule_part(&out[GATE_CLOSED_DAY], s, SCHEDULE_CLOSED_DAY, REASON_CLOSED_DAY, now);
    rule_part(&out[GATE_QUIET_HOURS], s, SCHEDULE_QUIET, REASON_QUIET_HOURS, now);
    rule_part(&out[GATE_WINDOW], s, SCHEDULE_WINDOW, REASON_WINDOW_CLOSED, now);
    hold_until(&out[GATE_RATE_LIMIT], REASON_RATE_LIMIT, f->rate_ready_at, now);
    rule_cap(&out[GATE_FREQUENCY_CAP], f, now);
    hold_until(&out[GATE_GAP], REASON_GAP, f->gap_ready_at, now);
    hold_until(&out[GATE_CHANNEL], REASON_CHANNEL_QUOTA, f->channel_ready_at, now);
    if (f->sender_away)
        hold(&out[GATE_CHANNEL], REASON_SENDER_AWAY, INSTANT_NEVER);
}

struct ruling gates_sum(const struct ruling rows[GATE_COUNT])
{
    struct ruling sum = rows[0];

    for (int g = 0; g < GATE_COUNT; g++) {
        const struct ruling *row = &rows[g];
        if (row->verdict == VERDICT_DROP)
            return *row;
        if (row->verdict != VERDICT_HOLD)
            continue;
        /* a lane that is held is due when the hold ends: the hold is the better answer */
        if (sum.verdict != VERDICT_HOLD || row->not_before > sum.not_before ||
            (row->not_before == sum.not_before && sum.gate == GATE_GAP))
            sum = *row;
    }
    return sum;
}

const char *gate_name(enum gate g)
{
    assert((unsigned)g < GATE_COUNT);
    return names[g];
}

static void hold(struct ruling *r, enum reason reason, instant_t not_before)
{
    r->verdict = VERDICT_HOLD;
    r->reason = reason;
    r->not_before = not_before;
}

static void hold_until(struct ruling *r, enum reason reason, instant_t ready_at, instant_t now)
{
    if (ready_at > now)
        hold(r, reason, ready_at);
}

static void drop_if(struct ruling *r, enum reason reason, bool drops)
{
    if (!drops)
        return;
    r->verdict = VERDICT_DROP;
    r->reason = reason;
}

static void rule_part(struct ruling *r, const struct schedule *s, enum schedule_part part,
                      enum reason reason, instant_t now)
{
    hold_until(r, reason, schedule_part_opens(s, part, now), now);
}

static void rule_cap(struct ruling *r, const struct gate_facts *f, instant_t now)
{
    if (f->cap_drops)
        drop_if(r, REASON_FREQUENCY_CAP, f->cap_ready_at > now);
    else
        hold_until(r, REASON_FREQUENCY_CAP, f->cap_ready_at, now);
}
