/* Whether a channel can carry a message, judged from what its kind declares (struct channel_caps).
 *
 * Every problem is a diag (ERR_REFUSED) at the place it is given. The functions return whether
 * there was none. Pure. */
#ifndef PACELINE_CHANNEL_CHECK_H
#define PACELINE_CHANNEL_CHECK_H

#include "base/diag.h"
#include "channel/channel.h"
#include "conf/campaign.h"

/* What the campaign leaves to its channel: how many recipients make one send. Before it is reviewed
 * or frozen. */
void channel_defaults(const struct paceline_channel *kind, struct campaign *c);

/* What is the same for every recipient: the format, the attachments, and how both go together.
 * `bytes` and `length` of `attachments[i]` belong to c->attachments[i]; there are as many. */
bool channel_check_message(const struct paceline_channel *kind, const struct campaign *c,
                           const struct channel_attachment *attachments, struct diags *diags);

/* One rendered text; the format is known to be one of the kind's (channel_check_message). */
bool channel_check_text(const struct paceline_channel *kind, const struct campaign *c,
                        const char *text, size_t length, const char *recipient, uint64_t row,
                        struct diags *diags);

/* "jpg", "png" by the first bytes, or NULL. */
const char *channel_file_type(const void *bytes, size_t length);

#endif
