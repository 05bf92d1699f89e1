#include "core/clocks.h"

static instant_t later(instant_t a, instant_t b)
{
    return a > b ? a : b;
}

void timekeeper_start(struct timekeeper *k, const struct clocks *c, instant_t earliest, bool held)
{
    *k = (struct timekeeper){.anchor = *c, .last = *c, .started = true, .held = held};
    if (held)
        k->anchor.wall = earliest;
    k->now = held ? earliest : later(earliest, c->wall);
}

/* What the wall clock would show had nobody touched it. */
static instant_t expected(const struct timekeeper *k, const struct clocks *c)
{
    return k->anchor.wall + (c->boot - k->anchor.boot);
}

static void look_at_step(struct timekeeper *k, const struct clocks *c, struct clocks_event *out)
{
    duration_t step = c->wall - expected(k, c);

    if (k->held || (step < CLOCKS_STEP_MS && step > -CLOCKS_STEP_MS))
        return;
    out->step = step;
    if (step < -CLOCKS_BACK_MAX_MS ||
        (step > CLOCKS_FORWARD_MAX_MS && c->wall - k->now > CLOCKS_FORWARD_MAX_MS))
        k->held = out->jumped = true;
    else
        k->anchor = *c;
}

bool timekeeper_look(struct timekeeper *k, const struct clocks *c, struct clocks_event *out)
{
    duration_t passed = c->boot - k->last.boot;
    duration_t slept = passed - (c->monotonic - k->last.monotonic);

    *out = (struct clocks_event){0};
    look_at_step(k, c, out);
    if (passed >= CLOCKS_STALL_MS)
        out->stalled = passed;
    if (slept >= CLOCKS_STEP_MS)
        out->slept = slept;
    k->last = *c;
    instant_t now = later(k->now, k->held ? expected(k, c) : c->wall);
    if (out->step > 0 && !k->held)
        out->forward = now - k->now;
    k->now = now;
    return out->step || out->stalled || out->slept;
}

duration_t timekeeper_release(struct timekeeper *k, const struct clocks *c)
{
    instant_t before = k->now;

    k->anchor = k->last = *c;
    k->held = false;
    k->now = later(k->now, c->wall);
    return k->now - before;
}

duration_t timekeeper_offset(const struct timekeeper *k)
{
    return k->last.wall - (k->held ? expected(k, &k->last) : k->now);
}
