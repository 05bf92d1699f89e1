/* A create whose answer was lost: is the task there?
 *
 *     wait -> the platform's list, page by page: our text, our attachments, not somebody else's
 *          -> of each such task, the member and the customers it is for
 *          -> one is ours: adopted; more: the first of those for most of ours is adopted, the
 * others withdrawn; none: again
 *
 * Asked at growing distances until the account's `reconcile: for` is over, and on until the list
 * can be read. That it is in no list proves nothing, so it is then left to a person, never
 * repeated.
 *
 * The answer that was lost may have refused some (`fail_list`). Of a task to customers the platform
 * names all whom it is for, those not sent to yet included: who is missing there, twice with the
 * same number of others, is not in the task, and ends as if that answer had come. Of groups it
 * names those alone that were sent to: nothing follows from a group that is missing. */
#include "wecom.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EARLIER_MS = 300 * 1000, LATER_MS = 300 * 1000, FOUND_MAX = 16 };
static const int64_t forgotten_ms = 15 * (int64_t)24 * 3600 * 1000;

struct found { /* a task that could be ours */
    char msgid[WIRE_ID_MAX + 1];
    bool ours;
    size_t rows; /* of our recipients */
};

struct search {
    struct search *next;
    struct wecom *w;
    const struct channel_doubt *doubt;
    const char **recipients; /* sorted */
    bool *named;             /* of them: the task that is looked at is for them */
    bool *members;           /* the same of the task `best` */
    struct found found[FOUND_MAX];
    size_t found_count, at;
    struct found *best;  /* of those that are ours; NULL: none */
    struct found partly; /* in the round before: for some of ours alone */
    bool unread;         /* the platform did not answer: this round says nothing */
    bool unsure;         /* not all that could be ours was seen */
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

static size_t count_of(const struct search *s)
{
    return s->doubt->send->recipient_count;
}

/* Its place among the sorted recipients; NULL: none of ours. */
static const char **place_of(const struct search *s, const char *id)
{
    return bsearch(&id, s->recipients, count_of(s), sizeof(id), by_text);
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
    free(s->named);
    free(s->members);
    free(s);
}

/* --- the end --- */

static void settle(struct search *s, const struct channel_outcome *outcomes, size_t count)
{
    const struct channel_host *host = s->w->host;
    uint64_t id = s->doubt->send->id;

    search_free(s);
    host->settle(host, id, outcomes, count);
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

    snprintf(line, sizeof(line), "made twice by the platform: withdrawing %s", f->msgid);
    w->host->log(w->host, CHANNEL_LOG_ERROR, line);
    account_ask(w->account, "externalcontact/cancel_groupmsg_send", wire_msgid_body(f->msgid), w,
                on_spare);
}

static void adopt(struct search *s)
{
    const struct channel_send *send = s->doubt->send;
    size_t n = count_of(s);
    char msgid[WIRE_ID_MAX + 1];
    struct channel_outcome *outcomes = calloc(n, sizeof(*outcomes));

    if (!outcomes)
        abort();
    for (size_t i = 0; i < s->found_count; i++)
        if (s->found[i].ours && &s->found[i] != s->best)
            withdraw_spare(s, &s->found[i]);
    memcpy(msgid, s->best->msgid, sizeof(msgid));
    for (size_t i = 0; i < n; i++) {
        bool member = s->w->mode == MODE_GROUPS ||
                      s->members[place_of(s, send->recipients[i]) - s->recipients];
        outcomes[i] = member
                          ? (struct channel_outcome){.kind = CHANNEL_ASKED,
                                                     .ref = msgid,
                                                     .detail = "found again on the platform"}
                          : (struct channel_outcome){.kind = CHANNEL_NEVER,
                                                     .reason = CHANNEL_REASON_BAD_RECIPIENT,
                                                     .detail = "the task that was found is not for "
                                                               "this recipient"};
    }
    settle(s, outcomes, n);
    free(outcomes);
}

static void on_alarm(void *task)
{
    struct search *s = task;

    s->alarm = NULL;
    begin(s);
}

static void later(struct search *s, int64_t ms)
{
    s->alarm = alarm_new(s->w, s, on_alarm, ms > 0 ? ms : 0);
}

/* Nothing was found in this round, or not for certain. */
static void again(struct search *s, bool certain)
{
    const struct channel_account *a = s->w->host->account;
    int64_t age = now(s) - s->doubt->claimed_ms, distance, left;
    char detail[WIRE_DETAIL_MAX];

    s->rounds++;
    if (age >= (certain ? a->reconcile_for_ms : forgotten_ms)) {
        snprintf(detail, sizeof(detail), "asked %u times until %" PRId64 " s after it was sent: %s",
                 s->rounds, age / 1000,
                 s->unsure ? "the platform's list could not be read whole"
                           : "no task of this text and these recipients is in the platform's list");
        const struct channel_outcome o = {
            .kind = CHANNEL_UNKNOWN, .reason = CHANNEL_REASON_NO_ANSWER, .detail = detail};
        settle(s, &o, 1);
        return;
    }
    distance = a->reconcile_after_ms << (s->rounds < 5 ? s->rounds : 5);
    left = a->reconcile_for_ms - age;
    if (left > 0 && distance > left)
        distance = left;
    later(s, distance);
}

/* --- of one task, whom it is for --- */

static void judged(struct search *s, bool ours)
{
    struct found *f = &s->found[s->at++];
    bool *named = s->named;

    f->ours = ours;
    if (ours && (!s->best || f->rows > s->best->rows)) {
        s->best = f;
        s->named = s->members;
        s->members = named;
    }
    look_at_next(s);
}

/* No answer, or a refusal: of a task that is being made the answer comes later. */
static void not_read(struct search *s, const struct reply *r)
{
    s->unsure = true;
    s->unread |= r->kind != REPLY_REFUSED || r->answer->class == CODE_DISPATCHING;
}

static void on_results(void *ctx, const struct reply *r)
{
    struct search *s = ctx;
    const json_t *list, *row;
    const char *cursor;
    size_t i;

    if (r->kind != REPLY_OK) {
        not_read(s, r);
        judged(s, false);
        return;
    }
    list = json_object_get(r->answer->root, "send_list");
    json_array_foreach(list, i, row)
    {
        const char *id = wire_text(row, "external_userid"), **place = id ? place_of(s, id) : NULL;
        if (!place) {
            judged(s, false); /* somebody whom we did not mean */
            return;
        }
        s->found[s->at].rows += !s->named[place - s->recipients];
        s->named[place - s->recipients] = true;
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
    account_ask(s->w->account, "externalcontact/get_groupmsg_send_result",
                wire_results_body(s->found[s->at].msgid, s->doubt->send->sender, cursor), s,
                on_results);
}

static void on_members(void *ctx, const struct reply *r)
{
    struct search *s = ctx;
    enum wire_task_state state;

    if (r->kind != REPLY_OK) {
        not_read(s, r);
        judged(s, false);
    } else if (!wire_read_member(r->answer, s->doubt->send->sender, &state)) {
        judged(s, false);
    } else if (s->w->mode == MODE_GROUPS) {
        s->found[s->at].rows = count_of(s); /* the member and the text alone can be compared */
        judged(s, true);
    } else {
        memset(s->named, 0, count_of(s) * sizeof(*s->named));
        ask_results(s, NULL);
    }
}

/* Whether it is for all of ours, or for the same of them as in the round before. */
static bool is_certain(struct search *s, const struct found *f)
{
    bool same = f->rows == s->partly.rows && !strcmp(f->msgid, s->partly.msgid);

    s->partly = *f;
    return f->rows == count_of(s) || same;
}

static void look_at_next(struct search *s)
{
    if (s->at < s->found_count) {
        account_ask(s->w->account, "externalcontact/get_groupmsg_task",
                    wire_members_body(s->found[s->at].msgid, NULL), s, on_members);
        return;
    }
    if (!s->best)
        again(s, !s->unread);
    else if (is_certain(s, s->best) && !s->unread) /* one that was not read could be a second one */
        adopt(s);
    else
        again(s, false);
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
        not_read(s, r);
        again(s, !s->unread);
        return;
    }
    list = json_object_get(r->answer->root, "group_msg_list");
    json_array_foreach(list, i, item)
    {
        const char *msgid = wire_text(item, "msgid");
        if (!msgid || strlen(msgid) > WIRE_ID_MAX || !wire_same_task(item, s->doubt->send) ||
            is_known(s, msgid))
            continue;
        if (s->found_count == FOUND_MAX) {
            s->unsure = true;
            break;
        }
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
    account_ask(s->w->account, "externalcontact/get_groupmsg_list_v2",
                wire_list_body(s->w->mode, (s->doubt->claimed_ms - EARLIER_MS) / 1000,
                               (now(s) + LATER_MS) / 1000, cursor),
                s, on_list);
}

static void begin(struct search *s)
{
    s->found_count = s->at = 0;
    s->best = NULL;
    s->unsure = s->unread = false;
    ask_list(s, NULL);
}

void search_begin(struct wecom *w, const struct channel_doubt *doubt)
{
    struct search *s = calloc(1, sizeof(*s));
    size_t n = doubt->send->recipient_count;

    if (!s || !(s->recipients = malloc((n + 1) * sizeof(*s->recipients))) ||
        !(s->named = calloc(n + 1, sizeof(*s->named))) ||
        !(s->members = calloc(n + 1, sizeof(*s->members))))
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
    for (struct search *s = w->searches, *next; s; s = next) {
        next = s->next;
        search_free(s);
    }
}
