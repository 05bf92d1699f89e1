/* An answer is taken at its word only when it is HTTP 200 with one JSON object whose errcode is an
 * integer we know. Everything else is in doubt, and what is in doubt is never repeated.
 *
 * "Too often" (45009) blocks the robot for a minute, an hour or the rest of the day, and does not
 * say which: we wait a minute, if it is still blocked an hour, and then until the next day in
 * Beijing. */
#include "robot_wire.h"

#include "../wecom/quota.h"

#include <assert.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_MIN = 8, KEY_MAX = 64, QUOTE_MAX = 120, BUSY_MS = 5 * 1000 };

static char *image_body(const struct channel_attachment *image, size_t *length);
static json_t *image_base64(const struct channel_attachment *image);
static void image_md5(const struct channel_attachment *image, char out[33]);
static char *dump(json_t *root, size_t *length);
static void read_code(struct channel_outcome *out, char *detail, int64_t code, const char *quote,
                      int64_t now_ms, unsigned blocks);
static void quote_errmsg(char out[QUOTE_MAX + 8], const char *errmsg, const char *key);

bool robot_key_valid(const char *key)
{
    size_t n = strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");

    return n >= KEY_MIN && n <= KEY_MAX && !key[n];
}

void robot_path(char out[ROBOT_PATH_MAX], const char *key)
{
    assert(robot_key_valid(key));
    snprintf(out, ROBOT_PATH_MAX, "/cgi-bin/webhook/send?key=%s", key);
}

char *robot_body(const struct channel_send *send, size_t *length)
{
    if (send->attachment_count == 1 && !send->text)
        return strcmp(send->attachments[0].kind, "image") == 0
                   ? image_body(&send->attachments[0], length)
                   : NULL;
    if (send->attachment_count > 0 || !send->text ||
        (strcmp(send->format, "text") != 0 && strcmp(send->format, "markdown") != 0))
        return NULL;
    return dump(
        json_pack("{s:s, s:{s:s}}", "msgtype", send->format, send->format, "content", send->text),
        length);
}

void robot_read(struct channel_outcome *out, char detail[ROBOT_DETAIL_MAX],
                const struct channel_http_answer *answer, const char *key, int64_t now_ms,
                unsigned blocks)
{
    char quote[QUOTE_MAX + 8];
    json_t *root, *errcode, *errmsg;

    memset(out, 0, sizeof(*out));
    detail[0] = '\0';
    out->detail = detail;
    out->kind = answer->result == CHANNEL_HTTP_NOT_SENT ? CHANNEL_NOT_SENT : CHANNEL_UNKNOWN;
    if (answer->result != CHANNEL_HTTP_ANSWERED) {
        if (out->kind == CHANNEL_UNKNOWN)
            out->reason = CHANNEL_REASON_NO_ANSWER;
        snprintf(detail, ROBOT_DETAIL_MAX, "%s", answer->error ? answer->error : "no answer");
        return;
    }
    out->reason = CHANNEL_REASON_BAD_ANSWER;
    if (answer->status != 200) {
        snprintf(detail, ROBOT_DETAIL_MAX, "HTTP status %d, which the robot never answers with",
                 answer->status);
        return;
    }
    root = json_loadb(answer->body, answer->length, JSON_REJECT_DUPLICATES, NULL);
    errcode = json_object_get(root, "errcode");
    errmsg = json_object_get(root, "errmsg");
    if (json_is_integer(errcode)) {
        quote_errmsg(quote, json_string_value(errmsg), key);
        read_code(out, detail, json_integer_value(errcode), quote, now_ms, blocks);
    } else {
        snprintf(detail, ROBOT_DETAIL_MAX, "the answer is not what the platform documents");
    }
    json_decref(root);
}

bool robot_blocked(const struct channel_outcome *outcome)
{
    return outcome->kind == CHANNEL_NOT_NOW && outcome->reason == CHANNEL_REASON_NONE;
}

/* --- the request --- */

static char *dump(json_t *root, size_t *length)
{
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL; /* NULL: not UTF-8 */

    json_decref(root);
    *length = text ? strlen(text) : 0;
    return text;
}

static char *image_body(const struct channel_attachment *image, size_t *length)
{
    char md5[33];
    json_t *base64 = image_base64(image);

    image_md5(image, md5);
    return dump(
        json_pack("{s:s, s:{s:o, s:s}}", "msgtype", "image", "image", "base64", base64, "md5", md5),
        length);
}

static json_t *image_base64(const struct channel_attachment *image)
{
    unsigned char *text = malloc(4 * ((image->length + 2) / 3) + 1);
    json_t *json;
    int n;

    if (!text)
        return NULL;
    n = EVP_EncodeBlock(text, image->bytes, (int)image->length);
    json = json_stringn_nocheck((char *)text, (size_t)n);
    free(text);
    return json;
}

static void image_md5(const struct channel_attachment *image, char out[33])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t n = 0;

    EVP_Q_digest(NULL, "MD5", NULL, image->bytes, image->length, digest, &n);
    assert(n == 16);
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* --- the answer --- */

enum code_class {
    CODE_DONE,
    CODE_TOO_OFTEN, /* refused; the robot is blocked for a while */
    CODE_BUSY,      /* refused; too many calls at once */
    CODE_SETUP,     /* refused; nothing goes until a person has set something right */
    CODE_REQUEST,   /* refused; this campaign's message is not acceptable */
    CODE_SPAM,      /* refused; the platform does not want this content */
    CODE_IN_DOUBT   /* the platform does not say whether it was sent */
};

static const struct {
    int code;
    enum code_class class;
    const char *advice;
} codes[] = {
    {0, CODE_DONE, ""},
    {-1, CODE_IN_DOUBT, "the platform was busy: look in the group whether it arrived"},
    {40001, CODE_SETUP, "the credential was refused: check the robot's key"},
    {40004, CODE_REQUEST, "the kind of media was refused"},
    {40005, CODE_REQUEST, "the kind of file was refused"},
    {40006, CODE_REQUEST, "the size of the file was refused"},
    {40008, CODE_REQUEST, "the kind of message was refused"},
    {40009, CODE_REQUEST, "the image was refused: at most 2 MB, jpg or png"},
    {40011, CODE_REQUEST, "the media was refused"},
    {40013, CODE_SETUP, "the credential was refused: check the robot's key"},
    {40014, CODE_SETUP, "the credential was refused: check the robot's key"},
    {40033, CODE_REQUEST, "the request was refused as malformed"},
    {40035, CODE_REQUEST, "the request was refused as malformed"},
    {40058, CODE_REQUEST, "the request was refused as malformed"},
    {40063, CODE_REQUEST, "the request was refused as malformed"},
    {40091, CODE_SETUP, "the credential was refused: check the robot's key"},
    {40123, CODE_REQUEST, "the image was refused"},
    {40201, CODE_SPAM, "the platform's spam filter stopped the content"},
    {40204, CODE_SPAM, "the platform's spam filter stopped the content"},
    {40206, CODE_REQUEST, "the request is too large"},
    {41001, CODE_SETUP, "the key is missing: check the robot's key"},
    {42001, CODE_SETUP, "the credential has expired: check the robot's key"},
    {44001, CODE_REQUEST, "the media is empty"},
    {44004, CODE_REQUEST, "the text is empty"},
    {45001, CODE_REQUEST, "the media is too large"},
    {45002, CODE_REQUEST, "the text is too long"},
    {45007, CODE_REQUEST, "the media is too long"},
    {45009, CODE_TOO_OFTEN, "too many messages for this robot"},
    {45033, CODE_BUSY, "too many calls at once"},
    {48002, CODE_SETUP, "the robot may not do this: ask the group's owner or the admin"},
    {60011, CODE_SETUP, "the robot may not do this: ask the group's owner or the admin"},
    {60020, CODE_SETUP, "this machine's address is not on the admin's list"},
    {85002, CODE_SPAM, "the platform refused words of the content"},
    {93000, CODE_SETUP, "there is no robot with this key: check it, or add the robot again"},
    {93004, CODE_SETUP, "the robot is disabled: ask the group's owner or the admin"},
    {93008, CODE_SETUP, "the robot is not in the group any more: add it again"},
    {301007, CODE_SETUP, "the company's account cannot be used: ask the admin"},
};

static void read_code(struct channel_outcome *out, char *detail, int64_t code, const char *quote,
                      int64_t now_ms, unsigned blocks)
{
    size_t i = 0, count = sizeof(codes) / sizeof(codes[0]);

    while (i < count && codes[i].code != code)
        i++;
    snprintf(detail, ROBOT_DETAIL_MAX, "errcode %lld: %s%s", (long long)code,
             i < count ? codes[i].advice : "not a code we know: look in the group", quote);
    switch (i < count ? codes[i].class : CODE_IN_DOUBT) {
    case CODE_DONE:
        *out = (struct channel_outcome){.kind = CHANNEL_DONE};
        break;
    case CODE_TOO_OFTEN:
        out->kind = CHANNEL_NOT_NOW;
        out->reason = CHANNEL_REASON_NONE;
        out->stop = CHANNEL_STOP_CHANNEL;
        out->not_before_ms = quota_unblocked_ms(now_ms, blocks);
        break;
    case CODE_BUSY:
        out->kind = CHANNEL_NOT_NOW;
        out->reason = CHANNEL_REASON_REFUSED;
        out->stop = CHANNEL_STOP_CHANNEL;
        out->not_before_ms = now_ms + BUSY_MS;
        break;
    case CODE_SETUP:
        out->kind = CHANNEL_NOT_NOW;
        out->reason = CHANNEL_REASON_REFUSED;
        out->stop = CHANNEL_STOP_CHANNEL;
        out->not_before_ms = CHANNEL_FOREVER;
        break;
    case CODE_REQUEST:
    case CODE_SPAM:
        out->kind = CHANNEL_NEVER;
        out->reason = CHANNEL_REASON_REJECTED_CONTENT;
        out->stop = CHANNEL_STOP_CAMPAIGN;
        break;
    case CODE_IN_DOUBT:
        break; /* as it was: unknown, bad answer */
    }
}

/* Characters that could show a person something else than what is there. */
static bool invisible(unsigned c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

/* ` ("...")`, or nothing. errmsg is UTF-8 (jansson sees to it), else anything. */
static void quote_errmsg(char out[QUOTE_MAX + 8], const char *errmsg, const char *key)
{
    size_t used = 0;

    out[0] = '\0';
    if (!errmsg || !errmsg[0] || strstr(errmsg, key))
        return;
    used = (size_t)snprintf(out, 4, " (\"");
    while (*errmsg) {
        const unsigned char *s = (const unsigned char *)errmsg;
        size_t n = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
        unsigned c = s[0];
        if (n == 2)
            c = (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
        else if (n == 3)
            c = (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
        if (used + n > 3 + QUOTE_MAX)
            break;
        if (invisible(c))
            out[used++] = '?';
        else
            memcpy(out + used, errmsg, n), used += n;
        errmsg += n;
    }
    memcpy(out + used, "\")", 3);
}
