/* A token is as long as the platform allows, so that nobody has too little room for it. A fresh one
 * leaves the older ones valid: the platform says neither this nor the contrary. */
#include "tokens.h"

#include "standin.h"

#include <string.h>

enum { REFUSED_BLOCK_MS = 60 * 60 * 1000 };

static const struct token *give(struct tokens *t, int64_t now_ms)
{
    struct token *token = &t->given[t->count % TOKENS_MAX];

    memset(token->text, 'x', TOKEN_LENGTH);
    token->text[snprintf(token->text, TOKEN_LENGTH, "TOK_A%llu", (unsigned long long)++t->count)] =
        '-';
    token->until_ms = now_ms + t->life_s * 1000;
    return token;
}

static int judge(struct standin *s, const char *corp_id, const char *secret, int64_t now_ms)
{
    struct tokens *t = &s->tokens;

    if (now_ms < t->refused_until_ms)
        return TOO_OFTEN;
    if (!corp_id || !corp_id[0])
        return NO_CORPID;
    if (!secret || !secret[0])
        return NO_SECRET;
    if (strcmp(corp_id, s->app.corp_id) != 0)
        return BAD_CORPID;
    if (strcmp(secret, s->app.secret) == 0)
        return OK;
    if (++t->refused >= t->refused_max) /* the address is blocked */
        t->refused_until_ms = now_ms + REFUSED_BLOCK_MS;
    return BAD_SECRET;
}

int token_get(struct standin *s, struct request *r)
{
    const char *corp_id = request_query(r, "corpid");
    int code = judge(s, corp_id, request_query(r, "corpsecret"), r->now_ms);

    request_note(r, "corpid", corp_id ? json_string(corp_id) : json_null());
    if (code != OK)
        return code;
    request_reply(r, "access_token", json_string(give(&s->tokens, r->now_ms)->text));
    request_reply(r, "expires_in", json_integer(s->tokens.life_s));
    return OK;
}

int tokens_check(const struct tokens *t, const char *text, int64_t now_ms)
{
    if (!text || !text[0])
        return NO_TOKEN;
    for (size_t i = 0; i < TOKENS_MAX && i < t->count; i++) {
        if (!strcmp(t->given[i].text, text))
            return now_ms < t->given[i].until_ms ? OK : EXPIRED_TOKEN;
    }
    return BAD_TOKEN;
}

void tokens_lose(struct tokens *t)
{
    for (size_t i = 0; i < TOKENS_MAX; i++)
        t->given[i].text[0] = '\0';
}
