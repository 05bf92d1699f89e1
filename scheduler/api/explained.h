/* Why a delivery has not gone, was left out, or went when it did: every gate in order, with its
 * numbers (contract §5). The one place that writes these rows: API, command, log and tests show
 * them alike. Pure; any thread. */
#ifndef PACELINE_API_EXPLAINED_H
#define PACELINE_API_EXPLAINED_H

#include "base/strbuf.h"
#include "conf/campaign.h"
#include "engine/engine.h"

struct explained {
    const struct campaign *campaign; /* pace, confirm; times are shown in its zone */
    const struct schedule *schedule; /* the campaign's, in the recipient's zone if it has one */
    const char *channel, *sender, *recipient;
    instant_t at; /* of judging */
    struct engine_explained x;
    duration_t drawn;     /* its gap; -1: not drawn yet, or spread over the time left */
    instant_t claimed_at; /* INSTANT_MIN: not */
    const instant_t *own; /* when members wrote to the recipient by themselves; own_count of them */
    size_t own_count;
    const char *says[GATE_COUNT]; /* instead of what the gate says by itself; NULL: nothing */
};

/* A line for each gate: `{"gate":…,"verdict":…,"not_before":…,"detail":…}`. */
void explained_put(struct strbuf *b, const struct explained *e);
void explained_detail(struct strbuf *b, const struct explained *e, enum gate gate);
/* `30 of 30 per 1h sender lin.yue since 10:02:11` */
void explained_limit(struct strbuf *b, const struct explained *e,
                     const struct engine_limit_view *limit);
/* `10:02:11`, with the date when that is another day than `near`. */
void explained_time(struct strbuf *b, instant_t t, instant_t near, const struct tz *zone);

const char *verdict_name(enum verdict v);

#endif
