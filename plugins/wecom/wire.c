/* An answer is taken at its word only when it is HTTP 200 with one JSON object whose errcode is
 * absent or an integer. Everything else is in doubt. */
#include "wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { QUOTE_MAX = 100 };

/* --- paths --- */

static bool plain(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

/* Appends `text` as a value of a query; returns where it goes on. */
static char *escape(char *out, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (plain(*text)) {
            *out++ = *text;
            continue;
        }
        *out++ = '%';
        *out++ = hex[c >> 4];
        *out++ = hex[c & 15];
    }
    *out = '\0';
    return out;
}

static char *put(char *out, const char *text)
{
    size_t n = strlen(text);

    memcpy(out, text, n + 1);
    return out + n;
}

char *wire_token_path(const char *corp_id, const char *secret)
{
    static const char head[] = "/cgi-bin/gettoken?corpid=", middle[] = "&corpsecret=";
    char *path = malloc(sizeof(head) + sizeof(middle) + 3 * (strlen(corp_id) + strlen(secret)));

    if (path)
        escape(put(escape(put(path, head), corp_id), middle), secret);
    return path;
}

char *wire_path(const char *api, const char *token, const char *query)
{
    static const char head[] = "/cgi-bin/", middle[] = "?access_token=";
    char *path = malloc(sizeof(head) + sizeof(middle) + strlen(api) + 3 * strlen(token) +
                        (query ? strlen(query) : 0) + 2);
    char *at = path;

    if (!path)
        return NULL;
    at = escape(put(put(put(at, head), api), middle), token);
    if (query)
        put(put(at, "&"), query);
    return path;
}

/* --- bodies --- */

static char *dump(json_t *root)
{
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;

    json_decref(root);
    return text;
}

static json_t *ids(const struct channel_send *send)
{
    json_t *list = json_array();

    for (size_t i = 0; i < send->recipient_count; i++)
        json_array_append_new(list, json_string(send->recipients[i]));
    if (json_array_size(list) == send->recipient_count) /* each of them is UTF-8 */
        return list;
    json_decref(list);
    return NULL;
}

static const char *of(const char *text)
{
    return text ? text : "";
}

static json_t *attachment(const struct channel_attachment *a, const struct wire_media *m)
{
    json_t *body = NULL;

    if (!strcmp(a->kind, "image") || !strcmp(a->kind, "video") || !strcmp(a->kind, "file")) {
        body = json_pack("{s:s}", "media_id", of(m->media_id));
    } else if (!strcmp(a->kind, "link")) {
        body = json_pack("{s:s, s:s}", "title", of(a->title), "url", of(a->url));
        if (m->url)
            json_object_set_new(body, "picurl", json_string(m->url));
        if (a->description)
            json_object_set_new(body, "desc", json_string(a->description));
    } else if (!strcmp(a->kind, "miniprogram")) {
        body = json_pack("{s:s, s:s, s:s, s:s}", "title", of(a->title), "pic_media_id",
                         of(m->media_id), "appid", of(a->appid), "page", of(a->page));
    }
    return body ? json_pack("{s:s, s:o}", "msgtype", a->kind, a->kind, body) : NULL;
}

static bool put_attachments(json_t *root, const struct channel_send *send,
                            const struct wire_media *media)
{
    json_t *list = json_array();

    for (size_t i = 0; i < send->attachment_count; i++)
        json_array_append_new(list, attachment(&send->attachments[i], &media[i]));
    bool all = json_array_size(list) == send->attachment_count;
    json_object_set_new(root, "attachments", list);
    return all;
}

char *wire_task_body(const struct channel_send *send, enum wire_mode mode,
                     const struct wire_media *media)
{
    bool single = mode == MODE_CUSTOMERS;
    json_t *list = send->recipient_count ? ids(send) : NULL;
    json_t *root;

    if (!list || !send->sender[0] || (!send->text && !send->attachment_count)) {
        json_decref(list); /* the sender alone would be all that member's customers */
        return NULL;
    }
    root = json_pack("{s:s, s:o, s:s}", "chat_type", single ? "single" : "group",
                     single ? "external_userid" : "chat_id_list", list, "sender", send->sender);
    if (single)
        json_object_set_new(root, "allow_select", json_false());
    if (send->text)
        json_object_set_new(root, "text", json_pack("{s:s}", "content", send->text));
    if (send->attachment_count && !put_attachments(root, send, media)) {
        json_decref(root);
        return NULL;
    }
    return dump(root);
}

char *wire_message_body(const struct channel_send *send, int64_t agent_id)
{
    size_t length = 1;
    char *users, *at, *body;

    for (size_t i = 0; i < send->recipient_count; i++)
        length += strlen(send->recipients[i]) + 1;
    if (!send->recipient_count || !send->text || !(users = malloc(length)))
        return NULL;
    at = users;
    for (size_t i = 0; i < send->recipient_count; i++)
        at = put(i ? put(at, "|") : at, send->recipients[i]);
    body = dump(json_pack("{s:s, s:s, s:I, s:{s:s}, s:i, s:i}", "touser", users, "msgtype",
                          send->format, "agentid", (json_int_t)agent_id, send->format, "content",
                          send->text, "enable_duplicate_check", 1, "duplicate_check_interval",
                          WIRE_DUPLICATE_S));
    free(users);
    return body;
}

char *wire_notice_body(const char *member, int64_t agent_id, const char *text)
{
    return dump(json_pack("{s:s, s:s, s:I, s:{s:s}, s:i, s:i}", "touser", member, "msgtype", "text",
                          "agentid", (json_int_t)agent_id, "text", "content", text,
                          "enable_duplicate_check", 1, "duplicate_check_interval",
                          WIRE_DUPLICATE_S));
}

char *wire_msgid_body(const char *msgid)
{
    return dump(json_pack("{s:s}", "msgid", msgid));
}

static char *paged(json_t *root, int limit, const char *cursor)
{
    json_object_set_new(root, "limit", json_integer(limit));
    if (cursor)
        json_object_set_new(root, "cursor", json_string(cursor));
    return dump(root);
}

char *wire_members_body(const char *msgid, const char *cursor)
{
    return paged(json_pack("{s:s}", "msgid", msgid), WIRE_RESULTS_PAGE, cursor);
}

char *wire_results_body(const char *msgid, const char *member, const char *cursor)
{
    return paged(json_pack("{s:s, s:s}", "msgid", msgid, "userid", member), WIRE_RESULTS_PAGE,
                 cursor);
}

static char *list_body(enum wire_mode mode, int64_t from_s, int64_t to_s, bool own,
                       const char *cursor)
{
    json_t *root = json_pack("{s:s, s:I, s:I, s:i}", "chat_type",
                             mode == MODE_CUSTOMERS ? "single" : "group", "start_time",
                             (json_int_t)from_s, "end_time", (json_int_t)to_s, "filter_type", own);

    return paged(root, WIRE_LIST_PAGE, cursor);
}

char *wire_list_body(enum wire_mode mode, int64_t from_s, int64_t to_s, const char *cursor)
{
    return list_body(mode, from_s, to_s, false, cursor);
}

char *wire_own_list_body(enum wire_mode mode, int64_t from_s, int64_t to_s, const char *cursor)
{
    return list_body(mode, from_s, to_s, true, cursor);
}

/* What could end a header early does not get into one. */
static void name_copy(char *out, size_t size, const char *name)
{
    size_t n = 0;

    for (; *name && n + 1 < size; name++)
        out[n++] = (unsigned char)*name < ' ' || *name == '"' || *name == '\\' ? '_' : *name;
    out[n] = '\0';
}

char *wire_upload_body(const struct channel_attachment *file, uint64_t boundary, char type[128],
                       size_t *length)
{
    char head[512], tail[64], name[200];
    char *body;

    name_copy(name, sizeof(name), file->name);
    snprintf(type, 128, "multipart/form-data; boundary=paceline-%016" PRIx64, boundary);
    int h = snprintf(head, sizeof(head),
                     "--paceline-%016" PRIx64 "\r\n"
                     "Content-Disposition: form-data; name=\"media\"; filename=\"%s\"; "
                     "filelength=%zu\r\nContent-Type: application/octet-stream\r\n\r\n",
                     boundary, name, file->length);
    int t = snprintf(tail, sizeof(tail), "\r\n--paceline-%016" PRIx64 "--\r\n", boundary);
    body = malloc((size_t)h + file->length + (size_t)t);
    if (!body)
        return NULL;
    memcpy(body, head, (size_t)h);
    memcpy(body + h, file->bytes, file->length);
    memcpy(body + h + file->length, tail, (size_t)t);
    *length = (size_t)h + file->length + (size_t)t;
    return body;
}

/* --- answers --- */

static void doubt(struct wire_answer *out, const char *detail)
{
    out->kind = WIRE_IN_DOUBT;
    out->class = CODE_NEW;
    snprintf(out->detail, sizeof(out->detail), "%s", detail);
}

/* errmsg for a person: ASCII that can be seen, and nothing that holds a secret. */
static void quote(char *out, size_t size, const char *errmsg, const char *redact)
{
    size_t n = 0;

    out[0] = '\0';
    if (!errmsg || !*errmsg || (redact && *redact && strstr(errmsg, redact)) ||
        strstr(errmsg, "access_token="))
        return;
    n = (size_t)snprintf(out, size, " (\"");
    for (; *errmsg && n < QUOTE_MAX; errmsg++)
        out[n++] = *errmsg < ' ' || *errmsg > '~' ? '?' : *errmsg;
    snprintf(out + n, size - n, "\")");
}

void wire_read(struct wire_answer *out, const struct channel_http_answer *http, const char *redact)
{
    char said[QUOTE_MAX + 16];
    json_t *code;

    *out = (struct wire_answer){.class = CODE_NEW};
    if (http->result != CHANNEL_HTTP_ANSWERED) {
        doubt(out, http->error ? http->error : "no answer");
        if (http->result == CHANNEL_HTTP_NOT_SENT)
            out->kind = WIRE_NOT_SENT;
        out->held = http->held;
        return;
    }
    if (http->status != 200) {
        snprintf(out->detail, sizeof(out->detail),
                 "HTTP status %d, which the platform never "
                 "answers with",
                 http->status);
        out->kind = WIRE_IN_DOUBT;
        return;
    }
    out->root = json_loadb(http->body, http->length, JSON_REJECT_DUPLICATES, NULL);
    code = json_object_get(out->root, "errcode");
    if (!json_is_object(out->root) || (code && !json_is_integer(code))) {
        doubt(out, "the answer is not what the platform documents");
        return;
    }
    out->kind = WIRE_ANSWER;
    out->code = json_integer_value(code);
    out->class = code_class(out->code);
    if (out->class == CODE_OK)
        return;
    quote(said, sizeof(said), json_string_value(json_object_get(out->root, "errmsg")), redact);
    snprintf(out->detail, sizeof(out->detail), "errcode %" PRId64 ": %s%s", out->code,
             code_advice(out->code), said);
}

void wire_dispose(struct wire_answer *a)
{
    json_decref(a->root);
    a->root = NULL;
}

const char *wire_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text && *text ? text : NULL;
}

int64_t wire_number(const json_t *object, const char *key, int64_t fallback)
{
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);
    char *end = NULL;

    if (json_is_integer(value))
        return json_integer_value(value);
    if (!text || !*text || strlen(text) > 18)
        return fallback;
    long long n = strtoll(text, &end, 10);
    return *end ? fallback : n;
}

bool wire_read_token(const struct wire_answer *a, struct wire_token *out)
{
    out->token = wire_text(a->root, "access_token");
    out->expires_s = wire_number(a->root, "expires_in", 0);
    return out->token && out->expires_s > 0 && strlen(out->token) <= 1024;
}

bool wire_read_member(const struct wire_answer *a, const char *member, enum wire_task_state *out)
{
    const json_t *list = json_object_get(a->root, "task_list"), *row;
    size_t i;

    json_array_foreach(list, i, row)
    {
        const char *id = wire_text(row, "userid");
        int64_t status = wire_number(row, "status", -1);
        if (!id || strcasecmp(id, member) != 0)
            continue;
        *out = status == 0 ? TASK_NOT_SENT : status == 2 ? TASK_SENT : TASK_UNKNOWN;
        return true;
    }
    return false;
}

struct channel_result *wire_read_results(const struct wire_answer *a, enum wire_mode mode,
                                         size_t *count, size_t *odd, size_t *waiting)
{
    const json_t *list = json_object_get(a->root, "send_list"), *row;
    struct channel_result *out = calloc(json_array_size(list) + 1, sizeof(*out));
    size_t i;

    *count = *odd = *waiting = 0;
    json_array_foreach(list, i, row)
    {
        const char *id = wire_text(row, mode == MODE_CUSTOMERS ? "external_userid" : "chat_id");
        int64_t status = wire_number(row, "status", -1), sent = wire_number(row, "send_time", 0);
        if (id && status == 0) {
            ++*waiting;
        } else if (!out || !id || status < 1 || status > 3 || (status == 1 && sent <= 0)) {
            ++*odd;
        } else {
            out[(*count)++] = (struct channel_result){
                .recipient = id,
                .kind = status == 1   ? CHANNEL_RESULT_SENT
                        : status == 2 ? CHANNEL_RESULT_NOT_A_FRIEND
                                      : CHANNEL_RESULT_CAPPED,
                .at_ms = status == 1 ? sent * 1000 : 0,
            };
        }
    }
    return out;
}

static bool same_attachment(const json_t *item, const struct channel_attachment *a)
{
    const char *type = wire_text(item, "msgtype");
    const char *url = wire_text(json_object_get(item, "link"), "url");

    return type && !strcmp(type, a->kind) &&
           (strcmp(a->kind, "link") != 0 || !a->url || (url && !strcmp(url, a->url)));
}

bool wire_same_task(const json_t *item, const struct channel_send *send)
{
    const char *text = wire_text(json_object_get(item, "text"), "content");
    const json_t *attachments = json_object_get(item, "attachments");

    if (wire_number(item, "create_type", 0) != 0 || wire_text(item, "creator") ||
        strcmp(of(text), of(send->text)) != 0 ||
        json_array_size(attachments) != send->attachment_count)
        return false;
    for (size_t i = 0; i < send->attachment_count; i++)
        if (!same_attachment(json_array_get(attachments, i), &send->attachments[i]))
            return false;
    return true;
}

/* --- who was refused --- */

struct failed { /* an id in an answer, sorted to be found */
    const char *id;
    size_t length;
};

static int compare_length(const struct failed *a, const struct failed *b)
{
    return (a->length > b->length) - (a->length < b->length);
}

static size_t shorter(const struct failed *a, const struct failed *b)
{
    return a->length < b->length ? a->length : b->length;
}

static int compare(const void *x, const void *y)
{
    const struct failed *a = x, *b = y;
    int c = strncmp(a->id, b->id, shorter(a, b));

    return c ? c : compare_length(a, b);
}

/* Members' ids come back in lower case. */
static int compare_members(const void *x, const void *y)
{
    const struct failed *a = x, *b = y;
    int c = strncasecmp(a->id, b->id, shorter(a, b));

    return c ? c : compare_length(a, b);
}

static size_t list_ids(const json_t *list, struct failed **out)
{
    const json_t *item;
    size_t i, count = 0;

    *out = calloc(json_array_size(list) + 1, sizeof(**out));
    json_array_foreach(list, i, item)
    {
        const char *id = json_string_value(item);
        if (*out && id)
            (*out)[count++] = (struct failed){id, strlen(id)};
    }
    return count;
}

static size_t text_ids(const char *text, struct failed **out)
{
    size_t count = 0, most = 1;

    for (const char *s = text; s && *s; s++)
        most += *s == '|';
    *out = calloc(most, sizeof(**out));
    while (*out && text && *text) {
        size_t n = strcspn(text, "|");
        if (n)
            (*out)[count++] = (struct failed){text, n};
        text += n + (text[n] == '|');
    }
    return count;
}

void wire_fails(const struct wire_answer *a, const struct channel_send *send, enum wire_mode mode,
                bool *fails)
{
    int (*order)(const void *, const void *) = mode == MODE_MEMBERS ? compare_members : compare;
    struct failed *list = NULL;
    size_t count = mode == MODE_MEMBERS
                       ? text_ids(json_string_value(json_object_get(a->root, "invaliduser")), &list)
                       : list_ids(json_object_get(a->root, "fail_list"), &list);

    if (count)
        qsort(list, count, sizeof(*list), order);
    for (size_t i = 0; i < send->recipient_count; i++) {
        const struct failed wanted = {send->recipients[i], strlen(send->recipients[i])};
        fails[i] = count && bsearch(&wanted, list, count, sizeof(*list), order);
    }
    free(list);
}
