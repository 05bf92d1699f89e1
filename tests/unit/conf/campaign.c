/* What a campaign file comes to when it is right; what is wrong is in broken.c. */
#include "check.h"

#include "conf/audience.h"
#include "core/limit.h"
#include "support.h"

#define HEAD                                                                                       \
    "campaign: spring-2027\nchannel: room\naudience: {recipients: [a]}\nmessage: {text: hi}\n"

static struct zones *zones;

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

static void defaults_are_the_contracts(void **state)
{
    struct campaign *c = campaign_good(HEAD, zones);

    (void)state;
    assert_string_equal(c->id, "spring-2027");
    assert_string_equal(c->title, "spring-2027");
    assert_string_equal(c->channel, "room");
    assert_string_equal(c->format, "text");
    assert_string_equal(c->zone_name, "Asia/Shanghai");
    assert_int_equal(c->sender_count, 0);
    assert_int_equal(c->schedule.start, INSTANT_MIN);
    assert_int_equal(c->schedule.end, INSTANT_NEVER);
    assert_int_equal(c->schedule.window_count, 0);
    assert_int_equal(c->schedule.quiet_count, 0);
    assert_int_equal(c->schedule.closed_count, 0);
    assert_int_equal(c->pace.floor, 30000);
    assert_int_equal(c->pace.ceiling, 90000);
    assert_int_equal(c->pace.distribution, PACE_UNIFORM);
    assert_int_equal(c->priority, 0); /* PRIORITY_NORMAL */
    assert_int_equal(c->limit_count, 0);
    assert_int_equal(c->approvers, 1);
    assert_false(c->has_expect);
    assert_null(c->start_text);
    assert_null(c->end_text);
    campaign_free(c);
}

static void every_key_is_read(void **state)
{
    struct campaign *c = campaign_good(
        "campaign: s\ntitle: 春季上新\nchannel: room\nsenders: [lin.yue, 何琪]\n"
        "audience: {file: vip.csv, expect: 1200, tolerance: 10%}\n"
        "message:\n  text: \"{{name|您}}，上架了\"\n  format: markdown\n"
        "  attachments: [{image: img/a.jpg}, {image: b.png}]\n"
        "schedule:\n  start: 2027-03-01 09:30\n  end: 2027-03-07T20:00:00+09:00\n"
        "  timezone: Asia/Tokyo\n  calendar: plain\n"
        "  windows:\n"
        "    - {days: mon-fri, hours: \"10:00-12:00, 14:00-20:30\"}\n"
        "    - {days: [sat, sun], hours: [\"14:00-17:30\"]}\n"
        "    - {days: sat-tue}\n"
        "    - {dates: [2027-03-05, 2027-03-08..2027-03-09], hours: \"22:00-24:00\"}\n"
        "    - {hours: \"22:00-02:00\"}\n"
        "  quiet_hours: [\"21:00-09:00\", \"12:00-13:00\"]\n"
        "  skip_dates: 2027-03-03\n"
        "pace:\n  interval: 200ms..900ms\n  distribution: exponential\n  batch: 7\n  priority: "
        "low\n"
        "  limits:\n"
        "    - {max: 30, per: 1h, scope: sender}\n"
        "    - {max: 200, per: day, scope: person, on_cap: hold}\n"
        "    - {max: 1, per: week, scope: recipient, on_cap: drop}\n"
        "    - {max: 100000, per: 90s, scope: channel}\n"
        "    - {max: 7, per: month, scope: campaign, count: sends}\n"
        "approval: {approvers: 2}\n",
        zones);
    const struct schedule *s = &c->schedule;

    (void)state;
    assert_string_equal(c->title, "春季上新");
    assert_int_equal(c->sender_count, 2);
    assert_string_equal(c->senders[1].name, "何琪");
    assert_int_equal(c->senders[1].at.line, 4);
    assert_int_equal(c->senders[1].at.column, 20);
    assert_int_equal(c->source, AUDIENCE_FILE);
    assert_string_equal(c->audience_file, "vip.csv");
    assert_int_equal(c->audience_at.column, 18);
    assert_int_equal(c->expect, 1200);
    assert_true(c->tolerance_is_part && c->tolerance_part > 0.0999 && c->tolerance_part < 0.1001);
    assert_int_equal(c->text_at.line, 7);
    assert_int_equal(c->text_at.column, 9);
    assert_string_equal(c->format, "markdown");
    assert_int_equal(c->attachment_count, 2);
    assert_string_equal(c->attachments[1].path, "b.png");
    assert_string_equal(c->zone_name, "Asia/Tokyo");
    assert_int_equal(s->start, 1803861000000); /* 00:30 UTC */
    assert_int_equal(s->end,
                     1803861000000 + 6 * (int64_t)MS_PER_DAY + 630 * (int64_t)MS_PER_MINUTE);
    assert_string_equal(c->start_text, "2027-03-01 09:30");
    assert_int_equal(s->window_count, 6);
    assert_int_equal(s->windows[0].weekdays, 0x1f);
    assert_true(s->windows[0].first_day > s->windows[0].last_day);
    assert_int_equal(s->windows[0].hours_count, 2);
    assert_int_equal(s->windows[0].hours[1].to_min, 20 * 60 + 30);
    assert_int_equal(s->windows[1].weekdays, 0x60);
    assert_int_equal(s->windows[2].weekdays, 0x63);
    assert_int_equal(s->windows[2].hours_count, 0);
    assert_int_equal(s->windows[3].first_day, day_of_date(2027, 3, 5));
    assert_int_equal(s->windows[3].last_day, day_of_date(2027, 3, 5));
    assert_int_equal(s->windows[4].last_day, day_of_date(2027, 3, 9));
    assert_int_equal(s->windows[4].hours[0].to_min, 1440);
    assert_int_equal(s->windows[5].weekdays, 0x7f);
    assert_int_equal(s->quiet_count, 2);
    assert_int_equal(s->closed_count, 1);
    assert_int_equal(s->closed[0].first, day_of_date(2027, 3, 3));
    assert_int_equal(c->pace.floor, 200);
    assert_int_equal(c->pace.ceiling, 900);
    assert_int_equal(c->pace.distribution, PACE_EXPONENTIAL);
    assert_int_equal(c->batch, 7);
    assert_int_equal(c->priority, 2); /* PRIORITY_LOW */
    assert_int_equal(c->limit_count, 5);
    assert_true(c->limits[0].rolling);
    assert_int_equal(c->limits[0].span, MS_PER_HOUR);
    assert_string_equal(c->limits[0].text, "30 per 1h sender");
    assert_false(c->limits[1].rolling);
    assert_int_equal(c->limits[1].period, PERIOD_DAY);
    assert_int_equal(c->limits[1].scope, LIMIT_PERSON);
    assert_int_equal(c->limits[2].period, PERIOD_WEEK);
    assert_true(c->limits[2].drop);
    assert_int_equal(c->limits[4].period, PERIOD_MONTH);
    assert_string_equal(c->limits[4].text, "7 sends per month campaign");
    assert_true(c->limits[4].sends && !c->limits[3].sends);
    assert_int_equal(c->approvers, 2);
    campaign_free(c);
}

/* Hours, dates and local times as they are there; a pack's hours there and in the fallback's zone.
 */
static void a_schedule_moves_into_a_recipients_zone(void **state)
{
    struct campaign *c =
        campaign_good(HEAD "schedule: {timezone: recipient, fallback_timezone: Asia/Shanghai,\n"
                           "  start: 2027-03-01 09:30, end: 2027-03-07T20:00:00Z,\n"
                           "  windows: [{hours: \"10:00-12:00\"}]}\n",
                      zones);
    const struct hours night = {21 * 60, 9 * 60};
    const struct schedule pack = {.zone = c->schedule.zone,
                                  .start = INSTANT_MIN,
                                  .end = INSTANT_NEVER,
                                  .quiet = &night,
                                  .quiet_count = 1};
    const instant_t start = 1803864600000; /* 09:30 in Shanghai */

    (void)state;
    assert_true(c->recipient_zones);
    assert_string_equal(c->zone_name, "Asia/Shanghai");
    c->schedule.also = &pack;
    const struct schedule *tokyo = campaign_schedule_in(c, "Asia/Tokyo", zones);
    assert_int_equal(c->schedule.start, start);
    assert_int_equal(tokyo->start, start - MS_PER_HOUR);
    assert_int_equal(tokyo->end, c->schedule.end); /* an instant is an instant */
    assert_ptr_equal(tokyo->also->quiet, &night);
    assert_ptr_equal(tokyo->also->zone, tokyo->zone);
    assert_ptr_equal(tokyo->also->also, &pack);
    assert_int_equal(schedule_opens(&c->schedule, start), start + MS_PER_HOUR / 2);
    assert_int_equal(schedule_opens(tokyo, start - MS_PER_HOUR), start - MS_PER_HOUR / 2);
    /* New York's 10:00 is 23:00 in Shanghai: never, with that pack */
    const struct schedule *york = campaign_schedule_in(c, "America/New_York", zones);
    assert_true(schedule_opens(york, start) == INSTANT_NEVER);
    assert_ptr_equal(campaign_schedule_in(c, "Asia/Shanghai", zones), &c->schedule);
    assert_ptr_equal(campaign_schedule_in(c, "No/Where", zones), &c->schedule);
    campaign_free(c);
}

static void start_now_is_when_approved(void **state)
{
    struct campaign *c = campaign_good(HEAD "schedule: {start: now, end: 2020-01-01}\n", zones);

    (void)state;
    assert_int_equal(c->schedule.start, INSTANT_MIN);
    assert_null(c->start_text);
    assert_string_equal(c->end_text, "2020-01-01"); /* in the past: the caller's business */
    campaign_free(c);
}

/* As the contract's own example has it. */
static void an_empty_list_says_nothing_where_nothing_is_meant(void **state)
{
    char *errors;
    struct campaign *c =
        campaign_text("campaign: a\nchannel: b\nmessage: {text: x, attachments: []}\n"
                      "audience: {recipients: [a], where: {tags_all: [], tags_none: []}}\n"
                      "pace: {limits: []}\n",
                      zones, &errors);

    (void)state;
    if (!c)
        fail_msg("%s", errors);
    assert_false(where_narrows(&c->where));
    assert_int_equal(c->limit_count, 0);
    assert_int_equal(c->attachment_count, 0);
    free(errors);
    campaign_free(c);
}

static void single_errors_have_their_place(void **state)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        {HEAD "schedule: {start: 2027-03-02, end: 2027-03-02}",
         "c.yaml:5:36: 'end' is not after 'start'"},
        {HEAD "schedule: {windows: []}", "c.yaml:5:21: 'windows' is empty"},
        {"campaign: a\nchannel: b\nmessage: {text: x}\n"
         "audience: {recipients: [a], where: {tags_any: []}}",
         "c.yaml:4:47: 'tags_any' is empty"},
        {"campaign: a\nchannel: b\nmessage: {attachments: []}\naudience: {recipients: [a]}",
         "c.yaml:3:10: missing key 'text' or 'attachments'"},
        {HEAD "schedule: {windows: [{}]}", "c.yaml:5:22: missing key 'days', 'dates' or 'hours'"},
        {HEAD "pace: {interval: 31d}", "c.yaml:5:18: 'interval' is longer than 30 days"},
        {HEAD "approval: {approvers: 1.5}",
         "c.yaml:5:23: 'approvers' must be a whole number from 1 to 100"},
        {HEAD "approval: {approvers: \"1\"}",
         "c.yaml:5:23: 'approvers' must be a number without quotes"},
        {HEAD "title:\n", "c.yaml:5:7: 'title' is empty"},
        {HEAD "revision: {plugin: x}", "c.yaml:5:1: unknown key 'revision'"},
        {HEAD "title: \"a\\nb\"", "c.yaml:5:8: 'title' must be one line without tabs"},
        {"campaign: a\nchannel: b\nmessage: {text: x}\naudience: {recipients: [a], file: b}",
         "c.yaml:4:29: an audience has exactly one source: 'recipients' or 'file'"},
        {"campaign: a\nchannel: b\nmessage: {text: x}\naudience: {rows: 1, recipients: [a]}",
         "c.yaml:4:12: unknown key 'rows'"},
        {"campaign: a\nchannel: b\nmessage: {text: x}\naudience: {recipients: [a], tolerance: 3}",
         "c.yaml:4:29: 'tolerance' needs 'expect'"},
        {"campaign: a\nchannel: b\nmessage: {attachments: [{image: x, video: y}]}\n"
         "audience: {recipients: [a]}",
         "c.yaml:3:36: an attachment has exactly one kind"},
        {"campaign: a\nchannel: b\nmessage: {attachments: [{link: {title: x}}]}\n"
         "audience: {recipients: [a]}",
         "c.yaml:3:32: missing key 'url'"},
        {"campaign: a\nchannel: b\nmessage: {attachments: [{link: {title: x, url: shop}}]}\n"
         "audience: {recipients: [a]}",
         "c.yaml:3:48: 'url' must be an address with http:// or https://"},
        {"campaign: a\nchannel: b\nmessage: {attachments: [{link: {title: x, url: \"http://a\", "
         "trace: maybe}}]}\naudience: {recipients: [a]}",
         "c.yaml:3:67: 'trace' must be true or false, without quotes"},
        {"campaign: a\nchannel: b\nmessage: {attachments: [{link: {title: x, trace: true, "
         "url: \"http://a?pl=1\"}}]}\naudience: {recipients: [a]}",
         "c.yaml:3:61: 'url' has a parameter 'pl' already, which 'trace' adds: take one of them "
         "out"},
        {"campaign: a\nchannel: b\nmessage: {attachments: [{link: {title: x, trace: true, "
         "url: \"http://[::1/\"}}]}\naudience: {recipients: [a]}",
         "c.yaml:3:61: 'url' cannot be read as an address"},
        {"campaign: a\nchannel: b\nmessage: {attachments: [{miniprogram: {appid: x, title: y, "
         "page: z}}]}\naudience: {recipients: [a]}",
         "c.yaml:3:39: missing key 'picture'"},
        {"campaign: -a\nchannel: b\nmessage: {text: x}\naudience: {recipients: [a]}",
         "c.yaml:1:11: 'campaign' must be 1 to 63 of a-z, 0-9 and '-', and not start with '-'"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *errors;
        struct campaign *c = campaign_text(rows[i].text, zones, &errors);

        if (c || strcmp(errors, rows[i].error) != 0)
            fail_msg("\n%s\ngave\n%s", rows[i].text, errors);
        free(errors);
    }
}

static void ids_have_their_length(void **state)
{
    char text[256], id[65], *errors;

    (void)state;
    memset(id, 'a', sizeof id);
    for (int length = 62; length <= 64; length++) {
        snprintf(text, sizeof text,
                 "campaign: %.*s\nchannel: b\nmessage: {text: x}\naudience: {recipients: [a]}",
                 length, id);
        struct campaign *c = campaign_text(text, zones, &errors);
        assert_int_equal(c != NULL, length <= 63);
        free(errors);
        campaign_free(c);
    }
}

static void paths_are_beside_the_campaign(void **state)
{
    static const struct {
        const char *file, *relative, *path;
    } rows[] = {{"spring.yaml", "vip.csv", "vip.csv"},
                {"a/b/spring.yaml", "img/x.jpg", "a/b/img/x.jpg"},
                {"/spring.yaml", "x", "/x"},
                {"a/spring.yaml", "/abs", "/abs"}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct campaign c = {.file = rows[i].file};
        char *path = campaign_path(&c, rows[i].relative);

        assert_string_equal(path, rows[i].path);
        free(path);
    }
}

static void expect_is_compared(void **state)
{
    static const struct {
        const char *keys;
        uint64_t rows;
        bool ok;
    } rows[] = {{"", 5, true},
                {", expect: 1200", 1200, true},
                {", expect: 1200", 1199, false},
                {", expect: 1200, tolerance: 10%", 1320, true},
                {", expect: 1200, tolerance: 10%", 1321, false},
                {", expect: 1200, tolerance: 10%", 1080, true},
                {", expect: 1200, tolerance: 10%", 1079, false},
                {", expect: 1000, tolerance: 2.5%", 1025, true},
                {", expect: 1000, tolerance: 2.5%", 1026, false},
                {", expect: 1200, tolerance: 5", 1195, true},
                {", expect: 1200, tolerance: 5", 1194, false},
                {", expect: 0", 1, false}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[256];
        struct diags d;

        snprintf(text, sizeof text,
                 "campaign: a\nchannel: b\nmessage: {text: x}\naudience: {recipients: [a]%s}",
                 rows[i].keys);
        struct campaign *c = campaign_good(text, zones);
        diags_init(&d);
        assert_int_equal(audience_expected(c, rows[i].rows, &d), rows[i].ok);
        assert_int_equal(d.worst, rows[i].ok ? 0 : ERR_REFUSED);
        if (!rows[i].ok) {
            assert_int_equal(d.items[0].line, 4);
            assert_int_equal(d.items[0].column, 37);
        }
        diags_dispose(&d);
        campaign_free(c);
    }
}

static void confirm_is(const char *text, duration_t within, bool leaves, uint32_t taps,
                       size_t reminders, duration_t first, duration_t second)
{
    char all[512];

    snprintf(all, sizeof all, "%s%s", HEAD, text);
    struct campaign *c = campaign_good(all, zones);
    const struct conf_confirm *k = &c->confirm;
    if (k->within != within || k->late_leaves != leaves || k->taps_per_day != taps ||
        k->remind_count != reminders || (reminders > 0 && k->remind[0] != first) ||
        (reminders > 1 && k->remind[1] != second))
        fail_msg("%s: within %lld, leaves %d, taps %u, %zu reminders", text, (long long)k->within,
                 k->late_leaves, k->taps_per_day, k->remind_count);
    campaign_free(c);
}

static void confirm_is_read(void **state)
{
    const duration_t hour = MS_PER_HOUR, minute = MS_PER_MINUTE;

    (void)state;
    confirm_is("", 4 * hour, false, 3, 2, hour, 3 * hour);
    confirm_is("confirm: {}\n", 4 * hour, false, 3, 2, hour, 3 * hour);
    confirm_is("confirm: {within: 2h}\n", 2 * hour, false, 3, 1, hour, 0); /* what fits */
    confirm_is("confirm: {within: 30m}\n", 30 * minute, false, 3, 0, 0, 0);
    confirm_is("confirm: {remind: []}\n", 4 * hour, false, 3, 0, 0, 0);
    confirm_is("confirm: {remind: 20m, within: 21m}\n", 21 * minute, false, 3, 1, 20 * minute, 0);
    confirm_is("confirm: {late: leave, remind: [5h, 6h], taps_per_day: 9}\n", 4 * hour, true, 9, 2,
               5 * hour, 6 * hour); /* nothing is over then */
    confirm_is("confirm: {late: cancel, within: 30d, taps_per_day: 1000}\n", 720 * hour, false,
               1000, 2, hour, 3 * hour);
}

static void what_stops_it_is_read(void **state)
{
    static const struct {
        const char *text;
        uint32_t ppm; /* 0: refused */
    } rows[] = {{"1%", 10000},  {"0.5%", 5000}, {"12.25%", 122500}, {"100%", 1000000},
                {"100.1%", 0},  {"0%", 0},      {"1", 0},           {"%", 0},
                {".5%", 0},     {"1.%", 0},     {"-1%", 0},         {"1e1%", 0},
                {"0.0001%", 1}, {"1.2.3%", 0},  {"1 %", 0},         {"0.00001%", 0}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[512], *errors;

        snprintf(text, sizeof text, HEAD "stop_when: {not_a_friend: \"%s\"}\n", rows[i].text);
        struct campaign *c = campaign_text(text, zones, &errors);
        if ((c ? c->stop_not_a_friend_ppm : 0) != rows[i].ppm || (c != NULL) != (rows[i].ppm != 0))
            fail_msg("%s: %u, %s", rows[i].text, c ? c->stop_not_a_friend_ppm : 0, errors);
        free(errors);
        campaign_free(c);
    }
}

static void batch_is_read(void **state)
{
    struct campaign *c = campaign_good(HEAD "pace: {batch: 50}\n", zones);

    (void)state;
    assert_int_equal(c->batch, 50);
    assert_int_equal(c->batch_at.line, 5);
    assert_int_equal(c->batch_at.column, 15);
    campaign_free(c);
    c = campaign_good(HEAD, zones);
    assert_int_equal(c->batch, 1);
    campaign_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_contracts),
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(a_schedule_moves_into_a_recipients_zone),
        cmocka_unit_test(start_now_is_when_approved),
        cmocka_unit_test(an_empty_list_says_nothing_where_nothing_is_meant),
        cmocka_unit_test(single_errors_have_their_place),
        cmocka_unit_test(ids_have_their_length),
        cmocka_unit_test(paths_are_beside_the_campaign),
        cmocka_unit_test(expect_is_compared),
        cmocka_unit_test(confirm_is_read),
        cmocka_unit_test(what_stops_it_is_read),
        cmocka_unit_test(batch_is_read),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
