/* The plan of what is being submitted, or only planned: its rows as they would be stored, beside
 * what the service carries, run in slices on the store thread so that claims get their turns. Its
 * summary is kept with the revision for whoever approves. */
#ifndef PACELINE_API_FORESEE_H
#define PACELINE_API_FORESEE_H

#include "api/carried.h"
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
    struct carried carried; /* after carried_init */
    bool again;             /* whoever was written to before is written to again */
    bool too_many;          /* rows: nothing is foreseen */
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
/* One slice of `seed`'s plan; `*more` while there is more to do. */
int foresee_run(struct foresight *f, struct store *s, uint64_t seed, bool *more, struct err *e);
struct planned foresee_whose(const struct foresight *f, const struct digest *revision,
                             uint64_t seed);
/* The summary object: `{"feasible":…}`. */
void foresee_sum(const struct foresight *f, const struct digest *revision, uint64_t seed,
                 struct strbuf *out);
void foresee_dispose(struct foresight *f);

#endif
