/* Claims and results: one transaction, refused where nothing may be sent, nothing lost or repeated.
 */
#include "fixture.h"

static size_t fetch(struct fixture *f, int64_t revision, int lane, int64_t after,
                    struct store_waiting out[8], size_t cap)
{
    size_t count;
    OK(store_fetch(f->s, revision, f->lane[lane], after, 0, out, cap, &count, &f->e));
    return count;
}

static void fetch_is_in_order_and_without_the_settled(void **state)
{
    struct fixture *f = *state;
    struct store_waiting w[8];
    int64_t revision = submit(f, "spring", 1);
    approve(f, revision);
    assert_int_equal(fetch(f, revision, 0, 0, w, 8), 2);
    assert_int_equal(w[0].delivery, 1);
    assert_int_equal(w[0].row, 1);
    assert_int_equal(w[1].delivery, 3);
    assert_int_equal(w[1].attempts, 0);
    assert_int_equal(fetch(f, revision, 0, 0, w, 1), 1);
    assert_int_equal(fetch(f, revision, 0, 1, w, 8), 1);
    assert_int_equal(fetch(f, revision, 1, 0, w, 8), 2);
    assert_int_equal(w[0].delivery, 2);
    assert_true(w[0].recipient != w[1].recipient);

    assert_true(claim(f, revision, 1, f->lane[0]));
    assert_int_equal(fetch(f, revision, 0, 0, w, 8), 1);
    assert_int_equal(w[0].delivery, 3);
    assert_true(claim(f, revision, 3, f->lane[0]));
    assert_int_equal(fetch(f, revision, 0, 0, w, 8), 0);
    answer(f, 1, DELIVERY_PENDING, REASON_CHANNEL_UNREACHABLE); /* proven not sent: it is back */
    answer(f, 3, DELIVERY_SENT, REASON_NONE);
    assert_int_equal(fetch(f, revision, 0, 0, w, 8), 1);
    assert_int_equal(w[0].delivery, 1);
    assert_int_equal(w[0].attempts, 1);
    assert_stands(f, 1, DELIVERY_PENDING, REASON_CHANNEL_UNREACHABLE);
}

/* A claim decided before it was known that an earlier one came back must not hide that one. */
static void progress_never_passes_what_came_back(void **state)
{
    struct fixture *f = *state;
    struct store_waiting w[8];
    int64_t revision = submit(f, "spring", 1);
    approve(f, revision);
    assert_true(claim(f, revision, 1, f->lane[0]));
    struct store_result r = {.delivery = 1,
                             .at = ++f->now,
                             .revision = revision,
                             .lane = f->lane[0],
                             .progress = 1,
                             .state = DELIVERY_PENDING,
                             .claimed_at = seen(f, 1).claimed_at};
    struct store_claim c = {
        .delivery = 3, .at = f->now, .revision = revision, .lane = f->lane[0], .progress = 3};
    struct store_commit commit = {f->now, &c, 1, &r, 1, NULL};
    OK(store_commit(f->s, &commit, &f->e));
    store_commit_dispose(&commit);
    assert_int_equal(fetch(f, revision, 0, 0, w, 8), 1);
    assert_int_equal(w[0].delivery, 1);
}

static void claims_bring_what_rendering_needs(void **state)
{
    struct fixture *f = *state;
    int64_t revision = submit(f, "spring", 1);
    approve(f, revision);
    struct store_claim c[3] = {
        {.delivery = 1, .at = f->now, .due_at = 7, .revision = revision, .lane = f->lane[0]},
        {.delivery = 1, .at = f->now, .due_at = 8, .revision = revision, .lane = f->lane[0]},
        {.delivery = 2, .at = f->now, .due_at = 9, .revision = revision, .lane = f->lane[1]},
    };
    struct store_commit commit = {.at = f->now, .claims = c, .claim_count = 3};
    OK(store_commit(f->s, &commit, &f->e));
    assert_false(c[0].refused);
    assert_true(c[1].refused); /* twice in one commit */
    assert_null(c[1].recipient);
    assert_string_equal(c[0].recipient, "w1");
    assert_string_equal(c[0].sender, "a");
    assert_string_equal(c[0].values, "[\"v\"]");
    assert_string_equal(c[2].recipient, "w2");
    assert_string_equal(c[2].sender, "b");
    store_commit_dispose(&commit);
    assert_int_equal(seen(f, 1).due_at, 7);
    assert_int_equal(seen(f, 1).claimed_at, f->now);
    assert_int_equal(seen(f, 1).settled_at, INSTANT_MIN);
    assert_int_equal(view(f, revision).counts[DELIVERY_CLAIMED], 2);
}

static void claims_are_refused_where_nothing_may_go(void **state)
{
    struct fixture *f = *state;
    struct store_decision bo = by(f, "bo");
    int64_t revision = submit(f, "spring", 1);
    assert_false(claim(f, revision, 1, f->lane[0])); /* a draft */
    approve(f, revision);
    uint64_t records = verify(f);
    assert_false(claim(f, revision, 99, f->lane[0]));
    assert_int_equal(verify(f), records); /* nothing written for it */
    assert_true(claim(f, revision, 1, f->lane[0]));
    assert_false(claim(f, revision, 1, f->lane[0])); /* claimed already */
    OK(store_pause(f->s, revision, &bo, &f->e));
    assert_false(claim(f, revision, 2, f->lane[1]));
    OK(store_resume(f->s, revision, &bo, &f->e));
    assert_true(claim(f, revision, 2, f->lane[1]));
    answer(f, 2, DELIVERY_SENT, REASON_NONE);
    assert_false(claim(f, revision, 2, f->lane[1]));
    uint64_t n;
    OK(store_expire(f->s, revision, ++f->now, &n, &f->e));
    assert_int_equal(n, 2);
    assert_false(claim(f, revision, 3, f->lane[0]));
    assert_stands(f, 3, DELIVERY_EXPIRED, REASON_ENDED);
    answer(f, 1, DELIVERY_PENDING, REASON_NONE); /* past the end there is no coming back */
    assert_stands(f, 1, DELIVERY_EXPIRED, REASON_ENDED);
    OK(store_expire(f->s, revision, ++f->now, &n, &f->e));
    assert_int_equal(n, 0);
    verify(f);
}

static void answers_fit_their_claim(void **state)
{
    struct fixture *f = *state;
    int64_t revision = submit(f, "spring", 1);
    approve(f, revision);
    assert_int_equal(answer_rc(f, 1, DELIVERY_SENT, REASON_NONE), ERR_INTERNAL); /* not claimed */
    assert_true(claim(f, revision, 1, f->lane[0]));
    struct store_result r = {.delivery = 1,
                             .at = ++f->now,
                             .revision = revision,
                             .lane = f->lane[0],
                             .state = DELIVERY_SENT,
                             .claimed_at = 5};
    struct store_commit commit = {.at = f->now, .results = &r, .result_count = 1};
    assert_int_equal(store_commit(f->s, &commit, &f->e), ERR_INTERNAL); /* of another attempt */
    assert_stands(f, 1, DELIVERY_CLAIMED, REASON_NONE);
    answer(f, 1, DELIVERY_SENT, REASON_NONE);
    uint64_t records = verify(f);
    answer(f, 1, DELIVERY_SENT, REASON_NONE); /* said again: done already */
    assert_int_equal(verify(f), records);
    assert_int_equal(answer_rc(f, 1, DELIVERY_FAILED, REASON_NOT_SENT), ERR_INTERNAL);
    assert_string_equal(seen(f, 1).ref, "ref");
    assert_int_equal(seen(f, 1).settled_at, seen(f, 1).claimed_at + 2);
    answer(f, 2, DELIVERY_SKIPPED, REASON_FREQUENCY_CAP); /* on_cap: drop, without a claim */
    assert_int_equal(view(f, revision).counts[DELIVERY_SKIPPED], 1);
}

static void a_failing_result_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    int64_t revision = submit(f, "spring", 1);
    approve(f, revision);
    struct store_claim c = {
        .delivery = 1, .at = f->now, .revision = revision, .lane = f->lane[0], .progress = 1};
    struct store_result r = {.delivery = 2,
                             .at = f->now,
                             .revision = revision,
                             .lane = f->lane[1],
                             .state = DELIVERY_SENT,
                             .claimed_at = f->now};
    struct store_commit commit = {f->now, &c, 1, &r, 1, NULL};
    assert_int_equal(store_commit(f->s, &commit, &f->e), ERR_INTERNAL);
    assert_true(c.refused);
    store_commit_dispose(&commit);
    assert_stands(f, 1, DELIVERY_PENDING, REASON_NONE);
    assert_int_equal(view(f, revision).counts[DELIVERY_PENDING], 4);
    verify(f);
    assert_true(claim(f, revision, 1, f->lane[0])); /* and the store goes on */
}

/* The first of two results is written before the second is refused. */
static void numbers_of_a_rollback_are_given_again(void **state)
{
    struct fixture *f = *state;
    struct store_result r[2];
    int64_t revision = submit(f, "spring", 1);
    approve(f, revision);
    assert_true(claim(f, revision, 1, f->lane[0]));
    for (int i = 0; i < 2; i++) /* the second was never claimed */
        r[i] = (struct store_result){.delivery = i + 1,
                                     .at = f->now,
                                     .revision = revision,
                                     .lane = f->lane[i],
                                     .state = DELIVERY_SENT,
                                     .claimed_at = f->now};
    struct store_commit commit = {.at = f->now, .results = r, .result_count = 2};
    assert_int_equal(store_commit(f->s, &commit, &f->e), ERR_INTERNAL);
    assert_stands(f, 1, DELIVERY_CLAIMED, REASON_NONE);
    answer(f, 1, DELIVERY_SENT, REASON_NONE);
    verify(f);
}

/* What had been canceled stays so when the end comes. */
static void the_first_end_counts(void **state)
{
    struct fixture *f = *state;
    uint64_t n[3];
    struct store_decision bo = by(f, "bo");
    int64_t revision = submit(f, "spring", 1);
    approve(f, revision);
    assert_true(claim(f, revision, 1, f->lane[0]));
    OK(store_cancel(f->s, revision, &bo, &n[0], &n[1], &n[2], &f->e));
    OK(store_expire(f->s, revision, ++f->now, &n[0], &f->e));
    assert_int_equal(n[0], 0);
    answer(f, 1, DELIVERY_PENDING, REASON_NONE);
    assert_stands(f, 1, DELIVERY_CANCELED, REASON_CANCELED);
}

static int keep_history(void *ctx, const struct store_send *x)
{
    struct store_send *list = ctx;
    while (list->delivery)
        list++;
    *list = *x;
    return 0;
}

static void history_for_limits(void **state)
{
    struct fixture *f = *state;
    struct store_send h[8] = {0};
    int64_t revision = submit(f, "spring", 1);
    approve(f, revision);
    for (int64_t i = 1; i <= 4; i++)
        assert_true(claim(f, revision, i, f->lane[(i - 1) % 2]));
    answer(f, 2, DELIVERY_SENT, REASON_NONE);
    f->now += MS_PER_HOUR;
    answer(f, 1, DELIVERY_SENT, REASON_NONE);
    instant_t second = f->now;
    answer(f, 3, DELIVERY_PENDING, REASON_NONE);       /* not a send */
    answer(f, 4, DELIVERY_UNKNOWN, REASON_BAD_ANSWER); /* may be one */
    struct store_decision rita = by(f, "rita");
    OK(store_outcome(f->s, 4, true, &rita, &f->e)); /* still the same one */

    OK(store_history(f->s, INSTANT_MIN, keep_history, h, &f->e));
    assert_int_equal(h[0].delivery, 2);
    assert_int_equal(h[1].delivery, 1);
    assert_int_equal(h[2].delivery, 4);
    assert_int_equal(h[3].delivery, 0);
    assert_int_equal(h[1].answered_at, second);
    assert_int_equal(h[1].claimed_at, seen(f, 1).claimed_at);
    assert_int_equal(h[1].due_at, seen(f, 1).due_at);
    assert_int_equal(h[1].lane, f->lane[0]);
    assert_int_equal(h[1].revision, revision);
    memset(h, 0, sizeof(h));
    OK(store_history(f->s, second, keep_history, h, &f->e));
    assert_int_equal(h[0].delivery, 1);
    assert_int_equal(h[2].delivery, 0);
    memset(h, 0, sizeof(h));
    OK(store_history(f->s, INSTANT_NEVER, keep_history, h, &f->e));
    assert_int_equal(h[0].delivery, 0);
}

/* One send each: interrupted, and answered after all. */
static void history_counts_the_unknown_once(void **state)
{
    struct fixture *f = *state;
    struct store_send h[8] = {0};
    uint64_t unknown;
    int64_t revision = submit(f, "spring", 1);
    approve(f, revision);
    assert_true(claim(f, revision, 1, f->lane[0]));
    fixture_reopen(f);
    OK(store_recover(f->s, f->now += MS_PER_HOUR, &unknown, &f->e));
    answer(f, 1, DELIVERY_SENT, REASON_NONE); /* what the channel said when asked later */
    assert_stands(f, 1, DELIVERY_SENT, REASON_NONE);
    OK(store_history(f->s, INSTANT_MIN, keep_history, h, &f->e));
    assert_int_equal(h[0].delivery, 1);
    assert_int_equal(h[0].answered_at, f->now - 1);
    assert_int_equal(h[0].claimed_at, seen(f, 1).claimed_at);
    assert_int_equal(h[1].delivery, 0);
    answer(f, 1, DELIVERY_SENT, REASON_NONE); /* and once more */
}

/* Two answers of one commit, the later one written first. */
static void history_is_sorted(void **state)
{
    struct fixture *f = *state;
    struct store_send h[8] = {0};
    struct store_result r[2];
    int64_t revision = submit(f, "spring", 1);
    approve(f, revision);
    for (int i = 0; i < 2; i++) {
        assert_true(claim(f, revision, i + 1, f->lane[i]));
        r[i] = (struct store_result){.delivery = i + 1,
                                     .at = f->now + 500 - i * 400,
                                     .revision = revision,
                                     .lane = f->lane[i],
                                     .state = DELIVERY_SENT,
                                     .claimed_at = f->now};
    }
    f->now += 600;
    struct store_commit commit = {.at = f->now, .results = r, .result_count = 2};
    OK(store_commit(f->s, &commit, &f->e));
    OK(store_history(f->s, r[1].at, keep_history, h, &f->e));
    assert_int_equal(h[0].delivery, 2);
    assert_int_equal(h[1].delivery, 1);
    memset(h, 0, sizeof(h));
    OK(store_history(f->s, r[1].at + 1, keep_history, h, &f->e));
    assert_int_equal(h[0].delivery, 1);
    assert_int_equal(h[1].delivery, 0);
}

static void lane_last_and_high_water(void **state)
{
    struct fixture *f = *state;
    instant_t due, answered, high;
    int64_t revision = submit(f, "spring", 1);
    OK(store_lane_last(f->s, f->lane[0], &due, &answered, &f->e));
    assert_int_equal(due, INSTANT_MIN);
    assert_int_equal(answered, INSTANT_MIN);
    approve(f, revision);
    assert_true(claim(f, revision, 1, f->lane[0]));
    instant_t first_due = f->now - 1;
    f->now += 1000;
    answer(f, 1, DELIVERY_SENT, REASON_NONE);
    assert_true(claim(f, revision, 2, f->lane[1]));
    OK(store_high_water(f->s, &high, &f->e));
    assert_int_equal(high, f->now);
    fixture_reopen(f);
    uint64_t unknown;
    f->now += 1000;
    OK(store_recover(f->s, f->now, &unknown, &f->e));
    assert_int_equal(unknown, 1);
    OK(store_lane_last(f->s, f->lane[0], &due, &answered, &f->e));
    assert_int_equal(due, first_due);
    assert_int_equal(answered, first_due + 1002);
    OK(store_lane_last(f->s, f->lane[1], &due, &answered, &f->e));
    assert_int_equal(answered, f->now); /* the place of an interrupted one is held from now */
    OK(store_high_water(f->s, &high, &f->e));
    assert_int_equal(high, f->now);
}

static void recovery_makes_unknown_once(void **state)
{
    struct fixture *f = *state;
    uint64_t unknown;
    int64_t revision = submit(f, "spring", 1), other = submit(f, "autumn", 1);
    approve(f, revision);
    approve(f, other);
    assert_true(claim(f, revision, 1, f->lane[0]));
    assert_true(claim(f, revision, 2, f->lane[1]));
    assert_true(claim(f, other, 5, f->lane[0]));
    answer(f, 1, DELIVERY_SENT, REASON_NONE);
    fixture_reopen(f);
    OK(store_recover(f->s, ++f->now, &unknown, &f->e));
    assert_int_equal(unknown, 2);
    assert_stands(f, 1, DELIVERY_SENT, REASON_NONE);
    assert_stands(f, 2, DELIVERY_UNKNOWN, REASON_INTERRUPTED);
    assert_stands(f, 5, DELIVERY_UNKNOWN, REASON_INTERRUPTED);
    assert_int_equal(seen(f, 5).settled_at, f->now);
    uint64_t records = verify(f);
    OK(store_recover(f->s, ++f->now, &unknown, &f->e));
    assert_int_equal(unknown, 0);
    assert_int_equal(verify(f), records);
}

static int count_seen(void *ctx, const struct store_delivery *d)
{
    int64_t *ids = ctx;
    *ids = *ids * 10 + d->id;
    return 0;
}

static void a_person_settles_the_unknown(void **state)
{
    struct fixture *f = *state;
    int64_t ids = 0, revision = submit(f, "spring", 1);
    struct store_decision rita = by(f, "rita");
    rita.note = "asked the shop";
    approve(f, revision);
    for (int64_t i = 1; i <= 3; i++) {
        assert_true(claim(f, revision, i, f->lane[(i - 1) % 2]));
        answer(f, i, DELIVERY_UNKNOWN, REASON_NO_ANSWER);
    }
    OK(store_unknowns(f->s, 9, count_seen, &ids, &f->e));
    assert_int_equal(ids, 321);
    OK(store_outcome(f->s, 1, true, &rita, &f->e));
    OK(store_outcome(f->s, 2, false, &rita, &f->e));
    assert_stands(f, 1, DELIVERY_SENT, REASON_NONE);
    assert_stands(f, 2, DELIVERY_FAILED, REASON_NOT_SENT);
    ids = 0;
    OK(store_unknowns(f->s, 9, count_seen, &ids, &f->e));
    assert_int_equal(ids, 3);
    assert_int_equal(store_outcome(f->s, 1, true, &rita, &f->e), ERR_REFUSED);
    assert_non_null(strstr(f->e.text, "sent"));
    assert_int_equal(store_outcome(f->s, 4, true, &rita, &f->e), ERR_REFUSED);
    assert_int_equal(store_outcome(f->s, 99, true, &rita, &f->e), ERR_NOTFOUND);

    assert_int_equal(store_resend(f->s, 1, &rita, &f->e), ERR_REFUSED);
    assert_int_equal(store_resend(f->s, 3, &rita, &f->e), ERR_REFUSED);
    OK(store_resend(f->s, 2, &rita, &f->e));
    struct store_waiting w[8];
    assert_int_equal(fetch(f, revision, 1, 0, w, 8), 2); /* below the lane's progress: back again */
    assert_int_equal(w[0].delivery, 2);
    assert_int_equal(w[0].attempts, 1);
    assert_true(claim(f, revision, 2, f->lane[1]));
    assert_int_equal(seen(f, 2).attempts, 2);
    verify(f);
}

static int keep_lanes(void *ctx, const struct store_revision_lane *lane)
{
    int64_t *sum = ctx;
    *sum = *sum * 100 + lane->lane * 10 + (int64_t)lane->waiting;
    return 0;
}

static int keep_lane_names(void *ctx, const struct store_lane_row *row)
{
    char *text = ctx;
    sprintf(text + strlen(text), "%lld:%s/%s ", (long long)row->lane, row->channel_name,
            row->sender_name);
    return 0;
}

static void lanes(void **state)
{
    struct fixture *f = *state;
    char text[64] = "";
    int64_t sum = 0, revision = submit(f, "spring", 1), lane, channel, sender;
    approve(f, revision);
    for (int64_t i = 1; i <= 3; i += 2)
        assert_true(claim(f, revision, i, f->lane[0]));
    answer(f, 1, DELIVERY_SENT, REASON_NONE);
    answer(f, 3, DELIVERY_SENT, REASON_NONE);
    OK(store_revision_lanes(f->s, revision, keep_lanes, &sum, &f->e));
    instant_t due[2];
    for (int i = 0; i < 2; i++)
        OK(store_revision_due(f->s, revision, f->lane[i], &due[i], &f->e));
    assert_true(due[0] > 0 && due[1] == 0); /* the first alone has sent */
    assert_int_equal(sum, 1022);            /* lane 1: none (a resend may come), lane 2: two */
    OK(store_lane(f->s, "dry", "a", &lane, &channel, &sender, &f->e));
    assert_int_equal(lane, f->lane[0]);
    OK(store_lane(f->s, "wet", "a", &lane, &channel, &sender, &f->e));
    OK(store_lanes(f->s, keep_lane_names, text, &f->e));
    assert_string_equal(text, "1:dry/a 2:dry/b 3:wet/a ");
}

static int keep_first(void *ctx, const struct store_lane_row *row)
{
    instant_t *first = ctx;
    first[row->lane - 1] = row->first_sent;
    return 0;
}

/* What was proven not sent is none; the first that may have gone stays the first. */
static void a_lane_knows_its_first_send(void **state)
{
    struct fixture *f = *state;
    instant_t first[2] = {-1, -1}, claimed;
    int64_t revision = submit(f, "spring", 1);

    approve(f, revision);
    assert_true(claim(f, revision, 1, f->lane[0]));
    answer(f, 1, DELIVERY_PENDING, REASON_NONE);
    OK(store_lanes(f->s, keep_first, first, &f->e));
    assert_true(first[0] == 0 && first[1] == 0);
    assert_true(claim(f, revision, 1, f->lane[0]));
    claimed = f->now;
    answer(f, 1, DELIVERY_UNKNOWN, REASON_NO_ANSWER);
    assert_true(claim(f, revision, 3, f->lane[0]));
    answer(f, 3, DELIVERY_SENT, REASON_NONE);
    OK(store_lanes(f->s, keep_first, first, &f->e));
    assert_true(first[0] <= claimed && first[0] > claimed - 10 && first[1] == 0);
}

/* What waits for recipients in one zone ends by itself; the others go on. */
static void a_part_of_a_lane_ends_alone(void **state)
{
    struct fixture *f = *state;
    int64_t part, same, other;
    uint64_t n;

    OK(store_lane_part(f->s, f->lane[0], "Asia/Tokyo", &part, &f->e));
    OK(store_lane_part(f->s, f->lane[0], "Asia/Tokyo", &same, &f->e));
    OK(store_lane_part(f->s, f->lane[1], "Asia/Tokyo", &other, &f->e));
    assert_int_equal(part, same);
    assert_true(part != f->lane[0] && part != other && other != f->lane[1]);
    int64_t whole = f->lane[1];
    f->lane[1] = part; /* the fixture's rows go to lanes in turn */
    int64_t revision = submit(f, "spring", 1);
    f->lane[1] = whole;
    approve(f, revision);
    OK(store_expire_lane(f->s, revision, part, ++f->now, &n, &f->e));
    assert_int_equal(n, 2);
    OK(store_expire_lane(f->s, revision, part, ++f->now, &n, &f->e));
    assert_int_equal(n, 0);
    OK(store_expire(f->s, revision, ++f->now, &n, &f->e));
    assert_int_equal(n, 2);
    verify(f);
}

static void deliveries_by_page_and_state(void **state)
{
    struct fixture *f = *state;
    int64_t ids = 0, last, revision = submit(f, "spring", 1);
    bool more;
    approve(f, revision);
    assert_true(claim(f, revision, 2, f->lane[1]));
    OK(store_deliveries(f->s, revision, DELIVERY_STATES, 0, 3, count_seen, &ids, &last, &more,
                        &f->e));
    assert_int_equal(ids, 123);
    assert_true(more);
    assert_int_equal(last, 3);
    ids = 0;
    OK(store_deliveries(f->s, revision, DELIVERY_PENDING, 0, 3, count_seen, &ids, &last, &more,
                        &f->e));
    assert_int_equal(ids, 134);
    assert_false(more);
    ids = 0;
    OK(store_deliveries(f->s, revision, DELIVERY_CLAIMED, 2, 3, count_seen, &ids, &last, &more,
                        &f->e));
    assert_int_equal(ids, 0);
    assert_int_equal(last, 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(fetch_is_in_order_and_without_the_settled),
        T(progress_never_passes_what_came_back),
        T(claims_bring_what_rendering_needs),
        T(claims_are_refused_where_nothing_may_go),
        T(answers_fit_their_claim),
        T(a_failing_result_leaves_nothing),
        T(numbers_of_a_rollback_are_given_again),
        T(the_first_end_counts),
        T(history_for_limits),
        T(history_counts_the_unknown_once),
        T(history_is_sorted),
        T(lane_last_and_high_water),
        T(recovery_makes_unknown_once),
        T(a_person_settles_the_unknown),
        T(lanes),
        T(a_lane_knows_its_first_send),
        T(a_part_of_a_lane_ends_alone),
        T(deliveries_by_page_and_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
