/* `contacts sync`: begins a reading, and shows how far it is until it is over. The service goes on
 * with it when this command is interrupted. */
#include "cli/client.h"
#include "cli/view.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOOK_MS = 200 };

static void look_later(void)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};

    nanosleep(&pause, NULL);
}

static bool runs(const json_t *object)
{
    return strcmp(view_text(object, "state", ""), "running") == 0;
}

static void show(struct progress *p, const json_t *object)
{
    uint64_t members = (uint64_t)view_number(object, "members");
    bool waits = view_number(object, "waits_ms") > 0;

    progress_show(p, waits ? tr("waiting: the platform allows no more now") : tr("reading"),
                  (uint64_t)view_number(object, "members_read"), members, tr("members"));
}

static int tell(const struct cli *cli, const json_t *object)
{
    const char *problem = view_text(object, "problem", NULL);

    if (problem) {
        say(cli, "%s", problem);
        say(cli, tr("what was read is kept; the same command goes on from there"));
        return EXIT_REFUSED;
    }
    if (!cli->json)
        fprintf(
            cli->out,
            tr("%lld customers, %lld groups: %lld added, %lld changed, %lld unchanged, %lld "
               "removed\n"),
            (long long)view_number(object, "customers"), (long long)view_number(object, "groups"),
            (long long)view_number(object, "added"), (long long)view_number(object, "changed"),
            (long long)view_number(object, "unchanged"), (long long)view_number(object, "removed"));
    if (!cli->json && view_number(object, "lifted") > 0)
        fprintf(cli->out, tr("%lld customers came back: off the do-not-send list\n"),
                (long long)view_number(object, "lifted"));
    return 0;
}

int cmd_contacts_sync(struct cli *cli)
{
    struct client client;
    struct progress progress;
    int rc = client_open(&client, cli);

    if (rc)
        return rc;
    char *path = client_path(NULL, "accounts", cli->args[0], "sync", NULL);
    json_t *object = client_post_one(&client, path, NULL, &rc);
    progress_begin(&progress, cli);
    while (object && runs(object)) {
        show(&progress, object);
        look_later();
        json_decref(object);
        object = client_get_one(&client, path, &rc);
    }
    progress_end(&progress);
    if (object)
        rc = tell(cli, object);
    if (object && cli->json)
        say_json(cli, json_incref(object));
    json_decref(object);
    free(path);
    client_close(&client);
    return rc;
}
