/* What loop/clock.c does with core/clocks.c, on clocks that are set by hand. The loop looks at
 * least once a second, so that a stall is only what a fault makes of it. */
#include "sim.h"

#include <string.h>

enum { LOOK_MS = 1000 };

static struct clocks read_clocks(const struct sim *s)
{
    return (struct clocks){
        .wall = s->mono + s->offset, .monotonic = s->mono - s->slept, .boot = s->mono};
}

instant_t sim_now(struct sim *s)
{
    const struct clocks c = read_clocks(s);
    struct clocks_event seen;

    if (timekeeper_look(&s->keeper, &c, &seen)) {
        s->seen.step += seen.step;
        s->seen.forward += seen.forward;
        s->seen.slept += seen.slept;
        s->seen.stalled += seen.stalled;
        s->seen.jumped |= seen.jumped;
    }
    return s->keeper.now;
}

/* Somebody looked just before. */
void clock_pass(struct sim *s, instant_t mono)
{
    duration_t by = mono - s->mono;

    if (by <= 0)
        return;
    s->mono = mono;
    s->keeper.last.boot += by;
    s->keeper.last.monotonic += by;
    if (s->look_at <= mono)
        s->look_at = INSTANT_NEVER;
}

instant_t clock_reaches(const struct sim *s, instant_t at)
{
    if (at == INSTANT_NEVER)
        return at;
    if (s->keeper.held)
        return at - s->keeper.anchor.wall + s->keeper.anchor.boot;
    return at - s->offset;
}

static void look_soon(struct sim *s)
{
    if (s->look_at > s->mono + LOOK_MS)
        s->look_at = s->mono + LOOK_MS;
}

void clock_set(struct sim *s, duration_t by)
{
    s->offset += by;
    look_soon(s);
}

/* What is on the wire arrives all the same; our own timers and answers wait. */
void clock_sleep(struct sim *s, duration_t ms, bool suspended)
{
    world_deliver(s);
    s->mono += ms;
    s->slept += suspended ? ms : 0;
    look_soon(s);
}

void clock_start(struct sim *s, instant_t recorded)
{
    const struct clocks c = read_clocks(s);

    s->seen = (struct clocks_event){0};
    timekeeper_start(&s->keeper, &c, recorded, s->halted_by_clock && recorded > 0);
    /* what arrived after the last record was at the clock of a service that is gone */
    for (size_t i = s->arrival_count; i-- > 0 && s->arrivals[i].at > s->keeper.now;)
        s->arrivals[i].at = s->keeper.now;
}

bool clock_trusted(const struct sim *s)
{
    return !s->keeper.held && !s->seen.step && !s->seen.slept;
}

void clock_turn(struct sim *s)
{
    instant_t now = sim_now(s);
    const struct clocks_event seen = s->seen;

    s->seen = (struct clocks_event){0};
    if (!seen.step && !seen.slept && !seen.stalled)
        return;
    if (seen.step)
        decide(s, (struct decision){.kind = NOTE,
                                    .event = seen.jumped ? "clock jumped" : "clock set"});
    if (seen.slept)
        decide(s, (struct decision){.kind = NOTE, .event = "suspended"});
    if (seen.jumped)
        sim_halt(s, true);
    engine_clock_moved(s->run->engine, now, seen.forward);
}

void clock_release(struct sim *s)
{
    const struct clocks c = read_clocks(s);
    bool held = s->keeper.held;
    duration_t forward = timekeeper_release(&s->keeper, &c);

    if (held)
        engine_clock_moved(s->run->engine, s->keeper.now, forward);
}
