#include "console/screen.h"

#include "base/lang.h"
#include "base/text.h"
#include "console/words.h"

#include <string.h>

enum { NAMES_IN_LIST = 3, NAMES_IN_FRONT = 6 };

/* One line of our own, cut between characters where the terminal would break it. */
static void put_line(struct strbuf *out, const char *line, const char *paint,
                     const struct screen *s)
{
    struct strbuf cut = STRBUF_INIT;
    size_t length;

    strbuf_puts(&cut, line);
    length = cut.length;
    while (text_columns(cut.text) > s->columns && length > 0) {
        do
            length--;
        while (length > 0 && ((unsigned char)cut.text[length] & 0xC0) == 0x80);
        cut.text[length] = '\0';
    }
    bool painted = s->color && paint;
    strbuf_printf(out, "%s%s%s\n", painted ? paint : "", cut.text, painted ? "\033[0m" : "");
    strbuf_dispose(&cut);
}

static void flush_line(struct strbuf *out, struct strbuf *line, const char *paint,
                       const struct screen *s)
{
    put_line(out, line->text ? line->text : "", paint, s);
    strbuf_reset(line);
}

static void draw_head(struct strbuf *out, struct strbuf *line, const struct screen *s)
{
    const struct prompt_list *list = deck_list(s->deck);

    if (list->count == 0)
        strbuf_puts(line, tr("Nothing waits to be sent by hand."));
    else
        strbuf_printf(line, tr("To be sent by hand: %zu"), list->count);
    if (list->halted)
        strbuf_printf(line, "  %s", tr("HALTED"));
    flush_line(out, line, "\033[1m", s);
}

/* One prompt of the list: number, sender, recipients, title. */
static void put_row(struct strbuf *line, const struct deck *deck, const struct prompt *p)
{
    strbuf_printf(line, "%lld  ", (long long)p->number);
    text_safe(line, p->sender, false);
    strbuf_puts(line, " → ");
    words_recipients(line, deck, p, NAMES_IN_LIST);
    strbuf_puts(line, "  ");
    text_safe(line, p->title, false);
    if (p->test)
        strbuf_printf(line, "  %s", tr("TEST"));
    if (p->snoozed_until > deck_list(deck)->now) {
        strbuf_puts(line, "  ");
        struct strbuf clock = STRBUF_INIT;
        words_clock(&clock, p->snoozed_text, deck_list(deck)->now_text);
        strbuf_printf(line, tr("snoozed until %s"), clock.text);
        strbuf_dispose(&clock);
    }
}

static void draw_list(struct strbuf *out, struct strbuf *line, const struct screen *s)
{
    const struct prompt_list *list = deck_list(s->deck);

    for (size_t i = 0; i < list->count; i++) {
        strbuf_puts(line, list->items[i].number == s->current ? "> " : "  ");
        put_row(line, s->deck, &list->items[i]);
        flush_line(out, line, NULL, s);
    }
}

static void draw_what(struct strbuf *out, struct strbuf *line, const struct screen *s,
                      const struct prompt *p)
{
    const char *now = deck_list(s->deck)->now_text;
    enum question question = deck_question(s->deck, p);

    text_safe(line, p->title, false);
    strbuf_puts(line, " (");
    text_safe(line, p->campaign, false);
    strbuf_puts(line, p->test ? ")  " : ")");
    strbuf_puts(line, p->test ? tr("TEST") : "");
    flush_line(out, line, "\033[1m", s);
    strbuf_printf(line, "%s ", tr("from:"));
    text_safe(line, p->sender, false);
    flush_line(out, line, NULL, s);
    strbuf_printf(line, "%s ", tr("to:"));
    words_recipients(line, s->deck, p, NAMES_IN_FRONT);
    flush_line(out, line, NULL, s);
    words_times(line, p, now);
    flush_line(out, line, NULL, s);
    if (question != QUESTION_SEND) {
        words_question(line, question, p, now);
        flush_line(out, line, "\033[1;33m", s);
    }
}

static const char *mark(const struct screen *s, const struct prompt *p, size_t i)
{
    if (!deck_open(s->deck, p, &p->recipients[i]))
        return " - ";
    return s->ticks[i] ? "[x]" : "[ ]";
}

static void draw_ticks(struct strbuf *out, struct strbuf *line, const struct screen *s,
                       const struct prompt *p)
{
    if (p->recipient_count < 2)
        return;
    put_line(out, "", NULL, s);
    for (size_t i = 0; i < p->recipient_count && i < SCREEN_TICKS_MAX; i++) {
        strbuf_printf(line, "%s %zu ", mark(s, p, i), i + 1);
        text_safe(line, p->recipients[i].name, false);
        flush_line(out, line, NULL, s);
    }
}

/* Long lines are left to the terminal: cut or broken by us they could not be copied. */
static void draw_text(struct strbuf *out, struct strbuf *line, const struct screen *s,
                      const struct prompt *p)
{
    put_line(out, "", NULL, s);
    if (p->text) {
        bool marked = words_text(out, p);
        strbuf_puts(out, "\n\n");
        if (marked)
            put_line(out, tr("(the message has invisible characters, shown as �)"), NULL, s);
    }
    for (size_t i = 0; i < p->file_count; i++) {
        if (s->files && s->files[i]) {
            text_safe(out, s->files[i], false); /* whole: it is to be copied too */
            strbuf_puts(out, "\n");
            continue;
        }
        text_safe(line, p->files[i].name, false);
        strbuf_printf(line, " %s",
                      s->files_come ? tr("(is being fetched)") : tr("(could not be fetched)"));
        flush_line(out, line, NULL, s);
    }
    if (p->file_count > 0)
        put_line(out, "", NULL, s);
}

static size_t ticked(const struct screen *s, const struct prompt *p)
{
    size_t count = 0;

    for (size_t i = 0; i < p->recipient_count && i < SCREEN_TICKS_MAX; i++)
        count += s->ticks[i] && deck_open(s->deck, p, &p->recipients[i]);
    return count;
}

/* As many on a line as fit: a key that cannot be seen is no key. */
static void add_key(struct strbuf *out, struct strbuf *line, const struct screen *s,
                    const char *key, const char *does, const char *more)
{
    size_t columns = text_columns(key) + 1 + text_columns(does) + text_columns(more);

    if (line->length > 0 && text_columns(line->text) + 3 + columns > s->columns)
        flush_line(out, line, NULL, s);
    strbuf_printf(line, "%s%s %s%s", line->length > 0 ? "   " : "", key, does, more);
}

/* ` (2 ticked)` */
static void put_scope(struct strbuf *out, const struct screen *s, const struct prompt *p)
{
    size_t some = ticked(s, p);

    strbuf_puts(out, "");
    if (p->recipient_count > 1 && some > 0)
        strbuf_printf(out, tr(" (%zu ticked)"), some);
    else if (p->recipient_count > 1)
        strbuf_printf(out, tr(" (all %zu)"), deck_open_count(s->deck, p));
}

static void draw_answers(struct strbuf *out, struct strbuf *line, const struct screen *s,
                         const struct prompt *p)
{
    struct strbuf scope = STRBUF_INIT;

    if (deck_question(s->deck, p) != QUESTION_SEND) {
        add_key(out, line, s, "y", tr("yes, it was sent"), "");
        add_key(out, line, s, "t", tr("not yet: I send it now"), "");
        add_key(out, line, s, "z", tr("in 10 minutes"), "");
        return;
    }
    put_scope(&scope, s, p);
    add_key(out, line, s, "s", tr("sent"), scope.text);
    add_key(out, line, s, "n", tr("not sent"), "");
    add_key(out, line, s, "z", tr("in 10 minutes"), "");
    add_key(out, line, s, "k", tr("skip"), "");
    if (s->can_copy && p->text)
        add_key(out, line, s, "c", tr("copy"), "");
    strbuf_dispose(&scope);
}

static void draw_keys(struct strbuf *out, struct strbuf *line, const struct screen *s,
                      const struct prompt *p)
{
    if (p)
        draw_answers(out, line, s, p);
    if (deck_list(s->deck)->count > 1)
        add_key(out, line, s, "Tab", tr("next"), "");
    add_key(out, line, s, "q", tr("quit"), "");
    flush_line(out, line, NULL, s);
    if (!p || p->recipient_count < 2 || deck_question(s->deck, p) != QUESTION_SEND)
        return;
    strbuf_puts(line, p->recipient_count > 9
                          ? tr("a number and Space tick, Enter: those ticked were sent")
                          : tr("a number ticks, Enter: those ticked were sent"));
    if (s->typed > 0)
        strbuf_printf(line, "  %zu_", s->typed);
    flush_line(out, line, NULL, s);
}

void screen_draw(struct strbuf *out, const struct screen *s)
{
    const struct prompt *p = s->current ? deck_find(s->deck, s->current) : NULL;
    struct strbuf line = STRBUF_INIT;

    draw_head(out, &line, s);
    draw_list(out, &line, s);
    put_line(out, "", NULL, s);
    if (p) {
        draw_what(out, &line, s, p);
        draw_ticks(out, &line, s, p);
        draw_text(out, &line, s, p);
    }
    draw_keys(out, &line, s, p);
    if (s->status) {
        text_safe(&line, s->status, false);
        flush_line(out, &line, NULL, s);
    }
    strbuf_dispose(&line);
}

void screen_list(struct strbuf *out, const struct deck *deck)
{
    const struct prompt_list *list = deck_list(deck);

    if (list->count == 0)
        strbuf_printf(out, "%s\n", tr("Nothing waits to be sent by hand."));
    for (size_t i = 0; i < list->count; i++) {
        const struct prompt *p = &list->items[i];
        put_row(out, deck, p);
        strbuf_puts(out, "  ");
        words_times(out, p, list->now_text);
        strbuf_putc(out, '\n');
    }
}

int64_t screen_choose(const struct deck *deck, int64_t current)
{
    const struct prompt_list *list = deck_list(deck);
    const struct prompt *p = current ? deck_find(deck, current) : NULL;

    if (p && deck_wants(deck, p))
        return current;
    for (size_t i = 0; i < list->count; i++)
        if (deck_wants(deck, &list->items[i]))
            return list->items[i].number;
    return 0;
}

int64_t screen_next(const struct deck *deck, int64_t current)
{
    const struct prompt_list *list = deck_list(deck);
    size_t at = 0;

    while (at < list->count && list->items[at].number != current)
        at++;
    for (size_t i = 1; i <= list->count; i++) {
        const struct prompt *p = &list->items[(at + i) % list->count];
        if (deck_wants(deck, p))
            return p->number;
    }
    return current;
}

bool screen_type(size_t *typed, int digit, size_t count)
{
    *typed = *typed * 10 + (size_t)digit;
    if (*typed > count)
        *typed = 0;
    return *typed > 0 && *typed * 10 > count;
}
