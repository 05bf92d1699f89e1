/* The engine on a virtual clock, with a store and a channel that answer at once: what deciding
 * costs for each delivery, and how much memory a recipient takes. */
#include "bench.h"

#include "engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SENDERS = 80 };

struct world {
    struct engine *engine;
    struct bench_zone zone;
    struct schedule schedule;
    struct engine_revision_lane lanes[SENDERS];
    uint64_t recipients, sent, skipped, turns, fetches;
    instant_t now;
};

/* Row r goes to lane r % SENDERS, and has the id and the recipient r + 1. */
static void fetch(struct world *w, const struct effect *f)
{
    struct engine_waiting out[256];
    uint64_t lane = (uint64_t)f->lane - 1;
    uint64_t row = f->after ? (uint64_t)f->after - 1 + SENDERS : lane;
    size_t count = 0, cap = f->cap < 256 ? f->cap : 256;

    for (; row < w->recipients && count < cap; row += SENDERS)
        out[count++] = (struct engine_waiting){
            .delivery = (int64_t)row + 1, .row = row, .recipient = (int64_t)row + 1};
    w->fetches++;
    engine_fetched(w->engine, w->now, f->revision, f->lane, out, count, row < w->recipients);
}

static void run_effects(struct world *w)
{
    struct effect f;

    while (engine_effect(w->engine, &f)) {
        switch (f.kind) {
        case EFFECT_HISTORY:
            engine_primed(w->engine, w->now, f.revision);
            break;
        case EFFECT_FETCH:
            fetch(w, &f);
            break;
        case EFFECT_CLAIM:
            engine_claimed(w->engine, w->now, f.delivery, true);
            break;
        case EFFECT_SEND:
            engine_answer(w->engine, w->now, f.send, &(struct engine_answer){.kind = ANSWER_DONE});
            break;
        case EFFECT_RESULT:
            w->sent += f.state == DELIVERY_SENT;
            w->skipped += f.state == DELIVERY_SKIPPED;
            break;
        default:
            break;
        }
    }
}

static void run(uint64_t recipients, const char *name, const struct engine_limit *limits,
                size_t limit_count, struct pace pace)
{
    static const struct hours day_hours[] = {{10 * 60, 12 * 60}, {14 * 60, 20 * 60 + 30}};
    static const struct hours night = {21 * 60, 9 * 60};
    static const struct window daily = {
        .weekdays = 0x7f, .first_day = 1, .hours = day_hours, .hours_count = 2};
    struct world w = {.recipients = recipients, .now = 1803864600000}; /* 2027-03-01 09:30 +08 */
    int64_t memory = bench_resident();
    double from = bench_cpu();

    bench_zone_load(&w.zone, "Asia/Shanghai");
    w.engine = engine_new();
    w.schedule = (struct schedule){.zone = &w.zone.tz,
                                   .start = INSTANT_MIN,
                                   .end = INSTANT_NEVER,
                                   .windows = &daily,
                                   .window_count = 1,
                                   .quiet = &night,
                                   .quiet_count = 1};
    engine_add_channel(w.engine,
                       &(struct engine_channel){.id = 1, .account = 1, .in_flight_max = 1});
    for (int64_t i = 0; i < SENDERS; i++) {
        engine_add_lane(w.engine, &(struct engine_lane){.id = i + 1,
                                                        .channel = 1,
                                                        .sender = i + 1,
                                                        .last_due = INSTANT_MIN,
                                                        .last_answer = INSTANT_MIN});
        w.lanes[i] = (struct engine_revision_lane){.lane = i + 1, .waiting = recipients / SENDERS};
    }
    engine_add_revision(w.engine, w.now,
                        &(struct engine_revision){.id = 1,
                                                  .campaign = 1,
                                                  .channel = 1,
                                                  .seed = 7,
                                                  .schedule = &w.schedule,
                                                  .pace = pace,
                                                  .limits = limits,
                                                  .limit_count = limit_count,
                                                  .lanes = w.lanes,
                                                  .lane_count = SENDERS});
    instant_t started = w.now;
    run_effects(&w);
    while (engine_wake(w.engine) != INSTANT_NEVER) {
        instant_t wake = engine_wake(w.engine);
        w.now = wake > w.now ? wake : w.now;
        w.turns++;
        engine_turn(w.engine, w.now);
        run_effects(&w);
    }
    double cpu = bench_cpu() - from;
    memory = bench_resident() - memory;
    bench_line(name,
               "\"recipients\":%llu,\"sent\":%llu,\"skipped\":%llu,\"days\":%.1f,\"turns\":%llu,"
               "\"cpu_s\":%.3f,\"us_each\":%.3f,\"bytes_each\":%.1f",
               (unsigned long long)recipients, (unsigned long long)w.sent,
               (unsigned long long)w.skipped, (double)(w.now - started) / MS_PER_DAY,
               (unsigned long long)w.turns, cpu, cpu / (double)recipients * 1e6,
               (double)memory / (double)recipients);
    engine_free(w.engine);
    bench_zone_dispose(&w.zone);
}

int main(int argc, char **argv)
{
    static const struct engine_limit limits[] = {
        {.scope = SCOPE_SENDER,
         .max = 600,
         .rolling = true,
         .span = MS_PER_HOUR,
         .text = "600 per 1h sender"},
        {.scope = SCOPE_SENDER, .max = 4000, .period = PERIOD_DAY, .text = "4000 per day sender"},
        {.scope = SCOPE_CHANNEL,
         .max = 1000000,
         .period = PERIOD_DAY,
         .text = "1000000 per day channel"},
        {.scope = SCOPE_RECIPIENT,
         .max = 1,
         .period = PERIOD_WEEK,
         .drop = true,
         .text = "1 per week recipient"},
    };
    static const struct engine_limit rolling_cap[] = {
        {.scope = SCOPE_SENDER,
         .max = 600,
         .rolling = true,
         .span = MS_PER_HOUR,
         .text = "600 per 1h sender"},
        {.scope = SCOPE_SENDER, .max = 4000, .period = PERIOD_DAY, .text = "4000 per day sender"},
        {.scope = SCOPE_CHANNEL,
         .max = 20000,
         .rolling = true,
         .span = MS_PER_HOUR,
         .text = "20000 per 1h channel"},
        {.scope = SCOPE_RECIPIENT,
         .max = 1,
         .rolling = true,
         .span = 7 * (duration_t)MS_PER_DAY,
         .drop = true,
         .text = "1 per 7d recipient"},
    };
    uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    struct pace pace = {.floor = 1000, .ceiling = 5000};

    run(n, "engine, three limits and a cap", limits, 4, pace);
    run(n, "engine, a channel limit that binds", rolling_cap, 4, pace);
    return 0;
}
