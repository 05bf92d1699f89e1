/* Those who look after it: what is unknown, what was not sent, what stands still. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

struct row {
    int64_t delivery, revision, lane;
    enum reason reason;
};
struct rows {
    struct row rows[16];
    size_t count;
};

static int keep_row(void *ctx, const struct store_delivery *d)
{
    struct rows *x = ctx;

    if (x->count < 16)
        x->rows[x->count++] = (struct row){d->id, d->revision, d->lane, d->reason};
    return 0;
}

/* They look into the chat, and say what they see there. */
static void resolve(struct sim *s)
{
    struct rows x = {.count = 0};
    struct err e;

    sim_ok(s, store_unknowns(s->run->store, 16, keep_row, &x, &e), &e);
    for (size_t i = 0; i < x.count; i++)
        if (sim_chance(s, 40))
            decide(s, (struct decision){.kind = OUTCOME,
                                        .delivery = x.rows[i].delivery,
                                        .sent = world_arrived(s, x.rows[i].delivery)});
}

static void resend(struct sim *s)
{
    struct rows x = {.count = 0};
    struct err e;
    int64_t revision = some_revision(s), last;
    bool more;

    if (!revision)
        return;
    sim_ok(s,
           store_deliveries(s->run->store, revision, DELIVERY_FAILED, 0, 16, keep_row, &x, &last,
                            &more, &e),
           &e);
    for (size_t i = 0; i < x.count; i++)
        if (x.rows[i].reason == REASON_NOT_SENT && sim_chance(s, 30))
            decide(s, (struct decision){.kind = RESEND,
                                        .delivery = x.rows[i].delivery,
                                        .revision = x.rows[i].revision,
                                        .lane = x.rows[i].lane});
}

static int keep_paused(void *ctx, const struct store_revision *r)
{
    struct rows *x = ctx;

    if (r->status == REVISION_PAUSED && x->count < 16)
        x->rows[x->count++].revision = r->id;
    return 0;
}

/* Somebody looks after what stands still. */
static void look_after(struct sim *s)
{
    struct rows x = {.count = 0};
    struct err e;

    sim_ok(s, store_campaigns(s->run->store, keep_paused, &x, &e), &e);
    for (size_t i = 0; i < x.count; i++)
        if (sim_chance(s, 50))
            decide(s, (struct decision){.kind = RESUME,
                                        .revision = x.rows[i].revision,
                                        .spec = spec_of(s, x.rows[i].revision)});
}

static void on_operator(struct sim *s, struct event *v)
{
    int64_t revision = s->run ? some_revision(s) : 0;

    (void)v;
    sim_after(s, sim_draw(s, MS_PER_HOUR, 8 * MS_PER_HOUR), false, on_operator, 0, 0);
    if (!s->run)
        return;
    switch (sim_draw(s, 0, 9)) {
    case 0:
    case 1:
        if (revision)
            campaign_pause(s, revision, false);
        break;
    case 2:
        campaign_suppress(s, (int)sim_draw(s, 0, POOL - 1));
        break;
    case 3:
        campaign_submit(s, (int)sim_draw(s, 0, CAMPAIGNS - 1));
        break;
    case 4:
    case 5:
        resend(s);
        break;
    case 6:
    case 7:
        look_after(s);
        break;
    default:
        resolve(s);
    }
}

void operators_begin(struct sim *s)
{
    sim_after(s, MS_PER_HOUR, false, on_operator, 0, 0);
}
