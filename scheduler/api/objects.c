#include "api/objects.h"

#include "api/emit.h"
#include "base/log.h"
#include "conf/duration.h"
#include "conf/revision.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct frame frame_of(const char *manifest, struct zones *zones)
{
    struct frame f = {.zone = zones_get(zones, "UTC"), .start = INSTANT_MIN, .end = INSTANT_NEVER};
    struct err e;
    struct campaign *c = manifest_read(manifest, zones, NULL, &e);

    if (!c) {
        log_line(LOG_ERROR, "api", "a stored manifest cannot be read: %s", e.text);
        return f;
    }
    f.zone = c->schedule.zone; /* of `zones`: outlives the campaign */
    f.start = c->schedule.start;
    f.end = c->schedule.end;
    const struct campaign *of = c; /* or the pack whose calendar ends too early */
    for (const struct campaign *pack = c->also; pack && !of->calendar_passed; pack = pack->also)
        of = pack->calendar_passed ? pack : of;
    snprintf(f.calendar, sizeof(f.calendar), "%s", of->calendar ? of->calendar : "");
    f.calendar_covers = of->calendar_covers;
    f.calendar_passed = of->calendar_passed;
    campaign_free(c);
    return f;
}

bool campaign_is_done(const struct store_revision *r)
{
    return (r->status == REVISION_APPROVED || r->status == REVISION_PAUSED) &&
           r->counts[DELIVERY_PENDING] + r->counts[DELIVERY_CLAIMED] +
                   r->counts[DELIVERY_PROMPTED] ==
               0;
}

const char *campaign_state(const struct store_revision *r, const struct frame *f, instant_t now)
{
    switch (r->status) {
    case REVISION_APPROVED:
        if (campaign_is_done(r))
            return "done";
        return now < f->start ? "approved" : "running";
    case REVISION_PAUSED:
        return campaign_is_done(r) ? "done" : "paused";
    case REVISION_REJECTED:
        return "rejected";
    case REVISION_CANCELED:
        return "canceled";
    case REVISION_LOADING:
    case REVISION_DRAFT:
    default:
        return "draft";
    }
}

static void put_counts(struct strbuf *b, const struct store_revision *r)
{
    emit_key(b, "counts");
    emit_open(b, '{');
    for (int s = 0; s < DELIVERY_STATES; s++)
        if (r->counts[s] > 0)
            emit_put_number(b, delivery_state_name((enum delivery_state)s), (int64_t)r->counts[s]);
    strbuf_putc(b, '}');
}

static void put_approvals(struct strbuf *b, const struct store_revision *r, const struct frame *f)
{
    emit_key(b, "approvals");
    emit_open(b, '[');
    for (size_t i = 0; i < r->approval_count; i++) {
        emit_open(b, '{');
        emit_put_text(b, "by", r->approvals[i].by);
        emit_put_instant(b, "at", r->approvals[i].at, f->zone);
        emit_put_digest(b, "digest", &r->digest);
        strbuf_putc(b, '}');
    }
    strbuf_putc(b, ']');
}

/* How far it goes is said only when the schedule goes further. */
static void put_calendar(struct strbuf *b, const struct frame *f)
{
    char date[DATE_TEXT];

    emit_key(b, "calendar");
    if (f->calendar[0] == '\0') {
        emit_text(b, NULL);
        return;
    }
    emit_open(b, '{');
    emit_put_text(b, "name", f->calendar);
    if (f->calendar_passed) {
        date_format(f->calendar_covers.first, date);
        emit_put_text(b, "from", date);
        date_format(f->calendar_covers.last, date);
        emit_put_text(b, "to", date);
    }
    strbuf_putc(b, '}');
}

static void put_texts(struct strbuf *b, const json_t *object, const char *const *keys)
{
    emit_open(b, '{');
    for (; *keys; keys++)
        emit_put_text(b, *keys, json_string_value(json_object_get(object, *keys)));
    strbuf_putc(b, '}');
}

/* Which packs are in force, and what their rules warned of at submit, for whoever decides. */
static void put_policy(struct strbuf *b, const char *manifest)
{
    static const char *const pack_keys[] = {"name", "version", "digest", NULL};
    static const char *const languages[] = {"en", "zh", NULL};
    json_t *root = manifest ? json_loads(manifest, 0, NULL) : NULL, *item;
    size_t i;

    emit_key(b, "policy");
    emit_open(b, '[');
    json_array_foreach(json_object_get(root, "policy"), i, item) put_texts(b, item, pack_keys);
    strbuf_putc(b, ']');
    emit_key(b, "warnings");
    emit_open(b, '[');
    json_array_foreach(json_object_get(json_object_get(root, "revision"), "warnings"), i, item)
        put_texts(b, item, languages);
    strbuf_putc(b, ']');
    json_decref(root);
}

void object_campaign_open(struct strbuf *b, const struct store_revision *r, const struct frame *f,
                          instant_t now)
{
    emit_open(b, '{');
    emit_put_text(b, "campaign", r->campaign);
    emit_put_text(b, "title", r->title);
    emit_put_digest(b, "revision", &r->digest);
    emit_put_text(b, "state", campaign_state(r, f, now));
    emit_put_number(b, "audience", (int64_t)r->audience);
    put_counts(b, r);
    emit_put_text(b, "submitted_by", r->submitted_by);
    put_approvals(b, r, f);
    emit_put_bool(b, "self_approved", r->self_approved);
    emit_put_bool(b, "test", r->test);
    emit_put_text(b, "channel", r->channel);
    emit_put_instant(b, "start", f->start, f->zone);
    emit_put_instant(b, "end", f->end, f->zone);
    put_calendar(b, f);
    put_policy(b, r->manifest);
}

void object_campaign(struct strbuf *b, const struct store_revision *r, const struct frame *f,
                     instant_t now)
{
    object_campaign_open(b, r, f, now);
    strbuf_putc(b, '}');
}

/* What holds a pending delivery: the engine knows, except for what it has not been told of. */
static struct engine_hold hold_of(const struct store_delivery *d, const struct store_revision *r,
                                  const struct engine *engine, instant_t now)
{
    struct engine_hold h = {.reason = REASON_NOT_STARTED, .due_at = INSTANT_MIN};

    if (r->status == REVISION_DRAFT)
        return h;
    if (engine_why(engine, now, d->revision, d->lane, d->id, &h))
        return h;
    h = (struct engine_hold){.reason = REASON_NOT_STARTED, .due_at = INSTANT_MIN};
    if (engine_halted(engine))
        h.reason = REASON_HALTED;
    else if (r->status == REVISION_PAUSED)
        h.reason = REASON_PAUSED;
    return h;
}

void object_delivery(struct strbuf *b, const struct store_delivery *d,
                     const struct store_revision *r, const struct frame *f,
                     const struct engine *engine, instant_t now)
{
    enum reason reason = d->reason;
    instant_t due_at = d->due_at;

    if (d->state == DELIVERY_PENDING) {
        struct engine_hold h = hold_of(d, r, engine, now);
        reason = h.reason;
        due_at = h.due_at;
    }
    emit_open(b, '{');
    emit_put_number(b, "delivery", d->id);
    emit_put_text(b, "campaign", d->campaign);
    emit_put_digest(b, "revision", &d->digest);
    emit_put_text(b, "channel", d->channel);
    emit_put_text(b, "sender", d->sender);
    emit_put_text(b, "recipient", d->recipient);
    emit_put_text(b, "state", delivery_state_name(d->state));
    emit_put_text(b, "reason", reason_name(reason));
    emit_put_instant(b, "due_at", due_at, f->zone);
    emit_put_instant(b, "claimed_at", d->claimed_at, f->zone);
    emit_put_instant(b, "settled_at", d->settled_at, f->zone);
    emit_put_number(b, "attempts", d->attempts);
    emit_put_text(b, "channel_ref", d->ref);
    strbuf_putc(b, '}');
}

void object_audit(struct strbuf *b, const struct store_audit_row *row, const struct tz *zone)
{
    emit_open(b, '{');
    emit_put_number(b, "seq", row->seq);
    emit_put_instant(b, "at", row->at, zone);
    emit_put_text(b, "by", row->by);
    emit_put_text(b, "event", row->event);
    emit_put_text(b, "campaign", row->campaign);
    emit_put_digest(b, "digest", row->digest);
    emit_key(b, "detail");
    emit_raw(b, row->detail ? row->detail : "{}");
    emit_put_digest(b, "prev", &row->prev);
    emit_put_digest(b, "hash", &row->hash);
    strbuf_putc(b, '}');
}

void object_diag(struct strbuf *b, const struct diag *d)
{
    emit_open(b, '{');
    emit_put_text(b, "file", d->file);
    emit_put_number(b, "line", (int64_t)d->line);
    emit_put_number(b, "column", (int64_t)d->column);
    emit_put_text(b, "level", d->level == DIAG_ERROR ? "error" : "warning");
    emit_put_text(b, "message", d->message);
    strbuf_putc(b, '}');
}

static const char *copy_text(struct arena *arena, const char *s)
{
    return s ? arena_strdup(arena, s) : NULL;
}

struct store_revision *revision_copy(struct arena *arena, const struct store_revision *r)
{
    struct store_revision *copy = arena_alloc(arena, sizeof(*copy));
    struct store_approval *approvals = arena_array(arena, r->approval_count, sizeof(*approvals));

    *copy = *r;
    copy->campaign = copy_text(arena, r->campaign);
    copy->title = copy_text(arena, r->title);
    copy->channel = copy_text(arena, r->channel);
    copy->manifest = copy_text(arena, r->manifest);
    copy->plan = copy_text(arena, r->plan);
    copy->submitted_by = copy_text(arena, r->submitted_by);
    for (size_t i = 0; i < r->approval_count; i++)
        approvals[i] = (struct store_approval){.by = copy_text(arena, r->approvals[i].by),
                                               .at = r->approvals[i].at};
    copy->approvals = approvals;
    return copy;
}

struct store_delivery *delivery_copy(struct arena *arena, const struct store_delivery *d)
{
    struct store_delivery *copy = arena_alloc(arena, sizeof(*copy));

    *copy = *d;
    copy->campaign = copy_text(arena, d->campaign);
    copy->channel = copy_text(arena, d->channel);
    copy->sender = copy_text(arena, d->sender);
    copy->recipient = copy_text(arena, d->recipient);
    copy->values = copy_text(arena, d->values);
    copy->ref = copy_text(arena, d->ref);
    return copy;
}
