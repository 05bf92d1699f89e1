#include "console/stale.h"

#include "base/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_BYTES = 64 };

/* NULL: there is no runtime folder. */
static char *file_name(void)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    struct strbuf path = STRBUF_INIT;

    if (!runtime || runtime[0] != '/')
        return NULL;
    strbuf_printf(&path, "%s/paceline", runtime);
    if (mkdir(path.text, 0700) != 0 && errno != EEXIST) {
        strbuf_dispose(&path);
        return NULL;
    }
    strbuf_puts(&path, "/desktop-notification");
    return strbuf_take(&path);
}

void stale_note(const char *server, uint32_t id)
{
    char *name = file_name();

    if (!name)
        return;
    if (id == 0) {
        unlink(name);
    } else {
        int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd >= 0) {
            dprintf(fd, "%s %u\n", server, id);
            close(fd);
        }
    }
    free(name);
}

uint32_t stale_left(const char *server)
{
    char *name = file_name(), of[NAME_BYTES] = "";
    FILE *f = name ? fopen(name, "re") : NULL;
    uint32_t id = 0;

    if (f) {
        if (fscanf(f, "%63s %u", of, &id) != 2 || strcmp(of, server) != 0)
            id = 0;
        fclose(f);
    }
    free(name);
    return id;
}
