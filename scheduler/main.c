/* Wiring only. */
#include "cli/cli.h"
#include "loop/service.h"

#include <stddef.h>

static int serve(const char *config_file)
{
    return service_run(config_file, NULL);
}

int main(int argc, char **argv)
{
    static const struct cli_hooks hooks = {.serve = serve, .version = PACELINE_VERSION};

    return cli_main(argc, argv, &hooks);
}
