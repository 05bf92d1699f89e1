#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

double bench_cpu(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int64_t bench_resident(void)
{
    long long pages = 0, all = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    if (!f)
        return 0;
    if (fscanf(f, "%lld %lld", &all, &pages) != 2)
        pages = 0;
    fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

/* VmHWM: ru_maxrss would count what ran before exec, too. */
int64_t bench_peak(void)
{
    char line[256];
    long long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");

    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "VmHWM: %lld", &kb) == 1)
            break;
    }
    if (f)
        fclose(f);
    return kb * 1024;
}

void bench_zone_load(struct bench_zone *z, const char *name)
{
    char path[256];

    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    FILE *f = fopen(path, "rb");
    if (!f) {
        fprintf(stderr, "%s: cannot be opened; tzdata is needed\n", path);
        exit(70);
    }
    z->bytes = malloc(1 << 16);
    size_t length = fread(z->bytes, 1, 1 << 16, f);
    fclose(f);
    if (tz_parse(&z->tz, z->bytes, length))
        exit(70);
}

void bench_zone_dispose(struct bench_zone *z)
{
    free(z->bytes);
}

void bench_line(const char *name, const char *format, ...)
{
    va_list args;

    printf("{\"bench\":\"%s\",", name);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("}\n");
    fflush(stdout);
}
