/* Reminding a member: of one task by the platform itself, which does so three times a day at most;
 * and by a word of the app, one for all that waits. */
#include "wecom.h"

#include <stdlib.h>
#include <string.h>

struct reminder {
    struct reminder *next;
    struct wecom *w;
    channel_done_fn *fn;
    void *ctx;
};

static void unlink_reminder(struct reminder *r)
{
    struct reminder **at = &r->w->reminders;

    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
}

static void on_reply(void *ctx, const struct reply *reply)
{
    struct reminder *r = ctx, copy = *r;

    unlink_reminder(r);
    free(r);
    copy.fn(copy.ctx, reply->kind == REPLY_OK ? NULL : reply->detail);
}

static void call(struct wecom *w, const char *api, char *body, channel_done_fn *fn, void *ctx)
{
    struct reminder *r = calloc(1, sizeof(*r));

    if (!r)
        abort();
    *r = (struct reminder){w->reminders, w, fn, ctx};
    w->reminders = r;
    account_ask(w->account, api, body, r, on_reply);
}

void remind_task(struct wecom *w, const char *msgid, channel_done_fn *fn, void *ctx)
{
    call(w, "externalcontact/remind_groupmsg_send", wire_msgid_body(msgid), fn, ctx);
}

void remind_member(struct wecom *w, const char *member, const char *text, channel_done_fn *fn,
                   void *ctx)
{
    call(w, "message/send", wire_notice_body(member, w->host->account->agent_id, text), fn, ctx);
}

void reminders_close(struct wecom *w)
{
    for (struct reminder *r = w->reminders, *next; r; r = next) {
        next = r->next;
        account_forget(w->account, r);
        unlink_reminder(r);
        free(r);
    }
}
