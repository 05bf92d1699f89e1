/* Once a day the platform's list of tasks is compared with ours, channel by channel. A task that is
 * not ours was made with the corp's credentials by somebody else, or by us without our knowing:
 * what runs on the account is paused, durably, and a person must look.
 *
 *     list, page by page -> which of them the store knows -> none is left: a day later again
 *                                                         -> one is: pause, record, say so
 *
 * The last hour is left out: its answers may be on their way. What is looked for (reconcile.c) may
 * be older after an outage: the comparison comes after that. Each hour is looked at once all the
 * same, and a task that was told once is known from then on. */
#include "loop/internal.h"

#include "base/lang.h"
#include "base/log.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static const duration_t every = MS_PER_DAY, margin = MS_PER_HOUR, early = MS_PER_HOUR,
                        retry = MS_PER_HOUR,
                        idle = 10 * MS_PER_MINUTE; /* after a start with nothing to send */

struct strange { /* a task of the list, until the store is found to know it */
    char *ref;
    int64_t made_ms;
    bool known;
};

struct comparison {       /* of one channel */
    struct store_job job; /* first */
    struct comparison *next;
    struct run *run;
    char *channel, *account;
    instant_t next_at, from, to;
    struct chan *chan; /* whose instance is asked */
    bool busy, begun;
    struct strange *found;
    size_t count, capacity;
    int64_t *revisions; /* that run on the account */
    size_t revision_count;
    size_t strangers;
    instant_t now;
    int rc;
    struct err e;
};

static void on_page(void *ctx, const struct channel_book_page *page);

static void clear(struct comparison *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->found[i].ref);
    free(c->revisions);
    c->revisions = NULL;
    c->count = c->revision_count = 0;
    c->chan = NULL;
    c->busy = false;
}

static void ask(struct comparison *c, const char *cursor)
{
    const struct channel_book_ask what = {
        .kind = CHANNEL_BOOK_TASKS, .cursor = cursor, .from_ms = c->from, .to_ms = c->to};

    c->chan->kind->read_book(c->chan->instance, &what, on_page, c);
}

static void begin(struct comparison *c, struct chan *chan)
{
    c->to = run_now(c->run) - margin;
    c->from = c->to - every - early;
    c->chan = chan;
    c->busy = c->begun = true;
    ask(c, "");
}

/* --- the store's side --- */

static int know(void *ctx, const char *ref)
{
    struct comparison *c = ctx;

    for (size_t i = 0; i < c->count; i++)
        if (!c->found[i].known && strcmp(c->found[i].ref, ref) == 0)
            c->found[i].known = true;
    return 0;
}

static int pause_all(struct store *store, struct comparison *c)
{
    const struct store_decision d = {
        .by = "paceline",
        .at = c->now,
        .keep_tasks = true,
        .note = TR_TABLE("the platform has a task that is not ours: a person must look")};
    int rc = 0;

    for (size_t i = 0; i < c->revision_count && (!rc || rc == ERR_REFUSED); i++)
        rc = store_pause(store, c->revisions[i], &d, &c->e);
    return rc == ERR_REFUSED ? 0 : rc; /* one that is not running any more */
}

static int record(struct store *store, struct comparison *c, const struct strange *x)
{
    json_t *detail = json_pack("{s:s, s:s, s:I}", "account", c->account, "ref", x->ref, "made_ms",
                               (json_int_t)x->made_ms);
    char *text = json_dumps(detail, JSON_COMPACT | JSON_SORT_KEYS);
    int rc = store_audit(store, c->now, "paceline", "unknown_task", NULL, NULL, text, &c->e);

    free(text);
    json_decref(detail);
    return rc;
}

/* What runs is paused before anything is said, so that a crash in between says it again. */
static void judge(struct store *store, struct store_job *job)
{
    struct comparison *c = (struct comparison *)job;

    c->strangers = 0;
    c->rc = store_known_refs(store, c->from - every, know, c, &c->e);
    for (size_t i = 0; i < c->count && !c->rc; i++)
        c->strangers += !c->found[i].known;
    if (!c->rc && c->strangers)
        c->rc = pause_all(store, c);
    for (size_t i = 0; i < c->count && !c->rc; i++)
        if (!c->found[i].known)
            c->rc = record(store, c, &c->found[i]);
}

/* --- the loop's side --- */

/* A channel of the account that sends later, and those that send now. */
static void stand_still(struct comparison *c, const char *why)
{
    for (size_t i = 0; i < c->run->channel_count; i++) {
        struct chan *chan = c->run->channels[i];
        if (!chan->conf->account || strcmp(chan->conf->account->name, c->account) != 0)
            continue;
        snprintf(chan->problem, sizeof chan->problem, "%s: %s", chan->conf->name, why);
    }
    for (size_t i = 0; i < c->revision_count; i++) {
        engine_pause(c->run->engine, run_now(c->run), c->revisions[i], true); /* tasks stay */
        revisions_sync(c->run, c->revisions[i], false);
    }
}

static void tell(struct comparison *c)
{
    char why[200];

    for (size_t i = 0; i < c->count; i++) {
        struct strbuf ref = STRBUF_INIT;
        if (c->found[i].known)
            continue;
        text_safe(&ref, c->found[i].ref, false);
        log_line(LOG_ERROR, "compare", "account=%s task=%.100s is on the platform and not ours",
                 c->account, ref.text ? ref.text : "");
        snprintf(
            why, sizeof why,
            tr("the platform has a task that is not ours (%.64s): what runs is paused, a person "
               "must look"),
            ref.text ? ref.text : "");
        strbuf_dispose(&ref);
    }
    stand_still(c, why);
}

static void judged(struct store_job *job)
{
    struct comparison *c = (struct comparison *)job;

    if (c->rc)
        log_line(LOG_ERROR, "compare", "account=%s: %s", c->account, c->e.text);
    else if (c->strangers)
        tell(c);
    else
        log_line(LOG_INFO, "compare", "channel=%s: %zu tasks of the platform, all known",
                 c->channel, c->count);
    c->next_at = c->now + (c->rc ? retry : every);
    clear(c);
}

static void keep_running(struct comparison *c)
{
    size_t at = 0, capacity = 0;

    for (struct running *r; (r = map_each(&c->run->running, &at));) {
        const struct service_account *a = r->channel->conf->account;
        if (!a || strcmp(a->name, c->account) != 0)
            continue;
        c->revisions = xgrow(c->revisions, &capacity, c->revision_count + 1, sizeof *c->revisions);
        c->revisions[c->revision_count++] = r->id;
    }
}

static void on_page(void *ctx, const struct channel_book_page *page)
{
    struct comparison *c = ctx;

    if (page->problem) {
        c->next_at = run_now(c->run) + retry;
        if (page->not_before_ms > c->next_at)
            c->next_at = page->not_before_ms;
        log_line(LOG_WARNING, "compare", "channel=%s: %s", c->channel, page->problem);
        clear(c);
        return;
    }
    for (size_t i = 0; i < page->count; i++) {
        c->found = xgrow(c->found, &c->capacity, c->count + 1, sizeof *c->found);
        c->found[c->count++] =
            (struct strange){.ref = xstrdup(page->rows[i].id), .made_ms = page->rows[i].added_ms};
    }
    if (page->cursor) {
        ask(c, page->cursor);
        return;
    }
    keep_running(c);
    c->job = (struct store_job){judge, judged, NULL};
    c->now = run_now(c->run);
    storer_run(c->run->storer, &c->job);
}

static struct comparison *of(struct run *s, const struct chan *chan)
{
    struct comparison *c = s->comparisons;

    while (c && strcmp(c->channel, chan->conf->name) != 0)
        c = c->next;
    if (c)
        return c;
    c = xmalloc(sizeof *c);
    *c = (struct comparison){.next = s->comparisons,
                             .run = s,
                             .channel = xstrdup(chan->conf->name),
                             .account = xstrdup(chan->conf->account->name),
                             .next_at = run_now(s) + idle};
    s->comparisons = c;
    return c;
}

static bool runs_on(const struct comparison *c)
{
    size_t at = 0;

    for (const struct running *r; (r = map_each(&c->run->running, &at));)
        if (r->channel->conf->account && !strcmp(r->channel->conf->account->name, c->account))
            return true;
    return false;
}

void compare_tick(struct run *s)
{
    if (s->stopping || reconcile_busy(s))
        return;
    for (size_t i = 0; i < s->channel_count; i++) {
        struct chan *chan = s->channels[i];
        struct comparison *c;
        if (!chan->conf->account || !chan->kind->read_book || !chan->kind->caps.platform_confirms)
            continue;
        c = of(s, chan);
        if (!c->busy && (run_now(s) >= c->next_at || (!c->begun && runs_on(c))))
            begin(c, chan);
    }
}

bool compare_uses(const struct run *s, const struct chan *chan)
{
    for (const struct comparison *c = s->comparisons; c; c = c->next)
        if (c->chan == chan)
            return true;
    return false;
}

void compare_free(struct run *s)
{
    while (s->comparisons) {
        struct comparison *c = s->comparisons;
        s->comparisons = c->next;
        clear(c);
        free(c->found);
        free(c->channel);
        free(c->account);
        free(c);
    }
}
