/* A call's way: wanted -> (a place of its API, a token) -> out -> read -> told, or back to wanted
 * with a new token or after a while.
 *
 *     token: none -> asked for (one request, whoever waits) -> good until a little before its end
 *
 * A secret that was refused is not tried again by itself: the platform blocks the address of who
 * repeats it. What the platform blocks the host keeps through restarts. */
#include "account.h"

#include "quota.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    API_IN_FLIGHT = 2,
    TRIES_MAX = 3,
    MINUTE_MS = 60 * 1000,
    HOUR_MS = 60 * MINUTE_MS,
    RENEW_MS = 30 * 1000, /* between two requests for a token, when the first never worked */
    EARLY_MS = 5 * MINUTE_MS,
    SOON_MS = 1000
};

struct limit { /* of one API */
    struct limit *next;
    const char *api;
    unsigned in_flight, most;
    int64_t blocked_until_ms;
    unsigned blocks; /* in a row */
};

struct call {
    struct call *next;
    struct account *account;
    struct limit *limit;
    struct account_call what;
    char *query, *type;
    char *token; /* that it went out with */
    unsigned tries;
    bool renewed; /* tried with a new token already */
    bool waits;   /* for its timer */
};

struct account {
    const struct channel_host *host;
    struct limit *limits;
    struct call *wanted, *out;
    char *token;
    int64_t token_until_ms, asked_ms; /* asked_ms: when one was asked for last */
    bool asking, stopped;
    bool worked;                   /* the token, once at least */
    bool suspect;                  /* the last one was refused before it ever worked */
    char problem[WIRE_DETAIL_MAX]; /* of stopped */
    unsigned token_failures;
    bool timer; /* one is running */
};

static const char blocked[] = "too many calls: blocked for a while";

static void pump(struct account *a);
static void on_pump(void *ctx);

static int64_t now(const struct account *a)
{
    return a->host->now_ms(a->host);
}

static void secret_free(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

int account_open(const struct channel_host *host, void **account, char *problem, size_t size)
{
    struct account *a;

    if (!host->account->secret || !host->account->secret[0]) {
        snprintf(problem, size, "the account's secret is empty");
        return -1;
    }
    a = calloc(1, sizeof(*a));
    if (!a) {
        snprintf(problem, size, "out of memory");
        return -1;
    }
    a->host = host;
    a->asked_ms = INT64_MIN / 2;
    *account = a;
    return 0;
}

static void call_free(struct call *c)
{
    free(c->what.body);
    free(c->query);
    free(c->type);
    secret_free(c->token);
    free(c);
}

void account_close(void *account)
{
    struct account *a = account;

    while (a->wanted) {
        struct call *c = a->wanted;
        a->wanted = c->next;
        call_free(c);
    }
    while (a->out) { /* the host answers none of them any more */
        struct call *c = a->out;
        a->out = c->next;
        call_free(c);
    }
    while (a->limits) {
        struct limit *l = a->limits;
        a->limits = l->next;
        free(l);
    }
    secret_free(a->token);
    free(a);
}

static struct limit *limit_of(struct account *a, const char *api)
{
    struct limit *l = a->limits;

    while (l && strcmp(l->api, api) != 0)
        l = l->next;
    if (!l) {
        l = calloc(1, sizeof(*l));
        if (!l)
            abort();
        *l = (struct limit){.next = a->limits, .api = api, .most = API_IN_FLIGHT};
        l->blocked_until_ms = a->host->blocked(a->host, api, &l->blocks);
        a->limits = l;
    }
    return l;
}

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

/* Behind those that wait already. */
static void want(struct account *a, struct call *c)
{
    struct call **at = &a->wanted;

    while (*at)
        at = &(*at)->next;
    c->next = NULL;
    *at = c;
}

void account_call(struct account *a, const struct account_call *what)
{
    struct call *c = calloc(1, sizeof(*c));

    if (!c)
        abort();
    c->account = a;
    c->what = *what;
    c->query = copy(what->query);
    c->type = copy(what->type);
    c->limit = limit_of(a, what->api);
    if (what->body && !what->length)
        c->what.length = strlen(what->body);
    want(a, c);
    if (!a->timer) { /* in a later turn */
        a->timer = true;
        a->host->after(a->host, 0, on_pump, a);
    }
}

void account_ask(struct account *a, const char *api, char *body, void *owner, reply_fn *fn)
{
    if (!body)
        abort(); /* ids that the platform gave and members of the configuration are UTF-8 */
    account_call(
        a, &(struct account_call){
               .api = api, .body = body, .harmless = true, .owner = owner, .fn = fn, .ctx = owner});
}

void account_forget(struct account *a, const void *owner)
{
    for (struct call **at = &a->wanted; *at;) {
        struct call *c = *at;
        if (c->what.owner != owner) {
            at = &c->next;
            continue;
        }
        if (c->waits) { /* its timer frees it */
            c->what.fn = NULL;
            at = &c->next;
        } else {
            *at = c->next;
            call_free(c);
        }
    }
    for (struct call *c = a->out; c; c = c->next)
        if (c->what.owner == owner)
            c->what.fn = NULL;
}

void account_try_again(struct account *a)
{
    a->stopped = false;
}

/* --- telling --- */

static void remove_from(struct call **list, struct call *c)
{
    while (*list != c)
        list = &(*list)->next;
    *list = c->next;
}

/* The call is in no list any more. */
static void tell(struct call *c, const struct reply *r)
{
    if (c->what.fn)
        c->what.fn(c->what.ctx, r);
    call_free(c);
}

static void tell_kind(struct call *c, enum reply_kind kind, int64_t not_before_ms,
                      const char *detail)
{
    struct wire_answer none = {.kind = WIRE_NOT_SENT, .class = CODE_NEW};
    struct reply r = {kind, not_before_ms, &none, detail};

    tell(c, &r);
}

/* --- blocks --- */

static void block(struct account *a, struct limit *l, int64_t until_ms)
{
    l->blocked_until_ms = until_ms;
    l->blocks++;
    a->host->block(a->host, l->api, until_ms, l->blocks);
}

static void went_through(struct account *a, struct limit *l)
{
    if (l->blocks)
        a->host->block(a->host, l->api, 0, 0);
    l->blocks = 0;
}

/* --- again --- */

static void on_again(void *ctx)
{
    struct call *c = ctx;
    struct account *a = c->account;

    c->waits = false;
    if (!c->what.fn) {
        remove_from(&a->wanted, c);
        call_free(c);
    }
    pump(a);
}

static void again(struct account *a, struct call *c, int64_t ms)
{
    want(a, c);
    c->waits = true;
    a->host->after(a->host, ms, on_again, c);
}

/* --- the token --- */

static void stop(struct account *a, const char *why)
{
    a->stopped = true;
    snprintf(a->problem, sizeof(a->problem), "%s", why);
    a->host->log(a->host, CHANNEL_LOG_ERROR, a->problem);
}

static struct limit *token_limit(struct account *a)
{
    return limit_of(a, "gettoken");
}

static void token_failed(struct account *a, const struct wire_answer *answer)
{
    /* busy, or not reached: soon again, and less and less soon */
    int64_t wait = (int64_t)SOON_MS << (a->token_failures < 6 ? a->token_failures : 6);

    if (answer->kind == WIRE_ANSWER && answer->class == CODE_SETUP) {
        stop(a, answer->detail);
        return;
    }
    a->token_failures++;
    if (answer->kind == WIRE_ANSWER && answer->class == CODE_QUOTA)
        block(a, token_limit(a), now(a) + HOUR_MS); /* the address is blocked */
    else
        token_limit(a)->blocked_until_ms = now(a) + wait;
    snprintf(a->problem, sizeof(a->problem), "%s", answer->detail);
    a->host->log(a->host, CHANNEL_LOG_WARNING, answer->detail);
}

static void on_token(void *ctx, const struct channel_http_answer *http)
{
    struct account *a = ctx;
    struct wire_answer answer;
    struct wire_token t;

    a->asking = false;
    wire_read(&answer, http, a->host->account->secret);
    if (answer.kind == WIRE_ANSWER && answer.class == CODE_OK && wire_read_token(&answer, &t)) {
        int64_t life = t.expires_s * 1000;
        secret_free(a->token);
        a->token = copy(t.token);
        a->token_until_ms = now(a) + life - (life / 10 < EARLY_MS ? life / 10 : EARLY_MS);
        a->token_failures = 0;
        a->worked = false;
        token_limit(a)->blocked_until_ms = 0;
        went_through(a, token_limit(a));
    } else {
        if (answer.kind == WIRE_ANSWER && answer.class == CODE_OK)
            snprintf(answer.detail, sizeof(answer.detail), "the answer holds no access token");
        token_failed(a, &answer);
    }
    wire_dispose(&answer);
    pump(a);
}

static void token_drop(struct account *a, const char *token)
{
    if (!a->token || !token || strcmp(a->token, token) != 0)
        return; /* somebody has renewed it already */
    a->suspect = !a->worked;
    secret_free(a->token);
    a->token = NULL;
}

/* 1: there is one; 0: it comes; -1: not before `*not_before` (0: a person must see to it). */
static int token_ready(struct account *a, int64_t *not_before)
{
    int64_t t = now(a);

    *not_before = 0;
    if (a->token && t < a->token_until_ms)
        return 1;
    if (a->stopped)
        return -1;
    if (a->asking)
        return 0;
    if (t < token_limit(a)->blocked_until_ms) {
        *not_before = token_limit(a)->blocked_until_ms;
        return -1;
    }
    if (a->suspect && t >= a->asked_ms && t < a->asked_ms + RENEW_MS) {
        if (!a->timer) {
            a->timer = true;
            a->host->after(a->host, a->asked_ms + RENEW_MS - t, on_pump, a);
        }
        return 0;
    }
    char *path = wire_token_path(a->host->account->corp_id, a->host->account->secret);
    if (!path)
        abort();
    const struct channel_http_request request = {.method = "GET", .path = path};
    a->asking = true;
    a->asked_ms = t;
    a->host->http(a->host, &request, on_token, a);
    secret_free(path);
    return 0;
}

/* --- an answer --- */

static bool retry(struct account *a, struct call *c, const struct wire_answer *answer)
{
    bool refused = answer->kind == WIRE_ANSWER;

    if (refused && answer->class == CODE_TOKEN) {
        token_drop(a, c->token);
        if (c->renewed)
            return false;
        c->renewed = true; /* the token is looked at before anything else: nothing happened */
        want(a, c);
        return true;
    }
    if (refused && answer->class == CODE_CONCURRENCY) {
        c->limit->most = 1;
        if (++c->tries >= TRIES_MAX)
            return false;
        again(a, c, (int64_t)SOON_MS << c->tries);
        return true;
    }
    if (!c->what.harmless || answer->held ||
        (refused && answer->class != CODE_BUSY && answer->class != CODE_NEW))
        return false;
    if (++c->tries >= TRIES_MAX)
        return false;
    again(a, c, (int64_t)SOON_MS << c->tries);
    return true;
}

static enum reply_kind kind_of(struct account *a, struct call *c, const struct wire_answer *answer,
                               int64_t *not_before)
{
    if (answer->kind == WIRE_NOT_SENT)
        return REPLY_NOT_SENT;
    if (answer->kind == WIRE_IN_DOUBT)
        return REPLY_IN_DOUBT;
    switch (answer->class) {
    case CODE_OK:
        went_through(a, c->limit);
        a->worked |= a->token && !strcmp(a->token, c->token);
        return REPLY_OK;
    case CODE_QUOTA:
        if (now(a) >= c->limit->blocked_until_ms) /* else it went out before that was known */
            block(a, c->limit, quota_unblocked_ms(now(a), c->limit->blocks));
        *not_before = c->limit->blocked_until_ms;
        return REPLY_BLOCKED;
    case CODE_CONCURRENCY:
        *not_before = now(a) + 10 * SOON_MS;
        return REPLY_BLOCKED;
    case CODE_TOKEN:
        *not_before = now(a) + RENEW_MS;
        return REPLY_BLOCKED;
    case CODE_SETUP:
        return REPLY_STOPPED;
    case CODE_NEW:
        a->host->log(a->host, CHANNEL_LOG_ERROR, answer->detail);
        return REPLY_IN_DOUBT;
    case CODE_BUSY:
        if (answer->code == -1)
            return REPLY_IN_DOUBT;
        *not_before = now(a) + 10 * SOON_MS;
        return REPLY_BLOCKED;
    default:
        return REPLY_REFUSED;
    }
}

static void on_answer(void *ctx, const struct channel_http_answer *http)
{
    struct call *c = ctx;
    struct account *a = c->account;
    struct wire_answer answer;
    struct reply r = {.answer = &answer};

    remove_from(&a->out, c);
    c->limit->in_flight--;
    wire_read(&answer, http, c->token);
    if (!c->what.fn || !retry(a, c, &answer)) {
        r.kind = kind_of(a, c, &answer, &r.not_before_ms);
        r.detail = answer.detail;
        tell(c, &r);
    }
    wire_dispose(&answer);
    pump(a);
}

static void start(struct account *a, struct call *c)
{
    const struct channel_http_header json[] = {
        {"Content-Type", c->type ? c->type : "application/json"}, {NULL, NULL}};
    char *path = wire_path(c->what.api, a->token, c->query);

    if (!path)
        abort();
    secret_free(c->token);
    c->token = copy(a->token);
    c->next = a->out;
    a->out = c;
    c->limit->in_flight++;
    const struct channel_http_request request = {
        .method = c->what.body ? "POST" : "GET",
        .path = path,
        .headers = c->what.body ? json : NULL,
        .body = c->what.body,
        .body_length = c->what.length,
        .timeout_ms = c->what.timeout_ms,
        .send_id = c->what.send_id,
    };
    a->host->http(a->host, &request, on_answer, c);
    secret_free(path);
}

/* The first wanted call that may go now, unlinked; NULL: none. Those that are blocked are told. */
static struct call *next_call(struct account *a)
{
    for (struct call **at = &a->wanted; *at;) {
        struct call *c = *at;
        int64_t not_before;
        if (c->waits || c->limit->in_flight >= c->limit->most) {
            at = &c->next;
            continue;
        }
        if (now(a) < c->limit->blocked_until_ms) {
            *at = c->next;
            tell_kind(c, REPLY_BLOCKED, c->limit->blocked_until_ms, blocked);
            at = &a->wanted; /* whoever was told may have changed the list */
            continue;
        }
        int ready = token_ready(a, &not_before);
        if (ready == 0)
            return NULL;
        *at = c->next;
        if (ready > 0)
            return c;
        tell_kind(c, a->stopped ? REPLY_STOPPED : REPLY_BLOCKED, not_before,
                  a->problem[0] ? a->problem : blocked);
        at = &a->wanted;
    }
    return NULL;
}

static void on_pump(void *ctx)
{
    struct account *a = ctx;

    pump(a);
}

static void pump(struct account *a)
{
    a->timer = false;
    for (struct call *c; (c = next_call(a));)
        start(a, c);
}
