/* What goes over the wire between Paceline and a team's own system, as pure functions:
 * docs/webhook.md describes it for those who receive it. */
#ifndef PACELINE_PLUGIN_WEBHOOK_WIRE_H
#define PACELINE_PLUGIN_WEBHOOK_WIRE_H

#include "channel/channel.h"

enum {
    WEBHOOK_SIGNATURE_MAX = 7 + 64 + 1, /* sha256=… */
    WEBHOOK_DETAIL_MAX = 256,
    WEBHOOK_REF_MAX = 129
};

/* Why we do not write to this recipient, or NULL: ids of WeChat and WeCom are for their own
 * channels, where the platform's rules hold. */
const char *webhook_recipient_problem(const char *recipient);

/* Path and query of `url`, "/" when it has none; borrowed from it. */
const char *webhook_path(const char *url);

/* http://HOST:PORT and nothing more; `loopback`: HOST must be this machine. */
bool webhook_proxy_valid(const char *proxy, bool loopback);

/* JSON, malloc'd; NULL when the message is not one that can be carried. */
char *webhook_body(const struct channel_send *send, const char *channel, bool test, size_t *length);

/* HMAC-SHA-256 over TIMESTAMP.BODY. */
void webhook_sign(char out[WEBHOOK_SIGNATURE_MAX], const char *secret, const char *timestamp,
                  const void *body, size_t length);

struct webhook_verdict {
    struct channel_outcome outcome; /* its strings point to the two below */
    char detail[WEBHOOK_DETAIL_MAX], ref[WEBHOOK_REF_MAX];
};

void webhook_read(struct webhook_verdict *out, const struct channel_http_answer *answer,
                  int64_t now_ms);

#endif
