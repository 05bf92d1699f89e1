/* Arguments, then the server until SIGTERM. */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void usage(const char *problem, const char *value)
{
    if (problem)
        fprintf(stderr, "wecom-standin: %s: %s\n", problem, value);
    fprintf(stderr,
            "usage: wecom-standin [--port N] [--record FILE] [--verbose]\n"
            "       [--fault KIND:PERCENT|#NTH[:CALL]]... [--seed N] [--close-after-body N]\n"
            "       [--robot KEY[:NAME]]... [--limit N]\n"
            "       [--corp ID] [--secret TEXT] [--agent N] [--token-life SECONDS]\n"
            "       [--world SEED:MEMBERS:CUSTOMERS[:GROUPS[:OWNERS]]] [--taps FIRST:LAST]\n"
            "       [--receive-cap none|day|week|month] [--rate N] [--at-once N]\n"
            "       [--block-ms N] [--dispatch-ms N] [--wrong-secrets N]\n"
            "Members tap after --taps milliseconds; without it, only when /_standin/tap says so.\n"
            "A local stand-in for the WeCom platform, on 127.0.0.1 only. While it runs, POST\n"
            "/_standin/… changes the world and GET /_standin/state shows it (control.c).\n");
    exit(64);
}

static uint64_t number(const char *text, uint64_t max, const char *what)
{
    char *end;
    unsigned long long n;

    errno = 0;
    n = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || n > max)
        usage(what, text);
    return n;
}

/* Up to `count` numbers with colons between them; how many there are. */
static size_t numbers(char *text, int64_t out[], size_t count, const char *what)
{
    size_t n = 0;

    for (char *part = text, *next; part; part = next, n++) {
        next = strchr(part, ':');
        if (next)
            *next++ = '\0';
        if (n == count)
            usage(what, part);
        out[n] = (int64_t)number(part, INT64_MAX / 1000, what);
    }
    return n;
}

static void add_robot(struct standin *s, char *text)
{
    struct robot *robot = &s->robots[s->robot_count];
    char *colon = strchr(text, ':');

    if (s->robot_count == ROBOTS_MAX || !text[0] || colon == text)
        usage("--robot", text);
    if (colon)
        *colon = '\0';
    robot->key = text;
    robot->name = colon ? colon + 1 : NULL;
    s->robot_count++;
}

static void set_cap(struct standin *s, const char *text)
{
    static const char *const names[CAP_COUNT] = {"none", "day", "week", "month"};

    for (enum cap c = 0; c < CAP_COUNT; c++) {
        if (!strcmp(names[c], text)) {
            s->world.cap = c;
            return;
        }
    }
    usage("--receive-cap", text);
}

static void set_world(struct plan *plan, char *text)
{
    int64_t n[5] = {0};

    if (numbers(text, n, 5, "--world") < 3)
        usage("--world", text);
    plan->seed = (uint64_t)n[0];
    plan->members = n[1];
    plan->customers = n[2];
    plan->groups = n[3];
    plan->owners = n[4];
}

enum { MAX = 1000000000 };

static uint16_t read_arguments(struct standin *s, struct plan *plan, int argc, char **argv)
{
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'},
        {"record", required_argument, NULL, 'r'},
        {"robot", required_argument, NULL, 'k'},
        {"limit", required_argument, NULL, 'l'},
        {"fault", required_argument, NULL, 'f'},
        {"seed", required_argument, NULL, 's'},
        {"verbose", no_argument, NULL, 'v'},
        {"close-after-body", required_argument, NULL, 'c'},
        {"corp", required_argument, NULL, 'C'},
        {"secret", required_argument, NULL, 'S'},
        {"agent", required_argument, NULL, 'A'},
        {"token-life", required_argument, NULL, 'T'},
        {"world", required_argument, NULL, 'w'},
        {"taps", required_argument, NULL, 't'},
        {"receive-cap", required_argument, NULL, 'R'},
        {"rate", required_argument, NULL, 'q'},
        {"at-once", required_argument, NULL, 'o'},
        {"block-ms", required_argument, NULL, 'b'},
        {"dispatch-ms", required_argument, NULL, 'd'},
        {"wrong-secrets", required_argument, NULL, 'W'},
        {NULL, 0, NULL, 0},
    };
    uint16_t port = 0;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'p':
            port = (uint16_t)number(optarg, 65535, "--port");
            break;
        case 'r':
            s->record = open(optarg, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
            if (s->record < 0)
                usage(optarg, strerror(errno));
            break;
        case 'k':
            add_robot(s, optarg);
            break;
        case 'l':
            s->limit = (size_t)number(optarg, 1000000, "--limit");
            break;
        case 'f':
            if (!faults_add(&s->faults, optarg))
                usage("--fault", optarg);
            break;
        case 's':
            s->random = number(optarg, UINT64_MAX, "--seed");
            break;
        case 'v':
            s->verbose = true;
            break;
        case 'c':
            s->close_after_body = number(optarg, UINT64_MAX, "--close-after-body");
            break;
        case 'C':
            s->app.corp_id = optarg;
            break;
        case 'S':
            s->app.secret = optarg;
            break;
        case 'A':
            s->app.agent = (int64_t)number(optarg, MAX, "--agent");
            break;
        case 'T':
            s->tokens.life_s = (int64_t)number(optarg, MAX, "--token-life");
            break;
        case 'w':
            set_world(plan, optarg);
            break;
        case 't':
            if (numbers(optarg, plan->after_ms, 2, "--taps") != 2)
                usage("--taps (milliseconds)", optarg);
            break;
        case 'R':
            set_cap(s, optarg);
            break;
        case 'q':
            s->rate = (size_t)number(optarg, MAX, "--rate");
            break;
        case 'o':
            s->at_once = (size_t)number(optarg, MAX, "--at-once");
            break;
        case 'b':
            s->block_ms = (int64_t)number(optarg, MAX, "--block-ms");
            break;
        case 'd':
            s->dispatch_ms = (int64_t)number(optarg, MAX, "--dispatch-ms");
            break;
        case 'W':
            s->tokens.refused_max = (unsigned)number(optarg, MAX, "--wrong-secrets");
            break;
        default:
            usage(NULL, NULL);
        }
    }
    if (optind < argc)
        usage("unexpected", argv[optind]);
    return port;
}

int main(int argc, char **argv)
{
    static struct standin s = {
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .stopped = PTHREAD_COND_INITIALIZER,
        .record = -1,
        .limit = 20,
        .app = {.corp_id = "wwpacer000000test1", .secret = "S3CRET", .agent = 1000007},
        .tokens = {.life_s = 7200, .refused_max = 2000},
        .rate = 10000,
        .at_once = 4,
        .block_ms = 60 * 1000,
    };
    struct plan plan = {.shared = 10, .lost = 2, .after_ms = {-1, -1}};
    struct MHD_Daemon *daemon;
    struct timespec now;
    sigset_t ends;
    uint16_t port;
    int signal_number;

    world_init(&s.world);
    s.world.cap = CAP_DAY;
    port = read_arguments(&s, &plan, argc, argv);
    clock_gettime(CLOCK_REALTIME, &now);
    world_seed(&s.world, &plan, (int64_t)now.tv_sec * 1000);
    for (size_t i = 0; s.limit > 0 && i < s.robot_count; i++) {
        s.robots[i].accepted_ms = calloc(s.limit, sizeof(int64_t));
        if (!s.robots[i].accepted_ms)
            abort();
    }
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL); /* before there are threads to inherit it */
    signal(SIGPIPE, SIG_IGN);
    daemon = server_start(&s, port);
    if (!daemon) {
        perror("wecom-standin: listen");
        return 1;
    }
    printf("listening on http://127.0.0.1:%u\n", (unsigned)server_port(daemon));
    fflush(stdout);
    sigwait(&ends, &signal_number);
    server_stop(&s, daemon);
    for (size_t i = 0; i < s.robot_count; i++)
        free(s.robots[i].accepted_ms);
    world_dispose(&s.world);
    return 0;
}
