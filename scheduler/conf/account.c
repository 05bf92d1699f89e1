/* `accounts:` of the service file: one corp and app each. */
#include "base/lang.h"
#include "conf/duration.h"
#include "conf/parts.h"

#include <string.h>

enum { CORP_ID_MAX = 64 };

static void account_read(const struct reader *r, const struct yaml_node *node,
                         struct service_account *a);
static void corp_read(const struct reader *r, const struct yaml_node *node,
                      struct service_account *a);
static void reconcile_read(const struct reader *r, const struct yaml_node *node,
                           struct service_account *a);
static void span_read(const struct reader *r, const struct yaml_node *node, const char *what,
                      duration_t min, duration_t max, duration_t *out);

const struct service_account *accounts_read(const struct reader *r, const struct yaml_node *node,
                                            size_t *count)
{
    *count = 0;
    if (!read_map(r, node, "accounts"))
        return NULL;
    struct service_account *list = arena_array(r->arena, node->count, sizeof *list);
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_node *item = node->items[i];

        if (read_line(r, item->key, "accounts", NAME_BYTES_MAX) &&
            read_map(r, item, item->key->text))
            account_read(r, item, &list[(*count)++]);
    }
    return list;
}

static const struct yaml_node *required(const struct reader *r, const struct yaml_node *node,
                                        const char *key)
{
    const struct yaml_node *value = yaml_get(node, key);

    if (!value)
        read_error(r, node, tr("missing key '%s' (%s)"), key,
                   tr("from the admin console: step 6 of docs/wecom.md"));
    return value;
}

static void account_read(const struct reader *r, const struct yaml_node *node,
                         struct service_account *a)
{
    static const char *const caps[] = {"1 per day", "7 per week", "month-days", NULL};
    uint64_t agent = 0;

    a->name = node->key->text;
    a->at = place_of(node->key);
    corp_read(r, required(r, node, "corp_id"), a);
    if (read_number(r, required(r, node, "agent_id"), "agent_id", 1, INT32_MAX, &agent))
        a->agent_id = (int64_t)agent;
    if (agent == SERVICE_INIT_AGENT_ID)
        read_error(
            r, yaml_get(node, "agent_id"),
            tr("still the agent id of 'paceline init': yours stands on the app's page in the "
               "admin console (step 6 of docs/wecom.md)"));
    a->secret = required(r, node, "secret");
    int cap = read_word(r, yaml_get(node, "receive_cap"), "receive_cap", caps);
    a->receive_cap = cap == READ_NONE ? RECEIVE_DAILY : (enum receive_cap)cap;
    if (yaml_get(node, "suppress_tags"))
        a->suppress_tags =
            read_names(r, yaml_get(node, "suppress_tags"), "suppress_tags", &a->suppress_tag_count);
    standin_read(r, node, &a->standin, &a->api);
    a->poll = MS_PER_MINUTE;
    span_read(r, yaml_get(node, "poll"), "poll", 1, MS_PER_DAY, &a->poll);
    reconcile_read(r, yaml_get(node, "reconcile"), a);
}

/* It becomes part of a URL. */
static void corp_read(const struct reader *r, const struct yaml_node *node,
                      struct service_account *a)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const char *id = read_line(r, node, "corp_id", CORP_ID_MAX);

    if (id && id[strspn(id, letters)])
        read_error(r, node, tr("'corp_id' is letters and digits, such as ww0123456789abcdef"));
    else if (id && !strcmp(id, SERVICE_INIT_CORP_ID))
        read_error(r, node,
                   tr("still the corp id of 'paceline init': yours stands in the admin console, "
                      "under My Company, at the end of the page (step 6 of docs/wecom.md)"));
    else
        a->corp_id = id;
}

static void reconcile_read(const struct reader *r, const struct yaml_node *node,
                           struct service_account *a)
{
    a->reconcile_after = MS_PER_MINUTE;
    a->reconcile_for = 30 * MS_PER_MINUTE;
    if (!read_map(r, node, "reconcile"))
        return;
    span_read(r, yaml_get(node, "after"), "after", 1, MS_PER_DAY, &a->reconcile_after);
    span_read(r, yaml_get(node, "for"), "for", 1, 15 * MS_PER_DAY, &a->reconcile_for);
}

static void span_read(const struct reader *r, const struct yaml_node *node, const char *what,
                      duration_t min, duration_t max, duration_t *out)
{
    const char *text = node ? read_text(r, node, what) : NULL;
    char low[32], high[32];
    duration_t d;

    if (!text)
        return;
    if (duration_parse(text, &d) && d >= min && d <= max) {
        *out = d;
        return;
    }
    duration_format(min, low, sizeof low);
    duration_format(max, high, sizeof high);
    read_error(r, node, tr("'%s' must be a duration from %s to %s"), what, low, high);
}
