/* What a test says to the stand-in, beside its options; JSON, answered like the interface. 40058:
 * it was not understood, and nothing was changed or only what stands before it.
 *
 *   GET  /_standin/state       tasks with their rows, tags, and how many there are of what
 *   POST /_standin/seed        {seed, members, customers, groups, owners, shared, lost, never,
 *                               reminded, partly, after_ms: [first, last]}: adds a seeded world
 *   POST /_standin/world       {members: [{userid, name, taps, after_ms, share, follows}],
 *                               customers: [{external_userid, name, unionid, gender, type,
 *                                 follows: [{userid, createtime, remark, state, add_way,
 *                                            tags: ["group/name"], lost, removed}]}],
 *                               groups: [{chat_id, name, owner, status, people, dismissed,
 *                                         internal}]}: adds, or changes what is there
 *   POST /_standin/members     {userid?, taps, after_ms, share}: all members, or one
 *   POST /_standin/tap         {userid?, msgid?, share?}: now, whatever the members do by
 * themselves POST /_standin/by-hand     {userid, chat_type?, recipients: [...], text}: a member's
 * own POST /_standin/clock       {offset_ms} or {forward_ms}: our clock against the machine's POST
 * /_standin/faults      {faults: ["KIND:WHEN[:CALL]"]}: instead of those there are POST
 * /_standin/settings    {receive_cap, dispatch_ms, block_ms, rate, at_once, secret, agent} POST
 * /_standin/lose-tokens {}: all tokens become void POST /_standin/unblock     {}: all blocks end */
#include "standin.h"

#include <stdlib.h>
#include <string.h>

static int64_t integer(const json_t *o, const char *name, int64_t otherwise)
{
    const json_t *value = json_object_get(o, name);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static const char *text(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

static void set_bool(bool *out, const json_t *o, const char *name)
{
    const json_t *value = json_object_get(o, name);

    if (json_is_boolean(value))
        *out = json_is_true(value);
}

static void set_text(char *out, size_t size, const json_t *o, const char *name)
{
    if (text(o, name))
        text_copy(out, size, text(o, name));
}

static bool choose(const char *name, const char *const names[], int count, int *out)
{
    for (int i = 0; name && i < count; i++) {
        if (!strcmp(names[i], name)) {
            *out = i;
            return true;
        }
    }
    return name == NULL;
}

/* --- the world --- */

static bool set_member(struct member *m, const json_t *o)
{
    static const char *const names[TAPS_COUNT] = {"soon", "never", "reminded", "partly"};
    const json_t *after = json_object_get(o, "after_ms");
    int taps = (int)m->taps;

    if (!choose(text(o, "taps"), names, TAPS_COUNT, &taps))
        return false;
    m->taps = (enum taps)taps;
    for (size_t i = 0; i < 2 && json_array_size(after) == 2; i++)
        m->after_ms[i] = json_integer_value(json_array_get(after, i));
    m->share = (unsigned)integer(o, "share", m->share);
    set_bool(&m->follows, o, "follows");
    set_text(m->name, sizeof(m->name), o, "name");
    return m->share <= 100;
}

static bool set_tags(struct world *w, struct follow *f, const json_t *tags)
{
    size_t i;
    const json_t *value;

    if (tags)
        f->tags = 0;
    json_array_foreach(tags, i, value)
    {
        const char *name = json_string_value(value), *slash = name ? strchr(name, '/') : NULL;
        char group[NAME_MAX_BYTES];
        size_t tag;

        if (!slash)
            return false;
        snprintf(group, sizeof(group), "%.*s", (int)(slash - name), name);
        tag = world_tag(w, group, slash + 1);
        if (tag == NONE)
            return false;
        f->tags |= 1u << tag;
    }
    return true;
}

static bool set_follow(struct world *w, struct customer *c, const json_t *o, int64_t now_ms)
{
    struct follow *f;

    if (!text(o, "userid"))
        return false;
    f = customer_follow(c, world_member(w, text(o, "userid")), true);
    f->created_s = integer(o, "createtime", f->created_s ? f->created_s : now_ms / 1000);
    f->add_way = integer(o, "add_way", f->add_way);
    set_text(f->remark, sizeof(f->remark), o, "remark");
    set_text(f->state, sizeof(f->state), o, "state");
    set_bool(&f->lost, o, "lost");
    set_bool(&f->removed, o, "removed");
    return set_tags(w, f, json_object_get(o, "tags"));
}

static bool set_customer(struct world *w, const json_t *o, int64_t now_ms)
{
    struct customer *c;
    size_t i, made;
    const json_t *follow;

    if (!text(o, "external_userid"))
        return false;
    made = world_customer(w, text(o, "external_userid")); /* moves the customers */
    c = &w->customers[made];
    set_text(c->name, sizeof(c->name), o, "name");
    set_text(c->union_id, sizeof(c->union_id), o, "unionid");
    c->gender = integer(o, "gender", c->gender);
    c->type = integer(o, "type", c->type);
    json_array_foreach(json_object_get(o, "follows"), i, follow)
    {
        if (!set_follow(w, c, follow, now_ms))
            return false;
    }
    return true;
}

static bool set_group(struct world *w, const json_t *o, int64_t now_ms)
{
    size_t found = world_find(w, 'g', text(o, "chat_id")), owner;
    struct group *g;

    if (!text(o, "chat_id") || (found == NONE && !text(o, "owner")))
        return false;
    owner = text(o, "owner") ? world_member(w, text(o, "owner")) : w->groups[found].owner;
    found = world_group(w, text(o, "chat_id"), owner);
    g = &w->groups[found];
    if (g->created_s == 0)
        g->created_s = now_ms / 1000;
    set_text(g->name, sizeof(g->name), o, "name");
    g->status = integer(o, "status", g->status);
    g->people = (size_t)integer(o, "people", (int64_t)g->people);
    set_bool(&g->dismissed, o, "dismissed");
    set_bool(&g->internal, o, "internal");
    return true;
}

static int change_world(struct standin *s, struct request *r)
{
    struct world *w = &s->world;
    size_t i;
    const json_t *one;

    json_array_foreach(json_object_get(r->json, "members"), i, one)
    {
        size_t made = text(one, "userid") ? world_member(w, text(one, "userid")) : NONE;

        if (made == NONE || !set_member(&w->members[made], one))
            return BAD_PARAMETER;
    }
    json_array_foreach(json_object_get(r->json, "customers"), i, one)
    {
        if (!set_customer(w, one, r->now_ms))
            return BAD_PARAMETER;
    }
    json_array_foreach(json_object_get(r->json, "groups"), i, one)
    {
        if (!set_group(w, one, r->now_ms))
            return BAD_PARAMETER;
    }
    return OK;
}

static int seed(struct standin *s, struct request *r)
{
    const json_t *after = json_object_get(r->json, "after_ms");
    struct plan p = {
        .seed = (uint64_t)integer(r->json, "seed", 1),
        .members = integer(r->json, "members", 0),
        .customers = integer(r->json, "customers", 0),
        .groups = integer(r->json, "groups", 0),
        .owners = integer(r->json, "owners", 0),
        .shared = integer(r->json, "shared", 10),
        .lost = integer(r->json, "lost", 2),
        .never = integer(r->json, "never", 0),
        .reminded = integer(r->json, "reminded", 0),
        .partly = integer(r->json, "partly", 0),
        .after_ms = {after ? json_integer_value(json_array_get(after, 0)) : -1,
                     after ? json_integer_value(json_array_get(after, 1)) : -1},
    };

    world_seed(&s->world, &p, r->now_ms);
    return OK;
}

/* --- people --- */

static int change_members(struct standin *s, struct request *r)
{
    const char *id = text(r->json, "userid");
    bool ok = true;

    if (id && world_find(&s->world, 'm', id) == NONE)
        return BAD_USERID;
    for (size_t i = 0; i < s->world.member_count; i++) {
        if (!id || !strcmp(s->world.members[i].id, id))
            ok = ok && set_member(&s->world.members[i], r->json);
    }
    return ok ? OK : BAD_PARAMETER;
}

static int tap(struct standin *s, struct request *r)
{
    const char *userid = text(r->json, "userid"), *msgid = text(r->json, "msgid");
    int64_t share = integer(r->json, "share", 100), count = 0;

    if (share < 0 || share > 100 || (userid && world_find(&s->world, 'm', userid) == NONE) ||
        (msgid && world_find(&s->world, 't', msgid) == NONE))
        return BAD_PARAMETER;
    for (size_t i = 0; i < s->world.task_count; i++) {
        struct task *t = &s->world.tasks[i];

        if (t->canceled || (msgid && strcmp(t->id, msgid) != 0))
            continue;
        for (size_t k = 0; k < t->part_count; k++) {
            if (userid && strcmp(s->world.members[t->parts[k].member].id, userid) != 0)
                continue;
            taps_tap(s, t, &t->parts[k], (unsigned)share, r->now_ms);
            count++;
        }
    }
    request_reply(r, "taps", json_integer(count));
    return OK;
}

static int by_hand(struct standin *s, struct request *r)
{
    const char *chat_type = text(r->json, "chat_type"), *said = text(r->json, "text");
    size_t member = world_find(&s->world, 'm', text(r->json, "userid"));

    if (member == NONE || !said)
        return BAD_PARAMETER;
    return tasks_by_hand(s, member, chat_type && !strcmp(chat_type, "group"),
                         json_object_get(r->json, "recipients"), said, r->now_ms);
}

/* --- the platform --- */

static int change_clock(struct standin *s, struct request *r)
{
    s->clock_offset_ms =
        integer(r->json, "offset_ms", s->clock_offset_ms) + integer(r->json, "forward_ms", 0);
    taps_run(s, r->at_ms + s->clock_offset_ms);
    return OK;
}

static int change_faults(struct standin *s, struct request *r)
{
    struct faults new = {.count = 0};
    size_t i;
    const json_t *rule;

    if (!json_is_array(json_object_get(r->json, "faults")))
        return BAD_PARAMETER;
    json_array_foreach(json_object_get(r->json, "faults"), i, rule)
    {
        if (!json_is_string(rule) || !faults_add(&new, json_string_value(rule)))
            return BAD_PARAMETER;
    }
    s->faults = new;
    return OK;
}

static int change_settings(struct standin *s, struct request *r)
{
    static const char *const caps[CAP_COUNT] = {"none", "day", "week", "month"};
    static char secret[256]; /* one stand-in a process */
    int cap = (int)s->world.cap;

    if (!choose(text(r->json, "receive_cap"), caps, CAP_COUNT, &cap))
        return BAD_PARAMETER;
    s->world.cap = (enum cap)cap;
    s->dispatch_ms = integer(r->json, "dispatch_ms", s->dispatch_ms);
    s->block_ms = integer(r->json, "block_ms", s->block_ms);
    s->rate = (size_t)integer(r->json, "rate", (int64_t)s->rate);
    s->at_once = (size_t)integer(r->json, "at_once", (int64_t)s->at_once);
    s->app.agent = integer(r->json, "agent", s->app.agent);
    if (text(r->json, "secret")) {
        text_copy(secret, sizeof(secret), text(r->json, "secret"));
        s->app.secret = secret;
    }
    return OK;
}

static int lose_tokens(struct standin *s, struct request *r)
{
    (void)r;
    tokens_lose(&s->tokens);
    return OK;
}

static int unblock(struct standin *s, struct request *r)
{
    (void)r;
    for (size_t i = 0; i < CALLS_MAX; i++)
        s->meters[i].blocked_until_ms = 0;
    s->tokens.refused = 0;
    s->tokens.refused_until_ms = 0;
    return OK;
}

/* --- what is seen --- */

static json_t *rows_of(const struct world *w, const struct task *t)
{
    json_t *rows = json_array();

    for (size_t k = 0; k < t->part_count; k++) {
        const struct part *p = &t->parts[k];

        for (size_t i = p->first; i < p->first + p->count; i++) {
            const struct row *row = &t->rows[i];
            const char *id = t->to_groups ? w->groups[row->who].id : w->customers[row->who].id;

            json_array_append_new(rows, json_pack("{s:s, s:s, s:I, s:I}", "recipient", id, "userid",
                                                  w->members[p->member].id, "status",
                                                  (json_int_t)row->status, "sent_s",
                                                  (json_int_t)row->sent_s));
        }
    }
    return rows;
}

static int show_state(struct standin *s, struct request *r)
{
    const struct world *w = &s->world;
    json_t *tasks = json_array(), *tags = json_array();

    for (size_t i = 0; i < w->task_count; i++) {
        const struct task *t = &w->tasks[i];

        json_array_append_new(
            tasks, json_pack("{s:s, s:s, s:b, s:b, s:I, s:O, s:o}", "msgid", t->id, "chat_type",
                             t->to_groups ? "group" : "single", "canceled", t->canceled, "by_hand",
                             t->creator != NONE, "created_ms", (json_int_t)t->created_ms, "content",
                             t->content, "rows", rows_of(w, t)));
    }
    for (size_t i = 0; i < w->tag_count; i++)
        json_array_append_new(tags, json_pack("{s:s, s:s, s:s}", "id", w->tags[i].id, "name",
                                              w->tags[i].name, "group", w->tags[i].group_name));
    request_reply(r, "tasks", tasks);
    request_reply(r, "tags", tags);
    request_reply(r, "members", json_integer((json_int_t)w->member_count));
    request_reply(r, "customers", json_integer((json_int_t)w->customer_count));
    request_reply(r, "groups", json_integer((json_int_t)w->group_count));
    request_reply(r, "now_ms", json_integer(r->now_ms));
    return OK;
}

int control_handle(struct standin *s, struct request *r)
{
    static const struct {
        const char *name;
        handler_fn *handler;
    } orders[] = {{"seed", seed},
                  {"world", change_world},
                  {"members", change_members},
                  {"tap", tap},
                  {"by-hand", by_hand},
                  {"clock", change_clock},
                  {"faults", change_faults},
                  {"settings", change_settings},
                  {"lose-tokens", lose_tokens},
                  {"unblock", unblock}};
    const char *name = r->path + strlen("/_standin/");

    if (!strcmp(name, "state"))
        return show_state(s, r);
    if (strcmp(r->method, "POST") != 0 || !json_is_object(r->json))
        return MALFORMED;
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        if (!strcmp(orders[i].name, name))
            return orders[i].handler(s, r);
    }
    return BAD_PARAMETER;
}
