#include "api/foresee.h"

#include "api/emit.h"

enum { SLICE_STEPS = 20000 };

static int any_listed(void *ctx, const struct store_suppression *x)
{
    bool *any = ctx;

    (void)x;
    *any = true;
    return 0;
}

int foresee_begin(struct foresight *f, struct store *s, const struct campaign *c,
                  const struct service_channel *channel, const struct paceline_channel *kind,
                  const char *const *senders, size_t sender_count, instant_t from,
                  struct zones *zones, struct arena *arena, struct err *e)
{
    int64_t last;
    bool more;

    f->campaign = c;
    f->senders = senders;
    f->sender_count = sender_count;
    f->carried.zones = zones;
    rehearsal_begin(&f->rehearsal, c, channel, kind, sender_count, from, zones, arena);
    return store_suppressions(s, 0, 1, any_listed, &f->listed, &last, &more, e);
}

static bool has_room(struct foresight *f)
{
    if (!f->too_many && plan_rows(f->rehearsal.plan) == FORESEE_ROWS_MAX) {
        rehearsal_dispose(&f->rehearsal);
        f->rehearsal = (struct rehearsal){.plan = NULL};
        f->too_many = true;
    }
    return !f->too_many;
}

int foresee_row(struct foresight *f, struct store *s, const struct store_row *row, size_t sender,
                const char *zone, struct err *e)
{
    enum reason skipped = row->skipped;
    bool suppressed = false;
    int64_t recipient = 0;
    int rc = f->listed && !skipped
                 ? store_is_suppressed(s, row->recipient, f->senders[sender], &suppressed, e)
                 : 0;

    if (!rc)
        rc = store_recipient(s, row->recipient, &recipient, e);
    if (rc || !has_room(f))
        return rc;
    rehearsal_row(&f->rehearsal, sender, zone, suppressed ? REASON_SUPPRESSED : skipped,
                  row->message);
    if (recipient)
        plan_recipient(f->rehearsal.plan, recipient);
    return 0;
}

/* All that is known now; then the plan begins. */
static int read_carried(struct foresight *f, struct store *s, uint64_t seed, struct err *e)
{
    const struct carried_want want = {.campaign = f->campaign->id,
                                      .channel = f->campaign->channel,
                                      .senders = f->senders,
                                      .sender_count = f->sender_count,
                                      .again = f->again};
    struct plan *p = f->rehearsal.plan;
    struct carried *c = &f->carried;
    bool more;
    int rc = carried_read(c, s, &want, &more, e);

    if (rc || more)
        return rc;
    rehearsal_zones(&f->rehearsal, f->campaign);
    plan_seed(p, seed);
    if (!c->too_many) {
        plan_beside(p, &c->others, c->campaign);
        plan_handled(p, c->handled, c->handled_count);
    }
    f->begun = true;
    return 0;
}

int foresee_run(struct foresight *f, struct store *s, uint64_t seed, bool *more, struct err *e)
{
    *more = true;
    f->carried.store = s;
    if (!f->begun)
        return read_carried(f, s, seed, e);
    *more = plan_run(f->rehearsal.plan, SLICE_STEPS);
    if (!plan_failed(f->rehearsal.plan))
        return 0;
    *e = f->carried.e;
    return e->code;
}

struct planned foresee_whose(const struct foresight *f, const struct digest *revision,
                             uint64_t seed)
{
    return (struct planned){.campaign = f->campaign->id,
                            .channel = f->campaign->channel,
                            .revision = revision,
                            .senders = f->senders,
                            .sender_count = f->sender_count,
                            .zone = f->campaign->schedule.zone,
                            .seed = seed};
}

/* What was taken into account. */
static void put_live(struct strbuf *out, const struct foresight *f)
{
    const struct carried *c = &f->carried;

    emit_key(out, "live");
    emit_open(out, '{');
    emit_put_instant(out, "at", c->now, f->campaign->schedule.zone);
    emit_put_number(out, "campaigns", (int64_t)c->campaigns);
    emit_put_number(out, "paused", (int64_t)c->paused);
    emit_put_number(out, "waiting", (int64_t)c->waiting);
    emit_put_bool(out, "halted", c->halted);
    strbuf_putc(out, '}');
}

void foresee_sum(const struct foresight *f, const struct digest *revision, uint64_t seed,
                 struct strbuf *out)
{
    const struct planned whose = foresee_whose(f, revision, seed);

    planned_sum_open(out, &whose, f->rehearsal.plan);
    if (!f->carried.too_many)
        put_live(out, f);
    strbuf_putc(out, '}');
}

void foresee_dispose(struct foresight *f)
{
    rehearsal_dispose(&f->rehearsal);
    carried_dispose(&f->carried);
}
