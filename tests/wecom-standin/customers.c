/* Members with customers, and customers (pages 92571, 92113, 92114, 92994). */
#include "standin.h"

#include <string.h>

static json_t *tag_ids(const struct world *w, const struct follow *f)
{
    json_t *ids = json_array();

    for (size_t i = 0; i < w->tag_count; i++) {
        if (f->tags & 1u << i)
            json_array_append_new(ids, json_string(w->tags[i].id));
    }
    return ids;
}

static json_t *tags_in_full(const struct world *w, const struct follow *f)
{
    json_t *tags = json_array();

    for (size_t i = 0; i < w->tag_count; i++) {
        const struct tag *t = &w->tags[i];

        if (f->tags & 1u << i)
            json_array_append_new(tags,
                                  json_pack("{s:s, s:s, s:s, s:i}", "group_name", t->group_name,
                                            "tag_name", t->name, "tag_id", t->id, "type", 1));
    }
    return tags;
}

static json_t *contact_of(const struct customer *c)
{
    json_t *contact =
        json_pack("{s:s, s:s, s:I, s:I, s:s}", "external_userid", c->id, "name", c->name, "type",
                  (json_int_t)c->type, "gender", (json_int_t)c->gender, "avatar", "");

    if (c->union_id[0])
        json_object_set_new(contact, "unionid", json_string(c->union_id));
    return contact;
}

static json_t *follow_of(const struct world *w, const struct follow *f)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:s}", "userid", w->members[f->member].id, "remark",
                     f->remark, "description", "", "createtime", (json_int_t)f->created_s,
                     "add_way", (json_int_t)f->add_way, "state", f->state);
}

int customers_members(struct standin *s, struct request *r)
{
    json_t *ids = json_array();

    for (size_t i = 0; i < s->world.member_count; i++) {
        if (s->world.members[i].follows)
            json_array_append_new(ids, json_string(s->world.members[i].id));
    }
    request_reply(r, "follow_user", ids);
    return OK;
}

/* Not paged: all customers of one member. */
int customers_list(struct standin *s, struct request *r)
{
    size_t member = world_find(&s->world, 'm', request_query(r, "userid"));
    json_t *ids;

    if (member == NONE)
        return BAD_USERID;
    ids = json_array();
    for (size_t i = 0; i < s->world.customer_count; i++) {
        const struct follow *f = customer_follow(&s->world.customers[i], member, false);

        if (f && !f->removed)
            json_array_append_new(ids, json_string(s->world.customers[i].id));
    }
    if (json_array_size(ids) == 0) {
        json_decref(ids);
        return NO_RELATION;
    }
    request_reply(r, "external_userid", ids);
    return OK;
}

int customers_get(struct standin *s, struct request *r)
{
    enum { FOLLOWERS_A_PAGE = 500 };
    size_t found = world_find(&s->world, 'c', request_query(r, "external_userid"));
    const struct customer *c;
    json_t *follows;
    size_t first, end;
    int code;

    if (found == NONE)
        return BAD_CUSTOMER;
    c = &s->world.customers[found];
    code = request_page(r, c->follow_count, FOLLOWERS_A_PAGE, &first, &end);
    if (code != OK)
        return code;
    follows = json_array();
    for (size_t i = first; i < end; i++) {
        json_t *one;

        if (c->follows[i].removed)
            continue;
        one = follow_of(&s->world, &c->follows[i]);
        json_object_set_new(one, "tags", tags_in_full(&s->world, &c->follows[i]));
        json_object_set_new(one, "oper_userid", json_string(c->id));
        json_array_append_new(follows, one);
    }
    if (json_array_size(follows) == 0) {
        json_decref(follows);
        return NO_RELATION;
    }
    request_reply(r, "external_contact", contact_of(c));
    request_reply(r, "follow_user", follows);
    return OK;
}

static int wanted_members(const struct world *w, const json_t *ids, size_t out[100], size_t *n)
{
    *n = json_array_size(ids);
    if (*n == 0 || *n > 100)
        return BAD_PARAMETER;
    for (size_t i = 0; i < *n; i++) {
        out[i] = world_find(w, 'm', json_string_value(json_array_get(ids, i)));
        if (out[i] == NONE)
            return BAD_USERID;
        if (!w->members[out[i]].follows)
            return NO_RIGHT;
    }
    return OK;
}

/* Every pair of a requested member and a customer is one entry. The cursor counts the pairs that
 * there could be, a page holds those that there are. */
int customers_batch(struct standin *s, struct request *r)
{
    struct world *w = &s->world;
    int64_t limit = request_number(r, "limit", 50);
    size_t members[100], member_count, first, next = NONE;
    int code = wanted_members(w, json_object_get(r->json, "userid_list"), members, &member_count);
    json_t *list;

    if (code == OK)
        code = request_cursor(r, &first);
    if (code != OK)
        return code;
    if (limit < 1 || limit > 100)
        limit = 100;
    list = json_array();
    for (size_t i = first; i < w->customer_count * member_count; i++) {
        struct customer *c = &w->customers[i % w->customer_count];
        const struct follow *f = customer_follow(c, members[i / w->customer_count], false);
        json_t *info;

        if (!f || f->removed)
            continue;
        if (json_array_size(list) == (size_t)limit) {
            next = i;
            break;
        }
        info = follow_of(w, f);
        json_object_set_new(info, "tag_id", tag_ids(w, f));
        json_array_append_new(
            list, json_pack("{s:o, s:o}", "external_contact", contact_of(c), "follow_info", info));
    }
    request_next(r, next);
    request_reply(r, "external_contact_list", list);
    return OK;
}
