/* The contract's objects (§5), their keys in the contract's order. Loop thread, but for object_diag
 * and object_audit. */
#ifndef PACELINE_API_OBJECTS_H
#define PACELINE_API_OBJECTS_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/strbuf.h"
#include "conf/zones.h"
#include "core/schedule.h"
#include "engine/engine.h"
#include "store/store.h"

/* What the times of a revision are shown by. */
struct frame {
    const struct tz *zone;
    instant_t start;   /* INSTANT_MIN: when approved */
    instant_t end;     /* INSTANT_NEVER: none */
    char calendar[72]; /* "": no window asks for workdays, or plain */
    struct day_range calendar_covers;
    bool calendar_passed; /* the schedule can reach other days */
};
/* From the manifest; UTC when it cannot be read. */
struct frame frame_of(const char *manifest, struct zones *zones);

/* Whether nothing of what was approved may still go or is on its way. */
bool campaign_is_done(const struct store_revision *r);
const char *campaign_state(const struct store_revision *r, const struct frame *f, instant_t now);

void object_campaign(struct strbuf *b, const struct store_revision *r, const struct frame *f,
                     instant_t now);
/* The same without the closing brace, for keys behind it. */
void object_campaign_open(struct strbuf *b, const struct store_revision *r, const struct frame *f,
                          instant_t now);

/* `r` is its revision (for what holds a pending one that the engine does not know). */
void object_delivery(struct strbuf *b, const struct store_delivery *d,
                     const struct store_revision *r, const struct frame *f,
                     const struct engine *engine, instant_t now);
void object_audit(struct strbuf *b, const struct store_audit_row *row, const struct tz *zone);
void object_diag(struct strbuf *b, const struct diag *d);

/* Copies for the way from the store thread to the loop thread. */
struct store_revision *revision_copy(struct arena *arena, const struct store_revision *r);
struct store_delivery *delivery_copy(struct arena *arena, const struct store_delivery *d);

#endif
