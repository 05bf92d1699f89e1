/* How long the platform blocks who calls too often (45009, page 90454): for both plugins that speak
 * to it, this one and the group robot's. */
#ifndef PACELINE_PLUGINS_WECOM_QUOTA_H
#define PACELINE_PLUGINS_WECOM_QUOTA_H

#include <stdint.h>

/* The platform does not say which of its windows is full: a minute, an hour, the rest of the day in
 * Beijing. `blocks`: how often in a row it was one of them already. */
static inline int64_t quota_unblocked_ms(int64_t now_ms, unsigned blocks)
{
    const int64_t minute_ms = 60 * 1000, hour_ms = 60 * minute_ms, day_ms = 24 * hour_ms,
                  beijing_ms = 8 * hour_ms;

    if (blocks == 0)
        return now_ms + minute_ms;
    if (blocks == 1)
        return now_ms + hour_ms;
    return ((now_ms + beijing_ms) / day_ms + 1) * day_ms - beijing_ms + minute_ms;
}

#endif
