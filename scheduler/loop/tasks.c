/* What a platform asks its own members: tasks. They are created by a send (CHANNEL_ASKED), told
 * about by the plugin, who asks the platform, and withdrawn when the engine says so.
 *
 * Results count by the ids that come back: one that is not of the task is an alarm. Who is no
 * friend any more is not written to by this member again. */
#include "loop/internal.h"

#include "base/lang.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REMINDERS_MAX = 3 }; /* the platform's own, of one task in a day */

void task_new(struct run *s, struct send *x)
{
    x->task = arena_alloc(x->arena, sizeof *x->task);
    *x->task = (struct task){.asked_at = run_now(s), .sent_from = run_now(s)};
}

void task_restore(struct run *s, struct send *x, const struct store_prompt *p)
{
    struct chan *c = x->channel;

    x->task = arena_alloc(x->arena, sizeof *x->task);
    *x->task = (struct task){.asked_at = p->asked_at,
                             .sent_from = p->claimed_at,
                             .reminded = p->reminded,
                             .digested = p->reminded,
                             .durable = true};
    x->ref = xstrdup(p->ref);
    c->kind->resume(c->instance, &(struct channel_task){&x->call, x->ref, p->asked_at});
    (void)s;
}

void task_withdraw(struct run *s, int64_t number)
{
    struct send *x = map_get(&s->by_number, number);

    if (!x || !x->task)
        return;
    x->task->withdrawing = true;
    log_line(LOG_INFO, "task", "withdrawing task=%lld ref=%s", (long long)number, x->ref);
    x->channel->kind->withdraw(x->channel->instance, x->id);
}

void tasks_move(struct run *s, const struct chan *from, struct chan *to)
{
    size_t at = 0;

    for (struct send *x; (x = map_each(&s->sends, &at));) {
        if (!x->task || x->channel != from)
            continue;
        from->kind->forget(from->instance, x->id);
        x->channel = to;
        to->kind->resume(to->instance, &(struct channel_task){&x->call, x->ref, x->task->asked_at});
        if (x->task->withdrawing)
            to->kind->withdraw(to->instance, x->id);
    }
}

/* --- results --- */

static int by_recipient(const void *a, const void *b)
{
    const struct send_item *const *x = a, *const *y = b;

    return strcmp((*x)->recipient, (*y)->recipient);
}

static struct send_item *item_of(struct send *x, const char *recipient)
{
    struct send_item wanted = {.recipient = recipient}, *key = &wanted, **found;

    if (!x->task->by_recipient) {
        x->task->by_recipient = arena_array(x->arena, x->count, sizeof(struct send_item *));
        for (size_t i = 0; i < x->count; i++)
            x->task->by_recipient[i] = &x->items[i];
        qsort(x->task->by_recipient, x->count, sizeof(struct send_item *), by_recipient);
    }
    found =
        bsearch(&key, x->task->by_recipient, x->count, sizeof(struct send_item *), by_recipient);
    return found ? *found : NULL;
}

static void alarm_about(struct send *x, const char *recipient)
{
    struct chan *c = x->channel;
    struct strbuf who = STRBUF_INIT;

    text_safe(&who, recipient, false);
    log_line(LOG_ERROR, "task", "task=%lld reached somebody who is not of its audience: %s",
             (long long)x->number, who.text);
    snprintf(c->problem, sizeof c->problem,
             tr("%s: task %lld reached '%s', who is not of its audience: look at it"),
             c->conf->name, (long long)x->number, who.text);
    strbuf_dispose(&who);
}

/* --- who is no friend any more --- */

struct parting {
    struct store_job job;
    struct run *run;
    struct arena *arena;
    const char *recipient, *sender;
    instant_t at;
    struct store_suppressed done;
    struct err err;
    int rc;
};

static void parting_run(struct store *store, struct store_job *job)
{
    struct parting *p = (struct parting *)job;
    struct store_decision d = {.by = "paceline",
                               .at = p->at,
                               .note = TR_TABLE("the platform says: not a friend any more"),
                               .until_back = true};

    p->rc = store_suppress(store, p->recipient, p->sender, &d, &p->done, &p->err);
}

static void parting_done(struct store_job *job)
{
    struct parting *p = (struct parting *)job;
    struct run *s = p->run;

    if (p->rc)
        run_store_failed(s, &p->err);
    if (p->rc && driver_again(s, job))
        return;
    for (size_t i = 0; !p->rc && i < p->done.skipped_count; i++)
        engine_withdraw(s->engine, run_now(s), p->done.skipped[i].revision, p->done.skipped[i].lane,
                        p->done.skipped[i].delivery);
    free(p->done.skipped);
    arena_free(p->arena);
}

static void part(struct run *s, const struct send *x, const char *recipient)
{
    struct arena *a = arena_new();
    struct parting *p = arena_alloc(a, sizeof *p);

    p->job = (struct store_job){parting_run, parting_done, NULL};
    p->run = s;
    p->arena = a;
    p->recipient = arena_strdup(a, recipient);
    p->sender = arena_strdup(a, x->sender);
    p->at = run_now(s);
    driver_defer(s, &p->job);
}

/* --- stop_when --- */

struct stopping {
    struct store_job job;
    struct run *run;
    int64_t revision;
    uint64_t ppm;
    instant_t at;
    char note[160]; /* "": it goes on */
    struct err err;
    int rc;
};

/* The store alone counts: of all results since the revision began, whatever was restarted since. */
static void stop_run(struct store *store, struct store_job *job)
{
    struct stopping *p = (struct stopping *)job;
    const struct store_decision d = {.by = "paceline", .at = p->at, .note = p->note};
    uint64_t known, strangers;

    p->note[0] = '\0';
    p->rc = store_strangers(store, p->revision, &known, &strangers, &p->err);
    if (p->rc || strangers * 1000000 <= known * p->ppm)
        return;
    snprintf(p->note, sizeof p->note,
             tr("stop_when: %llu of %llu results say that they are no friends any more"),
             (unsigned long long)strangers, (unsigned long long)known);
    p->rc = store_pause(store, p->revision, &d, &p->err);
}

static void stop_done(struct store_job *job)
{
    struct stopping *p = (struct stopping *)job;

    if (p->rc == ERR_STORE)
        run_store_failed(p->run, &p->err);
    if (p->rc == ERR_STORE && driver_again(p->run, job))
        return;
    if (!p->rc && p->note[0]) {
        log_line(LOG_WARNING, "campaign", "paused revision=%lld: %s", (long long)p->revision,
                 p->note);
        engine_pause(p->run->engine, run_now(p->run), p->revision, false);
    }
    free(p);
}

/* One more is no friend any more: if those are too many, somebody must look. Who resumes is asked
 * again with the next one only. */
static void guard(struct run *s, const struct running *r)
{
    struct stopping *p;

    if (!r->campaign->stop_not_a_friend_ppm || engine_paused(s->engine, r->id))
        return;
    p = xmalloc(sizeof *p);
    *p = (struct stopping){.job = {stop_run, stop_done, NULL},
                           .run = s,
                           .revision = r->id,
                           .ppm = r->campaign->stop_not_a_friend_ppm,
                           .at = run_now(s)};
    driver_defer(s, &p->job); /* after these results */
}

/* --- what the plugin tells --- */

/* True: one more who is no friend any more. */
static bool result(struct run *s, struct send *x, const struct channel_result *r)
{
    static const struct {
        enum delivery_state state;
        enum reason reason;
    } means[] = {
        [CHANNEL_RESULT_SENT] = {DELIVERY_SENT, REASON_NONE},
        [CHANNEL_RESULT_NOT_A_FRIEND] = {DELIVERY_FAILED, REASON_NOT_A_FRIEND},
        [CHANNEL_RESULT_CAPPED] = {DELIVERY_PENDING, REASON_FREQUENCY_CAP},
        [CHANNEL_RESULT_BAD_RECIPIENT] = {DELIVERY_FAILED, REASON_BAD_RECIPIENT},
    };
    struct send_item *item = item_of(x, r->recipient);
    instant_t now = run_now(s), sent = r->at_ms > now ? now : r->at_ms;

    if (!item) {
        alarm_about(x, r->recipient);
        return false;
    }
    if (item->state != DELIVERY_PROMPTED || (size_t)r->kind >= sizeof means / sizeof *means)
        return false;
    /* before it was asked for: another clock than ours */
    sent = sent < x->task->sent_from ? x->task->sent_from : sent; /* its seconds are cut */
    if (!engine_settle_at(s->engine, now, item->delivery, means[r->kind].state,
                          means[r->kind].reason, sent))
        return false;
    item->state = means[r->kind].state;
    if (r->kind == CHANNEL_RESULT_NOT_A_FRIEND)
        part(s, x, item->recipient);
    return r->kind == CHANNEL_RESULT_NOT_A_FRIEND;
}

void tasks_results(struct run *s, uint64_t send_id, const struct channel_result *results,
                   size_t count, enum channel_task_end end)
{
    struct send *x = map_get(&s->sends, (int64_t)send_id);
    bool strangers = false;

    if (!x || !x->task) {
        log_line(LOG_WARNING, "task", "results of a task that is over send=%llu",
                 (unsigned long long)send_id);
        return;
    }
    for (size_t i = 0; i < count; i++)
        strangers |= result(s, x, &results[i]);
    if (count)
        log_line(LOG_INFO, "task", "results task=%lld count=%zu", (long long)x->number, count);
    if (strangers)
        guard(s, map_get(&s->running, x->revision));
    if (end == CHANNEL_TASK_OPEN)
        return;
    log_line(end == CHANNEL_TASK_LOST ? LOG_WARNING : LOG_INFO, "task", "over task=%lld %s",
             (long long)x->number, end == CHANNEL_TASK_LOST ? "lost" : "withdrawn");
    engine_withdrawn(s->engine, run_now(s), x->number, end == CHANNEL_TASK_LOST);
}

/* --- for people --- */

static int by_number(const void *a, const void *b)
{
    const struct send *const *x = a, *const *y = b;

    return ((*x)->number > (*y)->number) - ((*x)->number < (*y)->number);
}

static void view_of(struct run *s, const struct send *x, struct arena *a, struct api_prompt *out)
{
    const struct running *r = map_get(&s->running, x->revision);
    const struct conf_confirm *c = &r->campaign->confirm;
    struct api_prompt_item *items = arena_array(a, x->count, sizeof *items);

    for (size_t i = 0; i < x->count; i++)
        items[i] = (struct api_prompt_item){x->items[i].delivery, x->items[i].recipient,
                                            x->items[i].state};
    *out = (struct api_prompt){
        .number = x->number,
        .campaign = r->name,
        .title = r->title,
        .channel = r->channel->conf->name,
        .sender = x->sender,
        .ref = x->ref,
        .items = items,
        .item_count = x->count,
        .asked_at = x->task->asked_at,
        .shown_at = INSTANT_MIN,
        .snoozed_until = INSTANT_MIN,
        .late_at = c->late_leaves ? INSTANT_MIN : instant_add(x->task->asked_at, c->within),
        .late_cancels = !c->late_leaves,
        .withdrawing = x->task->withdrawing,
        .reminders_used = x->task->reminded,
        .reminders = REMINDERS_MAX,
        .test = r->channel->settings->standin,
        .zone = r->campaign->schedule.zone,
    };
}

static void host_tasks(void *ctx, void (*each)(void *arg, const struct api_prompt *p), void *arg)
{
    struct run *s = ctx;
    const struct send **found = xmalloc((s->sends.count + 1) * sizeof *found);
    size_t count = 0, at = 0;
    struct arena *a = arena_new();

    for (const struct send *x; (x = map_each(&s->sends, &at));)
        if (x->task && x->task->durable)
            found[count++] = x;
    qsort(found, count, sizeof *found, by_number);
    for (size_t i = 0; i < count; i++) {
        struct api_prompt p;
        view_of(s, found[i], a, &p);
        each(arg, &p);
    }
    arena_free(a);
    free(found);
}

/* --- reminding --- */

static void keep(struct run *s, const struct send *x, const char *event, const char *by)
{
    const struct running *r = map_get(&s->running, x->revision);
    const struct store_prompt kept = {.id = x->number,
                                      .revision = x->revision,
                                      .nonce = "",
                                      .shown_at = INSTANT_MIN,
                                      .snoozed_until = INSTANT_MIN,
                                      .reminded = x->task->reminded};

    prompt_keep(s, &kept, r->name, event, by);
}

struct asked_to_remind { /* the send may be over when the answer comes */
    struct run *run;
    int64_t number;
};

static void on_reminded(void *ctx, const char *problem)
{
    struct asked_to_remind a = *(struct asked_to_remind *)ctx;
    struct send *x = map_get(&a.run->by_number, a.number);

    free(ctx);
    if (!x || !x->task)
        return;
    x->task->remind = problem ? REMIND_FAILED : REMIND_DONE;
    snprintf(x->task->problem, sizeof x->task->problem, "%s", problem ? problem : "");
}

static int host_task_remind(void *ctx, int64_t number, const char *by, struct err *e)
{
    struct run *s = ctx;
    struct send *x = map_get(&s->by_number, number);
    struct asked_to_remind *a;

    if (!x || !x->task)
        return err_set(e, ERR_NOTFOUND, tr("there is no open task %lld"), (long long)number);
    if (x->task->withdrawing)
        return err_set(e, ERR_REFUSED, tr("task %lld is being withdrawn"), (long long)number);
    if (x->task->reminded >= REMINDERS_MAX)
        return err_set(e, ERR_REFUSED,
                       tr("%s has been reminded of task %lld three times: the platform takes no "
                          "more"),
                       x->sender, (long long)number);
    a = xmalloc(sizeof *a);
    *a = (struct asked_to_remind){s, number};
    x->task->remind = REMIND_ASKED;
    x->task->reminded++;
    keep(s, x, "remind", by);
    x->channel->kind->remind(x->channel->instance, x->id, on_reminded, a);
    return 0;
}

static int host_task_reminded(void *ctx, int64_t number, struct err *e)
{
    struct run *s = ctx;
    const struct send *x = map_get(&s->by_number, number);

    if (!x || !x->task)
        return err_set(e, ERR_NOTFOUND, tr("there is no open task %lld"), (long long)number);
    if (x->task->remind == REMIND_FAILED)
        return err_set(e, ERR_REFUSED, "%s", x->task->problem);
    return x->task->remind == REMIND_DONE;
}

/* How many of the campaign's reminders have come. */
static uint32_t reminders_due(const struct run *s, const struct send *x)
{
    const struct running *r = map_get(&s->running, x->revision);
    const struct conf_confirm *c = &r->campaign->confirm;
    uint32_t n = 0;

    while (n < c->remind_count && instant_add(x->task->asked_at, c->remind[n]) <= s->clock.now)
        n++;
    return n;
}

static bool may_be_reminded(const struct run *s, const struct send *x)
{
    return x->task && x->task->durable && !x->task->withdrawing &&
           x->task->reminded < REMINDERS_MAX &&
           engine_hidden(s->engine, s->clock.now, x->number) == REASON_NONE;
}

static void on_notified(void *ctx, const char *problem)
{
    (void)ctx;
    if (problem)
        log_line(LOG_WARNING, "task", "a reminder did not reach its member: %s", problem);
}

static bool same_member(const struct send *a, const struct send *b)
{
    return a->channel->account == b->channel->account && !strcmp(a->sender, b->sender);
}

/* All that waits for this member, in one message. */
static void digest(struct run *s, const struct send *of)
{
    struct strbuf text = STRBUF_INIT;
    size_t at = 0, count = 0;

    for (struct send *x; (x = map_each(&s->sends, &at));) {
        if (!may_be_reminded(s, x) || !same_member(x, of))
            continue;
        const struct running *r = map_get(&s->running, x->revision);
        strbuf_printf(&text, "\n· %s (%zu)", r->title, x->open);
        count++;
        if (reminders_due(s, x) <= x->task->digested)
            continue;
        x->task->digested = reminders_due(s, x);
        x->task->reminded++;
        keep(s, x, NULL, NULL);
    }
    struct strbuf line = STRBUF_INIT;
    strbuf_printf(&line,
                  count == 1 ? tr("%zu mass message waits for you to confirm it:%s")
                             : tr("%zu mass messages wait for you to confirm them:%s"),
                  count, text.text);
    log_line(LOG_INFO, "task", "reminding sender=%s tasks=%zu", of->sender, count);
    of->channel->kind->notify(of->channel->instance, of->sender, line.text, on_notified, NULL);
    strbuf_dispose(&line);
    strbuf_dispose(&text);
}

void tasks_tick(struct run *s)
{
    size_t at = 0;

    if (s->stopping || s->store_broken)
        return;
    run_now(s);
    for (struct send *x; (x = map_each(&s->sends, &at));)
        if (may_be_reminded(s, x) && reminders_due(s, x) > x->task->digested)
            digest(s, x);
}

void tasks_host(struct api_host *h)
{
    h->tasks = host_tasks;
    h->task_remind = host_task_remind;
    h->task_reminded = host_task_reminded;
}
