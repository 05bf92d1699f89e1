/* webhook/send of the group robot (page 99110): the checks in the platform's order, then the
 * record. */
#include "standin.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGE_MAX = 2 * 1024 * 1024, MINUTE_MS = 60 * 1000 };

static struct robot *robot_of(struct standin *s, const char *key);
static bool too_often(const struct standin *s, struct robot *robot, int64_t now_ms);
static void take_place(const struct standin *s, struct robot *robot, int64_t now_ms);
static int judge_message(const json_t *message);

int robot_send(struct standin *s, struct request *r)
{
    struct robot *robot = robot_of(s, r->key);
    json_t *message = json_loadb(r->body, r->length, JSON_REJECT_DUPLICATES, NULL);
    const char *msgtype = json_string_value(json_object_get(message, "msgtype"));
    json_t *part = json_object_get(message, msgtype ? msgtype : "");
    const char *content = json_string_value(json_object_get(part, "content"));
    bool acted;
    int code;

    if (strcmp(r->method, "POST") != 0)
        code = EMPTY; /* GET used for POST */
    else if (r->too_large)
        code = BODY_TOO_LARGE;
    else if (!robot)
        code = BAD_KEY;
    else if (too_often(s, robot, r->at_ms))
        code = TOO_OFTEN;
    else
        code = judge_message(message);
    acted = code == OK && (r->acts || r->fault == FAULT_LOSE_TOKEN); /* it has none */
    if (acted)
        take_place(s, robot, r->at_ms);
    if (code == OK)
        code = fault_code(r->fault);
    if (!content)
        content = json_string_value(json_object_get(part, "md5")); /* of an image */
    record_line(
        s, json_pack("{s:I, s:s?, s:s?, s:s?, s:s?, s:o, s:b, s:b, s:I}", "at_ms",
                     (json_int_t)r->at_ms, "key", r->key, "robot", robot ? robot->name : NULL,
                     "msgtype", msgtype, "content", content, "errcode",
                     r->fault == FAULT_RESET_BEFORE ? json_null() : json_integer(code), "acted",
                     acted, "answered", !r->no_answer, "connection", (json_int_t)r->connection));
    json_decref(message);
    return code;
}

static struct robot *robot_of(struct standin *s, const char *key)
{
    for (size_t i = 0; key && i < s->robot_count; i++) {
        if (!strcmp(s->robots[i].key, key))
            return &s->robots[i];
    }
    return NULL;
}

/* --- 20 a minute, in any span --- */

static bool too_often(const struct standin *s, struct robot *robot, int64_t now_ms)
{
    if (s->limit == 0)
        return false;
    if (now_ms < robot->blocked_until_ms)
        return true;
    if (robot->accepted < s->limit || now_ms >= robot->accepted_ms[robot->oldest] + MINUTE_MS)
        return false;
    robot->blocked_until_ms = now_ms + MINUTE_MS; /* a per-minute limit blocks for 60 s */
    return true;
}

static void take_place(const struct standin *s, struct robot *robot, int64_t now_ms)
{
    if (s->limit == 0)
        return;
    if (robot->accepted < s->limit) {
        robot->accepted_ms[robot->accepted++] = now_ms;
    } else {
        robot->accepted_ms[robot->oldest] = now_ms;
        robot->oldest = (robot->oldest + 1) % s->limit;
    }
}

/* --- the message --- */

static int judge_text(const json_t *part, size_t max)
{
    const json_t *content = json_object_get(part, "content");

    if (!json_is_string(content))
        return BAD_PARAMETER;
    if (json_string_length(content) == 0)
        return EMPTY;
    return json_string_length(content) > max ? TOO_LONG : OK;
}

static int judge_image_bytes(const unsigned char *bytes, size_t length, const char *md5)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[33] = "";
    size_t n = 0;

    if (length == 0 || length > IMAGE_MAX)
        return BAD_IMAGE_SIZE;
    if (!(length > 3 && !memcmp(bytes, "\xff\xd8\xff", 3)) &&
        !(length > 8 && !memcmp(bytes, "\x89PNG\r\n\x1a\n", 8)))
        return BAD_MEDIA_TYPE;
    EVP_Q_digest(NULL, "MD5", NULL, bytes, length, digest, &n);
    for (size_t i = 0; i < n && i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return strcmp(hex, md5) == 0 ? OK : BAD_PARAMETER;
}

static int judge_image(const json_t *part)
{
    const json_t *base64 = json_object_get(part, "base64");
    const char *text = json_string_value(base64);
    const char *md5 = json_string_value(json_object_get(part, "md5"));
    size_t length = text ? json_string_length(base64) : 0;
    unsigned char *bytes;
    int n, code = BAD_PARAMETER;

    if (!text || !md5 || length % 4 != 0)
        return BAD_PARAMETER;
    bytes = malloc(length / 4 * 3 + 1);
    n = bytes ? EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)length) : -1;
    for (size_t i = 1; i <= 2 && i <= length && n > 0 && text[length - i] == '='; i++)
        n--; /* EVP_DecodeBlock counts the padding */
    if (n >= 0)
        code = judge_image_bytes(bytes, (size_t)n, md5);
    free(bytes);
    return code;
}

static int judge_message(const json_t *message)
{
    static const struct {
        const char *msgtype;
        size_t max;
    } texts[] = {{"text", 2048}, {"markdown", 4096}, {"markdown_v2", 4096}};
    const char *msgtype = json_string_value(json_object_get(message, "msgtype"));
    const json_t *part;

    if (!json_is_object(message))
        return MALFORMED;
    if (!msgtype)
        return BAD_MSGTYPE;
    part = json_object_get(message, msgtype);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (!strcmp(msgtype, texts[i].msgtype))
            return judge_text(part, texts[i].max);
    }
    return strcmp(msgtype, "image") == 0 ? judge_image(part) : BAD_MSGTYPE;
}
