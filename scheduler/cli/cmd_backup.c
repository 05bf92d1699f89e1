/* `backup`: the service copies its store. Only it can: it has the file open for itself alone. */
#include "cli/client.h"
#include "cli/view.h"

#include "base/arena.h"
#include "base/lang.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The service is in another folder. NULL: errno. */
static char *absolute(const char *file)
{
    struct strbuf path = STRBUF_INIT;
    char *here;

    if (file[0] == '/')
        return xstrdup(file);
    here = getcwd(NULL, 0);
    if (!here)
        return NULL;
    strbuf_printf(&path, "%s/%s", here, file);
    free(here);
    return strbuf_take(&path);
}

int cmd_backup(struct cli *cli)
{
    struct client client;
    int rc = client_open(&client, cli);

    if (rc)
        return rc;
    char *file = absolute(cli->args[0]);
    json_t *body = file ? json_pack("{s:s}", "file", file) : NULL;
    if (!body) {
        say(cli, "%s: %s", cli->args[0], file ? tr("not valid UTF-8") : lang_errno(errno));
        free(file);
        client_close(&client);
        return EXIT_DATA;
    }
    char *path = client_path(NULL, "backup", NULL);
    json_t *object = client_post_one(&client, path, body, &rc);
    free(path);
    free(file);
    if (object && cli->json) {
        say_json(cli, json_incref(object));
    } else if (object) {
        put_safe(cli->out, view_text(object, "file", ""));
        fprintf(cli->out, tr(": %lld bytes, up to audit record %lld\n"),
                (long long)view_number(object, "bytes"),
                (long long)view_number(object, "audit_seq"));
    }
    json_decref(object);
    client_close(&client);
    return rc;
}
