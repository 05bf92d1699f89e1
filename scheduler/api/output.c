#include "api/output.h"

#include "base/lang.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* O_TMPFILE where the file system has it. */
static int open_unnamed(const char *dir)
{
    char path[4096];
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
        return fd;
    if (snprintf(path, sizeof(path), "%s/answer-XXXXXX", dir) >= (int)sizeof(path))
        return -1;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

static int spill(struct output *o, struct err *e)
{
    if (o->fd < 0)
        o->fd = open_unnamed(o->dir);
    if (o->fd < 0)
        return err_set(e, ERR_STORE, tr("cannot keep the answer in %s: %s"), o->dir,
                       lang_errno(errno));
    for (size_t done = 0; done < o->text.length;) {
        ssize_t n = write(o->fd, o->text.text + done, o->text.length - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(e, ERR_STORE, tr("cannot keep the answer in %s: %s"), o->dir,
                           lang_errno(n < 0 ? errno : ENOSPC));
        done += (size_t)n;
    }
    o->written += o->text.length;
    strbuf_reset(&o->text);
    return 0;
}

void output_init(struct output *o, const char *dir)
{
    *o = (struct output){.dir = dir, .fd = -1};
}

int output_settle(struct output *o, struct err *e)
{
    return o->text.length > OUTPUT_MEMORY_MAX ? spill(o, e) : 0;
}

int output_finish(struct output *o, struct err *e)
{
    return o->fd >= 0 && o->text.length > 0 ? spill(o, e) : 0;
}

void output_dispose(struct output *o)
{
    if (o->fd >= 0)
        close(o->fd);
    o->fd = -1;
    strbuf_dispose(&o->text);
}
