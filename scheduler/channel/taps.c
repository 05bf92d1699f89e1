#include "channel/taps.h"

#include "base/arena.h"
#include "core/limit.h"

#include <stdlib.h>

struct letter {
    size_t sender;
    int64_t message;
};

void taps_keep(struct taps *t, size_t sender, int64_t message)
{
    t->letters = xgrow(t->letters, &t->capacity, t->count + 1, sizeof *t->letters);
    t->letters[t->count++] = (struct letter){sender, message};
}

static int by_sender(const void *a, const void *b)
{
    const struct letter *x = a, *y = b;

    if (x->sender != y->sender)
        return x->sender < y->sender ? -1 : 1;
    return (x->message > y->message) - (x->message < y->message);
}

struct taps_sum taps_sum(struct taps *t, uint32_t batch)
{
    struct taps_sum sum = {0};
    uint64_t mine = 0;

    if (t->count)
        qsort(t->letters, t->count, sizeof *t->letters, by_sender);
    for (size_t i = 0, next; i < t->count; i = next) {
        const struct letter *first = &t->letters[i];
        for (next = i + 1; next < t->count && !by_sender(first, &t->letters[next]); next++)
            ;
        uint64_t calls = batch > 1 ? (next - i + batch - 1) / batch : next - i;
        mine = (i && t->letters[i - 1].sender == first->sender ? mine : 0) + calls;
        sum.calls += calls;
        if (mine > sum.most) {
            sum.most = mine;
            sum.whose = first->sender;
        }
    }
    return sum;
}

uint64_t taps_a_day(const struct campaign *c, uint64_t taps)
{
    for (size_t i = 0; i < c->limit_count; i++) {
        const struct conf_limit *l = &c->limits[i];
        if (!l->rolling && l->period == PERIOD_DAY && l->max < taps &&
            (l->scope == LIMIT_SENDER || l->scope == LIMIT_PERSON))
            taps = l->max;
    }
    return taps;
}

void taps_dispose(struct taps *t)
{
    free(t->letters);
}
