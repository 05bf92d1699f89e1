/* What would make an infeasible campaign feasible. */
#ifndef PACELINE_CLI_PLAN_HELP_H
#define PACELINE_CLI_PLAN_HELP_H

#include "base/strbuf.h"
#include "conf/campaign.h"

struct plan_help {
    const struct campaign *campaign;
    instant_t from;
    const char *const *senders; /* its own first, then those that may be added */
    size_t sender_count, own_count;
    /* Whether this text of the file, with the first so many senders (0: those it says), is
     * feasible; then `*last` is when the last one goes. */
    bool (*feasible)(void *ctx, const char *bytes, size_t senders, instant_t *last);
    void *ctx;
};

/* Adds `help` to an open summary. */
void plan_help(const struct plan_help *h, struct strbuf *b);

#endif
