#include "base/program.h"

#include "base/lang.h"
#include "base/strbuf.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

int program_beside(char **out, const char *name, struct err *e)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    struct strbuf path = STRBUF_INIT;

    if (n < 0)
        return err_set(e, ERR_IO, "/proc/self/exe: %s", lang_errno(errno));
    exe[n] = '\0';
    *strrchr(exe, '/') = '\0';
    strbuf_printf(&path, "%s/%s", exe, name);
    *out = strbuf_take(&path);
    return 0;
}
