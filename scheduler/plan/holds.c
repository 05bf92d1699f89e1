#include "plan/holds.h"

#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hold {           /* of one sender's lane */
    bool held, holding; /* ever, now */
    bool by_others;     /* with the two below: what holds it, or held it last */
    enum gate gate;
    const char *limit;
    size_t held_by; /* the same, of holds.binding */
    size_t then_by; /* from `then` on */
    instant_t since, then;
    duration_t totals[PLAN_BINDINGS]; /* by holds.binding */
};

struct holds {
    struct hold *lanes;
    size_t lane_count;
    struct plan_binding binding[PLAN_BINDINGS];
    size_t binding_count;
};

struct holds *holds_new(size_t senders)
{
    struct holds *h = xmalloc(sizeof *h);

    h->lanes = xmalloc(senders * sizeof *h->lanes);
    h->lane_count = senders;
    return h;
}

void holds_free(struct holds *h)
{
    if (!h)
        return;
    free(h->lanes);
    free(h);
}

static size_t binding_of(struct holds *h, enum gate gate, bool others, const char *limit)
{
    struct plan_binding b = {.gate = gate, .others = others};
    size_t i = 0;

    snprintf(b.limit, sizeof b.limit, "%s", limit ? limit : "");
    while (i < h->binding_count && (h->binding[i].gate != gate || h->binding[i].others != others ||
                                    strcmp(h->binding[i].limit, b.limit) != 0))
        i++;
    if (i == PLAN_BINDINGS)
        return PLAN_BINDINGS - 1; /* more different ones than a campaign may have limits */
    if (i == h->binding_count)
        h->binding[h->binding_count++] = b;
    return i;
}

void holds_end(struct holds *h, size_t sender, instant_t at)
{
    struct hold *l = &h->lanes[sender];
    instant_t first = l->then > l->since ? l->then : l->since;

    if (l->holding && at > l->since) {
        l->totals[l->held_by] += (at < first ? at : first) - l->since;
        l->totals[l->then_by] += at > first ? at - first : 0;
    }
    l->holding = false;
}

/* Which part of the schedule is closed at `t`: it moved what was due then. */
static enum gate closed_by(const struct schedule *s, instant_t t)
{
    if (schedule_part_opens(s, SCHEDULE_CLOSED_DAY, t) != t)
        return GATE_CLOSED_DAY;
    return schedule_part_opens(s, SCHEDULE_QUIET, t) != t ? GATE_QUIET_HOURS : GATE_WINDOW;
}

void holds_begin(struct holds *h, size_t sender, const struct effect *f)
{
    struct hold *l = &h->lanes[sender];
    const struct schedule *s = f->schedule;
    bool moved = f->gate == GATE_GAP && f->base < f->not_before && f->base > s->start;
    bool others = f->behind && f->gate == GATE_GAP; /* it moves with each of their sends */

    holds_end(h, sender, f->at);
    if (f->gate == GATE_START_END) /* that it begins later binds nothing */
        return;
    l->holding = true;
    if (!l->held || f->gate != l->gate || others != l->by_others || f->limit != l->limit) {
        l->held = true;
        l->gate = f->gate;
        l->by_others = others;
        l->limit = f->limit;
        l->held_by = binding_of(h, f->gate, others, f->limit);
    }
    l->then_by = l->held_by;
    l->since = f->at > s->start ? f->at : s->start; /* before it, nothing else binds either */
    l->then = f->not_before;
    if (!moved || schedule_opens(s, f->base) == f->base)
        return;
    l->then = f->base;
    l->then_by = binding_of(h, closed_by(s, f->base), false, NULL);
}

static int longest_first(const void *a, const void *b)
{
    const struct plan_binding *x = a, *y = b;

    return (x->holds < y->holds) - (x->holds > y->holds);
}

size_t holds_sum(struct holds *h, instant_t at, struct plan_binding out[PLAN_BINDINGS])
{
    size_t count = h->binding_count;

    memcpy(out, h->binding, sizeof h->binding);
    for (size_t i = 0; i < h->lane_count; i++) {
        holds_end(h, i, at);
        for (size_t k = 0; k < count; k++)
            if (h->lanes[i].totals[k] > out[k].holds)
                out[k].holds = h->lanes[i].totals[k];
    }
    qsort(out, count, sizeof *out, longest_first);
    while (count && out[count - 1].holds < MS_PER_SECOND) /* told in seconds */
        count--;
    return count;
}
