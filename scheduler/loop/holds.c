/* What the lanes wait for, in the log: the row that `explain` shows, once when it begins. */
#include "loop/internal.h"

#include "api/explained.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

static void tell(struct run *s, const struct lane_name *l, const struct effect *f,
                 const struct running *r)
{
    const struct engine_waiting w = {.delivery = f->delivery};
    struct explained e = {.campaign = r->campaign,
                          .schedule = f->schedule,
                          .channel = l->channel,
                          .sender = l->sender,
                          .recipient = "",
                          .at = f->at,
                          .drawn = -1,
                          .claimed_at = INSTANT_MIN};
    struct strbuf text = STRBUF_INIT;

    if (!engine_explain(s->engine, f->at, f->revision, f->lane, &w, &e.x))
        return;
    explained_detail(&text, &e, f->gate);
    log_line(LOG_INFO, "lane", "holds lane=%s/%s campaign=%s gate=%s detail=\"%s\"", l->channel,
             l->sender, r->name, gate_name(f->gate), text.text);
    strbuf_dispose(&text);
}

/* The gap is no news. */
void hold_told(struct run *s, const struct effect *f)
{
    struct lane_name *l = map_get(&s->lanes, f->lane);
    const struct running *r = map_get(&s->running, f->revision);
    char held[sizeof l->held];

    if (f->behind || !l || !r || f->not_before == INSTANT_NEVER)
        return;
    snprintf(held, sizeof held, "%s %s", gate_name(f->gate), f->limit ? f->limit : "");
    if (f->gate != GATE_GAP && strcmp(held, l->held) != 0)
        tell(s, l, f, r);
    snprintf(l->held, sizeof l->held, "%s", held);
}
