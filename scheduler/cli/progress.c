#include "cli/progress.h"

#include "base/strbuf.h"
#include "cli/view.h"

#include <time.h>

enum { REDRAW_MS = 100, LINE_MS = 5000 };

static int64_t clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t pause_ms(const struct progress *p)
{
    return p->cli->err_tty ? REDRAW_MS : LINE_MS;
}

void progress_begin(struct progress *p, const struct cli *cli)
{
    *p = (struct progress){.cli = cli, .began_ms = clock_ms()};
    p->next_ms = p->began_ms + pause_ms(p);
}

bool progress_due(const struct progress *p)
{
    return clock_ms() >= p->next_ms;
}

void progress_show(struct progress *p, const char *what, uint64_t done, uint64_t all,
                   const char *unit)
{
    struct strbuf line = STRBUF_INIT;
    int64_t now = clock_ms();

    if (now < p->next_ms)
        return;
    p->next_ms = now + pause_ms(p);
    strbuf_printf(&line, "%s: ", what);
    if (all > 0)
        view_bar((int64_t)(done < all ? done : all), (int64_t)all, &line);
    else
        strbuf_printf(&line, "%llu", (unsigned long long)done);
    fprintf(p->cli->err, p->cli->err_tty ? "\r\033[K%s %s" : "%s %s\n", line.text, unit);
    fflush(p->cli->err);
    p->drawn = p->cli->err_tty;
    strbuf_dispose(&line);
}

void progress_end(struct progress *p)
{
    if (!p->drawn)
        return;
    fputs("\r\033[K", p->cli->err);
    fflush(p->cli->err);
    p->drawn = false;
}

double progress_seconds(const struct progress *p)
{
    return (double)(clock_ms() - p->began_ms) / 1000;
}
