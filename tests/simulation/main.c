/* paceline-simulate --seeds A..B --days N [--record DIR] [--commit ID] */
#include "sim.h"

#include "base/log.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TURNS_MAX = 100000 }; /* without the clock going on */

static const char *commit_id = "?";

static volatile uint64_t seed_now;
static volatile int days_now;

/* An assertion of the program: a violation too, and to be replayed as one. */
static void on_abort(int number)
{
    (void)number;
    fflush(stdout);
    fprintf(stderr,
            "STOPPED seed %" PRIu64 ": commit %s, ./dev simulate --seeds %" PRIu64 "..%" PRIu64
            " --days %d\n",
            seed_now, commit_id, seed_now, seed_now, days_now);
}

static const char *const step_names[STEPS] = {"idle",  "gathered", "claimed", "called",
                                              "wire",  "answered", "settled", "asked",
                                              "shown", "byhand",   "said",    "starting"};
static const char *const fault_names[FAULTS] = {"crash", "forward", "back", "halt",
                                                "pause", "cancel",  "edit"};
static const char *const wire_names[WIRES] = {"done",    "not-sent", "lost",  "stalled", "late",
                                              "not-now", "rate",     "never", "content", "garbled"};
static const char *const hand_names[HANDS] = {"sent", "not-sent", "skip", "silent", "away"};

instant_t sim_now(struct sim *s)
{
    instant_t wall = s->mono + s->offset;

    if (wall > s->clock)
        s->clock = wall;
    return s->clock;
}

int64_t sim_draw(struct sim *s, int64_t from, int64_t to)
{
    return from + (int64_t)prng_below(&s->random, (uint64_t)(to - from + 1));
}

bool sim_chance(struct sim *s, int percent)
{
    return sim_draw(s, 0, 99) < percent;
}

void sim_hash(struct sim *s, int64_t a, int64_t b)
{
    s->hash = (s->hash ^ (uint64_t)a) * 1099511628211u;
    s->hash = (s->hash ^ (uint64_t)b) * 1099511628211u;
    s->hash ^= s->hash >> 29;
}

void sim_bad(struct sim *s, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    s->violations++;
    if (s->violations > 5)
        return;
    printf("VIOLATION seed %" PRIu64 " after %.3f days: %s\n", s->seed,
           (double)s->mono / MS_PER_DAY, text);
    printf("  replay: commit %s, ./dev simulate --seeds %" PRIu64 "..%" PRIu64
           " --days %d --record DIR\n",
           commit_id, s->seed, s->seed, s->days);
}

void sim_ok(struct sim *s, int rc, const struct err *e)
{
    if (!rc)
        return;
    sim_bad(s, "the store failed: %s", e->text);
    fflush(stdout);
    abort();
}

void sim_after(struct sim *s, duration_t ms, bool of_life,
               void (*fire)(struct sim *, struct event *), int64_t a, int64_t b)
{
    struct event *v = xmalloc(sizeof *v);

    *v = (struct event){.node = {.at = s->mono + ms, .seq = ++s->seq},
                        .fire = fire,
                        .a = a,
                        .b = b,
                        .life = of_life ? s->life : 0};
    s->events.nodes =
        xgrow(s->events.nodes, &s->events.capacity, s->events.count + 1, sizeof *s->events.nodes);
    heap_put(&s->events, &v->node);
}

/* --- one seed --- */

static bool next_event(struct sim *s, instant_t end)
{
    const struct heap_node *first = heap_first(&s->events);
    instant_t at = first ? first->at : end;

    if (s->run) {
        instant_t wake = engine_wake(s->run->engine);
        instant_t turn = wake == INSTANT_NEVER ? end : wake - s->offset;
        /* as the driver sleeps: towards a wall clock that may move */
        if (turn <= s->mono)
            turn = s->mono + 1;
        at = turn < at ? turn : at;
    }
    s->turns_here = at > s->mono ? 0 : s->turns_here + 1;
    if (s->turns_here > TURNS_MAX) {
        sim_bad(s, "the clock stands still");
        return false;
    }
    s->mono = at > s->mono ? at : s->mono;
    return s->mono < end;
}

static void fire_due(struct sim *s)
{
    struct event *v = (struct event *)heap_first(&s->events);

    if (!v || v->node.at > s->mono)
        return;
    heap_remove(&s->events, &v->node);
    if (!v->life || (s->run && v->life == s->life))
        v->fire(s, v);
    free(v);
}

static void crash_now(struct sim *s)
{
    while (s->crash)
        service_crash(s);
}

static void store_files_remove(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-journal", "-shm", ".lock"};
    char name[128];

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

static void events_free(struct sim *s)
{
    for (struct heap_node *n; (n = heap_first(&s->events));) {
        heap_remove(&s->events, n);
        free(n);
    }
    free(s->events.nodes);
}

/* Days around changes of clocks, a turn of the month, and an ordinary one. */
static instant_t first_day(uint64_t seed)
{
    static const int dates[][3] = {{2027, 3, 26}, {2027, 3, 12}, {2027, 10, 29},
                                   {2027, 4, 2},  {2027, 1, 28}, {2027, 6, 15}};
    const int *d = dates[seed % 6];

    return (instant_t)day_of_date(d[0], d[1], d[2]) * MS_PER_DAY;
}

static void run_seed(struct tally *t, uint64_t seed, int days, struct zones *zones,
                     const char *record, const char *dir)
{
    struct sim s = {.seed = seed, .days = days, .tally = t, .record = record, .zones = zones};
    instant_t end = (instant_t)days * MS_PER_DAY;

    seed_now = seed;
    days_now = days;
    s.next_send = 1;
    s.hash = seed;
    s.offset = first_day(seed);
    s.clock = INSTANT_MIN;
    prng_seed(&s.random, seed);
    snprintf(s.path, sizeof s.path, "%s/sim.db", dir);
    service_start(&s);
    world_begin(&s);
    while (next_event(&s, end)) {
        fire_due(&s);
        crash_now(&s);
        if (s.run)
            service_turn(&s);
        crash_now(&s);
    }
    s.armed = false;
    if (s.run)
        service_crash(&s);
    service_start(&s);
    judge_end(&s);
    t->campaign_days += (uint64_t)days * CAMPAIGNS;
    t->violations += s.violations;
    t->hash = (t->hash ^ s.hash) * 1099511628211u;
    service_crash(&s);
    events_free(&s);
    judge_free(&s);
    store_files_remove(s.path);
}

/* --- all --- */

static void print_tally(const struct tally *t, uint64_t from, uint64_t to, int days)
{
    int unmet = 0;

    printf("seeds %" PRIu64 "..%" PRIu64 ", %d days each: %" PRIu64 " campaign-days, %" PRIu64
           " deliveries, %" PRIu64 " messages, %" PRIu64 " faults\n",
           from, to, days, t->campaign_days, t->deliveries, t->arrivals, t->faults);
    printf("%-8s", "");
    for (int k = 0; k < STEPS; k++)
        printf(" %8s", step_names[k]);
    printf("\n");
    for (int f = 0; f < FAULTS; f++) {
        printf("%-8s", fault_names[f]);
        for (int k = 0; k < STEPS; k++)
            printf(" %8" PRIu64, t->met[f][k]);
        printf("\n");
    }
    printf("channel:");
    for (int i = 0; i < WIRES; i++)
        printf(" %s %" PRIu64, wire_names[i], t->wires[i]);
    printf("\npeople:");
    for (int i = 0; i < HANDS; i++)
        printf(" %s %" PRIu64, hand_names[i], t->hands[i]);
    printf("\n");
    for (int f = 0; f < FAULTS; f++)
        for (int k = 0; k < STEPS; k++)
            if (t->met[f][k] < 10 && (k != STEP_STARTING || f <= FAULT_BACK)) {
                printf("%s%s at %s", unmet++ ? ", " : "met less than 10 times: ", fault_names[f],
                       step_names[k]);
            }
    printf("%s", unmet ? "\n" : "");
    printf("violations %" PRIu64 "\ntrace %016" PRIx64 "\n", t->violations, t->hash);
}

static int usage(void)
{
    fprintf(stderr, "usage: ./dev simulate --seeds A..B --days N [--record DIR]\n"
                    "  --record: with one seed, what the channel got, deliveries and audit log\n");
    return 64;
}

int main(int argc, char **argv)
{
    uint64_t from = 1, to = 100;
    int days = 10;
    const char *record = NULL;
    char dir[64] = "/dev/shm/paceline-sim-XXXXXX";
    struct tally t = {.hash = 14695981039346656037u};
    struct zones *zones;

    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--seeds") &&
            sscanf(argv[i + 1], "%" SCNu64 "..%" SCNu64, &from, &to) == 2 && from <= to)
            continue;
        if (!strcmp(argv[i], "--days") && (days = atoi(argv[i + 1])) > 0 && days <= 1000)
            continue;
        if (!strcmp(argv[i], "--record"))
            record = argv[i + 1];
        else if (!strcmp(argv[i], "--commit"))
            commit_id = argv[i + 1];
        else
            return usage();
    }
    if (argc % 2 == 0 || (record && from != to))
        return usage();
    log_set_level(LOG_ERROR);
    signal(SIGABRT, on_abort);
    if (!mkdtemp(dir) && !mkdtemp(strcpy(dir, "/tmp/paceline-sim-XXXXXX"))) {
        perror(dir);
        return 74;
    }
    zones = zones_new();
    for (uint64_t seed = from; seed <= to; seed++)
        run_seed(&t, seed, days, zones, record, dir);
    zones_free(zones);
    rmdir(dir);
    print_tally(&t, from, to, days);
    return t.violations ? 1 : 0;
}
