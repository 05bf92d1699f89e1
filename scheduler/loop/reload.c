/* The service file read again: by SIGHUP, or by an admin.
 *
 *     parse -> open what is new or changed beside what runs -> judge -> switch -> audit
 *
 * Up to `judge` nothing that runs is touched, so that a bad file is refused whole. All of it is one
 * step of the loop thread: no request and no send sees half of a file. */
#include "loop/internal.h"

#include "base/lang.h"
#include "base/log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

/* The service stands on these two: they are opened once. */
static void judge_places(const struct run *s, const struct service *conf, struct diags *diags)
{
    if (strcmp(conf->store_path, s->conf->store_path) != 0)
        diag_add(diags, conf->file, conf->store_at.line, conf->store_at.column, DIAG_ERROR,
                 ERR_DATA, tr("'%s' cannot change while the service runs: restart it"), "store");
    if (strcmp(conf->socket_path, s->conf->socket_path) != 0)
        diag_add(diags, conf->file, conf->socket_at.line, conf->socket_at.column, DIAG_ERROR,
                 ERR_DATA, tr("'%s' cannot change while the service runs: restart it"), "socket");
}

static struct chan *find(struct chan *const *channels, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(channels[i]->conf->name, name))
            return channels[i];
    return NULL;
}

/* What a campaign was approved for stays as it is until the campaign is over. */
static bool still_approved(const struct chan *old, const struct chan *now)
{
    return old->kind == now->kind && same_text(old->conf->mode, now->conf->mode) &&
           same_text(old->settings->manifest, now->settings->manifest) &&
           old->settings->standin == now->settings->standin;
}

static void judge_campaigns(const struct run *s, const struct service *conf,
                            struct chan *const *channels, struct diags *diags)
{
    size_t at = 0;

    for (const struct running *r; (r = map_each(&s->running, &at));) {
        const struct chan *old = r->channel;
        const struct chan *now = find(channels, conf->channel_count, old->conf->name);
        if (!now)
            diag_add(diags, conf->file, 0, 0, DIAG_ERROR, ERR_REFUSED,
                     tr("channel '%s' is missing, and campaign '%s' still uses it: cancel that "
                        "first, or wait until it is done"),
                     old->conf->name, r->name);
        else if (!still_approved(old, now))
            diag_add(diags, conf->file, now->conf->at.line, now->conf->at.column, DIAG_ERROR,
                     ERR_REFUSED,
                     tr("campaign '%s' was approved for other settings of channel '%s': cancel "
                        "that first, or wait until it is done"),
                     r->name, old->conf->name);
    }
}

/* The engine has the rates of the first plugin. */
static void judge_kinds(struct run *s, const struct service *conf, struct chan *const *channels,
                        struct diags *diags)
{
    for (size_t i = 0; i < conf->channel_count; i++) {
        const struct chan *now = channels[i], *old = channel_find(s, now->conf->name);
        if (old && old->id && old->kind != now->kind)
            diag_add(diags, conf->file, now->conf->at.line, now->conf->at.column, DIAG_ERROR,
                     ERR_REFUSED,
                     tr("channel '%s' has sent with plugin '%s': restart the service to change it, "
                        "or give the new channel another name"),
                     now->conf->name, old->kind->name);
    }
}

static int judge(struct run *s, const struct service *conf, struct chan *const *channels,
                 struct diags *diags, struct err *e)
{
    judge_places(s, conf, diags);
    judge_campaigns(s, conf, channels, diags);
    judge_kinds(s, conf, channels, diags);
    if (diags->errors == 0)
        return 0;
    return err_set(e, diags->worst, tr("%s is not taken over; the one read before stays in force"),
                   conf->file);
}

static void take_over(struct run *s, struct service *conf, struct chan **channels)
{
    struct service *old = s->conf;

    channels_replace(s, channels, conf->channel_count);
    s->conf = conf;
    lang_set(conf->has_language ? conf->language : lang_of_environment());
    s->problem[0] = '\0'; /* what stood against the old file; what still does is found again */
    api_conf_changed(s->api, conf);
    service_free(old);
    members_look_again(s);
    revisions_look_again(s);
    clock_zones(s);
}

static int refused(const char *by, const struct diags *diags, const struct err *e)
{
    for (size_t i = 0; i < diags->count; i++) {
        char *line = diag_line(&diags->items[i]);
        log_line(LOG_ERROR, "reload", "%s", line);
        free(line);
    }
    log_line(LOG_ERROR, "reload", "refused by=%s: %s", by, e->text);
    return e->code;
}

static int read_again(struct run *s, struct service **conf, struct chan ***channels,
                      struct diags *diags, struct err *e)
{
    int rc;

    if (s->stopping || !s->api)
        return err_set(e, ERR_BUSY, tr("the service is stopping"));
    *conf = service_load(s->config_file, s->zones, diags);
    rc = *conf ? channels_open(channels, s, *conf, diags, e) : ERR_DATA;
    if (rc) /* one text for all: the lines say what */
        return err_set(e, rc, tr("%s is not taken over; the one read before stays in force"),
                       s->config_file);
    rc = judge(s, *conf, *channels, diags, e);
    if (rc)
        channels_drop(s, *channels, (*conf)->channel_count);
    return rc;
}

int run_reload(struct run *s, const char *by, struct diags *diags,
               void (*done)(void *arg, const struct err *e), void *arg, struct err *e)
{
    struct service *conf = NULL;
    struct chan **channels = NULL;
    char sha256[DIGEST_TEXT];

    if (read_again(s, &conf, &channels, diags, e)) {
        service_free(conf);
        return refused(by, diags, e);
    }
    assert(conf);
    take_over(s, conf, channels);
    digest_text(&conf->digest, sha256);
    log_line(LOG_INFO, "reload", "in force by=%s file=%s %s", by, conf->file, sha256);
    run_note(s, "reload", by, json_pack("{ss,ss}", "file", conf->file, "sha256", sha256), done,
             arg);
    return 0;
}
