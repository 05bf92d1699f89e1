/* The lanes of one revision, or all that there are, as the store has them: what an engine has to be
 * told of each, of what waits there and of what was sent. For whoever makes an engine go on where
 * the store stands: the service, and the plan of what it carries. Read on the store thread. */
#ifndef PACELINE_API_LANES_H
#define PACELINE_API_LANES_H

#include "base/arena.h"
#include "conf/campaign.h"
#include "conf/zones.h"
#include "engine/engine.h"
#include "store/store.h"

struct lane_row {
    int64_t lane, channel, sender;
    char *channel_name, *sender_name;
    int64_t of; /* of a part of a lane */
    char *zone;
    instant_t first_sent; /* 0: never */
    bool paces;           /* a lane of which only parts are used here */
    uint64_t waiting;
    instant_t own_due; /* of the revision's last send there; 0: none, or not asked for */
    instant_t last_due, last_answer;
};

struct lane_list {
    struct arena *arena; /* the caller's: texts */
    struct lane_row *rows;
    size_t count, capacity;
    bool parted; /* some are parts of lanes */
};

/* A part comes after its lane. `spreads`: own_due is looked for. */
int lanes_of(struct lane_list *l, struct store *s, int64_t revision, bool spreads, struct err *e);
/* Every lane that ever sent, so that history finds whom it belongs to. */
int lanes_all(struct lane_list *l, struct store *s, struct err *e);
void lanes_dispose(struct lane_list *l);

struct engine_lane lane_spec(const struct lane_row *row);
/* Those on which the revision itself waits, in `a`. `c` and `zones` must outlive them. */
struct engine_revision_lane *lanes_specs(const struct lane_list *l, const struct campaign *c,
                                         struct zones *zones, struct arena *a, size_t *count);
struct engine_waiting waiting_spec(const struct store_waiting *w);
struct engine_send send_spec(const struct store_send *x);

#endif
