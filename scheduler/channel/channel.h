/* The plugin interface: all that a channel plugin includes, and all that it sees.
 *
 * A plugin is one shared object that exports `const struct paceline_channel paceline_channel`. The
 * struct describes a kind; `open` makes an instance for one configured channel. There is no mutable
 * state at file scope. Everything runs on the loop thread. Network, clock, log and options reach
 * the plugin through the host it is given; it includes neither libuv nor libcurl.
 *
 * Fields are only ever appended; `abi` says how many a reader may look at.
 *
 * A send: the host calls `submit` once for a claim that is already durable. The plugin answers
 * exactly once with host->settle, in a later turn or from inside submit; answers after the first
 * are logged and dropped; an instance that is closed answers nothing more. A send without an answer
 * at its deadline is unknown.
 *
 * Where the platform asks its own member (caps.platform_confirms), a send that settles
 * CHANNEL_ASKED with a `ref` is a task. The plugin then asks for its results by itself, at growing
 * distances, and tells them with host->results as they come; `submit`'s send lives until the host
 * calls `forget`. Open tasks come back through `resume` after a restart. */
#ifndef PACELINE_CHANNEL_CHANNEL_H
#define PACELINE_CHANNEL_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACELINE_CHANNEL_ABI 3
#define PACELINE_EXPORT __attribute__((visibility("default")))

/* --- what a kind can do: the engine and `check` act on it --- */

struct channel_format {    /* a message format and how much text it carries; ends with {NULL, 0} */
    const char *name;      /* text | markdown */
    size_t text_max_bytes; /* bytes of UTF-8 */
};

struct channel_attachment_kind { /* ends with {NULL, ...} */
    const char *name;            /* image | link | miniprogram | video | file */
    size_t count_max;
    size_t bytes_max;  /* of the file; of a link or a mini program of its picture */
    const char *types; /* space-separated file kinds by content: "jpg png"; NULL: any */
    size_t title_max_bytes, url_max_bytes, description_max_bytes; /* 0: any */
};

struct channel_quota { /* the platform's own: rolling; ends with {0, 0} */
    uint32_t max;
    int64_t per_ms;
};

struct channel_caps {
    uint32_t recipients_max; /* in one send */
    uint32_t in_flight_max;  /* sends at once on one lane with interval 0s..0s; at least 1 */
    const struct channel_format *formats;
    const struct channel_attachment_kind *attachments; /* NULL: none */
    bool text_or_attachment;            /* a message has either a text or attachments, not both */
    const struct channel_quota *quotas; /* NULL: none */
    bool
        person_confirms; /* a person sends by hand: `submit` settles CHANNEL_ASKED, the host asks */
    bool knows_relations;    /* a recipient belongs to certain senders */
    bool can_reconcile;      /* an outcome can be asked for later */
    bool repeat_is_harmless; /* a repeat with the same key changes nothing */
    bool avoids_half_hours;  /* nothing in minute :00 and :30 */
    bool platform_confirms;  /* the platform asks its member: `submit` settles CHANNEL_ASKED */
    size_t attachments_max;  /* of all kinds together; 0: what the kinds say */
    bool batch_all; /* a send without `batch` takes as many recipients as may go: a send is a tap */
};

/* --- options --- */

enum channel_option_type {
    CHANNEL_STRING,  /* const char * */
    CHANNEL_SECRET,  /* const char *; in YAML {file: …} | {env: …} | {credential: …} */
    CHANNEL_BOOL,    /* bool */
    CHANNEL_INT,     /* int64_t */
    CHANNEL_DURATION /* int64_t milliseconds */
};

struct channel_option { /* ends with {0} */
    const char *name;
    enum channel_option_type type;
    size_t offset;        /* in the plugin's options struct */
    const char *fallback; /* as in YAML, or NULL: required (a secret too) */
    const char *help;
};

/* --- a send and its outcome --- */

struct channel_attachment {
    const char *kind;
    const char *name;  /* file name without folders */
    const void *bytes; /* of a file; of a link or a miniprogram its picture, length 0: none */
    size_t length;
    /* of a link: title, url, description (or NULL); of a miniprogram: title, appid, page */
    const char *title, *url, *description, *appid, *page;
};

struct channel_send {
    uint64_t id; /* of this claim; a key for channels where a repeat is harmless */
    const char *sender;
    const char *const *recipients;
    size_t recipient_count;
    const char *text;   /* rendered; NULL when there is none */
    const char *format; /* text | markdown */
    const struct channel_attachment *attachments;
    size_t attachment_count;
    int64_t deadline_ms; /* wall clock: answer before it */
    /* 64 hex digits, of this delivery: the same whenever it is called again, after a restart too */
    const char *key;
};

enum channel_outcome_kind {
    CHANNEL_DONE,
    CHANNEL_NOT_SENT, /* proven: nothing reached the platform; the host tries again later, a few
                         times */
    CHANNEL_NOT_NOW,  /* the platform refused before any effect: again at `not_before_ms` */
    CHANNEL_NEVER,    /* refused for good: see `reason` */
    CHANNEL_UNKNOWN,  /* in doubt: never repeated by itself */
    CHANNEL_ASKED     /* a person has been asked: see caps.person_confirms, platform_confirms */
};

enum channel_reason {
    CHANNEL_REASON_NONE,
    CHANNEL_REASON_REJECTED_CONTENT,
    CHANNEL_REASON_BAD_RECIPIENT,
    CHANNEL_REASON_NOT_A_FRIEND,
    CHANNEL_REASON_NO_RELATION,
    CHANNEL_REASON_REFUSED,   /* credential, rights, or the request itself */
    CHANNEL_REASON_NO_ANSWER, /* unknown */
    CHANNEL_REASON_BAD_ANSWER /* unknown */
};

/* who else must wait because of this outcome */
enum channel_stop {
    CHANNEL_STOP_NOBODY,
    CHANNEL_STOP_CHANNEL, /* until not_before_ms, or until a person resumes
                             (CHANNEL_FOREVER) */
    CHANNEL_STOP_CAMPAIGN /* paused, for a person to look at */
};

#define CHANNEL_FOREVER INT64_MAX

struct channel_outcome {
    enum channel_outcome_kind kind;
    enum channel_reason reason;
    enum channel_stop stop;
    int64_t not_before_ms; /* wall clock; of NOT_NOW and of a stopped channel */
    const char *ref;       /* the platform's id, or NULL */
    const char *detail;    /* one line for a person: the code and what to do; no secret, no text */
};

/* --- a task: what the platform asks its member to send (caps.platform_confirms) --- */

enum channel_result_kind {
    CHANNEL_RESULT_SENT, /* at at_ms */
    CHANNEL_RESULT_NOT_A_FRIEND,
    CHANNEL_RESULT_CAPPED, /* the platform's own cap for this recipient was full */
    CHANNEL_RESULT_BAD_RECIPIENT
};

struct channel_result {
    const char *recipient;
    enum channel_result_kind kind;
    int64_t at_ms; /* wall clock, of SENT */
};

enum channel_task_end {
    CHANNEL_TASK_OPEN,      /* more may come */
    CHANNEL_TASK_WITHDRAWN, /* whoever has no result was not sent, and will not be */
    CHANNEL_TASK_LOST       /* whoever has no result: nobody knows */
};

struct channel_task { /* of `resume`: an open task of an earlier run, or one that was found again */
    const struct channel_send *send; /* its id, sender and all its recipients */
    const char *ref;
    int64_t asked_ms; /* wall clock */
};

struct channel_doubt {               /* a send whose answer was lost; lives until it is settled */
    const struct channel_send *send; /* of attachments only what is in words, no bytes */
    int64_t claimed_ms;              /* wall clock: a little before it went out */
    const char *const *known;        /* refs that are other sends' */
    size_t known_count;
};

/* --- accounts --- */

struct channel_account { /* one corp and app, from `accounts:` */
    const char *name, *corp_id;
    int64_t agent_id;
    const char *secret;
    int64_t poll_ms; /* the shortest distance between two questions about a task */
    int64_t reconcile_after_ms, reconcile_for_ms;
};

/* --- the host --- */

struct channel_http_header {
    const char *name, *value;
};

struct channel_http_request {
    const char *method; /* GET or POST */
    const char *path;   /* joined to the channel's base URL; may hold secrets: never logged */
    const struct channel_http_header *headers; /* ends with {NULL, NULL}; or NULL */
    const void *body;
    size_t body_length;
    int64_t timeout_ms; /* whole request; 0: 30 s */
    uint64_t send_id;  /* of the send this request carries out, 0 for others: asked again before the
                          first byte whether it may still go (halt, window, end) */
    const char *proxy; /* http://HOST:PORT, or NULL: none, whatever the environment says */
};

enum channel_http_result {
    CHANNEL_HTTP_ANSWERED, /* a whole answer: status and body */
    CHANNEL_HTTP_NOT_SENT, /* proven: no byte of the request went out */
    CHANNEL_HTTP_UNKNOWN   /* bytes went out and no whole answer came back */
};

struct channel_http_answer {
    enum channel_http_result result;
    bool held; /* NOT_SENT because the host said no just before the first byte */
    int status;
    const char *body; /* NUL-terminated; at most 1 MiB is read, more is UNKNOWN */
    size_t length;
    int64_t retry_after_ms; /* from Retry-After, or -1 */
    const char *error;      /* one line; no URL */
};

typedef void channel_http_fn(void *ctx, const struct channel_http_answer *answer);
typedef void channel_timer_fn(void *ctx);
typedef void channel_done_fn(void *ctx, const char *problem /* NULL: done; else one line */);

enum channel_log { CHANNEL_LOG_ERROR, CHANNEL_LOG_WARNING, CHANNEL_LOG_INFO, CHANNEL_LOG_DEBUG };

struct channel_host { /* lives as long as the instance */
    int abi;
    const char *channel; /* its name in paceline.yaml */
    const char *mode;    /* or NULL */
    bool standin;        /* the base URL is a stand-in on loopback: everything says TEST */
    const void *options; /* the plugin's options struct, filled */
    int64_t (*now_ms)(const struct channel_host *h); /* wall clock */
    void (*log)(const struct channel_host *h, enum channel_log level, const char *line);
    /* Starts a request to the channel's base URL, and to nowhere else: HTTPS verified, no
     * redirects, no second send by the library. `fn` is called exactly once, in a later
     * turn, unless the instance is closed first. */
    void (*http)(const struct channel_host *h, const struct channel_http_request *request,
                 channel_http_fn *fn, void *ctx);
    /* `outcomes` has one entry for each recipient of the send, or one for all (count 1). */
    void (*settle)(const struct channel_host *h, uint64_t send_id,
                   const struct channel_outcome *outcomes, size_t count);
    void *impl;                            /* the host's own */
    const struct channel_account *account; /* NULL: a kind without accounts */
    void *shared;                          /* what open_account made; NULL while it runs */
    /* Calls `fn` once, not before so many milliseconds have passed, a suspend of the machine
     * counted, unless the instance is closed first. */
    void (*after)(const struct channel_host *h, int64_t ms, channel_timer_fn *fn, void *ctx);
    /* Of the task of this send: each recipient's result counts once; one that is not of its
     * recipients is an alarm. */
    void (*results)(const struct channel_host *h, uint64_t send_id,
                    const struct channel_result *results, size_t count, enum channel_task_end end);
    /* Of an account: the platform lets no call of `api` through before `until_ms` (wall clock; 0:
     * it does again), for the in_row-th time since one went through. `block` keeps it through
     * restarts, `blocked` says what was kept: 0 when nothing was. */
    void (*block)(const struct channel_host *h, const char *api, int64_t until_ms, unsigned in_row);
    int64_t (*blocked)(const struct channel_host *h, const char *api, unsigned *in_row);
};

/* --- what a platform knows of its members, customers and groups --- */

enum channel_book_kind {
    CHANNEL_BOOK_TAGS,      /* id, name */
    CHANNEL_BOOK_MEMBERS,   /* id: those who have customers */
    CHANNEL_BOOK_CUSTOMERS, /* of one member */
    CHANNEL_BOOK_GROUPS,    /* of one member */
    CHANNEL_BOOK_TASKS,     /* made through the interface, of this channel's kind: id, added_ms */
    CHANNEL_BOOK_OWN_TASKS, /* what members sent by themselves: id, name (the member's), added_ms */
    CHANNEL_BOOK_REACHED    /* by such a one: id (whom), added_ms (when) */
};

struct channel_book_ask {
    enum channel_book_kind kind;
    const char *member;     /* of customers and groups */
    const char *cursor;     /* "": the first page */
    int64_t from_ms, to_ms; /* of tasks: made in this time */
    const char *ref;        /* of REACHED: the task, `member`'s own */
};

struct channel_book_row { /* NULL is "" */
    const char *id, *name, *union_id, *remark, *state;
    const char *tags; /* ids with ';' between them */
    int64_t added_ms; /* wall clock: when the member added the customer; of a group: made */
    int64_t way;
};

struct channel_book_page { /* lives until the callback returns */
    const char *problem;   /* NULL: none; else one line, and no rows */
    int64_t not_before_ms; /* of a problem that is over by itself: wall clock; else 0 */
    const struct channel_book_row *rows;
    size_t count;
    const char *cursor; /* of the next page; NULL: this was the last */
};

typedef void channel_book_fn(void *ctx, const struct channel_book_page *page);

/* --- the registration struct --- */

struct paceline_channel {
    int abi; /* PACELINE_CHANNEL_ABI */
    const char *name;
    const char *summary; /* one line */
    struct channel_caps caps;
    const char
        *platform_url; /* base URL of the official host, or NULL for a kind without network */
    const struct channel_option *options;
    size_t options_size;
    const char *const *modes; /* NULL-terminated, or NULL: no `mode` key */
    /* 0 and an instance, or -1 and one line in `problem`. */
    int (*open)(const struct channel_host *host, void **instance, char *problem, size_t size);
    void (*submit)(void *instance,
                   const struct channel_send *send); /* `send` lives until it is settled */
    void (*close)(void *instance);
    /* The CHANNEL_STRING option that holds the address, for a kind that reaches a team's own system
     * instead of a platform: https, or plain http on this machine with `standin: true`. The base
     * URL is its scheme, host and port. NULL: platform_url counts. */
    const char *url_option;
    /* Why a send to this recipient would be refused, one line, or NULL when it would not; asked
     * when a campaign is checked and submitted. NULL: every recipient will do. Pure. */
    const char *(*recipient_problem)(const char *recipient);
    /* One for each of `modes`, instead of `caps`; NULL: the same for all. */
    const struct channel_caps *mode_caps;
    /* Kinds with accounts: what all channels of one account share (a token), opened before the
     * first of them, with a host of its own and no options; closed after the last. */
    int (*open_account)(const struct channel_host *host, void **account, char *problem,
                        size_t size);
    void (*close_account)(void *account);
    /* platform_confirms. `withdraw`: stop it as far as the platform can, ask once more what was
     * sent, and tell the end with host->results; said twice is once. `forget`: all its results are
     * known, or nobody asks any more. */
    void (*resume)(void *instance, const struct channel_task *task);
    void (*withdraw)(void *instance, uint64_t send_id);
    void (*forget)(void *instance, uint64_t send_id);
    /* can_reconcile: looks for it on the platform for as long as the account says, and settles it
     * once more: ASKED with the ref that was found, NEVER for those whom it is not for, or UNKNOWN
     * for all with what was seen in `detail`. */
    void (*reconcile)(void *instance, const struct channel_doubt *doubt);
    /* platform_confirms. The platform reminds the member of this one task; and a word of the
     * service's own to a member, which no customer sees. `fn` is called exactly once, in a later
     * turn, unless the instance is closed first. */
    void (*remind)(void *instance, uint64_t send_id, channel_done_fn *fn, void *ctx);
    void (*notify)(void *instance, const char *member, const char *text, channel_done_fn *fn,
                   void *ctx);
    /* One page of what the platform knows; `fn` is called exactly once, in a later turn, unless the
     * instance is closed first. `ask` is copied. NULL: a kind that knows no relations. */
    void (*read_book)(void *instance, const struct channel_book_ask *ask, channel_book_fn *fn,
                      void *ctx);
};

#endif
