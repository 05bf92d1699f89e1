/* A team's own system: one signed POST a message.
 *
 *     submit -> request -> answer -> settle
 *                  ^          |
 *                  +- in doubt, `idempotent: true`: at once, the same body, twice at most
 *
 * A repeat stays inside its send: the claim keeps its places in all limits, and the host asks again
 * before the first byte. After a doubt only "done" is taken at its word, since whoever refuses the
 * repeat need not be who saw the first one. */
#include "webhook_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXT_MAX = 64 * 1024,
    TIMEOUT_MIN_MS = 100,
    TIMEOUT_MAX_MS = 50000,
    REQUESTS_MAX = 3,
    KEY_MAX = 65
};

struct webhook_options {
    const char *url, *secret, *proxy;
    int64_t timeout_ms;
    bool idempotent;
};

struct webhook {
    const struct channel_host *host;
    const struct webhook_options *options;
    struct flight *flights; /* flight.next */
};

struct flight { /* one send that is not settled yet; the host may have given up on it meanwhile */
    struct webhook *webhook;
    struct flight *next;
    uint64_t send_id;
    int64_t deadline_ms;
    char key[KEY_MAX];
    char *body;
    size_t length;
    unsigned requests;
};

static void on_answer(void *ctx, const struct channel_http_answer *answer);

static int refuse(char *problem, size_t size, const char *text)
{
    snprintf(problem, size, "%s", text);
    return -1;
}

static int webhook_open(const struct channel_host *host, void **instance, char *problem,
                        size_t size)
{
    const struct webhook_options *o = host->options;
    struct webhook *w;

    if (!o->secret || !o->secret[0])
        return refuse(problem, size, "'secret' is empty: the receiver knows us by it alone");
    if (o->timeout_ms < TIMEOUT_MIN_MS || o->timeout_ms > TIMEOUT_MAX_MS)
        return refuse(problem, size, "'timeout' must be from 100ms to 50s");
    if (o->proxy[0] && !webhook_proxy_valid(o->proxy, host->standin))
        return refuse(problem, size,
                      "'proxy' must be http://HOST:PORT (with 'standin: true' on this machine)");
    w = calloc(1, sizeof(*w));
    if (!w)
        return refuse(problem, size, "out of memory");
    w->host = host;
    w->options = o;
    *instance = w;
    return 0;
}

static void flight_free(struct flight *f)
{
    free(f->body);
    free(f);
}

static void flight_end(struct flight *f)
{
    struct flight **at = &f->webhook->flights;

    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    flight_free(f);
}

/* False when there is no time left for it. */
static bool request(struct flight *f)
{
    const struct webhook *w = f->webhook;
    int64_t now_ms = w->host->now_ms(w->host), left_ms = f->deadline_ms - now_ms;
    char timestamp[24], signature[WEBHOOK_SIGNATURE_MAX];

    if (left_ms <= 0)
        return false;
    snprintf(timestamp, sizeof(timestamp), "%lld", (long long)(now_ms / 1000));
    webhook_sign(signature, w->options->secret, timestamp, f->body, f->length);
    const struct channel_http_header headers[] = {{"Content-Type", "application/json"},
                                                  {"Idempotency-Key", f->key},
                                                  {"X-Paceline-Timestamp", timestamp},
                                                  {"X-Paceline-Signature", signature},
                                                  {NULL, NULL}};
    const struct channel_http_request r = {
        .method = "POST",
        .path = webhook_path(w->options->url),
        .headers = headers,
        .body = f->body,
        .body_length = f->length,
        .timeout_ms = left_ms < w->options->timeout_ms ? left_ms : w->options->timeout_ms,
        .send_id = f->send_id,
        .proxy = w->options->proxy[0] ? w->options->proxy : NULL,
    };
    f->requests++;
    w->host->http(w->host, &r, on_answer, f); /* copies what it needs */
    return true;
}

static void webhook_submit(void *instance, const struct channel_send *send)
{
    static const struct channel_outcome unfit = {
        .kind = CHANNEL_NEVER,
        .reason = CHANNEL_REASON_REJECTED_CONTENT,
        .stop = CHANNEL_STOP_CAMPAIGN,
        .detail = "the message is not one that a webhook can carry",
    };
    static const struct channel_outcome late = {
        .kind = CHANNEL_NOT_SENT,
        .detail = "no time or memory left to send it",
    };
    struct channel_outcome stranger = {.kind = CHANNEL_NEVER,
                                       .reason = CHANNEL_REASON_BAD_RECIPIENT};
    struct webhook *w = instance;
    struct flight *f;

    stranger.detail =
        send->recipient_count == 1 ? webhook_recipient_problem(send->recipients[0]) : NULL;
    if (stranger.detail) {
        w->host->settle(w->host, send->id, &stranger, 1);
        return;
    }
    f = calloc(1, sizeof(*f));
    if (!f) {
        w->host->settle(w->host, send->id, &late, 1);
        return;
    }
    f->webhook = w;
    f->send_id = send->id;
    f->deadline_ms = send->deadline_ms;
    f->next = w->flights;
    w->flights = f;
    snprintf(f->key, sizeof(f->key), "%s", send->key);
    f->body = webhook_body(send, w->host->channel, w->host->standin, &f->length);
    if (f->body && request(f))
        return;
    const struct channel_outcome *why = f->body ? &late : &unfit;
    flight_end(f);
    w->host->settle(w->host, send->id, why, 1);
}

static void on_answer(void *ctx, const struct channel_http_answer *answer)
{
    struct flight *f = ctx;
    const struct channel_host *host = f->webhook->host;
    uint64_t send_id = f->send_id;
    struct webhook_verdict v;

    webhook_read(&v, answer, host->now_ms(host));
    if (f->requests > 1 && v.outcome.kind != CHANNEL_DONE &&
        v.outcome.kind != CHANNEL_UNKNOWN) { /* the first one is still in doubt */
        v.outcome.kind = CHANNEL_UNKNOWN;
        v.outcome.reason = CHANNEL_REASON_NO_ANSWER;
    } else if (v.outcome.kind == CHANNEL_UNKNOWN && v.outcome.stop == CHANNEL_STOP_NOBODY &&
               f->webhook->options->idempotent && f->requests < REQUESTS_MAX && request(f)) {
        return;
    }
    flight_end(f);
    host->settle(host, send_id, &v.outcome, 1);
}

static void webhook_close(void *instance)
{
    struct webhook *w = instance;

    while (w->flights) { /* the host calls none of them back any more */
        struct flight *f = w->flights;
        w->flights = f->next;
        flight_free(f);
    }
    free(w);
}

static const struct channel_format webhook_formats[] = {
    {"text", TEXT_MAX},
    {"markdown", TEXT_MAX},
    {NULL, 0},
};

static const struct channel_option webhook_options[] = {
    {"url", CHANNEL_STRING, offsetof(struct webhook_options, url), NULL, "where to POST"},
    {"secret", CHANNEL_SECRET, offsetof(struct webhook_options, secret), NULL,
     "what the requests are signed with"},
    {"proxy", CHANNEL_STRING, offsetof(struct webhook_options, proxy), "",
     "http://HOST:PORT; none by default, whatever the environment says"},
    {"timeout", CHANNEL_DURATION, offsetof(struct webhook_options, timeout_ms), "10s",
     "how long to wait for an answer"},
    {"idempotent", CHANNEL_BOOL, offsetof(struct webhook_options, idempotent), "false",
     "the receiver acts once for each Idempotency-Key"},
    {0},
};

PACELINE_EXPORT const struct paceline_channel paceline_channel;
const struct paceline_channel paceline_channel = {
    .abi = PACELINE_CHANNEL_ABI,
    .name = "webhook",
    .summary = "a POST to a team's own system",
    .caps = {.recipients_max = 1, .in_flight_max = 4, .formats = webhook_formats},
    .options = webhook_options,
    .options_size = sizeof(struct webhook_options),
    .open = webhook_open,
    .submit = webhook_submit,
    .close = webhook_close,
    .url_option = "url",
    .recipient_problem = webhook_recipient_problem,
};
