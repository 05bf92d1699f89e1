/* A small world around the real engine for engine.c: a store that commits late, channels that
 * answer late and badly, people who are asked, pause and halt, crashes after which everything is
 * read back from what the store kept. It keeps its own list of places: every claim there ever was.
 */
#ifndef PACELINE_TESTS_PROPERTY_WORLD_H
#define PACELINE_TESTS_PROPERTY_WORLD_H

#include "clocks.h"

#include "engine/engine.h"

enum {
    CHANNELS = 3, /* the last two share an account; the last asks people */
    SENDERS = 2,
    LANES = CHANNELS * SENDERS,
    CAMPAIGNS = 3,
    LIMITS = 4,
    ROWS = 40, /* of a campaign at most */
    RECIPIENTS = 14,
    PLACES = 4000,
    EVENTS = 2048
};

struct row { /* a delivery, as the store has it */
    int64_t id, recipient, key;
    size_t campaign, lane;
    enum delivery_state state;
    enum reason reason;
    uint32_t attempts;
    size_t place;  /* of the last claim */
    unsigned life; /* of the engine that fetched it last; 0: none */
};

struct held_place { /* one claim of one delivery, for ever */
    const struct row *row;
    int64_t send;
    instant_t claimed, answered; /* INSTANT_MIN: no answer yet */
    instant_t arrived;           /* at the receiver; INSTANT_MIN: never */
    bool freed;                  /* proven not sent */
};

struct daily { /* hours of every day, in minutes; from == to: none */
    int from, to;
};

struct campaign {
    struct engine_limit limits[LIMITS];
    size_t limit_count, channel;
    const struct zone *zone;
    int64_t offset_ms; /* of its zone; these zones never set their clocks */
    struct daily open, quiet;
    struct hours open_hours, quiet_hours;
    struct window window;
    struct schedule schedule;
    struct pace pace;
    uint32_t batch;
    bool paused;
};

enum kind { ON_COMMIT, ON_FETCH, ON_HISTORY, ON_ANSWER, ON_SETTLE, ON_PERSON };

struct happening {
    instant_t at;
    uint64_t order;
    enum kind kind;
    struct effect effect;
    enum engine_answer_kind answer;
    unsigned life;
};

struct world {
    struct dice *dice;
    struct engine *engine;
    instant_t now;
    duration_t scale; /* what a second is worth */
    bool trouble;     /* channels fail, people pause, the service dies */
    bool halted;
    unsigned life;
    struct campaign campaigns[CAMPAIGNS];
    struct row rows[CAMPAIGNS * ROWS];
    size_t row_count;
    struct held_place places[PLACES];
    size_t place_count;
    struct happening events[EVENTS];
    size_t event_count;
    uint64_t order;
    struct engine_revision_lane lanes[CAMPAIGNS][SENDERS];
    instant_t lane_due[LANES], lane_answer[LANES];
    bool away[LANES]; /* nobody is there to send */
};

static inline instant_t later(instant_t a, instant_t b)
{
    return a > b ? a : b;
}

void world_any(struct dice *d, struct world *w);
void world_start(struct world *w); /* the service, from what the store has */
void world_take(struct world *w, const struct happening *h);
void world_away(struct world *w, size_t lane, bool away); /* its sender goes, or comes back */
void world_effects(struct world *w);                      /* runs all that the engine wants */

size_t lane_channel(size_t lane);
size_t lane_sender(size_t lane);
bool channel_asks(size_t channel);
int64_t channel_account(size_t channel);

/* --- the judge: by looking at every place there ever was --- */

/* How many places the limit counts at the world's `now` for a send of this row. */
uint32_t judge_used(const struct world *w, const struct campaign *c, const struct engine_limit *l,
                    const struct row *row);
/* When there is room: now, the first instant there will be if nothing else happens, or
 * INSTANT_NEVER. */
instant_t judge_ready(const struct world *w, const struct campaign *c, const struct engine_limit *l,
                      const struct row *row);
/* The platform's own quota of the row's channel. */
struct engine_limit quota_of(size_t channel, duration_t scale);
/* When the campaign's own hours are open: `now` itself, or the next minute that is. */
instant_t judge_open(const struct world *w, const struct campaign *c);
instant_t judge_quiet_ends(const struct world *w, const struct campaign *c);
instant_t judge_window_opens(const struct world *w, const struct campaign *c);
/* At the claim of the last place: no limit of its campaign is over. */
void judge_claim(const struct world *w, const struct row *row);
/* Over all places: what the receivers saw. */
void judge_arrivals(const struct world *w);

#endif
