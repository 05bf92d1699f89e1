/* Policy packs: dated YAML with limits, windows, quiet hours, an interval's bounds and content
 * rules. What is in force for a campaign is the service's, the channel's and its own together, to
 * the strictest (contract §2): a campaign cannot weaken one. */
#ifndef PACELINE_CONF_POLICY_H
#define PACELINE_CONF_POLICY_H

#include "conf/rules.h"
#include "conf/service.h"

/* Finds the packs (`policies/` beside the service file, then beside the program), reads them and
 * tightens `c`. `channel` may be NULL. Errors are in `diags`. */
void policy_apply(struct campaign *c, const struct service *conf,
                  const struct service_channel *channel, struct diags *diags);
/* Whether every pack that the service file names can be read. */
void policy_check(const struct service *conf, struct diags *diags);

#endif
