#include "check.h"

#include "conf/revision.h"
#include "core/prng.h"
#include "support.h"

#include <jansson.h>

static struct zones *zones;
static const char *const senders[] = {"lin.yue", "he \"qi\""};
static const struct digest attachments[3] = {{{1}}, {{2}}, {{3}}};

static int setup(void **state)
{
    (void)state;
    zones = zones_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    zones_free(zones);
    return 0;
}

static struct revision_facts facts(void)
{
    return (struct revision_facts){.plugin = "wecom-robot",
                                   .options =
                                       "{ \"key\": \"file\", \"a\": {\"c\":1, \"b\":[true,null]} }",
                                   .senders = senders,
                                   .sender_count = 2,
                                   .audience = digest_of("a", 1),
                                   .rows = 18,
                                   .attachments = attachments};
}

static char *manifest_of(const char *text, const struct revision_facts *f)
{
    struct campaign *c = campaign_good(text, zones);
    struct strbuf out = STRBUF_INIT;

    manifest_write(&out, c, f);
    campaign_free(c);
    return strbuf_take(&out);
}

/* Read back and written again it is the same; and it is what any JSON reader takes for sorted,
 * compact JSON. */
static void stable(const char *manifest, const char *text)
{
    struct revision_facts f;
    struct strbuf again = STRBUF_INIT;
    struct err e;
    struct campaign *c = manifest_read(manifest, zones, &f, &e);

    if (!c)
        fail_msg("%s\n%s\n%s", text, manifest, e.text);
    manifest_write(&again, c, &f);
    if (strcmp(again.text, manifest) != 0)
        fail_msg("%s\n%s\nthen\n%s", text, manifest, again.text);
    strbuf_dispose(&again);
    campaign_free(c);
    json_t *json = json_loads(manifest, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    char *theirs = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    json_t *back = json_loads(theirs, 0, NULL);
    assert_true(json_equal(json, back));
    if (!strstr(manifest, "\\u20") &&
        !strstr(manifest, "\\ufeff")) /* jansson writes these as they are */
        assert_string_equal(theirs, manifest);
    free(theirs);
    json_decref(json);
    json_decref(back);
}

#define BASE                                                                                       \
    "campaign: s\nchannel: room\naudience: {file: v.csv, expect: 18}\nmessage: {text: 你好}\n"

static const char full[] =
    "campaign: s\ntitle: T\nchannel: room\nsenders: [x]\naudience: {file: v.csv}\n"
    "message: {text: 你好, attachments: [{image: a.jpg}, {image: b.jpg}]}\n"
    "schedule:\n  start: 2027-03-01 09:30\n  end: 2027-03-07T20:00:00+08:00\n"
    "  windows:\n    - {days: mon-fri, hours: \"10:00-12:00, 14:00-20:30\"}\n"
    "    - {dates: [2027-03-05, 2027-03-08..2027-03-09], hours: \"9:00-24:00\"}\n"
    "  quiet_hours: \"21:00-09:00\"\n  skip_dates: [2027-03-03]\n"
    "pace:\n  interval: 40s..3m\n  limits: [{max: 30, per: 1h, scope: sender}]\n"
    "approval: {approvers: 2}\n";

static void the_form_is_fixed(void **state)
{
    struct revision_facts f = facts();
    char *m = manifest_of(full, &f), digest[3][DIGEST_TEXT], expected[2048];

    (void)state;
    digest_text(&attachments[0], digest[0]);
    digest_text(&attachments[1], digest[1]);
    digest_text(&f.audience, digest[2]);
    snprintf(
        expected, sizeof expected,
        "{\"approval\":{\"approvers\":2},\"audience\":{\"digest\":\"%s\",\"rows\":18},"
        "\"campaign\":\"s\",\"channel\":\"room\",\"confirm\":{\"late\":\"cancel\",\"remind\":["
        "\"1h\",\"3h\"],\"taps_per_day\":3,\"within\":\"4h\"},\"message\":{\"attachments\":[{"
        "\"digest\":\"%s\","
        "\"image\":\"a.jpg\"},{\"digest\":\"%s\",\"image\":\"b.jpg\"}],\"format\":\"text\","
        "\"text\":\"你好\"},\"pace\":{\"batch\":1,\"interval\":\"40s..3m\",\"limits\":[{\"max\":30,"
        "\"on_cap\":\"hold\",\"per\":\"1h\",\"scope\":\"sender\"}]},\"revision\":{\"again\":false,"
        "\"options\":{\"a\":{\"b\":[true,null],\"c\":1},\"key\":\"file\"},\"plugin\":\"wecom-"
        "robot\","
        "\"test\":false},\"schedule\":{\"end\":\"2027-03-07T12:00:00.000+00:00\","
        "\"quiet_hours\":[\"21:00-09:00\"],\"skip_dates\":[\"2027-03-03\"],"
        "\"start\":\"2027-03-01 09:30:00\",\"timezone\":\"Asia/Shanghai\",\"windows\":["
        "{\"days\":[\"mon\",\"tue\",\"wed\",\"thu\",\"fri\"],\"hours\":[\"10:00-12:00\","
        "\"14:00-20:30\"]},{\"dates\":\"2027-03-05\",\"hours\":[\"09:00-24:00\"]},"
        "{\"dates\":\"2027-03-08..2027-03-09\",\"hours\":[\"09:00-24:00\"]}]},"
        "\"senders\":[\"lin.yue\",\"he \\\"qi\\\"\"]}",
        digest[2], digest[0], digest[1]);
    assert_string_equal(m, expected);
    stable(m, full);
    free(m);
}

/* What a link says is in the manifest, its picture is a digest; both come back. */
static void links_and_mini_programs_come_back(void **state)
{
    static const char text[] =
        "campaign: s\nchannel: room\naudience: {file: v.csv}\nmessage:\n  attachments:\n"
        "    - link: {url: \"https://a/b?c=1\", title: 春, trace: false}\n"
        "    - miniprogram: {page: p, title: M, picture: m.png, appid: wx1}\n"
        "    - link: {title: \"t\\\"\", url: \"http://x\", description: d, picture: k.jpg, "
        "trace: true}\n";
    struct revision_facts f = facts(), back;
    struct err e;
    char *m = manifest_of(text, &f);

    (void)state;
    assert_non_null(strstr(m, "\"link\":{\"title\":\"春\",\"url\":\"https://a/b?c=1\"}}"));
    assert_non_null(strstr(m, "\"link\":{\"description\":\"d\",\"picture\":\"k.jpg\",\"title\":"
                              "\"t\\\"\",\"trace\":true,\"url\":\"http://x\"}}"));
    assert_non_null(strstr(m, "\"miniprogram\":{\"appid\":\"wx1\",\"page\":\"p\",\"picture\":"
                              "\"m.png\",\"title\":\"M\"}}"));
    struct campaign *c = manifest_read(m, zones, &back, &e);
    assert_non_null(c);
    assert_int_equal(c->attachment_count, 3);
    assert_string_equal(c->attachments[0].title, "春");
    assert_null(c->attachments[0].path);
    assert_string_equal(c->attachments[1].path, "m.png");
    assert_string_equal(c->attachments[2].description, "d");
    assert_true(c->attachments[2].trace && !c->attachments[0].trace);
    assert_true(digest_equal(&back.attachments[2], &attachments[2]));
    campaign_free(c);
    stable(m, text);
    free(m);
}

static void the_facts_come_back(void **state)
{
    struct revision_facts f = facts(), back;
    struct err e;

    (void)state;
    f.mode = "groups";
    f.only = "wm\n1";
    f.test = f.again = true;
    char *m = manifest_of(full, &f);
    struct campaign *c = manifest_read(m, zones, &back, &e);
    assert_non_null(c);
    assert_string_equal(back.plugin, "wecom-robot");
    assert_string_equal(back.mode, "groups");
    assert_string_equal(back.only, "wm\n1");
    assert_string_equal(back.options, "{\"a\":{\"b\":[true,null],\"c\":1},\"key\":\"file\"}");
    assert_true(back.test && back.again);
    assert_int_equal(back.sender_count, 2);
    assert_string_equal(back.senders[1], "he \"qi\"");
    assert_true(digest_equal(&back.audience, &f.audience));
    assert_int_equal(back.rows, 18);
    assert_true(digest_equal(&back.attachments[1], &attachments[1]));
    assert_int_equal(c->source, AUDIENCE_STORED);
    assert_string_equal(c->limits[0].text, "30 per 1h sender");
    assert_int_equal(c->approvers, 2);
    campaign_free(c);
    c = manifest_read(m, zones, NULL, &e);
    assert_non_null(c);
    campaign_free(c);
    free(m);
}

/* Comments, layout, order of keys, the title, and a default written out are not part of it. */
static void what_means_alike_is_alike(void **state)
{
    static const char *const texts[] = {
        BASE,
        "# c\nmessage:\n  text: \"你好\"   # hi\n\n\naudience:\n  file: other.csv\nchannel: "
        "'room'\n"
        "campaign: s\n",
        BASE "title: 春季\n",
        BASE "pace: {interval: 30s..90s, batch: 1, priority: normal, distribution: uniform}\n",
        BASE "pace: {interval: 30s..1m30s}\n",
        BASE "schedule: {timezone: Asia/Shanghai, calendar: plain, start: now}\n",
        BASE "schedule: {calendar: cn}\n", /* which no window asks */
        BASE "approval: {approvers: 1}\n",
        ("{\"campaign\": \"s\", \"channel\": \"room\", \"audience\": {\"recipients\": [\"a\"]},\n"
         "\"message\": {\"format\": \"text\", \"text\": \"\\u4f60好\"}}"),
    };
    struct revision_facts f = facts();
    char *first = manifest_of(texts[0], &f);

    (void)state;
    f.options = "{\"a\":{\"b\":[true,null],\"c\":1},\"key\":\"file\"}";
    for (size_t i = 1; i < sizeof texts / sizeof *texts; i++) {
        char *m = manifest_of(texts[i], &f);

        if (strcmp(m, first) != 0)
            fail_msg("%s\n%s\n%s", texts[i], first, m);
        free(m);
    }
    free(first);
}

#define OVER_NATIONAL_DAY "schedule: {start: 2026-09-28, end: 2026-10-12 20:00, "

/* The days themselves, so that the file may change later; and only those that can matter. */
static void the_days_of_the_calendar_are_in_it(void **state)
{
    static const char text[] = BASE OVER_NATIONAL_DAY "calendar: cn, windows: [{days: [workdays, "
                                                      "sun]}]}\n";
    struct revision_facts f = facts();
    char *m = manifest_of(text, &f);
    struct err e;

    (void)state;
    if (!strstr(m, "\"schedule\":{\"calendar\":{\"covers\":\"2026-09-26..2026-10-14\",\"holidays\":"
                   "[\"2026-10-01..2026-10-02\",\"2026-10-05..2026-10-07\"],\"name\":\"cn\","
                   "\"workdays\":[\"2026-10-10\"]},\"end\":\"2026-10-12 20:00:00\",") ||
        !strstr(m, "\"windows\":[{\"days\":[\"sun\",\"workdays\"]}]"))
        fail_msg("%s", m);
    stable(m, text);
    struct campaign *c = manifest_read(m, zones, NULL, &e);
    assert_non_null(c);
    assert_false(c->calendar_passed);
    assert_true(schedule_workday(&c->schedule, day_of_date(2026, 10, 10)));
    assert_false(schedule_workday(&c->schedule, day_of_date(2026, 10, 6)));
    campaign_free(c);
    free(m);
}

/* `plain` is Monday to Friday: the same as written out. */
static void plain_is_weekdays(void **state)
{
    static const char *const pairs[][2] = {
        {BASE "schedule: {windows: [{days: workdays}]}\n",
         BASE "schedule: {windows: [{days: mon-fri}]}\n"},
        {BASE "schedule: {calendar: plain, windows: [{days: [restdays, mon]}]}\n",
         BASE "schedule: {windows: [{days: sat-mon}]}\n"},
    };
    struct revision_facts f = facts();

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *a = manifest_of(pairs[i][0], &f), *b = manifest_of(pairs[i][1], &f);

        assert_string_equal(a, b);
        free(a);
        free(b);
    }
}

/* Everything that decides who gets what and when is. */
static void what_differs_differs(void **state)
{
    static const char *const texts[] = {
        BASE,
        "campaign: t\nchannel: room\naudience: {file: v.csv}\nmessage: {text: 你好}\n",
        "campaign: s\nchannel: hall\naudience: {file: v.csv}\nmessage: {text: 你好}\n",
        "campaign: s\nchannel: room\naudience: {file: v.csv}\nmessage: {text: 你好。}\n",
        "campaign: s\nchannel: room\naudience: {file: v.csv}\nmessage: {text: \" 你好\"}\n",
        "campaign: s\nchannel: room\naudience: {file: v.csv}\nmessage: {text: 你好, format: "
        "markdown}\n",
        "campaign: s\nchannel: room\naudience: {file: v.csv}\n"
        "message: {text: 你好, attachments: [{image: a}]}\n",
        "campaign: s\nchannel: room\nmessage: {text: 你好}\n"
        "audience: {file: v.csv, where: {not_contacted: 7d}}\n",
        "campaign: s\nchannel: room\nmessage: {text: 你好}\n"
        "audience: {file: v.csv, where: {not_contacted: 6d}}\n",
        BASE "schedule: {timezone: UTC}\n",
        BASE "schedule: {timezone: recipient, fallback_timezone: UTC}\n",
        BASE "schedule: {timezone: recipient, fallback_timezone: Asia/Shanghai}\n",
        BASE "schedule: {start: 2027-03-01}\n",
        BASE "schedule: {end: 2027-03-01}\n",
        BASE "schedule: {quiet_hours: \"21:00-09:00\"}\n",
        BASE "schedule: {skip_dates: 2027-03-01}\n",
        BASE "schedule: {windows: [{days: daily}]}\n",
        BASE "schedule: {windows: [{days: mon}]}\n",
        BASE "schedule: {windows: [{dates: 2027-03-01}]}\n",
        BASE "schedule: {windows: [{hours: \"10:00-12:00\"}]}\n",
        BASE "schedule: {calendar: cn, windows: [{days: workdays}]}\n",
        BASE "schedule: {calendar: cn, windows: [{days: restdays}]}\n",
        BASE "schedule: {calendar: cn, windows: [{days: [workdays, restdays]}]}\n",
        BASE "schedule: {calendar: plain, windows: [{days: workdays}]}\n",
        BASE "pace: {interval: 30s..91s}\n",
        BASE "pace: {interval: 0s..0s}\n",
        BASE "pace: {distribution: exponential}\n",
        BASE "schedule: {end: 2027-03-02}\npace: {distribution: spread}\n",
        BASE "pace: {priority: high}\n",
        BASE "pace: {priority: low}\n",
        BASE "pace: {limits: [{max: 1, per: day, scope: recipient}]}\n",
        BASE "pace: {limits: [{max: 1, per: 1d, scope: recipient}]}\n",
        BASE "pace: {limits: [{max: 2, per: day, scope: recipient}]}\n",
        BASE "pace: {limits: [{max: 1, per: day, scope: sender}]}\n",
        BASE "pace: {limits: [{max: 1, per: day, scope: sender, count: sends}]}\n",
        BASE "pace: {limits: [{max: 9, per: day, scope: sender, ramp: {from: 1, step: 2}}]}\n",
        BASE "pace: {limits: [{max: 9, per: day, scope: sender, ramp: {from: 2, step: 2}}]}\n",
        BASE "pace: {limits: [{max: 9, per: day, scope: sender, ramp: {from: 1, step: 1}}]}\n",
        BASE "pace: {limits: [{max: 9, per: day, scope: sender,\n"
             "  ramp: {from: 1, step: 2, every: week}}]}\n",
        BASE "pace: {limits: [{max: 1, per: day, scope: recipient, on_cap: drop}]}\n",
        BASE "approval: {approvers: 2}\n",
    };
    enum { TEXTS = sizeof texts / sizeof *texts, FACTS = 9 };
    char *all[TEXTS + FACTS];
    struct revision_facts f[FACTS];

    (void)state;
    for (size_t i = 0; i < FACTS; i++)
        f[i] = facts();
    f[0].plugin = "null";
    f[1].mode = "groups";
    f[2].options = "{}";
    f[3].test = true;
    f[4].sender_count = 1;
    f[5].audience = digest_of("b", 1);
    f[6].rows = 19;
    f[7].again = true;
    f[8].only = "wm1";
    struct revision_facts plain = facts();
    for (size_t i = 0; i < TEXTS + FACTS; i++)
        all[i] = i < TEXTS ? manifest_of(texts[i], &plain) : manifest_of(texts[0], &f[i - TEXTS]);
    for (size_t i = 0; i < TEXTS + FACTS; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(all[i], all[j]) == 0)
                fail_msg("%zu and %zu: %s", j, i, all[i]);
        }
    }
    for (size_t i = 0; i < TEXTS + FACTS; i++) {
        stable(all[i], "a difference");
        free(all[i]);
    }
    plain.attachments = attachments + 1; /* an attachment's bytes */
    char *a = manifest_of(texts[6], &plain);
    plain.attachments = attachments;
    char *b = manifest_of(texts[6], &plain);
    assert_string_not_equal(a, b);
    free(a);
    free(b);
}

static const char *pick(struct prng *p, const char *const *words, size_t count)
{
    return words[prng_below(p, count)];
}

#define PICK(p, ...)                                                                               \
    pick(p, (const char *const[]){__VA_ARGS__},                                                    \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void random_campaign(struct strbuf *b, struct prng *p)
{
    strbuf_printf(b, "campaign: s%llu\nchannel: \"%s\"\naudience: {recipients: [a]}\n",
                  (unsigned long long)prng_below(p, 1000),
                  PICK(p, "room", "员工群", "a b", "\\\"q\\\"", "true", "1"));
    strbuf_puts(b, "message:\n  text: \"");
    for (uint64_t i = 0, n = 1 + prng_below(p, 30); i < n; i++)
        strbuf_puts(b, PICK(p, "x", " ", "  ", "\\n", "\\t", "\\\"", "\\\\", "/", "'", "#", ": ",
                            "- ", "李", "🙂", "\\u2028", "\\u2029", "\\ufeff", "é", "{{name|您}}",
                            "{{{{", "%", "&a", "*a", "!", "\\U0001F600", "\u3000", "y"));
    strbuf_printf(b, "z\"\n  format: %s\n", PICK(p, "text", "markdown"));
    strbuf_printf(b, "schedule:\n  timezone: %s\n",
                  PICK(p, "UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York"));
    strbuf_puts(b, PICK(p, "", "  start: now\n", "  start: 2027-03-28 02:30\n",
                        "  start: 2027-10-31 02:30:59\n", "  start: 2027-03-01\n",
                        "  start: 2027-03-01T09:30:00.125+08:00\n"));
    strbuf_puts(b, PICK(p, "", "  end: 2028-01-01\n", "  end: 2028-01-01T00:00Z\n"));
    strbuf_puts(b, PICK(p, "", "  quiet_hours: [\"21:00-9:00\", \"12:00-13:00,14:00-14:00\"]\n"));
    strbuf_puts(
        b, PICK(p, "", "  skip_dates: 2027-03-01\n", "  skip_dates: [2027-03-01..2027-03-04]\n"));
    if (prng_below(p, 2)) {
        strbuf_puts(b, "  windows:\n");
        for (uint64_t i = 0, n = 1 + prng_below(p, 4); i < n; i++)
            strbuf_printf(b, "    - {%s%s}\n",
                          PICK(p, "days: mon-fri", "days: [sat, sun]", "days: fri-mon",
                               "days: daily", "dates: [2027-03-01, 2027-04-01..2027-04-02]"),
                          PICK(p, "", ", hours: \"00:00-24:00\"", ", hours: [\"22:00-02:00\"]",
                               ", hours: \"8:00-9:00, 10:00-11:00\""));
    }
    strbuf_printf(b, "pace:\n  interval: %llums..%llus\n", (unsigned long long)prng_below(p, 90000),
                  (unsigned long long)(90 + prng_below(p, 100000)));
    if (prng_below(p, 2)) {
        strbuf_puts(b, "  limits:\n");
        for (uint64_t i = 0, n = 1 + prng_below(p, 4); i < n; i++)
            strbuf_printf(
                b, "    - {max: %llu, per: %s, scope: %s}\n",
                (unsigned long long)(1 + prng_below(p, 100000)),
                PICK(p, "1h", "day", "week", "month", "1500ms", "90m", "366d"),
                PICK(p, "sender", "person", "recipient, on_cap: drop", "channel", "campaign"));
    }
}

static void any_campaign_survives_the_store(void **state)
{
    uint64_t seed = seed_of_test();
    struct prng p;

    (void)state;
    fprintf(stderr, "SEED=%llu\n", (unsigned long long)seed);
    prng_seed(&p, seed);
    for (int i = 0; i < 500; i++) {
        struct strbuf text = STRBUF_INIT;
        struct revision_facts f = facts();
        char *errors;

        random_campaign(&text, &p);
        struct campaign *c = campaign_text(text.text, zones, &errors);
        if (!c)
            fail_msg("SEED=%llu: %s\n%s", (unsigned long long)seed, text.text, errors);
        struct strbuf m = STRBUF_INIT;
        manifest_write(&m, c, &f);
        stable(m.text, text.text);
        struct err e;
        struct campaign *back = manifest_read(m.text, zones, NULL, &e);
        assert_string_equal(back->text, c->text);
        assert_int_equal(back->schedule.start, c->schedule.start);
        assert_int_equal(back->schedule.end, c->schedule.end);
        assert_int_equal(back->pace.floor, c->pace.floor);
        campaign_free(back);
        campaign_free(c);
        strbuf_dispose(&m);
        strbuf_dispose(&text);
        free(errors);
    }
}

/* Cut anywhere, or with any byte changed: refused or another campaign, never a crash. */
static void damage_is_survived(void **state)
{
    struct revision_facts f = facts(), back;
    char *m = manifest_of(full, &f);
    size_t length = strlen(m);
    struct err e;

    (void)state;
    for (size_t i = 0; i < length; i++) {
        char kept = m[i];

        m[i] = '\0';
        assert_null(manifest_read(m, zones, &back, &e));
        assert_int_equal(e.code, ERR_DATA);
        m[i] = kept == '"' ? '\'' : '"';
        if (i % 4 == 0)
            campaign_free(manifest_read(m, zones, &back, &e));
        m[i] = kept;
    }
    assert_null(manifest_read(full, zones, &back, &e)); /* a campaign file is no manifest */
    assert_null(manifest_read("", zones, &back, &e));
    free(m);
}

static void the_seed_is_the_digests_start(void **state)
{
    struct digest d = {{1, 2, 3, 4, 5, 6, 7, 8, 9}};

    (void)state;
    assert_true(revision_seed(&d) == 0x0102030405060708);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_form_is_fixed),
                                       cmocka_unit_test(the_facts_come_back),
                                       cmocka_unit_test(links_and_mini_programs_come_back),
                                       cmocka_unit_test(what_means_alike_is_alike),
                                       cmocka_unit_test(the_days_of_the_calendar_are_in_it),
                                       cmocka_unit_test(plain_is_weekdays),
                                       cmocka_unit_test(what_differs_differs),
                                       cmocka_unit_test(any_campaign_survives_the_store),
                                       cmocka_unit_test(damage_is_survived),
                                       cmocka_unit_test(the_seed_is_the_digests_start)};

    return cmocka_run_group_tests(tests, setup, teardown);
}
