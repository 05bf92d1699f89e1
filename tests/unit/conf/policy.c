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

/* `service` names a pack for every campaign, the campaign names `own`. */
static struct campaign *under(struct fixture *f, const char *service, const char *campaign)
{
    struct conf_sender named = {.name = service, .at = {1, 1}};
    struct service conf = {.file = "paceline.yaml",
                           .dir = f->dir,
                           .policies = &named,
                           .policy_count = service ? 1 : 0};
    struct diags d;

    f->c = campaign_good(campaign, f->zones);
    diags_init(&d);
    policy_apply(f->c, &conf, NULL, &d);
    char *errors = errors_take(&d);
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

struct told {
    struct strbuf all;
};

static void tell(void *ctx, const struct policy_found *found)
{
    struct told *t = ctx;

    strbuf_printf(&t->all, "%s%s@%zu ", found->rule->block ? "!" : "",
                  found->term ? found->term : "-", found->begin);
}

static void rules_speak_where_they_should(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"best thing, bye T", "!best@0 "},
        {"best time, bye T", ""},
        {"best time and BEST thing, bye T", "!best@14 "},
        {"fine, bye T", ""},
        {"fine gold, bye T", "fine@0 "},
        {"gold", "-@0 "},
    };
    struct terms_scratch s = {0};

    pack(f, "one",
         "rules:\n  - {terms: [best], except: [best time], level: block, says: {en: a, zh: b}}\n"
         "  - {terms: [fine], when: [gold], level: warn, says: {en: a, zh: b}}\n"
         "  - {wants: [bye T], level: warn, says: {en: a, zh: b}}\n");
    struct campaign *c = under(f, "one", CAMPAIGN);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct told t = {STRBUF_INIT};
        policy_judge(c->rules, cases[i].text, strlen(cases[i].text), &s, tell, &t);
        assert_string_equal(t.all.text ? t.all.text : "", cases[i].told);
        strbuf_dispose(&t.all);
    }
    terms_scratch_dispose(&s);
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
        struct place at = campaign_text_place(c, (size_t)(strchr(c->text, 'X') - c->text));
        if (at.line != cases[i].line || at.column != cases[i].column)
            fail_msg("case %zu: %zu:%zu", i, at.line, at.column);
        campaign_free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_strictest_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_manifest_brings_it_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pack_has_its_own_calendar, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rules_speak_where_they_should, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_place_in_the_text_is_found_in_the_file, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
