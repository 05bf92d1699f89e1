#include "api/foresee.h"

enum { SLICE_STEPS = 100000 };

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
    rehearsal_begin(&f->rehearsal, c, channel, kind, sender_count, from, zones, arena);
    return store_suppressions(s, 0, 1, any_listed, &f->listed, &last, &more, e);
}

static bool has_room(struct foresight *f)
{
    if (!f->too_many && plan_rows(f->rehearsal.plan) == FORESEE_ROWS_MAX) {
        foresee_dispose(f);
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
    int rc = f->listed && !skipped
                 ? store_is_suppressed(s, row->recipient, f->senders[sender], &suppressed, e)
                 : 0;

    if (rc || !has_room(f))
        return rc;
    rehearsal_row(&f->rehearsal, sender, zone, suppressed ? REASON_SUPPRESSED : skipped,
                  row->message);
    return 0;
}

bool foresee_run(struct foresight *f, uint64_t seed)
{
    if (!f->begun) {
        rehearsal_zones(&f->rehearsal, f->campaign);
        plan_seed(f->rehearsal.plan, seed);
        f->begun = true;
    }
    return plan_run(f->rehearsal.plan, SLICE_STEPS);
}

void foresee_sum(const struct foresight *f, const struct digest *revision, uint64_t seed,
                 struct strbuf *out)
{
    const struct planned whose = {.campaign = f->campaign->id,
                                  .channel = f->campaign->channel,
                                  .revision = revision,
                                  .senders = f->senders,
                                  .sender_count = f->sender_count,
                                  .zone = f->campaign->schedule.zone,
                                  .seed = seed};

    planned_sum_open(out, &whose, f->rehearsal.plan);
    strbuf_putc(out, '}');
}

void foresee_dispose(struct foresight *f)
{
    rehearsal_dispose(&f->rehearsal);
}
