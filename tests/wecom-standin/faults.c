/* The kinds with what they do to the effect; the first rule that hits decides. */
#include "faults.h"

#include "codes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum acts { ACTS_NOT, ACTS, ACTS_HALF };

static const struct {
    const char *name;
    enum acts acts;
} kinds[FAULT_COUNT] = {
    [FAULT_LOSE_ANSWER] = {"lose-answer", ACTS},
    [FAULT_RESET_BEFORE] = {"reset-before", ACTS_NOT},
    [FAULT_BUSY] = {"busy", ACTS_HALF},
    [FAULT_SLOW] = {"slow", ACTS},
    [FAULT_CUT] = {"cut", ACTS},
    [FAULT_TRUNCATED] = {"truncated", ACTS},
    [FAULT_EMPTY] = {"empty", ACTS},
    [FAULT_HTML] = {"html", ACTS},
    [FAULT_STRING_CODE] = {"string-code", ACTS},
    [FAULT_EXTRA_KEYS] = {"extra-keys", ACTS},
    [FAULT_ODD_STATUS] = {"odd-status", ACTS},
    [FAULT_BAD_GATEWAY] = {"bad-gateway", ACTS_HALF},
    [FAULT_UNKNOWN_CODE] = {"unknown-code", ACTS_HALF},
    [FAULT_LOSE_TOKEN] = {"lose-token", ACTS_NOT},
    [FAULT_QUOTA] = {"quota", ACTS_NOT},
    [FAULT_CONCURRENT] = {"concurrent", ACTS_NOT},
    [FAULT_UNTRUSTED] = {"untrusted", ACTS_NOT},
    [FAULT_FORBIDDEN] = {"forbidden", ACTS_NOT},
    [FAULT_OTHER_AGENT] = {"other-agent", ACTS_NOT},
};

static bool parse_when(const char *text, size_t length, struct fault_rule *rule)
{
    char *end;
    bool nth = length > 0 && text[0] == '#';
    unsigned long long n;

    text += nth;
    length -= nth;
    if (length == 0 || text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    n = strtoull(text, &end, 10);
    if (errno || end != text + length || (nth ? n == 0 : n > 100))
        return false;
    rule->nth = nth ? n : 0;
    rule->percent = nth ? 0 : (unsigned)n;
    return true;
}

bool faults_add(struct faults *f, const char *text)
{
    struct fault_rule rule = {.fault = FAULT_NONE};
    const char *when = strchr(text, ':');
    const char *call = when ? strchr(when + 1, ':') : NULL;

    if (!when || f->count == FAULT_RULES_MAX)
        return false;
    for (enum fault k = 0; k < FAULT_COUNT; k++) {
        if (strlen(kinds[k].name) == (size_t)(when - text) &&
            !strncmp(kinds[k].name, text, (size_t)(when - text)))
            rule.fault = k;
    }
    when++;
    if (rule.fault == FAULT_NONE ||
        !parse_when(when, call ? (size_t)(call - when) : strlen(when), &rule))
        return false;
    if (call && (!call[1] || strlen(call + 1) >= sizeof(rule.call)))
        return false;
    if (call)
        strcpy(rule.call, call + 1);
    f->rules[f->count++] = rule;
    return true;
}

static bool concerns(const struct fault_rule *rule, const char *path)
{
    size_t n = strlen(rule->call), length = strlen(path);

    return n == 0 ||
           (n < length && path[length - n - 1] == '/' && !strcmp(path + length - n, rule->call));
}

enum fault faults_draw(struct faults *f, const char *path, uint64_t *random, bool *acts)
{
    enum fault found = FAULT_NONE;

    *acts = true;
    for (size_t i = 0; i < f->count; i++) {
        struct fault_rule *rule = &f->rules[i];
        bool hit;

        if (!concerns(rule, path))
            continue;
        rule->seen++; /* also when another rule has hit: #N is of the requests */
        hit = rule->nth ? rule->seen == rule->nth
                        : rule->percent > 0 && random_below(random, 100) < rule->percent;
        if (hit && found == FAULT_NONE)
            found = rule->fault;
    }
    if (found != FAULT_NONE)
        *acts = kinds[found].acts == ACTS ||
                (kinds[found].acts == ACTS_HALF && random_below(random, 2) == 0);
    return found;
}

const char *fault_name(enum fault fault)
{
    return fault < FAULT_COUNT ? kinds[fault].name : NULL;
}

int fault_code(enum fault fault)
{
    switch (fault) {
    case FAULT_BUSY:
        return BUSY;
    case FAULT_UNKNOWN_CODE:
        return UNLISTED;
    case FAULT_QUOTA:
        return TOO_OFTEN;
    case FAULT_CONCURRENT:
        return TOO_MANY_AT_ONCE;
    case FAULT_UNTRUSTED:
        return UNTRUSTED;
    case FAULT_FORBIDDEN:
        return FORBIDDEN;
    case FAULT_OTHER_AGENT:
        return OTHER_AGENT;
    default:
        return OK;
    }
}

static uint64_t mix(uint64_t z) /* splitmix64 */
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t random_next(uint64_t *state)
{
    return mix(*state += 0x9e3779b97f4a7c15u);
}

unsigned random_below(uint64_t *state, unsigned bound)
{
    return (unsigned)(random_next(state) % bound);
}

uint64_t random_of(uint64_t seed, uint64_t kind, uint64_t number)
{
    return mix(mix(mix(seed + 0x9e3779b97f4a7c15u) + kind) + number);
}
