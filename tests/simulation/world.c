/* Everything around the service: channels that fail, people who answer or do not, operators who
 * change their minds, a clock that jumps, power that goes. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

enum { POOL = 40, PATIENCE_MS = 60000 };

const char *const channel_names[CHANNELS] = {"room", "bulk", "hands"};
const char *const sender_names[SENDERS] = {"ann", "ben", "cho"};

static const char *pick_of(struct sim *s, const char *const *words, int count)
{
    return words[sim_draw(s, 0, count - 1)];
}
#define PICK(s, words) pick_of(s, words, (int)(sizeof(words) / sizeof *(words)))

/* --- submitting --- */

enum decision_kind { PAUSE, RESUME, CANCEL, SUBMIT, APPROVE, OUTCOME, RESEND, SUPPRESS, NOTE };

struct decision {
    struct store_job job;
    struct sim *sim;
    enum decision_kind kind;
    int campaign, spec;
    int64_t revision, delivery, lane;
    bool keep, sent, approved, lift;
    char recipient[16];
    instant_t at;
    struct store_suppressed gone;
    int rc;
};

static void limits_write(struct sim *s, struct strbuf *b)
{
    static const char *const scopes[] = {"sender", "person", "recipient", "channel", "campaign"};
    static const char *const spans[] = {"10m", "1h", "3h", "1d", "day", "week", "month"};
    int n = (int)sim_draw(s, 0, 3);

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
    if (sim_chance(s, 50))
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
    for (int i = 0, first = (int)sim_draw(s, 0, POOL - 1); i < x->rows; i++)
        x->row_recipient[i] = (first + i) % POOL;
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
        d->rc = store_cancel(store, d->revision, &by, d->keep, &n[0], &n[1], &n[2], &e);
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
        d->rc = store_audit(store, d->at, "bo", d->lift ? "unhalt" : "halt", NULL, NULL, NULL, &e);
        break;
    }
    if (d->rc == ERR_STORE)
        sim_ok(d->sim, d->rc, &e);
    if (d->kind <= CANCEL && !d->rc)
        d->sim->specs[d->spec].held = d->kind != RESUME;
}

static void decide(struct sim *s, struct decision d);

static void on_approve(struct sim *s, struct event *v)
{
    if (s->run)
        decide(s, (struct decision){.kind = APPROVE, .revision = v->a});
    else
        sim_after(s, MS_PER_HOUR, false, on_approve, v->a, 0);
}

static void decision_done(struct store_job *job)
{
    struct decision *d = (struct decision *)job;
    struct sim *s = d->sim;
    struct engine *engine = s->run->engine;

    switch (d->kind) {
    case SUBMIT:
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
            s->halted = false;
            engine_unhalt(engine, sim_now(s));
        }
        break;
    case OUTCOME:
        break;
    }
    free(d);
}

static void decide(struct sim *s, struct decision d)
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

static void submit(struct sim *s, int campaign)
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
        submit(s, (int)v->a);
    else
        sim_after(s, MS_PER_HOUR, false, on_submit, v->a, 0);
}

static void on_unhalt(struct sim *s, struct event *v)
{
    (void)v;
    if (s->run && s->halted)
        decide(s, (struct decision){.kind = NOTE, .lift = true});
    if (s->halted)
        sim_after(s, MS_PER_HOUR, false, on_unhalt, 0, 0);
}

static void halt(struct sim *s)
{
    if (s->halted)
        return;
    s->halted = true;
    engine_halt(s->run->engine);
    decide(s, (struct decision){.kind = NOTE});
    sim_after(s, sim_draw(s, MS_PER_MINUTE, 3 * MS_PER_HOUR), false, on_unhalt, 0, 0);
}

static void on_resume(struct sim *s, struct event *v)
{
    int spec = spec_of(s, v->a);

    if (!s->run)
        sim_after(s, MS_PER_HOUR, false, on_resume, v->a, 0);
    else if (spec >= 0)
        decide(s, (struct decision){.kind = RESUME, .revision = v->a, .spec = spec});
}

static void pause_or_cancel(struct sim *s, int64_t revision, bool cancel)
{
    bool keep = sim_chance(s, 30);
    int spec = spec_of(s, revision);

    hold(s, revision, keep);
    s->specs[spec].held_life = s->life;
    decide(s,
           (struct decision){
               .kind = cancel ? CANCEL : PAUSE, .revision = revision, .spec = spec, .keep = keep});
    if (!cancel)
        sim_after(s, sim_draw(s, MS_PER_MINUTE, 8 * MS_PER_HOUR), false, on_resume, revision, 0);
}

static int64_t some_revision(struct sim *s)
{
    size_t at = 0;
    int64_t found = 0;

    for (const struct running *r; (r = map_each(&s->run->running, &at));)
        if (!found || sim_chance(s, 40))
            found = r->id;
    return found;
}

/* --- faults at steps --- */

static void on_start(struct sim *s, struct event *v)
{
    (void)v;
    if (!s->run)
        service_start(s);
}

static void strike(struct sim *s, enum fault fault, enum step step, int64_t revision)
{
    int spec = spec_of(s, revision);

    s->tally->met[fault][step]++;
    s->tally->faults++;
    sim_hash(s, fault, step);
    switch (fault) {
    case FAULT_CRASH:
        s->crash = true; /* the main loop throws the service away */
        sim_after(s, sim_chance(s, 50) ? sim_draw(s, 500, 5000) : sim_draw(s, 5000, MS_PER_HOUR),
                  false, on_start, 0, 0);
        break;
    case FAULT_FORWARD:
        s->offset += sim_chance(s, 80) ? sim_draw(s, 100, MS_PER_HOUR)
                                       : sim_draw(s, MS_PER_HOUR, MS_PER_DAY);
        break;
    case FAULT_BACK:
        s->offset -= sim_chance(s, 80) ? sim_draw(s, 100, MS_PER_MINUTE)
                                       : sim_draw(s, MS_PER_MINUTE, 3 * MS_PER_HOUR);
        break;
    case FAULT_HALT:
        halt(s);
        break;
    case FAULT_PAUSE:
    case FAULT_CANCEL:
        if (spec >= 0)
            pause_or_cancel(s, revision, fault == FAULT_CANCEL);
        break;
    case FAULT_EDIT:
        if (spec >= 0)
            submit(s, s->specs[spec].campaign);
        break;
    case FAULTS:
        break;
    }
}

void world_step(struct sim *s, enum step step, int64_t revision)
{
    if (!s->armed || s->armed_step != step || s->crash)
        return;
    s->armed = false;
    strike(s, s->armed_fault, step, revision);
}

static bool possible(enum fault fault, enum step step)
{
    /* while it starts nobody can tell it anything */
    return step != STEP_STARTING || fault <= FAULT_BACK;
}

static void on_arm(struct sim *s, struct event *v)
{
    (void)v;
    s->armed_fault = sim_chance(s, 45) ? FAULT_CRASH : (enum fault)sim_draw(s, 0, FAULTS - 1);
    if (s->armed_fault == FAULT_CANCEL && sim_chance(s, 60))
        s->armed_fault = FAULT_PAUSE;
    s->armed_step = (enum step)sim_draw(s, 0, STEPS - 1);
    s->armed = possible(s->armed_fault, s->armed_step);
    if (s->armed && s->armed_step == STEP_IDLE && s->run)
        world_step(s, STEP_IDLE, some_revision(s));
    sim_after(s, sim_draw(s, 5 * MS_PER_MINUTE, 3 * MS_PER_HOUR), false, on_arm, 0, 0);
}

/* --- channels --- */

static struct send *send_by_id(struct sim *s, int64_t number, int64_t id)
{
    struct send *x = map_get(&s->run->by_number, number);

    return x && x->id == (uint64_t)id ? x : NULL;
}

static void arrive(struct sim *s, const struct arrival *a)
{
    s->arrivals =
        xgrow(s->arrivals, &s->arrival_capacity, s->arrival_count + 1, sizeof *s->arrivals);
    s->arrivals[s->arrival_count++] = *a;
    s->tally->arrivals++;
    sim_hash(s, a->delivery, a->at);
    judge_arrival(s);
}

static const struct engine_answer *answer_for(struct sim *s, enum wire w)
{
    static struct engine_answer a;
    static const enum reason never[] = {REASON_BAD_RECIPIENT, REASON_CHANNEL_REFUSED};

    a = (struct engine_answer){.kind = ANSWER_DONE};
    switch (w) {
    case WIRE_NOT_SENT:
        a.kind = ANSWER_NOT_SENT;
        break;
    case WIRE_NOT_NOW:
        a.kind = ANSWER_NOT_NOW;
        a.not_before = sim_now(s) + sim_draw(s, 1000, MS_PER_HOUR);
        break;
    case WIRE_RATE:
        a.kind = ANSWER_NOT_NOW;
        a.stop_channel = true;
        a.not_before =
            sim_chance(s, 10) ? INSTANT_NEVER : sim_now(s) + sim_draw(s, 1000, MS_PER_HOUR);
        break;
    case WIRE_NEVER:
        a.kind = ANSWER_NEVER;
        a.reason = never[sim_draw(s, 0, 1)];
        break;
    case WIRE_NEVER_STOP:
        a.kind = ANSWER_NEVER;
        a.reason = REASON_REJECTED_CONTENT;
        a.stop_campaign = true;
        break;
    case WIRE_BAD_ANSWER:
        a.kind = ANSWER_UNKNOWN;
        a.reason = REASON_BAD_ANSWER;
        break;
    case WIRE_LOST:
    case WIRE_STALLED:
    case WIRE_LATE:
        a.kind = ANSWER_UNKNOWN;
        a.reason = REASON_NO_ANSWER;
        break;
    case WIRE_DONE:
    case WIRES:
        break;
    }
    return &a;
}

static void on_too_late(struct sim *s, struct event *v)
{
    static const struct engine_answer done = {.kind = ANSWER_DONE};

    if (engine_answer(s->run->engine, sim_now(s), v->a, &done) && !send_by_id(s, v->a, v->b))
        sim_bad(s, "the engine took a late answer for send %lld", (long long)v->a);
}

static void on_answer(struct sim *s, struct event *v)
{
    struct send *x = send_by_id(s, v->a, v->b);
    enum wire w;
    int64_t revision;

    if (!x || !x->called) {
        sim_bad(s, "send %lld is gone before its answer", (long long)v->a);
        return;
    }
    w = x->wire;
    revision = x->revision;
    service_answer(s, x, answer_for(s, w));
    world_step(s, STEP_ANSWERED, revision);
}

static void on_arrive(struct sim *s, struct event *v)
{
    struct arrival *a = (struct arrival *)(intptr_t)v->a;

    a->at = sim_now(s);
    arrive(s, a);
    free(a);
}

/* The guard before the first byte has said yes: what was written arrives, whatever becomes of us.
 */
static void write_out(struct sim *s, const struct send *x)
{
    duration_t delay = sim_draw(s, 1, 40);

    for (size_t i = 0; i < x->count; i++) {
        struct arrival *a = xmalloc(sizeof *a);
        *a = (struct arrival){.claimed_at = x->claimed_at,
                              .spec = x->spec,
                              .channel = s->specs[x->spec].channel,
                              .sender = x->sender,
                              .recipient = x->items[i].recipient,
                              .delivery = x->items[i].delivery};
        sim_after(s, delay, false, on_arrive, (int64_t)(intptr_t)a, 0);
    }
}

static bool acts(struct sim *s, enum wire w)
{
    return w == WIRE_DONE || w == WIRE_LOST || w == WIRE_LATE ||
           (w == WIRE_BAD_ANSWER && sim_chance(s, 50));
}

static void on_connected(struct sim *s, struct event *v)
{
    struct send *x = send_by_id(s, v->a, v->b);
    bool silent;

    if (!x) {
        sim_bad(s, "send %lld is gone while it is called", (long long)v->a);
        return;
    }
    if (!engine_may_send(s->run->engine, sim_now(s), x->number)) {
        service_answer(s, x, &(struct engine_answer){.kind = ANSWER_HELD});
        return;
    }
    if (x->wire == WIRE_NOT_SENT) {
        int64_t revision = x->revision;
        service_answer(s, x, answer_for(s, WIRE_NOT_SENT));
        world_step(s, STEP_ANSWERED, revision);
        return;
    }
    judge_guard(s, x);
    if (acts(s, x->wire))
        write_out(s, x);
    silent = x->wire == WIRE_LOST || x->wire == WIRE_STALLED || x->wire == WIRE_LATE;
    sim_after(s, silent ? PATIENCE_MS : sim_draw(s, 50, 4000), true, on_answer, v->a, v->b);
    if (x->wire == WIRE_LATE)
        sim_after(s, PATIENCE_MS + sim_draw(s, 1, 600000), true, on_too_late, v->a, v->b);
    world_step(s, STEP_WIRE, x->revision);
}

static void on_ask(struct sim *s, struct event *v)
{
    struct send *x = send_by_id(s, v->a, v->b);
    int64_t revision = x ? x->revision : 0;

    if (!x)
        return;
    service_answer(s, x, &(struct engine_answer){.kind = ANSWER_ASKED});
    world_step(s, STEP_ANSWERED, revision);
}

void world_call(struct sim *s, struct send *x)
{
    int roll = (int)sim_draw(s, 0, 99);

    x->called = true;
    if (s->specs[x->spec].channel == BY_HAND) {
        sim_after(s, 1, true, on_ask, x->number, (int64_t)x->id);
    } else {
        x->wire = roll < 70 ? WIRE_DONE : (enum wire)sim_draw(s, WIRE_NOT_SENT, WIRES - 1);
        if (x->wire == WIRE_NEVER_STOP && sim_chance(s, 50))
            x->wire = WIRE_NOT_SENT;
        s->tally->wires[x->wire]++;
        s->tally->faults += x->wire != WIRE_DONE;
        sim_after(s, sim_draw(s, 2, 300), true, on_connected, x->number, (int64_t)x->id);
    }
    world_step(s, STEP_CALLED, x->revision);
}

/* --- people who send by hand --- */

static struct send *open_question(struct sim *s, const struct question *q)
{
    struct send *x = s->run ? map_get(&s->run->by_number, q->number) : NULL;

    return x && x->durable && x->asked_at == q->asked_at ? x : NULL;
}

static void person_again(struct sim *s, struct event *v, duration_t least, duration_t most)
{
    sim_after(s, sim_draw(s, least, most), false, v->fire, v->a, 0);
}

static void on_say(struct sim *s, struct event *v)
{
    static const enum reason reasons[DELIVERY_STATES] = {
        [DELIVERY_FAILED] = REASON_NOT_SENT, [DELIVERY_SKIPPED] = REASON_BY_PERSON};
    const struct question *q = &s->questions[v->a];
    struct send *x = open_question(s, q);

    if (!s->run)
        person_again(s, v, MS_PER_MINUTE, 5 * MS_PER_MINUTE);
    if (!x || x->shown_at == INSTANT_MIN)
        return;
    int64_t revision = x->revision;
    for (size_t i = 0; i < q->count; i++) {
        const struct item *said = &q->items[i];
        for (size_t k = 0; k < x->count; k++) {
            if (x->items[k].delivery != said->delivery || x->items[k].state != DELIVERY_PROMPTED)
                continue;
            x->items[k].state = said->state;
            x->items[k].by = sender_names[q->sender];
            engine_settle(s->run->engine, sim_now(s), said->delivery, said->state,
                          reasons[said->state]);
        }
    }
    person_again(s, v, MS_PER_MINUTE, 2 * MS_PER_MINUTE); /* should it not have been kept */
    world_step(s, STEP_SAID, revision);
}

static void on_do(struct sim *s, struct event *v)
{
    struct question *q = &s->questions[v->a];
    struct send *x = open_question(s, q);

    if (q->did)
        return;
    if (s->run && !x)
        return; /* it is not on the screen any more */
    if (!s->run || engine_hidden(s->run->engine, sim_now(s), x->number) != REASON_NONE) {
        person_again(s, v, MS_PER_MINUTE, MS_PER_HOUR);
        return;
    }
    q->did = true;
    for (size_t i = 0; i < q->count; i++) {
        struct item *it = &q->items[i];
        enum hand h = i ? (enum hand)sim_draw(s, 0, HAND_SKIP) : q->plan;
        it->state = h == HAND_NOT_SENT ? DELIVERY_FAILED
                    : h == HAND_SKIP   ? DELIVERY_SKIPPED
                                       : DELIVERY_SENT;
        if (it->state == DELIVERY_SENT)
            arrive(s, &(struct arrival){.at = sim_now(s),
                                        .claimed_at = q->claimed_at,
                                        .spec = q->spec,
                                        .channel = BY_HAND,
                                        .sender = q->sender,
                                        .recipient = it->recipient,
                                        .delivery = it->delivery,
                                        .by_hand = true});
    }
    if (q->plan != HAND_SILENT)
        sim_after(s, sim_draw(s, 1000, 10 * MS_PER_MINUTE), false, on_say, v->a, 0);
    world_step(s, STEP_BY_HAND, x->revision);
}

struct seen { /* the agent shows a question when the service has kept that it does */
    struct store_job job;
    struct sim *sim;
    int64_t question;
    struct store_prompt prompt;
    char nonce[33];
};

static void seen_run(struct store *store, struct store_job *job)
{
    struct seen *u = (struct seen *)job;
    struct err e;

    sim_ok(u->sim, store_prompt_update(store, &u->prompt, &e), &e);
}

static void seen_done(struct store_job *job)
{
    struct seen *u = (struct seen *)job;
    struct sim *s = u->sim;
    struct question *q = &s->questions[u->question];

    if (!q->seen)
        sim_after(s, sim_draw(s, 3000, 20 * MS_PER_MINUTE), false, on_do, u->question, 0);
    q->seen = true;
    world_step(s, STEP_SHOWN, s->specs[q->spec].revision);
    free(u);
}

static void on_look(struct sim *s, struct event *v)
{
    struct question *q = &s->questions[v->a];
    struct send *x = open_question(s, q);
    struct seen *u;

    if (!x || q->seen)
        return;
    if (engine_hidden(s->run->engine, sim_now(s), x->number) != REASON_NONE) {
        person_again(s, v, 10 * MS_PER_MINUTE, MS_PER_HOUR);
        return;
    }
    x->shown_at = sim_now(s);
    engine_shown(s->run->engine, x->number);
    u = xmalloc(sizeof *u);
    *u = (struct seen){.job = {seen_run, seen_done, NULL}, .sim = s, .question = v->a};
    memcpy(u->nonce, x->nonce, sizeof u->nonce);
    u->prompt = (struct store_prompt){.id = x->number,
                                      .revision = x->revision,
                                      .nonce = u->nonce,
                                      .asked_at = x->asked_at,
                                      .shown_at = x->shown_at,
                                      .snoozed_until = INSTANT_MIN};
    service_defer(s, &u->job);
}

void world_asked(struct sim *s, const struct send *x)
{
    struct question *q;

    for (size_t i = s->question_count; i-- > 0;) {
        q = &s->questions[i];
        if (q->number != x->number || q->asked_at != x->asked_at)
            continue;
        if (!q->seen && q->plan != HAND_AWAY) /* open again after a crash */
            sim_after(s, sim_draw(s, 1000, MS_PER_HOUR), true, on_look, (int64_t)i, 0);
        return;
    }
    s->questions =
        xgrow(s->questions, &s->question_capacity, s->question_count + 1, sizeof *s->questions);
    q = &s->questions[s->question_count++];
    *q = (struct question){.number = x->number,
                           .asked_at = x->asked_at,
                           .claimed_at = x->claimed_at,
                           .spec = x->spec,
                           .sender = x->sender,
                           .plan = sim_chance(s, 65) ? HAND_SENT
                                                     : (enum hand)sim_draw(s, 0, HANDS - 1)};
    for (; q->count < x->count && q->count < 8; q->count++)
        q->items[q->count] = x->items[q->count];
    s->tally->hands[q->plan]++;
    s->tally->faults += q->plan != HAND_SENT;
    if (q->plan != HAND_AWAY)
        sim_after(s, sim_draw(s, 1000, 3 * MS_PER_HOUR), true, on_look,
                  (int64_t)s->question_count - 1, 0);
}

/* --- operators --- */

struct row {
    int64_t delivery, revision, lane;
    enum reason reason;
};
struct rows {
    struct row rows[16];
    size_t count;
};

static int keep_row(void *ctx, const struct store_delivery *d)
{
    struct rows *x = ctx;

    if (x->count < 16)
        x->rows[x->count++] = (struct row){d->id, d->revision, d->lane, d->reason};
    return 0;
}

static bool arrived(const struct sim *s, int64_t delivery)
{
    for (size_t i = 0; i < s->arrival_count; i++)
        if (s->arrivals[i].delivery == delivery)
            return true;
    return false;
}

/* They look into the chat, and say what they see there. */
static void resolve(struct sim *s)
{
    struct rows x = {.count = 0};
    struct err e;

    sim_ok(s, store_unknowns(s->run->store, 16, keep_row, &x, &e), &e);
    for (size_t i = 0; i < x.count; i++)
        if (sim_chance(s, 40))
            decide(s, (struct decision){.kind = OUTCOME,
                                        .delivery = x.rows[i].delivery,
                                        .sent = arrived(s, x.rows[i].delivery)});
}

static void resend(struct sim *s)
{
    struct rows x = {.count = 0};
    struct err e;
    int64_t revision = some_revision(s), last;
    bool more;

    if (!revision)
        return;
    sim_ok(s,
           store_deliveries(s->run->store, revision, DELIVERY_FAILED, 0, 16, keep_row, &x, &last,
                            &more, &e),
           &e);
    for (size_t i = 0; i < x.count; i++)
        if (x.rows[i].reason == REASON_NOT_SENT && sim_chance(s, 30))
            decide(s, (struct decision){.kind = RESEND,
                                        .delivery = x.rows[i].delivery,
                                        .revision = x.rows[i].revision,
                                        .lane = x.rows[i].lane});
}

static void suppress(struct sim *s)
{
    struct decision d = {.kind = SUPPRESS};

    snprintf(d.recipient, sizeof d.recipient, "w%lld", (long long)sim_draw(s, 0, POOL - 1));
    decide(s, d);
}

static int keep_paused(void *ctx, const struct store_revision *r)
{
    struct rows *x = ctx;

    if (r->status == REVISION_PAUSED && x->count < 16)
        x->rows[x->count++].revision = r->id;
    return 0;
}

/* Somebody looks after what stands still. */
static void look_after(struct sim *s)
{
    struct rows x = {.count = 0};
    struct err e;

    sim_ok(s, store_campaigns(s->run->store, keep_paused, &x, &e), &e);
    for (size_t i = 0; i < x.count; i++)
        if (sim_chance(s, 50))
            decide(s, (struct decision){.kind = RESUME,
                                        .revision = x.rows[i].revision,
                                        .spec = spec_of(s, x.rows[i].revision)});
}

static void on_operator(struct sim *s, struct event *v)
{
    int64_t revision = s->run ? some_revision(s) : 0;

    (void)v;
    sim_after(s, sim_draw(s, MS_PER_HOUR, 8 * MS_PER_HOUR), false, on_operator, 0, 0);
    if (!s->run)
        return;
    switch (sim_draw(s, 0, 9)) {
    case 0:
    case 1:
        if (revision)
            pause_or_cancel(s, revision, false);
        break;
    case 2:
        suppress(s);
        break;
    case 3:
        submit(s, (int)sim_draw(s, 0, CAMPAIGNS - 1));
        break;
    case 4:
    case 5:
        resend(s);
        break;
    case 6:
    case 7:
        look_after(s);
        break;
    default:
        resolve(s);
    }
}

void world_begin(struct sim *s)
{
    struct err e;
    int64_t lane, channel, sender;

    for (int c = 0; c < CHANNELS; c++)
        for (int i = 0; i < SENDERS; i++)
            sim_ok(s,
                   store_lane(s->run->store, channel_names[c], sender_names[i], &lane, &channel,
                              &sender, &e),
                   &e);
    for (int i = 0; i < CAMPAIGNS; i++)
        sim_after(s, sim_draw(s, 1, 12 * MS_PER_HOUR), false, on_submit, i, 0);
    sim_after(s, 1, false, on_arm, 0, 0);
    sim_after(s, MS_PER_HOUR, false, on_operator, 0, 0);
}
