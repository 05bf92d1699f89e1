/* A send becomes a task (customers, groups) or a message (members).
 *
 *     files are uploaded one after the other -> the call -> settled
 *
 * An upload reaches nobody, so what goes wrong before the call was not sent. A file whose id the
 * platform has lost meanwhile (40007) is uploaded anew once, with all others. */
#include "wecom.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CREATE_TIMEOUT_MS = 30 * 1000, UPLOAD_TIMEOUT_MS = 60 * 1000 };

struct creation {
    struct creation *next;
    struct wecom *w;
    const struct channel_send *send;
    struct wire_media *media; /* of its attachments */
    size_t uploaded;
    bool again; /* uploaded a second time */
};

static void step(struct creation *c);

static void media_drop(struct creation *c)
{
    for (size_t i = 0; i < c->send->attachment_count; i++) {
        free(c->media[i].media_id);
        free(c->media[i].url);
        c->media[i] = (struct wire_media){NULL, NULL};
    }
    c->uploaded = 0;
}

static void creation_free(struct creation *c)
{
    struct creation **at = &c->w->creations;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    media_drop(c);
    free(c->media);
    free(c);
}

void create_outcome(struct channel_outcome *out, const struct reply *r)
{
    *out = (struct channel_outcome){
        .kind = CHANNEL_UNKNOWN, .reason = CHANNEL_REASON_BAD_ANSWER, .detail = r->detail};
    switch (r->kind) {
    case REPLY_OK:
        out->kind = CHANNEL_DONE;
        out->reason = CHANNEL_REASON_NONE;
        break;
    case REPLY_REFUSED:
        out->kind = CHANNEL_NEVER;
        out->reason = CHANNEL_REASON_REFUSED;
        if (r->answer->class == CODE_RECIPIENT)
            out->reason = CHANNEL_REASON_BAD_RECIPIENT;
        if (r->answer->class == CODE_REQUEST || r->answer->class == CODE_CONTENT ||
            r->answer->class == CODE_MEDIA) {
            out->reason = CHANNEL_REASON_REJECTED_CONTENT;
            out->stop = CHANNEL_STOP_CAMPAIGN;
        }
        break;
    case REPLY_BLOCKED:
        out->kind = CHANNEL_NOT_NOW;
        out->reason = CHANNEL_REASON_NONE;
        out->stop = CHANNEL_STOP_CHANNEL;
        out->not_before_ms = r->not_before_ms;
        break;
    case REPLY_STOPPED:
        out->kind = CHANNEL_NOT_NOW;
        out->reason = CHANNEL_REASON_REFUSED;
        out->stop = CHANNEL_STOP_CHANNEL;
        out->not_before_ms = CHANNEL_FOREVER;
        break;
    case REPLY_NOT_SENT:
        out->kind = CHANNEL_NOT_SENT;
        out->reason = CHANNEL_REASON_NONE;
        break;
    case REPLY_IN_DOUBT:
        if (r->answer->kind != WIRE_ANSWER)
            out->reason = CHANNEL_REASON_NO_ANSWER;
        break;
    }
}

static void settle_all(struct creation *c, const struct channel_outcome *o)
{
    const struct channel_host *host = c->w->host;
    uint64_t id = c->send->id;

    creation_free(c); /* the host may do much now */
    host->settle(host, id, o, 1);
}

/* What is gone before the call goes out was not sent. */
static void not_sent(struct creation *c, const struct reply *r)
{
    struct channel_outcome o;

    create_outcome(&o, r);
    if (o.kind == CHANNEL_UNKNOWN) {
        o.kind = CHANNEL_NOT_SENT;
        o.reason = CHANNEL_REASON_NONE;
    }
    settle_all(c, &o);
}

static void unfit(struct creation *c, const char *why)
{
    const struct channel_outcome o = {.kind = CHANNEL_NEVER,
                                      .reason = CHANNEL_REASON_REJECTED_CONTENT,
                                      .stop = CHANNEL_STOP_CAMPAIGN,
                                      .detail = why};

    settle_all(c, &o);
}

/* --- the call --- */

/* The platform has it: those it names were refused, the others are asked for. */
static void accepted(struct creation *c, const struct reply *r)
{
    static const char nobody[] = "the platform refused this recipient";
    struct wecom *w = c->w;
    const struct channel_send *send = c->send;
    size_t n = send->recipient_count, failed = 0;
    bool members = w->mode == MODE_MEMBERS;
    const char *msgid = wire_text(r->answer->root, "msgid");
    struct channel_outcome *outcomes = calloc(n, sizeof(*outcomes));
    bool *fails = calloc(n, sizeof(*fails));

    if (!outcomes || !fails)
        abort();
    if (!members && (!msgid || strlen(msgid) > WIRE_ID_MAX)) {
        const struct channel_outcome o = {.kind = CHANNEL_UNKNOWN,
                                          .reason = CHANNEL_REASON_BAD_ANSWER,
                                          .detail = "the answer holds no msgid"};
        settle_all(c, &o);
    } else {
        wire_fails(r->answer, send, w->mode, fails);
        for (size_t i = 0; i < n; i++) {
            outcomes[i] = (struct channel_outcome){
                .kind = members ? CHANNEL_DONE : CHANNEL_ASKED, .ref = msgid, .detail = ""};
            if (!fails[i])
                continue;
            outcomes[i].kind = CHANNEL_NEVER;
            outcomes[i].reason = CHANNEL_REASON_BAD_RECIPIENT;
            outcomes[i].detail = nobody;
            failed++;
        }
        creation_free(c);
        if (!members && failed < n)
            task_open(w, send, msgid, w->host->now_ms(w->host));
        w->host->settle(w->host, send->id, outcomes, n);
    }
    free(outcomes);
    free(fails);
}

static void on_created(void *ctx, const struct reply *r)
{
    struct creation *c = ctx;
    struct channel_outcome o;

    if (r->kind == REPLY_OK) {
        accepted(c, r);
        return;
    }
    if (r->kind == REPLY_REFUSED && r->answer->class == CODE_MEDIA && !c->again) {
        c->again = true;
        media_drop(c);
        step(c);
        return;
    }
    create_outcome(&o, r);
    settle_all(c, &o);
}

static void create(struct creation *c)
{
    struct wecom *w = c->w;
    bool members = w->mode == MODE_MEMBERS;
    char *body = members ? wire_message_body(c->send, w->host->account->agent_id)
                         : wire_task_body(c->send, w->mode, c->media);

    if (!body) {
        unfit(c, "the message is not one that the platform can carry");
        return;
    }
    const struct account_call call = {
        .api = members ? "message/send" : "externalcontact/add_msg_template",
        .body = body,
        .harmless = members, /* the platform drops the same bytes again */
        .send_id = c->send->id,
        .timeout_ms = CREATE_TIMEOUT_MS,
        .owner = c,
        .fn = on_created,
        .ctx = c,
    };
    account_call(w->account, &call);
}

/* --- files --- */

/* "image", "video", "file" to be uploaded for its id; "url": a picture for its address; NULL:
 * nothing. */
static const char *upload_type(const struct channel_attachment *a)
{
    if (!strcmp(a->kind, "link"))
        return a->length ? "url" : NULL;
    return !strcmp(a->kind, "miniprogram") ? "image" : a->kind;
}

static void on_uploaded(void *ctx, const struct reply *r)
{
    struct creation *c = ctx;
    struct wire_media *m = &c->media[c->uploaded];
    const char *id, *url;

    if (r->kind != REPLY_OK) {
        not_sent(c, r);
        return;
    }
    id = wire_text(r->answer->root, "media_id");
    url = wire_text(r->answer->root, "url");
    m->media_id = id ? strdup(id) : NULL;
    m->url = url ? strdup(url) : NULL;
    if (!m->media_id && !m->url) {
        const struct channel_outcome o = {.kind = CHANNEL_NOT_SENT,
                                          .detail = "an upload was answered without an id"};
        settle_all(c, &o);
        return;
    }
    c->uploaded++;
    step(c);
}

static void upload(struct creation *c, const char *type)
{
    const struct channel_attachment *a = &c->send->attachments[c->uploaded];
    bool url = !strcmp(type, "url");
    char query[32], content[128];
    size_t length = 0;
    char *body = wire_upload_body(a, c->send->id * 31 + c->uploaded, content, &length);

    if (!body)
        abort();
    snprintf(query, sizeof(query), "type=%s", type);
    const struct account_call call = {
        .api = url ? "media/uploadimg" : "media/upload",
        .query = url ? NULL : query,
        .body = body,
        .length = length,
        .type = content,
        .harmless = true,
        .timeout_ms = UPLOAD_TIMEOUT_MS,
        .owner = c,
        .fn = on_uploaded,
        .ctx = c,
    };
    account_call(c->w->account, &call);
}

static void step(struct creation *c)
{
    static const struct channel_outcome late = {.kind = CHANNEL_NOT_SENT,
                                                .detail = "no time left to send it"};
    const struct channel_host *host = c->w->host;
    const char *type = NULL;

    if (host->now_ms(host) + CREATE_TIMEOUT_MS > c->send->deadline_ms) {
        settle_all(c, &late);
        return;
    }
    while (c->uploaded < c->send->attachment_count &&
           !(type = upload_type(&c->send->attachments[c->uploaded])))
        c->uploaded++;
    if (type)
        upload(c, type);
    else
        create(c);
}

void create_submit(struct wecom *w, const struct channel_send *send)
{
    struct creation *c = calloc(1, sizeof(*c));

    if (!c || !(c->media = calloc(send->attachment_count + 1, sizeof(*c->media))))
        abort();
    c->w = w;
    c->send = send;
    c->next = w->creations;
    w->creations = c;
    account_try_again(w->account); /* the host stops a channel whose secret was refused */
    step(c);
}

void create_close(struct wecom *w)
{
    for (struct creation *c = w->creations, *next; c; c = next) {
        next = c->next;
        account_forget(w->account, c);
        creation_free(c);
    }
}
