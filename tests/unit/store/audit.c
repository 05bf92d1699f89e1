/* The audit chain: what it says, and that any change of it or of the rows it covers is found. */
#include "fixture.h"

struct log {
    char text[2048];
    struct digest last;
    int64_t next;
};

static int keep_record(void *ctx, const struct store_audit_row *r)
{
    struct log *l = ctx;
    assert_int_equal(r->seq, ++l->next);
    assert_true(digest_equal(&r->prev, &l->last));
    l->last = r->hash;
    snprintf(l->text + strlen(l->text), sizeof(l->text) - strlen(l->text), "%s:%s:%s\n", r->by,
             r->event, r->campaign ? r->campaign : "-");
    return 0;
}

/* A little of everything: 4 + 4 deliveries, two revisions, every kind of record. */
static void live_a_little(struct fixture *f)
{
    uint64_t n[3];
    struct store_decision bo = by(f, "bo");
    int64_t first = submit(f, "spring", 1);
    approve(f, first);
    OK(store_pause(f->s, first, &bo, &f->e));
    OK(store_resume(f->s, first, &bo, &f->e));
    for (int64_t i = 1; i <= 3; i++)
        assert_true(claim(f, first, i, f->lane[(i - 1) % 2]));
    answer(f, 1, DELIVERY_SENT, REASON_NONE);
    answer(f, 2, DELIVERY_UNKNOWN, REASON_NO_ANSWER);
    OK(store_recover(f->s, ++f->now, &n[0], &f->e));
    bo.note = "asked";
    OK(store_outcome(f->s, 2, false, &bo, &f->e));
    OK(store_resend(f->s, 2, &bo, &f->e));
    OK(store_audit(f->s, ++f->now, "bo", "halt", NULL, NULL, "{ \"reason\" : \"x\" }", &f->e));
    int64_t second = submit(f, "spring", 2);
    approve(f, second);
    OK(store_expire(f->s, second, ++f->now, &n[0], &f->e));
    int64_t third = submit(f, "spring", 3);
    OK(store_reject(f->s, third, &bo, &f->e));
    int64_t fourth = submit(f, "spring", 4);
    OK(store_cancel(f->s, fourth, &bo, &n[0], &n[1], &n[2], &f->e));
}

static void every_decision_is_in_the_log(void **state)
{
    struct fixture *f = *state;
    struct log l = {.next = 0};
    int64_t last;
    bool more;
    live_a_little(f);
    OK(store_audit_rows(f->s, NULL, 0, 100, keep_record, &l, &last, &more, &f->e));
    assert_false(more);
    assert_string_equal(l.text, "alice:submit:spring\nbo:approve:spring\nbo:pause:spring\n"
                                "bo:resume:spring\npaceline:commit:-\npaceline:commit:-\n"
                                "paceline:commit:-\npaceline:commit:-\npaceline:commit:-\n"
                                "paceline:recover:-\nbo:outcome:spring\nbo:resend:spring\n"
                                "bo:halt:-\nalice:submit:spring\nalice:pause:spring\n"
                                "bo:approve:spring\nbo:supersede:spring\n"
                                "paceline:expire:spring\nalice:submit:spring\n"
                                "alice:pause:spring\nbo:reject:spring\n"
                                "alice:submit:spring\nbo:cancel:spring\n");
    assert_int_equal(verify(f), 23);
    assert_int_equal(last, 23);
}

static int keep_detail(void *ctx, const struct store_audit_row *r)
{
    snprintf(ctx, 400, "%s", r->detail);
    return 0;
}

/* While the clock stands still: halted, lifted, halted again, all at one instant. */
static void the_same_twice_at_one_instant_is_two_records(void **state)
{
    struct fixture *f = *state;
    struct log l = {.next = 0};
    int64_t last;
    bool more;

    for (int i = 0; i < 2; i++) {
        OK(store_audit(f->s, f->now, "bo", "halt", NULL, NULL, NULL, &f->e));
        OK(store_audit(f->s, f->now, "bo", "unhalt", NULL, NULL, NULL, &f->e));
    }
    OK(store_audit_rows(f->s, NULL, 0, 100, keep_record, &l, &last, &more, &f->e));
    assert_string_equal(l.text, "bo:halt:-\nbo:unhalt:-\nbo:halt:-\nbo:unhalt:-\n");
}

static void records_say_what_they_cover(void **state)
{
    struct fixture *f = *state;
    char text[400];
    int64_t last;
    bool more;
    live_a_little(f);
    OK(store_audit_rows(f->s, NULL, 8, 1, keep_detail, text, &last, &more, &f->e));
    assert_true(more);
    assert_memory_equal(text, "{\"claims\":0,\"life\":[5,5],\"results\":1,\"sha256\":\"", 47);
    OK(store_audit_rows(f->s, "spring", 10, 1, keep_detail, text, &last, &more, &f->e));
    assert_memory_equal(
        text, "{\"delivery\":2,\"life\":[7,7],\"note\":\"asked\",\"outcome\":\"not-sent\",", 63);
    OK(store_audit_rows(f->s, NULL, 12, 1, keep_detail, text, &last, &more, &f->e));
    assert_string_equal(text, "{\"reason\":\"x\"}"); /* canonical */
    OK(store_audit_rows(f->s, NULL, 15, 1, keep_detail, text, &last, &more, &f->e));
    assert_memory_equal(
        text, "{\"already_handled\":2,\"approvals\":1,\"approvers\":1,\"life\":[9,10],", 63);
    assert_int_equal(store_audit(f->s, 1, "bo", "halt", NULL, NULL, "[1]", &f->e), ERR_INTERNAL);
}

static void run_sql(struct fixture *f, const char *sql)
{
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message))
        fail_msg("%s: %s", sql, message);
    sqlite3_close(db);
}

/* Each change is made behind the store's back, then undone by putting the file back. */
static const struct tampering {
    const char *sql;
    int64_t broken; /* the record that is named */
} tamperings[] = {
    {"UPDATE audit SET by = 'eve' WHERE seq = 2", 2},
    {"UPDATE audit SET at = at + 1 WHERE seq = 23", 23},
    {"UPDATE audit SET event = 'approved' WHERE seq = 3", 3},
    {"UPDATE audit SET campaign = NULL WHERE seq = 3", 3},
    {"UPDATE audit SET campaign = '' WHERE seq = 5", 5},
    {"UPDATE audit SET digest = zeroblob(32) WHERE seq = 1", 1},
    {"UPDATE audit SET digest = x'00' WHERE seq = 1", 1},
    {"UPDATE audit SET detail = replace(detail, 'asked', 'fixed') WHERE seq = 11", 11},
    {"UPDATE audit SET detail = detail || char(0) || 'x' WHERE seq = 11", 11},
    {"UPDATE audit SET hash = zeroblob(32) WHERE seq = 7", 7},
    {"UPDATE audit SET prev = zeroblob(32) WHERE seq = 7", 7},
    {"UPDATE audit SET hash = (SELECT hash FROM audit WHERE seq = 6) WHERE seq = 7", 7},
    {"DELETE FROM audit WHERE seq = 1", 1},
    {"DELETE FROM audit WHERE seq = 9", 9},
    {"DELETE FROM audit WHERE seq = 17", 17},
    {"DELETE FROM audit WHERE seq > 16", 16}, /* their steps are covered by none */
    {"UPDATE life SET at = at + 1 WHERE seq = 1", 5},
    {"UPDATE life SET state = 4 WHERE seq = 4", 8},
    {"UPDATE life SET state = state + (1 << 40) WHERE seq = 4", 8},
    {"UPDATE life SET reason = 1 WHERE seq = 5", 9},
    {"UPDATE life SET delivery = 4 WHERE seq = 5", 9},
    {"UPDATE life SET claimed_at = NULL WHERE seq = 4", 8},
    {"UPDATE life SET due_at = 0 WHERE seq = 1", 5},
    {"UPDATE life SET ref = ref || 'x' WHERE seq = 4", 8},
    {"UPDATE life SET ref = ref || char(0) || 'x' WHERE seq = 4", 8},
    {"UPDATE life SET ref = NULL WHERE seq = 4", 8},
    {"UPDATE life SET by = 'eve' WHERE seq = 7", 11},
    {"DELETE FROM life WHERE seq = 6", 10},
    {"DELETE FROM life WHERE seq = 10", 16},
    {"INSERT INTO life (seq, delivery, at, state, reason) VALUES (500, 1, 1, 3, 0)", 23},
    {"UPDATE life SET seq = 500 WHERE seq = 3", 7},
};

static void copy(const char *from, const char *to)
{
    char bytes[4096];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_non_null(in);
    assert_non_null(out);
    for (size_t n; (n = fread(bytes, 1, sizeof(bytes), in)) > 0;)
        assert_int_equal(fwrite(bytes, 1, n, out), n);
    fclose(in);
    assert_int_equal(fclose(out), 0);
}

static void verify_names_the_record(void **state)
{
    struct fixture *f = *state;
    char backup[96];
    live_a_little(f);
    snprintf(backup, sizeof(backup), "%s.copy", f->path);
    store_close(f->s);
    copy(f->path, backup);

    for (size_t i = 0; i < sizeof(tamperings) / sizeof(tamperings[0]); i++) {
        const struct tampering *t = &tamperings[i];
        uint64_t records;
        int64_t broken = -1;
        char named[32];
        copy(backup, f->path);
        run_sql(f, t->sql);
        fixture_open(f);
        int rc = store_audit_verify(f->s, &records, &broken, &f->e);
        snprintf(named, sizeof(named), " %lld ", (long long)t->broken);
        if (rc != ERR_REFUSED || broken != t->broken || !strstr(f->e.text, named))
            fail_msg("%s: %d, record %lld: %s", t->sql, rc, (long long)broken, f->e.text);
        store_close(f->s);
    }
    copy(backup, f->path);
    fixture_open(f);
    assert_int_equal(verify(f), 23);
}

static void chain_goes_on_after_opening_again(void **state)
{
    struct fixture *f = *state;
    live_a_little(f);
    uint64_t records = verify(f);
    fixture_reopen(f);
    assert_int_equal(verify(f), records);
    submit(f, "autumn", 1);
    assert_int_equal(verify(f), records + 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_decision_is_in_the_log),      T(the_same_twice_at_one_instant_is_two_records),
        T(records_say_what_they_cover),       T(verify_names_the_record),
        T(chain_goes_on_after_opening_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
