/* Limits of every scope, hours and gaps through the real engine, with everything that can go wrong
 * between. After each step the engine is asked why each delivery waits, and its answer is compared
 * with what the judge (judge.c) works out from the list of places: neither too much nor too little
 * may be sent. */
#include "world.h"

/* --- the engine's own words --- */

/* What the engine says holds this delivery is what the judge says, until the same instant; and when
 * it says that only the gap does, nothing else does. */
static void compare_why(struct world *w, const struct row *r)
{
    const struct campaign *c = &w->campaigns[r->campaign];
    struct engine_limit quota = quota_of(c->channel, w->scale);
    instant_t rate = w->now, cap = w->now, latest;
    bool drops = false; /* a cap that is full drops, but not before all others let it go */
    struct engine_hold h;

    if (!engine_why(w->engine, w->now, (int64_t)r->campaign + 1, (int64_t)r->lane + 1, r->id, &h))
        return;
    for (size_t i = 0; i < c->limit_count; i++) {
        instant_t ready = judge_ready(w, c, &c->limits[i], r);
        if (c->limits[i].scope == SCOPE_RECIPIENT) {
            cap = later(cap, ready);
            drops |= c->limits[i].drop && ready > w->now;
        } else {
            rate = later(rate, ready);
        }
    }
    instant_t platform = judge_ready(w, c, &quota, r);
    instant_t quiet = judge_quiet_ends(w, c), window = judge_window_opens(w, c);
    latest = later(later(rate, later(quiet, window)), later(platform, c->schedule.start));
    latest = drops ? latest : later(latest, cap);
    switch (h.reason) {
    case REASON_RATE_LIMIT:
        property_check(h.not_before == rate && rate > w->now,
                       "at %lld: rate_limit until %lld, the judge %lld", (long long)w->now,
                       (long long)h.not_before, (long long)rate);
        break;
    case REASON_FREQUENCY_CAP:
        property_check(cap > w->now && (drops || h.not_before == cap),
                       "at %lld: frequency_cap until %lld, the judge %lld", (long long)w->now,
                       (long long)h.not_before, (long long)cap);
        break;
    case REASON_QUIET_HOURS:
        property_check(h.not_before == quiet && quiet > w->now,
                       "at %lld: quiet_hours until %lld, the judge %lld", (long long)w->now,
                       (long long)h.not_before, (long long)quiet);
        break;
    case REASON_WINDOW_CLOSED:
        property_check(h.not_before == window && window > w->now,
                       "at %lld: window_closed until %lld, the judge %lld", (long long)w->now,
                       (long long)h.not_before, (long long)window);
        break;
    case REASON_CHANNEL_QUOTA:
        property_check(w->trouble || (h.not_before == platform && platform > w->now),
                       "at %lld: channel_quota until %lld, the judge %lld", (long long)w->now,
                       (long long)h.not_before, (long long)platform);
        return;
    case REASON_SENDER_AWAY:
        property_check(w->away[r->lane] && h.not_before == INSTANT_NEVER,
                       "at %lld: sender_away until %lld, and the sender is there",
                       (long long)w->now, (long long)h.not_before);
        return;
    case REASON_GAP:
        property_check(latest <= w->now || latest < h.not_before,
                       "at %lld: only the gap until %lld, the judge says %lld", (long long)w->now,
                       (long long)h.not_before, (long long)latest);
        return;
    default:
        return;
    }
    property_check(drops || h.not_before >= latest,
                   "at %lld: %s until %lld, another gate until %lld", (long long)w->now,
                   reason_name(h.reason), (long long)h.not_before, (long long)latest);
}

static void compare_all(struct world *w)
{
    for (size_t i = 0; i < w->row_count; i++) {
        const struct row *r = &w->rows[i];
        bool taken = w->place_count && w->places[r->place].row == r &&
                     w->places[r->place].answered == INSTANT_MIN && !w->places[r->place].freed;
        if (r->state == DELIVERY_PENDING && !taken && r->life == w->life)
            compare_why(w, r);
    }
}
/* --- running it --- */

static size_t next_event(const struct world *w)
{
    size_t best = 0;

    for (size_t i = 1; i < w->event_count; i++) {
        const struct happening *a = &w->events[i], *b = &w->events[best];
        if (a->at < b->at || (a->at == b->at && a->order < b->order))
            best = i;
    }
    return best;
}

static bool finished(const struct world *w)
{
    for (size_t i = 0; i < w->row_count; i++) {
        if (!delivery_state_final(w->rows[i].state) && w->rows[i].state != DELIVERY_UNKNOWN)
            return false;
    }
    return true;
}

static void step(struct world *w)
{
    engine_turn(w->engine, w->now);
    world_effects(w);
    if (dice_one_in(w->dice, 8))
        compare_all(w);
    if (finished(w))
        return;
    instant_t wake = engine_wake(w->engine);
    size_t i = w->event_count ? next_event(w) : 0;
    if (w->event_count && w->events[i].at <= wake) {
        struct happening h = w->events[i];
        w->events[i] = w->events[--w->event_count];
        w->now = later(w->now, h.at);
        world_take(w, &h);
        world_effects(w);
    } else {
        property_check(wake != INSTANT_NEVER, "something waits and nothing will wake it");
        w->now = later(w->now, wake);
    }
}
/* Nobody stays held by a person for ever. */
static void release(struct world *w)
{
    w->halted = false;
    engine_unhalt(w->engine, w->now);
    for (size_t i = 0; i < CAMPAIGNS; i++) {
        w->campaigns[i].paused = false;
        engine_resume(w->engine, w->now, (int64_t)i + 1);
    }
    for (size_t lane = 0; lane < LANES; lane++)
        world_away(w, lane, false);
}

static bool people_left(const struct world *w)
{
    for (size_t i = 0; i < w->event_count; i++) {
        if (w->events[i].kind == ON_PERSON)
            return true;
    }
    return false;
}

static void neither_too_much_nor_too_little(struct dice *d)
{
    static struct world w;
    bool released = false;

    world_any(d, &w);
    world_start(&w);
    for (unsigned n = 0; !finished(&w); n++) {
        property_check(n < 100000, "it never ends");
        if (!released && !people_left(&w)) {
            release(&w);
            released = true;
        }
        step(&w);
    }
    judge_arrivals(&w);
    engine_free(w.engine);
}

int main(int argc, char **argv)
{
    static const struct property list[] = {
        {"limits of every scope through the engine: neither too much nor too little",
         neither_too_much_nor_too_little, 800},
    };

    return property_main(argc, argv, list, sizeof list / sizeof list[0]);
}
