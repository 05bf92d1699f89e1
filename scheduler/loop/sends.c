/* What is on its way: rendered, handed to the channel, and settled exactly once. */
#include "loop/internal.h"

#include "base/lang.h"
#include "base/log.h"
#include "base/text.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MS = 60000 }; /* a channel that has not settled by then: unknown */

struct send *send_new(struct run *s, int64_t revision, const struct store_claim *c)
{
    struct arena *a = arena_new();
    struct send *x = arena_alloc(a, sizeof *x);

    x->arena = a;
    x->id = s->next_send++;
    x->delivery = c->delivery;
    x->revision = revision;
    x->recipient = arena_strdup(a, c->recipient);
    x->sender = arena_strdup(a, c->sender);
    x->values = c->values ? arena_strdup(a, c->values) : NULL;
    map_put(&s->sends, (int64_t)x->id, x);
    map_put(&s->by_delivery, x->delivery, x);
    return x;
}

void send_free(struct run *s, struct send *x)
{
    map_remove(&s->sends, (int64_t)x->id);
    map_remove(&s->by_delivery, x->delivery);
    free(x->ref);
    arena_free(x->arena);
}

/* The stored values (a JSON array of strings and nulls) as the template wants them. */
static const char *const *values_of(struct send *x, const struct template *t)
{
    const char *const *names;
    size_t count = template_names(t, &names);
    const char **values = arena_array(x->arena, count + 1, sizeof(const char *));
    json_t *array = x->values ? json_loads(x->values, 0, NULL) : NULL;

    for (size_t i = 0; i < count; i++) {
        const char *value = json_string_value(json_array_get(array, i));
        values[i] = value ? arena_strdup(x->arena, value) : NULL;
    }
    json_decref(array);
    return values;
}

static bool render(struct send *x, const struct running *r)
{
    struct strbuf text = STRBUF_INIT;
    const char *missing = NULL;
    unsigned defaults = 0;
    bool ok = true;

    if (r->campaign->template) {
        ok = template_render(r->campaign->template, x->recipient, x->sender,
                             values_of(x, r->campaign->template), &text, &missing, &defaults);
        x->call.text = ok ? arena_strndup(x->arena, text.text ? text.text : "", text.length) : NULL;
    }
    strbuf_dispose(&text);
    return ok;
}

static void answer(struct run *s, struct send *x, const struct engine_answer *a)
{
    if (!engine_answer(s->engine, run_now(s), x->delivery, a))
        log_line(LOG_WARNING, "send", "second answer delivery=%lld", (long long)x->delivery);
}

void send_call(struct run *s, int64_t delivery)
{
    struct send *x = map_get(&s->by_delivery, delivery);
    struct running *r = map_get(&s->running, x->revision);
    const char **recipients = arena_array(x->arena, 1, sizeof(const char *));

    x->channel = r->channel;
    x->called = true;
    x->deadline_ms = uv_now(&s->loop) + ANSWER_MS;
    recipients[0] = x->recipient;
    x->call.id = x->id;
    x->call.sender = x->sender;
    x->call.recipients = recipients;
    x->call.recipient_count = 1;
    x->call.format = r->campaign->format;
    x->call.attachments = r->attachments;
    x->call.attachment_count = r->attachment_count;
    x->call.deadline_ms = run_now(s) + ANSWER_MS;
    if (!render(x, r)) {
        /* submit skips these; a stored row that does not render any more was tampered with */
        log_line(LOG_ERROR, "send", "does not render delivery=%lld", (long long)delivery);
        answer(s, x, &(struct engine_answer){.kind = ANSWER_NEVER, .reason = REASON_MISSING_VALUE});
        return;
    }
    log_line(LOG_INFO, "send", "call delivery=%lld campaign=%s channel=%s", (long long)delivery,
             r->name, r->channel->conf->name);
    r->channel->kind->submit(r->channel->instance, &x->call);
}

static enum reason reason_of(enum channel_reason r)
{
    static const enum reason reasons[] = {
        [CHANNEL_REASON_NONE] = REASON_NONE,
        [CHANNEL_REASON_REJECTED_CONTENT] = REASON_REJECTED_CONTENT,
        [CHANNEL_REASON_BAD_RECIPIENT] = REASON_BAD_RECIPIENT,
        [CHANNEL_REASON_NOT_A_FRIEND] = REASON_NOT_A_FRIEND,
        [CHANNEL_REASON_NO_RELATION] = REASON_NO_RELATION,
        [CHANNEL_REASON_REFUSED] = REASON_CHANNEL_REFUSED,
        [CHANNEL_REASON_NO_ANSWER] = REASON_NO_ANSWER,
        [CHANNEL_REASON_BAD_ANSWER] = REASON_BAD_ANSWER,
    };

    return (size_t)r < sizeof reasons / sizeof *reasons ? reasons[r] : REASON_BAD_ANSWER;
}

static struct engine_answer answer_of(const struct channel_outcome *o)
{
    static const enum engine_answer_kind kinds[] = {
        [CHANNEL_DONE] = ANSWER_DONE,       [CHANNEL_NOT_SENT] = ANSWER_NOT_SENT,
        [CHANNEL_NOT_NOW] = ANSWER_NOT_NOW, [CHANNEL_NEVER] = ANSWER_NEVER,
        [CHANNEL_UNKNOWN] = ANSWER_UNKNOWN,
    };
    struct engine_answer a = {.kind = ANSWER_UNKNOWN, .reason = reason_of(o->reason)};

    if ((size_t)o->kind < sizeof kinds / sizeof *kinds)
        a.kind = kinds[o->kind];
    if (a.kind == ANSWER_UNKNOWN && a.reason == REASON_NONE)
        a.reason = REASON_NO_ANSWER;
    if (a.kind == ANSWER_NEVER && a.reason == REASON_NONE)
        a.reason = REASON_CHANNEL_REFUSED;
    a.stop_channel = o->stop == CHANNEL_STOP_CHANNEL;
    a.stop_campaign = o->stop == CHANNEL_STOP_CAMPAIGN;
    a.not_before = o->not_before_ms == CHANNEL_FOREVER ? INSTANT_NEVER : o->not_before_ms;
    return a;
}

/* What people should know about this outcome beyond the delivery's own state. */
static void tell(struct chan *c, const struct send *x, const struct channel_outcome *o)
{
    static const char *const names[] = {"done", "not-sent", "not-now", "never", "unknown"};
    struct strbuf safe = STRBUF_INIT;

    text_safe(&safe, o->detail ? o->detail : "", false);
    log_line(o->kind == CHANNEL_DONE ? LOG_INFO : LOG_WARNING, "send",
             "answer delivery=%lld outcome=%s %s", (long long)x->delivery,
             (size_t)o->kind < 5 ? names[o->kind] : "?", safe.text ? safe.text : "");
    if (o->kind == CHANNEL_DONE)
        c->problem[0] = 0;
    else if (o->stop == CHANNEL_STOP_CHANNEL || o->kind == CHANNEL_NOT_SENT)
        snprintf(c->problem, sizeof c->problem, "%s: %s", c->conf->name,
                 safe.text ? safe.text : "");
    strbuf_dispose(&safe);
}

void sends_settle(struct run *s, uint64_t id, const struct channel_outcome *o)
{
    struct send *x = map_get(&s->sends, (int64_t)id);
    struct engine_answer a = answer_of(o);

    if (!x || !x->called) {
        log_line(LOG_WARNING, "send", "late answer send=%llu", (unsigned long long)id);
        return;
    }
    tell(x->channel, x, o);
    if (o->ref && !x->ref)
        x->ref = xstrdup(o->ref);
    if (a.kind == ANSWER_NOT_SENT && !engine_may_send(s->engine, run_now(s), x->delivery))
        a.kind = ANSWER_HELD; /* the guard said no: the channel is not to blame */
    if (x->channel->retired && a.stop_channel && a.not_before == INSTANT_NEVER) {
        a.stop_channel = false; /* a key that was refused says nothing about the one after it */
        a.not_before = run_now(s) + 1;
    }
    answer(s, x, &a);
}

bool sends_guard(struct run *s, uint64_t send_id)
{
    const struct send *x = map_get(&s->sends, (int64_t)send_id);

    run_watch_halt(s);
    return x && !s->store_broken && engine_may_send(s->engine, run_now(s), x->delivery);
}

void sends_expire(struct run *s, bool all)
{
    size_t at = 0;

    for (struct send *x; (x = map_each(&s->sends, &at));) {
        if (!x->called || (!all && uv_now(&s->loop) < x->deadline_ms))
            continue;
        x->called = false; /* what comes later is late */
        answer(s, x, &(struct engine_answer){.kind = ANSWER_UNKNOWN, .reason = REASON_NO_ANSWER});
    }
}
