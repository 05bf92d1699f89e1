/* paceline-simulate --seeds A..B --days N [--record DIR] [--commit ID] [--jobs N]
 *
 * As many processes as there are processors share the seeds: worker k of n takes every n-th. What
 * they found is read in the order of the seeds, so that what is printed does not depend on how many
 * they were. */
#include "sim.h"

#include "base/log.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_MAX = 64, MET_LEAST = 10 };

struct work {
    uint64_t from, to;
    int days;
    const char *record;
    char dir[64];
};

const char *commit_id = "?";

static volatile uint64_t seed_now;
static volatile int days_now;

/* An assertion of the program: a violation too, and to be replayed as one. */
static void on_abort(int number)
{
    (void)number;
    fprintf(stderr,
            "STOPPED seed %" PRIu64 ": commit %s, ./dev simulate --seeds %" PRIu64 "..%" PRIu64
            " --days %d\n",
            seed_now, commit_id, seed_now, seed_now, days_now);
}

static const char *const wire_names[WIRES] = {"done",    "not-sent", "lost",  "stalled", "late",
                                              "not-now", "rate",     "never", "content", "garbled"};
static const char *const hand_names[HANDS] = {"sent", "not-sent", "skip", "silent", "away"};

/* --- workers --- */

static void put_bytes(FILE *to, const void *bytes, size_t length)
{
    if (length && fwrite(bytes, length, 1, to) != 1)
        _exit(74);
}

static void store_path(char *out, size_t size, const struct work *w, uint64_t index)
{
    snprintf(out, size, "%s/%" PRIu64 ".db", w->dir, index);
}

static void work(const struct work *w, uint64_t index, uint64_t jobs, FILE *to)
{
    struct zones *zones = zones_new();
    char path[96];

    store_path(path, sizeof path, w, index);

    for (uint64_t seed = w->from + index; seed <= w->to; seed += jobs) {
        struct outcome out = {.said = STRBUF_INIT};
        seed_now = seed;
        days_now = w->days;
        run_seed(&out, seed, w->days, zones, w->record, path);
        put_bytes(to, &out.tally, sizeof out.tally);
        put_bytes(to, &out.said.length, sizeof out.said.length);
        put_bytes(to, out.said.text, out.said.length);
        fflush(to);
        strbuf_dispose(&out.said);
    }
    zones_free(zones);
}

/* In memory where there is such a place. */
static bool folder_make(struct work *w)
{
    strcpy(w->dir, "/dev/shm/paceline-sim-XXXXXX");
    return mkdtemp(w->dir) || mkdtemp(strcpy(w->dir, "/tmp/paceline-sim-XXXXXX"));
}

static void folder_remove(const struct work *w, uint64_t jobs)
{
    char path[96];

    for (uint64_t i = 0; i < jobs; i++) { /* of one that stopped itself */
        store_path(path, sizeof path, w, i);
        sim_files_remove(path);
    }
    rmdir(w->dir);
}

static FILE *worker_start(const struct work *w, uint64_t index, uint64_t jobs)
{
    int ends[2];

    if (pipe(ends)) {
        perror("pipe");
        exit(71);
    }
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0) {
        perror("fork");
        exit(71);
    }
    if (pid) {
        close(ends[1]);
        return fdopen(ends[0], "r");
    }
    close(ends[0]);
    FILE *to = fdopen(ends[1], "w");
    signal(SIGABRT, on_abort);
    work(w, index, jobs, to);
    fclose(to);
    exit(0);
}

/* --- what they found --- */

static void tally_add(struct tally *t, const struct tally *x)
{
    for (int f = 0; f < FAULTS; f++)
        for (int k = 0; k < STEPS; k++)
            t->met[f][k] += x->met[f][k];
    for (int i = 0; i < WIRES; i++)
        t->wires[i] += x->wires[i];
    for (int i = 0; i < HANDS; i++)
        t->hands[i] += x->hands[i];
    t->campaign_days += x->campaign_days;
    t->arrivals += x->arrivals;
    t->deliveries += x->deliveries;
    t->faults += x->faults;
    t->violations += x->violations;
    t->hash = (t->hash ^ x->hash) * 1099511628211u;
}

/* The next seed of this worker; false when it is gone. */
static bool outcome_read(FILE *from, struct tally *t)
{
    struct tally x;
    size_t length;

    if (fread(&x, sizeof x, 1, from) != 1 || fread(&length, sizeof length, 1, from) != 1)
        return false;
    char *said = xmalloc(length + 1);
    bool whole = !length || fread(said, length, 1, from) == 1;
    if (whole && length)
        printf("%s", said);
    free(said);
    if (whole)
        tally_add(t, &x);
    return whole;
}

static bool run_all(const struct work *w, uint64_t jobs, struct tally *t)
{
    FILE *from[JOBS_MAX];
    bool whole = true;

    for (uint64_t i = 0; i < jobs; i++)
        from[i] = worker_start(w, i, jobs);
    for (uint64_t seed = w->from; seed <= w->to && whole; seed++) {
        whole = outcome_read(from[(seed - w->from) % jobs], t);
        if (!whole)
            printf("VIOLATION seed %" PRIu64 ": the program stopped itself\n", seed);
    }
    for (uint64_t i = 0; i < jobs; i++)
        fclose(from[i]);
    for (uint64_t i = 0; i < jobs; i++) {
        int status = 0;
        if (wait(&status) < 0 || (whole && status)) { /* a leak, say */
            printf("a worker ended with status %d\n", status);
            whole = false;
        }
    }
    return whole;
}

/* --- printing --- */

static void print_met(const struct tally *t)
{
    printf("%-8s", "");
    for (int k = 0; k < STEPS; k++)
        printf(" %9s", step_names[k]);
    printf("\n");
    for (int f = 0; f < FAULTS; f++) {
        printf("%-8s", fault_names[f]);
        for (int k = 0; k < STEPS; k++)
            if (fault_impossible((enum fault)f, (enum step)k))
                printf(" %9s", "-");
            else
                printf(" %9" PRIu64, t->met[f][k]);
        printf("\n");
    }
}

static void print_unmet(const struct tally *t)
{
    const char *why, *said[FAULTS * STEPS];
    int unmet = 0, reasons = 0;

    for (int f = 0; f < FAULTS; f++)
        for (int k = 0; k < STEPS; k++) {
            int i = 0;
            if (!(why = fault_impossible((enum fault)f, (enum step)k)))
                continue;
            while (i < reasons && strcmp(said[i], why) != 0)
                i++;
            if (i == reasons)
                printf("-: %s\n", said[reasons++] = why);
        }
    for (int f = 0; f < FAULTS; f++)
        for (int k = 0; k < STEPS; k++)
            if (t->met[f][k] < MET_LEAST && !fault_impossible((enum fault)f, (enum step)k))
                printf("%s%s at %s", unmet++ ? ", " : "met less than 10 times: ", fault_names[f],
                       step_names[k]);
    printf("%s", unmet ? "\n" : "each possible one was met 10 times or more\n");
}

static void print_tally(const struct tally *t, const struct work *w)
{
    printf("seeds %" PRIu64 "..%" PRIu64 ", %d days each: %" PRIu64 " campaign-days, %" PRIu64
           " deliveries, %" PRIu64 " messages, %" PRIu64 " faults\n",
           w->from, w->to, w->days, t->campaign_days, t->deliveries, t->arrivals, t->faults);
    print_met(t);
    printf("channel:");
    for (int i = 0; i < WIRES; i++)
        printf(" %s %" PRIu64, wire_names[i], t->wires[i]);
    printf("\npeople:");
    for (int i = 0; i < HANDS; i++)
        printf(" %s %" PRIu64, hand_names[i], t->hands[i]);
    printf("\n");
    print_unmet(t);
    printf("violations %" PRIu64 "\ntrace %016" PRIx64 "\n", t->violations, t->hash);
}

static int usage(void)
{
    fprintf(stderr,
            "usage: ./dev simulate --seeds A..B --days N [--record DIR] [--jobs N]\n"
            "  --record: with one seed, what the channel got, deliveries and audit log\n"
            "  --jobs: so many processes (default: one a processor); the result is the same\n");
    return 64;
}

int main(int argc, char **argv)
{
    struct work w = {.from = 1, .to = 100, .days = 10};
    struct tally t = {.hash = 14695981039346656037u};
    long jobs = sysconf(_SC_NPROCESSORS_ONLN);

    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--seeds") &&
            sscanf(argv[i + 1], "%" SCNu64 "..%" SCNu64, &w.from, &w.to) == 2 && w.from <= w.to)
            continue;
        if (!strcmp(argv[i], "--days") && (w.days = atoi(argv[i + 1])) > 0 && w.days <= 1000)
            continue;
        if (!strcmp(argv[i], "--jobs") && (jobs = atoi(argv[i + 1])) > 0)
            continue;
        if (!strcmp(argv[i], "--record"))
            w.record = argv[i + 1];
        else if (!strcmp(argv[i], "--commit"))
            commit_id = argv[i + 1];
        else
            return usage();
    }
    if (argc % 2 == 0 || (w.record && w.from != w.to))
        return usage();
    log_set_level(LOG_ERROR);
    jobs = jobs < 1 ? 1 : jobs > JOBS_MAX ? JOBS_MAX : jobs;
    if ((uint64_t)jobs > w.to - w.from + 1)
        jobs = (long)(w.to - w.from + 1);
    if (!folder_make(&w)) {
        perror(w.dir);
        return 74;
    }
    bool whole = run_all(&w, (uint64_t)jobs, &t);
    folder_remove(&w, (uint64_t)jobs);
    if (!whole)
        return 1;
    print_tally(&t, &w);
    return t.violations ? 1 : 0;
}
