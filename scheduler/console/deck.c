#include "console/deck.h"

#include <stdlib.h>
#include <string.h>

enum { MEMORIES_MAX = 256 }; /* prompts that are gone are forgotten beyond this */

struct memory {
    char nonce[PROMPT_NONCE_MAX + 1];
    bool shown, not_yet, snoozed;
    bool before;       /* when we showed it, somebody had been shown it already */
    int64_t *answered; /* deliveries */
    size_t answered_count, answered_capacity;
};

struct deck {
    struct prompt_list list;
    struct memory *memories; /* oldest first */
    size_t memory_count, memory_capacity;
};

struct deck *deck_new(void)
{
    return xmalloc(sizeof(struct deck));
}

void deck_free(struct deck *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->memory_count; i++)
        free(d->memories[i].answered);
    free(d->memories);
    prompts_dispose(&d->list);
    free(d);
}

static struct memory *recall(const struct deck *d, const char *nonce)
{
    for (size_t i = 0; i < d->memory_count; i++)
        if (strcmp(d->memories[i].nonce, nonce) == 0)
            return &d->memories[i];
    return NULL;
}

static struct memory *remember(struct deck *d, const char *nonce)
{
    struct memory *m = recall(d, nonce);

    if (m)
        return m;
    d->memories = xgrow(d->memories, &d->memory_capacity, d->memory_count + 1, sizeof(*m));
    m = &d->memories[d->memory_count++];
    memset(m, 0, sizeof(*m));
    strncpy(m->nonce, nonce, PROMPT_NONCE_MAX);
    return m;
}

static bool listed(const struct deck *d, const char *nonce)
{
    for (size_t i = 0; i < d->list.count; i++)
        if (strcmp(d->list.items[i].nonce, nonce) == 0)
            return true;
    return false;
}

/* A paused prompt comes back with its nonce: what was known of it must still be. */
static void forget_oldest(struct deck *d)
{
    size_t kept = 0, gone = 0;
    size_t too_many = d->memory_count > MEMORIES_MAX ? d->memory_count - MEMORIES_MAX : 0;

    for (size_t i = 0; i < d->memory_count; i++) {
        if (gone < too_many && !listed(d, d->memories[i].nonce)) {
            free(d->memories[i].answered);
            gone++;
            continue;
        }
        d->memories[kept++] = d->memories[i];
    }
    d->memory_count = kept;
}

void deck_take(struct deck *d, struct prompt_list *list)
{
    prompts_dispose(&d->list);
    d->list = *list;
    *list = (struct prompt_list){0};
    for (size_t i = 0; i < d->memory_count; i++)
        d->memories[i].snoozed = false;
    forget_oldest(d);
}

const struct prompt_list *deck_list(const struct deck *d)
{
    return &d->list;
}

const struct prompt *deck_find(const struct deck *d, int64_t number)
{
    for (size_t i = 0; i < d->list.count; i++)
        if (d->list.items[i].number == number)
            return &d->list.items[i];
    return NULL;
}

enum question deck_question(const struct deck *d, const struct prompt *p)
{
    const struct memory *m = recall(d, p->nonce);

    if (m && m->not_yet)
        return QUESTION_SEND;
    if (p->too_fast)
        return QUESTION_DOUBT;
    bool before = m && m->shown ? m->before : p->shown_at != NULL;
    return before ? QUESTION_BEFORE : QUESTION_SEND;
}

bool deck_open(const struct deck *d, const struct prompt *p, const struct prompt_recipient *r)
{
    const struct memory *m = recall(d, p->nonce);

    if (!r->open)
        return false;
    for (size_t i = 0; m && i < m->answered_count; i++)
        if (m->answered[i] == r->delivery)
            return false;
    return true;
}

size_t deck_open_count(const struct deck *d, const struct prompt *p)
{
    size_t count = 0;

    for (size_t i = 0; i < p->recipient_count; i++)
        count += deck_open(d, p, &p->recipients[i]);
    return count;
}

bool deck_wants(const struct deck *d, const struct prompt *p)
{
    const struct memory *m = recall(d, p->nonce);

    return p->snoozed_until <= d->list.now && !(m && m->snoozed) && deck_open_count(d, p) > 0;
}

bool deck_shown(struct deck *d, const struct prompt *p)
{
    bool before = deck_question(d, p) == QUESTION_BEFORE;
    struct memory *m = remember(d, p->nonce);

    if (m->shown)
        return false;
    m->before = before;
    m->shown = true;
    return true;
}

void deck_not_yet(struct deck *d, const char *nonce)
{
    remember(d, nonce)->not_yet = true;
}

void deck_snooze(struct deck *d, const char *nonce)
{
    remember(d, nonce)->snoozed = true;
}

void deck_answer(struct deck *d, const char *nonce, int64_t delivery)
{
    struct memory *m = remember(d, nonce);

    m->answered =
        xgrow(m->answered, &m->answered_capacity, m->answered_count + 1, sizeof(*m->answered));
    m->answered[m->answered_count++] = delivery;
}

void deck_take_back(struct deck *d, const char *nonce)
{
    struct memory *m = recall(d, nonce);

    if (m)
        m->answered_count = 0;
}
