/* `pace:`: the gap and the limits. */
#include "base/lang.h"
#include "conf/duration.h"
#include "conf/parts.h"
#include "core/limit.h"

#include <string.h>

enum { LIMITS_MAX = 16, STORED_LIMITS_MAX = 1000 /* with those of policies */ };

static const duration_t interval_max = 30 * (duration_t)MS_PER_DAY;
static const duration_t span_max = 366 * (duration_t)MS_PER_DAY;

const char *const scope_words[] = {"sender", "person", "recipient", "channel", "campaign", NULL};
const char *const period_words[] = {"day", "week", "month", NULL};
const char *const distribution_words[] = {"uniform", "exponential", "spread", NULL};
const char *const priority_words[] = {"normal", "high", "low", NULL};

static void interval_read(const struct reader *r, const struct yaml_node *node, struct campaign *c);
static void distribution_read(const struct reader *r, const struct yaml_node *node,
                              struct campaign *c);
static void batch_read(const struct reader *r, const struct yaml_node *node, struct campaign *c);
static void limits_read(const struct reader *r, const struct yaml_node *node, struct campaign *c);
static bool limit_read(const struct reader *r, const struct yaml_node *node, struct conf_limit *l);
static bool is_word(const struct yaml_node *node, const char *word);
static bool max_read(const struct reader *r, const struct yaml_node *node, uint64_t *out);
static bool per_read(const struct reader *r, const struct yaml_node *node, struct conf_limit *l);
static bool on_cap_read(const struct reader *r, const struct yaml_node *node, struct conf_limit *l);
static bool count_read(const struct reader *r, const struct yaml_node *node, struct conf_limit *l);
static bool ramp_read(const struct reader *r, const struct yaml_node *node, uint64_t max,
                      struct conf_limit *l);

void pace_read(const struct reader *r, const struct yaml_node *node, struct campaign *c)
{
    c->pace = (struct pace){.floor = 30 * MS_PER_SECOND, .ceiling = 90 * MS_PER_SECOND};
    c->batch = 1;
    if (!read_map(r, node, "pace"))
        return;
    interval_read(r, yaml_get(node, "interval"), c);
    distribution_read(r, yaml_get(node, "distribution"), c);
    int priority = read_word(r, yaml_get(node, "priority"), "priority", priority_words);
    c->priority = priority == READ_NONE ? 0 : priority;
    batch_read(r, yaml_get(node, "batch"), c);
    limits_read(r, yaml_get(node, "limits"), c);
}

static void interval_read(const struct reader *r, const struct yaml_node *node, struct campaign *c)
{
    const char *text = read_text(r, node, "interval");

    if (!text)
        return;
    if (!duration_range_parse(text, &c->pace.floor, &c->pace.ceiling))
        read_error(r, node, tr("'interval' must be a duration or a range such as 40s..3m"));
    else if (c->pace.ceiling > interval_max)
        read_error(r, node, tr("'interval' is longer than 30 days"));
}

static void distribution_read(const struct reader *r, const struct yaml_node *node,
                              struct campaign *c)
{
    int i = read_word(r, node, "distribution", distribution_words);

    if (i == READ_NONE)
        return;
    c->pace.distribution = (enum pace_distribution)i;
    if (i == PACE_SPREAD && c->schedule.end == INSTANT_NEVER)
        read_error(r, node, tr("'spread' is over the time left: it needs an 'end' in 'schedule'"));
}

static void batch_read(const struct reader *r, const struct yaml_node *node, struct campaign *c)
{
    uint64_t n;

    if (!read_number(r, node, "batch", 1, 10000, &n))
        return;
    c->batch = (uint32_t)n;
    c->batch_at = place_of(node);
}

static void limits_read(const struct reader *r, const struct yaml_node *node, struct campaign *c)
{
    if (!read_list_or_none(r, node, "limits", r->stored ? STORED_LIMITS_MAX : LIMITS_MAX))
        return;
    struct conf_limit *limits = arena_array(r->arena, node->count, sizeof *limits);
    for (size_t i = 0; i < node->count; i++) {
        if (limit_read(r, node->items[i], &limits[c->limit_count]))
            c->limit_count++;
    }
    c->limits = limits;
}

static bool limit_read(const struct reader *r, const struct yaml_node *node, struct conf_limit *l)
{
    uint64_t max = 0;

    *l = (struct conf_limit){0}; /* one before it may have been broken */
    if (!read_map(r, node, "limits"))
        return false;
    const struct yaml_node *max_node = read_required(r, node, "max");
    bool cap = r->pack && max_node && is_word(max_node, "receive_cap");
    const struct yaml_node *per = cap ? NULL : read_required(r, node, "per");
    const struct yaml_node *scope_node = read_required(r, node, "scope");
    bool ok = cap || max_read(r, max_node, &max);
    ok = (cap || per_read(r, per, l)) && ok;
    int scope = read_word(r, scope_node, "scope", scope_words);
    ok = scope != READ_NONE && ok;
    l->scope = scope == READ_NONE ? LIMIT_RECIPIENT : (enum limit_scope)scope;
    if (cap && l->scope != LIMIT_RECIPIENT) {
        read_error(r, scope_node, tr("'max: receive_cap' needs 'scope: recipient'"));
        ok = false;
    }
    ok = on_cap_read(r, yaml_get(node, "on_cap"), l) && ok;
    ok = count_read(r, yaml_get(node, "count"), l) && ok;
    ok = ramp_read(r, yaml_get(node, "ramp"), max, l) && ok;
    if (!ok)
        return false;
    char span[64];
    duration_format(l->span, span, sizeof span);
    l->max = (uint32_t)max;
    l->at = place_of(node);
    const char *over = l->rolling ? span : period_words[l->period], *of = scope_words[l->scope];
    const char *sends = l->sends ? " sends" : "";
    l->text = l->max == LIMIT_MONTH_DAYS
                  ? arena_printf(r->arena, MONTH_DAYS_WORD "%s per %s %s", sends, over, of)
                  : arena_printf(r->arena, "%u%s per %s %s", (unsigned)l->max, sends, over, of);
    if (l->ramp.step)
        l->text = arena_printf(r->arena, "%s, ramp %u+%u per %s", l->text, (unsigned)l->ramp.from,
                               (unsigned)l->ramp.step, period_words[l->ramp.every]);
    return true;
}

static bool is_word(const struct yaml_node *node, const char *word)
{
    return node->kind == YAML_SCALAR && strcmp(node->text, word) == 0;
}

static bool max_read(const struct reader *r, const struct yaml_node *node, uint64_t *out)
{
    if (!r->stored || !node || !is_word(node, MONTH_DAYS_WORD))
        return read_number(r, node, "max", 1, LIMIT_MAX, out);
    *out = LIMIT_MONTH_DAYS;
    return true;
}

static bool per_read(const struct reader *r, const struct yaml_node *node, struct conf_limit *l)
{
    const char *text = read_text(r, node, "per");

    if (!text)
        return false;
    for (int i = 0; period_words[i]; i++) {
        if (strcmp(period_words[i], text) == 0) {
            l->period = i;
            return true;
        }
    }
    l->rolling = true;
    if (duration_parse(text, &l->span) && l->span > 0 && l->span <= span_max)
        return true;
    read_error(r, node,
               tr("'per' must be a duration from 1ms to 366d, or one of: day, week, month"));
    return false;
}

static bool on_cap_read(const struct reader *r, const struct yaml_node *node, struct conf_limit *l)
{
    static const char *const words[] = {"hold", "drop", NULL};

    if (!node)
        return true;
    int i = read_word(r, node, "on_cap", words);
    l->drop = i == 1;
    if (l->drop && l->scope != LIMIT_RECIPIENT) {
        read_error(r, node, tr("'on_cap: drop' needs 'scope: recipient'"));
        return false;
    }
    return i != READ_NONE;
}

static bool count_read(const struct reader *r, const struct yaml_node *node, struct conf_limit *l)
{
    static const char *const words[] = {"sends", NULL};

    if (!node)
        return true;
    l->sends = read_word(r, node, "count", words) == 0;
    if (l->sends && l->scope == LIMIT_RECIPIENT) {
        read_error(r, node,
                   tr("a recipient is in a send once: 'count: sends' is for other scopes"));
        return false;
    }
    return l->sends;
}

/* `ramp: {from: 20, step: 20, every: day}`: a sender is warmed up. */
static bool ramp_read(const struct reader *r, const struct yaml_node *node, uint64_t max,
                      struct conf_limit *l)
{
    uint64_t from = 0, step = 0;

    if (!node)
        return true;
    if (!read_map(r, node, "ramp"))
        return false;
    const struct yaml_node *every = yaml_get(node, "every");
    const struct yaml_node *from_node = read_required(r, node, "from");
    bool ok = read_number(r, from_node, "from", 1, LIMIT_MAX, &from);
    ok = read_number(r, read_required(r, node, "step"), "step", 1, LIMIT_MAX, &step) && ok;
    int period = every ? read_word(r, every, "every", period_words) : PERIOD_DAY;
    ok = period != READ_NONE && ok;
    if (l->scope != LIMIT_SENDER || l->rolling) {
        read_error(r, node, tr("a 'ramp' needs 'scope: sender' and 'per: day', 'week' or 'month'"));
        return false;
    }
    if (ok && max && from >= max) {
        read_error(r, from_node, tr("a 'ramp' begins below 'max', which is %llu"),
                   (unsigned long long)max);
        return false;
    }
    if (ok)
        l->ramp = (struct ramp){(uint32_t)from, (uint32_t)step, (enum period)period};
    return ok;
}
