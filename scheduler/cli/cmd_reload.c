/* `reload`: the service reads its file again, or says why not. */
#include "cli/client.h"
#include "cli/view.h"

#include <stdlib.h>

int cmd_reload(struct cli *cli)
{
    struct client client;
    int rc = client_open(&client, cli);

    if (rc)
        return rc;
    char *path = client_path(NULL, "reload", NULL);
    json_t *object = client_post_one(&client, path, json_object(), &rc);
    free(path);
    if (object && cli->json) {
        say_json(cli, json_incref(object));
    } else if (object) {
        fputs(tr("reloaded: "), cli->out);
        put_safe(cli->out, view_text(object, "file", ""));
        fprintf(cli->out, tr(": %lld channels, %lld users\n"),
                (long long)view_number(object, "channels"),
                (long long)view_number(object, "users"));
    }
    json_decref(object);
    client_close(&client);
    return rc;
}
