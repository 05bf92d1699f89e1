#include "console/lock.h"

#include "base/arena.h"
#include "base/strbuf.h"

#include <stdlib.h>
#include <string.h>

static bool from_saver(const struct lock_saver *s, sd_bus_message *m)
{
    const char *sender = sd_bus_message_get_sender(m);

    return s->owner && sender && strcmp(sender, s->owner) == 0;
}

static int on_active(sd_bus_message *m, void *arg, sd_bus_error *error)
{
    struct lock_saver *s = arg;
    int active;

    (void)error;
    if (!from_saver(s, m) || sd_bus_message_is_method_error(m, NULL) ||
        sd_bus_message_read(m, "b", &active) < 0)
        return 0;
    s->active = active != 0;
    s->lock->changed(s->lock->ctx);
    return 0;
}

static void set_owner(struct lock_saver *s, const char *owner)
{
    free(s->owner);
    s->owner = owner[0] ? xstrdup(owner) : NULL;
    s->active = true; /* until it has said */
    if (s->owner)
        sd_bus_call_method_async(s->lock->bus->sd, NULL, s->owner, s->path, s->name, "GetActive",
                                 on_active, s, NULL);
    s->lock->changed(s->lock->ctx);
}

static int on_owner_changed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
    const char *name, *old, *owner;

    (void)error;
    if (sd_bus_message_read(m, "sss", &name, &old, &owner) >= 0)
        set_owner(arg, owner);
    return 0;
}

static int on_owner(sd_bus_message *m, void *arg, sd_bus_error *error)
{
    struct lock_saver *s = arg;
    const char *owner;

    (void)error;
    if (!s->owner && !sd_bus_message_is_method_error(m, NULL) &&
        sd_bus_message_read(m, "s", &owner) >= 0)
        set_owner(s, owner);
    return 0;
}

static void watch(struct lock_saver *s)
{
    sd_bus *sd = s->lock->bus->sd;
    struct strbuf match = STRBUF_INIT;

    strbuf_printf(&match,
                  "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
                  "member='NameOwnerChanged',arg0='%s'",
                  s->name);
    sd_bus_add_match_async(sd, NULL, match.text, on_owner_changed, NULL, s);
    sd_bus_match_signal_async(sd, NULL, s->name, s->path, s->name, "ActiveChanged", on_active, NULL,
                              s);
    sd_bus_call_method_async(sd, NULL, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                             "org.freedesktop.DBus", "GetNameOwner", on_owner, s, "s", s->name);
    strbuf_dispose(&match);
}

void lock_init(struct lock *l, struct bus *bus, void (*changed)(void *ctx), void *ctx)
{
    static const char *const savers[LOCK_SAVERS][2] = {
        {"org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver"},
        {"org.gnome.ScreenSaver", "/org/gnome/ScreenSaver"},
    };

    *l = (struct lock){.bus = bus, .changed = changed, .ctx = ctx};
    for (size_t i = 0; i < LOCK_SAVERS; i++) {
        l->savers[i] = (struct lock_saver){.lock = l, .name = savers[i][0], .path = savers[i][1]};
        watch(&l->savers[i]);
    }
}

void lock_dispose(struct lock *l)
{
    for (size_t i = 0; i < LOCK_SAVERS; i++)
        free(l->savers[i].owner);
}

bool lock_is_locked(const struct lock *l)
{
    bool told = false;

    for (size_t i = 0; i < LOCK_SAVERS; i++) {
        const struct lock_saver *s = &l->savers[i];
        if (s->owner && s->active)
            return true;
        told = told || s->owner;
    }
    return !told;
}
