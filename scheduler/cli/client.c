/* A new connection a request: a request that changes something must not meet libcurl's silent
 * second try on a kept-alive connection that died (dependencies P1). */
#include "cli/client.h"

#include "base/arena.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { ERROR_BODY_MAX = 1024 * 1024, CONNECT_TIMEOUT_S = 5, ASK_TIMEOUT_MS = 2000 };

struct answer {
    CURL *easy;
    struct lines lines;
    struct strbuf error; /* the body of a refusal */
};

int client_open(struct client *c, const struct cli *cli)
{
    *c = (struct client){.cli = cli};
    int rc = local_open(&c->local, cli);
    if (rc)
        return rc;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    c->easy = curl_easy_init();
    if (!c->easy) {
        say(cli, tr("out of memory"));
        client_close(c);
        return EXIT_INTERNAL;
    }
    return 0;
}

void client_close(struct client *c)
{
    if (c->easy) {
        curl_easy_cleanup(c->easy);
        curl_global_cleanup();
    }
    local_close(&c->local);
    c->easy = NULL;
}

static long answer_status(const struct answer *a)
{
    long status = 0;

    curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct answer *a = arg;
    size_t length = size * count;

    if (answer_status(a) / 100 == 2)
        return lines_feed(&a->lines, bytes, length) == 0 ? length : 0; /* 0: stop */
    if (a->error.length + length <= ERROR_BODY_MAX)
        strbuf_add(&a->error, bytes, length);
    return length;
}

static void set_up(struct client *c, struct answer *a, const char *path)
{
    struct strbuf url = STRBUF_INIT;

    strbuf_printf(&url, "http://localhost%s", path);
    curl_easy_reset(c->easy);
    curl_easy_setopt(c->easy, CURLOPT_UNIX_SOCKET_PATH, c->local.service->socket_path);
    curl_easy_setopt(c->easy, CURLOPT_URL, url.text);
    curl_easy_setopt(c->easy, CURLOPT_PROXY, ""); /* whatever http_proxy says */
    curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(c->easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
    curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, c->timeout_ms);
    curl_easy_setopt(c->easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, a);
    strbuf_dispose(&url);
}

static void say_json_diag(const struct cli *cli, const json_t *diag)
{
    const char *file = "", *level = "error", *message = "";
    json_int_t line = 0, column = 0;
    struct diags one;

    if (json_unpack((json_t *)diag, "{s:s, s?:I, s?:I, s?:s, s:s}", "file", &file, "line", &line,
                    "column", &column, "level", &level, "message", &message) != 0)
        return;
    diags_init(&one);
    diag_add(&one, file, (size_t)line, (size_t)column,
             strcmp(level, "warning") == 0 ? DIAG_WARNING : DIAG_ERROR, ERR_DATA, "%s", message);
    say_diags(cli, &one);
    diags_dispose(&one);
}

void say_diagnostics(const struct cli *cli, const json_t *body)
{
    const json_t *diag;
    json_int_t more = json_integer_value(json_object_get(body, "more"));
    size_t i;

    json_array_foreach(json_object_get(body, "diagnostics"), i, diag) say_json_diag(cli, diag);
    if (more > 0)
        say(cli, tr("and %zu more"), (size_t)more);
}

/* The error object of docs/api.md; its `exit` is ours. */
static int say_refusal(const struct client *c, const struct answer *a)
{
    json_t *body = a->error.text ? json_loads(a->error.text, 0, NULL) : NULL;
    const char *message = json_string_value(json_object_get(body, "message"));
    json_int_t code = json_integer_value(json_object_get(body, "exit"));

    say_diagnostics(c->cli, body);
    if (message)
        say(c->cli, "%s", message);
    else
        say(c->cli, tr("the service answered with status %ld"), answer_status(a));
    json_decref(body);
    return code > 0 && code < 126 ? (int)code : EXIT_INTERNAL;
}

static int say_transport(const struct client *c, CURLcode code, bool changes)
{
    long os_error = 0;
    long sent = 0;

    curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os_error);
    curl_easy_getinfo(c->easy, CURLINFO_REQUEST_SIZE, &sent);
    if (code == CURLE_COULDNT_CONNECT && (os_error == EACCES || os_error == EPERM)) {
        say(c->cli,
            tr("no permission to open the service's socket %s: ask for the right to enter its "
               "folder"),
            c->local.service->socket_path);
        return EXIT_DENIED;
    }
    if (changes && sent > 0 && code != CURLE_COULDNT_CONNECT) {
        say(c->cli,
            tr("the service stopped answering (%s): what was asked may or may not have "
               "happened; look with 'paceline list' before you try again"),
            curl_easy_strerror(code));
        return err_exit_code(ERR_STORE);
    }
    if (!c->quiet)
        say(c->cli, tr("the service does not answer at %s; start it with 'paceline serve'"),
            c->local.service->socket_path);
    return EXIT_UNREACHABLE;
}

static int perform(struct client *c, struct answer *a, bool changes)
{
    CURLcode code = curl_easy_perform(c->easy);
    int rc;

    if (a->lines.stopped) {
        rc = a->lines.stopped < 0 ? say_error(c->cli, &a->lines.e) : a->lines.stopped;
    } else if (code == CURLE_READ_ERROR || code == CURLE_ABORTED_BY_CALLBACK) {
        say(c->cli, tr("a file could not be read while it was sent; nothing was submitted"));
        rc = EXIT_DATA;
    } else if (answer_status(a) / 100 > 2) {
        rc = say_refusal(c, a);
    } else if (code != CURLE_OK) {
        rc = say_transport(c, code, changes);
    } else {
        rc = lines_end(&a->lines);
        if (rc < 0)
            rc = say_error(c->cli, &a->lines.e);
    }
    lines_dispose(&a->lines);
    strbuf_dispose(&a->error);
    return rc;
}

int client_get(struct client *c, const char *path, line_fn *each, void *ctx)
{
    struct answer a = {.easy = c->easy, .error = STRBUF_INIT};

    lines_init(&a.lines, each, ctx);
    set_up(c, &a, path);
    return perform(c, &a, false);
}

int client_post(struct client *c, const char *path, json_t *body, line_fn *each, void *ctx)
{
    struct answer a = {.easy = c->easy, .error = STRBUF_INIT};
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    char *text = json_dumps(body, JSON_COMPACT);

    headers = curl_slist_append(headers, "Expect:");
    lines_init(&a.lines, each, ctx);
    set_up(c, &a, path);
    curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, text ? text : "{}");
    int rc = perform(c, &a, true);
    curl_slist_free_all(headers);
    free(text);
    json_decref(body);
    return rc;
}

static int keep_one(void *ctx, const char *text, const json_t *object)
{
    json_t **out = ctx;

    (void)text;
    if (!*out)
        *out = json_incref((json_t *)object);
    return 0;
}

static json_t *one_object(const struct client *c, json_t *object, int *rc)
{
    if (*rc == 0 && !json_is_object(object)) {
        say(c->cli, tr("the service's answer cannot be read: an object was expected"));
        *rc = EXIT_INTERNAL;
    }
    if (*rc == 0)
        return object;
    json_decref(object);
    return NULL;
}

json_t *client_get_one(struct client *c, const char *path, int *rc)
{
    json_t *object = NULL;

    *rc = client_get(c, path, keep_one, &object);
    return one_object(c, object, rc);
}

json_t *client_post_one(struct client *c, const char *path, json_t *body, int *rc)
{
    json_t *object = NULL;

    *rc = client_post(c, path, body, keep_one, &object);
    return one_object(c, object, rc);
}

struct upload_state {
    struct client *client;
    const struct upload *upload;
    int64_t stored;
    bool asks; /* the service for the rows stored */
};

static int keep_stored(void *ctx, const char *text, const json_t *object)
{
    struct upload_state *s = ctx;
    const char *campaign = json_string_value(json_object_get(object, "campaign"));

    (void)text;
    if (campaign && strcmp(campaign, s->upload->campaign) == 0)
        s->stored = json_integer_value(json_object_get(object, "rows"));
    return 0;
}

/* Between two looks at the upload's own connection, on another one. */
static void ask_stored(struct upload_state *s)
{
    struct client other = {.cli = s->client->cli,
                           .local = s->client->local,
                           .easy = curl_easy_init(),
                           .quiet = true,
                           .timeout_ms = ASK_TIMEOUT_MS};

    int rc = other.easy ? client_get(&other, "/api/v1/submissions", keep_stored, s) : EXIT_INTERNAL;
    s->asks = rc == 0 || rc == EXIT_UNREACHABLE; /* busy for a moment: asked again */
    curl_easy_cleanup(other.easy);
}

/* libcurl calls it often while it sends, and once a second while it waits. */
static int on_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t total,
                       curl_off_t sent)
{
    enum { MB = 1000 * 1000 };
    struct upload_state *s = arg;
    const struct upload *u = s->upload;

    (void)down_total;
    if (total > 0 && sent < total) {
        progress_show(u->progress, tr("uploading"), (uint64_t)sent / MB, (uint64_t)total / MB,
                      "MB");
    } else if (total > 0 && down == 0 && s->asks && progress_due(u->progress)) {
        ask_stored(s);
        progress_show(u->progress, tr("storing"), (uint64_t)s->stored, u->rows, tr("recipients"));
    }
    return 0;
}

static void add_part(curl_mime *mime, const struct upload_part *p)
{
    curl_mimepart *part = curl_mime_addpart(mime);

    curl_mime_name(part, p->name);
    if (p->path)
        curl_mime_filedata(part, p->path);
    else
        curl_mime_data(part, p->text, CURL_ZERO_TERMINATED);
    if (p->filename)
        curl_mime_filename(part, p->filename);
}

int client_upload(struct client *c, const struct upload *u, line_fn *each, void *ctx)
{
    struct upload_state state = {.client = c, .upload = u, .asks = u->campaign != NULL};
    struct answer a = {.easy = c->easy, .error = STRBUF_INIT};

    lines_init(&a.lines, each, ctx);
    set_up(c, &a, u->path);
    curl_mime *mime = curl_mime_init(c->easy);
    for (size_t i = 0; i < u->count; i++)
        add_part(mime, &u->parts[i]);
    curl_easy_setopt(c->easy, CURLOPT_MIMEPOST, mime);
    curl_easy_setopt(c->easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c->easy, CURLOPT_XFERINFODATA, &state);
    int rc = perform(c, &a, !u->changes_nothing);
    progress_end(u->progress);
    curl_mime_free(mime);
    return rc;
}

json_t *client_upload_one(struct client *c, const struct upload *u, int *rc)
{
    json_t *object = NULL;

    *rc = client_upload(c, u, keep_one, &object);
    return one_object(c, object, rc);
}

static void encode(struct strbuf *out, const char *word)
{
    for (const unsigned char *p = (const unsigned char *)word; *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                     (*p >= '0' && *p <= '9') || strchr("-_~", *p);
        if (plain)
            strbuf_putc(out, (char)*p);
        else
            strbuf_printf(out, "%%%02X", *p); /* a dot too: `..` must not walk */
    }
}

char *client_encode(const char *word)
{
    struct strbuf out = STRBUF_INIT;

    encode(&out, word);
    return strbuf_take(&out);
}

char *client_path(const char *query, ...)
{
    struct strbuf out = STRBUF_INIT;
    va_list words;

    strbuf_puts(&out, "/api/v1");
    va_start(words, query);
    for (const char *word = va_arg(words, const char *); word; word = va_arg(words, const char *)) {
        strbuf_putc(&out, '/');
        encode(&out, word);
    }
    va_end(words);
    if (query)
        strbuf_printf(&out, "?%s", query);
    return strbuf_take(&out);
}
