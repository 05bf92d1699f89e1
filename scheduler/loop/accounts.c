/* One corp and app, open: what its channels share. The first channel opens it, the last one closes
 * it. After a reload that changes an account its old channels keep the old one until they go.
 *
 * Which of its calls the platform blocks is known by the account's name, and kept in the store. */
#include "loop/internal.h"

#include "base/lang.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct account {
    struct guest guest; /* first */
    struct account *next;
    unsigned users;
    const struct paceline_channel *kind;
    char *name, *corp_id, *secret, *base_url;
    struct channel_account conf;
    struct channel_host host;
    void *instance;
};

struct block { /* of one call of an account */
    struct block *next;
    char *account, *api;
    instant_t until;
    unsigned in_row;
};

struct keeping { /* of a block, into the store */
    struct store_job job;
    struct run *run;
    struct arena *arena;
    struct store_block block;
    struct err err;
    int rc;
};

static void host_block(const struct channel_host *h, const char *api, int64_t until_ms,
                       unsigned in_row);
static int64_t host_blocked(const struct channel_host *h, const char *api, unsigned *in_row);

static bool same(const struct account *a, const struct chan *c)
{
    const struct channel_account *x = &a->conf, *y = c->settings->account;

    return a->kind->open_account == c->kind->open_account && !strcmp(x->name, y->name) &&
           !strcmp(x->corp_id, y->corp_id) && x->agent_id == y->agent_id &&
           !strcmp(x->secret, y->secret) && x->poll_ms == y->poll_ms &&
           x->reconcile_after_ms == y->reconcile_after_ms &&
           x->reconcile_for_ms == y->reconcile_for_ms &&
           !strcmp(a->base_url, c->settings->base_url);
}

static void account_free(struct account *a)
{
    if (a->instance)
        a->kind->close_account(a->instance);
    guest_dispose(&a->guest);
    explicit_bzero(a->secret, strlen(a->secret));
    free(a->name);
    free(a->corp_id);
    free(a->secret);
    free(a->base_url);
    free(a);
}

int account_take(struct account **out, struct run *s, const struct chan *c, char *problem,
                 size_t size)
{
    const struct channel_account *conf = c->settings->account;
    struct account *a = s->accounts;

    while (a && !same(a, c))
        a = a->next;
    if (!a) {
        a = xmalloc(sizeof *a);
        a->kind = c->kind;
        a->name = xstrdup(conf->name);
        a->corp_id = xstrdup(conf->corp_id);
        a->secret = xstrdup(conf->secret);
        a->base_url = xstrdup(c->settings->base_url);
        a->conf = *conf;
        a->conf.name = a->name;
        a->conf.corp_id = a->corp_id;
        a->conf.secret = a->secret;
        a->host = (struct channel_host){.channel = a->name,
                                        .standin = c->settings->standin,
                                        .account = &a->conf,
                                        .block = host_block,
                                        .blocked = host_blocked};
        guest_init(&a->guest, s, a->base_url, &a->host);
        if (a->kind->open_account(&a->host, &a->instance, problem, size)) {
            a->instance = NULL;
            account_free(a);
            return ERR_DATA;
        }
        a->next = s->accounts;
        s->accounts = a;
    }
    a->users++;
    *out = a;
    return 0;
}

void account_release(struct run *s, struct account *a)
{
    struct account **at = &s->accounts;

    if (!a || --a->users)
        return;
    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    account_free(a);
}

const struct channel_account *account_conf(const struct account *a)
{
    return &a->conf;
}

void *account_instance(const struct account *a)
{
    return a->instance;
}

void accounts_guests(struct run *s, void (*each)(struct guest *g))
{
    for (struct account *a = s->accounts; a; a = a->next)
        each(&a->guest);
}

/* --- blocks --- */

static struct block *block_of(const struct run *s, const char *account, const char *api)
{
    struct block *b = s->blocks;

    while (b && (strcmp(b->account, account) != 0 || strcmp(b->api, api) != 0))
        b = b->next;
    return b;
}

static int keep_block(void *ctx, const struct store_block *kept)
{
    struct run *s = ctx;
    struct block *b = block_of(s, kept->account, kept->api);

    if (!b) {
        b = xmalloc(sizeof *b);
        *b = (struct block){
            .next = s->blocks, .account = xstrdup(kept->account), .api = xstrdup(kept->api)};
        s->blocks = b;
    }
    b->until = kept->until;
    b->in_row = kept->in_row;
    return 0;
}

int accounts_load(struct run *s, struct err *e)
{
    return store_blocks(s->store, keep_block, s, e);
}

void accounts_free(struct run *s)
{
    while (s->blocks) {
        struct block *b = s->blocks;
        s->blocks = b->next;
        free(b->account);
        free(b->api);
        free(b);
    }
}

static void keeping_run(struct store *store, struct store_job *job)
{
    struct keeping *k = (struct keeping *)job;

    k->rc = store_block_put(store, &k->block, &k->err);
}

static void keeping_done(struct store_job *job)
{
    struct keeping *k = (struct keeping *)job;

    if (k->rc)
        run_store_failed(k->run, &k->err);
    if (k->rc && driver_again(k->run, job))
        return;
    if (!k->rc && k->block.until)
        log_line(LOG_WARNING, "account", "blocked account=%s api=%s until=%lld", k->block.account,
                 k->block.api, (long long)k->block.until);
    arena_free(k->arena);
}

static void host_block(const struct channel_host *h, const char *api, int64_t until_ms,
                       unsigned in_row)
{
    struct account *a = h->impl; /* its first member */
    struct run *s = a->guest.run;
    struct arena *arena = arena_new();
    struct keeping *k = arena_alloc(arena, sizeof *k);

    *k = (struct keeping){.job = {keeping_run, keeping_done, NULL}, .run = s, .arena = arena};
    k->block = (struct store_block){.account = arena_strdup(arena, a->name),
                                    .api = arena_strdup(arena, api),
                                    .until = until_ms,
                                    .in_row = in_row};
    keep_block(s, &k->block);
    driver_defer(s, &k->job);
}

static int64_t host_blocked(const struct channel_host *h, const char *api, unsigned *in_row)
{
    const struct account *a = h->impl;
    const struct block *b = block_of(a->guest.run, a->name, api);

    *in_row = b ? b->in_row : 0;
    return b ? b->until : 0;
}
