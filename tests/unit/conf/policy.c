/* Packs combine to the strictest (contract §2), and what they make is what a manifest brings back.
 */
#include "check.h"

#include "conf/duration.h"
#include "conf/policy.h"
#include "conf/revision.h"
#include "core/limit.h"
#include "support.h"

#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    char dir[64];
    struct zones *zones;
    struct campaign *c;
};

static int set_up(void **state)
{
    struct fixture *f = xmalloc(sizeof *f);
    char path[128];

    strcpy(f->dir, "/tmp/paceline-policy.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(path, sizeof path, "%s/policies", f->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    f->zones = zones_new();
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];

    campaign_free(f->c);
    zones_free(f->zones);
    snprintf(command, sizeof command, "rm -r %s", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static void pack(const struct fixture *f, const char *name, const char *body)
{
    char path[128];

    snprintf(path, sizeof path, "%s/policies/%s.yaml", f->dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "policy: %s\nversion: 2026-11\nsource: here\nread: 2026-11-24\n%s", name, body);
    fclose(file);
}

/* Monday 2027-03-01 is a holiday, made up for on Saturday. */
static void calendar_put(const struct fixture *f)
{
    char path[128];

    snprintf(path, sizeof path, "%s/calendars", f->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/calendars/here.yaml", f->dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("calendar: here\ncovers: 2027-01-01..2027-12-31\nholidays: [2027-03-01]\n"
          "workdays: [2027-03-06]\n",
          file);
    fclose(file);
}

/* What packs say to it; malloc'd. `service` names a pack for every campaign, `channel` one at the
 * channel. */
static char *applied(struct fixture *f, const char *service, const struct service_channel *channel,
                     const char *campaign)
{
    struct conf_sender named = {.name = service, .at = {1, 1}};
    struct service conf = {.file = "paceline.yaml",
                           .dir = f->dir,
                           .policies = &named,
                           .policy_count = service ? 1 : 0};
    struct diags d;

    campaign_free(f->c);
    f->c = campaign_good(campaign, f->zones);
    diags_init(&d);
    policy_apply(f->c, &conf, channel, &d);
    return errors_take(&d);
}

static struct campaign *under(struct fixture *f, const char *service, const char *campaign)
{
    char *errors = applied(f, service, NULL, campaign);

    assert_string_equal(errors, "");
    free(errors);
    return f->c;
}

#define CAMPAIGN "campaign: c\nchannel: x\naudience: {recipients: [a]}\nmessage: {text: hello}\n"

static void the_strictest_counts(void **state)
{
    struct fixture *f = *state;

    pack(f, "one",
         "interval: 10s..20s\nquiet_hours: \"21:00-09:00\"\nlimits:\n"
         "  - {max: 5, per: day, scope: recipient, on_cap: drop}\n"
         "  - {max: 7, per: 1h, scope: channel}\n"
         "windows: [{days: mon-fri, hours: \"08:00-18:00\"}]\n");
    pack(f, "two",
         "interval: 5s..90s\nquiet_hours: \"12:00-13:00\"\n"
         "windows: [{days: daily, hours: \"10:00-20:00\"}]\n");
    struct campaign *c = under(
        f, "one",
        CAMPAIGN
        "policy: [two, one]\npace:\n  interval: 15s..30s\n  limits:\n"
        "    - {max: 5, per: day, scope: recipient}\n    - {max: 3, per: 1h, scope: channel}\n"
        "schedule: {windows: [{days: daily, hours: \"06:00-15:00\"}], quiet_hours: "
        "\"14:00-14:30\"}\n");
    assert_int_equal(c->pack_count, 2);
    assert_int_equal(c->pace.floor, 15 * MS_PER_SECOND);
    assert_int_equal(c->pace.ceiling, 90 * MS_PER_SECOND);
    assert_int_equal(c->limit_count, 3);
    assert_true(c->limits[0].drop); /* drop over hold */
    assert_int_equal(c->limits[1].max, 3);
    assert_int_equal(c->limits[2].max, 7);

    static const struct {
        const char *at, *opens;
    } cases[] = {
        {"2027-03-01 06:30", "2027-03-01 10:00"}, /* Monday: the later of all beginnings */
        {"2027-03-01 12:10", "2027-03-01 13:00"}, /* quiet in two */
        {"2027-03-01 14:10", "2027-03-01 14:30"}, /* quiet in the campaign */
        {"2027-03-05 15:00",
         "2027-03-08 10:00"}, /* Friday: the campaign closes, one has no Saturday */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        instant_t at, opens;
        assert_true(instant_parse(cases[i].at, c->schedule.zone, &at));
        assert_true(instant_parse(cases[i].opens, c->schedule.zone, &opens));
        assert_int_equal(schedule_opens(&c->schedule, at), opens);
        assert_true(schedule_closes(&c->schedule, opens) > opens);
    }
}

/* Where a pack opens, the campaign may have closed again: all of them at one instant. */
static void windows_open_together(void **state)
{
    struct fixture *f = *state;
    instant_t at, opens;

    pack(f, "one",
         "windows: [{days: daily, hours: \"10:00-20:30\"}]\nquiet_hours: \"20:00-20:10\"\n");
    struct campaign *c =
        under(f, "one",
              CAMPAIGN "schedule: {quiet_hours: \"20:10-20:15\", "
                       "windows: [{days: daily, hours: \"06:00-09:00, 20:00-21:00\"}]}\n");
    assert_true(instant_parse("2027-03-01 06:30", c->schedule.zone, &at));
    assert_true(instant_parse("2027-03-01 20:00", c->schedule.zone, &opens));
    assert_int_equal(schedule_part_opens(&c->schedule, SCHEDULE_WINDOW, at), opens);
    assert_int_equal(schedule_part_opens(&c->schedule, SCHEDULE_QUIET, opens),
                     opens + 15 * MS_PER_MINUTE);
    assert_int_equal(schedule_opens(&c->schedule, at), opens + 15 * MS_PER_MINUTE);
    assert_int_equal(schedule_closes(&c->schedule, opens + 15 * MS_PER_MINUTE),
                     opens + 30 * MS_PER_MINUTE);
}

static void the_manifest_brings_it_back(void **state)
{
    struct fixture *f = *state;
    static const char *const senders[] = {"a"}, *const warnings[][2] = {{"w", "警"}};
    const struct revision_facts facts = {.plugin = "null",
                                         .senders = senders,
                                         .sender_count = 1,
                                         .warnings = warnings,
                                         .warning_count = 1};
    struct strbuf first = STRBUF_INIT, second = STRBUF_INIT;
    struct err e;

    calendar_put(f);
    pack(f, "one",
         "quiet_hours: \"21:00-09:00\"\ncalendar: here\n"
         "windows: [{days: workdays, hours: \"08:00-18:00\"}]\n");
    manifest_write(&first,
                   under(f, "one", CAMPAIGN "schedule: {start: 2027-02-01, end: 2027-03-30}\n"),
                   &facts);
    struct campaign *again = manifest_read(first.text, f->zones, NULL, &e);
    assert_non_null(again);
    manifest_write(&second, again, &facts);
    assert_string_equal(first.text, second.text);
    const struct schedule *also = again->schedule.also;
    assert_non_null(also);
    assert_int_equal(also->quiet_count, 1);
    assert_int_equal(also->mark_count, 2);
    campaign_free(again);
    strbuf_dispose(&first);
    strbuf_dispose(&second);
}

/* A pack's workdays are its own calendar's, whatever the campaign's. */
static void a_pack_has_its_own_calendar(void **state)
{
    struct fixture *f = *state;
    instant_t at, opens;

    calendar_put(f);
    pack(f, "one", "calendar: here\nwindows: [{days: workdays, hours: \"08:00-18:00\"}]\n");
    struct campaign *c = under(f, "one",
                               CAMPAIGN "schedule: {start: 2027-02-01, end: 2027-03-30, "
                                        "windows: [{days: [workdays, sat]}]}\n");
    assert_true(instant_parse("2027-02-28 12:00", c->schedule.zone, &at));
    assert_true(instant_parse("2027-03-02 08:00", c->schedule.zone, &opens));
    assert_int_equal(schedule_opens(&c->schedule, at), opens);
    assert_true(instant_parse("2027-03-05 18:00", c->schedule.zone, &at));
    assert_true(instant_parse("2027-03-06 08:00", c->schedule.zone, &opens));
    assert_int_equal(schedule_opens(&c->schedule, at), opens);
    assert_int_equal(schedule_closes(&c->schedule, opens), opens + 10 * MS_PER_HOUR);
}

/* The admin's setting cannot be asked for: it is the account's word, and the strictest without. */
static void the_receive_cap_is_the_accounts(void **state)
{
    static const struct {
        bool account;
        enum receive_cap cap;
        uint32_t max;
        enum period period;
        const char *text;
    } cases[] = {
        {false, 0, 1, PERIOD_DAY, "1 per day recipient"},
        {true, RECEIVE_DAILY, 1, PERIOD_DAY, "1 per day recipient"},
        {true, RECEIVE_WEEKLY, 7, PERIOD_WEEK, "7 per week recipient"},
        {true, RECEIVE_MONTH_DAYS, LIMIT_MONTH_DAYS, PERIOD_MONTH,
         "month-days per month recipient"},
    };
    struct fixture *f = *state;

    pack(f, "cap", "limits: [{max: receive_cap, scope: recipient}]\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct service_account account = {.receive_cap = cases[i].cap};
        const struct conf_sender named = {.name = "cap"};
        const struct service_channel channel = {
            .policies = &named, .policy_count = 1, .account = cases[i].account ? &account : NULL};
        static const char *const senders[] = {"a"};
        const struct revision_facts facts = {
            .plugin = "null", .senders = senders, .sender_count = 1};
        struct strbuf manifest = STRBUF_INIT;
        struct err e;

        free(applied(f, NULL, &channel, CAMPAIGN));
        assert_int_equal(f->c->limit_count, 1);
        manifest_write(&manifest, f->c, &facts);
        struct campaign *again = manifest_read(manifest.text, f->zones, NULL, &e);
        assert_non_null(again);
        const struct conf_limit *both[] = {&f->c->limits[0], &again->limits[0]};
        for (size_t k = 0; k < 2; k++) {
            assert_int_equal(both[k]->max, cases[i].max);
            assert_int_equal(both[k]->period, cases[i].period);
            assert_int_equal(both[k]->scope, LIMIT_RECIPIENT);
            assert_string_equal(both[k]->text, cases[i].text);
        }
        campaign_free(again);
        strbuf_dispose(&manifest);
    }
}

static void a_pack_makes_another_ones_rule_block(void **state)
{
    struct fixture *f = *state;

    pack(f, "one",
         "consent: required\n"
         "rules: [{id: bye, wants: [bye T], level: warn, says: a, source: here}]\n");
    pack(f, "two", "block: [one/bye, one/hello]\n");
    struct campaign *c = under(f, "one", CAMPAIGN);
    assert_string_equal(c->consent, "one");
    char *errors = applied(f, "one", NULL, CAMPAIGN "policy: two\n");
    assert_non_null(strstr(errors, "two.yaml:5:18: no pack in force has a rule 'one/hello'"));
    assert_null(strstr(errors, "one/bye"));
    free(errors);
}

/* Every pack that is shipped can be read, alone and together with the others. */
static void what_is_shipped_can_be_read(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"wechat", "wecom-customers", "wecom-robot",
                                        "cn-advertising", "cn-privacy"};
    struct conf_sender all[5];
    const struct service conf = {
        .file = "paceline.yaml", .dir = SOURCE_DIR "/config", .policies = all, .policy_count = 5};
    struct diags d;

    for (size_t i = 0; i < 5; i++)
        all[i] = (struct conf_sender){.name = names[i]};
    diags_init(&d);
    policy_check(&conf, &d);
    f->c = campaign_good(CAMPAIGN, f->zones);
    policy_apply(f->c, &conf, NULL, &d);
    char *errors = errors_take(&d);
    assert_string_equal(errors, "");
    free(errors);
    assert_int_equal(f->c->pack_count, 5);
    assert_int_equal(f->c->limit_count, 2);
}

static void a_place_in_the_text_is_found_in_the_file(void **state)
{
    static const struct {
        const char *text; /* behind `message:`, with X where it is looked for */
        size_t line, column;
    } cases[] = {
        {" {text: abX}", 4, 19},
        {" {text: \"a\\n\\u6700X\"}", 4, 27},
        {" {text: 'it''s X'}", 4, 24},
        {"\n  text: |\n    甲\n      乙X", 7, 8},
        {"\n  text: >-\n    one\n    two\n\n    X", 9, 5},
        {"\n  text: \"one \\\n     two\n    X\"", 7, 5},
        {"\n  text: one\n    X", 6, 5},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char yaml[512];
        snprintf(yaml, sizeof yaml,
                 "campaign: c\nchannel: x\naudience: {recipients: [a]}\nmessage:%s\n",
                 cases[i].text);
        struct campaign *c = campaign_good(yaml, f->zones);
        struct place at =
            campaign_text_place(c, c->text, c->text_at, (size_t)(strchr(c->text, 'X') - c->text));
        if (at.line != cases[i].line || at.column != cases[i].column)
            fail_msg("case %zu: %zu:%zu", i, at.line, at.column);
        campaign_free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_strictest_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(windows_open_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_manifest_brings_it_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pack_has_its_own_calendar, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_receive_cap_is_the_accounts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pack_makes_another_ones_rule_block, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_shipped_can_be_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_place_in_the_text_is_found_in_the_file, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
