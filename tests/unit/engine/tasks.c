/* Tasks: what a platform asks its own members. One lane, one revision, and a store that answers at
 * once; results and withdrawals are the test's. */
#include "check.h"

#include "engine/engine.h"

#include <string.h>

enum { ROWS = 40, LANE = 1, REVISION = 1 };

static struct tz utc;

struct world {
    struct engine *engine;
    instant_t now;
    struct schedule schedule;
    struct engine_revision spec;
    struct engine_revision_lane lane;
    struct engine_limit limits[2];
    enum delivery_state states[ROWS + 1];
    enum reason reasons[ROWS + 1];
    instant_t sent_at[ROWS + 1];
    instant_t capped_at[ROWS + 1];
    int64_t sends[ROWS + 1]; /* of each delivery, its last */
    size_t rows, calls, withdrawals, forgotten, expired;
    int64_t withdrawn; /* the last one asked for */
    bool twins;        /* the second row has the first one's recipient */
    bool refuse_first; /* the channel refuses the first recipient of each send */
};

static void fetch(struct world *w, const struct effect *f)
{
    struct engine_waiting out[ROWS];
    size_t count = 0;

    for (size_t i = 1; i <= w->rows && count < f->cap; i++)
        if (w->states[i] == DELIVERY_PENDING && (int64_t)i > f->after)
            out[count++] =
                (struct engine_waiting){(int64_t)i, i, w->twins && i == 2 ? 1 : (int64_t)i, 0, 5};
    engine_fetched(w->engine, w->now, REVISION, LANE, out, count, count == f->cap);
    for (size_t i = 0; i < count; i++)
        if (w->capped_at[out[i].delivery])
            engine_capped(w->engine, REVISION, LANE, out[i].delivery,
                          w->capped_at[out[i].delivery]);
}

static void call(struct world *w, const struct effect *f)
{
    w->calls++;
    if (w->refuse_first)
        assert_true(
            engine_answer_one(w->engine, w->now, f->send, DELIVERY_FAILED, REASON_BAD_RECIPIENT));
    engine_answer(w->engine, w->now, f->send, &(struct engine_answer){.kind = ANSWER_ASKED});
}

static void result(struct world *w, const struct effect *f)
{
    w->states[f->delivery] = f->state;
    w->reasons[f->delivery] = f->reason;
    w->sent_at[f->delivery] = f->sent_at;
    if (f->state == DELIVERY_PROMPTED)
        w->sends[f->delivery] = f->send;
    if (f->state == DELIVERY_PENDING && f->reason == REASON_FREQUENCY_CAP)
        w->capped_at[f->delivery] = f->at;
}

static void settle(struct world *w)
{
    struct effect f;

    engine_turn(w->engine, w->now);
    while (engine_effect(w->engine, &f)) {
        if (f.kind == EFFECT_FETCH)
            fetch(w, &f);
        else if (f.kind == EFFECT_HISTORY)
            engine_primed(w->engine, w->now, f.revision);
        else if (f.kind == EFFECT_CLAIM)
            engine_claimed(w->engine, w->now, f.delivery, true);
        else if (f.kind == EFFECT_SEND)
            call(w, &f);
        else if (f.kind == EFFECT_RESULT)
            result(w, &f);
        else if (f.kind == EFFECT_WITHDRAW)
            w->withdrawals++, w->withdrawn = f.send;
        w->forgotten += f.kind == EFFECT_FORGET;
        w->expired += f.kind == EFFECT_EXPIRE;
        engine_turn(w->engine, w->now);
    }
}

static void run_until(struct world *w, instant_t until)
{
    settle(w);
    for (instant_t wake; (wake = engine_wake(w->engine)) <= until;) {
        w->now = wake > w->now ? wake : w->now + 1;
        settle(w);
    }
    w->now = until;
    settle(w);
}

static size_t count(const struct world *w, enum delivery_state state)
{
    size_t n = 0;

    for (size_t i = 1; i <= w->rows; i++)
        n += w->states[i] == state;
    return n;
}

static void open_world(struct world *w, size_t rows, uint32_t batch)
{
    memset(w, 0, sizeof *w);
    w->engine = engine_new();
    w->now = 1000000 * (instant_t)MS_PER_SECOND;
    w->rows = rows;
    w->schedule = (struct schedule){.zone = &utc, .start = INSTANT_MIN, .end = INSTANT_NEVER};
    engine_add_channel(
        w->engine,
        &(struct engine_channel){
            .id = 1, .account = -2, .in_flight_max = 1, .asks = true, .platform_asks = true});
    engine_add_lane(w->engine, &(struct engine_lane){.id = LANE,
                                                     .channel = 1,
                                                     .sender = 1,
                                                     .last_due = INSTANT_MIN,
                                                     .last_answer = INSTANT_MIN});
    w->lane = (struct engine_revision_lane){.lane = LANE, .waiting = rows};
    w->spec = (struct engine_revision){.id = REVISION,
                                       .campaign = 1,
                                       .channel = 1,
                                       .seed = 7,
                                       .schedule = &w->schedule,
                                       .lanes = &w->lane,
                                       .lane_count = 1,
                                       .limits = w->limits,
                                       .batch = batch,
                                       .within = MS_PER_HOUR,
                                       .cap_period = PERIOD_DAY,
                                       .cap_zone = &utc};
}

static void begin(struct world *w)
{
    engine_add_revision(w->engine, w->now, &w->spec);
    settle(w);
}

static void end(struct world *w)
{
    engine_free(w->engine);
}

static void tasks_stand_beside_each_other(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 30, 10);
    begin(&w);
    run_until(&w, w.now + 1000);
    assert_int_equal(w.calls, 3); /* nobody has answered the first one */
    assert_int_equal(count(&w, DELIVERY_PROMPTED), 30);
    for (int64_t i = 1; i <= 30; i++)
        assert_true(engine_settle_at(w.engine, w.now, i, DELIVERY_SENT, REASON_NONE, w.now - 500));
    settle(&w);
    assert_int_equal(count(&w, DELIVERY_SENT), 30);
    assert_int_equal(w.sent_at[17], w.now - 500);
    assert_int_equal(w.forgotten, 1);
    assert_false(engine_settle_at(w.engine, w.now, 1, DELIVERY_SENT, REASON_NONE, w.now));
    end(&w);
}

static void who_is_refused_alone_does_not_stop_the_others(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 5, 10);
    w.refuse_first = true;
    begin(&w);
    assert_int_equal(w.states[1], DELIVERY_FAILED);
    assert_int_equal(w.reasons[1], REASON_BAD_RECIPIENT);
    assert_int_equal(count(&w, DELIVERY_PROMPTED), 4);
    end(&w);
    open_world(&w, 1, 10); /* and when nobody is left the send is answered */
    w.refuse_first = true;
    begin(&w);
    assert_int_equal(w.states[1], DELIVERY_FAILED);
    assert_int_equal(w.forgotten, 1);
    end(&w);
}

static void late_is_withdrawn_before_it_is_final(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 3, 10);
    begin(&w);
    instant_t asked = w.now;
    run_until(&w, asked + MS_PER_HOUR - 1);
    assert_int_equal(w.withdrawals, 0);
    run_until(&w, asked + MS_PER_HOUR);
    assert_int_equal(w.withdrawals, 1);
    assert_int_equal(count(&w, DELIVERY_PROMPTED), 3); /* not yet */
    /* a tap that came before the withdrawal counts */
    engine_settle_at(w.engine, w.now, 2, DELIVERY_SENT, REASON_NONE, w.now);
    engine_withdrawn(w.engine, w.now, w.withdrawn, false);
    settle(&w);
    assert_int_equal(w.states[2], DELIVERY_SENT);
    assert_int_equal(count(&w, DELIVERY_EXPIRED), 2);
    assert_int_equal(w.reasons[1], REASON_LATE);
    assert_int_equal(w.calls, 1);
    end(&w);
}

static void a_pause_and_a_halt_ask_again_later(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 3, 10);
    begin(&w);
    engine_pause(w.engine, w.now, REVISION, false);
    engine_pause(w.engine, w.now, REVISION, false); /* said again */
    settle(&w);
    assert_int_equal(w.withdrawals, 1);
    engine_withdrawn(w.engine, w.now, w.withdrawn, false);
    settle(&w);
    assert_int_equal(count(&w, DELIVERY_PENDING), 3);
    engine_resume(w.engine, w.now, REVISION);
    run_until(&w, w.now + 1000);
    assert_int_equal(w.calls, 2);
    assert_int_equal(count(&w, DELIVERY_PROMPTED), 3);
    engine_halt(w.engine);
    settle(&w);
    assert_int_equal(w.withdrawals, 2);
    engine_withdrawn(w.engine, w.now, w.withdrawn, false);
    run_until(&w, w.now + 1000);
    assert_int_equal(w.calls, 2);
    engine_unhalt(w.engine, w.now);
    run_until(&w, w.now + 1000);
    assert_int_equal(w.calls, 3);
    end(&w);
}

static void keeping_tasks_leaves_them(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 3, 10);
    begin(&w);
    engine_pause(w.engine, w.now, REVISION, true);
    settle(&w);
    assert_int_equal(w.withdrawals, 0);
    end(&w);
}

static void a_cancel_while_it_is_withdrawn_is_the_last_word(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 3, 10);
    begin(&w);
    engine_pause(w.engine, w.now, REVISION, false);
    engine_drop(w.engine, w.now, REVISION, false);
    settle(&w);
    assert_int_equal(w.withdrawals, 1);
    assert_int_equal(w.forgotten, 0); /* it stays until the platform has answered */
    engine_halt(w.engine);            /* a lesser word */
    settle(&w);
    engine_withdrawn(w.engine, w.now, w.withdrawn, false);
    settle(&w);
    assert_int_equal(count(&w, DELIVERY_CANCELED), 3);
    assert_int_equal(w.forgotten, 1);
    end(&w);
}

static void what_the_platform_has_lost_is_unknown(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 3, 10);
    begin(&w);
    engine_settle_at(w.engine, w.now, 1, DELIVERY_SENT, REASON_NONE, w.now);
    engine_withdrawn(w.engine, w.now, w.sends[2], true);
    settle(&w);
    assert_int_equal(count(&w, DELIVERY_SENT), 1);
    assert_int_equal(count(&w, DELIVERY_UNKNOWN), 2);
    assert_int_equal(w.forgotten, 1);
    end(&w);
}

static void the_end_withdraws_and_expires(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 3, 10);
    w.schedule.end = w.now + 600000;
    w.spec.within = 0; /* late: leave */
    begin(&w);
    run_until(&w, w.now + 600000);
    assert_int_equal(w.withdrawals, 1);
    assert_int_equal(count(&w, DELIVERY_PROMPTED), 3);
    engine_withdrawn(w.engine, w.now, w.withdrawn, false);
    settle(&w);
    assert_int_equal(count(&w, DELIVERY_EXPIRED), 3);
    assert_int_equal(w.reasons[3], REASON_ENDED);
    assert_int_equal(w.forgotten, 1);
    end(&w);
}

/* Quiet from 14:00: withdrawn a little before, asked for again when it is over. */
static void no_task_is_open_in_a_closed_time(void **state)
{
    static const struct hours quiet = {14 * 60, 15 * 60};
    struct world w;

    (void)state;
    open_world(&w, 3, 10);
    instant_t day = w.now - w.now % MS_PER_DAY;
    w.now = day + 13 * MS_PER_HOUR + 30 * MS_PER_MINUTE;
    w.schedule.quiet = &quiet;
    w.schedule.quiet_count = 1;
    begin(&w);
    assert_int_equal(w.calls, 1);
    run_until(&w, day + 14 * MS_PER_HOUR - MS_PER_MINUTE - 1);
    assert_int_equal(w.withdrawals, 0);
    run_until(&w, day + 14 * MS_PER_HOUR - MS_PER_MINUTE);
    assert_int_equal(w.withdrawals, 1);
    w.now = day + 14 * MS_PER_HOUR; /* the platform answers when it is quiet */
    engine_withdrawn(w.engine, w.now, w.withdrawn, false);
    run_until(&w, day + 15 * MS_PER_HOUR - 1);
    assert_int_equal(count(&w, DELIVERY_PENDING), 3);
    assert_int_equal(w.calls, 1);
    run_until(&w, day + 15 * MS_PER_HOUR + MS_PER_MINUTE);
    assert_int_equal(w.calls, 2);
    assert_int_equal(count(&w, DELIVERY_PROMPTED), 3);
    end(&w);
}

static void a_full_cap_is_tried_once_more_in_a_later_period(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 2, 10);
    w.spec.within = 0;
    begin(&w);
    instant_t tomorrow = w.now - w.now % MS_PER_DAY + MS_PER_DAY;
    engine_settle_at(w.engine, w.now, 1, DELIVERY_SENT, REASON_NONE, w.now);
    engine_settle_at(w.engine, w.now, 2, DELIVERY_PENDING, REASON_FREQUENCY_CAP, 0);
    settle(&w);
    assert_int_equal(w.states[2], DELIVERY_PENDING);
    run_until(&w, tomorrow);
    assert_int_equal(w.calls, 1);
    run_until(&w, tomorrow + 2 * MS_PER_MINUTE);
    assert_int_equal(w.calls, 2);
    assert_int_equal(w.states[2], DELIVERY_PROMPTED);
    engine_settle_at(w.engine, w.now, 2, DELIVERY_PENDING, REASON_FREQUENCY_CAP, 0);
    settle(&w);
    assert_int_equal(w.states[2], DELIVERY_SKIPPED);
    assert_int_equal(w.reasons[2], REASON_FREQUENCY_CAP);
    assert_int_equal(w.forgotten, 1);
    end(&w);
}

static void who_was_capped_goes_while_the_task_is_open(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 2, 10);
    w.spec.within = 0;
    begin(&w);
    instant_t tomorrow = w.now - w.now % MS_PER_DAY + MS_PER_DAY;
    engine_settle_at(w.engine, w.now, 2, DELIVERY_PENDING, REASON_FREQUENCY_CAP, 0);
    run_until(&w, tomorrow + MS_PER_HOUR);
    assert_int_equal(w.calls, 2);
    assert_int_equal(w.states[1], DELIVERY_PROMPTED);
    assert_int_equal(w.states[2], DELIVERY_PROMPTED);
    end(&w);
}

/* The task it was in stays open for the others, under the number that a new one would have. */
static void who_gave_a_task_its_number_waits_until_it_is_over(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 2, 10);
    w.spec.within = 0;
    begin(&w);
    instant_t tomorrow = w.now - w.now % MS_PER_DAY + MS_PER_DAY;
    engine_settle_at(w.engine, w.now, 1, DELIVERY_PENDING, REASON_FREQUENCY_CAP, 0);
    run_until(&w, tomorrow + MS_PER_HOUR);
    assert_int_equal(w.calls, 1);
    assert_int_equal(w.states[2], DELIVERY_PROMPTED);
    assert_true(engine_settle_at(w.engine, w.now, 2, DELIVERY_SENT, REASON_NONE, w.now));
    run_until(&w, w.now + 1000);
    assert_int_equal(w.calls, 2);
    assert_int_equal(w.states[1], DELIVERY_PROMPTED);
    end(&w);
}

/* The place of a cap is held in each period while a task is open, and booked when it was sent. */
static void a_cap_counts_when_it_was_sent(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 2, 10); /* the second one keeps the campaign, and what it counted, here */
    w.spec.within = 0;
    w.limits[0] = (struct engine_limit){
        .scope = SCOPE_RECIPIENT, .max = 1, .period = PERIOD_DAY, .text = "1", .zone = &utc};
    w.spec.limit_count = 1;
    begin(&w);
    instant_t first = w.now, midnight = first - first % MS_PER_DAY + MS_PER_DAY;
    run_until(&w, midnight + MS_PER_HOUR);
    /* told today that it was sent yesterday: today is free */
    engine_settle_at(w.engine, w.now, 1, DELIVERY_SENT, REASON_NONE, first + 1);
    settle(&w);
    struct schedule always = w.schedule;
    struct engine_revision_lane lane = {.lane = LANE, .waiting = 1};
    struct engine_revision other = w.spec;
    other.id = 2;
    other.schedule = &always;
    other.lanes = &lane;
    w.states[1] = DELIVERY_PENDING;
    engine_add_revision(w.engine, w.now, &other);
    struct effect f;
    size_t claims = 0;
    for (int turns = 0; turns < 50; turns++) {
        engine_turn(w.engine, w.now);
        while (engine_effect(w.engine, &f)) {
            if (f.kind == EFFECT_FETCH) {
                struct engine_waiting again = {9, 1, 1, 0, 5};
                engine_fetched(w.engine, w.now, 2, LANE, &again, 1, false);
            }
            claims += f.kind == EFFECT_CLAIM;
        }
        w.now += 1000;
    }
    assert_int_equal(claims, 1);
    end(&w);
}

static void a_task_of_before_is_open_again(void **state)
{
    struct world w;
    struct engine_waiting open[] = {{1, 1, 1, 1, 5}, {2, 2, 2, 1, 5}};

    (void)state;
    open_world(&w, 3, 10);
    w.states[1] = w.states[2] = DELIVERY_PROMPTED;
    engine_add_revision(w.engine, w.now, &w.spec);
    engine_restore(w.engine, w.now,
                   &(struct engine_asked){.revision = REVISION,
                                          .lane = LANE,
                                          .send = 1,
                                          .deliveries = open,
                                          .count = 2,
                                          .claimed_at = w.now - 1000});
    run_until(&w, w.now + 1000);
    assert_int_equal(w.calls, 1); /* of the third, beside it */
    assert_true(engine_settle_at(w.engine, w.now, 1, DELIVERY_SENT, REASON_NONE, w.now));
    assert_true(engine_settle_at(w.engine, w.now, 2, DELIVERY_FAILED, REASON_NOT_A_FRIEND, 0));
    assert_true(engine_settle_at(w.engine, w.now, 3, DELIVERY_SENT, REASON_NONE, w.now));
    settle(&w);
    assert_int_equal(w.reasons[2], REASON_NOT_A_FRIEND);
    assert_int_equal(w.forgotten, 1);
    end(&w);
}

/* Whom only an answer can free waits alone, and is drawn anew with each send of the lane: as one.
 */
static void who_is_held_by_an_open_task_is_spread_too(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, 4, 10);
    w.twins = true;
    w.limits[0] = (struct engine_limit){
        .scope = SCOPE_RECIPIENT, .max = 1, .period = PERIOD_DAY, .text = "cap", .zone = &utc};
    w.spec.limit_count = 1;
    w.spec.pace.distribution = PACE_SPREAD;
    w.spec.within = 0;
    w.schedule.end = w.now + 10 * MS_PER_HOUR;
    begin(&w);
    run_until(&w, w.schedule.end - 1);
    assert_int_equal(count(&w, DELIVERY_PROMPTED), 3);
    assert_int_equal(w.states[2], DELIVERY_PENDING);
    end(&w);
}

static void nothing_is_asked_of_who_is_away(void **state)
{
    struct engine_explained x;
    struct world w;

    (void)state;
    open_world(&w, 3, 10);
    engine_lane_away(w.engine, w.now, 99, true); /* nobody knows it */
    engine_lane_away(w.engine, w.now, LANE, true);
    begin(&w);
    run_until(&w, w.now + MS_PER_DAY);
    assert_int_equal(w.calls, 0);
    const struct engine_waiting first = {.delivery = 1, .row = 1, .recipient = 1};
    assert_true(engine_explain(w.engine, w.now, REVISION, LANE, &first, &x));
    assert_int_equal(x.rows[GATE_CHANNEL].reason, REASON_SENDER_AWAY);
    assert_int_equal(x.rows[GATE_CHANNEL].not_before, INSTANT_NEVER);
    engine_lane_away(w.engine, w.now, LANE, false);
    run_until(&w, w.now + MS_PER_MINUTE);
    assert_int_equal(count(&w, DELIVERY_PROMPTED), 3);
    engine_lane_away(w.engine, w.now, LANE, true); /* what they are asked already stays */
    run_until(&w, w.now + MS_PER_MINUTE);
    assert_int_equal(w.withdrawals, 0);
    end(&w);
}

/* `sent` counts in the cap of recipient 1 when it was sent, as history or as news. */
static void others_take(bool as_news, instant_t ago, bool counts)
{
    struct world w;

    open_world(&w, 2, 10);
    w.limits[0] = (struct engine_limit){.scope = SCOPE_RECIPIENT,
                                        .max = 1,
                                        .period = PERIOD_DAY,
                                        .others = true,
                                        .text = "cap",
                                        .zone = &utc};
    w.limits[1] = (struct engine_limit){/* a campaign's own counts ours alone */
                                        .scope = SCOPE_RECIPIENT,
                                        .max = 1,
                                        .period = PERIOD_DAY,
                                        .text = "own",
                                        .zone = &utc};
    w.spec.limit_count = 2;
    engine_lane_away(w.engine, w.now, LANE, true); /* nothing goes meanwhile */
    engine_add_revision(w.engine, w.now, &w.spec);
    if (!as_news)
        engine_other_send(w.engine, w.now, REVISION, 1, w.now - ago);
    engine_other_send(w.engine, w.now, 0, 2, w.now - ago); /* history will tell */
    settle(&w);
    if (as_news)
        engine_other_send(w.engine, w.now, 0, 1, w.now - ago);
    engine_other_send(w.engine, w.now, REVISION, 2, w.now - ago); /* it has been read */
    engine_lane_away(w.engine, w.now, LANE, false);
    run_until(&w, w.now + MS_PER_MINUTE);
    assert_int_equal(w.states[1], counts ? DELIVERY_PENDING : DELIVERY_PROMPTED);
    assert_int_equal(w.states[2], DELIVERY_PROMPTED);
    struct engine_explained x;
    const struct engine_waiting first = {.delivery = 1, .row = 1, .recipient = 1};
    if (engine_explain(w.engine, w.now, REVISION, LANE, &first, &x) && counts) {
        assert_int_equal(x.limits[0].used, 1);
        assert_true(x.limits[0].others);
        assert_int_equal(x.limits[1].used, 0);
    }
    end(&w);
}

static void what_others_sent_takes_places_of_the_cap(void **state)
{
    duration_t today = 1000000 * (instant_t)MS_PER_SECOND % MS_PER_DAY;

    (void)state;
    others_take(false, 1000, true);
    others_take(true, 1000, true);
    others_take(false, today, true); /* midnight */
    others_take(true, today, true);
    others_take(false, today + 1, false); /* yesterday */
    others_take(true, today + 1, false);
}

/* A second campaign, whose cap is counted already, asks too: what others have just sent. */
static void history_is_always_asked_for(void **state)
{
    const struct engine_limit cap = {.scope = SCOPE_RECIPIENT,
                                     .max = 1,
                                     .period = PERIOD_DAY,
                                     .others = true,
                                     .text = "cap",
                                     .zone = &utc};
    struct engine_revision second;
    struct effect f;
    struct world w;

    (void)state;
    open_world(&w, 3, 10);
    w.spec.limits = &cap;
    w.spec.limit_count = 1;
    begin(&w);
    assert_int_equal(count(&w, DELIVERY_PROMPTED), 3);
    second = w.spec;
    second.id = 2;
    second.campaign = 2;
    engine_add_revision(w.engine, w.now, &second);
    assert_true(engine_effect(w.engine, &f));
    assert_int_equal(f.kind, EFFECT_HISTORY);
    assert_int_equal(f.revision, 2);
    engine_turn(w.engine, w.now);
    while (engine_effect(w.engine, &f))
        assert_int_not_equal(f.kind, EFFECT_CLAIM);
    struct engine_hold why;
    assert_true(engine_why(w.engine, w.now, 2, LANE, 0, &why));
    assert_int_equal(why.reason, REASON_NOT_STARTED);
    engine_primed(w.engine, w.now, 2);
    assert_true(engine_why(w.engine, w.now, 2, LANE, 0, &why));
    assert_int_not_equal(why.reason, REASON_NOT_STARTED);
    end(&w);
}

/* Whatever it was when the service ended: what is kept stays open, what is not is withdrawn. */
static void what_is_kept_stays_open_after_a_restart(void **state)
{
    (void)state;
    for (int kept = 0; kept < 2; kept++) {
        for (int dropped = 0; dropped < 2; dropped++) {
            struct world w;
            struct engine_waiting open = {1, 1, 1, 1, 5};
            open_world(&w, 1, 10);
            w.states[1] = DELIVERY_PROMPTED;
            w.spec.paused = !dropped;
            w.spec.keep_asked = kept;
            engine_add_revision(w.engine, w.now, &w.spec);
            engine_restore(w.engine, w.now,
                           &(struct engine_asked){.revision = REVISION,
                                                  .lane = LANE,
                                                  .send = 1,
                                                  .deliveries = &open,
                                                  .count = 1,
                                                  .claimed_at = w.now - 1000});
            if (dropped)
                engine_drop(w.engine, w.now, REVISION, false);
            run_until(&w, w.now + 1000);
            assert_int_equal(w.withdrawals, !kept);
            if (kept)
                assert_true(
                    engine_settle_at(w.engine, w.now, 1, DELIVERY_SENT, REASON_NONE, w.now));
            else
                engine_withdrawn(w.engine, w.now, 1, false);
            settle(&w);
            assert_int_equal(w.states[1], kept      ? DELIVERY_SENT
                                          : dropped ? DELIVERY_CANCELED
                                                    : DELIVERY_PENDING);
            end(&w);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_stand_beside_each_other),
        cmocka_unit_test(who_is_refused_alone_does_not_stop_the_others),
        cmocka_unit_test(late_is_withdrawn_before_it_is_final),
        cmocka_unit_test(a_pause_and_a_halt_ask_again_later),
        cmocka_unit_test(keeping_tasks_leaves_them),
        cmocka_unit_test(a_cancel_while_it_is_withdrawn_is_the_last_word),
        cmocka_unit_test(what_the_platform_has_lost_is_unknown),
        cmocka_unit_test(the_end_withdraws_and_expires),
        cmocka_unit_test(no_task_is_open_in_a_closed_time),
        cmocka_unit_test(a_full_cap_is_tried_once_more_in_a_later_period),
        cmocka_unit_test(who_was_capped_goes_while_the_task_is_open),
        cmocka_unit_test(who_gave_a_task_its_number_waits_until_it_is_over),
        cmocka_unit_test(a_cap_counts_when_it_was_sent),
        cmocka_unit_test(a_task_of_before_is_open_again),
        cmocka_unit_test(who_is_held_by_an_open_task_is_spread_too),
        cmocka_unit_test(nothing_is_asked_of_who_is_away),
        cmocka_unit_test(what_others_sent_takes_places_of_the_cap),
        cmocka_unit_test(history_is_always_asked_for),
        cmocka_unit_test(what_is_kept_stays_open_after_a_restart),
    };

    tz_utc(&utc);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
