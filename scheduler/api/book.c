#include "api/book.h"

#include "base/arena.h"
#include "base/lang.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIXED = 5 }; /* columns */

struct book {
    const struct book_choice *choice;
    FILE *to;
    struct arena *arena;
    const char **names; /* of attributes: columns */
    size_t count, capacity;
};

static void put_field(const struct book *b, const char *value, char end)
{
    putc('"', b->to);
    for (const char *c = value; *c; c++) {
        if (*c == '"')
            putc('"', b->to);
        putc(*c, b->to);
    }
    putc('"', b->to);
    putc(end, b->to);
}

static int add_name(void *ctx, const char *name)
{
    struct book *b = ctx;

    b->names = xgrow(b->names, &b->capacity, b->count + 1, sizeof(*b->names));
    b->names[b->count++] = arena_strdup(b->arena, name);
    return 0;
}

static void put_head(const struct book *b)
{
    static const char *const fixed[FIXED] = {"recipient", "name", "sender", "timezone", "tags"};

    for (size_t i = 0; i < FIXED + b->count; i++)
        put_field(b, i < FIXED ? fixed[i] : b->names[i - FIXED],
                  i + 1 < FIXED + b->count ? ',' : '\n');
}

static int put_contact(void *ctx, const struct store_contact *x)
{
    const struct book *b = ctx;

    if (b->choice->name && fnmatch(b->choice->name, x->name, 0) != 0)
        return 0;
    const char *const fixed[FIXED] = {x->recipient, x->name, x->sender, x->timezone, x->tags};
    json_t *attributes = json_loads(x->attributes, 0, NULL);

    for (size_t i = 0; i < FIXED + b->count; i++) {
        const char *value =
            i < FIXED ? fixed[i]
                      : json_string_value(json_object_get(attributes, b->names[i - FIXED]));
        put_field(b, value ? value : "", i + 1 < FIXED + b->count ? ',' : '\n');
    }
    json_decref(attributes);
    return 0;
}

static int write_all(struct book *b, struct store *s, const char *dir, struct err *e)
{
    const struct book_choice *c = b->choice;
    int64_t last;
    bool more;
    int rc = store_contact_names(s, add_name, b, e);

    if (rc)
        return rc;
    put_head(b);
    rc = c->account ? store_relations(s, c->account, c->groups ? RELATION_GROUP : RELATION_CUSTOMER,
                                      &c->of, put_contact, b, e)
                    : store_contacts(s, 0, SIZE_MAX, put_contact, b, &last, &more, e);
    if (rc == 0 && (fflush(b->to) != 0 || ferror(b->to)))
        rc =
            err_set(e, ERR_STORE, tr("cannot keep the submission in %s: %s"), dir, strerror(errno));
    return rc;
}

int book_write(char **path, struct store *s, const struct book_choice *choice, const char *dir,
               struct err *e)
{
    size_t size = strlen(dir) + 40;
    struct book b = {.choice = choice, .arena = arena_new()};

    *path = xmalloc(size);
    /* named like the parts of a submission: removed at the next start */
    snprintf(*path, size, "%s/submission-contacts-XXXXXX", dir);
    int fd = mkostemp(*path, O_CLOEXEC);
    b.to = fd < 0 ? NULL : fdopen(fd, "w");
    int rc = b.to ? write_all(&b, s, dir, e)
                  : err_set(e, ERR_STORE, tr("cannot keep the submission in %s: %s"), dir,
                            strerror(errno));
    if (b.to)
        fclose(b.to);
    if (rc) {
        if (fd >= 0)
            unlink(*path);
        free(*path);
        *path = NULL;
    }
    free(b.names);
    arena_free(b.arena);
    return rc;
}
