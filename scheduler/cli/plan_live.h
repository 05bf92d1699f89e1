/* What `plan` does with and without the service alike, and `plan --live`: the service plans the
 * file beside what it carries. */
#ifndef PACELINE_CLI_PLAN_LIVE_H
#define PACELINE_CLI_PLAN_LIVE_H

#include "cli/command.h"
#include "cli/plan_svg.h"

int plan_live(struct cli *cli);

/* --from, or now. 0 or the exit code. */
int plan_from(const struct cli *cli, const struct campaign *c, instant_t *from);
/* Into the file that --svg names. */
int plan_picture_write(const struct cli *cli, const struct plan_picture *p);

#endif
