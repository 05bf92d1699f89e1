/* A plan as a picture: a line for each sender, a stroke for each send, closed times shaded.
 * Readable in light and dark themes. */
#ifndef PACELINE_CLI_PLAN_SVG_H
#define PACELINE_CLI_PLAN_SVG_H

#include "cli/planning.h"

/* The whole SVG document; the plan has run. */
void plan_svg(struct strbuf *out, const struct planning *p);

#endif
