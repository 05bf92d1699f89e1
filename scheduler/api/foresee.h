/* The plan of what is being submitted: its rows as they are stored, run in slices on the store
 * thread so that claims get their turns, its summary kept with the revision for whoever approves.
 * The service's other campaigns are not in it. */
#ifndef PACELINE_API_FORESEE_H
#define PACELINE_API_FORESEE_H

#include "api/planned.h"
#include "base/arena.h"
#include "plan/rehearsal.h"
#include "store/store.h"

enum {
    FORESEE_ROWS_MAX = 500000
}; /* the service keeps to its memory; 'paceline plan' has its own */

struct foresight {
    const struct campaign *campaign;
    const char *const *senders;
    size_t sender_count;
    struct rehearsal rehearsal;
    bool too_many; /* rows: nothing is foreseen */
    bool begun;
    bool listed; /* somebody is on the do-not-send list */
};

/* `from`: when it would be approved. Points into what it is given. 0, or ERR_STORE. */
int foresee_begin(struct foresight *f, struct store *s, const struct campaign *c,
                  const struct service_channel *channel, const struct paceline_channel *kind,
                  const char *const *senders, size_t sender_count, instant_t from,
                  struct zones *zones, struct arena *arena, struct err *e);
int foresee_row(struct foresight *f, struct store *s, const struct store_row *row, size_t sender,
                const char *zone, struct err *e);
/* One slice of `seed`'s plan; true while there is more to do. */
bool foresee_run(struct foresight *f, uint64_t seed);
/* The summary object: `{"feasible":…}`. */
void foresee_sum(const struct foresight *f, const struct digest *revision, uint64_t seed,
                 struct strbuf *out);
void foresee_dispose(struct foresight *f);

#endif
