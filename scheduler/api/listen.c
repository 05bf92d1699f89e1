#include "api/listen.h"

#include "base/arena.h"
#include "base/lang.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 128 };

static int new_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Only a refused connection proves that nobody listens. */
static int replace_stale(const char *path, const struct sockaddr_un *address, struct err *e)
{
    struct stat st;

    if (lstat(path, &st) != 0)
        return errno == ENOENT ? 0 : err_set(e, ERR_IO, "%s: %s", path, lang_errno(errno));
    if (!S_ISSOCK(st.st_mode))
        return err_set(e, ERR_IO, tr("%s exists and is not a socket; remove it"), path);
    int fd = new_socket();
    if (fd < 0)
        return err_set(e, ERR_IO, "socket: %s", lang_errno(errno));
    int rc = connect(fd, (const struct sockaddr *)address, sizeof(*address));
    int why = rc == 0 ? 0 : errno;
    close(fd);
    if (why != ECONNREFUSED && why != ENOENT)
        return err_set(e, ERR_BUSY, tr("another service answers on %s"), path);
    if (unlink(path) != 0 && errno != ENOENT)
        return err_set(e, ERR_IO, "%s: %s", path, lang_errno(errno));
    return 0;
}

static int bind_and_listen(struct listener *l, const struct sockaddr_un *address, struct err *e)
{
    struct stat st;

    if (bind(l->fd, (const struct sockaddr *)address, sizeof(*address)) != 0)
        return err_set(e, errno == EADDRINUSE ? ERR_BUSY : ERR_IO, "%s: %s", l->path,
                       lang_errno(errno));
    /* whoever may not is told so by name (403), not by the file system */
    if (chmod(l->path, 0666) != 0 || lstat(l->path, &st) != 0 || listen(l->fd, BACKLOG) != 0)
        return err_set(e, ERR_IO, "%s: %s", l->path, lang_errno(errno));
    l->device = st.st_dev;
    l->inode = st.st_ino;
    return 0;
}

int listener_open(struct listener *l, const char *path, struct err *e)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int rc;

    *l = (struct listener){.fd = -1};
    if (strlen(path) >= sizeof(address.sun_path))
        return err_set(e, ERR_DATA, tr("the path of the socket is longer than %zu bytes: %s"),
                       sizeof(address.sun_path) - 1, path);
    strcpy(address.sun_path, path);
    rc = replace_stale(path, &address, e);
    if (rc)
        return rc;
    l->path = xstrdup(path);
    l->fd = new_socket();
    rc = l->fd < 0 ? err_set(e, ERR_IO, "socket: %s", lang_errno(errno))
                   : bind_and_listen(l, &address, e);
    if (rc)
        listener_close(l);
    return rc;
}

void listener_close(struct listener *l)
{
    struct stat st;

    if (l->fd >= 0)
        close(l->fd);
    if (l->inode != 0 && lstat(l->path, &st) == 0 && st.st_dev == l->device &&
        st.st_ino == l->inode)
        unlink(l->path);
    free(l->path);
    *l = (struct listener){.fd = -1};
}
