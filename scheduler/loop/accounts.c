/* One corp and app, open: what its channels share. The first channel opens it, the last one closes
 * it. After a reload that changes an account its old channels keep the old one until they go. */
#include "loop/internal.h"

#include "base/lang.h"

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
        a->host = (struct channel_host){
            .channel = a->name, .standin = c->settings->standin, .account = &a->conf};
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

void accounts_quiet(struct run *s)
{
    for (struct account *a = s->accounts; a; a = a->next)
        guest_quiet(&a->guest);
}
