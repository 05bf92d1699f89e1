/* Two calls at a time: the long poll, and the oldest thing said. What was said goes in order, so
 * that "shown" is there before the answer. After a start the outbox of the last life is emptied
 * before the first poll: else the list would ask for what is already answered.
 */
#include "console/session.h"

#include "base/arena.h"
#include "console/outbox.h"

#include <stdlib.h>
#include <string.h>

enum { WAIT_S = 25, POLL_TIMEOUT_MS = 40000, SAY_TIMEOUT_MS = 15000, RETRY_MS = 2000 };

struct session {
    struct link *link;
    struct deck *deck;
    struct outbox *outbox;
    const char *agent;
    const struct session_hooks *hooks;
    void *ctx;
    uv_timer_t retry;
    struct link_call *poll, *say;
    int64_t version; /* 0: answer at once */
    bool listening, drained, in_trouble, closing;
};

static void go_on(struct session *s);
static void on_closed(uv_handle_t *handle);

struct session *session_new(uv_loop_t *loop, const char *socket_path, const char *agent,
                            const char *outbox_dir, const struct session_hooks *hooks, void *ctx)
{
    struct session *s = xmalloc(sizeof(*s));

    s->link = link_new(loop, socket_path);
    s->deck = deck_new();
    s->outbox = outbox_new(outbox_dir, socket_path);
    s->agent = agent;
    s->hooks = hooks;
    s->ctx = ctx;
    uv_timer_init(loop, &s->retry);
    s->retry.data = s;
    return s;
}

void session_close(struct session *s)
{
    s->closing = true;
    link_close(s->link);
    uv_close((uv_handle_t *)&s->retry, on_closed);
}

static void on_closed(uv_handle_t *handle)
{
    struct session *s = handle->data;

    outbox_free(s->outbox);
    deck_free(s->deck);
    free(s);
}

struct deck *session_deck(const struct session *s)
{
    return s->deck;
}

struct link *session_link(const struct session *s)
{
    return s->link;
}

size_t session_pending(const struct session *s)
{
    return outbox_count(s->outbox);
}

static void stop_poll(struct session *s)
{
    if (s->poll)
        link_give_up(s->poll);
    s->poll = NULL;
}

void session_listen(struct session *s, bool listen)
{
    if (s->listening == listen)
        return;
    s->listening = listen;
    s->version = 0;
    stop_poll(s);
    go_on(s);
}

static void on_retry(uv_timer_t *timer)
{
    go_on(timer->data);
}

static void note_trouble(struct session *s, const char *message)
{
    if (message)
        uv_timer_start(&s->retry, on_retry, RETRY_MS, 0);
    if (!message && !s->in_trouble)
        return;
    s->in_trouble = message != NULL;
    s->hooks->trouble(s->ctx, message);
}

/* --- what was said --- */

/* Of the contract's codes: these will not get better by asking again. */
static bool is_final(const struct link_reply *reply)
{
    return reply->reached &&
           (reply->exit == err_exit_code(ERR_REFUSED) || reply->exit == err_exit_code(ERR_DENIED) ||
            reply->exit == err_exit_code(ERR_USAGE) || reply->exit == err_exit_code(ERR_DATA));
}

static bool is_answer(const char *path)
{
    size_t length = strlen(path);

    return length < 6 || strcmp(path + length - 6, "/shown") != 0;
}

static void on_refused(struct session *s, const char *message)
{
    const struct outbox_item *item = outbox_first(s->outbox);

    s->version = 0; /* whatever we believed is outdated */
    stop_poll(s);
    deck_take_back(s->deck, item->nonce);
    if (is_answer(item->path))
        s->hooks->refused(s->ctx, message);
}

static void on_said(void *ctx, const struct link_reply *reply)
{
    struct session *s = ctx;

    s->say = NULL;
    if (reply->exit != 0 && !is_final(reply)) {
        note_trouble(s, reply->message);
        return;
    }
    note_trouble(s, NULL);
    if (reply->exit != 0)
        on_refused(s, reply->message);
    outbox_remove_first(s->outbox);
    s->hooks->settled(s->ctx);
    go_on(s);
}

static void say(struct session *s, const struct prompt *p, const char *verb, json_t *body)
{
    struct strbuf path = STRBUF_INIT;

    strbuf_printf(&path, "/api/v1/prompts/%lld/%s", (long long)p->number, verb);
    json_object_set_new(body, "nonce", json_string(p->nonce));
    char *text = json_dumps(body, JSON_COMPACT);
    outbox_add(s->outbox, p->number, p->nonce, path.text, text);
    free(text);
    json_decref(body);
    strbuf_dispose(&path);
    go_on(s);
}

void session_shown(struct session *s, const struct prompt *p)
{
    if (deck_shown(s->deck, p))
        say(s, p, "shown", json_object());
}

void session_answer(struct session *s, const struct prompt *p, const char *answer,
                    const bool *ticks)
{
    json_t *answers = json_array();

    for (size_t i = 0; i < p->recipient_count; i++) {
        const struct prompt_recipient *r = &p->recipients[i];
        if (!deck_open(s->deck, p, r) || (ticks && !ticks[i]))
            continue;
        json_array_append_new(answers, json_pack("{s:I, s:s}", "delivery", (json_int_t)r->delivery,
                                                 "answer", answer));
        deck_answer(s->deck, p->nonce, r->delivery);
    }
    if (json_array_size(answers) > 0)
        say(s, p, "answer", json_pack("{s:O}", "answers", answers));
    json_decref(answers);
}

void session_snooze(struct session *s, const struct prompt *p)
{
    deck_snooze(s->deck, p->nonce);
    say(s, p, "snooze", json_pack("{s:s}", "for", "10m"));
}

/* --- the list --- */

static void take_list(struct session *s, const struct link_reply *reply)
{
    struct prompt_list list;
    struct err e;

    if (prompts_read(&list, reply->bytes, reply->length, &e) != 0) {
        note_trouble(s, e.text);
        return;
    }
    note_trouble(s, NULL);
    s->version = list.version;
    deck_take(s->deck, &list);
    s->hooks->changed(s->ctx);
    go_on(s);
}

static void on_polled(void *ctx, const struct link_reply *reply)
{
    struct session *s = ctx;

    s->poll = NULL;
    if (reply->exit == 0) {
        take_list(s, reply);
        return;
    }
    s->version = 0;
    if (is_final(reply))
        s->hooks->denied(s->ctx, reply->exit, reply->message);
    else
        note_trouble(s, reply->message);
}

static void poll_list(struct session *s)
{
    struct strbuf path = STRBUF_INIT;

    strbuf_printf(&path, "/api/v1/prompts?agent=%s&since=%lld&wait=%d", s->agent,
                  (long long)s->version, WAIT_S);
    s->poll = link_ask(s->link, path.text, NULL, POLL_TIMEOUT_MS, on_polled, s);
    strbuf_dispose(&path);
}

static void go_on(struct session *s)
{
    const struct outbox_item *item = outbox_first(s->outbox);

    if (s->closing)
        return;
    if (!s->say && item)
        s->say = link_ask(s->link, item->path, item->body, SAY_TIMEOUT_MS, on_said, s);
    s->drained = s->drained || !item;
    if (s->listening && s->drained && !s->poll && !uv_is_active((uv_handle_t *)&s->retry))
        poll_list(s);
}
