/* `halt` and `unhalt`. A halt must work when nothing else does: if the service does not answer in
 * time, the file `paceline.halt` is put beside the store, where the service looks four times a
 * second and before it starts. */
#include "cli/client.h"
#include "cli/view.h"

#include "base/arena.h"
#include "base/lang.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HALT_ANSWER_MS = 1000 };

static int sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return -1;
    int rc = fsync(fd);
    close(fd);
    return rc;
}

/* Who and why, as the service writes it. An older halt file stays as it is: it halts just as well.
 */
static int write_halt(const char *path, const char *reason)
{
    const struct passwd *user = getpwuid(geteuid());
    struct strbuf text = STRBUF_INIT;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);

    if (fd < 0)
        return errno == EEXIST ? 0 : -1;
    strbuf_printf(&text, "%s: %s\n", user ? user->pw_name : "?",
                  reason[0] ? reason : tr("no reason given"));
    bool ok = write(fd, text.text, text.length) == (ssize_t)text.length;
    strbuf_dispose(&text);
    ok = fsync(fd) == 0 && ok;
    return close(fd) == 0 && ok ? 0 : -1;
}

static int halt_by_file(const struct cli *cli, const struct service *service, const char *reason)
{
    const char *slash = strrchr(service->store_path, '/');
    struct strbuf folder = STRBUF_INIT, path = STRBUF_INIT;
    int rc = 0;

    strbuf_add(&folder, service->store_path, slash ? (size_t)(slash - service->store_path) : 0);
    if (folder.length == 0)
        strbuf_puts(&folder, slash ? "/" : ".");
    strbuf_printf(&path, "%s/paceline.halt", folder.text);
    if (write_halt(path.text, reason) != 0) {
        bool denied = errno == EACCES || errno == EPERM || errno == EROFS;
        say(cli, tr("NOT halted: the service does not answer, and %s cannot be written: %s"),
            path.text, lang_errno(errno));
        rc = denied ? EXIT_DENIED : EXIT_UNREACHABLE;
    } else {
        sync_folder(folder.text);
        if (cli->json)
            say_json(cli, json_pack("{s:b, s:s}", "halted", 1, "file", path.text));
        else
            fprintf(cli->out,
                    tr("halted by the file %s: the service does not answer, and will not send "
                       "while the file is there\n"),
                    path.text);
    }
    strbuf_dispose(&folder);
    strbuf_dispose(&path);
    return rc;
}

int cmd_halt(struct cli *cli)
{
    struct client client;
    const char *reason = cli->values[OPT_REASON] ? cli->values[OPT_REASON] : "";
    int rc = client_open(&client, cli);

    if (rc)
        return rc;
    client.quiet = true;
    client.timeout_ms = HALT_ANSWER_MS;
    char *path = client_path(NULL, "halt", NULL);
    json_t *object = client_post_one(&client, path, json_pack("{s:s}", "reason", reason), &rc);
    free(path);
    if (object && cli->json)
        say_json(cli, json_incref(object));
    else if (object)
        fputs(
            tr("halted: nothing new is sent on any channel; lift it with: paceline unhalt --reason "
               "TEXT\n"),
            cli->out);
    else if (rc == EXIT_UNREACHABLE || rc == err_exit_code(ERR_STORE))
        rc = halt_by_file(cli, client.local.service, reason);
    json_decref(object);
    client_close(&client);
    return rc;
}

int cmd_unhalt(struct cli *cli)
{
    struct client client;

    if (!cli->values[OPT_REASON] || !cli->values[OPT_REASON][0])
        return args_wrong(cli, tr("--reason is missing: say why it is safe to send again"));
    int rc = client_open(&client, cli);
    if (rc)
        return rc;
    char *path = client_path(NULL, "unhalt", NULL);
    json_t *object =
        client_post_one(&client, path, json_pack("{s:s}", "reason", cli->values[OPT_REASON]), &rc);
    free(path);
    if (object && cli->json)
        say_json(cli, json_incref(object));
    else if (object)
        fputs(tr("no longer halted: campaigns go on at their pace\n"), cli->out);
    json_decref(object);
    client_close(&client);
    return rc;
}
