/* Customer groups (pages 92120, 92122). */
#include "standin.h"

#include <stdio.h>

enum { OWNERS_MAX = 100, PAGE_MAX = 1000, WIDE = 1000 };

static int wanted_owners(const struct world *w, const json_t *ids, size_t out[OWNERS_MAX],
                         size_t *n)
{
    *n = json_array_size(ids);
    if (*n == 0)
        return w->member_count > WIDE ? TOO_MANY : OK;
    if (*n > OWNERS_MAX)
        return BAD_PARAMETER;
    for (size_t i = 0; i < *n; i++) {
        out[i] = world_find(w, 'm', json_string_value(json_array_get(ids, i)));
        if (out[i] == NONE)
            return BAD_USERID;
    }
    return OK;
}

static bool listed(const struct group *g, int64_t status, const size_t owners[], size_t n)
{
    if (g->dismissed || g->internal || (status != 0 && g->status != status))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (owners[i] == g->owner)
            return true;
    }
    return n == 0;
}

int groups_list(struct standin *s, struct request *r)
{
    struct world *w = &s->world;
    int64_t limit = request_number(r, "limit", 0);
    int64_t status = request_number(r, "status_filter", 0);
    size_t owners[OWNERS_MAX], owner_count, first, next = NONE;
    json_t *list;
    int code;

    if (limit < 1 || limit > PAGE_MAX || status < 0 || status > 3)
        return BAD_PARAMETER;
    code =
        wanted_owners(w, json_object_get(json_object_get(r->json, "owner_filter"), "userid_list"),
                      owners, &owner_count);
    if (code == OK)
        code = request_cursor(r, &first);
    if (code != OK)
        return code;
    list = json_array();
    for (size_t i = first; i < w->group_count; i++) {
        const struct group *g = &w->groups[i];

        if (!listed(g, status, owners, owner_count))
            continue;
        if (json_array_size(list) == (size_t)limit) {
            next = i;
            break;
        }
        json_array_append_new(
            list, json_pack("{s:s, s:I}", "chat_id", g->id, "status", (json_int_t)g->status));
    }
    request_next(r, next);
    request_reply(r, "group_chat_list", list);
    return OK;
}

static json_t *person(const char *id, int type, int64_t joined_s, const char *name)
{
    json_t *one =
        json_pack("{s:s, s:i, s:I, s:i, s:s}", "userid", id, "type", type, "join_time",
                  (json_int_t)joined_s, "join_scene", type == 1 ? 1 : 3, "group_nickname", "");

    if (name)
        json_object_set_new(one, "name", json_string(name));
    return one;
}

int groups_get(struct standin *s, struct request *r)
{
    struct world *w = &s->world;
    const char *id = request_text(r, "chat_id");
    bool named = request_number(r, "need_name", 0) == 1;
    size_t found = world_find(w, 'g', id);
    const struct group *g = found == NONE ? NULL : &w->groups[found];
    const struct member *owner;
    json_t *people;

    if (!id)
        return BAD_PARAMETER;
    if (!g)
        return NO_CHAT;
    if (g->internal)
        return NOT_A_GROUP;
    if (g->dismissed)
        return GROUP_GONE;
    owner = &w->members[g->owner];
    people = json_array();
    json_array_append_new(people, person(owner->id, 1, g->created_s, named ? owner->name : NULL));
    for (size_t i = 0; i < g->people && i < w->customer_count; i++) {
        const struct customer *c = &w->customers[(found + i) % w->customer_count];

        json_array_append_new(people, person(c->id, 2, g->created_s + 100, named ? c->name : NULL));
    }
    request_reply(r, "group_chat",
                  json_pack("{s:s, s:s, s:s, s:I, s:s, s:o, s:[], s:s}", "chat_id", g->id, "name",
                            g->name, "owner", owner->id, "create_time", (json_int_t)g->created_s,
                            "notice", "", "member_list", people, "admin_list", "member_version",
                            "0a1b"));
    return OK;
}
