#include "cli/view.h"

#include "cli/plan_view.h"

#include "api/limit_text.h"
#include "base/digest.h"
#include "base/text.h"
#include "conf/duration.h"
#include "core/tz.h"

#include <string.h>
#include <time.h>

#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define RED "\033[31m"
#define BOLD_RED "\033[1;31m"

struct word {
    const char *name, *shown, *color;
};

/* States of campaigns and deliveries, in the order of a life. */
static const struct word states[] = {
    {"draft", TR_TABLE("waits for approval"), YELLOW},
    {"approved", TR_TABLE("approved"), GREEN},
    {"running", TR_TABLE("running"), GREEN},
    {"paused", TR_TABLE("paused"), YELLOW},
    {"done", TR_TABLE("done"), GREEN},
    {"rejected", TR_TABLE("rejected"), RED},
    {"sent", TR_TABLE("sent"), GREEN},
    {"prompted", TR_TABLE("prompted"), YELLOW},
    {"claimed", TR_TABLE("claimed"), YELLOW},
    {"pending", TR_TABLE("pending"), NULL},
    {"unknown", TR_TABLE("unknown"), BOLD_RED},
    {"failed", TR_TABLE("failed"), RED},
    {"skipped", TR_TABLE("skipped"), NULL},
    {"expired", TR_TABLE("expired"), NULL},
    {"canceled", TR_TABLE("canceled"), NULL},
};
enum { STATE_WORDS = sizeof(states) / sizeof(states[0]), FIRST_DELIVERY_STATE = 6 };

static const struct word reasons[] = {
    {"not_started", TR_TABLE("not started yet"), NULL},
    {"paused", TR_TABLE("paused"), NULL},
    {"halted", TR_TABLE("halted"), NULL},
    {"window_closed", TR_TABLE("outside the send window"), NULL},
    {"quiet_hours", TR_TABLE("quiet hours"), NULL},
    {"closed_day", TR_TABLE("closed day"), NULL},
    {"rate_limit", TR_TABLE("rate limit"), NULL},
    {"frequency_cap", TR_TABLE("frequency cap"), NULL},
    {"gap", TR_TABLE("gap"), NULL},
    {"channel_quota", TR_TABLE("channel quota"), NULL},
    {"sender_away", TR_TABLE("sender away"), NULL},
    {"duplicate", TR_TABLE("duplicate"), NULL},
    {"suppressed", TR_TABLE("suppressed"), NULL},
    {"missing_value", TR_TABLE("missing value"), NULL},
    {"already_handled", TR_TABLE("already handled"), NULL},
    {"not_a_friend", TR_TABLE("not a friend"), NULL},
    {"no_relation", TR_TABLE("no relation"), NULL},
    {"by_person", TR_TABLE("by a person"), NULL},
    {"not_sent", TR_TABLE("not sent"), NULL},
    {"ended", TR_TABLE("ended"), NULL},
    {"late", TR_TABLE("late"), NULL},
    {"rejected_content", TR_TABLE("content rejected"), NULL},
    {"bad_recipient", TR_TABLE("bad recipient"), NULL},
    {"no_answer", TR_TABLE("no answer"), NULL},
    {"bad_answer", TR_TABLE("bad answer"), NULL},
    {"interrupted", TR_TABLE("interrupted"), NULL},
    {"canceled", TR_TABLE("canceled"), NULL},
    {"superseded", TR_TABLE("superseded"), NULL},
    {"channel_refused", TR_TABLE("channel refused"), NULL},
    {"channel_unreachable", TR_TABLE("channel unreachable"), NULL},
    {"no_consent", TR_TABLE("no consent"), NULL},
};
enum { REASON_WORDS = sizeof(reasons) / sizeof(reasons[0]) };

static const struct word *find(const struct word *words, size_t count, const char *name)
{
    for (size_t i = 0; name && i < count; i++)
        if (strcmp(words[i].name, name) == 0)
            return &words[i];
    return NULL;
}

const char *view_state(const char *state)
{
    const struct word *w = find(states, STATE_WORDS, state);

    return w ? tr(w->shown) : state;
}

const char *view_reason(const char *reason)
{
    const struct word *w = find(reasons, REASON_WORDS, reason);

    return w ? tr(w->shown) : reason ? reason : "";
}

const char *view_color(const struct cli *cli, const char *state)
{
    const struct word *w = find(states, STATE_WORDS, state);

    return cli->color && w ? w->color : NULL;
}

void view_instant(const char *rfc3339, char out[VIEW_INSTANT])
{
    if (!rfc3339 || strlen(rfc3339) < 19) {
        snprintf(out, VIEW_INSTANT, "-");
        return;
    }
    snprintf(out, VIEW_INSTANT, "%.10s %.8s", rfc3339, rfc3339 + 11);
}

bool view_until(const char *rfc3339, int64_t *ms)
{
    struct timespec now;
    struct tz utc;
    instant_t at;

    tz_utc(&utc);
    if (!rfc3339 || !instant_parse(rfc3339, &utc, &at))
        return false;
    clock_gettime(CLOCK_REALTIME, &now);
    *ms = at - ((int64_t)now.tv_sec * MS_PER_SECOND + now.tv_nsec / 1000000);
    return true;
}

void view_in(int64_t ms, struct strbuf *out)
{
    long long s = (ms + 999) / MS_PER_SECOND;

    if (s <= 0)
        strbuf_puts(out, tr("now"));
    else if (s < 120)
        strbuf_printf(out, tr("in %llds"), s);
    else if (s < 7200)
        strbuf_printf(out, tr("in %lldm"), s / 60);
    else if (s < 172800)
        strbuf_printf(out, tr("in %lldh"), s / 3600);
    else
        strbuf_printf(out, tr("in %lld days"), s / 86400);
}

const char *view_weekday(int weekday)
{
    static const char *const names[] = {TR_TABLE("Mon"), TR_TABLE("Tue"), TR_TABLE("Wed"),
                                        TR_TABLE("Thu"), TR_TABLE("Fri"), TR_TABLE("Sat"),
                                        TR_TABLE("Sun")};

    return tr(names[weekday]);
}

const char *view_text(const json_t *object, const char *key, const char *fallback)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : fallback;
}

int64_t view_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

void view_counts(const json_t *counts, struct strbuf *out)
{
    for (size_t i = FIRST_DELIVERY_STATE; i < STATE_WORDS; i++) {
        int64_t n = view_number(counts, states[i].name);
        if (n > 0)
            strbuf_printf(out, "%s%s %lld", out->length ? tr(", ") : "", tr(states[i].shown),
                          (long long)n);
    }
}

void view_limit(const char *limit, int64_t used, struct strbuf *out)
{
    struct strbuf text = STRBUF_INIT;

    limit_text(&text, limit);
    strbuf_printf(out, tr("%lld used of %s"), (long long)used, text.text);
    strbuf_dispose(&text);
}

int64_t view_final(const json_t *counts)
{
    return view_number(counts, "sent") + view_number(counts, "failed") +
           view_number(counts, "skipped") + view_number(counts, "expired") +
           view_number(counts, "canceled");
}

void view_bar(int64_t done, int64_t all, struct strbuf *out)
{
    enum { CELLS = 30 };
    int64_t full = all > 0 ? done * CELLS / all : CELLS;

    strbuf_putc(out, '[');
    for (int64_t i = 0; i < CELLS; i++)
        strbuf_putc(out, i < full ? '#' : '.');
    strbuf_printf(out, "] %lld/%lld", (long long)done, (long long)all);
}

void view_digest(const char *digest, char out[VIEW_DIGEST])
{
    snprintf(out, VIEW_DIGEST, "%.19s", digest ? digest : "-");
}

/* `name: text`, the names in one column. */
static void field(FILE *to, const char *name, const char *text)
{
    size_t columns = text_columns(name);

    fprintf(to, "  %s%*s  ", name, (int)(columns < 10 ? 10 - columns : 0), "");
    put_safe(to, text);
    fputc('\n', to);
}

static void show_approvals(const json_t *campaign, FILE *to)
{
    const json_t *approval;
    size_t i;
    bool self = json_is_true(json_object_get(campaign, "self_approved"));

    json_array_foreach(json_object_get(campaign, "approvals"), i, approval)
    {
        struct strbuf text = STRBUF_INIT;
        char at[VIEW_INSTANT];
        view_instant(view_text(approval, "at", NULL), at);
        strbuf_printf(&text, "%s, %s", view_text(approval, "by", "?"), at);
        if (self)
            strbuf_puts(&text, tr(" (self-approved: one-person mode)"));
        field(to, tr("approver"), text.text);
        strbuf_dispose(&text);
    }
}

/* Whoever approves must see where its holidays end. */
static void show_calendar(const json_t *campaign, FILE *to)
{
    const json_t *calendar = json_object_get(campaign, "calendar");
    struct strbuf text = STRBUF_INIT;

    if (!json_is_object(calendar))
        return;
    strbuf_puts(&text, view_text(calendar, "name", "?"));
    if (json_object_get(calendar, "to"))
        strbuf_printf(&text,
                      tr(" (covers %s to %s: on other days Monday to Friday count as workdays, "
                         "whatever the holidays)"),
                      view_text(calendar, "from", "?"), view_text(calendar, "to", "?"));
    field(to, tr("calendar"), text.text);
    strbuf_dispose(&text);
}

void view_warnings(const struct cli *cli, const json_t *campaign)
{
    const char *lang = lang_get() == LANG_ZH ? "zh" : "en";
    const json_t *calendar = json_object_get(campaign, "calendar"), *item;
    size_t i;

    if (json_object_get(calendar, "to"))
        say(cli,
            tr("warning: calendar '%s' covers %s to %s: on other days Monday to Friday count as "
               "workdays, whatever the holidays"),
            view_text(calendar, "name", "?"), view_text(calendar, "from", "?"),
            view_text(calendar, "to", "?"));
    json_array_foreach(json_object_get(campaign, "warnings"), i, item)
        say(cli, tr("warning: %s"), view_text(item, lang, "?"));
}

/* `none` is what null says. */
static void show_instant(const json_t *campaign, const char *key, const char *name,
                         const char *none, FILE *to)
{
    const json_t *value = json_object_get(campaign, key);
    char at[VIEW_INSTANT];

    if (!value)
        return;
    view_instant(json_string_value(value), at);
    field(to, name, json_is_null(value) ? none : at);
}

void view_heading(const char *campaign, const char *title, bool test, FILE *to)
{
    put_safe(to, campaign);
    fputs("  ", to);
    put_safe(to, title ? title : "");
    if (test)
        fprintf(to, "  %s", tr("TEST: on a stand-in, reaches nobody"));
    fputc('\n', to);
}

/* The packs in force, and what their rules warned of. */
static void show_policy(const json_t *campaign, FILE *to)
{
    const char *lang = lang_get() == LANG_ZH ? "zh" : "en";
    struct strbuf packs = STRBUF_INIT;
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(campaign, "policy"), i, item)
        strbuf_printf(&packs, "%s%s %s", i ? tr(", ") : "", view_text(item, "name", "?"),
                      view_text(item, "version", "?"));
    if (packs.length)
        field(to, tr("policy"), packs.text);
    json_array_foreach(json_object_get(campaign, "warnings"), i, item)
        field(to, tr("warning"), view_text(item, lang, "?"));
    strbuf_dispose(&packs);
}

/* What an approver should know before; later the deliveries tell. */
static void show_plan(const json_t *campaign, FILE *to)
{
    const json_t *plan = json_object_get(campaign, "plan");

    if (!plan || strcmp(view_text(campaign, "state", ""), "draft") != 0)
        return;
    if (json_is_object(plan))
        plan_view(plan, to);
    else
        field(to, tr("plan"), tr("not planned by the service: see 'paceline plan'"));
}

void view_campaign(const struct cli *cli, const json_t *campaign, FILE *to)
{
    const json_t *counts = json_object_get(campaign, "counts");
    const char *state = view_text(campaign, "state", "?");
    const char *color = to == cli->out ? view_color(cli, state) : NULL;
    struct strbuf bar = STRBUF_INIT, sums = STRBUF_INIT;
    int64_t audience = view_number(campaign, "audience");

    view_heading(view_text(campaign, "campaign", "?"), view_text(campaign, "title", ""),
                 json_is_true(json_object_get(campaign, "test")), to);
    fprintf(to, "  %s%*s  %s%s%s\n", tr("state"), (int)(10 - (text_columns(tr("state")) % 11)), "",
            color ? color : "", view_state(state), color ? "\033[0m" : "");
    if (view_text(campaign, "channel", NULL))
        field(to, tr("channel"), view_text(campaign, "channel", ""));
    field(to, tr("revision"), view_text(campaign, "revision", "-"));
    field(to, tr("submitter"), view_text(campaign, "submitted_by", "-"));
    show_approvals(campaign, to);
    show_instant(campaign, "start", tr("start"), tr("when approved"), to);
    show_instant(campaign, "end", tr("end"), tr("none"), to);
    show_calendar(campaign, to);
    view_bar(view_final(counts), audience, &bar);
    field(to, tr("progress"), bar.text);
    view_counts(counts, &sums);
    field(to, tr("deliveries"), sums.length ? sums.text : "-");
    show_plan(campaign, to);
    show_policy(campaign, to);
    strbuf_dispose(&bar);
    strbuf_dispose(&sums);
}

/* Each line of the message behind a bar, so that where it starts and ends is plain to see. */
static void show_text(const char *text, FILE *to)
{
    struct strbuf safe = STRBUF_INIT;

    text_safe(&safe, text, true);
    for (const char *line = safe.text ? safe.text : ""; line;) {
        const char *end = strchr(line, '\n');
        fprintf(to, "  │ %.*s\n", end ? (int)(end - line) : (int)strlen(line), line);
        line = end ? end + 1 : NULL;
    }
    strbuf_dispose(&safe);
}

const char *view_sample_title(const char *sample)
{
    if (strcmp(sample, "shortest") == 0)
        return tr("The shortest message");
    if (strcmp(sample, "longest") == 0)
        return tr("The longest message");
    if (strcmp(sample, "most_defaults") == 0)
        return tr("The message with most defaults");
    return tr("The message");
}

void view_sample(const json_t *object, const char *title, FILE *to)
{
    const char *text = view_text(object, "text", NULL);
    const json_t *attachment;
    size_t i;

    fputc('\n', to);
    fprintf(to, tr("%s (row %lld)\n"), title, (long long)view_number(object, "row"));
    field(to, tr("to"), view_text(object, "recipient", "?"));
    field(to, tr("from"), view_text(object, "sender", "?"));
    if (view_text(object, "channel", NULL))
        field(to, tr("channel"), view_text(object, "channel", ""));
    if (view_text(object, "format", NULL) && text)
        field(to, tr("format"), view_text(object, "format", ""));
    json_array_foreach(json_object_get(object, "attachments"), i, attachment)
        field(to, tr("attachment"), json_string_value(attachment));
    if (text)
        show_text(text, to);
}

int view_each_sample(void *samples, const char *text, const json_t *object)
{
    struct view_samples *v = samples;
    int64_t row = view_number(object, "row");

    (void)text;
    for (size_t i = 0; i < v->count; i++)
        if (v->rows[i] == row)
            return 0;
    if (v->count < sizeof(v->rows) / sizeof(v->rows[0]))
        v->rows[v->count++] = row;
    view_sample(object, view_sample_title(view_text(object, "sample", "")), v->to);
    return 0;
}
