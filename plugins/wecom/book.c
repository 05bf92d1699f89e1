/* What the platform knows of a corp's tags, members, customers and groups: one page a request of
 * the host's.
 *
 *     tags, members, customers: one call -> its rows
 *     groups: one call -> ids -> each group's name, one after the other -> the rows
 *
 * A group that has been dissolved meanwhile, and a member without customers, are no problem. */
#include "wecom.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CUSTOMERS_PAGE = 100, GROUPS_PAGE = 50, NO_CUSTOMER = 84061 };

struct book { /* one request, until it is answered */
    struct book *next;
    struct wecom *w;
    enum channel_book_kind kind;
    char *member, *cursor;
    channel_book_fn *fn;
    void *ctx;
    json_t *list;   /* of groups: what groupchat/list said */
    json_t *groups; /* of groups: those that have been asked for */
    size_t at;
};

static void ask_group(struct book *b);

static void book_free(struct book *b)
{
    struct book **at = &b->w->books;

    while (*at != b)
        at = &(*at)->next;
    *at = b->next;
    account_forget(b->w->account, b);
    free(b->member);
    free(b->cursor);
    json_decref(b->list);
    json_decref(b->groups);
    free(b);
}

/* The host may ask for the next page from inside. */
static void answer(struct book *b, const struct channel_book_page *page)
{
    channel_book_fn *fn = b->fn;
    void *ctx = b->ctx;

    fn(ctx, page);
    book_free(b);
}

static bool went_wrong(struct book *b, const struct reply *r)
{
    struct channel_book_page page = {.problem = r->detail};

    if (r->kind == REPLY_OK)
        return false;
    if (r->kind == REPLY_BLOCKED)
        page.not_before_ms = r->not_before_ms;
    if (r->kind == REPLY_REFUSED && r->answer && r->answer->code == NO_CUSTOMER)
        page.problem = NULL; /* a member without customers: an empty page */
    answer(b, &page);
    return true;
}

static struct channel_book_row *rows_new(size_t count)
{
    struct channel_book_row *rows = calloc(count + 1, sizeof(*rows));

    if (!rows)
        abort();
    return rows;
}

static const char *next_cursor(const json_t *root)
{
    return wire_text(root, "next_cursor");
}

/* --- tags and members --- */

static void on_tags(void *ctx, const struct reply *r)
{
    struct book *b = ctx;
    struct channel_book_page page = {0};
    struct channel_book_row *rows;
    size_t i, k, count = 0;
    json_t *group, *tag;

    if (went_wrong(b, r))
        return;
    json_array_foreach(json_object_get(r->answer->root, "tag_group"), i, group) count +=
        json_array_size(json_object_get(group, "tag"));
    page.rows = rows = rows_new(count);
    json_array_foreach(json_object_get(r->answer->root, "tag_group"), i, group)
    {
        json_array_foreach(json_object_get(group, "tag"), k, tag)
        {
            const char *id = wire_text(tag, "id"), *name = wire_text(tag, "name");
            if (id && name && !json_is_true(json_object_get(tag, "deleted")))
                rows[page.count++] = (struct channel_book_row){.id = id, .name = name};
        }
    }
    answer(b, &page);
    free(rows);
}

static void on_members(void *ctx, const struct reply *r)
{
    struct book *b = ctx;
    struct channel_book_page page = {0};
    struct channel_book_row *rows;
    const json_t *list, *member;
    size_t i;

    if (went_wrong(b, r))
        return;
    list = json_object_get(r->answer->root, "follow_user");
    page.rows = rows = rows_new(json_array_size(list));
    json_array_foreach(list, i, member)
    {
        if (json_string_length(member) > 0)
            rows[page.count++] = (struct channel_book_row){.id = json_string_value(member)};
    }
    answer(b, &page);
    free(rows);
}

/* --- customers --- */

/* Ids with ';' between them; malloc'd. */
static char *tags_of(const json_t *follow)
{
    const json_t *ids = json_object_get(follow, "tag_id"), *id;
    size_t i, size = 1;
    char *out;

    json_array_foreach(ids, i, id) size += json_string_length(id) + 1;
    out = calloc(1, size);
    if (!out)
        abort();
    json_array_foreach(ids, i, id)
    {
        if (json_is_string(id))
            sprintf(out + strlen(out), "%s%s", out[0] ? ";" : "", json_string_value(id));
    }
    return out;
}

static bool customer_of(const json_t *entry, struct channel_book_row *row)
{
    const json_t *contact = json_object_get(entry, "external_contact");
    const json_t *follow = json_object_get(entry, "follow_info");

    *row = (struct channel_book_row){.id = wire_text(contact, "external_userid"),
                                     .name = wire_text(contact, "name"),
                                     .union_id = wire_text(contact, "unionid"),
                                     .remark = wire_text(follow, "remark"),
                                     .state = wire_text(follow, "state"),
                                     .added_ms = wire_number(follow, "createtime", 0) * 1000,
                                     .way = wire_number(follow, "add_way", 0)};
    if (!row->id)
        return false;
    row->tags = tags_of(follow);
    return true;
}

static void on_customers(void *ctx, const struct reply *r)
{
    struct book *b = ctx;
    struct channel_book_page page = {0};
    struct channel_book_row *rows;
    const json_t *list, *entry;
    size_t i;

    if (went_wrong(b, r))
        return;
    list = json_object_get(r->answer->root, "external_contact_list");
    page.rows = rows = rows_new(json_array_size(list));
    page.cursor = next_cursor(r->answer->root);
    json_array_foreach(list, i, entry) page.count += customer_of(entry, &rows[page.count]);
    answer(b, &page);
    for (i = 0; rows[i].id; i++) /* calloc'd one longer than it is */
        free((char *)(uintptr_t)rows[i].tags);
    free(rows);
}

/* --- tasks --- */

/* What came through the interface has no creator; what a member sent by themselves has one, and so
 * has an admin's from the console: that is others' to confirm, whenever they do, and not looked at.
 */
static void tell_tasks(struct book *b, const struct reply *r, bool own)
{
    struct channel_book_page page = {0};
    struct channel_book_row *rows;
    const json_t *list, *item;
    size_t i;

    if (went_wrong(b, r))
        return;
    list = json_object_get(r->answer->root, "group_msg_list");
    page.rows = rows = rows_new(json_array_size(list));
    page.cursor = next_cursor(r->answer->root);
    json_array_foreach(list, i, item)
    {
        const char *msgid = wire_text(item, "msgid"), *creator = wire_text(item, "creator");
        if (msgid && own == (creator != NULL) && wire_number(item, "create_type", 0) == own)
            rows[page.count++] =
                (struct channel_book_row){.id = msgid,
                                          .name = creator,
                                          .added_ms = wire_number(item, "create_time", 0) * 1000};
    }
    answer(b, &page);
    free(rows);
}

static void on_tasks(void *ctx, const struct reply *r)
{
    tell_tasks(ctx, r, false);
}

static void on_own_tasks(void *ctx, const struct reply *r)
{
    tell_tasks(ctx, r, true);
}

static void on_reached(void *ctx, const struct reply *r)
{
    struct book *b = ctx;
    struct channel_book_page page = {0};
    struct channel_book_row *rows;
    struct channel_result *results;
    size_t count, odd, waiting;

    if (went_wrong(b, r))
        return;
    results = wire_read_results(r->answer, b->w->mode, &count, &odd, &waiting);
    page.rows = rows = rows_new(count);
    page.cursor = next_cursor(r->answer->root);
    for (size_t i = 0; i < count; i++) {
        if (results[i].kind == CHANNEL_RESULT_SENT)
            rows[page.count++] =
                (struct channel_book_row){.id = results[i].recipient, .added_ms = results[i].at_ms};
    }
    answer(b, &page);
    free(rows);
    free(results);
}

/* --- groups --- */

static void groups_end(struct book *b)
{
    size_t count = json_array_size(b->groups), i;
    struct channel_book_row *rows = rows_new(count);
    struct channel_book_page page = {.rows = rows, .cursor = next_cursor(b->list)};
    json_t *groups = json_incref(b->groups), *list = json_incref(b->list);
    const json_t *group;

    json_array_foreach(groups, i, group)
    {
        const char *id = wire_text(group, "chat_id");
        if (id)
            rows[page.count++] =
                (struct channel_book_row){.id = id,
                                          .name = wire_text(group, "name"),
                                          .added_ms = wire_number(group, "create_time", 0) * 1000};
    }
    answer(b, &page);
    free(rows);
    json_decref(groups);
    json_decref(list);
}

static void on_group(void *ctx, const struct reply *r)
{
    struct book *b = ctx;
    bool gone = r->kind == REPLY_REFUSED && r->answer && r->answer->class == CODE_RECIPIENT;

    if (!gone && went_wrong(b, r))
        return;
    if (!gone)
        json_array_append(b->groups, json_object_get(r->answer->root, "group_chat"));
    b->at++;
    ask_group(b);
}

/* Takes `body`; NULL: GET. */
static void call_text(struct book *b, const char *api, char *body, reply_fn *fn)
{
    const struct account_call c = {
        .api = api, .body = body, .harmless = true, .owner = b, .fn = fn, .ctx = b};

    account_call(b->w->account, &c);
}

static void call(struct book *b, const char *api, json_t *body, reply_fn *fn)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

    if (body && !text)
        abort(); /* members of the configuration and what the platform gave are UTF-8 */
    json_decref(body);
    call_text(b, api, text, fn);
}

static void ask_group(struct book *b)
{
    const json_t *list = json_object_get(b->list, "group_chat_list");
    const char *id = NULL;

    while (b->at < json_array_size(list) &&
           !(id = wire_text(json_array_get(list, b->at), "chat_id")))
        b->at++;
    if (id)
        call(b, "externalcontact/groupchat/get",
             json_pack("{s:s, s:i}", "chat_id", id, "need_name", 0), on_group);
    else
        groups_end(b);
}

static void on_groups(void *ctx, const struct reply *r)
{
    struct book *b = ctx;

    if (went_wrong(b, r))
        return;
    b->list = json_incref(r->answer->root);
    b->groups = json_array();
    ask_group(b);
}

/* --- what the host calls --- */

void book_read(struct wecom *w, const struct channel_book_ask *ask, channel_book_fn *fn, void *ctx)
{
    struct book *b = calloc(1, sizeof(*b));

    if (!b)
        abort();
    *b = (struct book){.next = w->books, .w = w, .kind = ask->kind, .fn = fn, .ctx = ctx};
    b->member = ask->member ? strdup(ask->member) : NULL;
    b->cursor = strdup(ask->cursor);
    w->books = b;
    switch (b->kind) {
    case CHANNEL_BOOK_TAGS:
        call(b, "externalcontact/get_corp_tag_list", json_object(), on_tags);
        break;
    case CHANNEL_BOOK_MEMBERS:
        call(b, "externalcontact/get_follow_user_list", NULL, on_members);
        break;
    case CHANNEL_BOOK_CUSTOMERS:
        call(b, "externalcontact/batch/get_by_user",
             json_pack("{s:[s], s:s, s:i}", "userid_list", b->member, "cursor", b->cursor, "limit",
                       CUSTOMERS_PAGE),
             on_customers);
        break;
    case CHANNEL_BOOK_TASKS:
        call_text(b, "externalcontact/get_groupmsg_list_v2",
                  wire_list_body(w->mode, ask->from_ms / 1000, ask->to_ms / 1000,
                                 b->cursor[0] ? b->cursor : NULL),
                  on_tasks);
        break;
    case CHANNEL_BOOK_OWN_TASKS:
        call_text(b, "externalcontact/get_groupmsg_list_v2",
                  wire_own_list_body(w->mode, ask->from_ms / 1000, ask->to_ms / 1000,
                                     b->cursor[0] ? b->cursor : NULL),
                  on_own_tasks);
        break;
    case CHANNEL_BOOK_REACHED:
        call_text(b, "externalcontact/get_groupmsg_send_result",
                  wire_results_body(ask->ref, ask->member, b->cursor[0] ? b->cursor : NULL),
                  on_reached);
        break;
    case CHANNEL_BOOK_GROUPS:
        call(b, "externalcontact/groupchat/list",
             json_pack("{s:i, s:{s:[s]}, s:s, s:i}", "status_filter", 0, "owner_filter",
                       "userid_list", b->member, "cursor", b->cursor, "limit", GROUPS_PAGE),
             on_groups);
        break;
    }
}

void book_close(struct wecom *w)
{
    for (struct book *b = w->books, *next; b; b = next) {
        next = b->next;
        book_free(b);
    }
}
