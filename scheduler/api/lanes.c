#include "api/lanes.h"

#include <stdlib.h>
#include <string.h>

static struct lane_row *add(struct lane_list *l, int64_t lane)
{
    l->rows = xgrow(l->rows, &l->capacity, l->count + 1, sizeof *l->rows);
    l->rows[l->count] = (struct lane_row){.lane = lane};
    return &l->rows[l->count++];
}

static int add_own(void *ctx, const struct store_revision_lane *lane)
{
    add(ctx, lane->lane)->waiting = lane->waiting;
    return 0;
}

static int keep_part(void *ctx, const struct store_lane_row *row)
{
    struct lane_list *l = ctx;

    for (size_t i = 0; i < l->count && !l->parted; i++)
        l->parted = l->rows[i].lane == row->lane && row->of;
    return 0;
}

static int keep_whole(void *ctx, const struct store_lane_row *row)
{
    struct lane_list *l = ctx;
    bool known = row->of != 0;

    for (size_t i = 0; i < l->count; i++)
        known = known || l->rows[i].lane == row->lane;
    if (!known)
        add(l, row->lane)->paces = true;
    return 0;
}

static int by_lane(const void *a, const void *b)
{
    const struct lane_row *x = a, *y = b;

    return (x->lane > y->lane) - (x->lane < y->lane);
}

/* A part of a lane needs its lane, before it. */
static int add_whole(struct lane_list *l, struct store *s, struct err *e)
{
    int rc = store_lanes(s, keep_part, l, e);

    if (!rc && l->parted)
        rc = store_lanes(s, keep_whole, l, e);
    if (!rc && l->parted)
        qsort(l->rows, l->count, sizeof *l->rows, by_lane);
    return rc;
}

static void fill(struct lane_row *out, const struct store_lane_row *row, struct arena *a)
{
    out->channel = row->channel;
    out->sender = row->sender;
    out->channel_name = arena_strdup(a, row->channel_name);
    out->sender_name = arena_strdup(a, row->sender_name);
    out->of = row->of;
    out->first_sent = row->first_sent;
    out->zone = arena_strdup(a, row->zone);
}

static int fill_own(void *ctx, const struct store_lane_row *row)
{
    struct lane_list *l = ctx;

    for (size_t i = 0; i < l->count; i++) {
        if (l->rows[i].lane == row->lane)
            fill(&l->rows[i], row, l->arena);
    }
    return 0;
}

static int add_any(void *ctx, const struct store_lane_row *row)
{
    struct lane_list *l = ctx;

    fill(add(l, row->lane), row, l->arena);
    return 0;
}

static int read_last(struct lane_list *l, struct store *s, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; !rc && i < l->count; i++)
        rc = store_lane_last(s, l->rows[i].lane, &l->rows[i].last_due, &l->rows[i].last_answer, e);
    return rc;
}

int lanes_of(struct lane_list *l, struct store *s, int64_t revision, bool spreads, struct err *e)
{
    int rc = store_revision_lanes(s, revision, add_own, l, e);

    if (!rc)
        rc = add_whole(l, s, e);
    if (!rc)
        rc = store_lanes(s, fill_own, l, e);
    if (!rc)
        rc = read_last(l, s, e);
    for (size_t i = 0; spreads && !rc && i < l->count; i++)
        rc = store_revision_due(s, revision, l->rows[i].lane, &l->rows[i].own_due, e);
    return rc;
}

int lanes_all(struct lane_list *l, struct store *s, struct err *e)
{
    int rc = store_lanes(s, add_any, l, e);

    return rc ? rc : read_last(l, s, e);
}

void lanes_dispose(struct lane_list *l)
{
    free(l->rows);
    l->rows = NULL;
    l->count = l->capacity = 0;
}

struct engine_lane lane_spec(const struct lane_row *row)
{
    return (struct engine_lane){.id = row->lane,
                                .channel = row->channel,
                                .sender = row->sender,
                                .last_due = row->last_due,
                                .last_answer = row->last_answer,
                                .first = row->first_sent,
                                .of = row->of};
}

/* Of a part of a lane, in its zone; found once for all senders. */
static const struct schedule *schedule_of(const struct lane_list *l, const struct campaign *c,
                                          struct zones *zones,
                                          const struct engine_revision_lane *done, size_t index)
{
    const struct lane_row *row = &l->rows[index];

    if (!row->of)
        return NULL;
    for (size_t i = 0, k = 0; i < index; i++) {
        if (l->rows[i].of && strcmp(l->rows[i].zone, row->zone) == 0)
            return done[k].schedule;
        k += !l->rows[i].paces;
    }
    return campaign_schedule_in(c, row->zone, zones);
}

struct engine_revision_lane *lanes_specs(const struct lane_list *l, const struct campaign *c,
                                         struct zones *zones, struct arena *a, size_t *count)
{
    struct engine_revision_lane *specs = arena_array(a, l->count + 1, sizeof *specs);

    *count = 0;
    for (size_t i = 0; i < l->count; i++) {
        const struct lane_row *row = &l->rows[i];
        if (row->paces)
            continue;
        specs[(*count)++] =
            (struct engine_revision_lane){.lane = row->lane,
                                          .waiting = row->waiting,
                                          .last_due = row->own_due,
                                          .schedule = schedule_of(l, c, zones, specs, i)};
    }
    return specs;
}

struct engine_waiting waiting_spec(const struct store_waiting *w)
{
    return (struct engine_waiting){w->delivery, w->row, w->recipient, w->attempts, w->message};
}

struct engine_send send_spec(const struct store_send *x)
{
    return (struct engine_send){.delivery = x->delivery,
                                .campaign = x->campaign,
                                .lane = x->lane,
                                .recipient = x->recipient,
                                .claimed_at = x->claimed_at,
                                .answered_at = x->answered_at,
                                .send = x->send,
                                .again = x->again};
}
