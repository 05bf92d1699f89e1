/* What time it is (core/clocks.h), and what follows when the clocks part: an event in log and
 * audit, every lane decided anew before anything is sent. A jump halts, as a person would: the file
 * paceline.halt says so through restarts, and `unhalt` is the person's word that the clock is
 * right. Once a minute the zones' files are read again. */
#include "loop/internal.h"

#include "base/lang.h"
#include "base/log.h"
#include "base/text.h"
#include "loop/halt.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { ZONES_MS = 60000, BEHIND_MS = 60000, RACE_MS = 50, RACE_TRIES = 5 };

static const char by_clock[] = "clock";

static int64_t read_ms(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The three belong together only when nothing came between. */
static struct clocks read_clocks(void)
{
    struct clocks c;
    int tries = 0;

    do {
        c.boot = read_ms(CLOCK_BOOTTIME);
        c.monotonic = read_ms(CLOCK_MONOTONIC);
        c.wall = read_ms(CLOCK_REALTIME);
    } while (read_ms(CLOCK_BOOTTIME) - c.boot > RACE_MS && ++tries < RACE_TRIES);
    return c;
}

void clock_start(struct run *s, instant_t recorded, bool halted_by_clock)
{
    const struct clocks c = read_clocks();
    bool held = halted_by_clock && recorded > 0;

    timekeeper_start(&s->clock, &c, recorded, held);
    if (recorded > c.wall + BEHIND_MS)
        log_line(LOG_WARNING, "clock", "%lld s behind the store; waiting for it",
                 (long long)(recorded - c.wall) / 1000);
}

bool clock_halted(const char *halt_reason)
{
    return halt_reason && !strncmp(halt_reason, by_clock, sizeof by_clock - 1) &&
           halt_reason[sizeof by_clock - 1] == ':';
}

instant_t run_now(struct run *s)
{
    const struct clocks c = read_clocks();
    struct clocks_event seen;

    if (!s->clock.started)
        timekeeper_start(&s->clock, &c, INSTANT_MIN, false);
    if (timekeeper_look(&s->clock, &c, &seen)) {
        s->clock_seen.step += seen.step;
        s->clock_seen.forward += seen.forward;
        s->clock_seen.slept += seen.slept;
        s->clock_seen.stalled += seen.stalled;
        s->clock_seen.jumped |= seen.jumped;
    }
    return s->clock.now;
}

bool clock_trusted(const struct run *s)
{
    return !s->clock.held && !s->clock_seen.step && !s->clock_seen.slept;
}

static void note(struct run *s, const char *event, duration_t by)
{
    if (s->storer)
        run_note(s, event, "paceline", json_pack("{sI}", "ms", (json_int_t)by), NULL, NULL);
}

static void halt_for_jump(struct run *s, duration_t by)
{
    char reason[256];
    struct err e;

    snprintf(reason, sizeof reason,
             by > 0 ? tr("the clock was set forward by %lld s: see whether it is right")
                    : tr("the clock was set back by %lld s: see whether it is right"),
             (long long)(by > 0 ? by : -by) / 1000);
    if (run_halt(s, by_clock, reason, &e))
        log_line(LOG_ERROR, "halt", "%s", e.text);
}

void clock_turn(struct run *s)
{
    instant_t now = run_now(s);
    const struct clocks_event seen = s->clock_seen;

    s->clock_seen = (struct clocks_event){0};
    if (!seen.step && !seen.slept && !seen.stalled)
        return;
    if (seen.step) {
        log_line(LOG_WARNING, "clock", "set by_ms=%lld%s", (long long)seen.step,
                 seen.jumped ? " jump: held until a person says that it is right" : "");
        note(s, seen.jumped ? "clock jumped" : "clock set", seen.step);
    }
    if (seen.slept) {
        log_line(LOG_WARNING, "clock", "the machine slept ms=%lld", (long long)seen.slept);
        note(s, "suspended", seen.slept);
        sends_slept(s, (uint64_t)seen.slept);
        channels_guests(s, guest_slept);
    } else if (seen.stalled) {
        log_line(LOG_WARNING, "clock", "stood still ms=%lld", (long long)seen.stalled);
    }
    if (seen.jumped)
        halt_for_jump(s, seen.step);
    engine_clock_moved(s->engine, now, seen.forward);
}

void clock_release(struct run *s)
{
    const struct clocks c = read_clocks();
    bool held = s->clock.held;
    duration_t forward = timekeeper_release(&s->clock, &c);

    if (!held)
        return;
    log_line(LOG_WARNING, "clock", "taken as right forward_ms=%lld", (long long)forward);
    engine_clock_moved(s->engine, s->clock.now, forward);
}

/* --- once in a while --- */

void clock_zones(struct run *s)
{
    size_t changed = zones_refresh(s->zones);

    s->zones_at_ms = uv_now(&s->loop) + ZONES_MS;
    if (!changed)
        return;
    log_line(LOG_WARNING, "clock", "time zone data changed zones=%zu", changed);
    if (s->storer)
        run_note(s, "zones changed", "paceline", json_pack("{sI}", "zones", (json_int_t)changed),
                 NULL, NULL);
    engine_clock_moved(s->engine, run_now(s), 0);
}

void clock_tick(struct run *s)
{
    if (uv_now(&s->loop) >= s->zones_at_ms)
        clock_zones(s);
}

const char *clock_problem(struct run *s)
{
    long long off = (long long)timekeeper_offset(&s->clock) / 1000;

    if (s->clock.held)
        snprintf(s->clock_problem, sizeof s->clock_problem,
                 tr("the clock is %lld s off what has passed: nothing is sent until a person has "
                    "looked at it and says: paceline unhalt --reason TEXT"),
                 off);
    else if (-off > BEHIND_MS / 1000)
        snprintf(s->clock_problem, sizeof s->clock_problem,
                 tr("the clock is %lld s behind the last recorded instant: nothing is sent until "
                    "it is there again"),
                 -off);
    else
        return NULL;
    return s->clock_problem;
}
