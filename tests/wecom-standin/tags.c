/* The corp's tags, by group (page 92117). */
#include "standin.h"

#include <string.h>

/* Whether the list is missing or has the id. */
static bool wants(const json_t *list, const char *id)
{
    size_t i;
    const json_t *value;

    if (json_array_size(list) == 0)
        return true;
    json_array_foreach(list, i, value)
    {
        if (json_is_string(value) && !strcmp(json_string_value(value), id))
            return true;
    }
    return false;
}

static bool all_known(const struct world *w, const json_t *tag_ids)
{
    size_t i;
    const json_t *value;

    json_array_foreach(tag_ids, i, value)
    {
        if (world_find_tag(w, json_string_value(value)) == NONE)
            return false;
    }
    return true;
}

static json_t *group_of(json_t *groups, const struct tag *t, size_t number)
{
    size_t i;
    json_t *group;

    json_array_foreach(groups, i, group)
    {
        if (!strcmp(json_string_value(json_object_get(group, "group_id")), t->group_id))
            return group;
    }
    group = json_pack("{s:s, s:s, s:I, s:I, s:b, s:[]}", "group_id", t->group_id, "group_name",
                      t->group_name, "create_time", (json_int_t)1788000000, "order",
                      (json_int_t)number, "deleted", false, "tag");
    json_array_append_new(groups, group);
    return group;
}

int tags_list(struct standin *s, struct request *r)
{
    const json_t *group_ids = json_object_get(r->json, "group_id");
    const json_t *tag_ids = json_object_get(r->json, "tag_id");
    json_t *groups;

    if (json_array_size(group_ids) > 0)
        tag_ids = NULL; /* with both, the tags are not looked at */
    if (!all_known(&s->world, tag_ids))
        return BAD_TAG;
    groups = json_array();
    for (size_t i = 0; i < s->world.tag_count; i++) {
        const struct tag *t = &s->world.tags[i];

        if (!wants(group_ids, t->group_id) || !wants(tag_ids, t->id))
            continue;
        json_array_append_new(
            json_object_get(group_of(groups, t, json_array_size(groups) + 1), "tag"),
            json_pack("{s:s, s:s, s:I, s:I, s:b}", "id", t->id, "name", t->name, "create_time",
                      (json_int_t)1788000000, "order", (json_int_t)(i + 1), "deleted", false));
    }
    request_reply(r, "tag_group", groups);
    return OK;
}
