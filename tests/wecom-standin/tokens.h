/* Access tokens of the one app (page 91039): given out, expired, lost before their time. */
#ifndef PACELINE_STANDIN_TOKENS_H
#define PACELINE_STANDIN_TOKENS_H

#include <stdint.h>

enum { TOKENS_MAX = 64, TOKEN_LENGTH = 512 };

struct tokens {
    struct token {
        char text[TOKEN_LENGTH + 1];
        int64_t until_ms;
    } given[TOKENS_MAX]; /* the last ones */
    uint64_t count;      /* given out so far */
    int64_t life_s;
    unsigned refused, refused_max; /* wrong secrets, before the address is blocked */
    int64_t refused_until_ms;
};

/* OK, 41001, 40014 or 42001. */
int tokens_check(const struct tokens *t, const char *text, int64_t now_ms);
void tokens_lose(struct tokens *t);

#endif
