/* `contacts sync`: what a platform knows of an account's tags, members, customers and groups, page
 * by page into the store.
 *
 *     tags -> members -> (customers -> groups) of each member -> end
 *
 * One page is asked for, written, and only then the next one is asked for, so that a reading of any
 * size takes the memory of a page and lets claims have their turns in between. What the platform
 * blocks for a while waits for that; anything else that is wrong ends the reading, and the next one
 * goes on with the member where this one stopped. */
#include "loop/internal.h"

#include "base/lang.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum { FRESH_MS = 2 * 3600 * 1000, WAIT_MAX_MS = 2 * 3600 * 1000 };

enum step { STEP_TAGS, STEP_MEMBERS, STEP_BEGIN, STEP_CUSTOMERS, STEP_GROUPS, STEP_NEXT, STEP_END };

struct reading {
    struct store_job job; /* first; the one that is under way */
    struct reading *next;
    struct run *run;
    char *account, *by;
    enum api_reading_state state;
    char problem[256];
    struct chan *channel; /* while it runs: whose instance is asked */
    enum step step;
    bool asking, writing; /* a page is under way, on the platform's side or in the store */
    instant_t waits_until;
    char *cursor;
    json_t *tags; /* id -> name */
    char **members;
    size_t member_count;
    const char **left; /* of them: not read yet */
    size_t left_count, at;
    int64_t *ids; /* of the rows of one member and kind */
    size_t id_count, id_capacity;
    uint64_t customers, groups, gone;
    struct store_relations_sum sum;
    /* of the job */
    struct arena *arena;
    struct store_relation *rows;
    size_t row_count;
    bool last_page;
    instant_t now;
    int rc;
    struct err e;
};

static void go_on(struct reading *r);
static void on_page(void *ctx, const struct channel_book_page *page);

static struct reading *find(const struct run *s, const char *account)
{
    struct reading *r = s->readings;

    while (r && strcmp(r->account, account) != 0)
        r = r->next;
    return r;
}

static void forget_run(struct reading *r)
{
    for (size_t i = 0; i < r->member_count; i++)
        free(r->members[i]);
    free(r->members);
    free(r->left);
    free(r->ids);
    free(r->cursor);
    free(r->by);
    json_decref(r->tags);
    arena_free(r->arena);
    r->members = NULL;
    r->left = NULL;
    r->ids = NULL;
    r->cursor = r->by = NULL;
    r->tags = NULL;
    r->arena = NULL;
    r->member_count = r->left_count = r->at = r->id_count = r->id_capacity = 0;
    r->channel = NULL;
}

static void finish(struct reading *r, enum api_reading_state state, const char *problem)
{
    struct strbuf words = STRBUF_INIT;

    words_of(&words, problem ? problem : "");
    snprintf(r->problem, sizeof r->problem, "%s", words.text ? words.text : "");
    strbuf_dispose(&words);
    r->state = state;
    r->waits_until = INSTANT_MIN;
    log_line(problem ? LOG_WARNING : LOG_INFO, "contacts",
             "%s: %s; members=%zu customers=%llu groups=%llu", r->account,
             problem ? problem : "read", r->member_count, (unsigned long long)r->customers,
             (unsigned long long)r->groups);
    forget_run(r);
}

/* --- the store's side --- */

static void run_begin(struct store *store, struct store_job *job)
{
    struct reading *r = (struct reading *)job;

    r->rc = store_reading_begin(store, r->account, (const char *const *)r->members, r->member_count,
                                r->now, FRESH_MS, &r->left, &r->left_count, &r->gone, &r->e);
}

static enum relation_kind kind_of(const struct reading *r)
{
    return r->step == STEP_GROUPS ? RELATION_GROUP : RELATION_CUSTOMER;
}

static void run_rows(struct store *store, struct store_job *job)
{
    struct reading *r = (struct reading *)job;

    r->rc = store_reading_rows(store, r->account, kind_of(r), r->left[r->at], r->rows, r->row_count,
                               r->ids + r->id_count, &r->sum, &r->e);
    r->id_count += r->rc ? 0 : r->row_count;
    if (!r->rc && r->last_page)
        r->rc = store_reading_rest(store, r->account, kind_of(r), r->left[r->at], r->ids,
                                   r->id_count, &r->sum, &r->e);
    if (!r->rc && r->last_page && r->step == STEP_GROUPS)
        r->rc = store_reading_member(store, r->account, r->left[r->at], r->now, &r->e);
}

static void run_end(struct store *store, struct store_job *job)
{
    struct reading *r = (struct reading *)job;
    const struct store_decision d = {.by = r->by, .at = r->now};

    r->rc = store_reading_end(store, r->account, &r->sum, &d, &r->e);
}

static void written(struct store_job *job)
{
    struct reading *r = (struct reading *)job;

    r->writing = false;
    arena_free(r->arena);
    r->arena = NULL;
    if (r->rc) {
        finish(r, READING_FAILED, r->e.text);
        return;
    }
    switch (r->step) {
    case STEP_BEGIN:
        members_look_again(r->run);
        r->step = r->left_count ? STEP_CUSTOMERS : STEP_END;
        break;
    case STEP_CUSTOMERS:
        r->customers += r->row_count;
        r->step = r->last_page ? STEP_GROUPS : STEP_CUSTOMERS;
        break;
    case STEP_GROUPS:
        r->groups += r->row_count;
        r->step = r->last_page ? STEP_NEXT : STEP_GROUPS;
        break;
    case STEP_END:
        members_look_again(r->run); /* who owns groups */
        finish(r, READING_DONE, NULL);
        return;
    default:
        break;
    }
    if (r->last_page)
        r->id_count = 0;
    if (r->step == STEP_NEXT)
        r->step = ++r->at < r->left_count ? STEP_CUSTOMERS : STEP_END;
    go_on(r);
}

static void write_with(struct reading *r, void (*run)(struct store *, struct store_job *))
{
    r->job = (struct store_job){run, written, NULL};
    r->now = run_now(r->run);
    r->writing = true;
    storer_run(r->run->storer, &r->job);
}

/* --- the platform's side --- */

static void ask(struct reading *r)
{
    static const enum channel_book_kind kinds[] = {[STEP_TAGS] = CHANNEL_BOOK_TAGS,
                                                   [STEP_MEMBERS] = CHANNEL_BOOK_MEMBERS,
                                                   [STEP_CUSTOMERS] = CHANNEL_BOOK_CUSTOMERS,
                                                   [STEP_GROUPS] = CHANNEL_BOOK_GROUPS};
    const struct channel_book_ask what = {.kind = kinds[r->step],
                                          .member = r->left ? r->left[r->at] : NULL,
                                          .cursor = r->cursor ? r->cursor : ""};

    r->asking = true;
    r->channel->kind->read_book(r->channel->instance, &what, on_page, r);
}

static void go_on(struct reading *r)
{
    if (r->run->stopping) {
        finish(r, READING_FAILED, tr("the service is stopping"));
        return;
    }
    if (r->step == STEP_BEGIN)
        write_with(r, run_begin);
    else if (r->step == STEP_END)
        write_with(r, run_end);
    else
        ask(r);
}

static const char *text(struct arena *arena, const char *value)
{
    return value ? arena_strdup(arena, value) : "";
}

/* The names of the tags with these ids; a tag that nobody knows any more is left out. */
static const char *tag_names(struct reading *r, const char *ids)
{
    struct strbuf out = STRBUF_INIT;
    char *copy = arena_strdup(r->arena, ids ? ids : ""), *rest = NULL;

    for (char *id = strtok_r(copy, ";", &rest); id; id = strtok_r(NULL, ";", &rest)) {
        const char *name = json_string_value(json_object_get(r->tags, id));
        if (name && !strchr(name, ';'))
            strbuf_printf(&out, "%s%s", out.length ? ";" : "", name);
    }
    const char *names = arena_strdup(r->arena, out.length ? out.text : "");
    strbuf_dispose(&out);
    return names;
}

static void take_rows(struct reading *r, const struct channel_book_page *page)
{
    r->arena = arena_new();
    r->rows = arena_array(r->arena, page->count + 1, sizeof(*r->rows));
    r->row_count = page->count;
    for (size_t i = 0; i < page->count; i++) {
        const struct channel_book_row *in = &page->rows[i];
        r->rows[i] = (struct store_relation){.recipient = arena_strdup(r->arena, in->id),
                                             .name = text(r->arena, in->name),
                                             .union_id = text(r->arena, in->union_id),
                                             .remark = text(r->arena, in->remark),
                                             .state = text(r->arena, in->state),
                                             .tags = tag_names(r, in->tags),
                                             .added_ms = in->added_ms,
                                             .way = in->way};
    }
    r->ids = xgrow(r->ids, &r->id_capacity, r->id_count + page->count + 1, sizeof(*r->ids));
    write_with(r, run_rows);
}

static void take_members(struct reading *r, const struct channel_book_page *page)
{
    size_t capacity = r->member_count;

    r->members = xgrow(r->members, &capacity, r->member_count + page->count + 1, sizeof(char *));
    for (size_t i = 0; i < page->count; i++)
        r->members[r->member_count++] = xstrdup(page->rows[i].id);
}

static void take_problem(struct reading *r, const struct channel_book_page *page)
{
    instant_t now = run_now(r->run);

    if (page->not_before_ms > now && page->not_before_ms - now <= WAIT_MAX_MS)
        r->waits_until = page->not_before_ms; /* readings_tick asks again */
    else
        finish(r, READING_FAILED, page->problem);
}

static void on_page(void *ctx, const struct channel_book_page *page)
{
    struct reading *r = ctx;

    r->asking = false;
    if (page->problem) {
        take_problem(r, page);
        return;
    }
    free(r->cursor);
    r->cursor = page->cursor ? xstrdup(page->cursor) : NULL;
    r->last_page = !page->cursor;
    switch (r->step) {
    case STEP_TAGS:
        for (size_t i = 0; i < page->count; i++)
            json_object_set_new(r->tags, page->rows[i].id, json_string(page->rows[i].name));
        r->step = r->last_page ? STEP_MEMBERS : STEP_TAGS;
        go_on(r);
        break;
    case STEP_MEMBERS:
        take_members(r, page);
        r->step = r->last_page ? STEP_BEGIN : STEP_MEMBERS;
        go_on(r);
        break;
    default:
        take_rows(r, page);
    }
}

void readings_tick(struct run *s)
{
    for (struct reading *r = s->readings; r; r = r->next) {
        if (r->state != READING_RUNS || r->asking || r->writing || r->waits_until > run_now(s))
            continue;
        r->waits_until = INSTANT_MIN;
        go_on(r);
    }
}

/* --- what the API asks --- */

/* NULL and the error. */
static struct chan *channel_of(struct run *s, const char *account, struct err *e)
{
    bool used = false;

    for (size_t i = 0; i < s->channel_count; i++) {
        struct chan *c = s->channels[i];
        if (!c->conf->account || strcmp(c->conf->account->name, account) != 0)
            continue;
        used = true;
        if (c->kind->read_book)
            return c;
    }
    if (used)
        err_set(e, ERR_REFUSED, tr("the platform of account '%s' knows no customers"), account);
    else
        err_set(e, ERR_NOTFOUND, tr("no channel uses an account '%s'"), account);
    return NULL;
}

static int start(void *ctx, const char *account, const char *by, struct err *e)
{
    struct run *s = ctx;
    struct reading *r = find(s, account);
    struct chan *channel = channel_of(s, account, e);

    if (!channel)
        return e->code;
    if (r && r->state == READING_RUNS)
        return 0;
    if (!r) {
        r = xmalloc(sizeof *r);
        *r = (struct reading){.next = s->readings, .account = xstrdup(account)};
        s->readings = r;
    }
    r->run = s;
    r->channel = channel;
    r->by = xstrdup(by);
    r->state = READING_RUNS;
    r->step = STEP_TAGS;
    r->waits_until = INSTANT_MIN;
    r->tags = json_object();
    r->problem[0] = '\0';
    r->customers = r->groups = r->gone = 0;
    r->sum = (struct store_relations_sum){0};
    go_on(r);
    return 0;
}

static void show(void *ctx, const char *account, struct api_reading *out)
{
    const struct reading *r = find(ctx, account);

    *out = (struct api_reading){.waits_until = INSTANT_MIN};
    if (!r)
        return;
    *out = (struct api_reading){.state = r->state,
                                .members = r->state == READING_RUNS ? r->left_count : 0,
                                .members_read = r->at,
                                .customers = r->customers,
                                .groups = r->groups,
                                .sum = r->sum,
                                .problem = r->problem[0] ? r->problem : NULL,
                                .waits_until =
                                    r->waits_until > run_now(ctx) ? r->waits_until : INSTANT_MIN};
}

void readings_host(struct api_host *h)
{
    h->reading_start = start;
    h->reading_show = show;
}

const char *readings_problem(struct run *s)
{
    for (const struct reading *r = s->readings; r; r = r->next) {
        if (r->state != READING_FAILED)
            continue;
        snprintf(s->reading_problem, sizeof s->reading_problem, tr("contacts sync %s: %s"),
                 r->account, r->problem);
        return s->reading_problem;
    }
    return NULL;
}

bool readings_use(const struct run *s, const struct chan *c)
{
    for (const struct reading *r = s->readings; r; r = r->next)
        if (r->channel == c)
            return true;
    return false;
}

void readings_free(struct run *s)
{
    while (s->readings) {
        struct reading *r = s->readings;
        s->readings = r->next;
        forget_run(r);
        free(r->account);
        free(r);
    }
}
