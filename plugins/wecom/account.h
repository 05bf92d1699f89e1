/* One corp and app: its token, which all channels of the account share, and every call to the
 * platform. Calls to one API are a few at a time; one that is blocked (45009) is not made before
 * the block is over; a token that was refused is renewed once, by one request for all who wait.
 *
 * Threads: the loop's. An answer comes in a later turn, unless its owner was forgotten. */
#ifndef PACELINE_PLUGINS_WECOM_ACCOUNT_H
#define PACELINE_PLUGINS_WECOM_ACCOUNT_H

#include "wire.h"

struct account;

int account_open(const struct channel_host *host, void **account, char *problem, size_t size);
void account_close(void *account);

enum reply_kind {
    REPLY_OK,      /* errcode 0 */
    REPLY_REFUSED, /* before any effect, or an errcode that says so: see answer.class */
    REPLY_BLOCKED, /* not made, or refused, for a while: `not_before_ms` */
    REPLY_STOPPED, /* not made, or refused, until a person has set something right */
    REPLY_NOT_SENT,
    REPLY_IN_DOUBT /* -1 and codes that are not known too, of a call that is not `harmless` */
};

struct reply {
    enum reply_kind kind;
    int64_t not_before_ms;
    const struct wire_answer *answer; /* lives until the callback returns */
    const char *detail;
};

typedef void reply_fn(void *ctx, const struct reply *reply);

struct account_call {
    const char *api;   /* a text that lives for ever: a limit each */
    const char *query; /* or NULL; copied */
    char *body;        /* malloc'd and taken; NULL: GET */
    size_t length;     /* 0: the body is a text */
    const char *type;  /* Content-Type; NULL: JSON; copied */
    bool harmless;     /* a repeat changes nothing: tried three times, and nothing is in doubt */
    uint64_t send_id;
    int64_t timeout_ms; /* 0: 30 s */
    const void *owner;
    reply_fn *fn;
    void *ctx;
};

/* A body that could not be made (NULL where one is needed) is the caller's to see. */
void account_call(struct account *a, const struct account_call *what);
/* A question, or what may be said twice: `body` is taken, `owner` hears of it. */
void account_ask(struct account *a, const char *api, char *body, void *owner, reply_fn *fn);
/* Nobody of this owner is called any more; what is on its way goes on unheard. */
void account_forget(struct account *a, const void *owner);
/* A person wants it tried again: a secret that was refused may be another one now. */
void account_try_again(struct account *a);

#endif
