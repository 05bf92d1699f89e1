/* The frozen form of a campaign: a canonical JSON manifest, whose SHA-256 is the revision's digest.
 *
 * It covers what the contract lists (§2, Revisions): message source, attachments' bytes, audience
 * rows with their senders, schedule, pace and limits, contents of all policies, approval rule,
 * channel name, plugin, mode and options; and the campaign's id. Every default is resolved, so that
 * a later change of the service file changes no approved revision; the title, comments and layout
 * are not in it. The manifest is itself a campaign file in JSON (plus a `revision:` mapping), read
 * back by campaign_read. */
#ifndef PACELINE_CONF_REVISION_H
#define PACELINE_CONF_REVISION_H

#include "base/digest.h"
#include "base/strbuf.h"
#include "conf/campaign.h"
#include "conf/service.h"

struct revision_facts {        /* what the campaign file does not say itself */
    const char *plugin, *mode; /* mode may be NULL */
    const char *options; /* canonical JSON object of the channel's options; no secret values */
    bool test;           /* on a stand-in */
    const char *const *senders; /* resolved */
    size_t sender_count;
    struct digest audience;
    uint64_t rows;
    const struct digest *attachments; /* one for each of the campaign's, in order */
    bool again;                       /* submit --again */
    const char *only;                 /* submit --only R, or NULL */
    const char *const (*warnings)[2]; /* what content rules warned of, by enum lang */
    size_t warning_count;
};

void manifest_write(struct strbuf *out, const struct campaign *c, const struct revision_facts *f);
/* From a manifest: the campaign and, when not NULL, the facts (owned by the campaign's arena). NULL
 * and `e` when it is not one of ours. */
struct campaign *manifest_read(const char *manifest, struct zones *zones, struct revision_facts *f,
                               struct err *e);
/* Whether the channel as it is configured now is the very one that was approved; `options` as in
 * the facts. */
bool revision_fits(const struct revision_facts *f, const struct service_channel *c,
                   const char *options);
/* The seed of all its random draws: the first 8 bytes of the digest. */
uint64_t revision_seed(const struct digest *d);

#endif
