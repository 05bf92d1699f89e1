/* The configured channels: each a plugin's instance and the host that it sees. */
#include "loop/internal.h"

#include "base/lang.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

static void host_settle(const struct channel_host *h, uint64_t send_id,
                        const struct channel_outcome *outcomes, size_t count)
{
    struct chan *c = h->impl; /* its first member */

    if (count)
        sends_settle(c->guest.run, send_id, outcomes, count);
}

static void host_results(const struct channel_host *h, uint64_t send_id,
                         const struct channel_result *results, size_t count,
                         enum channel_task_end end)
{
    struct chan *c = h->impl;

    tasks_results(c->guest.run, send_id, results, count, end);
}

static void chan_free(struct chan *c)
{
    if (c->instance)
        c->kind->close(c->instance);
    guest_dispose(&c->guest);
    account_release(c->guest.run, c->account);
    channel_settings_free(c->settings);
    service_free(c->service);
    free(c);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static bool does_the_same(const struct chan *a, const struct chan *b)
{
    return a->kind == b->kind && same_text(a->conf->mode, b->conf->mode) &&
           channel_settings_equal(a->settings, b->settings);
}

static int chan_open(struct run *s, struct chan *c, struct diags *diags, struct err *e)
{
    char problem[200] = "";
    int rc = 0;

    c->host = (struct channel_host){.channel = c->conf->name,
                                    .mode = c->conf->mode,
                                    .standin = c->settings->standin,
                                    .options = c->settings->values,
                                    .settle = host_settle,
                                    .results = host_results};
    guest_init(&c->guest, s, c->settings->base_url, &c->host);
    if (c->kind->open_account)
        rc = account_take(&c->account, s, c, problem, sizeof problem);
    if (!rc && c->account) {
        c->host.account = account_conf(c->account);
        c->host.shared = account_instance(c->account);
    }
    if (!rc && c->kind->open(&c->host, &c->instance, problem, sizeof problem) == 0)
        return 0;
    c->instance = NULL;
    diag_add(diags, c->service->file, c->conf->at.line, c->conf->at.column, DIAG_ERROR, ERR_DATA,
             "%s", tr(problem));
    return err_set(e, ERR_DATA, tr("channel '%s': %s"), c->conf->name, tr(problem));
}

/* A new instance, or the one there is when it would do the same. */
static int channel_take(struct chan **out, struct run *s, const struct service *conf,
                        const struct service_channel *channel, struct diags *diags, struct err *e)
{
    struct chan *old = channel_find(s, channel->name), *c = xmalloc(sizeof *c);
    int rc;

    c->guest.run = s;
    c->service = service_share(conf);
    c->conf = channel;
    rc = channel_load(&c->kind, s->plugins, channel->plugin, e);
    if (rc) {
        diag_add(diags, conf->file, channel->at.line, channel->at.column, DIAG_ERROR, rc, "%s",
                 e->text);
        goto out;
    }
    c->kind = channel_in_mode(s->plugins, c->kind, channel->mode);
    c->settings = channel_settings_read(c->kind, conf, channel, true, diags);
    if (!c->settings) {
        rc = err_set(e, ERR_DATA, tr("channel '%s' cannot be opened"), channel->name);
        goto out;
    }
    if (old && does_the_same(old, c)) {
        *out = old;
        goto out;
    }
    rc = chan_open(s, c, diags, e);
    if (rc)
        goto out;
    *out = c;
    c = NULL;
out:
    if (c)
        chan_free(c);
    return rc;
}

int channels_open(struct chan ***out, struct run *s, const struct service *conf,
                  struct diags *diags, struct err *e)
{
    struct chan **channels = xmalloc((conf->channel_count + 1) * sizeof(struct chan *));
    size_t count = 0;
    int worst = 0;

    for (size_t i = 0; i < conf->channel_count; i++) {
        int rc = channel_take(&channels[count], s, conf, &conf->channels[i], diags, e);
        if (!rc)
            count++;
        else if (worst != ERR_DENIED)
            worst = rc;
    }
    if (worst) {
        channels_drop(s, channels, count);
        return worst;
    }
    *out = channels;
    return 0;
}

static bool holds(struct chan *const *channels, size_t count, const struct chan *c)
{
    for (size_t i = 0; i < count; i++)
        if (channels[i] == c)
            return true;
    return false;
}

void channels_drop(struct run *s, struct chan **channels, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!holds(s->channels, s->channel_count, channels[i]))
            chan_free(channels[i]);
    free(channels);
}

/* What the engine and the campaigns know of the channel goes over to its new instance. */
static void take_place(struct run *s, struct chan *c, const struct chan *old)
{
    size_t at = 0;

    if (!old) {
        for (const struct lane_name *n; (n = map_each(&s->lanes, &at));)
            if (!strcmp(n->channel, c->conf->name))
                c->id = n->channel_id; /* it was here before */
        return;
    }
    c->id = old->id;
    tasks_move(s, old, c);
    reconcile_forget(s, old);
    for (struct running *r; (r = map_each(&s->running, &at));)
        if (r->channel == old)
            r->channel = c;
    if (c->id) /* a person has looked: a key that was refused may be another one now */
        engine_channel_open(s->engine, run_now(s), c->id);
}

void channels_replace(struct run *s, struct chan **channels, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!holds(s->channels, s->channel_count, channels[i]))
            take_place(s, channels[i], channel_find(s, channels[i]->conf->name));
    for (size_t i = 0; i < s->channel_count; i++) {
        if (holds(channels, count, s->channels[i]))
            continue;
        s->channels[i]->retired = true;
        s->channels[i]->next = s->retired;
        s->retired = s->channels[i];
    }
    free(s->channels);
    s->channels = channels;
    s->channel_count = count;
}

static bool in_use(const struct run *s, const struct chan *c)
{
    size_t at = 0;

    if (c->guest.calls)
        return true;
    for (const struct send *x; (x = map_each(&s->sends, &at));)
        if (x->channel == c)
            return true;
    return readings_use(s, c) || compare_uses(s, c) || own_sends_use(s, c);
}

void channels_sweep(struct run *s)
{
    for (struct chan **link = &s->retired; *link;) {
        struct chan *c = *link;
        if (in_use(s, c)) {
            link = &c->next;
            continue;
        }
        *link = c->next;
        log_line(LOG_INFO, "channel", "%s: the instance from before the reload is closed",
                 c->conf->name);
        chan_free(c);
    }
}

void channels_close(struct run *s)
{
    for (size_t i = 0; i < s->channel_count; i++)
        chan_free(s->channels[i]);
    free(s->channels);
    s->channels = NULL;
    s->channel_count = 0;
    while (s->retired) {
        struct chan *c = s->retired;
        s->retired = c->next;
        chan_free(c);
    }
}

void channels_guests(struct run *s, void (*each)(struct guest *g))
{
    for (size_t i = 0; i < s->channel_count; i++)
        each(&s->channels[i]->guest);
    for (struct chan *c = s->retired; c; c = c->next)
        each(&c->guest);
    accounts_guests(s, each);
}

struct chan *channel_find(struct run *s, const char *name)
{
    for (size_t i = 0; i < s->channel_count; i++) {
        if (!strcmp(s->channels[i]->conf->name, name))
            return s->channels[i];
    }
    return NULL;
}

struct chan *channel_by_id(struct run *s, int64_t id)
{
    for (size_t i = 0; i < s->channel_count; i++) {
        if (s->channels[i]->id == id)
            return s->channels[i];
    }
    return NULL;
}
