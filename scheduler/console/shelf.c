#include "console/shelf.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_MAX_BYTES = 100, FETCH_TIMEOUT_MS = 60000 };

struct book { /* the files of one prompt */
    struct book *next;
    struct shelf *shelf;
    char nonce[PROMPT_NONCE_MAX + 1];
    char *dir;
    char **names;
    bool *there;
    size_t count, come;
    int64_t number;
    int64_t *indexes;
    struct link_call *call;
};

struct shelf {
    struct link *link;
    void (*ready)(void *ctx);
    void *ctx;
    char *root; /* made at the first attachment; NULL before, and when it cannot be */
    struct book *books;
};

static void fetch_next(struct book *b);

struct shelf *shelf_new(struct link *link, void (*ready)(void *ctx), void *ctx)
{
    struct shelf *s = xmalloc(sizeof(*s));

    s->link = link;
    s->ready = ready;
    s->ctx = ctx;
    return s;
}

static void book_free(struct book *b)
{
    if (b->call)
        link_give_up(b->call);
    for (size_t i = 0; i < b->count; i++) {
        if (b->there[i])
            unlink(b->names[i]);
        free(b->names[i]);
    }
    if (b->dir)
        rmdir(b->dir);
    free(b->dir);
    free(b->names);
    free(b->there);
    free(b->indexes);
    free(b);
}

void shelf_free(struct shelf *s)
{
    if (!s)
        return;
    for (struct book *b = s->books, *next; b; b = next) {
        next = b->next;
        book_free(b);
    }
    if (s->root)
        rmdir(s->root);
    free(s->root);
    free(s);
}

/* Of this process alone: another screen of the same person has its own. */
static const char *root(struct shelf *s)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    struct strbuf path = STRBUF_INIT;

    if (s->root)
        return s->root;
    if (runtime && runtime[0] == '/') {
        strbuf_printf(&path, "%s/paceline", runtime);
        if (mkdir(path.text, 0700) != 0 && errno != EEXIST)
            strbuf_reset(&path);
    }
    if (path.length > 0)
        strbuf_puts(&path, "/prompt-XXXXXX");
    else
        strbuf_puts(&path, "/tmp/paceline-prompt-XXXXXX");
    s->root = strbuf_take(&path);
    if (!mkdtemp(s->root)) { /* 0700 */
        free(s->root);
        s->root = NULL;
    }
    return s->root;
}

char *shelf_name(int64_t index, const char *name)
{
    struct strbuf out = STRBUF_INIT, safe = STRBUF_INIT;

    text_safe(&safe, name, false);
    strbuf_printf(&out, "%lld-", (long long)index); /* no leading dot, and none twice */
    size_t length = strlen(safe.text);
    size_t from = length > NAME_MAX_BYTES ? length - NAME_MAX_BYTES : 0; /* the ending counts */
    while (((unsigned char)safe.text[from] & 0xC0) == 0x80)
        from++;
    for (const char *at = safe.text + from; *at; at++)
        strbuf_putc(&out, *at == '/' ? '_' : *at);
    strbuf_dispose(&safe);
    return strbuf_take(&out);
}

static struct book *find(const struct shelf *s, const struct prompt *p)
{
    for (struct book *b = s->books; b; b = b->next)
        if (strcmp(b->nonce, p->nonce) == 0)
            return b;
    return NULL;
}

static struct book *add(struct shelf *s, const struct prompt *p)
{
    struct book *b = xmalloc(sizeof(*b));
    struct strbuf path = STRBUF_INIT;

    b->shelf = s;
    strncpy(b->nonce, p->nonce, PROMPT_NONCE_MAX);
    b->number = p->number;
    b->count = p->file_count;
    b->names = xmalloc(b->count * sizeof(*b->names));
    b->there = xmalloc(b->count * sizeof(*b->there));
    b->indexes = xmalloc(b->count * sizeof(*b->indexes));
    strbuf_printf(&path, "%s/%lld-%.8s", root(s) ? s->root : "", (long long)p->number, p->nonce);
    if (s->root && mkdir(path.text, 0700) == 0)
        b->dir = xstrdup(path.text);
    for (size_t i = 0; i < b->count; i++) {
        char *name = shelf_name(p->files[i].index, p->files[i].name);
        strbuf_reset(&path);
        strbuf_printf(&path, "%s/%s", b->dir ? b->dir : "", name);
        b->names[i] = xstrdup(path.text);
        b->indexes[i] = p->files[i].index;
        free(name);
    }
    strbuf_dispose(&path);
    b->next = s->books;
    s->books = b;
    return b;
}

static bool write_file(const char *path, const char *bytes, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    size_t done = 0;

    while (fd >= 0 && done < length) {
        ssize_t n = write(fd, bytes + done, length - done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    if (fd < 0)
        return false;
    close(fd);
    if (done == length)
        return true;
    unlink(path);
    return false;
}

static void on_fetched(void *ctx, const struct link_reply *reply)
{
    struct book *b = ctx;
    size_t i = b->come++;

    b->call = NULL;
    if (reply->exit == 0)
        b->there[i] = write_file(b->names[i], reply->bytes, reply->length);
    if (b->come == b->count)
        b->shelf->ready(b->shelf->ctx);
    else
        fetch_next(b);
}

static void fetch_next(struct book *b)
{
    struct strbuf path = STRBUF_INIT;

    strbuf_printf(&path, "/api/v1/prompts/%lld/attachments/%lld?nonce=%s", (long long)b->number,
                  (long long)b->indexes[b->come], b->nonce);
    b->call = link_ask(b->shelf->link, path.text, NULL, FETCH_TIMEOUT_MS, on_fetched, b);
    strbuf_dispose(&path);
}

bool shelf_ready(struct shelf *s, const struct prompt *p)
{
    struct book *b = find(s, p);

    if (p->file_count == 0)
        return true;
    if (!b) {
        b = add(s, p);
        if (!b->dir)
            b->come = b->count; /* nowhere to put them */
        else
            fetch_next(b);
    }
    return b->come == b->count;
}

const char *shelf_path(const struct shelf *s, const struct prompt *p, size_t i)
{
    const struct book *b = find(s, p);

    return b && i < b->count && b->there[i] ? b->names[i] : NULL;
}

void shelf_keep_only(struct shelf *s, const struct prompt_list *list)
{
    for (struct book **at = &s->books, *b; (b = *at);) {
        bool listed = false;
        for (size_t i = 0; i < list->count && !listed; i++)
            listed = strcmp(list->items[i].nonce, b->nonce) == 0;
        if (listed) {
            at = &b->next;
            continue;
        }
        *at = b->next;
        book_free(b);
    }
}
