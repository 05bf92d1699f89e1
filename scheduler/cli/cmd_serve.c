/* `serve`: finds the service file and hands over to the loop. */
#include "cli/local.h"

#include <stdlib.h>

int cmd_serve(struct cli *cli)
{
    struct local local;
    int rc = local_open(&local, cli);

    if (rc)
        return rc;
    /* which file it was; the service reads it itself */
    char *file = realpath(local.service->file, NULL);
    local_close(&local);
    rc = cli->hooks->serve ? cli->hooks->serve(file) : EXIT_INTERNAL;
    free(file);
    return rc;
}
