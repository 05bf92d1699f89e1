/* The platform's calls as pure functions: a request to its bytes, an answer to what it says. No
 * host, no clock. Pages and limits: shared/wecom/api.md. */
#ifndef PACELINE_PLUGINS_WECOM_WIRE_H
#define PACELINE_PLUGINS_WECOM_WIRE_H

#include "channel/channel.h"
#include "codes.h"

#include <jansson.h>

enum wire_mode { MODE_CUSTOMERS, MODE_GROUPS, MODE_MEMBERS };

enum {
    WIRE_DETAIL_MAX = 400,
    WIRE_ID_MAX = 128, /* a task's id */
    WIRE_RESULTS_PAGE = 1000,
    WIRE_LIST_PAGE = 100,
    WIRE_DUPLICATE_S = 1800 /* the platform drops the same bytes again for so long */
};

/* --- requests; bodies are malloc'd, NULL: out of memory or not UTF-8 --- */

/* The path of gettoken, with the secret in it. */
char *wire_token_path(const char *corp_id, const char *secret);
/* /cgi-bin/API?access_token=TOKEN, and `&QUERY` unless NULL. */
char *wire_path(const char *api, const char *token, const char *query);

/* One attachment as it was uploaded: `media_id` of files, pictures of miniprograms, `url` of link
 * pictures; NULL where there is none. */
struct wire_media {
    char *media_id, *url;
};
/* The body of add_msg_template. NULL also for a send without recipients: to the platform that would
 * mean everybody. */
char *wire_task_body(const struct channel_send *send, enum wire_mode mode,
                     const struct wire_media *media);
/* message/send to members; the same bytes for the same send. NULL: without recipients. */
char *wire_message_body(const struct channel_send *send, int64_t agent_id);
char *wire_notice_body(const char *member, int64_t agent_id, const char *text);
char *wire_msgid_body(const char *msgid);
char *wire_members_body(const char *msgid, const char *cursor);
char *wire_results_body(const char *msgid, const char *member, const char *cursor);
char *wire_list_body(enum wire_mode mode, int64_t from_s, int64_t to_s, const char *cursor);
/* The same of what members sent by themselves. */
char *wire_own_list_body(enum wire_mode mode, int64_t from_s, int64_t to_s, const char *cursor);
/* A multipart body with one file, and its Content-Type. */
char *wire_upload_body(const struct channel_attachment *file, uint64_t boundary, char type[128],
                       size_t *length);

/* --- answers --- */

enum wire_kind {
    WIRE_ANSWER,   /* what it says is in `code`: CODE_* */
    WIRE_NOT_SENT, /* proven: no byte went out */
    WIRE_IN_DOUBT  /* no answer, or none that can be understood */
};

struct wire_answer {
    enum wire_kind kind;
    bool held; /* NOT_SENT: the host said no just before the first byte */
    enum code_class class;
    int64_t code;
    json_t *root; /* of WIRE_ANSWER: an object; of CODE_OK its fields can be trusted */
    char detail[WIRE_DETAIL_MAX];
};
/* `redact`: never quoted, even if the platform does (may be NULL). */
void wire_read(struct wire_answer *out, const struct channel_http_answer *http, const char *redact);
void wire_dispose(struct wire_answer *a);

const char *wire_text(const json_t *object, const char *key); /* NULL when it is no text or empty */
/* A number, also as a text; `fallback` when it is neither. */
int64_t wire_number(const json_t *object, const char *key, int64_t fallback);

struct wire_token {
    const char *token; /* in the answer */
    int64_t expires_s;
};
bool wire_read_token(const struct wire_answer *a, struct wire_token *out);

enum wire_task_state { TASK_NOT_SENT, TASK_SENT, TASK_UNKNOWN };
/* The member's own row of get_groupmsg_task on this page; false: it is not there. */
bool wire_read_member(const struct wire_answer *a, const char *member, enum wire_task_state *out);

/* The rows of get_groupmsg_send_result that say something, `*count` of them, malloc'd; their
 * recipients point into the answer. `*odd`: rows that nobody understands; `*waiting`: rows of
 * customers who were not sent to yet. */
struct channel_result *wire_read_results(const struct wire_answer *a, enum wire_mode mode,
                                         size_t *count, size_t *odd, size_t *waiting);

/* A task of the platform's list that this send could have made: made by the corp's apps, with our
 * text, and attachments of the same kinds, links with the same address. */
bool wire_same_task(const json_t *item, const struct channel_send *send);

/* What a send of the platform's answer comes to. `fails` (of `count` recipients) is filled with
 * true for each one in fail_list or invaliduser. */
void wire_fails(const struct wire_answer *a, const struct channel_send *send, enum wire_mode mode,
                bool *fails);

#endif
