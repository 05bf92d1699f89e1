/* A cell of a rolling limit: `max` release instants, ascending, INSTANT_MIN where there is none
 * yet. What is not released yet is at its end. A new one takes the place of the first, which is
 * released before any of the others could matter.
 *
 *     [ MIN | MIN | released | live | live ]
 *
 * A cell of a calendar limit counts one period; when another one has begun it counts nothing. */
#include "engine/caps.h"

#include "base/arena.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_BYTES = 512 };

struct counter {
    uint32_t turn, used;
};

static void init(struct caps *c, size_t cell_size)
{
    c->cell_size = cell_size;
    c->page_cells = cell_size < PAGE_BYTES ? PAGE_BYTES / cell_size : 1;
}

void caps_init_rolling(struct caps *c, uint32_t max, duration_t span)
{
    assert(max > 0 && max <= LIMIT_MAX && span > 0);
    *c = (struct caps){.max = max, .span = span};
    init(c, max * sizeof(instant_t));
}

void caps_init_calendar(struct caps *c, uint32_t max, enum period period, const struct tz *zone)
{
    assert(max > 0 && zone);
    *c = (struct caps){
        .max = max, .period = period, .zone = zone, .begins = INSTANT_MIN, .ends = INSTANT_MIN};
    init(c, sizeof(struct counter));
}

void caps_dispose(struct caps *c)
{
    size_t at = 0;

    for (void *page; (page = map_each(&c->pages, &at));)
        free(page);
    map_dispose(&c->pages);
    map_dispose(&c->open);
}

/* NULL: the recipient has none yet. */
static void *find_cell(const struct caps *c, int64_t recipient)
{
    uint64_t number = (uint64_t)recipient;
    char *page = map_get(&c->pages, (int64_t)(number / c->page_cells));

    return page ? page + number % c->page_cells * c->cell_size : NULL;
}

static void *cell_of(struct caps *c, int64_t recipient)
{
    uint64_t number = (uint64_t)recipient;
    int64_t key = (int64_t)(number / c->page_cells);

    if (!map_get(&c->pages, key)) {
        size_t instants = c->span ? c->page_cells * c->max : 0;
        instant_t *page = xmalloc(c->page_cells * c->cell_size);
        for (size_t i = 0; i < instants; i++)
            page[i] = INSTANT_MIN;
        map_put(&c->pages, key, page);
    }
    return find_cell(c, recipient);
}

static uint32_t open_of(const struct caps *c, int64_t recipient)
{
    return c->open.count ? (uint32_t)(uintptr_t)map_get(&c->open, recipient) : 0;
}

static void set_open(struct caps *c, int64_t recipient, uint32_t count)
{
    if (count)
        map_put(&c->open, recipient, (void *)(uintptr_t)count);
    else
        map_remove(&c->open, recipient);
}

static instant_t rolling_ready(const struct caps *c, int64_t recipient, instant_t now)
{
    const instant_t *cell = find_cell(c, recipient);
    uint32_t first = cell ? 0 : c->max, open = open_of(c, recipient);

    while (first < c->max && cell[first] <= now)
        first++;
    uint32_t live = c->max - first;
    if (open + live < c->max)
        return now;
    uint32_t too_many = open + live - c->max + 1; /* must be released first */
    return !cell || too_many > live ? INSTANT_NEVER : cell[first + too_many - 1];
}

static instant_t calendar_ready(const struct caps *c, int64_t recipient, instant_t now)
{
    const struct counter *cell = find_cell(c, recipient);
    uint32_t open = open_of(c, recipient);
    uint32_t used = cell && now < c->ends && cell->turn == c->turn ? cell->used : 0;

    instant_t begins, ends = c->ends;

    if (open + used < period_max(c->max, c->zone, now))
        return now;
    if (now >= ends)
        period_of(c->period, c->zone, now, &begins, &ends);
    return open < period_max(c->max, c->zone, ends) ? ends : INSTANT_NEVER;
}

instant_t caps_ready_at(const struct caps *c, int64_t recipient, instant_t now)
{
    return c->span ? rolling_ready(c, recipient, now) : calendar_ready(c, recipient, now);
}

static uint32_t rolling_live(const struct caps *c, int64_t recipient, instant_t now,
                             instant_t *since)
{
    const instant_t *cell = find_cell(c, recipient);
    uint32_t first = cell ? 0 : c->max;

    while (first < c->max && cell[first] <= now)
        first++;
    *since = first < c->max ? cell[first] - c->span : INSTANT_MIN;
    return c->max - first;
}

uint32_t caps_used(const struct caps *c, int64_t recipient, instant_t now, instant_t *since)
{
    const struct counter *cell;

    if (c->span)
        return open_of(c, recipient) + rolling_live(c, recipient, now, since);
    cell = find_cell(c, recipient);
    bool counted = cell && now < c->ends && cell->turn == c->turn;
    *since = counted ? c->begins : INSTANT_MIN;
    return open_of(c, recipient) + (counted ? cell->used : 0);
}

void caps_open(struct caps *c, int64_t recipient)
{
    set_open(c, recipient, open_of(c, recipient) + 1);
}

void caps_close(struct caps *c, int64_t recipient)
{
    uint32_t open = open_of(c, recipient);

    assert(open > 0);
    set_open(c, recipient, open - 1);
}

static void count_rolling(struct caps *c, int64_t recipient, instant_t answered_at)
{
    instant_t *cell = cell_of(c, recipient), *last = &cell[c->max - 1];
    instant_t release = instant_add(answered_at, c->span);

    release = release > *last ? release : *last; /* a clock that went back frees nothing early */
    memmove(cell, cell + 1, (c->max - 1) * sizeof *cell);
    *last = release;
}

static void turn_to(struct caps *c, instant_t now)
{
    if (now < c->ends)
        return;
    period_of(c->period, c->zone, now, &c->begins, &c->ends);
    c->turn++;
}

void caps_count(struct caps *c, int64_t recipient, instant_t at, instant_t now)
{
    if (c->span) {
        if (instant_add(at, c->span) > now)
            count_rolling(c, recipient, at);
        return;
    }
    turn_to(c, now);
    if (at < c->begins || at >= c->ends)
        return;
    struct counter *cell = cell_of(c, recipient);
    *cell = (struct counter){c->turn, cell->turn == c->turn ? cell->used + 1 : 1};
}

void caps_uncount(struct caps *c, int64_t recipient, instant_t claimed_at)
{
    struct counter *cell = find_cell(c, recipient);

    if (claimed_at < c->begins || claimed_at >= c->ends)
        return; /* its period is over */
    assert(cell && cell->turn == c->turn && cell->used > 0);
    cell->used--;
}

void caps_shift(struct caps *c, duration_t by)
{
    size_t at = 0;

    if (!c->span)
        return;
    for (instant_t *page; (page = map_each(&c->pages, &at));) {
        for (size_t i = 0; i < c->page_cells * c->max; i++)
            page[i] = page[i] == INSTANT_MIN ? INSTANT_MIN : instant_add(page[i], by);
    }
}
