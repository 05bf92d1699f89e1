/* Creating, reminding of and canceling mass message tasks (pages 92135, 97610, 97611). The
 * platform's dangerous defaults are kept: a sender alone means all customers of that member, a
 * recipient list makes the tag filter count for nothing. */
#include "standin.h"

#include <stdlib.h>
#include <string.h>

enum {
    CUSTOMERS_MAX = 10000,
    GROUPS_MAX = 2000,
    TEXT_MAX = 4000,
    ATTACHMENTS_MAX = 9,
    REMINDERS_MAX = 3,
    DAY_MS = 24 * 3600 * 1000
};

struct draft { /* who is going to be asked to write to whom */
    struct world *w;
    size_t sender; /* NONE: each customer's own member */
    struct pick {
        size_t member, who;
    } * picks;
    size_t count;
    json_t *fail_list;
};

/* --- the message --- */

static int judge_string(const json_t *part, const char *name, bool needed, size_t max)
{
    const json_t *value = json_object_get(part, name);

    if (!value)
        return needed ? BAD_PARAMETER : OK;
    if (!json_is_string(value) || (needed && json_string_length(value) == 0))
        return BAD_PARAMETER;
    return json_string_length(value) > max ? TOO_LONG : OK;
}

static int judge_media(const struct standin *s, const json_t *part, const char *name,
                       const char *type, int64_t now_ms)
{
    const char *id = json_string_value(json_object_get(part, name));
    size_t found = world_find(&s->world, 'f', id);

    if (found == NONE || now_ms >= s->world.media[found].until_ms)
        return BAD_MEDIA_ID;
    return strcmp(s->world.media[found].type, type) == 0 ? OK : BAD_MEDIA_TYPE;
}

static int judge_attachment(const struct standin *s, const json_t *attachment, int64_t now_ms)
{
    static const struct {
        const char *type, *name;
        bool needed;
        size_t max;
    } strings[] = {{"link", "title", true, 128},       {"link", "url", true, 2048},
                   {"link", "picurl", false, 2048},    {"link", "desc", false, 512},
                   {"miniprogram", "title", true, 64}, {"miniprogram", "appid", true, 64},
                   {"miniprogram", "page", true, 1024}};
    const char *type = json_string_value(json_object_get(attachment, "msgtype"));
    const json_t *part = json_object_get(attachment, type ? type : "");
    int code = OK;

    if (!type || !json_is_object(part))
        return BAD_ATTACHMENT;
    for (size_t i = 0; code == OK && i < sizeof(strings) / sizeof(strings[0]); i++) {
        if (!strcmp(strings[i].type, type))
            code = judge_string(part, strings[i].name, strings[i].needed, strings[i].max);
    }
    if (code != OK || !strcmp(type, "link"))
        return code;
    if (!strcmp(type, "miniprogram"))
        return judge_media(s, part, "pic_media_id", "image", now_ms);
    if (!strcmp(type, "image")) {
        if (json_object_get(part, "media_id") || !json_object_get(part, "pic_url"))
            return judge_media(s, part, "media_id", "image", now_ms);
        return judge_string(part, "pic_url", true, 2048);
    }
    if (!strcmp(type, "video") || !strcmp(type, "file"))
        return judge_media(s, part, "media_id", type, now_ms);
    return BAD_ATTACHMENT;
}

static int judge_message(const struct standin *s, const struct request *r)
{
    const json_t *content = json_object_get(json_object_get(r->json, "text"), "content");
    const json_t *attachments = json_object_get(r->json, "attachments");
    size_t i;
    const json_t *attachment;

    if ((content && !json_is_string(content)) || (attachments && !json_is_array(attachments)))
        return BAD_PARAMETER;
    if (json_string_length(content) == 0 && json_array_size(attachments) == 0)
        return EMPTY_MESSAGE;
    if (json_string_length(content) > TEXT_MAX)
        return TOO_LONG;
    if (json_array_size(attachments) > ATTACHMENTS_MAX)
        return TOO_MANY_ATTACHMENTS;
    json_array_foreach(attachments, i, attachment)
    {
        int code = judge_attachment(s, attachment, r->now_ms);
        if (code != OK)
            return code;
    }
    return OK;
}

/* --- the recipients --- */

static void pick(struct draft *d, size_t member, size_t who)
{
    d->picks = room_for(d->picks, d->count, sizeof(*d->picks));
    d->picks[d->count++] = (struct pick){member, who};
}

/* The member who writes to this customer: the sender, or who added them last. NONE: nobody. A
 * relation that the customer has ended looks like any other. */
static size_t writer_of(const struct draft *d, const struct customer *c)
{
    size_t found = NONE;
    int64_t created_s = INT64_MIN;

    for (size_t i = 0; i < c->follow_count; i++) {
        const struct follow *f = &c->follows[i];

        if (f->removed || (d->sender != NONE && f->member != d->sender) ||
            f->created_s <= created_s)
            continue;
        found = f->member;
        created_s = f->created_s;
    }
    return found;
}

static void pick_listed(struct draft *d, const json_t *ids)
{
    size_t i;
    json_t *id;

    json_array_foreach(ids, i, id)
    {
        size_t who = world_find(d->w, 'c', json_string_value(id));
        size_t member = who == NONE ? NONE : writer_of(d, &d->w->customers[who]);

        if (member == NONE)
            json_array_append(d->fail_list, id);
        else
            pick(d, member, who);
    }
}

/* Any tag of each group. */
static bool passes(const struct world *w, const struct follow *f, const json_t *groups)
{
    size_t i, j;
    const json_t *group, *id;

    json_array_foreach(groups, i, group)
    {
        bool any = false;

        json_array_foreach(json_object_get(group, "tag_list"), j, id)
        {
            size_t tag = world_find_tag(w, json_string_value(id));
            any |= tag != NONE && f->tags & 1u << tag;
        }
        if (!any)
            return false;
    }
    return true;
}

static void pick_all(struct draft *d, const json_t *tag_groups)
{
    for (size_t i = 0; i < d->w->customer_count; i++) {
        struct customer *c = &d->w->customers[i];
        size_t member = writer_of(d, c);

        if (member != NONE && passes(d->w, customer_follow(c, member, false), tag_groups))
            pick(d, member, i);
    }
}

static void pick_groups(struct draft *d, const json_t *ids)
{
    size_t i;
    json_t *id;

    json_array_foreach(ids, i, id)
    {
        size_t who = world_find(d->w, 'g', json_string_value(id));
        const struct group *g = who == NONE ? NULL : &d->w->groups[who];

        if (!g || g->owner != d->sender || g->dismissed || g->internal)
            json_array_append(d->fail_list, id);
        else
            pick(d, d->sender, who);
    }
    for (i = 0; json_array_size(ids) == 0 && i < d->w->group_count; i++) { /* the owner chooses */
        const struct group *g = &d->w->groups[i];
        if (g->owner == d->sender && !g->dismissed && !g->internal)
            pick(d, d->sender, i);
    }
}

static int pick_recipients(struct draft *d, const struct request *r, bool to_groups)
{
    const char *sender = request_text(r, "sender");
    const json_t *customers = json_object_get(r->json, "external_userid");
    const json_t *chats = json_object_get(r->json, "chat_id_list");
    const json_t *tags = json_object_get(json_object_get(r->json, "tag_filter"), "group_list");

    d->sender = world_find(d->w, 'm', sender);
    if (sender && d->sender == NONE)
        return BAD_USERID;
    if (sender && !d->w->members[d->sender].follows)
        return NO_RIGHT;
    if (to_groups) {
        if (!sender || json_array_size(chats) > GROUPS_MAX)
            return BAD_PARAMETER;
        pick_groups(d, chats);
    } else {
        if (json_array_size(customers) > CUSTOMERS_MAX ||
            (!sender && json_array_size(customers) == 0 && json_array_size(tags) == 0))
            return BAD_PARAMETER;
        if (json_array_size(customers) > 0)
            pick_listed(d, customers);
        else
            pick_all(d, tags);
    }
    return d->count > 0 ? OK : NOBODY;
}

/* --- the task --- */

static int by_member(const void *a, const void *b)
{
    const struct pick *x = a, *y = b;

    return x->member != y->member ? (x->member > y->member) - (x->member < y->member)
                                  : (x->who > y->who) - (x->who < y->who);
}

static struct task *make_task(struct draft *d, bool to_groups, json_t *content, int64_t now_ms)
{
    struct task *t = world_add_task(d->w);

    t->to_groups = to_groups;
    t->created_ms = t->visible_ms = now_ms;
    t->content = content;
    qsort(d->picks, d->count, sizeof(*d->picks), by_member);
    for (size_t i = 0; i < d->count; i++) {
        if (i > 0 && by_member(&d->picks[i - 1], &d->picks[i]) == 0)
            continue; /* named twice */
        if (t->part_count == 0 || t->parts[t->part_count - 1].member != d->picks[i].member) {
            t->parts = room_for(t->parts, t->part_count, sizeof(*t->parts));
            t->parts[t->part_count++] =
                (struct part){.member = d->picks[i].member, .tap_ms = NEVER, .first = t->row_count};
        }
        t->rows = room_for(t->rows, t->row_count, sizeof(*t->rows));
        t->rows[t->row_count++].who = d->picks[i].who;
        t->parts[t->part_count - 1].count++;
    }
    return t;
}

static json_t *content_of(const json_t *request)
{
    json_t *content = json_object();

    if (json_object_get(request, "text"))
        json_object_set(content, "text", json_object_get(request, "text"));
    if (json_object_get(request, "attachments"))
        json_object_set(content, "attachments", json_object_get(request, "attachments"));
    return content;
}

int tasks_add(struct standin *s, struct request *r)
{
    const json_t *kind = json_object_get(r->json, "chat_type");
    const char *chat_type = kind ? json_string_value(kind) : "single";
    struct draft d = {.w = &s->world, .fail_list = json_array()};
    int code;

    if (!chat_type || (strcmp(chat_type, "single") != 0 && strcmp(chat_type, "group") != 0))
        code = BAD_PARAMETER;
    else
        code = judge_message(s, r);
    if (code == OK)
        code = pick_recipients(&d, r, strcmp(chat_type, "group") == 0);
    if (code == OK) {
        struct task *t =
            make_task(&d, strcmp(chat_type, "group") == 0, content_of(r->json), r->now_ms);

        t->visible_ms += s->dispatch_ms;
        taps_arm(&s->world, t);
        request_reply(r, "msgid", json_string(t->id));
        request_note(r, "msgid", json_string(t->id));
        request_note(r, "recipients", json_integer((json_int_t)t->row_count));
    }
    request_note(r, "fail_list", json_incref(d.fail_list));
    request_reply(r, "fail_list", d.fail_list);
    free(d.picks);
    return code;
}

/* Sets *t. */
static int find_task(const struct standin *s, const struct request *r, struct task **t)
{
    const char *id = request_text(r, "msgid");
    size_t found = world_find(&s->world, 't', id);

    if (!id || !id[0])
        return NO_MSGID;
    if (found == NONE)
        return BAD_MSGID;
    *t = &s->world.tasks[found];
    return (*t)->canceled ? CANCELED : OK;
}

int tasks_remind(struct standin *s, struct request *r)
{
    struct task *t;
    int code = find_task(s, r, &t);

    for (size_t i = 0; code == OK && i < REMINDERS_MAX; i++) {
        if (t->reminded_ms[i] != 0 && r->now_ms < t->reminded_ms[i] + DAY_MS)
            continue;
        t->reminded_ms[i] = r->now_ms;
        taps_remind(&s->world, t, r->now_ms);
        return OK;
    }
    return code == OK ? REMINDED : code;
}

int tasks_cancel(struct standin *s, struct request *r)
{
    struct task *t;
    int code = find_task(s, r, &t);

    if (code == OK)
        t->canceled = true; /* nobody taps any more: taps.c */
    return code;
}

int tasks_by_hand(struct standin *s, size_t member, bool to_groups, const json_t *recipients,
                  const char *text, int64_t now_ms)
{
    struct draft d = {.w = &s->world, .sender = member, .fail_list = json_array()};
    struct task *t;

    if (to_groups)
        pick_groups(&d, recipients);
    else
        pick_listed(&d, recipients);
    json_decref(d.fail_list);
    if (d.count > 0) {
        t = make_task(&d, to_groups, json_pack("{s:{s:s}}", "text", "content", text), now_ms);
        t->creator = member;
        taps_tap(s, t, &t->parts[0], 100, now_ms);
    }
    free(d.picks);
    return d.count > 0 ? OK : NOBODY;
}
