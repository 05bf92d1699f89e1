/* Promise 2: in any span at most `max`, seen from us and from the receiver; and not one place fewer
 * than the definition allows, against a model that keeps every send for ever. */
#include "check.h"

#include "core/limit.h"
#include "support.h"

enum { SENDS = 400 };

struct send {
    instant_t claimed, arrived, answered; /* answered: INSTANT_NEVER while in flight */
    bool not_sent;
};

struct model {
    struct send sends[SENDS];
    size_t count;
    uint32_t max;
    duration_t span;
};

static bool holds_at(const struct model *m, const struct send *s, instant_t t)
{
    return !s->not_sent && (s->answered == INSTANT_NEVER || s->answered + m->span > t);
}

static uint32_t model_used(const struct model *m, instant_t t)
{
    uint32_t used = 0;

    for (size_t i = 0; i < m->count; i++)
        used += holds_at(m, &m->sends[i], t);
    return used;
}

/* Room can only appear when a place is released: try each of those instants. */
static instant_t model_ready_at(const struct model *m, instant_t now)
{
    instant_t best = INSTANT_NEVER;

    if (model_used(m, now) < m->max)
        return now;
    for (size_t i = 0; i < m->count; i++) {
        if (m->sends[i].not_sent || m->sends[i].answered == INSTANT_NEVER)
            continue;
        instant_t release = m->sends[i].answered + m->span;
        if (release > now && release < best && model_used(m, release) < m->max)
            best = release;
    }
    return best;
}

static struct send *in_flight(struct model *m, struct prng *p)
{
    size_t start = prng_below(p, SENDS);

    for (size_t i = 0; i < SENDS; i++) {
        struct send *s = &m->sends[(start + i) % SENDS];
        if (s < m->sends + m->count && s->answered == INSTANT_NEVER && !s->not_sent)
            return s;
    }
    return NULL;
}

static void assert_agrees(const struct model *m, const struct rolling *r, instant_t now,
                          uint64_t seed)
{
    uint32_t used = model_used(m, now);

    if (rolling_used(r, now) != used || rolling_ready_at(r, now) != model_ready_at(m, now))
        fail_msg("SEED=%llu at %lld: used %u, model %u; ready %lld, model %lld",
                 (unsigned long long)seed, (long long)now, rolling_used(r, now), used,
                 (long long)rolling_ready_at(r, now), (long long)model_ready_at(m, now));
    assert_int_equal(rolling_room(r, now), used < m->max ? m->max - used : 0);
}

/* A span that holds too many also holds too many when moved to begin at its first send. */
static void assert_never_too_many(const struct model *m, uint64_t seed)
{
    for (size_t i = 0; i < m->count; i++) {
        uint32_t claims = 0, arrivals = 0;
        for (size_t k = 0; k < m->count; k++) {
            const struct send *a = &m->sends[i], *b = &m->sends[k];
            if (b->not_sent)
                continue;
            claims += b->claimed >= a->claimed && b->claimed < a->claimed + m->span;
            arrivals += b->arrived >= a->arrived && b->arrived < a->arrived + m->span;
        }
        if (claims > m->max || arrivals > m->max)
            fail_msg("SEED=%llu: %u claims, %u arrivals in a span, max %u",
                     (unsigned long long)seed, claims, arrivals, m->max);
    }
}

static void one_step(struct model *m, struct rolling *r, struct prng *p, instant_t now)
{
    struct send *s;

    switch (prng_below(p, 5)) {
    case 0:
    case 1: /* as many as may go, often all at once */
        while (m->count < SENDS && rolling_ready_at(r, now) == now && prng_below(p, 8)) {
            rolling_take(r, now);
            m->sends[m->count++] = (struct send){now, now, INSTANT_NEVER, false};
        }
        break;
    case 2:
    case 3:
        s = in_flight(m, p);
        if (!s)
            break;
        rolling_answer(r, now);
        s->answered = now;
        s->arrived = between(p, s->claimed, now);
        break;
    default:
        s = in_flight(m, p);
        if (!s || prng_below(p, 2))
            break;
        rolling_untake(r);
        s->not_sent = true;
    }
}

static void rolling_is_exact(void **state)
{
    uint64_t first_seed = test_seed();

    (void)state;
    print_message("SEED=%llu\n", (unsigned long long)first_seed);
    for (uint64_t seed = first_seed; seed < first_seed + 150; seed++) {
        static struct model m;
        struct prng p;
        struct rolling r;
        instant_t memory[16], now = 1800000000000;
        prng_seed(&p, seed);
        m = (struct model){.max = (uint32_t)between(&p, 1, 16), .span = between(&p, 1, 300)};
        rolling_init(&r, m.max, m.span, memory);
        for (int step = 0; step < 3000 && m.count < SENDS; step++) {
            now += prng_below(&p, 3) ? between(&p, 0, 20) : 0;
            /* sometimes to the very instant at which a place is released */
            if (prng_below(&p, 4) == 0 && rolling_ready_at(&r, now) != INSTANT_NEVER)
                now = rolling_ready_at(&r, now);
            one_step(&m, &r, &p, now);
            assert_agrees(&m, &r, now, seed);
        }
        assert_never_too_many(&m, seed);
    }
}

/* After a restart, and perhaps with a lower max than the history was made under. */
static void rolling_restores_from_history(void **state)
{
    uint64_t first_seed = test_seed();

    (void)state;
    print_message("SEED=%llu\n", (unsigned long long)first_seed);
    for (uint64_t seed = first_seed; seed < first_seed + 3000; seed++) {
        static struct model m;
        struct prng p;
        struct rolling r;
        instant_t memory[8], now = 1800000000000, t = now - 400;
        prng_seed(&p, seed);
        m = (struct model){.max = (uint32_t)between(&p, 1, 8), .span = between(&p, 1, 300)};
        rolling_init(&r, m.max, m.span, memory);
        for (int64_t n = between(&p, 0, 30); n > 0; n--) {
            bool open = prng_below(&p, 8) == 0;
            t = t + between(&p, 0, 20) < now ? t + between(&p, 0, 20) : now;
            t = t < now ? t : now;
            m.sends[m.count++] = (struct send){t, t, open ? INSTANT_NEVER : t, false};
            if (open)
                rolling_restore_open(&r);
            else
                rolling_restore(&r, t, now);
        }
        for (int i = 0; i < 40; i++, now += between(&p, 0, 15)) {
            /* `used` may be less: of too many only the latest `max` are kept */
            if (rolling_ready_at(&r, now) != model_ready_at(&m, now))
                fail_msg("SEED=%llu at %lld", (unsigned long long)seed, (long long)now);
            struct send *s = in_flight(&m, &p);
            if (s && prng_below(&p, 4) == 0) {
                rolling_answer(&r, now);
                s->answered = now;
            }
        }
    }
}

static void rolling_by_hand(void **state)
{
    instant_t memory[2];
    struct rolling r;

    (void)state;
    rolling_init(&r, 2, 1000, memory);
    assert_int_equal(rolling_ready_at(&r, 5), 5);
    rolling_take(&r, 10);
    rolling_take(&r, 20);
    assert_true(rolling_ready_at(&r, 5000) == INSTANT_NEVER); /* only an answer makes room */
    rolling_answer(&r, 5000);
    assert_int_equal(rolling_ready_at(&r, 5001), 6000); /* span after the answer, not the claim */
    rolling_untake(&r);
    assert_int_equal(rolling_ready_at(&r, 5002), 5002);
    rolling_take(&r, 5002);
    assert_int_equal(rolling_ready_at(&r, 5999), 6000);
    assert_int_equal(rolling_ready_at(&r, 6000),
                     6000); /* half-open: exactly one span later is free */
}

struct period_case {
    enum period period;
    const char *zone, *from;
    int64_t step_most; /* ms */
};

/* A name of the period by glibc's local date. */
static int64_t period_key(enum period period, instant_t t)
{
    struct tm tm = glibc_local(t);
    day_t d = glibc_day(t);

    if (period == PERIOD_MONTH)
        return tm.tm_year * 12 + tm.tm_mon;
    return period == PERIOD_WEEK ? d - (tm.tm_wday + 6) % 7 : d;
}

static void check_period(const struct period_case *row, uint64_t seed)
{
    static instant_t claims[3000];
    struct zone zone;
    struct calendar_limit c;
    struct prng p;
    instant_t now = at(row->from);
    int64_t key = INT64_MIN;
    uint32_t used = 0, max;

    zone_load(&zone, row->zone);
    glibc_zone(row->zone);
    prng_seed(&p, seed);
    max = (uint32_t)between(&p, 1, 6);
    calendar_limit_init(&c, max, row->period, &zone.tz);
    for (size_t n = 0, step = 0; step < 3000; step++) {
        instant_t next = calendar_limit_ready_at(&c, now);
        /* sometimes to the very end of the period */
        now = next > now && prng_below(&p, 4) == 0 ? next : now + between(&p, 0, row->step_most);
        if (period_key(row->period, now) != key) {
            key = period_key(row->period, now);
            used = 0;
        }
        instant_t ready = calendar_limit_ready_at(&c, now);
        bool right = used < max ? ready == now
                                : period_key(row->period, ready) != key &&
                                      period_key(row->period, ready - 1) == key;
        if (!right || calendar_limit_used(&c, now) != used ||
            calendar_limit_room(&c, now) != max - used)
            fail_msg("SEED=%llu %s: %u of %u at %lld, ready %lld", (unsigned long long)seed,
                     row->zone, used, max, (long long)now, (long long)ready);
        if (used < max) {
            calendar_limit_take(&c, now);
            claims[n++] = now;
            used++;
        } else if (prng_below(&p, 3) == 0) {
            size_t i = prng_below(&p, n); /* proven not sent, perhaps of a period long over */
            calendar_limit_untake(&c, claims[i]);
            used -= period_key(row->period, claims[i]) == key;
            claims[i] = claims[--n];
        }
    }
    zone_dispose(&zone);
}

static void calendar_counts_local_periods(void **state)
{
    static const struct period_case rows[] = {
        {PERIOD_DAY, "America/New_York", "2027-03-01T00:00Z", 2 * MS_PER_HOUR},
        {PERIOD_DAY, "America/New_York", "2027-10-20T00:00Z", 2 * MS_PER_HOUR},
        {PERIOD_DAY, "Asia/Shanghai", "2027-03-01T00:00Z", 2 * MS_PER_HOUR},
        {PERIOD_DAY, "Australia/Lord_Howe", "2027-03-20T00:00Z", 2 * MS_PER_HOUR},
        {PERIOD_DAY, "America/Santiago", "2027-03-20T00:00Z", 2 * MS_PER_HOUR},
        {PERIOD_DAY, "America/Santiago", "2027-08-20T00:00Z", 2 * MS_PER_HOUR},
        {PERIOD_DAY, "America/Havana", "2027-10-25T00:00Z", 2 * MS_PER_HOUR},
        {PERIOD_WEEK, "America/New_York", "2026-12-01T00:00Z", 20 * MS_PER_HOUR},
        {PERIOD_WEEK, "America/Santiago", "2026-12-01T00:00Z", 20 * MS_PER_HOUR},
        {PERIOD_WEEK, "Asia/Shanghai", "2026-12-01T00:00Z", 20 * MS_PER_HOUR},
        {PERIOD_MONTH, "Asia/Shanghai", "2026-12-01T00:00Z", 4 * MS_PER_DAY},
        {PERIOD_MONTH, "Australia/Lord_Howe", "2026-12-01T00:00Z", 4 * MS_PER_DAY},
    };
    uint64_t seed = test_seed();

    (void)state;
    print_message("SEED=%llu\n", (unsigned long long)seed);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (uint64_t k = 0; k < 3; k++)
            check_period(&rows[i], seed + k);
}

static void calendar_restores_what_lies_in_the_period(void **state)
{
    instant_t now = at("2027-03-01T12:00+08:00");
    struct calendar_limit c;
    struct zone zone;

    (void)state;
    zone_load(&zone, "Asia/Shanghai");
    calendar_limit_init(&c, 2, PERIOD_DAY, &zone.tz);
    calendar_limit_restore(&c, at("2027-02-28T23:59:59+08:00"), now);
    assert_int_equal(calendar_limit_used(&c, now), 0);
    calendar_limit_restore(&c, at("2027-03-01T00:00+08:00"), now);
    calendar_limit_restore(&c, at("2027-03-01T11:00+08:00"), now);
    calendar_limit_restore(&c, at("2027-03-01T11:30+08:00"), now); /* more than today's max */
    assert_int_equal(calendar_limit_used(&c, now), 3);
    assert_int_equal(calendar_limit_room(&c, now), 0);
    assert_int_equal(calendar_limit_ready_at(&c, now), at("2027-03-02T00:00+08:00"));
    zone_dispose(&zone);
}

/* As many as the month has days, whatever month it is. */
static void a_month_has_its_own_max(void **state)
{
    static const struct {
        const char *at, *next;
        uint32_t days;
    } cases[] = {
        {"2027-02-10T12:00+08:00", "2027-03-01T00:00+08:00", 28},
        {"2028-02-01T00:00+08:00", "2028-03-01T00:00+08:00", 29},
        {"2027-03-31T23:59+08:00", "2027-04-01T00:00+08:00", 31},
        {"2027-04-01T00:00+08:00", "2027-05-01T00:00+08:00", 30},
    };
    struct calendar_limit c;
    struct zone zone;

    (void)state;
    zone_load(&zone, "Asia/Shanghai");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        instant_t now = at(cases[i].at);
        calendar_limit_init(&c, LIMIT_MONTH_DAYS, PERIOD_MONTH, &zone.tz);
        for (uint32_t n = 0; n < cases[i].days; n++) {
            assert_int_equal(calendar_limit_room(&c, now), cases[i].days - n);
            assert_int_equal(calendar_limit_ready_at(&c, now), now);
            calendar_limit_take(&c, now);
        }
        assert_int_equal(calendar_limit_room(&c, now), 0);
        assert_int_equal(calendar_limit_ready_at(&c, now), at(cases[i].next));
    }
    /* 28 people asked in February: March has room for three more, February for none */
    calendar_limit_init(&c, LIMIT_MONTH_DAYS, PERIOD_MONTH, &zone.tz);
    for (int n = 0; n < 28; n++)
        calendar_limit_ask(&c);
    assert_int_equal(calendar_limit_ready_at(&c, at(cases[0].at)), at(cases[0].next));
    assert_int_equal(calendar_limit_room(&c, at(cases[0].next)), 3);
    zone_dispose(&zone);
}

/* Samoa skipped 30 December 2011: that day is empty, and the days around it lie end to end. */
static void periods_lie_end_to_end(void **state)
{
    struct zone zone;
    instant_t begins, ends, t = at("2011-12-29T00:00Z"), last = INSTANT_MIN;

    (void)state;
    zone_load(&zone, "Pacific/Apia");
    for (; t < at("2012-01-03T00:00Z"); t += MS_PER_HOUR) {
        period_of(PERIOD_DAY, &zone.tz, t, &begins, &ends);
        assert_true(begins <= t && t < ends);
        assert_int_equal(ends - begins, MS_PER_DAY);
        assert_true(last == INSTANT_MIN || begins == last || begins == last + MS_PER_DAY);
        last = begins;
    }
    zone_dispose(&zone);
}

/* --- where a person is asked first --- */

enum { QUESTIONS = 300 };

struct question {
    bool open, sent;
    instant_t sent_at;
};

static uint32_t asked_used(const struct question *q, size_t count, enum period period, instant_t t)
{
    uint32_t used = 0;

    for (size_t i = 0; i < count; i++)
        used +=
            q[i].open || (q[i].sent && period_key(period, q[i].sent_at) == period_key(period, t));
    return used;
}

/* A place in every period until settled; then in the period of sending, or nowhere. */
static void check_questions(const struct period_case *row, uint64_t seed)
{
    struct question q[QUESTIONS];
    struct calendar_limit c;
    struct zone zone;
    struct prng p;
    size_t count = 0;
    instant_t now = at(row->from);

    zone_load(&zone, row->zone);
    glibc_zone(row->zone);
    prng_seed(&p, seed);
    uint32_t max = (uint32_t)between(&p, 1, 5);
    calendar_limit_init(&c, max, row->period, &zone.tz);
    for (int step = 0; step < 2000 && count < QUESTIONS; step++) {
        instant_t ready = calendar_limit_ready_at(&c, now);
        uint32_t open = 0, used = asked_used(q, count, row->period, now);
        for (size_t i = 0; i < count; i++)
            open += q[i].open;
        bool right = used < max ? ready == now
                     : open >= max
                         ? ready == INSTANT_NEVER
                         : ready > now && asked_used(q, count, row->period, ready) < max &&
                               asked_used(q, count, row->period, ready - 1) >= max;
        if (!right || calendar_limit_used(&c, now) != used ||
            calendar_limit_room(&c, now) != (used < max ? max - used : 0))
            fail_msg("SEED=%llu %s: used %u, model %u of %u at %lld, ready %lld",
                     (unsigned long long)seed, row->zone, calendar_limit_used(&c, now), used, max,
                     (long long)now, (long long)ready);
        size_t i = count ? prng_below(&p, count) : 0;
        if (ready == now && prng_below(&p, 2)) {
            calendar_limit_ask(&c);
            q[count++] = (struct question){.open = true};
        } else if (count && q[i].open) {
            bool sent = prng_below(&p, 3) > 0;
            calendar_limit_settle(&c, sent ? now : INSTANT_MIN);
            q[i] = (struct question){.sent = sent, .sent_at = now};
        }
        now = ready > now && ready != INSTANT_NEVER && prng_below(&p, 4) == 0
                  ? ready
                  : now + between(&p, 0, row->step_most);
    }
    assert_true(count > 20); /* it did not stand still */
    zone_dispose(&zone);
}

static void a_question_holds_its_place_in_every_period(void **state)
{
    static const struct period_case rows[] = {
        {PERIOD_DAY, "America/New_York", "2027-03-01T00:00Z", 9 * MS_PER_HOUR},
        {PERIOD_DAY, "Asia/Shanghai", "2027-03-01T00:00Z", 9 * MS_PER_HOUR},
        {PERIOD_WEEK, "America/New_York", "2026-12-01T00:00Z", 40 * MS_PER_HOUR},
        {PERIOD_MONTH, "Asia/Shanghai", "2026-12-01T00:00Z", 5 * MS_PER_DAY},
    };
    uint64_t seed = test_seed();

    (void)state;
    print_message("SEED=%llu\n", (unsigned long long)seed);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (uint64_t k = 0; k < 8; k++)
            check_questions(&rows[i], seed + k);
}

static void questions_by_hand(void **state)
{
    instant_t evening = at("2027-03-01T23:00+08:00"), next = at("2027-03-02T09:00+08:00");
    struct calendar_limit c;
    struct zone zone;

    (void)state;
    zone_load(&zone, "Asia/Shanghai");
    calendar_limit_init(&c, 2, PERIOD_DAY, &zone.tz);
    calendar_limit_take(&c, evening); /* of a channel that does not ask, on the same limit */
    calendar_limit_ask(&c);
    assert_int_equal(calendar_limit_used(&c, evening), 2);
    assert_int_equal(calendar_limit_ready_at(&c, evening), at("2027-03-02T00:00+08:00"));
    assert_int_equal(calendar_limit_used(&c, next),
                     1); /* still asked: a place in the new day too */
    calendar_limit_ask(&c);
    assert_true(calendar_limit_ready_at(&c, next) == INSTANT_NEVER); /* no midnight makes room */
    calendar_limit_settle(&c, next); /* sent on the second day: counted there */
    assert_int_equal(calendar_limit_used(&c, next), 2);
    calendar_limit_settle(&c, INSTANT_MIN); /* not sent: nowhere */
    assert_int_equal(calendar_limit_used(&c, next), 1);
    assert_int_equal(calendar_limit_used(&c, at("2027-03-03T00:00+08:00")), 0);
    zone_dispose(&zone);
}

/* A sender that is warmed up, counted day by day by hand. */
static void a_ramp_grows_by_its_steps_from_the_first_send(void **state)
{
    static const struct {
        struct ramp ramp;
        enum period period;
        int days;      /* since the first send, at noon of a Wednesday (the first of a month) */
        uint32_t most; /* of 200 */
    } rows[] = {{{20, 20, PERIOD_DAY}, PERIOD_DAY, 0, 20},
                {{20, 20, PERIOD_DAY}, PERIOD_DAY, 1, 40},
                {{20, 20, PERIOD_DAY}, PERIOD_DAY, 8, 180},
                {{20, 20, PERIOD_DAY}, PERIOD_DAY, 9, 200},
                {{20, 20, PERIOD_DAY}, PERIOD_DAY, 800, 200},
                {{20, 50, PERIOD_DAY}, PERIOD_DAY, 3, 170},
                {{20, 50, PERIOD_DAY}, PERIOD_DAY, 4, 200},
                {{1, 100000, PERIOD_DAY}, PERIOD_DAY, 1, 200},
                {{20, 20, PERIOD_WEEK}, PERIOD_DAY, 4, 20}, /* Sunday */
                {{20, 20, PERIOD_WEEK}, PERIOD_DAY, 5, 40}, /* Monday */
                {{20, 20, PERIOD_WEEK}, PERIOD_DAY, 12, 60},
                {{20, 20, PERIOD_MONTH}, PERIOD_DAY, 30, 20},
                {{20, 20, PERIOD_MONTH}, PERIOD_DAY, 31, 40},
                {{20, 20, PERIOD_MONTH}, PERIOD_DAY, 366, 200},
                {{20, 20, PERIOD_DAY}, PERIOD_WEEK, 4, 20},  /* what it was as the week began */
                {{20, 20, PERIOD_DAY}, PERIOD_WEEK, 5, 120}, /* Monday: five days later */
                {{20, 20, PERIOD_DAY}, PERIOD_WEEK, 11, 120}};
    struct tz zone;
    day_t wednesday = day_of_date(2025, 10, 1);

    (void)state;
    tz_utc(&zone);
    instant_t first = tz_day_begins(&zone, wednesday) + 12 * MS_PER_HOUR;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int part = 0; part < 2; part++) { /* the whole day long */
            instant_t t =
                tz_day_begins(&zone, wednesday + rows[i].days) + (part ? MS_PER_DAY - 1 : 0);
            uint32_t most = ramp_max(&rows[i].ramp, 200, rows[i].period, &zone, first, t);
            if (most != rows[i].most)
                fail_msg("row %zu: %u", i, most);
        }
        assert_int_equal(ramp_max(&rows[i].ramp, 200, rows[i].period, &zone, INSTANT_MIN,
                                  first + 500 * (instant_t)MS_PER_DAY),
                         rows[i].ramp.from);
    }
}

static void a_calendar_limit_follows_its_ramp(void **state)
{
    const struct ramp ramp = {2, 1, PERIOD_DAY};
    struct calendar_limit c;
    struct tz zone;
    instant_t now = 20000 * (instant_t)MS_PER_DAY + 1000;

    (void)state;
    tz_utc(&zone);
    calendar_limit_init(&c, 4, PERIOD_DAY, &zone);
    calendar_limit_ramp(&c, &ramp);
    for (uint32_t day = 0; day < 6; day++, now += MS_PER_DAY) {
        uint32_t most = day < 2 ? 2 + day : 4;
        for (uint32_t n = 0; n < most; n++) {
            assert_int_equal(calendar_limit_max(&c, now), most);
            assert_int_equal(calendar_limit_room(&c, now), most - n);
            assert_int_equal(calendar_limit_ready_at(&c, now), now);
            calendar_limit_take(&c, now);
            calendar_limit_first(&c, now);
        }
        assert_int_equal(calendar_limit_ready_at(&c, now), now - 1000 + MS_PER_DAY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ramp_grows_by_its_steps_from_the_first_send),
        cmocka_unit_test(a_calendar_limit_follows_its_ramp),
        cmocka_unit_test(rolling_is_exact),
        cmocka_unit_test(rolling_restores_from_history),
        cmocka_unit_test(rolling_by_hand),
        cmocka_unit_test(calendar_counts_local_periods),
        cmocka_unit_test(calendar_restores_what_lies_in_the_period),
        cmocka_unit_test(a_month_has_its_own_max),
        cmocka_unit_test(periods_lie_end_to_end),
        cmocka_unit_test(a_question_holds_its_place_in_every_period),
        cmocka_unit_test(questions_by_hand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
