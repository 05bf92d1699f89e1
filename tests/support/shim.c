/* LD_PRELOAD for the integration tests: a clock that a test moves, and a disk that hangs.
 *
 * SHIM_DIR holds the orders as files that the tests write and rename into place:
 *     wall    milliseconds to add to CLOCK_REALTIME
 *     slept   milliseconds to add to CLOCK_REALTIME and CLOCK_BOOTTIME: a suspend
 *     hang    while it is there, every sync and positioned write of the store (*.db, *.db-wal)
 *             waits
 *
 * Read by raw system calls, so that nothing here comes back to itself. */
#define _GNU_SOURCE
#include <fcntl.h>
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

static void hang(int fd)
{
    char text[32], link[64], path[512];

    if (!order("hang", text))
        return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    if (!strstr(path, "paceline.db"))
        return;
    while (order("hang", text))
        syscall(SYS_nanosleep, &(struct timespec){0, 10000000}, NULL);
}

int fsync(int fd)
{
    hang(fd);
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    hang(fd);
    return (int)syscall(SYS_fdatasync, fd);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at)
{
    hang(fd);
    return syscall(SYS_pwrite64, fd, bytes, length, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at)
{
    return pwrite64(fd, bytes, length, at);
}
