/* What is on its way: rendered, handed to the channel, and settled exactly once. */
#include "loop/internal.h"

#include "base/lang.h"
#include "base/log.h"
#include "base/text.h"
#include "conf/trace.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A channel that has not settled by then: unknown. A task is made after its files went up. */
enum { ANSWER_MS = 60000, TASK_ANSWER_MS = 600000 };

static struct send *send_new(struct run *s, int64_t number, int64_t revision, const char *sender)
{
    struct arena *a = arena_new();
    struct send *x = arena_alloc(a, sizeof *x);

    x->arena = a;
    x->id = s->next_send++;
    x->number = number;
    x->revision = revision;
    x->sender = arena_strdup(a, sender);
    map_put(&s->sends, (int64_t)x->id, x);
    map_put(&s->by_number, number, x);
    return x;
}

static void send_add(struct send *x, int64_t delivery, const char *recipient, const char *values,
                     enum delivery_state state)
{
    x->items = xgrow(x->items, &x->capacity, x->count + 1, sizeof *x->items);
    x->items[x->count++] =
        (struct send_item){.delivery = delivery,
                           .recipient = arena_strdup(x->arena, recipient),
                           .values = values ? arena_strdup(x->arena, values) : NULL,
                           .state = state};
    x->open += !delivery_state_final(state);
}

void send_claimed(struct run *s, const struct store_claim *c)
{
    struct send *x = map_get(&s->by_number, c->send);

    if (!x)
        x = send_new(s, c->send, c->revision, c->sender);
    x->claimed_at = c->at;
    send_add(x, c->delivery, c->recipient, c->values, DELIVERY_CLAIMED);
}

struct send *send_restored(struct run *s, const struct store_prompt *p,
                           const struct store_prompt_row *row)
{
    struct send *x = map_get(&s->by_number, p->id);

    if (!x)
        x = send_new(s, p->id, p->revision, row->sender);
    x->claimed_at = p->claimed_at;
    send_add(x, row->delivery, row->recipient, row->values, row->state);
    return x;
}

void send_free(struct run *s, struct send *x)
{
    if (x->task)
        x->channel->kind->forget(x->channel->instance, x->id);
    map_remove(&s->sends, (int64_t)x->id);
    map_remove(&s->by_number, x->number);
    free(x->items);
    free(x->ref);
    arena_free(x->arena);
}

void send_result(struct run *s, struct send *x, int64_t delivery, enum delivery_state state)
{
    struct send_item *item = send_item(x, delivery);

    if (item)
        item->state = state;
    if (x->prompt)
        prompts_changed(s);
    if (state != DELIVERY_PROMPTED && --x->open == 0)
        send_free(s, x);
}

/* They are in order of deliveries. */
struct send_item *send_item(const struct send *x, int64_t delivery)
{
    size_t low = 0, high = x->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (x->items[middle].delivery < delivery)
            low = middle + 1;
        else
            high = middle;
    }
    return low < x->count && x->items[low].delivery == delivery ? &x->items[low] : NULL;
}

size_t sends_calling(const struct run *s)
{
    size_t at = 0, n = 0;

    for (const struct send *x; (x = map_each(&s->sends, &at));)
        n += !x->prompt && !x->task;
    return n;
}

/* The stored values (a JSON array of strings and nulls) as the template wants them. */
static const char *const *values_of(struct send *x, const struct send_item *item,
                                    const struct template *t)
{
    const char *const *names;
    size_t count = template_names(t, &names);
    const char **values = arena_array(x->arena, count + 1, sizeof(const char *));
    json_t *array = item->values ? json_loads(item->values, 0, NULL) : NULL;

    for (size_t i = 0; i < count; i++) {
        const char *value = json_string_value(json_array_get(array, i));
        values[i] = value ? arena_strdup(x->arena, value) : NULL;
    }
    json_decref(array);
    return values;
}

static char *render(struct send *x, const struct send_item *item, const struct template *t)
{
    struct strbuf text = STRBUF_INIT;
    const char *missing = NULL;
    unsigned defaults = 0;
    char *out = NULL;

    if (template_render(t, item->recipient, x->sender, values_of(x, item, t), &text, &missing,
                        &defaults))
        out = arena_strndup(x->arena, text.text ? text.text : "", text.length);
    strbuf_dispose(&text);
    return out;
}

/* One message for all of a batch: submit has grouped them by its digest; here byte by byte. */
static bool render_all(struct send *x, const struct template *t)
{
    for (size_t i = 0; t && i < x->count; i++) {
        const char *text = render(x, &x->items[i], t);
        if (!text || (i && strcmp(text, x->call.text) != 0))
            return false;
        x->call.text = text;
    }
    return true;
}

/* What this send is and stays, in every attempt: its revision and its recipients. */
static const char *key_of(const struct send *x, const struct running *r)
{
    struct digester *d = digester_new();
    char text[DIGEST_TEXT];

    digester_field(d, r->digest.bytes, DIGEST_BYTES);
    for (size_t i = 0; i < x->count; i++)
        digester_string(d, x->items[i].recipient);
    const struct digest digest = digester_end(d);
    digest_text(&digest, text);
    return arena_strdup(x->arena, strchr(text, ':') + 1);
}

/* The revision's, with the addresses of traced links as they are in this send. */
static const struct channel_attachment *attachments_of(const struct send *x,
                                                       const struct running *r)
{
    const struct campaign *c = r->campaign;
    struct channel_attachment *own = NULL;

    for (size_t i = 0; i < r->attachment_count; i++) {
        if (!c->attachments[i].trace)
            continue;
        if (!own) {
            own = arena_array(x->arena, r->attachment_count, sizeof *own);
            memcpy(own, r->attachments, r->attachment_count * sizeof *own);
        }
        own[i].url = trace_link(x->arena, own[i].url, &r->digest, x->number, x->claimed_at);
    }
    return own ? own : r->attachments;
}

static duration_t answer_ms(const struct chan *c)
{
    return c->kind->caps.platform_confirms ? TASK_ANSWER_MS : ANSWER_MS;
}

bool send_prepare(struct run *s, struct send *x, const struct running *r)
{
    const char **recipients = arena_array(x->arena, x->count, sizeof(const char *));

    for (size_t i = 0; i < x->count; i++)
        recipients[i] = x->items[i].recipient;
    x->channel = r->channel;
    x->call = (struct channel_send){.id = x->id,
                                    .sender = x->sender,
                                    .recipients = recipients,
                                    .recipient_count = x->count,
                                    .format = r->campaign->format,
                                    .attachments = attachments_of(x, r),
                                    .attachment_count = r->attachment_count,
                                    .deadline_ms = run_now(s) + answer_ms(r->channel),
                                    .key = key_of(x, r)};
    return render_all(x, r->campaign->template);
}

static void answer(struct run *s, struct send *x, const struct engine_answer *a)
{
    if (!engine_answer(s->engine, run_now(s), x->number, a))
        log_line(LOG_WARNING, "send", "second answer delivery=%lld", (long long)x->number);
}

void send_call(struct run *s, int64_t number)
{
    struct send *x = map_get(&s->by_number, number);
    struct running *r = map_get(&s->running, x->revision);

    x->called = true;
    x->deadline_ms = uv_now(&s->loop) + (uint64_t)answer_ms(r->channel);
    if (!send_prepare(s, x, r)) {
        /* submit skips these; a stored row that does not render any more was tampered with */
        log_line(LOG_ERROR, "send", "does not render delivery=%lld", (long long)number);
        answer(s, x, &(struct engine_answer){.kind = ANSWER_NEVER, .reason = REASON_MISSING_VALUE});
        return;
    }
    log_line(LOG_INFO, "send", "call delivery=%lld campaign=%s channel=%s", (long long)number,
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
        [CHANNEL_UNKNOWN] = ANSWER_UNKNOWN, [CHANNEL_ASKED] = ANSWER_ASKED,
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
    static const char *const names[] = {"done", "not-sent", "not-now", "never", "unknown", "asked"};
    struct strbuf safe = STRBUF_INIT, words = STRBUF_INIT;
    bool fine = o->kind == CHANNEL_DONE || o->kind == CHANNEL_ASKED;
    bool refused = o->kind == CHANNEL_NEVER && o->reason == CHANNEL_REASON_REFUSED;

    text_safe(&safe, o->detail ? o->detail : "", false);
    log_line(fine ? LOG_INFO : LOG_WARNING, "send", "answer delivery=%lld outcome=%s %s",
             (long long)x->number,
             (size_t)o->kind < sizeof names / sizeof *names ? names[o->kind] : "?",
             safe.text ? safe.text : "");
    words_of(&words, o->detail ? o->detail : "");
    if (fine)
        c->problem[0] = 0;
    else if (o->stop == CHANNEL_STOP_CHANNEL || o->kind == CHANNEL_NOT_SENT || refused)
        snprintf(c->problem, sizeof c->problem, "%s: %s", c->conf->name,
                 words.text ? words.text : "");
    strbuf_dispose(&safe);
    strbuf_dispose(&words);
}

/* Which of the outcomes speaks for the send; those that were refused alone are settled first. */
static const struct channel_outcome *settle_refused(struct run *s, struct send *x,
                                                    const struct channel_outcome *o, size_t count)
{
    const struct channel_outcome *whole = &o[0];
    size_t refused = 0;

    for (size_t i = 0; i < count; i++)
        if (o[i].kind != CHANNEL_NEVER) {
            whole = &o[i];
            break;
        }
    for (size_t i = 0; i < count && i < x->count && whole->kind != CHANNEL_NEVER; i++) {
        if (o[i].kind != CHANNEL_NEVER)
            continue;
        engine_answer_one(s->engine, run_now(s), x->items[i].delivery, DELIVERY_FAILED,
                          answer_of(&o[i]).reason);
        refused++;
    }
    if (refused)
        log_line(LOG_WARNING, "send", "refused alone delivery=%lld count=%zu", (long long)x->number,
                 refused);
    return whole;
}

void sends_settle(struct run *s, uint64_t id, const struct channel_outcome *outcomes, size_t count)
{
    struct send *x = map_get(&s->sends, (int64_t)id);

    if (reconcile_settled(s, id, outcomes, count))
        return;
    if (!x || !x->called) {
        log_line(LOG_WARNING, "send", "late answer send=%llu", (unsigned long long)id);
        return;
    }
    const struct channel_outcome *o = settle_refused(s, x, outcomes, count);
    struct engine_answer a = answer_of(o);
    tell(x->channel, x, o);
    if (o->ref && !x->ref)
        x->ref = xstrdup(o->ref);
    instant_t now = run_now(s);
    if (a.kind == ANSWER_NOT_SENT &&
        (s->store_broken || !clock_trusted(s) || !engine_may_send(s->engine, now, x->number)))
        a.kind = ANSWER_HELD; /* the guard said no: the channel is not to blame */
    if (a.kind == ANSWER_ASKED) {
        x->called = false; /* the answer comes from a person, without a deadline of ours */
        if (x->channel->kind->caps.platform_confirms)
            task_new(s, x);
        else
            prompt_new(s, x);
    } else if (x->channel->retired && a.stop_channel && a.not_before == INSTANT_NEVER) {
        a.stop_channel = false; /* a key that was refused says nothing about the one after it */
        a.not_before = run_now(s) + 1;
    }
    answer(s, x, &a);
}

bool sends_guard(struct run *s, uint64_t send_id)
{
    const struct send *x = map_get(&s->sends, (int64_t)send_id);

    run_watch_halt(s);
    instant_t now = run_now(s);
    return x && !s->store_broken && clock_trusted(s) && engine_may_send(s->engine, now, x->number);
}

void sends_slept(struct run *s, uint64_t ms)
{
    size_t at = 0;

    for (struct send *x; (x = map_each(&s->sends, &at));)
        x->deadline_ms -= x->deadline_ms < ms ? x->deadline_ms : ms;
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
