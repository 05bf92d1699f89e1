/* Secrets come from files that nobody else can read, from the environment, or from systemd; a value
 * written into the YAML itself is refused, and never repeated in the error. */
#include "base/arena.h"
#include "base/lang.h"
#include "base/strbuf.h"
#include "conf/file.h"
#include "conf/keys.h"
#include "conf/reader.h"
#include "conf/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECRET_BYTES_MAX = 4096 };

extern char **environ;
static char **kept; /* NULL: the process's own environment */

static const char *environment_get(const char *name);
static char *from_file(const struct reader *r, const struct yaml_node *node, const char *dir);
static char *from_env(const struct reader *r, const struct yaml_node *node);
static char *from_credential(const struct reader *r, const struct yaml_node *node);
static char *path_read(const struct reader *r, const struct yaml_node *node, const char *path,
                       bool strict);
static char *secret_check(const struct reader *r, const struct yaml_node *node, char *secret,
                          size_t length);

char *secret_read(const struct yaml_node *node, const char *file, const char *dir,
                  struct diags *diags)
{
    struct arena *arena = arena_new();
    struct reader r = {.arena = arena, .file = file, .diags = diags};
    size_t errors = diags->errors;
    char *secret = NULL;

    if (node->kind == YAML_MAP)
        keys_check(&r, node, secret_keys);
    if (node->kind != YAML_MAP || (node->count != 1 && diags->errors == errors)) {
        read_error(&r, node,
                   tr("a secret is written as {file: PATH}, {env: NAME} or {credential: NAME}"));
    } else if (diags->errors == errors) {
        const struct yaml_node *from = node->items[0];

        if (strcmp(from->key->text, "file") == 0)
            secret = from_file(&r, from, dir);
        else if (strcmp(from->key->text, "env") == 0)
            secret = from_env(&r, from);
        else
            secret = from_credential(&r, from);
    }
    arena_free(arena);
    return secret;
}

static char *from_file(const struct reader *r, const struct yaml_node *node, const char *dir)
{
    const char *name = read_line(r, node, "file", PATH_BYTES_MAX);

    if (!name)
        return NULL;
    char *path = file_join(dir, name);
    char *secret = path_read(r, node, path, true);
    free(path);
    return secret;
}

void secret_environment_keep(void)
{
    size_t count = 0;

    secret_environment_drop();
    while (environ && environ[count])
        count++;
    kept = xmalloc((count + 1) * sizeof *kept);
    for (size_t i = 0; i < count; i++)
        kept[i] = xstrdup(environ[i]);
}

void secret_environment_drop(void)
{
    for (char **e = kept; e && *e; e++) {
        explicit_bzero(*e, strlen(*e));
        free(*e);
    }
    free(kept);
    kept = NULL;
}

static const char *environment_get(const char *name)
{
    size_t length = strlen(name);

    if (!kept)
        return getenv(name);
    for (char **e = kept; *e; e++)
        if (strncmp(*e, name, length) == 0 && (*e)[length] == '=')
            return *e + length + 1;
    return NULL;
}

static char *from_env(const struct reader *r, const struct yaml_node *node)
{
    const char *name = read_line(r, node, "env", 256);
    const char *value = name ? environment_get(name) : NULL;

    if (!name)
        return NULL;
    if (!value || !*value) {
        read_error(r, node, tr("the environment has no '%s'"), name);
        return NULL;
    }
    return secret_check(r, node, xstrdup(value), strlen(value));
}

/* systemd gives these files to the service alone, by an ACL that looks like a group bit. */
static char *from_credential(const struct reader *r, const struct yaml_node *node)
{
    const char *name = read_line(r, node, "credential", 256);
    const char *dir = environment_get("CREDENTIALS_DIRECTORY");

    if (!name)
        return NULL;
    if (strchr(name, '/') || name[0] == '.') {
        read_error(r, node, tr("'credential' is a name, not a path"));
        return NULL;
    }
    if (!dir || !*dir) {
        read_error(r, node,
                   tr("no CREDENTIALS_DIRECTORY: systemd gives credentials to services "
                      "with LoadCredential="));
        return NULL;
    }
    char *path = file_join(dir, name);
    char *secret = path_read(r, node, path, false);
    free(path);
    return secret;
}

/* Links may lead anywhere; what counts is whose the opened file is and who may read it. */
static char *path_read(const struct reader *r, const struct yaml_node *node, const char *path,
                       bool strict)
{
    struct err e;
    struct stat st;
    int fd;

    if (file_open(&fd, &st, path, &e)) {
        read_error(r, node, "%s", e.text);
        return NULL;
    }
    char *buffer = xmalloc(SECRET_BYTES_MAX + 2);
    size_t length = 0;
    ssize_t n = 0;
    if (st.st_uid != geteuid() && st.st_uid != 0) {
        read_error(r, node, tr("%s belongs to another user"), path);
    } else if ((st.st_mode & (strict ? 077 : 07)) != 0) {
        read_error(r, node, tr("%s can be read or changed by others: chmod 600 %s"), path, path);
    } else {
        do {
            n = read(fd, buffer + length, SECRET_BYTES_MAX + 1 - length);
            length += n > 0 ? (size_t)n : 0;
        } while (n > 0 || (n < 0 && errno == EINTR));
        if (n < 0)
            read_error(r, node, "%s: %s", path, lang_errno(errno));
        close(fd);
        if (n == 0)
            return secret_check(r, node, buffer, length);
        explicit_bzero(buffer, SECRET_BYTES_MAX + 2);
        free(buffer);
        return NULL;
    }
    close(fd);
    free(buffer);
    return NULL;
}

/* Takes `secret`: one line, a trailing newline cut. */
static char *secret_check(const struct reader *r, const struct yaml_node *node, char *secret,
                          size_t length)
{
    const char *problem = NULL;

    if (length > SECRET_BYTES_MAX)
        problem = tr("a secret is at most 4 KiB");
    if (length > 0 && secret[length - 1] == '\n')
        length--;
    if (length > 0 && secret[length - 1] == '\r')
        length--;
    secret[length] = '\0';
    if (!problem && length == 0)
        problem = tr("the secret is empty");
    for (size_t i = 0; i < length && !problem; i++) {
        if ((unsigned char)secret[i] < 0x20 || secret[i] == 0x7f)
            problem = tr("a secret is one line without control characters");
    }
    if (!problem)
        return secret;
    read_error(r, node, "%s", problem);
    explicit_bzero(secret, length);
    free(secret);
    return NULL;
}
