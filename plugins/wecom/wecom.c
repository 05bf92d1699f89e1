/* WeCom: mass messages that each member confirms, to customers and customer groups, and app
 * messages to members. Every call goes through the account (account.c), which the channels of one
 * corp and app share. */
#include "wecom.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const modes[] = {"customers", "groups", "members", NULL}; /* as wire_mode */

static void on_alarm(void *ctx)
{
    struct alarm *alarm = ctx, copy = *alarm, **at = &alarm->w->alarms;

    while (*at != alarm)
        at = &(*at)->next;
    *at = alarm->next;
    free(alarm);
    if (copy.task)
        copy.fn(copy.task);
}

struct alarm *alarm_new(struct wecom *w, void *task, channel_timer_fn *fn, int64_t ms)
{
    struct alarm *alarm = calloc(1, sizeof(*alarm));

    if (!alarm)
        abort();
    *alarm = (struct alarm){w->alarms, w, task, fn};
    w->alarms = alarm;
    w->host->after(w->host, ms, on_alarm, alarm);
    return alarm;
}

void alarms_close(struct wecom *w)
{
    while (w->alarms) { /* the host calls none of them any more */
        struct alarm *alarm = w->alarms;
        w->alarms = alarm->next;
        free(alarm);
    }
}

static int wecom_open(const struct channel_host *host, void **instance, char *problem, size_t size)
{
    struct wecom *w = calloc(1, sizeof(*w));

    if (!w) {
        snprintf(problem, size, "out of memory");
        return -1;
    }
    w->host = host;
    w->account = host->shared;
    while (modes[w->mode + 1] && strcmp(modes[w->mode], host->mode) != 0)
        w->mode++; /* the host has seen to it that it is one of these */
    *instance = w;
    return 0;
}

static void wecom_submit(void *instance, const struct channel_send *send)
{
    create_submit(instance, send);
}

static void wecom_resume(void *instance, const struct channel_task *task)
{
    task_open(instance, task->send, task->ref, task->asked_ms);
}

static void wecom_withdraw(void *instance, uint64_t send_id)
{
    task_withdraw(instance, send_id);
}

static void wecom_forget(void *instance, uint64_t send_id)
{
    task_forget(instance, send_id);
}

static void wecom_read_book(void *instance, const struct channel_book_ask *ask, channel_book_fn *fn,
                            void *ctx)
{
    book_read(instance, ask, fn, ctx);
}

static void wecom_reconcile(void *instance, const struct channel_doubt *doubt)
{
    search_begin(instance, doubt);
}

static void wecom_remind(void *instance, uint64_t send_id, channel_done_fn *fn, void *ctx)
{
    const char *msgid = task_ref(instance, send_id);

    if (msgid)
        remind_task(instance, msgid, fn, ctx);
    else
        fn(ctx, "there is no such task any more");
}

static void wecom_notify(void *instance, const char *member, const char *text, channel_done_fn *fn,
                         void *ctx)
{
    remind_member(instance, member, text, fn, ctx);
}

static void wecom_close(void *instance)
{
    struct wecom *w = instance;

    create_close(w);
    book_close(w);
    tasks_close(w);
    searches_close(w);
    reminders_close(w);
    alarms_close(w);
    account_forget(w->account, w);
    free(w);
}

enum {
    CUSTOMERS_MAX = 10000,
    GROUPS_MAX = 2000,
    MEMBERS_MAX = 1000,
    FILES_MAX = 9,
    IMAGE_MAX = 5 * 1024 * 1024,   /* the lower of two figures of the platform's pages */
    PICTURE_MAX = 2 * 1024 * 1024, /* of a link: uploaded for its address */
    VIDEO_MAX = 10 * 1024 * 1024,
    FILE_MAX = 20 * 1024 * 1024
};

static const struct channel_format task_formats[] = {{"text", 4000}, {NULL, 0}};
static const struct channel_format message_formats[] = {
    {"text", 2048}, {"markdown", 2048}, {NULL, 0}};

static const struct channel_attachment_kind task_attachments[] = {
    {.name = "image", .count_max = FILES_MAX, .bytes_max = IMAGE_MAX, .types = "jpg png"},
    {.name = "video", .count_max = FILES_MAX, .bytes_max = VIDEO_MAX},
    {.name = "file", .count_max = FILES_MAX, .bytes_max = FILE_MAX},
    {.name = "link",
     .count_max = FILES_MAX,
     .bytes_max = PICTURE_MAX,
     .types = "jpg png",
     .title_max_bytes = 128,
     .url_max_bytes = 2048,
     .description_max_bytes = 512},
    {.name = "miniprogram",
     .count_max = FILES_MAX,
     .bytes_max = IMAGE_MAX,
     .types = "jpg png",
     .title_max_bytes = 64},
    {.name = NULL},
};

#define TASK_CAPS(most)                                                                            \
    {                                                                                              \
        .recipients_max = (most), .in_flight_max = 1, .formats = task_formats,                     \
        .attachments = task_attachments, .attachments_max = FILES_MAX, .can_reconcile = true,      \
        .knows_relations = true, .avoids_half_hours = true, .platform_confirms = true,             \
        .batch_all = true                                                                          \
    }

static const struct channel_caps mode_caps[] = {
    TASK_CAPS(CUSTOMERS_MAX),
    TASK_CAPS(GROUPS_MAX),
    {.recipients_max = MEMBERS_MAX,
     .in_flight_max = 1,
     .formats = message_formats,
     .repeat_is_harmless = true},
};

PACELINE_EXPORT const struct paceline_channel paceline_channel;
const struct paceline_channel paceline_channel = {
    .abi = PACELINE_CHANNEL_ABI,
    .name = "wecom",
    .summary = "WeCom mass messages that members confirm",
    .caps = TASK_CAPS(CUSTOMERS_MAX),
    .platform_url = "https://qyapi.weixin.qq.com",
    .open = wecom_open,
    .submit = wecom_submit,
    .close = wecom_close,
    .modes = modes,
    .mode_caps = mode_caps,
    .open_account = account_open,
    .close_account = account_close,
    .resume = wecom_resume,
    .withdraw = wecom_withdraw,
    .forget = wecom_forget,
    .read_book = wecom_read_book,
    .reconcile = wecom_reconcile,
    .remind = wecom_remind,
    .notify = wecom_notify,
};
