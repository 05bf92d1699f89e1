/* Whose the recipients of a submission are, on channels that know relations: what the account's
 * last reading says (contacts sync). Store thread, while one chunk is read. */
#ifndef PACELINE_API_TIES_H
#define PACELINE_API_TIES_H

#include "api/book.h"
#include "channel/channel.h"
#include "channel/review.h"

struct ties {
    const struct service_account *account; /* NULL: this channel knows no relations */
    struct store *store;
    struct store_choice of;
    bool read;             /* the account has been read once at least */
    bool told;             /* that it has not, and a row names no sender */
    struct where left_out; /* suppress_tags */
    struct strbuf tags;
};

/* The channel as it is now: with `senders: all` those of its account's last reading are listed.
 * ERR_REFUSED: there is none. In `arena`; or the channel itself. */
int ties_senders(const struct service_channel **channel, struct store *s, struct arena *arena,
                 struct err *e);
void ties_init(struct ties *t, const struct service_channel *channel,
               const struct paceline_channel *kind, const struct campaign *c, instant_t now,
               struct arena *arena);
void ties_dispose(struct ties *t);
/* Writes what the service alone knows into a CSV, when the campaign is for that; else *path NULL.
 */
int ties_book(const struct ties *t, char **path, struct store *s, const struct campaign *c,
              const char *dir, struct err *e);
/* After review_open: rows get the sender whose they are. A campaign that comes before the first
 * reading is taken as it is written, with a warning. */
int ties_follow(struct ties *t, struct store *s, struct review *review, const struct campaign *c,
                struct diags *diags, struct err *e);
/* Nobody knows yet whose this row's recipient is, and the row does not say: an error, once. */
void ties_judge(struct ties *t, const struct review_row *row, const struct campaign *c,
                struct diags *diags);
/* Whether the row's recipient has one of the account's suppress_tags: 1, 0 or ERR_*. */
int ties_left_out(struct ties *t, const char *recipient, struct err *e);

#endif
