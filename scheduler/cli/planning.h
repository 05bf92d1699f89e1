/* A campaign file planned on this machine: its rows, its digest (and so its seed), its plan, and
 * what would help. */
#ifndef PACELINE_CLI_PLANNING_H
#define PACELINE_CLI_PLANNING_H

#include "cli/local.h"

#include "api/planned.h"
#include "conf/revision.h"
#include "plan/rehearsal.h"

struct planning {
    const struct cli *cli;
    struct local *local;
    struct local_campaign *campaign; /* opened; the caller's, as all above `arena` */
    struct diags *diags;
    instant_t from;
    bool keep_recipients;
    const char *seed_text; /* of --seed, or NULL */

    struct arena *arena;
    struct review_sum sum;
    const char *const *senders;
    size_t sender_count;
    const char **recipients; /* by row, when kept */
    size_t recipient_count, recipient_capacity;
    struct revision_facts facts;
    struct digest digest;
    uint64_t seed;
    struct rehearsal rehearsal;
    struct plan *plan; /* the rehearsal's */
    const struct plan_help *help;
};

/* Reads all rows and plans. 0, or the exit code; what is wrong is in `diags` or was said. */
int planning_run(struct planning *p);
void planning_dispose(struct planning *p);
/* Whose plan it is, for the objects. */
struct planned planning_whose(const struct planning *p);
/* Of the campaign, or of one that says something else for the same rows. */
struct digest planning_digest(const struct campaign *c, const struct revision_facts *facts);

/* The campaign's senders, and behind them those of its channel that could be added: where no sender
 * has a relation that another lacks. Without senders of its own the channel's are its own. */
const char *const *planning_senders(const struct local_campaign *campaign, struct arena *arena,
                                    size_t *count);
/* Tries what would make it feasible, and writes `help` into an open summary. The plan is gone then.
 */
void planning_help(struct planning *p, struct strbuf *b);

#endif
