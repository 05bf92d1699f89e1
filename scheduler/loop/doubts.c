/* What is unknown is left only by evidence or by a person: so somebody must hear of it. Once a
 * minute at most while there is any, a line in the log and a word in `status`. */
#include "loop/internal.h"

#include "base/lang.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

enum { LOOK_MS = 10000, SAY_MS = 60000, COUNT_MAX = 10000 };

struct doubts {
    struct store_job job;
    struct run *run;
    uint64_t look_at_ms, say_at_ms; /* uv_now */
    bool looking;
    long long count, counted, first;
    struct err err;
    int rc;
    char problem[192];
};

static int keep(void *ctx, const struct store_delivery *x)
{
    struct doubts *d = ctx;

    if (d->counted++ == 0)
        d->first = x->id;
    return 0;
}

static void look(struct store *store, struct store_job *job)
{
    struct doubts *d = (struct doubts *)job;

    d->counted = 0;
    d->rc = store_unknowns(store, COUNT_MAX, keep, d, &d->err);
}

static void looked(struct store_job *job)
{
    struct doubts *d = (struct doubts *)job;
    uint64_t now = uv_now(&d->run->loop);

    d->looking = false;
    if (d->rc)
        return; /* the next commit says so too */
    d->count = d->counted;
    snprintf(d->problem, sizeof d->problem,
             tr("%lld deliveries are unknown, the first is %lld: a person must say what became of "
                "them"),
             d->count, d->first);
    if (d->count && now >= d->say_at_ms) {
        log_line(LOG_WARNING, "unknown", "deliveries=%lld first=%lld; settle each with: outcome",
                 d->count, d->first);
        d->say_at_ms = now + SAY_MS;
    }
}

void doubts_tick(struct run *s)
{
    struct doubts *d = s->doubts;

    if (!s->storer || s->store_broken)
        return;
    if (!d) {
        d = s->doubts = xmalloc(sizeof *d);
        d->run = s;
    }
    if (d->looking || uv_now(&s->loop) < d->look_at_ms)
        return;
    d->looking = true;
    d->look_at_ms = uv_now(&s->loop) + LOOK_MS;
    d->job = (struct store_job){look, looked, NULL};
    storer_run(s->storer, &d->job);
}

const char *doubts_problem(const struct run *s)
{
    return s->doubts && s->doubts->count ? s->doubts->problem : NULL;
}

void doubts_free(struct run *s)
{
    free(s->doubts);
    s->doubts = NULL;
}
