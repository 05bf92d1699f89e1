#include "console/outbox.h"

#include "base/arena.h"
#include "base/strbuf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct outbox {
    char *dir;
    char *socket_path;
    struct outbox_item *items; /* oldest first */
    size_t count, capacity;
    unsigned serial;
};

static void item_dispose(struct outbox_item *item)
{
    free(item->path);
    free(item->body);
    free(item->nonce);
    free(item->file);
}

static void append(struct outbox *o, struct outbox_item item)
{
    o->items = xgrow(o->items, &o->capacity, o->count + 1, sizeof(item));
    o->items[o->count++] = item;
}

/* Every folder on the way; those that exist stay as they are. */
static int make_dirs(const char *dir)
{
    char *path = xstrdup(dir);
    int rc = 0;

    for (char *slash = strchr(path + 1, '/'); rc == 0; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            rc = -1;
        if (!slash)
            break;
        *slash = '/';
    }
    free(path);
    return rc;
}

static char *join(const char *dir, const char *name)
{
    struct strbuf out = STRBUF_INIT;

    strbuf_printf(&out, "%s/%s", dir, name);
    return strbuf_take(&out);
}

static void read_one(struct outbox *o, const char *name)
{
    char *file = join(o->dir, name);
    json_t *object = json_load_file(file, 0, NULL);
    const char *socket_path, *path, *body, *nonce;
    json_int_t prompt;

    if (json_unpack(object, "{s:s, s:I, s:s, s:s, s:s}", "socket", &socket_path, "prompt", &prompt,
                    "nonce", &nonce, "path", &path, "body", &body) == 0 &&
        strcmp(socket_path, o->socket_path) == 0)
        append(o, (struct outbox_item){xstrdup(path), xstrdup(body), xstrdup(nonce), prompt,
                                       xstrdup(file)});
    json_decref(object);
    free(file);
}

static int is_ours(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);

    return length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0;
}

static void read_all(struct outbox *o)
{
    struct dirent **names;
    int count = scandir(o->dir, &names, is_ours, alphasort); /* names begin with the time */

    for (int i = 0; i < count; i++) {
        read_one(o, names[i]->d_name);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
}

struct outbox *outbox_new(const char *dir, const char *socket_path)
{
    struct outbox *o = xmalloc(sizeof(*o));

    o->socket_path = xstrdup(socket_path);
    if (dir && make_dirs(dir) == 0) {
        o->dir = xstrdup(dir);
        read_all(o);
    }
    return o;
}

void outbox_free(struct outbox *o)
{
    if (!o)
        return;
    for (size_t i = 0; i < o->count; i++)
        item_dispose(&o->items[i]);
    free(o->items);
    free(o->dir);
    free(o->socket_path);
    free(o);
}

static bool write_whole(const char *file, const char *text)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    size_t length = strlen(text);
    bool ok;

    if (fd < 0)
        return false;
    ok = write(fd, text, length) == (ssize_t)length && fsync(fd) == 0;
    close(fd);
    return ok;
}

/* Its name once it is on the disk whole, or NULL. */
static char *store(struct outbox *o, const struct outbox_item *item)
{
    struct timespec now;
    char name[64];
    json_t *object = json_pack("{s:s, s:I, s:s, s:s, s:s}", "socket", o->socket_path, "prompt",
                               (json_int_t)item->prompt, "nonce", item->nonce, "path", item->path,
                               "body", item->body);
    char *text = json_dumps(object, JSON_COMPACT);

    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(name, sizeof(name), "%012lld%09ld-%d-%u.json", (long long)now.tv_sec, now.tv_nsec,
             (int)getpid(), o->serial++);
    char *file = join(o->dir, name);
    struct strbuf part = STRBUF_INIT;
    strbuf_printf(&part, "%s.part", file);
    bool ok = text && write_whole(part.text, text) && rename(part.text, file) == 0;
    if (!ok) {
        unlink(part.text);
        free(file);
        file = NULL;
    }
    strbuf_dispose(&part);
    free(text);
    json_decref(object);
    return file;
}

bool outbox_add(struct outbox *o, int64_t prompt, const char *nonce, const char *path,
                const char *body)
{
    struct outbox_item item = {xstrdup(path), xstrdup(body), xstrdup(nonce), prompt, NULL};

    if (o->dir)
        item.file = store(o, &item);
    append(o, item);
    return item.file != NULL;
}

size_t outbox_count(const struct outbox *o)
{
    return o->count;
}

const struct outbox_item *outbox_first(const struct outbox *o)
{
    return o->count > 0 ? &o->items[0] : NULL;
}

void outbox_remove_first(struct outbox *o)
{
    if (o->items[0].file)
        unlink(o->items[0].file);
    item_dispose(&o->items[0]);
    o->count--;
    memmove(o->items, o->items + 1, o->count * sizeof(*o->items));
}

char *outbox_dir(void)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    struct strbuf out = STRBUF_INIT;

    if (state && state[0] == '/')
        strbuf_printf(&out, "%s/paceline/answers", state);
    else if (home && home[0] == '/')
        strbuf_printf(&out, "%s/.local/state/paceline/answers", home);
    return out.length > 0 ? strbuf_take(&out) : NULL;
}
