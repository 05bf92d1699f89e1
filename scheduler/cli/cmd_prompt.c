/* `prompt`: the operator's two screens, which are clients of the service (scheduler/console). */
#include "cli/local.h"
#include "console/desktop.h"
#include "console/terminal.h"

int cmd_prompt(struct cli *cli)
{
    struct local local;
    int rc = local_open(&local, cli);

    if (rc)
        return rc;
    struct terminal_options options = {local.service->socket_path, cli->out, cli->err, cli->color};
    if (cli->values[OPT_DESKTOP])
        rc = desktop_run(local.service->socket_path, cli->err);
    else if (cli->in_tty && cli->out_tty && !cli->json)
        rc = terminal_run(&options);
    else
        rc = terminal_list(&options, cli->json);
    local_close(&local);
    return rc;
}
