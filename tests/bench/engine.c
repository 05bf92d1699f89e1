/* The engine on a virtual clock, with a store and a channel that answer at once: what deciding
 * costs for each delivery, and how much memory a recipient takes. */
#include "campaign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world {
    struct engine *engine;
    struct bench_zone zone;
    struct schedule schedule;
    struct engine_revision_lane lanes[CAMPAIGN_SENDERS];
    uint64_t recipients, sent, skipped, turns, fetches;
    instant_t now;
};

/* Row r goes to lane r % CAMPAIGN_SENDERS, and has the id and the recipient r + 1. */
static void fetch(struct world *w, const struct effect *f)
{
    struct engine_waiting out[256];
    uint64_t lane = (uint64_t)f->lane - 1;
    uint64_t row = f->after ? (uint64_t)f->after - 1 + CAMPAIGN_SENDERS : lane;
    size_t count = 0, cap = f->cap < 256 ? f->cap : 256;

    for (; row < w->recipients && count < cap; row += CAMPAIGN_SENDERS)
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

static void run(uint64_t recipients)
{
    struct engine_limit limits[CAMPAIGN_LIMITS];
    struct world w = {.recipients = recipients, .now = CAMPAIGN_BEGINS};
    int64_t memory = bench_resident();
    double from = bench_cpu();

    bench_zone_load(&w.zone, "Asia/Shanghai");
    w.engine = engine_new();
    w.schedule = campaign_schedule(&w.zone.tz);
    campaign_limits(limits, 20000); /* 80 lanes wait for it */
    engine_add_channel(w.engine,
                       &(struct engine_channel){.id = 1, .account = 1, .in_flight_max = 1});
    for (int64_t i = 0; i < CAMPAIGN_SENDERS; i++) {
        engine_add_lane(w.engine, &(struct engine_lane){.id = i + 1,
                                                        .channel = 1,
                                                        .sender = i + 1,
                                                        .last_due = INSTANT_MIN,
                                                        .last_answer = INSTANT_MIN});
        w.lanes[i] =
            (struct engine_revision_lane){.lane = i + 1, .waiting = recipients / CAMPAIGN_SENDERS};
    }
    engine_add_revision(w.engine, w.now,
                        &(struct engine_revision){.id = 1,
                                                  .campaign = 1,
                                                  .channel = 1,
                                                  .seed = 7,
                                                  .schedule = &w.schedule,
                                                  .pace = campaign_pace,
                                                  .limits = limits,
                                                  .limit_count = CAMPAIGN_LIMITS,
                                                  .lanes = w.lanes,
                                                  .lane_count = CAMPAIGN_SENDERS});
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
    bench_line("engine, a channel limit that binds",
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
    run(argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000);
    return 0;
}
