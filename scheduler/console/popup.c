#include "console/popup.h"

#include "base/lang.h"
#include "base/text.h"
#include "console/words.h"

#include <string.h>

enum { NAMES = 4 };

void popup_escape(struct strbuf *out, const char *text)
{
    strbuf_add(out, "", 0);
    for (; *text; text++) {
        switch (*text) {
        case '&':
            strbuf_puts(out, "&amp;");
            break;
        case '<':
            strbuf_puts(out, "&lt;");
            break;
        case '>':
            strbuf_puts(out, "&gt;");
            break;
        case '"':
            strbuf_puts(out, "&quot;");
            break;
        case '\'':
            strbuf_puts(out, "&#39;");
            break;
        default:
            strbuf_putc(out, *text);
        }
    }
}

static void put_terminal_hint(struct strbuf *body)
{
    strbuf_printf(body, "\n%s", tr("Answer in a terminal: paceline prompt"));
}

/* Cut between characters; the clipboard and the terminal have it whole. */
static void put_message(struct strbuf *body, const struct prompt *p)
{
    struct strbuf text = STRBUF_INIT;
    bool marked = words_text(&text, p);

    if (text.length > POPUP_BODY_MAX) {
        size_t length = POPUP_BODY_MAX;
        while (((unsigned char)text.text[length] & 0xC0) == 0x80)
            length--;
        strbuf_printf(body, "\n%.*s…\n%s", (int)length, text.text,
                      tr("(the whole message: copy it, or paceline prompt)"));
    } else if (text.length > 0) {
        strbuf_printf(body, "\n%s", text.text);
    }
    if (marked)
        strbuf_printf(body, "\n%s", tr("(the message has invisible characters, shown as �)"));
    strbuf_dispose(&text);
}

static void put_files(struct strbuf *body, const struct prompt *p, const struct popup_how *how)
{
    for (size_t i = 0; i < p->file_count; i++) {
        strbuf_puts(body, i == 0 ? "\n\n" : "\n");
        if (how->files && how->files[i]) {
            text_safe(body, how->files[i], false);
            continue;
        }
        text_safe(body, p->files[i].name, false);
        strbuf_printf(body, " %s", tr("(could not be fetched)"));
    }
}

static void put_body(struct strbuf *body, const struct deck *d, const struct prompt *p,
                     const struct popup_how *how)
{
    const char *now = deck_list(d)->now_text;
    enum question question = deck_question(d, p);

    if (question != QUESTION_SEND) {
        words_question(body, question, p, now);
        strbuf_putc(body, '\n');
    }
    strbuf_printf(body, "%s ", tr("to:"));
    words_recipients(body, d, p, how->list ? p->recipient_count : NAMES);
    strbuf_putc(body, '\n');
    text_safe(body, p->title, false);
    strbuf_puts(body, " · ");
    words_times(body, p, now);
    if (how->more > 0)
        strbuf_printf(body, tr(", %zu more after this one"), how->more);
    strbuf_putc(body, '\n');
    put_message(body, p);
    put_files(body, p, how);
    if (how->list)
        strbuf_printf(body, "\n%s", tr("One by one: paceline prompt, in a terminal"));
}

static void add(struct popup_text *out, enum popup_action action)
{
    out->actions[out->action_count++] = action;
}

static void put_actions(struct popup_text *out, const struct deck *d, const struct prompt *p,
                        const struct popup_how *how)
{
    bool plain = deck_question(d, p) == QUESTION_SEND;

    if (!how->powers.actions || how->hidden)
        return;
    add(out, POPUP_SENT);
    add(out, plain ? POPUP_NOT_SENT : POPUP_NOT_YET);
    if (plain && p->recipient_count > 1 && !how->list)
        add(out, POPUP_LIST);
    add(out, POPUP_SNOOZE);
    if (plain)
        add(out, POPUP_SKIP);
    if (plain && how->can_copy && p->text)
        add(out, POPUP_COPY);
}

void popup_write(struct popup_text *out, const struct deck *d, const struct prompt *p,
                 const struct popup_how *how)
{
    struct strbuf body = STRBUF_INIT;

    *out = (struct popup_text){.title = STRBUF_INIT, .body = STRBUF_INIT};
    out->urgent = p->reminders_used > 0;
    strbuf_puts(&out->title, p->test ? tr("TEST") : "");
    strbuf_puts(&out->title, p->test ? " " : "");
    strbuf_puts(&out->title, tr("To be sent by hand"));
    if (how->hidden) {
        strbuf_puts(&body, tr("Unlock the screen to see the message."));
    } else {
        strbuf_puts(&out->title, ": ");
        text_safe(&out->title, p->sender, false);
        put_body(&body, d, p, how);
    }
    put_actions(out, d, p, how);
    if (!how->powers.actions)
        put_terminal_hint(&body);
    if (how->powers.markup)
        popup_escape(&out->body, body.text);
    else
        strbuf_puts(&out->body, body.text);
    strbuf_dispose(&body);
}

void popup_dispose(struct popup_text *text)
{
    strbuf_dispose(&text->title);
    strbuf_dispose(&text->body);
}

static const char *const words[POPUP_ACTIONS] = {
    [POPUP_SENT] = "sent",     [POPUP_NOT_SENT] = "not-sent", [POPUP_NOT_YET] = "not-yet",
    [POPUP_SNOOZE] = "snooze", [POPUP_SKIP] = "skip",         [POPUP_COPY] = "copy",
    [POPUP_LIST] = "list",
};

const char *popup_word(enum popup_action action)
{
    return words[action];
}

bool popup_action(enum popup_action *out, const char *word)
{
    for (int i = 0; i < POPUP_ACTIONS; i++) {
        if (strcmp(words[i], word) != 0)
            continue;
        *out = (enum popup_action)i;
        return true;
    }
    return false;
}

void popup_label(struct strbuf *out, enum popup_action action, const struct deck *d,
                 const struct prompt *p)
{
    bool plain = deck_question(d, p) == QUESTION_SEND;

    strbuf_reset(out);
    switch (action) {
    case POPUP_SENT:
        strbuf_puts(out, plain ? tr("sent") : tr("yes, it was sent"));
        if (p->recipient_count > 1)
            strbuf_printf(out, tr(" (all %zu)"), deck_open_count(d, p));
        break;
    case POPUP_NOT_SENT:
        strbuf_puts(out, tr("not sent"));
        break;
    case POPUP_NOT_YET:
        strbuf_puts(out, tr("not yet: I send it now"));
        break;
    case POPUP_SNOOZE:
        strbuf_puts(out, tr("in 10 minutes"));
        break;
    case POPUP_SKIP:
        strbuf_puts(out, tr("skip"));
        break;
    case POPUP_COPY:
        strbuf_puts(out, tr("copy"));
        break;
    case POPUP_LIST:
        strbuf_puts(out, tr("open list"));
        break;
    case POPUP_ACTIONS:
        break;
    }
}

struct popup_shown popup_now(const struct deck *d, const struct prompt *p,
                             const struct popup_how *how)
{
    struct popup_shown now = {
        .question = deck_question(d, p),
        .reminders_used = p->reminders_used,
        .open = deck_open_count(d, p),
        .more = how->more,
        .hidden = how->hidden,
        .list = how->list,
        .up = true,
    };

    strncpy(now.nonce, p->nonce, PROMPT_NONCE_MAX);
    return now;
}

bool popup_due(const struct popup_shown *last, const struct popup_shown *now, instant_t clock)
{
    if (strcmp(last->nonce, now->nonce) != 0 || last->question != now->question ||
        last->reminders_used != now->reminders_used || last->list != now->list)
        return true;
    if (!last->up)
        return clock - last->closed_at >= POPUP_AGAIN_MS;
    return last->open != now->open || last->more != now->more || last->hidden != now->hidden;
}
