#include "console/notify.h"

#include "base/arena.h"
#include "base/lang.h"

#include <stdlib.h>
#include <string.h>

#define NAME "org.freedesktop.Notifications"
#define PATH "/org/freedesktop/Notifications"
#define DRIVER "org.freedesktop.DBus"
#define DRIVER_PATH "/org/freedesktop/DBus"

enum { WITHDRAWN_MS = 100 };

static int on_owner_changed(sd_bus_message *m, void *arg, sd_bus_error *error);
static int on_owner(sd_bus_message *m, void *arg, sd_bus_error *error);
static int on_information(sd_bus_message *m, void *arg, sd_bus_error *error);
static int on_capabilities(sd_bus_message *m, void *arg, sd_bus_error *error);
static int on_action(sd_bus_message *m, void *arg, sd_bus_error *error);
static int on_closed(sd_bus_message *m, void *arg, sd_bus_error *error);

int notify_init(struct notify *n, struct bus *bus, const struct notify_hooks *hooks, void *ctx,
                struct err *e)
{
    sd_bus *sd = bus->sd;

    *n = (struct notify){.bus = bus, .hooks = hooks, .ctx = ctx};
    int rc = sd_bus_match_signal(sd, NULL, NAME, PATH, NAME, "ActionInvoked", on_action, n);
    if (rc >= 0)
        rc = sd_bus_match_signal(sd, NULL, NAME, PATH, NAME, "NotificationClosed", on_closed, n);
    if (rc >= 0)
        rc = sd_bus_add_match(sd, NULL,
                              "type='signal',sender='" DRIVER "',interface='" DRIVER
                              "',member='NameOwnerChanged',arg0='" NAME "'",
                              on_owner_changed, n);
    if (rc >= 0)
        rc = sd_bus_call_method_async(sd, NULL, DRIVER, DRIVER_PATH, DRIVER, "GetNameOwner",
                                      on_owner, n, "s", NAME);
    if (rc < 0)
        return err_set(e, ERR_UNREACHABLE, tr("the session bus cannot be used: %s"), strerror(-rc));
    return 0;
}

void notify_dispose(struct notify *n)
{
    free(n->owner);
    n->owner = NULL;
}

/* --- which server --- */

static void set_owner(struct notify *n, const char *owner)
{
    bool was_there = n->there;

    free(n->owner);
    n->owner = owner[0] ? xstrdup(owner) : NULL;
    n->there = false;
    if (was_there || !n->owner)
        n->hooks->server(n->ctx, false);
    if (n->owner)
        sd_bus_call_method_async(n->bus->sd, NULL, n->owner, PATH, NAME, "GetServerInformation",
                                 on_information, n, NULL);
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
    struct notify *n = arg;
    const char *owner = "";

    (void)error;
    if (n->owner) /* a change was quicker than the answer */
        return 0;
    if (!sd_bus_message_is_method_error(m, NULL))
        sd_bus_message_read(m, "s", &owner);
    set_owner(n, owner);
    if (!n->owner)
        sd_bus_call_method_async(n->bus->sd, NULL, DRIVER, DRIVER_PATH, DRIVER,
                                 "StartServiceByName", NULL, NULL, "su", NAME, 0);
    return 0;
}

static bool from_server(const struct notify *n, sd_bus_message *m)
{
    const char *sender = sd_bus_message_get_sender(m);

    return n->owner && sender && strcmp(sender, n->owner) == 0;
}

/* `image-path` is called so since 1.2; 1.1 wrote it with an underscore; before, there was none. */
static int on_information(sd_bus_message *m, void *arg, sd_bus_error *error)
{
    struct notify *n = arg;
    const char *name, *vendor, *version, *spec = "1.2";

    (void)error;
    if (!from_server(n, m))
        return 0;
    if (!sd_bus_message_is_method_error(m, NULL))
        sd_bus_message_read(m, "ssss", &name, &vendor, &version, &spec);
    n->picture = strcmp(spec, "1.0") == 0   ? NULL
                 : strcmp(spec, "1.1") == 0 ? "image_path"
                                            : "image-path";
    sd_bus_call_method_async(n->bus->sd, NULL, n->owner, PATH, NAME, "GetCapabilities",
                             on_capabilities, n, NULL);
    return 0;
}

static int on_capabilities(sd_bus_message *m, void *arg, sd_bus_error *error)
{
    struct notify *n = arg;
    const char *word;

    (void)error;
    if (!from_server(n, m))
        return 0;
    n->powers = (struct popup_powers){0};
    if (!sd_bus_message_is_method_error(m, NULL) &&
        sd_bus_message_enter_container(m, SD_BUS_TYPE_ARRAY, "s") >= 0)
        while (sd_bus_message_read(m, "s", &word) > 0) {
            n->powers.body |= strcmp(word, "body") == 0;
            n->powers.markup |= strcmp(word, "body-markup") == 0;
            n->powers.actions |= strcmp(word, "actions") == 0;
            n->powers.images |= strcmp(word, "icon-static") == 0;
        }
    n->powers.images = n->powers.images && n->picture;
    n->there = true;
    n->hooks->server(n->ctx, true);
    return 0;
}

/* --- what it says --- */

static int on_action(sd_bus_message *m, void *arg, sd_bus_error *error)
{
    struct notify *n = arg;
    uint32_t id;
    const char *key;

    (void)error;
    if (n->there && from_server(n, m) && sd_bus_message_read(m, "us", &id, &key) >= 0)
        n->hooks->action(n->ctx, id, key);
    return 0;
}

static int on_closed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
    struct notify *n = arg;
    uint32_t id, reason;

    (void)error;
    if (n->there && from_server(n, m) && sd_bus_message_read(m, "uu", &id, &reason) >= 0)
        n->hooks->closed(n->ctx, id);
    return 0;
}

/* --- what it is told --- */

static int on_shown(sd_bus_message *m, void *arg, sd_bus_error *error)
{
    struct notify_call *call = arg;
    uint32_t id = 0;

    (void)error;
    call->slot = sd_bus_slot_unref(call->slot);
    if (!sd_bus_message_is_method_error(m, NULL) && from_server(call->notify, m))
        sd_bus_message_read(m, "u", &id);
    call->shown(call->ctx, id);
    return 0;
}

static int put_actions(sd_bus_message *m, const struct notify_text *text)
{
    int rc = sd_bus_message_open_container(m, SD_BUS_TYPE_ARRAY, "s");

    for (size_t i = 0; rc >= 0 && i < text->action_count; i++)
        rc = sd_bus_message_append(m, "ss", text->keys[i], text->labels[i]);
    return rc < 0 ? rc : sd_bus_message_close_container(m);
}

static int put_hints(sd_bus_message *m, const struct notify *n, const struct notify_text *text)
{
    int rc = sd_bus_message_open_container(m, SD_BUS_TYPE_ARRAY, "{sv}");

    if (rc >= 0)
        rc = sd_bus_message_append(m, "{sv}", "urgency", "y", text->urgent ? 2 : 1);
    if (rc >= 0)
        rc = sd_bus_message_append(m, "{sv}", "category", "s", "im");
    if (rc >= 0 && text->transient)
        rc = sd_bus_message_append(m, "{sv}", "transient", "b", 1);
    if (rc >= 0 && text->picture && n->powers.images)
        rc = sd_bus_message_append(m, "{sv}", n->picture, "s", text->picture);
    return rc < 0 ? rc : sd_bus_message_close_container(m);
}

static int notify(struct notify *n, const struct notify_text *text, sd_bus_slot **slot,
                  struct notify_call *call)
{
    sd_bus_message *m = NULL;
    int rc = n->there
                 ? sd_bus_message_new_method_call(n->bus->sd, &m, n->owner, PATH, NAME, "Notify")
                 : -1;

    if (rc >= 0)
        rc = sd_bus_message_append(m, "susss", "Paceline", text->replaces, "mail-send", text->title,
                                   n->powers.body ? text->body : "");
    if (rc >= 0)
        rc = put_actions(m, text);
    if (rc >= 0)
        rc = put_hints(m, n, text);
    if (rc >= 0)
        rc = sd_bus_message_append(m, "i", text->expires_ms);
    if (rc >= 0)
        rc = sd_bus_call_async(n->bus->sd, slot, m, call ? on_shown : NULL, call, 0);
    sd_bus_message_unref(m);
    return rc;
}

bool notify_show(struct notify *n, struct notify_call *call, const struct notify_text *text)
{
    call->notify = n;
    return notify(n, text, &call->slot, call) >= 0;
}

void notify_forget(struct notify_call *call)
{
    call->slot = sd_bus_slot_unref(call->slot);
}

void notify_close(struct notify *n, uint32_t id)
{
    if (n->there && id != 0)
        sd_bus_call_method_async(n->bus->sd, NULL, n->owner, PATH, NAME, "CloseNotification", NULL,
                                 NULL, "u", id);
}

void notify_withdraw(struct notify *n, uint32_t id)
{
    struct notify_text text = {
        .replaces = id,
        .title = tr("To be sent by hand"),
        .body = tr("no longer"),
        .transient = true,
        .expires_ms = WITHDRAWN_MS,
    };

    if (id != 0)
        notify(n, &text, NULL, NULL);
}
