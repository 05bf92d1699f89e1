/* What the benchmarks share: CPU time of the process, resident memory, a zone, one JSON line a
 * result. No figure here is asserted anywhere: machines differ. */
#ifndef PACELINE_TESTS_BENCH_H
#define PACELINE_TESTS_BENCH_H

#include "core/tz.h"

#include <stddef.h>
#include <stdint.h>

double bench_cpu(void);       /* seconds of CPU that this process has used */
int64_t bench_resident(void); /* bytes of memory that it holds now */
int64_t bench_peak(void);     /* and the most that it ever held */

struct bench_zone {
    struct tz tz;
    uint8_t *bytes;
};
void bench_zone_load(struct bench_zone *z, const char *name); /* exits when there is none */
void bench_zone_dispose(struct bench_zone *z);

/* Prints {"bench":"NAME",...}. */
void bench_line(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
