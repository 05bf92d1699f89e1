/* What people are asked to send by hand: their own list (long poll), their answers, and the tasks
 * that everybody may see. Only the person of a sender (`users: senders`) answers for it. */
#include "api/emit.h"
#include "api/handlers.h"
#include "api/request.h"

#include "base/lang.h"
#include "conf/duration.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MAX_S = 25, ANSWERS_MAX = 1000 };

struct list {
    const char *agent;
    uint64_t since;
    instant_t until;
    struct request *rq;
    struct strbuf *out;
};

struct one { /* what is asked about one prompt */
    struct request *rq;
    int64_t number;
    const char *nonce;
    bool found, theirs;
    bool task;          /* write it as a task */
    bool by_platform;   /* the platform asks it */
    const char *sender; /* tasks_list: only this one's */
    struct strbuf *out; /* write it there, or NULL */
    size_t attachment;  /* wanted */
    const struct channel_attachment *file;
    struct api_prompt_answer *answers;
    size_t answer_count;
    enum delivery_state all; /* one answer for what is open; DELIVERY_STATES: none */
};

/* --- who --- */

static const struct service_user *user_of(const struct request *rq)
{
    const struct api_host *host = request_host(rq);
    const struct service *conf = host->conf(host->ctx);

    for (size_t i = 0; i < conf->user_count; i++) {
        if (strcmp(conf->users[i].name, rq->who.name) == 0)
            return &conf->users[i];
    }
    return NULL;
}

static bool answers_for(const struct request *rq, const char *sender)
{
    const struct api_host *host = request_host(rq);
    const struct service_user *u = user_of(rq);

    if (host->conf(host->ctx)->user_count == 0)
        return true; /* one-person mode */
    for (size_t i = 0; u && i < u->sender_count; i++) {
        if (strcmp(u->senders[i].name, sender) == 0)
            return true;
    }
    return false;
}

/* Calls `each` for every sender that the caller answers for. */
static void each_sender(const struct request *rq, void (*each)(void *arg, const char *sender),
                        void *arg)
{
    const struct api_host *host = request_host(rq);
    const struct service *conf = host->conf(host->ctx);
    const struct service_user *u = user_of(rq);

    for (size_t i = 0; u && i < u->sender_count; i++)
        each(arg, u->senders[i].name);
    for (size_t c = 0; conf->user_count == 0 && c < conf->channel_count; c++) {
        const struct paceline_channel *kind = host->kind(host->ctx, conf->channels[c].name);
        for (size_t i = 0; kind && kind->caps.person_confirms && i < conf->channels[c].sender_count;
             i++)
            each(arg, conf->channels[c].senders[i].name);
    }
}

/* --- objects --- */

static void put_recipients(struct strbuf *b, const struct api_prompt *p)
{
    emit_key(b, "recipients");
    emit_open(b, '[');
    for (size_t i = 0; i < p->item_count; i++) {
        emit_open(b, '{');
        emit_put_number(b, "delivery", p->items[i].delivery);
        emit_put_text(b, "recipient", p->items[i].recipient);
        emit_put_text(b, "state", delivery_state_name(p->items[i].state));
        strbuf_putc(b, '}');
    }
    strbuf_putc(b, ']');
}

static void put_attachments(struct strbuf *b, const struct api_prompt *p)
{
    emit_key(b, "attachments");
    emit_open(b, '[');
    for (size_t i = 0; i < p->attachment_count; i++) {
        emit_open(b, '{');
        emit_put_number(b, "index", (int64_t)i);
        emit_put_text(b, "kind", p->attachments[i].kind);
        emit_put_text(b, "name", p->attachments[i].name);
        emit_put_number(b, "bytes", (int64_t)p->attachments[i].length);
        strbuf_putc(b, '}');
    }
    strbuf_putc(b, ']');
}

static void put_times(struct strbuf *b, const struct api_prompt *p)
{
    emit_put_instant(b, "asked_at", p->asked_at, p->zone);
    emit_put_instant(b, "shown_at", p->shown_at, p->zone);
    emit_put_instant(b, "snoozed_until", p->snoozed_until, p->zone);
    emit_put_instant(b, "late_at", p->late_at, p->zone);
}

static void put_prompt(struct strbuf *b, const struct api_prompt *p)
{
    emit_open(b, '{');
    emit_put_number(b, "prompt", p->number);
    emit_put_text(b, "nonce", p->nonce);
    emit_put_text(b, "campaign", p->campaign);
    emit_put_text(b, "title", p->title);
    emit_put_text(b, "channel", p->channel);
    emit_put_text(b, "sender", p->sender);
    emit_put_text(b, "text", p->text);
    emit_put_text(b, "format", p->format);
    put_attachments(b, p);
    put_recipients(b, p);
    put_times(b, p);
    emit_put_text(b, "late", p->late_cancels ? "cancel" : "leave");
    emit_put_number(b, "reminders_used", p->reminders_used);
    emit_put_number(b, "reminders", p->reminders);
    emit_put_text(b, "doubt", p->doubted ? "too_fast" : NULL);
    emit_put_bool(b, "test", p->test);
    strbuf_putc(b, '}');
}

static void put_task(struct strbuf *b, const struct api_host *host, const struct api_prompt *p)
{
    size_t open = 0;

    for (size_t i = 0; i < p->item_count; i++)
        open += p->items[i].state == DELIVERY_PROMPTED;
    emit_open(b, '{');
    emit_put_number(b, "task", p->number);
    emit_put_text(b, "kind", p->ref ? "confirm" : "prompt");
    emit_put_text(b, "campaign", p->campaign);
    emit_put_text(b, "title", p->title);
    emit_put_text(b, "channel", p->channel);
    emit_put_text(b, "sender", p->sender);
    emit_put_number(b, "deliveries", (int64_t)p->item_count);
    emit_put_number(b, "open", (int64_t)open);
    emit_put_number(b, "age_s", (host->now(host->ctx) - p->asked_at) / MS_PER_SECOND);
    put_times(b, p);
    emit_put_number(b, "reminders_used", p->reminders_used);
    emit_put_number(b, "reminders", p->reminders);
    if (p->ref) {
        emit_put_text(b, "ref", p->ref);
        emit_put_bool(b, "withdrawing", p->withdrawing);
    } else {
        emit_put_text(b, "reachable", host->reachable(host->ctx, p->sender));
        emit_put_bool(b, "visible", p->hidden == REASON_NONE);
        emit_put_text(b, "why_hidden", reason_name(p->hidden));
    }
    strbuf_putc(b, '}');
}

/* --- the list --- */

static void put_theirs(void *arg, const struct api_prompt *p)
{
    struct list *l = arg;

    if (p->hidden != REASON_NONE || !answers_for(l->rq, p->sender))
        return;
    put_prompt(l->out, p);
    strbuf_putc(l->out, '\n');
}

static void put_sender(void *arg, const char *sender)
{
    emit_text(arg, sender);
}

/* A channel's option; one that asks for it speaks for all: an agent shows one list. */
static bool private_when_locked(const struct request *rq)
{
    const struct api_host *host = request_host(rq);
    const struct service *conf = host->conf(host->ctx);
    bool wanted = false;

    for (size_t i = 0; i < conf->channel_count && !wanted; i++) {
        const char *text = host->options(host->ctx, conf->channels[i].name);
        json_t *options = text ? json_loads(text, 0, NULL) : NULL;
        wanted = json_is_true(json_object_get(options, "private_when_locked"));
        json_decref(options);
    }
    return wanted;
}

static void put_head(struct request *rq, uint64_t version)
{
    const struct api_host *host = request_host(rq);
    struct strbuf *b = &rq->answer.body.text;
    const struct tz *zone = zones_get(request_zones(rq), host->conf(host->ctx)->zone_name);
    struct api_health h;

    host->health(host->ctx, &h);
    emit_open(b, '{');
    emit_put_number(b, "version", (int64_t)version);
    emit_put_text(b, "user", rq->who.name);
    emit_key(b, "senders");
    emit_open(b, '[');
    each_sender(rq, put_sender, b);
    strbuf_putc(b, ']');
    emit_put_bool(b, "halted", h.halted);
    emit_put_instant(b, "now", host->now(host->ctx), zone);
    emit_put_bool(b, "private_when_locked", private_when_locked(rq));
    strbuf_puts(b, "}\n");
}

static bool list_look(struct request *rq)
{
    const struct api_host *host = request_host(rq);
    struct list *l = rq->state;
    uint64_t version = host->prompts_version(host->ctx) + 1; /* 0 is "none yet" */

    if (version == l->since && host->now(host->ctx) < l->until)
        return false;
    put_head(rq, version);
    host->prompts(host->ctx, put_theirs, l);
    request_stream(rq);
    return true;
}

static bool number_of(const char *text, uint64_t max, uint64_t *out)
{
    char *end = NULL;

    *out = 0;
    if (!text)
        return true;
    if (strspn(text, "0123456789") != strlen(text) || !*text || strlen(text) > 18)
        return false;
    *out = strtoull(text, &end, 10);
    return *out <= max;
}

static void note_reached(void *arg, const char *sender)
{
    const struct list *l = arg;
    const struct api_host *host = request_host(l->rq);

    host->reached(host->ctx, sender, l->agent);
}

void prompts_list(struct request *rq)
{
    struct list *l = arena_alloc(rq->arena, sizeof *l);
    const char *agent = rq->query[0];
    uint64_t wait;

    *l = (struct list){.rq = rq, .out = &rq->answer.body.text};
    rq->state = l;
    if (agent && strcmp(agent, "desktop") != 0 && strcmp(agent, "terminal") != 0) {
        request_fail_with(rq, ERR_USAGE, tr("'agent' must be desktop or terminal"));
        return;
    }
    if (!number_of(rq->query[1], UINT64_MAX, &l->since) ||
        !number_of(rq->query[2], WAIT_MAX_S, &wait)) {
        request_fail_with(rq, ERR_USAGE, tr("'since' and 'wait' must be numbers, 'wait' to %d"),
                          WAIT_MAX_S);
        return;
    }
    l->until = rq->now + (instant_t)wait * MS_PER_SECOND;
    l->agent = agent;
    if (agent && wait) /* who does not wait is gone at once */
        each_sender(rq, note_reached, l);
    if (!list_look(rq))
        request_hold(rq, list_look);
}

/* --- one --- */

static void look_at(void *arg, const struct api_prompt *p)
{
    struct one *o = arg;

    if (p->number != o->number)
        return;
    o->found = true;
    o->by_platform = p->ref != NULL;
    o->theirs = answers_for(o->rq, p->sender);
    if (o->out && o->task)
        put_task(o->out, request_host(o->rq), p);
    else if (o->out)
        put_prompt(o->out, p);
    if (o->attachment < p->attachment_count && o->nonce && strcmp(o->nonce, p->nonce) == 0)
        o->file = &p->attachments[o->attachment];
    for (size_t i = 0; o->all < DELIVERY_STATES && i < p->item_count && i < ANSWERS_MAX; i++) {
        if (p->items[i].state == DELIVERY_PROMPTED)
            o->answers[o->answer_count++] =
                (struct api_prompt_answer){p->items[i].delivery, o->all};
    }
}

static void look(struct one *o)
{
    const struct api_host *host = request_host(o->rq);

    o->found = false;
    host->prompts(host->ctx, look_at, o);
    if (o->task && !o->found)
        host->tasks(host->ctx, look_at, o);
}

static struct one *one_new(struct request *rq)
{
    struct one *o = arena_alloc(rq->arena, sizeof *o);

    *o = (struct one){.rq = rq, .all = DELIVERY_STATES, .attachment = SIZE_MAX};
    o->number = strtoll(rq->argument, NULL, 10);
    rq->state = o;
    return o;
}

static void not_open(struct request *rq)
{
    request_fail_with(rq, ERR_NOTFOUND, tr("nobody is asked about %.32s any more"), rq->argument);
}

/* False after it has answered. */
static bool is_theirs(struct one *o)
{
    bool theirs = o->found && o->theirs;

    if (!o->found)
        not_open(o->rq);
    else if (!theirs)
        request_fail_with(o->rq, ERR_DENIED,
                          tr("question %lld is for somebody else ('senders' of %s)"),
                          (long long)o->number, o->rq->who.name);
    return theirs;
}

/* What was changed is on disk: shows the prompt as it is now. */
static void show_one(struct request *rq)
{
    struct one *o = rq->state;

    o->out = &rq->answer.body.text;
    o->all = DELIVERY_STATES;
    look(o);
    if (o->found)
        request_reply(rq, 200);
    else
        not_open(rq);
}

static void finish(struct request *rq, int rc)
{
    if (rc)
        request_fail(rq);
    else
        request_after(rq, show_one);
}

void prompts_shown(struct request *rq)
{
    const struct api_host *host = request_host(rq);
    struct one *o = one_new(rq);
    const struct request_field fields[] = {{"nonce", true, &o->nonce}, {0}};

    if (!request_fields(rq, fields))
        return;
    look(o);
    if (is_theirs(o))
        finish(rq, host->prompt_shown(host->ctx, o->number, o->nonce, &rq->e));
}

void prompts_snooze(struct request *rq)
{
    const struct api_host *host = request_host(rq);
    struct one *o = one_new(rq);
    const char *text;
    duration_t d;
    const struct request_field fields[] = {{"nonce", true, &o->nonce}, {"for", true, &text}, {0}};

    if (!request_fields(rq, fields))
        return;
    if (!duration_parse(text, &d) || d <= 0 || d > MS_PER_DAY) {
        request_fail_with(rq, ERR_USAGE, tr("'%s' must be a duration from 1ms to 1d"), "for");
        return;
    }
    look(o);
    if (is_theirs(o))
        finish(rq, host->prompt_snooze(host->ctx, o->number, o->nonce, d, &rq->e));
}

void prompts_attachment(struct request *rq)
{
    struct one *o = one_new(rq);
    const char *index = strrchr(rq->argument, '/');
    uint64_t n;

    o->nonce = rq->query[0];
    if (index && number_of(index + 1, 1000, &n))
        o->attachment = (size_t)n;
    look(o);
    if (!is_theirs(o))
        return;
    if (!o->file) {
        request_fail_with(rq, ERR_NOTFOUND, tr("there is no such attachment"));
        return;
    }
    strbuf_add(&rq->answer.body.text, o->file->bytes, o->file->length);
    request_bytes(rq);
}

/* --- answers --- */

static enum delivery_state answer_state(const json_t *word)
{
    static const struct {
        const char *word;
        enum delivery_state state;
    } answers[] = {
        {"sent", DELIVERY_SENT}, {"not-sent", DELIVERY_FAILED}, {"skip", DELIVERY_SKIPPED}};

    for (size_t i = 0; json_is_string(word) && i < sizeof answers / sizeof *answers; i++) {
        if (strcmp(answers[i].word, json_string_value(word)) == 0)
            return answers[i].state;
    }
    return DELIVERY_STATES;
}

static bool answers_read(struct one *o, const json_t *list)
{
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item)
    {
        json_t *delivery = json_object_get(item, "delivery");
        enum delivery_state state = answer_state(json_object_get(item, "answer"));
        if (!json_is_integer(delivery) || state == DELIVERY_STATES || json_object_size(item) != 2)
            return false;
        o->answers[o->answer_count++] =
            (struct api_prompt_answer){json_integer_value(delivery), state};
    }
    return i > 0;
}

static bool body_read(struct one *o, const json_t *body)
{
    const json_t *list = json_object_get(body, "answers"), *word = json_object_get(body, "answer");
    const char *nonce = json_string_value(json_object_get(body, "nonce"));

    if (!nonce || !list == !word || json_object_size(body) != 2)
        return false;
    o->nonce = arena_strdup(o->rq->arena, nonce);
    o->answers = arena_array(o->rq->arena, ANSWERS_MAX, sizeof *o->answers);
    if (list)
        return json_array_size(list) <= ANSWERS_MAX && answers_read(o, list);
    o->all = answer_state(word);
    return o->all != DELIVERY_STATES;
}

static void answered(struct request *rq)
{
    struct one *o = rq->state;
    struct strbuf *b = &rq->answer.body.text;

    o->all = DELIVERY_STATES;
    look(o);
    emit_open(b, '{');
    emit_put_number(b, "prompt", o->number);
    emit_put_bool(b, "open", o->found);
    strbuf_putc(b, '}');
    request_reply(rq, 200);
}

/* The same answer again, after the first one was taken and its acknowledgement was lost. */
static int keep_same(void *arg, const struct store_delivery *d)
{
    struct one *o = arg;

    o->found = o->answer_count ? d->state == o->answers[0].state : d->state == o->all;
    o->theirs = answers_for(o->rq, d->sender);
    return 0;
}

static int find_settled(struct store *s, struct request *rq)
{
    struct one *o = rq->state;

    return store_delivery(s, o->number, keep_same, o, &rq->e);
}

static void settled(struct request *rq)
{
    const struct one *o = rq->state;

    if (rq->rc || !o->found || !o->theirs)
        not_open(rq);
    else
        answered(rq);
}

void prompts_answer(struct request *rq)
{
    const struct api_host *host = request_host(rq);
    struct one *o = one_new(rq);
    json_t *body = rq->body.length
                       ? json_loadb(rq->body.text, rq->body.length, JSON_REJECT_DUPLICATES, NULL)
                       : NULL;
    bool ok = body && body_read(o, body);

    json_decref(body);
    if (!ok) {
        request_fail_with(rq, ERR_USAGE,
                          tr("an answer has 'nonce' and 'answer' (sent, not-sent, skip), or "
                             "'answers' with 'delivery' and 'answer' each"));
        return;
    }
    look(o);
    if (!o->found) {
        request_store(rq, find_settled, settled);
        return;
    }
    if (!is_theirs(o))
        return;
    if (host->prompt_answer(host->ctx, o->number, o->nonce, rq->who.name, o->answers,
                            o->answer_count, &rq->e))
        request_fail(rq);
    else
        request_after(rq, answered);
}

/* --- tasks --- */

static void put_wanted(void *arg, const struct api_prompt *p)
{
    struct one *o = arg;

    if (o->sender && strcmp(o->sender, p->sender) != 0)
        return;
    put_task(o->out, request_host(o->rq), p);
    strbuf_putc(o->out, '\n');
}

void tasks_list(struct request *rq)
{
    const struct api_host *host = request_host(rq);
    struct one o = {.rq = rq, .sender = rq->query[0], .out = &rq->answer.body.text};

    host->prompts(host->ctx, put_wanted, &o);
    host->tasks(host->ctx, put_wanted, &o);
    request_stream(rq);
}

static bool remind_look(struct request *rq)
{
    const struct api_host *host = request_host(rq);
    struct one *o = rq->state;
    int rc = host->task_reminded(host->ctx, o->number, &rq->e);

    if (rc < 0)
        request_fail(rq);
    else if (rc > 0)
        request_after(rq, show_one);
    return rc != 0;
}

/* What the platform asks: it reminds. */
static void remind_task(struct request *rq)
{
    const struct api_host *host = request_host(rq);
    struct one *o = rq->state;

    if (host->task_remind(host->ctx, o->number, rq->who.name, &rq->e))
        request_fail(rq);
    else if (!remind_look(rq))
        request_hold(rq, remind_look);
}

void tasks_remind(struct request *rq)
{
    const struct api_host *host = request_host(rq);
    struct one *o = one_new(rq);
    const struct request_field fields[] = {{0}};

    o->task = true;
    if (!request_fields(rq, fields))
        return;
    look(o);
    if (!o->found)
        request_fail_with(rq, ERR_NOTFOUND, tr("there is no open task %.32s"), rq->argument);
    else if (o->by_platform)
        remind_task(rq);
    else
        finish(rq, host->prompt_remind(host->ctx, o->number, rq->who.name, &rq->e));
}
