/* One fault waits for one step at a time; when the service comes there, it strikes, and some time
 * later another one waits. */
#include "sim.h"

enum { PATIENCE_MS = 2 * 3600000, REST_MS = 9 * 60000 };

const char *const step_names[STEPS] = {"idle",    "gathered", "claimed",  "called",   "wire",
                                       "waiting", "answered", "settled",  "asked",    "shown",
                                       "byhand",  "said",     "starting", "recovered"};
const char *const fault_names[FAULTS] = {"crash",    "forward", "back",  "leap",   "fall",
                                         "sleep",    "halt",    "pause", "cancel", "edit",
                                         "suppress", "lost",    "kept"};

const char *fault_impossible(enum fault fault, enum step step)
{
    bool store = fault == FAULT_LOST || fault == FAULT_KEPT;

    if ((step == STEP_STARTING || step == STEP_RECOVERED) && store)
        return "a start that cannot save ends, as by a crash there";
    if ((step == STEP_STARTING || step == STEP_RECOVERED) && fault >= FAULT_PAUSE)
        return "while it starts it does not listen yet: nobody can decide anything";
    if (store && (step == STEP_ASKED || step == STEP_SAID))
        return "saved by the transaction that is counted as settled";
    if (store && step != STEP_IDLE && step != STEP_CLAIMED && step != STEP_SETTLED &&
        step != STEP_SHOWN)
        return "nothing is being saved there";
    return NULL;
}

/* --- striking --- */

static void on_start(struct sim *s, struct event *v)
{
    (void)v;
    if (!s->run)
        service_start(s);
}

static void arm(struct sim *s, enum fault fault, enum step step);

static void crash(struct sim *s)
{
    s->crash = true; /* the main loop throws the service away */
    sim_after(s,
              sim_chance(s, 75) ? sim_draw(s, 500, 5000)
                                : sim_draw(s, 5000, 20 * (int64_t)MS_PER_MINUTE),
              false, on_start, 0, 0);
    if (sim_chance(s, 45)) /* and again while it recovers, perhaps several times */
        arm(s, sim_chance(s, 60) ? FAULT_CRASH : (enum fault)sim_draw(s, 0, FAULT_HALT),
            sim_chance(s, 50) ? STEP_STARTING : STEP_RECOVERED);
}

static void set_clock(struct sim *s, enum fault fault)
{
    static const duration_t from[FAULTS] = {[FAULT_FORWARD] = 100,
                                            [FAULT_BACK] = 100,
                                            [FAULT_LEAP] = CLOCKS_FORWARD_MAX_MS + 1,
                                            [FAULT_FALL] = CLOCKS_BACK_MAX_MS + 1};
    static const duration_t to[FAULTS] = {[FAULT_FORWARD] = CLOCKS_FORWARD_MAX_MS,
                                          [FAULT_BACK] = CLOCKS_BACK_MAX_MS,
                                          [FAULT_LEAP] = MS_PER_DAY,
                                          [FAULT_FALL] = MS_PER_HOUR};
    bool back = fault == FAULT_BACK || fault == FAULT_FALL;
    duration_t most = sim_chance(s, 80) ? from[fault] + (to[fault] - from[fault]) / 16 : to[fault];
    duration_t by = sim_draw(s, from[fault], most);

    clock_set(s, back ? -by : by);
}

static void sleep_a_while(struct sim *s)
{
    bool suspended = sim_chance(s, 60);
    duration_t most = !suspended          ? 2 * MS_PER_MINUTE
                      : sim_chance(s, 80) ? 30 * MS_PER_MINUTE
                                          : 10 * MS_PER_HOUR;

    clock_sleep(s, sim_draw(s, 1000, most), suspended);
}

/* False: there was nothing to strike. */
static bool strike(struct sim *s, enum fault fault, int64_t revision)
{
    int spec = spec_of(s, revision);

    if ((fault >= FAULT_PAUSE && spec < 0) || (fault == FAULT_HALT && s->halted))
        return false;
    switch (fault) {
    case FAULT_CRASH:
        crash(s);
        break;
    case FAULT_FORWARD:
    case FAULT_BACK:
    case FAULT_LEAP:
    case FAULT_FALL:
        set_clock(s, fault);
        break;
    case FAULT_SLEEP:
        sleep_a_while(s);
        break;
    case FAULT_HALT:
        sim_halt(s, false);
        break;
    case FAULT_PAUSE:
    case FAULT_CANCEL:
        campaign_pause(s, revision, fault == FAULT_CANCEL);
        break;
    case FAULT_EDIT:
        campaign_submit(s, s->specs[spec].campaign);
        break;
    case FAULT_SUPPRESS:
        campaign_suppress(s, s->specs[spec].row_recipient[sim_draw(s, 0, s->specs[spec].rows - 1)]);
        break;
    case FAULT_LOST:
    case FAULT_KEPT: /* fault_store */
    case FAULTS:
        return false;
    }
    return true;
}

static void met(struct sim *s, enum fault fault, enum step step)
{
    s->tally->met[fault][step]++;
    s->tally->faults++;
    sim_hash(s, fault, step);
}

void fault_step(struct sim *s, enum step step, int64_t revision)
{
    enum fault fault = s->armed_fault;

    if (!s->armed || s->armed_step != step || s->crash || fault >= FAULT_LOST)
        return;
    s->armed = false;
    if (strike(s, fault, revision))
        met(s, fault, step);
}

enum fault fault_store(struct sim *s, enum step step)
{
    enum fault fault = s->armed_fault;

    if (!s->armed || s->armed_step != step || fault < FAULT_LOST)
        return FAULTS;
    s->armed = false;
    met(s, fault, step);
    return fault;
}

/* --- arming --- */

static void arm(struct sim *s, enum fault fault, enum step step)
{
    s->armed_fault = fault;
    s->armed_step = step;
    s->armed = !fault_impossible(fault, step);
    s->armed_until = s->mono + PATIENCE_MS;
}

static void on_arm(struct sim *s, struct event *v)
{
    (void)v;
    sim_after(s, sim_draw(s, MS_PER_MINUTE, REST_MS), false, on_arm, 0, 0);
    if (s->armed && s->mono < s->armed_until)
        return;
    arm(s, sim_chance(s, 25) ? FAULT_CRASH : (enum fault)sim_draw(s, 0, FAULTS - 1),
        (enum step)sim_draw(s, 0, STEP_SAID)); /* the steps of a start: see crash() */
    if (s->run)
        fault_step(s, STEP_IDLE, some_revision(s));
}

void faults_begin(struct sim *s)
{
    sim_after(s, 1, false, on_arm, 0, 0);
}
