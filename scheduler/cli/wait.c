#include "cli/wait.h"

#include "cli/view.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* On a terminal one line that is redrawn, elsewhere a line for each change. */
static void show(const struct cli *cli, const json_t *campaign, struct strbuf *last)
{
    struct strbuf line = STRBUF_INIT;
    const json_t *counts = json_object_get(campaign, "counts");

    strbuf_printf(&line, "%s: %s ", view_text(campaign, "campaign", "?"),
                  view_state(view_text(campaign, "state", "?")));
    view_bar(view_final(counts), view_number(campaign, "audience"), &line);
    if (view_number(counts, "unknown") > 0)
        strbuf_printf(&line, "%s%s %lld", tr(", "), view_state("unknown"),
                      (long long)view_number(counts, "unknown"));
    if (cli->err_tty)
        fprintf(cli->err, "\r\033[K%s", line.text);
    else if (!last->text || strcmp(last->text, line.text) != 0)
        fprintf(cli->err, "%s\n", line.text);
    fflush(cli->err);
    strbuf_reset(last);
    strbuf_puts(last, line.text);
    strbuf_dispose(&line);
}

static bool over(const char *state, int *rc)
{
    if (strcmp(state, "done") == 0) {
        *rc = 0;
        return true;
    }
    *rc = EXIT_REFUSED;
    return strcmp(state, "rejected") == 0 || strcmp(state, "canceled") == 0;
}

int wait_for(struct client *client, const char *campaign, const char *revision)
{
    struct strbuf last = STRBUF_INIT, query = STRBUF_INIT;
    char *digest = client_encode(revision);
    int rc;

    strbuf_printf(&query, "revision=%s", digest);
    char *path = client_path(query.text, "campaigns", campaign, NULL);
    for (;;) {
        json_t *object = client_get_one(client, path, &rc);
        if (!object)
            break;
        show(client->cli, object, &last);
        bool end = over(view_text(object, "state", ""), &rc);
        json_decref(object);
        if (end)
            break;
        sleep(1);
    }
    if (client->cli->err_tty)
        fputc('\n', client->cli->err);
    strbuf_dispose(&last);
    strbuf_dispose(&query);
    free(digest);
    free(path);
    return rc;
}
