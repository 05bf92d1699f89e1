/* Questions to people: opened and closed by the commits that move their deliveries, and what a
 * start, a cancel and the limits make of them. */
#include "fixture.h"

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static int64_t by_hand(struct fixture *f, const char *campaign)
{
    struct draft d = {.campaign = campaign, .recipients = four, .count = 4, .by_hand = true};
    bool again;
    int64_t revision = submit_of(f, &d, &again);

    approve(f, revision);
    return revision;
}

static struct store_result result_of(struct fixture *f, int64_t delivery, enum delivery_state state,
                                     enum reason reason)
{
    struct seen v = seen(f, delivery);

    return (struct store_result){.delivery = delivery,
                                 .at = f->now,
                                 .revision = v.revision,
                                 .lane = v.lane,
                                 .state = state,
                                 .reason = reason,
                                 .claimed_at = v.claimed_at,
                                 .nonce = "first"};
}

/* The deliveries of this question, claimed at one instant, in one commit. */
static void ask(struct fixture *f, int64_t revision, int64_t first, size_t count)
{
    struct store_claim c[4];
    struct store_result r[4];
    instant_t at = ++f->now;

    for (size_t i = 0; i < count; i++)
        c[i] = (struct store_claim){.delivery = first + 2 * (int64_t)i,
                                    .at = at,
                                    .due_at = at,
                                    .revision = revision,
                                    .lane = f->lane[(first + 1) % 2],
                                    .progress = first + 2 * (int64_t)i};
    struct store_commit claims = {.at = at, .claims = c, .claim_count = count};
    OK(store_commit(f->s, &claims, &f->e));
    store_commit_dispose(&claims);
    ++f->now;
    for (size_t i = 0; i < count; i++) {
        assert_false(c[i].refused);
        r[i] = result_of(f, c[i].delivery, DELIVERY_PROMPTED, REASON_NONE);
        r[i].prompt = first;
    }
    struct store_commit asked = {.at = f->now, .results = r, .result_count = count};
    OK(store_commit(f->s, &asked, &f->e));
}

struct listed {
    size_t count;
    struct store_prompt prompt[8];
    int64_t delivery[8];
    enum delivery_state state[8];
    uint32_t attempts[8];
    char nonce[8][16], recipient[8][16], sender[8][16], values[8][16];
};

static int keep_listed(void *ctx, const struct store_prompt *p, const struct store_prompt_row *row)
{
    struct listed *l = ctx;
    size_t i = l->count++;

    assert_true(i < 8);
    l->prompt[i] = *p;
    l->delivery[i] = row->delivery;
    l->state[i] = row->state;
    l->attempts[i] = row->attempts;
    snprintf(l->nonce[i], sizeof l->nonce[i], "%s", p->nonce);
    snprintf(l->recipient[i], sizeof l->recipient[i], "%s", row->recipient);
    snprintf(l->sender[i], sizeof l->sender[i], "%s", row->sender);
    snprintf(l->values[i], sizeof l->values[i], "%s", row->values);
    return 0;
}

static struct listed listed(struct fixture *f, int64_t revision)
{
    struct listed l = {0};

    OK(store_prompts(f->s, revision, keep_listed, &l, &f->e));
    return l;
}

static void shown(struct fixture *f, int64_t prompt)
{
    struct store_prompt p = {
        .id = prompt, .nonce = "first", .shown_at = ++f->now, .snoozed_until = INSTANT_MIN};

    OK(store_prompt_update(f->s, &p, &f->e));
}

static void a_question_lives_with_its_deliveries(void **state)
{
    struct fixture *f = *state;
    int64_t revision = by_hand(f, "spring"), other = by_hand(f, "autumn");
    struct listed l;

    assert_true(claim(f, revision, 1, f->lane[0]));
    assert_int_equal(listed(f, 0).count, 0); /* claimed: nobody is asked yet */
    answer(f, 1, DELIVERY_PENDING, REASON_NONE);
    ask(f, revision, 1, 2);
    instant_t claimed = f->now - 1;
    ask(f, other, 6, 1);
    fixture_reopen(f);
    assert_int_equal(listed(f, 0).count, 3);
    assert_int_equal(listed(f, other).count, 1);
    l = listed(f, revision);
    assert_int_equal(l.count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(l.prompt[i].id, 1);
        assert_int_equal(l.prompt[i].revision, revision);
        assert_int_equal(l.prompt[i].lane, f->lane[0]);
        assert_int_equal(l.prompt[i].claimed_at, claimed);
        assert_int_equal(l.prompt[i].asked_at, claimed + 1);
        assert_true(l.prompt[i].shown_at == INSTANT_MIN);
        assert_true(l.prompt[i].snoozed_until == INSTANT_MIN);
        assert_string_equal(l.nonce[i], "first");
        assert_int_equal(l.delivery[i], 1 + 2 * i);
        assert_string_equal(l.recipient[i], i ? "w3" : "w1");
        assert_string_equal(l.sender[i], "a");
        assert_string_equal(l.values[i], "[\"v\"]");
        assert_int_equal(l.attempts[i], i ? 1 : 2);
        assert_int_equal(l.state[i], DELIVERY_PROMPTED);
    }
    answer(f, 3, DELIVERY_SENT, REASON_NONE); /* a part of it */
    l = listed(f, revision);
    assert_int_equal(l.count, 2); /* with what became of the others */
    assert_int_equal(l.state[0], DELIVERY_PROMPTED);
    assert_int_equal(l.state[1], DELIVERY_SENT);
    answer(f, 1, DELIVERY_SKIPPED, REASON_BY_PERSON);
    assert_int_equal(listed(f, revision).count, 0);
    assert_int_equal(listed(f, 0).count, 1); /* the other's */
    assert_int_equal(view(f, revision).counts[DELIVERY_PROMPTED], 0);
    verify(f);
}

static void what_people_do_with_it_is_kept(void **state)
{
    struct fixture *f = *state;
    int64_t revision = by_hand(f, "spring");
    struct store_prompt p = {.id = 1,
                             .nonce = "second",
                             .shown_at = 11,
                             .snoozed_until = 12,
                             .reminded = 2,
                             .doubted = true};

    ask(f, revision, 1, 2);
    uint64_t records = verify(f);
    OK(store_prompt_update(f->s, &p, &f->e));
    fixture_reopen(f);
    struct listed l = listed(f, revision);
    assert_int_equal(l.count, 2);
    assert_string_equal(l.nonce[0], "second");
    assert_int_equal(l.prompt[0].shown_at, 11);
    assert_int_equal(l.prompt[0].snoozed_until, 12);
    assert_int_equal(l.prompt[0].reminded, 2);
    assert_true(l.prompt[0].doubted);
    assert_int_equal(verify(f), records); /* no decision */
    answer(f, 1, DELIVERY_SENT, REASON_NONE);
    answer(f, 3, DELIVERY_SENT, REASON_NONE);
    OK(store_prompt_update(f->s, &p, &f->e)); /* closed meanwhile */
    assert_int_equal(listed(f, 0).count, 0);
}

static void a_failing_commit_asks_nobody(void **state)
{
    struct fixture *f = *state;
    int64_t revision = by_hand(f, "spring");

    assert_true(claim(f, revision, 1, f->lane[0]));
    struct store_result r[2] = {result_of(f, 1, DELIVERY_PROMPTED, REASON_NONE),
                                result_of(f, 2, DELIVERY_SENT, REASON_NONE)};
    r[0].prompt = 1;
    struct store_commit c = {.at = f->now, .results = r, .result_count = 2};
    assert_int_equal(store_commit(f->s, &c, &f->e), ERR_INTERNAL);
    assert_int_equal(listed(f, 0).count, 0);
    assert_stands(f, 1, DELIVERY_CLAIMED, REASON_NONE);
    verify(f);
}

/* R4: the commit may have happened. */
static void a_commit_that_is_repeated_finds_it_done(void **state)
{
    struct fixture *f = *state;
    int64_t revision = by_hand(f, "spring");

    for (int64_t i = 1; i <= 3; i += 2)
        assert_true(claim(f, revision, i, f->lane[0]));
    struct store_result asked = result_of(f, 1, DELIVERY_PROMPTED, REASON_NONE);
    asked.prompt = 1;
    struct store_commit c = {.at = f->now, .results = &asked, .result_count = 1};
    OK(store_commit(f->s, &c, &f->e));
    uint64_t records = verify(f);
    OK(store_commit(f->s, &c, &f->e));
    assert_int_equal(verify(f), records);
    assert_int_equal(listed(f, 0).count, 1);

    struct store_result both[2] = {result_of(f, 3, DELIVERY_PROMPTED, REASON_NONE),
                                   result_of(f, 3, DELIVERY_PENDING, REASON_NONE)};
    both[0].prompt = 3; /* asked and recalled before it was on disk */
    c = (struct store_commit){.at = ++f->now, .results = both, .result_count = 2};
    OK(store_commit(f->s, &c, &f->e));
    records = verify(f);
    OK(store_commit(f->s, &c, &f->e));
    assert_int_equal(verify(f), records);
    assert_stands(f, 3, DELIVERY_PENDING, REASON_NONE);
    assert_int_equal(listed(f, 0).count, 1);

    struct store_result late = result_of(f, 1, DELIVERY_EXPIRED, REASON_LATE);
    late.unseen = true;
    c = (struct store_commit){.at = ++f->now, .results = &late, .result_count = 1};
    OK(store_commit(f->s, &c, &f->e));
    records = verify(f);
    OK(store_commit(f->s, &c, &f->e));
    assert_int_equal(verify(f), records);
    assert_int_equal(listed(f, 0).count, 0);
}

/* By hand nobody was asked before the question was on disk. */
static void bare_claims_return_at_a_start(void **state)
{
    struct fixture *f = *state;
    struct store_waiting w[8];
    struct store_decision bo;
    uint64_t unknown, n[3];
    size_t count;
    int64_t open = by_hand(f, "spring"), canceled = by_hand(f, "summer"),
            ended = by_hand(f, "autumn"), robots = submit(f, "winter", 1);

    approve(f, robots);
    ask(f, open, 1, 1);
    for (int64_t i = 2; i <= 3; i++)
        assert_true(claim(f, open, i, f->lane[(i - 1) % 2]));
    assert_true(claim(f, canceled, 5, f->lane[0]));
    bo = by(f, "bo");
    OK(store_cancel(f->s, canceled, &bo, &n[0], &n[1], &n[2], &f->e));
    assert_true(claim(f, ended, 9, f->lane[0]));
    OK(store_expire(f->s, ended, ++f->now, &n[0], &f->e));
    assert_true(claim(f, robots, 13, f->lane[0]));
    fixture_reopen(f);
    OK(store_recover(f->s, ++f->now, &unknown, &f->e));
    assert_int_equal(unknown, 1);
    assert_stands(f, 1, DELIVERY_PROMPTED, REASON_NONE); /* asked, as before */
    assert_stands(f, 2, DELIVERY_PENDING, REASON_NONE);
    assert_stands(f, 3, DELIVERY_PENDING, REASON_NONE);
    assert_stands(f, 5, DELIVERY_CANCELED, REASON_CANCELED);
    assert_stands(f, 9, DELIVERY_EXPIRED, REASON_ENDED);
    assert_stands(f, 13, DELIVERY_UNKNOWN, REASON_INTERRUPTED);
    assert_int_equal(listed(f, 0).count, 1);
    OK(store_fetch(f->s, open, f->lane[0], 0, 0, w, 8, &count, &f->e));
    assert_int_equal(count, 1);
    assert_int_equal(w[0].delivery, 3); /* above its lane's progress again */
    assert_int_equal(w[0].attempts, 1);
    OK(store_fetch(f->s, open, f->lane[1], 0, 0, w, 8, &count, &f->e));
    assert_int_equal(count, 2);
    assert_int_equal(w[0].delivery, 2);
    assert_int_equal(view(f, open).counts[DELIVERY_CLAIMED], 0);
    uint64_t records = verify(f);
    OK(store_recover(f->s, ++f->now, &unknown, &f->e));
    assert_int_equal(unknown, 0);
    assert_int_equal(verify(f), records);
}

static int keep_past(void *ctx, const struct store_send *x)
{
    int64_t *sum = ctx;

    *sum = *sum * 10 + x->delivery;
    return 0;
}

static int64_t past(struct fixture *f)
{
    int64_t sum = 0;

    OK(store_history(f->s, INSTANT_MIN, keep_past, &sum, &f->e));
    return sum;
}

static void close_as(struct fixture *f, int64_t delivery, enum delivery_state state,
                     enum reason reason, bool unseen)
{
    struct store_result r = result_of(f, delivery, state, reason);

    r.at = ++f->now;
    r.unseen = unseen;
    struct store_commit c = {.at = f->now, .results = &r, .result_count = 1};
    OK(store_commit(f->s, &c, &f->e));
}

static void history_counts_what_may_have_been_sent(void **state)
{
    static const struct {
        enum delivery_state state;
        enum reason reason;
        bool unseen, counts;
    } rows[] = {
        {DELIVERY_SENT, REASON_NONE, false, true},
        {DELIVERY_FAILED, REASON_NOT_SENT, false, false},
        {DELIVERY_FAILED, REASON_CHANNEL_REFUSED, false, true},
        {DELIVERY_SKIPPED, REASON_BY_PERSON, false, false},
        {DELIVERY_EXPIRED, REASON_LATE, false, true}, /* it was on a screen */
        {DELIVERY_EXPIRED, REASON_LATE, true, false},
        {DELIVERY_EXPIRED, REASON_ENDED, true, false},
        {DELIVERY_CANCELED, REASON_CANCELED, false, false},
        {DELIVERY_UNKNOWN, REASON_CANCELED, false, true},
        {DELIVERY_PENDING, REASON_NONE, false, false},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct draft d = {.campaign = "spring",
                          .version = (int)i,
                          .recipients = four,
                          .count = 1,
                          .by_hand = true,
                          .again = true};
        bool again;
        int64_t revision = submit_of(f, &d, &again), delivery = (int64_t)i + 1, before = past(f);
        approve(f, revision);
        struct store_claim c = {
            .delivery = delivery, .at = ++f->now, .revision = revision, .lane = f->lane[1]};
        c.lane = seen(f, delivery).lane;
        struct store_commit commit = {.at = f->now, .claims = &c, .claim_count = 1};
        OK(store_commit(f->s, &commit, &f->e));
        store_commit_dispose(&commit);
        assert_int_equal(past(f), before); /* claimed */
        close_as(f, delivery, DELIVERY_PENDING, REASON_NONE, false);
        assert_true(claim(f, revision, delivery, c.lane));
        answer(f, delivery, DELIVERY_PROMPTED, REASON_NONE);
        assert_int_equal(past(f), before); /* asked */
        close_as(f, delivery, rows[i].state, rows[i].reason, rows[i].unseen);
        if ((past(f) != before) != rows[i].counts)
            fail_msg("%s/%s: %s", delivery_state_name(rows[i].state), reason_name(rows[i].reason),
                     rows[i].counts ? "not counted" : "counted");
        assert_int_equal(listed(f, 0).count, 0);
    }
    verify(f);
}

/* One waits (4), one is with the channel (2), of two questions (1; 5 of another campaign, and 3)
 * one was seen. */
static void a_cancel_tells_what_becomes_of_the_questions(void **state)
{
    (void)state;
    for (int keep = 0; keep < 2; keep++) {
        struct fixture *f;
        void *fresh = NULL;
        uint64_t canceled, out, unknown;
        assert_int_equal(setup(&fresh), 0);
        f = fresh;
        int64_t revision = by_hand(f, "spring"), other = by_hand(f, "autumn");

        ask(f, revision, 1, 1);
        ask(f, revision, 3, 1);
        ask(f, other, 5, 2);
        shown(f, 3);
        assert_true(claim(f, revision, 2, f->lane[1]));
        struct store_decision bo = by(f, "bo");
        bo.keep_tasks = keep;
        OK(store_cancel(f->s, revision, &bo, &canceled, &out, &unknown, &f->e));
        assert_int_equal(canceled, keep ? 1 : 2);
        assert_int_equal(out, keep ? 3 : 1);
        assert_int_equal(unknown, keep ? 0 : 1);
        assert_stands(f, 1, DELIVERY_PROMPTED, REASON_NONE); /* the engine closes them */
        assert_int_equal(listed(f, revision).count, 2);
        answer(f, 1, DELIVERY_CANCELED, REASON_CANCELED);
        answer(f, 3, DELIVERY_UNKNOWN, REASON_CANCELED);
        answer(f, 2, DELIVERY_PENDING, REASON_NONE);
        assert_stands(f, 2, DELIVERY_CANCELED, REASON_CANCELED);
        assert_int_equal(listed(f, revision).count, 0);
        verify(f);
        teardown(&fresh);
    }
}

/* A part that is settled already is neither withdrawn nor unknown. */
static void a_cancel_counts_what_is_open_of_a_batch(void **state)
{
    struct fixture *f = *state;
    uint64_t canceled, out, unknown;
    int64_t revision = by_hand(f, "spring");

    ask(f, revision, 1, 2);
    shown(f, 1);
    answer(f, 1, DELIVERY_SENT, REASON_NONE);
    struct store_decision bo = by(f, "bo");
    OK(store_cancel(f->s, revision, &bo, &canceled, &out, &unknown, &f->e));
    assert_int_equal(canceled, 2); /* both of the other lane */
    assert_int_equal(out, 1);
    assert_int_equal(unknown, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_question_lives_with_its_deliveries),
        T(what_people_do_with_it_is_kept),
        T(a_failing_commit_asks_nobody),
        T(a_commit_that_is_repeated_finds_it_done),
        T(bare_claims_return_at_a_start),
        T(history_counts_what_may_have_been_sent),
        cmocka_unit_test(a_cancel_tells_what_becomes_of_the_questions),
        T(a_cancel_counts_what_is_open_of_a_batch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
