/* The whole picture is drawn again when something changed, from the top of the screen; what was on
 * the terminal before has been scrolled away, not erased. No alternate screen: a message that is
 * longer than the screen can be scrolled back to and copied. */
#include "console/terminal.h"

#include "base/lang.h"
#include "base/text.h"
#include "console/clipboard.h"
#include "console/outbox.h"
#include "console/screen.h"
#include "console/session.h"
#include "console/shelf.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DRAIN_MS = 3000, LIST_TIMEOUT_MS = 15000, CTRL_C = 3, CTRL_D = 4, CTRL_L = 12, CTRL_Z = 26 };

enum escape { ESCAPE_NONE, ESCAPE_BEGUN, ESCAPE_SEQUENCE };

struct terminal {
    const struct terminal_options *options;
    uv_loop_t loop;
    uv_tty_t tty;
    uv_signal_t signals[4];
    uv_timer_t drain;
    struct session *session;
    struct shelf *shelf;
    int64_t current;
    char front_nonce[PROMPT_NONCE_MAX + 1]; /* whose ticks these are */
    bool ticks[SCREEN_TICKS_MAX];
    size_t typed;
    char bytes[256];
    struct strbuf status, frame;
    enum escape escape;
    unsigned number; /* in a sequence */
    bool pasting, heard, quitting, over;
    int exit;
};

static void draw(struct terminal *t);
static void quit(struct terminal *t);

static void set_status(struct terminal *t, const char *text)
{
    strbuf_reset(&t->status);
    strbuf_puts(&t->status, text);
}

static void tell(FILE *err, const char *text)
{
    struct strbuf out = STRBUF_INIT;

    text_safe(&out, text, false);
    fprintf(err, "paceline: %s\n", out.text);
    strbuf_dispose(&out);
}

/* --- the picture --- */

static void choose(struct terminal *t)
{
    const struct deck *deck = session_deck(t->session);

    t->current = screen_choose(deck, t->current);
    const struct prompt *p = t->current ? deck_find(deck, t->current) : NULL;
    if (p && strcmp(p->nonce, t->front_nonce) == 0)
        return;
    if (p)
        fputc('\a', t->options->out); /* another one is in front */
    strncpy(t->front_nonce, p ? p->nonce : "", PROMPT_NONCE_MAX);
    memset(t->ticks, 0, sizeof(t->ticks));
    t->typed = 0;
}

static const char **files_of(struct terminal *t, const struct prompt *p, bool *come)
{
    if (!p || p->file_count == 0)
        return NULL;
    const char **files = xmalloc(p->file_count * sizeof(*files));
    *come = !shelf_ready(t->shelf, p);
    for (size_t i = 0; !*come && i < p->file_count; i++)
        files[i] = shelf_path(t->shelf, p, i);
    return files;
}

static size_t columns(struct terminal *t)
{
    int width = 80, height = 24;

    uv_tty_get_winsize(&t->tty, &width, &height);
    return width > 0 ? (size_t)width : 80;
}

static void put_frame(const struct terminal *t, const char *text)
{
    FILE *out = t->options->out;

    fputs("\033[H", out);
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, "\n");
        fprintf(out, "%.*s\033[K\n", (int)length, at);
        at += length + (at[length] == '\n');
    }
    fputs("\033[J", out);
    fflush(out);
}

static void draw(struct terminal *t)
{
    struct strbuf text = STRBUF_INIT;

    if (t->over || !t->heard)
        return;
    choose(t);
    const struct prompt *p = t->current ? deck_find(session_deck(t->session), t->current) : NULL;
    struct screen screen = {
        .deck = session_deck(t->session),
        .current = t->current,
        .ticks = t->ticks,
        .typed = t->typed,
        .columns = columns(t),
        .color = t->options->color,
        .can_copy = clipboard_there(),
        .status = t->status.length > 0 ? t->status.text : NULL,
    };
    const char **files = files_of(t, p, &screen.files_come);
    screen.files = files;
    screen_draw(&text, &screen);
    if (!t->frame.text || strcmp(t->frame.text, text.text) != 0)
        put_frame(t, text.text);
    strbuf_dispose(&t->frame);
    t->frame = text;
    free(files);
    if (p)
        session_shown(t->session, p);
}

static void redraw(struct terminal *t)
{
    strbuf_reset(&t->frame);
    draw(t);
}

static void begin(struct terminal *t)
{
    int width = 80, height = 24;

    uv_tty_set_mode(&t->tty, UV_TTY_MODE_RAW);
    uv_tty_get_winsize(&t->tty, &width, &height);
    for (int i = 0; i < height; i++)
        fputc('\n', t->options->out);
    fputs("\033[?2004h", t->options->out); /* a paste is no typing */
    fflush(t->options->out);
}

static void end(struct terminal *t)
{
    fputs("\033[?2004l", t->options->out);
    fflush(t->options->out);
    uv_tty_set_mode(&t->tty, UV_TTY_MODE_NORMAL);
}

/* --- keys --- */

static void answer(struct terminal *t, const struct prompt *p, const char *word)
{
    bool some = false;

    for (size_t i = 0; i < p->recipient_count && i < SCREEN_TICKS_MAX; i++)
        some = some || (t->ticks[i] && deck_open(session_deck(t->session), p, &p->recipients[i]));
    some = some && p->recipient_count <= SCREEN_TICKS_MAX;
    struct strbuf line = STRBUF_INIT;
    strbuf_printf(&line, "%lld: %s", (long long)p->number,
                  strcmp(word, "sent") == 0       ? tr("sent")
                  : strcmp(word, "not-sent") == 0 ? tr("not sent")
                                                  : tr("skipped"));
    set_status(t, line.text);
    strbuf_dispose(&line);
    session_answer(t->session, p, word, some ? t->ticks : NULL);
    memset(t->ticks, 0, sizeof(t->ticks));
}

static void tick(struct terminal *t, const struct prompt *p)
{
    size_t i = t->typed;

    t->typed = 0;
    if (i > 0 && i <= p->recipient_count && i <= SCREEN_TICKS_MAX)
        t->ticks[i - 1] = !t->ticks[i - 1];
}

static void digit(struct terminal *t, const struct prompt *p, int value)
{
    if (p->recipient_count > 1 && screen_type(&t->typed, value, p->recipient_count))
        tick(t, p);
}

static bool enter(struct terminal *t, const struct prompt *p)
{
    if (t->typed > 0) {
        tick(t, p);
        return false;
    }
    for (size_t i = 0; i < p->recipient_count && i < SCREEN_TICKS_MAX; i++) {
        if (!t->ticks[i])
            continue;
        answer(t, p, "sent");
        return true;
    }
    return false;
}

/* Keys of the plain question; true when it was an answer. */
static bool key_send(struct terminal *t, const struct prompt *p, int key)
{
    static const struct {
        int key;
        const char *answer;
    } answers[] = {{'s', "sent"}, {'n', "not-sent"}, {'k', "skip"}};

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        if (answers[i].key != key)
            continue;
        answer(t, p, answers[i].answer);
        return true;
    }
    if (key >= '0' && key <= '9')
        digit(t, p, key - '0');
    else if (key == ' ')
        tick(t, p);
    else if (key == '\r' || key == '\n')
        return enter(t, p);
    else if (key == 'c' && p->text)
        set_status(t, clipboard_copy(&t->loop, p->text) ? tr("copied") : tr("no clipboard"));
    return false;
}

static bool key_before(struct terminal *t, const struct prompt *p, int key)
{
    if (key == 'y') {
        answer(t, p, "sent");
        return true;
    }
    if (key == 't')
        deck_not_yet(session_deck(t->session), p->nonce);
    return key == 't';
}

static bool key_prompt(struct terminal *t, const struct prompt *p, int key)
{
    set_status(t, "");
    if (key == 'z') {
        session_snooze(t->session, p);
        return true;
    }
    return deck_question(session_deck(t->session), p) == QUESTION_SEND ? key_send(t, p, key)
                                                                       : key_before(t, p, key);
}

static void suspend(struct terminal *t)
{
    end(t);
    raise(SIGTSTP);
    begin(t);
    redraw(t);
}

static bool is_end(int c)
{
    return c == 'q' || c == CTRL_C || c == CTRL_D;
}

/* True when the rest of what was typed must not be taken: it was meant for what has just gone. */
static bool key(struct terminal *t, int c)
{
    const struct prompt *p = t->current ? deck_find(session_deck(t->session), t->current) : NULL;

    if (is_end(c))
        quit(t);
    else if (c == CTRL_Z)
        suspend(t);
    else if (c == CTRL_L)
        redraw(t);
    else if (c == '\t')
        t->current = screen_next(session_deck(t->session), t->current);
    else if (p)
        return key_prompt(t, p, c);
    return false;
}

/* True when `c` is a key, and not part of an escape sequence (an arrow) or of a paste. */
static bool is_key(struct terminal *t, int c)
{
    enum escape before = t->escape;

    if (before == ESCAPE_NONE && c != '\033')
        return !t->pasting;
    if (before == ESCAPE_SEQUENCE && c >= '0' && c <= ';') {
        t->number = c == ';' ? 0 : t->number * 10 + (unsigned)(c - '0');
        return false;
    }
    if (before == ESCAPE_SEQUENCE && c == '~' && (t->number == 200 || t->number == 201))
        t->pasting = t->number == 200;
    t->number = 0;
    t->escape = c == '\033'                                        ? ESCAPE_BEGUN
                : before == ESCAPE_BEGUN && (c == '[' || c == 'O') ? ESCAPE_SEQUENCE
                                                                   : ESCAPE_NONE;
    return false;
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buf)
{
    struct terminal *t = stream->data;
    bool answered = false;

    if (length < 0)
        quit(t); /* the terminal is gone */
    for (ssize_t i = 0; i < length && !t->quitting; i++) {
        int c = (unsigned char)buf->base[i];
        if (is_key(t, c) && (!answered || is_end(c)))
            answered = key(t, c) || answered;
    }
    draw(t);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    struct terminal *t = handle->data;

    (void)size;
    *buf = uv_buf_init(t->bytes, sizeof(t->bytes));
}

/* --- the session --- */

static void on_changed(void *ctx)
{
    struct terminal *t = ctx;

    if (!t->heard) {
        t->heard = true;
        begin(t);
    }
    shelf_keep_only(t->shelf, deck_list(session_deck(t->session)));
    draw(t);
}

static void stop(struct terminal *t)
{
    if (t->over)
        return;
    t->over = true;
    if (t->heard)
        end(t);
    if (session_pending(t->session) > 0)
        tell(t->options->err,
             tr("what you answered last could not be handed on yet; it is kept, and handed on "
                "when paceline prompt runs again"));
    shelf_free(t->shelf);
    session_close(t->session);
    uv_close((uv_handle_t *)&t->tty, NULL);
    uv_close((uv_handle_t *)&t->drain, NULL);
    for (size_t i = 0; i < sizeof(t->signals) / sizeof(t->signals[0]); i++)
        uv_close((uv_handle_t *)&t->signals[i], NULL);
}

static void on_drained(uv_timer_t *timer)
{
    stop(timer->data);
}

/* An answer that is on its way gets a moment. */
static void quit(struct terminal *t)
{
    if (t->quitting)
        return;
    t->quitting = true;
    session_listen(t->session, false);
    uv_timer_start(&t->drain, on_drained, session_pending(t->session) > 0 ? DRAIN_MS : 0, 0);
}

static void on_settled(void *ctx)
{
    struct terminal *t = ctx;

    if (t->quitting && session_pending(t->session) == 0)
        stop(t);
}

static void on_refused(void *ctx, const char *message)
{
    struct terminal *t = ctx;

    set_status(t, message);
    draw(t);
}

static void fail(struct terminal *t, int code, const char *message)
{
    t->exit = code;
    stop(t);
    tell(t->options->err, message);
}

static void on_trouble(void *ctx, const char *message)
{
    struct terminal *t = ctx;

    if (t->over)
        return;
    if (!t->heard && message) {
        fail(t, err_exit_code(ERR_UNREACHABLE), message);
        return;
    }
    set_status(t, message ? message : "");
    draw(t);
}

static void on_denied(void *ctx, int code, const char *message)
{
    fail(ctx, code, message);
}

static const struct session_hooks hooks = {on_changed, on_trouble, on_refused, on_settled,
                                           on_denied};

static void on_shelf(void *ctx)
{
    draw(ctx);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct terminal *t = handle->data;

    if (number == SIGWINCH)
        redraw(t);
    else
        quit(t);
}

int terminal_run(const struct terminal_options *options)
{
    static const int numbers[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT};
    struct terminal t = {.options = options};

    signal(SIGPIPE, SIG_IGN); /* a clipboard helper that died */
    uv_loop_init(&t.loop);
    if (uv_tty_init(&t.loop, &t.tty, STDIN_FILENO, 1) != 0) {
        tell(options->err, tr("this is no terminal"));
        uv_loop_close(&t.loop);
        return err_exit_code(ERR_USAGE);
    }
    char *dir = outbox_dir();
    t.session = session_new(&t.loop, options->socket_path, "terminal", dir, &hooks, &t);
    t.shelf = shelf_new(session_link(t.session), on_shelf, &t);
    uv_timer_init(&t.loop, &t.drain);
    t.tty.data = t.drain.data = &t;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        uv_signal_init(&t.loop, &t.signals[i]);
        t.signals[i].data = &t;
        uv_signal_start(&t.signals[i], on_signal, numbers[i]);
    }
    uv_read_start((uv_stream_t *)&t.tty, on_alloc, on_read);
    session_listen(t.session, true);
    uv_run(&t.loop, UV_RUN_DEFAULT);
    uv_loop_close(&t.loop);
    uv_tty_reset_mode();
    strbuf_dispose(&t.status);
    strbuf_dispose(&t.frame);
    free(dir);
    return t.exit;
}

/* --- the list, once --- */

struct listing {
    const struct terminal_options *options;
    bool json;
    int exit;
};

static void print_list(const struct listing *l, struct prompt_list *list)
{
    for (size_t i = 1; l->json && i < json_array_size(list->lines); i++) {
        char *line = json_dumps(json_array_get(list->lines, i), JSON_COMPACT);
        fprintf(l->options->out, "%s\n", line);
        free(line);
    }
    if (l->json)
        return;
    struct deck *deck = deck_new();
    struct strbuf text = STRBUF_INIT;
    deck_take(deck, list);
    screen_list(&text, deck);
    fputs(text.text, l->options->out);
    strbuf_dispose(&text);
    deck_free(deck);
}

static void on_listed(void *ctx, const struct link_reply *reply)
{
    struct listing *l = ctx;
    struct prompt_list list = {0};
    struct err e;

    l->exit = reply->exit;
    if (l->exit == 0 && prompts_read(&list, reply->bytes, reply->length, &e) == 0) {
        print_list(l, &list);
        prompts_dispose(&list);
        return;
    }
    l->exit = l->exit ? l->exit : err_exit_code(e.code);
    tell(l->options->err, reply->message ? reply->message : e.text);
}

int terminal_list(const struct terminal_options *options, bool json)
{
    struct listing l = {options, json, err_exit_code(ERR_UNREACHABLE)};
    uv_loop_t loop;

    uv_loop_init(&loop);
    struct link *link = link_new(&loop, options->socket_path);
    link_ask(link, "/api/v1/prompts?agent=terminal&since=0&wait=0", NULL, LIST_TIMEOUT_MS,
             on_listed, &l);
    uv_run(&loop, UV_RUN_DEFAULT);
    link_close(link);
    uv_loop_close(&loop);
    return l.exit;
}
