/* What is submitted, approved, paused, canceled, and said to be so: as the API does it. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

static const char *pick_of(struct sim *s, const char *const *words, int count)
{
    return words[sim_draw(s, 0, count - 1)];
}
#define PICK(s, words) pick_of(s, words, (int)(sizeof(words) / sizeof *(words)))

/* --- submitting --- */

static void limits_write(struct sim *s, struct strbuf *b)
{
    static const char *const scopes[] = {"sender", "person", "recipient", "channel", "campaign"};
    static const char *const spans[] = {"10m", "1h", "3h", "1d", "day", "week", "month"};
    int n = (int)sim_draw(s, 0, 2);

    if (!n)
        return;
    strbuf_puts(b, "  limits: [");
    for (int i = 0; i < n; i++) {
        const char *scope = PICK(s, scopes), *per = PICK(s, spans);
        bool person = !strcmp(scope, "recipient");
        strbuf_printf(b, "%s{max: %lld, per: %s, scope: %s%s}", i ? ", " : "",
                      (long long)sim_draw(s, 1, person ? 2 : 9), per, scope,
                      person && sim_chance(s, 50) ? ", on_cap: drop" : "");
    }
    strbuf_puts(b, "]\n");
}

static void schedule_write(struct sim *s, struct strbuf *b)
{
    static const char *const zones[] = {"Asia/Shanghai", "America/New_York", "Europe/Berlin",
                                        "Australia/Lord_Howe", "UTC"};
    static const char *const windows[] = {
        ("[{days: mon-fri, hours: \"10:00-12:00, 14:00-20:30\"}, {days: [sat, sun], hours: "
         "\"09:00-18:00\"}]"),
        "[{days: mon-sun, hours: \"22:00-06:00\"}]",
        "[{days: mon-sun, hours: \"00:30-03:30\"}, {days: wed, hours: \"08:00-17:00\"}]"};
    static const char *const quiet[] = {"21:00-09:00", "12:00-13:00", "01:30-02:30"};

    strbuf_printf(b, "schedule:\n  timezone: %s\n", PICK(s, zones));
    if (sim_chance(s, 35))
        strbuf_printf(b, "  windows: %s\n", PICK(s, windows));
    if (sim_chance(s, 40))
        strbuf_printf(b, "  quiet_hours: \"%s\"\n", PICK(s, quiet));
    if (sim_chance(s, 30)) {
        char text[INSTANT_TEXT];
        instant_format(sim_now(s) + sim_draw(s, 1, s->days) * (instant_t)MS_PER_DAY, 0, text);
        strbuf_printf(b, "  end: %.19s+00:00\n", text);
    }
    if (sim_chance(s, 20)) {
        char text[INSTANT_TEXT];
        instant_format(sim_now(s) + MS_PER_DAY, 0, text);
        strbuf_printf(b, "  skip_dates: [%.10s]\n", text);
    }
}

static char *campaign_text(struct sim *s, int campaign, int channel, int batch)
{
    static const char *const intervals[] = {"0s..0s", "5s..20s", "40s..3m", "10m..1h"};
    struct strbuf b = STRBUF_INIT;

    strbuf_printf(&b,
                  "campaign: c%d\ntitle: T\nchannel: %s\nsenders: [ann, ben, cho]\n"
                  "audience: {recipients: [x]}\nmessage: {text: \"v%d\"}\n",
                  campaign, channel_names[channel], ++s->versions[campaign]);
    schedule_write(s, &b);
    strbuf_printf(&b, "pace:\n  interval: %s\n  batch: %d\n", PICK(s, intervals), batch);
    limits_write(s, &b);
    if (channel == BY_HAND)
        strbuf_printf(&b, "confirm: {within: %s, remind: []}\n", sim_chance(s, 50) ? "2h" : "9h");
    return strbuf_take(&b);
}

static struct spec *spec_new(struct sim *s, int campaign)
{
    int channel = campaign % CHANNELS, batch = channel == 0 || sim_chance(s, 50) ? 1 : 4;
    char *text = campaign_text(s, campaign, channel, batch), name[8];
    struct spec *x;
    struct diags diags;
    struct strbuf manifest = STRBUF_INIT;

    diags_init(&diags);
    s->specs = xgrow(s->specs, &s->spec_capacity, s->spec_count + 1, sizeof *s->specs);
    x = &s->specs[s->spec_count++];
    *x = (struct spec){.campaign = campaign, .channel = channel};
    x->c = campaign_read("sim.yaml", text, strlen(text), "UTC", NULL, s->zones, &diags);
    if (!x->c) {
        fprintf(stderr, "%s\n%s\n", text, diag_line(&diags.items[0]));
        abort();
    }
    x->rows = (int)sim_draw(s, 6, ROWS_MAX);
    snprintf(name, sizeof name, "%d", x->rows);
    /* some are new, some were in the revision before */
    s->cursors[campaign] += (int)sim_draw(s, 0, ROWS_MAX);
    for (int i = 0; i < x->rows; i++)
        x->row_recipient[i] = (s->cursors[campaign] + i) % POOL;
    manifest_write(&manifest, x->c,
                   &(struct revision_facts){.plugin = "null",
                                            .options = "{}",
                                            .senders = sender_names,
                                            .sender_count = SENDERS,
                                            .audience = digest_of(name, strlen(name)),
                                            .rows = (uint64_t)x->rows});
    x->manifest = strbuf_take(&manifest);
    x->digest = digest_of(x->manifest, strlen(x->manifest));
    diags_dispose(&diags);
    free(text);
    return x;
}

static void submit_run(struct store *store, struct decision *d, struct err *e)
{
    struct sim *s = d->sim;
    struct spec *x = &s->specs[d->spec];
    struct store_row rows[ROWS_MAX];
    char names[ROWS_MAX][8], campaign[8];
    int64_t lanes[SENDERS], channel, sender, loading;
    bool again;

    snprintf(campaign, sizeof campaign, "c%d", x->campaign);
    for (int i = 0; i < SENDERS; i++)
        sim_ok(s,
               store_lane(store, channel_names[x->channel], sender_names[i], &lanes[i], &channel,
                          &sender, e),
               e);
    for (int i = 0; i < x->rows; i++) {
        snprintf(names[i], sizeof names[i], "w%d", x->row_recipient[i]);
        rows[i] = (struct store_row){.row = (uint64_t)i + 1,
                                     .lane = lanes[i % SENDERS],
                                     .recipient = names[i],
                                     .message = x->c->batch > 1};
    }
    sim_ok(s,
           store_submit_begin(store, &(struct store_submission){campaign, "T", "alice", d->at},
                              &loading, e),
           e);
    sim_ok(s, store_submit_rows(store, loading, rows, (size_t)x->rows, e), e);
    sim_ok(s,
           store_submit_end(store, loading,
                            &(struct store_freeze){.campaign = campaign,
                                                   .by = "alice",
                                                   .at = d->at,
                                                   .manifest = x->manifest,
                                                   .digest = x->digest,
                                                   .channel = channel_names[x->channel],
                                                   .approvers = 1,
                                                   .by_hand = x->channel == BY_HAND},
                            &d->revision, &again, e),
           e);
    x->revision = d->revision;
}

/* --- decisions --- */

static void decision_run(struct store *store, struct store_job *job)
{
    struct decision *d = (struct decision *)job;
    struct store_decision by = {.by = "bo", .at = d->at, .note = "because"};
    uint64_t n[3];
    struct err e;

    switch (d->kind) {
    case SUBMIT:
        submit_run(store, d, &e);
        break;
    case APPROVE:
        d->rc = store_approve(store, d->revision, &by, true, &d->approved, &e);
        break;
    case PAUSE:
        d->rc = store_pause(store, d->revision, &by, &e);
        break;
    case RESUME:
        d->rc = store_resume(store, d->revision, &by, &e);
        break;
    case CANCEL:
        by.keep_tasks = d->keep;
        d->rc = store_cancel(store, d->revision, &by, &n[0], &n[1], &n[2], &e);
        break;
    case OUTCOME:
        d->rc = store_outcome(store, d->delivery, d->sent, &by, &e);
        break;
    case RESEND:
        d->rc = store_resend(store, d->delivery, &by, &e);
        break;
    case SUPPRESS:
        d->rc = store_suppress(store, d->recipient, NULL, &by, &d->gone, &e);
        break;
    case NOTE:
        d->rc = store_audit(store, d->at, "bo", d->event, NULL, NULL, NULL, &e);
        break;
    }
    if (d->rc == ERR_STORE)
        sim_ok(d->sim, d->rc, &e);
    if (d->kind == APPROVE && !d->rc)
        d->sim->specs[spec_of(d->sim, d->revision)].approved = d->approved;
    if (d->kind <= CANCEL && !d->rc)
        d->sim->specs[d->spec].held = d->kind != RESUME;
}

static void on_approve(struct sim *s, struct event *v)
{
    if (s->run)
        decide(s, (struct decision){.kind = APPROVE, .revision = v->a});
    else
        sim_after(s, MS_PER_HOUR, false, on_approve, v->a, 0);
}

struct decision *as_decision(struct store_job *job)
{
    return job->run == decision_run ? (struct decision *)job : NULL;
}

static void decision_done(struct store_job *job)
{
    struct decision *d = (struct decision *)job;
    struct sim *s = d->sim;
    struct engine *engine = s->run->engine;

    switch (d->kind) {
    case SUBMIT:
        if (d->rc) { /* what is running is looked at again when the store is back, and may go on */
            for (size_t i = 0; i < s->spec_count; i++)
                if (s->specs[i].campaign == s->specs[d->spec].campaign)
                    s->specs[i].held_life = 0;
            break;
        }
        service_sync(s, d->revision, true);
        if (sim_chance(s, 90))
            sim_after(s, sim_draw(s, MS_PER_MINUTE, 2 * MS_PER_HOUR), false, on_approve,
                      d->revision, 0);
        break;
    case APPROVE:
    case PAUSE:
    case RESUME:
    case CANCEL:
        service_sync(s, d->revision, true);
        if (d->kind <= CANCEL)
            s->specs[d->spec].held_life = 0; /* what the store has said counts */
        break;
    case RESEND:
        if (d->rc)
            break;
        if (engine_has_revision(engine, d->revision))
            engine_refetch(engine, sim_now(s), d->revision, d->lane, 1);
        else
            service_sync(s, d->revision, false);
        break;
    case SUPPRESS:
        for (size_t i = 0; i < d->gone.skipped_count; i++)
            engine_withdraw(engine, sim_now(s), d->gone.skipped[i].revision,
                            d->gone.skipped[i].lane, d->gone.skipped[i].delivery);
        free(d->gone.skipped);
        break;
    case NOTE:
        if (d->lift && !d->rc) {
            s->halted = s->halted_by_clock = false;
            clock_release(s);
            engine_unhalt(engine, sim_now(s));
        }
        break;
    case OUTCOME:
        break;
    }
    free(d);
}

void decide(struct sim *s, struct decision d)
{
    struct decision *kept = xmalloc(sizeof *kept);

    *kept = d;
    kept->job = (struct store_job){decision_run, decision_done, NULL};
    kept->sim = s;
    kept->at = sim_now(s);
    service_store(s, &kept->job);
}

/* What the API does before the store has said yes: nothing more goes out meanwhile. */
static void hold(struct sim *s, int64_t revision, bool keep)
{
    engine_pause(s->run->engine, sim_now(s), revision, keep);
}

void campaign_submit(struct sim *s, int campaign)
{
    size_t at = 0;
    struct spec *x;

    for (const struct running *r; (r = map_each(&s->run->running, &at));)
        if (s->specs[r->spec].campaign == campaign) {
            hold(s, r->id, false);
            s->specs[r->spec].held_life = s->life;
        }
    x = spec_new(s, campaign);
    decide(s, (struct decision){.kind = SUBMIT, .spec = (int)(x - s->specs)});
}

static void on_submit(struct sim *s, struct event *v)
{
    if (s->run)
        campaign_submit(s, (int)v->a);
    sim_after(s, sim_draw(s, 2 * MS_PER_HOUR, 9 * MS_PER_HOUR), false, on_submit, v->a, 0);
}

static void on_unhalt(struct sim *s, struct event *v)
{
    (void)v;
    if (s->run && s->halted)
        decide(s, (struct decision){.kind = NOTE, .event = "unhalt", .lift = true});
    if (s->halted)
        sim_after(s, MS_PER_HOUR, false, on_unhalt, 0, 0);
}

void sim_halt(struct sim *s, bool by_clock)
{
    s->halted_by_clock |= by_clock && !s->halted; /* what the file paceline.halt says */
    if (s->halted)
        return;
    s->halted = true;
    engine_halt(s->run->engine);
    decide(s, (struct decision){.kind = NOTE, .event = "halt"});
    sim_after(s, sim_draw(s, MS_PER_MINUTE, MS_PER_HOUR), false, on_unhalt, 0, 0);
}

static void on_resume(struct sim *s, struct event *v)
{
    int spec = spec_of(s, v->a);

    if (!s->run)
        sim_after(s, MS_PER_HOUR, false, on_resume, v->a, 0);
    else if (spec >= 0)
        decide(s, (struct decision){.kind = RESUME, .revision = v->a, .spec = spec});
}

void campaign_pause(struct sim *s, int64_t revision, bool cancel)
{
    bool keep = sim_chance(s, 30);
    int spec = spec_of(s, revision);

    hold(s, revision, keep);
    s->specs[spec].held_life = s->life;
    decide(s,
           (struct decision){
               .kind = cancel ? CANCEL : PAUSE, .revision = revision, .spec = spec, .keep = keep});
    if (!cancel)
        sim_after(s, sim_draw(s, MS_PER_MINUTE, 2 * MS_PER_HOUR), false, on_resume, revision, 0);
}

int64_t some_revision(struct sim *s)
{
    size_t at = 0;
    int64_t found = 0;

    for (const struct running *r; (r = map_each(&s->run->running, &at));)
        if (!found || sim_chance(s, 40))
            found = r->id;
    return found;
}

void campaign_suppress(struct sim *s, int recipient)
{
    struct decision d = {.kind = SUPPRESS};

    snprintf(d.recipient, sizeof d.recipient, "w%d", recipient);
    decide(s, d);
}

void campaigns_begin(struct sim *s)
{
    for (int i = 0; i < CAMPAIGNS; i++)
        sim_after(s, sim_draw(s, 1, 3 * MS_PER_HOUR), false, on_submit, i, 0);
}
