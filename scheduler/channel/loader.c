/* The name is checked before a path is made of it, the folder and the file before anything of the
 * file runs. Nothing can change between the check and uv_dlopen: whoever could is one of those
 * trusted. */
#include "channel/loader.h"

#include "base/arena.h"
#include "base/lang.h"
#include "base/program.h"
#include "base/strbuf.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

enum { NAME_MAX_CHARS = 64 };

struct loaded {
    struct loaded *next;
    uv_lib_t lib;
    const struct paceline_channel *kind;
};

struct moded {
    struct moded *next;
    const struct paceline_channel *of;
    const char *mode; /* of.modes */
    struct paceline_channel kind;
};

struct channel_plugins {
    char *dir;
    struct loaded *loaded;
    struct moded *moded;
};

static bool name_valid(const char *name);
static int trusted(const char *path, const struct stat *st, struct err *e);
static int plugin_path(char **out, const struct channel_plugins *p, const char *name,
                       struct err *e);
static int plugin_open(struct loaded *l, const char *path, const char *name, struct err *e);
static int unknown_plugin(const struct channel_plugins *p, const char *name, struct err *e);

int channel_plugin_dir(char **out, struct err *e)
{
    return program_beside(out, "plugins", e);
}

struct channel_plugins *channel_plugins_new(const char *dir)
{
    struct channel_plugins *p = xmalloc(sizeof(*p));

    p->dir = xstrdup(dir);
    return p;
}

void channel_plugins_free(struct channel_plugins *p)
{
    if (!p)
        return;
    while (p->moded) {
        struct moded *m = p->moded;
        p->moded = m->next;
        free(m);
    }
    while (p->loaded) {
        struct loaded *l = p->loaded;
        p->loaded = l->next;
        uv_dlclose(&l->lib);
        free(l);
    }
    free(p->dir);
    free(p);
}

int channel_load(const struct paceline_channel **out, struct channel_plugins *p, const char *name,
                 struct err *e)
{
    struct loaded *l = p->loaded;
    char *path = NULL;
    int rc;

    while (l && strcmp(l->kind->name, name) != 0)
        l = l->next;
    if (!l) {
        rc = plugin_path(&path, p, name, e);
        if (rc)
            return rc;
        l = xmalloc(sizeof(*l));
        rc = plugin_open(l, path, name, e);
        free(path);
        if (rc) {
            uv_dlclose(&l->lib);
            free(l);
            return rc;
        }
        l->next = p->loaded;
        p->loaded = l;
    }
    *out = l->kind;
    return 0;
}

const struct paceline_channel *
channel_in_mode(struct channel_plugins *p, const struct paceline_channel *kind, const char *mode)
{
    struct moded *m = p->moded;
    size_t i = 0;

    if (!kind->mode_caps || !mode)
        return kind;
    while (m && (m->of != kind || strcmp(m->mode, mode) != 0))
        m = m->next;
    if (m)
        return &m->kind;
    while (kind->modes[i] && strcmp(kind->modes[i], mode) != 0)
        i++;
    if (!kind->modes[i])
        return kind;
    m = xmalloc(sizeof(*m));
    *m = (struct moded){.next = p->moded, .of = kind, .mode = kind->modes[i], .kind = *kind};
    m->kind.caps = kind->mode_caps[i];
    p->moded = m;
    return &m->kind;
}

static bool name_valid(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return n > 0 && n <= NAME_MAX_CHARS && !name[n] && name[0] != '-';
}

/* --- who could have written it --- */

static int trusted(const char *path, const struct stat *st, struct err *e)
{
    struct stat exe;

    if (st->st_uid != 0 && st->st_uid != geteuid() &&
        (stat("/proc/self/exe", &exe) != 0 || st->st_uid != exe.st_uid))
        return err_set(e, ERR_DENIED,
                       tr("%s belongs to user %lu; plugins must belong to root, to you or to the "
                          "owner of the program: chown root %s"),
                       path, (unsigned long)st->st_uid, path);
    if (st->st_mode & (S_IWGRP | S_IWOTH))
        return err_set(e, ERR_DENIED,
                       tr("others can write %s, and a plugin runs as the service: chmod go-w %s"),
                       path, path);
    return 0;
}

/* The real path of the plugin's file, whose folder and file can be trusted. */
static int plugin_path(char **out, const struct channel_plugins *p, const char *name, struct err *e)
{
    char *dir = realpath(p->dir, NULL), *file = NULL;
    struct strbuf path = STRBUF_INIT;
    struct stat st;
    int rc;

    if (!dir) {
        rc = err_set(e, ERR_DATA, tr("the plugin folder %s cannot be read: %s"), p->dir,
                     lang_errno(errno));
        goto out;
    }
    if (stat(dir, &st) != 0) {
        rc = err_set(e, ERR_IO, "%s: %s", dir, lang_errno(errno));
        goto out;
    }
    rc = trusted(dir, &st, e);
    if (rc)
        goto out;
    strbuf_printf(&path, "%s/%s.so", dir, name);
    file = name_valid(name) ? realpath(path.text, NULL) : NULL;
    if (!file) {
        rc = unknown_plugin(p, name, e);
        goto out;
    }
    if (strncmp(file, dir, strlen(dir)) != 0 || strrchr(file, '/') != file + strlen(dir)) {
        rc = err_set(e, ERR_DENIED,
                     tr("%s leads out of the plugin folder, to %s: put the plugin itself there"),
                     path.text, file);
        goto out;
    }
    if (stat(file, &st) != 0 || !S_ISREG(st.st_mode)) {
        rc = err_set(e, ERR_DATA, tr("%s is not a file"), file);
        goto out;
    }
    rc = trusted(file, &st, e);
    if (rc)
        goto out;
    *out = file;
    file = NULL;
out:
    strbuf_dispose(&path);
    free(file);
    free(dir);
    return rc;
}

/* --- what is in it --- */

/* The caller closes l->lib, also after an error. */
static int plugin_open(struct loaded *l, const char *path, const char *name, struct err *e)
{
    const struct paceline_channel *kind;
    void *symbol;

    if (uv_dlopen(path, &l->lib) != 0)
        return err_set(e, ERR_DATA, tr("%s cannot be loaded: %s"), path, uv_dlerror(&l->lib));
    if (uv_dlsym(&l->lib, "paceline_channel", &symbol) != 0)
        return err_set(e, ERR_DATA, tr("%s is not a channel plugin: it exports no %s"), path,
                       "paceline_channel");
    kind = symbol;
    if (kind->abi != PACELINE_CHANNEL_ABI)
        return err_set(e, ERR_DATA,
                       tr("%s was built for plugin interface %d, this program has %d: build it "
                          "again"),
                       path, kind->abi, PACELINE_CHANNEL_ABI);
    if (!kind->name || strcmp(kind->name, name) != 0)
        return err_set(e, ERR_DATA, tr("%s says that it is the plugin '%s', not '%s'"), path,
                       kind->name ? kind->name : "", name);
    if (!kind->open || !kind->submit || !kind->close || !kind->caps.formats ||
        kind->caps.recipients_max == 0 || kind->caps.in_flight_max == 0)
        return err_set(e, ERR_DATA, tr("%s leaves out what every channel plugin must have"), path);
    l->kind = kind;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The plugins there are, sorted and NULL-terminated. */
static const char **plugin_names(struct arena *arena, const char *dir, size_t *count)
{
    enum { SHOWN_MAX = 64 };
    const char **names = arena_array(arena, SHOWN_MAX + 1, sizeof(*names));
    DIR *d = opendir(dir);
    struct dirent *entry;

    *count = 0;
    while (d && *count < SHOWN_MAX && (entry = readdir(d))) {
        size_t n = strlen(entry->d_name);
        char *name;
        if (n <= 3 || strcmp(entry->d_name + n - 3, ".so") != 0)
            continue;
        name = arena_strndup(arena, entry->d_name, n - 3);
        if (name_valid(name))
            names[(*count)++] = name;
    }
    if (d)
        closedir(d);
    qsort(names, *count, sizeof(*names), by_name);
    return names;
}

static int unknown_plugin(const struct channel_plugins *p, const char *name, struct err *e)
{
    struct arena *arena = arena_new();
    struct strbuf list = STRBUF_INIT, shown = STRBUF_INIT;
    size_t count;
    const char **names = plugin_names(arena, p->dir, &count);
    const char *meant = text_nearest(name, names);
    int rc;

    for (size_t i = 0; i < count; i++)
        strbuf_printf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
    text_safe(&shown, name, false);
    if (count == 0)
        rc = err_set(e, ERR_DATA, tr("no plugin '%s': there are none in %s"),
                     shown.text ? shown.text : "", p->dir);
    else if (meant)
        rc = err_set(e, ERR_DATA, tr("no plugin '%s', did you mean '%s'? There are: %s"),
                     shown.text ? shown.text : "", meant, list.text);
    else
        rc = err_set(e, ERR_DATA, tr("no plugin '%s'; there are: %s"), shown.text ? shown.text : "",
                     list.text);
    strbuf_dispose(&shown);
    strbuf_dispose(&list);
    arena_free(arena);
    return rc;
}
