/* What people are asked to send by hand: shown, snoozed, reminded, answered.
 *
 * A prompt is a send whose channel has asked (CHANNEL_ASKED). It is seen by people once it is on
 * disk, and while nothing hides it (a halt, a pause, a closed time). Its nonce binds an answer to
 * this very question. An answer that comes faster than a hand can send is not taken: the question
 * is asked again under a new nonce, and since a person has one question at a time, their lane waits
 * for it. */
#include "loop/internal.h"

#include "base/lang.h"
#include "base/log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    FASTEST_MS = 2000,   /* from the screen to "sent": open the chat, paste, send */
    REACHABLE_MS = 60000 /* since an agent asked last */
};

struct reach { /* where a sender was seen last */
    struct reach *next;
    char *sender, *agent;
    uint64_t until_ms; /* uv_now */
};

static void nonce_new(struct prompt *p)
{
    unsigned char bytes[16];

    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        abort(); /* cannot be: the kernel's generator is up long before us */
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(p->nonce + 2 * i, 3, "%02x", bytes[i]);
}

void prompt_new(struct run *s, struct send *x)
{
    x->prompt = arena_alloc(x->arena, sizeof *x->prompt);
    *x->prompt = (struct prompt){
        .asked_at = run_now(s), .shown_at = INSTANT_MIN, .snoozed_until = INSTANT_MIN};
    nonce_new(x->prompt);
}

void prompt_restore(struct send *x, const struct store_prompt *p)
{
    x->prompt = arena_alloc(x->arena, sizeof *x->prompt);
    *x->prompt = (struct prompt){.asked_at = p->asked_at,
                                 .shown_at = p->shown_at,
                                 .snoozed_until = p->snoozed_until,
                                 .reminded = p->reminded,
                                 .doubted = p->doubted,
                                 .durable = true};
    snprintf(x->prompt->nonce, sizeof x->prompt->nonce, "%s", p->nonce);
}

void prompts_changed(struct run *s)
{
    s->prompts_version++;
}

/* --- looking --- */

static uint32_t reminders_due(const struct run *s, const struct prompt *p,
                              const struct conf_confirm *c)
{
    instant_t now = s->clock.now;
    uint32_t n = 0;

    while (n < c->remind_count && instant_add(p->asked_at, c->remind[n]) <= now)
        n++;
    return n;
}

static void view_of(struct run *s, const struct send *x, struct arena *a, struct api_prompt *out)
{
    const struct running *r = map_get(&s->running, x->revision);
    const struct conf_confirm *c = &r->campaign->confirm;
    const struct prompt *p = x->prompt;
    struct api_prompt_item *items = arena_array(a, x->count, sizeof *items);

    for (size_t i = 0; i < x->count; i++)
        items[i] = (struct api_prompt_item){x->items[i].delivery, x->items[i].recipient,
                                            x->items[i].state};
    *out = (struct api_prompt){
        .number = x->number,
        .nonce = p->nonce,
        .campaign = r->name,
        .title = r->title,
        .channel = r->channel->conf->name,
        .sender = x->sender,
        .text = x->call.text,
        .format = x->call.format,
        .attachments = r->attachments,
        .attachment_count = r->attachment_count,
        .items = items,
        .item_count = x->count,
        .asked_at = p->asked_at,
        .shown_at = p->shown_at,
        .snoozed_until = p->snoozed_until,
        .late_at = c->late_leaves ? INSTANT_MIN : instant_add(p->asked_at, c->within),
        .late_cancels = !c->late_leaves,
        .reminders_used = reminders_due(s, p, c) + p->reminded,
        .reminders = (uint32_t)c->remind_count + p->reminded,
        .doubted = p->doubted,
        .test = r->channel->settings->standin,
        .hidden = engine_hidden(s->engine, s->clock.now, x->number),
        .zone = r->campaign->schedule.zone,
    };
}

static bool is_asked(const struct send *x)
{
    return x->prompt && x->prompt->durable;
}

static int by_number(const void *a, const void *b)
{
    const struct send *const *x = a, *const *y = b;

    return ((*x)->number > (*y)->number) - ((*x)->number < (*y)->number);
}

static void host_prompts(void *ctx, void (*each)(void *arg, const struct api_prompt *p), void *arg)
{
    struct run *s = ctx;
    const struct send **found = xmalloc((s->sends.count + 1) * sizeof *found);
    size_t count = 0, at = 0;
    struct arena *a = arena_new();

    run_now(s);
    for (const struct send *x; (x = map_each(&s->sends, &at));) {
        if (is_asked(x))
            found[count++] = x;
    }
    qsort(found, count, sizeof *found, by_number);
    for (size_t i = 0; i < count; i++) {
        struct api_prompt p;
        view_of(s, found[i], a, &p);
        each(arg, &p);
    }
    arena_free(a);
    free(found);
}

static uint64_t host_version(void *ctx)
{
    return ((struct run *)ctx)->prompts_version;
}

/* What time alone changes: reminders that are due, snoozes that end, hours that open and close. */
static void look(void *arg, const struct api_prompt *p)
{
    struct run *s = arg;
    uint64_t facts = (uint64_t)p->number * 31 + (uint64_t)p->hidden;

    facts = facts * 31 + p->reminders_used;
    facts = facts * 31 + (p->snoozed_until > s->clock.now);
    s->prompts_seen = s->prompts_seen * 1099511628211u + facts;
}

void prompts_tick(struct run *s)
{
    uint64_t before = s->prompts_seen;

    s->prompts_seen = 0;
    host_prompts(s, look, s);
    if (s->prompts_seen != before)
        prompts_changed(s);
    if (s->api)
        api_tick(s->api);
}

/* --- changes that are no answer --- */

struct update {
    struct store_job job;
    struct run *run;
    struct store_prompt prompt;
    char nonce[33];
    const char *event; /* for the audit log, or NULL */
    char *by, *campaign;
    instant_t at;
    struct err err;
    int rc;
};

static void update_run(struct store *store, struct store_job *job)
{
    struct update *u = (struct update *)job;
    char detail[64];

    u->rc = store_prompt_update(store, &u->prompt, &u->err);
    snprintf(detail, sizeof detail, "{\"prompt\":%lld}", (long long)u->prompt.id);
    if (!u->rc && u->event)
        u->rc = store_audit(store, u->at, u->by, u->event, u->campaign, NULL, detail, &u->err);
}

static void update_done(struct store_job *job)
{
    struct update *u = (struct update *)job;

    if (u->rc) {
        run_store_failed(u->run, &u->err);
        if (driver_again(u->run, &u->job))
            return;
    }
    free(u->by);
    free(u->campaign);
    free(u);
}

void prompt_keep(struct run *s, const struct store_prompt *p, const char *campaign,
                 const char *event, const char *by)
{
    struct update *u = xmalloc(sizeof *u);

    *u = (struct update){
        .job = {update_run, update_done, NULL}, .run = s, .event = event, .prompt = *p};
    snprintf(u->nonce, sizeof u->nonce, "%s", p->nonce);
    u->prompt.nonce = u->nonce;
    u->by = by ? xstrdup(by) : NULL;
    u->campaign = xstrdup(campaign);
    u->at = run_now(s);
    driver_defer(s, &u->job);
}

static void keep(struct run *s, const struct send *x, const char *event, const char *by)
{
    const struct running *r = map_get(&s->running, x->revision);
    const struct prompt *p = x->prompt;
    const struct store_prompt kept = {.id = x->number,
                                      .revision = x->revision,
                                      .nonce = p->nonce,
                                      .asked_at = p->asked_at,
                                      .shown_at = p->shown_at,
                                      .snoozed_until = p->snoozed_until,
                                      .reminded = p->reminded,
                                      .doubted = p->doubted};

    prompt_keep(s, &kept, r->name, event, by);
    prompts_changed(s);
}

/* The open prompt with this nonce; `nonce` NULL: any. */
static struct send *find(struct run *s, int64_t number, const char *nonce, int *rc, struct err *e)
{
    struct send *x = map_get(&s->by_number, number);

    if (s->store_broken) { /* what a person says must be on disk before they hear that it is */
        *rc = err_set(e, ERR_STORE, "%s", health_problem(s));
        return NULL;
    }

    *rc = 0;
    if (!x || !is_asked(x))
        *rc =
            err_set(e, ERR_NOTFOUND, tr("nobody is asked about %lld any more"), (long long)number);
    else if (nonce && strcmp(nonce, x->prompt->nonce) != 0)
        *rc = err_set(e, ERR_REFUSED, tr("question %lld has been asked anew: look at it again"),
                      (long long)number);
    return *rc ? NULL : x;
}

static int host_shown(void *ctx, int64_t number, const char *nonce, struct err *e)
{
    struct run *s = ctx;
    int rc;
    struct send *x = find(s, number, nonce, &rc, e);

    if (!x || x->prompt->shown_at != INSTANT_MIN)
        return rc;
    x->prompt->shown_at = run_now(s);
    engine_shown(s->engine, number);
    keep(s, x, NULL, NULL);
    return 0;
}

static int host_snooze(void *ctx, int64_t number, const char *nonce, duration_t d, struct err *e)
{
    struct run *s = ctx;
    int rc;
    struct send *x = find(s, number, nonce, &rc, e);

    if (!x)
        return rc;
    x->prompt->snoozed_until = instant_add(run_now(s), d);
    keep(s, x, NULL, NULL);
    return 0;
}

static int host_remind(void *ctx, int64_t number, const char *by, struct err *e)
{
    struct run *s = ctx;
    int rc;
    struct send *x = find(s, number, NULL, &rc, e);

    if (!x)
        return rc;
    x->prompt->reminded++;
    x->prompt->snoozed_until = INSTANT_MIN;
    keep(s, x, "remind", by);
    return 0;
}

/* --- answers --- */

static struct send_item *item_of(const struct send *x, int64_t delivery)
{
    for (size_t i = 0; i < x->count; i++) {
        if (x->items[i].delivery == delivery)
            return &x->items[i];
    }
    return NULL;
}

static int may_answer(struct send *x, const struct api_prompt_answer *answers, size_t count,
                      struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        const struct send_item *item = item_of(x, answers[i].delivery);
        if (!item)
            return err_set(e, ERR_REFUSED, tr("delivery %lld is not part of question %lld"),
                           (long long)answers[i].delivery, (long long)x->number);
        if (item->state != DELIVERY_PROMPTED && item->state != answers[i].state)
            return err_set(e, ERR_REFUSED, tr("delivery %lld is %s already"),
                           (long long)answers[i].delivery, delivery_state_name(item->state));
    }
    return 0;
}

static bool too_fast(struct run *s, const struct send *x, const struct api_prompt_answer *answers,
                     size_t count)
{
    bool any_sent = false;

    for (size_t i = 0; i < count; i++)
        any_sent |= answers[i].state == DELIVERY_SENT;
    return any_sent && run_now(s) - x->prompt->shown_at < FASTEST_MS;
}

static int doubt(struct run *s, struct send *x, const char *by, struct err *e)
{
    struct prompt *p = x->prompt;
    instant_t took = run_now(s) - p->shown_at;

    log_line(LOG_WARNING, "prompt", "answered too fast prompt=%lld by=%s", (long long)x->number,
             by);
    p->doubted = true;
    p->shown_at = p->snoozed_until = INSTANT_MIN; /* the engine still knows that it was seen */
    nonce_new(p);
    keep(s, x, "too_fast", by);
    return err_set(e, ERR_REFUSED,
                   tr("answered %lld.%lld s after it was shown, faster than a hand can send: it is "
                      "asked again"),
                   (long long)took / 1000, (long long)took % 1000 / 100);
}

static int host_answer(void *ctx, int64_t number, const char *nonce, const char *by,
                       const struct api_prompt_answer *answers, size_t count, struct err *e)
{
    static const enum reason reasons[DELIVERY_STATES] = {
        [DELIVERY_FAILED] = REASON_NOT_SENT, [DELIVERY_SKIPPED] = REASON_BY_PERSON};
    struct run *s = ctx;
    int rc;
    struct send *x = find(s, number, nonce, &rc, e);

    if (!rc)
        rc = may_answer(x, answers, count, e);
    if (!rc && x->prompt->shown_at == INSTANT_MIN)
        rc = err_set(e, ERR_REFUSED, tr("question %lld has not been shown yet"), (long long)number);
    if (!rc && too_fast(s, x, answers, count))
        rc = doubt(s, x, by, e);
    for (size_t i = 0; !rc && i < count; i++) {
        struct send_item *item = item_of(x, answers[i].delivery);
        if (item->state != DELIVERY_PROMPTED)
            continue; /* said before: the same */
        item->state = answers[i].state;
        item->by = arena_strdup(x->arena, by);
        engine_settle(s->engine, run_now(s), item->delivery, item->state, reasons[item->state]);
    }
    return rc;
}

/* A question under doubt has been on a screen: the message may be out. */
static bool is_seen(const struct prompt *p)
{
    return p->shown_at != INSTANT_MIN || p->doubted;
}

static size_t spare(struct run *s, struct send *x, const char *recipient, const char *by)
{
    size_t spared = 0;

    for (size_t i = 0; i < x->count; i++) {
        struct send_item *item = &x->items[i];
        if (item->state != DELIVERY_PROMPTED || strcmp(item->recipient, recipient) != 0)
            continue;
        item->state = DELIVERY_SKIPPED;
        item->by = arena_strdup(x->arena, by);
        engine_settle(s->engine, run_now(s), item->delivery, item->state, REASON_SUPPRESSED);
        spared++;
    }
    return spared;
}

static size_t host_spare(void *ctx, const char *recipient, const char *sender, const char *by)
{
    struct run *s = ctx;
    size_t at = 0, spared = 0;

    for (struct send *x; (x = map_each(&s->sends, &at));) {
        if (is_asked(x) && !is_seen(x->prompt) && (!sender || strcmp(x->sender, sender) == 0))
            spared += spare(s, x, recipient, by);
    }
    return spared;
}

static void host_after(void *ctx, struct store_job *job)
{
    driver_defer(ctx, job);
}

/* --- who can be asked --- */

static struct reach *reach_of(const struct run *s, const char *sender)
{
    struct reach *r = s->reach;

    while (r && strcmp(r->sender, sender) != 0)
        r = r->next;
    return r;
}

static void host_reached(void *ctx, const char *sender, const char *agent)
{
    struct run *s = ctx;
    struct reach *r = reach_of(s, sender);

    if (!r) {
        r = xmalloc(sizeof *r);
        *r = (struct reach){.next = s->reach, .sender = xstrdup(sender)};
        s->reach = r;
    }
    free(r->agent);
    r->agent = xstrdup(agent);
    r->until_ms = uv_now(&s->loop) + REACHABLE_MS;
}

static const char *host_reachable(void *ctx, const char *sender)
{
    struct run *s = ctx;
    const struct reach *r = reach_of(s, sender);

    return r && uv_now(&s->loop) < r->until_ms ? r->agent : NULL;
}

void prompts_free(struct run *s)
{
    while (s->reach) {
        struct reach *r = s->reach;
        s->reach = r->next;
        free(r->sender);
        free(r->agent);
        free(r);
    }
}

void prompts_host(struct api_host *h)
{
    h->prompts = host_prompts;
    h->prompts_version = host_version;
    h->prompt_shown = host_shown;
    h->prompt_snooze = host_snooze;
    h->prompt_answer = host_answer;
    h->prompt_remind = host_remind;
    h->prompts_spare = host_spare;
    h->after = host_after;
    h->reached = host_reached;
    h->reachable = host_reachable;
}
