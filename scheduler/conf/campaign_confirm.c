/* `confirm:`: how long a person has, when they are reminded, and how often a day they are asked. */
#include "base/lang.h"
#include "conf/duration.h"
#include "conf/parts.h"

enum { REMINDERS_MAX = 8, TAPS_MAX = 1000 };

static const duration_t within_max = 30 * (duration_t)MS_PER_DAY;

static bool span_read(const struct reader *r, const struct yaml_node *node, const char *what,
                      duration_t *out)
{
    const char *text = read_text(r, node, what);
    duration_t d;

    if (!text)
        return false;
    if (!duration_parse(text, &d) || d <= 0 || d > within_max) {
        read_error(r, node, tr("'%s' must be a duration from 1ms to 30d"), what);
        return false;
    }
    *out = d;
    return true;
}

static void remind_read(const struct reader *r, const struct yaml_node *node,
                        struct conf_confirm *c)
{
    const struct yaml_node *const *items;

    c->remind_count = 0;
    if (node->kind == YAML_LIST && node->count == 0)
        return; /* `[]`: none */
    size_t count = read_one_or_list(r, node, "remind", REMINDERS_MAX, &items);
    for (size_t i = 0; i < count; i++) {
        duration_t d;
        if (!span_read(r, items[i], "remind", &d))
            continue;
        if (c->remind_count && d <= c->remind[c->remind_count - 1])
            read_error(r, items[i], tr("reminders must come one after the other"));
        else if (!c->late_leaves && d >= c->within)
            read_error(r, items[i], tr("a reminder must come before 'within' is over"));
        else
            c->remind[c->remind_count++] = d;
    }
}

void confirm_read(const struct reader *r, const struct yaml_node *node, struct campaign *c)
{
    static const char *const lates[] = {"cancel", "leave", NULL};
    struct conf_confirm *out = &c->confirm;
    uint64_t taps;

    *out = (struct conf_confirm){.within = 4 * (duration_t)MS_PER_HOUR, .taps_per_day = 3};
    if (node)
        out->at = place_of(node);
    if (node && !read_map(r, node, "confirm"))
        return;
    const struct yaml_node *late = node ? yaml_get(node, "late") : NULL;
    const struct yaml_node *remind = node ? yaml_get(node, "remind") : NULL;
    if (late)
        out->late_leaves = read_word(r, late, "late", lates) == 1;
    if (node && yaml_get(node, "within"))
        span_read(r, yaml_get(node, "within"), "within", &out->within);
    if (remind) {
        remind_read(r, remind, out);
    } else { /* what fits of one hour and three */
        static const duration_t usual[] = {MS_PER_HOUR, 3 * (duration_t)MS_PER_HOUR};
        for (size_t i = 0; i < 2; i++)
            if (usual[i] < out->within)
                out->remind[out->remind_count++] = usual[i];
    }
    if (node && yaml_get(node, "taps_per_day") &&
        read_number(r, yaml_get(node, "taps_per_day"), "taps_per_day", 1, TAPS_MAX, &taps))
        out->taps_per_day = (uint32_t)taps;
}
