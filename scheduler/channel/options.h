/* A channel of the service file, read by the options table of its plugin.
 *
 * Values the plugin gets, the JSON that goes into a revision's manifest, and the host it will talk
 * to. Everything wrong is a diag at its place. */
#ifndef PACELINE_CHANNEL_OPTIONS_H
#define PACELINE_CHANNEL_OPTIONS_H

#include "base/diag.h"
#include "channel/channel.h"
#include "conf/service.h"

struct channel_settings {
    void *values;         /* the plugin's options struct, filled; host->options */
    const char *manifest; /* canonical JSON object of all options but the secret ones */
    const char *base_url; /* without a slash at its end; NULL: a kind without network */
    bool standin;         /* base_url is a stand-in on loopback */
    const struct channel_account *account; /* with its secret; NULL: a kind without accounts */
};

/* `read_secrets` false: secrets are only looked at for their shape and stay NULL (for `check`,
 * which runs without them). NULL after errors, all of them in `diags`. */
struct channel_settings *channel_settings_read(const struct paceline_channel *kind,
                                               const struct service *service,
                                               const struct service_channel *channel,
                                               bool read_secrets, struct diags *diags);
/* Whether an instance opened with one would do the same with the other, secrets included. */
bool channel_settings_equal(const struct channel_settings *a, const struct channel_settings *b);
void channel_settings_free(
    struct channel_settings *settings); /* overwrites the secrets; NULL is fine */

#endif
