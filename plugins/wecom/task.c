/* What became of a task: asked for at growing distances until the host has forgotten it.
 *
 *     ask: has the member sent? -> each customer's result, page by page -> wait
 *     withdraw: cancel -> ask once more -> the end
 *
 * The distance grows with the task's age: a fifth of it, between the account's `poll` and an hour.
 * After fifteen days nobody knows any more. */
#include "wecom.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MINUTE_MS = 60 * 1000,
    HOUR_MS = 60 * MINUTE_MS,
    DAY_MS = 24 * HOUR_MS,
    RETRY_MS = 10 * 1000,
    UNSEEN_POLLS = 60, /* since the member sent: so long a customer may be in no result */
    ROUNDS_MAX = 10,   /* of asking once more while the platform is still sending */
    PATIENCE = 5       /* questions about a task that the platform does not know */
};
static const int64_t forgotten_ms = 15 * (int64_t)DAY_MS;

struct task {
    struct task *next;
    struct wecom *w;
    uint64_t send_id;
    char *msgid, *member;
    int64_t asked_ms;
    int64_t sent_ms; /* when the member was first seen to have sent; 0: not */
    struct alarm *alarm;
    bool busy;          /* a call is under way */
    bool telling, gone; /* forgotten while the host was told: freed after that */
    bool withdrawing, canceled;
    unsigned rounds, unknown;
    enum wire_task_state state;
    size_t waiting; /* customers not sent to yet, in this round */
};

static void ask(struct task *t);
static void ask_results(struct task *t, const char *cursor);
static void cancel(struct task *t);

static int64_t now(const struct task *t)
{
    return t->w->host->now_ms(t->w->host);
}

static void task_free(struct task *t)
{
    struct task **at = &t->w->tasks;

    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    if (t->alarm)
        t->alarm->task = NULL;
    account_forget(t->w->account, t);
    free(t->msgid);
    free(t->member);
    free(t);
}

static struct task *find(struct wecom *w, uint64_t send_id)
{
    struct task *t = w->tasks;

    while (t && t->send_id != send_id)
        t = t->next;
    return t;
}

static int64_t poll_ms(const struct task *t)
{
    return t->w->host->account->poll_ms;
}

static int64_t distance(const struct task *t)
{
    int64_t most = poll_ms(t) > HOUR_MS ? poll_ms(t) : HOUR_MS, ms = (now(t) - t->asked_ms) / 5;

    return ms < poll_ms(t) ? poll_ms(t) : ms > most ? most : ms;
}

/* Withdrawing is in a hurry: a few seconds, twice as long each time, to five minutes. */
static int64_t retry_ms(const struct task *t)
{
    int64_t first = poll_ms(t) < RETRY_MS ? poll_ms(t) : RETRY_MS;
    int64_t ms = first << (t->rounds < 6 ? t->rounds : 6);

    return ms < 5 * MINUTE_MS ? ms : 5 * MINUTE_MS;
}

static bool must_cancel(const struct task *t)
{
    return t->withdrawing && !t->canceled;
}

static void on_timer(void *task)
{
    struct task *t = task;

    t->alarm = NULL;
    if (t->busy)
        return; /* its answer goes on */
    if (must_cancel(t))
        cancel(t);
    else
        ask(t);
}

static void later(struct task *t, int64_t ms)
{
    if (t->alarm)
        t->alarm->task = NULL;
    t->alarm = alarm_new(t->w, t, on_timer, ms);
}

static void call(struct task *t, const char *api, char *body, reply_fn *fn)
{
    t->busy = true;
    account_ask(t->w->account, api, body, t, fn);
}

/* The host may forget the task while it is told: false then, and it is freed. */
static bool tell(struct task *t, const struct channel_result *results, size_t count)
{
    const struct channel_host *host = t->w->host;

    t->telling = true;
    host->results(host, t->send_id, results, count, CHANNEL_TASK_OPEN);
    t->telling = false;
    if (t->gone)
        task_free(t);
    else
        return true;
    return false;
}

static void end(struct task *t, enum channel_task_end how)
{
    const struct channel_host *host = t->w->host;

    host->results(host, t->send_id, NULL, 0, how); /* it forgets the task */
}

/* No answer to a question: the next one comes at its time. */
static void ask_later(struct task *t, const struct reply *r)
{
    int64_t ms = t->withdrawing ? retry_ms(t) : distance(t);

    if (r && r->kind == REPLY_BLOCKED && r->not_before_ms - now(t) > ms)
        ms = r->not_before_ms - now(t);
    if (r && r->kind == REPLY_REFUSED && r->answer->class == CODE_NO_TASK &&
        ++t->unknown >= PATIENCE) {
        end(t, CHANNEL_TASK_LOST);
        return;
    }
    if (now(t) - t->asked_ms > forgotten_ms) {
        end(t, CHANNEL_TASK_LOST);
        return;
    }
    t->rounds++;
    later(t, ms);
}

/* A question is over. False: there is nothing to read, or a withdrawal that was wished for
 * meanwhile goes first; all is asked again after it. */
static bool answered(struct task *t, const struct reply *r)
{
    t->busy = false;
    if (must_cancel(t))
        cancel(t);
    else if (r->kind != REPLY_OK)
        ask_later(t, r);
    else
        return true;
    return false;
}

/* --- asking --- */

/* All pages are read. */
static void round_done(struct task *t)
{
    bool sending = t->state != TASK_NOT_SENT && t->waiting > 0;

    if (t->withdrawing && t->canceled && !sending) {
        end(t, CHANNEL_TASK_WITHDRAWN);
    } else if (t->withdrawing && t->canceled && t->rounds >= ROUNDS_MAX) {
        end(t, CHANNEL_TASK_LOST);
    } else if (t->sent_ms && !sending && now(t) - t->sent_ms > UNSEEN_POLLS * poll_ms(t)) {
        end(t, CHANNEL_TASK_LOST); /* the member has sent, and who is open is in no result */
    } else {
        ask_later(t, NULL);
    }
}

static void on_results(void *ctx, const struct reply *r)
{
    struct task *t = ctx;
    struct wecom *w = t->w;
    size_t count, odd, waiting;
    struct channel_result *results;
    const char *cursor;

    if (!answered(t, r))
        return;
    results = wire_read_results(r->answer, w->mode, &count, &odd, &waiting);
    if (odd)
        w->host->log(w->host, CHANNEL_LOG_WARNING,
                     "results of a task hold rows that are not understood: asked again later");
    t->waiting += waiting + odd;
    cursor = wire_text(r->answer->root, "next_cursor");
    bool open = !count || tell(t, results, count);
    free(results);
    if (!open)
        return;
    if (cursor)
        ask_results(t, cursor);
    else
        round_done(t);
}

static void ask_results(struct task *t, const char *cursor)
{
    call(t, "externalcontact/get_groupmsg_send_result",
         wire_results_body(t->msgid, t->member, cursor), on_results);
}

static void on_members(void *ctx, const struct reply *r)
{
    struct task *t = ctx;

    if (!answered(t, r))
        return;
    t->unknown = 0;
    t->state = TASK_UNKNOWN; /* of a member who is not in the list: the results tell */
    wire_read_member(r->answer, t->member, &t->state);
    if (t->state == TASK_SENT && !t->sent_ms)
        t->sent_ms = now(t);
    t->waiting = 0;
    if (t->state == TASK_NOT_SENT && !t->withdrawing)
        ask_later(t, NULL);
    else
        ask_results(t, NULL);
}

static void ask(struct task *t)
{
    call(t, "externalcontact/get_groupmsg_task", wire_members_body(t->msgid, NULL), on_members);
}

/* --- withdrawing --- */

static void on_canceled(void *ctx, const struct reply *r)
{
    struct task *t = ctx;

    t->busy = false;
    if (r->kind == REPLY_OK || (r->kind == REPLY_REFUSED && r->answer->class == CODE_CANCELED)) {
        t->canceled = true;
        t->rounds = 0;
        ask(t);
    } else {
        ask_later(t, r);
    }
}

static void cancel(struct task *t)
{
    call(t, "externalcontact/cancel_groupmsg_send", wire_msgid_body(t->msgid), on_canceled);
}

/* --- the host's wishes --- */

void task_open(struct wecom *w, const struct channel_send *send, const char *msgid,
               int64_t asked_ms)
{
    struct task *t = calloc(1, sizeof(*t));

    if (!t || !(t->msgid = strdup(msgid)) || !(t->member = strdup(send->sender)))
        abort();
    t->w = w;
    t->send_id = send->id;
    t->asked_ms = asked_ms;
    t->next = w->tasks;
    w->tasks = t;
    later(t, distance(t));
}

void task_withdraw(struct wecom *w, uint64_t send_id)
{
    struct task *t = find(w, send_id);

    if (!t || t->withdrawing)
        return;
    t->withdrawing = true;
    t->rounds = 0;
    if (!t->busy) /* else the answer to its question goes on with it */
        cancel(t);
}

const char *task_ref(const struct wecom *w, uint64_t send_id)
{
    const struct task *t = w->tasks;

    while (t && t->send_id != send_id)
        t = t->next;
    return t ? t->msgid : NULL;
}

bool task_known(const struct wecom *w, const char *msgid)
{
    const struct task *t = w->tasks;

    while (t && strcmp(t->msgid, msgid) != 0)
        t = t->next;
    return t != NULL;
}

void task_forget(struct wecom *w, uint64_t send_id)
{
    struct task *t = find(w, send_id);

    if (t && t->telling)
        t->gone = true;
    else if (t)
        task_free(t);
}

void tasks_close(struct wecom *w)
{
    for (struct task *t = w->tasks, *next; t; t = next) {
        next = t->next;
        task_free(t);
    }
}
