/* Who sends on channels with `senders: all`: whom the account's last reading found. A lane of
 * somebody else waits (sender_away) until they are found again, or its campaign is over.
 *
 * What the store says is kept here, since a lane may become known later than its members. */
#include "loop/internal.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

struct members { /* of one channel */
    struct members *next;
    char *channel, *account;
    enum relation_kind kind;
    bool read;    /* the account has been, once at least */
    char **names; /* by name */
    size_t count, capacity;
};

struct look {
    struct store_job job; /* first */
    struct run *run;
    struct members *list;
    struct err e;
    int rc;
};

static void forget_names(struct members *m)
{
    for (size_t i = 0; i < m->count; i++)
        free(m->names[i]);
    m->count = 0;
}

static void members_dispose(struct members *list)
{
    while (list) {
        struct members *m = list;
        list = m->next;
        forget_names(m);
        free(m->names);
        free(m->channel);
        free(m->account);
        free(m);
    }
}

static struct look *look_new(struct run *s)
{
    struct look *k = xmalloc(sizeof *k);

    *k = (struct look){.run = s};
    for (size_t i = 0; i < s->conf->channel_count; i++) {
        const struct service_channel *c = &s->conf->channels[i];
        if (!c->all_senders)
            continue;
        struct members *m = xmalloc(sizeof *m);
        *m = (struct members){.next = k->list,
                              .channel = xstrdup(c->name),
                              .account = xstrdup(c->account->name),
                              .kind =
                                  service_channel_groups(c) ? RELATION_GROUP : RELATION_CUSTOMER};
        k->list = m;
    }
    return k;
}

/* --- store thread --- */

static int keep(void *ctx, const char *name)
{
    struct members *m = ctx;

    m->names = xgrow(m->names, &m->capacity, m->count + 1, sizeof *m->names);
    m->names[m->count++] = xstrdup(name);
    return 0;
}

static void look_run(struct store *store, struct store_job *job)
{
    struct look *k = (struct look *)job;

    k->rc = 0;
    for (struct members *m = k->list; m && !k->rc; m = m->next) {
        forget_names(m); /* it may be asked again */
        k->rc = store_account_read(store, m->account, &m->read, &k->e);
        if (!k->rc)
            k->rc = store_members(store, m->account, m->kind, keep, m, &k->e);
    }
}

/* --- loop thread --- */

static int by_name(const void *a, const void *b)
{
    return strcmp(a, *(char *const *)b);
}

bool members_away(const struct run *s, const struct lane_name *lane)
{
    const struct members *m = s->members;

    while (m && strcmp(m->channel, lane->channel) != 0)
        m = m->next;
    return m && m->read &&
           (m->count == 0 || !bsearch(lane->sender, m->names, m->count, sizeof *m->names, by_name));
}

static void take_over(struct run *s, struct look *k)
{
    size_t at = 0;

    members_dispose(s->members);
    s->members = k->list;
    k->list = NULL;
    for (const struct lane_name *l; (l = map_each(&s->lanes, &at));)
        engine_lane_away(s->engine, run_now(s), l->lane, members_away(s, l));
}

static void look_done(struct store_job *job)
{
    struct look *k = (struct look *)job;

    if (k->rc == ERR_STORE)
        run_store_failed(k->run, &k->e);
    if (k->rc == ERR_STORE && driver_again(k->run, job))
        return;
    if (k->rc)
        log_line(LOG_ERROR, "members", "%s", k->e.text);
    else
        take_over(k->run, k);
    members_dispose(k->list);
    free(k);
}

int members_load(struct run *s, struct err *e)
{
    struct look *k = look_new(s);
    int rc;

    look_run(s->store, &k->job);
    rc = k->rc;
    if (rc)
        *e = k->e;
    else
        take_over(s, k);
    members_dispose(k->list);
    free(k);
    return rc;
}

void members_look_again(struct run *s)
{
    struct look *k = look_new(s);

    k->job = (struct store_job){look_run, look_done, NULL};
    driver_defer(s, &k->job);
}

void members_free(struct run *s)
{
    members_dispose(s->members);
}
