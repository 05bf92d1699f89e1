/* Written key by key in sorted order, from the parsed structs alone: what two files say differently
 * but mean alike comes out as the same bytes. Read back by the campaign reader itself, so that a
 * stored revision can never mean something else than the file that was approved. */
#include "conf/revision.h"

#include "base/lang.h"
#include "conf/duration.h"
#include "conf/json.h"
#include "conf/parts.h"
#include "core/limit.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void audience_write(struct strbuf *out, const struct campaign *c,
                           const struct revision_facts *f);
static void message_write(struct strbuf *out, const struct campaign *c,
                          const struct revision_facts *f);
static void pace_write(struct strbuf *out, const struct campaign *c);
static void confirm_write(struct strbuf *out, const struct campaign *c);
static void policy_write(struct strbuf *out, const struct campaign *c);
static void revision_write(struct strbuf *out, const struct revision_facts *f);
static void options_write(struct strbuf *out, const char *options);
static void schedule_write(struct strbuf *out, const struct campaign *c);
static void time_write(struct strbuf *out, const char *text, instant_t t);
static void calendar_write(struct strbuf *out, const struct campaign *c);
static void marks_write(struct strbuf *out, const struct schedule *s, bool workday);
static void also_write(struct strbuf *out, const struct campaign *pack);
static void windows_write(struct strbuf *out, const struct schedule *s);
static void window_write(struct strbuf *out, const struct window *w);
static void hours_write(struct strbuf *out, const struct hours *hours, size_t count);
static void days_write(struct strbuf *out, day_t first, day_t last);
static void digest_write(struct strbuf *out, const struct digest *d);
static void field(struct strbuf *out, const char *name, const char *value);
static bool facts_read(const struct campaign *c, const struct yaml_node *root,
                       struct revision_facts *f);
static bool attachments_read(const struct campaign *c, const struct yaml_node *root,
                             struct revision_facts *f);
static const char *text_of(const struct yaml_node *map, const char *key);
static bool bool_of(const struct yaml_node *map, const char *key, bool *out);
static bool rows_of(const struct yaml_node *map, uint64_t *out);

void manifest_write(struct strbuf *out, const struct campaign *c, const struct revision_facts *f)
{
    assert(f->sender_count > 0);
    strbuf_printf(out, "{\"approval\":{\"approvers\":%d},\"audience\":", c->approvers);
    audience_write(out, c, f);
    field(out, ",\"campaign\":", c->id);
    field(out, ",\"channel\":", c->channel);
    strbuf_puts(out, ",\"confirm\":");
    confirm_write(out, c);
    strbuf_puts(out, ",\"message\":");
    message_write(out, c, f);
    strbuf_puts(out, ",\"pace\":");
    pace_write(out, c);
    policy_write(out, c);
    strbuf_puts(out, ",\"revision\":");
    revision_write(out, f);
    strbuf_puts(out, ",\"schedule\":");
    schedule_write(out, c);
    strbuf_puts(out, ",\"senders\":[");
    for (size_t i = 0; i < f->sender_count; i++)
        field(out, i ? "," : "", f->senders[i]);
    strbuf_putc(out, ']');
    if (c->stop_not_a_friend) {
        field(out, ",\"stop_when\":{\"not_a_friend\":", c->stop_not_a_friend);
        strbuf_putc(out, '}');
    }
    strbuf_putc(out, '}');
}

struct campaign *manifest_read(const char *manifest, struct zones *zones, struct revision_facts *f,
                               struct err *e)
{
    const struct yaml_node *root = NULL;
    struct revision_facts unused;
    struct diags diags;

    diags_init(&diags);
    struct campaign *c = campaign_read_stored(&root, manifest, strlen(manifest), zones, &diags);
    if (!c) {
        err_set(e, ERR_DATA, tr("the stored revision cannot be read: %s"),
                diags.count > 0 ? diags.items[0].message : "?");
    } else if (!facts_read(c, root, f ? f : &unused)) {
        err_set(e, ERR_DATA, tr("the stored revision is damaged"));
        campaign_free(c);
        c = NULL;
    }
    diags_dispose(&diags);
    return c;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

bool revision_fits(const struct revision_facts *f, const struct service_channel *c,
                   const char *options)
{
    return same_text(c->plugin, f->plugin) && same_text(c->mode, f->mode) &&
           same_text(options, f->options) && c->standin == f->test;
}

uint64_t revision_seed(const struct digest *d)
{
    uint64_t seed = 0;

    for (size_t i = 0; i < sizeof seed; i++)
        seed = seed << 8 | d->bytes[i];
    return seed;
}

/* --- writing --- */

/* What narrows is in the rows; this alone is asked again when a delivery is about to go. */
static void audience_write(struct strbuf *out, const struct campaign *c,
                           const struct revision_facts *f)
{
    char span[64];

    strbuf_puts(out, "{\"digest\":");
    digest_write(out, &f->audience);
    duration_format(c->where.not_contacted, span, sizeof span);
    if (c->where.not_contacted)
        field(out, ",\"not_contacted\":", span);
    strbuf_printf(out, ",\"rows\":%llu}", (unsigned long long)f->rows);
}

/* Keys in order, as everywhere. */
static void attachment_write(struct strbuf *out, const struct conf_attachment *a)
{
    const char *const keys[][2] = {{"appid", a->appid}, {"description", a->description},
                                   {"page", a->page},   {"picture", a->path},
                                   {"title", a->title}, {"trace", a->trace ? "" : NULL},
                                   {"url", a->url}};
    bool first = true;

    canonical_string(out, a->kind);
    if (!a->title) { /* a file */
        field(out, ":", a->path);
        return;
    }
    strbuf_puts(out, ":{");
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (!keys[i][1])
            continue;
        if (!first)
            strbuf_putc(out, ',');
        canonical_string(out, keys[i][0]);
        if (strcmp(keys[i][0], "trace") == 0)
            strbuf_puts(out, ":true");
        else
            field(out, ":", keys[i][1]);
        first = false;
    }
    strbuf_putc(out, '}');
}

static void message_write(struct strbuf *out, const struct campaign *c,
                          const struct revision_facts *f)
{
    strbuf_putc(out, '{');
    if (c->attachment_count > 0) {
        strbuf_puts(out, "\"attachments\":[");
        for (size_t i = 0; i < c->attachment_count; i++) {
            strbuf_puts(out, i ? ",{\"digest\":" : "{\"digest\":");
            digest_write(out, &f->attachments[i]);
            strbuf_putc(out, ',');
            attachment_write(out, &c->attachments[i]);
            strbuf_putc(out, '}');
        }
        strbuf_puts(out, "],");
    }
    field(out, "\"format\":", c->format);
    if (c->text)
        field(out, ",\"text\":", c->text);
    strbuf_putc(out, '}');
}

static void pace_write(struct strbuf *out, const struct campaign *c)
{
    char low[64], high[64];

    duration_format(c->pace.floor, low, sizeof low);
    duration_format(c->pace.ceiling, high, sizeof high);
    strbuf_printf(out, "{\"batch\":%u", (unsigned)c->batch);
    if (c->pace.distribution != PACE_UNIFORM)
        strbuf_printf(out, ",\"distribution\":\"%s\"", distribution_words[c->pace.distribution]);
    strbuf_printf(out, ",\"interval\":\"%s..%s\"", low, high);
    for (size_t i = 0; i < c->limit_count; i++) {
        const struct conf_limit *l = &c->limits[i];

        duration_format(l->span, low, sizeof low);
        strbuf_puts(out, i ? ",{" : ",\"limits\":[{");
        strbuf_puts(out, l->sends ? "\"count\":\"sends\",\"max\":" : "\"max\":");
        if (l->max == LIMIT_MONTH_DAYS)
            canonical_string(out, MONTH_DAYS_WORD);
        else
            strbuf_printf(out, "%u", (unsigned)l->max);
        strbuf_printf(out, ",\"on_cap\":\"%s\",\"per\":\"%s\"", l->drop ? "drop" : "hold",
                      l->rolling ? low : period_words[l->period]);
        if (l->ramp.step)
            strbuf_printf(out, ",\"ramp\":{\"every\":\"%s\",\"from\":%u,\"step\":%u}",
                          period_words[l->ramp.every], (unsigned)l->ramp.from,
                          (unsigned)l->ramp.step);
        strbuf_printf(out, ",\"scope\":\"%s\"}", scope_words[l->scope]);
    }
    strbuf_puts(out, c->limit_count > 0 ? "]" : "");
    if (c->priority)
        strbuf_printf(out, ",\"priority\":\"%s\"", priority_words[c->priority]);
    strbuf_putc(out, '}');
}

static void confirm_write(struct strbuf *out, const struct campaign *c)
{
    char text[64];

    strbuf_printf(out, "{\"late\":\"%s\",\"remind\":[",
                  c->confirm.late_leaves ? "leave" : "cancel");
    for (size_t i = 0; i < c->confirm.remind_count; i++) {
        duration_format(c->confirm.remind[i], text, sizeof text);
        strbuf_printf(out, "%s\"%s\"", i ? "," : "", text);
    }
    duration_format(c->confirm.within, text, sizeof text);
    strbuf_printf(out, "],\"taps_per_day\":%u,\"within\":\"%s\"}",
                  (unsigned)c->confirm.taps_per_day, text);
}

static void revision_write(struct strbuf *out, const struct revision_facts *f)
{
    strbuf_printf(out, "{\"again\":%s", f->again ? "true" : "false");
    if (f->mode)
        field(out, ",\"mode\":", f->mode);
    if (f->only)
        field(out, ",\"only\":", f->only);
    strbuf_puts(out, ",\"options\":");
    options_write(out, f->options ? f->options : "{}");
    field(out, ",\"plugin\":", f->plugin);
    strbuf_printf(out, ",\"test\":%s", f->test ? "true" : "false");
    for (size_t i = 0; i < f->warning_count; i++) {
        field(out, i ? ",{\"en\":" : ",\"warnings\":[{\"en\":", f->warnings[i][LANG_EN]);
        field(out, ",\"zh\":", f->warnings[i][LANG_ZH]);
        strbuf_putc(out, '}');
    }
    strbuf_puts(out, f->warning_count > 0 ? "]}" : "}");
}

/* Which packs, and the digest of what they say: with another content it is another revision. */
static void policy_write(struct strbuf *out, const struct campaign *c)
{
    for (size_t i = 0; i < c->pack_count; i++) {
        strbuf_puts(out, i ? ",{\"digest\":" : ",\"policy\":[{\"digest\":");
        digest_write(out, &c->packs[i].digest);
        field(out, ",\"name\":", c->packs[i].name);
        field(out, ",\"version\":", c->packs[i].version);
        strbuf_putc(out, '}');
    }
    strbuf_puts(out, c->pack_count > 0 ? "]" : "");
}

/* Whatever order and spacing the channel's side has. */
static void options_write(struct strbuf *out, const char *options)
{
    struct arena *arena = arena_new();
    struct diags diags;

    diags_init(&diags);
    const struct yaml_node *tree = yaml_read(arena, "options", options, strlen(options), &diags);
    assert(tree && tree->kind == YAML_MAP && diags.errors == 0); /* ours: a JSON object */
    canonical_tree(out, tree);
    diags_dispose(&diags);
    arena_free(arena);
}

static void schedule_write(struct strbuf *out, const struct campaign *c)
{
    const struct schedule *s = &c->schedule;
    const char *comma = "";

    strbuf_putc(out, '{');
    if (c->also) {
        also_write(out, c->also);
        comma = ",";
    }
    if (c->calendar) {
        strbuf_printf(out, "%s\"calendar\":", comma);
        calendar_write(out, c);
        comma = ",";
    }
    if (c->end_text) {
        strbuf_printf(out, "%s\"end\":", comma);
        time_write(out, c->end_text, s->end);
        comma = ",";
    }
    if (c->recipient_zones) {
        strbuf_printf(out, "%s\"fallback_timezone\":", comma);
        canonical_string(out, c->zone_name);
        comma = ",";
    }
    if (s->quiet_count > 0) {
        strbuf_printf(out, "%s\"quiet_hours\":", comma);
        hours_write(out, s->quiet, s->quiet_count);
        comma = ",";
    }
    for (size_t i = 0; i < s->closed_count; i++) {
        strbuf_printf(out, "%s%s", comma, i ? "" : "\"skip_dates\":[");
        days_write(out, s->closed[i].first, s->closed[i].last);
        comma = ",";
    }
    strbuf_puts(out, s->closed_count > 0 ? "]" : "");
    if (c->start_text) {
        strbuf_printf(out, "%s\"start\":", comma);
        time_write(out, c->start_text, s->start);
        comma = ",";
    }
    strbuf_printf(out, "%s\"timezone\":", comma);
    canonical_string(out, c->recipient_zones ? "recipient" : c->zone_name);
    if (s->window_count > 0) {
        strbuf_puts(out, ",\"windows\":");
        windows_write(out, s);
    }
    strbuf_putc(out, '}');
}

/* Windows and quiet hours of the packs in force. */
static void also_write(struct strbuf *out, const struct campaign *pack)
{
    for (const char *open = "\"also\":[{"; pack; pack = pack->also, open = ",{") {
        const struct schedule *s = &pack->schedule;
        const char *comma = "";

        strbuf_puts(out, open);
        if (pack->calendar) {
            strbuf_puts(out, "\"calendar\":");
            calendar_write(out, pack);
            comma = ",";
        }
        if (s->quiet_count > 0) {
            strbuf_printf(out, "%s\"quiet_hours\":", comma);
            hours_write(out, s->quiet, s->quiet_count);
            comma = ",";
        }
        if (s->window_count > 0) {
            strbuf_printf(out, "%s\"windows\":", comma);
            windows_write(out, s);
        }
        strbuf_putc(out, '}');
    }
    strbuf_putc(out, ']');
}

static void windows_write(struct strbuf *out, const struct schedule *s)
{
    for (size_t i = 0; i < s->window_count; i++) {
        strbuf_putc(out, i ? ',' : '[');
        window_write(out, &s->windows[i]);
    }
    strbuf_putc(out, ']');
}

/* A local time stays local: it is the approved wall time that counts should the zone's rules
 * change. A time with an offset is an instant: in UTC. */
static void time_write(struct strbuf *out, const char *text, instant_t t)
{
    char date[11] = "", clock[9] = "00:00:00", instant[INSTANT_TEXT];

    assert(strlen(text) >= 10); /* `now` is no text, and the reader takes nothing shorter */
    if (strlen(text) > 10 && strpbrk(text + 11, "Z+-")) {
        instant_format(t, 0, instant);
        strbuf_printf(out, "\"%s\"", instant);
        return;
    }
    memcpy(date, text, 10);
    if (strlen(text) > 10) { /* HH:MM or HH:MM:SS; the reader has checked it */
        size_t length = strcspn(text + 11, ".");

        memcpy(clock, text + 11, length < 8 ? length : 8);
    }
    strbuf_printf(out, "\"%s %s\"", date, clock);
}

static void calendar_write(struct strbuf *out, const struct campaign *c)
{
    strbuf_puts(out, "{\"covers\":");
    days_write(out, c->calendar_covers.first, c->calendar_covers.last);
    strbuf_puts(out, ",\"holidays\":[");
    marks_write(out, &c->schedule, false);
    field(out, "],\"name\":", c->calendar);
    strbuf_puts(out, ",\"workdays\":[");
    marks_write(out, &c->schedule, true);
    strbuf_puts(out, "]}");
}

/* Days in a row as one range. */
static void marks_write(struct strbuf *out, const struct schedule *s, bool workday)
{
    const char *comma = "";

    for (size_t i = 0; i < s->mark_count; i++) {
        const struct day_mark *first = &s->marks[i];

        if (first->workday != workday)
            continue;
        while (i + 1 < s->mark_count && s->marks[i + 1].workday == workday &&
               s->marks[i + 1].day == s->marks[i].day + 1)
            i++;
        strbuf_puts(out, comma);
        days_write(out, first->day, s->marks[i].day);
        comma = ",";
    }
}

static void window_write(struct strbuf *out, const struct window *w)
{
    if (w->first_day <= w->last_day) {
        strbuf_puts(out, "{\"dates\":");
        days_write(out, w->first_day, w->last_day);
    } else {
        const char *comma = "";

        strbuf_puts(out, "{\"days\":[");
        for (unsigned d = 0; d < 7; d++) {
            if (!(w->weekdays & 1U << d))
                continue;
            strbuf_printf(out, "%s\"%s\"", comma, day_words[d]);
            comma = ",";
        }
        if (w->restdays) {
            strbuf_printf(out, "%s\"restdays\"", comma);
            comma = ",";
        }
        if (w->workdays)
            strbuf_printf(out, "%s\"workdays\"", comma);
        strbuf_putc(out, ']');
    }
    if (w->hours_count > 0) {
        strbuf_puts(out, ",\"hours\":");
        hours_write(out, w->hours, w->hours_count);
    }
    strbuf_putc(out, '}');
}

static void hours_write(struct strbuf *out, const struct hours *hours, size_t count)
{
    strbuf_putc(out, '[');
    for (size_t i = 0; i < count; i++)
        strbuf_printf(out, "%s\"%02d:%02d-%02d:%02d\"", i ? "," : "", hours[i].from_min / 60,
                      hours[i].from_min % 60, hours[i].to_min / 60, hours[i].to_min % 60);
    strbuf_putc(out, ']');
}

static void days_write(struct strbuf *out, day_t first, day_t last)
{
    char text[DATE_TEXT];

    date_format(first, text);
    strbuf_printf(out, "\"%s", text);
    if (last > first) {
        date_format(last, text);
        strbuf_printf(out, "..%s", text);
    }
    strbuf_putc(out, '"');
}

static void digest_write(struct strbuf *out, const struct digest *d)
{
    char text[DIGEST_TEXT];

    digest_text(d, text);
    canonical_string(out, text);
}

static void field(struct strbuf *out, const char *name, const char *value)
{
    strbuf_puts(out, name);
    canonical_string(out, value);
}

/* --- reading --- */

static bool facts_read(const struct campaign *c, const struct yaml_node *root,
                       struct revision_facts *f)
{
    const struct yaml_node *revision = yaml_get(root, "revision");
    const struct yaml_node *audience = yaml_get(root, "audience");
    const struct yaml_node *options = yaml_get(revision, "options");
    const char *digest = text_of(audience, "digest");
    const char **senders = arena_array(c->arena, c->sender_count, sizeof *senders);
    struct strbuf canonical = STRBUF_INIT;

    *f = (struct revision_facts){.plugin = text_of(revision, "plugin"),
                                 .mode = text_of(revision, "mode"),
                                 .only = text_of(revision, "only"),
                                 .senders = senders,
                                 .sender_count = c->sender_count};
    for (size_t i = 0; i < c->sender_count; i++)
        senders[i] = c->senders[i].name;
    if (c->sender_count == 0 || !f->plugin || !digest || !digest_parse(digest, &f->audience) ||
        !rows_of(audience, &f->rows) || !bool_of(revision, "test", &f->test) ||
        !bool_of(revision, "again", &f->again) || !options || options->kind != YAML_MAP)
        return false;
    canonical_tree(&canonical, options);
    f->options = arena_strdup(c->arena, canonical.text);
    strbuf_dispose(&canonical);
    return attachments_read(c, root, f);
}

static bool attachments_read(const struct campaign *c, const struct yaml_node *root,
                             struct revision_facts *f)
{
    const struct yaml_node *list = yaml_get(yaml_get(root, "message"), "attachments");
    struct digest *digests = arena_array(c->arena, c->attachment_count, sizeof *digests);

    for (size_t i = 0; i < c->attachment_count; i++) {
        const char *text = text_of(list->items[i], "digest");

        if (!text || !digest_parse(text, &digests[i]))
            return false;
    }
    f->attachments = digests;
    return true;
}

static const char *text_of(const struct yaml_node *map, const char *key)
{
    const struct yaml_node *node = yaml_get(map, key);

    return node && node->kind == YAML_SCALAR ? node->text : NULL;
}

static bool bool_of(const struct yaml_node *map, const char *key, bool *out)
{
    const char *text = text_of(map, key);

    *out = text && strcmp(text, "true") == 0;
    return *out || (text && strcmp(text, "false") == 0);
}

static bool rows_of(const struct yaml_node *map, uint64_t *out)
{
    const char *text = text_of(map, "rows");
    unsigned long long n;
    int used = 0;

    if (!text || sscanf(text, "%20llu%n", &n, &used) != 1 || text[used] != '\0')
        return false;
    *out = n;
    return true;
}
