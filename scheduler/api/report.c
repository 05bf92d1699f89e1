/* What became of it all: deliveries counted by campaign or by sender, for all time or a month. */
#include "api/emit.h"
#include "api/handlers.h"
#include "api/median.h"
#include "api/request.h"

#include "base/lang.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct group {
    char *name;
    bool test;
    uint64_t all, counts[DELIVERY_STATES], reasons[REASONS];
    struct median confirm, answer; /* asked -> confirmed; claimed -> answered */
};

struct report {
    struct store_report_query query;
    int64_t after;
    bool more;
    struct group **groups; /* by the store's id */
    size_t capacity;
};

static void report_dispose(void *state)
{
    struct report *r = state;

    for (size_t i = 0; i < r->capacity; i++) {
        struct group *g = r->groups[i];
        if (!g)
            continue;
        median_dispose(&g->confirm);
        median_dispose(&g->answer);
        free(g->name);
        free(g);
    }
    free(r->groups);
}

static struct group *group_of(struct report *r, const struct store_report_row *row)
{
    size_t id = (size_t)row->group, before = r->capacity;

    r->groups = xgrow(r->groups, &r->capacity, id + 1, sizeof(struct group *));
    for (size_t i = before; i < r->capacity; i++)
        r->groups[i] = NULL;
    if (!r->groups[id]) {
        r->groups[id] = xmalloc(sizeof(struct group));
        r->groups[id]->name = xstrdup(row->name);
    }
    return r->groups[id];
}

static int count(void *ctx, const struct store_report_row *row)
{
    struct group *g = group_of(ctx, row);

    g->test |= row->test;
    g->all++;
    g->counts[row->state]++;
    if (row->state == DELIVERY_UNKNOWN ||
        (delivery_state_final(row->state) && row->state != DELIVERY_SENT))
        g->reasons[row->reason]++;
    if (row->state != DELIVERY_SENT || row->claimed_at == INSTANT_MIN)
        return 0;
    if (row->asked_at != INSTANT_MIN)
        median_add(&g->confirm, row->at - row->asked_at);
    else if (!row->by_person) /* settled by hand later: that is no answer time */
        median_add(&g->answer, row->at - row->claimed_at);
    return 0;
}

static int report_read(struct store *s, struct request *rq)
{
    struct report *r = rq->state;

    return store_report(s, &r->query, &r->after, &r->more, count, r, &rq->e);
}

static void put_median(struct strbuf *b, const char *key, const struct median *m)
{
    duration_t ms;

    if (median_get(m, &ms)) {
        emit_put_number(b, key, ms);
    } else {
        emit_key(b, key);
        emit_raw(b, "null");
    }
}

/* Per cent with one digit, cut and not rounded: 100 is only shown when nobody is missing. */
static void put_reach(struct strbuf *b, uint64_t sent, uint64_t all)
{
    uint64_t tenths = all ? sent * 1000 / all : 0;
    char text[32];

    snprintf(text, sizeof(text), "%llu.%llu", (unsigned long long)(tenths / 10),
             (unsigned long long)(tenths % 10));
    emit_key(b, "reach_percent");
    emit_raw(b, text);
}

static void put_reasons(struct strbuf *b, const struct group *g)
{
    emit_key(b, "reasons");
    emit_open(b, '{');
    for (int i = REASON_NONE + 1; i < REASONS; i++)
        if (g->reasons[i])
            emit_put_number(b, reason_name((enum reason)i), (int64_t)g->reasons[i]);
    strbuf_putc(b, '}');
}

static void put_group(struct strbuf *b, const struct report *r, const struct group *g)
{
    static const enum delivery_state shown[] = {DELIVERY_SENT,     DELIVERY_FAILED,
                                                DELIVERY_SKIPPED,  DELIVERY_EXPIRED,
                                                DELIVERY_CANCELED, DELIVERY_UNKNOWN};

    emit_open(b, '{');
    emit_put_text(b, r->query.by == STORE_BY_SENDER ? "sender" : "campaign", g->name);
    emit_put_number(b, "audience", (int64_t)g->all);
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
        emit_put_number(b, delivery_state_name(shown[i]), (int64_t)g->counts[shown[i]]);
    emit_put_number(b, "open",
                    (int64_t)(g->counts[DELIVERY_PENDING] + g->counts[DELIVERY_CLAIMED] +
                              g->counts[DELIVERY_PROMPTED]));
    put_reach(b, g->counts[DELIVERY_SENT], g->all);
    emit_put_number(b, "confirmed", (int64_t)g->confirm.count);
    put_median(b, "median_confirm_ms", &g->confirm);
    put_median(b, "median_answer_ms", &g->answer);
    put_reasons(b, g);
    emit_put_bool(b, "test", g->test);
    strbuf_puts(b, "}\n");
}

static void report_put(struct request *rq)
{
    const struct report *r = rq->state;

    if (rq->rc == 0 && r->more) {
        request_store(rq, report_read, report_put);
        return;
    }
    for (size_t i = 0; rq->rc == 0 && i < r->capacity; i++) {
        if (!r->groups[i])
            continue;
        put_group(&rq->answer.body.text, r, r->groups[i]);
        rq->rc = output_settle(&rq->answer.body, &rq->e);
    }
    if (rq->rc)
        request_fail(rq);
    else
        request_stream(rq);
}

/* `2027-03`: from its first midnight to the next month's, where the service is. */
static bool take_month(struct request *rq, struct store_report_query *q, const char *month)
{
    const struct api_host *host = request_host(rq);
    const struct tz *zone = zones_get(request_zones(rq), host->conf(host->ctx)->zone_name);
    int year = 0, number = 0;

    if (strlen(month) == 7 && month[4] == '-' && strspn(month, "0123456789") == 4 &&
        strspn(month + 5, "0123456789") == 2) {
        year = atoi(month);
        number = atoi(month + 5);
    }
    if (!civil_date_valid(year, number, 1)) {
        request_fail_with(rq, ERR_USAGE, tr("'%.32s' is no month; write YYYY-MM"), month);
        return false;
    }
    day_t first = day_of_date(year, number, 1);
    q->from = tz_day_begins(zone, first);
    q->to = tz_day_begins(zone, day_first_of_month(first, 1));
    return true;
}

static bool take_by(struct request *rq, struct store_report_query *q, const char *by)
{
    if (strcmp(by, "sender") == 0)
        q->by = STORE_BY_SENDER;
    else if (strcmp(by, "tag") == 0)
        request_fail_with(rq, ERR_USAGE, tr("'%s' is not supported yet"), by);
    else if (strcmp(by, "campaign") != 0)
        request_fail_with(rq, ERR_USAGE, tr("'%.32s': a report is by campaign, sender or tag"), by);
    return q->by == STORE_BY_SENDER || strcmp(by, "campaign") == 0;
}

void report_show(struct request *rq)
{
    struct report *r = arena_alloc(rq->arena, sizeof(*r));

    r->query = (struct store_report_query){STORE_BY_CAMPAIGN, INSTANT_MIN, INSTANT_NEVER};
    if (rq->query[0] && !take_month(rq, &r->query, rq->query[0]))
        return;
    if (rq->query[1] && !take_by(rq, &r->query, rq->query[1]))
        return;
    rq->state = r;
    rq->dispose = report_dispose;
    request_store(rq, report_read, report_put);
}
