/* A plan as a picture: a line for each sender, a stroke for each send, closed times shaded.
 * Readable in light and dark themes. */
#ifndef PACELINE_CLI_PLAN_SVG_H
#define PACELINE_CLI_PLAN_SVG_H

#include "base/strbuf.h"
#include "conf/campaign.h"

struct plan_send {
    uint32_t sender; /* of plan_picture.senders */
    instant_t due_at;
};

struct plan_picture {
    const struct campaign *campaign;
    bool test; /* on a stand-in */
    instant_t from;
    const char *const *senders;
    size_t sender_count;
    struct plan_send *sends; /* those that go */
    size_t send_count, send_capacity;
    uint64_t recipients, shortfall;
};

void picture_add(struct plan_picture *p, size_t sender, instant_t due_at);
void picture_dispose(struct plan_picture *p);
/* The whole SVG document. */
void plan_svg(struct strbuf *out, const struct plan_picture *p);

#endif
