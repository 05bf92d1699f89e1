/* Clients decide on the code: the words are ours, and free to change. */
#include "codes.h"

#include <stddef.h>

const char *errmsg_of(int errcode)
{
    static const struct {
        int code;
        const char *text;
    } texts[] = {
        {OK, "ok"},
        {BUSY, "system busy"},
        {BAD_SECRET, "invalid credential"},
        {BAD_USERID, "invalid userid"},
        {BAD_MEDIA_TYPE, "invalid media type"},
        {BAD_FILE_TYPE, "invalid file type"},
        {BAD_FILE_SIZE, "invalid file size"},
        {BAD_MEDIA_ID, "invalid media_id"},
        {BAD_MSGTYPE, "invalid message type"},
        {BAD_IMAGE_SIZE, "invalid image size"},
        {BAD_CORPID, "invalid corpid"},
        {BAD_TOKEN, "invalid access_token"},
        {MALFORMED, "invalid json"},
        {NO_CHAT, "chat not found"},
        {BAD_AGENT, "invalid agentid"},
        {BAD_PARAMETER, "invalid Request Parameter"},
        {BAD_TAG, "invalid tag id"},
        {BAD_CUSTOMER, "invalid external_userid"},
        {BODY_TOO_LARGE, "body too large"},
        {NO_TOKEN, "access_token missing"},
        {NO_CORPID, "corpid missing"},
        {NO_SECRET, "corpsecret missing"},
        {NO_MSGID, "msgid missing"},
        {BAD_MSGID, "invalid msgid"},
        {NOBODY, "no customer to send"},
        {DISPATCHING, "task is dispatching"},
        {TOO_MANY_ATTACHMENTS, "too many attachments"},
        {BAD_ATTACHMENT, "invalid attachment"},
        {EMPTY_MESSAGE, "text and attachments empty"},
        {CANCELED, "task canceled"},
        {REMINDED, "remind too often"},
        {EXPIRED_TOKEN, "access_token expired"},
        {TOO_OLD, "msgid expired"},
        {EMPTY_MEDIA, "empty media data"},
        {EMPTY, "content is empty"},
        {MEDIA_TOO_LARGE, "media too large"},
        {TOO_LONG, "content exceed max length"},
        {TOO_OFTEN, "api freq out of limit"},
        {TOO_MANY_AT_ONCE, "api concurrent out of limit"},
        {FORBIDDEN, "api forbidden"},
        {GROUP_GONE, "group dismissed"},
        {BAD_CURSOR, "invalid cursor"},
        {NOBODY_VALID, "user & party & tag all invalid"},
        {TOO_MANY, "too many"},
        {NO_RELATION, "not external contact"},
        {NO_RIGHT, "no external contact right"},
        {NOT_A_GROUP, "not a customer group"},
        {BAD_KEY, "invalid webhook url"},
        {UNTRUSTED, "not allow to access from your ip"},
        {OTHER_AGENT, "agentid not match"},
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].code == errcode)
            return texts[i].text;
    }
    return "error";
}
