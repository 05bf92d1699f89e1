/* message/send to members (page 90236), with the platform's own check for duplicates: the same
 * request within the interval is answered as the first was, and reaches nobody. */
#include "standin.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    USERS_MAX = 1000,
    INTERVAL_DEFAULT_S = 1800,
    INTERVAL_MAX_S = 14400,
    MINUTE_MS = 60 * 1000,
    DAY_MS = 24 * 3600 * 1000,
    A_MINUTE = 30
};

static int judge(const struct standin *s, const struct request *r)
{
    static const char *const kinds[] = {"text", "markdown", "textcard", "image",
                                        "file", "video",    "voice",    "news"};
    const char *msgtype = request_text(r, "msgtype");
    const json_t *content;
    bool known = false;

    if (!json_is_integer(json_object_get(r->json, "agentid")))
        return BAD_AGENT;
    if (request_number(r, "agentid", 0) != s->app.agent)
        return OTHER_AGENT;
    for (size_t i = 0; msgtype && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        known |= !strcmp(kinds[i], msgtype);
    if (!known)
        return BAD_MSGTYPE;
    if (!json_is_object(json_object_get(r->json, msgtype)))
        return BAD_PARAMETER;
    content = json_object_get(json_object_get(r->json, msgtype), "content");
    if ((!strcmp(msgtype, "text") || !strcmp(msgtype, "markdown")) &&
        (!json_is_string(content) || json_string_length(content) == 0))
        return EMPTY;
    return request_number(r, "duplicate_check_interval", INTERVAL_DEFAULT_S) > INTERVAL_MAX_S
               ? BAD_PARAMETER
               : OK;
}

/* The msgid of the same request within its interval, or NULL. */
static const char *same_before(struct standin *s, const struct request *r, const char *body)
{
    int64_t interval_s = request_number(r, "duplicate_check_interval", INTERVAL_DEFAULT_S);
    const json_t *before = json_object_get(s->world.sent, body);

    if (!before || request_number(r, "enable_duplicate_check", 0) != 1 ||
        r->now_ms >= json_integer_value(json_object_get(before, "at_ms")) + interval_s * 1000)
        return NULL;
    return json_string_value(json_object_get(before, "msgid"));
}

static void deliver(struct standin *s, const struct request *r, struct member *m, const char *msgid)
{
    const char *msgtype = request_text(r, "msgtype");
    const json_t *content = json_object_get(json_object_get(r->json, msgtype), "content");
    bool dropped = stamps_since(&m->messages, r->now_ms - MINUTE_MS) >= A_MINUTE;

    if (!dropped) /* what is too much is dropped without a word */
        stamps_add(&m->messages, r->now_ms);
    record_line(s, json_pack("{s:I, s:s, s:s, s:s, s:b, s:O?}", "at_ms", (json_int_t)r->now_ms,
                             "event", "message", "msgid", msgid, "recipient", m->id, "dropped",
                             dropped, "text", content));
}

/* Walks through the names between the bars; says how many are members, and collects the others. */
static size_t visit(struct standin *s, const struct request *r, char *names, const char *msgid,
                    char *invalid)
{
    size_t known = 0;
    char *rest = NULL;

    for (char *name = strtok_r(names, "|", &rest); name; name = strtok_r(NULL, "|", &rest)) {
        size_t found = world_find(&s->world, 'm', name);

        known += found != NONE;
        if (found != NONE && msgid)
            deliver(s, r, &s->world.members[found], msgid);
        if (found != NONE || !invalid)
            continue;
        if (invalid[0])
            strcat(invalid, "|");
        for (size_t end = strlen(invalid); *name; name++, end++) {
            invalid[end] = (char)tolower((unsigned char)*name);
            invalid[end + 1] = '\0';
        }
    }
    return known;
}

static int send_to(struct standin *s, struct request *r, const char *users, const char *body)
{
    char *names = strdup(users), *invalid = calloc(1, strlen(users) + 2), msgid[32];
    const char *before = same_before(s, r, body);
    int code = OK;

    if (!names || !invalid)
        abort();
    if (visit(s, r, names, NULL, invalid) == 0)
        code = NOBODY_VALID;
    if (invalid[0])
        request_reply(r, "invaliduser", json_string(invalid));
    if (code == OK && before) {
        request_reply(r, "msgid", json_string(before));
        request_note(r, "duplicate", json_true());
    } else if (code == OK) {
        snprintf(msgid, sizeof(msgid), "MSGAPP%04llu",
                 (unsigned long long)++s->world.message_count);
        strcpy(names, users);
        visit(s, r, names, msgid, NULL);
        json_object_set_new(
            s->world.sent, body,
            json_pack("{s:I, s:s}", "at_ms", (json_int_t)r->now_ms, "msgid", msgid));
        request_reply(r, "msgid", json_string(msgid));
    }
    free(names);
    free(invalid);
    return code;
}

int message_send(struct standin *s, struct request *r)
{
    const char *users = request_text(r, "touser");
    size_t count = 1;
    char *body, *all = NULL;
    int code = judge(s, r);

    for (const char *c = users; c && *c; c++)
        count += *c == '|';
    if (code == OK && (!users || !users[0] || count > USERS_MAX))
        code = users && users[0] ? BAD_PARAMETER : NOBODY_VALID;
    if (code != OK)
        return code;
    if (!strcmp(users, "@all")) {
        size_t length = 0;
        all = calloc(s->world.member_count + 1, ID_MAX + 1);
        if (!all)
            abort();
        for (size_t i = 0; i < s->world.member_count; i++)
            length += (size_t)sprintf(all + length, "%s%s", i ? "|" : "", s->world.members[i].id);
        users = all;
    }
    body = strndup(r->body, r->length);
    if (!body)
        abort();
    code = send_to(s, r, users, body);
    free(body);
    free(all);
    return code;
}

int message_recall(struct standin *s, struct request *r)
{
    const char *msgid = request_text(r, "msgid"), *body;
    json_t *sent;

    if (!msgid)
        return BAD_PARAMETER;
    json_object_foreach(s->world.sent, body, sent)
    {
        if (!strcmp(json_string_value(json_object_get(sent, "msgid")), msgid))
            return r->now_ms >= json_integer_value(json_object_get(sent, "at_ms")) + DAY_MS
                       ? TOO_OLD
                       : OK;
    }
    return BAD_PARAMETER;
}
