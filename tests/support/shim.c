/* LD_PRELOAD for the integration tests: a clock that a test moves, and a disk that hangs or fails.
 *
 * SHIM_DIR holds the orders as files that the tests write and rename into place:
 *     wall    milliseconds to add to CLOCK_REALTIME
 *     slept   milliseconds to add to CLOCK_REALTIME and CLOCK_BOOTTIME: a suspend
 *     hang    while it is there, every sync and positioned write of the store (*.db, *.db-wal)
 *             waits
 *     fail    ID N MODE ERRNO: the N-th call that touches these files, counted from when this ID
 * was first seen, fails with ERRNO; MODE 1: and all after it. N 0: it only counts. `calls` then
 * says how many there were
 *
 * Read by raw system calls, so that nothing here comes back to itself. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static char dir[512];

__attribute__((constructor)) static void start(void)
{
    const char *value = getenv("SHIM_DIR");

    if (value) /* kept: the service clears its environment */
        snprintf(dir, sizeof dir, "%s", value);
}

static int order(const char *name, char out[32])
{
    char path[600];
    ssize_t n = 0;

    if (!dir[0])
        return 0;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    n = syscall(SYS_read, fd, out, 31);
    syscall(SYS_close, fd);
    out[n > 0 ? n : 0] = 0;
    return 1;
}

static void add(struct timespec *t, const char *name)
{
    char text[32];

    if (!order(name, text))
        return;
    long long ms = atoll(text) + t->tv_nsec / 1000000;
    t->tv_nsec %= 1000000;
    t->tv_sec += ms / 1000 - (ms % 1000 < 0);
    t->tv_nsec += (ms % 1000 + (ms % 1000 < 0 ? 1000 : 0)) * 1000000;
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    int rc = (int)syscall(SYS_clock_gettime, id, t);

    if (!rc && id == CLOCK_REALTIME)
        add(t, "wall");
    if (!rc && (id == CLOCK_REALTIME || id == CLOCK_BOOTTIME))
        add(t, "slept");
    return rc;
}

/* --- the store's files --- */

static int is_store(const char *path)
{
    const char *name = strrchr(path, '/');

    name = name ? name + 1 : path;
    return !strcmp(name, "paceline.db") || !strcmp(name, "paceline.db-wal");
}

static int of_store(int fd)
{
    char link[64], path[512];

    if (!dir[0])
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    return is_store(path);
}

static void say_calls(int id, int calls)
{
    char path[600], text[32];
    int length = snprintf(text, sizeof text, "%8d %8d\n", id, calls);

    snprintf(path, sizeof path, "%s/calls", dir);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return;
    syscall(SYS_pwrite64, fd, text, (size_t)length, 0);
    syscall(SYS_close, fd);
}

/* True, with errno: this call of the store is one that fails. SQLite is called by one thread at a
 * time. */
static int fails(void)
{
    static int seen, calls;
    int id = 0, n = 0, for_ever = 0, error = 0;
    char text[32];

    if (!order("fail", text) || sscanf(text, "%d %d %d %d", &id, &n, &for_ever, &error) != 4)
        return 0;
    if (id != seen)
        calls = 0;
    seen = id;
    calls++;
    say_calls(id, calls);
    if (n == 0 || calls < n || (calls > n && !for_ever))
        return 0;
    errno = error;
    return 1;
}

static int hangs_or_fails(int fd)
{
    char text[32];

    if (!of_store(fd))
        return 0;
    while (order("hang", text))
        syscall(SYS_nanosleep, &(struct timespec){0, 10000000}, NULL);
    return fails();
}

int fsync(int fd)
{
    return hangs_or_fails(fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return hangs_or_fails(fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at)
{
    return hangs_or_fails(fd) ? -1 : syscall(SYS_pwrite64, fd, bytes, length, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at)
{
    return pwrite64(fd, bytes, length, at);
}

int ftruncate64(int fd, off64_t length)
{
    return hangs_or_fails(fd) ? -1 : (int)syscall(SYS_ftruncate, fd, length);
}

ssize_t pread64(int fd, void *bytes, size_t length, off64_t at)
{
    return of_store(fd) && fails() ? -1 : syscall(SYS_pread64, fd, bytes, length, at);
}

int open64(const char *path, int flags, ...)
{
    unsigned mode = 0;

    if (flags & O_CREAT) {
        va_list args;
        va_start(args, flags);
        mode = va_arg(args, unsigned);
        va_end(args);
    }
    return dir[0] && is_store(path) && fails()
               ? -1
               : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int unlink(const char *path)
{
    return dir[0] && is_store(path) && fails() ? -1 : (int)syscall(SYS_unlink, path);
}
