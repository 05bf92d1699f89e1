/* The store against a model of it in a few arrays: random decisions, commits, failures and
 * restarts.
 *
 * Laws, after every step: what the store answers is what the model says; counters are a recount of
 * the rows and add up to the audience; after every restart the audit log verifies. PACELINE_SEED=n
 * runs one seed. */
#include "fixture.h"

#include "core/prng.h"

enum { SEEDS = 30, STEPS = 120, REVISIONS = 128, DELIVERIES = 4096, ROWS_MAX = 12, BATCH = 6 };
enum { CAMPAIGNS = 3, RECIPIENTS = 16 };

struct m_delivery {
    int revision, lane, recipient;
    uint64_t row;
    enum delivery_state state;
    enum reason reason;
    uint32_t attempts;
    instant_t claimed_at;
};

struct m_revision {
    int64_t id;
    int campaign, version, approvers;
    bool again;
    enum revision_status status;
    unsigned approved_by; /* bit a person */
    enum delivery_state closed;
    enum reason closed_reason;
    int first, count; /* deliveries */
};

struct model {
    struct fixture *f;
    struct prng random;
    struct m_revision r[REVISIONS];
    struct m_delivery d[DELIVERIES]; /* by id */
    int revisions, last_delivery;    /* both from 1 */
    int64_t next_revision;
};

static uint64_t seed_running;
static const char *const campaigns[CAMPAIGNS] = {"spring", "autumn", "winter"};
static const char *const people[] = {"alice", "bo", "cy", "di"}; /* alice submits */

static int below(struct model *m, int n)
{
    return (int)prng_below(&m->random, (uint64_t)n);
}

/* --- the model's own rules --- */

static void m_close(struct model *m, struct m_revision *r, enum delivery_state state,
                    enum reason reason)
{
    r->closed = state;
    r->closed_reason = reason;
    for (int i = r->first; i < r->first + r->count; i++)
        if (m->d[i].state == DELIVERY_PENDING) {
            m->d[i].state = state;
            m->d[i].reason = reason;
        }
}

static bool handled(enum delivery_state s)
{
    return s == DELIVERY_CLAIMED || s == DELIVERY_PROMPTED || s == DELIVERY_SENT ||
           s == DELIVERY_UNKNOWN;
}

static void m_skip_handled(struct model *m, int index)
{
    struct m_revision *r = &m->r[index];
    for (int i = r->first; i < r->first + r->count; i++)
        for (int k = 1; k < r->first && m->d[i].state == DELIVERY_PENDING; k++)
            if (m->r[m->d[k].revision].campaign == r->campaign && handled(m->d[k].state) &&
                m->d[k].recipient == m->d[i].recipient) {
                m->d[i].state = DELIVERY_SKIPPED;
                m->d[i].reason = REASON_ALREADY_HANDLED;
            }
}

static bool live(const struct m_revision *r)
{
    return r->status == REVISION_DRAFT || r->status == REVISION_APPROVED ||
           r->status == REVISION_PAUSED;
}

/* Nothing of what was approved may still go or is on its way. */
static bool done(const struct model *m, const struct m_revision *r)
{
    for (int i = r->first; i < r->first + r->count; i++)
        if (m->d[i].state == DELIVERY_PENDING || m->d[i].state == DELIVERY_CLAIMED ||
            m->d[i].state == DELIVERY_PROMPTED)
            return false;
    return r->status != REVISION_DRAFT;
}

/* --- checking --- */

static int check_delivery(void *ctx, const struct store_delivery *d)
{
    struct model *m = ctx;
    const struct m_delivery *x = &m->d[d->id];
    char name[16];
    snprintf(name, sizeof(name), "w%d", x->recipient);
    if (d->state != x->state || d->reason != x->reason || d->attempts != x->attempts ||
        d->row != x->row || strcmp(d->recipient, name) != 0 || d->lane != m->f->lane[x->lane])
        fail_msg("delivery %lld: %s/%d attempts %u row %llu; the model says %s/%d %u %llu",
                 (long long)d->id, delivery_state_name(d->state), d->reason, d->attempts,
                 (unsigned long long)d->row, delivery_state_name(x->state), x->reason, x->attempts,
                 (unsigned long long)x->row);
    return 0;
}

static void check_revision(struct model *m, const struct m_revision *r, bool rows)
{
    struct fixture *f = m->f;
    struct view v = view(f, r->id);
    uint64_t counts[DELIVERY_STATES] = {0}, sum = 0;
    for (int i = r->first; i < r->first + r->count; i++)
        counts[m->d[i].state]++;
    for (int i = 0; i < DELIVERY_STATES; i++) {
        assert_int_equal(v.counts[i], counts[i]);
        sum += v.counts[i];
    }
    assert_int_equal(sum, v.audience);
    assert_int_equal(v.audience, r->count);
    assert_int_equal(v.status, r->status);
    int64_t last = 0;
    bool more = rows;
    while (more)
        OK(store_deliveries(f->s, r->id, DELIVERY_STATES, last, 5, check_delivery, m, &last, &more,
                            &f->e));
    if (rows && r->count)
        assert_int_equal(last, r->first + r->count - 1);
}

static int current_of(struct model *m, int campaign)
{
    int best = 0, rank = -1;
    for (int i = 1; i <= m->revisions; i++) {
        int mine = live(&m->r[i]) ? 2 : m->r[i].status != REVISION_REJECTED;
        if (m->r[i].campaign == campaign && mine >= rank) {
            best = i;
            rank = mine;
        }
    }
    return best;
}

static void check_all(struct model *m, bool rows)
{
    struct fixture *f = m->f;
    for (int i = 1; i <= m->revisions; i++)
        check_revision(m, &m->r[i], rows);
    for (int i = 0; i < CAMPAIGNS; i++) {
        struct view v;
        int current = current_of(m, i);
        if (!current)
            continue;
        OK(store_campaign(f->s, campaigns[i], keep_view, &v, &f->e));
        assert_int_equal(v.id, m->r[current].id);
    }
}

/* --- steps --- */

static void load_rows(struct model *m, int64_t loading, int count, bool keep)
{
    struct fixture *f = m->f;
    for (int done = 0; done < count;) {
        struct store_row rows[ROWS_MAX];
        char names[ROWS_MAX][16];
        int n = 1 + below(m, count - done);
        for (int i = 0; i < n; i++) {
            int recipient = below(m, RECIPIENTS), lane = below(m, 2);
            bool skip = below(m, 8) == 0;
            snprintf(names[i], sizeof(names[i]), "w%d", recipient);
            rows[i] = (struct store_row){(uint64_t)(done + i + 1),
                                         f->lane[lane],
                                         names[i],
                                         NULL,
                                         skip ? REASON_SUPPRESSED : REASON_NONE,
                                         0};
            m->last_delivery++;
            assert_true(m->last_delivery < DELIVERIES);
            m->d[m->last_delivery] = (struct m_delivery){keep ? m->revisions + 1 : 0,
                                                         lane,
                                                         recipient,
                                                         (uint64_t)(done + i + 1),
                                                         skip ? DELIVERY_SKIPPED : DELIVERY_PENDING,
                                                         rows[i].skipped,
                                                         0,
                                                         INSTANT_MIN};
        }
        OK(store_submit_rows(f->s, loading, rows, (size_t)n, &f->e));
        done += n;
    }
}

static int find_same(struct model *m, int campaign, int version)
{
    for (int i = 1; i <= m->revisions; i++)
        if (m->r[i].campaign == campaign && m->r[i].version == version && live(&m->r[i]))
            return i;
    return 0;
}

static void submit_ended(struct model *m, int campaign)
{
    for (int i = 1; i < m->revisions; i++) {
        struct m_revision *old = &m->r[i];
        if (old->campaign != campaign)
            continue;
        if (old->status == REVISION_APPROVED)
            old->status = REVISION_PAUSED;
        if (old->status == REVISION_DRAFT) {
            old->status = REVISION_CANCELED;
            m_close(m, old, DELIVERY_CANCELED, REASON_SUPERSEDED);
        }
    }
}

static void step_submit(struct model *m)
{
    struct fixture *f = m->f;
    int campaign = below(m, CAMPAIGNS), count = below(m, ROWS_MAX), first = m->last_delivery + 1;
    struct m_revision r = {.campaign = campaign,
                           .version = below(m, 20),
                           .approvers = 1 + (below(m, 4) == 0),
                           .again = below(m, 6) == 0,
                           .status = REVISION_DRAFT,
                           .first = first,
                           .count = count};
    struct store_submission sub = {campaigns[campaign], "t", "alice", ++f->now};
    int same = find_same(m, campaign, r.version), end = below(m, 8);
    char manifest[96];
    int64_t loading;
    bool again;

    OK(store_submit_begin(f->s, &sub, &loading, &f->e));
    load_rows(m, loading, count, end > 0 && !same);
    if (end == 0) { /* given up, or left lying for the next start */
        if (below(m, 2))
            OK(store_submit_drop(f->s, loading, &f->e));
        return;
    }
    if (same) /* the same digest has the same content */
        r.again = m->r[same].again;
    snprintf(manifest, sizeof(manifest), "{\"c\":%d,\"v\":%d,\"revision\":{\"again\":%s}}",
             campaign, r.version, r.again ? "true" : "false");
    struct store_freeze freeze = {.campaign = campaigns[campaign],
                                  .by = "alice",
                                  .at = ++f->now,
                                  .manifest = manifest,
                                  .digest = digest_of(manifest, strlen(manifest)),
                                  .channel = "dry",
                                  .approvers = r.approvers};
    OK(store_submit_end(f->s, loading, &freeze, &r.id, &again, &f->e));
    assert_int_equal(again, same != 0);
    if (same) {
        assert_int_equal(r.id, m->r[same].id);
        return;
    }
    m->r[++m->revisions] = r;
    assert_true(m->revisions < REVISIONS - 1);
    submit_ended(m, campaign);
}

static void approved(struct model *m, int index)
{
    struct m_revision *r = &m->r[index];
    r->status = REVISION_APPROVED;
    if (!r->again)
        m_skip_handled(m, index);
    for (int i = 1; i < index; i++)
        if (m->r[i].campaign == r->campaign && live(&m->r[i])) {
            m->r[i].status = REVISION_CANCELED;
            m_close(m, &m->r[i], DELIVERY_CANCELED, REASON_SUPERSEDED);
        }
}

static void step_approve(struct model *m, int index)
{
    struct fixture *f = m->f;
    struct m_revision *r = &m->r[index];
    int who = below(m, 4);
    bool allow_self = below(m, 5) == 0, reached = false;
    struct store_decision d = by(f, people[who]);
    int rc = store_approve(f->s, r->id, &d, allow_self, &reached, &f->e);

    int expected = 0;
    if (r->status != REVISION_DRAFT)
        expected = ERR_REFUSED;
    else if ((who == 0 && !allow_self) || r->approved_by >> who & 1)
        expected = ERR_DENIED;
    assert_int_equal(rc, expected);
    if (rc)
        return;
    r->approved_by |= 1U << who;
    assert_int_equal(reached, __builtin_popcount(r->approved_by) >= r->approvers);
    if (reached)
        approved(m, index);
}

static void step_decide(struct model *m, int index, int which)
{
    struct fixture *f = m->f;
    struct m_revision *r = &m->r[index];
    enum revision_status was = r->status;
    struct store_decision d = by(f, "bo");
    uint64_t n[3];
    bool may, was_approved = was == REVISION_APPROVED || was == REVISION_PAUSED;
    int rc;

    switch (which) {
    case 0:
        rc = store_reject(f->s, r->id, &d, &f->e);
        if ((may = was == REVISION_DRAFT))
            r->status = REVISION_REJECTED;
        break;
    case 1:
        rc = store_pause(f->s, r->id, &d, &f->e);
        if ((may = was == REVISION_APPROVED))
            r->status = REVISION_PAUSED;
        break;
    case 2:
        rc = store_resume(f->s, r->id, &d, &f->e);
        if ((may = was == REVISION_PAUSED))
            r->status = REVISION_APPROVED;
        break;
    case 3:
        rc = store_cancel(f->s, r->id, &d, &n[0], &n[1], &n[2], &f->e);
        if ((may = live(r) && !done(m, r)))
            r->status = REVISION_CANCELED;
        break;
    default:
        if (!was_approved)
            return;
        rc = store_expire(f->s, r->id, d.at, &n[0], &f->e);
        may = true;
        if (r->closed == DELIVERY_PENDING)
            m_close(m, r, DELIVERY_EXPIRED, REASON_ENDED);
    }
    assert_int_equal(rc, may ? 0 : ERR_REFUSED);
    if (may && (which == 0 || which == 3))
        m_close(m, r, DELIVERY_CANCELED, REASON_CANCELED);
}

/* The next waiting ones of a lane, which must be exactly the model's. */
static size_t fetch(struct model *m, int index, int lane, struct store_waiting out[BATCH])
{
    struct fixture *f = m->f;
    struct m_revision *r = &m->r[index];
    size_t count, at = 0;
    OK(store_fetch(f->s, r->id, f->lane[lane], 0, 0, out, BATCH, &count, &f->e));
    for (int i = r->first; i < r->first + r->count && at < BATCH; i++)
        if (m->d[i].state == DELIVERY_PENDING && m->d[i].lane == lane) {
            assert_true(at < count);
            assert_int_equal(out[at].delivery, i);
            assert_int_equal(out[at++].attempts, m->d[i].attempts);
        }
    assert_int_equal(at, count);
    return count;
}

static size_t make_results(struct model *m, struct store_result out[BATCH])
{
    static const enum delivery_state to[] = {DELIVERY_SENT, DELIVERY_SENT, DELIVERY_FAILED,
                                             DELIVERY_UNKNOWN, DELIVERY_PENDING};
    size_t n = 0;
    for (int i = 1; i <= m->last_delivery && n < BATCH; i++) {
        struct m_delivery *d = &m->d[i];
        if (d->revision == 0 || d->state != DELIVERY_CLAIMED || below(m, 2))
            continue;
        struct m_revision *r = &m->r[d->revision];
        enum delivery_state state = to[below(m, 5)];
        out[n++] = (struct store_result){.delivery = i,
                                         .at = m->f->now,
                                         .revision = r->id,
                                         .lane = m->f->lane[d->lane],
                                         .state = state,
                                         .claimed_at = d->claimed_at};
        d->state = state;
        d->reason = REASON_NONE;
        if (state == DELIVERY_PENDING && r->closed != DELIVERY_PENDING) {
            d->state = r->closed;
            d->reason = r->closed_reason;
        }
    }
    return n;
}

static void step_commit(struct model *m, int index)
{
    struct fixture *f = m->f;
    struct m_revision *r = &m->r[index];
    struct store_waiting w[BATCH];
    struct store_claim c[BATCH + 1];
    struct store_result results[BATCH];
    int lane = below(m, 2);
    size_t n = fetch(m, index, lane, w), claims = 0;

    f->now++;
    for (size_t i = 0; i < n && below(m, 4); i++)
        c[claims++] = (struct store_claim){.delivery = w[i].delivery,
                                           .at = f->now,
                                           .due_at = f->now - 1,
                                           .revision = r->id,
                                           .lane = f->lane[lane],
                                           .progress = w[i].delivery};
    size_t real = claims;
    if (r->count) { /* and one at random, which may well have gone already */
        int i = r->first + below(m, r->count);
        if (m->d[i].state != DELIVERY_PENDING)
            c[claims++] = (struct store_claim){.delivery = i,
                                               .at = f->now,
                                               .revision = r->id,
                                               .lane = f->lane[m->d[i].lane],
                                               .progress = i + 100};
    }
    size_t answers = make_results(m, results);
    if (claims > real && m->d[c[real].delivery].state == DELIVERY_PENDING)
        claims--; /* it has just come back */
    struct store_commit commit = {f->now, c, claims, results, answers, NULL};
    OK(store_commit(f->s, &commit, &f->e));
    for (size_t i = 0; i < claims; i++) {
        struct m_delivery *d = &m->d[c[i].delivery];
        assert_int_equal(c[i].refused, i >= real || r->status != REVISION_APPROVED);
        if (c[i].refused)
            continue;
        assert_int_equal(atoi(c[i].recipient + 1), d->recipient);
        d->state = DELIVERY_CLAIMED;
        d->reason = REASON_NONE;
        d->attempts++;
        d->claimed_at = f->now;
    }
    store_commit_dispose(&commit);
}

static void step_settle(struct model *m)
{
    struct fixture *f = m->f;
    if (m->last_delivery == 0)
        return;
    int i = 1 + below(m, m->last_delivery), which = below(m, 3);
    struct m_delivery *d = &m->d[i];
    struct store_decision decision = by(f, "rita");
    int rc = which == 2 ? store_resend(f->s, i, &decision, &f->e)
                        : store_outcome(f->s, i, which == 1, &decision, &f->e);
    struct m_revision *r = &m->r[d->revision];
    if (d->revision == 0) {
        assert_int_equal(rc, ERR_NOTFOUND);
        return;
    }
    bool may = which == 2 ? d->state == DELIVERY_FAILED && r->closed == DELIVERY_PENDING &&
                                (r->status == REVISION_APPROVED || r->status == REVISION_PAUSED)
                          : d->state == DELIVERY_UNKNOWN;
    assert_int_equal(rc, may ? 0 : ERR_REFUSED);
    if (!may)
        return;
    d->state = which == 2 ? DELIVERY_PENDING : which == 1 ? DELIVERY_SENT : DELIVERY_FAILED;
    d->reason = which == 0 ? REASON_NOT_SENT : REASON_NONE;
}

static void step_restart(struct model *m)
{
    struct fixture *f = m->f;
    uint64_t unknown, expected = 0;
    fixture_reopen(f);
    verify(f);
    for (int i = 1; i <= m->last_delivery; i++) {
        struct m_delivery *d = &m->d[i];
        if (d->revision && d->state == DELIVERY_CLAIMED) {
            d->state = DELIVERY_UNKNOWN;
            d->reason = REASON_INTERRUPTED;
            expected++;
        }
    }
    /* ids of what was dropped at the end are given out again */
    while (m->last_delivery && m->d[m->last_delivery].revision == 0)
        m->last_delivery--;
    OK(store_recover(f->s, ++f->now, &unknown, &f->e));
    assert_int_equal(unknown, expected);
    check_all(m, true);
}

static void step(struct model *m)
{
    int what = below(m, 40), index = m->revisions ? 1 + below(m, m->revisions) : 0;

    if (m->revisions && below(m, 3)) /* mostly the recent ones */
        index = m->revisions - below(m, m->revisions < 3 ? m->revisions : 3);
    if (what < 5 || index == 0)
        step_submit(m);
    else if (what < 13)
        step_approve(m, index);
    else if (what < 17)
        step_decide(m, index, below(m, 5));
    else if (what < 19)
        step_decide(m, index, 2);
    else if (what < 32)
        step_commit(m, index);
    else if (what < 38)
        step_settle(m);
    else
        step_restart(m);
}

static void store_follows_the_model(void **state)
{
    struct fixture *f = *state;
    struct model *m = test_calloc(1, sizeof(*m));
    m->f = f;
    prng_seed(&m->random, seed_running);
    for (int i = 0; i < STEPS; i++) {
        step(m);
        check_all(m, i % 10 == 0);
    }
    step_restart(m);
    test_free(m);
}

static uint64_t seeds_begun;

static int setup_seed(void **state)
{
    const char *one = getenv("PACELINE_SEED");
    seed_running = one ? strtoull(one, NULL, 10) : ++seeds_begun;
    return setup(state);
}

int main(void)
{
    static char names[SEEDS][24];
    struct CMUnitTest tests[SEEDS];

    for (int i = 0; i < SEEDS; i++) {
        snprintf(names[i], sizeof(names[0]), "SEED=%d", i + 1); /* named when it fails */
        tests[i] =
            (struct CMUnitTest){names[i], store_follows_the_model, setup_seed, teardown, NULL};
    }
    return _cmocka_run_group_tests("model", tests, getenv("PACELINE_SEED") ? 1 : SEEDS, NULL, NULL);
}
