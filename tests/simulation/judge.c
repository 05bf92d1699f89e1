/* What must hold (reliability.md §3), by brute force over what arrived and over what the store says
 * at the end. tests/check/checker.py judges the same from the records, without our code. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

struct fact { /* one send, for limits: an arrival, or a claim that was not proven unsent */
    instant_t at, claimed_at;
    int campaign, channel, sender, recipient, spec;
    int64_t delivery;
};

static struct fact fact_of(const struct sim *s, const struct arrival *a)
{
    return (struct fact){.at = a->at,
                         .claimed_at = a->claimed_at,
                         .campaign = s->specs[a->spec].campaign,
                         .channel = a->channel,
                         .sender = a->sender,
                         .recipient = a->recipient,
                         .spec = a->spec,
                         .delivery = a->delivery};
}

static bool same_scope(enum limit_scope scope, const struct fact *a, const struct fact *b)
{
    switch (scope) {
    case LIMIT_SENDER:
    case LIMIT_PERSON: /* each channel here is an account of its own */
        return a->channel == b->channel && a->sender == b->sender;
    case LIMIT_RECIPIENT:
        return a->recipient == b->recipient;
    case LIMIT_CHANNEL:
        return a->channel == b->channel;
    case LIMIT_CAMPAIGN:
        return a->campaign == b->campaign;
    }
    return false;
}

/* Whether `a` took its place no later than `x`: what comes later, of a campaign without this limit,
 * is none of its business. */
static bool before(const struct fact *a, const struct fact *x)
{
    return a->claimed_at < x->claimed_at || (a->claimed_at == x->claimed_at && a->spec == x->spec);
}

/* Of what went before this send, no span and no period with it has more than it may. */
static void judge_limit(struct sim *s, const struct conf_limit *l, const struct tz *zone,
                        const struct fact *x, const struct fact *all, size_t count,
                        const char *what)
{
    instant_t begins = 0, ends = 0;
    uint32_t n = 0;

    if (!l->rolling)
        period_of((enum period)l->period, zone, x->at, &begins, &ends);
    for (size_t i = 0; i < count; i++) {
        bool in =
            l->rolling ? all[i].at > x->at - l->span : all[i].at >= begins && all[i].at < ends;
        n += in && before(&all[i], x) && same_scope(l->scope, x, &all[i]);
    }
    if (n > l->max)
        sim_bad(s, "limit %s: %u %s at delivery %lld (revision %lld)", l->text, n, what,
                (long long)x->delivery, (long long)s->specs[x->spec].revision);
}

static void judge_limits(struct sim *s, const struct fact *x, const struct fact *all, size_t count,
                         const char *what, bool by_claim)
{
    const struct campaign *c = s->specs[x->spec].c;

    for (size_t i = 0; i < c->limit_count; i++) {
        const struct conf_limit *l = &c->limits[i];
        /* calendar limits count claims, where people send arrivals: scopes that mix both are left
         * out */
        bool mixed = l->scope == LIMIT_RECIPIENT;
        if (!l->rolling && (mixed || by_claim == (x->channel == BY_HAND)))
            continue;
        judge_limit(s, l, c->schedule.zone, x, all, count, what);
    }
}

void judge_guard(struct sim *s, const struct send *x)
{
    const struct spec *spec = &s->specs[x->spec];
    const struct schedule *h = &spec->c->schedule;
    instant_t now = sim_now(s);

    if (s->halted)
        sim_bad(s, "delivery %lld goes out while halted", (long long)x->number);
    if (!spec->approved)
        sim_bad(s, "delivery %lld of revision %lld goes out without an approval",
                (long long)x->number, (long long)x->revision);
    if (spec->held || spec->held_life == s->life)
        sim_bad(s, "delivery %lld of revision %lld goes out while paused or canceled",
                (long long)x->number, (long long)x->revision);
    if (schedule_opens(h, now) != now || now < h->start || now >= h->end)
        sim_bad(s, "delivery %lld goes out of its hours", (long long)x->number);
}

void judge_arrival(struct sim *s)
{
    size_t count = s->arrival_count;
    const struct arrival *a = &s->arrivals[count - 1];
    struct fact *all = xmalloc(count * sizeof *all);

    for (size_t i = 0; i < count; i++) {
        all[i] = fact_of(s, &s->arrivals[i]);
        if (i + 1 < count && all[i].campaign == s->specs[a->spec].campaign &&
            all[i].recipient == a->recipient)
            sim_bad(s, "w%d is written to twice by c%d: deliveries %lld and %lld", a->recipient,
                    all[i].campaign, (long long)all[i].delivery, (long long)a->delivery);
    }
    judge_limits(s, &all[count - 1], all, count, "arrivals", false);
    free(all);
}

/* --- at the end --- */

struct end {
    struct sim *sim;
    int spec;
    struct fact *claims;
    size_t claim_count, claim_capacity;
    uint64_t counts[DELIVERY_STATES];
    uint64_t seen;
};

static uint64_t arrivals_of(const struct sim *s, int64_t delivery)
{
    uint64_t n = 0;

    for (size_t i = 0; i < s->arrival_count; i++)
        n += s->arrivals[i].delivery == delivery;
    return n;
}

/* What is said of it must be true. */
static void judge_state(struct sim *s, const struct store_delivery *d)
{
    uint64_t n = arrivals_of(s, d->id);
    /* who is late may have sent and never said so: no new revision writes to them */
    bool late = d->state == DELIVERY_EXPIRED && d->reason == REASON_LATE;
    bool maybe = d->state == DELIVERY_UNKNOWN || d->state == DELIVERY_CLAIMED ||
                 d->state == DELIVERY_PROMPTED || late;

    if (d->state == DELIVERY_SENT && n != 1)
        sim_bad(s, "delivery %lld is sent and arrived %d times", (long long)d->id, (int)n);
    if (d->state != DELIVERY_SENT && !maybe && n)
        sim_bad(s, "delivery %lld is %s/%s and arrived", (long long)d->id,
                delivery_state_name(d->state), reason_name(d->reason));
}

static int end_delivery(void *ctx, const struct store_delivery *d)
{
    struct end *x = ctx;
    struct sim *s = x->sim;
    bool counts = d->claimed_at != INSTANT_MIN && d->state != DELIVERY_PENDING &&
                  d->state != DELIVERY_SKIPPED && d->state != DELIVERY_CANCELED &&
                  d->state != DELIVERY_EXPIRED && d->reason != REASON_NOT_SENT;
    int sender = 0;

    x->counts[d->state]++;
    x->seen++;
    sim_hash(s, d->id * 16 + (int64_t)d->state, (int64_t)d->reason);
    judge_state(s, d);
    if (!counts)
        return 0;
    while (strcmp(sender_names[sender], d->sender) != 0)
        sender++;
    x->claims = xgrow(x->claims, &x->claim_capacity, x->claim_count + 1, sizeof *x->claims);
    x->claims[x->claim_count++] = (struct fact){.at = d->claimed_at,
                                                .claimed_at = d->claimed_at,
                                                .campaign = s->specs[x->spec].campaign,
                                                .channel = s->specs[x->spec].channel,
                                                .sender = sender,
                                                .recipient = recipient_of(d->recipient),
                                                .spec = x->spec,
                                                .delivery = d->id};
    return 0;
}

static int end_revision(void *ctx, const struct store_revision *r)
{
    struct end *x = ctx;

    for (int i = 0; i < DELIVERY_STATES; i++)
        if (r->counts[i] != x->counts[i])
            sim_bad(x->sim, "revision %lld: %llu rows %s, and %llu counted", (long long)r->id,
                    (unsigned long long)x->counts[i], delivery_state_name((enum delivery_state)i),
                    (unsigned long long)r->counts[i]);
    if (r->audience != x->seen || x->seen != (uint64_t)x->sim->specs[x->spec].rows)
        sim_bad(x->sim, "revision %lld: audience %llu, %d submitted, %llu rows", (long long)r->id,
                (unsigned long long)r->audience, x->sim->specs[x->spec].rows,
                (unsigned long long)x->seen);
    return 0;
}

static void end_spec(struct end *x, int spec)
{
    struct sim *s = x->sim;
    int64_t revision = s->specs[spec].revision, last = 0;
    bool more = true;
    struct err e;

    x->spec = spec;
    memset(x->counts, 0, sizeof x->counts);
    x->seen = 0;
    while (more)
        sim_ok(s,
               store_deliveries(s->run->store, revision, DELIVERY_STATES, last, 1000, end_delivery,
                                x, &last, &more, &e),
               &e);
    sim_ok(s, store_revision(s->run->store, revision, end_revision, x, &e), &e);
    s->tally->deliveries += x->seen;
}

void judge_end(struct sim *s)
{
    struct end x = {.sim = s};
    uint64_t records;
    int64_t broken;
    struct err e;
    int rc = store_audit_verify(s->run->store, &records, &broken, &e);

    if (rc)
        sim_bad(s, "audit: %s", e.text);
    for (size_t i = 0; i < s->spec_count; i++)
        if (s->specs[i].revision)
            end_spec(&x, (int)i);
    for (size_t i = 0; i < x.claim_count; i++)
        judge_limits(s, &x.claims[i], x.claims, x.claim_count, "claims", true);
    free(x.claims);
    if (s->record)
        record_all(s);
}

void judge_free(struct sim *s)
{
    for (size_t i = 0; i < s->spec_count; i++) {
        campaign_free(s->specs[i].c);
        free(s->specs[i].manifest);
    }
    free(s->specs);
    free(s->arrivals);
    free(s->questions);
}
