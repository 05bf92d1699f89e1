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
    void (*hold_revision)(void *ctx, int64_t revision);
    /* The store's view of this revision (and of others of its campaign) changed: read it again and
     * make the engine follow (approved, resumed, canceled, superseded, resend). */
    void (*revision_changed)(void *ctx, int64_t revision);
    /* A delivery became pending again. */
    void (*delivery_waits)(void *ctx, int64_t revision, int64_t lane);
    void (*health)(void *ctx, struct api_health *out);
};

#endif
