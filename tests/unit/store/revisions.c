/* Submitting, deciding, and what a new revision does to an older one. */
#include "fixture.h"

static uint64_t counted(struct fixture *f, int64_t revision, enum delivery_state state)
{
    return view(f, revision).counts[state];
}

static int current_is(struct fixture *f, const char *campaign, int64_t revision)
{
    struct view v;
    OK(store_campaign(f->s, campaign, keep_view, &v, &f->e));
    return v.id == revision;
}

static void draft_is_visible_only_when_whole(void **state)
{
    struct fixture *f = *state;
    struct store_submission sub = {"spring", "t", "alice", f->now};
    struct store_row row = {1, f->lane[0], "w1", NULL, REASON_NONE, 0};
    struct view v;
    int64_t loading;

    OK(store_submit_begin(f->s, &sub, &loading, &f->e));
    OK(store_submit_rows(f->s, loading, &row, 1, &f->e));
    assert_int_equal(store_campaign(f->s, "spring", keep_view, &v, &f->e), ERR_NOTFOUND);
    assert_int_equal(store_revision(f->s, loading, keep_view, &v, &f->e), ERR_NOTFOUND);
    struct seen d;
    assert_int_equal(store_delivery(f->s, 1, keep_seen, &d, &f->e), ERR_NOTFOUND);
    OK(store_campaigns(f->s, keep_view, &v, &f->e));

    fixture_reopen(f); /* a crash while loading leaves nothing */
    assert_int_equal(store_submit_rows(f->s, loading, &row, 1, &f->e), ERR_NOTFOUND);
    int64_t revision = submit(f, "spring", 1);
    v = view(f, revision);
    assert_int_equal(v.status, REVISION_DRAFT);
    assert_int_equal(v.audience, 4);
    assert_int_equal(v.counts[DELIVERY_PENDING], 4);
    assert_int_equal(seen(f, 1).row, 1);
    assert_string_equal(seen(f, 4).recipient, "w4");
    assert_string_equal(seen(f, 4).sender, "b");
    OK(store_draft(f->s, "spring", keep_view, &v, &f->e));
    assert_int_equal(v.id, revision);
}

static void same_digest_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct draft d = {.campaign = "spring", .recipients = four, .count = 4};
    bool again;
    int64_t first = submit_of(f, &d, &again);
    assert_false(again);
    approve(f, first);
    uint64_t records = verify(f);
    assert_int_equal(submit_of(f, &d, &again), first);
    assert_true(again);
    assert_int_equal(view(f, first).status, REVISION_APPROVED);
    assert_int_equal(verify(f), records);

    uint64_t n[3];
    struct store_decision bo = by(f, "bo");
    OK(store_cancel(f->s, first, &bo, &n[0], &n[1], &n[2], &f->e));
    int64_t second = submit_of(f, &d, &again); /* canceled before: a new draft */
    assert_false(again);
    assert_int_not_equal(second, first);
    bo = by(f, "bo");
    OK(store_reject(f->s, second, &bo, &f->e));
    assert_int_not_equal(submit_of(f, &d, &again), second);
    assert_false(again);

    struct view v = view(f, first);
    struct digest other = digest_of("x", 1);
    assert_int_equal(store_revision_by_digest(f->s, "spring", &other, keep_view, &v, &f->e),
                     ERR_NOTFOUND);
    OK(store_revision_by_digest(f->s, "spring", &v.digest, keep_view, &v, &f->e));
    assert_int_equal(v.status, REVISION_DRAFT);
}

static void approval_is_another_persons(void **state)
{
    struct fixture *f = *state;
    struct draft two = {.campaign = "two", .approvers = 2, .recipients = four, .count = 4};
    bool again, approved;
    int64_t revision = submit_of(f, &two, &again);
    struct store_decision alice = by(f, "alice"), bo = by(f, "bo"), cy = by(f, "cy");

    assert_int_equal(store_approve(f->s, revision, &alice, false, &approved, &f->e), ERR_DENIED);
    assert_false(claim(f, revision, 1, f->lane[0]));
    OK(store_approve(f->s, revision, &bo, false, &approved, &f->e));
    assert_false(approved);
    assert_int_equal(view(f, revision).status, REVISION_DRAFT);
    assert_false(claim(f, revision, 1, f->lane[0]));
    assert_int_equal(store_approve(f->s, revision, &bo, false, &approved, &f->e), ERR_DENIED);
    OK(store_approve(f->s, revision, &cy, false, &approved, &f->e));
    assert_true(approved);
    assert_int_equal(view(f, revision).approvals, 2);
    assert_int_equal(view(f, revision).approved_at, cy.at);
    assert_false(view(f, revision).self_approved);
    assert_true(claim(f, revision, 1, f->lane[0]));
    assert_int_equal(store_approve(f->s, revision, &cy, false, &approved, &f->e), ERR_REFUSED);

    int64_t own = submit(f, "own", 1);
    OK(store_approve(f->s, own, &alice, true, &approved, &f->e)); /* one-person mode */
    assert_true(approved);
    assert_true(view(f, own).self_approved);
    assert_int_equal(store_approve(f->s, 99, &bo, true, &approved, &f->e), ERR_NOTFOUND);
    verify(f);
}

/* w1 sent, w2 claimed, w3 unknown, w4 failed in the first revision. */
static int64_t first_revision(struct fixture *f)
{
    int64_t first = submit(f, "spring", 1);
    approve(f, first);
    for (int64_t i = 1; i <= 4; i++)
        assert_true(claim(f, first, i, f->lane[(i - 1) % 2]));
    answer(f, 1, DELIVERY_SENT, REASON_NONE);
    answer(f, 3, DELIVERY_UNKNOWN, REASON_NO_ANSWER);
    answer(f, 4, DELIVERY_FAILED, REASON_BAD_RECIPIENT);
    return first;
}

static const char *const six[] = {"w1", "w2", "w3", "w4", "w5", NULL};

static void new_revision_writes_to_nobody_again(void **state)
{
    struct fixture *f = *state;
    struct draft d = {.campaign = "spring", .version = 2, .recipients = six, .count = 6};
    bool again;
    int64_t first = first_revision(f), second = submit_of(f, &d, &again);

    assert_int_equal(view(f, first).status, REVISION_PAUSED);
    approve(f, second);
    assert_int_equal(view(f, first).status, REVISION_CANCELED);
    assert_stands(f, 5, DELIVERY_SKIPPED, REASON_ALREADY_HANDLED);
    assert_stands(f, 6, DELIVERY_SKIPPED, REASON_ALREADY_HANDLED);
    assert_stands(f, 7, DELIVERY_SKIPPED, REASON_ALREADY_HANDLED);
    assert_stands(f, 8, DELIVERY_PENDING, REASON_NONE);
    assert_stands(f, 9, DELIVERY_PENDING, REASON_NONE);
    assert_stands(f, 10, DELIVERY_SKIPPED, REASON_DUPLICATE);
    assert_int_equal(counted(f, second, DELIVERY_SKIPPED), 4);
    assert_true(current_is(f, "spring", second));

    /* what comes back to the old one does not wait there for ever */
    answer(f, 2, DELIVERY_PENDING, REASON_NONE);
    assert_stands(f, 2, DELIVERY_CANCELED, REASON_SUPERSEDED);
    assert_int_equal(counted(f, first, DELIVERY_CANCELED), 1);
    /* nor may a failed one be sent again there */
    struct store_decision rita = by(f, "rita");
    assert_int_equal(store_resend(f->s, 4, &rita, &f->e), ERR_REFUSED);

    /* over three revisions it still counts */
    d.version = 3;
    int64_t third = submit_of(f, &d, &again);
    approve(f, third);
    assert_stands(f, 11, DELIVERY_SKIPPED, REASON_ALREADY_HANDLED);
    assert_stands(f, 12, DELIVERY_PENDING, REASON_NONE);
    assert_stands(f, 9, DELIVERY_CANCELED, REASON_SUPERSEDED);
    verify(f);
}

static void again_lifts_that_when_approved_so(void **state)
{
    struct fixture *f = *state;
    struct draft d = {
        .campaign = "spring", .version = 2, .again = true, .recipients = six, .count = 6};
    bool again;
    first_revision(f);
    int64_t second = submit_of(f, &d, &again);
    approve(f, second);
    assert_int_equal(counted(f, second, DELIVERY_PENDING), 5);
    verify(f);
}

static void other_campaigns_do_not_count(void **state)
{
    struct fixture *f = *state;
    first_revision(f);
    int64_t other = submit(f, "autumn", 1);
    approve(f, other);
    assert_int_equal(counted(f, other, DELIVERY_PENDING), 4);
}

static void drafts_give_way(void **state)
{
    struct fixture *f = *state;
    int64_t first = submit(f, "spring", 1);
    approve(f, first);
    int64_t second = submit(f, "spring", 2);
    assert_int_equal(view(f, first).status, REVISION_PAUSED);
    int64_t third = submit(f, "spring", 3);
    assert_int_equal(view(f, second).status, REVISION_CANCELED);
    assert_int_equal(counted(f, second, DELIVERY_CANCELED), 4);
    assert_true(current_is(f, "spring", third));

    struct store_decision bo = by(f, "bo");
    bo.note = "不好";
    OK(store_reject(f->s, third, &bo, &f->e));
    assert_int_equal(counted(f, third, DELIVERY_CANCELED), 4);
    assert_int_equal(view(f, first).status, REVISION_PAUSED);
    assert_true(current_is(f, "spring", first)); /* so that it can be resumed */
    struct view v;
    assert_int_equal(store_draft(f->s, "spring", keep_view, &v, &f->e), ERR_NOTFOUND);
    OK(store_resume(f->s, first, &bo, &f->e));
    assert_int_equal(view(f, first).status, REVISION_APPROVED);
    assert_int_equal(view(f, first).counts[DELIVERY_PENDING], 4);

    int64_t lone = submit(f, "autumn", 1);
    OK(store_reject(f->s, lone, &bo, &f->e));
    assert_true(current_is(f, "autumn", lone));
    verify(f);
}

static int no_plan(void *ctx, const struct store_revision *r)
{
    (void)ctx;
    assert_null(r->plan); /* not an empty text: people are shown JSON */
    return 0;
}

/* Two that load at once: the later to end is the newer. */
static void later_end_is_newer(void **state)
{
    struct fixture *f = *state;
    struct store_submission sub = {"spring", "t", "alice", f->now};
    const char *const manifest = "{}";
    struct store_row row = {1, f->lane[0], "w1", NULL, REASON_NONE, 0};
    int64_t slow, quick, revision;
    bool again;

    OK(store_submit_begin(f->s, &sub, &slow, &f->e));
    OK(store_submit_rows(f->s, slow, &row, 1, &f->e));
    quick = submit(f, "spring", 1);
    row.row = 2;
    row.recipient = "w2";
    OK(store_submit_rows(f->s, slow, &row, 1, &f->e));
    struct store_freeze freeze = {.campaign = "spring",
                                  .by = "alice",
                                  .at = ++f->now,
                                  .manifest = manifest,
                                  .digest = digest_of(manifest, 2),
                                  .channel = "dry",
                                  .approvers = 1};
    OK(store_submit_end(f->s, slow, &freeze, &revision, &again, &f->e));
    assert_int_equal(view(f, quick).status, REVISION_CANCELED);
    assert_true(current_is(f, "spring", slow));
    OK(store_revision(f->s, slow, no_plan, NULL, &f->e));
    approve(f, slow);
    int64_t last;
    bool more;
    struct seen v;
    OK(store_deliveries(f->s, slow, DELIVERY_STATES, 0, 1, keep_seen, &v, &last, &more, &f->e));
    assert_true(more);
    assert_int_equal(v.id, 1);
    OK(store_deliveries(f->s, slow, DELIVERY_STATES, last, 1, keep_seen, &v, &last, &more, &f->e));
    assert_false(more);
    assert_int_equal(v.id, 6); /* ids interleave, rows ascend */
    assert_int_equal(v.row, 2);
    OK(store_delivery_row(f->s, slow, 2, keep_seen, &v, &f->e));
    assert_int_equal(v.id, 6);
    OK(store_delivery_row(f->s, quick, 4, keep_seen, &v, &f->e));
    assert_int_equal(v.id, 5);
    assert_int_equal(store_delivery_row(f->s, slow, 3, keep_seen, &v, &f->e), ERR_NOTFOUND);
}

struct step {
    const char *name;
    int may[6]; /* by status: DRAFT, APPROVED, PAUSED, REJECTED, CANCELED (from index 1) */
};

static int take_step(struct fixture *f, const char *name, int64_t revision)
{
    struct store_decision bo = by(f, "bo");
    uint64_t n[3];
    bool approved;
    switch (name[0]) {
    case 'a':
        return store_approve(f->s, revision, &bo, false, &approved, &f->e);
    case 'r':
        return name[2] == 'j' ? store_reject(f->s, revision, &bo, &f->e)
                              : store_resume(f->s, revision, &bo, &f->e);
    case 'p':
        return store_pause(f->s, revision, &bo, &f->e);
    case 'e':
        return store_expire(f->s, revision, ++f->now, &n[0], &f->e);
    default:
        return store_cancel(f->s, revision, &bo, &n[0], &n[1], &n[2], &f->e);
    }
}

static void decisions_fit_the_state(void **state)
{
    struct fixture *f = *state;
    static const char *const way[] = {"", "", "a", "ap", "rej", "c"}; /* how to get to a status */
    static const struct step steps[] = {
        {"approve", {0, 1, 0, 0, 0, 0}}, {"reject", {0, 1, 0, 0, 0, 0}},
        {"pause", {0, 0, 1, 0, 0, 0}},   {"resume", {0, 0, 0, 1, 0, 0}},
        {"cancel", {0, 1, 1, 1, 0, 0}},  {"expire", {0, 0, 1, 1, 0, 0}},
    };
    int n = 0;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        for (int status = REVISION_DRAFT; status <= REVISION_CANCELED; status++) {
            char campaign[32];
            snprintf(campaign, sizeof(campaign), "c%d", ++n);
            int64_t revision = submit(f, campaign, 1);
            if (way[status][0] == 'r' || way[status][0] == 'c')
                OK(take_step(f, way[status], revision));
            for (const char *w = way[status]; *w == 'a' || *w == 'p'; w++)
                OK(take_step(f, w, revision));
            assert_int_equal(view(f, revision).status, status);
            int rc = take_step(f, steps[i].name, revision);
            if (rc != (steps[i].may[status] ? 0 : ERR_REFUSED))
                fail_msg("%s in status %d: %d", steps[i].name, status, rc);
        }
    }
    verify(f);
}

static void cancel_counts_what_is_out(void **state)
{
    struct fixture *f = *state;
    struct draft d = {.campaign = "spring", .version = 2, .recipients = six, .count = 6};
    bool again;
    uint64_t canceled, out, unknown;
    int64_t revision = submit_of(f, &d, &again);
    approve(f, revision);
    for (int64_t i = 1; i <= 3; i++)
        assert_true(claim(f, revision, i, f->lane[(i - 1) % 2]));
    answer(f, 1, DELIVERY_SENT, REASON_NONE);
    answer(f, 2, DELIVERY_UNKNOWN, REASON_NO_ANSWER);
    struct store_decision bo = by(f, "bo");
    OK(store_cancel(f->s, revision, &bo, &canceled, &out, &unknown, &f->e));
    assert_int_equal(canceled, 2);
    assert_int_equal(out, 2);
    assert_int_equal(unknown, 1);
    answer(f, 3, DELIVERY_PENDING, REASON_NONE); /* proven not sent, too late to wait */
    assert_stands(f, 3, DELIVERY_CANCELED, REASON_CANCELED);
    verify(f);
}

/* What has come to its end is not canceled afterwards; unknown ones wait for `outcome`. */
static void a_done_campaign_is_not_canceled(void **state)
{
    struct fixture *f = *state;
    struct store_decision bo = by(f, "bo");
    uint64_t n[3];
    int64_t revision = submit(f, "spring", 1);

    approve(f, revision);
    for (int64_t i = 1; i <= 4; i++) {
        assert_true(claim(f, revision, i, f->lane[(i - 1) % 2]));
        answer(f, i, i == 3 ? DELIVERY_UNKNOWN : DELIVERY_SENT, REASON_NONE);
    }
    assert_int_equal(store_cancel(f->s, revision, &bo, &n[0], &n[1], &n[2], &f->e), ERR_REFUSED);
    assert_string_equal(f->e.text, "spring is done: there is nothing to cancel");
    assert_int_equal(view(f, revision).status, REVISION_APPROVED);
    OK(store_pause(f->s, revision, &bo, &f->e));
    assert_int_equal(store_cancel(f->s, revision, &bo, &n[0], &n[1], &n[2], &f->e), ERR_REFUSED);
    verify(f);
}

static int count_revision(void *ctx, const struct store_revision *r)
{
    *(int64_t *)ctx = *(int64_t *)ctx * 10 + r->id;
    return 0;
}

static void lists(void **state)
{
    struct fixture *f = *state;
    int64_t ids = 0;
    approve(f, submit(f, "x", 1));
    submit(f, "y", 1);
    submit(f, "x", 2); /* pauses 1 */
    approve(f, submit(f, "z", 1));
    OK(store_campaigns(f->s, count_revision, &ids, &f->e));
    assert_int_equal(ids, 324);
    ids = 0;
    OK(store_active(f->s, count_revision, &ids, &f->e));
    assert_int_equal(ids, 14);
    assert_int_equal(store_campaign(f->s, "no", count_revision, &ids, &f->e), ERR_NOTFOUND);
    assert_non_null(strstr(f->e.text, "no"));
}

static void blobs_by_digest(void **state)
{
    struct fixture *f = *state;
    struct store_blob b = {digest_of("img\0x", 5), "img\0x", 5};
    struct digest other = digest_of("y", 1);
    void *bytes = NULL;
    size_t length;
    OK(store_submit_blob(f->s, &b, &f->e));
    OK(store_submit_blob(f->s, &b, &f->e));
    OK(store_blob(f->s, &b.digest, &bytes, &length, &f->e));
    assert_int_equal(length, 5);
    assert_memory_equal(bytes, "img\0x", 5);
    free(bytes);
    assert_int_equal(store_blob(f->s, &other, &bytes, &length, &f->e), ERR_NOTFOUND);
}

static void note_must_be_utf8(void **state)
{
    struct fixture *f = *state;
    int64_t revision = submit(f, "spring", 1);
    struct store_decision bo = by(f, "bo");
    bool approved;
    bo.note = "\xff";
    assert_int_equal(store_approve(f->s, revision, &bo, false, &approved, &f->e), ERR_REFUSED);
    assert_int_equal(store_reject(f->s, revision, &bo, &f->e), ERR_REFUSED);
    assert_int_equal(view(f, revision).status, REVISION_DRAFT); /* nothing of it stayed */
    assert_int_equal(view(f, revision).approvals, 0);
    verify(f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(draft_is_visible_only_when_whole),
        T(same_digest_changes_nothing),
        T(approval_is_another_persons),
        T(new_revision_writes_to_nobody_again),
        T(again_lifts_that_when_approved_so),
        T(other_campaigns_do_not_count),
        T(drafts_give_way),
        T(later_end_is_newer),
        T(decisions_fit_the_state),
        T(cancel_counts_what_is_out),
        T(a_done_campaign_is_not_canceled),
        T(lists),
        T(blobs_by_digest),
        T(note_must_be_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
