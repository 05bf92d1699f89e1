/* The answer is the status alone; the body may give the receiver's own id of the message. What a
 * status means stands in one table (`rules`, and the same in docs/webhook.md); what is not in it is
 * in doubt. */
#include "webhook_wire.h"

#include <assert.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ID_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

enum { ID_MIN = 24, OPENID = 28, BUSY_MS = 60000 };

/* --- the request --- */

static bool starts(const char *s, const char *prefix)
{
    return strncasecmp(s, prefix, strlen(prefix)) == 0;
}

static bool ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);

    return n >= m && strcasecmp(s + n - m, suffix) == 0;
}

/* External contacts (wm, wo), customer groups (wr), customer service (wk): real ones have about 32
 * characters, short ones are seen in examples. */
static bool wecom_id(const char *s, size_t n)
{
    return s[0] == 'w' && n > 2 && strchr("mork", s[1]) &&
           (n >= ID_MIN || strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", s[2]));
}

const char *webhook_recipient_problem(const char *recipient)
{
    size_t n = strlen(recipient);
    bool plain = n > 0 && strspn(recipient, ID_CHARACTERS) == n;

    if (plain && wecom_id(recipient, n))
        return "it looks like an id of WeCom; a channel of the plugin 'wecom' reaches it, by the "
               "platform's rules";
    if (starts(recipient, "wxid_") || starts(recipient, "gh_") || ends(recipient, "@chatroom") ||
        ends(recipient, "@im.chatroom") || ends(recipient, "@openim") ||
        (plain && n == OPENID && recipient[0] == 'o'))
        return "it looks like an id of WeChat, which Paceline reaches through official channels "
               "only";
    return NULL;
}

const char *webhook_path(const char *url)
{
    const char *host = strstr(url, "://");
    const char *path = host ? host + 3 + strcspn(host + 3, "/?") : "";

    return *path ? path : "/";
}

bool webhook_proxy_valid(const char *proxy, bool loopback)
{
    static const char *const here[] = {"127.0.0.1:", "localhost:", "[::1]:"};
    const char *host = proxy + 7, *port = strrchr(proxy, ':') + 1;
    bool local = false;

    if (strncmp(proxy, "http://", 7) != 0 || port <= host + 1 || !*port ||
        port[strspn(port, "0123456789")] || strlen(port) > 5 || atoi(port) < 1 ||
        atoi(port) > 65535 || host[strcspn(host, "/?#@\\ ")])
        return false;
    for (size_t i = 0; i < sizeof(here) / sizeof(here[0]); i++)
        local |= strncmp(host, here[i], strlen(here[i])) == 0 && host + strlen(here[i]) == port;
    return local || !loopback;
}

char *webhook_body(const struct channel_send *send, const char *channel, bool test, size_t *length)
{
    json_t *root;
    char *text;

    if (send->recipient_count != 1 || send->attachment_count > 0 || !send->text)
        return NULL;
    root = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "key", send->key, "channel", channel,
                     "sender", send->sender, "recipient", send->recipients[0], "format",
                     send->format, "text", send->text); /* NULL: not UTF-8 */
    if (root && test)
        json_object_set_new(root, "test", json_true());
    text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    *length = text ? strlen(text) : 0;
    return text;
}

void webhook_sign(char out[WEBHOOK_SIGNATURE_MAX], const char *secret, const char *timestamp,
                  const void *body, size_t length)
{
    size_t head = strlen(timestamp) + 1;
    unsigned char digest[32], *signed_text = malloc(head + length);
    size_t digest_length = 0;

    assert(signed_text);
    memcpy(signed_text, timestamp, head - 1);
    signed_text[head - 1] = '.';
    memcpy(signed_text + head, body, length);
    EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, secret, strlen(secret), signed_text,
              head + length, digest, sizeof(digest), &digest_length);
    assert(digest_length == sizeof(digest));
    free(signed_text);
    snprintf(out, WEBHOOK_SIGNATURE_MAX, "sha256=");
    for (size_t i = 0; i < digest_length; i++)
        snprintf(out + 7 + 2 * i, 3, "%02x", digest[i]);
}

/* --- the answer --- */

enum answer_class {
    ANSWER_DONE,
    ANSWER_CONTENT,   /* refused for good: the message */
    ANSWER_RECIPIENT, /* refused for good: this recipient */
    ANSWER_SETUP,     /* refused; nothing goes until a person has set something right */
    ANSWER_BUSY,      /* refused for now: the channel rests */
    ANSWER_ELSEWHERE, /* a redirect: in doubt, and the channel stands still */
    ANSWER_IN_DOUBT
};

static const struct {
    int first, last;
    enum answer_class class;
    const char *advice;
} rules[] = {
    {200, 299, ANSWER_DONE, ""},
    {300, 399, ANSWER_ELSEWHERE,
     "a redirect, which is never followed: set 'url' to where it leads, and look whether this "
     "message arrived"},
    {400, 400, ANSWER_CONTENT, "the receiver refuses the message"},
    {401, 401, ANSWER_SETUP, "the receiver does not accept the signature: check 'secret'"},
    {403, 403, ANSWER_SETUP, "the receiver does not let us in: check 'secret' and its rights"},
    {404, 405, ANSWER_SETUP, "nobody takes messages at this address: check 'url'"},
    {409, 409, ANSWER_DONE, "the receiver already has this key"},
    {410, 410, ANSWER_SETUP, "nobody takes messages at this address any more: check 'url'"},
    {413, 413, ANSWER_CONTENT, "the message is too large for the receiver"},
    {415, 415, ANSWER_CONTENT, "the receiver does not take JSON"},
    {422, 422, ANSWER_RECIPIENT, "the receiver refuses the recipient"},
    {425, 425, ANSWER_BUSY, "the receiver does not want it yet"},
    {429, 429, ANSWER_BUSY, "too many messages for the receiver"},
};

static const struct channel_outcome meanings[] = {
    [ANSWER_DONE] = {.kind = CHANNEL_DONE},
    [ANSWER_CONTENT] = {.kind = CHANNEL_NEVER, .reason = CHANNEL_REASON_REJECTED_CONTENT},
    [ANSWER_RECIPIENT] = {.kind = CHANNEL_NEVER, .reason = CHANNEL_REASON_BAD_RECIPIENT},
    [ANSWER_SETUP] = {.kind = CHANNEL_NOT_NOW,
                      .reason = CHANNEL_REASON_REFUSED,
                      .stop = CHANNEL_STOP_CHANNEL,
                      .not_before_ms = CHANNEL_FOREVER},
    [ANSWER_BUSY] = {.kind = CHANNEL_NOT_NOW, .stop = CHANNEL_STOP_CHANNEL},
    [ANSWER_ELSEWHERE] = {.kind = CHANNEL_UNKNOWN,
                          .reason = CHANNEL_REASON_BAD_ANSWER,
                          .stop = CHANNEL_STOP_CHANNEL,
                          .not_before_ms = CHANNEL_FOREVER},
    [ANSWER_IN_DOUBT] = {.kind = CHANNEL_UNKNOWN, .reason = CHANNEL_REASON_BAD_ANSWER},
};

/* The receiver's own id of the message, {"id": "…"}, when it gives one that can be shown. */
static void read_ref(struct webhook_verdict *out, const struct channel_http_answer *answer)
{
    json_t *root = json_loadb(answer->body, answer->length, JSON_REJECT_DUPLICATES, NULL);
    const char *id = json_string_value(json_object_get(root, "id"));
    size_t n = id ? strlen(id) : 0;

    for (size_t i = 0; i < n; i++) {
        if (id[i] < '!' || id[i] > '~')
            n = 0;
    }
    if (n > 0 && n < WEBHOOK_REF_MAX) {
        memcpy(out->ref, id, n + 1);
        out->outcome.ref = out->ref;
    }
    json_decref(root);
}

static void read_status(struct webhook_verdict *out, const struct channel_http_answer *answer,
                        int64_t now_ms)
{
    const char *advice = "look at the receiver whether it arrived";
    enum answer_class class = ANSWER_IN_DOUBT;

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (answer->status < rules[i].first || answer->status > rules[i].last)
            continue;
        class = rules[i].class;
        advice = rules[i].advice;
    }
    out->outcome = meanings[class];
    out->outcome.detail = out->detail;
    snprintf(out->detail, sizeof(out->detail), "HTTP status %d%s%s", answer->status,
             *advice ? ": " : "", advice);
    if (class == ANSWER_BUSY)
        out->outcome.not_before_ms =
            now_ms + (answer->retry_after_ms >= 0 ? answer->retry_after_ms : BUSY_MS);
    if (class == ANSWER_DONE)
        read_ref(out, answer);
}

void webhook_read(struct webhook_verdict *out, const struct channel_http_answer *answer,
                  int64_t now_ms)
{
    memset(out, 0, sizeof(*out));
    if (answer->result == CHANNEL_HTTP_ANSWERED) {
        read_status(out, answer, now_ms);
        return;
    }
    if (answer->result == CHANNEL_HTTP_NOT_SENT)
        out->outcome.kind = CHANNEL_NOT_SENT;
    else
        out->outcome =
            (struct channel_outcome){.kind = CHANNEL_UNKNOWN, .reason = CHANNEL_REASON_NO_ANSWER};
    out->outcome.detail = out->detail;
    snprintf(out->detail, sizeof(out->detail), "%s", answer->error ? answer->error : "no answer");
}
