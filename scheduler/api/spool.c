/* libmicrohttpd's post processor cuts the body into parts and hands over pieces of their contents;
 * a piece at offset 0 begins a part, except when nothing of the same part has come yet. */
#include "api/spool.h"

#include "base/arena.h"
#include "base/lang.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER_BUFFER = 32 * 1024 };
#define SPOOL_PREFIX "submission-"

struct spool {
    struct MHD_PostProcessor *parser;
    char *dir;
    uint64_t id;
    struct spool_part parts[SPOOL_PARTS_MAX];
    size_t count;
    int fd; /* of the file that is being written, or -1 */
    struct err e;
};

static enum MHD_Result on_piece(void *ctx, enum MHD_ValueKind kind, const char *key,
                                const char *filename, const char *type, const char *encoding,
                                const char *data, uint64_t offset, size_t size);
static int remove_leftovers(const char *dir, struct err *e);

int spool_prepare(const char *dir, struct err *e)
{
    struct stat st;

    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return err_set(e, ERR_IO, "%s: %s", dir, lang_errno(errno));
    if (lstat(dir, &st) != 0)
        return err_set(e, ERR_IO, "%s: %s", dir, lang_errno(errno));
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid())
        return err_set(e, ERR_DENIED, tr("%s is not a folder of ours; remove it"), dir);
    if (chmod(dir, 0700) != 0)
        return err_set(e, ERR_IO, "%s: %s", dir, lang_errno(errno));
    return remove_leftovers(dir, e);
}

struct spool *spool_new(struct MHD_Connection *connection, const char *dir, uint64_t id)
{
    const char *type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type");

    if (!type || strncasecmp(type, "multipart/form-data", strlen("multipart/form-data")) != 0)
        return NULL;
    struct spool *s = xmalloc(sizeof(*s));
    s->dir = xstrdup(dir);
    s->id = id;
    s->fd = -1;
    s->parser = MHD_create_post_processor(connection, HEADER_BUFFER, on_piece, s);
    if (!s->parser) {
        spool_free(s);
        return NULL;
    }
    return s;
}

void spool_free(struct spool *s)
{
    if (!s)
        return;
    if (s->parser)
        MHD_destroy_post_processor(s->parser);
    if (s->fd >= 0)
        close(s->fd);
    for (size_t i = 0; i < s->count; i++) {
        struct spool_part *p = &s->parts[i];
        if (p->path)
            unlink(p->path);
        free(p->key);
        free(p->filename);
        free(p->path);
        free(p->value);
    }
    free(s->dir);
    free(s);
}

void spool_add(struct spool *s, const char *bytes, size_t length)
{
    if (s->e.code == 0 && MHD_post_process(s->parser, bytes, length) != MHD_YES && s->e.code == 0)
        err_set(&s->e, ERR_USAGE, tr("the multipart body is malformed"));
}

int spool_end(struct spool *s, struct err *e)
{
    enum MHD_Result whole = MHD_destroy_post_processor(s->parser);

    s->parser = NULL;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    if (s->e.code == 0 && whole != MHD_YES)
        err_set(&s->e, ERR_USAGE, tr("the multipart body is malformed"));
    *e = s->e;
    return s->e.code;
}

const struct spool_part *spool_file(const struct spool *s, const char *key, const char *filename)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct spool_part *p = &s->parts[i];
        if (p->filename && strcmp(p->key, key) == 0 &&
            (!filename || strcmp(p->filename, filename) == 0))
            return p;
    }
    return NULL;
}

const char *spool_field(const struct spool *s, const char *key)
{
    for (size_t i = 0; i < s->count; i++)
        if (!s->parts[i].filename && strcmp(s->parts[i].key, key) == 0)
            return s->parts[i].value;
    return NULL;
}

const char *spool_other_field(const struct spool *s, const char *const *keys)
{
    for (size_t i = 0; i < s->count; i++) {
        const char *const *key = keys;
        while (*key && strcmp(s->parts[i].key, *key) != 0)
            key++;
        if (!s->parts[i].filename && !*key)
            return s->parts[i].key;
    }
    return NULL;
}

size_t spool_count(const struct spool *s, const char *key)
{
    size_t n = 0;

    for (size_t i = 0; i < s->count; i++)
        n += strcmp(s->parts[i].key, key) == 0;
    return n;
}

static int remove_leftovers(const char *dir, struct err *e)
{
    DIR *d = opendir(dir);
    struct dirent *entry;

    if (!d)
        return err_set(e, ERR_IO, "%s: %s", dir, lang_errno(errno));
    while ((entry = readdir(d)))
        if (strncmp(entry->d_name, SPOOL_PREFIX, strlen(SPOOL_PREFIX)) == 0)
            unlinkat(dirfd(d), entry->d_name, 0);
    closedir(d);
    return 0;
}

static bool is_file_key(const char *key)
{
    return strcmp(key, "campaign") == 0 || strcmp(key, "audience") == 0 ||
           strcmp(key, "attachment") == 0 || strcmp(key, "contacts") == 0;
}

static bool is_field_key(const char *key)
{
    static const char *const keys[] = {"only", "again", "allow_partial", "match",
                                       "from", "seed",  "more_senders",  "rows"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

static int check_part(const struct spool *s, const char *key, const char *filename, struct err *e)
{
    size_t length = filename ? strlen(filename) : 0;

    if (!(filename ? is_file_key(key) : is_field_key(key)))
        return err_set(e, ERR_USAGE, tr("unknown part '%.64s'"), key);
    if (s->count == SPOOL_PARTS_MAX)
        return err_set(e, ERR_USAGE, tr("more than %d parts"), SPOOL_PARTS_MAX);
    if (filename &&
        (length == 0 || length > SPOOL_FIELD_MAX || text_utf8_valid(filename, length) != length))
        return err_set(e, ERR_USAGE, tr("the file name of part '%s' is empty or not UTF-8"), key);
    bool twice = strcmp(key, "attachment") == 0 ? spool_file(s, key, filename) != NULL
                                                : spool_count(s, key) > 0;
    if (twice)
        return err_set(e, ERR_USAGE, tr("part '%s' comes twice"), key);
    return 0;
}

static int begin_part(struct spool *s, const char *key, const char *filename)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    if (check_part(s, key, filename, &s->e))
        return s->e.code;
    struct spool_part *p = &s->parts[s->count++];
    *p = (struct spool_part){.key = xstrdup(key)};
    if (!filename) {
        p->value = xstrdup("");
        return 0;
    }
    size_t size = strlen(s->dir) + 80;
    p->filename = xstrdup(filename);
    p->path = xmalloc(size);
    snprintf(p->path, size, "%s/" SPOOL_PREFIX "%" PRIu64 "-%zu", s->dir, s->id, s->count);
    s->fd = open(p->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->fd < 0)
        return err_set(&s->e, ERR_STORE, tr("cannot keep the submission in %s: %s"), s->dir,
                       lang_errno(errno));
    return 0;
}

static int write_piece(struct spool *s, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(s->fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(&s->e, ERR_STORE, tr("cannot keep the submission in %s: %s"), s->dir,
                           lang_errno(n < 0 ? errno : ENOSPC));
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

static int add_piece(struct spool *s, struct spool_part *p, const char *data, size_t size)
{
    if (p->filename) {
        if (write_piece(s, data, size))
            return s->e.code;
    } else {
        if (p->length + size > SPOOL_FIELD_MAX || memchr(data, '\0', size))
            return err_set(&s->e, ERR_USAGE, tr("the value of part '%s' is too long"), p->key);
        p->value = xrealloc(p->value, (size_t)p->length + size + 1);
        memcpy(p->value + p->length, data, size);
        p->value[p->length + size] = '\0';
    }
    p->length += size;
    return 0;
}

static bool same_part(const struct spool_part *p, const char *key, const char *filename)
{
    if (strcmp(p->key, key) != 0 || !p->filename != !filename)
        return false;
    return !filename || strcmp(p->filename, filename) == 0;
}

static enum MHD_Result on_piece(void *ctx, enum MHD_ValueKind kind, const char *key,
                                const char *filename, const char *type, const char *encoding,
                                const char *data, uint64_t offset, size_t size)
{
    struct spool *s = ctx;
    struct spool_part *last = s->count > 0 ? &s->parts[s->count - 1] : NULL;

    (void)kind, (void)type, (void)encoding;
    if (s->e.code)
        return MHD_NO;
    if (!key) {
        err_set(&s->e, ERR_USAGE, tr("a part of the multipart body has no name"));
        return MHD_NO;
    }
    if (offset == 0 && !(last && last->length == 0 && same_part(last, key, filename))) {
        if (begin_part(s, key, filename))
            return MHD_NO;
        last = &s->parts[s->count - 1];
    }
    if (size > 0 && (!last || add_piece(s, last, data, size)))
        return MHD_NO;
    return MHD_YES;
}
