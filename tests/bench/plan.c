/* A whole campaign planned: from the audience's rows to the summary (P-plan of performance.md). 80
 * senders, three limits, windows, quiet hours, a frequency cap. */
#include "bench.h"

#include "plan/plan.h"

#include <stdio.h>
#include <stdlib.h>

enum { SENDERS = 80 };

static const struct engine_limit limits[] = {
    {.scope = SCOPE_SENDER,
     .max = 600,
     .rolling = true,
     .span = MS_PER_HOUR,
     .text = "600 per 1h sender"},
    {.scope = SCOPE_SENDER, .max = 4000, .period = PERIOD_DAY, .text = "4000 per day sender"},
    {.scope = SCOPE_CHANNEL,
     .max = 30000,
     .rolling = true,
     .span = MS_PER_HOUR,
     .text = "30000 per 1h channel"},
    {.scope = SCOPE_RECIPIENT,
     .max = 1,
     .rolling = true,
     .span = 7 * (duration_t)MS_PER_DAY,
     .drop = true,
     .text = "1 per 7d recipient"},
};

static void plan(uint64_t recipients)
{
    static const struct hours day_hours[] = {{10 * 60, 12 * 60}, {14 * 60, 20 * 60 + 30}};
    static const struct hours night = {21 * 60, 9 * 60};
    static const struct window daily = {
        .weekdays = 0x7f, .first_day = 1, .hours = day_hours, .hours_count = 2};
    struct bench_zone zone;
    int64_t memory = bench_resident();
    double from = bench_cpu();

    bench_zone_load(&zone, "Asia/Shanghai");
    struct schedule schedule = {.zone = &zone.tz,
                                .start = INSTANT_MIN,
                                .end = INSTANT_NEVER,
                                .windows = &daily,
                                .window_count = 1,
                                .quiet = &night,
                                .quiet_count = 1};
    struct plan_setup setup = {
        .channel = {.id = 1, .in_flight_max = 1},
        .terms = {.seed = 7,
                  .schedule = &schedule,
                  .pace = {.floor = 1000, .ceiling = 5000},
                  .limits = limits,
                  .limit_count = sizeof limits / sizeof limits[0]},
        .from = 1803864600000, /* 2027-03-01 09:30 +08:00 */
        .sender_count = SENDERS,
    };
    struct plan *p = plan_new(&setup);
    for (uint64_t i = 0; i < recipients; i++)
        plan_add(p, i % SENDERS, 0, REASON_NONE, 0);
    while (plan_run(p, 1000000))
        ;
    double cpu = bench_cpu() - from;
    const struct plan_sum *s = plan_sum(p);
    bench_line("plan",
               "\"recipients\":%llu,\"planned\":%llu,\"days\":%.1f,\"cpu_s\":%.3f,\"us_each\":%.3f,"
               "\"bytes_each\":%.1f",
               (unsigned long long)s->recipients, (unsigned long long)s->planned,
               (double)(s->last - s->first) / MS_PER_DAY, cpu, cpu / (double)recipients * 1e6,
               (double)(bench_peak() - memory) / (double)recipients);
    plan_free(p);
    bench_zone_dispose(&zone);
}

int main(int argc, char **argv)
{
    plan(argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000);
    return 0;
}
