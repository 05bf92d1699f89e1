/* One pass over an audience: senders, rendered texts, what the channel cannot carry, samples. */
#include "check.h"

#include "base/arena.h"
#include "channel/review.h"
#include "conf/zones.h"
#include "core/prng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct channel_format formats[] = {{"text", 20}, {NULL, 0}};
static const struct channel_attachment_kind attachments[] = {
    {.name = "image", .count_max = 1, .bytes_max = 64, .types = "png"}, {.name = NULL}};
static const char *no_strangers(const char *recipient)
{
    return strncmp(recipient, "wxid_", 5) == 0 ? "a stranger" : NULL;
}

static const struct paceline_channel kind = {
    .name = "testkind",
    .caps = {.recipients_max = 9, .formats = formats, .attachments = attachments},
    .recipient_problem = no_strangers,
};
static const struct conf_sender channel_senders[] = {{.name = "li"}, {.name = "wu"}};
static const struct service_channel channel = {
    .name = "room", .plugin = "testkind", .senders = channel_senders, .sender_count = 2};
static const char png[] = "\x89PNG\r\n\x1a\n1234";

struct fixture {
    char dir[40], file[64];
    struct zones *zones;
    struct diags diags;
    struct campaign *campaign;
    struct review *review;
    struct err e;
};

#define HEAD "campaign: spring\ntitle: Spring\nchannel: room\n"
#define NAMES "audience:\n  file: vip.csv\nmessage:\n  text: \"Hi {{name|you}}\"\n"

static int setup(void **state)
{
    struct fixture *f = xmalloc(sizeof(*f));

    strcpy(f->dir, "/tmp/paceline-review-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    snprintf(f->file, sizeof(f->file), "%s/spring.yaml", f->dir);
    f->zones = zones_new();
    diags_init(&f->diags);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[64];

    review_close(f->review);
    campaign_free(f->campaign);
    diags_dispose(&f->diags);
    zones_free(f->zones);
    snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static void write_beside(const struct fixture *f, const char *name, const char *bytes,
                         size_t length)
{
    char path[96];

    snprintf(path, sizeof(path), "%s/%s", f->dir, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, length, out), length);
    fclose(out);
}

static int open_review(struct fixture *f, const char *campaign, const char *audience)
{
    if (audience)
        write_beside(f, "vip.csv", audience, strlen(audience));
    f->campaign =
        campaign_read(f->file, campaign, strlen(campaign), "UTC", NULL, f->zones, &f->diags);
    if (!f->campaign)
        fail_msg("%s", f->diags.items[0].message);
    return review_open(&f->review, f->campaign, &channel, &kind, NULL, NULL, &f->diags, &f->e);
}

static void read_all(struct fixture *f)
{
    struct review_row row;

    while (review_next(f->review, &row, &f->e) == 1)
        ;
    assert_int_equal(review_next(f->review, &row, &f->e), 0); /* the end stays the end */
}

static void next_is(struct fixture *f, const char *recipient, const char *sender,
                    enum reason skipped, const char *text)
{
    struct review_row row;

    assert_int_equal(review_next(f->review, &row, &f->e), 1);
    assert_string_equal(row.recipient, recipient);
    assert_string_equal(row.sender, sender);
    assert_int_equal(row.skipped, skipped);
    if (text)
        assert_string_equal(row.text, text);
    else
        assert_null(row.text);
}

static void rows_are_rendered(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_review(f,
                                 HEAD "audience:\n  file: vip.csv\nmessage:\n"
                                      "  text: \"{{name|you}} {{city}}\"\n",
                                 "recipient,name,city\nr1,Ann,Bonn\nr2,,Rom\nr3,Cy,\nr1,Ann,Bonn\n"
                                 "r5,Dora,Oslo\n"),
                     0);
    next_is(f, "r1", "li", REASON_NONE, "Ann Bonn");
    next_is(f, "r2", "wu", REASON_NONE, "you Rom");
    next_is(f, "r3", "li", REASON_MISSING_VALUE, NULL);
    next_is(f, "r1", "wu", REASON_DUPLICATE, NULL);
    next_is(f, "r5", "wu", REASON_NONE, "Dora Oslo");
    read_all(f);
    const struct review_sum *sum = review_sum(f->review);
    assert_int_equal(sum->rows, 5);
    assert_int_equal(sum->sends, 3);
    assert_int_equal(sum->skipped[REASON_DUPLICATE], 1);
    assert_int_equal(sum->skipped[REASON_MISSING_VALUE], 1);
    assert_int_equal(sum->shortest, 2);
    assert_int_equal(sum->longest, 5);
    assert_int_equal(sum->most_defaults, 2);
    assert_int_equal(f->diags.errors, 0);
}

static void problem_is(const struct fixture *f, size_t i, size_t line, size_t column, int code,
                       const char *part)
{
    assert_true(i < f->diags.count);
    const struct diag *d = &f->diags.items[i];
    if (!strstr(d->message, part) || d->line != line || d->column != column || d->code != code)
        fail_msg("%zu:%zu (%d): %s", d->line, d->column, d->code, d->message);
}

/* 1,000 rows that break one limit are one line; another problem is another line. */
static void a_problem_is_said_once(void **state)
{
    struct fixture *f = *state;
    struct strbuf csv = STRBUF_INIT;

    strbuf_puts(&csv, "recipient,name\nok,A\n");
    for (int i = 0; i < 1000; i++)
        strbuf_printf(&csv, "r%d,much too long a name\n", i);
    assert_int_equal(open_review(f,
                                 HEAD "audience:\n  file: vip.csv\nmessage:\n"
                                      "  text: \"{{name|you}}!\"\n",
                                 csv.text),
                     0);
    strbuf_dispose(&csv);
    read_all(f);
    assert_int_equal(f->diags.count, 1);
    problem_is(f, 0, 7, 9, ERR_REFUSED, "(row 2)");
    problem_is(f, 0, 7, 9, ERR_REFUSED, "(and 999 more rows)");
}

static void two_problems_are_two_lines(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(
        open_review(f,
                    HEAD "audience:\n  file: vip.csv\nmessage:\n"
                         "  text: \"{{name|}}\"\n",
                    "recipient,name\nr1,much too long for a name\nr2,\nr3,and also too long "
                    "a name\n"),
        0);
    read_all(f);
    assert_int_equal(f->diags.count, 2);
    problem_is(f, 0, 7, 9, ERR_REFUSED, "(and 1 more row)");
    problem_is(f, 1, 7, 9, ERR_REFUSED, "empty for 'r2' (row 2)");
}

static void recipients_are_judged_by_the_kind(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(
        open_review(f, HEAD NAMES, "name,recipient\nA,r1\nB,wxid_1\nB,wxid_1\nC,wxid_2\n"), 0);
    read_all(f);
    assert_int_equal(f->diags.count, 1);
    problem_is(f, 0, 3, 2, ERR_REFUSED, "testkind does not write to 'wxid_1' (row 2): a stranger");
    problem_is(f, 0, 3, 2, ERR_REFUSED, "(and 1 more row)");
    assert_non_null(strstr(f->diags.items[0].file, "/vip.csv"));
}

static void listed_recipients_are_judged_too(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_review(f,
                                 HEAD "audience:\n  recipients: [r1, wxid_1]\nmessage:\n"
                                      "  text: hello\n",
                                 NULL),
                     0);
    read_all(f);
    assert_int_equal(f->diags.count, 1);
    problem_is(f, 0, 5, 20, ERR_REFUSED, "'wxid_1' (row 2)");
    assert_string_equal(f->diags.items[0].file, f->file);
}

static void senders_are_the_channels(void **state)
{
    struct fixture *f = *state;
    size_t count;

    assert_int_equal(open_review(f, HEAD "senders: [wu, xi]\n" NAMES, "recipient,name\nr1,A\n"), 0);
    problem_is(f, 0, 4, 15, ERR_DATA, "channel 'room' has no sender 'xi'; it has: li, wu");
    assert_string_equal(review_senders(f->review, &count)[0], "wu");
    assert_int_equal(count, 2);
}

static void an_empty_audience_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_review(f, HEAD NAMES, "recipient,name\n"), 0);
    read_all(f);
    problem_is(f, 0, 5, 9, ERR_REFUSED, "the audience is empty");
}

static void the_number_is_compared(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_review(f,
                                 HEAD "audience:\n  file: vip.csv\n  expect: 5\nmessage:\n"
                                      "  text: hi\n",
                                 "recipient\nr1\n"),
                     0);
    read_all(f);
    problem_is(f, 0, 6, 11, ERR_REFUSED, "5 recipients expected");
}

static void an_audience_that_is_not_there(void **state)
{
    struct fixture *f = *state;

    assert_true(open_review(f, HEAD NAMES, NULL) < 0);
    assert_null(f->review);
    problem_is(f, 0, 5, 9, ERR_DATA, "vip.csv");
}

#define IMAGE HEAD "audience:\n  recipients: [r1]\nmessage:\n  attachments:\n    - image: a.png\n"

static void attachments_are_judged(void **state)
{
    struct fixture *f = *state;
    size_t count;

    write_beside(f, "a.png", png, sizeof(png));
    assert_int_equal(open_review(f, IMAGE, NULL), 0);
    next_is(f, "r1", "li", REASON_NONE, NULL);
    read_all(f);
    assert_int_equal(f->diags.errors, 0);
    assert_int_equal(review_sum(f->review)->sends, 1);
    const struct review_attachment *a = review_attachments(f->review, &count);
    struct digest d = digest_of(png, sizeof(png));
    assert_int_equal(count, 1);
    assert_true(digest_equal(&a[0].digest, &d));
    assert_string_equal(a[0].file.name, "a.png");
}

static void attachments_at_their_place(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *bytes;
        size_t length;
        int code;
        const char *part;
    } rows[] = {
        {NULL, 0, ERR_DATA, "a.png"},
        {"", 0, ERR_REFUSED, "empty"},
        {"GIF89a", 6, ERR_REFUSED, "not of a type"},
        {NULL, 65, ERR_REFUSED, "larger than 64 bytes"},
    };
    char large[65] = {0};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].bytes || rows[i].length > 0)
            write_beside(f, "a.png", rows[i].bytes ? rows[i].bytes : large, rows[i].length);
        assert_int_equal(open_review(f, IMAGE, NULL), 0);
        read_all(f);
        assert_int_equal(f->diags.errors, 1);
        problem_is(f, 0, 8, 14, rows[i].code, rows[i].part);
        review_close(f->review);
        campaign_free(f->campaign);
        diags_dispose(&f->diags);
        diags_init(&f->diags);
        f->review = NULL;
        f->campaign = NULL;
    }
}

/* The files of a submission lie elsewhere, but are called as the person wrote them. */
static void spooled_files_keep_their_names(void **state)
{
    struct fixture *f = *state;
    static const char campaign[] = HEAD NAMES;
    char path[96];

    write_beside(f, "spooled", "recipient,name\n,A\n", 18);
    snprintf(path, sizeof(path), "%s/spooled", f->dir);
    f->campaign = campaign_read("lists/spring.yaml", campaign, strlen(campaign), "UTC", NULL,
                                f->zones, &f->diags);
    assert_int_equal(
        review_open(&f->review, f->campaign, &channel, &kind, path, NULL, &f->diags, &f->e), 0);
    read_all(f);
    assert_string_equal(f->diags.items[0].file, "lists/vip.csv");
}

/* Without the service nobody knows who is in it: no rows, and a warning in place of an error. */
static void the_contact_book_is_not_here(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_review(f,
                                 HEAD "audience:\n  contacts: true\n  expect: 3\nmessage:\n"
                                      "  text: \"Hi {{name|you}}\"\n",
                                 NULL),
                     0);
    read_all(f);
    assert_int_equal(f->diags.errors, 0);
    assert_int_equal(f->diags.count, 1);
    assert_int_equal(f->diags.items[0].level, DIAG_WARNING);
    assert_int_equal(f->diags.items[0].line, 5);
    assert_true(review_sum(f->review)->open);
}

static void consent_is_needed_where_a_pack_wants_it(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(
        open_review(f, HEAD NAMES,
                    "recipient,name,consent\nann,Ann,2026-03-01 shop\nbo,Bo, NO \ncy,Cy,\n"),
        0);
    f->campaign->consent = "pack";
    next_is(f, "ann", "li", REASON_NONE, "Hi Ann");
    next_is(f, "bo", "wu", REASON_NO_CONSENT, NULL);
    next_is(f, "cy", "li", REASON_NO_CONSENT, NULL);
    read_all(f);
    assert_int_equal(f->diags.count, 0);
}

static void senders_and_groups_are_not_asked_for_consent(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(
        open_review(f, HEAD "audience: {senders: all}\nmessage: {text: hello}\n", NULL), 0);
    f->campaign->consent = "pack";
    next_is(f, "li", "li", REASON_NONE, "hello");
    read_all(f);
    assert_int_equal(f->diags.count, 0);
    review_close(f->review);
    campaign_free(f->campaign);
    open_review(f, HEAD "audience: {groups: {name: x}}\nmessage: {text: hello}\n", NULL);
    f->campaign->consent = "pack";
    read_all(f);
    bool told = false;
    for (size_t i = 0; i < f->diags.count; i++)
        told = told || strstr(f->diags.items[i].message, "of the members of a group");
    assert_true(told);
}

static const char *nobodys_tags(void *ctx, const char *recipient, struct err *e)
{
    (void)ctx, (void)recipient, (void)e;
    return "";
}

static void where_needs_tags(void **state)
{
    static const char campaign[] = HEAD "audience:\n  recipients: [r1, r2]\n"
                                        "  where: {tags_any: [vip]}\n  expect: 5\nmessage:\n"
                                        "  text: hi\n";
    struct fixture *f = *state;

    assert_int_equal(open_review(f, campaign, NULL), 0);
    read_all(f);
    assert_int_equal(f->diags.errors, 0); /* not even `expect` */
    assert_int_equal(f->diags.items[0].line, 6);
    assert_int_equal(review_sum(f->review)->rows, 2);
    review_close(f->review);
    campaign_free(f->campaign);

    assert_int_equal(open_review(f, campaign, NULL), 0);
    review_tags(f->review, nobodys_tags, NULL);
    read_all(f);
    assert_int_equal(f->diags.errors, 1);
    assert_non_null(strstr(f->diags.items[1].message, "nobody fits 'where'"));
    assert_false(review_sum(f->review)->open);
}

/* --- batches and taps --- */

enum { LETTERS = 200 };

static int open_asking(struct fixture *f, const char *campaign, const char *audience)
{
    static struct paceline_channel asking;

    asking = kind;
    asking.caps.person_confirms = true;
    if (audience)
        write_beside(f, "vip.csv", audience, strlen(audience));
    f->campaign =
        campaign_read(f->file, campaign, strlen(campaign), "UTC", NULL, f->zones, &f->diags);
    if (!f->campaign)
        fail_msg("%s", f->diags.items[0].message);
    return review_open(&f->review, f->campaign, &channel, &asking, NULL, NULL, &f->diags, &f->e);
}

static void close_asking(struct fixture *f)
{
    review_close(f->review);
    campaign_free(f->campaign);
    diags_dispose(&f->diags);
    diags_init(&f->diags);
    f->review = NULL;
    f->campaign = NULL;
}

struct letters {
    size_t count, sender[LETTERS];
    char text[LETTERS][24];
    int64_t message[LETTERS];
};

static void letters_read(struct fixture *f, struct letters *l)
{
    struct review_row row;

    l->count = 0;
    while (review_next(f->review, &row, &f->e) == 1) {
        if (row.skipped != REASON_NONE)
            continue;
        l->sender[l->count] = row.sender_index;
        snprintf(l->text[l->count], sizeof l->text[0], "%s", row.text);
        l->message[l->count++] = row.message;
    }
}

/* Each letter that no earlier send of its sender has room for begins a new one. */
static uint64_t sends_of(const struct letters *l, size_t sender, uint32_t batch)
{
    uint64_t sends = 0;

    for (size_t i = 0; i < l->count; i++) {
        size_t before = 0;
        for (size_t k = 0; k < i; k++)
            before += l->sender[k] == sender && strcmp(l->text[k], l->text[i]) == 0;
        sends += l->sender[i] == sender && before % batch == 0;
    }
    return sends;
}

static void taps_are_counted(void **state)
{
    static struct letters l;
    struct fixture *f = *state;
    const char *given = getenv("SEED");
    uint64_t first = given ? strtoull(given, NULL, 0) : 1, last = given ? first : 60;

    for (uint64_t seed = first; seed <= last; seed++) {
        struct strbuf csv = STRBUF_INIT;
        char text[256];
        struct prng p;
        prng_seed(&p, seed);
        uint32_t batch = 1 + (uint32_t)prng_below(&p, 9);
        uint64_t rows = 1 + prng_below(&p, LETTERS), names = 1 + prng_below(&p, 9);
        strbuf_puts(&csv, "recipient,name\n");
        for (uint64_t i = 0; i < rows; i++) /* some twice, some without a name */
            strbuf_printf(&csv, "r%d,%.*s\n", (int)prng_below(&p, 1000), (int)prng_below(&p, names),
                          "abcdefgh");
        snprintf(text, sizeof text,
                 HEAD "audience:\n  file: vip.csv\nmessage:\n  text: \"Hi {{name}}\"\n"
                      "pace: {batch: %u}\nconfirm: {taps_per_day: 1000}\n",
                 batch);
        assert_int_equal(open_asking(f, text, csv.text), 0);
        letters_read(f, &l);
        const struct review_sum *sum = review_sum(f->review);
        uint64_t sends[2] = {sends_of(&l, 0, batch), sends_of(&l, 1, batch)};
        uint64_t most = sends[0] > sends[1] ? sends[0] : sends[1];
        if (sum->calls != sends[0] + sends[1] || sum->taps_max != most)
            fail_msg("SEED=%llu: %llu calls, %llu taps; %llu and %llu", (unsigned long long)seed,
                     (unsigned long long)sum->calls, (unsigned long long)sum->taps_max,
                     (unsigned long long)sends[0], (unsigned long long)sends[1]);
        if (sends[0] != sends[1])
            assert_string_equal(sum->taps_sender, sends[0] > sends[1] ? "li" : "wu");
        for (size_t i = 0; i < l.count; i++) {
            assert_true((l.message[i] != 0) == (batch > 1));
            for (size_t k = 0; batch > 1 && k < i; k++)
                assert_true((l.message[i] == l.message[k]) == !strcmp(l.text[i], l.text[k]));
        }
        strbuf_dispose(&csv);
        close_asking(f);
    }
}

#define EIGHT "audience:\n  recipients: [r1, r2, r3, r4, r5, r6, r7, r8]\nmessage: {text: hi}\n"

/* Eight letters of two senders: four taps each, three a day are right. */
static void taps_a_day_are_judged(void **state)
{
    static const struct {
        const char *more;
        const char *part; /* NULL: right */
        size_t line, column;
    } rows[] = {
        {"", "li would be asked 4 times, taps_per_day is 3", 3, 10},
        {"confirm: {taps_per_day: 3}\n", "taps_per_day is 3", 7, 10},
        {"confirm: {taps_per_day: 4}\n", NULL, 0, 0},
        {"pace: {batch: 2}\n", NULL, 0, 0},
        {"pace: {limits: [{max: 3, per: day, scope: sender}]}\n", NULL, 0, 0},
        {"pace: {limits: [{max: 3, per: day, scope: person}]}\n", NULL, 0, 0},
        {"pace: {limits: [{max: 4, per: day, scope: sender}]}\n", "4 times", 3, 10},
        {"pace: {limits: [{max: 3, per: week, scope: sender}]}\n", "4 times", 3, 10},
        {"pace: {limits: [{max: 3, per: 24h, scope: sender}]}\n", "4 times", 3, 10},
        {"pace: {limits: [{max: 3, per: day, scope: channel}]}\n", "4 times", 3, 10},
        {"pace: {batch: 10}\n", "testkind takes at most 9 recipients in one send", 7, 15},
        {"senders: [li]\npace: {batch: 2}\n", "li would be asked 4 times", 3, 10},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[512];
        snprintf(text, sizeof text, HEAD EIGHT "%s", rows[i].more);
        assert_int_equal(open_asking(f, text, NULL), 0);
        read_all(f);
        if (rows[i].part)
            problem_is(f, 0, rows[i].line, rows[i].column, ERR_REFUSED, rows[i].part);
        else if (f->diags.count)
            fail_msg("%s: %s", rows[i].more, f->diags.items[0].message);
        close_asking(f);
    }
}

/* Where nobody is asked there are sends, and no taps to judge. */
static void without_people_batches_are_sends(void **state)
{
    struct fixture *f = *state;

    for (int batch = 1; batch <= 3; batch += 2) {
        char text[512];
        snprintf(text, sizeof text, HEAD EIGHT "pace: {batch: %d}\n", batch);
        assert_int_equal(open_review(f, text, NULL), 0);
        read_all(f);
        assert_int_equal(f->diags.count, 0);
        assert_int_equal(review_sum(f->review)->calls, batch == 1 ? 8 : 4);
        close_asking(f);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_are_rendered),
        TEST(a_problem_is_said_once),
        TEST(two_problems_are_two_lines),
        TEST(recipients_are_judged_by_the_kind),
        TEST(listed_recipients_are_judged_too),
        TEST(senders_are_the_channels),
        TEST(an_empty_audience_is_refused),
        TEST(the_number_is_compared),
        TEST(an_audience_that_is_not_there),
        TEST(the_contact_book_is_not_here),
        cmocka_unit_test_setup_teardown(consent_is_needed_where_a_pack_wants_it, setup, teardown),
        cmocka_unit_test_setup_teardown(senders_and_groups_are_not_asked_for_consent, setup,
                                        teardown),
        TEST(where_needs_tags),
        TEST(attachments_are_judged),
        TEST(attachments_at_their_place),
        TEST(spooled_files_keep_their_names),
        TEST(taps_are_counted),
        TEST(taps_a_day_are_judged),
        TEST(without_people_batches_are_sends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
