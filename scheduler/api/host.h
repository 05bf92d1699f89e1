/* What the API needs of the service around it; the loop fills it in.
 *
 * Everything here is called on the loop thread. A store job runs on the store thread in FIFO order
 * with all others, and its `done` comes back on the loop thread in a later turn. */
#ifndef PACELINE_API_HOST_H
#define PACELINE_API_HOST_H

#include "base/err.h"
#include "channel/channel.h"
#include "conf/service.h"
#include "engine/engine.h"
#include "store/store.h"

struct store_job {
    void (*run)(struct store *s, struct store_job *job); /* store thread */
    void (*done)(struct store_job *job);                 /* loop thread; frees the job */
    struct store_job *next;
};

struct api_prompt_item {
    int64_t delivery;
    const char *recipient;
    enum delivery_state state; /* PROMPTED: not answered yet */
};

struct api_prompt { /* what one person is asked to send by hand */
    int64_t number;
    const char *nonce;
    const char *campaign, *title, *channel, *sender;
    const char *text, *format; /* text NULL: attachments only */
    const char *ref;           /* of a task: the platform's id; NULL: of a question by hand */
    bool withdrawing;          /* of a task */
    const struct channel_attachment *attachments;
    size_t attachment_count;
    const struct api_prompt_item *items;
    size_t item_count;
    instant_t asked_at, shown_at, snoozed_until, late_at; /* INSTANT_MIN: not; late_at: never */
    bool late_cancels;
    uint32_t reminders_used, reminders;
    bool doubted; /* answered faster than a hand can be: ask again */
    bool test;
    enum reason hidden; /* REASON_NONE: may be on a screen now */
    const struct tz *zone;
};

struct api_prompt_answer {
    int64_t delivery;
    enum delivery_state state; /* SENT, FAILED (not sent), SKIPPED */
};

enum api_reading_state { READING_NEVER, READING_RUNS, READING_DONE, READING_FAILED };

struct api_reading { /* of an account: the one that runs, or the last one */
    enum api_reading_state state;
    size_t members, members_read;
    uint64_t customers, groups;
    struct store_relations_sum sum;
    const char *problem;   /* or NULL */
    instant_t waits_until; /* the platform lets nobody ask before; INSTANT_MIN: it does */
};

struct api_health {
    bool halted;
    const char *halt_reason; /* or NULL */
    bool store_healthy;
    const char *problem; /* or NULL: one line for a person */
    instant_t started_at;
};

struct api_host {
    void *ctx;
    const char *version;         /* of the program */
    instant_t (*now)(void *ctx); /* wall clock */
    const struct service *(*conf)(void *ctx);
    const struct engine *(*engine)(void *ctx); /* for engine_why, engine_lanes */
    const struct paceline_channel *(*kind)(void *ctx,
                                           const char *channel); /* NULL: no such channel */
    /* Canonical JSON of the channel's options without secrets, for the manifest. */
    const char *(*options)(void *ctx, const char *channel);
    void (*store_run)(void *ctx, struct store_job *job);
    void (*lane_name)(void *ctx, int64_t lane, const char **channel, const char **sender);

    /* Stops at once in memory and by the file; audit follows. 0 or ERR_*. */
    int (*halt)(void *ctx, const char *by, const char *reason, struct err *e);
    /* Lifts it after the audit record is durable: `done` then comes on the loop thread. */
    void (*unhalt)(void *ctx, const char *by, const char *reason,
                   void (*done)(void *arg, const struct err *e /* NULL: lifted */), void *arg);
    /* Reads the service file again. ERR_*: refused whole, with the reasons in `diags`. 0: it is in
     * force, and `done` comes on the loop thread when that is in the audit log. */
    int (*reload)(void *ctx, const char *by, struct diags *diags,
                  void (*done)(void *arg, const struct err *e /* NULL: recorded */), void *arg,
                  struct err *e);
    /* Immediately: no new claims of this revision (before the store is told about a pause). */
    /* `keep`: what people are being asked stays open. */
    void (*hold_revision)(void *ctx, int64_t revision, bool keep);
    /* The store's view of this revision (and of others of its campaign) changed: read it again and
     * make the engine follow (approved, resumed, canceled, superseded, resend). */
    void (*revision_changed)(void *ctx, int64_t revision);
    /* A delivery became pending again. */
    void (*delivery_waits)(void *ctx, int64_t revision, int64_t lane);
    /* A delivery that was pending is skipped. */
    void (*delivery_gone)(void *ctx, int64_t revision, int64_t lane, int64_t delivery);
    void (*health)(void *ctx, struct api_health *out);

    /* Reads what the platform knows of an account's customers and groups into the store, unless
     * that is under way. ERR_NOTFOUND: no channel uses the account; ERR_REFUSED: its kind knows
     * none. */
    int (*reading_start)(void *ctx, const char *account, const char *by, struct err *e);
    void (*reading_show)(void *ctx, const char *account, struct api_reading *out);

    /* What people are being asked, by number; `each` must copy what it keeps. The version moves
     * with everything that they see of it. */
    void (*prompts)(void *ctx, void (*each)(void *arg, const struct api_prompt *p), void *arg);
    /* The same of what a platform asks its members: tasks. */
    void (*tasks)(void *ctx, void (*each)(void *arg, const struct api_prompt *p), void *arg);
    /* 0: the platform is being asked to remind; ERR_NOTFOUND, ERR_REFUSED. */
    int (*task_remind)(void *ctx, int64_t number, const char *by, struct err *e);
    /* How that went: 1: done; 0: not known yet; ERR_*. */
    int (*task_reminded)(void *ctx, int64_t number, struct err *e);
    uint64_t (*prompts_version)(void *ctx);
    /* Each: 0; ERR_NOTFOUND: it is not open; ERR_REFUSED: another nonce, or answered too fast. What
     * they change is on disk when a job given to `after` is done. */
    int (*prompt_shown)(void *ctx, int64_t number, const char *nonce, struct err *e);
    int (*prompt_snooze)(void *ctx, int64_t number, const char *nonce, duration_t d, struct err *e);
    int (*prompt_answer)(void *ctx, int64_t number, const char *nonce, const char *by,
                         const struct api_prompt_answer *answers, size_t count, struct err *e);
    int (*prompt_remind)(void *ctx, int64_t number, const char *by, struct err *e);
    /* The recipient is not to be written to any more: out of every question that nobody has seen;
     * `sender` NULL: whoever's. How many deliveries that skips, on disk when a job given to `after`
     * is done. */
    size_t (*prompts_spare)(void *ctx, const char *recipient, const char *sender, const char *by);
    void (*after)(void *ctx, struct store_job *job);
    /* An agent has asked for what its person is to send; where a sender is reachable now
     * ("desktop", "terminal", NULL: nowhere). */
    void (*reached)(void *ctx, const char *sender, const char *agent);
    const char *(*reachable)(void *ctx, const char *sender);
};

#endif
