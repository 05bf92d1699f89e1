/* The service's life: start in an order in which nothing can be sent too early, stop in one in
 * which nothing is forgotten.
 *
 *     read the file -> open channels -> open the store (its lock: only one) -> claims without an
 * outcome become unknown -> load campaigns -> listen -> `ready`
 *
 *     SIGTERM -> no new claims -> answers of what is in flight (8 s) -> the rest becomes unknown ->
 *     last commit -> close */
#include "loop/service.h"

#include "base/lang.h"
#include "base/log.h"
#include "loop/halt.h"
#include "loop/internal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    WATCH_MS = 250, /* how often the halt file is looked at */
    DRAIN_MS = 8000
};

extern char **environ;

void run_hold_claims(struct run *s)
{
    engine_hold_claims(s->engine, run_now(s), s->stopping || s->store_broken);
}

void run_stop(struct run *s, int exit_code)
{
    if (s->stopping)
        return;
    s->stopping = true;
    s->exit_code = exit_code;
    s->stop_by_ms = uv_now(&s->loop) + DRAIN_MS;
    log_line(LOG_INFO, "service", "stopping in_flight=%zu", sends_calling(s));
    run_hold_claims(s);
}

/* --- handles --- */

static void on_prepare(uv_prepare_t *p)
{
    struct run *s = p->data;

    driver_turn(s);
    if (!s->stopping)
        return;
    bool late = uv_now(&s->loop) >= s->stop_by_ms;
    if (late && !s->store_broken) {
        sends_expire(s, true);
        driver_turn(s);
    }
    if (s->store_broken && (late || (health_given_up(s) && sends_calling(s) == 0))) {
        if (!driver_idle(s)) {
            log_line(
                LOG_ERROR, "service",
                "stopped while the store fails: what was not saved is unknown at the next start");
            s->exit_code = s->exit_code ? s->exit_code : 75;
        }
        uv_stop(&s->loop);
    } else if (driver_idle(s)) {
        uv_stop(&s->loop);
    }
}

static void on_watch(uv_timer_t *t)
{
    struct run *s = t->data;

    run_watch_halt(s);
    sends_expire(s, false);
    prompts_tick(s);
    channels_sweep(s);
    clock_tick(s);
    doubts_tick(s);
    readings_tick(s);
    compare_tick(s);
    own_sends_tick(s);
    reconcile_tick(s);
    tasks_tick(s);
}

static void on_signal(uv_signal_t *h, int number)
{
    struct run *s = h->data;
    struct err e;

    if (number == SIGUSR1) {
        if (run_halt(s, "SIGUSR1", "", &e))
            log_line(LOG_ERROR, "halt", "%s", e.text);
    } else if (number == SIGHUP) {
        struct diags diags;
        diags_init(&diags);
        run_reload(s, "SIGHUP", &diags, NULL, NULL, &e); /* says in the log what came of it */
        diags_dispose(&diags);
    } else {
        run_stop(s, 0);
    }
}

static void on_api_wake(uv_async_t *a)
{
    struct run *s = a->data;

    if (s->api)
        api_run(s->api);
}

static void wake_loop(void *ctx)
{
    struct run *s = ctx;

    uv_async_send(&s->api_wake); /* any thread */
}

static void start_handles(struct run *s)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGUSR1, SIGHUP};

    uv_prepare_init(&s->loop, &s->prepare);
    uv_timer_init(&s->loop, &s->wake);
    uv_timer_init(&s->loop, &s->watch);
    uv_async_init(&s->loop, &s->api_wake, on_api_wake);
    s->prepare.data = s->wake.data = s->watch.data = s->api_wake.data = s;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
        uv_signal_start(&s->signals[i], on_signal, numbers[i]);
    }
    signal(SIGPIPE, SIG_IGN);
    uv_prepare_start(&s->prepare, on_prepare);
    uv_timer_start(&s->watch, on_watch, WATCH_MS, WATCH_MS);
}

static void close_handles(struct run *s)
{
    uv_close((uv_handle_t *)&s->prepare, NULL);
    uv_close((uv_handle_t *)&s->wake, NULL);
    uv_close((uv_handle_t *)&s->watch, NULL);
    uv_close((uv_handle_t *)&s->api_wake, NULL);
    for (size_t i = 0; i < sizeof s->signals / sizeof *s->signals; i++)
        uv_close((uv_handle_t *)&s->signals[i], NULL);
}

/* --- start --- */

/* Variables that would make a library write secrets, load code or take another way out
 * (reliability.md §4.1) never reach it: only these stay. */
static void reduce_environment(void)
{
    static const char *const kept[] = {"PATH",   "HOME",         "USER",          "LANG",
                                       "LC_ALL", "LC_MESSAGES",  "LC_CTYPE",      "TZ",
                                       "TZDIR",  "TERM",         "NOTIFY_SOCKET", "JOURNAL_STREAM",
                                       "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"};
    enum { KEPT = sizeof kept / sizeof *kept };
    char *values[KEPT];

    for (size_t i = 0; i < KEPT; i++)
        values[i] = getenv(kept[i]) ? xstrdup(getenv(kept[i])) : NULL;
    clearenv();
    for (size_t i = 0; i < KEPT; i++) {
        if (values[i])
            setenv(kept[i], values[i], 1);
        free(values[i]);
    }
}

static void print_diags(const struct diags *d)
{
    for (size_t i = 0; i < d->count; i++) {
        char *line = diag_line(&d->items[i]);
        fprintf(stderr, "%s\n", line);
        free(line);
    }
}

static int read_files(struct run *s, const char *config_file, const char *plugin_dir, struct err *e)
{
    struct diags diags;
    char *found = NULL;
    int rc = 0;

    diags_init(&diags);
    s->zones = zones_new();
    s->config_file = xstrdup(config_file);
    s->conf = service_load(config_file, s->zones, &diags);
    if (!s->conf) {
        rc = err_set(e, ERR_DATA, tr("%s cannot be used"), config_file);
    } else {
        if (s->conf->has_language)
            lang_set(s->conf->language);
        if (!plugin_dir)
            rc = channel_plugin_dir(&found, e);
    }
    if (!rc) {
        s->plugins = channel_plugins_new(plugin_dir ? plugin_dir : found);
        rc = channels_open(&s->channels, s, s->conf, &diags, e);
        s->channel_count = rc ? 0 : s->conf->channel_count;
    }
    print_diags(&diags);
    diags_dispose(&diags);
    free(found);
    return rc;
}

static int open_store(struct run *s, struct err *e)
{
    instant_t high = 0;
    uint64_t unknown = 0;
    int rc = store_open(&s->store, s->conf->store_path, e);

    s->halt_file = halt_path(s->conf->store_path);
    if (!rc)
        rc = health_look_back(s, e);
    if (!rc)
        rc = store_high_water(s->store, &high, e);
    if (!rc) {
        halt_read(s->halt_file, &s->halt_reason);
        clock_start(s, high, clock_halted(s->halt_reason));
    }
    if (!rc)
        rc = store_recover(s->store, run_now(s), &unknown, e);
    if (!rc)
        rc = accounts_load(s, e);
    if (!rc && unknown)
        log_line(LOG_WARNING, "service", "interrupted sends are unknown count=%llu",
                 (unsigned long long)unknown);
    return rc;
}

static int start(struct run *s, const char *config_file, const char *plugin_dir, struct err *e)
{
    struct strbuf spool = STRBUF_INIT;
    int rc = read_files(s, config_file, plugin_dir, e);

    secret_environment_keep();
    reduce_environment();
    if (!rc)
        rc = open_store(s, e);
    if (rc)
        return rc;
    s->http = http_new(&s->loop);
    if (s->halt_reason) {
        engine_halt(s->engine);
        log_line(LOG_WARNING, "halt", "started halted");
    }
    if (health_gap(s))
        engine_halt(s->engine);
    rc = members_load(s, e);
    if (!rc)
        rc = revisions_load(s, e);
    if (rc)
        return rc;
    s->storer = storer_start(&s->loop, s->store);
    gateway_init(s);
    s->started_at = run_now(s);
    reconcile_wanted(s); /* what an earlier run left */
    strbuf_printf(&spool, "%s.spool", s->conf->store_path);
    rc = api_start(&s->api, &s->api_host, s->conf->socket_path, spool.text, wake_loop, s, e);
    strbuf_dispose(&spool);
    return rc;
}

static void stop(struct run *s)
{
    size_t at = 0;

    api_stop(s->api);
    s->api = NULL;
    if (s->storer) {
        driver_close(s);
        storer_stop(s->storer, NULL, NULL);
    }
    http_free(s->http, NULL, NULL);
    s->http = NULL;
    channels_guests(s, guest_quiet);
    close_handles(s);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    channels_close(s);
    accounts_free(s);
    driver_free(s);
    prompts_free(s);
    doubts_free(s);
    reconcile_free(s);
    readings_free(s);
    compare_free(s);
    own_sends_free(s);
    members_free(s);
    for (struct running *r; (r = map_each(&s->running, &at));) {
        campaign_free(r->campaign);
        arena_free(r->arena);
    }
    map_dispose(&s->running);
    at = 0;
    for (struct lane_name *n; (n = map_each(&s->lanes, &at));) {
        free(n->channel);
        free(n->sender);
        free(n);
    }
    map_dispose(&s->lanes);
    engine_free(s->engine);
    health_free(s);
    store_close(s->store);
    channel_plugins_free(s->plugins);
    service_free(s->conf);
    secret_environment_drop();
    zones_free(s->zones);
    free(s->config_file);
    free(s->halt_file);
    free(s->halt_reason);
    if (uv_loop_close(&s->loop))
        log_line(LOG_WARNING, "service", "the loop still had open handles");
}

int service_run(const char *config_file, const char *plugin_dir)
{
    struct run s = {.engine = engine_new(), .next_send = 1};
    struct err e = {0, ""};
    int rc;

    umask(077);
    engine_watch(s.engine);
    uv_loop_init(&s.loop);
    s.next_send = (uint64_t)run_now(&s) << 16; /* no key of an earlier run comes again */
    health_new(&s);
    start_handles(&s);
    rc = start(&s, config_file, plugin_dir, &e);
    if (rc) {
        fprintf(stderr, "paceline: %s\n", e.text);
        s.exit_code = err_exit_code(rc);
    } else {
        log_line(LOG_INFO, "service", "listening socket=%s store=%s", s.conf->socket_path,
                 s.conf->store_path);
        fprintf(stderr, "ready\n");
        uv_run(&s.loop, UV_RUN_DEFAULT);
    }
    uv_prepare_stop(&s.prepare);
    stop(&s);
    return s.exit_code;
}
