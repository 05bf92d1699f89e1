/* One seed: its clock, its events, its end. */
#include "sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TURNS_MAX = 100000, SAID_MAX = 5 }; /* without the clock going on; violations in full */

int64_t sim_draw(struct sim *s, int64_t from, int64_t to)
{
    return from + (int64_t)prng_below(&s->random, (uint64_t)(to - from + 1));
}

bool sim_chance(struct sim *s, int percent)
{
    return sim_draw(s, 0, 99) < percent;
}

void sim_hash(struct sim *s, int64_t a, int64_t b)
{
    s->hash = (s->hash ^ (uint64_t)a) * 1099511628211u;
    s->hash = (s->hash ^ (uint64_t)b) * 1099511628211u;
    s->hash ^= s->hash >> 29;
}

void sim_bad(struct sim *s, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (s->violations++ >= SAID_MAX)
        return;
    strbuf_printf(&s->said, "VIOLATION seed %" PRIu64 " after %.3f days: %s\n", s->seed,
                  (double)s->mono / MS_PER_DAY, text);
    strbuf_printf(&s->said,
                  "  replay: commit %s, ./dev simulate --seeds %" PRIu64 "..%" PRIu64
                  " --days %d --record DIR\n",
                  commit_id, s->seed, s->seed, s->days);
}

void sim_ok(struct sim *s, int rc, const struct err *e)
{
    if (!rc)
        return;
    fprintf(stderr, "seed %" PRIu64 ": the store failed: %s\n", s->seed, e->text);
    abort();
}

void sim_after(struct sim *s, duration_t ms, bool of_life,
               void (*fire)(struct sim *, struct event *), int64_t a, int64_t b)
{
    struct event *v = xmalloc(sizeof *v);

    *v = (struct event){.node = {.at = s->mono + ms, .seq = ++s->seq},
                        .fire = fire,
                        .a = a,
                        .b = b,
                        .life = of_life ? s->life : 0};
    s->events.nodes =
        xgrow(s->events.nodes, &s->events.capacity, s->events.count + 1, sizeof *s->events.nodes);
    heap_put(&s->events, &v->node);
}

static bool next_event(struct sim *s, instant_t end)
{
    const struct heap_node *first = heap_first(&s->events);
    instant_t at = first ? first->at : end;

    if (s->run) {
        instant_t turn = clock_reaches(s, engine_wake(s->run->engine));
        turn = turn < s->look_at ? turn : s->look_at;
        /* as the driver sleeps: towards a clock that may move */
        if (turn <= s->mono)
            turn = s->mono + 1;
        at = turn < at ? turn : at;
    }
    s->turns_here = at > s->mono ? 0 : s->turns_here + 1;
    if (s->turns_here > TURNS_MAX) {
        sim_bad(s, "the clock stands still");
        return false;
    }
    clock_pass(s, at);
    return s->mono < end;
}

static void fire_due(struct sim *s)
{
    struct event *v = (struct event *)heap_first(&s->events);

    if (!v || v->node.at > s->mono)
        return;
    heap_remove(&s->events, &v->node);
    if (!v->life || (s->run && v->life == s->life))
        v->fire(s, v);
    free(v);
}

static void crash_now(struct sim *s)
{
    while (s->crash)
        service_crash(s);
}

void sim_files_remove(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-journal", "-shm", ".lock", ".mark"};
    char name[128];

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

static void events_free(struct sim *s)
{
    for (struct heap_node *n; (n = heap_first(&s->events));) {
        heap_remove(&s->events, n);
        free(n);
    }
    free(s->events.nodes);
}

/* Days around changes of clocks, a turn of the month, and an ordinary one. */
static instant_t first_day(uint64_t seed)
{
    static const int dates[][3] = {{2027, 3, 26}, {2027, 3, 12}, {2027, 10, 29},
                                   {2027, 4, 2},  {2027, 1, 28}, {2027, 6, 15}};
    const int *d = dates[seed % 6];

    return (instant_t)day_of_date(d[0], d[1], d[2]) * MS_PER_DAY;
}

static void live(struct sim *s)
{
    instant_t end = (instant_t)s->days * MS_PER_DAY;

    service_start(s);
    world_begin(s);
    while (next_event(s, end)) {
        fire_due(s);
        crash_now(s);
        if (s->run)
            service_turn(s);
        crash_now(s);
    }
}

void run_seed(struct outcome *out, uint64_t seed, int days, struct zones *zones, const char *record,
              const char *path)
{
    struct sim s = {.seed = seed,
                    .days = days,
                    .tally = &out->tally,
                    .record = record,
                    .zones = zones,
                    .next_send = 1,
                    .hash = seed,
                    .offset = first_day(seed),
                    .look_at = INSTANT_NEVER};

    prng_seed(&s.random, seed);
    snprintf(s.path, sizeof s.path, "%s", path);
    live(&s);
    world_deliver(&s);
    s.armed = false;
    if (s.run)
        service_crash(&s);
    service_start(&s);
    judge_end(&s);
    service_crash(&s);
    events_free(&s);
    judge_free(&s);
    sim_files_remove(s.path);
    out->tally.campaign_days = (uint64_t)days * CAMPAIGNS;
    out->tally.violations = s.violations;
    out->tally.hash = s.hash;
    out->said = s.said;
}
