/* Whether the screen is locked, asked of a screen saver of our own on a session bus of our own. */
#include "check.h"

#include "console/lock.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAVER "org.freedesktop.ScreenSaver"
#define SAVER_PATH "/org/freedesktop/ScreenSaver"

enum { PATIENCE_S = 20 };

struct fixture {
    pid_t daemon;
    uv_loop_t loop;
    struct bus bus;
    struct lock lock;
    sd_bus *saver, *stranger;
    unsigned changes;
};

/* Its address on a line; NULL when there is no dbus-daemon. */
static char *start_daemon(pid_t *pid)
{
    int ends[2];
    static char address[256];

    assert_int_equal(pipe(ends), 0);
    *pid = fork();
    if (*pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        execlp("dbus-daemon", "dbus-daemon", "--session", "--nofork", "--print-address",
               "--address=unix:tmpdir=/tmp", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    FILE *f = fdopen(ends[0], "r");
    bool there = fgets(address, sizeof(address), f);
    fclose(f);
    address[strcspn(address, "\n")] = '\0';
    return there ? address : NULL;
}

static sd_bus *connect_to(const char *address)
{
    sd_bus *bus = NULL;

    assert_true(sd_bus_new(&bus) >= 0);
    assert_true(sd_bus_set_address(bus, address) >= 0);
    assert_true(sd_bus_set_bus_client(bus, 1) >= 0);
    assert_true(sd_bus_start(bus) >= 0);
    return bus;
}

static void on_changed(void *ctx)
{
    ((struct fixture *)ctx)->changes++;
}

static void on_lost(void *ctx)
{
    (void)ctx;
    fail_msg("the bus is gone");
}

static int answer_active(sd_bus_message *m, void *arg, sd_bus_error *error)
{
    (void)arg;
    (void)error;
    return sd_bus_reply_method_return(m, "b", 0);
}

static const sd_bus_vtable saver_methods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("GetActive", "", "b", answer_active, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err e;
    const char *address = start_daemon(&f->daemon);

    *state = f;
    if (!address)
        return 0;
    setenv("DBUS_SESSION_BUS_ADDRESS", address, 1);
    uv_loop_init(&f->loop);
    assert_int_equal(bus_open(&f->bus, &f->loop, on_lost, f, &e), 0);
    lock_init(&f->lock, &f->bus, on_changed, f);
    f->saver = connect_to(address);
    f->stranger = connect_to(address);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    if (f->saver) {
        bus_close(&f->bus);
        uv_run(&f->loop, UV_RUN_DEFAULT);
        uv_loop_close(&f->loop);
        lock_dispose(&f->lock);
        sd_bus_flush_close_unref(f->saver);
        sd_bus_flush_close_unref(f->stranger);
    }
    kill(f->daemon, SIGTERM);
    waitpid(f->daemon, NULL, 0);
    free(f);
    return 0;
}

/* Both sides take what has come, until `changes` changes were heard. */
static void run_until(struct fixture *f, unsigned changes)
{
    time_t end = time(NULL) + PATIENCE_S;

    while (f->changes < changes) {
        if (time(NULL) > end)
            fail_msg("waited in vain for change %u, heard %u", changes, f->changes);
        uv_run(&f->loop, UV_RUN_NOWAIT);
        while (sd_bus_process(f->saver, NULL) > 0)
            ;
        sd_bus_wait(f->saver, 5000);
    }
}

static void tell_active(sd_bus *from, const char *to, int active)
{
    sd_bus_message *m = NULL;

    assert_true(sd_bus_message_new_signal(from, &m, SAVER_PATH, SAVER, "ActiveChanged") >= 0);
    if (to)
        assert_true(sd_bus_message_set_destination(m, to) >= 0);
    assert_true(sd_bus_message_append(m, "b", active) >= 0);
    assert_true(sd_bus_send(from, m, NULL) >= 0);
    sd_bus_flush(from);
    sd_bus_message_unref(m);
}

static void only_the_saver_is_believed(void **state)
{
    struct fixture *f = *state;
    const char *us;

    if (!f->saver)
        skip();
    assert_true(lock_is_locked(&f->lock)); /* nobody there to tell */
    assert_true(sd_bus_add_object_vtable(f->saver, NULL, SAVER_PATH, SAVER, saver_methods, f) >= 0);
    assert_true(sd_bus_request_name(f->saver, SAVER, 0) >= 0);
    run_until(f, 2); /* it is there; it has answered */
    assert_false(lock_is_locked(&f->lock));
    tell_active(f->saver, NULL, 1);
    run_until(f, 3);
    assert_true(lock_is_locked(&f->lock));

    assert_true(sd_bus_get_unique_name(f->bus.sd, &us) >= 0);
    tell_active(f->stranger, us, 0);
    tell_active(f->stranger, NULL, 0);
    tell_active(f->saver, NULL, 1); /* after them: what came before has been read */
    run_until(f, 4);
    assert_true(lock_is_locked(&f->lock));

    tell_active(f->saver, NULL, 0);
    run_until(f, 5);
    assert_false(lock_is_locked(&f->lock));
    assert_true(sd_bus_release_name(f->saver, SAVER) >= 0);
    run_until(f, 6);
    assert_true(lock_is_locked(&f->lock));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_the_saver_is_believed, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
