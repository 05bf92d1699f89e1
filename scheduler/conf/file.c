/* O_NONBLOCK keeps open() of a fifo from waiting; fstat() on what was opened leaves no gap between
 * looking and reading. */
#include "conf/file.h"

#include "base/arena.h"
#include "base/lang.h"
#include "base/program.h"
#include "base/strbuf.h"
#include "conf/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SHIPPED_PATH_MAX = 128 };

int file_open(int *fd, struct stat *st, const char *path, struct err *e)
{
    int f = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

    if (f < 0)
        return err_set(e, ERR_IO, "%s: %s", path, lang_errno(errno));
    if (fstat(f, st)) {
        err_set(e, ERR_IO, "%s: %s", path, lang_errno(errno));
    } else if (S_ISDIR(st->st_mode)) {
        err_set(e, ERR_IO, tr("%s: is a directory"), path);
    } else if (!S_ISREG(st->st_mode)) {
        err_set(e, ERR_IO, tr("%s: is not a regular file"), path);
    } else {
        *fd = f;
        return 0;
    }
    close(f);
    return ERR_IO;
}

int file_read(char **bytes, size_t *length, const char *path, size_t max, struct err *e)
{
    struct stat st;
    size_t used = 0, capacity = 0;
    char *buffer = NULL;
    int fd = -1;
    int rc = file_open(&fd, &st, path, e);

    if (rc)
        return rc;
    for (;;) { /* one byte more than allowed: the file may have grown since fstat */
        buffer = xgrow(buffer, &capacity, used + 4096, 1);
        ssize_t n = read(fd, buffer + used, capacity - used - 1);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            rc = err_set(e, ERR_IO, "%s: %s", path, lang_errno(errno));
            break;
        }
        if (n == 0)
            break;
        used += (size_t)n;
        if (used > max) {
            rc = err_set(e, ERR_LIMIT, tr("%s: is larger than %zu KiB"), path, max / 1024);
            break;
        }
    }
    close(fd);
    if (rc) {
        free(buffer);
        return rc;
    }
    buffer[used] = '\0';
    *bytes = buffer;
    *length = used;
    return 0;
}

const char *file_reason(const struct err *e, const char *path)
{
    size_t length = strlen(path);

    if (strncmp(e->text, path, length) == 0 && strncmp(e->text + length, ": ", 2) == 0)
        return e->text + length + 2;
    return e->text;
}

char *file_join(const char *dir, const char *relative)
{
    struct strbuf b = STRBUF_INIT;

    if (relative[0] != '/' && dir && *dir) {
        strbuf_puts(&b, dir);
        if (b.text[b.length - 1] != '/')
            strbuf_putc(&b, '/');
    }
    strbuf_puts(&b, relative);
    return strbuf_take(&b);
}

char *file_dir(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct strbuf b = STRBUF_INIT;

    if (slash)
        strbuf_add(&b, path, slash == path ? 1 : (size_t)(slash - path));
    return strbuf_take(&b);
}

char *file_shipped(const char *dir, const char *folder, const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    char file[SHIPPED_PATH_MAX], *path = NULL;
    struct err ignored;

    if (name[0] == '\0' || name[strspn(name, allowed)] != '\0' ||
        (size_t)snprintf(file, sizeof file, "%s/%s.yaml", folder, name) >= sizeof file)
        return NULL;
    path = dir ? file_join(dir, file) : NULL;
    if (path && (access(path, F_OK) == 0 || errno != ENOENT))
        return path;
    free(path);
    if (program_beside(&path, file, &ignored))
        return NULL;
    if (access(path, F_OK) == 0 || errno != ENOENT)
        return path;
    free(path);
    return NULL;
}
