#include "engine/internal.h"

#include "base/arena.h"

#include <assert.h>
#include <string.h>

/* Room for one more at the end. */
static void make_room(struct queue *q)
{
    size_t taken = q->memory ? (size_t)(q->items - q->memory) : 0;

    if (taken + q->count < q->capacity)
        return;
    if (taken > q->count) { /* mostly taken: move down what is left */
        memcpy(q->memory, q->items, q->count * sizeof *q->items);
        taken = 0;
    }
    q->memory = xgrow(q->memory, &q->capacity, taken + q->count + 1, sizeof *q->items);
    q->items = q->memory + taken;
}

void queue_put(struct queue *q, const struct item *item)
{
    size_t i = q->count;

    while (i > 0 && q->items[i - 1].delivery > item->delivery)
        i--;
    if (i > 0 && q->items[i - 1].delivery == item->delivery)
        return;
    make_room(q);
    memmove(q->items + i + 1, q->items + i, (q->count - i) * sizeof *q->items);
    q->items[i] = *item;
    q->count++;
    q->alone |= item->not_before != INSTANT_MIN;
}

void queue_take(struct queue *q, size_t index)
{
    assert(index < q->count);
    q->count--;
    q->alone &= q->count > 0;
    if (index == 0)
        q->items = q->count ? q->items + 1 : q->memory;
    else
        memmove(q->items + index, q->items + index + 1, (q->count - index) * sizeof *q->items);
}

void queue_again(struct queue *q)
{
    q->again = q->fetching;
    q->after = 0;
    q->more = true;
    q->gathered = 0;
}

int64_t queue_progress(const struct queue *q)
{
    if (q->again || (q->more && !q->after))
        return 0; /* what came back may be below all that is here */
    /* what was gathered for a batch may lie behind others that are still in the store */
    return q->count && q->items[0].delivery <= q->after ? q->items[0].delivery - 1 : q->after;
}

static void fetch(struct engine *e, struct queue *q, int64_t after, size_t cap, int64_t key)
{
    q->fetching = true;
    q->fetch_key = key;
    engine_emit(e, &(struct effect){.kind = EFFECT_FETCH,
                                    .revision = q->revision->spec.id,
                                    .lane = q->id,
                                    .after = after,
                                    .cap = cap,
                                    .key = key});
}

void queue_want(struct engine *e, struct queue *q)
{
    size_t ready = 0, batch = q->revision->spec.batch;
    size_t low = batch > FETCH_LOW ? batch : FETCH_LOW;

    if (!q->more || q->fetching || q->count >= ITEMS_MAX || q->revision->dropped || q->ended)
        return;
    if (!q->alone && q->count >= low)
        return;
    for (size_t i = 0; i < q->count && ready < low; i++)
        ready += q->items[i].not_before <= e->now;
    if (ready >= low)
        return;
    fetch(e, q, q->after, FETCH_COUNT + 2 * batch, 0);
}

uint32_t queue_alike(const struct engine *e, const struct queue *q, const struct item *item)
{
    uint32_t count = 0;

    if (q->revision->spec.batch <= 1)
        return 1;
    for (size_t i = 0; i < q->count && count < q->revision->spec.batch; i++)
        count += &q->items[i] == item || /* held alone or not, it is judged now */
                 (q->items[i].key == item->key && q->items[i].not_before <= e->now);
    return count;
}

/* Other messages may lie between those that are here and the next of this one. */
bool queue_gathered(struct engine *e, struct queue *q, const struct item *item)
{
    uint32_t batch = q->revision->spec.batch;

    if (batch <= 1 || !item->key || q->gathered == item->key || q->count >= ITEMS_MAX ||
        (!q->more && !q->fetching) || queue_alike(e, q, item) >= batch)
        return true;
    if (!q->fetching)
        fetch(e, q, 0, batch, item->key);
    return false;
}
