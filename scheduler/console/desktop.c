/* One notification at a time, replaced in place. The truth is the service's list: each time it may
 * have changed, what is on the screen is brought in line with it (`refresh`). A notification that
 * goes away is no answer. While there is no notification server the service is not asked, so that
 * nobody counts on a screen that shows nothing. */
#include "console/desktop.h"

#include "base/lang.h"
#include "base/text.h"
#include "console/clipboard.h"
#include "console/lock.h"
#include "console/notify.h"
#include "console/outbox.h"
#include "console/session.h"
#include "console/shelf.h"
#include "console/stale.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { DRAIN_MS = 3000, KEY_MAX = 32 };

struct popup {
    struct popup *next; /* desktop.popups */
    struct desktop *desktop;
    int64_t number;
    uint32_t id;              /* 0: not on the screen */
    struct popup_shown shown; /* what it says; empty nonce: nothing yet */
    struct popup_shown asked; /* what it is about to say */
    unsigned serial; /* part of the action keys: a click on what was there before is none */
    bool list;
    bool clicked; /* the server closes it */
    struct notify_call call;
    bool busy; /* the server has not answered yet */
};

struct desktop {
    uv_loop_t loop;
    uv_signal_t signals[3];
    uv_timer_t drain;
    struct bus bus;
    struct notify notify;
    struct lock lock;
    struct session *session;
    struct shelf *shelf;
    struct popup *popups;
    struct notify_call note; /* of a refused answer */
    FILE *err;
    bool quitting, over;
    int exit;
};

static void refresh(struct desktop *d);

static void tell(const struct desktop *d, const char *text)
{
    struct strbuf out = STRBUF_INIT;

    text_safe(&out, text, false);
    fprintf(d->err, "paceline: %s\n", out.text);
    fflush(d->err);
    strbuf_dispose(&out);
}

/* --- one popup --- */

static struct popup *popup_of(struct desktop *d, int64_t number)
{
    struct popup *popup = d->popups;

    while (popup && popup->number != number)
        popup = popup->next;
    if (popup)
        return popup;
    popup = xmalloc(sizeof(*popup));
    popup->desktop = d;
    popup->number = number;
    popup->next = d->popups;
    d->popups = popup;
    return popup;
}

static void on_shown(void *ctx, uint32_t id)
{
    struct popup *popup = ctx;
    struct desktop *d = popup->desktop;
    const struct prompt *p = deck_find(session_deck(d->session), popup->number);

    popup->busy = false;
    popup->id = id;
    if (id == 0) { /* again when the list comes next */
        popup->shown.nonce[0] = '\0';
        return;
    }
    popup->shown = popup->asked;
    popup->clicked = false;
    stale_note(d->notify.owner, id);
    if (p && strcmp(p->nonce, popup->shown.nonce) == 0 && !popup->shown.hidden)
        session_shown(d->session, p);
    refresh(d);
}

static const char *first_picture(const struct prompt *p, const char *const *files)
{
    for (size_t i = 0; i < p->file_count; i++)
        if (files[i] && strcmp(p->files[i].kind, "image") == 0)
            return files[i];
    return NULL;
}

static void send_popup(struct popup *popup, const struct prompt *p, const struct popup_how *how)
{
    struct desktop *d = popup->desktop;
    const struct deck *deck = session_deck(d->session);
    char keys[POPUP_ACTIONS][KEY_MAX];
    const char *key_list[POPUP_ACTIONS], *label_list[POPUP_ACTIONS];
    struct strbuf labels[POPUP_ACTIONS] = {0};
    struct popup_text text;

    popup_write(&text, deck, p, how);
    popup->serial++;
    for (size_t i = 0; i < text.action_count; i++) {
        snprintf(keys[i], KEY_MAX, "%s.%u", popup_word(text.actions[i]), popup->serial);
        popup_label(&labels[i], text.actions[i], deck, p);
        key_list[i] = keys[i];
        label_list[i] = labels[i].text;
    }
    struct notify_text wire = {
        .replaces = popup->id,
        .title = text.title.text,
        .body = text.body.text,
        .keys = key_list,
        .labels = label_list,
        .action_count = text.action_count,
        .urgent = text.urgent,
        .picture = how->hidden ? NULL : first_picture(p, how->files),
    };
    popup->call = (struct notify_call){.shown = on_shown, .ctx = popup};
    popup->busy = notify_show(&d->notify, &popup->call, &wire);
    for (size_t i = 0; i < text.action_count; i++)
        strbuf_dispose(&labels[i]);
    popup_dispose(&text);
}

static void show_if_due(struct desktop *d, const struct prompt *p, size_t more)
{
    struct popup *popup = popup_of(d, p->number);
    const struct deck *deck = session_deck(d->session);

    if (popup->busy || !shelf_ready(d->shelf, p))
        return;
    const char **files = xmalloc((p->file_count + 1) * sizeof(*files));
    for (size_t i = 0; i < p->file_count; i++)
        files[i] = shelf_path(d->shelf, p, i);
    if (popup->shown.nonce[0] && strcmp(popup->shown.nonce, p->nonce) != 0)
        popup->list = false;
    struct popup_how how = {
        .powers = d->notify.powers,
        .hidden = deck_list(deck)->private_when_locked && lock_is_locked(&d->lock),
        .can_copy = clipboard_there(),
        .list = popup->list,
        .more = more,
        .files = files,
    };
    struct popup_shown now = popup_now(deck, p, &how);
    if (!popup->shown.nonce[0] || popup_due(&popup->shown, &now, (instant_t)uv_now(&d->loop))) {
        popup->asked = now;
        send_popup(popup, p, &how);
    }
    free(files);
}

/* --- all of them --- */

static bool wanted(const struct desktop *d, int64_t number)
{
    const struct deck *deck = session_deck(d->session);
    const struct prompt *p = deck_find(deck, number);

    return p && deck_wants(deck, p);
}

static void take_away(struct popup *popup)
{
    struct desktop *d = popup->desktop;

    if (popup->clicked)
        notify_close(&d->notify, popup->id);
    else
        notify_withdraw(&d->notify, popup->id);
    stale_note(NULL, 0);
}

static void close_unwanted(struct desktop *d, bool all)
{
    for (struct popup **at = &d->popups, *popup; (popup = *at);) {
        if (!all && (popup->busy || wanted(d, popup->number))) {
            at = &popup->next; /* a busy one: when its id is known */
            continue;
        }
        if (popup->id != 0)
            take_away(popup);
        notify_forget(&popup->call);
        *at = popup->next;
        free(popup);
    }
}

/* The prompt that is on the screen, or about to be. */
static int64_t in_front(const struct desktop *d)
{
    for (const struct popup *popup = d->popups; popup; popup = popup->next)
        if (popup->busy || popup->id != 0)
            return popup->number;
    return 0;
}

/* One at a time: some servers queue a second one unseen, and a person sends one message at a time.
 */
static void refresh(struct desktop *d)
{
    const struct deck *deck = session_deck(d->session);
    const struct prompt_list *list = deck_list(deck);
    size_t waiting = 0;

    if (!d->notify.there || d->quitting)
        return;
    shelf_keep_only(d->shelf, list);
    close_unwanted(d, false);
    for (size_t i = 0; i < list->count; i++)
        waiting += deck_wants(deck, &list->items[i]);
    for (size_t i = 0; i < list->count; i++) {
        int64_t front = in_front(d);
        if (deck_wants(deck, &list->items[i]) && (!front || front == list->items[i].number))
            show_if_due(d, &list->items[i], waiting - 1);
    }
}

static void on_refresh(void *ctx)
{
    refresh(ctx);
}

/* --- what the server says --- */

static void on_server(void *ctx, bool there)
{
    struct desktop *d = ctx;

    for (struct popup *popup = d->popups; popup; popup = popup->next) {
        popup->id = 0;
        popup->shown.nonce[0] = '\0'; /* shown again by the next server */
        popup->busy = false;
        notify_forget(&popup->call);
    }
    notify_forget(&d->note);
    if (there)
        notify_withdraw(&d->notify, stale_left(d->notify.owner));
    if (!there)
        tell(d, tr("there is no notification server; until there is one, answer in a terminal: "
                   "paceline prompt"));
    else if (!d->notify.powers.actions)
        tell(d, tr("this notification server has no buttons; answer in a terminal: paceline "
                   "prompt"));
    session_listen(d->session, there);
}

static struct popup *popup_by_id(const struct desktop *d, uint32_t id)
{
    struct popup *popup = d->popups;

    while (popup && (id == 0 || popup->id != id))
        popup = popup->next;
    return popup;
}

static void act(struct popup *popup, const struct prompt *p, enum popup_action action)
{
    struct desktop *d = popup->desktop;

    switch (action) {
    case POPUP_SENT:
        session_answer(d->session, p, "sent", NULL);
        break;
    case POPUP_NOT_SENT:
        session_answer(d->session, p, "not-sent", NULL);
        break;
    case POPUP_SKIP:
        session_answer(d->session, p, "skip", NULL);
        break;
    case POPUP_NOT_YET:
        deck_not_yet(session_deck(d->session), p->nonce);
        break;
    case POPUP_SNOOZE:
        session_snooze(d->session, p);
        break;
    case POPUP_COPY:
        if (p->text && !clipboard_copy(&d->loop, p->text))
            tell(d, tr("no clipboard"));
        popup->shown.nonce[0] = '\0'; /* most servers close it at any click */
        break;
    case POPUP_LIST:
        popup->list = true;
        break;
    case POPUP_ACTIONS:
        break;
    }
}

static void on_action(void *ctx, uint32_t id, const char *key)
{
    struct desktop *d = ctx;
    struct popup *popup = popup_by_id(d, id);
    const struct deck *deck = session_deck(d->session);
    char word[KEY_MAX];
    unsigned serial;
    enum popup_action action;

    if (!popup || popup->busy || !popup->shown.up)
        return;
    const struct prompt *p = deck_find(deck, popup->number);
    if (sscanf(key, "%15[a-z-].%u", word, &serial) != 2 || serial != popup->serial ||
        !popup_action(&action, word))
        return;
    popup->clicked = true;
    if (p && deck_wants(deck, p) && strcmp(p->nonce, popup->shown.nonce) == 0)
        act(popup, p, action);
    refresh(d);
}

static void on_closed(void *ctx, uint32_t id)
{
    struct desktop *d = ctx;
    struct popup *popup = popup_by_id(d, id);

    if (!popup || popup->busy)
        return;
    popup->id = 0;
    popup->shown.up = false;
    popup->shown.closed_at = (instant_t)uv_now(&d->loop);
    stale_note(NULL, 0);
    refresh(d); /* another one may wait */
}

static const struct notify_hooks notify_hooks = {on_server, on_action, on_closed};

/* --- the session, and the end --- */

static void stop(struct desktop *d)
{
    if (d->over)
        return;
    d->over = d->quitting = true;
    close_unwanted(d, true);
    notify_forget(&d->note);
    shelf_free(d->shelf);
    session_close(d->session);
    bus_close(&d->bus);
    lock_dispose(&d->lock);
    notify_dispose(&d->notify);
    uv_close((uv_handle_t *)&d->drain, NULL);
    for (size_t i = 0; i < sizeof(d->signals) / sizeof(d->signals[0]); i++)
        uv_close((uv_handle_t *)&d->signals[i], NULL);
}

static void on_drained(uv_timer_t *timer)
{
    stop(timer->data);
}

/* Not at once: this may be a call from inside of what is closed. */
static void quit(struct desktop *d, int code, const char *message, unsigned patience_ms)
{
    if (d->quitting)
        return;
    d->quitting = true;
    d->exit = code;
    if (message)
        tell(d, message);
    session_listen(d->session, false);
    uv_timer_start(&d->drain, on_drained, patience_ms, 0);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct desktop *d = handle->data;

    (void)number;
    quit(d, 0, NULL, session_pending(d->session) > 0 ? DRAIN_MS : 0);
}

static void on_lost(void *ctx)
{
    quit(ctx, err_exit_code(ERR_UNREACHABLE),
         tr("the session bus is gone; answer in a terminal instead: paceline prompt"), DRAIN_MS);
}

static void on_trouble(void *ctx, const char *message)
{
    tell(ctx, message ? message : tr("the service answers again"));
}

static void on_noted(void *ctx, uint32_t id)
{
    (void)ctx;
    (void)id;
}

static void on_refused(void *ctx, const char *message)
{
    struct desktop *d = ctx;
    struct strbuf safe = STRBUF_INIT, body = STRBUF_INIT;

    tell(d, message);
    text_safe(&safe, message, false);
    if (d->notify.powers.markup)
        popup_escape(&body, safe.text);
    struct notify_text text = {
        .title = tr("The answer was not taken"),
        .body = d->notify.powers.markup ? body.text : safe.text,
        .transient = true,
        .expires_ms = -1,
    };
    notify_forget(&d->note);
    d->note = (struct notify_call){.shown = on_noted};
    notify_show(&d->notify, &d->note, &text);
    strbuf_dispose(&safe);
    strbuf_dispose(&body);
}

static void on_settled(void *ctx)
{
    struct desktop *d = ctx;

    if (d->quitting && session_pending(d->session) == 0)
        uv_timer_start(&d->drain, on_drained, 0, 0);
}

static void on_denied(void *ctx, int code, const char *message)
{
    quit(ctx, code, message, 0);
}

static const struct session_hooks session_hooks = {on_refresh, on_trouble, on_refused, on_settled,
                                                   on_denied};

int desktop_run(const char *socket_path, FILE *err)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    struct desktop d = {.err = err};
    struct err e;

    signal(SIGPIPE, SIG_IGN); /* a clipboard helper that died */
    uv_loop_init(&d.loop);
    int rc = bus_open(&d.bus, &d.loop, on_lost, &d, &e);
    if (rc) {
        tell(&d, e.text);
        uv_loop_close(&d.loop);
        return err_exit_code(rc);
    }
    char *dir = outbox_dir();
    d.session = session_new(&d.loop, socket_path, "desktop", dir, &session_hooks, &d);
    d.shelf = shelf_new(session_link(d.session), on_refresh, &d);
    uv_timer_init(&d.loop, &d.drain);
    d.drain.data = &d;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        uv_signal_init(&d.loop, &d.signals[i]);
        d.signals[i].data = &d;
        uv_signal_start(&d.signals[i], on_signal, numbers[i]);
    }
    lock_init(&d.lock, &d.bus, on_refresh, &d);
    rc = notify_init(&d.notify, &d.bus, &notify_hooks, &d, &e);
    if (rc)
        quit(&d, err_exit_code(rc), e.text, 0);
    uv_run(&d.loop, UV_RUN_DEFAULT);
    uv_loop_close(&d.loop);
    free(dir);
    return d.exit;
}
