#include "loop/halt.h"

#include "base/arena.h"
#include "base/lang.h"
#include "base/strbuf.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REASON_BYTES_MAX = 1000 };

char *halt_path(const char *store_path)
{
    char *copy = xstrdup(store_path);
    struct strbuf b = STRBUF_INIT;

    strbuf_printf(&b, "%s/paceline.halt", dirname(copy));
    free(copy);
    return strbuf_take(&b);
}

static void sync_folder(const char *path)
{
    char *copy = xstrdup(path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    free(copy);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

int halt_write(const char *path, const char *by, const char *reason, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    struct strbuf b = STRBUF_INIT;
    int rc = 0;

    if (fd < 0 && errno == EEXIST)
        return 0;
    if (fd < 0)
        return err_set(e, ERR_IO, "%s: %s", path, lang_errno(errno));
    strbuf_printf(&b, "%s: %s\n", by, reason && *reason ? reason : tr("no reason given"));
    /* an empty file halts too: what matters is that it is there */
    if (write(fd, b.text, b.length) != (ssize_t)b.length || fsync(fd))
        rc = err_set(e, ERR_IO, "%s: %s", path, lang_errno(errno));
    close(fd);
    strbuf_dispose(&b);
    sync_folder(path);
    return rc;
}

bool halt_exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 || errno != ENOENT;
}

bool halt_read(const char *path, char **reason)
{
    char bytes[REASON_BYTES_MAX + 1];
    struct strbuf safe = STRBUF_INIT;
    ssize_t n = 0;

    *reason = NULL;
    if (!halt_exists(path))
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0) {
        n = read(fd, bytes, REASON_BYTES_MAX);
        close(fd);
    }
    bytes[n > 0 ? n : 0] = 0;
    bytes[text_utf8_valid(bytes, strlen(bytes))] = 0;
    bytes[strcspn(bytes, "\n")] = 0;
    text_safe(&safe, *bytes ? bytes : tr("the file paceline.halt is there"), false);
    *reason = strbuf_take(&safe);
    return true;
}

int halt_remove(const char *path, struct err *e)
{
    if (unlink(path) && errno != ENOENT)
        return err_set(e, ERR_IO, "%s: %s", path, lang_errno(errno));
    sync_folder(path);
    return 0;
}
