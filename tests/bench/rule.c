/* One ruling over all gates with ten limits of all scopes (P-rule of performance.md): windows,
 * quiet hours, a queue with a due delivery. Once where nothing holds, once where half of the limits
 * are full. */
#include "bench.h"

#include "engine/internal.h"

#include <stdio.h>

enum { LIMITS = 10, RULINGS = 4000000 };

static const instant_t NOON = 1803873600000; /* 2027-03-01 12:00 +08:00 */

struct setup {
    struct engine_limit limits[LIMITS];
    struct bench_zone zone;
    struct schedule schedule;
    struct engine *engine;
};

static const struct hours day_hours[] = {{10 * 60, 12 * 60}, {11 * 60, 20 * 60 + 30}};
static const struct hours night = {21 * 60, 9 * 60};
static const struct window daily = {
    .weekdays = 0x7f, .first_day = 1, .hours = day_hours, .hours_count = 2};

static void fill(struct setup *s, uint32_t max)
{
    static const enum engine_scope scopes[] = {SCOPE_SENDER, SCOPE_PERSON, SCOPE_RECIPIENT,
                                               SCOPE_CHANNEL, SCOPE_CAMPAIGN};

    for (uint32_t i = 0; i < LIMITS; i++)
        s->limits[i] = (struct engine_limit){.scope = scopes[i % 5],
                                             .max = max + i,
                                             .rolling = i < 6,
                                             .span = (i + 1) * (duration_t)MS_PER_HOUR,
                                             .period = (enum period)(i % 3),
                                             .text = "a limit"};
}

/* Sends `count` deliveries, so that the limits hold something. */
static void use(struct engine *e, int count)
{
    struct effect f;
    instant_t now = NOON;

    for (int sent = 0; sent < count && engine_wake(e) != INSTANT_NEVER;) {
        now = engine_wake(e) > now ? engine_wake(e) : now;
        engine_turn(e, now);
        while (engine_effect(e, &f)) {
            if (f.kind == EFFECT_FETCH) {
                struct engine_waiting w[64];
                for (int64_t i = 0; i < 64; i++)
                    w[i] = (struct engine_waiting){.delivery = f.after + i + 1,
                                                   .row = (uint64_t)(f.after + i + 1),
                                                   .recipient = f.after + i + 1};
                engine_fetched(e, now, 1, 1, w, 64, true);
            } else if (f.kind == EFFECT_CLAIM) {
                engine_claimed(e, now, f.delivery, true);
            } else if (f.kind == EFFECT_SEND) {
                engine_answer(e, now, f.send, &(struct engine_answer){.kind = ANSWER_DONE});
                sent++;
            }
        }
    }
}

static void run(const char *name, uint32_t max, duration_t later_ms)
{
    struct setup s = {.engine = engine_new()};
    struct engine_revision_lane lane = {.lane = 1, .waiting = 100000};
    uint64_t verdicts[3] = {0, 0, 0};

    fill(&s, max);
    bench_zone_load(&s.zone, "Asia/Shanghai");
    s.schedule = (struct schedule){.zone = &s.zone.tz,
                                   .start = INSTANT_MIN,
                                   .end = INSTANT_NEVER,
                                   .windows = &daily,
                                   .window_count = 1,
                                   .quiet = &night,
                                   .quiet_count = 1};
    engine_add_channel(s.engine, &(struct engine_channel){.id = 1, .in_flight_max = 1});
    engine_add_lane(s.engine, &(struct engine_lane){.id = 1,
                                                    .channel = 1,
                                                    .sender = 1,
                                                    .last_due = INSTANT_MIN,
                                                    .last_answer = INSTANT_MIN});
    engine_add_revision(s.engine, NOON,
                        &(struct engine_revision){.id = 1,
                                                  .campaign = 1,
                                                  .channel = 1,
                                                  .schedule = &s.schedule,
                                                  .pace = {.floor = 100, .ceiling = 1000},
                                                  .limits = s.limits,
                                                  .limit_count = LIMITS,
                                                  .lanes = &lane,
                                                  .lane_count = 1});
    struct effect f;
    while (engine_effect(s.engine, &f)) {
        if (f.kind == EFFECT_HISTORY)
            engine_primed(s.engine, NOON, f.revision);
    }
    use(s.engine, 400);
    const struct revision *r = map_get(&s.engine->revisions, 1);
    const struct queue *q = &r->queues[0];
    double from = bench_cpu();
    for (int i = 0; i < RULINGS; i++) {
        struct ruling sum = lane_rule(s.engine, q, &q->items[i % (int)q->count],
                                      s.engine->now + later_ms + i % 60000);
        verdicts[sum.verdict]++;
    }
    double cpu = bench_cpu() - from;
    bench_line(name, "\"limits\":%d,\"us_each\":%.4f,\"go\":%llu,\"hold\":%llu", LIMITS,
               cpu / RULINGS * 1e6, (unsigned long long)verdicts[VERDICT_GO],
               (unsigned long long)verdicts[VERDICT_HOLD]);
    engine_free(s.engine);
    bench_zone_dispose(&s.zone);
}

int main(void)
{
    run("rule, nothing holds", 5000, 0);
    run("rule, limits are full", 400, 0);
    run("rule, in quiet hours", 5000, 10 * MS_PER_HOUR);
    return 0;
}
