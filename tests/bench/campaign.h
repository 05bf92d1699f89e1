/* The campaign that the benchmarks run: two windows a day, quiet hours, three limits and a
 * frequency cap (P-plan of performance.md). */
#ifndef PACELINE_TESTS_BENCH_CAMPAIGN_H
#define PACELINE_TESTS_BENCH_CAMPAIGN_H

#include "bench.h"

#include "engine/engine.h"

enum { CAMPAIGN_SENDERS = 80, CAMPAIGN_LIMITS = 4 };

static const instant_t CAMPAIGN_BEGINS = 1803864600000; /* 2027-03-01 09:30 +08:00 */

static const struct pace campaign_pace = {.floor = 1000, .ceiling = 5000};

static inline void campaign_limits(struct engine_limit out[CAMPAIGN_LIMITS], uint32_t channel_max)
{
    const struct engine_limit limits[CAMPAIGN_LIMITS] = {
        {.scope = SCOPE_SENDER,
         .max = 600,
         .rolling = true,
         .span = MS_PER_HOUR,
         .text = "600 per 1h sender"},
        {.scope = SCOPE_SENDER, .max = 4000, .period = PERIOD_DAY, .text = "4000 per day sender"},
        {.scope = SCOPE_CHANNEL,
         .max = channel_max,
         .rolling = true,
         .span = MS_PER_HOUR,
         .text = "per 1h channel"},
        {.scope = SCOPE_RECIPIENT,
         .max = 1,
         .rolling = true,
         .span = 7 * (duration_t)MS_PER_DAY,
         .drop = true,
         .text = "1 per 7d recipient"},
    };

    for (int i = 0; i < CAMPAIGN_LIMITS; i++)
        out[i] = limits[i];
}

static inline struct schedule campaign_schedule(const struct tz *zone)
{
    static const struct hours day[] = {{10 * 60, 12 * 60}, {14 * 60, 20 * 60 + 30}};
    static const struct hours night = {21 * 60, 9 * 60};
    static const struct window daily = {
        .weekdays = 0x7f, .first_day = 1, .hours = day, .hours_count = 2};

    return (struct schedule){.zone = zone,
                             .start = INSTANT_MIN,
                             .end = INSTANT_NEVER,
                             .windows = &daily,
                             .window_count = 1,
                             .quiet = &night,
                             .quiet_count = 1};
}

#endif
