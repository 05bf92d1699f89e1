/* What became of mass message tasks (page 93338, and 96355 for the list). */
#include "standin.h"

#include <string.h>

enum { LIST_MAX = 100, LIST_DEFAULT = 50, ROWS_MAX = 1000, ROWS_DEFAULT = 500 };
enum { MONTH_S = 31 * 24 * 3600 };

/* Over its maximum, the page has the default size. */
static size_t page_size(const struct request *r, int64_t max, int64_t otherwise)
{
    int64_t limit = request_number(r, "limit", otherwise);

    return (size_t)(limit < 1 || limit > max ? otherwise : limit);
}

static bool filtered(const struct standin *s, const struct request *r, const struct task *t)
{
    int64_t from_s = request_number(r, "start_time", 0), to_s = request_number(r, "end_time", 0);
    int64_t kind = request_number(r, "filter_type", 2);
    const char *creator = request_text(r, "creator");
    bool to_groups = strcmp(request_text(r, "chat_type"), "group") == 0;

    return t->to_groups == to_groups && t->created_ms / 1000 >= from_s &&
           t->created_ms / 1000 <= to_s && (kind == 2 || (kind == 1) == (t->creator != NONE)) &&
           (!creator || !creator[0] ||
            (t->creator != NONE && !strcmp(s->world.members[t->creator].id, creator)));
}

static json_t *listed(const struct standin *s, const struct task *t)
{
    char created[24];
    json_t *one;

    snprintf(created, sizeof(created), "%lld", (long long)t->created_ms / 1000);
    one = json_pack("{s:s, s:s, s:i}", "msgid", t->id, "create_time", created, "create_type",
                    t->creator != NONE);
    if (t->creator != NONE) /* what came through the interface has no creator */
        json_object_set_new(one, "creator", json_string(s->world.members[t->creator].id));
    json_object_update(one, t->content);
    return one;
}

int results_list(struct standin *s, struct request *r)
{
    const char *chat_type = request_text(r, "chat_type");
    int64_t from_s = request_number(r, "start_time", -1), to_s = request_number(r, "end_time", -1);
    size_t limit = page_size(r, LIST_MAX, LIST_DEFAULT), first, next = NONE;
    json_t *list;
    int code;

    if (!chat_type || (strcmp(chat_type, "single") != 0 && strcmp(chat_type, "group") != 0) ||
        from_s < 0 || to_s < from_s || to_s - from_s > MONTH_S)
        return BAD_PARAMETER;
    code = request_cursor(r, &first);
    if (code != OK)
        return code;
    list = json_array();
    for (size_t i = first; i < s->world.task_count; i++) {
        const struct task *t = &s->world.tasks[i];

        if (!filtered(s, r, t))
            continue;
        if (r->now_ms < t->visible_ms) {
            json_decref(list);
            return DISPATCHING;
        }
        if (json_array_size(list) == limit) {
            next = i;
            break;
        }
        json_array_append_new(list, listed(s, t));
    }
    request_next(r, next);
    request_reply(r, "group_msg_list", list);
    return OK;
}

static int find_task(const struct standin *s, const struct request *r, const struct task **t)
{
    const char *id = request_text(r, "msgid");
    size_t found = world_find(&s->world, 't', id);

    if (!id || !id[0])
        return NO_MSGID;
    if (found == NONE)
        return BAD_MSGID;
    *t = &s->world.tasks[found];
    return r->now_ms < (*t)->visible_ms ? DISPATCHING : OK;
}

static void set_status(json_t *one, const struct request *r, int64_t status, int64_t sent_s,
                       int64_t sent_status)
{
    if (r->fault == FAULT_ODD_STATUS)
        status += 7;
    json_object_set_new(one, "status", json_integer(status));
    if (status == sent_status)
        json_object_set_new(one, "send_time", json_integer(sent_s));
}

int results_members(struct standin *s, struct request *r)
{
    const struct task *t;
    size_t first, end;
    json_t *list;
    int code = find_task(s, r, &t);

    if (code == OK)
        code = request_page(r, t->part_count, page_size(r, ROWS_MAX, ROWS_DEFAULT), &first, &end);
    if (code != OK)
        return code;
    list = json_array();
    for (size_t i = first; i < end; i++) {
        const struct part *p = &t->parts[i];
        json_t *one = json_pack("{s:s}", "userid", s->world.members[p->member].id);

        set_status(one, r, p->status, p->sent_s, 2);
        json_array_append_new(list, one);
    }
    request_reply(r, "task_list", list);
    return OK;
}

static json_t *result_of(const struct standin *s, const struct request *r, const struct task *t,
                         const struct part *p, const struct row *row)
{
    const struct world *w = &s->world;
    json_t *one = t->to_groups
                      ? json_pack("{s:s, s:s}", "chat_id", w->groups[row->who].id, "userid",
                                  w->members[p->member].id)
                      : json_pack("{s:s, s:s}", "external_userid", w->customers[row->who].id,
                                  "userid", w->members[p->member].id);

    set_status(one, r, row->status, row->sent_s, 1);
    return one;
}

/* One member at a time. Of a group task only the rows that are not waiting any more. */
int results_recipients(struct standin *s, struct request *r)
{
    const char *userid = request_text(r, "userid");
    size_t limit = page_size(r, ROWS_MAX, ROWS_DEFAULT), first, next = NONE;
    const struct part *p = NULL;
    const struct task *t;
    json_t *list;
    int code = find_task(s, r, &t);

    for (size_t i = 0; code == OK && userid && i < t->part_count; i++) {
        if (!strcmp(s->world.members[t->parts[i].member].id, userid))
            p = &t->parts[i];
    }
    if (code == OK && !p)
        code = userid ? BAD_USERID : BAD_PARAMETER;
    if (code == OK)
        code = request_cursor(r, &first);
    if (code != OK)
        return code;
    list = json_array();
    for (size_t i = first; i < p->count; i++) {
        const struct row *row = &t->rows[p->first + i];

        if (t->to_groups && row->status == 0)
            continue;
        if (json_array_size(list) == limit) {
            next = i;
            break;
        }
        json_array_append_new(list, result_of(s, r, t, p, row));
    }
    request_next(r, next);
    request_reply(r, "send_list", list);
    return OK;
}
