/* LD_PRELOAD for the power-loss tests: writes down, in order, whatever the service does to the
 * files of its store, before it does it. tests/power/power.py makes from this tape what a disk
 * could hold after the power has gone at any point.
 *
 * TAPE_FILE names the tape; it is appended to by one service after the other. A record: struct
 * head, the file's name without its folder, the bytes written. Raw system calls, so that nothing
 * here comes back to itself. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind {
    TAPE_CREATE = 1,
    TAPE_WRITE,
    TAPE_TRUNCATE,
    TAPE_SYNC,
    TAPE_UNLINK,
    TAPE_SYNC_FOLDER,
    TAPE_RENAME /* the new name in place of bytes */
};

struct head {
    uint64_t at_ns; /* wall clock, just before */
    int64_t offset; /* or the new size */
    uint32_t kind, name_length, length, zero;
};

static int tape = -1;

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("TAPE_FILE");

    if (path) /* the service clears its environment and closes nothing */
        tape = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
                            0600);
}

/* The part of a path that names a file of the store, or NULL. */
static const char *store_name(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

    return strncmp(name, "paceline.db", 11) == 0 && !strstr(name, ".lock") &&
                   !strstr(path, " (deleted)")
               ? name
               : NULL;
}

static void put(enum kind kind, const char *name, int64_t offset, const void *bytes, size_t length)
{
    struct timespec now;
    struct head head = {.offset = offset,
                        .kind = kind,
                        .name_length = (uint32_t)strlen(name),
                        .length = (uint32_t)length};
    struct iovec parts[] = {
        {&head, sizeof head}, {(void *)(uintptr_t)name, head.name_length}, {NULL, length}};

    syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
    head.at_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    parts[2].iov_base = (void *)(uintptr_t)bytes;
    if (syscall(SYS_writev, tape, parts, length ? 3 : 2) < 0)
        abort(); /* a test without its tape shows nothing */
}

static void note(int fd, enum kind kind, int64_t offset, const void *bytes, size_t length)
{
    char link[64], path[512];
    const char *name;

    if (tape < 0)
        return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    if ((name = store_name(path)))
        put(kind, name, offset, bytes, length);
}

static void note_sync(int fd)
{
    char link[64], path[512];
    int flags = fcntl(fd, F_GETFL);

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    if (tape >= 0 && (flags & O_ACCMODE) == O_RDONLY && path[0] == '/')
        put(TAPE_SYNC_FOLDER, "", 0, NULL, 0);
    else
        note(fd, TAPE_SYNC, 0, NULL, 0);
}

static int open_any(int folder, const char *path, int flags, mode_t mode)
{
    const char *name = store_name(path);

    if (tape >= 0 && name && flags & O_CREAT && syscall(SYS_faccessat, folder, path, F_OK) != 0)
        put(TAPE_CREATE, name, 0, NULL, 0);
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}

static mode_t mode_of(int flags, va_list args)
{
    return flags & O_CREAT ? (mode_t)va_arg(args, int) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return open_any(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return open_any(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at)
{
    note(fd, TAPE_WRITE, at, bytes, length);
    return syscall(SYS_pwrite64, fd, bytes, length, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at)
{
    return pwrite64(fd, bytes, length, at);
}

int ftruncate64(int fd, off64_t size)
{
    note(fd, TAPE_TRUNCATE, size, NULL, 0);
    return (int)syscall(SYS_ftruncate, fd, size);
}

int ftruncate(int fd, off_t size)
{
    return ftruncate64(fd, size);
}

int fsync(int fd)
{
    note_sync(fd);
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    note_sync(fd);
    return (int)syscall(SYS_fdatasync, fd);
}

int unlink(const char *path)
{
    const char *name = store_name(path);

    if (tape >= 0 && name)
        put(TAPE_UNLINK, name, 0, NULL, 0);
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int rename(const char *from, const char *to)
{
    const char *old = store_name(from), *name = store_name(to);

    if (tape >= 0 && old && name)
        put(TAPE_RENAME, old, 0, name, strlen(name));
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
