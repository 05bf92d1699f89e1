/* A WeCom group robot: one POST a message, the key in the URL is its only credential. The recipient
 * is no address here (a robot writes to its one group), only data of the row. */
#include "robot_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUEST_TIMEOUT_MS = 30000, IMAGE_MAX = 2 * 1024 * 1024, PER_MINUTE = 20 };

struct robot_options {
    const char *key;
};

struct robot {
    const struct channel_host *host;
    char path[ROBOT_PATH_MAX];
    unsigned blocks;        /* "too often" in a row */
    struct flight *flights; /* flight.next */
};

struct flight { /* one send whose answer is not here yet */
    struct robot *robot;
    struct flight *next;
    uint64_t send_id;
};

static void on_answer(void *ctx, const struct channel_http_answer *answer);

static int robot_open(const struct channel_host *host, void **instance, char *problem, size_t size)
{
    const struct robot_options *options = host->options;
    struct robot *r;

    if (!options->key || !robot_key_valid(options->key)) {
        snprintf(problem, size,
                 "this is not a robot's key (8 to 64 letters, digits and '-'): "
                 "take what follows key= in the robot's webhook address");
        return -1;
    }
    r = calloc(1, sizeof(*r));
    if (!r) {
        snprintf(problem, size, "out of memory");
        return -1;
    }
    r->host = host;
    robot_path(r->path, options->key);
    *instance = r;
    return 0;
}

static void robot_submit(void *instance, const struct channel_send *send)
{
    static const struct channel_http_header headers[] = {{"Content-Type", "application/json"},
                                                         {NULL, NULL}};
    static const struct channel_outcome unfit = {
        .kind = CHANNEL_NEVER,
        .reason = CHANNEL_REASON_REJECTED_CONTENT,
        .stop = CHANNEL_STOP_CAMPAIGN,
        .detail = "the message is not one that a robot can carry",
    };
    static const struct channel_outcome late = {
        .kind = CHANNEL_NOT_SENT,
        .detail = "no time or memory left to send it",
    };
    struct robot *r = instance;
    int64_t left_ms = send->deadline_ms - r->host->now_ms(r->host);
    size_t length = 0;
    char *body = robot_body(send, &length);
    struct flight *f = body && left_ms > 0 ? calloc(1, sizeof(*f)) : NULL;

    if (!f) {
        r->host->settle(r->host, send->id, body ? &late : &unfit, 1);
        free(body);
        return;
    }
    f->robot = r;
    f->send_id = send->id;
    f->next = r->flights;
    r->flights = f;
    const struct channel_http_request request = {
        .method = "POST",
        .path = r->path,
        .headers = headers,
        .body = body,
        .body_length = length,
        .timeout_ms = left_ms < REQUEST_TIMEOUT_MS ? left_ms : REQUEST_TIMEOUT_MS,
        .send_id = send->id,
    };
    r->host->http(r->host, &request, on_answer, f); /* copies what it needs */
    free(body);
}

static void on_answer(void *ctx, const struct channel_http_answer *answer)
{
    struct flight *f = ctx, **at;
    struct robot *r = f->robot;
    const struct robot_options *options = r->host->options;
    char detail[ROBOT_DETAIL_MAX];
    struct channel_outcome outcome;
    uint64_t send_id = f->send_id;

    for (at = &r->flights; *at != f; at = &(*at)->next)
        continue;
    *at = f->next;
    free(f);
    robot_read(&outcome, detail, answer, options->key, r->host->now_ms(r->host), r->blocks);
    if (robot_blocked(&outcome))
        r->blocks++;
    else if (outcome.kind == CHANNEL_DONE)
        r->blocks = 0;
    r->host->settle(r->host, send_id, &outcome, 1);
}

static void robot_close(void *instance)
{
    struct robot *r = instance;

    while (r->flights) { /* the host calls none of them back any more */
        struct flight *f = r->flights;
        r->flights = f->next;
        free(f);
    }
    explicit_bzero(r->path, sizeof(r->path));
    free(r);
}

static const struct channel_format robot_formats[] = {
    {"text", 2048},
    {"markdown", 4096},
    {NULL, 0},
};

static const struct channel_attachment_kind robot_attachments[] = {
    {.name = "image", .count_max = 1, .bytes_max = IMAGE_MAX, .types = "jpg png"},
    {.name = NULL},
};

static const struct channel_quota robot_quotas[] = {
    {PER_MINUTE, 60000},
    {0, 0},
};

static const struct channel_option robot_options[] = {
    {"key", CHANNEL_SECRET, offsetof(struct robot_options, key), NULL,
     "what follows key= in the robot's webhook address"},
    {0},
};

PACELINE_EXPORT const struct paceline_channel paceline_channel;
const struct paceline_channel paceline_channel = {
    .abi = PACELINE_CHANNEL_ABI,
    .name = "wecom-robot",
    .summary = "a WeCom group robot (internal groups)",
    .caps =
        {
            .recipients_max = 1,
            .in_flight_max = 1,
            .formats = robot_formats,
            .attachments = robot_attachments,
            .text_or_attachment = true,
            .quotas = robot_quotas,
        },
    .platform_url = "https://qyapi.weixin.qq.com",
    .options = robot_options,
    .options_size = sizeof(struct robot_options),
    .open = robot_open,
    .submit = robot_submit,
    .close = robot_close,
};
