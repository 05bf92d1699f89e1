/* A whole campaign planned: from the audience's rows to the summary (P-plan of performance.md). 80
 * senders, three limits, windows, quiet hours, a frequency cap. */
#include "campaign.h"

#include "plan/plan.h"

#include <stdio.h>
#include <stdlib.h>

static void plan(uint64_t recipients)
{
    struct engine_limit limits[CAMPAIGN_LIMITS];
    struct bench_zone zone;
    int64_t memory = bench_resident();
    double from = bench_cpu();

    bench_zone_load(&zone, "Asia/Shanghai");
    struct schedule schedule = campaign_schedule(&zone.tz);
    campaign_limits(limits, 30000);
    struct plan_setup setup = {
        .channel = {.id = 1, .in_flight_max = 1},
        .terms = {.seed = 7,
                  .schedule = &schedule,
                  .pace = campaign_pace,
                  .limits = limits,
                  .limit_count = CAMPAIGN_LIMITS},
        .from = CAMPAIGN_BEGINS,
        .sender_count = CAMPAIGN_SENDERS,
    };
    struct plan *p = plan_new(&setup);
    for (uint64_t i = 0; i < recipients; i++)
        plan_add(p, i % CAMPAIGN_SENDERS, 0, REASON_NONE, 0);
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
