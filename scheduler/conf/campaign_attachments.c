/* `message: attachments:`. A file is one line; a link and a mini program have keys of their own,
 * and a picture that is a file. */
#include "base/lang.h"
#include "conf/parts.h"
#include "conf/trace.h"

#include <stdlib.h>
#include <string.h>

enum { ATTACHMENTS_MAX = 16, LINE_BYTES_MAX = 2048 };

static bool file_read_one(const struct reader *r, const struct yaml_node *value,
                          struct conf_attachment *a)
{
    a->path = read_line(r, value, a->kind, PATH_BYTES_MAX);
    return a->path != NULL;
}

/* `at`: where it stands, or NULL. */
static const char *line_of(const struct reader *r, const struct yaml_node *node, const char *key,
                           bool required, struct place *at, bool *ok)
{
    const struct yaml_node *value = required ? read_required(r, node, key) : yaml_get(node, key);
    const char *line = value ? read_line(r, value, key, LINE_BYTES_MAX) : NULL;

    if (at && value)
        *at = place_of(value);
    *ok = *ok && (line || (!required && !value));
    return line;
}

/* A browser opens it: an address with a scheme, without spaces. */
static bool url_check(const struct reader *r, const struct yaml_node *node, const char *url)
{
    bool ok =
        (strncmp(url, "https://", 8) == 0 && url[8]) || (strncmp(url, "http://", 7) == 0 && url[7]);

    ok = ok && !strpbrk(url, " \t\"<>");
    if (!ok)
        read_error(r, yaml_get(node, "url"),
                   tr("'url' must be an address with http:// or https://"));
    return ok;
}

/* Its address carries one parameter more. */
static bool trace_check(const struct reader *r, const struct yaml_node *node, const char *url)
{
    if (trace_taken(url))
        read_error(r, yaml_get(node, "url"),
                   tr("'url' has a parameter '%s' already, which 'trace' adds: take one of them "
                      "out"),
                   TRACE_NAME);
    else if (!trace_length(url))
        read_error(r, yaml_get(node, "url"), tr("'url' cannot be read as an address"));
    else
        return true;
    return false;
}

static bool link_read(const struct reader *r, const struct yaml_node *node,
                      struct conf_attachment *a)
{
    const struct yaml_node *trace = yaml_get(node, "trace");
    bool ok = true;

    a->title = line_of(r, node, "title", true, &a->title_at, &ok);
    a->url = line_of(r, node, "url", true, &a->url_at, &ok);
    a->description = line_of(r, node, "description", false, &a->description_at, &ok);
    a->path = line_of(r, node, "picture", false, NULL, &ok);
    ok = ok && url_check(r, node, a->url);
    if (trace)
        ok = read_bool(r, trace, "trace", &a->trace) && ok;
    return ok && (!a->trace || trace_check(r, node, a->url));
}

static bool miniprogram_read(const struct reader *r, const struct yaml_node *node,
                             struct conf_attachment *a)
{
    bool ok = true;

    a->appid = line_of(r, node, "appid", true, NULL, &ok);
    a->title = line_of(r, node, "title", true, &a->title_at, &ok);
    a->page = line_of(r, node, "page", true, NULL, &ok);
    a->path = line_of(r, node, "picture", true, NULL, &ok);
    return ok;
}

static bool attachment_read(const struct reader *r, const struct yaml_node *item,
                            struct conf_attachment *a)
{
    static const struct {
        const char *name;
        bool (*read)(const struct reader *r, const struct yaml_node *value,
                     struct conf_attachment *a);
    } kinds[] = {{"image", file_read_one},
                 {"video", file_read_one},
                 {"file", file_read_one},
                 {"link", link_read},
                 {"miniprogram", miniprogram_read}};

    if (item->kind != YAML_MAP || item->count == 0) {
        read_error(r, item, tr("an attachment is a mapping such as 'image: FILE'"));
        return false;
    }
    if (!r->stored && item->count > 1) {
        read_error(r, item->items[1]->key, tr("an attachment has exactly one kind"));
        return false;
    }
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        const struct yaml_node *value = yaml_get(item, kinds[k].name);
        if (!value)
            continue;
        *a = (struct conf_attachment){.kind = kinds[k].name, .at = place_of(value)};
        if (k >= 3 && !read_map(r, value, a->kind))
            return false;
        return kinds[k].read(r, value, a);
    }
    return false; /* an unknown kind has its error already */
}

void message_attachments_read(const struct reader *r, const struct yaml_node *node,
                              struct campaign *c)
{
    if (!read_list_or_none(r, node, "attachments", ATTACHMENTS_MAX))
        return;
    struct conf_attachment *list = arena_array(r->arena, node->count, sizeof *list);
    for (size_t i = 0; i < node->count; i++)
        c->attachment_count += attachment_read(r, node->items[i], &list[c->attachment_count]);
    c->attachments = list;
}

void attachment_words(struct strbuf *out, const struct conf_attachment *a)
{
    char *traced = a->trace ? trace_url(a->url, "…") : NULL;

    if (strcmp(a->kind, "link") == 0)
        strbuf_printf(out, "%s <%s>", a->title, traced ? traced : a->url);
    else if (strcmp(a->kind, "miniprogram") == 0)
        strbuf_printf(out, "%s (%s %s)", a->title, a->appid, a->page);
    else
        strbuf_puts(out, a->path);
    free(traced);
}
