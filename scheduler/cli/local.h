/* What a command reads on this machine: the service file, the plugins, one campaign at a time. */
#ifndef PACELINE_CLI_LOCAL_H
#define PACELINE_CLI_LOCAL_H

#include "channel/loader.h"
#include "channel/options.h"
#include "channel/review.h"
#include "cli/command.h"
#include "conf/campaign.h"
#include "conf/service.h"
#include "conf/zones.h"

struct local {
    struct zones *zones;
    struct service *service;
    struct channel_plugins *plugins; /* NULL until a plugin is asked for */
};

/* Finds and reads the service file; its `language:` becomes the language. 0, or the exit code after
 * saying what is wrong. */
int local_open(struct local *l, const struct cli *cli);
void local_close(struct local *l);
/* The kind of a channel; ERR_DATA or ERR_DENIED, and a diag at the channel's place in the service
 * file. */
int local_kind(const struct paceline_channel **out, struct local *l, const struct cli *cli,
               const struct service_channel *channel, struct diags *diags);

struct local_campaign {
    struct campaign *campaign;
    const struct service_channel *channel;
    const struct paceline_channel *kind;
    struct channel_settings *settings;
};

/* One campaign file with its channel. 0, or the exit code; what is wrong is in `diags`. */
int local_campaign(struct local_campaign *out, struct local *l, const struct cli *cli,
                   const char *file, struct diags *diags);
void local_campaign_close(struct local_campaign *c);

/* Reads the whole audience, each row to `each` (may be NULL; not 0 stops). 0, or the exit code;
 * what is wrong is in `diags`. */
typedef int local_row_fn(void *ctx, const struct review_row *row);
int local_review(const struct local_campaign *c, local_row_fn *each, void *ctx,
                 struct review_sum *sum, struct diags *diags);
/* The same, and `end` with the review once all of it is read. */
typedef void local_end_fn(void *ctx, struct review *review);
int local_review_all(const struct local_campaign *c, local_row_fn *each, local_end_fn *end,
                     void *ctx, struct review_sum *sum, struct diags *diags);

#endif
