/* A create whose answer was lost: is the task there?
 *
 *     wait -> the platform's list, page by page: our text, our attachments, not somebody else's
 *          -> of each such task, the member and the customers it is for
 *          -> one is ours: adopted; more: the first is adopted, the others withdrawn; none: again
 *
 * Asked at growing distances until the account's `reconcile: for` is over. That it is in no list
 * proves nothing, so it is then left to a person, never repeated. */
#include "wecom.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EARLIER_MS = 300 * 1000, LATER_MS = 300 * 1000, FOUND_MAX = 16 };

struct found { /* a task that could be ours */
    char msgid[WIRE_ID_MAX + 1];
    bool ours, looked_at;
    size_t rows;
};

struct search {
    struct search *next;
    struct wecom *w;
    const struct channel_doubt *doubt;
    const char **recipients; /* sorted */
    struct found found[FOUND_MAX];
    size_t found_count, at;
    bool unsure; /* something could not be read: ask again */
    unsigned rounds;
    struct alarm *alarm;
};

static void begin(struct search *s);
static void look_at_next(struct search *s);
static void ask_results(struct search *s, const char *cursor);

static int64_t now(const struct search *s)
{
    return s->w->host->now_ms(s->w->host);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void search_free(struct search *s)
{
    struct search **at = &s->w->searches;

    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    if (s->alarm)
        s->alarm->task = NULL;
    account_forget(s->w->account, s);
    free(s->recipients);
    free(s);
}

static void call(struct search *s, const char *api, char *body, reply_fn *fn)
{
    if (!body)
        abort();
    const struct account_call c = {
        .api = api, .body = body, .harmless = true, .owner = s, .fn = fn, .ctx = s};
    account_call(s->w->account, &c);
}

/* --- the end --- */

static void settle(struct search *s, const struct channel_outcome *o)
{
    const struct channel_host *host = s->w->host;
    uint64_t id = s->doubt->send->id;

    search_free(s);
    host->settle(host, id, o, 1);
}

static void on_spare(void *ctx, const struct reply *r)
{
    struct wecom *w = ctx;

    if (r->kind != REPLY_OK)
        w->host->log(w->host, CHANNEL_LOG_ERROR, "a second task could not be withdrawn");
}

/* The platform made it twice: one is enough. */
static void withdraw_spare(struct search *s, const struct found *f)
{
    struct wecom *w = s->w;
    char line[64 + WIRE_ID_MAX];
    const struct account_call c = {.api = "externalcontact/cancel_groupmsg_send",
                                   .body = wire_msgid_body(f->msgid),
                                   .harmless = true,
                                   .owner = w,
                                   .fn = on_spare,
                                   .ctx = w};

    snprintf(line, sizeof(line), "made twice by the platform: withdrawing %s", f->msgid);
    w->host->log(w->host, CHANNEL_LOG_ERROR, line);
    if (c.body)
        account_call(w->account, &c);
}

static void adopt(struct search *s, size_t first)
{
    char msgid[WIRE_ID_MAX + 1];
    const struct channel_outcome o = {
        .kind = CHANNEL_ASKED, .ref = msgid, .detail = "found again on the platform"};

    for (size_t i = first + 1; i < s->found_count; i++)
        if (s->found[i].ours)
            withdraw_spare(s, &s->found[i]);
    memcpy(msgid, s->found[first].msgid, sizeof(msgid));
    settle(s, &o);
}

static void on_alarm(void *ctx)
{
    struct alarm *alarm = ctx, **at = &alarm->w->alarms;
    struct search *s = alarm->task;

    while (*at != alarm)
        at = &(*at)->next;
    *at = alarm->next;
    free(alarm);
    if (!s)
        return;
    s->alarm = NULL;
    begin(s);
}

static void later(struct search *s, int64_t ms)
{
    s->alarm = alarm_new(s->w, s, on_alarm, ms > 0 ? ms : 0);
}

/* Nothing was found in this round. */
static void again(struct search *s)
{
    const struct channel_account *a = s->w->host->account;
    int64_t age = now(s) - s->doubt->claimed_ms, distance;
    char detail[WIRE_DETAIL_MAX];

    s->rounds++;
    if (age >= a->reconcile_for_ms) {
        snprintf(detail, sizeof(detail), "asked %u times until %" PRId64 " s after it was sent: %s",
                 s->rounds, age / 1000,
                 s->unsure ? "the platform's list could not be read whole"
                           : "no task of this text and these recipients is in the platform's list");
        const struct channel_outcome o = {
            .kind = CHANNEL_UNKNOWN, .reason = CHANNEL_REASON_NO_ANSWER, .detail = detail};
        settle(s, &o);
        return;
    }
    distance = a->reconcile_after_ms << (s->rounds < 5 ? s->rounds : 5);
    later(s, distance < a->reconcile_for_ms - age ? distance : a->reconcile_for_ms - age);
}

/* --- of one task, whom it is for --- */

static void judged(struct search *s, bool ours)
{
    s->found[s->at].ours = ours;
    s->at++;
    look_at_next(s);
}

static void on_results(void *ctx, const struct reply *r)
{
    struct search *s = ctx;
    const json_t *list, *row;
    const char *cursor;
    size_t i;

    if (r->kind != REPLY_OK) {
        s->unsure = true;
        judged(s, false);
        return;
    }
    list = json_object_get(r->answer->root, "send_list");
    json_array_foreach(list, i, row)
    {
        const char *id = wire_text(row, "external_userid");
        if (!id ||
            !bsearch(&id, s->recipients, s->doubt->send->recipient_count, sizeof(id), by_text)) {
            judged(s, false); /* somebody whom we did not mean */
            return;
        }
        s->found[s->at].rows++;
    }
    cursor = wire_text(r->answer->root, "next_cursor");
    if (cursor) {
        ask_results(s, cursor);
    } else if (s->found[s->at].rows) {
        judged(s, true);
    } else {
        s->unsure = true; /* not dispatched yet */
        judged(s, false);
    }
}

static void ask_results(struct search *s, const char *cursor)
{
    call(s, "externalcontact/get_groupmsg_send_result",
         wire_results_body(s->found[s->at].msgid, s->doubt->send->sender, cursor), on_results);
}

static void on_members(void *ctx, const struct reply *r)
{
    struct search *s = ctx;
    enum wire_task_state state;

    if (r->kind != REPLY_OK) {
        s->unsure = true;
        judged(s, false);
    } else if (!wire_read_member(r->answer, s->doubt->send->sender, &state)) {
        judged(s, false);
    } else if (s->w->mode == MODE_GROUPS) {
        judged(s,
               true); /* rows of groups not sent to are not told: the member and the text it is */
    } else {
        ask_results(s, NULL);
    }
}

static void look_at_next(struct search *s)
{
    if (s->at < s->found_count) {
        call(s, "externalcontact/get_groupmsg_task", wire_members_body(s->found[s->at].msgid, NULL),
             on_members);
        return;
    }
    for (size_t i = 0; i < s->found_count; i++)
        if (s->found[i].ours) {
            adopt(s, i);
            return;
        }
    again(s);
}

/* --- the list --- */

static bool is_known(const struct search *s, const char *msgid)
{
    for (size_t i = 0; i < s->doubt->known_count; i++)
        if (!strcmp(s->doubt->known[i], msgid))
            return true;
    return task_known(s->w, msgid);
}

static void ask_list(struct search *s, const char *cursor);

static void on_list(void *ctx, const struct reply *r)
{
    struct search *s = ctx;
    const json_t *list, *item;
    const char *cursor;
    size_t i;

    if (r->kind != REPLY_OK) {
        s->unsure = true;
        again(s);
        return;
    }
    list = json_object_get(r->answer->root, "group_msg_list");
    json_array_foreach(list, i, item)
    {
        const char *msgid = wire_text(item, "msgid");
        if (!msgid || strlen(msgid) > WIRE_ID_MAX || !wire_same_task(item, s->doubt->send) ||
            is_known(s, msgid) || s->found_count == FOUND_MAX)
            continue;
        s->found[s->found_count] = (struct found){.ours = false};
        memcpy(s->found[s->found_count++].msgid, msgid, strlen(msgid) + 1);
    }
    cursor = wire_text(r->answer->root, "next_cursor");
    if (cursor)
        ask_list(s, cursor);
    else
        look_at_next(s);
}

static void ask_list(struct search *s, const char *cursor)
{
    call(s, "externalcontact/get_groupmsg_list_v2",
         wire_list_body(s->w->mode, (s->doubt->claimed_ms - EARLIER_MS) / 1000,
                        (now(s) + LATER_MS) / 1000, cursor),
         on_list);
}

static void begin(struct search *s)
{
    s->found_count = s->at = 0;
    s->unsure = false;
    ask_list(s, NULL);
}

void search_begin(struct wecom *w, const struct channel_doubt *doubt)
{
    struct search *s = calloc(1, sizeof(*s));
    size_t n = doubt->send->recipient_count;

    if (!s || !(s->recipients = malloc((n + 1) * sizeof(*s->recipients))))
        abort();
    memcpy(s->recipients, doubt->send->recipients, n * sizeof(*s->recipients));
    qsort(s->recipients, n, sizeof(*s->recipients), by_text);
    s->w = w;
    s->doubt = doubt;
    s->next = w->searches;
    w->searches = s;
    later(s, doubt->claimed_ms + w->host->account->reconcile_after_ms - now(s));
}

void searches_close(struct wecom *w)
{
    while (w->searches)
        search_free(w->searches);
}
